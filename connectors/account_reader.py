"""Read an account from its venue as one AccountSnapshot: everything of one moment, or marked as incomplete.

    holdings -> time taken -> open orders -> holdings again          whole when both readings of holdings are equal
    cash = what the venue states, and what it has taken off that for resting orders, where it does so (`held_back`)

A fill between two requests would otherwise make orders and positions of two moments look like a difference. What
cannot be read whole in `TRIES` is said as an incomplete snapshot without content, which proves nothing and clears
nothing (gov.reconciler). An order that the venue does not know by our id is named by the venue's own.
Source: double collect, as in Afek et al. (1993), Atomic snapshots of shared memory.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from bots.maths.notional import loss
from connectors.venue import Holdings, Terms, Venue, VenueFailed, VenueOrder
from contracts.order import AccountSnapshot

TRIES = 3
HeldBack = Callable[[Sequence[VenueOrder], Mapping[str, int]], int]
"""Micros that a venue takes off the cash that it states, for these resting orders beside these positions in lots.
Raises KeyError for an order in a market that it does not know."""


def nothing(orders: Sequence[VenueOrder], positions: Mapping[str, int]) -> int:
    """Say that a venue states its cash whole."""
    return 0


def binaries(terms: Iterable[Terms]) -> HeldBack:
    """Say it for a venue that states what can still be used, in markets where one book serves both outcomes.

    Per market and side: size left, beyond the position against it, which the best orders close first, at what a buyer
    pays, p, or a seller, 1 - p.
    """
    known = {each.market_id: each for each in terms}

    def held_back(orders: Sequence[VenueOrder], positions: Mapping[str, int]) -> int:
        total = 0
        against = {(name, -1 if lots > 0 else 1): abs(lots) for name, lots in positions.items()}
        for order in sorted(orders, key=lambda each: -each.side * each.price_ticks):
            of, place = known[order.market_id], (order.market_id, order.side)
            left = order.size_lots - order.filled_lots
            closing = min(left, against.get(place, 0))
            against[place] = against.get(place, 0) - closing
            risked = order.price_ticks if order.side > 0 else of.grid_ticks - order.price_ticks
            total += loss(risked * of.tick_micros * of.lot_micros, left - closing)
        return total

    return held_back


class AccountReader:
    """One account at one venue."""

    def __init__(
        self, venue: Venue, account: str, now_ns: Callable[[], int], held_back: HeldBack = nothing, tries: int = TRIES
    ) -> None:
        """Take the venue, the desk's name of the account, the clock of arrivals, and what its cash leaves out."""
        self._venue, self._account, self._now_ns, self._tries = venue, account, now_ns, tries
        self._held_back = held_back
        self.why = ""

    def read(self) -> AccountSnapshot:
        """Return the account; `why` says what made it incomplete, and is empty otherwise.

        At most tries + 1 readings of holdings and `tries` of open orders; raises nothing that a venue may raise.
        """
        self.why = ""
        try:
            return self._read()
        except VenueFailed as err:
            return self._incomplete(str(err))

    def _read(self) -> AccountSnapshot:
        before = self._venue.holdings()
        for _ in range(self._tries):
            taken_ns = self._now_ns()
            orders = self._venue.open_orders()
            after = self._venue.holdings()
            if not (before.complete and orders.complete and after.complete):
                return self._incomplete("not every page could be read")
            if _said(before) == _said(after):
                return self._whole(after, tuple(row for row in orders.rows if isinstance(row, VenueOrder)), taken_ns)
            before = after
        return self._incomplete(f"the account changed during each of {self._tries} readings")

    def _whole(self, holdings: Holdings, orders: tuple[VenueOrder, ...], taken_ns: int) -> AccountSnapshot:
        cash, positions = _said(holdings)
        if len(dict(positions)) != len(positions):
            return self._incomplete("a market is listed twice")
        names = sorted({order.client_order_id or order.venue_order_id for order in orders})
        if "" in names:
            return self._incomplete("an order has no id")
        try:
            cash += self._held_back(orders, dict(positions))
        except KeyError as err:
            return self._incomplete(f"an order rests in {err.args[0]}, of which no terms are known")
        return AccountSnapshot(self._account, True, cash, positions, tuple(names), taken_ns)

    def _incomplete(self, why: str) -> AccountSnapshot:
        self.why = why
        return AccountSnapshot(self._account, False, 0, (), (), self._now_ns())


def _said(holdings: Holdings) -> tuple[int, tuple[tuple[str, int], ...]]:
    """Return cash and the positions that are some, in order: an empty position and its absence are the same."""
    return holdings.cash_micros, tuple(sorted((name, lots) for name, lots in holdings.positions if lots))
