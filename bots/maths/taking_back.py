"""Write the plan that takes orders back: cancels and nothing else, which no guard may hold."""

from collections.abc import Sequence

from bots.kit import DeskContext
from bots.maths.routing import cancel
from contracts.ids import intent_id
from contracts.intent import WITHDRAW
from contracts.market import MarketDefinition
from contracts.order import ExecutionPlan, OrderUpdate


def taken_back(
    orders: Sequence[OrderUpdate],
    definition: MarketDefinition,
    desk: DeskContext,
    cause: int,
    bot_id: str,
    trigger: str,
    reason: str,
) -> ExecutionPlan | None:
    """Return a plan that cancels orders of one market; None when there are none.

    `trigger` tells apart what one fact triggered in a bot; the plan's name follows from it, the desk and the market.
    """
    if not orders:
        return None
    going = tuple(cancel(order, definition.venue_id, number, desk.builder_code) for number, order in enumerate(orders))
    name = intent_id(desk.desk_id, cause, bot_id, f"{definition.market_id}/{trigger}")
    return ExecutionPlan("p" + name, "", name, orders[0].strategy, WITHDRAW, "CANCEL", going, 0, 0, 0, (reason,))
