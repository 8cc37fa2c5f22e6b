"""What may not start does not: a place that retention has removed, a program under another one's name."""

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from connectors.broker import Broker
from connectors.kafka_records import frame_key, origin_of
from tests.deployment.conftest import Sites
from tests.deployment.feeding import put
from tests.deployment.packs import Pack
from tests.deployment.reading import read_all
from tests.deployment.running import Site

pytestmark = pytest.mark.kafka
REFUSED = 2


def access_file(broker: Broker, program: str) -> tuple[str, str]:
    """Return the option that makes a program speak as one of the principals of paper."""
    return "--access", str(broker.folder / "access" / f"paper.{program}.json")


def test_a_place_that_retention_has_removed_is_refused(broker: Broker, sites: Sites, short_pack: Pack) -> None:
    """A market program whose next message is gone does not start: exit 2, with topic, partition, wanted and first."""
    pack = short_pack.only("binance")
    site = sites({"lane0": pack.venues})
    site.feed(pack.captures).wait()
    wanted = site.start("market").summary()["frames"] + 1  # and the word that nothing more comes
    at_ns, origin = 1_795_195_000_000_000_000, origin_of("a later session")
    later = [(at_ns, "binance", n, (frame_key(at_ns, n, origin, "binance", "c"), b"{}")) for n in range(1, 101)]
    put(site.access, site.prefix, later)
    topic = site.topic("raw.binance")
    admin = KafkaAdminClient(bootstrap_servers=broker.plain.bootstrap)
    try:
        admin.delete_records({TopicPartition(topic, 0): wanted + 60})
    finally:
        admin.close()
    again = site.start("market")
    assert REFUSED == again.wait()
    (line,) = [line for line in again.error.splitlines() if line.startswith("pt: ")]
    assert f"topic {topic}, partition 0: wanted offset {wanted}, first offset {wanted + 60}: " in line
    assert "retention has removed 60 records" in line


def test_programs_run_under_their_own_names(broker: Broker, sites: Sites, short_pack: Pack) -> None:
    """Through the secure door, each as its own principal, the programs decide as in one process."""
    pack = short_pack.only("kalshi")
    site = sites({"lane0": pack.venues})
    programs = [site.start(name, *access_file(broker, name)) for name in ("market", "desk", "record")]
    site.feed(pack.captures).wait()
    digest = pack.ran.digest
    _, desk, record = (program.summary() for program in programs)
    assert [digest] * 2 == [said["desks"]["lab"]["decision_digest"] for said in (desk, record)]


@pytest.mark.parametrize(
    ("program", "principal", "topics"),
    [
        ("market", "feed", ["raw.kalshi"]),
        ("desk", "market", ["journal"]),
        ("record", "desk", ["envelopes", "outbox", "dead_letters"]),  # whichever answers first
    ],
)
def test_a_program_under_another_name_is_refused(
    broker: Broker, sites: Sites, short_pack: Pack, program: str, principal: str, topics: list[str]
) -> None:
    """The broker refuses who has no right to a topic: exit 2, and the topic is named; nothing is written."""
    site: Site = sites({"lane0": ["kalshi"]})
    site.feed(short_pack.only("kalshi").captures).wait()
    refused = site.start(program, *access_file(broker, principal))
    assert REFUSED == refused.wait()
    (line,) = [line for line in refused.error.splitlines() if line.startswith("pt: ")]
    assert any(site.topic(topic) in line for topic in topics) and "authoriz" in line.lower()
    assert [] == read_all(broker.plain.bootstrap, site.topic("journal"))
