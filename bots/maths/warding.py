"""Say which resting orders no longer serve what they were placed for.

    drift = |price - target|                    target: the newest price at which its leg was allowed to quote
    edge  = side * (fair - price)               of a binary, per contract in micros; what only reduces has no such test

An order goes when it is too old, past its intent's end, too far from its target, no longer wanted (a withdrawal, or a
younger order of its leg rests beside it), worth too little, of a strategy that does not run, or one too many on its
side: then the worst priced goes first, of equals the youngest. Prices in ticks, times in nanoseconds.
Source: catalogue rule of exec.queue_warden.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from contracts.intent import QUOTE, WITHDRAW, OrderIntent
from contracts.market import MarketDefinition
from contracts.order import LIVE_STATES, AuthorisedOrder, OrderUpdate
from contracts.signal import FairValue

GRACE_NS = 1_000_000_000  # between an end of life and the venue's word on it
RESTS = frozenset({"LIVE", "PARTIAL", "UNKNOWN"})
RUNS = "enforced"
RESTS_MAX, TARGETS_MAX, ENDED_MAX = 64, 16, 16


class Rest(Struct, frozen=True, gc=False):
    """What an order was placed for: its intent, the leg that quotes with it (empty: no quote), and its span of life."""

    client_order_id: str
    intent_id: str
    leg: str
    born_ns: int
    expires_ns: int


class Target(Struct, frozen=True, gc=False):
    """Where a leg of a strategy quotes now, by its newest allowed intent; price 0: it does not."""

    strategy: str
    leg: str
    side: int
    intent_id: str
    price_ticks: int


class Limits(NamedTuple):
    """What is allowed: age, distance in steps of the price, edge in micros a contract, orders on a side."""

    ttl_ns: int
    drift_ticks: int
    min_edge_micros: int
    max_live: int


def aimed(targets: tuple[Target, ...], wish: OrderIntent) -> tuple[Target, ...]:
    """Return the targets after an allowed intent: a quote moves its leg's, a withdrawal ends those of its side."""
    if wish.intent_kind == WITHDRAW:
        ended = (wish.strategy, wish.side)
        return tuple(replace(t, price_ticks=0) if (t.strategy, t.side) == ended else t for t in targets)
    if wish.intent_kind != QUOTE:
        return targets
    rest = tuple(t for t in targets if (t.strategy, t.leg) != (wish.strategy, wish.leg))
    fresh = Target(wish.strategy, wish.leg, wish.side, wish.intent_id, wish.price_ticks)
    return (*rest[1 - TARGETS_MAX :], fresh)


def entered(rests: tuple[Rest, ...], targets: tuple[Target, ...], order: AuthorisedOrder, now: int) -> tuple[Rest, ...]:
    """Return what rests with one more order."""
    leg = next((t.leg for t in targets if t.intent_id == order.intent_id), "")
    fresh = Rest(order.child.client_order_id, order.intent_id, leg, now, order.child.expires_ns)
    return (*rests[1 - RESTS_MAX :], fresh)


def useless(
    orders: Sequence[OrderUpdate],
    rests: Sequence[Rest],
    targets: Sequence[Target],
    definition: MarketDefinition,
    fair: FairValue | None,
    modes: Sequence[tuple[str, str]],
    limits: Limits,
    now: int,
) -> tuple[OrderUpdate, ...]:
    """Return the orders that must go. `modes` are the desk's bots; empty: not known, and then nobody is missed."""
    known = {rest.client_order_id: rest for rest in rests}
    running, going = dict(modes), []
    for order in orders:
        if order.state not in RESTS:
            continue
        rest = known.get(order.client_order_id)
        idle = bool(running) and running.get(order.strategy) != RUNS
        useless_now = idle or _is_over(order, rest, limits.ttl_ns, now) or _is_poor(order, definition, fair, limits)
        if rest is not None and rest.leg:
            useless_now = useless_now or _is_astray(order, rest, orders, known, targets, definition, limits)
        if useless_now:
            going.append(order)
    return (*going, *_excess(orders, going, limits.max_live))


def is_orphan(order: OrderUpdate, modes: Sequence[tuple[str, str]]) -> bool:
    """True for an order of somebody who is no bot of this desk."""
    return bool(modes) and all(bot_id != order.strategy for bot_id, _ in modes)


def _is_over(order: OrderUpdate, rest: Rest | None, ttl_ns: int, now: int) -> bool:
    born = rest.born_ns if rest is not None else order.since_ns
    return now - born > ttl_ns or (rest is not None and 0 < rest.expires_ns < now - GRACE_NS)


def _is_poor(order: OrderUpdate, definition: MarketDefinition, fair: FairValue | None, limits: Limits) -> bool:
    """True when a quote earns too little against the fair value, or nobody knows what it is."""
    if order.reduce_only or definition.instrument_kind:
        return False
    if fair is None:
        return True
    return order.side * (fair.p_micros - order.price_ticks * definition.tick_micros) < limits.min_edge_micros


def _is_astray(
    order: OrderUpdate,
    rest: Rest,
    orders: Sequence[OrderUpdate],
    known: dict[str, Rest],
    targets: Sequence[Target],
    definition: MarketDefinition,
    limits: Limits,
) -> bool:
    target = next((t for t in targets if (t.strategy, t.leg) == (order.strategy, rest.leg)), None)
    if target is None or not target.price_ticks:
        return True
    step = definition.step_ticks(target.price_ticks) if definition.price_bands else 1
    if abs(order.price_ticks - target.price_ticks) > limits.drift_ticks * step:
        return True
    others = (known.get(o.client_order_id) for o in orders if o.state in RESTS and o.strategy == order.strategy)
    return any(
        o is not None and o.leg == rest.leg and o.intent_id != rest.intent_id and o.born_ns > rest.born_ns
        for o in others
    )


def _excess(orders: Sequence[OrderUpdate], going: Sequence[OrderUpdate], max_live: int) -> list[OrderUpdate]:
    found: list[OrderUpdate] = []
    for side in (1, -1):
        staying = [o for o in orders if o.side == side and o.state != "PENDING_CANCEL" and o not in going]
        staying = [o for o in staying if o.state in LIVE_STATES]
        worst = sorted((o for o in staying if o.state in RESTS), key=lambda o: (side * o.price_ticks, -o.since_ns))
        found += worst[: max(0, len(staying) - max_live)]
    return found
