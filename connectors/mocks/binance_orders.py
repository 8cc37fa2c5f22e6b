"""Take Binance's futures orders: new, batch, amend, cancel, cancel all, and the countdown that cancels by itself."""

import json
import re
import time
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.mocks.binance_words import fields, refused
from connectors.mocks.core import BUY, FILLED, FOK, GTC, GTD, IOC, OPEN, SELL, ZERO, Denied, MockOrder
from connectors.mocks.exchange import STP_BOTH, STP_MAKER, STP_TAKER
from connectors.mocks.misbehave import AMEND, BEAT, CANCEL, CANCEL_ALL, PLACE
from connectors.mocks.perps import LONG, SHORT, places
from connectors.mocks.wire import Answer, Body, Call, Route, number, plain

if TYPE_CHECKING:
    from connectors.mocks.binance import Binance

CLIENT_ID = re.compile(r"^[\.A-Z\:/a-z0-9_-]{1,36}$")
TIFS = {"GTC": GTC, "GTX": GTC, "IOC": IOC, "FOK": FOK, "GTD": GTD}
PREVENTION = {"": "", "NONE": "", "EXPIRE_TAKER": STP_TAKER, "EXPIRE_MAKER": STP_MAKER, "EXPIRE_BOTH": STP_BOTH}
STATES = {FILLED: "FILLED", "cancelled": "CANCELED", "expired": "EXPIRED"}
BATCH_MAX, GTD_MIN_MS = 5, 600_000


class BinanceOrders:
    """The order endpoints."""

    def __init__(self, venue: "Binance") -> None:
        """Take the venue."""
        self.venue = venue
        self.countdowns: dict[tuple[str, str], float] = {}
        self.routes = [
            Route("POST", "/fapi/v1/order", PLACE, self.place),
            Route("POST", "/fapi/v1/batchOrders", PLACE, self.place_many),
            Route("PUT", "/fapi/v1/order", AMEND, self.amend),
            Route("DELETE", "/fapi/v1/order", CANCEL, self.cancel),
            Route("DELETE", "/fapi/v1/batchOrders", CANCEL, self.cancel_many),
            Route("DELETE", "/fapi/v1/allOpenOrders", CANCEL_ALL, self.cancel_all),
            Route("POST", "/fapi/v1/countdownCancelAll", BEAT, self.arm),
        ]

    # ---- placing ----

    def place(self, call: Call) -> Answer:
        """Take one order."""
        return Answer(self._place(call.account, fields(call)))

    def place_many(self, call: Call) -> Answer:
        """Take up to five; each has a result of its own."""
        rows = json.loads(fields(call).get("batchOrders", "[]"))
        if not isinstance(rows, list) or not 0 < len(rows) <= BATCH_MAX:
            raise refused(-1102)
        done: list[Body] = []
        for row in rows:
            try:
                done.append(self._place(call.account, {name: str(value) for name, value in row.items()}))
            except Denied as refusal:
                done.append({"code": int(refusal.code), "msg": refusal.words})
        return Answer(done)

    def _place(self, account: str, values: dict[str, str]) -> Body:
        order = self._read(account, values)
        exchange = self.venue.exchange
        ever = self.venue.rules["duplicate_ids"] == "ever"
        if any(ever or other.state == OPEN for other in exchange.by_client_id(account, order.client_id)):
            raise refused(-4116)
        if order.reduce_only:
            if self.venue.closing(order) <= 0:
                raise refused(-2022)
            order.size = min(order.size, self.venue.closing(order))
        elif order.size * order.price < self.venue.notional_min:
            raise refused(-4164)
        if not self.venue.affords(order):
            raise refused(-2019)
        try:
            exchange.place(order)
        except Denied as refusal:
            raise refused(-5021 if refusal.code == "fok" else -5022) from refusal
        return self.shown(order)

    def _read(self, account: str, values: dict[str, str]) -> MockOrder:
        """Read an order's fields. Raises Denied with the documented numbers."""
        venue = self.venue
        market = venue.market_of(values.get("symbol", ""))
        kind, side_word = values.get("type", ""), values.get("side", "")
        if kind not in ("LIMIT", "MARKET") or side_word not in ("BUY", "SELL") or "quantity" not in values:
            raise refused(-1102)
        side = BUY if side_word == "BUY" else SELL
        size = number(values["quantity"], "quantity", code="-1102")
        tif = TIFS.get(values.get("timeInForce", "")) if kind == "LIMIT" else IOC
        if tif is None or (kind == "LIMIT" and "price" not in values):
            raise refused(-1102)
        price = number(values["price"], "price", code="-1102") if kind == "LIMIT" else venue.far(market.symbol, side)
        price_fits, size_fits = venue.fits(market, price, size)
        if not size_fits:
            raise refused(-4003 if size <= 0 else -1111)
        if not price_fits:
            raise refused(-4014)
        if size > market.size_max:
            raise refused(-4005)
        client_id = values.get("newClientOrderId") or f"web_{venue.id()}"
        if not CLIENT_ID.match(client_id):
            raise refused(-4015)
        instrument = self._instrument(account, market.symbol, values)
        order = MockOrder(venue.id(), account, client_id, market.symbol, instrument, side, price, size, tif)
        closes = (instrument.endswith(LONG) and side == SELL) or (instrument.endswith(SHORT) and side == BUY)
        order.reduce_only = values.get("reduceOnly", "").lower() == "true" or closes
        order.post_only = values.get("timeInForce") == "GTX"
        mode = values.get("selfTradePreventionMode", "")
        if mode not in PREVENTION:
            raise refused(-1102)
        order.stp = PREVENTION[mode]
        if tif == GTD:
            order.expires_ms = int(values.get("goodTillDate") or 0)
            if order.expires_ms <= venue.clock.ms() + GTD_MIN_MS:
                raise refused(-1102)
        order.data |= {"type": kind, "tif": values.get("timeInForce", "GTC"), "stp": mode or "NONE"}
        return order

    def _instrument(self, account: str, symbol: str, values: dict[str, str]) -> str:
        leg = values.get("positionSide", "BOTH")
        if self.venue.hedged(self.venue.exchange.accounts[account]) != (leg in (LONG, SHORT)):
            raise refused(-4061)
        if leg != "BOTH" and "reduceOnly" in values:
            raise refused(-1102)
        return symbol if leg == "BOTH" else f"{symbol}:{leg}"

    def shown(self, order: MockOrder) -> Body:
        """Spell an order."""
        market = self.venue.exchange.markets[order.market]
        price_places, size_places = places(market.tick), places(market.lot)
        average = order.cost / order.filled if order.filled else ZERO
        status = STATES.get(order.state, "PARTIALLY_FILLED" if order.filled else "NEW")
        if order.reason in ("immediate", "self_trade"):
            status = "EXPIRED" if order.reason == "immediate" else "EXPIRED_IN_MATCH"
        price = ZERO if order.text("type") == "MARKET" else order.price
        return {
            "orderId": int(order.order_id),
            "symbol": order.market,
            "status": status,
            "clientOrderId": order.client_id,
            "price": plain(price, price_places),
            "avgPrice": plain(average, price_places + 2),
            "origQty": plain(order.size, size_places),
            "executedQty": plain(order.filled, size_places),
            "cumQty": plain(order.filled, size_places),
            "cumQuote": plain(order.cost, 5),
            "timeInForce": order.text("tif"),
            "type": order.text("type"),
            "reduceOnly": order.reduce_only and ":" not in order.instrument,
            "closePosition": False,
            "side": "BUY" if order.side == BUY else "SELL",
            "positionSide": order.instrument.partition(":")[2] or "BOTH",
            "stopPrice": "0",
            "workingType": "CONTRACT_PRICE",
            "priceProtect": False,
            "origType": order.text("type"),
            "priceMatch": "NONE",
            "selfTradePreventionMode": order.text("stp"),
            "goodTillDate": order.expires_ms,
            "time": order.created_ms,
            "updateTime": order.updated_ms,
        }

    # ---- changing, taking back ----

    def _known(self, call: Call, values: dict[str, str], code: int) -> MockOrder:
        """Find the order that is named by either id. Raises Denied -1102, -1121, or the given number."""
        self.venue.market_of(values.get("symbol", ""))
        order_id, client_id = values.get("orderId", ""), values.get("origClientOrderId", "")
        if not order_id and not client_id:
            raise refused(-1102)
        order = self.venue.named(order_id, client_id, call.account, values["symbol"])
        if order is None or order.state != OPEN:
            raise refused(code)
        return order

    def amend(self, call: Call) -> Answer:
        """Change price and size of a limit order."""
        values = fields(call)
        order = self._known(call, values, -2013)
        market = self.venue.exchange.markets[order.market]
        price, size = number(values.get("price"), "price"), number(values.get("quantity"), "quantity")
        if not all(self.venue.fits(market, price, size)):
            raise refused(-1111)
        try:
            if size <= order.filled:
                self.venue.exchange.cancel(order)
            else:
                self.venue.exchange.replace(order, price, size)
        except Denied as refusal:
            raise refused(-5022) from refusal
        return Answer(self.shown(order))

    def cancel(self, call: Call) -> Answer:
        """Cancel one order."""
        order = self._known(call, fields(call), -2011)
        self.venue.exchange.cancel(order)
        return Answer(self.shown(order))

    def cancel_many(self, call: Call) -> Answer:
        """Cancel up to ten of a symbol; each has a result of its own."""
        values = fields(call)
        rows = [("orderId", str(each)) for each in json.loads(values.get("orderIdList", "[]"))]
        rows += [("origClientOrderId", str(each)) for each in json.loads(values.get("origClientOrderIdList", "[]"))]
        done: list[Body] = []
        for name, value in rows[:10]:
            try:
                order = self._known(call, {"symbol": values.get("symbol", ""), name: value}, -2011)
                self.venue.exchange.cancel(order)
                done.append(self.shown(order))
            except Denied as refusal:
                done.append({"code": int(refusal.code), "msg": refusal.words})
        return Answer(done)

    def cancel_all(self, call: Call) -> Answer:
        """Cancel everything of a symbol."""
        symbol = self.venue.market_of(fields(call).get("symbol", "")).symbol
        self._clear(call.account, symbol)
        return Answer({"code": 200, "msg": "The operation of cancel all open order is done."})

    def _clear(self, account: str, symbol: str) -> None:
        for order in self.venue.exchange.open_orders(account):
            if order.market == symbol:
                self.venue.exchange.cancel(order)

    def arm(self, call: Call) -> Answer:
        """Start a symbol's countdown anew; 0 takes it back."""
        values = fields(call)
        symbol = self.venue.market_of(values.get("symbol", "")).symbol
        wait = Decimal(values.get("countdownTime") or 0)
        if wait > 0:
            self.countdowns[call.account, symbol] = time.monotonic() + float(wait) / 1000
        else:
            self.countdowns.pop((call.account, symbol), None)
        return Answer({"symbol": symbol, "countdownTime": plain(wait)})

    def count_down(self) -> None:
        """Cancel what a countdown that has run out is for."""
        now = time.monotonic()
        for key in [key for key, until in self.countdowns.items() if until <= now]:
            del self.countdowns[key]
            self._clear(*key)
