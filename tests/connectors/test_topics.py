"""Topics and rights are made as the file says, each difference is named, and what is not written is refused."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import NoError, for_code

from connectors import namespace, topics
from connectors.access import Access, kafka_python, librdkafka
from connectors.broker import Broker
from connectors.errors import BrokerError
from connectors.topic_layout import Layout, Right, Topic, layout, read_layout
from connectors.topics import Difference, Seen

FILE = read_layout()


def made(broker: Broker, prefix: str) -> Layout:
    """Make the topics and rights of a prefix, as the administrator, through the secure door."""
    wanted = layout(FILE, prefix)
    with topics.administration(broker.access("admin")) as client:
        topics.create(client, wanted, prefix)
    return wanted


def verified(broker: Broker, prefix: str, expected: list[Difference]) -> list[Difference]:
    """Return every difference under a prefix; a broker acts on a change up to a second after it has said yes."""
    until = time.monotonic() + 10
    with topics.administration(broker.plain) as client:
        while True:
            found = topics.differences(layout(FILE, prefix), topics.observe(client, prefix), prefix)
            if found == expected or time.monotonic() > until:
                return found
            time.sleep(0.1)


def said(broker: Broker, principal: str, topic: str, *, partition: int = 0) -> str:
    """Write one record as a principal and return what the broker answered: an error's name, or nothing."""
    answers: list[str] = []
    producer = Producer({**librdkafka(broker.access(principal)), "acks": "all", "message.timeout.ms": 10_000})

    def answered(err: KafkaError | None, _: object) -> None:
        answers.append(err.name() if err else "")

    producer.produce(topic, b"one", partition=partition, on_delivery=answered)
    producer.flush(15)
    return answers[0] if answers else "no answer"


def heard(broker: Broker, principal: str, topic: str) -> str:
    """Read one record as a principal, with the other client, and return what the broker answered.

    Who may not read a topic is told so when asking about it. A client that only waits for records hears nothing at all.
    """
    group, place = namespace.consumer_group(*principal.split(".")), TopicPartition(topic, 0)
    way = kafka_python(broker.access(principal))
    with KafkaAdminClient(**way) as client:
        told = for_code(client.describe_topics([topic])[0]["error_code"])
    with KafkaConsumer(**way, group_id=group, enable_auto_commit=False) as reader:
        reader.assign([place])
        reader.seek_to_beginning(place)
        came = reader.poll(timeout_ms=10_000 if told is NoError else 500)
    return "" if came else told.__name__


@contextmanager
def change(broker: Broker) -> Iterator[KafkaAdminClient]:
    """Open the plain door as somebody who changes things behind the file's back."""
    with topics.administration(broker.plain) as client:
        yield client


# ---- a real broker ---------------------------------------------------------------------------------------------------


@pytest.mark.kafka
def test_create_show_verify_agree(broker: Broker) -> None:
    """What `create` made is what `observe` shows and what `verify` wants; a second `create` has nothing to do."""
    prefix = "shadow"
    wanted = layout(FILE, prefix)
    with topics.administration(broker.access("admin")) as client:
        first = topics.create(client, wanted, prefix)
        seen = topics.observe(client, prefix)
        assert [] == topics.differences(wanted, seen, prefix)
        second = topics.create(client, wanted, prefix)
    assert ([topic.name for topic in wanted.topics], wanted.rights) == (list(first.topics), first.rights)
    assert ((), ()) == (second.topics, second.rights)
    assert [(topic.name, topic.partitions) for topic in wanted.topics] == [
        (topic.name, topic.partitions) for topic in seen.topics
    ]


@pytest.mark.kafka
def test_each_difference_is_named(broker: Broker) -> None:
    """Partitions, retention, clean-up, a setting of its own, a topic or right too few or too many: a line each."""
    prefix = "testnet_probe"
    wanted = made(broker, prefix)
    assert [] == verified(broker, prefix, [])
    market, live = f"User:{prefix}.market", namespace.topic("live", "journal")
    strange = [
        Right(market, "WRITE", "TOPIC", f"{prefix}.outbox"),
        Right(market, "WRITE", "TOPIC", live),
        Right("User:somebody", "READ", "TOPIC", f"{prefix}.", "PREFIXED"),
        Right(f"User:{prefix}.desk", "READ", "TOPIC", f"{prefix}.journal", permission="DENY"),
    ]
    with change(broker) as client:
        client.create_partitions({f"{prefix}.commands": 3})
        settings = {"retention.ms": "1000", "cleanup.policy": "compact", "segment.bytes": "1048576"}
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, f"{prefix}.journal", settings)])
        client.delete_topics([f"{prefix}.raw.kalshi"])
        client.create_topics({f"{prefix}.notes": {"num_partitions": 1}}, wait_for_metadata=True)
        gone = next(right for right in wanted.rights if right.operation == "WRITE" and right.principal == market)
        client.delete_acls([topics._acl(gone)])
        topics.grant(client, strange)
    expected = sorted(
        [
            Difference("topic", f"{prefix}.commands", "partitions", "1", "3"),
            Difference("topic", f"{prefix}.journal", "retention.ms", "34560000000", "1000"),
            Difference("topic", f"{prefix}.journal", "cleanup.policy", "delete", "compact"),
            Difference("topic", f"{prefix}.journal", "segment.bytes", "-", "1048576"),
            Difference("topic", f"{prefix}.raw.kalshi", "exists", "yes", "no"),
            Difference("topic", f"{prefix}.notes", "exists", "no", "yes"),
            Difference("right", topics.spelt(gone), "exists", "yes", "no"),
            *(Difference("right", topics.spelt(right), "exists", "no", "yes") for right in strange),
        ]
    )
    assert expected == verified(broker, prefix, expected)


@pytest.mark.kafka
def test_create_changes_nothing_that_exists(broker: Broker) -> None:
    """Where a topic is there with other numbers, `create` makes the rest and leaves it: data is never deleted by it."""
    prefix = "paper.refeed.kept"
    name = namespace.topic(prefix, "commands")
    with change(broker) as client:
        client.create_topics({name: {"num_partitions": 2}}, wait_for_metadata=True)
    made(broker, prefix)
    expected = sorted(
        [
            Difference("topic", name, "partitions", "1", "2"),
            Difference("topic", name, "retention.ms", "34560000000", "604800000"),
            Difference("topic", name, "max.message.bytes", "8388608", "1048588"),
            Difference("topic", name, "message.timestamp.type", "LogAppendTime", "CreateTime"),
        ]
    )
    assert expected == [row for row in verified(broker, prefix, expected) if row.what == "topic"]


@pytest.mark.kafka
def test_a_principal_does_what_is_written_and_nothing_else(broker: Broker) -> None:
    """Each program writes and reads its topics; others', and those of another mode, are refused by the broker."""
    for prefix in ("shadow", "live"):
        made(broker, prefix)
    refused = "TOPIC_AUTHORIZATION_FAILED"
    assert "" == said(broker, "shadow.feed", "shadow.raw.kalshi")
    assert "" == said(broker, "shadow.market", "shadow.journal")
    assert "" == heard(broker, "shadow.market", "shadow.raw.kalshi")
    assert "" == heard(broker, "shadow.desk", "shadow.journal")
    assert refused == said(broker, "shadow.feed", "shadow.journal")
    assert refused == said(broker, "shadow.record", "shadow.envelopes")
    assert refused == said(broker, "shadow.market", "live.journal")
    assert "TopicAuthorizationFailedError" == heard(broker, "shadow.desk", "shadow.raw.kalshi")
    assert "TopicAuthorizationFailedError" == heard(broker, "live.desk", "shadow.journal")


@pytest.mark.kafka
def test_refeed_writes_under_its_prefix_only(broker: Broker) -> None:
    """The refeed program makes and writes topics under a refeed prefix, and cannot touch those that run."""
    made(broker, "shadow")
    prefix = "shadow.refeed.monday"
    wanted = Layout(layout(FILE, prefix).topics, ())
    with topics.administration(broker.access("shadow.refeed")) as client:
        client.create_topics({topic.name: topics._asked(topic) for topic in wanted.topics}, wait_for_metadata=True)
    assert "" == said(broker, "shadow.refeed", f"{prefix}.journal")
    assert "TOPIC_AUTHORIZATION_FAILED" == said(broker, "shadow.refeed", "shadow.journal")
    with (
        pytest.raises(BrokerError, match=r"as shadow\.refeed: .*AuthorizationFailed"),
        topics.administration(broker.access("shadow.refeed")) as client,
    ):
        client.create_topics({"live.refeed.monday.journal": {"num_partitions": 1}})


@pytest.mark.kafka
def test_only_the_administrator_makes_topics(broker: Broker) -> None:
    """A program that tries to make topics of its mode is refused, and told as whom."""
    prefix = "paper.refeed.mine"
    with (
        pytest.raises(BrokerError, match=r"127\.0\.0\.1:\d+: as paper\.market: .*AuthorizationFailed"),
        topics.administration(broker.access("paper.market")) as client,
    ):
        topics.create(client, layout(FILE, prefix), prefix)


@pytest.mark.kafka
def test_a_wrong_password_is_said(broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Administration with a wrong password ends with one error that names broker and principal, not with silence."""
    monkeypatch.setattr(topics, "REACH_MS", 1_500)
    path = tmp_path / "password"
    path.touch(0o600)
    path.write_text("guessed")
    way = broker.access("admin")
    with (
        pytest.raises(BrokerError, match="as admin: somebody listens, but let nobody in"),
        topics.administration(Access(way.bootstrap, way.principal, str(path), way.ca_file)) as client,
    ):
        client.describe_topics()


# ---- without one -----------------------------------------------------------------------------------------------------


def test_no_broker_there_is_said_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bootstrap address where nobody listens is a BrokerError that names it."""
    monkeypatch.setattr(topics, "REACH_MS", 300)
    with (
        pytest.raises(BrokerError, match=r"127\.0\.0\.1:1: as nobody: nobody listens there"),
        topics.administration(Access("127.0.0.1:1")),
    ):
        pass


def test_a_broker_that_asks_nobody_is_a_difference() -> None:
    """Rights on a broker without an authorizer are worth nothing, and that is said."""
    wanted = layout(FILE, "paper")
    seen = Seen(wanted.topics, {}, None)
    assert [Difference("right", "paper", "exists", "a broker that asks who may", "no authorizer")] == (
        topics.differences(wanted, seen, "paper")
    )


@pytest.mark.parametrize(
    ("right", "prefix", "concerns"),
    [
        (Right("User:x", "READ", "TOPIC", "paper.journal"), "paper", True),
        (Right("User:x", "READ", "TOPIC", "*"), "paper", True),
        (Right("User:x", "READ", "TOPIC", "pap", "PREFIXED"), "paper", True),
        (Right("User:x", "READ", "GROUP", "polytraders.paper.market"), "paper", True),
        (Right("User:paper.market", "ALTER", "CLUSTER", "kafka-cluster"), "paper", True),
        (Right("User:paper.market", "WRITE", "TOPIC", "live.journal"), "paper", True),
        (Right("User:x", "READ", "TOPIC", "live.journal"), "paper", False),
        (Right("User:paper.market", "READ", "TOPIC", "paper.refeed.a.raw.kalshi"), "paper", False),
        (Right("User:paper.market", "READ", "TOPIC", "paper.refeed.a.raw.kalshi"), "paper.refeed.a", True),
        (Right("User:paper.market", "READ", "TOPIC", "paper.refeed.a.raw.kalshi"), "paper.refeed.b", False),
        (Right("User:paper.refeed", "WRITE", "TOPIC", "paper.refeed.", "PREFIXED"), "paper.refeed.a", True),
    ],
)
def test_a_right_is_looked_at_where_it_reaches(right: Right, prefix: str, concerns: bool) -> None:
    """A right over more than was meant is seen from every prefix that it reaches into."""
    assert concerns == topics._concerns(right, prefix)


def test_topics_are_compared_field_by_field() -> None:
    """A topic with one copy too few and a setting too many gives two lines, in order."""
    wanted = Layout((Topic("paper.commands", 1, 3, {"retention.ms": "5"}),), ())
    has = Topic("paper.commands", 1, 1, {"retention.ms": "5", "segment.ms": "9"})
    seen = Seen((has,), {"paper.commands": {"retention.ms": "5", "segment.ms": "9"}}, ())
    assert [
        Difference("topic", "paper.commands", "replicas", "3", "1"),
        Difference("topic", "paper.commands", "segment.ms", "-", "9"),
    ] == topics.differences(wanted, seen, "paper")


def test_a_refused_right_is_an_error() -> None:
    """A right that the broker does not give is not counted as given."""

    class Refusing:
        def create_acls(self, acls: list[object]) -> dict[str, list[object]]:
            return {"succeeded": acls[1:], "failed": [topics.SecurityDisabledError]}

    with pytest.raises(topics.SecurityDisabledError, match="1 of 2 rights were not given"):
        topics.grant(Refusing(), layout(FILE, "paper").rights[:2])


def test_a_broker_error_is_no_kafka_error() -> None:
    """What leaves this module is of our own tree: callers know one kind of failure."""
    assert not issubclass(BrokerError, KafkaException)
