"""Decide what is true of an instrument: one versioned definition per tradable outcome or perpetual.

Says    MarketDefinition when a record is valid and says something new; a note when a record is invalid or overdue.
Why     Tick, lot, fee, expiry and status are read from here and nowhere else, so a wrong one would be wrong everywhere.
Source  Venue documentation of metadata and fees; what makes a record valid: bots/maths/instruments.py.

A change of expiry or rules while the venue says OPEN holds the market in REVIEW for `review_hold_s`; the end of the
hold is a version of its own. What only repeats is not said again. VenueStatus moves status, expiry, tick and bands. A
fee model that nobody named stays `unknown`: rates come from the record, never from code.
"""

from msgspec.structs import replace

from bots.kit import BotConfig, Instant, On, Prob, Seconds, State, fold
from bots.maths.instruments import BINARY, amend, define, is_binary_tick, is_same, is_valid
from contracts.intent import BotNote
from contracts.market import ClockTick, MarketDefinition, Status, VenueInstrumentRecord, VenueStatus
from contracts.reasons import (
    INTEL_DEF_INVALID,
    INTEL_DEF_MATERIAL_CHANGE,
    INTEL_DEF_PUBLISHED,
    INTEL_DEF_SOURCE_STALE,
)

MS, SECOND = 1_000_000, 1_000_000_000
OPEN, REVIEW = int(Status.OPEN), int(Status.REVIEW)
RECORD_BUDGET_MS = 86_400_000  # the catalogue's freshness of VenueInstrumentRecord


class Config(BotConfig):
    review_hold_s: Seconds = 900
    max_binary_tick: Prob = 100_000


class Memory(State):
    definition: MarketDefinition | None = None
    venue_status: int = OPEN
    hold_until_ns: int = 0
    record_ns: int = 0
    overdue: bool = False


def on_record(
    config: Config, state: Memory, record: On[VenueInstrumentRecord], now: Instant
) -> tuple[Memory, MarketDefinition | BotNote | None]:
    """Judge the venue's word on an instrument."""
    if not is_valid(record, config.max_binary_tick):
        return state, BotNote(INTEL_DEF_INVALID, record.tick_micros, config.max_binary_tick)
    heard = replace(state, venue_status=record.status, record_ns=int(now), overdue=False)
    return _publish(config, heard, define(record), now)


def on_status(
    config: Config, state: Memory, status: On[VenueStatus], now: Instant
) -> tuple[Memory, MarketDefinition | BotNote | None]:
    """Take in a change of a market's life; of an unknown market nothing can be said."""
    known = state.definition
    if known is None:
        return state, None
    fresh = amend(known, status)
    if known.instrument_kind == BINARY and not is_binary_tick(fresh.tick_micros, config.max_binary_tick):
        return state, BotNote(INTEL_DEF_INVALID, fresh.tick_micros, config.max_binary_tick)
    life = status.status if status.status >= 0 else state.venue_status
    return _publish(config, replace(state, venue_status=life), fresh, now)


def on_clock(
    config: Config, state: Memory, tick: On[ClockTick], now: Instant
) -> tuple[Memory, MarketDefinition | BotNote | None]:
    """End a hold that is over; mark, once, a source that has gone quiet."""
    known = state.definition
    if known is None:
        return state, None
    if state.hold_until_ns and now >= state.hold_until_ns:
        return _publish(config, state, replace(known, valid_from_ns=int(now)), now)
    age_ms = (now - state.record_ns) // MS
    if age_ms <= RECORD_BUDGET_MS or state.overdue:
        return state, None
    return replace(state, overdue=True), BotNote(INTEL_DEF_SOURCE_STALE, age_ms, RECORD_BUDGET_MS)


def _publish(
    config: Config, state: Memory, fresh: MarketDefinition, now: int
) -> tuple[Memory, MarketDefinition | None]:
    """Give a definition its status and version; None when it only repeats."""
    known, hold, is_open = state.definition, state.hold_until_ns, state.venue_status == OPEN
    if known is not None and is_open and known.status in (OPEN, REVIEW) and _is_material(known, fresh):
        hold = now + config.review_hold_s * SECOND
    held = is_open and now < hold
    state = replace(state, hold_until_ns=hold if held else 0)
    status, reason = (REVIEW, INTEL_DEF_MATERIAL_CHANGE) if held else (state.venue_status, INTEL_DEF_PUBLISHED)
    version = 1 if known is None else known.version + 1
    fresh = replace(fresh, version=version, status=status, reason=reason)
    if known is not None and is_same(known, fresh):
        return state, None
    return replace(state, definition=fresh), fresh


def _is_material(known: MarketDefinition, fresh: MarketDefinition) -> bool:
    return (fresh.expiry_ns, fresh.rules_hash) != (known.expiry_ns, known.rules_hash)


BOT = fold(
    on_record,
    on_status,
    on_clock,
    reasons={INTEL_DEF_PUBLISHED, INTEL_DEF_MATERIAL_CHANGE, INTEL_DEF_INVALID, INTEL_DEF_SOURCE_STALE},
)
