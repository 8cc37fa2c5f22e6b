"""flows.differences: what two runs said by cause, and what became of each intent, down to the digit."""

from typing import cast

from connectors.envelopes import Envelope
from flows.differences import Side, compared, differs, gathered
from tests.cli.stores import envelope


def side(*said: dict[str, object], kind: str | None = None) -> Side:
    """Gather envelopes."""
    return gathered(cast("list[Envelope]", list(said)), kind)


def changed(one: Side, other: Side) -> object:
    """The aspects of decisions that changed."""
    decisions = compared(one, other)["decisions"]
    assert isinstance(decisions, dict)
    return decisions["changed"]


def test_a_digit_of_a_payload_is_a_difference() -> None:
    """Content counts to the last digit: a price that differs by a tick is found, as a cause and as a decision."""
    dearer = envelope(1, payload={"side": 1, "price_ticks": 45})
    one, other = side(envelope(1)), side(dearer)
    assert compared(one, other)["differ"] == 1
    assert changed(one, other) == {"intent.price_ticks": 1}
    assert differs(compared(one, other))


def test_configuration_is_compared_by_its_values() -> None:
    """Another value of a parameter is named by its bot; another build of the same bot is none."""

    def applied(values: str, version: str) -> dict[str, object]:
        payload = {"bot_id": "strat.maker_tight", "bot_version": version, "config_version": version, "values": values}
        return envelope(0, kind="ConfigApplied", payload=payload)

    given = (("{}", "1"), ("{}", "2"), ('{"k":1}', "1"))
    sides = [side(applied(*one)) for one in given]
    assert compared(sides[0], sides[1])["configuration"] == []
    assert not differs(compared(sides[0], sides[1]))
    assert compared(sides[0], sides[2])["configuration"] == ["lab strat.maker_tight"]
    assert differs(compared(sides[0], sides[2]))


def judged(subject: str, verdict: str, *votes: tuple[str, str, str]) -> dict[str, object]:
    """Return a decision of the gate about a subject."""
    said = [{"gate": gate, "verdict": how, "reason": why, "seen": 1, "limit": 2} for gate, how, why in votes]
    payload = {"subject_id": subject, "verdict": verdict, "size_lots": 3, "reason": "R", "votes": said}
    return envelope(1, kind="RiskDecision", payload=payload)


def test_the_guard_that_changed_its_vote_is_named() -> None:
    """The verdict on the intent and that on its plan are told apart; what a guard saw is no change of its vote."""
    one = side(envelope(1), judged("i1", "APPROVE", ("risk.exposure", "APPROVE", "OK")))
    other = side(envelope(1), judged("i1", "RESHAPE", ("risk.exposure", "RESHAPE", "CUT")))
    before_sending = side(envelope(1), judged("plan", "APPROVE", ("risk.exposure", "APPROVE", "OK")))
    assert changed(one, other) == {"decision.risk.exposure": 1, "decision.verdict": 1}
    names = {*cast("dict[str, int]", changed(one, before_sending))}
    assert {"decision.verdict", "before_sending.verdict", "before_sending.risk.exposure"} <= names


def fill(lots: int, fee: int) -> dict[str, object]:
    """Return a match of the first intent's order."""
    return envelope(9, kind="Fill", correlation_id="i1", payload={"size_lots": lots, "fee_micros": fee})


def test_fills_are_summed_by_intent() -> None:
    """Two fills of 3 and 4 lots are 7 in 2; one of 7 with the same fees differs in their number alone."""
    assert changed(side(fill(3, 1), fill(4, 2)), side(fill(7, 3))) == {"fills.count": 1}
    one = side(fill(3, 1), fill(4, 2)).decisions["lab/i1"].aspects
    assert one == {"fills.count": 2, "fills.size_lots": 7, "fills.fee_micros": 3}


def test_a_plan_is_compared_by_its_orders() -> None:
    """Style, reasons and what each order does; ids and times are derived and count by cause only."""

    def plan(price: int, order: str) -> dict[str, object]:
        child = {"action": "PLACE", "side": 1, "price_ticks": price, "size_lots": 2, "client_order_id": order}
        payload = {"style": "QUOTE", "reasons": ["EXEC_ROUTED"], "children": [child]}
        return envelope(1, kind="ExecutionPlan", payload=payload)

    assert changed(side(plan(44, "x")), side(plan(44, "y"))) == {}
    assert changed(side(plan(44, "x")), side(plan(45, "x"))) == {"plan.orders": 1}


def test_one_kind_may_be_compared_alone() -> None:
    """Of all that was said only that kind counts, as a cause and as a decision; the configuration always does."""
    found = side(envelope(1), judged("i1", "APPROVE"), kind="OrderIntent")
    assert found.causes["lab/0:1.0+0"].kinds == ("OrderIntent",)
    assert all(name.startswith("intent.") for name in found.decisions["lab/i1"].aspects)
