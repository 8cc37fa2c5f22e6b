"""Match scheduled events to instruments, and say in which window around an event a moment lies.

    PRE in [start - pre, start), LIVE in [start, end), POST in [end, end + post), otherwise CLEAR

Symbols: all times in nanoseconds UTC. An event's key is `entity:type`. A binary matches when the entity is its event or
series, or all words of the key stand in its title, and the event starts within `match` of its expiry; a perp when the
entity begins its symbol, or is `macro`. Source: rule of disc.event_calendar_mapper.
"""

from typing import NamedTuple

from contracts.ids import symbol_of
from contracts.market import CalendarEvent, Kind, MarketDefinition

CLEAR, PRE, LIVE, POST, UNKNOWN = "CLEAR", "PRE", "LIVE", "POST", "UNKNOWN"
REMEMBERED = 256
"""Rows kept per market; beyond it the one that starts first is dropped."""
_SEVERITY = {CLEAR: 0, POST: 1, PRE: 2, LIVE: 3}
_IMPACT = {"low": 0, "medium": 1, "high": 2}


class Scheduled(NamedTuple):
    """One calendar row."""

    start_ns: int
    end_ns: int
    key: str
    impact: str


def matches(definition: MarketDefinition, row: Scheduled, match_ns: int) -> bool:
    """True when an event concerns an instrument."""
    entity, _, kind = row.key.partition(":")
    if definition.instrument_kind == Kind.PERP:
        symbol = symbol_of(definition.venue_id, definition.market_id).upper()
        return entity == "macro" or (entity != "" and symbol.startswith(entity.upper()))
    if abs(row.start_ns - definition.expiry_ns) > match_ns:
        return False
    if entity in (definition.event_id, definition.series_id):
        return True
    title = set(definition.title.casefold().replace("?", " ").split())
    words = f"{entity} {kind}".casefold().replace("_", " ").replace("-", " ").split()
    return bool(words) and title.issuperset(words)


def reschedule(rows: tuple[Scheduled, ...], event: CalendarEvent, now: int, move_ns: int) -> tuple[Scheduled, ...]:
    """Return the rows with an event added or moved; what has begun keeps its start when it moved a little."""
    start = event.start_ns
    for row in rows:
        if row.key == event.event_key and row.start_ns <= now and abs(start - row.start_ns) <= move_ns:
            start = row.start_ns
    fresh = Scheduled(start, event.end_ns, event.event_key, event.impact)
    kept = (*(row for row in rows if row.key != event.event_key), fresh)
    return tuple(sorted(kept))[-REMEMBERED:]


def window_of(row: Scheduled, now: int, pre_ns: int, post_ns: int) -> str:
    """Return the window of one event in which `now` lies."""
    if now < row.start_ns - pre_ns or now >= row.end_ns + post_ns:
        return CLEAR
    return PRE if now < row.start_ns else LIVE if now < row.end_ns else POST


def worst(rows: tuple[Scheduled, ...], now: int, pre_ns: int, post_ns: int) -> tuple[str, Scheduled | None]:
    """Return the gravest window and its event; when all is clear, CLEAR and the next event, or None."""
    ranked = [(_SEVERITY[window_of(r, now, pre_ns, post_ns)], _IMPACT.get(r.impact, 2), -r.start_ns, r) for r in rows]
    gravest = max(ranked, default=None)
    if gravest is not None and gravest[0]:
        return window_of(gravest[3], now, pre_ns, post_ns), gravest[3]
    return CLEAR, min((row for row in rows if row.start_ns > now), default=None)
