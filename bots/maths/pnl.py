"""Book profit and loss by its causes, so that the causes can be held against the change of equity.

    pnl = spread_capture + inventory_move + fees + rebates + funding + settlement
    spread_capture = side * (mark_at_fill - price) * size       inventory_move = position * change of mark
    settlement = position * (settlement price - mark)

Symbols: side 1 bought, -1 sold; prices and marks in millionths, sizes in lots of lot_micros. Amounts are kept in
micros * micros and brought to micros at the end, so nothing is lost by rounding. The sum does not depend on which mark
stands at a fill: what spread_capture gains by it, inventory_move loses. Source: bots/library.toml, gov.pnl_reporter.
"""

from collections.abc import Iterable
from functools import reduce

from msgspec import Struct, structs

from bots.maths.ordered import find, put
from contracts.base import Wire
from contracts.market import MarketSnapshot, Settlement
from contracts.order import Fill, PositionState

Numbers = tuple[tuple[str, int], ...]
MILLION = 1_000_000
NO_MARK = -1


class Parts(Struct, frozen=True, gc=False):
    """The causes, in micros * micros, each with its sign as seen by the desk."""

    spread_capture: int = 0
    inventory_move: int = 0
    fees: int = 0
    rebates: int = 0
    funding: int = 0
    settlement: int = 0

    def plus(self, other: "Parts", sign: int = 1) -> "Parts":
        """Return the sum (or difference) of two."""
        names = self.__struct_fields__
        return Parts(*(getattr(self, name) + sign * getattr(other, name) for name in names))

    @property
    def total_micros(self) -> int:
        """All causes together, in micros."""
        amounts: list[int] = [getattr(self, name) for name in self.__struct_fields__]
        return sum(amounts) // MILLION

    @property
    def named(self) -> Numbers:
        """Each cause with its name, in micros."""
        return tuple((name, getattr(self, name) // MILLION) for name in self.__struct_fields__)


class Leg(Struct, frozen=True, gc=False):
    """What one strategy holds and has made in one market; strategy "" is the market's own (funding).

    size  signed, in lots * lot_micros
    """

    strategy: str
    size: int = 0
    parts: Parts = Parts()


class Ledger(Struct, frozen=True, gc=False):
    """One market: its legs by strategy, its mark, and what its last position said.

    mark_micros  NO_MARK before the first; equity, realised, unrealised, funding as PositionState says
    unmarked     the last position had no mark; the mark before it is kept
    mid_half     last mid before there was a mark, in half ticks; 0 none
    held         position as PositionState says, in lots; lot_micros from the last match
    unsettled    trade ids whose rebate is accrued and not paid, newest last
    """

    venue_id: str = ""
    mark_micros: int = NO_MARK
    legs: tuple[Leg, ...] = ()
    equity_micros: int = 0
    realised_micros: int = 0
    unrealised_micros: int = 0
    funding_micros: int = 0
    mid_half: int = 0
    unmarked: bool = False
    held: int = 0
    lot_micros: int = 0
    unsettled: tuple[str, ...] = ()

    @property
    def is_blind(self) -> bool:
        """True when something held has no mark, or is more or less than what the matches say."""
        size = sum(leg.size for leg in self.legs)
        return size != self.held * self.lot_micros or self.unmarked or (self.held != 0 and not self.lot_micros)

    @property
    def parts(self) -> Parts:
        """The causes of all legs together."""
        return sum_of(leg.parts for leg in self.legs)

    def since(self, before: "Ledger") -> Numbers:
        """Return realised and unrealised since then, apart, and by how much the causes miss the change of equity."""
        made = self.parts.plus(before.parts, -1).total_micros
        return (
            ("realised", self.realised_micros - before.realised_micros),
            ("unrealised", self.unrealised_micros - before.unrealised_micros),
            ("difference", made - (self.equity_micros - before.equity_micros)),
        )


UNSETTLED_MAX = 1_024


def sum_of(some: Iterable[Parts]) -> Parts:
    """Return the sum of causes."""
    return reduce(Parts.plus, some, Parts())


def _put(ledger: Ledger, leg: Leg) -> Ledger:
    place = find(tuple(each.strategy for each in ledger.legs), leg.strategy)
    return structs.replace(ledger, legs=put(ledger.legs, place, leg))


def _leg(ledger: Ledger, strategy: str) -> Leg:
    place = find(tuple(each.strategy for each in ledger.legs), strategy)
    return ledger.legs[place] if place >= 0 else Leg(strategy)


def taken(ledger: Ledger, payload: Wire) -> Ledger:
    """Return the ledger with whatever a payload says of its market; a mid counts only until there is a mark."""
    if isinstance(payload, Fill):
        return filled(ledger, payload)
    if isinstance(payload, Settlement):
        return settled(ledger, payload)
    if isinstance(payload, PositionState):
        return positioned(ledger, payload)
    if isinstance(payload, MarketSnapshot) and ledger.mark_micros == NO_MARK:
        return structs.replace(ledger, mid_half=payload.bid_ticks + payload.ask_ticks)
    return ledger


def filled(ledger: Ledger, fill: Fill) -> Ledger:
    """Book a match. One that comes again settled only says that its rebate was paid."""
    if fill.settled and fill.trade_id in ledger.unsettled:
        return structs.replace(ledger, unsettled=tuple(each for each in ledger.unsettled if each != fill.trade_id))
    price, size = fill.price_ticks * fill.tick_micros, fill.side * fill.size_lots * fill.lot_micros
    mark = ledger.mark_micros
    if mark == NO_MARK:
        mark = ledger.mid_half * fill.tick_micros // 2 or price
    fee = fill.fee_micros * MILLION
    leg = _leg(ledger, fill.strategy)
    booked = Parts(spread_capture=(mark - price) * size, fees=-max(fee, 0), rebates=max(-fee, 0))
    ledger = _put(ledger, Leg(fill.strategy, leg.size + size, leg.parts.plus(booked)))
    accrued = fee < 0 and not fill.settled
    unsettled = (*ledger.unsettled, fill.trade_id)[-UNSETTLED_MAX:] if accrued else ledger.unsettled
    kept = {"venue_id": fill.venue_id, "lot_micros": fill.lot_micros, "unsettled": unsettled}
    return structs.replace(ledger, mark_micros=mark, **kept)


def marked(ledger: Ledger, mark_micros: int) -> Ledger:
    """Book a change of mark on everything held; the first mark books nothing."""
    if mark_micros == NO_MARK or mark_micros == ledger.mark_micros:
        return ledger
    change = mark_micros - ledger.mark_micros if ledger.mark_micros != NO_MARK else 0
    legs = tuple(
        structs.replace(leg, parts=leg.parts.plus(Parts(inventory_move=change * leg.size))) for leg in ledger.legs
    )
    return structs.replace(ledger, mark_micros=mark_micros, legs=legs)


def settled(ledger: Ledger, paid: Settlement) -> Ledger:
    """Book the payment at resolution: every leg ends at the settlement price."""
    change = paid.price_ticks * paid.tick_micros - ledger.mark_micros if ledger.mark_micros != NO_MARK else 0
    legs = tuple(Leg(leg.strategy, 0, leg.parts.plus(Parts(settlement=change * leg.size))) for leg in ledger.legs)
    ledger = structs.replace(ledger, legs=legs, mark_micros=paid.price_ticks * paid.tick_micros)
    own = _leg(ledger, "")
    fee = Parts(fees=-paid.fee_micros * MILLION)
    return _put(ledger, structs.replace(own, parts=own.parts.plus(fee))) if paid.fee_micros else ledger


def positioned(ledger: Ledger, position: PositionState) -> Ledger:
    """Take over what the position says: mark, funding, equity."""
    ledger = marked(ledger, position.mark_micros)
    funding = position.funding_micros - ledger.funding_micros
    if funding:
        own = _leg(ledger, "")
        ledger = _put(ledger, structs.replace(own, parts=own.parts.plus(Parts(funding=funding * MILLION))))
    return structs.replace(
        ledger,
        equity_micros=position.total_micros,
        realised_micros=position.realised_micros,
        unrealised_micros=position.unrealised_micros,
        funding_micros=position.funding_micros,
        held=position.size_lots,
        unmarked=position.mark_micros == NO_MARK and position.size_lots != 0,
    )
