"""bots.maths: utilities, ranks, buckets, coherence, rounding, the normal law."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.buckets import Buckets, add, vpin
from bots.maths.coherence import aged, is_due, is_marked, is_mirrored, is_repeated
from bots.maths.market_quality import step_towards, tier_of, utility
from bots.maths.normal import phi
from bots.maths.piecewise import geometric_mean, interpolate
from bots.maths.quantile import CAPACITY, EMPTY, rank_milli, remember
from bots.maths.rounding import has_moved, significant

SECOND = 1_000_000_000
LINE = ((0.0, 0.0), (10.0, 1.0), (20.0, 0.5))


@pytest.mark.parametrize(
    ("x", "y"), [(-1.0, 0.0), (0.0, 0.0), (5.0, 0.5), (10.0, 1.0), (15.0, 0.75), (20.0, 0.5), (99.0, 0.5)]
)
def test_piecewise_lines(x: float, y: float) -> None:
    """Between the points straight, beyond them constant; nothing measured is no utility."""
    assert y == interpolate(LINE, x)
    assert None is utility(LINE, None)


def test_the_geometric_mean_renormalises_and_forgives_nothing() -> None:
    """Weights are relative; a utility of 0 makes the score 0."""
    assert abs(geometric_mean([(0.9, 2.0), (0.9, 5.0)]) - 0.9) < 1e-12
    assert abs(geometric_mean([(0.25, 1.0), (1.0, 1.0)]) - 0.5) < 1e-12
    assert 0.0 == geometric_mean([(0.0, 0.1), (1.0, 9.0)])


@pytest.mark.parametrize(
    ("tier", "target", "step"), [("A", "C", "B"), ("C", "A", "B"), ("B", "A", "A"), ("B", "C", "C"), ("A", "A", "A")]
)
def test_a_step_towards_a_tier(tier: str, target: str, step: str) -> None:
    """One step, never past the target."""
    assert step == step_towards(tier, target)
    assert target == tier_of({"A": 0.9, "B": 0.5, "C": 0.1}[target], 0.7, 0.45)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_the_newest_maximum_ranks_at_the_top(values: list[float]) -> None:
    """A rank is between 0 and 1,000, and grows with the value."""
    sketch = EMPTY
    for value in values:
        sketch = remember(sketch, value)
    low, high = rank_milli(sketch, min(values)), rank_milli(sketch, max(values))
    assert 0 <= low <= high <= 1_000
    assert len(values) == sum(sketch)


def test_the_sketch_fades_and_stays_small() -> None:
    """At capacity every count is halved, so that new values weigh more."""
    sketch = EMPTY
    for _ in range(CAPACITY - 1):
        sketch = remember(sketch, 0.1)
    assert CAPACITY - 1 == sum(sketch)
    sketch = remember(sketch, 0.1)
    assert CAPACITY // 2 == sum(sketch)
    assert (0, 1_000, 500) == (rank_milli(EMPTY, 0.5), rank_milli(sketch, 0.9), rank_milli(sketch, 0.1))


def test_a_print_is_split_over_buckets() -> None:
    """250 lots into buckets of 100 close two and leave 50; the imbalance of one-sided buckets is 1."""
    state = add(Buckets(), 250, 1, 0.0, 100, 5)
    assert (2, 50, (1.0, 1.0), 1.0) == (state.closed, state.buy, state.ring, vpin(state))
    state = add(state, 50, -1, 0.0, 100, 5)
    assert ((1.0, 1.0, 0.0), 0.0) == (state.ring, vpin(Buckets()))


def test_the_ring_keeps_n_buckets_and_history_begins_when_it_is_full() -> None:
    """VPIN is remembered once n buckets are complete."""
    state = add(Buckets(), 400, 1, 0.0, 100, 5)
    assert 0 == sum(state.history)
    state = add(state, 300, -1, 0.0, 100, 5)
    assert (3, 5, (1.0, 1.0, -1.0, -1.0, -1.0)) == (sum(state.history), len(state.ring), state.ring)


@pytest.mark.parametrize(("age", "quality"), [(0, 800), (100, 800), (101, 792), (200, 400), (1_000_000, 0)])
def test_age_beyond_the_budget_lowers_the_quality(age: int, quality: int) -> None:
    """Factor = 1 inside the budget, budget / age beyond it."""
    assert quality == aged(800, age, 100)


def test_the_mirror() -> None:
    """YES bid .60 against NO ask .45 is five cents off; one cent is allowed."""
    assert not is_mirrored(60, 62, 38, 45, 100, 10_000)
    assert is_mirrored(60, 62, 38, 41, 100, 10_000)
    assert not is_mirrored(60, 62, 36, 40, 100, 10_000)
    assert is_repeated(60, 62, -1, 62, 100, 0)
    assert not is_repeated(60, 62, 59, 62, 100, 9_999)


@pytest.mark.parametrize(("index", "same"), [(1_000, True), (0, True), (-1, True), (990, False), (991, True)])
def test_mark_against_index(index: int, same: bool) -> None:
    """One percent of the index is allowed."""
    assert same == is_marked(1_000, index, 10_000)


@pytest.mark.parametrize(
    ("second", "period", "due"), [(7, 1_000, True), (7, 0, True), (10, 5_000, True), (11, 5_000, False)]
)
def test_a_period_falls_due_in_its_second(second: int, period: int, due: bool) -> None:
    """A multiple of the period must lie in the second that ends."""
    assert due == is_due(second * SECOND, period)


@pytest.mark.parametrize(("x", "said"), [(0.0123456, 0.0123), (123456.0, 123000.0), (0.0, 0.0), (-9.876, -9.88)])
def test_significant_digits(x: float, said: float) -> None:
    """Three digits are enough to say."""
    assert said == significant(x)


def test_a_move_is_a_share_of_what_was_said() -> None:
    """Five percent of 100: 105 is not a move, 106 is."""
    assert [False, True, False, True] == [has_moved(x, 100.0, 0.05) for x in (105.0, 106.0, 95.0, 94.0)]
    assert has_moved(1e-9, 0.0, 0.05)


def test_the_normal_law() -> None:
    """Half at the middle, 97.5 percent at 1.96."""
    assert (0.5, 0.975) == (phi(0.0), round(phi(1.959964), 6))
