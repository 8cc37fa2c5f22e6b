"""What a broker answers is judged: version, topics, partitions, clock, disk, and how far readers are."""

from dataclasses import replace

import pytest

from connectors import topics
from connectors.access import Access
from connectors.broker import Broker
from connectors.doctor import BAD, OK, UNKNOWN, WARN, Check
from connectors.doctor_broker import LAG_WARN, Asked, ask, broker_checks, kept_lag, told_lag
from connectors.kafka_client import Writer
from connectors.scrape import Seen as Heard
from connectors.topic_layout import Layout, Right, Topic, layout, read_layout
from connectors.topics import Seen

PREFIX = "paper.refeed.doctor"
TOPIC = Topic("paper.journal", 2, 1, {"retention.ms": "9"})
RIGHT = Right("User:paper.desk", "READ", "TOPIC", "paper.journal")
WANTED = Layout((TOPIC,), (RIGHT,))
WELL = Asked(
    version="4.3",
    partitions={"paper.journal": 2},
    seen=Seen((TOPIC,), {}, (RIGHT,)),
    offsets={("paper.journal", 0): (100, 1_000), ("paper.journal", 1): (0, 50_000)},
    newest_ms=1,
    volumes=[("broker 1 /d", 100, 50)],
)


def judged(asked: Asked, wanted: Layout = WANTED, prefix: str = "paper") -> dict[str, Check]:
    """Return name -> check of what a broker answered, where one partition is needed."""
    return {check.name: check for check in broker_checks(asked, "h:1", wanted, prefix, [("paper.journal", 1)])}


def state(asked: Asked, name: str, prefix: str = "paper") -> str:
    """Return the state of one check."""
    return judged(asked, prefix=prefix)[name].state


def test_a_broker_that_is_well() -> None:
    """Everything is ok, each part in a line of its own."""
    found = judged(WELL)
    assert ["broker", "topics", "partitions", "clock broker", "disk broker"] == list(found)
    assert {OK} == {check.state for check in found.values()}
    assert "h:1: version 4.3" == found["broker"].seen


def test_a_broker_that_does_not_answer_is_one_bad_line() -> None:
    """Nothing else is guessed."""
    found = judged(Asked(wrong="h:1: as nobody: nobody listens there"))
    assert [("broker", BAD, "h:1: as nobody: nobody listens there")] == [
        (c.name, c.state, c.seen) for c in found.values()
    ]


def test_topics_and_rights() -> None:
    """A topic or right that is missing, or a right too many, is bad; a setting is a warning; unseen is unknown."""
    assert WELL.seen is not None
    cases = {
        BAD: [Seen((), {}, (RIGHT,)), Seen((TOPIC,), {}, ()), Seen((TOPIC,), {}, (RIGHT, replace_right("paper.x")))],
        WARN: [
            Seen((Topic(TOPIC.name, 3, 1, TOPIC.settings),), {}, (RIGHT,)),
            Seen((TOPIC, Topic("paper.more", 1, 1, {})), {}, (RIGHT,)),
            Seen((TOPIC,), {}, None),
        ],
    }
    for wanted, all_seen in cases.items():
        assert {wanted} == {state(replace(WELL, seen=seen), "topics") for seen in all_seen}
    assert BAD == state(replace(WELL, seen=Seen((TOPIC,), {}, None)), "topics", "live")
    assert UNKNOWN == state(replace(WELL, seen=None, hidden="Denied"), "topics")
    many = Layout(tuple(Topic(f"paper.t{n}", 1, 1, {}) for n in range(9)), (RIGHT,))
    assert judged(WELL, many)["topics"].seen.endswith("and 7 more")


def replace_right(name: str) -> Right:
    """Return a right on another topic."""
    return Right(RIGHT.principal, RIGHT.operation, RIGHT.kind, name)


def test_partitions_and_versions() -> None:
    """A partition that a lane or desk needs and nobody has is bad, unseen unknown; a broker before 4 is a warning."""
    assert BAD == state(replace(WELL, partitions={"paper.journal": 1}), "partitions")
    assert UNKNOWN == state(replace(WELL, partitions={}, seen=None, hidden="Denied"), "partitions")
    assert [WARN, WARN] == [state(replace(WELL, version=version), "broker") for version in ("3.9", "")]
    assert BAD == state(replace(WELL, volumes=[("b", 100, 4)]), "disk broker")
    assert "disk broker" not in judged(replace(WELL, volumes=[("b", -1, -1)]))


@pytest.mark.parametrize(
    ("places", "wanted", "said"),
    [
        ({("paper.journal", 0): 1_000}, OK, "paper.journal/0: 0 behind, of 1 partitions"),
        ({("paper.journal", 1): 39_999}, WARN, "paper.journal/1: 10,001 behind, of 1 partitions"),
        ({("paper.journal", 0): 101}, BAD, "paper.journal/0: 899 behind, of 1 partitions, near the start of the log"),
        ({("paper.journal", 0): 99}, BAD, "stands at 99, the log holds 100 to 1000: a start is refused"),
        ({("paper.journal", 0): 1_001}, BAD, "stands at 1001, the log holds 100 to 1000: a start is refused"),
        ({("paper.other", 0): 5}, UNKNOWN, "its topics are not there, or may not be seen by who asks"),
    ],
)
def test_places_that_were_kept(places: dict[tuple[str, int], int], wanted: str, said: str) -> None:
    """What retention has removed or is about to, and what was cut, is bad; the worst partition is told."""
    check = kept_lag("desk", places, WELL)
    assert ("lag desk", wanted, True) == (check.name, check.state, said in check.seen)
    assert UNKNOWN == kept_lag("desk", places, None).state
    assert UNKNOWN == kept_lag("desk", places, Asked(wrong="away")).state


@pytest.mark.parametrize(
    ("behind", "near", "wanted"),
    [(0, 0, OK), (LAG_WARN, 0, OK), (LAG_WARN + 1, 0, WARN), (-1, 0, WARN), (5, 1, BAD), (0, 1, OK)],
)
def test_a_program_tells_its_lag(behind: int, near: int, wanted: str) -> None:
    """While it runs, its own word counts; -1 is unknown to itself and no health."""
    labels = (("partition", "0"), ("topic", "paper.journal"))
    metrics = {"polytraders_lag_records": {labels: float(behind)}, "polytraders_near_log_start": {labels: float(near)}}
    assert wanted == told_lag("desk", Heard("h:1", 0.0, metrics, {}, "")).state
    assert UNKNOWN == told_lag("desk", Heard("h:1", 0.0, {}, {}, "")).state


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address without a broker is told, not raised."""
    monkeypatch.setattr("connectors.topics.REACH_MS", 200)
    assert "127.0.0.1:1: as nobody: nobody listens there" == ask(Access("127.0.0.1:1"), "paper").wrong


@pytest.mark.kafka
def test_a_real_broker_is_asked(broker: Broker) -> None:
    """Version, topics, ends, the newest time and the disk come from it; a program's principal sees its own part."""
    with topics.administration(broker.plain) as client:
        topics.create(client, layout(read_layout(), PREFIX), PREFIX)
    journal = f"{PREFIX}.journal"
    writer = Writer(broker.plain, journal)
    writer.write(3, [(b"lab", b"x")] * 5)
    writer.flush()
    found = ask(broker.plain, PREFIX)
    assert ("", True, (0, 5)) == (found.wrong, found.version.startswith("4."), found.offsets[journal, 3])
    assert (8, True, True) == (found.partitions[journal], found.newest_ms > 0, found.volumes[0][1] > 0)
    needed = [(journal, number) for number in range(8)]
    checks = {c.name: c for c in broker_checks(found, "h", layout(read_layout(), PREFIX), PREFIX, needed)}
    assert {OK} == {checks[name].state for name in ("broker", "topics", "partitions", "clock broker")}
    asked = ask(broker.access("paper.market"), "paper")
    assert ("", None, "ClusterAuthorizationFailedError") == (asked.wrong, asked.seen, asked.hidden)
