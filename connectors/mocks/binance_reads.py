"""Answer what Binance's futures interface is asked: markets, books, orders, trades, positions, account, settings."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.mocks.binance_words import fields, refused
from connectors.mocks.core import BUY, SELL, Denied, Held, Market, MockAccount, MockFill
from connectors.mocks.misbehave import (
    BALANCE,
    BOOK,
    FILLS,
    KEYS,
    LOOKUP,
    MARKETS,
    ORDERS,
    OTHER,
    POSITIONS,
    STATUS,
    TIME,
)
from connectors.mocks.perps import places
from connectors.mocks.wire import Answer, Body, Call, Route, plain

if TYPE_CHECKING:
    from connectors.mocks.binance import Binance

EIGHT = 8
INTERVAL_MS = 8 * 3_600_000


class BinanceReads:
    """Reads and settings."""

    def __init__(self, venue: "Binance") -> None:
        """Take the venue."""
        self.venue = venue

        def way(method: str, paths: str, kind: str, handler: Callable[[Call], Answer], private: bool) -> list[Route]:
            return [Route(method, f"/fapi/{path}", kind, handler, private) for path in paths.split()]

        self.routes = [
            *way("GET", "v1/ping", STATUS, lambda call: Answer({}), False),
            *way("GET", "v1/time", TIME, lambda call: Answer({"serverTime": venue.clock.ms()}), False),
            *way("GET", "v1/exchangeInfo", MARKETS, self.info, False),
            *way("GET", "v1/depth", BOOK, self.depth, False),
            *way("GET", "v1/ticker/bookTicker", BOOK, self.touch, False),
            *way("GET", "v1/ticker/price v2/ticker/price", BOOK, self.price, False),
            *way("GET", "v1/premiumIndex", BOOK, self.premium, False),
            *way("GET", "v1/fundingInfo", MARKETS, lambda call: Answer([]), False),
            *way("GET", "v1/order", LOOKUP, self.order, True),
            *way("GET", "v1/openOrder", LOOKUP, self.open_order, True),
            *way("GET", "v1/openOrders", ORDERS, self.open_orders, True),
            *way("GET", "v1/allOrders", ORDERS, self.all_orders, True),
            *way("GET", "v1/userTrades", FILLS, self.trades, True),
            *way("GET", "v2/account v3/account", BALANCE, self.account, True),
            *way("GET", "v2/balance v3/balance", BALANCE, self.balance, True),
            *way("GET", "v2/positionRisk v3/positionRisk", POSITIONS, self.positions, True),
            *way("GET", "v1/positionSide/dual", OTHER, self.mode, True),
            *way("POST", "v1/positionSide/dual", OTHER, self.set_mode, True),
            *way("POST", "v1/leverage", OTHER, self.set_leverage, True),
            *way("POST", "v1/marginType", OTHER, self.set_margin, True),
            *way("GET", "v1/leverageBracket", OTHER, self.brackets, True),
            *way("GET", "v1/commissionRate", OTHER, self.commission, True),
            *way("GET", "v1/income", OTHER, lambda call: Answer([]), True),
            *way("POST", "v1/listenKey", KEYS, self.listen, True),
            *way("PUT", "v1/listenKey", KEYS, self.listen, True),
            *way("DELETE", "v1/listenKey", KEYS, lambda call: Answer({}), True),
        ]

    # ---- markets ----

    def _chosen(self, call: Call) -> list[Market]:
        symbol = call.query.get("symbol")
        return [self.venue.market_of(symbol)] if symbol else list(self.venue.exchange.markets.values())

    def _one_or_all(self, call: Call, spell: Callable[[Market], Body]) -> Answer:
        rows = [spell(market) for market in self._chosen(call)]
        return Answer(rows[0] if "symbol" in call.query else rows)

    def info(self, call: Call) -> Answer:
        """Every market with its filters, and the limits."""
        limits = (("REQUEST_WEIGHT", "MINUTE", 1, 2400), ("ORDERS", "MINUTE", 1, 1200), ("ORDERS", "SECOND", 10, 300))
        return Answer(
            {
                "timezone": "UTC",
                "serverTime": self.venue.clock.ms(),
                "futuresType": "U_MARGINED",
                "rateLimits": [
                    {"rateLimitType": kind, "interval": interval, "intervalNum": n, "limit": most}
                    for kind, interval, n, most in limits
                ],
                "exchangeFilters": [],
                "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
                "symbols": [self._symbol(market) for market in self.venue.exchange.markets.values()],
            }
        )

    def _symbol(self, market: Market) -> Body:
        base, lot, tick = market.text("base"), plain(market.lot), plain(market.tick)
        most = plain(market.size_max)
        return {
            "symbol": market.symbol,
            "pair": market.symbol,
            "contractType": "PERPETUAL",
            "deliveryDate": 4_133_404_800_000,
            "onboardDate": market.data["onboard_ms"],
            "status": "TRADING" if market.status == "active" else market.status,
            "maintMarginPercent": "2.5000",
            "requiredMarginPercent": "5.0000",
            "baseAsset": base,
            "quoteAsset": "USDT",
            "marginAsset": "USDT",
            "pricePrecision": places(market.tick),
            "quantityPrecision": places(market.lot),
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "underlyingType": "COIN",
            "underlyingSubType": ["PoW"],
            "settlePlan": 0,
            "triggerProtect": "0.0500",
            "liquidationFee": "0.012500",
            "marketTakeBound": "0.05",
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "4529764", "tickSize": tick},
                {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": most, "stepSize": lot},
                {"filterType": "MARKET_LOT_SIZE", "minQty": lot, "maxQty": "120", "stepSize": lot},
                {"filterType": "MAX_NUM_ORDERS", "limit": 200},
                {"filterType": "MIN_NOTIONAL", "notional": plain(self.venue.notional_min)},
                {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500",
                 "multiplierDecimal": "4"},
            ],
            "orderTypes": ["LIMIT", "MARKET"],
            "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        }  # fmt: skip

    def depth(self, call: Call) -> Answer:
        """A book, best first."""
        market = self.venue.market_of(call.query.get("symbol", ""))
        book, most = self.venue.exchange.books[market.symbol], int(call.query.get("limit") or 500)
        now = self.venue.clock.ms()
        sides = {name: self.venue.stream.levels(market, book.levels(side)[:most])
                 for name, side in (("bids", BUY), ("asks", SELL))}  # fmt: skip
        return Answer({"lastUpdateId": book.version, "E": now, "T": now, **sides})

    def touch(self, call: Call) -> Answer:
        """Best prices."""
        return self._one_or_all(call, self.venue.stream.touch)

    def price(self, call: Call) -> Answer:
        """Last prices."""
        now = self.venue.clock.ms()
        return self._one_or_all(call, lambda m: {"symbol": m.symbol, "price": plain(m.last), "time": now})

    def premium(self, call: Call) -> Answer:
        """Marks and funding."""
        now = self.venue.clock.ms()

        def spell(market: Market) -> Body:
            mark = plain(market.mark, EIGHT)
            return {"symbol": market.symbol, "markPrice": mark, "indexPrice": mark, "estimatedSettlePrice": mark,
                    "lastFundingRate": "0.00010000", "interestRate": "0.00010000",
                    "nextFundingTime": (now // INTERVAL_MS + 1) * INTERVAL_MS, "time": now}  # fmt: skip

        return self._one_or_all(call, spell)

    # ---- orders, trades ----

    def order(self, call: Call) -> Answer:
        """One order by either id, closed ones too."""
        values = fields(call)
        self.venue.market_of(values.get("symbol", ""))
        order_id, client_id = values.get("orderId", ""), values.get("origClientOrderId", "")
        if not order_id and not client_id:
            raise refused(-1102)
        order = self.venue.named(order_id, client_id, call.account, values["symbol"])
        if order is None or not self.venue.seen([order], LOOKUP):
            raise refused(-2013)
        return Answer(self.venue.orders.shown(order))

    def open_order(self, call: Call) -> Answer:
        """One resting order."""
        answer = self.order(call)
        assert isinstance(answer.body, dict)
        if answer.body["status"] not in ("NEW", "PARTIALLY_FILLED"):
            raise refused(-2013)
        return answer

    def open_orders(self, call: Call) -> Answer:
        """Resting orders of a symbol, or of all."""
        symbol = call.query.get("symbol")
        mine = [o for o in self.venue.exchange.open_orders(call.account) if symbol in (None, o.market)]
        rows, torn = self.venue.whole(self.venue.seen(mine, ORDERS), ORDERS)
        return Answer([self.venue.orders.shown(order) for order in rows], torn=torn)

    def all_orders(self, call: Call) -> Answer:
        """Orders of a symbol, oldest first."""
        symbol = self.venue.market_of(call.query.get("symbol", "")).symbol
        mine = [o for o in self.venue.exchange.orders.values() if o.account == call.account and o.market == symbol]
        rows, torn = self.venue.whole(self.venue.seen(mine, ORDERS), ORDERS)
        most = int(call.query.get("limit") or 500)
        return Answer([self.venue.orders.shown(order) for order in rows[-most:]], torn=torn)

    def trades(self, call: Call) -> Answer:
        """Trades of a symbol, oldest first; `fromId`, `orderId`, `startTime`, `endTime` choose."""
        query = call.query
        symbol = self.venue.market_of(query.get("symbol", "")).symbol
        chosen = [
            fill
            for fill in self.venue.fills_of(call.account)
            if fill.order.market == symbol
            and query.get("orderId") in (None, fill.order.order_id)
            and int(query.get("startTime") or 0) <= fill.at_ms <= int(query.get("endTime") or 10**14)
            and self.venue.stream.trade_number(fill) >= int(query.get("fromId") or 0)
        ]
        rows, torn = self.venue.whole(chosen, FILLS)
        most = int(query.get("limit") or 500)
        rows = rows[:most] if "fromId" in query or "startTime" in query else rows[-most:]
        return Answer([self._trade(fill) for fill in rows], torn=torn)

    def _trade(self, fill: MockFill) -> Body:
        order = fill.order
        return {
            "symbol": order.market,
            "id": self.venue.stream.trade_number(fill),
            "orderId": int(order.order_id),
            "side": "BUY" if fill.side == BUY else "SELL",
            "price": plain(fill.price),
            "qty": plain(fill.size),
            "realizedPnl": plain(fill.realised, EIGHT),
            "quoteQty": plain(fill.price * fill.size, EIGHT),
            "commission": plain(fill.fee, EIGHT),
            "commissionAsset": "USDT",
            "time": fill.at_ms,
            "positionSide": order.instrument.partition(":")[2] or "BOTH",
            "buyer": fill.side == BUY,
            "maker": fill.maker,
        }

    # ---- account ----

    def _account(self, call: Call) -> MockAccount:
        return self.venue.exchange.accounts[call.account]

    def account(self, call: Call) -> Answer:
        """Balances and positions."""
        account = self._account(call)
        asset = self._asset(account)
        return Answer(
            {
                "feeTier": 0,
                "canTrade": True,
                "canDeposit": True,
                "canWithdraw": False,
                "updateTime": 0,
                "totalInitialMargin": asset["initialMargin"],
                "totalMaintMargin": "0.00000000",
                "totalWalletBalance": asset["walletBalance"],
                "totalUnrealizedProfit": asset["unrealizedProfit"],
                "totalMarginBalance": asset["marginBalance"],
                "totalPositionInitialMargin": asset["positionInitialMargin"],
                "totalOpenOrderInitialMargin": asset["openOrderInitialMargin"],
                "totalCrossWalletBalance": asset["walletBalance"],
                "totalCrossUnPnl": asset["unrealizedProfit"],
                "availableBalance": asset["availableBalance"],
                "maxWithdrawAmount": asset["availableBalance"],
                "assets": [asset],
                "positions": [self._position(account, *row) for row in self.venue.rows(account) if row[2].size],
            }
        )

    def _asset(self, account: MockAccount) -> Body:
        venue = self.venue
        profit = venue.equity(account) - account.cash
        amounts = {
            "walletBalance": account.cash,
            "unrealizedProfit": profit,
            "marginBalance": account.cash + profit,
            "maintMargin": Decimal(0),
            "initialMargin": venue.tied(account) + venue.resting(account),
            "positionInitialMargin": venue.tied(account),
            "openOrderInitialMargin": venue.resting(account),
            "maxWithdrawAmount": venue.available(account),
            "crossWalletBalance": account.cash,
            "crossUnPnl": profit,
            "availableBalance": venue.available(account),
        }
        return {"asset": "USDT", **{name: plain(amount, EIGHT) for name, amount in amounts.items()},
                "updateTime": venue.clock.ms()}  # fmt: skip

    def balance(self, call: Call) -> Answer:
        """Balances alone."""
        asset = self._asset(self._account(call))
        names = ("asset", "crossWalletBalance", "crossUnPnl", "availableBalance", "maxWithdrawAmount", "updateTime")
        return Answer([{"accountAlias": "mock", "balance": asset["walletBalance"], **{n: asset[n] for n in names}}])

    def positions(self, call: Call) -> Answer:
        """Positions that are open, or those of a symbol."""
        account, symbol = self._account(call), call.query.get("symbol")
        held = [row for row in self.venue.rows(account) if row[2].size and symbol in (None, row[0])]
        rows, torn = self.venue.whole(held, POSITIONS)
        return Answer([self._position(account, *row) for row in rows], torn=torn)

    def _position(self, account: MockAccount, symbol: str, leg: str, held: Held) -> Body:
        market = self.venue.exchange.markets[symbol]
        margin = plain(self.venue.margin_of(account, symbol, held), EIGHT)
        return {
            "symbol": symbol,
            "positionSide": leg or "BOTH",
            "positionAmt": plain(held.size, places(market.lot)),
            "entryPrice": plain(held.entry, EIGHT),
            "breakEvenPrice": plain(held.entry, EIGHT),
            "markPrice": plain(market.mark, EIGHT),
            "unRealizedProfit": plain(self.venue.unrealised(symbol, held), EIGHT),
            "unrealizedProfit": plain(self.venue.unrealised(symbol, held), EIGHT),
            "liquidationPrice": "0",
            "isolatedMargin": "0",
            "notional": plain(held.size * market.mark, EIGHT),
            "marginAsset": "USDT",
            "isolatedWallet": "0",
            "initialMargin": margin,
            "maintMargin": "0",
            "positionInitialMargin": margin,
            "openOrderInitialMargin": "0",
            "adl": 1,
            "bidNotional": "0",
            "askNotional": "0",
            "updateTime": self.venue.clock.ms(),
        }

    # ---- settings ----

    def mode(self, call: Call) -> Answer:
        """Whether long and short are held apart."""
        return Answer({"dualSidePosition": self.venue.hedged(self._account(call))})

    def set_mode(self, call: Call) -> Answer:
        """Change that, while nothing is open."""
        wanted, account = fields(call).get("dualSidePosition", "").lower() == "true", self._account(call)
        if wanted == self.venue.hedged(account):
            raise refused(-4059)
        if any(held.size for held in account.held.values()):
            raise Denied(400, "-4068", "Position side cannot be changed if there exists position.")
        account.data["hedged"] = wanted
        return Answer({"code": 200, "msg": "success"})

    def set_leverage(self, call: Call) -> Answer:
        """Set a symbol's leverage."""
        values = fields(call)
        symbol = self.venue.market_of(values.get("symbol", "")).symbol
        wanted = Decimal(values.get("leverage") or 0)
        if not 1 <= wanted <= 125:
            raise Denied(400, "-4028", f"Leverage {wanted} is not valid")
        self.venue.set_leverage(self._account(call), symbol, wanted)
        return Answer({"leverage": int(wanted), "maxNotionalValue": "1000000", "symbol": symbol})

    def set_margin(self, call: Call) -> Answer:
        """Refuse to change what is crossed already; nothing else is offered."""
        if fields(call).get("marginType") == "CROSSED":
            raise refused(-4046)
        return Answer({"code": 200, "msg": "success"})

    def brackets(self, call: Call) -> Answer:
        """One bracket per symbol."""
        bracket = {"bracket": 1, "initialLeverage": 125, "notionalCap": 50_000_000, "notionalFloor": 0,
                   "maintMarginRatio": 0.004, "cum": 0.0}  # fmt: skip
        return Answer([{"symbol": symbol, "brackets": [bracket]} for symbol in self.venue.exchange.markets])

    def commission(self, call: Call) -> Answer:
        """The fees of a symbol."""
        symbol = self.venue.market_of(call.query.get("symbol", "")).symbol
        return Answer({"symbol": symbol, "makerCommissionRate": plain(self.venue.maker),
                       "takerCommissionRate": plain(self.venue.taker)})  # fmt: skip

    def listen(self, call: Call) -> Answer:
        """Give the account's listen key, or keep it."""
        return Answer({"listenKey": self.venue.stream.listen_key(call.account)})
