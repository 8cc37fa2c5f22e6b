"""Speak Bitget's sockets: books with checksums, trades and tickers; orders, fills, positions after a login."""

import json
import zlib
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING

from connectors.mocks.bitget_orders import COIN, PRODUCT, state_of
from connectors.mocks.core import BUY, SELL, Market, MockFill, MockOrder
from connectors.mocks.perps import places
from connectors.mocks.wire import Body, Line, plain

if TYPE_CHECKING:
    from connectors.mocks.bitget import Bitget

SUMMED = 25
DEPTHS = {"books1": 1, "books5": 5, "books15": 15, "books50": 50}
PUBLIC = {"books", *DEPTHS, "trade", "ticker"}
PRIVATE = {"orders", "fill", "positions", "account"}
SKEW_S = 30


class BitgetStream:
    """Every socket of the mock, by the channels that it has asked for."""

    def __init__(self, venue: "Bitget") -> None:
        """Take the venue."""
        self.venue = venue
        self._numbers: dict[str, int] = {}

    # ---- commands ----

    def hear(self, line: Line, text: str) -> None:
        """Take ping, login, subscribe or unsubscribe."""
        if text == "ping":
            return line.answer("pong")
        try:
            said = json.loads(text)
            operation, args = said["op"], [arg for arg in said["args"] if isinstance(arg, dict)]
        except (ValueError, KeyError, TypeError):
            return line.answer({"event": "error", "code": 30003, "msg": "INVALID op"})
        if operation == "login":
            return self._login(line, args[0] if args else {})
        for arg in args:
            if operation == "subscribe":
                self._subscribe(line, arg)
            else:
                self._args(line).pop(_key(arg), None)
                line.answer({"event": "unsubscribe", "arg": arg})
        return None

    def _args(self, line: Line) -> dict[str, Body]:
        args = line.memory.setdefault("args", {})
        assert isinstance(args, dict)
        return args

    def _login(self, line: Line, arg: Body) -> None:
        account = next((one for one in self.venue.people() if one.keys["api_key"] == arg.get("apiKey")), None)
        stamp = str(arg.get("timestamp", ""))
        if account is None:
            return line.answer({"event": "error", "code": 30011, "msg": "Invalid ACCESS_KEY"})
        if arg.get("passphrase") != account.keys["passphrase"]:
            return line.answer({"event": "error", "code": 30012, "msg": "Invalid ACCESS_PASSPHRASE"})
        if not stamp.isdecimal() or abs(int(stamp) - self.venue.clock.ms() / 1000) > SKEW_S:
            return line.answer({"event": "error", "code": 30004, "msg": "Timestamp expired"})
        if self.venue.sign(account, f"{stamp}GET/user/verify".encode()).decode() != arg.get("sign"):
            return line.answer({"event": "error", "code": 30005, "msg": "Invalid sign"})
        line.account = account.name
        return line.answer({"event": "login", "code": 0})

    def _subscribe(self, line: Line, arg: Body) -> None:
        channel, public = str(arg.get("channel", "")), self.venue.is_public(line)
        if channel not in (PUBLIC if public else PRIVATE) or arg.get("instType") != PRODUCT:
            return line.answer({"event": "error", "arg": arg, "code": 30001, "msg": "channel doesn't exist"})
        if not public and not line.account:
            return line.answer({"event": "error", "arg": arg, "code": 30002, "msg": "please login first"})
        symbol = str(arg.get("instId", ""))
        if public and symbol not in self.venue.exchange.markets:
            return line.answer({"event": "error", "arg": arg, "code": 30001, "msg": "instId doesn't exist"})
        self._args(line)[_key(arg)] = arg
        line.answer({"event": "subscribe", "arg": arg})
        if channel.startswith("books"):
            self._image(line, arg, channel, symbol)
        elif channel == "ticker":
            self._send(line, arg, "snapshot", [self.ticker(self.venue.exchange.markets[symbol])])
        return None

    # ---- market data ----

    def _send(self, line: Line, arg: Body, action: str, data: object) -> None:
        line.send({"action": action, "arg": arg, "data": data, "ts": self.venue.clock.ms()})

    def _hearing(self, channel: str, symbol: str) -> list[tuple[Line, Body]]:
        return [
            (line, arg)
            for line in self.venue.lines
            for arg in self._args(line).values()
            if arg["channel"] == channel and arg.get("instId") in (symbol, "default")
        ]

    def _image(self, line: Line, arg: Body, channel: str, symbol: str) -> None:
        market, book = self.venue.exchange.markets[symbol], self.venue.exchange.books[symbol]
        most = DEPTHS.get(channel, 200)
        asks, bids = (self.levels(market, book.levels(side)[:most]) for side in (SELL, BUY))
        row = {"asks": asks, "bids": bids, "checksum": self._checksum(market), "seq": book.version,
               "ts": str(self.venue.clock.ms())}  # fmt: skip
        self._send(line, arg, "snapshot", [row])

    def level(self, symbol: str, side: int, price: Decimal, total: Decimal) -> None:
        """Tell of a level's new total."""
        market, book = self.venue.exchange.markets[symbol], self.venue.exchange.books[symbol]
        shown = self.levels(market, [(price, total)])[0]
        changed = [shown if total else [shown[0], "0"]]
        row = {"asks": changed if side == SELL else [], "bids": changed if side == BUY else [],
               "checksum": self._checksum(market), "seq": book.version, "ts": str(self.venue.clock.ms())}  # fmt: skip
        for line, arg in self._hearing("books", symbol):
            self._send(line, arg, "update", [row])
        for channel in DEPTHS:
            for line, arg in self._hearing(channel, symbol):
                self._image(line, arg, channel, symbol)
        for line, arg in self._hearing("ticker", symbol):
            self._send(line, arg, "snapshot", [self.ticker(market)])

    def levels(self, market: Market, rows: list[tuple[Decimal, Decimal]]) -> list[list[str]]:
        """Spell levels with the market's decimals."""
        return [[plain(price, places(market.tick)), plain(size, places(market.lot))] for price, size in rows]

    def _checksum(self, market: Market) -> int:
        """Signed CRC-32 of the first 25 levels, bid and ask in turn, as they are written."""
        book = self.venue.exchange.books[market.symbol]
        bids, asks = (self.levels(market, book.levels(side)[:SUMMED]) for side in (BUY, SELL))
        words = [":".join(row) for pair in zip_longest(bids, asks) for row in pair if row]
        found = zlib.crc32(":".join(words).encode())
        return found - (1 << 32) if found >= 1 << 31 else found

    def ticker(self, market: Market) -> Body:
        """Spell best prices and marks."""
        book = self.venue.exchange.books[market.symbol]
        bid, ask = ((self.levels(market, book.levels(side)[:1]) or [["0", "0"]])[0] for side in (BUY, SELL))
        return {
            "instId": market.symbol,
            "symbol": market.symbol,
            "lastPr": plain(market.last),
            "bidPr": bid[0],
            "askPr": ask[0],
            "bidSz": bid[1],
            "askSz": ask[1],
            "markPrice": plain(market.mark),
            "indexPrice": plain(market.mark),
            "fundingRate": "0.0001",
            "ts": str(self.venue.clock.ms()),
        }

    def traded(self, taker: MockOrder, price: Decimal, size: Decimal) -> None:
        """Tell everybody of a trade."""
        row = {"ts": str(self.venue.clock.ms()), "price": plain(price), "size": plain(size),
               "side": "buy" if taker.side == BUY else "sell", "tradeId": self.venue.id()}  # fmt: skip
        for line, arg in self._hearing("trade", taker.market):
            self._send(line, arg, "update", [row])

    # ---- the user's own ----

    def _own(self, account: str, channel: str, symbol: str, row: Body) -> None:
        for line, arg in self._hearing(channel, symbol):
            if line.account == account:
                self._send(line, arg, "snapshot", [row])

    def order(self, order: MockOrder, fill: MockFill | None) -> None:
        """Tell the owner of an order's new state, and of the fill that made it."""
        account = self.venue.exchange.accounts[order.account]
        fees = order.fees_maker + order.fees_taker
        leg = order.instrument.partition(":")[2].lower()
        row: Body = {
            "instId": order.market,
            "orderId": order.order_id,
            "clientOid": order.client_id,
            "accBaseVolume": plain(order.filled),
            "size": plain(order.size),
            "price": "0" if order.text("type") == "market" else plain(order.price),
            "priceAvg": plain(order.cost / order.filled, 8) if order.filled else "0",
            "status": state_of(order),
            "side": order.text("word"),
            "force": order.text("force"),
            "orderType": order.text("type"),
            "posMode": "hedge_mode" if leg else "one_way_mode",
            "posSide": leg or "net",
            "tradeSide": order.text("trade_side") or f"{order.text('word')}_single",
            "reduceOnly": "yes" if order.reduce_only else "no",
            "marginMode": order.text("margin_mode"),
            "marginCoin": COIN,
            "leverage": plain(self.venue.leverage(account, order.market)),
            "notionalUsd": plain(order.size * order.price),
            "feeDetail": [{"feeCoin": COIN, "fee": plain(-fees)}],
            "enterPointSource": "API",
            "cancelReason": order.reason if state_of(order) == "canceled" else "",
            "cTime": str(order.created_ms),
            "uTime": str(order.updated_ms),
        }
        if fill is not None:
            row |= {"baseVolume": plain(fill.size), "fillPrice": plain(fill.price), "fillFee": plain(-fill.fee),
                    "fillFeeCoin": COIN, "fillNotionalUsd": plain(fill.price * fill.size), "pnl": plain(fill.realised),
                    "fillTime": str(fill.at_ms), "tradeId": str(self.trade_number(fill)),
                    "tradeScope": "M" if fill.maker else "T"}  # fmt: skip
        self._own(order.account, "orders", order.market, row)

    def fill(self, fill: MockFill) -> None:
        """Tell the owner of a fill, on three channels."""
        order, account = fill.order, self.venue.exchange.accounts[fill.order.account]
        self.order(order, fill)
        self._own(order.account, "fill", order.market, self.venue.reads.fill(fill))
        held = account.of(order.instrument)
        symbol, _, leg = order.instrument.partition(":")
        self._own(
            order.account,
            "positions",
            order.market,
            {"instId": symbol, "posId": symbol, **self.venue.reads.position(account, symbol, leg, held)},
        )

    def trade_number(self, fill: MockFill) -> int:
        """The number of a fill's trade."""
        return self._numbers.setdefault(fill.trade_id, 1_111_468_664_328_269_825 + len(self._numbers))


def _key(arg: Body) -> str:
    return f"{arg.get('channel')}:{arg.get('instId')}"
