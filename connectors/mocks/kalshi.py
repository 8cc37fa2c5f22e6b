"""Be Kalshi: signed REST V2 and websocket for binary markets, prices and counts as text on the YES scale.

What its documents leave open is decided here so that a client has the harder time, and can be changed by
`POST /_rules`: `duplicate_ids` open (a client id may come again once its order is closed) or ever; `skew_ms` the
clock difference that a signature survives.
"""

import base64
from decimal import ROUND_FLOOR, ROUND_UP, Decimal
from functools import partial

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connectors.mocks.core import BUY, ONE, SELL, ZERO, Denied, Market, MockAccount, MockFill, MockOrder, new_id
from connectors.mocks.kalshi_orders import CLOSED, KalshiOrders
from connectors.mocks.kalshi_reads import KalshiReads
from connectors.mocks.kalshi_stream import KalshiStream
from connectors.mocks.limits import Bucket
from connectors.mocks.misbehave import WRITES
from connectors.mocks.venue import MAIN, MockVenue, Read, depth_of
from connectors.mocks.wire import Answer, Body, Call, Line, number

API = "/trade-api/v2"
SOCKET = "/trade-api/ws/v2"
CLOSING_S = 0.2
COEFFICIENT = Decimal("0.07")
MAKER_SHARE = {"quadratic_with_maker_fees": Decimal("0.25"), "quadratic_with_combo_maker_fees": Decimal("0.5")}
FEE_STEP, CENT = Decimal("0.0001"), Decimal("0.01")
# Basic tier: tokens a second, and how many seconds of them are kept (fact sheet, rate limits).
READ_RATE, READ_ROOM, WRITE_RATE, WRITE_ROOM, COST = 200.0, 400.0, 100.0, 100.0, 10.0
BANDS: dict[str, list[tuple[str, str, str]]] = {
    "linear_cent": [("0.0000", "1.0000", "0.0100")],
    "deci_cent": [("0.0000", "1.0000", "0.0010")],
    "tapered_deci_cent": [
        ("0.0000", "0.1000", "0.0010"),
        ("0.1000", "0.9000", "0.0100"),
        ("0.9000", "1.0000", "0.0010"),
    ],
}
STATUS_CODES = {
    409: ("order_already_exists", "an order with this client_order_id exists"),
    500: ("internal_error", "internal server error"),
    502: ("bad_gateway", "bad gateway"),
    503: ("exchange_unavailable", "the exchange is unavailable"),
    504: ("gateway_timeout", "gateway timeout"),
}
SEED: tuple[Body, ...] = (
    {"market": "KXHIGHNY-26NOV20-T45", "structure": "linear_cent"},
    {"market": "KXRAIN-26DEC31-A1", "structure": "tapered_deci_cent", "fee_type": "quadratic_with_maker_fees"},
    {"market": "KXBTC-26NOV21-B65000", "structure": "deci_cent", "shard": 2},
)


class Kalshi(MockVenue):
    """The mock of Kalshi's event-contract exchange."""

    name = "kalshi"
    sockets = (SOCKET,)
    beat = (10.0, b"heartbeat")

    def __init__(self) -> None:
        """Open the seed markets with a book, and the main account."""
        super().__init__()
        self.rules: Body = {"duplicate_ids": "open", "skew_ms": 30_000, "direct_member": False}
        self.stream = KalshiStream(self)
        self.buckets: dict[tuple[str, str], Bucket] = {}
        self.orders = KalshiOrders(self, API)
        self.routes = [*self.orders.routes, *KalshiReads(self, API).routes]
        for spec in SEED:
            self.add_market(spec)
        self.account(MAIN)

    # ---- who ----

    def new_keys(self, account: MockAccount) -> None:
        """Make an RSA key; the venue keeps the public half."""
        key = rsa.generate_private_key(65_537, 2048)
        self.trust(account, new_id(), key.public_key())
        account.secrets["private_key_pem"] = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def given_keys(self, account: MockAccount, keys: Body) -> None:
        """Trust `key_id` with `public_key_pem` instead of a key of ours."""
        loaded = serialization.load_pem_public_key(str(keys["public_key_pem"]).encode())
        if not isinstance(loaded, rsa.RSAPublicKey):
            raise Denied(400, "public_key_pem", "an RSA key is expected")
        account.secrets.clear()
        self.trust(account, str(keys.get("key_id") or new_id()), loaded)

    def trust(self, account: MockAccount, key_id: str, key: rsa.RSAPublicKey) -> None:
        """Know an account by a key."""
        account.keys = {"key_id": key_id}
        account.data["public_key"] = key
        account.data["user_id"] = new_id()
        account.secrets |= {
            "key_id": key_id,
            "public_key_pem": key.public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            ).decode(),
        }

    def authenticate(self, call: Call) -> str:
        """Verify the three headers: RSA-PSS over timestamp, method and path without query."""
        key_id = call.headers.get("kalshi-access-key", "")
        stamp = call.headers.get("kalshi-access-timestamp", "")
        account = next((one for one in self.people() if key_id and one.keys.get("key_id") == key_id), None)
        if account is None:
            raise Denied(401, "authentication_error", "unknown KALSHI-ACCESS-KEY")
        if not stamp.isdecimal() or abs(int(stamp) - self.clock.ms()) > int(str(self.rules["skew_ms"])):
            raise Denied(401, "authentication_error", "KALSHI-ACCESS-TIMESTAMP is off")
        key = account.data["public_key"]
        assert isinstance(key, rsa.RSAPublicKey)
        try:
            key.verify(
                base64.b64decode(call.headers.get("kalshi-access-signature", ""), validate=True),
                f"{stamp}{call.method}{call.path}".encode(),
                padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256().digest_size),
                hashes.SHA256(),
            )
        except (InvalidSignature, ValueError) as err:
            raise Denied(401, "authentication_error", "KALSHI-ACCESS-SIGNATURE does not verify") from err
        return account.name

    # ---- how it refuses ----

    def denied(self, refusal: Denied, call: Call) -> Answer:
        """Spell a refusal: {"error": {"code", "message", "details"}}; too many requests have a shape of their own."""
        if refusal.status == 429:
            return Answer({"error": "too many requests"}, 429)
        error = {"code": refusal.code, "message": refusal.words or refusal.code.replace("_", " "), "details": ""}
        return Answer({"error": error}, refusal.status, refusal.headers)

    def broken(self, status: int) -> Answer:
        """Spell a failure of the exchange itself."""
        if status == 429:
            return Answer({"error": "too many requests"}, 429)
        code, words = STATUS_CODES.get(status, ("error", str(status)))
        return Answer({"error": {"code": code, "message": words, "details": ""}}, status)

    def throttle(self, call: Call) -> None:
        """Take tokens: 10 a request, of the account's bucket for reads or for writes."""
        if call.account:
            writes = call.kind in WRITES
            self.pay(call.account, COST if not writes else self.cost_of(call), writes=writes)

    def cost_of(self, call: Call) -> float:
        """Tokens of a write: a batch pays for each of its orders."""
        if not call.path.endswith("/batched"):
            return COST
        orders = call.json().get("orders")
        return (2.0 if call.method == "DELETE" else COST) * (len(orders) if isinstance(orders, list) else 1)

    def pay(self, account: str, cost: float, *, writes: bool) -> None:
        """Take tokens. Raises Denied 429; the whole batch is refused where the bucket cannot pay for it."""
        rate, room = (WRITE_RATE, WRITE_ROOM) if writes else (READ_RATE, READ_ROOM)
        bucket = self.buckets.setdefault((account, "write" if writes else "read"), Bucket(rate, room))
        if not bucket.take(cost):
            raise Denied(429, "too_many_requests")

    # ---- markets and money ----

    def add_market(self, spec: Body) -> str:
        """Open a market: `market`, `structure` (a name of price bands), `shard`, `fee_type`, `bids`, `asks`."""
        symbol = str(spec.get("market", ""))
        structure = str(spec.get("structure", "linear_cent"))
        if structure not in BANDS:
            raise Denied(400, "structure", f"{structure!r}: one of {', '.join(BANDS)}")
        step = min(Decimal(band[2]) for band in BANDS[structure])
        data: Body = {
            "structure": structure,
            "shard": int(number(spec.get("shard", 0), "shard")),
            "event": symbol.rpartition("-")[0],
            "series": symbol.partition("-")[0],
            "fee_type": str(spec.get("fee_type", "quadratic")),
            "multiplier": number(spec.get("fee_multiplier", 1), "fee_multiplier"),
            "market_id": new_id(),
        }
        self.exchange.list_market(Market(symbol, step, Decimal("0.01"), Decimal("0.01"), data=data))
        bids, asks = [("0.41", "10"), ("0.42", "13")], [("0.45", "20"), ("0.44", "17")]
        self.exchange.set_book(
            symbol,
            {
                BUY: [(Decimal(price), Decimal(size)) for price, size in bids],
                SELL: [(Decimal(price), Decimal(size)) for price, size in asks],
            },
        )
        return symbol

    def steps(self, market: Market) -> list[tuple[Decimal, Decimal, Decimal]]:
        """Price bands of a market: start, end, step."""
        return [(Decimal(a), Decimal(b), Decimal(c)) for a, b, c in BANDS[market.text("structure")]]

    def fee(self, order: MockOrder, price: Decimal, size: Decimal, *, maker: bool) -> Decimal:
        """Trade fee: multiplier x coefficient x C x p x (1 - p), up to $0.0001, then what rounds the balance change.

        The second rounding keeps a balance at $0.01 for all but direct members; what it took from an order comes back
        in whole cents (documents, "Fee Rounding").
        """
        market = self.exchange.markets[order.market]
        share = ONE if not maker else MAKER_SHARE.get(market.text("fee_type"), ZERO)
        multiplier = market.data["multiplier"]
        assert isinstance(multiplier, Decimal)
        fee = (multiplier * COEFFICIENT * share * size * price * (1 - price)).quantize(FEE_STEP, ROUND_UP)
        if self.rules["direct_member"]:
            return fee
        exact = -order.side * price * size - fee
        odd = exact - exact.quantize(CENT, ROUND_FLOOR) + number(order.data.get("odd", 0), "odd")
        refund = odd.quantize(CENT, ROUND_FLOOR)
        order.data["odd"] = odd - refund
        return fee + exact - exact.quantize(CENT, ROUND_FLOOR) - refund

    def available(self, account: MockAccount) -> Decimal:
        """Cash that is not needed for what is held short, or for what rests."""
        short = sum((-held.size for held in account.held.values() if held.size < 0), ZERO)
        rest = sum((self.need(order, order.left) for order in self.exchange.open_orders(account.name)), ZERO)
        return account.cash - short - rest

    def need(self, order: MockOrder, size: Decimal) -> Decimal:
        """Cash that an order of that size ties up: what it pays, less what it closes."""
        held = self.exchange.accounts[order.account].of(order.instrument).size
        opening = max(ZERO, size - max(ZERO, -held * order.side))
        return opening * (order.price if order.side == BUY else 1 - order.price)

    def recorded(self, message: Body) -> list[Read]:
        """Read snapshots and deltas whose NO side is on the NO scale."""
        body = message.get("msg")
        if not isinstance(body, dict) or "market_ticker" not in body:
            return []
        market = str(body["market_ticker"])
        if message.get("type") == "orderbook_snapshot":
            no = depth_of(body.get("no_dollars_fp"))
            sides = {BUY: depth_of(body.get("yes_dollars_fp")), SELL: {1 - price: size for price, size in no.items()}}
            return [Read(market, sides, whole=True)]
        if message.get("type") == "orderbook_delta":
            yes, price = body["side"] == "yes", Decimal(str(body["price_dollars"]))
            change = {price if yes else 1 - price: Decimal(str(body["delta_fp"]))}
            return [Read(market, {BUY if yes else SELL: change}, whole=False, added=True)]
        return []

    # ---- sockets ----

    def open_line(self, line: Line, call: Call) -> None:
        """Take a socket whose handshake is signed like a request."""
        call.account = self.authenticate(call)

    def hear(self, line: Line, text: str) -> None:
        """Take a command."""
        self.stream.hear(line, text)

    def level(self, market: str, side: int, price: Decimal, total: Decimal, change: Decimal, by: MockOrder) -> None:
        """Tell books."""
        self.stream.level(market, side, price, change, by)

    def order(self, order: MockOrder, what: str) -> None:
        """Tell the owner."""
        self.stream.order(order, what)

    def traded(self, taker: MockOrder, maker: MockOrder, price: Decimal, size: Decimal, trade_id: str) -> None:
        """Tell everybody of a trade."""
        self.stream.traded(taker, price, size, trade_id)

    def fill(self, fill: MockFill) -> None:
        """Tell the owner, and count for the order's group."""
        super().fill(fill)
        self.orders.groups.filled(fill)

    def change_status(self, market: Market, status: str) -> None:
        """Pause, resume or close a market: resuming and closing cancel what rests, closing a little later."""
        before, market.status = market.status, status
        self.stream.lifecycle(
            market.symbol, {"active": "activated", "inactive": "deactivated"}.get(status, "determined")
        )
        if status == CLOSED:
            self.later(CLOSING_S, partial(self._clear, market.symbol))
        elif status == "active" and before != status:
            self._clear(market.symbol)

    def _clear(self, symbol: str) -> None:
        for order in [order for order in self.exchange.books[symbol].orders() if order.account]:
            self.exchange.cancel(order, "market")

    def tell_fill(self, fill: MockFill) -> None:
        """Tell the owner."""
        self.stream.fill(fill)
