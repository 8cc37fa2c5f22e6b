"""Give flows their ends inside one process: a source over an iterator of blocks, a sink over a function."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeVar

from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition

Item = TypeVar("Item")


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
