"""What nobody signed has no effect and is seen; what an operator signed takes effect where it stands in the journal."""

import json

import msgspec
import pytest

from connectors.control_entries import record_of_control, signed_entry
from connectors.kafka_client import Writer
from connectors.kafka_records import Record
from connectors.kafka_strands import CONTROL_KEY
from connectors.orders import record_of_order
from connectors.reader import StoreReader
from contracts.base import write
from contracts.control import ControlCommand
from contracts.envelope import DeadLetter
from flows.replay import replay
from tests.connectors.signed_keys import KEY, SCOPE, seeded
from tests.connectors.test_orders import row
from tests.deployment.conftest import Sites
from tests.deployment.feeding import placed, put
from tests.deployment.packs import Pack
from tests.deployment.reading import read_all, strands
from tests.deployment.running import START_S, Site, wait

pytestmark = [pytest.mark.kafka, pytest.mark.chdb]
STRANGER = seeded(77)
SECOND_NS = 1_000_000_000
UNSIGNED = "GOV_CONTROL_UNSIGNED"


def block(name: str) -> ControlCommand:
    """Return an operator's wish that no order may leave."""
    return ControlCommand(name, "ann", "lab", "BLOCK", "", "requested", "", "drill", "dev", "paper", "", "")


def written(site: Site, topic: str, records: list[Record]) -> None:
    """Write records to the desk's partition of a topic, as anybody who may."""
    writer = Writer(site.access, site.topic(topic))
    writer.write(0, records)
    writer.flush()


def without_effect() -> list[Record]:
    """Return entries that nobody may say: unsigned, by a stranger, with a changed body, for another desk."""
    good = signed_entry(KEY, SCOPE, 1, block("changed"))
    changed = msgspec.structs.replace(good, body=good.body.replace("drill", "havoc"))
    return [
        (CONTROL_KEY, write(block("unsigned"))),
        record_of_control(signed_entry(STRANGER, SCOPE, 1, block("stranger"))),
        record_of_control(changed),
        record_of_control(signed_entry(KEY, "paper/bot2", 1, block("other"))),
    ]


def heard_ns(site: Site) -> int:
    """Return the time of the newest fact in the journal."""
    lines = strands(read_all(site.access.bootstrap, site.topic("journal"))).lines.get("lane0", [])
    return max((json.loads(line)["at_ns"] for line in lines[-50:] if line[:1] == b"{"), default=0)


def ran(site: Site, pack: Pack) -> dict:
    """Run a pack in thirds: after the first comes what has no effect, after the second a signed BLOCK."""
    programs = [site.start(name) for name in ("market", "desk", "record")]
    given, fed = placed(pack.captures), 0
    key, value = record_of_order(row(), STRANGER, SCOPE)
    for entries in (without_effect(), [record_of_control(signed_entry(KEY, SCOPE, 2, block("signed")))], []):
        part = given[fed:] if not entries else given[fed : fed + len(given) // 3]
        put(site.access, site.prefix, part)
        fed += len(part)
        if entries:
            wait(lambda until=part[-1][0]: heard_ns(site) > until - SECOND_NS, START_S, "the journal has the part")
            written(site, "journal", entries)
            written(site, "outbox", [(key, value)] if len(entries) == 1 else [(b"x", b"no order at all")])
    found: dict = [program.summary() for program in programs][-1]["desks"]["lab"]
    return found


def test_only_what_was_signed_takes_effect(sites: Sites, long_pack: Pack) -> None:
    """False entries and forged orders are incidents and letters; from a signed BLOCK on nothing passes its gate."""
    site = sites({"lane0": ["kalshi"]}, control='{} = "{}"'.format(*KEY.public))
    pack = long_pack.only("kalshi")
    found = ran(site, pack)
    with StoreReader(site.store) as reader:
        opened = list(reader.envelopes(kind="IncidentReport"))
        commands = list(reader.envelopes(kind="ControlCommand"))
        safety = list(reader.envelopes(kind="SafetyState"))
        decisions = list(reader.envelopes(kind="RiskDecision"))
        letters = list(reader.table.dead_letters())
    incidents = [each for each in opened if each["payload"]["reason"].startswith("GOV_CONTROL_")]
    assert [UNSIGNED] * 4 == [each["payload"]["reason"] for each in incidents]
    assert ["signed"] == [each["payload"]["command_id"] for each in commands]
    false_at, signed_at = incidents[0]["offset"], commands[0]["offset"]
    passed = [each["offset"] for each in decisions if "RISK_GATE_APPROVED" in each["reasons"]]
    assert any(offset < false_at for offset in passed) and any(false_at < offset < signed_at for offset in passed)
    assert [] == [offset for offset in passed if offset > signed_at]
    assert [("BLOCK", signed_at)] == [(each["payload"]["kill_level"], each["offset"]) for each in safety[1:]]
    assert pack.ran.summary["approved"] > found["approved"] > 0
    assert letters_of(letters, site, "journal") == {value for _, value in without_effect()}
    forged = [each for each in opened if each["payload"]["reason"].startswith("GOV_ORDER_")]
    assert 2 == len(letters_of(letters, site, "outbox")) == found["outbox_refused"] == len(forged)
    assert {"govern_outbox_lab"} == {each["desk_id"] for each in forged}
    assert found["orders"] + found["cancels"] == found["outbox"]
    again = replay(site.store)
    assert (0, 0, None) == (again["differs"], again["input_missing"], again["first_difference"])


def letters_of(letters: list[DeadLetter], site: Site, topic: str) -> set[bytes]:
    """Return the bytes of the letters about control entries, or about orders."""
    code = {"journal": "GOV_CONTROL_", "outbox": "GOV_ORDER_"}[topic]
    return {bytes.fromhex(each.data) for each in letters if each.reason.startswith(code)}
