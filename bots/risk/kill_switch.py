"""Own the desk's safety state, and vote first on every intent.

Says    SafetyState whenever mode, level or causes change; APPROVE in NORMAL, RESHAPE to a part that may only rest in
        DEGRADED, otherwise REJECT, save for proven reduce-only intents under CLOSE_ONLY and FLATTEN. Seen is the place
        of the kill level (ALLOW 0 to BLOCK 3), limit the highest that lets the intent pass.
Why     One writer, so that nobody can argue about what holds. Tightening needs nobody's leave; what loosening needs
        stands in bots/maths/safety.py. SAFE blocks, but a perpetual may then still be closed, because its margin
        does not wait for a person.
Source  bots/library.toml; SEC Rule 15c3-5.
"""

from typing import Annotated

from msgspec import Meta, structs

from bots.kit import (
    BotConfig,
    Frac,
    Instant,
    Latest,
    Number,
    On,
    Positive,
    Seconds,
    State,
    approve,
    guard,
    reject,
    reshape,
)
from bots.maths.notional import MILLION, reduces
from bots.maths.safety import (
    ALLOW,
    BLOCK,
    CLOSE_ONLY,
    FLATTEN,
    NORMAL,
    SAFE,
    STOP,
    Standing,
    commanded,
    level_of,
    mode_of,
    stated,
    tightened,
    trips,
)
from contracts.control import ControlCommand, DeskConfigured, IncidentReport, SafetyState
from contracts.intent import BotNote, OrderIntent, RiskVote
from contracts.market import ClockTick, MarketDefinition
from contracts.order import Account, OrderUpdate, PositionState
from contracts.reasons import (
    EXEC_VENUE_REJECT,
    RISK_KILL_SWITCH_CLEAR,
    RISK_KILL_SWITCH_GUARD,
    RISK_SAFETY_DEGRADED,
    RISK_SAFETY_UNKNOWN,
)

GATE = "risk.kill_switch"
SECOND_NS = 1_000_000_000
BURST_NS = 60 * SECOND_NS
CLEAR = approve(GATE, RISK_KILL_SWITCH_CLEAR, ALLOW, ALLOW)


class Config(BotConfig):
    """What trips the switch, what SAFE means, and how long calm must last."""

    kill_switch_env: Annotated[str, Meta(pattern="^[A-Z][A-Z0-9_]*$")] = "BOT_DISABLE_TRADING"
    degraded_mult: Frac = 500_000
    safe_level: Annotated[str, Meta(pattern="^(BLOCK|CLOSE_ONLY)$")] = "BLOCK"
    stable_s: Seconds = 300
    reject_burst: Number = 10
    tick_gap_s: Seconds = 10
    clock_err_s: Positive = 1.5
    equity_jump: Frac = 350_000


class Switch(State):
    """What was said, where the desk stands, and what the automatic triggers must remember."""

    said: SafetyState | None = None
    standing: Standing = Standing()
    desk_id: str = ""
    tick_ns: int = 0
    equity_micros: int = 0
    refused_ns: tuple[int, ...] = ()


Said = tuple[Switch, SafetyState | BotNote | None]


def configured(config: Config, state: Switch, desk: On[DeskConfigured], now: Instant) -> Said:
    """Boot in the mode that the desk names, SAFE if it names none or is live; a later boot only tightens."""
    boot = max(mode_of(desk.boot_mode), SAFE if desk.desk_mode == "live" else NORMAL)
    born = Standing(mode=NORMAL) if state.said is None else state.standing
    return _say(config, structs.replace(state, desk_id=desk.desk_id, standing=tightened(born, boot, "boot")), now)


def on_tick(config: Config, state: Switch, tick: On[ClockTick], account: Latest[Account | None], now: Instant) -> Said:
    """Latch the environment's switch; trip on a gap between ticks, or on a tick that is not of this moment."""
    gap = state.tick_ns > 0 and tick.at_ns - state.tick_ns > config.tick_gap_s * SECOND_NS
    skewed = abs(now - tick.at_ns) > config.clock_err_s * SECOND_NS
    equity = account.equity_micros if account is not None and not account.unpriced else state.equity_micros
    standing = structs.replace(state.standing, engaged=tick.env_engaged)
    state = structs.replace(state, tick_ns=tick.at_ns, equity_micros=equity, standing=standing)
    if tick.env_engaged:
        return _trip(config, state, STOP, f"env:{config.kill_switch_env}", now)
    return _trip(config, state, SAFE, "tick_gap" if gap else "clock_error", now) if gap or skewed else (state, None)


def on_incident(config: Config, state: Switch, incident: On[IncidentReport], now: Instant) -> Said:
    """Trip on what cannot be traded through."""
    cause = f"incident:{incident.cause_family}"
    return _trip(config, state, SAFE, cause, now) if trips(incident) else (state, None)


def on_update(config: Config, state: Switch, update: On[OrderUpdate], now: Instant) -> Said:
    """Trip on a burst of the venue's refusals, of orders or of cancels."""
    if update.state != "REJECTED" and update.reason != EXEC_VENUE_REJECT:
        return state, None
    recent = (*(at for at in state.refused_ns if now - at < BURST_NS), int(now))[-max(1, config.reject_burst) :]
    state = structs.replace(state, refused_ns=recent)
    return _trip(config, state, SAFE, "reject_burst", now) if len(recent) >= config.reject_burst else (state, None)


def on_account(config: Config, state: Switch, account: On[Account], now: Instant) -> Said:
    """Trip on an equity that jumped since it was last looked at: a price that is wrong looks like that."""
    was, moved = state.equity_micros, abs(account.equity_micros - state.equity_micros)
    if account.unpriced or (was > 0 and moved * MILLION <= config.equity_jump * was // 2):
        return state, None
    state = structs.replace(state, equity_micros=account.equity_micros)
    jumped = was > 0 and moved * MILLION > config.equity_jump * was
    return _trip(config, state, SAFE, "equity_jump", now) if jumped else (state, None)


def on_command(config: Config, state: Switch, command: On[ControlCommand], now: Instant) -> Said:
    """Carry out a command that is meant for this desk; say why when a wish to loosen is refused."""
    if command.target not in (state.desk_id, GATE, "all"):
        return state, None
    standing, refused = commanded(state.standing, command, now, config.stable_s * SECOND_NS)
    if refused:
        calm_s = (now - standing.tripped_ns) // SECOND_NS
        return structs.replace(state, standing=standing), BotNote(RISK_KILL_SWITCH_GUARD, calm_s, config.stable_s)
    return _say(config, structs.replace(state, standing=standing), now)


def decide(
    config: Config,
    state: Switch,
    intent: On[OrderIntent],
    position: Latest[PositionState | None],
    definition: Latest[MarketDefinition | None],
    now: Instant,
) -> RiskVote:
    """Vote on one intent; a state that was never restored counts as EMERGENCY_STOP."""
    if state.said is None:
        return reject(GATE, RISK_SAFETY_UNKNOWN, BLOCK, ALLOW)
    if state.said.reason is RISK_KILL_SWITCH_CLEAR:
        return CLEAR
    standing = state.standing
    level = level_of(standing, config.safe_level)
    if level == ALLOW and standing.mode == NORMAL:
        return CLEAR
    if level == ALLOW:
        size = intent.size_lots * config.degraded_mult // MILLION
        return reshape(GATE, RISK_SAFETY_DEGRADED, ALLOW, ALLOW, size, post_only=True)
    if standing.mode == SAFE and standing.commanded < BLOCK and definition is not None and definition.instrument_kind:
        level = max(CLOSE_ONLY, standing.commanded)
    if level < BLOCK and reduces(intent, position):
        return approve(GATE, RISK_KILL_SWITCH_GUARD, level, FLATTEN)
    return reject(GATE, RISK_KILL_SWITCH_GUARD, level, FLATTEN if intent.reduce_only else ALLOW)


def _trip(config: Config, state: Switch, mode: int, cause: str, now: Instant) -> Said:
    return _say(config, structs.replace(state, standing=tightened(state.standing, mode, cause, int(now))), now)


def _say(config: Config, state: Switch, now: Instant) -> Said:
    said = stated(state.standing, config.safe_level, state.said, int(now))
    return (state, None) if said is state.said else (structs.replace(state, said=said), said)


BOT = guard(
    decide,
    configured,
    on_tick,
    on_command,
    on_incident,
    on_update,
    on_account,
    reasons={RISK_KILL_SWITCH_CLEAR, RISK_SAFETY_DEGRADED, RISK_KILL_SWITCH_GUARD, RISK_SAFETY_UNKNOWN},
    per="desk",
)
