"""Steer librdkafka's mock cluster through its C interface: errors on demand, brokers down, no durability.

The mock answers on loopback like a broker. It is no judge of durability or idempotence; it is one of what a client
does with an answer that a real broker seldom gives.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import confluent_kafka

from connectors.access import Access

PRODUCE = 0
_ERROR_TEXT = 512


class MockKafka:
    """A mock cluster of one broker."""

    def __init__(self) -> None:
        """Start it in a client of its own."""
        beside = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
        self._c = ctypes.CDLL(str(next(beside.glob("librdkafka*"))))
        for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
            getattr(self._c, name).restype = ctypes.c_void_p
        self._c.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        text = ctypes.create_string_buffer(_ERROR_TEXT)
        conf = ctypes.c_void_p(self._c.rd_kafka_conf_new())
        self._owner = ctypes.c_void_p(self._c.rd_kafka_new(0, conf, text, _ERROR_TEXT))
        self._cluster = ctypes.c_void_p(self._c.rd_kafka_mock_cluster_new(self._owner, 1))
        self.access = Access(self._c.rd_kafka_mock_cluster_bootstraps(self._cluster).decode())

    def topic(self, name: str, partitions: int = 3) -> str:
        """Make a topic."""
        assert 0 == self._c.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
        return name

    def answer(self, api: int, *errors: int) -> None:
        """Give the next requests of a kind these errors, one each; 0 is none."""
        codes = (ctypes.c_int * len(errors))(*errors)
        array = self._c.rd_kafka_mock_push_request_errors_array
        array(self._cluster, ctypes.c_int16(api), ctypes.c_size_t(len(errors)), codes)

    def down(self) -> None:
        """Take the broker away."""
        self._c.rd_kafka_mock_broker_set_down(self._cluster, 1)

    def up(self) -> None:
        """Bring the broker back."""
        self._c.rd_kafka_mock_broker_set_up(self._cluster, 1)

    def slow(self, ms: int) -> None:
        """Let every answer take so long."""
        self._c.rd_kafka_mock_broker_set_rtt(self._cluster, 1, ms)

    def close(self) -> None:
        """End it."""
        self._c.rd_kafka_mock_cluster_destroy(self._cluster)
        self._c.rd_kafka_destroy(self._owner)


@contextmanager
def mock_kafka() -> Iterator[MockKafka]:
    """Run a mock cluster."""
    mock = MockKafka()
    try:
        yield mock
    finally:
        mock.close()
