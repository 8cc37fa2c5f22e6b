"""Average cost: what is paid is either cost or realised, whatever the path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.positions import Inventory, notional, trade, value, worst_loss

LOT = 10_000
TRADES = [
    ("buy 100 YES at .40 costs 40", Inventory(), (1, 400_000, 10_000), Inventory(10_000, 40_000_000, 0)),
    ("a second buy averages", Inventory(10_000, 40_000_000), (1, 600_000, 10_000), Inventory(20_000, 100_000_000, 0)),
    (
        "a part sold realises its share",
        Inventory(20_000, 100_000_000),
        (-1, 700_000, 5_000),
        Inventory(15_000, 75_000_000, 10_000_000),
    ),
    ("the last lot leaves no cost", Inventory(3, 100), (-1, 400_000, 3), Inventory(0, 0, 11_900)),
    ("a short carries a cost below zero", Inventory(), (-1, 400_000, 10_000), Inventory(-10_000, -40_000_000, 0)),
    (
        "a short bought back lower gains",
        Inventory(-10_000, -40_000_000),
        (1, 300_000, 10_000),
        Inventory(0, 0, 10_000_000),
    ),
    (
        "through zero: closes, then opens",
        Inventory(10_000, 40_000_000),
        (-1, 500_000, 12_000),
        Inventory(-2_000, -10_000_000, 10_000_000),
    ),
]


@pytest.mark.parametrize(("name", "held", "done", "expected"), TRADES, ids=[row[0] for row in TRADES])
def test_trade(name: str, held: Inventory, done: tuple[int, int, int], expected: Inventory) -> None:
    """One trade moves size, cost and realised as average cost says."""
    side, price, lots = done
    assert trade(held, side, price, lots, LOT) == expected


FLOW = st.lists(st.tuples(st.sampled_from([1, -1]), st.integers(1, 999_999), st.integers(1, 10_000)), max_size=40)


@given(FLOW, st.sampled_from([10_000, 1_000_000, 7]))
def test_no_micro_is_lost(flow: list[tuple[int, int, int]], lot: int) -> None:
    """Cost less realised is the money paid; a flat position has no cost; cost has the sign of the size."""
    held, paid, size = Inventory(), 0, 0
    for side, price, lots in flow:
        held = trade(held, side, price, lots, lot)
        paid += side * notional(price, lots, lot)
        size += side * lots
        assert held.size_lots == size
        assert held.cost_micros - held.realised_micros == paid
        assert (held.size_lots > 0) >= (held.cost_micros > 0)
        assert (held.size_lots < 0) >= (held.cost_micros < 0)


@pytest.mark.parametrize(("size", "worth"), [(10_000, 45_000_000), (-10_000, -45_000_000), (0, 0), (-1, -4_500)])
def test_value(size: int, worth: int) -> None:
    """A signed size at a mark is worth as much as it is long, and owes as much as it is short."""
    assert value(size, 450_000, LOT) == worth


WORST = [
    ("a long loses its cost", 10_000, 40_000_000, True, 40_000_000),
    ("a short of YES at .40 loses .60", -10_000, -40_000_000, True, 60_000_000),
    ("nothing held, nothing lost", 0, 0, True, 0),
    ("a perp counts with its cost, long", 100, 65_000_000, False, 65_000_000),
    ("a perp counts with its cost, short", -100, -65_000_000, False, 65_000_000),
    ("a short sold above one cannot gain in the worst case", -10_000, -110_000_000, True, 0),
]


@pytest.mark.parametrize(("name", "size", "cost", "binary", "expected"), WORST, ids=[row[0] for row in WORST])
def test_worst_loss(name: str, size: int, cost: int, binary: bool, expected: int) -> None:
    """The worst case of a binary is known exactly."""
    assert worst_loss(size, cost, LOT, binary) == expected
