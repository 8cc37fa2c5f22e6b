"""What goes through a real broker comes out byte for byte, once, wherever a program or the broker is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
import msgspec
import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, run_main
from confluent_kafka import TopicPartition
from kafka import KafkaConsumer, KafkaProducer
from kafka import TopicPartition as Place
from kafka.admin import KafkaAdminClient, NewTopic

from cli.output import reason_of
from connectors.access import Access, kafka_python
from connectors.broker import Broker
from connectors.errors import BrokerError
from connectors.kafka import DeadLetterSink, EnvelopeSink, EnvelopeSource, Part, RawSink, RawSource
from connectors.kafka_chains import Delivered
from connectors.kafka_client import POLL_MAX, Reader, Writer, incarnation
from connectors.kafka_records import block_of, heading_of, origin_of, record_of
from connectors.spool import HEAD, NORMAL, SAFE, Spool
from connectors.spooled import SpooledWriter
from contracts.base import read
from contracts.envelope import Block, DeadLetter
from flows.ends import CallSink
from operators.normalise.frames import CLOCK, CONNECTION, Frame
from operators.state import Keep
from tests.connectors.kafka_programs import DESK, LANE, SOURCE, Links, frames

ROOT = Path(__file__).resolve().parents[2]
COUNT = 20_000
pytestmark = pytest.mark.kafka
Records = list[tuple[int, bytes, bytes]]


# ---- the other client ----------------------------------------------------------------------------------------------


@pytest.fixture
def topic(broker: Broker, request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """Return what makes topics of three partitions, named after the test; they go with it."""
    made: list[str] = []

    def make(name: str) -> str:
        found = f"{request.node.name.replace('[', '.').replace(']', '')[:120]}.{name}"
        with KafkaAdminClient(**kafka_python(broker.plain)) as client:
            client.create_topics([NewTopic(found, 3, 1, topic_configs={"max.message.bytes": str(8 << 20)})])
        made.append(found)
        return found

    yield make
    if broker.pid is not None and made:
        with KafkaAdminClient(**kafka_python(broker.plain)) as client:
            client.delete_topics(made)


def stored(broker: Broker, topic: str, partition: int) -> Records:
    """Read a partition whole with the other client: offset, key, value."""
    found: Records = []
    place = Place(topic, partition)
    with KafkaConsumer(**kafka_python(broker.plain), enable_auto_commit=False, max_poll_records=5_000) as client:
        client.assign([place])
        end = client.end_offsets([place])[place]
        client.seek_to_beginning(place)
        while client.position(place) < end:
            found += [(each.offset, each.key, each.value) for each in client.poll(1_000).get(place, [])]
    return found


def ends_at(broker: Broker, topic: str, partition: int) -> int:
    """Ask the other client for the offset after the newest."""
    with KafkaConsumer(**kafka_python(broker.plain)) as client:
        return int(client.end_offsets([Place(topic, partition)])[Place(topic, partition)])


def removed(broker: Broker, topic: str, partition: int, before: int) -> None:
    """Do what retention does: remove records before an offset."""
    with KafkaAdminClient(**kafka_python(broker.plain)) as client:
        client.delete_records({Place(topic, partition): before})


def put(broker: Broker, topic: str, some: list[Frame], partition: int = 1) -> None:
    """Write frames with our writer."""
    writer = Writer(broker.plain, topic)
    writer.write(partition, [record_of(frame, origin_of(SOURCE)) for frame in some])
    writer.flush()


# ---- flows in this process ------------------------------------------------------------------------------------------


def drained(source: RawSource) -> list[Frame]:
    """Read a source to its end."""
    found: list[Frame] = []
    flow = Dataflow("drain")
    taken = op.input("raw", flow, source)
    op.output("out", taken, CallSink(lambda items: found.extend(frame for _, some in items for frame in some)))
    run_main(flow)
    return found


def delivered(source: EnvelopeSource) -> Delivered:
    """Read blocks to their end."""
    found = Delivered([], [])
    flow = Dataflow("drain")

    def take(items: list[tuple[str, Delivered]]) -> None:
        for _, each in items:
            found.blocks.extend(each.blocks)
            found.letters.extend(each.letters)

    op.output("out", op.input("blocks", flow, source), CallSink(take))
    run_main(flow)
    return found


def raw(access: Access, topic: str, to_end: bool = True, keep: Keep | None = None, batch: int = POLL_MAX) -> RawSource:
    """Return a source over partition 1."""
    return RawSource(access, [Part(topic, 1, LANE)], "test", "raw", keep, batch, to_end=to_end)


def linked(count: int) -> list[Block]:
    """Return the blocks that `carry` has to write."""
    return Links().step(frames(count))


def same(block: Block) -> tuple[str, int, bytes, list[int], bytes]:
    """Return what two equal blocks share, rows aside."""
    return block.desk_id, block.number, block.head, block.offsets, block.data


# ---- through and back -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 64, 256])
def test_frames_come_back_byte_for_byte(broker: Broker, topic: Callable[[str], str], batch: int) -> None:
    """Written by the sink, read by the source: the same frames; and the other client sees the same bytes."""
    name, some = topic("raw"), frames(1_000 if batch == 1 else 3_000)
    odd = [b"", b"\x00\xff", "ü".encode(), b"x" * 2_000_000]
    some += [Frame(0, len(some) + n, 1, "kalshi", data, "ü") for n, data in enumerate(odd, 1)]
    blocks = [(LANE, [*some[i : i + 100], Frame(127, 1, 1, CLOCK, b"")]) for i in range(0, len(some), 100)]
    flow = Dataflow("write")
    sink = RawSink(broker.plain, name, {LANE: 1}, {0: SOURCE})
    op.output("raw", op.input("frames", flow, TestingSource(blocks)), sink)
    run_main(flow)
    assert some == drained(raw(broker.plain, name, batch=batch))
    seen = stored(broker, name, 1)
    assert [frame.data for frame in some] == [value for _, _, value in seen]
    headings = [heading_of(key) for _, key, _ in seen]
    assert [(f.at_ns, f.position, f.dialect, f.conn) for f in some] == [
        (h.at_ns, h.number, h.dialect, h.conn) for h in headings if h
    ]


def test_what_the_other_client_wrote_is_read(broker: Broker, topic: Callable[[str], str]) -> None:
    """A record of kafka-python with our key is a frame like any other; one without is kept as a frame of no dialect."""
    name, frame = topic("raw"), frames(1)[0]
    with KafkaProducer(**kafka_python(broker.plain), acks="all") as client:
        key, value = record_of(frame, origin_of("elsewhere"))
        client.send(name, value, key, partition=1).get(10)
        client.send(name, b"stranger", None, partition=1).get(10)
    ours, theirs = drained(raw(broker.plain, name))
    assert frame == ours
    assert ("", b"stranger", 2) == (theirs.dialect, theirs.data, theirs.position)


def test_blocks_go_to_the_partition_of_their_desk(broker: Broker, topic: Callable[[str], str]) -> None:
    """The partition is the one that was named for the desk, and a desk without one is refused."""
    name, blocks = topic("journal"), linked(64 * 40)
    flow = Dataflow("write")
    items = [(DESK, blocks[:10]), (DESK, blocks[10:])]
    op.output("out", op.input("in", flow, TestingSource(items)), EnvelopeSink(broker.plain, name, {DESK: 2, "bot4": 0}))
    run_main(flow)
    assert [0, 0, 40] == [ends_at(broker, name, partition) for partition in range(3)]
    found = delivered(EnvelopeSource(broker.plain, [Part(name, 2, DESK)], "test", to_end=True))
    assert ([same(block) for block in blocks], []) == ([same(block) for block in found.blocks], found.letters)
    for sink in (EnvelopeSink(broker.plain, name, {"bot4": 0}), EnvelopeSink(broker.plain, name, {DESK: 7})):
        flow = Dataflow("wrong")
        op.output("out", op.input("in", flow, TestingSource(items)), sink)
        with pytest.raises(Exception) as caught:
            run_main(flow)
        assert "no partition for 'bot3'" in reason_of(caught.value) or "allowed: 0 to 2" in reason_of(caught.value)


def test_dead_letters_keep_their_bytes(broker: Broker, topic: Callable[[str], str]) -> None:
    """A letter is read back by the other client as the contract says."""
    name, letter = topic("letters"), DeadLetter("t/1", 8, 7, "INTEL_FRAME_NOT_JSON", "torn", "ff00")
    flow = Dataflow("write")
    letters = op.input("in", flow, TestingSource([(LANE, [letter])]))
    op.output("out", letters, DeadLetterSink(broker.plain, name, {LANE: 0}))
    run_main(flow)
    ((_, key, value),) = stored(broker, name, 0)
    assert (b"t/1", letter) == (key, read(DeadLetter, value))


def test_lag_and_age_are_told(broker: Broker, topic: Callable[[str], str]) -> None:
    """How far a source is, how much waits, and how old the newest thing read is; near the log's start it says so."""
    name, some = topic("raw"), frames(5_000)
    put(broker, name, some)
    removed(broker, name, 1, 1_000)
    source = raw(broker.plain, name, to_end=False, batch=100)
    part = source.build_part("raw", source.list_parts()[0], None)
    while not (batch := part.next_batch()):
        time.sleep(0.01)
    until = time.monotonic() + 8
    while source.lags()[0].first != 1_000 and time.monotonic() < until:
        time.sleep(0.1)
    (lag,) = source.lags()
    part.close()
    last = batch[0][1][-1]
    assert (1_000 + len(batch[0][1]), 1_000, 5_000) == (lag.position, lag.first, lag.end)
    assert (5_000 - lag.position, True, False) == (lag.behind, lag.near_start, lag.near_end_of_ids)
    assert 3_000 == lag.age_ms(last.at_ns + 3_000_000_000)


# ---- what must not be skipped ---------------------------------------------------------------------------------------


def test_an_offset_that_retention_removed_refuses_the_start(
    broker: Broker, topic: Callable[[str], str], tmp_path: Path
) -> None:
    """A flow that goes on where the log no longer is does not start; the message names both offsets."""
    name = topic("raw")
    put(broker, name, frames(1_000))
    init_db_dir(tmp_path, 1)
    config = RecoveryConfig(tmp_path, timedelta(0))

    def start() -> None:
        keep, flow = Keep({"raw": 1}), Dataflow("resume")
        op.output("out", op.input("raw", flow, raw(broker.plain, name, keep=keep)), CallSink(lambda items: None))
        run_main(flow, recovery_config=config)

    start()
    put(broker, name, [Frame(0, n, 1, "kalshi", b"new") for n in range(2_000, 7_048)])
    removed(broker, name, 1, 5_000)
    with pytest.raises(Exception) as caught:
        start()
    told = reason_of(caught.value)
    assert f"topic {name}, partition 1: wanted offset 1000, first offset 5000" in told
    assert "retention has removed 4000 records" in told


def test_retention_that_overtakes_a_reader_stops_it(broker: Broker, topic: Callable[[str], str]) -> None:
    """A slow reader whose next offset is removed while it runs is told, and reads nothing beyond."""
    name, many = topic("raw"), 40_000
    put(broker, name, [Frame(0, n, 1, "kalshi", os.urandom(1_000)) for n in range(1, many + 1)])
    reader = Reader(broker.plain, "test", name, 1)
    reader.begin(0)
    while not reader.poll(100):
        time.sleep(0.01)
    removed(broker, name, 1, many - 100)
    with pytest.raises(BrokerError, match=rf"partition 1: wanted offset \d+, first offset {many - 100}"):
        for _ in range(500):
            reader.poll(256, 0.1)
    assert reader.position < many - 100
    reader.close()


def test_a_topic_that_was_made_again_is_another_source(
    broker: Broker, topic: Callable[[str], str], tmp_path: Path
) -> None:
    """The place in a topic that was removed means nothing in its successor of the same name."""
    name = topic("raw")
    put(broker, name, frames(10))
    init_db_dir(tmp_path, 1)
    config = RecoveryConfig(tmp_path, timedelta(0))

    def start() -> None:
        keep, flow = Keep({"raw": 1}), Dataflow("resume")
        op.output("out", op.input("raw", flow, raw(broker.plain, name, keep=keep)), CallSink(lambda items: None))
        run_main(flow, recovery_config=config)

    start()
    before = incarnation(broker.plain, name)
    with KafkaAdminClient(**kafka_python(broker.plain)) as client:
        client.delete_topics([name])
        time.sleep(0.5)
        client.create_topics([NewTopic(name, 3, 1)])
    put(broker, name, frames(20))
    assert before != incarnation(broker.plain, name)
    with pytest.raises(Exception) as caught:
        start()
    assert f"wanted offset 10 of the topic {before}; it was made again" in reason_of(caught.value)


def test_a_hole_in_the_offsets_stops_the_reader(broker: Broker, topic: Callable[[str], str]) -> None:
    """Where the log jumps (here over a transaction's mark) nothing behind it is taken for the next record."""
    name = topic("raw")
    with KafkaProducer(**kafka_python(broker.plain), acks="all", transactional_id="t") as client:
        client.init_transactions()
        for number in range(2):
            client.begin_transaction()
            client.send(name, b"%d" % number, None, partition=1).get(10)
            client.commit_transaction()
    reader = Reader(broker.plain, "test", name, 1)
    reader.begin(0)
    with pytest.raises(BrokerError, match="wanted offset 1, the broker gave 2"):
        for _ in range(100):
            reader.poll(10, 0.1)
    reader.close()


def test_a_missing_topic_is_named(broker: Broker) -> None:
    """Neither end waits for a topic that nobody made."""
    for what in (lambda: Writer(broker.plain, "nowhere"), lambda: incarnation(broker.plain, "nowhere")):
        with pytest.raises(BrokerError, match=r"topic nowhere: .*pt topics create"):
            what()
    with pytest.raises(BrokerError, match="outage_s 10: a delivery may not be given up before 600 s"):
        Writer(broker.plain, "nowhere", outage_s=10)


# ---- processes that are killed --------------------------------------------------------------------------------------


def program(broker: Broker, folder: Path, what: str, *words: str) -> subprocess.Popen[bytes]:
    """Start one of the programs."""
    bootstrap = broker.plain.bootstrap
    return subprocess.Popen(
        [sys.executable, "-m", "tests.connectors.kafka_programs", what, bootstrap, str(folder), *words], cwd=ROOT
    )


def ended(start: Callable[[], subprocess.Popen[bytes]], written: Callable[[], int], marks: list[int]) -> None:
    """Kill a program as soon as it has written so much, each time, and let the last one end."""
    for mark in marks:
        running = start()
        until = time.monotonic() + 40
        while written() < mark:
            assert running.poll() is None and time.monotonic() < until, "it ended, or stood still"
            time.sleep(0.02)
        running.send_signal(signal.SIGKILL)
        assert -signal.SIGKILL == running.wait()
    assert 0 == start().wait(timeout=60)


def test_a_producing_process_that_is_killed_loses_nothing(
    broker: Broker, topic: Callable[[str], str], tmp_path: Path
) -> None:
    """Killed three times: every frame is there, none has another content, and the source hands each on once."""
    name, some = topic("raw"), frames(COUNT)
    marks = [COUNT // 5, COUNT // 2, 4 * COUNT // 5]
    start = lambda: program(broker, tmp_path / "feed", "feed", name, str(COUNT))  # noqa: E731
    ended(start, lambda: ends_at(broker, name, 1), marks)
    seen: dict[int, set[bytes]] = {}
    records = stored(broker, name, 1)
    assert len(records) > COUNT, "nothing was said again: the kills came too late to show anything"
    for _, key, value in records:
        heading = heading_of(key)
        assert heading is not None
        seen.setdefault(heading.number, set()).add(value)
    assert {frame.position: {frame.data} for frame in some} == seen
    found = drained(raw(broker.plain, name))
    assert [frame.data for frame in some] == [frame.data for frame in found]


def test_a_flow_that_is_killed_writes_each_block_once_or_again_the_same(
    broker: Broker, topic: Callable[[str], str], tmp_path: Path
) -> None:
    """Killed three times between two topics: no block is missing, no number has two heads, the reader has each once."""
    source, to = topic("raw"), topic("journal")
    put(broker, source, frames(COUNT))
    blocks = linked(COUNT)
    marks = [len(blocks) // 5, len(blocks) // 2, 4 * len(blocks) // 5]
    start = lambda: program(broker, tmp_path / "carry", "carry", to, source)  # noqa: E731
    ended(start, lambda: ends_at(broker, to, 2), marks)
    heads: dict[int, set[bytes]] = {}
    records = stored(broker, to, 2)
    assert len(records) > len(blocks), "nothing was said again: the kills came too late to show anything"
    for _, _, value in records:
        block = block_of(value)
        heads.setdefault(block.number, set()).add(block.head)
    assert {block.number: {block.head} for block in blocks} == heads
    found = delivered(EnvelopeSource(broker.plain, [Part(to, 2, DESK)], "test", to_end=True))
    assert ([same(block) for block in blocks], []) == ([same(block) for block in found.blocks], found.letters)


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_broker_that_goes_away_costs_nothing(
    broker: Broker, topic: Callable[[str], str], tmp_path: Path, how: str
) -> None:
    """A flow between two topics waits while its broker hangs for 10 s, or is killed and started, and goes on."""
    source, to = topic("raw"), topic("journal")
    put(broker, source, frames(COUNT))
    running = program(broker, tmp_path / "carry", "carry", to, source)
    until = time.monotonic() + 40
    while ends_at(broker, to, 2) < 60:
        assert running.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    if how == "stopped":
        broker.pause()
        time.sleep(10)
        broker.resume()
    else:
        broker.kill()
        time.sleep(1)
        broker.start()
    before, back = ends_at(broker, to, 2), time.monotonic()
    while ends_at(broker, to, 2) == before:
        assert time.monotonic() < back + 10, "it did not go on within ten seconds"
        time.sleep(0.02)
    assert 0 == running.wait(timeout=60)
    found = delivered(EnvelopeSource(broker.plain, [Part(to, 2, DESK)], "test", to_end=True))
    assert ([same(block) for block in linked(COUNT)], []) == ([same(block) for block in found.blocks], found.letters)


# ---- a feed that outlives its broker --------------------------------------------------------------------------------


def is_word(key: bytes) -> bool:
    """True for a word of the feed itself: late, or on time."""
    heading = heading_of(key)
    return heading is not None and heading.dialect == CONNECTION


def test_a_feed_spools_while_the_broker_is_away(broker: Broker, topic: Callable[[str], str], tmp_path: Path) -> None:
    """What cannot be sent goes to disk up to SAFE; when the broker is back all of it is there, in order, once."""
    name, some = topic("raw"), frames(9_000)
    records = [record_of(frame, origin_of(SOURCE)) for frame in some]
    packed = sum(HEAD.size + len(msgspec.msgpack.encode((1, *record))) for record in records[500:])
    spool = Spool(tmp_path / "spool", packed * 9 // 8)  # with 500 of 8,500 under way or with none: above 4/5, below all
    writer = Writer(broker.plain, name, outage_s=float("inf"))
    feed = SpooledWriter(writer, spool, origin_of(SOURCE), held=500)
    feed.write(1, records[:500])
    assert feed.drain(time.monotonic() + 10)
    broker.kill()
    states = []
    for start in range(500, len(records), 500):
        feed.write(1, records[start : start + 500])
        states.append(feed.state)
    assert (NORMAL, SAFE) == (states[0], states[-1])
    broker.start()
    assert feed.drain(time.monotonic() + 30)
    assert (NORMAL, True) == (feed.state, spool.empty)
    assert [value for _, value in records] == [value for _, key, value in stored(broker, name, 1) if not is_word(key)]


def test_what_a_feed_spooled_is_sent_at_the_next_start(
    broker: Broker, topic: Callable[[str], str], tmp_path: Path
) -> None:
    """A feed that ended with a full spool sends it when it starts again; what it sends twice is read once."""
    name, some = topic("raw"), frames(600)
    spool = Spool(tmp_path / "spool", 4_000_000)
    feed = SpooledWriter(Writer(broker.plain, name, outage_s=float("inf")), spool, origin_of(SOURCE), held=0)
    feed.write(1, [record_of(frame, origin_of(SOURCE)) for frame in some[:400]])
    spool.close()
    again = Spool(tmp_path / "spool", 4_000_000)
    feed = SpooledWriter(Writer(broker.plain, name, outage_s=float("inf")), again, origin_of(SOURCE))
    feed.write(1, [record_of(frame, origin_of(SOURCE)) for frame in some[350:]])
    assert feed.drain(time.monotonic() + 20)
    said = [frame for frame in drained(raw(broker.plain, name)) if frame.dialect != CONNECTION]
    assert some == [Frame(0, n, f.at_ns, f.dialect, f.data, f.conn) for n, f in enumerate(said, 1)]


def test_a_reader_knows_its_bounds(broker: Broker, topic: Callable[[str], str]) -> None:
    """A place before or behind the log is refused by number, its end is not."""
    name = topic("raw")
    put(broker, name, frames(10))
    reader = Reader(broker.plain, "test", name, 1)
    assert (0, 10) == reader.bounds()
    reader.begin(10)
    with pytest.raises(BrokerError, match="wanted offset 11, first offset 0: the log ends at 10"):
        reader.begin(11)
    reader.close()
    assert 1 == TopicPartition(name, 1).partition
