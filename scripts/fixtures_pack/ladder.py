"""Move one order book as a busy market moves: mean-reverting price and spread, queues that breathe, trades that eat.

Prices are mills (thousandths of a dollar) on the YES scale, sizes whole hundredths of a contract. Nothing here knows a
venue: the wire modules say the changes in their own words.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from scripts.fixtures_pack.chance import Chance

BID, ASK = 1, -1
WHOLE = 1_000
_FINE = 256
_LOT = 500

Step = Callable[[int], int]


class Change(NamedTuple):
    """One level of the book changed: its new total and the difference; hundredths of a contract."""

    side: int
    price: int
    total: int
    delta: int


class Deal(NamedTuple):
    """A public trade: price in mills, size in hundredths of a contract, side of the taker."""

    price: int
    size: int
    taker: int


def whole_cent(price: int) -> int:
    """Step of a market priced in cents."""
    return 10


def tapered(price: int) -> int:
    """Step of a market with tenths of a cent below 0.10 and above 0.90."""
    return 1 if price < 100 or price > 900 else 10


def tenth_cent(price: int) -> int:
    """Step of a market priced in tenths of a cent."""
    return 1


@dataclass(slots=True)
class Mood:
    """How a market behaves.

    path          (second, mills): the price it is drawn to, straight lines between
    spread        mean distance of best bid and best ask, in mills
    noise         size of one step of the price, in 1/256 mill
    depth         contracts that usually stand on one level
    levels        levels a side
    deals         trades per thousand events
    deal_unit     smallest usual trade, in contracts
    """

    path: tuple[tuple[int, int], ...]
    spread: int = 20
    noise: int = 300
    depth: int = 600
    levels: int = 9
    deals: int = 60
    deal_unit: int = 15


@dataclass(slots=True)
class Ladder:
    """A book with the forces that move it."""

    mood: Mood
    step: Step
    draw: Chance
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    fair: int = 0
    half: int = 0

    def side(self, side: int) -> dict[int, int]:
        """Return the levels of one side."""
        return self.bids if side == BID else self.asks

    def best(self, side: int) -> int:
        """Return the best price of a side; 0 without bids, 1,000 without asks, as the venues claim it."""
        return max(self.bids, default=0) if side == BID else min(self.asks, default=WHOLE)

    def set_level(self, side: int, price: int, total: int) -> Change:
        """Put a level to a new total; 0 removes it."""
        levels = self.side(side)
        delta = total - levels.get(price, 0)
        if total:
            levels[price] = total
        else:
            levels.pop(price, None)
        return Change(side, price, total, delta)

    def open(self, second: int) -> None:
        """Fill the book around the path's price."""
        self.fair, self.half = self._anchor(second) * _FINE, self.mood.spread * _FINE // 2
        for side in (BID, ASK):
            self.side(side).clear()
            price = self._want(side)
            for _ in range(self.mood.levels):
                if 0 < price < WHOLE:
                    self.side(side)[price] = self._queue(side, price)
                price = self._next(price, -side)

    def act(self, at_ms: int, since_ms: int) -> list[Change | Deal]:
        """Let one thing happen; returns what changed, in order."""
        self._drift(at_ms, since_ms)
        for side in (BID, ASK) if self.draw.below(2) else (ASK, BID):
            moved = self._follow(side)
            if moved:
                return moved
        if self.draw.happens(self.mood.deals) and (made := self._deal()):
            return made
        return self._breathe(self.draw.pick((BID, ASK)))

    def clear_side(self, side: int) -> list[Change]:
        """Remove every level of a side, best first."""
        return [self.set_level(side, price, 0) for price in sorted(self.side(side), reverse=side == BID)]

    def fill_side(self, side: int) -> list[Change]:
        """Build a side anew from the wanted best price."""
        price, made = self._want(side), []
        for _ in range(self.mood.levels):
            if 0 < price < WHOLE:
                made.append(self.set_level(side, price, self._queue(side, price)))
            price = self._next(price, -side)
        return made

    def _anchor(self, second: int) -> int:
        path = self.mood.path
        for (t0, p0), (t1, p1) in pairwise(path):
            if second < t1:
                return p0 + (p1 - p0) * (second - t0) // (t1 - t0)
        return path[-1][1]

    def _drift(self, at_ms: int, since_ms: int) -> None:
        """Pull the price to its path within about 6 s and the spread to its mean within about 3 s, and shake both."""
        pull = self._anchor(at_ms // 1_000) * _FINE - self.fair
        self.fair += pull * since_ms // 6_000 + self.draw.bell(self.mood.noise)
        mean = self.mood.spread * _FINE // 2
        self.half += (mean - self.half) * since_ms // 3_000 + self.draw.bell(mean // 12 + 1)
        if self.draw.happens(4):
            self.half += mean
        self.half = max(mean // 2, self.half)
        self.fair = min(max(self.fair, 4 * _FINE), (WHOLE - 4) * _FINE)

    def _want(self, side: int) -> int:
        """Return the best price that the side would like: rounded away from the middle, inside (0, 1)."""
        price = (self.fair - side * self.half) // _FINE
        step = self.step(price)
        price = price // step * step if side == BID else -(-price // step) * step
        return min(max(price, self.step(1)), WHOLE - self.step(WHOLE - 1))

    def _next(self, price: int, direction: int) -> int:
        """Return the neighbouring price of the grid, up or down."""
        return price + direction * self.step(price if direction > 0 else price - 1)

    def _follow(self, side: int) -> list[Change | Deal]:
        """Move the best price towards the wanted one; hysteresis of half a step keeps it from flickering."""
        best, want = self.best(side), self._want(side)
        if not self.side(side):
            return [self.set_level(side, want, self._queue(side, want))]
        if len(self.side(side)) < 4 and (more := self._extend(side)):
            return more
        slack = self.step(best) * _FINE // 2
        edge = self.fair - side * self.half
        if (best - want) * side > 4 * self.step(best):
            return self._sweep(side, want)
        if (best - want) * side > 0 and (best * _FINE - edge) * side > slack:
            total = self.side(side)[best]
            gone = self.set_level(side, best, 0)
            return [Deal(best, total, -side), gone] if self.draw.happens(350) and total < 60_000 else [gone]
        if (want - best) * side > 0 and (want - self.best(-side)) * side < 0 and (edge - best * _FINE) * side > slack:
            price = want if (want - best) * side > 4 * self.step(best) else self._next(best, side)
            if (price - self.best(-side)) * side < 0:
                return [self.set_level(side, price, self._queue(side, price) // 2 // _LOT * _LOT + _LOT)]
        return []

    def _sweep(self, side: int, want: int) -> list[Change | Deal]:
        """Give way at once where the price has run off: rest at the new price, lose what was better, trade the best."""
        gone = [price for price in sorted(self.side(side), reverse=side == BID) if (price - want) * side > 0]
        rest = self.set_level(side, want, self._queue(side, want))
        deal = Deal(gone[0], self.side(side)[gone[0]], -side)
        return [rest, deal, *(self.set_level(side, price, 0) for price in gone)]

    def _deal(self) -> list[Change | Deal]:
        taker = self.draw.pick((BID, ASK))
        best = self.best(-taker)
        total = self.side(-taker).get(best, 0)
        if not total:
            return []
        size = min(total, self.draw.heavy(self.mood.deal_unit, 5) * 100)
        return [Deal(best, size, taker), self.set_level(-taker, best, total - size)]

    def _breathe(self, side: int) -> list[Change | Deal]:
        """Resize one level, near ones more often; keep the number of levels."""
        prices = sorted(self.side(side), reverse=side == BID)
        if len(prices) < self.mood.levels and (more := self._extend(side)):
            return more
        if len(prices) > self.mood.levels + 2:
            return [self.set_level(side, prices[-1], 0)]
        place = min(self.draw.below(len(prices)), self.draw.below(len(prices)))
        price = prices[place]
        total, known = self._queue(side, price), self.side(side)[price]
        return [self.set_level(side, price, total if total != known else known + _LOT)]

    def _extend(self, side: int) -> list[Change | Deal]:
        """Add a level behind the worst one, where the grid has room."""
        prices = self.side(side)
        price = self._next(min(prices) if side == BID else max(prices), -side)
        return [self.set_level(side, price, self._queue(side, price))] if 0 < price < WHOLE else []

    def _queue(self, side: int, price: int) -> int:
        """Draw the size of a level: half at the touch, more behind it, in steps of five contracts."""
        steps = (self.best(side) - price) * side // self.step(price) if self.side(side) else 0
        usual = self.mood.depth * 100 * (2 + min(max(steps, 0), 4)) // 4
        return usual * self.draw.between(60, 140) // 100 // _LOT * _LOT + _LOT
