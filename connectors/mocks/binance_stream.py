"""Speak Binance's routed sockets: books and trades by stream name, the user's own events by listen key."""

import json
import secrets
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.mocks.core import BUY, SELL, Denied, Market, MockFill, MockOrder
from connectors.mocks.perps import places
from connectors.mocks.wire import Body, Call, Line, plain

if TYPE_CHECKING:
    from connectors.mocks.binance import Binance

PUBLIC = ("depth", "bookTicker", "trade", "rpiDepth")
KINDS = {"placed": "NEW", "updated": "AMENDMENT", "cancelled": "CANCELED", "expired": "EXPIRED"}


class BinanceStream:
    """Every socket of the mock, by the streams that it has asked for."""

    def __init__(self, venue: "Binance") -> None:
        """Take the venue."""
        self.venue = venue
        self.keys: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    # ---- who listens ----

    def listen_key(self, account: str) -> str:
        """The key of an account's user stream; the same one while it is valid."""
        found = next((key for key, owner in self.keys.items() if owner == account), None)
        if found is None:
            found = secrets.token_hex(32)
            self.keys[found] = account
        return found

    def opened(self, line: Line, call: Call) -> None:
        """Take in a socket: its streams may stand in its address."""
        if call.path.startswith("/private"):
            key = call.query.get("listenKey") or call.path.rpartition("/")[2]
            if key not in self.keys:
                raise Denied(401, "-1125", "This listenKey does not exist.")
            call.account = self.keys[key]
        elif "streams" in call.query:
            self._names(line).update(call.query["streams"].split("/"))
        elif call.path.count("/") > 2:
            self._names(line).add(call.path.rpartition("/")[2])

    def _names(self, line: Line) -> set[str]:
        names = line.memory.setdefault("names", set())
        assert isinstance(names, set)
        return names

    def hear(self, line: Line, text: str) -> None:
        """Take SUBSCRIBE, UNSUBSCRIBE or LIST_SUBSCRIPTIONS; retired paths never answer."""
        if line.path.startswith(("/ws", "/stream")):
            return None
        try:
            said = json.loads(text)
            method, params, number = said["method"], said.get("params", []), said["id"]
        except (ValueError, KeyError, TypeError):
            return line.answer({"error": {"code": 2, "msg": "Invalid request"}})
        names = self._names(line)
        if method == "SUBSCRIBE":
            names.update(params)
        elif method == "UNSUBSCRIBE":
            names.difference_update(params)
        return line.answer({"result": sorted(names) if method == "LIST_SUBSCRIPTIONS" else None, "id": number})

    # ---- market data ----

    def _say(self, symbol: str, channel: str, message: Body) -> None:
        wanted = f"{symbol.lower()}@{channel}"
        route = "/public" if channel in PUBLIC else "/market"
        for line in self.venue.lines:
            if not line.path.startswith(route):
                continue
            for name in self._names(line):
                if name == wanted or name.startswith(f"{wanted}@"):
                    line.send({"stream": name, "data": message} if "/stream" in line.path else message)

    def level(self, symbol: str, side: int, price: Decimal, total: Decimal) -> None:
        """Tell of a level's new total: one update a change."""
        market, book = self.venue.exchange.markets[symbol], self.venue.exchange.books[symbol]
        now, row = self.venue.clock.ms(), self.levels(market, [(price, total)])
        message: Body = {
            "e": "depthUpdate",
            "E": now,
            "T": now,
            "s": symbol,
            "U": book.version,
            "u": book.version,
            "pu": book.version - 1,
            "b": row if side == BUY else [],
            "a": row if side == SELL else [],
        }
        self._say(symbol, "depth", message)
        self._say(symbol, "bookTicker", {"e": "bookTicker", "u": book.version, "E": now, "T": now, "s": symbol,
                                         **self._touch(market)})  # fmt: skip

    def levels(self, market: Market, rows: list[tuple[Decimal, Decimal]]) -> list[list[str]]:
        """Spell levels with the market's decimals."""
        return [[plain(price, places(market.tick) + 1), plain(size, places(market.lot))] for price, size in rows]

    def _touch(self, market: Market) -> dict[str, str]:
        book = self.venue.exchange.books[market.symbol]
        bids, asks = (self.levels(market, book.levels(side)[:1]) or [["0", "0"]] for side in (BUY, SELL))
        return {"b": bids[0][0], "B": bids[0][1], "a": asks[0][0], "A": asks[0][1]}

    def touch(self, market: Market) -> Body:
        """Spell the best prices for REST."""
        best, now = self._touch(market), self.venue.clock.ms()
        return {
            "symbol": market.symbol,
            "bidPrice": best["b"],
            "bidQty": best["B"],
            "askPrice": best["a"],
            "askQty": best["A"],
            "time": now,
            "lastUpdateId": self.venue.exchange.books[market.symbol].version,
        }

    def traded(self, taker: MockOrder, price: Decimal, size: Decimal) -> None:
        """Tell everybody of a trade."""
        market, now = self.venue.exchange.markets[taker.market], self.venue.clock.ms()
        number, maker = int(self.venue.id()), taker.side == SELL
        amounts = {"p": plain(price, places(market.tick) + 1), "q": plain(size, places(market.lot))}
        common: Body = {"E": now, "T": now, "s": taker.market, **amounts, "m": maker}
        self._say(taker.market, "aggTrade", {"e": "aggTrade", "a": number, "f": number, "l": number, **common})
        self._say(taker.market, "trade", {"e": "trade", "t": number, "X": "MARKET", **common})

    # ---- the user's own ----

    def _own(self, account: str, message: Body) -> None:
        for line in self.venue.lines:
            if line.account == account and line.path.startswith("/private"):
                named = "/stream" in line.path
                line.send({"stream": self.listen_key(account), "data": message} if named else message)

    def order(self, order: MockOrder, what: str) -> None:
        """Tell the owner of an order's new state."""
        kind = "EXPIRED" if order.reason in ("immediate", "self_trade") else KINDS.get(what, "NEW")
        self._own(order.account, self._update(order, kind, None))

    def fill(self, fill: MockFill) -> None:
        """Tell the owner of a fill, and of what is held then."""
        order, account = fill.order, self.venue.exchange.accounts[fill.order.account]
        self._own(order.account, self._update(order, "TRADE", fill))
        held, now = account.of(order.instrument), self.venue.clock.ms()
        position = {"s": order.market, "pa": plain(held.size), "ep": plain(held.entry, 8), "bep": plain(held.entry, 8),
                    "cr": plain(held.realised, 8), "up": plain(self.venue.unrealised(order.market, held), 8),
                    "mt": "cross", "iw": "0", "ps": order.instrument.partition(":")[2] or "BOTH"}  # fmt: skip
        balance = {"a": "USDT", "wb": plain(account.cash, 8), "cw": plain(account.cash, 8), "bc": "0"}
        self._own(order.account, {"e": "ACCOUNT_UPDATE", "E": now, "T": now,
                                  "a": {"m": "ORDER", "B": [balance], "P": [position]}})  # fmt: skip

    def _update(self, order: MockOrder, kind: str, fill: MockFill | None) -> Body:
        shown, now = self.venue.orders.shown(order), self.venue.clock.ms()
        body: Body = {
            "s": order.market,
            "c": order.client_id,
            "S": shown["side"],
            "o": shown["type"],
            "f": shown["timeInForce"],
            "q": shown["origQty"],
            "p": shown["price"],
            "ap": shown["avgPrice"],
            "sp": "0",
            "x": kind,
            "X": shown["status"],
            "i": shown["orderId"],
            "l": plain(fill.size) if fill else "0",
            "z": shown["executedQty"],
            "L": plain(fill.price) if fill else "0",
            "T": fill.at_ms if fill else order.updated_ms,
            "t": self.trade_number(fill) if fill else 0,
            "b": "0",
            "a": "0",
            "m": bool(fill and fill.maker),
            "R": shown["reduceOnly"],
            "wt": "CONTRACT_PRICE",
            "ot": shown["type"],
            "ps": shown["positionSide"],
            "cp": False,
            "rp": plain(fill.realised, 8) if fill else "0",
            "V": shown["selfTradePreventionMode"],
            "gtd": order.expires_ms,
        }
        if fill is not None:
            body |= {"N": "USDT", "n": plain(fill.fee, 8)}
        return {"e": "ORDER_TRADE_UPDATE", "E": now, "T": order.updated_ms, "o": body}

    def trade_number(self, fill: MockFill) -> int:
        """The number of a fill's trade: both sides of a trade have the same."""
        return self._numbers.setdefault(fill.trade_id, 1_000_000 + len(self._numbers))
