"""Sizing: the formula, the caps, the minimum that lifts nothing, the risk score and Kelly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.sizing import (
    CapitalRules,
    Funds,
    Price,
    allocate,
    allocation,
    binary_fraction,
    kelly_micros,
    leverage_of,
    perp_fraction,
    risk_score,
)
from contracts.intent import APPROVE, NO_LIMIT, REJECT, RESHAPE
from contracts.reasons import RISK_CAPITAL_GRANTED, RISK_CAPITAL_TRIMMED, RISK_ENTRY_INSUFFICIENT_CAPITAL

USD = 1_000_000
RULES = CapitalRules()
CENT = Price(10_000 * USD)  # a contract at one cent


def money(available=5_000, confidence=800_000, risk=USD, leverage=USD, symbol=1_000, total=5_000, ceilings=(), **lots):
    """Return what an order may draw on, in dollars."""
    caps = (("symbol_room_micros", symbol * USD), ("total_room_micros", total * USD))
    return Funds(available * USD, confidence, risk, leverage, caps, ceilings, **lots)


def granted(funds, price=CENT, size=NO_LIMIT, rules=RULES):
    """Return the lots granted."""
    ruling = allocate(rules, funds, price, size)
    return min(size, ruling.lots_max)


@pytest.mark.parametrize(
    ("confidence", "risk", "dollars"),
    [(800_000, USD, 940), (700_000, USD, 910), (USD, USD, 1_000), (0, USD, 700), (800_000, 500_000, 470)],
)
def test_the_formula(confidence, risk, dollars):
    """Of 5,000 dollars: 0.2 times (0.7 + 0.3 confidence) times the risk score; the formula holds, not its comment."""
    assert dollars * USD == allocation(RULES, 5_000 * USD, confidence, risk)
    assert dollars * 100 == granted(money(confidence=confidence, risk=risk))


def test_the_asked_size_bounds():
    """What fits is granted whole, a lot more is cut."""
    assert (APPROVE, RISK_CAPITAL_GRANTED) == allocate(RULES, money(), CENT, 94_000)[:2]
    assert (RESHAPE, RISK_CAPITAL_TRIMMED, 94_000) == allocate(RULES, money(), CENT, 94_001)[:3]


@pytest.mark.parametrize(
    ("funds", "dollars"),
    [
        (money(symbol=100), 100),
        (money(total=99), 99),
        (money(ceilings=(("slice_room_micros", 50 * USD),)), 50),
        (money(ceilings=(("kelly_micros", 20 * USD),)), 20),
    ],
)
def test_every_room_bounds(funds, dollars):
    """The smallest of all rooms decides."""
    assert dollars * 100 == granted(funds)


@pytest.mark.parametrize(("left", "verdict"), [(10, RESHAPE), (9, REJECT), (0, REJECT), (-5, REJECT)])
def test_the_minimum_never_lifts(left, verdict):
    """Ten dollars may be traded; with less room nothing is, and no order is lifted to the minimum."""
    ruling = allocate(RULES, money(symbol=left), CENT, 5_000)
    assert verdict == ruling.verdict
    assert verdict == RESHAPE or ruling.reason == RISK_ENTRY_INSUFFICIENT_CAPITAL


def test_rounding_to_lots_may_fall_below_the_minimum():
    """Eleven dollars of room buy one lot of six, which is too little to trade."""
    assert REJECT == allocate(RULES, money(symbol=11), Price(6 * USD * USD), 5).verdict
    assert 2 == granted(money(symbol=12), Price(6 * USD * USD))


def test_leverage_multiplies_before_the_caps():
    """Twice the allocation, and not a cent over a cap."""
    assert 94_000 * 2 == granted(money(leverage=2 * USD, symbol=5_000))
    assert 100_000 == granted(money(leverage=2 * USD))


def test_fees_stay_under_the_cap():
    """A contract at a cent with a fee of a tenth of one: price, fee and rounding together fit."""
    lots = granted(money(symbol=100), Price(10_000 * USD, 1_000 * USD, 10_000))
    assert (100 * USD - 10_000) // 11_000 == lots


def test_leverage_is_one_for_binaries_and_has_a_ceiling():
    """A desk's leverage counts for perpetuals alone, up to max_leverage."""
    desk = CapitalRules(leverage=3.0)
    assert (USD, 2 * USD, USD, 1_500_000) == (
        leverage_of(desk, True),
        leverage_of(desk, False),
        leverage_of(RULES, False),
        leverage_of(RULES, False, 1.5),
    )


def test_what_closes_draws_on_nothing():
    """Lots that close pass without money or room; beyond them the allocation pays, or nothing does."""
    broke = money(available=0, symbol=0, free_lots=7, spared_lots=7)
    assert (APPROVE, RISK_CAPITAL_GRANTED) == allocate(RULES, broke, CENT, 7)[:2]
    assert (RESHAPE, RISK_CAPITAL_TRIMMED, 7) == allocate(RULES, broke, CENT, 8)[:3]


@pytest.mark.parametrize(
    ("annual", "score"), [(0.3, USD), (0.6, USD), (1.2, 500_000), (0.0, USD), (-1.0, -1), (float("nan"), -1)]
)
def test_risk_score(annual, score):
    """The target over the volatility, one at most; what is no volatility has no score."""
    found = risk_score(0.6, annual / 31_557_600**0.5)
    assert abs(score - found) <= 1


def test_kelly_of_binaries():
    """Bought at 0.40 with a chance of at least 0.55: a quarter of a quarter; below the price nothing."""
    assert 250_000 == binary_fraction(400_000, 550_000)
    assert 625 * USD == kelly_micros(RULES, 250_000, 10_000 * USD)
    assert (0, 0, 0) == (
        binary_fraction(400_000, 400_000),
        binary_fraction(400_000, 300_000),
        binary_fraction(USD, USD),
    )
    assert 0 == kelly_micros(RULES, 250_000, -5)


def test_kelly_of_perpetuals():
    """One percent expected, one percent of deviation in the time: a hundred times; the other way nothing."""
    assert 100 * USD == pytest.approx(perp_fraction(100 * USD, 101 * USD, 1, 0.001, 100.0))
    assert (0, 0, 0) == (
        perp_fraction(100 * USD, 101 * USD, -1, 0.001, 100.0),
        perp_fraction(100 * USD, 100 * USD, 1, 0.001, 100.0),
        perp_fraction(0, 100 * USD, 1, 0.001, 100.0),
    )
    assert 1_000 * USD == perp_fraction(100 * USD, 101 * USD, 1, 0.0, 100.0)


@given(
    st.integers(-10, 20_000), st.integers(0, 1_000), st.integers(0, USD), st.integers(1, 5_000), st.integers(-5, 2_000),
    st.integers(1, 10**13), st.integers(0, 10**11), st.integers(1, 10**6),
)  # fmt: skip
def test_no_size_passes_a_room(available, milli, risk, leverage, symbol, unit, fee, size):
    """Value and fee of what is granted fit the room; the allocation is that of exact decimals, rounded down."""
    funds = money(available, milli * 1_000, risk, leverage * 1_000, symbol)
    ruling = allocate(RULES, funds, Price(unit, fee, 100), size)
    lots = min(size, ruling.lots_max)
    exact = max(0, available) * Decimal("0.2") * (Decimal("0.7") + Decimal("0.3") * milli / 1_000) * risk
    assert int(exact) == dict(ruling.compared)["allocation_micros"]
    assert lots == 0 or lots * (unit + fee) + 100 * USD <= symbol * USD * USD
    assert lots * unit <= int(exact) * leverage * 1_000
