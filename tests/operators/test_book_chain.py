"""Numbers with steps: changes wait for their image, are joined to it, and a missing one is never overlooked."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.book import OpenBook
from contracts.ids import fact_id
from contracts.market import BookEvent, Fact, Touch, VenueBookDelta, VenueBookImage, VenueInstrumentRecord
from operators.book_rows import WAITING_MAX, Row
from operators.levels import apply, load
from operators.order_book import OrderBooks

PERP = 1
RECORD = VenueInstrumentRecord(0, 0, 0, "BTCUSDT", "binance", instrument_kind=PERP, tick_micros=100_000, outcome="")
Change = tuple[int, int, int, int]  # prev, seq, price, size


def change(place: int, prev: int, seq: int, price: int, size: int) -> VenueBookDelta:
    """A bid's new total."""
    return VenueBookDelta(
        fact_id(0, place), place, 0, 1, price, size, venue_seq=seq, venue_ns=seq, prev_seq=prev, provenance_hash="h"
    )


def image(place: int, seq: int, bids: tuple[tuple[int, int], ...]) -> VenueBookImage:
    """A whole book with one ask far away."""
    return VenueBookImage(fact_id(0, place), place, 0, bids, ((9_000, 1),), seq, seq, "i")


def after(*facts: Fact) -> tuple[OrderBooks, list[Any]]:
    """Books that have heard these facts, and all they said."""
    books = OrderBooks()
    books.step([RECORD])
    return books, books.step(facts)


def bids_of(books: OrderBooks) -> list[tuple[int, int]]:
    """The displayed bids; none while the book is not live."""
    book = books.book(0)
    assert isinstance(book, OpenBook)
    return book.side(1) if book.live else []


def events(said: list[Any]) -> list[str]:
    """The book events in order."""
    return [each.event for each in said if isinstance(each, BookEvent)]


def test_changes_that_came_first_are_put_on_a_late_image() -> None:
    """What the image holds already is dropped, the change that spans its number is the first one used."""
    changes = change(1, 0, 10, 100, 5), change(2, 10, 20, 101, 7), change(3, 20, 30, 100, 0)
    books, said = after(*changes, image(4, 15, ((100, 6), (99, 1))))
    assert ([(101, 7), (99, 1)], ["NO_IMAGE", "IMAGE"]) == (bids_of(books), events(said))
    joined = next(each for each in said if isinstance(each, VenueBookImage))
    assert (((101, 7), (99, 1)), 30, 30) == (joined.bids, joined.venue_seq, joined.venue_ns)


def test_whoever_applies_the_same_entries_has_the_same_book() -> None:
    """A desk that reads the journal knows nothing of waiting changes and needs not."""
    books, said = after(
        change(1, 0, 10, 100, 5), change(2, 10, 20, 101, 7), image(3, 10, ((100, 5),)), change(4, 20, 30, 102, 1)
    )
    desk = OpenBook()
    for entry in said:
        if isinstance(entry, VenueBookImage):
            load(desk, entry)
        elif isinstance(entry, VenueBookDelta) and desk.live:
            apply(desk, entry)
    assert bids_of(books) == desk.side(1) == [(102, 1), (101, 7), (100, 5)]


def test_an_image_older_than_the_first_waiting_change_does_not_join() -> None:
    """Changes between the two were never heard; the book stays withheld, for a desk as well."""
    books, said = after(change(1, 50, 60, 100, 5), image(2, 40, ((100, 1),)))
    assert ([], ["NO_IMAGE", "GAP"], []) == (
        bids_of(books),
        events(said),
        [each for each in said if isinstance(each, VenueBookImage)],
    )
    assert "IMAGE" in events(books.step([image(3, 55, ((100, 1),))]))
    assert [(100, 5)] == bids_of(books)


@pytest.mark.parametrize(
    ("prev", "seq", "expected"),
    [
        pytest.param(20, 30, ["GAP"], id="a change is missing"),
        pytest.param(10, 20, [], id="the next one"),
        pytest.param(0, 10, [], id="the same frame again"),
        pytest.param(0, 5, [], id="an old one is left out"),
    ],
)
def test_a_live_book_follows_the_steps(prev: int, seq: int, expected: list[str]) -> None:
    """Only the next change is applied; a missing one is a gap, an old one is nothing."""
    books, _ = after(image(1, 5, ((100, 1),)), change(2, 4, 10, 100, 2))
    assert expected == events(books.step([change(3, prev, seq, 101, 1)]))
    assert [[], [(100, 2)], [(101, 1), (100, 2)]][0 if expected else 1 + (seq >= 10)] == bids_of(books)


def test_what_follows_a_gap_waits_for_the_next_image() -> None:
    """The change that showed the gap is the first that waits."""
    books, _ = after(image(1, 5, ((100, 1),)), change(2, 5, 10, 100, 2), change(3, 20, 30, 101, 1))
    books.step([change(4, 30, 40, 102, 1), image(5, 25, ((99, 9),))])
    assert [(102, 1), (101, 1), (99, 9)] == bids_of(books)


def test_an_image_that_a_live_book_is_past_changes_nothing() -> None:
    """A snapshot that arrives although the book is further on is left out."""
    books, _ = after(image(1, 5, ((100, 1),)), change(2, 5, 10, 100, 2))
    said = books.step([image(3, 7, ((100, 1),))])
    assert ([(100, 2)], [VenueBookDelta]) == (bids_of(books), [type(each) for each in said])


def test_waiting_is_bounded() -> None:
    """A market whose image never comes keeps the newest changes only."""
    row = Row(0, PERP, 100_000, ())
    for seq in range(WAITING_MAX + 10):
        row.wait(change(seq + 1, seq, seq + 1, 100, 1))
    assert (WAITING_MAX // 2 + 10, WAITING_MAX + 10) == (len(row.waiting), row.waiting[-1].venue_seq)


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 5)), min_size=1, max_size=40),
    st.integers(0, 40),
    st.integers(0, 40),
)
def test_when_the_image_comes_does_not_matter(moves: list[tuple[int, int]], taken: int, arrives: int) -> None:
    """An image of any moment that arrives at any later moment gives the book of all changes, through a pickle too."""
    changes = [change(place + 1, place * 10, place * 10 + 10, *move) for place, move in enumerate(moves)]
    taken = min(taken, len(changes))
    arrives = min(max(arrives, taken), len(changes))
    full, held = OpenBook(), OpenBook()
    full.live = held.live = True
    for number, each in enumerate(changes):
        apply(full, each)
        if number < taken:
            apply(held, each)
    books = OrderBooks()
    books.step([RECORD, *changes[:arrives]])
    books = pickle.loads(pickle.dumps(books))
    books.step([image(99, taken * 10, tuple(held.side(1)))])
    said = books.step(changes[arrives:])
    assert full.side(1) == bids_of(books)
    assert all((each.bid_ticks < 0) == (not each.bid_lots) for each in said if isinstance(each, Touch))


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("next"), st.integers(1, 30), st.integers(0, 5)),
            st.tuples(st.sampled_from(["lost", "again"]), st.integers(1, 30), st.integers(0, 5)),
            st.tuples(st.just("image"), st.integers(-40, 20), st.integers(1, 30)),
        ),
        max_size=25,
    )
)
def test_what_was_said_leads_to_itself(happened: list[tuple[str, int, int]]) -> None:
    """Whatever is lost, doubled, early or late: from the facts that were written down the same is said again."""
    seq, facts = 0, list[Fact]()
    for place, (what, one, other) in enumerate(happened, 1):
        if what == "image":
            facts.append(image(place, max(0, seq + one), ((other, 5),)))
        elif what == "again" and facts and isinstance(facts[-1], VenueBookDelta):
            facts.append(facts[max(0, len(facts) - 1 - other)])
        else:
            seq += 10 if what == "lost" else 0
            facts.append(change(place, seq, seq + 10, one, other))
            seq += 10
    _, said = after(*facts)
    _, again = after(*(entry for entry in said if isinstance(entry, VenueBookDelta | VenueBookImage)))
    assert said == again


def test_a_numbering_that_begins_again_lower_is_a_gap() -> None:
    """A lower number of a time that the book has not reached is no repeat; what waits then is of the new numbering."""
    books, _ = after(image(1, 500, ((100, 1),)), change(2, 500, 510, 100, 2))
    again = change(3, 7, 8, 101, 1)
    later = VenueBookDelta(again.fact, 3, 0, 1, 101, 1, venue_seq=8, venue_ns=900, prev_seq=7, provenance_hash="h")
    assert (["GAP"], []) == (events(books.step([later])), bids_of(books))
    books.step([image(4, 7, ((99, 9),))])
    assert [(101, 1), (99, 9)] == bids_of(books)
