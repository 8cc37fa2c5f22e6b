"""The verbs that ask a store, around a reader that answers at once."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest
from typer.testing import CliRunner

import connectors
from cli.main import app
from cli.store_verbs import compared, gathered
from tests.cli.summaries import MARKET, summary

AT = 1_767_268_800_000_000_000  # 2026-01-01T12:00:00Z


def envelope(number: int = 1, **changes: object) -> dict[str, object]:
    """Return an envelope with every key of the command line: a maker's wish, caused by line `number`."""
    return {
        "envelope_id": f"lab/0:{number}.0+0/50.0",
        "kind": "OrderIntent",
        "desk_id": "lab",
        "bot_id": "strat.maker_tight",
        "bot_version": "v1",
        "config_version": "c1",
        "market_id": MARKET,
        "cause_id": f"0:{number}.0+0",
        "correlation_id": f"i{number}",
        "at_ns": AT + number,
        "offset": number,
        "rank": 50,
        "index": 0,
        "reasons": ["STRAT_MT_QUOTE"],
        "severity": "INFO",
        "block": 0,
        "payload": {"side": 1, "price_ticks": 44},
        **changes,
    }


def decision(number: int = 1) -> dict[str, object]:
    """Return a refusal with the votes behind it."""
    votes = [
        {"gate": "risk.kill_switch", "verdict": "APPROVE", "reason": "RISK_KILL_CLEAR", "seen": 0, "limit": 0},
        {"gate": "risk.stale_book", "verdict": "REJECT", "reason": "RISK_STALE_BOOK", "seen": 812, "limit": 500},
    ]
    payload = {"verdict": "REJECT", "votes": votes, "not_run": ["risk.exposure"]}
    return envelope(number, kind="RiskDecision", bot_id="operators.gate", reasons=["RISK_STALE_BOOK"], payload=payload)


class StoreReader:
    """A reader whose stores are lists of envelopes; it notes what it was asked, and that it was closed."""

    stores: ClassVar[dict[str, list[dict[str, object]]]] = {}
    asked: ClassVar[list[tuple[object, ...]]] = []
    open: ClassVar[int] = 0

    def __init__(self, folder: Path) -> None:
        self.kept = self.stores[folder.name]
        StoreReader.open += 1

    def __enter__(self) -> "StoreReader":
        return self

    def __exit__(self, *_: object) -> None:
        StoreReader.open -= 1

    def envelopes(self, *filters: object) -> Iterator[dict[str, object]]:
        self.asked.append(filters)
        yield from self.kept

    def summary(self) -> dict[str, object]:
        return {}

    def book_at(self, market: str, frame: int, source: str | None) -> dict[str, object]:
        self.asked.append((market, frame, source))
        bids, asks = [["0.44", "10"], ["0.43", "7.5"]], [["0.46", "3"]]
        known = {"market": market, "venue": "kalshi", "frame": frame}
        return {**known, "bids": bids, "asks": asks, "quality": "OK", "reasons": ["INTEL_BOOK_OK"]}

    def why(self, market: str, at: int | None) -> dict[str, object]:
        self.asked.append((market, at))
        brief = {**decision(), **decision()["payload"]}  # type: ignore[dict-item]
        brief.pop("payload")
        silent = {"bot_id": "strat.maker_tight", "reasons": ["STRAT_MT_NO_EDGE"], "at_ns": AT, "seen": 3, "limit": 4}
        return {"market_id": market, "at_ns": AT, "decisions": [brief], "silent": [silent]}

    def explain(self, what: str) -> dict[str, object]:
        parts = ("facts", "signals", "votes", "plans", "orders", "updates", "fills", "positions")
        rest: dict[str, object] = {part: [] for part in parts}
        return {
            "id": what,
            "subject": [envelope()],
            "intent_ids": ["i1"],
            **rest,
            "intents": [envelope()],
            "decisions": [decision()],
        }


@pytest.fixture(autouse=True)
def stores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, list[dict[str, object]]]:
    """Put the fake reader in the place of the real one, with two stores, `a` and `b`."""
    module = ModuleType("connectors.reader")
    vars(module)["StoreReader"] = StoreReader
    monkeypatch.setitem(sys.modules, "connectors.reader", module)
    monkeypatch.setattr(connectors, "reader", module, raising=False)
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text("{}")
    StoreReader.stores = {"a": [envelope(1), decision(1), envelope(2)], "b": [envelope(1), decision(1), envelope(2)]}
    StoreReader.asked, StoreReader.open = [], 0
    return StoreReader.stores


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


def test_equal_stores_do_not_differ() -> None:
    """Two stores that say the same are the same, whatever block, offset, code version or platform they have."""
    StoreReader.stores["b"] = [
        {**said, "block": 9, "offset": 99, "bot_version": "v2", "config_version": "c2"}
        for said in StoreReader.stores["a"]
    ]
    shown = CliRunner().invoke(app, ["diff", "a", "b", "--json"])
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert json.loads(shown.stdout) == {
        "same": 2,
        "only_in_a": 0,
        "only_in_b": 0,
        "differ": 0,
        "configuration": [],
        "first": {"only_in_a": None, "only_in_b": None, "differ": None},
    }


def test_differences_are_counted_by_cause_with_the_first_of_each(stores: dict[str, list[dict[str, object]]]) -> None:
    """A cause that only one side has and one about which they say different things are told apart."""
    stores["b"] = [envelope(1), envelope(3), envelope(4)]
    stores["a"] += [envelope(5), envelope(6)]
    shown = CliRunner().invoke(app, ["diff", "a", "b", "--json"])
    found = json.loads(shown.stdout)
    assert shown.exit_code == 1
    counts = {key: found[key] for key in ("same", "only_in_a", "only_in_b", "differ")}
    assert counts == {"same": 0, "only_in_a": 3, "only_in_b": 2, "differ": 1}
    assert found["first"]["only_in_a"]["cause_id"] == "0:2.0+0"
    assert found["first"]["only_in_b"]["cause_id"] == "0:3.0+0"
    assert found["first"]["differ"] == {
        "cause_id": "0:1.0+0",
        "desk_id": "lab",
        "market_id": MARKET,
        "at_ns": AT + 1,
        "a": {"envelope_id": "lab/0:1.0+0/50.0", "kinds": ["OrderIntent", "RiskDecision"]},
        "b": {"envelope_id": "lab/0:1.0+0/50.0", "kinds": ["OrderIntent"]},
    }
    people = CliRunner().invoke(app, ["diff", "a", "b"])
    assert people.exit_code == 1
    assert "only_in_a 3" in [" ".join(line.split()) for line in people.stdout.splitlines()]


def test_a_digit_of_a_payload_is_a_difference() -> None:
    """Content counts to the last digit: a price that differs by a tick is found."""
    dearer = envelope(1, payload={"side": 1, "price_ticks": 45})
    one, other = gathered([envelope(1)]), gathered([dearer])  # type: ignore[list-item]
    assert compared(one, other)["differ"] == 1


def test_configuration_is_compared_by_its_values() -> None:
    """Another value of a parameter is named by its bot; another build of the same bot is none."""

    def applied(values: str, version: str) -> dict[str, object]:
        payload = {"bot_id": "strat.maker_tight", "bot_version": version, "config_version": version, "values": values}
        return envelope(0, kind="ConfigApplied", payload=payload)

    given = (("{}", "1"), ("{}", "2"), ('{"k":1}', "1"))
    sides = [gathered([applied(*one)]) for one in given]  # type: ignore[list-item]
    assert compared(sides[0], sides[1])["configuration"] == []
    assert compared(sides[0], sides[2])["configuration"] == ["lab strat.maker_tight"]


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
