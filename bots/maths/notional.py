"""Value what an order can lose, in whole numbers: the shared arithmetic of the limits.

    unit = price at risk * tick * lot          in trillionths of the quote currency, per lot
    loss = ceil(unit * lots / 10^6)            in millionths of the quote currency

The price at risk of a binary is what a buyer pays, and one less the price for a seller, who holds NO: both may become
worthless. A perpetual moves by a stress instead: unit = price * tick * lot * stress. Losses are rounded up and sizes
down, so that a rounding never passes a limit. Source: catalogue rule of risk.exposure.
"""

from contracts.intent import NO_LIMIT, OrderIntent
from contracts.market import MarketDefinition
from contracts.order import PositionState

MILLION = 1_000_000


def unit_risk(definition: MarketDefinition, side: int, price_ticks: int, stress_micros: int = MILLION) -> int:
    """Return the worst-case loss of one lot in trillionths; the stress (millionths) counts for perpetuals only."""
    if definition.instrument_kind == 0:
        risked = price_ticks if side > 0 else definition.grid_ticks - price_ticks
        return risked * definition.tick_micros * definition.lot_micros
    return -(-price_ticks * definition.tick_micros * definition.lot_micros * stress_micros // MILLION)


def loss(unit: int, size_lots: int) -> int:
    """Return the loss of a size in micros, rounded up."""
    return -(-unit * size_lots // MILLION)


def lots_within(room_micros: int, unit: int) -> int:
    """Return the largest size whose loss fits the room, in lots; 0 without room, unbounded when nothing is at risk."""
    if room_micros < 0:
        return 0
    return room_micros * MILLION // unit if unit > 0 else NO_LIMIT


def held_losses(definition: MarketDefinition, size_lots: int, cost_micros: int, stress_micros: int) -> tuple[int, int]:
    """Return what a position loses if NO is true (or the price falls) and if YES is true (or it rises), in micros.

    Below zero is a gain, which nets inside the instrument. A long at cost c of n contracts: (c, c - n); a short, whose
    cost is below zero, likewise. A perpetual: its cost times the stress, either way.
    """
    if definition.instrument_kind == 0:
        return cost_micros, cost_micros - size_lots * definition.lot_micros
    stressed = -(-abs(cost_micros) * stress_micros // MILLION)
    return (stressed, -stressed) if size_lots > 0 else (-stressed, stressed)


def inventory(definition: MarketDefinition, position: PositionState | None) -> tuple[int, int]:
    """Return a binary position's signed size in lots and what it may lose of its cost, in micros; (0, 0) for none."""
    if position is None or not position.size_lots:
        return 0, 0
    size, cost = position.size_lots, position.cost_micros
    return size, cost if size > 0 else cost - size * definition.lot_micros


def reduces(intent: OrderIntent, position: PositionState | None) -> bool:
    """True when a reduce-only claim is proven: against an open position, and not larger than it."""
    if not intent.reduce_only or position is None:
        return False
    return 0 < intent.size_lots <= -intent.side * position.size_lots


def clip_lots(definition: MarketDefinition, side: int, price_ticks: int, clip_micros: int) -> int:
    """Return the lots that a clip of money buys of the side at risk; 0 without price or money, or below the minimum."""
    if price_ticks <= 0 or clip_micros <= 0:
        return 0
    lots = lots_within(clip_micros, unit_risk(definition, side, price_ticks))
    return lots if lots >= definition.min_size_lots else 0
