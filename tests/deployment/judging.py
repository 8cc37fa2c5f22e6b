"""Hold what a deployment wrote, in topics and in the store, against the embedded run: nothing lost or contradicted."""

import os
from collections.abc import Mapping
from pathlib import Path

from connectors.clickhouse import EnvelopeTable
from flows.deployment import load_deployment
from flows.replay import replay
from tests.deployment.packs import Pack, Ran
from tests.deployment.reading import chains, fact_digest, read_all, strands
from tests.deployment.running import Site


def nothing_is_lost(site: Site, pack: Pack) -> None:
    """Topics and store hold what an undisturbed run says, each id with one content, and it is derived again."""
    said = strands(read_all(site.access.bootstrap, site.topic("journal")))
    (lane,) = site.lanes
    assert ([], [], {lane}) == (said.contradicted, said.missing, said.ended)
    assert pack.ran.facts == fact_digest(said.lines[lane])
    found = chains(read_all(site.access.bootstrap, site.topic("envelopes")))
    assert {"journal": ([], []), "decisions": ([], [])} == {
        name: (chain.contradicted, chain.broken) for name, chain in found.items()
    }
    assert pack.ran.digest == found["decisions"].head.hex()
    assert ([], pack.ran.summary["envelopes"]) == stored(site.store)
    again = replay(site.store)
    assert (0, 0, pack.ran.summary["envelopes"]) == (again["differs"], again["input_missing"], again["same"])


def stored(store: Path) -> tuple[list, int]:
    """Return the incidents of a store (two contents under one id), and how many envelopes it holds."""
    with EnvelopeTable.embedded(store) as table:
        (count,) = table.query("SELECT count() FROM {database}.envelopes")[0]
        return table.incidents(), int(str(count))


def free_lanes_hold(site: Site, alone: Mapping[str, Ran]) -> None:
    """Each lane has the facts that it has alone, none is missing, and the journal that was written is derived again."""
    said = strands(read_all(site.access.bootstrap, site.topic("journal")))
    assert ([], [], alone.keys()) == (said.contradicted, said.missing, said.ended)
    specs = load_deployment(site.file).lanes
    for lane, ran in alone.items():
        assert ran.facts == fact_digest(said.lines[lane], (*specs[lane].sources, specs[lane].clock)), lane
    incidents, count = stored(site.store)
    again = replay(site.store)
    assert ([], 0, 0, None) == (incidents, again["differs"], again["input_missing"], again["first_difference"])
    assert count == again["same"]


def crowding() -> float:
    """Return how many processes want each core, 1 at least: a limit in seconds is meant for a machine that is free."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
