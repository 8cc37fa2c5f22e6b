"""Let intents reach only listed markets, in live only on certified venues, and never a denied market.

Says    APPROVE in scope, REJECT out of scope, denied or uncertified; an invalid configuration refuses every live intent
        and is only reported elsewhere. A candidate out of scope is noted before anybody analyses it. Seen is the number
        of lists that name the market, limit how many must.
Why     A strategy that reaches a market nobody chose is the dearest bug there is, so the list is asked again here.
        All lists bind together: the desk's own scope, and the signed bundle's markets, events and series.
Source  bots/library.toml; seed 001 as decided: an empty scope matches nothing in live.
"""

from functools import lru_cache
from typing import Annotated, NamedTuple

from msgspec import Meta

from bots.kit import BotConfig, DeskContext, Instant, Latest, On, Signal, approve, guard, reject
from contracts.control import PolicyBundle
from contracts.ids import symbol_of
from contracts.intent import BotNote, OrderIntent, RiskVote
from contracts.market import MarketDefinition
from contracts.reasons import (
    RISK_SCOPE_ADVISORY_SKIP,
    RISK_SCOPE_BLOCK,
    RISK_SCOPE_CONFIG_INVALID,
    RISK_SCOPE_OK,
)
from contracts.signal import MarketCandidate

GATE = "risk.scope_guard"
OK_UNLISTED, OK_LISTED = approve(GATE, RISK_SCOPE_OK, 0, 0), approve(GATE, RISK_SCOPE_OK, 1, 1)
BLOCK, INVALID = reject(GATE, RISK_SCOPE_BLOCK, 0, 1), reject(GATE, RISK_SCOPE_CONFIG_INVALID, 0, 1)
REPORTED = approve(GATE, RISK_SCOPE_CONFIG_INVALID, 0, 1)


class Config(BotConfig):
    """Whether live needs a list, and what ends the series in an event's ticker."""

    require_scope_in_live: bool = True
    series_separator: Annotated[str, Meta(min_length=1, max_length=1)] = "-"


class Lists(NamedTuple):
    """A bundle, compiled: what it allows and denies as (venue or empty, name), and whether it can be applied."""

    markets: frozenset[tuple[str, str]]
    events: frozenset[tuple[str, str]]
    series: frozenset[tuple[str, str]]
    denied: frozenset[tuple[str, str]]
    certified: frozenset[str]
    valid: bool


@lru_cache(maxsize=8)
def compiled(bundle: PolicyBundle) -> Lists:
    """Split `venue:name` entries; invalid when a venue is not certified, or a bare name could mean two venues."""
    markets, events, series, denied = (
        frozenset((venue, name) if colon else ("", venue) for venue, colon, name in (e.partition(":") for e in entries))
        for entries in (bundle.market_ids, bundle.event_tickers, bundle.series_tickers, bundle.denied)
    )
    certified = frozenset(bundle.certified_venues)
    enabled = {venue for venue, _ in markets | events | series if venue}
    bare = any(not venue for venue, _ in markets | events | series)
    return Lists(markets, events, series, denied, certified, enabled <= certified and not (bare and len(certified) > 1))


def judged(config: Config, definition: MarketDefinition, desk: DeskContext, bundle: PolicyBundle | None) -> RiskVote:
    """Return the vote on any intent in a market: platform first, then denials, then the lists."""
    live = desk.desk_mode == "live"
    outside = bool(desk.scope) and definition.market_id not in desk.scope
    if bundle is None:
        return INVALID if live else BLOCK if outside else OK_LISTED if desk.scope else OK_UNLISTED
    lists, venue, event = compiled(bundle), definition.venue_id, definition.event_id
    symbol = symbol_of(venue, definition.market_id)
    if outside or _names(lists.denied, venue, symbol, event, definition.series_id):
        return BLOCK
    listed = bool(lists.markets or lists.events or lists.series)
    if not lists.valid or (live and config.require_scope_in_live and not listed and not desk.scope):
        return INVALID if live else REPORTED
    if live and venue not in lists.certified:
        return BLOCK
    if not listed:
        return OK_LISTED if desk.scope else OK_UNLISTED
    named = _names(lists.markets, venue, symbol) or _names(lists.events, venue, event)
    prefix = event.partition(config.series_separator)[0]
    return OK_LISTED if named or _names(lists.series, venue, definition.series_id, event, prefix) else BLOCK


def _names(entries: frozenset[tuple[str, str]], venue: str, *names: str) -> bool:
    return any(name and ((venue, name) in entries or ("", name) in entries) for name in names)


def decide(
    config: Config,
    intent: On[OrderIntent],
    definition: Latest[MarketDefinition],
    desk: Latest[DeskContext],
    bundle: Latest[PolicyBundle | None],
    now: Instant,
) -> RiskVote:
    """Vote on one intent."""
    return judged(config, definition, desk, bundle)


def screen(
    config: Config,
    candidate: Annotated[On[MarketCandidate], Signal("eligibility")],
    definition: Latest[MarketDefinition],
    desk: Latest[DeskContext],
    bundle: Latest[PolicyBundle | None],
    now: Instant,
) -> BotNote | None:
    """Note that an eligible market is out of scope, before anybody spends thought on it."""
    vote = judged(config, definition, desk, bundle)
    refused = candidate.eligible and (vote is BLOCK or vote is INVALID)
    return BotNote(RISK_SCOPE_ADVISORY_SKIP, vote.seen, vote.limit) if refused else None


BOT = guard(
    decide,
    screen,
    reasons={RISK_SCOPE_OK, RISK_SCOPE_ADVISORY_SKIP, RISK_SCOPE_BLOCK, RISK_SCOPE_CONFIG_INVALID},
)
