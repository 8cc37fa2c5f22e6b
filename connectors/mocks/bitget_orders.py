"""Take Bitget's perpetual orders: place, batch, change, cancel; what became of an order is not in the answer."""

import re
from typing import TYPE_CHECKING

from connectors.mocks.bitget_words import refused
from connectors.mocks.core import BUY, CANCELLED, FOK, GTC, IOC, OPEN, SELL, Denied, MockOrder
from connectors.mocks.exchange import STP_BOTH, STP_MAKER, STP_TAKER
from connectors.mocks.misbehave import AMEND, CANCEL, CANCEL_ALL, PLACE
from connectors.mocks.perps import LONG, SHORT
from connectors.mocks.wire import Answer, Body, Call, Route, number

if TYPE_CHECKING:
    from connectors.mocks.bitget import Bitget

CLIENT_ID = re.compile(r"^[A-Za-z0-9_\-:#/.]{1,64}$")
TIFS = {"": GTC, "gtc": GTC, "post_only": GTC, "ioc": IOC, "fok": FOK}
PREVENTION = {"": "", "none": "", "cancel_taker": STP_TAKER, "cancel_maker": STP_MAKER, "cancel_both": STP_BOTH}
PRODUCT, COIN = "USDT-FUTURES", "USDT"
BATCH_MAX = 50


class BitgetOrders:
    """The order endpoints."""

    def __init__(self, venue: "Bitget") -> None:
        """Take the venue."""
        self.venue = venue
        at = "/api/v2/mix/order"
        self.routes = [
            Route("POST", f"{at}/place-order", PLACE, self.place),
            Route("POST", f"{at}/batch-place-order", PLACE, self.place_many),
            Route("POST", f"{at}/modify-order", AMEND, self.amend),
            Route("POST", f"{at}/cancel-order", CANCEL, self.cancel),
            Route("POST", f"{at}/batch-cancel-orders", CANCEL, self.cancel_many),
            Route("POST", f"{at}/cancel-all-orders", CANCEL_ALL, self.cancel_all),
        ]

    # ---- placing ----

    def place(self, call: Call) -> Answer:
        """Take one order."""
        return self.venue.told(self._place(call.account, call.json()))

    def place_many(self, call: Call) -> Answer:
        """Take several of a symbol."""
        body = call.json()
        rows = body.get("orderList")
        if not isinstance(rows, list) or not 0 < len(rows) <= BATCH_MAX:
            raise refused("40017", "Parameter verification failed orderList")
        done: list[Body] = []
        failed: list[Body] = []
        for row in rows:
            wish = {**{name: value for name, value in body.items() if name != "orderList"}, **row}
            try:
                done.append(self._place(call.account, wish))
            except Denied as refusal:
                failed.append({"orderId": "", "clientOid": wish.get("clientOid", ""), "errorMsg": refusal.words,
                               "errorCode": refusal.code})  # fmt: skip
        return self.venue.told({"successList": done, "failureList": failed})

    def _place(self, account: str, body: Body) -> Body:
        order = self._read(account, body)
        exchange = self.venue.exchange
        ever = self.venue.rules["duplicate_ids"] == "ever"
        if any(ever or other.state == OPEN for other in exchange.by_client_id(account, order.client_id)):
            raise refused("40786")
        without_id = False
        if order.reduce_only:
            if self.venue.closing(order) <= 0:
                raise refused("22002")
            order.size = min(order.size, self.venue.closing(order))
            without_id = self._make_room(order)
        elif order.size * order.price < self.venue.notional_min:
            raise refused("45110")
        if not self.venue.affords(order):
            raise refused("40762")
        try:
            exchange.place(order)
        except Denied as refusal:
            order.reason = refusal.code
            exchange.pend(order)
            exchange.fail(order, refusal.code)
        ids: Body = {"clientOid": order.client_id}
        return ids if without_id else {"orderId": order.order_id, **ids}

    def _make_room(self, order: MockOrder) -> bool:
        """Cancel older orders that reduce the same position where both are too much; True where one was."""
        older = [
            other
            for other in self.venue.exchange.open_orders(order.account)
            if other.reduce_only and other.instrument == order.instrument and other.side == order.side
        ]
        room = self.venue.closing(order) - order.size
        cancelled = False
        for other in older:
            if other.left > room:
                self.venue.exchange.cancel(other, "reduce_only")
                cancelled = True
            else:
                room -= other.left
        return cancelled

    def _read(self, account: str, body: Body) -> MockOrder:
        """Read an order's fields. Raises Denied with the documented codes."""
        venue = self.venue
        market = venue.market_of(str(body.get("symbol", "")))
        kind, word = str(body.get("orderType", "")), str(body.get("side", ""))
        fixed = {"productType": PRODUCT, "marginCoin": COIN}
        for name, wanted in fixed.items():
            if str(body.get(name, "")).upper() != wanted:
                raise refused("40017", f"Parameter verification failed {name}")
        if kind not in ("limit", "market") or word not in ("buy", "sell"):
            raise refused("40017", "Parameter verification failed orderType or side")
        if body.get("marginMode") not in ("crossed", "isolated"):
            raise refused("40017", "Parameter verification failed marginMode")
        force = str(body.get("force") or "").lower()
        if force not in TIFS or not isinstance(body.get("size"), str):
            raise refused("40017", "Parameter verification failed force or size")
        hedged = venue.hedged(venue.exchange.accounts[account])
        trade_side = str(body.get("tradeSide") or "").lower()
        if hedged != (trade_side in ("open", "close")):
            raise refused("40774")
        # In hedge mode the side names the position: closing a long is still `buy`.
        side = BUY if (word == "buy") != (trade_side == "close") else SELL
        leg = "" if not hedged else f":{LONG if word == 'buy' else SHORT}"
        size = number(body["size"], "size", code="40017")
        price = venue.far(market.symbol, side) if kind == "market" else number(body.get("price"), "price", code="40017")
        price_fits, size_fits = venue.fits(market, price, size)
        if not size_fits or not price_fits:
            raise refused("40808", f"Parameter verification exception {'price' if size_fits else 'size'}")
        client_id = str(body.get("clientOid") or venue.id())
        if not CLIENT_ID.match(client_id):
            raise refused("40017", "Parameter verification failed clientOid")
        order = MockOrder(venue.id(), account, client_id, market.symbol, market.symbol + leg, side, price, size)
        order.tif = IOC if kind == "market" else TIFS[force]
        order.post_only = force == "post_only"
        order.reduce_only = str(body.get("reduceOnly", "NO")).upper() == "YES" or trade_side == "close"
        mode = str(body.get("stpMode") or "")
        if mode not in PREVENTION:
            raise refused("40017", "Parameter verification failed stpMode")
        order.stp = PREVENTION[mode]
        order.data |= {"type": kind, "force": force or "gtc", "word": word, "trade_side": trade_side,
                       "margin_mode": body["marginMode"]}  # fmt: skip
        return order

    # ---- changing, taking back ----

    def _known(self, account: str, body: Body) -> MockOrder:
        """Find the order that is named by either id. Raises Denied 40017, 40768, 22001."""
        order_id, client_id = str(body.get("orderId") or ""), str(body.get("clientOid") or "")
        if not order_id and not client_id:
            raise refused("40017", "Order id must not be blank")
        order = self.venue.named(order_id, client_id, account, str(body.get("symbol", "")))
        if order is None:
            raise refused("40768")
        if order.state != OPEN:
            raise refused("22001")
        return order

    def amend(self, call: Call) -> Answer:
        """Change size and price of an order, under a new id of the client's."""
        body = call.json()
        order = self._known(call.account, body)
        market = self.venue.exchange.markets[order.market]
        size = number(body.get("newSize") or order.size, "newSize", code="40017")
        price = number(body.get("newPrice") or order.price, "newPrice", code="40017")
        if not all(self.venue.fits(market, price, size)) or size <= order.filled:
            raise refused("40808")
        order.client_id = str(body.get("newClientOid") or order.client_id)
        try:
            self.venue.exchange.replace(order, price, size)
        except Denied as refusal:
            raise refused("40725", refusal.code) from refusal
        return self.venue.told({"orderId": order.order_id, "clientOid": order.client_id})

    def cancel(self, call: Call) -> Answer:
        """Cancel one order."""
        order = self._known(call.account, call.json())
        self.venue.exchange.cancel(order)
        return self.venue.told({"orderId": order.order_id, "clientOid": order.client_id})

    def cancel_many(self, call: Call) -> Answer:
        """Cancel those that are named, or all of a symbol where none is."""
        body = call.json()
        symbol, named = str(body.get("symbol") or ""), body.get("orderIdList")
        rows = [row for row in named if isinstance(row, dict)] if isinstance(named, list) else []
        if not rows:
            mine = self.venue.exchange.open_orders(call.account)
            rows = [{"orderId": o.order_id} for o in mine if symbol in ("", o.market)]
        done: list[Body] = []
        failed: list[Body] = []
        for row in rows:
            try:
                order = self._known(call.account, {"symbol": symbol, **row})
                self.venue.exchange.cancel(order)
                done.append({"orderId": order.order_id, "clientOid": order.client_id})
            except Denied as refusal:
                failed.append({"orderId": row.get("orderId", ""), "clientOid": row.get("clientOid", ""),
                               "errorMsg": refusal.words, "errorCode": refusal.code})  # fmt: skip
        return self.venue.told({"successList": done, "failureList": failed})

    def cancel_all(self, call: Call) -> Answer:
        """Cancel everything of the product type."""
        done = []
        for order in self.venue.exchange.open_orders(call.account):
            self.venue.exchange.cancel(order)
            done.append({"orderId": order.order_id, "clientOid": order.client_id})
        if not done:
            raise refused("22001")
        return self.venue.told({"successList": done, "failureList": []})


def state_of(order: MockOrder) -> str:
    """The venue's word for an order's state."""
    if order.state == OPEN:
        return "partially_filled" if order.filled else "live"
    return "canceled" if order.state in (CANCELLED, "expired", "pending") else "filled"
