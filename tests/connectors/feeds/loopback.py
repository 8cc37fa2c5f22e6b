"""Be a venue on this machine for one test: a script holds each connection, a table answers requests."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import TracebackType
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from connectors.capture import Received
from connectors.feeds.session import Session
from connectors.feeds.venue import Limits, Places, Venue

Script = Callable[[ServerConnection, int], Awaitable[None]]
FAST = Limits(
    first_s=0.6,
    probe_s=0.1,
    patience_s=0.3,
    beat_s=0.4,
    connect_s=1.0,
    backoff_s=0.01,
    backoff_max_s=0.05,
    steady_s=0.5,
    image_s=0.05,
    image_max_s=0.2,
    commands_per_s=200.0,
    gets_per_s=100.0,
    busy_s=0.1,
)


@dataclass
class Loopback:
    """A venue. `heard` is what clients said, `paths` what they connected to or requested, `headers` with what."""

    script: Script
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)
    count: int = 0
    port: int = 0
    server: Server | None = None

    async def __aenter__(self) -> "Loopback":
        self.server = await serve(
            self._hold, "127.0.0.1", self.port, process_request=self._answer, ping_interval=None, max_size=None
        )
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.server is not None
        self.server.close()
        for connection in self.server.connections:
            connection.transport.abort()
        await self.server.wait_closed()

    @property
    def places(self) -> Places:
        """Where it is."""
        return Places(f"ws://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.port}")

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.paths.append(request.path)
        self.headers.append(request.headers)
        if "Upgrade" in request.headers:
            status, _ = self.answers.get("upgrade", (101, b""))
            return None if status == 101 else connection.respond(HTTPStatus(status), "no")
        path = request.path.partition("?")[0]
        status, body = self.answers.get(path, (404, b""))
        response = connection.respond(HTTPStatus(status), "")
        del response.headers["Content-Length"]
        response.headers["Content-Length"] = str(len(body))
        response.headers.update(self.more)
        response.body = body
        return response

    async def _hold(self, connection: ServerConnection) -> None:
        self.count += 1
        await self.script(connection, self.count)

    async def hear(self, connection: ServerConnection) -> str:
        """Wait for what a client says next."""
        said = await connection.recv()
        text = said if isinstance(said, str) else said.decode()
        self.heard.append(text)
        return text


class Kept:
    """A sink in memory."""

    def __init__(self) -> None:
        self.lines: list[Received] = []
        self.batches = 0

    def write(self, batch: Sequence[Received]) -> None:
        """Keep."""
        self.batches += 1
        self.lines += batch

    @property
    def events(self) -> list[str]:
        """The events of connections, in order; not the recorder's own."""
        return [line.event for line in self.lines if line.event and line.conn != "recorder"]

    @property
    def frames(self) -> list[bytes]:
        """The messages, in order."""
        return [line.frame for line in self.lines if not line.event]


def fast(venue: Any, **limits: float) -> Any:
    """Return a venue with short waits."""
    venue.limits = replace(FAST, **limits)
    return venue


async def fed(
    venue: Venue, enough: Callable[[Session, Kept], bool], *, within_s: float = 8.0, **more: Any
) -> tuple[Session, Kept]:
    """Feed until there is enough; fails when that takes too long."""
    kept = Kept()
    session = Session(venue, kept, seed=7, **more)
    await session.run(lambda: enough(session, kept), within_s)
    assert enough(session, kept), (session.counts, kept.lines[-5:])
    return session, kept


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a test's loop."""
    return asyncio.run(main)


def text(value: object) -> str:
    """Spell a message."""
    return json.dumps(value)
