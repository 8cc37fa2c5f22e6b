"""bots.maths.correlation: matrices, effective bets, and what adds to the common bet."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.correlation import (
    HELD_MAX,
    MILLION,
    Table,
    exposed,
    forgotten,
    height,
    judged,
    raises,
    replaced,
    sampled,
    without,
)
from tests.world import NOW, SECOND

FAST, SLOW = 1.0 - 0.5 ** (10 / 300), 1.0 - 0.5 ** (10 / 14_400)


def noise(seed):
    """Return an endless stream of steps near normal: sums of twelve uniform numbers of a fixed generator."""
    state = seed * 2_654_435_761 % 2**32
    while True:
        total = 0.0
        for _ in range(12):
            state = (1_664_525 * state + 1_013_904_223) % 2**32
            total += state / 2**32
        yield total - 6.0


def table_of(*exposures):
    """Return a table of these exposures, named I00, I01 and so on."""
    table, prices = Table(), ()
    for place, exposure in enumerate(exposures):
        table, prices = exposed(table, prices, f"I{place:02}", exposure, NOW)
    return table, prices


def walked(table, steps, mix=0.0, seed=1):
    """Return the table after so many steps; `mix` is the share that all of them have in common."""
    count = len(table.names)
    streams, common = [noise(seed * 100 + place + 1) for place in range(count)], noise(seed * 100 + 99)
    prices = [last or 0.0 for last in table.last]
    table = sampled(table, tuple(prices), FAST, SLOW)
    for _ in range(steps):
        shared = next(common)
        prices = [x + mix**0.5 * shared + (1 - mix) ** 0.5 * next(own) for x, own in zip(prices, streams, strict=True)]
        table = sampled(table, tuple(prices), FAST, SLOW)
    return table


def with_rho(fast, slow, *exposures):
    """Return a table in which every pair has these correlations, known since long."""
    table, _ = table_of(*exposures)
    size = len(exposures)
    cells = [(i, j) for i in range(size) for j in range(i + 1)]
    matrices = [tuple(1.0 if i == j else rho for i, j in cells) for rho in (fast, slow)]
    return Table(table.names, table.exposures, table.flat_ns, (), table.last, *matrices, (1_000,) * len(cells))


def test_height():
    """Of a binary the logit, of a perpetual the log, of no mark nothing."""
    assert (0.0, None, 0.0) == (height(500_000, True), height(-1, True), height(1, False))
    assert height(0, False) == 0.0


@pytest.mark.parametrize(("mix", "low", "high"), [(0.0, 5.3, 6.0), (0.9, 1.0, 1.9)])
def test_effective_bets_of_simulated_walks(mix, low, high):
    """Six independent walks are nearly six bets, six that share nine tenths are hardly more than one."""
    found = judged(walked(table_of(*[100] * 6)[0], 200, mix), 0.2, 30)
    assert low * MILLION <= found.n_eff <= high * MILLION
    assert found.n_eff == found.n_eff_known
    assert 6 == found.held


def test_a_sudden_common_move_opens_the_gap():
    """Walks that were independent for an hour and then share their steps for five minutes: fast beyond slow by .3."""
    table = walked(table_of(*[100] * 6)[0], 360)
    assert abs(judged(table, 0.2, 30).gap) < 150_000
    assert judged(walked(table, 60, 0.95, seed=2), 0.2, 30).gap > 300_000


@pytest.mark.parametrize(("rho", "n_eff"), [(0.0, 6.0), (1.0, 36 / (6 + 30 * 0.64)), (-0.5, 36 / (6 + 30 * 0.16))])
def test_effective_bets_by_hand(rho, n_eff):
    """N squared over the sum of squares, the correlations shrunk by a fifth; the sign does not matter."""
    assert round(n_eff * MILLION) == judged(with_rho(rho, rho, *[100] * 6), 0.2, 30).n_eff


def test_eigenvalues_by_hand():
    """Of two, with correlation r, they are 1 + r and 1 - r: n_eff = 4 / (2 + 2 r^2)."""
    one, other = 1.6, 0.4
    expected = (one + other) ** 2 / (one**2 + other**2)
    assert round(expected * MILLION) == judged(with_rho(0.6, 0.6, 1, 1), 0.0, 30).n_eff


def test_gap_is_weighed_by_exposure_and_side():
    """The mean of fast less slow weighs pairs by both exposures; a long and a short turn its sign."""
    assert 400_000 == judged(with_rho(0.6, 0.1, 1, 1), 0.2, 30).gap
    assert -400_000 == judged(with_rho(0.6, 0.1, 1, -1), 0.2, 30).gap
    weights = [1 * 2, -1 * 3, -2 * 3]
    expected = 0.5 * sum(weights) / sum(map(abs, weights))
    assert round(expected * MILLION) == judged(with_rho(0.6, 0.1, 1, 2, -3), 0.0, 30).gap


def test_unknown_pairs_are_one_bet():
    """Three common steps prove nothing: four positions are one bet, and four if they were independent."""
    found = judged(walked(table_of(*[100] * 4)[0], 3), 0.2, 30)
    assert (4, MILLION, 4 * MILLION, 0) == (found.held, found.n_eff, found.n_eff_known, found.gap)
    assert judged(walked(table_of(*[100] * 4)[0], 29), 0.2, 30).n_eff == MILLION
    assert judged(walked(table_of(*[100] * 4)[0], 30), 0.2, 30).n_eff > 2 * MILLION


def test_what_never_moved_is_unknown():
    """A price that stood still for an hour does not say how it moves with another."""
    table, _ = table_of(100, 100)
    for _ in range(360):
        table = sampled(table, (0.0, 0.0), FAST, SLOW)
    assert MILLION == judged(table, 0.2, 30).n_eff


def test_a_held_instrument_without_a_price_is_unknown():
    """No mark, no step: the pair is unknown however long it is held."""
    table, _ = table_of(100, 100)
    for number in range(100):
        table = sampled(table, (float(number % 3), None), FAST, SLOW)
    assert (0, MILLION) == (table.common[1], judged(table, 0.2, 30).n_eff)


def test_nothing_held_is_nothing():
    """Without positions there are no bets."""
    assert (0, 0, 0, 0) == tuple(
        getattr(judged(Table(), 0.2, 30), name) for name in ("held", "n_eff", "n_eff_known", "gap")
    )


# ---- the table -----------------------------------------------------------------------------------------------------


def test_a_place_is_kept_while_flat_and_given_up_later():
    """A closed position keeps its history for a while, is not sampled, and is then forgotten."""
    table = walked(table_of(5, 5)[0], 40)
    flat, prices = exposed(table, (0.0, 0.0), "I00", 0, NOW)
    assert (1, table.common) == (judged(flat, 0.2, 30).held, flat.common)
    assert table.common[0] == sampled(flat, (1.0, 1.0), FAST, SLOW).common[0]
    again, _ = exposed(flat, prices, "I00", 7, NOW + SECOND)
    assert ((7, 5), (0, 0)) == (again.exposures, again.flat_ns)
    assert forgotten(flat, prices, NOW - 1) == (flat, prices)
    kept, left = forgotten(flat, prices, NOW)
    assert (("I01",), 1, 1) == (kept.names, len(left), len(kept.common))
    assert table.fast[2:] == kept.fast


def test_a_full_table_makes_room_or_crowds():
    """Beyond its size the longest flat makes room; where all are held, one more is held in the crowd, as one bet."""
    table, prices = table_of(*[10] * HELD_MAX)
    full, prices = exposed(table, prices, "X", 10, NOW)
    assert ("X",) == full.crowd
    assert HELD_MAX + 1 == judged(full, 0.2, 30).held
    lone = judged(exposed(with_rho(0.0, 0.0, *[10] * HELD_MAX), prices, "X", 10, NOW)[0], 0.2, 30)
    count = HELD_MAX + 1
    assert round(count**2 / (count + 2 * HELD_MAX) * MILLION) == lone.n_eff
    assert count * MILLION == lone.n_eff_known
    gone, _ = exposed(full, prices, "X", 0, NOW)
    assert () == gone.crowd
    flat, prices = exposed(full, prices, "I03", 0, NOW)
    fresh, prices = exposed(flat, prices, "X", 10, NOW)
    assert ((), HELD_MAX, "X") == (fresh.crowd, len(fresh.names), fresh.names[-1])
    assert "I03" not in fresh.names
    assert exposed(fresh, prices, "unknown", 0, NOW) == (fresh, prices)


@given(st.integers(2, 7), st.data())
def test_dropping_one_leaves_the_others(size, data):
    """Every pair that does not name the dropped instrument keeps its numbers."""
    table = walked(table_of(*range(1, size + 1))[0], 5)
    place = data.draw(st.integers(0, size - 1))
    smaller, _ = without(table, (0.0,) * size, place)
    left = [number for number in range(size) if number != place]
    for (i, a), (j, b) in combinations(enumerate(left), 2):
        assert table.fast[b * (b + 1) // 2 + a] == smaller.fast[j * (j + 1) // 2 + i]
    assert len(left) * (len(left) + 1) // 2 == len(smaller.common)


def test_replaced():
    """One price changes."""
    assert (1.0, None, 3.0) == replaced((1.0, 2.0, 3.0), 1, None)


# ---- adding to the common bet --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "change", "adds"),
    [("I00", 10, True), ("I00", -10, False), ("I00", -99, False), ("new", 10, True), ("new", -10, True)],
)
def test_what_raises_the_common_bet(name, change, adds):
    """Adding to one of several that move together raises it, closing does not; what is new is assumed to."""
    assert adds == raises(with_rho(0.9, 0.1, 100, 100, 100, 100), name, change, 0.2, 30)


def test_a_hedge_lowers_it():
    """Selling more of one that moves with the others lowers the whole, even through zero."""
    table = with_rho(0.9, 0.9, 100, 100, 100, 100)
    assert not raises(table, "I00", -200, 0.0, 30)
    assert raises(table, "I00", -2_000, 0.0, 30)


def test_the_unknown_counts_against_what_adds():
    """With unknown pairs, or a crowd, only closing passes."""
    table, prices = table_of(100, 100)
    assert raises(table, "I00", 1, 0.2, 30)
    assert not raises(table, "I00", -100, 0.2, 30)
    assert raises(table, "I00", -101, 0.2, 30)
    full, prices = table_of(*[10] * HELD_MAX)
    crowd, _ = exposed(full, prices, "X", 10, NOW)
    assert raises(crowd, "I00", -11, 0.2, 30)
    assert not raises(crowd, "I00", -1, 0.2, 30)


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=6), st.floats(0.0, 0.99), st.integers(-80, 80), st.data())
def test_raises_is_the_difference_of_two_sums(exposures, rho, change, data):
    """It says whether w'Sw with the change is more than without, summed the long way."""
    exposures = [exposure or 1 for exposure in exposures]
    place = data.draw(st.integers(0, len(exposures) - 1))

    def whole(sides):
        pairs = sum(a * b for a, b in combinations(sides, 2))
        return sum(a * a for a in sides) + 2 * 0.8 * rho * pairs

    after = list(exposures)
    after[place] += change
    difference = whole(after) - whole(exposures)
    if abs(difference) > 1e-6:
        assert (difference > 0) == raises(with_rho(rho, rho, *exposures), f"I{place:02}", change, 0.2, 30)
