"""operators.repeats: what came before is dropped, what is new passes, and order is kept."""

import pickle

from contracts.envelope import Row
from contracts.ids import fact_id
from operators.normalise import Frame
from operators.repeats import NewEntries, NewFrames
from tests import world


def frame(source: int, position: int) -> Frame:
    """Return a frame at a place."""
    return Frame(source, position, 1, "kalshi", b"")


def said(cause: int, index: int) -> Row:
    """Return a lane's statement."""
    return Row(cause, 4, index, 1, 0, world.snapshot())


def test_frames_pass_once() -> None:
    """A frame at or below its source's last position is dropped; sources do not disturb each other."""
    once = NewFrames()
    first = [frame(0, 1), frame(1, 1), frame(0, 2)]
    assert first == once.step(first)
    again = [frame(0, 1), frame(0, 2), frame(0, 5), frame(1, 1), frame(1, 2)]
    assert [frame(0, 5), frame(1, 2)] == once.step(again)
    assert 3 == once.dropped


def test_entries_pass_once() -> None:
    """A fact and what a lane said of it are told apart by their places, and come through once, however they are cut."""
    one, two = fact_id(0, 7), fact_id(0, 8)
    log = [world.tick(fact=one), said(one, 0), said(one, 1), world.tick(fact=two), said(two, 0)]
    whole, parts = NewEntries(), NewEntries()
    assert log == whole.step(log)
    assert log == parts.step(log[:2]) + parts.step(log[:3]) + parts.step(log[1:]) + parts.step(log)
    assert [] == whole.step(log)
    assert (5, 9) == (whole.dropped, parts.dropped)


def test_a_half_repeated_cause_goes_on() -> None:
    """Of a cause that was cut in its middle the rest passes."""
    cause, once = fact_id(3, 9), NewEntries()
    once.step([world.tick(fact=cause), said(cause, 0)])
    assert [said(cause, 1)] == once.step([world.tick(fact=cause), said(cause, 0), said(cause, 1)])


def test_what_is_known_survives_a_restart() -> None:
    """A snapshot keeps the places."""
    once = NewEntries()
    once.step([world.tick(fact=fact_id(0, 7))])
    assert [] == pickle.loads(pickle.dumps(once)).step([world.tick(fact=fact_id(0, 7))])
