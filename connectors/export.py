"""Write a store's envelopes as Arrow or Parquet files: one flat table of all, and a typed one for each common kind.

Envelopes are read in journal order and written in batches, so memory does not grow with the store. Everything is made
in a folder beside the one asked for and moved there at the end: whoever finds the folder finds all of it. What stands
there already is not touched unless it is an earlier export and that was asked for.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.envelopes import Envelope
from connectors.errors import EdgeError
from connectors.reader import StoreReader
from connectors.tables import ALL, Record, Table, flat_row, flat_schema, typed
from connectors.whole import part_of
from contracts.base import Refused
from contracts.envelope import DeadLetter
from contracts.market import MarketDefinition

FORMATS = ("arrow", "parquet")
MANIFEST = "export.json"
BATCH_ROWS, BATCH_BYTES = 16_384, 16_000_000
TELL_EVERY = 8_192
LETTER, DEFINITION = DeadLetter.__name__, MarketDefinition.__name__
Progress = Callable[[int, int, int], None]


class ExportError(EdgeError):
    """An export cannot be written; the message names the path and why."""


class Wanted(NamedTuple):
    """Which envelopes: of these kinds (empty: all), about a market, from and until a time in ns, both included."""

    kinds: tuple[str, ...] = ()
    market: str | None = None
    since: int | None = None
    until: int | None = None

    @property
    def whole(self) -> bool:
        """True when nothing is left out."""
        return self == Wanted()


class _Writer(Protocol):
    def write_batch(self, batch: pa.RecordBatch) -> None: ...
    def close(self) -> None: ...


def export(store: Path, to: str, out: Path, wanted: Wanted, force: bool, progress: Progress) -> dict[str, object]:
    """Export a store; returns what was written. Raises Refused, StoreError or ExportError, and then leaves nothing."""
    checked(to, out, force)
    part = part_of(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with StoreReader(store) as reader:
            part.mkdir()
            rows = _written(reader, to, part, wanted, progress)
        files = {name: {"file": f"{name}.{to}", "rows": count} for name, count in rows.items()}
        manifest = {"format": 1, "to": to, "wanted": wanted._asdict(), "tables": files}
        (part / MANIFEST).write_bytes(msgspec.json.encode(manifest))
        _move(part, out)
    except (OSError, pa.ArrowException) as err:
        raise ExportError(f"{out}: cannot be written ({getattr(err, 'strerror', None) or err})") from err
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return {"out": str(out), "to": to, "tables": files}


def checked(to: str, out: Path, force: bool) -> None:
    """Refuse an unknown format, and a place where something stands that this export may not replace."""
    if to not in FORMATS:
        raise Refused(f"--to {to!r}: unknown; allowed: {', '.join(FORMATS)}")
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not out.is_dir():
        raise Refused(f"--out {out}: is a file; allowed: a folder, new or of an earlier export")
    if not (out / MANIFEST).is_file():
        raise Refused(f"--out {out}: holds something that is no export; allowed: a new folder")
    if not force:
        raise Refused(f"--out {out}: holds an export already; allowed: a new folder, or --force to replace it")


class _Sheet:
    """One file while it grows: rows are gathered and written as a batch when there are many, or they are heavy."""

    def __init__(self, path: Path, to: str, schema: pa.Schema) -> None:
        self.rows = 0
        self._schema = schema
        self._writer: _Writer = _OPEN[to](path, schema)
        self._waiting: list[Record] = []
        self._bytes = 0

    def add(self, row: Record, weight: int) -> None:
        """Take a row that weighs about so many bytes."""
        self._waiting.append(row)
        self._bytes += weight
        if len(self._waiting) >= BATCH_ROWS or self._bytes >= BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_batch(pa.RecordBatch.from_pylist(self._waiting, schema=self._schema))
            self.rows += len(self._waiting)
            self._waiting, self._bytes = [], 0

    def __enter__(self) -> "_Sheet":
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, _: TracebackType | None) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()


def _arrow(path: Path, schema: pa.Schema) -> _Writer:
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    writer: _Writer = pa.ipc.new_file(str(path), schema, options=options)
    return writer


def _parquet(path: Path, schema: pa.Schema) -> _Writer:
    writer: _Writer = pq.ParquetWriter(str(path), schema, compression="zstd")
    return writer


_OPEN: dict[str, Callable[[Path, pa.Schema], _Writer]] = {"arrow": _arrow, "parquet": _parquet}


def _written(reader: StoreReader, to: str, part: Path, wanted: Wanted, progress: Progress) -> dict[str, int]:
    """Write every file; returns the rows of each table."""
    tables = [table for table in typed() if not wanted.kinds or {*table.kinds} & {*wanted.kinds, DEFINITION}]
    total = _count(reader) if wanted.whole else 0
    with ExitStack() as files:
        flat = files.enter_context(_Sheet(part / f"{ALL}.{to}", to, flat_schema()))
        sheets = {
            table.name: files.enter_context(_Sheet(part / f"{table.name}.{to}", to, table.schema)) for table in tables
        }
        fed = _fed(tables)
        for number, said in enumerate(_selected(reader, wanted)):
            row = flat_row(said)
            weight = len(str(row["payload"]))
            flat.add(row, weight)
            if said["kind"] != DEFINITION:
                _add(sheets, fed, said, weight)
            if number % TELL_EVERY == 0:
                progress(number, total, number)
        for said in _beside(reader, wanted):
            _add(sheets, fed, said, 0)
    return {ALL: flat.rows, **{name: sheet.rows for name, sheet in sheets.items()}}


def _add(sheets: dict[str, _Sheet], fed: dict[str, list[Table]], said: Envelope, weight: int) -> None:
    for table in fed.get(said["kind"], ()):
        for record in table.rows(said):
            sheets[table.name].add(record, weight)


def _fed(tables: Sequence[Table]) -> dict[str, list[Table]]:
    fed: dict[str, list[Table]] = {}
    for table in tables:
        for kind in table.kinds:
            fed.setdefault(kind, []).append(table)
    return fed


def _selected(reader: StoreReader, wanted: Wanted) -> Iterator[Envelope]:
    """Yield the envelopes that are wanted, in journal order."""
    kinds = [kind for kind in wanted.kinds if kind != LETTER]
    if wanted.kinds and not kinds:
        return
    only = kinds[0] if len(kinds) == 1 else None
    for said in reader.envelopes(kind=only, market=wanted.market, since=wanted.since, until=wanted.until):
        if not kinds or said["kind"] in kinds:
            yield said


def _beside(reader: StoreReader, wanted: Wanted) -> Iterator[Envelope]:
    """Yield what stands in no other file: frames that could not be read, and, whatever the time asked for, definitions.

    Prices are in ticks, so without the definition that was in force, older than the time asked for, they say nothing.
    """
    yield from reader.envelopes(kind=DEFINITION, market=wanted.market)
    if not wanted.kinds or LETTER in wanted.kinds:
        yield from reader.envelopes(kind=LETTER, market=wanted.market, since=wanted.since, until=wanted.until)


def _count(reader: StoreReader) -> int:
    """Return how many envelopes the store holds."""
    return int(str(reader.table.query("SELECT sum(row_count) FROM {database}.blocks FINAL")[0][0]))


def _move(part: Path, out: Path) -> None:
    """Put a finished folder in its place; an earlier export is moved aside first, and goes only when that was done."""
    if out.is_dir() and any(out.iterdir()):
        old = part.with_suffix(".old")
        out.rename(old)
        try:
            part.rename(out)
        except OSError:
            old.rename(out)
            raise
        shutil.rmtree(old)
    else:
        part.rename(out)
