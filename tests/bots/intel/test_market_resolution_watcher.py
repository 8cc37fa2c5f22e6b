"""intel.market_resolution_watcher: time states, oracle states, staleness, reorganisations."""

from typing import Any

import pytest
from msgspec.structs import replace

from bots.intel.market_resolution_watcher import Config, Memory, on_oracle, on_time
from bots.kit import Instant
from contracts.market import OracleEvent, Status
from contracts.signal import SignalReport
from tests.world import FACT, NOW, definition, tick

SECOND = 1_000_000_000
HOUR, DAY = 3_600, 86_400


class Life:
    """One market, `left` seconds before its expiry."""

    def __init__(self, left: int, venue: str = "polymarket", config: Config | None = None, **changes: Any) -> None:
        """Begin with an oracle that was just looked at."""
        self.config, self.state, self.said = config or Config(), Memory(), None
        self.known = definition(venue_id=venue, expiry_ns=NOW + left * SECOND, **changes)
        if venue == "polymarket":
            self.oracle("OBSERVED", 0)

    def oracle(self, event: str, at_s: float, block: int = 0, block_hash: str = "", outcome: int = -1) -> Any:
        """A step at the oracle."""
        at = Instant(NOW + int(at_s * SECOND))
        fact = OracleEvent(FACT, int(at), 0, event, outcome, block, block_hash)
        return self._keep(on_oracle(self.config, self.state, fact, self.known, at))

    def time(self, at_s: float) -> Any:
        """A second passed."""
        return self._keep(on_time(self.config, self.state, tick(), self.known, Instant(NOW + int(at_s * SECOND))))

    def _keep(self, answer: tuple[Memory, SignalReport | None]) -> SignalReport | None:
        self.state, said = answer
        self.said = said or self.said
        return said


def test_normal_ten_days_left() -> None:
    """Fixture normal: ten days left: OPEN."""
    said = Life(10 * DAY).said
    assert said is not None
    assert ("OPEN", float(10 * DAY), "INTEL_RES_OPEN") == (said.label, said.value, said.reason)
    assert (-1.0, 0.0, 0.0) == (said.part("proposed_outcome"), said.part("dispute_count"), said.part("escalated"))


@pytest.mark.parametrize("left", [3 * DAY, 3 * DAY + 1, DAY + HOUR, DAY + 2])
def test_a_quiet_second_is_one_that_would_change_nothing(left: int) -> None:
    """A memory that skips quiet seconds says the same at the same time as one that judges every second."""
    skipping, judging = Life(left, "kalshi"), Life(left, "kalshi")
    for at_s in [0, 1, *range(HOUR - 3, HOUR + 4), *range(left - DAY - 3, left - DAY + 4), left - HOUR, left]:
        judging.state = replace(judging.state, quiet_until_ns=0)
        assert judging.time(at_s) == skipping.time(at_s)
    assert skipping.said is not None
    assert "CLOSED" == skipping.said.label


def test_warning_a_proposal_half_an_hour_ago() -> None:
    """Fixture warning: proposed YES 30 minutes ago: PROPOSED with 5,400 s left."""
    life = Life(-HOUR)
    life.oracle("PROPOSED", 0, outcome=1_000_000)
    life.oracle("OBSERVED", 1_700)
    said = life.time(1_800)
    assert said is not None
    assert ("PROPOSED", 5_400.0, "INTEL_RES_NEAR", 1.0) == (
        said.label,
        said.value,
        said.reason,
        said.part("proposed_outcome"),
    )
    assert None is not Life(-HOUR, config=Config(liveness_s=600)).oracle("PROPOSED", 0)


def test_hard_a_dispute_and_a_second_one() -> None:
    """Fixture hard: a dispute is DISPUTED with count 1; a new proposal does not end it; a second one escalates."""
    life = Life(-HOUR)
    life.oracle("PROPOSED", 0, outcome=0)
    said = life.oracle("DISPUTED", 1)
    assert ("DISPUTED", 1.0, "INTEL_RES_DISPUTED") == (said.label, said.part("dispute_count"), said.reason)
    life.oracle("PROPOSED", 2, outcome=0)
    assert "DISPUTED" == life.said.label
    said = life.oracle("DISPUTED", 3)
    assert ("DISPUTED", 2.0, 1.0) == (said.label, said.part("dispute_count"), said.part("escalated"))


@pytest.mark.parametrize(("age_s", "label"), [(600, "T1H"), (601, "UNKNOWN"), (660, "UNKNOWN")])
def test_failure_an_old_oracle_view_near_the_end(age_s: int, label: str) -> None:
    """Fixture failure: inside an hour with a view 11 minutes old: UNKNOWN; at the budget it still counts."""
    life = Life(1_800)
    life.time(age_s)
    assert life.said is not None and label == life.said.label
    if label == "UNKNOWN":
        assert "INTEL_RES_ORACLE_STALE" == life.said.reason
    assert "T1H" == Life(1_800, venue="kalshi").time(age_s).label


def test_far_from_the_end_an_old_view_is_no_harm() -> None:
    """Outside 24 h the oracle need not be watched; a view that never came is unknown inside."""
    life = Life(2 * DAY)
    life.time(3_600)
    assert life.said is not None and "OPEN" == life.said.label
    blind = Life(HOUR, venue="kalshi")
    blind.known = definition(venue_id="polymarket", expiry_ns=NOW + HOUR * SECOND)
    assert "UNKNOWN" == blind.time(0).label


@pytest.mark.parametrize(
    ("left", "label", "reason"),
    [
        (DAY + 1, "OPEN", "INTEL_RES_OPEN"),
        (DAY, "T24H", "INTEL_RES_NEAR"),
        (HOUR + 1, "T24H", "INTEL_RES_NEAR"),
        (HOUR, "T1H", "INTEL_RES_NEAR"),
        (1, "T1H", "INTEL_RES_NEAR"),
        (0, "CLOSED", "INTEL_RES_NEAR"),
        (-5, "CLOSED", "INTEL_RES_NEAR"),
    ],
)
def test_time_states_begin_at_their_limits(left: int, label: str, reason: str) -> None:
    """At 24 h and 1 h the nearer state holds; at the expiry the market is closed."""
    said = Life(left, venue="kalshi").time(0)
    assert said is not None and (label, reason) == (said.label, said.reason)
    wide = Life(left, venue="kalshi", config=Config(t24_s=10 * DAY, t1_s=5 * DAY)).time(0)
    assert wide is not None and wide.label in ("T1H", "CLOSED")


@pytest.mark.parametrize(
    ("left", "said"),
    [(3 * DAY + 100, 3 * DAY), (DAY - 1, DAY - 60), (3_599, 3_590), (301, 300), (299, 299), (300, 300)],
)
def test_seconds_left_are_cut_and_never_more_than_left(left: int, said: int) -> None:
    """Hours, minutes, ten seconds, seconds."""
    report = Life(left, venue="kalshi").time(0)
    assert report is not None and float(said) == report.value


def test_most_seconds_say_nothing() -> None:
    """Ten days before the end an hour has one statement."""
    life = Life(10 * DAY, venue="kalshi")
    assert 1 == sum(life.time(second) is not None for second in range(1, 3_600))


def test_no_state_moves_back() -> None:
    """An expiry that moves away does not reopen T24H; a rejected proposal returns to the time state."""
    life = Life(HOUR - 1, venue="kalshi")
    life.time(0)
    life.known = definition(venue_id="kalshi", expiry_ns=NOW + 9 * DAY * SECOND)
    said = life.time(1)
    assert said is not None and ("T1H", float(9 * DAY - HOUR)) == (said.label, said.value)
    early = Life(10 * DAY)
    early.oracle("PROPOSED", 0, outcome=1_000_000)
    assert ("OPEN", -1.0) == (early.oracle("REJECTED", 5).label, early.said.part("proposed_outcome"))
    assert None is early.oracle("REJECTED", 6)


@pytest.mark.parametrize(
    ("event", "label", "reason"),
    [("RESOLVED", "RESOLVED", "INTEL_RES_NEAR"), ("VOIDED", "VOID", "INTEL_RES_DISPUTED")],
)
def test_ends(event: str, label: str, reason: str) -> None:
    """Settlement and voiding end the life; nothing is left, and an old view does no harm any more."""
    life = Life(-10)
    said = life.oracle(event, 0, outcome=1_000_000)
    assert (label, reason, 0.0, 1.0) == (said.label, said.reason, said.value, said.part("proposed_outcome"))
    assert None is life.time(9_999)
    assert None is life.oracle("PROPOSED", 10_000, outcome=1_000_000)


@pytest.mark.parametrize(
    ("status", "label"), [(Status.CLOSED, "CLOSED"), (Status.RESOLVED, "RESOLVED"), (Status.VOID, "VOID")]
)
def test_the_venues_own_status_counts(status: Status, label: str) -> None:
    """What the venue says of its market is believed without an oracle."""
    said = Life(DAY * 3, venue="kalshi", status=int(status)).time(0)
    assert said is not None and label == said.label


def test_a_reorganised_event_is_undone() -> None:
    """The dispute's block comes again with another hash: the proposal stands as before it."""
    life = Life(-HOUR)
    life.oracle("PROPOSED", 0, 100, "a", 1_000_000)
    life.oracle("DISPUTED", 1, 101, "b")
    said = life.oracle("OBSERVED", 2, 101, "c")
    assert ("PROPOSED", 0.0) == (said.label, said.part("dispute_count"))
    assert "CLOSED" == life.oracle("OBSERVED", 3, 100, "d").label


def test_a_late_event_changes_nothing() -> None:
    """Events come in block order; one of an earlier block only proves that somebody looked."""
    life = Life(-HOUR)
    life.oracle("PROPOSED", 0, 100, "a", 1_000_000)
    said = life.oracle("DISPUTED", 1, 99, "z")
    assert ("PROPOSED", 0.0) == (said.label, said.part("dispute_count"))
    assert NOW + SECOND == life.state.oracle.seen_ns


def test_perps_and_unknown_markets_have_no_resolution() -> None:
    """A perpetual does not resolve; an event before the definition is kept."""
    assert None is Life(HOUR, instrument_kind=1).said
    event = OracleEvent(FACT, int(NOW), 0, "PROPOSED", 1_000_000, 0, "")
    state, said = on_oracle(Config(), Memory(), event, None, NOW)
    assert (None, "PROPOSED") == (said, state.oracle.verdict.state)
