"""Apply a change or an image to a book: what a lane and a desk share, so that their books are equal."""

from collections.abc import Sequence

from bots.book import Book, Levels, OpenBook
from contracts.market import Kind, PriceBand, VenueBookDelta, VenueBookImage

DEPTH_STEPS = 3
_MILLION = 1_000_000


class SameReach(Sequence[int]):
    """Three steps of one width at any price: the reach where prices have no upper bound."""

    def __init__(self, step_ticks: int) -> None:
        """Take the legal step in ticks."""
        self.reach = DEPTH_STEPS * step_ticks

    def __getitem__(self, price: int) -> int:  # type: ignore[override]
        return self.reach

    def __len__(self) -> int:
        return 0


def new_book(instrument_kind: int, tick_micros: int) -> Book:
    """Return an empty book: with a place for each tick up to 1 for a binary, open upwards for anything else."""
    return Book(_MILLION // tick_micros) if instrument_kind == Kind.BINARY else OpenBook()


def apply(book: Book, delta: VenueBookDelta) -> int:
    """Change one level: 0 nothing at the touch, 1 its size changed, 2 a best price moved, -1 impossible and not done.

    Impossible is a price off the grid or a size below zero. 0.15 µs, and a scan when the best level is emptied.
    """
    price, size = delta.price_ticks, delta.size_lots
    if not 0 < price < book.grid:
        return -1
    if delta.side > 0:
        levels, best = book.bids, book.bid
        old = levels[price]
        if delta.relative:
            size += old
        if size < 0:
            return -1
        levels[price] = size
        if not old:
            if not size:
                return 0
            book.bid_levels += 1
        elif not size:
            book.bid_levels -= 1
            if price == best:
                book.bid = book.worse(1, price)
                return 2
            return 0
        if price < best:
            return 0
        if price > best:
            book.bid = price
            return 2
        return 1 if size != old else 0
    levels, best = book.asks, book.ask
    old = levels[price]
    if delta.relative:
        size += old
    if size < 0:
        return -1
    levels[price] = size
    if not old:
        if not size:
            return 0
        book.ask_levels += 1
    elif not size:
        book.ask_levels -= 1
        if price == best:
            book.ask = book.worse(-1, price)
            return 2
        return 0
    if price > best:
        return 0
    if price < best:
        book.ask = price
        return 2
    return 1 if size != old else 0


def load(book: Book, image: VenueBookImage) -> bool:
    """Replace the whole book; False, and the book empty and not live, when a level is off the grid."""
    book.clear()
    grid = book.grid
    if any(not 0 < price < grid for side in (image.bids, image.asks) for price, _ in side):
        return False
    if isinstance(book, OpenBook):
        book.bids, book.asks = Levels(image.bids), Levels(image.asks)
    else:
        for levels, side in ((book.bids, image.bids), (book.asks, image.asks)):
            for price, size in side:
                levels[price] = size
    book.bid_levels, book.ask_levels = len(image.bids), len(image.asks)
    book.bid = max((price for price, _ in image.bids), default=0)
    book.ask = min((price for price, _ in image.asks), default=grid + 1)
    book.live = True
    return True


def reach_of(book: Book, bands: tuple[PriceBand, ...]) -> Sequence[int]:
    """Return for each tick how far three legal steps reach."""
    if isinstance(book, OpenBook):
        return SameReach(max((band.step_ticks for band in bands), default=1))
    reach = [DEPTH_STEPS] * (book.grid + 2)
    for band in reversed(bands):
        for price in range(max(band.start_ticks, 0), min(band.end_ticks, book.grid) + 1):
            reach[price] = DEPTH_STEPS * max(band.step_ticks, 1)
    return reach
