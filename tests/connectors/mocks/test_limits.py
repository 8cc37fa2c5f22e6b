"""Counting as venues count: a bucket that refills, a window that slides."""

import pytest

from connectors.mocks import limits
from connectors.mocks.limits import Bucket, Window


class Time:
    """A steady clock that a test moves."""

    def __init__(self) -> None:
        """Begin at a round number."""
        self.now = 100.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The clock of the module."""
    clock = Time()
    monkeypatch.setattr(limits, "time", clock)
    return clock


def test_a_bucket_pays_while_it_can_and_refills_steadily(time: Time) -> None:
    """It starts full, refuses what it cannot pay whole, and never holds more than it has room for."""
    bucket = Bucket(rate=10, room=20)
    assert [True, True, False] == [bucket.take(10) for _ in range(3)]
    time.now += 0.9
    assert not bucket.take(10)
    time.now += 0.1
    assert bucket.take(10)
    time.now += 100
    assert not bucket.take(20.1)
    assert bucket.take(20)


def test_a_window_forgets_what_has_left_it(time: Time) -> None:
    """Ten in ten seconds: the eleventh is refused until the first is ten seconds old."""
    window = Window(most=10, seconds=10)
    assert [True] * 10 + [False] == [window.take() for _ in range(11)]
    assert 10 == window.wait()
    time.now += 9.99
    assert not window.take()
    time.now += 0.01
    assert window.take(10)
    assert 10 == window.used
