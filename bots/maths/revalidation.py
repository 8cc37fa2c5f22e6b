"""Price an order again on another quote: has the market left what was believed, and is the edge still there.

    drift       = |price now - ref|
    edge        = side * (p - price now)                          with a model's probability p
    edge        = stated + side * (anchor - price now)            without one; anchor: the limit or ref, the stricter
    net edge    = edge - fee - k * se * p * (1 - p)               the stated edge has its fee taken off already
    bps         limits of a perpetual are that part of mid; everything is compared in millionths

Symbols: side 1 buys, -1 sells, on the YES scale, so that for NO the edge (1 - p) - (1 - price) is the same number; ref
the price that the strategy believed; se of a probability in logits. What takes is priced level by level at what it
meets, the rest of it at its limit; what rests has its own limit as its price, and drifts with the mid. At the limit is
allowed. The desk asks this of its book and the submitter of the newest quote that it received: one rule, two quotes.
Source: catalogue rule of risk.execution_revalidation; Almgren, R., Chriss, N. (2000) for what waiting costs.
"""

from typing import NamedTuple

from msgspec import Struct

from bots.maths.fees import KNOWN, trade_fee
from bots.maths.safety import LEVELS, MODES
from contracts.control import BLOCK, SafetyState
from contracts.intent import APPROVE, EXIT, NO_LIMIT, REJECT, RESHAPE, OrderIntent, RiskVote
from contracts.market import FeeModel
from contracts.order import PlannedOrder
from contracts.reasons import (
    RISK_EDGE_DECAYED,
    RISK_EDGE_PARTIAL,
    RISK_PLAN_EXPIRED,
    RISK_PRICE_DRIFT,
    RISK_REVALIDATED,
    RISK_REVALIDATION_BLIND,
    RISK_SAFETY_TIGHTENED,
)

GATE = "risk.execution_revalidation"
MILLION, MS, BPS = 1_000_000, 1_000_000, 10_000


class Limits(NamedTuple):
    """What is allowed: probabilities in millionths, basis points of mid for perpetuals.

    k_unc and exit_drift_mult are plain numbers; quote_age_ms is the oldest that a quote may be.
    """

    drift_micros: int = 50_000
    drift_bps: int = 15
    edge_micros: int = 20_000
    edge_bps: int = 5
    k_unc: float = 0.5
    exit_drift_mult: float = 3.0
    quote_age_ms: int = 500


class Terms(NamedTuple):
    """What must be known of a market: its units, whether it is a binary, and its fees."""

    tick_micros: int
    lot_micros: int
    is_binary: bool
    fee: FeeModel


class Belief(Struct, frozen=True, gc=False):
    """What an intent said when it was first voted on, kept for its plan: prices, edge, and the safety at that time.

    mode, level  by place in MODES and LEVELS (bots/maths/safety.py); -1 when nothing was known
    """

    intent_id: str
    bundle_id: str
    intent_kind: str
    price_ticks: int
    ref_micros: int
    p_model_micros: int
    edge_micros: int
    expires_ns: int
    mode: int = -1
    level: int = -1


class Quote(NamedTuple):
    """The newest quote: best prices with their sizes, 0 lots on a side that is empty, and its age (below 0 unknown).

    deeper  (price, lots) beyond the best of the side that a taker meets, best first; empty when only the touch is known
    """

    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    age_ns: int
    deeper: tuple[tuple[int, int], ...] = ()


class Known(NamedTuple):
    """What is known now besides the quote.

    p_micros     model probability; -1 none, then the stated edge counts
    se_micros    its standard error, in millionths of a logit
    edge_micros  stated edge: of the intent, or of all legs of its bundle together
    safety       the state of safety; None unknown
    expires_ns   end of the plan; 0 none
    """

    p_micros: int
    se_micros: int
    edge_micros: int
    safety: SafetyState | None
    expires_ns: int


def believed(intent: OrderIntent, safety: SafetyState | None) -> Belief:
    """Return what is kept of an intent."""
    mode, level = _standing(safety)
    return Belief(
        intent.intent_id,
        intent.bundle_id,
        intent.intent_kind,
        intent.price_ticks,
        intent.ref_micros,
        intent.p_model_micros,
        intent.edge_micros,
        intent.expires_ns,
        mode,
        level,
    )


def judge(
    limits: Limits, terms: Terms, child: PlannedOrder, belief: Belief, quote: Quote, known: Known, now: int
) -> RiskVote:
    """Vote on one order against a quote; `now` in ns. Costs one look at each level that the order meets.

    Seen and limit are millionths: the drift, or the net edge and its minimum; for a quote that is none, ages in ms; for
    safety and expiry, places of modes and times in ms. A RESHAPE states the size that keeps drift and edge.
    """
    reduces = child.reduce_only or belief.intent_kind == EXIT
    if 0 < known.expires_ns <= now:
        return _no(RISK_PLAN_EXPIRED, now // MS, known.expires_ns // MS)
    refused = _tightened(belief, known.safety, reduces)
    if refused is not None:
        return refused
    empty = not quote.bid_lots and not quote.ask_lots
    if empty or not 0 <= quote.age_ns <= limits.quote_age_ms * MS or (not reduces and terms.fee.formula not in KNOWN):
        return _no(RISK_REVALIDATION_BLIND, max(-1, quote.age_ns // MS), limits.quote_age_ms)
    mid = _mid(quote, terms.tick_micros)
    drift_max = limits.drift_micros if terms.is_binary else limits.drift_bps * mid // BPS
    if reduces:
        drift_max = drift_max * round(limits.exit_drift_mult * 1_000) // 1_000
    least = limits.edge_micros if terms.is_binary else -(-limits.edge_bps * mid // BPS)
    if child.post_only:
        price = child.price_ticks * terms.tick_micros
        drift = max(abs(price - belief.ref_micros), abs(mid - belief.ref_micros))
        net = NO_LIMIT if reduces else _net(limits, terms, child, belief, known, price, child.size_lots)
        return _of(drift, drift_max, net, least, child.size_lots, child.size_lots)
    return _taking(limits, terms, child, belief, quote, known, reduces, drift_max, least)


def _taking(
    limits: Limits,
    terms: Terms,
    child: PlannedOrder,
    belief: Belief,
    quote: Quote,
    known: Known,
    reduces: bool,
    drift_max: int,
    least: int,
) -> RiskVote:
    """Vote on what takes: each level that it meets keeps drift and edge, or bounds its size."""
    side, left, kept = child.side, child.size_lots, 0
    best = (quote.ask_ticks, quote.ask_lots) if side > 0 else (quote.bid_ticks, quote.bid_lots)
    if not best[1]:
        return _no(RISK_REVALIDATION_BLIND, 0, child.size_lots)
    levels = [level for level in (best, *quote.deeper) if side * level[0] <= side * child.price_ticks]
    # Beyond what is displayed an order may still be met, at its limit at worst; nothing displayed: at the market.
    unseen = left - sum(lots for _, lots in levels)
    if unseen > 0:
        levels.append((child.price_ticks if levels else best[0], unseen))
    first = None
    for price_ticks, shown in levels:
        price, lots = price_ticks * terms.tick_micros, min(left, shown)
        drift = abs(price - belief.ref_micros)
        net = NO_LIMIT if reduces else _net(limits, terms, child, belief, known, price, lots)
        vote = _of(drift, drift_max, net, least, kept, child.size_lots)
        if vote.verdict != APPROVE:
            return vote
        first, kept, left = first or vote, kept + lots, left - lots
        if left <= 0:
            break
    return first or _no(RISK_REVALIDATION_BLIND, 0, child.size_lots)


def _net(
    limits: Limits, terms: Terms, child: PlannedOrder, belief: Belief, known: Known, price_micros: int, lots: int
) -> int:
    """Return the net edge of a contract at a price, in millionths."""
    p, side = known.p_micros, child.side
    if p < 0 or belief.bundle_id:
        limit, ref = child.price_ticks * terms.tick_micros, belief.ref_micros
        anchor = min(limit, ref) if side > 0 else max(limit, ref)
        return known.edge_micros + side * (anchor - price_micros)
    fee = trade_fee(terms.fee, child.post_only, price_micros, lots, terms.lot_micros)
    each = -(-fee * MILLION // (lots * terms.lot_micros))
    buffer = -(-round(limits.k_unc * 1_000) * known.se_micros * p * (MILLION - p) // (1_000 * MILLION * MILLION))
    return side * (p - price_micros) - each - max(0, buffer)


def _of(drift: int, drift_max: int, net: int, least: int, kept_lots: int, size_lots: int) -> RiskVote:
    """Return the vote on one price; `kept_lots` have passed at better ones."""
    if drift > drift_max:
        seen, limit, reason = drift, drift_max, RISK_PRICE_DRIFT
    elif net < least:
        seen, limit, reason = net, least, RISK_EDGE_DECAYED
    else:
        seen, limit = (drift, drift_max) if net == NO_LIMIT else (net, least)
        return RiskVote(GATE, APPROVE, RISK_REVALIDATED, seen, limit)
    if 0 < kept_lots < size_lots:
        return RiskVote(GATE, RESHAPE, RISK_EDGE_PARTIAL, seen, limit, kept_lots)
    return _no(reason, seen, limit)


def _mid(quote: Quote, tick_micros: int) -> int:
    """Return the middle of a quote in millionths; of one side alone, its best price."""
    if quote.bid_lots and quote.ask_lots:
        return (quote.bid_ticks + quote.ask_ticks) * tick_micros // 2
    return (quote.bid_ticks if quote.bid_lots else quote.ask_ticks) * tick_micros


def _standing(safety: SafetyState | None) -> tuple[int, int]:
    """Return mode and level by place, the gravest for a word that is none; -1 when nothing is known."""
    if safety is None:
        return -1, -1
    mode = MODES.index(safety.mode) if safety.mode in MODES else len(MODES) - 1
    return mode, LEVELS.index(safety.kill_level if safety.kill_level in LEVELS else BLOCK)


def _tightened(belief: Belief, safety: SafetyState | None, reduces: bool) -> RiskVote | None:
    """Refuse when safety is unknown or tighter than at the first vote; what reduces is stopped by BLOCK alone."""
    mode, level = _standing(safety)
    if safety is None or belief.level < 0:
        return _no(RISK_REVALIDATION_BLIND, level, belief.level)
    if reduces:
        return _no(RISK_SAFETY_TIGHTENED, level, belief.level) if safety.kill_level == BLOCK else None
    if level > belief.level:
        return _no(RISK_SAFETY_TIGHTENED, level, belief.level)
    return _no(RISK_SAFETY_TIGHTENED, mode, belief.mode) if mode > belief.mode else None


def _no(reason: str, seen: int, limit: int) -> RiskVote:
    return RiskVote(GATE, REJECT, reason, seen, limit, 0)
