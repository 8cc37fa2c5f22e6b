"""Write what happens at the edge as lines of JSON: bounded in size, damped where they repeat, and never a secret.

    {"ts":"2026-11-21T18:00:00.123Z","level":"INFO","program":"market","event":"started","fields":{"lanes":4}}

What a desk decides and why is an envelope, not a log; here stands what a program and its clients went through. Only
our own loggers are heard, by name: those of libraries may say what was sent.

A message that comes again within a second is left out and counted; the next line of it says for how many it stands
(`times`). Two messages are the same when they differ in digits only. A secret is kept out three ways: by the name of
its field, by what it looks like, and by its value, once `conceal` was told of it.
"""

import json
import logging
import os
import re
import sys
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO
from urllib.parse import quote, quote_plus

from connectors.errors import EdgeError
from contracts.base import Refused

EVENTS, KAFKA = "polytraders.event", "polytraders.kafka"
HEARD = (EVENTS, KAFKA)
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
FILE_BYTES, FILES = 16_000_000, 5
DAMPED_S, KNOWN_MAX = 1.0, 1_000
TEXT_MAX, LOOKED_AT, FIELDS_MAX, DEPTH_MAX = 2_000, 16_384, 50, 3
HIDDEN = "***"

_SECRET = r"passw|passphrase|secret|token|api[_.-]?key|private|credential|signature|authorization|cookie"
_NAMED = re.compile(_SECRET, re.IGNORECASE)
# Every repetition is bounded: a log line may be a venue's, and must not hold the program up.
_PEM = r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
_TOLD = r"[\w.-]{0,40}[\"']?\s{0,4}[=:]\s{0,4}"
_LOOKS = (
    (re.compile(_PEM, re.DOTALL), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s{1,4}[\w.~+/=-]+"), rf"\1 {HIDDEN}"),
    (re.compile(rf"(?i)((?:{_SECRET}){_TOLD})(\"[^\"]{{0,2000}}\"|'[^']{{0,2000}}'|[^\s,;&]+)"), rf"\1{HIDDEN}"),
    (re.compile(r"://[^\s/@]+@"), f"://{HIDDEN}@"),
)
_DIGITS = re.compile(r"\d+")
_concealed: set[str] = set()


def tell(event: str, level: str = "INFO", /, **fields: object) -> None:
    """Say that something happened; heard by nobody until a `Log` is open. Raises KeyError for an unknown level."""
    logging.getLogger(EVENTS).log(logging.getLevelNamesMapping()[level], "%s", event, extra={"fields": fields})


def conceal(*secrets: str) -> None:
    """Keep values out of every line from now on: as they are, and in base64, hexadecimal and URL spelling."""
    for secret in filter(None, secrets):
        _concealed.update(spellings(secret))


def spellings(secret: str) -> set[str]:
    """Return how a secret may look inside a text; in base64 it may begin at any of three places of a group."""
    raw = secret.encode()
    found = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), raw.hex(), raw.hex().upper()}
    found.add(json.dumps(secret)[1:-1])
    for lead in range(3):
        first, last = (0, 2, 3)[lead], len(raw + b"." * lead) % 3
        for encode in (b64encode, urlsafe_b64encode):
            text = encode(b"." * lead + raw).decode().rstrip("=")
            inside = text[first : len(text) - 1 if last else None]
            if len(inside) >= 4:
                found.add(inside)
    return found


def cleaned(text: str) -> str:
    """Return a text without what is or looks like a secret, and not too long."""
    looked, cut = text[:LOOKED_AT], len(text) > LOOKED_AT
    for secret in sorted(_concealed, key=len, reverse=True):
        if secret in looked:
            looked = looked.replace(secret, HIDDEN)
    for pattern, put in _LOOKS:
        looked = pattern.sub(put, looked)
    if cut:  # a secret that the cut went through is not known by its half
        looked = looked[: max(0, len(looked) - LOOKED_AT // 2)]
    return looked if len(looked) <= TEXT_MAX and not cut else f"{looked[:TEXT_MAX]}… ({len(text)} characters)"


def _value(value: object, depth: int = 0) -> object:
    """Return a field as JSON can hold it, cleaned; bytes are told by their number alone."""
    if value is None or isinstance(value, bool | int | float):
        return value if not isinstance(value, float) or abs(value) < float("inf") else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    if depth < DEPTH_MAX and isinstance(value, Mapping):
        return _fields(value, depth + 1)
    if depth < DEPTH_MAX and isinstance(value, list | tuple | set | frozenset):
        return [_value(each, depth + 1) for each in list(value)[:FIELDS_MAX]]
    return cleaned(str(value))


def _fields(fields: Mapping[object, object], depth: int = 0) -> dict[str, object]:
    named = [(cleaned(str(name)), str(name), value) for name, value in list(fields.items())[:FIELDS_MAX]]
    return {shown: HIDDEN if _NAMED.search(name) else _value(value, depth) for shown, name, value in named}


class _Line(logging.Formatter):
    """Spells a record as one line of JSON."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def format(self, record: logging.LogRecord) -> str:
        told = getattr(record, "fields", None)
        fields: dict[object, object] = dict(told) if isinstance(told, Mapping) else {"text": record.getMessage()}
        if record.exc_info and record.exc_info[0]:
            fields["error"] = f"{record.exc_info[0].__name__}: {record.exc_info[1]}"
        event = record.getMessage() if told is not None else record.name.rpartition(".")[2]
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"ts": at, "level": record.levelname, "program": self._program, "event": cleaned(event)}
        times = getattr(record, "times", 1)
        more = {"times": times} if times > 1 else {}
        return json.dumps({**line, "fields": _fields(fields), **more}, ensure_ascii=False, separators=(",", ":"))


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stderr` is at the moment; who runs us may have put another in its place."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _File(RotatingFileHandler):
    """Writes to a file of bounded size, and keeps a bounded number of those before; for its owner alone."""

    def _open(self) -> "TextIO":  # type: ignore[override]  # the library's own promises a wrapper that it never needs
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(handle, "a", encoding="utf-8")


class _Held:
    """A message that was written a moment ago, and how often it came since."""

    def __init__(self, at: float) -> None:
        self.at, self.count = at, 0
        self.record: logging.LogRecord | None = None


class _Damped(logging.Handler):
    """Lets a message through once a second, and counts the rest. Never raises: a log must not end what it tells of."""

    def __init__(self, inner: logging.Handler, clock: Callable[[], float]) -> None:
        super().__init__()
        self.lost = 0
        self._inner, self._clock = inner, clock
        self._held: dict[tuple[str, int, str], _Held] = {}
        self._next = 0.0
        inner.handleError = self._missed  # type: ignore[method-assign]

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._judge(record)
        except Exception:
            self.lost += 1

    def let_go(self, before: float) -> None:
        """Write what was counted and not told, of messages older than a moment, and forget them."""
        for key in [key for key, held in self._held.items() if held.at <= before]:
            held = self._held.pop(key)
            if held.record is not None:
                self._write(held.record, held.count)

    def close(self) -> None:
        self.acquire()
        try:
            self.let_go(float("inf"))
            self._inner.close()
        finally:
            self.release()
        super().close()

    def _judge(self, record: logging.LogRecord) -> None:
        now = self._clock()
        text = f"{record.getMessage()} {getattr(record, 'fields', '')}"[:TEXT_MAX]
        key = record.name, record.levelno, _DIGITS.sub("#", text)
        held = self._held.get(key)
        if held is None or now - held.at >= DAMPED_S:
            self._held[key] = _Held(now)
            self._write(record, 1 + (held.count if held else 0))
        else:
            held.count, held.record = held.count + 1, record
        if now >= self._next or len(self._held) >= KNOWN_MAX:
            self._next = now + DAMPED_S
            self.let_go(now - DAMPED_S if len(self._held) < KNOWN_MAX else now)

    def _write(self, record: logging.LogRecord, times: int) -> None:
        record.times = times
        self._inner.handle(record)

    def _missed(self, record: logging.LogRecord) -> None:
        self.lost += 1


class Log:
    """An open log of one program. `with` closes it, and then nobody hears again."""

    def __init__(
        self,
        program: str,
        file: Path | None = None,
        level: str = "INFO",
        file_bytes: int = FILE_BYTES,
        files: int = FILES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open it on standard error, or on a file of at most `file_bytes` with `files` older ones beside it.

        Raises Refused for an unknown level, EdgeError for a file that cannot be written.
        """
        if level not in LEVELS:
            raise Refused(f"log level {level!r}; allowed: {', '.join(LEVELS)}")
        try:
            inner = _Stderr() if file is None else _File(file, maxBytes=file_bytes, backupCount=files)
        except OSError as err:
            raise EdgeError(f"log {file}: cannot be written ({err.strerror})") from None
        inner.setFormatter(_Line(program))
        self._handler = _Damped(inner, clock)
        self._before = [(logging.getLogger(name), logging.getLogger(name).level) for name in HEARD]
        for logger, _ in self._before:
            logger.addHandler(self._handler)
            logger.setLevel(level)
            logger.propagate = False

    @property
    def lost(self) -> int:
        """Lines that could not be written: a full disk, a closed pipe."""
        return self._handler.lost

    def close(self) -> None:
        """Write what was counted and not told, and stop hearing; a second time does nothing."""
        for logger, level in self._before:
            logger.removeHandler(self._handler)
            logger.setLevel(level)
            logger.propagate = True
        self._before.clear()
        self._handler.close()

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
