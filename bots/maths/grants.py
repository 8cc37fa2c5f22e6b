"""Say what a strategy was granted, and keep what it has used of a rolling day.

Use is kept in spans of five minutes, so that a day costs 288 numbers however much is traded; a span counts until all of
it has left the window, which never forgets too early. Amounts in micros, times in ns.
Source: Saltzer, J., Schroeder, M. (1975): whatever is not granted is denied.
"""

from collections.abc import Collection

from msgspec import Struct

from contracts.order import CANCEL, CONVERT, MERGE, PLACE, REDEEM
from contracts.policy import Grant

SPAN_NS = 300_000_000_000
GRANTABLE = frozenset({PLACE, CANCEL, MERGE, REDEEM, CONVERT})


class Used(Struct, frozen=True, gc=False):
    """What strategies used: (strategy, number of the span, micros), oldest span first."""

    spans: tuple[tuple[str, int, int], ...] = ()


def added(used: Used, strategy: str, amount_micros: int, now: int, window_h: int) -> Used:
    """Return the use with an amount added; what has left the window is forgotten."""
    span, first = now // SPAN_NS, _first(now, window_h)
    kept = [entry for entry in used.spans if entry[1] >= first]
    for place in range(len(kept) - 1, -1, -1):
        name, number, before = kept[place]
        if number != span:
            break
        if name == strategy:
            kept[place] = (name, number, before + amount_micros)
            return Used(tuple(kept))
    return Used((*kept, (strategy, span, amount_micros)))


def within(used: Used, strategy: str, now: int, window_h: int) -> int:
    """Return what a strategy used in the window."""
    first = _first(now, window_h)
    return sum(amount for name, number, amount in used.spans if name == strategy and number >= first)


def _first(now: int, window_h: int) -> int:
    """Return the number of the oldest span that is still in the window, if only in part."""
    return (now - window_h * 12 * SPAN_NS) // SPAN_NS


def covers(grant: Grant, methods: Collection[str], targets: Collection[str], now: int) -> bool:
    """True when a grant holds now and names every method and target, each of whose first use a person confirmed.

    What moves funds away is never granted, whatever the list says.
    """
    in_time = grant.not_before_ns <= now and (not grant.not_after_ns or now <= grant.not_after_ns)
    known = set(grant.targets) & set(grant.confirmed)
    return in_time and set(methods) <= set(grant.methods) & GRANTABLE and set(targets) <= known
