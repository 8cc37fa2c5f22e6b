"""Let no order take the book's worst loss, over a fixed library of disasters, past a share of equity.

Says    RESHAPE to the largest size that every scenario affords, REJECT when there is none, when the book is past the
        limit already and the order only adds, or when a price is missing; otherwise APPROVE. Seen is the worst loss
        after the order, limit the share of equity, both in micros.
Why     Caps by name hold each bet small; disasters take many bets at once. Losses are counted from the mark, because
        equity is. Nothing is drawn: the same book always has the same worst day. Windows are those of risk.exposure,
        two hours wide. Collateral is a token on Polymarket and under a perpetual. The desk's cash is not at risk here.
Source  bots/library.toml; Artzner, P. et al. (1999); the library, and what it counts: bots/maths/scenarios.py.
"""

from typing import Annotated

from bots.kit import (
    BotConfig,
    Frac,
    Instant,
    Latest,
    On,
    Positive,
    Signal,
    State,
    Within,
    approve,
    guard,
    reject,
    reshape,
)
from bots.maths.holdings import Holdings, changed, place_of, relabelled, rests, with_position
from bots.maths.notional import MILLION, loss, reduces, unit_risk
from bots.maths.scenarios import (
    LIBRARY,
    TOKEN_VENUES,
    Book,
    Order,
    afforded,
    gap_stress,
    losses_of,
    noted,
    stressed_spread,
    touched,
    whole,
)
from contracts.intent import OrderIntent, RiskVote
from contracts.market import MarketDefinition, MarketSnapshot
from contracts.order import Account, OrderUpdate, PositionState
from contracts.reasons import RISK_TAIL_LOSS_BREACH, RISK_TAIL_OK, RISK_TAIL_TRIMMED, RISK_TAIL_UNKNOWN
from contracts.signal import SignalReport

GATE = "risk.tail_loss_simulator"
WINDOW_NS, POSITION_AGE_NS = 7_200_000_000_000, 60_000_000_000
AS_BEFORE = ("LIVE", "PENDING_CANCEL")
Cluster = Annotated[Latest[SignalReport | None], Signal("cluster")]
Volatility = Annotated[Latest[SignalReport | None], Signal("volatility"), Within(ms=60_000)]
Funding = Annotated[Latest[SignalReport | None], Signal("funding_pred")]


class Config(BotConfig):
    """The limit and its warning as fractions, sigmas of a day that a perpetual gaps, and a token's loss of its peg."""

    tail_limit_frac: Frac = 250_000
    k_sigma: Positive = 8.0
    depeg: Frac = 50_000
    warn_frac: Frac = 800_000


class Tail(State):
    """The library's version, worst outcomes of what is held and rests, and what closing it all would cost."""

    library: str = LIBRARY
    holdings: Holdings = Holdings()
    book: Book = Book()


def on_position(
    config: Config,
    state: Tail,
    position: On[PositionState],
    definition: Latest[MarketDefinition],
    snapshot: Latest[MarketSnapshot | None],
    cluster: Cluster,
    volatility: Volatility,
    funding: Funding,
    now: Instant,
) -> Tail:
    """Value what is held again; most moves of a mark cost a look-up."""
    gap = gap_stress(config.k_sigma, volatility, funding) if definition.instrument_kind else 0
    losses = losses_of(definition, position, gap, snapshot)
    book, holdings = noted(state.book, position.market_id, losses), state.holdings
    if book is state.book:
        return state
    if losses is not None:
        where = place_of(definition, cluster.label if cluster is not None else "", WINDOW_NS)
        holdings = with_position(holdings, where, losses[:2])
    return Tail(LIBRARY, holdings, book)


def on_order(
    config: Config,
    state: Tail,
    update: On[OrderUpdate],
    definition: Latest[MarketDefinition],
    cluster: Cluster,
    volatility: Volatility,
    funding: Funding,
    now: Instant,
) -> Tail:
    """Count what rests as filled; a perpetual whose volatility is not known may lose all of it."""
    if (
        not update.filled_lots
        and update.state in AS_BEFORE
        and rests(state.holdings, definition, update.client_order_id)
    ):
        return state
    gap = gap_stress(config.k_sigma, volatility, funding) or MILLION if definition.instrument_kind else MILLION
    unit = unit_risk(definition, update.side, update.price_ticks, gap)
    order = (update.client_order_id, update.side, loss(unit, update.open_lots))
    holdings = changed(state.holdings, definition, cluster.label if cluster is not None else "", WINDOW_NS, order)
    return state if holdings is state.holdings else Tail(LIBRARY, holdings, state.book)


def relabel(
    config: Config,
    state: Tail,
    cluster: Annotated[On[SignalReport], Signal("cluster")],
    definition: Latest[MarketDefinition],
    now: Instant,
) -> Tail:
    """Move what is held to the cluster that its market belongs to now."""
    holdings = relabelled(state.holdings, place_of(definition, cluster.label, WINDOW_NS))
    return state if holdings is state.holdings else Tail(LIBRARY, holdings, state.book)


def decide(
    config: Config,
    state: Tail,
    intent: On[OrderIntent],
    definition: Latest[MarketDefinition],
    snapshot: Annotated[Latest[MarketSnapshot | None], Within(ms=5_000)],
    cluster: Cluster,
    volatility: Volatility,
    funding: Funding,
    position: Latest[PositionState | None],
    account: Latest[Account | None],
    now: Instant,
) -> RiskVote:
    """Vote on one intent."""
    if intent.reduce_only and reduces(intent, position):
        return approve(GATE, RISK_TAIL_OK, 0, 0)
    perp = definition.instrument_kind != 0
    gap = gap_stress(config.k_sigma, volatility, funding) if perp else MILLION
    blind = account is None or account.unpriced or account.equity_micros <= 0 or state.book.blind
    old = account is not None and account.exposure_micros != 0 and now - account.updated_ns > POSITION_AGE_NS
    if account is None or blind or old or not gap or snapshot is None or cluster is None:
        return reject(GATE, RISK_TAIL_UNKNOWN, 0, 0)
    equity, size = account.equity_micros, intent.size_lots
    limit = equity * config.tail_limit_frac // MILLION
    depegged = equity * config.depeg // MILLION if perp or definition.venue_id in TOKEN_VENUES else 0
    worst = whole(state.holdings, state.book, limit * config.warn_frac // MILLION, depegged)
    unit = unit_risk(definition, intent.side, intent.price_ticks, gap)
    order = Order(intent.side, unit, stressed_spread(definition, snapshot))
    moved = touched(state.holdings, state.book, definition, cluster.label, WINDOW_NS, order)
    lots, worst = afforded(moved, size, limit, worst > limit, worst)
    if lots < size:
        if lots < max(1, definition.min_size_lots):
            return reject(GATE, RISK_TAIL_LOSS_BREACH, worst, limit)
        return reshape(GATE, RISK_TAIL_TRIMMED, worst, limit, lots)
    near = worst * MILLION >= config.warn_frac * limit
    return approve(GATE, RISK_TAIL_TRIMMED if near else RISK_TAIL_OK, worst, limit)


BOT = guard(
    decide,
    on_position,
    on_order,
    relabel,
    reasons={RISK_TAIL_OK, RISK_TAIL_TRIMMED, RISK_TAIL_LOSS_BREACH, RISK_TAIL_UNKNOWN},
    per="desk",
)
