"""Name what the edge hands over: one message as received, with its place and its arrival."""

from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from contracts.envelope import DeadLetter
from contracts.market import Fact

CLOCK = "clock"
CONNECTION = "connection"
ENDED = "ended"  # no message: its source says nothing more for now, and nobody need wait for it
CONN_MAX = 120
Conn = Annotated[str, Meta(max_length=CONN_MAX)]
"""Name of a connection, as it is read; subscriptions add theirs to it. A line with a longer one is unreadable."""
ENGAGED = b"engaged"  # what a clock frame carries when the environment's kill switch was engaged


class Frame(Struct, gc=False, frozen=True):
    """One message.

    source    number of the capture, connection or topic (contracts/ids.py)
    position  its place there, from 1
    at_ns     arrival; never runs backwards inside one source
    dialect   how to read it: clob_v2, kalshi, kalshi_recorder, connection or clock
    data      the bytes as received
    conn      which connection of the source
    """

    source: int
    position: int
    at_ns: int
    dialect: str
    data: bytes
    conn: str = ""


class Counts(NamedTuple):
    """Every frame is exactly one of these, or a dead letter.

    frames        frames read, clock frames not counted
    facts_frames  frames that gave facts or changed nothing
    control       lines of the recorder or of the connection
    facts         facts that the frames gave; clock ticks are not counted
    """

    frames: int
    facts_frames: int
    control: int
    facts: int


class Normalised(NamedTuple):
    """What became of a block of frames: facts in order, dead letters in order, and the counts."""

    facts: list[Fact]
    dead: list[DeadLetter]
    counts: Counts
