"""Answer what anybody may ask of Polymarket's order book interface: books, prices, markets, fees, time, version."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.mocks.core import BUY, SELL, Denied, Market
from connectors.mocks.misbehave import BOOK, MARKETS, OTHER, STATUS, TIME
from connectors.mocks.wire import Answer, Body, Call, Route, compact, plain

if TYPE_CHECKING:
    from connectors.mocks.polymarket import Polymarket


class PolymarketPublic:
    """The public reads."""

    def __init__(self, venue: "Polymarket") -> None:
        """Take the venue."""
        self.venue = venue

        def get(path: str, kind: str, handler: Callable[[Call], Answer]) -> Route:
            return Route("GET", path, kind, handler, private=False)

        self.routes = [
            get("/", STATUS, lambda call: Answer("OK")),
            get("/ok", STATUS, lambda call: Answer("OK")),
            get("/time", TIME, lambda call: Answer(venue.clock.ms() // 1000)),
            get("/version", STATUS, lambda call: Answer({"version": 2})),
            get("/book", BOOK, lambda call: Answer(self.book(call.query.get("token_id", "")))),
            Route("POST", "/books", BOOK, self.books, private=False),
            get("/price", BOOK, self.price),
            get("/midpoint", BOOK, self.midpoint),
            get("/spread", BOOK, self.spread),
            get("/tick-size", MARKETS, self.tick),
            get("/neg-risk", MARKETS, self.neg_risk),
            get("/fee-rate", MARKETS, self.fee_rate),
            get("/last-trade-price", BOOK, self.last),
            get("/clob-markets/{condition}", MARKETS, self.details),
            get("/markets/{condition}", MARKETS, self.market),
            get("/sampling-markets", MARKETS, self.sampling),
            get("/markets-by-token/{token}", MARKETS, self.by_token),
            get("/fees/builder-fees/{code}", OTHER, self.builder),
            get("/api/geoblock", OTHER, self.geoblock),
        ]

    # ---- books ----

    def _market(self, token: str) -> tuple[Market, bool]:
        if token not in self.venue.tokens:
            raise Denied(404, "token", "No orderbook exists for the requested token id")
        symbol, flip = self.venue.tokens[token]
        return self.venue.exchange.markets[symbol], flip

    def book(self, token: str) -> Body:
        """A token's book: the best level last on both sides, and the hash of it all."""
        market, flip = self._market(token)
        bids, asks = self.sides(market, flip=flip)
        body: Body = {
            "market": market.symbol,
            "asset_id": token,
            "timestamp": str(self.venue.clock.ms()),
            "hash": "",
            "bids": bids,
            "asks": asks,
            "min_order_size": plain(market.size_min),
            "tick_size": plain(market.tick),
            "neg_risk": market.data["neg_risk"],
            "last_trade_price": self._last(market, flip=flip),
        }
        return {**body, "hash": self.venue.hash_of(compact(body))}

    def sides(self, market: Market, *, flip: bool) -> tuple[list[Body], list[Body]]:
        """Bids ascending, asks descending, on the token's own scale."""
        book = self.venue.exchange.books[market.symbol]
        rows = {side: book.levels(side)[::-1] for side in (BUY, SELL)}
        if flip:
            rows = {-side: [(1 - price, size) for price, size in levels] for side, levels in rows.items()}
        return _levels(rows[BUY]), _levels(rows[SELL])

    def _last(self, market: Market, *, flip: bool) -> str:
        return "" if not market.last else plain(1 - market.last if flip else market.last)

    def books(self, call: Call) -> Answer:
        """Several books."""
        wanted = [str(row.get("token_id", "")) for row in call.rows() if isinstance(row, dict)]
        return Answer([self.book(token) for token in wanted if token in self.venue.tokens])

    def _best(self, token: str) -> tuple[Decimal | None, Decimal | None]:
        market, flip = self._market(token)
        return self.venue.best(market.symbol, flip=flip)

    def price(self, call: Call) -> Answer:
        """The price of your side: buying meets the lowest ask."""
        bid, ask = self._best(call.query.get("token_id", ""))
        side = call.query.get("side", "").upper()
        if side not in ("BUY", "SELL"):
            raise Denied(400, "side", "Invalid side")
        found = ask if side == "BUY" else bid
        return Answer({"price": "0" if found is None else plain(found)})

    def midpoint(self, call: Call) -> Answer:
        """The middle."""
        bid, ask = self._both(call)
        return Answer({"mid": plain((bid + ask) / 2)})

    def spread(self, call: Call) -> Answer:
        """The distance of the best prices."""
        bid, ask = self._both(call)
        return Answer({"spread": plain(ask - bid)})

    def _both(self, call: Call) -> tuple[Decimal, Decimal]:
        bid, ask = self._best(call.query.get("token_id", ""))
        if bid is None or ask is None:
            raise Denied(404, "token", "No orderbook exists for the requested token id")
        return bid, ask

    def last(self, call: Call) -> Answer:
        """The last trade."""
        market, flip = self._market(call.query.get("token_id", ""))
        return Answer({"price": self._last(market, flip=flip) or "0.5", "side": "BUY"})

    # ---- markets ----

    def tick(self, call: Call) -> Answer:
        """The tick of a token's market."""
        return Answer({"minimum_tick_size": float(self._market(call.query.get("token_id", ""))[0].tick)})

    def neg_risk(self, call: Call) -> Answer:
        """Whether another exchange contract verifies its orders."""
        return Answer({"neg_risk": self._market(call.query.get("token_id", ""))[0].data["neg_risk"]})

    def fee_rate(self, call: Call) -> Answer:
        """A number that is not the fee."""
        market, _ = self._market(call.query.get("token_id", ""))
        return Answer({"base_fee": 1000 if market.data["rate"] else 0})

    def _named(self, condition: str) -> Market:
        market = self.venue.exchange.markets.get(condition)
        if market is None:
            raise Denied(404, "market", "market not found")
        return market

    def details(self, call: Call) -> Answer:
        """What an order must know of a market, in short keys; no `fd` where there is no fee."""
        market = self._named(call.parts["condition"])
        body: Body = {
            "t": [
                {"t": self.venue.token(market, flip=flip), "o": name} for flip, name in ((False, "Yes"), (True, "No"))
            ],
            "mos": float(market.size_min),
            "mts": float(market.tick),
            "mbf": 0,
            "tbf": 1000 if market.data["rate"] else 0,
            "nr": market.data["neg_risk"],
        }
        if market.data["rate"]:
            body["fd"] = {"r": float(str(market.data["rate"])), "e": market.data["exponent"], "to": True}
        return Answer(body)

    def market(self, call: Call) -> Answer:
        """A market in long keys."""
        return Answer(self._long(self._named(call.parts["condition"])))

    def sampling(self, call: Call) -> Answer:
        """Every market."""
        rows = [self._long(market) for market in self.venue.exchange.markets.values()]
        return Answer({"data": rows, "next_cursor": "LTE=", "limit": 500, "count": len(rows)})

    def _long(self, market: Market) -> Body:
        middle = 0.5
        return {
            "condition_id": market.symbol,
            "question_id": market.symbol,
            "tokens": [
                {"token_id": self.venue.token(market, flip=flip), "outcome": name, "price": middle, "winner": False}
                for flip, name in ((False, "Yes"), (True, "No"))
            ],
            "active": True,
            "closed": market.status != "active",
            "archived": False,
            "enable_order_book": True,
            "accepting_orders": market.status == "active",
            "minimum_order_size": float(market.size_min),
            "minimum_tick_size": float(market.tick),
            "end_date_iso": "2030-01-01T00:00:00Z",
            "seconds_delay": int(float(str(market.data["delay_s"]))),
            "maker_base_fee": 0,
            "taker_base_fee": 1000 if market.data["rate"] else 0,
            "neg_risk": market.data["neg_risk"],
            "tags": ["mock"],
        }

    def by_token(self, call: Call) -> Answer:
        """The condition of a token, and both tokens."""
        market, _ = self._market(call.parts["token"])
        return Answer(
            {
                "condition_id": market.symbol,
                "primary_token_id": self.venue.token(market, flip=False),
                "secondary_token_id": self.venue.token(market, flip=True),
            }
        )

    def builder(self, call: Call) -> Answer:
        """What a builder charges."""
        rates = self.venue.rules["builders"]
        assert isinstance(rates, dict)
        if call.parts["code"] not in rates:
            raise Denied(404, "builder", "builder code not found")
        return Answer({"builder_code": call.parts["code"], **rates[call.parts["code"]]})

    def geoblock(self, call: Call) -> Answer:
        """Nobody is blocked here."""
        return Answer({"blocked": False, "ip": "127.0.0.1", "country": "XX", "region": ""})


def _levels(rows: list[tuple[Decimal, Decimal]]) -> list[Body]:
    return [{"price": plain(price), "size": plain(size)} for price, size in rows]
