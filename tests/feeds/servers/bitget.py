"""Play Bitget's v2 public socket: snapshots and updates with a real checksum, text pings, silent clients dropped.

`book(symbol, at)` takes a `seq`. Sequences rise but leave numbers out; the checksum is what finds a gap.
"""

import json
import zlib
from collections.abc import Sequence

from tests.feeds.servers.books import ASK, BID, Book, Change, TrueBook, best_first
from tests.feeds.servers.client import Client, Frame, renamed
from tests.feeds.servers.deeds import Deed, Script
from tests.feeds.servers.perps import Json, both, contract, fixed, make_book, seen
from tests.feeds.servers.rest import Answer, Request
from tests.feeds.servers.settings import Settings
from tests.feeds.servers.venue import Venue

_TYPE = "USDT-FUTURES"
_BOOKS = {"books": 10_000, "books1": 1, "books5": 5, "books15": 15}
_LEVELS = 25  # of each side, in the checksum
_ERRORS = {
    30001: "instType:{0},channel:{1},instId:{2} doesn't exist", 30003: "Illegal op", 30006: "request too many",
    30007: "request exceeded the limit, connection close",
}  # fmt: skip

Level = tuple[str, str]


class Bitget(Venue):
    """A Bitget market-data server."""

    name = "bitget"
    path = "/v2/ws/public"
    markets_default = ("BTCUSDT", "ETHUSDT")
    idle_default = 120.0

    def __init__(self, seed: int, markets: Sequence[str], settings: Settings, script: Script | None) -> None:
        """Number the books from a drawn sequence."""
        self._seq: dict[str, int] = {}  # by symbol: the newest sequence
        self._versions: dict[str, dict[int, int]] = {}  # by symbol and sequence; after a restart the newest such
        self._wants: dict[int, list[tuple[str, str]]] = {}  # by connection: channel, symbol
        self._trades = 0
        super().__init__(seed, markets, settings, script)

    def make_book(self, market: str) -> Book:
        """Draw the sequence of version 1."""
        book = make_book(market, self.seed, self.now_ms())
        self._versions[market] = {}
        self._number(market, 1, book.rng.randrange(10**8, 2 * 10**8))
        return book

    def book(self, market: str, at: object = None) -> TrueBook:
        """Return the book at a `seq`, after a restart the newest such; raises KeyError where it was never sent."""
        if at is None:
            return seen(self.books[market], None)
        if not isinstance(at, int) or at not in self._versions[market]:
            raise KeyError(f"{market} has no seq {at}; the newest is {self._seq[market]}")
        return seen(self.books[market], self._versions[market][at])

    def _number(self, market: str, version: int, seq: int) -> None:
        self._seq[market] = seq
        self._versions[market][seq] = version

    # ---- subscriptions --------------------------------------------------------------------------------------------

    def opened(self, client: Client) -> None:
        """Subscribe to nothing yet."""
        self._wants[client.number] = []

    def text_pong(self, text: str) -> str | None:
        """Answer ping."""
        return "pong" if text == "ping" else None

    def hear(self, client: Client, text: str) -> list[Frame]:
        """Take subscribe and unsubscribe."""
        try:
            said = json.loads(text)
            operation, asked = said["op"], [dict(arg) for arg in said["args"]]
        except (ValueError, KeyError, TypeError):
            return [_error(30003)]
        if operation not in ("subscribe", "unsubscribe"):
            return [_error(30003)]
        frames: list[Frame] = []
        for arg in asked:
            kind, channel, symbol = (str(arg.get(name)) for name in ("instType", "channel", "instId"))
            if kind != _TYPE or channel not in (*_BOOKS, "trade", "ticker") or symbol not in self.books:
                frames.append(_error(30001, arg))
                continue
            frames.append(Frame("reply", "", "", {"event": operation, "arg": arg}))
            self._change(client, operation, channel, symbol)
            if operation == "subscribe" and channel in _BOOKS:
                frames.append(self._snapshot(channel, symbol))
        return frames

    def _change(self, client: Client, operation: str, channel: str, symbol: str) -> None:
        wants = self._wants[client.number]
        if operation == "unsubscribe" and (channel, symbol) in wants:
            wants.remove((channel, symbol))
        elif operation == "subscribe" and (channel, symbol) not in wants:
            wants.append((channel, symbol))
        client.markets = {symbol for channel, symbol in wants if channel in _BOOKS}

    # ---- messages -------------------------------------------------------------------------------------------------

    def publish(self, book: Book, change: Change) -> None:
        """Number the change, and tell every subscription of the symbol."""
        self._number(book.name, change.version, self._seq[book.name] + book.rng.randint(1, 3))
        if change.trade:
            self._trades += 1
        for client in self.clients:
            for channel, symbol in self._wants.get(client.number, []):
                if symbol != book.name:
                    continue
                if channel == "books":
                    client.push(Frame("delta", symbol, symbol, self._update(book, change)))
                elif channel in _BOOKS:
                    client.push(Frame("delta", f"{channel}:{symbol}", symbol, self._snapshot(channel, symbol).message))
                elif channel == "trade" and change.trade:
                    client.push(Frame("trade", symbol, symbol, self._trade(book, change)))
                elif channel == "ticker":
                    client.push(Frame("ticker", symbol, symbol, self._ticker(book, change)))

    def _snapshot(self, channel: str, symbol: str) -> Frame:
        """Return the whole book, or as many levels as the channel has."""
        book = self.books[symbol]
        bids, asks = both(book.sides, _BOOKS[channel])
        entry = self._book_entry(book, self._levels(symbol, bids), self._levels(symbol, asks), book.changes[-1].ts_ms)
        return Frame("snapshot", symbol, symbol, self._wrapped("snapshot", channel, symbol, entry))

    def _update(self, book: Book, change: Change) -> Json:
        sides = [[(level.price, level.lots) for level in change.levels if level.side == side] for side in (BID, ASK)]
        bids, asks = (self._levels(book.name, side) for side in sides)
        return self._wrapped("update", "books", book.name, self._book_entry(book, bids, asks, change.ts_ms))

    def _book_entry(self, book: Book, bids: list[Level], asks: list[Level], ts_ms: int) -> Json:
        top = (self._levels(book.name, best_first(book.sides, side)[:_LEVELS]) for side in (BID, ASK))
        return {
            "asks": asks, "bids": bids, "checksum": checksum(*top), "seq": self._seq[book.name], "ts": str(ts_ms),
        }  # fmt: skip

    def _trade(self, book: Book, change: Change) -> Json:
        assert change.trade is not None
        ((price, size),) = self._levels(book.name, [(change.trade.price, change.trade.lots)])
        entry: Json = {
            "ts": str(change.ts_ms), "price": price, "size": size, "side": change.trade.taker,
            "tradeId": str(self._trades),
        }  # fmt: skip
        return self._wrapped("update", "trade", book.name, entry)

    def _ticker(self, book: Book, change: Change) -> Json:
        stamp = change.ts_ms
        (bid,), (ask,) = both(book.sides, 1)
        levels = self._levels(book.name, [bid, ask, ((bid[0] + ask[0]) // 2, 1)])
        (bid_price, bid_size), (ask_price, ask_size), (middle, _) = levels
        due = (stamp // 28_800_000 + 1) * 28_800_000
        entry: Json = {
            "instId": book.name, "symbol": book.name, "symbolType": "1", "lastPr": middle, "bidPr": bid_price,
            "askPr": ask_price, "bidSz": bid_size, "askSz": ask_size, "markPrice": middle, "indexPrice": middle,
            "fundingRate": "0.0001", "nextFundingTime": str(due), "ts": str(stamp),
        }  # fmt: skip
        return self._wrapped("snapshot", "ticker", book.name, entry)

    def _wrapped(self, action: str, channel: str, symbol: str, entry: Json) -> Json:
        arg = {"instType": _TYPE, "channel": channel, "instId": symbol}
        return {"action": action, "arg": arg, "data": [entry], "ts": int(str(entry["ts"])) + 2}

    def _levels(self, symbol: str, levels: list[tuple[int, int]]) -> list[Level]:
        """Write levels; a gone level is "0", and some sizes keep their trailing zeros, which the checksum needs."""
        figures = contract(symbol)
        written = []
        for price, lots in levels:
            size = fixed(lots, figures.lot_decimals)
            short = size if lots % 3 else size.rstrip("0").rstrip(".")  # 0 is divisible, and becomes "0"
            written.append((fixed(price, figures.price_decimals), short))
        return written

    # ---- misbehaviours of its own ---------------------------------------------------------------------------------

    def snapshot_of(self, client: Client, market: str) -> Frame | None:
        """Return an unasked snapshot of the incremental channel."""
        return self._snapshot("books", market) if ("books", market) in self._wants[client.number] else None

    def spoil(self, frame: Frame) -> Frame | None:
        """Send a checksum that is off by one."""
        message = json.loads(json.dumps(frame.message))
        if message["arg"]["channel"] != "books":
            return None
        message["data"][0]["checksum"] += 1
        return renamed(frame, message)

    def restart(self, market: str) -> str:
        """Let the sequence of a symbol start again far below."""
        before = self._seq[market]
        self._number(market, self.books[market].version, before // 2)
        return f"seq {before} to {before // 2}"

    def complaint(self, client: Client, deed: Deed) -> list[Frame]:
        """Complain about too many requests."""
        return [_error(int(deed.number("code", 30006)))]

    # ---- REST -----------------------------------------------------------------------------------------------------

    async def answer(self, request: Request) -> Answer:
        """Answer the time and the contracts."""
        stamp = self.now_ms()
        match request.path.strip("/").split("/"):
            case ["api", "v2", "public", "time"]:
                return _ok({"serverTime": str(stamp)}, stamp)
            case ["api", "v2", "mix", "market", "contracts"]:
                return _ok([_contract(symbol) for symbol in self.books], stamp)
        return Answer(404, {"code": "40404", "msg": "Request URL NOT FOUND", "requestTime": stamp, "data": None})


def checksum(bids: Sequence[Level], asks: Sequence[Level]) -> int:
    """Return the signed crc32 of the first 25 levels of both sides, bid and ask in turn, strings as they were sent."""
    parts: list[str] = []
    for place in range(_LEVELS):
        for side in (bids, asks):
            if place < len(side):
                parts += side[place]
    crc = zlib.crc32(":".join(parts).encode())
    return crc - (1 << 32) if crc >= 1 << 31 else crc


def _error(code: int, arg: Json | None = None) -> Frame:
    given = arg or {}
    text = _ERRORS.get(code, "error").format(*(given.get(name) for name in ("instType", "channel", "instId")))
    head: Json = {"event": "error", "code": code, "msg": text}
    return Frame("reply", "", "", head | ({"arg": given} if given else {}))


def _ok(value: object, stamp: int) -> Answer:
    return Answer(200, {"code": "00000", "msg": "success", "requestTime": stamp, "data": value})


def _contract(symbol: str) -> Json:
    figures = contract(symbol)
    return {
        "symbol": symbol, "baseCoin": figures.base, "quoteCoin": "USDT", "symbolStatus": "normal",
        "symbolType": "perpetual", "supportMarginCoins": ["USDT"], "minTradeUSDT": "5",
        "minTradeNum": f"{figures.lot:f}", "sizeMultiplier": f"{figures.lot:f}", "priceEndStep": "1",
        "pricePlace": str(figures.price_decimals), "volumePlace": str(figures.lot_decimals),
        "makerFeeRate": "0.0002", "takerFeeRate": "0.0006", "fundInterval": "8", "maxLever": "125", "minLever": "1",
        "launchTime": "", "offTime": "-1", "limitOpenTime": "-1",
    }  # fmt: skip
