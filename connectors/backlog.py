"""Keep the blocks and letters that the store does not take now, on disk and in order, until it does.

    DIR/spool/DESK/   beside DIR/recovery/DESK/, in the form of `spool.py`

What is here is as good as stored: it is on disk (fsync), it is read first at the next start, and a block or a letter
that is stored twice stands once (the same number and head, the same source and position).
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from connectors.columns import Stored
from connectors.errors import SpoolError
from connectors.spool import SEGMENTS, Spool
from connectors.store import StoreError
from contracts.base import read, write
from contracts.envelope import DeadLetter

FOLDER = "spool"
LIMIT = 1 << 30
RECORDS_MIN, RECORDS_MAX = 16, 4_096
_BLOCK, _LETTER = b"b", b"l"
_PACK = msgspec.msgpack.Encoder().encode
_UNPACK = msgspec.msgpack.Decoder(Stored).decode


def backlog_folder(store: Path, desk_id: str) -> Path:
    """Return where a desk's backlog stands in a store's folder."""
    return store / FOLDER / desk_id


class Backlog:
    """What waits for one table. Used by one thread; `state` may be asked from any."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        """Open or make it, at most `limit` bytes on disk; raises StoreError for a folder that cannot be used."""
        self.folder = folder
        self._most = RECORDS_MIN
        try:
            self._spool = Spool(folder, limit)
        except SpoolError as err:
            raise StoreError(str(err)) from None
        self._bytes_max = max(1, limit // SEGMENTS // 2)

    @property
    def state(self) -> str:
        """NORMAL; SAFE above four fifths of the limit; FULL while somebody waits for room."""
        return self._spool.state

    @property
    def empty(self) -> bool:
        """True when nothing waits."""
        return self._spool.empty

    def keep(self, blocks: Sequence[Stored], letters: Sequence[DeadLetter], waiting: Callable[[], None]) -> None:
        """Append, and return when it is on disk; `waiting` is called while there is no room. Raises SpoolError."""
        group: list[bytes] = []
        size = 0
        for record in (*(_BLOCK + _PACK(block) for block in blocks), *(_LETTER + write(each) for each in letters)):
            if group and size + len(record) > self._bytes_max:
                self._spool.append(group, waiting)
                group, size = [], 0
            group.append(record)
            size += len(record)
        self._spool.append(group, waiting)

    def first(self, rows: int) -> tuple[list[Stored], list[DeadLetter]]:
        """Return the oldest, about so many rows: one insert's worth; call `done` when they are stored."""
        records = self._spool.take(self._most)
        blocks = [_UNPACK(record[1:]) for record in records if record[:1] == _BLOCK]
        letters = [read(DeadLetter, record[1:]) for record in records if record[:1] == _LETTER]
        found = sum(block.row_count for block in blocks) + len(letters)
        if found > rows:
            self._most = max(RECORDS_MIN, self._most // 2)
        elif 2 * found <= rows and len(records) == self._most:
            self._most = min(RECORDS_MAX, 2 * self._most)
        return blocks, letters

    def done(self) -> None:
        """Forget what `first` returned last."""
        self._spool.done()

    def close(self) -> None:
        """Close the files; what waits is there at the next start."""
        self._spool.close()

    def end(self) -> None:
        """Close it, and remove the folder: the run has ended and nothing waits. Raises StoreError where it does."""
        if not self.empty:
            raise StoreError(f"{self.folder}: blocks still wait there for the store")
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)
