"""bots.maths.ordered: a table in tuples behaves like a dictionary that is kept sorted."""

from hypothesis import given
from hypothesis import strategies as st

from bots.maths.ordered import NO_NAMES, add, drop, find, put, total

CHANGES = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-2, 2)), max_size=30)


@given(CHANGES)
def test_tally(changes):
    """Sums by key, keys in order, and none whose sum is zero."""
    tally, expected = NO_NAMES, dict.fromkeys("abcd", 0)
    for key, change in changes:
        tally = add(tally, key, change)
        expected[key] += change
    assert dict(zip(*tally, strict=True)) == {key: value for key, value in expected.items() if value}
    assert list(tally[0]) == sorted(tally[0])
    assert all(total(tally, key) == value for key, value in expected.items())


def test_places():
    """A key that is absent is told by where it belongs."""
    assert [find(("b", "d"), key) for key in "abcde"] == [-1, 0, -2, 1, -3]
    assert put(("b", "d"), -2, "c") == ("b", "c", "d")
    assert put(("b", "d"), 1, "x") == ("b", "x")
    assert drop(("b", "c", "d"), 1) == ("b", "d")
