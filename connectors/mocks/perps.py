"""Hold what both perpetual venues share: margin, position modes, leverage, numeric ids, the checks of an order's grid.

One-way: one signed position per symbol. Hedge: `SYMBOL:LONG` and `SYMBOL:SHORT`, of which each has its own sign.
"""

from decimal import ROUND_HALF_UP, Decimal
from itertools import count

from connectors.mocks.core import BUY, SELL, ZERO, Denied, Held, Market, MockAccount, MockOrder
from connectors.mocks.venue import MAIN, MockVenue
from connectors.mocks.wire import Body, number, on_grid

LONG, SHORT = "LONG", "SHORT"
LEVERAGE = Decimal(20)
CENT_MICRO = Decimal("0.00000001")
SEED: tuple[Body, ...] = (
    {"market": "BTCUSDT", "base": "BTC", "middle": "65000.15", "tick": "0.1", "lot": "0.001", "depth": "1.5"},
    {"market": "ETHUSDT", "base": "ETH", "middle": "3500.005", "tick": "0.01", "lot": "0.01", "depth": "30"},
)


class Perps(MockVenue):
    """A venue of perpetuals that are paid in USDT."""

    margin = True
    taker, maker = Decimal("0.0005"), Decimal("0.0002")
    notional_min = Decimal(5)
    first_id = 1

    def __init__(self) -> None:
        """Open the seed markets with a book, and the main account."""
        super().__init__()
        self._ids = count(self.first_id)
        self.prepare()
        for spec in SEED:
            self.add_market(spec)
        self.account(MAIN)

    def prepare(self) -> None:
        """Set up the dialect, before markets and accounts are."""

    def id(self) -> str:
        """Return the next number."""
        return str(next(self._ids))

    # ---- markets ----

    def add_market(self, spec: Body) -> str:
        """Open a market: `market`, `base`, `middle`, `tick`, `lot`, `depth` (size of the street's five levels)."""
        symbol = str(spec.get("market", ""))
        tick, lot = number(spec.get("tick", "0.1"), "tick"), number(spec.get("lot", "0.001"), "lot")
        middle, depth = number(spec.get("middle", 100), "middle"), number(spec.get("depth", 1), "depth")
        data: Body = {"base": str(spec.get("base", symbol.removesuffix("USDT"))), "onboard_ms": 1_600_000_000_000,
                      "size_max": number(spec.get("size_max", 1000), "size_max")}  # fmt: skip
        market = Market(symbol, tick, lot, lot, Decimal(str(data["size_max"])), self.notional_min, data=data)
        market.mark = market.last = middle
        self.exchange.list_market(market)
        bid = middle // tick * tick
        steps = range(5)
        levels = {
            BUY: [(bid - tick * n, depth * (n + 1)) for n in steps],
            SELL: [(bid + tick * (n + 1), depth * (n + 1)) for n in steps],
        }
        self.exchange.set_book(symbol, levels)
        return symbol

    def fee(self, order: MockOrder, price: Decimal, size: Decimal, *, maker: bool) -> Decimal:
        """Return the fee of a fill: a part of its value."""
        return (price * size * (self.maker if maker else self.taker)).quantize(CENT_MICRO, ROUND_HALF_UP)

    # ---- money ----

    def leverage(self, account: MockAccount, symbol: str) -> Decimal:
        """The leverage that an account has set."""
        chosen = account.data.setdefault("leverage", {})
        assert isinstance(chosen, dict)
        return Decimal(str(chosen.get(symbol, LEVERAGE)))

    def set_leverage(self, account: MockAccount, symbol: str, value: Decimal) -> None:
        """Set it."""
        self.leverage(account, symbol)
        chosen = account.data["leverage"]
        assert isinstance(chosen, dict)
        chosen[symbol] = value

    def hedged(self, account: MockAccount) -> bool:
        """True where long and short are held apart."""
        return bool(account.data.get("hedged"))

    def rows(self, account: MockAccount) -> list[tuple[str, str, Held]]:
        """What is held: (symbol, LONG, SHORT or empty, holding)."""
        return [(name.partition(":")[0], name.partition(":")[2], held) for name, held in account.held.items()]

    def unrealised(self, symbol: str, held: Held) -> Decimal:
        """Profit of a holding at the mark."""
        return held.size * (self.exchange.markets[symbol].mark - held.entry) if held.size else ZERO

    def equity(self, account: MockAccount) -> Decimal:
        """Cash and unrealised profits."""
        return account.cash + sum((self.unrealised(symbol, held) for symbol, _, held in self.rows(account)), ZERO)

    def tied(self, account: MockAccount) -> Decimal:
        """Margin of what is held."""
        return sum((self.margin_of(account, symbol, held) for symbol, _, held in self.rows(account)), ZERO)

    def margin_of(self, account: MockAccount, symbol: str, held: Held) -> Decimal:
        """Initial margin of one holding."""
        return abs(held.size) * self.exchange.markets[symbol].mark / self.leverage(account, symbol)

    def resting(self, account: MockAccount) -> Decimal:
        """Margin of resting orders that may open something."""
        orders = self.exchange.open_orders(account.name)
        return sum((o.left * o.price / self.leverage(account, o.market) for o in orders if not o.reduce_only), ZERO)

    def available(self, account: MockAccount) -> Decimal:
        """Money for new orders."""
        return self.equity(account) - self.tied(account) - self.resting(account)

    # ---- orders ----

    def closing(self, order: MockOrder) -> Decimal:
        """How much of a position an order could close, resting orders aside."""
        held = self.exchange.accounts[order.account].of(order.instrument).size
        return abs(held) if held * order.side < 0 else ZERO

    def affords(self, order: MockOrder) -> bool:
        """True where the account has the margin for what the order may open."""
        account = self.exchange.accounts[order.account]
        opening = ZERO if order.reduce_only else max(ZERO, order.size - self.closing(order))
        cost = opening * order.price / self.leverage(account, order.market)
        return cost <= self.available(account)

    def far(self, symbol: str, side: int) -> Decimal:
        """A price that any order of a side would trade at: what a market order means."""
        prices = self.exchange.books[symbol].prices(-side)
        return prices[-1] if prices else self.exchange.markets[symbol].mark

    def fits(self, market: Market, price: Decimal, size: Decimal) -> tuple[bool, bool]:
        """Say whether a price and a size are on their grids."""
        return price > 0 and on_grid(price, market.tick), size > 0 and on_grid(size, market.lot)

    def named(self, order_id: str, client_id: str, account: str, symbol: str) -> MockOrder | None:
        """Find an order by the venue's id, or the newest under a client id."""
        found = [
            order
            for order in self.exchange.orders.values()
            if order.account == account
            and symbol in ("", order.market)
            and (order.order_id == order_id if order_id else client_id and order.client_id == client_id)
        ]
        return found[-1] if found else None

    def market_of(self, symbol: str) -> Market:
        """Return a market. Raises Denied in the dialect's words."""
        market = self.exchange.markets.get(symbol)
        if market is None:
            raise self.unknown(symbol)
        return market

    def unknown(self, symbol: str) -> Denied:
        """Return the refusal of a symbol that is not traded here."""
        return Denied(400, "symbol", symbol)


def places(step: Decimal) -> int:
    """Decimals of a step."""
    return max(0, -int(step.normalize().as_tuple().exponent))
