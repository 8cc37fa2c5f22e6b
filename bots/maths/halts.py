"""Name the condition under which a market does not trade as one, whatever its prices say.

In order: its status, a side without orders, a spread beyond the limit, a cross that lasts, an impossible datum, a
resolution that is disputed or void, both rates far below their habit. Source: catalogue rule of risk.market_halt.
"""

from bots.maths.quoting import spread_micros
from contracts.market import MarketDefinition, MarketSnapshot
from contracts.signal import SignalReport

ENDED = ("DISPUTED", "VOID")


def condition(
    snapshot: MarketSnapshot,
    definition: MarketDefinition,
    spread_limit_micros: int,
    crossed_too_long: bool,
    anomaly: SignalReport | None,
    resolution: SignalReport | None,
    collapsed: bool,
) -> str:
    """Return the first condition that holds, or nothing; a signal that is not there is not judged."""
    if snapshot.status or definition.status:
        return "status"
    if snapshot.bid_lots <= 0 or snapshot.ask_lots <= 0:
        return "one_sided"
    if spread_micros(definition, snapshot.bid_ticks, snapshot.ask_ticks) > spread_limit_micros:
        return "spread"
    if crossed_too_long:
        return "crossed"
    if anomaly is not None and anomaly.label == "INTEGRITY":
        return "integrity"
    if resolution is not None and resolution.label in ENDED:
        return "resolution"
    return "rate_collapse" if collapsed else ""


def spread_limit(definition: MarketDefinition, binary_micros: int, perp_bps: int) -> int:
    """Return the widest spread of an instrument's kind, in millionths."""
    return perp_bps * 100 if definition.instrument_kind else binary_micros
