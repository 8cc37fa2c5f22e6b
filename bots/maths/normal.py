"""Say how likely a standard normal value is to lie below a number.

    Phi(z) = erfc(-z / sqrt(2)) / 2

Symbols: z in standard deviations; Phi in [0, 1]. Source: Abramowitz, M., Stegun, I. (1964), 26.2.29.
"""

from math import erfc

ROOT_HALF = 0.7071067811865476


def phi(z: float) -> float:
    """Return the probability that a standard normal value is at most `z`."""
    return 0.5 * erfc(-z * ROOT_HALF)
