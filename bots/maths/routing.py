"""Weigh the styles in which an intent can be executed, and write the orders of the one that is chosen.

Utility is per contract in millionths, against mid; see bots/exec/smart_router.py for the formula.
"""

from math import exp, exp2
from typing import NamedTuple

from bots.kit import Book
from bots.maths.costs import within
from bots.maths.queues import NEVER_S
from contracts.intent import ApprovedIntent
from contracts.market import MarketDefinition
from contracts.order import CANCEL, PLACE, OrderUpdate, OwnOrders, PlannedOrder
from contracts.signal import SignalReport

MILLION = 1_000_000
CANCELLABLE = frozenset({"PENDING_SUBMIT", "SUBMITTED", "LIVE", "PARTIAL", "UNKNOWN"})


class Style(NamedTuple):
    """A way to execute: its name, price in ticks, utility per contract and chance of a fill in millionths."""

    name: str
    price_ticks: int
    utility_micros: int
    chance_micros: int


def styles(
    approved: ApprovedIntent,
    book: Book,
    definition: MarketDefinition,
    cost: SignalReport,
    fill: SignalReport,
    horizon_s: int,
    improve_ticks: int,
) -> list[Style]:
    """Return the styles that are open to an approved intent, TAKE first unless it may only rest.

    The book must have both sides; `cost` was made for this intent and `fill` for joining with it.
    """
    wish, side, limit, tick = approved.intent, approved.intent.side, approved.intent.price_ticks, definition.tick_micros
    mid = (book.bid + book.ask) * tick // 2
    take = round((cost.part("slippage") + cost.part("fee")) * MILLION)
    rest = round((cost.part("maker_fee") + cost.part("adverse")) * MILLION)
    paid = rest if approved.post_only else take
    edge = wish.edge_micros + paid if wish.p_model_micros < 0 else side * (wish.p_model_micros - mid)
    lost = max(0, edge) * _decay_micros(horizon_s, wish.alpha_half_life_ms) // MILLION

    def weigh(name: str, price: int, chance: int, spent: int) -> Style:
        utility = (chance * (edge - spent) - (MILLION - chance) * lost) // MILLION
        return Style(name, price, utility, chance)

    found = []
    if not approved.post_only:
        share = within(book, side, limit, approved.size_lots) * MILLION // approved.size_lots
        found.append(weigh("TAKE", limit, share, take))
    best, other = (book.bid, book.ask) if side > 0 else (book.ask, book.bid)
    join = min(limit, best, other - 1) if side > 0 else max(limit, best, other + 1)
    found.append(weigh("JOIN", join, round(fill.value * MILLION), rest - side * (mid - join * tick)))
    better = best + side * improve_ticks * definition.step_ticks(best)
    if side * better < side * other and side * better <= side * limit:
        odds = _improved(fill, approved.size_lots, horizon_s)
        found.append(weigh("IMPROVE", better, odds, rest - side * (mid - better * tick)))
    return found


def places(
    approved: ApprovedIntent,
    definition: MarketDefinition,
    taking: bool,
    price_ticks: int,
    size_lots: int,
    held_lots: int,
    builder_code: str,
) -> tuple[PlannedOrder, ...]:
    """Return the orders of a style; where outcomes are separate tokens, what is held of the other side goes first.

    They are numbered among themselves and not after the cancels of their plan: what rests when a decision is looked at
    again (its own order, perhaps) must not give it another name.
    """
    force = ("FOK" if approved.intent.bundle_id else "IOC") if taking else "GTC"
    if definition.complement_id and 0 < (against := -approved.intent.side * held_lots) < size_lots:
        return (
            _order(approved, definition, force, price_ticks, against, 0, builder_code),
            _order(approved, definition, force, price_ticks, size_lots - against, 1, builder_code),
        )
    return (_order(approved, definition, force, price_ticks, size_lots, 0, builder_code),)


def _order(
    approved: ApprovedIntent, definition: MarketDefinition, force: str, price: int, lots: int, index: int, builder: str
) -> PlannedOrder:
    wish = approved.intent
    return PlannedOrder(
        PLACE,
        definition.venue_id,
        wish.market_id,
        wish.side,
        "LIMIT",
        price,
        lots,
        force,
        force == "GTC",
        approved.reduce_only,
        index,
        0,
        "",
        0,
        0,
        0,
        wish.expires_ns,
        builder,
    )


def cancels(own: OwnOrders | None, side: int, venue_id: str, builder_code: str) -> tuple[PlannedOrder, ...]:
    """Return a cancel for every order of a side that may still live and is not on its way out."""
    if own is None or not own.orders:
        return ()
    going: list[PlannedOrder] = []
    for order in own.orders:
        if order.side == side and order.state in CANCELLABLE:
            going.append(cancel(order, venue_id, len(going), builder_code))
    return tuple(going)


def cancel(order: OrderUpdate, venue_id: str, index: int, builder_code: str) -> PlannedOrder:
    """Return the cancel of an order, whatever its state."""
    return PlannedOrder(
        CANCEL,
        venue_id,
        order.market_id,
        order.side,
        "LIMIT",
        order.price_ticks,
        order.size_lots,
        "GTC",
        False,
        order.reduce_only,
        index,
        0,
        order.client_order_id,
        0,
        0,
        0,
        0,
        builder_code,
    )


def _decay_micros(horizon_s: int, half_life_ms: int) -> int:
    """Return the share of an edge that is gone after the horizon, in millionths; all of it without a half-life."""
    if half_life_ms <= 0:
        return MILLION
    return round((1.0 - exp2(-horizon_s * 1_000 / half_life_ms)) * MILLION)


def _improved(fill: SignalReport, size_lots: int, horizon_s: int) -> int:
    """Return the chance of a fill with nobody ahead, from the one of joining: the same rate, a shorter queue."""
    seconds, ahead = fill.part("t_fill"), fill.part("queue_ahead")
    if fill.value <= 0.0 or seconds <= 0.0 or seconds >= NEVER_S:
        return round(fill.value * MILLION)
    rate = (ahead + size_lots) / seconds
    odds = 1.0 - exp(-rate * horizon_s / max(1, size_lots))
    return round(max(fill.value, odds) * MILLION)
