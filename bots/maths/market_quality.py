"""Turn what is measured of a market into utilities between 0 and 1, by straight lines that people have drawn.

Symbols: spread as a probability (binaries) or in basis points of the mid (perps), depth and volume in dollars, half-
life of the book's resilience in seconds, disputes a count, clarity and data quality already utilities. The points are
a versioned judgement, not a fit: a changed point is a new version.
Source: Keeney, R., Raiffa, H. (1976); the points are this project's own, around the limits of disc.market_scanner.
"""

from bots.maths.piecewise import Points, interpolate
from contracts.market import Kind, MarketDefinition, MarketSnapshot

BINARY = int(Kind.BINARY)
MAPS_VERSION = "utilities-1"
SPREAD: Points = ((0.01, 1.0), (0.04, 0.5), (0.1, 0.0))
SPREAD_BPS: Points = ((1.0, 1.0), (10.0, 0.5), (50.0, 0.0))
DEPTH_USD: Points = ((0.0, 0.0), (200.0, 0.4), (1_000.0, 0.7), (5_000.0, 1.0))
VOLUME_USD: Points = ((0.0, 0.0), (10_000.0, 0.4), (100_000.0, 0.8), (1_000_000.0, 1.0))
HALF_LIFE_S: Points = ((0.0, 1.0), (5.0, 0.8), (30.0, 0.4), (120.0, 0.0))
DISPUTES: Points = ((0.0, 1.0), (1.0, 0.5), (2.0, 0.2), (3.0, 0.0))


def utility(points: Points, x: float | None) -> float | None:
    """Return the utility of a measurement; None when there is none."""
    return None if x is None else interpolate(points, x)


def spread_of(snap: MarketSnapshot, definition: MarketDefinition) -> float:
    """Return the spread: a probability for a binary, basis points of the mid for a perp."""
    spread = snap.ask_ticks - snap.bid_ticks
    if definition.instrument_kind == BINARY:
        return spread * definition.tick_micros / 1e6
    return 2e4 * spread / (snap.ask_ticks + snap.bid_ticks)


def depth_of(snap: MarketSnapshot, definition: MarketDefinition) -> float:
    """Return the value of the thinner side within three steps, at its best price, in dollars."""
    bid_value, ask_value = snap.bid_depth_lots * snap.bid_ticks, snap.ask_depth_lots * snap.ask_ticks
    thinner = bid_value if bid_value < ask_value else ask_value
    return thinner * definition.tick_micros * definition.lot_micros / 1e12


def tier_of(score: float, tier_a: float, tier_b: float) -> str:
    """Return the tier that a score deserves: at the limit is enough."""
    return "A" if score >= tier_a else "B" if score >= tier_b else "C"


def step_towards(tier: str, target: str) -> str:
    """Return the tier one step from `tier` towards `target`."""
    if tier == target:
        return tier
    return "B" if tier != "B" else target
