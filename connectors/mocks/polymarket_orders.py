"""Take Polymarket's signed orders, one or fifteen at a time, and cancel them, with the documented refusals."""

from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.mocks.core import (
    BUY,
    FOK,
    GTC,
    GTD,
    IOC,
    OPEN,
    PENDING,
    SELL,
    ZERO,
    Denied,
    Market,
    MockAccount,
    MockOrder,
)
from connectors.mocks.misbehave import CANCEL, CANCEL_ALL, PLACE
from connectors.mocks.polymarket_sign import DEPOSIT, order_signer, order_values
from connectors.mocks.wire import Answer, Body, Call, Route, number, plain

if TYPE_CHECKING:
    from connectors.mocks.polymarket import Polymarket

KINDS = {"GTC": GTC, "GTD": GTD, "FOK": FOK, "FAK": IOC}
BATCH_MAX, CANCEL_MAX, THRESHOLD_S = 15, 1000, 60
MICRO = Decimal(1_000_000)
# Decimals of size x price by tick (documents, "Create Order"); sizes have two.
AMOUNT_DECIMALS = {"0.1": 3, "0.01": 4, "0.005": 5, "0.0025": 6, "0.001": 5, "0.0001": 6}
SIZE_STEP = Decimal("0.01")
WORDS = {
    "post_only": "invalid post-only order: order crosses book",
    "fok": "order couldn't be fully filled. FOK orders are fully filled or killed.",
    "fak": "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found.",
    "grid": "order {} is invalid. Price ({}) breaks minimum tick size rule: {}",
    "size": "order {} is invalid. Size ({}) lower than the minimum: {}",
    "money": "not enough balance / allowance",
    "owner": "the order owner has to be the owner of the API KEY",
    "signer": "the order signer address has to be the address of the API KEY",
}


class PolymarketOrders:
    """The order endpoints."""

    def __init__(self, venue: "Polymarket") -> None:
        """Take the venue."""
        self.venue = venue
        self.routes = [
            Route("POST", "/order", PLACE, self.post),
            Route("POST", "/orders", PLACE, self.post_many),
            Route("DELETE", "/order", CANCEL, self.cancel),
            Route("DELETE", "/orders", CANCEL, self.cancel_many),
            Route("DELETE", "/cancel-all", CANCEL_ALL, self.cancel_all),
            Route("DELETE", "/cancel-market-orders", CANCEL_ALL, self.cancel_market),
        ]

    # ---- placing ----

    def post(self, call: Call) -> Answer:
        """Take one order; a refusal is an HTTP error."""
        return Answer(self._post(call, call.json()), 200, self._limits())

    def post_many(self, call: Call) -> Answer:
        """Take up to fifteen; a refusal is `success` with a message and no id."""
        rows = call.rows()
        if len(rows) > BATCH_MAX:
            raise Denied(400, "batch", f"Too many orders in payload: {len(rows)}, max allowed: {BATCH_MAX}")
        done = []
        for row in rows:
            try:
                done.append(self._post(call, row if isinstance(row, dict) else {}))
            except Denied as refusal:
                done.append(_result("", "", error=refusal.words or refusal.code))
        return Answer(done, 200, self._limits())

    def _limits(self) -> dict[str, str]:
        return {"Poly-RateLimit-Remaining": "4999", "Poly-RateLimit-Tier": "standard"}

    def _post(self, call: Call, body: Body) -> Body:
        order = self._read(call, body)
        exchange = self.venue.exchange
        market = exchange.markets[order.market]
        if order.order_id in exchange.orders:
            raise Denied(400, "duplicate", f"order {order.order_id} is invalid. Duplicated.")
        self._afford(order, market)
        delay = float(str(market.data["delay_s"]))
        if delay and not order.post_only and exchange.books[order.market].crosses(order.side, order.price):
            exchange.pend(order)
            self.venue.later(delay, lambda: self._released(order))
            return _result(order.order_id, "delayed")
        return self._place(order)

    def _place(self, order: MockOrder) -> Body:
        try:
            fills = self.venue.exchange.place(order)
        except Denied as refusal:
            raise Denied(400, refusal.code, WORDS.get(refusal.code, "")) from refusal
        own = [fill for fill in fills if fill.order is order]
        if not own:
            return _result(order.order_id, "live")
        money = sum((fill.own_price * fill.size for fill in own), ZERO)
        shares = sum((fill.size for fill in own), ZERO)
        made, taken = (money, shares) if order.own_side == BUY else (shares, money)
        hashes = list(dict.fromkeys(self.venue.trades.transaction(fill) for fill in own))
        ids = [fill.trade_id for fill in own]
        return _result(order.order_id, "matched", made=plain(made), taken=plain(taken), hashes=hashes, trades=ids)

    def _released(self, order: MockOrder) -> None:
        """Let a delayed order trade; what cannot be placed any more ends."""
        try:
            self.venue.exchange.place(order)
        except Denied as refusal:
            self.venue.exchange.fail(order, refusal.code)

    def _read(self, call: Call, body: Body) -> MockOrder:
        """Read and verify an order. Raises Denied 400 and 404 as documented."""
        venue, wire = self.venue, body.get("order")
        if not isinstance(wire, dict):
            raise Denied(400, "payload", "Invalid order payload")
        account = venue.exchange.accounts[call.account]
        values = order_values(wire)
        if body.get("owner") != account.keys["api_key"]:
            raise Denied(400, "owner", WORDS["owner"])
        token = str(wire["tokenId"])
        if token not in venue.tokens:
            raise Denied(404, "token", "No orderbook exists for the requested token id")
        symbol, flip = venue.tokens[token]
        market = venue.exchange.markets[symbol]
        if market.status != "active":
            raise Denied(400, "closed", "market is not yet ready to process new orders")
        signed = order_signer(values, wire.get("signature"), neg_risk=bool(market.data["neg_risk"]))
        self._mine(account.keys["address"].lower(), account.data["wallets"], values, signed.signer)
        tif = KINDS.get(str(body.get("orderType")))
        if tif is None:
            raise Denied(400, "payload", "Invalid order payload: orderType")
        post_only = body.get("postOnly") is True
        if post_only and tif not in (GTC, GTD):
            raise Denied(400, "post_only_type", "invalid post-only order: only GTC and GTD order types are allowed")
        own_side = BUY if wire["side"] == "BUY" else SELL
        made, taken = int(wire["makerAmount"]) / MICRO, int(wire["takerAmount"]) / MICRO
        size, money = (taken, made) if own_side == BUY else (made, taken)
        price = self._price(market, signed.digest, size, money, immediate=tif in (FOK, IOC))
        order = MockOrder(
            signed.digest, call.account, signed.digest, symbol, token,
            -own_side if flip else own_side, 1 - price if flip else price, size, tif, post_only=post_only, flip=flip,
        )  # fmt: skip
        order.expires_ms = self._expiry(str(wire.get("expiration", "")), tif)
        order.data |= {"builder": str(wire["builder"]), "maker": str(wire["maker"]), "signer": str(wire["signer"]),
                       "salt": wire["salt"], "metadata": str(wire["metadata"]), "order_type": str(body["orderType"]),
                       "signature_type": wire["signatureType"], "expiration": str(wire.get("expiration", "0")),
                       "refuse_empty": tif == IOC}  # fmt: skip
        if tif in (FOK, IOC) and own_side == BUY and venue.rules["market_buy"] == "dollars":
            order.spend = money
        return order

    def _mine(self, address: str, wallets: object, values: Body, signer: str | None) -> None:
        """Refuse an order that the account's key has not signed, or for a wallet that is not its own."""
        assert isinstance(wallets, set)
        maker, named = str(values["maker"]).lower(), str(values["signer"]).lower()
        if named != (maker if values["signatureType"] == DEPOSIT else address):
            raise Denied(400, "signer", WORDS["signer"])
        if signer is None or signer.lower() != address:
            raise Denied(400, "signature", "Invalid order payload: invalid signature")
        if maker not in wallets or (values["signatureType"] == 0) != (maker == address):
            raise Denied(400, "maker", "Invalid order payload: the maker is no wallet of this API KEY")
        if len(str(values["timestamp"])) != 13:
            raise Denied(400, "timestamp", "Invalid order payload: timestamp is in milliseconds")

    def _price(self, market: Market, digest: str, size: Decimal, money: Decimal, *, immediate: bool) -> Decimal:
        """Return the price of an order: exact and on the grid for what may rest, within rounding for what may not."""
        if size <= 0 or money <= 0:
            raise Denied(400, "payload", "Invalid order payload: amounts")
        price, tick = money / size, market.tick
        near = (price / tick).quantize(Decimal(1)) * tick
        decimals = AMOUNT_DECIMALS.get(f"{tick.normalize():f}", 6)
        if immediate:
            if abs(price - near) > tick / 20:
                raise Denied(400, "grid", WORDS["grid"].format(digest, price, tick))
        else:
            if price != near or money != round(money, decimals) or size % SIZE_STEP:
                raise Denied(400, "grid", WORDS["grid"].format(digest, price, tick))
            if size < market.size_min:
                raise Denied(400, "size", WORDS["size"].format(digest, size, market.size_min))
        if not tick <= near <= 1 - tick:
            raise Denied(400, "grid", WORDS["grid"].format(digest, price, tick))
        return near

    def _expiry(self, text: str, tif: str) -> int:
        """Read when an order ends, in ms; a minute of it is the venue's own."""
        if not text.isdecimal() or (int(text) == 0) == (tif == GTD):
            raise Denied(400, "expiration", "invalid expiration")
        if tif != GTD:
            return 0
        if int(text) * 1000 <= self.venue.clock.ms() + THRESHOLD_S * 1000:
            raise Denied(400, "expiration", f"invalid expiration value; must be > now + {THRESHOLD_S}s")
        return (int(text) - THRESHOLD_S) * 1000

    def _afford(self, order: MockOrder, market: Market) -> None:
        """Refuse what the account cannot pay: buys of one market share its cash, sells of a token its shares."""
        account = self.venue.exchange.accounts[order.account]
        rest = [o for o in self.venue.exchange.open_orders(order.account) if o.market == order.market]
        marketable = self.venue.exchange.books[order.market].crosses(order.side, order.price)
        money = order.spend or order.size * order.own_price
        if order.own_side == BUY:
            if self.venue.rules["closed_only"]:
                raise Denied(400, "closed_only", "address in closed only mode")
            busy = sum((o.left * o.own_price for o in rest if o.own_side == BUY), ZERO)
            fee = self.venue.taker_fee(market, order.price, order.size) if marketable else ZERO
            if busy + money + fee > account.cash:
                raise Denied(400, "money", WORDS["money"])
        else:
            busy = sum((o.left for o in rest if o.own_side == SELL and o.instrument == order.instrument), ZERO)
            if busy + order.size > account.of(order.instrument).size:
                raise Denied(400, "money", WORDS["money"])
        if marketable and money < number(self.venue.rules["market_min_usd"], "market_min_usd"):
            raise Denied(400, "size", "invalid amount for a marketable order, lower than the minimum: $1")

    def cancel_unfunded(self, account: MockAccount) -> None:
        """Cancel the newest orders of a market or token that are together more than is there."""
        busy: dict[str, Decimal] = {}
        for order in self.venue.exchange.open_orders(account.name):
            buys = order.own_side == BUY
            key = order.market if buys else order.instrument
            busy[key] = busy.get(key, ZERO) + order.left * (order.own_price if buys else 1)
            if busy[key] > (account.cash if buys else account.of(order.instrument).size):
                self.venue.exchange.cancel(order, "money")

    # ---- taking back ----

    def cancel(self, call: Call) -> Answer:
        """Cancel one order."""
        return self._cancelled(call, [call.json().get("orderID")])

    def cancel_many(self, call: Call) -> Answer:
        """Cancel several by id."""
        rows = call.rows()
        if len(rows) > CANCEL_MAX:
            raise Denied(400, "batch", "Too many orders in payload")
        return self._cancelled(call, rows)

    def cancel_all(self, call: Call) -> Answer:
        """Cancel everything."""
        return self._cancelled(call, [o.order_id for o in self.venue.exchange.open_orders(call.account)])

    def cancel_market(self, call: Call) -> Answer:
        """Cancel everything of a market, of a token, or of both; of all where neither is named."""
        body = call.json()
        market, token = str(body.get("market") or ""), str(body.get("asset_id") or "")
        mine = self.venue.exchange.open_orders(call.account)
        return self._cancelled(
            call, [o.order_id for o in mine if market in ("", o.market) and token in ("", o.instrument)]
        )

    def _cancelled(self, call: Call, ids: list[object]) -> Answer:
        gone: list[str] = []
        kept: dict[str, str] = {}
        for wanted in ids:
            order = self.venue.exchange.orders.get(str(wanted))
            if order is None or order.account != call.account:
                kept[str(wanted)] = "order not found"
            elif order.state == PENDING:
                kept[order.order_id] = "order is delayed and cannot be canceled"
            elif order.state != OPEN:
                kept[order.order_id] = f"order can't be found - already canceled or matched ({order.state})"
            else:
                self.venue.exchange.cancel(order)
                gone.append(order.order_id)
        return Answer({"canceled": gone, "not_canceled": kept}, 200, self._limits())


def _result(
    order_id: str,
    status: str,
    *,
    error: str = "",
    made: str = "",
    taken: str = "",
    hashes: list[str] | None = None,
    trades: list[str] | None = None,
) -> Body:
    """Spell the answer to an order; `success` is true even where an error stands beside it."""
    return {
        "success": True,
        "errorMsg": error,
        "orderID": order_id,
        "status": status,
        "makingAmount": made,
        "takingAmount": taken,
        "transactionsHashes": hashes or [],
        "tradeIDs": trades or [],
    }
