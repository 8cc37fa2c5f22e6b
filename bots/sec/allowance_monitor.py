"""Let a plan go only with the allowances that it needs, and say which are higher than anybody needs.

Says    REJECT for a plan that settles on a chain when no view of it is fresh, when a needed allowance is missing, or
        when a spender that nobody committed may move anything; otherwise APPROVE, flagged when an allowance is above
        its ceiling. Seen is the allowance and limit the need or the ceiling, in micros; seen -1 is unlimited. One
        incident each for an unlimited allowance and for an unknown spender.
Why     An allowance is what a thief takes when the spender breaks, so it should be no higher than use; a missing one
        makes the venue cancel the order. Operators of outcome tokens know no amount, so they are never unlimited in
        that sense, but must be known. Each allowance counts by the provider that shows least of it, or most.
Source  bots/library.toml; bots/maths/allowances.py.
"""

from msgspec.structs import replace

from bots.kit import BotConfig, Instant, Latest, On, Ratio, State, Usd, approve, guard, reject
from bots.maths import chain_views, reserves
from bots.maths.allowances import FULL, OPERATOR, UNLIMITED, Peaks, allowed, noted, peak, spenders_of
from bots.maths.chain_views import Providers
from bots.maths.outlays import SETTLED_ON_CHAIN, amount, gives_tokens, touches_chain
from bots.maths.reserves import Reserve, living
from contracts.control import IncidentReport, PolicyBundle
from contracts.intent import RiskVote
from contracts.market import MarketDefinition
from contracts.order import CANCEL, ExecutionPlan, OrderUpdate
from contracts.reasons import SEC_ALLOWANCE_BLOCK, SEC_ALLOWANCE_EXCESS, SEC_ALLOWANCE_OK, SEC_ALLOWANCE_UNKNOWN
from contracts.venue import ChainSnapshot

GATE = "sec.allowance_monitor"
VIEW_MS = 60_000


class Config(BotConfig):
    """How far an allowance may be above the week's largest need, and what it may always be."""

    ceil_mult: Ratio = 2.0
    min_ceiling_usd: Usd = 100_000_000


class Allowances(State):
    """What providers show, what living orders reserve, the week's needs, and the spenders already reported."""

    providers: Providers = Providers()
    reserve: Reserve = Reserve()
    peaks: Peaks = Peaks()
    reported: tuple[str, ...] = ()


def watch(
    config: Config,
    state: Allowances,
    said: On[ChainSnapshot],
    policy: Latest[PolicyBundle | None],
    now: Instant,
) -> tuple[Allowances, tuple[IncidentReport, ...]]:
    """Keep what a provider shows, and report each allowance that nobody should have, once."""
    known = _committed(policy)
    odd = [name for name, micros in said.allowances if micros and (name not in known or _is_unlimited(name, micros))]
    new = tuple(sorted(set(odd) - set(state.reported)))
    after = replace(state, providers=chain_views.heard(state.providers, said), reported=(*state.reported, *new)[-64:])
    return after, tuple(_report(said, name, name in known) for name in new)


def follow(
    config: Config, state: Allowances, order: On[OrderUpdate], definition: Latest[MarketDefinition], now: Instant
) -> Allowances:
    """Keep what living orders may still take."""
    return replace(state, reserve=reserves.followed(state.reserve, order, definition))


def decide(
    config: Config,
    state: Allowances,
    plan: On[ExecutionPlan],
    policy: Latest[PolicyBundle | None],
    definition: Latest[MarketDefinition],
    now: Instant,
) -> tuple[Allowances, RiskVote]:
    """Vote on a plan, and keep its need."""
    if not touches_chain(plan.children):
        return state, approve(GATE, SEC_ALLOWANCE_OK, 0, 0)
    believed, known = chain_views.quorum(state.providers, now, VIEW_MS).agreeing, _committed(policy)
    if not believed:
        return state, reject(GATE, SEC_ALLOWANCE_UNKNOWN, 0, 1)
    table, answer = allowed(believed), None
    strange = next((most for name, (_, most) in table.items() if most and name not in known), 0)
    if strange:
        return state, reject(GATE, SEC_ALLOWANCE_BLOCK, _shown(strange), 0)
    going = [child.client_order_id for child in plan.children if child.action == CANCEL]
    rests = [rest for rest in living(state.reserve, going) if rest.separate and rest.neg_risk == definition.neg_risk]
    spent, peaks = amount(definition, plan.children), state.peaks
    needed = spent + reserves.cash(rests, {})
    for spender in spenders_of(definition.neg_risk):
        least, most = table.get(spender, (0, 0))
        if spent:
            peaks = noted(peaks, spender, needed, now)
        if spent and least < needed:
            return state, reject(GATE, SEC_ALLOWANCE_BLOCK, least, needed)
        if any(gives_tokens(definition, child) for child in plan.children) and not table.get(OPERATOR + spender):
            return state, reject(GATE, SEC_ALLOWANCE_BLOCK, 0, 1)
        ceiling = max(peak(peaks, spender, now) * round(config.ceil_mult * 1_000) // 1_000, config.min_ceiling_usd)
        if answer is None or most > ceiling:
            excess = most > ceiling
            reason, limit = (SEC_ALLOWANCE_EXCESS, ceiling) if excess else (SEC_ALLOWANCE_OK, needed)
            answer = approve(GATE, reason, _shown(most), limit)
    return replace(state, peaks=peaks), answer or approve(GATE, SEC_ALLOWANCE_OK, 0, 0)


def _committed(policy: PolicyBundle | None) -> set[str]:
    """Return the spenders that people committed, as holders of an allowance and as operators."""
    spenders = policy.spenders if policy is not None else ()
    known = {spender for venue, spender in spenders if venue in SETTLED_ON_CHAIN}
    return known | {OPERATOR + spender for spender in known}


def _is_unlimited(name: str, micros: int) -> bool:
    return micros == UNLIMITED and not name.startswith(OPERATOR)


def _shown(micros: int) -> int:
    return UNLIMITED if micros == FULL else micros


def _report(said: ChainSnapshot, spender: str, is_known: bool) -> IncidentReport:
    key = f"{GATE}:{said.chain_id}:{spender}:{'unlimited' if is_known else 'unknown'}"[:128]
    return IncidentReport(key, "account", "allowance", "P1", (spender,), GATE, SEC_ALLOWANCE_BLOCK)


BOT = guard(
    decide,
    watch,
    follow,
    reasons={SEC_ALLOWANCE_OK, SEC_ALLOWANCE_EXCESS, SEC_ALLOWANCE_BLOCK, SEC_ALLOWANCE_UNKNOWN},
    per="desk",
)
