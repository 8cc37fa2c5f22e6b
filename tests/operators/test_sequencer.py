"""Sources meet in one order that depends on nothing but their frames, and time stands between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import CLOCK_SOURCE
from operators.normalise.frames import CLOCK, ENGAGED, Frame
from operators.sequencer import merge

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
