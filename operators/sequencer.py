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
    frames = ranked[0] if len(ranked) == 1 else merged(*ranked, key=_place)
    return _blocks(frames, batch, engaged)


def _place(frame: Frame) -> tuple[int, int, int]:
    return frame.at_ns, frame.source, frame.position


def _forward(capture: Iterable[Frame], rank: int) -> Iterator[Frame]:
    """Yield a source's frames under its rank, with arrival that never runs backwards."""
    latest = 0
    for frame in capture:
        at_ns = frame.at_ns
        if at_ns < latest or frame.source != rank:
            at_ns = max(at_ns, latest)
            frame = Frame(rank, frame.position, at_ns, frame.dialect, frame.data, frame.conn)
        latest = at_ns
        yield frame


def _blocks(frames: Iterator[Frame], batch: int, engaged: Callable[[], bool]) -> Iterator[list[Frame]]:
    """Cut the order into blocks and put the seconds in."""
    block: list[Frame] = []
    due = -1  # the next second's start; before the first frame there is no time
    for frame in frames:
        if frame.at_ns >= due:
            seconds = _seconds(due, frame.at_ns)
            due = frame.at_ns // SECOND_NS * SECOND_NS + SECOND_NS
            state = ENGAGED if engaged() else b""
            for second in seconds:
                block.append(Frame(CLOCK_SOURCE, second, second * SECOND_NS, CLOCK, state))
                if len(block) >= batch:
                    yield block
                    block = []
        block.append(frame)
        if len(block) >= batch:
            yield block
            block = []
    if block:
        yield block


def _seconds(due: int, at_ns: int) -> list[int]:
    """Return the seconds to tick, up to the one in which the next frame arrives."""
    last = at_ns // SECOND_NS
    first = last if due < 0 else due // SECOND_NS
    if last - first + 1 <= IDLE_TICKS_MAX + LAST_TICKS:
        return list(range(first, last + 1))
    slow = range(first + IDLE_TICKS_MAX, last - LAST_TICKS + 1, IDLE_STEP_S)
    return [*range(first, first + IDLE_TICKS_MAX), *slow, *range(last - LAST_TICKS + 1, last + 1)]
