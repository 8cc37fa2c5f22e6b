"""Settle votes into a decision; the only place where an approval is made.

Guards run in declared order and the first refusal ends the vote; the others are recorded as not run. Reshaping folds by
intersection: the smallest size, the union of the constraints. So no guard can enlarge, loosen or turn an order, and the
order of the guards decides only cost and which reason is reported. A missing vote is a refusal.
"""

from collections.abc import Sequence

from msgspec import structs

from contracts.intent import (
    APPROVE,
    NO_LIMIT,
    QUARANTINE,
    REJECT,
    RESHAPE,
    ApprovedIntent,
    OrderIntent,
    RiskDecision,
    RiskVote,
)
from contracts.order import CANCEL, AuthorisedOrder, ExecutionPlan
from contracts.reasons import RISK_BELOW_MINIMUM, RISK_GATE_APPROVED, RISK_VOTE_MISSING, RISK_WITHDRAW_PASSED

REFUSALS = (REJECT, QUARANTINE)


def settle(
    intent: OrderIntent,
    votes: Sequence[RiskVote],
    gates: Sequence[str],
    required: Sequence[str],
    skipped: Sequence[str],
    min_size_lots: int,
    gates_digest: str,
) -> tuple[RiskDecision, ApprovedIntent | None]:
    """Fold the votes on an intent; `gates` were to vote, in order, `skipped` need not (reduce-only).

    Returns the decision and, unless it is a refusal, the approval with the size that may be executed, in lots.
    """
    size, post_only, reduce_only = intent.size_lots, intent.post_only, intent.reduce_only
    verdict, reason = APPROVE, RISK_GATE_APPROVED
    for vote in votes:
        if vote.verdict == APPROVE:
            if vote.post_only:
                post_only = True
            continue
        if vote.verdict == RESHAPE:
            post_only, reduce_only = post_only or vote.post_only, reduce_only or vote.reduce_only
            if vote.size_lots_max < size:
                size = vote.size_lots_max
            verdict, reason = RESHAPE, vote.reason
            if size < min_size_lots:
                verdict, reason = REJECT, vote.reason
                break
            continue
        verdict, reason = vote.verdict if vote.verdict in REFUSALS else REJECT, vote.reason
        break
    not_run: tuple[str, ...] = tuple(skipped)
    if len(votes) < len(gates):
        voted = {vote.gate for vote in votes}
        absent = tuple(gate for gate in gates if gate not in voted)
        not_run += absent
        if verdict not in REFUSALS and any(gate in required for gate in absent):
            verdict, reason = REJECT, RISK_VOTE_MISSING
    if verdict in REFUSALS or not votes or size <= 0:
        refused = verdict if verdict in REFUSALS else REJECT
        why = reason if verdict in REFUSALS else RISK_VOTE_MISSING if not votes else RISK_BELOW_MINIMUM
        cast = tuple(votes)
        return RiskDecision(
            intent.intent_id, refused, why, 0, post_only, reduce_only, cast, not_run, gates_digest
        ), None
    decision = RiskDecision(
        intent.intent_id, verdict, reason, size, post_only, reduce_only, tuple(votes), not_run, gates_digest
    )
    return decision, ApprovedIntent(intent, size, post_only, reduce_only)


def pass_withdrawal(intent: OrderIntent, gates_digest: str) -> tuple[RiskDecision, ApprovedIntent]:
    """Approve a withdrawal without votes: a cancel is never blocked by risk, limits or mode (decisions §7)."""
    decision = RiskDecision(
        intent.intent_id, APPROVE, RISK_WITHDRAW_PASSED, intent.size_lots, True, True, (), (), gates_digest
    )
    return decision, ApprovedIntent(intent, intent.size_lots, True, True)


def only_cancels(plan: ExecutionPlan) -> bool:
    """True when a plan places nothing."""
    return all(child.action == CANCEL for child in plan.children)


def authorise_all(plan: ExecutionPlan, gates_digest: str) -> tuple[AuthorisedOrder, ...]:
    """Let every child leave where nobody votes on plans, and every cancel anywhere; none without a name of its own."""
    return tuple(
        AuthorisedOrder(plan.intent_id, plan.plan_id, plan.strategy, child, (), gates_digest)
        for child in plan.children
        if child.client_order_id
    )


def settle_plan(
    plan: ExecutionPlan,
    votes: Sequence[RiskVote],
    gates: Sequence[str],
    required: Sequence[str],
    min_size_lots: int,
    gates_digest: str,
) -> tuple[RiskDecision, tuple[AuthorisedOrder, ...]]:
    """Fold the pre-sign votes on a plan; returns the decision and the children that may leave.

    Every order is cut to the smallest size that a vote allows, in lots; one below the venue's minimum does not leave.
    A refusal holds back every order, and no cancel: what takes an order back is never blocked (decisions §7). An order
    without a name of its own never leaves.
    """
    most, verdict, reason = NO_LIMIT, APPROVE, RISK_GATE_APPROVED
    for vote in votes:
        if vote.verdict == APPROVE:
            continue
        if vote.verdict != RESHAPE:
            verdict, reason = vote.verdict if vote.verdict in REFUSALS else REJECT, vote.reason
            break
        most, verdict, reason = min(most, vote.size_lots_max), RESHAPE, vote.reason
    voted = {vote.gate for vote in votes}
    not_run = tuple(gate for gate in gates if gate not in voted)
    if verdict not in REFUSALS and any(gate not in voted for gate in required):
        verdict, reason = REJECT, RISK_VOTE_MISSING
    cast, allowed, size = tuple(votes), [], 0
    for child in plan.children:
        if child.action != CANCEL:
            lots = min(child.size_lots, most)
            if verdict in REFUSALS or lots < min_size_lots or not child.client_order_id:
                continue
            child = child if lots == child.size_lots else structs.replace(child, size_lots=lots)
            size += lots
        allowed.append(AuthorisedOrder(plan.intent_id, plan.plan_id, plan.strategy, child, cast, gates_digest))
    if not size and verdict not in REFUSALS:
        verdict = REJECT
    decision = RiskDecision(plan.plan_id, verdict, reason, size, False, False, cast, not_run, gates_digest)
    return decision, tuple(allowed)
