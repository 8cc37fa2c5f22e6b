"""Give every child order an identity that follows from its cause, so that no replay makes a second order.

Says    The plan with client_order_id = first 26 hex digits of H(intent, child, revision), its salt, its timestamp (plan
        time plus child_index milliseconds) and the plan's hash, on which pre-sign guards vote. A child whose identity
        is already known is dropped, and then the plan's cancels too; one whose known content differs stops the plan.
Why     A restart replays intents. The same decision must find its own order instead of sending another, and only a
        terminal REJECTED or EXPIRED, proven by the venue, frees the way to a new revision.
        26 hex digits fit every venue here, so no mapping is needed. The memory holds the last ids of a market; beyond
        it the outbox drops an id that it has seen.
Source  decisions on identity (house); facts/polymarket.md on salt and timestamp (a V2 order has no nonce).
"""

from msgspec import Struct
from msgspec.structs import replace

from bots.kit import BotConfig, Instant, Latest, Number, On, State, fold
from bots.maths.order_states import find
from bots.maths.plans import hashed, named
from contracts.ids import client_order_id, order_salt
from contracts.order import CANCEL, LIVE_STATES, ExecutionPlan, OrderUpdate, OwnOrders, PlannedOrder
from contracts.reasons import EXEC_ID_ASSIGNED, EXEC_ID_COLLISION, EXEC_ID_EXHAUSTED, EXEC_ID_REUSED

MS = 1_000_000
KNOWN_MAX = 16
FREES = frozenset({"REJECTED", "EXPIRED"})


class Config(BotConfig):
    """max_attempts: how often an order may be tried; the first attempt is revision 0."""

    max_attempts: Number = 3


class Issued(Struct, frozen=True, gc=False):
    """What an id stands for: content of the order, and its last state."""

    side: int
    price_ticks: int
    size_lots: int
    time_in_force: str
    post_only: bool
    reduce_only: bool
    state: str = "PENDING_SUBMIT"


class Known(State):
    """Ids given out in this market, newest last, and what each stands for."""

    ids: tuple[str, ...] = ()
    issued: tuple[Issued, ...] = ()


def assign(
    config: Config, state: Known, plan: On[ExecutionPlan], own: Latest[OwnOrders | None], now: Instant
) -> tuple[Known, ExecutionPlan]:
    """Name the children of a plan; cancels carry the name of what they cancel."""
    ids, issued, done, reason = state.ids, state.issued, [], EXEC_ID_ASSIGNED
    for order in plan.children:
        if order.action == CANCEL:
            done.append(order)
            continue
        revision, cid = 0, client_order_id(plan.intent_id, order.child_index, 0)
        # A name that is new, as nearly every name is, costs one look at the table.
        while (before := issued[ids.index(cid)] if cid in ids else None) is not None and before.state in FREES:
            revision += 1
            if revision >= config.max_attempts:
                break
            cid = client_order_id(plan.intent_id, order.child_index, revision)
        if revision >= config.max_attempts:
            reason = EXEC_ID_EXHAUSTED
        elif before is not None and _differs(order, before):
            return state, hashed(plan, (), EXEC_ID_COLLISION)
        elif before is not None or (own is not None and find(own.orders, cid) is not None):
            reason = EXEC_ID_REUSED
        else:
            done.append(named(order, cid, revision, order_salt(cid), now // MS + order.child_index))
            how = (order.time_in_force, order.post_only, order.reduce_only)
            fresh = Issued(order.side, order.price_ticks, order.size_lots, *how)
            ids, issued = (*ids[1 - KNOWN_MAX :], cid), (*issued[1 - KNOWN_MAX :], fresh)
    if reason == EXEC_ID_REUSED:  # the cancels of a plan that was carried out before might hit its own orders
        done = [order for order in done if order.action != CANCEL]
    return Known(ids, issued), hashed(plan, tuple(done), reason)


def follow(config: Config, state: Known, order: On[OrderUpdate], now: Instant) -> Known:
    """Note how an order ended."""
    if order.state in LIVE_STATES or order.client_order_id not in state.ids:
        return state
    place = state.ids.index(order.client_order_id)
    was = state.issued[place]
    how = (was.time_in_force, was.post_only, was.reduce_only)
    ended = Issued(was.side, was.price_ticks, was.size_lots, *how, order.state)
    return Known(state.ids, (*state.issued[:place], ended, *state.issued[place + 1 :]))


def _differs(order: PlannedOrder, known: Issued) -> bool:
    how = (order.time_in_force, order.post_only, order.reduce_only)
    return replace(known, state="") != Issued(order.side, order.price_ticks, order.size_lots, *how, "")


BOT = fold(assign, follow, reasons={EXEC_ID_ASSIGNED, EXEC_ID_REUSED, EXEC_ID_EXHAUSTED, EXEC_ID_COLLISION})
