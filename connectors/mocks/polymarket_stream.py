"""Speak Polymarket's two websockets: the market channel by token, the user channel by condition."""

import json
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.mocks.core import BUY, CANCELLED, EXPIRED, ONE, Market, MockFill, MockOrder
from connectors.mocks.wire import Body, Line, compact, plain

if TYPE_CHECKING:
    from connectors.mocks.polymarket import Polymarket

STATUS = {"open": "LIVE", "filled": "MATCHED", "cancelled": "CANCELED", "expired": "CANCELED_EXPIRED_ORDER",
          "pending": "DELAYED"}  # fmt: skip
STREET_KEY = "00000000-0000-4000-8000-000000000009"


class PolymarketStream:
    """Every socket of the mock, by what it has subscribed to."""

    def __init__(self, venue: "Polymarket") -> None:
        """Take the venue."""
        self.venue = venue

    # ---- commands ----

    def hear(self, line: Line, text: str) -> None:
        """Take PING, a first subscription, or a change of one; anything else is answered with INVALID OPERATION."""
        if text == "PING":
            return line.answer("PONG")
        try:
            said = json.loads(text)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            return line.answer("INVALID OPERATION")
        if self.venue.is_public(line):
            return self._market(line, said)
        return self._user(line, said)

    def _names(self, line: Line) -> set[str]:
        names = line.memory.setdefault("names", set())
        assert isinstance(names, set)
        return names

    def _market(self, line: Line, said: Body) -> None:
        assets = said.get("assets_ids")
        names = {str(asset) for asset in assets} if isinstance(assets, list) else set()
        line.memory["custom"] = bool(said.get("custom_feature_enabled", line.memory.get("custom", False)))
        if said.get("operation") == "unsubscribe":
            self._names(line).difference_update(names)
            return
        new = names - self._names(line)
        self._names(line).update(names)
        if said.get("initial_dump") is not False:
            images = [self._image(token) for token in sorted(new) if token in self.venue.tokens]
            if images:
                line.send(images)

    def _user(self, line: Line, said: Body) -> None:
        auth, markets = said.get("auth"), said.get("markets")
        names = {str(market) for market in markets} if isinstance(markets, list) else set()
        if isinstance(auth, dict):
            for one in self.venue.people():
                wanted = {"apiKey": "api_key", "secret": "secret", "passphrase": "passphrase"}
                if all(auth.get(name) == one.keys[key] for name, key in wanted.items()):
                    line.account = one.name
        if not line.account:
            line.close()
        elif said.get("operation") == "unsubscribe":
            self._names(line).difference_update(names)
        else:
            self._names(line).update(names)

    # ---- the market channel ----

    def _hearing(self, token: str) -> list[Line]:
        public = self.venue.is_public
        return [line for line in self.venue.lines if public(line) and token in self._names(line)]

    def _image(self, token: str) -> Body:
        symbol, flip = self.venue.tokens[token]
        market = self.venue.exchange.markets[symbol]
        bids, asks = self.venue.public.sides(market, flip=flip)
        body: Body = {"market": symbol, "asset_id": token, "timestamp": self._now(), "hash": "",
                      "bids": bids, "asks": asks}  # fmt: skip
        return {"event_type": "book", **body, "hash": self.venue.hash_of(compact(body))}

    def level(self, symbol: str, side: int, price: Decimal, total: Decimal) -> None:
        """Tell of a new total at a price, on both tokens' scales."""
        lines: dict[int, tuple[Line, list[Body]]] = {}
        for flip in (False, True):
            token = self.venue.token(self.venue.exchange.markets[symbol], flip=flip)
            bid, ask = self._best(symbol, flip=flip)
            own_side, own = (-side, ONE - price) if flip else (side, price)
            change: Body = {
                "asset_id": token,
                "price": plain(own),
                "size": plain(total),
                "side": "BUY" if own_side == BUY else "SELL",
                "hash": self.venue.hash_of(f"{token}{own}{total}{self._now()}"),
                "best_bid": bid,
                "best_ask": ask,
            }
            for line in self._hearing(token):
                lines.setdefault(id(line), (line, []))[1].append(change)
                if line.memory.get("custom"):
                    spread = plain(Decimal(ask) - Decimal(bid))
                    line.send({"event_type": "best_bid_ask", "market": symbol, "asset_id": token, "best_bid": bid,
                               "best_ask": ask, "spread": spread, "timestamp": self._now()})  # fmt: skip
        for line, changes in lines.values():
            line.send({"event_type": "price_change", "market": symbol, "timestamp": self._now(),
                       "price_changes": changes})  # fmt: skip

    def _best(self, symbol: str, *, flip: bool) -> tuple[str, str]:
        """Best bid and ask of a token; a missing side is said as 0 or 1."""
        bid, ask = self.venue.best(symbol, flip=flip)
        return "0" if bid is None else plain(bid), "1" if ask is None else plain(ask)

    def traded(self, taker: MockOrder, price: Decimal, size: Decimal) -> None:
        """Tell of a trade, on the taker's token, then the books again."""
        symbol = taker.market
        market = self.venue.exchange.markets[symbol]
        token = self.venue.token(market, flip=taker.flip)
        message: Body = {
            "event_type": "last_trade_price",
            "market": symbol,
            "asset_id": token,
            "price": plain(ONE - price if taker.flip else price),
            "size": plain(size),
            "side": "BUY" if taker.own_side == BUY else "SELL",
            "fee_rate_bps": "0",
            "timestamp": self._now(),
        }
        for line in self._hearing(token):
            line.send(message)
        for flip in (False, True):
            own = self.venue.token(market, flip=flip)
            for line in self._hearing(own):
                line.send(self._image(own))

    def tick_changed(self, market: Market, old: Decimal) -> None:
        """Tell of another tick, on both tokens."""
        for flip in (False, True):
            token = self.venue.token(market, flip=flip)
            message: Body = {"event_type": "tick_size_change", "market": market.symbol, "asset_id": token,
                             "old_tick_size": plain(old), "new_tick_size": plain(market.tick),
                             "timestamp": self._now()}  # fmt: skip
            for line in self._hearing(token):
                line.send(message)

    # ---- the user channel ----

    def _own(self, account: str, market: str, message: Body) -> None:
        for line in self.venue.lines:
            if line.account == account and account and not self.venue.is_public(line):
                names = self._names(line)
                if not names or market in names:
                    line.send(message)

    def order(self, order: MockOrder, what: str) -> None:
        """Tell the owner that an order was placed, matched or cancelled."""
        kinds = {"placed": "PLACEMENT", "pending": "PLACEMENT", CANCELLED: "CANCELLATION", EXPIRED: "CANCELLATION"}
        key = self.venue.exchange.accounts[order.account].keys["api_key"]
        status = STATUS[order.state]
        if order.reason == "money":
            status = "CANCELED_NOT_ENOUGH_BALANCE"
        message: Body = {
            "event_type": "order",
            "type": kinds.get(what, "UPDATE"),
            "id": order.order_id,
            "owner": key,
            "order_owner": key,
            "market": order.market,
            "asset_id": order.instrument,
            "side": "BUY" if order.own_side == BUY else "SELL",
            "original_size": plain(order.size),
            "size_matched": plain(order.filled),
            "price": plain(order.own_price),
            "associate_trades": [f.trade_id for f in self.venue.exchange.fills if f.order is order],
            "outcome": "NO" if order.flip else "YES",
            "created_at": str(order.created_ms // 1000),
            "expiration": order.text("expiration"),
            "order_type": order.text("order_type"),
            "status": status,
            "maker_address": order.text("maker"),
            "timestamp": self._now(),
        }
        self._own(order.account, order.market, message)

    def trade(self, fill: MockFill) -> None:
        """Tell the owner how far a trade is."""
        self._own(fill.order.account, fill.order.market, self.trade_of(fill))

    def trade_of(self, fill: MockFill) -> Body:
        """Spell a trade: top level is the taker's, the maker's part stands in maker_orders."""
        taker, maker = (fill.other, fill.order) if fill.maker else (fill.order, fill.other)
        seconds = str(fill.at_ms // 1000)
        price = ONE - fill.price if taker.flip else fill.price
        return {
            "event_type": "trade",
            "type": "TRADE",
            "id": fill.trade_id,
            "taker_order_id": taker.order_id,
            "market": taker.market,
            "asset_id": self._asset(taker),
            "side": "BUY" if taker.own_side == BUY else "SELL",
            "size": plain(fill.size),
            "price": plain(price),
            "fee_rate_bps": "0",
            "status": fill.status,
            "matchtime": seconds,
            "last_update": str(self.venue.clock.ms() // 1000),
            "outcome": "NO" if taker.flip else "YES",
            "owner": self._key(taker),
            "trade_owner": self._key(taker),
            "maker_address": taker.text("maker"),
            "transaction_hash": self.venue.trades.transaction(fill),
            "bucket_index": 0,
            "maker_orders": [
                {
                    "order_id": maker.order_id,
                    "owner": self._key(maker),
                    "maker_address": maker.text("maker"),
                    "matched_amount": plain(fill.size),
                    "price": plain(ONE - fill.price if maker.flip else fill.price),
                    "fee_rate_bps": "0",
                    "asset_id": self._asset(maker),
                    "outcome": "NO" if maker.flip else "YES",
                    "side": "BUY" if maker.own_side == BUY else "SELL",
                }
            ],
            "trader_side": "MAKER" if fill.maker else "TAKER",
            "timestamp": self._now(),
        }

    def _asset(self, order: MockOrder) -> str:
        return self.venue.token(self.venue.exchange.markets[order.market], flip=order.flip)

    def _key(self, order: MockOrder) -> str:
        return self.venue.exchange.accounts[order.account].keys["api_key"] if order.account else STREET_KEY

    def _now(self) -> str:
        return str(self.venue.clock.ms())
