"""risk.api_degradation: what a venue's health does to an intent, and when a venue has recovered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.kit import Instant
from bots.risk import api_degradation
from bots.risk.api_degradation import Config, Venues
from contracts.intent import APPROVE, REJECT, RESHAPE
from contracts.reasons import RISK_API_DEGRADED, RISK_API_DOWN, RISK_API_HEALTH_UNKNOWN, RISK_API_HEALTHY
from tests import world
from tests.world import NOW, SECOND

DEFAULT = Config()
TRADED = ("rest_trade", "ws_market", "ws_user")
EXIT = {"side": -1, "reduce_only": True, "size_lots": 100}


def after(seconds):
    """Return a moment after the world's now."""
    return Instant(NOW + round(seconds * SECOND))


def health(value, surface="rest_trade", venue="kalshi"):
    """Return a report of a surface's health."""
    return world.signal(signal="health", value=value, refs=(venue, surface), reason="GOV_API_OK")


def told(*reports, state=None, seconds=0, config=DEFAULT):
    """Return the state after reports of one moment."""
    state = Venues() if state is None else state
    for report in reports:
        state = api_degradation.watch(config, state, report, after(seconds))
    return state


def well(*but, venue="kalshi", state=None, seconds=0, config=DEFAULT):
    """Return the state in which every surface of a venue is whole, but those named with their value."""
    values = dict.fromkeys(TRADED, 1.0) | dict(but)
    return told(*(health(v, name, venue) for name, v in values.items()), state=state, seconds=seconds, config=config)


def voted(state, seconds=0, mode="live", venue="kalshi", position=None, config=DEFAULT, **intent):
    """Return the vote on a bid of 100 lots."""
    wish, where = world.intent(**({"size_lots": 100} | intent)), world.definition(venue_id=venue)
    return api_degradation.decide(config, state, wish, where, position, world.desk(desk_mode=mode), after(seconds))


def told_of(vote):
    """Return what a vote says."""
    return vote.verdict, vote.reason, vote.seen, vote.limit


# ---- the four fixture lines ----------------------------------------------------------------------------------------


def test_normal():
    """Health .98: APPROVE, RISK_API_HEALTHY."""
    assert told_of(voted(well(("ws_user", 0.98)))) == (APPROVE, RISK_API_HEALTHY, 980, 900)


def test_warning():
    """rest_trade .75, size 100: RESHAPE 75, RISK_API_DEGRADED; the vote does not ask the order to rest."""
    vote = voted(well(("rest_trade", 0.75)))
    assert told_of(vote) == (RESHAPE, RISK_API_DEGRADED, 750, 900)
    assert (vote.size_lots_max, vote.post_only) == (75, False)


def test_hard():
    """ws_user .2: REJECT new, RISK_API_DOWN."""
    assert told_of(voted(well(("ws_user", 0.2)))) == (REJECT, RISK_API_DOWN, 200, 600)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (15, (APPROVE, RISK_API_HEALTHY, 1_000, 900)),
        (15.001, (REJECT, RISK_API_HEALTH_UNKNOWN, 15_001, 15_000)),
        (20, (REJECT, RISK_API_HEALTH_UNKNOWN, 20_000, 15_000)),
    ],
)
def test_failure(seconds, expected):
    """Health report 20 s old: REJECT new, RISK_API_HEALTH_UNKNOWN; 15 s are allowed."""
    assert told_of(voted(well(), seconds)) == expected


# ---- more ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "verdict", "reason"),
    [
        (0.9, APPROVE, RISK_API_HEALTHY),
        (0.899, RESHAPE, RISK_API_DEGRADED),
        (0.6, RESHAPE, RISK_API_DEGRADED),
        (0.599, REJECT, RISK_API_DOWN),
        (0.0, REJECT, RISK_API_DOWN),
    ],
)
@pytest.mark.parametrize("surface", TRADED)
def test_limits(surface, value, verdict, reason):
    """At a limit its level is reached, whichever surface is the worst."""
    vote = voted(well((surface, value)))
    assert (vote.verdict, vote.reason) == (verdict, reason)


@pytest.mark.parametrize("missing", TRADED)
def test_every_needed_surface_must_be_known(missing):
    """Two healthy surfaces do not speak for the third; one stale surface makes the venue unknown."""
    others = [health(1.0, name) for name in TRADED if name != missing]
    assert told_of(voted(told(*others))) == (REJECT, RISK_API_HEALTH_UNKNOWN, 0, 15_000)
    state = told(*others, state=told(health(1.0, missing)), seconds=16)
    assert told_of(voted(state, 16)) == (REJECT, RISK_API_HEALTH_UNKNOWN, 16_000, 15_000)


def test_nothing_heard():
    """Without any report nothing is known, and another venue's health is no help."""
    unknown = (REJECT, RISK_API_HEALTH_UNKNOWN, 0, 15_000)
    assert told_of(voted(Venues())) == unknown
    assert told_of(voted(well(venue="polymarket"))) == unknown
    assert told(world.signal(signal="health", refs=())) == Venues()


@pytest.mark.parametrize(
    ("mode", "verdict"), [("live", REJECT), ("testnet_probe", REJECT), ("paper", APPROVE), ("shadow", APPROVE)]
)
def test_a_chain_is_needed_where_trades_settle(mode, verdict):
    """Orders that reach polymarket need its chain; on paper a chain counts only once it was heard of."""
    state = well(venue="polymarket")
    assert voted(state, mode=mode, venue="polymarket").verdict == verdict
    state = told(health(0.5, "chain", "polymarket"), state=state)
    assert told_of(voted(state, mode=mode, venue="polymarket")) == (REJECT, RISK_API_DOWN, 500, 600)


def test_reductions_pass_whole():
    """A proven reduction passes in every state with the code of that state; one that is only claimed does not."""
    states = {
        RISK_API_DEGRADED: well(("rest_trade", 0.7)),
        RISK_API_DOWN: well(("rest_trade", 0.1)),
        RISK_API_HEALTH_UNKNOWN: Venues(),
    }
    for reason, state in states.items():
        vote = voted(state, position=world.position(), **EXIT)
        assert (vote.verdict, vote.reason) == (APPROVE, reason)
        assert voted(state, **EXIT).verdict != APPROVE


def recovering(low):
    """Return the state after a low moment and a minute less a second of health."""
    state = well(("ws_market", low))
    for second in range(5, 65, 5):
        state = well(("ws_market", 0.95), state=state, seconds=second)
    return state


def test_recovery_takes_a_minute():
    """A venue that was degraded stays scaled, one that was down stays closed, until a minute of health is over."""
    vote = voted(recovering(0.7), 64)
    assert told_of(vote) == (RESHAPE, RISK_API_DEGRADED, 59, 60)
    assert vote.size_lots_max == 95
    assert told_of(voted(recovering(0.1), 64)) == (REJECT, RISK_API_DOWN, 59, 60)
    assert told_of(voted(recovering(0.1), 65)) == (APPROVE, RISK_API_HEALTHY, 950, 900)


def test_half_a_recovery_is_none():
    """What was down and is now only degraded stays closed."""
    state = well(("ws_market", 0.7), state=well(("ws_market", 0.1)), seconds=5)
    assert told_of(voted(state, 5)) == (REJECT, RISK_API_DOWN, 700, 900)


def test_a_bundle_is_judged_by_the_worst_venue():
    """A leg does not know where its sisters go, so every venue counts; an intent alone counts its own."""
    state = well(("rest_trade", 0.7), venue="polymarket", state=well())
    assert voted(state).verdict == APPROVE
    vote = voted(state, bundle_id="b")
    assert (vote.verdict, vote.size_lots_max) == (RESHAPE, 70)
    stale = well(state=state, seconds=16)
    assert voted(stale, 16, bundle_id="b").reason == RISK_API_HEALTH_UNKNOWN


def test_parameters():
    """Other limits and no time of recovery are obeyed."""
    config = Config(ok=500_000, degraded=100_000, recover_s=0)
    state = well(("ws_user", 0.05), config=config)
    assert voted(state, config=config).verdict == REJECT
    state = well(("ws_user", 0.5), state=state, seconds=1, config=config)
    assert voted(state, 1, config=config).verdict == APPROVE


@given(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3), st.integers(1, 10**9))
def test_health_never_enlarges(values, size):
    """Whatever the health, a new order is refused, approved as it is, or cut; cut by no less than the worst surface."""
    state = well(*zip(TRADED, values, strict=True))
    vote = voted(state, size_lots=size)
    worst = round(min(values) * 1_000)
    if vote.verdict == RESHAPE:
        assert vote.size_lots_max == size * worst // 1_000 < size
    else:
        assert vote.verdict == (APPROVE if worst >= 900 else REJECT)
