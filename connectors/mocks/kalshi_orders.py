"""Take Kalshi's V2 orders: create, cancel, amend, decrease, batches and groups, with their documented refusals."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from connectors.mocks.core import FOK, GTC, GTD, IOC, OPEN, SELL, ZERO, Denied, MockOrder, new_id
from connectors.mocks.exchange import STP_MAKER, STP_TAKER, side_of
from connectors.mocks.kalshi_groups import KalshiGroups
from connectors.mocks.misbehave import AMEND, CANCEL, PLACE
from connectors.mocks.wire import Answer, Body, Call, Route, number, plain

if TYPE_CHECKING:
    from connectors.mocks.kalshi import Kalshi

TIFS = {"good_till_canceled": GTC, "immediate_or_cancel": IOC, "fill_or_kill": FOK}
PREVENTION = {"taker_at_cross": STP_TAKER, "maker": STP_MAKER}
REQUIRED = ("ticker", "side", "count", "price", "time_in_force", "self_trade_prevention_type")
CLIENT_ID_MAX = 64
CLOSED = "closed"
CODES = {"post_only": "post_only_cross", "fok": "fill_or_kill_insufficient_resting_volume"}


class KalshiOrders:
    """The write half of the portfolio."""

    def __init__(self, venue: "Kalshi", api: str) -> None:
        """Take the venue, and where its interface is."""
        self.venue = venue
        self.groups = KalshiGroups(venue, api)
        at = f"{api}/portfolio/events/orders"
        self.routes = [
            Route("POST", at, PLACE, self.create),
            Route("POST", f"{at}/batched", PLACE, self.create_batch),
            Route("DELETE", f"{at}/batched", CANCEL, self.cancel_batch),
            Route("DELETE", f"{at}/{{order_id}}", CANCEL, self.cancel),
            Route("POST", f"{at}/{{order_id}}/amend", AMEND, self.amend),
            Route("POST", f"{at}/{{order_id}}/decrease", AMEND, self.decrease),
            Route("POST", f"{api}/portfolio/orders", PLACE, self.gone),
            Route("DELETE", f"{api}/portfolio/orders/{{order_id}}", CANCEL, self.gone),
            *self.groups.routes,
        ]

    def gone(self, call: Call) -> Answer:
        """Refuse the endpoints that were switched off in June 2026."""
        raise Denied(410, "deprecated_v1_order_endpoint", "Please switch to the V2 endpoints")

    def create(self, call: Call) -> Answer:
        """Take one order."""
        return Answer(self._create(call, call.json()), 201)

    def create_batch(self, call: Call) -> Answer:
        """Take several; each has a result of its own, and one's error is not another's."""
        return Answer({"orders": [self._each(partial(self._create, call, row)) for row in _rows(call)]}, 201)

    def cancel_batch(self, call: Call) -> Answer:
        """Cancel several."""
        rows = _rows(call)
        return Answer(
            {"orders": [self._each(partial(self._cancel, call, str(row.get("order_id")), row)) for row in rows]}
        )

    def _each(self, act: Callable[[], Body]) -> Body:
        try:
            return act()
        except Denied as refusal:
            return {"error": {"code": refusal.code, "message": refusal.words or refusal.code, "details": ""}}

    def _create(self, call: Call, body: Body) -> Body:
        venue = self.venue
        self._open_for(call, "place")
        if missing := [name for name in REQUIRED if body.get(name) in (None, "")]:
            raise Denied(400, "missing_parameters", ", ".join(missing))
        order = self._read(call, body)
        self._once(order)
        group = self.groups.of(order)
        if group is not None and group.blocked:
            raise Denied(400, "exceeded_order_group_risk_limit", group.group_id)
        if order.reduce_only:
            held = venue.exchange.accounts[call.account].of(order.instrument).size
            order.size = min(order.size, max(ZERO, -held * order.side))
            if order.size <= 0:
                raise Denied(400, "reduce_only_no_position", "reduce_only: there is no position to reduce")
        account = venue.exchange.accounts[call.account]
        if venue.need(order, order.size) > venue.available(account):
            raise Denied(400, "insufficient_balance", "insufficient balance")
        try:
            fills = venue.exchange.place(order)
        except Denied as refusal:
            raise Denied(400, CODES.get(refusal.code, refusal.code), refusal.words) from refusal
        answer: Body = {
            "order_id": order.order_id,
            "fill_count": plain(order.filled, 2),
            "remaining_count": plain(order.left if order.state == OPEN else ZERO, 2),
            "ts_ms": order.created_ms,
        }
        if order.client_id:
            answer["client_order_id"] = order.client_id
        own = [fill for fill in fills if fill.order is order]
        if own:
            size = sum((fill.size for fill in own), ZERO)
            answer["average_fill_price"] = plain(sum((f.price * f.size for f in own), ZERO) / size, 4)
            answer["average_fee_paid"] = plain(sum((f.fee for f in own), ZERO) / size, 6)
        return answer

    def _read(self, call: Call, body: Body) -> MockOrder:
        """Read an order's fields. Raises Denied 400 and 404 as documented."""
        venue = self.venue
        ticker = str(body["ticker"])
        market = venue.exchange.markets.get(ticker)
        if market is None:
            raise Denied(404, "not_found", f"market {ticker} not found")
        if market.status != "active":
            raise Denied(400, "market_inactive", "MARKET_INACTIVE")
        shard = int(number(body.get("exchange_index", -1), "exchange_index"))
        if shard not in (-1, market.data["shard"]):
            raise Denied(404, "not_found", f"market {ticker} is not on exchange_index {shard}")
        tif = TIFS.get(str(body["time_in_force"]))
        stp = PREVENTION.get(str(body["self_trade_prevention_type"]))
        if tif is None or stp is None or body["side"] not in ("bid", "ask"):
            raise Denied(400, "invalid_order", "time_in_force, self_trade_prevention_type or side")
        price, count = self._price(body["price"], ticker), _count(body["count"])
        expires = body.get("expiration_time")
        if expires is not None and tif != GTC:
            raise Denied(400, "invalid_order", "expiration_time goes with good_till_canceled only")
        expires_ms = 0 if expires is None else int(number(expires, "expiration_time")) * 1000
        if expires is not None and expires_ms <= venue.clock.ms():
            raise Denied(400, "invalid_order", "expiration_time is in the past")
        post_only = body.get("post_only") is True
        if post_only and tif != GTC:
            raise Denied(400, "invalid_order", "post_only goes with good_till_canceled only")
        client_id = str(body.get("client_order_id") or "")
        if len(client_id) > CLIENT_ID_MAX:
            raise Denied(400, "invalid_order", f"client_order_id: at most {CLIENT_ID_MAX} characters")
        order = MockOrder(new_id(), call.account, client_id, ticker, ticker, side_of(str(body["side"])), price, count)
        order.tif = GTD if expires_ms else tif
        order.post_only, order.reduce_only = post_only, body.get("reduce_only") is True
        order.stp, order.expires_ms = stp, expires_ms
        order.data |= {name: body[name] for name in ("order_group_id", "subaccount", "cancel_order_on_pause",
                                                      "self_trade_prevention_type") if name in body}  # fmt: skip
        return order

    def _price(self, value: object, ticker: str) -> Decimal:
        """Read a price: text, two to four decimals, on the grid of its band, inside (0, 1)."""
        if not isinstance(value, str):
            raise Denied(400, "invalid_order", "price: a string is expected")
        price = number(value, "price", code="invalid_order")
        market = self.venue.exchange.markets[ticker]
        inside = 0 < price < 1 and 2 <= len(value.partition(".")[2]) <= 4
        if not inside or not any(a <= price <= b and (price - a) % c == 0 for a, b, c in self.venue.steps(market)):
            raise Denied(400, "invalid_order", f"price {value} is not on the grid of {ticker}")
        return price

    def _once(self, order: MockOrder) -> None:
        """Refuse a client id that is in use. Raises Denied 409."""
        ever = self.venue.rules["duplicate_ids"] == "ever"
        same = self.venue.exchange.by_client_id(order.account, order.client_id)
        if any(ever or other.state == OPEN for other in same):
            raise Denied(409, "order_already_exists", "an order with this client_order_id exists")

    # ---- taking back, changing ----

    def cancel(self, call: Call) -> Answer:
        """Cancel one order, on the shard that is named, or on shard 0."""
        return Answer(self._cancel(call, call.parts["order_id"], dict(call.query)))

    def _cancel(self, call: Call, order_id: str, where: Body) -> Body:
        self._open_for(call, "cancel")
        order = self._known(call, order_id, where)
        if self.venue.exchange.markets[order.market].status == CLOSED:
            raise Denied(400, "market_inactive", "MARKET_INACTIVE")
        if order.state != OPEN:
            raise Denied(404, "not_found", f"order {order_id} is not resting")
        left = self.venue.exchange.cancel(order)
        answer: Body = {"order_id": order.order_id, "reduced_by": plain(left, 2), "ts_ms": self.venue.clock.ms()}
        return answer | ({"client_order_id": order.client_id} if order.client_id else {})

    def _known(self, call: Call, order_id: str, where: Body) -> MockOrder:
        order = self.venue.exchange.orders.get(order_id)
        if order is None or order.account != call.account:
            raise Denied(404, "not_found", f"order {order_id} not found")
        shard = self.venue.exchange.markets[order.market].data["shard"]
        named = str(where.get("exchange_index", "")) or ("0" if "market_ticker" not in where else str(shard))
        if named not in (str(shard), "-1") or str(where.get("market_ticker", order.market)) != order.market:
            raise Denied(404, "not_found", f"order {order_id} not found on exchange_index {named}")
        return order

    def amend(self, call: Call) -> Answer:
        """Change price and size; `count` is what was filled plus what should rest."""
        self._open_for(call, "place")
        body = call.json()
        order = self._known(call, call.parts["order_id"], {"exchange_index": "-1", **body})
        if order.state != OPEN:
            raise Denied(404, "not_found", "the order is not resting")
        if body.get("ticker") != order.market:
            raise Denied(400, "order_ticker_mismatch")
        if body.get("side") != ("ask" if order.side == SELL else "bid"):
            raise Denied(400, "order_side_mismatch")
        if body.get("client_order_id", order.client_id) != order.client_id:
            raise Denied(400, "order_id_and_client_order_id_mismatch")
        price, count = self._price(body.get("price"), order.market), _count(body.get("count"))
        if count <= order.filled:
            raise Denied(400, "invalid_order_size", "count: filled plus what should rest")
        if updated := str(body.get("updated_client_order_id") or ""):
            order.client_id = updated
        try:
            self.venue.exchange.replace(order, price, count)
        except Denied as refusal:
            raise Denied(400, CODES.get(refusal.code, refusal.code)) from refusal
        return Answer(
            {
                "order_id": order.order_id,
                "client_order_id": order.client_id,
                "remaining_count": plain(order.left, 2),
                "fill_count": plain(order.filled, 2),
                "ts_ms": order.updated_ms,
            }
        )

    def decrease(self, call: Call) -> Answer:
        """Make an order smaller, by or to."""
        self._open_for(call, "cancel")
        body = call.json()
        order = self._known(call, call.parts["order_id"], {"exchange_index": "0", **body})
        by, to = body.get("reduce_by"), body.get("reduce_to")
        if (by is None) == (to is None) or order.state != OPEN:
            raise Denied(400, "invalid_order", "exactly one of reduce_by and reduce_to, of a resting order")
        left = order.left - number(by, "reduce_by") if by is not None else number(to, "reduce_to")
        self.venue.exchange.shrink(order, max(ZERO, min(left, order.left)))
        return Answer({"order_id": order.order_id, "remaining_count": plain(order.left, 2), "ts_ms": order.updated_ms})

    def _open_for(self, call: Call, what: str) -> None:
        """Refuse while the exchange pauses: a trading pause lets cancels through, an exchange pause does not."""
        pause = self.venue.faults.state("maintenance")
        if pause is not None and (what == "place" or pause.variant == "exchange_pause"):
            word = "exchange_paused" if pause.variant == "exchange_pause" else "trading_paused"
            raise Denied(503 if word == "exchange_paused" else 400, word, word.upper())


def _count(value: object) -> Decimal:
    """Read a count: text, at most two decimals, above zero."""
    if not isinstance(value, str):
        raise Denied(400, "invalid_order_size", "count: a string is expected")
    count = number(value, "count", code="invalid_order_size")
    if count <= 0 or count % Decimal("0.01") != 0:
        raise Denied(400, "invalid_order_size", f"count {value}: steps of 0.01")
    return count


def _rows(call: Call) -> list[Body]:
    orders = call.json().get("orders")
    if not isinstance(orders, list) or not orders:
        raise Denied(400, "missing_parameters", "orders")
    return [row if isinstance(row, dict) else {} for row in orders]
