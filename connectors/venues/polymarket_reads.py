"""Read lists, trades and frames of Polymarket for one wallet.

Orders are known by their digest; a taker's fee follows from its market's own schedule, which is asked for once.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec

from connectors.venue import Page, Retryable, Terms, VenueFill, VenueOrder
from connectors.venues import polymarket_words as words
from connectors.venues.asking import Asking
from connectors.venues.polymarket_words import Ours, Part
from connectors.venues.reading import Markets, Names, Seen, Unread, lots, micros, text
from contracts.order import VenueOrderEvent

VENUE_ID = "polymarket"
FIRST, LAST = "MA==", "LTE="
PAGES_MAX = 200
MILLION = 1_000_000


class Reads:
    """What the venue says of one wallet, in the market's own units."""

    def __init__(self, rest: Asking, ours: Ours, markets: Markets) -> None:
        """Take where to ask, by what we are known, and the markets."""
        self._rest, self._ours, self.markets = rest, ours, markets
        self.names, self.seen = Names(), Seen()
        self._fees: dict[str, Mapping[str, object]] = {}

    def order(self, row: Mapping[str, object], terms: Terms | None = None) -> VenueOrder:
        """Return an order as REST states it; raises Unread."""
        order_id = text(row, "id")
        known = self.names.known(order_id)
        of = known.terms or terms or self.markets.of(text(row, "asset_id"))
        return words.order_of(row, of, known.client_order_id, known.size_micros)

    def orders(self) -> Page:
        """Return every resting order of the key."""
        rows, complete = self._pages("/data/orders", {})
        found: list[VenueOrder] = []
        for row in rows:
            try:
                found.append(self.order(row))
            except Unread:
                complete = False
        return Page(tuple(found), complete)

    def trades(self, since_s: int) -> tuple[list[VenueFill], bool]:
        """Return our part of every trade since a time, oldest first, and whether all could be read."""
        rows, complete = self._pages("/data/trades", {"after": since_s})
        found: list[VenueFill] = []
        for row in rows:
            try:
                found += self._fills(row)
            except Unread:
                complete = False
        found.sort(key=lambda fill: (fill.at_ns, fill.trade_id))
        return found, complete

    def heard(self, frame: str | bytes) -> Iterator[VenueOrderEvent | VenueFill]:
        """Yield what a frame says, an object or an array of them; what cannot be read is left to polling."""
        try:
            said = msgspec.json.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        for row in said if isinstance(said, list) else [said]:
            if not isinstance(row, dict):
                continue
            try:
                yield from list(self._heard(row))
            except (Unread, Retryable):
                continue

    def _heard(self, row: Mapping[str, object]) -> Iterator[VenueOrderEvent | VenueFill]:
        if row.get("event_type") == "trade":
            yield from self.seen.fresh(list(self._fills(row)))
        elif row.get("event_type") == "order":
            known = self.names.known(text(row, "id"))
            terms = known.terms or self.markets.of(text(row, "asset_id"))
            event = words.event_of(row, terms, known.client_order_id)
            if event is not None:
                yield event

    def hold(self, held: dict[str, int], rows: list[dict[str, object]]) -> bool:
        """Add positions to what is held: a token below zero where it is only a market's complement. True: all read."""
        good = True
        for row in rows:
            try:
                token, size = text(row, "asset"), shares_of(row.get("size"))
            except Unread:
                good = False
                continue
            terms = self.markets.of(token)
            sign = 1 if token == terms.symbol else -1
            held[terms.market_id] = held.get(terms.market_id, 0) + sign * lots(size, terms)
        return good

    def _fills(self, trade: Mapping[str, object]) -> Iterator[VenueFill]:
        for part in words.parts_of(trade, self._ours):
            known = self.names.known(part.order_id)
            terms = known.terms or self.markets.of(text(part.row, "asset_id"))
            yield words.fill_of(part, terms, known.client_order_id, self._fee(part))

    def _fee(self, part: Part) -> int:
        """Return what a taker paid, by the market's own schedule; raises Retryable where it cannot be read."""
        if part.maker:
            return 0
        if part.condition not in self._fees:
            if not part.condition.isalnum():
                raise Unread("market")
            reply = self._rest.get(f"/clob-markets/{part.condition}", signed=False)
            if not reply.good or not isinstance(reply.body, dict):
                raise Retryable(f"{VENUE_ID}: fees of {part.condition[:80]}: {reply.status}", "fees", 1.0)
            stated = reply.body.get("fd")
            self._fees[part.condition] = stated if isinstance(stated, dict) else {"r": 0, "e": 0}
        return words.taker_fee(self._fees[part.condition], part.units, micros(part.row, "price"))

    def _pages(self, path: str, query: Mapping[str, str | int]) -> tuple[list[dict[str, object]], bool]:
        """Return the rows of every page, and whether all were read; the first page must be."""
        found: list[dict[str, object]] = []
        cursor = FIRST
        for number in range(PAGES_MAX):
            reply = self._rest.get(path, {**query, "next_cursor": cursor})
            rows = reply.rows("" if isinstance(reply.body, list) else "data")
            if not reply.good or rows is None:
                if number:
                    return found, False
                raise words.failed(f"{VENUE_ID}: {path}", reply, writes=False)
            found += rows
            cursor = reply.text("next_cursor")
            if cursor in ("", LAST):
                return found, True
        return found, False


def shares_of(value: object) -> int:
    """Return a number of shares in millionths, cut: the data service says more digits than a token has."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise Unread("size")
    try:
        return int(Decimal(value) * MILLION)
    except ArithmeticError:
        raise Unread("size") from None
