"""Take authorised orders to the submitter: from a file that a desk appends to, or from its part of the outbox topic.

Both give only what the desk has signed (connectors/orders.py); what it has not is an incident. How far was read is the
submitter's to note, after what was read is durable in its outbox; after a crash the rest is read again, and the outbox
knows a repeat. A line of the file is the record's key, a tab, and the signed record; only whole lines count.
"""

import time
from pathlib import Path
from typing import Protocol

import msgspec

from connectors.access import Access
from connectors.errors import BrokerError
from connectors.kafka_client import Reader, incarnation
from connectors.kafka_records import Record
from connectors.orders import OrderReader, Orders
from connectors.signing import Verifier
from contracts.base import Refused
from contracts.signed import scope_of

LINE_MAX = 1 << 20
CHUNK = 1 << 18


class Inbox(Protocol):
    """Where the orders of one desk come from."""

    desk_id: str

    def begin(self, place: str) -> None:
        """Go to a place that `place` has returned; empty for the beginning."""

    def take(self, most: int) -> Orders:
        """Return the next orders, perhaps none; never waits long."""

    def place(self) -> str:
        """Return how far was taken."""

    def close(self) -> None:
        """Let go."""


def line_of(record: Record) -> bytes:
    """Return a record as a line of a file of orders."""
    key, value = record
    return (key or b"") + b"\t" + value + b"\n"


class FileInbox:
    """A file that a desk appends signed orders to. A file that shrank is refused: what is known would be read again."""

    def __init__(self, desk_id: str, path: Path, verifier: Verifier, mode: str) -> None:
        """Take whose orders stand there, and whom to believe; the file may come later."""
        self.desk_id, self._path, self._at, self._line = desk_id, path, 0, 0
        self._reader = OrderReader(verifier, scope_of(mode, desk_id), path.name, {})

    def begin(self, place: str) -> None:
        """Go to a place; raises Refused for one that the file does not have."""
        if place:
            self._at, self._line = msgspec.json.decode(place, type=tuple[int, int])
        if self._at > (self._path.stat().st_size if self._path.exists() else 0):
            raise Refused(f"{self._path}: was read to byte {self._at} and is shorter now; give the file that was read")

    def take(self, most: int) -> Orders:
        """Return the orders of the next whole lines, at most so many."""
        out = Orders([], [], [])
        if not self._path.exists():
            return out
        with self._path.open("rb") as stream:
            stream.seek(self._at)
            data = stream.read(CHUNK)
            if b"\n" not in data:
                data += stream.read(LINE_MAX)
        end = data.rfind(b"\n") + 1
        if not end and len(data) > LINE_MAX:
            raise Refused(f"{self._path}: a line of more than {LINE_MAX} bytes at byte {self._at}")
        for line in data[:end].split(b"\n")[:-1][:most]:
            key, _, value = line.partition(b"\t")
            self._reader.take(self._line, key, value, time.time_ns(), out)
            self._at, self._line = self._at + len(line) + 1, self._line + 1
        return out

    def place(self) -> str:
        """Return byte and line."""
        return f"[{self._at},{self._line}]"

    def close(self) -> None:
        """Do nothing: no file stays open."""


class TopicInbox:
    """A desk's partition of the outbox topic."""

    def __init__(
        self, desk_id: str, access: Access, topic: str, partition: int, group: str, verifier: Verifier, mode: str
    ) -> None:
        """Take where the desk's orders stand, and whom to believe."""
        self.desk_id, self._access, self._topic = desk_id, access, topic
        self._client = Reader(access, group, topic, partition)
        self._reader = OrderReader(verifier, scope_of(mode, desk_id), f"{topic}/{partition}", {})
        self._id = ""

    def begin(self, place: str) -> None:
        """Go to a place; raises BrokerError where the log does not hold it, or the topic is another one now."""
        self._id = incarnation(self._access, self._topic)
        topic_id, offset = msgspec.json.decode(place, type=tuple[str, int]) if place else (self._id, -1)
        if topic_id != self._id:
            raise BrokerError(f"topic {self._topic}: was {topic_id} and is {self._id} now; it was made again")
        self._client.begin(self._client.bounds()[0] if offset < 0 else offset)

    def take(self, most: int) -> Orders:
        """Return the orders of the next records."""
        out = Orders([], [], [])
        first = self._client.position
        for offset, message in enumerate(self._client.poll(min(most, 256)), first):
            at_ns = max(0, message.timestamp()[1]) * 1_000_000
            self._reader.take(offset, message.key(), message.value(), at_ns, out)
        return out

    def place(self) -> str:
        """Return the topic's incarnation and the next offset."""
        return msgspec.json.encode((self._id, self._client.position)).decode()

    def close(self) -> None:
        """Close the client."""
        self._client.close()
