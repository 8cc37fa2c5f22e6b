"""Price a plan again on the newest book, just before it would be signed, and refuse it if price or edge has gone.

Says    REJECT when the price drifted, the net edge is below the minimum, safety became tighter since the first vote, or
        the plan's time is over; RESHAPE to the size that keeps its edge; otherwise APPROVE. Without a fresh book, a
        fee model, or a model's fair value where the intent had one, REJECT. The rule is in bots/maths/revalidation.py,
        which the submitter asks again with the newest quote that it received.
Why     Time passes between a wish and its order, and the book on which it was wished is not the one it meets. What only
        reduces is tested for drift alone, with a wider limit. A bundle's legs are tested by the edge of all of them
        together, less what this leg's price has moved; the others have their own plans. Gas is zero:
        matching here is off chain. Cancels are not judged.
Source  bots/library.toml; decisions on autonomous running; Almgren and Chriss 2000.
"""

from typing import Annotated

from bots.kit import (
    Book,
    BotConfig,
    ConfirmedAt,
    Instant,
    Latest,
    Number,
    On,
    Prob,
    Ratio,
    State,
    Within,
    approve,
    guard,
    reject,
)
from bots.maths.revalidation import GATE, Belief, Known, Limits, Quote, Terms, believed, judge
from contracts.control import SafetyState
from contracts.ids import bundle_legs
from contracts.intent import APPROVE, REJECT, WITHDRAW, OrderIntent, RiskVote
from contracts.market import Kind, MarketDefinition
from contracts.order import PLACE, ExecutionPlan, PlannedOrder
from contracts.reasons import (
    RISK_EDGE_DECAYED,
    RISK_EDGE_PARTIAL,
    RISK_PLAN_EXPIRED,
    RISK_PRICE_DRIFT,
    RISK_REVALIDATED,
    RISK_REVALIDATION_BLIND,
    RISK_SAFETY_TIGHTENED,
)
from contracts.signal import FairValue

BELIEFS_MAX = 256
VERDICTS = (REJECT, "RESHAPE", APPROVE)


class Config(BotConfig):
    """Limits of drift and of net edge, in probability and in basis points of mid for perpetuals."""

    max_price_drift: Prob = 50_000
    max_price_drift_bps: Number = 15
    min_edge_at_execution: Prob = 20_000
    min_edge_bps: Number = 5
    k_unc: Ratio = 0.5
    exit_drift_mult: Ratio = 3.0


class Beliefs(State):
    """What the newest intents believed when they were voted on, oldest first."""

    kept: tuple[Belief, ...] = ()


def watch(
    config: Config, state: Beliefs, intent: On[OrderIntent], safety: Latest[SafetyState | None], now: Instant
) -> Beliefs:
    """Keep what an intent believed, for its plan."""
    if intent.intent_kind == WITHDRAW:
        return state
    living = tuple(old for old in state.kept if old.intent_id != intent.intent_id and _lives(old, now))
    return Beliefs((*living[1 - BELIEFS_MAX :], believed(intent, safety)))


def decide(
    config: Config,
    state: Beliefs,
    plan: On[ExecutionPlan],
    book: Latest[Book],
    book_at: Latest[ConfirmedAt],
    definition: Latest[MarketDefinition],
    fair: Annotated[Latest[FairValue | None], Within(ms=10_000)],
    safety: Latest[SafetyState | None],
    now: Instant,
) -> RiskVote:
    """Vote on a plan: the gravest vote on any of its orders, and of several sizes the smallest."""
    placed = [child for child in plan.children if child.action == PLACE]
    if not placed:
        return approve(GATE, RISK_REVALIDATED, 0, 0)
    belief = next((kept for kept in reversed(state.kept) if kept.intent_id == plan.intent_id), None)
    modelled = belief is not None and belief.p_model_micros >= 0 and not belief.bundle_id
    reducing = all(child.reduce_only for child in placed) or plan.intent_kind == "EXIT"
    p, se = (fair.p_model_micros, fair.se_micros) if modelled and fair is not None else (-1, 0)
    if belief is None or not book.live or (modelled and p < 0 and not reducing):
        return reject(GATE, RISK_REVALIDATION_BLIND, 0, len(placed))
    legs = [kept for kept in state.kept if kept.bundle_id == belief.bundle_id] if belief.bundle_id else [belief]
    if len(legs) < bundle_legs(belief.bundle_id) and not reducing:
        return reject(GATE, RISK_REVALIDATION_BLIND, len(legs), bundle_legs(belief.bundle_id))
    known = Known(p, se, sum(leg.edge_micros for leg in legs), safety, plan.expires_ns)
    terms = Terms(
        definition.tick_micros, definition.lot_micros, definition.instrument_kind == Kind.BINARY, definition.fee
    )
    limits = Limits(
        config.max_price_drift,
        config.max_price_drift_bps,
        config.min_edge_at_execution,
        config.min_edge_bps,
        config.k_unc,
        config.exit_drift_mult,
    )
    votes = (judge(limits, terms, child, belief, quote_of(book, child, now - book_at), known, now) for child in placed)
    return min(votes, key=lambda vote: (VERDICTS.index(vote.verdict), vote.size_lots_max))


def quote_of(book: Book, child: PlannedOrder, age_ns: int) -> Quote:
    """Return what an order sees of a book: the touch, and the levels that it would meet up to its limit."""
    bid_lots = book.bids[book.bid] if book.bid > 0 else 0
    ask_lots = book.asks[book.ask] if book.ask <= book.grid else 0
    levels = () if child.post_only else tuple(book.walk(-child.side, child.price_ticks))
    return Quote(book.bid, bid_lots, book.ask, ask_lots, age_ns, levels[1:])


def _lives(belief: Belief, now: int) -> bool:
    return not belief.expires_ns or belief.expires_ns > now


BOT = guard(
    decide,
    watch,
    reasons={
        RISK_REVALIDATED,
        RISK_EDGE_PARTIAL,
        RISK_PRICE_DRIFT,
        RISK_EDGE_DECAYED,
        RISK_REVALIDATION_BLIND,
        RISK_SAFETY_TIGHTENED,
        RISK_PLAN_EXPIRED,
    },
    per="desk",
)
