"""Keep an inventory at average cost, in whole numbers, on the YES scale.

A size below zero is short YES, which is long NO at one less the price: YES and NO of one market net by themselves, so
that every pair (min of what would be held of both) is cash already. Cost carries the sign of the size. What holds
always, to the micro: cost less realised is the sum of all money paid, so nothing is lost to rounding.
"""

from typing import NamedTuple

MILLION = 1_000_000


class Inventory(NamedTuple):
    """Open size in lots, what it cost and what was realised in micros (before fees)."""

    size_lots: int = 0
    cost_micros: int = 0
    realised_micros: int = 0


def notional(price_micros: int, size_lots: int, lot_micros: int) -> int:
    """Return the value of a size at a price, in micros, floored."""
    return price_micros * size_lots * lot_micros // MILLION


def trade(held: Inventory, side: int, price_micros: int, size_lots: int, lot_micros: int) -> Inventory:
    """Return the inventory after buying (`side` 1) or selling (-1) `size_lots` at a price.

    A trade against the position releases its share of the cost; one that goes through zero closes first, then opens.
    """
    size, cost, realised = held
    paid = side * notional(price_micros, size_lots, lot_micros)
    change = side * size_lots
    if size == 0 or (size > 0) == (side > 0):
        return Inventory(size + change, cost + paid, realised)
    closing = min(size_lots, abs(size))
    freed = cost if closing == abs(size) else _share(cost, closing, abs(size))
    paid_to_close = paid if closing == size_lots else side * notional(price_micros, closing, lot_micros)
    left = cost - freed
    return Inventory(size + change, left + paid - paid_to_close, realised - freed - paid_to_close)


def value(size_lots: int, mark_micros: int, lot_micros: int) -> int:
    """Return what a signed size is worth at a mark, in micros, rounded towards zero."""
    worth = mark_micros * abs(size_lots) * lot_micros // MILLION
    return worth if size_lots >= 0 else -worth


def worst_loss(size_lots: int, cost_micros: int, lot_micros: int, binary: bool) -> int:
    """Return the most an open size can lose from its cost, in micros.

    Binary: a long loses its cost, a short of YES one less its price. Perpetual: its cost, either way (the stress that
    turns notional into loss is a matter of the guards).
    """
    if size_lots >= 0 or not binary:
        return abs(cost_micros)
    return max(0, -size_lots * lot_micros + cost_micros)


def _share(amount: int, part: int, whole: int) -> int:
    share = abs(amount) * part // whole
    return share if amount >= 0 else -share
