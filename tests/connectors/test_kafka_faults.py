"""A delivery that fails ends the flow loudly, or is tried again: never a clean end with records missing."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSource, run_main
from confluent_kafka import KafkaError

from cli.output import reason_of
from connectors.errors import BrokerError
from connectors.kafka import EnvelopeSink, EnvelopeSource, Part, RawSink, RawSource
from connectors.kafka_chains import Delivered
from connectors.kafka_client import Reader, Writer
from flows.ends import CallSink
from operators.normalise.frames import Frame
from tests.connectors.kafka_programs import DESK, LANE, SOURCE, Links, frames
from tests.connectors.mock_kafka import PRODUCE, MockKafka, mock_kafka

COUNT = 640
SHORT = {"message.timeout.ms": 1_500, "socket.timeout.ms": 1_000}


@pytest.fixture
def mock() -> Iterator[MockKafka]:
    """Run a mock cluster."""
    with mock_kafka() as cluster:
        yield cluster


def write(
    mock: MockKafka, topic: str, more: dict[str, object] | None = None, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Run a flow that writes made frames; returns when it ended cleanly. `meanwhile` is called before each block."""
    some, flow = frames(COUNT), Dataflow("write")
    blocks = [(LANE, some[i : i + 64]) for i in range(0, COUNT, 64)]
    sink = RawSink(mock.access, topic, {LANE: 1}, {0: SOURCE}, more=more)
    passed = op.inspect("meanwhile", op.input("frames", flow, TestingSource(blocks)), lambda *_: meanwhile())
    op.output("raw", passed, sink)
    run_main(flow)


def read(mock: MockKafka, topic: str) -> list[Frame]:
    """Read what is there."""
    found: list[Frame] = []
    flow = Dataflow("read")
    source = RawSource(mock.access, [Part(topic, 1, LANE)], "test", to_end=True)
    taken = op.input("raw", flow, source)
    op.output("out", taken, CallSink(lambda items: found.extend(frame for _, some in items for frame in some)))
    run_main(flow)
    return found


@pytest.mark.parametrize(
    "error", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD,
              KafkaError.POLICY_VIOLATION, KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT]
)  # fmt: skip
def test_a_rejected_record_ends_the_flow(mock: MockKafka, error: int) -> None:
    """What the broker refuses for good is an error that names topic and partition: no clean end."""
    topic = mock.topic("t")
    mock.answer(PRODUCE, error)
    with pytest.raises(Exception) as caught:
        write(mock, topic)
    assert "topic t" in reason_of(caught.value) or "not acknowledged" in reason_of(caught.value)


@pytest.mark.parametrize(
    "error", [KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.REQUEST_TIMED_OUT, KafkaError.NOT_LEADER_FOR_PARTITION,
              KafkaError.LEADER_NOT_AVAILABLE]
)  # fmt: skip
def test_a_passing_refusal_is_tried_again(mock: MockKafka, error: int) -> None:
    """What passes costs time and nothing else: a clean end, and every frame is there."""
    topic = mock.topic("t")
    mock.answer(PRODUCE, error, error)
    write(mock, topic)
    assert frames(COUNT) == read(mock, topic)


def test_a_delivery_that_runs_out_of_time_ends_the_flow(mock: MockKafka) -> None:
    """With the broker away for longer than a delivery is tried, an error counts what is open."""
    topic = mock.topic("t")
    writer = Writer(mock.access, topic, more=SHORT)
    mock.down()
    with pytest.raises(BrokerError, match=r"record of 1 bytes was not delivered: _MSG_TIMED_OUT.* not acknowledged"):
        writer.write(1, [(b"k", b"v")] * 10)
        writer.flush()
    with pytest.raises(BrokerError, match="not acknowledged"):
        writer.write(1, [(b"k", b"v")])
    assert (10, 0) == (writer.handed, writer.acknowledged)


def test_a_flow_whose_deliveries_run_out_of_time_ends_with_an_error(mock: MockKafka) -> None:
    """The same inside a dataflow, on the snapshot of its last epoch."""
    topic, blocks = mock.topic("t"), count()
    with pytest.raises(Exception) as caught:
        write(mock, topic, SHORT, lambda: mock.down() if next(blocks) == 3 else None)
    assert "not acknowledged" in reason_of(caught.value)


def test_an_outage_within_the_budget_costs_nothing(mock: MockKafka) -> None:
    """The broker goes for two seconds and comes back: the flow waits and ends cleanly, every frame once."""
    topic = mock.topic("t")
    mock.down()
    back = threading.Timer(2.0, mock.up)
    back.start()
    begun = time.monotonic()
    write(mock, topic)
    back.join()
    assert 2.0 <= time.monotonic() - begun < 20
    assert frames(COUNT) == read(mock, topic)


def test_more_than_the_queue_holds_is_written_in_order(mock: MockKafka) -> None:
    """A full queue makes the writer wait: nothing is dropped and nothing overtakes."""
    topic = mock.topic("t")
    writer = Writer(mock.access, topic, more={"queue.buffering.max.messages": 50})
    records = [(b"", b"%d" % number) for number in range(1_000)]
    for start in range(0, 1_000, 200):
        writer.write(2, records[start : start + 200])
    writer.flush()
    reader = Reader(mock.access, "test", topic, 2)
    reader.begin(0)
    found: list[bytes | None] = []
    until = time.monotonic() + 20
    while len(found) < 1_000 and time.monotonic() < until:
        found += [message.value() for message in reader.poll(256, 0.1)]
    reader.close()
    assert [value for _, value in records] == found


def test_blocks_pass_the_mock_cluster_too(mock: MockKafka) -> None:
    """The same ends where no real broker can be had."""
    topic, blocks = mock.topic("journal"), Links().step(frames(COUNT))
    flow = Dataflow("write")
    op.output("out", op.input("in", flow, TestingSource([(DESK, blocks)])), EnvelopeSink(mock.access, topic, {DESK: 0}))
    run_main(flow)
    found: list[Delivered] = []
    flow = Dataflow("read")
    source = EnvelopeSource(mock.access, [Part(topic, 0, DESK)], "test", to_end=True)
    op.output("out", op.input("in", flow, source), CallSink(lambda items: found.extend(each for _, each in items)))
    run_main(flow)
    assert [block.head for block in blocks] == [block.head for each in found for block in each.blocks]
    assert [] == [letter for each in found for letter in each.letters]
