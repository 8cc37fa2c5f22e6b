"""risk.rate_limit_governor: what may still be sent in a cycle, and to a venue."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.kit import Instant
from bots.maths.token_bucket import NANO
from bots.risk import rate_limit_governor as governor
from bots.risk.rate_limit_governor import Config, Governed
from contracts.intent import APPROVE, ENTRY, EXIT, HEDGE, QUOTE, REJECT
from contracts.reasons import (
    RISK_CYCLE_NEAR_CAP,
    RISK_CYCLE_OK,
    RISK_MAX_NOTIONAL_PER_CYCLE_GUARD,
    RISK_MAX_ORDERS_PER_CYCLE_GUARD,
    RISK_RATE_BUDGET_EXHAUSTED,
    RISK_RATE_STATE_UNKNOWN,
)
from contracts.venue import VenueHealthSample
from tests import world
from tests.world import FACT, NOW, SECOND

USD = 1_000_000
CONFIG = Config()
MARKET = world.definition(lot_micros=USD)
CYCLE = 60 * SECOND
START = Instant(NOW // CYCLE * CYCLE)


def sample(quota=20, venue="kalshi", surface="rest_trade"):
    """Return what a venue told of its quota."""
    return VenueHealthSample(FACT, int(START), -1, venue, surface, 20, 100, 0, 0, 0, quota, False)


def told(quota=20, state=None, config=CONFIG, now=START, **more):
    """Return the state after the venue told its quota."""
    return governor.on_health(config, state or Governed(), sample(quota, **more), now)


def asked(state, usd=200, now=START, config=CONFIG, position=None, definition=MARKET, **intent):
    """Return the state and the vote after an intent to buy for so many dollars at 50."""
    wish = {"intent_kind": ENTRY, "side": 1, "price_ticks": 50, "size_lots": usd * 2} | intent
    return governor.decide(config, state, world.intent(**wish), definition, position, now)


def all_asked(state, *dollars, **more):
    """Return the state and the votes after several intents."""
    votes = []
    for usd in dollars:
        state, vote = asked(state, usd, **more)
        votes.append(vote)
    return state, votes


# ---- the four fixture lines ----------------------------------------------------------------------------------------


def test_normal():
    """Three intents, 600 dollars: APPROVE, RISK_CYCLE_OK."""
    state, votes = all_asked(told(), 200, 200, 200)
    assert [(APPROVE, RISK_CYCLE_OK)] * 3 == [(v.verdict, v.reason) for v in votes]
    assert (3, 600 * USD) == (state.orders, state.notional_micros)
    assert (600 * USD, 2_000 * USD) == (votes[-1].seen, votes[-1].limit)


def test_warning():
    """1700 of 2000 dollars used after this intent: APPROVE flagged, RISK_CYCLE_NEAR_CAP."""
    _, votes = all_asked(told(), 1_500, 200)
    assert [(APPROVE, RISK_CYCLE_OK), (APPROVE, RISK_CYCLE_NEAR_CAP)] == [(v.verdict, v.reason) for v in votes]
    assert (1_700 * USD, 2_000 * USD) == (votes[-1].seen, votes[-1].limit)


def test_hard():
    """The sixth order of a cycle: REJECT, RISK_MAX_ORDERS_PER_CYCLE_GUARD; the first of the next cycle passes."""
    state, votes = all_asked(told(), *[10] * 6)
    assert [APPROVE] * 5 + [REJECT] == [v.verdict for v in votes]
    assert (RISK_MAX_ORDERS_PER_CYCLE_GUARD, 6, 5) == (votes[-1].reason, votes[-1].seen, votes[-1].limit)
    assert 5 == state.orders
    last = Instant(START + CYCLE - 1)
    assert REJECT == asked(told(state=state, now=last), 10, now=last)[1].verdict
    fresh = told(state=state, now=Instant(START + CYCLE))
    after, vote = asked(fresh, 10, now=Instant(START + CYCLE))
    assert (APPROVE, RISK_CYCLE_OK, 1, 10 * USD) == (vote.verdict, vote.reason, after.orders, after.notional_micros)


def test_failure():
    """No quota report since start: REJECT of ENTRY and QUOTE, RISK_RATE_STATE_UNKNOWN; HEDGE and EXIT pass."""
    silent = (Governed(), told(-1), told(surface="ws_market"), told(venue="polymarket"))
    for state in silent:
        for kind in (ENTRY, QUOTE):
            _, vote = asked(state, intent_kind=kind)
            assert (REJECT, RISK_RATE_STATE_UNKNOWN, -1) == (vote.verdict, vote.reason, vote.seen)
        for kind in (HEDGE, EXIT):
            _, vote = asked(state, intent_kind=kind)
            assert (APPROVE, RISK_CYCLE_OK) == (vote.verdict, vote.reason)


# ---- both sides of every limit -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("late_ns", "verdict"), [(10 * SECOND, APPROVE), (10 * SECOND + 1_000_000, REJECT)])
def test_a_quota_told_long_ago_is_not_known(late_ns, verdict):
    """Ten seconds is the catalogue's freshness of a venue's health, reached included."""
    _, vote = asked(told(), now=Instant(START + late_ns))
    assert verdict == vote.verdict
    assert (vote.reason == RISK_RATE_STATE_UNKNOWN) == (verdict == REJECT)


@pytest.mark.parametrize(
    ("dollars", "verdict", "reason"),
    [
        (1_599, APPROVE, RISK_CYCLE_OK),
        (1_600, APPROVE, RISK_CYCLE_NEAR_CAP),
        (2_000, APPROVE, RISK_CYCLE_NEAR_CAP),
        (2_001, REJECT, RISK_MAX_NOTIONAL_PER_CYCLE_GUARD),
    ],
)
def test_notional(dollars, verdict, reason):
    """The cap may be reached and not passed; four fifths of it is the warning."""
    state, vote = asked(told(), dollars)
    assert (verdict, reason) == (vote.verdict, vote.reason)
    assert (dollars * USD if verdict == APPROVE else 0) == state.notional_micros


def test_orders_warn_at_their_share():
    """The fourth of five orders is four fifths of the cap; then orders are what is seen."""
    _, votes = all_asked(told(), 10, 10, 10, 10)
    assert [RISK_CYCLE_OK] * 3 + [RISK_CYCLE_NEAR_CAP] == [v.reason for v in votes]
    assert (4, 5) == (votes[-1].seen, votes[-1].limit)


def test_too_large_is_skipped_and_smaller_ones_still_run():
    """An intent beyond the cap takes no room, so a later and smaller one still fits."""
    state, votes = all_asked(told(), 1_500, 600, 500)
    assert [APPROVE, REJECT, APPROVE] == [v.verdict for v in votes]
    assert (2, 2_000 * USD) == (state.orders, state.notional_micros)
    assert (2_100 * USD, 2_000 * USD) == (votes[1].seen, votes[1].limit)


def test_a_sale_counts_what_it_may_lose():
    """Selling YES is buying NO: its notional is one less the price."""
    state, _ = asked(told(), side=-1, price_ticks=90, size_lots=100)
    assert 10 * USD == state.notional_micros


ROOMY = Config(max_orders_per_cycle=1_000)


def test_the_bucket_keeps_a_reserve_for_exits():
    """Of twenty requests an ENTRY may use fourteen; the last six are for HEDGE and EXIT, and then nothing is left."""
    state, votes = all_asked(told(config=ROOMY), *[1] * 15, config=ROOMY)
    assert [APPROVE] * 14 + [REJECT] == [v.verdict for v in votes]
    assert (RISK_RATE_BUDGET_EXHAUSTED, 6_000, 7_000) == (votes[-1].reason, votes[-1].seen, votes[-1].limit)
    state, votes = all_asked(state, *[1] * 7, config=ROOMY, intent_kind=HEDGE)
    assert [APPROVE] * 6 + [REJECT] == [v.verdict for v in votes]
    assert (RISK_RATE_BUDGET_EXHAUSTED, 0, 1_000) == (votes[-1].reason, votes[-1].seen, votes[-1].limit)


def test_the_bucket_refills_with_time():
    """At five a second, a fifth of a second brings one request back, and a nanosecond less does not."""
    state, _ = all_asked(told(config=ROOMY), *[1] * 14, config=ROOMY)
    assert REJECT == asked(state, 1, Instant(START + SECOND // 5 - 1), ROOMY)[1].verdict
    assert APPROVE == asked(state, 1, Instant(START + SECOND // 5), ROOMY)[1].verdict


def test_the_venue_corrects_the_bucket_downwards_only():
    """A quota below ours counts, one above it does not."""
    assert 5 * NANO == told(5).buckets[0].tokens
    assert 5 * NANO == told(50, state=told(5)).buckets[0].tokens
    assert RISK_RATE_BUDGET_EXHAUSTED == asked(told(6))[1].reason
    assert APPROVE == asked(told(7))[1].verdict


def test_a_cancel_takes_a_request():
    """A cancel that left is one request less; any other word of an order costs nothing."""
    state = told(20)
    assert governor.on_update(CONFIG, state, world.order_update(), MARKET, START) is state
    left = governor.on_update(CONFIG, state, world.order_update(state="PENDING_CANCEL"), MARKET, START)
    assert 19 * NANO == left.buckets[0].tokens
    left = governor.on_update(CONFIG, told(0), world.order_update(state="PENDING_CANCEL"), MARKET, START)
    assert 0 == left.buckets[0].tokens


def test_each_venue_has_its_bucket():
    """What one venue has told says nothing of another, and each keeps its place."""
    state = told(3, state=told(20, venue="polymarket"))
    state = told(9, state=state, venue="polymarket")
    assert [("polymarket", 9 * NANO), ("kalshi", 3 * NANO)] == [(b.venue_id, b.tokens) for b in state.buckets]


# ---- reductions ----------------------------------------------------------------------------------------------------


def test_a_proven_reduction_is_never_capped():
    """It passes caps and an unknown quota, is counted, and stops at an empty bucket; an unproven claim is capped."""
    exit_ = {"intent_kind": EXIT, "side": -1, "reduce_only": True, "size_lots": 1_000}
    state, _ = all_asked(told(), *[400] * 5)
    held = world.position()
    after, vote = asked(state, position=held, **exit_)
    assert (APPROVE, RISK_CYCLE_NEAR_CAP, 6, 6) == (vote.verdict, vote.reason, vote.seen, after.orders)
    assert RISK_MAX_ORDERS_PER_CYCLE_GUARD == asked(state, **exit_)[1].reason
    assert APPROVE == asked(Governed(), position=held, **exit_ | {"intent_kind": QUOTE})[1].verdict
    assert RISK_RATE_STATE_UNKNOWN == asked(Governed(), **exit_ | {"intent_kind": QUOTE})[1].reason
    assert RISK_RATE_BUDGET_EXHAUSTED == asked(told(0), position=held, **exit_)[1].reason


# ---- any stream ----------------------------------------------------------------------------------------------------

WISHES = st.tuples(
    st.integers(0, 30_000), st.integers(1, 3_000), st.sampled_from([ENTRY, QUOTE, HEDGE, EXIT]), st.integers(-1, 25)
)


@given(st.lists(WISHES, max_size=60))
def test_no_cap_is_ever_passed(stream):
    """In no cycle is more approved than the caps allow, and in no second more than the venue's budget."""
    state, now, passed = Governed(), int(START), []
    for wait_ms, usd, kind, quota in stream:
        now += wait_ms * 1_000_000
        state = told(quota, state=state, now=Instant(now))
        state, vote = asked(state, usd, Instant(now), intent_kind=kind)
        if vote.verdict == APPROVE:
            passed.append((now, usd))
    for cycle in {now // CYCLE for now, _ in passed}:
        inside = [usd for now, usd in passed if now // CYCLE == cycle]
        assert len(inside) <= 5 and sum(inside) <= 2_000
    assert all(0 <= bucket.tokens <= 20 * NANO for bucket in state.buckets)
