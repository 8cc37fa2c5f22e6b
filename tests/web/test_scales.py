"""Numbers are written exactly and ticks are round."""

import pytest

from web.scales import SECOND, clock, decimal, dollars, moment, places_for, time_ticks, value_ticks

START = 1_795_194_000 * SECOND


@pytest.mark.parametrize(
    ("micros", "places", "expected"),
    [
        (0, 2, "0.00"),
        (1_234_567_890, 2, "1,234.57"),
        (-1_234_567, 2, "\u22121.23"),
        (-4_999, 2, "0.00"),
        (-5_000, 2, "\u22120.01"),
        (999_999_500_000, 0, "1,000,000"),
        (485_000, 3, "0.485"),
        (100, 4, "0.0001"),
        (1, 6, "0.000001"),
    ],
)
def test_decimals_round_half_away_from_zero(micros: int, places: int, expected: str) -> None:
    """Millionths become decimals without floats; a zero has no sign."""
    assert decimal(micros, places) == expected


@pytest.mark.parametrize(("micros", "expected"), [(1_200_000, "$1.20"), (-250_000, "\u2212$0.25"), (-4_999, "$0.00")])
def test_money_has_its_sign_before_the_currency(micros: int, expected: str) -> None:
    """A loss is written with a true minus sign."""
    assert dollars(micros) == expected


def test_times_are_utc() -> None:
    """Times are written as UTC, whatever the machine's zone."""
    assert (clock(START), clock(START, False)) == ("17:00:00", "17:00")
    assert moment(START) == "2026-11-20 17:00:00 UTC"


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 100, 6, [0, 20, 40, 60, 80, 100]),
        (483_000, 557_000, 8, [490_000, 500_000, 510_000, 520_000, 530_000, 540_000, 550_000]),
        (-13_000_000, 13_000_000, 3, [-10_000_000, 0, 10_000_000]),
        (17, 18, 3, [17, 18]),
        (5, 5, 3, [5]),
    ],
)
def test_value_ticks_are_round_and_few(low: int, high: int, most: int, expected: list[int]) -> None:
    """Steps are 1, 2 or 5 times a power of ten; there are at least two ticks where the range holds two."""
    assert value_ticks(low, high, most) == expected


def test_time_ticks_are_round() -> None:
    """25 minutes get a tick every 5 minutes; 40 seconds need seconds; ten days are counted in days."""
    ticks, seconds = time_ticks(START, START + 1_500 * SECOND, 9)
    assert [clock(tick, seconds) for tick in ticks] == ["17:00", "17:05", "17:10", "17:15", "17:20", "17:25"]
    assert not seconds
    ticks, seconds = time_ticks(START, START + 40 * SECOND, 9)
    assert (len(ticks), seconds) == (9, True)
    ticks, _ = time_ticks(START, START + 10 * 86_400 * SECOND, 9)
    assert len(ticks) <= 9


@pytest.mark.parametrize(("step", "expected"), [(1_000_000, 0), (500_000, 1), (20_000, 2), (5_000, 3), (1, 6)])
def test_decimals_tell_ticks_apart(step: int, expected: int) -> None:
    """As many decimals as the step needs, no more."""
    assert places_for(step) == expected
