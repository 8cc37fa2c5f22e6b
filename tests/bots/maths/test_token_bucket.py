"""bots.maths.token_bucket: what refills, what is taken, what the venue corrects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.token_bucket import NANO, Bucket, available, bucket_of, corrected, replaced, taken

EMPTY = Bucket("v", 0, 0)


@pytest.mark.parametrize(
    ("now", "tokens"), [(0, 0), (1, 5), (NANO, 5 * NANO), (4 * NANO, 20 * NANO), (9 * NANO, 20 * NANO)]
)
def test_it_refills_at_its_rate_up_to_the_burst(now, tokens):
    """Five a second is five thousand-millionths a nanosecond, exactly, and never more than the burst."""
    assert tokens == available(EMPTY, 5, 20, now)


def test_a_venue_begins_full_and_keeps_its_bucket():
    """At first sight all of the burst is there and nothing was told; later the bucket that was put back is found."""
    fresh = bucket_of((EMPTY,), "w", 20, 7)
    assert Bucket("w", 20 * NANO, 7, -1) == fresh
    both = replaced((EMPTY,), fresh)
    assert (EMPTY, fresh) == both
    less = taken(fresh, 20 * NANO, 8)
    assert (EMPTY, less) == replaced(both, less)
    assert less == bucket_of(replaced(both, less), "w", 20, 9)
    assert (taken(EMPTY, 0, 1),) == replaced((EMPTY,), taken(EMPTY, 0, 1))


def test_a_report_only_lowers():
    """The venue's quota counts where it is less; when it was told is kept through what is taken later."""
    assert Bucket("v", 3 * NANO, 9, 9) == corrected(EMPTY, 10 * NANO, 3, 9)
    assert Bucket("v", 10 * NANO, 9, 9) == corrected(EMPTY, 10 * NANO, 30, 9)
    assert 9 == taken(corrected(EMPTY, 10 * NANO, 3, 9), 3 * NANO, 20).reported_ns


@given(st.lists(st.integers(0, 10**9), max_size=80), st.integers(0, 9), st.integers(1, 9))
def test_no_more_leaves_than_the_burst_and_the_rate_allow(waits, rate, burst):
    """Over any time, what is taken is at most the burst and what was refilled meanwhile."""
    bucket, now, left = bucket_of((), "v", burst, 0), 0, 0
    for wait in waits:
        now += wait
        tokens = available(bucket, rate, burst, now)
        if tokens >= NANO:
            bucket, left = taken(bucket, tokens, now), left + 1
        assert left * NANO <= burst * NANO + rate * now
