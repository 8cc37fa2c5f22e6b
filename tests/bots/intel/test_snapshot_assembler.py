"""intel.snapshot_assembler: what joins, what lowers the quality, what keeps it silent."""

from typing import Any

import pytest

from bots.intel.snapshot_assembler import Config, Memory, on_change, on_print
from bots.kit import ConfirmedAt, Instant
from contracts.intent import BotNote
from contracts.market import MarketSnapshot, VenueMarkUpdate, VenueTicker
from tests.world import FACT, HASH, MS, NOW, definition, quality, tick, touch, trade_print

CONFIG = Config()
PERP = definition(instrument_kind=1, grid_ticks=0)


def ticker(**changes: Any) -> VenueTicker:
    """The venue repeats the quotes of `touch()`."""
    values: dict[str, Any] = {"bid_ticks": 44, "ask_ticks": 46, "last_ticks": 45, "volume_lots": 2_000}
    fixed: dict[str, Any] = {
        "fact": FACT,
        "at_ns": int(NOW),
        "market": 0,
        "venue_ns": int(NOW),
        "provenance_hash": HASH,
    }
    return VenueTicker(**fixed | values | changes)


def mark(age_ms: int = 0, mark_micros: int = 1_000_000, index_micros: int = 1_000_000) -> VenueMarkUpdate:
    """A mark, so old."""
    return VenueMarkUpdate(FACT, NOW - age_ms * MS, 0, mark_micros, index_micros, 100, 0, HASH)


def join(age_ms: int = 100, config: Config = CONFIG, state: Memory | None = None, **given: Any) -> Any:
    """Join at a touch, with a book confirmed `age_ms` ago."""
    readings: dict[str, Any] = {
        "trigger": touch(),
        "touch": touch(),
        "quality": quality(),
        "definition": definition(),
        "ticker": None,
        "mark": None,
    }
    readings |= given
    return on_change(config, state or Memory(), **readings, confirmed=ConfirmedAt(NOW - age_ms * MS), now=NOW)


def test_normal_all_inside_budget() -> None:
    """Fixture normal: book 100 ms old, tape 2 s old, definition current: quality 1.0."""
    said = join(state=on_print(CONFIG, Memory(), trade_print(price_ticks=45), NOW))
    assert (1_000, "INTEL_SNAP_OK", 44, 46, 45) == (
        said.quality_milli,
        said.reason,
        said.bid_ticks,
        said.ask_ticks,
        said.last_ticks,
    )
    assert (1, 12_000, NOW - 100 * MS) == (said.definition_version, said.bid_depth_lots, said.confirmed_ns)


@pytest.mark.parametrize(("age_ms", "score"), [(500, 1_000), (501, 998), (1_000, 500), (5_000, 100)])
def test_warning_an_old_book_lowers_the_quality(age_ms: int, score: int) -> None:
    """Fixture warning: 1,000 ms against a budget of 500 is quality 0.5; at the budget it is full."""
    said = join(age_ms, trigger=tick(at_ns=int(NOW)))
    assert (score, "INTEL_SNAP_OK" if score == 1_000 else "INTEL_SNAP_AGED") == (said.quality_milli, said.reason)


def test_hard_quotes_that_do_not_mirror() -> None:
    """Fixture hard: YES bid .60 and NO ask .45 (the venue repeats a YES bid of .55): quality halved."""
    book = touch(bid_ticks=60, ask_ticks=62)
    said = join(trigger=book, touch=book, ticker=ticker(bid_ticks=55, ask_ticks=62))
    assert (500, "INTEL_SNAP_INCOHERENT") == (said.quality_milli, said.reason)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"bid_ticks": 43, "ask_ticks": 47}, "INTEL_SNAP_OK"),
        ({"bid_ticks": 42}, "INTEL_SNAP_INCOHERENT"),
        ({"ask_ticks": 48}, "INTEL_SNAP_INCOHERENT"),
        ({"ask_ticks": -1}, "INTEL_SNAP_OK"),
        ({"bid_ticks": 30, "at_ns": NOW - 1}, "INTEL_SNAP_OK"),
        ({"bid_ticks": 30, "venue_ns": NOW - 21 * MS}, "INTEL_SNAP_OK"),
    ],
)
def test_the_mirror_has_a_tolerance_and_asks_only_the_present(told: dict[str, Any], reason: str) -> None:
    """One tick is inside mirror_tol, two are not; an empty side or an older ticker contradicts nothing."""
    assert reason == join(ticker=ticker(**told)).reason
    assert "INTEL_SNAP_OK" == join(config=Config(mirror_tol=200_000), ticker=ticker(**told)).reason


@pytest.mark.parametrize(("index", "score"), [(1_000_000, 1_000), (990_100, 1_000), (990_098, 500), (0, 1_000)])
def test_mark_and_index_must_agree(index: int, score: int) -> None:
    """A perp whose mark is more than one percent off its index is half as good; no index contradicts nothing."""
    said = join(definition=PERP, mark=mark(index_micros=index))
    assert (score, index, 100) == (said.quality_milli, said.index_micros, said.funding_rate_ppb)


@pytest.mark.parametrize(("age_ms", "score"), [(3_000, 1_000), (3_001, 999), (6_000, 500)])
def test_an_old_mark_lowers_the_quality(age_ms: int, score: int) -> None:
    """The mark has a budget of its own, three seconds."""
    assert score == join(definition=PERP, mark=mark(age_ms)).quality_milli
    assert 1_000 == join(definition=PERP, mark=mark(age_ms), config=Config(mark_budget_ms=9_000)).quality_milli


@pytest.mark.parametrize(
    "given",
    [
        {"definition": PERP},
        {"touch": None, "trigger": tick()},
        {"quality": None},
        {"definition": None},
        {"touch": touch(bid_ticks=-1)},
        {"touch": touch(ask_ticks=-1)},
    ],
)
def test_failure_a_missing_part_is_said_and_not_filled(given: dict[str, Any]) -> None:
    """Fixture failure: a perp without mark, a missing part or an empty side: a note, no snapshot."""
    assert BotNote("INTEL_SNAP_COMPONENT_MISSING") == join(**given)


def test_a_withheld_book_says_nothing() -> None:
    """While the book is not believed there is no snapshot and no note: the book builder has spoken."""
    bad = quality(state="RESYNC", score_milli=0)
    assert None is join(quality=bad)
    assert None is join(trigger=bad, quality=bad)


def test_it_speaks_on_moves_heartbeats_and_quality() -> None:
    """A touch that only changes size is quiet; a heartbeat and a change of quality speak; the period is a parameter."""
    assert None is join(trigger=touch(moved=False))
    half = quality(state="DEGRADED", score_milli=500)
    assert 500 == join(trigger=half, quality=half).quality_milli
    slow = Config(heartbeat_ms=10_000)
    beats = [join(config=slow, trigger=tick(at_ns=NOW + second * 1_000 * MS)) for second in range(20)]
    assert 2 == sum(type(beat) is MarketSnapshot for beat in beats)
    assert MarketSnapshot is type(join(config=Config(heartbeat_ms=0), trigger=tick()))


def test_volume_is_total_lots_times_last_price() -> None:
    """The ticker's 20 contracts at 45 cents are nine dollars; the tape may know more; without either 0."""
    assert (9_000_000, 45) == (join(ticker=ticker()).volume_micros, join(ticker=ticker()).last_ticks)
    taped = on_print(CONFIG, Memory(), trade_print(price_ticks=50, size_lots=4_000), NOW)
    assert (20_000_000, 50) == (join(state=taped, ticker=ticker()).volume_micros, join(state=taped).last_ticks)
    assert (0, -1) == (join().volume_micros, join().last_ticks)


def test_the_hash_covers_every_component() -> None:
    """Another definition, touch, ticker or mark gives another hash; the same parts give the same."""
    other = "b" * 64
    hashes = {
        join().provenance_hash,
        join(definition=definition(provenance_hash=other)).provenance_hash,
        join(touch=touch(provenance_hash=other)).provenance_hash,
        join(ticker=ticker()).provenance_hash,
        join(ticker=ticker(provenance_hash=other)).provenance_hash,
        join(definition=PERP, mark=mark()).provenance_hash,
    }
    assert 5 <= len(hashes)
    assert join().provenance_hash == join().provenance_hash


def test_time_is_a_value() -> None:
    """The same readings a moment later differ by age only."""
    later = on_change(
        CONFIG, Memory(), touch(), touch(), quality(), definition(), None, None, ConfirmedAt(NOW), Instant(NOW + MS)
    )
    assert isinstance(later, MarketSnapshot)
    assert 1_000 == later.quality_milli
