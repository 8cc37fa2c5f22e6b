"""The votes on a plan: what may leave, how large, and that no cancel is ever held back."""

from hypothesis import given
from hypothesis import strategies as st

from contracts.intent import APPROVE, NO_LIMIT, QUARANTINE, REJECT, RESHAPE
from contracts.order import CANCEL, PLACE
from contracts.reasons import RISK_GATE_APPROVED, RISK_VOTE_MISSING, SEC_KEY_INVALID, SEC_STATE_TRIMMED
from operators.gate import authorise_all, only_cancels, settle_plan
from tests import world

GATES = ("sec.chain_state_verifier", "sec.session_key_manager")
BACK = world.child(action=CANCEL, client_order_id="old")
NEW = world.child(action=PLACE, client_order_id="new", size_lots=1_000)
PLAN = world.plan(children=(BACK, NEW))


def settled(*votes, plan=PLAN, required=GATES, smallest=1):
    """The decision on a plan, and the sizes of what may leave by name."""
    decision, allowed = settle_plan(plan, votes, GATES, required, smallest, "d")
    return decision, {each.child.client_order_id: each.child.size_lots for each in allowed}


def said(gate, verdict=APPROVE, reason=RISK_GATE_APPROVED, most=NO_LIMIT):
    """A vote of one of the two guards."""
    return world.vote(gate=GATES[gate], verdict=verdict, reason=reason, size_lots_max=most)


def test_all_approve():
    """Everything leaves as planned, with every vote."""
    decision, left = settled(said(0), said(1))
    assert (APPROVE, RISK_GATE_APPROVED, 1_000, ()) == (
        decision.verdict, decision.reason, decision.size_lots, decision.not_run,
    )  # fmt: skip
    assert {"old": BACK.size_lots, "new": 1_000} == left
    assert GATES == tuple(vote.gate for vote in decision.votes)


def test_a_reshape_cuts_orders_and_no_cancel():
    """The smallest size counts; below the venue's minimum the order stays here."""
    cut = said(0, RESHAPE, SEC_STATE_TRIMMED, 600)
    decision, left = settled(cut, said(1))
    assert (RESHAPE, SEC_STATE_TRIMMED, 600) == (decision.verdict, decision.reason, decision.size_lots)
    assert {"old": BACK.size_lots, "new": 600} == left
    decision, left = settled(cut, said(1), smallest=601)
    assert ((REJECT, SEC_STATE_TRIMMED, 0), {"old": BACK.size_lots}) == (
        (decision.verdict, decision.reason, decision.size_lots), left,
    )  # fmt: skip


def test_a_refusal_holds_orders_back_and_no_cancel():
    """The guards that it spared are named."""
    decision, left = settled(said(0, REJECT, SEC_KEY_INVALID))
    assert (REJECT, SEC_KEY_INVALID, GATES[1:]) == (decision.verdict, decision.reason, decision.not_run)
    assert {"old": BACK.size_lots} == left


def test_a_missing_vote_is_a_refusal():
    """Only of a guard that is required."""
    decision, left = settled(said(0))
    assert (REJECT, RISK_VOTE_MISSING, {"old": BACK.size_lots}) == (decision.verdict, decision.reason, left)
    assert APPROVE == settled(said(0), required=GATES[:1])[0].verdict


def test_what_only_cancels_is_not_voted_on():
    """It leaves whole, without votes."""
    plan = world.plan(children=(BACK,))
    assert (True, False) == (only_cancels(plan), only_cancels(PLAN))
    (left,) = authorise_all(plan, "d")
    assert (BACK, ()) == (left.child, left.votes)


def test_an_order_without_a_name_never_leaves():
    """Where exec.nonce_shepherd did not name it, nothing could tell it from its repeat."""
    plan = world.plan(children=(BACK, world.child(action=PLACE, client_order_id="")))
    assert {"old": BACK.size_lots} == settled(said(0), said(1), plan=plan)[1]
    assert ["old"] == [each.child.client_order_id for each in authorise_all(plan, "d")]


@given(st.lists(st.tuples(st.sampled_from([APPROVE, RESHAPE, REJECT, QUARANTINE]), st.integers(0, 2_000)), max_size=2))
def test_no_vote_enlarges_and_no_vote_blocks_a_cancel(drawn):
    """Whatever is said: an order leaves at most at its size and every bound, and a cancel always."""
    votes = [said(n, verdict, RISK_GATE_APPROVED, most) for n, (verdict, most) in enumerate(drawn)]
    decision, left = settled(*votes)
    bounds = [vote.size_lots_max for vote in votes if vote.verdict == RESHAPE]
    assert left.pop("old") == BACK.size_lots
    assert left.get("new", 0) == decision.size_lots <= min([1_000, *bounds])
    if len(votes) < 2 or any(vote.verdict in (REJECT, QUARANTINE) for vote in votes):
        assert ({}, True) == (left, decision.verdict in (REJECT, QUARANTINE))
