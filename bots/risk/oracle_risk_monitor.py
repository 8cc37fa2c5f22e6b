"""Keep new risk out of markets that are close to, in, or disputed over resolution, or whose rules are unclear.

Says    REJECT in a frozen, disputed, ended or unclear market and while state or clarity is unknown; RESHAPE by the
        share of a day that is left, and for the strategies of resolution to their own notional; otherwise APPROVE, as
        for every proven reduction. Seen and limit: seconds left and what they are compared with; thousandths of clarity
        where that decides; micros for the strategies of resolution; 0 and 0 for a perpetual.
Why     Near its end a price stops speaking of the world and speaks of a procedure. Whoever trades that on purpose must
        understand the rules very well and risk little; everybody else leaves. A state that is UNKNOWN stops them too.
        A perpetual has no resolution: its oracle is the index, and what replaces a dispute is a mark far from it.
Source  bots/library.toml; docs.uma.xyz. Signals: intel.market_resolution_watcher, intel.resolution_rule_parser and
        intel.funding_basis. They speak on change, and say themselves when what they rest on is too old.

Seconds left are the lesser of the watcher's word and the definition's end of trading. The notional of a strategy of
resolution counts per market: what the position may still lose on that side, what rests there, and the intent.
"""

from typing import Annotated

from bots.kit import BotConfig, Frac, Instant, Latest, On, Seconds, Signal, Usd, approve, reject, reshape, rule
from bots.maths.notional import loss, lots_within, reduces, unit_risk
from bots.maths.quoting import seconds_left
from contracts.intent import OrderIntent, RiskVote
from contracts.market import Kind, MarketDefinition
from contracts.order import OwnOrders, PositionState
from contracts.reasons import RISK_ORACLE_BLOCK, RISK_ORACLE_NEAR_RESOLUTION, RISK_ORACLE_OK, RISK_ORACLE_UNKNOWN
from contracts.signal import SignalReport

GATE, PERP = "risk.oracle_risk_monitor", int(Kind.PERP)
ENDED = frozenset({"DISPUTED", "VOID", "RESOLVED"})
UNKNOWN, DISLOCATED = "UNKNOWN", "DISLOCATED"
EXEMPT = frozenset({"strat.late_resolution_spread", "strat.resolution_fair_value", "strat.dispute_risk_pricing"})
Resolution = Annotated[Latest[SignalReport | None], Signal("resolution_state")]
Clarity = Annotated[Latest[SignalReport | None], Signal("resolution_clarity")]
Funding = Annotated[Latest[SignalReport | None], Signal("funding_pred")]


class Config(BotConfig):
    """When a market freezes and when it begins to, how clear its rules must be, and what resolution may cost."""

    freeze_s: Seconds = 3_600
    t24_s: Seconds = 86_400
    clarity_hard: Frac = 500_000
    clarity_exempt: Frac = 900_000
    max_notional_resolution_usd: Usd = 500_000_000


def decide(
    config: Config,
    intent: On[OrderIntent],
    definition: Latest[MarketDefinition],
    position: Latest[PositionState | None],
    own: Latest[OwnOrders | None],
    resolution: Resolution,
    clarity: Clarity,
    funding: Funding,
    now: Instant,
) -> RiskVote:
    """Vote on one intent."""
    refuse = approve if reduces(intent, position) else reject
    if definition.instrument_kind == PERP:
        if funding is None or funding.label == UNKNOWN:
            return refuse(GATE, RISK_ORACLE_UNKNOWN, 0, 0)
        if funding.label == DISLOCATED:
            return refuse(GATE, RISK_ORACLE_BLOCK, 0, 0)
        return approve(GATE, RISK_ORACLE_OK, 0, 0)
    if resolution is None or clarity is None or resolution.label == UNKNOWN:
        return refuse(GATE, RISK_ORACLE_UNKNOWN, 0, config.freeze_s)
    exempt = intent.strategy in EXEMPT
    clear, needed = round(clarity.value * 1_000_000), config.clarity_exempt if exempt else config.clarity_hard
    if clear < needed:
        return refuse(GATE, RISK_ORACLE_BLOCK, clear // 1_000, needed // 1_000)
    if exempt:
        return _within_notional(config, intent, definition, position, own)
    left = seconds_left(config.t24_s, definition, resolution, now)
    if resolution.label in ENDED or left < config.freeze_s:
        return refuse(GATE, RISK_ORACLE_BLOCK, left, config.freeze_s)
    if left >= config.t24_s:
        return approve(GATE, RISK_ORACLE_OK, left, config.t24_s)
    if refuse is approve:
        return approve(GATE, RISK_ORACLE_NEAR_RESOLUTION, left, config.t24_s)
    return reshape(GATE, RISK_ORACLE_NEAR_RESOLUTION, left, config.t24_s, intent.size_lots * left // config.t24_s)


def _within_notional(
    config: Config,
    intent: OrderIntent,
    definition: MarketDefinition,
    position: PositionState | None,
    own: OwnOrders | None,
) -> RiskVote:
    """Bound a strategy of resolution by what it may lose in this market."""
    cap, side = config.max_notional_resolution_usd, intent.side
    at_risk = position.exposure_micros if position is not None and position.size_lots * side > 0 else 0
    for order in own.orders if own is not None else ():
        if order.side == side:
            at_risk += loss(unit_risk(definition, side, order.price_ticks), order.open_lots)
    unit = unit_risk(definition, side, intent.price_ticks)
    seen = at_risk + loss(unit, intent.size_lots)
    if seen <= cap or reduces(intent, position):
        return approve(GATE, RISK_ORACLE_OK, seen, cap)
    lots = lots_within(cap - at_risk, unit)
    if not lots:
        return reject(GATE, RISK_ORACLE_BLOCK, seen, cap)
    return reshape(GATE, RISK_ORACLE_NEAR_RESOLUTION, seen, cap, lots)


BOT = rule(decide, reasons={RISK_ORACLE_OK, RISK_ORACLE_NEAR_RESOLUTION, RISK_ORACLE_BLOCK, RISK_ORACLE_UNKNOWN})
