"""Show when the audit log acknowledges, and what it names when it does not."""

from hashlib import sha256

import msgspec
import pytest
from msgspec.structs import replace

from bots.gov.audit_log import CHECKPOINTS_MAX, Audit, Config, beat, follow, record
from bots.maths.audit_chain import GENESIS, extended, has_secret
from contracts.control import AuditEvent, ControlCommand
from contracts.signal import SignalReport
from tests import world
from tests.bots.gov.stream import after, envelope

CONFIG, BORN = Config(), Audit()


def said(reports: tuple[SignalReport, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return label, reason and what it is about."""
    return [(report.label, report.reason, report.refs) for report in reports]


def recorded(count: int, state: Audit = BORN, first: int = 1) -> Audit:
    """Return the state after some ordinary envelopes."""
    for number in range(first, first + count):
        state, reports = record(CONFIG, state, envelope(world.vote(), number=number), world.NOW)
        assert reports == ()
    return state


def ticked(state: Audit, seconds: float) -> tuple[Audit, list[tuple[str, str, tuple[str, ...]]]]:
    """Return state and answers after a tick."""
    state, reports = beat(CONFIG, state, world.tick(), after(seconds))
    return state, said(reports)


def confirmed(state: Audit, seconds: float, head: str | None = None) -> Audit:
    """Return the state after the writer's word for the last checkpoint."""
    last = state.waiting[-1]
    what = ("audit_confirmed", "audit_chain", str(last.sequence), "SUCCESS")
    event = AuditEvent("e1", "writer", *what, int(after(seconds)), head or last.head)
    state, reports = record(CONFIG, state, envelope(event, bot_id="operator"), after(seconds))
    assert reports == ()
    return state


def command(status: str) -> ControlCommand:
    """Return one step of a command."""
    return ControlCommand("c1", "ann", "lab", "RUNNING_LIVE", "IDLE", status, "", "why", "dev", "paper", "", "")


def applied(action: str) -> AuditEvent:
    """Return an audit event of the command."""
    return AuditEvent("e2", "ann", action, "command", "c1", "SUCCESS", int(world.NOW), "{}")


# ---- the four fixtures ---------------------------------------------------------------------------------------------


def test_normal_a_hundred_envelopes_are_chained_and_acknowledged() -> None:
    """The head advances with each; once the writer has confirmed, the acknowledgement names the head it wrote."""
    state, reports = ticked(recorded(100), 1)
    assert (state.sequence, reports) == (100, [])
    head = GENESIS
    for number in range(1, 101):
        head = extended(head, envelope(world.vote(), number=number))
    state = confirmed(state, 1.2)
    state, reports = ticked(state, 2)
    assert reports == [("ACK", "GOV_AUDIT_ACK", (head,))]
    assert (state.head, state.confirmed.sequence) == (head, 100)


def test_warning_a_confirmed_command_that_is_not_applied_is_a_gap() -> None:
    """Nothing at ten seconds, a gap at twelve, named once."""
    state = Audit()
    for status in ("requested", "confirmed"):
        state, _ = follow(CONFIG, state, command(status), world.NOW)
    state, reports = ticked(state, 10)
    assert ("GAP" in {label for label, *_ in reports}) is False
    state, reports = ticked(state, 12)
    assert ("GAP", "GOV_AUDIT_GAP", ("c1", "applied")) in reports
    assert "GAP" not in {label for label, *_ in ticked(state, 30)[1]}


@pytest.mark.parametrize(
    "payload",
    [
        '{"private_key":"x"}',
        '{"a":[{"wallet_private_key" : 1}]}',
        '{"values":"{\\"apiSecret\\":1}"}',
        '{"Password":null}',
        '{"mnemonic":""}',
    ],
)
def test_hard_a_record_with_a_secret_is_refused(payload: str) -> None:
    """The field's name is enough, however deep, also inside a text; the chain stays as it was."""
    carrier = envelope(world.vote(), payload=payload)
    state, reports = record(CONFIG, Audit(), carrier, world.NOW)
    assert state == Audit()
    assert said(reports) == [("SECRET", "GOV_AUDIT_SECRET_BLOCKED", (carrier.envelope_id, "secret-like field"))]


def test_failure_a_write_that_is_not_confirmed_is_said_once_and_never_acknowledged() -> None:
    """At five seconds silence, at six DOWN; when the writer comes back, acknowledgements do."""
    state, _ = ticked(recorded(3), 0)
    for second in range(1, 6):
        state, reports = ticked(state, second)
        assert reports == []
    state, reports = ticked(state, 6)
    assert reports == [("DOWN", "GOV_AUDIT_SINK_DOWN", (GENESIS,))]
    state, reports = ticked(state, 7)
    assert reports == []
    state, reports = ticked(confirmed(state, 7.5), 8)
    assert [label for label, *_ in reports] == ["ACK"]
    assert state.down is False


# ---- both sides ----------------------------------------------------------------------------------------------------


def test_an_idle_chain_is_acknowledged_every_second_and_not_sooner() -> None:
    """Acknowledgements are the proof of health, so they go on when there is nothing to write."""
    state, reports = ticked(Audit(), 0)
    assert len(reports) == 1
    assert ticked(state, 0.999)[1] == []
    assert len(ticked(state, 1.0)[1]) == 1


def test_a_writer_that_computed_another_head_confirms_nothing() -> None:
    """The word for a checkpoint counts only with the head that we have ourselves."""
    state, _ = ticked(recorded(3), 0)
    state = confirmed(state, 0.5, "f" * 64)
    assert (state.confirmed.sequence, len(state.waiting)) == (0, 1)


@pytest.mark.parametrize(
    ("steps", "missing"),
    [
        (("requested",), ["confirm or reject"]),
        (("requested", "challenged"), []),
        (("requested", "denied"), []),
        (("requested", "challenged", "confirmed", "applied"), ["transition"]),
        (("requested", "confirmed", "applied", "transition"), []),
        (("requested", "confirmed", "denied"), []),
        (("confirmed", "applied", "transition"), ["requested"]),
    ],
)
def test_each_command_needs_its_events(steps: tuple[str, ...], missing: list[str]) -> None:
    """Requested, answered, applied, moved: what is missing is named; a challenged command waits for a person."""
    state, gaps = Audit(), []
    for step in steps:
        event = applied(step) if step in ("applied", "transition") else command(step)
        state, reports = record(CONFIG, state, envelope(event, bot_id="operator"), world.NOW)
        gaps += [what for label, _, (_, what) in said(reports) if label == "GAP"]
    state, reports = ticked(state, 11)
    assert gaps + [refs[1] for label, _, refs in reports if label == "GAP"] == missing


def test_the_same_event_twice_is_one() -> None:
    """A command heard by itself and in its envelope is the same command."""
    state, _ = follow(CONFIG, Audit(), command("requested"), world.NOW)
    again, reports = follow(CONFIG, state, command("requested"), after(5))
    assert (again, reports) == (state, ())


def test_waiting_checkpoints_are_bounded() -> None:
    """A writer that never comes back costs no memory; the oldest wait is kept, since it is what counts."""
    state = Audit()
    for second in range(2 * CHECKPOINTS_MAX):
        state, _ = ticked(recorded(1, state, second + 1), second)
    assert len(state.waiting) == CHECKPOINTS_MAX
    assert (state.waiting[0].sequence, state.waiting[-1].sequence) == (1, 2 * CHECKPOINTS_MAX)


def test_the_chain_is_over_canonical_json() -> None:
    """Sorted keys, no spaces, and the head before; any change of any field changes the head."""
    one = envelope(world.vote())
    fields = {name: getattr(one, name) for name in one.__struct_fields__} | {"kind": "ReportEnvelope"}
    canonical = msgspec.json.encode(dict(sorted(fields.items())))
    assert extended(GENESIS, one) == sha256(bytes(32) + canonical).hexdigest()
    assert extended(GENESIS, replace(one, offset=one.offset + 1)) != extended(GENESIS, one)


@pytest.mark.parametrize(
    "payload",
    ['{"key_ref":"k1"}', '{"token_id":"1"}', '{"secret_ref":"vault:1"}', '{"reason":"the password: x"}', "{}"],
)
def test_references_are_no_secrets(payload: str) -> None:
    """What points at a secret may be written, and so may a sentence about one."""
    assert has_secret(envelope(world.vote(), payload=payload)) is False
