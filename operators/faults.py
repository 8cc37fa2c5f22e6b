"""Say what an engine says when a bot cannot: missing or stale readings, faults, quarantine."""

from contracts.intent import REJECT, RiskVote
from contracts.reasons import RISK_BOT_QUARANTINED
from operators.plan import Node


def refusal(node: Node, what: str) -> RiskVote:
    """Return the vote of a guard that could not vote; `what` is INPUT_MISSING, INPUT_STALE or BOT_FAULT."""
    return RiskVote(node.bot_id, REJECT, f"{node.layer}_{what}", 0, 0, 0)


def quarantined_vote(node: Node) -> RiskVote:
    """Return the vote of a quarantined guard: it refuses what it touches."""
    return RiskVote(node.bot_id, REJECT, RISK_BOT_QUARANTINED, 0, 0, 0)

