"""intel.book_builder: trust in the book event by event, with the code of each cause; the sign of trades; the ladder."""

from typing import Any

import pytest

from bots.intel.book_builder import Config, Memory, on_clock, on_event, on_ladder, on_touch, on_trade
from bots.kit import ConfirmedAt, Instant
from contracts.market import BookEvent, BookLadder, BookQuality, Status, TradePrint
from tests.world import FACT, HASH, MS, NOW, definition, tick, touch, trade

CONFIG = Config()


class Feed:
    """Drives the bot's steps with one memory and a clock in milliseconds."""

    def __init__(self, config: Config = CONFIG) -> None:
        """Begin at birth."""
        self.config, self.state, self.said = config, Memory(), None
        self.status = int(Status.OPEN)

    def at(self, ms: float) -> Instant:
        """The moment `ms` after the start."""
        return Instant(NOW + int(ms * MS))

    def keep(self, answer: tuple[Memory, Any]) -> Any:
        """Keep the state; remember the last quality said."""
        self.state, said = answer
        if type(said) is BookQuality:
            self.said = said
        return said

    def event(self, name: str, ms: float = 0, confirmed_ms: float = 0) -> Any:
        """Something happened to the book."""
        fact = BookEvent(FACT, int(self.at(ms)), 0, name, 7, 9)
        known = definition(status=self.status)
        return self.keep(
            on_event(self.config, self.state, fact, ConfirmedAt(self.at(confirmed_ms)), known, self.at(ms))
        )

    def touch(self, ms: float = 0, levels: int = 5, ask_levels: int = 5) -> Any:
        """The top changed."""
        fact = touch(bid_levels=levels, ask_levels=ask_levels, at_ns=int(self.at(ms)))
        return self.keep(on_touch(self.config, self.state, fact, self.at(ms)))

    def clock(self, ms: float, confirmed_ms: float = 0) -> Any:
        """A second passed."""
        known = definition(status=self.status)
        return self.keep(
            on_clock(self.config, self.state, tick(), ConfirmedAt(self.at(confirmed_ms)), known, self.at(ms))
        )

    def good(self) -> "Feed":
        """An image and a deep touch."""
        self.event("IMAGE")
        self.touch()
        return self


def trust(quality: BookQuality | None) -> tuple[str, int, str]:
    """State, score and reason."""
    assert quality is not None
    return quality.state, quality.score_milli, quality.reason


def test_normal_an_image_and_twenty_changes_are_full_quality() -> None:
    """Fixture normal: full image, then twenty touches: quality 1.0, said once."""
    feed = Feed()
    assert None is feed.event("IMAGE")
    assert ("OK", 1_000, "INTEL_BOOK_OK") == trust(feed.touch())
    assert [None] * 20 == [feed.touch(ms) for ms in range(20)]


@pytest.mark.parametrize(("levels", "asks", "score"), [(2, 2, 700), (2, 9, 700), (9, 2, 700), (3, 3, 1_000)])
def test_warning_few_levels_degrade(levels: int, asks: int, score: int) -> None:
    """Fixture warning: two levels on the thinner side are quality 0.7; three are enough."""
    feed = Feed()
    feed.event("IMAGE")
    reason = "INTEL_BOOK_OK" if score == 1_000 else "INTEL_BOOK_DEGRADED"
    assert ("OK" if score == 1_000 else "DEGRADED", score, reason) == trust(feed.touch(0, levels, asks))
    assert None is feed.touch(1, levels, asks)


@pytest.mark.parametrize("event", ["GAP", "NEGATIVE", "MISMATCH", "CHECKSUM", "OFF_GRID", "RECONNECTED", "NO_IMAGE"])
def test_hard_lost_content_withholds_until_an_image(event: str) -> None:
    """Fixture hard: after a gap nothing is believed until an image; then the resync costs 0.4 for ten seconds."""
    feed = Feed().good()
    reason = "INTEL_BOOK_CHECKSUM" if event == "CHECKSUM" else "INTEL_BOOK_RESYNC"
    assert ("RESYNC", 0, reason) == trust(feed.event(event, 10))
    assert event == feed.said.cause
    assert None is feed.event("HEARD", 15)
    assert None is feed.event("UNCROSSED", 16)
    healed = feed.event("IMAGE", 20)
    lost = 0 if event == "NO_IMAGE" else 400
    assert 1_000 - lost == healed.score_milli
    if lost:
        assert None is feed.clock(10_019)
        assert 1_000 == feed.clock(10_020).score_milli


def test_failure_silence_of_an_open_market_withholds() -> None:
    """Fixture failure: 2.1 s of silence withhold with FEED_SILENT; being heard heals without a penalty."""
    feed = Feed().good()
    assert ("RESYNC", 0, "INTEL_BOOK_FEED_SILENT") == trust(feed.event("SILENT", 2_100))
    assert "SILENT" == feed.said.cause
    assert 1_000 == feed.event("HEARD", 2_200, 2_200).score_milli


def test_silence_counts_beyond_its_limit_only() -> None:
    """A silence reported early counts when it passes max_gap_ms: not at 2,000 ms, but beyond."""
    feed = Feed().good()
    assert None is feed.event("SILENT", 600)
    assert None is feed.clock(2_000)
    assert "INTEL_BOOK_FEED_SILENT" == feed.clock(2_001).reason
    assert None is feed.clock(3_000)


def test_silence_of_a_market_that_is_not_open_is_expected() -> None:
    """A closed market may be silent."""
    feed = Feed().good()
    feed.status = int(Status.CLOSED)
    assert None is feed.event("SILENT", 5_000)
    assert None is feed.clock(6_000)


@pytest.mark.parametrize(
    ("silence", "reason"),
    [
        ("SILENT", "INTEL_BOOK_FEED_SILENT"),
        ("QUIET", "INTEL_BOOK_QUIET"),
        ("FROZEN", "INTEL_BOOK_FROZEN"),
    ],
)
def test_a_silence_that_nothing_proves_withholds_with_its_cause(silence: str, reason: str) -> None:
    """Each silence has its code; being heard, or an image, heals without a penalty."""
    for end in ("HEARD", "IMAGE"):
        feed = Feed().good()
        assert ("RESYNC", 0, reason) == trust(feed.event(silence, 2_100))
        assert silence == feed.said.cause
        assert ("OK", 1_000, "INTEL_BOOK_OK") == trust(feed.event(end, 2_200, 2_200))


def test_a_silence_whose_cause_changes_is_said_again() -> None:
    """From silent to quiet to frozen to calm: withheld three times for three causes, then believed."""
    feed = Feed().good()
    said = [feed.event(name, 3_000 + at).reason for at, name in enumerate(("SILENT", "QUIET", "FROZEN", "CALM"))]
    assert ["INTEL_BOOK_FEED_SILENT", "INTEL_BOOK_QUIET", "INTEL_BOOK_FROZEN", "INTEL_BOOK_CALM"] == said
    assert "CALM" == feed.said.cause and feed.said.usable


@pytest.mark.parametrize(("levels", "state", "score"), [(5, "OK", 1_000), (2, "DEGRADED", 700)])
def test_a_calm_book_is_believed_and_said_to_be_calm(levels: int, state: str, score: int) -> None:
    """Proven silence costs nothing: the score stays, the code says why nothing is heard, and HEARD takes it back."""
    feed = Feed().good()
    feed.touch(1, levels)
    assert (state, score, "INTEL_BOOK_CALM") == trust(feed.event("CALM", 3_000))
    assert None is feed.clock(4_000)
    reason = "INTEL_BOOK_OK" if state == "OK" else "INTEL_BOOK_DEGRADED"
    assert (state, score, reason) == trust(feed.event("HEARD", 5_000, 5_000))


@pytest.mark.parametrize(("event", "reason"), [("STUCK", "INTEL_BOOK_FROZEN"), ("GHOST", "INTEL_BOOK_GHOST")])
@pytest.mark.parametrize("end", ["AGREED", "IMAGE"])
def test_a_contradicted_book_is_withheld_until_it_is_proven(event: str, reason: str, end: str) -> None:
    """Being heard proves nothing; an image, or the end of the contradiction with numbers, heals as a resync."""
    feed = Feed().good()
    assert ("RESYNC", 0, reason) == trust(feed.event(event, 10))
    assert None is feed.event("HEARD", 20, 20)
    assert ("DEGRADED", 600, "INTEL_BOOK_DEGRADED") == trust(feed.event(end, 30))
    assert 1_000 == feed.clock(10_030).score_milli


def test_a_stuck_book_may_turn_out_a_ghost_and_a_gap_is_graver_than_both() -> None:
    """STUCK, GHOST, GAP are said one after the other; what comes after a gap waits for the image."""
    feed = Feed().good()
    said = [feed.event(name, at).cause for at, name in enumerate(("STUCK", "GHOST", "GAP"))]
    assert ["STUCK", "GHOST", "GAP"] == said
    assert [None, None] == [feed.event(name, 5) for name in ("GHOST", "AGREED")]
    assert 600 == feed.event("IMAGE", 6).score_milli


def test_agreement_heals_nothing_but_contradiction() -> None:
    """AGREED after nothing, or after a gap, changes nothing."""
    feed = Feed().good()
    assert None is feed.event("AGREED", 1)
    feed.event("GAP", 2)
    assert None is feed.event("AGREED", 3)


def test_lateness_withholds_until_the_delay_is_usual_again() -> None:
    """SKEW has its own code, outlives an image, and leaves no penalty."""
    feed = Feed().good()
    assert ("RESYNC", 0, "INTEL_CLOCK_SKEW") == trust(feed.event("SKEW", 10))
    assert "SKEW" == feed.said.cause
    assert None is feed.event("IMAGE", 20)
    assert ("OK", 1_000, "INTEL_BOOK_OK") == trust(feed.event("STEADY", 30))


def test_late_delivery_withholds_until_it_is_on_time() -> None:
    """LATE has its own code, is graver than a silence, outlives being heard and an image, and leaves no penalty."""
    feed = Feed().good()
    assert ("RESYNC", 0, "INTEL_BOOK_FEED_SILENT") == trust(feed.event("SILENT", 2_100))
    assert ("RESYNC", 0, "INTEL_BOOK_LATE") == trust(feed.event("LATE", 2_200))
    assert "LATE" == feed.said.cause
    assert [None, None, None] == [feed.event(name, 2_300, 2_300) for name in ("HEARD", "IMAGE", "STEADY")]
    assert None is feed.clock(2_400)
    assert ("OK", 1_000, "INTEL_BOOK_OK") == trust(feed.event("ON_TIME", 2_500))


def test_a_book_that_begins_late_is_withheld_from_its_first_touch() -> None:
    """LATE before the first image: the first touch is not believed; lost content is graver all the same."""
    feed = Feed()
    assert [None, None] == [feed.event(name) for name in ("LATE", "IMAGE")]
    assert ("RESYNC", 0, "INTEL_BOOK_LATE") == trust(feed.touch())
    assert "INTEL_BOOK_RESYNC" == feed.event("GAP", 1).reason
    assert None is feed.event("ON_TIME", 2)
    assert "INTEL_BOOK_DEGRADED" == feed.event("IMAGE", 3).reason


def test_an_image_ends_a_silence_that_a_gap_had_hidden() -> None:
    """A gap that a sibling's number told of leaves no message of this market, so the image must end its silence too."""
    feed = Feed().good()
    feed.event("SILENT", 3_000)
    feed.event("GAP", 3_100)
    assert 600 == feed.event("IMAGE", 3_300).score_milli


def test_a_gap_during_silence_is_said_as_the_gap() -> None:
    """Lost content is the graver cause: the readers must drop their book."""
    feed = Feed().good()
    feed.event("SILENT", 3_000)
    assert "GAP" == feed.event("GAP", 3_100).cause
    assert None is feed.event("HEARD", 3_200, 3_200)
    assert 600 == feed.event("IMAGE", 3_300).score_milli


def test_a_cross_degrades_and_withholds_beyond_its_grace() -> None:
    """Crossed: 0.7 at once; still at 250 ms; withheld at 251 ms; ended, it costs 0.7 in all, then 0.4, then nothing."""
    feed = Feed().good()
    assert ("DEGRADED", 700, "INTEL_BOOK_DEGRADED") == trust(feed.event("CROSSED", 0))
    assert None is feed.touch(250)
    assert ("RESYNC", 0, "INTEL_BOOK_CROSSED") == trust(feed.touch(251))
    assert 300 == feed.event("UNCROSSED", 400).score_milli
    assert None is feed.clock(5_399)
    assert 600 == feed.clock(5_400).score_milli
    assert 1_000 == feed.clock(10_400).score_milli


def test_a_short_cross_is_forgotten_after_five_seconds() -> None:
    """A cross inside its grace is no resync; an image ends a cross as well."""
    feed = Feed().good()
    feed.event("CROSSED", 0)
    assert None is feed.event("UNCROSSED", 100)
    assert 1_000 == feed.clock(5_100).score_milli
    feed.event("CROSSED", 6_000)
    feed.event("IMAGE", 6_100)
    assert 1_000 == feed.clock(11_100).score_milli


def test_quality_has_a_floor_of_zero() -> None:
    """Thin, crossed and resynced at once is exactly 0, and still published."""
    feed = Feed().good()
    feed.event("GAP", 0)
    feed.event("IMAGE", 1)
    feed.event("CROSSED", 2)
    assert ("DEGRADED", 0, "INTEL_BOOK_DEGRADED") == trust(feed.touch(3, 1))


def test_an_empty_book_is_withheld_without_a_penalty_afterwards() -> None:
    """An image of nothing withholds; a later loss of content is graver; a full image heals."""
    feed = Feed().good()
    assert ("RESYNC", 0, "INTEL_BOOK_RESYNC") == trust(feed.event("EMPTY"))
    assert 1_000 == feed.event("IMAGE", 5).score_milli
    feed.event("EMPTY", 6)
    assert "GAP" == feed.event("GAP", 7).cause


def test_a_regressed_timestamp_is_noted_only() -> None:
    """A message from the past was dropped upstream: a note with both numbers, no change of trust."""
    feed = Feed().good()
    before = feed.state
    note = feed.event("REGRESSED", 5)
    assert ("INTEL_BOOK_DEGRADED", 9, 7, before) == (note.reason, note.seen, note.limit, feed.state)


def test_at_birth_waiting_for_an_image_says_nothing_new() -> None:
    """A book that never was good cannot be lost."""
    feed = Feed()
    assert None is feed.event("RECONNECTED")
    assert None is feed.event("NO_IMAGE")
    feed.event("IMAGE")
    assert 1_000 == feed.touch().score_milli


def sign(feed: Feed, quote: Any = None, **changes: Any) -> tuple[int, str]:
    """Sign one trade."""
    said: TradePrint = feed.keep(on_trade(feed.config, feed.state, trade(**changes), quote, feed.at(0)))[0]
    return said.aggressor, said.sign_source


def test_the_sign_of_a_trade_by_venue_quote_and_tick() -> None:
    """The venue's flag wins; then the mid; at the mid the last price; then the last sign."""
    feed = Feed().good()
    assert (-1, "venue") == sign(feed, touch(), aggressor=-1, price_ticks=46)
    assert (1, "quote") == sign(feed, touch(), aggressor=0, price_ticks=46)
    assert (-1, "quote") == sign(feed, touch(), aggressor=0, price_ticks=44)
    assert (1, "tick") == sign(feed, touch(), aggressor=0, price_ticks=45)
    assert (1, "tick") == sign(feed, touch(), aggressor=0, price_ticks=45)
    assert (-1, "tick") == sign(feed, touch(ask_ticks=-1), aggressor=0, price_ticks=44)
    assert (0, "tick") == sign(Feed(), None, aggressor=0)


def test_a_withheld_book_signs_nothing_and_marks_the_tape() -> None:
    """Quotes of a book that is not believed do not sign, and the print says so."""
    feed = Feed().good()
    feed.event("GAP", 1)
    (said,) = feed.keep(on_trade(CONFIG, feed.state, trade(aggressor=0, price_ticks=46), touch(), feed.at(2)))
    assert (0, "tick", "INTEL_BOOK_RESYNC") == (said.aggressor, said.sign_source, said.reason)


def test_the_ladder_is_published_with_a_chained_hash_unless_withheld() -> None:
    """Two ladders of a good book have different hashes; a withheld book publishes none."""
    ladder = BookLadder(FACT, int(NOW), 0, ((44, 5),), ((46, 4),), 12, int(NOW), HASH)
    feed = Feed()
    assert None is on_ladder(CONFIG, feed.state, ladder, definition(), NOW)[1]
    feed.good()
    state, one = on_ladder(CONFIG, feed.state, ladder, definition(), NOW)
    _, two = on_ladder(CONFIG, state, ladder, definition(), NOW)
    assert one is not None and two is not None
    assert ("M1", 12, ((44, 5),), 1_000) == (one.market_id, one.venue_seq, one.bids, one.quality_milli)
    assert one.provenance_hash != two.provenance_hash
    feed.event("GAP", 1)
    assert None is on_ladder(CONFIG, feed.state, ladder, definition(), NOW)[1]


def test_parameters_move_the_limits() -> None:
    """min_levels, crossed_grace_ms and max_gap_ms are configuration."""
    feed = Feed(Config(min_levels=6, crossed_grace_ms=0, max_gap_ms=100))
    feed.event("IMAGE")
    assert 700 == feed.touch().score_milli
    assert "INTEL_BOOK_FEED_SILENT" == feed.event("SILENT", 101).reason
    feed.event("HEARD", 102, 102)
    feed.event("CROSSED", 103)
    assert "CROSSED" == feed.touch(104).cause
