"""Say what a desk may lose where, and what a wish for a market is measured against.

The long arm of a market is what a long may cost, the short arm what a short may cost; a resting order that only closes
what is held costs nothing:

    long = held long + bids, of these only what exceeds a held short        worst = max(long, short)

Bid and ask of one market cannot both lose, so the worse arm counts. What exceeds is valued at its dearest order.
Amounts in micros, sizes in lots. Source: catalogue rules of risk.entry_policy and risk.capital_allocator.
"""

from typing import NamedTuple

from bots.maths.entries import CERTAIN, NEVER, Ledger, Resting, Terms
from bots.maths.notional import MILLION
from bots.maths.ordered import find
from contracts.order import Account


class Arm(NamedTuple):
    """One market's arms in micros; what is held; and what bids and asks leave open, in lots and in micros."""

    long: int = 0
    short: int = 0
    held_lots: int = 0
    bid_lots: int = 0
    ask_lots: int = 0
    bid_micros: int = 0
    ask_micros: int = 0

    @property
    def worst(self) -> int:
        """What the market may cost."""
        return self.long if self.long > self.short else self.short

    def closing(self, side: int) -> int:
        """Return how many lots of a side would only close what is held, resting orders aside."""
        return max(0, -side * self.held_lots)

    def free(self, side: int) -> int:
        """Return how many lots of a side would only close what is held, after all that rests there was filled."""
        return max(0, self.closing(side) - (self.bid_lots if side > 0 else self.ask_lots))


def arms(ledger: Ledger) -> dict[str, Arm]:
    """Return the arms of every market in which something is held or rests."""
    found: dict[str, Arm] = {}
    for one in ledger.holdings:
        arm, size, cost = found.get(one.market_id, Arm()), one.size_lots, one.notional_micros
        long, short = (arm.long + cost, arm.short) if size > 0 else (arm.long, arm.short + cost)
        found[one.market_id] = Arm(long, short, arm.held_lots + size)
    against: list[Resting] = []
    for order in ledger.orders:
        long, short, held, bids, asks, bid_micros, ask_micros = found.get(order.market_id, Arm())
        cost, more = order.notional_micros, order.open_lots
        opens = cost
        if held * order.side < 0:
            opens = 0
            against.append(order)
        if order.side > 0:
            arm = Arm(long + opens, short, held, bids + more, asks, bid_micros + cost, ask_micros)
        else:
            arm = Arm(long, short + opens, held, bids, asks + more, bid_micros, ask_micros + cost)
        found[order.market_id] = arm
    return _turned(found, against) if against else found


def _turned(found: dict[str, Arm], against: list[Resting]) -> dict[str, Arm]:
    """Add what orders against a holding cost once it is closed, each lot at the dearest of them."""
    for market_id in dict.fromkeys(order.market_id for order in against):
        arm, own = found[market_id], [order for order in against if order.market_id == market_id]
        side = own[0].side
        beyond = sum(order.open_lots for order in own) - arm.closing(side)
        if beyond <= 0:
            continue
        dearest = max(-(-order.notional_micros * beyond // order.open_lots) for order in own if order.open_lots)
        cost = min(dearest, arm.bid_micros if side > 0 else arm.ask_micros)
        found[market_id] = arm._replace(long=arm.long + cost) if side > 0 else arm._replace(short=arm.short + cost)
    return found


class View(NamedTuple):
    """What a wish is measured against: counts, exposures in micros, and what is held of its market.

    confidence_milli  to beat, in thousandths; of the last entry
    scale_ins         made, and resting
    traded_ns         an entry was last accepted anywhere; -1 never; `symbol_traded_ns` in its market
    """

    positions: int
    symbol_positions: int
    regime_positions: int
    total_micros: int
    symbol_micros: int
    held_lots: int
    confidence_milli: int
    scale_ins: int
    traded_ns: int
    symbol_traded_ns: int


def look(
    ledger: Ledger, market_id: str, side: int, replaces: bool, bundle_id: str, regime: str, elsewhere_micros: int = 0
) -> View:
    """Return what a wish for a side of a market is measured against.

    A quote `replaces` what rests on its side. Legs of one bundle are one position, and a leg of the wish's own is none;
    an order that was filled in part, or only closes, is none either. `elsewhere_micros` is exposure beyond the ledger.
    """
    found = arms(ledger)
    arm = found.get(market_id, Arm())
    entries = [(one.market_id, one.terms) for one in ledger.holdings if one.size_lots]
    adding = 0
    for order in ledger.orders:
        if order.reduce_only or order.filled or (replaces and order.market_id == market_id and order.side == side):
            continue
        where = found[order.market_id]
        if where.closing(order.side) >= (where.bid_lots if order.side > 0 else where.ask_lots) > 0:
            continue
        entries.append((order.market_id, order.terms))
        if order.market_id == market_id and order.side == side:
            adding += 1
    count, in_symbol, in_regime = _counted(entries, market_id, bundle_id, regime)
    own = [one for one in ledger.holdings if one.market_id == market_id and one.size_lots]
    scale_ins = sum(one.scale_ins for one in own) + max(0, len(own) - 1) + adding
    exposure = sum(each.worst for each in found.values()) + elsewhere_micros
    beat = own[-1].terms.confidence_milli if own else CERTAIN
    names, times = ledger.trades
    place = find(names, market_id)
    last = times[place] if place >= 0 else NEVER
    return View(
        count, in_symbol, in_regime, exposure, arm.worst, arm.held_lots, beat, scale_ins, ledger.traded_ns, last
    )


def _counted(entries: list[tuple[str, Terms]], market_id: str, bundle_id: str, regime: str) -> tuple[int, int, int]:
    """Count entries: all, in a market, in a regime; those of one bundle once, those of the wish's own never."""
    count = in_symbol = in_regime = 0
    bundles: dict[str, tuple[bool, bool]] = {}
    for where, terms in entries:
        here, alike = where == market_id, terms.regime == regime
        if not terms.bundle_id:
            count, in_symbol, in_regime = count + 1, in_symbol + here, in_regime + alike
        elif terms.bundle_id != bundle_id:
            before = bundles.get(terms.bundle_id, (False, False))
            bundles[terms.bundle_id] = (before[0] or here, before[1] or alike)
    for here, alike in bundles.values():
        count, in_symbol, in_regime = count + 1, in_symbol + here, in_regime + alike
    return count, in_symbol, in_regime


def elsewhere(ledger: Ledger, account: Account) -> int:
    """Return the exposure that the account holds and the ledger has not seen, in micros."""
    return max(0, account.exposure_micros - sum(one.notional_micros for one in ledger.holdings))


def used(ledger: Ledger, strategy: str) -> int:
    """Return what a strategy has in use, resting orders included, in micros."""
    held = sum(one.notional_micros for one in ledger.holdings if one.strategy == strategy)
    return held + sum(order.notional_micros for order in ledger.orders if order.strategy == strategy)


def beside(ledger: Ledger, market_id: str, arm: Arm, side: int, unit: int) -> int:
    """Return what an order of a side stands beside in its market, in micros; below zero, it closes before it costs.

    Against what is held any order may fill first and close, and leave it to the others to open. So all of them count,
    less what is held at the cheapest of them, the new one with its `unit` (trillionths per lot) included.
    """
    if arm.held_lots * side >= 0:
        return arm.long if side > 0 else arm.short
    for order in ledger.orders:
        if order.market_id == market_id and order.side == side and order.open_lots:
            unit = min(unit, order.notional_micros * MILLION // order.open_lots)
    return (arm.bid_micros if side > 0 else arm.ask_micros) - arm.closing(side) * unit // MILLION
