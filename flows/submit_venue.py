"""Open the venue that a submitter speaks to, by its name; a venue whose execution is not built is refused by name.

Where a mode may reach: paper this machine alone, a probe the venue's test network or this machine, live the venue.
"""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from connectors.feeds.venue import is_loopback
from connectors.outbox import Outbox
from connectors.signer_client import SignerClient
from connectors.venue import Terms, Venue
from connectors.venues import OPENERS, NoExecution, can_execute, open_venue
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


def implemented(name: str) -> str:
    """Return a venue's name; raises Refused for one without execution."""
    if not can_execute(name):
        raise Refused(f"--venue {name}: its execution is not implemented; allowed: {', '.join(OPENERS)}")
    return name


def venue_of(name: str, way: Way, known: Known) -> Venue:
    """Open a venue; raises Refused for one without execution, or that the mode may not reach."""
    here = bool(urlsplit(way.url).netloc) and is_loopback(urlsplit(way.url).netloc)
    if way.mode == PAPER and not here:
        where = way.url or "a venue without an address"
        raise Refused(f"--venue: mode {PAPER} may not reach {where}; allowed: an address of this machine")
    keys = {"calls": way.key_ref, "orders": way.wallet_ref or way.key_ref}
    markets = known.markets.values()
    try:
        return open_venue(implemented(name), way.url, way.signer, way.signing_mode, keys, markets, known.planned)
    except NoExecution as err:
        raise Refused(f"--venue: {err}") from None
