"""bots.maths.health: scores, memories and levels of surfaces."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.health import DEGRADED, DOWN, OK, Counts, Heard, Surface, judged, level_of, sampled, score, told
from tests.world import NOW, SECOND

LIMITS = (600, 900)
MINUTE = 60 * SECOND
NEW = Surface("kalshi", "rest_trade")


def sample(surface, seconds=0, latency_ms=100, **counts):
    """Return the surface after a sample of a hundred requests, so many seconds after the world's now."""
    counted = Counts(**({"requests": 100, "errors": 0} | counts))
    return sampled(surface, counted, latency_ms, False, NOW + seconds * SECOND, 60.0)


@pytest.mark.parametrize(
    ("penalties", "milli"),
    [
        ((), 1_000),
        (((0.4, 0.06, 0.2),), 880),
        (((0.4, 0.2, 0.2), (0.2, 0.05, 0.1)), 500),
        (((0.3, -5.0, 4.0),), 1_000),
        (((0.3, 4.0, 4.0), (0.4, 0.2, 0.2), (0.2, 0.1, 0.1), (0.3, 0.2, 0.2)), 0),
    ],
)
def test_score(penalties, milli):
    """Each trouble takes its weight at its limit and its share before; what is better than expected earns nothing."""
    assert milli == score(penalties)


shares = st.floats(0.0, 1.0)


@given(st.lists(st.tuples(shares, st.floats(0.0, 10.0), st.floats(0.01, 5.0)), max_size=4), st.floats(0.0, 3.0))
def test_more_trouble_never_scores_higher(penalties, more):
    """A score lies between 0 and 1000 and falls, or stays, when any trouble grows."""
    milli = score(penalties)
    assert 0 <= milli <= 1_000
    for place, (weight, amount, limit) in enumerate(penalties):
        worse = [*penalties[:place], (weight, amount + more, limit), *penalties[place + 1 :]]
        assert score(worse) <= milli


def test_shares_weigh_by_requests_and_fade():
    """A sample counts as much as its requests, and e times less after a window."""
    busy = sample(sample(NEW, errors=0, requests=900), requests=100, errors=100)
    assert abs(busy.shares[0] - 0.1) < 1e-12
    later = sample(sample(NEW, errors=100), 60)
    assert abs(later.shares[0] - exp(-1) / (1 + exp(-1))) < 1e-12
    assert (0.0, 0.0, 0.0) == NEW.shares
    assert (0.0, 0.0, 0.0) == sample(sample(NEW, errors=100), 3_600, requests=0).shares


def test_failures_beyond_the_requests_count_as_requests():
    """A break of a sequence without a single message is a whole failure, not a division by nothing."""
    assert (0.0, 1.0, 0.5) == sample(NEW, requests=0, gaps=2, rejects=1).shares


def test_latency_is_compared_with_an_hour_of_calm():
    """After ten calm minutes a tenfold latency shows as six to seven times in a minute, and the base stays."""
    surface = NEW
    for second in range(0, 600, 5):
        surface = judged(sample(surface, second), 1_000, False, NOW, LIMITS, MINUTE)
    assert abs(surface.slowness - 1.0) < 1e-9
    slow = surface
    for second in range(600, 665, 5):
        slow = judged(sample(slow, second, 1_000), 700, False, NOW, LIMITS, MINUTE)
    assert 6.0 < slow.slowness < 7.0
    assert 100 < slow.baseline_ms < 110
    unknown = sample(surface, 600, latency_ms=-1)
    assert surface.slowness == unknown.slowness
    assert 1.0 == NEW.slowness
    assert 1.0 == sample(NEW, latency_ms=0).slowness


@pytest.mark.parametrize(("milli", "level"), [(0, DOWN), (599, DOWN), (600, DEGRADED), (899, DEGRADED), (900, OK)])
def test_level(milli, level):
    """At a limit a level is reached."""
    assert level == level_of(milli, *LIMITS)


def labels(*scores, start=""):
    """Return the labels after (second, score) pairs; a score of None is silence."""
    surface, said = Surface("kalshi", "chain", label=start), []
    for second, milli in scores:
        at = NOW + second * SECOND
        surface = judged(surface, milli or 0, milli is None, at, LIMITS, MINUTE)
        said.append(surface.label)
    return said


def test_a_level_falls_at_once_and_rises_in_time():
    """Sixty seconds of calm raise it, one short; a break begins them anew; each level has its own calm."""
    assert ["DOWN"] == labels((0, 599))
    assert ["OK", "DEGRADED", "DEGRADED", "OK"] == labels((0, 900), (1, 899), (61, 900), (121, 900))
    assert ["DEGRADED", "DEGRADED", "DEGRADED"] == labels((0, 700), (1, 950), (60, 950), start="OK")
    assert ["DOWN", "DOWN", "DEGRADED", "OK"] == labels((0, 700), (30, 950), (60, 950), (90, 950), start="DOWN")
    assert ["DOWN", "DOWN", "DOWN"] == labels((0, 950), (59, 500), (61, 950), start="DOWN")


def test_silence_is_lost_and_returns_as_down():
    """Silence is a label of its own, and its end is not yet health."""
    assert ["OK", "LOST", "DOWN", "DOWN", "OK"] == labels((0, 950), (20, None), (30, 950), (89, 950), (90, 950))


@given(st.lists(st.tuples(st.integers(1, 90), st.integers(0, 1_000)), min_size=2, max_size=30))
def test_no_level_rises_without_its_calm(steps):
    """However scores move, a level is higher than before only after a minute at or above its limit."""
    at, surface, low_ns = NOW, Surface("kalshi", "chain", label="DOWN"), {"OK": NOW, "DEGRADED": NOW}
    order = ("DOWN", "DEGRADED", "OK")
    for seconds, milli in steps:
        at += seconds * SECOND
        for name, limit in (("DEGRADED", 600), ("OK", 900)):
            low_ns[name] = at if milli < limit else low_ns[name]
        before, surface = surface.label, judged(surface, milli, False, at, LIMITS, MINUTE)
        if order.index(surface.label) > order.index(before):
            assert at - low_ns[surface.label] >= MINUTE


def heard(*scores, budget=15):
    """Return what a reader knows after (second, score) pairs."""
    known = None
    for second, milli in scores:
        now_told = Heard("kalshi", "chain", milli, NOW + second * SECOND)
        known = told(known, now_told, LIMITS, budget * SECOND, MINUTE)
    return known


def test_a_reader_waits_for_recovery():
    """The worst level counts until a minute of unbroken good reports, which a break between two of them restarts."""
    good = [(second, 950) for second in range(10, 70, 5)]
    assert OK == heard((0, 950)).level(NOW, MINUTE)
    assert DEGRADED == heard((0, 700), (5, 950)).level(NOW + 5 * SECOND, MINUTE)
    down = heard((0, 100), (5, 700), *good)
    at = NOW + 70 * SECOND
    assert (DOWN, DOWN, OK) == (down.worst, down.level(at - 1, MINUTE), down.level(at, MINUTE))
    assert OK == heard((0, 100), (5, 700), *good, (70, 950)).worst
    broken = heard((0, 100), *good, (81, 950), (96, 950))
    assert (DOWN, NOW + 81 * SECOND) == (broken.worst, broken.calm_ns)
    assert NOW + 10 * SECOND == heard((0, 100), *good, (80, 950)).calm_ns
    assert 0 == heard((0, 950), (5, 899)).calm_ns
