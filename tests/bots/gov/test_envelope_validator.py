"""Show which envelopes are refused, why, and what that does to their maker's budget."""

import pytest

from bots.gov.envelope_validator import Checked, Config, judge
from bots.maths.reported import MAY_SAY, NOTE, fault_of, is_mechanism
from bots.registry import library
from contracts.control import ConfigApplied, IncidentReport, PolicyBundle
from contracts.envelope import ReportEnvelope
from contracts.intent import BotNote
from contracts.signal import SignalReport
from tests import world
from tests.bots.gov.stream import CODE, SETTINGS, after, envelope

CONFIG = Config()
BOTS = ("risk.stale_book", "intel.book_builder", "disc.market_scanner", "strat.maker_tight")


def applied(bot_id: str) -> ReportEnvelope:
    """Return the journal's word on a bot's versions."""
    said = ConfigApplied(bot_id, CODE, SETTINGS, "{}")
    return envelope(said, bot_id="operators.desk", reasons=("GOV_CONFIG_APPLIED",))


def born() -> Checked:
    """Return the state after the birth of a desk."""
    state = Checked()
    birth = envelope(world.configured(plan_hash="plan-1"), bot_id="operators.desk", reasons=("GOV_DESK_CONFIGURED",))
    for each in (birth, *(applied(bot_id) for bot_id in BOTS)):
        state, _ = judge(CONFIG, state, each, None, world.NOW)
    return state


def judged(state: Checked, each: ReportEnvelope) -> tuple[Checked, list[tuple[str, str]]]:
    """Return the state and label and fault of each answer."""
    state, said = judge(CONFIG, state, each, None, world.NOW)
    return state, [(one.label, one.refs[2]) for one in said if isinstance(one, SignalReport)]


BAD = envelope(world.vote(), bot_version="other")


# ---- the four fixtures ---------------------------------------------------------------------------------------------


def test_normal_a_correct_vote_is_accepted_and_said_once() -> None:
    """The first valid envelope of a bot says so; the next say nothing."""
    state, said = judged(born(), envelope(world.vote()))
    assert said == [("VALID", "")]
    state, said = judged(state, envelope(world.vote(), number=2))
    assert said == []


def test_warning_two_invalid_of_a_thousand_pass_the_warning() -> None:
    """One in a thousand is at the limit and allowed; the second is above it."""
    state = born()
    state, said = judged(state, BAD)
    assert said == [("INVALID", "version")]
    state, said = judged(state, envelope(world.vote()))
    assert said == [("VALID", "")]
    state, said = judged(state, BAD)
    assert said == [("INVALID", "version"), ("WARN", "version")]


def test_hard_an_intel_bot_that_proposes_an_order_is_refused() -> None:
    """Only a strategy may propose: authority is checked, whatever the payload says."""
    wish = envelope(world.intent(), bot_id="intel.book_builder", reasons=("INTEL_BOOK_OK",))
    _, said = judged(born(), wish)
    assert said == [("INVALID", "authority")]


def test_failure_without_a_registry_nothing_is_valid() -> None:
    """No birth and no bundle: LOST, and every envelope refused; a bundle is a registry too, without versions."""
    _, said = judged(Checked(), envelope(world.vote()))
    assert said == [("LOST", "no registry")]
    bundle = PolicyBundle("b", "h", (), (), (), (), (), "k")
    _, reports = judge(CONFIG, Checked(), envelope(world.vote()), bundle, world.NOW)
    assert [report.label for report in reports if isinstance(report, SignalReport)] == ["INVALID"]


# ---- budgets -------------------------------------------------------------------------------------------------------


def test_quarantine_is_asked_once_above_one_in_a_hundred() -> None:
    """Ten invalid in a window are at the limit, the eleventh is above; it asks once, the next window again."""
    state, incidents = born(), []
    for number in range(30):
        state, said = judge(CONFIG, state, BAD, None, world.NOW)
        incidents += [(number, one) for one in said if isinstance(one, IncidentReport)]
    assert [number for number, _ in incidents] == [10]
    asked = incidents[0][1]
    assert (asked.scope, asked.severity, asked.reason) == ("risk.stale_book", "P1", "GOV_ENVELOPE_INVALID")
    for number in range(970):
        state, _ = judge(CONFIG, state, envelope(world.vote(), number=number), None, world.NOW)
    again = [one for _ in range(11) for one in judged_incidents(state)]
    assert again == []
    for _ in range(11):
        state, said = judge(CONFIG, state, BAD, None, world.NOW)
    assert [one for one in said if isinstance(one, IncidentReport)] != []


def judged_incidents(state: Checked) -> list[IncidentReport]:
    """Return the incidents of one more bad envelope."""
    _, said = judge(CONFIG, state, BAD, None, world.NOW)
    return [one for one in said if isinstance(one, IncidentReport)]


def test_each_bot_has_its_own_budget() -> None:
    """One bot's faults are not another's."""
    state = born()
    for _ in range(5):
        state, _ = judged(state, BAD)
    scan = envelope(world.candidate(reason="DISC_ELIGIBLE"), bot_id="disc.market_scanner")
    assert judged(state, scan)[1] == [("VALID", "")]


# ---- what is wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, ""),
        ({"desk_id": ""}, "schema"),
        ({"offset": -2}, "schema"),
        ({"payload": "not json"}, "payload schema"),
        ({"payload": '{"gate":"a"}'}, "payload schema"),
        ({"payload_kind": "Gossip"}, "payload schema"),
        ({"payload_kind": "OrderIntent"}, "payload schema"),
        ({"reasons": ()}, "reason not registered"),
        ({"reasons": ("RISK_NO_SUCH_CODE",)}, "reason not registered"),
        ({"reasons": ("RISK_MARKET_OPEN",)}, "reason of another"),
        ({"reasons": ("RISK_INPUT_STALE",)}, ""),
        ({"reasons": ("INTEL_INPUT_STALE",)}, "reason of another"),
        ({"bot_version": ""}, "version"),
        ({"config_version": "other"}, "version"),
        ({"bot_id": "risk.unheard_of"}, "reason of another"),
        ({"bot_id": "nobody"}, "authority"),
        ({"cause_id": ""}, "no cause"),
        ({"at_ns": int(after(1.0))}, ""),
        ({"at_ns": int(after(1.001))}, "ahead of time"),
    ],
)
def test_an_envelope_is_refused_for_its_first_fault(changes: dict[str, object], fault: str) -> None:
    """Contract, payload, codes, authority, versions, time and cause, each on both sides."""
    refused = judged(born(), envelope(world.vote(), **changes))[1]
    assert refused == ([("INVALID", fault)] if fault else [("VALID", "")])


def test_a_note_is_any_bots_and_no_mechanisms() -> None:
    """Silence may be explained by whoever is silent; a mechanism has nothing to explain."""
    note = BotNote("RISK_STALE_BOOK", 1, 2)
    assert judged(born(), envelope(note))[1] == [("VALID", "")]
    spoken = envelope(note, bot_id="operators.gate")
    assert fault_of(spoken, None, world.NOW, 0) == "authority"


def test_only_the_birth_of_the_desk_tells_versions() -> None:
    """A bot that says what it runs itself changes nothing."""
    state = born()
    forged = envelope(ConfigApplied("risk.stale_book", "other", SETTINGS, "{}"), reasons=("GOV_CONFIG_APPLIED",))
    state, _ = judged(state, forged)
    assert judged(state, BAD)[1][0] == ("INVALID", "version")


def test_authority_is_that_of_the_library() -> None:
    """The table by layer says what the rows' classes say, for every bot."""
    for row in library().rows:
        allowed = MAY_SAY.get(row.id, MAY_SAY[row.layer])
        assert allowed - {"BookQuality", "GuardReport"} == set(library().may_emit[row.class_]), row.id
        assert is_mechanism(row.id) is False
    assert NOTE not in {kind for kinds in MAY_SAY.values() for kind in kinds}
