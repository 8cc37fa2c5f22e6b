"""Score forecasts of binaries against what came true, and draw the map that would have corrected them.

    Brier = (p - y)^2,  log loss = -ln(p) or -ln(1 - p), p inside [1e-4, 1 - 1e-4],  skill = 1 - B_model / B_market
    se(skill) = sd(d) / sqrt(n) / B_market,  d = (p - y)^2 - (q - y)^2 in pairs
    reliability = sum(n_k (p_k - y_k)^2) / n,  resolution = sum(n_k (y_k - Y)^2) / n,  uncertainty = Y (1 - Y)
    c(p) = w iso(p) + (1 - w) p,  w = n / (n + n0)
    logistic, per observation: P' = P - P x x' P m(1 - m) / (1 + m(1 - m) x' P x),  t' = t + P' x (y - m)

Symbols: p the model's and q the market's probability, y the outcome, 0 or 1; of bin k (of twenty equal ones) n_k its
weight, p_k its mean forecast, y_k its mean outcome; Y the mean outcome; iso the isotonic regression of y_k on p_k by
pool-adjacent-violators; x = (1, logit q), t = (a, b), m = expit(a + b logit q), P the covariance of t, which starts at
a = 0, b = 1 with variance 1 each. b > 1 says that favourites are under-priced. Forecasts of one market share their
outcome, so all of them together weigh as one. Within a bin forecasts differ, so the three parts add up to the Brier
score only nearly.
Source: Brier, G. (1950); Murphy, A. (1973); Barlow, R. et al. (1972) for the isotonic regression; West, M., Harrison,
J., Migon, H. (1985) for the recursive step; Snowberg, E., Wolfers, J. (2010) for the slope.
"""

from collections.abc import Sequence
from math import log, sqrt

from msgspec import Struct

from bots.maths.logit import expit, log_odds
from bots.maths.piecewise import interpolate

BINS = 20
CLIP = 1e-4
IDENTITY = tuple(place / BINS for place in range(BINS + 1))
Pair = tuple[float, float]
ZEROS = (0.0,) * BINS


class Score(Struct, frozen=True, gc=False):
    """Sums over resolved markets: how many, of their losses, and of each bin its weight, forecasts and outcomes."""

    count: int = 0
    brier: float = 0.0
    market: float = 0.0
    log_loss: float = 0.0
    squares: float = 0.0
    weights: tuple[float, ...] = ZEROS
    forecasts: tuple[float, ...] = ZEROS
    outcomes: tuple[float, ...] = ZEROS


class Logistic(Struct, frozen=True, gc=False):
    """A logistic regression: intercept, slope, their covariance, and how many observations made it."""

    a: float = 0.0
    b: float = 1.0
    p_aa: float = 1.0
    p_ab: float = 0.0
    p_bb: float = 1.0
    count: int = 0


def bin_of(p: float) -> int:
    """Return the bin of a probability: 0 to 19, each of a twentieth."""
    return min(BINS - 1, int(p * BINS))


def scored(score: Score, pairs: Sequence[Pair], y: float) -> Score:
    """Return the score after one market resolved to `y`; `pairs` (at least one) are its forecasts (model, market)."""
    share = 1.0 / len(pairs)
    weights, forecasts, outcomes = list(score.weights), list(score.forecasts), list(score.outcomes)
    model = market = lost = 0.0
    for p, q in pairs:
        place, held = bin_of(p), min(max(p, CLIP), 1.0 - CLIP)
        weights[place] += share
        forecasts[place] += share * p
        outcomes[place] += share * y
        model += share * (p - y) ** 2
        market += share * (q - y) ** 2
        lost -= share * (y * log(held) + (1.0 - y) * log(1.0 - held))
    return Score(
        score.count + 1,
        score.brier + model,
        score.market + market,
        score.log_loss + lost,
        score.squares + (model - market) ** 2,
        tuple(weights),
        tuple(forecasts),
        tuple(outcomes),
    )


def skill(score: Score) -> tuple[float, float]:
    """Return the skill and its standard error; (0, 0) without markets, and -1 against a market that never errs."""
    if not score.count or score.brier == score.market == 0.0:
        return 0.0, 0.0
    if score.market <= 0.0:
        return -1.0, 0.0
    mean = (score.brier - score.market) / score.count
    variance = max(0.0, score.squares / score.count - mean * mean)
    return 1.0 - score.brier / score.market, sqrt(variance / score.count) * score.count / score.market


def murphy(score: Score) -> tuple[float, float, float]:
    """Return (reliability, resolution, uncertainty); zeros without markets."""
    whole = sum(score.weights)
    if whole <= 0.0:
        return 0.0, 0.0, 0.0
    mean = sum(score.outcomes) / whole
    reliability = resolution = 0.0
    for weight, forecast, outcome in zip(score.weights, score.forecasts, score.outcomes, strict=True):
        if weight > 0.0:
            reliability += (forecast - outcome) ** 2 / weight
            resolution += weight * (outcome / weight - mean) ** 2
    return reliability / whole, resolution / whole, mean * (1.0 - mean)


def isotonic(weights: Sequence[float], values: Sequence[float]) -> list[float]:
    """Return the non-decreasing values nearest to `values` in weighted squares, by pooling adjacent violators."""
    pools: list[tuple[float, float, int]] = []
    for weight, value in zip(weights, values, strict=True):
        pool = (weight, value, 1)
        while pools and pools[-1][1] >= pool[1]:
            other = pools.pop()
            both = other[0] + pool[0]
            pool = (both, (other[0] * other[1] + pool[0] * pool[1]) / both, other[2] + pool[2])
        pools.append(pool)
    return [value for _, value, length in pools for _ in range(length)]


def calibration_map(score: Score, n0: int) -> tuple[float, ...]:
    """Return c(p) at p = 0, 0.05, ... 1: non-decreasing, and the identity without markets."""
    filled = [place for place in range(BINS) if score.weights[place] > 0.0]
    if not filled:
        return IDENTITY
    weights = [score.weights[place] for place in filled]
    means = [score.outcomes[place] / score.weights[place] for place in filled]
    forecasts = [score.forecasts[place] / score.weights[place] for place in filled]
    points = tuple(zip(forecasts, isotonic(weights, means), strict=True))
    w = score.count / (score.count + n0)
    return tuple([w * interpolate(points, p) + (1.0 - w) * p for p in IDENTITY])


def learnt(fit: Logistic, q: float, y: float) -> Logistic:
    """Return the regression after one market of price `q` resolved to `y`."""
    x = log_odds(q)
    m = expit(fit.a + fit.b * x)
    u, v = fit.p_aa + fit.p_ab * x, fit.p_ab + fit.p_bb * x
    g = m * (1.0 - m)
    k = g / (1.0 + g * (u + v * x))
    p_aa, p_ab, p_bb = fit.p_aa - k * u * u, fit.p_ab - k * u * v, fit.p_bb - k * v * v
    error = y - m
    a, b = fit.a + (p_aa + p_ab * x) * error, fit.b + (p_ab + p_bb * x) * error
    return Logistic(a, b, p_aa, p_ab, p_bb, fit.count + 1)
