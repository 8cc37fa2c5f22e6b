"""Recordings are recognised by their content, read lazily, cut where they are torn, and refused when they are none."""

import gzip
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.capture import CaptureWriter, Received, open_capture
from connectors.errors import CaptureError, EdgeError
from connectors.freshness import budgets
from contracts.base import Refused
from operators.freshness import Budgets
from operators.normalise import Frame, Normaliser

AT = 1_777_400_000_000_000_000
HEADER = b'{"polytraders_capture":1,"venue":"polymarket","dialect":"clob_v2","labels":{"synthetic":"true"}}\n'


def line(number: int, frame: str = "PONG") -> bytes:
    """A line of our own format."""
    return json.dumps({"at_ns": AT + number, "conn": "c1", "n": number, "frame": frame}).encode() + b"\n"


def kalshi(number: int) -> bytes:
    """A line of the Kalshi recorder."""
    made = {"event_type": "ws_connected", "connection_id": "n", "local_recv_ns": AT + number, "payload_json": {}}
    return json.dumps(made).encode() + b"\n"


def stored(path: Path, data: bytes) -> Path:
    """Write a file, compressed when its name says so."""
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Text as received, bytes that are no text, an event of the connection: the header is line 1, messages follow."""
    path, text = tmp_path / "a.jsonl", '{"price":"0.5",  "quote":"\\" é"}'
    with CaptureWriter(path, "polymarket", "clob_v2", {"synthetic": "true"}) as writer:
        writer.write([Received(AT, "c1", 1, text.encode()), Received(AT + 1, "c1", 2, b"\xff\x00")])
        writer.write([Received(AT + 2, "c1", 3, event="disconnected")])
    capture = open_capture(path)
    frames = list(capture)
    assert ("polymarket", "clob_v2", AT, "") == (capture.venue, capture.dialect, capture.first_ns, capture.truncated)
    assert [(1, AT, "connection"), (2, AT, "clob_v2"), (3, AT + 1, "clob_v2"), (4, AT + 2, "connection")] == [
        (frame.position, frame.at_ns, frame.dialect) for frame in frames
    ]
    assert [text.encode(), b"\xff\x00"] == [frame.data for frame in frames[1:3]]
    assert sha256(path.read_bytes()).hexdigest() == capture.source_id
    read = Normaliser().step(frames)
    assert ((4, 0, 2), ["INTEL_FRAME_UNKNOWN_KIND", "INTEL_FRAME_NOT_JSON"]) == (
        read.counts[:3],
        [d.reason for d in read.dead],
    )


def test_writing_goes_on_where_it_stopped_and_cuts_a_torn_line(tmp_path: Path) -> None:
    """A second writer appends; what a crash left of a line is cut off first; another recording is refused."""
    path = tmp_path / "a.jsonl"
    with CaptureWriter(path, "kalshi", "kalshi") as writer:
        writer.write([Received(AT, "c", 1, b"PONG")])
    with path.open("ab") as file:
        file.write(b'{"at_ns":17')
    with CaptureWriter(path, "kalshi", "kalshi") as writer:
        writer.write([Received(AT + 5, "c", 2, b"PONG")])
    capture = open_capture(path)
    assert ([AT, AT, AT + 5], "") == ([frame.at_ns for frame in capture], capture.truncated)
    with pytest.raises(CaptureError, match="holds another recording"):
        CaptureWriter(path, "polymarket", "clob_v2")
    with pytest.raises(CaptureError, match=r"allowed: a file that can be written"):
        CaptureWriter(tmp_path / "none" / "a.jsonl", "kalshi", "kalshi")


@given(st.lists(st.text(), max_size=8))
def test_any_text_survives_a_recording(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """Whatever text was received stands in its frame, byte for byte."""
    path = tmp_path_factory.mktemp("any") / "a.jsonl"
    with CaptureWriter(path, "polymarket", "clob_v2") as writer:
        writer.write([Received(AT + n, "c", n, text.encode(errors="surrogatepass")) for n, text in enumerate(texts)])
    assert [text.encode(errors="surrogatepass") for text in texts] == [frame.data for frame in open_capture(path)][1:]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_plain_and_compressed_are_the_same_but_for_their_hash(tmp_path: Path, name: str) -> None:
    """Frames are equal; the source's id is that of the bytes as stored, and iterating twice gives the same."""
    capture = open_capture(stored(tmp_path / name, HEADER + line(1) + line(2)))
    assert [1, 2, 3] == [frame.position for frame in capture] == [frame.position for frame in capture]
    assert (capture.size, capture.size) == (capture.read, (tmp_path / name).stat().st_size)
    assert sha256((tmp_path / name).read_bytes()).hexdigest() == capture.source_id


def test_joined_gzip_members_are_one_text(tmp_path: Path) -> None:
    """Members one after the other, with zeros behind the last, are read through."""
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(HEADER + line(1)) + gzip.compress(line(2)) + b"\0" * 64)
    capture = open_capture(path)
    assert (3, "") == (len(list(capture)), capture.truncated)


@pytest.mark.parametrize(
    ("data", "frames", "reason"),
    [
        (HEADER + line(1) + line(2)[:-1], 3, ""),
        (HEADER + line(1) + line(2)[:-9], 2, "line 3 is torn; read up to line 2"),
        (HEADER + line(1) + b"garb", 2, "line 3 is torn; read up to line 2"),
    ],
)
def test_a_torn_last_line_is_left_out_and_named(tmp_path: Path, data: bytes, frames: int, reason: str) -> None:
    """A last line without its end counts when it is whole JSON; otherwise `truncated` names file and line."""
    path = stored(tmp_path / "a.jsonl", data)
    capture = open_capture(path)
    assert (frames, f"{path}: {reason}" if reason else "") == (len(list(capture)), capture.truncated)


def test_damage_inside_a_gzip_stream_is_a_cut(tmp_path: Path) -> None:
    """Flipped bytes end the reading at the last whole line before them, with the reason."""
    lines = HEADER + b"".join(line(n, sha256(str(n).encode()).hexdigest()) for n in range(20_000))
    data = bytearray(gzip.compress(lines))
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    path = tmp_path / "a.gz"
    path.write_bytes(data)
    capture = open_capture(path)
    whole = lines.split(b"\n")
    part = list(capture)
    assert 100 < len(part) < 20_001 and "gzip damaged" in capture.truncated
    assert [json.loads(w)["frame"].encode() for w in whole[1:50]] == [frame.data for frame in part[1:50]]


def test_a_line_that_cannot_be_read_in_the_middle_is_a_frame(tmp_path: Path) -> None:
    """Blank and broken lines keep their place and time and become dead letters; the count of lines holds."""
    path = stored(tmp_path / "a.jsonl", HEADER + line(1) + b"\n" + b"{broken\n" + b'{"at_ns":5}\n' + line(2))
    frames = list(open_capture(path))
    read = Normaliser().step(frames)
    assert ([1, 2, 3, 4, 5, 6], (6, 0, 3)) == ([frame.position for frame in frames], read.counts[:3])
    assert [(3, "INTEL_FRAME_NOT_JSON"), (4, "INTEL_FRAME_NOT_JSON"), (5, "INTEL_FRAME_UNKNOWN_KIND")] == [
        (letter.position, letter.reason) for letter in read.dead
    ]


def test_kalshi_lines_are_recognised_behind_a_damaged_first_line(tmp_path: Path) -> None:
    """The format shows in any of the first lines; a damaged one before it takes the first readable arrival."""
    capture = open_capture(stored(tmp_path / "x.txt", b"#!junk\n" + kalshi(7) + kalshi(8)))
    assert ("kalshi", "kalshi_recorder", AT + 7) == (capture.venue, capture.dialect, capture.first_ns)
    assert [AT + 7, AT + 7, AT + 8] == [frame.at_ns for frame in capture]


def test_a_damaged_arrival_does_not_move_the_clock(tmp_path: Path) -> None:
    """A time a month ahead and alone, or out of all bounds, counts as the one before; a true hole is followed."""
    month = 40 * 86_400 * 10**9
    path = stored(
        tmp_path / "x", kalshi(0) + kalshi(month) + kalshi(1) + kalshi(10**19) + kalshi(month) + kalshi(month + 1)
    )
    assert [0, 0, 1, 1, month, month + 1] == [frame.at_ns - AT for frame in open_capture(path)]


def document(frames: list[Any]) -> bytes:
    """A Kalshi document, written over many lines."""
    return json.dumps({"captured_ms": 1, "tickers": [], "frames": frames}, indent=1).encode()


def test_a_document_gives_its_frames_untouched(tmp_path: Path) -> None:
    """Each frame keeps the bytes it has in the document; a document cut short gives what it has, and says so."""
    items = [
        {"received_ms": 1_786_085_188_416 + n, "frame": {"type": "ok", "sid": 1, "seq": n, "msg": {}}}
        for n in range(1, 4)
    ]
    data = document(items)
    capture = open_capture(stored(tmp_path / "a.json", data))
    frames = list(capture)
    assert ("kalshi", "kalshi", "", 3) == (capture.venue, capture.dialect, capture.truncated, len(frames))
    assert all(
        frame.data in data and json.loads(frame.data) == item["frame"]
        for frame, item in zip(frames, items, strict=True)
    )
    short = open_capture(stored(tmp_path / "b.json", data[: data.rfind(b'"seq"')]))
    assert (2, True) == (len(list(short)), short.truncated.startswith(str(tmp_path / "b.json")))


@pytest.mark.parametrize("length", [120, 121])
def test_the_name_of_a_connection_is_bounded(tmp_path: Path, length: int) -> None:
    """A name of 120 characters is kept; with a longer one the line is unreadable, and kept whole."""
    made = {"kind": "ws_message", "receivedAtMs": 1_789_156_413_937, "data": "{}", "connectionId": "c" * length}
    line = json.dumps(made).encode()
    first = json.dumps(made | {"connectionId": "c"}).encode()
    (_, frame) = open_capture(stored(tmp_path / "a.gz", first + b"\n" + line + b"\n"))
    assert (b"{}" if length == 120 else line, "c" * length if length == 120 else "") == (frame.data, frame.conn)


def test_polymarket_journal_lines(tmp_path: Path) -> None:
    """`data` is the frame, byte for byte; the receive clock is in milliseconds; the connection is kept."""
    made = {"kind": "ws_message", "receivedAtMs": 1_789_156_413_937, "data": '{"a": "é"}', "connectionId": "clob-0"}
    (frame,) = open_capture(stored(tmp_path / "a.gz", json.dumps(made).encode() + b"\n"))
    assert Frame(0, 1, 1_789_156_413_937_000_000, "clob_v2", '{"a": "é"}'.encode(), "clob-0") == frame


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.jsonl", b"", "is empty"),
        ("a.jsonl", b"\n\n \n", "is empty"),
        ("a.jsonl.gz", b"", "is empty"),
        ("a.jsonl", b"hello\n", "unknown format; allowed: our captures, kalshi"),
        ("a.jsonl", b'{"x":1}\n', "unknown format"),
        ("a.json", b'{\n "x": 1\n}', "a document without frames"),
        ("a.jsonl", HEADER.replace(b'"polymarket"', b'"bazaar"'), "venue 'bazaar', dialect 'clob_v2'; allowed"),
        ("a.jsonl", HEADER.replace(b'"clob_v2"', b'"fix"'), "dialect 'fix'; allowed"),
        ("a.jsonl", HEADER.replace(b'capture":1', b'capture":2'), "version 2"),
        ("a.jsonl", b"\x1f\x8b\x08", "is empty"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    """The message names the file, what is wrong and what is allowed."""
    path = stored(tmp_path / name, data)
    with pytest.raises(CaptureError, match=words) as refusal:
        open_capture(path)
    assert str(path) in str(refusal.value) and "allowed" in str(refusal.value)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    """No file, a folder, and a file that may not be read are CaptureErrors, which are EdgeErrors."""
    assert issubclass(CaptureError, EdgeError)
    with pytest.raises(CaptureError, match="No such file or directory; allowed: a readable file"):
        open_capture(tmp_path / "none.jsonl")
    with pytest.raises(CaptureError, match="is a folder; allowed: a file"):
        open_capture(tmp_path)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(CaptureError, match="allowed: a readable file"):
        open_capture(loop)


def test_budgets_come_from_the_configuration_folder(tmp_path: Path) -> None:
    """The shipped file states the defaults; no folder gives them too; a missing or wrong file is refused by name."""
    shipped = Path(__file__).resolve().parent.parent.parent / "config"
    assert Budgets() == budgets(None) == budgets(shipped)
    with pytest.raises(Refused, match=r"freshness\.toml"):
        budgets(tmp_path)
    (tmp_path / "freshness.toml").write_text("book_ms = -1\n")
    with pytest.raises(Refused, match=r"freshness\.toml.*book_ms"):
        budgets(tmp_path)
