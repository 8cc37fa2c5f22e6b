"""bots.maths.drawdowns: exact limits and shares."""

import pytest

from bots.maths.drawdowns import Shares, breached, cut, drawdown, moved, owned, reaches, scaled


@pytest.mark.parametrize(("lost", "size"), [(-5, 1_000), (8, 1_000), (14, 500), (19, 83), (20, 0), (90, 0)])
def test_scaled(lost, size):
    """All up to the warning, nothing from the hard limit on, the share of the distance in between, rounded down."""
    assert scaled(1_000, lost, 100, 80_000, 200_000) == size


def test_limits_are_exact():
    """A limit is met at the micro, and a base that is not above zero has no drawdown."""
    assert reaches(100, 1_000, 100_000)
    assert not reaches(99, 1_000, 100_000)
    assert [drawdown(5, 100), drawdown(-5, 100), drawdown(5, 0)] == [50_000, 0, 0]


def test_tracks():
    """A strategy's fall counts from its own peak, on the desk's starting capital."""
    shares = moved(owned(Shares(), "M", "s"), "M", 100)
    assert cut(shares, "s", 10, 1_000, 250_000) == (10, 0)
    shares = moved(shares, "M", -175)
    assert cut(shares, "s", 10, 1_000, 250_000) == (0, 250_000)
    assert cut(shares, "other", 10, 1_000, 250_000) == (10, 0)
    assert breached(shares, 1_000, 250_000, ()) == "s"
    assert breached(shares, 1_000, 250_000, ("s",)) == ""
    assert breached(shares, 1_000, 250_001, ()) == ""
