"""Give flows their ends at the broker: raw messages, blocks and dead letters as items of a dataflow.

The sources that come with the dataflow engine skip what retention removed, and its sink ends with exit code 0 when
deliveries failed; these do neither (`kafka_ends.py`). What is written again after a crash is recognised by the reader
(`kafka_records.py`, `kafka_chains.py`).

A refusal to start is a BrokerError behind the engine's own error: exit code 2 of `pt`.
"""

from collections.abc import Mapping

from confluent_kafka import Message

from connectors.access import Access
from connectors.errors import BrokerError
from connectors.kafka_chains import BlockReader, Chains, Delivered
from connectors.kafka_ends import Part, Place, TopicPart, TopicSink, TopicSource
from connectors.kafka_records import OFFSETS_MAX, FrameReader, Record, origin_of, record_of, record_of_block
from contracts.base import Refused, read, write
from contracts.envelope import Block, DeadLetter
from contracts.reasons import GOV_BLOCK_UNREADABLE
from operators.envelope import ENDED as NO_CHAIN
from operators.normalise.frames import CLOCK, ENDED, Frame
from operators.state import Keep

__all__ = ["DeadLetterSink", "EnvelopeSink", "EnvelopeSource", "LetterSource", "Part", "RawSink", "RawSource"]

APART_NS = 5_000_000_000
END_KEY = b"end:"

class _RawPart(TopicPart[list[Frame]]):
    def __init__(self, source: TopicSource[list[Frame]], part: Part, place: Place) -> None:
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
        self.at_ns = max(self.at_ns, frames[-1].at_ns)
        self.place.ended = {""} if frames[-1].dialect == ENDED else set()
        return frames

    def _counts(self) -> tuple[int, int]:
        return self._frames.repeats, self._frames.unreadable


class RawSource(TopicSource[list[Frame]]):
    """Read raw topics: (lane, frames), in the order of each partition, each message once.

    A frame's position is its offset + 1, so a recording that was fed line by line gives the facts that the recording
    itself gives. Beyond offset 2^32 - 2 a fact id has no room: the source refuses to go on, and `Lag.near_end_of_ids`
    says so from four fifths on. A partition that is far ahead of another one of its lane waits for it.
    """

    apart_ns = APART_NS

    def _opened(self, part: Part, place: Place) -> _RawPart:
        return _RawPart(self, part, place)


class _BlockPart(TopicPart[Delivered]):
    def __init__(self, source: TopicSource[Delivered], part: Part, place: Place) -> None:
        super().__init__(source, part, place)
        assert isinstance(place.memory, dict)
        chains: Chains = place.memory
        self._blocks = BlockReader(f"{place.topic_id}/{part.partition}", chains, joins=place.began > 0)
        self._refused = 0

    def _item(self, first: int, messages: list[Message]) -> Delivered | None:
        out = Delivered([], [])
        for offset, message in enumerate(messages, first):
            key = message.key() or b""
            if key.startswith(END_KEY):
                self.place.ended.add(key.removeprefix(END_KEY).decode("utf-8", "replace"))
                continue
            self.place.ended.discard(key.decode("utf-8", "replace"))
            self._blocks.take(offset, message.value(), message.timestamp()[1], out)
        self.at_ns = max(0, messages[-1].timestamp()[1]) * 1_000_000
        self._refused += len(out.letters)
        return out if out.blocks or out.letters else None

    def _counts(self) -> tuple[int, int]:
        return self._blocks.repeats, self._refused


class EnvelopeSource(TopicSource[Delivered]):
    """Read journals and envelopes: (desk, blocks and letters), each block once and only in the order of its chain."""

    def _opened(self, part: Part, place: Place) -> _BlockPart:
        return _BlockPart(self, part, place)


class _LetterPart(TopicPart[list[DeadLetter]]):
    def _item(self, first: int, messages: list[Message]) -> list[DeadLetter]:
        source_id = f"{self.place.topic_id}/{self.part.partition}"
        self.at_ns = max(0, messages[-1].timestamp()[1]) * 1_000_000
        return [_letter_of(source_id, offset, message) for offset, message in enumerate(messages, first)]


def _letter_of(source_id: str, offset: int, message: Message) -> DeadLetter:
    """Return the letter of a record; one that holds none is a letter itself."""
    value = message.value() or b""
    try:
        return read(DeadLetter, value)
    except Refused as err:
        at_ns = max(0, message.timestamp()[1]) * 1_000_000
        return DeadLetter(source_id, offset + 1, at_ns, GOV_BLOCK_UNREADABLE, str(err)[:4_096], value.hex())


class LetterSource(TopicSource[list[DeadLetter]]):
    """Read dead letters; who stores them knows repeats by source and position."""

    def _opened(self, part: Part, place: Place) -> _LetterPart:
        return _LetterPart(self, part, place)


class RawSink(TopicSink[list[Frame]]):
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


class EnvelopeSink(TopicSink[list[Block]]):
    """Append blocks to a topic of journals or envelopes, one record each, to the partition of their desk."""

    def records(self, partition: int, value: list[Block]) -> list[Record]:
        """Return a record for each block; raises BrokerError for a block under another desk's key."""
        for block in value:
            if self.partitions.get(block.desk_id) != partition:
                raise BrokerError(
                    f"topic {self.topic}, partition {partition}: block of desk {block.desk_id!r}; "
                    f"allowed: {self.partitions.get(block.desk_id)}"
                )
        return [
            record_of_block(block) if block.chain != NO_CHAIN else (END_KEY + block.desk_id.encode(), b"")
            for block in value
        ]


class DeadLetterSink(TopicSink[list[DeadLetter]]):
    """Append what could not be read, with its bytes; who reads knows repeats by source and position."""

    def records(self, partition: int, value: list[DeadLetter]) -> list[Record]:
        """Return a record for each letter."""
        return [(letter.source_id.encode(), write(letter)) for letter in value]
