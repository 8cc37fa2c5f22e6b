"""`pt policy entry`: the format of cases, and the answers to them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.policy import answer
from cli.policy_cases import read_case, read_cases
from contracts.base import Refused
from tests.world import ROOT

S = 1_000_000_000
REQUEST = {"market_id": "M1", "side": "buy", "confidence": "0.8", "risk_score": 1, "price": "0.50", "lots": 100}
LONG = {"market_id": "M1", "side": "buy", "lots": 200, "notional_usd": 100, "entry_confidence_milli": 700}


def case(config: Any = None, request: Any = None, **portfolio: Any) -> dict[str, Any]:
    """Return a case: a hundred contracts at 50 cents, with 5,000 dollars available."""
    held = {"available_usd": "5000"} | portfolio
    return {"config": config or {}, "portfolio": held, "request": REQUEST | (request or {})}


def said(of: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a case."""
    return answer(read_case(json.dumps(of), "case"))


def reason(of: dict[str, Any]) -> object:
    """Return the reason of the answer to a case."""
    return said(of)["reason"]


def others(count: int, **more: Any) -> list[dict[str, Any]]:
    """Return positions in other markets."""
    return [{"market_id": f"X{n}", "side": 1, "lots": 10, "notional_usd": "5", **more} for n in range(count)]


# ---- the verb -----------------------------------------------------------------------------------------------------


def test_the_example_of_the_document(tmp_path: Path) -> None:
    """What docs/entry_policy.md shows is what is answered, to the letter."""
    text = (ROOT / "docs" / "entry_policy.md").read_text("utf-8")
    asked, answered = re.findall(r"```(?:json)?\n(.*?)```", text, re.DOTALL)
    file = tmp_path / "cases.jsonl"
    file.write_text(asked, "utf-8")
    for words in ([], ["--json"]):
        shown = CliRunner().invoke(app, ["policy", "entry", "--cases", str(file), *words])
        assert (0, answered, "") == (shown.exit_code, shown.stdout, shown.stderr)


def test_every_answer_has_its_keys() -> None:
    """Reason, verdict, lots, notional, compared; all numbers whole."""
    found = said(case())
    assert ["reason", "verdict", "lots", "notional_micros", "compared"] == list(found)
    assert ("APPROVE", "RISK_ENTRY_ALLOWED", 100, 50_000_000) == tuple(
        found[key] for key in ("verdict", "reason", "lots", "notional_micros")
    )
    assert {int} == {type(number) for number in found["compared"].values()}


def test_bad_input_ends_before_the_first_answer(tmp_path: Path) -> None:
    """A mistake in the second line: exit code 2, one line that names it, and nothing on standard output."""
    file = tmp_path / "cases.jsonl"
    bad = case(request={"price": "0"})
    file.write_text(f"{json.dumps(case())}\n\n{json.dumps(bad)}\n", "utf-8")
    shown = CliRunner().invoke(app, ["policy", "entry", "--cases", str(file)])
    assert (2, "") == (shown.exit_code, shown.stdout)
    assert re.fullmatch(rf'pt: {re.escape(str(file))}:3: case.request.price is "0"; allowed: above 0.*\n', shown.stderr)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff", b"[]", b"{}", b'{"request": {}, "request": {}}', b"{"])
def test_files_without_a_case(content: bytes, tmp_path: Path) -> None:
    """Empty, blank, no text, no object, no request, a name twice, no JSON: exit code 2."""
    file = tmp_path / "cases.jsonl"
    file.write_bytes(content)
    assert 2 == CliRunner().invoke(app, ["policy", "entry", "--cases", str(file)]).exit_code
    if content:
        with pytest.raises(Refused, match=r"allowed|not UTF-8|twice|not JSON"):
            read_cases(file)


# ---- the nine steps over cases ------------------------------------------------------------------------------------

STEPS = [
    (case(request={"confidence": "0.65"}), "RISK_ENTRY_LOW_CONFIDENCE"),
    (case(now_ns=100 * S, last_trade_ns=40 * S + 1), "RISK_ENTRY_COOLDOWN"),
    (case(now_ns=100 * S, last_trade_ns=40 * S), "RISK_ENTRY_ALLOWED"),
    (case(now_ns=400 * S, last_trade_ns_by_market={"M1": 100 * S + 1}), "RISK_ENTRY_COOLDOWN"),
    (case(now_ns=400 * S, last_trade_ns_by_market={"M1": 100 * S, "M2": 400 * S}), "RISK_ENTRY_ALLOWED"),
    (case(positions=others(10)), "RISK_ENTRY_MAX_POSITIONS"),
    (case(positions=others(4), resting=others(6)), "RISK_ENTRY_MAX_POSITIONS"),
    (case(positions=others(4), resting=others(6, reduce_only=True)), "RISK_ENTRY_ALLOWED"),
    (case(positions=others(4), resting=others(5)), "RISK_ENTRY_ALLOWED"),
    (case(positions=others(2, notional_usd=2_000), resting=others(1, notional_usd=3_000)), "RISK_ENTRY_MAX_EXPOSURE"),
    (case(positions=[LONG], request={"confidence": "0.76"}), "RISK_ENTRY_SCALE_IN_ALLOWED"),
    (case(positions=[LONG], request={"confidence": "0.75"}), "RISK_ENTRY_SCALE_IN_REFUSED"),
    (case(positions=[LONG], request={"confidence": "0.9", "side": "sell"}), "RISK_ENTRY_SCALE_IN_REFUSED"),
    (case(positions=[LONG | {"scale_ins": 2}], request={"confidence": "0.9"}), "RISK_ENTRY_SCALE_IN_REFUSED"),
    (case({"POLICY_ALLOW_SCALE_IN": False}, {"confidence": "0.9"}, positions=[LONG]), "RISK_ENTRY_SCALE_IN_REFUSED"),
    (case(positions=[LONG | {"notional_usd": 1_000}], request={"confidence": "0.9"}), "RISK_ENTRY_MAX_EXPOSURE"),
    (case(resting=[{"market_id": "M1", "side": 1, "lots": 1, "notional_usd": 1_000}]), "RISK_ENTRY_MAX_EXPOSURE"),
    (case(resting=[{"market_id": "M1", "side": 1, "lots": 1, "notional_usd": 1}] * 3), "RISK_ENTRY_MAX_POSITIONS"),
    (case(positions=others(5, regime="HOT"), request={"regime": "HOT"}), "RISK_ENTRY_REGIME_RULE"),
    (case(positions=others(5)), "RISK_ENTRY_REGIME_RULE"),
    (case(positions=others(5, regime="HOT")), "RISK_ENTRY_ALLOWED"),
    (case(request={"intent_kind": "QUOTE", "confidence": 0.1}, now_ns=5, last_trade_ns=5), "RISK_ENTRY_ALLOWED"),
    (case(positions=others(9), resting=others(1, bundle_id="b", regime="HOT")), "RISK_ENTRY_MAX_POSITIONS"),
]


@pytest.mark.parametrize(("of", "expected"), STEPS, ids=[f"{n}-{code}" for n, (_, code) in enumerate(STEPS)])
def test_steps(of: dict[str, Any], expected: str) -> None:
    """Each step refuses at its limit and passes beside it."""
    of = of if expected != "RISK_ENTRY_ALLOWED" else of | {"config": of["config"] | {"max_per_regime": 99}}
    if expected == "RISK_ENTRY_MAX_POSITIONS":
        of = of | {"config": of["config"] | {"max_per_regime": 99}}
    assert expected == reason(of)


# ---- exits, and what is unusable ----------------------------------------------------------------------------------


def test_reduce_only() -> None:
    """Passes against a position up to its size, whatever else is wrong; a false claim does not."""
    out = {
        "reduce_only": True,
        "side": "sell",
        "intent_kind": "EXIT",
        "lots": 200,
        "confidence": None,
        "risk_score": None,
    }
    held = {"positions": [LONG, *others(20)], "now_ns": 5, "last_trade_ns": 5, "available_usd": None}
    found = said(case(request=out, **held))
    assert ("RISK_ENTRY_BYPASS_REDUCE_ONLY", "APPROVE", 200, 100_000_000) == tuple(list(found.values())[:4])
    assert 200 == said(case(request={k: v for k, v in out.items() if k != "lots"} | {"lots": None}, **held))["lots"]
    for wrong in ({"lots": 201}, {"side": "buy"}, {"market_id": "M9"}):
        assert "RISK_ENTRY_INPUT_INVALID" == reason(case(request=out | wrong, **held))


def test_without_policy_or_portfolio() -> None:
    """Every entry is refused, and what reduces is not."""
    out = {"reduce_only": True, "side": "sell", "intent_kind": "EXIT"}
    for missing in ({"config": None}, {"portfolio": None}):
        found = said(case(positions=[LONG]) | missing)
        assert ("RISK_POLICY_UNAVAILABLE", "REJECT", 0) == (found["reason"], found["verdict"], found["lots"])
        assert "RISK_ENTRY_BYPASS_REDUCE_ONLY" == reason(case(request=out, positions=[LONG]) | missing)


@pytest.mark.parametrize("field", ["confidence", "risk_score"])
@pytest.mark.parametrize(
    "value", [None, "NaN", float("nan"), float("inf"), "-Infinity", -0.1, "1.000001", 2, "high", ""]
)
def test_unusable_numbers(field: str, value: object) -> None:
    """Missing, NaN, endless or outside 0 to 1: refused by the policy, not by the reader; 0 and 1 can be used."""
    assert "RISK_ENTRY_INPUT_INVALID" == reason(case(request={field: value}))
    assert "RISK_ENTRY_INPUT_INVALID" != reason(case(request={field: 0}))
    assert "RISK_ENTRY_ALLOWED" == reason(case(request={field: "1"}))


# ---- the size -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "portfolio", "lots", "notional"),
    [
        ({}, {}, 1_880, 940_000_000),
        ({"risk_score": "0.5"}, {}, 940, 470_000_000),
        ({"side": "sell", "price": "0.75"}, {}, 3_760, 940_000_000),
        ({}, {"available_usd": None, "equity_usd": "1000"}, 376, 188_000_000),
        ({}, {"desk_room_usd": 20}, 40, 20_000_000),
        ({}, {"slice_room_micros": 30_000_000}, 60, 30_000_000),
        ({"p_lcb": "0.52"}, {"equity_micros": 10_000_000_000}, 200, 100_000_000),
        ({"price": "50000", "lot_micros": 1_000}, {}, 18, 900_000_000),
        ({"price": "50000", "lot_micros": 1_000, "leverage": 2}, {}, 20, 1_000_000_000),
        ({"price": "100", "lot_micros": 10_000, "leverage": 2}, {"available_usd": 1_000}, 376, 376_000_000),
        ({"price": "100", "lot_micros": 10_000, "leverage": 9}, {"available_usd": 1_000}, 376, 376_000_000),
        ({"fee_per_contract": "0.5"}, {"desk_room_usd": 20}, 20, 10_000_000),
    ],
)
def test_sizes(request_: dict[str, Any], portfolio: dict[str, Any], lots: int, notional: int) -> None:
    """Without a size asked for, the answer is what can be paid for, under every room."""
    found = said(case(request={"lots": None} | request_, **portfolio))
    assert ("APPROVE", lots, notional) == (found["verdict"], found["lots"], found["notional_micros"])


def test_trimmed_refused_and_unknown() -> None:
    """More than is left is cut, less than the minimum is refused, and so is what nobody says the money of."""
    rests = [{"market_id": "M1", "side": 1, "lots": 1, "notional_usd": "900"}]
    cut = said(case(request={"lots": 1_000}, resting=rests))
    assert ("RISK_CAPITAL_TRIMMED", "RESHAPE", 200) == (cut["reason"], cut["verdict"], cut["lots"])
    small = said(case(positions=others(1, notional_usd="4995")))
    assert ("RISK_ENTRY_INSUFFICIENT_CAPITAL", "REJECT", 0) == (small["reason"], small["verdict"], small["lots"])
    assert "RISK_ENTRY_ALLOWED" == reason(case(positions=others(1, notional_usd="4990"), request={"lots": 20}))
    assert "RISK_CAPITAL_UNKNOWN" == reason(case(available_usd=None))
    assert "RISK_CAPITAL_UNKNOWN" == reason(case(request={"p_lcb": "0.9"}))


def test_configuration_names() -> None:
    """A parameter may be named alone, with its guard, or by its setting; a shared cap reaches both guards."""
    for name in ("max_exposure_symbol_usd", "POLICY_MAX_EXPOSURE_PER_SYMBOL"):
        assert 200 == said(case({name: 100}, {"lots": None}))["lots"]
    assert 200 == said(case({"risk.capital_allocator.max_exposure_symbol_usd": "100.00"}, {"lots": None}))["lots"]
    assert 470 * 2 == said(case({"base_frac": 0.1}, {"lots": None}))["lots"]
    with pytest.raises(Refused, match="has another value already"):
        said(case({"max_total": 3, "POLICY_MAX_POSITIONS_TOTAL": 4}))


def test_several_rows_of_one_market_are_several_positions() -> None:
    """Rows of one side add up and the last is the last entry; both sides of a market are no portfolio."""
    two = [LONG, LONG | {"entry_confidence": "0.8", "entry_confidence_milli": None}]
    assert "RISK_ENTRY_SCALE_IN_REFUSED" == reason(case(positions=two, request={"confidence": "0.85"}))
    assert 1 == said(case(positions=two, request={"confidence": "0.86"}))["compared"]["scale_ins"]
    with pytest.raises(Refused, match="both sides of 'M1'"):
        said(case(positions=[LONG, LONG | {"side": "sell"}]))


# ---- what is refused ----------------------------------------------------------------------------------------------

BAD: list[tuple[dict[str, Any], str]] = [
    (case() | {"portfolios": {}}, "case.portfolios is {}; no such field; allowed: config, portfolio, request"),
    (case({"max_totals": 3}), "case.config.max_totals is no parameter; allowed: .*max_total"),
    (case({"max_total": "many"}), "case.config.max_total is 'many'; allowed: a whole number, 0 or above"),
    (case({"POLICY_MIN_CONFIDENCE": "1.1"}), "POLICY_MIN_CONFIDENCE is '1.1'; allowed: a decimal from 0 to 1"),
    (case({"base_frac": -1}), "case.config.base_frac is -1"),
    (case(avalable_usd=1), "case.portfolio.avalable_usd is 1; no such field; allowed: available_micros"),
    (case(available_micros=1), "available_usd is .*; allowed: only one of available_usd and available_micros"),
    (case(available_usd="NaN"), 'available_usd is "NaN"; allowed: dollars from 0'),
    (case(available_usd="-1"), 'available_usd is "-1"; allowed'),
    (case(available_usd=None, available_micros="1"), 'available_micros is "1"; allowed: a whole number'),
    (case(last_trade_ns=5), "portfolio.now_ns is missing; allowed"),
    (case(now_ns=1.5, last_trade_ns=1), "now_ns is 1.5; allowed: a whole number"),
    (case(now_ns=5, last_trade_ns_by_market={"M1": "x"}), 'last_trade_ns_by_market.M1 is "x"; allowed'),
    (case(positions={}), "positions is {}; allowed: a list of objects"),
    (case(positions=[LONG | {"lots": 0}]), r"positions\[0\].lots is 0; allowed: a whole number of 1"),
    (case(positions=[LONG | {"notional_usd": None}]), "notional_micros is missing; allowed: notional_micros"),
    (case(positions=[LONG | {"entry_confidence": "0.7"}]), "only one of entry_confidence and"),
    (case(positions=[LONG | {"entry_confidence_milli": 1_001}]), "entry_confidence_milli is 1001; allowed"),
    (case(positions=["M1"]), r'positions\[0\] is "M1"; allowed: an object'),
    (case(resting=[LONG]), r"resting\[0\].entry_confidence_milli is 700; no such field"),
    (case(request={"side": "up"}), 'request.side is "up"; allowed: 1, -1, buy'),
    (case(request={"side": True}), "request.side is true; allowed"),
    (case(request={"intent_kind": "WITHDRAW"}), 'intent_kind is "WITHDRAW"; allowed: ENTRY, QUOTE, HEDGE, EXIT'),
    (case(request={"confidence": [1]}), r"confidence is \[1\]; allowed: a number from 0 to 1"),
    (case(request={"price": None}), "request.price is missing; allowed"),
    (case(request={"price": "0.505", "tick_micros": 10_000}), 'price is "0.505"; allowed: above 0, on 10000 micros'),
    (case(request={"price": "1", "instrument": "binary"}), 'price is "1"; allowed: between 0 and 1'),
    (case(request={"instrument": "spot"}), 'instrument is "spot"; allowed: binary, perp'),
    (case(request={"leverage": 0}), "leverage is 0; allowed: above 0"),
    (case(request={"lots": -1}), "lots is -1; allowed: a whole number of 1"),
    (case(request={"lots": 1.5}), "lots is 1.5; allowed"),
    (case(request={"reduce_only": "yes"}), 'reduce_only is "yes"; allowed: true or false'),
    (case(request={"p_lcb": "0.5", "kelly_f": 1}), 'p_lcb is "0.5"; allowed: for a binary'),
    (case(request={"market_id": ""}), 'market_id is ""; allowed: a text of 1 to 128'),
    (case(request={"size": 3}), "request.size is 3; no such field; allowed: .*lots"),
]


@pytest.mark.parametrize(("of", "message"), BAD, ids=[str(n) for n in range(len(BAD))])
def test_what_the_reader_refuses(of: dict[str, Any], message: str) -> None:
    """Unknown, missing, of another kind or out of bounds: named with its field, its value and what is allowed."""
    with pytest.raises(Refused, match=message):
        said(of)
