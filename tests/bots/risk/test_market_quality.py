"""risk.market_quality: how much of a book an order may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.kit import configure
from bots.maths.notional import loss, unit_risk
from bots.risk import market_quality
from bots.risk.market_quality import Config
from contracts.base import Refused
from contracts.intent import APPROVE, NO_LIMIT, REJECT, RESHAPE
from contracts.reasons import RISK_LIQ_INSUFFICIENT, RISK_LIQ_OK, RISK_LIQ_TRIMMED, RISK_LIQ_UNKNOWN
from tests import world
from tests.world import NOW

DEFAULT = Config()
WHOLE = world.definition(lot_micros=1_000_000)  # one lot is one contract
TIER_A = world.candidate(aspect="tier", tier="A")
FINE = object()


def voted(snapshot=FINE, tier=TIER_A, config=DEFAULT, book=None, definition=WHOLE, **more):
    """Return the vote on an intent of 500 contracts at 44, in a book of depth 4,000."""
    if snapshot is FINE:
        snapshot = world.snapshot(bid_depth_lots=4_000, ask_depth_lots=4_000)
    signals = [more.pop(name, None) for name in ("toxicity", "forecast", "resilience")]
    intent = world.intent(**({"size_lots": 500} | more))
    return market_quality.decide(config, intent, snapshot, definition, book or world.book(), tier, *signals, NOW)


def deep(lots, **more):
    """Return a snapshot of this depth on both sides."""
    return world.snapshot(bid_depth_lots=lots, ask_depth_lots=lots, **more)


def test_normal():
    """Depth 4000, size 500, tier A: APPROVE, RISK_LIQ_OK, 500 against 1000."""
    vote = voted()
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (APPROVE, RISK_LIQ_OK, 500, 1_000)


def test_warning():
    """Depth 1000, size 500: RESHAPE 250, RISK_LIQ_TRIMMED; exactly 250 is approved."""
    vote = voted(deep(1_000))
    assert (vote.verdict, vote.reason, vote.size_lots_max) == (RESHAPE, RISK_LIQ_TRIMMED, 250)
    assert voted(deep(1_000), size_lots=250).verdict == APPROVE


@pytest.mark.parametrize(("ask", "verdict"), [(52, APPROVE), (53, REJECT), (54, REJECT)])
def test_hard(ask, verdict):
    """Spread .10: REJECT, RISK_LIQ_INSUFFICIENT; .08 is allowed."""
    vote = voted(deep(4_000, ask_ticks=ask))
    assert vote.verdict == verdict
    if verdict == REJECT:
        assert (vote.reason, vote.seen, vote.limit) == (RISK_LIQ_INSUFFICIENT, (ask - 44) * 10_000, 80_000)


def test_failure():
    """No snapshot, or one without a side: REJECT, RISK_LIQ_UNKNOWN."""
    votes = [voted(None), voted(deep(4_000, ask_lots=0)), voted(deep(4_000, bid_lots=0))]
    assert {(v.verdict, v.reason) for v in votes} == {(REJECT, RISK_LIQ_UNKNOWN)}


def test_depth_of_the_side_that_is_hit():
    """A buy is measured by the asks, a sale by the bids; without depth there is nothing to take."""
    thin_asks = world.snapshot(bid_depth_lots=4_000, ask_depth_lots=1_000)
    assert voted(thin_asks).size_lots_max == 250
    assert voted(thin_asks, side=-1).verdict == APPROVE
    none = voted(world.snapshot(ask_depth_lots=3))
    assert (none.verdict, none.reason) == (REJECT, RISK_LIQ_INSUFFICIENT)


def test_band_in_ticks():
    """Another band than the snapshot's three steps is read from the book."""
    book = world.book(asks={46: 100, 47: 300, 48: 3_600})
    assert voted(config=Config(band_ticks=1), book=book).size_lots_max == 100
    assert voted(config=Config(band_ticks=0), book=book).size_lots_max == 25


def test_volume_of_the_day():
    """No more than a hundredth of the day's value; a volume of 0 is unknown and bounds nothing."""
    assert voted(deep(4_000, volume_micros=22_000 * 1_000_000)).verdict == APPROVE
    assert voted(deep(4_000, volume_micros=21_999 * 1_000_000)).size_lots_max == 499
    assert voted(deep(4_000, volume_micros=0)).verdict == APPROVE


@pytest.mark.parametrize(("name", "cap_usd"), [("A", 2_000), ("B", 500), ("C", 100)])
def test_tier_caps(name, cap_usd):
    """Each tier caps what an order risks; at the cap is allowed, a contract more is cut to it."""
    tier, most = world.candidate(aspect="tier", tier=name), cap_usd * 100 // 50
    assert voted(deep(100_000), tier, price_ticks=50, size_lots=most).verdict == APPROVE
    assert voted(deep(100_000), tier, price_ticks=50, size_lots=most + 1).size_lots_max == most


@pytest.mark.parametrize("tier", [None, world.candidate(aspect="tier", tier="")], ids=["absent", "withheld"])
def test_missing_tier(tier):
    """Without a tier an order above the cap of tier C is refused, not cut; one within it passes."""
    assert voted(deep(100_000), tier, price_ticks=50, size_lots=200).verdict == APPROVE
    vote = voted(deep(100_000), tier, price_ticks=50, size_lots=201)
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (REJECT, RISK_LIQ_INSUFFICIENT, 201, 200)


def test_toxicity_stops_quotes_only():
    """High toxicity refuses a quote, not an exit; elevated toxicity refuses neither."""
    high, elevated = world.signal(label="HIGH"), world.signal(label="ELEVATED")
    assert voted(toxicity=high).reason == RISK_LIQ_INSUFFICIENT
    assert voted(toxicity=high, intent_kind="EXIT").verdict == APPROVE
    assert voted(toxicity=elevated).verdict == APPROVE


def test_forecast_and_resilience():
    """A vanishing book refuses; a book that does not heal halves the size; other labels do nothing."""
    vanishing = world.signal(label="VANISHING")
    critical = world.signal(label="CRITICAL")
    assert voted(forecast=vanishing).reason == RISK_LIQ_INSUFFICIENT
    assert voted(resilience=critical, size_lots=501).size_lots_max == 500
    assert voted(forecast=world.signal(), resilience=world.signal()).verdict == APPROVE


@pytest.mark.parametrize(("ask", "resting"), [(47, False), (48, True)])
def test_wide_spread_rests_entries(ask, resting):
    """An entry across more than .03 may only rest; at .03 it may take, and a quote is not asked to."""
    vote = voted(deep(4_000, ask_ticks=ask), intent_kind="ENTRY")
    assert (vote.post_only, vote.verdict) == (resting, RESHAPE if resting else APPROVE)
    assert vote.size_lots_max == NO_LIMIT
    assert voted(deep(4_000, ask_ticks=ask)).verdict == APPROVE


def test_perpetual_spread_is_relative():
    """A perpetual's spread is a part of its mid."""
    perp = world.definition(instrument_kind=1, grid_ticks=0, lot_micros=1_000)
    near = deep(4_000, bid_ticks=60_000, ask_ticks=60_001)
    assert voted(near, definition=perp, price_ticks=60_000, size_lots=1).verdict == APPROVE
    assert voted(deep(4_000, bid_ticks=6_000, ask_ticks=6_600), definition=perp).reason == RISK_LIQ_INSUFFICIENT


@given(
    st.integers(1, 10**7), st.integers(0, 10**7), st.integers(1, 99), st.sampled_from((1, -1)), st.integers(0, 10**13)
)
def test_never_enlarges(size, depth, price, side, volume):
    """A reshape never enlarges, never passes a quarter of the depth nor the tier's cap."""
    vote = voted(deep(depth, volume_micros=volume), size_lots=size, price_ticks=price, side=side)
    if vote.verdict == RESHAPE:
        assert vote.size_lots_max < size
    if vote.verdict != REJECT:
        most = min(size, vote.size_lots_max)
        assert most <= depth // 4
        assert loss(unit_risk(WHOLE, side, price), most) <= 2_000_000_000


def test_bounds():
    """Fractions stay fractions."""
    assert configure("risk.market_quality", Config, {"take_frac": "0.25"}) == Config()
    with pytest.raises(Refused):
        configure("risk.market_quality", Config, {"take_frac": "1.5"})
