"""Carry between the programs what a broker would: raw messages under their keys, strands, and what operators sign.

The spelling is the real one (connectors/kafka_records.py, kafka_strands.py, control_entries.py); only the log is in
memory. Beside each record stands what the harness alone knows: which frames of the world, or which press, it covers.
"""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import NamedTuple
from zlib import crc32

from connectors.kafka_records import Record, frame_key, origin_of, record_of
from connectors.kafka_strands import record_of_strand
from operators.normalise import CLOCK, Frame
from operators.normalise.frames import ENDED
from operators.strands import Strand
from tests.sim.log import Log

LANE, JOURNAL_ID = "lane", "journal/0"
NOBODY = (0, 0)


class Message:
    """A record as a client of the broker hands it over."""

    __slots__ = ("_record",)

    def __init__(self, record: Record) -> None:
        """Take key and value."""
        self._record = record

    def key(self) -> bytes:
        """Return the key."""
        return self._record[0]

    def value(self) -> bytes:
        """Return the value."""
        return self._record[1]

    def timestamp(self) -> tuple[int, int]:
        """Return no time: whatever is read says its own."""
        return NOBODY


class Raw(NamedTuple):
    """A message of a venue: its number in the world, whose it is, and the record."""

    number: int
    source: int
    message: Message


class Told(NamedTuple):
    """A record of a journal, or none, and what it covers.

    producer  lane or hand
    mark      number of the last frame, or press, that is covered
    message   the record; None where the lane read and had nothing to say
    said      lines of the lane's strand up to here, and their checksum
    """

    producer: str
    mark: int
    message: Message | None
    said: tuple[int, int] = NOBODY


class Journal(Log[Told]):
    """A desk's partition, and how far each producer's part of it reaches."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__("journal")
        self.marks: dict[str, int] = {}
        self.said = NOBODY

    def append(self, items: Sequence[Told]) -> None:
        """Take records at the end; a producer that begins again may repeat itself."""
        super().append(items)
        for told in items:
            self.marks[told.producer] = max(self.marks.get(told.producer, -1), told.mark)
            self.said = max(self.said, told.said)

    def cut(self, length: int) -> None:
        """Forget everything behind a place."""
        super().cut(length)
        kept, self.items, self.marks, self.said = self.items, [], {}, NOBODY
        self.append(kept)


def sources_of(frames: Iterable[Frame]) -> tuple[int, ...]:
    """Return the numbers of the venues that say anything."""
    return tuple(sorted({frame.source for frame in frames if frame.dialect != CLOCK}))


def raw_of(frames: Sequence[Frame]) -> list[Raw]:
    """Return what the edge writes: each message under its number, and of each venue at last that it ended.

    Time is made by whoever reads, so a clock frame has a number and no message.
    """
    written, last = [], dict[int, Frame]()
    origins = {source: origin_of(f"world/{source}") for source in sources_of(frames)}
    for number, frame in enumerate(frames):
        if frame.dialect != CLOCK:
            written.append(Raw(number, frame.source, Message(record_of(frame, origins[frame.source]))))
            last[frame.source] = frame
    for number, (source, origin) in enumerate(origins.items(), len(frames)):
        key = frame_key(last[source].at_ns, last[source].position + 1, origin, ENDED, "")
        written.append(Raw(number, source, Message((key, b""))))
    return written


def in_turn(parts: Iterable[Sequence[Raw]]) -> list[Raw]:
    """Return what stands in several partitions as one writer could have written it: each in its order."""
    return [item for row in zip_longest(*parts) for item in row if item is not None]


def told_by_lane(strand: Strand, mark: int) -> Told:
    """Return the record of a strand, as the journal takes it."""
    said = strand.number + strand.count, crc32(strand.lines, strand.checksum)
    return Told(LANE, mark, Message(record_of_strand(strand)), said)


class Order:
    """Which frames passed, in which order: a checksum over where each came from, when, and what it says."""

    __slots__ = ("checksum", "count")

    def __init__(self) -> None:
        """Begin before the first."""
        self.checksum = self.count = 0

    def take(self, frames: Iterable[Frame]) -> None:
        """Note frames. Their positions are those of a log, in which repeats have theirs too, and do not count."""
        for frame in frames:
            self.checksum = crc32(frame.data, crc32(b"%d %d " % (frame.source, frame.at_ns), self.checksum))
            self.count += 1


def order_of(frames: Iterable[Frame]) -> tuple[int, int]:
    """Return how many frames there are, and the checksum of their order."""
    order = Order()
    order.take(frames)
    return order.count, order.checksum
