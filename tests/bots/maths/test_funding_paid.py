"""Funding in whole numbers: boundaries, payments, rounding."""

from decimal import ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.funding_paid import HOUR_NS, SKEW_NS, Terms, accrued, boundary, terms
from tests import world

NOON = 1_767_268_800 * world.SECOND  # 2026-01-01T12:00:00Z


class TestBoundary:
    @pytest.mark.parametrize(("hours", "later"), [(1, 1), (2, 2), (4, 4), (8, 4)])
    def test_a_multiple_of_the_interval_from_midnight_utc(self, hours: int, later: int) -> None:
        """Where the venue says none: at noon the next one of 8 hours is at 16:00."""
        assert boundary(NOON, 0, hours) == NOON + later * HOUR_NS
        assert boundary(NOON - 1, 0, hours) == (NOON if hours < 8 else NOON + 4 * HOUR_NS)

    def test_what_the_venue_says_counts(self) -> None:
        """Off the grid of its own interval too; once it has passed, one interval further."""
        assert boundary(NOON, NOON + 7, 4) == NOON + 7
        assert boundary(NOON, NOON, 4) == NOON + 4 * HOUR_NS
        assert boundary(NOON, NOON - 9 * HOUR_NS, 4) == NOON + 3 * HOUR_NS

    def test_without_an_interval_only_the_venue_knows(self) -> None:
        """And what has passed says nothing of the next one."""
        assert [boundary(NOON, said, 0) for said in (0, NOON, NOON + 1)] == [0, 0, NOON + 1]

    def test_terms_are_the_last_word_of_the_venue(self) -> None:
        """Mark, rate, and the next boundary after now."""
        heard = world.mark(mark_micros=7, funding_rate_ppb=-9, next_funding_ns=NOON)
        assert terms(heard, 4, NOON - 1) == Terms(7, -9, NOON)
        assert terms(heard, 4, NOON) == Terms(7, -9, NOON + 4 * HOUR_NS)


class TestAccrued:
    DUE = Terms(65_000_000_000, 100_000, NOON)

    @pytest.mark.parametrize(("size", "paid"), [(500, -3_250_000), (-500, 3_250_000), (0, 0)])
    def test_longs_pay_shorts_a_positive_rate(self, size: int, paid: int) -> None:
        """Half a coin at 65,000 and one basis point: 3.25."""
        assert accrued(self.DUE, size, 1_000, 8, NOON) == paid

    def test_it_is_rounded_against_us(self) -> None:
        """1.5 millionths paid are two, received one."""
        due = Terms(1_500_000, 1_000, NOON)
        assert (accrued(due, 1_000, 1_000, 8, NOON), accrued(due, -1_000, 1_000, 8, NOON)) == (-2, 1)

    def test_every_boundary_slept_through_is_paid_for_itself(self) -> None:
        """Three of four hours; without an interval one."""
        later = NOON + 9 * HOUR_NS
        assert accrued(self.DUE, 500, 1_000, 4, later) == 3 * -3_250_000
        assert accrued(self.DUE, 500, 1_000, 0, later) == -3_250_000

    def test_nothing_before_the_boundary_or_without_one(self) -> None:
        """A nanosecond is enough."""
        assert accrued(self.DUE, 500, 1_000, 8, NOON - 1) == 0
        assert accrued(Terms(65_000_000_000, 100_000, 0), 500, 1_000, 8, NOON) == 0

    @pytest.mark.parametrize(("early", "paid"), [(SKEW_NS, -3_250_000), (SKEW_NS + 1, 0)])
    def test_a_venue_that_counts_down_to_a_later_one_has_passed_it(self, early: int, paid: int) -> None:
        """Within a minute its clock is ahead of ours; before that it changed its interval, and nothing was due."""
        assert accrued(self.DUE, 500, 1_000, 8, NOON - early, NOON + 8 * HOUR_NS) == paid
        assert accrued(self.DUE, 500, 1_000, 8, NOON - early, NOON) == 0

    @given(st.integers(-(10**9), 10**9), st.integers(1, 10**9), st.integers(1, 10**12), st.integers(-(10**8), 10**8))
    def test_it_is_the_formula_to_the_micro(self, size: int, lot: int, mark: int, rate: int) -> None:
        """Floor of minus notional times rate, in decimals."""
        exact = -Decimal(size) * lot * mark * rate / Decimal(10) ** 15
        assert accrued(Terms(mark, rate, NOON), size, lot, 8, NOON) == int(exact.to_integral_value(ROUND_FLOOR))
