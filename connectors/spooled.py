"""Write what a feed receives to the broker while it answers, and into a spool while it does not.

What a venue sent cannot be asked for again, so it must not wait in memory for long. At most `held` records are under
way to the broker; those beyond go to disk, and everything after them too until the disk is empty, so that the order of
a partition holds. Above four fifths of the spool the state is SAFE; where it is full, whoever writes waits.

What is delivered late looks fresh, since its arrival is true. So the record says it, in the partition and in order: the
event `late` of the connection `spool` stands before what comes from the disk, and before what is handed on a second or
more after its arrival; `on_time` stands before what follows in time, once something from the disk was acknowledged
within a second. It is also the first word of a writer whose spool is empty: that ends a spell which a crash left open.
When what is under way has waited for a second, the rest goes to disk: no more than that second, and the time between
two calls, is late and not said to be. The word has the arrival of the record behind it, and that as its number, so it
is above all that were said before.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter

import msgspec

from connectors.capture import Received
from connectors.kafka_client import Writer
from connectors.kafka_records import Record, heading_of, record_of_received
from connectors.spool import WAIT_S, Spool

HELD = 2_000
LATE_S = 1.0
LABEL, LATE, ON_TIME = "spool", "late", "on_time"
_Kept = tuple[int, bytes, bytes]
_PACK = msgspec.msgpack.Encoder().encode
_UNPACK = msgspec.msgpack.Decoder(_Kept).decode


class SpooledWriter:
    """A writer with a spool behind it. For one thread, which calls `pump` at least once a second."""

    def __init__(
        self,
        writer: Writer,
        spool: Spool,
        origin: bytes,
        held: int = HELD,
        now_ns: Callable[[], int] = time.time_ns,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take a writer whose deliveries are never given up (`outage_s` infinite), a spool of its own, and who counts.

        `origin` is that of the feed's own records (`kafka_records.origin_of`).
        """
        self._writer, self._spool, self._origin, self._held = writer, spool, origin, held
        self._now_ns, self._clock = now_ns, clock
        self._sent, self._behind, self._number = False, not spool.empty, 0
        self._slow = self._prompt = False  # what is under way now is not acknowledged in time; the last from disk was
        self._said: dict[int, str] = {}
        self._under_way: deque[tuple[int, float]] = deque()

    @property
    def state(self) -> str:
        """NORMAL, SAFE or FULL, as the spool is."""
        return self._spool.state

    @property
    def spool(self) -> Spool:
        """What waits on disk."""
        return self._spool

    @property
    def is_late(self) -> bool:
        """True while what is written goes to disk first, and is said to be late."""
        return self._behind

    @property
    def waiting(self) -> int:
        """Records under way to the broker; those in the spool are not counted."""
        return self._writer.waiting

    def write(self, partition: int, records: Sequence[Record]) -> None:
        """Take records in; when it returns they are under way or on disk. Waits while both are full.

        Raises BrokerError for what no waiting can mend, SpoolError when the disk refuses.
        """
        self.pump()
        if not records:
            return
        if not self._behind and self._writer.waiting + len(records) <= self._held:
            self._hand_on(partition, records, LATE if self._is_old(records) else ON_TIME)
            return
        self._behind, self._prompt = True, self._prompt and self._behind
        self._spool.append([_PACK((partition, key, value)) for key, value in records], self._wait)
        self.pump()

    def pump(self) -> None:
        """Hear what was delivered, and hand on from the spool what can be."""
        self._writer.poll()
        if self._is_stalled():
            self._behind, self._slow, self._prompt = True, True, False
        if self._writer.waiting:
            return
        if self._sent:
            self._spool.done()
            self._sent, self._prompt = False, not self._slow
        if not self._spool.empty:
            self._send()
        elif self._prompt:
            self._behind = False

    def _send(self) -> None:
        """Hand on from the spool; behind the last of it, where it is in time again, writing goes on without disk."""
        kept = [_UNPACK(data) for data in self._spool.take(self._held)]
        in_time = self._prompt and self._spool.taken and not self._is_old([(kept[0][1], kept[0][2])])
        self._behind = not in_time
        for partition, group in groupby(kept, itemgetter(0)):
            self._hand_on(partition, [(key, value) for _, key, value in group], ON_TIME if in_time else LATE)
        self._sent, self._slow = True, False

    def drain(self, until: float) -> bool:
        """Hand on until nothing is left, or until `time.monotonic()` reaches `until`; True when nothing is left.

        What is left in the spool is handed on at the next start; what is under way then is lost with the process. When
        nothing is left, nothing is late any more, and that is said.
        """
        while self._writer.waiting or self._sent or not self._spool.empty:
            if time.monotonic() >= until:
                return False
            self._wait()
        late = [partition for partition, said in self._said.items() if said == LATE]
        for partition in late:
            self._hand_on(partition, [], ON_TIME)
        return not late or self.drain(until)

    def _hand_on(self, partition: int, records: Sequence[Record], word: str) -> None:
        """Write records behind the word that is true of them, where another was said last."""
        if self._said.get(partition) != word:
            self._said[partition] = word
            records = [self._event(word, records), *records]
        self._writer.write(partition, records)
        self._under_way.append((self._writer.handed, self._clock()))

    def _event(self, word: str, before: Sequence[Record]) -> Record:
        heading = heading_of(before[0][0]) if before else None
        at_ns = self._now_ns() if heading is None else heading.at_ns
        self._number = max(self._number + 1, at_ns)
        return record_of_received(Received(at_ns, LABEL, self._number, event=word), "", self._origin)

    def _is_old(self, records: Sequence[Record]) -> bool:
        """True when a record could have been handed on long before: it waited, perhaps for room on the disk."""
        heading = heading_of(records[0][0])
        return heading is not None and self._now_ns() - heading.at_ns >= LATE_S * 1e9

    def _is_stalled(self) -> bool:
        """True when something under way has waited for its acknowledgement for too long."""
        under_way, acknowledged = self._under_way, self._writer.acknowledged
        while under_way and under_way[0][0] <= acknowledged:
            under_way.popleft()
        return bool(under_way) and self._clock() - under_way[0][1] >= LATE_S

    def _wait(self) -> None:
        self.pump()
        self._writer.poll(WAIT_S)
