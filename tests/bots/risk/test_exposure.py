"""risk.exposure: what may still be added, in each dimension."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.kit import configure
from bots.maths.notional import loss, unit_risk
from bots.risk import exposure
from bots.risk.exposure import Config, Exposed
from contracts.base import Refused
from contracts.intent import APPROVE, REJECT, RESHAPE
from contracts.reasons import (
    RISK_EXPOSURE_CAP_HIT,
    RISK_EXPOSURE_CAP_NEAR,
    RISK_EXPOSURE_OK,
    RISK_EXPOSURE_UNKNOWN,
)
from tests import world
from tests.world import NOW, SECOND

USD = 1_000_000
HOUR = 3_600 * SECOND
CONFIG = Config()
NOTHING = Exposed()
GIVEN = object()
EXPIRY = (NOW // (2 * HOUR) + 10) * 2 * HOUR


def market(name="M1", **more):
    """Return a market whose lot is one contract; its expiry is the start of a window."""
    return world.definition(**({"market_id": name, "lot_micros": USD, "expiry_ns": EXPIRY} | more))


def cluster(label="c"):
    """Return the cluster signal."""
    return world.signal(signal="cluster", label=label)


def holding(*events, state=NOTHING, label="c", config=CONFIG):
    """Return the state after (definition, event) pairs."""
    for definition, event in events:
        state = exposure.watch(config, state, event, definition, cluster(label), NOW)
    return state


def held(definition, contracts, price=50):
    """Return a position of so many contracts at so many cents, with its definition."""
    cost = contracts * price * 10_000
    return definition, world.position(market_id=definition.market_id, size_lots=contracts, cost_micros=cost)


def rests(definition, side, contracts, price=50, name="o", **more):
    """Return a resting order with its definition."""
    update = world.order_update(
        client_order_id=name, market_id=definition.market_id, side=side, size_lots=contracts, price_ticks=price, **more
    )
    return definition, update


def voted(state=NOTHING, definition=None, signal=GIVEN, account=GIVEN, config=CONFIG, position=None, **intent):
    """Return the vote on buying 600 contracts at 50, which may lose 300 dollars."""
    definition = market() if definition is None else definition
    signal = cluster() if signal is GIVEN else signal
    account = world.account() if account is GIVEN else account
    wish = {"side": 1, "price_ticks": 50, "size_lots": 600, "market_id": definition.market_id} | intent
    return exposure.decide(config, state, world.intent(**wish), definition, signal, position, account, NOW)


# ---- the four fixture lines ----------------------------------------------------------------------------------------


def test_normal():
    """All rooms above 80 percent free: APPROVE, RISK_EXPOSURE_OK."""
    vote = voted(size_lots=200)
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (APPROVE, RISK_EXPOSURE_OK, 100 * USD, 1_000 * USD)


def test_warning():
    """Cluster held 1900 of 2000, asks 300: RESHAPE 100 dollars, RISK_EXPOSURE_CAP_NEAR."""
    state = holding(*(held(market(f"H{n}"), 1_900) for n in range(2)))
    vote = voted(state)
    assert (vote.verdict, vote.reason, vote.size_lots_max) == (RESHAPE, RISK_EXPOSURE_CAP_NEAR, 200)
    assert (vote.seen, vote.limit) == (2_200 * USD, 2_000 * USD)


def test_hard():
    """Venue at cap: REJECT, RISK_EXPOSURE_CAP_HIT."""
    spread_out = ((held(market(f"H{n}", expiry_ns=EXPIRY + n * 10 * HOUR), 1_600), f"k{n}") for n in range(5))
    state = Exposed()
    for event, label in spread_out:
        state = holding(event, state=state, label=label)
    vote = voted(state, market(expiry_ns=EXPIRY + 100 * HOUR))
    assert (vote.verdict, vote.reason) == (REJECT, RISK_EXPOSURE_CAP_HIT)
    assert (vote.seen, vote.limit) == (4_300 * USD, 4_000 * USD)
    other = voted(state, market(venue_id="bitget", expiry_ns=EXPIRY + 100 * HOUR))
    assert other.verdict == APPROVE


def test_failure():
    """No cluster signal, no account, or a position that drifts: REJECT, RISK_EXPOSURE_UNKNOWN; proven exits pass."""
    drifting = world.position(drift=True)
    votes = [voted(signal=None), voted(account=None), voted(position=drifting)]
    assert {(v.verdict, v.reason) for v in votes} == {(REJECT, RISK_EXPOSURE_UNKNOWN)}
    out = voted(signal=None, position=world.position(), side=-1, reduce_only=True)
    assert (out.verdict, out.reason) == (APPROVE, RISK_EXPOSURE_UNKNOWN)
    assert voted(signal=None, side=-1, reduce_only=True).verdict == REJECT


# ---- dimensions ----------------------------------------------------------------------------------------------------


def test_instrument_cap():
    """At the cap is where room ends: exactly the room is approved and near, a contract more is cut."""
    state = holding(held(market(), 1_400))
    assert voted(state).reason == RISK_EXPOSURE_CAP_NEAR
    assert voted(state).verdict == APPROVE
    assert voted(state, size_lots=601).size_lots_max == 600
    full = holding(held(market(), 2_000))
    assert voted(full, size_lots=20).reason == RISK_EXPOSURE_CAP_HIT


@pytest.mark.parametrize(("contracts", "reason"), [(1_599, RISK_EXPOSURE_OK), (1_600, RISK_EXPOSURE_CAP_NEAR)])
def test_warning_share(contracts, reason):
    """At four fifths of a cap the warning begins."""
    assert voted(size_lots=contracts).reason == reason


def test_total_counts_the_larger_view():
    """The total is the larger of what the table and what the account say."""
    assert voted(account=world.account(exposure_micros=4_800 * USD)).size_lots_max == 400
    assert voted(account=world.account(exposure_micros=5_000 * USD)).reason == RISK_EXPOSURE_CAP_HIT


@pytest.mark.parametrize(("apart_h", "verdict"), [(0, REJECT), (1, REJECT), (3, REJECT), (4, APPROVE)])
def test_windows(apart_h, verdict):
    """Markets that can resolve within two hours of each other share a cap, across the boundaries of windows too."""
    config = Config(cap_window_usd=800 * USD)
    state = holding(held(market("H"), 1_600), config=config)
    other = market(expiry_ns=EXPIRY + apart_h * HOUR)
    assert voted(state, other, config=config).verdict == verdict


def test_unknown_expiry_may_fall_anywhere():
    """A market of unknown expiry counts in every window, and a perpetual in none."""
    config = Config(cap_window_usd=800 * USD)
    unknown = holding(held(market("H", expiry_ns=0), 1_600), config=config)
    assert voted(unknown, config=config).verdict == REJECT
    known = holding(held(market("H"), 1_600), config=config)
    assert voted(known, market(expiry_ns=0), config=config).verdict == REJECT
    assert voted(known, market("P", instrument_kind=1, tick_micros=10_000), config=config).verdict == APPROVE


def test_trimmed_below_the_minimum():
    """What would be left below ten dollars is refused; ten dollars are sent."""
    state = holding(held(market(), 1_980))
    assert voted(state).size_lots_max == 20
    assert voted(holding(held(market(), 1_981))).reason == RISK_EXPOSURE_CAP_HIT
    assert voted(holding(held(market(), 2_000)), config=Config(min_trade_usd=0)).verdict == REJECT


# ---- resting, netting, groups --------------------------------------------------------------------------------------


def test_resting_counts_as_filled():
    """Every order that may live counts on its side, for what is open of it, until it is gone."""
    state = holding(rests(market(), 1, 1_400))
    assert voted(state, size_lots=601).size_lots_max == 600
    partly = holding(rests(market(), 1, 1_400, filled_lots=400, state="PARTIAL"), state=state)
    assert voted(partly, size_lots=1_001).size_lots_max == 1_000
    gone = holding(rests(market(), 1, 1_400, state="CANCELLED"), state=partly)
    assert gone == Exposed()
    for pending in ("PENDING_SUBMIT", "PENDING_CANCEL", "UNKNOWN"):
        assert voted(holding(rests(market(), 1, 1_400, state=pending)), size_lots=601).size_lots_max == 600


def test_sides_do_not_add():
    """Bid and ask of one market cannot both be wrong: only the worse side counts."""
    state = holding(rests(market(), 1, 1_000), rests(market(), -1, 1_000, name="a"))
    assert state.holdings.total == 500 * USD
    assert voted(state, size_lots=1_001).size_lots_max == 1_000


def test_reducing_frees_before_it_adds():
    """Selling what is held adds nothing until the worst case turns."""
    full = holding(held(market(), 2_000))
    assert voted(full, side=-1, size_lots=2_000).verdict == APPROVE
    assert voted(full, side=-1, size_lots=4_001).size_lots_max == 4_000


def test_unchanged_events_keep_the_state():
    """An event that changes neither holding nor order returns the state itself."""
    state = holding(held(market(), 100), rests(market(), 1, 10))
    again = holding(held(market(), 100), rests(market(), 1, 10, state="PENDING_CANCEL"), state=state)
    assert again is state
    assert holding(rests(market("X"), 1, 10, state="CANCELLED"), state=state) is state


def test_complement_nets():
    """YES and NO of one question net: a pair is worth a dollar whatever happens."""
    yes, no = market("A", complement_id="B"), market("B", complement_id="A", outcome="NO")
    state = holding(held(yes, 1_000, 60), held(no, 1_000, 45))
    assert state.holdings.total == 50 * USD
    assert voted(state, no, size_lots=1_900).verdict == APPROVE
    assert voted(state, no, size_lots=1_901).size_lots_max == 1_900


def test_neg_risk_counts_the_worst_winner():
    """Of exclusive outcomes at most one can win: shorts of three lose once, longs lose together."""
    event = [market(f"N{n}", neg_risk=True, event_id="EV") for n in range(3)]
    shorts = holding(*(held(each, -1_000, 30) for each in event))
    assert shorts.holdings.total == 100 * USD
    longs = holding(*(held(each, 1_000, 30) for each in event))
    assert longs.holdings.total == 900 * USD
    apart = holding(*(held(market(f"N{n}"), -1_000, 30) for n in range(3)))
    assert apart.holdings.total == 2_100 * USD


def test_perpetual_is_stressed():
    """A perpetual may lose a fifth of its notional, either way."""
    perp = market("P", instrument_kind=1, grid_ticks=0)
    state = holding(held(perp, 1_000, 600))
    assert state.holdings.total == 1_200 * USD
    assert voted(state, perp, side=-1, price_ticks=600, size_lots=1_800).verdict == APPROVE
    assert voted(state, perp, price_ticks=600, size_lots=10).verdict == REJECT


def test_relabelled():
    """What is held moves with its market to another cluster, and counts there."""
    state = holding(held(market("H"), 1_900), held(market("I"), 1_900))
    for name in ("H", "I"):
        state = exposure.relabel(CONFIG, state, cluster("z"), market(name), NOW)
    assert state.holdings.clusters == (("z",), (1_900 * USD,))
    assert voted(state).verdict == APPROVE
    assert exposure.relabel(CONFIG, state, cluster("z"), market("H"), NOW) is state
    assert exposure.relabel(CONFIG, state, cluster("z"), market("unheld"), NOW) is state


def test_bounds():
    """Caps are money and shares are shares."""
    assert configure("risk.exposure", Config, {"cap_total_usd": 5_000, "warn_frac": "0.8"}) == Config()
    with pytest.raises(Refused):
        configure("risk.exposure", Config, {"perp_stress": "1.2"})


# ---- properties ----------------------------------------------------------------------------------------------------

NAMES = ("A", "B", "C")
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(NAMES), st.booleans(), st.sampled_from((1, -1)), st.integers(1, 3_000), st.integers(1, 99)
    ),
    max_size=8,
)


@given(EVENTS, st.sampled_from(NAMES), st.sampled_from((1, -1)), st.integers(1, 5_000), st.integers(1, 99))
def test_no_approval_passes_a_cap(events, name, side, size, price):
    """After what is let through has rested, no dimension that it worsens is above its cap; no reshape enlarges."""
    markets = {each: market(each, neg_risk=each != "C", event_id="EV") for each in NAMES}
    state = Exposed()
    for place, (where, is_order, way, contracts, cents) in enumerate(events):
        one = markets[where]
        event = rests(one, way, contracts, cents, str(place)) if is_order else held(one, way * contracts, cents)
        state = holding(event, state=state)
    vote = voted(state, markets[name], side=side, size_lots=size, price_ticks=price)
    assert vote.size_lots_max < size if vote.verdict == RESHAPE else True
    if vote.verdict == REJECT:
        return
    passed = min(size, vote.size_lots_max)
    after = holding(rests(markets[name], side, passed, price, "new"), state=state)
    before = state.holdings
    caps = ((after.holdings.total, before.total, 5_000), (after.holdings.clusters[1], before.clusters[1], 2_000))
    for now, was, cap in caps:
        now, was = (sum(v) if type(v) is tuple else v for v in (now, was))
        assert now <= max(was, cap * USD)
    if not events:
        assert loss(unit_risk(markets[name], side, price), passed) <= 1_000 * USD
