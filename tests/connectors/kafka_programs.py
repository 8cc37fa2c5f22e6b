"""Run one of two flows as a process of its own, so that a test can kill it: `feed` a topic, or `carry` one to another.

    python -m tests.connectors.kafka_programs feed  BOOTSTRAP FOLDER TO COUNT
    python -m tests.connectors.kafka_programs carry BOOTSTRAP FOLDER TO FROM

`feed` writes COUNT made frames, `carry` reads up to the end, links every 64 to a block and writes the blocks. Both keep
their place in FOLDER once in 0.2 seconds, and go slowly enough to be killed in the middle.
"""

import sys
import time
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import run_main

from connectors.access import Access
from connectors.kafka import EnvelopeSink, Part, RawSink, RawSource
from contracts.envelope import Block
from flows.ends import FrameSource
from flows.stream import frames as made_frames
from operators.envelope import Chain
from operators.host import hosted
from operators.normalise.frames import Frame
from operators.state import Keep

CUT = 64
PAUSE_S = 0.006
EPOCH = timedelta(seconds=0.2)
LANE, DESK, SOURCE = "lane0", "bot3", "a recording"


def frames(count: int) -> list[Frame]:
    """Return made frames, the same every time."""
    start = 1_760_000_000_000_000_000
    return [
        Frame(0, number, start + number * 1_000_000, "clob_v2", data, "c1")
        for number, data in enumerate(made_frames(count, 20), 1)
    ]


class Links:
    """Link the positions and bytes of every 64 frames to a block; what is left waits for the next."""

    def __init__(self) -> None:
        """Begin at the genesis head."""
        self.chain, self.waiting = Chain(DESK, "journal"), list[tuple[int, str]]()

    def step(self, taken: list[Frame]) -> list[Block]:
        """Take frames, return blocks."""
        self.waiting += [(frame.position, frame.data.decode()) for frame in taken]
        made = []
        while len(self.waiting) >= CUT:
            rows, self.waiting = self.waiting[:CUT], self.waiting[CUT:]
            made.append(self.chain.link(list(rows), [rows[0][0]]))
        return made


class Slowly:
    """Frames that were made, in small blocks, with pauses."""

    def __init__(self, made: list[Frame]) -> None:
        """Begin at the first."""
        self.taken, self._made = 0, made

    def seek(self, taken: int) -> None:
        """Go on after so many."""
        self.taken = taken

    def next(self) -> list[Frame]:
        """Return the next block; raises StopIteration at the end."""
        block = self._made[self.taken : self.taken + 100]
        if not block:
            raise StopIteration
        time.sleep(PAUSE_S)
        self.taken += len(block)
        return block

    def closing(self) -> None:
        """Hear that an epoch ends."""


def slowed(item: tuple[str, list[Frame]]) -> tuple[str, list[Frame]]:
    """Pass an item on after a pause."""
    time.sleep(PAUSE_S)
    return item


def feed(access: Access, to: str, count: int) -> Dataflow:
    """Write made frames to a raw topic."""
    keep, flow = Keep({"frames": 1, "raw": 1}), Dataflow("feed")
    source = FrameSource(LANE, Slowly(frames(count)), "frames", keep)
    op.output("raw", op.input("frames", flow, source), RawSink(access, to, {LANE: 1}, {0: SOURCE}, "raw", keep))
    return flow


def carry(access: Access, to: str, topic: str) -> Dataflow:
    """Read a raw topic up to its end, link blocks, write them."""
    keep, flow = Keep({"raw": 1, "links": 1, "out": 1}), Dataflow("carry")
    source = RawSource(access, [Part(topic, 1, LANE)], "carry", "raw", keep, 100, to_end=True)
    read = op.map("slowed", op.input("raw", flow, source), slowed)
    linked = op.stateful_batch("links", read, hosted(Links, "links", keep))
    keyed = op.map("keyed", linked, lambda item: (DESK, item[1]))
    op.output("out", keyed, EnvelopeSink(access, to, {DESK: 2}, "out", keep))
    return flow


def main(words: list[str]) -> None:
    """Run a flow to its end, going on where its folder says."""
    what, bootstrap, folder, *rest = words
    place = Path(folder)
    if not place.exists():
        place.mkdir(mode=0o700)
        init_db_dir(place, 1)
    access = Access(bootstrap)
    flow = feed(access, rest[0], int(rest[1])) if what == "feed" else carry(access, *rest)
    run_main(flow, epoch_interval=EPOCH, recovery_config=RecoveryConfig(place, timedelta(0)))


if __name__ == "__main__":
    main(sys.argv[1:])
