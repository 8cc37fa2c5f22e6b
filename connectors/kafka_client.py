"""Read and write one topic over librdkafka so that nothing is skipped, dropped or taken for delivered.

The client was chosen by measurement (docs/adr/0018-kafka-client.md). What it would do by itself in silence is an error
here: an offset that retention has removed, an offset that is passed over, a delivery that failed. What it can mend by
itself (a broker that is away) it mends, for as long as the outage budget says, and whoever calls waits.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.access import Access
from connectors.errors import BrokerError
from connectors.kafka_health import TICK_S, Trouble, common, is_refusal
from connectors.kafka_records import Record

OUTAGE_S = 900.0
OUTAGE_S_MIN = 600.0  # the longest outage that must cost nothing; a delivery may not be given up before
START_S = 15.0
ASK_S = 2.0
POLL_MAX = 256
RECORD_BYTES_MAX = 8 << 20
QUEUE_RECORDS = 50_000
_MOCK = "mockCluster"  # librdkafka's own, which gives topics no id
_BOUNDS_MS = 2_000
# While a broker is away these are said again and again, and end by themselves.
_PASSING = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError._WAIT_CACHE,
        KafkaError._WAIT_COORD,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.GROUP_AUTHORIZATION_FAILED,  # the group is a name only: no right to it is needed
    }
)


def incarnation(access: Access, topic: str, wait_s: float = START_S) -> str:
    """Return the id that the broker gave this topic when it was made; another topic of that name has another.

    Raises BrokerError for a topic that does not exist or may not be read, or when no broker answers in time.
    """
    trouble = Trouble()
    client = AdminClient(cast("dict[str, str | int | float | bool]", common(access, trouble)))
    until = time.monotonic() + wait_s
    while True:
        try:
            if str(client.list_topics(topic, timeout=ASK_S).cluster_id).startswith(_MOCK):
                return "unnamed"
            asked = client.describe_topics(TopicCollection([topic]), request_timeout=ASK_S)
            return str(asked[topic].result().topic_id)
        except KafkaException as err:
            told: KafkaError = err.args[0]
        if is_refusal(told, until - wait_s):
            raise BrokerError(f"topic {topic}: {told.str()}; allowed: one that `pt topics create` has made")
        client.poll(0)
        if trouble.denied or time.monotonic() > until:
            why = trouble.denied or trouble.last or told.str()
            raise BrokerError(f"{access.bootstrap}: no answer about topic {topic} ({why})")


# ---- reading -------------------------------------------------------------------------------------------------------


class Reader:
    """Read one partition from a given offset on, each record once and none skipped. For one thread."""

    def __init__(self, access: Access, group: str, topic: str, partition: int) -> None:
        """Open a client; nothing is asked yet. The group is a name for the broker's log: no offset is kept in it."""
        self.topic, self.partition, self.position = topic, partition, -1
        self.trouble = Trouble()
        self._where = TopicPartition(topic, partition)
        self._access = access
        self._broken = ""
        self._edges = -1, -1
        self._client = Consumer(
            {
                **common(access, self.trouble),
                "group.id": group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
                "check.crcs": True,
                "queued.min.messages": 20_000,
                "queued.max.messages.kbytes": 16_384,
                "fetch.message.max.bytes": RECORD_BYTES_MAX,
                "fetch.max.bytes": 2 * RECORD_BYTES_MAX,
                "fetch.queue.backoff.ms": 5,  # the default waits a second after the queue was full
                "fetch.wait.max.ms": 100,
                "statistics.interval.ms": _BOUNDS_MS,  # keeps the log's start known without asking
            }
        )

    def bounds(self, wait_s: float = START_S) -> tuple[int, int]:
        """Ask for the first offset and the one after the newest; raises BrokerError when no broker answers in time.

        A broker that comes back knows its partitions again after its port: until then it is asked again.
        """
        until = time.monotonic() + wait_s
        while True:
            try:
                left = max(TICK_S, until - time.monotonic())
                first, end = self._client.get_watermark_offsets(self._where, timeout=left)
                return first, end
            except KafkaException as err:
                told: KafkaError = err.args[0]
            passes = told.code() in _PASSING or told.code() == KafkaError._UNKNOWN_PARTITION
            if not passes or self.trouble.denied or time.monotonic() > until - TICK_S:
                why = self.trouble.last or told.str()
                raise BrokerError(f"{self._access.bootstrap}: no answer about {self._named} ({why})")
            time.sleep(TICK_S)

    def begin(self, offset: int) -> None:
        """Go to an offset; raises BrokerError when the log does not hold it (its end is allowed)."""
        first, end = self.bounds()
        if not first <= offset <= end:
            raise self._out_of_range(offset, first, end)
        self.position = offset
        self._client.assign([TopicPartition(self.topic, self.partition, offset)])

    def poll(self, most: int = POLL_MAX, wait_s: float = 0.0) -> list[Message]:
        """Return the next records, at most so many, perhaps none. Raises BrokerError where one would be skipped."""
        if self._broken:
            raise BrokerError(self._broken)
        messages = self._client.consume(most, wait_s)
        for place, message in enumerate(messages):
            if message.error() is not None or message.offset() != self.position:
                if self._passes(message):
                    continue
                del messages[place:]
                break
            self.position += 1
        if messages:
            messages = [message for message in messages if message.error() is None]
        if messages:
            self.trouble.well()
        elif self.trouble.fatal:
            raise BrokerError(f"{self._named}: {self.trouble.fatal}")
        return messages

    def edges(self) -> tuple[int, int]:
        """Return the first offset and the one after the newest as last heard, without asking; -1 unknown.

        From any thread, also after `close`: who counts must not fail because a partition has ended.
        """
        with suppress(RuntimeError):  # the client's word for one that is closed
            first, end = self._client.get_watermark_offsets(self._where, cached=True)
            self._edges = first, end
        return self._edges

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _passes(self, message: Message) -> bool:
        """Look at what is no next record; False when nothing after it can be taken."""
        err = message.error()
        if err is None:
            self._broken = (
                f"{self._named}: wanted offset {self.position}, the broker gave {message.offset()}; "
                f"what stood between is not there, and nothing is skipped"
            )
            return False
        if err.code() in _PASSING or err.retriable():
            self.trouble.heard(err)
            return True
        if err.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            self._broken = str(self._out_of_range(self.position, *self.bounds()))
        else:
            self._broken = f"{self._named}: at offset {self.position}: {err.name()}: {err.str()}"
        return False

    def _out_of_range(self, wanted: int, first: int, end: int) -> BrokerError:
        why = (
            f"retention has removed {first - wanted} records that were not read"
            if wanted < first
            else f"the log ends at {end}: it was cut or made again"
        )
        return BrokerError(
            f"{self._named}: wanted offset {wanted}, first offset {first}: {why}; begin again with a new recovery "
            f"folder, or feed what is missing from a capture (`pt refeed`)"
        )

    @property
    def _named(self) -> str:
        return f"topic {self.topic}, partition {self.partition}"


# ---- writing -------------------------------------------------------------------------------------------------------


class Writer:
    """Write records to the partitions of one topic: in order, each acknowledged by all replicas, or loudly not.

    handed, acknowledged  records; equal after `flush`
    """

    def __init__(
        self, access: Access, topic: str, outage_s: float = OUTAGE_S, more: Mapping[str, object] | None = None
    ) -> None:
        """Open a client and look the topic up; raises BrokerError.

        `outage_s` is how long a delivery is tried, from 600 s; infinite: as long as it takes.
        `more` are settings of librdkafka that go before ours.
        """
        if outage_s < OUTAGE_S_MIN:
            raise BrokerError(f"outage_s {outage_s:g}: a delivery may not be given up before {OUTAGE_S_MIN:g} s")
        self.topic, self.handed, self.acknowledged = topic, 0, 0
        self.trouble = Trouble()
        self._lock = threading.Lock()
        self._error = ""
        self._client = Producer(
            {
                **common(access, self.trouble),
                "enable.idempotence": True,
                "acks": "all",
                "message.timeout.ms": 0 if math.isinf(outage_s) else int(outage_s * 1_000),
                "linger.ms": 1,
                "batch.num.messages": 10_000,
                "compression.type": "lz4",
                "message.max.bytes": RECORD_BYTES_MAX,
                "queue.buffering.max.messages": 2 * QUEUE_RECORDS,
                "queue.buffering.max.kbytes": 262_144,
                **(more or {}),
            }
        )
        self.partitions = self._looked_up(access)

    def write(self, partition: int, records: Sequence[Record]) -> None:
        """Hand records on; waits while too many are under way. Raises BrokerError once any delivery has failed."""
        if not 0 <= partition < self.partitions:
            raise BrokerError(f"topic {self.topic}: partition {partition}; allowed: 0 to {self.partitions - 1}")
        self._check()
        messages: list[dict[str, object]] = [{"key": key, "value": value} for key, value in records]
        while messages:
            while len(self._client) > QUEUE_RECORDS:
                self.poll(TICK_S)
            try:
                with self._lock:
                    taken = self._client.produce_batch(
                        self.topic, messages, partition=partition, on_delivery=self._delivered
                    )
                    self.handed += taken
            except (KafkaException, BufferError) as err:
                raise self._failed(str(err)) from None
            messages = self._left(messages, taken)
            self.poll(TICK_S if messages else 0.0)

    def poll(self, wait_s: float = 0.0) -> None:
        """Hear what was delivered; raises BrokerError once any delivery has failed."""
        self._serve(lambda: self._client.poll(wait_s))
        self._check()

    def flush(self) -> None:
        """Wait until everything handed on is acknowledged; raises BrokerError when something is not."""
        while len(self._client):
            self._serve(lambda: self._client.flush(TICK_S))
            self._check()
        self._check()
        if self.acknowledged != self.handed:
            raise self._failed(f"{self.handed} records were handed on, {self.acknowledged} acknowledged")

    @property
    def waiting(self) -> int:
        """Records that are not acknowledged yet."""
        return self.handed - self.acknowledged

    def abandon(self) -> None:
        """Forget what is still under way, at the end of a run that failed or after a last flush."""
        with suppress(KafkaException):
            self._client.purge()
            self._client.poll(0)

    def _serve(self, call: Callable[[], int]) -> None:
        """Let the client tell what happened; one that is broken for good (it may write to no topic) raises."""
        try:
            with self._lock:
                call()
        except KafkaException as err:
            raise self._failed(str(err)) from None

    def _looked_up(self, access: Access) -> int:
        begun = time.monotonic()
        while True:
            try:
                found = self._client.list_topics(self.topic, timeout=ASK_S).topics[self.topic]
                if found.error is None:
                    return len(found.partitions)
                told = found.error
            except KafkaException as err:
                told = err.args[0]
            if is_refusal(told, begun):
                raise BrokerError(f"topic {self.topic}: {told.str()}; allowed: one that `pt topics create` has made")
            self._serve(lambda: self._client.poll(0))
            if self.trouble.denied or time.monotonic() > begun + START_S:
                why = self.trouble.denied or self.trouble.last or told.str()
                raise BrokerError(f"{access.bootstrap}: no answer about topic {self.topic} ({why})")

    def _delivered(self, err: KafkaError | None, message: Message) -> None:
        if err is None:
            self.acknowledged += 1
            self.trouble.well()
        elif not self._error:
            self._error = (
                f"topic {self.topic}, partition {message.partition()}: a record of {len(message.value() or b'')} "
                f"bytes was not delivered: {err.name()}: {err.str()}"
            )

    def _left(self, messages: list[dict[str, object]], taken: int) -> list[dict[str, object]]:
        """Return what the client's full queue did not take: always the rest, so that the order holds."""
        if taken == len(messages):
            return []
        left = messages[taken:]
        told = [message.pop("_error", None) for message in left]
        bad = next((err for err in told if getattr(err, "code", int)() != KafkaError._QUEUE_FULL), None)
        if bad is not None or any("_error" in message for message in messages[:taken]):
            self._serve(lambda: self._client.poll(0))  # a client that is broken for good tells why when it is asked
            raise self._failed(f"a record was refused: {bad or 'not the last ones'}")
        return left

    def _check(self) -> None:
        if self._error or self.trouble.fatal:
            raise self._failed(self._error or self.trouble.fatal)

    def _failed(self, why: str) -> BrokerError:
        self._error = self._error or why
        self.abandon()
        return BrokerError(f"{self._error}; {self.waiting} records are not acknowledged")
