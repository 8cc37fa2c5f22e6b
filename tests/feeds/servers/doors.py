"""Open a venue's two doors, websocket and REST, and watch over what comes in.

Free loopback ports, handshakes refused where a deed says so, protocol pings, the age and the silence of connections:
what every venue needs, and none words differently.
"""

import asyncio
import json
from collections.abc import Coroutine
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as Handshake
from websockets.http11 import Response

from tests.feeds.servers import rest
from tests.feeds.servers.client import Client

if TYPE_CHECKING:
    from tests.feeds.servers.venue import Venue


class Doors:
    """The listening sockets of one venue, and the tasks behind them."""

    def __init__(self, venue: "Venue") -> None:
        """Nothing listens before `open`."""
        self.venue = venue
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._sockets: Server | None = None
        self._rest: asyncio.Server | None = None

    @property
    def ports(self) -> tuple[int, int]:
        """The ports of websocket and REST."""
        assert self._sockets is not None
        assert self._rest is not None
        websocket, http = next(iter(self._sockets.sockets)), self._rest.sockets[0]
        return websocket.getsockname()[1], http.getsockname()[1]

    async def open(self) -> None:
        """Listen on free loopback ports."""
        self._sockets = await serve(
            self._connected, "127.0.0.1", 0, process_request=self._handshake, compression=None, ping_interval=None,
            close_timeout=0.5, max_queue=None,
        )  # fmt: skip
        self._rest = await rest.listen(self._asked)

    async def shut(self) -> None:
        """End every connection and task."""
        for task in list(self._tasks):
            task.cancel()
        for client in list(self.venue.clients):
            client.ws.transport.abort()
        assert self._sockets is not None
        assert self._rest is not None
        self._rest.close()
        self._sockets.close()
        await self._sockets.wait_closed()

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            self.venue.failures.append(failure)

    def _handshake(self, ws: ServerConnection, request: Handshake) -> Response | None:
        deed = self.venue.take("handshake")
        value: object = {"error": "refused"}
        if deed:
            status = int(deed.number("status", 503))
            self.venue.done(deed, 0, "", str(status))
        else:
            status, value = self.venue.admit(request.path, request)
        self.venue.handshakes.append((request.path, status))
        if status == 101:
            return None
        body = json.dumps(value).encode()
        fields = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"})
        return Response(status, HTTPStatus(status).phrase, fields, body)

    async def _connected(self, ws: ServerConnection) -> None:
        assert ws.request is not None
        self._count += 1
        client = Client(self.venue, ws, self._count, ws.request.path, self.venue.settings.queue_max)
        self.venue.clients.append(client)
        tasks = [self.spawn(work) for work in (client.run(), *self._watches(client))]
        try:
            self.venue.opened(client)
            async for message in ws:
                await self._heard(client, message)
        except ConnectionClosed:
            pass
        except Exception as failure:
            self.venue.failures.append(failure)
        finally:
            self.venue.clients.remove(client)
            for task in tasks:
                task.cancel()
            for deed in client.unfinished:
                deed.over.set()

    async def _heard(self, client: Client, message: str | bytes) -> None:
        client.heard.append(message)
        client.heard_at = asyncio.get_running_loop().time()
        text = message if isinstance(message, str) else message.decode(errors="replace")
        if client.muted:
            return
        if (pong := self.venue.text_pong(text)) is not None:
            await client.say(pong)
        elif self.venue.subscribes(text) and (deed := self.venue.take("subscribe")):
            self.venue.done(deed, client.number, "")
        else:
            for frame in self.venue.hear(client, text):
                client.push(frame)

    def _watches(self, client: Client) -> list[Coroutine[None, None, None]]:
        given = self.venue.settings
        heartbeat = self.venue.heartbeat_default if given.heartbeat_s is None else given.heartbeat_s
        life = self.venue.life_default if given.life_s is None else given.life_s
        idle = self.venue.idle_default if given.idle_s is None else given.idle_s
        watches = ((self._heartbeat, heartbeat), (self._life, life), (self._idle, idle))
        return [watch(client, seconds) for watch, seconds in watches if seconds]

    async def _heartbeat(self, client: Client, every_s: float) -> None:
        """Ping, and end a connection that has not answered for `pong_wait_s`."""
        loop, since, answered = asyncio.get_running_loop(), 0.0, None
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(every_s)
                if answered is None or answered.done():
                    answered, since = await client.ping(self.venue.heartbeat_payload), loop.time()
                elif loop.time() - since > self.venue.settings.pong_wait_s:
                    client.ws.transport.abort()
                    return

    async def _life(self, client: Client, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await client.ws.close(1001, "end of life")

    async def _idle(self, client: Client, seconds: float) -> None:
        while asyncio.get_running_loop().time() - client.heard_at <= seconds:
            await asyncio.sleep(seconds / 8)
        client.ws.transport.abort()

    async def _asked(self, request: rest.Request) -> rest.Answer:
        deed = self.venue.take("rest")
        if deed and deed.kind == "rest_status":
            given = rest.Answer(int(deed.number("status", 429)), {"error": "too many requests"})
        else:
            given = await self.venue.answer(request)
        if deed:
            given = given._replace(
                slow_s=deed.number("seconds", 1.0) if deed.kind == "rest_slow" else 0.0, cut=deed.kind == "rest_cut"
            )
            self.venue.done(deed, 0, "", request.path)
        self.venue.requests.append((request.method, request.path, given.status))
        return given
