"""Read a recording of our own while a recorder still writes it: live data, by way of a file.

Whatever is decided was on disk before, so a live run is a run over a file that still grows, and after a crash the same
bytes are read again. Only whole lines count: a torn last one waits, and may be cut off and written anew. The file ends
where its last whole line is the event `rotated`, which says that the recorder has closed it. Its content has no hash
yet, so its first two lines, the header and the first arrival, are its identity.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from connectors.capture import Capture
from connectors.capture_formats import recognise
from connectors.capture_text import CHUNK
from connectors.errors import CaptureError
from operators.normalise.frames import Frame

END_MARK = "rotated"
POLL_S = 0.05
OURS = "our captures"


class _Event(Struct):
    event: str = ""


_EVENT = msgspec.json.Decoder(_Event)


class GrowingCapture(Capture):
    """A recording that grows. Iterating it yields what is there; `polled` goes on to its end."""

    def polled(self) -> Iterator[Frame | None]:
        """Yield the frames, and None whenever no whole line is there; raises CaptureError when the file shrank."""
        self.read = 0
        lines: deque[bytes] = deque()
        frames = self._form.read(iter(lines.popleft, None), self.source)
        early: list[Frame] | None = []
        with self.path.open("rb") as file:
            for found in self._whole_lines(file):
                lines.extend(found)
                for _ in found:  # the format gives one frame for each line, and reads no line ahead
                    frame = next(frames)
                    if early is not None:
                        if not frame.at_ns:
                            early.append(frame)
                            continue
                        yield from (msgspec.structs.replace(each, at_ns=frame.at_ns) for each in early)
                        early = None
                    yield frame
                if not found:
                    yield None
        yield from early or ()

    def _whole_lines(self, file: BinaryIO) -> Iterator[list[bytes]]:
        """Yield the lines that have come since the last time, perhaps none, until the file has ended."""
        place, last = 0, b""
        while True:
            file.seek(place)
            piece = file.read(CHUNK)
            while b"\n" not in piece and (more := file.read(CHUNK)):
                piece += more  # a line longer than a piece
            end = piece.rfind(b"\n")
            if end < 0:
                if not piece:
                    if file.seek(0, 2) < place:
                        raise CaptureError(f"{self.path}: is shorter than what was read of it; allowed: to grow")
                    if _is_end(last):
                        return
                yield []
                continue
            found = piece[:end].split(b"\n")
            place, last = place + end + 1, found[-1]
            self.read = place
            yield found


def open_growing(path: Path | str, source: int = 0, wait: Callable[[float], None] = time.sleep) -> GrowingCapture:
    """Return a recording that grows, once its first message has come; `wait` is called until then.

    Raises CaptureError when it is missing, or no recording of our own in plain text.
    """
    path = Path(path)
    while True:
        try:
            with path.open("rb") as file:
                head = [file.readline(), file.readline()]
        except OSError as err:
            raise CaptureError(f"{path}: {err.strerror or err}; allowed: a readable file") from None
        if head[0].endswith(b"\n"):
            form = recognise([head[0].rstrip(b"\n")])
            if form is None or form.name != OURS:
                raise CaptureError(f"{path}: is no recording of our own in plain text; only such can be followed")
            if head[1].endswith(b"\n"):
                capture = GrowingCapture(path, sha256(b"".join(head)).hexdigest(), form, source)
                if capture.first_ns:
                    return capture
        wait(POLL_S)


def _is_end(line: bytes) -> bool:
    try:
        return _EVENT.decode(line).event == END_MARK
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
