"""Stop opening risk after a daily loss, and scale it down as the drawdown deepens.

Says    REJECT at the daily loss limit until the next UTC day, at the drawdown limit until a confirmed reset, and while
        equity is unknown; RESHAPE in between; otherwise APPROVE. One IncidentReport per breach: the drawdown's is P0,
        which sends the desk to SAFE. Seen and limit are millionths of the base.
Why     Losses cluster, and whoever has just lost is the worst judge of whether to go on. What only reduces stays
        possible. The account carries one mark, so mid and liquidation value are the same number here. A strategy's
        profit is that of the markets it traded last; its base is the desk's starting capital.
Source  bots/library.toml; Grossman, S., Zhou, Z. (1993).
"""

from msgspec import structs

from bots.kit import BotConfig, Frac, Instant, Latest, On, State, approve, guard, reject, reshape
from bots.maths.drawdowns import MILLION, Shares, breached, cut, drawdown, moved, owned, reaches, scaled
from bots.maths.notional import reduces
from contracts.control import ControlCommand, IncidentReport
from contracts.intent import OrderIntent, RiskVote
from contracts.order import Account, Fill, PositionState
from contracts.reasons import (
    RISK_DAILY_LOSS_GUARD,
    RISK_DRAWDOWN_BREACH,
    RISK_DRAWDOWN_OK,
    RISK_DRAWDOWN_SCALED,
    RISK_EQUITY_UNKNOWN,
)

GATE = "risk.drawdown"
DAY_NS = 86_400_000_000_000
POSITION_AGE_NS = 60_000_000_000  # the catalogue's freshness of PositionState
RESET = "RESET_DRAWDOWN"
REDUCING = approve(GATE, RISK_DRAWDOWN_OK, 0, 0)


class Config(BotConfig):
    """Limits as fractions; a strategy's scaling begins at two fifths of its own limit."""

    daily_loss_limit_fraction: Frac = 100_000
    dd_warn: Frac = 80_000
    dd_hard: Frac = 200_000
    strategy_dd_hard: Frac = 250_000


class Losses(State):
    """The day that is halted, what is latched, the peak since a reset, and the strategies' tracks."""

    halted_day: int = -1
    latched: tuple[str, ...] = ()
    old_peak_micros: int = 0
    peak_micros: int = 0
    shares: Shares = Shares()


Reports = tuple[Losses, tuple[IncidentReport, ...]]


def watch(config: Config, state: Losses, account: On[Account], now: Instant) -> Reports:
    """Latch the day and the drawdown when their limits are reached, and report each once."""
    equity, day = account.equity_micros, now // DAY_NS
    if account.unpriced:
        return state, ()
    if state.old_peak_micros and equity > state.peak_micros:
        state = structs.replace(state, peak_micros=equity)
    reports: tuple[IncidentReport, ...] = ()
    lost = account.day_open_micros - equity
    if (
        lost > 0
        and state.halted_day != day
        and reaches(lost, account.day_open_micros, config.daily_loss_limit_fraction)
    ):
        state = structs.replace(state, halted_day=day)
        reports += (_report(f"daily_loss:{day}", account.account, "daily_loss", "P1", RISK_DAILY_LOSS_GUARD),)
    peak = _peak(state, account)
    if "" not in state.latched and reaches(peak - equity, peak, config.dd_hard):
        state = structs.replace(state, latched=(*state.latched, ""))
        reports += (_report(f"drawdown:{peak}", account.account, "drawdown", "P0", RISK_DRAWDOWN_BREACH),)
    return state, reports


def on_fill(config: Config, state: Losses, fill: On[Fill], now: Instant) -> Losses:
    """Give the market to the strategy that trades it."""
    shares = owned(state.shares, fill.market_id, fill.strategy)
    return state if shares is state.shares else structs.replace(state, shares=shares)


def on_position(
    config: Config, state: Losses, position: On[PositionState], account: Latest[Account | None], now: Instant
) -> Reports:
    """Move the track of the strategy whose market it is, and latch the strategy at its limit."""
    shares = moved(state.shares, position.market_id, position.total_micros)
    if shares is state.shares:
        return state, ()
    state = structs.replace(state, shares=shares)
    name = breached(shares, account.start_micros, config.strategy_dd_hard, state.latched) if account is not None else ""
    if not name:
        return state, ()
    report = _report(f"strategy_drawdown:{name}", name, "strategy_drawdown", "P1", RISK_DRAWDOWN_BREACH)
    return structs.replace(state, latched=(*state.latched, name)), (report,)


def on_command(
    config: Config, state: Losses, command: On[ControlCommand], account: Latest[Account | None], now: Instant
) -> Losses:
    """Start a new peak after a confirmed reset; the day's halt stays."""
    if (
        command.target != GATE
        or command.requested_transition != RESET
        or account is None
        or command.status != "confirmed"
        or not command.challenge_id
    ):
        return state
    return Losses(state.halted_day, (), account.peak_micros, account.equity_micros)


def decide(
    config: Config,
    state: Losses,
    intent: On[OrderIntent],
    position: Latest[PositionState | None],
    account: Latest[Account | None],
    now: Instant,
) -> RiskVote:
    """Vote on one intent."""
    if intent.reduce_only and reduces(intent, position):
        return REDUCING
    if account is None or account.unpriced or account.day_open_micros <= 0:
        return reject(GATE, RISK_EQUITY_UNKNOWN, 0, 0)
    age_ns = now - account.updated_ns
    if account.exposure_micros and age_ns > POSITION_AGE_NS:
        return reject(GATE, RISK_EQUITY_UNKNOWN, age_ns // 1_000_000, POSITION_AGE_NS // 1_000_000)
    equity, day_open, limit = account.equity_micros, account.day_open_micros, config.daily_loss_limit_fraction
    lost = day_open - equity
    if state.halted_day == now // DAY_NS or (lost > 0 and reaches(lost, day_open, limit)):
        return reject(GATE, RISK_DAILY_LOSS_GUARD, drawdown(lost, day_open), limit)
    peak = _peak(state, account)
    seen = (peak - equity) * MILLION // peak if peak > equity else 0
    lost, latched = peak - equity, state.latched and ("" in state.latched or intent.strategy in state.latched)
    if latched or lost * MILLION >= config.dd_hard * peak:
        return reject(GATE, RISK_DRAWDOWN_BREACH, seen, config.dd_hard)
    wanted, warned = intent.size_lots, lost * MILLION > config.dd_warn * peak
    size = scaled(wanted, lost, peak, config.dd_warn, config.dd_hard) if warned else wanted
    if state.shares.tracks:
        own, fall = cut(state.shares, intent.strategy, wanted, account.start_micros, config.strategy_dd_hard)
        size, seen = min(size, own), max(seen, fall)
    if size < wanted:
        return reshape(GATE, RISK_DRAWDOWN_SCALED, seen, config.dd_warn, size)
    return approve(GATE, RISK_DRAWDOWN_OK, seen, config.dd_hard)


def _peak(state: Losses, account: Account) -> int:
    """Return the peak that counts: of the account, or since the last reset."""
    if account.peak_micros > state.old_peak_micros:
        return account.peak_micros
    return max(state.peak_micros, account.equity_micros, 1)


def _report(key: str, scope: str, family: str, severity: str, reason: str) -> IncidentReport:
    return IncidentReport(f"{GATE}:{key}"[:128], scope, family, severity, (), GATE, reason)


BOT = guard(
    decide,
    watch,
    on_fill,
    on_position,
    on_command,
    reasons={
        RISK_DRAWDOWN_OK,
        RISK_DRAWDOWN_SCALED,
        RISK_DAILY_LOSS_GUARD,
        RISK_DRAWDOWN_BREACH,
        RISK_EQUITY_UNKNOWN,
    },
    per="desk",
)
