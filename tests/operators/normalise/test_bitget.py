"""Bitget's messages become facts: both versions of the socket, lists, and books proven by their checksum."""

import json
import pickle
from itertools import pairwise
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.market import (
    BookEvent,
    Kind,
    Status,
    VenueBookDelta,
    VenueBookImage,
    VenueConnection,
    VenueInstrumentRecord,
    VenueMarkUpdate,
    VenueTicker,
    VenueTrade,
)
from operators.normalise import Frame, Normalised, Normaliser, read_instruments
from operators.normalise.bitget_book import CHECKED, LEVELS_MAX, SpelledBook
from operators.order_book import OrderBooks

AT, TS = 1_790_000_000_500_000_000, 1_790_000_000_123
MARKET = "bitget:BTCUSDT"
ARG = {"instType": "USDT-FUTURES", "channel": "books", "instId": "BTCUSDT"}
# The fact sheet's book: 407033238 and, after the ask is gone, -1883378892 are its real checksums.
FIRST = {"asks": [["65000.2", "1.5"]], "bids": [["65000.1", "0.7"]], "checksum": 407033238, "seq": 123, "ts": str(TS)}
SECOND = {"asks": [["65000.2", "0"]], "bids": [], "checksum": -1883378892, "seq": 124, "ts": str(TS + 100)}
LEVEL = {"bids": [["65000.5", "1"]], "asks": [], "ts": TS}
CONTRACT = {
    "symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "makerFeeRate": "0.0002", "takerFeeRate": "0.0006",
    "supportMarginCoins": ["USDT"], "minTradeNum": "0.01", "priceEndStep": "5", "volumePlace": "2", "pricePlace": "1",
    "sizeMultiplier": "0.01", "symbolType": "perpetual", "symbolStatus": "normal", "fundInterval": "8",
}  # fmt: skip
OLD = {
    "symbol": "SHIBUSDT_UMCBL", "makerFeeRate": "0.0002", "takerFeeRate": "0.0006", "quoteCoin": "USDT",
    "baseCoin": "SHIB", "supportMarginCoins": ["USDT"], "minTradeNum": "10000", "priceEndStep": "1",
    "volumePlace": "0", "pricePlace": "8",
}  # fmt: skip
PAIR = {
    "symbol": "HOTUSDT_SPBL", "symbolName": "HOTUSDT", "baseCoin": "HOT", "quoteCoin": "USDT", "minTradeAmount": "100",
    "takerFeeRate": "0.001", "makerFeeRate": "0.001", "priceScale": "7", "quantityScale": "4", "status": "online",
}  # fmt: skip
TICKER = {
    "instId": "BTCUSDT", "lastPr": "27000.5", "bidPr": "27000", "askPr": "27000.5", "bidSz": "2.71", "askSz": "8.76",
    "fundingRate": "0.00001", "nextFundingTime": "1790006400000", "markPrice": "27000.0", "indexPrice": "25702.4",
    "baseVolume": "368.900", "symbolType": 1, "symbol": "BTCUSDT", "ts": str(TS),
}  # fmt: skip
OLD_TICKER = {
    "instId": "BTCUSDT", "last": "27000.50", "bestAsk": "27000.5", "bestBid": "27000", "capitalRate": "-0.000100",
    "nextSettleTime": 1790006400000, "systemTime": TS, "markPrice": "27000.05", "indexPrice": "27000.0000005",
    "baseVolume": "368.9",
}  # fmt: skip


def push(action: str, *data: Any, channel: str = "books", symbol: str = "BTCUSDT", kind: str = "USDT-FUTURES") -> Any:
    """A message of a channel."""
    arg = {"instType": kind, "channel": channel, "instId": symbol}
    return {"action": action, "arg": arg, "data": list(data), "ts": TS + 2}


def listed(*entries: dict[str, Any]) -> dict[str, Any]:
    """A REST answer."""
    return {"code": "00000", "msg": "success", "requestTime": TS, "data": list(entries)}


def read(*messages: Any, normaliser: Normaliser | None = None, first: int = 1, conn: str = "c1") -> Normalised:
    """Read messages as one block."""
    raw = [m if isinstance(m, bytes) else json.dumps(m).encode() for m in messages]
    frames = [Frame(0, place, AT + place, "bitget", data, conn) for place, data in enumerate(raw, first)]
    return (normaliser or Normaliser()).step(frames)


def of(result: Normalised, kind: type) -> list[Any]:
    """The facts of one type."""
    return [fact for fact in result.facts if type(fact) is kind]


def said(result: Normalised) -> list[str]:
    """What the facts of the connection say."""
    return [fact.event for fact in of(result, VenueConnection)]


def proven(bids: list[list[str]], asks: list[list[str]]) -> int:
    """The venue's checksum of a book, by its document."""
    parts: list[str] = []
    for place in range(25):
        parts += [":".join(side[place]) for side in (bids, asks) if place < len(side)]
    number = crc32(":".join(parts).encode())
    return number - (1 << 32) if number >> 31 else number


# ---- books --------------------------------------------------------------------------------------------------------


def test_the_two_books_of_the_documents() -> None:
    """Image and change of the fact sheet become facts in ticks of 0.1, and both checksums hold."""
    result = read(push("snapshot", FIRST), push("update", SECOND))
    (image,), (delta,) = of(result, VenueBookImage), of(result, VenueBookDelta)
    assert (((650_001, 700_000),), ((650_002, 1_500_000),)) == (image.bids, image.asks)
    assert (-1, 650_002, 0, False, -1, -1, True) == (
        delta.side,
        delta.price_ticks,
        delta.size_lots,
        delta.relative,
        delta.venue_seq,
        delta.bid_ticks,
        delta.last,
    )
    assert (TS * 1_000_000, (TS + 100) * 1_000_000) == (image.venue_ns, delta.venue_ns)
    assert (["attached"], []) == (said(result), result.dead)


@pytest.mark.parametrize("number", [1, -1883378891, 1883378892])
def test_a_wrong_checksum_is_said_once_until_the_next_image(number: int) -> None:
    """After changes that do not add up the market's book is doubted; an image ends it, and the next doubt is new."""
    wrong = {**SECOND, "checksum": number}
    normaliser = Normaliser()
    result = read(push("snapshot", FIRST), push("update", wrong), push("update", wrong), normaliser=normaliser)
    kinds = [getattr(fact, "event", type(fact).__name__) for fact in result.facts]
    expected = ["VenueInstrumentRecord", "attached", "VenueBookImage", "VenueBookDelta", "checksum", "VenueBookDelta"]
    assert expected == kinds
    doubt = of(result, VenueConnection)[-1]
    assert (0, "c1", -1) == (doubt.market, doubt.connection_id, doubt.venue_seq)
    again = read(push("snapshot", FIRST), push("update", wrong), normaliser=normaliser, first=4)
    assert ["checksum"] == said(again)


def test_an_image_that_is_not_its_checksum_is_doubted() -> None:
    """The fact follows the image, so the book is live and then broken."""
    result = read(push("snapshot", {**FIRST, "checksum": 5}))
    assert ["VenueBookImage", "VenueConnection"] == [type(fact).__name__ for fact in result.facts[-2:]]
    assert "checksum" == said(result)[-1]


def test_the_order_book_stops_at_the_doubt_and_heals_at_the_image() -> None:
    """Behind the normaliser: CHECKSUM once, no touch until the next image, then IMAGE."""
    books = OrderBooks()
    late, image = push("update", {**SECOND, "bids": FIRST["bids"], "checksum": 0}), {**FIRST, "ts": TS + 200}
    result = read(push("snapshot", FIRST), push("update", {**SECOND, "checksum": 5}), late, push("snapshot", image))
    events = [entry.event for entry in books.step(result.facts) if isinstance(entry, BookEvent)]
    assert ["IMAGE", "CHECKSUM", "IMAGE"] == events


@pytest.mark.parametrize("absent", [{"checksum": 0}, {}])
def test_no_checksum_proves_nothing_and_doubts_nothing(absent: dict[str, int]) -> None:
    """Zero or none at all is how the venue sends none."""
    plain = {key: value for key, value in SECOND.items() if key != "checksum"} | absent
    assert ["attached"] == said(read(push("snapshot", FIRST), push("update", plain)))


def test_the_original_strings_count() -> None:
    """A level spelled "0.70" has another checksum than "0.7": the text of the last change stands."""
    change = {"asks": [], "bids": [["65000.1", "0.70"]], "ts": TS + 1}
    asks = [["65000.2", "1.5"]]
    for text, doubts in (("0.70", 0), ("0.7", 1)):
        checksum = proven([["65000.1", text]], asks)
        assert doubts == said(read(push("snapshot", FIRST), push("update", {**change, "checksum": checksum}))).count(
            "checksum"
        )


def test_the_fast_and_the_slow_reader_agree() -> None:
    """An update read fast gives what the slow reader gives, checksums included."""
    for update in (SECOND, {**SECOND, "checksum": 9}, {**FIRST, "bids": [["65000.1", "0"], ["64999.9", "2"]]}):
        fast, slow = Normaliser(), Normaliser()
        for normaliser in (fast, slow):
            read(push("snapshot", FIRST), normaliser=normaliser)
        slow.markets.streams.clear()
        quick = read(push("update", update), normaliser=fast, first=2)
        assert quick.facts == read(push("update", update), normaliser=slow, first=2).facts
        assert [] == quick.dead and quick.facts


def test_changes_before_an_image_are_facts_that_prove_nothing() -> None:
    """The order book says that it has no image; nobody holds a checksum against nothing."""
    result = read(push("update", {**FIRST, "checksum": 5}))
    assert (2, ["attached"]) == (len(of(result, VenueBookDelta)), said(result))


def test_another_connection_begins_anew() -> None:
    """Changes on a new connection build on an image that it has not sent: the book is attached again, not proven."""
    normaliser = Normaliser()
    read(push("snapshot", FIRST), normaliser=normaliser)
    assert ["attached"] == said(
        read(push("update", {**SECOND, "checksum": 5}), normaliser=normaliser, first=2, conn="c2")
    )
    assert ["attached"] == said(read(push("snapshot", FIRST), normaliser=normaliser, first=3, conn="c3"))


@pytest.mark.parametrize(
    ("update", "event"),
    [({**SECOND, "asks": [["65000.25", "1"]]}, "off_grid"), ({**SECOND, "asks": [["65000.2", "-1"]]}, "lost")],
)
def test_a_change_that_cannot_be_read_makes_its_book_wrong(update: Any, event: str) -> None:
    """The next message of the book says so; the checksums rest until an image, on whatever grid it needs."""
    normaliser = Normaliser()
    result = read(push("snapshot", FIRST), push("update", update), push("update", SECOND), normaliser=normaliser)
    assert 1 == len(result.dead)
    assert ["attached", event, "attached"] == said(result)
    fine = read(push("snapshot", {**FIRST, "bids": [["65000.05", "1"]], "checksum": 0}), normaliser=normaliser, first=4)
    assert [10_000] == [record.tick_micros for record in of(fine, VenueInstrumentRecord)]
    assert 6_500_005 == of(fine, VenueBookImage)[0].bids[0][0]


def test_shallow_channels_are_images_without_a_checksum() -> None:
    """Each message of books5 is an image; it is left out where the whole book, or a deeper one, is heard."""
    shallow, deep = push("snapshot", FIRST, channel="books5"), push("snapshot", FIRST, channel="books15")
    assert 2 == len(of(read(shallow, shallow), VenueBookImage))
    assert 2 == len(of(read(shallow, deep, shallow), VenueBookImage))
    mixed = read(push("snapshot", FIRST), shallow, push("update", SECOND))
    assert (1, 1, ["attached"]) == (len(of(mixed, VenueBookImage)), len(of(mixed, VenueBookDelta)), said(mixed))
    assert [] == of(read(shallow, push("update", SECOND)), VenueBookDelta)


def test_more_levels_than_are_kept_end_the_proof() -> None:
    """The memory of a market is bounded: beyond the bound nothing is held against the venue until the next image."""
    book = SpelledBook(100_000, 1, 0)
    book.image("books", [], [(n, 1, str(n), "1") for n in range(1, LEVELS_MAX + 1)])
    assert book.agrees(int(book.checksum())) and book.whole
    assert book.changed([], [(LEVELS_MAX + 1, 1, "x", "1")], 5)
    assert (False, []) == (book.whole, book.asks.prices)


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[list[list[str]], list[list[str]]]]:
    """A book's life: bids and asks after each frame, up to thirty levels a side, sizes spelled in several ways."""
    size = st.sampled_from(["1", "1.0", "0.5", "0.50", "12.34"])
    states = []
    for _ in range(draw(st.integers(2, 8))):
        prices = draw(st.sets(st.integers(100, 160), max_size=60))
        split = draw(st.integers(100, 160))
        levels = [[f"{price // 10}.{price % 10}0", draw(size)] for price in sorted(prices)]
        bids = [level for level, price in zip(levels, sorted(prices), strict=True) if price < split]
        states.append((bids[::-1], levels[len(bids) :]))
    return states


@given(lives())
def test_the_checksum_follows_any_life_of_a_book(states: list[tuple[list[list[str]], list[list[str]]]]) -> None:
    """An image and the differences after it prove each state; one digit more and the frame is doubted."""
    (bids, asks), rest = states[0], pairwise(states)
    messages = [push("snapshot", {"bids": bids, "asks": asks, "checksum": proven(bids, asks), "ts": TS})]
    for before, after in rest:
        sides = {}
        for name, old, new in zip(("bids", "asks"), before, after, strict=True):
            gone = [[price, "0"] for price, _ in old if price not in dict(new)]
            sides[name] = gone + [level for level in new if level not in old]
        messages.append(push("update", {**sides, "checksum": proven(*after), "ts": TS}))
    assert ["attached"] == said(read(*messages))
    broken = {**messages[-1]["data"][0], "checksum": messages[-1]["data"][0]["checksum"] ^ 1}
    assert "checksum" == said(read(*messages[:-1], push("update", broken)))[-1]
    normaliser = Normaliser()
    parts = [read(message, normaliser=normaliser, first=n).facts for n, message in enumerate(messages, 1)]
    assert read(*messages).facts == [fact for part in parts for fact in part]
    assert proven(*states[-1]) & 0xFFFFFFFF == pickle.loads(pickle.dumps(normaliser)).markets.spelled[0].checksum()


def test_only_the_first_levels_count() -> None:
    """A change at the 25th level moves the checksum, one at the 26th does not."""
    book = SpelledBook(100_000, 1, 0)
    book.image("books", [(n, 1, str(n), "1") for n in range(100, 50, -1)], [])
    before = book.checksum()
    book.bids.apply([(100 - CHECKED, 2, "x", "2")])
    assert before == book.checksum()
    book.bids.apply([(101 - CHECKED, 2, "x", "2")])
    assert before != book.checksum()


# ---- trades and tickers -------------------------------------------------------------------------------------------


def test_trades_of_both_versions_in_the_order_they_were_made() -> None:
    """The newest stands first on the wire; side is the taker's; what was traded before the subscription is left out."""
    new = [
        {"ts": str(TS + 1), "price": "65000.1", "size": "0.01", "side": "buy", "tradeId": "9002"},
        {"ts": str(TS), "price": "65000.2", "size": "0.02", "side": "sell", "tradeId": "9001"},
        {"ts": str(TS), "price": "65000.2", "size": "0.03", "side": "sell", "tradeId": "9000"},
    ]
    old = [str(TS), "65000.1", "0.01", "buy"]
    trades = of(read(push("update", *new, channel="trade")), VenueTrade)
    assert ["9000", "9001", "9002"] == [trade.trade_id for trade in trades]
    assert [(650_002, 30_000, -1), (650_002, 20_000, -1), (650_001, 10_000, 1)] == [
        (trade.price_ticks, trade.size_lots, trade.aggressor) for trade in trades
    ]
    (before,) = of(read(push("update", old, channel="trade", kind="mc")), VenueTrade)
    assert (650_001, 10_000, 1, "", TS * 1_000_000) == (
        before.price_ticks,
        before.size_lots,
        before.aggressor,
        before.trade_id,
        before.venue_ns,
    )
    assert [] == read(push("snapshot", old, channel="trade")).facts


def test_a_ticker_of_a_perpetual_is_quotes_and_a_mark() -> None:
    """Rates in parts per thousand million, mark and index in millionths; the volume in whole lots."""
    result = read(listed(CONTRACT), push("snapshot", TICKER, channel="ticker"))
    (ticker,), (mark,) = of(result, VenueTicker), of(result, VenueMarkUpdate)
    assert (54_000, 54_001, 54_001, 36_890, TS * 1_000_000) == (
        ticker.bid_ticks,
        ticker.ask_ticks,
        ticker.last_ticks,
        ticker.volume_lots,
        ticker.venue_ns,
    )
    assert (27_000_000_000, 25_702_400_000, 10_000, 1_790_006_400_000_000_000) == (
        mark.mark_micros,
        mark.index_micros,
        mark.funding_rate_ppb,
        mark.next_funding_ns,
    )


def test_a_ticker_of_version_1_says_the_same() -> None:
    """Other names, a negative rate, an index rounded to the nearest millionth."""
    result = read(listed(CONTRACT), push("snapshot", OLD_TICKER, channel="ticker", kind="mc"))
    (ticker,), (mark,) = of(result, VenueTicker), of(result, VenueMarkUpdate)
    assert (54_000, 54_001, 54_001, 36_890) == (
        ticker.bid_ticks,
        ticker.ask_ticks,
        ticker.last_ticks,
        ticker.volume_lots,
    )
    assert (27_000_050_000, 27_000_000_001, -100_000) == (mark.mark_micros, mark.index_micros, mark.funding_rate_ppb)


@pytest.mark.parametrize(
    ("changes", "kind", "marks"),
    [
        ({}, "SPOT", 0),
        ({"fundingRate": ""}, "USDT-FUTURES", 0),
        ({"markPrice": None}, "USDT-FUTURES", 0),
        ({"nextFundingTime": ""}, "USDT-FUTURES", 1),
        ({"indexPrice": ""}, "USDT-FUTURES", 1),
    ],
)
def test_a_mark_needs_a_price_and_a_rate(changes: dict[str, Any], kind: str, marks: int) -> None:
    """Spot has none; when it is paid, or the index, may be unknown."""
    result = read(push("snapshot", {**TICKER, **changes}, channel="ticker", kind=kind))
    assert (1, marks, []) == (len(of(result, VenueTicker)), len(of(result, VenueMarkUpdate)), result.dead)


def test_an_empty_side_of_a_ticker_is_no_quote() -> None:
    """Zero, nothing and null are no price."""
    for nothing in ("0", "0.0", "", None):
        (ticker,) = of(read(push("snapshot", {**TICKER, "bidPr": nothing}, channel="ticker")), VenueTicker)
        assert -1 == ticker.bid_ticks


# ---- lists --------------------------------------------------------------------------------------------------------


def test_a_contract_of_version_2() -> None:
    """Tick is priceEndStep * 10^-pricePlace, lot sizeMultiplier; fees, interval, settlement and status as listed."""
    (record,) = of(read(listed(CONTRACT)), VenueInstrumentRecord)
    assert (MARKET, "bitget", Kind.PERP, 500_000, 10_000, 1, 8, "USDT", "BTC", Status.OPEN, 1_000_000) == (
        record.market_id,
        record.venue_id,
        record.instrument_kind,
        record.tick_micros,
        record.lot_micros,
        record.min_size_lots,
        record.funding_interval_h,
        record.settle_currency,
        record.series_id,
        record.status,
        record.multiplier_micros,
    )
    assert ("linear_bps", 600, 200) == (record.fee.formula, record.fee.taker_rate_micros, record.fee.maker_rate_micros)


def test_prices_finer_than_a_millionth_are_counted_for_many_coins() -> None:
    """SHIB at 8 decimals: contracts of 100 coins, ticks of a millionth of a dollar for each hundred."""
    level = {"asks": [["0.00002468", "1234"]], "bids": [], "ts": TS}
    mark = {**OLD_TICKER, "last": "0.00002468", "bestAsk": "", "bestBid": "", "markPrice": "0.0000246789"}
    where = {"symbol": "SHIBUSDT", "kind": "mc"}
    ticker = {**mark, "indexPrice": "0.00002468"}
    result = read(listed(OLD), push("snapshot", level, **where), push("snapshot", ticker, channel="ticker", **where))
    (record,), (image,) = of(result, VenueInstrumentRecord), of(result, VenueBookImage)
    assert ("bitget:SHIBUSDT", 1, 10_000, 10_000, 100_000_000, 0) == (
        record.market_id,
        record.tick_micros,
        record.lot_micros,
        record.min_size_lots,
        record.multiplier_micros,
        record.funding_interval_h,
    )
    assert ((2_468, 1_234),) == image.asks
    value = image.asks[0][0] * record.tick_micros * image.asks[0][1] * record.lot_micros
    assert 30_455 == value // 1_000_000  # 0.00002468 * 1234 in millionths of a dollar
    assert (2_468, 2_468) == (of(result, VenueTicker)[0].last_ticks, of(result, VenueMarkUpdate)[0].mark_micros)


def test_a_pair_is_another_market_than_the_perpetual() -> None:
    """Spot of one symbol has an id and a kind of its own, in either version of the list."""
    new = {
        "symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "minTradeAmount": "0", "takerFeeRate": "0.002",
        "makerFeeRate": "0.002", "pricePrecision": "2", "quantityPrecision": "6", "status": "halt", "minTradeUSDT": "1",
    }  # fmt: skip
    hot, pair, perp = of(read(listed(PAIR, new, CONTRACT)), VenueInstrumentRecord)
    assert ("bitget:HOTUSDT.SPOT", Kind.SPOT, 1, 10 * 100, 100_000 // 100_000 * 10_000, 10_000_000) == (
        hot.market_id,
        hot.instrument_kind,
        hot.tick_micros,
        hot.lot_micros * 100,
        hot.min_size_lots // 100,
        hot.multiplier_micros,
    )
    assert ("bitget:BTCUSDT.SPOT", 10_000, 1, 1, Status.HALTED) == (
        pair.market_id,
        pair.tick_micros,
        pair.lot_micros,
        pair.min_size_lots,
        pair.status,
    )
    assert MARKET == perp.market_id
    books = read(push("snapshot", FIRST), push("snapshot", FIRST, kind="SPOT"), push("snapshot", FIRST, kind="sp"))
    assert [0, 1, 1] == [image.market for image in of(books, VenueBookImage)]


def test_two_venues_of_one_symbol_are_two_markets() -> None:
    """BTCUSDT of Bitget and of Binance in one run: two ids, two books, and neither attaches the other's."""
    best = {"e": "bookTicker", "u": 4, "E": TS, "T": TS, "s": "BTCUSDT", "b": "65000.10", "B": "1", "a": "65000.20"}
    normaliser = Normaliser()
    read(push("snapshot", FIRST), normaliser=normaliser)
    normaliser.step([Frame(1, 1, AT, "binance", json.dumps({**best, "A": "1"}).encode(), "c1")])
    again = read(push("update", SECOND), normaliser=normaliser, first=2)
    assert (2, MARKET) == (len(set(normaliser.markets.ids)), normaliser.markets.ids[0])
    assert ([0], []) == ([delta.market for delta in of(again, VenueBookDelta)], said(again))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"symbolStatus": "maintain"}, Status.HALTED),
        ({"symbolStatus": "off"}, Status.CLOSED),
        ({"symbolStatus": "a new word"}, Status.HALTED),
        ({"symbolStatus": None}, Status.OPEN),
    ],
)
def test_only_what_the_venue_calls_normal_is_open(changes: dict[str, Any], expected: Status) -> None:
    """A word that nobody knows is not OPEN; version 1 said none."""
    (record,) = of(read(listed({**CONTRACT, **changes})), VenueInstrumentRecord)
    assert expected == record.status


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "USDT"),
        ({"quoteCoin": "USD", "supportMarginCoins": ["ETH", "BTC", "USDC"]}, "BTC"),
        ({"quoteCoin": "USD", "supportMarginCoins": ["USDC"]}, "USDC"),
        ({"quoteCoin": "USD", "supportMarginCoins": ["ETH", "USDC"]}, ""),
    ],
)
def test_settlement_follows_from_the_margin(changes: dict[str, Any], expected: str) -> None:
    """The quote where it is margin, else the base, else the only coin, else nobody said."""
    (record,) = of(read(listed({**CONTRACT, **changes})), VenueInstrumentRecord)
    assert expected == record.settle_currency


def test_dated_futures_are_left_out() -> None:
    """Nothing here can value them, and their symbol would name the perpetual in version 1."""
    dated = [{**OLD, "symbol": "BTCUSD_DMCBL_230630"}, {**CONTRACT, "symbolType": "delivery"}]
    assert [MARKET] == [record.market_id for record in read_instruments(json.dumps([*dated, CONTRACT]).encode())]
    assert [MARKET] == [r.market_id for r in read_instruments(json.dumps(listed(*dated, CONTRACT)).encode())]


def test_a_list_after_the_first_frames_keeps_the_units() -> None:
    """A market that was met before it was listed keeps its lots, and its grid gets finer or stays."""
    normaliser = Normaliser()
    read(push("snapshot", FIRST), push("snapshot", FIRST, symbol="SHIBUSDT"), normaliser=normaliser)
    btc, shib = of(read(listed(CONTRACT, OLD), normaliser=normaliser, first=3), VenueInstrumentRecord)
    assert (100_000, 1, 10_000, "USDT") == (btc.tick_micros, btc.lot_micros, btc.min_size_lots, btc.settle_currency)
    assert (100_000, 1, 1_000_000) == (shib.tick_micros, shib.lot_micros, shib.multiplier_micros)
    after = read(push("update", SECOND), normaliser=normaliser, first=4)
    assert (650_002, []) == (of(after, VenueBookDelta)[0].price_ticks, after.dead)


def test_a_finer_list_begins_a_new_book() -> None:
    """On a finer grid the old levels mean other prices: no checksum is held against them."""
    normaliser = Normaliser()
    read(push("snapshot", FIRST), normaliser=normaliser)
    result = read(listed({**CONTRACT, "pricePlace": "2"}), push("update", SECOND), normaliser=normaliser, first=2)
    assert [50_000] == [record.tick_micros for record in of(result, VenueInstrumentRecord)]
    assert ([1_300_004], []) == ([delta.price_ticks for delta in of(result, VenueBookDelta)], said(result))


def test_a_declared_market_is_said_before_its_first_fact() -> None:
    """A list read from a file counts like one in the recording."""
    normaliser = Normaliser()
    normaliser.declare(read_instruments(json.dumps(listed(CONTRACT)).encode()))
    (record,) = of(read(push("snapshot", LEVEL), normaliser=normaliser), VenueInstrumentRecord)
    assert (500_000, 10_000, 0) == (record.tick_micros, record.lot_micros, record.market)


def test_a_market_that_no_list_named_is_read_and_not_tradable() -> None:
    """Prices as fine as they are spelled, lots of a millionth, and neither fee nor interval nor settlement."""
    (record,) = of(read(push("snapshot", {**FIRST, "bids": [["65000.10", "1"]]})), VenueInstrumentRecord)
    assert (10_000, 1, "unknown", 0, "") == (
        record.tick_micros,
        record.lot_micros,
        record.fee.formula,
        record.funding_interval_h,
        record.settle_currency,
    )


# ---- control lines and refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "events"),
    [
        (b"pong", ["beat"]),
        (b"ping", []),
        ({"op": "subscribe", "args": [ARG]}, []),
        ({"event": "subscribe", "arg": ARG}, ["answered"]),
        ({"event": "unsubscribe", "arg": ARG}, ["answered"]),
        ({"event": "error", "code": 30006, "msg": "Request too many"}, ["answered"]),
    ],
)
def test_control_lines(message: Any, events: list[str]) -> None:
    """Answers and beats are lines of the connection; they are counted and disturb no book."""
    result = read(message)
    assert (1, [], events) == (result.counts.control, result.dead, said(result))


def test_candles_change_nothing() -> None:
    """They are read, counted, and give no fact."""
    result = read(push("update", [str(TS), "1", "1", "1", "1", "0"], channel="candle1m", kind="mc"))
    assert (1, 0, [], []) == (result.counts.facts_frames, result.counts.control, result.facts, result.dead)


REFUSED: dict[str, tuple[Any, str, str]] = {
    "not JSON": (b"{", "INTEL_FRAME_NOT_JSON", "frame"),
    "nothing known": ({"a": 1}, "INTEL_FRAME_UNKNOWN_KIND", "frame"),
    "unknown channel": (push("update", {}, channel="fills"), "INTEL_FRAME_UNKNOWN_KIND", "channel: 'fills'"),
    "unknown action": (push("delete", LEVEL), "INTEL_FRAME_UNKNOWN_KIND", "action: 'delete'"),
    "unknown event": ({"event": "login"}, "INTEL_FRAME_UNKNOWN_KIND", "event: 'login'"),
    "no market": ({"action": "update", "data": []}, "INTEL_FRAME_NO_MARKET", "arg: missing"),
    "unknown product": (push("update", LEVEL, kind="OPTIONS"), "INTEL_FRAME_BAD_FIELD", "arg: 'OPTIONS'"),
    "empty symbol": (push("update", LEVEL, symbol=""), "INTEL_FRAME_BAD_FIELD", "arg: "),
    "long symbol": (push("update", LEVEL, symbol="X" * 130), "INTEL_FRAME_BAD_FIELD", "market: "),
    "refused request": ({"event": "error", "code": 30001, "msg": "no channel"}, "INTEL_FRAME_BAD_FIELD", "30001"),
    "two books": (push("update", LEVEL, LEVEL), "INTEL_FRAME_BAD_FIELD", "data: 2 books"),
    "no time": (push("update", {**LEVEL, "ts": 0}), "INTEL_FRAME_BAD_FIELD", "ts: 0"),
    "size": (push("update", {**LEVEL, "asks": [["1", "-2"]]}), "INTEL_FRAME_BAD_SIZE", "asks[0]: '-2'"),
    "price": (push("update", {**LEVEL, "bids": [["0", "2"]]}), "INTEL_FRAME_BAD_PRICE", "bids[0]: '0'"),
    "spelling": (push("snapshot", {**LEVEL, "bids": [["1e3", "2"]]}), "INTEL_FRAME_BAD_PRICE", "bids[0]: '1e3'"),
    "too fine": (push("snapshot", {**LEVEL, "bids": [["0." + "1" * 13, "2"]]}), "INTEL_FRAME_BAD_PRICE", "13 decimals"),
    "twice": (push("snapshot", {**LEVEL, "bids": [["1", "2"], ["1.0", "3"]]}), "INTEL_FRAME_BAD_FIELD", "bids[1]"),
    "not a level": (push("update", {**LEVEL, "bids": [["1"]]}), "INTEL_FRAME_BAD_FIELD", "bids"),
    "trade side": (push("update", [TS, "1", "1", "up"], channel="trade"), "INTEL_FRAME_BAD_FIELD", "side 'up'"),
    "two tickers": (push("snapshot", TICKER, TICKER, channel="ticker"), "INTEL_FRAME_BAD_FIELD", "data: 2 tickers"),
    "mark": (push("snapshot", {**TICKER, "markPrice": "0"}, channel="ticker"), "INTEL_FRAME_BAD_PRICE", "markPrice"),
    "rate": (
        push("snapshot", {**TICKER, "fundingRate": "x"}, channel="ticker"),
        "INTEL_FRAME_BAD_FIELD",
        "fundingRate",
    ),
    "volume": (push("snapshot", {**TICKER, "baseVolume": "x"}, channel="ticker"), "INTEL_FRAME_BAD_SIZE", "baseVolume"),
    "list: places": (listed({**CONTRACT, "pricePlace": "13"}), "INTEL_FRAME_BAD_FIELD", "pricePlace '13'"),
    "list: step": (listed({**CONTRACT, "priceEndStep": "0"}), "INTEL_FRAME_BAD_FIELD", "priceEndStep '0'"),
    "list: lot": (listed({**CONTRACT, "sizeMultiplier": "a"}), "INTEL_FRAME_BAD_FIELD", "sizeMultiplier 'a'"),
    "list: fee": (listed({**CONTRACT, "takerFeeRate": None}), "INTEL_FRAME_BAD_FIELD", "takerFeeRate None"),
    "list: smallest": (listed({**CONTRACT, "minTradeNum": "-1"}), "INTEL_FRAME_BAD_FIELD", "minTradeNum '-1'"),
    "list: coin": (listed({**CONTRACT, "baseCoin": 5}), "INTEL_FRAME_BAD_FIELD", "baseCoin 5"),
    "list: places of both": (listed({**OLD, "volumePlace": "5"}), "INTEL_FRAME_BAD_FIELD", "volumePlace '5'"),
}


@pytest.mark.parametrize(("message", "reason", "named"), REFUSED.values(), ids=REFUSED)
def test_refusals_name_the_field(message: Any, reason: str, named: str) -> None:
    """What cannot be read is one dead letter with its reason, the field and the value; it leaves no trace."""
    normaliser = Normaliser()
    result = read(message, normaliser=normaliser)
    (letter,) = result.dead
    assert (reason, []) == (letter.reason, result.facts)
    assert named in letter.detail
    assert ([], {}) == (normaliser.markets.ids, normaliser.markets.spelled)


def test_a_frame_with_more_levels_than_a_frame_may_have_facts() -> None:
    """4,095 facts are a frame's bound: as many changes are refused, fewer are read."""
    many = [[f"{n}.0", "1"] for n in range(1, 4_096)]
    assert 1 == len(read(push("update", {**LEVEL, "bids": many})).dead)
    assert [] == read(push("update", {**LEVEL, "bids": many[:4_000]})).dead
