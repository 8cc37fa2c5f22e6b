"""The paper venue: latency, queue, taking, ending, settling; and that no fill is luckier than reality."""

import pickle
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.kit import Book
from bots.maths.fees import charge
from contracts.market import FeeModel, Settlement, Status, VenueTrade
from contracts.order import PlannedOrder, VenueOrderEvent
from operators.paper_venue import DUE_MAX, NEVER, ORDERS_MAX, PaperVenue
from operators.settlement import settle
from tests import world

MS, NOW, M = 1_000_000, int(world.NOW), 0
LATE = 1_000 * MS


def book(bids: dict[int, int], asks: dict[int, int]) -> Book:
    """Return a live book of 100 ticks."""
    return world.book(bids, asks)


def order(name: str = "a", **overrides: object) -> PlannedOrder:
    """Return a resting bid of 100 lots at 44, not post-only."""
    values = {"client_order_id": name, "size_lots": 100, "post_only": False, **overrides}
    return world.child(**values)


def cancel(name: str = "a", side: int = 1) -> PlannedOrder:
    """Return a cancel of an order."""
    return order(name, action="CANCEL", side=side)


def venue(order_ms: int = 0, cancel_ms: int = 0, ack_ms: int = 0) -> PaperVenue:
    """Return a venue with latencies in milliseconds."""
    return PaperVenue(order_ms * MS, cancel_ms * MS, ack_ms * MS)


def word(events: list[tuple[int, int, VenueOrderEvent]]) -> list[tuple[str, str, int, int, str]]:
    """Return what was said, shortly: order, event, price, lots, and detail or liquidity."""
    return [(e.client_order_id, e.event, e.price_ticks, e.size_lots, e.detail or e.liquidity) for _, _, e in events]


def rest(at: PaperVenue, shown: Book, *orders: PlannedOrder, now: int = NOW) -> list[tuple[str, str, int, int, str]]:
    """Send orders and let them arrive; return what the venue said."""
    for child in orders:
        at.submit(M, child, world.definition(), now)
    return word(at.due(now, lambda _: shown))


def change(at: PaperVenue, shown: Book, side: int, price: int, lots: int, now: int = NOW) -> None:
    """Change a level of the book, and tell the venue."""
    old = level(shown, side, price, lots)
    at.on_delta(M, side, price, old, lots, shown, now)


def level(shown: Book, side: int, price: int, lots: int) -> int:
    """Set one level and the best prices; return what was there."""
    levels = shown.bids if side > 0 else shown.asks
    old, levels[price] = levels[price], lots
    shown.bid = max((p for p in range(1, shown.grid + 1) if shown.bids[p]), default=0)
    shown.ask = min((p for p in range(1, shown.grid + 1) if shown.asks[p]), default=shown.grid + 1)
    return old


def trade(at: PaperVenue, shown: Book, price: int, lots: int, aggressor: int, now: int = NOW) -> None:
    """Tell the venue of a public trade."""
    public: VenueTrade = world.trade(price_ticks=price, size_lots=lots, aggressor=aggressor)
    at.on_trade(M, public, shown, now)


def heard(at: PaperVenue, shown: Book, now: int = NOW) -> list[tuple[str, str, int, int, str]]:
    """Return what fell due."""
    return word(at.due(now, lambda _: shown))


class TestLatency:
    def test_an_order_meets_the_book_of_its_arrival_and_not_of_its_departure(self) -> None:
        """An ask that is gone when the order arrives is not taken."""
        at, shown = venue(order_ms=10), book({44: 500}, {46: 400})
        at.submit(M, order(price_ticks=46), world.definition(), NOW)
        assert at.due(NOW + 10 * MS - 1, lambda _: shown) == []
        level(shown, -1, 46, 0)
        assert heard(at, shown, NOW + 10 * MS) == [("a", "ACK", 46, 100, "")]

    def test_the_venues_word_is_heard_after_the_latency_of_an_acknowledgement(self) -> None:
        """The answer falls due at departure plus both latencies, and is stamped with that time."""
        at, shown = venue(order_ms=10, ack_ms=5), book({44: 500}, {46: 400})
        at.submit(M, order(), world.definition(), NOW)
        assert at.next_due == NOW + 10 * MS
        assert at.due(NOW + 15 * MS - 1, lambda _: shown) == []
        assert at.next_due == NOW + 15 * MS
        assert [(m, t) for m, t, _ in at.due(NOW + 20 * MS, lambda _: shown)] == [(M, NOW + 15 * MS)]
        assert at.next_due == NEVER

    def test_a_child_waits_for_its_own_delay(self) -> None:
        """The delay that the shaper gave a slice is added to the latency."""
        at = venue(order_ms=10)
        at.submit(M, order(delay_ms=1_500), world.definition(), NOW)
        assert at.next_due == NOW + 1_510 * MS

    def test_a_cancel_that_overtakes_its_order_finds_nothing(self) -> None:
        """The cancel is refused and the order lives."""
        at, shown = venue(order_ms=10, cancel_ms=2), book({44: 500}, {46: 400})
        at.submit(M, order(), world.definition(), NOW)
        at.submit(M, cancel(), world.definition(), NOW)
        assert heard(at, shown, NOW + 20 * MS) == [
            ("a", "CANCEL_REJECT", 44, 100, "UNKNOWN_ORDER"),
            ("a", "ACK", 44, 100, ""),
        ]

    def test_the_number_of_events_per_call_has_a_limit(self) -> None:
        """What does not fit into one call falls due in the next."""
        at, shown = venue(), book({44: 500}, {46: 400})
        for number in range(DUE_MAX + 10):
            at.submit(M, cancel(str(number)), world.definition(), NOW)
        assert len(at.due(NOW, lambda _: shown)) == DUE_MAX
        assert at.next_due == NOW
        assert len(at.due(NOW, lambda _: shown)) == 10


REFUSALS = [
    ("post-only that would take", {"post_only": True, "price_ticks": 46}, {}, {}, "POST_ONLY_CROSS"),
    ("paused market", {}, {"status": int(Status.HALTED)}, {}, "MARKET_INACTIVE"),
    ("trading is over", {}, {"expiry_ns": NOW}, {}, "MARKET_INACTIVE"),
    ("book not live", {}, {}, {"live": False}, "BOOK_UNUSABLE"),
    ("price of one", {"price_ticks": 100}, {}, {}, "BAD_PRICE"),
    ("price of nothing", {"price_ticks": 0}, {}, {}, "BAD_PRICE"),
    ("below the minimum", {"size_lots": 99}, {"min_size_lots": 100}, {}, "BELOW_MINIMUM"),
    (
        "fill-or-kill beyond the book",
        {"price_ticks": 46, "size_lots": 401, "time_in_force": "FOK"},
        {},
        {},
        "FOK_INSUFFICIENT_VOLUME",
    ),
]


class TestRefusals:
    @pytest.mark.parametrize(("name", "wish", "defined", "shown", "detail"), REFUSALS, ids=[row[0] for row in REFUSALS])
    def test_refused(
        self, name: str, wish: dict[str, object], defined: dict[str, object], shown: dict[str, bool], detail: str
    ) -> None:
        """An order that the venue would refuse is refused with the venue's word."""
        at, levels = venue(), world.book({44: 500}, {46: 400}, **shown)
        at.submit(M, order(**wish), world.definition(**defined), NOW)
        assert [(e.event, e.detail) for _, _, e in at.due(NOW, lambda _: levels)] == [("REJECT", detail)]
        assert M not in at.watch

    def test_accepted_on_the_good_side_of_each_limit(self) -> None:
        """One tick below the ask rests post-only; the minimum is enough; a fill-or-kill for all there is fills."""
        shown = book({44: 500}, {46: 400})
        for wish in ({"post_only": True, "price_ticks": 45}, {"price_ticks": 99, "size_lots": 1}, {"price_ticks": 1}):
            assert rest(venue(), shown, order(**wish))[0][1] == "ACK"
        killed = order(price_ticks=46, size_lots=400, time_in_force="FOK")
        assert rest(venue(), shown, killed) == [("a", "ACK", 46, 400, ""), ("a", "MATCH", 46, 400, "taker")]

    def test_an_order_that_would_meet_our_own_is_refused(self) -> None:
        """We never trade with ourselves; one tick away both rest."""
        shown = book({40: 500}, {50: 400})
        said = rest(venue(), shown, order("a", price_ticks=44), order("b", side=-1, price_ticks=44))
        assert said[1] == ("b", "REJECT", 44, 100, "SELF_TRADE")
        assert rest(venue(), shown, order("a", price_ticks=44), order("b", side=-1, price_ticks=45))[1][1] == "ACK"

    def test_an_id_that_rests_is_not_accepted_again(self) -> None:
        """One effective order per client order id."""
        said = rest(venue(), book({44: 500}, {46: 400}), order(), order())
        assert said[1] == ("a", "REJECT", 44, 100, "DUPLICATE_ID")

    def test_the_number_of_resting_orders_has_a_limit(self) -> None:
        """The order after the last one allowed is refused."""
        said = rest(venue(), book({44: 500}, {46: 400}), *[order(str(n)) for n in range(ORDERS_MAX + 1)])
        assert [event for _, event, *_ in said] == ["ACK"] * ORDERS_MAX + ["REJECT"]
        assert said[-1][4] == "TOO_MANY_ORDERS"

    def test_an_order_that_arrives_too_late_is_expired(self) -> None:
        """An expiry at or before arrival ends the order unseen; one nanosecond later it rests."""
        shown = book({44: 500}, {46: 400})
        assert rest(venue(), shown, order(expires_ns=NOW)) == [("a", "EXPIRED", 44, 100, "")]
        assert rest(venue(), shown, order(expires_ns=NOW + 1))[0][1] == "ACK"


class TestTaking:
    def test_a_taker_walks_the_book_and_rests_with_what_is_left(self) -> None:
        """Levels are taken best first up to the limit; the rest rests at the limit."""
        at, shown = venue(), book({44: 500}, {46: 40, 47: 30, 49: 500})
        assert rest(at, shown, order(price_ticks=48)) == [
            ("a", "ACK", 48, 100, ""),
            ("a", "MATCH", 46, 40, "taker"),
            ("a", "MATCH", 47, 30, "taker"),
        ]
        assert at.watch[M].bid == 48

    def test_what_an_immediate_order_leaves_is_cancelled(self) -> None:
        """Immediate-or-cancel never rests."""
        at, shown = venue(), book({44: 500}, {46: 40})
        said = rest(at, shown, order(price_ticks=46, time_in_force="IOC"))
        assert said[1:] == [("a", "MATCH", 46, 40, "taker"), ("a", "CANCELLED", 46, 60, "")]

    def test_a_seller_takes_bids(self) -> None:
        """The other side is the mirror."""
        at, shown = venue(), book({44: 60, 43: 500}, {46: 40})
        said = rest(at, shown, order(side=-1, price_ticks=43, time_in_force="IOC"))
        assert said[1:] == [("a", "MATCH", 44, 60, "taker"), ("a", "MATCH", 43, 40, "taker")]

    def test_displayed_lots_are_taken_once(self) -> None:
        """A second order gets nothing of what the first took, until the level grows."""
        at, shown = venue(), book({44: 500}, {46: 80})
        ioc = {"price_ticks": 46, "time_in_force": "IOC"}
        assert rest(at, shown, order("a", **ioc))[1:] == [
            ("a", "MATCH", 46, 80, "taker"),
            ("a", "CANCELLED", 46, 20, ""),
        ]
        assert rest(at, shown, order("b", **ioc))[1:] == [("b", "CANCELLED", 46, 100, "")]
        change(at, shown, -1, 46, 110)
        assert rest(at, shown, order("c", **ioc))[1:] == [
            ("c", "MATCH", 46, 30, "taker"),
            ("c", "CANCELLED", 46, 70, ""),
        ]

    def test_an_image_shows_how_much_of_what_was_eaten_is_still_there(self) -> None:
        """Never more than is displayed."""
        at, shown = venue(), book({44: 500}, {46: 80})
        ioc = {"price_ticks": 46, "time_in_force": "IOC"}
        rest(at, shown, order("a", **ioc))
        level(shown, -1, 46, 30)
        at.on_image(M, shown, NOW)
        assert at.watch[M].eaten_asks == {46: 30}
        at.on_image(7, shown, NOW)
        level(shown, -1, 46, 0)
        at.on_image(M, shown, NOW)
        assert M not in at.watch

    def test_eaten_lots_are_forgotten_when_the_level_is_gone(self) -> None:
        """A level that emptied and came back is whole; one that only shrank keeps its mark."""
        at, shown = venue(), book({44: 500}, {46: 80})
        ioc = {"price_ticks": 46, "time_in_force": "IOC"}
        rest(at, shown, order("a", **ioc))
        change(at, shown, -1, 46, 50)
        assert rest(at, shown, order("b", **ioc))[1:] == [("b", "CANCELLED", 46, 100, "")]
        change(at, shown, -1, 46, 0)
        assert M not in at.watch
        change(at, shown, -1, 46, 70)
        assert rest(at, shown, order("c", **ioc))[1][2:4] == (46, 70)


class TestResting:
    def test_the_queue_ahead_is_what_is_displayed_on_arrival(self) -> None:
        """The acknowledgement says it."""
        at, shown = venue(), book({44: 500}, {46: 400})
        at.submit(M, order(), world.definition(), NOW)
        assert at.due(NOW, lambda _: shown)[0][2].queue_lots == 500

    @pytest.mark.parametrize(("lots", "filled"), [(499, 0), (500, 0), (501, 1), (600, 100), (900, 100)])
    def test_a_trade_fills_only_beyond_the_queue(self, lots: int, filled: int) -> None:
        """Both sides of the limit: the queue itself fills nothing, one lot more fills one."""
        at, shown = venue(), book({44: 500}, {46: 400})
        rest(at, shown, order())
        trade(at, shown, 44, lots, -1)
        assert sum(row[3] for row in heard(at, shown)) == filled

    def test_a_trade_of_the_wrong_side_or_of_none_fills_nothing(self) -> None:
        """A buyer does not hit a bid, and an unknown aggressor proves nothing."""
        at, shown = venue(), book({}, {46: 400})
        rest(at, shown, order())
        for aggressor in (1, 0):
            trade(at, shown, 44, 900, aggressor)
            trade(at, shown, 43, 900, aggressor)
        assert heard(at, shown) == []

    def test_a_trade_through_our_price_fills_at_our_price(self) -> None:
        """A seller who sold lower would have met us first."""
        at, shown = venue(), book({43: 500}, {46: 400})
        rest(at, shown, order())
        trade(at, shown, 43, 30, -1)
        assert heard(at, shown) == [("a", "MATCH", 44, 30, "maker")]

    def test_a_match_reported_as_a_change_and_as_a_trade_counts_once(self) -> None:
        """The change first, then its trade: the queue is shorter by one match, not by two."""
        at, shown = venue(), book({44: 100}, {46: 400})
        rest(at, shown, order())
        for left in (50, 0):
            change(at, shown, 1, 44, left)
            trade(at, shown, 44, 50, -1)
        assert heard(at, shown) == []
        assert at.watch[M].bids[0].ahead == 0

    def test_a_cancel_ahead_shortens_the_queue_once_no_trade_can_explain_it(self) -> None:
        """Within a second a trade may still be the reason; after it the lots were cancelled."""
        for later, filled in ((1_000 * MS, 0), (1_000 * MS + 1, 50)):
            at, shown = venue(), book({44: 100}, {46: 400})
            rest(at, shown, order())
            change(at, shown, 1, 44, 10)
            trade(at, shown, 44, 60, -1, NOW + later)
            assert sum(row[3] for row in heard(at, shown, NOW + later)) == filled

    def test_the_other_side_at_our_price_fills_when_nothing_stands_before_us(self) -> None:
        """At most what came through; each displayed lot once."""
        at, shown = venue(), book({44: 500}, {46: 400})
        rest(at, shown, order())
        change(at, shown, -1, 44, 30)
        assert heard(at, shown) == []
        change(at, shown, 1, 44, 0)
        assert heard(at, shown) == [("a", "MATCH", 44, 30, "maker")]
        change(at, shown, -1, 43, 20)
        assert heard(at, shown) == [("a", "MATCH", 44, 20, "maker")]
        change(at, shown, -1, 44, 31)
        assert heard(at, shown) == [("a", "MATCH", 44, 1, "maker")]
        change(at, shown, -1, 43, 500)
        assert heard(at, shown) == [("a", "MATCH", 44, 49, "maker")]

    def test_an_ask_is_the_mirror_of_a_bid(self) -> None:
        """Bids at or through our ask fill it, and so do buyers."""
        at, shown = venue(), book({44: 500}, {46: 40})
        rest(at, shown, order(side=-1, price_ticks=46))
        trade(at, shown, 46, 50, 1)
        change(at, shown, 1, 47, 25)
        assert heard(at, shown) == [("a", "MATCH", 46, 10, "maker")]
        change(at, shown, -1, 46, 0)
        assert heard(at, shown) == [("a", "MATCH", 46, 25, "maker")]

    def test_while_the_book_is_withheld_nothing_fills(self) -> None:
        """A book that is not live proves nothing; the image that heals it does."""
        at, shown = venue(), book({44: 500}, {46: 400})
        rest(at, shown, order())
        shown.live = False
        trade(at, shown, 43, 900, -1)
        change(at, shown, 1, 44, 0)
        change(at, shown, 1, 44, 0)
        change(at, shown, -1, 43, 70)
        assert heard(at, shown) == []
        shown.live = True
        at.on_image(M, shown, NOW)
        assert heard(at, shown) == [("a", "MATCH", 44, 70, "maker")]

    def test_better_and_older_orders_are_filled_first(self) -> None:
        """One trade fills the best price, then the oldest; each lot once."""
        at, shown = venue(), book({}, {50: 400})
        rest(at, shown, order("a", price_ticks=43), order("b", price_ticks=44), order("c", price_ticks=44))
        trade(at, shown, 43, 250, -1)
        assert heard(at, shown) == [
            ("b", "MATCH", 44, 100, "maker"),
            ("c", "MATCH", 44, 100, "maker"),
            ("a", "MATCH", 43, 50, "maker"),
        ]

    def test_what_we_took_of_a_trade_was_spared_to_the_queue_of_the_next(self) -> None:
        """A second order behind us is not helped by the lots that we ourselves absorbed."""
        at, shown = venue(), book({44: 100}, {46: 400})
        rest(at, shown, order("a"), order("b"))
        trade(at, shown, 44, 150, -1)
        change(at, shown, 1, 44, 0)
        trade(at, shown, 43, 160, -1)
        assert heard(at, shown) == [
            ("a", "MATCH", 44, 50, "maker"),
            ("a", "MATCH", 44, 50, "maker"),
            ("b", "MATCH", 44, 60, "maker"),
        ]

    def test_a_change_that_does_not_concern_us_changes_nothing(self) -> None:
        """Other prices on either side of a book that does not stand across us are skipped."""
        at, shown = venue(), book({44: 500}, {46: 400})
        rest(at, shown, order())
        before = pickle.dumps(at)
        change(at, shown, 1, 43, 9)
        change(at, shown, -1, 45, 9)
        change(at, shown, 1, 45, 9)
        assert pickle.dumps(at) == before
        at.on_delta(7, 1, 44, 0, 9, shown, NOW)
        assert pickle.dumps(at) == before


class TestEnding:
    def test_a_cancel_ends_a_resting_order(self) -> None:
        """It says what was left; a second cancel finds nothing."""
        at, shown = venue(), book({44: 500}, {46: 400})
        rest(at, shown, order())
        trade(at, shown, 43, 30, -1)
        assert rest(at, shown, cancel(), cancel()) == [
            ("a", "MATCH", 44, 30, "maker"),
            ("a", "CANCELLED", 44, 70, ""),
            ("a", "CANCEL_REJECT", 44, 100, "UNKNOWN_ORDER"),
        ]
        assert M not in at.watch

    def test_a_cancel_of_a_filled_order_is_refused(self) -> None:
        """What is filled cannot be cancelled."""
        at, shown = venue(), book({43: 500}, {46: 400})
        rest(at, shown, order())
        trade(at, shown, 43, 100, -1)
        assert rest(at, shown, cancel())[1] == ("a", "CANCEL_REJECT", 44, 100, "UNKNOWN_ORDER")

    def test_an_order_ends_at_its_expiry(self) -> None:
        """It is alive one nanosecond before."""
        at, shown = venue(), book({44: 500}, {46: 400})
        rest(at, shown, order(expires_ns=NOW + LATE))
        assert heard(at, shown, NOW + LATE - 1) == []
        assert heard(at, shown, NOW + LATE) == [("a", "EXPIRED", 44, 100, "")]

    def test_each_order_of_a_market_ends_at_its_own_expiry(self) -> None:
        """In the order of their ends, whatever the order of their arrival; one without an expiry stays."""
        at, shown = venue(), book({44: 500}, {46: 400})
        ends = {"a": 3, "b": 1, "c": 0, "d": 2}
        rest(at, shown, *[order(name, expires_ns=NOW + n * LATE if n else 0) for name, n in ends.items()])
        assert len(at.queue) == 2
        said = [heard(at, shown, NOW + n * LATE) for n in (1, 2, 3, 4)]
        assert [[row[0] for row in events] for events in said] == [["b"], ["d"], ["a"], []]
        assert (at.queue, [o.child.client_order_id for o in at.watch[M].bids]) == ([], ["c"])

    def test_an_expiry_of_what_has_ended_is_nothing(self) -> None:
        """The moment passes in silence."""
        at, shown = venue(), book({44: 500}, {46: 400})
        rest(at, shown, order(expires_ns=NOW + LATE), cancel())
        assert heard(at, shown, NOW + LATE) == []
        assert at.next_due == NEVER

    @pytest.mark.parametrize("ended", [Status.CLOSED, Status.RESOLVED, Status.VOID])
    def test_the_end_of_a_market_cancels_what_rests(self, ended: Status) -> None:
        """Both sides are cancelled and nothing new is accepted."""
        at, shown = venue(), book({44: 500}, {46: 400})
        rest(at, shown, order("a"), order("b", side=-1, price_ticks=46))
        at.on_status(M, world.status(status=int(ended)), NOW)
        assert [(row[1], row[4]) for row in heard(at, shown)] == [("CANCELLED", "MARKET_CLOSED")] * 2
        assert rest(at, shown, order("c"))[0][4] == "MARKET_INACTIVE"

    def test_a_pause_stops_fills_and_its_end_cancels(self) -> None:
        """While paused nothing fills; on reactivation queues are unknown, so orders go; no status is no news."""
        at, shown = venue(), book({43: 500}, {46: 400})
        rest(at, shown, order())
        at.on_status(M, world.status(status=-1), NOW)
        at.on_status(M, world.status(status=int(Status.HALTED)), NOW)
        trade(at, shown, 43, 900, -1)
        change(at, shown, -1, 44, 9)
        assert heard(at, shown) == []
        at.on_status(M, world.status(status=int(Status.OPEN)), NOW)
        assert heard(at, shown) == [("a", "CANCELLED", 44, 100, "MARKET_REACTIVATED")]


class TestOutage:
    START, END = NOW + 10 * LATE, NOW + 20 * LATE

    def out(self, order_ms: int = 0, ack_ms: int = 0, *windows: tuple[int, int]) -> PaperVenue:
        """Return a venue that is out of reach from the 10th to the 20th second after NOW."""
        configured = world.configured(
            order_latency_ms=order_ms, cancel_latency_ms=0, ack_latency_ms=ack_ms, outages=windows or ((10, 10),)
        )
        at = PaperVenue.of(configured)
        at.open(NOW)
        return at

    def test_windows_are_counted_from_birth(self) -> None:
        """In nanoseconds of journal time; each end is a moment to look at."""
        at = self.out(0, 0, (10, 10), (30, 1))
        assert at.outages == ((self.START, self.END), (NOW + 30 * LATE, NOW + 31 * LATE))
        assert at.next_due == self.END

    def test_what_was_accepted_before_is_heard_after(self) -> None:
        """The acknowledgement is on its way when the venue falls silent."""
        at, shown = self.out(ack_ms=2_000), book({44: 500}, {46: 400})
        assert rest(at, shown, order(), now=self.START - 1) == []
        assert heard(at, shown, self.END - 1) == []
        assert heard(at, shown, self.END) == [("a", "ACK", 44, 100, "")]

    @pytest.mark.parametrize(("sent", "answer"), [(0, "REJECT"), (-1, "ACK")])
    def test_what_is_sent_into_it_never_arrived(self, sent: int, answer: str) -> None:
        """From its first nanosecond; nobody knows before the end."""
        at, shown = self.out(), book({44: 500}, {46: 400})
        said = rest(at, shown, order(), now=self.START + sent) + heard(at, shown, self.END - 1)
        assert said == ([] if sent == 0 else [("a", "ACK", 44, 100, "")])
        later = heard(at, shown, self.END)
        assert later == [("a", answer, 44, 100, "NEVER_ARRIVED" if sent == 0 else "")]

    def test_a_cancel_sent_into_it_is_denied_and_the_order_stated_again(self) -> None:
        """It still rests; at the end's own nanosecond an order arrives."""
        at, shown = self.out(), book({44: 500}, {46: 400})
        rest(at, shown, order())
        assert rest(at, shown, cancel(), now=self.START) == []
        assert rest(at, shown, order("b", price_ticks=43), now=self.END) == [
            ("a", "CANCEL_REJECT", 44, 100, "NEVER_ARRIVED"),
            ("a", "ACK", 44, 100, ""),
            ("b", "ACK", 43, 100, ""),
        ]

    def test_nothing_is_matched_until_its_end(self) -> None:
        """Trades pass by; what then stands across our price meets us."""
        at, shown = self.out(), book({43: 500}, {46: 400})
        rest(at, shown, order())
        trade(at, shown, 43, 900, -1, self.START)
        change(at, shown, -1, 44, 30, self.START + 1)
        assert heard(at, shown, self.END - 1) == []
        assert heard(at, shown, self.END) == [("a", "ACK", 44, 100, ""), ("a", "MATCH", 44, 30, "maker")]

    def test_windows_that_touch_are_one(self) -> None:
        """A word waits for the end of both."""
        at, shown = self.out(0, 0, (10, 10), (20, 5)), book({44: 500}, {46: 400})
        rest(at, shown, order(), now=self.START)
        assert heard(at, shown, NOW + 25 * LATE - 1) == []
        assert heard(at, shown, NOW + 25 * LATE) == [("a", "REJECT", 44, 100, "NEVER_ARRIVED")]


class TestTick:
    def test_a_new_tick_cancels_what_rests_on_the_old_one(self) -> None:
        """A price of 44 means something else then; what we have eaten is forgotten with the old levels."""
        at, shown = venue(), book({44: 500}, {46: 400})
        assert not at.on_definition(M, world.definition(), NOW)
        rest(at, shown, order(), order("b", price_ticks=46, size_lots=10, time_in_force="IOC"))
        assert not at.on_definition(M, world.definition(version=2), NOW)
        assert at.on_definition(M, world.definition(tick_micros=1_000, grid_ticks=1_000), NOW)
        assert heard(at, shown) == [("a", "CANCELLED", 44, 100, "TICK_CHANGED")]
        assert M not in at.watch

    def test_an_order_on_the_old_tick_is_refused(self) -> None:
        """It was on its way."""
        at, shown = venue(), book({44: 500}, {46: 400})
        at.on_definition(M, world.definition(tick_micros=1_000, grid_ticks=1_000), NOW)
        assert rest(at, shown, order()) == [("a", "REJECT", 44, 100, "TICK_CHANGED")]

    @pytest.mark.parametrize(("tick", "side", "price"), [(1_000, 1, 440), (30_000, 1, 15), (30_000, -1, 14)])
    def test_a_match_that_nobody_heard_yet_is_said_in_new_ticks(self, tick: int, side: int, price: int) -> None:
        """44 of a cent are 440 of a tenth; off the new grid a buyer pays more, a seller gets less."""
        at, shown = venue(ack_ms=5), book({44: 500}, {44: 400} if side > 0 else {})
        at.on_definition(M, world.definition(), NOW)
        rest(at, shown, order(side=side, price_ticks=44, time_in_force="IOC"))
        at.on_definition(M, world.definition(tick_micros=tick, grid_ticks=1_000_000 // tick), NOW)
        said = heard(at, shown, NOW + 5 * MS)
        assert [row[1:3] for row in said] == [("ACK", price), ("MATCH", price)]


SETTLEMENTS = [
    ("a long is paid one", {}, 1_000_000, (1, 100, 10_000, 1_000)),
    ("a short pays nothing at zero", {"size_lots": -1_000, "cost_micros": -4_400_000}, 0, (-1, 0, 10_000, 1_000)),
    ("a scalar value off the grid is stated in millionths", {}, 653_100, (1, 653_100, 1, 1_000)),
    ("void pays back the average cost", {}, -1, (1, 44, 10_000, 1_000)),
    ("void pays back a cost off the grid", {"cost_micros": 4_412_345}, -1, (1, 441_235, 1, 1_000)),
]


@pytest.mark.parametrize(("name", "held", "value", "paid"), SETTLEMENTS, ids=[row[0] for row in SETTLEMENTS])
def test_settle(name: str, held: dict[str, object], value: int, paid: tuple[int, int, int, int]) -> None:
    """A held position is paid its value at resolution, without a fee."""
    side, price, tick, lots = paid
    expected = Settlement(world.MARKET, side, price, tick, lots, world.LOT, 0, "settlement", True, "EXEC_SETTLED")
    assert settle(world.position(**held), world.definition(), value) == expected


# ---- properties ----------------------------------------------------------------------------------------------------


class Act(NamedTuple):
    """One thing that others do: a limit order, or a cancel of one of their orders."""

    kind: str
    side: int
    price: int
    lots: int
    pause_ms: int
    trades_first: bool


ACTS = st.builds(
    Act,
    st.sampled_from(["limit", "limit", "limit", "cancel"]),
    st.sampled_from([1, -1]),
    st.integers(41, 49),
    st.integers(1, 60),
    st.sampled_from([1, 300, 1_200]),
    st.booleans(),
)
OURS = st.tuples(st.integers(42, 48), st.integers(1, 60), st.integers(0, 6))
SEED = ((1, 41, 30), (1, 42, 20), (1, 43, 25), (-1, 47, 25), (-1, 48, 20), (-1, 49, 30))


class Exchange:
    """The brute-force reference: every order of the others by name, and what ours would have deserved."""

    def __init__(self) -> None:
        """Begin empty."""
        self.levels: dict[int, dict[int, list[list[int]]]] = {1: {}, -1: {}}
        self.number = 0

    def total(self, side: int, price: int) -> int:
        """Return the displayed size of a level."""
        return sum(lots for _, lots in self.levels[side].get(price, []))

    def better(self, side: int, limit: int) -> list[int]:
        """Return prices of one side that an aggressor with this limit meets, best first."""
        prices = sorted((p for p in self.levels[side] if self.total(side, p)), reverse=side > 0)
        return [p for p in prices if side * p >= side * limit]

    def limit(self, side: int, price: int, lots: int) -> tuple[list[tuple[int, int]], set[tuple[int, int]]]:
        """Match and rest a limit order; return (price, lots) traded and the levels touched."""
        trades, touched = [], set()
        for level_price in self.better(-side, price):
            met = 0
            for entry in self.levels[-side][level_price]:
                got = min(entry[1], lots - met)
                entry[1] -= got
                met += got
            if met:
                trades.append((level_price, met))
                touched.add((-side, level_price))
                lots -= met
        if lots:
            self.number += 1
            self.levels[side].setdefault(price, []).append([self.number, lots])
            touched.add((side, price))
        return trades, touched

    def cancel(self, side: int, price: int, lots: int) -> set[tuple[int, int]]:
        """Cancel one order at the level nearest to a price, chosen by `lots`."""
        prices = [p for p in self.levels[side] if self.total(side, p)]
        if not prices:
            return set()
        at = min(prices, key=lambda p: (abs(p - price), p))
        alive = [entry for entry in self.levels[side][at] if entry[1]]
        alive[lots % len(alive)][1] = 0
        return {(side, at)}


class Ghost:
    """One of our orders as it would have stood among the others: by name, who is ahead of it."""

    def __init__(self, exchange: Exchange, side: int, price: int, lots: int) -> None:
        """Join the end of the queue."""
        self.side, self.price, self.left, self.deserved = side, price, lots, 0
        self.ahead = [entry for entry in exchange.levels[side].get(price, []) if entry[1]]

    def meet(self, exchange: Exchange, limit: int, lots: int) -> int:
        """Return what an aggressor of the other side leaves for us, before it is matched."""
        if self.side * limit > self.side * self.price:
            return 0
        before = sum(exchange.total(self.side, p) for p in exchange.better(self.side, self.price) if p != self.price)
        got = max(0, min(self.left, lots - before - sum(entry[1] for entry in self.ahead)))
        self.left -= got
        self.deserved += got
        return got


@settings(max_examples=5 * settings().max_examples)
@given(st.lists(ACTS, min_size=4, max_size=30), st.sampled_from([1, -1]), st.lists(OURS, min_size=1, max_size=3))
def test_no_fill_is_luckier_than_the_queue_of_reality(
    acts: list[Act], side: int, ours: list[tuple[int, int, int]]
) -> None:
    """Whatever others do, in whatever order the venue reports it, we never have more than our place deserved."""
    exchange, shown, at, now = Exchange(), world.book({}, {}), venue(), NOW
    for seed_side, price, lots in SEED:
        exchange.limit(seed_side, price, lots)
        level(shown, seed_side, price, lots)
    ghosts: dict[str, Ghost] = {}
    filled: dict[str, int] = {}
    for number, act in enumerate(acts):
        for name, (price, lots, when) in enumerate(ours):
            if when == number and not exchange.better(-side, price) and all(g.price != price for g in ghosts.values()):
                ghosts[str(name)] = Ghost(exchange, side, price, lots)
                rest(at, shown, order(str(name), side=side, price_ticks=price, size_lots=lots, post_only=True), now=now)
        now += act.pause_ms * MS
        if act.kind == "cancel":
            trades, touched = [], exchange.cancel(act.side, act.price, act.lots)
        else:
            left = act.lots
            for ghost in sorted(ghosts.values(), key=lambda g: -g.side * g.price):
                if ghost.side == -act.side:
                    left -= ghost.meet(exchange, act.price, left)
            trades, touched = exchange.limit(act.side, act.price, act.lots)
        messages = [("trade", p, lots, 0) for p, lots in trades]
        changes = [("change", p, exchange.total(s, p), s) for s, p in sorted(touched)]
        for kind, price, lots, of in messages + changes if act.trades_first else changes + messages:
            if kind == "trade":
                trade(at, shown, price, lots, act.side, now)
            else:
                change(at, shown, of, price, lots, now)
        for name, event, price, lots, _ in heard(at, shown, now):
            assert event == "MATCH"
            assert price == ghosts[name].price
            filled[name] = filled.get(name, 0) + lots
        for name, lots in filled.items():
            assert lots <= ghosts[name].deserved


TAKES = st.lists(
    st.tuples(
        st.sampled_from([1, -1]), st.integers(35, 55), st.integers(1, 300), st.sampled_from(["GTC", "IOC", "FOK"])
    ),
    max_size=12,
)
LEVELS = st.dictionaries(st.integers(46, 52), st.integers(1, 200), max_size=5)


@given(TAKES, LEVELS, LEVELS, st.integers(0, 20), st.integers(0, 20), st.data())
def test_orders_keep_their_promises(
    takes: list[tuple[int, int, int, str]],
    asks: dict[int, int],
    bids: dict[int, int],
    order_ms: int,
    ack_ms: int,
    data: st.DataObject,
) -> None:
    """Never more than the size, never worse than the limit, never before the latency, never more than is displayed."""
    at = venue(order_ms=order_ms, ack_ms=ack_ms)
    shown = book({90 - price: lots for price, lots in bids.items()}, asks)
    copied = data.draw(st.integers(0, max(0, len(takes) - 1)))
    events: list[tuple[int, int, VenueOrderEvent]] = []
    for number, (side, price, lots, force) in enumerate(takes):
        sent = NOW + number * 50 * MS
        at.submit(
            M, order(str(number), side=side, price_ticks=price, size_lots=lots, time_in_force=force), definition(), sent
        )
        if number == copied:
            twin = pickle.loads(pickle.dumps(at))
            assert twin.due(sent + 50 * MS, lambda _: shown) == pickle.loads(pickle.dumps(at)).due(
                sent + 50 * MS, lambda _: shown
            )
        said = at.due(sent + 50 * MS, lambda _: shown)
        assert all(due >= sent + (order_ms + ack_ms) * MS for _, due, _ in said)
        assert [due for _, due, _ in said] == sorted(due for _, due, _ in said)
        events += said
    taken: dict[tuple[int, int], int] = {}
    carry: dict[str, int] = {}
    for _, _, event in events:
        if event.event != "MATCH":
            continue
        side, limit, lots, _ = takes[int(event.client_order_id)]
        assert side * event.price_ticks <= side * limit
        taken[side, event.price_ticks] = taken.get((side, event.price_ticks), 0) + event.size_lots
        fee, carry[event.client_order_id] = charge(
            definition().fee,
            False,
            side,
            event.price_ticks * 10_000,
            event.size_lots,
            world.LOT,
            carry.get(event.client_order_id, 0),
        )
        assert event.fee_micros == fee
    for (side, price), lots in taken.items():
        assert lots <= (shown.asks if side > 0 else shown.bids)[price]
    for number, (_, _, lots, _) in enumerate(takes):
        mine = [e for _, _, e in events if e.client_order_id == str(number)]
        assert sum(e.size_lots for e in mine if e.event == "MATCH") <= lots
        assert len({e.trade_id for e in mine if e.event == "MATCH"}) == sum(1 for e in mine if e.event == "MATCH")


def definition() -> object:
    """Return a market whose balance is kept at whole cents, so that the order's carry shows."""
    return world.definition(fee=FeeModel("binary_quadratic", 70_000, 17_500, 100, 10_000))
