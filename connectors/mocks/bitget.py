"""Be Bitget's USDT perpetuals (v2): base64 HMAC over time, method, path, query and body; every answer in an envelope.

An order is answered with its ids alone: what became of it (post-only that would take, nothing to match) is told
later, on the socket or on asking. `rules`: `duplicate_ids` open or ever; `demo_only` asks for the header of demo keys.
"""

import base64
import hashlib
import hmac
import secrets
from decimal import Decimal
from urllib.parse import unquote_plus

from connectors.mocks.bitget_orders import BitgetOrders
from connectors.mocks.bitget_reads import BitgetReads
from connectors.mocks.bitget_stream import BitgetStream
from connectors.mocks.bitget_words import WORDS, refused
from connectors.mocks.core import BUY, SELL, Denied, MockAccount, MockFill, MockOrder
from connectors.mocks.limits import Window
from connectors.mocks.misbehave import PLACE, WRITES
from connectors.mocks.perps import Perps
from connectors.mocks.venue import Read, depth_of
from connectors.mocks.wire import Answer, Body, Call, Line

BUSY = {409: "40786", 429: "429", 500: "40725", 502: "40725", 503: "40725", 504: "40725"}
SKEW_MS, PER_SECOND = 30_000, 10


class Bitget(Perps):
    """The mock of Bitget's USDT perpetuals."""

    name = "bitget"
    taker, maker = Decimal("0.0006"), Decimal("0.0002")
    notional_min = Decimal(5)
    first_id = 1_321_313_242_969_427_968
    sockets = ("/v2/ws/public", "/v2/ws/private")

    def prepare(self) -> None:
        """Set up routes, limits and sockets."""
        self.rules: Body = {"duplicate_ids": "open", "demo_only": False}
        self.stream = BitgetStream(self)
        self.orders = BitgetOrders(self)
        self.reads = BitgetReads(self)
        self.routes = [*self.orders.routes, *self.reads.routes]
        self.windows: dict[tuple[str, str], Window] = {}

    # ---- who ----

    def new_keys(self, account: MockAccount) -> None:
        """Make a key, its secret and a passphrase."""
        names = ("api_key", "secret", "passphrase")
        self.given_keys(account, {name: secrets.token_hex(16) for name in names})

    def authenticate(self, call: Call) -> str:
        """Verify key, passphrase, time and signature."""
        account = next((one for one in self.people() if one.keys["api_key"] == call.headers.get("access-key")), None)
        if account is None:
            raise refused("40037")
        if call.headers.get("access-passphrase") != account.keys["passphrase"]:
            raise refused("40012")
        stamp = call.headers.get("access-timestamp", "")
        if not stamp.isdecimal() or abs(int(stamp) - self.clock.ms()) > SKEW_MS:
            raise refused("40008")
        query = f"?{unquote_plus(call.query_text)}" if call.query_text else ""
        text = f"{stamp}{call.method}{call.path}{query}".encode() + call.body
        if not hmac.compare_digest(self.sign(account, text), call.headers.get("access-sign", "").encode()):
            raise refused("40009")
        if self.rules["demo_only"] and call.headers.get("paptrading") != "1":
            raise refused("40099")
        return account.name

    def sign(self, account: MockAccount, text: bytes) -> bytes:
        """Return what an account's signature of a text must be."""
        return base64.b64encode(hmac.new(account.keys["secret"].encode(), text, hashlib.sha256).digest())

    # ---- how it answers ----

    def unknown(self, symbol: str) -> Denied:
        """Refuse a symbol that is not traded here."""
        return refused("40034", f"Parameter {symbol} does not exist")

    def told(self, data: object, *, torn: bool = False) -> Answer:
        """Put an answer into its envelope."""
        body = {"code": "00000", "msg": "success", "requestTime": self.clock.ms(), "data": data}
        return Answer(body, torn=torn)

    def denied(self, refusal: Denied, call: Call) -> Answer:
        """Spell a refusal: code and message in the same envelope, without data."""
        known = {"not_found": "40404"}
        code = known.get(refusal.code, refusal.code if refusal.code.isdecimal() else "40017")
        words = refusal.words or WORDS.get(code, refusal.code)
        body = {"code": code, "msg": words, "requestTime": self.clock.ms(), "data": None}
        return Answer(body, refusal.status, refusal.headers)

    def broken(self, status: int) -> Answer:
        """Spell a failure of the venue itself."""
        code = BUSY.get(status, "40725")
        body = {"code": code, "msg": WORDS[code], "requestTime": self.clock.ms(), "data": None}
        return Answer(body, status)

    def throttle(self, call: Call) -> None:
        """Count requests per endpoint and account. Raises Denied 429; closed for work: 40200, nothing done."""
        if self.faults.state("maintenance") is not None and call.account:
            raise refused("40200")
        if call.kind in WRITES:
            key = (call.account, "place" if call.kind == PLACE else call.path)
            if not self.windows.setdefault(key, Window(PER_SECOND, 1.0)).take():
                raise refused("429", status=429)

    def recorded(self, message: Body) -> list[Read]:
        """Read snapshots and updates of the book channels."""
        arg, data = message.get("arg"), message.get("data")
        if (
            not isinstance(arg, dict)
            or not str(arg.get("channel", "")).startswith("books")
            or not isinstance(data, list)
        ):
            return []
        whole = message.get("action") == "snapshot"
        return [
            Read(str(arg["instId"]), {BUY: depth_of(row["bids"]), SELL: depth_of(row["asks"])}, whole) for row in data
        ]

    # ---- sockets ----

    def open_line(self, line: Line, call: Call) -> None:
        """Take a socket; the private one says who it is by a login."""

    def is_public(self, line: Line) -> bool:
        """True for market data."""
        return line.path.startswith("/v2/ws/public")

    def hear(self, line: Line, text: str) -> None:
        """Take a login, a subscription or a ping."""
        self.stream.hear(line, text)

    def level(self, market: str, side: int, price: Decimal, total: Decimal, change: Decimal, by: MockOrder) -> None:
        """Tell books."""
        self.stream.level(market, side, price, total)

    def order(self, order: MockOrder, what: str) -> None:
        """Tell the owner; fills are told one by one."""
        if what != "filled":
            self.stream.order(order, None)

    def traded(self, taker: MockOrder, maker: MockOrder, price: Decimal, size: Decimal, trade_id: str) -> None:
        """Tell everybody of a trade."""
        self.stream.traded(taker, price, size)

    def tell_fill(self, fill: MockFill) -> None:
        """Tell the owner."""
        self.stream.fill(fill)
