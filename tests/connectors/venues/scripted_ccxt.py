"""Answer the perpetuals connector from a script of literal bytes, through the whole of ccxt, and keep what it sent."""

import json
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

import requests
from requests.structures import CaseInsensitiveDict

from connectors.signer_client import Answer, SignerClient, SignerRefused, SignerUnavailable
from connectors.venue import Terms
from connectors.venues.ccxt_calls import HOSTS
from connectors.venues.ccxt_perps import Perps
from tests.connectors.venues.perps import BTC

Reply = tuple[int, str] | Exception
CLOCKS = {"binance": '{"serverTime":1790000000000}', "bitget": '{"code":"00000","data":{"serverTime":"1790000000000"}}'}
NOW_NS = 1_790_000_000_000_000_000


class Signs:
    """A signer without a socket or a key: it answers what ccxt would have, and can be away, refuse, or be wrong."""

    def __init__(self, name: str) -> None:
        """Take the exchange."""
        self.name, self.host = name, HOSTS[name]["live"]
        self.away, self.refuses = False, False
        self.headers: dict[str, str] = {"ACCESS-PASSPHRASE": "canary-pass", "X-MBX-APIKEY": "canary-key"}
        self.asked: list[tuple[str, str, dict[str, object], int]] = []

    def ccxt(
        self, key: str, mode: str, path: str, api: list[str], method: str, params: dict[str, object], skew_ms: int
    ) -> Answer:
        """Return address, headers and body."""
        self.asked.append((method, path, params, skew_ms))
        if self.away:
            raise SignerUnavailable("signer: no answer in time")
        if self.refuses:
            raise SignerRefused("key: is not held here")
        part = {"fapiPrivateV3": "fapi/v3"}.get(api[0], "fapi/v1") if self.name == "binance" else "api"
        url, text = f"{self.host}/{part}/{path}", urlencode({name: str(value) for name, value in params.items()})
        if method != "POST":
            return Answer(headers=self.headers, url=f"{url}?{text}", method=method)
        body = text if self.name == "binance" else json.dumps(params)
        return Answer(headers=self.headers, url=url, method=method, body=body)


class Scripted:
    """The HTTP session that ccxt uses, answering from a script; a time that is asked for is answered outside of it."""

    def __init__(self, name: str, *script: Reply) -> None:
        """Take what is answered, in order."""
        self.name, self.script, self.sent, self.wait = name, list(script), list[tuple[str, str, str]](), ""
        self.cookies: set[str] = set()
        self.headers: dict[str, str] = {}
        self.max_redirects, self.times, self.closed = 30, 0, False

    def request(self, method: str, url: str, data: bytes | None = None, **more: Any) -> requests.Response:
        """Stand in for the session's own."""
        if url.endswith("/time"):
            self.times += 1
            return self._answer(200, CLOCKS[self.name], url)
        self.sent.append((method, url, (data or b"").decode()))
        said = self.script.pop(0)
        if isinstance(said, Exception):
            raise said
        return self._answer(*said, url)

    def _answer(self, status: int, text: str, url: str) -> requests.Response:
        found = requests.Response()
        found.status_code, found.url, found.reason = status, url, "said"
        found._content = text.encode()
        found.headers = CaseInsensitiveDict({"Content-Type": "application/json"})
        if self.wait:
            found.headers["Retry-After"] = self.wait
        return found

    def close(self) -> None:
        """Note it."""
        self.closed = True


def scripted(
    name: str, *script: Reply, clock: Callable[[], float] = lambda: 0.0, markets: tuple[Terms, ...] = (), **more: Any
) -> tuple[Perps, Scripted, Signs]:
    """Return a connector whose exchange answers from a script, that script, and who signs."""
    signs, session = Signs(name), Scripted(name, *script)
    venue = Perps(
        name, signs.host, cast(SignerClient, signs), key_ref="calls", mode="live", markets=markets or (BTC[name],),
        clock=clock, sleep=lambda seconds: None, **more,
    )  # fmt: skip
    exchange = cast(Any, venue._calls._x)
    exchange.session, exchange.rateLimit = session, 0
    venue._calls._now = lambda: NOW_NS
    venue._armed["BTCUSDT"] = clock()
    return venue, session, signs
