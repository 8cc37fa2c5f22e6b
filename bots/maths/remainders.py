"""Decide what becomes of the unfilled rest of an order: hold it, move it after the market, or take it back.

    edge(q)  = side * (p - q)  - cost            with a model's probability p: fair value as it stands now
    edge(q)  = stated + side * (limit - q)       without one; what a strategy states is net of cost
    value    = P_fill * edge(own price)          hold while above 0 and more than `hold` of its time is left
    chase    to the touch, or by one step where it stands at the touch already: at most `chase_max` steps, inside the
             limit that was voted on, and only for edge(new price) >= min_edge

Symbols: side 1 buys, -1 sells; prices and edges in micros a contract; P_fill the chance that its plan was made with,
and 0 behind the touch, for only the touch trades. A quote is judged at its own price wherever it stands and is never
chased: its strategy set that price and will set the next one. What only reduces is held for any edge, and never chased:
a position does not earn less risk by keeping it.
Source: catalogue rule of exec.partial_fill_handler.
"""

from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from bots.kit import Book
from bots.maths.plans import GENERATION
from bots.maths.quoting import step_above, step_below
from contracts.intent import QUOTE, OrderIntent
from contracts.market import MarketDefinition
from contracts.order import PLACE, ExecutionPlan, OrderUpdate, PlannedOrder
from contracts.signal import FairValue, SignalReport

HOLD, CHASE, TAKE_BACK, UNKNOWN = range(4)
PARTS_MAX, MILLI, MILLION = 32, 1_000, 1_000_000
RESTING = frozenset({"GTC", "GTD"})


class Part(Struct, frozen=True, gc=False):
    """An order that rests for an intent.

    wish         the intent;  plan  its plan, without children;  child  the order as planned
    cost_micros  what its fill is expected to cost beyond its price, a contract
    chases       how often the intent was chased before it;  is_chased  its cancel was asked for so that it can follow
    """

    wish: OrderIntent
    plan: ExecutionPlan
    child: PlannedOrder
    cost_micros: int
    chases: int = 0
    is_chased: bool = False


class Limits(NamedTuple):
    """What is asked: time left in ns, steps of price, net edge in micros, chases of an intent."""

    hold_ns: int
    chase_max: int
    min_edge_micros: int
    max_chases: int


class Verdict(NamedTuple):
    """HOLD, CHASE (to a price in ticks), TAKE_BACK or UNKNOWN; the number that decided, in micros, and its limit."""

    what: int
    seen: int = 0
    limit: int = 0
    price_ticks: int = 0


def entered(
    parts: tuple[Part, ...], plan: ExecutionPlan, wish: OrderIntent, cost_micros: int, chases: int = 0
) -> tuple[Part, ...]:
    """Return the parts with the orders of an intent's plan that will rest."""
    bare = replace(plan, plan_hash="", children=(), reasons=())
    for child in plan.children:
        if child.action == PLACE and child.time_in_force in RESTING:
            parts = (*parts[1 - PARTS_MAX :], Part(wish, bare, child, cost_micros, chases))
    return parts


def spent(plan: ExecutionPlan, cost: SignalReport | None) -> int:
    """Return what a resting fill costs beyond its price, a contract in micros; else the plan's own number."""
    if cost is None or not cost.refs or cost.refs[0] != plan.intent_id:
        return plan.cost_micros
    return round((cost.part("maker_fee") + cost.part("adverse")) * MILLION)


def find(parts: tuple[Part, ...], client_order_id: str) -> Part | None:
    """Return the part of an order, or None."""
    return next((part for part in parts if part.child.client_order_id == client_order_id), None)


def judged(
    part: Part,
    order: OrderUpdate,
    book: Book,
    age_ns: int,
    book_ns: int,
    definition: MarketDefinition,
    fair: FairValue | None,
    limits: Limits,
    now: int,
) -> Verdict:
    """Judge the rest of an order on a book that was confirmed `age_ns` ago; one older than `book_ns` shows nothing."""
    wish, side, price, left = part.wish, order.side, order.price_ticks, order.size_lots - order.filled_lots
    if left < max(1, definition.min_size_lots):
        return Verdict(TAKE_BACK, left, definition.min_size_lots)
    modelled = wish.p_model_micros >= 0 and not order.reduce_only
    best = book.bid if side > 0 else book.ask
    if not book.live or not 0 <= age_ns <= book_ns or not 0 < best <= book.grid or (modelled and fair is None):
        return Verdict(UNKNOWN, age_ns // MILLION, book_ns // MILLION)
    if order.reduce_only:
        return Verdict(HOLD, left)
    p = fair.p_micros if modelled and fair is not None else -1
    is_quote, behind = wish.intent_kind == QUOTE, side * (best - price) > 0
    time_left = left_ns(part, now, limits.hold_ns)
    chance = 0 if behind and not is_quote else max(1, part.plan.fill_milli)  # that it was filled shows that it trades
    edge = _edge(part, p, price, definition.tick_micros)
    if chance and edge > 0 and time_left > limits.hold_ns:
        return Verdict(HOLD, chance * edge // MILLI)
    steps = limits.chase_max
    to = _followed(best, price, side, definition, steps) if behind else _stepped(book, price, side, definition, steps)
    edge = _edge(part, p, to, definition.tick_micros)
    inside = 0 < to <= book.grid and side * to <= side * wish.price_ticks
    if is_quote or not inside or part.chases >= limits.max_chases or time_left <= 0 or edge < limits.min_edge_micros:
        return Verdict(TAKE_BACK, edge, limits.min_edge_micros)
    return Verdict(CHASE, edge, limits.min_edge_micros, to)


def left_ns(part: Part, now: int, hold_ns: int) -> int:
    """Return the time that an order has left; more than `hold_ns` for one without an end."""
    ends = part.child.expires_ns or part.plan.expires_ns
    return ends - now if ends else hold_ns + 1


def marked(parts: tuple[Part, ...], part: Part, *, is_chased: bool) -> tuple[Part, ...]:
    """Return the parts with one marked as on its way to its next price, or not any more."""
    after = replace(part, is_chased=is_chased)
    return tuple(after if other is part else other for other in parts)


def chased(part: Part, price_ticks: int, size_lots: int, reason: str) -> ExecutionPlan:
    """Return the plan for what is left of an order that was taken back, at its next price and under its intent."""
    number = (part.chases + 1) * GENERATION + part.child.child_index % GENERATION
    fresh = {"client_order_id": "", "salt": 0, "venue_ts_ms": 0, "delay_ms": 0, "revision": 0}
    child = replace(part.child, price_ticks=price_ticks, size_lots=size_lots, child_index=number, **fresh)
    return replace(part.plan, plan_id=f"{part.plan.plan_id}.{part.chases + 1}", children=(child,), reasons=(reason,))


def _edge(part: Part, p_micros: int, price_ticks: int, tick_micros: int) -> int:
    if p_micros < 0:
        return part.wish.edge_micros + part.child.side * (part.wish.price_ticks - price_ticks) * tick_micros
    return part.child.side * (p_micros - price_ticks * tick_micros) - part.cost_micros


def _followed(best: int, price: int, side: int, definition: MarketDefinition, steps: int) -> int:
    """Return the touch, when it is at most so many steps away; else 0."""
    for _ in range(steps):
        price = step_above(definition, price) if side > 0 else step_below(definition, price)
        if side * price >= side * best:
            return best
    return 0


def _stepped(book: Book, price: int, side: int, definition: MarketDefinition, steps: int) -> int:
    """Return the next price inside the spread; 0 where there is none, or no step is allowed."""
    price = step_above(definition, price) if side > 0 else step_below(definition, price)
    return price if steps and side * price < side * (book.ask if side > 0 else book.bid) else 0
