"""Compile a library of bots into a plan: who runs when, on what, in which order.

The order of work comes from the data. A bot runs when its trigger appears; a bot that reads what another says runs
after it; ties go by row. What a desk hears back of itself (own orders, positions, safety) is read as it was before the
trigger, so it makes no edge. Cycles, readings that nobody produces, a class that says what it may not, and a desk
without a guard are errors here, before anything runs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from bots.kit import Book, Bot, BotConfig, Cause, ConfirmedAt, DeskContext, Read, Slot, Step
from bots.registry import Library
from contracts import control, intent, market, order, signal, venue
from contracts.base import Refused
from contracts.envelope import ReportEnvelope

GATE_RANK, AUTHORISE_RANK, VENUE_RANK, SETTLE_RANK, DESK_RANK, OPERATOR_RANK = 200, 201, 202, 203, 204, 205
STRANDS_RANK = 206
UNCOUNTED = frozenset({"shadow", "advisory"})
TWIN_RANK = 199
"""Of a guard that votes a second time, set otherwise, to see what it would have said (flows/shadow.py)."""
MECHANISMS: dict[int, str] = {
    GATE_RANK: "operators.gate",
    AUTHORISE_RANK: "operators.authorise",
    VENUE_RANK: "operators.paper_venue",
    SETTLE_RANK: "operators.settlement",
    DESK_RANK: "operators.desk",
    OPERATOR_RANK: "operator",
    STRANDS_RANK: "operators.strands",
}
VIEWS = frozenset({Book, ConfirmedAt, Cause})
DESK_WIDE = frozenset(
    {
        DeskContext,
        order.Account,
        control.SafetyState,
        control.DeskConfigured,
        control.ControlCommand,
        control.PolicyBundle,
        market.ClockTick,
        market.CalendarEvent,
        order.AccountSnapshot,
        venue.VenueHealthSample,
        venue.ChainSnapshot,
        ReportEnvelope,
    }
)
FEEDBACK = frozenset(
    {
        order.OwnOrders,
        order.PositionState,
        order.Account,
        order.OrderUpdate,
        order.Fill,
        order.VenueOrderEvent,
        order.AuthorisedOrder,
        market.Settlement,
        control.SafetyState,
        control.IncidentReport,
    }
)
ESTIMATES = frozenset({Slot(signal.SignalReport, "cost"), Slot(signal.SignalReport, "fill_probability")})
KEPT = frozenset({Slot(order.OwnOrders), Slot(order.Account)}) | ESTIMATES
"""Remembered and not sealed: a fold of sealed updates, or an estimate that the plan repeats with its reason."""
STAGED = frozenset({intent.OrderIntent, intent.ApprovedIntent, order.ExecutionPlan, order.AuthorisedOrder})
BOOK_ROOTS = frozenset(
    {market.Touch, market.BookEvent, market.BookLadder, market.VenueBookDelta, market.VenueBookImage}
)
FACTS: tuple[type, ...] = (
    market.VenueBookDelta,
    market.VenueBookImage,
    market.VenueTrade,
    market.VenueTicker,
    market.VenueMarkUpdate,
    market.VenueStatus,
    market.VenueInstrumentRecord,
    market.VenueConnection,
    market.OracleEvent,
    market.CalendarEvent,
    market.ClockTick,
    venue.VenueHealthSample,
    venue.ChainSnapshot,
)
INNER: tuple[type, ...] = (market.Touch, market.BookEvent, market.BookLadder)


class Node(NamedTuple):
    """One step of one bot at its place in the plan."""

    rank: int
    bot_id: str
    number: int
    step: Step
    config: BotConfig
    mode: str
    per: str

    @property
    def key(self) -> str:
        """A short identifier, used in generated code."""
        return f"{self.rank}_{self.number}"

    @property
    def layer(self) -> str:
        """The bot's layer in capitals, as reason codes begin."""
        return self.bot_id.partition(".")[0].upper()


@dataclass(frozen=True)
class Plan:
    """Everything an engine needs to know, in the order in which it needs it."""

    where: str
    nodes: tuple[Node, ...]
    gates: tuple[Node, ...]
    refiners: tuple[Node, ...]
    presign: tuple[Node, ...]
    bots: tuple[tuple[str, Bot, int, BotConfig, str], ...]
    row_slots: tuple[Slot, ...]
    desk_slots: tuple[Slot, ...]
    timed: frozenset[Slot]
    book_rooted: frozenset[Slot]
    required_gates: tuple[str, ...]
    required_presign: tuple[str, ...]
    gates_digest: str
    skips: frozenset[str]
    hash: str = field(default="", compare=False)

    def triggered_by(self, slot: Slot) -> tuple[Node, ...]:
        """Return the nodes that a slot triggers, in order; the stages of a desk are not among them."""
        return tuple(node for node in self.nodes if slot in node.step.on)

    def is_desk_wide(self, slot: Slot) -> bool:
        """True when one value serves all markets."""
        return slot.type in DESK_WIDE


class Choice(NamedTuple):
    """A bot to be compiled: its id, its declaration, its configuration and its mode."""

    bot_id: str
    bot: Bot
    config: BotConfig
    mode: str


def compile_plan(
    library: Library,
    where: str,
    choices: Sequence[Choice],
    upstream: Sequence[Choice] = (),
    required_gates: Sequence[str] = (),
    required_presign: Sequence[str] = (),
    twin: Choice | None = None,
) -> Plan:
    """Return the plan of a lane or desk; `upstream` are the lane bots whose signals a desk hears. Raises Refused.

    A `twin` is a guard that runs right after its own kind, in shadow: what it says is sealed and has no effect.
    """
    twins = [] if twin is None else [node._replace(rank=TWIN_RANK) for node in _nodes(library, [twin])]
    nodes = sorted([*_nodes(library, choices), *twins], key=lambda node: library.by_id[node.bot_id].rank)
    made = _producers(nodes)
    _check_authority(library, choices)
    _check_readings(nodes, made, _producers(_nodes(library, upstream)), where)
    gates, presign = _gates(library, nodes, required_gates, required_presign) if where == "desk" else ((), ())
    votes = {node.key for node in nodes if node.step.form == "vote"}
    ordered = tuple(node for node in _ordered(nodes, made) if node.key not in votes)
    plan_slot = Slot(order.ExecutionPlan)
    slots = _slots(nodes, made)
    rooted = _book_rooted([*nodes, *_nodes(library, upstream)])
    timed = frozenset(r.slot for n in nodes for r in n.step.reads if r.within_ns and r.slot not in rooted)
    required = [*required_gates, *required_presign]
    digest = sha256("|".join([*required, *(f"{c.bot_id}={c.mode}" for c in choices)]).encode()).hexdigest()[:16]
    return Plan(
        where=where,
        nodes=tuple(node for node in ordered if plan_slot not in node.step.on),
        gates=gates,
        refiners=tuple(node for node in ordered if plan_slot in node.step.on and node.mode not in UNCOUNTED),
        presign=presign,
        bots=(
            *((c.bot_id, c.bot, library.by_id[c.bot_id].rank, c.config, c.mode) for c in choices),
            *(((twin.bot_id, twin.bot, TWIN_RANK, twin.config, twin.mode),) if twin is not None else ()),
        ),
        row_slots=tuple(slot for slot in slots if slot.type not in DESK_WIDE),
        desk_slots=tuple(slot for slot in slots if slot.type in DESK_WIDE),
        timed=timed,
        book_rooted=rooted,
        required_gates=tuple(required_gates),
        required_presign=tuple(required_presign),
        gates_digest=digest,
        skips=library.reduce_only_skips,
    )


def _nodes(library: Library, choices: Iterable[Choice]) -> list[Node]:
    return [
        Node(library.by_id[c.bot_id].rank, c.bot_id, number, step, c.config, c.mode, c.bot.per)
        for c in sorted(choices, key=lambda c: library.by_id[c.bot_id].rank)
        if c.mode != "off"
        for number, step in enumerate(c.bot.steps)
    ]


def _producers(nodes: Iterable[Node]) -> dict[Slot, list[Node]]:
    made: dict[Slot, list[Node]] = {}
    for node in nodes:
        for slot in node.step.says if node.step.form != "vote" else ():
            made.setdefault(slot, []).append(node)
    return made


def _check_authority(library: Library, choices: Iterable[Choice]) -> None:
    """A class may say only what the table of classes allows, and what belongs to its own book-keeping."""
    kept = {"OwnOrders", "BookQuality", "GuardReport"}
    for choice in choices:
        row = library.by_id[choice.bot_id]
        allowed = {*library.may_emit[row.class_], *kept}
        said = {slot.type.__name__ for step in choice.bot.steps for slot in step.says}
        said |= {"RiskVote"} if any(step.form == "vote" for step in choice.bot.steps) else set()
        if said - allowed:
            raise Refused(f"{choice.bot_id}: a {row.class_} may not say {', '.join(sorted(said - allowed))}")


def _check_readings(
    nodes: list[Node], made: Mapping[Slot, object], upstream: Mapping[Slot, object], where: str
) -> None:
    given = {*FACTS, *INNER} if where == "lane" else {*FACTS, control.DeskConfigured, control.ControlCommand}
    given |= {
        *VIEWS,
        *STAGED,
        DeskContext,
        control.PolicyBundle,
        order.Account,
        order.VenueOrderEvent,
        market.Settlement,
    }
    for node in nodes:
        for read in node.step.reads:
            if not read.optional and not _known(read.slot, made, upstream, given):
                raise Refused(f"{node.bot_id}: nobody produces {read.slot.field}, which it must read")


def _known(slot: Slot, made: Mapping[Slot, object], upstream: Mapping[Slot, object], given: set[type]) -> bool:
    return slot in made or slot in upstream or (not slot.name and slot.type in given)


def _gates(
    library: Library, nodes: list[Node], required: Sequence[str], required_presign: Sequence[str]
) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """Return the guards on intents and those on plans, in the library's order."""
    intents, plans = Slot(intent.OrderIntent), Slot(order.ExecutionPlan)
    gates = _guards(nodes, intents, library.intent_gates, required, "required_gates: {!r} is not an intent gate")
    presign = _guards(nodes, plans, library.presign_gates, required_presign, "presign_gates: {!r} is no pre-sign gate")
    if not required or not any(gate.mode in ("enforced", "quarantine") for gate in gates):
        raise Refused("required_gates: a desk without an enforced guard would approve anything and is refused")
    return gates, presign


def _guards(
    nodes: list[Node], subject: Slot, order_of: Sequence[str], required: Sequence[str], unknown: str
) -> tuple[Node, ...]:
    every = [node for node in nodes if node.step.form == "vote" and subject in node.step.on]
    voters = {node.bot_id: node for node in every if node.rank != TWIN_RANK}
    for gate in required:
        if gate not in order_of:
            raise Refused(f"{unknown.format(gate)}; allowed: {', '.join(order_of)}")
        if gate not in voters:
            raise Refused(f"required_gates: {gate!r} is required but pending or off")
        if voters[gate].mode not in ("enforced", "quarantine"):
            raise Refused(f"required_gates: {gate!r} is required but its mode is {voters[gate].mode!r}")
    own = tuple(voters[gate] for gate in order_of if gate in voters)
    return (*own, *(node for node in every if node.rank == TWIN_RANK))


def _depends(node: Node) -> list[Slot]:
    """What must have been said before a step runs: what triggers it, and what it reads, save what is read as before."""
    reads = [read.slot for read in node.step.reads if read.slot.type not in FEEDBACK]
    return [slot for slot in (*node.step.on, *reads) if slot.type not in STAGED]


def _ordered(nodes: list[Node], made: Mapping[Slot, list[Node]]) -> list[Node]:
    """Topological order over what is said and read, ties by row; raises Refused naming a cycle."""
    done: dict[str, Node] = {}

    def visit(node: Node, path: tuple[str, ...]) -> None:
        if node.key in done:
            return
        if node.bot_id in path:
            raise Refused(f"plan: cycle {' -> '.join([*path, node.bot_id])}")
        for slot in _depends(node):
            for producer in made.get(slot, ()):
                if producer.bot_id != node.bot_id:
                    visit(producer, (*path, node.bot_id))
        done[node.key] = node

    for node in nodes:
        visit(node, ())
    return list(done.values())


def _slots(nodes: list[Node], made: Mapping[Slot, object]) -> tuple[Slot, ...]:
    reads = {read.slot: None for node in nodes for read in node.step.reads}
    slots = dict.fromkeys([*reads, *made])
    slots |= {Slot(market.MarketDefinition): None, Slot(order.PositionState): None}
    return tuple(slot for slot in slots if slot.type not in VIEWS and slot.type not in STAGED)


def _book_rooted(nodes: Sequence[Node]) -> frozenset[Slot]:
    """Slots whose truth rests on the book: their age is the age of the book's last confirmation."""
    rooted = {Slot(kind) for kind in BOOK_ROOTS}
    grown = True
    while grown:
        grown = False
        for node in nodes:
            if any(slot in rooted for slot in node.step.on):
                fresh = [slot for slot in node.step.says if slot not in rooted]
                rooted.update(fresh)
                grown = grown or bool(fresh)
    return frozenset(rooted)


def missing(reads: Iterable[Read]) -> tuple[Read, ...]:
    """Return the readings without which a step cannot run."""
    return tuple(read for read in reads if not read.optional and read.slot.type not in VIEWS)
