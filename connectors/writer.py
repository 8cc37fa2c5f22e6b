"""Store blocks from a thread of their own, so that whoever makes them hardly waits.

Blocks are gathered until 32,768 rows are there or a second has passed, since an insert costs 3 ms whatever it holds.
The queue is bounded: a producer that is faster than the store waits, and nothing is ever dropped. What goes wrong
surfaces at the next call and at `close`, and what was not acknowledged is then known not to be promised.

A run that goes on after a crash hands on again what it had stored since its last snapshot. The same number with the
same head is the same block, and collapses in the store; with another head it is another run's, and is not stored.

With a backlog a store that is away or full for a while costs nothing: what it does not take goes to disk, and so does
what comes after it, so that the order holds. `flush` returns when all of it is in the store or on disk; both survive a
crash, since the disk is read first at the next start. While the store answers again, the disk goes before the queue,
save where somebody waits in `flush`. Where the disk's share is used up, whoever writes waits. What can never be stored
is an error.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from connectors.backlog import Backlog
from connectors.columns import Stored, stored
from connectors.errors import EdgeError, SpoolError
from connectors.spool import NORMAL, WAIT_S
from connectors.store import StoreAway, StoreError
from contracts.envelope import Block, DeadLetter

if TYPE_CHECKING:
    from connectors.clickhouse import EnvelopeTable

INSERT_ROWS = 32_768
INSERT_SECONDS = 1.0
QUEUE_ROWS = 4 * INSERT_ROWS
RETRY_S, RETRY_MAX_S = 0.1, 2.0
_STOP, _QUEUE, _DISK = "stop", "queue", "disk"


class BlockWriter:
    """The background writer of one table. `write` from one thread; `close` once at the end.

    blocks_stored, rows_stored  what the store has taken, repeats too; what is on disk is not counted
    trouble                     why the store took nothing when it was last asked; empty when it did
    """

    def __init__(
        self,
        table: "EnvelopeTable",
        insert_rows: int = INSERT_ROWS,
        queue_rows: int = QUEUE_ROWS,
        backlog: Backlog | None = None,
        patient: bool = False,
    ) -> None:
        """Start the thread; the table must outlive it.

        Without a backlog a store that is away is an error, or, for who is patient, a reason to wait: `flush` and a full
        queue then wait too. That is for input that lies in a log of its own.
        """
        self._table, self._insert_rows, self._queue_rows = table, insert_rows, queue_rows
        self._backlog, self._behind = backlog, backlog is not None and not backlog.empty
        self._patient = patient
        self.trouble, self._answers, self._retry_at, self._retry_s = "", False, 0.0, RETRY_S
        self._change = threading.Condition()
        self._waiting: deque[Stored] = deque()
        self._letters: list[DeadLetter] = []
        self._rows = self._busy_rows = 0
        self._since = 0.0
        self._hurry = self._stopping = self._leaving = False
        self._error: StoreError | None = None
        self._letters_handed = self._letters_settled = 0
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

    @property
    def state(self) -> str:
        """NORMAL; SAFE when four fifths of the disk's share are used; FULL while nothing more has room."""
        return NORMAL if self._backlog is None else self._backlog.state

    def pause(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Wait while the state is SAFE or FULL, unless `stop` says so; raises StoreError when it cannot get better."""
        with self._change:
            while self._error is None and self.state != NORMAL and not stop():
                self._change.wait(RETRY_S)
            self._raise()

    def drained(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """Wait until everything is in the store, and return True; False once `stop` says so. Raises StoreError."""
        with self._change:
            self._hurry = True
            self._change.notify_all()
            while self._error is None and (self._queued or self._behind) and not stop():
                self._change.wait(RETRY_S)
            self._hurry = False
            self._raise()
            return not (self._queued or self._behind)

    def flush(self) -> None:
        """Wait until everything handed on so far is stored or on disk; raises StoreError when it cannot be."""
        self._settle(lambda: self._queued == 0)

    def flush_letters(self) -> None:
        """Wait likewise for the dead letters handed on so far, which costs nothing when there are none."""
        handed = self._letters_handed
        if self._letters_settled < handed:
            self._settle(lambda: self._letters_settled >= handed)

    def _settle(self, done: Callable[[], bool]) -> None:
        with self._change:
            self._hurry = True
            self._change.notify_all()
            while self._error is None and not done():
                self._change.wait()
            self._hurry = False
            self._raise()

    def close(self, leave: bool = False) -> None:
        """Store what is left and stop; raises StoreError when something could not be stored.

        Waits for a store that is away; with `leave` what it does not take is on disk, for the next start.
        """
        with self._change:
            self._stopping, self._leaving = True, leave
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
        try:
            while self._turn():
                pass
        except Exception as err:  # whatever it is: a producer must not wait for a thread that has gone
            self._fail(err)

    def _turn(self) -> bool:
        """Do what is next; False when there is nothing left to do."""
        with self._change:
            work = self._next()
            if work == _QUEUE:
                blocks, letters = self._taken(), self._letters
                self._letters = []
        if work == _DISK:
            self._catch_up()
        elif work == _QUEUE:
            is_stored = self._stored(blocks, letters)
            with self._change:
                if is_stored:
                    self._count(blocks, letters)
                self._letters_settled += len(letters)
                self._busy_rows = 0
                self._change.notify_all()
        return work != _STOP

    def _stored(self, blocks: list[Stored], letters: list[DeadLetter]) -> bool:
        """Store, or keep on disk behind what is there; True when it is in the store."""
        while not self._behind:
            try:
                self._insert(blocks, letters)
                self._there()
                return True
            except StoreAway as err:
                if self._backlog is None and (self._leaving or not self._patient):
                    raise
                self._away(err)
            if self._backlog is not None:
                break
            while not self._leaving and time.monotonic() < self._retry_at:
                time.sleep(WAIT_S)
        assert self._backlog is not None
        try:
            self._backlog.keep(blocks, letters, self._wait_for_room)
        except SpoolError as err:
            raise StoreError(f"{self.trouble}; nor can it wait: {err}") from None
        self._behind = True
        return False

    def _insert(self, blocks: list[Stored], letters: list[DeadLetter]) -> None:
        self._check(blocks)
        self._table.write_stored(blocks)
        self._table.write_dead_letters(letters)

    def _count(self, blocks: list[Stored], letters: list[DeadLetter]) -> None:
        self.blocks_stored += len(blocks)
        self.rows_stored += sum(block.row_count for block in blocks) + len(letters)

    def _there(self) -> None:
        self.trouble, self._answers, self._retry_at, self._retry_s = "", True, 0.0, RETRY_S

    def _away(self, err: StoreAway) -> None:
        """Ask again later, and each time later."""
        self.trouble = str(err)
        self._answers, self._retry_at = False, time.monotonic() + self._retry_s
        self._retry_s = min(RETRY_MAX_S, 2 * self._retry_s)

    def _catch_up(self) -> None:
        """Store the oldest that is on disk."""
        assert self._backlog is not None
        blocks, letters = self._backlog.first(self._insert_rows)
        try:
            self._insert(blocks, letters)
        except StoreAway as err:
            self._away(err)
            return
        self._backlog.done()
        self._there()
        with self._change:
            self._behind = not self._backlog.empty
            self._count(blocks, letters)
            self._change.notify_all()

    def _wait_for_room(self) -> None:
        """Let the store take some of what is on disk, which is full."""
        if self._leaving:
            raise StoreError(f"{self.trouble or self._table.where}; its spool is full; go on with the same command")
        if time.monotonic() < self._retry_at:
            time.sleep(WAIT_S)
        else:
            self._catch_up()

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
            told = err if isinstance(err, EdgeError) else repr(err)
            self._error = err if isinstance(err, StoreError) else StoreError(f"{self._table.where}: {told}")
            self._change.notify_all()

    def _next(self) -> str:
        """Wait until enough is there, or it is old enough, or the disk's turn has come; say which."""
        while True:
            now = time.monotonic()
            old_at, disk_at = self._since + INSERT_SECONDS if self._rows else now, self._retry_at
            full = self._stopping or self._hurry or self._rows >= self._insert_rows
            is_ready, is_due = self._rows > 0 and (full or now >= old_at), self._behind and now >= disk_at
            if is_ready and (self._hurry or self._leaving or not (is_due and self._answers)):
                return _QUEUE
            if is_due and not self._leaving:
                return _DISK
            if self._stopping and not self._rows and (self._leaving or not self._behind):
                return _STOP
            waits = [old_at - now] * (self._rows > 0) + [disk_at - now] * self._behind
            self._change.wait(min(waits) if waits else None)

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
