"""bots.maths.sharpe: Sharpe ratios and how much of them may be luck, against numbers from the papers and by hand."""

from math import sqrt

import pytest

from bots.maths.sharpe import Moments, deflated, expected_best, moments, probabilistic, spread_of

DAYS, YEARS = 250, 5
ANNUAL = Moments(2.5 / sqrt(DAYS), -3.0, 10.0, DAYS * YEARS)
TRIALS, VARIANCE = 100, 0.5 / DAYS


def test_the_moments_of_a_sample_worked_out_by_hand() -> None:
    """Of 1, 2, 3, 4, 10: mean 4, squares 9 4 1 0 36, cubes -27 -8 -1 0 216, fourths 81 16 1 0 1296."""
    found = moments([1.0, 2.0, 3.0, 4.0, 10.0])
    assert found is not None
    assert found.sharpe == pytest.approx(4 / sqrt(50 / 4), abs=1e-12)
    assert found.skewness == pytest.approx(36 / 10**1.5, abs=1e-12)
    assert found.kurtosis == pytest.approx((1_394 / 5) / 100, abs=1e-12)
    assert 5 == found.observations


@pytest.mark.parametrize("earned", [[], [1.0], [2.0, 2.0, 2.0], [0.1] * 7])
def test_where_nothing_varies_there_is_no_ratio(earned: list[float]) -> None:
    """No interval, one interval, or intervals that are all equal have no spread to divide by."""
    assert moments(earned) is None


def test_the_unit_of_money_does_not_matter() -> None:
    """Earned in cents or in dollars, the ratio and its shape are the same."""
    dollars = [0.5, -0.25, 1.0, 0.0, -0.75]
    cents = moments([100 * value for value in dollars])
    assert cents is not None
    assert cents == pytest.approx(moments(dollars))


def test_the_best_of_a_hundred_worthless_trials_looks_good() -> None:
    """The paper's example: the best of 100 with an annual variance of 1/2 is expected at 0.1132 a day."""
    assert expected_best(TRIALS, VARIANCE) == pytest.approx(0.1132, abs=5e-5)


def test_the_deflated_ratio_of_the_paper() -> None:
    """An annual 2.5 over five years of days, skewness -3, kurtosis 10, chosen out of 100: 0.9004, so not at 95 %."""
    assert deflated(ANNUAL, TRIALS, VARIANCE) == pytest.approx(0.9004, abs=5e-5)


def test_fewer_trials_deflate_less() -> None:
    """With 46 trials instead of 100 the same ratio would just pass at 95 %, as the paper says: 0.9505."""
    assert deflated(ANNUAL, 46, VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_a_single_trial_is_not_deflated() -> None:
    """Nothing was chosen: the deflated ratio is the probabilistic one against zero."""
    assert expected_best(1, VARIANCE) == 0.0
    assert deflated(ANNUAL, 1, VARIANCE) == probabilistic(ANNUAL)


def test_the_probabilistic_ratio_by_hand() -> None:
    """Normal x, 24 months, ratio 0.2 a month: 0.2 sqrt(23) / sqrt(1.02) is 0.94971 deviations, so 0.82887."""
    assert probabilistic(Moments(0.2, 0.0, 3.0, 24)) == pytest.approx(0.82887, abs=1e-4)


def test_bad_tails_lower_the_probability() -> None:
    """At the same ratio a negative skew and fat tails leave less to believe."""
    plain, skewed = Moments(0.2, 0.0, 3.0, 60), Moments(0.2, -2.0, 10.0, 60)
    assert (probabilistic(skewed) or 1.0) < (probabilistic(plain) or 0.0)


def test_a_degenerate_spread_has_no_probability() -> None:
    """Where the estimate's own spread is not above zero nothing can be said."""
    assert probabilistic(Moments(1.0, 2.0, 5.0, 10)) is None


def test_the_variance_of_trials_by_hand() -> None:
    """Of 0, 0.1, 0.2 it is 0.01; of one trial it is zero."""
    assert spread_of([0.0, 0.1, 0.2]) == pytest.approx(0.01, abs=1e-15)
    assert spread_of([0.3]) == 0.0
