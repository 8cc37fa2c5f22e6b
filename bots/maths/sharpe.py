"""Measure a Sharpe ratio, and say how much of it may be luck: probabilistic and deflated.

    SR   = mean(x) / s(x)                                 s: divisor T - 1
    PSR(SR*) = Phi((SR - SR*) sqrt(T - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR^2))
    SR0  = sqrt(V) ((1 - c) Phi^-1(1 - 1 / N) + c Phi^-1(1 - 1 / (N e)))
    DSR  = PSR(SR0)

Symbols: x what was earned in each of T intervals of equal length; SR per interval, never annualised here; g3 skewness
and g4 kurtosis of x (3 for a normal one), by population moments; SR* the ratio to beat; N how many settings were tried;
V the variance of their ratios, divisor N - 1; c Euler's constant 0.5772. SR0 is what the best of N worthless settings
is expected to show. A ratio does not change when x is scaled, so money may stand for returns on a constant capital.

Statistics only: these floats are shown to people, and nothing here is money or enters a decision.

Sources: Bailey, D. H., Lopez de Prado, M. (2012), The Sharpe ratio efficient frontier, Journal of Risk 15(2), equation
for PSR; Bailey, D. H., Lopez de Prado, M. (2014), The deflated Sharpe ratio, Journal of Portfolio Management 40(5).
"""

from collections.abc import Sequence
from math import e, fsum, sqrt
from statistics import NormalDist
from typing import NamedTuple

from bots.maths.normal import phi

EULER = 0.5772156649015329
_QUANTILE = NormalDist().inv_cdf


class Moments(NamedTuple):
    """What a ratio is judged by: the ratio per interval, skewness, kurtosis (3 for a normal one), and how many."""

    sharpe: float
    skewness: float
    kurtosis: float
    observations: int


def moments(earned: Sequence[float]) -> Moments | None:
    """Return the moments of what was earned in equal intervals; None for fewer than two, or where all are equal."""
    count = len(earned)
    if count < 2:
        return None
    mean = fsum(earned) / count
    apart = [value - mean for value in earned]
    second = fsum(d * d for d in apart) / count
    if second <= 0.0 or min(earned) == max(earned):
        return None
    third, fourth = fsum(d**3 for d in apart) / count, fsum(d**4 for d in apart) / count
    return Moments(mean / sqrt(second * count / (count - 1)), third / second**1.5, fourth / second**2, count)


def probabilistic(said: Moments, beat: float = 0.0) -> float | None:
    """Return PSR: how likely the true ratio is above `beat`, both per interval; None where the spread is degenerate."""
    spread = 1.0 - said.skewness * said.sharpe + (said.kurtosis - 1.0) / 4.0 * said.sharpe**2
    if spread <= 0.0 or said.observations < 2:
        return None
    return phi((said.sharpe - beat) * sqrt(said.observations - 1) / sqrt(spread))


def expected_best(trials: int, variance: float) -> float:
    """Return SR0: the ratio that the best of `trials` worthless settings is expected to show; 0 for a single one."""
    if trials < 2:
        return 0.0
    best = (1.0 - EULER) * _QUANTILE(1.0 - 1.0 / trials) + EULER * _QUANTILE(1.0 - 1.0 / (trials * e))
    return sqrt(variance) * best


def spread_of(ratios: Sequence[float]) -> float:
    """Return V, the variance of the ratios of all trials, divisor N - 1; 0 for fewer than two."""
    count = len(ratios)
    if count < 2:
        return 0.0
    mean = fsum(ratios) / count
    return fsum((ratio - mean) ** 2 for ratio in ratios) / (count - 1)


def deflated(said: Moments, trials: int, variance: float) -> float | None:
    """Return DSR: how likely the chosen ratio is above what luck alone gives the best of `trials`; None as for PSR."""
    return probabilistic(said, expected_best(trials, variance))
