"""Recorded data comes out of capture, normalise, order book and freshness as an independent reader has it.

The reference book below is written from the venues' documents with dictionaries and decimals, and shares no code with
the operators.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.capture import open_capture
from contracts.envelope import DeadLetter
from contracts.market import BookEvent, Fact, Touch, VenueInstrumentRecord
from operators.freshness import Budgets, Freshness
from operators.normalise import Frame, Normaliser
from operators.order_book import OrderBooks
from operators.sequencer import merge

pytestmark = pytest.mark.recorded
BTC = "kalshi/btc15m_20260513T1259Z.jsonl.gz"
SPORTS = "kalshi/sports_ws_orderbook_stream.json.gz"
FRAGMENTS = "polymarket/ws_market_fragments_20260911.jsonl.gz"
Side = dict[Decimal, Decimal]


class Run:
    """The steps before the bots, over one source."""

    def __init__(self) -> None:
        """Begin."""
        self.normaliser, self.books, self.freshness = Normaliser(), OrderBooks(), Freshness(Budgets())
        self.dead: list[DeadLetter] = []
        self.entries: list[Fact] = []

    def take(self, frames: list[Frame]) -> None:
        """Pass a block."""
        read = self.normaliser.step(frames)
        self.dead += read.dead
        self.entries += self.freshness.step(self.books.step(read.facts))

    def all(self, frames: Iterable[Frame], batch: int = 256) -> "Run":
        """Pass everything."""
        for block in merge([frames], batch):
            self.take(block)
        return self

    def events(self) -> Counter[str]:
        """How often each book event was said."""
        return Counter(entry.event for entry in self.entries if isinstance(entry, BookEvent))

    def sides(self, market_id: str) -> tuple[Side, Side]:
        """One market's book in decimals: price to size."""
        market = self.normaliser.markets.by_id[market_id]
        book = self.books.book(market.index)
        assert book is not None
        tick, lot = Decimal(market.record.tick_micros) / 10**6, Decimal(market.record.lot_micros) / 10**6
        bids, asks = ({price * tick: size * lot for price, size in book.side(side)} for side in (1, -1))
        return bids, asks


class Reference:
    """A Kalshi book by the venue's document: two ladders of bids, signed changes, an ask is 1 minus a NO bid."""

    def __init__(self) -> None:
        """Begin without books."""
        self.books: dict[str, dict[str, Side]] = {}

    def take(self, kind: str, msg: dict[str, Any]) -> None:
        """Apply one message."""
        if kind == "orderbook_snapshot":
            self.books[msg["market_ticker"]] = {
                side: {Decimal(p): Decimal(s) for p, s in msg.get(f"{side}_dollars_fp", [])} for side in ("yes", "no")
            }
        elif kind == "orderbook_delta":
            levels = self.books[msg["market_ticker"]][msg["side"]]
            price = Decimal(msg["price_dollars"])
            size = levels.get(price, Decimal(0)) + Decimal(msg["delta_fp"])
            assert size >= 0
            levels[price] = size
            if not size:
                del levels[price]

    def sides(self, ticker: str) -> tuple[Side, Side]:
        """Bids and asks of one market on the YES scale."""
        book = self.books[ticker]
        return book["yes"], {1 - price: size for price, size in book["no"].items()}


def test_the_first_real_input_is_accounted_for_line_by_line(recorded: Path) -> None:
    """44,499 lines: 14 control lines, the rest facts; no dead letter, no gap, three markets with their strikes."""
    run = Run().all(open_capture(recorded / BTC))
    assert ((44_499, 44_485, 14), [], 0) == (run.normaliser.counts[:3], run.dead, run.books.gaps)
    assert [f"KXBTC15M-26MAY13{tail}" for tail in ("0900-00", "0915-15", "0930-30")] == run.normaliser.markets.ids
    assert {"IMAGE": 3, "EMPTY": 2, "RECONNECTED": 2, "CROSSED": 3, "UNCROSSED": 3} == {
        name: count for name, count in run.events().items() if name not in ("SILENT", "HEARD")
    }
    strikes = [entry.title for entry in run.entries if isinstance(entry, VenueInstrumentRecord)]
    assert ["80077.29", "80193.52", "80285.68"] == [title.split("strike ")[1].split(",")[0] for title in strikes]


def test_books_equal_an_independent_reference(recorded: Path) -> None:
    """At every thousandth line, and at the last, each market's whole book equals the reference's, price by price."""
    run, reference, compared = Run(), Reference(), 0
    frames = list(open_capture(recorded / BTC))
    for frame in frames:
        line = json.loads(frame.data)
        reference.take(line["event_type"], line["payload_json"])
        run.take([frame])
        if frame.position % 1_000 == 0 or frame.position == len(frames):
            for ticker in reference.books:
                assert reference.sides(ticker) == run.sides(ticker), f"{ticker} after line {frame.position}"
                compared += 1
    assert 45 < compared


def test_every_dropped_line_is_one_gap_at_its_frame(recorded: Path) -> None:
    """With every 500th change removed there are 87 gaps, each at the next numbered line of its connection."""
    kept, expected, removed, seen = [], [], False, 0
    for frame in open_capture(recorded / BTC):
        line = json.loads(frame.data)
        if line["event_type"] == "orderbook_delta":
            seen += 1
            if seen % 500 == 0:
                removed = True
                continue
        if removed and line["sequence_number"] is not None:
            expected.append((frame.position, line["sequence_number"] - 1, line["sequence_number"]))
            removed = False
        kept.append(frame)
    run = Run().all(kept)
    gaps = [
        (entry.fact >> 24 & 0xFFFFFFFF, entry.expected, entry.seen)
        for entry in run.entries
        if isinstance(entry, BookEvent) and entry.event == "GAP"
    ]
    assert (87, 87, expected) == (run.books.gaps, len(gaps), gaps)


def test_cutting_the_input_differently_changes_nothing(recorded: Path) -> None:
    """Blocks of 1, 7 and 1,000 frames give the same entries as blocks of 256."""
    frames = list(open_capture(recorded / BTC))[:6_000]
    whole = Run().all(frames).entries
    for batch in (1, 7, 1_000):
        assert whole == Run().all(frames, batch).entries


def test_untouched_frames_of_twelve_games(recorded: Path) -> None:
    """269 frames of one subscription, answers counted in: nothing dead, no gap, and the reference's books."""
    run, reference = Run().all(open_capture(recorded / SPORTS)), Reference()
    for item in json.loads(gzip.decompress((recorded / SPORTS).read_bytes()))["frames"]:
        reference.take(item["frame"]["type"], item["frame"]["msg"])
    assert ((269, 257, 12), [], 0) == (run.normaliser.counts[:3], run.dead, run.books.gaps)
    assert 12 == len(reference.books)
    for ticker in reference.books:
        assert reference.sides(ticker) == run.sides(ticker)


def test_a_missing_frame_stops_all_twelve_games(recorded: Path) -> None:
    """Numbers run over all markets of a subscription: one frame lost after all images is one gap and twelve doubts."""
    frames = [frame for frame in open_capture(recorded / SPORTS) if frame.position != 120]
    run = Run().all(frames)
    gaps = [entry.market for entry in run.entries if isinstance(entry, BookEvent) and entry.event == "GAP"]
    assert (1, list(range(12))) == (run.books.gaps, sorted(gaps))


def test_the_polymarket_fragments(recorded: Path) -> None:
    """19 frames, none dead; changes before an image are not applied; the two images mirror each other exactly."""
    run = Run().all(open_capture(recorded / FRAGMENTS))
    assert ((19, 19, 0), [], {"NO_IMAGE": 2, "IMAGE": 2}) == (run.normaliser.counts[:3], run.dead, dict(run.events()))
    first, second = run.normaliser.markets.ids
    (bids, asks), (other_bids, other_asks) = run.sides(first), run.sides(second)
    assert (bids, asks) == ({1 - p: s for p, s in other_asks.items()}, {1 - p: s for p, s in other_bids.items()})
    assert (Decimal("0.624"), Decimal("0.63")) == (max(bids), min(asks))


def test_a_recorded_group_is_judged_when_it_is_over(recorded: Path) -> None:
    """From the book before it, the two frames of one action pass a crossed state and end in the recorded image."""
    capture = list(open_capture(recorded / FRAGMENTS))
    added, taken, image = capture[15], capture[16], capture[17]
    kinds = [json.loads(frame.data)["event_type"] for frame in (added, taken) if b"event_type" in frame.data]
    assert (["price_change"] * 2, True) == (kinds, b'"bids"' in image.data)
    book = json.loads(image.data)
    before = {**book, "timestamp": "1789156497001", "event_type": "book"}
    before["asks"] = [level for level in book["asks"] if level["price"] != "0.63"]
    before["bids"] = [*book["bids"], {"price": "0.63", "size": "4"}]
    run = Run()
    run.take([Frame(0, 1, added.at_ns - 1, "clob_v2", json.dumps(before).encode(), added.conn)])
    run.entries.clear()
    run.take([added])
    assert [] == [entry for entry in run.entries if isinstance(entry, (Touch, BookEvent)) and entry.market == 0]
    run.take([taken])
    told = [entry for entry in run.entries if isinstance(entry, (Touch, BookEvent)) and entry.market == 0]
    assert [(624, 630)] == [(t.bid_ticks, t.ask_ticks) for t in told if isinstance(t, Touch)] and len(told) == 1
    ours = run.sides(book["asset_id"])
    run.take([image])
    assert ours == run.sides(book["asset_id"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("py_book.json", ["VenueInstrumentRecord", "VenueConnection", "VenueBookImage"]),
        ("py_last_trade_price.json", ["VenueInstrumentRecord", "VenueTrade"]),
        ("py_price_change.json", ["VenueInstrumentRecord", "VenueConnection", "VenueBookDelta"]),
        ("py_price_change_v2.json", ["VenueInstrumentRecord", "VenueConnection", *["VenueBookDelta"] * 3]),
        ("py_tick_size_change.json", ["VenueInstrumentRecord"]),
        ("py_market.json", ["VenueInstrumentRecord"] * 2),
        ("py_market_slug.json", ["VenueInstrumentRecord"] * 2),
        ("py_markets_list.json", ["VenueInstrumentRecord"] * 6),
        ("py_event.json", []),
        ("py_events_list.json", []),
        ("rs_ws_market_book_msg.json", ["VenueInstrumentRecord", "VenueConnection", "VenueBookImage"]),
        ("rs_ws_market_price_change_msg.json", ["VenueInstrumentRecord", "VenueConnection", "VenueBookDelta"]),
        ("rs_ws_market_last_trade_msg.json", ["VenueInstrumentRecord", "VenueTrade"]),
        ("rs_ws_market_tick_size_msg.json", ["VenueInstrumentRecord", "VenueStatus"]),
        ("rs_clob_book_response.json", ["VenueInstrumentRecord", "VenueConnection", "VenueBookImage"]),
        ("rs_gamma_market.json", ["VenueInstrumentRecord"] * 2),
    ],
)
def test_every_kind_of_polymarket_frame(recorded: Path, name: str, expected: list[str]) -> None:
    """Each fixture frame, whatever its generation, gives its facts and no dead letter."""
    data = (recorded / "polymarket/fixtures" / name).read_bytes()
    read = Normaliser().step([Frame(0, 1, 1_789_156_413_937_000_000, "clob_v2", data)])
    assert (expected, []) == ([type(fact).__name__ for fact in read.facts], read.dead)


@pytest.mark.parametrize("keep", [300_000, 700_000, 1_423_900])
def test_a_capture_cut_short_is_read_up_to_its_last_whole_line(recorded: Path, tmp_path: Path, keep: int) -> None:
    """A gzip stream that ends early gives a true beginning of the whole, and says where and why it ended."""
    short = tmp_path / "short.jsonl.gz"
    short.write_bytes((recorded / BTC).read_bytes()[:keep])
    whole, capture = [frame.data for frame in open_capture(recorded / BTC)], open_capture(short)
    part = [frame.data for frame in capture]
    assert whole[: len(part)] == part and 1_000 < len(part) < len(whole)
    assert f"{short}: gzip ends before its end mark; read up to line {len(part)}" == capture.truncated


@pytest.mark.parametrize("name", ["btc15m_20260514T043118Z", "btc15m_20260513T055209Z", "btc15m_20260514T134028Z"])
def test_other_runs_have_no_fault_either(recorded: Path, name: str) -> None:
    """A reconnect on the same market heals with its snapshot; short runs have neither gaps nor dead letters."""
    run = Run().all(open_capture(recorded / f"kalshi/{name}.jsonl.gz"))
    counts = run.normaliser.counts
    assert ([], 0, counts.frames) == (run.dead, run.books.gaps, counts.facts_frames + counts.control)
    assert run.books.resyncs == (1 if "043118" in name else 0)
