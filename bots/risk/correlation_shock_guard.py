"""Notice when positions that were independent start to move together, and block what adds to the common bet.

Says    In a shock REJECT of what raises w'Sw, APPROVE of what does not; else RESHAPE to n_eff over its target, or
        APPROVE. A shock is fast less slow correlation beyond `jump`, or fewer effective bets than `n_eff_min`; where
        only unknown pairs make it one, the code says so. Seen and limit are millionths: of a bet, or of a correlation
        where the jump decides; while positions are not known, the markets without a mark and 0.
Why     Diversification is what disappears first in a crash, and each position alone still looks small. Below `min_pos`
        positions nothing is judged: one market is no common bet, and the rule's own scaling would never let a desk
        begin. Positions are sampled at their marks, every `step_s` of journal time; a market takes part while it is
        held. A pair is known after one fast half-life of common steps; until then it counts as moving together, which
        nothing can exceed. Exposures are weighed as they are at a sample, or when a position opens, closes or turns.
Source  bots/library.toml; RiskMetrics (1996); Meucci, A. (2009): bots/maths/correlation.py.
"""

from typing import Annotated

from msgspec import Meta

from bots.kit import BotConfig, Instant, Latest, On, Positive, State, approve, guard, reject, reshape
from bots.maths.correlation import (
    MILLION,
    Judged,
    Prices,
    Table,
    exposed,
    forgotten,
    height,
    judged,
    raises,
    replaced,
    sampled,
)
from bots.maths.notional import loss, reduces, unit_risk
from contracts.intent import OrderIntent, RiskVote
from contracts.market import ClockTick, Kind, MarketDefinition
from contracts.order import Account, PositionState
from contracts.reasons import RISK_CORR_CONCENTRATED, RISK_CORR_NORMAL, RISK_CORR_SHOCK, RISK_CORR_UNKNOWN

GATE, SECOND_NS, BINARY = "risk.correlation_shock_guard", 1_000_000_000, int(Kind.BINARY)
POSITION_AGE_NS = 60 * SECOND_NS  # the catalogue's freshness of PositionState
Length = Annotated[int, Meta(ge=1, le=31_536_000)]


class Config(BotConfig):
    """Steps and half-lives in seconds, shrinkage, and what makes a shock."""

    step_s: Length = 10
    half_life_fast_s: Length = 300
    half_life_slow_s: Length = 14_400
    delta: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.2
    jump: Annotated[float, Meta(gt=0.0, le=2.0)] = 0.3
    n_eff_min: Positive = 2.0
    n_eff_target: Positive = 4.0
    min_pos: Annotated[int, Meta(ge=2, le=1_000)] = 4


class Moving(State):
    """The logits or logs of the marks, the matrices, what they say, and the number of the last step."""

    prices: Prices = ()
    table: Table = Table()
    judged: Judged = Judged()
    step: int = 0


def watch(
    config: Config, state: Moving, position: On[PositionState], definition: Latest[MarketDefinition], now: Instant
) -> Moving:
    """Keep the marks; judge again when a position opens, closes or turns."""
    name, size, table, prices = position.market_id, position.size_lots, state.table, state.prices
    exposure = position.exposure_micros or abs(position.cost_micros) or 1
    exposure = exposure if size > 0 else -exposure if size < 0 else 0
    before = table.exposures[table.names.index(name)] if name in table.names else 0
    if exposure != before or name in table.crowd:
        table, prices = exposed(table, prices, name, exposure, now)
    if size and name in table.names:
        price = height(position.mark_micros, definition.instrument_kind == BINARY)
        prices = replaced(prices, table.names.index(name), price)
    known = state.judged
    if (exposure > 0) != (before > 0) or (exposure < 0) != (before < 0) or table.crowd != state.table.crowd:
        known = judged(table, config.delta, _steps_min(config))
    return Moving(prices, table, known, state.step)


def on_tick(config: Config, state: Moving, tick: On[ClockTick], now: Instant) -> Moving:
    """Take one sample per step of journal time."""
    step = tick.at_ns // SECOND_NS // config.step_s
    if step == state.step or not state.table.names:
        return state
    table, prices = forgotten(state.table, state.prices, tick.at_ns - config.half_life_fast_s * SECOND_NS)
    fast, slow = (1.0 - 0.5 ** (config.step_s / life) for life in (config.half_life_fast_s, config.half_life_slow_s))
    table = sampled(table, prices, fast, slow)
    return Moving(prices, table, judged(table, config.delta, _steps_min(config)), step)


def decide(
    config: Config,
    state: Moving,
    intent: On[OrderIntent],
    definition: Latest[MarketDefinition],
    position: Latest[PositionState | None],
    account: Latest[Account | None],
    now: Instant,
) -> RiskVote:
    """Vote on one intent."""
    known, target = state.judged, round(config.n_eff_target * MILLION)
    if intent.reduce_only and reduces(intent, position):
        return approve(GATE, RISK_CORR_NORMAL, known.n_eff, target)
    old = account is not None and account.exposure_micros != 0 and now - account.updated_ns > POSITION_AGE_NS
    if account is None or account.unpriced or old or (position is not None and position.drift):
        return reject(GATE, RISK_CORR_UNKNOWN, account.unpriced if account is not None else 0, 0)
    if known.held < config.min_pos:
        return approve(GATE, RISK_CORR_NORMAL, known.n_eff, target)
    least, jump = round(config.n_eff_min * MILLION), round(config.jump * MILLION)
    leapt = known.gap > jump
    if leapt or known.n_eff < least:
        seen, limit = (known.gap, jump) if leapt else (known.n_eff, least)
        reason = RISK_CORR_SHOCK if leapt or known.n_eff_known < least else RISK_CORR_UNKNOWN
        change = intent.side * _moved(intent, definition, position)
        adds = raises(state.table, intent.market_id, change, config.delta, _steps_min(config))
        return reject(GATE, reason, seen, limit) if adds else approve(GATE, reason, seen, limit)
    if known.n_eff < target:
        size = intent.size_lots * known.n_eff // target
        return reshape(GATE, RISK_CORR_CONCENTRATED, known.n_eff, target, size)
    return approve(GATE, RISK_CORR_NORMAL, known.n_eff, target)


def _moved(intent: OrderIntent, definition: MarketDefinition, position: PositionState | None) -> int:
    """Return by how much an intent moves its market's exposure, in micros: what it frees, or what it may lose."""
    if position is not None and 0 < intent.size_lots <= -intent.side * position.size_lots:
        exposure = position.exposure_micros or abs(position.cost_micros) or 1
        return exposure * intent.size_lots // abs(position.size_lots)
    return loss(unit_risk(definition, intent.side, intent.price_ticks), intent.size_lots)


def _steps_min(config: Config) -> int:
    return max(1, config.half_life_fast_s // config.step_s)


BOT = guard(
    decide,
    watch,
    on_tick,
    reasons={RISK_CORR_NORMAL, RISK_CORR_CONCENTRATED, RISK_CORR_SHOCK, RISK_CORR_UNKNOWN},
    per="desk",
)
