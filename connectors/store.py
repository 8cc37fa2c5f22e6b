"""Lay out the folder of a store and let one process at a time own it.

The embedded engine lets a second process neither write nor read, and says so without a reason. So a lock of our own is
taken first; its refusal names the process that holds it. Layout:

    DIR/manifest.json   format version and mode; a store without a mode is refused
    DIR/store.lock      who holds it; a lock whose process is gone is taken over
    DIR/chdb/           the engine's files
    DIR/recovery/       what runs that have not ended need to go on (`recovery.py`)
    DIR/spool/          what waits while the engine takes nothing (`backlog.py`)
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import msgspec
from msgspec import Struct

from connectors.errors import EdgeError
from connectors.namespace import checked_mode
from connectors.processes import is_gone, started_at
from connectors.whole import put_whole
from contracts.base import Refused

FORMAT = 1
LOCK, MANIFEST, ENGINE = "store.lock", "manifest.json", "chdb"


class StoreError(EdgeError):
    """A store cannot be used; the message names the path and why."""


class StoreAway(StoreError):
    """A store does not answer, or has no room: the same again may succeed, so what it did not take can wait."""


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What a store says of itself.

    format  version of the layout
    mode    paper, shadow, testnet_probe or live
    """

    format: int
    mode: str


class Holder(Struct, frozen=True):
    """Who holds a lock.

    pid      process
    started  when it began, as the kernel counts; empty where the kernel does not say
    """

    pid: int
    started: str


class StoreLock:
    """Own a folder until `release`; raises StoreError naming the process that owns it already."""

    _held: ClassVar[set[Path]] = set()

    def __init__(self, folder: Path) -> None:
        """Take the lock at once. Costs a file; a lock left by a process that is gone is taken over."""
        self.folder = folder.resolve()
        self.path = self.folder / LOCK
        self._pid = os.getpid()
        with _alone(self.folder):
            self._take()

    def _take(self) -> None:
        holder = self._holder()
        if holder is not None and (self.path in self._held or not is_gone(holder.pid, holder.started)):
            raise StoreError(f"{self.folder}: store is held by process {holder.pid}; wait for it, or end it")
        if holder is not None or self.path.exists():
            self.path.unlink()
        mine = msgspec.json.encode(Holder(self._pid, started_at(self._pid)))
        self._held.add(self.path)  # before the file is there, so that an interruption at any moment leaves none behind
        handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            os.write(handle, mine)
            os.fsync(handle)
        finally:
            os.close(handle)

    @staticmethod
    def _of(path: Path) -> int:
        try:
            return msgspec.json.decode(path.read_bytes(), type=Holder).pid
        except FileNotFoundError:
            return 0
        except msgspec.DecodeError:
            return os.getpid()  # ours, and not yet written

    def _holder(self) -> Holder | None:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Holder)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError:
            return None  # torn by a crash while it was written: nobody got as far as owning it

    def release(self) -> None:
        """Let go; does nothing in a child that was forked from the owner, or the second time."""
        if self.path in self._held and os.getpid() == self._pid:
            self.path.unlink(missing_ok=True)
            self._held.discard(self.path)

    @classmethod
    def release_all(cls) -> None:
        """Let go of every folder that this process owns, also of one whose taking was interrupted half-way."""
        for path in tuple(cls._held):
            if cls._of(path) == os.getpid():
                path.unlink(missing_ok=True)
            cls._held.discard(path)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time look at a lock and replace it; the kernel ends this when the process does."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def prepare(folder: Path, mode: str | None) -> str:
    """Make or check a store's folder and return its mode; None takes the mode that an existing store has.

    Raises StoreError, naming path and reason, for a file, a folder that cannot be written, a folder of something else,
    a store of another mode or of a later format.
    """
    try:
        for place in (folder, *folder.parents):
            if place.exists():
                if not place.is_dir():
                    raise StoreError(f"{folder}: {place} is a file; allowed: a folder, new or of an earlier run")
                break
        manifest = folder / MANIFEST
        if manifest.is_file():
            return _checked(folder, manifest.read_bytes(), mode)
        if folder.is_dir() and any(item.name != LOCK and item.suffix != ".part" for item in folder.iterdir()):
            raise StoreError(f"{folder}: not a polytraders store; it has files but no {MANIFEST}")
        if mode is None:
            raise StoreError(f"{folder}: no store there")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        put_whole(manifest, msgspec.json.encode(Manifest(FORMAT, checked_mode(mode))))
    except OSError as err:
        raise StoreError(f"{folder}: cannot be used as a store ({err.strerror})") from None
    except Refused as err:
        raise StoreError(f"{folder}: {err}") from None
    return mode


def _checked(folder: Path, data: bytes, mode: str | None) -> str:
    try:
        found = msgspec.json.decode(data, type=Manifest)
        checked_mode(found.mode)
    except msgspec.DecodeError as err:
        raise StoreError(f"{folder}: {MANIFEST} is not one of ours, or older than modes ({err})") from None
    if found.format != FORMAT:
        raise StoreError(f"{folder}: store has format {found.format}; this program reads {FORMAT}")
    if mode is not None and mode != found.mode:
        raise StoreError(f"{folder}: store is of mode {found.mode}, the run of mode {mode}; they never share one")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreError(f"{folder}: cannot be used as a store (Permission denied)")
    return found.mode
