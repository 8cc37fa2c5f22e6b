"""Move the order book of an invented perpetual: one price for the whole market, a book of its own at each venue.

Prices are ticks of 0.1, sizes lots of the venue; both are integers. The price is drawn to a written path and shaken; a
venue's book follows it with a distance of its own, which is the basis between venues.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from scripts.fixtures_pack.chance import Chance
from scripts.fixtures_pack.ladder import ASK, BID, Change, Deal

TICKS_PER_UNIT = 10
_FINE = 256
PATH = ((0, 980_000), (300, 981_500), (600, 982_500), (900, 979_000), (1_200, 980_500), (1_500, 981_000))


@dataclass(slots=True)
class CoinBook:
    """A book without an upper bound.

    draw    where its numbers come from
    depth   lots that usually stand on one level
    levels  levels a side
    basis   ticks by which this venue trades above the path
    """

    draw: Chance
    depth: int
    levels: int = 30
    basis: int = 0
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    fair: int = 0

    def side(self, side: int) -> dict[int, int]:
        """Return the levels of one side."""
        return self.bids if side == BID else self.asks

    def best(self, side: int) -> int:
        """Return the best price of a side that is not empty."""
        return max(self.bids) if side == BID else min(self.asks)

    def open(self, second: int) -> None:
        """Fill the book around the path's price."""
        self.fair = (anchor(second) + self.basis) * _FINE
        for side in (BID, ASK):
            self.side(side).clear()
            self._fill(side, [])

    def act(self, at_ms: int, since_ms: int) -> list[Change | Deal]:
        """Let one moment pass; returns what changed, in order."""
        pull = (anchor(at_ms // 1_000) + self.basis) * _FINE - self.fair
        self.fair += pull * since_ms // 8_000 + self.draw.bell(2 * _FINE)
        made: list[Change | Deal] = []
        for side in (BID, ASK):
            self._give_way(side, made)
        for side in (BID, ASK):
            self._fill(side, made)
        if self.draw.happens(180):
            self._deal(made)
        for _ in range(self.draw.between(1, 3)):
            self._breathe(self.draw.pick((BID, ASK)), made)
        return made

    def mid_tenths(self) -> int:
        """Return the middle of the best prices in tenths of a tick."""
        return (self.best(BID) + self.best(ASK)) * 5

    def nudge(self, side: int) -> Change:
        """Enlarge the worst level of a side: a change that moves no best price."""
        price = min(self.bids) if side == BID else max(self.asks)
        return self.resize(side, price, self.side(side)[price] + 3)

    def _want(self, side: int) -> int:
        return self.fair // _FINE if side == BID else self.fair // _FINE + 1

    def resize(self, side: int, price: int, total: int) -> Change:
        """Put a level to a new total; 0 removes it."""
        levels = self.side(side)
        delta = total - levels.get(price, 0)
        if total:
            levels[price] = total
        else:
            levels.pop(price, None)
        return Change(side, price, total, delta)

    def _give_way(self, side: int, made: list[Change | Deal]) -> None:
        """Take away what stands better than the side would like; some of it was traded."""
        want = self._want(side)
        gone = [price for price in sorted(self.side(side), reverse=side == BID) if (price - want) * side > 0]
        for place, price in enumerate(gone):
            if not place and self.draw.happens(400):
                made.append(Deal(price, self.side(side)[price], -side))
            made.append(self.resize(side, price, 0))

    def _fill(self, side: int, made: list[Change | Deal]) -> None:
        """Stand at the wanted price, keep the number of levels."""
        levels, want = self.side(side), self._want(side)
        if want not in levels:
            made.append(self.resize(side, want, self._lots()))
        while len(levels) < self.levels:
            worst = min(levels) if side == BID else max(levels)
            made.append(self.resize(side, worst - side * self.draw.between(1, 6), self._lots()))
        while len(levels) > self.levels + 4:
            made.append(self.resize(side, min(levels) if side == BID else max(levels), 0))

    def _deal(self, made: list[Change | Deal]) -> None:
        taker = self.draw.pick((BID, ASK))
        best = self.best(-taker)
        total = self.side(-taker)[best]
        size = min(total, self.draw.heavy(self.depth // 40 + 1, 4))
        if size < total:
            made.append(Deal(best, size, taker))
            made.append(self.resize(-taker, best, total - size))

    def _breathe(self, side: int, made: list[Change | Deal]) -> None:
        prices = sorted(self.side(side), reverse=side == BID)
        price = prices[min(self.draw.below(len(prices)), self.draw.below(len(prices)))]
        made.append(self.resize(side, price, self._lots()))

    def _lots(self) -> int:
        return self.depth * self.draw.between(20, 180) // 100 + 1


def anchor(second: int) -> int:
    """Return the path's price at a second, in ticks."""
    for (t0, p0), (t1, p1) in pairwise(PATH):
        if second < t1:
            return p0 + (p1 - p0) * (second - t0) // (t1 - t0)
    return PATH[-1][1]


def price_text(ticks: int) -> str:
    """Write a price with one decimal."""
    return f"{ticks // TICKS_PER_UNIT}.{ticks % TICKS_PER_UNIT}"


def decimal(units: int, places: int) -> str:
    """Write an integer of 10^-places units with all its places."""
    whole, part = divmod(units, 10**places)
    return f"{whole}.{part:0{places}d}"
