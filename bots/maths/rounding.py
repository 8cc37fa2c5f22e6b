"""Quantise numbers before they are said, so that noise in the last digits is no news.

    r = round(x / 10^e) * 10^e with e = floor(log10 |x|) - digits + 1

Source: ISO 80000-1, annex B (rounding to significant digits).
"""


def significant(x: float, digits: int = 3) -> float:
    """Return `x` rounded to so many significant digits; about 0.5 µs, so only when something is said."""
    return float(f"{x:.{digits - 1}e}")


def has_moved(x: float, said: float, share: float) -> bool:
    """True when `x` differs from what was `said` by more than that share of it."""
    return x > said * (1.0 + share) or x < said * (1.0 - share)
