"""What the paper venue says of itself and of the account."""

from types import SimpleNamespace

from operators.paper_truth import QUOTA, SURFACES, is_due, samples, snapshot, told
from operators.paper_venue import PaperVenue
from tests import world
from tests.world import NOW, SECOND

PAPER = world.configured(desk_mode="paper")


def row(position=None, own=None):
    """A row of a desk, with what the paper venue looks at."""
    return SimpleNamespace(MarketDefinition=world.definition(), PositionState=position, OwnOrders=own)


def test_it_speaks_on_paper_alone():
    """Every second on paper and in shadow; a live desk hears its venue from outside."""
    modes = ("paper", "shadow", "live", "testnet_probe")
    assert [True, True, False, False] == [is_due(world.tick(), world.configured(desk_mode=mode)) for mode in modes]


def test_each_surface_of_each_venue_has_a_sample():
    """They are named apart; in an outage what is asked of the venue fails, and what it publishes does not."""
    well = samples({"polymarket", "kalshi"}, 250, False, world.FACT, NOW)
    assert [(venue, surface) for venue in ("kalshi", "polymarket") for surface in SURFACES] == [
        (each.venue_id, each.surface) for each in well
    ]
    assert len({each.fact for each in well}) == len(well)
    assert {(250, 1, 0, QUOTA)} == {(s.latency_ms, s.requests, s.errors, s.quota_remaining) for s in well}
    out = samples({"kalshi"}, 250, True, world.FACT, NOW)
    assert [1, 0, 1] == [each.errors for each in out]


def test_cash_is_what_is_not_bound():
    """Ten contracts bought at 44 bind 4.40 dollars; what they gained is not cash; resting orders are listed."""
    position = world.position(
        size_lots=1_000, cost_micros=4_400_000, unrealised_micros=100_000, exposure_micros=4_400_000
    )
    account = world.account(equity_micros=1_000_100_000, exposure_micros=4_400_000)
    own = world.own_orders(world.order_update(client_order_id="c1"))
    said = snapshot(account, [row(position, own), row()], NOW)
    assert (True, 995_600_000, ((position.market_id, 1_000),), ("c1",)) == (
        said.complete, said.cash_micros, said.positions, said.open_orders,
    )  # fmt: skip


def test_a_perpetual_binds_no_cash():
    """What it can lose is margin, and stays in the account."""
    position = world.position(
        size_lots=1_000, cost_micros=4_400_000, unrealised_micros=100_000, exposure_micros=4_400_000
    )
    held = row(position)
    held.MarketDefinition = world.definition(instrument_kind=1)
    account = world.account(equity_micros=1_000_100_000, exposure_micros=4_400_000)
    assert 1_000_000_000 == snapshot(account, [held], NOW).cash_micros


def test_nothing_is_said_of_the_account_in_an_outage():
    """Health is measured from outside; an account that cannot be asked is not made up."""
    venue = PaperVenue.of(world.configured(outages=((10, 5),)))
    venue.open(NOW)
    desk = SimpleNamespace(rows=[row()], venue=venue, configured=PAPER, account=world.account())
    assert 4 == len(told(desk, world.FACT, NOW))
    assert 3 == len(told(desk, world.FACT, NOW + 12 * SECOND))
