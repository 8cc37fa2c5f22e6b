"""Let a strategy do only what it was granted: with this account, these methods, at these targets, for so much.

Says    REJECT without a signed table of grants, without a grant for strategy and account that names every method and
        target of the plan, beyond its amount or its amount of a rolling day; otherwise APPROVE, flagged near the day's
        limit. Seen is what the day would have used with this plan, limit the day's amount; else the plan's amount.
Why     Whatever is not granted is denied. Withdrawals, transfers and approvals cannot be granted at all. A first use of
        a target needs a person, whose confirmation stands in the signed grant. Use is counted when an order may leave,
        not when it is asked for. Cancels spend nothing and are never blocked; what only reduces spends nothing of an
        amount, but needs the grant. An order's targets are its venue and, on a chain, the contract it is signed for.
Source  bots/library.toml; Saltzer and Schroeder 1975.
"""

from bots.kit import BotConfig, DeskContext, Frac, Hours, Instant, Latest, On, State, approve, guard, reject
from bots.maths.contract_rows import target_of
from bots.maths.grants import Used, added, covers, within
from bots.maths.notional import MILLION
from bots.maths.outlays import amount
from contracts.control import PolicyBundle
from contracts.intent import RiskVote
from contracts.market import MarketDefinition
from contracts.order import CANCEL, AuthorisedOrder, ExecutionPlan
from contracts.reasons import (
    SEC_PERMISSION_DENIED,
    SEC_PERMISSION_NEAR_LIMIT,
    SEC_PERMISSION_OK,
    SEC_PERMISSION_POLICY_MISSING,
)

GATE = "sec.wallet_permission_guard"


class Config(BotConfig):
    """Length of the rolling window, and the share of its amount from which a vote is flagged."""

    daily_window_h: Hours = 24
    warn_frac: Frac = 900_000


class Spent(State):
    """What strategies used of their grants."""

    used: Used = Used()


def watch(
    config: Config,
    state: Spent,
    order: On[AuthorisedOrder],
    definition: Latest[MarketDefinition],
    now: Instant,
) -> Spent:
    """Count what an order that may leave takes."""
    taken = amount(definition, (order.child,))
    return Spent(added(state.used, order.strategy, taken, now, config.daily_window_h)) if taken else state


def decide(
    config: Config,
    state: Spent,
    plan: On[ExecutionPlan],
    policy: Latest[PolicyBundle | None],
    definition: Latest[MarketDefinition],
    desk: Latest[DeskContext],
    now: Instant,
) -> RiskVote:
    """Vote on a plan."""
    methods = {child.action for child in plan.children}
    if methods <= {CANCEL}:
        return approve(GATE, SEC_PERMISSION_OK, 0, 0)
    if policy is None or not policy.signed_by or not policy.grants:
        return reject(GATE, SEC_PERMISSION_POLICY_MISSING, 0, 0)
    targets = {definition.venue_id} | {child.venue_id for child in plan.children}
    acting = methods - {CANCEL}
    targets |= {target_of(policy.contracts, definition.venue_id, definition.neg_risk, action) for action in acting}
    taken = amount(definition, plan.children)
    mine = (grant for grant in policy.grants if (grant.strategy, grant.account) == (plan.strategy, desk.account))
    grant = next((grant for grant in mine if covers(grant, methods, targets - {""}, now)), None)
    if grant is None or taken > grant.amount_micros:
        return reject(GATE, SEC_PERMISSION_DENIED, taken, grant.amount_micros if grant else 0)
    used = within(state.used, plan.strategy, now, config.daily_window_h) + taken
    if taken and used > grant.daily_micros:
        return reject(GATE, SEC_PERMISSION_DENIED, used, grant.daily_micros)
    near = used * MILLION >= config.warn_frac * grant.daily_micros
    return approve(GATE, SEC_PERMISSION_NEAR_LIMIT if near else SEC_PERMISSION_OK, used, grant.daily_micros)


BOT = guard(
    decide,
    watch,
    reasons={
        SEC_PERMISSION_OK,
        SEC_PERMISSION_NEAR_LIMIT,
        SEC_PERMISSION_DENIED,
        SEC_PERMISSION_POLICY_MISSING,
    },
    per="desk",
)
