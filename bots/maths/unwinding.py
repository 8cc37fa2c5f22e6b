"""Work a position down on a schedule that trades speed against cost, in whole lots.

    x(t) = X * sinh(kappa (T - t)) / sinh(kappa T),   kappa = sqrt(lambda sigma^2 / eta)

Symbols: X lots at the start; t and T seconds; lambda risk aversion per dollar; sigma deviation of a contract's price in
dollars per square-root second; eta what trading one contract a second costs in dollars a contract: half the spread,
where the displayed depth comes back within one second. kappa T near 0 gives equal slices; a large one trades at once.
The share x(t) / X is cut to millionths and what must be left is rounded up, so a schedule is never ahead of itself.
Source: Almgren and Chriss 2000, equation 16.
"""

from math import exp, sqrt

from msgspec import Struct

from bots.maths.policies import bars, forbids
from bots.maths.resting import Voice
from contracts.control import FLATTEN, ControlCommand, IncidentReport, PolicyBundle, SafetyState
from contracts.intent import EXIT, OrderIntent
from contracts.market import MarketDefinition, MarketSnapshot
from contracts.order import OrderUpdate, OwnOrders

MILLION, SECOND_NS = 1_000_000, 1_000_000_000
SLICES = 30
LINEAR, STEEP = 1e-6, 50.0  # kappa T below which slices are equal, and beyond which nothing more changes
NONE, LOW, MEDIUM, HIGH = range(4)
HALF_LIFE_S = 1.0  # of displayed depth, until a bot measures it
BREACHES = frozenset({"broken_bundle", "exposure", "limit_breach"})
EXITS = frozenset({"flatten", "FLATTEN", "emergency_exit"})
STOPS = frozenset({"stop", "stop_strategy", "STOPPING"})


class Schedule(Struct, frozen=True, gc=False):
    """A position being worked down: signed lots at its start, when, for how long, and how urgent it is."""

    lots: int = 0
    start_ns: int = 0
    span_ns: int = 0
    urgency: int = NONE


def pace(
    schedule: Schedule, risk_aversion: float, sigma: float, snap: MarketSnapshot, definition: MarketDefinition
) -> float:
    """Return kappa per second for a position and a book; 0 (equal slices) where a number behind it is missing."""
    depth = snap.bid_depth_lots if schedule.lots > 0 else snap.ask_depth_lots
    contracts, spread = depth * definition.lot_micros / MILLION, snap.ask_ticks - snap.bid_ticks
    if contracts <= 0.0 or sigma <= 0.0 or spread <= 0:
        return 0.0
    eta = spread * definition.tick_micros / MILLION / 2.0 * HALF_LIFE_S / contracts
    return sqrt(risk_aversion * sigma * sigma / eta)


def left_micros(span_s: float, passed_s: float, kappa_s: float) -> int:
    """Return x(t) / X in millionths: a million before the start, 0 from the end on."""
    if passed_s >= span_s or span_s <= 0.0:
        return 0
    if passed_s <= 0.0:
        return MILLION
    whole, part = kappa_s * span_s, kappa_s * (span_s - passed_s)
    if whole < LINEAR:
        return int((1.0 - passed_s / span_s) * MILLION)
    whole, part = min(whole, STEEP), part * min(1.0, STEEP / whole)
    return int(exp(part - whole) * (1.0 - exp(-2.0 * part)) / (1.0 - exp(-2.0 * whole)) * MILLION)


def due_lots(
    schedule: Schedule, held_lots: int, resting_lots: int, now: int, kappa_s: float, smallest_lots: int = 1
) -> int:
    """Return the lots to sell (of a long) or buy (of a short) now: what is held beyond what the schedule leaves.

    Never more than is held less what already rests against it, so that no order of a schedule can go through zero. 0
    below the smallest order; all that is free when less than that would be left over.
    """
    span = schedule.span_ns / SECOND_NS
    share = left_micros(span, span * _slice(schedule, now) / SLICES, kappa_s)
    keep = -(-abs(schedule.lots) * share // MILLION)
    free = abs(held_lots) - resting_lots
    due = free - keep
    if due < max(1, smallest_lots):
        return 0
    return free if free - due < smallest_lots else due


def is_last(schedule: Schedule, now: int) -> bool:
    """True in the last slice of a schedule, and after it: what is left goes."""
    return _slice(schedule, now) >= SLICES


def started(known: Schedule, held_lots: int, urgency: int, spans_s: tuple[int, int, int], now: int) -> Schedule:
    """Return the schedule of a position for an urgency; spans by LOW, MEDIUM and HIGH.

    It begins anew when there is none, when the urgency grew, when the position changed sides, or grew beyond it.
    """
    same_side = known.lots * held_lots > 0
    if not urgency or not held_lots:
        return Schedule(urgency=urgency)
    if same_side and known.urgency >= urgency and abs(held_lots) <= abs(known.lots):
        return known
    return Schedule(held_lots, now, spans_s[urgency - LOW] * SECOND_NS, max(urgency, known.urgency))


def urgency_of(safety: SafetyState | None, label: str, asked: int, at_t24h: bool) -> int:
    """Return how urgent an exit is: by the kill level, by what was asked for, by the market's last day."""
    if safety is not None and safety.kill_level == FLATTEN:
        return HIGH
    near = LOW if at_t24h and label in ("T24H", "T1H") else NONE
    return max(asked, near)


def asked_by_command(command: ControlCommand, targets: tuple[str, ...]) -> int:
    """Return the urgency that a confirmed command asks for; NONE for another target, wish or status."""
    if command.status != "confirmed" or command.target not in targets:
        return NONE
    return HIGH if command.requested_transition in EXITS else LOW if command.requested_transition in STOPS else NONE


def asked_by_incident(incident: IncidentReport, market_id: str) -> int:
    """Return the urgency that a breach in this market asks for."""
    here = incident.scope == "market" and (not incident.evidence or market_id in incident.evidence)
    return MEDIUM if here and incident.cause_family in BREACHES else NONE


def resting_lots(own: OwnOrders | None, side: int) -> int:
    """Return what may still be filled on a side, whoever asked for it, a cancel under way or not."""
    return sum(order.open_lots for order in own.orders if order.side == side) if own is not None else 0


def overdue(own: OwnOrders | None, strategy: str, side: int, now: int) -> OrderUpdate | None:
    """Return an exit of a strategy that still rests a second after it was sent, and is not on its way out; or None."""
    for order in own.orders if own is not None else ():
        rests = order.state in ("LIVE", "PARTIAL") and now - order.since_ns >= SECOND_NS
        if rests and order.strategy == strategy and order.side == side:
            return order
    return None


def is_closing_barred(policy: PolicyBundle | None, account: str, definition: MarketDefinition) -> bool:
    """True when a policy forbids this account even to close here; a policy that does not know the account bars nothing.

    Whether an order may leave is risk.compliance_gate's to say; this only spares it intents that it must refuse.
    """
    standing = next((row for row in policy.standings if row.account == account), None) if policy is not None else None
    if policy is None or standing is None:
        return False
    barred = any(forbids(rule, standing, definition) for rule in policy.rules if not rule.close_only)
    return barred or bool(bars(standing, definition))


def slice_of(
    voice: Voice,
    definition: MarketDefinition,
    snap: MarketSnapshot,
    side: int,
    price_ticks: int,
    size_lots: int,
    post_only: bool,
    urgency: str,
) -> OrderIntent:
    """Return a reduce-only exit; being out is worth a tick to it, without which no router would pay for one."""
    head = (voice.name(definition.market_id, "exit"), voice.strategy, definition.market_id, EXIT, side, price_ticks)
    mid = (snap.bid_ticks + snap.ask_ticks) * definition.tick_micros // 2
    belief = (mid, -1, snap.provenance_hash, 1_000, definition.tick_micros, 0)
    expires_ns = voice.now + voice.ttl_s * SECOND_NS
    return OrderIntent(*head, size_lots, "exit", *belief, post_only, True, "", urgency, expires_ns, voice.reason)


def exit_price(
    definition: MarketDefinition, snap: MarketSnapshot, side: int, crosses: bool, floor_micros: int, high: bool
) -> int:
    """Return the price of a slice in ticks, 0 while it must wait: for the other side of a one-sided book.

    A slice that crosses meets the best price of the other side; another joins its own side's touch. What is urgent also
    crosses a one-sided book, when it gets more than the floor (for a purchase: gives less than one less the floor).
    """
    grid = definition.grid_ticks
    bid = snap.bid_ticks if snap.bid_ticks > 0 else 0
    ask = snap.ask_ticks if snap.ask_ticks > 0 and (not grid or snap.ask_ticks < grid) else 0
    meets, joins = (bid, ask) if side < 0 else (ask, bid)
    if bid and ask:
        return meets if crosses else joins
    if not high or not meets:
        return 0
    got = (meets if side < 0 else grid - meets) * definition.tick_micros
    return meets if got > floor_micros or not grid else 0


def _slice(schedule: Schedule, now: int) -> int:
    """Return the number of the running slice, from 1: it is due at its beginning."""
    if schedule.span_ns <= 0:
        return SLICES
    return min(SLICES, max(0, now - schedule.start_ns) * SLICES // schedule.span_ns + 1)
