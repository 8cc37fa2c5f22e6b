"""Read every message of Kalshi's market channels and every control line of the recorder, slowly and precisely.

A missing side of a snapshot is an empty side. `ok` and other answers consume a sequence number, so they are facts of
the connection. Block trades are off-book and are left out of the tape (fact sheet §7).
"""

from collections.abc import Callable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from contracts.base import Refused
from contracts.market import (
    Status,
    VenueBookDelta,
    VenueBookImage,
    VenueConnection,
    VenueInstrumentRecord,
    VenueTicker,
    VenueTrade,
)
from contracts.reasons import (
    INTEL_FRAME_BAD_FIELD,
    INTEL_FRAME_BAD_PRICE,
    INTEL_FRAME_BAD_SIZE,
    INTEL_FRAME_NO_MARKET,
    INTEL_FRAME_UNKNOWN_KIND,
)
from operators.normalise.instruments import json_value, kalshi_status, records_of, unreadable
from operators.normalise.kalshi_lifecycle import event_fee_update, event_lifecycle, market_lifecycle
from operators.normalise.markets import KALSHI, Market, Sheet, default_record
from operators.normalise.spelling import MILLION, Sizes, Unreadable, epoch_ns, iso_ns, shown

_TERMINAL = {10, 25}  # channel error and buffer overflow end a subscription (fact sheet §8)
_SEQ_MAX = 1 << 62


class _Envelope(Struct, gc=False):
    """A bare frame."""

    type: str | None = None
    sid: int | None = None
    seq: int | None = None
    msg: msgspec.Raw = msgspec.Raw(b"{}")


class _Line(Struct, gc=False):
    """A recorder's line."""

    event_type: str
    connection_id: str
    payload_json: msgspec.Raw = msgspec.Raw(b"{}")
    sequence_number: int | None = None
    channel: msgspec.Raw = msgspec.Raw(b"")


class _Delta(Struct, gc=False):
    market_ticker: str
    price_dollars: str
    delta_fp: str
    side: str
    ts_ms: int | None = None


class _Snapshot(Struct, gc=False):
    market_ticker: str
    yes_dollars_fp: list[tuple[str, str]] | None = None
    no_dollars_fp: list[tuple[str, str]] | None = None
    ts_ms: int | None = None


class _Ticker(Struct, gc=False):
    market_ticker: str
    yes_bid_dollars: str | None = None
    yes_ask_dollars: str | None = None
    price_dollars: str | None = None
    volume_fp: str | None = None
    ts_ms: int | None = None


class _Trade(Struct, gc=False):
    market_ticker: str
    yes_price_dollars: str
    count_fp: str
    trade_id: str = ""
    taker_outcome_side: str | None = None
    taker_book_side: str | None = None
    taker_side: str | None = None
    is_block_trade: bool = False
    ts_ms: int | None = None


class _Watch(Struct, gc=False):
    market_ticker: str
    close_time: str | None = None
    status: str | None = None
    strike: object = None


class _Error(Struct, gc=False):
    code: int = 0


class _Sid(Struct, gc=False):
    sid: int


class _Subscribed(Struct, gc=False):
    msg: _Sid


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_LINE = msgspec.json.Decoder(_Line)
_DELTA, _SNAPSHOT = msgspec.json.Decoder(_Delta), msgspec.json.Decoder(_Snapshot)
_TICKER, _TRADE = msgspec.json.Decoder(_Ticker), msgspec.json.Decoder(_Trade)
_WATCH, _ERROR = msgspec.json.Decoder(_Watch), msgspec.json.Decoder(_Error)
_SUBSCRIBED, _SID = msgspec.json.Decoder(_Subscribed), msgspec.json.Decoder(_Sid)
_RECORDER = {
    "ws_connected": "connected",
    "ws_disconnected": "disconnected",
    "ws_subscribed": "subscribed",
    "market_rotated": "rotated",
}
_ANSWERS = {"subscribed": "subscribed", "ok": "answered", "unsubscribed": "answered", "error": "answered"}
_PROBES = {b"PONG", b"PING", b"heartbeat"}
_CONTROL = b'"control"'


def read_slow(sheet: Sheet, data: bytes, *, recorded: bool) -> None:
    """Read any frame or recorder line onto the sheet; raises Unreadable with the reason for a dead letter."""
    if data.strip() in _PROBES:
        sheet.control = True
        return
    try:
        if recorded:
            _line(sheet, _LINE.decode(data))
        else:
            _envelope(sheet, data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise unreadable(data, err) from None
    except Refused as err:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"{err}") from None


def _line(sheet: Sheet, line: _Line) -> None:
    """Read a recorder's line: a control line of its own, or the venue's message inside."""
    kind, payload = line.event_type, bytes(line.payload_json)
    sheet.stream = line.connection_id[:120]
    if kind == "watch_market":
        sheet.control = True
        _watch(sheet, _WATCH.decode(payload))
    elif kind in _RECORDER or (bytes(line.channel) == _CONTROL and kind not in _READERS):
        sheet.control = True
        if kind == "ws_subscribed":  # the recorder's own numbering runs per connection: a subscription restarts nothing
            sheet.stream = f"{sheet.stream}/{_SUBSCRIBED.decode(payload).msg.sid}"
        _say(sheet, _RECORDER.get(kind, "beat"), -1)
    else:
        _message(sheet, kind, _seq(line.sequence_number), payload)


def _envelope(sheet: Sheet, data: bytes) -> None:
    """Read a bare frame."""
    frame = _ENVELOPE.decode(data)
    if frame.type is None:
        for record in _metadata(data):
            sheet.define(record)
        return
    if frame.type in _ANSWERS:
        sheet.control = True
        _answer(sheet, frame)
        return
    if frame.sid is not None:
        sheet.stream = f"{sheet.stream}/{frame.sid}"
    _message(sheet, frame.type, _seq(frame.seq), bytes(frame.msg))


def _metadata(data: bytes) -> list[VenueInstrumentRecord]:
    """Return the records of a REST answer that stands in the recording."""
    records = list(records_of(json_value(data)))
    if not records:
        raise Unreadable(INTEL_FRAME_UNKNOWN_KIND, f"type: missing; frame {shown(data[:60])}; allowed: {_ALLOWED}")
    return records


def _answer(sheet: Sheet, frame: _Envelope) -> None:
    """Read an answer to a command: it may begin a subscription, end one, or use up a number."""
    sid, event = frame.sid, _ANSWERS[frame.type or ""]
    if frame.type == "subscribed":
        sid = _SID.decode(bytes(frame.msg)).sid
    if frame.type == "error" and _ERROR.decode(bytes(frame.msg)).code in _TERMINAL:
        event = "disconnected"
    if sid is not None:
        sheet.stream = f"{sheet.stream}/{sid}"
    _say(sheet, event, _seq(frame.seq))


def _say(sheet: Sheet, event: str, seq: int) -> None:
    sheet.facts.append(VenueConnection(sheet.fact(), sheet.at_ns, -1, event, sheet.stream[:128], seq))


def _message(sheet: Sheet, kind: str, seq: int, payload: bytes) -> None:
    reader = _READERS.get(kind)
    if reader is None:
        raise Unreadable(INTEL_FRAME_UNKNOWN_KIND, f"type: {shown(kind)}; allowed: {_ALLOWED}")
    reader(sheet, seq, payload)


def _seq(value: int | None) -> int:
    if value is None:
        return -1
    if not 0 <= value < _SEQ_MAX:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"seq: {shown(value)}; allowed: 0 or more")
    return value


def _ticker_of(value: str) -> str:
    if not value:
        raise Unreadable(INTEL_FRAME_NO_MARKET, "market_ticker: empty; allowed: a ticker")
    return value


def _venue_ns(value: int | None) -> int:
    if value is None:
        return 0
    ns = epoch_ns(value)
    if not ns:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"ts_ms: {shown(value)}; allowed: milliseconds since 1970, up to 2100")
    return ns


def _price(prices: dict[str, int], value: str, field: str, market: Market) -> int:
    ticks = prices.get(value)
    if ticks is None:
        allowed = f"a decimal string, a multiple of {market.record.tick_micros} millionths inside the grid"
        raise Unreadable(INTEL_FRAME_BAD_PRICE, f"{field}: {shown(value)}; allowed: {allowed}")
    return ticks


def _lots(known: Sizes, value: str, field: str) -> int:
    try:
        return known[value]
    except ValueError:
        allowed = f"a decimal string, a multiple of {known.lot_micros} millionths"
        raise Unreadable(INTEL_FRAME_BAD_SIZE, f"{field}: {shown(value)}; allowed: {allowed}") from None


def _book_delta(sheet: Sheet, seq: int, payload: bytes) -> None:
    made = _DELTA.decode(payload)
    market = sheet.hear(_ticker_of(made.market_ticker), KALSHI)
    if made.side not in market.sides:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"side: {shown(made.side)}; allowed: yes, no")
    side, prices = market.sides[made.side]
    price = _price(prices, made.price_dollars, "price_dollars", market)
    lots = _lots(market.changes, made.delta_fp, "delta_fp")
    venue_ns = _venue_ns(made.ts_ms)
    sheet.facts.append(
        VenueBookDelta(
            sheet.fact(), sheet.at_ns, market.index, side, price, lots, True, -1, -1, True, seq, venue_ns, sheet.proof
        )
    )


def _snapshot(sheet: Sheet, seq: int, payload: bytes) -> None:
    made = _SNAPSHOT.decode(payload)
    market = sheet.hear(_ticker_of(made.market_ticker), KALSHI)
    bids = _side(market, "yes", made.yes_dollars_fp or [])
    asks = _side(market, "no", made.no_dollars_fp or [])
    bids.sort(reverse=True)
    asks.sort()
    venue_ns = _venue_ns(made.ts_ms)
    sheet.facts.append(
        VenueBookImage(sheet.fact(), sheet.at_ns, market.index, tuple(bids), tuple(asks), seq, venue_ns, sheet.proof)
    )


def _side(market: Market, name: str, made: list[tuple[str, str]]) -> list[tuple[int, int]]:
    """Return one side of an image on the YES scale; empty levels are dropped, a price that comes twice is refused."""
    field, prices = f"{name}_dollars_fp", market.sides[name][1]
    found: dict[int, int] = {}
    for place, (text, size) in enumerate(made):
        price = _price(prices, text, f"{field}[{place}]", market)
        if price in found:
            raise Unreadable(INTEL_FRAME_BAD_FIELD, f"{field}[{place}]: price {shown(text)} twice; allowed: once")
        found[price] = _lots(market.sizes, size, f"{field}[{place}]")
    return [(price, lots) for price, lots in found.items() if lots]


def _ticker(sheet: Sheet, seq: int, payload: bytes) -> None:
    made = _TICKER.decode(payload)
    market = sheet.meet(_ticker_of(made.market_ticker), KALSHI)
    grid = MILLION // market.record.tick_micros
    bid = _price(market.bid_claims, made.yes_bid_dollars or "", "yes_bid_dollars", market)
    ask = _price(market.ask_claims, made.yes_ask_dollars or "", "yes_ask_dollars", market)
    last = _last(market, made.price_dollars)
    volume = _lots(market.sizes, made.volume_fp or "0", "volume_fp")
    venue_ns = _venue_ns(made.ts_ms)
    sheet.facts.append(
        VenueTicker(
            sheet.fact(),
            sheet.at_ns,
            market.index,
            bid or -1,
            ask if ask <= grid else -1,
            last,
            volume,
            venue_ns,
            sheet.proof,
        )
    )


def _last(market: Market, text: str | None) -> int:
    """Return the last price; a price of 0 means that nothing has traded."""
    if not text:
        return -1
    if text in market.ask_claims and text not in market.levels:
        return MILLION // market.record.tick_micros
    return _price(market.bid_claims, text, "price_dollars", market) or -1


def _trade(sheet: Sheet, seq: int, payload: bytes) -> None:
    made = _TRADE.decode(payload)
    market = sheet.meet(_ticker_of(made.market_ticker), KALSHI)
    price = _price(market.levels, made.yes_price_dollars, "yes_price_dollars", market)
    lots = _lots(market.sizes, made.count_fp, "count_fp")
    taker = made.taker_book_side or made.taker_outcome_side or made.taker_side or ""
    aggressor = {"bid": 1, "yes": 1, "ask": -1, "no": -1, "": 0}.get(taker)
    if aggressor is None or len(made.trade_id) > 128:
        raise Unreadable(
            INTEL_FRAME_BAD_FIELD, f"taker side {shown(taker)} or trade_id; allowed: bid, ask, yes, no; 128 characters"
        )
    if not made.is_block_trade:
        venue_ns = _venue_ns(made.ts_ms)
        sheet.facts.append(
            VenueTrade(
                sheet.fact(),
                sheet.at_ns,
                market.index,
                price,
                lots,
                aggressor,
                made.trade_id,
                seq,
                venue_ns,
                sheet.proof,
            )
        )


def _watch(sheet: Sheet, made: _Watch) -> None:
    """The recorder says what it watches: close time, status and strike define the market further."""
    ticker = _ticker_of(made.market_ticker)
    market = sheet.find(ticker)
    record = market.record if market else sheet.table.declared.get(ticker) or default_record(ticker, KALSHI)
    title = record.title if record.title != ticker else f"{ticker}: strike {made.strike}, closes {made.close_time}"
    sheet.define(
        replace(
            record,
            expiry_ns=iso_ns(made.close_time) or record.expiry_ns,
            title=title[:4_096] if made.strike is not None else record.title,
            status=int(kalshi_status(ticker, made.status)) if made.status else int(Status.OPEN),
        )
    )


_READERS: dict[str, Callable[[Sheet, int, bytes], None]] = {
    "orderbook_delta": _book_delta,
    "orderbook_snapshot": _snapshot,
    "ticker": _ticker,
    "trade": _trade,
    "market_lifecycle_v2": market_lifecycle,
    "event_lifecycle": event_lifecycle,
    "event_fee_update": event_fee_update,
}
_ALLOWED = ", ".join([*_READERS, *_ANSWERS])
