"""A flow over a broker pauses, goes on with more workers, ends at the bound of ids, and needs its rights."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
import msgspec
import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main, run_main
from kafka.admin import NewTopic

from cli.output import reason_of
from connectors import kafka, kafka_records, namespace, topics
from connectors.broker import Broker
from connectors.errors import BrokerError
from connectors.kafka import Part, RawSource
from connectors.kafka_client import Reader, Writer, incarnation
from connectors.kafka_health import Lag
from connectors.kafka_records import origin_of, record_of
from connectors.topic_layout import layout, read_layout
from flows.ends import CallSink
from operators.normalise.frames import Frame
from operators.state import Keep
from tests.connectors.kafka_programs import SOURCE, frames

LANES = 3
Seen = dict[str, list[int]]


@pytest.fixture
def topic(broker: Broker, request: pytest.FixtureRequest) -> str:
    """Make a topic of three partitions with 1,000 frames in each."""
    name = f"{request.node.name}.raw"
    with topics.administration(broker.plain) as client:
        client.create_topics([NewTopic(name, LANES, 1)])
    writer = Writer(broker.plain, name)
    for lane in range(LANES):
        writer.write(lane, [record_of(frame, origin_of(SOURCE)) for frame in frames(1_000)])
    writer.flush()
    return name


def flow(broker: Broker, topic: str, seen: Seen, keep: Keep, stop: Callable[[], bool] = lambda: False) -> Dataflow:
    """Read all lanes to their end, and note which positions came."""
    parts = [Part(topic, lane, f"lane{lane}", lane) for lane in range(LANES)]
    made = Dataflow("running")
    source = RawSource(broker.plain, parts, "test", "raw", keep, 50, stop, to_end=True)

    def take(items: list[tuple[str, list[Frame]]]) -> None:
        for lane, some in items:
            assert {int(lane[-1])} == {frame.source for frame in some}
            seen.setdefault(lane, []).extend(frame.position for frame in some)

    op.output("out", op.input("raw", made, source), CallSink(take))
    return made


@pytest.mark.kafka
def test_a_pause_keeps_the_place_and_other_workers_go_on(broker: Broker, topic: str, tmp_path: Path) -> None:
    """One worker is paused, two go on, one ends it: every lane has each frame once and in order."""
    init_db_dir(tmp_path, 2)
    config, asked, seen = RecoveryConfig(tmp_path, timedelta(0)), [0], Seen()

    def after(calls: int) -> Callable[[], bool]:
        asked[0] = 0

        def stop() -> bool:
            asked[0] += 1
            return asked[0] > calls

        return stop

    for workers, calls in ((1, 12), (2, 20), (1, 10_000)):
        keep = Keep({"raw": 1})
        ran = flow(broker, topic, seen, keep, after(calls))
        if workers == 1:
            run_main(ran, recovery_config=config)
        else:
            cluster_main(ran, [], 0, recovery_config=config, worker_count_per_proc=workers)
        assert (calls < 10_000) == keep.paused
    assert {f"lane{lane}": list(range(1, 1_001)) for lane in range(LANES)} == seen


@pytest.mark.kafka
def test_a_place_beyond_what_an_id_can_name_ends_the_flow(
    broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last position that an id has is handed on; the one after it is another source's, and is refused by name."""
    monkeypatch.setattr(kafka, "OFFSETS_MAX", 950)
    seen = Seen()
    with pytest.raises(Exception) as caught:
        run_main(flow(broker, topic, seen, Keep()))
    told = reason_of(caught.value)
    assert f"topic {topic}, partition " in told
    assert "is past what a fact id can name (949); replace the topic" in told
    assert max(max(positions) for positions in seen.values()) <= 950


def test_the_end_of_ids_is_told_early() -> None:
    """From four fifths of the positions on a source says that its topic must be replaced."""
    lag = Lag("t", 0, kafka_records.OFFSETS_MAX * 4 // 5, 0, 10, 0, 0, 0, "")
    assert (False, True) == (lag.near_end_of_ids, lag._replace(position=lag.position + 1).near_end_of_ids)


@pytest.mark.parametrize(
    ("first", "position", "end", "near"),
    [(0, 0, 100, False), (10, 10, 110, True), (10, 29, 110, True), (10, 30, 110, False), (50, 50, 50, False),
     (-1, 5, -1, False)],
)  # fmt: skip
def test_near_the_start_is_the_oldest_fifth_of_a_log_that_loses_records(
    first: int, position: int, end: int, near: bool
) -> None:
    """Where nothing was ever removed there is no danger; else the oldest fifth of what is kept is one."""
    assert near == Lag("t", 0, position, first, end, 0, 0, 0, "").near_start


def test_what_is_unknown_is_not_a_number_of_records() -> None:
    """Before the broker has told, lag and age are -1, never 0."""
    lag = Lag("t", 0, 5, -1, -1, 0, 0, 0, "")
    assert (-1, -1) == (lag.behind, lag.age_ms(10**18))


@pytest.mark.kafka
def test_ends_are_known_after_a_reader_was_closed(broker: Broker, topic: str) -> None:
    """Who watches a flow may ask about a partition that has ended: it gets what was known last, and no error."""
    reader = Reader(broker.plain, "closed", topic, 0)
    reader.begin(0)
    while not reader.poll(1, 0.1):
        pass
    known = reader.edges()
    reader.close()
    assert known == reader.edges()


@pytest.mark.kafka
def test_a_principal_has_its_own_rights_and_no_other(broker: Broker) -> None:
    """Through the secure door the feed writes what the market reads; what is not theirs is refused by name."""
    prefix = "paper"
    wanted = layout(read_layout(), prefix)
    with topics.administration(broker.access("admin")) as client:
        topics.create(client, wanted, prefix)
    raw, journal = namespace.raw_topic(prefix, "kalshi"), namespace.topic(prefix, "journal")
    feed, market, desk = (broker.access(f"{prefix}.{name}") for name in ("feed", "market", "desk"))
    writer = Writer(feed, raw)
    writer.write(1, [record_of(frame, origin_of(SOURCE)) for frame in frames(10)])
    writer.flush()
    reader = Reader(market, namespace.consumer_group(prefix, "market"), raw, 1)
    first, end = reader.bounds()
    reader.begin(end - 10)
    got = 0
    while got < 10:
        got += len(reader.poll(10, 0.1))
    reader.close()
    assert first <= end - 10
    with pytest.raises(BrokerError, match=rf"topic {raw}: .*uthoriz"):
        incarnation(desk, raw)
    with pytest.raises(BrokerError, match=rf"topic {raw}.*uthoriz"):
        denied = Writer(market, raw)
        denied.write(0, [(b"", b"not mine")])
        denied.flush()
    assert Writer(market, journal).partitions > 0


@pytest.mark.kafka
def test_a_wrong_password_is_told_at_once(broker: Broker, tmp_path: Path) -> None:
    """Who is not who he says is told so, and does not wait for a broker that answers."""
    password = tmp_path / "password"
    password.touch(mode=0o600)
    password.write_text("guessed\n")
    access = msgspec.structs.replace(broker.access("paper.feed"), password_file=str(password))
    with pytest.raises(BrokerError, match="_AUTHENTICATION"):
        Writer(access, "paper.raw.kalshi")
    with pytest.raises(BrokerError, match="_AUTHENTICATION"):
        incarnation(access, "paper.raw.kalshi")
