"""Spell the parts that generated functions are made of: where a value is kept, how a step is called, what is sealed."""

from bots.kit import Book, Cause, ConfirmedAt, Read, Slot
from operators.plan import Node, Plan, missing

INDENT = "    "


class Text:
    """Lines of source with their indentation."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.lines: list[str] = []

    def __call__(self, depth: int, line: str) -> None:
        """Add a line."""
        self.lines.append(INDENT * depth + line)


def place(plan: Plan, slot: Slot) -> str:
    """Return the expression of the place where a slot's newest value is kept."""
    return f"desk.{slot.field}" if plan.is_desk_wide(slot) else f"row.{slot.field}"


def is_kept(plan: Plan, slot: Slot) -> bool:
    """True when somebody reads a slot's newest value."""
    return slot in plan.row_slots or slot in plan.desk_slots


def reading(plan: Plan, read: Read) -> str:
    """Return the expression of a reading; an optional one that is too old reads as None."""
    kind = read.slot.type
    if kind is Book:
        return "row.book"
    if kind is ConfirmedAt:
        return "row.book_at"
    if kind is Cause:
        return "cause"
    kept = place(plan, read.slot) if is_kept(plan, read.slot) else "None"
    if read.optional and read.within_ns and kept != "None":
        return f"({kept} if now - {_age_of(plan, read)} <= {read.within_ns} else None)"
    return kept


def _age_of(plan: Plan, read: Read) -> str:
    if read.slot in plan.book_rooted:
        return "row.book_at"
    return f"{'desk' if plan.is_desk_wide(read.slot) else 'row'}.t_{read.slot.field}"


def arguments(plan: Plan, node: Node, trigger: str) -> str:
    """Return the arguments that a step is called with."""
    owner = "desk" if node.per == "desk" else "row"
    parts = [f"c{node.key}"] + ([f"{owner}.s{node.rank}"] if node.step.stateful else [])
    return ", ".join([*parts, trigger, *(reading(plan, read) for read in node.step.reads), "now"])


def blind(plan: Plan, node: Node) -> tuple[str, str]:
    """Return the conditions under which a required reading is missing, and under which one is too old."""
    reads = missing(node.step.reads)
    absent = [f"{reading(plan, read)} is None" for read in reads]
    old = [f"now - {_age_of(plan, read)} > {read.within_ns}" for read in reads if read.within_ns]
    return " or ".join(dict.fromkeys(absent)), " or ".join(dict.fromkeys(old))


def say(rank: int, value: str) -> str:
    """Return the statements that seal a value."""
    return f"out.append(Row(cause, {rank}, len(out) - M.base, now, row.market, {value})); M.offsets.append(offset)"


def counts(node: Node) -> bool:
    """True when what a step says has an effect."""
    return node.mode not in ("shadow", "advisory")
