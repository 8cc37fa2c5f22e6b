"""Read every message and answer of Binance (perpetuals, coin-margined, spot), slowly, and say precisely what is wrong.

Changes carry new totals, an id range U..u and, except on spot, the id `pu` that must have come before; order_book puts
them on the snapshot. A snapshot names no market: the rule is that it is heard on a connection called `depth:SYMBOL`,
in captures of ours and from the readers of other recordings; a `symbol` of its own must agree. One frame tells spot
from perpetuals: spot changes have no `pu`, spot quotes no `e`, spot trades an `M`, spot snapshots no `E`.

Trades come twice, as `trade` and summed as `aggTrade`: of a market the kind that came first counts. Liquidations at the
insurance fund (`X` other than MARKET) meet no book. Mark and index prices are references and finer than a millionth;
they are cut to it, the funding rate is exact.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from contracts.base import Refused
from contracts.market import VenueBookDelta, VenueBookImage, VenueConnection, VenueMarkUpdate, VenueTicker, VenueTrade
from contracts.reasons import (
    INTEL_FRAME_BAD_FIELD,
    INTEL_FRAME_BAD_PRICE,
    INTEL_FRAME_BAD_SIZE,
    INTEL_FRAME_NO_MARKET,
    INTEL_FRAME_UNKNOWN_KIND,
)
from operators.normalise.binance_records import BINANCE, SPOT, exchange_info, funding_hours, is_dated, provisional
from operators.normalise.instruments import Fields, json_value, unreadable
from operators.normalise.markets import Market, Sheet
from operators.normalise.spelling import MILLION, PRICE_MAX, Unreadable, scaled, shown

T = TypeVar("T")
Levels = list[tuple[str, str]]
MS_FROM, MS_TO = 100_000_000_000, 4_102_444_800_000
SEQ_MAX = 1 << 62
TAPES = ("trade", "aggTrade")
MARKET_ORDER = "MARKET"
SNAPSHOT_OF = "depth:"
_BEST = {"u", "s", "b", "B", "a", "A"}
_CUT_DECIMALS, _RATE_DECIMALS = 18, 9
_RATE_MAX = 10**_RATE_DECIMALS  # the whole notional in one interval; no venue allows a twentieth of it
_CUT = 10**12


class _Depth(Struct, gc=False, rename={"symbol": "s", "first": "U", "final": "u", "previous": "pu", "bids": "b",
                                       "asks": "a", "made_ms": "T", "event_ms": "E"}):  # fmt: skip
    symbol: str
    first: int
    final: int
    bids: Levels
    asks: Levels
    previous: int | None = None
    made_ms: int = 0
    event_ms: int = 0


class _Best(Struct, gc=False, rename={"symbol": "s", "kind": "e", "bid": "b", "bid_size": "B", "ask": "a",
                                      "ask_size": "A", "made_ms": "T", "event_ms": "E"}):  # fmt: skip
    symbol: str
    bid: str
    bid_size: str
    ask: str
    ask_size: str
    kind: str = ""
    made_ms: int = 0
    event_ms: int = 0


class _Trade(Struct, gc=False, rename={"symbol": "s", "kind": "e", "price": "p", "size": "q", "trade": "t",
                                       "summed": "a", "maker": "m", "spot": "M", "origin": "X", "made_ms": "T",
                                       "event_ms": "E"}):  # fmt: skip
    symbol: str
    kind: str
    price: str | None = None
    size: str | None = None
    trade: int | None = None
    summed: object = None
    maker: bool | None = None
    spot: bool | None = None
    origin: str = MARKET_ORDER
    made_ms: int = 0
    event_ms: int = 0


class _Mark(Struct, gc=False, rename={"symbol": "s", "mark": "p", "index": "i", "rate": "r", "due_ms": "T"}):
    symbol: str
    mark: str
    index: str = ""
    rate: str = ""
    due_ms: int = 0


class _Image(Struct, gc=False, rename={"update": "lastUpdateId", "made_ms": "T", "event_ms": "E"}):
    update: int
    bids: Levels
    asks: Levels
    symbol: str = ""
    made_ms: int = 0
    event_ms: int | None = None


def read_slow(sheet: Sheet, data: bytes) -> None:
    """Read any frame or answer of this dialect onto the sheet; raises Unreadable with the reason for a dead letter."""
    try:
        value, stream = json_value(data), ""
        if isinstance(value, dict) and "stream" in value:
            stream, value = value["stream"], value.get("data")
            if not isinstance(stream, str) or not stream:
                raise Unreadable(INTEL_FRAME_BAD_FIELD, f"stream: {shown(stream)}; allowed: symbol@channel")
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, dict):
                raise Unreadable(
                    INTEL_FRAME_UNKNOWN_KIND, f"frame: {shown(one)}; allowed: an object, or an array of them"
                )
            _one(sheet, one, stream)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise unreadable(data, err) from None
    except Refused as err:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"{err}") from None


def _one(sheet: Sheet, fields: Fields, stream: str) -> None:
    """Read one message; what has no `e` is known by its fields."""
    kind = fields.get("e", "")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is not None:
        reader(sheet, fields, stream)
    elif kind == "" and "e" not in fields:
        _unnamed(sheet, fields, stream)
    elif not isinstance(kind, str) or kind not in QUIET:
        raise Unreadable(INTEL_FRAME_UNKNOWN_KIND, f"e: {shown(kind)}; allowed: {_ALLOWED}")


def _unnamed(sheet: Sheet, fields: Fields, stream: str) -> None:
    """Read what has no `e`: spot's best quotes, a snapshot, instruments, fundings, an answer to a command."""
    if fields.keys() >= _BEST:
        _best(sheet, fields, stream)
    elif "lastUpdateId" in fields:
        _image(sheet, fields, stream)
    elif "symbols" in fields:
        _define(sheet, fields)
    elif "fundingIntervalHours" in fields:
        _fund(sheet, *funding_hours(fields))
    elif ("id" in fields and ("result" in fields or "error" in fields)) or ("code" in fields and "msg" in fields):
        sheet.control = True
        sheet.facts.append(VenueConnection(sheet.fact(), sheet.at_ns, -1, "answered", sheet.stream[:128], -1))
    else:
        raise Unreadable(
            INTEL_FRAME_UNKNOWN_KIND, f"e: missing; frame {shown(sorted(fields)[:9])}; allowed: {_ALLOWED}"
        )


def _made(fields: Fields, shape: type[T]) -> T:
    return msgspec.convert(fields, shape)


# ---- parts --------------------------------------------------------------------------------------------------------


def _id(symbol: str, *, spot: bool = False) -> str:
    """Return the id of a market; a future with a delivery date has none."""
    if not symbol or is_dated(symbol):
        raise Unreadable(INTEL_FRAME_NO_MARKET, f"symbol: {shown(symbol)}; allowed: a perpetual's or a spot pair's")
    return symbol + SPOT if spot else symbol


def _meet(sheet: Sheet, market_id: str, prices: list[str], sizes: list[str]) -> Market:
    """Return a market; at first sight its record is said, declared or assumed."""
    market, table = sheet.find(market_id), sheet.table
    if market is None:
        declared = table.declared.get(market_id)
        market = sheet.define(declared or provisional(market_id, prices, sizes, table.hours))
    return market


def _venue_ns(*moments: int | None) -> int:
    """Return the first of the venue's times that is there, in nanoseconds; 0 without one."""
    ms = next((each for each in moments if each), 0)
    if ms and not MS_FROM <= ms <= MS_TO:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"T or E: {shown(ms)}; allowed: milliseconds since 1970, up to 2100")
    return ms * MILLION


def _price(market: Market, text: str | None, field: str) -> int:
    try:
        return market.levels[text or ""]
    except ValueError:
        step = market.record.tick_micros
        allowed = f"a decimal string, a multiple of {step} millionths, from 1 to {PRICE_MAX} of them"
        raise Unreadable(INTEL_FRAME_BAD_PRICE, f"{field}: {shown(text)}; allowed: {allowed}") from None


def _lots(market: Market, text: str | None, field: str) -> int:
    try:
        return market.sizes[text or ""]
    except ValueError:
        allowed = f"a decimal string from 0, a multiple of {market.record.lot_micros} millionths"
        raise Unreadable(INTEL_FRAME_BAD_SIZE, f"{field}: {shown(text)}; allowed: {allowed}") from None


# ---- messages -----------------------------------------------------------------------------------------------------


def is_diff(stream: str) -> bool:
    """True when a stream carries every change of the book: `symbol@depth`, at any speed."""
    return "@depth@" in stream or stream.endswith("@depth")


def _depth(sheet: Sheet, fields: Fields, stream: str) -> None:
    if "@rpiDepth" in stream:  # with orders that only retail may take: another book
        return
    if stream and not is_diff(stream):
        raise Unreadable(INTEL_FRAME_UNKNOWN_KIND, f"stream: {shown(stream)}: part of a book; allowed: symbol@depth")
    made = _made(fields, _Depth)
    prev = made.first - 1 if made.previous is None else made.previous
    if not 0 <= prev < made.final < SEQ_MAX or made.first > made.final:
        seen = f"pu {prev}, U {made.first}, u {made.final}"
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"{shown(seen)}; allowed: 0 <= pu < u, U <= u")
    market_id = _id(made.symbol, spot=made.previous is None)
    both = [*made.bids, *made.asks]
    _meet(sheet, market_id, [price for price, _ in both], [size for _, size in both])
    market = sheet.hear(market_id, BINANCE)
    venue_ns = _venue_ns(made.made_ms, made.event_ms)
    left = len(both) or 1
    for side, name, levels in ((1, "b", made.bids), (-1, "a", made.asks)):
        for place, (price, size) in enumerate(levels):
            ticks, lots = _price(market, price, f"{name}[{place}]"), _lots(market, size, f"{name}[{place}]")
            left -= 1
            sheet.facts.append(
                VenueBookDelta(
                    sheet.fact(), sheet.at_ns, market.index, side, ticks, lots, False, -1, -1, not left, made.final,
                    venue_ns, sheet.proof, prev,
                )
            )  # fmt: skip
    if not both:  # the numbers go on although no level changed
        sheet.facts.append(
            VenueBookDelta(
                sheet.fact(), sheet.at_ns, market.index, 1, 1, 0, True, -1, -1, True, made.final, venue_ns,
                sheet.proof, prev,
            )
        )  # fmt: skip


def _image(sheet: Sheet, fields: Fields, stream: str) -> None:
    """Read a snapshot; it does not say on which connection the changes of its market are heard."""
    made = _made(fields, _Image)
    named = sheet.stream.removeprefix(SNAPSHOT_OF) if sheet.stream.startswith(SNAPSHOT_OF) else ""
    symbol = made.symbol or named
    if stream or not symbol or (named and named != symbol):
        seen = f"symbol {shown(made.symbol)}, connection {shown(sheet.stream)}, stream {shown(stream)}"
        raise Unreadable(INTEL_FRAME_NO_MARKET, f"snapshot: {seen}; allowed: a connection named {SNAPSHOT_OF}SYMBOL")
    if not 0 <= made.update < SEQ_MAX:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"lastUpdateId: {shown(made.update)}; allowed: 0 or more")
    both = [*made.bids, *made.asks]
    market_id = _id(symbol, spot=made.event_ms is None)
    market = _meet(sheet, market_id, [price for price, _ in both], [size for _, size in both])
    bids, asks = _side(market, made.bids, "bids"), _side(market, made.asks, "asks")
    bids.sort(reverse=True)
    asks.sort()
    venue_ns = _venue_ns(made.made_ms, made.event_ms)
    sheet.facts.append(
        VenueBookImage(
            sheet.fact(), sheet.at_ns, market.index, tuple(bids), tuple(asks), made.update, venue_ns, sheet.proof
        )
    )


def _side(market: Market, made: Levels, field: str) -> list[tuple[int, int]]:
    """Return one side of an image; empty levels are dropped, a price that comes twice is refused."""
    found: dict[int, int] = {}
    for place, (text, size) in enumerate(made):
        price = _price(market, text, f"{field}[{place}]")
        if price in found:
            raise Unreadable(INTEL_FRAME_BAD_FIELD, f"{field}[{place}]: price {shown(text)} twice; allowed: once")
        found[price] = _lots(market, size, f"{field}[{place}]")
    return [(price, lots) for price, lots in found.items() if lots]


def _best(sheet: Sheet, fields: Fields, stream: str) -> None:
    """Best quotes beside the book; they run ahead of it. A price of 0 is an empty side."""
    made = _made(fields, _Best)
    market_id = _id(made.symbol, spot=not made.kind)
    market = _meet(sheet, market_id, [made.bid, made.ask], [made.bid_size, made.ask_size])
    bid, ask = (
        -1 if scaled(text) == 0 else _price(market, text, name) for name, text in (("b", made.bid), ("a", made.ask))
    )
    venue_ns = _venue_ns(made.made_ms, made.event_ms)
    sheet.facts.append(VenueTicker(sheet.fact(), sheet.at_ns, market.index, bid, ask, -1, 0, venue_ns, sheet.proof))


def _trade(sheet: Sheet, fields: Fields, stream: str) -> None:
    """Read a trade of the kind that counts for its market; the first one decides."""
    made = _made(fields, _Trade)
    market_id, tapes = _id(made.symbol, spot=made.spot is not None), sheet.table.tapes
    if tapes.get(market_id, made.kind) != made.kind or made.origin != MARKET_ORDER:
        return
    number = made.trade if made.kind == TAPES[0] else made.summed
    if made.price is None or made.size is None or made.maker is None or not isinstance(number, int):
        raise Unreadable(
            INTEL_FRAME_BAD_FIELD, f"{made.kind}: {shown(sorted(fields))}; allowed: with p, q, m and its id"
        )
    market = _meet(sheet, market_id, [made.price], [made.size])
    price, lots = _price(market, made.price, "p"), _lots(market, made.size, "q")
    venue_ns = _venue_ns(made.made_ms, made.event_ms)
    sheet.facts.append(
        VenueTrade(
            sheet.fact(), sheet.at_ns, market.index, price, lots, -1 if made.maker else 1, str(number), -1, venue_ns,
            sheet.proof,
        )
    )  # fmt: skip
    if market_id not in tapes:
        sheet.after.append(partial(tapes.__setitem__, market_id, made.kind))


def _mark(sheet: Sheet, fields: Fields, stream: str) -> None:
    made = _made(fields, _Mark)
    market = _meet(sheet, _id(made.symbol), [made.mark], [])
    rate = scaled(made.rate or "0", _RATE_DECIMALS)
    if rate is None or abs(rate) > _RATE_MAX:
        allowed = f"a decimal string from -1 to 1 of at most {_RATE_DECIMALS} decimals"
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"r: {shown(made.rate)}; allowed: {allowed}")
    due_ns = _venue_ns(made.due_ms)
    sheet.facts.append(
        VenueMarkUpdate(
            sheet.fact(), sheet.at_ns, market.index, _cut(made.mark, "p"), _cut(made.index or "0", "i"), rate, due_ns,
            sheet.proof,
        )
    )  # fmt: skip


def _cut(text: str, field: str) -> int:
    """Return a reference price in millionths, cut."""
    value = scaled(text, _CUT_DECIMALS)
    if value is None or not 0 <= value <= SEQ_MAX * _CUT:
        raise Unreadable(INTEL_FRAME_BAD_PRICE, f"{field}: {shown(text)}; allowed: a decimal string from 0")
    return value // _CUT


# ---- instruments --------------------------------------------------------------------------------------------------


def _define(sheet: Sheet, fields: Fields) -> None:
    """Take instruments: a known market's record is said again, any other is remembered until the market speaks."""
    records = list(exchange_info(fields, sheet.table.hours))
    for record in records:
        if sheet.find(record.market_id) is not None:
            sheet.define(record)
    sheet.after.append(partial(sheet.table.declare, records))


def _fund(sheet: Sheet, symbol: str, hours: int) -> None:
    """Take the hours between two fundings of a perpetual."""
    table = sheet.table
    declared, market = table.declared.get(symbol), sheet.find(symbol)
    sheet.after.append(partial(table.hours.__setitem__, symbol, hours))
    if declared is not None:
        sheet.after.append(partial(table.declare, [replace(declared, funding_interval_h=hours)]))
    if market is not None and market.record.funding_interval_h != hours:
        sheet.define(replace(market.record, funding_interval_h=hours))


_READERS: dict[str, Callable[[Sheet, Fields, str], None]] = {
    "depthUpdate": _depth,
    "bookTicker": _best,
    "trade": _trade,
    "aggTrade": _trade,
    "markPriceUpdate": _mark,
}
QUIET = frozenset({
    "kline", "continuous_kline", "indexPrice_kline", "markPrice_kline", "24hrTicker", "24hrMiniTicker", "1hTicker",
    "4hTicker", "1dTicker", "avgPrice", "forceOrder", "indexPriceUpdate", "compositeIndex", "assetIndexUpdate",
    "contractInfo", "serverShutdown",
})  # fmt: skip
"""Known, and without meaning for a book, a tape or a mark."""
_ALLOWED = ", ".join([*_READERS, "bids and asks with lastUpdateId", "symbols", "an answer with id"])
