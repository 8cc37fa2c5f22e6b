"""Own every change of a resting order: is it worth it, is the last one through, and was its cancel heard.

Says    Each plan as it is, or without the replacement of a quote that gains less than its place in the queue is worth
        (EXEC_AMEND_SKIPPED), and without a quote on a side where an older change is still in flight, of which only the
        cancels go; a note when a change is confirmed (EXEC_AMEND_DONE). Between plans: cancels again that were not
        confirmed in time, then of every order of the market (EXEC_CANCEL_ESCALATED), then an IncidentReport, and no new
        order there (EXEC_CANCEL_UNCONFIRMED). When everything must go (SafetyState.cancel_all), cancels of all at once.
Why     A place in the queue is worth money, and two changes of one order at a time make its state a guess. No venue is
        amended here: a change is a cancel and an order in one plan. A smaller size or a worse price always goes
        through, and a cancel too. What is held back is not kept: the strategy sees its older order answered and asks
        anew at the price of that moment, which is newer than any that waited. Arithmetic: bots/maths/changes.py.
Source  Moallemi and Yuan 2016; bots/library.toml.
"""

from typing import Annotated

from msgspec.structs import replace

from bots.kit import (
    Book,
    BotConfig,
    Cause,
    DeskContext,
    Instant,
    Latest,
    Millis,
    Number,
    On,
    Prob,
    Signal,
    State,
    Within,
    fold,
)
from bots.maths import changes as c
from bots.maths.plans import hashed
from bots.maths.queues import Place
from bots.maths.taking_back import taken_back
from contracts.control import IncidentReport, SafetyState
from contracts.intent import QUOTE, BotNote
from contracts.market import ClockTick, MarketDefinition, TradePrint
from contracts.order import CANCEL, PLACE, ExecutionPlan, OrderUpdate, OwnOrders, PlannedOrder
from contracts.reasons import EXEC_AMEND_DONE, EXEC_AMEND_SKIPPED, EXEC_CANCEL_ESCALATED, EXEC_CANCEL_UNCONFIRMED
from contracts.signal import FairValue, SignalReport

BOT_ID, MS = "exec.order_amend_cancel_manager", 1_000_000
IN_FLIGHT = frozenset({"PENDING_SUBMIT", "PENDING_CANCEL"})


class Config(BotConfig):
    """replace_cost of a change; cancel_timeout_ms without an answer; max_retries of a cancel."""

    replace_cost: Prob = 500
    cancel_timeout_ms: Millis = 2_000
    max_retries: Number = 3


class Desk(State):
    """Changes so far and those in flight, orders on their way out, and our places in the queues of this market."""

    number: int = 0
    changes: tuple[c.Change, ...] = ()
    leaving: tuple[c.Leaving, ...] = ()
    places: tuple[Place, ...] = ()


def refine(
    config: Config,
    state: Desk,
    plan: On[ExecutionPlan],
    own: Latest[OwnOrders | None],
    book: Latest[Book],
    definition: Latest[MarketDefinition | None],
    fair: Annotated[Latest[FairValue | None], Within(ms=10_000)],
    fill: Annotated[Latest[SignalReport | None], Signal("fill_probability"), Within(ms=10_000)],
    now: Instant,
) -> tuple[Desk, ExecutionPlan]:
    """Let a plan's changes through, one at a time for each order, or keep what they would replace."""
    placed = [child for child in plan.children if child.action == PLACE]
    if not placed:
        return state, plan
    if any(order.is_told for order in state.leaving):
        return state, _without(plan, tuple(placed), EXEC_CANCEL_UNCONFIRMED)
    if plan.intent_kind != QUOTE or own is None or not own.orders or definition is None:
        return state, plan
    ours = {order.client_order_id: order for order in own.orders if order.strategy == plan.strategy}
    out: tuple[PlannedOrder, ...] = ()
    for child in placed:
        going = [gone for gone in plan.children if gone.action == CANCEL and gone.side == child.side]
        if any(order.side == child.side and order.state in IN_FLIGHT for order in ours.values()):
            out = (*out, child)
            continue
        alone = len(going) == 1 and sum(other.side == child.side for other in placed) == 1
        old = ours.get(going[0].client_order_id) if alone else None
        if old is None:
            continue
        worth = c.weighed(state.places, old, child, book, definition, fair, fill, config.replace_cost)
        if worth is not None and worth.gain <= worth.cost:
            out = (*out, going[0], child)
            continue
        change = c.Change(state.number + 1, old.client_order_id, child.client_order_id)
        state = replace(state, number=change.number, changes=(*state.changes[1 - c.CHANGES_MAX :], change))
    return state, _without(plan, out, EXEC_AMEND_SKIPPED) if out else plan


def trade(config: Config, state: Desk, seen: On[TradePrint], now: Instant) -> Desk:
    """Let a public trade eat the queues before our orders."""
    return replace(state, places=c.traded(state.places, seen)) if state.places else state


def follow(
    config: Config, state: Desk, update: On[OrderUpdate], book: Latest[Book], now: Instant
) -> tuple[Desk, BotNote | None]:
    """Take in what became of an order; say when a change is through."""
    places, leaving = c.placed(state.places, update, book, now), c.leaving(state.leaving, update, now)
    changes, done = c.confirmed(state.changes, update)
    said = BotNote(EXEC_AMEND_DONE, done.number, state.number) if done is not None else None
    return Desk(state.number, changes, leaving, places), said


def wait(
    config: Config,
    state: Desk,
    tick: On[ClockTick],
    own: Latest[OwnOrders | None],
    safety: Latest[SafetyState | None],
    definition: Latest[MarketDefinition],
    desk: Latest[DeskContext],
    cause: Latest[Cause],
    now: Instant,
) -> tuple[Desk, ExecutionPlan | None]:
    """Send cancels again that nobody answered, and all of them when everything must go."""
    if own is None or not own.orders:
        return state, None
    timeout = config.cancel_timeout_ms * MS
    due = {order.client_order_id: c.step(order, now, timeout, config.max_retries) for order in state.leaving}
    everything = c.EVERYTHING in due.values()
    stop = safety is not None and safety.cancel_all
    going = [
        order
        for order in own.orders
        if everything or due.get(order.client_order_id) == c.AGAIN or (stop and order.state != "PENDING_CANCEL")
    ]
    names = frozenset(order.client_order_id for order in going)
    state = replace(state, leaving=c.sent(state.leaving, names, now, everything=everything)) if names else state
    reason = EXEC_CANCEL_ESCALATED if everything or stop else EXEC_CANCEL_UNCONFIRMED
    return state, taken_back(going, definition, desk, cause, BOT_ID, "tick", reason)


def alarm(
    config: Config, state: Desk, tick: On[ClockTick], definition: Latest[MarketDefinition], now: Instant
) -> tuple[Desk, IncidentReport | None]:
    """Tell a person, once for each order, that a cancel of the whole market was not confirmed."""
    for order in state.leaving:
        if c.step(order, now, config.cancel_timeout_ms * MS, config.max_retries) == c.NOBODY_KNOWS:
            rest = tuple(replace(o, is_told=True) if o is order else o for o in state.leaving)
            name, where = order.client_order_id, definition.market_id
            head = (f"{BOT_ID}:{name}"[:128], "market", "unconfirmed_cancel", "P1", (where, name), BOT_ID)
            return replace(state, leaving=rest), IncidentReport(*head, EXEC_CANCEL_UNCONFIRMED)
    return state, None


def _without(plan: ExecutionPlan, out: tuple[PlannedOrder, ...], reason: str) -> ExecutionPlan:
    return hashed(plan, tuple(child for child in plan.children if child not in out), reason)


BOT = fold(
    refine,
    trade,
    follow,
    wait,
    alarm,
    reasons={EXEC_AMEND_DONE, EXEC_AMEND_SKIPPED, EXEC_CANCEL_ESCALATED, EXEC_CANCEL_UNCONFIRMED},
)
