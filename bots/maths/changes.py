"""Follow changes of resting orders: is one worth its place in the queue, is it confirmed, was its cancel heard.

    queue_value = P_now * edge_old - P_back * edge_old            what the place at the front is worth
    gain        = P_new * edge_new - P_back * edge_old            both as if they joined now
    replace     only if gain > replace_cost + queue_value
    P           = 1 - exp(-c T / (ahead + lots)),    c_old = c_new * exp(-K_D * steps)

Symbols: edge side * (fair - price); c lots a second that reach an order, for the new price from its own estimate
(queue_ahead and t_fill), for the old one `steps` behind it; `ahead` the queue before the order as it stands. All per
contract, in micros. A change that makes an order smaller or less aggressive is never weighed: it makes it safer.

A cancel that is not confirmed for its time-out is sent again after 1, 2, 4 s and so on, each with its own time-out;
when those are used up every order of the market is cancelled; after one more time-out nobody knows.
Source: Moallemi and Yuan 2016; bots/maths/queues.py for the chances; catalogue rule of exec.order_amend_cancel_manager.
"""

from math import exp
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from bots.kit import Book
from bots.maths.queues import NEVER_S, Place, chance, hit, looked
from contracts.market import MarketDefinition, TradePrint
from contracts.order import LIVE_STATES, OrderUpdate, PlannedOrder
from contracts.signal import FairValue, SignalReport

K_D = 0.7  # of exec.fill_probability_estimator: how rates fade a step behind the touch
MILLION, SECOND_NS = 1_000_000, 1_000_000_000
PLACES_MAX, CHANGES_MAX = 64, 16
AGAIN, EVERYTHING, NOBODY_KNOWS = "AGAIN", "EVERYTHING", "NOBODY_KNOWS"


class Change(Struct, frozen=True, gc=False):
    """An order on its way into the place of another; `number` counts the changes of a market."""

    number: int
    old_id: str
    new_id: str
    old_ended: bool = False
    new_lives: bool = False


class Leaving(Struct, frozen=True, gc=False):
    """An order whose cancel is not confirmed: sent again `tries` times, last at `sent_ns`.

    is_everything  the whole market was cancelled over it;  is_told  nobody knows, and somebody was told
    """

    client_order_id: str
    sent_ns: int
    tries: int = 0
    is_everything: bool = False
    is_told: bool = False


class Weighed(NamedTuple):
    """What a replacement gains, and what it must exceed, in micros a contract."""

    gain: int
    cost: int


# ---- is it worth it ------------------------------------------------------------------------------------------------


def placed(places: tuple[Place, ...], order: OrderUpdate, book: Book, now: int) -> tuple[Place, ...]:
    """Return the places after an update: one is taken when an order rests and given up when it ends."""
    known = any(place.client_order_id == order.client_order_id for place in places)
    if known == (order.state in LIVE_STATES) or (not known and order.state != "LIVE"):
        return places
    if known:
        return tuple(place for place in places if place.client_order_id != order.client_order_id)
    shown = _shown(book, order.side, order.price_ticks)
    fresh = Place(order.client_order_id, order.side, order.price_ticks, shown, shown, 0, now, 0)
    return (*places[1 - PLACES_MAX :], fresh)


def traded(places: tuple[Place, ...], seen: TradePrint) -> tuple[Place, ...]:
    """Return the places after a public trade."""
    return tuple(
        hit(place, seen.size_lots) if place.price_ticks == seen.price_ticks and place.side == -seen.aggressor else place
        for place in places
    )


def weighed(
    places: tuple[Place, ...],
    old: OrderUpdate,
    new: PlannedOrder,
    book: Book,
    definition: MarketDefinition,
    fair: FairValue | None,
    fill: SignalReport | None,
    replace_cost: int,
) -> Weighed | None:
    """Weigh an order that would take the place of an older one; None when it must go through, or cannot be weighed."""
    step_ticks = definition.step_ticks(old.price_ticks) if definition.price_bands else 1
    steps = old.side * (new.price_ticks - old.price_ticks) // step_ticks
    if steps < 0 or new.size_lots < old.open_lots or new.reduce_only or definition.instrument_kind:
        return None
    place = next((place for place in places if place.client_order_id == old.client_order_id), None)
    if fair is None or fill is None or place is None or not 0.0 < fill.part("t_fill") < NEVER_S:
        return None
    tick, horizon_s = definition.tick_micros, fill.horizon_ms // 1_000
    edge_old = old.side * (fair.p_micros - old.price_ticks * tick)
    edge_new = old.side * (fair.p_micros - new.price_ticks * tick)
    shown = _shown(book, old.side, old.price_ticks)
    rate = (fill.part("queue_ahead") + new.size_lots) / fill.part("t_fill") * exp(-K_D * steps)
    ahead = looked(place, shown)[0].ahead
    p_now, p_back = (round(chance(rate, 0, K_D, q + old.open_lots, horizon_s)[0] * MILLION) for q in (ahead, shown))
    gain = (round(fill.value * MILLION) * edge_new - p_back * edge_old) // MILLION
    return Weighed(gain, replace_cost + max(0, (p_now - p_back) * edge_old // MILLION))


def _shown(book: Book, side: int, price: int) -> int:
    return (book.bids if side > 0 else book.asks)[price] if 0 < price <= book.grid else 0


# ---- is it confirmed -----------------------------------------------------------------------------------------------


def confirmed(changes: tuple[Change, ...], order: OrderUpdate) -> tuple[tuple[Change, ...], Change | None]:
    """Return the changes after an update, and the one that it completed: the old order gone, the new one there.

    A change whose new order was refused is over without a word: its strategy hears of that itself.
    """
    for change in changes:
        if order.client_order_id not in (change.old_id, change.new_id):
            continue
        is_new, lives = order.client_order_id == change.new_id, order.state in LIVE_STATES
        after = replace(
            change,
            old_ended=change.old_ended or (not is_new and not lives),
            new_lives=change.new_lives or (is_new and order.state in ("LIVE", "PARTIAL", "FILLED")),
        )
        rest = tuple(other for other in changes if other is not change)
        if after.old_ended and after.new_lives:
            return rest, after
        if is_new and order.state in ("REJECTED", "EXPIRED", "CANCELLED"):
            return rest, None
        return tuple(after if other is change else other for other in changes), None
    return changes, None


# ---- was the cancel heard ------------------------------------------------------------------------------------------


def leaving(orders: tuple[Leaving, ...], update: OrderUpdate, now: int) -> tuple[Leaving, ...]:
    """Return the orders on their way out after an update; the venue's refusal of a cancel is an answer too."""
    known = any(order.client_order_id == update.client_order_id for order in orders)
    if update.state == "PENDING_CANCEL":
        return orders if known else (*orders, Leaving(update.client_order_id, now))
    if not known or update.state == "UNKNOWN":
        return orders
    return tuple(order for order in orders if order.client_order_id != update.client_order_id)


def step(order: Leaving, now: int, timeout_ns: int, max_retries: int) -> str:
    """Return what is due for an order on its way out: AGAIN, EVERYTHING, NOBODY_KNOWS, or nothing (empty)."""
    waited = now - order.sent_ns
    if order.is_everything:
        return NOBODY_KNOWS if waited >= timeout_ns and not order.is_told else ""
    if order.tries >= max_retries:
        return EVERYTHING if waited >= timeout_ns else ""
    return AGAIN if waited >= timeout_ns + SECOND_NS * 2 ** min(order.tries, 16) else ""


def sent(orders: tuple[Leaving, ...], names: frozenset[str], now: int, *, everything: bool) -> tuple[Leaving, ...]:
    """Return the orders on their way out after cancels of some were sent again."""
    return tuple(
        replace(order, sent_ns=now, tries=order.tries + 1, is_everything=order.is_everything or everything)
        if order.client_order_id in names
        else order
        for order in orders
    )
