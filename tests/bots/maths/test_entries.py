"""The ledger of entries: what rests from when, what a match makes of it, and when a trade has happened."""

from hypothesis import given
from hypothesis import strategies as st

from bots.maths.entries import (
    CERTAIN,
    NEVER,
    UNKNOWN,
    Ledger,
    Terms,
    after,
    approved,
    committed,
    costs,
    knows_fee,
    readable,
)
from bots.maths.fees import charge
from bots.maths.standing import arms
from contracts.intent import ENTRY, QUOTE
from contracts.market import FeeModel
from contracts.order import AuthorisedOrder
from tests import world
from tests.world import NOW, SECOND, STRATEGY

USD = 1_000_000
FREE = world.definition(fee=FeeModel("none", 0, 0, 0))
EMPTY = Ledger()
TERMS = Terms(ENTRY, 800, "CALM", "b")


def asked(ledger=EMPTY, regime="CALM", **intent):
    """Return the ledger after an intent was approved."""
    wish = world.intent(**({"intent_kind": ENTRY, "confidence_milli": 800, "bundle_id": "b"} | intent))
    return approved(ledger, world.approved(intent=wish), regime)


def authorised(**child):
    """Return an order of that intent that may leave."""
    intent_id = world.intent().intent_id
    return AuthorisedOrder(intent_id, "p", STRATEGY, world.child(**child), (), "")


def told(ledger, *events, definition=FREE, now=NOW):
    """Return the ledger after events."""
    for event in events:
        ledger = after(ledger, event, definition, now, 300 * SECOND)
    return ledger


def update(state, filled=0, **more):
    """Return an update of the order."""
    venue_id = "" if state in ("PENDING_SUBMIT", "REJECTED") else "V1"
    return world.order_update(state=state, filled_lots=filled, **({"venue_order_id": venue_id} | more))


def position(lots, **more):
    """Return a position at 44 cents."""
    return world.position(size_lots=lots, cost_micros=44 * lots * 100, **more)


SENT = told(asked(), authorised())


def test_an_order_rests_from_its_authorisation():
    """It counts with its whole size and the terms of its intent, before any venue has heard of it."""
    (order,) = SENT.orders
    assert (1_000, 4_400_000, TERMS, False) == (order.open_lots, order.notional_micros, order.terms, order.accepted)
    assert NEVER == SENT.traded_ns
    assert SENT is told(SENT, authorised(), authorised(action="CANCEL"), update("PENDING_SUBMIT"))


def test_a_withdrawal_has_no_terms():
    """Nothing comes of it that would enter."""
    assert EMPTY is asked(intent_kind="WITHDRAW")


def test_the_cooldown_starts_with_acceptance():
    """Not when it is sent or rejected, but when the venue has it; once, and for ENTRY alone."""
    assert NEVER == told(SENT, update("REJECTED")).traded_ns
    assert NEVER == told(SENT, update("UNKNOWN", venue_order_id="")).traded_ns
    live = told(SENT, update("LIVE"), now=NOW + 1)
    assert (NOW + 1, (("M1",), (NOW + 1,))) == (live.traded_ns, live.trades)
    assert live.traded_ns == told(live, update("PARTIAL", 10), now=NOW + 2).traded_ns
    assert NOW == told(SENT, update("FILLED", 1_000)).traded_ns
    assert NOW == told(SENT, update("EXPIRED")).traded_ns
    quoting = told(asked(intent_kind=QUOTE), authorised(), update("LIVE"))
    assert (NEVER, True) == (quoting.traded_ns, quoting.orders[0].accepted)


def test_old_trades_are_forgotten():
    """A market's last trade is kept as long as its cooldown lasts."""
    first = told(SENT, update("LIVE"))
    again = told(asked(first), authorised(client_order_id="c2", market_id="M2"))
    later = told(again, update("LIVE", client_order_id="c2", market_id="M2"), now=NOW + 300 * SECOND)
    assert (("M2",), (NOW + 300 * SECOND,)) == later.trades


def test_what_is_open_counts_until_it_is_gone():
    """A part of the order leaves a part of its cost, the end of it nothing; in doubt it counts whole."""
    partly = told(SENT, update("PARTIAL", 400))
    (order,) = partly.orders
    assert (600, 2_640_000, 400) == (order.open_lots, order.notional_micros, order.filled)
    assert 1_000 == told(SENT, update("UNKNOWN")).orders[0].open_lots
    assert [(), ()] == [told(SENT, update(state)).orders for state in ("CANCELLED", "REJECTED")]


def test_an_order_from_nowhere_counts_too():
    """An order that nobody announced rests on terms that nothing beats."""
    (order,) = told(Ledger(), update("LIVE")).orders
    assert (1_000, Terms("", CERTAIN, UNKNOWN, "")) == (order.open_lots, order.terms)
    assert Ledger() == told(Ledger(), update("CANCELLED"))


def test_matches_make_and_add_to_positions():
    """The first match of an order enters it on its terms; a second order's is a scale-in, a further part is none."""
    first = told(SENT, update("PARTIAL", 400), position(400), update("FILLED", 1_000), position(1_000))
    (held,) = first.holdings
    assert (1_000, 4_400_000, TERMS, 0) == (held.size_lots, held.notional_micros, held.terms, held.scale_ins)
    more = asked(first, "HOT", intent_id="i2", confidence_milli=900, bundle_id="")
    more = told(more, AuthorisedOrder("i2", "p", STRATEGY, world.child(client_order_id="c2"), (), ""))
    grown = told(more, update("PARTIAL", 1, client_order_id="c2"), position(1_001))
    (held,) = grown.holdings
    assert (1_001, 1, Terms(ENTRY, 900, "CALM", "b")) == (held.size_lots, held.scale_ins, held.terms)
    assert 1 == told(grown, update("PARTIAL", 2, client_order_id="c2"), position(1_002)).holdings[0].scale_ins


def test_marks_change_nothing():
    """A position that is only marked anew leaves the ledger as it is."""
    held = told(Ledger(), position(1_000))
    assert held is told(held, position(1_000, mark_micros=990_000))


def test_closing_ends_and_turning_enters():
    """A flat position is gone; one that turned is a new entry on the terms of the order that turned it."""
    held = told(Ledger(), position(1_000))
    assert () == told(held, position(0)).holdings
    assert Ledger() == told(Ledger(), position(0))
    turning = told(asked(held), authorised(side=-1, size_lots=1_500), update("FILLED", 1_500, side=-1, size_lots=1_500))
    (turned,) = told(turning, position(-500)).holdings
    assert (-500, TERMS, 0, STRATEGY) == (turned.size_lots, turned.terms, turned.scale_ins, turned.strategy)
    assert 2_800_000 == turned.notional_micros


def test_what_reduces_enters_nothing():
    """A reduce-only order is remembered for what it closes, and its match is no entry."""
    held = told(Ledger(), position(1_000))
    leaving = told(held, authorised(side=-1, reduce_only=True), update("PARTIAL", 10, side=-1, reduce_only=True))
    assert (held.holdings, True) == (leaving.holdings, leaving.orders[0].reduce_only)


def test_readable():
    """An account must be there and, with something at risk, be young; a position must agree with the venue."""
    old = world.account(updated_ns=NOW - 60 * SECOND - 1, exposure_micros=1)
    cases = [
        (None, None),
        (old, None),
        (world.account(), world.position(drift=True)),
        (world.account(updated_ns=NOW - 60 * SECOND, exposure_micros=1), None),
        (world.account(updated_ns=0), world.position()),
    ]
    assert [False, False, False, True, True] == [readable(account, held, NOW) for account, held in cases]


def test_fees_known():
    """No fee is a known fee; an unknown formula is not."""
    assert (True, False) == (knows_fee(FREE), knows_fee(world.definition(fee=FeeModel())))


FEES = st.sampled_from(
    [
        FeeModel("binary_quadratic", 70_000, 17_500, 100),
        FeeModel("binary_quadratic", 70_000, 0, 100, 0, 10_000),
        FeeModel("linear_bps", 1_000, -200, 0, 1_000),
        FeeModel("linear_bps", 200, 600),
    ]
)


@given(FEES, st.sampled_from((1, -1)), st.integers(1, 99), st.integers(0, 10**6), st.booleans())
def test_committed_covers_every_charge(fee, side, price, lots, maker):
    """Value and fee of one match, whichever side of it, are never more than what was set aside."""
    definition = world.definition(fee=fee)
    unit, per_lot, rounding = costs(definition, side, price)
    charged, _ = charge(fee, maker, side, price * 10_000, lots, 10_000)
    assert committed(definition, side, price, lots) * USD >= unit * lots + charged * USD or lots == 0
    assert committed(definition, side, price, lots) <= (unit + per_lot) * lots // USD + 1 + rounding


def test_the_ledger_shows_in_its_arms():
    """What was sent is the market's long arm."""
    assert {"M1": 4_400_000} == {name: arm.long for name, arm in arms(SENT).items()}
