"""Hold an instrument in which nobody knows of an order, until the venue has said what became of it.

Says    Each plan without its new orders while an order of its market is in doubt; cancels and what goes to a chain
        pass. A note when a complete snapshot of the account shows the order resting (EXEC_PENDING_RESOLVED), does not
        show it yet often enough (EXEC_PENDING_WAITING) or does not show it `confirmations` times in a row
        (EXEC_PENDING_LOST), and when the venue's word ended the doubt; one IncidentReport after `max_wait_s`.
Why     After a lost answer a second order is the worst mistake there is. A snapshot lists what rests, not what was
        filled or refused, so it never moves an order: the submitter looks it up, and its proof comes back as an event
        that exec.order_lifecycle_manager enters. Until then the order counts as live, risk.self_trade_wash_guard
        refuses new intents beside an UNKNOWN one, and the hold here stands for all plans, also while a cancel of such
        an order is on its way. What a snapshot shows resting is known well enough to trade beside.
Source  bots/maths/doubts.py; decisions on autonomous running; bots/library.toml.
"""

from bots.kit import BotConfig, DeskContext, Instant, Latest, Number, On, Seconds, State, fold
from bots.maths import doubts as d
from bots.maths.plans import hashed
from contracts.control import IncidentReport
from contracts.intent import BotNote
from contracts.market import ClockTick, MarketDefinition
from contracts.order import PLACE, AccountSnapshot, ExecutionPlan, OrderUpdate
from contracts.reasons import (
    EXEC_PENDING_LOST,
    EXEC_PENDING_RESOLVED,
    EXEC_PENDING_TIMEOUT,
    EXEC_PENDING_WAITING,
)

BOT_ID, SECOND_NS = "exec.pending_submit_reconciler", 1_000_000_000
SAYS = {d.RESOLVED: EXEC_PENDING_RESOLVED, d.WAITING: EXEC_PENDING_WAITING, d.LOST: EXEC_PENDING_LOST}


class Config(BotConfig):
    """settle_s after which a snapshot is evidence; confirmations that are enough; max_wait_s until an incident."""

    settle_s: Seconds = 5
    confirmations: Number = 2
    max_wait_s: Seconds = 120


class Waiting(State):
    """The orders of this market without an answer, oldest first."""

    doubts: d.Doubts = ()


def hold(config: Config, state: Waiting, plan: On[ExecutionPlan], now: Instant) -> ExecutionPlan:
    """Take new orders out of a plan while an order here is in doubt."""
    if not state.doubts or not d.holds(state.doubts, now, config.settle_s * SECOND_NS):
        return plan
    left = tuple(child for child in plan.children if child.action != PLACE)
    if len(left) == len(plan.children):
        return plan
    is_told = any(doubt.is_told for doubt in state.doubts)
    return hashed(plan, left, EXEC_PENDING_TIMEOUT if is_told else EXEC_PENDING_WAITING)


def follow(config: Config, state: Waiting, update: On[OrderUpdate], now: Instant) -> tuple[Waiting, BotNote | None]:
    """Enter what waits for an answer, and let go what has one."""
    doubts, said = d.heard(state.doubts, update, now, config.settle_s * SECOND_NS)
    return (Waiting(doubts) if doubts is not state.doubts else state), BotNote(SAYS[said]) if said else None


def weigh(
    config: Config, state: Waiting, account: On[AccountSnapshot], desk: Latest[DeskContext], now: Instant
) -> tuple[Waiting, BotNote | None]:
    """Take a snapshot of the desk's own account as evidence."""
    if not state.doubts or account.account != desk.account:
        return state, None
    doubts, said, absent = d.weighed(state.doubts, account, config.settle_s * SECOND_NS, config.confirmations)
    return Waiting(doubts), BotNote(SAYS[said], absent, config.confirmations) if said else None


def alarm(
    config: Config, state: Waiting, tick: On[ClockTick], definition: Latest[MarketDefinition], now: Instant
) -> tuple[Waiting, IncidentReport | None]:
    """Tell a person, once for each order, of what is in doubt for too long."""
    if not state.doubts:
        return state, None
    settle_ns, wait_ns = config.settle_s * SECOND_NS, config.max_wait_s * SECOND_NS
    doubts, late = d.overdue(state.doubts, now, settle_ns, wait_ns)
    if late is None:
        return state, None
    key, evidence = f"{BOT_ID}:{late.client_order_id}"[:128], (definition.market_id, late.client_order_id)
    said = IncidentReport(key, "market", "pending_submit", "P1", evidence, BOT_ID, EXEC_PENDING_TIMEOUT)
    return Waiting(doubts), said


BOT = fold(
    hold,
    follow,
    weigh,
    alarm,
    reasons={EXEC_PENDING_RESOLVED, EXEC_PENDING_WAITING, EXEC_PENDING_LOST, EXEC_PENDING_TIMEOUT},
)
