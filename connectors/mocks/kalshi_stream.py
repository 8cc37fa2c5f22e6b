"""Speak Kalshi's websocket: commands, subscriptions with sid and seq, books, trades, and the user's own channels."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.mocks.core import BUY, EXPIRED, SELL, ZERO, MockFill, MockOrder
from connectors.mocks.kalshi_reads import STATES, book_side, costs, outcome
from connectors.mocks.wire import Body, Line, plain

if TYPE_CHECKING:
    from connectors.mocks.kalshi import Kalshi

BOOK, TICKER, TRADE, FILL, ORDERS, POSITIONS = (
    "orderbook_delta", "ticker", "trade", "fill", "user_orders", "market_positions",
)  # fmt: skip
LIFECYCLE, GROUPS = "market_lifecycle_v2", "order_group_updates"
CHANNELS = {BOOK, TICKER, TRADE, FILL, ORDERS, POSITIONS, LIFECYCLE, GROUPS, "multivariate_market_lifecycle",
            "communications", "cfbenchmarks_value", "cfbenchmarks_value_5hz", "pyth_value"}  # fmt: skip
SEQUENCED = {BOOK, TRADE, LIFECYCLE, GROUPS}
WORDS = {2: "Params required", 3: "Channels required", 4: "Subscription IDs required", 5: "Unknown command",
         7: "Unknown subscription ID", 8: "Unknown channel name", 12: "Exactly one subscription ID is required",
         13: "Unsupported action", 14: "Market Ticker required", 15: "Action required", 1: "Unable to process message",
         11: "Invalid parameter"}  # fmt: skip


@dataclass
class Sub:
    """One subscription of a socket: its channel, its markets (none: all), what it has counted."""

    sid: int
    channel: str
    markets: set[str] = field(default_factory=set)
    yes_price: bool = False
    seq: int = 0

    def wants(self, market: str) -> bool:
        """True where the subscription is for a market."""
        return not self.markets or market in self.markets


class KalshiStream:
    """Every socket of the mock, by what it has subscribed to."""

    def __init__(self, venue: "Kalshi") -> None:
        """Take the venue."""
        self.venue = venue

    # ---- commands ----

    def hear(self, line: Line, text: str) -> None:
        """Take a command, or answer it with its error."""
        try:
            command = json.loads(text)
        except ValueError:
            command = None
        if not isinstance(command, dict):
            return self._error(line, None, 1)
        params = command.get("params")
        number, name = command.get("id"), command.get("cmd")
        if name == "list_subscriptions":
            rows = [{"channel": sub.channel, "sid": sub.sid} for sub in self._subs(line)]
            return line.answer({"id": number, "type": "ok", "subscriptions": rows})
        if not isinstance(params, dict):
            return self._error(line, number, 2)
        ways = {"subscribe": self._subscribe, "unsubscribe": self._unsubscribe, "update_subscription": self._update}
        way = ways.get(str(name))
        return self._error(line, number, 5) if way is None else way(line, number, params)

    def _subs(self, line: Line) -> list[Sub]:
        subs = line.memory.setdefault("subs", [])
        assert isinstance(subs, list)
        return subs

    def _error(self, line: Line, number: object, code: int, market: str = "") -> None:
        message: Body = {"code": code, "msg": WORDS.get(code, "")}
        if market:
            message["market_ticker"] = market
        line.answer({**({"id": number} if number is not None else {}), "type": "error", "msg": message})

    def _subscribe(self, line: Line, number: object, params: Body) -> None:
        channels = params.get("channels")
        if not isinstance(channels, list) or not channels:
            return self._error(line, number, 3)
        if any(channel not in CHANNELS for channel in channels):
            return self._error(line, number, 8)
        markets = _markets(params)
        if BOOK in channels and not markets:
            return self._error(line, number, 14)
        if unknown := sorted(markets - self.venue.exchange.markets.keys()):
            return self._error(line, number, 11, unknown[0])
        subs = self._subs(line)
        for channel in channels:
            sid = 1 + max((sub.sid for sub in subs), default=0)
            sub = Sub(sid, str(channel), set(markets), params.get("use_yes_price") is True)
            subs.append(sub)
            line.answer({"id": number, "type": "subscribed", "msg": {"channel": channel, "sid": sid}})
            if channel == BOOK:
                for market in sorted(markets):
                    self._snapshot(line, sub, market)
            elif channel == TICKER and params.get("send_initial_snapshot") is True:
                for market in sorted(markets or self.venue.exchange.markets):
                    self._say(line, sub, TICKER, self._ticker(market))
        return None

    def _unsubscribe(self, line: Line, number: object, params: Body) -> None:
        sids = params.get("sids")
        if not isinstance(sids, list) or not sids:
            return self._error(line, number, 4)
        subs = self._subs(line)
        for sid in sids:
            sub = next((sub for sub in subs if sub.sid == sid), None)
            if sub is None:
                self._error(line, number, 7)
                continue
            subs.remove(sub)
            sub.seq += 1
            line.answer({"id": number, "type": "unsubscribed", "sid": sid, "seq": sub.seq})
        return None

    def _update(self, line: Line, number: object, params: Body) -> None:
        sids = params.get("sids") or [params.get("sid")]
        action, markets = params.get("action"), _markets(params)
        if not isinstance(sids, list) or len(sids) != 1:
            return self._error(line, number, 12)
        sub = next((sub for sub in self._subs(line) if sub.sid == sids[0]), None)
        if sub is None:
            return self._error(line, number, 7)
        if not action:
            return self._error(line, number, 15)
        if action not in ("add_markets", "delete_markets", "get_snapshot"):
            return self._error(line, number, 13)
        if unknown := sorted(markets - self.venue.exchange.markets.keys()):
            return self._error(line, number, 11, unknown[0])
        if action == "add_markets":
            sub.markets |= markets
        elif action == "delete_markets":
            sub.markets -= markets
        sub.seq += 1
        line.answer({"id": number, "type": "ok", "sid": sub.sid, "seq": sub.seq, "market_tickers": sorted(sub.markets)})
        if action != "delete_markets" and sub.channel == BOOK:
            for market in sorted(markets):
                self._snapshot(line, sub, market)
        return None

    # ---- what happens ----

    def level(self, market: str, side: int, price: Decimal, change: Decimal, by: MockOrder) -> None:
        """Tell books of a change of a level."""
        if change == 0:
            return
        for line, sub in self._hearing(BOOK, market):
            shown = price if side == BUY or sub.yes_price else 1 - price
            message: Body = {
                "market_ticker": market,
                "market_id": self._market_id(market),
                "price_dollars": plain(shown, 4),
                "delta_fp": plain(change, 2),
                "side": "yes" if side == BUY else "no",
                "ts_ms": self.venue.clock.ms(),
            }
            if by.account and by.account == line.account and by.client_id:
                message["client_order_id"] = by.client_id
            self._say(line, sub, BOOK, message)
        for line, sub in self._hearing(TICKER, market):
            self._say(line, sub, TICKER, self._ticker(market))

    def traded(self, taker: MockOrder, price: Decimal, size: Decimal, trade_id: str) -> None:
        """Tell everybody of a trade."""
        now = self.venue.clock.ms()
        message: Body = {
            "trade_id": trade_id,
            "market_ticker": taker.market,
            "yes_price_dollars": plain(price, 4),
            "no_price_dollars": plain(1 - price, 4),
            "count_fp": plain(size, 2),
            "taker_side": outcome(taker.side),
            "taker_outcome_side": outcome(taker.side),
            "taker_book_side": book_side(taker.side),
            "is_block_trade": False,
            "ts": now // 1000,
            "ts_ms": now,
        }
        for line, sub in self._hearing(TRADE, taker.market):
            self._say(line, sub, TRADE, message)

    def fill(self, fill: MockFill) -> None:
        """Tell the owner of a fill."""
        order, side = fill.order, outcome(fill.side)
        held = self.venue.exchange.accounts[order.account].of(order.instrument)
        message: Body = {
            "trade_id": fill.trade_id,
            "order_id": order.order_id,
            **({"client_order_id": order.client_id} if order.client_id else {}),
            "market_ticker": order.market,
            "exchange_index": self.venue.exchange.markets[order.market].data["shard"],
            "is_taker": not fill.maker,
            "side": side,
            "action": "buy",
            "purchased_side": side,
            "outcome_side": side,
            "book_side": book_side(fill.side),
            "yes_price_dollars": plain(fill.price, 4),
            "count_fp": plain(fill.size, 2),
            "fee_cost": plain(fill.fee, 6),
            "post_position_fp": plain(held.size, 2),
            "ts": fill.at_ms // 1000,
            "ts_ms": fill.at_ms,
        }
        position: Body = {
            "user_id": self._user(order.account),
            "market_ticker": order.market,
            "position_fp": plain(held.size, 2),
            "position_cost_dollars": plain(abs(held.size) * held.entry, 4),
            "realized_pnl_dollars": plain(held.realised, 4),
            "fees_paid_dollars": plain(held.fees, 4),
            "position_fee_cost_dollars": plain(held.fees, 4),
            "volume_fp": plain(held.traded, 2),
        }
        self._own(order.account, FILL, order.market, "fill", message)
        self._own(order.account, POSITIONS, order.market, "market_position", position)

    def order(self, order: MockOrder, what: str) -> None:
        """Tell the owner of an order's new state."""
        message: Body = {
            "order_id": order.order_id,
            "user_id": self._user(order.account) if order.account else "",
            "ticker": order.market,
            "exchange_index": self.venue.exchange.markets[order.market].data["shard"],
            "status": STATES[order.state],
            "side": outcome(order.side),
            "is_yes": order.side == BUY,
            "outcome_side": outcome(order.side),
            "book_side": book_side(order.side),
            "yes_price_dollars": plain(order.price, 4),
            "fill_count_fp": plain(order.filled, 2),
            "remaining_count_fp": plain(order.left if STATES[order.state] == "resting" else ZERO, 2),
            "initial_count_fp": plain(order.size, 2),
            **costs(order),
            "client_order_id": order.client_id,
            "self_trade_prevention_type": order.text("self_trade_prevention_type"),
            "created_time": None,
            "created_ts_ms": order.created_ms,
            "last_updated_ts_ms": order.updated_ms,
        }
        if order.state == EXPIRED:
            message["last_update_reason"] = "expired"
        if order.expires_ms:
            message["expiration_ts_ms"] = order.expires_ms
        self._own(order.account, ORDERS, order.market, "user_order", message)

    def lifecycle(self, market: str, what: str) -> None:
        """Tell everybody that a market was paused, resumed or decided; closing by time is not told."""
        message: Body = {"market_ticker": market, "event_type": what, "is_deactivated": what == "deactivated"}
        if what != "determined":
            for line, sub in self._hearing(LIFECYCLE, ""):
                self._say(line, sub, LIFECYCLE, message)

    def group(self, account: str, group_id: str, what: str, limit: str) -> None:
        """Tell the owner of what happened to an order group."""
        message: Body = {"event_type": what, "order_group_id": group_id, "contracts_limit_fp": limit,
                         "ts_ms": self.venue.clock.ms()}  # fmt: skip
        self._own(account, GROUPS, "", GROUPS, message)

    # ---- inside ----

    def _hearing(self, channel: str, market: str) -> list[tuple[Line, Sub]]:
        subs = [(line, sub) for line in self.venue.lines for sub in self._subs(line)]
        return [(line, sub) for line, sub in subs if sub.channel == channel and (not market or sub.wants(market))]

    def _own(self, account: str, channel: str, market: str, kind: str, message: Body) -> None:
        for line, sub in self._hearing(channel, market):
            if line.account == account:
                self._say(line, sub, kind, message)

    def _say(self, line: Line, sub: Sub, kind: str, message: Body) -> None:
        whole: Body = {"type": kind, "sid": sub.sid}
        if sub.channel in SEQUENCED:
            sub.seq += 1
            whole["seq"] = sub.seq
        line.send({**whole, "msg": message})

    def _snapshot(self, line: Line, sub: Sub, market: str) -> None:
        book = self.venue.exchange.books[market]
        message: Body = {"market_ticker": market, "market_id": self._market_id(market)}
        if yes := [[plain(price, 4), plain(size, 2)] for price, size in reversed(book.levels(BUY))]:
            message["yes_dollars_fp"] = yes
        no = [(price if sub.yes_price else 1 - price, size) for price, size in book.levels(SELL)]
        if no:
            message["no_dollars_fp"] = [[plain(price, 4), plain(size, 2)] for price, size in sorted(no)]
        self._say(line, sub, "orderbook_snapshot", message)

    def _ticker(self, symbol: str) -> Body:
        market, book = self.venue.exchange.markets[symbol], self.venue.exchange.books[symbol]
        bid, ask = book.best(BUY), book.best(SELL)
        now = self.venue.clock.ms()
        return {
            "market_id": self._market_id(symbol),
            "market_ticker": symbol,
            "price_dollars": plain(market.last, 4),
            "yes_bid_dollars": plain(bid or ZERO, 4),
            "yes_ask_dollars": plain(Decimal(1) if ask is None else ask, 4),
            "yes_bid_size_fp": plain(book.total(BUY, bid) if bid is not None else ZERO, 2),
            "yes_ask_size_fp": plain(book.total(SELL, ask) if ask is not None else ZERO, 2),
            "last_trade_size_fp": "0.00",
            "volume_fp": plain(market.volume, 2),
            "open_interest_fp": plain(market.volume, 2),
            "dollar_volume": int(market.volume * market.last),
            "dollar_open_interest": int(market.volume * market.last),
            "ts": now // 1000,
            "ts_ms": now,
        }

    def _market_id(self, market: str) -> str:
        return self.venue.exchange.markets[market].text("market_id")

    def _user(self, account: str) -> str:
        return self.venue.exchange.accounts[account].text("user_id")


def _markets(params: Body) -> set[str]:
    """Read market_ticker or market_tickers."""
    several = params.get("market_tickers")
    found = {str(each) for each in several} if isinstance(several, list) else set()
    return found | ({str(params["market_ticker"])} if params.get("market_ticker") else set())
