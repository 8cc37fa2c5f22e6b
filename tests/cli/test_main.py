"""What `pt` says and how it ends when it is typed wrong, interrupted, cut off or broken."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import main, settings
from cli.main import app
from connectors.stopping import Stopped
from contracts.base import Refused

ROOT = Path(__file__).resolve().parents[2]
ASKING = ("book", "envelopes", "explain", "why", "diff", "report", "export")
VERBS = ("run", "replay", "sweep", *ASKING, "bots", "bench", "schemas", "topics", "refeed", "top", "up", "doctor")


def pt(*words: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run `python -m cli.main` as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *words],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", [[], *([verb] for verb in VERBS), ["schemas", "verify"]])
def test_every_verb_has_help(words: list[str]) -> None:
    """`--help` of each verb goes to standard output, ends with 0 and says what it does."""
    shown = CliRunner().invoke(app, [*words, "--help"])
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert " ".join(["Usage: pt", *words]) in shown.stdout


def test_bare_pt_shows_its_help() -> None:
    """Nothing typed is nothing done: the help, and exit code 2."""
    shown = CliRunner().invoke(app, [])
    assert shown.exit_code == 2
    assert "Commands" in shown.stdout
    assert all(verb in shown.stdout for verb in VERBS)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["rum"], "No such command 'rum'. Did you mean 'run'?; see pt --help"),
        (["run", "--captur", "x"], "--captur"),
        (["run", "stray"], "unexpected extra argument"),
        (["run", "--batch", "many"], "(got 'many')"),
        (["run", "--batch"], "'--batch' requires an argument"),
        (["run"], "--capture is missing"),
        (["run", "--capture", "none.jsonl"], "--capture none.jsonl: no such file"),
        (["run", "--capture", "cli"], "--capture cli: is a folder"),
        (["run", "--capture", "pyproject.toml", "--desk", "labb"], "--desk 'labb': unknown desk; available in"),
        (["run", "--capture", "pyproject.toml", "--config", "none"], "--config none: no such folder"),
        (["bench", "speed"], "'speed' is not one of 'maker', 'guarded', 'replay', 'bots', 'markets'"),
        (["bench", "maker", "--events", "0"], "--events 0: out of bounds; allowed: 1 to"),
        (["bench", "maker", "--assets", "-1"], "--assets -1: out of bounds; allowed: 1 to"),
        (["bench", "maker", "--store", "disk"], "'disk' is not one of 'none', 'chdb'"),
        (["book", "--market", "M1"], "Missing option '--at-frame'"),
        (["book", "--market", "M1", "--at-frame", "0"], "--at-frame 0: out of bounds; allowed: 1 to"),
        (["why"], "Missing argument"),
        (["why", "M1", "--at", "noon"], "--at 'noon': not a time; allowed: nanoseconds"),
        (
            ["envelopes", "--kind", "Vote"],
            "--kind 'Vote': unknown payload type; allowed: AccountSnapshot, ApprovedIntent,",
        ),
        (["envelopes", "--reason", "RISK_X"], "--reason 'RISK_X': not a registered code"),
        (["envelopes", "--bot", "risk.none"], "bot 'risk.none' is unknown"),
        (["envelopes", "--limit", "0"], "--limit 0: out of bounds"),
        (["envelopes", "--since", "2", "--until", "1"], "--since 2: is after --until 1"),
        (["envelopes", "--store", "none"], "--store none: no store there; make one with: pt run"),
        (["replay", "--store", "pyproject.toml"], "--store pyproject.toml: is a file"),
        (["diff", "none_a", "none_b"], "none"),
        (["diff", "a", "b", "--limit", "none"], "(got 'none')"),
        (["sweep"], "--capture is missing"),
        (["sweep", "--capture", "pyproject.toml"], "--set is missing; allowed: BOT.PARAM=A,B,C"),
        (["export"], "Missing option '--out'"),
        (["export", "--out", "x", "--to", "csv"], "'csv' is not one of 'arrow', 'parquet'"),
        (["export", "--out", "x", "--store", "none"], "--store none: no store there; make one with: pt run"),
        (["bots", "--layer", "riks"], "--layer 'riks': unknown; allowed: intel, disc"),
        (["report", "--html", "cli"], "--html cli: is a folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words: list[str], named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the option, the value and what is allowed; standard output stays empty."""
    monkeypatch.chdir(ROOT)
    shown = CliRunner().invoke(app, words)
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert named in shown.stderr
    assert shown.stderr.startswith("pt: ")
    assert shown.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("err", "code", "line"),
    [
        (Refused("x is 1; allowed: 2"), 2, "pt: x is 1; allowed: 2\n"),
        (PermissionError(13, "Permission denied", "f"), 2, "pt: f: Permission denied\n"),
        (KeyboardInterrupt(), 130, "pt: interrupted\n"),
        (Stopped(signal.SIGINT), 130, "pt: interrupted\n"),
        (Stopped(signal.SIGTERM), 143, "pt: interrupted\n"),
        (ZeroDivisionError("by zero"), 2, "pt: unexpected ZeroDivisionError: by zero; --debug shows where\n"),
        (MemoryError(), 2, "pt: out of memory\n"),
    ],
)
def test_every_ending_is_one_line(err: BaseException, code: int, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals, the system's errors, an interruption and our own faults end with a code and a line, no traceback."""

    def fail(_: object) -> None:
        raise err

    monkeypatch.setattr(settings, "captures_of", fail)
    shown = CliRunner().invoke(app, ["run"])
    assert (shown.exit_code, shown.stdout, shown.stderr) == (code, "", line)


def test_debug_shows_the_traceback_wherever_it_stands() -> None:
    """`--debug` before or after the verb shows where an error came from; the last line stays the same."""
    for words in (["--debug", "run"], ["run", "--debug"]):
        shown = CliRunner().invoke(app, words)
        assert shown.exit_code == 2
        assert "Traceback" in shown.stderr
        assert shown.stderr.splitlines()[-1] == "pt: --capture is missing; allowed: one or more recorded files"


def test_the_process_ends_with_the_same_codes() -> None:
    """A real process keeps its streams apart: 2 with an empty standard output, 0 with the answer alone."""
    bad, good = pt("run", "--batch", "0"), pt("bots", "--json")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "pt: --capture is missing; allowed: one or more recorded files\n"
    assert (good.returncode, good.stderr) == (0, "")
    assert len(json.loads(good.stdout)) == 109


@pytest.mark.parametrize("words", ["bots", "bots --json", "--help", "bench --help"])
def test_a_reader_who_has_read_enough_is_no_error(words: str) -> None:
    """A closed pipe ends the program quietly with 0, whether it writes help, a table or JSON."""
    shell = f'{{ "{sys.executable}" -m cli.main {words}; echo "code $?" >&2; }} | head -c 1 >/dev/null'
    ended = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stderr == "code 0\n"


def test_a_pipe_gets_no_escape_codes() -> None:
    """Without a terminal nothing is coloured, even where colour is not forbidden."""
    shown = pt("bots", env={"NO_COLOR": "", "TERM": "xterm-256color"})
    assert shown.returncode == 0
    assert "\x1b" not in shown.stdout


def test_main_is_the_entry_point(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The installed command is `main`, and it exits."""
    monkeypatch.setattr(sys, "argv", ["pt", "bots", "--layer", "risk", "--json"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 0
    assert len(json.loads(capsys.readouterr().out)) == 19
