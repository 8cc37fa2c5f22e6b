"""Open a mock venue by its name, with given keys or fresh ones."""

import json
from collections.abc import Callable
from pathlib import Path

from connectors.errors import EdgeError
from connectors.mocks.core import Denied
from connectors.mocks.server import MockServer
from connectors.mocks.venue import MAIN, MockVenue
from connectors.mocks.wire import Body


def _kalshi() -> MockVenue:
    from connectors.mocks.kalshi import Kalshi

    return Kalshi()


def _polymarket() -> MockVenue:
    from connectors.mocks.polymarket import Polymarket

    return Polymarket()


def _binance() -> MockVenue:
    from connectors.mocks.binance import Binance

    return Binance()


def _bitget() -> MockVenue:
    from connectors.mocks.bitget import Bitget

    return Bitget()


VENUES: dict[str, Callable[[], MockVenue]] = {
    "kalshi": _kalshi,
    "polymarket": _polymarket,
    "bitget": _bitget,
    "binance": _binance,
}


def open_venue(name: str, port: int = 0, keys: Body | None = None) -> MockServer:
    """Make a mock venue that is not started yet; `keys` replaces those of the main account.

    Raises EdgeError for an unknown venue, or keys that cannot be used.
    """
    if name not in VENUES:
        raise EdgeError(f"mock venue {name!r}: one of {', '.join(VENUES)}")
    venue = VENUES[name]()
    if keys:
        try:
            venue.given_keys(venue.account(MAIN), keys)
        except (Denied, KeyError, ValueError) as err:
            raise EdgeError(f"mock {name}: the given keys cannot be used: {err}") from err
    return MockServer(venue, port)


def read_keys(path: Path) -> Body:
    """Read keys from a JSON file. Raises EdgeError where it holds no object."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as err:
        raise EdgeError(f"{path}: {err}; a JSON object of keys is expected") from err
    if not isinstance(found, dict):
        raise EdgeError(f"{path}: a JSON object of keys is expected")
    return found
