"""Let nothing be signed for that is not there: what a plan spends must be shown by two sources, less what is reserved.

Says    REJECT when two sources disagree or fewer than two are fresh; RESHAPE to what can be spent when that is enough
        to trade; otherwise APPROVE. Seen is what can be spent and limit what is needed, in micros; for tokens and
        positions in lots; on a mismatch, the two amounts.
Why     A venue cancels what is not funded, and a desk that believes in money which is not there sizes everything wrong.
        The sources are the chain, or the account of a venue that settles itself, and the desk's books of its fills.
        A sale on one book without a position buys NO and needs 1 - p. What resting orders may still take is reserved,
        save orders that the plan itself cancels first; a doubted order stays reserved.
Source  bots/library.toml; bots/maths/balances.py, outlays.py, reserves.py.
"""

from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from bots.kit import BotConfig, DeskContext, Frac, Instant, Latest, On, State, Usd, approve, guard, reject, reshape
from bots.maths import balances, chain_views, reserves
from bots.maths.balances import APART, COVERED, Books, Money, Then, covered, shown_tokens
from bots.maths.chain_views import Provider, Providers
from bots.maths.outlays import OPERATIONS, is_separate
from bots.maths.reserves import Reserve, Rest, living
from contracts.intent import RiskVote
from contracts.market import MarketDefinition
from contracts.order import (
    CANCEL,
    PLACE,
    Account,
    AccountSnapshot,
    ExecutionPlan,
    OrderUpdate,
    PlannedOrder,
    PositionState,
)
from contracts.reasons import SEC_STATE_MISMATCH, SEC_STATE_TRIMMED, SEC_STATE_UNAVAILABLE, SEC_STATE_VERIFIED
from contracts.venue import ChainSnapshot

GATE = "sec.chain_state_verifier"
CHAIN_MS, ACCOUNT_MS, MS = 10_000, 15_000, 1_000_000


class Config(BotConfig):
    """How far two sources may differ, the smallest trade worth cutting to, and the leverage of perpetuals."""

    tol_usd: Usd = 1_000_000
    tol_frac: Frac = 2_000
    min_trade_usd: Usd = 10_000_000
    leverage: Annotated[float, Meta(ge=1.0, le=125.0)] = 1.0


class Seen(State):
    """What providers, the venue's account and own fills (now, and when each source spoke) say, and what is reserved."""

    providers: Providers = Providers()
    account: AccountSnapshot | None = None
    books: Books = Books()
    then: Then = ()
    reserve: Reserve = Reserve()


def watch(
    config: Config, state: Seen, said: On[ChainSnapshot | AccountSnapshot], desk: Latest[DeskContext], now: Instant
) -> Seen:
    """Keep what a provider or the venue says of the desk's account; an incomplete snapshot proves nothing."""
    if said.account != desk.account:
        return state
    if isinstance(said, ChainSnapshot):
        providers = chain_views.heard(state.providers, said)
        if providers is state.providers:  # late, or one provider too many: not heard
            return state
        return replace(state, providers=providers, then=balances.remembered(state.then, said.provider, state.books))
    if not said.complete:
        return state
    return replace(state, account=said, then=balances.remembered(state.then, balances.VENUE, state.books))


def follow(
    config: Config,
    state: Seen,
    event: On[PositionState | OrderUpdate],
    definition: Latest[MarketDefinition],
    now: Instant,
) -> Seen:
    """Keep what is held, and what living orders may still take."""
    if isinstance(event, PositionState):
        return replace(state, books=balances.entered(state.books, event, definition))
    return replace(state, reserve=reserves.followed(state.reserve, event, definition, config.leverage))


def decide(
    config: Config,
    state: Seen,
    plan: On[ExecutionPlan],
    definition: Latest[MarketDefinition],
    account: Latest[Account | None],
    now: Instant,
) -> RiskVote:
    """Vote on a plan."""
    believed = chain_views.quorum(state.providers, now, CHAIN_MS).agreeing
    operations = tuple(child for child in plan.children if child.action in OPERATIONS)
    placed = tuple(child for child in plan.children if child.action == PLACE)
    if not operations and not placed:
        return approve(GATE, SEC_STATE_VERIFIED, 0, 0)
    snapshot = state.account if state.account and 0 <= now - state.account.taken_ns <= ACCOUNT_MS * MS else None
    chain = is_separate(definition)
    if (chain and not believed) or (not chain and snapshot is None) or account is None:
        return reject(GATE, SEC_STATE_UNAVAILABLE, 1 if account else 0, 2)
    for child in operations:  # no book of ours holds tokens as such: the providers are the two sources
        shown = min((shown_tokens(known, child, definition.complement_id) for known in believed), default=0)
        if len(believed) < 2 or shown < child.size_lots:
            missing = len(believed) < 2
            reason = SEC_STATE_UNAVAILABLE if missing else SEC_STATE_TRIMMED
            return reject(GATE, reason, len(believed) if missing else shown, 2 if missing else child.size_lots)
    if not placed:
        return approve(GATE, SEC_STATE_VERIFIED, len(believed), 2)
    going = [child.client_order_id for child in plan.children if child.action == CANCEL]
    return _vote(config, state, definition, placed, living(state.reserve, going), believed, snapshot, account)


def _vote(
    config: Config,
    state: Seen,
    definition: MarketDefinition,
    placed: tuple[PlannedOrder, ...],
    rests: tuple[Rest, ...],
    believed: tuple[Provider, ...],
    snapshot: AccountSnapshot | None,
    account: Account,
) -> RiskVote:
    own = balances.own_cash(state.books, account.start_micros)
    if snapshot is not None and not is_separate(definition):
        cash = balances.venue_cash(snapshot.cash_micros, state.books, state.then)
        money = Money(cash, cash, own)
        position = balances.venue_holding(snapshot.positions, state.books, state.then, definition.market_id)
    else:
        money = Money(*balances.chain_cash(believed, state.books, state.then), own)
        position = balances.chain_holding(believed, state.books, state.then, definition)
    reserved = reserves.cash(rests, balances.held(state.books)) + balances.margin(state.books, config.leverage)
    tolerance = (config.tol_usd, config.tol_frac)
    found = covered(definition, placed, money, position, rests, reserved, config.leverage, tolerance)
    if found.word == APART:
        return reject(GATE, SEC_STATE_MISMATCH, found.seen, found.limit)
    if found.word == COVERED:
        return approve(GATE, SEC_STATE_VERIFIED, found.seen, found.limit)
    if not found.size_lots or found.worth_micros < config.min_trade_usd:
        return reject(GATE, SEC_STATE_TRIMMED, found.seen, found.limit)
    return reshape(GATE, SEC_STATE_TRIMMED, found.seen, found.limit, found.size_lots)


BOT = guard(
    decide,
    watch,
    follow,
    reasons={SEC_STATE_VERIFIED, SEC_STATE_TRIMMED, SEC_STATE_MISMATCH, SEC_STATE_UNAVAILABLE},
    per="desk",
)
