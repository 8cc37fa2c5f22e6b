"""Play Polymarket's market channel and its REST books: two mirrored tokens per market, no sequence numbers.

The truth is the YES token's book; the NO token's is its mirror. Markets are condition ids, and `tokens(market)` are its
two token ids (YES, NO). `book(token, at)` takes a hash as sent in a message, or a time in ms.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha1, sha256

from tests.feeds.servers.books import ASK, BID, Book, Change, Shape, Sides, TrueBook, best_first, true_book
from tests.feeds.servers.client import Client, Frame, renamed
from tests.feeds.servers.deeds import Script
from tests.feeds.servers.rest import Answer, Request
from tests.feeds.servers.settings import Settings
from tests.feeds.servers.venue import Venue

# Prices in units of 0.001, sizes in lots of 0.01 shares.
_ONE = 1_000
_COARSE, _FINE = tuple(range(10, _ONE, 10)), tuple(range(1, _ONE))
_LOW, _HIGH = 40, 960  # a best price beyond these makes the tick finer

Json = dict[str, object]


@dataclass
class Token:
    """One outcome token: its market, and whether it mirrors the book."""

    asset_id: str
    market: str
    mirrored: bool
    hashes: dict[str, int] = field(default_factory=dict)  # hash -> book version


@dataclass
class Wants:
    """What a connection subscribed to."""

    assets: set[str] = field(default_factory=set)
    custom: bool = False


class Polymarket(Venue):
    """A Polymarket market-data server."""

    name = "polymarket"
    path = "/ws/market"
    markets_default = tuple(f"0x{sha256(name).hexdigest()}" for name in (b"rain", b"election"))
    lacks = frozenset({"restart", "venue_error"})  # there is no sequence, and no error message is documented

    def __init__(self, seed: int, markets: Sequence[str], settings: Settings, script: Script | None) -> None:
        """Make the markets and their tokens."""
        self._tokens: dict[str, Token] = {}
        self._ticks: dict[str, str] = {}
        self._wants: dict[int, Wants] = {}
        super().__init__(seed, markets, settings, script)

    def make_book(self, market: str) -> Book:
        """Begin on the grid of 0.01."""
        for mirrored in (False, True):
            asset_id = str(int.from_bytes(sha256(f"{market}:{mirrored}".encode()).digest()))
            self._tokens[asset_id] = Token(asset_id, market, mirrored)
        self._ticks[market] = "0.01"
        book = Book(market, self.seed, _COARSE, Shape(), self.now_ms())
        for asset_id in self.tokens(market):
            self._payload(self._tokens[asset_id], book, book.changes[0].ts_ms)
        return book

    def tokens(self, market: str) -> tuple[str, str]:
        """Return the ids of a market's YES and NO tokens."""
        yes, no = (token.asset_id for token in self._tokens.values() if token.market == market)
        return yes, no

    def book(self, market: str, at: object = None) -> TrueBook:
        """Return a token's book (a condition id means its YES token) at a hash or a time in ms."""
        token = self._tokens[market if market in self._tokens else self.tokens(market)[0]]
        book = self.books[token.market]
        version = token.hashes[at] if isinstance(at, str) else book.at_ms(at) if isinstance(at, int) else None
        return true_book(_seen(book.at(version), token), Decimal(1) / _ONE, Decimal("0.01"))

    # ---- the channel ----------------------------------------------------------------------------------------------

    def opened(self, client: Client) -> None:
        """Subscribe to nothing yet."""
        self._wants[client.number] = Wants()

    def text_pong(self, text: str) -> str | None:
        """Answer PING."""
        return "PONG" if text == "PING" else None

    def subscribes(self, text: str) -> bool:
        """True for the first message, and for a later `subscribe`."""
        return '"market"' in text or '"subscribe"' in text

    def hear(self, client: Client, text: str) -> list[Frame]:
        """Take a subscription; what cannot be read, and tokens that nobody knows, are passed over in silence."""
        wants = self._wants[client.number]
        try:
            said = json.loads(text)
            asked = [str(asset) for asset in said.get("assets_ids", [])]
        except (ValueError, AttributeError, TypeError):
            return []
        known = [asset for asset in dict.fromkeys(asked) if asset in self._tokens]
        operation = said.get("operation", "subscribe" if said.get("type") == "market" else "")
        if operation == "unsubscribe":
            wants.assets -= set(known)
        elif operation == "subscribe":
            wants.assets |= set(known)
            wants.custom = bool(said.get("custom_feature_enabled", wants.custom))
        client.markets = {self._tokens[asset].market for asset in wants.assets}
        if operation != "subscribe" or said.get("initial_dump") is False:
            return []
        return self._bundle([self._book_frame(asset) for asset in known])

    def publish(self, book: Book, change: Change) -> None:
        """Tell both tokens' subscribers: the trade, the change, the books again after a trade, the best prices."""
        self._refine(book)
        tokens = [self._tokens[asset] for asset in self.tokens(book.name)]
        hashes = {token.asset_id: str(self._payload(token, book, change.ts_ms)["hash"]) for token in tokens}
        message = self._price_change(book, change, hashes)
        for client in self.clients:
            wants = self._wants[client.number]
            wanted = [token for token in tokens if token.asset_id in wants.assets]
            if not wanted:
                continue
            traded = tokens[change.version % 2]  # a trade is told for the taker's token only
            if change.trade and traded in wanted:
                client.push(Frame("trade", book.name, book.name, self._trade(traded, book, change)))
            client.push(Frame("delta", book.name, book.name, message))
            for token in wanted:
                if change.trade:
                    client.push(self._book_frame(token.asset_id))
                if wants.custom:
                    client.push(Frame("ticker", book.name, book.name, self._best(token, book, change.ts_ms)))

    def change_tick(self, market: str) -> None:
        """Make a market's tick finer, and say so."""
        old, self._ticks[market] = self._ticks[market], "0.001"
        self.books[market].regrid(_FINE)
        for client in self.clients:
            for asset_id in self.tokens(market):
                if asset_id in self._wants[client.number].assets:
                    event = {
                        "event_type": "tick_size_change", "market": market, "asset_id": asset_id,
                        "old_tick_size": old, "new_tick_size": self._ticks[market], "timestamp": str(self.now_ms()),
                    }  # fmt: skip
                    client.push(Frame("reply", market, market, event))

    def snapshot_of(self, client: Client, market: str) -> Frame | None:
        """Return a `book` of a token that the connection subscribed to."""
        for asset_id in self.tokens(market):
            if asset_id in self._wants[client.number].assets:
                return self._book_frame(asset_id)
        return None

    def spoil(self, frame: Frame) -> Frame | None:
        """Say best prices that the book does not have: the one check that this channel offers."""
        message = json.loads(json.dumps(frame.message))
        for entry in message["price_changes"]:
            entry["best_bid"], entry["best_ask"] = "0.999", "0.9995"
        return renamed(frame, message)

    # ---- messages -------------------------------------------------------------------------------------------------

    def _refine(self, book: Book) -> None:
        best = [price for price in book.best if price is not None]
        if self._ticks[book.name] == "0.01" and any(price < _LOW or price > _HIGH for price in best):
            self.change_tick(book.name)

    def _bundle(self, frames: list[Frame]) -> list[Frame]:
        """Send books as one array now and then, as the venue does."""
        if len(frames) > 1 and self.rng.random() < 0.5:
            return [renamed(frames[0], [frame.message for frame in frames])]
        return frames

    def _book_frame(self, asset_id: str) -> Frame:
        token = self._tokens[asset_id]
        book = self.books[token.market]
        payload = self._payload(token, book, book.changes[-1].ts_ms)
        names: tuple[str, ...] = ("market", "asset_id", "bids", "asks", "timestamp", "hash")
        if self.rng.random() < 0.5:
            names += ("tick_size", "last_trade_price")
        message: Json = {"event_type": "book", **{name: payload[name] for name in names}}
        return Frame("snapshot", token.market, token.market, message)

    def _payload(self, token: Token, book: Book, ts_ms: int) -> Json:
        """Return the REST book, whose hash covers the rest of it; best level last on both sides."""
        sides = _seen(book.sides, token)
        last = _price(_turned(book.last_price, token)) if book.last_price is not None else ""
        payload: Json = {
            "market": token.market, "asset_id": token.asset_id, "timestamp": str(ts_ms), "hash": "",
            "bids": _levels(sides, BID), "asks": _levels(sides, ASK), "min_order_size": "5",
            "tick_size": self._ticks[token.market], "neg_risk": False, "last_trade_price": last,
        }  # fmt: skip
        payload["hash"] = book_hash(payload)
        token.hashes[str(payload["hash"])] = book.version
        return payload

    def _price_change(self, book: Book, change: Change, hashes: dict[str, str]) -> Json:
        """Word a change for both tokens: new totals, and the best prices after it."""
        short = self.rng.random() < 0.1  # ".48" is how the venue writes some prices
        entries: list[Json] = []
        for level in change.levels:
            for asset_id, hashed in hashes.items():
                token = self._tokens[asset_id]
                best_bid, best_ask = _bests(_seen(book.sides, token))
                price = _price(_turned(level.price, token))
                side = "BUY" if (level.side == BID) is not token.mirrored else "SELL"
                entries.append({
                    "asset_id": asset_id, "price": price.lstrip("0") if short else price, "size": _size(level.lots),
                    "side": side, "hash": hashed, "best_bid": best_bid, "best_ask": best_ask,
                })  # fmt: skip
        stamp = str(change.ts_ms)
        return {"event_type": "price_change", "market": book.name, "timestamp": stamp, "price_changes": entries}

    def _trade(self, token: Token, book: Book, change: Change) -> Json:
        assert change.trade is not None
        digest = sha256(f"{self.seed}:{book.name}:{change.version}".encode()).hexdigest()
        return {
            "event_type": "last_trade_price", "market": book.name, "asset_id": token.asset_id,
            "price": _price(_turned(change.trade.price, token)), "size": _size(change.trade.lots),
            "side": "BUY" if (change.trade.taker == "buy") is not token.mirrored else "SELL", "fee_rate_bps": "0",
            "timestamp": str(change.ts_ms), "transaction_hash": f"0x{digest}",
        }  # fmt: skip

    def _best(self, token: Token, book: Book, ts_ms: int) -> Json:
        best_bid, best_ask = _bests(_seen(book.sides, token))
        return {
            "event_type": "best_bid_ask", "market": book.name, "asset_id": token.asset_id, "best_bid": best_bid,
            "best_ask": best_ask, "spread": str(Decimal(best_ask) - Decimal(best_bid)), "timestamp": str(ts_ms),
        }  # fmt: skip

    # ---- REST -----------------------------------------------------------------------------------------------------

    async def answer(self, request: Request) -> Answer:
        """Answer /book, /books, /tick-size, /neg-risk, /time, /markets/{condition}, /markets-by-token/{token}."""
        match request.path.strip("/").split("/"):
            case ["time"]:
                return Answer(200, self.now_ms() // 1_000)
            case ["book"]:
                return self._rest_book(request.query.get("token_id", ""))
            case ["books"] if request.method == "POST":
                try:
                    asked = [str(item["token_id"]) for item in json.loads(request.body)]
                except (ValueError, KeyError, TypeError):
                    return Answer(400, {"error": "Invalid payload"})
                answers = [self._rest_book(asset_id) for asset_id in asked]
                return Answer(200, [answer.value for answer in answers if answer.status == 200])
            case ["tick-size"] if token := self._tokens.get(request.query.get("token_id", "")):
                return Answer(200, {"minimum_tick_size": self._ticks[token.market]})
            case ["neg-risk"] if request.query.get("token_id", "") in self._tokens:
                return Answer(200, {"neg_risk": False})
            case ["markets", market] if market in self.books:
                return Answer(200, self._market(market))
            case ["markets-by-token", asset_id] if token := self._tokens.get(asset_id):
                yes, no = self.tokens(token.market)
                named = {"primary_token_id": yes, "secondary_token_id": no}
                return Answer(200, {"condition_id": token.market, **named})
        return Answer(404, {"error": "market not found"})

    def _rest_book(self, asset_id: str) -> Answer:
        token = self._tokens.get(asset_id)
        if token is None:
            return Answer(404, {"error": "No orderbook exists for the requested token id"})
        book = self.books[token.market]
        return Answer(200, self._payload(token, book, book.changes[-1].ts_ms))

    def _market(self, market: str) -> Json:
        tokens = [
            {"token_id": asset_id, "outcome": outcome, "price": 0.5, "winner": False}
            for asset_id, outcome in zip(self.tokens(market), ("Yes", "No"), strict=True)
        ]
        return {
            "condition_id": market, "tokens": tokens, "active": True, "closed": False, "archived": False,
            "enable_order_book": True, "accepting_orders": True, "minimum_order_size": 5,
            "minimum_tick_size": float(self._ticks[market]), "neg_risk": False, "seconds_delay": 0,
        }  # fmt: skip


def book_hash(payload: Json) -> str:
    """Return the SHA-1 of a REST book written compactly with an empty hash."""
    return sha1(json.dumps({**payload, "hash": ""}, separators=(",", ":")).encode(), usedforsecurity=False).hexdigest()


def _turned(units: int, token: Token) -> int:
    return _ONE - units if token.mirrored else units


def _seen(sides: Sides, token: Token) -> Sides:
    """Return the book as a token sees it."""
    if not token.mirrored:
        return sides
    return {
        BID: {_ONE - price: lots for price, lots in sides[ASK].items()},
        ASK: {_ONE - price: lots for price, lots in sides[BID].items()},
    }


def _levels(sides: Sides, side: str) -> list[Json]:
    return [{"price": _price(price), "size": _size(lots)} for price, lots in reversed(best_first(sides, side))]


def _bests(sides: Sides) -> tuple[str, str]:
    """Return best bid and ask as the venue writes them; a side that is missing is 0 and 1."""
    return _price(max(sides[BID], default=0)), _price(min(sides[ASK], default=_ONE))


def _price(units: int) -> str:
    """Write a price without trailing zeros."""
    return f"{units // _ONE}.{units % _ONE:03d}".rstrip("0").rstrip(".")


def _size(lots: int) -> str:
    """Write a size without trailing zeros."""
    return f"{lots // 100}.{lots % 100:02d}".rstrip("0").rstrip(".")
