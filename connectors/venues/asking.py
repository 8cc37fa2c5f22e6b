"""Ask a venue over HTTP, and say of everything that can go wrong whether the request may have been carried out.

What failed before a byte of the request left is Retryable. What failed later is Ambiguous for a request that changes
something, and Retryable for one that only reads. What an answer means is the venue's dialect, and not decided here.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

import httpx

from connectors.feeds.venue import is_loopback, shortened
from connectors.signer_wire import SignerRefused, SignerUnavailable
from connectors.venue import Ambiguous, Final, Retryable

CONNECT_S, READ_S, WRITE_S, POOL_S = 2.0, 5.0, 2.0, 1.0
RETRY_S = 1.0
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_UNASKABLE = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
_WAIT_MAX_S = 600.0

Headers = Callable[[str, str, str], Mapping[str, str]]


class Reply(NamedTuple):
    """What a venue answered.

    status  HTTP status
    body    the JSON, or None where it is none; numbers with a point are Decimal
    said    the beginning of the answer as one printable line, for messages
    wait_s  Retry-After
    date    the header of that name; empty without one
    """

    status: int
    body: object
    said: str
    wait_s: float
    date: str

    @property
    def good(self) -> bool:
        """True for a 2xx."""
        return 200 <= self.status < 300

    def get(self, name: str) -> object:
        """Return a field of the body; None where the body is no object or has none."""
        return self.body.get(name) if isinstance(self.body, dict) else None

    def text(self, name: str) -> str:
        """Return a field that is a text; empty otherwise."""
        found = self.get(name)
        return found if isinstance(found, str) else ""

    def rows(self, name: str) -> list[dict[str, object]] | None:
        """Return the objects of a list in the body; None where there is no such list."""
        found = self.body if isinstance(self.body, list) and not name else self.get(name)
        if not isinstance(found, list):
            return None
        return [row for row in found if isinstance(row, dict)]


class Asking:
    """One venue's REST interface. Nothing is retried and no redirect is followed: the submitter decides."""

    def __init__(
        self, venue_id: str, base_url: str, headers: Headers, transport: httpx.BaseTransport | None = None
    ) -> None:
        """Take the venue, its address, and what signs (method, path, body); raises Final for no usable address."""
        url = httpx.URL(base_url)
        if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.netloc.decode())):
            raise Final(f"{venue_id}: {base_url[:80]}; allowed: https, or http on this machine", "address")
        self.venue_id, self._headers = venue_id, headers
        self._client = httpx.Client(
            base_url=base_url,
            timeout=httpx.Timeout(connect=CONNECT_S, read=READ_S, write=WRITE_S, pool=POOL_S),
            transport=transport,
            trust_env=False,
        )

    def get(self, path: str, query: Mapping[str, str | int] | None = None, *, signed: bool = True) -> Reply:
        """Read; raises Retryable where no answer came."""
        return self._ask("GET", path, query, None, writes=False, signed=signed)

    def write(
        self, method: str, path: str, body: bytes | None = None, query: Mapping[str, str | int] | None = None
    ) -> Reply:
        """Ask for a change; raises Retryable where nothing was sent, and Ambiguous where no whole answer came."""
        return self._ask(method, path, query, body, writes=True, signed=True)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        body: bytes | None,
        *,
        writes: bool,
        signed: bool,
    ) -> Reply:
        what = f"{self.venue_id}: {method} {path}"
        headers = dict(self._signed(what, method, path, body)) if signed else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            answer = self._client.request(method, path, params=query, content=body, headers=headers)
        except _UNSENT as err:
            raise Retryable(f"{what}: not sent ({type(err).__name__})", "unreachable", RETRY_S) from None
        except _UNASKABLE as err:
            raise Final(f"{what}: cannot be sent ({type(err).__name__})", "unaskable") from None
        except httpx.HTTPError as err:
            if not writes:
                raise Retryable(f"{what}: no answer ({type(err).__name__})", "unanswered", RETRY_S) from None
            raise Ambiguous(f"{what}: sent, and no answer ({type(err).__name__})", "unanswered") from None
        return _reply(answer)

    def _signed(self, what: str, method: str, path: str, body: bytes | None) -> Mapping[str, str]:
        """Return the headers; without the signer nothing was sent."""
        try:
            return self._headers(method, path, (body or b"").decode())
        except SignerUnavailable as err:
            raise Retryable(f"{what}: {err}", "signer_unavailable", RETRY_S) from None
        except SignerRefused as err:
            raise Final(f"{what}: {err}", "signer_refused") from None


def _reply(answer: httpx.Response) -> Reply:
    try:
        body = json.loads(answer.content, parse_float=Decimal)
    except (ValueError, RecursionError):
        body = None
    wait = answer.headers.get("Retry-After", "")
    wait_s = min(float(wait), _WAIT_MAX_S) if wait.isascii() and wait.isdigit() else 0.0
    return Reply(answer.status_code, body, shortened(answer.content), wait_s, answer.headers.get("Date", ""))
