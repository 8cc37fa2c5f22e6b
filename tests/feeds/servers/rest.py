"""Answer REST calls on loopback, well or badly.

Why not http.server or aiohttp: the answers read the same books that the sockets publish, so they belong in the same
event loop without a lock, and a server that must cut a body in the middle has to write the bytes itself. The standard
library does the parsing (http.client, urllib.parse); no dependency is needed.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPMessage, parse_headers
from io import BytesIO
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

_BODY_MAX = 1_000_000


@dataclass(frozen=True)
class Request:
    """One call: method, path without its query, the query's values by name, joined with commas, headers and body."""

    method: str
    path: str
    query: dict[str, str]
    headers: HTTPMessage
    body: bytes


class Answer(NamedTuple):
    """A status, a JSON value, extra headers; what is wrong with the way that it is sent."""

    status: int
    value: object
    headers: tuple[tuple[str, str], ...] = ()
    slow_s: float = 0.0
    cut: bool = False


async def listen(answer: Callable[[Request], Awaitable[Answer]]) -> asyncio.Server:
    """Serve on a free loopback port until closed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _one(reader, writer, answer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        except asyncio.CancelledError:
            pass  # the test is over; in 3.11 the caller of this task cannot take a cancellation
        finally:
            writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


async def _one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Callable[[Request], Awaitable[Answer]]
) -> bool:
    """Serve one call; returns whether the connection stays open."""
    head = await reader.readuntil(b"\r\n\r\n")
    line, _, rest = head.partition(b"\r\n")
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers = parse_headers(BytesIO(rest))
    size = int(headers.get("Content-Length") or 0)
    if size > _BODY_MAX:
        raise ValueError(f"body: {size} bytes; at most {_BODY_MAX} are taken")
    parts = urlsplit(target)
    query = {name: ",".join(values) for name, values in parse_qs(parts.query).items()}
    given = await answer(Request(method, parts.path, query, headers, await reader.readexactly(size)))
    body = json.dumps(given.value, separators=(",", ":")).encode()
    writer.write(_head(given, len(body)))
    await _write_body(writer, body, given)
    return not given.cut and (headers.get("Connection") or "").lower() != "close"


def _head(given: Answer, size: int) -> bytes:
    fields = (("Content-Type", "application/json"), ("Content-Length", str(size)), *given.headers)
    status = f"HTTP/1.1 {given.status} {HTTPStatus(given.status).phrase}"
    lines = [status, *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _write_body(writer: asyncio.StreamWriter, body: bytes, given: Answer) -> None:
    if given.cut:
        body = body[: len(body) // 2]
    pieces = min(len(body), 8) if given.slow_s else 1
    for place in range(pieces):
        if given.slow_s:
            await asyncio.sleep(given.slow_s / pieces)
        writer.write(body[len(body) * place // pieces : len(body) * (place + 1) // pieces])
        await writer.drain()
