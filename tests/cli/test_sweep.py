"""`pt sweep` as a person runs it: the answer, the page, the codes, and what is left after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from cli import sweep
from cli.main import app
from flows.ranking import Judging
from tests.flows.captures import INSTRUMENTS, ROOT, small
from tests.flows.grids import CLIP, GAMMA, found

SETS = ("--set", "strat.maker_tight.gamma=0.1,0.4", "--set", "strat.maker_tight.clip_usd=15,40")
KEYS = {
    *("captures", "axes", "points", "reused", "computed", "failed", "seconds", "objective", "sample_s", "start_ns"),
    *("end_ns", "results", "deflated", "walk_forward"),
}
RESULT = {
    *("point", "parameters", "pnl", "realised_net_micros", "max_drawdown_micros", "sharpe", "skewness", "kurtosis"),
    *("observations", "probabilistic_sharpe", "intents", "approved", "rejected", "reshaped", "orders", "cancels"),
    *("fills", "run_id", "decision_digest", "truncated", "faults"),
}
Ended = subprocess.CompletedProcess[str]


def command(*words: object) -> list[str]:
    """Return `pt` as a person types it."""
    return [sys.executable, "-m", "cli.main", *map(str, words)]


def pt(*words: object) -> Ended:
    """Run `pt` from the root of the project."""
    env = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(command(*words), cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 lines of the pack."""
    return small(tmp_path_factory.mktemp("captures") / "small.jsonl", 3_000)


@pytest.fixture(scope="module")
def given(capture: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """The words of a sweep of four points with two folds."""
    out = tmp_path_factory.mktemp("sweeps") / "out"
    return ("sweep", *SETS, "--instruments", INSTRUMENTS, "--capture", capture, "--out", out, "--jobs", 2,
            "--folds", 2, "--embargo", 5, "--sample", 5)  # fmt: skip


@pytest.fixture(scope="module")
def ended(given: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Path]:
    """That sweep with everything it can say."""
    page = tmp_path_factory.mktemp("pages") / "deep" / "er.html"
    return pt(*given, "--html", page, "--json"), page


def test_json_is_one_document_with_every_key(ended: tuple[Ended, Path]) -> None:
    """Standard output is one document; standard error is empty; each point has its parameters, parts and counts."""
    shown, _ = ended
    assert (shown.returncode, shown.stderr, shown.stdout.count("\n")) == (0, "", 1)
    said = json.loads(shown.stdout)
    assert set(said) == KEYS
    assert (said["points"], said["computed"], said["reused"], said["failed"]) == (4, 4, 0, [])
    assert all(set(result) == RESULT for result in said["results"])
    totals = [result["pnl"]["total_micros"] for result in said["results"]]
    assert totals == sorted(totals, reverse=True)
    assert len(said["walk_forward"]["folds"]) == 2
    assert said["deflated"]["trials"] <= 4


def test_a_point_is_what_a_single_run_says(ended: tuple[Ended, Path], capture: Path) -> None:
    """`pt run --set` with the values of the best point has its digest, its identity, its money and its counts."""
    best = json.loads(ended[0].stdout)["results"][0]
    sets = [word for name, value in best["parameters"].items() for word in ("--set", f"{name}={value}")]
    single = json.loads(pt("run", *sets, "--instruments", INSTRUMENTS, "--capture", capture, "--json").stdout)
    for key in ("decision_digest", "run_id", "intents", "orders", "cancels", "fills"):
        assert best[key] == single[key], key
    assert best["pnl"] == {part: single["pnl"][part] for part in best["pnl"]}


def test_the_page_opens_offline(ended: tuple[Ended, Path]) -> None:
    """`--html` makes its folder and one file that is well formed and holds a cell for each point."""
    page = ended[1].read_text()
    assert ElementTree.fromstring(page.removeprefix("<!doctype html>\n")).tag == "html"
    assert page.count('class="cell') >= 4


def test_again_is_at_once_and_for_people(ended: tuple[Ended, Path], given: tuple[object, ...]) -> None:
    """The second time nothing is run; people see the table by rank, the best's worth, and each fold."""
    assert ended[0].returncode == 0
    shown = pt(*given)
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    for line in ("points 4", "reused 4", "computed 0", "failed 0", "by total; money in USD, ratios per 5 s"):
        assert line in lines
    assert any(line.startswith("deflated Sharpe ratio") for line in lines)
    assert any(line.startswith("walk-forward, total in USD, embargo 5 s") for line in lines)
    assert any(line.startswith("out of sample: ") for line in lines)


def swept(values: str, capture: Path, out: Path) -> tuple[object, ...]:
    """Return the words of a sweep of sizes, one point at a time."""
    sizes = ("--set", f"strat.maker_tight.clip_usd={values}", "--capture", capture, "--instruments", INSTRUMENTS)
    return ("sweep", *sizes, "--out", out, "--jobs", 1)


def test_a_killed_sweep_goes_on_where_it_was(capture: Path, tmp_path: Path) -> None:
    """Killed with all its processes after some points, started again it runs the others, and touches none of those."""
    out = tmp_path / "out"
    words = (*swept("10..25..5", capture, out), "--json")
    with subprocess.Popen(command(*words), cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True) as running:
        until = time.monotonic() + 60
        while not list(out.glob("*.json")) and time.monotonic() < until:
            time.sleep(0.01)
        os.killpg(running.pid, signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL
    there = {file: file.stat().st_mtime_ns for file in out.glob("*.json")}
    assert 1 <= len(there) < 4
    said = json.loads(pt(*words).stdout)
    assert (said["points"], said["reused"], said["computed"]) == (4, len(there), 4 - len(there))
    assert there == {file: file.stat().st_mtime_ns for file in there}


def is_gone(group: int) -> bool:
    """Wait until no process of a group is left; the tracker of the library that starts them ends after the last."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_an_interruption_is_one_line_and_leaves_no_process(capture: Path, tmp_path: Path) -> None:
    """SIGTERM in the middle is 143 and one line; its point's process is ended, and what was done is kept."""
    out = tmp_path / "out"
    words = swept("10..60..1", capture, out)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command(*words), cwd=ROOT, text=True, start_new_session=True, **pipes) as running:
        until = time.monotonic() + 60
        while not list(out.glob("*.json")) and time.monotonic() < until:
            time.sleep(0.01)
        running.send_signal(signal.SIGTERM)
        told, err = running.communicate(timeout=60)
    assert (running.returncode, told, err) == (143, "", "pt: interrupted\n")
    assert is_gone(running.pid)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "--capture is missing"),
        (["--capture", "none"], "--capture none: no such file"),
        (["--capture", "a.jsonl"], "--set is missing"),
        (["--capture", "a.jsonl", "--set", "strat.maker_tight.gamma=0.1,-1"], "gamma is '-1'; allowed: a number,"),
        (["--capture", "a.jsonl", "--set", "strat.maker_tight.gama=1"], "has no parameter 'gama'; allowed: gamma,"),
        (["--capture", "a.jsonl", "--set", "strat.maker_tight.gamma=1..2"], "is no range; allowed: FROM..TO..STEP"),
        (["--capture", "a.jsonl", "--set", "strat.maker_tight.gamma=1,1.0"], "means the same as 1"),
        (["--capture", "a.jsonl", *SETS, "--desk", "labb"], "--desk 'labb': unknown desk"),
        (["--capture", "a.jsonl", *SETS], "a.jsonl: unknown format"),
        (["--capture", "a.jsonl", *SETS, "--jobs", "-1"], "--jobs -1: out of bounds; allowed: 0 to 256"),
        (["--capture", "a.jsonl", *SETS, "--sample", "0"], "--sample 0: out of bounds; allowed: 1 to"),
        (["--capture", "a.jsonl", *SETS, "--folds", "-1"], "--folds -1: out of bounds"),
        (["--capture", "a.jsonl", *SETS, "--embargo", "5"], "--embargo 5: is for folds"),
        (["--capture", "a.jsonl", *SETS, "--html", "."], "--html .: is a folder"),
        (["--capture", "a.jsonl", *SETS, "--instruments", "none"], "--instruments none: no such file"),
        (["--capture", "a.jsonl", *SETS, "--objective", "luck"], "'luck' is not one of 'total', 'realised', 'sharpe'"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(
    words: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that names the field, exit code 2, an empty standard output, and no folder of results."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_text("{}\n")
    shown = CliRunner().invoke(app, ["sweep", *words, "--out", "out"])
    assert (shown.exit_code, shown.stdout, shown.stderr.count("\n")) == (2, "", 1)
    assert named in shown.stderr
    assert not (tmp_path / "out").exists()


def test_folds_that_do_not_fit_are_refused_before_anything_runs(capture: Path, tmp_path: Path) -> None:
    """The captures' own time says so: no point is run for it."""
    words = ["--capture", str(capture), *SETS, "--instruments", str(INSTRUMENTS), "--folds", "3", "--embargo", "99999"]
    shown = CliRunner().invoke(app, ["sweep", *words, "--out", str(tmp_path / "out")])
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "--folds 3 --embargo 99999: a part of the captures'" in shown.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_a_point_that_failed_is_exit_code_1_and_named(
    extra: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are ranked; the failed one is named with its values and its reason on standard error."""
    monkeypatch.setattr(sweep, "drive", lambda *given: found([GAMMA, CLIP], Judging("total", 10), failed=1))
    (tmp_path / "a.jsonl").write_text("{}\n")
    shown = CliRunner().invoke(app, ["sweep", "--capture", str(tmp_path / "a.jsonl"), *SETS, *extra])
    assert shown.exit_code == 1
    assert shown.stderr.startswith("pt: failed: strat.maker_tight.gamma=0.1 strat.maker_tight.clip_usd=10: <img")
    assert shown.stderr.count("\n") == 1
    assert shown.stdout


def test_jobs_are_as_many_as_there_are_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left out, or 0: one point for each core that the process may use."""
    asked: list[object] = []
    monkeypatch.setattr(sweep, "drive", lambda *given: asked.append(given[6]) or found([GAMMA, CLIP]))
    (tmp_path / "a.jsonl").write_text("{}\n")
    for words in ([], ["--jobs", "0"], ["--jobs", "7"]):
        CliRunner().invoke(app, ["sweep", "--capture", str(tmp_path / "a.jsonl"), *SETS, *words])
    assert asked == [len(os.sched_getaffinity(0)), len(os.sched_getaffinity(0)), 7]
