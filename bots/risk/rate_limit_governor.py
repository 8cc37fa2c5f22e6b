"""Cap orders and notional per cycle, and keep the venue's request budget with room for cancels and exits.

Says    REJECT at the cycle's cap of orders or of notional, beyond the request budget, and an ENTRY or QUOTE while the
        venue's quota is unknown; otherwise APPROVE. Seen and limit: orders, micros of notional, thousandths of a
        request, or milliseconds since the venue last told its quota (-1 never), by the code.
Why     A strategy gone wrong sends many orders before anyone looks; a cap per minute bounds what that can cost. A
        cycle is a fixed window of journal time. Intents come one by one, in the order in which strategies say them,
        and each is judged when it comes: exits before entries, the better edge first, holds inside what one strategy
        says at once and not across a cycle, since nobody may wait for a minute's end. One that is too large is
        skipped, and smaller ones still pass. What is approved here is counted, at the size asked for: this guard
        votes last, and what another one trims, or the smallest order refuses, was counted whole. A proven reduction
        is counted, and refused only when no request is left at all. Withdrawals never come here; a cancel that left
        takes its request from the bucket.
Source  bots/library.toml; SEC Rule 15c3-5; bots/maths/token_bucket.py.
"""

from typing import Annotated

from msgspec import Meta

from bots.kit import BotConfig, Frac, Instant, Latest, Number, On, State, Usd, approve, guard, reject
from bots.maths.notional import MILLION, loss, reduces, unit_risk
from bots.maths.token_bucket import MILLI, NANO, Bucket, available, bucket_of, corrected, replaced, taken
from contracts.intent import EXIT, HEDGE, OrderIntent, RiskVote
from contracts.market import MarketDefinition
from contracts.order import OrderUpdate, PositionState
from contracts.reasons import (
    RISK_CYCLE_NEAR_CAP,
    RISK_CYCLE_OK,
    RISK_MAX_NOTIONAL_PER_CYCLE_GUARD,
    RISK_MAX_ORDERS_PER_CYCLE_GUARD,
    RISK_RATE_BUDGET_EXHAUSTED,
    RISK_RATE_STATE_UNKNOWN,
)
from contracts.venue import VenueHealthSample

GATE, SURFACE = "risk.rate_limit_governor", "rest_trade"
SECOND_NS, MS_NS = 1_000_000_000, 1_000_000
URGENT = (EXIT, HEDGE)
QUOTA_AGE_MS = 10_000  # the catalogue's freshness of VenueHealthSample


class Config(BotConfig):
    """Caps of a cycle, and the venue's budget: rate in requests per second, burst in requests."""

    cycle_s: Annotated[int, Meta(ge=1, le=86_400)] = 60
    max_orders_per_cycle: Number = 5
    max_notional_per_cycle_usd: Usd = 2_000_000_000
    bucket_rate: Number = 5
    bucket_burst: Number = 20
    reserve_frac: Frac = 300_000
    warn_frac: Frac = 800_000


class Governed(State):
    """Number of the running cycle, what was approved in it, and the buckets of the venues."""

    cycle: int = -1
    orders: int = 0
    notional_micros: int = 0
    buckets: tuple[Bucket, ...] = ()


def on_health(config: Config, state: Governed, sample: On[VenueHealthSample], now: Instant) -> Governed:
    """Take the venue's own word on its quota, where that is less than ours."""
    if sample.surface != SURFACE or sample.quota_remaining < 0:
        return state
    bucket = bucket_of(state.buckets, sample.venue_id, config.bucket_burst, now)
    tokens = available(bucket, config.bucket_rate, config.bucket_burst, now)
    bucket = corrected(bucket, tokens, sample.quota_remaining, now)
    return Governed(state.cycle, state.orders, state.notional_micros, replaced(state.buckets, bucket))


def on_update(
    config: Config, state: Governed, update: On[OrderUpdate], definition: Latest[MarketDefinition], now: Instant
) -> Governed:
    """Take the request of a cancel that left."""
    if update.state != "PENDING_CANCEL":
        return state
    bucket = bucket_of(state.buckets, definition.venue_id, config.bucket_burst, now)
    bucket = taken(bucket, available(bucket, config.bucket_rate, config.bucket_burst, now), now)
    return Governed(state.cycle, state.orders, state.notional_micros, replaced(state.buckets, bucket))


def decide(
    config: Config,
    state: Governed,
    intent: On[OrderIntent],
    definition: Latest[MarketDefinition],
    position: Latest[PositionState | None],
    now: Instant,
) -> tuple[Governed, RiskVote]:
    """Vote on one intent, and count it when it passes."""
    most, cap = config.max_orders_per_cycle, config.max_notional_per_cycle_usd
    cycle = now // SECOND_NS // config.cycle_s
    orders, spent = (state.orders + 1, state.notional_micros) if cycle == state.cycle else (1, 0)
    spent += loss(unit_risk(definition, intent.side, intent.price_ticks), intent.size_lots)
    bucket = bucket_of(state.buckets, definition.venue_id, config.bucket_burst, now)
    tokens = available(bucket, config.bucket_rate, config.bucket_burst, now)
    reducing = reduces(intent, position)
    urgent = reducing or intent.intent_kind in URGENT
    if not reducing:
        known, age_ms = bucket.reported_ns >= 0, (now - bucket.reported_ns) // MS_NS
        if not urgent and (not known or age_ms > QUOTA_AGE_MS):
            return state, reject(GATE, RISK_RATE_STATE_UNKNOWN, age_ms if known else -1, QUOTA_AGE_MS)
        if orders > most:
            return state, reject(GATE, RISK_MAX_ORDERS_PER_CYCLE_GUARD, orders, most)
        if spent > cap:
            return state, reject(GATE, RISK_MAX_NOTIONAL_PER_CYCLE_GUARD, spent, cap)
    needed = NANO if urgent else NANO + config.bucket_burst * config.reserve_frac * (NANO // MILLION)
    if tokens < needed:
        return state, reject(GATE, RISK_RATE_BUDGET_EXHAUSTED, tokens // MILLI, needed // MILLI)
    state = Governed(cycle, orders, spent, replaced(state.buckets, taken(bucket, tokens, now)))
    if orders * MILLION >= config.warn_frac * most:
        return state, approve(GATE, RISK_CYCLE_NEAR_CAP, orders, most)
    near = spent * MILLION >= config.warn_frac * cap
    return state, approve(GATE, RISK_CYCLE_NEAR_CAP if near else RISK_CYCLE_OK, spent, cap)


BOT = guard(
    decide,
    on_health,
    on_update,
    reasons={
        RISK_CYCLE_OK,
        RISK_CYCLE_NEAR_CAP,
        RISK_MAX_ORDERS_PER_CYCLE_GUARD,
        RISK_MAX_NOTIONAL_PER_CYCLE_GUARD,
        RISK_RATE_BUDGET_EXHAUSTED,
        RISK_RATE_STATE_UNKNOWN,
    },
    per="desk",
)
