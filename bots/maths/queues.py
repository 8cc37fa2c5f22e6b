"""Follow the queue before a resting order and the chance that it fills (Cont et al. 2010; Avellaneda-Stoikov 2008).

    c = rate * exp(-k_d * d)            lots a second that leave a level d ticks behind the touch: trades and cancels
    P(fill in T) = 1 - exp(-c * T / (ahead + qty)),   t_fill = (ahead + qty) / c

The queue shrinks by trades at its price and by its share of the cancels there (pro rata): ahead * (cancelled / shown).
Rates are averages over an exponential window of lots, so one number stands for arrivals times mean size.
"""

from math import exp

from msgspec import Struct

REACH = 0.001  # a level whose rate is below a thousandth of the touch's is out of reach
NEVER_S = 1e9


class Place(Struct, frozen=True, gc=False):
    """One of our orders in its queue.

    ahead, shown  lots before it and displayed at its price, at the last look;  traded  lots traded there since
    born_ns       when it joined;  bucket  how far behind the touch
    """

    client_order_id: str
    side: int
    price_ticks: int
    ahead: int
    shown: int
    traded: int
    born_ns: int
    bucket: int


class Flow(Struct, frozen=True, gc=False):
    """Lots that left the queues, in an exponential window: by sellers (bids), by buyers (asks), by cancels."""

    sold: float = 0.0
    bought: float = 0.0
    cancelled: float = 0.0
    at_ns: int = 0


def added(flow: Flow, sold: float, bought: float, cancelled: float, now: int, window_ns: int) -> Flow:
    """Return the flow with more lots, as it counts now."""
    keep = exp((flow.at_ns - now) / window_ns) if window_ns else 0.0
    return Flow(flow.sold * keep + sold, flow.bought * keep + bought, flow.cancelled * keep + cancelled, now)


def rate(flow: Flow, side: int, now: int, window_ns: int) -> float:
    """Return the lots a second that leave the touch of one side."""
    if not window_ns:
        return 0.0
    lots = (flow.sold if side > 0 else flow.bought) + flow.cancelled
    return lots * exp((flow.at_ns - now) / window_ns) * 1e9 / window_ns


def looked(place: Place, shown: int) -> tuple[Place, int]:
    """Return a place after a look at its level, and the lots that were cancelled there since the last look."""
    if shown == place.shown and not place.traded:
        return place, 0
    gone = max(0, place.shown - shown - place.traded)
    ahead = place.ahead - (gone * place.ahead // place.shown if gone else 0)
    fresh = Place(
        place.client_order_id, place.side, place.price_ticks, min(ahead, shown), shown, 0, place.born_ns, place.bucket
    )
    return fresh, gone


def hit(place: Place, lots: int) -> Place:
    """Return a place after a trade at its price."""
    head = (place.client_order_id, place.side, place.price_ticks)
    return Place(*head, max(0, place.ahead - lots), place.shown, place.traded + lots, place.born_ns, place.bucket)


def chance(lots_per_s: float, distance: int, k_d: float, queue: int, horizon_s: int) -> tuple[float, float]:
    """Return (probability of a fill within the horizon, expected seconds to it) for a queue that ends with our order.

    (0, NEVER_S) where nothing moves or the price is out of reach.
    """
    fade = exp(-k_d * distance) if distance else 1.0
    consumed = lots_per_s * fade
    if fade < REACH or consumed <= 0.0:
        return 0.0, NEVER_S
    return 1.0 - exp(-consumed * horizon_s / max(1, queue)), min(NEVER_S, queue / consumed)


def is_reachable(distance: int, k_d: float) -> bool:
    """True when a level that far behind the touch still moves at least at a thousandth of its rate."""
    return distance <= 0 or exp(-k_d * distance) >= REACH
