"""Let no order meet another of ours, in its own book or in the complement's.

Says    REJECT when all of it would meet own orders, RESHAPE to the rest when part of it would (a quote may then only
        rest), otherwise APPROVE; REJECT while the state of an own order is unknown. Seen is the overlap in lots, limit
        the size asked for.
Why     A trade with oneself is a wash trade, and buying NO at q is selling YES at 1 - q: one engine matches both books.
        What is pending, in submission or in cancellation, counts as resting. Other liquidity that stands before an own
        order shields it, for as much as is displayed at better prices.
Source  bots/library.toml; Commodity Exchange Act section 4c(a).
"""

from bots.kit import Book, BotConfig, Instant, Latest, On, State, Usd, approve, guard, reject, reshape
from bots.maths.notional import loss, unit_risk
from bots.maths.ordered import drop, find, put
from contracts.intent import QUOTE, OrderIntent, RiskVote
from contracts.market import MarketDefinition
from contracts.order import LIVE_STATES, OrderUpdate, OwnOrders
from contracts.reasons import RISK_SELF_TRADE, RISK_SELF_TRADE_NONE, RISK_SELF_TRADE_TRIMMED, RISK_SELF_TRADE_UNKNOWN

GATE = "risk.self_trade_wash_guard"
NONE = approve(GATE, RISK_SELF_TRADE_NONE, 0, 0)


class Config(BotConfig):
    """The smallest rest worth sending."""

    min_residual_usd: Usd = 10_000_000


class Pairs(State):
    """Own orders of the markets that have a complement, by market id."""

    keys: tuple[str, ...] = ()
    orders: tuple[tuple[OrderUpdate, ...], ...] = ()


def watch(
    config: Config, state: Pairs, update: On[OrderUpdate], definition: Latest[MarketDefinition], now: Instant
) -> Pairs:
    """Keep the own orders of markets with a complement; a book of its own has its own reading."""
    if not definition.complement_id:
        return state
    place = find(state.keys, update.market_id)
    known = state.orders[place] if place >= 0 else ()
    kept = tuple(order for order in known if order.client_order_id != update.client_order_id)
    if update.state in LIVE_STATES:
        kept = (*kept, update)
    if kept:
        keys = state.keys if place >= 0 else put(state.keys, place, update.market_id)
        return Pairs(keys, put(state.orders, place, kept))
    return state if place < 0 else Pairs(drop(state.keys, place), drop(state.orders, place))


def decide(
    config: Config,
    state: Pairs,
    intent: On[OrderIntent],
    own: Latest[OwnOrders | None],
    definition: Latest[MarketDefinition],
    book: Latest[Book],
    now: Instant,
) -> RiskVote:
    """Vote on one intent."""
    side, price, size = intent.side, intent.price_ticks, intent.size_lots
    crossing: list[tuple[int, int]] = []
    for order in own.orders if own is not None else ():
        if order.state == "UNKNOWN":
            return reject(GATE, RISK_SELF_TRADE_UNKNOWN, 0, size)
        if order.side != side and (price - order.price_ticks) * side >= 0:
            crossing.append((order.price_ticks * side, order.open_lots))
    place = find(state.keys, definition.complement_id) if definition.complement_id else -1
    for order in state.orders[place] if place >= 0 else ():
        mirrored = definition.grid_ticks - order.price_ticks
        if order.state == "UNKNOWN":
            return reject(GATE, RISK_SELF_TRADE_UNKNOWN, 0, size)
        if order.side == side and (price - mirrored) * side >= 0:
            crossing.append((mirrored * side, order.open_lots))
    overlap = _overlap(crossing, side, size, book) if crossing else 0
    if not overlap:
        return NONE
    left = size - overlap
    if left <= 0 or loss(unit_risk(definition, side, price), left) < config.min_residual_usd:
        return reject(GATE, RISK_SELF_TRADE, overlap, size)
    if intent.intent_kind == QUOTE:
        return reshape(GATE, RISK_SELF_TRADE_TRIMMED, overlap, size, size, post_only=True)
    return reshape(GATE, RISK_SELF_TRADE_TRIMMED, overlap, size, left)


def _overlap(crossing: list[tuple[int, int]], side: int, size_lots: int, book: Book) -> int:
    """Return how much of a size would meet own orders; they are given as (price * side, open lots)."""
    met = ours = 0
    for signed, open_lots in sorted(crossing):
        own_price = signed * side
        low, high = (book.ask, own_price - 1) if side > 0 else (own_price + 1, book.bid)
        better = book.between(-side, low, high)
        met += max(0, min(open_lots, size_lots - max(0, better - ours) - met))
        ours += open_lots
    return met


BOT = guard(
    decide,
    watch,
    reasons={RISK_SELF_TRADE_NONE, RISK_SELF_TRADE_TRIMMED, RISK_SELF_TRADE, RISK_SELF_TRADE_UNKNOWN},
    per="desk",
)
