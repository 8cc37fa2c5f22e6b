"""Say what the servers of perpetual futures share: their grids, and how levels are written."""

from decimal import Decimal
from typing import NamedTuple

from tests.feeds.servers.books import ASK, BID, Book, Shape, Sides, TrueBook, best_first, true_book

Json = dict[str, object]


class Contract(NamedTuple):
    """A symbol's figures: decimals of tick and step, and the middle of its grid in ticks."""

    base: str
    price_decimals: int
    lot_decimals: int
    middle: int

    @property
    def tick(self) -> Decimal:
        """What one tick is worth."""
        return Decimal(1).scaleb(-self.price_decimals)

    @property
    def lot(self) -> Decimal:
        """What one lot is worth."""
        return Decimal(1).scaleb(-self.lot_decimals)


CONTRACTS = {
    "BTCUSDT": Contract("BTC", 1, 3, 650_000),
    "ETHUSDT": Contract("ETH", 2, 3, 310_000),
    "SOLUSDT": Contract("SOL", 2, 1, 15_000),
}


def contract(symbol: str) -> Contract:
    """Return a symbol's figures; raises ValueError for a symbol that no server plays."""
    if symbol not in CONTRACTS:
        raise ValueError(f"markets: {symbol!r}; allowed: {sorted(CONTRACTS)}")
    return CONTRACTS[symbol]


def make_book(symbol: str, seed: int, ts_ms: int) -> Book:
    """Make a book of about thirty levels a side, so that a checksum over 25 leaves some out."""
    middle = contract(symbol).middle
    shape = Shape(fewest=27, most=34, lots=5_000, moves=4, sweeps=False)
    return Book(symbol, seed, range(middle - 5_000, middle + 5_000), shape, ts_ms)


def seen(book: Book, version: int | None) -> TrueBook:
    """Return a version of the book in decimals."""
    figures = contract(book.name)
    return true_book(book.at(version), figures.tick, figures.lot)


def fixed(whole: int, decimals: int, zeros: int = 0) -> str:
    """Write a whole number of the smallest unit as a decimal, with so many zeros behind it."""
    unit = 10**decimals
    return f"{whole // unit}.{whole % unit:0{decimals}d}{'0' * zeros}"


def both(sides: Sides, most: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return bids and asks, best first, at most so many."""
    return best_first(sides, BID)[:most], best_first(sides, ASK)[:most]
