"""Bind each plan to one short-lived key, and refuse it when none is valid here.

Says    REJECT without a register, or when no key of account, venue and mode is young, unspent and of one environment;
        otherwise APPROVE, flagged within warn_frac of a limit. Seen of an approval is the chosen key's place in the
        register of the policy, by which sec.signing_service names it; limit how many keys were in scope. Seen of a
        refusal is -1.
Why     A key that lives an hour is worth little to a thief, and one that appears in two environments is nobody's. Only
        references are handled: the key is with the signer. A use is counted when an order may leave. Cancels are
        approved whatever the keys' state, flagged when none is valid: stopping must not wait for a rotation.
Source  bots/library.toml; NIST SP 800-57.
"""

from bots.kit import (
    BotConfig,
    Days,
    DeskContext,
    Frac,
    Hours,
    Instant,
    Latest,
    Number,
    On,
    Seconds,
    State,
    approve,
    guard,
    reject,
)
from bots.maths.session_keys import Bounds, Choice, Uses, chosen
from contracts.control import PolicyBundle
from contracts.intent import RiskVote
from contracts.order import CANCEL, AuthorisedOrder, ExecutionPlan
from contracts.reasons import SEC_KEY_INVALID, SEC_KEY_OK, SEC_KEY_ROTATE_SOON, SEC_KEY_STATE_MISSING

GATE = "sec.session_key_manager"


class Config(BotConfig):
    """How long and how often a key may be used, when its parent must be rotated, and when to ask for it."""

    session_ttl_s: Seconds = 3_600
    max_uses: Number = 500
    rotate_days: Days = 30
    grace_h: Hours = 48
    warn_frac: Frac = 900_000


class Register(State):
    """How often each key was used."""

    uses: Uses = Uses()


def watch(
    config: Config,
    state: Register,
    order: On[AuthorisedOrder],
    policy: Latest[PolicyBundle | None],
    now: Instant,
) -> Register:
    """Count the use of the key that was chosen for an order which may leave now."""
    place = next((vote.seen for vote in order.votes if vote.gate == GATE), -1)
    if policy is None or not 0 <= place < len(policy.keys):
        return state
    return Register(state.uses.only(policy.keys).used(policy.keys[place].key_ref))


def decide(
    config: Config,
    state: Register,
    plan: On[ExecutionPlan],
    policy: Latest[PolicyBundle | None],
    desk: Latest[DeskContext],
    now: Instant,
) -> RiskVote:
    """Vote on a plan; all its orders are of one venue."""
    stops = all(child.action == CANCEL for child in plan.children)
    venues = {child.venue_id for child in plan.children}
    found = Choice(-1, 0, 0)
    if policy is not None and len(venues) == 1:
        bounds = Bounds(config.session_ttl_s, config.max_uses, config.rotate_days, config.grace_h)
        found = chosen(policy.keys, (desk.account, min(venues), desk.desk_mode), state.uses, bounds, now)
    if found.place < 0:
        if stops:
            return approve(GATE, SEC_KEY_ROTATE_SOON, -1, found.in_scope)
        missing = policy is None or not policy.signed_by or not policy.keys
        return reject(GATE, SEC_KEY_STATE_MISSING if missing else SEC_KEY_INVALID, -1, found.in_scope)
    reason = SEC_KEY_ROTATE_SOON if found.near_micros >= config.warn_frac else SEC_KEY_OK
    return approve(GATE, reason, found.place, found.in_scope)


BOT = guard(
    decide, watch, reasons={SEC_KEY_OK, SEC_KEY_ROTATE_SOON, SEC_KEY_INVALID, SEC_KEY_STATE_MISSING}, per="desk"
)
