"""Keep a Bitget book as the venue spelled it, and compute the checksum that the venue sends with each change.

    checksum = crc32("bid price:bid size:ask price:ask size:..."), best first, 25 levels a side, as a signed integer

A side that is shorter is left out at its turn. The original strings count: "0.50" and "0.5" are one price and two
checksums, so integers cannot prove a book here. Source: Bitget's depth channel; fact sheet on perpetuals, §6.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from itertools import chain, zip_longest
from zlib import crc32

from contracts.ids import INDEX_SHIFT
from contracts.market import Fact, VenueBookDelta, VenueInstrumentRecord
from operators.normalise.spelling import MILLION, Sizes, prices, sizes

CHECKED = 25
LEVELS_MAX = 5_000
_UNSIGNED = 0xFFFFFFFF
_DECIMALS = 6

Change = tuple[int, int, str, str]
"""Price in ticks, size in lots, and both as the venue spelled them."""


class SpelledSide:
    """The levels of one side by price in ticks: their texts, and the prices in ascending order."""

    __slots__ = ("prices", "texts")

    def __init__(self) -> None:
        """Begin empty."""
        self.texts: dict[int, str] = {}
        self.prices: list[int] = []

    def fill(self, changes: Iterable[Change]) -> None:
        """Replace every level."""
        self.texts = {ticks: f"{price}:{size}" for ticks, lots, price, size in changes if lots}
        self.prices = sorted(self.texts)

    def apply(self, changes: Iterable[Change]) -> None:
        """Set or delete levels; a size of 0 deletes. 0.4 µs a change."""
        texts, ordered = self.texts, self.prices
        for ticks, lots, price, size in changes:
            if lots:
                if ticks not in texts:
                    insort(ordered, ticks)
                texts[ticks] = f"{price}:{size}"
            elif texts.pop(ticks, None) is not None:
                del ordered[bisect_left(ordered, ticks)]


class SpelledBook:
    """One market's book in the venue's spelling, with the tables that read its prices and sizes. Picklable.

    tick, lot   of the market's record: another grid needs another book
    channel     which channel its levels came from; empty before the first image of a connection
    whole       it holds every level since an image, so that a checksum proves something
    prices      price texts to ticks
    sizes       size texts to lots
    """

    __slots__ = ("asks", "bids", "channel", "lot", "prices", "shift", "sizes", "tick", "whole")

    def __init__(self, tick_micros: int, lot_micros: int, shift: int) -> None:
        """Take the grid, and how many decimals the market's units stand above one coin (`unit_shift`)."""
        self.tick, self.lot, self.shift = tick_micros, lot_micros, shift
        self.prices: Sizes = prices(tick_micros, _DECIMALS + shift)
        self.sizes: Sizes = sizes(lot_micros, _DECIMALS - shift)
        self.bids, self.asks = SpelledSide(), SpelledSide()
        self.channel, self.whole = "", False

    def __reduce__(
        self,
    ) -> tuple[Callable[..., "SpelledBook"], tuple[int, int, int, str, bool, SpelledSide, SpelledSide]]:
        """Pickle without the tables, which follow from the grid."""
        return _restored, (self.tick, self.lot, self.shift, self.channel, self.whole, self.bids, self.asks)

    def doubt(self) -> None:
        """Forget the levels: no checksum proves anything before the next image."""
        self.channel, self.whole = "", False
        self.bids, self.asks = SpelledSide(), SpelledSide()

    def image(self, channel: str, bids: Iterable[Change], asks: Iterable[Change]) -> None:
        """Take every level of an image."""
        self.bids.fill(bids)
        self.asks.fill(asks)
        self.channel, self.whole = channel, True

    def changed(self, bids: Iterable[Change], asks: Iterable[Change], checksum: int | None) -> bool:
        """Apply changes; False when the venue's checksum (None or 0: none sent) says that the book is another one."""
        self.bids.apply(bids)
        self.asks.apply(asks)
        return self.agrees(checksum)

    def agrees(self, checksum: int | None) -> bool:
        """Hold the levels against a checksum; when it is not theirs, or they are too many to keep, they are dropped."""
        if len(self.bids.prices) > LEVELS_MAX or len(self.asks.prices) > LEVELS_MAX:
            self.doubt()
            return True
        if not checksum or not (self.checksum() ^ checksum) & _UNSIGNED:
            return True
        self.doubt()
        return False

    def checksum(self) -> int:
        """Return the CRC-32 of the first levels, unsigned. About 4 µs."""
        bids, asks = self.bids, self.asks
        best = [bids.texts[price] for price in bids.prices[: -CHECKED - 1 : -1]]
        lowest = [asks.texts[price] for price in asks.prices[:CHECKED]]
        if len(best) == len(lowest):
            turns = [""] * (2 * len(best))
            turns[::2], turns[1::2] = best, lowest
        else:
            turns = [text for text in chain.from_iterable(zip_longest(best, lowest)) if text]
        return crc32(":".join(turns).encode())


def _restored(
    tick_micros: int, lot_micros: int, shift: int, channel: str, whole: bool, bids: SpelledSide, asks: SpelledSide
) -> SpelledBook:
    """Make a pickled book again."""
    book = SpelledBook(tick_micros, lot_micros, shift)
    book.channel, book.whole, book.bids, book.asks = channel, whole, bids, asks
    return book


def unit_shift(record: VenueInstrumentRecord) -> int:
    """Return k where a market is counted in 10^k coins, because its prices are finer than a millionth of the currency.

    Such a record has a multiplier of 10^k (in millionths); any other multiplier is no such market, and k is 0.
    """
    units = str(record.multiplier_micros // MILLION)
    return len(units) - 1 if units == f"1{'0' * (len(units) - 1)}" and len(units) <= _DECIMALS + 1 else 0


def book_of(record: VenueInstrumentRecord) -> SpelledBook:
    """Return an empty book for a market."""
    return SpelledBook(record.tick_micros, record.lot_micros, unit_shift(record))


def spelled(book: SpelledBook, levels: list[tuple[str, str]]) -> list[Change]:
    """Read levels; raises ValueError for a price off the grid or a size finer than a lot."""
    table, lots = book.prices, book.sizes
    return [(table[price], lots[size], price, size) for price, size in levels]


def deltas(
    fact: int, at_ns: int, market: int, bids: list[Change], asks: list[Change], venue_ns: int, proof: str
) -> list[Fact]:
    """Return the changes of a frame as facts from `fact` on: new totals, without a number, the last one closing."""
    last = len(bids) + len(asks) - 1
    changes = [*((1, change) for change in bids), *((-1, change) for change in asks)]
    return [
        VenueBookDelta(
            fact + (place << INDEX_SHIFT), at_ns, market, side, change[0], change[1], False, -1, -1, place == last, -1,
            venue_ns, proof,
        )
        for place, (side, change) in enumerate(changes)
    ]  # fmt: skip
