"""Match a paper desk's orders against the recorded market as a venue would have, and never better.

A paper result is worth something only if no fill in it is luckier than reality. So an order reaches the venue after a
latency and meets the book as it stands then; what it takes is marked as eaten and cannot be taken twice; what rests
stands behind everything displayed at its price, and is filled only by what came through that queue:

* a trade at our price that is larger than the queue ahead, or one through our price, by an aggressor of the other side;
* the other side standing at or through our price when nothing displayed is left at or above it (below it, for an ask).

The queue ahead shrinks by trades at our price, and when the displayed level becomes smaller than it; what else may
shrink it is a matter of the desk's queue model (operators/queue_models.py). A trade without a known aggressor fills
nothing. Orders of ours never meet each other, and orders on a tick that the market has left are cancelled.

An outage is a window in which the venue is deaf and mute: what is sent never arrives, nothing is matched, and every
word waits for the end, when what rests is stated again and what was sent is denied. Until then nobody knows.

A perpetual is traded where its money is exact: when it settles in the currency of its price. The value of an inverse
(coin-margined) contract is a quotient, which no whole number of millionths holds, so orders in one are refused.

The venue holds no books: `due` is handed a function from market to book. It is plain data, so it pickles, and its
queue is ordered by time, then by number. A change of a level concerns it only at one of our prices (or an eaten one),
or while the book stands across our best price: ask `market in venue.watch` first, `on_delta` asks the rest itself.
"""

from collections.abc import Callable
from heapq import heappop, heappush

from msgspec.structs import replace

from bots.kit import Book
from bots.maths.fees import charge
from bots.maths.instruments import is_linear
from contracts.control import DeskConfigured
from contracts.market import MarketDefinition, Status, VenueStatus, VenueTrade
from contracts.order import CANCEL, PLACE, PlannedOrder, VenueOrderEvent
from operators.paper_queue import NEVER, Resting, Stall
from operators.queue_models import CONSERVATIVE, queue_model

MILLION, SECOND_NS = 1_000_000, 1_000_000_000
ORDERS_MAX = 64
DUE_MAX = 4_000
EVERYWHERE = -1
OPEN = int(Status.OPEN)
ENDED = frozenset({int(Status.CLOSED), int(Status.RESOLVED), int(Status.VOID)})
BookOf = Callable[[int], Book]


class PaperVenue:
    """The paper venue of a desk. Latencies in nanoseconds; time never runs backwards between calls."""

    __slots__ = (
        "acks_ns", "cancels_ns", "model", "next_due", "number", "orders_ns", "outages", "queue", "status", "ticks",
        "wakes", "watch",
    )  # fmt: skip

    def __init__(
        self, order_latency_ns: int, cancel_latency_ns: int, ack_latency_ns: int, model: str = CONSERVATIVE
    ) -> None:
        """Take how long an order, a cancel, and the venue's word on either travel, and how queues are believed."""
        self.orders_ns, self.cancels_ns, self.acks_ns = order_latency_ns, cancel_latency_ns, ack_latency_ns
        self.model = queue_model(model)
        self.outages: tuple[tuple[int, int], ...] = ()
        self.ticks: dict[int, int] = {}
        self.watch: dict[int, Stall] = {}
        self.status: dict[int, int] = {}
        self.wakes: dict[int, int] = {}
        self.queue: list[tuple[int, int, int, PlannedOrder | VenueOrderEvent | None, MarketDefinition | None]] = []
        self.next_due, self.number = NEVER, 0

    @classmethod
    def of(cls, desk: DeskConfigured) -> "PaperVenue":
        """Make the venue of a desk; its outages are counted from the desk's birth, so `open` it then."""
        latencies = (desk.order_latency_ms * MILLION, desk.cancel_latency_ms * MILLION, desk.ack_latency_ms * MILLION)
        venue = cls(*latencies, desk.queue_model)
        venue.outages = tuple((start * SECOND_NS, (start + seconds) * SECOND_NS) for start, seconds in desk.outages)
        return venue

    def open(self, born_ns: int) -> None:
        """Begin at a desk's birth: from here on its outages are windows [from, to) of journal time."""
        self.outages = tuple((born_ns + start, born_ns + end) for start, end in self.outages)
        for _, end in self.outages:
            self._push(end, EVERYWHERE, None)

    def submit(self, market: int, child: PlannedOrder, definition: MarketDefinition, now: int) -> None:
        """Send an order or a cancel; it reaches the venue after its latency and its own delay."""
        latency = self.cancels_ns if child.action == CANCEL else self.orders_ns
        self._push(now + latency + child.delay_ms * MILLION, market, child, definition)

    def is_out(self, now: int) -> bool:
        """True inside an outage."""
        return self._back_at(now) > now

    def due(self, now: int, book_of: BookOf) -> list[tuple[int, int, VenueOrderEvent]]:
        """Let time pass to `now`: arrivals meet the books as they stand; return (market, due_ns, event), in order."""
        out: list[tuple[int, int, VenueOrderEvent]] = []
        queue = self.queue
        while queue and queue[0][0] <= now and len(out) < DUE_MAX:
            at, _, market, what, definition = heappop(queue)
            if type(what) is VenueOrderEvent:
                out.append((market, at, what))
            elif type(what) is PlannedOrder and definition is not None:
                if self.outages and self._back_at(at) > at:
                    self._lose(market, what, at)
                else:
                    self._arrive(market, what, definition, book_of(market), at)
            elif market == EVERYWHERE:
                self._return(book_of, at)
            else:
                self._expire(market, at)
        self.next_due = queue[0][0] if queue else NEVER
        return out

    def on_delta(self, market: int, side: int, price_ticks: int, _: int, new_lots: int, book: Book, now: int) -> None:
        """Note a change of one level that `book` already shows; costs a look-up when it does not concern us."""
        stall = self.watch.get(market)
        if stall is None:
            return
        if price_ticks in stall.prices:
            if not book.live:
                return
            for order in stall.bids if side > 0 else stall.asks:
                if order.child.price_ticks == price_ticks:
                    self.model.shown(market, order, new_lots, now)
            if stall.eaten_bids or stall.eaten_asks:
                stall.clip(side, price_ticks, new_lots)
                if not stall.prices:
                    del self.watch[market]
        if book.ask <= stall.bid or book.bid >= stall.ask:
            self._across(market, stall, book, now)

    def on_image(self, market: int, book: Book, now: int) -> None:
        """Note that a whole book replaced what was believed."""
        stall = self.watch.get(market)
        if stall is None or not book.live:
            return
        sides = ((1, stall.bids, stall.eaten_bids, book.bids), (-1, stall.asks, stall.eaten_asks, book.asks))
        for side, orders, eaten, levels in sides:
            for order in orders:
                self.model.shown(market, order, levels[order.child.price_ticks], now)
            for price in tuple(eaten):
                stall.clip(side, price, levels[price])
        self._across(market, stall, book, now)

    def on_trade(self, market: int, trade: VenueTrade, book: Book, now: int) -> None:
        """Note a public trade: it eats the queues it met, then us, best price first and then oldest first."""
        stall = self.watch.get(market)
        if stall is None or not trade.aggressor or not book.live or not self._matching(market, now):
            return
        side, lots, taken, room = -trade.aggressor, trade.size_lots, 0, trade.size_lots
        if trade.price_ticks > stall.bid if side > 0 else trade.price_ticks < stall.ask:
            return
        for order in tuple(stall.bids if side > 0 else stall.asks):
            better = side * (order.child.price_ticks - trade.price_ticks)
            got = 0
            if better >= 0 and lots:  # what did not reach an order of ours does not reach those behind it
                room = min(room, order.through(lots if better else self.model.met(market, order, lots, now)))
                got = min(order.left, room)
            if better <= 0:
                order.spared += taken
            if got:
                self._match(market, order, got, order.child.price_ticks, "maker", now)
                lots, taken, room = lots - got, taken + got, room - got
        if taken:
            self._sweep_out(market, stall)

    def on_status(self, market: int, status: VenueStatus, now: int) -> None:
        """Note a change in a market's life: its end cancels what rests; while paused nothing fills or is accepted.

        The end of a pause cancels too: queue positions are unknown then (and Kalshi cancels everything).
        """
        new, old = status.status, self.status.get(market, OPEN)
        if new < 0:
            return
        self.status[market] = new
        stall = self.watch.get(market)
        if stall is not None and (new in ENDED or (new == OPEN and old != OPEN)):
            detail = "MARKET_CLOSED" if new in ENDED else "MARKET_REACTIVATED"
            for order in (*stall.bids, *stall.asks):
                self._end(market, stall, order, "CANCELLED", detail, now)

    def on_definition(self, market: int, definition: MarketDefinition, now: int) -> bool:
        """Note what is true of an instrument; return whether its tick moved: then what rests has no price, and goes.

        What the venue has said and nobody heard yet is said in new ticks, rounded against us.
        """
        old, new = self.ticks.get(market, 0), definition.tick_micros
        self.ticks[market] = new
        if not old or old == new:
            return False
        for place, (at, number, where, what, known) in enumerate(self.queue):
            if where == market and type(what) is VenueOrderEvent:
                price = what.side * (-(-what.side * what.price_ticks * old // new))
                self.queue[place] = (at, number, where, replace(what, price_ticks=price), known)
        stall = self.watch.pop(market, None)
        for order in (*stall.bids, *stall.asks) if stall is not None else ():
            self.model.ended(market, order)
            self._say(now, market, order.child, "CANCELLED", lots=order.left, detail="TICK_CHANGED")
        return True

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _push(
        self,
        at: int,
        market: int,
        what: PlannedOrder | VenueOrderEvent | None,
        definition: MarketDefinition | None = None,
    ) -> None:
        self.number += 1
        heappush(self.queue, (at, self.number, market, what, definition))
        if at < self.next_due:
            self.next_due = at

    def _wake(self, market: int, expires_ns: int) -> None:
        """Look at a market's expiries when its first one comes; the queue holds one such moment per market."""
        if 0 < expires_ns < self.wakes.get(market, NEVER):
            self.wakes[market] = expires_ns
            self._push(expires_ns, market, None)

    def _expire(self, market: int, at: int) -> None:
        stall = self.watch.get(market)
        self.wakes.pop(market, None)
        for order in (*stall.bids, *stall.asks) if stall is not None else ():
            if stall is not None and 0 < order.child.expires_ns <= at:
                self._end(market, stall, order, "EXPIRED", "", at)
            else:
                self._wake(market, order.child.expires_ns)

    def _back_at(self, at: int) -> int:
        """Return when the venue can be heard: `at` itself, or the end of the outage that it falls into."""
        for start, end in self.outages:
            if start <= at < end:
                at = end
        return at

    def _matching(self, market: int, now: int) -> bool:
        """True while the market is open and the venue in reach."""
        return self.status.get(market, OPEN) == OPEN and (not self.outages or self._back_at(now) == now)

    def _lose(self, market: int, child: PlannedOrder, at: int) -> None:
        """Drop what was sent into an outage; that it never arrived is known when the venue is back."""
        event = "CANCEL_REJECT" if child.action == CANCEL else "REJECT"
        self._say(self._back_at(at), market, child, event, detail="NEVER_ARRIVED")

    def _return(self, book_of: BookOf, at: int) -> None:
        """End an outage: state again what rests, as a list of open orders would, and match what stands across it."""
        for market, stall in tuple(self.watch.items()):
            for order in (*stall.bids, *stall.asks):
                self._say(at, market, order.child, "ACK", queue=order.ahead)
            self._across(market, stall, book_of(market), at)

    def _say(
        self, at: int, market: int, child: PlannedOrder, event: str, lots: int = 0, queue: int = 0, detail: str = ""
    ) -> None:
        """Send the venue's word on an order; it is heard after the latency of an acknowledgement, or an outage."""
        cid, side, price, lots = child.client_order_id, child.side, child.price_ticks, lots or child.size_lots
        said = VenueOrderEvent(cid, "P" + cid, child.market_id, event, side, price, lots, "", "", 0, queue, detail)
        self._push(self._back_at(at + self.acks_ns), market, said)

    def _match(self, market: int, order: Resting, lots: int, price: int, liquidity: str, at: int) -> None:
        """Fill an order; the trade's id is the order's id and the number of its match."""
        cid, side, market_id = order.child.client_order_id, order.child.side, order.child.market_id
        made, tick, lot = liquidity == "maker", order.definition.tick_micros, order.definition.lot_micros
        fee, order.carry = charge(order.definition.fee, made, side, price * tick, lots, lot, order.carry)
        order.left -= lots
        order.matches += 1
        trade_id = f"{cid}.{order.matches}"
        said = VenueOrderEvent(cid, "P" + cid, market_id, "MATCH", side, price, lots, trade_id, liquidity, fee, 0, "")
        self._push(self._back_at(at + self.acks_ns), market, said)

    def _end(self, market: int, stall: Stall, order: Resting, event: str, detail: str, at: int) -> None:
        """End a resting order; a market in which nothing rests and nothing is eaten is forgotten."""
        stall.drop(order)
        self.model.ended(market, order)
        self._say(at, market, order.child, event, lots=order.left, detail=detail)
        if not stall.prices:
            del self.watch[market]

    def _refusal(
        self, market: int, child: PlannedOrder, definition: MarketDefinition, book: Book, stall: Stall, at: int
    ) -> str:
        """Return the venue's word for why it refuses an order, or nothing."""
        price, side, over = child.price_ticks, child.side, 0 < definition.expiry_ns <= at
        if over or definition.status != OPEN or self.status.get(market, OPEN) != OPEN:
            return "MARKET_INACTIVE"
        if not book.live:
            return "BOOK_UNUSABLE"
        if not is_linear(definition):
            return "INVERSE_UNSUPPORTED"
        if self.ticks.get(market, definition.tick_micros) != definition.tick_micros:
            return "TICK_CHANGED"
        if not 0 < price <= book.grid or (definition.grid_ticks and price >= definition.grid_ticks):
            return "BAD_PRICE"
        if child.size_lots < max(1, definition.min_size_lots):
            return "BELOW_MINIMUM"
        if len(stall.bids) + len(stall.asks) >= ORDERS_MAX:
            return "TOO_MANY_ORDERS"
        if stall.find(child.client_order_id) is not None:
            return "DUPLICATE_ID"
        if price >= stall.ask if side > 0 else price <= stall.bid:
            return "SELF_TRADE"
        if child.post_only and (price >= book.ask if side > 0 else price <= book.bid):
            return "POST_ONLY_CROSS"
        if child.time_in_force == "FOK":
            offers = stall.offers(side, price, child.size_lots, book)
            if sum(lots for _, lots in offers) < child.size_lots:
                return "FOK_INSUFFICIENT_VOLUME"
        return ""

    def _arrive(self, market: int, child: PlannedOrder, definition: MarketDefinition, book: Book, at: int) -> None:
        """Judge what arrives: end what is cancelled; refuse an order, or let it take, and rest with what is left."""
        stall = self.watch.get(market) or Stall()
        if child.action == CANCEL:
            known = stall.find(child.client_order_id)
            if known is not None:
                self._end(market, stall, known, "CANCELLED", "", at)
            else:
                self._say(at, market, child, "CANCEL_REJECT", detail="UNKNOWN_ORDER")
            return
        late = 0 < child.expires_ns <= at
        if child.action != PLACE:  # operations on a chain: nothing here could carry them out
            self._say(at, market, child, "REJECT", detail="OPERATION_UNSUPPORTED")
            return
        detail = "" if late else self._refusal(market, child, definition, book, stall, at)
        if late or detail:
            self._say(at, market, child, "EXPIRED" if late else "REJECT", detail=detail)
            return
        order, side, limit = Resting(child, definition), child.side, child.price_ticks
        self.model.joined(market, order, (book.bids if side > 0 else book.asks)[limit], at)
        self._say(at, market, child, "ACK", queue=order.ahead)
        if limit >= book.ask if side > 0 else limit <= book.bid:
            for price, lots in stall.offers(side, limit, child.size_lots, book):
                stall.eat(side, price, lots)
                self._match(market, order, lots, price, "taker", at)
        if order.left and child.time_in_force in ("IOC", "FOK"):
            self._say(at, market, child, "CANCELLED", lots=order.left)
        elif order.left:
            stall.add(order)
            self._wake(market, child.expires_ns)
        if stall.prices:
            self.watch[market] = stall

    def _across(self, market: int, stall: Stall, book: Book, now: int) -> None:
        """Fill what the other side stands at or through, once nothing displayed stands before us."""
        if not book.live or not self._matching(market, now):
            return
        for order in stall.bids:
            if book.bid >= order.child.price_ticks or book.ask > order.child.price_ticks:
                break
            self._comethrough(market, stall, order, book, now)
        for order in stall.asks:
            if book.ask <= order.child.price_ticks or book.bid < order.child.price_ticks:
                break
            self._comethrough(market, stall, order, book, now)
        self._sweep_out(market, stall)

    def _comethrough(self, market: int, stall: Stall, order: Resting, book: Book, now: int) -> None:
        """Fill one order at its own price by what stands across it and was not eaten yet."""
        side = order.child.side
        offers = stall.offers(side, order.child.price_ticks, order.left + order.spared, book)
        for price, lots in offers:
            stall.eat(side, price, lots)
        came = sum(lots for _, lots in offers)
        spared = min(order.spared, came)
        order.spared -= spared
        if came > spared:
            self._match(market, order, came - spared, order.child.price_ticks, "maker", now)

    def _sweep_out(self, market: int, stall: Stall) -> None:
        """Forget orders that are filled, and a market in which nothing is left to watch."""
        for order in (*stall.bids, *stall.asks):
            if not order.left:
                stall.drop(order)
                self.model.ended(market, order)
        if not stall.prices:
            self.watch.pop(market, None)
