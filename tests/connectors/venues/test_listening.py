"""A user channel is read without waiting, and comes back after it was lost."""

import threading
import time

from connectors.errors import EdgeError
from connectors.venues.listening import Due, Listening


class Channel:
    """Frames, then what `end` is: silence, or an error."""

    def __init__(self, *frames: str, end: Exception | None = None) -> None:
        self.frames, self.end, self.closed = list(frames), end, False

    def recv(self, timeout: float | None = None) -> str:
        if self.frames:
            return self.frames.pop(0)
        raise self.end or TimeoutError

    def close(self) -> None:
        self.closed = True


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_all_that_waits_is_returned_at_once() -> None:
    """Three frames are one answer; a channel with nothing to say is an empty one, and stays up."""
    heard = Listening(lambda: Channel("a", "b", "c"))
    assert ["a", "b", "c"] == heard.frames(1.0)
    assert ([], True) == (heard.frames(0.0), heard.up)


def test_a_lost_channel_comes_back_after_a_pause_that_grows() -> None:
    """What was heard before the loss is returned; the next attempts wait 0.5, 1, 2 s, and 0.5 s again once it stood."""
    clock, first, tries = Clock(), Channel("a", end=OSError("reset")), list[float]()
    answers: list[Channel | Exception] = [first, EdgeError("no"), OSError("no"), Channel("b", end=OSError("gone"))]

    def open_() -> Channel:
        tries.append(clock.now)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    heard = Listening(open_, clock=clock)
    assert (["a"], False, True) == (heard.frames(1.0), heard.up, first.closed)
    found: list[str | bytes] = []
    while len(tries) < 4:
        clock.now += 0.25
        found += heard.frames(1.0)
    assert ([0.0, 0.5, 1.5, 3.5], ["b"]) == (tries, found)


def test_opening_does_not_hold_up_who_reads() -> None:
    """While a venue does not answer the handshake, reading returns at once; closing then ends what opens late."""
    may, late = threading.Event(), Channel("late")

    def open_() -> Channel:
        may.wait(5)
        return late

    heard, began = Listening(open_), time.monotonic()
    assert ([], True) == (heard.frames(0.0), time.monotonic() - began < 0.5)
    heard.close()
    may.set()
    for _ in range(100):
        if late.closed:
            break
        time.sleep(0.01)
    assert (True, [], False) == (late.closed, heard.frames(0.0), heard.up)


def test_polling_is_due_after_each_opening_and_more_often_without_a_channel() -> None:
    """Ten seconds while the channel stands, two while it is down; an opening during a poll makes it due again."""
    clock, heard = Clock(), Listening(lambda: Channel())
    due = Due(10.0, 2.0, clock=clock)
    assert due.now(heard)
    heard.frames(1.0)
    due.done()
    assert due.now(heard)
    due.done()
    told = [(clock.now, due.now(heard)) for clock.now in (0.0, 9.9, 10.0)]
    assert [(0.0, False), (9.9, False), (10.0, True)] == told
    due.done()
    heard.close()
    clock.now = 12.0
    assert due.now(heard)
