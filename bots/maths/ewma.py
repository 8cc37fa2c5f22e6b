"""Keep exponentially weighted averages of values that arrive at irregular times.

    a = max(1 - exp(-dt / tau), dt / T),  m' = m + a * (x - m),  S' = (1 - a)^2 * S + a^2,  n_eff = 1 / S

Symbols: dt seconds since the last value, tau the memory in seconds, T seconds since the first value, m the average in
the unit of x, S the sum of squared weights. The second term of `a` makes the average plain while it is younger than
its memory, so the first value does not dominate.
Source: RiskMetrics technical document, 4th ed. (1996), chapter 5, for irregular intervals; Kish (1965) for n_eff.
"""

from math import exp


def weight(dt: float, tau: float, elapsed: float) -> float:
    """Return the weight `a` in [0, 1] of a value `dt` seconds after the last, `elapsed` seconds after the first."""
    a = 1.0 - exp(-dt / tau)
    if dt > a * elapsed:
        a = dt / elapsed if elapsed > 0.0 else 1.0
    return a


def squared_weights(total: float, a: float) -> float:
    """Return the sum of squared weights after a value of weight `a`; start with 1."""
    keep = 1.0 - a
    return keep * keep * total + a * a


def steady_weight(count: int, span: int) -> float:
    """Return the weight of the `count`-th value (from 1) of an average over `span` values: 1/n, then 1/span."""
    return 1.0 / count if count < span else 1.0 / span
