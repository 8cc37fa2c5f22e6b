"""Work a position down when safety, a limit, an operator or the market's end demands it; propose nothing else.

Says    Reduce-only EXIT intents, slice by slice on a schedule (bots/maths/unwinding.py): within T_high_s under FLATTEN
        or an operator's confirmed flatten, T_medium_s after a breach or a broken bundle in this market, T_low_s in the
        market's last day or when its strategy stops. LOW rests at its own touch and crosses in the last of its slices;
        HIGH always crosses, after a WITHDRAW of what it left resting. A note says why there is no slice that is due.
Why     A stop must be able to end exposure, and not only to add none. What is sold is what is held beyond the schedule
        less what rests against it already, so no slice can go through zero, and a position that others close is not
        closed twice. Without a book of both sides it waits, unless it is urgent and gets more than the floor. An
        incident names no amount: what it touches is worked down whole. Pairs are merged by exec.inventory_settler, and
        a purchase of the complement is another market's order: neither is proposed here.
Source  Almgren and Chriss 2000.
"""

from typing import Annotated

from msgspec.structs import replace

from bots.kit import (
    BotConfig,
    Cause,
    DeskContext,
    Instant,
    Latest,
    On,
    Positive,
    Prob,
    Seconds,
    Signal,
    State,
    Within,
    fold,
)
from bots.maths import unwinding as u
from bots.maths.resting import Voice, withdrawals
from bots.maths.safety import SAFE, mode_of
from contracts.control import BLOCK, ControlCommand, IncidentReport, PolicyBundle, SafetyState
from contracts.intent import BotNote, OrderIntent
from contracts.market import ClockTick, MarketDefinition, MarketSnapshot
from contracts.order import OwnOrders, PositionState
from contracts.reasons import (
    STRAT_UNWIND_HALTED,
    STRAT_UNWIND_SLICE,
    STRAT_UNWIND_STATE_LOST,
    STRAT_UNWIND_WAIT,
)
from contracts.signal import SignalReport

BOT_ID = "strat.inventory_unwinder"
URGENCIES = ("", "LOW", "NORMAL", "HIGH")
BOOK_MS, CROSS_S, REST_S = 2_000, 5, 60


class Config(BotConfig):
    """T by urgency, risk_aversion per dollar, the floor of an urgent price, and whether a market's last day counts."""

    T_high_s: Seconds = 30
    T_medium_s: Seconds = 600
    T_low_s: Seconds = 7_200
    risk_aversion: Positive = 1e-06
    floor: Prob = 10_000
    at_t24h: bool = True


class Work(State):
    """What was asked for (a place in URGENCIES), the schedule in force, and when the last slice was proposed."""

    asked: int = u.NONE
    schedule: u.Schedule = u.Schedule()
    last_ns: int = 0


Answer = tuple[Work, tuple[OrderIntent | BotNote, ...]]


def work(
    config: Config,
    state: Work,
    trigger: On[MarketSnapshot | ClockTick],
    snap: Annotated[Latest[MarketSnapshot | None], Within(ms=BOOK_MS)],
    definition: Latest[MarketDefinition],
    position: Latest[PositionState | None],
    own: Latest[OwnOrders | None],
    safety: Latest[SafetyState | None],
    policy: Latest[PolicyBundle | None],
    resolution: Annotated[Latest[SignalReport | None], Signal("resolution_state")],
    volatility: Annotated[Latest[SignalReport | None], Signal("volatility")],
    desk: Latest[DeskContext],
    cause: Latest[Cause],
    now: Instant,
) -> Answer:
    """Propose the slice that is due, or say why there is none."""
    held = position.size_lots if position is not None else 0
    if position is None or not held:
        return (state, ()) if state == Work() else (Work(), ())
    label = resolution.label if resolution is not None else ""
    urgency = u.urgency_of(safety, label, state.asked, config.at_t24h)
    if not urgency:
        return (state, ()) if not state.schedule.urgency else (Work(), ())
    spans = (config.T_low_s, config.T_medium_s, config.T_high_s)
    plan = u.started(state.schedule, held, urgency, spans, now)
    state = state if plan is state.schedule else replace(state, schedule=plan)
    if position.drift:
        return state, (BotNote(STRAT_UNWIND_STATE_LOST, held, 0),)
    closable = safety is not None and definition.instrument_kind and mode_of(safety.mode) == SAFE
    barred = u.is_closing_barred(policy, desk.account, definition)
    if barred or (snap is not None and snap.status) or (safety and safety.kill_level == BLOCK and not closable):
        return state, (BotNote(STRAT_UNWIND_HALTED, held, 0),)
    side, last = -1 if held > 0 else 1, u.is_last(plan, now)
    crosses, high = last or urgency > u.LOW, last or urgency == u.HIGH
    price = u.exit_price(definition, snap, side, crosses, config.floor, high) if snap is not None else 0
    if snap is None or not price:
        return state, (BotNote(STRAT_UNWIND_WAIT, held, 0),)
    sigma = volatility.part("price_sigma") if volatility is not None and volatility.parts else 0.0
    lives_s, trigger_name = CROSS_S if crosses else REST_S, type(trigger).__name__
    voice = Voice(BOT_ID, desk.desk_id, cause, now, STRAT_UNWIND_SLICE, 0, lives_s, trigger_name)
    if crosses and (late := u.overdue(own, BOT_ID, side, now)) is not None:
        return state, withdrawals(voice, (late,))
    pace = u.pace(plan, config.risk_aversion, sigma, snap, definition)
    size = u.due_lots(plan, held, u.resting_lots(own, side), now, pace, definition.min_size_lots)
    if not size or now - state.last_ns < u.SECOND_NS:
        return state, ()
    wish = u.slice_of(voice, definition, snap, side, price, size, not crosses, URGENCIES[u.HIGH if high else urgency])
    return replace(state, last_ns=int(now)), (wish,)


def on_command(
    config: Config,
    state: Work,
    command: On[ControlCommand],
    definition: Latest[MarketDefinition],
    position: Latest[PositionState | None],
    desk: Latest[DeskContext],
    now: Instant,
) -> Work:
    """Begin to work down what is held when an operator asks for it; what comes later is not meant."""
    asked = u.asked_by_command(command, (desk.desk_id, definition.market_id, BOT_ID, "all"))
    return replace(state, asked=asked) if asked > state.asked and position and position.size_lots else state


def on_incident(
    config: Config,
    state: Work,
    incident: On[IncidentReport],
    definition: Latest[MarketDefinition],
    position: Latest[PositionState | None],
    now: Instant,
) -> Work:
    """Begin to work down what is held where a limit was passed or a bundle broke."""
    asked = u.asked_by_incident(incident, definition.market_id)
    return replace(state, asked=asked) if asked > state.asked and position and position.size_lots else state


BOT = fold(
    work,
    on_command,
    on_incident,
    reasons={STRAT_UNWIND_SLICE, STRAT_UNWIND_WAIT, STRAT_UNWIND_HALTED, STRAT_UNWIND_STATE_LOST},
)
