"""Put the frames of several sources into one order, and time among them.

The order is (arrival, source rank, source position): it follows from the recordings alone and never from how they
were fed. Arrival may not run backwards inside one source, so a frame that claims an earlier time than the one before
it keeps its place and takes that time.

Time is a clock frame at each whole second of arrival, before the first frame at or after it. A silence has a tick for
each of its seconds up to 600, then one for each tenth second, so that an outage of hours is neither skipped nor dear;
the last two seconds before the next frame always tick.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge as merged
from typing import overload

from contracts.ids import CLOCK_SOURCE, SOURCES_MAX
from operators.normalise.frames import CLOCK, ENGAGED, Frame

SECOND_NS = 1_000_000_000
IDLE_TICKS_MAX = 600
LAST_TICKS = 2
IDLE_STEP_S = 10


def merge(
    captures: Sequence[Iterable[Frame]], batch: int = 256, engaged: Callable[[], bool] = lambda: False
) -> Iterator[list[Frame]]:
    """Yield the frames of all captures in one order, in blocks of `batch`, clock frames among them.

    The place in `captures` is a source's rank and becomes its number. `engaged` is asked once per block and tells the
    block's clock frames whether the environment's kill switch is engaged. Raises ValueError for a batch below 1 or more
    sources than a fact id can tell apart.
    """
    if batch < 1 or len(captures) > SOURCES_MAX:
        raise ValueError(f"batch {batch}, {len(captures)} sources; allowed: from 1, at most {SOURCES_MAX}")
    ranked = [_forward(capture, rank) for rank, capture in enumerate(captures)]
    frames = ranked[0] if len(ranked) == 1 else merged(*ranked, key=place)
    return _blocks(frames, batch, engaged)


def merge_growing(
    captures: Sequence[Iterable[Frame | None]], batch: int = 256, engaged: Callable[[], bool] = lambda: False
) -> Iterator[list[Frame]]:
    """Yield the same order as `merge` over recordings that still grow, and say nothing rather than wait.

    None in a capture means that it has nothing yet: what is there is handed on at once, so a block may be short, and is
    empty while nothing comes. A frame passes once every source has one that is not before it, or has ended.
    """
    if batch < 1 or len(captures) > SOURCES_MAX:
        raise ValueError(f"batch {batch}, {len(captures)} sources; allowed: from 1, at most {SOURCES_MAX}")
    return _blocks(_polled([_forward(capture, rank) for rank, capture in enumerate(captures)]), batch, engaged)


def _polled(sources: list[Iterator[Frame | None]]) -> Iterator[Frame | None]:
    """Yield the first of the sources' next frames; None while one of them has not said what its next is."""
    heads: dict[int, Frame] = {}
    while True:
        for rank, source in enumerate(sources):
            if rank not in heads and (frame := next(source, _END)) is not _END:
                if frame is None:
                    break
                heads[rank] = frame
        else:
            if not heads:
                return
            first = min(heads.values(), key=place)
            del heads[first.source]
            yield first
            continue
        yield None


_END = Frame(-1, 0, 0, "", b"")


def place(frame: Frame) -> tuple[int, int, int]:
    """Return where a frame stands in the one order."""
    return frame.at_ns, frame.source, frame.position


@overload
def _forward(capture: Iterable[Frame], rank: int) -> Iterator[Frame]: ...
@overload
def _forward(capture: Iterable[Frame | None], rank: int) -> Iterator[Frame | None]: ...
def _forward(capture: Iterable[Frame | None], rank: int) -> Iterator[Frame | None]:
    """Yield a source's frames under its rank, with arrival that never runs backwards."""
    latest = 0
    for frame in capture:
        if frame is None:
            yield None
            continue
        at_ns = frame.at_ns
        if at_ns < latest or frame.source != rank:
            at_ns = max(at_ns, latest)
            frame = Frame(rank, frame.position, at_ns, frame.dialect, frame.data, frame.conn)
        latest = at_ns
        yield frame


def _blocks(
    frames: Iterator[Frame] | Iterator[Frame | None], batch: int, engaged: Callable[[], bool]
) -> Iterator[list[Frame]]:
    """Cut the order into blocks and put the seconds in."""
    block: list[Frame] = []
    seconds = Seconds()
    for frame in frames:
        if frame is None:
            yield block
            block = []
            continue
        if frame.at_ns >= seconds.due:
            for tick in seconds.before(frame.at_ns, ENGAGED if engaged() else b""):
                block.append(tick)
                if len(block) >= batch:
                    yield block
                    block = []
        block.append(frame)
        if len(block) >= batch:
            yield block
            block = []
    if block:
        yield block


class Seconds:
    """The clock of one order of frames.

    due    the next second's start, nanoseconds; before the first frame there is no time
    at_ns  arrival of the last frame that passed
    """

    __slots__ = ("at_ns", "clock", "due")

    def __init__(self, clock: int = CLOCK_SOURCE) -> None:
        """Begin before time; `clock` is the source of the ticks."""
        self.clock, self.due, self.at_ns = clock, -1, 0

    def before(self, at_ns: int, state: bytes = b"") -> list[Frame]:
        """Return the ticks that stand before a frame that arrived at `at_ns`, at or after `due`."""
        seconds = _seconds(self.due, at_ns)
        self.due = at_ns // SECOND_NS * SECOND_NS + SECOND_NS
        return [Frame(self.clock, second, second * SECOND_NS, CLOCK, state) for second in seconds]

    def among(self, frames: Sequence[Frame]) -> list[Frame]:
        """Return frames in their order with the ticks before them."""
        if not frames:
            return []
        last = self.at_ns = frames[-1].at_ns
        if last < self.due:
            return list(frames)
        out: list[Frame] = []
        for frame in frames:
            if frame.at_ns >= self.due:
                out += self.before(frame.at_ns)
            out.append(frame)
        return out


def _seconds(due: int, at_ns: int) -> list[int]:
    """Return the seconds to tick, up to the one in which the next frame arrives."""
    last = at_ns // SECOND_NS
    first = last if due < 0 else due // SECOND_NS
    if last - first + 1 <= IDLE_TICKS_MAX + LAST_TICKS:
        return list(range(first, last + 1))
    slow = range(first + IDLE_TICKS_MAX, last - LAST_TICKS + 1, IDLE_STEP_S)
    return [*range(first, first + IDLE_TICKS_MAX), *slow, *range(last - LAST_TICKS + 1, last + 1)]
