"""bots.maths.quoting: the formula, the rounding and the fee."""

from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.quoting import ceil_step, floor_step, maker_fee_micros, placed, quotes, spread_micros
from contracts.market import FeeModel, PriceBand
from tests import world

BANDED = world.definition(
    grid_ticks=1_000,
    tick_micros=1_000,
    price_bands=(PriceBand(1, 99, 1), PriceBand(100, 900, 10), PriceBand(901, 999, 1)),
)


def test_worked_example():
    """P .50, sigma .01, 100 s, two clips long, gamma .5, k 20: computed by hand from the paper's formula."""
    low, high = quotes(500_000, 100, 0.01, 100, 2.0, 0.5, 20.0)
    risk, half = 0.5 * 0.0001 * 100, 0.5 * 0.0001 * 100 / 2 + log(1 + 0.5 / 20) / 0.5
    assert low == pytest.approx(100 / (1 + exp(2 * risk + half)), abs=1e-12)
    assert high == pytest.approx(100 / (1 + exp(2 * risk - half)), abs=1e-12)
    assert (round(low, 4), round(high, 4)) == (48.4534, 51.047)


@given(st.integers(1, 999_999), st.floats(0, 1e6), st.integers(1, 10**6), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_prices_stay_inside(p, sigma, seconds, clips, gamma):
    """Whatever the numbers, no error, and both prices between 0 and the grid."""
    low, high = quotes(p, 100, sigma, seconds, clips, gamma, 50.0)
    assert 0.0 <= low <= high <= 100.0


@given(st.floats(1.0, 999.0))
def test_rounding_to_steps(price):
    """Floor and ceiling are legal prices on either side."""
    low, high = floor_step(BANDED, price), ceil_step(BANDED, price)
    assert low <= price + 1e-9
    assert high >= price - 1e-9
    assert low % BANDED.step_ticks(low) == 0
    assert high % BANDED.step_ticks(high) == 0


@pytest.mark.parametrize(("price", "low", "high"), [(49.0, 49, 49), (49.0000000001, 49, 49), (49.5, 49, 50)])
def test_rounding_at_a_tick(price, low, high):
    """What floating point adds to a whole tick does not move it."""
    assert (floor_step(world.definition(), price), ceil_step(world.definition(), price)) == (low, high)


def test_steps_by_band():
    """A price between two legal ones goes to the nearer side's step."""
    assert (floor_step(BANDED, 555.5), ceil_step(BANDED, 555.5)) == (550, 560)
    assert (floor_step(BANDED, 95.5), ceil_step(BANDED, 95.5)) == (95, 96)
    assert (floor_step(BANDED, 905.5), ceil_step(BANDED, 895.5)) == (905, 900)


def test_edge_pushes_inside_but_not_behind_the_touch():
    """A quote is moved out to earn its need while that is at the touch or nearer; behind it there is none."""
    market = world.definition()
    assert placed(market, 500_000, (44, 56), (49.9, 50.1), 20_000) == (48, 52)
    assert placed(market, 500_000, (48, 52), (49.9, 50.1), 20_000) == (48, 52)
    assert placed(market, 500_000, (49, 51), (49.9, 50.1), 20_000) == (0, 0)
    assert placed(market, 500_000, (49, 51), (40.2, 59.8), 20_000) == (40, 60)
    assert placed(market, 500_000, (52, 54), (51.0, 53.0), 4_000) == (0, 53)
    assert placed(market, 5_000, (0, 2), (0.4, 0.6), 4_000) == (0, 1)
    assert placed(market, 995_000, (98, 100), (99.4, 99.6), 4_000) == (99, 0)


@pytest.mark.parametrize(
    ("fee", "expected"),
    [
        (FeeModel("binary_quadratic", 70_000, 17_500), 4_375),
        (FeeModel("binary_quadratic", 70_000, -10_000), -2_500),
        (FeeModel("linear_bps", 0, 200), 100),
        (FeeModel("none"), 0),
        (FeeModel("unknown", 1, 1), 0),
    ],
)
def test_maker_fee(fee, expected):
    """The maker's fee of one contract at .50 by each model."""
    assert maker_fee_micros(fee, 500_000) == expected


def test_spread():
    """A binary's spread is in probability, a perpetual's in parts of its mid."""
    assert spread_micros(world.definition(), 44, 46) == 20_000
    assert spread_micros(world.definition(instrument_kind=1), 9_900, 10_100) == 20_000
