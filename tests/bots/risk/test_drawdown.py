"""risk.drawdown: what losses stop, scale and latch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.kit import Instant
from bots.risk import drawdown
from bots.risk.drawdown import DAY_NS, Config, Losses
from contracts.control import ControlCommand
from contracts.intent import APPROVE, REJECT, RESHAPE
from contracts.reasons import (
    RISK_DAILY_LOSS_GUARD,
    RISK_DRAWDOWN_BREACH,
    RISK_DRAWDOWN_OK,
    RISK_DRAWDOWN_SCALED,
    RISK_EQUITY_UNKNOWN,
)
from tests import world
from tests.world import NOW, SECOND

START = 10_000 * 1_000_000
CONFIG = Config()
BORN = Losses()
EXIT = {"side": -1, "reduce_only": True}


def money(day_loss=0.0, fall=0.0, **more):
    """Return an account that lost these shares of its day's opening and of its peak."""
    equity = round(START * (1 - fall))
    day_open = round(equity / (1 - day_loss)) + (day_loss > 0)
    return world.account(equity_micros=equity, peak_micros=START, day_open_micros=day_open, **more)


def voted(account, state=BORN, position=None, now=NOW, config=CONFIG, **intent):
    """Return the vote on the world's intent."""
    return drawdown.decide(config, state, world.intent(**intent), position, account, now)


def test_normal():
    """Day loss .5 percent, DD 2 percent: APPROVE, RISK_DRAWDOWN_OK."""
    vote = voted(money(0.005, 0.02))
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (APPROVE, RISK_DRAWDOWN_OK, 20_000, 200_000)


def test_warning():
    """DD 14 percent: RESHAPE 50 percent, RISK_DRAWDOWN_SCALED."""
    vote = voted(money(fall=0.14))
    assert (vote.verdict, vote.reason, vote.size_lots_max) == (RESHAPE, RISK_DRAWDOWN_SCALED, 500)


def test_hard():
    """Day loss 10 percent: REJECT entry, RISK_DAILY_LOSS_GUARD; a micro less passes."""
    account = world.account(equity_micros=9_000_000_000, day_open_micros=10_000_000_000, peak_micros=9_100_000_000)
    vote = voted(account)
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (REJECT, RISK_DAILY_LOSS_GUARD, 100_000, 100_000)
    less = world.account(equity_micros=9_000_000_001, day_open_micros=10_000_000_000, peak_micros=9_100_000_000)
    assert voted(less).verdict == APPROVE


def test_failure():
    """PositionState 2 min old, no account, an unpriced market or no base: REJECT entry, RISK_EQUITY_UNKNOWN."""
    old = world.account(exposure_micros=1, updated_ns=NOW - 120 * SECOND)
    votes = [voted(old), voted(None), voted(world.account(unpriced=1)), voted(world.account(day_open_micros=0))]
    assert {(v.verdict, v.reason) for v in votes} == {(REJECT, RISK_EQUITY_UNKNOWN)}
    at_limit = world.account(exposure_micros=1, updated_ns=NOW - 60 * SECOND)
    assert voted(at_limit).verdict == APPROVE
    assert voted(world.account(exposure_micros=1, updated_ns=NOW - 60 * SECOND - 1)).verdict == REJECT
    assert voted(world.account(exposure_micros=0, updated_ns=0)).verdict == APPROVE


@pytest.mark.parametrize(
    ("fall", "verdict", "reason"),
    [
        (0.08, APPROVE, RISK_DRAWDOWN_OK),
        (0.0801, RESHAPE, RISK_DRAWDOWN_SCALED),
        (0.1999, RESHAPE, RISK_DRAWDOWN_SCALED),
        (0.2, REJECT, RISK_DRAWDOWN_BREACH),
        (0.5, REJECT, RISK_DRAWDOWN_BREACH),
    ],
)
def test_limits(fall, verdict, reason):
    """Scaling begins beyond the warning, and at the hard limit nothing is left."""
    vote = voted(money(fall=fall))
    assert (vote.verdict, vote.reason) == (verdict, reason)


def test_reductions_pass():
    """A proven reduction passes whatever was lost, and without known equity; an unproven claim does not."""
    held = world.position()
    for account in (None, money(0.2), money(fall=0.5)):
        assert voted(account, position=held, **EXIT).verdict == APPROVE
        assert voted(account, **EXIT).verdict == REJECT


def test_day_stays_halted():
    """A day that reached its limit stays halted after a recovery, is reported once, and ends at midnight UTC."""
    state, reports = drawdown.watch(CONFIG, Losses(), money(0.1, 0.0), NOW)
    assert [(r.cause_family, r.severity, r.reason) for r in reports] == [("daily_loss", "P1", RISK_DAILY_LOSS_GUARD)]
    again, reports = drawdown.watch(CONFIG, state, money(0.11), NOW)
    assert (again, reports) == (state, ())
    assert voted(world.account(), state).reason == RISK_DAILY_LOSS_GUARD
    midnight = Instant((NOW // DAY_NS + 1) * DAY_NS)
    assert voted(world.account(), state, now=Instant(midnight - 1)).verdict == REJECT
    assert voted(world.account(), state, now=midnight).verdict == APPROVE


def reset(status="confirmed", challenge="ch", target="risk.drawdown"):
    """Return an operator's wish to start a new peak."""
    return ControlCommand("c1", "ann", target, "RESET_DRAWDOWN", "", status, challenge, "seen", "dev", "paper", "", "")


def test_breach_latches_until_reset():
    """The hard drawdown latches, is one P0 incident, survives a recovery, and needs a confirmed reset."""
    deep = money(fall=0.2)
    state, reports = drawdown.watch(CONFIG, Losses(), deep, NOW)
    assert [(r.cause_family, r.severity, r.reason) for r in reports] == [("drawdown", "P0", RISK_DRAWDOWN_BREACH)]
    assert drawdown.watch(CONFIG, state, deep, NOW) == (state, ())
    assert voted(world.account(), state).reason == RISK_DRAWDOWN_BREACH
    for wish in (reset("requested"), reset(challenge=""), reset(target="lab")):
        assert drawdown.on_command(CONFIG, state, wish, deep, NOW) is state
    fresh = drawdown.on_command(CONFIG, state, reset(), deep, NOW)
    assert voted(deep, fresh).verdict == APPROVE
    assert voted(money(fall=0.36), fresh).reason == RISK_DRAWDOWN_BREACH
    assert voted(money(fall=0.31), fresh).verdict == RESHAPE
    risen, _ = drawdown.watch(CONFIG, fresh, money(fall=0.1), NOW)
    assert voted(money(fall=0.28), risen).reason == RISK_DRAWDOWN_BREACH


def test_watch_ignores_what_it_cannot_price():
    """An account with an unpriced market latches nothing."""
    assert drawdown.watch(CONFIG, Losses(), money(0.5, unpriced=1), NOW) == (Losses(), ())


def traded(*totals, strategy="strat.maker_tight", state=BORN, market="M1"):
    """Return the state after a fill and these totals of the market, and the reports."""
    state, reports = drawdown.on_fill(CONFIG, state, world.fill(strategy=strategy, market_id=market), NOW), ()
    for total in totals:
        seen = world.position(market_id=market, realised_micros=total, unrealised_micros=0)
        state, said = drawdown.on_position(CONFIG, state, seen, world.account(), NOW)
        reports += said
    return state, reports


def test_strategies_have_their_own_limit():
    """A strategy's sizes shrink from two fifths of its limit, and it is latched at the limit; others go on."""
    state, reports = traded(-START // 10)
    assert reports == ()
    assert voted(world.account(), state).verdict == APPROVE
    assert voted(world.account(), traded(-START * 175 // 1_000)[0]).size_lots_max == 500
    state, reports = traded(-START // 4, -START // 4 - 1)
    assert [(r.scope, r.cause_family, r.severity) for r in reports] == [
        ("strat.maker_tight", "strategy_drawdown", "P1")
    ]
    assert voted(world.account(), state).reason == RISK_DRAWDOWN_BREACH
    assert voted(world.account(), state, strategy="strat.other").verdict == APPROVE


def test_profit_belongs_to_who_traded_last():
    """What a market makes goes to the strategy that traded it last; a position nobody filled goes to nobody."""
    state, _ = traded(100, 300)
    state, _ = traded(250, strategy="strat.other", state=state)
    assert [(t.strategy, t.profit_micros, t.peak_micros) for t in state.shares.tracks] == [
        ("strat.maker_tight", 300, 300),
        ("strat.other", -50, 0),
    ]
    seen = world.position(market_id="M9")
    assert drawdown.on_position(CONFIG, state, seen, world.account(), NOW) == (state, ())
    assert drawdown.on_fill(CONFIG, state, world.fill(strategy="strat.other"), NOW) is state


@given(st.integers(1, 10**9), st.integers(0, START), st.integers(0, START))
def test_never_enlarges(size, equity, deeper):
    """A reshape never enlarges, and a deeper fall never allows more."""
    first = voted(world.account(equity_micros=equity, day_open_micros=1), size_lots=size)
    second = voted(world.account(equity_micros=max(0, equity - deeper), day_open_micros=1), size_lots=size)
    allowed = [0 if v.verdict == REJECT else min(size, v.size_lots_max) for v in (first, second)]
    assert allowed[1] <= allowed[0] <= size
