"""Predict what a perpetual pays at its next funding, from the premium of its book over its index.

    P = (max(0, impact bid - index) - max(0, index - impact ask)) / index
    P_avg = sum of w * P over the interval, w growing linearly with the time since the interval began
    rate = clip((P_avg + clip(I - P_avg, -clamp, clamp)) * hours / 8, -cap, cap)
    annualised = rate * 24 / hours * 365;  spread(A, B) = rate_A * 8 / hours_A - rate_B * 8 / hours_B

Symbols: impact bid and ask the average prices at which the impact notional is sold and bought at once; I the interest
of eight hours; hours the length of the interval; rates are fractions of notional, paid by longs when positive. Venues
state premium and interest for eight hours and divide by 8 / hours where they fund more often. A premium holds until the
next one is seen, so its weight is the integral of w between them.
Source: Binance, Introduction to futures funding rates; Bitget, Funding rate calculation; catalogue intel.funding_basis.
"""

from msgspec import Struct

from bots.kit import Book
from bots.maths.instruments import is_linear
from contracts.market import MarketDefinition

MILLION, SECOND, HOUR = 1_000_000, 1_000_000_000, 3_600_000_000_000
USUAL_H = 8


class Average(Struct, frozen=True, gc=False):
    """The premium's average over a running interval.

    start_ns  when the interval began
    total     sum of weight * premium
    weight    sum of weights, in squared seconds
    premium   the last premium seen
    at_ns     up to where it counts; 0 while no premium is known
    """

    start_ns: int = 0
    total: float = 0.0
    weight: float = 0.0
    premium: float = 0.0
    at_ns: int = 0

    @property
    def mean(self) -> float:
        """The weighted average; the last premium while nothing has weight yet."""
        return self.total / self.weight if self.weight > 0.0 else self.premium

    def coverage(self, now: int) -> float:
        """Return the share of the interval's weight so far that was seen, 0 to 1."""
        whole = _weight(0, now - self.start_ns)
        return min(1.0, self.weight / whole) if whole > 0.0 else 0.0


def _weight(since_ns: int, until_ns: int) -> float:
    """Integral of the time since the interval began, in squared seconds."""
    since, until = since_ns / SECOND, until_ns / SECOND
    return (until * until - since * since) / 2.0


def interval_start(now: int, hours: int, next_funding_ns: int) -> int:
    """Return when the running interval began: before the next funding if that is known, else at whole hours of UTC."""
    length = hours * HOUR
    phase = next_funding_ns % length if next_funding_ns else 0
    return (now - phase) // length * length + phase


def seen(average: Average, premium: float | None, now: int, start_ns: int) -> Average:
    """Return the average after a premium, or after a moment without one (None): what is unknown has no weight."""
    if average.start_ns != start_ns:
        average = Average(start_ns, 0.0, 0.0, average.premium, start_ns if average.at_ns else 0)
    total, weight = average.total, average.weight
    if average.at_ns:
        more = _weight(average.at_ns - start_ns, max(now, average.at_ns) - start_ns)
        total, weight = total + more * average.premium, weight + more
    if premium is None:
        return Average(start_ns, total, weight, average.premium, 0)
    return Average(start_ns, total, weight, premium, now)


def impact(book: Book, side: int, notional_micros: int, definition: MarketDefinition) -> float:
    """Return the average price in micros at which a notional meets the displayed `side`; what stands there if less.

    0.0 for an empty side. A contract that settles in coins is worth its multiplier, whatever the price.
    """
    tick, lot = definition.tick_micros, definition.lot_micros
    fixed = 0 if is_linear(definition) else definition.multiplier_micros
    left, paid, size = float(notional_micros), 0.0, 0.0
    for price_ticks, lots in book.walk(side, 1 if side > 0 else book.grid):
        price, units = price_ticks * tick, lots * lot / MILLION
        value = units * (fixed or price)
        if value >= left:
            units *= left / value
            return (paid + units * price) / (size + units)
        left, paid, size = left - value, paid + units * price, size + units
    return paid / size if size else 0.0


def premium(impact_bid: float, impact_ask: float, index_micros: int) -> float:
    """Return the premium of the impact prices over the index; an empty side (0.0) has no say."""
    above = max(0.0, impact_bid - index_micros) if impact_bid else 0.0
    below = max(0.0, index_micros - impact_ask) if impact_ask else 0.0
    return (above - below) / index_micros


def predicted(mean: float, interest: float, clamp: float, cap: float, hours: int) -> float:
    """Return the rate of an interval of so many hours, as a fraction of notional."""
    rate = (mean + _clip(interest - mean, clamp)) * hours / USUAL_H
    return _clip(rate, cap)


def _clip(x: float, most: float) -> float:
    return max(-most, min(most, x))


def annualised(rate: float, hours: int) -> float:
    """Return a rate per interval as a rate per year of 365 days, not compounded."""
    return rate * 24.0 / hours * 365.0


def usual(rate: float, hours: int) -> float:
    """Return a rate per interval as a rate per eight hours, so that venues compare."""
    return rate * USUAL_H / hours
