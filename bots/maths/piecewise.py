"""Map a number to a utility by straight lines between given points.

    u(x) = y_i + (y_{i+1} - y_i) * (x - x_i) / (x_{i+1} - x_i) for x_i <= x <= x_{i+1}; constant beyond the ends

Symbols: x in the unit of the map's points, u in [0, 1].
    score = prod_k u_k ^ (w_k / sum w)
the weighted geometric mean, in which one terrible dimension cannot be averaged away.
Source: Keeney, R., Raiffa, H. (1976), Decisions with Multiple Objectives, chapter 6.
"""

from collections.abc import Sequence
from math import pow as power

Points = tuple[tuple[float, float], ...]


def interpolate(points: Points, x: float) -> float:
    """Return the value of the map at `x`; `points` are (x, y) with rising x, at least one."""
    left = points[0]
    if x <= left[0]:
        return left[1]
    for right in points[1:]:
        if x <= right[0]:
            return left[1] + (right[1] - left[1]) * (x - left[0]) / (right[0] - left[0])
        left = right
    return left[1]


def geometric_mean(parts: Sequence[tuple[float, float]]) -> float:
    """Return the weighted geometric mean of (utility, weight); weights need not sum to 1 but must not all be 0."""
    total, score = 0.0, 1.0
    for _, weight in parts:
        total += weight
    for utility, weight in parts:
        score *= power(utility, weight / total)
    return score
