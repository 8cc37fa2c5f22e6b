"""connectors.account_reader: an account of one moment, or a snapshot that says it is none."""

from dataclasses import replace
from typing import cast

import pytest

from connectors.account_reader import AccountReader, binaries
from connectors.venue import RESTING, Ambiguous, Final, Holdings, Page, Retryable, Terms, Venue, VenueOrder
from contracts.order import AccountSnapshot
from tests import world

NOW = int(world.NOW)
HELD = Holdings(1_000_000, (("M2", -5), ("M1", 10), ("M3", 0)), True)


def resting(client: str = "C1", venue: str = "V1") -> VenueOrder:
    """Return an order that rests."""
    return VenueOrder(client, venue, "M1", RESTING, 1, 44, 100, 0)


class Scripted:
    """A venue that states holdings and orders from a script; the last of each is stated again."""

    def __init__(self, holdings: list[Holdings | Exception], orders: list[Page | Exception]) -> None:
        self.script = {"holdings": list(holdings), "orders": list(orders)}
        self.asked: list[str] = []

    def _next(self, name: str) -> Holdings | Page:
        self.asked.append(name)
        script = self.script[name]
        said = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(said, Exception):
            raise said
        return said

    def holdings(self) -> Holdings:
        return cast("Holdings", self._next("holdings"))

    def open_orders(self) -> Page:
        return cast("Page", self._next("orders"))


def read(
    holdings: list[Holdings | Exception], orders: list[Page | Exception]
) -> tuple[AccountSnapshot, str, list[str]]:
    """Return the snapshot, what ailed it, and what was asked."""
    venue, ticks = Scripted(holdings, orders), iter(range(NOW, NOW + 100))
    reader = AccountReader(cast("Venue", venue), "main", lambda: next(ticks))
    said = reader.read()
    return world.checked(said), reader.why, venue.asked


def test_an_account_is_one_moment() -> None:
    """Positions that are none are left out, orders are named and sorted, and the time is of the reading of orders."""
    said, why, asked = read([HELD], [Page((resting("C2"), resting("C1", "V9")), True)])
    assert AccountSnapshot("main", True, 1_000_000, (("M1", 10), ("M2", -5)), ("C1", "C2"), NOW) == said
    assert ("", ["holdings", "orders", "holdings"]) == (why, asked)


def test_an_order_without_our_id_has_the_venues() -> None:
    """An order that somebody else placed is not lost."""
    said, _, _ = read([HELD], [Page((resting("", "V7"),), True)])
    assert ("V7",) == said.open_orders


def test_a_fill_between_two_requests_is_read_again() -> None:
    """The second pair of readings agrees: that moment counts, with its own time."""
    after = replace(HELD, cash_micros=900_000)
    said, why, asked = read([HELD, after, after], [Page((resting(),), True), Page((), True)])
    assert (True, 900_000, (), NOW + 1, "") == (said.complete, said.cash_micros, said.open_orders, said.taken_ns, why)
    assert ["holdings", "orders", "holdings", "orders", "holdings"] == asked


def test_an_account_that_never_stands_still_is_incomplete() -> None:
    """Three readings, each of another moment: nothing is said of it."""
    moving: list[Holdings | Exception] = [replace(HELD, cash_micros=cash) for cash in range(4)]
    said, why, asked = read(moving, [Page((), True)])
    assert AccountSnapshot("main", False, 0, (), (), NOW + 3) == said
    assert ("the account changed during each of 3 readings", 7) == (why, len(asked))


EMPTY = Page((), True)


@pytest.mark.parametrize(
    ("holdings", "orders", "named"),
    [
        ([replace(HELD, complete=False)], [EMPTY], "not every page"),
        ([HELD, replace(HELD, complete=False)], [EMPTY], "not every page"),
        ([HELD], [Page((resting(),), False)], "not every page"),
        ([Retryable("mock: 503", "503")], [EMPTY], "mock: 503"),
        ([HELD], [Final("mock: 401", "401")], "mock: 401"),
        ([HELD, Ambiguous("mock: cut", "cut")], [EMPTY], "mock: cut"),
        ([replace(HELD, positions=(("M1", 1), ("M1", 2)))], [EMPTY], "listed twice"),
        ([HELD], [Page((resting("", ""),), True)], "no id"),
    ],
)
def test_what_is_not_whole_says_so_and_nothing_else(
    holdings: list[Holdings | Exception], orders: list[Page | Exception], named: str
) -> None:
    """A missing page, a failure at any request and a list that contradicts itself: incomplete and without content."""
    said, why, _ = read(holdings, orders)
    assert (False, 0, (), ()) == (said.complete, said.cash_micros, said.positions, said.open_orders)
    assert named in why


def test_an_old_trouble_is_forgotten() -> None:
    """`why` is of the last reading."""
    venue = Scripted([Retryable("away"), HELD], [EMPTY])
    reader = AccountReader(cast("Venue", venue), "main", lambda: NOW)
    assert (False, "away") == (reader.read().complete, reader.why)
    assert (True, "") == (reader.read().complete, reader.why)


CENTS = Terms("M1", "M1", 10_000, 10_000, 100)


def at(side: int, price: int, contracts: int, filled: int = 0) -> VenueOrder:
    """Return an order of so many contracts at a price in cents."""
    return VenueOrder("C", "V", "M1", RESTING, side, price, contracts * 100, filled * 100)


@pytest.mark.parametrize(
    ("orders", "lots", "dollars"),
    [
        ([], 0, 0.0),
        ([at(1, 40, 10)], 0, 4.0),
        ([at(1, 40, 10, filled=4)], 0, 2.4),
        ([at(-1, 40, 10)], 0, 6.0),
        ([at(-1, 40, 10)], 1_000, 0.0),
        ([at(-1, 40, 10)], 400, 3.6),
        ([at(1, 40, 10)], 1_000, 4.0),
        ([at(1, 40, 10)], -1_000, 0.0),
        ([at(-1, 60, 10), at(-1, 50, 10)], 1_000, 4.0),
        ([at(1, 40, 10), at(-1, 60, 10)], 0, 8.0),
    ],
)
def test_what_resting_orders_tie_up(orders: list[VenueOrder], lots: int, dollars: float) -> None:
    """A buyer pays p, a seller 1 - p, for what exceeds the position against it; the best order closes first."""
    assert round(dollars * 1_000_000) == binaries([CENTS])(orders, {"M1": lots} if lots else {})


def test_cash_that_a_venue_leaves_out_is_added() -> None:
    """A venue that states what can be used has its cash made whole; without an order's terms it is incomplete."""
    venue = Scripted([HELD], [Page((replace(at(1, 40, 10), market_id="M4"),), True)])
    reader = AccountReader(cast("Venue", venue), "main", lambda: NOW, binaries([replace(CENTS, market_id="M4")]))
    assert (True, 5_000_000) == (reader.read().complete, reader.read().cash_micros)
    reader = AccountReader(cast("Venue", venue), "main", lambda: NOW, binaries([CENTS]))
    assert (False, 0) == (reader.read().complete, reader.read().cash_micros)
    assert "an order rests in M4, of which no terms are known" == reader.why
