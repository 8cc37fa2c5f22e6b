"""Say which allowances an order needs, and how high an allowance may be.

    buyer            collateral for the exchange of its kind of market; of a neg-risk market also for the adapter
    seller           the exchange (and the adapter) as operator of the outcome tokens
    needed           what the plan buys, and what living orders of the same kind may still buy
    ceiling          max(peak need of seven days * ceil_mult, min_ceiling)

A spender is its address; as operator of all tokens, which knows no amount, `erc1155:` and its address (-1 approved).
Amounts in micros. Source: Polymarket's documents on approvals and negative risk; catalogue rule of
sec.allowance_monitor.
"""

from collections.abc import Iterable

from msgspec import Struct

from bots.maths.chain_views import Provider
from contracts import polymarket

DAY_NS, DAYS = 86_400_000_000_000, 7
OPERATOR = "erc1155:"
UNLIMITED = -1
FULL = (1 << 63) - 1


class Peaks(Struct, frozen=True, gc=False):
    """The largest need of each spender by day: (spender, number of the day, micros)."""

    days: tuple[tuple[str, int, int], ...] = ()


def spenders_of(neg_risk: bool) -> tuple[str, ...]:
    """Return who must be allowed to move what an order trades."""
    if neg_risk:
        return polymarket.NEG_RISK_EXCHANGE, polymarket.NEG_RISK_ADAPTER
    return (polymarket.EXCHANGE,)


def noted(peaks: Peaks, spender: str, needed_micros: int, now: int) -> Peaks:
    """Return the peaks with a need of today; days older than seven are forgotten."""
    day = now // DAY_NS
    kept = [entry for entry in peaks.days if entry[1] > day - DAYS]
    for place, (name, number, before) in enumerate(kept):
        if (name, number) == (spender, day):
            kept[place] = (name, number, max(before, needed_micros))
            return Peaks(tuple(kept))
    return Peaks((*kept, (spender, day, needed_micros)))


def peak(peaks: Peaks, spender: str, now: int) -> int:
    """Return the largest need of a spender in seven days."""
    first = now // DAY_NS - DAYS
    return max((micros for name, number, micros in peaks.days if name == spender and number > first), default=0)


def allowed(believed: Iterable[Provider]) -> dict[str, tuple[int, int]]:
    """Return (least, most) of each allowance by its spender over all providers; unlimited counts as the largest number.

    A provider that does not name a spender shows none.
    """
    views = [{spender: _amount(micros) for spender, micros in known.said.allowances} for known in believed]
    spenders = sorted({spender for view in views for spender in view})
    return {
        name: (min(view.get(name, 0) for view in views), max(view.get(name, 0) for view in views)) for name in spenders
    }


def _amount(micros: int) -> int:
    return FULL if micros == UNLIMITED else micros
