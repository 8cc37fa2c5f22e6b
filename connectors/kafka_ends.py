"""Read and write partitions of topics inside a dataflow: the place is kept with the state, and nothing is skipped.

The offset of a source is part of the flow's own snapshot, never of a consumer group, so state and place are always of
one moment. A sink's snapshot returns only when the broker has acknowledged everything of the epoch: no snapshot is
ahead of what was written. What a record becomes, and what becomes a record, is said by the sources and sinks of
`kafka.py` and `kafka_strands.py`.
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
from connectors.kafka_client import POLL_MAX, Reader, Writer, incarnation
from connectors.kafka_health import Lag
from connectors.kafka_records import Record
from operators.state import Keep

Item = TypeVar("Item")
IDLE = timedelta(milliseconds=1)
Stop = Callable[[], bool]


class Part(NamedTuple):
    """One partition to read.

    topic, partition  which
    key               under which its items go on: the lane, or the desk
    source            number of its facts' source (contracts/ids.py); journals have none of their own
    enders            who may say that nothing more comes; all of them must, for a finite input to end
    """

    topic: str
    partition: int
    key: str
    source: int = 0
    enders: tuple[str, ...] = ("",)

    @property
    def name(self) -> str:
        """The partition's name in snapshots."""
        return f"{self.topic}/{self.partition:06d}"


class Place:
    """What a source remembers of a partition: which topic, the next offset, what was said before it, and who ended."""

    def __init__(self, memory: object) -> None:
        """Begin before the first record."""
        self.topic_id, self.offset, self.began, self.memory = "", -1, 0, memory
        self.ended: set[str] = set()


class TopicPart(StatefulSourcePartition[tuple[str, Item], bytes | None], Generic[Item]):
    """One partition under read; what a record becomes is the subclass's."""

    def __init__(self, source: "TopicSource[Item]", part: Part, place: Place) -> None:
        """Open it at its place; raises BrokerError where the log does not hold that."""
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
        """Return what came, at most one poll of it; ends at a pause, and where the end was reached or said."""
        if self._source.stop():
            self._source.keep.paused = True
            raise StopIteration
        if 0 <= self._until <= self.place.offset or (self._source.until_end and self.has_ended):
            raise StopIteration
        if self._source.is_ahead(self):
            self._idle = True
            return []
        messages = self._reader.poll(self._source.batch)
        self._idle = not messages
        if not messages:
            if self._source.finish():
                raise StopIteration
            return []
        item = self._item(self.place.offset, messages)
        self.place.offset = self._reader.position
        return [] if item is None else [(self.part.key, item)]

    @property
    def has_ended(self) -> bool:
        """True when everybody who may has said that nothing more comes."""
        return self.place.ended.issuperset(self.part.enders)

    def next_awake(self) -> datetime | None:
        """Ask again in a millisecond while nothing comes."""
        return datetime.now(UTC) + IDLE if self._idle else None

    def snapshot(self) -> bytes | None:
        """Return the place."""
        return self._source.keep.pack(self._source.step_id, self.place)

    def close(self) -> None:
        """Close the client."""
        self._reader.close()

    def lag(self) -> Lag:
        """Return where this partition is; from any thread, without asking the broker."""
        first, end = self._reader.edges()
        repeats, refused = self._counts()
        position, trouble = self.place.offset, self._reader.trouble.last
        return Lag(self.part.topic, self.part.partition, position, first, end, self.at_ns, repeats, refused, trouble)

    def _item(self, first: int, messages: list[Message]) -> Item | None:
        """Make an item of records whose offsets run from `first` without a hole."""
        raise TypeError("what a record becomes is said by the class of its source")

    def _counts(self) -> tuple[int, int]:
        return 0, 0


class TopicSource(FixedPartitionedSource[tuple[str, Item], bytes | None], Generic[Item]):
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
        until_end: bool = False,
        finish: Stop = lambda: False,
    ) -> None:
        """Take the way in, the partitions, a name for the broker's log, and what keeps the places.

        batch   records of one poll, 1 to 256
        stop    asks for a pause: every partition ends where it is, and the epoch is kept
        to_end  end at the offset that was the end when the partition was opened, instead of waiting for more
        until_end  end where everybody who may has said that nothing more comes
        finish     once it is true, end where nothing waits to be read
        """
        if not 1 <= batch <= POLL_MAX or len({part.name for part in parts}) != len(parts):
            raise BrokerError(f"batch {batch}, {len(parts)} partitions; allowed: 1 to {POLL_MAX}, each partition once")
        self.access, self.group, self.step_id, self.batch = access, group, step_id, batch
        self.keep = Keep() if keep is None else keep
        self.stop, self.to_end, self.until_end, self.finish = stop, to_end, until_end, finish
        self._parts = {part.name: part for part in parts}
        self._places: dict[str, Place] = {}
        self._open: dict[str, TopicPart[Item]] = {}

    def list_parts(self) -> list[str]:
        """Return the partitions' names."""
        return list(self._parts)

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> TopicPart[Item]:
        """Open a partition at its place, the first offset at a first start.

        Raises BrokerError where the log does not hold that place, or the topic is another one now.
        """
        place = self._places.setdefault(for_part, Place({}))
        self.keep.unpack(self.step_id, resume_state, place)
        opened = self._open[for_part] = self._opened(self._parts[for_part], place)
        return opened

    @property
    def has_ended(self) -> bool:
        """True once every partition has heard that nothing more comes; from any thread."""
        opened = list(self._open.values())
        return bool(opened) and all(part.has_ended for part in opened)

    def lags(self) -> list[Lag]:
        """Return where each open partition is; from any thread, without asking the broker."""
        return [part.lag() for part in list(self._open.values())]

    def is_ahead(self, part: TopicPart[Item]) -> bool:
        """True for a partition that would only wait for another one of its lane, which is far behind it."""
        if self.apart_ns <= 0:
            return False
        others = (each for each in self._open.values() if each.part.key == part.part.key and each is not part)
        return any(each.at_ns < part.at_ns - self.apart_ns and not each.has_ended for each in others)

    apart_ns = 0

    def _opened(self, part: Part, place: Place) -> TopicPart[Item]:
        raise TypeError("what a record becomes is said by the class of its source")


# ---- sinks --------------------------------------------------------------------------------------------------------


class Written:
    """What a sink counts: records that the broker has acknowledged, as of the last snapshot."""

    def __init__(self) -> None:
        """Begin at none."""
        self.records = 0


class _SinkPartition(StatefulSinkPartition[Item, bytes | None], Generic[Item]):
    def __init__(self, sink: "TopicSink[Item]", writer: Writer, partition: int, written: Written) -> None:
        self._sink, self._writer, self._partition, self._written = sink, writer, partition, written

    def write_batch(self, values: list[Item]) -> None:
        records = [record for value in values for record in self._sink.records(self._partition, value)]
        self._writer.write(self._partition, records)
        self._written.records += len(records)

    def snapshot(self) -> bytes | None:
        self._writer.flush()
        return self._sink.keep.pack(self._sink.step_id, self._written)


class TopicSink(FixedPartitionedSink[Item, bytes | None], Generic[Item]):
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

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> _SinkPartition[Item]:
        """Open a partition; raises BrokerError when the topic has none of that number."""
        with self._lock:
            if self._writer is None:
                self._writer = Writer(self._access, self.topic, more=self._more)
        written = self._written.setdefault(for_part, Written())
        self.keep.unpack(self.step_id, resume_state, written)
        return _SinkPartition(self, self._writer, int(for_part.rpartition("/")[2]), written)

    def waiting(self) -> int:
        """Return how many records are not acknowledged yet; from any thread."""
        return 0 if self._writer is None else self._writer.waiting

    def records(self, partition: int, value: Item) -> list[Record]:
        """Return the records of one item."""
        raise TypeError("what an item becomes is said by the class of its sink")
