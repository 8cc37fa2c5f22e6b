"""bots.maths.logit: log-odds, their inverse, the clip, the table."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.logit import expit, log_odds, logit, logit_table


@given(st.floats(0.011, 0.989))
def test_expit_undoes_logit(p: float) -> None:
    """Inside the clip the two are inverse to each other."""
    assert abs(expit(logit(p)) - p) < 1e-12


@pytest.mark.parametrize(("p", "at"), [(0.0, 0.01), (0.01, 0.01), (0.5, 0.5), (0.99, 0.99), (1.0, 0.99)])
def test_logit_is_clipped_at_one_percent(p: float, at: float) -> None:
    """Beyond one percent from the ends nothing changes."""
    assert log(at / (1 - at)) == logit(p)


def test_log_odds_reach_a_millionth() -> None:
    """Without the clip a price of .999 keeps its distance from .99; the ends are finite."""
    assert log_odds(0.999) > log_odds(0.99)
    assert abs(log_odds(0.0) + log_odds(1.0)) < 1e-9


@pytest.mark.parametrize(("x", "p"), [(-1e9, 0.0), (0.0, 0.5), (1e9, 1.0)])
def test_expit_saturates(x: float, p: float) -> None:
    """Extreme log-odds are certainty, not an error."""
    assert p == expit(x)


def test_the_table_has_every_tick() -> None:
    """A grid of 100 has 101 entries, antisymmetric around the middle, made once."""
    table = logit_table(100)
    assert 101 == len(table)
    assert logit(0.44) == table[44]
    assert abs(table[30] + table[70]) < 1e-12
    assert table is logit_table(100)
