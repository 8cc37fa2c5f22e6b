"""Put a connector on a mock venue: its keys in a file, a signer that holds them, and the connector."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.signer_client import SignerClient
from connectors.venue import Terms
from connectors.venues.kalshi import Kalshi
from connectors.venues.polymarket import Polymarket
from tests.connectors.keyring import signing
from tests.venues import VenueControl, mock_venue


def entry(folder: Path, name: str, head: str, parts: dict[str, str]) -> str:
    """Write the parts of a key, and return its entry for the keys file."""
    refs = ""
    for part, text in parts.items():
        path = folder / f"{name}.{part}"
        path.touch(0o600)
        path.write_text(text)
        refs += f'refs.{part} = "file:{path}"\n'
    return f'[keys.{name}]\nmode = "live"\naccount = "main"\n{head}{refs}'


@contextmanager
def kalshi(folder: Path, *markets: Terms) -> Iterator[tuple[Kalshi, VenueControl]]:
    """Run Kalshi's mock, and return the connector and the mock's steering."""
    with mock_venue("kalshi") as mock:
        parts = {"key_id": mock.keys["key_id"], "key": mock.keys["private_key_pem"]}
        keys = folder / "keys.toml"
        keys.write_text(entry(folder, "calls", 'kind = "kalshi_rsa"\nvenue = "kalshi"\n', parts))
        with signing(keys) as path:
            asks = SignerClient(path)
            venue = Kalshi(mock.base_url, asks, key_ref="calls", mode="live", markets=markets)
            yield venue, mock
            venue.close()
            asks.close()


@contextmanager
def polymarket(folder: Path, *markets: Terms, wallet: str = "") -> Iterator[tuple[Polymarket, VenueControl]]:
    """Run Polymarket's mock; `wallet` is empty for the key's own, or proxy, safe, deposit."""
    number = ("", "proxy", "safe", "deposit").index(wallet)
    with mock_venue("polymarket") as mock:
        told = mock.keys
        holds = told[f"{wallet}_wallet"] if wallet else ""
        head = f'kind = "polymarket_eoa"\nvenue = "polymarket"\nwallet = "{holds}"\nsignature_type = {number}\n'
        said = entry(folder, "orders", head, {"key": told["private_key"]})
        head = f'kind = "polymarket_l2"\nvenue = "polymarket"\naddress = "{told["address"]}"\nloopback = true\n'
        said += entry(folder, "calls", head, {part: told[part] for part in ("api_key", "secret", "passphrase")})
        keys = folder / "keys.toml"
        keys.write_text(said)
        with signing(keys) as path:
            asks = SignerClient(path)
            venue = Polymarket(mock.base_url, asks, key_ref="calls", wallet_ref="orders", mode="live", markets=markets)
            yield venue, mock
            venue.close()
            asks.close()
