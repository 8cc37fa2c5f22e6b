"""Carry strands and the operator's entries over the topic of journals: one partition per desk, in the broker's order.

A record is a strand of a lane (`operators/strands.py`) or an entry of the control plane, told apart by its key. What it
may say is judged by the desk's step; here only its form is read, and what has none becomes a letter with its bytes.
"""

import msgspec
from confluent_kafka import Message

from connectors.kafka_ends import Part, Place, TopicPart, TopicSink, TopicSource
from connectors.kafka_records import Record
from contracts.base import Refused
from contracts.envelope import DeadLetter
from contracts.reasons import GOV_BLOCK_UNREADABLE
from operators.strands import Strand, Told

CONTROL_KEY = b"control"
VERSION = 1
_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(tuple[int, Strand]).decode


def record_of_strand(strand: Strand) -> Record:
    """Return the record of a strand."""
    return strand.lane.encode(), _ENCODE((VERSION, strand))


def strand_of(value: bytes | None) -> Strand:
    """Read a strand's record; raises Refused with what is wrong. Its lines are judged by the desk's step."""
    try:
        version, strand = _DECODE(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise Refused(f"strand record: {err}") from None
    if version != VERSION:
        raise Refused(f"strand record: version {version}; allowed: {VERSION}")
    return strand


def told(place: int, message: Message, out: Told) -> None:
    """Add a record to `out`; `place` is its offset + 1."""
    value = message.value() or b""
    if message.key() == CONTROL_KEY:
        out.records.append((place, value))
        return
    try:
        out.records.append((place, strand_of(value)))
    except Refused as err:
        at_ns = max(0, message.timestamp()[1]) * 1_000_000
        out.letters.append(DeadLetter(out.source_id, place, at_ns, GOV_BLOCK_UNREADABLE, str(err)[:4_096], value.hex()))


class _StrandPart(TopicPart[Told]):
    def __init__(self, source: TopicSource[Told], part: Part, place: Place) -> None:
        super().__init__(source, part, place)
        self._refused = 0

    def _item(self, first: int, messages: list[Message]) -> Told | None:
        out = Told(f"{self.place.topic_id}/{self.part.partition}", [], [])
        for offset, message in enumerate(messages, first):
            told(offset + 1, message, out)
        for _, record in out.records:
            if isinstance(record, Strand):
                (self.place.ended.add if record.ended else self.place.ended.discard)(record.lane)
        self.at_ns = max(0, messages[-1].timestamp()[1]) * 1_000_000
        self._refused += len(out.letters)
        return out

    def _counts(self) -> tuple[int, int]:
        return 0, self._refused


class StrandSource(TopicSource[Told]):
    """Read the journals of desks: (desk, what lanes and operators told it)."""

    def _opened(self, part: Part, place: Place) -> _StrandPart:
        return _StrandPart(self, part, place)


class StrandSink(TopicSink[list[Strand]]):
    """Append strands to the partitions of their desks; keyed by desk."""

    def records(self, partition: int, value: list[Strand]) -> list[Record]:
        """Return a record for each strand."""
        return [record_of_strand(strand) for strand in value]
