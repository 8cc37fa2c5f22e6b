"""`pt run`, `pt replay` and `pt bench` around flows that answer at once: streams, tables, exit codes."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

import flows
from cli import run, settings
from cli.main import app
from flows.desks import Desk
from tests.cli.summaries import MARKET, summary

DESK = Desk("lab", "paper", "paper", 10_000_000_000, "lab", ("risk.kill_switch",), {"risk.kill_switch": "enforced"})


@dataclass(frozen=True)
class Settings:
    """What the fake flow was asked for."""

    captures: tuple[Path, ...]
    desk: Desk
    config: Path
    instruments: Path | None
    store: Path | None
    batch: int
    follow: bool = False


class Result:
    """What the fake flow answers."""

    def __init__(self, note: str = "", **changes: object) -> None:
        self.summary, self.note = summary(**changes), note


def faked(monkeypatch: pytest.MonkeyPatch, name: str, **members: object) -> None:
    """Put a module of `flows` in the place of the real one."""
    module = ModuleType(f"flows.{name}")
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, f"flows.{name}", module)
    monkeypatch.setattr(flows, name, module, raising=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Settings]:
    """Return what the flow is asked for; beside it stands a capture that can be read."""
    seen: list[Settings] = []

    def answer(chosen: Settings, progress: object, stop: object) -> Result:
        seen.append(chosen)
        assert callable(progress) and callable(stop)
        progress(10, 100, 50)
        cut = [str(path) for path in chosen.captures if path.name.startswith("cut")]
        return Result("went on after frame 7" if chosen.store == Path("begun") else "", truncated=cut)

    faked(monkeypatch, "embedded", Settings=Settings, run=answer)
    monkeypatch.setattr(run, "load_desk", lambda name, config, sets, *more: DESK)
    monkeypatch.chdir(tmp_path)
    for name in ("a.jsonl", "cut.jsonl", "instruments.jsonl"):
        (tmp_path / name).write_text("{}\n")
    return seen


def test_json_is_the_summary_and_nothing_else(asked: list[Settings]) -> None:
    """With --json standard output is one document with the flow's own keys; standard error stays empty."""
    shown = CliRunner().invoke(app, ["run", "--capture", "a.jsonl", "--json"])
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert json.loads(shown.stdout) == summary()
    assert shown.stdout.count("\n") == 1
    assert asked == [Settings((Path("a.jsonl"),), DESK, settings.CONFIG, None, None, 256)]


def test_options_reach_the_flow(asked: list[Settings]) -> None:
    """Several captures, instruments, store and batch arrive as they were typed."""
    words = ["run", "--capture", "a.jsonl", "--capture", "cut.jsonl", "--instruments", "instruments.jsonl"]
    CliRunner().invoke(app, [*words, "--store", "out", "--batch", "8", "--follow", "--json"])
    captures = (Path("a.jsonl"), Path("cut.jsonl"))
    assert asked == [Settings(captures, DESK, settings.CONFIG, Path("instruments.jsonl"), Path("out"), 8, True)]


@pytest.mark.parametrize(("extra", "said"), [([], "pt: went on after frame 7\n"), (["--json"], "")])
def test_a_person_hears_that_a_run_went_on(asked: list[Settings], extra: list[str], said: str) -> None:
    """What an earlier start had done is said on standard error, to people and not to scripts."""
    shown = CliRunner().invoke(app, ["run", "--capture", "a.jsonl", "--store", "begun", *extra])
    assert (shown.exit_code, shown.stderr, len(asked)) == (0, said, 1)


@pytest.mark.parametrize("extra", [["--json"], []])
def test_a_capture_cut_short_is_exit_code_1(asked: list[Settings], extra: list[str]) -> None:
    """The work is done, the answer is given, and the file that was cut short is named on standard error."""
    shown = CliRunner().invoke(app, ["run", "--capture", "cut.jsonl", *extra])
    assert shown.exit_code == 1
    assert shown.stderr == "pt: cut short, processed up to its last whole line: cut.jsonl\n"
    assert "cut.jsonl" in shown.stdout
    assert len(asked) == 1


def test_people_see_the_same_facts(asked: list[Settings]) -> None:
    """Without --json a table has the counts, exact money, the top reasons, and what to type next."""
    shown = CliRunner().invoke(app, ["run", "--capture", "a.jsonl", "--store", "out"], env={"COLUMNS": "100"})
    assert (shown.exit_code, shown.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    for line in (
        "frames 1,500",
        "facts_frames 1,490",
        "INTEL_FRAME_NOT_JSON 2",
        f"{MARKET} 0.48",
        "envelopes 2,000",
        "blocks 9",
        "risk.kill_switch APPROVE 10, REJECT 2",
        "reasons (top 12 of 14)",
        "RISK_CODE_14 14",
        "realised 1.50",
        "unrealised -0.250001",
        "total 1.239999",
        "next: pt report --store out --html report.html",
        f"pt why {MARKET} --store out",
    ):
        assert line in lines
    assert "RISK_CODE_02 2" not in lines
    assert len(asked) == 1


def test_without_a_store_the_next_step_is_a_store(asked: list[Settings]) -> None:
    """A run that kept nothing says how to keep everything."""
    shown = CliRunner().invoke(app, ["run", "--capture", "a.jsonl"])
    assert "next: add --store DIR" in shown.stdout
    assert len(asked) == 1


def test_nothing_is_asked_of_the_flow_when_input_is_bad(asked: list[Settings], tmp_path: Path) -> None:
    """Bad input is found before the flow starts, and nothing is written."""
    before = sorted(tmp_path.iterdir())
    for words in (
        ["--capture", "none"],
        ["--capture", "a.jsonl", "--batch", "0"],
        ["--capture", "a.jsonl", "--instruments", "none"],
    ):
        shown = CliRunner().invoke(app, ["run", *words, "--store", "out"])
        assert (shown.exit_code, shown.stdout) == (2, "")
    assert asked == []
    assert sorted(tmp_path.iterdir()) == before


REPLAY: dict[str, object] = {
    "desk": "lab",
    "derived": "signals and decisions",
    "entries": 10,
    "decisions": 4,
    "same": 4,
    "differs": 0,
    "input_missing": 0,
    "first_difference": None,
    "fingerprint_recorded": "a",
    "fingerprint_here": "a",
    "entries_per_s": 5,
}


@pytest.mark.parametrize(
    ("changes", "code"),
    [({}, 0), ({"differs": 1, "first_difference": {"block": 3}}, 1), ({"input_missing": 1}, 1)],
)
def test_replay_ends_with_1_when_something_differs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changes: dict[str, object], code: int
) -> None:
    """A replay that derives everything again is 0; a difference or a missing input is 1; the answer is given anyway."""
    faked(monkeypatch, "replay", replay=lambda store, progress, desk: {**REPLAY, **changes})
    (tmp_path / "manifest.json").write_text("{}")
    shown = CliRunner().invoke(app, ["replay", "--store", str(tmp_path), "--json"])
    assert (shown.exit_code, shown.stderr) == (code, "")
    assert json.loads(shown.stdout) == {**REPLAY, **changes}
    people = CliRunner().invoke(app, ["replay", "--store", str(tmp_path)])
    assert people.exit_code == code
    assert ("first difference" in people.stdout) == ("first_difference" in changes)


def test_bench_hands_its_options_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kind, events, assets and store reach the flow; its answer is the document."""
    faked(monkeypatch, "bench", bench=lambda *given: {"given": list(given)})
    shown = CliRunner().invoke(app, ["bench", "maker", "--events", "5", "--assets", "2", "--store", "chdb", "--json"])
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert json.loads(shown.stdout) == {"given": ["maker", 5, 2, "chdb"]}
