"""risk.self_trade_wash_guard: what would meet our own orders, in either book."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.risk import self_trade_wash_guard as guard
from bots.risk.self_trade_wash_guard import Config, Pairs
from contracts.intent import APPROVE, REJECT, RESHAPE
from contracts.reasons import (
    RISK_SELF_TRADE,
    RISK_SELF_TRADE_NONE,
    RISK_SELF_TRADE_TRIMMED,
    RISK_SELF_TRADE_UNKNOWN,
)
from tests import world
from tests.world import NOW

DEFAULT, NO_PAIRS = Config(), Pairs()
WHOLE = world.definition(lot_micros=1_000_000)
YES = world.definition(lot_micros=1_000_000, complement_id="M1-NO")
NO = world.definition(lot_micros=1_000_000, market_id="M1-NO", outcome="NO", complement_id="M1")
EMPTY = world.book(bids={}, asks={})


def order(side, price, size=100, name="o1", **more):
    """Return an own resting order."""
    return world.order_update(client_order_id=name, side=side, price_ticks=price, size_lots=size, **more)


def voted(*own, state=NO_PAIRS, definition=WHOLE, book=EMPTY, config=DEFAULT, **intent):
    """Return the vote on an entry that buys 100 contracts at 50."""
    wish = {"intent_kind": "ENTRY", "side": 1, "price_ticks": 50, "size_lots": 100} | intent
    orders = world.own_orders(*own) if own else None
    return guard.decide(config, state, world.intent(**wish), orders, definition, book, NOW)


def test_normal():
    """No own order on the other side: APPROVE, RISK_SELF_TRADE_NONE."""
    votes = [voted(), voted(order(1, 55)), voted(order(-1, 51)), voted(order(1, 49), side=-1)]
    assert {(v.verdict, v.reason) for v in votes} == {(APPROVE, RISK_SELF_TRADE_NONE)}


def test_warning():
    """Own ask 30 inside reach of buy 100: RESHAPE 70, RISK_SELF_TRADE_TRIMMED."""
    vote = voted(order(-1, 50, 30))
    assert (vote.verdict, vote.reason, vote.size_lots_max) == (RESHAPE, RISK_SELF_TRADE_TRIMMED, 70)
    assert (vote.seen, vote.limit, vote.post_only) == (30, 100, False)


def test_hard():
    """Buy NO .45 against own buy YES .60: REJECT, RISK_SELF_TRADE, in the complement's book and on the YES scale."""
    state = guard.watch(Config(), Pairs(), order(1, 60), YES, NOW)
    vote = voted(state=state, definition=NO, market_id="M1-NO", price_ticks=45)
    assert (vote.verdict, vote.reason, vote.seen) == (REJECT, RISK_SELF_TRADE, 100)
    assert voted(state=state, definition=NO, market_id="M1-NO", price_ticks=40).verdict == REJECT
    assert voted(state=state, definition=NO, market_id="M1-NO", price_ticks=39).verdict == APPROVE
    assert voted(order(1, 60), side=-1, price_ticks=55).reason == RISK_SELF_TRADE


def test_failure():
    """Order state unreconciled after restart: REJECT, RISK_SELF_TRADE_UNKNOWN, in either book."""
    lost = order(1, 10, state="UNKNOWN")
    state = guard.watch(Config(), Pairs(), lost, YES, NOW)
    votes = [voted(lost), voted(state=state, definition=NO)]
    assert {(v.verdict, v.reason) for v in votes} == {(REJECT, RISK_SELF_TRADE_UNKNOWN)}


@pytest.mark.parametrize("state", ["PENDING_SUBMIT", "LIVE", "PARTIAL", "PENDING_CANCEL"])
def test_pending_counts_as_resting(state):
    """What is on its way in or out counts with what is still open of it."""
    assert voted(order(-1, 50, 40, filled_lots=10, state=state)).size_lots_max == 70


def test_shield_of_other_liquidity():
    """Displayed size at better prices is met first; own orders behind it are only reached by the rest."""
    book = world.book(bids={}, asks={48: 60, 49: 20, 50: 500})
    assert voted(order(-1, 50, 50), book=book).size_lots_max == 80
    assert voted(order(-1, 50, 50), book=world.book(bids={}, asks={48: 100})).verdict == APPROVE
    assert voted(order(1, 50, 30), side=-1, book=world.book(bids={52: 90}, asks={})).size_lots_max == 90
    two = (order(-1, 48, 20, "a"), order(-1, 50, 20, "b"))
    assert voted(*two, book=world.book(bids={}, asks={48: 20})).size_lots_max == 60


def test_full_overlap_and_small_rest():
    """All of it, or all but a rest below ten dollars, is refused; a rest of ten dollars is sent."""
    assert voted(order(-1, 50, 100)).verdict == REJECT
    assert voted(order(-1, 50, 500)).seen == 100
    assert voted(order(-1, 50, 81)).reason == RISK_SELF_TRADE
    assert voted(order(-1, 50, 80)).size_lots_max == 20


def test_quote_keeps_its_size_and_rests():
    """A quote that partly meets an own order may only rest; one that wholly meets it is refused."""
    vote = voted(order(-1, 50, 30), intent_kind="QUOTE")
    assert (vote.verdict, vote.post_only, vote.size_lots_max) == (RESHAPE, True, 100)
    assert voted(order(-1, 50, 100), intent_kind="QUOTE").verdict == REJECT


def test_table_of_pairs():
    """The table keeps live orders of markets with a complement, and forgets the rest."""
    assert guard.watch(Config(), Pairs(), order(1, 60), WHOLE, NOW) == Pairs()
    state = guard.watch(Config(), Pairs(), order(1, 60), YES, NOW)
    state = guard.watch(Config(), state, order(-1, 70, name="o2"), YES, NOW)
    state = guard.watch(Config(), state, order(1, 30, name="o3", market_id="M1-NO"), NO, NOW)
    assert (state.keys, [len(orders) for orders in state.orders]) == (("M1", "M1-NO"), [2, 1])
    state = guard.watch(Config(), state, order(1, 60, state="CANCELLED"), YES, NOW)
    state = guard.watch(Config(), state, order(1, 30, name="o3", market_id="M1-NO", state="FILLED"), NO, NOW)
    assert (state.keys, [o.client_order_id for o in state.orders[0]]) == (("M1",), ["o2"])
    assert guard.watch(Config(), state, order(1, 1, name="o9", market_id="M1-NO", state="FILLED"), NO, NOW) is state


@given(
    st.lists(st.tuples(st.sampled_from((1, -1)), st.integers(1, 99), st.integers(1, 200)), max_size=5),
    st.sampled_from((1, -1)),
    st.integers(1, 99),
    st.integers(1, 300),
)
def test_never_meets_itself(own, side, price, size):
    """With nothing to shield them, what is let through of an entry never exceeds size less crossing own orders."""
    orders = [order(s, p, q, str(n)) for n, (s, p, q) in enumerate(own)]
    crossing = sum(q for s, p, q in own if s != side and (price - p) * side >= 0)
    vote = voted(*orders, side=side, price_ticks=price, size_lots=size)
    passed = 0 if vote.verdict == REJECT else min(size, vote.size_lots_max)
    assert passed <= max(0, size - crossing)
    assert passed == size if not crossing else True
