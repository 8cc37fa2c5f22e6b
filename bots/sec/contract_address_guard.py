"""Let nothing be signed but for the committed contract, chain and domain of the venue's present exchange.

Says    REJECT when the committed table is missing, when not exactly one row is in force for what the plan does, or when
        that row is not what this program signs for; otherwise APPROVE, flagged while only the outgoing row is. Seen is
        how many rows are in force, limit 1; during a migration, hours since its begin and its window.
Why     A signature for the wrong contract is valid somewhere else, for ever. Two sources must agree: the table that
        people committed and the constants that the signer is built with; whichever is changed alone, nothing is
        signed. A venue without contracts is known by its host. Cancels are not signed as orders and are not judged.
Source  bots/library.toml; facts on Polymarket's contracts (V2: domain version 2, login version 1); EIP-712.
"""

from bots.kit import BotConfig, Hours, Instant, Latest, On, approve, reject, rule
from bots.maths.contract_rows import HOUR_NS, OUTGOING, WRONG, looked_up
from contracts.control import PolicyBundle
from contracts.intent import RiskVote
from contracts.market import MarketDefinition
from contracts.order import CANCEL, ExecutionPlan
from contracts.reasons import (
    SEC_CONTRACT_MIGRATION,
    SEC_CONTRACT_NOT_ALLOWED,
    SEC_CONTRACT_OK,
    SEC_CONTRACT_TABLE_MISSING,
)

GATE = "sec.contract_address_guard"


class Config(BotConfig):
    """How long a row that is on its way out is still accepted."""

    migration_window_h: Hours = 24


def decide(
    config: Config,
    plan: On[ExecutionPlan],
    policy: Latest[PolicyBundle | None],
    definition: Latest[MarketDefinition],
    now: Instant,
) -> RiskVote:
    """Vote on a plan."""
    actions = sorted({child.action for child in plan.children} - {CANCEL})
    if not actions:
        return approve(GATE, SEC_CONTRACT_OK, 0, 0)
    if policy is None or not policy.signed_by or not policy.bundle_hash or not policy.contracts:
        return reject(GATE, SEC_CONTRACT_TABLE_MISSING, 0, 1)
    answer = approve(GATE, SEC_CONTRACT_OK, 1, 1)
    for action in actions:
        window = config.migration_window_h
        found = looked_up(policy.contracts, definition.venue_id, definition.neg_risk, action, now, window)
        if found.word == WRONG or any(child.venue_id != definition.venue_id for child in plan.children):
            return reject(GATE, SEC_CONTRACT_NOT_ALLOWED, found.rows, 1)
        if found.word == OUTGOING:
            answer = approve(GATE, SEC_CONTRACT_MIGRATION, (now - found.since_ns) // HOUR_NS, window)
    return answer


BOT = rule(
    decide,
    reasons={SEC_CONTRACT_OK, SEC_CONTRACT_MIGRATION, SEC_CONTRACT_NOT_ALLOWED, SEC_CONTRACT_TABLE_MISSING},
)
