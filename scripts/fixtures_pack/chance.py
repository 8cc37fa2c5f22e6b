"""Draw numbers from a seed: xorshift64*, integers only, so every machine and Python draws the same.

Source: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled" (2016).
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")
_MASK = (1 << 64) - 1


class Chance:
    """One stream of draws, named so that streams of one seed are independent of each other's use."""

    def __init__(self, seed: int, name: str) -> None:
        """Start the stream `name` of `seed`."""
        self._state = int.from_bytes(sha256(f"{seed}|{name}".encode()).digest()[:8], "big") or 1

    def below(self, limit: int) -> int:
        """Draw from 0 to limit - 1; limit is at least 1 and small against 2^32."""
        x = self._state
        x ^= x >> 12
        x = (x ^ x << 25) & _MASK
        x ^= x >> 27
        self._state = x
        return ((x * 0x2545F4914F6CDD1D & _MASK) >> 32) * limit >> 32

    def between(self, low: int, high: int) -> int:
        """Draw from low to high, both included."""
        return low + self.below(high - low + 1)

    def happens(self, per_thousand: int) -> bool:
        """Answer yes `per_thousand` times of a thousand."""
        return self.below(1_000) < per_thousand

    def pick(self, items: Sequence[T]) -> T:
        """Draw one of the items."""
        return items[self.below(len(items))]

    def bell(self, spread: int) -> int:
        """Draw around 0: the mean of four uniform draws of +-2 * spread; standard deviation about 0.58 * spread."""
        return (self.below(4 * spread + 1) + self.below(4 * spread + 1) + self.below(4 * spread + 1)
                + self.below(4 * spread + 1) - 8 * spread) // 4  # fmt: skip

    def heavy(self, unit: int, doublings: int) -> int:
        """Draw a size: mostly about one unit, each doubling half as likely as the one before."""
        size = unit
        while doublings and self.below(2):
            size, doublings = size * 2, doublings - 1
        return size * self.between(2, 6) // 4 or 1
