"""Books follow the facts; every loss of trust is said once, and nothing is applied to a book that is not live."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.kit import Book
from contracts.ids import fact_id
from contracts.market import (
    BookEvent,
    BookLadder,
    ClockTick,
    Fact,
    PriceBand,
    Touch,
    VenueBookDelta,
    VenueBookImage,
    VenueConnection,
    VenueInstrumentRecord,
    VenueStatus,
)
from operators.levels import apply, load, reach_of
from operators.order_book import OrderBooks

SECOND = 1_000_000_000


class Feed:
    """Builds facts of one source and keeps what the books answered."""

    def __init__(self, markets: int = 1, conn: str | None = "c/1") -> None:
        """Define markets on a grid of 100, heard on one connection."""
        self.books, self.position, self.said = OrderBooks(), 0, list[Fact]()
        for market in range(markets):
            record = VenueInstrumentRecord(
                0, 0, market, f"m{market}", "kalshi", tick_micros=10_000, price_bands=(PriceBand(1, 99, 1),)
            )
            self.put(record)
            if conn is not None:
                self.put(VenueConnection(0, 0, market, "attached", conn, -1))

    def put(self, fact: Fact) -> list[Any]:
        """Pass one fact and return what came after it."""
        self.position += 1
        return self.books.step([fact])[1:]

    def at(self) -> tuple[int, int]:
        """The next fact's id and arrival."""
        return fact_id(0, self.position + 1), self.position + 1

    def image(self, bids: Any, asks: Any, seq: int = -1, ns: int = 0, market: int = 0) -> list[Any]:
        """Pass an image."""
        return self.put(VenueBookImage(*self.at(), market, tuple(bids), tuple(asks), seq, ns, "h"))

    def delta(
        self,
        side: int,
        price: int,
        size: int,
        *,
        seq: int = -1,
        claim: tuple[int, int] = (-1, -1),
        ns: int = 0,
        market: int = 0,
        relative: bool = False,
        last: bool = True,
    ) -> list[Any]:
        """Pass a change."""
        return self.put(VenueBookDelta(*self.at(), market, side, price, size, relative, *claim, last, seq, ns, "h"))

    def connection(self, event: str, conn: str = "c/1", seq: int = -1, market: int = -1) -> list[Any]:
        """Pass what a connection says."""
        return self.put(VenueConnection(*self.at(), market, event, conn, seq))


def events(said: list[Any]) -> list[tuple[str, int, int, int]]:
    """The book events in what was said."""
    return [(e.event, e.market, e.expected, e.seen) for e in said if type(e) is BookEvent]


def touches(said: list[Any]) -> list[tuple[int, int, int, int, bool]]:
    """The touches in what was said."""
    return [(t.bid_ticks, t.bid_lots, t.ask_ticks, t.ask_lots, t.moved) for t in said if type(t) is Touch]


def test_an_image_makes_a_book_live_and_says_ladder_and_touch() -> None:
    """IMAGE, the whole ladder best first, then the touch with levels and depth within three steps."""
    said = Feed().image([(48, 10), (47, 20), (40, 5)], [(52, 7)])
    assert ["BookEvent", "BookLadder", "Touch"] == [type(entry).__name__ for entry in said]
    assert (("IMAGE", 0, 0, -1), ((48, 10), (47, 20), (40, 5))) == (events(said)[0], said[1].bids)
    touch = said[2]
    assert (48, 10, 52, 7, 3, 1, 30, 7, True) == (
        touch.bid_ticks,
        touch.bid_lots,
        touch.ask_ticks,
        touch.ask_lots,
        touch.bid_levels,
        touch.ask_levels,
        touch.bid_depth_lots,
        touch.ask_depth_lots,
        touch.moved,
    )


def test_only_a_change_of_the_touch_is_said() -> None:
    """Deep changes are silent; a new size at the best price is a touch that did not move; a better price moved it."""
    feed = Feed()
    feed.image([(48, 10), (47, 20)], [(52, 7), (53, 8)])
    assert [
        [],
        [(48, 12, 52, 7, False)],
        [(49, 1, 52, 7, True)],
        [(48, 12, 52, 7, True)],
        [(48, 12, 53, 8, True)],
        [],
    ] == [
        touches(feed.delta(*change))
        for change in [(1, 40, 9), (1, 48, 12), (1, 49, 1), (1, 49, 0), (-1, 52, 0), (-1, 60, 0)]
    ]


def test_an_empty_image_empties_the_book() -> None:
    """EMPTY instead of IMAGE, and a touch without sides; the first level that comes fills it again."""
    feed = Feed()
    feed.image([(48, 10)], [(52, 7)])
    said = feed.image([], [])
    assert (["EMPTY"], [(-1, 0, -1, 0, True)]) == ([e[0] for e in events(said)], touches(said))
    assert [(30, 4, -1, 0, True)] == touches(feed.delta(1, 30, 4))


def test_changes_before_the_image_are_not_applied_and_said_once() -> None:
    """The first change without an image says NO_IMAGE, the next nothing, and none is in the book."""
    feed = Feed()
    assert [["NO_IMAGE"], []] == [[e[0] for e in events(feed.delta(1, 48, 5))] for _ in range(2)]
    feed.image([(40, 1)], [(60, 1)])
    book = feed.books.book(0)
    assert book is not None and [(40, 1)] == book.side(1)


def test_a_missing_number_is_one_gap_for_every_book_of_its_subscription() -> None:
    """GAP for the frame's market and each other live book; each heals with its own image only."""
    feed = Feed(markets=3)
    for market in range(3):
        feed.image([(48, 10)], [(52, 7)], seq=market + 1, market=market)
    said = feed.delta(1, 49, 5, seq=6, relative=True)
    assert [("GAP", market, 4, 6) for market in range(3)] == events(said)
    assert ([], 1) == (touches(feed.delta(1, 49, 5, seq=7, relative=True, market=1)), feed.books.gaps)
    assert [["IMAGE"], []] == [
        [e[0] for e in events(feed.image([(48, 1)], [(52, 1)], seq=8, market=1))],
        touches(feed.delta(1, 50, 1, seq=9)),
    ]
    assert [("GAP", 0, 10, 20), ("GAP", 1, 10, 20)] == events(feed.delta(1, 50, 1, seq=20))
    assert (2, 1, 4) == (feed.books.gaps, feed.books.resyncs, feed.books.stale_spells)


def test_the_first_number_may_be_any_and_a_new_subscription_begins_at_one() -> None:
    """A recording may begin in the middle; after `subscribed` the first number is 1, or something is missing."""
    feed = Feed()
    assert ["IMAGE"] == [e[0] for e in events(feed.image([(48, 1)], [], seq=500))]
    assert ["RECONNECTED"] == [e[0] for e in events(feed.connection("subscribed"))]
    feed.connection("attached", market=0)
    assert [("GAP", 0, 1, 2), ("IMAGE", 0, 0, 2)] == events(feed.image([(48, 1)], [], seq=2))


def test_an_answer_uses_up_a_number() -> None:
    """`ok` between two changes is no gap; a missing answer is one, and it stops the live books."""
    feed = Feed()
    feed.image([(48, 10)], [(52, 7)], seq=1)
    assert ([], []) == (events(feed.connection("answered", seq=2)), events(feed.delta(1, 40, 1, seq=3, relative=True)))
    assert [("GAP", 0, 4, 5)] == events(feed.connection("answered", seq=5))
    assert [("GAP", -1, 6, 9)] == events(feed.connection("answered", seq=9))


def test_what_came_twice_or_late_is_left_out() -> None:
    """A repeated number changes nothing and is no gap; it goes on as a change of nothing under its own id."""
    feed = Feed()
    feed.image([(48, 10)], [(52, 7)], seq=1)
    feed.delta(1, 48, 5, seq=2, relative=True)
    twice = VenueBookDelta(fact_id(0, 99), 99, 0, 1, 48, 5, True, -1, -1, True, 2, 0, "h")
    (entry,) = feed.books.step([twice])
    assert isinstance(entry, VenueBookDelta)
    assert ((fact_id(0, 99), 0, True), 0) == ((entry.fact, entry.size_lots, entry.relative), feed.books.gaps)
    book = feed.books.book(0)
    assert book is not None and 15 == book.bids[48]


def test_a_numbering_that_begins_again_far_below_is_a_gap() -> None:
    """A number more than a thousand below the last one cannot be late: the numbering restarted unannounced."""
    feed = Feed()
    feed.image([(48, 10)], [(52, 7)], seq=5_000)
    assert [("GAP", 0, 5_001, 3)] == events(feed.delta(1, 48, 5, seq=3, relative=True))
    assert [] == events(feed.delta(1, 48, 5, seq=4, relative=True))


def test_a_size_below_zero_and_a_price_off_the_grid_stop_the_book() -> None:
    """The impossible change is not applied; the book waits for an image, whose number must follow."""
    feed = Feed()
    feed.image([(48, 10)], [(52, 7)], seq=1)
    assert [("NEGATIVE", 0, 10, -2)] == events(feed.delta(1, 48, -12, seq=2, relative=True))
    assert [] == events(feed.delta(1, 48, 5, seq=3, relative=True))
    feed.image([(48, 10)], [(52, 7)], seq=4)
    assert [("OFF_GRID", 0, 100, 100)] == events(feed.delta(1, 100, 5, seq=5))
    assert (1, 2) == (feed.books.resyncs, feed.books.stale_spells)


def test_a_crossed_book_says_so_and_says_when_it_is_over() -> None:
    """CROSSED before the touch that shows it (locked counts), UNCROSSED before the one that ends it."""
    feed = Feed()
    feed.image([(48, 10)], [(52, 7)])
    said = feed.delta(1, 52, 3)
    assert (["BookEvent", "Touch"], [("CROSSED", 0, 52, 52)]) == ([type(e).__name__ for e in said], events(said))
    assert [] == events(feed.delta(1, 52, 4))
    assert [("UNCROSSED", 0, 53, 52), (52, 4, 53, 2, True)] == [
        *events(feed.delta(-1, 53, 2)),
        *events(one := feed.delta(-1, 52, 0)),
        *touches(one),
    ]


def test_a_claim_is_judged_after_its_group() -> None:
    """Frames with the same time and claim are one group: no touch and no cross is said before its last one."""
    feed = Feed()
    feed.image([(48, 10)], [(52, 7)], ns=1)
    assert [] == feed.delta(-1, 48, 9, claim=(47, 48), ns=2)
    assert [] == feed.delta(1, 48, 0, claim=(47, 48), ns=2)
    assert [(47, 4, 48, 9, True)] == touches(feed.delta(1, 47, 4, claim=(47, 48), ns=2))


def test_a_group_that_ends_with_another_book_than_ours_is_a_mismatch() -> None:
    """The next group, or a second without one, ends the group: MISMATCH with the venue's price and ours."""
    for end in ("group", "silence"):
        feed = Feed()
        feed.image([(48, 10)], [(52, 7)], ns=1)
        assert [] == feed.delta(1, 40, 1, claim=(49, 52), ns=2)
        if end == "group":
            said = feed.delta(1, 41, 1, claim=(48, 52), ns=3)
        else:
            assert [] == feed.put(ClockTick(0, SECOND // 2, -1))
            said = feed.put(ClockTick(0, 2 * SECOND, -1))
        assert [("MISMATCH", 0, 49, 48)] == events(said)
        assert [] == feed.delta(1, 41, 1, claim=(48, 52), ns=4)


def test_a_claim_of_an_empty_side_is_checked_too() -> None:
    """0 and grid + 1 claim empty sides: right when they are empty, a mismatch when they are not."""
    feed = Feed()
    feed.image([(48, 10)], [(52, 7)], ns=1)
    assert [(-1, 0, 52, 7, True)] == touches(feed.delta(1, 48, 0, claim=(0, 52), ns=2))
    assert [(-1, 0, -1, 0, True)] == touches(feed.delta(-1, 52, 0, claim=(0, 101), ns=3))


def test_an_older_message_is_left_out() -> None:
    """Without numbers the venue's time decides: older is REGRESSED and not applied, equal is normal."""
    feed = Feed()
    feed.image([(48, 10)], [(52, 7)], ns=5_000_000)
    assert [("REGRESSED", 0, 5, 4)] == events(feed.delta(1, 49, 3, ns=4_000_000))
    assert [(49, 3, 52, 7, True)] == touches(feed.delta(1, 49, 3, ns=5_000_000))
    entries = feed.books.step([VenueBookImage(*feed.at(), 0, (), (), -1, 4_000_000, "h")])
    assert ["VenueBookDelta", "BookEvent"] == [type(entry).__name__ for entry in entries]


def test_a_new_connection_makes_its_books_wait() -> None:
    """`connected` stops the books of that connection and its subscriptions; a book heard elsewhere goes on."""
    feed = Feed(markets=2)
    feed.put(VenueConnection(*feed.at(), 1, "attached", "d/1", -1))
    for market in range(2):
        feed.image([(48, 10)], [(52, 7)], market=market)
    assert [("RECONNECTED", 0, 0, 0)] == events(feed.connection("connected", "c"))
    assert ([], [(49, 1, 52, 7, True)]) == (touches(feed.delta(1, 49, 1)), touches(feed.delta(1, 49, 1, market=1)))
    assert [("RECONNECTED", 1, 0, 0)] == events(feed.put(VenueConnection(*feed.at(), 1, "attached", "c/9", -1)))


@pytest.mark.parametrize(("event", "name"), [("lost", "MISMATCH"), ("off_grid", "OFF_GRID")])
def test_a_change_that_could_not_be_read_stops_its_book(event: str, name: str) -> None:
    """What the normaliser lost is said by its next message of the market, and only an image heals it."""
    feed = Feed()
    feed.image([(48, 10)], [(52, 7)])
    assert [(name, 0, 0, 0)] == events(feed.connection(event, market=0))
    assert [] == feed.delta(1, 49, 1)


def test_a_new_grid_begins_a_new_book() -> None:
    """A finer tick throws the book away, OFF_GRID with both grids; new bands alone change how far depth reaches."""
    feed = Feed()
    feed.image([(48, 10), (44, 3)], [(52, 7)])
    assert [] == feed.put(VenueStatus(*feed.at(), 0, 0, -1, 0, 0, (PriceBand(2, 98, 2),), 0, "h"))
    assert 13 == feed.delta(1, 48, 11)[0].bid_depth_lots - 1
    assert [("OFF_GRID", 0, 100, 1_000)] == events(
        feed.put(VenueStatus(*feed.at(), 0, 0, -1, 0, 1_000, (PriceBand(1, 999, 1),), 0, "h"))
    )
    assert [(480, 10, 521, 7, True)] == touches(feed.image([(480, 10)], [(521, 7)]))


def test_a_ladder_comes_at_most_once_a_minute_while_the_book_changes() -> None:
    """At a tick a minute after the last ladder, and only where something changed since."""
    feed = Feed()
    feed.image([(48, 10)], [(52, 7)])
    feed.delta(1, 40, 2)
    ladders = [feed.put(ClockTick(0, second * SECOND, -1)) for second in (30, 61, 130)]
    assert [0, 1, 0] == [len(said) for said in ladders]
    assert isinstance(ladders[1][0], BookLadder) and ((48, 10), (40, 2)) == ladders[1][0].bids


CHANGES = st.lists(st.tuples(st.sampled_from([1, -1]), st.integers(1, 99), st.integers(0, 3)), max_size=80)


@given(CHANGES)
def test_apply_keeps_what_can_be_derived(changes: list[tuple[int, int, int]]) -> None:
    """Best prices and counts equal those found by looking at every level; the answer says what moved."""
    book = Book(100)
    for place, (side, price, size) in enumerate(changes):
        levels, before = (book.bids if side > 0 else book.asks), (book.bid if side > 0 else book.ask)
        held = levels[before]
        answer = apply(book, VenueBookDelta(place, 0, 0, side, price, size, False, -1, -1, True, -1, 0, ""))
        best = book.bid if side > 0 else book.ask
        assert (2 if best != before else 1 if levels[best] != held else 0) == answer
        bids, asks = [p for p in range(1, 101) if book.bids[p]], [p for p in range(1, 101) if book.asks[p]]
        assert (max(bids, default=0), min(asks, default=101)) == (book.bid, book.ask)
        assert (len(bids), len(asks)) == (book.bid_levels, book.ask_levels)


@pytest.mark.parametrize(("price", "size"), [(0, 5), (100, 5), (101, 5), (-3, 5), (48, -11)])
def test_apply_refuses_the_impossible(price: int, size: int) -> None:
    """Off the grid or below zero: -1, and the book is as it was."""
    book = Book(100)
    assert load(book, VenueBookImage(0, 0, 0, ((48, 10),), ((52, 7),), -1, 0, ""))
    for side in (1, -1):
        assert -1 == apply(book, VenueBookDelta(0, 0, 0, side, price, size, True, -1, -1, True, -1, 0, ""))
    assert ([(48, 10)], [(52, 7)]) == (book.side(1), book.side(-1))


def test_load_refuses_a_level_off_the_grid() -> None:
    """The book is empty and not live afterwards."""
    book = Book(100)
    assert not load(book, VenueBookImage(0, 0, 0, ((48, 10),), ((100, 7),), -1, 0, ""))
    assert (False, [], []) == (book.live, book.side(1), book.side(-1))


def test_depth_reaches_three_legal_steps() -> None:
    """The reach of a price is three steps of its band; without bands, three ticks."""
    reach = reach_of(Book(1_000), (PriceBand(1, 100, 1), PriceBand(100, 900, 10), PriceBand(900, 999, 1)))
    flat = reach_of(Book(100), ())
    assert ([3, 3, 30, 30, 3], 3) == ([reach[price] for price in (5, 100, 101, 900, 901)], flat[50])


@given(CHANGES, st.integers(0, 80), st.integers(1, 9))
def test_state_survives_pickling_and_batches_do_not_matter(
    changes: list[tuple[int, int, int]], cut: int, size: int
) -> None:
    """One entry at a time, in blocks, and through a pickle in the middle: the same entries come out."""
    record = VenueInstrumentRecord(0, 0, 0, "m", "kalshi", tick_micros=10_000)
    facts: list[Fact] = [record, VenueBookImage(1, 1, 0, ((40, 2),), ((60, 2),), -1, 0, "h")]
    facts += [
        VenueBookDelta(place, place, 0, side, price, lots - 1, True, -1, -1, True, -1, 0, "h")
        for place, (side, price, lots) in enumerate(changes, 2)
    ]
    one, many, kept = OrderBooks(), OrderBooks(), OrderBooks()
    singles = [entry for fact in facts for entry in one.step([fact])]
    blocks = [entry for start in range(0, len(facts), size) for entry in many.step(facts[start : start + size])]
    halves = kept.step(facts[:cut])
    halves += pickle.loads(pickle.dumps(kept)).step(facts[cut:])
    assert singles == blocks == halves
