"""The desk behind every guard: each order has each vote, and everything can be derived again."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from bots.registry import library
from connectors.clickhouse import EnvelopeTable
from contracts.envelope import rows_of
from contracts.intent import APPROVE, REJECT, RESHAPE, GuardReport, OrderIntent, RiskDecision
from contracts.order import CANCEL, AuthorisedOrder, SignedOrderRequest
from flows import embedded
from flows.desks import load_desk
from flows.replay import replay
from tests import world

pytestmark = pytest.mark.chdb
DESK = "guarded"
Said = Sequence[object]


def stored(folder: Path, capture: Path, instruments: Path | None) -> tuple[Path, dict[str, object]]:
    """A stored run of the desk, and its summary."""
    desk = load_desk(DESK, world.ROOT / "config")
    settings = embedded.Settings((capture,), desk, instruments=instruments, store=folder / "store")
    return folder / "store", embedded.run(settings).summary


def said(store: Path) -> list[object]:
    """Everything that the desk said, in order."""
    with EnvelopeTable.embedded(store) as table:
        return [row.payload for block in table.read_blocks(DESK, "decisions") for row in rows_of(block.data)]


def check_votes(everything: Said) -> tuple[int, int]:
    """Check every order against its votes; return how many orders were placed, and how many intents were judged."""
    books = library()
    decisions = [each for each in everything if isinstance(each, RiskDecision)]
    of_intent = {each.subject_id: each for each in decisions if not each.is_of_plan}
    of_plan = {each.subject_id: each for each in decisions if each.is_of_plan}
    orders = [each for each in everything if isinstance(each, AuthorisedOrder) and each.child.action != CANCEL]
    skips = books.reduce_only_skips
    for order in orders:
        votes = of_intent[order.intent_id].votes
        asked = [gate for gate in books.intent_gates if not (order.child.reduce_only and gate in skips)]
        assert asked == [vote.gate for vote in votes if vote.gate in asked]
        assert {vote.verdict for vote in votes} <= {APPROVE, RESHAPE}
        assert list(books.presign_gates) == [vote.gate for vote in order.votes]
        assert of_plan[order.plan_id].votes == order.votes
        assert order.child.size_lots <= of_intent[order.intent_id].size_lots
    for decision in of_intent.values():
        cast = [vote.gate for vote in decision.votes]
        assert len(cast) + len(decision.not_run) >= len(books.intent_gates) or not cast
        assert REJECT not in {vote.verdict for vote in decision.votes[:-1]}
    signed = {each.client_order_id: each for each in everything if isinstance(each, SignedOrderRequest)}
    assert {order.child.client_order_id for order in orders} == set(signed)
    assert {(None, "guarded")} == {(each.signature, each.builder_code) for each in signed.values()}
    return len(orders), sum(isinstance(each, OrderIntent) for each in everything)


def check_reports(everything: Said) -> None:
    """Every entry and every size was reported with the numbers compared."""
    reports = [each for each in everything if isinstance(each, GuardReport)]
    events = {each.event for each in reports}
    assert {"ENTRY_POLICY_DECISION", "CAPITAL_ALLOCATION"} <= events
    assert all(each.compared for each in reports if each.event == "CAPITAL_ALLOCATION")


def test_every_order_of_the_pack_has_every_vote(tmp_path: Path) -> None:
    """Eighteen votes on its intent, eight on its plan, a request without a signature; a replay says the same."""
    capture = tmp_path / "kalshi.jsonl"
    with gzip.open(world.ROOT / "fixtures/demo_kalshi.jsonl.gz", "rt") as file:
        capture.write_text("".join(line for _, line in zip(range(6_000), file, strict=False)))
    store, summary = stored(tmp_path, capture, world.ROOT / "fixtures/demo_instruments.jsonl")
    everything = said(store)
    orders, intents = check_votes(everything)
    assert (0, [], orders) == (summary["invalid"], summary.get("faults", []), summary["orders"])
    assert (orders > 50, intents > 500) == (True, True)
    check_reports(everything)
    found = replay(store)
    assert (0, 0, None) == tuple(found[key] for key in ("differs", "input_missing", "first_difference"))


@pytest.mark.recorded
def test_every_order_of_a_recording_has_every_vote(recorded: Path, tmp_path: Path) -> None:
    """The same over what Kalshi sent."""
    store, summary = stored(tmp_path, recorded / "kalshi" / "btc15m_20260513T1259Z.jsonl.gz", None)
    orders, intents = check_votes(said(store))
    assert (0, orders) == (summary["invalid"], summary["orders"])
    assert (intents > 1_000, orders > 100) == (True, True)
    found = replay(store)
    assert (0, 0) == (found["differs"], found["input_missing"])
