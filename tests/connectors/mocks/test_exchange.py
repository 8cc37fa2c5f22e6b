"""The matching engine that every mock stands on: price, then time; nothing lost, nothing made."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mocks.core import (
    BUY,
    FOK,
    GTC,
    GTD,
    IOC,
    OPEN,
    SELL,
    Denied,
    Held,
    Market,
    MockAccount,
    MockOrder,
    new_id,
)
from connectors.mocks.exchange import STP_BOTH, STP_MAKER, STP_TAKER, Exchange, side_of
from connectors.mocks.venue import MockVenue

D = Decimal


def exchange(*, margin: bool = False) -> Exchange:
    """A venue with one market and two people, and an empty book."""
    venue = MockVenue()
    found = Exchange(venue.clock, venue, margin=margin)
    found.list_market(Market("M", D("0.01"), D("0.01")))
    for name in ("ann", "bob"):
        found.accounts[name] = MockAccount(name, D(1000))
    return found


def order(who: str, side: int, price: str, size: str, tif: str = GTC) -> MockOrder:
    """An order in the one market."""
    return MockOrder(new_id(), who, new_id(), "M", "M", side, D(price), D(size), tif)


def test_the_better_price_trades_first_and_then_the_older_order() -> None:
    """A taker meets the best price, and at one price whoever came first."""
    venue = exchange()
    old, young, better = (
        order("ann", SELL, "0.50", "5"),
        order("ann", SELL, "0.50", "5"),
        order("ann", SELL, "0.49", "5"),
    )
    for resting in (old, young, better):
        venue.place(resting)
    fills = [fill for fill in venue.place(order("bob", BUY, "0.55", "12")) if fill.maker]
    assert [better, old, young] == [fill.order for fill in fills]
    assert [(D("0.49"), D(5)), (D("0.50"), D(5)), (D("0.50"), D(2))] == [(fill.price, fill.size) for fill in fills]


def test_a_post_only_order_that_would_trade_is_refused_and_changes_nothing() -> None:
    """Crossing at equality is crossing; one tick away rests."""
    venue = exchange()
    venue.place(order("ann", SELL, "0.50", "5"))
    for price, refused in (("0.50", True), ("0.49", False)):
        wish = order("bob", BUY, price, "1")
        wish.post_only = True
        if refused:
            with pytest.raises(Denied, match="post_only"):
                venue.place(wish)
        else:
            venue.place(wish)
        assert (not refused) == (wish.order_id in venue.orders)


@pytest.mark.parametrize(("size", "filled"), [("5", True), ("5.01", False)])
def test_all_or_nothing_counts_what_is_there(size: str, filled: bool) -> None:
    """A fill-or-kill order of exactly what is there fills; a hundredth more is refused whole."""
    venue = exchange()
    venue.place(order("ann", SELL, "0.50", "5"))
    wish = order("bob", BUY, "0.50", size, FOK)
    if filled:
        venue.place(wish)
        assert "filled" == wish.state
    else:
        with pytest.raises(Denied, match="fok"):
            venue.place(wish)
        assert [] == venue.fills


def test_an_immediate_order_never_rests() -> None:
    """What cannot trade at once is cancelled, and the book does not know it."""
    venue = exchange()
    venue.place(order("ann", SELL, "0.50", "5"))
    wish = order("bob", BUY, "0.50", "8", IOC)
    venue.place(wish)
    assert ("cancelled", D(5)) == (wish.state, wish.filled)
    assert [] == venue.books["M"].levels(BUY)


def test_money_that_is_to_be_spent_buys_what_it_buys() -> None:
    """A buy of ten dollars at 0.50 or better gets 25 shares where they cost 0.40."""
    venue = exchange()
    venue.place(order("ann", SELL, "0.40", "15"))
    venue.place(order("ann", SELL, "0.45", "30"))
    wish = order("bob", BUY, "0.50", "20", IOC)
    wish.spend = D(10)
    venue.place(wish)
    assert ("filled", D("23.888888")) == (wish.state, wish.filled)
    assert D("9.9999996") == wish.cost


def test_an_order_ends_at_its_time() -> None:
    """An order is gone the moment its time is reached."""
    venue = exchange()
    wish = order("ann", BUY, "0.40", "5", GTD)
    wish.expires_ms = venue.clock.ms() + 1_000
    venue.place(wish)
    assert [wish] == venue.open_orders("ann")
    venue.clock.skew_ms = 1_000
    assert [] == venue.open_orders("ann")
    assert "expired" == wish.state


@pytest.mark.parametrize(
    ("stp", "taker", "maker"),
    [(STP_TAKER, "cancelled", OPEN), (STP_MAKER, OPEN, "cancelled"), (STP_BOTH, "cancelled", "cancelled"),
     ("", "filled", "filled")],
)  # fmt: skip
def test_nobody_trades_with_himself_unless_he_may(stp: str, taker: str, maker: str) -> None:
    """Self-trade prevention cancels the one that it names; without it the trade happens, and is counted."""
    venue = exchange()
    resting, wish = order("ann", SELL, "0.50", "5"), order("ann", BUY, "0.50", "5")
    wish.stp = stp
    venue.place(resting)
    venue.place(wish)
    assert (taker, maker) == (wish.state, resting.state)
    assert (0 if stp else 1) == venue.self_trades


def test_an_order_that_only_became_smaller_keeps_its_place() -> None:
    """Shrinking keeps the queue; a new price or more size goes behind."""
    venue = exchange()
    first, second = order("ann", BUY, "0.40", "5"), order("bob", BUY, "0.40", "5")
    venue.place(first)
    venue.place(second)
    venue.replace(first, D("0.40"), D(3))
    assert [first, second] == venue.books["M"].sides[BUY][D("0.40")]
    venue.replace(first, D("0.40"), D(4))
    assert [second, first] == venue.books["M"].sides[BUY][D("0.40")]


def test_reduce_only_never_turns_a_position_round() -> None:
    """A resting reduce-only order is filled up to the position, and cancelled where there is none left."""
    venue = exchange(margin=True)
    venue.accounts["ann"].of("M").size = D(3)
    wish = order("ann", SELL, "0.50", "5")
    wish.reduce_only = True
    venue.place(wish)
    venue.street_trade("M", BUY, D(5), D("0.60"))
    assert (D(0), D(3), "cancelled") == (venue.accounts["ann"].of("M").size, wish.filled, wish.state)


def test_the_street_moves_and_takes_what_it_crosses() -> None:
    """A new picture of the street's book keeps our orders, and trades with those that it crosses."""
    venue = exchange()
    venue.set_book("M", {BUY: [(D("0.40"), D(10))], SELL: [(D("0.50"), D(10))]})
    ours = order("ann", BUY, "0.45", "4")
    venue.place(ours)
    venue.set_book("M", {SELL: [(D("0.44"), D(10))]})
    assert "filled" == ours.state
    assert [(D("0.44"), D(6))] == venue.books["M"].levels(SELL)


def test_the_queue_before_an_order_trades_before_it() -> None:
    """Whoever trades through the book meets the older size first; by name it meets one order alone."""
    venue = exchange()
    venue.set_book("M", {BUY: [(D("0.40"), D(10))]})
    ours = order("ann", BUY, "0.40", "4")
    venue.place(ours)
    assert [] == venue.street_trade("M", SELL, D(10), D("0.40"))
    assert [D(1)] == [fill.size for fill in venue.street_trade("M", SELL, D(1), D("0.40"))]
    assert [D(2)] == [fill.size for fill in venue.street_take(ours, D(2))]


def test_a_position_realises_what_it_closes() -> None:
    """Entry is an average; closing realises against it; turning round starts anew at the price."""
    held = Held()
    steps = ((BUY, D(10), D(100)), (BUY, D(10), D(110)), (SELL, D(6), D(110)), (SELL, D(24), D(115)))
    assert [D(0), D(0), D(30), D(140)] == [held.add(*step) for step in steps]
    assert (D(-10), D(115), D(170)) == (held.size, held.entry, held.realised)


@pytest.mark.parametrize(("word", "side"), [("buy", BUY), ("Bid", BUY), ("ask", SELL), ("SELL", SELL)])
def test_sides_are_read_in_every_venue_s_words(word: str, side: int) -> None:
    """Buy and sell have many names."""
    assert side == side_of(word)
    with pytest.raises(Denied):
        side_of("hold")


SIDES, PRICES, SIZES = st.sampled_from([BUY, SELL]), st.integers(1, 99), st.integers(1, 500)
STEPS = st.lists(
    st.tuples(st.sampled_from(["ann", "bob"]), SIDES, PRICES, SIZES, st.sampled_from([GTC, IOC])), max_size=40
)


@given(STEPS)
def test_nothing_is_lost_and_nothing_is_made(steps: list[tuple[str, int, int, int, str]]) -> None:
    """Whatever is placed: the book is never crossed, sizes add up, shares and cash are only moved."""
    venue = exchange()
    for who, side, price, size, tif in steps:
        venue.place(order(who, side, str(D(price) / 100), str(D(size) / 100), tif))
        bid, ask = venue.books["M"].best(BUY), venue.books["M"].best(SELL)
        assert bid is None or ask is None or bid < ask
    people = [venue.accounts[name] for name in ("ann", "bob")]
    assert 0 == sum(account.of("M").size for account in people)
    assert D(2000) == sum(account.cash for account in people)
    for placed in venue.orders.values():
        assert placed.filled == sum(fill.size for fill in venue.fills if fill.order is placed)
        assert 0 <= placed.left
        assert (placed.state == OPEN) == any(
            placed in row for side in (BUY, SELL) for row in venue.books["M"].sides[side].values()
        )
