"""Map probabilities to log-odds and back, clipped where the book says nothing any more.

    logit(p) = ln(p / (1 - p)), expit(x) = 1 / (1 + exp(-x))

Symbols: p a probability in (0, 1), without unit; x in logits. Clip: p is held inside [0.01, 0.99], the range that
the catalogue names for volatility (intel.volatility_estimator), because one tick at the edge is worth many logits.
Source: Cox, D. (1958), The regression analysis of binary sequences; Satopää et al. (2014) for pooling in logits.
"""

from functools import lru_cache
from math import exp, log

P_MIN, P_MAX = 0.01, 0.99


def logit(p: float) -> float:
    """Return the log-odds of a probability, clipped to [0.01, 0.99]; any float is accepted. About 0.1 µs."""
    if p < P_MIN:
        p = P_MIN
    elif p > P_MAX:
        p = P_MAX
    return log(p / (1.0 - p))


def expit(x: float) -> float:
    """Return the probability of log-odds `x`; underflow at the ends is 0 or 1, never an error."""
    if x >= 0.0:
        return 1.0 / (1.0 + exp(-x))
    z = exp(x)  # of a number below zero: it underflows to 0 and never overflows
    return z / (1.0 + z)


@lru_cache(maxsize=64)
def logit_table(grid_ticks: int) -> tuple[float, ...]:
    """Return `logit(t / grid)` for t of 0 to grid; one table per grid, shared by all its markets."""
    return tuple(logit(tick / grid_ticks) for tick in range(grid_ticks + 1))


def log_odds(p: float) -> float:
    """Return the log-odds of a probability without the clip, held inside one millionth of the ends."""
    if p < 1e-6:
        p = 1e-6
    elif p > 1.0 - 1e-6:
        p = 1.0 - 1e-6
    return log(p / (1.0 - p))
