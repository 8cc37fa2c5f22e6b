"""Make bots/signals.toml: each signal's name, unit and producer, and who reads it, from the annotations of the code.

A signal is read by its name, never by the type that all signals share. The names and units are a vocabulary and stand
here; the readers are whatever the code says.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bots.kit import Slot
from bots.registry import library
from contracts.signal import MarketCandidate, SignalReport

HEAD = """# Each signal: its name, the unit of its value, who says it, who reads it (as built).
# Made by `python -m scripts.generate`; the vocabulary stands in scripts/makers/signals.py.
"""


class Meaning(NamedTuple):
    """What a name means."""

    producer: str
    unit: str
    labels: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


SIGNALS: dict[str, Meaning] = {
    "resolution_clarity": Meaning(
        "intel.resolution_rule_parser", "0 to 1", ("CLEAR", "AMBIGUOUS", "UNTRADABLE", "MISSING")
    ),
    "cluster": Meaning("intel.cross_market_graph", "members of the cluster"),
    "relation_violation": Meaning("intel.cross_market_graph", "probability"),
    "order_flow": Meaning(
        "intel.order_flow_analyzer",
        "standard deviations",
        ("BALANCED", "PRESSURE", "SWEEP"),
        ("microprice", "imbalance", "kyle_lambda", "sweep"),
    ),
    "toxicity": Meaning(
        "intel.flow_toxicity", "VPIN, 0 to 1", ("NORMAL", "ELEVATED", "HIGH", "UNKNOWN"), ("percentile", "side")
    ),
    "volatility": Meaning(
        "intel.volatility_estimator",
        "logit per square-root second; log for perps",
        ("CALM", "NORMAL", "HOT", "SHOCK", "UNKNOWN"),
        ("ratio", "jump", "price_sigma"),
    ),
    "funding_pred": Meaning(
        "intel.funding_basis",
        "fraction of notional per funding interval, paid by longs",
        ("NORMAL", "EXTREME", "DISLOCATED", "UNKNOWN"),
        ("premium", "basis", "basis_z", "annualised", "interval_h"),
    ),
    "funding_spread": Meaning(
        "intel.funding_basis",
        "fraction of notional per eight hours, this market less the other",
        ("NORMAL", "EXTREME", "DISLOCATED", "UNKNOWN"),
    ),
    "resolution_state": Meaning(
        "intel.market_resolution_watcher",
        "seconds left",
        ("OPEN", "T24H", "T1H", "CLOSED", "PROPOSED", "DISPUTED", "RESOLVED", "VOID", "UNKNOWN"),
        ("proposed_outcome", "dispute_count", "escalated"),
    ),
    "cost": Meaning(
        "exec.fee_slippage_estimator",
        "probability per contract",
        (),
        ("slippage", "fee", "adverse", "q_exec", "maker_fee"),
    ),
    "cost_ladder": Meaning("exec.fee_slippage_estimator", "probability per contract, at the first of its sizes"),
    "resilience": Meaning(
        "intel.liquidity_decay_monitor", "half-life in seconds", ("RESILIENT", "SLOW", "CRITICAL", "UNKNOWN")
    ),
    "liquidity_forecast": Meaning(
        "intel.liquidity_forecast_model", "effective spread, probability", ("FORECAST", "DISAGREE", "VANISHING")
    ),
    "anomaly": Meaning("intel.anomaly_detector", "statistic", ("NONE", "LEVEL_SHIFT", "INTEGRITY", "BLIND")),
    "cross_venue_value": Meaning("disc.duplicate_market_detector", "probability"),
    "threshold_value": Meaning("intel.threshold_fair_value", "probability"),
    "group_value": Meaning("intel.cross_market_graph", "probability"),
    "calibration": Meaning(
        "intel.calibration_monitor",
        "skill: 1 less the Brier score of the model over that of the market",
        ("SKILLED", "NO_SKILL", "NEGATIVE", "UNKNOWN"),
        (
            "n", "brier", "brier_market", "log_loss", "reliability", "resolution", "uncertainty",
            "slope_n", "intercept", "slope", "slope_se", *(f"map_{place:02}" for place in range(21)),
        ),
    ),
    "reference_value": Meaning("", "probability, from external odds; said by nobody until their feed is typed"),
    "fill_probability": Meaning("exec.fill_probability_estimator", "0 to 1", (), ("queue_ahead", "t_fill")),
    "gas_decision": Meaning(
        "exec.gas_oracle",
        "dollars that the operation costs now",
        ("RUN", "DEFER", "DROP"),
        ("benefit", "cost", "percentile", "age_s"),
    ),
    "settlement": Meaning(
        "exec.inventory_settler",
        "dollars that an operation on a chain is worth",
        ("MERGE", "REDEEM", "CONVERT"),
        ("freed", "urgent"),
    ),
    "news": Meaning("intel.news_ingest", "matched items per hour", ("ROUTINE", "MATERIAL", "RULE_HIT", "UNKNOWN")),
    "health": Meaning(
        "gov.api_degradation_monitor",
        "0 to 1, of the venue and surface in refs",
        ("OK", "DEGRADED", "DOWN", "LOST"),
        ("latency_ratio", "error_rate", "gap_rate", "reject_rate"),
    ),
    "audit_ack": Meaning("gov.audit_log", "envelopes durably written", ("ACK", "DOWN"), ("ack_age_ms",)),
    "audit_flag": Meaning("gov.audit_log", "nothing; the label and refs speak", ("GAP", "SECRET")),
    "envelope_check": Meaning(
        "gov.envelope_validator", "invalid share of a bot's last 1000 envelopes", ("VALID", "WARN", "INVALID", "LOST")
    ),
    "heartbeat": Meaning(
        "gov.heartbeat",
        "number of the cycle",
        ("OK", "MISSED", "DEAD", "STALLED"),
        ("bankroll_micros", "exposure_micros", "open_positions", "hard", "critical", "lag_s"),
    ),
    "reconciliation": Meaning(
        "gov.reconciler",
        "open cases, of which refs name the first",
        ("OK", "TIMING", "BREAK", "MISSING"),
        ("real", "young", "value_micros", "age_ms"),
    ),
    "pnl": Meaning(
        "gov.pnl_reporter",
        "micros of a window, market and strategy",
        ("REPORTED", "ESTIMATED", "BROKEN", "WITHHELD"),
        (
            "realised", "unrealised", "spread_capture", "inventory_move", "fees", "rebates", "funding", "settlement",
            "difference",
        ),
    ),
}
ASPECTS: dict[str, Meaning] = {
    "eligibility": Meaning("disc.market_scanner", "eligible or not, with the conditions that fail"),
    "tier": Meaning("disc.market_quality_ranker", "A, B, C or empty; score in thousandths"),
    "calendar": Meaning("disc.event_calendar_mapper", "window of the next event", ("CLEAR", "PRE", "LIVE", "POST")),
}
TABLES = (("signals", SignalReport, SIGNALS), ("aspects", MarketCandidate, ASPECTS))


def _texts(values: tuple[str, ...] | list[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


def _readers(slot: Slot) -> list[str]:
    lib = library()
    found = []
    for row in lib.rows:
        if lib.has_module(row.id):
            steps = lib.bot(row.id).steps
            if any(slot in step.on or slot in [read.slot for read in step.reads] for step in steps):
                found.append(row.id)
    return found


def files(_: Path) -> Iterator[tuple[str, str]]:
    """Yield the table."""
    lines = [HEAD]
    for table, kind, names in TABLES:
        for name, meaning in names.items():
            lines.append(f'[{table}.{name}]\nunit = "{meaning.unit}"\nproducer = "{meaning.producer}"')
            if meaning.labels:
                lines.append(f"labels = {_texts(meaning.labels)}")
            if meaning.parts:
                lines.append(f"parts = {_texts(meaning.parts)}")
            lines.append(f"readers = {_texts(_readers(Slot(kind, name)))}\n")
    yield "bots/signals.toml", "\n".join(lines)
