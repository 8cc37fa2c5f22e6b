"""Tell how a client of the broker is: what it complains of, how far a reader is, and what every client is set to.

A client that mends itself says so again and again while a broker is away, and must neither be believed well nor be
ended for it; a reader that falls behind must be seen before retention overtakes it.
"""

import logging
import time
from typing import NamedTuple

from confluent_kafka import KafkaError

from connectors.access import Access, librdkafka
from connectors.kafka_records import OFFSETS_MAX

LOG = logging.getLogger("polytraders.kafka")
LOG.addHandler(logging.NullHandler())  # a client repeats itself while a broker is away; who wants it adds a handler
UNKNOWN_S = 2.0
TICK_S = 0.05


class Lag(NamedTuple):
    """Where a reader is in its partition, for whoever measures.

    topic, partition  which
    position          next offset to be handed on
    first             oldest offset that the broker keeps; -1 unknown
    end               offset after the newest; -1 unknown
    at_ns             arrival of what was handed on last, 0 nothing yet; its age is `now - at_ns`
    repeats           records left out because they were said twice
    refused           records that had no effect: unreadable, contradicted, ahead of their chain
    trouble           what the client complained of last; empty when it is well
    """

    topic: str
    partition: int
    position: int
    first: int
    end: int
    at_ns: int
    repeats: int
    refused: int
    trouble: str

    @property
    def behind(self) -> int:
        """Records that wait to be read; -1 unknown."""
        return max(0, self.end - self.position) if self.end >= 0 else -1

    @property
    def near_start(self) -> bool:
        """True where retention may soon remove what was not read yet: the reader is in the oldest fifth of the log."""
        return self.first > 0 and 5 * (self.position - self.first) < self.end - self.first

    @property
    def near_end_of_ids(self) -> bool:
        """True where four fifths of the positions that a fact id can name are used up: the topic must be replaced."""
        return 5 * self.position > 4 * OFFSETS_MAX

    def age_ms(self, now_ns: int) -> int:
        """Return how long ago the newest thing read had arrived at the edge; -1 where nothing was read yet."""
        return (now_ns - self.at_ns) // 1_000_000 if self.at_ns else -1


class Trouble:
    """Hears what a client complains of; the last of it is remembered until a record comes or is delivered."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.last = self.fatal = self.denied = ""

    def heard(self, err: KafkaError) -> None:
        """Remember an error of the client as a whole; it goes on by itself unless it is fatal.

        A denial ends a start. Later it may pass: a broker that comes back knows its passwords after its port.
        """
        self.last = f"{err.name()}: {err.str()}"
        if err.fatal():
            self.fatal = self.last
        if err.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL):
            self.denied = self.last

    def well(self) -> None:
        """Note that something worked."""
        self.last = ""


def is_refusal(err: KafkaError, begun: float) -> bool:
    """True for an answer that waiting will not change; a topic that was just made is unknown for a moment."""
    if err.code() == KafkaError.UNKNOWN_TOPIC_OR_PART and time.monotonic() < begun + UNKNOWN_S:
        time.sleep(TICK_S)
        return False
    return err.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED)


def common(access: Access, trouble: Trouble) -> dict[str, object]:
    """Return the settings that every client has. They hold the password: never log them."""
    return {
        **librdkafka(access),
        "client.id": access.principal or "polytraders",
        "error_cb": trouble.heard,
        "logger": LOG,
        "log.connection.close": False,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "socket.keepalive.enable": True,
        "socket.nagle.disable": True,
    }
