"""`pt up` runs the programs of a deployment as a person would: together, started again, stopped together, once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest
from typer.testing import CliRunner

from cli import up
from cli.main import app
from connectors import supervisor
from connectors.broker import Broker
from connectors.stopping import Stop
from connectors.supervisor import Task
from contracts.base import Refused
from flows.programs import NAMES
from tests.deployment.packs import Pack, cut
from tests.deployment.running import Process, Site, wait

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "config" / "deployments" / "demo.toml"
NOWHERE = ("--bootstrap", "127.0.0.1:1")
GATE = "risk.stale_book"


def pt(*words: object) -> tuple[int, str, str]:
    """Run `pt up` in this process; returns its exit code, its answer and what it said."""
    shown = CliRunner().invoke(app, ["up", *map(str, words)])
    return shown.exit_code, shown.stdout, shown.stderr


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Put lines of the shell in the place of the programs, and let nobody be patient; name -> line."""
    lines: dict[str, str] = {}

    def tasks(*_: object, **more: object) -> list[Task]:
        assert "until_end" in more
        return [Task(name, ("/bin/sh", "-c", line), tmp_path / "logs" / f"{name}.log") for name, line in lines.items()]

    monkeypatch.setattr(up, "tasks_of", tasks)
    limits = supervisor.Limits(deaths=3, pause_s=0.02, stop_s=2.0)
    monkeypatch.setattr(
        supervisor.Supervisor.__init__, "__kwdefaults__", {"until_end": False, "limits": limits, "environ": None}
    )
    return lines


# ---- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "--bootstrap or --access-dir: name the broker with one of them"),
        ([*NOWHERE, "--access-dir", "x"], "name the broker with one of them"),
        (
            ["--access-dir", "x"],
            "--access-dir x: has no access file of market; allowed: paper.market.json or",
        ),
        ([*NOWHERE, "--workers", "0"], "--workers 0: out of bounds; allowed: 1 to 16"),
        ([*NOWHERE, "--deployment", "none.toml"], "--deployment none.toml: cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], named: str
) -> None:
    """The line names the option, the value and what is allowed; no folder is made."""
    monkeypatch.chdir(tmp_path)
    code, out, err = pt("--state", tmp_path / "state", *words)
    assert (2, "", 1) == (code, out, err.count("\n"))
    assert named in err
    assert not (tmp_path / "state").exists()


def test_a_program_has_its_own_access_file(tmp_path: Path) -> None:
    """MODE.PROGRAM.json goes before PROGRAM.json, and each program gets its own."""
    for name in ("paper.market.json", "market.json", "desk.json"):
        (tmp_path / name).touch()
    assert tmp_path / "paper.market.json" == up.access_file(tmp_path, "paper", "market")
    assert tmp_path / "desk.json" == up.access_file(tmp_path, "paper", "desk")
    with pytest.raises(Refused, match="no access file of record; allowed: "):
        up.access_file(tmp_path, "paper", "record")


def test_the_programs_are_those_of_the_deployment(tmp_path: Path) -> None:
    """Each is this interpreter running `pt program`, with its log; the store is the mode's own unless named."""
    from flows.deployment import load_deployment

    found = up.tasks_of(load_deployment(DEMO), tmp_path, None, "h:1", None, 2, until_end=True)
    assert ["market", "desk", "record", "govern"] == [task.name for task in found]
    assert {(sys.executable, "-m", "cli.main", "program")} == {task.words[:4] for task in found}
    assert tmp_path / "logs" / "desk.log" == found[1].log
    assert ("--store", str(tmp_path / "paper" / "store"), "--until-end") == found[2].words[-3:]
    assert [True, True, False, False] == ["--workers" in task.words for task in found]


# ---- endings -------------------------------------------------------------------------------------------------------


def test_all_that_ends_well(fakes: dict[str, str], tmp_path: Path) -> None:
    """Exit code 0; one document with each program's answer, and a line for each event beside it."""
    fakes |= {"one": 'echo \'{"ended": "end of input", "seconds": 1}\'', "two": "echo '{}'"}
    code, out, err = pt("--state", tmp_path, *NOWHERE, "--until-end", "--json")
    found = json.loads(out)
    assert (0, "end of input", "paper") == (code, found["ended"], found["prefix"])
    assert {"code": 0, "deaths": 0, "last": "it said nothing", "summary": {}} == found["programs"]["two"]
    assert ["pt: one: ended, exit code 0", "pt: two: ended, exit code 0"] == sorted(
        line for line in err.splitlines() if "ended" in line
    )
    code, out, _ = pt("--state", tmp_path, *NOWHERE, "--until-end")
    assert (0, True) == (code, "paper: end of input" in out)


def test_something_that_did_not_hold_is_1(fakes: dict[str, str], tmp_path: Path) -> None:
    """A program that ends with 1 and an answer has done its work, and `pt up` ends with 1."""
    fakes["one"] = "echo '{\"faults\": [1]}'; exit 1"
    code, out, _ = pt("--state", tmp_path, *NOWHERE, "--until-end", "--json")
    assert (1, "end of input") == (code, json.loads(out)["ended"])


def test_a_program_that_is_given_up_is_1_and_named(fakes: dict[str, str], tmp_path: Path) -> None:
    """The last line names the program, how often it died and what it said last; the others were stopped."""
    fakes |= {"bad": "echo 'pt: no' >&2; exit 2", "good": "trap 'exit 143' TERM; while :; do sleep 0.02; done"}
    code, out, err = pt("--state", tmp_path, *NOWHERE, "--json")
    found = json.loads(out)
    assert (1, "gave up", 3, 143) == (
        code, found["ended"], found["programs"]["bad"]["deaths"], found["programs"]["good"]["code"]
    )  # fmt: skip
    assert err.splitlines()[-1].startswith(
        "pt: bad: died 3 times within 60 s, the last time with exit code 2: no; its log"
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_a_signal_stops_all(
    fakes: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    """The programs are asked to end and answer, and the exit code says which signal it was."""
    fakes["one"] = "trap 'echo {}; exit 143' TERM; echo ready >&2; while :; do sleep 0.02; done"
    asked: list[int] = []

    def looked(self: Stop) -> bool:
        if not asked and "ready" in (tmp_path / "logs" / "one.log").read_text():
            asked.append(number)
            os.kill(os.getpid(), number)
        return self._number != 0

    monkeypatch.setattr(Stop, "__call__", looked)
    found, out, err = pt("--state", tmp_path, *NOWHERE, "--json")
    told = json.loads(out)
    assert (code, "stopped", 143, {}) == (
        found, told["ended"], told["programs"]["one"]["code"], told["programs"]["one"]["summary"]
    )  # fmt: skip
    assert "pt: interrupted" == err.splitlines()[-1]


# ---- over a real broker --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Return the first minute of the demonstration pack."""
    return cut(tmp_path_factory.mktemp("pack"), 60)


def started(site: Site, *more: str) -> Process:
    """Start `pt up` for a site, as a process of its own."""
    words = ["-m", "cli.main", "up", "--deployment", str(site.file), "--state", str(site.state), "--json", *more]
    return Process([*words, "--bootstrap", site.access.bootstrap], site.folder / "up")


def alive(pids: list[int]) -> list[int]:
    """Return which of some processes run."""
    return [pid for pid in pids if not supervisor_gone(pid)]


def supervisor_gone(pid: int) -> bool:
    """True for a process that has ended, or only waits to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def pids_of(process: Process) -> dict[str, int]:
    """Return program -> its newest process, as `pt up` said."""
    lines = [line.split() for line in process.error.splitlines() if "started, process" in line]
    return {words[1].rstrip(":"): int(words[-1]) for words in lines}


@pytest.mark.kafka
def test_programs_run_are_killed_and_stopped(broker: Broker, pack: Pack, tmp_path: Path) -> None:
    """A program that is killed comes back, SIGTERM stops all with 143, and what was stopped goes on to the end.

    A second start on the same state is refused meanwhile; the decisions are those of the embedded run.
    """
    with Site(broker.plain, tmp_path / "site", "up", {"lane0": pack.venues}) as site:
        site.file.write_text(site.file.read_text() + "[programs]\n" + "".join(f"{name} = {{}}\n" for name in NAMES))
        running = started(site)
        try:
            wait(lambda: len(pids_of(running)) == len(NAMES) or not running.runs, 60, "all are started")
            first = pids_of(running)
            second = subprocess.run(
                [sys.executable, *running.words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
            )
            assert (2, "") == (second.returncode, second.stdout)
            assert f"process {running.pid} runs it already" in second.stderr
            assert 0 == site.feed(pack.captures).wait()
            os.kill(first["desk"], signal.SIGKILL)
            wait(lambda: pids_of(running)["desk"] != first["desk"] or not running.runs, 60, "the desk is started again")
            pids = list(pids_of(running).values())
            time.sleep(1.0)
            assert 143 == running.stop(), running.error
        finally:
            running.kill()
        assert [] == alive([*first.values(), *pids])
        ended = started(site, "--until-end", "--workers", "2").summary()
    programs = cast("Mapping[str, dict]", ended["programs"])
    assert set(NAMES) == set(programs)
    assert {(0, 0)} == {(each["code"], each["deaths"]) for each in programs.values()}
    assert pack.ran.digest == programs["record"]["summary"]["desks"]["lab"]["decision_digest"]
