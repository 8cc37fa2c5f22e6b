"""risk.kill_switch: what tightens, what loosens, and what each state lets through."""

import pytest

from bots.kit import Instant, configure
from bots.maths.safety import COMMANDS_KEPT, Standing
from bots.risk import kill_switch
from bots.risk.kill_switch import Config, Switch
from contracts.base import Refused
from contracts.control import ControlCommand, IncidentReport
from contracts.intent import APPROVE, NO_LIMIT, REJECT, RESHAPE, BotNote
from contracts.reasons import (
    RISK_KILL_SWITCH_CLEAR,
    RISK_KILL_SWITCH_GUARD,
    RISK_SAFETY_DEGRADED,
    RISK_SAFETY_UNKNOWN,
)
from tests import world
from tests.world import MS, NOW, SECOND

CONFIG = Config()
CALM = Instant(NOW + 300 * SECOND)
EXIT = {"side": -1, "reduce_only": True}


def booted(mode="NORMAL", desk_mode="paper"):
    """Return the state of a desk just born in a mode."""
    return kill_switch.configured(CONFIG, Switch(), world.configured(boot_mode=mode, desk_mode=desk_mode), NOW)[0]


def command(wish, status="requested", name="c1", challenge="", target="lab"):
    """Return an operator's wish."""
    return ControlCommand(name, "ann", target, wish, "", status, challenge, "drill", "dev", "paper", "", "")


def told(state, *commands, now=CALM, config=CONFIG):
    """Return the state and the last answer after commands."""
    answer = None
    for each in commands:
        state, answer = kill_switch.on_command(config, state, each, now)
    return state, answer


def loosened(state, wish, now=CALM):
    """Return the state and answer after a challenged and confirmed command."""
    return told(state, command(wish, "challenged", "c8", "ch"), command(wish, "confirmed", "c9", "ch"), now=now)


def voted(state, config=CONFIG, position=None, definition=None, **intent):
    """Return the vote on the world's intent."""
    definition = definition if definition is not None else world.definition()
    return kill_switch.decide(config, state, world.intent(**intent), position, definition, NOW)


def incident(severity="P2", family="market_halt"):
    """Return an incident."""
    return IncidentReport("k", "desk", family, severity, (), "gov.reconciler", "RISK_MARKET_HALTED")


# ---- the four fixture lines ----------------------------------------------------------------------------------------


def test_normal():
    """NORMAL, entry intent: APPROVE, RISK_KILL_SWITCH_CLEAR."""
    vote = voted(booted(), intent_kind="ENTRY")
    assert (vote.verdict, vote.reason, vote.size_lots_max) == (APPROVE, RISK_KILL_SWITCH_CLEAR, NO_LIMIT)


def test_warning():
    """DEGRADED, size 100: RESHAPE 50 post_only, RISK_SAFETY_DEGRADED."""
    vote = voted(told(booted(), command("DEGRADED"))[0], size_lots=100)
    assert (vote.verdict, vote.reason, vote.size_lots_max) == (RESHAPE, RISK_SAFETY_DEGRADED, 50)
    assert vote.post_only


def test_hard():
    """Environment variable set: EMERGENCY_STOP with cancel_all, REJECT, RISK_KILL_SWITCH_GUARD."""
    state, said = kill_switch.on_tick(CONFIG, booted(), world.tick(env_engaged=True), None, NOW)
    assert (said.mode, said.kill_level, said.cancel_all) == ("EMERGENCY_STOP", "BLOCK", True)
    assert said.causes == ("env:BOT_DISABLE_TRADING",)
    vote = voted(state)
    assert (vote.verdict, vote.reason) == (REJECT, RISK_KILL_SWITCH_GUARD)


def test_failure():
    """Restart without recovered state: REJECT all, exits too, RISK_SAFETY_UNKNOWN."""
    for intent in ({}, EXIT):
        vote = voted(Switch(), position=world.position(), **intent)
        assert (vote.verdict, vote.reason) == (REJECT, RISK_SAFETY_UNKNOWN)


# ---- boot ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "desk_mode", "expected"),
    [
        ("NORMAL", "paper", "NORMAL"),
        ("SAFE", "paper", "SAFE"),
        ("", "paper", "SAFE"),
        ("nonsense", "paper", "SAFE"),
        ("NORMAL", "live", "SAFE"),
        ("EMERGENCY_STOP", "live", "EMERGENCY_STOP"),
    ],
)
def test_boot(mode, desk_mode, expected):
    """A desk boots where its configuration says, in SAFE if that says nothing known or the desk is live."""
    said = booted(mode, desk_mode).said
    assert (said.mode, said.version, said.since_ns) == (expected, 1, NOW)


def test_later_boot_only_tightens():
    """A second birth of the same desk cannot loosen it."""
    state = booted("SAFE")
    again, said = kill_switch.configured(CONFIG, state, world.configured(boot_mode="NORMAL"), NOW)
    assert said is None
    assert again.said.mode == "SAFE"


# ---- automatic triggers --------------------------------------------------------------------------------------------


def ticked(*times, config=CONFIG, now=None):
    """Return the state after ticks at these nanoseconds."""
    state = booted()
    for at in times:
        state, _ = kill_switch.on_tick(config, state, world.tick(at_ns=at), None, Instant(now or at))
    return state


@pytest.mark.parametrize(("gap_ns", "mode"), [(10 * SECOND, "NORMAL"), (10 * SECOND + 1, "SAFE")])
def test_tick_gap(gap_ns, mode):
    """A gap of ten seconds is allowed, one beyond it is SAFE."""
    assert ticked(int(NOW), NOW + gap_ns).said.mode == mode


@pytest.mark.parametrize(("error_ns", "mode"), [(1_500 * MS, "NORMAL"), (1_500 * MS + 1, "SAFE")])
def test_clock_error(error_ns, mode):
    """A tick that is 1.5 s away from journal time is allowed, one beyond it is SAFE."""
    assert ticked(int(NOW), now=NOW + error_ns).said.mode == mode


def test_latch_survives_clearing():
    """Clearing the variable does not clear the latch; nothing loosens while it is set, nor before the window."""
    state, _ = kill_switch.on_tick(CONFIG, booted(), world.tick(env_engaged=True), None, NOW)
    state, said = kill_switch.on_tick(CONFIG, state, world.tick(at_ns=NOW + SECOND), None, Instant(NOW + SECOND))
    assert said is None
    assert state.said.mode == "EMERGENCY_STOP"
    assert type(loosened(state, "NORMAL", Instant(NOW + 300 * SECOND - 1))[1]) is BotNote
    assert loosened(state, "NORMAL", CALM)[1].mode == "NORMAL"
    held, _ = kill_switch.on_tick(CONFIG, state, world.tick(at_ns=NOW + SECOND, env_engaged=True), None, NOW)
    assert type(loosened(held, "NORMAL", Instant(CALM + 900 * SECOND))[1]) is BotNote


@pytest.mark.parametrize(
    ("report", "mode"),
    [
        (incident(), "NORMAL"),
        (incident("P1", "daily_loss"), "NORMAL"),
        (incident("P0"), "SAFE"),
        (incident("P2", "audit_sink"), "SAFE"),
        (incident("P2", "reconcile"), "SAFE"),
        (incident("P1", "drawdown"), "SAFE"),
    ],
)
def test_incidents(report, mode):
    """The gravest incidents, and those in which nothing can be proven, are SAFE; others are not."""
    state, _ = kill_switch.on_incident(CONFIG, booted(), report, NOW)
    assert state.said.mode == mode


def refused(count, apart_ns=SECOND, **update):
    """Return the state after refusals by the venue."""
    state = booted()
    for place in range(count):
        event = world.order_update(**({"state": "REJECTED"} | update))
        state, _ = kill_switch.on_update(CONFIG, state, event, Instant(NOW + place * apart_ns))
    return state


def test_reject_burst():
    """Ten refusals in a minute are SAFE, of orders or of cancels; nine are not, nor ten in a longer time."""
    assert refused(9).said.mode == "NORMAL"
    assert refused(10).said.mode == "SAFE"
    assert refused(10, state="LIVE", reason="EXEC_VENUE_REJECT").said.mode == "SAFE"
    assert refused(50, state="CANCELLED").said.mode == "NORMAL"
    assert refused(30, 60 * SECOND // 9 + 1).said.mode == "NORMAL"
    assert len(refused(30, 60 * SECOND).refused_ns) == 1


@pytest.mark.parametrize(
    ("equity", "mode"), [(6_500_000_000, "NORMAL"), (6_499_999_999, "SAFE"), (13_500_000_001, "SAFE")]
)
def test_equity_jump(equity, mode):
    """An equity that moves by 35 % at once is allowed, beyond it is SAFE, in both directions."""
    state, _ = kill_switch.on_account(CONFIG, booted(), world.account(), NOW)
    state, _ = kill_switch.on_account(CONFIG, state, world.account(equity_micros=equity), NOW)
    assert state.said.mode == mode


def test_slow_loss_is_no_jump():
    """Equity is compared with that of the last second, so a slow loss is no jump; unpriced equity is no number."""
    state = booted()
    for step in range(8):
        lower = world.account(equity_micros=10_000_000_000 - step * 1_000_000_000)
        state, _ = kill_switch.on_account(CONFIG, state, lower, NOW)
        at = Instant(NOW + step * SECOND)
        state, _ = kill_switch.on_tick(CONFIG, state, world.tick(at_ns=int(at)), lower, at)
    assert state.said.mode == "NORMAL"
    unpriced = world.account(equity_micros=0, unpriced=1)
    assert kill_switch.on_account(CONFIG, state, unpriced, NOW) == (state, None)


# ---- commands ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "mode", "level"),
    [
        ("DEGRADED", "DEGRADED", "ALLOW"),
        ("SAFE", "SAFE", "BLOCK"),
        ("raise_safety", "SAFE", "BLOCK"),
        ("EMERGENCY_STOP", "EMERGENCY_STOP", "BLOCK"),
        ("halt_all", "EMERGENCY_STOP", "BLOCK"),
        ("CLOSE_ONLY", "NORMAL", "CLOSE_ONLY"),
        ("FLATTEN", "NORMAL", "FLATTEN"),
        ("BLOCK", "NORMAL", "BLOCK"),
    ],
)
def test_tightening_needs_no_leave(wish, mode, level):
    """A mere request tightens; a denied one does not, and one for another desk does not."""
    said = told(booted(), command(wish))[0].said
    assert (said.mode, said.kill_level) == (mode, level)
    assert told(booted(), command(wish, "denied"))[1] is None
    assert told(booted(), command(wish, target="bot2"))[1] is None


@pytest.mark.parametrize("status", ["requested", "challenged", "denied", "confirmed"])
def test_loosening_needs_a_challenge_and_a_confirmation(status):
    """No single command loosens, whatever its status says."""
    state = booted("SAFE")
    state, _ = told(state, command("NORMAL", status, challenge="ch"))
    assert state.said.mode == "SAFE"


def test_confirmed_command_loosens_once():
    """A confirmation that answers its challenge loosens; the challenge is used up, and another wish does not fit it."""
    state, said = loosened(booted("SAFE"), "NORMAL")
    assert (said.mode, said.kill_level, said.causes, said.version) == ("NORMAL", "ALLOW", (), 2)
    state, _ = told(state, command("SAFE", name="c2"))
    state, answer = told(state, command("NORMAL", "confirmed", "c3", "ch"))
    assert (state.said.mode, answer) == ("SAFE", BotNote(RISK_KILL_SWITCH_GUARD, CALM // SECOND, 300))
    other = told(booted("EMERGENCY_STOP"), command("SAFE", "challenged", "c8", "ch"))[0]
    assert told(other, command("NORMAL", "confirmed", "c9", "ch"))[0].said.mode == "EMERGENCY_STOP"
    assert told(other, command("SAFE", "confirmed", "c9", "ch"))[0].said.mode == "SAFE"


def test_block_to_flatten_loosens():
    """From BLOCK to FLATTEN is loosening, since it sends orders; from CLOSE_ONLY to FLATTEN is tightening."""
    blocked = told(booted(), command("BLOCK"))[0]
    assert told(blocked, command("FLATTEN", name="c2"))[0].said.kill_level == "BLOCK"
    assert loosened(blocked, "FLATTEN")[1].kill_level == "FLATTEN"
    assert told(booted(), command("CLOSE_ONLY"), command("FLATTEN", name="c2"))[0].said.kill_level == "FLATTEN"
    assert loosened(blocked, "ALLOW")[1].kill_level == "ALLOW"


def test_commands_apply_once_and_are_bounded():
    """A repeated command has no second effect, and only so many ids are remembered."""
    state = told(booted(), command("SAFE"))[0]
    state = loosened(state, "NORMAL")[0]
    assert told(state, command("SAFE"))[0].said.mode == "NORMAL"
    full = Standing(mode=0, applied=tuple(str(n) for n in range(COMMANDS_KEPT)))
    many = Switch(said=state.said, standing=full, desk_id="lab")
    kept = told(many, command("SAFE", name="new"))[0].standing.applied
    assert (len(kept), kept[0], kept[-1]) == (COMMANDS_KEPT, "1", "new|requested")


def test_unknown_transition_changes_nothing():
    """A command that is not about safety leaves the state as it was."""
    state = booted()
    assert told(state, command("start_paper"))[0] is not None
    assert told(state, command("start_paper"))[0].said is state.said


# ---- votes ---------------------------------------------------------------------------------------------------------


def test_close_only_lets_proven_reductions_pass():
    """CLOSE_ONLY and FLATTEN approve a reduction that the position proves, and nothing else."""
    held = world.position()
    for level in ("CLOSE_ONLY", "FLATTEN"):
        state = told(booted(), command(level))[0]
        assert voted(state, position=held, **EXIT).verdict == APPROVE
        assert voted(state, position=held, **(EXIT | {"size_lots": 1_001})).verdict == REJECT
        assert voted(state, position=held, side=1, reduce_only=True).verdict == REJECT
        assert voted(state, position=held, side=-1).verdict == REJECT
        assert voted(state, **EXIT).verdict == REJECT


def test_safe_level():
    """SAFE blocks by default and closes only by policy; a perpetual may be closed in SAFE either way."""
    state, held, perp = booted("SAFE"), world.position(), world.definition(instrument_kind=1)
    assert voted(state, position=held, **EXIT).verdict == REJECT
    assert voted(state, Config(safe_level="CLOSE_ONLY"), held, **EXIT).verdict == APPROVE
    assert voted(state, position=held, definition=perp, **EXIT).verdict == APPROVE
    assert voted(state, position=held, definition=perp).verdict == REJECT
    blocked = told(state, command("BLOCK"))[0]
    assert voted(blocked, position=held, definition=perp, **EXIT).verdict == REJECT
    stopped = told(state, command("EMERGENCY_STOP"))[0]
    assert voted(stopped, position=held, definition=perp, **EXIT).verdict == REJECT


def test_configuration_bounds():
    """Only levels that stop are a safe level, and the variable has a variable's name."""
    assert configure("risk.kill_switch", Config, {"equity_jump": "0.35"}) == Config()
    for bad in ({"safe_level": "ALLOW"}, {"kill_switch_env": "no way"}, {"clock_err_s": 0}, {"degraded_mult": 2}):
        with pytest.raises(Refused):
            configure("risk.kill_switch", Config, bad)
