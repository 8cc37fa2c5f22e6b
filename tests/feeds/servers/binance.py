"""Play Binance USDM: routed paths, diff depth with U, u and pu, a REST snapshot with lastUpdateId.

`book(symbol, at)` takes a `u` or a `lastUpdateId`. The retired paths /ws and /stream complete the handshake and then
say nothing; a stream that is asked for under the wrong path does the same.
"""

import json
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from websockets.http11 import Request as Handshake

from tests.feeds.servers.books import BID, Book, Change, TrueBook
from tests.feeds.servers.client import Client, Frame
from tests.feeds.servers.deeds import Script
from tests.feeds.servers.perps import Json, both, contract, fixed, make_book, seen
from tests.feeds.servers.rest import Answer, Request
from tests.feeds.servers.settings import Settings
from tests.feeds.servers.venue import Venue

_PUBLIC, _MARKET = ("depth", "bookTicker", "trade"), ("aggTrade", "markPrice")
_MARK_EVERY = 20  # changes of a book between two mark prices
_HOUR_MS = 3_600_000


class Binance(Venue):
    """A Binance USDM market-data server."""

    name = "binance"
    path = "/public/ws"
    markets_default = ("BTCUSDT", "ETHUSDT")
    heartbeat_default = 180.0
    life_default = 24 * 3600.0
    # No snapshot comes by socket, no integrity field beyond the sequence, no error message on a market stream.
    lacks = frozenset({"duplicate_snapshot", "wrong_check", "venue_error"})

    def __init__(self, seed: int, markets: Sequence[str], settings: Settings, script: Script | None) -> None:
        """Number the books from a drawn id."""
        self._ids: dict[str, tuple[int, int, int]] = {}  # by symbol: U, u and pu of the newest version
        self._versions: dict[str, dict[int, int]] = {}  # by symbol and u; after a restart the newest such
        self._last: dict[str, list[int]] = {}  # by symbol and version: u
        self._streams: dict[int, list[str]] = {}
        self._trades = 0
        super().__init__(seed, markets, settings, script)

    def make_book(self, market: str) -> Book:
        """Give version 1 the ids of an event before any that is sent."""
        book = make_book(market, self.seed, self.now_ms())
        first = book.rng.randrange(10**9, 2 * 10**9)
        self._versions[market], self._last[market] = {}, []
        self._number(market, 1, (first - 3, first, first - 9))
        return book

    def book(self, market: str, at: object = None) -> TrueBook:
        """Return the book after the event whose `u` is `at`, after a restart the newest such; raises KeyError."""
        if at is None:
            return seen(self.books[market], None)
        if not isinstance(at, int) or at not in self._versions[market]:
            raise KeyError(f"{market} has no event with u {at}; the newest is {self._ids[market][1]}")
        return seen(self.books[market], self._versions[market][at])

    def _number(self, market: str, version: int, ids: tuple[int, int, int]) -> None:
        self._ids[market] = ids
        self._versions[market][ids[1]] = version
        self._last[market][version - 1 :] = [ids[1]]

    # ---- paths and streams ----------------------------------------------------------------------------------------

    def admit(self, path: str, handshake: Handshake) -> tuple[int, object]:
        """Accept the routed paths, and the retired ones."""
        roots = ("/public/ws", "/market/ws", "/public/stream", "/market/stream", "/ws", "/stream")
        plain = urlsplit(path).path
        if any(plain == root or plain.startswith(f"{root}/") for root in roots):
            return 101, None
        return 404, {"code": -1, "msg": "not found"}

    def opened(self, client: Client) -> None:
        """Subscribe to what the path names."""
        parts = urlsplit(client.path)
        pieces = parts.path.strip("/").split("/")
        client.muted = pieces[0] in ("ws", "stream")
        self._streams[client.number] = []
        named = pieces[2:] if pieces[1:2] == ["ws"] else "/".join(parse_qs(parts.query).get("streams", [])).split("/")
        streams = [stream for stream in named if "@" in stream]
        if streams and not client.muted:
            if deed := self.take("subscribe"):
                self.done(deed, client.number, "")
            else:
                self._add(client, streams)

    def _add(self, client: Client, streams: list[str]) -> None:
        """Add the streams that belong to the path; the others stay silent."""
        allowed = _PUBLIC if client.path.startswith("/public") else _MARKET
        served = [stream for stream in streams if _kind(stream) in allowed and _symbol(stream) in self.books]
        kept = self._streams[client.number]
        kept += [stream for stream in served if stream not in kept]
        self._mark(client)

    def _mark(self, client: Client) -> None:
        client.markets = {_symbol(stream) for stream in self._streams[client.number]}

    def hear(self, client: Client, text: str) -> list[Frame]:
        """Take SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS."""
        try:
            said = json.loads(text)
            method, params, number = said["method"], [str(name) for name in said.get("params") or []], said.get("id")
        except (ValueError, KeyError, TypeError):
            return [_reply({"error": {"code": 3, "msg": "Invalid JSON: expected value"}})]
        if method == "SUBSCRIBE":
            self._add(client, params)
        elif method == "UNSUBSCRIBE":
            self._streams[client.number] = [name for name in self._streams[client.number] if name not in params]
            self._mark(client)
        elif method == "LIST_SUBSCRIPTIONS":
            return [_reply({"result": self._streams[client.number], "id": number})]
        else:
            return [_reply({"error": {"code": 2, "msg": "Invalid request: unknown method"}, "id": number})]
        return [_reply({"result": None, "id": number})]

    # ---- events ---------------------------------------------------------------------------------------------------

    def publish(self, book: Book, change: Change) -> None:
        """Number the change, and tell every stream of the symbol."""
        last = self._ids[book.name][1]
        # Ids between two events belong to other symbols, so U is often more than pu + 1.
        first = last + book.rng.randint(1, 9)
        ids = (first, first + len(change.levels) - 1 + book.rng.randint(0, 3), last)
        self._number(book.name, change.version, ids)
        if change.trade:
            self._trades += 1
        for client in self.clients:
            combined = urlsplit(client.path).path.split("/")[2:3] == ["stream"]
            for stream in self._streams.get(client.number, []):
                if _symbol(stream) != book.name or (event := self._event(stream, book, change)) is None:
                    continue
                what = {"depth": "delta", "aggTrade": "trade"}.get(_kind(stream), "ticker")
                message = {"stream": stream, "data": event} if combined else event
                client.push(Frame(what, stream, book.name, message))

    def _event(self, stream: str, book: Book, change: Change) -> Json | None:
        kind = _kind(stream)
        if kind == "depth":
            return self._depth(stream, book, change)
        if kind == "bookTicker":
            return self._book_ticker(book, change)
        if kind in ("aggTrade", "trade"):
            return self._trade(kind, book, change)
        return self._mark_price(book, change) if change.version % _MARK_EVERY == 0 else None

    def _depth(self, stream: str, book: Book, change: Change) -> Json:
        first, last, before = self._ids[book.name]
        digits = stream.partition("@depth")[2].partition("@")[0]
        if digits:
            bids, asks = both(book.sides, int(digits))
        else:
            # A level that nobody knew is deleted now and then: normal, says the venue.
            bids = [(level.price, level.lots) for level in change.levels if level.side == BID]
            asks = [(level.price, level.lots) for level in change.levels if level.side != BID]
            if change.version % 7 == 0:
                bids.append((min(book.sides[BID]) - 40, 0))
        return {
            "e": "depthUpdate", "E": change.ts_ms + 3, "T": change.ts_ms, "s": book.name, "U": first, "u": last,
            "pu": before, "b": self._levels(book, bids), "a": self._levels(book, asks),
        }  # fmt: skip

    def _book_ticker(self, book: Book, change: Change) -> Json:
        stamp = change.ts_ms
        best_bid, best_ask = (self._levels(book, side)[0] for side in both(book.sides, 1))
        return {
            "e": "bookTicker", "u": self._ids[book.name][1], "E": stamp + 1, "T": stamp, "s": book.name,
            "b": best_bid[0], "B": best_bid[1], "a": best_ask[0], "A": best_ask[1],
        }  # fmt: skip

    def _trade(self, kind: str, book: Book, change: Change) -> Json | None:
        if change.trade is None:
            return None
        ((price, size),) = self._levels(book, [(change.trade.price, change.trade.lots)])
        head: Json = {"e": kind, "E": change.ts_ms + 3, "T": change.ts_ms, "s": book.name, "p": price, "q": size}
        ids: Json = {"a": self._trades, "f": self._trades, "l": self._trades}
        return {**head, **(ids if kind == "aggTrade" else {"t": self._trades}), "m": change.trade.taker == "sell"}

    def _mark_price(self, book: Book, change: Change) -> Json:
        bid, ask = book.best
        assert bid is not None
        assert ask is not None
        ((mark, _), (index, _)) = self._levels(book, [((bid + ask) // 2, 1), (bid, 1)])
        due = (change.ts_ms // (8 * _HOUR_MS) + 1) * 8 * _HOUR_MS
        return {
            "e": "markPriceUpdate", "E": change.ts_ms, "s": book.name, "p": mark, "i": index, "P": mark,
            "r": "0.00010000", "T": due,
        }  # fmt: skip

    def _levels(self, book: Book, levels: list[tuple[int, int]]) -> list[list[str]]:
        """Write levels as the venue does: a zero behind the price, three decimals of size."""
        figures = contract(book.name)
        return [
            [fixed(price, figures.price_decimals, 1), fixed(lots, figures.lot_decimals, 3 - figures.lot_decimals)]
            for price, lots in levels
        ]

    # ---- misbehaviours of its own ---------------------------------------------------------------------------------

    def snapshot_of(self, client: Client, market: str) -> Frame | None:
        """No snapshot comes by socket."""
        return None

    def restart(self, market: str) -> str:
        """Let the ids of a symbol start again far below."""
        before = self._ids[market][1]
        first = before // 2
        self._number(market, self.books[market].version, (first - 3, first, first - 9))
        return f"u {before} to {first}"

    # ---- REST -----------------------------------------------------------------------------------------------------

    async def answer(self, request: Request) -> Answer:
        """Answer ping, time, exchangeInfo, depth and premiumIndex."""
        symbol = request.query.get("symbol", "")
        match request.path.strip("/").split("/"):
            case ["fapi", "v1", "ping"]:
                return Answer(200, {})
            case ["fapi", "v1", "time"]:
                return Answer(200, {"serverTime": self.now_ms()})
            case ["fapi", "v1", "exchangeInfo"]:
                symbols = [_info(market) for market in self.books]
                head = {"timezone": "UTC", "serverTime": self.now_ms(), "rateLimits": []}
                return Answer(200, {**head, "symbols": symbols})
            case ["fapi", "v1", "depth" | "premiumIndex"] if symbol not in self.books:
                return Answer(400, {"code": -1121, "msg": "Invalid symbol."})
            case ["fapi", "v1", "depth"]:
                return await self._rest_depth(self.books[symbol], int(request.query.get("limit", "500")))
            case ["fapi", "v1", "premiumIndex"]:
                event = self._mark_price(self.books[symbol], self.books[symbol].changes[-1])
                named = {"symbol": "s", "markPrice": "p", "indexPrice": "i", "estimatedSettlePrice": "P"}
                rate = {"lastFundingRate": event["r"], "nextFundingTime": event["T"], "time": event["E"]}
                return Answer(200, {name: event[key] for name, key in named.items()} | rate)
        return Answer(404, {"code": -5000, "msg": f"Path {request.path}, Method {request.method} is invalid"})

    async def _rest_depth(self, book: Book, limit: int) -> Answer:
        """Return the book now, or as a deed wants it: made now and sent late, or some changes old."""
        version, slow = book.version, 0.0
        if deed := self.take("snapshot"):
            if deed.kind == "late_snapshot":
                slow = deed.number("seconds", 1.0)
            else:
                version = max(1, version - int(deed.number("back", 2)))
            self.done(deed, 0, book.name, f"version {version} of {book.version}")
        bids, asks = both(book.at(version), limit)
        stamp = book.changes[version - 1].ts_ms
        value: Json = {
            "lastUpdateId": self._last[book.name][version - 1], "E": stamp + 2, "T": stamp,
            "bids": self._levels(book, bids), "asks": self._levels(book, asks),
        }  # fmt: skip
        return Answer(200, value, (("X-MBX-USED-WEIGHT-1M", "20"),), slow)


def _reply(message: Json) -> Frame:
    return Frame("reply", "", "", message)


def _symbol(stream: str) -> str:
    return stream.partition("@")[0].upper()


def _kind(stream: str) -> str:
    """Return a stream's kind without its parameters: depth for depth20@100ms."""
    return stream.partition("@")[2].partition("@")[0].rstrip("0123456789")


def _info(symbol: str) -> Json:
    """Return a symbol as exchangeInfo lists it."""
    figures = contract(symbol)
    tick, lot = f"{figures.tick:f}", f"{figures.lot:f}"
    return {
        "symbol": symbol, "pair": symbol, "contractType": "PERPETUAL", "deliveryDate": 4_133_404_800_000,
        "onboardDate": 1_569_398_400_000, "status": "TRADING", "baseAsset": figures.base, "quoteAsset": "USDT",
        "marginAsset": "USDT", "pricePrecision": figures.price_decimals, "quantityPrecision": figures.lot_decimals,
        "baseAssetPrecision": 8, "quotePrecision": 8, "underlyingType": "COIN", "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "1000", "stepSize": lot},
            {"filterType": "MARKET_LOT_SIZE", "minQty": lot, "maxQty": "120", "stepSize": lot},
            {"filterType": "MIN_NOTIONAL", "notional": "50"},
        ],
        "orderTypes": ["LIMIT", "MARKET"], "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }  # fmt: skip
