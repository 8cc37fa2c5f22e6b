"""Carry frames to one connection, and misbehave on the way when told to.

Every frame of a connection passes one queue and one task, so the order on the wire is the order of the queue, and a
deed sits in it where it was asked for. Only answers to text pings go round it: a frozen venue may still answer those.
"""

import asyncio
import json
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidState
from websockets.protocol import State

from tests.feeds.servers.deeds import KINDS, Deed

_DATA = ("delta", "trade", "ticker")


@dataclass(frozen=True)
class Frame:
    """One message: what it is (delta, snapshot, trade, ticker, reply), the sequence that it belongs to, its JSON."""

    what: str
    key: str
    market: str
    message: object
    deed: Deed | None = None  # done once this frame is sent


@dataclass
class Held:
    """A frame that waits until `left` more of its sequence have gone by."""

    frame: Frame
    left: int


class Owner(Protocol):
    """What a connection asks of its server."""

    sent: int

    def done(self, deed: Deed, client: int, market: str, note: str = "") -> None:
        """Count a deed as done."""

    def take(self, when: str) -> Deed | None:
        """Hand out the oldest deed that waits for such an occasion."""

    def spoil(self, frame: Frame) -> Frame | None:
        """Return the frame with its integrity check broken; None where it carries none."""

    def snapshot_of(self, client: "Client", market: str) -> Frame | None:
        """Return a snapshot frame as the venue would send it now; None where it sends none."""

    def padding(self, size: int) -> object:
        """Return a message of unknown type of at least `size` bytes."""

    def complaint(self, client: "Client", deed: Deed) -> list[Frame]:
        """Return the venue's own error messages."""

    def overflowed(self, client: "Client") -> None:
        """Do what the venue does with a consumer that is too slow."""


def encode(message: object) -> str:
    """Write a message as the venues do: compact, keys in the order given."""
    return json.dumps(message, separators=(",", ":"))


class Client:
    """One connection: what it subscribed to, what it said, what it was sent."""

    def __init__(self, owner: Owner, ws: ServerConnection, number: int, path: str, queue_max: int) -> None:
        """Start with nothing subscribed; `queue_max` frames may wait."""
        self.owner = owner
        self.ws = ws
        self.number = number
        self.path = path
        self.queue_max = queue_max
        self.muted = False  # the path answers nothing, as a retired path does
        self.markets: set[str] = set()  # with a book subscription; the venue's module keeps it
        self.state: dict[str, object] = {}
        self.heard: list[str | bytes] = []
        self.heard_at = asyncio.get_running_loop().time()
        self.sent = 0
        self.tail: deque[str] = deque(maxlen=200)  # the newest frames, as text, for a test that failed
        self.busy = False
        self.queue: deque[Frame | Deed] = deque()
        self._more = asyncio.Event()
        self._at_work: Deed | None = None  # the newest deed that was begun
        self._pending: list[Deed] = []
        self._held: list[Held] = []
        self._wire = asyncio.Lock()

    @property
    def quiet(self) -> bool:
        """True when nothing waits to be sent."""
        return not self.queue and not self.busy

    @property
    def unfinished(self) -> list[Deed]:
        """Deeds that this connection was asked for and will not do any more."""
        asked = (self._at_work, *self._pending, *(item for item in self.queue if isinstance(item, Deed)))
        told = (item.deed for item in self.queue if isinstance(item, Frame))
        return [deed for deed in (*asked, *told) if deed is not None and not deed.happened]

    def push(self, item: Frame | Deed) -> None:
        """Queue a frame or a deed."""
        if self.muted and isinstance(item, Frame):
            return
        self.queue.append(item)
        self._more.set()
        if isinstance(item, Frame) and len(self.queue) > self.queue_max:
            self.queue = deque(waiting for waiting in self.queue if isinstance(waiting, Deed))
            self.owner.overflowed(self)

    def withdraw(self, deed: Deed) -> None:
        """Forget a deed that has not been done."""
        self._pending = [other for other in self._pending if other is not deed]
        self.queue = deque(item for item in self.queue if item is not deed)

    def forget(self, gone: Callable[[Frame], bool]) -> None:
        """Take frames out of the queue, as the end of a subscription does."""
        self.queue = deque(item for item in self.queue if not (isinstance(item, Frame) and gone(item)))

    async def say(self, text: str) -> None:
        """Send text round the queue."""
        async with self._wire:
            await self.ws.send(text)

    async def ping(self, payload: bytes) -> asyncio.Future[float]:
        """Send a protocol ping; the result is done once it is answered."""
        async with self._wire:
            return asyncio.ensure_future(await self.ws.ping(payload or None))

    async def run(self) -> None:
        """Carry the queue until the connection ends."""
        while True:
            while not self.queue:
                self._more.clear()
                await self._more.wait()
            if self.ws.state is not State.OPEN or self.ws.transport.is_closing():
                return  # what is left in the queue will not be done here
            item = self.queue.popleft()
            self.busy = True
            try:
                if isinstance(item, Deed):
                    self._at_work = item
                    await self._perform(item)
                else:
                    await self._carry(item)
            except (ConnectionClosed, InvalidState):
                return  # InvalidState: a frame written by hand to a connection that has just ended
            finally:
                self.busy = False

    # ---- to the connection ----------------------------------------------------------------------------------------

    async def _perform(self, deed: Deed) -> None:
        if KINDS[deed.kind].when == "frame":
            self._pending.append(deed)
            return
        match deed.kind:
            case "drop":
                self._done(deed)
                self._cut(deed.word("how", "fin"))
            case "close":
                self._done(deed)
                async with self._wire:
                    await self.ws.close(int(deed.number("code", 1001)), deed.word("reason", ""))
            case "freeze":
                await self._freeze(deed)
            case "huge":
                await self._text(encode(self.owner.padding(int(deed.number("megabytes", 5) * 1_000_000))))
                self._done(deed)
            case "duplicate_snapshot":
                await self._duplicate(deed)
            case "venue_error":
                for frame in self.owner.complaint(self, deed):
                    await self._send(replace(frame, deed=deed))
                if not deed.happened:
                    deed.over.set()  # nothing here to complain about

    def _cut(self, how: str) -> None:
        """End the TCP connection: with FIN, or with RST, as a crashed middle box does."""
        if how == "reset":
            raw = self.ws.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.ws.transport.abort()

    async def _freeze(self, deed: Deed) -> None:
        """Send nothing for a while; where pings go unanswered too, nothing is even read."""
        pings = bool(deed.args.get("pings", True))
        self._done(deed, note="pings answered" if pings else "pings unanswered")
        if not pings:
            self.ws.transport.pause_reading()
        await asyncio.sleep(deed.number("seconds", 3.0))
        if not pings:
            self.ws.transport.resume_reading()
        if deed.word("then", "gap") == "gap":
            self.forget(lambda frame: frame.what in _DATA)

    async def _duplicate(self, deed: Deed) -> None:
        for market in sorted(self.markets):
            frame = self.owner.snapshot_of(self, market)
            if frame is not None:
                # Queued, not sent: it holds the newest book, and changes that are older still wait before it.
                self.push(frame)
                self.push(replace(frame, deed=deed))
                return
        deed.over.set()  # no book to repeat

    # ---- to a frame -----------------------------------------------------------------------------------------------

    async def _carry(self, frame: Frame) -> None:
        if frame.what == "snapshot" and (deed := self.owner.take("snapshot")):
            await self._snapshot(frame, deed)
            return
        pending = self._pending.pop(0) if frame.what == "delta" and self._pending else None
        if pending is None:
            await self._send(frame)
        else:
            await self._misdo(frame, pending)
        await self._release(frame)

    async def _misdo(self, frame: Frame, deed: Deed) -> None:
        self._at_work = deed
        text = encode(frame.message)
        match deed.kind:
            case "lose":
                pass
            case "reorder":
                self._held.append(Held(frame, 2))  # this frame's own passing is the first
            case "resend":
                await self._send(frame)
                await self._send(frame)
            case "drip":
                await self._drip(text, deed.number("seconds", 0.1), int(deed.number("pieces", 8)))
            case "truncate":
                await self._text(text[: len(text) // 2])
            case "bad_utf8":
                half = len(text) // 2
                await self._text(text[:half].encode() + b"\xff\xfe" + text[half:].encode())
            case "binary":
                await self._text(text.encode(), binary=True)
            case "wrong_check":
                spoilt = self.owner.spoil(frame)
                await self._send(spoilt or frame)
                if spoilt is None:
                    self._pending.insert(0, deed)
                    return
        self._done(deed, frame.market)

    async def _snapshot(self, frame: Frame, deed: Deed) -> None:
        if deed.kind == "late_snapshot":
            self._done(deed, frame.market)
            await asyncio.sleep(deed.number("seconds", 1.0))
            await self._send(frame)
        else:
            self._held.append(Held(frame, max(1, int(deed.number("back", 2)))))
            self._done(deed, frame.market)

    async def _release(self, passed: Frame) -> None:
        for held in [held for held in self._held if held.frame.key == passed.key and passed.what == "delta"]:
            held.left -= 1
            if held.left <= 0:
                self._held.remove(held)
                await self._send(held.frame)

    # ---- to the wire ----------------------------------------------------------------------------------------------

    def _done(self, deed: Deed, market: str = "", note: str = "") -> None:
        self.owner.done(deed, self.number, market, note)

    async def _send(self, frame: Frame) -> None:
        await self._text(encode(frame.message))
        if frame.deed:
            self._done(frame.deed, frame.market)

    async def _text(self, text: str | bytes, *, binary: bool = False) -> None:
        self._count(text)
        async with self._wire:
            await self.ws.send(text, text=not binary)

    async def _drip(self, text: str, seconds: float, pieces: int) -> None:
        """Write one frame's bytes in pieces; nothing else is written or answered in between."""
        self._count(text)
        transport = self.ws.transport
        async with self._wire:
            transport.pause_reading()
            try:
                self.ws.protocol.send_text(text.encode())
                wire = b"".join(self.ws.protocol.data_to_send())
                size = -(-len(wire) // pieces)
                for start in range(0, len(wire), size):
                    transport.write(wire[start : start + size])
                    await asyncio.sleep(seconds / pieces)
            finally:
                transport.resume_reading()

    def _count(self, text: str | bytes) -> None:
        self.sent += 1
        self.owner.sent += 1
        self.tail.append(text[:2_000] if isinstance(text, str) else repr(text[:2_000]))


def renamed(frame: Frame, message: object) -> Frame:
    """Return the frame with another message."""
    return replace(frame, message=message)
