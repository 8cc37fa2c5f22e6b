"""Quarantine one market when its microstructure or its venue says that it is halted, and nothing else.

Says    QUARANTINE while a condition holds, REJECT through the cool-off after it and while the state cannot be known,
        otherwise APPROVE; a proven reduction passes wherever two sides stand. One IncidentReport per transition.
        Seen and limit: the spread in millionths, the cool-off in seconds, an unknown snapshot's age in ms.
Why     A halted market still shows prices, and they are nobody's. One whose end of trading has come is closed without a
        word of its venue, for reductions too. Book and complement halt alike: they share status,
        resolution and mirrored prices, so each book's own row quarantines it. A detector that is not in this desk is
        not judged; one that says it is blind counts as halted.
Source  bots/library.toml; Page, E. (1954).
"""

from typing import Annotated

from msgspec import structs

from bots.kit import (
    MILLION,
    Book,
    BotConfig,
    ConfirmedAt,
    Frac,
    Instant,
    Latest,
    Millis,
    Number,
    On,
    Prob,
    Seconds,
    Signal,
    State,
    approve,
    guard,
    quarantine,
    reject,
)
from bots.maths.activity import Activity, counted
from bots.maths.halts import condition, spread_limit
from bots.maths.notional import reduces
from bots.maths.quoting import spread_micros
from contracts.control import IncidentReport
from contracts.intent import OrderIntent, RiskVote
from contracts.market import ClockTick, MarketDefinition, MarketSnapshot, TradePrint
from contracts.order import PositionState
from contracts.reasons import (
    RISK_MARKET_COOLOFF,
    RISK_MARKET_HALTED,
    RISK_MARKET_OPEN,
    RISK_MARKET_STATE_UNKNOWN,
)
from contracts.signal import SignalReport

GATE = "risk.market_halt"
MS_NS, SECOND_NS = 1_000_000, 1_000_000_000
SNAPSHOT_AGE_MS = 1_500  # the catalogue's freshness of MarketSnapshot
Anomaly = Annotated[Latest[SignalReport | None], Signal("anomaly")]
Resolution = Annotated[Latest[SignalReport | None], Signal("resolution_state")]


class Config(BotConfig):
    """What halts a market, and for how long it must then be calm."""

    halt_spread: Prob = 300_000
    halt_spread_bps: Number = 200
    cross_ms: Millis = 1_000
    collapse_frac: Frac = 20_000
    collapse_s: Seconds = 120
    cooloff_s: Seconds = 60


class Halt(State):
    """Whether the market is quarantined, by what, since when, and when a condition last held."""

    quarantined: bool = False
    cause: str = ""
    since_ns: int = 0
    true_ns: int = 0
    crossed_ns: int = 0
    activity: Activity = Activity()


Reports = tuple[Halt, tuple[IncidentReport, ...]]


def watch(
    config: Config,
    state: Halt,
    snapshot: On[MarketSnapshot],
    definition: Latest[MarketDefinition],
    anomaly: Anomaly,
    resolution: Resolution,
    now: Instant,
) -> Reports:
    """Look at every snapshot; a healthy market that is not quarantined costs a few comparisons."""
    crossed = snapshot.bid_ticks >= snapshot.ask_ticks and snapshot.bid_lots > 0 and snapshot.ask_lots > 0
    if crossed != (state.crossed_ns > 0):
        state = structs.replace(state, crossed_ns=int(now) if crossed else 0)
    cause = _cause(config, state, snapshot, definition, anomaly, resolution, now)
    return _moved(config, state, definition, cause, now)


def on_tick(
    config: Config,
    state: Halt,
    tick: On[ClockTick],
    snapshot: Latest[MarketSnapshot | None],
    definition: Latest[MarketDefinition],
    book: Latest[Book],
    trade: Latest[TradePrint | None],
    anomaly: Anomaly,
    resolution: Resolution,
    now: Instant,
) -> Reports:
    """Look once a second at what no snapshot shows: an empty side, a lasting cross, a market gone silent."""
    if snapshot is None:
        return state, ()
    traded = trade.trade_id or str(trade.venue_ns) if trade is not None else ""
    activity = counted(state.activity, snapshot.provenance_hash, traded, now, config.collapse_s, config.collapse_frac)
    state = structs.replace(state, activity=activity)
    binary = book.live and definition.instrument_kind == 0
    one_sided = binary and (book.bid <= 0 or book.ask > book.grid)
    if binary and not one_sided and (book.bid >= book.ask) != (state.crossed_ns > 0):
        state = structs.replace(state, crossed_ns=int(now) if book.bid >= book.ask else 0)
    cause = "one_sided" if one_sided else _cause(config, state, snapshot, definition, anomaly, resolution, now)
    return _moved(config, state, definition, cause, now)


def decide(
    config: Config,
    state: Halt,
    intent: On[OrderIntent],
    snapshot: Latest[MarketSnapshot | None],
    definition: Latest[MarketDefinition],
    book_at: Latest[ConfirmedAt],
    position: Latest[PositionState | None],
    anomaly: Anomaly,
    now: Instant,
) -> RiskVote:
    """Vote on one intent."""
    age_ns = now - book_at
    if snapshot is None or not book_at or age_ns > SNAPSHOT_AGE_MS * MS_NS:
        seen = age_ns // MS_NS if book_at else 0
        return reject(GATE, RISK_MARKET_STATE_UNKNOWN, seen, SNAPSHOT_AGE_MS)
    limit = spread_limit(definition, config.halt_spread, config.halt_spread_bps)
    two_sided = snapshot.bid_lots > 0 and snapshot.ask_lots > 0
    seen = spread_micros(definition, snapshot.bid_ticks, snapshot.ask_ticks) if two_sided else MILLION
    calm_ns, ended = now - state.true_ns, 0 < definition.expiry_ns <= now
    halted = ended or state.cause != "" or definition.status != 0
    cooling = state.quarantined and calm_ns < config.cooloff_s * SECOND_NS
    blind = anomaly is not None and anomaly.label == "BLIND"
    if not halted and not cooling and not blind:
        return approve(GATE, RISK_MARKET_OPEN, seen, limit)
    code = RISK_MARKET_HALTED if halted else RISK_MARKET_COOLOFF if cooling else RISK_MARKET_STATE_UNKNOWN
    if two_sided and not ended and state.cause != "one_sided" and reduces(intent, position):
        return approve(GATE, code, seen, limit)
    if halted:
        return quarantine(GATE, code, seen, limit)
    return reject(GATE, code, calm_ns // SECOND_NS if cooling else 0, config.cooloff_s if cooling else 0)


def _cause(
    config: Config,
    state: Halt,
    snapshot: MarketSnapshot,
    definition: MarketDefinition,
    anomaly: SignalReport | None,
    resolution: SignalReport | None,
    now: Instant,
) -> str:
    limit = spread_limit(definition, config.halt_spread, config.halt_spread_bps)
    lasts = state.crossed_ns > 0 and now - state.crossed_ns > config.cross_ms * MS_NS
    return condition(snapshot, definition, limit, lasts, anomaly, resolution, state.activity.collapsed)


def _moved(config: Config, state: Halt, definition: MarketDefinition, cause: str, now: Instant) -> Reports:
    """Open, keep or release the quarantine; only opening and releasing are reported."""
    if not cause and not state.quarantined:
        return state, ()
    at, activity = int(now), state.activity
    if cause:
        since = state.since_ns if state.quarantined else at
        halted = Halt(True, cause, since, at, state.crossed_ns, activity)
        return halted, () if state.quarantined else (_report(definition, cause, since, "P2", RISK_MARKET_HALTED),)
    if now - state.true_ns < config.cooloff_s * SECOND_NS:
        return (structs.replace(state, cause="") if state.cause else state), ()
    released = Halt(crossed_ns=state.crossed_ns, activity=activity)
    return released, (_report(definition, "released", state.since_ns, "P2", RISK_MARKET_OPEN),)


def _report(definition: MarketDefinition, cause: str, since: int, severity: str, reason: str) -> IncidentReport:
    key = f"{GATE}:{definition.instrument_id}:{since}:{cause}"[:128]
    evidence = (definition.market_id, definition.complement_id) if definition.complement_id else (definition.market_id,)
    return IncidentReport(key, "market", "market_halt", severity, evidence, GATE, reason)


BOT = guard(
    decide,
    watch,
    on_tick,
    reasons={RISK_MARKET_OPEN, RISK_MARKET_COOLOFF, RISK_MARKET_HALTED, RISK_MARKET_STATE_UNKNOWN},
)
