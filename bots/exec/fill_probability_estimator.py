"""Estimate the chance that a resting order fills within the horizon, and how long that takes.

Says    `fill_probability` for each approved intent: at its own price when it can only rest, else at the price at which
        it would join; parts queue_ahead (lots) and t_fill (seconds). 0 when nobody was ever seen trading here.
Why     A router that believes in fills it does not get trades too late. The rate at which queues move is measured here,
        from public trades and from cancels in our own queues, in a window of one horizon. The chance never exceeds what
        orders at that distance achieved before by more than a margin.
Source  Cont, Stoikov, Talreja 2010; Avellaneda and Stoikov 2008.
"""

from typing import Annotated

from bots.kit import Book, BotConfig, Frac, Instant, Latest, On, Positive, Seconds, Signal, State, fold
from bots.maths.queues import NEVER_S, Flow, Place, added, chance, hit, is_reachable, looked, rate
from contracts.intent import WITHDRAW, ApprovedIntent
from contracts.market import TradePrint
from contracts.order import LIVE_STATES, OrderUpdate
from contracts.reasons import EXEC_FILL_ESTIMATED, EXEC_FILL_HOPELESS, EXEC_FILL_UNKNOWN, EXEC_FILL_UNLIKELY
from contracts.signal import SignalReport

MILLION, SECOND_NS = 1_000_000, 1_000_000_000
FAR, WEIGHT, UNLIKELY = 3, 10, 0.1  # last bucket of distance; a new order weighs a tenth; below this a fill is unlikely


class Config(BotConfig):
    """horizon_s is T, and the window of the rates; k_d fades them per tick; hit_margin over what orders achieved."""

    horizon_s: Seconds = 60
    k_d: Positive = 0.7
    hit_margin: Frac = 200_000


class Queues(State):
    """The market's flow, our places in its queues, and the share filled by distance in millionths (-1: none yet)."""

    flow: Flow = Flow()
    places: tuple[Place, ...] = ()
    hits: tuple[int, ...] = (-1,) * (FAR + 1)


def trade(config: Config, state: Queues, seen: On[TradePrint], now: Instant) -> Queues:
    """Count a public trade, and let it eat the queues that it met."""
    lots = seen.size_lots
    sold = lots * (1 - seen.aggressor) / 2  # an unknown aggressor counts half on each side
    flow = added(state.flow, sold, lots - sold, 0.0, now, config.horizon_s * SECOND_NS)
    places = tuple(
        hit(p, lots) if p.price_ticks == seen.price_ticks and p.side == -seen.aggressor else p for p in state.places
    )
    return Queues(flow, places, state.hits)


def follow(config: Config, state: Queues, order: On[OrderUpdate], book: Latest[Book], now: Instant) -> Queues:
    """Take a place when an order rests, give it up when it ends, and learn what such a place was worth."""
    lives = order.state in LIVE_STATES
    if lives and order.state != "LIVE":
        return state
    place = next((known for known in state.places if known.client_order_id == order.client_order_id), None)
    if place is None:
        if not lives or not 0 < order.price_ticks <= book.grid:
            return state
        shown, behind = _level(book, order.side, order.price_ticks), _behind(book, order.side, order.price_ticks)
        head = (order.client_order_id, order.side, order.price_ticks, shown, shown, 0, now)
        return Queues(state.flow, (*state.places, Place(*head, min(FAR, max(0, behind)))), state.hits)
    if lives:
        return state
    left, hits = tuple([p for p in state.places if p is not place]), state.hits
    if order.state == "FILLED" or now - place.born_ns >= config.horizon_s * SECOND_NS:  # else it had no time to fill
        share, before = order.filled_lots * MILLION // max(1, order.size_lots), hits[place.bucket]
        after = share if before < 0 else before + (share - before) // WEIGHT
        hits = (*hits[: place.bucket], after, *hits[place.bucket + 1 :])
    return Queues(state.flow, left, hits)


def estimate(
    config: Config, state: Queues, approved: On[ApprovedIntent], book: Latest[Book], now: Instant
) -> tuple[Queues, Annotated[SignalReport, Signal("fill_probability")] | None]:
    """Estimate for one intent, after a look at our own queues."""
    wish, side, horizon = approved.intent, approved.intent.side, config.horizon_s
    if wish.intent_kind == WITHDRAW:
        return state, None
    best, price = book.bid if side > 0 else book.ask, wish.price_ticks
    if not approved.post_only and 0 < best <= book.grid:
        price = min(price, best) if side > 0 else max(price, best)
    levels = book.bids if side > 0 else book.asks
    flow, places, ahead = state.flow, state.places, levels[price] if 0 < price <= book.grid else 0
    if places:
        flow, places, ahead = _look(state, book, side, price, ahead, now, horizon * SECOND_NS)
    moving = rate(flow, side, now, horizon * SECOND_NS) if flow.at_ns else 0.0
    odds, seconds, reason = 0.0, NEVER_S, EXEC_FILL_UNKNOWN
    if moving > 0.0 and book.live:
        behind = max(0, side * (best - price))
        odds, seconds = chance(moving, behind, config.k_d, ahead + approved.size_lots, horizon)
        known = state.hits[min(FAR, behind)]
        odds = min(odds, (known + config.hit_margin) / MILLION) if known >= 0 else odds
        reason = EXEC_FILL_UNLIKELY if odds < UNLIKELY else EXEC_FILL_ESTIMATED
        reason = EXEC_FILL_HOPELESS if behind and not is_reachable(behind, config.k_d) else reason
    parts = (("queue_ahead", float(ahead)), ("t_fill", float(round(seconds))))
    said = SignalReport("fill_probability", round(odds, 3), "", 0.0, 1.0, horizon * 1_000, 0, "1", parts, (), reason)
    return state if places is state.places else Queues(flow, places, state.hits), said


def _look(
    state: Queues, book: Book, side: int, price: int, ahead: int, now: int, window: int
) -> tuple[Flow, tuple[Place, ...], int]:
    """Look at our own queues; return the flow with the cancels seen, our places, and who is ahead at this price."""
    flow, places = state.flow, state.places
    for number, place in enumerate(places):
        shown = _level(book, place.side, place.price_ticks)
        if shown == place.shown and not place.traded:  # as it stood: nothing to learn
            if place.side == side and place.price_ticks == price:
                ahead = place.ahead
            continue
        seen, gone = looked(place, shown)
        flow = added(flow, 0.0, 0.0, gone, now, window) if gone else flow
        if seen.side == side and seen.price_ticks == price:
            ahead = seen.ahead
        if seen is not place:
            places = (*places[:number], seen, *places[number + 1 :])
    return flow, places, ahead


def _level(book: Book, side: int, price: int) -> int:
    return (book.bids if side > 0 else book.asks)[price] if 0 < price <= book.grid else 0


def _behind(book: Book, side: int, price: int) -> int:
    return side * ((book.bid if side > 0 else book.ask) - price)


BOT = fold(
    trade,
    follow,
    estimate,
    reasons={EXEC_FILL_ESTIMATED, EXEC_FILL_UNLIKELY, EXEC_FILL_HOPELESS, EXEC_FILL_UNKNOWN},
)
