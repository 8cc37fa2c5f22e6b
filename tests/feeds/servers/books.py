"""Evolve one small order book from a seed, and keep every version of it.

The book is the truth that a test compares a feed with, so it knows no venue and no message: prices are whole units,
sizes whole lots, and each version says which levels it changed. Same seed, name and grid: the same versions, for ever.
"""

import random
from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

BID, ASK = "bid", "ask"
_MARK_EVERY = 50  # versions between two whole copies; `at` replays at most this many changes

Sides = dict[str, dict[int, int]]


class Level(NamedTuple):
    """One level after a change: its side, price in units, lots now (0: gone) and lots before."""

    side: str
    price: int
    lots: int
    before: int


class Print(NamedTuple):
    """One trade: price in units, size in lots, and the taker's side, buy or sell."""

    price: int
    lots: int
    taker: str


class Change(NamedTuple):
    """What one version changed, and the exchange's time in ms that it carries."""

    version: int
    ts_ms: int
    levels: tuple[Level, ...]
    trade: Print | None


class Shape(NamedTuple):
    """How a book looks: fewest and most levels of a side, most lots of a level, most levels moved by one change."""

    fewest: int = 6
    most: int = 10
    lots: int = 20_000
    moves: int = 1
    sweeps: bool = True  # whether a side runs empty now and then


class TrueBook(NamedTuple):
    """A whole book in the venue's own decimals; sizes by price, each side best first."""

    bids: dict[Decimal, Decimal]
    asks: dict[Decimal, Decimal]


class Book:
    """A book that moves by seeded steps; version 1 is the book at birth."""

    def __init__(self, name: str, seed: int, prices: Sequence[int], shape: Shape, ts_ms: int) -> None:
        """Fill both sides around a centre drawn from the middle half of the grid."""
        self.name = name
        self.prices = prices
        self.shape = shape
        self.rng = random.Random(f"{seed}:{name}")
        self.sides: Sides = {BID: {}, ASK: {}}
        self.last_price: int | None = None
        self._centre = self.rng.randrange(len(prices) // 4, 3 * len(prices) // 4)
        self._swept = ("", 0)
        for side in (BID, ASK):
            while len(self.sides[side]) < (shape.fewest + shape.most) // 2:
                self._place(side)
        self.changes = [Change(1, ts_ms, (), None)]
        self._marks: dict[int, Sides] = {1: self._copy()}

    @property
    def version(self) -> int:
        """The newest version."""
        return len(self.changes)

    @property
    def best(self) -> tuple[int | None, int | None]:
        """Best bid and best ask in units; None for an empty side."""
        return max(self.sides[BID], default=None), min(self.sides[ASK], default=None)

    def step(self, ts_ms: int) -> Change:
        """Move to the next version and say what it changed."""
        trade: Print | None = None
        moved: dict[tuple[str, int], Level] = {}
        for _ in range(self.rng.randint(1, self.shape.moves)):
            level, traded = self._move()
            trade = trade or traded
            first = moved.get((level.side, level.price), level)
            moved[level.side, level.price] = level._replace(before=first.before)
        change = Change(self.version + 1, ts_ms, tuple(moved.values()), trade)
        self.changes.append(change)
        if change.version % _MARK_EVERY == 0:
            self._marks[change.version] = self._copy()
        return change

    def at(self, version: int | None = None) -> Sides:
        """Return a copy of the book at a version, by default the newest; raises KeyError where there is none."""
        if version is None:
            return self._copy()
        if not 1 <= version <= self.version:
            raise KeyError(f"{self.name} has versions 1 to {self.version}, not {version}")
        mark = max(1, version - version % _MARK_EVERY)
        sides = {side: dict(levels) for side, levels in self._marks[mark].items()}
        for change in self.changes[mark:version]:
            for level in change.levels:
                _put(sides, level)
        return sides

    def at_ms(self, ts_ms: int) -> int:
        """Return the newest version whose time is not after `ts_ms`; raises KeyError where all are."""
        for change in reversed(self.changes):
            if change.ts_ms <= ts_ms:
                return change.version
        raise KeyError(f"{self.name} has no version at or before {ts_ms}")

    def regrid(self, prices: Sequence[int]) -> None:
        """Go on with another grid; levels that stand keep their price."""
        at = self.prices[self._centre]
        self.prices = prices
        self._centre = min(bisect_left(prices, at), len(prices) - 1)

    def _copy(self) -> Sides:
        return {side: dict(levels) for side, levels in self.sides.items()}

    def _move(self) -> tuple[Level, Print | None]:
        """Make one move: clear what the centre has run over, else sweep, trade, take away, add or resize."""
        self._drift()
        centre = self.prices[self._centre]
        for side, best in zip((BID, ASK), self.best, strict=True):
            if best is not None and (best >= centre if side == BID else best <= centre):
                return self._set(side, best, 0), None
        side = self._side()
        levels = self.sides[side]
        if self._swept[0] == side and levels:
            return self._set(side, self._best(side), 0), None
        if len(levels) < self.shape.fewest:
            return self._place(side), None
        if len(levels) > self.shape.most:
            return self._set(side, min(levels) if side == BID else max(levels), 0), None
        roll = self.rng.random()
        if roll < 0.12:
            return self._trade(side)
        if roll < 0.30 and len(levels) > self.shape.fewest:
            return self._set(side, self.rng.choice(sorted(levels)), 0), None
        if roll < 0.65:
            return self._place(side), None
        price = self.rng.choice(sorted(levels))
        return self._set(side, price, self._lots(levels[price])), None

    def _side(self) -> str:
        """Choose a side; during a sweep the swept side until it is empty, and then the other for a while."""
        side, left = self._swept
        if side:
            if self.sides[side]:
                return side
            self._swept = (side, left - 1) if left > 1 else ("", 0)
            return ASK if side == BID else BID
        if self.shape.sweeps and self.rng.random() < 0.002:
            self._swept = (self.rng.choice((BID, ASK)), 6)
            return self._swept[0]
        return self.rng.choice((BID, ASK))

    def _drift(self) -> None:
        if self.rng.random() < 0.08:
            margin = self.shape.fewest
            moved = self._centre + self.rng.choice((-1, 1))
            self._centre = min(max(moved, margin), len(self.prices) - 1 - margin)

    def _best(self, side: str) -> int:
        return max(self.sides[side]) if side == BID else min(self.sides[side])

    def _place(self, side: str) -> Level:
        far = self.rng.randint(1, self.shape.most + 2)
        index = self._centre - far if side == BID else self._centre + far
        price = self.prices[min(max(index, 0), len(self.prices) - 1)]
        return self._set(side, price, self._lots(self.sides[side].get(price, 0)))

    def _trade(self, side: str) -> tuple[Level, Print]:
        price = self._best(side)
        stands = self.sides[side][price]
        taken = self.rng.randint(1, stands)
        self.last_price = price
        return self._set(side, price, stands - taken), Print(price, taken, "sell" if side == BID else "buy")

    def _lots(self, other_than: int) -> int:
        lots = self.rng.randint(1, self.shape.lots)
        return lots if lots != other_than else lots + 1

    def _set(self, side: str, price: int, lots: int) -> Level:
        level = Level(side, price, lots, self.sides[side].get(price, 0))
        _put(self.sides, level)
        return level


def _put(sides: Sides, level: Level) -> None:
    if level.lots:
        sides[level.side][level.price] = level.lots
    else:
        sides[level.side].pop(level.price, None)


def best_first(sides: Sides, side: str) -> list[tuple[int, int]]:
    """Return a side's (price, lots), best first."""
    return sorted(sides[side].items(), reverse=side == BID)


def true_book(sides: Sides, unit: Decimal, lot: Decimal) -> TrueBook:
    """Return a book in decimals; `unit` and `lot` are what one unit of price and one lot are worth."""
    bids, asks = ({unit * price: lot * lots for price, lots in best_first(sides, side)} for side in (BID, ASK))
    return TrueBook(bids, asks)
