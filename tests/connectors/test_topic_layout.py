"""The file of topics is read whole or refused with the field that is wrong, and spelt out for one prefix."""

from pathlib import Path

import pytest

from connectors import namespace
from connectors.topic_layout import SETTINGS, TOPICS, Right, layout, principals, read_layout
from contracts.base import Refused

FILE = read_layout()
TEXT = TOPICS.read_text("utf-8")


def test_every_topic_of_the_system_has_its_numbers() -> None:
    """Each name that namespace.py can make is in the file, and each has every setting."""
    topics = {topic.name: topic for topic in layout(FILE, "paper").topics}
    raw = {namespace.raw_topic("paper", venue) for venue in FILE.topics["raw"].venues}
    assert {*raw, *(namespace.topic("paper", name) for name in namespace.PLAIN_TOPICS)} == topics.keys()
    assert all(topic.settings.keys() == {name.replace("_", ".") for name in SETTINGS} for topic in topics.values())


def test_what_a_topic_leaves_out_is_as_the_defaults_say() -> None:
    """The journal has its own retention, and the default for the rest."""
    journal = next(topic for topic in layout(FILE, "live").topics if topic.name == "live.journal")
    assert (8, 1) == (journal.partitions, journal.replicas)
    assert "34560000000" == journal.settings["retention.ms"]
    assert "LogAppendTime" == journal.settings["message.timestamp.type"]


def test_nothing_is_compacted() -> None:
    """Replay needs every entry: no topic forgets one because a later one has its key."""
    assert {"delete"} == {topic.settings["cleanup.policy"] for topic in layout(FILE, "paper").topics}


def test_rights_are_those_of_the_programs_and_no_more() -> None:
    """Each right names a principal of the mode and a topic or group of it; nobody but refeed has more than names."""
    rights = layout(FILE, "paper").rights
    users = {f"User:{name}" for name in principals(FILE, "paper")}
    assert users == {right.principal for right in rights}
    programs = {"feed", "market", "desk", "control", "submit", "record", "govern", "refeed"}
    assert programs == {user.split(".")[1] for user in users}
    assert {"User:paper.refeed"} == {right.principal for right in rights if right.pattern == "PREFIXED"}
    assert {"ALLOW"} == {right.permission for right in rights}
    assert Right("User:paper.desk", "READ", "TOPIC", "paper.journal") in rights
    told = {right.principal for right in rights if right.name == "paper.journal" and right.operation == "WRITE"}
    assert {f"User:paper.{name}" for name in ("market", "desk", "control")} == told
    assert [] == [right for right in rights if right.principal == "User:paper.submit" and right.operation == "WRITE"]


def test_two_modes_share_no_topic_and_no_principal() -> None:
    """Not one line of a paper layout stands in that of live."""
    paper, live = layout(FILE, "paper"), layout(FILE, "live")
    assert set(paper.rights) & set(live.rights) == set()
    assert {topic.name for topic in paper.topics} & {topic.name for topic in live.topics} == set()
    assert {right.principal for right in paper.rights} & {right.principal for right in live.rights} == set()


def test_a_refeed_has_the_topics_of_its_mode_under_its_own_prefix() -> None:
    """Same numbers, other names; the programs' groups stay the mode's."""
    mode, again = layout(FILE, "paper"), layout(FILE, "paper.refeed.monday")
    assert [topic.name for topic in again.topics] == [
        topic.name.replace("paper.", "paper.refeed.monday.", 1) for topic in mode.topics
    ]
    assert [topic.settings for topic in again.topics] == [topic.settings for topic in mode.topics]
    assert [] == [right for right in again.rights if right.kind == "GROUP"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("partitions = 1", "partitions = 0", r"partitions is 0; allowed: 1 or more"),
        ("partitions = 1", "partition = 1", "unknown field `partition`"),
        ("partitions = 1", 'partitions = "one"', "Expected `int`, got `str`"),
        ("[topics.outbox]", "[topics.inbox]", "topics.outbox is missing"),
        ("[topics.outbox]", "[topics.inbox]\npartitions = 1\n[topics.outbox]", "topics.inbox is unknown"),
        ("[topics.journal]", '[topics.journal]\nvenues = ["kalshi"]', "topics.journal.venues is"),
        ('venues = ["binance", "bitget", "kalshi", "polymarket"]', "", r"topics.raw.venues is \[\]"),
        ('cleanup_policy = "delete"', "", "defaults.cleanup_policy is missing"),
        ('reads = ["journal"]', 'reads = ["journals"]', "principals.desk names topic 'journals'"),
        ("[defaults]", "[defaults", "allowed: "),
    ],
)
def test_a_wrong_file_is_refused_with_its_field(tmp_path: Path, old: str, new: str, said: str) -> None:
    """The refusal names the file, the field and what is allowed."""
    assert old in TEXT
    path = tmp_path / "topics.toml"
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(Refused, match=f"topics.toml: .*{said}"):
        read_layout(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """No file is no layout; there is no default."""
    with pytest.raises(Refused, match=r"none\.toml"):
        read_layout(tmp_path / "none.toml")
