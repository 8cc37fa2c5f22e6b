"""intel.fair_value_engine: the book alone, with others, and perps."""

from math import log
from typing import Any

import pytest

from bots.intel.fair_value_engine import Config, Memory, on_snapshot
from bots.kit import Instant
from contracts.intent import BotNote
from contracts.signal import FairValue, SignalReport
from tests.world import MS, NOW, definition, signal, snapshot

PERP = definition(instrument_kind=1, grid_ticks=0, tick_micros=100_000)


def opinion(name: str, value: float, se: float = 0.05, confidence: float = 1.0) -> SignalReport:
    """Another opinion, with a standard error in logits."""
    return signal(signal=name, value=value, se=se, confidence=confidence)


def value(config: Config | None = None, known: Any = None, snap: Any = None, **others: SignalReport) -> Any:
    """Pool one snapshot with these opinions."""
    told = [others.get(name) for name in ("venue", "threshold", "group", "odds")]
    return on_snapshot(config or Config(), Memory(), snap or snapshot(), known or definition(), *told, NOW)[1]


def test_normal_anchors_that_agree() -> None:
    """Fixture normal: .52, .53 and .51: p .52 with a narrow band."""
    book = snapshot(bid_ticks=51, ask_ticks=53, bid_lots=10, ask_lots=10)
    said = value(snap=book, venue=opinion("cross_venue_value", 0.53), threshold=opinion("threshold_value", 0.51))
    assert ("INTEL_FV_PUBLISHED", True) == (said.reason, said.tradable)
    assert 515_000 <= said.p_micros <= 525_000
    assert said.upper_micros - said.lower_micros < 40_000
    assert ("book", "cross_venue_value", "threshold_value") == said.anchors


def test_warning_the_own_book_only() -> None:
    """Fixture warning: the book alone: p set, no model value, uncertain but tradable."""
    said = value()
    assert ("INTEL_FV_UNCERTAIN", -1, True, ("book",)) == (
        said.reason,
        said.p_model_micros,
        said.tradable,
        said.anchors,
    )
    assert (451_000, 442_000, 461_000, 23_000, "identity-1") == (
        said.p_micros,
        said.lower_micros,
        said.upper_micros,
        said.se_micros,
        said.model_version,
    )


def test_hard_anchors_that_disagree() -> None:
    """Fixture hard: .30 and .70: not tradable."""
    book = snapshot(bid_ticks=29, ask_ticks=31, bid_lots=10, ask_lots=10)
    said = value(snap=book, threshold=opinion("threshold_value", 0.70))
    assert ("INTEL_FV_DISAGREEMENT", False) == (said.reason, said.tradable)
    assert 700_000 == said.p_model_micros
    assert value(Config(disagree_hard=2.0), snap=book, threshold=opinion("threshold_value", 0.70)).tradable


@pytest.mark.parametrize(("age_ms", "live"), [(2_000, True), (2_001, False)])
def test_failure_everything_stale(age_ms: int, live: bool) -> None:
    """Fixture failure: an old book and nobody else: nothing is published."""
    said = value(snap=snapshot(confirmed_ns=NOW - age_ms * MS))
    assert (FairValue if live else BotNote) is type(said)
    if not live:
        assert ("INTEL_FV_NO_ANCHOR", 2_001, 2_000) == (said.reason, said.seen, said.limit)


def test_an_old_book_leaves_the_others() -> None:
    """With the book stale the others speak alone, and are model and all in one; no trust in the book is no anchor."""
    said = value(snap=snapshot(confirmed_ns=NOW - 3_000 * MS), odds=opinion("reference_value", 0.6))
    assert (600_000, 600_000, ("reference_value",)) == (said.p_micros, said.p_model_micros, said.anchors)
    assert BotNote is type(value(snap=snapshot(quality_milli=0)))


def test_model_error_of_kinds_enters() -> None:
    """tau_cross_venue and tau_reference take weight from their anchors."""
    for name, plain, wide in (
        ("venue", Config(tau_cross_venue=0.0), Config(tau_cross_venue=1.0)),
        ("odds", Config(tau_reference=0.0), Config(tau_reference=1.0)),
    ):
        near, far = value(plain, **{name: opinion("x", 0.6)}), value(wide, **{name: opinion("x", 0.6)})
        assert near.p_micros > far.p_micros


@pytest.mark.parametrize(("se_warn", "reason"), [(0.03, "INTEL_FV_PUBLISHED"), (0.02, "INTEL_FV_UNCERTAIN")])
def test_a_wide_error_is_uncertain(se_warn: float, reason: str) -> None:
    """Two anchors that agree are published unless their error is above the warning level."""
    assert reason == value(Config(se_warn=se_warn), venue=opinion("x", 0.451)).reason


def test_the_band_scales_with_z() -> None:
    """Twice z is about twice the band."""
    one, two = value(Config(z=1.0)), value(Config(z=2.0))
    assert (two.upper_micros - two.lower_micros) - 2 * (one.upper_micros - one.lower_micros) <= 4_000


def test_prices_are_tenths_of_a_tick() -> None:
    """What is said is quantised, so that dust in the queue is no news."""
    said = value(snap=snapshot(bid_lots=5_001))
    assert [0, 0, 0] == [price % 1_000 for price in (said.p_micros, said.lower_micros, said.upper_micros)]
    fine = value(known=definition(tick_micros=1_000, grid_ticks=1_000), snap=snapshot(bid_ticks=999, ask_ticks=1_000))
    assert 0 <= fine.lower_micros <= fine.p_micros <= fine.upper_micros <= 1_000_000


def test_a_perp_pools_its_index_with_the_usual_premium() -> None:
    """A perp trading a steady 10 bp over its index has a model value 10 bp over the index."""
    state, said = Memory(), None
    quotes = {"bid_ticks": 10_009, "ask_ticks": 10_011, "bid_lots": 10, "ask_lots": 10, "index_micros": 1_000_000_000}
    for second in range(100):
        at = Instant(NOW + second * 10**9)
        snap = snapshot(**quotes, confirmed_ns=int(at))
        state, said = on_snapshot(Config(), state, snap, PERP, None, None, None, None, at)
    assert isinstance(said, FairValue)
    assert (1_001_000_000, 1_001_000_000, ("book", "index"), "INTEL_FV_PUBLISHED") == (
        said.p_micros,
        said.p_model_micros,
        said.anchors,
        said.reason,
    )
    assert abs(state.basis.mean - 0.001) < 1e-4
    assert log(said.upper_micros / said.lower_micros) > 0
    assert -1 == value(known=PERP).p_model_micros
