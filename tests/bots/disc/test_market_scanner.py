"""disc.market_scanner: every condition at its limit, hysteresis, dwell, and what ends eligibility at once."""

from typing import Any

import pytest

from bots.disc.market_scanner import Config, Memory, scan
from bots.kit import Instant
from contracts.market import Status
from contracts.signal import MarketCandidate
from tests.world import MS, NOW, definition, signal, snapshot, tick

SECOND = 1_000_000_000
DAY = 86_400
LIQUID = {"volume_micros": 10_000_000_000, "bid_depth_lots": 100_000, "ask_depth_lots": 100_000, "last_ticks": 45}


class Scan:
    """Drives the bot with one memory."""

    def __init__(self, config: Config | None = None, eligible: bool = False) -> None:
        """Begin, perhaps eligible."""
        self.config, self.state = config or Config(), Memory(eligible)

    def at(self, s: float = 0, clarity: float | None = 0.9, known: Any = None, **changes: Any) -> MarketCandidate:
        """Judge a liquid market with these changes, `s` seconds after the start."""
        now = Instant(NOW + int(s * SECOND))
        snap = snapshot(**{"confirmed_ns": int(now)} | LIQUID | changes)
        market = known or definition(expiry_ns=NOW + 10 * DAY * SECOND)
        said = None if clarity is None else signal(signal="resolution_clarity", value=clarity)
        self.state, answer = scan(self.config, self.state, tick(), market, snap, said, now)
        assert answer is not None
        return answer


def test_normal_a_liquid_market() -> None:
    """Fixture normal: liquid and clear: eligible."""
    said = Scan().at()
    assert ("eligibility", True, (), "DISC_ELIGIBLE") == (said.aspect, said.eligible, said.failing, said.reason)


def test_warning_a_spread_within_hysteresis() -> None:
    """Fixture warning: spread .045 for 30 s on an eligible market: still eligible, marginal."""
    run = Scan(eligible=True)
    wide = {"tick_micros": 5_000, "grid_ticks": 200, "expiry_ns": NOW + 10 * DAY * SECOND}
    answers = [run.at(second, known=definition(**wide), bid_ticks=88, ask_ticks=97) for second in range(31)]
    assert {("DISC_MARGINAL", True, ("spread",))} == {(a.reason, a.eligible, a.failing) for a in answers}
    assert 0 == run.state.breach_ns


def test_hard_unclear_rules_end_it_at_once() -> None:
    """Fixture hard: clarity .4: removed at once."""
    said = Scan(eligible=True).at(clarity=0.4)
    assert (False, ("clarity",), "DISC_INELIGIBLE") == (said.eligible, said.failing, said.reason)


@pytest.mark.parametrize(("age_ms", "reason"), [(5_000, "DISC_ELIGIBLE"), (5_001, "DISC_SCAN_NO_SNAPSHOT")])
def test_failure_an_old_snapshot(age_ms: int, reason: str) -> None:
    """Fixture failure: an old snapshot removes the market; five seconds are young enough."""
    run = Scan(eligible=True)
    said = run.at(confirmed_ns=NOW - age_ms * MS)
    assert (reason, reason == "DISC_ELIGIBLE") == (said.reason, said.eligible)
    assert "DISC_SCAN_NO_SNAPSHOT" == scan(Config(), Memory(True), tick(), definition(), None, None, NOW)[1].reason


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("volume", {"volume_micros": 10_000_000_000}, {"volume_micros": 9_999_999_999}),
        ("spread", {"ask_ticks": 48}, {"ask_ticks": 49}),
        ("depth", {"bid_depth_lots": 45_455}, {"bid_depth_lots": 45_454}),
        ("depth", {"ask_depth_lots": 43_479}, {"ask_depth_lots": 43_478}),
        ("quality", {"quality_milli": 700}, {"quality_milli": 699}),
    ],
)
def test_each_limit_of_the_book(name: str, inside: dict[str, Any], outside: dict[str, Any]) -> None:
    """At the limit a market may enter, one step beyond it may not."""
    assert "DISC_ELIGIBLE" == Scan().at(**inside).reason
    assert ((name,), "DISC_INELIGIBLE") == (Scan().at(**outside).failing, Scan().at(**outside).reason)


@pytest.mark.parametrize(
    ("left_s", "failing"),
    [(3_600, ()), (3_599, ("tte_min",)), (365 * DAY, ()), (365 * DAY + 1, ("tte_max",))],
)
def test_the_time_to_expiry_has_two_limits(left_s: int, failing: tuple[str, ...]) -> None:
    """An hour to a year, both allowed."""
    assert failing == Scan().at(known=definition(expiry_ns=NOW + left_s * SECOND)).failing


@pytest.mark.parametrize(("clarity", "eligible"), [(0.6, True), (0.5999, False), (None, False)])
def test_clarity_counts_at_its_limit_and_must_be_known(clarity: float | None, eligible: bool) -> None:
    """Unknown clarity is below every limit."""
    assert eligible == Scan(eligible=True).at(clarity=clarity).eligible


@pytest.mark.parametrize("status", [Status.REVIEW, Status.HALTED, Status.CLOSED])
def test_a_market_that_is_not_open_leaves_at_once(status: Status) -> None:
    """Review and halt need no dwell."""
    said = Scan(eligible=True).at(known=definition(status=int(status), expiry_ns=NOW + DAY * SECOND))
    assert (False, ("status",)) == (said.eligible, said.failing)


def test_beyond_hysteresis_it_dwells_then_leaves() -> None:
    """Spread .05 (limit .048 with hysteresis) for 120 s ends eligibility; one good second begins again."""
    run = Scan(eligible=True)
    assert "DISC_MARGINAL" == run.at(0, ask_ticks=49).reason
    assert "DISC_MARGINAL" == run.at(119, ask_ticks=49).reason
    assert "DISC_ELIGIBLE" == run.at(119.5).reason
    assert "DISC_MARGINAL" == run.at(120, ask_ticks=49).reason
    assert "DISC_MARGINAL" == run.at(239, ask_ticks=49).reason
    assert ("DISC_INELIGIBLE", False) == (run.at(240, ask_ticks=49).reason, run.state.eligible)
    assert "DISC_INELIGIBLE" == run.at(241, ask_ticks=49).reason


def test_hysteresis_and_dwell_are_parameters() -> None:
    """More hysteresis keeps; no dwell ends at once."""
    assert "DISC_MARGINAL" == Scan(Config(hysteresis=250_000, dwell_s=0), True).at(ask_ticks=49).reason
    assert "DISC_INELIGIBLE" == Scan(Config(hysteresis=249_999, dwell_s=0), True).at(ask_ticks=49).reason


def test_zero_switches_volume_and_the_shortest_time_off() -> None:
    """A desk on a short-lived market asks neither for volume nor for an hour to go."""
    short = definition(expiry_ns=NOW + 60 * SECOND)
    assert ("volume", "tte_min") == Scan().at(volume_micros=0, known=short).failing
    assert Scan(Config(vol_min_usd=0, tte_min_s=0)).at(volume_micros=0, known=short).eligible


def test_the_other_limits_are_parameters() -> None:
    """Each limit moved the other way turns the answer."""
    configs = (
        Config(spread_max=10_000),
        Config(depth_min_usd=10**12),
        Config(q_min=1_000_000),
        Config(tte_max_d=1),
        Config(clarity_min=950_000),
    )
    for config in configs:
        assert not Scan(config).at(quality_milli=999).eligible


@pytest.mark.parametrize(("ask", "failing"), [(10_010, ()), (10_011, ("spread",))])
def test_a_perp_has_a_spread_in_basis_points_and_no_expiry(ask: int, failing: tuple[str, ...]) -> None:
    """Ten basis points of the mid; clarity and expiry do not concern perps."""
    perp = definition(instrument_kind=1, grid_ticks=0, expiry_ns=0)
    assert failing == Scan().at(clarity=None, known=perp, bid_ticks=10_000, ask_ticks=ask).failing
    assert () == Scan(Config(spread_max_bps=11)).at(clarity=None, known=perp, bid_ticks=10_000, ask_ticks=ask).failing
