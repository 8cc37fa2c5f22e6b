"""Show who may open a store's folder, and who is turned away and why."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from connectors.store import LOCK, MANIFEST, Holder, StoreError, StoreLock, prepare

HOLD = "import sys; from pathlib import Path; from connectors.store import StoreLock; StoreLock(Path(sys.argv[1])); "
WAIT = HOLD + "print('held', flush=True); sys.stdin.read()"


@contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds the lock of a folder."""
    child = subprocess.Popen(
        [sys.executable, "-c", WAIT, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
    finally:
        child.kill()
        child.communicate()


def test_a_lock_names_the_process_that_holds_it(tmp_path: Path) -> None:
    """A second process is refused, and told whom to wait for."""
    with another_process(tmp_path) as child, pytest.raises(StoreError, match=f"held by process {child.pid};"):
        StoreLock(tmp_path)


def test_a_lock_of_a_process_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    """A kill -9 leaves the file behind, also while its zombie waits; it stops nobody."""
    with another_process(tmp_path) as child:
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        lock = StoreLock(tmp_path)
        assert msgspec.json.decode((tmp_path / LOCK).read_bytes(), type=Holder).pid == os.getpid()
        lock.release()
    assert not (tmp_path / LOCK).exists()


def test_a_process_number_that_was_used_again_holds_nothing(tmp_path: Path) -> None:
    """A lock names the start of its process too, so another one with its number is not mistaken for it."""
    (tmp_path / LOCK).write_bytes(msgspec.json.encode(Holder(os.getppid(), "1")))
    StoreLock(tmp_path).release()
    assert not (tmp_path / LOCK).exists()


@pytest.mark.parametrize("torn", [b"", b'{"pid":', b"\0\0\0"])
def test_a_torn_lock_is_nobodys(tmp_path: Path, torn: bytes) -> None:
    """Whoever crashed while writing the lock never owned the store."""
    (tmp_path / LOCK).write_bytes(torn)
    StoreLock(tmp_path).release()
    assert not (tmp_path / LOCK).exists()


def test_one_process_holds_a_folder_once(tmp_path: Path) -> None:
    """The same process is no exception, by whatever spelling; after release the folder is free."""
    lock = StoreLock(tmp_path)
    with pytest.raises(StoreError, match=f"held by process {os.getpid()};"):
        StoreLock(tmp_path / ".." / tmp_path.name)
    lock.release()
    lock.release()
    StoreLock(tmp_path).release()
    assert not (tmp_path / LOCK).exists()


def test_a_forked_child_cannot_release_its_parents_lock(tmp_path: Path) -> None:
    """What a fork copied is not owned by the copy."""
    lock = StoreLock(tmp_path)
    child = os.fork()
    if not child:
        lock.release()
        os._exit(0)
    os.waitpid(child, 0)
    assert (tmp_path / LOCK).exists()
    lock.release()


def test_a_path_that_is_a_file_is_refused_by_name(tmp_path: Path) -> None:
    """Neither the path nor a folder on the way there may be a file; nothing is made."""
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "store"):
        with pytest.raises(StoreError, match=rf"{path}: {tmp_path / 'file'} is a file"):
            prepare(path, "paper")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    """Files without a manifest are somebody's: not a store, and not to be written over."""
    (tmp_path / "holiday.jpg").write_text("mine")
    with pytest.raises(StoreError, match="not a polytraders store"):
        prepare(tmp_path, "paper")
    assert [item.name for item in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_store_of_one_mode_is_not_opened_by_another(tmp_path: Path) -> None:
    """Live and paper never share a store; a reader takes the mode that it finds."""
    assert prepare(tmp_path, "paper") == "paper"
    assert prepare(tmp_path, None) == "paper"
    with pytest.raises(StoreError, match="store is of mode paper, the run of mode live"):
        prepare(tmp_path, "live")


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ('{"format":1}', "older than modes"),
        ("{", "not one of ours"),
        ('{"format":1,"mode":"demo"}', "mode 'demo' is unknown"),
        ('{"format":2,"mode":"paper"}', "store has format 2; this program reads 1"),
    ],
)
def test_a_store_that_does_not_say_its_mode_is_refused(tmp_path: Path, manifest: str, why: str) -> None:
    """A legacy store has no mode; none is assumed."""
    (tmp_path / MANIFEST).write_text(manifest)
    with pytest.raises(StoreError, match=why):
        prepare(tmp_path, None)


def test_reading_needs_a_store_that_is_there(tmp_path: Path) -> None:
    """To read does not make."""
    with pytest.raises(StoreError, match="no store there"):
        prepare(tmp_path / "none", None)
    assert not (tmp_path / "none").exists()


def test_a_mode_must_be_known_to_make_a_store(tmp_path: Path) -> None:
    """No store has a mode that the system does not have."""
    with pytest.raises(StoreError, match="mode 'demo' is unknown"):
        prepare(tmp_path / "new", "demo")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own word for why is in the message."""
    prepare(tmp_path / "store", "paper")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StoreError, match="Permission denied"):
        prepare(tmp_path / "store", None)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StoreError, match=r"new: cannot be used as a store \(Permission denied\)"):
        prepare(tmp_path / "new", "paper")


def test_a_lock_whose_taking_was_interrupted_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody got the lock into their hands, and still its file goes; that of another process stays."""
    taken = StoreLock._take

    def interrupted(lock: StoreLock) -> None:
        taken(lock)
        raise KeyboardInterrupt

    monkeypatch.setattr(StoreLock, "_take", interrupted)
    with pytest.raises(KeyboardInterrupt):
        StoreLock(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    with another_process(other):
        StoreLock.release_all()
        assert (False, True) == ((tmp_path / LOCK).exists(), (other / LOCK).exists())
