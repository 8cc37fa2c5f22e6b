"""The verbs that ask a store, around a reader that answers at once."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.cli.stores import AT, StoreReader, envelope
from tests.cli.summaries import MARKET, summary

pytestmark = pytest.mark.usefixtures("stores")


def test_envelopes_are_json_lines(stores: dict[str, list[dict[str, object]]]) -> None:
    """Each line is one envelope with the reader's keys, in its order, with or without --json."""
    for extra in ([], ["--json"]):
        shown = CliRunner().invoke(app, ["envelopes", "--store", "a", *extra])
        assert (shown.exit_code, shown.stderr) == (0, "")
        assert [json.loads(line) for line in shown.stdout.splitlines()] == stores["a"]
    assert StoreReader.open == 0


def test_filters_reach_the_reader() -> None:
    """Aliases are resolved, both spellings of time become nanoseconds, an old word of a code becomes the code."""
    words = ["--bot", "strat.maker-tight", "--desk", "lab", "--kind", "OrderIntent", "--market", MARKET, "--limit", "5"]
    times = ["--since", "2026-01-01T12:00:00Z", "--until", str(AT + 9)]
    shown = CliRunner().invoke(app, ["envelopes", "--store", "a", *words, *times, "--reason", "kill_switch_guard"])
    assert shown.exit_code == 0
    code = "RISK_KILL_SWITCH_GUARD"
    assert StoreReader.asked == [("strat.maker_tight", "lab", "OrderIntent", code, MARKET, AT, AT + 9, 5)]


def test_mechanisms_may_be_asked_for() -> None:
    """What no bot says is said by an operator, whose name is allowed as a filter."""
    for name in ("operators.gate", "operator"):
        assert CliRunner().invoke(app, ["envelopes", "--store", "a", "--bot", name]).exit_code == 0
    assert [asked[0] for asked in StoreReader.asked] == ["operators.gate", "operator"]


def test_a_book_is_shown_side_by_side() -> None:
    """The document is the reader's answer; the table has the best prices on one line."""
    words = ["book", "--store", "a", "--market", MARKET, "--at-frame", "9", "--capture", "x/one.jsonl"]
    shown = CliRunner().invoke(app, [*words, "--json"])
    people = CliRunner().invoke(app, words).stdout.splitlines()
    assert json.loads(shown.stdout)["bids"] == [["0.44", "10"], ["0.43", "7.5"]]
    assert "10 0.44 0.46 3" in [" ".join(line.split()) for line in people]
    assert people[0] == f"{MARKET} at kalshi, frame 9: OK"
    assert StoreReader.asked == [(MARKET, 9, "x/one.jsonl")] * 2


def test_why_names_every_vote_with_its_numbers() -> None:
    """People see who refused, what was seen and the limit, and which bot stayed out; scripts the reader's answer."""
    shown = CliRunner().invoke(app, ["why", MARKET, "--store", "a", "--at", "2026-01-01T12:00:00Z"])
    assert (shown.exit_code, shown.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    for line in (
        f"{MARKET} at 2026-01-01T12:00:00Z",
        "2026-01-01T12:00:00.000000001Z operators.gate RiskDecision verdict REJECT RISK_STALE_BOOK",
        "risk.stale_book: REJECT RISK_STALE_BOOK, seen 812, limit 500",
        "not asked any more: risk.exposure",
        "book RESYNC since 2026-01-01T12:00:00Z: GHOST, INTEL_BOOK_GHOST",
        "strat.maker_tight STRAT_MT_NO_EDGE 3 4 2026-01-01T12:00:00Z",
    ):
        assert line in lines
    told = CliRunner().invoke(app, ["why", MARKET, "--store", "a", "--json"])
    assert json.loads(told.stdout)["market_id"] == MARKET
    assert StoreReader.asked == [(MARKET, AT), (MARKET, None)]


def test_explain_tells_the_chain_in_order() -> None:
    """What was wished stands before what was judged; empty parts are left out."""
    shown = CliRunner().invoke(app, ["explain", "i1", "--store", "a"])
    heads = [line for line in shown.stdout.splitlines() if line and not line.startswith(" ")]
    assert heads == ["i1: intents i1", "subject:", "intents:", "decisions:"]
    assert "risk.kill_switch: APPROVE RISK_KILL_CLEAR, seen 0, limit 0" in shown.stdout
    told = json.loads(CliRunner().invoke(app, ["explain", "i1", "--store", "a", "--json"]).stdout)
    assert told["subject"] == [envelope()]


def test_a_report_is_one_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`--html` writes the page and its folder, says where it is, and shows the run's own table."""
    web = ModuleType("web.report")
    vars(web).update(
        from_envelopes=lambda envelopes, summary: [*(said["envelope_id"] for said in envelopes), summary["frames"]],
        render=lambda report: f"<html>{report}</html>",
    )
    monkeypatch.setitem(sys.modules, "web.report", web)
    monkeypatch.setattr(StoreReader, "summary", lambda self: summary())
    shown = CliRunner().invoke(app, ["report", "--store", "a", "--html", "deep/er/report.html"])
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout.splitlines()[-1] == "report: deep/er/report.html"
    page = (tmp_path / "deep/er/report.html").read_text()
    assert page == "<html>['lab/0:1.0+0/50.0', 'lab/0:1.0+0/50.0', 'lab/0:2.0+0/50.0', 1500]</html>"
    told = CliRunner().invoke(app, ["report", "--store", "a", "--json"])
    assert json.loads(told.stdout) == summary()
