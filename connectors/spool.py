"""Keep what cannot be handed on now in files of bounded size, in order, until it can: nothing is dropped.

    DIR/000000000000.spool   records in order; a new file after a quarter of the limit
    DIR/read.json            how far it was handed on: file, byte; whole or not at all

A record is a magic word, the number of its batch, its length, its CRC-32 over all of that, and its bytes. `append`
returns when the batch is on disk (fsync). A batch that a crash tore was promised to nobody: at the next opening it is
cut off at its last whole record, and what was cut stands beside it as `.torn`. Since no batch is begun before the one
before it is on disk, damage in front of a later batch is no torn end but a ruined file, and is refused.

What was handed on and not yet marked so is handed on again after a crash: at least once, and who reads knows repeats.
"""

import os
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import msgspec
from msgspec import Struct

from connectors.errors import SpoolError
from connectors.whole import put_whole

NORMAL, SAFE, FULL = "NORMAL", "SAFE", "FULL"
SAFE_SHARE = 0.8
WAIT_S = 0.02
SEGMENTS = 4
MAGIC = b"\xf5PTS"
HEAD = struct.Struct(">4sIII")
_SUFFIX, _READ = ".spool", "read.json"


class _Mark(Struct, forbid_unknown_fields=True):
    segment: int
    byte: int


class Spool:
    """One queue on disk. For one process and one thread; `limit` bounds the bytes of its files.

    used   bytes that the files take
    full   True while a batch waits for room
    torn   file and bytes that were cut off at the opening; empty otherwise
    """

    def __init__(self, folder: Path, limit: int) -> None:
        """Open or make it; raises SpoolError for a folder that cannot be used, or a file that is ruined."""
        self.folder, self.limit, self.used, self.full, self.torn = folder, limit, 0, False, ""
        self._segment_bytes = max(1, limit // SEGMENTS)
        self._batch, self._broken = 0, ""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._segments = sorted(int(path.stem) for path in folder.glob(f"*{_SUFFIX}"))
            self._mark = self._ahead = self._marked()
            self._discard()
            for number in self._segments:
                self._recover(number, last=number == self._segments[-1])
            self._file = self._path(self._segments[-1] if self._segments else self._begun()).open("ab")
            if self._mark.byte > self._path(self._mark.segment).stat().st_size:
                raise SpoolError(f"{folder / _READ}: names byte {self._mark.byte}, which its file does not have")
        except (OSError, ValueError) as err:
            raise SpoolError(f"{folder}: cannot be used as a spool ({err})") from None

    @property
    def share(self) -> float:
        """How much of the limit is used, from 0."""
        return self.used / self.limit

    @property
    def state(self) -> str:
        """NORMAL; SAFE above four fifths of the limit: no new exposure; FULL while a batch waits for room."""
        return FULL if self.full else SAFE if self.share > SAFE_SHARE else NORMAL

    @property
    def empty(self) -> bool:
        """True when everything was handed on."""
        last = self._segments[-1]
        return self._mark.segment == last and self._mark.byte >= self._path(last).stat().st_size

    @property
    def taken(self) -> bool:
        """True when `take` has returned everything."""
        last = self._segments[-1]
        return self._ahead.segment == last and self._ahead.byte >= self._path(last).stat().st_size

    def append(self, records: Sequence[bytes], waiting: Callable[[], None] = lambda: time.sleep(WAIT_S)) -> None:
        """Append a batch and wait until it is on disk.

        While there is no room `waiting` is called, which may hand records on (`take`, `done`) or raise. Raises
        SpoolError when the disk refuses, or for a batch above a quarter of the limit, which could wait for ever.
        """
        if self._broken:
            raise SpoolError(self._broken)
        if not records:
            return
        self._batch += 1
        parts = [packed(self._batch, record) for record in records]
        size = sum(map(len, parts))
        if size > self._segment_bytes:
            raise SpoolError(f"{self.folder}: a batch of {size} bytes; allowed: {self._segment_bytes}")
        try:
            while self.used + size > self.limit:
                self.full = True
                waiting()
        finally:
            self.full = False
        before = self._file.tell()
        try:
            if before and before + size > self._segment_bytes:
                self._file.close()
                self._file, before = self._path(self._begun()).open("ab"), 0
            self._file.write(b"".join(parts))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as err:
            self._undo(before)
            raise SpoolError(f"{self.folder}: {err.strerror or err}; the batch is not on disk") from None
        self.used += size

    def take(self, most: int = 256) -> list[bytes]:
        """Return the first records that were not handed on, at most so many; call `done` when they are."""
        taken: list[bytes] = []
        self._ahead = _Mark(self._mark.segment, self._mark.byte)
        while len(taken) < most:
            data = self._from(self._ahead, most - len(taken))
            if not data and self._ahead.segment == self._segments[-1]:
                break
            if not data:
                self._ahead = _Mark(self._segments[self._segments.index(self._ahead.segment) + 1], 0)
            taken += data
        return taken

    def done(self) -> None:
        """Mark what `take` returned last as handed on, and remove files that are behind it."""
        self._mark = self._ahead
        put_whole(self.folder / _READ, msgspec.json.encode(self._mark))
        self._discard()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    # ---- files ----

    def _path(self, segment: int) -> Path:
        return self.folder / f"{segment:012d}{_SUFFIX}"

    def _begun(self) -> int:
        number = self._segments[-1] + 1 if self._segments else self._mark.segment
        self._segments.append(number)
        self._path(number).touch(mode=0o600)
        _sync(self.folder)
        return number

    def _marked(self) -> _Mark:
        path = self.folder / _READ
        if not path.exists():
            return _Mark(self._segments[0] if self._segments else 0, 0)
        mark = msgspec.json.decode(path.read_bytes(), type=_Mark)
        if mark.segment not in self._segments:
            raise SpoolError(f"{path}: names file {mark.segment}, which is missing; restore it, or move all away")
        return mark

    def _discard(self) -> None:
        """Remove files that were handed on whole; the bytes they took are free."""
        for number in [each for each in self._segments[:-1] if each < self._mark.segment]:
            path = self._path(number)
            self.used -= min(self.used, path.stat().st_size)
            path.unlink()
            self._segments.remove(number)

    def _recover(self, number: int, last: bool) -> None:
        """Count a file's bytes, and cut a torn end off the last one; raises SpoolError for a ruin."""
        path = self._path(number)
        data = path.read_bytes()
        end = 0
        for end, self._batch, _ in whole_records(data):  # noqa: B007 - the last one counts, and none is kept
            pass
        if end < len(data):
            if not last or follows(data, end, self._batch):
                raise SpoolError(f"{path}: is ruined at byte {end}, before later records; restore it, or move it away")
            path.with_suffix(".torn").write_bytes(data[end:])
            self._cut(path, end)
            self.torn = f"{path}: {len(data) - end} bytes of a batch that was never acknowledged"
        self.used += end

    def _from(self, mark: _Mark, most: int) -> list[bytes]:
        """Read records on from a mark, and move it behind them."""
        with self._path(mark.segment).open("rb") as file:
            file.seek(mark.byte)
            found: list[bytes] = []
            while len(found) < most and len(head := file.read(HEAD.size)) == HEAD.size:
                magic, _, length, crc = HEAD.unpack(head)
                record = file.read(length)
                if magic != MAGIC or len(record) != length or crc32(head[:-4] + record) != crc:
                    raise SpoolError(f"{file.name}: is ruined at byte {mark.byte}; restore it, or move it away")
                found.append(record)
                mark.byte += HEAD.size + length
        return found

    def _undo(self, before: int) -> None:
        """Take back what a refused write may have left."""
        with suppress(OSError):  # what is still in the buffer cannot be written either; the file is cut below
            self._file.close()
        path = self._path(self._segments[-1])
        try:
            self._cut(path, min(before, path.stat().st_size))
            self._file = path.open("ab")
        except OSError as err:
            self._broken = f"{path}: {err.strerror or err}; what a failed batch left stands there: open it again"

    def _cut(self, path: Path, end: int) -> None:
        with path.open("r+b") as file:
            file.truncate(end)
            os.fsync(file.fileno())


def whole_records(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (end, batch, record) of the records that stand whole at the beginning of a file's bytes."""
    at = 0
    while len(data) - at >= HEAD.size:
        magic, batch, length, crc = HEAD.unpack_from(data, at)
        end = at + HEAD.size + length
        if magic != MAGIC or end > len(data) or crc32(data[at : at + HEAD.size - 4] + data[end - length : end]) != crc:
            return
        yield end, batch, data[end - length : end]
        at = end


def follows(data: bytes, start: int, batch: int) -> bool:
    """True when a whole record of a batch after the one that stands at `start` comes later in the bytes."""
    if len(data) - start < HEAD.size:
        return False
    torn = HEAD.unpack_from(data, start)[1] if data[start : start + 4] == MAGIC else 0
    at = data.find(MAGIC, start + 1)
    while at >= 0:
        found = next(whole_records(data[at:]), None)
        if found is not None and found[1] > max(batch, torn if torn <= batch + 1 else 0):
            return True
        at = data.find(MAGIC, at + 1)
    return False


def packed(batch: int, record: bytes) -> bytes:
    """Return a record as it stands in a file."""
    head = HEAD.pack(MAGIC, batch & 0xFFFFFFFF, len(record), 0)[:-4]
    return head + crc32(head + record).to_bytes(4) + record


def _sync(folder: Path) -> None:
    """Wait until a new file's name is on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
