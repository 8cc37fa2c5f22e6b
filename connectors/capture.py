"""Read recordings as frames, and write our own; what is not a recording is refused before anything is read.

Formats, told apart by their first lines and never by the file's name, plain or gzip:

    ours            {"polytraders_capture":1,"venue":..,"dialect":..,"labels":{..}}, then a line for each message:
                    {"at_ns":..,"conn":..,"n":..,"frame":"the text as received"}, or "hex" where it is no UTF-8, or
                    "event" (connected, disconnected, ..) where the recorder speaks of the connection
    kalshi lines    the recorder of the BTC files: event_type, local_recv_ns, payload_json
    kalshi document one JSON document whose `frames` hold received_ms and the untouched frame
    polymarket      lines of kind ws_message, whose `data` is the frame's text
    crypto venues   raw lines of hftbacktest's collector, and cryptofeed's (connectors/capture_crypto.py)
    quotes          a parquet table of best quotes (connectors/capture_quotes.py)

A recording that was cut short (a torn last line, a gzip stream without its end) is read up to its last whole line, and
`truncated` says so. Any other line that cannot be read is a frame all the same, and becomes a dead letter.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import msgspec
from msgspec import Struct

from connectors.capture_crypto import CRYPTO_FORMATS, recognise_crypto
from connectors.capture_formats import DIALECTS, DOCUMENT, FORMATS, Header, recognise
from connectors.capture_text import CHUNK, Cut, chunks, lines
from connectors.errors import CaptureError
from connectors.recording import Capture as Capture

PARQUET = b"PAR1"
_PROBE_LINES = 16


def open_capture(path: Path | str, source: int = 0) -> Capture:
    """Return a recording; raises CaptureError when it is missing, empty, unreadable or of unknown format or venue."""
    path = Path(path)
    if path.is_dir():
        raise CaptureError(f"{path}: is a folder; allowed: a file")
    try:
        source_id = _hash_of(path)
        first = _first_lines(path)
    except OSError as err:
        raise CaptureError(f"{path}: {err.strerror or err}; allowed: a readable file") from None
    if first and first[0].startswith(PARQUET):
        from connectors.capture_quotes import QuoteCapture  # its library takes as long to load as all the rest

        return QuoteCapture(path, source_id, source)
    if not any(line.strip() for line in first):
        raise CaptureError(f"{path}: is empty; allowed: a recording with at least one line")
    form = recognise(first) or recognise_crypto(first)
    if form is None:
        known_names = ", ".join(known.name for known in (*FORMATS, *CRYPTO_FORMATS))
        raise CaptureError(f"{path}: unknown format; allowed: {known_names}")
    if not form.dialect:
        raise CaptureError(f"{path}: {form.name}; allowed: {', '.join(DIALECTS)}")
    capture = Capture(path, source_id, form, source)
    if form is DOCUMENT and not capture.first_ns:
        raise CaptureError(f"{path}: a document without frames; allowed: {', '.join(known.name for known in FORMATS)}")
    return capture


def _hash_of(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while part := file.read(CHUNK):
            digest.update(part)
    return digest.hexdigest()


def _first_lines(path: Path) -> list[bytes]:
    """Return the first lines that can be read, however the file goes on."""
    found: list[bytes] = []
    try:
        for line in lines(chunks(path, lambda count: None)):
            found.append(line)
            if len(found) == _PROBE_LINES:
                break
    except Cut as cut:
        if not found:
            found.append(cut.rest)
    return found


# ---- writing ------------------------------------------------------------------------------------------------------


class Received(NamedTuple):
    """One message to record: arrival, connection, its number there, the bytes; or an event of the connection."""

    at_ns: int
    conn: str
    n: int
    frame: bytes = b""
    event: str = ""


class _Line(Struct, omit_defaults=True):
    at_ns: int
    conn: str
    n: int
    frame: str | None = None
    hex: str | None = None
    event: str | None = None


_ENCODE = msgspec.json.Encoder().encode


class CaptureWriter:
    """Append to a recording of our own; when `write` returns, the batch is on disk."""

    def __init__(self, path: Path, venue: str, dialect: str, labels: Mapping[str, str] | None = None) -> None:
        """Open or make the file; a torn last line is cut off. Raises CaptureError when it holds something else."""
        header = _ENCODE(Header(1, venue, dialect, dict(labels or {}))) + b"\n"
        self.path = path
        try:
            self._file = path.open("a+b")
            self._file.seek(0)
            first = self._file.readline()
            if first.endswith(b"\n"):
                known = recognise([first])
                if known is None or (known.venue, known.dialect) != (venue, dialect):
                    self._file.close()
                    raise CaptureError(
                        f"{path}: holds another recording; allowed: a new file, or one of {venue}, {dialect}"
                    )
                self._file.truncate(_whole(self._file.read(), len(first)))
                return
            self._file.truncate(0)
            self._sync([header])
        except OSError as err:
            raise CaptureError(f"{path}: {err.strerror or err}; allowed: a file that can be written") from None

    def write(self, batch: Iterable[Received]) -> None:
        """Append messages and wait until they are on disk (fsync); raises CaptureError when they are not."""
        try:
            self._sync([_line(received) for received in batch])
        except OSError as err:
            raise CaptureError(f"{self.path}: {err.strerror or err}; the batch is not on disk") from None

    def _sync(self, parts: Sequence[bytes]) -> None:
        self._file.write(b"".join(parts))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "CaptureWriter":
        """Use it in a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close at the end of the block."""
        self.close()


def _whole(rest: bytes, before: int) -> int:
    """Return the length of a file up to its last whole line."""
    return before + rest.rfind(b"\n") + 1


def _line(received: Received) -> bytes:
    """Spell a message as a line; text stays text, anything else becomes hexadecimal."""
    line = _Line(received.at_ns, received.conn, received.n, event=received.event or None)
    if not received.event:
        try:
            line.frame = received.frame.decode()
        except UnicodeDecodeError:
            line.hex = received.frame.hex()
    return _ENCODE(line) + b"\n"
