"""Give flows their ends at the broker: sources that keep their offset, sinks that wait until all is acknowledged.

The sources that come with the dataflow engine skip what retention removed, and its sink ends with exit code 0 when
deliveries failed; these do neither. The offset of a source is part of the flow's own snapshot, never of a consumer
group, so state and place are always of one moment. A sink's snapshot returns only when the broker has acknowledged
everything of the epoch: no snapshot is ahead of what was written. What is written again after a crash is recognised
by the reader (`kafka_records.py`, `kafka_chains.py`).

A refusal to start is a BrokerError behind the engine's own error: exit code 2 of `pt`.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from confluent_kafka import Message

from connectors.access import Access
from connectors.errors import BrokerError
from connectors.kafka_chains import BlockReader, Chains, Delivered
from connectors.kafka_client import POLL_MAX, Reader, Writer, incarnation
from connectors.kafka_health import Lag
from connectors.kafka_records import OFFSETS_MAX, FrameReader, Record, origin_of, record_of, record_of_block
from contracts.base import write
from contracts.envelope import Block, DeadLetter
from operators.normalise.frames import CLOCK, Frame
from operators.state import Keep

Item = TypeVar("Item")
IDLE = timedelta(milliseconds=1)
Stop = Callable[[], bool]


class Part(NamedTuple):
    """One partition to read.

    topic, partition  which
    key               under which its items go on: the lane, or the desk
    source            number of its facts' source (contracts/ids.py); journals have none of their own
    """

    topic: str
    partition: int
    key: str
    source: int = 0

    @property
    def name(self) -> str:
        """The partition's name in snapshots."""
        return f"{self.topic}/{self.partition:06d}"


class Place:
    """What a source remembers of a partition: which topic it was, the next offset, and what was said before it."""

    def __init__(self, memory: object) -> None:
        """Begin before the first record."""
        self.topic_id, self.offset, self.began, self.memory = "", -1, 0, memory


class _Part(StatefulSourcePartition[tuple[str, Item], bytes | None], Generic[Item]):
    """One partition under read; what a record becomes is the subclass's."""

    def __init__(self, source: "_Source[Item]", part: Part, place: Place) -> None:
        self.part, self.place, self.at_ns = part, place, 0
        self._source = source
        self._idle = False
        self._reader = Reader(source.access, source.group, part.topic, part.partition)
        self._begin()
        self._until = self._reader.bounds()[1] if source.to_end else -1

    def _begin(self) -> None:
        part, place = self.part, self.place
        found = incarnation(self._source.access, part.topic)
        if place.offset < 0:
            place.topic_id, place.offset = found, self._reader.bounds()[0]
            place.began = place.offset
        if place.topic_id != found:
            raise BrokerError(
                f"topic {part.topic}, partition {part.partition}: wanted offset {place.offset} of the topic "
                f"{place.topic_id}; it was made again since, as {found}: begin again with a new recovery folder"
            )
        self._reader.begin(place.offset)

    def next_batch(self) -> list[tuple[str, Item]]:
        if self._source.stop():
            self._source.keep.paused = True
            raise StopIteration
        if 0 <= self._until <= self.place.offset:
            raise StopIteration
        messages = self._reader.poll(self._source.batch)
        self._idle = not messages
        if not messages:
            return []
        item = self._item(self.place.offset, messages)
        self.place.offset = self._reader.position
        return [] if item is None else [(self.part.key, item)]

    def next_awake(self) -> datetime | None:
        return datetime.now(UTC) + IDLE if self._idle else None

    def snapshot(self) -> bytes | None:
        return self._source.keep.pack(self._source.step_id, self.place)

    def close(self) -> None:
        self._reader.close()

    def lag(self) -> Lag:
        first, end = self._reader.edges()
        repeats, refused = self._counts()
        position, trouble = self.place.offset, self._reader.trouble.last
        return Lag(self.part.topic, self.part.partition, position, first, end, self.at_ns, repeats, refused, trouble)

    def _item(self, first: int, messages: list[Message]) -> Item | None:
        """Make an item of records whose offsets run from `first` without a hole."""
        raise TypeError("what a record becomes is said by the class of its source")

    def _counts(self) -> tuple[int, int]:
        return 0, 0


class _Source(FixedPartitionedSource[tuple[str, Item], bytes | None], Generic[Item]):
    """Chosen partitions of topics."""

    def __init__(
        self,
        access: Access,
        parts: Sequence[Part],
        group: str,
        step_id: str = "",
        keep: Keep | None = None,
        batch: int = POLL_MAX,
        stop: Stop = lambda: False,
        to_end: bool = False,
    ) -> None:
        """Take the way in, the partitions, a name for the broker's log, and what keeps the places.

        batch   records of one poll, 1 to 256
        stop    asks for a pause: every partition ends where it is, and the epoch is kept
        to_end  end at the offset that was the end when the partition was opened, instead of waiting for more
        """
        if not 1 <= batch <= POLL_MAX or len({part.name for part in parts}) != len(parts):
            raise BrokerError(f"batch {batch}, {len(parts)} partitions; allowed: 1 to {POLL_MAX}, each partition once")
        self.access, self.group, self.step_id, self.batch = access, group, step_id, batch
        self.keep = Keep() if keep is None else keep
        self.stop, self.to_end = stop, to_end
        self._parts = {part.name: part for part in parts}
        self._places: dict[str, Place] = {}
        self._open: dict[str, _Part[Item]] = {}

    def list_parts(self) -> list[str]:
        """Return the partitions' names."""
        return list(self._parts)

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> _Part[Item]:
        """Open a partition at its place, the first offset at a first start.

        Raises BrokerError where the log does not hold that place, or the topic is another one now.
        """
        place = self._places.setdefault(for_part, Place({}))
        self.keep.unpack(self.step_id, resume_state, place)
        opened = self._open[for_part] = self._opened(self._parts[for_part], place)
        return opened

    def lags(self) -> list[Lag]:
        """Return where each open partition is; from any thread, without asking the broker."""
        return [part.lag() for part in list(self._open.values())]

    def _opened(self, part: Part, place: Place) -> _Part[Item]:
        raise TypeError("what a record becomes is said by the class of its source")


class _RawPart(_Part[list[Frame]]):
    def __init__(self, source: _Source[list[Frame]], part: Part, place: Place) -> None:
        super().__init__(source, part, place)
        assert isinstance(place.memory, dict)
        self._frames = FrameReader(part.source, place.memory)

    def _item(self, first: int, messages: list[Message]) -> list[Frame] | None:
        if first + len(messages) > OFFSETS_MAX:
            raise BrokerError(
                f"topic {self.part.topic}, partition {self.part.partition}: offset {first + len(messages) - 1} is past "
                f"what a fact id can name ({OFFSETS_MAX - 1}); replace the topic: a new one is a new source"
            )
        read = self._frames.frame
        found = [read(offset, m.key(), m.value(), m.timestamp) for offset, m in enumerate(messages, first)]
        frames = [frame for frame in found if frame is not None]
        if not frames:
            return None
        self.at_ns = frames[-1].at_ns
        return frames

    def _counts(self) -> tuple[int, int]:
        return self._frames.repeats, self._frames.unreadable


class RawSource(_Source[list[Frame]]):
    """Read raw topics: (lane, frames), in the order of each partition, each message once.

    A frame's position is its offset + 1, so a recording that was fed line by line gives the facts that the recording
    itself gives. Beyond offset 2^32 - 2 a fact id has no room: the source refuses to go on, and `Lag.near_end_of_ids`
    says so from four fifths on.
    """

    def _opened(self, part: Part, place: Place) -> _RawPart:
        return _RawPart(self, part, place)


class _BlockPart(_Part[Delivered]):
    def __init__(self, source: _Source[Delivered], part: Part, place: Place) -> None:
        super().__init__(source, part, place)
        assert isinstance(place.memory, dict)
        chains: Chains = place.memory
        self._blocks = BlockReader(f"{place.topic_id}/{part.partition}", chains, joins=place.began > 0)
        self._refused = 0

    def _item(self, first: int, messages: list[Message]) -> Delivered | None:
        out = Delivered([], [])
        for offset, message in enumerate(messages, first):
            self._blocks.take(offset, message.value(), message.timestamp()[1], out)
        self.at_ns = max(0, messages[-1].timestamp()[1]) * 1_000_000
        self._refused += len(out.letters)
        return out if out.blocks or out.letters else None

    def _counts(self) -> tuple[int, int]:
        return self._blocks.repeats, self._refused


class EnvelopeSource(_Source[Delivered]):
    """Read journals and envelopes: (desk, blocks and letters), each block once and only in the order of its chain."""

    def _opened(self, part: Part, place: Place) -> _BlockPart:
        return _BlockPart(self, part, place)


# ---- sinks --------------------------------------------------------------------------------------------------------


class Written:
    """What a sink counts: records that the broker has acknowledged, as of the last snapshot."""

    def __init__(self) -> None:
        """Begin at none."""
        self.records = 0


class _SinkPart(StatefulSinkPartition[Item, bytes | None], Generic[Item]):
    def __init__(self, sink: "_Sink[Item]", writer: Writer, partition: int, written: Written) -> None:
        self._sink, self._writer, self._partition, self._written = sink, writer, partition, written

    def write_batch(self, values: list[Item]) -> None:
        records = [record for value in values for record in self._sink.records(self._partition, value)]
        self._writer.write(self._partition, records)
        self._written.records += len(records)

    def snapshot(self) -> bytes | None:
        self._writer.flush()
        return self._sink.keep.pack(self._sink.step_id, self._written)


class _Sink(FixedPartitionedSink[Item, bytes | None], Generic[Item]):
    """The partitions of one topic; each key of the stream has its own."""

    def __init__(
        self,
        access: Access,
        topic: str,
        partitions: Mapping[str, int],
        step_id: str = "",
        keep: Keep | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        """Take the way in, the topic, and key -> partition; `more` are settings of librdkafka that go before ours."""
        self.topic, self.step_id = topic, step_id
        self.keep = Keep() if keep is None else keep
        self.partitions = dict(partitions)
        self._access, self._more = access, more
        self._writer: Writer | None = None
        self._written: dict[str, Written] = {}
        self._lock = threading.Lock()
        self._places = {number: place for place, number in enumerate(sorted(set(partitions.values())))}

    def list_parts(self) -> list[str]:
        """Return the names of the partitions that are written to, in their order."""
        return [f"{self.topic}/{number:06d}" for number in self._places]

    def part_fn(self, item_key: str) -> int:
        """Return the place of a key's partition; raises BrokerError for a key that has none."""
        number = self.partitions.get(item_key)
        if number is None:
            known = ", ".join(sorted(self.partitions)[:5])
            raise BrokerError(f"topic {self.topic}: no partition for {item_key!r}; allowed: {known}")
        return self._places[number]

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> _SinkPart[Item]:
        """Open a partition; raises BrokerError when the topic has none of that number."""
        with self._lock:
            if self._writer is None:
                self._writer = Writer(self._access, self.topic, more=self._more)
        written = self._written.setdefault(for_part, Written())
        self.keep.unpack(self.step_id, resume_state, written)
        return _SinkPart(self, self._writer, int(for_part.rpartition("/")[2]), written)

    def waiting(self) -> int:
        """Return how many records are not acknowledged yet; from any thread."""
        return 0 if self._writer is None else self._writer.waiting

    def records(self, partition: int, value: Item) -> list[Record]:
        """Return the records of one item."""
        raise TypeError("what an item becomes is said by the class of its sink")


class RawSink(_Sink[list[Frame]]):
    """Append frames to a raw topic, those of the clock left out: whoever reads makes them again."""

    def __init__(
        self,
        access: Access,
        topic: str,
        partitions: Mapping[str, int],
        origins: Mapping[int, str],
        step_id: str = "",
        keep: Keep | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        """Take what every sink takes, and the id of each source by its number (the content hash of a capture)."""
        super().__init__(access, topic, partitions, step_id, keep, more)
        self._origins = {number: origin_of(text) for number, text in origins.items()}

    def records(self, partition: int, value: list[Frame]) -> list[Record]:
        """Return a record for each frame."""
        return [record_of(frame, self._origins[frame.source]) for frame in value if frame.dialect != CLOCK]


class EnvelopeSink(_Sink[list[Block]]):
    """Append blocks to a topic of journals or envelopes, one record each, to the partition of their desk."""

    def records(self, partition: int, value: list[Block]) -> list[Record]:
        """Return a record for each block; raises BrokerError for a block under another desk's key."""
        for block in value:
            if self.partitions.get(block.desk_id) != partition:
                raise BrokerError(
                    f"topic {self.topic}, partition {partition}: block of desk {block.desk_id!r}; "
                    f"allowed: {self.partitions.get(block.desk_id)}"
                )
        return [record_of_block(block) for block in value]


class DeadLetterSink(_Sink[list[DeadLetter]]):
    """Append what could not be read, with its bytes; who reads knows repeats by source and position."""

    def records(self, partition: int, value: list[DeadLetter]) -> list[Record]:
        """Return a record for each letter."""
        return [(letter.source_id.encode(), write(letter)) for letter in value]
