"""Decode the exact bytes that would be signed, and prove that they say what the approved plan says and nothing more.

Says    REJECT when a payload cannot be built or decoded, when a field differs from the plan or is one too many, when
        the plan goes beyond what was approved, or is too old; otherwise APPROVE, flagged when a size was cut to the
        venue's grid. Seen of an approval is the first 48 bits of the SHA-256 over the digests of all payloads, by
        which an audit finds the bytes again; limit how many there are. Of a refusal: the two numbers that differ.
Why     What people approved is a plan; what takes effect is bytes. The builder and this reader share no code, so a
        mistake must be made twice, alike. The connector builds the same bytes by the same function, and the signer's
        request carries their hash. Cancels name an order of the venue's and are approved. No payload of an operation
        on a chain is built here, so none is approved.
Source  bots/library.toml; contracts/payloads.py, bots/maths/payload_checks.py; EIP-712.
"""

from hashlib import sha256

from bots.kit import BotConfig, Instant, Latest, Millis, On, State, approve, guard, reject
from bots.maths.approvals import Approvals, broken
from bots.maths.payload_checks import MISMATCH, ROUNDED, UNDECODABLE, checked
from contracts.base import Refused
from contracts.intent import NO_LIMIT, ApprovedIntent, RiskVote
from contracts.market import MarketDefinition
from contracts.order import CANCEL, ExecutionPlan
from contracts.payloads import payload_of
from contracts.reasons import (
    SEC_PAYLOAD_MATCH,
    SEC_PAYLOAD_MISMATCH,
    SEC_PAYLOAD_ROUNDED,
    SEC_PAYLOAD_UNDECODABLE,
)

GATE = "sec.signature_previewer"
MS, DIGITS = 1_000_000, 12
REFUSALS = {MISMATCH: SEC_PAYLOAD_MISMATCH, UNDECODABLE: SEC_PAYLOAD_UNDECODABLE}


class Config(BotConfig):
    """How old a plan may be."""

    max_plan_age_ms: Millis = 2_000


class Approved(State):
    """What was approved lately."""

    approvals: Approvals = Approvals()


def watch(config: Config, state: Approved, approved: On[ApprovedIntent], now: Instant) -> Approved:
    """Keep an approval for its plan."""
    return Approved(state.approvals.plus(approved))


def decide(
    config: Config,
    state: Approved,
    plan: On[ExecutionPlan],
    definition: Latest[MarketDefinition],
    now: Instant,
) -> RiskVote:
    """Vote on a plan."""
    signed = [child for child in plan.children if child.action != CANCEL]
    if not signed:
        return approve(GATE, SEC_PAYLOAD_MATCH, 0, 0)
    beyond = broken(plan, state.approvals.of(plan.intent_id))
    if beyond.what:
        return reject(GATE, SEC_PAYLOAD_MISMATCH, beyond.seen, beyond.limit)
    digests, reason = sha256(), SEC_PAYLOAD_MATCH
    for child in signed:
        age = now // MS - child.venue_ts_ms + child.child_index
        if not child.client_order_id or not plan.plan_hash or not 0 <= age <= config.max_plan_age_ms:
            return reject(GATE, SEC_PAYLOAD_MISMATCH, age, config.max_plan_age_ms)
        try:
            payload = payload_of(child, definition)
        except Refused:
            return reject(GATE, SEC_PAYLOAD_UNDECODABLE, child.price_ticks, child.size_lots)
        found = checked(payload.encoded, child, definition)
        if found.word in REFUSALS:
            return reject(GATE, REFUSALS[found.word], min(found.seen, NO_LIMIT), min(found.limit, NO_LIMIT))
        reason = SEC_PAYLOAD_ROUNDED if found.word == ROUNDED else reason
        digests.update(bytes.fromhex(payload.digest))
    return approve(GATE, reason, int(digests.hexdigest()[:DIGITS], 16), len(signed))


BOT = guard(
    decide,
    watch,
    reasons={SEC_PAYLOAD_MATCH, SEC_PAYLOAD_ROUNDED, SEC_PAYLOAD_MISMATCH, SEC_PAYLOAD_UNDECODABLE},
    per="desk",
)
