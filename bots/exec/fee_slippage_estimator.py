"""Estimate what a trade costs, per contract, before it is planned.

Says    `cost` for each approved intent: slippage against mid and fee for a taker; fee and adverse selection for what
        can only rest (no walk: it pays no spread). `cost_ladder` at 10, 50, 250 and 1000 dollars, both sides, when a
        market's eligibility changes. Adverse selection is averaged over our own maker fills, per tier and side.
Why     There is one cost model, so an edge means the same to a strategy, the router and revalidation. Where fee model
        or book is missing nothing is said, since a guess would be traded on. Builder fees and chain costs are zero: no
        instrument carries a builder rate, and matching here is off chain.
Source  facts/kalshi.md §9, facts/polymarket.md §6; Almgren et al. 2005 for what lies beyond the book.
"""

from typing import Annotated

from bots.kit import Book, BotConfig, Instant, Latest, Millis, On, Prob, Seconds, Signal, State, fold
from bots.maths.costs import MILLION, fee_each, slippage
from bots.maths.fees import KNOWN
from bots.maths.markouts import NEVER, SECOND_NS, Waiting, judged, noted
from contracts.intent import WITHDRAW, ApprovedIntent, BotNote
from contracts.market import MarketDefinition, MarketSnapshot
from contracts.order import Fill
from contracts.reasons import (
    EXEC_COST_BEYOND_BOOK,
    EXEC_COST_ESTIMATED,
    EXEC_COST_PROHIBITIVE,
    EXEC_COST_UNKNOWN,
)
from contracts.signal import MarketCandidate, SignalReport

LADDER_USD = (10, 50, 250, 1_000)
TIERS = {"A": 0, "B": 2, "C": 4, "": 6}
UNKNOWN = BotNote(EXEC_COST_UNKNOWN)
Volatility = Annotated[SignalReport | None, Signal("volatility")]
Tier = Annotated[MarketCandidate | None, Signal("tier")]


class Config(BotConfig):
    """valid_ms of an estimate; markout_s after which a fill is judged; adverse_prior before any was."""

    valid_ms: Millis = 500
    markout_s: Seconds = 30
    adverse_prior: Prob = 2_000


class Memo(State):
    """Adverse averages by tier and side in millionths (-1: none yet), fills that wait, when to look at them."""

    adverse: tuple[int, ...] = (-1,) * 8
    waiting: tuple[Waiting, ...] = ()
    next_due: int = NEVER


def quote(
    config: Config,
    state: Memo,
    approved: On[ApprovedIntent],
    book: Latest[Book],
    definition: Latest[MarketDefinition | None],
    snap: Latest[MarketSnapshot | None],
    volatility: Latest[Volatility],
    tier: Latest[Tier],
    now: Instant,
) -> Annotated[SignalReport, Signal("cost")] | BotNote | None:
    """Estimate exactly, for this intent on this book."""
    wish, side, lots = approved.intent, approved.intent.side, approved.size_lots
    if wish.intent_kind == WITHDRAW:
        return None
    if definition is None or not book.live or definition.fee.formula not in KNOWN:
        return UNKNOWN
    adverse = state.adverse[TIERS.get(tier.tier if tier is not None else "", 6) + (side < 0)]
    adverse = config.adverse_prior if adverse < 0 else adverse
    base = paid = wish.price_ticks * definition.tick_micros
    maker_fee = fee = fee_each(definition, True, base, lots)
    slip, beyond, cost, label = 0, False, maker_fee + adverse, "MAKER"
    if not approved.post_only:
        if not book.bid or book.ask > book.grid:
            return UNKNOWN
        slip, beyond = slippage(book, side, lots, definition, snap, volatility)
        base = (book.bid + book.ask) * definition.tick_micros // 2
        paid = base + side * slip
        fee, label = fee_each(definition, False, paid, lots), "TAKER"
        cost = slip + fee
    gross = wish.edge_micros + cost if wish.p_model_micros < 0 else side * (wish.p_model_micros - base)
    reason = EXEC_COST_BEYOND_BOOK if beyond else EXEC_COST_ESTIMATED
    reason = EXEC_COST_PROHIBITIVE if 2 * cost > gross and not approved.reduce_only else reason
    parts = (
        ("slippage", slip / MILLION),
        ("fee", fee / MILLION),
        ("adverse", adverse / MILLION),
        ("q_exec", paid / MILLION),
        ("maker_fee", maker_fee / MILLION),
    )
    until, refs = now + config.valid_ms * MILLION, (wish.intent_id, snap.provenance_hash if snap is not None else "")
    return SignalReport("cost", cost / MILLION, label, 0.0, 1.0, config.valid_ms, until, "1", parts, refs, reason)


def ladder(
    config: Config,
    candidate: Annotated[On[MarketCandidate], Signal("eligibility")],
    book: Latest[Book],
    definition: Latest[MarketDefinition | None],
    snap: Latest[MarketSnapshot | None],
    volatility: Latest[Volatility],
    now: Instant,
) -> Annotated[SignalReport, Signal("cost_ladder")] | BotNote | None:
    """Estimate at the standard sizes, so that strategies know a cost before they propose."""
    if not candidate.eligible:
        return None
    two_sided = book.live and book.bid > 0 and book.ask <= book.grid
    if definition is None or not two_sided or definition.fee.formula not in KNOWN:
        return UNKNOWN
    mid, parts, reason = (book.bid + book.ask) * definition.tick_micros // 2, [], EXEC_COST_ESTIMATED
    for side, name in ((1, "buy"), (-1, "sell")):
        stake = MILLION - mid if side < 0 and definition.grid_ticks else mid
        for usd in LADDER_USD:
            lots = max(1, usd * MILLION * MILLION // (stake * definition.lot_micros))
            slip, beyond = slippage(book, side, lots, definition, snap, volatility)
            parts.append((f"{name}_{usd}", (slip + fee_each(definition, False, mid + side * slip, lots)) / MILLION))
            reason = EXEC_COST_BEYOND_BOOK if beyond else reason
    first, valid, until = parts[0][1], config.valid_ms, now + config.valid_ms * MILLION
    return SignalReport("cost_ladder", first, "TAKER", 0.0, 1.0, valid, until, "1", tuple(parts), (), reason)


def remember(
    config: Config, state: Memo, fill: On[Fill], snap: Latest[MarketSnapshot | None], tier: Latest[Tier], now: Instant
) -> Memo:
    """Note a maker's fill, to be judged by where mid stands after `markout_s`."""
    if fill.liquidity != "maker" or snap is None:
        return state
    place = TIERS.get(tier.tier if tier is not None else "", 6) + (fill.side < 0)
    mid, due = (snap.bid_ticks + snap.ask_ticks) * fill.tick_micros // 2, now + config.markout_s * SECOND_NS
    waiting = noted(state.waiting, Waiting(fill.market_id, place, fill.side, mid, due))
    return Memo(state.adverse, waiting, min(state.next_due, due))


def judge(
    config: Config, state: Memo, snap: On[MarketSnapshot], definition: Latest[MarketDefinition], now: Instant
) -> Memo:
    """Take in the markouts that are due in this market."""
    if now < state.next_due:
        return state
    mid, span = (snap.bid_ticks + snap.ask_ticks) * definition.tick_micros // 2, config.markout_s * SECOND_NS
    return Memo(*judged(state.adverse, state.waiting, definition.market_id, mid, now, config.adverse_prior, span))


BOT = fold(
    quote,
    ladder,
    remember,
    judge,
    reasons={EXEC_COST_ESTIMATED, EXEC_COST_BEYOND_BOOK, EXEC_COST_PROHIBITIVE, EXEC_COST_UNKNOWN},
    per="desk",
)
