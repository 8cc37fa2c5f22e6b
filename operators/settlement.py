"""Pay what a desk holds when its market ends, as far as the outcome is known.

A position that nobody pays would stay in the books for ever at its last mark, and its profit would never be real.
"""

from contracts.market import Kind, MarketDefinition, Settlement, Status, VenueStatus
from contracts.order import PositionState
from contracts.reasons import EXEC_SETTLED
from contracts.units import TICKS_MAX

MILLION = 1_000_000
ENDED = frozenset({Status.CLOSED, Status.RESOLVED, Status.VOID})
VOID, PERP = int(Status.VOID), int(Kind.PERP)


def payment(
    position: PositionState | None, definition: MarketDefinition | None, status: VenueStatus
) -> Settlement | None:
    """Return what a change in a market's life pays: nothing while it goes on, is held by nobody, or has no outcome."""
    if position is None or definition is None or not position.size_lots or status.status not in ENDED:
        return None
    if status.settlement_micros < 0 and status.status != VOID:
        return None
    return settle(position, definition, status.settlement_micros)


def settle(position: PositionState, definition: MarketDefinition, settlement_micros: int) -> Settlement:
    """Return what a held position is paid when its market ends.

    `settlement_micros` is the value of one YES contract, or the delisting price of a perpetual, in millionths. Below
    zero the market is void: a binary pays back the average cost (to the nearest millionth of a contract's price), a
    perpetual, which is always worth something, its last mark where it has one. A value off the price grid is stated in
    millionths, or, above a million, in the finest decimal that the bound of a price in ticks allows.
    """
    size, lot = abs(position.size_lots), definition.lot_micros
    micros, tick = settlement_micros, definition.tick_micros
    if micros < 0 and definition.instrument_kind == PERP:
        micros = position.mark_micros
    if micros < 0:
        micros = (2 * abs(position.cost_micros) * MILLION + size * lot) // (2 * size * lot) if size else 0
    if micros % tick:
        tick = 1
        while -(-micros // tick) > TICKS_MAX:
            tick *= 10
    side = 1 if position.size_lots >= 0 else -1
    price = (2 * micros + tick) // (2 * tick)
    return Settlement(position.market_id, side, price, tick, size, lot, 0, "settlement", True, EXEC_SETTLED)
