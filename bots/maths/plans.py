"""Write a plan or one of its orders again with a part changed, field by field, as fast as a value can be built."""

from hashlib import sha256

from msgspec import json

from contracts.order import PLACE, ExecutionPlan, PlannedOrder

ENCODE = json.Encoder().encode
GENERATION = 32
"""Orders of an intent are numbered from 0, those of a later plan for the rest of it from the next multiple of this."""


def refined(plan: ExecutionPlan, children: tuple[PlannedOrder, ...], reason: str, plan_hash: str = "") -> ExecutionPlan:
    """Return a plan with other children, a further reason, and the hash of what it does now."""
    return ExecutionPlan(
        plan.plan_id,
        plan_hash,
        plan.intent_id,
        plan.strategy,
        plan.intent_kind,
        plan.style,
        children,
        plan.cost_micros,
        plan.fill_milli,
        plan.expires_ns,
        (*plan.reasons, reason),
    )


def hashed(plan: ExecutionPlan, children: tuple[PlannedOrder, ...], reason: str) -> ExecutionPlan:
    """Return a plan whose children have their names, with the hash of what it does; without children it has none."""
    return refined(plan, children, reason, sha256(ENCODE(children)).hexdigest() if children else "")


def generation(plan: ExecutionPlan) -> int:
    """Return the number from which the orders of a plan are numbered: 0 of the first plan of an intent."""
    first = next((child.child_index for child in plan.children if child.action == PLACE), 0)
    return first - first % GENERATION


def reshaped(
    order: PlannedOrder, price_ticks: int, size_lots: int, force: str, index: int, delay_ms: int, expires_ns: int
) -> PlannedOrder:
    """Return an order that is not named yet, in the shape in which it may leave."""
    return PlannedOrder(
        PLACE,
        order.venue_id,
        order.market_id,
        order.side,
        order.order_type,
        price_ticks,
        size_lots,
        force,
        order.post_only,
        order.reduce_only,
        index,
        0,
        "",
        0,
        0,
        delay_ms,
        expires_ns,
        order.builder_code,
    )


def named(order: PlannedOrder, client_order_id: str, revision: int, salt: int, venue_ts_ms: int) -> PlannedOrder:
    """Return an order with its identity."""
    return PlannedOrder(
        order.action,
        order.venue_id,
        order.market_id,
        order.side,
        order.order_type,
        order.price_ticks,
        order.size_lots,
        order.time_in_force,
        order.post_only,
        order.reduce_only,
        order.child_index,
        revision,
        client_order_id,
        salt,
        venue_ts_ms,
        order.delay_ms,
        order.expires_ns,
        order.builder_code,
    )
