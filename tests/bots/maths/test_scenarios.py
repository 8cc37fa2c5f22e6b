"""bots.maths.scenarios: what positions lose, and the sizes that scenarios leave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.holdings import NO_EXPIRY, Holdings, in_window
from bots.maths.scenarios import (
    Book,
    afforded,
    gap_stress,
    losses_of,
    noted,
    stressed_spread,
    whole,
)
from tests import world

USD = 1_000_000
BINARY = world.definition(lot_micros=USD)
PERP = world.definition(
    instrument_kind=1, grid_ticks=0, tick_micros=USD, lot_micros=USD, settle_currency="USDT", expiry_ns=0
)


def held(lots, mark, **more):
    """Return a position of so many contracts at a mark in millionths."""
    return world.position(size_lots=lots, mark_micros=mark, **more)


@pytest.mark.parametrize(
    ("lots", "mark", "losses"),
    [
        (100, 400_000, (40 * USD, -60 * USD)),
        (-100, 400_000, (-40 * USD, 60 * USD)),
        (100, 405_000, (41 * USD, -59 * USD)),
        (-100, 405_000, (-40 * USD, 60 * USD)),
        (100, 995_000, (100 * USD, 0)),
        (0, 400_000, (0, 0)),
    ],
)
def test_a_binary_loses_its_mark_or_the_rest(lots, mark, losses):
    """A long loses its mark if NO, a short the rest if YES; marks between cents count against the holder."""
    assert losses == losses_of(BINARY, held(lots, mark), 0, None)[:2]


@given(st.integers(-10_000, 10_000), st.integers(0, USD))
def test_a_binary_is_overstated_by_a_hundredth_at_most(lots, mark):
    """The worst outcome is never less than at the exact mark, and at most a cent a contract more."""
    no, yes, _ = losses_of(BINARY, held(lots, mark), 0, None)
    exact = lots * mark if lots > 0 else -lots * (USD - mark)
    assert exact <= max(no, yes, 0) <= exact + abs(lots) * 10_000


def test_a_perpetual_gaps_either_way():
    """A long loses when it falls and a short when it rises: the stress of the notional, a 64th more at most."""
    assert (2**24, -(2**24)) == losses_of(PERP, held(1, 2**26), 250_000, None)[:2]
    assert (-(2**24), 2**24) == losses_of(PERP, held(-1, 2**26), 250_000, None)[:2]
    worst = losses_of(PERP, held(1, 65_123_456), USD, None)[0]
    assert 65_123_456 <= worst <= 65_123_456 * 65 // 64


@pytest.mark.parametrize(
    ("definition", "position", "gap"),
    [(BINARY, held(1, -1), 0), (BINARY, held(1, 400_000, drift=True), 0), (PERP, held(1, USD), 0)],
)
def test_what_has_no_price_has_no_loss(definition, position, gap):
    """No mark, a drifting position, or a perpetual without volatility: nothing can be said."""
    assert losses_of(definition, position, gap, None) is None


def test_closing_at_five_spreads():
    """A spread of two cents costs five cents a contract, never more than the worst outcome; without two sides, all."""
    snap = world.snapshot()
    assert 50_000 * USD == stressed_spread(BINARY, snap)
    assert 5 * USD == losses_of(BINARY, held(100, 400_000), 0, snap)[2]
    assert 3 * USD == losses_of(BINARY, held(100, 30_000), 0, snap)[2]
    assert 40 * USD == losses_of(BINARY, held(100, 400_000), 0, None)[2]
    for broken in ({"bid_ticks": 0}, {"ask_ticks": 43}, {"ask_ticks": 101}):
        assert -1 == stressed_spread(BINARY, world.snapshot(**broken))
    assert 0 <= stressed_spread(PERP, world.snapshot(ask_ticks=101))


def test_gap_stress():
    """Eight sigmas of a day and three fundings at the cap, or at the rate where that is more; 0 without volatility."""

    def volatility(value=0.0001, label="NORMAL"):
        return world.signal(signal="volatility", value=value, label=label)

    def funding(value, label="NORMAL"):
        return world.signal(signal="funding_pred", value=value, label=label)

    day = 8 * 0.0001 * 86_400**0.5
    assert (day + 0.009) * USD == pytest.approx(gap_stress(8.0, volatility(), None), abs=1)
    assert gap_stress(8.0, volatility(), None) == gap_stress(8.0, volatility(), funding(-0.003))
    assert (day + 0.03) * USD == pytest.approx(gap_stress(8.0, volatility(), funding(-0.01)), abs=1)
    assert gap_stress(8.0, volatility(), None) == gap_stress(8.0, volatility(), funding(0.01, "UNKNOWN"))
    assert [0, 0, 0] == [
        gap_stress(8.0, None, None),
        gap_stress(8.0, volatility(label="UNKNOWN"), None),
        gap_stress(8.0, volatility(0.0), None),
    ]


def test_the_book_of_losses():
    """Markets enter, change, go blind, see again and leave; the sum is that of what is held."""
    book = noted(Book(), "B", (4, -6, 3))
    book = noted(book, "A", (-1, 2, 1))
    assert (("A", "B"), 4, ()) == (book.names, book.spread_loss, book.blind)
    assert noted(book, "A", (-1, 2, 1)) is book
    blind = noted(book, "A", None)
    assert (book.losses, ("A",)) == (blind.losses, blind.blind)
    assert noted(blind, "A", None) is blind
    assert noted(blind, "A", (-1, 2, 1)) == book
    assert ("B",) == noted(noted(book, "A", (0, 0, 0)), "A", (0, 0, 0)).names
    assert Book() == noted(noted(book, "A", (0, 0, 0)), "B", (0, 0, 0))
    assert noted(Book(), "C", (0, 0, 0)) == Book()


def test_whole_stands_in_for_small_books():
    """While all that is held together is below the limit, no scenario needs to be looked at."""
    holdings = Holdings(clusters=(("a",), (7,)), venues=(("v",), (9,)), windows=((-2, 5), (6, 3)), total=9)
    assert (0, 9, 12) == (
        whole(holdings, Book(), 9, 0),
        whole(holdings, Book(), 8, 0),
        whole(holdings, Book(spread_loss=12), 8, 5),
    )
    perps = Holdings(clusters=(("a",), (1,)), venues=(("v",), (1,)), windows=((-2,), (6,)), total=6)
    assert 6 == whole(perps, Book(), 5, 0)


@given(st.dictionaries(st.integers(-2, 8), st.integers(0, 100), min_size=1, max_size=6))
def test_the_worst_window_is_that_of_any_sliding_one(sums):
    """One pass over the windows finds the same worst as asking for each."""
    keys = tuple(sorted(sums))
    holdings = Holdings(windows=(keys, tuple(sums[key] for key in keys)), total=1)
    expected = max(sums[key] if key == NO_EXPIRY else in_window(holdings, key) for key in keys)
    assert expected == whole(holdings, Book(), 0, 0)


MONEY = st.integers(0, 10**9)


@given(MONEY, MONEY, st.integers(0, 10**12), MONEY, st.integers(0, 10**6))
def test_the_largest_size_is_the_largest(loss, slack, unit, limit, wanted):
    """What is afforded keeps the limit, or does not raise a loss beyond it; one lot more does not, unless all fits."""
    scenarios = ((loss, slack, unit),)
    lots, worst = afforded(scenarios, wanted, limit, loss > limit)
    assert 0 <= lots <= wanted
    assert worst >= loss
    assert afforded(scenarios, lots, limit, loss > limit) == (lots, afforded(scenarios, lots, limit, False)[1])
    assert afforded(scenarios, lots, limit, False)[1] <= max(limit, loss)
    if lots < wanted:
        assert afforded(scenarios, lots + 1, limit, False)[1] > max(limit, loss)
    assert afforded(scenarios, wanted, limit, True)[0] <= lots


def test_the_tightest_scenario_decides():
    """The smallest size of all is afforded, and the worst loss of all is told."""
    scenarios = ((0, 0, 2 * USD), (90, 0, USD), (10, 0, 0))
    assert (10, 120) == afforded(scenarios, 30, 100, False)
    assert (0, 120) == afforded(scenarios, 30, 100, True)
    assert (30, 500) == afforded(((0, 30, USD),), 30, 100, True, 500)
