"""Say what an order takes from an account: collateral that it spends, or outcome tokens that it gives.

    one book for both outcomes   a buyer pays p, a seller 1 - p, for what exceeds the position against it
    separate tokens              a buyer pays the token's price; a seller gives tokens (contracts/payloads.py)
    perpetual                    margin = notional / leverage, for what exceeds the position against it

The fee that is paid at a match is added, the taker's unless the order can only rest; a rebate is not counted on.
Amounts are rounded up. Source: the venues' rules of balance; facts on fees stand in bots/maths/fees.py.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bots.maths.costs import fee_each
from bots.maths.notional import MILLION, loss, unit_risk
from contracts.market import Kind, MarketDefinition
from contracts.order import CONVERT, MERGE, PLACE, REDEEM, PlannedOrder

SETTLED_ON_CHAIN = frozenset({"polymarket"})
OPERATIONS = frozenset({MERGE, REDEEM, CONVERT})


class Needs(NamedTuple):
    """What orders take.

    cash_micros  collateral, fees included
    lots         of the position that they close, or of the tokens that they give
    unit         collateral of one more lot in trillionths, fee included
    """

    cash_micros: int
    lots: int
    unit: int


def is_separate(definition: MarketDefinition) -> bool:
    """True where each outcome is a token of its own."""
    return definition.venue_id in SETTLED_ON_CHAIN


def touches_chain(children: Iterable[PlannedOrder]) -> bool:
    """True when an order, or an operation on tokens, is settled on a chain; a cancel is not."""
    return any(child.venue_id in SETTLED_ON_CHAIN and child.action in {PLACE, *OPERATIONS} for child in children)


def unit_of(
    definition: MarketDefinition, side: int, price_ticks: int, size_lots: int, post_only: bool, leverage: float = 1.0
) -> int:
    """Return what a lot of new exposure takes, in trillionths of the quote currency, rounded up.

    The fee is that of the whole size, above 0 lots, spread over it.
    """
    if definition.instrument_kind == Kind.BINARY:
        unit = unit_risk(definition, side, price_ticks)
    else:
        notional = price_ticks * definition.tick_micros * definition.lot_micros
        unit = -(-notional * 1_000 // max(1_000, round(leverage * 1_000)))
    fee = fee_each(definition, post_only, price_ticks * definition.tick_micros, size_lots)
    return unit + max(0, fee) * definition.lot_micros


def needs(definition: MarketDefinition, child: PlannedOrder, against_lots: int, leverage: float = 1.0) -> Needs:
    """Return what one order takes; `against_lots` of a position are held against it. 0 for a cancel.

    An operation on a chain gives the tokens of its child. What may only reduce takes no collateral.
    """
    if child.action in OPERATIONS:
        return Needs(0, child.size_lots, 0)
    if child.action != PLACE or child.size_lots <= 0:
        return Needs(0, 0, 0)
    unit = unit_of(definition, child.side, child.price_ticks, child.size_lots, child.post_only, leverage)
    if child.reduce_only:
        return Needs(0, child.size_lots, unit)
    closing = 0 if is_separate(definition) else min(child.size_lots, max(0, against_lots))
    return Needs(loss(unit, child.size_lots - closing), closing, unit)


def amount(definition: MarketDefinition, children: Sequence[PlannedOrder]) -> int:
    """Return what the orders of a plan may move in micros: the cost of what they open, nothing of what reduces.

    A perpetual counts with its whole notional, whatever its leverage: this is what a grant bounds.
    """
    return sum(needs(definition, child, 0).cash_micros for child in children)


def gives_tokens(definition: MarketDefinition, child: PlannedOrder) -> bool:
    """True for an order that sells outcome tokens: what only reduces, where they are separate."""
    return child.action == PLACE and child.reduce_only and is_separate(definition)


def affordable(room_micros: int, unit: int, orders: int) -> int:
    """Return the lots that each of several equal orders may have so that all fit a room; 0 without room."""
    return max(0, room_micros) * MILLION // (unit * orders) if unit > 0 and orders else 0
