"""Show that a silent bot, a silent gate and a flow that stands still are told apart, and what a cycle sums up."""

import pytest

from bots.gov.heartbeat import INTERVAL_S, Beats, Config, beat, hear, held, safe
from contracts.control import IncidentReport
from contracts.intent import RiskDecision
from contracts.signal import SignalReport
from tests import world
from tests.bots.gov.stream import after, envelope

CONFIG = Config()
SCANNER, GATE, MAKER = "disc.market_scanner", "risk.stale_book", "strat.maker_tight"
DESK = world.configured(bots=(SCANNER, GATE, MAKER, "operators.freshness"), required_gates=(GATE,))


def born() -> Beats:
    """Return the state after the birth of a desk with a scanner, a gate and a maker."""
    return hear(CONFIG, Beats(), envelope(DESK, bot_id="operators.desk"), world.NOW)


def heard(state: Beats, bot_id: str, seconds: float, severity: str = "INFO") -> Beats:
    """Return the state after a bot said something."""
    at = after(seconds)
    return hear(CONFIG, state, envelope(world.quality(), bot_id=bot_id, at_ns=int(at), severity=severity), at)


def ticked(state: Beats, seconds: float) -> tuple[Beats, list[SignalReport], list[IncidentReport]]:
    """Return the state after a tick, with the summaries and the incidents."""
    state, said = beat(CONFIG, state, world.tick(), after(seconds))
    return (
        state,
        [one for one in said if isinstance(one, SignalReport)],
        [one for one in said if isinstance(one, IncidentReport)],
    )


def alive(seconds: float) -> Beats:
    """Return the state when every bot spoke at a moment."""
    state = born()
    for bot_id in (SCANNER, GATE, MAKER):
        state = heard(state, bot_id, seconds)
    return state


# ---- the four fixtures ---------------------------------------------------------------------------------------------


def test_normal_a_cycle_is_summed_up_once_a_minute() -> None:
    """All bots inside their interval: OK, with what the desk has and holds; then a minute's silence."""
    state = held(CONFIG, alive(0), world.position(), world.NOW)
    state = safe(CONFIG, state, world.safety(), world.NOW)
    state = heard(heard(state, MAKER, 1, "HARD"), MAKER, 2, "CRITICAL")
    state, summaries, incidents = ticked(state, 3)
    assert [(one.label, one.reason, one.value, one.refs) for one in summaries] == [
        ("OK", "GOV_HEARTBEAT_OK", 0.0, ("NORMAL",))
    ]
    assert incidents == []
    position = world.position()
    assert summaries[0].parts == (
        ("bankroll_micros", float(DESK.start_micros + position.total_micros)),
        ("exposure_micros", float(abs(position.cost_micros))),
        ("open_positions", 1.0),
        ("hard", 1.0),
        ("critical", 1.0),
        ("lag_s", 1.0),
    )
    for second in (4, 10):
        assert ticked(state, second)[1] == []
    state = heard(state, MAKER, 60)
    _, summaries, _ = ticked(state, 60)
    assert (summaries[0].value, summaries[0].part("hard")) == (1.0, 0.0)


def test_warning_a_scanner_that_missed_two_beats_is_named() -> None:
    """One missed beat is allowed, two are said at once, with the bot's name."""
    step = INTERVAL_S["disc"]
    state = heard(heard(alive(0), GATE, 2 * step), MAKER, 2 * step)
    assert ticked(state, 2 * step - 1)[1][0].label == "OK"
    _, summaries, incidents = ticked(state, 2 * step)
    assert (summaries[0].label, summaries[0].reason) == ("MISSED", "GOV_HEARTBEAT_MISSED")
    assert summaries[0].refs[1:] == (SCANNER,)
    assert incidents == []


def test_hard_a_gate_that_missed_one_beat_is_dead() -> None:
    """A gate gets no second chance: an incident names it, once."""
    step = INTERVAL_S["risk"]
    state = heard(heard(alive(0), SCANNER, step), MAKER, step)
    assert ticked(state, step - 1)[1][0].label == "OK"
    state, summaries, incidents = ticked(state, step)
    assert (summaries[0].label, summaries[0].reason, summaries[0].refs[1:]) == ("DEAD", "GOV_HEARTBEAT_DEAD", (GATE,))
    assert [(one.scope, one.severity, one.reason, one.evidence) for one in incidents] == [
        (GATE, "P1", "GOV_HEARTBEAT_DEAD", ("missed=1",))
    ]
    state, summaries, incidents = ticked(state, step + 1)
    assert (summaries, incidents) == ([], [])
    _, summaries, _ = ticked(heard(state, GATE, step + 2), step + 2)
    assert summaries[0].label == "OK"


def test_failure_envelopes_that_lag_behind_the_clock_are_a_stalled_flow() -> None:
    """At fifteen seconds still allowed, above stalled, whatever the bots did."""
    state, summaries, _ = ticked(alive(0), 15.9)
    assert summaries[0].label == "OK"
    _, summaries, _ = ticked(state, 20)
    assert (summaries[0].label, summaries[0].reason, summaries[0].part("lag_s")) == (
        "STALLED",
        "GOV_HEARTBEAT_STALLED",
        20.0,
    )


# ---- more ----------------------------------------------------------------------------------------------------------


def test_any_other_bot_is_dead_after_four_missed_beats() -> None:
    """Three missed beats are late; four are an incident."""
    step = INTERVAL_S["strat"]
    state = heard(heard(alive(0), GATE, 4 * step), SCANNER, 4 * step)
    assert ticked(state, 4 * step - 1)[2] == []
    assert [one.scope for one in ticked(state, 4 * step)[2]] == [MAKER]


def test_a_vote_is_a_beat_and_so_is_being_spared() -> None:
    """A guard that votes in a decision lives, and one that a refusal before it spared cannot be blamed for silence."""
    step = INTERVAL_S["risk"]
    votes = (world.vote(gate=GATE),)
    for cast, spared in ((votes, ()), ((), (GATE,))):
        decision = RiskDecision("i", "APPROVE", "RISK_GATE_APPROVED", 1, False, False, cast, spared, "g")
        at = after(step)
        state = hear(CONFIG, alive(0), envelope(decision, bot_id="operators.gate", at_ns=int(at)), at)
        assert GATE not in ticked(state, step)[1][0].refs


def test_clock_ticks_do_not_move_the_watermark() -> None:
    """Time alone is no proof that the flow is alive."""
    at = after(20)
    state = hear(CONFIG, alive(0), envelope(world.tick(), bot_id="operators.sequencer", at_ns=int(at)), at)
    assert ticked(state, 20)[1][0].label == "STALLED"


@pytest.mark.parametrize(
    ("payload", "changed"),
    [(world.position(), "holdings"), (world.safety(mode="SAFE"), "safety"), (world.vote(), "")],
)
def test_the_stream_carries_what_the_summary_needs(payload: object, changed: str) -> None:
    """Positions and safety count from their envelopes as from themselves; nothing else does."""
    state = hear(CONFIG, born(), envelope(payload, bot_id="operators.other"), world.NOW)  # type: ignore[arg-type]
    differs = [name for name in ("holdings", "safety") if getattr(state, name) != getattr(born(), name)]
    assert differs == ([changed] if changed else [])


def test_a_payload_that_cannot_be_read_is_only_a_beat() -> None:
    """Judging envelopes is another bot's work; this one does not stumble over a bad one."""
    state = hear(CONFIG, born(), envelope(world.position(), payload="nonsense", bot_id=MAKER), world.NOW)
    assert state.holdings == ()
