"""Decide what goes where: answers to standard output, everything said about them to standard error.

With `--json` standard output carries one document and nothing else, so that a script may read it blindly. Colour and
moving bars are for terminals only; `NO_COLOR` and a terminal that is none are respected.
"""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from connectors.errors import EdgeError
from contracts.base import Refused

OK, DIFFERS, BAD = 0, 1, 2
INTERRUPTED, TERMINATED = 130, 143
PLAIN_WIDTH = 110
SECOND_NS = 1_000_000_000
PLAIN_EVERY_S = 2.0
EXPECTED = (Refused, EdgeError, OSError, MemoryError)


class Bar(Protocol):
    """What a flow calls to say how far it is: frames done, bytes in all (0 when unknown), bytes done."""

    def __call__(self, frames: int, total_bytes: int, done_bytes: int, /) -> None:
        """Take one report."""


def console(stream: TextIO | None = None) -> Console:
    """Return a console that wraps at the terminal's width, or at a fixed one where there is no terminal."""
    stream = stream or sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def say(text: str) -> None:
    """Say one line to the person, on standard error."""
    print(f"pt: {text}", file=sys.stderr, flush=True)


def put(text: str) -> None:
    """Write one line of the answer."""
    sys.stdout.write(text + "\n")


def put_json(value: object) -> None:
    """Write the answer as the one JSON document on standard output; indented where a person looks at it."""
    put(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2 if sys.stdout.isatty() else None))


def put_line(value: object) -> None:
    """Write one value as one line of JSON."""
    put(json.dumps(value, ensure_ascii=False, allow_nan=False))


def put_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table for people: numbers to the right, nothing when there is no row."""
    ready = [list(row) for row in rows]
    if not ready:
        return
    out = console()
    out.print(Text(title, style="bold"))
    out.print(table_of(columns, ready))
    out.print()


def table_of(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table for people: numbers to the right."""
    table = Table(header_style="dim", box=None, pad_edge=False, show_header=any(columns))
    for place, name in enumerate(columns):
        numeric = all(isinstance(row[place], int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    return table


def shown(value: object) -> str:
    """Spell a value for people: thousands apart, lists with commas, nothing as a dash."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {shown(item)}" for key, item in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value) or "-"
    return str(value) if value not in (None, "") else "-"


def dollars(micros: int) -> str:
    """Spell integer millionths as a decimal of dollars, exactly."""
    whole, part = divmod(abs(micros), 1_000_000)
    digits = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole:,}.{digits}"


def moment(at_ns: int) -> str:
    """Spell integer nanoseconds as ISO 8601 in UTC, exactly."""
    seconds, part = divmod(at_ns, SECOND_NS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{part:09d}".rstrip("0").rstrip(".") + "Z"


def put_tree(value: Mapping[str, object], depth: int = 0) -> None:
    """Write nested values for people, one per line, indented; times also as ISO 8601."""
    for key, item in value.items():
        lead = "  " * depth + key
        if isinstance(item, Mapping) and item:
            put(f"{lead}:")
            put_tree(item, depth + 1)
        elif isinstance(item, list | tuple) and any(isinstance(part, Mapping) for part in item):
            put(f"{lead}:")
            for place, part in enumerate(item):
                put_tree(part if isinstance(part, Mapping) else {str(place): part}, depth + 1)
                put("")
        else:
            when = isinstance(item, int) and key.endswith("_ns") and item > SECOND_NS
            put(f"{lead}: {moment(item) if when and isinstance(item, int) else shown(item)}")


# ---- progress -----------------------------------------------------------------------------------------------------


@contextmanager
def progress(what: str, *, plain: bool = False, unit: str = "frames") -> Iterator[Bar]:
    """Show how far a flow is, on standard error: a bar on a terminal; elsewhere lines when `plain`, else nothing."""
    if not sys.stderr.isatty():
        yield _Lines(what, unit, sys.stderr) if plain else _silent
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn(f"{{task.fields[frames]}} {unit}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(sys.stderr), transient=True) as bars:
        task = bars.add_task(what, total=None, frames="0")

        def report(frames: int, total_bytes: int, done_bytes: int, /) -> None:
            whole = total_bytes if done_bytes < total_bytes else None  # all read is not all done
            bars.update(task, total=whole, completed=done_bytes, frames=f"{frames:,}")

        yield report


def _silent(frames: int, total_bytes: int, done_bytes: int, /) -> None:
    """Say nothing: nobody watches."""


class _Lines:
    """Says a line at the first report and every two seconds: a log has no bar that moves."""

    def __init__(self, what: str, unit: str, stream: TextIO) -> None:
        self._what, self._unit, self._stream, self._next = what, unit, stream, 0.0

    def __call__(self, frames: int, total_bytes: int, done_bytes: int, /) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PLAIN_EVERY_S
        part = f"{100 * done_bytes // total_bytes:3d} %, " if done_bytes < total_bytes else ""
        print(f"{self._what}: {part}{frames:,} {self._unit}", file=self._stream, flush=True)


# ---- refusals -----------------------------------------------------------------------------------------------------


def reason_of(err: BaseException) -> str:
    """Return one line that says what was wrong; the cause that a dataflow wrapped is the one that counts."""
    known = next((cause for cause in _causes(err) if isinstance(cause, EXPECTED)), None)
    if isinstance(known, OSError) and known.filename is not None:
        return f"{known.filename}: {known.strerror or known}"
    if isinstance(known, MemoryError):
        return "out of memory"
    if known is not None:
        return " ".join(str(known).split())
    return f"unexpected {type(err).__name__}: {' '.join(str(err).split())}; --debug shows where"


def interrupted(err: BaseException) -> int:
    """Return the exit code when a request to stop is behind an error, however a dataflow wrapped it; else 0."""
    found = next((cause for cause in _causes(err) if isinstance(cause, KeyboardInterrupt)), None)
    return 0 if found is None else int(getattr(found, "code", INTERRUPTED))


@contextmanager
def hushed() -> Iterator[None]:
    """Keep an engine's own words about an error off the terminal, while `sys.stderr` goes on to write there.

    The dataflow engine prints a panic to file descriptor 2 whenever a step raises, for a Ctrl-C too; the error itself
    arrives as an exception, and is said in one line.
    """
    stream = sys.stderr
    if not _is_descriptor_2(stream):
        yield
        return
    stream.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        with os.fdopen(kept, "w", buffering=1, errors="backslashreplace", closefd=False) as own:
            sys.stderr = own
            yield
    finally:
        sys.stderr = stream
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _is_descriptor_2(stream: TextIO) -> bool:
    try:
        return stream.fileno() == 2
    except OSError:  # a stream of a test, or none at all
        return False


def _causes(err: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = err
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
