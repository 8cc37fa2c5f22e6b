"""Refuse an intent whose order book may no longer be true.

Says    REJECT when the book's last confirmation is older than the limit, its quality is too low, or the intent cites
        a book that was not seen lately; otherwise APPROVE. Seen and limit: ages in ms, qualities in thousandths.
Why     A silent feed looks like a calm market, and quotes against it are quotes against the past. The newest book is
        seen for as long as it is confirmed, so a quiet live book is not stale; one that was replaced counts for as
        long as the age limit after its replacement. Limits per mode are the desk's configuration.
Source  bots/library.toml.
"""

from bots.kit import (
    MILLION,
    BotConfig,
    ConfirmedAt,
    Frac,
    Instant,
    Latest,
    Millis,
    On,
    Ratio,
    State,
    approve,
    guard,
    reject,
)
from bots.maths.notional import reduces
from contracts.intent import OrderIntent, RiskVote
from contracts.market import BookQuality, MarketDefinition, MarketSnapshot
from contracts.order import PositionState
from contracts.reasons import RISK_BOOK_AGE_UNKNOWN, RISK_BOOK_AGING, RISK_BOOK_FRESH, RISK_STALE_BOOK

GATE = "risk.stale_book"
MS_NS = 1_000_000


class Config(BotConfig):
    """Oldest ages, the lowest quality, and how much older a book may be for an exit."""

    max_age_binary_ms: Millis = 500
    max_age_perp_ms: Millis = 500
    warn_frac: Frac = 500_000
    q_min: Frac = 500_000
    reduce_mult: Ratio = 3.0


class Seen(State):
    """The newest book's hash, and the three before it with the time at which each was replaced."""

    newest: str = ""
    second: str = ""
    second_ns: int = 0
    third: str = ""
    third_ns: int = 0
    fourth: str = ""
    fourth_ns: int = 0


def watch(config: Config, state: Seen, snapshot: On[MarketSnapshot], now: Instant) -> Seen:
    """Remember which books were seen."""
    if snapshot.provenance_hash == state.newest:
        return state
    return Seen(snapshot.provenance_hash, state.newest, now, state.second, state.second_ns, state.third, state.third_ns)


def decide(
    config: Config,
    state: Seen,
    intent: On[OrderIntent],
    definition: Latest[MarketDefinition],
    quality: Latest[BookQuality | None],
    book_at: Latest[ConfirmedAt],
    position: Latest[PositionState | None],
    now: Instant,
) -> RiskVote:
    """Vote on one intent."""
    limit_ms = config.max_age_perp_ms if definition.instrument_kind else config.max_age_binary_ms
    if intent.reduce_only and reduces(intent, position):
        limit_ms = int(limit_ms * config.reduce_mult)
    if quality is None or not book_at or not state.newest:
        return reject(GATE, RISK_BOOK_AGE_UNKNOWN, 0, limit_ms)
    age_ns = now - book_at
    cited = intent.book_hash
    if cited != state.newest:
        since = (
            state.second_ns
            if cited == state.second
            else state.third_ns
            if cited == state.third
            else state.fourth_ns
            if cited == state.fourth
            else 0
        )
        if not cited or now - since > limit_ms * MS_NS:
            return reject(GATE, RISK_BOOK_AGE_UNKNOWN, age_ns // MS_NS, limit_ms)
    if quality.state == "RESYNC" or quality.score_milli * 1_000 < config.q_min:
        return reject(GATE, RISK_STALE_BOOK, quality.score_milli, config.q_min // 1_000)
    if age_ns > limit_ms * MS_NS:
        return reject(GATE, RISK_STALE_BOOK, age_ns // MS_NS, limit_ms)
    aging = age_ns * MILLION > limit_ms * MS_NS * config.warn_frac
    return approve(GATE, RISK_BOOK_AGING if aging else RISK_BOOK_FRESH, age_ns // MS_NS, limit_ms)


BOT = guard(decide, watch, reasons={RISK_BOOK_FRESH, RISK_BOOK_AGING, RISK_STALE_BOOK, RISK_BOOK_AGE_UNKNOWN})
