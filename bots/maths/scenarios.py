"""Revalue what is held, and one order, under a fixed library of adverse scenarios; library `tail-1`.

    cluster, window   every market of it resolves against us: sum over groups of the worst outcome, at the mark
    gap               every perpetual moves against us by g = k * sigma * sqrt(86400) + 3 * max(cap, |rate|)
    venue             what is held and rests at one venue is lost: its worst outcomes together
    spread            everything is closed at 2.5 spreads from mid, that is at half of five times the spread
    depeg             the collateral token loses a share of equity

    loss(size) = L + max(0, unit * size - slack),  largest size: unit * size <= slack + max(0, limit - L)

Symbols: L the scenario's loss without the order, slack what the order may lose before that grows (it offsets a position
or an order), unit what one lot of the order loses; k in standard deviations, sigma per square-root second, so that k
sigmas are those of a day; rate of funding per interval, cap the most that a venue charges, 0.3 % as both venues publish
for BTCUSDT. Every resting order counts as filled where it hurts. Gains net only inside a market, its complement and a
neg-risk event (bots/maths/holdings.py); perpetuals net not at all. Cash at a venue is not counted: no order moves it.
Marks count rounded up against us, to a hundredth of a binary, to a 64th of a perpetual's, so that most moves of a mark
change nothing: what is held is overstated by that much at most. Everything is in micros.
Source: rule of risk.tail_loss_simulator; Artzner, P. et al. (1999), Coherent measures of risk, for scenarios.
"""

from math import ceil, sqrt

from msgspec import Struct

from bots.maths.holdings import NO_EXPIRY, Holdings, in_window, standing
from bots.maths.notional import MILLION, held_losses
from bots.maths.ordered import drop, find, put, total
from contracts.market import MarketDefinition, MarketSnapshot
from contracts.order import PositionState
from contracts.signal import SignalReport

LIBRARY = "tail-1"
BINARY_STEP = 10_000
DAY_S, INTERVALS, FUNDING_CAP = 86_400, 3, 0.003
TOKEN_VENUES = frozenset({"polymarket"})
NO_LOSSES = (0, 0, 0)


class Book(Struct, frozen=True, gc=False):
    """What each market loses if NO (or down), if YES (or up) and at five spreads; the sum of the last; the unpriced."""

    names: tuple[str, ...] = ()
    losses: tuple[tuple[int, int, int], ...] = ()
    spread_loss: int = 0
    blind: tuple[str, ...] = ()


Scenario = tuple[int, int, int]
"""A scenario that an order moves: its loss without it, the order's slack, and what one lot loses (trillionths)."""


def gap_stress(k: float, volatility: SignalReport | None, funding: SignalReport | None) -> int:
    """Return the gap of a perpetual as millionths of its notional, rounded up; 0 when its volatility is not known."""
    if volatility is None or volatility.label == "UNKNOWN" or volatility.value <= 0.0:
        return 0
    rate = abs(funding.value) if funding is not None and funding.label != "UNKNOWN" else 0.0
    return ceil((k * volatility.value * sqrt(DAY_S) + INTERVALS * max(FUNDING_CAP, rate)) * MILLION)


def stressed_spread(definition: MarketDefinition, snapshot: MarketSnapshot | None) -> int:
    """Return what closing one lot at five times the spread costs, in trillionths; -1 when the book has no two sides."""
    if snapshot is None or not 0 < snapshot.bid_ticks <= snapshot.ask_ticks:
        return -1
    if definition.grid_ticks and snapshot.ask_ticks > definition.grid_ticks:
        return -1
    return -(-5 * (snapshot.ask_ticks - snapshot.bid_ticks) * definition.tick_micros * definition.lot_micros // 2)


def losses_of(
    definition: MarketDefinition, position: PositionState, gap: int, snapshot: MarketSnapshot | None
) -> tuple[int, int, int] | None:
    """Return what a position loses if NO, if YES, and at five spreads; None when a price for it is missing."""
    size, mark = position.size_lots, position.mark_micros
    if not size:
        return NO_LOSSES
    if mark < 0 or position.drift:
        return None
    if definition.instrument_kind:
        if not gap:
            return None
        step = max(1, 1 << max(0, mark.bit_length() - 7))
        mark = -(-mark // step) * step
    else:
        mark = min(MILLION, -(-mark // BINARY_STEP) * BINARY_STEP) if size > 0 else mark // BINARY_STEP * BINARY_STEP
    worth = -(-mark * abs(size) * definition.lot_micros // MILLION)
    if definition.instrument_kind:
        no, yes = held_losses(definition, size, worth if size > 0 else -worth, gap)
    else:
        worth = worth if size > 0 else -(mark * -size * definition.lot_micros // MILLION)
        no, yes = held_losses(definition, size, worth, MILLION)
    unit, worst = stressed_spread(definition, snapshot), max(no, yes)
    return no, yes, worst if unit < 0 else min(worst, -(-unit * abs(size) // MILLION))


def noted(book: Book, name: str, losses: tuple[int, int, int] | None) -> Book:
    """Return the book with what one market loses, or that it is not priced; the same object when nothing changed."""
    place, blind = find(book.names, name), book.blind
    old = book.losses[place] if place >= 0 else NO_LOSSES
    if (name in blind) != (losses is None):
        blind = tuple(sorted((*blind, name))) if losses is None else tuple([other for other in blind if other != name])
    fresh = old if losses is None else losses
    if fresh == old:
        return book if blind is book.blind else Book(book.names, book.losses, book.spread_loss, blind)
    spread = book.spread_loss + fresh[2] - old[2]
    if fresh == NO_LOSSES:
        return Book(drop(book.names, place), drop(book.losses, place), spread, blind)
    names = book.names if place >= 0 else put(book.names, place, name)
    return Book(names, put(book.losses, place, fresh), spread, blind)


class Order(Struct, frozen=True, gc=False):
    """An order: its side, what one lot loses and what closing it at five spreads costs (trillionths; -1 unknown)."""

    side: int
    unit: int
    closing: int


def touched(
    holdings: Holdings, book: Book, definition: MarketDefinition, label: str, width_ns: int, order: Order
) -> tuple[Scenario, ...]:
    """Return the scenarios that an order moves; `label` names its cluster, `width_ns` is that of a window."""
    side, unit = order.side, order.unit
    start, by_cluster, by_venue, other = standing(holdings, definition, label, width_ns, side)
    if definition.instrument_kind:
        other = total(holdings.windows, NO_EXPIRY)
    slack = start.group_worst - start.group
    place = find(book.names, definition.market_id)
    no, yes, spread = book.losses[place] if place >= 0 else NO_LOSSES
    opposes = no > yes if side < 0 else yes > no
    closing = order.closing if 0 <= order.closing < unit else unit
    return (
        (by_cluster, slack, unit),
        (by_venue, slack, unit),
        (other, slack, unit),
        (book.spread_loss, 2 * spread if opposes else 0, closing),
    )


def whole(holdings: Holdings, book: Book, limit: int, depegged: int) -> int:
    """Return the worst loss over the library without the order, in micros.

    No scenario of the holdings loses more than all of them, so while that is below `limit` it stands for them.
    """
    worst = max(book.spread_loss, depegged)
    if holdings.total <= limit:
        return worst
    return max(worst, *holdings.clusters[1], *holdings.venues[1], *_windows(holdings))


def _windows(holdings: Holdings) -> list[int]:
    """Return `in_window` of every window, in one pass; what has no expiry stands alone."""
    keys, sums = holdings.windows
    if keys and keys[0] < 0:
        return [sums[0] if key == NO_EXPIRY else in_window(holdings, key) for key in keys]
    found, last, before = [], -2, 0
    for key, lost in zip(keys, sums, strict=True):
        if key == last + 1:
            found.append(before + lost)
        found.append(lost)
        last, before = key, lost
    return found


def afforded(
    scenarios: tuple[Scenario, ...], size_lots: int, limit: int, spent: bool, worst: int = 0
) -> tuple[int, int]:
    """Return the largest part of an order that every scenario affords, in lots, and the worst loss with all of it.

    `spent` says that the book is past the limit: then only what raises no scenario's loss is afforded. `worst` is the
    least that is returned as the worst loss.
    """
    lots = size_lots
    for loss, slack, unit in scenarios:
        adds = -(-unit * size_lots // MILLION)
        if adds > slack:
            room = slack if spent or limit <= loss else slack + limit - loss
            if adds > room:
                lots = min(lots, room * MILLION // unit)
            loss += adds - slack
        if loss > worst:
            worst = loss
    return lots, worst
