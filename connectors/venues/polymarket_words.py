"""Read Polymarket's orders, trades and errors: two tokens to a market, sizes in two units, a ladder instead of an end.

A token's price p is the other's 1 - p, so what is bought of the complement is sold of the market. A maker's fill is the
entry of `maker_orders` with our order in it; the numbers above it are the taker's. Sizes of orders are documented as
shares and shown in base units, so an order of ours tells the unit by its own size. Fees are not in a trade: makers pay
none, takers what the market's schedule says.

Source: facts on Polymarket, §5, §5.6, §6, §9.
"""

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from connectors.venue import (
    CANCELLED,
    EXPIRED,
    FILLED,
    REJECTED,
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
from connectors.venues.reading import Unread, field, lots, micros, text, ticks, whole
from contracts.order import VenueOrderEvent
from operators.normalise.spelling import epoch_ns

MILLION = 1_000_000
DUPLICATED = "duplicated"
ACCEPTED = ("live", "matched", "delayed")
LIVING = ("LIVE", "DELAYED", "UNMATCHED")
EXPIRIES = ("CANCELED_EXPIRED_ORDER", "CANCELED_ORDER_TIMED_OUT")
FINAL_RUNG, FAILED_RUNG = "CONFIRMED", "FAILED"
RESTART_S, BUSY_S, NOT_READY_S = 2.0, 1.0, 5.0
# A size of a million shares or more is read as base units, where nothing of ours says the unit.
BASE_UNITS_FROM = 1_000_000
# Words of a 400 or of `errorMsg`, and what an order that met them is.
TELLS_NOTHING = ("context canceled",)
LATER = ("market is not yet ready", "MARKET_NOT_READY")
# Words of a 503 that say that nothing was done.
AWAY = ("trading is currently disabled", "cancel-only", "post-only", "post_only_mode")


class Told(NamedTuple):
    """An order as one market sees it: side and ticks on its own scale."""

    side: int
    price_ticks: int


def told(row: Mapping[str, object], terms: Terms) -> Told:
    """Return side and price of a row on its market's scale; raises Unread for a token that is not the market's."""
    spelled, token, price = text(row, "side"), text(row, "asset_id"), micros(row, "price")
    if spelled not in ("BUY", "SELL"):
        raise Unread("side")
    side = 1 if spelled == "BUY" else -1
    if token == terms.symbol:
        return Told(side, ticks(price, side, terms))
    if token != terms.complement_id:
        raise Unread("asset_id")
    return Told(-side, ticks(MILLION - price, -side, terms))


def status_of(row: Mapping[str, object]) -> str:
    """Return a status without the prefixes that REST puts before it."""
    return text(row, "status").upper().removeprefix("ORDER_STATUS_").removeprefix("TRADE_STATUS_")


def shares(row: Mapping[str, object], name: str, own_micros: int) -> int:
    """Return a size of an order in millionths of a share; `own_micros` is the order's size where we know it, else 0."""
    stated = micros(row, name)
    whole_size = micros(row, "original_size")
    if own_micros:
        return stated // MILLION if abs(whole_size // MILLION - own_micros) < abs(whole_size - own_micros) else stated
    return stated // MILLION if whole_size >= BASE_UNITS_FROM * MILLION else stated


def order_of(row: Mapping[str, object], terms: Terms, client_order_id: str, own_micros: int) -> VenueOrder:
    """Return an order as REST states it; raises Unread."""
    side, price = told(row, terms)
    size = lots(shares(row, "original_size", own_micros), terms)
    filled = lots(shares(row, "size_matched", own_micros), terms)
    status = status_of(row)
    order_id = text(row, "id")
    state = _state(status, size, filled)
    return VenueOrder(client_order_id, order_id, terms.market_id, state, side, price, size, filled, status)


def _state(status: str, size: int, filled: int) -> str:
    if status in LIVING:
        return RESTING
    if status == "MATCHED":
        return FILLED if filled >= size else CANCELLED
    if status in EXPIRIES:
        return EXPIRED
    if status == "INVALID":
        return REJECTED
    if status.startswith("CANCELED"):
        return CANCELLED
    raise Unread("status")


class Ours(NamedTuple):
    """By what our part of a trade is known: the key of the account, and its wallet."""

    owner: str
    wallet: str

    def made(self, row: Mapping[str, object]) -> bool:
        """True for an entry of `maker_orders` that is ours."""
        return row.get("owner") == self.owner or str(row.get("maker_address", "")).lower() == self.wallet.lower()


class Part(NamedTuple):
    """Our part of a trade, before it is known which market it is of."""

    trade_id: str
    order_id: str
    row: Mapping[str, object]
    units: int
    maker: bool
    condition: str
    status: str
    at_ns: int


def parts_of(trade: Mapping[str, object], ours: Ours) -> Iterator[Part]:
    """Yield our parts of a trade: as taker the trade itself, as maker each of our orders that it met."""
    trade_id, condition, status = text(trade, "id"), text(trade, "market"), status_of(trade)
    at_ns = _time(trade)
    makers = trade.get("maker_orders")
    mine = [row for row in makers if isinstance(row, dict) and ours.made(row)] if isinstance(makers, list) else []
    role = trade.get("trader_side")
    taker = role == "TAKER" if isinstance(role, str) else not mine
    if taker:
        yield Part(
            trade_id, text(trade, "taker_order_id"), trade, micros(trade, "size"), False, condition, status, at_ns
        )
        return
    for number, row in enumerate(mine):
        name = trade_id if not number else f"{trade_id}.{number}"
        yield Part(name, text(row, "order_id"), row, micros(row, "matched_amount"), True, condition, status, at_ns)


def _time(trade: Mapping[str, object]) -> int:
    for name in ("match_time", "matchtime", "timestamp", "last_update"):
        if trade.get(name):
            return epoch_ns(whole(trade[name]))
    raise Unread("match_time")


def fill_of(part: Part, terms: Terms, client_order_id: str, fee_micros: int) -> VenueFill:
    """Return our part of a trade as a fill: settled once CONFIRMED, failed once FAILED; raises Unread."""
    side, price = told(part.row, terms)
    return VenueFill(
        part.trade_id,
        part.order_id,
        client_order_id,
        terms.market_id,
        side,
        price,
        lots(part.units, terms),
        fee_micros,
        "maker" if part.maker else "taker",
        part.at_ns,
        part.status == FINAL_RUNG,
        part.status == FAILED_RUNG,
    )


def taker_fee(details: Mapping[str, object], units: int, price_micros: int) -> int:
    """Return shares * rate * (p * (1 - p))^exponent in micros, to five decimals; nothing stated is no fee."""
    rate, exponent = _number(details, "r"), _number(details, "e")
    if not rate:
        return 0
    p = Decimal(price_micros) / MILLION
    fee = Decimal(units) / MILLION * rate * (p * (1 - p)) ** exponent
    return int(fee.quantize(Decimal("0.00001"), ROUND_HALF_UP) * MILLION)


def _number(details: Mapping[str, object], name: str) -> Decimal:
    found = field(details, name)
    if isinstance(found, bool) or not isinstance(found, int | str | Decimal):
        raise Unread(name)
    try:
        return Decimal(found)
    except ArithmeticError:
        raise Unread(name) from None


def event_of(row: Mapping[str, object], terms: Terms, client_order_id: str) -> VenueOrderEvent | None:
    """Return what an order event of the user channel says; its fills come as trades. Raises Unread."""
    kind, status = text(row, "type"), status_of(row) if row.get("status") else ""
    events = {"PLACEMENT": "ACK", "CANCELLATION": "EXPIRED" if status in EXPIRIES else "CANCELLED"}
    if status == "INVALID":
        events["PLACEMENT"] = "REJECT"
    if kind not in events:
        return None
    side, price = told(row, terms)
    size = lots(micros(row, "original_size"), terms)
    return VenueOrderEvent(
        client_order_id, text(row, "id"), terms.market_id, events[kind], side, price, size, "", "", 0, 0, status
    )


def word_of(reply: Reply) -> str:
    """Return what the venue says was wrong; it has several shapes."""
    for name in ("code", "error", "errorMsg", "error_msg"):
        if found := reply.text(name):
            return found
    return str(reply.status)


def refused(what: str, word: str, said: str) -> VenueFailed:
    """Return what a refusal in words means for an order."""
    low = word.lower()
    if any(known in low for known in TELLS_NOTHING):
        return Ambiguous(f"{what}: {said}", word)
    if any(known.lower() in low for known in LATER):
        return Retryable(f"{what}: {said}", word, NOT_READY_S)
    return Final(f"{what}: {said}", word)


def failed(what: str, reply: Reply, *, writes: bool) -> VenueFailed:
    """Return what an answer that is no 2xx means.

    425 and 429 were not carried out, nor was a 503 that says why; any other 5xx may have been.
    """
    word, said = word_of(reply), f"{what}: {reply.status} {reply.said}"
    if reply.status in (425, 429):
        return Retryable(said, word, reply.wait_s or (RESTART_S if reply.status == 425 else BUSY_S))
    if reply.status == 503 and any(known in reply.said.lower() for known in AWAY):
        return Retryable(said, word, reply.wait_s or _after(reply))
    if reply.status >= 500 or reply.status < 400:
        return Ambiguous(said, word) if writes else Retryable(said, word, reply.wait_s or BUSY_S)
    return refused(what, word, f"{reply.status} {reply.said}") if writes else Final(said, word)


def _after(reply: Reply) -> float:
    found = reply.get("retry_after_seconds")
    return float(found) if isinstance(found, int | Decimal) and 0 <= found <= 600 else RESTART_S
