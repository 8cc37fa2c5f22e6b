"""disc.market_quality_ranker: utilities, their mean, tiers and how they move."""

from typing import Any

import pytest

from bots.disc.market_quality_ranker import Config, Memory, _place, rank
from bots.kit import Instant
from contracts.signal import MarketCandidate
from tests.world import MS, NOW, candidate, definition, signal, snapshot, tick

SECOND = 1_000_000_000
GOOD = {  # every utility .9
    "bid_ticks": 880,
    "ask_ticks": 896,  # .016
    "bid_depth_lots": 416_668,  # 3,667 dollars
    "ask_depth_lots": 500_000,
    "volume_micros": 550_000_000_000,
    "quality_milli": 900,
}
FINE = definition(tick_micros=1_000, grid_ticks=1_000)
PERP = definition(instrument_kind=1, grid_ticks=0)
LAB = Config(w_resilience=0)


class Rank:
    """Drives the bot with one memory."""

    def __init__(self, config: Config | None = None) -> None:
        """Begin without a tier."""
        self.config, self.state = config or Config(), Memory()

    def at(self, s: float = 0, known: Any = FINE, **given: Any) -> MarketCandidate | None:
        """Rank once; `given` replaces a reading or a field of the snapshot."""
        now = Instant(NOW + int(s * SECOND))
        readings: dict[str, Any] = {
            "eligibility": candidate(),
            "clarity": signal(value=0.9),
            "resolution": signal(parts=(("dispute_count", 0.2),)),
            "resilience": signal(value=2.5),
        }
        readings |= {name: given.pop(name) for name in list(given) if name in readings}
        blind = given.pop("snap", ...) is None
        snap = None if blind else snapshot(**{"confirmed_ns": int(now)} | GOOD | given)
        self.state, said = rank(
            self.config,
            self.state,
            tick(),
            known,
            readings["eligibility"],
            snap,
            readings["clarity"],
            readings["resolution"],
            readings["resilience"],
            now,
        )
        return said

    def score(self, value: float, s: float) -> MarketCandidate | None:
        """Place a score directly."""
        self.state, said = _place(self.config, self.state, value, Instant(NOW + int(s * SECOND)))
        return said


def test_normal_all_utilities_nine_tenths() -> None:
    """Fixture normal: all utilities .9: score .9 (cut to hundredths), tier A."""
    said = Rank().at()
    assert said is not None
    assert ("tier", True, "A", "DISC_RANKED") == (said.aspect, said.eligible, said.tier, said.reason)
    assert said.score_milli in (890, 900)


def test_warning_depth_halves() -> None:
    """Fixture warning: depth shrinks: tier A to B after 300 s, not before."""
    run = Rank(Config(tier_a=890_000))
    first = run.at()
    assert first is not None and first.tier == "A"
    thin = {"bid_depth_lots": 208_334, "ask_depth_lots": 250_000}
    early = run.at(299, **thin)
    assert early is not None and early.tier == "A"
    said = run.at(300, **thin)
    assert said is not None and ("B", "DISC_TIER_DOWN") == (said.tier, said.reason)


def test_hard_a_score_below_drop_now() -> None:
    """Fixture hard: data quality so low that the score is below .2: C at once."""
    run = Rank()
    run.at()
    said = run.at(1, quality_milli=0)
    assert said is not None and ("C", "DISC_TIER_DROPPED", 0) == (said.tier, said.reason, said.score_milli)


def test_a_geometric_mean_forgives_a_tenth_more_than_the_catalogue_says() -> None:
    """Data quality .1 with weight .15 and the rest .9 is .647: B, not dropped (the catalogue's arithmetic is wrong)."""
    said = Rank().at(quality_milli=100)
    assert said is not None and (640, "B") == (said.score_milli, said.tier)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"clarity": None}, "clarity"),
        ({"resolution": None}, "dispute"),
        ({"resilience": None}, "resilience"),
        ({"volume_micros": 0}, "volume"),
        ({"eligibility": None}, "eligibility"),
        ({"eligibility": candidate(eligible=False)}, "eligibility"),
        ({"confirmed_ns": NOW - 5_001 * MS}, "eligibility"),
        ({"snap": None}, "eligibility"),
    ],
)
def test_failure_a_missing_input_withholds_the_score(given: dict[str, Any], name: str) -> None:
    """Fixture failure: clarity absent on a binary, or any other input with a weight: withheld, once."""
    run = Rank()
    said = run.at(**dict(given))
    assert said is not None
    assert ("DISC_RANK_INPUT_GAP", -1, (name,), "") == (said.reason, said.score_milli, said.failing, said.tier)
    assert None is run.at(**dict(given))
    again = run.at()
    assert again is not None and again.tier == "A"


def test_a_weight_of_zero_needs_no_input() -> None:
    """The lab ranks without resilience; the other weights are renormalised."""
    said = Rank(LAB).at(resilience=None)
    assert said is not None and said.score_milli in (890, 900)
    bare = Config(w_resilience=0, w_clarity=0, w_dispute=0, w_volume=0)
    said = Rank(bare).at(resilience=None, clarity=None, resolution=None, volume_micros=0)
    assert said is not None and said.tier == "A"
    none = Config(w_resilience=0, w_clarity=0, w_dispute=0, w_volume=0, w_spread=0, w_depth=0, w_data=0)
    withheld = Rank(none).at()
    assert withheld is not None and withheld.score_milli == -1


@pytest.mark.parametrize(
    ("score", "tier"), [(0.70, "A"), (0.699, "B"), (0.45, "B"), (0.449, "C"), (0.2, "C"), (0.199, "C")]
)
def test_limits_of_the_tiers(score: float, tier: str) -> None:
    """At a limit the better tier holds; below drop_now the reason says so."""
    said = Rank().score(score, 0)
    assert said is not None and tier == said.tier
    assert ("DISC_TIER_DROPPED" if score < 0.2 else "DISC_RANKED") == said.reason


def test_a_tier_moves_one_step_per_review() -> None:
    """A to C takes two reviews down, C to A two reviews up; a drop takes none."""
    run = Rank()
    run.score(0.9, 0)
    assert "A" == run.score(0.3, 10).tier
    assert ("B", "DISC_TIER_DOWN") == ((down := run.score(0.31, 300)).tier, down.reason)
    assert ("C", "DISC_TIER_DOWN") == ((down := run.score(0.31, 600)).tier, down.reason)
    assert "C" == run.score(0.9, 899).tier
    assert ("B", "DISC_RANKED") == ((up := run.score(0.9, 900)).tier, up.reason)
    assert "A" == run.score(0.9, 1_200).tier
    assert "C" == run.score(0.1, 1_201).tier
    assert None is run.score(0.1, 1_202)
    quick = Rank(Config(review_s=0, drop_now=0))
    quick.score(0.9, 0)
    assert "B" == quick.score(0.1, 1).tier


def test_it_speaks_when_tier_or_hundredth_changes() -> None:
    """The same hundredth is no news."""
    run = Rank()
    assert None is not run.score(0.8001, 0)
    assert None is run.score(0.8099, 1)
    assert None is not run.score(0.8101, 2)


def test_a_perp_has_no_clarity_and_no_disputes() -> None:
    """Their weights go to depth and data; the spread is in basis points."""
    wide = {"bid_ticks": 10_000, "ask_ticks": 10_001, "bid_depth_lots": 10**7, "ask_depth_lots": 10**7}
    said = Rank(LAB).at(known=PERP, clarity=None, resolution=None, **wide)
    assert said is not None and "A" == said.tier
    clear = Rank(Config(w_resilience=0, w_clarity=600_000)).at(known=PERP, clarity=None, resolution=None, **wide)
    assert clear is not None and clear.score_milli > said.score_milli


@pytest.mark.parametrize(
    "name", ["w_spread", "w_depth", "w_volume", "w_clarity", "w_dispute", "w_data", "w_resilience"]
)
def test_every_weight_enters(name: str) -> None:
    """More weight on the worst dimension lowers the score."""
    worst: dict[str, dict[str, Any]] = {
        "w_spread": {"ask_ticks": 960},
        "w_depth": {"bid_depth_lots": 10_000},
        "w_volume": {"volume_micros": 1_000_000_000},
        "w_clarity": {"clarity": signal(value=0.3)},
        "w_dispute": {"resolution": signal(parts=(("dispute_count", 2.0),))},
        "w_data": {"quality_milli": 300},
        "w_resilience": {"resilience": signal(value=100.0)},
    }
    usual, heavy = Rank().at(**dict(worst[name])), Rank(Config(**{name: 900_000})).at(**dict(worst[name]))
    assert usual is not None and heavy is not None
    assert heavy.score_milli < usual.score_milli
