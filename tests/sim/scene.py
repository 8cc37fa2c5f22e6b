"""Follow what a desk heard and said, as somebody would who has only the envelopes and knows the rules.

Nothing here is taken from the engine or a bot: books' ages, what is held, what rests, what safety allows are kept anew
from the entries and the statements, in the plainest way. The rules (`rules.py`) compare.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import msgspec

from contracts.control import ConfigApplied, ControlCommand, DeskConfigured, IncidentReport, PolicyBundle, SafetyState
from contracts.envelope import Row
from contracts.ids import CLOCK_SOURCE, POSITION_BITS, POSITION_SHIFT, SOURCE_SHIFT
from contracts.intent import WITHDRAW, OrderIntent, RiskDecision
from contracts.market import (
    BookQuality,
    ClockTick,
    Fact,
    MarketDefinition,
    Settlement,
    VenueBookDelta,
    VenueBookImage,
    VenueStatus,
)
from contracts.order import LIVE_STATES, AuthorisedOrder, Fill, OrderUpdate, PositionState

MODES = ("NORMAL", "DEGRADED", "SAFE", "EMERGENCY_STOP")
LEVELS = ("ALLOW", "CLOSE_ONLY", "FLATTEN", "BLOCK")
WORDS = {"halt_all": "EMERGENCY_STOP", "kill": "EMERGENCY_STOP", "raise_safety": "SAFE"}
MILLION, SECOND_NS = 1_000_000, 1_000_000_000
GATE = "risk.kill_switch"


@dataclass(slots=True)
class Book:
    """What is known of one market's book, and of the market."""

    definition: MarketDefinition | None = None
    status: int = 0
    expiry_ns: int = 0
    confirmed_ns: int = 0
    source: int = -1
    quality: BookQuality | None = None


@dataclass(slots=True)
class Held:
    """What is held in one market, by our own sums: signed lots, money paid less money received, fees."""

    lots: int = 0
    paid: int = 0
    fees: int = 0


@dataclass(slots=True)
class Order:
    """One order: what left, what the desk says of it, what was filled, what it should have cost at least."""

    child: Any
    intent_id: str
    state: str = ""
    filled: int = 0
    fills: int = 0
    fees: int = 0
    owed: Fraction = Fraction(0)

    @property
    def open_lots(self) -> int:
        """What may still be filled."""
        return self.child.size_lots - self.filled if self.state in LIVE_STATES else 0


@dataclass(slots=True)
class Safety:
    """The least that must hold, by what was commanded and what was said."""

    mode: int = 0
    level: int = 0
    engaged: bool = False
    tripped_ns: int = 0
    challenges: set[str] = field(default_factory=set)
    applied: set[str] = field(default_factory=set)
    may_loosen: bool = False


class Scene:
    """Everything that the rules may ask for."""

    def __init__(self, doubts: dict[str, list[tuple[int, int]]]) -> None:
        """Begin before the birth; `doubts` is what the world knows of lost messages."""
        self.doubts = doubts
        self.now = 0
        self.desk: DeskConfigured | None = None
        self.configs: dict[str, Any] = {}
        self.books: dict[int, Book] = {}
        self.indices: dict[str, int] = {}
        self.intents: dict[str, OrderIntent] = {}
        self.decisions: dict[str, RiskDecision] = {}
        self.orders: dict[str, Order] = {}
        self.trades: set[str] = set()
        self.held: dict[str, Held] = {}
        self.said: dict[str, PositionState] = {}
        self.safety = Safety()
        self.state: SafetyState | None = None
        self.denied: frozenset[str] = frozenset()
        self.losses: set[str] = set()
        self.day_halted = -1
        self.leaving: dict[str, set[str]] = {}
        self.silent: set[int] = set()
        self.places: dict[int, int] = {}
        self.heard_ns: dict[int, int] = {}

    # ---- what was heard --------------------------------------------------------------------------------------------

    def hear(self, entry: Fact | Row) -> None:
        """Take in one entry of the journal."""
        self.now = max(self.now, entry.at_ns)
        if self.state is not None:  # what we would have loosened and the desk did not holds on
            self.safety.mode = max(self.safety.mode, MODES.index(self.state.mode))
        if type(entry) is Row:
            self._row(entry)
            return
        source = entry.fact >> SOURCE_SHIFT
        if source != CLOCK_SOURCE:
            self.places[source] = entry.fact >> POSITION_SHIFT & (1 << POSITION_BITS) - 1
            self.heard_ns[source] = self.now
            self.silent.clear()
        kind = type(entry)
        if kind is ClockTick:
            self._tick(entry)
        elif entry.market >= 0:
            book = self.book(entry.market)
            book.source = source
            if kind is VenueBookDelta or kind is VenueBookImage:
                book.confirmed_ns = self.now
            elif kind is VenueStatus:
                book.status = entry.status if entry.status >= 0 else book.status
                book.expiry_ns = entry.expiry_ns or book.expiry_ns

    def book(self, market: int) -> Book:
        """Return what is known of a market."""
        return self.books.setdefault(market, Book())

    def _row(self, row: Row) -> None:
        said = row.payload
        kind = type(said)
        if kind is BookQuality:
            self.book(row.market).quality = said
        elif kind is MarketDefinition:
            book = self.book(row.market)
            book.definition, book.status, book.expiry_ns = said, said.status, said.expiry_ns
            self.indices[said.market_id] = row.market
        elif kind is DeskConfigured:
            self.desk = self.desk or said
            self.tighten(MODES.index(said.boot_mode) if said.boot_mode in MODES else 2, 0)
        elif kind is ConfigApplied:
            self.configs[said.bot_id] = msgspec.json.decode(said.values)
        elif kind is ControlCommand:
            self._command(said)
        elif kind is PolicyBundle:
            self.denied = frozenset(each.partition(":")[2] for each in said.denied)

    def _tick(self, tick: ClockTick) -> None:
        self.safety.engaged = tick.env_engaged
        if tick.env_engaged:
            self.tighten(3, 0, self.now)

    def config(self, bot: str, name: str) -> Any:
        """Return a parameter as the journal applied it."""
        return self.configs[bot][name]

    # ---- safety ----------------------------------------------------------------------------------------------------

    def tighten(self, mode: int, level: int, tripped_ns: int = 0) -> None:
        """Note that at least this holds from now on."""
        safety = self.safety
        safety.mode, safety.level = max(safety.mode, mode), max(safety.level, level)
        safety.tripped_ns = max(safety.tripped_ns, tripped_ns)

    def _command(self, command: ControlCommand) -> None:
        """Apply the rules of decisions §5 to a command."""
        safety, desk = self.safety, self.desk
        wish = WORDS.get(command.requested_transition, command.requested_transition)
        key = f"{command.command_id}|{command.status}"
        known = wish in MODES or wish in LEVELS
        if desk is None or command.target not in (desk.desk_id, GATE, "all") or not known or key in safety.applied:
            reset = command.target == "risk.drawdown" and wish == "RESET_DRAWDOWN"
            if reset and command.status == "confirmed" and command.challenge_id:
                self.losses.clear()
            return
        safety.applied.add(key)
        is_mode = wish in MODES
        place = MODES.index(wish) if is_mode else LEVELS.index(wish)
        bond = f"{command.challenge_id}|{wish}"
        if command.status == "challenged" and command.challenge_id:
            safety.challenges.add(bond)
        stable_ns = self.config(GATE, "stable_s") * SECOND_NS
        calm = not safety.engaged and self.now - safety.tripped_ns >= stable_ns
        answered = command.status == "confirmed" and bond in safety.challenges and calm
        safety.may_loosen = answered
        if place >= (safety.mode if is_mode else safety.level):
            if command.status != "denied":
                self.tighten(place if is_mode else 0, 0 if is_mode else place)
        elif answered:
            safety.challenges.discard(bond)
            if is_mode:
                safety.mode = place
            else:
                safety.level = place

    def level(self) -> int:
        """Return the place of the kill level that must hold at least."""
        safety = self.safety
        by_mode = 0 if safety.mode < 2 else LEVELS.index(self.config(GATE, "safe_level")) if safety.mode == 2 else 3
        return max(by_mode, safety.level)

    # ---- what was said ---------------------------------------------------------------------------------------------

    def take(self, row: Row) -> None:
        """Take in one statement of the desk, after the rules looked at it."""
        said = row.payload
        kind = type(said)
        if kind is OrderIntent:
            self.intents[said.intent_id] = said
            if said.intent_kind == WITHDRAW:
                resting = {
                    name
                    for name, order in self.orders.items()
                    if order.open_lots and order.state != "PENDING_CANCEL"
                    and (order.child.market_id, order.child.side) == (said.market_id, said.side)
                }  # fmt: skip
                self.leaving[said.intent_id] = resting
        elif kind is RiskDecision:
            self.decisions[said.subject_id] = said
        elif kind is AuthorisedOrder:
            if said.child.action == "PLACE":
                self.orders[said.child.client_order_id] = Order(said.child, said.intent_id, "PENDING_SUBMIT")
        elif kind is OrderUpdate:
            order = self.orders.get(said.client_order_id)
            if order is not None:
                order.state = said.state
        elif kind is Fill:
            self._fill(said)
        elif kind is Settlement:
            self._paid(said.market_id, -said.side, said)
        elif kind is PositionState:
            self.said[said.market_id] = said
        elif kind is SafetyState:
            mode = MODES.index(said.mode)
            tripped = self.state is not None and mode > max(self.safety.mode, MODES.index(self.state.mode))
            self.tighten(mode, 0, self.now if tripped else 0)
            self.state = said
        elif kind is IncidentReport:
            self._incident(said)

    def _fill(self, fill: Fill) -> None:
        self.trades.add(fill.trade_id)
        order = self.orders.get(fill.client_order_id)
        if order is not None:
            order.filled += fill.size_lots
            order.fills += 1
            order.fees += fill.fee_micros
        self._paid(fill.market_id, fill.side, fill)
        self.held[fill.market_id].fees += fill.fee_micros

    def _paid(self, market_id: str, side: int, what: Fill | Settlement) -> None:
        held = self.held.setdefault(market_id, Held())
        held.lots += side * what.size_lots
        held.paid += side * (what.price_ticks * what.tick_micros * what.size_lots * what.lot_micros // MILLION)

    def _incident(self, said: IncidentReport) -> None:
        if said.opened_by != "risk.drawdown":
            return
        if said.cause_family == "daily_loss":
            self.day_halted = self.now // (86_400 * SECOND_NS)
        else:
            self.losses.add("" if said.cause_family == "drawdown" else said.scope)

    # ---- what follows ----------------------------------------------------------------------------------------------

    def lots(self, market_id: str) -> int:
        """Return what is held in a market, signed."""
        held = self.held.get(market_id)
        return held.lots if held is not None else 0

    def reduces(self, intent: OrderIntent) -> bool:
        """True when an intent claims only to reduce, and is right."""
        return intent.reduce_only and 0 < intent.size_lots <= -intent.side * self.lots(intent.market_id)

    def known(self, market_id: str) -> Book:
        """Return what is known of a market by the venue's id."""
        return self.books[self.indices[market_id]]

    def worst(self) -> dict[str, int]:
        """Return by question what the desk can lose at most, every resting order filled where it hurts; in micros.

        A question is a market with its complement: its token pays exactly when the other does not.
        """
        losses: dict[str, list[int]] = {}
        names = {*self.held, *(order.child.market_id for order in self.orders.values() if order.open_lots)}
        for market_id in names:
            definition = self.known(market_id).definition
            assert definition is not None
            other = definition.complement_id
            question = min(market_id, other) if other else market_id
            is_no = definition.outcome.upper() == "NO" if definition.neg_risk else question != market_id
            flipped = bool(other) and is_no
            pair = losses.setdefault(question, [0, 0])
            arms = self._arms(market_id, definition)
            pair[flipped] += arms[0]
            pair[not flipped] += arms[1]
        return {question: max(0, *pair) for question, pair in losses.items()}

    def _arms(self, market_id: str, definition: MarketDefinition) -> list[int]:
        """Return what one book loses if NO is true (or the price falls), and if YES is true (or it rises)."""
        said, lots = self.said.get(market_id), self.lots(market_id)
        cost, lot = said.cost_micros if said is not None else 0, definition.lot_micros
        stress = self.config("risk.exposure", "perp_stress")
        arms = [cost, cost - lots * lot]
        if definition.instrument_kind:
            loss = -(-abs(cost) * stress // MILLION)
            arms = [loss, -loss] if lots > 0 else [-loss, loss]
        for order in self.orders.values():
            child = order.child
            if child.market_id != market_id or not order.open_lots:
                continue
            risked = child.price_ticks if child.side > 0 else definition.grid_ticks - child.price_ticks
            unit = risked * definition.tick_micros * lot
            if definition.instrument_kind:
                unit = -(-child.price_ticks * definition.tick_micros * lot * stress // MILLION)
            arms[child.side < 0] += -(-unit * order.open_lots // MILLION)
        return arms
