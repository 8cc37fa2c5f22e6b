"""The tests say what they ran on: a real broker, the mock cluster, or nothing and why."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.access import Access, librdkafka
from tests.brokers import RAN, REQUIRE, Cluster, closing_line

ROOT = Path(__file__).resolve().parents[2]
TOPIC = "brokers_round_trip"


def round_trip(way: Access) -> list[bytes]:
    """Write three records to partition 1 and read them again."""
    producer = Producer({**librdkafka(way), "acks": "all"})
    for number in range(3):
        producer.produce(TOPIC, str(number), partition=1)
    assert producer.flush(20) == 0
    consumer = Consumer({**librdkafka(way), "group.id": "tests"})
    consumer.assign([TopicPartition(TOPIC, 1, 0)])
    found = [record.value() for record in consumer.consume(3, timeout=20)]
    consumer.close()
    return found


@pytest.mark.kafka
def test_the_cluster_keeps_what_is_written(cluster: Cluster) -> None:
    """Whatever the tests run on takes records for a partition and gives them back in order."""
    if cluster.real:
        admin = AdminClient(librdkafka(cluster.plain))
        for made in admin.create_topics([NewTopic(TOPIC, 4)]).values():
            made.result(20)
    assert [b"0", b"1", b"2"] == round_trip(cluster.plain)


def test_the_mock_cluster_is_one(mock_cluster: Access) -> None:
    """Where no broker can be had the mock cluster serves the same clients."""
    assert [b"0", b"1", b"2"] == round_trip(mock_cluster)


def without_java(tmp_path: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run two tests, one for any cluster and one for a broker, on a machine without Java and Maven."""
    names = [f"{Path(__file__).relative_to(ROOT)}::test_the_cluster_keeps_what_is_written"]
    names += ["tests/connectors/test_topics.py::test_only_the_administrator_makes_topics"]
    kept = {name: value for name, value in os.environ.items() if name != REQUIRE}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *names],
        cwd=ROOT,
        env={**kept, "PATH": str(tmp_path), **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_where_no_broker_can_be_had_the_closing_line_says_so(tmp_path: Path) -> None:
    """What is true of any cluster ran on the mock, the rest was skipped, and the line says both and why."""
    ended = without_java(tmp_path)
    assert 0 == ended.returncode, ended.stdout
    line = "kafka: 1 ran on librdkafka's mock cluster, 1 skipped: java: not found; allowed: Java 17 or later"
    assert f"{line}; {REQUIRE}=1 makes that a failure" in ended.stdout


def test_required_and_not_there_is_a_failure(tmp_path: Path) -> None:
    """With REQUIRE_REAL_KAFKA=1 nothing is skipped and nothing runs on a mock."""
    ended = without_java(tmp_path, **{REQUIRE: "1"})
    assert 1 == ended.returncode
    assert f"{REQUIRE} is set, and no broker can be had: java: not found" in ended.stdout
    assert "2 errors" in ended.stdout


def test_the_closing_line_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the kind: no line; else what it ran on, named once, and how many were skipped."""
    monkeypatch.setattr(RAN, "on", ["Apache Kafka 4.3.1", "Apache Kafka 4.3.1"])
    monkeypatch.setattr(RAN, "why_not", "")
    assert ("", "kafka: 3 ran on Apache Kafka 4.3.1, 0 skipped") == (closing_line(0, 0), closing_line(3, 0))
