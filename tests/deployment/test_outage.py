"""A broker that hangs, or is killed and started again, costs time and nothing else: no program is restarted."""

import time

import pytest

from connectors.broker import Broker
from tests.deployment.conftest import Sites
from tests.deployment.judging import crowding, nothing_is_lost
from tests.deployment.packs import Pack, whole
from tests.deployment.running import END_S, START_S, WATCHED, wait
from tests.deployment.test_killed import BEYOND_S, RECOVERY_S

pytestmark = [pytest.mark.kafka, pytest.mark.chdb]


@pytest.mark.parametrize(
    ("outage_s", "rate"), [(10, 350), pytest.param(300, 150, marks=pytest.mark.soak)], ids=["10s", "5min"]
)
def test_an_outage_costs_nothing_but_time(
    broker: Broker, sites: Sites, short_pack: Pack, outage_s: int, rate: int
) -> None:
    """The broker hangs in the middle of a run, then it is killed: everything goes on by itself, and nothing is lost."""
    pack = short_pack if outage_s < 60 else whole()
    site = sites({"lane0": pack.venues})
    programs = {name: site.start(name, watched=True) for name in WATCHED}
    feeding, took = site.feed(pack.captures, rate), list[float]()

    def all_beyond(before: dict[str, float]) -> bool:
        assert [] == [process.error for process in programs.values() if process.code]
        found = {name: programs[name].newest_s(WATCHED[name]) for name in before}
        return all(found[name] > at + BEYOND_S or programs[name].code == 0 for name, at in before.items())

    wait(lambda: all_beyond(dict.fromkeys(programs, 0)), START_S, "all programs begin")
    wait(lambda: all(process.ready for process in programs.values()), START_S, "all programs are ready")
    for end, begin in ((broker.pause, broker.resume), (broker.kill, broker.start)):
        end()
        time.sleep(outage_s if end == broker.pause else 2)
        before = {name: process.newest_s(WATCHED[name]) for name, process in programs.items()}
        assert feeding.runs, "the feed ended before the outage did: it must land in the middle"
        begin()
        took.append(wait(lambda before=before: all_beyond(before), START_S, f"everything goes on beyond {before}"))
    print([round(each, 1) for each in took])
    for process in (feeding, *programs.values()):
        assert 0 == process.wait(END_S + outage_s), process.error
    assert max(took) <= RECOVERY_S * crowding()
    nothing_is_lost(site, pack)
