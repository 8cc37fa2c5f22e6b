"""Without a user channel, what became of orders is told by asking for those that are known to rest, each thing once."""

from dataclasses import replace

import pytest

from connectors.venue import CANCELLED, EXPIRED, FILLED, REJECTED, RESTING, Retryable, Terms, VenueFill, VenueOrder
from connectors.venues.ccxt_following import POLLS_MAX, Following
from contracts.order import VenueOrderEvent
from tests.connectors.venues.perps import BTC, ETH

TERMS = BTC["binance"]
ORDER = VenueOrder("ours", "1", TERMS.market_id, RESTING, 1, 640_000, 10, 0)


def fill(number: int, lots: int, order_id: str = "1") -> VenueFill:
    """Return a match of the order."""
    return VenueFill(str(number), order_id, "ours", TERMS.market_id, 1, 640_000, lots, 7, "maker", number)


class Away(Retryable):
    """The venue does not answer."""


class Street:
    """A venue that says what it is told to say, and keeps what it was asked."""

    def __init__(self) -> None:
        self.rests: list[VenueOrder] = []
        self.orders: dict[str, VenueOrder] = {}
        self.matches: list[VenueFill] = []
        self.complete, self.away = True, False
        self.asked: list[str] = []

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.away:
            raise Away("x")

    def order(self, terms: Terms, *, order_id: str = "", client_order_id: str = "") -> VenueOrder | None:
        self._ask(f"order {order_id}")
        return self.orders.get(order_id)

    def resting(self, symbol: str) -> tuple[list[VenueOrder], bool]:
        self._ask(f"resting {symbol}")
        return [row for row in self.rests if row.market_id.endswith(symbol)], self.complete

    def fills_of(self, order_id: str, terms: Terms) -> list[VenueFill]:
        self._ask(f"fills {order_id}")
        return [one for one in self.matches if one.venue_order_id == order_id]


def following() -> tuple[Following, Street, list[float]]:
    """Return what is tested, its venue, and every wait; a wait moves the clock."""
    street, now, waits = Street(), [0.0], list[float]()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    return Following(street, clock=lambda: now[0], sleep=sleep), street, waits


def test_nothing_is_asked_while_nothing_is_open() -> None:
    """No order, no request; the wait is as long as the caller allows, and no longer."""
    follow, street, waits = following()
    assert [] == [*follow.events(0.0), *follow.events(0.25), *follow.events(5.0)]
    assert ([], [0.0, 0.25, 0.75]) == (street.asked, waits)


def test_a_resting_order_is_acknowledged_once() -> None:
    """However often it is read, in answers and in lists; nobody's order is not told of."""
    follow, street, _ = following()
    follow.learn(ORDER, TERMS, placed=True)
    follow.learn(ORDER, TERMS)
    follow.learn(replace(ORDER, venue_order_id="2", client_order_id=""), TERMS)
    street.rests = [ORDER]
    found = follow.events(0.0)
    ack = VenueOrderEvent("ours", "1", TERMS.market_id, "ACK", 1, 640_000, 10, "", "", 0, 0, "")
    assert ([ack], []) == (found, street.asked)
    assert ["BTCUSDT"] == follow.symbols


@pytest.mark.parametrize(("state", "event"), [(CANCELLED, "CANCELLED"), (EXPIRED, "EXPIRED"), (REJECTED, "REJECT")])
def test_an_order_that_rests_no_more_is_looked_up(state: str, event: str) -> None:
    """What is in no complete list any more is asked for by its id; its end is told once, with the venue's word."""
    follow, street, _ = following()
    follow.learn(ORDER, TERMS)
    street.orders["1"] = replace(ORDER, state=state, detail="why")
    assert ["ACK"] == [one.event for one in follow.events(0.0) if isinstance(one, VenueOrderEvent)]
    street.complete = False
    assert [] == follow.events(2.0)
    street.complete = True
    told = follow.events(2.0)
    assert [(event, "why")] == [(one.event, one.detail) for one in told if isinstance(one, VenueOrderEvent)]
    assert ([], []) == (follow.events(2.0), follow.symbols)
    assert ["resting BTCUSDT", "resting BTCUSDT", "order 1"] == street.asked


def test_an_answer_that_ends_an_order_is_told() -> None:
    """An order that took and left a rest, one that was taken back; a look-up of one long gone tells nothing."""
    follow, _, _ = following()
    follow.learn(replace(ORDER, state=EXPIRED), TERMS, placed=True)
    follow.learn(replace(ORDER, state=CANCELLED, venue_order_id="2"), TERMS)
    assert ["EXPIRED"] == [one.event for one in follow.events(0.0) if isinstance(one, VenueOrderEvent)]


def test_fills_are_asked_for_until_they_are_all_there() -> None:
    """A list that grows while an order fills: its fills come by its own id, each once, until they are what it says."""
    follow, street, _ = following()
    follow.learn(ORDER, TERMS)
    follow.events(0.0)
    street.rests = [replace(ORDER, filled_lots=4)]
    assert [] == follow.events(2.0)  # the list of fills lags behind the order
    street.matches = [fill(1, 4), fill(1, 4)]
    assert [fill(1, 4)] == follow.events(2.0)
    street.asked.clear()
    assert ([], ["resting BTCUSDT"]) == (follow.events(2.0), street.asked)
    street.rests, street.orders["1"] = [], replace(ORDER, state=FILLED, filled_lots=10)
    street.matches += [fill(2, 6)]
    assert [fill(2, 6)] == follow.events(2.0)
    assert [] == follow.events(2.0)


def test_what_never_comes_is_given_up() -> None:
    """Fills that no list shows, and an order that no look-up finds, are left to the submitter's own comparison."""
    follow, street, _ = following()
    follow.learn(replace(ORDER, state=FILLED, filled_lots=10), TERMS, placed=True)
    follow.learn(replace(ORDER, venue_order_id="2"), TERMS)
    follow.events(0.0)
    for _ in range(POLLS_MAX):
        follow.events(2.0)
    street.asked.clear()
    assert ([], []) == (follow.events(2.0), street.asked)


def test_symbols_take_turns() -> None:
    """One symbol's list at a time, so that no wait grows with their number."""
    follow, street, _ = following()
    other = replace(ORDER, venue_order_id="2", market_id=ETH["binance"].market_id)
    follow.learn(ORDER, TERMS)
    follow.learn(other, ETH["binance"])
    follow.events(0.0)
    street.rests = [ORDER, other]
    for _ in range(4):
        follow.events(2.0)
    assert ["resting BTCUSDT", "resting ETHUSDT"] * 2 == sorted(street.asked[:2]) + sorted(street.asked[2:])


def test_a_venue_that_is_away_takes_nothing_that_was_learnt() -> None:
    """A failure is raised when nothing was learnt before it; what was learnt is told first."""
    follow, street, _ = following()
    follow.learn(ORDER, TERMS)
    follow.events(0.0)
    street.away = True
    with pytest.raises(Away):
        follow.events(2.0)
    street.away, street.rests = False, [replace(ORDER, filled_lots=4)]
    street.matches = [fill(1, 4)]
    assert [fill(1, 4)] == follow.events(2.0)
