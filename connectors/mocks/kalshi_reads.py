"""Answer what Kalshi's REST interface is asked: markets, books, orders, fills, positions, balance, status."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from connectors.mocks.core import BUY, CANCELLED, EXPIRED, FILLED, OPEN, SELL, ZERO, Denied, Market, MockFill, MockOrder
from connectors.mocks.misbehave import (
    BALANCE,
    BOOK,
    FILLS,
    LOOKUP,
    MARKETS,
    OTHER,
    POSITIONS,
    STATUS,
    TIME,
)
from connectors.mocks.misbehave import ORDERS as LISTED
from connectors.mocks.wire import Answer, Body, Call, Route, plain

if TYPE_CHECKING:
    from connectors.mocks.kalshi import Kalshi

Row = TypeVar("Row")
STATES = {OPEN: "resting", FILLED: "executed", CANCELLED: "canceled", EXPIRED: "canceled"}
PAGE, PAGE_MAX = 100, 1000


class KalshiReads:
    """The read half, public and private."""

    def __init__(self, venue: "Kalshi", api: str) -> None:
        """Take the venue, and where its interface is."""
        self.venue = venue

        def public(path: str, kind: str, handler: Callable[[Call], Answer]) -> Route:
            return Route("GET", api + path, kind, handler, private=False)

        def private(path: str, kind: str, handler: Callable[[Call], Answer]) -> Route:
            return Route("GET", api + path, kind, handler)

        self.routes = [
            public("/exchange/status", STATUS, self.status),
            public("/exchange/schedule", STATUS, self.schedule),
            public("/exchange/user_data_timestamp", TIME, self.as_of),
            public("/markets", MARKETS, self.markets),
            public("/markets/orderbooks", BOOK, self.books),
            public("/markets/trades", OTHER, self.trades),
            public("/markets/{ticker}", MARKETS, self.market),
            public("/markets/{ticker}/orderbook", BOOK, self.book),
            public("/series/{series}", MARKETS, self.series),
            public("/events/{event}", MARKETS, self.event),
            private("/account/limits", OTHER, self.limits),
            private("/portfolio/orders", LISTED, self.orders),
            private("/portfolio/orders/{order_id}", LOOKUP, self.order),
            private("/portfolio/orders/{order_id}/queue_position", OTHER, self.queue),
            private("/portfolio/fills", FILLS, self.fills),
            private("/portfolio/positions", POSITIONS, self.positions),
            private("/portfolio/balance", BALANCE, self.balance),
            private("/portfolio/settlements", OTHER, self.settlements),
        ]

    # ---- the exchange ----

    def status(self, call: Call) -> Answer:
        """Whether the exchange is open; 503 with the same body while it is closed as a whole."""
        pause = self.venue.faults.state("maintenance")
        closed = pause is not None and pause.variant == "exchange_pause"
        flags = {"exchange_active": not closed, "trading_active": pause is None}
        shards = sorted({int(str(m.data["shard"])) for m in self.venue.exchange.markets.values()})
        body = {
            **flags,
            "intra_exchange_transfers_active": not closed,
            "exchange_index_statuses": [{"exchange_index": n, "description": f"shard {n}", **flags} for n in shards],
        }
        return Answer(body, 503 if closed else 200)

    def schedule(self, call: Call) -> Answer:
        """Open at all times."""
        day = [{"open_time": "00:00", "close_time": "00:00"}]
        days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
        hours = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2030-01-01T00:00:00Z", **dict.fromkeys(days, day)}
        return Answer({"schedule": {"standard_hours": [hours], "maintenance_windows": []}})

    def as_of(self, call: Call) -> Answer:
        """How fresh the account's reads are: the venue's clock."""
        return Answer({"as_of_time": iso(self.venue.clock.ms())})

    def limits(self, call: Call) -> Answer:
        """The Basic tier."""
        return Answer({"usage_tier": "basic", "read_limit": 200, "write_limit": 100})

    # ---- markets ----

    def markets(self, call: Call) -> Answer:
        """Every market, filtered by tickers, event and status."""
        wanted = set(call.query.get("tickers", "").split(",")) - {""}
        found = [
            market
            for market in self.venue.exchange.markets.values()
            if (not wanted or market.symbol in wanted)
            and call.query.get("event_ticker", market.text("event")) == market.text("event")
            and call.query.get("series_ticker", market.text("series")) == market.text("series")
            and (call.query.get("status", "open") == "open") == (market.status == "active")
        ]
        rows, cursor = self._page(call, found, MARKETS)
        return Answer({"markets": [self._market(market) for market in rows], "cursor": cursor})

    def market(self, call: Call) -> Answer:
        """One market."""
        return Answer({"market": self._market(self._known(call.parts["ticker"]))})

    def _known(self, ticker: str) -> Market:
        market = self.venue.exchange.markets.get(ticker)
        if market is None:
            raise Denied(404, "not_found", f"market {ticker} not found")
        return market

    def _market(self, market: Market) -> Body:
        book = self.venue.exchange.books[market.symbol]
        bid, ask = book.best(BUY), book.best(SELL)
        now = self.venue.clock.ms()
        hour = 3_600_000
        return {
            "ticker": market.symbol,
            "event_ticker": market.text("event"),
            "market_type": "binary",
            "yes_sub_title": market.symbol,
            "no_sub_title": market.symbol,
            "created_time": iso(now - 24 * hour),
            "open_time": iso(now - 24 * hour),
            "close_time": iso(now + 24 * hour),
            "latest_expiration_time": iso(now + 48 * hour),
            "settlement_timer_seconds": 3600,
            "status": market.status,
            "yes_bid_dollars": plain(bid or ZERO, 4),
            "yes_bid_size_fp": plain(book.total(BUY, bid) if bid is not None else ZERO, 2),
            "yes_ask_dollars": plain(Decimal(1) if ask is None else ask, 4),
            "yes_ask_size_fp": plain(book.total(SELL, ask) if ask is not None else ZERO, 2),
            "no_bid_dollars": plain(ZERO if ask is None else 1 - ask, 4),
            "no_ask_dollars": plain(Decimal(1) if bid is None else 1 - bid, 4),
            "last_price_dollars": plain(market.last, 4),
            "volume_fp": plain(market.volume, 2),
            "volume_24h_fp": plain(market.volume, 2),
            "open_interest_fp": plain(market.volume, 2),
            "liquidity_dollars": "0.0000",
            "notional_value_dollars": "1.0000",
            "result": "",
            "can_close_early": True,
            "strike_type": "greater",
            "rules_primary": "A mock market: it is never settled.",
            "rules_secondary": "",
            "price_level_structure": market.text("structure"),
            "price_ranges": [
                {"start": plain(a, 4), "end": plain(b, 4), "step": plain(c, 4)} for a, b, c in self.venue.steps(market)
            ],
            "exchange_index": market.data["shard"],
        }

    def series(self, call: Call) -> Answer:
        """A series: what its fees are."""
        found = [m for m in self.venue.exchange.markets.values() if m.text("series") == call.parts["series"]]
        if not found:
            raise Denied(404, "not_found", "series not found")
        fee_type, multiplier = found[0].text("fee_type"), float(str(found[0].data["multiplier"]))
        body = {"ticker": call.parts["series"], "frequency": "daily", "title": call.parts["series"], "category": "Mock",
                "tags": [], "settlement_sources": [], "fee_type": fee_type, "fee_multiplier": multiplier,
                "exchange_index": found[0].data["shard"]}  # fmt: skip
        return Answer({"series": body})

    def event(self, call: Call) -> Answer:
        """An event with its markets."""
        found = [m for m in self.venue.exchange.markets.values() if m.text("event") == call.parts["event"]]
        if not found:
            raise Denied(404, "not_found", "event not found")
        body = {"event_ticker": call.parts["event"], "series_ticker": found[0].text("series"), "title": "A mock event",
                "sub_title": "", "mutually_exclusive": False, "collateral_return_type": "", "category": "Mock",
                "settlement_sources": [], "exchange_index": found[0].data["shard"]}  # fmt: skip
        return Answer({"event": body, "markets": [self._market(market) for market in found]})

    def book(self, call: Call) -> Answer:
        """A book: bids of YES and of NO, best last."""
        return Answer({"orderbook_fp": self._book(call.parts["ticker"], int(call.query.get("depth") or 0))})

    def books(self, call: Call) -> Answer:
        """Books of up to 100 markets."""
        tickers = call.query.get("tickers", "").split(",")[:100]
        return Answer({"orderbooks": [{"ticker": t, "orderbook_fp": self._book(t, 0)} for t in tickers]})

    def _book(self, ticker: str, depth: int) -> Body:
        self._known(ticker)
        book = self.venue.exchange.books[ticker]
        yes = [[plain(price, 4), plain(size, 2)] for price, size in book.levels(BUY)]
        no = [[plain(1 - price, 4), plain(size, 2)] for price, size in book.levels(SELL)]
        cut = depth or None
        return {"yes_dollars": yes[:cut][::-1], "no_dollars": no[:cut][::-1]}

    def trades(self, call: Call) -> Answer:
        """Trades that our accounts were part of."""
        seen: dict[str, MockFill] = {}
        for fill in self.venue.exchange.fills:
            if call.query.get("ticker", fill.order.market) == fill.order.market:
                seen.setdefault(fill.trade_id, fill)
        rows, cursor = self._page(call, list(seen.values()), OTHER)
        trades = []
        for fill in rows:
            side = fill.side if not fill.maker else -fill.side
            trades.append({"trade_id": fill.trade_id, "ticker": fill.order.market, "count_fp": plain(fill.size, 2),
                           "yes_price_dollars": plain(fill.price, 4), "no_price_dollars": plain(1 - fill.price, 4),
                           "taker_outcome_side": outcome(side), "taker_book_side": book_side(side),
                           "created_time": iso(fill.at_ms), "is_block_trade": False})  # fmt: skip
        return Answer({"trades": trades, "cursor": cursor})

    # ---- the account ----

    def orders(self, call: Call) -> Answer:
        """Orders, newest first, filtered by status and ticker."""
        mine = [o for o in self.venue.exchange.orders.values() if o.account == call.account]
        status, ticker = call.query.get("status"), call.query.get("ticker")
        event = call.query.get("event_ticker")
        found = [
            order
            for order in reversed(self.venue.seen(mine, LISTED))
            if status in (None, "", STATES[order.state])
            and ticker in (None, "", order.market)
            and event in (None, "", self.venue.exchange.markets[order.market].text("event"))
            and int(call.query.get("min_ts") or 0) * 1000 <= order.created_ms
            and order.created_ms <= int(call.query.get("max_ts") or 9_999_999_999) * 1000
        ]
        rows, cursor = self._page(call, found, LISTED, most=200)
        return Answer({"orders": [self._order(order) for order in rows], "cursor": cursor})

    def order(self, call: Call) -> Answer:
        """One order by the venue's id."""
        mine = [o for o in self.venue.exchange.orders.values() if o.account == call.account]
        found = [o for o in self.venue.seen(mine, LOOKUP) if o.order_id == call.parts["order_id"]]
        if not found:
            raise Denied(404, "not_found", "order not found")
        return Answer({"order": self._order(found[0])})

    def queue(self, call: Call) -> Answer:
        """How much stands before an order."""
        order = self.venue.exchange.orders.get(call.parts["order_id"])
        if order is None or order.account != call.account or order.state != OPEN:
            raise Denied(404, "not_found", "order not found")
        row = self.venue.exchange.books[order.market].sides[order.side][order.price]
        return Answer({"queue_position_fp": plain(sum((o.left for o in row if o.place < order.place), ZERO), 2)})

    def _order(self, order: MockOrder) -> Body:
        side = outcome(order.side)
        user = str(self.venue.exchange.accounts[order.account].data["user_id"])
        return {
            "order_id": order.order_id,
            "user_id": user,
            "client_order_id": order.client_id,
            "ticker": order.market,
            "outcome_side": side,
            "book_side": book_side(order.side),
            "side": side,
            "action": "buy",
            "type": "limit",
            "status": STATES[order.state],
            "yes_price_dollars": plain(order.price, 4),
            "no_price_dollars": plain(1 - order.price, 4),
            "fill_count_fp": plain(order.filled, 2),
            "remaining_count_fp": plain(order.left if order.state == OPEN else ZERO, 2),
            "initial_count_fp": plain(order.size, 2),
            **costs(order),
            "created_time": iso(order.created_ms),
            "last_update_time": iso(order.updated_ms),
            "expiration_time": iso(order.expires_ms) if order.expires_ms else None,
            "order_group_id": order.text("order_group_id"),
            "self_trade_prevention_type": order.text("self_trade_prevention_type"),
            "cancel_order_on_pause": bool(order.data.get("cancel_order_on_pause")),
            "subaccount_number": 0,
            "exchange_index": self.venue.exchange.markets[order.market].data["shard"],
        }

    def fills(self, call: Call) -> Answer:
        """Fills, newest first; no client id."""
        ticker, order_id = call.query.get("ticker"), call.query.get("order_id")
        found = [
            fill
            for fill in reversed(self.venue.fills_of(call.account))
            if ticker in (None, "", fill.order.market)
            and order_id in (None, "", fill.order.order_id)
            and int(call.query.get("min_ts") or 0) * 1000 <= fill.at_ms
            and fill.at_ms <= int(call.query.get("max_ts") or 9_999_999_999) * 1000
        ]
        rows, cursor = self._page(call, found, FILLS)
        return Answer({"fills": [self._fill(fill) for fill in rows], "cursor": cursor})

    def _fill(self, fill: MockFill) -> Body:
        side = outcome(fill.side)
        return {
            "fill_id": fill.fill_id,
            "trade_id": fill.trade_id,
            "order_id": fill.order.order_id,
            "ticker": fill.order.market,
            "market_ticker": fill.order.market,
            "outcome_side": side,
            "book_side": book_side(fill.side),
            "side": side,
            "action": "buy",
            "count_fp": plain(fill.size, 2),
            "yes_price_dollars": plain(fill.price, 4),
            "no_price_dollars": plain(1 - fill.price, 4),
            "is_taker": not fill.maker,
            "fee_cost": plain(fill.fee, 6),
            "created_time": iso(fill.at_ms),
            "ts": fill.at_ms // 1000,
            "subaccount_number": 0,
            "exchange_index": self.venue.exchange.markets[fill.order.market].data["shard"],
        }

    def positions(self, call: Call) -> Answer:
        """Positions by market; YES is positive, NO negative."""
        account = self.venue.exchange.accounts[call.account]
        held = [(ticker, one) for ticker, one in account.held.items() if one.size or one.traded]
        wanted = call.query.get("ticker")
        rows, cursor = self._page(call, [row for row in held if wanted in (None, "", row[0])], POSITIONS)
        found = [
            {
                "ticker": ticker,
                "position_fp": plain(one.size, 2),
                "total_traded_dollars": plain(one.traded, 4),
                "market_exposure_dollars": plain(abs(one.size) * (one.entry if one.size > 0 else 1 - one.entry), 4),
                "realized_pnl_dollars": plain(one.realised, 4),
                "fees_paid_dollars": plain(one.fees, 4),
                "last_updated_ts": iso(self.venue.clock.ms()),
                "exchange_index": self.venue.exchange.markets[ticker].data["shard"],
            }
            for ticker, one in rows
        ]
        return Answer({"market_positions": found, "event_positions": [], "cursor": cursor})

    def balance(self, call: Call) -> Answer:
        """Cash that can be used; one purse serves every shard here."""
        account = self.venue.exchange.accounts[call.account]
        cash = self.venue.available(account)
        value = sum((self._worth(ticker, one.size) for ticker, one in account.held.items()), ZERO)
        shards = sorted({int(str(m.data["shard"])) for m in self.venue.exchange.markets.values()})
        return Answer(
            {
                "balance": int(cash * 100),
                "balance_dollars": plain(cash, 4),
                "portfolio_value": int(value * 100),
                "updated_ts": self.venue.clock.ms() // 1000,
                "balance_breakdown": [{"exchange_index": n, "balance": plain(cash, 4)} for n in shards],
            }
        )

    def _worth(self, ticker: str, size: Decimal) -> Decimal:
        last = self.venue.exchange.markets[ticker].last
        return size * last if size > 0 else -size * (1 - last)

    def settlements(self, call: Call) -> Answer:
        """Nothing is settled here."""
        return Answer({"settlements": [], "cursor": ""})

    def _page(self, call: Call, rows: Sequence[Row], kind: str, most: int = PAGE_MAX) -> tuple[list[Row], str]:
        """A page by limit and cursor; an empty cursor ends."""
        limit = min(int(call.query.get("limit") or PAGE), most)
        found, after = self.venue.page(rows, int(call.query.get("cursor") or 0), limit, kind)
        return found, str(after) if after else ""


def iso(ms: int) -> str:
    """Write a time as the venue does."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def outcome(side: int) -> str:
    """The outcome that a side of the book is about."""
    return "yes" if side == BUY else "no"


def book_side(side: int) -> str:
    """The word for a side of the book."""
    return "bid" if side == BUY else "ask"


def costs(order: MockOrder) -> Body:
    """What an order has cost so far, by role."""
    return {
        "taker_fill_cost_dollars": plain(order.cost_taker, 6),
        "maker_fill_cost_dollars": plain(order.cost - order.cost_taker, 6),
        "taker_fees_dollars": plain(order.fees_taker, 6),
        "maker_fees_dollars": plain(order.fees_maker, 6),
    }
