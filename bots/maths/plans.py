"""Write a plan or one of its orders again with a part changed, field by field, as fast as a value can be built."""

from contracts.order import PLACE, ExecutionPlan, PlannedOrder


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
