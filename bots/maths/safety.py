"""Order the safety modes and kill levels, and apply to them what trips and what is commanded.

    NORMAL < DEGRADED < SAFE < EMERGENCY_STOP        ALLOW < CLOSE_ONLY < FLATTEN < BLOCK

BLOCK stands above FLATTEN, because a flatten sends orders: going from BLOCK to FLATTEN loosens. Modes tighten by
themselves and loosen only by hand: by a confirmed command that answers a challenge seen before, once, while the
environment's switch is clear and nothing has tripped for a stable window. Modes and levels are counted by their place.
Source: catalogue rule of risk.kill_switch; SEC Rule 15c3-5.
"""

from msgspec import Struct, structs

from contracts import control
from contracts.control import ControlCommand, IncidentReport, SafetyState
from contracts.reasons import RISK_KILL_SWITCH_CLEAR, RISK_KILL_SWITCH_GUARD, RISK_SAFETY_DEGRADED

MODES = (control.NORMAL, control.DEGRADED, control.SAFE, control.EMERGENCY_STOP)
LEVELS = (control.ALLOW, control.CLOSE_ONLY, control.FLATTEN, control.BLOCK)
NORMAL, DEGRADED, SAFE, STOP = range(4)
ALLOW, CLOSE_ONLY, FLATTEN, BLOCK = range(4)
SYNONYMS = {"halt_all": control.EMERGENCY_STOP, "kill": control.EMERGENCY_STOP, "raise_safety": control.SAFE}
TRIPPING = frozenset(
    {"audit_sink", "cancel_loop", "clock", "disk", "drawdown", "observability", "order_storm", "reconcile"}
)
COMMANDS_KEPT = 4_096
CHALLENGES_KEPT = 64


class Standing(Struct, frozen=True, gc=False):
    """Where a desk stands: mode and commanded level by place, why, and what loosening must be checked against."""

    mode: int = STOP
    commanded: int = ALLOW
    causes: tuple[str, ...] = ()
    tripped_ns: int = 0
    engaged: bool = False
    challenges: tuple[str, ...] = ()
    applied: tuple[str, ...] = ()


def mode_of(name: str) -> int:
    """Return the place of a mode; SAFE for a name that is none."""
    return MODES.index(name) if name in MODES else SAFE


def level_of(standing: Standing, safe_level: str) -> int:
    """Return the place of the kill level in force; `safe_level` is the name of what SAFE means."""
    by_mode = ALLOW if standing.mode < SAFE else LEVELS.index(safe_level) if standing.mode == SAFE else BLOCK
    return max(by_mode, standing.commanded)


def trips(incident: IncidentReport) -> bool:
    """True when an incident means SAFE by itself: the gravest rank, or a family in which nothing can be proven."""
    return incident.severity == "P0" or incident.cause_family in TRIPPING


def tightened(standing: Standing, mode: int, cause: str, tripped_ns: int = 0) -> Standing:
    """Return the standing raised to at least `mode`; `tripped_ns` is the time when it came by itself, else 0."""
    known = mode < max(DEGRADED, standing.mode) or cause in standing.causes
    return structs.replace(
        standing,
        mode=max(mode, standing.mode),
        causes=standing.causes if known else (*standing.causes, cause),
        tripped_ns=max(tripped_ns, standing.tripped_ns),
    )


def commanded(standing: Standing, command: ControlCommand, now: int, stable_ns: int) -> tuple[Standing, bool]:
    """Return the standing after a command, and whether a wish to loosen was refused.

    A command has one effect per id and status, and only the newest 4,096 are remembered. Transitions: the names of
    modes and levels, and halt_all, kill (both EMERGENCY_STOP) and raise_safety (SAFE); any other leaves all as it was.
    """
    wish = SYNONYMS.get(command.requested_transition, command.requested_transition)
    key = f"{command.command_id}|{command.status}"
    if (wish not in MODES and wish not in LEVELS) or key in standing.applied:
        return standing, False
    standing = structs.replace(standing, applied=_newest(standing.applied, key, COMMANDS_KEPT))
    is_mode = wish in MODES
    target = MODES.index(wish) if is_mode else LEVELS.index(wish)
    if target >= (standing.mode if is_mode else standing.commanded):
        if command.status == "denied":
            return standing, False
        if is_mode:
            return tightened(standing, target, f"command:{command.actor}"), False
        return structs.replace(standing, commanded=target), False
    bond = f"{command.challenge_id}|{wish}"
    if command.status == "challenged" and command.challenge_id:
        return structs.replace(standing, challenges=_newest(standing.challenges, bond, CHALLENGES_KEPT)), False
    proven = command.status == "confirmed" and bond in standing.challenges
    if not proven or standing.engaged or now - standing.tripped_ns < stable_ns:
        return standing, True
    left = tuple(known for known in standing.challenges if known != bond)
    if is_mode:
        causes = standing.causes if target else ()
        return structs.replace(standing, mode=target, causes=causes, challenges=left), False
    return structs.replace(standing, commanded=target, challenges=left), False


def stated(standing: Standing, safe_level: str, said: SafetyState | None, now: int) -> SafetyState:
    """Return the standing in words; `said` itself when it says the same."""
    mode, level = standing.mode, level_of(standing, safe_level)
    facts = (MODES[mode], LEVELS[level], standing.causes)
    if said is not None and (said.mode, said.kill_level, said.causes) == facts:
        return said
    open_reason = RISK_SAFETY_DEGRADED if mode == DEGRADED else RISK_KILL_SWITCH_CLEAR
    reason = RISK_KILL_SWITCH_GUARD if level > ALLOW else open_reason
    return SafetyState(*facts, said.version + 1 if said is not None else 1, mode == STOP, now, reason)


def _newest(items: tuple[str, ...], item: str, kept: int) -> tuple[str, ...]:
    return (*items[max(0, len(items) + 1 - kept) :], item)
