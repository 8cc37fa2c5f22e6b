"""Price a trade on a displayed book: what a taker pays level by level, and what lies beyond the book.

Impact beyond the displayed depth follows the square root of participation, Y * sigma * sqrt(excess / adv) with sigma
per day and adv in contracts per day (Almgren et al. 2005); Y is near one in every study, and one here. Where volatility
is unknown sigma is the whole uncertainty of the outcome, sqrt(p (1 - p)), in one day, or a twentieth of a perpetual's
price; where volume is unknown a day is taken to trade what is displayed.
"""

from math import sqrt

from bots.kit import Book
from bots.maths.fees import trade_fee
from contracts.market import MarketDefinition, MarketSnapshot
from contracts.signal import SignalReport

MILLION = 1_000_000
IMPACT_Y = 1.0
DAY_ROOT_S = sqrt(86_400.0)
PERP_SIGMA = 0.05


def walk(book: Book, side: int, size_lots: int) -> tuple[int, int]:
    """Return (lots found, sum of price_ticks * lots) for a taker of `side`, best level first; scans what it takes."""
    left, paid = size_lots, 0
    for price, shown in book.walk(-side, book.grid if side > 0 else 1):
        if left <= 0:
            break
        got = left if left < shown else shown
        paid += price * got
        left -= got
    return size_lots - left, paid


def within(book: Book, side: int, limit_ticks: int, size_lots: int) -> int:
    """Return how much of a size a taker of `side` finds at its limit or better, in lots."""
    best = book.ask if side > 0 else book.bid
    if best <= 0 or best > book.grid or side * best > side * limit_ticks:
        return 0
    low, high = (best, limit_ticks) if side > 0 else (limit_ticks, best)
    return min(size_lots, book.between(-side, low, high))


def fee_each(definition: MarketDefinition, maker: bool, price_micros: int, size_lots: int) -> int:
    """Return the fee per contract in millionths, rounded up; below zero for a rebate."""
    lot = definition.lot_micros
    return -(-trade_fee(definition.fee, maker, price_micros, size_lots, lot) * MILLION // (size_lots * lot))


def slippage(
    book: Book,
    side: int,
    size_lots: int,
    definition: MarketDefinition,
    snap: MarketSnapshot | None,
    volatility: SignalReport | None,
) -> tuple[int, bool]:
    """Return (distance of the average price from mid in millionths, whether the size goes beyond the displayed depth).

    Both sides of the book must be there.
    """
    mid = (book.bid + book.ask) * definition.tick_micros // 2
    found, paid = walk(book, side, size_lots)
    slip = abs(paid * definition.tick_micros // found - mid) if found else 0
    if found == size_lots:
        return slip, False
    price, binary = mid / MILLION, definition.grid_ticks > 0
    if volatility is not None and volatility.label != "UNKNOWN":
        sigma = volatility.part("price_sigma") * DAY_ROOT_S
    else:
        sigma = sqrt(max(0.0, price * (1.0 - price))) if binary else price * PERP_SIGMA
    traded = snap.volume_micros if snap is not None else 0
    adv = traded * MILLION / (mid * definition.lot_micros) if traded else float(found)
    moved = round(IMPACT_Y * sigma * sqrt((size_lots - found) / max(adv, 1.0)) * MILLION)
    room = (MILLION - mid if side > 0 else mid) - slip if binary else moved
    return slip + min(moved, max(0, room)), True
