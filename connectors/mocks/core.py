"""Match orders by price, then time, and keep what accounts hold.

Every venue's dialect stands on this: it spells prices and sizes its own way, and asks here what trades. Amounts are
decimals, exact; prices of binaries are on the YES scale. The account "" is the street: everybody else.
"""

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

ZERO, ONE = Decimal(0), Decimal(1)
STREET = ""
OPEN, FILLED, CANCELLED, EXPIRED, PENDING = "open", "filled", "cancelled", "expired", "pending"
GTC, GTD, IOC, FOK = "GTC", "GTD", "IOC", "FOK"
BUY, SELL = 1, -1


class Clock:
    """The venue's clock: this machine's, moved by `skew_ms` where a test asks for it."""

    def __init__(self) -> None:
        """Begin with the right time."""
        self.skew_ms = 0

    def ms(self) -> int:
        """Milliseconds since 1970 as the venue believes them."""
        return time.time_ns() // 1_000_000 + self.skew_ms


class Denied(Exception):
    """The venue refuses a request: HTTP status, its own code, its words, headers."""

    def __init__(self, status: int, code: str, words: str = "", headers: dict[str, str] | None = None) -> None:
        """Take what the answer will say."""
        super().__init__(f"{status} {code} {words}")
        self.status, self.code, self.words, self.headers = status, code, words, headers or {}


@dataclass
class Market:
    """What can be traded: names in `data` are the dialect's own (tokens, event, shard ...).

    symbol  the venue's id of the book;  tick, lot  steps of price and size
    size_min, notional_min   smallest order;  size_max  largest, 0 none
    status  active, or what the venue calls it otherwise
    last, mark  last trade and mark price
    """

    symbol: str
    tick: Decimal
    lot: Decimal
    size_min: Decimal = ZERO
    size_max: Decimal = ZERO
    notional_min: Decimal = ZERO
    status: str = "active"
    last: Decimal = ZERO
    mark: Decimal = ZERO
    volume: Decimal = ZERO
    data: dict[str, object] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """One of the dialect's own words about this market; empty if it has none."""
        return str(self.data.get(name, ""))


@dataclass
class MockOrder:
    """An order; `side` and `price` are the book's, `own_side` and `own_price` those of the instrument that was named.

    flip   the instrument is the other outcome: buying it is selling the book's, at one minus the price
    spend  money that an immediate order is to spend, in place of a size (0: none); `size` follows what that buys
    """

    order_id: str
    account: str
    client_id: str
    market: str
    instrument: str
    side: int
    price: Decimal
    size: Decimal
    tif: str = GTC
    post_only: bool = False
    reduce_only: bool = False
    flip: bool = False
    stp: str = ""
    spend: Decimal = ZERO
    expires_ms: int = 0
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    fees_taker: Decimal = ZERO
    fees_maker: Decimal = ZERO
    cost_taker: Decimal = ZERO
    state: str = OPEN
    reason: str = ""
    place: int = 0
    created_ms: int = 0
    updated_ms: int = 0
    data: dict[str, object] = field(default_factory=dict)

    @property
    def left(self) -> Decimal:
        """What is not filled yet."""
        return self.size - self.filled

    @property
    def own_cost(self) -> Decimal:
        """What was paid so far at the prices of the instrument that was named."""
        return self.filled - self.cost if self.flip else self.cost

    @property
    def own_side(self) -> int:
        """Side on the instrument that was named."""
        return -self.side if self.flip else self.side

    @property
    def own_price(self) -> Decimal:
        """Price of the instrument that was named."""
        return ONE - self.price if self.flip else self.price

    def text(self, name: str) -> str:
        """One of the dialect's own words about this order; empty if it has none."""
        return str(self.data.get(name, ""))


@dataclass
class MockFill:
    """One account's part of a trade; `price` and `side` are the book's."""

    fill_id: str
    trade_id: str
    order: MockOrder
    other: MockOrder
    side: int
    price: Decimal
    size: Decimal
    fee: Decimal
    maker: bool
    at_ms: int
    realised: Decimal = ZERO
    status: str = ""
    told: int = 1

    @property
    def own_price(self) -> Decimal:
        """Price of the instrument that the order named."""
        return ONE - self.price if self.order.flip else self.price


@dataclass
class Held:
    """What an account holds of an instrument: signed size, average entry, results and fees so far."""

    size: Decimal = ZERO
    entry: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    traded: Decimal = ZERO

    def add(self, side: int, size: Decimal, price: Decimal) -> Decimal:
        """Take a trade in; returns what it realised."""
        signed, realised = side * size, ZERO
        if self.size * side < 0:
            closing = min(size, abs(self.size))
            realised = closing * (price - self.entry) * (1 if self.size > 0 else -1)
        total = self.size + signed
        if self.size * side >= 0:
            self.entry = (abs(self.size) * self.entry + size * price) / (abs(self.size) + size)
        elif total * side > 0:
            self.entry = price
        self.size, self.realised, self.traded = total, self.realised + realised, self.traded + size * price
        if total == 0:
            self.entry = ZERO
        return realised


@dataclass
class MockAccount:
    """Somebody who trades here: cash, holdings by instrument, and the keys that the venue knows."""

    name: str
    cash: Decimal
    held: dict[str, Held] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    data: dict[str, object] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """One of the dialect's own words about this account; empty if it has none."""
        return str(self.data.get(name, ""))

    def of(self, instrument: str) -> Held:
        """What is held of an instrument; nothing at first."""
        return self.held.setdefault(instrument, Held())


class Listener(Protocol):
    """Who is told what happens: the dialect, which tells its sockets, and sets the fees."""

    def fee(self, order: MockOrder, price: Decimal, size: Decimal, *, maker: bool) -> Decimal:
        """Return the fee of a fill in money."""

    def level(self, market: str, side: int, price: Decimal, total: Decimal, change: Decimal, by: MockOrder) -> None:
        """Take in that the size at a price changed."""

    def order(self, order: MockOrder, what: str) -> None:
        """Take in that an order was placed, filled, cancelled or has expired."""

    def traded(self, taker: MockOrder, maker: MockOrder, price: Decimal, size: Decimal, trade_id: str) -> None:
        """Take in that a trade happened."""

    def fill(self, fill: MockFill) -> None:
        """Take in an account's part of a trade; the street's are not told."""


class Book:
    """One market's resting orders: price → orders in the order of their coming."""

    def __init__(self) -> None:
        """Begin empty."""
        self.sides: dict[int, dict[Decimal, list[MockOrder]]] = {BUY: {}, SELL: {}}
        self.version = 0

    def prices(self, side: int) -> list[Decimal]:
        """Prices of a side, best first."""
        return sorted(self.sides[side], reverse=side == BUY)

    def best(self, side: int) -> Decimal | None:
        """Best price of a side."""
        levels = self.sides[side]
        if not levels:
            return None
        return max(levels) if side == BUY else min(levels)

    def total(self, side: int, price: Decimal) -> Decimal:
        """Size that rests at a price."""
        return sum((order.left for order in self.sides[side].get(price, ())), ZERO)

    def levels(self, side: int) -> list[tuple[Decimal, Decimal]]:
        """(price, size), best first."""
        return [(price, self.total(side, price)) for price in self.prices(side)]

    def orders(self) -> list[MockOrder]:
        """Every resting order."""
        return [order for side in self.sides.values() for row in side.values() for order in row]

    def add(self, order: MockOrder) -> None:
        """Put an order behind those at its price."""
        row = self.sides[order.side].setdefault(order.price, [])
        row.append(order)
        row.sort(key=lambda each: each.place)

    def remove(self, order: MockOrder) -> bool:
        """Take an order out; False where it did not rest here."""
        row = self.sides[order.side].get(order.price, [])
        rested = order in row
        if rested:
            row.remove(order)
        if not row:
            self.sides[order.side].pop(order.price, None)
        return rested

    def reachable(self, side: int, price: Decimal, but: str) -> Decimal:
        """Size that an order of a side would find up to a price, the orders of one account left out."""
        found = ZERO
        for level in self.prices(-side):
            if (level - price) * side > 0:
                break
            found += sum((o.left for o in self.sides[-side][level] if o.account != but), ZERO)
        return found

    def crosses(self, side: int, price: Decimal) -> bool:
        """True where an order of that side and price would trade at once."""
        best = self.best(-side)
        return best is not None and (price - best) * side >= 0


def new_id() -> str:
    """Return an id that nobody had before."""
    return str(uuid.uuid4())


def by_age(orders: Iterable[MockOrder]) -> list[MockOrder]:
    """Oldest first."""
    return sorted(orders, key=lambda order: order.place)
