"""connectors.whole: a file is there whole, or as it was."""

import os
from pathlib import Path

import pytest

from connectors.whole import part_of, put_whole


def test_what_is_written_is_there_and_nothing_else(tmp_path: Path) -> None:
    """New and old content alike: one file under its name, no part beside it."""
    for data in (b"one", b"another"):
        put_whole(tmp_path / "x.json", data)
        assert (tmp_path / "x.json").read_bytes() == data
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]


def test_a_failure_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk refuses, the file is what it was, and the part is gone."""
    put_whole(tmp_path / "x.json", b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        put_whole(tmp_path / "x.json", b"new")
    assert (tmp_path / "x.json").read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]


def test_a_part_is_this_process_s_own(tmp_path: Path) -> None:
    """Its name is hidden, beside the file, and has the process in it."""
    assert part_of(tmp_path / "x.json") == tmp_path / f".x.json.{os.getpid()}.part"
