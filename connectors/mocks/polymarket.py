"""Be Polymarket's CLOB V2: orders that are EIP-712 signatures, two tokens per market on one book, trades that settle.

What its documents leave open stands in `rules`: `skew_s` the clock difference an L2 signature survives, `settle_ms`
how long each step of MATCHED, MINED, CONFIRMED takes, `size_units` of orders in REST (shares, or micro), `market_buy`
whether an immediate buy spends its dollars or takes its shares, `market_min_usd` of marketable orders,
`heartbeat_s` and `heartbeat_buffer_s` of the dead man's switch, `closed_only`, `builders` (code → bps).
"""

import base64
import hashlib
import hmac
import secrets
from decimal import ROUND_HALF_UP, Decimal

from eth_account import Account

from connectors.mocks.core import BUY, ONE, SELL, ZERO, Denied, Market, MockAccount, MockFill, MockOrder, new_id
from connectors.mocks.limits import Window
from connectors.mocks.misbehave import WRITES
from connectors.mocks.polymarket_beats import Heartbeats
from connectors.mocks.polymarket_gamma import Gamma
from connectors.mocks.polymarket_orders import PolymarketOrders
from connectors.mocks.polymarket_public import PolymarketPublic
from connectors.mocks.polymarket_reads import PolymarketReads
from connectors.mocks.polymarket_sign import ZERO_32, l2_signature
from connectors.mocks.polymarket_stream import PolymarketStream
from connectors.mocks.polymarket_trades import Trades
from connectors.mocks.venue import MAIN, MockVenue, Read
from connectors.mocks.wire import Answer, Body, Call, Line, number

FEE_STEP = Decimal("0.00001")
# Requests in ten seconds (documents, "Rate Limits"); the first path that fits counts, and all count as general.
LIMITS: tuple[tuple[str, str, int], ...] = (
    ("POST", "/orders", 2000),
    ("DELETE", "/orders", 2000),
    ("POST", "/order", 5000),
    ("DELETE", "/order", 5000),
    ("DELETE", "/cancel-all", 250),
    ("DELETE", "/cancel-market-orders", 1500),
    ("POST", "/books", 500),
    ("GET", "/book", 1500),
    ("GET", "/price", 1500),
    ("GET", "/midpoint", 1500),
    ("GET", "/tick-size", 200),
    ("GET", "/data/", 500),
    ("GET", "/balance-allowance/update", 50),
    ("GET", "/balance-allowance", 200),
    ("POST", "/auth/", 100),
    ("GET", "/auth/", 100),
)
GENERAL, WINDOW_S, SIGNER_ROOM = 9000, 10.0, 5000
SEED: tuple[Body, ...] = (
    {
        "market": "0x5f65177b394277fd294cd75650044e32ba009a95022d88a0c1d565897d72f8f1",
        "tokens": [
            "67248733773426515003995316186829125729512840798697771987895352658851592189403",
            "93334311276653430123471163012764321467134718452310983453142387109823419023781",
        ],
        "question": "Will the mock rise?",
    },
    {
        "market": "0x9915bea232fa12b20058f9cea1187ea51366352bf833393676cd0db557a58249",
        "tokens": ["11", "12"],
        "tick": "0.001",
        "neg_risk": True,
        "fee_rate": "0.07",
        "question": "Will the mock fall?",
    },
)
BUSY = {
    409: "conflict",
    425: "the matching engine is restarting",
    429: "Too Many Requests",
    500: "could not insert order",
    502: "bad gateway",
    503: "Trading is currently disabled. Check polymarket.com for updates",
    504: "context deadline exceeded",
}


class Polymarket(MockVenue):
    """The mock of Polymarket's exchange, its data interfaces and its discovery."""

    name = "polymarket"
    sockets = ("/ws/market", "/ws/user")

    def __init__(self) -> None:
        """Open the seed markets with a book, and the main account."""
        super().__init__()
        self.rules: Body = {"skew_s": 60, "settle_ms": 50, "size_units": "shares", "market_buy": "dollars",
                            "market_min_usd": "0", "heartbeat_s": 10, "heartbeat_buffer_s": 5, "closed_only": False,
                            "builders": {}}  # fmt: skip
        self.public, self.orders = PolymarketPublic(self), PolymarketOrders(self)
        self.stream = PolymarketStream(self)
        self.trades = Trades(self)
        self.beats = Heartbeats(self)
        self.windows: dict[str, Window] = {}
        self.tokens: dict[str, tuple[str, bool]] = {}
        self.routes = [
            *self.orders.routes,
            *PolymarketReads(self).routes,
            *Gamma(self).routes,
            *self.public.routes,
            *self.beats.routes,
        ]
        for spec in SEED:
            self.add_market(spec)
        self.account(MAIN)

    # ---- who ----

    def new_keys(self, account: MockAccount) -> None:
        """Make a wallet key and API credentials; proxy, Safe and deposit wallets are addresses of our own choice."""
        wallets = {name: str(Account.create().address) for name in ("proxy_wallet", "safe_wallet", "deposit_wallet")}
        self.given_keys(account, {"private_key": "0x" + bytes(Account.create().key).hex(), **wallets})

    def given_keys(self, account: MockAccount, keys: Body) -> None:
        """Know an account by `private_key` or `address`, `api_key`, `secret`, `passphrase` and its wallets."""
        found = {name: str(value) for name, value in keys.items()}
        if "private_key" in found:
            found["address"] = str(Account.from_key(found["private_key"]).address)
        found.setdefault("api_key", new_id())
        found.setdefault("secret", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
        found.setdefault("passphrase", secrets.token_hex(32))
        account.secrets, account.keys = found, found
        named = ("address", "proxy_wallet", "safe_wallet", "deposit_wallet")
        account.data["wallets"] = {found[name].lower() for name in named if name in found}

    def authenticate(self, call: Call) -> str:
        """Verify the L2 headers: HMAC over timestamp, method, path without query, and the body as it came."""
        head = {name: call.headers.get(f"poly_{name}", "") for name in
                ("address", "api_key", "passphrase", "timestamp", "signature")}  # fmt: skip
        account = next((one for one in self.people() if one.keys["api_key"] == head["api_key"]), None)
        if account is None or head["passphrase"] != account.keys["passphrase"]:
            raise Denied(401, "key", "Unauthorized/Invalid api key")
        if head["address"].lower() != account.keys["address"].lower():
            raise Denied(401, "key", "Unauthorized/Invalid api key")
        stamp = head["timestamp"]
        if not stamp.isdecimal() or abs(int(stamp) - self.clock.ms() / 1000) > int(str(self.rules["skew_s"])):
            raise Denied(401, "clock", "Unauthorized/Invalid api key")
        wanted = l2_signature(account.keys["secret"], stamp, call.method, call.path, call.body)
        if not hmac.compare_digest(wanted.encode(), head["signature"].encode()):
            raise Denied(401, "signature", "Unauthorized/Invalid api key")
        return account.name

    # ---- how it refuses ----

    def denied(self, refusal: Denied, call: Call) -> Answer:
        """Spell a refusal: {"error": text}."""
        body: Body = {"error": refusal.words or refusal.code}
        if refusal.code == "post_only_mode":
            body |= {"code": refusal.code, "retry_after_seconds": int(refusal.headers["Retry-After"])}
        if refusal.code == "heartbeat":
            body = {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": refusal.words}
        return Answer(body, refusal.status, refusal.headers)

    def broken(self, status: int) -> Answer:
        """Spell a failure of the exchange itself."""
        return Answer({"error": BUSY.get(status, str(status))}, status)

    def throttle(self, call: Call) -> None:
        """Count a request against its endpoint and against all. Raises Denied 429; 425 and 503 while closed."""
        pause = self.faults.state("maintenance")
        if pause is not None and not call.path.startswith(("/time", "/version")):
            self._paused(call, pause.variant)
        rows = [("", "", GENERAL), *(row for row in LIMITS if row[0] == call.method and call.path.startswith(row[1]))]
        for method, path, most in rows[:2]:
            if not self.windows.setdefault(f"{method} {path}", Window(most, WINDOW_S)).take():
                raise Denied(429, "limit", "Too Many Requests")

    def _paused(self, call: Call, variant: str) -> None:
        """Refuse what a maintenance of this kind refuses: disabled, restart, cancel_only or post_only."""
        if call.kind not in WRITES:
            return
        if variant == "restart":
            raise Denied(425, "restart", BUSY[425])
        if variant == "cancel_only" and call.kind == "place":
            raise Denied(503, "cancel_only", "Trading is currently cancel-only. New orders are not accepted")
        if variant == "post_only" and call.kind == "place" and call.value() and b'"postOnly":true' not in call.body:
            words = "the exchange is in post-only mode"
            raise Denied(503, "post_only_mode", words, {"Retry-After": "120"})
        if variant in ("", "disabled"):
            raise Denied(503, "disabled", BUSY[503])

    # ---- markets and money ----

    def add_market(self, spec: Body) -> str:
        """Open a market: `market` (condition id), `tokens`, `tick`, `min_size`, `neg_risk`, `delay_s`, fee."""
        symbol = str(spec.get("market", ""))
        if symbol in self.exchange.markets and "tick" in spec:
            return self._change_tick(self.exchange.markets[symbol], number(spec["tick"], "tick"))
        tokens = spec.get("tokens")
        if not isinstance(tokens, list) or len(tokens) != 2:
            raise Denied(400, "tokens", "tokens: two ids, of YES and of NO")
        tick = number(spec.get("tick", "0.01"), "tick")
        data: Body = {
            "tokens": [str(token) for token in tokens],
            "neg_risk": bool(spec.get("neg_risk", False)),
            "rate": number(spec.get("fee_rate", 0), "fee_rate"),
            "exponent": int(number(spec.get("fee_exponent", 1), "fee_exponent")),
            "delay_s": float(number(spec.get("delay_s", 0), "delay_s")),
            "question": str(spec.get("question", symbol)),
            "id": str(900_000 + len(self.exchange.markets)),
        }
        size_min = number(spec.get("min_size", 5), "min_size")
        self.exchange.list_market(Market(symbol, tick, Decimal("0.01"), size_min, data=data))
        self.tokens |= {str(token): (symbol, flip) for token, flip in zip(tokens, (False, True), strict=True)}
        bids, asks = [("0.47", "120"), ("0.48", "30.5")], [("0.53", "60"), ("0.52", "25")]
        levels = {side: [(Decimal(price), Decimal(size)) for price, size in rows]
                  for side, rows in ((BUY, bids), (SELL, asks))}  # fmt: skip
        self.exchange.set_book(symbol, levels)
        return symbol

    def _change_tick(self, market: Market, tick: Decimal) -> str:
        """Give an open market another tick, and tell its sockets."""
        old, market.tick = market.tick, tick
        self.stream.tick_changed(market, old)
        return market.symbol

    def locate(self, spec: Body) -> tuple[str, bool]:
        """Return the book of a condition id or of a token, and whether the token is the other outcome's."""
        name = str(spec.get("token") or spec.get("asset_id") or spec.get("market", ""))
        if name in self.tokens:
            return self.tokens[name]
        return super().locate({"market": name})

    def token(self, market: Market, *, flip: bool) -> str:
        """The id of one of the two tokens of a market."""
        tokens = market.data["tokens"]
        assert isinstance(tokens, list)
        return str(tokens[int(flip)])

    def best(self, symbol: str, *, flip: bool) -> tuple[Decimal | None, Decimal | None]:
        """Best bid and ask of one of a market's tokens."""
        book = self.exchange.books[symbol]
        bid, ask = book.best(BUY), book.best(SELL)
        if flip:
            return (None if ask is None else 1 - ask), (None if bid is None else 1 - bid)
        return bid, ask

    def fee(self, order: MockOrder, price: Decimal, size: Decimal, *, maker: bool) -> Decimal:
        """Taker fee: shares x rate x (p (1 - p))^e to 5 decimals, nothing below one of them; plus the builder's."""
        market = self.exchange.markets[order.market]
        own = ONE - price if order.flip else price
        bps = self.builder_bps(order.text("builder"), maker=maker)
        extra = (own * size * bps / 10_000).quantize(FEE_STEP, ROUND_HALF_UP)
        return extra if maker else extra + self.taker_fee(market, price, size)

    def taker_fee(self, market: Market, price: Decimal, size: Decimal) -> Decimal:
        """The platform's part."""
        rate, exponent = market.data["rate"], market.data["exponent"]
        assert isinstance(rate, Decimal)
        assert isinstance(exponent, int)
        return (size * rate * (price * (1 - price)) ** exponent).quantize(FEE_STEP, ROUND_HALF_UP)

    def builder_bps(self, code: str, *, maker: bool) -> Decimal:
        """What a builder charges, in basis points; nothing for code zero, or one that is not known."""
        builders = self.rules["builders"]
        assert isinstance(builders, dict)
        rates = builders.get(code) if code != ZERO_32 else None
        return number(rates.get("maker" if maker else "taker", 0), "bps") if isinstance(rates, dict) else ZERO

    def recorded(self, message: Body) -> list[Read]:
        """Read pictures and changes of the market channel."""
        if message.get("event_type") == "book":
            sides = {side: {Decimal(row["price"]): Decimal(row["size"]) for row in _rows(message.get(name))}
                     for side, name in ((BUY, "bids"), (SELL, "asks"))}  # fmt: skip
            return [Read(str(message.get("asset_id")), sides, whole=True)]
        changes = []
        for row in _rows(message.get("price_changes")):
            side = BUY if row["side"] == "BUY" else SELL
            total = {Decimal(row["price"]): Decimal(row["size"])}
            changes.append(Read(row["asset_id"], {side: total}, whole=False))
        return changes

    # ---- sockets, settling ----

    def open_line(self, line: Line, call: Call) -> None:
        """Take a socket; the user's says who it is when it subscribes."""

    def hear(self, line: Line, text: str) -> None:
        """Take a subscription or a PING."""
        self.stream.hear(line, text)

    def is_public(self, line: Line) -> bool:
        """True for the market channel."""
        return line.path.startswith("/ws/market")

    def level(self, market: str, side: int, price: Decimal, total: Decimal, change: Decimal, by: MockOrder) -> None:
        """Tell both tokens' books."""
        self.stream.level(market, side, price, total)

    def order(self, order: MockOrder, what: str) -> None:
        """Tell the owner."""
        self.stream.order(order, what)

    def traded(self, taker: MockOrder, maker: MockOrder, price: Decimal, size: Decimal, trade_id: str) -> None:
        """Tell everybody of a trade."""
        self.stream.traded(taker, price, size)

    def fill(self, fill: MockFill) -> None:
        """Let a trade settle, step by step, and tell its owner of the first."""
        self.trades.matched(fill)
        super().fill(fill)

    def tell_fill(self, fill: MockFill) -> None:
        """Tell the owner how far a trade is."""
        self.stream.trade(fill)

    def tick(self) -> None:
        """Cancel what nobody keeps alive, and what cannot be paid any more."""
        self.beats.tick()
        for account in self.people():
            self.orders.cancel_unfunded(account)

    def extra(self) -> Body:
        """The dead man's switch, for `GET /_state`."""
        return {"heartbeats": self.beats.state()}

    def hash_of(self, text: str) -> str:
        """SHA-1 of a text, as books carry it."""
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _rows(value: object) -> list[dict[str, str]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
