"""Read a table of best quotes (parquet) as frames, in the order of time, with bounded memory.

The published tables are sorted by market, then time, and a replay must go by time. Each column is held as numbers into
its distinct values, each spelled once, so five million rows cost about 20 bytes each. A row becomes the frame that
`operators/normalise/quotes.py` reads; rows of one moment keep the order of the file, and `position` counts rows in the
order of time, from 1. A file is known by its magic and its columns, never by its name.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.capture_formats import Arrival, Format, dated
from connectors.errors import CaptureError
from connectors.recording import Capture
from operators.normalise.frames import Frame
from operators.normalise.quotes import DIALECT

NAME, VENUE = "table of best quotes (parquet)", "polymarket"
TIME = "ts"
COLUMNS: dict[str, tuple[str, Callable[[pa.DataType], bool]]] = {
    TIME: ("timestamp", pa.types.is_timestamp),
    "slug": ("string", pa.types.is_string),
    "category": ("string", pa.types.is_string),
    "bid": ("double", pa.types.is_float64),
    "ask": ("double", pa.types.is_float64),
}
ROWS = 16_384  # rows turned into frames at once
_US_NS = 1_000


class QuoteCapture(Capture):
    """A table of quotes; iterating it yields a frame for each row."""

    def __init__(self, path: Path, source_id: str, source: int) -> None:
        """Check the columns and sort the rows; raises CaptureError for anything but a table of quotes with a row."""
        try:
            order = _order(path)
            self._at, self._times = _column(path, TIME, order)
            self._fields = [(name, *_column(path, name, order)) for name in COLUMNS if name != TIME]
        except (pa.ArrowException, OSError, UnicodeDecodeError) as err:
            said = str(err).partition("\n")[0]
            raise CaptureError(f"{path}: damaged ({said}); allowed: a whole {NAME}") from None
        pa.default_memory_pool().release_unused()
        super().__init__(path, source_id, Format(NAME, VENUE, DIALECT, lambda lines, number: iter(())), source)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in the order of time."""
        self.read, self.truncated = 0, ""
        yield from dated(self._frames())

    def _frames(self) -> Iterator[Frame]:
        arrival, source, position, count = Arrival(), self.source, 0, len(self._at)
        moments = [at * _US_NS if isinstance(at, int) else 0 for at in self._times]
        spelled = [[_field(name, value) for value in values] for name, _, values in self._fields]
        columns = [self._at, *(places for _, places, _ in self._fields)]
        for start in range(0, count, ROWS):
            self.read = self.size * min(count, start + ROWS) // count
            for at, *found in zip(*(column.slice(start, ROWS).to_pylist() for column in columns), strict=True):
                position += 1
                data = b",".join([texts[place] for texts, place in zip(spelled, found, strict=True)])
                yield Frame(source, position, arrival.at(moments[at]), DIALECT, b"{" + data + b"}")


def _field(name: str, value: object) -> bytes:
    """Spell one field of a row; a number that JSON does not know becomes text that is none, and so a dead letter."""
    spelled = repr(value).encode() if isinstance(value, float) else msgspec.json.encode(value)
    return b'"%b":%b' % (name.encode(), spelled)


def _order(path: Path) -> pa.Array:
    """Return the places of the rows in the order of time; rows of one moment keep theirs. Raises CaptureError."""
    file = pq.ParquetFile(path)
    kinds = {field.name: field.type for field in file.schema_arrow}
    for name, (_, fits) in COLUMNS.items():
        if name not in kinds or not fits(kinds[name]):
            allowed = ", ".join(f"{column} ({kind})" for column, (kind, _) in COLUMNS.items())
            raise CaptureError(f"{path}: column {name} is {kinds.get(name, 'missing')}; allowed: {allowed}")
    if not file.metadata.num_rows:
        raise CaptureError(f"{path}: is empty; allowed: a table with at least one row")
    return pc.sort_indices(pq.read_table(path, columns=[TIME]), [(TIME, "ascending")])


def _column(path: Path, name: str, order: pa.Array) -> tuple[pa.Array, list[object]]:
    """Return a column in the order of time: the place of each row's value among its distinct values, and those."""
    texts = [name] if pa.types.is_string(pq.read_schema(path).field(name).type) else []
    made = pq.read_table(path, columns=[name], read_dictionary=texts)[name]
    made.validate(full=True)  # the library reads a damaged place in a dictionary without a word
    if name == TIME:
        made = pc.cast(pc.cast(made, pa.timestamp("us"), safe=False), pa.int64())
    whole = pc.dictionary_encode(made).unify_dictionaries().combine_chunks()
    values = whole.dictionary.to_pylist()
    return pc.fill_null(whole.indices, len(values)).take(order), [*values, None]
