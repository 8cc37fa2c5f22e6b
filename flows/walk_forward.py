"""Choose parameters on the past of each fold and judge them on what comes next, with a gap between the two.

The captures' time is cut into K + 1 parts of equal length. Fold k chooses the best point on parts 1 to k, less the
embargo before its end, and is judged on part k + 1. The embargo purges what the choice and the test would share: a
position opened before the cut, a mark that has not moved since. No test window is ever before or inside its own past.

Every point runs once over the whole time, and its curve is cut by window. So a test window begins with what that point
held by then, as a desk that had run with these parameters from the start.

Source: Lopez de Prado, M. (2018), Advances in Financial Machine Learning, chapter 7 (purging, embargo) and chapter 12
(walk-forward).
"""

from collections.abc import Sequence
from typing import NamedTuple

from contracts.base import Refused
from flows.point import Equity
from flows.scores import Score, Window, joined, score


class Fold(NamedTuple):
    """One fold: where it was chosen and judged, which point was chosen, and how it did in both.

    rank  place of the chosen point in its test window by the same objective, 1 the best
    """

    train: Window
    test: Window
    chosen: int
    train_score: Score
    test_score: Score
    rank: int


class WalkForward(NamedTuple):
    """All folds, and what following the choices would have come to."""

    folds: tuple[Fold, ...]
    outside: Score


def windows(whole: Window, folds: int, embargo_s: int) -> list[tuple[Window, Window]]:
    """Return (train, test) of each fold; raises Refused where a train or test window would be empty."""
    length = whole.end_s - whole.start_s
    cuts = [whole.start_s + length * part // (folds + 1) for part in range(folds + 2)]
    if cuts[1] - cuts[0] <= embargo_s:
        raise Refused(
            f"--folds {folds} --embargo {embargo_s}: a part of the captures' {length} s lasts {cuts[1] - cuts[0]} s; "
            f"allowed: an embargo below that, or fewer folds"
        )
    return [
        (Window(whole.start_s, cuts[part] - embargo_s), Window(cuts[part], cuts[part + 1]))
        for part in range(1, folds + 1)
    ]


def walk_forward(
    curves: Sequence[Equity], cuts: Sequence[tuple[Window, Window]], objective: str, sample_s: int
) -> WalkForward:
    """Walk through the folds; among equals the first point is chosen. Costs two scores per fold and point."""
    folds: list[Fold] = []
    followed: Equity = []
    for train, test in cuts:
        trained = [score(curve, train, sample_s) for curve in curves]
        tested = [score(curve, test, sample_s) for curve in curves]
        chosen = best_of(trained, objective)
        reached = tested[chosen].objective(objective)
        rank = 1 + sum(each.objective(objective) > reached for each in tested)
        folds.append(Fold(train, test, chosen, trained[chosen], tested[chosen], rank))
        followed = joined(followed, curves[chosen], test)
    outside = Window(cuts[0][1].start_s, cuts[-1][1].end_s)
    return WalkForward(tuple(folds), score(followed, outside, sample_s))


def best_of(scores: Sequence[Score], objective: str) -> int:
    """Return the place of the best; among equals the first."""
    return max(range(len(scores)), key=lambda place: (scores[place].objective(objective), -place))
