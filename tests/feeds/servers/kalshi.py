"""Play Kalshi: signed handshakes, subscriptions with their own sequences, bids on both sides, a REST book.

The truth is one book on the YES scale: a YES bid is a bid, and a NO bid at q is an ask at 1 - q. `book(ticker, at)`
takes (sid, seq), the book after that message of that subscription, on the newest connection that has the sid; or
(connection, sid, seq); or a time in ms.
"""

import base64
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from websockets.http11 import Request as Handshake

from tests.feeds.servers.books import Book, Change, Shape, TrueBook, true_book
from tests.feeds.servers.client import Client, Frame, renamed
from tests.feeds.servers.deeds import Deed, Script
from tests.feeds.servers.kalshi_wire import (
    BANDS,
    LINEAR,
    ONE,
    SEQUENCED,
    SILENT,
    TAPERED,
    Json,
    Subscription,
    dollars,
    error,
    market_id,
    reply,
    sides,
)
from tests.feeds.servers.rest import Answer, Request
from tests.feeds.servers.settings import Settings
from tests.feeds.servers.venue import Venue


@cache
def key_pair() -> rsa.RSAPrivateKey:
    """Make the pair that tests sign with, once per process; nothing secret stands in the tree."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Account:
    """What the venue keeps per connection."""

    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    next_sid: int = 1
    commands: list[float] = field(default_factory=list)


class Kalshi(Venue):
    """A Kalshi market-data server."""

    name = "kalshi"
    path = "/trade-api/ws/v2"
    markets_default = ("KXHIGHNY-26NOV20-T45", "KXRAINSEA-26NOV20", "KXBTCD-26NOV2017-T95000")
    heartbeat_default = 10.0
    heartbeat_payload = b"heartbeat"

    def __init__(self, seed: int, markets: Sequence[str], settings: Settings, script: Script | None) -> None:
        """Take the public key that is given, or that of the pair made for tests."""
        super().__init__(seed, markets, settings, script)
        self.key_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"kalshi-{seed}"))
        self._given = settings.public_key_pem
        self._signed: set[str] = set()
        self._sids: dict[tuple[int, int], Subscription] = {}  # by connection and sid
        self._accounts: dict[int, Account] = {}

    @property
    def private_key_pem(self) -> str:
        """The key that a client of this server signs with, where none was given."""
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return key_pair().private_bytes(*form).decode()

    # ---- the truth ------------------------------------------------------------------------------------------------

    def make_book(self, market: str) -> Book:
        """Every second market has the tapered grid."""
        return Book(market, self.seed, TAPERED if self._tapered(market) else LINEAR, Shape(), self.now_ms())

    def book(self, market: str, at: object = None) -> TrueBook:
        """Return the book after message `at`, or at a time in ms; raises KeyError where there is no such message."""
        book = self.books[market]
        if isinstance(at, tuple):
            *where, sid, seq = at
            number = where[0] if where else max(number for number, known in self._sids if known == sid)
            versions = self._sids[number, sid].versions
            before = [known for known, name in versions if name == market and known <= seq]
            if not before:
                raise KeyError(f"sid {sid} had no message for {market} up to seq {seq}")
            version: int | None = versions[max(before), market]
        else:
            version = book.at_ms(at) if isinstance(at, int) else None
        return true_book(book.at(version), Decimal(1) / ONE, Decimal("0.01"))

    # ---- handshake ------------------------------------------------------------------------------------------------

    def admit(self, path: str, handshake: Handshake) -> tuple[int, object]:
        """Accept where the three headers are there, fresh, never used before, and the signature holds."""
        status, value = super().admit(path, handshake)
        if status != 101:
            return status, value
        given = [handshake.headers.get(f"KALSHI-ACCESS-{part}", "") for part in ("KEY", "TIMESTAMP", "SIGNATURE")]
        reason = self._refusal(*given)
        if reason:
            return 401, {"error": {"code": "unauthorized", "message": reason, "details": ""}}
        return 101, None

    def _refusal(self, key: str, timestamp: str, signature: str) -> str:
        if not (key and timestamp and signature):
            return "missing headers"
        if key != self.key_id:
            return "unknown key"
        if not timestamp.isdigit() or abs(int(timestamp) - self.true_ms()) > self.settings.skew_max_ms:
            return "timestamp is not the time in ms"
        if signature in self._signed:
            return "signature was used before"
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
        try:
            signed = base64.b64decode(signature, validate=True)
            self._public().verify(signed, f"{timestamp}GET{self.path}".encode(), pss, hashes.SHA256())
        except (ValueError, InvalidSignature):
            return "signature does not hold"
        self._signed.add(signature)
        return ""

    def _public(self) -> rsa.RSAPublicKey:
        if not self._given:
            return key_pair().public_key()
        key = serialization.load_pem_public_key(self._given.encode())
        assert isinstance(key, rsa.RSAPublicKey)
        return key

    # ---- commands -------------------------------------------------------------------------------------------------

    def opened(self, client: Client) -> None:
        """Give the connection its account."""
        self._accounts[client.number] = Account()

    def hear(self, client: Client, text: str) -> list[Frame]:
        """Obey a command; the answers are queued in order with the data."""
        account = self._accounts[client.number]
        account.commands = [at for at in account.commands if at > client.heard_at - 1.0] + [client.heard_at]
        try:
            said = json.loads(text)
            number, command = said.get("id"), said.get("cmd")
        except (ValueError, AttributeError):
            return [error(None, 1)]
        if len(account.commands) > self.settings.commands_max:
            return [error(number, 27)]
        params = said.get("params")
        if command == "list_subscriptions":
            listed = [{"channel": sub.channel, "sid": sub.sid} for sub in account.subscriptions.values()]
            return [reply({"id": number, "type": "ok", "msg": listed})]
        obeys: dict[object, Callable[[Client, Account, object, Json], list[Frame]]] = {
            "subscribe": self._subscribe, "unsubscribe": self._unsubscribe, "update_subscription": self._update,
        }  # fmt: skip
        if command not in obeys:
            return [error(number, 5)]
        if not isinstance(params, dict):
            return [error(number, 2)]
        return obeys[command](client, account, number, params)

    def _subscribe(self, client: Client, account: Account, number: object, params: Json) -> list[Frame]:
        channels, markets = params.get("channels"), _tickers(params)
        if not isinstance(channels, list) or not channels:
            return [error(number, 3)]
        frames: list[Frame] = []
        for channel in channels:
            if channel not in ("ticker", *SEQUENCED, *SILENT):
                frames.append(error(number, 8))
            elif channel == "orderbook_delta" and not markets:
                frames.append(error(number, 14))
            elif unknown := [market for market in markets if market not in self.books]:
                frames.append(error(number, 11, market=unknown[0]))
            elif len(markets) > self.settings.markets_max:
                frames.append(error(number, 26))
            else:
                sub = Subscription(
                    account.next_sid, channel, set(markets) if markets else None, bool(params.get("use_yes_price"))
                )
                account.next_sid += 1
                account.subscriptions[sub.sid] = self._sids[client.number, sub.sid] = sub
                frames.append(reply({"id": number, "type": "subscribed", "msg": {"channel": channel, "sid": sub.sid}}))
                frames += self._welcome(client, sub, markets, bool(params.get("send_initial_snapshot")))
        return frames

    def _welcome(self, client: Client, sub: Subscription, markets: list[str], initial: bool) -> list[Frame]:
        if sub.channel == "orderbook_delta":
            client.markets |= set(markets)
            return [sub.snapshot(self.books[market]) for market in markets]
        if sub.channel == "ticker" and initial:
            return [sub.ticker(self.books[market], self.now_ms()) for market in markets or self.books]
        return []

    def _unsubscribe(self, client: Client, account: Account, number: object, params: Json) -> list[Frame]:
        sids = params.get("sids")
        if not isinstance(sids, list) or not sids:
            return [error(number, 4)]
        frames = []
        for sid in sids:
            sub = account.subscriptions.pop(sid, None)
            if sub is None:
                frames.append(error(number, 7))
                continue
            seq = sub.take_seq(self.settings.replies_take_seq)
            frames.append(reply({"id": number, "sid": sid, **seq, "type": "unsubscribed"}))
            client.markets = _markets(account)
        return frames

    def _update(self, client: Client, account: Account, number: object, params: Json) -> list[Frame]:
        sids = params["sids"] if isinstance(params.get("sids"), list) else [params.get("sid")]
        action, markets = params.get("action"), _tickers(params)
        if not isinstance(sids, list) or len(sids) != 1:
            return [error(number, 12)]
        sub = account.subscriptions.get(sids[0])
        if sub is None:
            return [error(number, 7)]
        if not action:
            return [error(number, 15, sub.sid)]
        if action not in ("add_markets", "delete_markets", "get_snapshot"):
            return [error(number, 13, sub.sid)]
        if not markets:
            return [error(number, 14, sub.sid)]
        if unknown := [market for market in markets if market not in self.books]:
            return [error(number, 11, sub.sid, unknown[0])]
        if action == "get_snapshot" and not (sub.channel == "orderbook_delta" and all(map(sub.wants, markets))):
            return [error(number, 11, sub.sid, markets[0])]
        if sub.markets is not None and action == "add_markets":
            sub.markets |= set(markets)
        elif sub.markets is not None and action == "delete_markets":
            sub.markets -= set(markets)
        client.markets = _markets(account)
        shown = sorted(sub.markets or self.books)
        seq = sub.take_seq(self.settings.replies_take_seq)
        ok = {"id": number, "sid": sub.sid, **seq, "type": "ok", "market_tickers": shown}
        frames = [reply(ok)]
        if action != "delete_markets" and sub.channel == "orderbook_delta":
            frames += [sub.snapshot(self.books[market]) for market in markets]
        return frames

    # ---- messages -------------------------------------------------------------------------------------------------

    def publish(self, book: Book, change: Change) -> None:
        """Tell every subscription: changes, trades, tickers."""
        for client in self.clients:
            account = self._accounts[client.number]
            for sub in list(account.subscriptions.values()):
                if not sub.wants(book.name):
                    continue
                if sub.channel == "orderbook_delta":
                    for level in change.levels:
                        client.push(sub.delta(book.name, change, level))
                elif sub.channel == "trade" and change.trade:
                    client.push(sub.trade(book.name, change, change.trade))
                elif sub.channel == "ticker":
                    client.push(sub.ticker(book, self.now_ms()))

    def snapshot_of(self, client: Client, market: str) -> Frame | None:
        """Return an unasked snapshot, with the next sequence."""
        for sub in self._book_subscriptions(client):
            if sub.wants(market):
                return sub.snapshot(self.books[market])
        return None

    def spoil(self, frame: Frame) -> Frame | None:
        """Take away more than the level holds: the one thing that a delta can get visibly wrong."""
        message = json.loads(json.dumps(frame.message))
        message["msg"]["delta_fp"] = "-99999999.00"
        return renamed(frame, message)

    def restart(self, market: str) -> str:
        """Let the sequence of every subscription with this market start again at 1."""
        restarted = 0
        for client in self.clients:
            for sub in self._book_subscriptions(client):
                if sub.wants(market):
                    sub.restart({name: book.version for name, book in self.books.items()})
                    restarted += 1
        return f"{restarted} subscriptions" if restarted else ""

    def complaint(self, client: Client, deed: Deed) -> list[Frame]:
        """End one book subscription with a terminal error: 10, or 25 for a consumer that was too slow."""
        for sub in self._book_subscriptions(client):
            return [self._end(client, sub, int(deed.number("code", self.rng.choice((10, 25)))))]
        return []

    def overflowed(self, client: Client) -> None:
        """End every subscription with error 25."""
        for sub in list(self._accounts[client.number].subscriptions.values()):
            client.push(self._end(client, sub, 25))

    def _end(self, client: Client, sub: Subscription, code: int) -> Frame:
        account = self._accounts[client.number]
        del account.subscriptions[sub.sid]
        client.markets = _markets(account)
        client.forget(lambda frame: frame.key == str(sub.sid))
        return error(None, code, sub.sid)

    def _book_subscriptions(self, client: Client) -> list[Subscription]:
        subscriptions = self._accounts[client.number].subscriptions.values()
        return [sub for sub in subscriptions if sub.channel == "orderbook_delta"]

    # ---- REST -----------------------------------------------------------------------------------------------------

    async def answer(self, request: Request) -> Answer:
        """Answer markets, one market, one book, several books, and the exchange's status; no signature is asked for."""
        path = request.path.removeprefix("/trade-api/v2")
        match path.strip("/").split("/"):
            case ["markets"]:
                return Answer(200, {"markets": [self._market(market) for market in self.books], "cursor": ""})
            case ["markets", "orderbooks"]:
                tickers = request.query.get("tickers", "").split(",")
                if unknown := [market for market in tickers if market not in self.books]:
                    return _not_found(unknown[0])
                books = [{"ticker": market, **self._rest_book(market)} for market in tickers]
                return Answer(200, {"orderbooks": books})
            case ["markets", market] if market in self.books:
                return Answer(200, {"market": self._market(market)})
            case ["markets", market, "orderbook"] if market in self.books:
                return Answer(200, self._rest_book(market))
            case ["exchange", "status"]:
                return Answer(200, {"exchange_active": True, "trading_active": True, "exchange_index_statuses": []})
        return _not_found(path)

    def _rest_book(self, market: str) -> Json:
        return {"orderbook_fp": sides(self.books[market].at(), False, "")}

    def _tapered(self, market: str) -> bool:
        return market_id(market)[0] in "01234567"

    def _market(self, market: str) -> Json:
        structure = "tapered_deci_cent" if self._tapered(market) else "linear_cent"
        bid, ask = self.books[market].best
        ranges = [{"start": start, "end": end, "step": step} for start, end, step in BANDS[structure]]
        return {
            "ticker": market, "event_ticker": market.rpartition("-")[0], "market_type": "binary", "status": "active",
            "yes_bid_dollars": dollars(bid or 0), "yes_ask_dollars": dollars(ONE if ask is None else ask),
            "notional_value_dollars": "1.0000", "result": "", "can_close_early": True,
            "price_level_structure": structure, "price_ranges": ranges, "exchange_index": 0,
            "open_time": "2026-11-19T15:00:00Z", "close_time": "2036-11-21T04:59:00Z",
            "latest_expiration_time": "2036-11-28T15:00:00Z",
        }  # fmt: skip


def _not_found(what: str) -> Answer:
    return Answer(404, {"error": {"code": "not_found", "message": f"not found: {what}", "details": ""}})


def _markets(account: Account) -> set[str]:
    books = [sub.markets or set() for sub in account.subscriptions.values() if sub.channel == "orderbook_delta"]
    return set().union(*books)


def _tickers(params: Json) -> list[str]:
    """Return the markets that a command names, in its order, each once."""
    many, one = params.get("market_tickers"), params.get("market_ticker")
    named = many if isinstance(many, list) else [one] if one else []
    return list(dict.fromkeys(str(market) for market in named))
