"""What a desk may lose where, and what a wish is measured against."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.entries import NEVER, Holding, Ledger, Resting, Terms
from bots.maths.standing import Arm, arms, beside, elsewhere, look, used
from contracts.intent import ENTRY
from tests import world

USD = 1_000_000


def held(market="M1", lots=100, micros=50 * USD, **more):
    """Return a position."""
    terms = Terms(ENTRY, more.pop("milli", 700), more.pop("regime", "CALM"), more.pop("bundle", ""))
    return Holding(market, lots, micros, terms, more.pop("scale_ins", 0), "s")


def rests(market="M1", side=1, lots=10, micros=5 * USD, regime="CALM", bundle="", **more):
    """Return a resting order."""
    return Resting("o", market, "s", side, lots, micros, Terms(ENTRY, 800, regime, bundle), **more)


def seen(holdings=(), orders=(), market="M1", side=1, replaces=False, bundle="", regime="CALM", more=0):
    """Return what a wish is measured against."""
    ledger = Ledger(tuple(holdings), tuple(orders), (), 7, (("M1",), (5,)))
    return look(ledger, market, side, replaces, bundle, regime, more)


def test_bid_and_ask_do_not_add():
    """Both cannot lose: the worse arm counts."""
    arm = arms(Ledger((), (rests(micros=5 * USD), rests(side=-1, micros=8 * USD))))["M1"]
    assert (5 * USD, 8 * USD, 8 * USD) == (arm.long, arm.short, arm.worst)


def test_what_closes_costs_nothing_and_what_turns_does():
    """Asks against a long cost what exceeds it, each lot at the dearest of them."""
    closing = arms(Ledger((held(lots=10),), (rests(side=-1, lots=10),)))["M1"]
    assert (50 * USD, 0, 10, 0) == (closing.long, closing.short, closing.closing(-1), closing.free(-1))
    two = (rests(side=-1, lots=10, micros=5 * USD), rests(side=-1, lots=10, micros=9 * USD))
    assert 9 * USD == arms(Ledger((held(lots=10),), two))["M1"].short
    assert 14 * USD == arms(Ledger((held(lots=1),), two))["M1"].short


def test_beside():
    """With the position an order adds to its arm; against it to all that rests there, less what closes at the least."""
    ledger = Ledger((held(lots=10),), (rests(side=-1, lots=10, micros=5 * USD), rests(lots=1, micros=USD)))
    arm, unit = arms(ledger)["M1"], USD * USD  # a dollar a lot
    assert 51 * USD == beside(ledger, "M1", arm, 1, unit)
    assert 0 == beside(ledger, "M1", arm, -1, unit)
    assert 4 * USD == beside(ledger, "M1", arm, -1, unit // 10)
    assert -10 * USD == beside(Ledger((held(lots=10),)), "M1", Arm(held_lots=10), -1, unit)


def test_positions_and_orders_are_counted():
    """Held and resting are positions; what reduces, closes, or is a position in part already, is none."""
    orders = [
        rests(),
        rests("M2", regime="HOT"),
        rests("M3", reduce_only=True),
        rests("M4", filled=1),
        rests("M5", side=-1, lots=100),
    ]
    view = seen([held("M5", lots=100), held("M6", regime="HOT")], orders)
    assert (4, 1, 2) == (view.positions, view.symbol_positions, view.regime_positions)
    assert (0, 7, 5) == (view.held_lots, view.traded_ns, view.symbol_traded_ns)
    assert NEVER == seen(market="M9").symbol_traded_ns


def test_exposure_counts_everything():
    """Held, resting and what the account knows beyond it; the market's own beside."""
    view = seen([held(micros=50 * USD), held("M2", micros=7 * USD)], [rests(micros=5 * USD)], more=3 * USD)
    assert (65 * USD, 55 * USD) == (view.total_micros, view.symbol_micros)


def test_a_quote_replaces_its_side():
    """What rests on its side is no position beside it; its exposure counts while it may be filled."""
    orders = [rests(), rests(side=-1), rests("M2")]
    view = seen([], orders, replaces=True)
    assert (2, 1, 10 * USD) == (view.positions, view.symbol_positions, view.total_micros)
    assert 3 == seen([], orders).positions


def test_legs_of_a_bundle_count_once():
    """Two legs are one position, in each count; for a third leg of the bundle they are none."""
    legs = [rests("M2", bundle="b"), rests("M3", bundle="b", regime="HOT"), rests("M4")]
    assert (2, 2) == (seen([], legs).positions, seen([], legs).regime_positions)
    assert 1 == seen([], legs, regime="HOT").regime_positions
    assert 1 == seen([], legs, bundle="b").positions


def test_scale_ins_made_and_resting():
    """Additions that rest count beside those made; the last entry's confidence is to be beaten."""
    view = seen([held(scale_ins=1, milli=710)], [rests(), rests(side=-1)])
    assert (2, 710, 100) == (view.scale_ins, view.confidence_milli, view.held_lots)
    both = seen([held(milli=700), held(milli=760)])
    assert (1, 760, 2) == (both.scale_ins, both.confidence_milli, both.symbol_positions)


def test_an_unknown_regime_is_its_own_bucket():
    """UNKNOWN is counted with UNKNOWN."""
    assert 1 == seen([held("M2", regime="UNKNOWN"), held("M3")], regime="UNKNOWN").regime_positions


def test_elsewhere_and_used():
    """Exposure that only the account knows; what a strategy has in use, resting included."""
    ledger = Ledger((held(),), (rests(),))
    assert (0, 10 * USD) == tuple(
        elsewhere(ledger, world.account(exposure_micros=micros)) for micros in (40 * USD, 60 * USD)
    )
    assert (55 * USD, 0) == (used(ledger, "s"), used(ledger, "t"))


ORDERS = st.lists(st.tuples(st.sampled_from((1, -1)), st.integers(1, 50), st.integers(1, 100)), max_size=5)


def cost_of(lots, orders, side):
    """Return what a side costs once all of it is filled, the cheapest orders first, which close."""
    closing, total = max(0, -side * lots), abs(lots) if lots * side > 0 else 0
    for price, count in sorted((price, count) for way, count, price in orders if way == side):
        shut = min(closing, count)
        closing, total = closing - shut, total + (count - shut) * price
    return total * USD


@given(st.integers(-60, 60), ORDERS, st.sampled_from((1, -1)), st.integers(1, 80), st.integers(1, 100))
def test_beside_bounds_every_order(lots, orders, side, size, price):
    """After an order its side costs no more than what it stood beside and itself; nothing, when all of it closes."""
    own = [rests(side=way, lots=count, micros=count * each * USD) for way, count, each in orders]
    before = Ledger((held(lots=lots, micros=abs(lots) * USD),) if lots else (), tuple(own))
    arm = arms(before).get("M1", Arm())
    stood = beside(before, "M1", arm, side, price * USD * USD)
    cost = cost_of(lots, [*orders, (side, size, price)], side)
    assert cost <= max(0, stood + size * price * USD)
    assert cost == 0 or size > arm.free(side)
    assert arm.worst >= max(cost_of(lots, orders, way) for way in (1, -1))


@pytest.mark.parametrize("side", [1, -1])
def test_nothing_anywhere(side):
    """An empty desk stands beside nothing."""
    assert (0, 0, 0) == (Arm().worst, Arm().free(side), beside(Ledger(), "M1", Arm(), side, 1))
