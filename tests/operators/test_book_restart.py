"""A numbering that began again unannounced: the book is withheld, instead of standing still as if nothing happened."""

from typing import Any

import pytest
from msgspec.structs import replace

from contracts.ids import fact_id
from contracts.market import BookEvent, Kind, VenueBookDelta, VenueBookImage, VenueConnection, VenueInstrumentRecord
from operators.normalise.markets import default_record
from operators.order_book import OrderBooks

MS = 1_000_000


def defined(chained: bool) -> VenueInstrumentRecord:
    """The market: a perpetual, whose numbers have steps, or a binary."""
    kind = Kind.PERP if chained else Kind.BINARY
    record = default_record("KXA-1", "kalshi")
    return replace(record, fact=fact_id(0, 1), at_ns=1, market=0, instrument_kind=int(kind))


def change(place: int, seq: int, at_ms: int, prev: int = -1) -> VenueBookDelta:
    """A change of one level, of a venue's time."""
    return VenueBookDelta(
        fact_id(0, place), place, 0, 1, 40, 5, False, -1, -1, True, seq, at_ms * MS, f"{place:064x}", prev
    )


def image(place: int, seq: int, at_ms: int = 0) -> VenueBookImage:
    """An image with one level a side."""
    return VenueBookImage(fact_id(0, place), place, 0, ((41, 5),), ((45, 5),), seq, at_ms * MS, f"{place:064x}")


def events(books: OrderBooks, *facts: Any) -> list[str]:
    """What is said of the book."""
    return [fact.event for fact in books.step(list(facts)) if type(fact) is BookEvent]


def live(chained: bool) -> OrderBooks:
    """A book on a subscription that has come to number 20, at 1,000 ms of the venue's time."""
    books = OrderBooks()
    attached = VenueConnection(fact_id(0, 2), 2, 0, "attached", "c/1", -1)
    first = image(3, 19)
    books.step([defined(chained), attached, first, change(4, 20, 1_000, 19 if chained else -1)])
    assert books.book(0) is not None
    return books


@pytest.mark.parametrize("chained", [False, True])
def test_a_number_that_began_again_is_a_gap(chained: bool) -> None:
    """It is lower, and of a time that the book has not reached: nothing that came twice can be that."""
    books = live(chained)
    assert ["GAP"] == events(books, change(5, 3, 1_001, 2 if chained else -1))
    assert 1 == books.gaps


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("at_ms", [0, 999, 1_000])
def test_what_came_twice_or_late_is_left_out(chained: bool, at_ms: int) -> None:
    """It is lower, and not newer than what the book has; a message without a time says nothing."""
    books = live(chained)
    assert [] == events(books, change(5, 3, at_ms, 2 if chained else -1))
    assert 0 == books.gaps


def test_after_the_gap_the_next_image_heals() -> None:
    """The numbers go on from where they began again."""
    books = live(chained=False)
    assert ["GAP", "IMAGE"] == events(books, change(5, 3, 1_001), image(6, 4), change(7, 5, 1_002))
