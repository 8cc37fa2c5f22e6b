"""Apply the law to every intent: where the account's holder is, who they are, what may be traded, and how much of it.

Says    REJECT when the policy is missing or stale, the account's standing forbids it, or a rule does; RESHAPE to the
        legal limit of the position, otherwise APPROVE. Beside each vote a report, COMPLIANCE_DECISION: the policy in
        force with its time of issue, the rules that fired, and the sizes compared. Seen and limit: lots of the position
        and its legal limit; for a block the number of rules that fired and 0; for a stale policy seconds of age.
Why     A limit of risk costs money when it is passed; one of law costs the licence. So jurisdiction is never assumed:
        an account without a row, or without a region, trades nothing, in paper too. The law binds an exit as well,
        unless its rule says that closing is allowed. Own orders that rest on the same side count as held.
Source  bots/library.toml; SEC Rule 15c3-5. Who is where and what a rule is about: bots/maths/policies.py.
"""

from bots.kit import MILLION, BotConfig, DeskContext, Frac, Hours, Instant, Latest, On, approve, reject, reshape, rule
from bots.maths.notional import reduces
from bots.maths.policies import age_s, bars, forbids, is_current, position_limit
from contracts.control import PolicyBundle
from contracts.intent import GuardReport, OrderIntent, RiskVote
from contracts.market import MarketDefinition
from contracts.order import OwnOrders, PositionState
from contracts.reasons import (
    RISK_COMPLIANCE_BLOCK,
    RISK_COMPLIANCE_LIMIT_NEAR,
    RISK_COMPLIANCE_OK,
    RISK_COMPLIANCE_POLICY_STALE,
)

GATE, EVENT = "risk.compliance_gate", "COMPLIANCE_DECISION"
Compared = tuple[tuple[str, int], ...]


class Config(BotConfig):
    """From which share of a legal limit on to warn, and when a policy is stale."""

    limit_warn_frac: Frac = 900_000
    max_policy_age_h: Hours = 24


def decide(
    config: Config,
    intent: On[OrderIntent],
    definition: Latest[MarketDefinition],
    position: Latest[PositionState | None],
    own: Latest[OwnOrders | None],
    desk: Latest[DeskContext],
    bundle: Latest[PolicyBundle | None],
    now: Instant,
) -> tuple[RiskVote, GuardReport]:
    """Vote on one intent, and say under which policy and by which rules."""
    if bundle is None or not is_current(bundle, config.max_policy_age_h, now):
        age, limit = age_s(bundle, now), config.max_policy_age_h * 3_600
        return _said(intent, bundle, reject(GATE, RISK_COMPLIANCE_POLICY_STALE, age, limit), ())
    standing = next((row for row in bundle.standings if row.account == desk.account), None)
    closing, fired = reduces(intent, position), bars(standing, definition)
    if standing is not None:
        rules = (one for one in bundle.rules if not (one.close_only and closing))
        fired += tuple(f"rule:{one.rule_id}" for one in rules if forbids(one, standing, definition))
    if fired:
        vote = reject(GATE, RISK_COMPLIANCE_BLOCK, len(fired), 0)
        return _said(intent, bundle, vote, tuple((name, 1) for name in fired))
    bound = position_limit(bundle.rules, definition)
    if bound is None or closing:
        return _said(intent, bundle, approve(GATE, RISK_COMPLIANCE_OK, 0, 0), ())
    resting = sum(o.open_lots for o in own.orders if o.side == intent.side) if own is not None else 0
    held = (intent.side * position.size_lots if position is not None else 0) + resting
    wanted, limit = held + intent.size_lots, bound.limit_lots
    compared: Compared = (("held_lots", held), ("wanted_lots", wanted), ("limit_lots", limit))
    if wanted * MILLION <= limit * config.limit_warn_frac:
        return _said(intent, bundle, approve(GATE, RISK_COMPLIANCE_OK, wanted, limit), compared)
    compared = ((f"rule:{bound.rule_id}", 1), *compared)
    if wanted <= limit:
        vote = approve(GATE, RISK_COMPLIANCE_LIMIT_NEAR, wanted, limit)
    elif held < limit:
        vote = reshape(GATE, RISK_COMPLIANCE_LIMIT_NEAR, wanted, limit, limit - held)
    else:
        vote = reject(GATE, RISK_COMPLIANCE_BLOCK, wanted, limit)
    return _said(intent, bundle, vote, compared)


def _said(
    intent: OrderIntent, bundle: PolicyBundle | None, vote: RiskVote, compared: Compared
) -> tuple[RiskVote, GuardReport]:
    policy = ("policy:none", 0) if bundle is None else (f"policy:{bundle.bundle_id}", bundle.issued_ns)
    return vote, GuardReport(EVENT, intent.intent_id, GATE, vote.verdict, vote.reason, (policy, *compared))


BOT = rule(
    decide,
    reasons={
        RISK_COMPLIANCE_OK,
        RISK_COMPLIANCE_LIMIT_NEAR,
        RISK_COMPLIANCE_BLOCK,
        RISK_COMPLIANCE_POLICY_STALE,
    },
)
