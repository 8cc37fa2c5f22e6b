"""Keep Kalshi's order groups: a rolling limit of fills, beyond which every order of the group is cancelled."""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.mocks.core import OPEN, ZERO, Denied, MockFill, MockOrder, new_id
from connectors.mocks.misbehave import CANCEL_ALL, OTHER
from connectors.mocks.wire import Answer, Call, Route, number, plain

if TYPE_CHECKING:
    from connectors.mocks.kalshi import Kalshi

WINDOW_MS, LIMIT_MAX = 15_000, 1_000_000


@dataclass
class Group:
    """A group: how many contracts may be filled in 15 s, and what was."""

    group_id: str
    account: str
    limit: Decimal
    blocked: bool = False
    filled: deque[tuple[int, Decimal]] = field(default_factory=deque)


class KalshiGroups:
    """The groups of every account."""

    def __init__(self, venue: "Kalshi", api: str) -> None:
        """Take the venue, and where its interface is."""
        self.venue = venue
        self.groups: dict[str, Group] = {}
        at = f"{api}/portfolio/order_groups"
        self.routes = [
            Route("POST", f"{at}/create", OTHER, self.create),
            Route("GET", at, OTHER, self.listed),
            Route("PUT", f"{at}/{{group_id}}/trigger", CANCEL_ALL, self.trigger),
            Route("PUT", f"{at}/{{group_id}}/reset", OTHER, self.reset),
            Route("PUT", f"{at}/{{group_id}}/limit", OTHER, self.change),
        ]

    def of(self, order: MockOrder) -> Group | None:
        """Return the group that an order names. Raises Denied 404."""
        name = order.text("order_group_id")
        if not name:
            return None
        group = self.groups.get(name)
        if group is None or group.account != order.account:
            raise Denied(404, "not_found", f"order group {name} not found")
        return group

    def create(self, call: Call) -> Answer:
        """Make a group."""
        group = Group(new_id(), call.account, _limit(call.json().get("contracts_limit")))
        self.groups[group.group_id] = group
        self._tell(group, "created")
        return Answer({"order_group_id": group.group_id}, 201)

    def listed(self, call: Call) -> Answer:
        """Every group of the account."""
        mine = [group for group in self.groups.values() if group.account == call.account]
        return Answer({"order_groups": [{"id": group.group_id, "is_auto_cancel_enabled": True} for group in mine]})

    def trigger(self, call: Call) -> Answer:
        """Cancel every order of a group, and take no more until it is reset."""
        self._trigger(self._named(call))
        return Answer({})

    def reset(self, call: Call) -> Answer:
        """Begin to count anew."""
        group = self._named(call)
        group.blocked = False
        group.filled.clear()
        self._tell(group, "reset")
        return Answer({})

    def change(self, call: Call) -> Answer:
        """Set another limit."""
        group = self._named(call)
        group.limit = _limit(call.json().get("contracts_limit"))
        self._tell(group, "limit_updated")
        return Answer({})

    def filled(self, fill: MockFill) -> None:
        """Count a fill of a group's order, resting or not."""
        group = self.groups.get(fill.order.text("order_group_id"))
        if group is None:
            return
        now = self.venue.clock.ms()
        group.filled.append((now, fill.size))
        while group.filled and group.filled[0][0] <= now - WINDOW_MS:
            group.filled.popleft()
        if sum((count for _, count in group.filled), ZERO) > group.limit:
            self._trigger(group)

    def _trigger(self, group: Group) -> None:
        group.blocked = True
        for order in list(self.venue.exchange.orders.values()):
            if order.state == OPEN and order.text("order_group_id") == group.group_id:
                self.venue.exchange.cancel(order, "order_group_cancel")
        self._tell(group, "triggered")

    def _named(self, call: Call) -> Group:
        group = self.groups.get(call.parts["group_id"])
        if group is None or group.account != call.account:
            raise Denied(404, "not_found", "order group not found")
        return group

    def _tell(self, group: Group, what: str) -> None:
        self.venue.stream.group(group.account, group.group_id, what, plain(group.limit, 2))


def _limit(value: object) -> Decimal:
    limit = number(value, "contracts_limit")
    if not 1 <= limit <= LIMIT_MAX:
        raise Denied(400, "invalid_parameters", f"contracts_limit: 1 to {LIMIT_MAX}")
    return limit
