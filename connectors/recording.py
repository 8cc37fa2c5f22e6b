"""Hold one recording: where it lies, whose messages it has, and its frames, lazily and as often as one likes.

`capture.py` finds out what a file is and makes one; a format that is no text (`capture_quotes.py`) makes its own kind.
"""

from collections.abc import Iterator
from pathlib import Path

from connectors.capture_formats import Format, dated
from connectors.capture_text import Cut, chunks, lines
from operators.normalise.frames import Frame


class Capture:
    """A recording; iterating it yields its frames, lazily and as often as one likes.

    path       the file
    source_id  SHA-256 of the file's bytes as stored
    venue      whose messages they are
    dialect    how they are read
    first_ns   arrival of the first frame
    size       bytes of the file
    read       bytes of it that the running iteration has used
    truncated  file and reason, when it was cut short; known after the iteration, empty otherwise
    """

    def __init__(self, path: Path, source_id: str, form: Format, source: int) -> None:
        """Take what `open_capture` found out."""
        self.path, self.source_id, self.source = path, source_id, source
        self.venue, self.dialect = form.venue, form.dialect
        self.size = path.stat().st_size
        self.read = 0
        self.truncated = ""
        self._form = form
        self.first_ns = next((frame.at_ns for frame in self), 0)
        self.truncated = ""

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames, `position` counting lines (or the frames of a document) from 1."""
        self.read, self.truncated = 0, ""
        try:
            yield from dated(self._form.read(self._lines(), self.source))
        except Cut as cut:
            self.truncated = f"{self.path}: {cut}"

    def _lines(self) -> Iterator[bytes]:
        yield from lines(chunks(self.path, self._used))

    def _used(self, count: int) -> None:
        self.read += count
