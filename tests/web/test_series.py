"""Thinning keeps what the eye would miss: first, last, lowest, highest, and where a line breaks."""

from hypothesis import given
from hypothesis import strategies as st

from web.series import LIMIT, Track, thin

Points = list[tuple[int, int | None]]


@st.composite
def lines(draw: st.DrawFn) -> Points:
    """A line with uneven times, ties included, and breaks."""
    steps = draw(st.lists(st.integers(0, 10**9), min_size=1, max_size=400))
    values = draw(st.lists(st.none() | st.integers(-(10**9), 10**9), min_size=len(steps), max_size=len(steps)))
    at, made = 0, []
    for step, value in zip(steps, values, strict=True):
        at += step
        made.append((at, value))
    return made


@given(lines(), st.integers(20, 200))
def test_extremes_ends_and_order_survive(points: Points, limit: int) -> None:
    """At most `limit` points, in order, from the line itself, with its ends and its extremes."""
    kept = thin(points, limit)
    assert len(kept) <= limit
    rest = iter(points)
    assert all(any(point is other for other in rest) for point in kept)
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    values = [value for _, value in points if value is not None]
    shown = [value for _, value in kept if value is not None]
    assert max(shown, default=None) == max(values, default=None)
    assert min(shown, default=None) == min(values, default=None)


def test_a_short_line_is_not_touched() -> None:
    """Below the limit every point stays."""
    points: Points = [(n, n % 7) for n in range(LIMIT)]
    assert thin(points) == points


def test_every_slice_keeps_its_spike() -> None:
    """A spike of one point in a flat line of a million is kept, and so is a break."""
    points: Points = [(n, 5) for n in range(1_000_000)]
    points[123_456] = (123_456, 900)
    points[777_777] = (777_777, None)
    kept = thin(points)
    assert (123_456, 900) in kept
    assert (777_777, None) in kept
    assert len(kept) <= LIMIT


def test_a_line_within_one_moment_is_kept_short() -> None:
    """Points that all share one time give first, highest, lowest and last."""
    points: Points = [(7, n % 100 + 5) for n in range(4_999)] + [(7, 3), (7, 50)]
    assert thin(points) == [(7, 5), (7, 104), (7, 3), (7, 50)]


def test_a_track_remembers_changes_only() -> None:
    """The same value again is not news; a line does not begin with a break."""
    track = Track()
    for at_ns, value in ((1, None), (2, 5), (3, 5), (4, None), (5, None), (6, 5)):
        track.add(at_ns, value)
    assert track.line() == ((2, 5), (4, None), (6, 5))


def test_a_track_of_a_long_run_keeps_its_peak() -> None:
    """Thinned as it grows, it still holds the highest and the lowest value ever seen."""
    track = Track()
    for n in range(200_000):
        track.add(n, 10_000 if n == 4_242 else -10_000 if n == 150_001 else n % 3)
    line = track.line()
    assert len(line) <= LIMIT
    assert {(4_242, 10_000), (150_001, -10_000)} <= set(line)
