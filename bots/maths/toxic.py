"""Judge how likely the next trade against a quote is an informed one, and move the quote away from it.

    danger = 1 / (1 + exp(-(a0 + a1 v + a2 z + a3 s + a4 w + a5 n)))

Symbols: v percentile of VPIN; z standard deviations of order flow towards the quote (sellers for a bid), not below 0;
s 1 while a sweep comes towards it; w 1 in a LIVE event window; n matched news items per hour. Danger is cut to
thousandths, so that a decision does not hang on the last digit. Coefficients are a bot's configuration, version 1.
Source: Glosten and Milgrom 1985; Easley, Lopez de Prado, O'Hara 2012 for v.
"""

from math import ceil, exp

from msgspec import Struct
from msgspec.structs import replace

from bots.maths.quoting import step_above, step_below
from contracts.market import MarketDefinition
from contracts.order import CANCEL, PLACE, OrderUpdate, PlannedOrder
from contracts.signal import MarketCandidate, SignalReport

CALM_PERCENTILE = 0.5
LIMIT = 700.0
CANCELLABLE = frozenset({"PENDING_SUBMIT", "LIVE", "PARTIAL", "UNKNOWN"})
MILLI, MILLION = 1_000, 1_000_000


class Guarded(Struct, frozen=True, gc=False):
    """One side of a market: pulled or not, calm since when (0: it is not), and how far its quotes are moved, in steps.

    What is moved further than before must be quoted again; what is moved less waits for its strategy.
    """

    pulled: bool = False
    calm_ns: int = 0
    shift: int = 0


def danger_milli(
    weights: tuple[float, float, float, float, float, float],
    side: int,
    flow: SignalReport,
    toxicity: SignalReport | None,
    calendar: MarketCandidate | None,
    news: SignalReport | None,
) -> int:
    """Return the danger for a quote of a side, in thousandths rounded down; an unknown VPIN counts as the median."""
    a0, a1, a2, a3, a4, a5 = weights
    known = toxicity is not None and toxicity.label != "UNKNOWN"
    percentile = toxicity.part("percentile") if toxicity is not None and known else CALM_PERCENTILE
    towards = max(0.0, -side * flow.value)
    sweep = flow.part("sweep") >= 1.0 and -side * flow.value >= 0.0
    window = calendar is not None and calendar.window == "LIVE"
    density = news.value if news is not None else 0.0
    x = a0 + a1 * percentile + a2 * towards + a3 * sweep + a4 * window + a5 * density
    return int(MILLI / (1.0 + exp(-min(max(x, -LIMIT), LIMIT))))


def guarded(known: Guarded, danger: int, widen: int, pull: int, shift_max: int, now: int, calm_ns: int) -> Guarded:
    """Return a side after a judgement: danger, widen and pull in thousandths. What was pulled stays so until calm."""
    shift = ceil(danger * shift_max / MILLI) if danger >= widen else 0
    calm = (known.calm_ns or now) if danger < widen else 0
    pulled = danger >= pull or (known.pulled and not (calm and now - calm >= calm_ns))
    return Guarded(pulled, calm, shift)


def is_quote(order: PlannedOrder) -> bool:
    """True for what would rest and add risk: neither taking, cancelling nor reducing is anything to shield."""
    return order.action == PLACE and order.post_only and not order.reduce_only


def moved(definition: MarketDefinition, side: int, price_ticks: int, steps: int) -> int:
    """Return a price moved away from the market by so many legal steps; 0 when there is none so far away."""
    for _ in range(steps):
        price_ticks = step_below(definition, price_ticks) if side > 0 else step_above(definition, price_ticks)
        if price_ticks < 1 or (definition.grid_ticks and price_ticks >= definition.grid_ticks):
            return 0
    return price_ticks


def shielded(
    children: tuple[PlannedOrder, ...],
    bids: Guarded,
    asks: Guarded,
    definition: MarketDefinition | None,
    orders: tuple[OrderUpdate, ...],
) -> tuple[tuple[PlannedOrder, ...], bool, bool]:
    """Return the children of a plan with their quotes moved or taken out, and whether any was moved, any taken out.

    A quote that was moved to where an order of ours rests already, which the plan would cancel for it and which is not
    larger, is not asked for again: the old order stays and keeps its place in the queue.
    """
    done: list[PlannedOrder] = []
    is_moved = is_pulled = False
    for child in children:
        side = bids if child.side > 0 else asks
        if not is_quote(child) or not (side.pulled or side.shift):
            done.append(child)
            continue
        price = moved(definition, child.side, child.price_ticks, side.shift) if definition is not None else 0
        if side.pulled or not price:
            is_pulled = True
            continue
        is_moved = True
        rests = {o.client_order_id for o in orders if (o.side, o.price_ticks) == (child.side, price)}
        rests &= {o.client_order_id for o in orders if o.open_lots <= child.size_lots}
        old = next((c for c in done if c.action == CANCEL and c.client_order_id in rests), None)
        if old is not None:
            done.remove(old)
        else:
            done.append(replace(child, price_ticks=price))
    return tuple(done), is_moved, is_pulled


def exposed(orders: tuple[OrderUpdate, ...], sides: tuple[int, ...]) -> tuple[OrderUpdate, ...]:
    """Return the resting orders of these sides that may be pulled; what only reduces stays."""
    return tuple(o for o in orders if o.side in sides and not o.reduce_only and o.state in CANCELLABLE)
