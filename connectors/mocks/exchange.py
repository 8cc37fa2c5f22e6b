"""Take orders, amendments, cancels and the street's doings, and let them trade.

The rules that all venues here share: price then time, post-only, reduce-only, immediate and all-or-nothing orders,
expiry, self-trade prevention. What differs between venues (who may, how much, what it costs) stands in their dialects.
"""

from collections import Counter
from decimal import ROUND_DOWN, Decimal

from connectors.mocks.core import (
    BUY,
    CANCELLED,
    EXPIRED,
    FILLED,
    FOK,
    GTC,
    GTD,
    IOC,
    ONE,
    OPEN,
    PENDING,
    SELL,
    STREET,
    ZERO,
    Book,
    Clock,
    Denied,
    Listener,
    Market,
    MockAccount,
    MockFill,
    MockOrder,
    new_id,
)

MILLIONTH = Decimal("0.000001")
STP_TAKER, STP_MAKER, STP_BOTH = "taker", "maker", "both"


class Exchange:
    """Markets, books, accounts, orders and fills of one mock venue. One thread; every call is whole."""

    def __init__(self, clock: Clock, heard: Listener, *, margin: bool) -> None:
        """Begin with nothing; `margin` is how perpetuals are paid: profits only, not the price."""
        self.clock, self.heard, self.margin = clock, heard, margin
        self.markets: dict[str, Market] = {}
        self.books: dict[str, Book] = {}
        self.accounts: dict[str, MockAccount] = {STREET: MockAccount(STREET, ZERO)}
        self.orders: dict[str, MockOrder] = {}
        self.fills: list[MockFill] = []
        self.effective: Counter[str] = Counter()
        self.self_trades = 0
        self._place = 0

    # ---- what is there ----

    def list_market(self, market: Market) -> None:
        """Open a market."""
        self.markets[market.symbol] = market
        self.books.setdefault(market.symbol, Book())

    def open_orders(self, account: str) -> list[MockOrder]:
        """Resting orders of an account, oldest first."""
        self.expire()
        return [order for order in self.orders.values() if order.account == account and order.state == OPEN]

    def by_client_id(self, account: str, client_id: str) -> list[MockOrder]:
        """Every order of an account under a client id, oldest first."""
        return [o for o in self.orders.values() if o.account == account and client_id and o.client_id == client_id]

    # ---- orders ----

    def place(self, order: MockOrder) -> list[MockFill]:
        """Take an order in, trade what can trade, rest or end the remainder.

        Raises Denied with code `post_only`, `fok`, `fak` (nothing to match) or `self_trade`; nothing has changed then.
        """
        book = self.books[order.market]
        if order.post_only and book.crosses(order.side, order.price):
            raise Denied(400, "post_only")
        found = book.reachable(order.side, order.price, order.account if order.stp else "\0")
        if order.tif == FOK and found < order.size:
            raise Denied(400, "fok")
        if order.tif == IOC and order.data.get("refuse_empty") and found <= 0:
            raise Denied(400, "fak")
        if order.state != PENDING:
            self._enter(order)
        order.state = OPEN
        self._tell(order, "placed")
        fills = self._match(order)
        if order.state == OPEN and order.left > 0:
            if order.tif in (GTC, GTD):
                book.add(order)
                self._level(order, order.left)
            else:
                self._end(order, CANCELLED, "immediate")
        return fills

    def pend(self, order: MockOrder) -> None:
        """Take an order in without letting it trade yet; `place` does that later."""
        order.state = PENDING
        self._enter(order)
        self._tell(order, "pending")

    def fail(self, order: MockOrder, reason: str) -> None:
        """End a pending order that could not be placed after all."""
        self._end(order, CANCELLED, reason)

    def cancel(self, order: MockOrder, reason: str = "asked") -> Decimal:
        """Take a resting order out; returns what was left of it."""
        return self._leave(order, CANCELLED, reason)

    def shrink(self, order: MockOrder, left: Decimal) -> Decimal:
        """Make a resting order smaller without losing its place; returns what was taken off."""
        off = order.left - left
        if left <= 0:
            return self.cancel(order)
        order.size -= off
        order.updated_ms = self.clock.ms()
        self._level(order, -off)
        self._tell(order, "updated")
        return off

    def replace(self, order: MockOrder, price: Decimal, size: Decimal) -> list[MockFill]:
        """Change price or size of a resting order; it goes behind, unless it only became smaller."""
        if price == order.price and size - order.filled <= order.left:
            self.shrink(order, size - order.filled)
            return []
        book = self.books[order.market]
        if order.post_only and book.crosses(order.side, price):
            raise Denied(400, "post_only")
        left = order.left
        book.remove(order)
        self._level(order, -left)
        order.price, order.size, order.place = price, size, self._next()
        order.updated_ms = self.clock.ms()
        self._tell(order, "updated")
        fills = self._match(order)
        if order.state == OPEN and order.left > 0:
            book.add(order)
            self._level(order, order.left)
        return fills

    def expire(self) -> None:
        """End what has reached its time."""
        now = self.clock.ms()
        due = [o for o in self.orders.values() if o.state == OPEN and o.expires_ms and o.expires_ms <= now]
        for order in due:
            self._leave(order, EXPIRED, "expired")

    # ---- the street ----

    def set_book(self, symbol: str, sides: dict[int, list[tuple[Decimal, Decimal]]]) -> None:
        """Let the street quote these levels (side → price, size) and no others on the sides that are named.

        What crosses a resting order trades with it. A level that stays keeps its place in the queue.
        """
        book = self.books[symbol]
        wanted = {side: dict(levels) for side, levels in sides.items()}
        grown: list[tuple[MockOrder, Decimal]] = []
        for order in [o for o in book.orders() if o.account == STREET and o.side in wanted]:
            size = wanted[order.side].pop(order.price, ZERO)
            if size <= 0:
                self.cancel(order, "street")
            elif size < order.left:
                self.shrink(order, size)
            else:
                grown.append((order, size - order.left))
        for order, more in grown:
            if more:
                order.size += more
                self._level(order, more)
        for side, levels in wanted.items():
            for price, size in sorted(levels.items(), reverse=side == BUY):
                if size > 0:
                    self.place(self._street(symbol, side, price, size, GTC))

    def street_trade(self, symbol: str, side: int, size: Decimal, price: Decimal | None) -> list[MockFill]:
        """Let somebody take `size` from the book, at `price` or better; returns the fills of our accounts."""
        best = self.books[symbol].prices(-side)
        if not best:
            return []
        limit = best[-1] if price is None else price
        return [f for f in self.place(self._street(symbol, side, limit, size, IOC)) if f.order.account != STREET]

    def street_take(self, order: MockOrder, size: Decimal) -> list[MockFill]:
        """Let somebody trade with one resting order, whatever stands before it."""
        taker = self._street(order.market, -order.side, order.price, size, IOC)
        self._enter(taker)
        fills = self._trade(taker, order, min(size, order.left))
        if taker.state == OPEN:
            self._end(taker, CANCELLED, "immediate")
        return [fill for fill in fills if fill.order.account != STREET]

    # ---- inside ----

    def _street(self, symbol: str, side: int, price: Decimal, size: Decimal, tif: str) -> MockOrder:
        return MockOrder(new_id(), STREET, "", symbol, symbol, side, price, size, tif)

    def _next(self) -> int:
        self._place += 1
        return self._place

    def _enter(self, order: MockOrder) -> None:
        order.place = self._next()
        order.created_ms = order.updated_ms = self.clock.ms()
        if order.account != STREET:
            self.orders[order.order_id] = order
            self.effective[order.client_id or order.order_id] += 1

    def _match(self, taker: MockOrder) -> list[MockFill]:
        book = self.books[taker.market]
        fills: list[MockFill] = []
        while taker.state == OPEN and (taker.left > 0 or taker.spend) and book.crosses(taker.side, taker.price):
            best = book.best(-taker.side)
            maker = book.sides[-taker.side][best][0] if best is not None else taker
            if taker.account != STREET and maker.account == taker.account:
                if taker.stp:
                    self._prevent(taker, maker)
                    continue
                self.self_trades += 1
            size = min(taker.left, maker.left) if not taker.spend else min(self._buys(taker, maker), maker.left)
            if size <= 0:
                self._end(taker, FILLED, "spent")
                break
            if maker.reduce_only:
                size = min(size, self._reducible(maker))
                if size <= 0:
                    self.cancel(maker, "reduce_only")
                    continue
            fills += self._trade(taker, maker, size)
        return fills

    def _buys(self, taker: MockOrder, maker: MockOrder) -> Decimal:
        """What the money that a taker has left to spend buys at a maker's price, in millionths."""
        price = ONE - maker.price if taker.flip else maker.price
        size = ((taker.spend - taker.own_cost) / price).quantize(MILLIONTH, ROUND_DOWN)
        taker.size = taker.filled + size
        return size

    def _reducible(self, order: MockOrder) -> Decimal:
        held = self.accounts[order.account].of(order.instrument).size
        return abs(held) if held * order.own_side < 0 else ZERO

    def _prevent(self, taker: MockOrder, maker: MockOrder) -> None:
        if taker.stp in (STP_MAKER, STP_BOTH):
            self.cancel(maker, "self_trade")
        if taker.stp in (STP_TAKER, STP_BOTH):
            self._end(taker, CANCELLED, "self_trade")

    def _trade(self, taker: MockOrder, maker: MockOrder, size: Decimal) -> list[MockFill]:
        price, trade_id = maker.price, new_id()
        market = self.markets[maker.market]
        market.last, market.volume = price, market.volume + size
        fills = [self._fill(maker, taker, price, size, trade_id), self._fill(taker, maker, price, size, trade_id)]
        if maker.left <= 0:
            self.books[maker.market].remove(maker)
        self._level(maker, -size)
        self.heard.traded(taker, maker, price, size, trade_id)
        for fill in fills:
            if fill.order.account != STREET:
                self.fills.append(fill)
                self.heard.fill(fill)
                self._tell(fill.order, "filled")
        return fills

    def _fill(self, order: MockOrder, other: MockOrder, price: Decimal, size: Decimal, trade_id: str) -> MockFill:
        now = self.clock.ms()
        order.filled += size
        order.cost += price * size
        order.updated_ms = now
        if order.left <= 0:
            order.state = FILLED
        maker = order.place < other.place
        fill = MockFill(new_id(), trade_id, order, other, order.side, price, size, ZERO, maker, now)
        if order.account != STREET:
            self._settle(fill)
        return fill

    def _settle(self, fill: MockFill) -> None:
        order, account = fill.order, self.accounts[fill.order.account]
        fill.fee = self.heard.fee(order, fill.price, fill.size, maker=fill.maker)
        if fill.maker:
            order.fees_maker += fill.fee
        else:
            order.fees_taker += fill.fee
            order.cost_taker += fill.price * fill.size
        self.book_holding(account, fill, 1)

    def book_holding(self, account: MockAccount, fill: MockFill, sign: int) -> None:
        """Move cash and holdings by a fill, or back (`sign` -1) where it failed to settle."""
        order, held = fill.order, account.of(fill.order.instrument)
        side = order.own_side * sign
        fill.realised = held.add(side, fill.size, fill.own_price)
        held.fees += fill.fee * sign
        account.cash -= fill.fee * sign
        account.cash += fill.realised if self.margin else -side * fill.own_price * fill.size

    def _leave(self, order: MockOrder, state: str, reason: str) -> Decimal:
        left, rested = order.left, self.books[order.market].remove(order)
        self._end(order, state, reason)
        if rested:
            self._level(order, -left)
        return left

    def _end(self, order: MockOrder, state: str, reason: str) -> None:
        order.state, order.reason, order.updated_ms = state, reason, self.clock.ms()
        self._tell(order, state)

    def _tell(self, order: MockOrder, what: str) -> None:
        if order.account != STREET:
            self.heard.order(order, what)

    def _level(self, order: MockOrder, change: Decimal) -> None:
        book = self.books[order.market]
        book.version += 1
        self.heard.level(order.market, order.side, order.price, book.total(order.side, order.price), change, order)


def side_of(word: str) -> int:
    """Read buy or sell, in the words that venues use."""
    text = word.lower()
    if text in ("buy", "bid", "yes", "long"):
        return BUY
    if text in ("sell", "ask", "no", "short"):
        return SELL
    raise Denied(400, "side", f"{word!r}: buy or sell")
