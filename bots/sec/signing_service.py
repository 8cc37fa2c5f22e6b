"""Ask for a signature only for an order with every approval it needs; the one place where a signature is requested.

Says    A SignedOrderRequest without its signature, with the digest of the payload, the key's reference, and the digests
        of the votes; or the reason why there is none. A repeat gives the stored request again and says so; another
        content under the same id is refused. In paper and shadow, where no key needs to exist, the key is SIM.
Why     Later programs check less than this one: what it does not ask for is not signed. All eight pre-sign votes are
        required in live, none of them a refusal, all of the plan's own moment; the order must stay inside what they
        left of it, and the desk's list of gates must be the one that was applied. Intent votes stand behind the
        approval that was folded from them. Polymarket orders carry the committed builder code. Cancels need no request.
Source  bots/library.toml; decisions on identity: the signature is added by the signer, outside every digest.
"""

from hashlib import sha256

from bots.kit import BotConfig, DeskContext, Instant, Latest, Millis, On, State, fold
from bots.maths.approvals import keeps
from contracts.base import Refused, write
from contracts.control import ALLOW, CLOSE_ONLY, FLATTEN, PolicyBundle, SafetyState
from contracts.intent import QUARANTINE, REJECT, BotNote
from contracts.market import MarketDefinition
from contracts.order import CANCEL, AuthorisedOrder, SignedOrderRequest
from contracts.payloads import payload_of
from contracts.policy import KeyRecord
from contracts.reasons import SEC_SIGN_DUPLICATE, SEC_SIGN_REFUSED, SEC_SIGNED, SEC_SIGNER_UNAVAILABLE

BOT_ID = "sec.signing_service"
# The pre-sign gates in their order; tests hold them equal to bots/library.toml, which no bot may read.
PRESIGN = (
    "risk.execution_revalidation",
    "sec.wallet_permission_guard",
    "sec.contract_address_guard",
    "sec.rpc_failover_manager",
    "sec.chain_state_verifier",
    "sec.allowance_monitor",
    "sec.session_key_manager",
    "sec.signature_previewer",
)
KEYS = "sec.session_key_manager"
LIVE, SIMULATED, MS, KEPT_MAX = "live", "SIM", 1_000_000, 256
CARRIES_BUILDER = frozenset({"polymarket"})
# Places of what was asked for, as `seen` of a refusal; its limit is how many votes there were.
VOTES, EXPIRED, BOUNDS, SAFETY, BUILDER, PAYLOAD, CONTENT, GATES = range(1, 9)
Answer = tuple[SignedOrderRequest | BotNote, ...]


class Config(BotConfig):
    """How old votes may be, and whether the committed builder code is asked for (in live always)."""

    vote_ttl_ms: Millis = 2_000
    builder_code_required: bool = True


class Requests(State):
    """The newest requests, oldest first."""

    kept: tuple[SignedOrderRequest, ...] = ()


def request(
    config: Config,
    state: Requests,
    order: On[AuthorisedOrder],
    definition: Latest[MarketDefinition],
    safety: Latest[SafetyState | None],
    policy: Latest[PolicyBundle | None],
    desk: Latest[DeskContext],
    now: Instant,
) -> tuple[Requests, Answer]:
    """Make the request for one order."""
    child, votes = order.child, order.votes
    if child.action == CANCEL:
        return state, ()
    missing = _missing(config, order, safety, policy, desk, now)
    if missing:
        return state, (BotNote(SEC_SIGN_REFUSED, missing, len(votes)),)
    key_ref = _key(order, policy, desk)
    if not key_ref:
        return state, (BotNote(SEC_SIGNER_UNAVAILABLE, 0, len(policy.keys) if policy is not None else 0),)
    try:
        digest = payload_of(child, definition).digest
    except Refused:
        return state, (BotNote(SEC_SIGN_REFUSED, PAYLOAD, len(votes)),)
    said = tuple(sha256(write(vote)).hexdigest() for vote in votes)
    made = SignedOrderRequest(child.client_order_id, digest, None, key_ref, child.builder_code, said)
    stored = next((old for old in state.kept if old.client_order_id == child.client_order_id), None)
    if stored is not None:
        if stored.payload_hash != digest:
            return state, (BotNote(SEC_SIGN_REFUSED, CONTENT, len(votes)),)
        return state, (stored, BotNote(SEC_SIGN_DUPLICATE))
    return Requests((*state.kept[1 - KEPT_MAX :], made)), (made, BotNote(SEC_SIGNED))


def _missing(
    config: Config,
    order: AuthorisedOrder,
    safety: SafetyState | None,
    policy: PolicyBundle | None,
    desk: DeskContext,
    now: int,
) -> int:
    """Return the place of the first thing that an order lacks; 0 when it lacks nothing."""
    child, votes, is_live = order.child, order.votes, desk.desk_mode == LIVE
    if any(vote.verdict in (REJECT, QUARANTINE) for vote in votes):
        return VOTES
    if is_live and tuple(vote.gate for vote in votes if vote.gate in PRESIGN) != PRESIGN:
        return VOTES
    if order.gates_digest != desk.gates_digest:
        return GATES
    if not 0 <= now // MS - child.venue_ts_ms + child.child_index <= config.vote_ttl_ms:
        return EXPIRED
    if not keeps(child, votes):
        return BOUNDS
    open_levels = (ALLOW, CLOSE_ONLY, FLATTEN) if child.reduce_only else (ALLOW,)
    if is_live and (safety is None or safety.kill_level not in open_levels):
        return SAFETY
    codes = dict(policy.builder_codes) if policy is not None else {}
    committed = codes.get(child.venue_id, "")
    needed = child.venue_id in CARRIES_BUILDER and (config.builder_code_required or is_live)
    return BUILDER if (needed or committed) and child.builder_code != committed else 0


def _key(order: AuthorisedOrder, policy: PolicyBundle | None, desk: DeskContext) -> str:
    """Return the reference of the key that its guard chose; in paper and shadow SIM without one; empty for none."""
    place = next((vote.seen for vote in order.votes if vote.gate == KEYS), -1)
    keys: tuple[KeyRecord, ...] = policy.keys if policy is not None else ()
    if 0 <= place < len(keys):
        key, scope = keys[place], (desk.account, order.child.venue_id, desk.desk_mode)
        return key.key_ref if (key.account, key.venue_id, key.desk_mode) == scope else ""
    return "" if desk.desk_mode == LIVE or place >= 0 else SIMULATED


BOT = fold(request, reasons={SEC_SIGNED, SEC_SIGN_DUPLICATE, SEC_SIGN_REFUSED, SEC_SIGNER_UNAVAILABLE})
