"""Reserve what living orders may still take: collateral for what they open, tokens or position for what they close.

    opening lots = what may open + what only reduces beyond the position against it      per market and side
    reserved     = opening lots * the dearest unit among them

What is doubted lives until it is proven gone, so it stays reserved. Where one book serves both outcomes, orders against
a position close it first; where outcomes are separate tokens, what is marked as reducing gives tokens and nothing else
does. Source: the venues' rules of balance, as in bots/maths/outlays.py.
"""

from collections.abc import Collection, Iterable

from msgspec import Struct

from bots.maths.notional import loss
from bots.maths.ordered import drop, find, put
from bots.maths.outlays import is_separate, unit_of
from contracts.market import MarketDefinition
from contracts.order import OrderUpdate


class Rest(Struct, frozen=True, gc=False):
    """One living order: lots still open, what one of them takes, whether it only gives, and where."""

    market_id: str
    side: int
    lots: int
    unit: int
    reduce_only: bool
    separate: bool
    neg_risk: bool


class Reserve(Struct, frozen=True, gc=False):
    """Every living order, by its id."""

    ids: tuple[str, ...] = ()
    rests: tuple[Rest, ...] = ()


def followed(reserve: Reserve, update: OrderUpdate, definition: MarketDefinition, leverage: float = 1.0) -> Reserve:
    """Return the reserve after an update of one order; in a terminal state it is forgotten."""
    place, lots = find(reserve.ids, update.client_order_id), update.open_lots
    if lots <= 0:
        if place < 0:
            return reserve
        return Reserve(drop(reserve.ids, place), drop(reserve.rests, place))
    unit = unit_of(definition, update.side, update.price_ticks, lots, False, leverage)
    rest = Rest(
        update.market_id, update.side, lots, unit, update.reduce_only, is_separate(definition), definition.neg_risk
    )
    ids = reserve.ids if place >= 0 else put(reserve.ids, place, update.client_order_id)
    return Reserve(ids, put(reserve.rests, place, rest))


def living(reserve: Reserve, going: Collection[str] = ()) -> tuple[Rest, ...]:
    """Return the living orders but those that are `going`: a plan's own cancels leave before its orders do."""
    return tuple(rest for name, rest in zip(reserve.ids, reserve.rests, strict=True) if name not in going)


def cash(rests: Iterable[Rest], held: dict[str, int]) -> int:
    """Return the collateral that living orders reserve, in micros; `held` are signed lots by market."""
    groups: dict[tuple[str, int], list[int]] = {}  # lots that may open, lots that only reduce, dearest unit
    for rest in rests:
        group = groups.setdefault((rest.market_id, rest.side), [0, 0, 0])
        if rest.reduce_only:
            group[1] += 0 if rest.separate else rest.lots
        else:
            group[0] += rest.lots
            group[2] = max(group[2], rest.unit)
        if rest.separate:
            group[1] = -1
    total = 0
    for (market_id, side), (opening, reducing, unit) in groups.items():
        against = 0 if reducing < 0 else max(0, -side * held.get(market_id, 0) - reducing)
        total += loss(unit, max(0, opening - against))
    return total


def lots(rests: Iterable[Rest], market_id: str, side: int) -> int:
    """Return the lots of a position (or of tokens) that living orders of a side may still take from it."""
    same = [rest for rest in rests if rest.market_id == market_id and rest.side == side]
    return sum(rest.lots for rest in same if rest.reduce_only or not rest.separate)
