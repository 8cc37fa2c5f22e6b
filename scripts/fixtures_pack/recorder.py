"""Write frames down as a recorder would: one JSON line each, in the project's capture format; mark the oddities."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

START_MS = 1_795_194_000_000
LATENCY_MS = 40


@dataclass(slots=True)
class Actor:
    """One market on stage.

    name       the ticker, or a short name where the venue has none
    title      the venue's title
    rules      the resolution rules
    gap_ms     mean time between two things that happen in it
    asleep_ms  nothing happens in it before this moment
    open       trading is possible
    """

    name: str
    title: str
    rules: str
    gap_ms: int
    asleep_ms: int = 0
    open: bool = True
    last_mills: int = 0
    last_size: int = 0
    volume: int = 0
    told: tuple[int, ...] = ()
    since_ms: int = 0


@dataclass(slots=True)
class Recorder:
    """The lines of one capture.

    now_ms    venue time of what is being written, since the start of the pack
    held_ms   frames arrive no earlier than this: a burst that came late
    slip_ms   what the recorder's clock is set back by
    """

    venue: str
    dialect: str
    lines: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    marks: list[tuple[str, int, str]] = field(default_factory=list)
    now_ms: int = 0
    held_ms: int = 0
    slip_ms: int = 0
    conn: str = ""
    received: int = 0
    _arrived_ms: int = 0

    @property
    def venue_ms(self) -> int:
        """The venue's own clock."""
        return START_MS + self.now_ms

    @property
    def frames(self) -> int:
        """Messages of the venue; neither the header nor what the recorder says of its connections."""
        return len(self.lines) - 1 - self.kinds["event"]

    def moments(self, script: dict[int, Callable[[], None]], every_ms: int, until_ms: int) -> Iterator[int]:
        """Yield each moment of a venue that speaks at fixed times, after what the script (by second) has due then."""
        due = sorted(script, reverse=True)
        for self.now_ms in range(0, until_ms, every_ms):
            while due and self.now_ms >= due[-1] * 1_000:
                script[due.pop()]()
            yield self.now_ms

    def head(self, seed: int) -> None:
        """Write the first line: what this file is."""
        labels = {"origin": "synthetic: no venue sent this", "maker": "scripts/make_fixtures.py", "seed": str(seed)}
        self.lines.append(_dump({"polytraders_capture": 1, "venue": self.venue, "dialect": self.dialect,
                                 "synthetic": True, "labels": labels}))  # fmt: skip

    def connect(self, conn: str) -> None:
        """Begin a new connection: its messages are counted from 1, and the recorder says so itself."""
        self.conn, self.received = conn, 0
        self.event("connected")

    def event(self, name: str) -> None:
        """Write down what the recorder says of the connection: connected, disconnected."""
        self.kinds["event"] += 1
        self._write("event", name)

    def take(self, kind: str, text: str) -> None:
        """Write one frame down."""
        self.kinds[kind] += 1
        self._write("frame", text)

    def _write(self, what: str, text: str) -> None:
        arrived = max(self._arrived_ms, self.now_ms + LATENCY_MS, self.held_ms)
        self._arrived_ms = arrived
        self.received += 1
        at_ns = (START_MS + arrived - self.slip_ms) * 1_000_000
        self.lines.append(_dump({"at_ns": at_ns, "conn": self.conn, "n": self.received, what: text}))

    def mark(self, name: str, note: str, ahead: int = 1) -> None:
        """Remember that the next line (or the one `ahead` of the last) shows the oddity `name`."""
        self.marks.append((name, len(self.lines) + ahead, note))

    def text(self) -> str:
        """Return the whole capture."""
        return "\n".join(self.lines) + "\n"


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
