"""Say what recordings and topics feed to the partitions of a prefix, record by record.

A recording goes line by line to one partition of its venue, so that the record at offset N is its line N + 1 and every
fact has the id that a run over the recording gives it; a line that gives no frame is fed as a line of the recorder that
says nothing. A partition goes to the partition of the same number as it is. Each is closed with the mark that nothing
more comes, unless it has one.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition

from connectors import namespace
from connectors.access import Access
from connectors.errors import BrokerError
from connectors.kafka_records import frame_key, heading_of, origin_of, record_of
from connectors.recording import Capture
from connectors.refeed import ANSWER_MS, Fed, Feeding, Rest, consumer
from contracts.base import Refused
from operators.normalise.frames import CONNECTION, ENDED, Frame

NOTHING_SAID = b'{"polytraders_capture":1}'  # a recorder's header line again: control, and no fact
POLL_RECORDS, POLL_MS = 1_000, 500
Places = Mapping[str, Sequence[int]]


class Cut(NamedTuple):
    """Which arrivals are fed, nanoseconds, both ends included, None where it is open; and whether an end is said."""

    since: int | None = None
    until: int | None = None
    ends: bool = True

    def takes(self, at_ns: int) -> bool:
        """True for an arrival inside."""
        return (self.since is None or at_ns >= self.since) and (self.until is None or at_ns <= self.until)

    @property
    def is_whole(self) -> bool:
        """True when nothing is left out."""
        return self.since is None and self.until is None


class _Raw(Feeding):
    """Frames of one partition."""

    def spelt(self, fed: Fed) -> str:
        """Say which frame this is."""
        heading = heading_of(fed.key)
        if heading is None:
            return super().spelt(fed)
        return f"number {heading.number} of {heading.dialect}, origin {heading.origin.hex()}"


class EndFeeding(_Raw):
    """Nothing but the mark that nothing comes: for a partition of a lane for which there is no recording."""

    def __init__(self, topic: str, partition: int) -> None:
        """Take the partition."""
        super().__init__(topic, partition, "an end without a beginning")

    def records(self) -> Iterator[Fed]:
        """Yield the mark."""
        yield Fed(0, *_end(0, 1, f"{self.topic}/{self.partition}"))


class CaptureFeeding(_Raw):
    """The frames of a recording, as received."""

    def __init__(self, capture: Capture, topic: str, partition: int, cut: Cut) -> None:
        """Take the recording, the partition, and what is left out."""
        super().__init__(topic, partition, str(capture.path))
        self.capture, self._cut, self.total = capture, cut, capture.size

    @property
    def truncated(self) -> str:
        """What was cut short, and why."""
        return self.capture.truncated

    def records(self) -> Iterator[Fed]:
        """Yield a record for each line."""
        origin, takes, place, at_ns = origin_of(self.capture.source_id), self._cut.takes, 0, self.capture.first_ns
        for frame in self.capture:
            while place + 1 < frame.position:  # a line that gave no frame
                place += 1
                if takes(at_ns):
                    yield Fed(at_ns, *record_of(Frame(0, place, at_ns, CONNECTION, NOTHING_SAID), origin))
            place, at_ns, self.done = frame.position, frame.at_ns, self.capture.read
            if takes(at_ns):
                yield Fed(at_ns, *record_of(frame, origin))
        self.done = self.total
        if self._cut.ends:
            yield Fed(at_ns, *_end(at_ns, place + 1, self.capture.source_id))


class TopicFeeding(_Raw):
    """The records of a partition, as they are, up to the end that it had when it was looked at."""

    def __init__(self, access: Access, place: TopicPartition, bounds: tuple[int, int], to: str, cut: Cut) -> None:
        """Take the partition to read, its first offset and the one after its last, the topic to feed, and the cut."""
        super().__init__(to, place.partition, f"topic {place.topic}, partition {place.partition}")
        self._access, self._place, self._cut = access, place, cut
        self._first, self._end = bounds
        self.total = self._end - self._first

    def records(self) -> Iterator[Fed]:
        """Return the records; raises BrokerError where one is gone."""
        if self._first and self._cut.since is None:
            raise self._gone(0)
        return self._from(self._first)

    def after(self, held: int, last: Fed | None) -> Rest:
        """Return what is left; without a cut an offset is the same in both, and only what is missing is read."""
        heading = heading_of(last.key) if last is not None else None
        if heading is not None and heading.dialect == ENDED and heading.origin == origin_of(self._origin):
            self._end = min(self._end, heading.number - 1)  # it was fed whole, and has grown since
        if not self._cut.is_whole:
            return super().after(held, last)
        start = max(0, min(held, self._end) - 1)
        if start < self._first:
            raise self._gone(start)
        return self.skipped(self._from(start), start, held)

    @property
    def _origin(self) -> str:
        return f"{self._place.topic}/{self._place.partition}"

    def _from(self, start: int) -> Iterator[Fed]:
        at_ns, said, offset, since = 0, "", start, self._cut.since
        with consumer(self._access) as client:
            for fed in _read(client, self._place, start, self._end):
                heading = heading_of(fed.key)
                at_ns = fed.at_ns if heading is None else heading.at_ns
                if offset == self._first > 0 and since is not None and at_ns >= since:
                    raise self._gone(offset - 1)
                offset += 1
                self.done = offset - self._first
                if self._cut.takes(at_ns):
                    said = "" if heading is None else heading.dialect
                    yield Fed(at_ns, fed.key, fed.value)
        if self._cut.ends and said != ENDED:
            yield Fed(at_ns, *_end(at_ns, self._end + 1, self._origin))

    def _gone(self, wanted: int) -> BrokerError:
        return BrokerError(
            f"{self.name}: wanted offset {wanted}, first offset {self._first}: retention has removed what stood "
            f"before; allowed: --since a moment that it still holds, or --from capture"
        )


def _read(client: KafkaConsumer, place: TopicPartition, start: int, end: int) -> Iterator[Fed]:
    """Yield the records from `start` up to `end`; raises BrokerError where an offset is passed over or none comes."""
    client.assign([place])
    client.seek(place, start)
    offset, heard = start, time.monotonic()
    named = f"topic {place.topic}, partition {place.partition}"
    while offset < end:
        found = client.poll(timeout_ms=POLL_MS, max_records=POLL_RECORDS).get(place, ())
        if found:
            heard = time.monotonic()
        elif time.monotonic() > heard + ANSWER_MS / 1_000:
            raise BrokerError(f"{named}: no record at offset {offset}, though it ends at {end}; nothing is skipped")
        for record in found:
            if offset == end:
                return
            if record.offset != offset:
                raise BrokerError(
                    f"{named}: wanted offset {offset}, the broker gave {record.offset}; what stood between is not "
                    f"there, and nothing is skipped"
                )
            offset += 1
            yield Fed(max(0, record.timestamp) * 1_000_000, record.key, record.value)


def _end(at_ns: int, number: int, origin: str) -> tuple[bytes, bytes]:
    return frame_key(at_ns, number, origin_of(origin), ENDED, ""), b""


# ---- which goes where ----------------------------------------------------------------------------------------------


def of_captures(captures: Sequence[Capture], prefix: str, places: Places | None, cut: Cut) -> list[Feeding]:
    """Return what feeds recordings, in their order, to the partitions of their venues; raises Refused.

    `places` names the partitions of each venue; those that no recording goes to get the end alone. Without it each
    venue has partition 0.
    """
    feedings: list[Feeding] = []
    taken: Counter[str] = Counter()
    for capture in captures:
        venue = capture.venue
        known = (0,) if places is None else places.get(venue, ())
        if taken[venue] == len(known):
            raise Refused(
                f"--capture {capture.path}: no partition is left for it among those of venue {venue} ({len(known)}); "
                f"allowed: one recording for each partition: --deployment FILE names them"
            )
        topic = namespace.raw_topic(prefix, venue)
        feedings.append(CaptureFeeding(capture, topic, known[taken[venue]], cut))
        taken[venue] += 1
    return [*feedings, *_ends(feedings, prefix, places, cut)]


def of_topics(
    access: Access, source: str, prefix: str, venues: Sequence[str], places: Places | None, cut: Cut
) -> list[Feeding]:
    """Return what feeds the raw topics of a prefix to those of another; raises Refused and BrokerError.

    Venues are those named, else those of `places`, else all that there are; partitions those of `places`, else all that
    hold anything.
    """
    for venue in venues:
        namespace.raw_topic(source, venue)
        if places is not None and venue not in places:
            raise Refused(f"--venue {venue}: is in no lane of the deployment; allowed: {', '.join(places)}")
    with consumer(access) as client:
        beginning = f"{namespace.checked_prefix(source)}.raw."
        there = sorted(name for name in client.topics() if name.startswith(beginning))
        chosen = venues or list(places or (name.removeprefix(beginning) for name in there))
        parts = []
        for venue in chosen:
            name = namespace.raw_topic(source, venue)
            count = sorted(client.partitions_for_topic(name)) if name in there else []
            if not count:
                raise BrokerError(
                    f"topic {name}: does not exist, or may not be read; there are: {', '.join(there) or 'none'}"
                )
            parts += [TopicPartition(name, number) for number in count if places is None or number in places[venue]]
        first, end = client.beginning_offsets(parts), client.end_offsets(parts)
    feedings: list[Feeding] = [
        TopicFeeding(access, part, (first[part], end[part]), f"{prefix}.raw.{part.topic.removeprefix(beginning)}", cut)
        for part in parts
        if end[part]
    ]
    if not feedings:
        raise Refused(
            f"--source {source}: {len(parts)} partitions, and no record in any; allowed: a prefix that was fed"
        )
    return [*feedings, *_ends(feedings, prefix, places, cut)]


def _ends(feedings: Sequence[Feeding], prefix: str, places: Places | None, cut: Cut) -> Iterator[Feeding]:
    """Yield the end for each partition of the lanes that nothing is fed to: a lane waits for all of its partitions."""
    fed = {(feeding.topic, feeding.partition) for feeding in feedings}
    for venue, partitions in (places or {}).items() if cut.ends else ():
        topic = namespace.raw_topic(prefix, venue)
        yield from (EndFeeding(topic, number) for number in partitions if (topic, number) not in fed)
