"""Partitions that are read as they come give the order of whole recordings, and time with it."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import CLOCK_SOURCE, clock_source
from operators.lane_sequencer import LaneSequencer
from operators.normalise.frames import CLOCK, ENDED, Frame
from operators.sequencer import merge
from operators.state import fill, values_of

S = 1_000_000_000
SILENCE_S = 700


def frames(*arrivals: float, source: int = 0, first: int = 1) -> list[Frame]:
    """Frames of one source at these seconds."""
    return [Frame(source, place, int(at * S), "clob_v2", b"x") for place, at in enumerate(arrivals, first)]


def ended(source: int = 0, at: float = 0, position: int = 99) -> Frame:
    """A source's word that nothing more comes."""
    return Frame(source, position, int(at * S), ENDED, b"")


def told(block: list[Frame]) -> list[tuple[object, int]]:
    """Who spoke and where: a source and its position, or t and the second."""
    return [("t" if f.dialect == CLOCK else f.source, f.position) for f in block]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[list[Frame]], list[list[Frame]]]:
    """Up to five sources whose clocks stumble, and what a broker might deliver of them: in any cuts, in any order."""
    times = st.lists(st.integers(0, 60), max_size=12)
    sources, left = [], []
    for rank in range(draw(st.integers(1, 5))):
        leap = draw(st.sampled_from((0, SILENCE_S)))
        source = frames(*(at / 4 + leap * (at > 30) for at in draw(times)), source=rank)
        sources.append(source)
        left.append([*source, ended(rank, position=len(source) + 1)] if draw(st.booleans()) else list(source))
    batches = []
    while any(left):
        rank = draw(st.sampled_from([rank for rank, rest in enumerate(left) if rest]))
        size = draw(st.integers(1, 5))
        batches.append(left[rank][:size])
        left[rank] = left[rank][size:]
    return sources, batches


@given(deliveries(), st.integers(0, 40))
def test_any_delivery_gives_the_order_of_whole_recordings(
    drawn: tuple[list[list[Frame]], list[list[Frame]]], at: int
) -> None:
    """Cuts, the order between partitions and a restart in any place change nothing, ticks included."""
    sources, batches = drawn
    sequence, out = LaneSequencer(range(len(sources))), list[Frame]()
    for number, batch in enumerate(batches):
        if number == at:
            kept, sequence = pickle.dumps(values_of(sequence)), LaneSequencer(range(len(sources)))
            fill(sequence, pickle.loads(kept), "sequence")
        out += sequence.step(batch)
    out += sequence.close()
    assert [frame for block in merge(sources) for frame in block] == out


@given(deliveries())
def test_what_has_passed_is_not_taken_back(drawn: tuple[list[list[Frame]], list[list[Frame]]]) -> None:
    """What passes before the end is the beginning of the one order, and nothing waits that nobody can come before."""
    sources, batches = drawn
    sequence, out = LaneSequencer(range(len(sources))), list[Frame]()
    for batch in batches:
        out += sequence.step(batch)
    whole = [frame for block in merge(sources) for frame in block]
    said = {batch[-1].source: batch[-1] for batch in batches}
    unended = [rank for rank in range(len(sources)) if rank not in said or said[rank].dialect != ENDED]
    assert whole[: len(out)] == out
    assert bool(sequence.held_by) == (len(out) < len(whole))
    assert set(sequence.held_by) <= set(unended)


@given(deliveries(), st.data())
def test_after_an_end_time_still_goes_forward(
    drawn: tuple[list[list[Frame]], list[list[Frame]]], data: st.DataObject
) -> None:
    """Wherever a source says that it ended and goes on all the same, nothing is lost and time never runs back."""
    sources, batches = drawn
    sequence, out = LaneSequencer(range(len(sources))), list[Frame]()
    for batch in batches:
        out += sequence.step(batch)
        if data.draw(st.booleans()):
            out += sequence.step([ended(batch[0].source)])
    out += sequence.close()
    spoken = [frame for frame in out if frame.dialect != CLOCK]
    assert sum(map(len, sources)) == len(spoken)
    assert sorted(frame.at_ns for frame in out) == [frame.at_ns for frame in out]
    for rank, source in enumerate(sources):
        assert [frame.position for frame in source] == [frame.position for frame in spoken if frame.source == rank]


def test_a_source_of_its_own_never_waits() -> None:
    """A lane of one partition hands on what comes at once."""
    sequence = LaneSequencer([3])
    assert [("t", 5), (3, 1), (3, 2)] == told(sequence.step(frames(5.5, 5.6, source=3)))
    assert [] == sequence.held_by
    assert ([], []) == (sequence.step([]), sequence.close())


def test_a_frame_waits_for_the_quietest_source() -> None:
    """Who holds the lane is who said least; silent sources hold it longest, and one that ended not at all."""
    sequence = LaneSequencer([0, 1, 2])
    assert [] == sequence.held_by
    assert [] == sequence.step(frames(5.0, 6.0, source=0))
    assert [1, 2] == sequence.held_by
    assert [] == sequence.step(frames(5.5, source=1))
    assert [2] == sequence.held_by
    assert [("t", 5), (0, 1), (1, 1)] == told(sequence.step([ended(2)]))
    assert [1] == sequence.held_by
    assert [("t", 6), (0, 2)] == told(sequence.step([ended(1)]))
    assert [] == sequence.held_by


def test_an_equal_arrival_waits_for_its_rank() -> None:
    """At one moment the lower rank goes first, so a higher one waits until the lower has gone past that moment."""
    sequence = LaneSequencer([0, 1])
    assert [] == sequence.step(frames(5.0, source=1))
    assert [("t", 5), (0, 1)] == told(sequence.step(frames(5.0, source=0)))
    assert [(0, 2), (0, 3), (1, 1)] == told(sequence.step(frames(5.0, 5.0, 5.1, source=0, first=2)))


def test_who_speaks_after_the_end_takes_the_time_that_passed() -> None:
    """A feed that was restarted with an older clock does not draw the lane back; from there on its own time counts."""
    sequence = LaneSequencer([0, 1])
    out = sequence.step([*frames(5.0), ended(0)]) + sequence.step(frames(9.0, source=1))
    assert [("t", 5), (0, 1), ("t", 6), ("t", 7), ("t", 8), ("t", 9), (1, 1)] == told(out)
    late = sequence.step(frames(6.0, 6.5, source=0, first=2)) + sequence.step([ended(1)])
    assert [(0, 2, 9 * S), (0, 3, 9 * S)] == [(f.source, f.position, f.at_ns) for f in late]


def test_an_end_is_no_message() -> None:
    """The mark passes nobody; a lane that heard only that says nothing."""
    sequence = LaneSequencer([0, 1])
    assert ([], [], []) == (sequence.step([ended(0)]), sequence.step([ended(1)]), sequence.close())


@pytest.mark.parametrize(("lane", "source"), [(0, CLOCK_SOURCE), (1, 125), (2, 124)])
def test_each_lane_has_a_clock_of_its_own(lane: int, source: int) -> None:
    """No two lanes say one second under one id, and none is the control source."""
    assert source == clock_source(lane)
    block = LaneSequencer([4], clock_source(lane)).step(frames(5.0, source=4))
    assert [source, 4] == [frame.source for frame in block]


def test_a_source_that_the_lane_does_not_have_is_no_frame_of_it() -> None:
    """A partition that was never named cannot slip into the order."""
    with pytest.raises(KeyError, match="7"):
        LaneSequencer([0]).step(frames(1.0, source=7))
