"""Hold every desk to its declared role: mode, venues, symbols, strategies and the money that it may expose.

Says    REJECT when the signed policy is invalid for the desk or the intent is outside its role, RESHAPE to the room
        under the role's notional, otherwise APPROVE. Seen and limit: micros of what the desk exposes and its cap;
        for an invalid policy its age and limit in seconds; for a violation the number of the first broken condition
        (bots/maths/policies.py) and 0.
Why     A desk more must never widen live risk by accident, so a desk is what a signed row says and nothing else: one
        without a row is disabled, in paper and shadow too. What is exposed is the worst-case loss of everything held
        and resting, a perpetual counting in full. The cap binds where real money is, and wherever a role names one.
        Under an invalid policy a proven reduction still passes, and the cap never binds one; a desk, mode, venue,
        symbol or strategy outside its role reduces nothing either. The safety state is the kill switch's, which has
        voted before.
Source  bots/library.toml; the policy document of seed 000 as decided.
"""

from bots.kit import MILLION, BotConfig, DeskContext, Hours, Instant, Latest, On, State, approve, guard, reject, reshape
from bots.maths.holdings import Holdings, changed, place_of, standing, with_position
from bots.maths.notional import held_losses, loss, lots_within, reduces, unit_risk
from bots.maths.policies import age_s, agree, first_breach, is_current, roles_of
from contracts.control import PolicyBundle
from contracts.intent import OrderIntent, RiskVote
from contracts.market import MarketDefinition
from contracts.order import OrderUpdate, PositionState
from contracts.policy import DeskRole
from contracts.reasons import (
    RISK_ROLE_NOTIONAL_TRIMMED,
    RISK_ROLE_OK,
    RISK_ROLE_POLICY_INVALID,
    RISK_ROLE_VIOLATION,
)

GATE = "risk.isolation_policy"


class Config(BotConfig):
    """What makes a policy invalid."""

    require_signed_bundle: bool = True
    max_bundle_age_h: Hours = 24


class Open(State):
    """What the desk exposes: worst-case loss of all that is held and rests."""

    holdings: Holdings = Holdings()


def watch(
    config: Config,
    state: Open,
    event: On[PositionState | OrderUpdate],
    definition: Latest[MarketDefinition],
    now: Instant,
) -> Open:
    """Keep the sum of what is held and what rests."""
    if isinstance(event, PositionState):
        losses = held_losses(definition, event.size_lots, event.cost_micros, MILLION)
        holdings = with_position(state.holdings, place_of(definition, "", 0), losses)
    else:
        lost = loss(unit_risk(definition, event.side, event.price_ticks), event.open_lots)
        holdings = changed(state.holdings, definition, "", 0, (event.client_order_id, event.side, lost))
    return state if holdings is state.holdings else Open(holdings)


def decide(
    config: Config,
    state: Open,
    intent: On[OrderIntent],
    definition: Latest[MarketDefinition],
    position: Latest[PositionState | None],
    desk: Latest[DeskContext],
    bundle: Latest[PolicyBundle | None],
    now: Instant,
) -> RiskVote:
    """Vote on one intent: the policy first, then the role, then the money."""
    reducing = reduces(intent, position)
    roles = roles_of(bundle, desk.desk_id) if bundle is not None else ()
    if bundle is None or not _is_valid(config, bundle, roles, now):
        answer = approve if reducing else reject
        return answer(GATE, RISK_ROLE_POLICY_INVALID, age_s(bundle, now), config.max_bundle_age_h * 3_600)
    role = roles[0] if roles else None
    breach = first_breach(role, desk.desk_mode, definition, intent.strategy)
    if role is None or breach:
        return reject(GATE, RISK_ROLE_VIOLATION, breach, 0)
    cap, exposed = role.max_notional_micros, state.holdings.total
    if reducing or (desk.desk_mode != "live" and not cap):
        return approve(GATE, RISK_ROLE_OK, exposed, cap)
    start, *_ = standing(state.holdings, definition, "", 0, intent.side)
    slack, unit = start.group_worst - start.group, unit_risk(definition, intent.side, intent.price_ticks)
    adds = loss(unit, intent.size_lots)
    seen = exposed + max(0, adds - slack)
    if seen <= cap:
        return approve(GATE, RISK_ROLE_OK, seen, cap)
    lots = lots_within(cap - exposed + slack, unit) if exposed <= cap else 0
    if not lots:
        return reject(GATE, RISK_ROLE_NOTIONAL_TRIMMED, seen, cap)
    return reshape(GATE, RISK_ROLE_NOTIONAL_TRIMMED, seen, cap, lots)


def _is_valid(config: Config, bundle: PolicyBundle, roles: tuple[DeskRole, ...], now: Instant) -> bool:
    """True when the policy may be believed: signed, young, and its documents agree about the desk."""
    if (config.require_signed_bundle and not bundle.signed_by) or not is_current(bundle, config.max_bundle_age_h, now):
        return False
    return not roles or (len(roles) == 1 and agree(roles[0]))


BOT = guard(
    decide,
    watch,
    reasons={RISK_ROLE_OK, RISK_ROLE_NOTIONAL_TRIMMED, RISK_ROLE_VIOLATION, RISK_ROLE_POLICY_INVALID},
    per="desk",
)
