"""Pool independent opinions about one number into one, with an honest error.

    w_i = rho_i / (v_i + tau_i^2),  x = sum(w x) / sum(w),  D = sum(w (x_i - x)^2) / sum(w),  se = sqrt(1 / sum(w) + D)

Symbols: x_i an anchor in logits (log price for perps), v_i its variance, tau_i the model error of its kind (standard
deviation), rho_i its reliability in [0, 1], D the disagreement as a variance, se the standard error. An anchor of
reliability 0 does not count. The calibration map is applied to the pooled probability; version 1 is the identity.
Source: Satopää, V. et al. (2014), Combining multiple probability predictions using a simple logit model; the added
model error as in DerSimonian, R., Laird, N. (1986).
De-vigging (power method): p_i = q_i^k with k such that sum(p_i) = 1, q_i = 1 / odds_i.
Source: Clarke, S. et al. (2017), Adjusting bookmaker's odds to allow for overround.
"""

from collections.abc import Sequence
from math import exp, sqrt
from typing import NamedTuple

CALIBRATION_VERSION = "identity-1"
V_MIN = 1e-8
"""No anchor is surer than a ten-thousandth of a logit; keeps a locked book from outweighing everything."""


class Anchor(NamedTuple):
    """One opinion: its name, value, variance, reliability, model error, and whether it is the traded book itself."""

    name: str
    x: float
    v: float
    rho: float
    tau: float = 0.0
    own: bool = False


class Pooled(NamedTuple):
    """The pooled value, its standard error, the root of the disagreement, and how many anchors counted."""

    x: float
    se: float
    spread: float
    anchors: int


def pool(anchors: Sequence[Anchor]) -> Pooled | None:
    """Return the pooled opinion; None when no anchor has any reliability."""
    weights = [a.rho / (max(a.v, V_MIN) + a.tau * a.tau) for a in anchors]
    total = sum(weights)
    if total <= 0.0:
        return None
    x = sum(w * a.x for w, a in zip(weights, anchors, strict=True)) / total
    d = sum(w * (a.x - x) ** 2 for w, a in zip(weights, anchors, strict=True)) / total
    return Pooled(x, sqrt(1.0 / total + d), sqrt(d), sum(w > 0.0 for w in weights))


def error_alone(v: float, rho: float) -> float:
    """Return the standard error that `pool` gives a single anchor with rho above 0, whose x stands as it is."""
    return sqrt((v if v > V_MIN else V_MIN) / rho)


def calibrated(x: float) -> float:
    """Return the calibrated probability of log-odds `x`; the map of version `identity-1` changes nothing.

    It is `expit` written out: a fair value asks for three of these, and each call inside would double their cost.
    """
    if x >= 0.0:
        return 1.0 / (1.0 + exp(-x))
    z = exp(x)
    return z / (1.0 + z)


def power_devig(odds: Sequence[float]) -> tuple[float, ...]:
    """Return fair probabilities from decimal odds above 1 (at least two), by the power method; they sum to 1."""
    quoted = [1.0 / price for price in odds]
    low, high = 0.0, 64.0
    for _ in range(64):
        k = (low + high) / 2.0
        low, high = (k, high) if sum(q**k for q in quoted) > 1.0 else (low, k)
    powered = [q**high for q in quoted]
    total = sum(powered)
    return tuple(p / total for p in powered)
