"""Refuse what touches a chain while too few of its providers tell one story.

Says    REJECT for a plan that settles on a chain when no snapshot is inside the budget, or fewer providers than the
        quorum agree; APPROVE otherwise, flagged when exactly the quorum is left. Seen is how many agree, limit the
        quorum; without a view, ms since the newest snapshot (-1 none) and the budget. An incident when hashes differ.
Why     One provider may lag, fork or lie, and an order that rests on its view rests on nothing. What settles at the
        venue itself, and cancels, are approved without test. Which provider to read from is kept in the state: the
        fastest that is believed, so that a restart finds the same one.
Source  bots/library.toml; bots/maths/chain_views.py.
"""

from bots.kit import BotConfig, Frac, Instant, Number, On, Seconds, State, approve, guard, reject
from bots.maths.chain_views import MS, Providers, Quorum, elected, heard, quorum
from bots.maths.outlays import touches_chain
from contracts.control import IncidentReport
from contracts.intent import RiskVote
from contracts.order import ExecutionPlan
from contracts.reasons import SEC_CHAIN_DEGRADED, SEC_CHAIN_NO_VIEW, SEC_CHAIN_QUORUM, SEC_CHAIN_QUORUM_LOST
from contracts.venue import ChainSnapshot

GATE = "sec.rpc_failover_manager"
VIEW_MS = 10_000


class Config(BotConfig):
    """Blocks that a provider may lag, depth of the compared block, providers needed, errors allowed, when to switch."""

    max_block_lag: Number = 3
    confirm: Number = 5
    quorum: Number = 2
    err_max: Frac = 50_000
    switch_s: Seconds = 60


class View(State):
    """The providers, and those whose difference has been reported."""

    providers: Providers = Providers()
    reported: tuple[str, ...] = ()


def watch(
    config: Config, state: View, said: On[ChainSnapshot], now: Instant
) -> tuple[View, tuple[IncidentReport, ...]]:
    """Keep what a provider says, choose whom to read from, and report who names another block, once."""
    providers = heard(state.providers, said, config.confirm)
    found = quorum(providers, now, VIEW_MS, config.max_block_lag, config.err_max // 1_000)
    differing = tuple(known.said.provider for known in found.differing) if _is_split(config, found) else ()
    new = differing and differing != state.reported
    view = View(elected(providers, found.agreeing, now, config.switch_s), differing)
    return view, (_report(said, differing),) if new else ()


def decide(config: Config, state: View, plan: On[ExecutionPlan], now: Instant) -> RiskVote:
    """Vote on a plan."""
    if not touches_chain(plan.children):
        return approve(GATE, SEC_CHAIN_QUORUM, 0, 0)
    found = quorum(state.providers, now, VIEW_MS, config.max_block_lag, config.err_max // 1_000)
    if not found.heard:
        newest = max((known.said.at_ns for known in state.providers.known), default=now + MS)
        return reject(GATE, SEC_CHAIN_NO_VIEW, (now - newest) // MS, VIEW_MS)
    agreeing = len(found.agreeing)
    if agreeing < max(1, config.quorum):
        return reject(GATE, SEC_CHAIN_QUORUM_LOST, agreeing, config.quorum)
    reason = SEC_CHAIN_DEGRADED if agreeing == config.quorum else SEC_CHAIN_QUORUM
    return approve(GATE, reason, agreeing, config.quorum)


def _is_split(config: Config, found: Quorum) -> bool:
    """True when hashes differ: somebody differs from the majority, or there is no majority among several."""
    return bool(found.differing) and (bool(found.agreeing) or len(found.differing) >= max(2, config.quorum))


def _report(said: ChainSnapshot, differing: tuple[str, ...]) -> IncidentReport:
    key = f"{GATE}:{said.chain_id}:{said.head}:{','.join(differing)}"[:128]
    return IncidentReport(key, "account", "chain_view", "P1", differing, GATE, SEC_CHAIN_QUORUM_LOST)


BOT = guard(
    decide,
    watch,
    reasons={SEC_CHAIN_QUORUM, SEC_CHAIN_DEGRADED, SEC_CHAIN_QUORUM_LOST, SEC_CHAIN_NO_VIEW},
    per="desk",
)
