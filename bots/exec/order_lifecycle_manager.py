"""Keep the one truth about every order's state, and turn each match into a Fill exactly once.

Says    OwnOrders, then the OrderUpdate of a legal move, then the Fill of a match. An illegal move makes the order
        UNKNOWN and says so; a match beyond the size is flagged and not applied; an order or cancel without an answer
        for `ack_timeout_ms` is UNKNOWN, which counts as live. What lives is in OwnOrders, what ended is not.
Why     Positions are built from these Fills alone. Venues repeat themselves and let messages overtake each other, so a
        match is known by its key, the fee is the match's own, and a match after the end of its order still counts, as
        far as the size goes. A match on a chain is PROVISIONAL until it is confirmed or `confirm_blocks` deep; its
        adapter says MATCHED, MINED:depth, RETRYING, CONFIRMED or FAILED in `detail`, everyone else leaves it empty.
        Limits: the last 128 fill keys, 16 ended orders and 64 provisional matches of a market are remembered.
Source  FIX order state change matrices; facts/polymarket.md §9 for the ladder of a match.
"""

from bots.kit import BotConfig, Frac, Instant, Latest, Millis, Number, On, State, fold
from bots.maths.order_states import ILLEGAL, find, is_final, matched_state, moved, next_state
from contracts.intent import BotNote
from contracts.market import ClockTick, MarketDefinition
from contracts.order import CANCEL, LIVE_STATES, AuthorisedOrder, Fill, OrderUpdate, OwnOrders, VenueOrderEvent
from contracts.reasons import (
    EXEC_ORDER_ADVANCED,
    EXEC_ORDER_ILLEGAL_MOVE,
    EXEC_ORDER_PROVISIONAL,
    EXEC_ORDER_UNKNOWN,
)

MS, KEYS_MAX, ENDED_MAX, PROVISIONAL_MAX = 1_000_000, 128, 16, 64
WAITING = frozenset({"PENDING_SUBMIT", "PENDING_CANCEL"})
FLAG, FINAL = BotNote(EXEC_ORDER_ILLEGAL_MOVE), BotNote(EXEC_ORDER_ADVANCED)
Said = tuple[OwnOrders | OrderUpdate | Fill | BotNote, ...]


class Config(BotConfig):
    """ack_timeout_ms without an answer; qty_tol of the overfill test; confirm_blocks after which a match is final."""

    ack_timeout_ms: Millis = 3_000
    qty_tol: Frac = 1
    confirm_blocks: Number = 5


class Table(State):
    """Living orders, oldest first; the last that ended; keys of matches seen, and of those not yet final."""

    orders: tuple[OrderUpdate, ...] = ()
    ended: tuple[OrderUpdate, ...] = ()
    keys: tuple[str, ...] = ()
    provisional: tuple[str, ...] = ()


def submitted(config: Config, state: Table, order: On[AuthorisedOrder], now: Instant) -> tuple[Table, Said]:
    """Enter an order before it leaves, or note that a cancel is on its way."""
    child = order.child
    known = find(state.orders, child.client_order_id)
    if child.action == CANCEL:
        if known is None or known.state == "PENDING_CANCEL":
            return state, ()
        return _put(state, known, moved(known, "PENDING_CANCEL", now, EXEC_ORDER_ADVANCED))
    if known is not None or find(state.ended, child.client_order_id) is not None:
        return state, (FLAG,)
    head = (child.client_order_id, "", child.market_id, order.strategy, child.side, child.price_ticks, child.size_lots)
    fresh = OrderUpdate(*head, 0, child.reduce_only, "PENDING_SUBMIT", now, EXEC_ORDER_ADVANCED)
    orders = (*state.orders, fresh)
    return Table(orders, state.ended, state.keys, state.provisional), (OwnOrders(orders), fresh)


def heard(
    config: Config, state: Table, event: On[VenueOrderEvent], definition: Latest[MarketDefinition], now: Instant
) -> tuple[Table, Said]:
    """Take in the venue's word on one order."""
    if event.event == "MATCH":
        return _match(config, state, event, definition, now)
    order = find(state.orders, event.client_order_id)
    if order is None:
        ended = find(state.ended, event.client_order_id)
        late = event.event in ("CANCEL_REJECT", "ACK") or (ended is not None and event.event[:6] == ended.state[:6])
        return state, () if late else (FLAG,)
    after = next_state(order, event.event, event.detail)
    if after == ILLEGAL:
        return _put(state, order, moved(order, "UNKNOWN", now, EXEC_ORDER_ILLEGAL_MOVE, event.venue_order_id))
    if after == order.state and (order.venue_order_id or not event.venue_order_id):
        return state, ()
    return _put(state, order, moved(order, after, now, EXEC_ORDER_ADVANCED, event.venue_order_id))


def wait(config: Config, state: Table, tick: On[ClockTick], now: Instant) -> tuple[Table, Said]:
    """Doubt what has had no answer for too long."""
    said: Said = ()
    for order in state.orders:
        if order.state in WAITING and now - order.since_ns >= config.ack_timeout_ms * MS:
            state, more = _put(state, order, moved(order, "UNKNOWN", now, EXEC_ORDER_UNKNOWN))
            said += more
    return state, said


def _match(config: Config, state: Table, event: VenueOrderEvent, of: MarketDefinition, now: int) -> tuple[Table, Said]:
    key, final = f"{event.trade_id}|{event.client_order_id}", is_final(event.detail, config.confirm_blocks)
    order = find(state.orders, event.client_order_id) or find(state.ended, event.client_order_id)
    if order is None:
        return state, (FLAG,)
    if key in state.keys:
        if key not in state.provisional or not (final or event.detail == "FAILED"):
            return state, ()
        rest = tuple(other for other in state.provisional if other != key)
        state = Table(state.orders, state.ended, state.keys, rest)
        failed = moved(order, "UNKNOWN", now, EXEC_ORDER_ILLEGAL_MOVE)
        return (state, (FINAL,)) if final else _put(state, order, failed)
    filled, lives = order.filled_lots + event.size_lots, order.state in LIVE_STATES
    if filled > order.size_lots + config.qty_tol // of.lot_micros or event.detail == "FAILED":
        return _put(state, order, moved(order, "UNKNOWN" if lives else order.state, now, EXEC_ORDER_ILLEGAL_MOVE))
    reason = EXEC_ORDER_ADVANCED if final else EXEC_ORDER_PROVISIONAL
    open_keys = state.provisional if final else (*state.provisional[1 - PROVISIONAL_MAX :], key)
    after = matched_state(order, filled) if lives or filled >= order.size_lots else order.state
    known = Table(state.orders, state.ended, (*state.keys[1 - KEYS_MAX :], key), open_keys)
    known, said = _put(known, order, moved(order, after, now, reason, event.venue_order_id, filled))
    head = (event.market_id, of.venue_id, event.trade_id, event.client_order_id, order.strategy, event.side)
    paid = (event.price_ticks, of.tick_micros, event.size_lots, of.lot_micros, event.fee_micros)
    return known, (*said, Fill(*head, *paid, event.liquidity, final, reason))


def _put(state: Table, old: OrderUpdate, new: OrderUpdate) -> tuple[Table, Said]:
    """Return the table with an order's new state, and what is said of it."""
    orders, ended = state.orders, state.ended
    if old.state in LIVE_STATES:
        place = orders.index(old)
        before, after = orders[:place], orders[place + 1 :]
    else:
        before, after, ended = orders, (), tuple([order for order in ended if order is not old])
    if new.state in LIVE_STATES:
        orders = (*before, new, *after)
    else:
        orders, ended = before + after, (*ended[1 - ENDED_MAX :], new)
    return Table(orders, ended, state.keys, state.provisional), (OwnOrders(orders), new)


BOT = fold(
    submitted,
    heard,
    wait,
    reasons={EXEC_ORDER_ADVANCED, EXEC_ORDER_PROVISIONAL, EXEC_ORDER_ILLEGAL_MOVE, EXEC_ORDER_UNKNOWN},
)
