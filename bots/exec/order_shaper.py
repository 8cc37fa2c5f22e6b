"""Turn a routed plan into child orders that the venue accepts: price, lots, slices, expiry, no dust.

Says    The plan with legal children. Prices are rounded down for a buyer and up for a seller: away from the market for
        what rests, towards our limit for what takes, and past the vote's bound for neither. Sizes are whole lots.
        What takes or joins is sliced when it is larger than `slice_frac` of the displayed depth; slices are spaced by
        the half-life of depth with a jitter from the intent's id. A quote is not sliced: it asks for nobody's depth.
Why     A refusal by the venue costs a requote; dust below the minimum can never be closed. A leftover that small is
        avoided by a smaller order. (The row would round an exit up; every stage after the gate may only shrink, so an
        exit whose approval does not reach to flat leaves a whole minimum instead.) If the new quote is too small its
        cancels still go: they only reduce.
Source  Almgren and Chriss 2000.
"""

from typing import Annotated

from bots.kit import BotConfig, Frac, Instant, Latest, Millis, Number, On, Seconds, Within, rule
from bots.maths.plans import generation, refined, reshaped
from bots.maths.shaping import legal_price, sliced, undusted
from contracts.ids import client_order_id
from contracts.market import MarketDefinition, MarketSnapshot
from contracts.order import CANCEL, SETTLE, ExecutionPlan, PlannedOrder, PositionState
from contracts.reasons import (
    EXEC_SHAPE_BELOW_MIN,
    EXEC_SHAPE_NO_DEFINITION,
    EXEC_SHAPE_SLICED,
    EXEC_SHAPED,
)

SECOND_NS, DAY_MS = 1_000_000_000, 86_400_000
HALF_LIFE_MS = 1_000  # of displayed depth, until a bot measures it


class Config(BotConfig):
    """slice_frac of the depth per child, at most max_children; jitter_ms; an order lives at most ttl_s."""

    slice_frac: Frac = 200_000
    max_children: Number = 10
    jitter_ms: Millis = 400
    ttl_s: Seconds = 120


def shape(
    config: Config,
    plan: On[ExecutionPlan],
    definition: Annotated[Latest[MarketDefinition | None], Within(ms=DAY_MS)],
    snap: Latest[MarketSnapshot | None],
    position: Latest[PositionState | None],
    now: Instant,
) -> ExecutionPlan:
    """Shape every order of a plan; cancels pass as they are, and so do operations on a chain, which meet no book."""
    if plan.style == SETTLE:
        return plan
    if definition is None:
        return refined(plan, (), EXEC_SHAPE_NO_DEFINITION)
    expires = now + config.ttl_s * SECOND_NS
    expires = min(expires, plan.expires_ns) if plan.expires_ns else expires
    held, smallest = position.size_lots if position is not None else 0, max(1, definition.min_size_lots)
    done: list[PlannedOrder] = []
    placed, reason = generation(plan), EXEC_SHAPED  # what is placed is numbered for itself: its number names it
    for order in plan.children:
        if order.action == CANCEL:
            done.append(order)
            continue
        price = legal_price(definition, order.side, order.price_ticks)
        size = undusted(order.side * order.size_lots, held, smallest)
        if not price or size < smallest:
            reason = EXEC_SHAPE_BELOW_MIN
            continue
        held += order.side * size
        sizes: tuple[int, ...] = (size,)
        if plan.style != "QUOTE" and order.time_in_force != "FOK":
            sizes = sliced(size, _depth(snap, order), config.slice_frac, config.max_children, smallest)
        if reason != EXEC_SHAPE_BELOW_MIN and sizes != (order.size_lots,):
            reason = EXEC_SHAPE_SLICED
        rests = order.time_in_force in ("GTC", "GTD")
        force, until = ("GTD", expires) if rests else (order.time_in_force, 0)
        for number, lots in enumerate(sizes):
            delay = _delay(config, plan, number) if number else 0
            done.append(reshaped(order, price, lots, force, placed, delay, until))
            placed += 1
    return refined(plan, tuple(done), reason)


def _depth(snap: MarketSnapshot | None, order: PlannedOrder) -> int:
    """Return the displayed depth that an order meets, or stands among when it rests."""
    if snap is None:
        return 0
    return snap.bid_depth_lots if (order.side > 0) == order.post_only else snap.ask_depth_lots


def _delay(config: Config, plan: ExecutionPlan, number: int) -> int:
    jitter = int(client_order_id(plan.intent_id, number, 0)[:8], 16) % config.jitter_ms if config.jitter_ms else 0
    return number * HALF_LIFE_MS + jitter


BOT = rule(shape, reasons={EXEC_SHAPED, EXEC_SHAPE_SLICED, EXEC_SHAPE_BELOW_MIN, EXEC_SHAPE_NO_DEFINITION})
