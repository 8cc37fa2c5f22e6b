"""Run a venue on loopback: its books move, its connections are told, and it misbehaves when asked to.

What differs between venues (messages, sequences, paths, signatures) is in their own modules; this one owns the sockets,
the books, the occasions that deeds wait for, and the record of what was really done.
"""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import ClassVar

from websockets.http11 import Request as Handshake

from tests.feeds.servers.books import Book, Change, TrueBook
from tests.feeds.servers.client import Client, Frame
from tests.feeds.servers.deeds import KINDS, PROVOKED, Arg, Deed, Script
from tests.feeds.servers.doors import Doors
from tests.feeds.servers.rest import Answer, Request
from tests.feeds.servers.settings import Settings

_TURN_S = 0.001  # between two looks at a condition


class Venue(ABC):
    """One venue's servers: websocket at `url`, REST at `rest`."""

    name: ClassVar[str]
    path: ClassVar[str]  # of the websocket, as the venue documents it
    markets_default: ClassVar[tuple[str, ...]]
    heartbeat_default: ClassVar[float] = 0.0  # 0: the venue sends no protocol pings
    heartbeat_payload: ClassVar[bytes] = b""
    idle_default: ClassVar[float] = 0.0  # 0: silent clients are kept
    life_default: ClassVar[float] = 0.0  # 0: connections are kept
    close_codes: ClassVar[tuple[int, ...]] = ()  # private codes that a script draws besides the standard ones
    lacks: ClassVar[frozenset[str]] = frozenset()  # kinds that make no sense here

    def __init__(self, seed: int, markets: Sequence[str], settings: Settings, script: Script | None) -> None:
        """Make the books; nothing listens before `start`."""
        self.seed = seed
        self.settings = settings
        self.script = script
        self.kinds = frozenset(KINDS) - self.lacks
        self.clients: list[Client] = []
        self.handshakes: list[tuple[str, int]] = []  # path, status answered
        self.requests: list[tuple[str, str, int]] = []  # REST: method, path, status answered
        self.did: list[Deed] = []
        self.sent = 0
        self.failures: list[BaseException] = []  # of the server's own tasks; `stop` raises the first
        self.script_over = asyncio.Event()
        self.rng = random.Random(f"{seed}:{self.name}")
        self._skew_ms = 0
        self._armed: dict[str, deque[Deed]] = {when: deque() for when in PROVOKED}
        self._moving = asyncio.Event()
        self._moving.set()
        self._doors = Doors(self)
        self.books = {market: self.make_book(market) for market in markets or self.markets_default}

    # ---- what a venue's module says -------------------------------------------------------------------------------

    @abstractmethod
    def make_book(self, market: str) -> Book:
        """Make a market's book, in the venue's grid."""

    @abstractmethod
    def publish(self, book: Book, change: Change) -> None:
        """Push a change to every connection that wants it."""

    @abstractmethod
    def hear(self, client: Client, text: str) -> list[Frame]:
        """Act on a client's message, and return the answers."""

    @abstractmethod
    async def answer(self, request: Request) -> Answer:
        """Answer a REST call."""

    @abstractmethod
    def book(self, market: str, at: object = None) -> TrueBook:
        """Return the true book at the venue's own sequence (its module says which), by default the newest."""

    @abstractmethod
    def snapshot_of(self, client: Client, market: str) -> Frame | None:
        """Return a snapshot frame as the venue would send it now; None where it sends none."""

    def admit(self, path: str, handshake: Handshake) -> tuple[int, object]:
        """Say whether a handshake is accepted: 101, or a status and a body."""
        if path.partition("?")[0] == self.path:
            return 101, None
        return 404, {"error": f"path: {path}; allowed: {self.path}"}

    def opened(self, client: Client) -> None:
        """Act on a new connection, before its first message."""
        client.markets.clear()

    def subscribes(self, text: str) -> bool:
        """Say whether a client's message asks for a subscription."""
        return "subscribe" in text.lower() and "unsubscribe" not in text.lower()

    def text_pong(self, text: str) -> str | None:
        """Return the answer to a text ping; None for any other text."""
        return None

    def spoil(self, frame: Frame) -> Frame | None:
        """Return the frame with its integrity check broken; None where it carries none."""
        return None

    def complaint(self, client: Client, deed: Deed) -> list[Frame]:
        """Return the venue's own error messages."""
        return []

    def restart(self, market: str) -> str:
        """Let a sequence start again; returns what was done, in words, or nothing where it could not be."""
        return ""

    def overflowed(self, client: Client) -> None:
        """Do what the venue does with a consumer that is too slow: by default, end the connection."""
        client.ws.transport.abort()

    def padding(self, size: int) -> object:
        """Return a message of unknown type of at least `size` bytes."""
        return {"type": "padding", "event_type": "padding", "e": "padding", "pad": "x" * size}

    # ---- what a test asks -----------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The websocket's address, with the venue's path."""
        return f"ws://127.0.0.1:{self._doors.ports[0]}{self.path}"

    @property
    def rest(self) -> str:
        """The REST base address, without a path."""
        return f"http://127.0.0.1:{self._doors.ports[1]}"

    async def start(self) -> None:
        """Listen on free loopback ports, let the books move, begin the script."""
        await self._doors.open()
        if self.settings.pace_s:
            self._doors.spawn(self._live())
        if self.script is not None:
            self._doors.spawn(self._perform(self.script))

    async def stop(self) -> None:
        """End every connection and task; raises the first failure of the server itself."""
        await self._doors.shut()
        if self.failures:
            raise self.failures[0]

    def now_ms(self) -> int:
        """The exchange's clock in ms, skew included."""
        return self.true_ms() + self._skew_ms

    def true_ms(self) -> int:
        """The clock in ms without the skew that a deed has put on it."""
        clock = self.settings.clock_ms
        return clock() if clock else time.time_ns() // 1_000_000

    def step(self, market: str | None = None, count: int = 1) -> Change:
        """Move a market (by default a drawn one) on by `count` changes, publish them, and return the last."""
        book = self.books[market or self.rng.choice(list(self.books))]
        for _ in range(count):
            change = book.step(self.now_ms())
            self.publish(book, change)
        return change

    def pause(self) -> None:
        """Let no book move by itself."""
        self._moving.clear()

    def resume(self) -> None:
        """Let the books move again."""
        self._moving.set()

    async def settle(self, seconds: float = 5.0) -> None:
        """Pause, and wait until everything queued has been written; raises TimeoutError."""
        self.pause()
        await self.until(lambda: all(client.quiet for client in self.clients), seconds, "the queues to be empty")

    async def until(self, holds: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until something holds; raises TimeoutError that says what was waited for."""
        ends = asyncio.get_running_loop().time() + seconds
        while not holds():
            if asyncio.get_running_loop().time() > ends:
                raise TimeoutError(f"waited {seconds} s for {what}")
            await asyncio.sleep(_TURN_S)

    def arm(self, kind: str, *, client: Client | None = None, **args: Arg) -> Deed:
        """Ask for a misbehaviour and go on; raises ValueError for a kind that this venue does not know.

        `client` chooses a connection, `market` a market; otherwise they are drawn.
        """
        if kind not in self.kinds:
            raise ValueError(f"kind: {kind!r}; {self.name} knows {sorted(self.kinds)}")
        deed = Deed(kind, args)
        when = KINDS[kind].when
        if when == "world":
            self._worldly(deed)
        elif when in PROVOKED:
            self._armed[when].append(deed)
        elif chosen := client or self._some_client():
            chosen.push(deed)
        else:
            deed.over.set()
        return deed

    async def do(self, kind: str, *, client: Client | None = None, within_s: float = 10.0, **args: Arg) -> Deed:
        """Misbehave, and return once it is done; raises TimeoutError where there was no occasion `within_s`.

        A freeze, a skew and a late snapshot are done when they begin. A deed whose connection ends first passes on.
        """
        ends = asyncio.get_running_loop().time() + within_s
        while True:
            deed = self.arm(kind, client=client, **args)
            await self._wait_for(deed, ends - asyncio.get_running_loop().time())
            if deed.happened:
                return deed
            if asyncio.get_running_loop().time() >= ends:
                raise TimeoutError(f"{kind}: no occasion within {within_s} s")
            await asyncio.sleep(_TURN_S)

    # ---- deeds ----------------------------------------------------------------------------------------------------

    def done(self, deed: Deed, client: int, market: str, note: str = "") -> None:
        """Count a deed as done."""
        deed.at_ns, deed.client, deed.market, deed.note = time.time_ns(), client, market, note
        self.did.append(deed)
        deed.over.set()

    def take(self, when: str) -> Deed | None:
        """Hand out the oldest deed that waits for such an occasion."""
        return self._armed[when].popleft() if self._armed[when] else None

    async def _wait_for(self, deed: Deed, seconds: float) -> None:
        """Wait until a deed is over; withdraw it where it is not in time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(deed.over.wait(), max(0.0, seconds))
        if not deed.happened:
            for waiting in self._armed.values():
                if deed in waiting:
                    waiting.remove(deed)
            for client in self.clients:
                client.withdraw(deed)

    def _some_client(self) -> Client | None:
        """Draw a connection, one with a book subscription where there is any."""
        served = [client for client in self.clients if client.markets] or self.clients
        return self.rng.choice(served) if served else None

    def _worldly(self, deed: Deed) -> None:
        """Do to a market what somebody will see; nothing happens where nobody is subscribed."""
        seen = sorted({market for client in self.clients for market in client.markets})
        market = str(deed.args.get("market") or (self.rng.choice(seen) if seen else ""))
        if market not in seen:
            deed.over.set()
            return
        note = ""
        if deed.kind == "skew":
            self._skew_ms = int(deed.number("ms", 5_000))
            asyncio.get_running_loop().call_later(deed.number("seconds", 1.0), self._unskew)
        elif deed.kind == "restart" and not (note := self.restart(market)):
            deed.over.set()
            return
        self.step(market, int(deed.number("count", 50)) if deed.kind == "burst" else 1)
        self.done(deed, 0, market, note)

    def _unskew(self) -> None:
        self._skew_ms = 0

    async def _drive(self, script: Script, lane: int) -> None:
        """Do a script's deeds one after the other, each after its gap of frames."""
        for at in script.draw(self.kinds, self.close_codes, lane):
            ends = self.sent + at.frames
            while self.sent < ends:
                await asyncio.sleep(_TURN_S)
            if at.drawn and len(self.did) >= script.total:
                return
            when = KINDS[at.kind].when
            if at.drawn and when == "rest" and not self.requests:
                continue  # a feed that asks nothing over REST would never meet it
            deed = self.arm(at.kind, **at.args)  # type: ignore[arg-type]
            if at.drawn and when in PROVOKED:
                self.arm("drop")
            await self._wait_for(deed, script.patience_s)

    async def _perform(self, script: Script) -> None:
        await asyncio.gather(*(self._drive(script, lane) for lane in range(script.lanes)))
        self.script_over.set()

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(self.settings.pace_s)
            await self._moving.wait()
            for _ in range(self.settings.steps):
                self.step()
