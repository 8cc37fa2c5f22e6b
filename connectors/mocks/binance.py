"""Be Binance's USD-margined futures: HMAC-signed query strings, weights, numeric error codes, routed sockets.

`rules`: `duplicate_ids` open (as documented: a client id is refused only while its first order is open) or ever.
The old socket paths `/ws` and `/stream` connect and stay silent, as they do since April 2026.
"""

import hashlib
import hmac
import secrets
from decimal import Decimal

from connectors.mocks.binance_orders import BinanceOrders
from connectors.mocks.binance_reads import BinanceReads
from connectors.mocks.binance_stream import BinanceStream
from connectors.mocks.binance_words import WORDS, fields, refused
from connectors.mocks.core import BUY, SELL, Denied, MockAccount, MockFill, MockOrder
from connectors.mocks.limits import Window
from connectors.mocks.misbehave import PLACE, WRITES
from connectors.mocks.perps import Perps
from connectors.mocks.venue import Read, depth_of
from connectors.mocks.wire import Answer, Body, Call, Line

BUSY = {409: -1000, 429: -1003, 500: -1000, 503: -1006, 504: -1007}
WEIGHT_MAX, MINUTE_S, ORDERS_10S, ORDERS_1M = 2400, 60.0, 300, 1200
WEIGHTS = {"exchangeInfo": 1, "depth": 5, "openOrders": 40, "account": 5, "balance": 5, "positionRisk": 5,
           "userTrades": 5, "allOrders": 5}  # fmt: skip
FORWARD_MS, WINDOW_MS, WINDOW_MS_MAX = 1000, 5000, 60_000


class Binance(Perps):
    """The mock of Binance's USD-margined futures."""

    name = "binance"
    taker, maker = Decimal("0.0005"), Decimal("0.0002")
    notional_min = Decimal(50)
    first_id = 8_886_774
    sockets = ("/public/ws", "/market/ws", "/private/ws", "/public/stream", "/market/stream", "/private/stream",
               "/ws", "/stream")  # fmt: skip
    beat = (180.0, b"")

    def prepare(self) -> None:
        """Set up routes, limits and sockets."""
        self.rules: Body = {"duplicate_ids": "open"}
        self.stream = BinanceStream(self)
        self.orders = BinanceOrders(self)
        self.routes = [*self.orders.routes, *BinanceReads(self).routes]
        self.weight = Window(WEIGHT_MAX, MINUTE_S)
        self.placed = {10: Window(ORDERS_10S, 10.0), 60: Window(ORDERS_1M, MINUTE_S)}

    # ---- who ----

    def new_keys(self, account: MockAccount) -> None:
        """Make a key and its secret."""
        self.given_keys(account, {"api_key": secrets.token_hex(32), "secret": secrets.token_hex(32)})

    def authenticate(self, call: Call) -> str:
        """Verify key, time and HMAC over query and body, exactly as they came."""
        account = next((one for one in self.people() if one.keys["api_key"] == call.headers.get("x-mbx-apikey")), None)
        if account is None:
            raise refused(-2015 if "x-mbx-apikey" in call.headers else -2014, 401)
        if call.path.endswith("/listenKey"):
            return account.name
        body = call.body.decode("utf-8", "replace")
        values = fields(call)
        stamp, window = values.get("timestamp", ""), values.get("recvWindow", str(WINDOW_MS))
        if not stamp.isdecimal() or not window.isdecimal():
            raise refused(-1102)
        late = self.clock.ms() - int(stamp)
        if late > min(int(window), WINDOW_MS_MAX) or late < -FORWARD_MS:
            raise refused(-1021)
        signed = "".join(part for part in (call.query_text, body) if part).partition("&signature=")
        wanted = hmac.new(account.keys["secret"].encode(), signed[0].encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted.encode(), signed[2].encode()):
            raise refused(-1022)
        return account.name

    # ---- how it refuses ----

    def unknown(self, symbol: str) -> Denied:
        """Refuse a symbol that is not traded here."""
        return refused(-1121)

    def denied(self, refusal: Denied, call: Call) -> Answer:
        """Spell a refusal: {"code": number, "msg": text}."""
        code = refusal.code if refusal.code.lstrip("-").isdecimal() else "-1102"
        words = refusal.words or WORDS.get(int(code), "")
        return Answer({"code": int(code), "msg": words}, refusal.status, refusal.headers)

    def broken(self, status: int) -> Answer:
        """Spell a failure of the venue itself."""
        if status == 502:  # said by the edge, which knows nothing of numbers
            return Answer("<html><head><title>502 Bad Gateway</title></head></html>", 502)
        code = BUSY.get(status, -1000)
        return Answer({"code": code, "msg": WORDS[code]}, status)

    def throttle(self, call: Call) -> None:
        """Count weight, and orders. Raises Denied 429; closed for work: 503, nothing done."""
        if self.faults.state("maintenance") is not None and call.kind in (*WRITES, "lookup", "orders", "fills"):
            raise refused(-1008, 503)
        if not self.weight.take(WEIGHTS.get(call.path.rpartition("/")[2], 1)):
            raise Denied(429, "-1003", WORDS[-1003], {"Retry-After": f"{self.weight.wait():.0f}"})
        if call.kind == PLACE:
            for window in self.placed.values():
                if not window.take():
                    raise Denied(429, "-1015", WORDS[-1015], {"Retry-After": f"{window.wait():.0f}"})

    def headers(self) -> dict[str, str]:
        """What of the limits is used."""
        return {"X-MBX-USED-WEIGHT-1M": f"{self.weight.used:.0f}",
                "X-MBX-ORDER-COUNT-10S": f"{self.placed[10].used:.0f}",
                "X-MBX-ORDER-COUNT-1M": f"{self.placed[60].used:.0f}"}  # fmt: skip

    def recorded(self, message: Body) -> list[Read]:
        """Read depth: an answer of REST is a picture, an update of the stream has new totals."""
        data = message.get("data", message)
        if not isinstance(data, dict):
            return []
        if "lastUpdateId" in data and "bids" in data:
            sides = {BUY: depth_of(data["bids"]), SELL: depth_of(data["asks"])}
            return [Read(str(data.get("symbol", message.get("symbol", ""))), sides, whole=True)]
        if data.get("e") == "depthUpdate":
            return [Read(str(data["s"]), {BUY: depth_of(data["b"]), SELL: depth_of(data["a"])}, whole=False)]
        return []

    # ---- sockets ----

    def open_line(self, line: Line, call: Call) -> None:
        """Take a socket; a listen key says whose it is."""
        self.stream.opened(line, call)

    def is_public(self, line: Line) -> bool:
        """True for market data that is not withheld."""
        return line.path.startswith(("/public", "/market"))

    def hear(self, line: Line, text: str) -> None:
        """Take a subscription."""
        self.stream.hear(line, text)

    def level(self, market: str, side: int, price: Decimal, total: Decimal, change: Decimal, by: MockOrder) -> None:
        """Tell books."""
        self.stream.level(market, side, price, total)

    def order(self, order: MockOrder, what: str) -> None:
        """Tell the owner; fills are told one by one."""
        if what != "filled":
            self.stream.order(order, what)

    def traded(self, taker: MockOrder, maker: MockOrder, price: Decimal, size: Decimal, trade_id: str) -> None:
        """Tell everybody of a trade."""
        self.stream.traded(taker, price, size)

    def tell_fill(self, fill: MockFill) -> None:
        """Tell the owner."""
        self.stream.fill(fill)

    def tick(self) -> None:
        """Cancel where a countdown has run out."""
        self.orders.count_down()
