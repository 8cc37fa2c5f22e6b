"""Price a perpetual from its index: the index times one plus the usual premium.

    anchor = index * (1 + m),  b = mid / index - 1,  m = EWMA of b,  v = EWMA of (b - m)^2

Symbols: b the premium of the perp over its index (a share), m its average and v its variance over 300 s, or over
whatever memory the caller names.
Source: Ackerer, D., Hugonnier, J., Jermann, U. (2024), Perpetual futures pricing.
"""

from msgspec import Struct

from bots.maths.ewma import weight

TAU_S, SHORTEST_S = 300.0, 0.001


class Basis(Struct, frozen=True, gc=False):
    """The average premium, its variance, and the seconds it has been watched."""

    mean: float = 0.0
    variance: float = 0.0
    elapsed: float = 0.0


def observe(basis: Basis, premium: float, dt: float, tau_s: float = TAU_S) -> Basis:
    """Return the basis after a premium seen `dt` seconds after the last one."""
    dt = max(dt, SHORTEST_S)
    elapsed = basis.elapsed + dt
    a = weight(dt, tau_s, elapsed)
    mean = basis.mean + a * (premium - basis.mean)
    return Basis(mean, basis.variance + a * ((premium - mean) ** 2 - basis.variance), elapsed)
