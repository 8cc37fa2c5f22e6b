"""Hold one connection of a feed for as long as the feed runs: connect, subscribe, hear, probe, give up, pause, again.

What ends a connection, and how soon that is noticed:

    closed     by the venue or the network, with or without a close code                           at once
    silent     nothing at all came for `patience_s`, although it was probed: the socket is dead     2 s
    no data    no market data within `first_s` of subscribing: such a subscription has failed       10 s
    no image   a book was lost, and what was asked for to mend it did not come or does not fit          30 s
    frozen     it answers, but its market data stopped although it was lively                       from 6 s
    planned    it is as old as the venue lets connections become                                    before its end

Whatever it was, the books heard on it are unproven from then on, and `disconnected` stands in the recording.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from connectors.capture import Received
from connectors.errors import FeedError
from connectors.feeds.venue import Get, Heard, Limits, Link, Lost, Talk, Venue, is_loopback
from operators.freshness_budgets import Budgets
from operators.freshness_causes import BEAT, FROZEN, Wire

PLANNED, SILENT, NO_DATA, NO_IMAGE, FROZE = "planned", "silent", "no data", "no image", "frozen"
FAULT = "fault "
CLOSE_S = 1.0
REFUSALS_MAX = 3
_SECOND_NS = 1_000_000_000
_REFUSED = {401, 403}
_BUSY = {418, 429}
# A connection that was never lively may be quiet for long; after ten minutes of nothing but beats it is replaced.
_BUDGETS = Budgets(beats_ms=600_000)
_QUIET = logging.getLogger("polytraders.feeds.socket")  # the library would log headers, and what was sent
_QUIET.disabled = True


class Hub(Protocol):
    """Whoever gathers what the lines hear."""

    def now(self) -> int:
        """Return the arrival time of something that has just come, in ns; never less than before."""

    def put(self, received: Received) -> None:
        """Take one message or event."""

    async def room(self) -> None:
        """Wait while too much is waiting to be written."""

    def began(self, link: Link, at_ns: int) -> None:
        """Hear that a connection stands and has subscribed."""

    def ended(self, link: Link, reason: str) -> None:
        """Hear that a connection, or an attempt, is over."""

    def refused(self, link: Link, said: str) -> None:
        """Hear that the venue refused something."""


class Backoff:
    """Pauses between attempts: the bound doubles, the second half of each pause is drawn."""

    def __init__(self, limits: Limits, draw: random.Random) -> None:
        """Take the first pause and the longest one."""
        self._limits, self._draw, self._tries = limits, draw, 0

    def pause(self, lived_s: float, *, busy: bool = False) -> float:
        """Return how long to wait after a connection that lived so long; `busy`: the venue asks for much less."""
        limits = self._limits
        self._tries = 0 if lived_s >= limits.steady_s else self._tries + 1
        bound = min(limits.backoff_max_s, limits.backoff_s * 2.0 ** min(self._tries, 30))
        bound = limits.backoff_max_s if busy else bound
        return bound / 2 + self._draw.uniform(0, bound / 2)


class _Connect(connect):
    """A redirect is not followed: the handshake may carry credentials that are for one host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Line:
    """One link, connected again and again."""

    def __init__(self, link: Link, venue: Venue, hub: Hub, draw: random.Random) -> None:
        """Take the link; `run` begins."""
        self.link, self._venue, self._hub, self._limits = link, venue, hub, venue.limits
        self._backoff = Backoff(venue.limits, draw)
        self._talk: Talk | None = None
        self._pulse: _Pulse | None = None
        self._commands: asyncio.Queue[str] = asyncio.Queue()
        self._conn, self._n, self._opened_ms = "", 0, 0
        self._greeted, self._refusals, self._reason = False, 0, ""

    async def run(self) -> None:
        """Hold the connection until cancelled; raises FeedError when the venue will never have it."""
        clock = asyncio.get_running_loop().time
        while True:
            begun = clock()
            reason = await self._life()
            self._hub.ended(self.link, reason)
            if reason != PLANNED:
                busy = reason in {f"http {status}" for status in _BUSY}
                await asyncio.sleep(self._backoff.pause(clock() - begun, busy=busy))

    def again(self, markets: Sequence[str]) -> Sequence[Get]:
        """Ask for images of these books; returns the requests that go to the venue's REST interface."""
        if self._talk is None:
            return ()
        asked = self._talk.again(markets)
        for command in asked.commands:
            self._commands.put_nowait(command)
        return asked.gets

    def drop(self, reason: str) -> None:
        """Give this connection up, where there is one."""
        self._reason = reason

    def data_age_s(self) -> float:
        """Return how long ago market data was heard; infinite while there is no connection."""
        return self._pulse.clock() - (self._pulse.data or self._pulse.opened) if self._pulse is not None else inf

    # ---- one connection -------------------------------------------------------------------------------------------

    async def _life(self) -> str:
        """Connect and hold; return why it ended."""
        try:
            socket = await self._connect()
        except InvalidStatus as err:
            status = err.response.status_code
            self._refusals = self._refusals + 1 if status in _REFUSED and not self._greeted else 0
            if self._refusals >= REFUSALS_MAX:
                where = self.link.url.partition("?")[0]
                raise FeedError(f"{where}: refused (http {status}); allowed: a key that it knows") from None
            return f"http {status}"
        except TimeoutError:
            return "no handshake"
        except (WebSocketException, EOFError):
            return "bad handshake"
        except OSError:
            return "unreachable"
        self._greeted = True
        try:
            return await self._hold(socket)
        except Lost as lost:
            return str(lost)
        except ConnectionClosed as closed:
            last = closed.rcvd or closed.sent
            return f"closed {last.code if last is not None else 1006}"
        except (WebSocketException, TimeoutError, OSError):
            return "broken"
        except FeedError:
            raise
        except Exception as err:  # a fault of ours in one message must not end the other connections
            return f"{FAULT}{type(err).__name__}"

    async def _connect(self) -> ClientConnection:
        link, limits = self.link, self._limits
        return await _Connect(
            link.url,
            additional_headers=dict(self._venue.headers(link, self._hub.now())),
            proxy=None if is_loopback(link.url.partition("://")[2].partition("/")[0]) else True,
            open_timeout=limits.connect_s,
            ping_interval=None,
            close_timeout=CLOSE_S,
            max_size=limits.frame_max,
            max_queue=64,
            logger=_QUIET,
        )

    async def _hold(self, socket: ClientConnection) -> str:
        """Subscribe, then read, watch and speak until one of them ends; the venue's last word or ours is raised."""
        at_ns = self._hub.now()
        self._opened_ms = max(self._opened_ms + 1, at_ns // 1_000_000)  # no two connections share a label
        self._conn, self._n = f"{self.link.slot}@{self._opened_ms}", 0
        self._reason = ""
        self._event("connected", at_ns)
        tasks: list[asyncio.Task[None]] = []
        gently = True
        try:
            talk = self._talk = self._venue.talk(self.link)
            self._commands = asyncio.Queue()
            commands = talk.opening()
            for command in commands[:1]:
                await socket.send(command)
            for command in commands[1:]:
                self._commands.put_nowait(command)
            at_ns = self._hub.now()
            self._event("subscribed", at_ns)
            self._hub.began(self.link, at_ns)
            pulse = self._pulse = _Pulse(asyncio.get_running_loop().time)
            tasks = [
                asyncio.create_task(part)
                for part in (self._read(socket, talk, pulse), self._watch(socket, pulse), self._speak(socket))
            ]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            gently = False
            for task in done:
                task.result()
            return "ended"
        finally:
            self._talk = self._pulse = None
            self._event("disconnected", self._hub.now())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await _let_go(socket, gently=gently)

    async def _read(self, socket: ClientConnection, talk: Talk, pulse: "_Pulse") -> None:
        hub, conn = self._hub, self._conn
        while True:
            data = await socket.recv(decode=False)
            at_ns = hub.now()
            frame = data if isinstance(data, bytes) else data.encode()
            self._n += 1
            hub.put(Received(at_ns, conn, self._n, frame))
            heard = talk.hear(frame)
            pulse.hear(heard)
            if heard is Heard.REFUSED:
                hub.refused(self.link, talk.said)
            await hub.room()

    async def _watch(self, socket: ClientConnection, pulse: "_Pulse") -> None:
        """Look a few times a second whether the connection still is what it should be; raises Lost."""
        limits = self._limits
        step = min(limits.probe_s, limits.patience_s - limits.probe_s, limits.first_s, 1.0) / 4
        while True:
            before = pulse.clock()
            await asyncio.sleep(step)
            if pulse.clock() - before > 2 * step:
                continue  # this process stood still: what has come meanwhile is heard first
            pulse.judge(limits)
            if self._reason:
                raise Lost(self._reason)
            if pulse.probe_due(limits):
                pulse.probed()
                async with asyncio.timeout(limits.patience_s):
                    if self._venue.probe:
                        await socket.send(self._venue.probe)
                    else:
                        self._await_pong(await socket.ping(), pulse)

    def _await_pong(self, answer: Awaitable[float], pulse: "_Pulse") -> None:
        def came(future: "asyncio.Future[float]") -> None:
            if not future.cancelled() and future.exception() is None and self._talk is not None:
                pulse.hear(Heard.BEAT)
                self._event("beat", self._hub.now())

        asyncio.ensure_future(answer).add_done_callback(came)

    async def _speak(self, socket: ClientConnection) -> None:
        pause = 1 / self._limits.commands_per_s
        while True:
            await asyncio.sleep(pause)
            await socket.send(await self._commands.get())

    def _event(self, event: str, at_ns: int) -> None:
        self._n += 1
        self._hub.put(Received(at_ns, self._conn, self._n, event=event))


async def _let_go(socket: ClientConnection, *, gently: bool) -> None:
    """Close a socket; one that is lost is dropped, since its other end may never answer."""
    if gently:
        try:
            async with asyncio.timeout(CLOSE_S):
                await socket.close()
        except (TimeoutError, OSError, WebSocketException):
            pass
    socket.transport.abort()


class _Pulse:
    """What was heard on a connection and when, on the monotonic clock, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.opened = self.heard = clock()
        self.data = 0.0
        self._asked = self._probed = 0.0
        self._wire, self._judged = Wire(), int(self.opened)

    def hear(self, heard: Heard) -> None:
        """Take in a message or the answer to a probe."""
        now = self.clock()
        self.heard = now
        if heard is Heard.DATA:
            self.data = now
            self._wire.hear(0, int(now * _SECOND_NS))
        elif heard is Heard.BEAT:
            self._wire.hear(BEAT, int(now * _SECOND_NS))

    def probed(self) -> None:
        """Note that a probe is being sent."""
        self._probed = self._asked = self.clock()

    def probe_due(self, limits: Limits) -> bool:
        """True when the connection has just fallen silent, and every `beat_s`."""
        now = self.clock()
        fell_silent = now - self.heard >= limits.probe_s and self._probed < self.heard
        return fell_silent or now - max(self._probed, self.opened) >= limits.beat_s

    def judge(self, limits: Limits) -> None:
        """Raise Lost when the connection is dead, frozen, without data, or old."""
        now = self.clock()
        if self._asked > self.heard and now - self._asked >= limits.patience_s - limits.probe_s:
            raise Lost(SILENT)
        if not self.data and now - self.opened >= limits.first_s:
            raise Lost(NO_DATA)
        if now - self.opened >= limits.lifetime_s:
            raise Lost(PLANNED)
        if int(now) > self._judged:
            self._judged = int(now)
            self._wire.judge(self._judged * _SECOND_NS, _BUDGETS)
            if self._wire.state == FROZEN:
                raise Lost(FROZE)
