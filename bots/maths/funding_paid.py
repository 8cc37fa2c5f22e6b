"""Pay the funding of a perpetual, in whole numbers: at each boundary longs pay shorts what a positive rate says.

    payment = floor(-size * lot * mark * rate / 10^15)        millionths; below zero it is paid, above received

Symbols: size signed lots, lot and mark in millionths, rate in parts per thousand million of the position's value at its
mark price, the last one heard before the boundary. Each payment is rounded once, and always against us. A boundary is
where the venue says (`next_funding_ns`); what it leaves open follows from the market's own interval, which divides a
day from midnight UTC. Source: the venues' rule, funding = position value at mark price * rate; facts on perpetuals.
"""

from typing import NamedTuple

from contracts.market import VenueMarkUpdate

HOUR_NS = 3_600_000_000_000
SCALE = 10**15
SKEW_NS = 60_000_000_000  # a venue's clock may be so far ahead of arrivals


class Terms(NamedTuple):
    """What is paid at the next boundary: at which mark and rate, and when (0: nobody said, so nothing is paid)."""

    mark_micros: int = 0
    rate_ppb: int = 0
    due_ns: int = 0


def boundary(after_ns: int, said_ns: int, interval_h: int) -> int:
    """Return the first boundary after a moment: the one the venue said, or a multiple of the interval beyond it.

    0 when neither says one.
    """
    if said_ns > after_ns or not interval_h:
        return max(0, said_ns) if said_ns > after_ns else 0
    step = interval_h * HOUR_NS
    return said_ns + ((after_ns - said_ns) // step + 1) * step


def terms(heard: VenueMarkUpdate, interval_h: int, now: int) -> Terms:
    """Return the terms of the next boundary as a market's last word states them."""
    return Terms(heard.mark_micros, heard.funding_rate_ppb, boundary(now, heard.next_funding_ns, interval_h))


def accrued(held: Terms, size_lots: int, lot_micros: int, interval_h: int, now: int, said_ns: int = 0) -> int:
    """Return what a size that was held all the time is paid for the boundaries that have passed, in micros.

    Boundaries slept through are paid at the last terms heard, each for itself. A venue that counts down to a later
    boundary (`said_ns`) within a minute of the one that is due has passed it, on its own clock.
    """
    if not held.due_ns:
        return 0
    count = 0
    if now >= held.due_ns:
        count = 1 + (now - held.due_ns) // (interval_h * HOUR_NS) if interval_h else 1
    elif said_ns > held.due_ns and held.due_ns - now <= SKEW_NS:
        count = 1
    return count * (-size_lots * lot_micros * held.mark_micros * held.rate_ppb // SCALE)
