"""Keep our orders' places in the queues of one market, and what they have already eaten of the displayed sizes.

Sizes are lots, prices ticks. The rules of the queue are those of operators/paper_venue.py, which alone uses this.
"""

from bots.kit import Book
from contracts.market import MarketDefinition
from contracts.order import PlannedOrder
from operators.queue_models import Queued

NEVER = 1 << 62


class Resting(Queued):
    """One of our orders at the venue, with the queue before it; sizes in lots.

    spared is what others before us would still have because better orders of ours took it.
    """

    __slots__ = ("carry", "child", "definition", "left", "matches", "spared")

    def __init__(self, child: PlannedOrder, definition: MarketDefinition) -> None:
        """Take an order that has just arrived."""
        super().__init__()
        self.child, self.definition, self.left = child, definition, child.size_lots
        self.spared, self.carry, self.matches = 0, 0, 0

    def through(self, lots: int) -> int:
        """Return what of lots that came through the queue comes to us and to those behind us."""
        spared = min(self.spared, lots)
        self.spared -= spared
        return lots - spared


class Stall:
    """Our orders in one market, best price first, and what we have eaten of the displayed sizes.

    `prices` counts the orders and the eaten levels at each price: whether a change concerns us is one look-up.
    """

    __slots__ = ("ask", "asks", "bid", "bids", "eaten_asks", "eaten_bids", "prices")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.bids: list[Resting] = []
        self.asks: list[Resting] = []
        self.eaten_bids: dict[int, int] = {}
        self.eaten_asks: dict[int, int] = {}
        self.prices: dict[int, int] = {}
        self.bid, self.ask = 0, NEVER

    def add(self, order: Resting) -> None:
        """Place an order behind its equals."""
        side, price = order.child.side, order.child.price_ticks
        orders, place = self.bids if side > 0 else self.asks, 0
        while place < len(orders) and side * orders[place].child.price_ticks >= side * price:
            place += 1
        orders.insert(place, order)
        self.count(price, 1)

    def find(self, client_order_id: str) -> Resting | None:
        """Return an order that rests here, or None."""
        for order in self.bids:
            if order.child.client_order_id == client_order_id:
                return order
        for order in self.asks:
            if order.child.client_order_id == client_order_id:
                return order
        return None

    def drop(self, order: Resting) -> None:
        """Remove an order that rests here."""
        (self.bids if order.child.side > 0 else self.asks).remove(order)
        self.count(order.child.price_ticks, -1)

    def eat(self, side: int, price: int, lots: int) -> None:
        """Mark displayed lots as taken by us: a taker of `side` has eaten from the other side."""
        eaten = self.eaten_asks if side > 0 else self.eaten_bids
        if price not in eaten:
            self.count(price, 1)
        eaten[price] = eaten.get(price, 0) + lots

    def clip(self, side: int, price: int, shown: int) -> None:
        """Never believe to have eaten more of a level than is displayed."""
        eaten = self.eaten_bids if side > 0 else self.eaten_asks
        if shown < eaten.get(price, 0):
            eaten[price] = shown
            if not shown:
                del eaten[price]
                self.count(price, -1)

    def count(self, price: int, change: int) -> None:
        """Note that a price concerns us once more, or once less."""
        number = self.prices.get(price, 0) + change
        if number:
            self.prices[price] = number
        else:
            del self.prices[price]
        self.bid = self.bids[0].child.price_ticks if self.bids else 0
        self.ask = self.asks[0].child.price_ticks if self.asks else NEVER

    def offers(self, side: int, limit: int, lots: int, book: Book) -> list[tuple[int, int]]:
        """Return (price, lots) that a taker of `side` would get up to its limit, best first, less what we ate."""
        found: list[tuple[int, int]] = []
        eaten = self.eaten_asks if side > 0 else self.eaten_bids
        for price, shown in book.walk(-side, limit):
            got = min(lots, shown - eaten.get(price, 0))
            if got > 0:
                found.append((price, got))
                lots -= got
                if not lots:
                    break
        return found
