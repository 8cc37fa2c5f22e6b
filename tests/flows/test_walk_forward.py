"""flows.walk_forward: the past chooses, the future judges, and the two share nothing."""

import pytest

from contracts.base import Refused
from flows.point import Equity
from flows.scores import Window
from flows.walk_forward import walk_forward, windows

DOLLAR = 1_000_000


def curve(*levels: int, every: int = 10) -> Equity:
    """Return a curve that reaches each level, in dollars, at the end of every tenth second."""
    return [(every * (place + 1), level * DOLLAR, level * DOLLAR // 2) for place, level in enumerate(levels)]


@pytest.mark.parametrize(("folds", "embargo"), [(1, 0), (3, 0), (3, 10), (7, 4)])
def test_no_test_window_touches_its_past(folds: int, embargo: int) -> None:
    """Each choice ends the embargo before its test begins; tests follow each other without a hole, to the end."""
    whole = Window(1_000, 1_101)
    cuts = windows(whole, folds, embargo)
    assert len(cuts) == folds
    for train, test in cuts:
        assert train.start_s == whole.start_s
        assert train.end_s + embargo == test.start_s
        assert train.start_s < train.end_s
        assert test.start_s < test.end_s
    assert [test.end_s for _, test in cuts[:-1]] == [test.start_s for _, test in cuts[1:]]
    assert cuts[-1][1].end_s == whole.end_s


@pytest.mark.parametrize(("folds", "embargo"), [(3, 25), (3, 100), (200, 0)])
def test_an_embargo_that_leaves_nothing_is_refused(folds: int, embargo: int) -> None:
    """A hundred seconds in four parts of 25: an embargo of 25 leaves nothing to choose on; nor do 200 folds."""
    with pytest.raises(Refused, match=f"--folds {folds} --embargo {embargo}: a part of the captures' 100 s lasts"):
        windows(Window(0, 100), folds, embargo)


def test_the_choice_is_the_past_s_best_and_is_judged_on_what_follows() -> None:
    """The first point wins early and loses late, the second the other way round: choosing on the past follows late."""
    early, late = curve(5, 6, 2, 1), curve(-1, 0, 9, 10)
    found = walk_forward([early, late], windows(Window(0, 40), 3, 0), "total", 10)
    assert [fold.chosen for fold in found.folds] == [0, 0, 1]
    assert [fold.test_score.total_micros // DOLLAR for fold in found.folds] == [1, -4, 1]
    assert [fold.rank for fold in found.folds] == [1, 2, 1]
    assert found.outside.total_micros == -2 * DOLLAR
    assert found.outside.drawdown_micros == 4 * DOLLAR
    assert found.outside.realised_micros == -1 * DOLLAR
    assert found.outside.moments is not None
    assert found.outside.moments.observations == 3


def test_the_embargo_hides_what_would_have_changed_the_choice() -> None:
    """A gain in the last ten seconds before the test is not seen with an embargo of ten."""
    steady, lucky = curve(1, 2, 3, 4), curve(0, 9, 8, 8)
    cuts = {embargo: windows(Window(0, 40), 1, embargo) for embargo in (0, 10)}
    chosen = {embargo: walk_forward([steady, lucky], cuts[embargo], "total", 10).folds[0].chosen for embargo in cuts}
    assert chosen == {0: 1, 10: 0}


def test_among_equals_the_first_is_chosen() -> None:
    """Points that never traded are equal, and equal in rank when tested."""
    found = walk_forward([[], [], []], windows(Window(0, 40), 2, 0), "sharpe", 10)
    assert [(fold.chosen, fold.rank) for fold in found.folds] == [(0, 1), (0, 1)]
    assert found.outside.moments is None
