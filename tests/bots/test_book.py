"""A book with places for every tick and one that keeps its levels by price answer every question alike."""

import pickle

from hypothesis import given
from hypothesis import strategies as st

from bots.book import OPEN_GRID, Book, OpenBook

GRID = 60
LEVELS = st.dictionaries(st.integers(1, GRID - 1), st.integers(1, 9), max_size=12)


def both(bids: dict[int, int], asks: dict[int, int]) -> tuple[Book, OpenBook]:
    """The same levels in both forms."""
    made = Book(GRID), OpenBook()
    for book in made:
        for price, size in bids.items():
            book.bids[price] = size
        for price, size in asks.items():
            book.asks[price] = size
        book.bid, book.ask = max(bids, default=0), min(asks, default=book.grid + 1)
    return made


@given(LEVELS, LEVELS, st.integers(0, GRID), st.integers(0, GRID))
def test_both_forms_say_the_same(bids: dict[int, int], asks: dict[int, int], low: int, high: int) -> None:
    """Sides, walks, sums and the next best price are equal; only the name of an empty ask side differs."""
    dense, open_book = both(bids, asks)
    assert sorted(bids.items(), reverse=True) == dense.side(1) == open_book.side(1)
    assert sorted(asks.items()) == dense.side(-1) == open_book.side(-1)
    for side, levels in ((1, bids), (-1, asks)):
        shown = sum(size for price, size in levels.items() if low <= price <= high)
        assert shown == dense.between(side, low, high) == open_book.between(side, low, high)
        assert list(dense.walk(side, low)) == list(open_book.walk(side, low))
        assert dense.depth(side, 3) == open_book.depth(side, 3)
    below = max((price for price in bids if price <= high), default=0)
    above = min((price for price in asks if price >= low), default=0)
    assert (below, below) == (dense.worse(1, high), open_book.worse(1, high))
    assert (above or GRID + 1, above or OPEN_GRID + 1) == (dense.worse(-1, low), open_book.worse(-1, low))


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 3)), max_size=40))
def test_levels_keep_their_prices_in_order(changes: list[tuple[int, int]]) -> None:
    """After any changes the prices are those with a size, ascending, and what is not there is 0; a pickle keeps it."""
    book, known = OpenBook(), dict[int, int]()
    for price, size in changes:
        book.bids[price] = known[price] = size
    levels = pickle.loads(pickle.dumps(book)).bids
    expected = sorted(price for price, size in known.items() if size)
    assert (expected, expected, 0) == (levels.prices, sorted(levels), levels[21])
