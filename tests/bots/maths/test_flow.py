"""bots.maths.flow, microprice, rls and trade_sign: the arithmetic of the touch and the tape."""

from typing import Any

import pytest

from bots.maths.flow import PARTS, Window, event, roll, run_of
from bots.maths.microprice import microprice, weighted_mid
from bots.maths.rls import P_CEILING, Slope, observe
from bots.maths.trade_sign import trade_sign
from tests.world import touch


@pytest.mark.parametrize(
    ("new", "lots"),
    [
        ({}, 0),
        ({"bid_lots": 5_500}, 500),
        ({"bid_lots": 4_500}, -500),
        ({"ask_lots": 4_500}, -500),
        ({"bid_ticks": 45, "bid_lots": 100}, 100),
        ({"bid_ticks": 43, "bid_lots": 100}, -5_000),
        ({"ask_ticks": 45, "ask_lots": 100}, -100),
        ({"ask_ticks": 47, "ask_lots": 100}, 4_000),
    ],
)
def test_the_event_of_a_touch(new: dict[str, Any], lots: int) -> None:
    """More bid is pressure up, more ask is pressure down, and a level that goes takes its queue along."""
    assert lots == event(touch(), touch(**new))


def test_the_window_holds_ten_tenths() -> None:
    """Nine closed tenths and the open one; an old event leaves after the tenth."""
    window = roll(Window(), 0, 0, 10)
    assert 10 == window.ends_ns
    for part in range(1, 30):
        window = roll(window, 7, 10 * part, 10)
        assert 10 * part + 10 == window.ends_ns
    assert (PARTS - 1, 63, 49.0) == (len(window.tenths), window.total, round(window.mean_square, 9))


def test_empty_tenths_count() -> None:
    """Five quiet tenths are five zeros; before a full window there is no usual size."""
    window = roll(Window(), 0, 0, 10)
    window = roll(window, 8, 55, 10)
    assert ((8, 0, 0, 0, 0), 60, 5, 0.0) == (window.tenths, window.ends_ns, window.seen, window.inverse)
    window = roll(window, 8, 105, 10)
    assert (10, 1 / (10 * 128 / 10) ** 0.5) == (window.seen, window.inverse)


def test_a_long_silence_is_bounded() -> None:
    """A day of silence costs at most 300 tenths and forgets everything."""
    window = roll(roll(Window(), 0, 0, 10), 8, 86_400_000, 10)
    assert (301, 0) == (window.seen, window.total)
    assert window.ends_ns > 86_400_000


def test_a_run_has_one_hit_per_price_inside_its_window() -> None:
    """Hits of another side begin anew; old ones and equal prices fall out."""
    run = run_of((), 0, 1, 46, 0, 100)
    run = run_of(run, 1, 1, 47, 60, 100)
    assert ((0, 46), (60, 47)) == run
    assert ((60, 47), (101, 48)) == run_of(run, 1, 1, 48, 101, 100)
    assert ((0, 46), (70, 47)) == run_of(run, 1, 1, 47, 70, 100)
    assert ((70, 45),) == run_of(run, 1, -1, 45, 70, 100)
    assert ((70, 45),) == run_of(run, 0, 0, 45, 70, 100)


def test_the_weighted_mid_leans_to_the_thin_side() -> None:
    """Three times as much bid puts the price a quarter below the ask."""
    assert 45.5 == weighted_mid(44, 300, 46, 100)
    assert (45.0, 45.0) == (weighted_mid(44, 5, 46, 5), weighted_mid(44, 0, 46, 0))


@pytest.mark.parametrize(("samples", "price"), [(199, 45.5), (200, 45.25)])
def test_a_cell_speaks_with_enough_samples(samples: int, price: float) -> None:
    """A calibrated cell needs min_cell_n samples; otherwise the weighted mid stands."""
    table = ((7, 2, 0.25, samples), (0, 2, -0.25, 900))
    assert price == microprice(44, 300, 46, 100, 200, table)
    assert 44.75 == microprice(44, 0, 46, 100, 200, table)
    assert 45.0 == microprice(44, 0, 46, 0, 200, table)


def test_recursive_least_squares_finds_a_slope() -> None:
    """Exact data give the slope; no regressor teaches nothing; information does not wind up."""
    slope = Slope()
    for number in range(1, 200):
        slope = observe(slope, number % 5 - 2.0, 0.3 * (number % 5 - 2.0), 0.995)
    assert abs(slope.b - 0.3) < 1e-6
    assert slope is observe(slope, 0.0, 9.0, 0.995)
    tiny = Slope()
    for _ in range(9_999):
        tiny = observe(tiny, 1e-9, 0.0, 0.9)
    assert P_CEILING == tiny.p


def test_a_slope_forgets() -> None:
    """After a change of regime the new slope wins the sooner the smaller phi is."""
    slow = fast = Slope()
    for number in range(400):
        y = 1.0 if number < 300 else 2.0
        slow, fast = observe(slow, 1.0, y, 0.995), observe(fast, 1.0, y, 0.9)
    assert slow.b < fast.b < 2.0001


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((46, -1, 44, 46, 0, 0), (-1, "venue")),
        ((46, 0, 44, 46, 0, 0), (1, "quote")),
        ((44, 0, 44, 46, 0, 0), (-1, "quote")),
        ((45, 0, 44, 46, 44, 0), (1, "tick")),
        ((45, 0, 44, 46, 46, 0), (-1, "tick")),
        ((45, 0, 44, 46, 45, -1), (-1, "tick")),
        ((45, 0, -1, 46, 0, 0), (0, "tick")),
        ((45, 0, 44, -1, 44, 0), (1, "tick")),
    ],
)
def test_the_sign_of_a_trade(given: tuple[int, ...], expected: tuple[int, str]) -> None:
    """Venue flag, quote rule, tick rule, last sign: in this order."""
    assert expected == trade_sign(*given)
