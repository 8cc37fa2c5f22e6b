"""Let Polymarket's trades settle: MATCHED, MINED, CONFIRMED, or MATCHED, RETRYING, FAILED where that was asked for."""

import secrets
from typing import TYPE_CHECKING

from connectors.mocks.core import MockFill
from connectors.mocks.wire import number

if TYPE_CHECKING:
    from connectors.mocks.polymarket import Polymarket

GOOD = ("MATCHED", "MINED", "CONFIRMED")
BAD = ("MATCHED", "RETRYING", "FAILED")


class Trades:
    """Every trade on its way to the chain."""

    def __init__(self, venue: "Polymarket") -> None:
        """Take the venue."""
        self.venue = venue
        self._ways: dict[str, tuple[str, ...]] = {}
        self._transactions: dict[str, str] = {}

    def matched(self, fill: MockFill) -> None:
        """Begin: both sides of a trade go the same way."""
        faults = self.venue.faults
        if fill.trade_id not in self._ways:
            good = faults.on_fill("matched_mined_confirmed")
            self._ways[fill.trade_id] = BAD if not good and faults.on_fill("matched_retrying_failed") else GOOD
            self._transactions[fill.trade_id] = "0x" + secrets.token_hex(32)
        fill.status = "MATCHED"
        self._next(fill, 1)

    def transaction(self, fill: MockFill) -> str:
        """The hash of the transaction that carries a trade."""
        return self._transactions[fill.trade_id]

    def _next(self, fill: MockFill, step: int) -> None:
        way = self._ways[fill.trade_id]
        if step < len(way):
            wait = float(number(self.venue.rules["settle_ms"], "settle_ms")) / 1000
            self.venue.later(wait, lambda: self._reach(fill, step))

    def _reach(self, fill: MockFill, step: int) -> None:
        fill.status = self._ways[fill.trade_id][step]
        if fill.status == "RETRYING":
            self._transactions[fill.trade_id] = "0x" + secrets.token_hex(32)
        if fill.status == "FAILED":
            self.venue.exchange.book_holding(self.venue.exchange.accounts[fill.order.account], fill, -1)
        self.venue.tell_fill(fill)
        self._next(fill, step + 1)
