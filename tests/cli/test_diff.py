"""`pt diff`: nothing where nothing differs; else counts by cause and by decision, with the first of each."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.cli.stores import AT, StoreReader, decision, envelope
from tests.cli.summaries import MARKET

pytestmark = pytest.mark.usefixtures("stores")
NONE: dict[str, list[object]] = {"only_in_a": [], "only_in_b": [], "differ": []}


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
        "listed": NONE,
        "decisions": {"same": 2, "only_in_a": 0, "only_in_b": 0, "differ": 0, "changed": {}, "listed": NONE},
    }


def test_where_nothing_differs_nothing_is_written() -> None:
    """As with two equal files: standard output stays empty, exit code 0, and one line says how much was compared."""
    shown = CliRunner().invoke(app, ["diff", "a", "b"])
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert shown.stderr == "pt: no difference: 2 causes, 2 decisions\n"
    assert StoreReader.open == 0


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


def test_decisions_are_compared_by_intent(stores: dict[str, list[dict[str, object]]]) -> None:
    """A verdict that became another is named with both values and the id to explain; so is an intent of one side."""
    changed = decision(1)
    changed["payload"] = {"verdict": "APPROVE", "size_lots": 5, "reason": "RISK_GATE_APPROVED", "votes": []}
    stores["b"] = [envelope(1), changed, envelope(3)]
    found = json.loads(CliRunner().invoke(app, ["diff", "a", "b", "--json"]).stdout)["decisions"]
    assert {key: found[key] for key in ("same", "only_in_a", "only_in_b", "differ")} == {
        "same": 0, "only_in_a": 1, "only_in_b": 1, "differ": 1,
    }  # fmt: skip
    assert found["changed"]["decision.verdict"] == 1
    (told,) = found["listed"]["differ"]
    assert (told["intent_id"], told["at_ns"]) == ("i1", AT + 1)
    assert told["changed"]["decision.verdict"] == {"a": "REJECT", "b": "APPROVE"}
    assert [each["intent_id"] for each in found["listed"]["only_in_b"]] == ["i3"]
    people = CliRunner().invoke(app, ["diff", "a", "b"]).stdout
    assert "decision.verdict REJECT became APPROVE" in people
    assert "pt explain i1 --store a" in people
    assert "pt explain i3 --store b" in people


def test_a_limit_lists_more_of_each(stores: dict[str, list[dict[str, object]]]) -> None:
    """Counts stay, the first stays, and up to N of each difference are listed in their order."""
    stores["a"] += [envelope(number) for number in range(5, 12)]
    found = json.loads(CliRunner().invoke(app, ["diff", "a", "b", "--limit", "3", "--json"]).stdout)
    assert found["only_in_a"] == 7
    assert [each["cause_id"] for each in found["listed"]["only_in_a"]] == ["0:5.0+0", "0:6.0+0", "0:7.0+0"]
    assert found["first"]["only_in_a"] == found["listed"]["only_in_a"][0]
    assert [each["intent_id"] for each in found["decisions"]["listed"]["only_in_a"]] == ["i5", "i6", "i7"]


def test_a_kind_leaves_the_others_out(stores: dict[str, list[dict[str, object]]]) -> None:
    """Compared by their wishes alone, two runs that judged differently are the same; by their verdicts they are not."""
    stores["b"] = [envelope(1), envelope(2)]
    codes = {}
    for kind in ("OrderIntent", "RiskDecision"):
        codes[kind] = CliRunner().invoke(app, ["diff", "a", "b", "--kind", kind, "--json"]).exit_code
    assert codes == {"OrderIntent": 0, "RiskDecision": 1}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--kind", "Vote"], "--kind 'Vote': unknown payload type; allowed:"),
        (["--limit", "0"], "--limit 0: out of bounds; allowed: 1 to"),
    ],
)
def test_bad_options_are_refused_before_a_store_is_opened(words: list[str], named: str) -> None:
    """One line, exit code 2, nothing opened."""
    shown = CliRunner().invoke(app, ["diff", "a", "b", *words])
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert named in shown.stderr
    assert StoreReader.asked == []
