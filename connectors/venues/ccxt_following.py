"""Tell what became of orders at a venue whose user channel is not used: by asking for what is known to rest.

Everything that is read of an order is learnt here. One that rests is acknowledged once; one that rested and is in no
list any more is looked up; what an order says is filled, and no fill has told yet, is asked for by the order's own id.
Nothing is asked while nothing rests and nothing is owed. What is missed is found by the submitter's own comparison.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from connectors.venue import CANCELLED, EXPIRED, REJECTED, RESTING, Terms, VenueFailed, VenueFill, VenueOrder
from connectors.venues.reading import REMEMBERED, Seen
from contracts.order import VenueOrderEvent

POLL_S, POLLS_MAX = 1.0, 60
EVENTS = {RESTING: "ACK", CANCELLED: "CANCELLED", EXPIRED: "EXPIRED", REJECTED: "REJECT"}


class Asked(Protocol):
    """What is asked of a venue."""

    def order(self, terms: Terms, *, order_id: str = "", client_order_id: str = "") -> VenueOrder | None:
        """Look an order up."""

    def resting(self, symbol: str) -> tuple[list[VenueOrder], bool]:
        """Return the resting orders of a symbol, and whether all were read."""

    def fills_of(self, order_id: str, terms: Terms) -> list[VenueFill]:
        """Return the matches of an order."""


class Owed:
    """Fills of an order that are still to be told: `lots` filled, `polls` asked in vain."""

    __slots__ = ("lots", "polls", "terms")

    def __init__(self, terms: Terms) -> None:
        """Owe nothing yet."""
        self.terms, self.lots, self.polls = terms, 0, 0


class Following:
    """What is known of orders, and what of it is still to be told."""

    def __init__(
        self,
        venue: Asked,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take who is asked."""
        self._venue, self._clock, self._sleep = venue, clock, sleep
        self._open: dict[str, tuple[VenueOrder, Terms]] = {}
        self._owed: dict[str, Owed] = {}
        self._missed: dict[str, int] = {}
        self._told: OrderedDict[str, int] = OrderedDict()
        self._events: list[VenueOrderEvent | VenueFill] = []
        self._seen, self._due, self._turn = Seen(), clock(), 0

    @property
    def symbols(self) -> list[str]:
        """Return the symbols in which orders are known to rest."""
        return sorted({terms.symbol for _, terms in self._open.values()})

    def learn(self, order: VenueOrder, terms: Terms, *, placed: bool = False) -> None:
        """Take in an order as the venue knows it; `placed` for the answer to an order that was just sent."""
        name = order.venue_order_id
        known = name in self._open
        if order.state == RESTING:
            self._open[name] = (order, terms)
        else:
            self._open.pop(name, None)
        ends = order.state in EVENTS and order.state != RESTING and (known or placed)
        if order.client_order_id and (ends or (order.state == RESTING and not known)):
            self._events.append(_event(order))
        if order.filled_lots > self._told.get(name, 0):
            owed = self._owed.setdefault(name, Owed(terms))
            owed.lots = order.filled_lots

    def events(self, timeout_s: float) -> list[VenueOrderEvent | VenueFill]:
        """Return what was learnt since the last call; asks where it is time, and waits for that at most so long."""
        if not self._events:
            wait = self._due - self._clock()
            if wait > timeout_s:
                self._sleep(timeout_s)
            else:
                self._sleep(max(0.0, wait))
                self._due = self._clock() + POLL_S
                self._ask()
        found, self._events = self._events, []
        return found

    def _ask(self) -> None:
        try:
            if symbols := self.symbols:
                self._turn += 1
                self._look(symbols[self._turn % len(symbols)])
            for name in list(self._owed):
                self._fills(name)
        except VenueFailed:
            if not self._events:
                raise

    def _look(self, symbol: str) -> None:
        """Compare one symbol's resting orders with those that are known to rest."""
        rows, complete = self._venue.resting(symbol)
        here = {row.venue_order_id for row in rows}
        known = {name: each for name, each in self._open.items() if each[1].symbol == symbol}
        for row in rows:
            if row.venue_order_id in known:
                self.learn(row, known[row.venue_order_id][1])
        for name, (_, terms) in known.items():
            if not complete or name in here:
                continue
            found = self._venue.order(terms, order_id=name)
            if found is not None:
                self.learn(found, terms)
            self._missed[name] = self._missed.get(name, 0) + 1
            if name not in self._open or self._missed[name] >= POLLS_MAX:  # left to the submitter's own comparison
                self._open.pop(name, None)
                del self._missed[name]

    def _fills(self, name: str) -> None:
        owed = self._owed[name]
        owed.polls += 1
        found = self._venue.fills_of(name, owed.terms)
        self._events += self._seen.fresh(found)
        told = sum({fill.trade_id: fill.size_lots for fill in found}.values())
        self._told[name] = max(told, self._told.get(name, 0))
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        if told >= owed.lots or owed.polls >= POLLS_MAX:
            del self._owed[name]


def _event(order: VenueOrder) -> VenueOrderEvent:
    return VenueOrderEvent(
        order.client_order_id,
        order.venue_order_id,
        order.market_id,
        EVENTS[order.state],
        order.side,
        order.price_ticks,
        order.size_lots,
        "",
        "",
        0,
        0,
        order.detail,
    )
