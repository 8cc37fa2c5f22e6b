"""Apply a change or an image to a book: what a lane and a desk share, so that their books are equal."""

from bots.kit import Book
from contracts.market import PriceBand, VenueBookDelta, VenueBookImage

DEPTH_STEPS = 3


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
                while price and not levels[price]:
                    price -= 1
                book.bid = price
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
            end = book.grid + 1
            while price < end and not levels[price]:
                price += 1
            book.ask = price
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
    grid, bids, asks = book.grid, book.bids, book.asks
    for price, size in image.bids:
        if not 0 < price < grid:
            book.clear()
            return False
        bids[price] = size
    for price, size in image.asks:
        if not 0 < price < grid:
            book.clear()
            return False
        asks[price] = size
    book.bid_levels, book.ask_levels = len(image.bids), len(image.asks)
    book.bid = max((price for price, _ in image.bids), default=0)
    book.ask = min((price for price, _ in image.asks), default=grid + 1)
    book.live = True
    return True


def reach_of(grid: int, bands: tuple[PriceBand, ...]) -> list[int]:
    """Return for each tick how far three legal steps reach."""
    reach = [DEPTH_STEPS] * (grid + 2)
    for band in reversed(bands):
        for price in range(max(band.start_ticks, 0), min(band.end_ticks, grid) + 1):
            reach[price] = DEPTH_STEPS * max(band.step_ticks, 1)
    return reach
