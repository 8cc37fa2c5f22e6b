"""Put the perpetuals connector on a mock: its key in a file, a signer that holds it, ccxt without a key in between."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from connectors.signer_client import SignerClient
from connectors.venue import Terms
from connectors.venues.ccxt_perps import Perps
from contracts.order import PlannedOrder
from tests.connectors.keyring import signing
from tests.connectors.venues.desks import planned
from tests.connectors.venues.wired import entry
from tests.venues import VenueControl, mock_venue

BTC = {name: Terms(f"{name}:BTCUSDT", "BTCUSDT", 100_000, 1_000, 0) for name in ("bitget", "binance")}
ETH = {name: Terms(f"{name}:ETHUSDT", "ETHUSDT", 10_000, 10_000, 0) for name in ("bitget", "binance")}
PARTS = {"bitget": ("api_key", "secret", "passphrase"), "binance": ("api_key", "secret")}


def bid(venue_id: str, name: str, **changes: Any) -> PlannedOrder:
    """Return an order for 0.010 BTC at 64000.0, far below the mock's market, unless said otherwise."""
    given = {"price": 640_000, "lots": 10, "client_order_id": name} | changes
    return planned(venue_id, given.pop("market_id", f"{venue_id}:BTCUSDT"), **given)


@contextmanager
def perps(
    folder: Path, name: str, *markets: Terms, mode: str = "live", paced: bool = False, **more: Any
) -> Iterator[tuple[Perps, VenueControl]]:
    """Run a mock of Bitget or Binance, and return the connector and the mock's steering."""
    with mock_venue(name) as mock:
        parts = {("password" if part == "passphrase" else part): mock.keys[part] for part in PARTS[name]}
        head = f'kind = "ccxt"\nvenue = "{name}"\n'
        keys = folder / "keys.toml"
        keys.write_text(entry(folder, "calls", head, parts).replace('mode = "live"', f'mode = "{mode}"'))
        with signing(keys) as path:
            asks = SignerClient(path)
            venue = Perps(name, mock.base_url, asks, key_ref="calls", mode=mode, markets=markets or [BTC[name]], **more)
            if not paced:
                cast(Any, venue._calls._x).rateLimit = 1
            yield venue, mock
            venue.close()
            asks.close()
