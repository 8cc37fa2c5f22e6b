"""Input that is counted, taken up at its place, paused when asked, and paced by what snapshots cost."""

from collections.abc import Iterator

import pytest

from connectors.errors import CaptureError
from flows import spells
from flows.spells import Spells
from operators.normalise.frames import Frame
from operators.state import Keep


def frames(count: int, size: int) -> Iterator[list[Frame]]:
    """Blocks of frames numbered from 1."""
    every = [Frame(0, number, number, "clob_v2", b"") for number in range(1, count + 1)]
    yield from (every[start : start + size] for start in range(0, count, size))


def positions(feed: Spells) -> list[int]:
    """Everything that is still to come."""
    found = []
    while True:
        try:
            found += [frame.position for frame in feed.next()]
        except StopIteration:
            return found


@pytest.mark.parametrize("size", [1, 4, 5, 100])
@pytest.mark.parametrize("taken", [0, 1, 9, 10, 19, 20])
def test_a_place_does_not_depend_on_the_batch(size: int, taken: int) -> None:
    """After so many frames comes the next one, whatever a block holds now and held then."""
    feed = Spells(frames(20, size), Keep())
    feed.seek(taken)
    assert list(range(taken + 1, 21)) == positions(feed)
    assert (20, taken) == (feed.taken, feed.begun)


def test_captures_that_are_shorter_than_the_run_are_an_error() -> None:
    """A place behind the end is said, not waited for."""
    with pytest.raises(CaptureError, match="captures have 3 frames; the run has taken 4"):
        Spells(frames(3, 2), Keep()).seek(4)


def test_a_stop_is_a_pause() -> None:
    """Who asks to stop ends the input here; the steps are told that it is not over."""
    asked = iter([False, True])
    keep = Keep()
    feed = Spells(frames(20, 5), keep, lambda: next(asked))
    feed.next()
    assert not keep.paused
    with pytest.raises(StopIteration):
        feed.next()
    assert (True, 5) == (keep.paused, feed.taken)


def epoch(feed: Spells, keep: Keep, clock: list[float], cost: float) -> None:
    """Hand a block on and end an epoch whose snapshots cost so many seconds."""
    feed.next()
    feed.closing()
    keep.heard("frames")
    clock[0] += 5.0  # the last block's own work is not the snapshots'
    keep.heard("normalise")
    clock[0] += cost


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that moves when it is told to."""
    now = [100.0]
    monkeypatch.setattr(spells.time, "perf_counter", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("costs", "interval_s"),
    [
        ((0.05, 0.09, 0.05), None),
        ((0.15, 0.05, 0.15), None),
        ((0.15, 0.16), 2.4),
        ((0.3,), 4.5),
        ((9.0,), 60.0),
    ],
    ids=["cheap", "dear now and then", "a little dear", "dear", "very dear"],
)
def test_dear_snapshots_become_rare(clock: list[float], costs: tuple[float, ...], interval_s: float | None) -> None:
    """One that took over a fifth of the interval, or two over a tenth, pause it; the next is 15 times as long."""
    keep = Keep({"normalise": 1})
    feed = Spells(frames(100, 1), keep)
    for cost in costs:
        epoch(feed, keep, clock, cost)
    if interval_s is None:
        feed.next()
        assert (False, 1.0) == (keep.paused, feed.interval_s)
    else:
        with pytest.raises(StopIteration):
            feed.next()
        assert (True, pytest.approx(interval_s)) == (keep.paused, feed.interval_s)
    assert (len(costs), pytest.approx(sum(costs))) == (feed.epochs, feed.snapshot_s)


def test_the_longest_interval_is_kept(clock: list[float]) -> None:
    """At a minute a dear snapshot is accepted: a process must not run for long without one."""
    keep = Keep({"normalise": 1})
    feed = Spells(frames(100, 1), keep, interval_s=60.0)
    for _ in range(4):
        epoch(feed, keep, clock, 9.0)
    feed.next()
    assert (False, 60.0) == (keep.paused, feed.interval_s)
