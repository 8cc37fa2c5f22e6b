"""Choose how an approved intent is executed: take, join, improve, quote, or take back.

Says    An ExecutionPlan with the style of highest utility, or one without children and the reason why not.
          U = P_fill * (edge - cost) - (1 - P_fill) * edge * decay(T),   decay(T) = 1 - 2^(-T / half-life)
        with edge and cost against mid: a taker pays slippage and fee, a resting order the maker's fee and adverse
        selection less what it earns of the spread. What waiting may lose is the edge that decays until T.
Why     Only expected cost decides; side and market never change and size never grows. A QUOTE rests at its own limit,
        after cancels of what rests on its side: its strategy has judged it against its own fair value, and a refusal
        here on markouts of own fills would never heal, since no fill would follow. A WITHDRAW is cancels alone.
        What only reduces is cut to the position less what already rests on that side: no venue here watches over that.
        One book holds both views of a binary (a sale of NO at 1 - p is a purchase of YES at p); where outcomes are
        separate tokens, what is held is used up by a child of its own. An intent names one instrument: no other venue.
Source  Obizhaeva and Wang 2013; Almgren and Chriss 2000.
"""

from typing import Annotated

from bots.kit import Book, BotConfig, DeskContext, Instant, Latest, Number, On, Prob, Seconds, Signal, rule
from bots.maths.routing import cancels, places, styles
from contracts.intent import EXIT, QUOTE, WITHDRAW, ApprovedIntent
from contracts.market import MarketDefinition
from contracts.order import ExecutionPlan, OwnOrders, PlannedOrder, PositionState
from contracts.reasons import (
    EXEC_ROUTE_INPUT_MISSING,
    EXEC_ROUTE_NO_VALUE,
    EXEC_ROUTE_PASSIVE_FORCED,
    EXEC_ROUTED,
)
from contracts.signal import SignalReport

MILLION = 1_000_000


class Config(BotConfig):
    """horizon_s is T; a utility must exceed min_utility; IMPROVE stands improve_ticks inside the touch."""

    horizon_s: Seconds = 60
    min_utility: Prob = 0
    improve_ticks: Number = 1


def route(
    config: Config,
    approved: On[ApprovedIntent],
    book: Latest[Book],
    definition: Latest[MarketDefinition | None],
    cost: Annotated[Latest[SignalReport | None], Signal("cost")],
    fill: Annotated[Latest[SignalReport | None], Signal("fill_probability")],
    own: Latest[OwnOrders | None],
    position: Latest[PositionState | None],
    desk: Latest[DeskContext],
    now: Instant,
) -> ExecutionPlan:
    """Plan one approved intent."""
    wish, kind, builder = approved.intent, approved.intent.intent_kind, desk.builder_code
    if definition is None:
        return _plan(approved, "NONE", (), None, None, EXEC_ROUTE_INPUT_MISSING)
    if kind == WITHDRAW:
        gone = cancels(own, wish.side, definition.venue_id, builder)
        return _plan(approved, "CANCEL", gone, None, None, EXEC_ROUTED if gone else EXEC_ROUTE_NO_VALUE)
    if cost is None or fill is None or not book.live or not cost.refs or cost.refs[0] != wish.intent_id:
        return _plan(approved, "NONE", (), None, None, EXEC_ROUTE_INPUT_MISSING)
    held = position.size_lots if position is not None else 0
    size = approved.size_lots
    if approved.reduce_only:  # what rests on this side would reduce it too, a cancel under way or not
        resting = sum(order.open_lots for order in own.orders if order.side == wish.side) if own is not None else 0
        size = min(size, max(0, -wish.side * held - resting))
    forced = approved.post_only and not wish.post_only
    reason = EXEC_ROUTE_PASSIVE_FORCED if forced else EXEC_ROUTED
    before: tuple[PlannedOrder, ...] = ()
    if kind == QUOTE:
        style, price, before = "QUOTE", wish.price_ticks, cancels(own, wish.side, definition.venue_id, builder)
    else:
        if not book.bid or book.ask > book.grid:
            return _plan(approved, "NONE", (), cost, fill, EXEC_ROUTE_INPUT_MISSING)
        found = styles(approved, book, definition, cost, fill, config.horizon_s, config.improve_ticks)
        if wish.bundle_id:  # a leg is taken whole or not at all: what rests cannot stand or fall with the others
            found = found[: not approved.post_only]
        best = max(found, key=lambda style: style.utility_micros, default=None)
        if best is None:
            return _plan(approved, "NONE", (), cost, fill, EXEC_ROUTE_NO_VALUE)
        if kind == EXIT and wish.urgency == "HIGH" and not approved.post_only:
            best = found[0]
        elif best.utility_micros <= config.min_utility:
            return _plan(approved, "NONE", (), cost, fill, EXEC_ROUTE_NO_VALUE)
        style, price = best.name, best.price_ticks
    if size <= 0:  # of a quote that only reduces the cancels go alone; once they are through there is room for it
        return _plan(approved, "CANCEL" if before else "NONE", before, cost, fill, EXEC_ROUTE_NO_VALUE)
    children = (*before, *places(approved, definition, style == "TAKE", price, size, held, builder))
    return _plan(approved, style, children, cost, fill, reason)


def _plan(
    approved: ApprovedIntent,
    style: str,
    children: tuple[PlannedOrder, ...],
    cost: SignalReport | None,
    fill: SignalReport | None,
    reason: str,
) -> ExecutionPlan:
    wish = approved.intent
    return ExecutionPlan(
        "p" + wish.intent_id,
        "",
        wish.intent_id,
        wish.strategy,
        wish.intent_kind,
        style,
        children,
        int(cost.value * MILLION + 0.5) if cost is not None else 0,
        int(fill.value * 1_000 + 0.5) if fill is not None else 0,
        wish.expires_ns,
        (reason,),
    )


BOT = rule(route, reasons={EXEC_ROUTED, EXEC_ROUTE_PASSIVE_FORCED, EXEC_ROUTE_NO_VALUE, EXEC_ROUTE_INPUT_MISSING})
