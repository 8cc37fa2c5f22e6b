"""Decide what happens to the unfilled rest of an order: hold it, chase the market with it, or take it back.

Says    After a fill, and while such a rest stands whenever the market moves or its time runs short: a note that it is
        held (EXEC_PARTIAL_HOLD), or a plan that takes it back, because it is to follow the market (EXEC_PARTIAL_CHASE),
        is not worth its risk any more or too small (EXEC_PARTIAL_CANCEL), or nobody can say (EXEC_PARTIAL_UNKNOWN).
        When what is to follow is proven to be gone, a plan for what was left of it, at the next price, judged again.
        Arithmetic: bots/maths/remainders.py.
Why     The rest of a fill is what the market did not want to take at once, so it is judged anew. First the cancel and
        then the order: both at once could fill twice, and never is more in the market than was approved. A chase stays
        under its intent, inside the limit that was voted on, and is voted on again before it leaves. The other side of
        a two-sided quote is left to its strategy, whose next quote follows its position: nothing here may enlarge.
Source  bots/library.toml.
"""

from typing import Annotated

from msgspec.structs import replace

from bots.kit import (
    Book,
    BotConfig,
    Cause,
    ConfirmedAt,
    DeskContext,
    Instant,
    Latest,
    Number,
    On,
    Prob,
    Seconds,
    Signal,
    State,
    Within,
    fold,
)
from bots.maths import remainders as r
from bots.maths.taking_back import taken_back
from contracts.intent import ApprovedIntent, BotNote
from contracts.market import ClockTick, MarketDefinition, MarketSnapshot
from contracts.order import LIVE_STATES, ExecutionPlan, Fill, OrderUpdate, OwnOrders
from contracts.reasons import EXEC_PARTIAL_CANCEL, EXEC_PARTIAL_CHASE, EXEC_PARTIAL_HOLD, EXEC_PARTIAL_UNKNOWN
from contracts.signal import FairValue, SignalReport

BOT_ID, SECOND_NS, BOOK_NS, FAIR_MS = "exec.partial_fill_handler", 1_000_000_000, 500_000_000, 10_000
SAYS = (EXEC_PARTIAL_HOLD, EXEC_PARTIAL_CHASE, EXEC_PARTIAL_CANCEL, EXEC_PARTIAL_UNKNOWN)
Fair = Annotated[Latest[FairValue | None], Within(ms=FAIR_MS)]


class Config(BotConfig):
    """t_hold_s of time left to hold; chase_max_ticks (steps) and max_chases of an intent; min_edge after a chase."""

    t_hold_s: Seconds = 5
    chase_max_ticks: Number = 2
    min_edge: Prob = 10_000
    max_chases: Number = 2

    @property
    def limits(self) -> r.Limits:
        """The same in the units of the arithmetic."""
        return r.Limits(self.t_hold_s * SECOND_NS, self.chase_max_ticks, self.min_edge, self.max_chases)


class Rests(State):
    """What was approved last, the orders that rest for it and others, and the one that follows the market now."""

    approved: ApprovedIntent | None = None
    parts: tuple[r.Part, ...] = ()
    following: r.Part | None = None


def note(config: Config, state: Rests, approved: On[ApprovedIntent], now: Instant) -> Rests:
    """Keep what was approved, for its plan."""
    return replace(state, approved=approved)


def enter(
    config: Config,
    state: Rests,
    plan: On[ExecutionPlan],
    cost: Annotated[Latest[SignalReport | None], Signal("cost")],
    now: Instant,
) -> tuple[Rests, ExecutionPlan]:
    """Note the orders of a plan that will rest; the plan passes as it is."""
    past, approved = state.following, state.approved
    if past is not None and past.wish.intent_id == plan.intent_id:
        parts = r.entered(state.parts, plan, past.wish, past.cost_micros, past.chases + 1)
        return replace(state, parts=parts, following=None), plan
    if approved is None or approved.intent.intent_id != plan.intent_id:
        return state, plan
    parts = r.entered(state.parts, plan, approved.intent, r.spent(plan, cost))
    return (replace(state, parts=parts) if parts is not state.parts else state), plan


def look(
    config: Config,
    state: Rests,
    trigger: On[Fill | MarketSnapshot | ClockTick],
    own: Latest[OwnOrders | None],
    book: Latest[Book],
    book_at: Latest[ConfirmedAt],
    definition: Latest[MarketDefinition],
    fair: Fair,
    desk: Latest[DeskContext],
    cause: Latest[Cause],
    now: Instant,
) -> tuple[Rests, ExecutionPlan | BotNote | None]:
    """Judge the rests of this market; at a tick only those whose time runs short."""
    if not state.parts or own is None:
        return state, None
    parts, verdicts, going = state.parts, [], []
    for order in own.orders:
        part = r.find(parts, order.client_order_id) if order.state == "PARTIAL" else None
        if part is None or part.is_chased:
            continue
        if type(trigger) is ClockTick and r.left_ns(part, now, config.limits.hold_ns) > config.limits.hold_ns:
            continue
        verdict = r.judged(part, order, book, now - book_at, BOOK_NS, definition, fair, config.limits, now)
        verdicts.append(verdict)
        if verdict.what != r.HOLD:
            going.append(order)
            parts = r.marked(parts, part, is_chased=True) if verdict.what == r.CHASE else parts
    if going:
        name, worst = type(trigger).__name__, SAYS[max(verdicts).what]
        return replace(state, parts=parts), taken_back(going, definition, desk, cause, BOT_ID, name, worst)
    is_said = verdicts and type(trigger) is Fill
    return state, BotNote(EXEC_PARTIAL_HOLD, min(verdicts).seen) if is_said else None


def follow(
    config: Config,
    state: Rests,
    update: On[OrderUpdate],
    book: Latest[Book],
    book_at: Latest[ConfirmedAt],
    definition: Latest[MarketDefinition],
    fair: Fair,
    now: Instant,
) -> tuple[Rests, ExecutionPlan | BotNote | None]:
    """Let go an order that ended; where it was to follow the market, send what was left of it, judged again."""
    part = r.find(state.parts, update.client_order_id)
    if part is None:
        return state, None
    if update.state in LIVE_STATES:
        refused = part.is_chased and update.state == "PARTIAL"
        return (replace(state, parts=r.marked(state.parts, part, is_chased=False)) if refused else state), None
    state = replace(state, parts=tuple(other for other in state.parts if other is not part))
    if not part.is_chased or update.state != "CANCELLED":
        return state, None
    verdict = r.judged(part, update, book, now - book_at, BOOK_NS, definition, fair, config.limits, now)
    if verdict.what in (r.TAKE_BACK, r.UNKNOWN):
        return state, BotNote(SAYS[verdict.what], verdict.seen, verdict.limit)
    price = verdict.price_ticks or update.price_ticks  # the market came back: where it stood is right again
    plan = r.chased(part, price, update.size_lots - update.filled_lots, EXEC_PARTIAL_CHASE)
    return replace(state, following=part), plan


BOT = fold(
    note,
    enter,
    look,
    follow,
    reasons={EXEC_PARTIAL_HOLD, EXEC_PARTIAL_CHASE, EXEC_PARTIAL_CANCEL, EXEC_PARTIAL_UNKNOWN},
)
