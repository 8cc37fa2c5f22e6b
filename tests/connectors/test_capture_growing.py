"""A recording that grows is read line by whole line, and is the same recording in the end."""

from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from connectors.capture import CaptureWriter, Received, open_capture
from connectors.capture_growing import open_growing
from connectors.errors import CaptureError
from operators.normalise.frames import Frame

AT = 1_795_194_000_000_000_000


def said(number: int, event: str = "", frame: bytes = b'{"x":1}') -> Received:
    """One message of a recorder."""
    return Received(AT + number * 1_000_000, "c-1", number, b"" if event else frame, event)


def waiting(frames: Iterator[Frame | None]) -> list[Frame]:
    """What comes until nothing more is there."""
    return [frame for frame in takewhile(lambda frame: frame is not None, frames) if frame is not None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A recording with its header, an event and one message."""
    file = tmp_path / "live.jsonl"
    with CaptureWriter(file, "polymarket", "clob_v2", {"incarnation": "7"}) as writer:
        writer.write([said(1, "connected"), said(2)])
    return file


def test_what_was_written_since_is_read_next(path: Path) -> None:
    """Each look gives the new lines; a look at nothing gives None; `rotated` at the end ends it."""
    growing = open_growing(path)
    frames = growing.polled()
    assert [1, 2, 3] == [frame.position for frame in waiting(frames)]
    assert [] == waiting(frames)
    with CaptureWriter(path, "polymarket", "clob_v2") as writer:
        writer.write([said(3), said(4, frame=b"\xff")])
        assert [4, 5] == [frame.position for frame in waiting(frames)]
        writer.write([said(5, "rotated")])
    assert [6] == [frame.position for frame in frames if frame is not None]


def test_it_is_the_same_recording_in_the_end(path: Path) -> None:
    """Frame for frame what a plain reading of the whole file gives, also with lines longer than a piece."""
    with CaptureWriter(path, "polymarket", "clob_v2") as writer:
        writer.write([said(3, frame=b"y" * 3_000_000), said(4, "beat"), said(5, "rotated")])
    assert list(open_capture(path)) == [frame for frame in open_growing(path).polled() if frame is not None]


def test_a_rotated_line_in_the_middle_ends_nothing(path: Path) -> None:
    """Only the last line of the file is its end: a recorder may have gone on in it."""
    with CaptureWriter(path, "polymarket", "clob_v2") as writer:
        writer.write([said(3, "rotated"), said(4)])
        frames = open_growing(path).polled()
        assert [1, 2, 3, 4, 5] == [frame.position for frame in waiting(frames)]


def test_a_torn_line_waits_and_may_be_written_anew(path: Path) -> None:
    """A recorder that was killed in the middle of a line cuts it off; nobody has read a part of it."""
    frames = open_growing(path).polled()
    waiting(frames)
    with path.open("ab") as file:
        file.write(b'{"at_ns":17951940000')
    assert [] == waiting(frames)
    with CaptureWriter(path, "polymarket", "clob_v2") as writer:
        writer.write([said(9, frame=b"new")])
    assert [b"new"] == [frame.data for frame in waiting(frames)]


def test_its_first_lines_are_its_identity(path: Path, tmp_path: Path) -> None:
    """The same before and after it has grown; another recording has another."""
    before = open_growing(path).source_id
    with CaptureWriter(path, "polymarket", "clob_v2") as writer:
        writer.write([said(3)])
    other = tmp_path / "other.jsonl"
    with CaptureWriter(other, "polymarket", "clob_v2", {"incarnation": "8"}) as writer:
        writer.write([said(1, "connected")])
    assert before == open_growing(path).source_id != open_growing(other).source_id


def test_the_first_message_is_waited_for(tmp_path: Path) -> None:
    """A recorder that has only written its header is waited for."""
    path = tmp_path / "live.jsonl"
    writer = CaptureWriter(path, "polymarket", "clob_v2")
    waits = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            writer.write([said(1, "connected")])

    assert AT + 1_000_000 == open_growing(path, wait=wait).first_ns
    assert 3 == len(waits)
    writer.close()


def test_a_file_that_shrank_is_an_error(path: Path) -> None:
    """What was read is gone: whoever goes on would decide on other bytes than those that are kept."""
    frames = open_growing(path).polled()
    waiting(frames)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(CaptureError, match="is shorter than what was read of it"):
        waiting(frames)


@pytest.mark.parametrize("content", [b'{"event_type":"x","local_recv_ns":1}\n', b"\x1f\x8b123\n", b"words\n"])
def test_only_our_own_plain_recordings_are_followed(tmp_path: Path, content: bytes) -> None:
    """Of any other it is not known whether a line is whole."""
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(CaptureError, match="no recording of our own in plain text"):
        open_growing(tmp_path / "other")
    with pytest.raises(CaptureError, match="No such file"):
        open_growing(tmp_path / "none")
