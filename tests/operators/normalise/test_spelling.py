"""Prices, sizes and times become integers exactly, or are refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.normalise.spelling import (
    SIZE_MAX,
    Sizes,
    ask_claims,
    bid_claims,
    changes,
    epoch_ns,
    iso_ns,
    levels,
    micros_of,
    mirrored,
    scaled,
    sizes,
    tick_refusal,
)

TICKS = (100, 500, 1_000, 10_000, 100_000)
DECIMAL = st.from_regex(r"-?([0-9]{1,9}|[0-9]{0,9}\.[0-9]{1,9})", fullmatch=True)


@pytest.mark.parametrize("tick", TICKS)
def test_every_spelling_of_a_level_is_exact(tick: int) -> None:
    """Each text in the table is the decimal value of its ticks, and no price at or outside 0 and 1 is in it."""
    table = levels(tick)
    assert 1_000_000 // tick - 1 == len(set(table.values()))
    assert [] == [text for text, ticks in table.items() if Decimal(text) * 1_000_000 != ticks * tick]
    assert {"0", "1", "0.0", "1.0", "", "1.0000", ".0"}.isdisjoint(table)


@given(st.sampled_from(TICKS), st.decimals(0, 1, places=7))
def test_a_price_is_read_exactly_or_not_at_all(tick: int, price: Decimal) -> None:
    """A price is in the table if and only if it lies on the grid, strictly inside 0 and 1, in at most six decimals."""
    for text in (f"{price:f}", f"{price.normalize():f}", f"{price:f}".lstrip("0")):
        ticks, rest = divmod(price * 1_000_000, tick)
        legal = rest == 0 and 0 < price < 1 and len(text.partition(".")[2]) <= 6
        assert (int(ticks) if legal else None) == levels(tick).get(text)


@pytest.mark.parametrize(
    "text", ["0,5", "5e-1", "+0.5", " 0.5", "0.5 ", "0.50000000", "00.5", "½", "٠.٥", "nan", "-0.5", "1.5"]
)
def test_other_notations_are_no_prices(text: str) -> None:
    """Commas, exponents, signs, blanks, foreign digits and too many decimals are refused."""
    assert text not in levels(1_000)


def test_a_no_price_is_mirrored() -> None:
    """A NO bid at q stands at 1 - q on the YES scale."""
    assert (994, 6, 500) == (mirrored(1_000)["0.0060"], mirrored(1_000)["0.994"], mirrored(1_000)[".5"])


def test_claims_know_the_empty_side_and_silence() -> None:
    """A bid of 0 and an ask of 1 claim an empty side; an empty text claims nothing."""
    bids, asks = bid_claims(1_000), ask_claims(1_000)
    assert (0, 0, -1, 480) == (bids["0"], bids["0.00"], bids[""], bids["0.48"])
    assert (1_001, 1_001, -1, 480) == (asks["1"], asks["1.000"], asks[""], asks["0.48"])
    assert ("1" in bids, "0" in asks) == (False, False)


@given(DECIMAL)
def test_scaled_agrees_with_decimal(text: str) -> None:
    """A decimal text becomes its exact millionths; one with more than six significant decimals is refused."""
    exact = Decimal(text) * 1_000_000
    assert (int(exact) if exact == exact.to_integral_value() else None) == scaled(text)


@given(DECIMAL, st.sampled_from([1, 10_000, 250_000]))
def test_sizes_are_exact_or_refused(text: str, lot: int) -> None:
    """Lots times their size are the text's value; a remainder, a minus sign or more than the limit is refused."""
    exact = Decimal(text) * 1_000_000 / lot
    legal = exact == exact.to_integral_value() and abs(exact) <= SIZE_MAX
    for table, allowed in ((sizes(lot), legal and not text.startswith("-")), (changes(lot), legal)):
        if allowed or (legal and exact == 0):
            assert int(exact) == table[text]
        else:
            with pytest.raises(ValueError, match=r".*"):
                table[text]


@given(st.text(max_size=12))
def test_no_text_breaks_the_size_table(text: str) -> None:
    """Any text is a size or a ValueError, and what is refused is not remembered."""
    table = Sizes(1, signed=False)
    try:
        assert table[text] >= 0
    except ValueError:
        assert text not in table


def test_the_memory_of_sizes_is_bounded() -> None:
    """However many different sizes come, the table never holds more than 32,768."""
    table, most = Sizes(1, signed=False), 0
    for number in range(70_000):
        table[str(number)]
        most = max(most, len(table))
    assert 32_768 == most


def test_times() -> None:
    """ISO times are read in their zone, UTC without one; numbers are seconds or milliseconds by magnitude."""
    assert 1_778_677_200_000_000_000 == iso_ns("2026-05-13T13:00:00Z")
    assert 1_778_677_200_000_000_000 == iso_ns("2026-05-13 15:00:00+02")
    assert 1_778_677_200_123_456_000 == iso_ns("2026-05-13T13:00:00.123456")
    assert (0, 0, 0) == (iso_ns("soon"), iso_ns(None), iso_ns("9999-12-31T00:00:00Z"))
    assert epoch_ns(1_778_677_200) == epoch_ns(1_778_677_200_000) == 1_778_677_200_000_000_000
    assert (0, 0) == (epoch_ns(-1), epoch_ns(10**19))


def test_numbers_of_metadata() -> None:
    """Numbers and texts become millionths exactly; truth values, infinities and more than six decimals do not."""
    assert [1_000, 70_000, 5_000_000, 10_000] == [micros_of(v) for v in (Decimal("0.001"), "0.07", 5, Decimal("1E-2"))]
    assert [None] * 5 == [micros_of(v) for v in (True, Decimal("inf"), Decimal("1e-9"), "x", Decimal("1e99"))]


def test_only_grids_that_divide_one_are_ticks() -> None:
    """A tick divides 1 and lies between 0.0001 and 0.1."""
    assert ["", ""] == [tick_refusal(tick) for tick in (100, 100_000)]
    assert all(tick_refusal(tick) for tick in (0, 50, 300, 200_000, -1_000))
