"""Run a mock venue inside a test: `with mock_venue("kalshi") as venue:` gives where it is, its keys, and its steering.

    venue.base_url   http://127.0.0.1:PORT        venue.ws_url  ws://127.0.0.1:PORT
    venue.keys       what a client needs to sign, by name; venue.credentials("second") opens another account
    venue.misbehave("accept_and_hang", times=1)     venue.modes()     venue.state()     venue.requests(text="broker")
    venue.book("TICKER", bids=[["0.41", "10"]], asks=[["0.44", "17"]])
    venue.trade(market="TICKER", side="sell", size="5")     venue.trade(client_order_id="...")     venue.price(...)

Everything goes over HTTP, as it would to `pt mock` in a process of its own (`mock_process`).
"""

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from connectors.mocks.start import open_venue

ROOT = Path(__file__).resolve().parent.parent
Levels = list[list[str]]


class Refused400(AssertionError):
    """The steering of a mock refused a wish: a mistake in the test."""


class VenueControl:
    """A running mock venue, as a test sees it."""

    def __init__(self, name: str, base_url: str) -> None:
        """Take where it is."""
        self.name, self.base_url = name, base_url
        self.ws_url = base_url.replace("http://", "ws://")
        self.keys = self.credentials()

    def credentials(self, account: str = "main") -> dict[str, str]:
        """Return an account's keys; a new name opens an account."""
        return self.ask("GET", "/_credentials", query={"account": account})

    def misbehave(self, mode: str, times: int = 1, **more: Any) -> dict[str, Any]:
        """Ask for a mode; `times=0` takes it back, mode `none` takes back all."""
        return self.ask("POST", "/_misbehave", {"mode": mode, "times": times, **more})

    def modes(self) -> dict[str, Any]:
        """Return every mode, and what is on."""
        return self.ask("GET", "/_modes")

    def state(self, **query: str) -> dict[str, Any]:
        """Return orders, fills, positions, balances, counts of requests and effective orders."""
        return self.ask("GET", "/_state", query=query)

    def requests(self, **query: str) -> list[dict[str, Any]]:
        """Return the requests as they came, chosen by `kind` and by `text` anywhere in them."""
        return list(self.ask("GET", "/_requests", query=query)["requests"])

    def book(self, market: str, bids: Levels | None = None, asks: Levels | None = None, **more: Any) -> dict[str, Any]:
        """Let the street quote these levels of the sides that are given."""
        sides = {name: rows for name, rows in (("bids", bids), ("asks", asks)) if rows is not None}
        return self.ask("POST", "/_book", {"market": market, **sides, **more})

    def shown_book(self, market: str) -> dict[str, Any]:
        """Return a book as the venue holds it."""
        return self.ask("GET", "/_book", query={"market": market})

    def trade(self, **wish: Any) -> list[dict[str, Any]]:
        """Let somebody trade; returns the fills of our accounts."""
        return list(self.ask("POST", "/_trade", wish)["fills"])

    def price(self, market: str, price: str, **more: Any) -> dict[str, Any]:
        """Move the street and the mark."""
        return self.ask("POST", "/_price", {"market": market, "price": price, **more})

    def market(self, **spec: Any) -> str:
        """Open a market; returns its id."""
        return str(self.ask("POST", "/_market", spec)["market"])

    def account(self, **wish: Any) -> dict[str, Any]:
        """Change cash or positions of an account."""
        return self.ask("POST", "/_account", wish)

    def rules(self, **wish: Any) -> dict[str, Any]:
        """Change what the venue's documents leave open; returns all rules."""
        return self.ask("POST", "/_rules", wish)

    def reset(self) -> None:
        """Forget orders, fills, requests and misbehaviour."""
        self.ask("POST", "/_reset")

    def ask(self, method: str, path: str, body: object = None, query: dict[str, str] | None = None) -> dict[str, Any]:
        """Send a steering request; raises Refused400 with the venue's words."""
        where = self.base_url + path + ("?" + urlencode(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(where, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as err:
            raise Refused400(f"{method} {path}: {err.read().decode()}") from None


def point_ccxt(exchange: Any, venue: VenueControl) -> None:
    """Send everything that a ccxt exchange says to a mock, after demo trading was chosen or not.

    On loopback ccxt does not see that an address is the futures one: numbers that it knows for futures alone (-4116,
    -2019, -1008 ...) are raised as plain ExchangeError; the number stands in the text.
    """

    def moved(where: Any) -> Any:
        if isinstance(where, dict):
            return {name: moved(each) for name, each in where.items()}
        return re.sub(r"^wss://[^/]+", venue.ws_url, re.sub(r"^https://[^/]+", venue.base_url, str(where)))

    exchange.urls["api"] = moved(exchange.urls["api"])


@contextmanager
def mock_venue(name: str, port: int = 0, keys: dict[str, object] | None = None) -> Iterator[VenueControl]:
    """Run a mock venue in a thread of this process."""
    with open_venue(name, port, keys) as server:
        yield VenueControl(name, server.base_url)


@contextmanager
def mock_process(name: str, port: int = 0) -> Iterator[VenueControl]:
    """Run `pt mock` as a process of its own."""
    words = [sys.executable, "-m", "cli.main", "mock", name, "--port", str(port)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield VenueControl(name, process.stdout.readline().strip())
        finally:
            process.terminate()
            process.wait(10)
