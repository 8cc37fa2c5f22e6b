"""Read Bitget's public trades and tickers, both versions, and what every reader of a message of Bitget's needs.

A ticker of a perpetual carries its mark, index and funding as well. Of the channel `trade` a subscription begins with
what was traded before, which every reconnection would repeat: it is left out of the tape.
"""

import msgspec
from msgspec import Struct

from contracts.market import Kind, VenueInstrumentRecord, VenueMarkUpdate, VenueTicker, VenueTrade
from contracts.reasons import INTEL_FRAME_BAD_FIELD, INTEL_FRAME_BAD_PRICE, INTEL_FRAME_BAD_SIZE
from operators.normalise.bitget_book import SpelledBook, book_of, unit_shift
from operators.normalise.bitget_contracts import assumed, decimals_in, market_id_of
from operators.normalise.markets import Market, Sheet
from operators.normalise.spelling import SIZE_MAX, Unreadable, epoch_ns, scaled, shown

_EXACT = 18  # decimals in which an average is read before it is rounded
_RATE = 9
_SIDES = {"buy": 1, "sell": -1}


class Arg(Struct, gc=False, rename="camel"):
    """What a message is about: the kind of product, the channel, the symbol."""

    inst_type: str = ""
    channel: str = ""
    inst_id: str = ""


class _Trade(Struct, gc=False, rename="camel"):
    ts: int
    price: str
    size: str
    side: str
    trade_id: str = ""


class _Ticker(Struct, gc=False, rename="camel"):
    """Version 2; version 1 named the same numbers otherwise (`_OldTicker`)."""

    last_pr: str | None = None
    bid_pr: str | None = None
    ask_pr: str | None = None
    base_volume: str | None = None
    mark_price: str | None = None
    index_price: str | None = None
    funding_rate: str | None = None
    next_funding_time: int | str | None = None
    ts: int = 0


class _OldTicker(Struct, gc=False, rename="camel"):
    last: str
    best_bid: str | None = None
    best_ask: str | None = None
    base_volume: str | None = None
    mark_price: str | None = None
    index_price: str | None = None
    capital_rate: str | None = None
    next_settle_time: int | str | None = None
    system_time: int = 0
    ts: int = 0


_TRADES = msgspec.json.Decoder(list[_Trade | tuple[int, str, str, str]], strict=False)
_TICKERS = msgspec.json.Decoder(list[_Ticker], strict=False)
_OLD_TICKERS = msgspec.json.Decoder(list[_OldTicker], strict=False)


# ---- trades and tickers -------------------------------------------------------------------------------------------


def read_trades(sheet: Sheet, arg: Arg, action: str, data: bytes) -> None:
    """Read trades in the order in which they were made; the venue lists the newest first."""
    made = [one if isinstance(one, _Trade) else _Trade(*one) for one in _TRADES.decode(data)]
    if action == "snapshot":
        market_id_of(arg.inst_type, arg.inst_id)
        return
    market = meet(sheet, arg, [trade.price for trade in made], padded=False)
    book = book_in(sheet, market)
    made.reverse()  # newest first: of equal times the one further back came first
    for trade in sorted(made, key=lambda trade: trade.ts):
        aggressor = _SIDES.get(trade.side)
        if aggressor is None or len(trade.trade_id) > 128:
            said = f"side {shown(trade.side)} or tradeId {shown(trade.trade_id)}"
            raise Unreadable(INTEL_FRAME_BAD_FIELD, f"{said}; allowed: buy, sell; 128 characters")
        price, lots = price_of(book, "price", trade.price), lots_of(book, "size", trade.size)
        venue_ns, name = moment_ns(trade.ts), trade.trade_id
        sheet.facts.append(
            VenueTrade(sheet.fact(), sheet.at_ns, market.index, price, lots, aggressor, name, -1, venue_ns, sheet.proof)
        )


def read_tickers(sheet: Sheet, arg: Arg, action: str, data: bytes) -> None:
    """Read best quotes, last price, volume; of a perpetual with a funding rate its mark as well."""
    made = _TICKERS.decode(data)
    if made and made[0].last_pr is None:
        made = [_newer(old) for old in _OLD_TICKERS.decode(data)]
    if len(made) != 1:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"data: {len(made)} tickers; allowed: one")
    ticker = made[0]
    claims = [text or "" for text in (ticker.bid_pr, ticker.ask_pr, ticker.last_pr)]
    market = meet(sheet, arg, claims, padded=False)
    book = book_in(sheet, market)
    quotes = [_claim(book, name, text) for name, text in zip(("bid", "ask", "last"), claims, strict=True)]
    volume = _total(book, ticker.base_volume or "0")
    venue_ns = moment_ns(ticker.ts)
    sheet.facts.append(
        VenueTicker(
            sheet.fact(), sheet.at_ns, market.index, quotes[0], quotes[1], quotes[2], volume, venue_ns, sheet.proof
        )
    )
    if market.record.instrument_kind == Kind.PERP and ticker.mark_price and ticker.funding_rate:
        _mark(sheet, market.record, ticker)


def _newer(old: _OldTicker) -> _Ticker:
    """Return a ticker of version 1 under the names of version 2."""
    return _Ticker(
        old.last,
        old.best_bid,
        old.best_ask,
        old.base_volume,
        old.mark_price,
        old.index_price,
        old.capital_rate,
        old.next_settle_time,
        old.system_time or old.ts,
    )


def _claim(book: SpelledBook, field: str, text: str) -> int:
    """Return a price that the ticker repeats, in ticks; -1 where there is none."""
    return price_of(book, field, text) if text.strip("0.") else -1


def _total(book: SpelledBook, text: str) -> int:
    """Return a total in whole lots; 0 when it is beyond what a size may be."""
    units = scaled(text, _EXACT)
    if units is None or units < 0:
        raise Unreadable(INTEL_FRAME_BAD_SIZE, f"baseVolume: {shown(text)}; allowed: a decimal")
    lots = units // (book.lot * 10 ** (_EXACT - 6 + book.shift))
    return lots if lots <= SIZE_MAX else 0


def _mark(sheet: Sheet, record: VenueInstrumentRecord, ticker: _Ticker) -> None:
    """Say mark, index and funding: averages that no order can have, so they are rounded to the nearest unit."""
    shift = unit_shift(record)
    mark = _nearest("markPrice", ticker.mark_price or "", 6 + shift)
    index = _nearest("indexPrice", ticker.index_price or "0", 6 + shift)
    rate = _nearest("fundingRate", ticker.funding_rate or "", _RATE)
    due = str(ticker.next_funding_time or "0")
    counted = due.isascii() and due.isdigit() and len(due) < 20
    due_ns = moment_ns(int(due), "nextFundingTime") if counted and int(due) else 0
    if mark <= 0 or index < 0:
        raise Unreadable(INTEL_FRAME_BAD_PRICE, f"markPrice or indexPrice: {mark}, {index}; allowed: above 0")
    sheet.facts.append(
        VenueMarkUpdate(sheet.fact(), sheet.at_ns, record.market, mark, index, rate, due_ns, sheet.proof)
    )


def _nearest(field: str, text: str, decimals: int) -> int:
    """Return a decimal in units of its so manieth decimal, rounded to the nearest, halves up."""
    units = scaled(text, _EXACT)
    if units is None or abs(units) > SIZE_MAX * 10 ** (_EXACT - decimals):
        raise Unreadable(
            INTEL_FRAME_BAD_FIELD, f"{field}: {shown(text)}; allowed: a decimal of at most {_EXACT} places"
        )
    step: int = 10 ** (_EXACT - decimals)
    return (units + step // 2) // step


# ---- markets ------------------------------------------------------------------------------------------------------


def meet(sheet: Sheet, arg: Arg, texts: list[str], *, padded: bool) -> Market:
    """Return a market, defined by what its prices show when nothing else defined it."""
    market_id = market_id_of(arg.inst_type, arg.inst_id)
    market = sheet.find(market_id)
    if market is None:
        record = sheet.table.declared.get(market_id) or assumed(market_id, decimals_in(texts, padded=padded))
        market = sheet.define(record)
    return market


def book_in(sheet: Sheet, market: Market) -> SpelledBook:
    """Return the book of a market in the venue's spelling; on another grid than before, a new one."""
    book = sheet.table.spelled.get(market.index)
    if book is None or (book.tick, book.lot) != (market.record.tick_micros, market.record.lot_micros):
        return book_of(market.record)
    return book


def price_of(book: SpelledBook, field: str, text: str) -> int:
    """Return a price in ticks; raises Unreadable naming the field."""
    try:
        return book.prices[text]
    except ValueError:
        allowed = f"a decimal above 0, a multiple of {book.tick} millionths of {10**book.shift}"
        raise Unreadable(INTEL_FRAME_BAD_PRICE, f"{field}: {shown(text)}; allowed: {allowed}") from None


def lots_of(book: SpelledBook, field: str, text: str) -> int:
    """Return a size in lots; raises Unreadable naming the field."""
    try:
        return book.sizes[text]
    except ValueError:
        allowed = f"a decimal, a multiple of {book.lot} millionths of {10**book.shift}"
        raise Unreadable(INTEL_FRAME_BAD_SIZE, f"{field}: {shown(text)}; allowed: {allowed}") from None


def moment_ns(value: int, field: str = "ts") -> int:
    """Return the venue's milliseconds in nanoseconds; raises Unreadable naming the field."""
    ns = epoch_ns(value) if value > 0 else 0
    if not ns:
        raise Unreadable(
            INTEL_FRAME_BAD_FIELD, f"{field}: {shown(value)}; allowed: milliseconds since 1970, up to 2100"
        )
    return ns
