"""Take back resting orders that no longer serve what they were placed for.

Says    A plan of cancels: at a tick for what is too old, drifted, superseded, worth too little, of a strategy that does
        not run, or one too many (EXEC_REST_TRIMMED); for everything that rests when there was no snapshot for two
        seconds (EXEC_REST_BLIND); and at once for an order that the venue has and the desk does not know, or believes
        to have ended (EXEC_REST_ORPHAN). A note when all that rests is in order. Rules: bots/maths/warding.py.
Why     A forgotten order is an option that others hold for nothing. What was asked for is remembered, so no cancel is
        asked for at every tick: it is asked for again after ten seconds if the order still rests then and no cancel of
        it is on its way, for its plan may have been lost on its way out. An order on its way out belongs to
        exec.order_amend_cancel_manager, one without an answer to exec.pending_submit_reconciler. An id that the account
        lists and this market never had may be another desk's: gov.reconciler opens a case on it.
Source  bots/library.toml.
"""

from typing import Annotated

from msgspec import Struct
from msgspec.structs import replace

from bots.kit import (
    BotConfig,
    Cause,
    DeskContext,
    Instant,
    Latest,
    Number,
    On,
    Prob,
    Seconds,
    State,
    Within,
    fold,
)
from bots.maths import warding as w
from bots.maths.order_states import find
from bots.maths.taking_back import taken_back
from contracts.control import DeskConfigured
from contracts.intent import ApprovedIntent, BotNote
from contracts.market import ClockTick, MarketDefinition, MarketSnapshot
from contracts.order import (
    LIVE_STATES,
    PLACE,
    AccountSnapshot,
    AuthorisedOrder,
    ExecutionPlan,
    OrderUpdate,
    OwnOrders,
    VenueOrderEvent,
)
from contracts.reasons import EXEC_REST_BLIND, EXEC_REST_OK, EXEC_REST_ORPHAN, EXEC_REST_TRIMMED
from contracts.signal import FairValue

BOT_ID, SECOND_NS, AGAIN_NS = "exec.queue_warden", 1_000_000_000, 10_000_000_000
SNAPSHOT_MS, FAIR_MS = 2_000, 10_000


class Config(BotConfig):
    """ttl_s of an order; drift_ticks from its target; min_quote_edge against fair value; max_live on a side."""

    ttl_s: Seconds = 300
    drift_ticks: Number = 3
    min_quote_edge: Prob = 2_000
    max_live: Number = 3


class Asked(Struct, frozen=True, gc=False):
    """A cancel that was asked for, and when."""

    client_order_id: str
    at_ns: int


class Ward(State):
    """Where legs quote, what rests for what, what ended lately, and the cancels asked for."""

    targets: tuple[w.Target, ...] = ()
    rests: tuple[w.Rest, ...] = ()
    ended: tuple[OrderUpdate, ...] = ()
    asked: tuple[Asked, ...] = ()


def aim(config: Config, state: Ward, approved: On[ApprovedIntent], now: Instant) -> Ward:
    """Note where a leg quotes from now on."""
    return replace(state, targets=w.aimed(state.targets, approved.intent))


def enter(config: Config, state: Ward, order: On[AuthorisedOrder], now: Instant) -> Ward:
    """Note what an order is for."""
    if order.child.action != PLACE:
        return state
    return replace(state, rests=w.entered(state.rests, state.targets, order, now))


def follow(config: Config, state: Ward, update: On[OrderUpdate], now: Instant) -> Ward:
    """Let go an order that ended."""
    if update.state in LIVE_STATES:
        return state
    name = update.client_order_id
    rests = tuple(rest for rest in state.rests if rest.client_order_id != name)
    ended = (*(old for old in state.ended[1 - w.ENDED_MAX :] if old.client_order_id != name), update)
    return Ward(state.targets, rests, ended, tuple(asked for asked in state.asked if asked.client_order_id != name))


def look(
    config: Config,
    state: Ward,
    tick: On[ClockTick],
    own: Latest[OwnOrders | None],
    snap: Annotated[Latest[MarketSnapshot | None], Within(ms=SNAPSHOT_MS)],
    fair: Annotated[Latest[FairValue | None], Within(ms=FAIR_MS)],
    definition: Latest[MarketDefinition],
    configured: Latest[DeskConfigured | None],
    desk: Latest[DeskContext],
    cause: Latest[Cause],
    now: Instant,
) -> tuple[Ward, ExecutionPlan | BotNote | None]:
    """Look at all that rests."""
    if own is None or not own.orders:
        return state, None
    modes = configured.bot_modes if configured is not None else ()
    limits = w.Limits(config.ttl_s * SECOND_NS, config.drift_ticks, config.min_quote_edge, config.max_live)
    if snap is None:
        going, reason = tuple(order for order in own.orders if order.state in w.RESTS), EXEC_REST_BLIND
    else:
        going = w.useless(own.orders, state.rests, state.targets, definition, fair, modes, limits, now)
        reason = EXEC_REST_ORPHAN if any(w.is_orphan(order, modes) for order in going) else EXEC_REST_TRIMMED
    if not going:
        return state, BotNote(EXEC_REST_OK)
    return _going(state, going, definition, desk, cause, "tick", reason, now)


def unknown(
    config: Config,
    state: Ward,
    event: On[VenueOrderEvent],
    own: Latest[OwnOrders | None],
    definition: Latest[MarketDefinition],
    desk: Latest[DeskContext],
    cause: Latest[Cause],
    now: Instant,
) -> tuple[Ward, ExecutionPlan | None]:
    """Take back an order that the venue has acknowledged and nobody here has sent."""
    name, ours = event.client_order_id, own.orders if own is not None else ()
    if event.event != "ACK" or find(ours, name) or find(state.ended, name):
        return state, None
    if any(rest.client_order_id == name for rest in state.rests):
        return state, None
    head = (name, event.venue_order_id, event.market_id, BOT_ID, event.side, event.price_ticks, event.size_lots)
    ghost = OrderUpdate(*head, 0, False, "UNKNOWN", now, EXEC_REST_ORPHAN)
    return _going(state, (ghost,), definition, desk, cause, "event", EXEC_REST_ORPHAN, now)


def listed(
    config: Config,
    state: Ward,
    account: On[AccountSnapshot],
    definition: Latest[MarketDefinition],
    desk: Latest[DeskContext],
    cause: Latest[Cause],
    now: Instant,
) -> tuple[Ward, ExecutionPlan | None]:
    """Take back an order that ended here before a snapshot was taken which lists it as resting."""
    if not state.ended or not account.complete or account.account != desk.account:
        return state, None
    open_orders = frozenset(account.open_orders)
    ghosts = tuple(o for o in state.ended if o.client_order_id in open_orders and o.since_ns < account.taken_ns)
    return _going(state, ghosts, definition, desk, cause, "account", EXEC_REST_ORPHAN, now)


def _going(
    state: Ward,
    orders: tuple[OrderUpdate, ...],
    definition: MarketDefinition,
    desk: DeskContext,
    cause: int,
    trigger: str,
    reason: str,
    now: int,
) -> tuple[Ward, ExecutionPlan | None]:
    """Ask for the cancels that were not asked for lately, and remember them."""
    asked = tuple(old for old in state.asked if now - old.at_ns < AGAIN_NS)
    lately = {old.client_order_id for old in asked}
    fresh = tuple(order for order in orders if order.client_order_id not in lately)
    said = taken_back(fresh, definition, desk, cause, BOT_ID, trigger, reason)
    return replace(state, asked=(*asked, *(Asked(order.client_order_id, now) for order in fresh))), said


BOT = fold(
    aim,
    enter,
    follow,
    look,
    unknown,
    listed,
    reasons={EXEC_REST_OK, EXEC_REST_TRIMMED, EXEC_REST_ORPHAN, EXEC_REST_BLIND},
)
