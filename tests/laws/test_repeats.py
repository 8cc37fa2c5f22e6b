"""At-least-once delivery is harmless: a log that repeats itself anywhere leads where the plain one led."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.normalise import Frame
from operators.repeats import NewEntries, NewFrames
from operators.sequencer import merge
from tests.laws.engine_stream import Drive, desk, frames, heads, run

ASSETS = 3


@pytest.fixture(scope="module")
def stream() -> list[Frame]:
    """A market with trades and lost changes, its lines numbered as a capture numbers them."""
    made = frames(1_200, ASSETS, seed=23, drop_every=150, trade_every=17)
    return [Frame(0, place, each.at_ns, each.dialect, each.data) for place, each in enumerate(made, start=1)]


@pytest.fixture(scope="module")
def plain(stream: list[Frame]) -> dict[str, str]:
    """The heads of a run in which everything came once."""
    return heads(run(stream, ASSETS)[0])


again = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=1, max_size=40)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=again)
def test_frames_that_come_again_change_nothing(stream, plain, steps: list[tuple[int, int]]) -> None:
    """The feed goes back some frames and hands them on again, time after time: the same heads."""
    flat = [frame for block in merge([stream], 100_000) for frame in block]
    drive, once, place, number = Drive(desk(), ASSETS), NewFrames(), 0, 0
    while place < len(flat):
        forth, back = steps[number % len(steps)]
        drive.feed([once.step(flat[max(0, place - back) : place + forth])])
        place, number = place + forth, number + 1
    assert plain == heads(drive.close())


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=again)
def test_entries_that_come_again_change_nothing(stream, plain, steps: list[tuple[int, int]]) -> None:
    """The journal repeats some of itself, time after time, cut anywhere: the same heads."""
    drive, journal = Drive(desk(), ASSETS), []
    for block in merge([stream], 256):
        facts = drive.books.step(drive.normaliser.step(block).facts)
        journal += drive.assembly.lane.step(drive.freshness.step(facts))
    once, place, number = NewEntries(), 0, 0
    while place < len(journal):
        forth, back = steps[number % len(steps)]
        drive.blocks += drive.assembly.desk.step(once.step(journal[max(0, place - back) : place + forth]))
        place, number = place + forth, number + 1
    assert plain == heads(drive.close())
