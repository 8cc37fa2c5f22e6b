"""Measure how far a distribution of edges has moved from the one that was approved.

    PSI = sum over ten bins of (a_i - e_i) * ln(a_i / e_i),  a_i = (n_i + 0.5) / (n + 5), e_i likewise

Symbols: n_i live intents in bin i, n their number, a_i and e_i the live and the approved shares; PSI in nats, at least
0, and 0 only when the shares are equal. The bins lie between fixed edges of p_model - price: 10, 5, 2, 1 and 0 points
of probability on either side; an edge belongs to the bin above it. Without any drift the PSI of n intents is about
9 / n, so a live window is judged from `9 / warn` intents on: below that the noise alone would warn.
Source: Siddiqi, N. (2006), Credit Risk Scorecards; for the noise: Yurdakul, B. (2018), Statistical properties of the
population stability index.
"""

from bisect import bisect_right
from functools import lru_cache
from math import log

from msgspec import Struct

EDGES = (-100_000, -50_000, -20_000, -10_000, 0, 10_000, 20_000, 50_000, 100_000)
BINS = len(EDGES) + 1
NOISE = BINS - 1
ONE = tuple(bytes((place,)) for place in range(BINS))
MILLION = 1_000_000


class Window(Struct, frozen=True, gc=False):
    """The bins of the last intents, oldest first, and how many fell into each."""

    recent: bytes = b""
    counts: tuple[int, ...] = (0,) * BINS


def bin_of(difference_micros: int) -> int:
    """Return the bin of p_model - price, both in millionths: 0 for the lowest, 9 for the highest."""
    return bisect_right(EDGES, difference_micros)


def counted(window: Window, place: int, length: int) -> Window:
    """Return the window after an intent in a bin; beyond `length` (at least 1) the oldest leave."""
    recent, counts = window.recent + ONE[place], window.counts
    if len(recent) == length + 1 and recent[0] == place:
        return Window(recent[1:], counts)
    fresh = list(counts)
    fresh[place] += 1
    for old in recent[:-length]:
        fresh[old] -= 1
    return Window(recent[-length:], tuple(fresh))


@lru_cache(maxsize=64)
def shares(counts: tuple[int, ...]) -> tuple[float, ...]:
    """Return the share of each bin, with half an intent added to each, so that none is 0."""
    whole = sum(counts) + len(counts) / 2
    return tuple([(count + 0.5) / whole for count in counts])


def psi_micros(live: tuple[int, ...], approved: tuple[int, ...]) -> int:
    """Return the PSI of live counts against approved ones, in millionths of a nat, rounded down; about 2 µs."""
    whole = sum(live) + len(live) / 2
    total = 0.0
    for count, expected in zip(live, shares(approved), strict=True):
        share = (count + 0.5) / whole
        total += (share - expected) * log(share / expected)
    return int(total * MILLION)
