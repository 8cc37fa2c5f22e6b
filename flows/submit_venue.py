"""Open the venue that a submitter speaks to, by its name; a venue whose execution is not built is refused by name.

Where a mode may reach: paper this machine alone, a probe a venue's test network or this machine, live everything.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from connectors.feeds.venue import is_loopback
from connectors.outbox import Outbox
from connectors.signer_client import SignerClient
from connectors.venue import Terms, Venue
from contracts.base import Refused
from contracts.order import PlannedOrder

PAPER, PROBE, LIVE = "paper", "testnet_probe", "live"
MODES = (PAPER, PROBE, LIVE)


class Way(NamedTuple):
    """How a venue is reached and who signs there.

    url         empty: the venue's own address
    key_ref     the key of calls;  wallet_ref  the key of orders, where a venue has one of its own
    """

    url: str
    signer: SignerClient
    key_ref: str
    wallet_ref: str
    mode: str

    @property
    def signing_mode(self) -> str:
        """Return the mode of the keys: on paper nothing is signed but for a mock, with the keys of a probe."""
        return PROBE if self.mode == PAPER else self.mode


class Known(NamedTuple):
    """What a venue's module may ask of us: the markets, and an order of the outbox by its id."""

    markets: Mapping[str, Terms]
    outbox: Outbox

    def planned(self, client_order_id: str) -> tuple[PlannedOrder, Terms] | None:
        """Return an order and its market's terms; None for one that never came, or of a market that is not known."""
        row = self.outbox.row(client_order_id)
        terms = self.markets.get(row.market_id) if row is not None else None
        return None if terms is None else (self.outbox.body(client_order_id).child, terms)


def _kalshi(way: Way, known: Known) -> Venue:
    from connectors.venues.kalshi import DEMO_REST, REST, Kalshi

    url = _reached(way, REST, DEMO_REST)
    return Kalshi(url, way.signer, key_ref=way.key_ref, mode=way.signing_mode, markets=known.markets.values())


def _polymarket(way: Way, known: Known) -> Venue:
    from connectors.venues.polymarket import REST, Polymarket

    return Polymarket(
        _reached(way, REST, ""),
        way.signer,
        key_ref=way.key_ref,
        wallet_ref=way.wallet_ref or way.key_ref,
        mode=way.signing_mode,
        markets=known.markets.values(),
        planned=known.planned,
    )


EXECUTION: Mapping[str, Callable[[Way, Known], Venue]] = {"kalshi": _kalshi, "polymarket": _polymarket}


def venue_of(name: str, way: Way, known: Known) -> Venue:
    """Open a venue; raises Refused for one without execution, or that the mode may not reach."""
    if name not in EXECUTION:
        raise Refused(f"--venue {name}: its execution is not implemented; allowed: {', '.join(EXECUTION)}")
    return EXECUTION[name](way, known)


def _reached(way: Way, live: str, test: str) -> str:
    """Return the address that a mode may reach; raises Refused for one that it may not."""
    url = way.url or (test if way.mode == PROBE else live if way.mode == LIVE else "")
    parts = urlsplit(url)
    here = bool(parts.netloc) and is_loopback(parts.netloc)
    if way.mode == LIVE or here or (way.mode == PROBE and test and url.startswith(test)):
        return url
    allowed = "an address of this machine" + (f", or {test}" if way.mode == PROBE and test else "")
    raise Refused(f"--venue: mode {way.mode} may not reach {url or 'a venue without an address'}; allowed: {allowed}")
