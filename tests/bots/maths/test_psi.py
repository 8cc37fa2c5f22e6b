"""bots.maths.psi: bins, windows and the index."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.psi import BINS, Window, bin_of, counted, psi_micros, shares

COUNTS = st.tuples(*[st.integers(0, 500)] * BINS)


@pytest.mark.parametrize(
    ("difference", "place"),
    [(-500_000, 0), (-100_001, 0), (-100_000, 1), (-1, 4), (0, 5), (9_999, 5), (10_000, 6), (99_999, 8), (100_000, 9)],
)
def test_an_edge_belongs_to_the_bin_above(difference, place):
    """Ten bins between nine edges, each edge the first of its bin."""
    assert place == bin_of(difference)


def test_the_index_by_hand():
    """Two bins moved: the terms of the formula, with half an intent added to each bin."""
    approved, live = (100, 100) + (0,) * 8, (50, 150) + (0,) * 8
    terms = [((50.5 - 100.5) / 205) * log(50.5 / 100.5), ((150.5 - 100.5) / 205) * log(150.5 / 100.5)]
    assert int(sum(terms) * 1_000_000) == psi_micros(live, approved)


@given(COUNTS, COUNTS)
def test_the_index_is_a_distance(live, approved):
    """It is never below 0, 0 for equal shares, and the same both ways; shares add up to 1."""
    assert 0 <= psi_micros(live, approved)
    assert 0 == psi_micros(live, live)
    assert abs(psi_micros(live, approved) - psi_micros(approved, live)) <= 1
    assert 1.0 == pytest.approx(sum(shares(live)))


@given(st.lists(st.integers(0, BINS - 1), max_size=60), st.integers(1, 20))
def test_a_window_counts_the_last_intents(places, length):
    """Its counts are those of the last `length` intents, whatever came before."""
    window = Window()
    for place in places:
        window = counted(window, place, length)
    assert bytes(places[-length:]) == window.recent
    assert tuple(places[-length:].count(place) for place in range(BINS)) == window.counts
