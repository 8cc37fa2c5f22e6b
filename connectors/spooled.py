"""Write what a feed receives to the broker while it answers, and into a spool while it does not.

What a venue sent cannot be asked for again, so it must not wait in memory for long. At most `held` records are under
way to the broker; those beyond go to disk, and everything after them too until the disk is empty, so that the order of
a partition holds. Above four fifths of the spool the state is SAFE; where it is full, whoever writes waits.
"""

import time
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

import msgspec

from connectors.kafka_client import Writer
from connectors.kafka_records import Record
from connectors.spool import WAIT_S, Spool

HELD = 2_000
_Kept = tuple[int, bytes, bytes]
_PACK = msgspec.msgpack.Encoder().encode
_UNPACK = msgspec.msgpack.Decoder(_Kept).decode


class SpooledWriter:
    """A writer with a spool behind it. For one thread, which calls `pump` at least once a second."""

    def __init__(self, writer: Writer, spool: Spool, held: int = HELD) -> None:
        """Take a writer whose deliveries are never given up (`outage_s` infinite), and a spool of its own."""
        self._writer, self._spool, self._held = writer, spool, held
        self._sent = False

    @property
    def state(self) -> str:
        """NORMAL, SAFE or FULL, as the spool is."""
        return self._spool.state

    @property
    def waiting(self) -> int:
        """Records under way to the broker; those in the spool are not counted."""
        return self._writer.waiting

    def write(self, partition: int, records: Sequence[Record]) -> None:
        """Take records in; when it returns they are under way or on disk. Waits while both are full.

        Raises BrokerError for what no waiting can mend, SpoolError when the disk refuses.
        """
        self.pump()
        if self._spool.empty and not self._sent and self._writer.waiting + len(records) <= self._held:
            self._writer.write(partition, records)
        else:
            self._spool.append([_PACK((partition, key, value)) for key, value in records], self._wait)

    def pump(self) -> None:
        """Hear what was delivered, and hand on from the spool what can be."""
        self._writer.poll()
        if self._writer.waiting:
            return
        if self._sent:
            self._spool.done()
            self._sent = False
        if self._spool.empty:
            return
        kept = [_UNPACK(data) for data in self._spool.take(self._held)]
        for partition, group in groupby(kept, itemgetter(0)):
            self._writer.write(partition, [(key, value) for _, key, value in group])
        self._sent = True

    def drain(self, until: float) -> bool:
        """Hand on until nothing is left, or until `time.monotonic()` reaches `until`; True when nothing is left.

        What is left in the spool is handed on at the next start; what is under way then is lost with the process.
        """
        while self._writer.waiting or self._sent or not self._spool.empty:
            if time.monotonic() >= until:
                return False
            self._wait()
        return True

    def _wait(self) -> None:
        self.pump()
        self._writer.poll(WAIT_S)
