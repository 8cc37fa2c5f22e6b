"""bots.maths.calibration and bots.maths.forecasts: scores, maps, slopes, and what is held until a market ends."""

from itertools import pairwise
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths import forecasts
from bots.maths.calibration import (
    IDENTITY,
    Logistic,
    Score,
    calibration_map,
    isotonic,
    learnt,
    murphy,
    scored,
    skill,
)
from bots.maths.forecasts import Files, Forecasts, Held, filed, horizons, passing, score_of, sloped, taken

HOUR = 3_600_000_000_000
PAIRS = st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.sampled_from([0.0, 1.0]))


def of(*markets):
    """Return the score of markets (model, market, outcome)."""
    score = Score()
    for p, q, y in markets:
        score = scored(score, ((p, q),), y)
    return score


def test_skill_by_hand():
    """Two markets: Brier .01 and .04 against .09 and .16, so a skill of .8 with the error of the paired differences."""
    value, error = skill(of((0.9, 0.7, 1.0), (0.2, 0.4, 0.0)))
    assert 0.8 == pytest.approx(value)
    # differences -.08 and -.12: sd .02 over the root of 2, over a mean of .125
    assert 0.02 / 2**0.5 / 0.125 == pytest.approx(error)


def test_skill_at_the_ends():
    """Nothing resolved and nothing lost are no skill; losing against a market that never errs is the worst there is."""
    assert [(0.0, 0.0), (0.0, 0.0), (-1.0, 0.0)] == [
        skill(Score()),
        skill(of((1.0, 1.0, 1.0))),
        skill(of((0.5, 1.0, 1.0))),
    ]


def test_forecasts_of_one_market_weigh_as_one():
    """Three horizons of one market count once, at their mean."""
    score = scored(Score(), ((0.9, 0.8), (0.7, 0.8), (0.5, 0.8)), 1.0)
    assert 1 == score.count
    assert (0.01 + 0.09 + 0.25) / 3 == pytest.approx(score.brier)
    assert -(log(0.9) + log(0.7) + log(0.5)) / 3 == pytest.approx(score.log_loss)
    assert 1.0 == pytest.approx(sum(score.weights))


def test_log_loss_is_clipped():
    """A sure forecast that was wrong costs the logarithm of a ten-thousandth, and no more."""
    assert -log(1e-4) == pytest.approx(of((0.0, 0.5, 1.0)).log_loss)
    assert -log(1e-4) == pytest.approx(of((1.0, 0.5, 0.0)).log_loss)


@given(st.lists(st.tuples(st.integers(0, 19), st.sampled_from([0.0, 1.0])), min_size=1, max_size=60))
def test_the_parts_add_up_where_a_bin_holds_one_forecast(drawn):
    """Reliability less resolution plus uncertainty is the Brier score when each bin's forecasts are equal."""
    score = of(*[(place / 20 + 0.025, 0.5, y) for place, y in drawn])
    reliability, resolution, uncertainty = murphy(score)
    assert score.brier / score.count == pytest.approx(reliability - resolution + uncertainty)
    assert min(reliability, resolution, uncertainty) >= 0.0
    assert (0.0, 0.0, 0.0) == murphy(Score())


@given(st.lists(st.tuples(st.floats(0.1, 5.0), st.floats(-1.0, 1.0)), min_size=1, max_size=20))
def test_isotonic_regression(drawn):
    """It never falls, keeps the weighted mean, and leaves what never falls as it is."""
    weights, values = [w for w, _ in drawn], [v for _, v in drawn]
    fitted = isotonic(weights, values)
    assert len(values) == len(fitted)
    assert all(left <= right + 1e-12 for left, right in pairwise(fitted))
    mean = sum(w * v for w, v in drawn)
    assert mean == pytest.approx(sum(w * v for w, v in zip(weights, fitted, strict=True)))
    rising = sorted(values)
    assert rising == pytest.approx(isotonic(weights, rising))


def test_violators_are_pooled_by_hand():
    """1, 3, 2, 4 with weights 1, 1, 3, 1: the middle two become 2.25."""
    assert [1.0, 2.25, 2.25, 4.0] == isotonic([1.0, 1.0, 3.0, 1.0], [1.0, 3.0, 2.0, 4.0])


@given(st.lists(PAIRS, max_size=80), st.integers(1, 500))
def test_a_map_never_falls(markets, n0):
    """Whatever resolved, the map rises with the forecast and stays a probability."""
    values = calibration_map(of(*markets), n0)
    assert 21 == len(values)
    assert all(left <= right + 1e-9 for left, right in pairwise(values))
    assert -1e-9 <= values[0] <= values[-1] <= 1.0 + 1e-9


def test_a_map_by_hand():
    """Two hundred forecasts of .7 of which half came true: half the way from .7 to .5, and the identity without any."""
    values = calibration_map(of(*[(0.7, 0.5, float(number % 2)) for number in range(200)]), 200)
    assert 0.6 == pytest.approx(values[14])
    assert IDENTITY == calibration_map(Score(), 200)


def test_the_slope_finds_the_favourites():
    """Outcomes drawn with a slope of 1.5 teach a slope near 1.5; with a slope of 1, one near 1."""
    for true in (1.0, 1.5):
        fit = Logistic()
        for number in range(4_000):
            q = 0.05 + 0.9 * (number * 7_919 % 1_000) / 1_000
            chance = 1.0 / (1.0 + exp(-true * log(q / (1.0 - q))))
            fit = learnt(fit, q, float((number * 104_729 % 10_007) / 10_007 < chance))
        assert true == pytest.approx(fit.b, abs=0.15)
        assert abs(fit.a) < 0.15
        assert 4_000 == fit.count
        assert 0.0 < fit.p_bb < 0.01


# ---- what is held --------------------------------------------------------------------------------------------------

HOURS = horizons("24,1,24,168")


def lived(*hours_left, expiry=1_000 * HOUR, start=None, known=(0.6, 0.5, "m")):
    """Return the forecasts after these hours left, known the same each time."""
    held = start or Forecasts()
    for left in hours_left:
        held = passing(held, "M", HOURS, expiry, expiry - int(left * HOUR), known)
    return held


def test_horizons():
    """A list of hours is read longest first, each once."""
    assert (168, 24, 1) == HOURS


@pytest.mark.parametrize(
    ("left", "held"),
    [
        ((200, 168), (168,)),
        ((200, 168.001), ()),
        ((200, 159.6), (168,)),
        ((200, 159.5), ()),
        ((200, 160, 24, 0.99), (168, 24, 1)),
        ((100, 24, 23), (24,)),
        ((24, 1), (1,)),
        ((0.5,), ()),
    ],
)
def test_what_is_held_when(left, held):
    """A forecast is held when a horizon passes, a twentieth of it late at most, and none of what passed unseen."""
    forecasts_, then = taken(lived(*left), "M")
    assert held == tuple(forecast.hours for forecast in then)
    assert Forecasts() == forecasts_


def test_time_between_horizons_changes_nothing():
    """The same object comes back, so a second costs a look-up."""
    held = lived(200, 168)
    assert lived(167, 30, start=held) is held
    assert lived(0.5) == Forecasts()


def test_nothing_known_is_not_held_and_not_made_up_later():
    """Without a fair value at the horizon there is no forecast of it."""
    held = lived(200)
    held = lived(167, start=held, known=None)
    assert ((), 1) == (held.pending[0].held, held.pending[0].passed)
    assert () == lived(166, start=held).pending[0].held


def test_an_end_put_off_gives_up_what_was_held():
    """Horizons that have not passed any more are held anew."""
    held = lived(200, 168, 24)
    moved = lived(100, start=held)
    assert (Held(168, 0.6, 0.5, "m"),) == moved.pending[0].held
    assert (168, 24) == tuple(f.hours for f in lived(24, start=moved).pending[0].held)


def test_the_table_is_bounded(monkeypatch):
    """When it is full, the market whose end was due first is forgotten."""
    monkeypatch.setattr(forecasts, "PENDING_MAX", 2)
    held = Forecasts()
    for name, due in (("B", 500), ("A", 400), ("C", 600)):
        held = passing(held, name, HOURS, due * HOUR, 0, None)
    assert ("B", "C") == held.ids
    assert (held, ()) == taken(held, "A")


def test_files_share_a_key_when_full(monkeypatch):
    """Beyond the bound, new categories share the empty one."""
    monkeypatch.setattr(forecasts, "KEYS_MAX", 1)
    files, _ = filed(Files(), "a", ((0.5, 0.5),), 1.0)
    files, _ = filed(files, "b", ((0.5, 0.5),), 1.0)
    files, score = filed(files, "c", ((0.5, 0.5),), 1.0)
    assert (("", "a"), 2, 1, 0) == (files.keys, score.count, score_of(files, "a").count, score_of(files, "z").count)
    for category in ("x", "y", "z"):
        files, fit = sloped(files, category, 0.5, 1.0)
    assert (("", "x"), 2) == (files.categories, fit.count)
