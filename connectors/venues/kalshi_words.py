"""Read Kalshi's orders, fills and errors: every price on the YES scale, `book_side` as the one word on direction.

Source: the venue's "Order direction", "Get Fills", "Get Orders", OpenAPI errors (facts on Kalshi, §6 to §8, §11).
"""

from collections.abc import Mapping

from connectors.venue import (
    CANCELLED,
    EXPIRED,
    FILLED,
    RESTING,
    Ambiguous,
    Final,
    Retryable,
    Terms,
    VenueFailed,
    VenueFill,
    VenueOrder,
)
from connectors.venues.asking import Reply
from connectors.venues.reading import Markets, Names, Unread, lots, micros, text, ticks, whole
from contracts.order import VenueOrderEvent
from operators.normalise.spelling import epoch_ns, iso_ns

SIDES = {"bid": 1, "ask": -1}
DUPLICATE = 409
BUSY, BUSY_S = 429, 0.5


def order_of(row: Mapping[str, object], markets: Markets) -> VenueOrder:
    """Return an order as a list or the user channel states it; raises Unread."""
    terms = markets.of(text(row, "ticker"))
    side = side_of(row)
    size = lots(micros(row, "initial_count_fp"), terms)
    filled = lots(micros(row, "fill_count_fp"), terms)
    reason = row.get("last_update_reason")
    return VenueOrder(
        str(row.get("client_order_id") or ""),
        text(row, "order_id"),
        terms.market_id,
        _state(row, size, filled),
        side,
        ticks(micros(row, "yes_price_dollars"), side, terms),
        size,
        filled,
        reason if isinstance(reason, str) else "",
    )


def side_of(row: Mapping[str, object]) -> int:
    """Return 1 for a bid, -1 for an ask; the older words differ between orders and fills, and are not read."""
    side = SIDES.get(text(row, "book_side"))
    if side is None:
        raise Unread("book_side")
    return side


def _state(row: Mapping[str, object], size: int, filled: int) -> str:
    status = text(row, "status")
    if status == "resting":
        return RESTING
    if status == "executed":
        return FILLED if filled >= size else CANCELLED
    if status != "canceled":
        raise Unread("status")
    ends, ended = (
        time_of(row, "expiration_time", "expiration_ts_ms"),
        time_of(row, "last_update_time", "last_updated_ts_ms"),
    )
    return EXPIRED if 0 < ends <= ended else CANCELLED


def time_of(row: Mapping[str, object], iso: str, epoch: str) -> int:
    """Return a time that REST spells in ISO 8601 and the channel as a number, in nanoseconds; 0 without one."""
    found = row.get(epoch)
    if isinstance(found, int) and not isinstance(found, bool):
        return epoch_ns(found)
    return iso_ns(row.get(iso))


def placed(reply: Reply, sent: tuple[str, int, int, int], terms: Terms, *, rests: bool) -> VenueOrder:
    """Return the order that a 2xx tells of; `sent` is our id, side, ticks and lots. Raises Unread without a count."""
    client_order_id, side, price, size = sent
    body = reply.body if isinstance(reply.body, dict) else {}
    filled, left = lots(micros(body, "fill_count"), terms), lots(micros(body, "remaining_count"), terms)
    state = RESTING if left and rests else FILLED if filled >= size else CANCELLED
    order_id = text(body, "order_id")
    return VenueOrder(client_order_id, order_id, terms.market_id, state, side, price, size, filled)


def fill_of(row: Mapping[str, object], markets: Markets, names: Names) -> VenueFill:
    """Return a fill as REST or the user channel states it; REST has no id of ours, so it is joined by the order's."""
    symbol = row.get("ticker") or row.get("market_ticker")
    if not isinstance(symbol, str):
        raise Unread("ticker")
    terms, side, order_id = markets.of(symbol), side_of(row), text(row, "order_id")
    taker = row.get("is_taker")
    if not isinstance(taker, bool):
        raise Unread("is_taker")
    at_ns = time_of(row, "created_time", "ts_ms")
    return VenueFill(
        text(row, "trade_id"),
        order_id,
        str(row.get("client_order_id") or names.ours(order_id)),
        terms.market_id,
        side,
        ticks(micros(row, "yes_price_dollars"), side, terms),
        lots(micros(row, "count_fp"), terms),
        micros(row, "fee_cost"),
        "taker" if taker else "maker",
        at_ns or (epoch_ns(whole(row["ts"])) if row.get("ts") else 0),
    )


def event_of(order: VenueOrder) -> VenueOrderEvent | None:
    """Return what an update of the user channel says beyond its fills; None for an order that was filled."""
    events = {RESTING: "ACK", CANCELLED: "CANCELLED", EXPIRED: "EXPIRED"}
    if order.state not in events:
        return None
    return VenueOrderEvent(
        order.client_order_id,
        order.venue_order_id,
        order.market_id,
        events[order.state],
        order.side,
        order.price_ticks,
        order.size_lots,
        "",
        "",
        0,
        0,
        order.detail,
    )


def code_of(reply: Reply) -> str:
    """Return the venue's word for an error; it has three shapes, and a status where it has none."""
    inner = reply.get("error")
    if isinstance(inner, dict) and isinstance(inner.get("code"), str):
        return str(inner["code"])
    return reply.text("code") or str(reply.status)


def failed(what: str, reply: Reply, *, writes: bool) -> VenueFailed:
    """Return what an answer that is no 2xx means: 429 was not carried out, 5xx may have been, the rest is refused."""
    said, code = f"{what}: {reply.status} {reply.said}", code_of(reply)
    if reply.status == BUSY:
        return Retryable(said, code, reply.wait_s or BUSY_S)
    if reply.status >= 500 or reply.status < 400:
        return Ambiguous(said, code) if writes else Retryable(said, code, reply.wait_s or BUSY_S)
    return Ambiguous(said, code) if writes and reply.status == DUPLICATE else Final(said, code)
