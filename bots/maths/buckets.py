"""Fill volume buckets with trades and measure how one-sided they are.

    VPIN = (1 / n) * sum over the last n buckets of |V_buy - V_sell| / V
    bulk rule: V_buy = V_unsigned * Phi(dX / sigma), dX the price change over the bucket, sigma its EWMA deviation

Symbols: V the bucket's volume in lots, V_buy and V_sell what buyers and sellers took of it, X the logit of the price
(binaries) or its log (perps). Trades that the venue signed count as signed; the rest of a bucket by the bulk rule.
Source: Easley, D., Lopez de Prado, M., O'Hara, M. (2012), Flow toxicity and liquidity in a high-frequency world.
"""

from math import sqrt

from msgspec import Struct
from msgspec.structs import replace

from bots.maths.ewma import steady_weight
from bots.maths.normal import phi
from bots.maths.quantile import EMPTY, Sketch, remember

SIGMA_SPAN = 50


class Buckets(Struct, frozen=True, gc=False):
    """The open bucket, the imbalances of the last n closed ones (buyers above zero), and the history of VPIN."""

    size: int = 0
    buy: int = 0
    sell: int = 0
    bulk: int = 0
    x_open: float = 0.0
    variance: float = 0.0
    closed: int = 0
    ring: tuple[float, ...] = ()
    history: Sketch = EMPTY


def vpin(buckets: Buckets) -> float:
    """Return the mean absolute imbalance of the remembered buckets, in [0, 1]; 0 without any."""
    return sum(map(abs, buckets.ring)) / len(buckets.ring) if buckets.ring else 0.0


def add(buckets: Buckets, lots: int, sign: int, x: float, size: int, n: int) -> Buckets:
    """Add a trade, split over as many buckets as it fills; `size` is the volume of buckets that open now."""
    if not buckets.size:
        buckets = replace(buckets, size=size, x_open=x)
    while lots:
        room = buckets.size - buckets.buy - buckets.sell - buckets.bulk
        part = min(lots, room)
        lots -= part
        buy = buckets.buy + part * (sign > 0)
        sell = buckets.sell + part * (sign < 0)
        buckets = replace(buckets, buy=buy, sell=sell, bulk=buckets.bulk + part * (sign == 0))
        if part == room:
            buckets = _close(buckets, x, size, n)
    return buckets


def _close(buckets: Buckets, x: float, size: int, n: int) -> Buckets:
    moved = x - buckets.x_open
    closed = buckets.closed + 1
    variance = buckets.variance + steady_weight(closed, SIGMA_SPAN) * (moved * moved - buckets.variance)
    share = phi(moved / sqrt(variance)) if variance > 0.0 else 0.5
    bought = buckets.buy + buckets.bulk * share
    imbalance = (2.0 * bought - buckets.size) / buckets.size
    ring = (*buckets.ring, imbalance)[-n:]
    fresh = Buckets(size, 0, 0, 0, x, variance, closed, ring, buckets.history)
    return replace(fresh, history=remember(buckets.history, vpin(fresh))) if len(ring) == n else fresh
