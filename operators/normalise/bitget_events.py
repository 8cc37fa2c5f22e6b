"""Read every message of Bitget's public channels, both versions, slowly and precisely.

What a subscription begins with differs by channel. Of `books` it is the image that all later changes build on, and its
checksum is held against ours with each. `books1`, `books5` and `books15` send an image each time and no checksum; they
are left out while `books` or a deeper one of them is heard for the market. Of `trade` it is what was traded before,
which every reconnection would repeat: it is left out of the tape. Candles repeat the tape and change nothing.
"""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from contracts.base import Refused
from contracts.ids import INDEX_SHIFT
from contracts.market import (
    VenueBookImage,
    VenueConnection,
)
from contracts.reasons import (
    INTEL_FRAME_BAD_FIELD,
    INTEL_FRAME_NO_MARKET,
    INTEL_FRAME_UNKNOWN_KIND,
)
from operators.normalise.bitget_book import Change, SpelledBook, deltas, unit_shift
from operators.normalise.bitget_contracts import (
    BITGET,
    decimals_in,
    finer,
    in_units_of,
    market_id_of,
    step_of,
)
from operators.normalise.bitget_tape import (
    Arg,
    book_in,
    lots_of,
    meet,
    moment_ns,
    price_of,
    read_tickers,
    read_trades,
)
from operators.normalise.instruments import json_value, records_of, unreadable
from operators.normalise.markets import FACTS_MAX, Market, Sheet
from operators.normalise.spelling import Unreadable, shown

_DEPTH = {"books1": 1, "books5": 2, "books15": 3, "books50": 4, "books": 5}
_ACKNOWLEDGED = {"subscribe", "unsubscribe"}
_BUSY = {"30006", "30007"}  # asked too often: the connection lives, and the request comes again


class _Frame(Struct, gc=False):
    """Any message: a push has an action, an answer an event; what we sent has an op, a REST answer none of them."""

    action: str | None = None
    event: str | None = None
    op: str | None = None
    arg: Arg | None = None
    data: msgspec.Raw = msgspec.Raw(b"[]")
    code: str | int = ""
    msg: str | None = ""


class _Touched(Struct, gc=False):
    arg: Arg


class _Book(Struct, gc=False):
    asks: list[tuple[str, str]]
    bids: list[tuple[str, str]]
    ts: int
    checksum: int | None = None


_FRAME, _TOUCHED = msgspec.json.Decoder(_Frame), msgspec.json.Decoder(_Touched)
_BOOKS = msgspec.json.Decoder(list[_Book], strict=False)


def read_slow(sheet: Sheet, data: bytes) -> None:
    """Read any frame onto the sheet; raises Unreadable with the reason for a dead letter."""
    word = data.strip()
    if word in (b"pong", b"ping"):
        sheet.control = True
        if word == b"pong":
            _say(sheet, "beat")
        return
    try:
        _frame(sheet, _FRAME.decode(data), data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise unreadable(data, err) from None
    except Refused as err:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"{err}") from None


def touched(data: bytes) -> list[str]:
    """Return the market whose book a frame would have changed, as far as the frame can still be read."""
    try:
        arg = _TOUCHED.decode(data).arg
        return [market_id_of(arg.inst_type, arg.inst_id)] if arg.channel in _DEPTH else []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, Unreadable):
        return []


def _frame(sheet: Sheet, frame: _Frame, data: bytes) -> None:
    """Tell pushes, answers, our own requests and REST answers apart."""
    if frame.event is not None:
        _answer(sheet, frame)
    elif frame.op is not None:
        sheet.control = True
    elif frame.action is None and frame.arg is None:
        _lists(sheet, data)
    else:
        arg = frame.arg
        if arg is None:
            raise Unreadable(INTEL_FRAME_NO_MARKET, "arg: missing; allowed: instType, channel and instId")
        if frame.action not in ("snapshot", "update"):
            raise Unreadable(INTEL_FRAME_UNKNOWN_KIND, f"action: {shown(frame.action)}; allowed: snapshot, update")
        if arg.channel.startswith("candle"):
            market_id_of(arg.inst_type, arg.inst_id)
            return
        reader = _READERS.get(arg.channel)
        if reader is None:
            allowed = ", ".join([*_READERS, "candle..."])
            raise Unreadable(INTEL_FRAME_UNKNOWN_KIND, f"channel: {shown(arg.channel)}; allowed: {allowed}")
        reader(sheet, arg, frame.action, bytes(frame.data))


def _answer(sheet: Sheet, frame: _Frame) -> None:
    """Read an answer. An error about how often was asked passes; any other means that something will never come."""
    if frame.event == "error":
        code = str(frame.code)
        if code not in _BUSY:
            raise Unreadable(INTEL_FRAME_BAD_FIELD, f"error {shown(code)}: {shown(frame.msg)}; allowed: no refusal")
    elif frame.event not in _ACKNOWLEDGED:
        allowed = ", ".join(sorted(_ACKNOWLEDGED | {"error"}))
        raise Unreadable(INTEL_FRAME_UNKNOWN_KIND, f"event: {shown(frame.event)}; allowed: {allowed}")
    sheet.control = True
    _say(sheet, "answered")


def _say(sheet: Sheet, event: str, market: int = -1) -> None:
    sheet.facts.append(VenueConnection(sheet.fact(), sheet.at_ns, market, event, sheet.stream[:128], -1))


def _lists(sheet: Sheet, data: bytes) -> None:
    """Read a list of contracts or pairs that stands in the recording."""
    records = list(records_of(json_value(data)))
    if not records:
        raise Unreadable(INTEL_FRAME_UNKNOWN_KIND, f"frame {shown(data[:60])}; allowed: a push, an answer or a list")
    regridded = []
    for record in records:
        known = sheet.find(record.market_id)
        market = sheet.define(record if known is None else in_units_of(record, known.record))
        if known is not None and known.record.tick_micros != market.record.tick_micros:
            regridded.append(market.index)
    for index in regridded:
        sheet.table.spelled.pop(index, None)


# ---- books --------------------------------------------------------------------------------------------------------


def _books(sheet: Sheet, arg: Arg, action: str, data: bytes) -> None:
    """Read an image or changes of a book."""
    made = _BOOKS.decode(data)
    if len(made) != 1:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"data: {len(made)} books; allowed: one")
    image = action == "snapshot" or arg.channel != "books"
    (_image if image else _changes)(sheet, arg, made[0])


def _image(sheet: Sheet, arg: Arg, made: _Book) -> None:
    texts = [price for price, _ in (*made.bids, *made.asks)]
    market = meet(sheet, arg, texts, padded=True)
    book, channel = book_in(sheet, market), arg.channel
    if market.stream == sheet.stream and not market.lost and _DEPTH[channel] < _DEPTH.get(book.channel, 0):
        return
    market = _grown(sheet, market, texts)
    book, venue_ns = book_in(sheet, market), moment_ns(made.ts)
    bids, asks = _side(book, "bids", made.bids), _side(book, "asks", made.asks)
    sheet.hear(market.record.market_id, BITGET)
    pairs = [tuple((ticks, lots) for ticks, lots, _, _ in side) for side in (bids, asks)]
    sheet.facts.append(
        VenueBookImage(sheet.fact(), sheet.at_ns, market.index, pairs[0], pairs[1], -1, venue_ns, sheet.proof)
    )
    sheet.table.spelled[market.index] = book
    book.image(channel, bids, asks)
    book.whole = channel == "books"
    if book.whole and not book.agrees(made.checksum):
        _say(sheet, "checksum", market.index)


def _grown(sheet: Sheet, market: Market, texts: list[str]) -> Market:
    """Return a market on a grid that holds an image's prices, which may show more decimals than what came before."""
    record, table = market.record, book_in(sheet, market).prices
    try:
        for text in texts:
            table[text]
    except ValueError:
        step = step_of(decimals_in(texts, padded=False), unit_shift(record))
        return sheet.define(finer(record, step)) if step % record.tick_micros else market
    return market


def _level(book: SpelledBook, field: str, price: str, size: str) -> Change:
    return price_of(book, field, price), lots_of(book, field, size), price, size


def _side(book: SpelledBook, field: str, made: list[tuple[str, str]]) -> list[Change]:
    """Return one side of an image, best first; empty levels are dropped, a price that comes twice is refused."""
    found: dict[int, Change] = {}
    for place, (price, size) in enumerate(made):
        change = _level(book, f"{field}[{place}]", price, size)
        if change[0] in found:
            raise Unreadable(INTEL_FRAME_BAD_FIELD, f"{field}[{place}]: price {shown(price)} twice; allowed: once")
        found[change[0]] = change
    return sorted((change for change in found.values() if change[1]), reverse=field == "bids")


def _changes(sheet: Sheet, arg: Arg, made: _Book) -> None:
    market = meet(sheet, arg, [price for price, _ in (*made.bids, *made.asks)], padded=True)
    book, venue_ns = book_in(sheet, market), moment_ns(made.ts)
    fresh = bool(market.stream != sheet.stream or market.lost)
    if not fresh and book.channel not in ("", "books"):
        return  # a shallow channel is all that was heard of this market: these changes belong to an image before it
    bids = [_level(book, f"bids[{n}]", price, size) for n, (price, size) in enumerate(made.bids)]
    asks = [_level(book, f"asks[{n}]", price, size) for n, (price, size) in enumerate(made.asks)]
    if len(bids) + len(asks) >= FACTS_MAX - len(sheet.facts) - 2:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"data: {len(bids) + len(asks)} levels; allowed: {FACTS_MAX - 4}")
    market = sheet.hear(market.record.market_id, BITGET)
    first = sheet.base | len(sheet.facts) << INDEX_SHIFT
    sheet.facts += deltas(first, sheet.at_ns, market.index, bids, asks, venue_ns, sheet.proof)
    sheet.table.spelled[market.index] = book
    if fresh:
        book.doubt()
    elif book.whole and not book.changed(bids, asks, made.checksum):
        _say(sheet, "checksum", market.index)


_READERS: dict[str, Callable[[Sheet, Arg, str, bytes], None]] = {
    **dict.fromkeys(_DEPTH, _books),
    "trade": read_trades,
    "ticker": read_tickers,
}
