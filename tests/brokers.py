"""Run one real broker for a whole test session, when the first test asks for it; say in the end what the tests ran on.

`broker` is Apache Kafka itself, or the test is skipped. `cluster` is the same where it can be had and librdkafka's mock
cluster where not; such a test must be true of both. With REQUIRE_REAL_KAFKA=1 nothing is skipped: a machine where no
broker can be had is a failure.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from connectors.access import Access
from connectors.errors import NoBroker
from connectors.namespace import MODES
from connectors.topic_layout import principals, read_layout

if TYPE_CHECKING:  # a session without such tests does not pay for the clients
    from connectors.broker import Broker

REQUIRE = "REQUIRE_REAL_KAFKA"


@dataclass
class Ran:
    """What the session's tests ran on, for the closing line."""

    on: list[str] = field(default_factory=list)
    why_not: str = ""


RAN = Ran()


@dataclass(frozen=True)
class Cluster:
    """A broker to write to and read from: where, and whether it is a real one."""

    plain: Access
    real: bool


@pytest.fixture(scope="session")
def real_broker(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Broker | None]":
    """Start a broker with a principal for each program of each mode; None where none can be had and none must."""
    from connectors.broker import Broker

    names = [name for mode in MODES for name in principals(read_layout(), mode)]
    broker = Broker(tmp_path_factory.mktemp("kafka") / "broker", names, bound=True)
    try:
        broker.start()
    except NoBroker as err:
        if os.environ.get(REQUIRE):
            pytest.fail(f"{REQUIRE} is set, and no broker can be had: {err}", pytrace=False)
        RAN.why_not = str(err)
        yield None
        return
    RAN.on.append(f"Apache Kafka {broker.made.version}")
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def broker(real_broker: "Broker | None") -> "Broker":
    """Return the session's broker, running, also after a test that ended it; skips the test where none can be had."""
    if real_broker is None:
        pytest.skip(f"no broker: {RAN.why_not}")
    if real_broker.pid is None:
        real_broker.start()
    return real_broker


@pytest.fixture(scope="session")
def mock_cluster() -> Iterator[Access]:
    """Start librdkafka's mock cluster: one broker in this process, no durability, four partitions a topic."""
    from confluent_kafka import Producer

    owner = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": ""})
    found = next(iter(owner.list_topics(timeout=10).brokers.values()))
    yield Access(f"{found.host}:{found.port}")
    owner.flush(1)


@pytest.fixture
def cluster(real_broker: "Broker | None", request: pytest.FixtureRequest) -> Cluster:
    """Return the real broker, or the mock cluster where none can be had."""
    if real_broker is not None:
        return Cluster(request.getfixturevalue("broker").plain, real=True)
    RAN.on.append("librdkafka's mock cluster")
    return Cluster(request.getfixturevalue("mock_cluster"), real=False)


def closing_line(ran: int, skipped: int) -> str:
    """Say what the tests marked `kafka` ran on, and how many had to be skipped and why; empty where there were none."""
    if not ran and not skipped:
        return ""
    on = " and ".join(dict.fromkeys(RAN.on)) or "nothing"
    why = f": {RAN.why_not}; {REQUIRE}=1 makes that a failure" if RAN.why_not else ""
    return f"kafka: {ran} ran on {on}, {skipped} skipped{why}"
