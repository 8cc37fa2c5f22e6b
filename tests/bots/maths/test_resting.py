"""bots.maths.resting: own orders against targets."""

from bots.maths.resting import Voice, changes, differs, newest, withdrawals
from tests import world
from tests.world import NOW

VOICE = Voice("strat.maker_tight", "lab", world.FACT, int(NOW), "STRAT_MT_QUOTE", 300, 600)


def test_newest():
    """The newest order of each side counts, unless it is on its way out or another strategy's."""
    orders = [
        world.order_update(client_order_id="1", price_ticks=40),
        world.order_update(client_order_id="2", price_ticks=41),
        world.order_update(client_order_id="3", price_ticks=42, state="PENDING_CANCEL"),
        world.order_update(client_order_id="4", side=-1, strategy="strat.other"),
    ]
    assert newest(world.own_orders(*orders), VOICE.strategy) == (orders[1], None)
    assert newest(None, VOICE.strategy) == (None, None)


def test_differs():
    """A target is new when nothing rests or it is far enough away, and never beside an unknown order."""
    market, old = world.definition(), world.order_update(price_ticks=44)
    assert [differs(market, price, old, 2) for price in (42, 43, 44, 45, 46)] == [True, False, False, False, True]
    assert differs(market, 44, None, 1) is True
    assert differs(market, 10, world.order_update(state="UNKNOWN"), 1) is False


def test_changes_and_withdrawals():
    """A side without lots is taken back, a side that moved is asked for, and every leg has its own id."""
    old = world.order_update(filled_lots=400)
    said = changes(
        VOICE, world.definition(), world.snapshot(), world.fair(), ((1, 0, 0, old), (-1, 50, 7, None)), 1_000, 1
    )
    assert [(i.intent_kind, i.leg, i.size_lots) for i in said] == [
        ("WITHDRAW", "withdraw_bid", 600),
        ("QUOTE", "ask", 7),
    ]
    assert said[1].edge_micros == 500_000 - 480_000 - 1_000
    assert len({i.intent_id for i in said}) == 2
    assert withdrawals(VOICE, (None, None)) == ()
    assert all(world.checked(i) == i for i in said)
