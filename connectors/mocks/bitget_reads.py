"""Answer what Bitget's perpetual interface is asked: contracts, books, orders, fills, positions, accounts, settings."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from connectors.mocks.bitget_orders import COIN, PRODUCT, state_of
from connectors.mocks.bitget_words import refused
from connectors.mocks.core import BUY, OPEN, SELL, Held, Market, MockAccount, MockFill, MockOrder
from connectors.mocks.misbehave import BALANCE, BOOK, FILLS, LOOKUP, MARKETS, ORDERS, OTHER, POSITIONS, TIME
from connectors.mocks.perps import SHORT, places
from connectors.mocks.wire import Answer, Body, Call, Route, plain

if TYPE_CHECKING:
    from connectors.mocks.bitget import Bitget

Row = TypeVar("Row")
PAGE_MAX = 100
INTERVAL_MS = 8 * 3_600_000


class BitgetReads:
    """Reads and settings."""

    def __init__(self, venue: "Bitget") -> None:
        """Take the venue."""
        self.venue = venue
        told = venue.told

        def way(method: str, path: str, kind: str, handler: Callable[[Call], Answer], private: bool = True) -> Route:
            return Route(method, f"/api/v2/{path}", kind, handler, private)

        self.routes = [
            way("GET", "public/time", TIME, lambda call: told({"serverTime": str(venue.clock.ms())}), False),
            way("GET", "spot/public/coins", MARKETS, lambda call: told([]), False),
            way("GET", "spot/public/symbols", MARKETS, lambda call: told([]), False),
            way("GET", "margin/currencies", MARKETS, lambda call: told([]), False),
            way("GET", "mix/market/contracts", MARKETS, self.contracts, False),
            way("GET", "mix/market/merge-depth", BOOK, self.depth, False),
            way("GET", "mix/market/ticker", BOOK, self.ticker, False),
            way("GET", "mix/market/tickers", BOOK, self.ticker, False),
            way("GET", "mix/market/symbol-price", BOOK, self.price, False),
            way("GET", "mix/market/current-fund-rate", BOOK, self.funding, False),
            way("GET", "mix/order/detail", LOOKUP, self.order),
            way("GET", "mix/order/orders-pending", ORDERS, self.pending),
            way("GET", "mix/order/orders-history", ORDERS, self.history),
            way("GET", "mix/order/fills", FILLS, self.fills),
            way("GET", "mix/order/fill-history", FILLS, self.fills),
            way("GET", "mix/position/all-position", POSITIONS, self.positions),
            way("GET", "mix/position/single-position", POSITIONS, self.positions),
            way("GET", "mix/account/accounts", BALANCE, self.accounts),
            way("GET", "mix/account/account", BALANCE, self.account),
            way("POST", "mix/account/set-leverage", OTHER, self.set_leverage),
            way("POST", "mix/account/set-margin-mode", OTHER, self.set_margin),
            way("POST", "mix/account/set-position-mode", OTHER, self.set_mode),
        ]

    # ---- markets ----

    def _chosen(self, call: Call) -> list[Market]:
        if call.query.get("productType", "").upper() != PRODUCT:
            return []
        symbol = call.query.get("symbol")
        return [self.venue.market_of(symbol)] if symbol else list(self.venue.exchange.markets.values())

    def contracts(self, call: Call) -> Answer:
        """Every contract of a product type; only USDT perpetuals are traded here."""
        return self.venue.told([self._contract(market) for market in self._chosen(call)])

    def _contract(self, market: Market) -> Body:
        price_places = places(market.tick)
        return {
            "symbol": market.symbol,
            "baseCoin": market.text("base"),
            "quoteCoin": COIN,
            "buyLimitPriceRatio": "0.05",
            "sellLimitPriceRatio": "0.05",
            "feeRateUpRatio": "0.005",
            "makerFeeRate": plain(self.venue.maker),
            "takerFeeRate": plain(self.venue.taker),
            "openCostUpRatio": "0.01",
            "supportMarginCoins": [COIN],
            "minTradeNum": plain(market.size_min),
            "priceEndStep": plain(market.tick * 10**price_places, 0),
            "volumePlace": str(places(market.lot)),
            "pricePlace": str(price_places),
            "sizeMultiplier": plain(market.lot),
            "symbolType": "perpetual",
            "minTradeUSDT": plain(self.venue.notional_min),
            "maxSymbolOrderNum": "200",
            "maxProductOrderNum": "1000",
            "maxPositionNum": "150",
            "symbolStatus": "normal" if market.status == "active" else market.status,
            "offTime": "-1",
            "limitOpenTime": "-1",
            "deliveryTime": "",
            "deliveryStartTime": "",
            "launchTime": "",
            "fundInterval": "8",
            "minLever": "1",
            "maxLever": "125",
            "posLimit": "0.05",
            "maintainTime": "",
            "maxMarketOrderQty": "220",
            "maxOrderQty": plain(market.size_max),
        }

    def depth(self, call: Call) -> Answer:
        """A book, best first."""
        market = self.venue.market_of(call.query.get("symbol", ""))
        book, most = self.venue.exchange.books[market.symbol], int(call.query.get("limit") or 100)
        sides = {name: self.venue.stream.levels(market, book.levels(side)[:most])
                 for name, side in (("asks", SELL), ("bids", BUY))}  # fmt: skip
        ts = str(self.venue.clock.ms())
        return self.venue.told({**sides, "ts": ts, "scale": plain(market.tick), "precision": "scale0"})

    def ticker(self, call: Call) -> Answer:
        """Best prices and marks."""
        return self.venue.told([self.venue.stream.ticker(market) for market in self._chosen(call)])

    def price(self, call: Call) -> Answer:
        """Last, index and mark."""
        ts = str(self.venue.clock.ms())
        return self.venue.told(
            [
                {"symbol": m.symbol, "price": plain(m.last), "indexPrice": plain(m.mark), "markPrice": plain(m.mark),
                 "ts": ts}
                for m in self._chosen(call)
            ]
        )  # fmt: skip

    def funding(self, call: Call) -> Answer:
        """The funding rate."""
        upcoming = (self.venue.clock.ms() // INTERVAL_MS + 1) * INTERVAL_MS
        return self.venue.told(
            [
                {"symbol": m.symbol, "fundingRate": "0.0001", "fundingRateInterval": "8", "nextUpdate": str(upcoming),
                 "minFundingRate": "-0.003", "maxFundingRate": "0.003"}
                for m in self._chosen(call)
            ]
        )  # fmt: skip

    # ---- orders, fills ----

    def order(self, call: Call) -> Answer:
        """One order by either id, closed ones too."""
        query = call.query
        order = self.venue.named(
            query.get("orderId", ""), query.get("clientOid", ""), call.account, query.get("symbol", "")
        )
        if order is None or not self.venue.seen([order], LOOKUP):
            raise refused("40109")
        return self.venue.told(self.shown(order))

    def shown(self, order: MockOrder) -> Body:
        """Spell an order."""
        account = self.venue.exchange.accounts[order.account]
        fees = order.fees_maker + order.fees_taker
        leg = order.instrument.partition(":")[2].lower()
        return {
            "symbol": order.market,
            "size": plain(order.size),
            "orderId": order.order_id,
            "clientOid": order.client_id,
            "baseVolume": plain(order.filled),
            "fee": plain(-fees),
            "price": "0" if order.text("type") == "market" else plain(order.price),
            "priceAvg": plain(order.cost / order.filled, 8) if order.filled else "",
            "state": state_of(order),
            "status": state_of(order),
            "side": order.text("word"),
            "force": order.text("force"),
            "totalProfits": "0",
            "posSide": leg or "net",
            "marginCoin": COIN,
            "quoteVolume": plain(order.cost),
            "orderType": order.text("type"),
            "leverage": plain(self.venue.leverage(account, order.market)),
            "marginMode": order.text("margin_mode"),
            "reduceOnly": "YES" if order.reduce_only else "NO",
            "enterPointSource": "API",
            "tradeSide": order.text("trade_side") or f"{order.text('word')}_single",
            "posMode": "hedge_mode" if leg else "one_way_mode",
            "orderSource": "normal",
            "cancelReason": order.reason if state_of(order) == "canceled" else "",
            "cTime": str(order.created_ms),
            "uTime": str(order.updated_ms),
        }

    def pending(self, call: Call) -> Answer:
        """Resting orders, newest first."""
        return self._orders(call, self.venue.exchange.open_orders(call.account))

    def history(self, call: Call) -> Answer:
        """Closed orders, newest first."""
        mine = [o for o in self.venue.exchange.orders.values() if o.account == call.account and o.state != OPEN]
        return self._orders(call, mine)

    def _orders(self, call: Call, orders: list[MockOrder]) -> Answer:
        query = call.query
        chosen = [
            order
            for order in reversed(self.venue.seen(orders, ORDERS))
            if query.get("symbol") in (None, order.market)
            and query.get("clientOid") in (None, order.client_id)
            and query.get("orderId") in (None, order.order_id)
            and int(query.get("startTime") or 0) <= order.created_ms
        ]
        rows, end, torn = self._page(call, [(int(order.order_id), order) for order in chosen], ORDERS)
        return self.venue.told(
            {"entrustedList": [self.shown(order) for order in rows] or None, "endId": end}, torn=torn
        )

    def _page(self, call: Call, rows: list[tuple[int, Row]], kind: str) -> tuple[list[Row], str, bool]:
        """A page (what is older than `idLessThan`), the id it ends with, and whether its body must end early."""
        before = int(call.query.get("idLessThan") or 10**24)
        most = min(int(call.query.get("limit") or PAGE_MAX), PAGE_MAX)
        whole, torn = self.venue.whole([row for row in rows if row[0] < before], kind)
        found = whole[:most]
        return [row for _, row in found], str(found[-1][0]) if found else "", torn

    def fills(self, call: Call) -> Answer:
        """Fills, newest first."""
        query = call.query
        chosen = [
            fill
            for fill in reversed(self.venue.fills_of(call.account))
            if query.get("symbol") in (None, fill.order.market)
            and query.get("orderId") in (None, fill.order.order_id)
            and int(query.get("startTime") or 0) <= fill.at_ms <= int(query.get("endTime") or 10**14)
        ]
        rows, end, torn = self._page(call, [(self.venue.stream.trade_number(fill), fill) for fill in chosen], FILLS)
        return self.venue.told({"fillList": [self.fill(fill) for fill in rows] or None, "endId": end}, torn=torn)

    def fill(self, fill: MockFill) -> Body:
        """Spell a fill; a fee is negative."""
        order = fill.order
        return {
            "tradeId": str(self.venue.stream.trade_number(fill)),
            "symbol": order.market,
            "orderId": order.order_id,
            "clientOid": order.client_id,
            "price": plain(fill.price),
            "baseVolume": plain(fill.size),
            "feeDetail": [{"deduction": "no", "feeCoin": COIN, "totalDeductionFee": "0", "totalFee": plain(-fill.fee)}],
            "side": order.text("word"),
            "quoteVolume": plain(fill.price * fill.size),
            "profit": plain(fill.realised),
            "enterPointSource": "api",
            "orderType": order.text("type"),
            "tradeSide": order.text("trade_side") or f"{order.text('word')}_single",
            "posMode": "hedge_mode" if ":" in order.instrument else "one_way_mode",
            "tradeScope": "maker" if fill.maker else "taker",
            "cTime": str(fill.at_ms),
            "uTime": str(fill.at_ms),
        }

    # ---- account ----

    def _account(self, call: Call) -> MockAccount:
        return self.venue.exchange.accounts[call.account]

    def positions(self, call: Call) -> Answer:
        """Positions that are open."""
        account, symbol = self._account(call), call.query.get("symbol")
        held = [row for row in self.venue.rows(account) if row[2].size and symbol in (None, row[0])]
        rows, torn = self.venue.whole(held, POSITIONS)
        return self.venue.told([self.position(account, *row) for row in rows], torn=torn)

    def position(self, account: MockAccount, symbol: str, leg: str, held: Held) -> Body:
        """Spell a position: its size has no sign."""
        mark = self.venue.exchange.markets[symbol].mark
        short = leg == SHORT or (not leg and held.size < 0)
        size = plain(abs(held.size))
        return {
            "marginCoin": COIN,
            "symbol": symbol,
            "holdSide": "short" if short else "long",
            "openDelegateSize": "0",
            "marginSize": plain(self.venue.margin_of(account, symbol, held), 8),
            "available": size,
            "locked": "0",
            "total": size,
            "leverage": plain(self.venue.leverage(account, symbol)),
            "achievedProfits": plain(held.realised),
            "openPriceAvg": plain(held.entry, 8),
            "marginMode": "crossed",
            "posMode": "hedge_mode" if leg else "one_way_mode",
            "unrealizedPL": plain(self.venue.unrealised(symbol, held), 8),
            "liquidationPrice": "0",
            "keepMarginRate": "0.004",
            "markPrice": plain(mark),
            "marginRatio": "0.01",
            "cTime": str(self.venue.clock.ms()),
            "uTime": str(self.venue.clock.ms()),
        }

    def accounts(self, call: Call) -> Answer:
        """The one account of the product type."""
        return self.venue.told([self._money(self._account(call))])

    def account(self, call: Call) -> Answer:
        """The same, alone."""
        return self.venue.told(self._money(self._account(call)))

    def _money(self, account: MockAccount) -> Body:
        free = max(Decimal(0), self.venue.available(account))
        equity = self.venue.equity(account)
        return {
            "marginCoin": COIN,
            "locked": plain(self.venue.resting(account), 8),
            "available": plain(free, 8),
            "crossedMaxAvailable": plain(free, 8),
            "isolatedMaxAvailable": plain(free, 8),
            "maxTransferOut": plain(free, 8),
            "accountEquity": plain(equity, 8),
            "usdtEquity": plain(equity, 8),
            "btcEquity": "0",
            "crossedRiskRate": "0",
            "unrealizedPL": plain(equity - account.cash, 8),
            "coupon": "0",
            "crossedUnrealizedPL": plain(equity - account.cash, 8),
            "isolatedUnrealizedPL": "",
            "posMode": "hedge_mode" if self.venue.hedged(account) else "one_way_mode",
        }

    # ---- settings ----

    def set_leverage(self, call: Call) -> Answer:
        """Set a symbol's leverage."""
        body = call.json()
        symbol, wanted = self.venue.market_of(str(body.get("symbol", ""))).symbol, str(body.get("leverage") or "0")
        self.venue.set_leverage(self._account(call), symbol, Decimal(wanted))
        return self.venue.told({"symbol": symbol, "marginCoin": COIN, "longLeverage": wanted, "shortLeverage": wanted,
                                "marginMode": "crossed"})  # fmt: skip

    def set_margin(self, call: Call) -> Answer:
        """Take crossed margin, the only one there is."""
        body = call.json()
        if body.get("marginMode") != "crossed":
            raise refused("40017", "Parameter verification failed marginMode")
        return self.venue.told({"symbol": body.get("symbol"), "marginCoin": COIN, "marginMode": "crossed"})

    def set_mode(self, call: Call) -> Answer:
        """Hold long and short apart, or not; refused while something is held."""
        wanted, account = call.json().get("posMode"), self._account(call)
        if wanted not in ("one_way_mode", "hedge_mode"):
            raise refused("40017", "Parameter verification failed posMode")
        if any(held.size for held in account.held.values()) or self.venue.exchange.open_orders(account.name):
            raise refused("45117", "Currently holding positions or orders, the position mode cannot be adjusted")
        account.data["hedged"] = wanted == "hedge_mode"
        return self.venue.told({"posMode": wanted})
