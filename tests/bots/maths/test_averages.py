"""bots.maths.ewma, variance and basis: averages of values that come at irregular times."""

from itertools import pairwise
from math import exp, sqrt

import pytest

from bots.maths import basis, variance
from bots.maths.ewma import squared_weights, steady_weight, weight


@pytest.mark.parametrize(
    ("dt", "tau", "elapsed", "expected"),
    [(1.0, 10.0, 1.0, 1.0), (1.0, 10.0, 2.0, 0.5), (1.0, 10.0, 1e9, 1 - exp(-0.1)), (0.0, 10.0, 5.0, 0.0)],
)
def test_a_young_average_is_plain(dt: float, tau: float, elapsed: float, expected: float) -> None:
    """The weight is dt / elapsed until the memory is full, then exponential."""
    assert abs(weight(dt, tau, elapsed) - expected) < 1e-12


def test_equal_weights_add_up_to_the_sample_size() -> None:
    """Ten plain weights leave an effective sample of ten."""
    total = 1.0
    for count in range(2, 11):
        total = squared_weights(total, 1.0 / count)
    assert abs(1.0 / total - 10.0) < 1e-9


@pytest.mark.parametrize(("count", "expected"), [(1, 1.0), (4, 0.25), (5, 0.2), (6, 0.2)])
def test_a_steady_weight_stops_at_its_span(count: int, expected: float) -> None:
    """1/n up to the span, then constant."""
    assert expected == steady_weight(count, 5)


def many(returns: list[float], dt: float = 1.0, m: int = 60) -> variance.Variance:
    """Observe returns at a fixed distance."""
    state = variance.Variance()
    for r in returns:
        state = variance.observe(state, r, dt, 120.0, 3_600.0, m)
    return state


def test_both_variances_use_the_weights_of_irregular_averages() -> None:
    """The weights that `observe` writes out are those of ewma.weight, to the last bit."""
    state, fast, slow, elapsed = variance.Variance(), 0.0, 0.0, 0.0
    for r, dt in [(0.01, 0.5), (0.0, 200.0), (-0.02, 3.0), (0.03, 0.001), (0.01, 4_000.0), (0.0, 1.0)]:
        state, elapsed = variance.observe(state, r, dt, 120.0, 3_600.0, 60), elapsed + dt
        fast += weight(dt, 120.0, elapsed) * (r * r / dt - fast)
        slow += weight(dt, 3_600.0, elapsed) * (r * r / dt - slow)
        assert (fast, slow, elapsed) == (state.fast, state.slow, state.elapsed)


def test_constant_noise_is_found_at_any_sampling() -> None:
    """Returns of size s every dt seconds have sigma s / sqrt(dt), whatever dt."""
    for dt in (0.1, 1.0, 7.0):
        assert abs(sqrt(many([0.01, -0.01] * 300, dt).fast) - 0.01 / sqrt(dt)) < 1e-9


def test_jump_share_of_a_single_jump_and_of_none() -> None:
    """One jump among small returns is nearly everything; equal returns leave J at 0."""
    assert variance.jump_share(many([0.001] * 40 + [0.8] + [0.001] * 10)) > 0.95
    assert 0.0 == variance.jump_share(many([0.01] * 60))
    assert 0.0 == variance.jump_share(many([0.5]))


def test_the_ring_keeps_m_returns_and_exact_sums() -> None:
    """Sums over the ring equal the sums made anew, after any number of returns; zeros are left out."""
    state = many([0.001 * (i % 7) for i in range(500)], m=10)
    ring = state.ring
    assert 10 == len(ring)
    assert sum(r * r for r in ring) == state.squares
    assert sum(a * b for a, b in pairwise(ring)) == state.products
    assert 0 not in ring
    assert 500 == state.count


def test_ratio_without_movement_is_one() -> None:
    """A price that never moved is neither calm nor hot."""
    assert (1.0, 0.0) == (variance.ratio(many([0.0] * 9)), variance.standard_error(many([0.0] * 9)))


def test_a_steady_premium_is_learnt_with_no_variance() -> None:
    """The basis of a constant premium is the premium."""
    state = basis.Basis()
    for _ in range(50):
        state = basis.observe(state, 0.002, 1.0)
    assert (True, True) == (abs(state.mean - 0.002) < 1e-12, state.variance < 1e-18)
    assert basis.observe(basis.Basis(), 0.002, 0.0).elapsed == basis.SHORTEST_S
