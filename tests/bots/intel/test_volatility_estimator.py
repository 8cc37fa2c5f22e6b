"""intel.volatility_estimator: fast against slow, jumps, regimes."""

from typing import Any

import pytest

from bots.intel.volatility_estimator import Config, Memory, _label, on_snapshot
from bots.kit import Instant
from contracts.signal import SignalReport
from tests.world import MS, NOW, definition, snapshot

FINE = definition(tick_micros=1_000, grid_ticks=1_000)
PERP = definition(instrument_kind=1, grid_ticks=0)


class Prices:
    """Drives the bot with one price a second."""

    def __init__(self, config: Config | None = None, known: Any = FINE) -> None:
        """Begin at birth."""
        self.config, self.known, self.state = config or Config(), known, Memory()
        self.at, self.said, self.answers = int(NOW), None, 0

    def price(self, ticks: int, ms: int = 1_000, **changes: Any) -> SignalReport | None:
        """One snapshot, so long after the last."""
        self.at += ms * MS
        snap = snapshot(bid_ticks=ticks - 1, ask_ticks=ticks + 1, bid_lots=10, ask_lots=10, **changes)
        self.state, said = on_snapshot(self.config, self.state, snap, self.known, Instant(self.at))
        self.said = said or self.said
        self.answers += said is not None
        return said

    def noise(self, seconds: int, size: int = 1, around: int = 500) -> "Prices":
        """So many seconds of up and down."""
        for second in range(seconds):
            self.price(around + size * (second % 2))
        return self


def test_normal_steady_noise() -> None:
    """Fixture normal: steady one-tick noise: ratio 1.0; and it speaks rarely."""
    prices = Prices().noise(1_200)
    said = prices.said
    assert said is not None
    assert ("NORMAL", 1.0, "INTEL_VOL_NORMAL") == (said.label, round(said.part("ratio"), 2), said.reason)
    assert abs(said.value - 0.004) < 0.0001
    assert abs(said.part("price_sigma") - 0.001) < 0.0001
    assert prices.answers < 5


def test_warning_noise_doubles() -> None:
    """Fixture warning: noise doubles for two minutes: ratio 1.57 after twenty minutes of calm, hot."""
    said = Prices().noise(1_200).noise(120, 2).said
    assert said is not None
    assert ("HOT", "INTEL_VOL_HOT") == (said.label, said.reason)
    assert 1.5 <= said.part("ratio") < 1.8


def test_hard_a_gap_of_twenty_points() -> None:
    """Fixture hard: a gap of 20 points: ratio above 3 and J near 1."""
    prices = Prices().noise(1_200)
    said = prices.price(700)
    assert said is not None
    assert ("SHOCK", "INTEL_VOL_SHOCK") == (said.label, said.reason)
    assert said.part("ratio") > 3.0
    assert said.part("jump") > 0.95


def test_failure_ten_returns() -> None:
    """Fixture failure: ten returns are unknown, said once at the first snapshot."""
    prices = Prices()
    first = prices.price(500)
    assert first is not None
    assert ("UNKNOWN", "INTEL_VOL_WARMUP") == (first.label, first.reason)
    prices.noise(10)
    assert 1 == prices.answers


@pytest.mark.parametrize(("returns", "label"), [(59, "UNKNOWN"), (60, "NORMAL")])
def test_warm_up_ends_with_the_mth_return(returns: int, label: str) -> None:
    """M returns are enough, one fewer is not."""
    prices = Prices()
    prices.noise(returns + 1)
    assert prices.said is not None and label == prices.said.label
    short = Prices(Config(m=5)).noise(6).said
    assert short is not None and short.label == "NORMAL"


@pytest.mark.parametrize(
    ("ratio", "label"),
    [(0.79, "CALM"), (0.8, "NORMAL"), (1.49, "NORMAL"), (1.5, "HOT"), (2.99, "HOT"), (3.0, "SHOCK")],
)
def test_limits_of_the_ratio(ratio: float, label: str) -> None:
    """Each regime begins at its limit."""
    assert label == _label(Config(), ratio)
    assert "NORMAL" == _label(Config(hot_ratio=9.0), max(ratio, 1.0))
    assert "SHOCK" == _label(Config(hot_ratio=0.81, shock_ratio=0.82), max(ratio, 1.0))


def test_calm_after_noise() -> None:
    """When the noise ends the fast estimate falls first."""
    prices = Prices().noise(1_200)
    for _ in range(300):
        prices.price(500)
    assert prices.said is not None
    assert ("CALM", "INTEL_VOL_NORMAL") == (prices.said.label, prices.said.reason)


def test_memories_are_parameters() -> None:
    """A shorter fast memory reacts more; a shorter slow one follows."""
    usual = Prices().noise(600).noise(60, 3).state.variance
    quick = Prices(Config(tau_fast_s=30)).noise(600).noise(60, 3).state.variance
    near = Prices(Config(tau_slow_s=150)).noise(600).noise(60, 3).state.variance
    assert quick.fast > usual.fast
    assert near.slow > usual.slow


def test_a_perp_moves_in_logs_of_its_mark() -> None:
    """The mark counts where there is one, else the weighted mid."""
    prices = Prices(Config(m=2), PERP)
    for mark in (1_000_000, 1_010_000, 1_000_000, 1_010_000):
        prices.price(500, mark_micros=mark)
    assert prices.said is not None and abs(prices.said.value - 0.00995) < 0.0001
    blind = Prices(Config(m=2), PERP).noise(4)
    assert blind.said is not None and blind.said.value > 0


def test_two_snapshots_of_one_moment_are_a_millisecond_apart() -> None:
    """No time between two prices does not divide by nothing, and counts."""
    prices = Prices(Config(m=1))
    prices.price(500)
    prices.price(510, ms=0)
    assert prices.state.variance.fast > 0


def test_the_error_shrinks_with_the_sample() -> None:
    """Se = sigma / sqrt(2 n_eff): 60 returns leave about nine percent."""
    said = Prices().noise(61).said
    assert said is not None and abs(said.se / said.value - 0.0913) < 0.001
