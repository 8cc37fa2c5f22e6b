"""Tie markets to scheduled events, and mark the windows before, during and after them.

Says    The `calendar` of a market: window, next event, and the class of information expected from it.
Why     Around a scheduled event a quote is a bet on the announcement; who makes markets must know that one is near.
Source  Windows and matching: bots/maths/calendar.py.

A start that moved by more than `move_s` opens PRE again; a smaller move of an event that has begun does not. A running
event of less than high impact warns only. A calendar older than a day is UNKNOWN. So is one that has never come,
unless `no_calendar_is_clear` says that this desk has no calendar and knows it; it stands beside the catalogue's
parameters. A market hears the calendar from its own definition on: until the next refresh it has heard nothing.
"""

from typing import Annotated

from msgspec.structs import replace

from bots.kit import BotConfig, Days, Instant, Latest, On, Seconds, Signal, State, fold
from bots.maths.calendar import CLEAR, LIVE, POST, PRE, UNKNOWN, Scheduled, matches, reschedule, worst
from contracts.market import CalendarEvent, ClockTick, MarketDefinition
from contracts.reasons import DISC_CAL_CLEAR, DISC_CAL_LIVE_EVENT, DISC_CAL_PRE_EVENT, DISC_CAL_STALE
from contracts.signal import MarketCandidate

SECOND = 1_000_000_000
DAY_NS = 86_400 * SECOND
CALENDAR_BUDGET_NS = DAY_NS  # the catalogue's freshness of CalendarEvent


class Config(BotConfig):
    match_days: Days = 1
    pre_s: Seconds = 3_600
    post_s: Seconds = 1_800
    move_s: Seconds = 600
    no_calendar_is_clear: bool = False


class Memory(State):
    rows: tuple[Scheduled, ...] = ()
    mine: tuple[Scheduled, ...] = ()
    heard_ns: int = 0
    said: tuple[str, str, str] = ("", "", "")  # window, event, impact


Said = Annotated[MarketCandidate | None, Signal("calendar")]


def on_event(
    config: Config, state: Memory, event: On[CalendarEvent], definition: Latest[MarketDefinition], now: Instant
) -> tuple[Memory, Said]:
    """Take in a row of the calendar."""
    rows = reschedule(state.rows, event, now, config.move_s * SECOND)
    return _judge(config, _matched(config, replace(state, rows=rows, heard_ns=int(now)), definition), now)


def on_time(
    config: Config,
    state: Memory,
    trigger: On[ClockTick | MarketDefinition],
    now: Instant,
) -> tuple[Memory, Said]:
    """Let windows open and close; match again when the definition is new."""
    return _judge(config, _matched(config, state, trigger) if type(trigger) is MarketDefinition else state, now)


def _matched(config: Config, state: Memory, definition: MarketDefinition) -> Memory:
    mine = tuple(row for row in state.rows if matches(definition, row, config.match_days * DAY_NS))
    return replace(state, mine=mine)


def _judge(config: Config, state: Memory, now: int) -> tuple[Memory, MarketCandidate | None]:
    window, event = CLEAR, None
    never = not state.heard_ns
    if (never and not config.no_calendar_is_clear) or (not never and now - state.heard_ns > CALENDAR_BUDGET_NS):
        window = UNKNOWN
    elif state.mine:
        window, event = worst(state.mine, now, config.pre_s * SECOND, config.post_s * SECOND)
    said = window, event.key if event is not None else "", event.impact if event is not None else ""
    if said == state.said:
        return state, None
    reason = DISC_CAL_CLEAR
    if window == UNKNOWN:
        reason = DISC_CAL_STALE
    elif window == LIVE and said[2] == "high":
        reason = DISC_CAL_LIVE_EVENT
    elif window in (PRE, LIVE):
        reason = DISC_CAL_PRE_EVENT
    eligible = window in (CLEAR, POST)
    candidate = MarketCandidate("calendar", eligible, (), "", -1, window, said[1], said[2], reason)
    return replace(state, said=said), candidate


BOT = fold(on_event, on_time, reasons={DISC_CAL_CLEAR, DISC_CAL_PRE_EVENT, DISC_CAL_LIVE_EVENT, DISC_CAL_STALE})
