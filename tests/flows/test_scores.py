"""flows.scores: what a curve came to within a window, worked out by hand."""

import pytest

from bots.maths.sharpe import Moments
from flows.point import Outcome
from flows.scores import WORST, Score, Window, earned, joined, score, trust, window_of

DOLLAR = 1_000_000
# (second, total, paid): up 3, down 5, up 1, up 4; the first half of what was paid comes at the end.
CURVE = [
    (10, 3 * DOLLAR, 0),
    (12, -2 * DOLLAR, 0),
    (25, -1 * DOLLAR, -1 * DOLLAR),
    (30, 3 * DOLLAR, 2 * DOLLAR),
]
WHOLE = Window(0, 35)


def test_a_whole_curve_by_hand() -> None:
    """It ends at 3 dollars marked and 2 paid; from the peak of 3 it fell to -2."""
    found = score(CURVE, WHOLE, 10)
    assert (found.total_micros, found.realised_micros, found.drawdown_micros) == (3 * DOLLAR, 2 * DOLLAR, 5 * DOLLAR)


def test_a_window_begins_after_its_start_and_includes_its_end() -> None:
    """What happened in the start second belongs to the window before; a window's fall begins at its own level."""
    found = score(CURVE, Window(12, 25), 10)
    assert (found.total_micros, found.realised_micros, found.drawdown_micros) == (DOLLAR, -DOLLAR, 0)
    assert score(CURVE, Window(0, 12), 10).total_micros + score(CURVE, Window(12, 35), 10).total_micros == 3 * DOLLAR


def test_what_was_earned_is_sampled_at_equal_distances() -> None:
    """Levels at 0, 10, 20, 30 and, cut short, 35 seconds: 0, 3, -2, 3, 3 dollars."""
    assert earned(CURVE, WHOLE, 10) == [3.0, -5.0, 5.0, 0.0]


def test_a_window_in_which_nothing_moved_has_no_ratio() -> None:
    """No curve, or none within the window, is zero money and no Sharpe ratio, which is worse than any."""
    for curve in ([], CURVE):
        found = score(curve, Window(40, 90), 10)
        assert found == Score(0, 0, 0, None)
        assert found.objective("sharpe") == WORST


def test_objectives_are_the_parts_of_a_score() -> None:
    """Total is marked money, realised what was paid, sharpe the ratio of four samples: mean 3/4 over its spread."""
    found = score(CURVE, WHOLE, 10)
    assert (found.objective("total"), found.objective("realised")) == (3 * DOLLAR, 2 * DOLLAR)
    squares = (2.25**2 + 5.75**2 + 4.25**2 + 0.75**2) / 3
    assert found.objective("sharpe") == pytest.approx(0.75 / squares**0.5)


def test_curves_are_joined_where_the_first_ended() -> None:
    """What the second made within its window is added to where the first stood, not what it had made before."""
    first = joined([], CURVE, Window(0, 12))
    assert first == [(10, 3 * DOLLAR, 0), (12, -2 * DOLLAR, 0)]
    other = [(11, 7 * DOLLAR, DOLLAR), (20, 8 * DOLLAR, 4 * DOLLAR), (40, 0, 0)]
    assert joined(first, other, Window(12, 35)) == [*first, (20, -1 * DOLLAR, 3 * DOLLAR)]


def test_a_run_s_window_holds_its_first_second() -> None:
    """It starts before the second of the first arrival, so that nothing of that second is lost."""
    outcome = Outcome(1, "k", 1_000_000_000_500, 1_009_999_999_999, [], {})
    assert window_of(outcome) == Window(999, 1_009)


def test_only_points_with_a_ratio_are_trials() -> None:
    """Three ratios and one point that never traded are three trials; their variance is 0.01; the best is deflated."""
    scores = [Score(0, 0, 0, Moments(ratio, 0.0, 3.0, 1_000)) for ratio in (0.0, 0.1, 0.2)] + [Score(0, 0, 0, None)]
    found = trust(scores, scores[2])
    assert (found.trials, found.variance) == (3, pytest.approx(0.01))
    assert 0 < found.by_luck < 0.2
    assert 0.9 < (found.deflated or 0) < 1
    assert trust(scores, scores[3]).deflated is None
