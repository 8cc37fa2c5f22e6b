"""The dataflow engine's own runner runs the programs, as its manual says and docs/kafka.md shows."""

import subprocess
import sys
from pathlib import Path

import pytest

from connectors.broker import Broker
from tests.deployment.packs import cut
from tests.deployment.running import Process, Site

pytestmark = pytest.mark.kafka


def environ(site: Site) -> dict[str, str]:
    """Return the variables that name a deployment, its broker and its state."""
    return {
        "POLYTRADERS_DEPLOYMENT": str(site.file),
        "POLYTRADERS_BOOTSTRAP": site.access.bootstrap,
        "POLYTRADERS_STATE": str(site.state),
        "POLYTRADERS_UNTIL_END": "1",
    }


def ran(site: Site, program: str, *more: str) -> None:
    """Run a program to its end with the engine's runner, over a recovery folder of its own."""
    folder = site.state / "bytewax" / program
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        made = [sys.executable, "-m", "bytewax.recovery", str(folder), "16"]
        subprocess.run(made, check=True, timeout=60, capture_output=True)
    words = ["-m", "bytewax.run", f"flows.{program}", "-r", str(folder), "-s", "1", "-b", "0", *more]
    process = Process(words, site.folder / program, environ(site))
    assert 0 == process.wait(), process.error


def test_market_and_desk_run_by_it(broker: Broker, tmp_path: Path) -> None:
    """With one worker and with two, started a second time after the end too, they decide what the embedded run does."""
    pack = cut(tmp_path, 40).only("kalshi", "binance")
    with Site(broker.plain, tmp_path / "site", "bytewaxrun", {"lane0": pack.venues}) as site:
        assert 0 == site.feed(pack.captures).wait()
        ran(site, "market", "-w", "2")
        ran(site, "desk")
        ran(site, "market")  # nothing more comes, and nothing is said twice
        desks = site.start("record").summary()["desks"]
    assert pack.ran.digest == desks["lab"]["decision_digest"]
    assert pack.ran.summary["entries"] == desks["lab"]["entries"]
