"""Move quotes away, or pull them, just before informed trades are likely to hit them.

Says    Each plan with its quotes kept, moved away from the market by ceil(danger * max_shift) steps, or taken out; and
        between plans a plan of cancels when a side that rests became dangerous, or must be moved further than it was.
        Danger and its formula: bots/maths/toxic.py.
Why     A maker's losses come in the seconds after flow turned. Nothing here can make a quote more aggressive, larger or
        another order: what takes, what reduces and every cancel pass as they are. After a pull a side is quoted again
        when it was calm for calm_s. Without a flow report both sides are pulled, for nobody knows who trades; where
        toxicity itself is unknown too, unless the desk says that it quotes all the same. What was moved and still
        rests is cancelled, so that its strategy asks again: an order cannot be moved in place.
Source  Glosten and Milgrom 1985; Easley, Lopez de Prado, O'Hara 2012.
"""

from typing import Annotated

from msgspec import Meta

from bots.kit import (
    BotConfig,
    Cause,
    DeskContext,
    Frac,
    Instant,
    Latest,
    Number,
    On,
    Seconds,
    Signal,
    State,
    Within,
    fold,
)
from bots.maths.plans import refined
from bots.maths.taking_back import taken_back
from bots.maths.toxic import MILLI, Guarded, danger_milli, exposed, guarded, is_quote, shielded
from contracts.market import ClockTick, MarketDefinition
from contracts.order import ExecutionPlan, OwnOrders
from contracts.reasons import EXEC_TOX_KEEP, EXEC_TOX_PULL, EXEC_TOX_UNKNOWN, EXEC_TOX_WIDEN
from contracts.signal import MarketCandidate, SignalReport

Coefficient = Annotated[float, Meta(ge=-100.0, le=100.0, description="a coefficient")]
BOT_ID, SECOND_NS, FLOW_MS = "exec.anti_toxic_fill", 1_000_000_000, 5_000
Flow = Annotated[Latest[SignalReport | None], Signal("order_flow"), Within(ms=FLOW_MS)]
Toxicity = Annotated[Latest[SignalReport | None], Signal("toxicity")]
Regime = Annotated[Latest[SignalReport | None], Signal("volatility")]
Window = Annotated[Latest[MarketCandidate | None], Signal("calendar")]
News = Annotated[Latest[SignalReport | None], Signal("news")]
BLIND = Guarded(pulled=True)


class Config(BotConfig):
    """Coefficients a0 to a5, d_widen and d_pull of danger, max_shift in steps, and calm_s before a side is back."""

    a0: Coefficient = -4.0
    a1: Coefficient = 3.0
    a2: Coefficient = 0.5
    a3: Coefficient = 2.0
    a4: Coefficient = 1.0
    a5: Coefficient = 0.3
    d_widen: Frac = 300_000
    d_pull: Frac = 600_000
    max_shift: Number = 3
    calm_s: Seconds = 20
    keep_when_tox_unknown: bool = False


class Shield(State):
    """How bids and asks are guarded."""

    bids: Guarded = Guarded()
    asks: Guarded = Guarded()


def refine(
    config: Config,
    state: Shield,
    plan: On[ExecutionPlan],
    definition: Latest[MarketDefinition | None],
    own: Latest[OwnOrders | None],
    flow: Flow,
    toxicity: Toxicity,
    regime: Regime,
    calendar: Window,
    news: News,
    now: Instant,
) -> tuple[Shield, ExecutionPlan]:
    """Move or take out the quotes of a plan."""
    if not any(is_quote(child) for child in plan.children):
        return state, plan
    state, why = _judged(config, state, flow, toxicity, regime, calendar, news, now)
    orders = own.orders if own is not None else ()
    done, is_moved, is_pulled = shielded(plan.children, state.bids, state.asks, definition, orders)
    reason = why if is_pulled and why == EXEC_TOX_UNKNOWN else EXEC_TOX_PULL if is_pulled else EXEC_TOX_KEEP
    return state, refined(plan, done, EXEC_TOX_WIDEN if is_moved and not is_pulled else reason)


def on_signal(
    config: Config,
    state: Shield,
    heard: Annotated[On[SignalReport], Signal("order_flow", "toxicity")],
    own: Latest[OwnOrders | None],
    definition: Latest[MarketDefinition],
    flow: Flow,
    toxicity: Toxicity,
    regime: Regime,
    calendar: Window,
    news: News,
    desk: Latest[DeskContext],
    cause: Latest[Cause],
    now: Instant,
) -> tuple[Shield, ExecutionPlan | None]:
    """Cancel what rests where flow turned dangerous."""
    if (own is None or not own.orders) and not state.bids.pulled and not state.asks.pulled:
        return state, None
    was = state
    state, why = _judged(config, state, flow, toxicity, regime, calendar, news, now)
    sides = ((1, was.bids, state.bids), (-1, was.asks, state.asks))
    going = tuple(side for side, old, new in sides if new.pulled or new.shift > old.shift)
    return state, _cancelled(own, going, definition, desk, cause, heard.signal, why)


def on_tick(
    config: Config,
    state: Shield,
    tick: On[ClockTick],
    own: Latest[OwnOrders | None],
    definition: Latest[MarketDefinition],
    flow: Flow,
    desk: Latest[DeskContext],
    cause: Latest[Cause],
    now: Instant,
) -> tuple[Shield, ExecutionPlan | None]:
    """Cancel what rests when nothing is known of the flow any more."""
    if own is None or not own.orders or flow is not None:
        return state, None
    said = _cancelled(own, (1, -1), definition, desk, cause, "tick", EXEC_TOX_UNKNOWN)
    return Shield(BLIND, BLIND), said


def _judged(
    config: Config,
    state: Shield,
    flow: SignalReport | None,
    toxicity: SignalReport | None,
    regime: SignalReport | None,
    calendar: MarketCandidate | None,
    news: SignalReport | None,
    now: int,
) -> tuple[Shield, str]:
    """Return both sides as they are to be guarded now, and why."""
    known = toxicity is not None and toxicity.label != "UNKNOWN"
    if flow is None or not (known or config.keep_when_tox_unknown):
        return Shield(BLIND, BLIND), EXEC_TOX_UNKNOWN
    if (regime is not None and regime.label == "SHOCK") or (news is not None and news.label == "RULE_HIT"):
        return Shield(BLIND, BLIND), EXEC_TOX_PULL
    weights = (config.a0, config.a1, config.a2, config.a3, config.a4, config.a5)
    limits = (config.d_widen // MILLI, config.d_pull // MILLI, config.max_shift, now, config.calm_s * SECOND_NS)
    bids = guarded(state.bids, danger_milli(weights, 1, flow, toxicity, calendar, news), *limits)
    asks = guarded(state.asks, danger_milli(weights, -1, flow, toxicity, calendar, news), *limits)
    pulled = bids.pulled or asks.pulled
    return Shield(
        bids, asks
    ), EXEC_TOX_PULL if pulled else EXEC_TOX_WIDEN if bids.shift or asks.shift else EXEC_TOX_KEEP


def _cancelled(
    own: OwnOrders | None,
    sides: tuple[int, ...],
    definition: MarketDefinition,
    desk: DeskContext,
    cause: int,
    trigger: str,
    reason: str,
) -> ExecutionPlan | None:
    """Return a plan that cancels what is exposed on these sides; None when nothing is."""
    orders = exposed(own.orders if own is not None else (), sides)
    return taken_back(orders, definition, desk, cause, BOT_ID, trigger, reason)


BOT = fold(refine, on_signal, on_tick, reasons={EXEC_TOX_KEEP, EXEC_TOX_WIDEN, EXEC_TOX_PULL, EXEC_TOX_UNKNOWN})
