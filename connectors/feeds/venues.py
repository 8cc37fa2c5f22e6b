"""Make a venue from what a person typed: its name, markets, other places, other limits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from connectors.errors import FeedError
from connectors.feeds import binance, bitget, kalshi, polymarket
from connectors.feeds.kalshi_key import KEY, KEY_ID, signer
from connectors.feeds.venue import Limits, Places, Venue, is_loopback

MARKETS_MAX = 5_000


class Known(NamedTuple):
    """What is known of a venue before anybody asks for it: the dialect of its frames, where it is, its limits."""

    dialect: str
    places: Places
    limits: Limits


KNOWN = {
    kalshi.NAME: Known(kalshi.DIALECT, kalshi.PLACES, kalshi.LIMITS),
    polymarket.NAME: Known(polymarket.DIALECT, polymarket.PLACES, polymarket.LIMITS),
    binance.NAME: Known(binance.DIALECT, binance.PLACES, binance.LIMITS),
    bitget.NAME: Known(bitget.DIALECT, bitget.PLACES, bitget.LIMITS),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to record, and where it is.

    venue    one of KNOWN
    markets  as the venue spells them, each once
    places   the venue's own, or others: a test network, a server on this machine
    limits   the venue's own, or others
    key_id   reference to the id of a key, where the venue wants one
    key      reference to the key
    about    fetch the definitions of the markets first
    """

    venue: str
    markets: tuple[str, ...]
    places: Places
    limits: Limits
    key_id: str = KEY_ID
    key: str = KEY
    about: bool = True

    @property
    def is_here(self) -> bool:
        """True when nothing outside this machine is spoken to."""
        return all(is_loopback(host) for host in self.places.hosts())


def wanted(
    venue: str,
    markets: Sequence[str],
    *,
    base: str = "",
    rest: str = "",
    patience_s: float | None = None,
    key_id: str = "",
    key: str = "",
    about: bool = True,
) -> Wanted:
    """Check what was typed; `markets` may hold several with commas. Raises FeedError naming what is allowed."""
    if venue not in KNOWN:
        raise FeedError(f"venue {venue[:100]!r}: unknown; allowed: {', '.join(KNOWN)}")
    named = [part.strip() for text in markets for part in text.split(",")]
    found = tuple(dict.fromkeys(name for name in named if name))
    if not 1 <= len(found) <= MARKETS_MAX:
        raise FeedError(f"--markets: {len(found)} named; allowed: 1 to {MARKETS_MAX}")
    limits = KNOWN[venue].limits
    if patience_s is not None:
        if not limits.probe_s < patience_s <= limits.first_s:
            raise FeedError(f"--patience {patience_s}: allowed: above {limits.probe_s}, up to {limits.first_s} seconds")
        limits = replace(limits, patience_s=patience_s)
    return Wanted(venue, found, KNOWN[venue].places.moved(base, rest), limits, key_id or KEY_ID, key or KEY, about)


def venue_of(what: Wanted) -> Venue:
    """Return the venue as it is to be recorded; reads the key where one is needed. Raises FeedError."""
    venue: kalshi.Kalshi | polymarket.Polymarket | binance.Binance | bitget.Bitget
    if what.venue == kalshi.NAME:
        key = signer(what.key_id, what.key)
        venue = kalshi.Kalshi(what.markets, key, places=what.places, limits=what.limits)
    elif what.venue == polymarket.NAME:
        venue = polymarket.Polymarket(what.markets, places=what.places, limits=what.limits)
    elif what.venue == binance.NAME:
        venue = binance.Binance(what.markets, places=what.places, limits=what.limits)
    else:
        venue = bitget.Bitget(what.markets, places=what.places, limits=what.limits)
    if not what.about:
        venue.about = ()
    return venue
