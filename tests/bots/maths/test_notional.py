"""bots.maths.notional: losses round up, sizes down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.notional import clip_lots, held_losses, loss, lots_within, reduces, unit_risk
from contracts.intent import NO_LIMIT
from tests import world

PERP = world.definition(instrument_kind=1, grid_ticks=0, tick_micros=100_000, lot_micros=1_000)


def test_risk_of_a_side():
    """Ten contracts at 44 cents may lose 4.40 bought and 5.60 sold; a perpetual its stress of the notional."""
    binary = world.definition()
    assert loss(unit_risk(binary, 1, 44), 1_000) == 4_400_000
    assert loss(unit_risk(binary, -1, 44), 1_000) == 5_600_000
    assert loss(unit_risk(PERP, 1, 600_000, 200_000), 1_000) == 12_000 * 1_000_000
    assert loss(unit_risk(PERP, -1, 600_000), 1_000) == 60_000 * 1_000_000


@given(st.integers(1, 99), st.sampled_from((1, -1)), st.integers(0, 10**12), st.integers(1, 10**7))
def test_largest_size_within(price, side, room, lot):
    """The size within a room fits it, and one lot more does not."""
    unit = unit_risk(world.definition(lot_micros=lot), side, price)
    lots = lots_within(room, unit)
    assert loss(unit, lots) <= room < loss(unit, lots + 1)


def test_no_room_and_no_risk():
    """No room gives no lots; nothing at risk gives no bound."""
    assert lots_within(-1, 5) == 0
    assert lots_within(0, 0) == NO_LIMIT


@pytest.mark.parametrize(
    ("size", "cost", "expected"),
    [(1_000, 4_400_000, (4_400_000, -5_600_000)), (-1_000, -4_400_000, (-4_400_000, 5_600_000)), (0, 0, (0, 0))],
)
def test_held(size, cost, expected):
    """A long loses its cost, a short of YES a dollar less its price; what one outcome loses the other gains."""
    assert held_losses(world.definition(), size, cost, 0) == expected


def test_held_perpetual():
    """A perpetual loses the stress against it and gains it for it."""
    assert held_losses(PERP, 5, 1_000_001, 200_000) == (200_001, -200_001)
    assert held_losses(PERP, -5, -1_000_000, 200_000) == (-200_000, 200_000)


@pytest.mark.parametrize(
    ("side", "size", "held", "flag", "expected"),
    [
        (-1, 1_000, 1_000, True, True),
        (-1, 1_001, 1_000, True, False),
        (1, 1_000, 1_000, True, False),
        (1, 1_000, -1_000, True, True),
        (-1, 1_000, 1_000, False, False),
        (-1, 0, 1_000, True, False),
    ],
)
def test_reduces(side, size, held, flag, expected):
    """A claim to reduce is proven by side and size."""
    intent = world.intent(side=side, size_lots=size, reduce_only=flag)
    assert reduces(intent, world.position(size_lots=held)) is expected
    assert reduces(intent, None) is False


def test_clip():
    """A clip buys whole lots of the side at risk, and nothing below the minimum."""
    market = world.definition(min_size_lots=5_000)
    assert clip_lots(market, 1, 49, 25_000_000) == 5_102
    assert clip_lots(market, -1, 49, 25_000_000) == 0
    assert clip_lots(market, 1, 0, 25_000_000) == 0
    assert clip_lots(market, 1, 49, 0) == 0
