"""Send the legs of a bundle one after the other, and give back what is held when the others cannot follow.

Says    Nothing for a leg at first: its plan is held until every leg is here. Then the plan of the scarcest leg, at the
        price believed; after its fill the next, at most at its own limit and while what the bundle costs stays within
        its edge and the overrun (EXEC_BUNDLE_RETRY when that is worse than believed). Else a plan that gives the filled
        legs back, reduce-only; an IncidentReport for what is left when nobody knows, or when that failed too.
Why     Half an arbitrage is a bet that nobody wanted. Sizes only shrink: to a share of the thinnest leg's depth. No leg
        goes past the limit that was voted on, so a strategy puts its allowance into its limit and what it believes
        into ref_micros. A bundle's name says how many legs it has (contracts/ids.py); when one is refused, or a plan
        for it is not made, the others are never sent. A leg is known by its FOK: nothing else is planned so. A leg
        waits for a snapshot of its own market, which is when a price there is known. There is no hedge in another
        instrument: no guard has voted on one.
Source  bots/maths/bundles.py; bots/library.toml.
"""

from typing import Annotated

from msgspec.structs import replace

from bots.kit import (
    BotConfig,
    Cause,
    DeskContext,
    Frac,
    Instant,
    Latest,
    Millis,
    On,
    Prob,
    Signal,
    State,
    fold,
)
from bots.maths import bundles as b
from contracts.control import IncidentReport
from contracts.ids import intent_id
from contracts.intent import ApprovedIntent, BotNote
from contracts.market import ClockTick, MarketDefinition, MarketSnapshot
from contracts.order import LIVE_STATES, AuthorisedOrder, ExecutionPlan, Fill, OrderUpdate, PositionState
from contracts.reasons import (
    EXEC_BUNDLE_COMPLETE,
    EXEC_BUNDLE_RETRY,
    EXEC_BUNDLE_STATE_LOST,
    EXEC_BUNDLE_UNWIND,
)
from contracts.signal import SignalReport

BOT_ID, MS = "exec.leg_coordinator", 1_000_000


class Config(BotConfig):
    """depth_frac of the thinnest leg; leg_timeout_ms for each leg; overrun of the bundle's edge."""

    depth_frac: Frac = 500_000
    leg_timeout_ms: Millis = 1_500
    overrun: Prob = 5_000


class Table(State):
    """The bundles under way, and the plan of a leg that was just held back."""

    bundles: b.Bundles = ()
    held: ExecutionPlan | None = None


def refine(config: Config, state: Table, plan: On[ExecutionPlan], now: Instant) -> tuple[Table, ExecutionPlan | None]:
    """Hold a leg back; let pass what is no leg, and a leg whose turn it is."""
    if not any(child.time_in_force == "FOK" for child in plan.children):
        return state, plan
    known = [leg for bundle in state.bundles for leg in bundle.legs if leg.state == b.SENT]
    if any(leg.intent_id == plan.intent_id for leg in known):
        return state, plan
    return replace(state, held=plan), None


def enlist(
    config: Config,
    state: Table,
    approved: On[ApprovedIntent],
    definition: Latest[MarketDefinition],
    snap: Latest[MarketSnapshot],
    fill: Annotated[Latest[SignalReport | None], Signal("fill_probability")],
    now: Instant,
) -> Table:
    """Put the leg that was held back for this approval into its bundle."""
    if not approved.intent.bundle_id or state.held is None or state.held.intent_id != approved.intent.intent_id:
        return state if state.held is None else Table(state.bundles)
    odds = round(fill.value * 1_000) if fill is not None else 0
    facts = (definition, snap, odds, config.depth_frac, int(now))
    return Table(b.enlisted(state.bundles, approved, state.held, *facts))


def go(
    config: Config,
    state: Table,
    snap: On[MarketSnapshot],
    definition: Latest[MarketDefinition],
    position: Latest[PositionState | None],
    desk: Latest[DeskContext],
    cause: Latest[Cause],
    now: Instant,
) -> tuple[Table, ExecutionPlan | None]:
    """Send the leg of this market when it is its turn, or give it back."""
    timeout, here = config.leg_timeout_ms * MS, definition.market_id
    for bundle in state.bundles:
        after = b.lapsed(bundle, now, timeout)
        leg = b.turn(after, here)
        name = intent_id(desk.desk_id, cause, BOT_ID, f"{here}/{bundle.bundle_id}")
        if leg is not None:
            price, how = b.offer(after, leg, snap, definition.grid_ticks, config.overrun)
            if price:
                why = EXEC_BUNDLE_RETRY if how == b.WORSE or leg.orders else ""
                after, leg = b.sent(after, leg, price, name if leg.orders else leg.intent_id, now + timeout, why)
                return Table(b.put(state.bundles, after)), leg.plan
            after = replace(after, phase=b.UNWIND) if how == b.GONE and after.phase == b.LEG1 else after
        held = position.size_lots if position is not None else 0
        found = b.undone(after, here, snap, held, name, EXEC_BUNDLE_UNWIND)
        if found is not None:
            return Table(b.put(state.bundles, found[0])), found[1]
        state = state if after is bundle else Table(b.put(state.bundles, after))
    return state, None


def alarm(
    config: Config, state: Table, snap: On[MarketSnapshot], definition: Latest[MarketDefinition], now: Instant
) -> tuple[Table, IncidentReport | None]:
    """Report what is left of a lost bundle in this market, once; strat.inventory_unwinder works it down."""
    for bundle in state.bundles:
        after = b.told(bundle, definition.market_id)
        if after is not None:
            key, where = f"{BOT_ID}:{bundle.bundle_id}:{definition.market_id}"[:128], definition.market_id
            head = (key, "market", "broken_bundle", "P1", (where, bundle.bundle_id), BOT_ID)
            return Table(b.put(state.bundles, after)), IncidentReport(*head, EXEC_BUNDLE_STATE_LOST)
    return state, None


def left(config: Config, state: Table, order: On[AuthorisedOrder], now: Instant) -> Table:
    """Note the names of the orders of a leg as they leave."""
    return replace(state, bundles=b.named(state.bundles, order)) if state.bundles else state


def filled(config: Config, state: Table, fill: On[Fill], now: Instant) -> tuple[Table, BotNote | None]:
    """Take in a fill; say when a bundle is complete, with what it cost beyond what was believed."""
    found = b.find(state.bundles, fill.client_order_id)
    if found is None:
        return state, None
    after = b.matched(*found, fill, now + config.leg_timeout_ms * MS)
    whole = after.phase == b.DONE and fill.side == found[1].side
    said = BotNote(EXEC_BUNDLE_COMPLETE, b.spent(after), after.edge_micros + config.overrun) if whole else None
    return Table(b.put(state.bundles, after)), said


def follow(config: Config, state: Table, update: On[OrderUpdate], now: Instant) -> Table:
    """Take in how an order of a leg ended."""
    found = b.find(state.bundles, update.client_order_id)
    if found is None or update.state == "FILLED" or (update.state in LIVE_STATES and update.state != "UNKNOWN"):
        return state
    return Table(b.put(state.bundles, b.stopped(*found, update)))


def wait(config: Config, state: Table, tick: On[ClockTick], now: Instant) -> tuple[Table, BotNote | None]:
    """Let time pass; say when a bundle is lost."""
    if not state.bundles:
        return state, None
    after, lost = b.aged(state.bundles, now, config.leg_timeout_ms * MS)
    return replace(state, bundles=after), BotNote(EXEC_BUNDLE_STATE_LOST, int(now // MS), lost) if lost else None


BOT = fold(
    refine,
    enlist,
    go,
    alarm,
    left,
    filled,
    follow,
    wait,
    reasons={EXEC_BUNDLE_COMPLETE, EXEC_BUNDLE_RETRY, EXEC_BUNDLE_UNWIND, EXEC_BUNDLE_STATE_LOST},
    per="desk",
)
