"""A table of quotes is read in the order of time, known by its magic and columns, and refused when it is damaged."""

import datetime
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.capture import open_capture
from connectors.capture_quotes import COLUMNS, ROWS
from connectors.errors import CaptureError

AT_US = 1_783_728_095_000_000
MINUTE_US = 60_000_000
KINDS = {"ts": pa.timestamp("us"), "slug": pa.string(), "category": pa.string(), "bid": pa.float64(),
         "ask": pa.float64()}  # fmt: skip
Row = tuple[int | None, str | None, str | None, float | None, float | None]


def table(rows: Sequence[Row], kinds: Mapping[str, pa.DataType] = KINDS) -> pa.Table:
    """A table of quotes."""
    columns = dict(zip(KINDS, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(KINDS, ())
    return pa.table({name: pa.array(columns[name], KINDS[name]).cast(kinds[name]) for name in kinds})


def stored(path: Path, rows: Sequence[Row], **more: object) -> Path:
    """Write a table of quotes."""
    pq.write_table(table(rows), path, **more)
    return path


BY_MARKET: list[Row] = [
    (AT_US + MINUTE_US, "one", "sports", 0.371, 0.402),
    (AT_US, "one", "sports", 0.37, None),
    (AT_US, "two", None, None, 0.1 + 0.2),
    (AT_US + MINUTE_US, "two", None, None, None),
]


@pytest.mark.parametrize("rows_in_a_group", [1, 3, 100])
def test_rows_come_in_the_order_of_time_and_of_the_file_within_a_moment(tmp_path: Path, rows_in_a_group: int) -> None:
    """Positions count from 1; a row is spelled whole; what the file is called does not matter; it can be read again."""
    path = stored(tmp_path / "quotes.txt", BY_MARKET, row_group_size=rows_in_a_group)
    capture = open_capture(path, 3)
    frames = list(capture)
    assert [(3, 1, AT_US), (3, 2, AT_US), (3, 3, AT_US + MINUTE_US), (3, 4, AT_US + MINUTE_US)] == [
        (frame.source, frame.position, frame.at_ns // 1_000) for frame in frames
    ]
    assert [
        b'{"slug":"one","category":"sports","bid":0.37,"ask":null}',
        b'{"slug":"two","category":null,"bid":null,"ask":0.30000000000000004}',
        b'{"slug":"one","category":"sports","bid":0.371,"ask":0.402}',
        b'{"slug":"two","category":null,"bid":null,"ask":null}',
    ] == [frame.data for frame in frames]
    assert frames == list(capture)
    assert ("polymarket", "quotes", AT_US * 1_000, "") == (
        capture.venue, capture.dialect, capture.first_ns, capture.truncated,
    )  # fmt: skip
    assert (path.stat().st_size, sha256(path.read_bytes()).hexdigest()) == (capture.read, capture.source_id)


def test_more_rows_than_are_turned_at_once_are_one_order(tmp_path: Path) -> None:
    """Nothing is lost or doubled where one batch ends and the next begins."""
    rows: list[Row] = [(AT_US + n % 7, f"m{n % 5}", None, n % 999 / 1_000 or None, None) for n in range(2 * ROWS + 3)]
    frames = list(open_capture(stored(tmp_path / "q.parquet", rows)))
    expected = [row for _, row in sorted(enumerate(rows), key=lambda item: (item[1][0], item[0]))]
    assert [(row[1], row[3]) for row in expected] == [
        (found["slug"], found["bid"]) for found in (json.loads(frame.data) for frame in frames)
    ]
    assert list(range(1, len(rows) + 1)) == [frame.position for frame in frames]


def test_odd_cells_reach_the_reader_as_they_are(tmp_path: Path) -> None:
    """A missing slug or time, no number, a quote mark: each row is a frame; a time that cannot be is the one before."""
    rows: list[Row] = [
        (AT_US, 'a"b', "x", float("nan"), float("inf")), (None, None, "x", 0.5, 0.6), (-5, "early", "x", 0.5, 0.6),
    ]  # fmt: skip
    frames = list(open_capture(stored(tmp_path / "q.parquet", rows)))
    assert [
        (AT_US, b'{"slug":"early","category":"x","bid":0.5,"ask":0.6}'),
        (AT_US, b'{"slug":"a\\"b","category":"x","bid":nan,"ask":inf}'),
        (AT_US, b'{"slug":null,"category":"x","bid":0.5,"ask":0.6}'),
    ] == [(frame.at_ns // 1_000, frame.data) for frame in frames]


def test_other_spellings_of_time_are_the_same_moment(tmp_path: Path) -> None:
    """Seconds, milliseconds and nanoseconds, with a zone or without, are read as what they are."""
    for number, kind in enumerate([pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("ns", "UTC")]):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(table(BY_MARKET, {**KINDS, "ts": kind}), path)
        assert AT_US * 1_000 == open_capture(path).first_ns
    assert datetime.datetime(2026, 7, 11, 0, 1, 35, tzinfo=datetime.UTC).timestamp() == AT_US / 1_000_000


@pytest.mark.parametrize("missing", COLUMNS)
def test_a_table_of_something_else_is_refused_with_its_columns(tmp_path: Path, missing: str) -> None:
    """A column that is not there, or holds something else, is named, with what is allowed."""
    path = tmp_path / "other.parquet"
    pq.write_table(table(BY_MARKET).drop_columns([missing]), path)
    with pytest.raises(CaptureError, match=f"column {missing} is missing; allowed: ts .timestamp., slug"):
        open_capture(path)
    pq.write_table(table(BY_MARKET).drop_columns([missing]).append_column(missing, pa.array([1] * 4)), path)
    with pytest.raises(CaptureError, match=f"column {missing} is int64; allowed"):
        open_capture(path)


def test_an_empty_a_cut_and_a_damaged_table_are_refused(tmp_path: Path) -> None:
    """No row, no end, a page that was overwritten: one sentence that names the file; nothing is read in part."""
    with pytest.raises(CaptureError, match=r"q\.parquet: is empty; allowed: a table with at least one row"):
        open_capture(stored(tmp_path / "q.parquet", []))
    whole = stored(tmp_path / "w.parquet", BY_MARKET, compression="none").read_bytes()
    for name, data in (("cut", whole[:-9]), ("magic", b"PAR1"), ("page", whole[:40] + b"\xff" * 40 + whole[80:])):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(CaptureError, match=f"{name}: damaged .*; allowed: a whole table of best quotes"):
            open_capture(path)
