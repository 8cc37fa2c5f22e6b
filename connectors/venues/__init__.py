"""Open a venue of orders by its name: one module to a venue, each behind the protocol of `connectors/venue.py`.

Begin with `asking.py` (HTTP, and what a failure proves), then `kalshi.py` or `polymarket.py`; `*_words.py` read what a
venue says. A venue that is not in `OPENERS` has no execution, and cannot be enabled in live. Perpetuals come through
ccxt (`ccxt_perps.py`), which is read only where such a venue is opened. No module here holds a key.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from connectors.errors import EdgeError
from connectors.feeds.venue import is_loopback
from connectors.signer_client import SignerClient
from connectors.venue import Terms, Venue
from connectors.venues import ccxt_perps, kalshi, polymarket
from contracts.order import PlannedOrder

LIVE, PROBE = "live", "testnet_probe"


class NoExecution(EdgeError):
    """A venue has no execution here, so it cannot be enabled; the message names it."""


class Wanted(NamedTuple):
    """What an opener is told.

    base_url   the venue's address, or a mock's on this machine
    signer     who holds the keys
    mode       live or testnet_probe
    key_refs   use -> reference: `calls`, and `orders` where orders are signed with another key
    markets    what the desk trades there
    planned    our id -> what the outbox has of an order
    leverage   market -> leverage that the desk states, for perpetuals
    """

    base_url: str
    signer: SignerClient
    mode: str
    key_refs: Mapping[str, str]
    markets: tuple[Terms, ...]
    planned: Callable[[str], tuple[PlannedOrder, Terms] | None]
    leverage: Mapping[str, int]


def _kalshi(wanted: Wanted) -> Venue:
    return kalshi.Kalshi(
        wanted.base_url, wanted.signer, key_ref=wanted.key_refs["calls"], mode=wanted.mode, markets=wanted.markets
    )


def _polymarket(wanted: Wanted) -> Venue:
    return polymarket.Polymarket(
        wanted.base_url,
        wanted.signer,
        key_ref=wanted.key_refs["calls"],
        wallet_ref=wanted.key_refs["orders"],
        mode=wanted.mode,
        markets=wanted.markets,
        planned=wanted.planned,
    )


def _perps(venue_id: str) -> Callable[[Wanted], Venue]:
    def opened(wanted: Wanted) -> Venue:
        return ccxt_perps.Perps(
            venue_id,
            wanted.base_url,
            wanted.signer,
            key_ref=wanted.key_refs["calls"],
            mode=wanted.mode,
            markets=wanted.markets,
            leverage=wanted.leverage,
        )

    return opened


# Which venues have execution; the address of each mode (Polymarket has no network for tests); which keys they need.
OPENERS: dict[str, Callable[[Wanted], Venue]] = {
    kalshi.VENUE_ID: _kalshi,
    polymarket.VENUE_ID: _polymarket,
    ccxt_perps.BITGET: _perps(ccxt_perps.BITGET),
    ccxt_perps.BINANCE: _perps(ccxt_perps.BINANCE),
}
ADDRESSES: dict[str, dict[str, str]] = {
    kalshi.VENUE_ID: {LIVE: kalshi.REST, PROBE: kalshi.DEMO_REST},
    polymarket.VENUE_ID: {LIVE: polymarket.REST},
    ccxt_perps.BITGET: dict(ccxt_perps.HOSTS[ccxt_perps.BITGET]),  # demo trading is a header there
    ccxt_perps.BINANCE: dict(ccxt_perps.HOSTS[ccxt_perps.BINANCE]),
}
KEY_USES: dict[str, tuple[str, ...]] = {
    kalshi.VENUE_ID: ("calls",),
    polymarket.VENUE_ID: ("calls", "orders"),
    ccxt_perps.BITGET: ("calls",),
    ccxt_perps.BINANCE: ("calls",),
}


def can_execute(venue_id: str) -> bool:
    """True for a venue with execution."""
    return venue_id in OPENERS


def open_venue(
    venue_id: str,
    base_url: str,
    signer: SignerClient,
    mode: str,
    key_refs: Mapping[str, str],
    markets: Iterable[Terms] = (),
    planned: Callable[[str], tuple[PlannedOrder, Terms] | None] = lambda client_order_id: None,
    leverage: Mapping[str, int] | None = None,
) -> Venue:
    """Return a venue for one account, whose keys are named by `key_refs`; `base_url` empty takes the mode's own.

    Raises NoExecution for a venue, mode, address or set of keys with which nothing can be executed.
    """
    if venue_id not in OPENERS:
        raise NoExecution(f"venue {venue_id!r}: has no execution here; allowed: {', '.join(sorted(OPENERS))}")
    own = ADDRESSES[venue_id].get(mode, "")
    base = (base_url or own).rstrip("/")
    here = bool(urlsplit(base).netloc) and is_loopback(urlsplit(base).netloc)
    if not own and not here:
        modes = ", ".join(ADDRESSES[venue_id])
        raise NoExecution(f"venue {venue_id}: mode {mode!r}: has no network for it; allowed: {modes}")
    if base != own and not here:
        raise NoExecution(
            f"venue {venue_id}: {base[:80]}: allowed in mode {mode}: {own}, or an address of this machine"
        )
    if missing := sorted(set(KEY_USES[venue_id]) - key_refs.keys()):
        raise NoExecution(f"venue {venue_id}: no key for {', '.join(missing)}")
    return OPENERS[venue_id](Wanted(base, signer, mode, key_refs, tuple(markets), planned, leverage or {}))
