"""Answer what a Polymarket account asks about itself: orders, trades, balances, keys, positions."""

import base64
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from connectors.mocks.core import (
    BUY,
    CANCELLED,
    EXPIRED,
    FILLED,
    OPEN,
    PENDING,
    SELL,
    ZERO,
    Denied,
    MockAccount,
    MockFill,
    MockOrder,
)
from connectors.mocks.misbehave import BALANCE, FILLS, KEYS, LOOKUP, ORDERS, POSITIONS
from connectors.mocks.polymarket_sign import login_signer
from connectors.mocks.wire import Answer, Body, Call, Route, plain

if TYPE_CHECKING:
    from connectors.mocks.polymarket import Polymarket

Row = TypeVar("Row")
STATES = {OPEN: "LIVE", FILLED: "MATCHED", CANCELLED: "CANCELED", EXPIRED: "CANCELED", PENDING: "DELAYED"}
FIRST, END = "MA==", "LTE="
PAGE = 100
MICRO = Decimal(1_000_000)


class PolymarketReads:
    """The private reads, and the login that gives keys."""

    def __init__(self, venue: "Polymarket") -> None:
        """Take the venue."""
        self.venue = venue
        self.routes = [
            Route("POST", "/auth/api-key", KEYS, self.login, private=False),
            Route("GET", "/auth/derive-api-key", KEYS, self.login, private=False),
            Route("GET", "/auth/api-keys", KEYS, self.keys),
            Route("GET", "/data/order/{order_id}", LOOKUP, self.order),
            Route("GET", "/order/{order_id}", LOOKUP, self.order),
            Route("GET", "/data/orders", ORDERS, self.orders),
            Route("GET", "/data/trades", FILLS, self.trades),
            Route("GET", "/balance-allowance", BALANCE, self.balance),
            Route("GET", "/balance-allowance/update", BALANCE, self.balance),
            Route("GET", "/positions", POSITIONS, self.positions, private=False),
            Route("GET", "/data-api/positions", POSITIONS, self.positions, private=False),
        ]

    # ---- keys ----

    def login(self, call: Call) -> Answer:
        """Give the credentials of a wallet that signed the L1 message."""
        head = {name: call.headers.get(f"poly_{name}", "") for name in ("address", "signature", "timestamp", "nonce")}
        nonce = head["nonce"] or "0"
        stamp = head["timestamp"]
        now = self.venue.clock.ms() / 1000
        off = not stamp.isdecimal() or abs(int(stamp) - now) > int(str(self.venue.rules["skew_s"]))
        signer = login_signer(head["address"], stamp, int(nonce), head["signature"]) if nonce.isdecimal() else None
        if off or signer is None or signer.lower() != head["address"].lower():
            raise Denied(401, "l1", "Invalid L1 Request headers")
        owner = next((one for one in self.venue.people() if one.keys["address"].lower() == signer.lower()), None)
        if owner is None:
            owner = self.venue.account(f"wallet-{signer.lower()}")
            self.venue.given_keys(owner, {"address": signer})
        keys = owner.keys
        return Answer({"apiKey": keys["api_key"], "secret": keys["secret"], "passphrase": keys["passphrase"]})

    def keys(self, call: Call) -> Answer:
        """The ids of the account's keys."""
        return Answer({"apiKeys": [self._account(call).keys["api_key"]]})

    def _account(self, call: Call) -> MockAccount:
        return self.venue.exchange.accounts[call.account]

    # ---- orders ----

    def order(self, call: Call) -> Answer:
        """One order, closed ones too."""
        mine = [o for o in self.venue.exchange.orders.values() if o.account == call.account]
        found = [o for o in self.venue.seen(mine, LOOKUP) if o.order_id == call.parts["order_id"]]
        if not found:
            raise Denied(404, "order", "order not found")
        return Answer(self.shown(found[0]))

    def orders(self, call: Call) -> Answer:
        """Open orders, oldest first."""
        query = call.query
        found = [
            order
            for order in self.venue.seen(self.venue.exchange.open_orders(call.account), ORDERS)
            if query.get("id") in (None, order.order_id)
            and query.get("market") in (None, order.market)
            and query.get("asset_id") in (None, order.instrument)
        ]
        rows, after = self._page(call, found, ORDERS)
        return _listed([self.shown(order) for order in rows], after)

    def shown(self, order: MockOrder) -> Body:
        """Spell an order as REST does."""
        account = self.venue.exchange.accounts[order.account]
        unit = MICRO if self.venue.rules["size_units"] == "micro" else Decimal(1)
        return {
            "id": order.order_id,
            "status": f"ORDER_STATUS_{STATES[order.state]}",
            "owner": account.keys["api_key"],
            "maker_address": order.text("maker"),
            "market": order.market,
            "asset_id": order.instrument,
            "side": "BUY" if order.own_side == BUY else "SELL",
            "original_size": plain(order.size * unit),
            "size_matched": plain(order.filled * unit),
            "price": plain(order.own_price),
            "outcome": "No" if order.flip else "Yes",
            "expiration": order.text("expiration"),
            "order_type": order.text("order_type"),
            "associate_trades": [f.trade_id for f in self.venue.exchange.fills if f.order is order],
            "created_at": order.created_ms // 1000,
        }

    # ---- trades ----

    def trades(self, call: Call) -> Answer:
        """Trades that the account was part of, newest first."""
        query = call.query
        found = [
            fill
            for fill in reversed(self.venue.fills_of(call.account))
            if query.get("id") in (None, fill.trade_id)
            and query.get("market") in (None, fill.order.market)
            and query.get("asset_id") in (None, fill.order.instrument)
            and int(query.get("after") or 0) * 1000 <= fill.at_ms
            and fill.at_ms <= int(query.get("before") or 9_999_999_999) * 1000
        ]
        rows, after = self._page(call, found, FILLS)
        return _listed([self._trade(fill) for fill in rows], after)

    def _trade(self, fill: MockFill) -> Body:
        """Spell a trade as REST does: the status has a prefix, the time another name."""
        told = self.venue.stream.trade_of(fill)
        told["status"] = f"TRADE_STATUS_{fill.status}"
        told["match_time"] = told.pop("matchtime")
        for name in ("event_type", "type", "timestamp", "trade_owner"):
            told.pop(name)
        return told

    # ---- holdings ----

    def balance(self, call: Call) -> Answer:
        """Cash, or shares of a token, in millionths; approvals are always given."""
        account = self._account(call)
        kind = call.query.get("asset_type")
        if kind == "COLLATERAL":
            amount = account.cash
        elif kind == "CONDITIONAL" and call.query.get("token_id") in self.venue.tokens:
            amount = account.of(call.query["token_id"]).size
        else:
            raise Denied(400, "asset", "invalid asset_type or token_id")
        return Answer({"balance": plain(amount * MICRO, 0), "allowance": plain(MICRO * MICRO, 0)})

    def positions(self, call: Call) -> Answer:
        """What a wallet holds, as the data interface says it; small ones only with `sizeThreshold=0`."""
        user = call.query.get("user", "").lower()
        owner = next((one for one in self.venue.people() if user in _wallets(one)), None)
        least = Decimal(call.query.get("sizeThreshold") or "1")
        rows = []
        for token, held in owner.held.items() if owner is not None else ():
            symbol, flip = self.venue.tokens[token]
            market = self.venue.exchange.markets[symbol]
            if held.size <= 0 or held.size < least or call.query.get("market", symbol) != symbol:
                continue
            book = self.venue.exchange.books[symbol]
            price = (1 - (book.best(SELL) or ZERO)) if flip else (book.best(BUY) or ZERO)
            rows.append(
                {
                    "proxyWallet": user,
                    "asset": token,
                    "conditionId": symbol,
                    "size": float(held.size),
                    "avgPrice": float(held.entry),
                    "initialValue": float(held.size * held.entry),
                    "currentValue": float(held.size * price),
                    "cashPnl": float(held.size * (price - held.entry)),
                    "realizedPnl": float(held.realised),
                    "curPrice": float(price),
                    "redeemable": False,
                    "mergeable": False,
                    "title": market.text("question"),
                    "outcome": "No" if flip else "Yes",
                    "outcomeIndex": int(flip),
                    "oppositeAsset": self.venue.token(market, flip=not flip),
                    "negativeRisk": market.data["neg_risk"],
                }
            )
        start, most = int(call.query.get("offset") or 0), min(int(call.query.get("limit") or PAGE), 500)
        found, _ = self.venue.page(rows, start, most, POSITIONS)
        return Answer(found)

    def _page(self, call: Call, rows: Sequence[Row], kind: str) -> tuple[list[Row], str]:
        cursor = call.query.get("next_cursor") or FIRST
        try:
            start = int(base64.b64decode(cursor))
        except ValueError as err:
            raise Denied(400, "cursor", "invalid next_cursor") from err
        if start < 0:
            return [], END
        found, after = self.venue.page(rows, start, PAGE, kind)
        return found, base64.b64encode(str(after).encode()).decode() if after else END


def _listed(rows: list[Body], after: str) -> Answer:
    return Answer({"data": rows, "next_cursor": after, "limit": PAGE, "count": len(rows)})


def _wallets(account: MockAccount) -> set[str]:
    found = account.data.get("wallets")
    return found if isinstance(found, set) else set()
