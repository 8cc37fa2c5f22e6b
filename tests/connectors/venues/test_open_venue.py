"""A venue is opened by its name, for a mode it has a network for; one without execution is refused by name."""

from typing import cast

import pytest

from connectors.signer_client import SignerClient
from connectors.venues import NoExecution, can_execute, open_venue
from connectors.venues.kalshi import Kalshi
from connectors.venues.polymarket import Polymarket
from tests.connectors.venues.desks import OwnSigner
from tests.connectors.venues.test_polymarket import FACTS

SIGNER = cast(SignerClient, OwnSigner(FACTS))
KEYS = {"calls": "l2", "orders": "safe"}


def test_a_known_venue_is_opened() -> None:
    """An empty address is the mode's own; a mock's on this machine is allowed in every mode that has a network."""
    for venue_id, kind in (("kalshi", Kalshi), ("polymarket", Polymarket)):
        for base in ("", "http://127.0.0.1:9"):
            venue = open_venue(venue_id, base, SIGNER, "live", KEYS)
            assert (venue_id, kind) == (venue.venue_id, type(venue))
            venue.close()
    assert "demo" in str(cast(Kalshi, open_venue("kalshi", "", SIGNER, "testnet_probe", KEYS))._socket)


@pytest.mark.parametrize(
    ("venue_id", "base", "mode", "keys", "said"),
    [
        ("myriad", "", "live", KEYS, "venue 'myriad': has no execution here; allowed: .*kalshi"),
        ("kalshi", "", "paper", KEYS, "mode 'paper'"),
        ("polymarket", "", "testnet_probe", KEYS, "mode 'testnet_probe'"),
        ("kalshi", "https://external-api.kalshi.com", "testnet_probe", KEYS, "allowed in mode testnet_probe"),
        ("kalshi", "https://external-api.demo.kalshi.co", "live", KEYS, "allowed in mode live"),
        ("kalshi", "https://127.0.0.1.example", "live", KEYS, "allowed in mode live"),
        ("polymarket", "", "live", {"calls": "l2"}, "no key for orders"),
        ("kalshi", "", "live", {}, "no key for calls"),
    ],
)
def test_what_cannot_be_executed_is_refused(
    venue_id: str, base: str, mode: str, keys: dict[str, str], said: str
) -> None:
    """Unknown venue, mode without a network, the other mode's address, a missing key: each names the venue."""
    with pytest.raises(NoExecution, match=said) as told:
        open_venue(venue_id, base, SIGNER, mode, keys)
    assert venue_id in str(told.value)


def test_a_venue_says_whether_it_can() -> None:
    """What the start-up of a live desk asks."""
    assert (True, True, False) == tuple(map(can_execute, ("kalshi", "polymarket", "myriad")))
