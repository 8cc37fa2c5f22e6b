"""sec.wallet_permission_guard: what a strategy was granted, and what it has used of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.grants import SPAN_NS, Used, added, within
from bots.sec import wallet_permission_guard as guard
from bots.sec.wallet_permission_guard import Config, Spent
from contracts.intent import APPROVE, REJECT
from contracts.order import CANCEL, MERGE, AuthorisedOrder
from contracts.reasons import (
    SEC_PERMISSION_DENIED,
    SEC_PERMISSION_NEAR_LIMIT,
    SEC_PERMISSION_OK,
    SEC_PERMISSION_POLICY_MISSING,
)
from tests import world
from tests.bots.sec.policies import NEG_RISK, TOKEN, clob_child, grant, policy, row
from tests.world import NOW, SECOND

DEFAULT = Config()
FREE = world.definition(fee=world.market.FeeModel("none"), lot_micros=1_000_000)
DAY_NS = 86_400 * SECOND


def placing(dollars, **overrides):
    """Return an order that costs so many dollars: bought at 0.50."""
    return world.child(**{"price_ticks": 50, "size_lots": 2 * dollars} | overrides)


def used(dollars, at_ns=NOW, strategy=world.STRATEGY):
    """Return the state after an order of so many dollars was authorised."""
    order = AuthorisedOrder("i", "p", strategy, placing(dollars), (), "")
    return guard.watch(DEFAULT, Spent(), order, FREE, at_ns)


def voted(*children, state=None, said=None, definition=FREE, now=NOW, config=DEFAULT, **plan):
    """Return the vote on a plan of these orders."""
    bundle = policy() if said is None else said
    plan = world.plan(children=children, **plan)
    return guard.decide(config, state or Spent(), plan, bundle or None, definition, world.desk(), now)


def test_normal():
    """Grant 500 a day, used 100, plan 50: APPROVE, SEC_PERMISSION_OK."""
    vote = voted(placing(50), state=used(100))
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (APPROVE, SEC_PERMISSION_OK, 150_000_000, 500_000_000)


def test_warning():
    """Used 430, plan 40: APPROVE flagged, SEC_PERMISSION_NEAR_LIMIT; from nine tenths of the day on."""
    vote = voted(placing(40), state=used(430))
    assert (vote.verdict, vote.reason, vote.seen) == (APPROVE, SEC_PERMISSION_NEAR_LIMIT, 470_000_000)
    assert voted(placing(20), state=used(430)).reason == SEC_PERMISSION_NEAR_LIMIT
    assert voted(placing(19), state=used(430)).reason == SEC_PERMISSION_OK


def test_hard():
    """A strategy that asks for a transfer: REJECT, SEC_PERMISSION_DENIED, even where a grant names it."""
    for method in ("TRANSFER", "WITHDRAW", "APPROVE"):
        said = policy(grants=(grant(methods=("PLACE", "CANCEL", method)),))
        vote = voted(placing(1, action=method), said=said)
        assert (vote.verdict, vote.reason) == (REJECT, SEC_PERMISSION_DENIED)


def test_failure():
    """Unsigned grants, no grants, no policy: REJECT, SEC_PERMISSION_POLICY_MISSING."""
    for said in (policy(signed_by=""), policy(grants=()), False):
        vote = voted(placing(1), said=said)
        assert (vote.verdict, vote.reason) == (REJECT, SEC_PERMISSION_POLICY_MISSING)


def test_amounts_at_the_limit_are_allowed():
    """A plan of exactly its amount, and a day used up to the millionth, pass; one more does not."""
    assert voted(placing(100)).verdict == APPROVE
    assert voted(placing(101)).reason == SEC_PERMISSION_DENIED
    assert voted(placing(100), state=used(400)).verdict == APPROVE
    assert (voted(placing(100), state=used(401)).seen, voted(placing(100), state=used(401)).limit) == (
        501_000_000,
        500_000_000,
    )


@pytest.mark.parametrize(
    "other",
    [
        {"strategy": "strat.other"},
        {"account": "other"},
        {"methods": ("CANCEL",)},
        {"targets": ("polymarket",)},
        {"confirmed": ()},
        {"not_before_ns": NOW + 1},
        {"not_after_ns": NOW - 1},
    ],
)
def test_whatever_is_not_granted_is_denied(other):
    """Another strategy or account, a method or target that is missing, an unconfirmed first use, another time."""
    assert voted(placing(1), said=policy(grants=(grant(**other),))).reason == SEC_PERMISSION_DENIED


def test_a_grant_holds_at_both_ends_of_its_time():
    """The first and the last nanosecond of a grant are inside it, and any grant of several may cover."""
    ends = grant(not_before_ns=int(NOW), not_after_ns=int(NOW))
    assert voted(placing(1), said=policy(grants=(grant(account="other"), ends))).verdict == APPROVE


def test_on_a_chain_the_contract_is_a_target_too():
    """The standard exchange is granted, the neg-risk exchange is not; a merge needs its own contract."""
    assert voted(clob_child(), definition=TOKEN).verdict == APPROVE
    assert voted(clob_child(), definition=NEG_RISK).reason == SEC_PERMISSION_DENIED
    wide = grant(methods=("PLACE", "MERGE"), targets=("polymarket", "0xM"), confirmed=("polymarket", "0xM"))
    merge = clob_child(action=MERGE)
    assert voted(merge, definition=TOKEN, said=policy(grants=(wide,))).reason == SEC_PERMISSION_DENIED
    rows = (row(operation="merge", address="0xM"),)
    assert voted(merge, definition=TOKEN, said=policy(grants=(wide,), contracts=rows)).verdict == APPROVE


def test_cancels_are_never_blocked():
    """A plan that only cancels needs no grant; beside an order it needs the method."""
    assert voted(placing(1, action=CANCEL), said=False).verdict == APPROVE
    both = (placing(1, action=CANCEL), placing(1))
    assert voted(*both, said=policy(grants=(grant(methods=("PLACE",)),))).reason == SEC_PERMISSION_DENIED
    assert voted(*both).verdict == APPROVE


def test_what_only_reduces_spends_nothing_of_the_day():
    """An exit passes however much was used, and counts for nothing; it needs the grant all the same."""
    leaving = placing(50, reduce_only=True, side=-1)
    assert voted(leaving, state=used(500)).verdict == APPROVE
    assert voted(leaving, said=policy(grants=(grant(strategy="strat.other"),))).reason == SEC_PERMISSION_DENIED
    order = AuthorisedOrder("i", "p", world.STRATEGY, leaving, (), "")
    assert guard.watch(DEFAULT, Spent(), order, FREE, NOW) == Spent()


def test_use_is_of_the_strategy_and_of_the_last_day():
    """What another used does not count; after a day and the rest of its span the use is forgotten."""
    assert voted(placing(100), state=used(500, strategy="strat.other")).verdict == APPROVE
    state = used(450, at_ns=NOW)
    assert voted(placing(100), state=state, now=NOW + DAY_NS).reason == SEC_PERMISSION_DENIED
    assert voted(placing(100), state=state, now=NOW + DAY_NS + SPAN_NS).verdict == APPROVE


@given(st.lists(st.tuples(st.integers(0, 3 * DAY_NS), st.integers(1, 10**9)), max_size=30))
def test_the_window_never_forgets_too_early(events):
    """Use counted is at least what the last 24 hours hold and at most that of one span more, in few numbers."""
    state, now = Used(), 0
    for at_ns, amount in sorted(events):
        state, now = added(state, "s", amount, at_ns, 24), at_ns
    counted = within(state, "s", now, 24)
    last_day = sum(amount for at_ns, amount in events if at_ns > now - DAY_NS)
    wider = sum(amount for at_ns, amount in events if at_ns > now - DAY_NS - SPAN_NS)
    assert last_day <= counted <= wider
    assert len(state.spans) <= 290
