"""Answer Polymarket's discovery: markets and events in camel case, lists as JSON inside of text."""

from typing import TYPE_CHECKING

from connectors.mocks.core import BUY, SELL, ZERO, Market
from connectors.mocks.misbehave import MARKETS
from connectors.mocks.wire import Answer, Body, Call, Route, compact, plain

if TYPE_CHECKING:
    from connectors.mocks.polymarket import Polymarket

PAGE_MAX = 100


class Gamma:
    """The discovery interface, under `/gamma`, and at the root where no other path is in the way."""

    def __init__(self, venue: "Polymarket") -> None:
        """Take the venue."""
        self.venue = venue
        self.routes = [
            Route("GET", f"{root}{path}", MARKETS, handler, private=False)
            for root in ("/gamma", "")
            for path, handler in (
                ("/markets/keyset", self.keyset),
                ("/markets", self.markets),
                ("/events", self.events),
            )
        ]

    def markets(self, call: Call) -> Answer:
        """Markets by offset."""
        start, most = int(call.query.get("offset") or 0), int(call.query.get("limit") or PAGE_MAX)
        return Answer([self._market(market) for market in self._chosen(call)[start : start + most]])

    def keyset(self, call: Call) -> Answer:
        """Markets by cursor."""
        start, most = int(call.query.get("after_cursor") or 0), min(int(call.query.get("limit") or 20), PAGE_MAX)
        rows, after = self.venue.page(self._chosen(call), start, most, MARKETS)
        return Answer({"markets": [self._market(m) for m in rows], "next_cursor": str(after) if after else None})

    def events(self, call: Call) -> Answer:
        """An event for each market."""
        return Answer(
            [
                {"id": market.text("id"), "slug": f"mock-{market.text('id')}", "title": market.text("question"),
                 "active": True, "closed": False, "negRisk": market.data["neg_risk"], "enableNegRisk": False,
                 "negRiskAugmented": False, "markets": [self._market(market)], "tags": []}
                for market in self._chosen(call)
            ]
        )  # fmt: skip

    def _chosen(self, call: Call) -> list[Market]:
        wanted = set(call.query.get("condition_ids", "").split(",")) - {""}
        token = call.query.get("clob_token_ids")
        return [
            market
            for market in self.venue.exchange.markets.values()
            if (not wanted or market.symbol in wanted)
            and token in (None, *(self.venue.token(market, flip=flip) for flip in (False, True)))
        ]

    def _market(self, market: Market) -> Body:
        book = self.venue.exchange.books[market.symbol]
        bid, ask = book.best(BUY) or ZERO, book.best(SELL) or ZERO
        tokens = [self.venue.token(market, flip=flip) for flip in (False, True)]
        return {
            "id": market.text("id"),
            "question": market.text("question"),
            "conditionId": market.symbol,
            "slug": f"mock-{market.text('id')}",
            "description": "A mock market: it is never resolved.",
            "endDate": "2030-01-01T00:00:00Z",
            "active": True,
            "closed": market.status != "active",
            "archived": False,
            "restricted": False,
            "enableOrderBook": True,
            "acceptingOrders": market.status == "active",
            "negRisk": market.data["neg_risk"],
            "questionID": market.symbol,
            "orderPriceMinTickSize": float(market.tick),
            "orderMinSize": float(market.size_min),
            "secondsDelay": int(float(str(market.data["delay_s"]))),
            "feesEnabled": bool(market.data["rate"]),
            "feeSchedule": {"exponent": market.data["exponent"], "rate": float(str(market.data["rate"])),
                            "takerOnly": True, "rebateRate": 0.25},
            "outcomes": compact(["Yes", "No"]),
            "outcomePrices": compact([plain(bid), plain(1 - ask)]),
            "clobTokenIds": compact(tokens),
            "bestBid": float(bid),
            "bestAsk": float(ask),
            "lastTradePrice": float(market.last),
            "volume": plain(market.volume),
            "events": [],
            "tags": [],
        }  # fmt: skip
