"""Recorded perpetuals and spot come out of capture, normalise and order book as an independent reader has them.

The reference book below is written from the venue's recipe for local books with dictionaries and decimals, straight
from the recorded text, and shares no code with connectors or operators.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.capture import open_capture
from connectors.errors import CaptureError
from contracts.envelope import DeadLetter
from contracts.market import BookEvent, Fact, Touch, VenueTicker, VenueTrade
from operators.normalise import Frame, Normaliser
from operators.order_book import OrderBooks
from operators.sequencer import merge

pytestmark = pytest.mark.recorded
USDM = "crypto/binance_usdm_btcusdt_20240808.txt.gz"
FEED = [f"crypto/cryptofeed_BINANCE_FUTURES.{part}.txt.gz" for part in ("0", "http.0.0", "ws.1.0")]
Side = dict[Decimal, Decimal]


class Run:
    """The steps before the bots."""

    def __init__(self) -> None:
        """Begin."""
        self.normaliser, self.books = Normaliser(), OrderBooks()
        self.dead: list[DeadLetter] = []
        self.events: Counter[str] = Counter()
        self.kinds: Counter[type] = Counter()
        self.traded: Counter[str] = Counter()

    def take(self, frames: Iterable[Frame]) -> list[Fact]:
        """Pass a block; return what came of it."""
        read = self.normaliser.step(list(frames))
        self.dead += read.dead
        entries = self.books.step(read.facts)
        self.kinds.update(map(type, entries))
        self.events.update(entry.event for entry in entries if type(entry) is BookEvent)
        for entry in read.facts:
            if type(entry) is VenueTrade:
                self.traded[self.normaliser.markets.ids[entry.market]] += entry.size_lots * entry.aggressor
        return entries

    def sides(self, market_id: str) -> tuple[Side, Side] | None:
        """One market's believed book in decimals, price to size; None while it is not believed."""
        market = self.normaliser.markets.by_id.get(market_id)
        book = self.books.book(market.index) if market else None
        if market is None or book is None or not book.live:
            return None
        tick, lot = Decimal(market.record.tick_micros) / 10**6, Decimal(market.record.lot_micros) / 10**6
        bids, asks = ({price * tick: size * lot for price, size in book.side(side)} for side in (1, -1))
        return bids, asks


class Reference:
    """A local book by the venue's recipe: keep changes, fetch a snapshot, drop what it holds, apply what follows."""

    def __init__(self) -> None:
        """Begin without a snapshot."""
        self.kept: list[dict[str, Any]] = []
        self.last = -1
        self.book: tuple[Side, Side] | None = None

    def snapshot(self, made: dict[str, Any]) -> None:
        """Take the snapshot and what was kept."""
        bids, asks = ({Decimal(p): Decimal(q) for p, q in made[name]} for name in ("bids", "asks"))
        self.book, self.last = (bids, asks), made["lastUpdateId"]
        for event in self.kept:
            self.change(event)

    def change(self, event: dict[str, Any]) -> None:
        """Apply a change; its numbers must go on from the last one's."""
        if self.book is None:
            self.kept.append(event)
            return
        if event["u"] <= self.last:
            return
        assert event.get("pu", event["U"] - 1) <= self.last, f"the recording has a gap before {event['u']}"
        self.last = event["u"]
        for name, side in zip("ba", self.book, strict=True):
            for price, size in event[name]:
                side[Decimal(price)] = Decimal(size)
                if not Decimal(size):
                    del side[Decimal(price)]


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The venue's own messages in raw lines."""
    for line in gzip.decompress(path.read_bytes()).splitlines():
        message = json.loads(line.partition(b" ")[2])
        yield message.get("data", message)


@pytest.mark.parametrize(
    ("name", "market_id", "frames", "depths"),
    [
        ("usdm_btcusdt", "BTCUSDT", 93_954, 6_551),
        ("usdm_ethusdt", "ETHUSDT", 74_655, 6_586),
        ("cm_btcusd_perp", "BTCUSD_PERP", 48_270, 26_847),
        ("spot_btcusdt", "BTCUSDT.SPOT", 41_249, 3_451),
    ],
)
def test_books_equal_an_independent_reference(
    recorded: Path, name: str, market_id: str, frames: int, depths: int
) -> None:
    """At every hundredth change, and at the last, each level is the reference's; nothing dead, no gap, each trade."""
    path = recorded / f"crypto/binance_{name}_20240808.txt.gz"
    run, reference, block = Run(), Reference(), []
    seen = compared = 0
    signed, kinds = Decimal(0), Counter[str]()
    for frame, message in zip(open_capture(path), lines_of(path), strict=True):
        block.append(frame)
        kind = message.get("e", "snapshot" if "lastUpdateId" in message else "bookTicker")
        kinds[kind] += 1
        if kind == "snapshot":
            reference.snapshot(message)
        elif kind == "trade":
            signed += Decimal(message["q"]) * (-1 if message["m"] else 1)
        elif kind == "depthUpdate":
            reference.change(message)
            seen += 1
            if seen % 100 == 0 or seen == depths:
                run.take(block)
                block = []
                assert reference.book == run.sides(market_id), f"after line {frame.position}"
                compared += reference.book is not None
    run.take(block)
    assert ((frames, frames, 0), []) == (run.normaliser.counts[:3], run.dead)
    assert ({"NO_IMAGE": 1, "IMAGE": 1}, 0, [market_id]) == (run.events, run.books.gaps, run.normaliser.markets.ids)
    assert (kinds["trade"], kinds["bookTicker"]) == (run.kinds[VenueTrade], run.kinds[VenueTicker])
    lot = run.normaliser.markets.by_id[market_id].record.lot_micros
    assert signed * 10**6 == run.traded[market_id] * lot
    assert depths // 100 <= compared <= depths // 100 + 1


def test_snapshots_of_another_file_make_four_books(recorded: Path) -> None:
    """Instruments, answers and socket in three files: at every tenth change each book is the reference's."""
    captures = [open_capture(recorded / name, source) for source, name in enumerate(FEED)]
    run, books, seen, compared = Run(), {}, 0, 0
    for frames in merge(captures, 1):
        run.take(frames)
        (frame,) = frames
        if frame.dialect != "binance":
            continue
        message = json.loads(frame.data)
        message = message.get("data", message)
        if "lastUpdateId" in message:
            books.setdefault(frame.conn.removeprefix("depth:"), Reference()).snapshot(message)
        elif message.get("e") == "depthUpdate":
            books.setdefault(message["s"], Reference()).change(message)
            seen += 1
            if seen % 10 == 0 or seen == 764:
                for symbol, reference in books.items():
                    assert reference.book == run.sides(symbol), f"{symbol} after change {seen}"
                    compared += reference.book is not None
    assert ((1_542, 1_540, 2), [], 0) == (run.normaliser.counts[:3], run.dead, run.books.gaps)
    assert ({"NO_IMAGE": 4, "IMAGE": 4}, 91, 613) == (run.events, run.kinds[VenueTrade], run.kinds[VenueTicker])
    assert (["AKROUSDT", "CTKUSDT", "KEEPUSDT", "SUSHIUSDT"], True) == (sorted(books), compared > 250)
    steps = {record.market_id: record.price_bands[0].step_ticks * record.tick_micros for record in records(run)}
    assert {"AKROUSDT": 10, "CTKUSDT": 1_000, "KEEPUSDT": 100, "SUSHIUSDT": 1_000} == steps


def records(run: Run) -> list[Any]:
    """The records of the markets that spoke."""
    return [market.record for market in run.normaliser.markets.by_id.values()]


def test_without_the_list_of_instruments_the_books_are_the_same(recorded: Path) -> None:
    """What nothing declared is read on the grid that it is spelled on."""
    with_list, without = Run(), Run()
    for run, names in ((with_list, FEED), (without, FEED[1:])):
        for frames in merge([open_capture(recorded / name, source) for source, name in enumerate(names)]):
            run.take(frames)
    for symbol in ("AKROUSDT", "CTKUSDT", "KEEPUSDT", "SUSHIUSDT"):
        assert with_list.sides(symbol) == without.sides(symbol) is not None


def beginning(recorded: Path, count: int = 4_000) -> tuple[list[Frame], Frame, list[Frame]]:
    """The first frames of the BTC perpetual: all, the snapshot, and the changes of the book."""
    frames = [frame for frame, _ in zip(open_capture(recorded / USDM), range(count), strict=False)]
    snapshot = next(frame for frame in frames if frame.conn)
    return frames, snapshot, [frame for frame in frames if b'"depthUpdate"' in frame.data]


def test_a_dropped_change_stops_the_book_until_the_next_snapshot(recorded: Path) -> None:
    """One GAP at the next change, no touch from there; a snapshot of that moment brings the reference's book back."""
    frames, snapshot, depths = beginning(recorded)
    lost, after = depths[100], depths[101]
    reference = Reference()
    for frame in frames:
        message = json.loads(frame.data)
        reference.snapshot(message) if frame is snapshot else None
        if frame in depths:
            reference.change(message["data"])
        if frame is depths[150]:
            break
    assert reference.book is not None
    sides = {
        name: [[f"{p}", f"{q}"] for p, q in side.items()]
        for name, side in zip(("bids", "asks"), reference.book, strict=True)
    }
    answer = json.dumps({"lastUpdateId": reference.last, "E": 1_723_161_260_000, **sides}).encode()
    run = Run()
    run.take(frame for frame in frames if frame.position < after.position and frame is not lost)
    assert run.sides("BTCUSDT") is not None
    said = run.take([after])
    assert ["GAP"] == [entry.event for entry in said if isinstance(entry, BookEvent)]
    said = run.take(frame for frame in frames if after.position < frame.position <= depths[160].position)
    assert (None, 0) == (run.sides("BTCUSDT"), sum(type(entry) is Touch for entry in said))
    run.take([Frame(0, 900_000, depths[160].at_ns, "binance", answer, "depth:BTCUSDT")])
    for frame in depths[151:161]:
        reference.change(json.loads(frame.data)["data"])
    assert (reference.book, {"NO_IMAGE": 1, "IMAGE": 2, "GAP": 1}) == (run.sides("BTCUSDT"), run.events)


@pytest.mark.parametrize(
    ("place", "first", "events"),
    [
        pytest.param(0, 0, {"IMAGE": 1}, id="before everything"),
        pytest.param(1_500, 0, {"NO_IMAGE": 1, "IMAGE": 1}, id="much later"),
        pytest.param(3_000, 200, {"NO_IMAGE": 1, "GAP": 1}, id="older than the first change heard"),
    ],
)
def test_a_snapshot_joins_wherever_it_arrives_if_nothing_is_missing(
    recorded: Path, place: int, first: int, events: dict[str, int]
) -> None:
    """Earlier or later, the book is the same; one from before the first change that was heard is refused."""
    frames, snapshot, _ = beginning(recorded)
    others = [frame for frame in frames if frame is not snapshot]
    whole, moved = Run(), Run()
    whole.take(frames)
    moved.take([*others[first:place], snapshot, *others[max(place, first) :]])
    assert events == moved.events
    assert moved.sides("BTCUSDT") == (whole.sides("BTCUSDT") if "GAP" not in events else None)


def test_cutting_the_input_differently_changes_nothing(recorded: Path) -> None:
    """Blocks of 1, 7 and 1,000 frames give the same entries as one block."""
    frames, _, _ = beginning(recorded, 2_000)
    whole = Run().take(frames)
    for size in (1, 7, 1_000):
        run = Run()
        assert whole == [entry for place in range(0, 2_000, size) for entry in run.take(frames[place : place + size])]


@pytest.mark.parametrize("name", ["cryptofeed_BYBIT.ws.25.0", "cryptofeed_BYBIT.0"])
def test_a_venue_that_nobody_reads_is_refused(recorded: Path, name: str) -> None:
    """The recorder is known, the venue is not, and both are said."""
    with pytest.raises(CaptureError, match=r"cryptofeed lines of \w+\.bybit\.com; allowed: binance, bitget"):
        open_capture(recorded / f"crypto/{name}.txt.gz")
