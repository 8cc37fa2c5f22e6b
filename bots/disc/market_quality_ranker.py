"""Give each eligible market one quality score and a tier.

Says    The `tier` of a market with its score, when the tier or the score's hundredth changes.
Why     Size and strategy rules depend on one tier instead of on a dozen checks of their own.
Source  Geometric mean of utilities: bots/maths/piecewise.py; the utilities: bots/maths/market_quality.py.

A weight of 0 means that the utility needs no input; the others are renormalised to sum 1. A utility with a weight and
without an input withholds the score, and so does a market that is not eligible. The spread is the present one until
intel.liquidity_forecast_model forecasts it; the half-life of resilience is the signal `resilience`. For perps the
weight of clarity goes to depth and that of disputes to data quality. A tier moves one step per `review_s`, but a score
below `drop_now` is C at once.
"""

from typing import Annotated

from bots.kit import BotConfig, Frac, Instant, Latest, On, Seconds, Signal, State, fold
from bots.maths.market_quality import (
    DEPTH_USD,
    DISPUTES,
    HALF_LIFE_S,
    SPREAD,
    SPREAD_BPS,
    VOLUME_USD,
    depth_of,
    spread_of,
    step_towards,
    tier_of,
    utility,
)
from bots.maths.piecewise import geometric_mean
from contracts.market import ClockTick, Kind, MarketDefinition, MarketSnapshot
from contracts.reasons import DISC_RANK_INPUT_GAP, DISC_RANKED, DISC_TIER_DOWN, DISC_TIER_DROPPED
from contracts.signal import MarketCandidate, SignalReport

MILLION, SECOND, BINARY = 1_000_000, 1_000_000_000, int(Kind.BINARY)
SNAPSHOT_BUDGET_NS = 5 * SECOND  # the catalogue's freshness of MarketSnapshot


class Config(BotConfig):
    tier_a: Frac = 700_000
    tier_b: Frac = 450_000
    drop_now: Frac = 200_000
    review_s: Seconds = 300
    w_spread: Frac = 200_000
    w_depth: Frac = 200_000
    w_volume: Frac = 150_000
    w_resilience: Frac = 100_000
    w_clarity: Frac = 150_000
    w_dispute: Frac = 50_000
    w_data: Frac = 150_000


class Memory(State):
    tier: str = ""
    since_ns: int = 0
    said: tuple[str, int] = ("", -2)  # tier and score in hundredths


def rank(
    config: Config,
    state: Memory,
    tick: On[ClockTick],
    definition: Latest[MarketDefinition],
    eligibility: Annotated[Latest[MarketCandidate | None], Signal("eligibility")],
    snap: Latest[MarketSnapshot | None],
    clarity: Annotated[Latest[SignalReport | None], Signal("resolution_clarity")],
    resolution: Annotated[Latest[SignalReport | None], Signal("resolution_state")],
    resilience: Annotated[Latest[SignalReport | None], Signal("resilience")],
    now: Instant,
) -> tuple[Memory, Annotated[MarketCandidate | None, Signal("tier")]]:
    """Score a market once a second."""
    gaps: tuple[str, ...] = ("eligibility",)
    score = -1.0
    live = snap is not None and now - snap.confirmed_ns <= SNAPSHOT_BUDGET_NS
    if eligibility is not None and eligibility.eligible and snap is not None and live:
        parts = _utilities(config, definition, snap, clarity, resolution, resilience)
        known = [(value, weight) for _, value, weight in parts if weight and value is not None]
        gaps = tuple([name for name, value, weight in parts if weight and value is None])
        score = geometric_mean(known) if known and not gaps else -1.0
    if score < 0.0:
        said = ("", -1)
        gap = None if said == state.said else _candidate(False, gaps, "", -1, DISC_RANK_INPUT_GAP)
        return Memory(state.tier, state.since_ns, said), gap
    return _place(config, state, score, now)


def _place(config: Config, state: Memory, score: float, now: int) -> tuple[Memory, MarketCandidate | None]:
    target = tier_of(score, config.tier_a / MILLION, config.tier_b / MILLION)
    tier, since, reason = state.tier or target, state.since_ns or now, DISC_RANKED
    if score < config.drop_now / MILLION:
        since = since if tier == "C" else now
        tier, reason = "C", DISC_TIER_DROPPED
    elif tier != target and now - since >= config.review_s * SECOND:
        tier, since = step_towards(tier, target), now
        reason = DISC_TIER_DOWN if tier > state.tier else DISC_RANKED
    said = tier, int(score * 100.0)
    if said == state.said:
        return Memory(tier, since, said), None
    return Memory(tier, since, said), _candidate(True, (), tier, said[1] * 10, reason)


def _utilities(
    config: Config,
    definition: MarketDefinition,
    snap: MarketSnapshot,
    clarity: SignalReport | None,
    resolution: SignalReport | None,
    resilience: SignalReport | None,
) -> tuple[tuple[str, float | None, int], ...]:
    """Return (name, utility or None without input, weight)."""
    binary = definition.instrument_kind == BINARY
    disputes = resolution.part("dispute_count") if resolution is not None else None
    moved = (0, 0) if binary else (config.w_clarity, config.w_dispute)
    volume = snap.volume_micros / MILLION or None if config.w_volume else None
    half_life = resilience.value if resilience is not None else None
    return (
        ("spread", utility(SPREAD if binary else SPREAD_BPS, spread_of(snap, definition)), config.w_spread),
        ("depth", utility(DEPTH_USD, depth_of(snap, definition)), config.w_depth + moved[0]),
        ("volume", utility(VOLUME_USD, volume), config.w_volume),
        ("resilience", utility(HALF_LIFE_S, half_life), config.w_resilience),
        ("clarity", clarity.value if clarity is not None else None, config.w_clarity - moved[0]),
        ("dispute", utility(DISPUTES, disputes), config.w_dispute - moved[1]),
        ("data", snap.quality_milli / 1_000.0, config.w_data + moved[1]),
    )


def _candidate(eligible: bool, failing: tuple[str, ...], tier: str, score_milli: int, reason: str) -> MarketCandidate:
    return MarketCandidate("tier", eligible, failing, tier, score_milli, "", "", "", reason)


BOT = fold(rank, reasons={DISC_RANKED, DISC_TIER_DOWN, DISC_TIER_DROPPED, DISC_RANK_INPUT_GAP})
