"""Feeding again: in order, each record once, on from what is there, and nothing into what holds something else."""

import time
from collections.abc import Iterator

import pytest
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.structs import TopicPartition

from connectors import refeed, refeed_feedings
from connectors.access import Access, kafka_python
from connectors.broker import Broker
from connectors.errors import BrokerError
from connectors.kafka_client import Reader, Writer
from connectors.kafka_records import heading_of, origin_of, record_of
from connectors.refeed import Fed, Feeding, feed, is_live, opened, with_topics
from connectors.refeed_feedings import Cut, TopicFeeding, of_topics
from contracts.base import Refused
from operators.normalise.frames import ENDED
from tests.connectors.kafka_programs import SOURCE, frames

COUNT = 3_000
WHOLE = Cut()
Records = list[tuple[bytes | None, bytes | None]]


class Made(Feeding):
    """Records made from numbers, one a millisecond."""

    def __init__(self, topic: str, count: int, partition: int = 0, name: str = "made") -> None:
        super().__init__(topic, partition, name)
        self.total = count

    def records(self) -> Iterator[Fed]:
        """Yield them."""
        for number in range(self.total):
            self.done = number + 1
            yield Fed(number * 1_000_000, b"%s %d" % (self.name.encode(), number), b"value %d" % number)


def held(access: Access, topic: str, partition: int = 0) -> Records:
    """Read a whole partition with the other client, which skips nothing."""
    reader = Reader(access, "test", topic, partition)
    first, end = reader.bounds()
    reader.begin(first)
    found: Records = []
    while reader.position < end:
        found += [(message.key(), message.value()) for message in reader.poll(wait_s=0.1)]
    reader.close()
    return found


def fed(feeding: Feeding) -> Records:
    """Return what a feeding says, from the beginning."""
    return [(each.key, each.value) for each in feeding.records()]


@pytest.fixture
def topic(broker: Broker, request: pytest.FixtureRequest) -> str:
    """Make a topic of two partitions, named after the test."""
    name = request.node.name
    with KafkaAdminClient(**kafka_python(broker.plain)) as client:
        client.create_topics([NewTopic(name, 2, 1)])
    return str(name)


# ---- a real broker -------------------------------------------------------------------------------------------------


@pytest.mark.kafka
def test_a_feeding_goes_on_where_it_was_left(broker: Broker, topic: str) -> None:
    """Stopped twice, it goes on; ended, it does nothing; two partitions are fed in the order of arrival."""
    feedings = [Made(topic, 500), Made(topic, 700, 1)]
    asked, told = [0], list[tuple[int, int, int]]()

    def stop() -> bool:
        asked[0] += 1
        return asked[0] % 300 == 0

    wholes = []
    for _ in range(4):
        fills = opened(broker.plain, feedings)
        wholes.append(
            (sum(fill.held for fill in fills), feed(broker.plain, fills, None, stop, lambda *at: told.append(at)))
        )
    assert [(0, False), (299, False), (598, False), (897, False)] == wholes
    fills = opened(broker.plain, feedings)
    assert (True, [500, 700]) == (feed(broker.plain, fills, None), [fill.held + fill.written for fill in fills])
    fills = opened(broker.plain, feedings)
    assert (True, [0, 0]) == (feed(broker.plain, fills, None), [fill.written for fill in fills])
    assert [fed(each) for each in feedings] == [held(broker.plain, topic, 0), held(broker.plain, topic, 1)]
    assert [(299, 1_200), (598, 1_200), (897, 1_200), (1_196, 1_200)] == [
        at[:2] for at in told if at[0] % 299 == 0 < at[0]
    ]


@pytest.mark.kafka
def test_a_target_with_something_else_is_left_as_it_is(broker: Broker, topic: str) -> None:
    """Another beginning, another end, or more than is fed: refused by name before anything is written."""
    assert feed(broker.plain, opened(broker.plain, [Made(topic, 10)]), None)
    with pytest.raises(BrokerError, match=r"holds something else: at offset 0 .*b'made 0'; allowed: .*b'other 0'"):
        opened(broker.plain, [Made(topic, 20, name="other"), Made(topic, 5, 1)])
    with pytest.raises(BrokerError, match=rf"topic {topic}, partition 0: holds 10 records, but made gives 9"):
        opened(broker.plain, [Made(topic, 9)])
    writer = Writer(broker.plain, topic)
    writer.write(0, [(b"stranger", b"")])
    writer.flush()
    with pytest.raises(BrokerError, match=r"at offset 10 .*b'stranger'; allowed: .*b'made 10'"):
        opened(broker.plain, [Made(topic, 20)])
    with pytest.raises(BrokerError, match=r"2 feedings for 1 partitions; allowed: one for each"):
        opened(broker.plain, [Made(topic, 20), Made(topic, 20)])
    assert (11, 0) == (len(held(broker.plain, topic)), len(held(broker.plain, topic, 1)))


@pytest.mark.kafka
def test_somebody_else_who_writes_ends_a_feeding(broker: Broker, topic: str) -> None:
    """A record that is stored elsewhere than at its place is noticed by its acknowledgement."""
    fills = opened(broker.plain, [Made(topic, 10)])
    writer = Writer(broker.plain, topic)
    writer.write(0, [(b"stranger", b"")])
    writer.flush()
    with pytest.raises(BrokerError, match=r"record 0 was stored at offset 1: somebody else writes there"):
        feed(broker.plain, fills, None)
    with KafkaAdminClient(**kafka_python(broker.plain)) as client:
        client.delete_records({TopicPartition(topic, 0): 1})
    with pytest.raises(BrokerError, match=r"begins at offset 1, what stood before is gone; allowed: the beginning"):
        opened(broker.plain, [Made(topic, 10)])


@pytest.mark.kafka
def test_topics_of_a_refeed_are_made_and_those_of_a_mode_are_not(broker: Broker) -> None:
    """A program that may feed makes the topics below its own prefix, and no rights; beside it nothing is made."""
    prefix = "paper.refeed.makes"
    way = broker.access("paper.refeed")
    with KafkaAdminClient(**kafka_python(broker.plain)) as client:
        refeed.topics.create(client, refeed.layout(refeed.read_layout(), "paper"), "paper")
    feeding = Made(f"{prefix}.raw.kalshi", 5)
    made = with_topics(way, prefix, [feeding])
    assert (9, True) == (len(made.created), made.without_rights)
    assert ((), False) == with_topics(way, prefix, [feeding])
    assert feed(way, opened(way, [feeding]), None)
    assert 5 == len(held(broker.plain, feeding.topic))
    with pytest.raises(BrokerError, match=r"topic paper.refeed.makes.raw.cme: does not exist; allowed: one that"):
        with_topics(way, prefix, [Made(f"{prefix}.raw.cme", 5)])
    with pytest.raises(BrokerError, match=r"raw.kalshi, partition 4: does not exist; allowed: 0 to 3"):
        with_topics(way, prefix, [Made(f"{prefix}.raw.kalshi", 5, 4)])
    with pytest.raises(BrokerError, match=r"topic shadow.raw.cme: does not exist"):
        with_topics(broker.plain, "shadow", [Made("shadow.raw.cme", 5)])
    with pytest.raises(BrokerError, match=r"as paper.refeed: .*TopicAuthorizationFailed"):
        feed(way, [refeed.Fill(Made("paper.raw.kalshi", 5), 0, Made("paper.raw.kalshi", 5).records())], None)


@pytest.mark.kafka
def test_a_copy_is_the_source_record_by_record(broker: Broker) -> None:
    """What the data path wrote is copied, key and value; a copy that has ended stays as it is while its source grows.

    A cut takes what arrived inside it; what retention has removed, and a topic that is not there, are named.
    """
    source, target = "paper.refeed.source", "paper.refeed.copied"
    name = f"{source}.raw.kalshi"
    names = [f"{prefix}.raw.kalshi" for prefix in (source, target, "paper.refeed.part", "paper.refeed.late")]
    with KafkaAdminClient(**kafka_python(broker.plain)) as client:
        client.create_topics([NewTopic(each, 4, 1) for each in (*names, f"{source}.raw.bitget")])
    records = [record_of(frame, origin_of(SOURCE)) for frame in frames(COUNT)]
    writer = Writer(broker.plain, name)
    writer.write(1, records[:2_000])
    writer.write(3, [*records[:50], (b"no key of ours", b"raw"), (b"", b"")])
    writer.flush()

    def copy(cut: Cut = WHOLE, to: str = target) -> tuple[bool, list[int]]:
        fills = opened(broker.plain, of_topics(broker.plain, source, to, [], None, cut))
        return feed(broker.plain, fills, None), [fill.written for fill in fills]

    assert (True, [2_001, 53]) == copy()
    for partition in (1, 3):
        copied = held(broker.plain, f"{target}.raw.kalshi", partition)
        heading = heading_of(copied[-1][0])
        assert held(broker.plain, name, partition) == copied[:-1]
        assert heading is not None and (ENDED, len(copied)) == (heading.dialect, heading.number)
    writer.write(1, records[2_000:])
    writer.flush()
    assert (True, [0, 0]) == copy()
    first, last = (heading.at_ns for key in (records[100][0], records[199][0]) if (heading := heading_of(key)))
    assert (True, [101, 1]) == copy(Cut(first, last), "paper.refeed.part")
    assert records[100:200] == held(broker.plain, "paper.refeed.part.raw.kalshi", 1)[:-1]
    with KafkaAdminClient(**kafka_python(broker.plain)) as client:
        client.delete_records({TopicPartition(name, 1): 150})
    with pytest.raises(
        BrokerError, match=rf"topic {name}, partition 1: wanted offset 0, first offset 150: retention has"
    ):
        copy(to="paper.refeed.late")
    with pytest.raises(BrokerError, match=r"wanted offset 149, first offset 150: retention has removed"):
        copy(Cut(since=first), to="paper.refeed.late")
    with pytest.raises(BrokerError, match=r"topic paper.refeed.source.raw.cme: does not exist, or may not be read"):
        of_topics(broker.plain, source, target, ["cme"], None, Cut())
    with pytest.raises(Refused, match=r"--venue kalshi: is in no lane of the deployment; allowed: bitget"):
        of_topics(broker.plain, source, target, ["kalshi"], {"bitget": [0]}, Cut())
    with pytest.raises(Refused, match=r"--source paper.refeed.source: 4 partitions, and no record in any"):
        of_topics(broker.plain, source, target, ["bitget"], None, Cut())


@pytest.mark.kafka
def test_a_hole_in_the_source_is_told(broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the log does not hold what it should, the copy ends by name instead of going on without it."""
    assert feed(broker.plain, opened(broker.plain, [Made(topic, 10)]), None)
    feeding = TopicFeeding(broker.plain, TopicPartition(topic, 0), (0, 12), topic, Cut())
    monkeypatch.setattr(refeed_feedings, "ANSWER_MS", 200)
    with pytest.raises(BrokerError, match=rf"topic {topic}, partition 0: no record at offset 10"):
        fed(feeding)


# ---- without one ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "live"),
    [("paper", True), ("live", True), ("live.refeed.a", True), ("shadow", True), ("paper.refeed.a", False)],
)
def test_a_prefix_that_programs_act_upon_is_live(prefix: str, live: bool) -> None:
    """A mode's own topics, and everything of mode live."""
    assert live == is_live(prefix)


@pytest.mark.parametrize(("speed", "seconds"), [(1, [0.0, 0.5, 2.0]), (10, [0.0, 0.05, 0.2]), (None, [0.0, 0.0, 0.0])])
def test_the_pace_is_that_of_the_arrivals(
    speed: int | None, seconds: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first record goes at once, each other as long after it as it arrived, by the speed; at max all do."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda wait: now.append(now.pop() + wait))
    pace, left = refeed._Pace(speed), []
    for at_ns in (7_000_000_000, 7_500_000_000, 9_000_000_000):
        assert pace.reached(at_ns, lambda: False)
        left.append(round(now[0] - 100, 6))
    assert seconds == left
    assert not pace.reached(99_000_000_000, lambda: True)
