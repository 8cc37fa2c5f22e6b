"""Judge an equity curve, whole or between two moments: what was earned, the deepest fall, the Sharpe ratio.

Money stays whole micros. Ratios are of what was earned in intervals of equal length (the sampling interval), never
annualised; a last interval that the end cuts short counts as one, so that nothing earned in it is lost.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

from bots.maths.sharpe import Moments, deflated, expected_best, moments, probabilistic, spread_of
from flows.point import SECOND_NS, Equity, Outcome

OBJECTIVES = ("total", "realised", "sharpe")
TOTAL, PAID = 1, 2
WORST = float("-inf")


class Window(NamedTuple):
    """A time, in seconds since 1970: after `start_s`, up to and including `end_s`."""

    start_s: int
    end_s: int


class Score(NamedTuple):
    """What a curve came to within a window; micros, and statistics of what was earned per sampling interval.

    total       marked
    realised    realised, less fees, plus funding
    drawdown    deepest fall from a peak within the window
    moments     None where nothing varied
    """

    total_micros: int
    realised_micros: int
    drawdown_micros: int
    moments: Moments | None

    def objective(self, name: str) -> float:
        """Return what is maximised; a ratio that does not exist is worse than any that does."""
        if name == "sharpe":
            return self.moments.sharpe if self.moments is not None else WORST
        return self.total_micros if name == "total" else self.realised_micros


def window_of(outcome: Outcome) -> Window:
    """Return the whole of a run: from the second before its first arrival to its last."""
    return Window(outcome.start_ns // SECOND_NS - 1, outcome.end_ns // SECOND_NS)


def score(equity: Equity, window: Window, sample_s: int) -> Score:
    """Judge a curve within a window; costs the points within it, and one step per sampling interval."""
    before, after = _place(equity, window.start_s), _place(equity, window.end_s)
    total, paid = (_at(equity, after, part) - _at(equity, before, part) for part in (TOTAL, PAID))
    return Score(total, paid, _fall(equity, before, after), moments(earned(equity, window, sample_s)))


def earned(equity: Equity, window: Window, sample_s: int) -> list[float]:
    """Return what was earned in each sampling interval of a window, in dollars, marked."""
    levels = [_at(equity, _place(equity, at_s), TOTAL) for at_s in _bounds(window, sample_s)]
    return [(later - sooner) / 1_000_000 for sooner, later in pairwise(levels)]


def joined(before: Equity, equity: Equity, window: Window) -> Equity:
    """Return a curve that goes on, from where it ended, with what another one made within a window."""
    first, last = _place(equity, window.start_s), _place(equity, window.end_s)
    total = (before[-1][TOTAL] if before else 0) - _at(equity, first, TOTAL)
    paid = (before[-1][PAID] if before else 0) - _at(equity, first, PAID)
    return [*before, *((at_s, level + total, own + paid) for at_s, level, own in equity[first:last])]


class Trust(NamedTuple):
    """How much of the chosen ratio may be luck: the trials, their spread, what the best of them by luck would show.

    chosen    the ratio of the best point
    deflated  probability that its true ratio is above `by_luck`; None where it cannot be said
    """

    trials: int
    variance: float
    by_luck: float
    chosen: Moments | None
    deflated: float | None


def trust(scores: Sequence[Score], best: Score) -> Trust:
    """Deflate the best of all points; those whose ratio does not exist are no trials."""
    ratios = [each.moments.sharpe for each in scores if each.moments is not None]
    variance = spread_of(ratios)
    found = best.moments
    said = None if found is None else deflated(found, len(ratios), variance)
    return Trust(len(ratios), variance, expected_best(len(ratios), variance), found, said)


def likely(said: Moments | None) -> float | None:
    """Return how likely the true ratio is above zero; None where it cannot be said."""
    return None if said is None else probabilistic(said)


def _bounds(window: Window, sample_s: int) -> list[int]:
    return [*range(window.start_s, window.end_s, sample_s), window.end_s]


def _place(equity: Equity, at_s: int) -> int:
    return bisect_right(equity, at_s, key=itemgetter(0))


def _at(equity: Equity, place: int, part: int) -> int:
    """Return the level after so many changes; 0 before the first."""
    return equity[place - 1][part] if place else 0


def _fall(equity: Equity, before: int, after: int) -> int:
    peak = _at(equity, before, TOTAL)
    deepest = 0
    for _, level, _ in equity[before:after]:
        peak = max(peak, level)
        deepest = max(deepest, peak - level)
    return deepest
