"""What failed before a byte left may be tried again; what failed later is open, for whatever changes something."""

from collections.abc import Mapping

import httpx
import pytest

from connectors.signer_client import SignerRefused, SignerUnavailable
from connectors.venue import Ambiguous, Final, Retryable, VenueFailed
from connectors.venues.asking import Asking
from tests.connectors.venues.desks import Asked

UNSENT = [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("full")]
LOST = [
    httpx.ReadTimeout("silence"),
    httpx.WriteTimeout("stuck"),
    httpx.ReadError("reset"),
    httpx.WriteError("broken"),
    httpx.RemoteProtocolError("server disconnected"),
    httpx.DecodingError("gzip"),
]


def asking(venue: Asked, failing: Exception | None = None) -> Asking:
    """Return what asks a scripted venue; `failing` is what the signer does."""

    def headers(method: str, path: str, body: str) -> Mapping[str, str]:
        if failing is not None:
            raise failing
        return {"Signed": f"{method} {path} {body}"}

    return Asking("mock", "http://127.0.0.1:9", headers, httpx.MockTransport(venue))


@pytest.mark.parametrize("err", UNSENT, ids=lambda err: type(err).__name__)
def test_what_was_not_sent_may_be_tried_again(err: Exception) -> None:
    """No connection: nothing of the request left, so a write is Retryable as a read is."""
    for ask in (lambda rest: rest.get("/a"), lambda rest: rest.write("POST", "/a", b"{}")):
        with pytest.raises(Retryable, match=r"mock: .* /a: not sent"):
            ask(asking(Asked(err)))


@pytest.mark.parametrize("err", LOST, ids=lambda err: type(err).__name__)
def test_what_was_sent_and_not_answered_is_open(err: Exception) -> None:
    """A write is Ambiguous once bytes may have left; a read may be repeated."""
    with pytest.raises(Ambiguous, match="sent, and no answer"):
        asking(Asked(err)).write("DELETE", "/a")
    with pytest.raises(Retryable, match="no answer"):
        asking(Asked(err)).get("/a")


@pytest.mark.parametrize(
    ("failing", "kind"), [(SignerUnavailable("signer: away"), Retryable), (SignerRefused("no"), Final)]
)
def test_without_a_signature_nothing_is_sent(failing: Exception, kind: type[VenueFailed]) -> None:
    """A signer that is away is a reason to try again, one that refuses is none; the venue hears nothing."""
    venue = Asked()
    with pytest.raises(kind):
        asking(venue, failing).write("POST", "/a", b"{}")
    assert [] == venue.requests


def test_an_answer_is_read_exactly() -> None:
    """Numbers with a point are decimals, lists are lists of objects, what is no JSON is None; headers are taken in."""
    venue = Asked((200, '{"a": 0.1, "b": [{"c": 1}, 2], "d": "x"}'), (418, "<html>\n"), (200, "[{}]"))
    venue.headers = {"Retry-After": "7", "Date": "Sat, 21 Nov 2026 21:00:00 GMT"}
    rest = asking(venue)
    reply = rest.get("/a", {"q": "1"})
    assert ("0.1", [{"c": 1}], None, "x", "", 7.0) == (
        str(reply.get("a")), reply.rows("b"), reply.rows("d"), reply.text("d"), reply.text("a"), reply.wait_s,
    )  # fmt: skip
    other = rest.write("POST", "/b", b'{"x":1}')
    assert (418, None, "<html> ", False) == (other.status, other.body, other.said, other.good)
    assert [{}] == rest.get("/c", signed=False).rows("")
    first, second, third = venue.requests
    assert ("GET /a ", "POST /b {\"x\":1}", None) == (
        first.headers["Signed"], second.headers["Signed"], third.headers.get("Signed"),
    )  # fmt: skip
    assert (b'{"x":1}', "application/json") == (second.content, second.headers["Content-Type"])


@pytest.mark.parametrize("url", ["http://external-api.kalshi.com", "ftp://127.0.0.1", "ws://127.0.0.1", "kalshi"])
def test_only_https_leaves_this_machine(url: str) -> None:
    """Plain HTTP is for mocks on loopback; anything else is refused before a request."""
    with pytest.raises(Final, match="allowed: https"):
        Asking("mock", url, lambda method, path, body: {})


def test_a_socket_that_refuses_is_unsent() -> None:
    """A real port without a listener: the error of the operating system is Retryable."""
    rest = Asking("mock", "http://127.0.0.1:1", lambda method, path, body: {})
    with pytest.raises(Retryable, match="ConnectError"):
        rest.write("POST", "/a", b"{}")
    rest.close()
