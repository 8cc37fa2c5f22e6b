"""risk.oracle_risk_monitor: who may still trade a market that is about to resolve."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.notional import loss, unit_risk
from bots.risk import oracle_risk_monitor
from bots.risk.oracle_risk_monitor import EXEMPT, Config
from contracts.intent import APPROVE, REJECT, RESHAPE
from contracts.reasons import RISK_ORACLE_BLOCK, RISK_ORACLE_NEAR_RESOLUTION, RISK_ORACLE_OK, RISK_ORACLE_UNKNOWN
from tests import world
from tests.world import NOW, SECOND

USD = 1_000_000
HOUR, DAY = 3_600, 86_400
DEFAULT = Config()
LATE = "strat.late_resolution_spread"
EXIT = {"side": -1, "reduce_only": True}
MISSING = object()


def state_of(left=10 * DAY, label="OPEN"):
    """Return the watcher's word."""
    return world.signal(signal="resolution_state", value=float(left), label=label, reason="INTEL_RES_OPEN")


def voted(
    left=10 * DAY, label="OPEN", clarity=0.9, resolution=MISSING, own=None, position=None, config=DEFAULT, **wish
):
    """Return the vote on buying a thousand contracts at 44 cents, the definition agreeing about the time left."""
    yes = world.definition(lot_micros=USD, expiry_ns=NOW + wish.pop("ends", left) * SECOND)
    intent = world.intent(**({"size_lots": 1_000} | wish))
    seen = state_of(left, label) if resolution is MISSING else resolution
    clear = None if clarity is None else world.signal(signal="resolution_clarity", value=clarity, label="CLEAR")
    return oracle_risk_monitor.decide(config, intent, yes, position, own, seen, clear, None, NOW)


def told(vote):
    """Return what a vote says."""
    return vote.verdict, vote.reason, vote.seen, vote.limit


# ---- the four fixture lines ----------------------------------------------------------------------------------------


def test_normal():
    """10 days left, clarity .9: APPROVE, RISK_ORACLE_OK."""
    assert told(voted()) == (APPROVE, RISK_ORACLE_OK, DAY, DAY)


def test_warning():
    """12 h left: RESHAPE 50 percent, RISK_ORACLE_NEAR_RESOLUTION."""
    vote = voted(12 * HOUR, "T24H")
    assert told(vote) == (RESHAPE, RISK_ORACLE_NEAR_RESOLUTION, 12 * HOUR, DAY)
    assert vote.size_lots_max == 500


def test_hard():
    """Disputed: REJECT, RISK_ORACLE_BLOCK."""
    assert told(voted(label="DISPUTED"))[:2] == (REJECT, RISK_ORACLE_BLOCK)


def test_failure():
    """No resolution signal: REJECT, RISK_ORACLE_UNKNOWN; nor without clarity, nor while the watcher knows nothing."""
    for vote in (voted(resolution=None), voted(clarity=None), voted(label="UNKNOWN")):
        assert told(vote) == (REJECT, RISK_ORACLE_UNKNOWN, 0, HOUR)


# ---- more ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "expected", "lots"),
    [
        (DAY, (APPROVE, RISK_ORACLE_OK, DAY, DAY), None),
        (DAY - 1, (RESHAPE, RISK_ORACLE_NEAR_RESOLUTION, DAY - 1, DAY), 999),
        (HOUR, (RESHAPE, RISK_ORACLE_NEAR_RESOLUTION, HOUR, DAY), 41),
        (HOUR - 1, (REJECT, RISK_ORACLE_BLOCK, HOUR - 1, HOUR), None),
        (0, (REJECT, RISK_ORACLE_BLOCK, 0, HOUR), None),
    ],
)
def test_time_left(left, expected, lots):
    """From a day on everything, down to an hour the share of the day, below it nothing."""
    vote = voted(left)
    assert told(vote) == expected
    assert lots is None or vote.size_lots_max == lots


def test_the_earlier_end_counts():
    """What the definition says and what the watcher says are both upper bounds."""
    assert voted(10 * DAY, ends=HOUR - 1).reason == RISK_ORACLE_BLOCK
    assert voted(HOUR - 1, ends=10 * DAY).reason == RISK_ORACLE_BLOCK
    assert voted(10 * DAY, ends=-5).verdict == REJECT


@pytest.mark.parametrize(
    ("label", "verdict"),
    [("OPEN", APPROVE), ("PROPOSED", APPROVE), ("DISPUTED", REJECT), ("VOID", REJECT), ("RESOLVED", REJECT)],
)
def test_states(label, verdict):
    """A proposal by itself stops nobody who has the time; dispute, void and result do."""
    assert voted(label=label).verdict == verdict


@pytest.mark.parametrize(("clarity", "reason"), [(0.5, RISK_ORACLE_OK), (0.4999, RISK_ORACLE_BLOCK)])
def test_clarity(clarity, reason):
    """Rules must be at least half clear."""
    vote = voted(clarity=clarity)
    assert vote.reason == reason
    if reason == RISK_ORACLE_BLOCK:
        assert told(vote) == (REJECT, RISK_ORACLE_BLOCK, 499, 500)


def test_reductions_pass_everywhere():
    """What only reduces passes whole, with the code of what holds."""
    held = world.position(size_lots=1_000)
    cases = {
        RISK_ORACLE_BLOCK: (voted(label="DISPUTED", position=held, **EXIT), voted(60, position=held, **EXIT)),
        RISK_ORACLE_UNKNOWN: (voted(resolution=None, position=held, **EXIT),),
        RISK_ORACLE_NEAR_RESOLUTION: (voted(12 * HOUR, position=held, **EXIT),),
    }
    for reason, votes in cases.items():
        assert {(APPROVE, reason)} == {(vote.verdict, vote.reason) for vote in votes}
    assert voted(label="DISPUTED", **EXIT).verdict == REJECT


# ---- the strategies of resolution ----------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", sorted(EXEMPT))
@pytest.mark.parametrize("label", ["T1H", "CLOSED", "PROPOSED", "DISPUTED", "RESOLVED", "VOID"])
def test_the_exempt_trade_where_others_may_not(strategy, label):
    """They pass a freeze and a dispute, if the rules are clear enough for them."""
    wish = {"strategy": strategy, "left": 60, "label": label}
    assert told(voted(**wish)) == (APPROVE, RISK_ORACLE_OK, 440 * USD, 500 * USD)
    assert told(voted(**wish, clarity=0.8999)) == (REJECT, RISK_ORACLE_BLOCK, 899, 900)


def test_the_exempt_are_not_blind():
    """Where state or clarity is unknown they stop like anybody."""
    for vote in (voted(resolution=None, strategy=LATE), voted(label="UNKNOWN", strategy=LATE)):
        assert (vote.verdict, vote.reason) == (REJECT, RISK_ORACLE_UNKNOWN)


@pytest.mark.parametrize(
    ("at_risk", "verdict", "lots"), [(60, APPROVE, None), (61, RESHAPE, 997), (499, RESHAPE, 2), (500, REJECT, 0)]
)
def test_the_exempt_risk_little(at_risk, verdict, lots):
    """Held, resting and asked together lose at most 500 dollars; a position on the other side is no burden."""
    held = world.position(size_lots=100, exposure_micros=at_risk * USD)
    vote = voted(strategy=LATE, position=held)
    assert (vote.verdict, vote.size_lots_max if lots is not None else None) == (verdict, lots)
    short = world.position(size_lots=-100, exposure_micros=at_risk * USD)
    assert voted(strategy=LATE, position=short).verdict == APPROVE


def test_what_rests_of_the_exempt_counts():
    """An own bid is at risk, an own ask is not."""
    own = world.own_orders(
        world.order_update(size_lots=1_000, price_ticks=44), world.order_update(side=-1, size_lots=1_000)
    )
    vote = voted(strategy=LATE, own=own)
    assert (vote.verdict, vote.seen, vote.size_lots_max) == (RESHAPE, 880 * USD, 136)


def test_an_exit_of_the_exempt_is_not_cut():
    """Their notional never binds a proven reduction."""
    held = world.position(size_lots=5_000, exposure_micros=2_200 * USD)
    assert voted(strategy=LATE, position=held, **EXIT | {"size_lots": 5_000}).verdict == APPROVE


@given(
    st.integers(0, 10**9), st.integers(0, 5_000), st.integers(1, 99), st.integers(1, 10_000), st.sampled_from([1, -1])
)
def test_no_exempt_order_passes_its_notional(exposed, resting, price, size, side):
    """Whatever is held and rests, what is let through keeps the loss of the market at or under the cap."""
    held = world.position(size_lots=side, exposure_micros=exposed)
    own = world.own_orders(world.order_update(side=side, size_lots=resting, price_ticks=50))
    vote = voted(strategy=LATE, position=held, own=own, side=side, price_ticks=price, size_lots=size)
    unit = unit_risk(world.definition(lot_micros=USD), side, price)
    if vote.verdict != REJECT:
        at_risk = exposed + resting * 500_000 + loss(unit, min(size, vote.size_lots_max))
        assert at_risk <= 500 * USD


# ---- perpetuals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "verdict", "reason"),
    [
        ("NORMAL", APPROVE, RISK_ORACLE_OK),
        ("EXTREME", APPROVE, RISK_ORACLE_OK),
        ("DISLOCATED", REJECT, RISK_ORACLE_BLOCK),
        ("UNKNOWN", REJECT, RISK_ORACLE_UNKNOWN),
        (None, REJECT, RISK_ORACLE_UNKNOWN),
    ],
)
def test_perpetuals(label, verdict, reason):
    """A perpetual needs an index, and a mark that is near it; who reduces needs neither."""
    perp = world.definition(instrument_kind=1, grid_ticks=0, expiry_ns=0)
    funding = None if label is None else world.signal(signal="funding_pred", label=label)
    for wish, held, expected in ((world.intent(), None, verdict), (world.intent(**EXIT), world.position(), APPROVE)):
        vote = oracle_risk_monitor.decide(DEFAULT, wish, perp, held, None, None, None, funding, NOW)
        assert (vote.verdict, vote.reason) == (expected, reason)
