"""Sources meet in one order that depends on nothing but their frames, and time stands between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import CLOCK_SOURCE
from operators.normalise.frames import CLOCK, ENGAGED, Frame
from operators.sequencer import merge, merge_growing

S = 1_000_000_000


def frames(*arrivals: float, source: int = 0) -> list[Frame]:
    """Frames of one source at these seconds."""
    return [Frame(source, place, int(at * S), "clob_v2", b"x") for place, at in enumerate(arrivals, 1)]


def seconds(blocks: list[list[Frame]]) -> list[int]:
    """The seconds that ticked."""
    return [frame.position for block in blocks for frame in block if frame.dialect == CLOCK]


def test_a_tick_stands_before_the_first_frame_of_its_second() -> None:
    """One boundary before the first frame, then each second, before the first frame at or after it."""
    (block,) = merge([frames(10.2, 10.9, 11.0, 13.5)])
    assert [("t", 10), (1, 10.2), (2, 10.9), ("t", 11), (3, 11.0), ("t", 12), ("t", 13), (4, 13.5)] == [
        ("t", f.at_ns // S) if f.dialect == CLOCK else (f.position, f.at_ns / S) for f in block
    ]
    assert {CLOCK_SOURCE} == {f.source for f in block if f.dialect == CLOCK}


def test_sources_meet_by_arrival_then_rank_then_position() -> None:
    """Equal arrivals follow rank, then place; each frame carries its source's rank."""
    (block,) = merge([frames(1.5, 1.6), frames(1.5, 1.5, 1.55)])
    assert [(0, 1), (1, 1), (1, 2), (1, 3), (0, 2)] == [(f.source, f.position) for f in block if f.dialect != CLOCK]


def test_arrival_never_runs_backwards_inside_a_source() -> None:
    """A frame with an earlier time keeps its place and takes the time of the one before it."""
    (block,) = merge([frames(5.0, 4.0, 5.1)])
    assert [(1, 5.0), (2, 5.0), (3, 5.1)] == [(f.position, f.at_ns / S) for f in block if f.dialect != CLOCK]


@pytest.mark.parametrize(
    ("hole", "expected"),
    [
        (602, [100, *range(101, 703)]),
        (603, [100, *range(101, 704)]),
        (86_400, [100, *range(101, 701), *range(701, 86_499, 10), 86_499, 86_500]),
    ],
)
def test_a_long_silence_ticks_each_second_for_ten_minutes_and_then_each_tenth(hole: int, expected: list[int]) -> None:
    """The first 600 seconds are all ticked, then every tenth, and always the last two."""
    assert expected == seconds(list(merge([frames(100.0, 100.0 + hole)])))


def test_the_environments_kill_switch_travels_with_the_ticks() -> None:
    """What the edge saw when it made the ticks stands in them."""
    seen = iter([False, True])
    (block,) = merge([frames(1.0, 2.0)], 256, lambda: next(seen))
    assert [b"", ENGAGED] == [f.data for f in block if f.dialect == CLOCK]


@given(st.lists(st.lists(st.integers(0, 40), max_size=20), min_size=1, max_size=3), st.integers(1, 7))
def test_the_order_does_not_depend_on_the_block_size(arrivals: list[list[int]], size: int) -> None:
    """Joined, full blocks are the same order; nothing is lost, and time never runs back."""
    captures = [frames(*[at / 4 for at in one]) for one in arrivals]
    whole = [frame for block in merge(captures, 10_000) for frame in block]
    blocks = list(merge(captures, size))
    assert whole == [frame for block in blocks for frame in block]
    assert all(len(block) == size for block in blocks[:-1])
    assert sum(map(len, captures)) == sum(frame.dialect != CLOCK for frame in whole)
    assert sorted(frame.at_ns for frame in whole) == [frame.at_ns for frame in whole]


def test_nothing_gives_nothing() -> None:
    """No source, or only empty ones, give no block; an impossible batch is refused."""
    assert ([], []) == (list(merge([])), list(merge([[], []])))
    with pytest.raises(ValueError, match="batch 0"):
        merge([frames(1.0)], 0)


# ---- recordings that grow ------------------------------------------------------------------------------------------


def flat(blocks: list[list[Frame]]) -> list[Frame]:
    """The order, without its cuts."""
    return [frame for block in blocks for frame in block]


@given(st.data())
def test_recordings_that_grow_have_the_same_order(data: st.DataObject) -> None:
    """Wherever a source has nothing to say for a while, what comes out in the end is what comes out of whole files."""
    times = st.lists(st.floats(10, 20, width=32).map(lambda at: round(at, 2)), max_size=12)
    sources = [frames(*data.draw(times), source=rank) for rank in range(data.draw(st.integers(1, 3)))]
    gappy = []
    for source in sources:
        gaps = data.draw(st.lists(st.booleans(), min_size=len(source), max_size=len(source)))
        pairs = zip(source, gaps, strict=True)
        gappy.append([item for frame, gap in pairs for item in ([None, frame] if gap else [frame])])
    assert flat(list(merge(sources))) == flat(list(merge_growing(gappy, batch=3)))


def test_what_is_there_is_handed_on_at_once() -> None:
    """A block does not wait to be full while nothing comes, and nothing is an empty block."""
    (first, second) = frames(1.5, 1.6)
    assert [2, 0, 1] == [len(block) for block in merge_growing([[first, None, None, second]])]


def test_a_frame_waits_for_every_source() -> None:
    """While one source has not said what its next frame is, a later one of another must not pass."""
    late, early = frames(9.0, source=0), frames(1.0, source=1)
    blocks = list(merge_growing([late, [None, *early]]))
    assert [[], [1, 0]] == [[f.source for f in block if f.dialect != CLOCK] for block in blocks]


@pytest.mark.parametrize("batch", [0, -1])
def test_a_block_holds_something(batch: int) -> None:
    """A batch below one is refused."""
    with pytest.raises(ValueError, match=f"batch {batch}"):
        list(merge_growing([], batch))
