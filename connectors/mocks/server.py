"""Serve a mock venue over HTTP and websockets on loopback, and let it misbehave between request and answer.

One thread and one event loop per venue, so every request is whole: what it did is done before the next one is looked
at. Steering lives beside the venue's own paths, under `/_...` (control.py).
"""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from ipaddress import ip_address
from types import TracebackType

from aiohttp import WSMsgType, web

from connectors.errors import EdgeError
from connectors.mocks.control import Control
from connectors.mocks.core import Denied
from connectors.mocks.misbehave import Fault
from connectors.mocks.venue import MockVenue
from connectors.mocks.wire import Answer, Body, Call, Route, compact

LOOPBACK = "127.0.0.1"
LOG_MAX, STARTED_S, POLL_S, SWEEP_S = 5_000, 10.0, 0.02, 0.1


class Wire:
    """One client's socket: what is said goes out in order; nothing goes out while the venue is frozen."""

    def __init__(self, server: "MockServer", call: Call, socket: web.WebSocketResponse, request: web.BaseRequest):
        """Take the open socket."""
        self.path, self.query, self.account = call.path, call.query, call.account
        self.memory: Body = {}
        self._server, self._socket, self._request = server, socket, request
        self._out: asyncio.Queue[str | None] = asyncio.Queue()

    def send(self, message: object) -> None:
        """Say something; lost while the venue is frozen."""
        if self._server.venue.faults.state("ws_freeze") is None:
            self.answer(message)

    def answer(self, message: object) -> None:
        """Say something, frozen or not."""
        self._out.put_nowait(message if isinstance(message, str) else compact(message))

    def close(self) -> None:
        """End the connection when everything was said."""
        self._out.put_nowait(None)

    def cut(self) -> None:
        """End the connection at once, without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self) -> None:
        """Send what is said until the end."""
        while (text := await self._out.get()) is not None:
            await self._socket.send_str(text)
        await self._socket.close()

    async def beat(self, every_s: float, payload: bytes) -> None:
        """Ping as the venue does."""
        while True:
            await asyncio.sleep(every_s)
            await self._socket.ping(payload)


class MockServer:
    """A mock venue on a port of 127.0.0.1. Enter it, or start and stop it; it runs in a thread of its own."""

    def __init__(self, venue: MockVenue, port: int = 0) -> None:
        """Take the venue; port 0 takes a free one."""
        self.venue, self.port = venue, port
        self.counts: Counter[str] = Counter()
        self.log: deque[Body] = deque(maxlen=LOG_MAX)
        self.failures: deque[str] = deque(maxlen=LOG_MAX)
        self.control = Control(self)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._failed: OSError | None = None
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name=f"mock-{venue.name}", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        """Where HTTP requests go."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Where websockets go."""
        return f"ws://{LOOPBACK}:{self.port}"

    def start(self) -> "MockServer":
        """Listen. Raises EdgeError where the port is taken."""
        self._thread.start()
        self._ready.wait(STARTED_S)
        if self._failed is not None or not self._ready.is_set():
            raise EdgeError(f"mock {self.venue.name}: port {self.port} cannot be listened on: {self._failed}")
        return self

    def stop(self) -> None:
        """Close everything and end the thread. Harmless when repeated."""
        if self._thread.is_alive() and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(STARTED_S)

    def __enter__(self) -> "MockServer":
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    # ---- the thread ----

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        self.venue.later = self._later
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.05)
        await runner.setup()
        site = web.TCPSite(runner, LOOPBACK, self.port)
        try:
            await site.start()
        except OSError as err:
            self._failed = err
            await runner.cleanup()
            return
        self.port = runner.addresses[0][1]
        sweeper = self._spawn(self._sweep())
        self._ready.set()
        await self._stopping.wait()
        sweeper.cancel()
        for wire in list(self.venue.lines):
            wire.close()
        for task in list(self._tasks):
            task.cancel()
        await runner.cleanup()

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Forget a task; a client that went away while it was spoken to is no failure."""
        self._tasks.discard(task)
        if not task.cancelled() and not isinstance(task.exception(), ConnectionError | None):
            self.failures.append(repr(task.exception()))

    def _later(self, seconds: float, act: Callable[[], object]) -> None:
        self._loop.call_later(seconds, act)

    async def _sweep(self) -> None:
        """End orders whose time has come although nobody asks."""
        while True:
            await asyncio.sleep(SWEEP_S)
            self.venue.exchange.expire()
            self.venue.tick()

    # ---- one request ----

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        call = Call(
            request.method,
            request.rel_url.raw_path,
            request.rel_url.raw_query_string,
            dict(request.rel_url.query.items()),
            {name.lower(): value for name, value in request.headers.items()},
            await request.read(),
        )
        if call.path.startswith("/_"):
            if not ip_address(request.remote or "0.0.0.0").is_loopback:  # noqa: S104 - an address to refuse
                return self._written(Answer({"error": "loopback only"}, 403))
            return self._written(self.control.answer(call))
        if call.headers.get("upgrade", "").lower() == "websocket":
            return await self._hold(request, call)
        return await self._misbehaved(request, call, self._route(call))

    def _route(self, call: Call) -> Route | None:
        for route in self.venue.routes:
            parts = route.match(call.method, call.path)
            if parts is not None:
                call.parts, call.kind = parts, route.kind
                self._note(call)
                return route
        self._note(call)
        return None

    def _note(self, call: Call) -> None:
        """Keep a request as it came."""
        self.counts[call.kind] += 1
        self.log.append(
            {
                "kind": call.kind,
                "method": call.method,
                "path": call.path,
                "query": call.query_text,
                "headers": dict(call.headers),
                "body": call.body.decode("utf-8", "replace"),
                "at_ms": self.venue.clock.ms(),
            }
        )

    async def _misbehaved(self, request: web.BaseRequest, call: Call, route: Route | None) -> web.StreamResponse:
        fault = self.venue.faults.take(call.kind) if route is not None else None
        if fault is None:
            return await self._sent(request, self._acted(call, route))
        mode = fault.mode
        if mode == "slow_accept":
            await asyncio.sleep(fault.seconds)
        if mode.startswith("refuse_") or (mode.isdecimal() and fault.when == "before"):
            answer = self._status(fault)
        else:
            answer = self._acted(call, route)
            if mode.isdecimal():
                answer = self._status(fault)
        if mode == "slow":
            await asyncio.sleep(fault.seconds)
        if mode.endswith("_hang"):
            await self._hung(request, fault.seconds)
        if mode.endswith(("_drop", "_hang")):
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)  # goes nowhere
        return await self._sent(request, answer)

    def _acted(self, call: Call, route: Route | None) -> Answer:
        """Do what is asked, and spell the answer."""
        venue = self.venue
        try:
            if route is None:
                raise Denied(404, "not_found", f"{call.method} {call.path}")
            venue.exchange.expire()
            if route.private:
                call.account = venue.authenticate(call)
            venue.throttle(call)
            return route.handler(call)
        except Denied as refusal:
            return venue.denied(refusal, call)
        except (ValueError, ArithmeticError) as err:
            return venue.denied(Denied(400, "malformed", repr(err)), call)

    def _status(self, fault: Fault) -> Answer:
        answer = self.venue.broken(int(fault.mode) if fault.mode.isdecimal() else 500)
        if fault.mode == "429" and fault.retry_after is not None:
            return answer._replace(headers={**answer.headers, "Retry-After": f"{fault.retry_after:g}"})
        return answer

    async def _hung(self, request: web.BaseRequest, seconds: float) -> None:
        """Say nothing until the client goes, or the time is over."""
        end = self._loop.time() + seconds
        while self._loop.time() < end and request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(POLL_S)

    def _written(self, answer: Answer) -> web.Response:
        text = answer.body if isinstance(answer.body, str) else compact(answer.body)
        kind = "text/plain" if isinstance(answer.body, str) else "application/json"
        date = formatdate(self.venue.clock.ms() / 1000, usegmt=True)
        headers = {"Date": date, **self.venue.headers(), **answer.headers}
        return web.Response(text=text, status=answer.status, content_type=kind, headers=headers)

    async def _sent(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        if not answer.torn:
            return self._written(answer)
        half = compact(answer.body).encode()
        torn = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json"})
        torn.content_length = len(half)
        await torn.prepare(request)
        await torn.write(half[: len(half) // 2])
        if request.transport is not None:
            request.transport.close()
        return torn

    # ---- one socket ----

    async def _hold(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        venue = self.venue
        call.kind = "socket"
        self._note(call)
        socket = web.WebSocketResponse(autoping=True, max_msg_size=1 << 24)
        wire = Wire(self, call, socket, request)
        try:
            if not any(call.path == path or call.path.startswith(f"{path}/") for path in venue.sockets):
                raise Denied(404, "not_found", call.path)
            venue.open_line(wire, call)
        except Denied as refusal:
            return self._written(venue.denied(refusal, call))
        wire.account = call.account
        await socket.prepare(request)
        venue.lines.append(wire)
        tasks = [self._spawn(wire.write())]
        if venue.beat is not None:
            tasks.append(self._spawn(wire.beat(*venue.beat)))
        if venue.faults.drops():
            self._later(0.05, wire.cut)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self.counts["said"] += 1
                    venue.hear(wire, str(message.data))
        finally:
            venue.lines.remove(wire)
            for task in tasks:
                task.cancel()
        return socket

    def cut_lines(self) -> int:
        """Cut every socket; returns how many there were."""
        lines = [line for line in self.venue.lines if isinstance(line, Wire)]
        for line in lines:
            line.cut()
        return len(lines)
