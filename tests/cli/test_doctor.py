"""`pt doctor` looks at a deployment, running or not, in words and as one document, and changes nothing."""

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from connectors.broker import Broker
from connectors.places import places
from connectors.scrape import look, target_of
from connectors.store import StoreError
from flows.deployment import load_deployment
from flows.doctor import needed
from flows.migrations import keeping_programs
from tests.deployment.packs import cut
from tests.deployment.running import Process, Site, wait

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "config" / "deployments" / "demo.toml"
Checks = dict[str, dict[str, str]]


def pt(*words: object) -> tuple[int, str, str]:
    """Run `pt doctor` in this process; returns its exit code, its answer and what it said."""
    shown = CliRunner().invoke(app, ["doctor", *map(str, words)])
    return shown.exit_code, shown.stdout, shown.stderr


def examined(*words: object) -> tuple[int, Checks]:
    """Return the exit code and name -> check."""
    code, out, _ = pt(*words, "--json")
    return code, {check["name"]: check for check in json.loads(out)["checks"]}


def states(found: Checks, *names: str) -> list[str]:
    """Return the states of some checks."""
    return [found[name]["state"] for name in names]


def url_of(process: Process) -> str:
    """Return where a program says that it serves its metrics; empty while it has not."""
    return next((line.split()[-1] for line in process.error.splitlines() if line.startswith("pt: metrics: ")), "")


def is_ready(process: Process) -> bool:
    """True once a program tells of epochs, and says that it is well."""
    url = url_of(process)
    seen = look(target_of(url)) if url else None
    return seen is not None and "polytraders_epoch_seconds" in seen.metrics and not seen.unwell


def test_nothing_runs_and_nothing_is_there(tmp_path: Path) -> None:
    """What cannot be seen is unknown, what is here is judged, nothing is made, and the exit code is 0."""
    state = tmp_path / "state"
    code, found = examined("--deployment", DEMO, "--state", state)
    unknown = ("broker", "lag market", "lag desk", "lag record", "lag govern", "versions", "store", "key desk")
    assert (0, {"unknown"}) == (code, set(states(found, *unknown)))
    assert ["ok"] * 4 == states(found, "python", "packages", "deployment", "up")
    assert {"ok", "warn", "unknown"} >= {check["state"] for check in found.values()}
    assert [] == [name for name, check in found.items() if check["state"] in ("warn", "bad") and not check["do"]]
    assert not state.exists()
    code, out, err = pt("--deployment", DEMO, "--state", state)
    assert (0, "", True) == (code, err, "what to do" in out and "unknown" in out.splitlines()[-1])
    assert len(out.splitlines()) <= 60


def test_a_broker_that_is_away_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One bad line and exit code 1; the rest is judged all the same."""
    monkeypatch.setattr("connectors.topics.REACH_MS", 200)
    code, found = examined("--state", tmp_path, "--bootstrap", "127.0.0.1:1")
    assert (1, ["bad", "ok"]) == (code, states(found, "broker", "python"))
    assert "127.0.0.1:1: as nobody: nobody listens there" == found["broker"]["seen"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--deployment", "none.toml"], "--deployment none.toml: cannot be read"),
        (
            ["--bootstrap", "a:1", "--access", "b"],
            "--bootstrap or --access: name the broker with one of them, or",
        ),
        (["--access", "none.json"], "none.json: cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path, words: list[str], named: str) -> None:
    """The line names the option and the value; standard output stays empty."""
    code, out, err = pt("--state", tmp_path, *words)
    assert (2, "", 1) == (code, out, err.count("\n"))
    assert named in err


def test_folders_that_others_may_reach_are_bad(tmp_path: Path) -> None:
    """A program's folder, and a recovery folder in it, must be their owner's alone."""
    folder = tmp_path / "paper" / "desk"
    (folder / "recovery" / "lab").mkdir(parents=True)
    folder.chmod(0o770)
    (folder / "recovery" / "lab").chmod(0o755)
    code, found = examined("--deployment", DEMO, "--state", tmp_path)
    assert (1, ["bad", "bad"]) == (code, states(found, "folder desk", "place desk"))
    assert "others may write to it (mode 0755)" in found["place desk"]["seen"]


def test_the_partitions_that_a_deployment_needs() -> None:
    """Those of its lanes, those of its desks, and the one of dead letters."""
    found = list(needed(load_deployment(ROOT / "config" / "deployments" / "external.toml")))
    desks = [(f"shadow.{name}", 1) for name in ("journal", "envelopes", "outbox")]
    assert [("shadow.raw.bitget", 0), *desks, ("shadow.dead_letters", 0)] == found


def test_places_of_a_ruin_are_refused(tmp_path: Path) -> None:
    """A file that is no database, and a snapshot that is none of ours, are named; a folder without any has no place."""
    keep = keeping_programs(["lab"])
    assert {} == places(tmp_path, keep)
    file = tmp_path / "part-0.sqlite3"
    file.write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match=r"part-0\.sqlite3: its places cannot be read"):
        places(tmp_path, keep)
    file.unlink()
    with sqlite3.connect(file) as base:
        base.execute("CREATE TABLE snaps (step_id TEXT, state_key TEXT, snap_epoch INTEGER, ser_change BLOB)")
        base.execute("INSERT INTO snaps VALUES ('desk.hear-lab', 'lab', 1, x'00')")  # no partition: not looked at
    assert {} == places(tmp_path, keep)
    with sqlite3.connect(file) as base:
        base.execute("INSERT INTO snaps VALUES ('desk.journal-lab', 'paper.journal/000000', 1, x'00')")
    with pytest.raises(StoreError, match="its places cannot be read"):
        places(tmp_path, keep)


@pytest.mark.kafka
def test_a_deployment_that_ran_is_known(broker: Broker, tmp_path: Path) -> None:
    """Stopped, its lag is read from its places; running, from its metrics; a changed plan is told before a start."""
    pack = cut(tmp_path, 20).only("kalshi")
    with Site(broker.plain, tmp_path / "site", "doctor", {"lane0": pack.venues}) as site:
        assert 0 == site.feed(pack.captures).wait()
        market = site.start("market", until_end=False, watched=True)
        wait(lambda: is_ready(market) or not market.runs, 60, "market is ready")
        url = url_of(market)
        plain = site.file.read_text()
        site.file.write_text(f'{plain}[metrics]\nmarket = "{url}"\ndesk = "127.0.0.1:1"\n')
        where = ("--deployment", site.file, "--state", site.state, "--bootstrap", broker.plain.bootstrap)
        _, running = examined(*where)
        assert 143 == market.stop()
        _, stopped = examined(*where)
        site.file.write_text(plain.replace("lane0", "lane1"))
        code, changed = examined(*where)
    names = ("broker", "topics", "partitions", "clock broker", "folder market", "lag market")
    assert ["ok"] * len(names) == states(running, *names)
    assert ["ok", "bad", "ok"] == states(running, "program market", "program desk", "versions")
    assert running["lag market"]["seen"].endswith("0 behind, of 1 partitions, as it says")
    assert f"{site.topic('raw.kalshi')}/0: 0 behind, of 1 partitions" == stopped["lag market"]["seen"]
    assert ["unknown", "unknown"] == states(stopped, "program market", "lag desk")
    assert "place market" not in stopped
    assert (1, "bad") == (code, changed["place market"]["state"])
    assert "was begun otherwise: " in changed["place market"]["seen"]
