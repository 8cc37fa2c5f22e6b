"""bots.maths.premium: intervals, linear weights, impact prices, and the rate that follows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.book import OpenBook
from bots.maths.premium import HOUR, Average, impact, interval_start, predicted, premium, seen, usual
from contracts.market import MarketDefinition
from operators.levels import load
from tests.world import SECOND, definition, image

DAY = 20_000 * 24 * HOUR
INVERSE = {"instrument_kind": 1, "settle_currency": "BTC", "multiplier_micros": 100_000_000, "lot_micros": 1_000_000}


def perp(**changes: object) -> MarketDefinition:
    """A linear perpetual with ticks of one dollar and lots of one coin."""
    return definition(
        **{"instrument_kind": 1, "settle_currency": "USDT", "tick_micros": 1_000_000, "lot_micros": 1_000_000} | changes
    )


def book(bids: tuple[tuple[int, int], ...], asks: tuple[tuple[int, int], ...]) -> OpenBook:
    """A book of these levels."""
    made = OpenBook()
    load(made, image(bids=bids, asks=asks))
    return made


@pytest.mark.parametrize(
    ("now_h", "hours", "next_h", "start_h"),
    [
        (0, 8, 0, 0),
        (7, 8, 0, 0),
        (8, 8, 0, 8),
        (9, 4, 0, 8),
        (6, 8, 7, -1),
        (7, 8, 7, 7),
        (7, 8, 15, 7),
        (14, 8, 15, 7),
    ],
)
def test_when_the_interval_began(now_h: int, hours: int, next_h: int, start_h: int) -> None:
    """At multiples of its length from midnight UTC, or from the funding that the venue names."""
    due = DAY + next_h * HOUR if next_h else 0
    assert DAY + start_h * HOUR == interval_start(DAY + now_h * HOUR, hours, due)


@given(st.lists(st.tuples(st.integers(1, 60), st.floats(-0.01, 0.01)), min_size=1, max_size=30))
def test_the_average_is_the_weighted_sum_of_every_second(steps: list[tuple[int, float]]) -> None:
    """A second's premium weighs the time since the interval began: the integral equals the sum over half seconds."""
    average, now, total, weight = seen(Average(), 0.001, DAY, DAY), 0, 0.0, 0.0
    held = 0.001
    for seconds, value in steps:
        for second in range(now, now + seconds):
            total, weight = total + (second + 0.5) * held, weight + second + 0.5
        now, held = now + seconds, value
        average = seen(average, value, DAY + now * SECOND, DAY)
    assert total / weight == pytest.approx(average.mean, abs=1e-12)
    assert pytest.approx(average.coverage(DAY + now * SECOND)) == 1.0


def test_what_is_unknown_has_no_weight() -> None:
    """A gap counts up to the moment at which it was noticed, and again from the next premium on."""
    average = seen(Average(), 0.001, DAY, DAY)
    for second, value in ((10, None), (20, 0.003), (30, 0.003)):
        average = seen(average, value, DAY + second * SECOND, DAY)
    assert (50.0 + 250.0, (50.0 * 0.001 + 250.0 * 0.003) / 300.0) == (average.weight, average.mean)
    assert pytest.approx(300.0 / 450.0) == average.coverage(DAY + 30 * SECOND)


def test_a_new_interval_starts_from_the_last_premium() -> None:
    """The premium goes on over the boundary, its past weight does not; an unknown one stays unknown."""
    average = seen(seen(Average(), 0.001, DAY, DAY), 0.002, DAY + 10 * SECOND, DAY)
    start, now = DAY + 12 * SECOND, DAY + 14 * SECOND
    after = seen(average, 0.0, now, start)
    assert (2.0, 0.002) == (after.weight, after.mean)
    blind = seen(seen(average, None, DAY + 11 * SECOND, DAY), None, now, start)
    assert (0.0, 0) == (blind.weight, blind.at_ns)


@pytest.mark.parametrize(
    ("side", "dollars", "price"),
    [
        (1, 100, 100),
        (1, 200, 100),
        (1, 290, 290 / 3),
        (1, 380, 95),
        (1, 9_999, 95),
        (-1, 101, 101),
        (-1, 303, 303 / 2.95),
    ],
)
def test_impact_prices_walk_the_book(side: int, dollars: int, price: float) -> None:
    """The notional meets the best level first; a book that holds less gives the price of all it holds."""
    levels = book(((100, 2), (90, 2)), ((101, 1), (104, 2)))
    expected = 303 / (1 + 202 / 104) if dollars == 303 else price
    assert expected * 1_000_000 == pytest.approx(impact(levels, side, dollars * 1_000_000, perp()))


def test_an_empty_side_has_no_impact_price() -> None:
    """0.0 stands for none, and has no say in the premium."""
    levels = book((), ((101, 1),))
    assert 0.0 == impact(levels, 1, 1_000_000, perp())
    assert (-0.01, 0.0) == (premium(0.0, 99.0, 100), premium(0.0, 0.0, 100))


def test_an_inverse_contract_is_worth_its_multiplier() -> None:
    """Two contracts of 100 dollars are 200 dollars, whatever the price."""
    levels = book(((100, 2), (90, 2)), ())
    assert 95_000_000 == impact(levels, 1, 400_000_000, perp(**INVERSE))
    assert 100_000_000 == impact(levels, 1, 200_000_000, perp(**INVERSE))


@pytest.mark.parametrize(
    ("bid", "ask", "expected"), [(101.0, 102.0, 0.01), (98.0, 99.0, -0.01), (99.0, 101.0, 0.0), (102.0, 99.0, 0.01)]
)
def test_the_premium_is_what_leaves_the_index(bid: float, ask: float, expected: float) -> None:
    """A bid above the index or an ask below it; between them there is none; of a crossed book the difference."""
    assert pytest.approx(expected) == premium(bid, ask, 100)


@pytest.mark.parametrize(
    ("mean", "hours", "rate"),
    [
        (0.0, 8, 0.0001),
        (0.001, 8, 0.0005),
        (-0.001, 8, -0.0005),
        (0.01, 8, 0.003),
        (-0.01, 8, -0.003),
        (0.0, 4, 0.00005),
    ],
)
def test_the_rate(mean: float, hours: int, rate: float) -> None:
    """Interest 0.01 %, clamp 0.05 %, cap 0.3 %: pulled towards interest, cut at the cap, shared by the hours."""
    assert pytest.approx(rate) == predicted(mean, 0.0001, 0.0005, 0.003, hours)
    assert pytest.approx(rate * 8 / hours) == usual(rate, hours)
