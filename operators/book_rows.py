"""Keep what order_book knows of one market, and join what was heard before an image to that image.

A venue whose numbers have steps (Binance) names with each change the number that must have come before it. Its image is
asked for while the changes already run, and comes late: so changes wait, and those that the image does not yet hold are
put on it. Recipe: shared by the venue's documentation of local order books (facts on perpetuals, "Book recipe").
"""

from collections.abc import Sequence

from msgspec.structs import replace

from bots.book import OpenBook
from contracts.market import BookLadder, Fact, PriceBand, Touch, VenueBookDelta, VenueBookImage
from operators.levels import apply, load, new_book, reach_of

WAITING_MAX = 10_000


def nothing(fact: VenueBookDelta | VenueBookImage, prev_seq: int = -1, last: bool = True) -> VenueBookDelta:
    """Return a message that was left out as a change of nothing, under its own id, time and hash.

    With `prev_seq` it is one whose numbers have steps, which whoever reads it again leaves out again; `last` False then
    says that it was an image that does not reach the changes that wait.
    """
    side, price = (fact.side, fact.price_ticks) if type(fact) is VenueBookDelta else (1, 1)
    return VenueBookDelta(
        fact.fact, fact.at_ns, fact.market, side, price, 0, True, -1, -1, last, fact.venue_seq, fact.venue_ns,
        fact.provenance_hash, prev_seq,
    )  # fmt: skip


class Stream:
    """A numbered run of messages, and the markets heard on it."""

    __slots__ = ("last", "markets")

    def __init__(self) -> None:
        """Begin unnumbered: any number may come first."""
        self.last = -1
        self.markets: list[Row] = []


class Row:
    """What is kept for one market.

    chain    the last number applied, where numbers have steps
    joining  the next change may begin before the image's number, if it ends after it
    waiting  changes that came before their image
    """

    __slots__ = (
        "book", "chain", "claim", "crossed", "dirty", "healthy", "joining", "kind", "ladder_ns", "last", "market",
        "open", "reach", "said_ask", "said_bid", "stream", "tick", "told", "touched", "venue_ns", "waiting",
    )  # fmt: skip

    def __init__(self, market: int, kind: int, tick_micros: int, bands: tuple[PriceBand, ...]) -> None:
        """Make the row of a market that nothing is known of but its grid."""
        self.market, self.kind = market, kind
        self.regrid(tick_micros, bands)
        self.stream: Stream | None = None
        self.claim: tuple[int, int, int, int] | None = None  # venue_ns, bid, ask, since: a group that is not over
        self.crossed = self.dirty = self.touched = self.told = self.healthy = self.joining = False
        self.said_bid = self.said_ask = self.chain = -1
        self.venue_ns = self.ladder_ns = 0
        self.last: VenueBookDelta | VenueBookImage | None = None  # applied last: one slot to write instead of three
        self.waiting: list[VenueBookDelta] = []

    def regrid(self, tick_micros: int, bands: tuple[PriceBand, ...]) -> None:
        """Begin an empty book on a grid."""
        self.tick, self.book = tick_micros, new_book(self.kind, tick_micros)
        self.open = isinstance(self.book, OpenBook)
        self.reach: Sequence[int] = reach_of(self.book, bands)

    def depths(self) -> tuple[int, int]:
        """Return the sizes within three steps of the best bid and of the best ask, in lots."""
        book, reach = self.book, self.reach
        bid, ask = book.bid, book.ask
        if self.open:
            return book.depth(1, reach[bid]), book.depth(-1, reach[ask])
        low = bid - reach[bid]
        bids = sum(book.bids[low if low > 0 else 1 : bid + 1]) if bid else 0
        return bids, sum(book.asks[ask : ask + reach[ask] + 1]) if ask <= book.grid else 0

    def top(self, fact: VenueBookDelta | VenueBookImage) -> Touch:
        """Return the best of both sides; it moved when a price is not the one that was returned last."""
        book = self.book
        bid, ask = book.bid, book.ask
        moved = bid != self.said_bid or ask != self.said_ask
        self.said_bid, self.said_ask = bid, ask
        return Touch(
            fact.fact,
            fact.at_ns,
            self.market,
            bid or -1,
            book.bids[bid],
            ask if ask <= book.grid else -1,
            book.asks[ask],
            book.bid_levels,
            book.ask_levels,
            *self.depths(),
            moved,
            fact.venue_ns,
            fact.provenance_hash,
        )

    def ladder(self, fact: Fact) -> BookLadder:
        """Return every level, with where the last change came from."""
        bids, asks, last = tuple(self.book.side(1)), tuple(self.book.side(-1)), self.last
        told = (-1, 0, "") if last is None else (last.venue_seq, last.at_ns, last.provenance_hash)
        return BookLadder(fact.fact, fact.at_ns, self.market, bids, asks, *told)

    def wait(self, delta: VenueBookDelta) -> None:
        """Keep a change for the image that is still to come; the oldest give way, and all of an older numbering."""
        last = self.waiting[-1] if self.waiting else delta
        if delta.venue_seq < last.venue_seq and delta.venue_ns > last.venue_ns:
            self.waiting = []
        self.waiting.append(delta)
        if len(self.waiting) > WAITING_MAX:
            del self.waiting[: WAITING_MAX // 2]

    def newer(self, fact: VenueBookDelta | VenueBookImage) -> bool:
        """True for a message that the live book cannot have had: one that came twice or late is not newer than it."""
        return self.book.live and fact.venue_ns > self.venue_ns > 0

    def follows(self, delta: VenueBookDelta) -> bool:
        """True when a change is the next one, or belongs to the frame of the last one; advances the chain."""
        seq, prev = delta.venue_seq, delta.prev_seq
        if seq == self.chain:
            return True
        if prev == self.chain or (self.joining and prev < self.chain < seq):
            self.chain, self.joining = seq, False
            return True
        return False

    def joined(self, image: VenueBookImage) -> VenueBookImage | None:
        """Return the image with every waiting change on it that it does not hold; None when some are missing between.

        The image then carries the number and the time of the last change on it, and the row goes on from there.
        """
        later = [delta for delta in self.waiting if delta.venue_seq > image.venue_seq]
        self.chain, self.joining = image.venue_seq, True
        if not later:
            return image
        book = new_book(self.kind, self.tick)
        if not load(book, image):
            return image
        for delta in later:
            if not self.follows(delta) or apply(book, delta) < 0:
                return None
        last = later[-1]
        bids, asks = tuple(book.side(1)), tuple(book.side(-1))
        return replace(image, bids=bids, asks=asks, venue_seq=last.venue_seq, venue_ns=last.venue_ns)
