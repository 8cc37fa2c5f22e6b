"""Store blocks from a thread of their own, so that whoever makes them hardly waits.

Blocks are gathered until 32,768 rows are there or a second has passed, since an insert costs 3 ms whatever it holds.
The queue is bounded: a producer that is faster than the store waits, and nothing is ever dropped. What goes wrong
surfaces at the next call and at `close`, and what was not acknowledged is then known not to be promised.

A run that goes on after a crash hands on again what it had stored since its last snapshot. The same number with the
same head is the same block, and collapses in the store; with another head it is another run's, and is not stored.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from connectors.columns import Stored, stored
from connectors.store import StoreError
from contracts.envelope import Block, DeadLetter

if TYPE_CHECKING:
    from connectors.clickhouse import EnvelopeTable

INSERT_ROWS = 32_768
INSERT_SECONDS = 1.0
QUEUE_ROWS = 4 * INSERT_ROWS


class BlockWriter:
    """The background writer of one table. `write` from one thread; `close` once at the end."""

    def __init__(self, table: "EnvelopeTable", insert_rows: int = INSERT_ROWS, queue_rows: int = QUEUE_ROWS) -> None:
        """Start the thread; the table must outlive it."""
        self._table, self._insert_rows, self._queue_rows = table, insert_rows, queue_rows
        self._change = threading.Condition()
        self._waiting: deque[Stored] = deque()
        self._letters: list[DeadLetter] = []
        self._rows = self._busy_rows = 0
        self._since = 0.0
        self._hurry = self._stopping = False
        self._error: StoreError | None = None
        self._letters_handed = self._letters_stored = 0
        self._beyond: set[tuple[str, str]] = set()
        self.blocks_stored = self.rows_stored = 0
        self._thread = threading.Thread(target=self._run, name="block-writer", daemon=True)
        self._thread.start()

    def write(self, blocks: Sequence[Block]) -> None:
        """Hand blocks on. Waits while the queue is full; raises StoreError when an earlier insert failed."""
        kept = [stored(block) for block in blocks]
        self._put(kept, [], sum(block.row_count for block in kept))

    def write_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Hand frames on that could not be read; they are stored with the next blocks."""
        self._put([], list(letters), len(letters))

    def _put(self, blocks: list[Stored], letters: list[DeadLetter], rows: int) -> None:
        with self._change:
            while self._error is None and self._queued and self._queued + rows > self._queue_rows:
                self._change.wait()
            self._raise()
            if self._stopping:
                raise StoreError(f"{self._table.where}: writer is closed")
            if not self._rows and rows:
                self._since = time.monotonic()
                self._change.notify_all()
            self._waiting += blocks
            self._letters += letters
            self._letters_handed += len(letters)
            before, self._rows = self._rows, self._rows + rows
            if before < self._insert_rows <= self._rows:
                self._change.notify_all()

    def hurry(self) -> None:
        """Begin to store what was handed on so far, without waiting: a `flush` will follow."""
        with self._change:
            self._hurry = True
            self._change.notify_all()

    def flush(self) -> None:
        """Wait until everything handed on so far is stored; raises StoreError when it cannot be."""
        self._settle(lambda: self._queued == 0)

    def flush_letters(self) -> None:
        """Wait until the dead letters handed on so far are stored, which costs nothing when there are none."""
        handed = self._letters_handed
        if self._letters_stored < handed:
            self._settle(lambda: self._letters_stored >= handed)

    def _settle(self, done: Callable[[], bool]) -> None:
        with self._change:
            self._hurry = True
            self._change.notify_all()
            while self._error is None and not done():
                self._change.wait()
            self._hurry = False
            self._raise()

    def close(self) -> None:
        """Store what is left and stop; raises StoreError when something could not be stored."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        self._thread.join()
        with self._change:
            self._raise()

    def __enter__(self) -> "BlockWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _queued(self) -> int:
        return self._rows + self._busy_rows

    def _raise(self) -> None:
        if self._error is not None:
            raise StoreError(str(self._error)) from self._error

    def _run(self) -> None:
        while True:
            with self._change:
                if not self._gathered():
                    return
                blocks, letters = self._taken(), self._letters
                self._letters = []
            try:
                self._check(blocks)
                self._table.write_stored(blocks)
                self._table.write_dead_letters(letters)
            except Exception as err:  # whatever it is: a producer must not wait for a thread that has gone
                self._fail(err)
                return
            with self._change:
                self.blocks_stored += len(blocks)
                self.rows_stored += self._busy_rows
                self._letters_stored += len(letters)
                self._busy_rows = 0
                self._change.notify_all()

    def _taken(self) -> list[Stored]:
        """Take the oldest blocks, one insert's worth: twice as many in one insert cost more than twice the time."""
        taken, rows = [], len(self._letters)
        while self._waiting and rows < self._insert_rows:
            block = self._waiting.popleft()
            taken.append(block)
            rows += block.row_count
        self._busy_rows, self._rows = rows, self._rows - rows
        return taken

    def _fail(self, err: Exception) -> None:
        with self._change:
            self._error = err if isinstance(err, StoreError) else StoreError(f"{self._table.where}: {err!r}")
            self._change.notify_all()

    def _gathered(self) -> bool:
        """Wait until enough is there, or it is old enough; False when there is nothing left to come."""
        while not self._stopping and self._rows < self._insert_rows:
            if not self._rows:
                self._change.wait()
                continue
            left = self._since + INSERT_SECONDS - time.monotonic()
            if left <= 0 or self._hurry:
                break
            self._change.wait(left)
        return self._rows > 0

    def _check(self, batch: list[Stored]) -> None:
        """Refuse a batch that contradicts what the store holds under its numbers, until a chain is beyond all that."""
        chains: dict[tuple[str, str], list[Stored]] = {}
        for block in batch:
            chains.setdefault((block.desk_id, block.chain), []).append(block)
        for key, blocks in chains.items():
            if key in self._beyond:
                continue
            known = self._table.heads(*key, blocks[0].number, blocks[-1].number)
            for block in blocks:
                if block.head not in known.get(block.number, {block.head}):
                    raise StoreError(f"{self._table.where}: holds another run of desk {key[0]}; use a new folder")
            if blocks[-1].number not in known:
                self._beyond.add(key)
