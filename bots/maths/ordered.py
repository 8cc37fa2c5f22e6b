"""Keep a sorted table in frozen tuples, so that a bot's state may hold many keys and stay a value.

A table is two tuples of equal length: keys in order, and what belongs to them. Finding is a bisection; changing copies
the tuple, which costs about 1 ns an entry. A tally is such a table of sums, without the keys whose sum is zero.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import TypeVar

K = TypeVar("K", str, int)
V = TypeVar("V")

NO_NAMES: tuple[tuple[str, ...], tuple[int, ...]] = ((), ())
NO_NUMBERS: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())


def find(keys: Sequence[K], key: K) -> int:
    """Return the place of a key; when it is absent, `~place` (below zero) of where it belongs."""
    place = bisect_left(keys, key)
    return place if place < len(keys) and keys[place] == key else ~place


def put(items: tuple[V, ...], place: int, item: V) -> tuple[V, ...]:
    """Return the items with one replaced at `place`, or inserted at `~place`."""
    if place < 0:
        return items[:~place] + (item,) + items[~place:]  # noqa: RUF005  three copies in C, half the time of unpacking
    return items[:place] + (item,) + items[place + 1 :]  # noqa: RUF005


def drop(items: tuple[V, ...], place: int) -> tuple[V, ...]:
    """Return the items without the one at `place`."""
    return items[:place] + items[place + 1 :]


def total(tally: tuple[tuple[K, ...], tuple[int, ...]], key: K) -> int:
    """Return the sum of a key; 0 when it has none."""
    keys, sums = tally
    place = bisect_left(keys, key)
    return sums[place] if place < len(keys) and keys[place] == key else 0


def add(tally: tuple[tuple[K, ...], tuple[int, ...]], key: K, change: int) -> tuple[tuple[K, ...], tuple[int, ...]]:
    """Return the tally with `change` added to a key."""
    if not change:
        return tally
    keys, sums = tally
    place = bisect_left(keys, key)
    if place == len(keys) or keys[place] != key:
        return put(keys, ~place, key), put(sums, ~place, change)
    left = sums[place] + change
    if left:
        return keys, sums[:place] + (left,) + sums[place + 1 :]  # noqa: RUF005
    return drop(keys, place), drop(sums, place)
