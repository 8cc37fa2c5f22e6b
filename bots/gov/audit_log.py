"""Chain every envelope, and acknowledge no more than what is durably written.

Says    audit_ack each second with the head of the chain while nothing waits for its writer (label ACK), and DOWN once
        when a write is unconfirmed for too long; audit_flag for a record with a secret-like field, which is refused,
        and for a command whose next event is missing.
Why     A dangerous operation needs a written trace before it happens. Silence here means there is none, so whoever
        waits for an acknowledgement stays closed.
Source  bots/library.toml; Schneier, B., Kelsey, J. (1999).

The writer confirms with an AuditEvent: action `audit_confirmed`, resource_id the number of envelopes, details the head
that it computed itself (bots/maths/audit_chain.py). A command's events are the statuses of its ControlCommand, then
AuditEvents on resource_type `command`: `applied`, `transition`, `denied`.
"""

from typing import Annotated

from msgspec import Struct, structs

from bots.kit import BotConfig, Instant, Millis, On, Seconds, Signal, State, fold
from bots.maths.audit_chain import GENESIS, extended, has_secret
from bots.maths.reported import payload_of
from contracts.control import AuditEvent, ControlCommand
from contracts.envelope import ReportEnvelope
from contracts.market import ClockTick
from contracts.reasons import GOV_AUDIT_ACK, GOV_AUDIT_GAP, GOV_AUDIT_SECRET_BLOCKED, GOV_AUDIT_SINK_DOWN
from contracts.signal import SignalReport

MS, SECOND = 1_000_000, 1_000_000_000
CHECKPOINTS_MAX, COMMANDS_MAX = 64, 1_024
CONFIRMED = "audit_confirmed"
FOLLOWS = {"requested": "confirm or reject", "confirmed": "applied", "applied": "transition"}  # challenged: a person
ENDS = frozenset({"denied", "transition"})


class Config(BotConfig):
    """How often to acknowledge, and how long to wait for the writer and for a command's next event."""

    ack_ms: Millis = 1_000
    audit_lag_s: Seconds = 10
    max_ack_age_ms: Millis = 5_000


class Checkpoint(Struct, frozen=True, gc=False):
    """The chain as it was at a tick, not yet confirmed."""

    sequence: int
    head: str
    at_ns: int


class Expected(Struct, frozen=True, gc=False):
    """A command under way: its last event, and when the next is overdue; 0 never."""

    command_id: str
    stage: str
    due_ns: int


class Audit(State):
    """The chain, what of it is confirmed and acknowledged, and the open expectations."""

    sequence: int = 0
    head: str = GENESIS
    waiting: tuple[Checkpoint, ...] = ()
    confirmed: Checkpoint = Checkpoint(0, GENESIS, 0)
    acked_ns: int = 0
    down: bool = False
    commands: tuple[Expected, ...] = ()


Flags = tuple[Annotated[SignalReport, Signal("audit_ack", "audit_flag")], ...]


def record(config: Config, state: Audit, envelope: On[ReportEnvelope], now: Instant) -> tuple[Audit, Flags]:
    """Add one envelope to the chain, or refuse it; take in what it says of commands and of the writer."""
    if has_secret(envelope):
        return state, (_flag("SECRET", GOV_AUDIT_SECRET_BLOCKED, envelope.envelope_id, "secret-like field"),)
    said = payload_of(envelope)
    if type(said) is AuditEvent and said.action == CONFIRMED:
        return _confirm(state, said), ()
    state = structs.replace(state, sequence=state.sequence + 1, head=extended(state.head, envelope))
    if type(said) is ControlCommand:
        return follow(config, state, said, now)
    if type(said) is AuditEvent and said.resource_type == "command":
        return _advance(config, state, said.resource_id, said.action, now)
    return state, ()


def follow(config: Config, state: Audit, command: On[ControlCommand], now: Instant) -> tuple[Audit, Flags]:
    """Take in a command's event."""
    return _advance(config, state, command.command_id, command.status, now)


def beat(config: Config, state: Audit, tick: On[ClockTick], now: Instant) -> tuple[Audit, Flags]:
    """Mark where the chain stands, acknowledge or not, and name what is overdue."""
    overdue = tuple(each for each in state.commands if each.due_ns and now > each.due_ns)
    flags = tuple(_flag("GAP", GOV_AUDIT_GAP, each.command_id, FOLLOWS[each.stage]) for each in overdue)
    waiting = state.waiting
    if state.sequence > (waiting[-1].sequence if waiting else state.confirmed.sequence):
        waiting = (*waiting[: CHECKPOINTS_MAX - 1], Checkpoint(state.sequence, state.head, now))
    commands = tuple(structs.replace(each, due_ns=0) if each in overdue else each for each in state.commands)
    state = structs.replace(state, waiting=waiting, commands=commands)
    age_ms = (now - waiting[0].at_ns) // MS if waiting else 0
    if age_ms > config.max_ack_age_ms:
        return (state, flags) if state.down else (structs.replace(state, down=True), (*flags, _ack(state, age_ms)))
    unconfirmed = state.waiting and state.confirmed.at_ns <= state.acked_ns
    if unconfirmed or now - state.acked_ns < config.ack_ms * MS:
        return state, flags
    return structs.replace(state, acked_ns=int(now), down=False), (*flags, _ack(state, 0))


def _confirm(state: Audit, event: AuditEvent) -> Audit:
    """Accept the writer's word for a checkpoint when its head is ours."""
    for place, each in enumerate(state.waiting):
        if (str(each.sequence), each.head) == (event.resource_id, event.details):
            done = Checkpoint(each.sequence, each.head, event.occurred_at)
            return structs.replace(state, waiting=state.waiting[place + 1 :], confirmed=done)
    return state


def _advance(config: Config, state: Audit, command_id: str, stage: str, now: Instant) -> tuple[Audit, Flags]:
    before = next((each for each in state.commands if each.command_id == command_id), None)
    if before is not None and before.stage == stage:
        return state, ()
    others = tuple(each for each in state.commands if each is not before)
    due_ns = now + config.audit_lag_s * SECOND if stage in FOLLOWS else 0
    commands = others if stage in ENDS else (*others[-COMMANDS_MAX + 1 :], Expected(command_id, stage, due_ns))
    missing = before is None and stage != "requested"
    flags = (_flag("GAP", GOV_AUDIT_GAP, command_id, "requested"),) if missing else ()
    return structs.replace(state, commands=commands), flags


def _flag(label: str, reason: str, subject: str, what: str) -> SignalReport:
    return SignalReport("audit_flag", 0.0, label, 0.0, 1.0, 0, 0, "1", (), (subject, what), reason)


def _ack(state: Audit, age_ms: int) -> SignalReport:
    label, reason = ("DOWN", GOV_AUDIT_SINK_DOWN) if age_ms else ("ACK", GOV_AUDIT_ACK)
    sequence, parts = float(state.confirmed.sequence), (("ack_age_ms", float(age_ms)),)
    return SignalReport("audit_ack", sequence, label, 0.0, 1.0, 0, 0, "1", parts, (state.confirmed.head,), reason)


BOT = fold(
    record,
    follow,
    beat,
    reasons={GOV_AUDIT_ACK, GOV_AUDIT_GAP, GOV_AUDIT_SECRET_BLOCKED, GOV_AUDIT_SINK_DOWN},
    per="desk",
)
