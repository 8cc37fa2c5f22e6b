"""Fees: the fact sheets' formulas, each venue's rounding, Kalshi's worked examples and recorded fills."""

import gzip
import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.fees import CENT_MICROS, KNOWN, MILLION, UNKNOWN, charge, rounding_fee, trade_fee
from contracts.market import FeeModel

LOT = 10_000
KALSHI = FeeModel("binary_quadratic", 70_000, 17_500, 100, 100)
RETAIL = FeeModel("binary_quadratic", 70_000, 17_500, 100, 10_000)
POLYMARKET = FeeModel("binary_quadratic", 70_000, 0, round_near_micros=10)
PERP = FeeModel("linear_bps", 600, -100)

TRADE_FEES = [
    ("100 at .50 on Kalshi", KALSHI, False, 500_000, 10_000, 1_750_000),
    ("2 contracts at .44 round up to a hundredth of a cent", KALSHI, False, 440_000, 200, 34_500),
    ("a maker pays a quarter where makers pay", KALSHI, True, 500_000, 10_000, 437_500),
    ("100 shares at .50 on Polymarket", POLYMARKET, False, 500_000, 10_000, 1_750_000),
    ("a Polymarket maker pays nothing", POLYMARKET, True, 500_000, 10_000, 0),
    ("Polymarket rounds 3.65 thousandths of a cent to the nearest", POLYMARKET, False, 1_000, 52, 40),
    ("Polymarket: a fee below one hundred-thousandth is none", POLYMARKET, False, 1_000, 14, 0),
    (
        "Polymarket: exactly one hundred-thousandth is charged",
        FeeModel("linear_bps", 1_000, round_near_micros=10),
        False,
        1_000_000,
        1,
        10,
    ),
    ("a perp pays six basis points", PERP, False, 65_000_000_000, 100, 39_000_000),
    ("a rebate is below zero", PERP, True, 65_000_000_000, 100, -6_500_000),
    ("a free market", FeeModel("none"), False, 500_000, 10_000, 0),
    ("an unknown model charges nothing here, and is not known", FeeModel("unknown", 70_000), False, 500_000, 10_000, 0),
]


@pytest.mark.parametrize(
    ("name", "fee", "maker", "price", "lots", "expected"), TRADE_FEES, ids=[r[0] for r in TRADE_FEES]
)
def test_trade_fee(name: str, fee: FeeModel, maker: bool, price: int, lots: int, expected: int) -> None:
    """The trade fee of one match is the formula with the venue's rounding."""
    assert trade_fee(fee, maker, price, lots, LOT) == expected


def test_only_formulas_that_can_be_computed_are_known() -> None:
    """An unknown model is told apart from a free one."""
    assert {"binary_quadratic", "linear_bps", "none"} == KNOWN
    assert UNKNOWN not in KNOWN


WORKED = [
    ("three single contracts at 0.055", 55_000, 100, 8_500, [15_000, 5_000, 15_000], [6_500, 3_000, 9_500]),
    ("three times 0.30 contracts at 0.50", 500_000, 30, 4_100, [10_000, 0, 10_000], [5_900, 1_800, 7_700]),
]


@pytest.mark.parametrize(("name", "price", "lots", "base", "nets", "carries"), WORKED, ids=[row[0] for row in WORKED])
def test_the_two_worked_examples_of_the_venue(
    name: str, price: int, lots: int, base: int, nets: list[int], carries: list[int]
) -> None:
    """Net fee and carry of each match are those of the venue's own table, given its trade fee."""
    rate = next(
        r
        for r in range(1, 2_000_000)
        if trade_fee(FeeModel("binary_quadratic", r, 0, 100), False, price, lots, LOT) == base
    )
    fee, carry, seen = FeeModel("binary_quadratic", rate, 0, 100, 10_000), 0, []
    for _ in nets:
        net, carry = charge(fee, False, 1, price, lots, LOT, carry)
        seen.append((net, carry))
    assert seen == list(zip(nets, carries, strict=True))


def test_the_carry_must_exceed_a_cent() -> None:
    """At one cent exactly nothing is refunded; one millionth more refunds a cent."""
    extra = rounding_fee(RETAIL, 1, 55_000, 100, LOT, trade_fee(RETAIL, False, 55_000, 100, LOT))
    base = trade_fee(RETAIL, False, 55_000, 100, LOT)
    assert (base, extra) == (3_700, 1_300)
    big = 20_000  # a match whose net fee can bear the refund
    base_big = trade_fee(RETAIL, False, 55_000, big, LOT)
    extra_big = rounding_fee(RETAIL, 1, 55_000, big, LOT, base_big)
    at, above = CENT_MICROS - extra_big, CENT_MICROS - extra_big + 1
    assert charge(RETAIL, False, 1, 55_000, big, LOT, at) == (base_big + extra_big, CENT_MICROS)
    assert charge(RETAIL, False, 1, 55_000, big, LOT, above) == (base_big + extra_big - CENT_MICROS, 1)


def test_a_refund_never_makes_a_fee_negative() -> None:
    """A match whose gross fee is below a cent keeps the carry for a later one."""
    assert charge(RETAIL, False, 1, 55_000, 100, LOT, 15_000) == (5_000, 16_300)


def test_an_exact_balance_has_no_rounding_fee() -> None:
    """Where the balance is kept exactly the net fee is the trade fee."""
    assert charge(PERP, False, 1, 65_000_000_000, 100, LOT, 999) == (39_000_000, 0)
    assert rounding_fee(PERP, 1, 333_333, 1, LOT, 0) == 0


SIZES = st.integers(1, 500_000)
PRICES = st.integers(1, 9_999).map(lambda p: p * 100)


@given(PRICES, SIZES, st.sampled_from([1, -1]), st.booleans())
def test_the_balance_stays_on_its_grid(price: int, lots: int, side: int, maker: bool) -> None:
    """Revenue less the gross fee is a multiple of the balance's precision, and never a whole unit more than due."""
    base = trade_fee(RETAIL, maker, price, lots, LOT)
    extra = rounding_fee(RETAIL, side, price, lots, LOT, base)
    change = -side * price * lots * LOT - (base + extra) * MILLION
    assert change % (RETAIL.balance_micros * MILLION) == 0
    assert 0 <= extra < RETAIL.balance_micros


@given(PRICES, SIZES, st.booleans())
def test_the_fee_is_the_formula_rounded_up(price: int, lots: int, maker: bool) -> None:
    """Against exact fractions: at least the formula, by less than one step."""
    rate = Fraction(KALSHI.maker_rate_micros if maker else KALSHI.taker_rate_micros, MILLION)
    p = Fraction(price, MILLION)
    exact = rate * Fraction(lots * LOT, MILLION) * p * (1 - p) * MILLION
    fee = trade_fee(KALSHI, maker, price, lots, LOT)
    assert 0 <= fee - exact < KALSHI.round_up_micros
    assert fee % KALSHI.round_up_micros == 0


@given(PRICES, st.lists(SIZES, min_size=1, max_size=30), st.sampled_from([1, -1]))
def test_refunds_and_carry_account_for_every_rounding_fee(price: int, matches: list[int], side: int) -> None:
    """Over an order's life: net fees are trade fees plus the carry still held; no net fee is below zero."""
    carry, net, base = 0, 0, 0
    for lots in matches:
        fee, carry = charge(RETAIL, False, side, price, lots, LOT, carry)
        assert fee >= 0
        net += fee
        base += trade_fee(RETAIL, False, price, lots, LOT)
    refunded = sum(rounding_fee(RETAIL, side, price, n, LOT, trade_fee(RETAIL, False, price, n, LOT)) for n in matches)
    refunded -= carry
    assert refunded % CENT_MICROS == 0
    assert net == base + carry


@pytest.mark.recorded
def test_the_formula_gives_every_recorded_fee_cost(recorded: Path) -> None:
    """33 own fills of August 2026, a direct member's: every fee_cost to the last of its six decimals.

    The series' multiplier is not in the file: one of the published ones (1 or 0.5, the same for all fills of a series).
    """
    file = recorded / "kalshi" / "sports_portfolio_fills_redacted.json.gz"
    if not file.is_file():
        pytest.skip(f"no {file.name} among the recorded data")
    fills = json.loads(gzip.decompress(file.read_bytes()))["payload"]["fills"]
    fitting: dict[str, set[int]] = {}
    for fill in fills:
        price, lots = _micros(fill["yes_price_dollars"]), _micros(fill["count_fp"]) // LOT
        side, maker = 1 if fill["book_side"] == "bid" else -1, not fill["is_taker"]
        fits = {
            multiplier
            for multiplier in (1, 2)
            if charge(FeeModel("binary_quadratic", 70_000 // multiplier, 0, 100, 100), maker, side, price, lots, LOT)[0]
            == _micros(fill["fee_cost"])
        }
        series = fill["market_ticker"].partition("-")[0]
        fitting[series] = fitting.get(series, {1, 2}) & fits
    assert len(fills) == 33
    assert [series for series, fits in fitting.items() if not fits] == []


def _micros(text: str) -> int:
    whole, _, decimals = text.partition(".")
    return int(whole) * MILLION + int((decimals + "000000")[:6])
