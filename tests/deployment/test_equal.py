"""What goes through a broker and separate programs is decided as in one process: the same facts, the same digest."""

from pathlib import Path

import pytest

from tests.deployment.conftest import Sites
from tests.deployment.packs import Pack, whole
from tests.deployment.reading import chains, fact_digest, read_all, strands
from tests.deployment.running import Site

pytestmark = [pytest.mark.kafka, pytest.mark.chdb]
LANE = "lane0"
SHORT = "kalshi/btc15m_20260513T055209Z.jsonl.gz"
BTC = "kalshi/btc15m_20260513T1259Z.jsonl.gz"


def fed(site: Site, pack: Pack, *workers: str) -> dict:
    """Feed a pack through market, desk and record, all at once; returns the summary that record gives of the desk."""
    programs = [site.start(name, *workers) for name in ("market", "desk")]
    programs += [site.start("record"), site.feed(pack.captures)]
    assert 0 == programs.pop().wait()
    ran = pack.ran  # while the programs work
    market, desk, record = (program.summary() for program in programs)
    assert ran.summary["frames"] == market["frames"]
    assert ran.digest == desk["desks"]["lab"]["decision_digest"]
    found: dict = record["desks"]["lab"]
    return found


def same_as_embedded(site: Site, pack: Pack, lane: str = LANE) -> None:
    """Read the topics back: the facts of the lane and the chain of decisions are those of the embedded run."""
    said = strands(read_all(site.access.bootstrap, site.topic("journal")))
    assert ([], []) == (said.contradicted, said.missing)
    assert pack.ran.facts == fact_digest(said.lines[lane])
    decided = chains(read_all(site.access.bootstrap, site.topic("envelopes")))["decisions"]
    assert ([], []) == (decided.contradicted, decided.broken)
    assert pack.ran.digest == decided.head.hex()


COUNTS = ("entries", "envelopes", "blocks", "invalid", "intents", "approved", "rejected", "orders", "fills", "pnl")


def test_the_demonstration_is_decided_as_in_one_process(sites: Sites) -> None:
    """All four venues in one lane: facts, digest and every count of the summary are the embedded run's."""
    pack = whole()
    site = sites({LANE: pack.venues})
    found = fed(site, pack)
    same_as_embedded(site, pack)
    assert {key: pack.ran.summary[key] for key in COUNTS} == {key: found[key] for key in COUNTS}
    assert pack.ran.summary["dead_letters"] == found["dead_letters"]
    assert (found["orders"] + found["cancels"], 0) == (found["outbox"], found["outbox_refused"])


def test_the_engine_runs_the_programs_itself(sites: Sites, short_pack: Pack) -> None:
    """`python -m bytewax.run flows.market`, and flows.desk, as the engine's manual says: the same is decided."""
    pack = short_pack.only("kalshi")
    site = sites({LANE: pack.venues})
    running = [site.run_by_engine(name) for name in ("market", "desk")]
    for process in (site.feed(pack.captures), *running):
        assert 0 == process.wait(), process.error
    same_as_embedded(site, pack)


@pytest.mark.recorded
@pytest.mark.parametrize("name", [SHORT, pytest.param(BTC, marks=pytest.mark.soak)])
def test_a_recording_is_decided_as_in_one_process(sites: Sites, recorded: Path, name: str) -> None:
    """What was recorded from Kalshi: facts and digest are the embedded run's."""
    pack = Pack({"kalshi": recorded / name})
    site = sites({LANE: pack.venues})
    assert pack.ran.digest == fed(site, pack)["decision_digest"]
    same_as_embedded(site, pack)
