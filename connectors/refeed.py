"""Feed topics again, each record acknowledged and in order, on from what they already hold.

A replay by re-feeding is only worth its name if the records stand where they stood: a fact's id is its record's place.
So a target partition must be empty, or hold the beginning of just this feeding; whatever else it holds is refused
before anything is written. That makes every feeding one that can be killed and started again: what is there counts,
what is missing follows, and nothing stands twice. Each record says at which offset it was stored, and one that is not
where it should be ends the feeding: somebody else writes there.

Done with kafka-python, a second client beside that of the data path: two implementations that agree check each other.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from heapq import merge
from typing import NamedTuple

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import ClusterAuthorizationFailedError, KafkaError
from kafka.producer.future import FutureRecordMetadata

from connectors import namespace, topics
from connectors.access import Access, kafka_python
from connectors.errors import BrokerError
from connectors.topic_layout import Layout, layout, read_layout

RECORD_BYTES_MAX = 9 << 20  # a block holds up to 8 MiB; a little more for what is around it
WINDOW_RECORDS, WINDOW_BYTES = 2_000, 32 << 20
DELIVERY_MS, ANSWER_MS = 600_000, 15_000
TICK_S, SETTLE_S, SETTLE_TRIES = 0.1, 0.3, 10
REPORT_EVERY = 256
Stop = Callable[[], bool]
Report = Callable[[int, int, int], None]
logging.getLogger("kafka").addHandler(logging.NullHandler())  # it mends most of what it says; the rest is raised


class Fed(NamedTuple):
    """One record: when it arrived first, nanoseconds UTC, its key and its value."""

    at_ns: int
    key: bytes | None
    value: bytes | None


class Rest(NamedTuple):
    """What is left of a feeding: offset -> record that the target must hold there, and the records that follow."""

    known: dict[int, Fed]
    records: Iterator[Fed]


class Feeding:
    """What one partition is fed: the same records in the same order each time they are asked for.

    total, done  how much there is and how much of it was used, in units of its own; for a bar
    left_out     type -> entries that were not fed, as far as it was fed
    """

    def __init__(self, topic: str, partition: int, name: str) -> None:
        """Take the target, and what is fed, for people."""
        self.topic, self.partition, self.name = topic, partition, name
        self.total, self.done = 0, 0
        self.left_out: Counter[str] = Counter()

    @property
    def truncated(self) -> str:
        """What was cut short, and why; empty for nothing. Known at the end."""
        return ""

    @property
    def target(self) -> str:
        """The partition that is fed, for people."""
        return f"topic {self.topic}, partition {self.partition}"

    def records(self) -> Iterator[Fed]:
        """Yield the records from the first on."""
        raise TypeError("what is fed is said by the class of the feeding")

    def after(self, held: int, last: Fed | None) -> Rest:
        """Return what is left when the target holds so many records, the last of them `last`; raises BrokerError."""
        del last
        return self.skipped(self.records(), 0, held)

    def skipped(self, records: Iterator[Fed], first: int, held: int) -> Rest:
        """Step over what is held, of records that begin at the offset `first`; raises BrokerError if they are fewer."""
        known: dict[int, Fed] = {}
        for offset in range(first, held):
            fed = next(records, None)
            if fed is None:
                raise BrokerError(
                    f"{self.target}: holds {held} records, but {self.name} gives {offset}; allowed: the beginning of "
                    f"the same, or nothing"
                )
            if offset in (0, held - 1):
                known[offset] = fed
        return Rest(known, records)

    def spelt(self, fed: Fed) -> str:
        """Say which record this is."""
        return f"a record of {len(fed.value or b'')} bytes under key {(fed.key or b'')[:40]!r}"


@dataclass
class Fill:
    """A target partition, opened: what it held before, how many records were written, and what is left."""

    feeding: Feeding
    held: int
    records: Iterator[Fed]
    written: int = 0


class Topics(NamedTuple):
    """What was made of the topics of a prefix.

    created       names of topics that were missing
    without_rights  True where whoever feeds may make topics, and nobody else may do anything with them yet
    """

    created: tuple[str, ...]
    without_rights: bool


# ---- before --------------------------------------------------------------------------------------------------------


def is_live(prefix: str) -> bool:
    """True for a prefix whose records programs act upon: a mode's own, and everything of mode live."""
    return namespace.checked_prefix(prefix) in namespace.MODES or namespace.mode_of(prefix) == "live"


def with_topics(access: Access, prefix: str, feedings: Sequence[Feeding]) -> Topics:
    """Make the topics of a refeed's prefix that are missing; raises BrokerError where one is missing all the same.

    A mode's own topics are never made here. Rights are given where whoever asks may give any.
    """
    wanted, made, without = layout(read_layout(), prefix), Topics((), False), False
    with topics.administration(access) as client:
        there = topics.partitions_of(client)
        if prefix not in namespace.MODES and any(topic.name not in there for topic in wanted.topics):
            created = topics.create(client, Layout(wanted.topics, ()), prefix).topics
            try:
                topics.create(client, wanted, prefix)
            except ClusterAuthorizationFailedError:
                without = True
            made, there = Topics(created, without), topics.partitions_of(client)
    for feeding in feedings:
        count = there.get(feeding.topic)
        if count is None:
            raise BrokerError(f"topic {feeding.topic}: does not exist; allowed: one that `pt topics create` has made")
        if not 0 <= feeding.partition < count:
            raise BrokerError(f"{feeding.target}: does not exist; allowed: 0 to {count - 1}")
    return made


def opened(access: Access, feedings: Sequence[Feeding]) -> list[Fill]:
    """Look what each target holds; raises BrokerError unless it is nothing, or the beginning of its feeding."""
    places = [TopicPartition(feeding.topic, feeding.partition) for feeding in feedings]
    if len(set(places)) != len(places):
        raise BrokerError(f"{len(places)} feedings for {len(set(places))} partitions; allowed: one for each")
    with consumer(access) as client:
        held = _settled(client, places)
        return [_opened(client, feeding, held[place]) for feeding, place in zip(feedings, places, strict=True)]


def _settled(client: KafkaConsumer, places: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
    """Return how many records each partition holds, once it is so for a while; raises BrokerError.

    What a process said before it was killed may still be on its way through the broker.
    """
    first = client.beginning_offsets(places)
    for place, offset in first.items():
        if offset:
            raise BrokerError(
                f"topic {place.topic}, partition {place.partition}: begins at offset {offset}, what stood before is "
                f"gone; allowed: the beginning of the same, or nothing: feed a new prefix"
            )
    ends, tries = client.end_offsets(places), 0
    grown = [place for place in places if ends[place]]
    while grown:
        time.sleep(SETTLE_S)
        before, ends, tries = ends, client.end_offsets(places), tries + 1
        grown = [place for place in places if ends[place] != before[place]]
        if grown and tries == SETTLE_TRIES:
            topic, partition = grown[0]
            raise BrokerError(f"topic {topic}, partition {partition}: grows; allowed: one to which nobody else writes")
    return {place: int(ends[place]) for place in places}


def _opened(client: KafkaConsumer, feeding: Feeding, held: int) -> Fill:
    place = TopicPartition(feeding.topic, feeding.partition)
    last = record_at(client, place, held - 1) if held else None
    rest = feeding.after(held, last)
    for offset, wanted in rest.known.items():
        found = last if offset == held - 1 and last is not None else record_at(client, place, offset)
        if (found.key or b"", found.value or b"") != (wanted.key or b"", wanted.value or b""):
            raise BrokerError(
                f"{feeding.target}: holds something else: at offset {offset} {feeding.spelt(found)}; allowed: "
                f"{feeding.spelt(wanted)}, of {feeding.name}, or an empty partition"
            )
    return Fill(feeding, held, rest.records)


# ---- feeding -------------------------------------------------------------------------------------------------------


def feed(
    access: Access,
    fills: Sequence[Fill],
    speed: int | None,
    stop: Stop = lambda: False,
    report: Report = lambda records, total, done: None,
) -> bool:
    """Write what is left, in the order of arrival; True at the end, False when it was stopped before.

    `speed` 1 keeps the distances between arrivals, 10 a tenth of them, None none. Every record is acknowledged when
    this returns; raises BrokerError where one is not, or stands elsewhere than it should.
    """
    ordered = merge(*(_timed(fill.records, rank) for rank, fill in enumerate(fills)))
    writer, pace, whole = _Writer(access), _Pace(speed), True
    try:
        for count, (at_ns, rank, fed) in enumerate(ordered):
            if not pace.reached(at_ns, stop):
                whole = False
                break
            writer.send(fills[rank], fed)
            if count % REPORT_EVERY == 0:
                _tell(fills, report)
        writer.drain()
        _tell(fills, report)
    finally:
        writer.close()
    return whole


def _timed(records: Iterator[Fed], rank: int) -> Iterator[tuple[int, int, Fed]]:
    """Yield records with an arrival that never runs backwards, and the rank that decides between equal ones."""
    at_ns = 0
    for fed in records:
        at_ns = max(at_ns, fed.at_ns)
        yield at_ns, rank, fed


def _tell(fills: Sequence[Fill], report: Report) -> None:
    records = sum(fill.held + fill.written for fill in fills)
    report(records, sum(fill.feeding.total for fill in fills), sum(fill.feeding.done for fill in fills))


class _Pace:
    """When a record is due: the first one at once, each other as long after it as it arrived, by the speed."""

    def __init__(self, speed: int | None) -> None:
        self._speed = speed
        self._begun: tuple[int, float] | None = None

    def reached(self, at_ns: int, stop: Stop) -> bool:
        """Wait until a record is due; False when the feeding was stopped meanwhile."""
        if self._speed is None:
            return not stop()
        if self._begun is None:
            self._begun = at_ns, time.monotonic()
        first_ns, begun = self._begun
        due = begun + (at_ns - first_ns) / 1e9 / self._speed
        while (left := due - time.monotonic()) > 0 and not stop():
            time.sleep(min(left, TICK_S))
        return not stop()


class _Writer:
    """Write records under a bound of what is on its way, and look at each acknowledgement."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._client: KafkaProducer | None = None
        self._waiting: deque[tuple[FutureRecordMetadata, Fill, int, int]] = deque()
        self._bytes = 0

    def send(self, fill: Fill, fed: Fed) -> None:
        """Hand a record on; waits while too many are on their way."""
        feeding, offset, size = fill.feeding, fill.held + fill.written, len(fed.value or b"") + len(fed.key or b"")
        self._wait(WINDOW_RECORDS - 1, max(0, WINDOW_BYTES - size))
        with told(self._access, feeding.target):
            if self._client is None:
                self._client = producer(self._access)
            try:
                sent = self._client.send(feeding.topic, value=fed.value, key=fed.key, partition=feeding.partition)
            except (ValueError, AssertionError) as err:
                raise BrokerError(f"{feeding.target}: record {offset} cannot be written ({err})") from None
        self._waiting.append((sent, fill, offset, size))
        self._bytes += size
        fill.written += 1

    def drain(self) -> None:
        """Wait until everything is acknowledged."""
        self._wait(0, 0)

    def close(self) -> None:
        """Let go of the client, and of what is still on its way."""
        if self._client is not None:
            with suppress(KafkaError):
                self._client.close(timeout=0)

    def _wait(self, most: int, most_bytes: int) -> None:
        while self._waiting and (len(self._waiting) > most or self._bytes > most_bytes):
            sent, fill, offset, size = self._waiting[0]
            with told(self._access, f"{fill.feeding.target}: record {offset} was not acknowledged"):
                stored = sent.get(timeout=DELIVERY_MS / 1_000)
            if stored.offset != offset:
                raise BrokerError(
                    f"{fill.feeding.target}: record {offset} was stored at offset {stored.offset}: somebody else "
                    f"writes there; allowed: one feeding at a time: feed a new prefix"
                )
            self._waiting.popleft()
            self._bytes -= size


# ---- clients -------------------------------------------------------------------------------------------------------


def producer(access: Access) -> KafkaProducer:
    """Return a client that writes: idempotent, to all replicas, one request at a time, so that the order holds."""
    return KafkaProducer(
        **kafka_python(access), client_id="pt-refeed", acks="all", enable_idempotence=True,
        max_in_flight_requests_per_connection=1, compression_type="lz4", batch_size=1 << 18, linger_ms=5,
        max_request_size=RECORD_BYTES_MAX, delivery_timeout_ms=DELIVERY_MS, allow_auto_create_topics=False,
    )  # fmt: skip


@contextmanager
def consumer(access: Access) -> Iterator[KafkaConsumer]:
    """Open a client that reads partitions by offset and skips nothing by itself; refusals become BrokerErrors."""
    client = None
    try:
        client = KafkaConsumer(
            **kafka_python(access), client_id="pt-refeed", group_id=None, enable_auto_commit=False,
            auto_offset_reset="none", request_timeout_ms=2 * ANSWER_MS, fetch_max_wait_ms=100,
            max_partition_fetch_bytes=RECORD_BYTES_MAX, allow_auto_create_topics=False,
        )  # fmt: skip
        with told(access, "reading"):
            yield client
    finally:
        if client is not None:
            client.close()


def record_at(client: KafkaConsumer, place: TopicPartition, offset: int) -> Fed:
    """Return the record at an offset; raises BrokerError where none comes, or another one."""
    client.assign([place])
    client.seek(place, offset)
    until = time.monotonic() + ANSWER_MS / 1_000
    while time.monotonic() < until:
        for record in client.poll(timeout_ms=500, max_records=1).get(place, ()):
            if record.offset != offset:
                break
            return Fed(0, record.key, record.value)
    raise BrokerError(
        f"topic {place.topic}, partition {place.partition}: no record at offset {offset}, though it is held"
    )


@contextmanager
def told(access: Access, what: str) -> Iterator[None]:
    """Turn what the client raises into a BrokerError that says what it was about."""
    try:
        yield
    except KafkaError as err:
        who = access.principal or "nobody"
        short = " ".join(str(err).split())[:300]
        raise BrokerError(f"{access.bootstrap}: as {who}: {what}: {type(err).__name__}: {short}") from err
