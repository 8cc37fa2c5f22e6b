"""Hold what is remembered per market and per desk, and note what a bot could not do.

A row is the one mutable thing: per plan a class with one slot per value read or said, one per state. Every value in it
is frozen. A snapshot of a memory is the dictionary of its slots; the class is made again from the plan.
"""

from typing import Any

from bots.kit import Book, Slot
from contracts.envelope import Row
from contracts.intent import BotNote
from contracts.market import ClockTick
from operators.plan import Node, Plan

SECOND_NS, IDLE_S = 1_000_000_000, 60


def row_class(plan: Plan, desk_wide: bool) -> type:
    """Make the class of a plan's market rows, or of its desk row."""
    slots = plan.desk_slots if desk_wide else plan.row_slots
    per = "desk" if desk_wide else "market"
    fields = [slot.field for slot in slots]
    fields += [f"t_{slot.field}" for slot in slots if slot in plan.timed]
    for _, bot, rank, _, _ in plan.bots:
        if bot.per == per:
            fields += [f"n{rank}"] + ([f"s{rank}"] if bot.state is not None else [])
    own = ["silent", "market"] + ([] if desk_wide else ["book", "book_at", "usable"])
    return type("DeskRow" if desk_wide else "MarketRow", (), {"__slots__": (*own, *dict.fromkeys(fields))})


def new_row(cls: type, plan: Plan, desk_wide: bool, market: int = -1) -> Any:
    """Make a row at its birth: every value None, every state its defaults, an empty book that is not live."""
    row: Any = cls()
    for name in row.__slots__:
        setattr(row, name, 0 if name.startswith("t_") else None)
    row.silent, row.market = 0, market
    if not desk_wide:
        row.book, row.book_at, row.usable = Book(1), 0, False
    for _, bot, rank, _, _ in plan.bots:
        if bot.state is not None and bot.per == ("desk" if desk_wide else "market"):
            setattr(row, f"s{rank}", bot.state())
    return row


def slots_of(row: Any) -> dict[str, Any]:
    """Return the values of a row by name."""
    return {name: getattr(row, name) for name in row.__slots__}


def filled(cls: type, values: dict[str, Any]) -> Any:
    """Make a row of a class from values by name."""
    row: Any = cls()
    for name, value in values.items():
        setattr(row, name, value)
    return row


def awake(rows: list[Any], slot: Slot, value: Any) -> list[Any]:
    """Return the defined markets that hear a value of the desk: all; of a second, one in sixty of those without a book.

    Nothing can rest where no book was ever heard, so what a second changes there may be said within a minute. It keeps
    twelve thousand markets that are only quoted from costing 4 µs each at every second.
    """
    if slot.type is not ClockTick:
        return [row for row in rows if row.MarketDefinition is not None]
    turn = value.at_ns // SECOND_NS % IDLE_S
    return [r for r in rows if r.MarketDefinition is not None and (r.book_at or r.market % IDLE_S == turn)]


def note(M: Any, row: Any, owner: Any, node: Node, said: BotNote, cause: int, now: int, offset: int) -> None:
    """Seal a bot's note when it differs from its last one."""
    field = f"n{node.rank}"
    if said != getattr(owner, field):
        setattr(owner, field, said)
        M.out.append(Row(cause, node.rank, len(M.out) - M.base, now, row.market, said))
        M.offsets.append(offset)


def miss(M: Any, row: Any, node: Node, what: str, cause: int, now: int, offset: int) -> None:
    """Mark, once per change, that a required reading is missing or stale; the bot stays silent."""
    bit = (1 if what == "INPUT_MISSING" else 2) << 2 * node.rank
    if not row.silent & bit:
        row.silent = row.silent & ~(3 << 2 * node.rank) | bit
        said = BotNote(f"{node.layer}_{what}")
        M.out.append(Row(cause, node.rank, len(M.out) - M.base, now, row.market, said))
        M.offsets.append(offset)


def fault(M: Any, row: Any, node: Node, err: Exception, cause: int, now: int, offset: int) -> None:
    """Seal a fault; what the bot said before is withdrawn, so that its readers fail closed."""
    M.faults.append((node.bot_id, f"{type(err).__name__}: {err}"))
    del M.faults[:-FAULTS_KEPT]
    if node.step.form != "vote":
        for slot in node.step.says:
            target = M.desk if M.plan.is_desk_wide(slot) else row
            if hasattr(target, slot.field):
                setattr(target, slot.field, None)
    M.out.append(Row(cause, node.rank, len(M.out) - M.base, now, row.market, BotNote(f"{node.layer}_BOT_FAULT")))
    M.offsets.append(offset)


FAULTS_KEPT = 100
