"""Give flows their ends inside one process: a source over an iterator of blocks, a sink over a function."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition


class _Blocks(StatelessSourcePartition[Any]):
    def __init__(self, key: str, blocks: Iterator[Any]) -> None:
        self._key, self._blocks = key, blocks

    def next_batch(self) -> list[Any]:
        return [(self._key, next(self._blocks))]

    def next_awake(self) -> datetime | None:
        return None


class BlockSource(DynamicSource[Any]):
    """Feed blocks under one key; ends with its iterator. For one worker."""

    def __init__(self, key: str, blocks: Iterator[Any]) -> None:
        """Take a key and an iterator of blocks."""
        self._key, self._blocks = key, blocks

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Blocks:
        """Return the only partition."""
        return _Blocks(self._key, self._blocks)


class _Calls(StatelessSinkPartition[Any]):
    def __init__(self, take: Callable[[list[Any]], None]) -> None:
        self._take = take

    def write_batch(self, items: list[Any]) -> None:
        self._take(items)


class CallSink(DynamicSink[Any]):
    """Hand every batch to a function."""

    def __init__(self, take: Callable[[list[Any]], None]) -> None:
        """Take the function."""
        self._take = take

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Calls:
        """Return the only partition."""
        return _Calls(self._take)
