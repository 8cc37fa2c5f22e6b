"""Keep what is known of the funding of every perpetual of a lane, and compare those of one symbol.

    basis = (mark - index) / index;  z = (basis - mean) / sd, mean and sd as they were before this basis
    spread(A) = the largest difference, by size, of A's rate and that of another venue, both for eight hours

Symbols: rate a fraction of notional per interval. A basis is 0 sd from its mean until it has been watched for a minute,
and an sd below a tenth of a basis point is the rounding of prices. A market whose index is older than the budget has no
rate to compare. Source: rule of intel.funding_basis.
"""

from msgspec import Struct
from msgspec.structs import replace

from bots.maths.basis import Basis
from bots.maths.ordered import find, put
from bots.maths.premium import USUAL_H, Average, usual
from contracts.ids import symbol_of
from contracts.market import MarketDefinition

WARM_S, SD_MIN = 60.0, 1e-5
UNKNOWN = "UNKNOWN"


class Watch(Struct, frozen=True, gc=False):
    """What is known of one market.

    symbol   the venue's own spelling, by which venues are compared
    hours    length of its funding interval
    average  the premium over the running interval
    basis    mean and variance of its basis
    index_ns when its index was seen last; before the first, when the market was
    label    as it was said last; empty before
    rate     as it was said last
    ends_ns  end of the interval that it was said of
    spread   as it was said last
    against  the market that it was said against; empty when none was
    """

    symbol: str
    hours: int
    average: Average = Average()
    basis: Basis = Basis()
    index_ns: int = 0
    label: str = ""
    rate: float = 0.0
    ends_ns: int = 0
    spread: float = 0.0
    against: str = ""


class Lane(Struct, frozen=True, gc=False):
    """The markets of a lane by their ids."""

    ids: tuple[str, ...] = ()
    watches: tuple[Watch, ...] = ()

    def of(self, definition: MarketDefinition, now: int) -> Watch:
        """Return a market's watch: a new one at first sight, a new average when its interval's length changed."""
        place, hours = find(self.ids, definition.market_id), definition.funding_interval_h or USUAL_H
        if place < 0:
            return Watch(symbol_of(definition.venue_id, definition.market_id), hours, index_ns=now)
        known = self.watches[place]
        return known if known.hours == hours else replace(known, hours=hours, average=Average())

    def put(self, market_id: str, watch: Watch) -> "Lane":
        """Return the lane with a market's watch."""
        place = find(self.ids, market_id)
        return Lane(self.ids if place >= 0 else put(self.ids, place, market_id), put(self.watches, place, watch))

    def spread(self, market_id: str, watch: Watch, now: int, budget_ns: int) -> tuple[float, str, str]:
        """Return the spread for eight hours, the market that it is against, and the other's label; "" without one."""
        best: tuple[float, str, str] = 0.0, "", UNKNOWN
        if watch.label == UNKNOWN:
            return best
        for other_id, other in zip(self.ids, self.watches, strict=True):
            known = other.label not in ("", UNKNOWN) and now - other.index_ns <= budget_ns
            if other.symbol == watch.symbol and other_id != market_id and known:
                spread = usual(watch.rate, watch.hours) - usual(other.rate, other.hours)
                if not best[1] or abs(spread) > abs(best[0]):
                    best = spread, other_id, other.label
        return best


def deviation(basis: Basis, gap: float) -> float:
    """Return how many standard deviations a basis is from its mean."""
    if basis.elapsed < WARM_S:
        return 0.0
    deviations: float = (gap - basis.mean) / max(basis.variance**0.5, SD_MIN)
    return deviations
