"""Fetch one REST answer as bytes, for the recording; whatever goes wrong is a short reason.

Redirects are not followed, so what was named when the feed began is what is spoken to.
"""

from email.message import Message
from http.client import HTTPException
from typing import IO, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from connectors.errors import FeedError
from connectors.feeds.venue import is_loopback

TIMEOUT_S = 5.0
ANSWER_MAX = 64 << 20
WAIT_MAX_S = 600.0
_BUSY = {418, 429}


class Answer(NamedTuple):
    """What came: the body, or a reason; `busy` where the venue asks for a pause, `wait_s` where it says how long."""

    body: bytes
    reason: str = ""
    busy: bool = False
    wait_s: float = 0.0


class _Stay(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        return None


def fetch(url: str) -> Answer:
    """Return the answer to a GET; blocks for seconds. Raises FeedError for anything but http and https."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise FeedError(f"{url}: allowed: http, https")
    try:
        with _opener(parts.netloc).open(Request(url), timeout=TIMEOUT_S) as answer:  # noqa: S310 - checked above
            body: bytes = answer.read(ANSWER_MAX + 1)
    except HTTPError as err:
        with err:
            return Answer(b"", f"http {err.code}", err.code in _BUSY, _wait_s(err.headers.get("Retry-After")))
    except TimeoutError:
        return Answer(b"", "timed out")
    except (OSError, HTTPException, ValueError):
        return Answer(b"", "unreachable")
    return Answer(body) if len(body) <= ANSWER_MAX else Answer(b"", "too long")


def _opener(host: str) -> OpenerDirector:
    """Return what fetches; nothing of this machine is asked for through a proxy."""
    return build_opener(_Stay, ProxyHandler({})) if is_loopback(host) else build_opener(_Stay)


def _wait_s(text: str | None) -> float:
    return min(float(text), WAIT_MAX_S) if text is not None and text.isascii() and text.isdigit() else 0.0
