"""One REST answer: its bytes, or a short reason."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from connectors.errors import FeedError
from connectors.feeds.answers import Answer, fetch
from tests.connectors.feeds.loopback import Loopback, run


async def nobody(connection: ServerConnection, number: int) -> None:
    """Nobody connects."""


def fetched(path: str, status: int, body: bytes = b"", **headers: str) -> Answer:
    """What is fetched from a venue that answers so."""

    async def main() -> Answer:
        async with Loopback(nobody, {path: (status, body)}) as server:
            server.more.update(headers)
            return await asyncio.to_thread(fetch, f"{server.places.rest}{path}?x=1")

    answer: Answer = run(main())
    return answer


def test_the_body_is_what_came() -> None:
    """Byte for byte, whatever it is."""
    assert Answer(b"\xff{") == fetched("/a", 200, b"\xff{")


@pytest.mark.parametrize(
    ("status", "after", "expected"),
    [
        (404, "", Answer(b"", "http 404")),
        (429, "", Answer(b"", "http 429", True)),
        (418, "7", Answer(b"", "http 418", True, 7.0)),
        (429, "99999", Answer(b"", "http 429", True, 600.0)),
        (429, "Wed, 21 Oct 2026 07:28:00 GMT", Answer(b"", "http 429", True)),
        (302, "", Answer(b"", "http 302")),
    ],
)
def test_a_refusal_is_a_reason(status: int, after: str, expected: Answer) -> None:
    """Too many requests: how long to wait, where that is said, within reason. A redirect is not followed."""
    headers = {"Location": "http://127.0.0.1:9/b"} | ({"Retry-After": after} if after else {})
    assert expected == fetched("/a", status, **headers)


def test_nobody_there_is_a_reason() -> None:
    """Nothing is raised."""
    assert Answer(b"", "unreachable") == fetch("http://127.0.0.1:9/")


def test_only_http_is_fetched() -> None:
    """No file is read by way of an address."""
    with pytest.raises(FeedError, match="allowed: http, https"):
        fetch("file:///etc/hostname")
