"""Keep an order's size in proportion to what the book can absorb, and makers out of toxic or vanishing books.

Says    RESHAPE to the largest size that depth, volume and tier allow; resting only for entries across a wide spread;
        REJECT for a spread that is too wide, a book that vanishes, a toxic one for quotes, or when depth is unknown.
        Seen and limit: sizes in lots, spreads in millionths (of the mid for perpetuals), labels as 1 against 0.
Why     An order that eats a quarter of what stands within three steps is the market. Depth counts on the side that the
        order would hit, for quotes too: that is where the position must leave. A volume that no source states bounds
        nothing, and a signal whose producer is not in this desk is not judged.
Source  bots/library.toml; Kyle, A. (1985); Easley, D., Lopez de Prado, M., O'Hara, M. (2012).
"""

from typing import Annotated

from bots.kit import (
    MILLION,
    Book,
    BotConfig,
    Frac,
    Instant,
    Latest,
    Number,
    On,
    Prob,
    Signal,
    Usd,
    Within,
    approve,
    reject,
    reshape,
    rule,
)
from bots.maths.notional import loss, lots_within, unit_risk
from bots.maths.quoting import spread_micros
from contracts.intent import ENTRY, NO_LIMIT, QUOTE, OrderIntent, RiskVote
from contracts.market import MarketDefinition, MarketSnapshot
from contracts.reasons import (
    RISK_LIQ_INSUFFICIENT,
    RISK_LIQ_OK,
    RISK_LIQ_TRIMMED,
    RISK_LIQ_UNKNOWN,
)
from contracts.signal import MarketCandidate, SignalReport

GATE = "risk.market_quality"
SNAPSHOT_STEPS = 3


class Config(BotConfig):
    """Shares of depth and volume, spreads, and caps by tier."""

    take_frac: Frac = 250_000
    band_ticks: Number = SNAPSHOT_STEPS
    day_frac: Frac = 10_000
    spread_warn: Prob = 30_000
    spread_hard: Prob = 80_000
    tier_a_cap_usd: Usd = 2_000_000_000
    tier_b_cap_usd: Usd = 500_000_000
    tier_c_cap_usd: Usd = 100_000_000


def decide(
    config: Config,
    intent: On[OrderIntent],
    snapshot: Annotated[Latest[MarketSnapshot | None], Within(ms=2_000)],
    definition: Latest[MarketDefinition],
    book: Latest[Book],
    tier: Annotated[Latest[MarketCandidate | None], Signal("tier")],
    toxicity: Annotated[Latest[SignalReport | None], Signal("toxicity")],
    forecast: Annotated[Latest[SignalReport | None], Signal("liquidity_forecast")],
    resilience: Annotated[Latest[SignalReport | None], Signal("resilience")],
    now: Instant,
) -> RiskVote:
    """Vote on one intent."""
    size, side = intent.size_lots, intent.side
    if snapshot is None or snapshot.bid_lots <= 0 or snapshot.ask_lots <= 0:
        return reject(GATE, RISK_LIQ_UNKNOWN, 0, 0)
    spread = spread_micros(definition, snapshot.bid_ticks, snapshot.ask_ticks)
    if spread > config.spread_hard:
        return reject(GATE, RISK_LIQ_INSUFFICIENT, spread, config.spread_hard)
    if intent.intent_kind == QUOTE and toxicity is not None and toxicity.label == "HIGH":
        return reject(GATE, RISK_LIQ_INSUFFICIENT, 1, 0)
    if forecast is not None and forecast.label == "VANISHING":
        return reject(GATE, RISK_LIQ_INSUFFICIENT, 1, 0)
    name = tier.tier if tier is not None else ""
    unit = unit_risk(definition, side, intent.price_ticks)
    if not name and loss(unit, size) > config.tier_c_cap_usd:
        return reject(GATE, RISK_LIQ_INSUFFICIENT, size, lots_within(config.tier_c_cap_usd, unit))
    cap = config.tier_a_cap_usd if name == "A" else config.tier_b_cap_usd if name == "B" else config.tier_c_cap_usd
    if snapshot.volume_micros:
        cap = min(cap, snapshot.volume_micros * config.day_frac // MILLION)
    depth = snapshot.ask_depth_lots if side > 0 else snapshot.bid_depth_lots
    if config.band_ticks != SNAPSHOT_STEPS:
        touch = snapshot.ask_ticks if side > 0 else snapshot.bid_ticks
        depth = book.depth(-side, config.band_ticks * definition.step_ticks(touch))
    most = min(depth * config.take_frac // MILLION, lots_within(cap, unit))
    if resilience is not None and resilience.label == "CRITICAL":
        most //= 2
    if most <= 0:
        return reject(GATE, RISK_LIQ_INSUFFICIENT, size, 0)
    resting = intent.intent_kind == ENTRY and spread > config.spread_warn
    if size > most or resting:
        return reshape(GATE, RISK_LIQ_TRIMMED, size, most, most if size > most else NO_LIMIT, post_only=resting)
    return approve(GATE, RISK_LIQ_OK, size, most)


BOT = rule(decide, reasons={RISK_LIQ_OK, RISK_LIQ_TRIMMED, RISK_LIQ_INSUFFICIENT, RISK_LIQ_UNKNOWN})
