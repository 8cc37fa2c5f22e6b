"""Fit one slope by recursive least squares with forgetting.

    k = P u / (phi + P u^2),  b' = b + k (y - b u),  P' = (P - k u P) / phi

Symbols: u the regressor, y the response, b the slope (unit of y per unit of u), P its inverse information, phi in
(0, 1] the forgetting factor per observation; without news (u = 0) nothing is forgotten, so P cannot wind up.
Source: Ljung, L. (1999), System Identification, 2nd ed., section 11.2. For price impact: Kyle (1985).
"""

from msgspec import Struct

P_START, P_CEILING = 1e6, 1e9


class Slope(Struct, frozen=True, gc=False):
    """A slope, its inverse information, and how many observations made it."""

    b: float = 0.0
    p: float = P_START
    count: int = 0


def observe(slope: Slope, u: float, y: float, phi: float) -> Slope:
    """Return the slope after one observation; `u` = 0 teaches nothing and returns the same slope."""
    if u == 0.0:
        return slope
    gain = slope.p * u / (phi + slope.p * u * u)
    inverse = (slope.p - gain * u * slope.p) / phi
    return Slope(slope.b + gain * (y - slope.b * u), min(inverse, P_CEILING), slope.count + 1)
