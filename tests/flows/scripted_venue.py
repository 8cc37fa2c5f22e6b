"""A venue that does what a script says, on a clock that only moves when it is told: for the submitter's tests."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from connectors.venue import (
    Abilities,
    Ambiguous,
    Final,
    Holdings,
    Page,
    Retryable,
    Terms,
    VenueFill,
    VenueOrder,
)
from contracts.order import PlannedOrder, VenueOrderEvent

SECOND_NS = 1_000_000_000
GOOD = Abilities(True, True, 0.0, 20, 0.0, 3_000)
LOOKS = replace(GOOD, refuses_repeats=False)
BLIND = replace(GOOD, finds_by_client_id=False, refuses_repeats=False)


class Clock:
    """Wall time that a test moves."""

    def __init__(self, start_ns: int = 1_760_000_000 * SECOND_NS) -> None:
        self.now_ns = start_ns

    def __call__(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += int(seconds * SECOND_NS)


@dataclass
class ScriptedVenue:
    """One account at one venue. `script` names what becomes of the next sends; empty: accepted and answered.

    lost       accepted, and the answer is lost        dropped   never arrives, and nobody knows
    late       arrives just inside its window, nobody knows    busy      refused for now, by proof
    no         refused for good                        taken     filled at once
    """

    clock: Clock
    can: Abilities = GOOD
    venue_id: str = "kalshi"
    script: list[str] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)
    calls: list[tuple[str, str]] = field(default_factory=list)
    orders: dict[str, VenueOrder] = field(default_factory=dict)
    trades: list[VenueFill] = field(default_factory=list)
    later: list[tuple[int, PlannedOrder]] = field(default_factory=list)
    pushed: list[VenueOrderEvent | VenueFill] = field(default_factory=list)
    down: bool = False
    whole: bool = True
    cash_micros: int = 10_000_000_000
    positions: dict[str, int] = field(default_factory=dict)
    error_ns: int = 0
    on_place: Callable[[], None] = lambda: None
    renewed: list[int] = field(default_factory=list)
    cancel_all_works: bool = True

    def _ask(self, what: str, about: str = "") -> None:
        self.calls.append((what, about))
        self._arrivals()
        if self.down:
            raise Ambiguous(f"{what}: no answer", "timeout")

    def _arrivals(self) -> None:
        due = [each for each in self.later if each[0] <= self.clock()]
        self.later = [each for each in self.later if each[0] > self.clock()]
        for _, order in due:
            self._accept(order)

    def _accept(self, order: PlannedOrder) -> VenueOrder:
        known = next((o for o in self.orders.values() if o.client_order_id == order.client_order_id), None)
        if known is not None and self.can.refuses_repeats:
            return known
        self.accepted[order.client_order_id] += 1
        made = VenueOrder(
            order.client_order_id, f"V{len(self.orders) + 1}", order.market_id, "RESTING", order.side,
            order.price_ticks, order.size_lots, 0,
        )  # fmt: skip
        self.orders[made.venue_order_id] = made
        return made

    def place(self, order: PlannedOrder, terms: Terms) -> VenueOrder:
        self._ask("place", order.client_order_id)
        self.on_place()
        what = self.script.pop(0) if self.script else "ok"
        if what == "dropped":
            raise Ambiguous("place: no answer", "timeout")
        if what == "late":
            self.later.append((self.clock() + self.can.window_ms * 900_000, order))
            raise Ambiguous("place: no answer", "timeout")
        if what == "busy":
            raise Retryable("place: too many requests", "429", 0.5)
        if what == "no":
            raise Final("place: not enough balance", "insufficient_balance")
        made = self._accept(order)
        if what == "lost":
            raise Ambiguous("place: connection reset", "reset")
        return self.fill(made.venue_order_id, order.size_lots) if what == "taken" else made

    def fill(self, venue_order_id: str, lots: int, settled: bool = True) -> VenueOrder:
        """Let somebody take from an order."""
        order = self.orders[venue_order_id]
        filled = order.filled_lots + lots
        state = "FILLED" if filled == order.size_lots else "RESTING"
        self.orders[venue_order_id] = replace(order, filled_lots=filled, state=state)
        self.trades.append(
            VenueFill(
                f"T{len(self.trades) + 1}",
                venue_order_id,
                "",
                order.market_id,
                order.side,
                order.price_ticks,
                lots,
                0,
                "maker",
                self.clock(),
                settled,
            )
        )
        self.positions[order.market_id] = self.positions.get(order.market_id, 0) + order.side * lots
        return self.orders[venue_order_id]

    def cancel(self, venue_order_id: str, terms: Terms) -> VenueOrder | None:
        self._ask("cancel", venue_order_id)
        order = self.orders.get(venue_order_id)
        if order is None:
            return None
        if order.state == "RESTING":
            self.orders[venue_order_id] = replace(order, state="CANCELLED")
        return self.orders[venue_order_id]

    def cancel_all(self, market_id: str = "") -> int:
        self._ask("cancel_all", market_id)
        if not self.cancel_all_works:
            raise Final("cancel all: not here", "404")
        resting = [key for key, order in self.orders.items() if order.state == "RESTING"]
        for key in resting:
            self.orders[key] = replace(self.orders[key], state="CANCELLED")
        return len(resting)

    def find(self, client_order_id: str, terms: Terms) -> VenueOrder | None:
        self._ask("find", client_order_id)
        return next((o for o in self.orders.values() if o.client_order_id == client_order_id), None)

    def open_orders(self) -> Page:
        self._ask("open_orders")
        resting = tuple(order for order in self.orders.values() if order.state == "RESTING")
        rows = resting if self.can.finds_by_client_id else tuple(replace(o, client_order_id="") for o in resting)
        return Page(rows, self.whole)

    def fills(self, since_ns: int) -> Page:
        self._ask("fills")
        return Page(tuple(fill for fill in self.trades if fill.at_ns >= since_ns), self.whole)

    def holdings(self) -> Holdings:
        self._ask("holdings")
        return Holdings(self.cash_micros, tuple(self.positions.items()), self.whole)

    def server_time_ns(self) -> int:
        self._ask("time")
        return self.clock() + self.error_ns

    def arm(self) -> None:
        self._ask("arm")
        self.renewed.append(self.clock())

    def events(self, timeout_s: float) -> list[VenueOrderEvent | VenueFill]:
        said, self.pushed = self.pushed, []
        return said

    def close(self) -> None:
        pass
