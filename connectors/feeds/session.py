"""Run a feed: hold its connections, write every frame as it was received, ask for images that are missing.

One loop gathers what all connections hear. Arrival is read once, when a message has come, and never runs backwards;
messages wait in memory for at most one write (one fsync) and leave in that order. When more waits than is allowed,
nothing is read any more, so the venue's own flow control holds it back; nothing is dropped.

While nothing comes, `beat` of the connection `recorder` is written once a second, so that whoever follows the
recording has a clock: a silence is then seen while it lasts, and not when it is over.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from connectors.capture import Received
from connectors.feeds.answers import Answer, fetch
from connectors.feeds.judge import SECOND_NS, Judge
from connectors.feeds.line import FAULT, NO_IMAGE, Line
from connectors.feeds.venue import Get, Link, Venue

RECORDER = "recorder"
LOOK_S = 0.05
_SLICE = 512
_OVERHEAD = 64  # bytes that a message costs beside its own


class Sink(Protocol):
    """Where frames go: a capture, or a topic."""

    def write(self, batch: Sequence[Received], /) -> None:
        """Keep messages durably, in order; blocks until they are. Raises EdgeError when they are not."""


@dataclass(slots=True)
class Counts:
    """What a feed has done.

    frames    messages of the venue, answers to requests included; `bytes` of them
    events    lines of the recorder itself
    connects  connections that stood
    ends      why connections and attempts were over: reason to count
    refused   what the venue refused; `said` is the last of it
    answers   REST answers; `failed` reason to count
    writes    batches; `most` messages in the largest
    """

    frames: int = 0
    bytes: int = 0
    events: int = 0
    connects: int = 0
    refused: int = 0
    said: str = ""
    answers: int = 0
    writes: int = 0
    most: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def faults(self) -> int:
        """Connections that ended because of a fault of ours."""
        return sum(count for reason, count in self.ends.items() if reason.startswith(FAULT))


class Session:
    """One feed of one venue. `run` ends when asked to, or raises what made it impossible.

    counts  what was done
    judge   the books as the lane will see them
    """

    def __init__(
        self,
        venue: Venue,
        sink: Sink,
        *,
        seed: int | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        tell: Callable[[str], None] = lambda text: None,
        get: Callable[[str], Answer] = fetch,
    ) -> None:
        """Take a venue and a sink; `seed` makes the pauses the same each time, `tell` hears what a person may want."""
        self.venue, self.counts = venue, Counts()
        self.judge = Judge(venue.dialect, venue.limits, fetches=venue.fetches)
        self._sink, self._now_ns, self._tell, self._get = sink, now_ns, tell, get
        draw = random.Random(seed)  # noqa: S311 - pauses between attempts are no secret
        self._lines = [Line(link, venue, self, draw) for link in venue.links]
        self._outbox: list[Received] = []
        self._waiting = self._last_ns = self._written_ns = 0
        self._numbers: Counter[str] = Counter()
        self._some, self._free = asyncio.Event(), asyncio.Event()
        self._free.set()
        self._gets: asyncio.Queue[Get] = asyncio.Queue()
        self._asked: set[Get] = set()
        self._closing = False

    async def run(self, stop: Callable[[], bool] = lambda: False, seconds: float | None = None) -> None:
        """Feed until `stop` says so or the time is over; then every connection is closed and everything is written.

        Raises FeedError when the venue refuses for good, and what the sink raises.
        """
        clock = asyncio.get_running_loop().time
        until = None if seconds is None else clock() + seconds
        writing = asyncio.create_task(self._write())
        working: list[asyncio.Task[None]] = [writing]
        try:
            if await self._about(writing, stop):
                parts: list[Coroutine[None, None, None]] = [self._fetch(), self._mind()]
                parts += [line.run() for line in self._lines]
                working += [asyncio.create_task(part) for part in parts]
                while not stop() and (until is None or clock() < until):
                    done, _ = await asyncio.wait(working, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        task.result()
        finally:
            for task in working[1:]:
                task.cancel()
            await asyncio.gather(*working[1:], return_exceptions=True)
            self._closing = True
            self._some.set()
            await asyncio.gather(writing, return_exceptions=True)
        if writing.exception() is not None:
            writing.result()

    def stale(self) -> list[str]:
        """Return the slots on which no market data has come for `patience_s`; those without a connection too."""
        return [line.link.slot for line in self._lines if line.data_age_s() > self.venue.limits.patience_s]

    # ---- what the lines call --------------------------------------------------------------------------------------

    def now(self) -> int:
        """Return the arrival time of something that has just come, in ns; never less than before."""
        self._last_ns = max(self._last_ns, self._now_ns())
        return self._last_ns

    def put(self, received: Received) -> None:
        """Take one message or event; it will be written."""
        self._outbox.append(received)
        self._waiting += len(received.frame) + _OVERHEAD
        if received.event:
            self.counts.events += 1
        else:
            self.counts.frames += 1
            self.counts.bytes += len(received.frame)
        if self._waiting > self.venue.limits.waiting_max:
            self._free.clear()
        self._some.set()

    async def room(self) -> None:
        """Wait while too much is waiting to be written."""
        if not self._free.is_set():
            await self._free.wait()

    def began(self, link: Link, at_ns: int) -> None:
        """Expect the images of a new subscription."""
        self.counts.connects += 1
        self.judge.expect(link.markets, at_ns)
        self._tell(f"{self.venue.name} {link.slot}: connected")

    def ended(self, link: Link, reason: str) -> None:
        """Count why a connection or an attempt is over."""
        self.counts.ends[reason] += 1
        self._tell(f"{self.venue.name} {link.slot}: {reason}; connecting again")

    def refused(self, link: Link, said: str) -> None:
        """Count a refusal, and keep what the venue said."""
        self.counts.refused, self.counts.said = self.counts.refused + 1, said
        self._tell(f"{self.venue.name} {link.slot}: the venue refuses: {said}")

    # ---- writing --------------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        """Write what waits, batch by batch, then let the judge read it; ends when the feed is closing."""
        while True:
            await self._some.wait()
            self._some.clear()
            batch, self._outbox = self._outbox, []
            self._waiting = 0
            self._free.set()
            if batch:
                await asyncio.to_thread(self._sink.write, batch)
                self.counts.writes, self.counts.most = self.counts.writes + 1, max(self.counts.most, len(batch))
                self._written_ns = batch[-1].at_ns
            elif self._closing:
                return
            for place in range(0, len(batch), _SLICE):
                self.judge.take(batch[place : place + _SLICE])
                self._ask()
                await asyncio.sleep(0)
            if self._closing:
                self._some.set()

    async def _mind(self) -> None:
        """Look a few times a second for images that are due, and give those who follow a clock."""
        while True:
            await asyncio.sleep(LOOK_S)
            now = self.now()
            if not self._outbox and now - self._written_ns >= SECOND_NS:
                self._numbers[RECORDER] += 1
                self.put(Received(now, RECORDER, self._numbers[RECORDER], event="beat"))
            if not self._outbox:
                self.judge.tick(now)
            self._ask()

    def _ask(self) -> None:
        """Ask for every image that is due, and for new connections where images do not help."""
        hopeless = self.judge.hopeless()
        for line in self._lines:
            if any(market in line.link.markets for market in hopeless):
                line.drop(NO_IMAGE)
        due = self.judge.due(self._last_ns)
        if not due:
            return
        for line in self._lines:
            here = [market for market in due if market in line.link.markets]
            for get in line.again(here) if here else ():
                if get not in self._asked:
                    self._asked.add(get)
                    self._gets.put_nowait(get)

    # ---- requests -------------------------------------------------------------------------------------------------

    async def _about(self, writing: "asyncio.Task[None]", stop: Callable[[], bool]) -> bool:
        """Fetch the definitions of the markets, so that they stand before the first frame; False when asked to stop."""
        for get in self.venue.about:
            if stop() or writing.done():
                return False
            await self._got(get)
        return True

    async def _fetch(self) -> None:
        """Make requests one after the other, no faster than the venue allows."""
        while True:
            get = await self._gets.get()
            wait_s = await self._got(get)
            self._asked.discard(get)
            await asyncio.sleep(max(wait_s, 1 / self.venue.limits.gets_per_s))

    async def _got(self, get: Get) -> float:
        """Make one request and take its answer as a frame; returns how long the venue wants to be left alone."""
        answer = await asyncio.to_thread(self._get, get.url)
        if answer.reason:
            self.counts.failed[answer.reason] += 1
            self._tell(f"{self.venue.name}: {get.conn}: {answer.reason}")
            return (answer.wait_s or self.venue.limits.busy_s) if answer.busy else 0.0
        self.counts.answers += 1
        self._numbers[get.conn] += 1
        self.put(Received(self.now(), get.conn, self._numbers[get.conn], answer.body))
        return 0.0
