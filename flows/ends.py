"""Give flows their ends inside one process: sources over blocks, sinks over functions, with and without a memory.

A source that is kept remembers how many frames it has handed on; a sink that is kept first waits until everything of
the epoch is where it belongs, so that no snapshot is ever ahead of the store.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Generic, Protocol, TypeVar

from bytewax.inputs import DynamicSource, FixedPartitionedSource, StatefulSourcePartition, StatelessSourcePartition
from bytewax.outputs import DynamicSink, FixedPartitionedSink, StatefulSinkPartition, StatelessSinkPartition

from operators.normalise.frames import Frame
from operators.state import Keep

Item = TypeVar("Item")
Value = TypeVar("Value")
POLL = timedelta(milliseconds=20)
ONLY = "only"


class _Blocks(StatelessSourcePartition[tuple[str, Item]]):
    def __init__(self, key: str, blocks: Iterator[Item]) -> None:
        self._key, self._blocks = key, blocks

    def next_batch(self) -> list[tuple[str, Item]]:
        return [(self._key, next(self._blocks))]

    def next_awake(self) -> datetime | None:
        return None


class BlockSource(DynamicSource[tuple[str, Item]]):
    """Feed blocks under one key; ends with its iterator. For one worker."""

    def __init__(self, key: str, blocks: Iterator[Item]) -> None:
        """Take a key and an iterator of blocks."""
        self._key, self._blocks = key, blocks

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Blocks[Item]:
        """Return the only partition."""
        return _Blocks(self._key, self._blocks)


class _Calls(StatelessSinkPartition[Item]):
    def __init__(self, take: Callable[[list[Item]], None]) -> None:
        self._take = take

    def write_batch(self, items: list[Item]) -> None:
        self._take(items)


class CallSink(DynamicSink[Item]):
    """Hand every batch to a function."""

    def __init__(self, take: Callable[[list[Item]], None]) -> None:
        """Take the function."""
        self._take = take

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Calls[Item]:
        """Return the only partition."""
        return _Calls(self._take)


# ---- with a memory ------------------------------------------------------------------------------------------------


class Feed(Protocol):
    """Blocks of frames, counted."""

    taken: int

    def seek(self, taken: int) -> None:
        """Go on after so many frames."""

    def next(self) -> list[Frame]:
        """Return the next block; an empty one says that there is none yet. Raises StopIteration at the end."""

    def closing(self) -> None:
        """Hear that an epoch ends here."""


class _Taken:
    """What a source remembers: frames handed on."""

    def __init__(self, taken: int) -> None:
        self.taken = taken


class _Fed(StatefulSourcePartition[tuple[str, list[Frame]], bytes | None]):
    def __init__(self, key: str, feed: Feed, step_id: str, keep: Keep) -> None:
        self._key, self._feed, self._id, self._keep = key, feed, step_id, keep
        self._idle = False

    def next_batch(self) -> list[tuple[str, list[Frame]]]:
        block = self._feed.next()
        self._idle = not block
        return [(self._key, block)] if block else []

    def next_awake(self) -> datetime | None:
        return datetime.now(UTC) + POLL if self._idle else None

    def snapshot(self) -> bytes | None:
        self._feed.closing()
        return self._keep.pack(self._id, _Taken(self._feed.taken))


class FrameSource(FixedPartitionedSource[tuple[str, list[Frame]], bytes | None]):
    """Feed frames under one key, going on after those that were taken before."""

    def __init__(self, key: str, feed: Feed, step_id: str, keep: Keep) -> None:
        """Take a key, the frames, and what keeps the place."""
        self._key, self._feed, self._id, self._keep = key, feed, step_id, keep

    def list_parts(self) -> list[str]:
        """Return the only partition's name."""
        return [self._key]

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> _Fed:
        """Return the only partition, at its place."""
        place = _Taken(self._feed.taken)
        self._keep.unpack(self._id, resume_state, place)
        self._feed.seek(place.taken)
        return _Fed(self._key, self._feed, self._id, self._keep)


class _Kept(StatefulSinkPartition[Value, bytes | None], Generic[Value]):
    def __init__(self, take: Callable[[list[Value]], None], snapshot: Callable[[], bytes | None]) -> None:
        self._take, self._snapshot = take, snapshot

    def write_batch(self, values: list[Value]) -> None:
        self._take(values)

    def snapshot(self) -> bytes | None:
        return self._snapshot()


class KeptSink(FixedPartitionedSink[Value, bytes | None], Generic[Value]):
    """Hand the values of a keyed stream to a function, and keep what it counts."""

    def __init__(
        self,
        take: Callable[[list[Value]], None],
        step_id: str = "",
        counts: object = None,
        settle: Callable[[], None] = lambda: None,
        keep: Keep | None = None,
    ) -> None:
        """Take the function, what it counts in, and what waits until all that it was handed is stored."""
        self._take, self._id, self._counts, self._settle = take, step_id, counts, settle
        self._keep = Keep() if keep is None else keep

    def list_parts(self) -> list[str]:
        """Return the only partition's name, whatever the keys."""
        return [ONLY]

    def part_fn(self, item_key: str) -> int:
        """Send every key there."""
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> _Kept[Value]:
        """Return the only partition, its counts filled with what was kept."""
        self._keep.unpack(self._id, resume_state, self._counts)
        return _Kept(self._take, self._snapshot)

    def _snapshot(self) -> bytes | None:
        if not self._keep.versions:
            return None
        self._settle()
        return self._keep.pack(self._id, self._counts)
