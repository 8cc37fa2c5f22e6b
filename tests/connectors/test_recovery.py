"""The folder of an unfinished run: its owner's alone, whole or not there, and of one run."""

import sqlite3
from pathlib import Path

import pytest

from connectors.recovery import FORMAT, Begun, Recovery, differences, refusal
from connectors.store import StoreError

RUN = Begun(FORMAT, "run-1", {"capture 1": "a" * 64, "plan": "p1", "bot risk.stale_book": "1/2"})


def test_a_run_that_was_begun_is_found(tmp_path: Path) -> None:
    """The folder is there for its owner alone, says which run it is, and has the dataflow's table of snapshots."""
    recovery = Recovery(tmp_path, "lab")
    assert recovery.begun() is None
    recovery.begin(RUN)
    assert RUN == Recovery(tmp_path, "lab").begun()
    assert [0o700, 0o700] == [each.stat().st_mode & 0o777 for each in (recovery.folder, recovery.folder.parent)]
    with sqlite3.connect(recovery.folder / "part-0.sqlite3") as database:
        assert [(0,)] == database.execute("SELECT count(*) FROM snaps").fetchall()


def test_desks_do_not_share_a_folder(tmp_path: Path) -> None:
    """Two desks of one store go on each by itself."""
    Recovery(tmp_path, "lab").begin(RUN)
    assert Recovery(tmp_path, "bot1").begun() is None


def test_a_folder_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    """What a process that was killed left of making one is no run, and goes with the next."""
    recovery = Recovery(tmp_path, "lab")
    recovery.folder.parent.mkdir()
    left = recovery.folder.with_name(".lab.1.part")
    left.mkdir()
    (left / "part-0.sqlite3").write_bytes(b"")
    assert recovery.begun() is None
    recovery.begin(RUN)
    assert ["lab"] == [each.name for each in recovery.folder.parent.iterdir()]


def test_an_ended_run_leaves_nothing(tmp_path: Path) -> None:
    """The folder goes; the second time does nothing."""
    recovery = Recovery(tmp_path, "lab")
    recovery.begin(RUN)
    recovery.end()
    recovery.end()
    assert not recovery.folder.exists()


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o750])
def test_a_folder_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    """A snapshot is as trusted as code, so nobody else may have had a hand in it."""
    recovery = Recovery(tmp_path, "lab")
    recovery.begin(RUN)
    recovery.folder.chmod(mode)
    with pytest.raises(StoreError, match=rf"recovery/lab: others may write to it \(mode {mode:04o}\).*mode 0700"):
        recovery.begun()


@pytest.mark.parametrize("text", [b"", b"{}", b'{"format":1}'])
def test_a_folder_of_something_else_is_refused(tmp_path: Path, text: bytes) -> None:
    """What is not one of ours is named, with what to do."""
    recovery = Recovery(tmp_path, "lab")
    recovery.begin(RUN)
    (recovery.folder / "run.json").write_bytes(text)
    with pytest.raises(StoreError, match=r"run\.json: not one of ours .*; remove the folder"):
        recovery.begun()


def test_what_differs_is_named() -> None:
    """Every part that differs, on one side alone too, with both of its values."""
    here = {**RUN.parts, "plan": "p2", "capture 2": "b" * 64}
    assert ["plan (there p1, here p2)", f"capture 2 (there none, here {'b' * 24})"] == differences(RUN.parts, here)
    told = str(refusal("DIR", RUN, Begun(FORMAT, "run-2", here)))
    assert told.startswith("DIR: holds an unfinished run that differs in plan (there p1, here p2), capture 2")
    assert told.endswith("go on with the command and the program that began it, or use a new folder")
    many = Begun(FORMAT, "run-3", {f"bot {number}": "x" for number in range(9)})
    assert ", and 7 more" in str(refusal("DIR", RUN, many))
