"""Recorded Bitget data comes out of capture, normalise and order book as an independent reader has it.

The reference below is written from the venue's document with dictionaries and decimals, and shares no code with the
operators; the checksums that the venue sent with every change hold both books to a third account.
"""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from connectors.capture import open_capture
from contracts.market import (
    BookEvent,
    Fact,
    Kind,
    VenueBookDelta,
    VenueBookImage,
    VenueConnection,
    VenueInstrumentRecord,
    VenueMarkUpdate,
    VenueTicker,
    VenueTrade,
)
from operators.normalise import Frame, Normaliser
from operators.order_book import OrderBooks

pytestmark = pytest.mark.recorded
PERPS, PAIRS, LISTS = (f"crypto/cryptofeed_BITGET.{name}.txt.gz" for name in ("ws.2.0", "ws.1.0", "0"))
Side = dict[Decimal, tuple[str, str]]


class Reference:
    """Books by the venue's document: a size of 0 deletes, and the checksum is of the first 25 levels as spelled."""

    def __init__(self) -> None:
        """Begin without books."""
        self.books: dict[str, tuple[Side, Side]] = {}
        self.proven: Counter[str] = Counter()
        self.heard: Counter[str] = Counter()

    def take(self, message: dict[str, Any]) -> str:
        """Apply one message; returns the symbol when it was of a book."""
        arg = message.get("arg") or {}
        self.heard[arg.get("channel", "") if "data" in message else "answer"] += 1
        if arg.get("channel") != "books" or "data" not in message:
            return ""
        symbol, (made,) = arg["instId"], message["data"]
        if message["action"] == "snapshot":
            self.books[symbol] = ({}, {})
        for side, levels in zip(self.books[symbol], (made["bids"], made["asks"]), strict=True):
            for price, size in levels:
                if Decimal(size):
                    side[Decimal(price)] = (price, size)
                else:
                    side.pop(Decimal(price), None)
        self.proven[message["action"]] += self.checksum(symbol) == made["checksum"] % (1 << 32)
        return str(symbol)

    def checksum(self, symbol: str) -> int:
        """The checksum of a book, as an unsigned number."""
        bids, asks = (sorted(side.items()) for side in self.books[symbol])
        turns: list[str] = []
        for place in range(25):
            turns += bids[-1 - place][1] if place < len(bids) else ()
            turns += asks[place][1] if place < len(asks) else ()
        return crc32(":".join(turns).encode())

    def sides(self, symbol: str) -> tuple[dict[Decimal, Decimal], ...]:
        """Price to size."""
        return tuple({price: Decimal(size) for price, (_, size) in side.items()} for side in self.books[symbol])


class Run:
    """The steps before the bots."""

    def __init__(self) -> None:
        """Begin."""
        self.normaliser, self.books = Normaliser(), OrderBooks()
        self.dead: list[str] = []
        self.entries: list[Fact] = []

    def take(self, frames: list[Frame]) -> None:
        """Pass a block."""
        read = self.normaliser.step(frames)
        self.dead += [letter.detail for letter in read.dead]
        self.entries += self.books.step(read.facts)

    def of(self, kind: type) -> list[Any]:
        """The entries of one type."""
        return [entry for entry in self.entries if type(entry) is kind]

    def sides(self, market_id: str) -> tuple[dict[Decimal, Decimal], ...]:
        """One market's book in coins: price to size."""
        market = self.normaliser.markets.by_id[market_id]
        book, units = self.books.book(market.index), Decimal(market.record.multiplier_micros) / 10**6
        assert book is not None and book.live
        tick, lot = (Decimal(micros) / 10**6 for micros in (market.record.tick_micros, market.record.lot_micros))
        return tuple({price * tick / units: size * lot * units for price, size in book.side(side)} for side in (1, -1))


def frames_of(path: Path) -> list[Frame]:
    """A recording, whole."""
    return list(open_capture(path))


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize(
    ("name", "suffix", "images", "updates", "deltas"),
    [(PERPS, "", 2, 192, 33_655), (PAIRS, ".SPOT", 8, 435, 29_927)],
)
def test_books_equal_an_independent_reference(
    recorded: Path, name: str, suffix: str, images: int, updates: int, deltas: int, listed: bool
) -> None:
    """Every checksum holds, nothing is dead, and at every hundredth update all books are the reference's."""
    run, reference, seen, compared = Run(), Reference(), 0, 0
    if listed:
        run.take(frames_of(recorded / LISTS))
    for frame in frames_of(recorded / name):
        run.take([frame])
        if frame.dialect != "bitget" or not frame.data.startswith(b"{"):
            continue
        if not reference.take(json.loads(frame.data)):
            continue
        seen += 1
        if seen % 100 == 0 or seen == images + updates:
            for symbol in reference.books:
                assert reference.sides(symbol) == run.sides(f"bitget:{symbol}{suffix}"), f"{symbol} at {frame.position}"
                compared += 1
    assert (images, updates) == (reference.proven["snapshot"], reference.proven["update"])
    assert (images, deltas, []) == (len(run.of(VenueBookImage)), len(run.of(VenueBookDelta)), run.dead)
    assert {"answered", "attached", "beat", "connected"} >= {fact.event for fact in run.of(VenueConnection)}
    assert {"IMAGE"} == {event.event for event in run.of(BookEvent)}
    assert compared == (len(reference.books) * (seen // 100 + (seen % 100 > 0)))


def test_the_perpetuals_other_messages(recorded: Path) -> None:
    """217 tickers say quotes and marks, 25 trades are of the tape, candles and the history of the tape are left out."""
    run = Run()
    run.take(frames_of(recorded / PERPS))
    tickers, marks, trades = run.of(VenueTicker), run.of(VenueMarkUpdate), run.of(VenueTrade)
    assert (217, 217, 25) == (len(tickers), len(marks), len(trades))
    dash = [mark for mark in marks if mark.market == 0]
    assert (113_381_000, 113_427_000, -100_000, 1_649_314_800_000_000_000) == (
        dash[0].mark_micros,
        dash[0].index_micros,
        dash[0].funding_rate_ppb,
        dash[0].next_funding_ns,
    )
    assert {1, -1} == {trade.aggressor for trade in trades}
    first = next(ticker for ticker in tickers if ticker.market == 0)
    assert (11_336, 11_341, 11_337) == (first.bid_ticks, first.ask_ticks, first.last_ticks)


def test_the_pairs_other_messages(recorded: Path) -> None:
    """128 tickers without a mark, and 30 trades."""
    run = Run()
    run.take(frames_of(recorded / PAIRS))
    assert (128, 0, 30) == (len(run.of(VenueTicker)), len(run.of(VenueMarkUpdate)), len(run.of(VenueTrade)))


def test_the_lists(recorded: Path) -> None:
    """245 pairs, 51 and 8 contracts: ids, grids, fees and settlement as the answers spell them."""
    run = Run()
    run.take(frames_of(recorded / LISTS))
    records = {record.market_id: record for record in run.of(VenueInstrumentRecord)}
    kinds = Counter(Kind(record.instrument_kind).name for record in records.values())
    assert ({"SPOT": 245, "PERP": 59}, []) == (kinds, run.dead)
    spelled = {
        "bitget:BTCUSDT": (500_000, 1_000, 1, 600, 200, "USDT", 1_000_000),
        "bitget:DASHUSDT": (10_000, 10_000, 1, 600, 200, "USDT", 1_000_000),
        "bitget:SHIBUSDT": (1, 10_000, 10_000, 600, 200, "USDT", 100_000_000),
        "bitget:BTCUSD": (500_000, 1_000, 1, 600, 200, "BTC", 1_000_000),
        "bitget:BABYDOGEUSDT.SPOT": (1, 1, 100_000_000, 1_000, 1_000, "", 10**12),
    }
    for market_id, expected in spelled.items():
        record = records[market_id]
        assert expected == (
            record.tick_micros,
            record.lot_micros,
            record.min_size_lots,
            record.fee.taker_rate_micros,
            record.fee.maker_rate_micros,
            record.settle_currency,
            record.multiplier_micros,
        )


def test_a_dropped_change_is_doubted_at_the_next(recorded: Path) -> None:
    """With one update of DASHUSDT missing its next checksum fails, once, and only that book is broken to the end."""
    dropped = [frame for frame in frames_of(recorded / PERPS) if b'"update"' in frame.data and b"books" in frame.data][
        50
    ]
    run = Run()
    run.take([frame for frame in frames_of(recorded / PERPS) if frame.position != dropped.position])
    lost = json.loads(dropped.data)["arg"]["instId"]
    index = run.normaliser.markets.by_id[f"bitget:{lost}"].index
    doubts = [fact.market for fact in run.of(VenueConnection) if fact.event == "checksum"]
    assert ([index], ["CHECKSUM"]) == (doubts, [e.event for e in run.of(BookEvent) if e.event != "IMAGE"])
    assert 1 == sum(book.whole for book in run.normaliser.markets.spelled.values())
