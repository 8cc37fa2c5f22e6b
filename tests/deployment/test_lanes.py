"""Workers and processes change nothing: joined lanes decide as one process does, free-running lanes can be replayed."""

import socket

import pytest

from tests.deployment.conftest import Sites
from tests.deployment.judging import free_lanes_hold
from tests.deployment.packs import Pack
from tests.deployment.reading import chains, fact_digest, read_all, strands
from tests.deployment.running import Process, Site

pytestmark = [pytest.mark.kafka, pytest.mark.chdb]
SOAK = pytest.mark.soak


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def started(site: Site, program: str, workers: int, processes: int) -> list[Process]:
    """Start a program with so many workers in each of so many processes."""
    more = ["--workers", str(workers)]
    if processes == 1:
        return [site.start(program, *more)]
    addresses = ",".join(f"127.0.0.1:{port}" for port in free_ports(processes))
    return [
        site.start(program, *more, "--processes", addresses, "--number", str(number)) for number in range(processes)
    ]


@pytest.mark.parametrize(
    ("workers", "processes"), [(1, 1), (2, 1), pytest.param(4, 1, marks=SOAK), pytest.param(1, 2, marks=SOAK)]
)
def test_joined_lanes_are_decided_as_in_one_process(
    sites: Sites, short_pack: Pack, workers: int, processes: int
) -> None:
    """Four partitions behind one sequencer: facts and digest are the embedded run's, whoever reads which partition."""
    site = sites({"joined": short_pack.venues})
    market, desk = (started(site, program, workers, processes) for program in ("market", "desk"))
    site.feed(short_pack.captures)
    ran = short_pack.ran
    for process in (*market, *desk):
        process.summary()
    said = strands(read_all(site.access.bootstrap, site.topic("journal")))
    assert ([], [], 0) == (said.contradicted, said.missing, said.repeats)
    assert ran.facts == fact_digest(said.lines["joined"])
    decided = chains(read_all(site.access.bootstrap, site.topic("envelopes")))["decisions"]
    assert ([], [], ran.digest) == (decided.contradicted, decided.broken, decided.head.hex())


@pytest.mark.parametrize(
    ("workers", "processes"), [(1, 1), (2, 1), pytest.param(4, 1, marks=SOAK), pytest.param(1, 2, marks=SOAK)]
)
def test_free_lanes_are_replayed_to_the_byte(sites: Sites, short_pack: Pack, workers: int, processes: int) -> None:
    """Three lanes that wait for nobody: each has the facts that it has alone, and the journal is derived again."""
    first, *others = short_pack.venues
    lanes = {"lane0": [first, others[0]], "lane1": [others[1]], "lane2": [others[2]]}
    site = sites(lanes)
    running = [each for name in ("market", "desk") for each in started(site, name, workers, processes)]
    running += [site.start("record"), site.feed(short_pack.captures, rate=4_000)]
    alone = {lane: short_pack.only(*venues).ran for lane, venues in lanes.items()}
    assert 0 == running.pop().wait()
    for process in running:
        process.summary()
    free_lanes_hold(site, alone)
