"""`pt top` shows real programs over real HTTP: who is up, how fast, how far behind, what desks decide."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.top import View, document, metrics_of
from connectors.kafka_health import Lag
from connectors.metrics import Sample, of_lag, of_store, of_waiting, sample
from connectors.scrape import Seen
from connectors.telemetry import LOOPBACK, Telemetry
from contracts.base import Refused

ROOT = Path(__file__).resolve().parents[2]
Rows = list[dict[str, object]]


class Program:
    """A program that counts each time it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def market(self) -> Iterator[Sample]:
        """Yield what a market program tells; 1,000 frames more at each look."""
        self.asked += 1
        yield sample("polytraders_frames_total", 1_000 * self.asked, lane="lane0")
        yield sample("polytraders_facts_total", 3_000 * self.asked, lane="lane0")
        yield sample("polytraders_dead_letters_total", 2, lane="lane0", reason="A")
        yield from of_lag(Lag("paper.raw.kalshi", 0, 90, 0, 100, time.time_ns() - 2_000_000_000, 4, 0, ""))
        yield from of_lag(Lag("paper.raw.bitget", 0, 0, 0, 7_000, 0, 0, 0, "down"))
        yield from of_waiting("paper.journal", 12)
        yield from of_store(5, 1)
        yield sample("polytraders_epoch_age_seconds", 0.4)
        for state in ("NORMAL", "SAFE", "FULL"):
            yield sample("polytraders_spool_state", state == "SAFE", spool="raw", state=state)
        yield sample("polytraders_spool_bytes", 900, spool="raw")
        yield sample("polytraders_spool_share", 0.9, spool="raw")
        yield sample("polytraders_incidents_total", 1, scope="desk", family="reconcile")

    def desk(self) -> Iterator[Sample]:
        """Yield what a desk tells."""
        yield sample("polytraders_entries_total", 500 + 10 * self.asked, desk="lab")
        yield sample("polytraders_decisions_total", 7, desk="lab", verdict="REJECT")
        yield sample("polytraders_votes_total", 7 * self.asked, desk="lab", gate="risk.stale_book", verdict="REJECT")
        for number in range(8):
            yield sample("polytraders_reasons_total", 10 * number, desk="lab", reason=f"R{number}")


@pytest.fixture
def programs() -> Iterator[dict[str, str]]:
    """Run two programs; returns name -> address."""
    counts = Program()
    with Telemetry("market", {"version": "v1", "config": "c1"}) as market, Telemetry("desk", {"version": "v1"}) as desk:
        market.watch(counts.market)
        desk.watch(counts.desk)
        yield {"market": f"{LOOPBACK}:{market.serve()}", "desk": f"{LOOPBACK}:{desk.serve()}"}


def deployed(path: Path, programs: dict[str, str]) -> Path:
    """Write a deployment that names the programs."""
    lines = [f'{name} = "{address}"' for name, address in programs.items()]
    path.write_text("\n".join(['prefix = "paper"', "[metrics]", *lines, ""]))
    return path


def told(*words: str) -> tuple[int, dict[str, Rows]]:
    """Run `pt top --once --json`, and read its document."""
    ended = CliRunner().invoke(app, ["top", "--once", "--json", *words])
    assert "" == ended.stderr
    return ended.exit_code, cast(dict[str, Rows], json.loads(ended.stdout))


def test_one_document_of_all_programs(programs: dict[str, str], tmp_path: Path) -> None:
    """Two looks a second apart give the rates; every section names its program."""
    code, found = told("--deployment", str(deployed(tmp_path / "demo.toml", programs)))
    assert 0 == code
    assert [("market", True, True, "v1"), ("desk", True, True, "v1")] == [
        (row["program"], row["up"], row["ready"], row["version"]) for row in found["programs"]
    ]
    (lane,) = found["lanes"]
    assert (2_000, 6_000, 2) == (lane["frames"], lane["facts"], lane["dead_letters"])
    assert 200 < float(str(lane["frames_per_s"])) <= 1_000
    (desk,) = found["desks"]
    assert ("lab", {"REJECT": 7}) == (desk["desk"], desk["verdicts"])
    assert ["R7", "R6", "R5"] == [row["reason"] for row in cast(Rows, desk["reasons"])[:3]]
    by_topic = {row["topic"]: row for row in found["partitions"]}
    assert (10, False) == (by_topic["paper.raw.kalshi"]["lag_records"], by_topic["paper.raw.kalshi"]["trouble"])
    assert 2 <= float(str(by_topic["paper.raw.kalshi"]["age_s"])) < 20
    assert (-1, True) == (by_topic["paper.raw.bitget"]["age_s"], by_topic["paper.raw.bitget"]["trouble"])
    assert [{"program": "market", "spool": "raw", "bytes": 900, "share": 0.9, "state": "SAFE"}] == found["spools"]
    assert [("paper.journal", 12), ("store", 5)] == [(row["for"], row["waiting"]) for row in found["waiting"]]
    assert [("desk", "reconcile", 1)] == [(row["scope"], row["family"], row["count"]) for row in found["incidents"]]
    assert [("lane0", "A", 2, 0.0)] == [
        (row["lane"], row["reason"], row["count"], row["per_s"]) for row in found["dead_letters"]
    ]


def test_a_program_that_is_down_or_not_well_makes_the_exit_code_1(programs: dict[str, str], tmp_path: Path) -> None:
    """The others are told all the same, and what is wrong stands beside it."""
    with Telemetry("govern", {}) as unwell:
        unwell.check("store", lambda: "not open", "ready")
        more = {**programs, "record": f"{LOOPBACK}:1", "govern": f"{LOOPBACK}:{unwell.serve()}"}
        code, found = told("--deployment", str(deployed(tmp_path / "demo.toml", more)))
    assert 1 == code
    rows = {row["program"]: row for row in found["programs"]}
    assert (True, False, False) == (rows["market"]["up"], rows["record"]["up"], rows["record"]["ready"])
    assert "refused" in str(rows["record"]["wrong"])
    assert (True, False, "store: not open") == (rows["govern"]["up"], rows["govern"]["ready"], rows["govern"]["wrong"])


def test_people_get_tables(programs: dict[str, str]) -> None:
    """Without --json each section is a table; programs say their own names; the fullest partition stands first."""
    words = [word for address in programs.values() for word in ("--metrics", f"http://{address}/metrics")]
    shown = CliRunner().invoke(app, ["top", "--once", *words], env={"COLUMNS": "160"})
    assert (0, "") == (shown.exit_code, shown.stderr)
    for title in ("programs", "lanes", "desks", "partitions", "dead letters", "incidents", "spools", "votes by reason"):
        assert f"\n{title}\n" in f"\n{shown.stdout}"
    assert shown.stdout.index("paper.raw.bitget") < shown.stdout.index("paper.raw.kalshi")
    assert "R3" in shown.stdout
    assert "R2" not in shown.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--deployment or --metrics: name the programs with one of them"),
        (["--metrics", "h:1", "--deployment", "x"], "--deployment or --metrics"),
        (["--metrics", "h"], "metrics address 'h'; allowed: HOST:PORT"),
        (["--metrics", "h:1", "--every", "0"], "--every 0: out of bounds; allowed: 1 to"),
        (["--metrics", "h:1", "--json"], "--json: one document is one look; allowed: with --once"),
        (["--metrics", "h:1"], "standard output is no terminal; allowed: with --once"),
        (["--deployment", "none.toml", "--once"], "--deployment none.toml: no such file"),
    ],
)
def test_what_is_typed_wrong_is_refused(words: list[str], said: str) -> None:
    """Exit code 2 and one line that says what is allowed; nobody is asked."""
    ended = CliRunner().invoke(app, ["top", *words])
    assert (2, "") == (ended.exit_code, ended.stdout)
    assert said in ended.stderr
    assert 1 == ended.stderr.count("\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('prefix = "paper"\n', "has no table [metrics]"),
        ("[metrics]\n", "has no table [metrics]"),
        ("[metrics]\nmarket = 9102\n", "metrics.market 9102; allowed: text"),
        ("[metrics\n", "allowed: TOML"),
    ],
)
def test_a_deployment_without_addresses_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """The refusal names the file and the field."""
    path = tmp_path / "demo.toml"
    path.write_text(text)
    with pytest.raises(Refused) as refused:
        metrics_of(path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


def seen(at: float, frames: float, wrong: str = "") -> Seen:
    """Return a look at a program that has one lane."""
    return Seen("h:1", at, {"polytraders_frames_total": {(("lane", "a"),): frames}} if not wrong else {}, {}, wrong)


@pytest.mark.parametrize(
    ("before", "now", "rate"),
    [
        (seen(10, 100), seen(12, 150), 25.0),
        (seen(10, 100), seen(12, 30), 15.0),  # began again at 0
        (None, seen(12, 30), None),
        (seen(10, 0, "down"), seen(12, 30), None),
        (Seen("h:1", 10, {}, {}, ""), seen(12, 30), 15.0),  # a series that was not there
    ],
    ids=["grows", "restarted", "first", "was down", "born"],
)
def test_rates(before: Seen | None, now: Seen, rate: float | None) -> None:
    """Growth over the time between the answers; without an answer before there is no rate."""
    assert rate == View("x", before, now).rate("frames_total")


def test_a_program_that_is_down_has_no_other_rows() -> None:
    """What it did before is not shown as if it were so now."""
    found = document({"h:1": "market"}, [seen(1, 5)], [seen(2, 0, "refused")])
    assert {"programs"} == {section for section, rows in found.items() if rows}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_it_lives_in_a_terminal(programs: dict[str, str], number: signal.Signals, code: int) -> None:
    """In a terminal it goes on until it is stopped, then gives the screen back and ends with the signal's code."""
    here, there = pty.openpty()
    words = [sys.executable, "-m", "cli.main", "top", "--metrics", programs["market"]]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "150", "LINES": "60"}
    running = subprocess.Popen(words, cwd=ROOT, stdout=there, stderr=there, stdin=subprocess.DEVNULL, env=env)
    os.close(there)
    shown, until = b"", time.monotonic() + 30
    while shown.count(b"lanes") < 2 and time.monotonic() < until:
        shown += os.read(here, 65_536)
    running.send_signal(number)
    try:
        while part := os.read(here, 65_536):
            shown += part
    except OSError:
        pass  # how a terminal says that nobody writes to it any more
    os.close(here)
    assert code == running.wait(10)
    assert b"\x1b[?1049h" in shown
    assert shown.rindex(b"\x1b[?1049l") > shown.rindex(b"lanes")
