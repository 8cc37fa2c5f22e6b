"""Hold the readers of files to their promises: recordings of every format, plain and compressed, and instruments."""

import gzip
import json
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random

from connectors.capture import Capture, open_capture
from connectors.errors import CaptureError
from contracts.base import Refused
from operators.normalise import CONNECTION, DIALECTS, Frame, Normaliser, read_instruments
from operators.normalise.quotes import DIALECT as QUOTES
from tests.fuzz import seeds
from tests.fuzz.frames import trusted
from tests.fuzz.mutate import in_bytes, mutated

ROWS_MAX = 12
RARELY = 16


class FileDecoder:
    """The reader of recordings: what a file holds is frames, each of them counted, or a refusal that names the file."""

    most = 1 << 15

    def __init__(self, files: dict[str, bytes], packed: bool = False) -> None:
        """Take a good file of each format; `packed` has them compressed before they are damaged."""
        self.packed = packed
        self.seeds = [gzip.compress(data, mtime=0) if packed else data for data in files.values()]
        self._folder = tempfile.TemporaryDirectory(prefix="fuzz-files-")
        self._path = Path(self._folder.name) / "recording"
        self.turn = 0

    def damage(self, data: bytes, draw: Random) -> bytes:
        """Return a damaged file; a compressed one is damaged inside, outside, or cut short."""
        if not self.packed:
            return mutated(data, draw, self.most, self.seeds)
        if draw.random() < 0.6:
            try:
                data = gzip.compress(mutated(gzip.decompress(data), draw, self.most), 1, mtime=0)
            except (OSError, EOFError, ValueError, gzip.zlib.error):  # type: ignore[attr-defined]
                return in_bytes(data, draw)
        return in_bytes(data, draw) if draw.random() < 0.5 else data

    def check(self, data: bytes) -> None:
        """Read one file as a run does."""
        self.turn += 1
        self._path.write_bytes(data)
        try:
            capture = open_capture(self._path)
        except CaptureError as err:
            assert str(self._path) in str(err)
            return
        frames = list(capture)
        self._are_in_order(capture, frames)
        normaliser = Normaliser({0: capture.source_id})
        read = normaliser.step(frames)
        assert len(frames) == read.counts.frames
        assert read.counts.frames == read.counts.facts_frames + read.counts.control + len(read.dead)
        for fact in read.facts:
            trusted(fact, False)
        if self.turn % RARELY == 0:
            assert frames == list(capture)

    def _are_in_order(self, capture: Capture, frames: list[Frame]) -> None:
        """Positions grow from 1, arrivals stand inside the century, dialects are known, a cut names the file."""
        assert all(one.position < other.position for one, other in pairwise(frames))
        assert all(0 < frame.position and 0 <= frame.at_ns < 1 << 62 for frame in frames)
        assert {frame.dialect for frame in frames} <= {*DIALECTS, CONNECTION}
        assert capture.truncated == "" or str(self._path) in capture.truncated
        assert capture.first_ns == (frames[0].at_ns if frames else 0)
        assert capture.read <= capture.size


def lines_files() -> dict[str, bytes]:
    """Return a small good file of each format that is text."""
    files = {f"ours.{dialect}": _ours(dialect) for dialect in DIALECTS if dialect not in (QUOTES, CONNECTION)}
    clob, kalshi, recorder = (seeds.frames(name)[:ROWS_MAX] for name in ("clob_v2", "kalshi", "kalshi_recorder"))
    files["kalshi lines"] = b"\n".join(recorder)
    framed = [{"received_ms": seeds.AT_NS // 1_000_000 + n, "frame": json.loads(data)} for n, data in enumerate(kalshi)
              if data.startswith(b"{")]  # fmt: skip
    files["kalshi document"] = json.dumps({"note": "synthetic", "frames": framed}, indent=1).encode()
    fragments = [
        {"kind": "ws_message", "data": data.decode(), "receivedAtMs": seeds.AT_NS // 1_000_000 + n, "connectionId": "c"}
        for n, data in enumerate(clob)
    ]
    files["polymarket"] = b"\n".join(json.dumps(one).encode() for one in fragments) + b"\n"
    files["raw lines"] = b"\n".join(
        b"%d %b" % (seeds.AT_NS + n, data) for n, data in enumerate(seeds.frames("binance")) if data.startswith(b"{")
    )
    for venue, host in (("binance", b"fstream.binance.com"), ("bitget", b"ws.bitget.com")):
        said = [b"%d.%06d: %b" % (seeds.AT_NS // 10**9, n, data) for n, data in enumerate(seeds.frames(venue))]
        head = b"wss://%b/stream <-> %d.5\nconfiguration: {}\n" % (host, seeds.AT_NS // 10**9)
        asked = b"\nhttps://%b/fapi/v1/depth?symbol=DEMOUSDT&limit=9 -> %d.7: %b" % (
            host, seeds.AT_NS // 10**9, seeds.frames(venue)[1],
        )  # fmt: skip
        files[f"cryptofeed {venue}"] = head + b"\n".join(said) + asked
    return files


def _ours(dialect: str) -> bytes:
    venue = {"clob_v2": "polymarket", "kalshi_recorder": "kalshi"}.get(dialect, dialect)
    header = {"polytraders_capture": 1, "venue": venue, "dialect": dialect, "labels": {"synthetic": "true"}}
    opened = {"at_ns": seeds.AT_NS, "conn": "c", "n": 0, "event": "connected"}
    odd = {"at_ns": seeds.AT_NS + 1, "conn": "c", "n": 99, "hex": "ff00"}
    rows = [json.dumps(row).encode() for row in (header, opened, odd)] + [*seeds.lines(dialect)][:ROWS_MAX]
    return b"\n".join(rows) + b"\n"


def quote_files() -> dict[str, bytes]:
    """Return small tables of quotes: sorted by market as they are published, and one with an odd row of each kind."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    times = [seeds.AT_NS // 1_000 + n * 120_000_000 for n in range(3)]
    tables = {
        "plain": [("one", "sports", 0.371, 0.402), ("two", "climate", None, 0.4021)],
        "odd": [("one", "sports", 0.3714999, 0.4), ("two", None, 0.6, 0.5), (None, "x", float("nan"), 2.0)],
    }
    made = {}
    for name, rows in tables.items():
        slugs, categories, bids, asks = zip(*(row for row in rows for _ in times), strict=True)
        columns = {
            "ts": pa.array([*times] * len(rows), pa.timestamp("us")), "slug": pa.array(slugs, pa.string()),
            "category": pa.array(categories, pa.string()), "bid": pa.array(bids, pa.float64()),
            "ask": pa.array(asks, pa.float64()),
        }  # fmt: skip
        for codec in ("none", "snappy"):
            sink = pa.BufferOutputStream()
            pq.write_table(pa.table(columns), sink, compression=codec)
            made[f"{name} {codec}"] = sink.getvalue().to_pybytes()
    return made


class InstrumentDecoder:
    """The reader of files of instruments: records that keep their contract and can be met, or a refusal."""

    most = 1 << 15

    def __init__(self) -> None:
        """Take good files of each shape that is read: ours, and the venues' answers, one document or lines."""
        ours = (seeds.FIXTURES / "demo_instruments.jsonl").read_bytes().splitlines()
        answers = [data for dialect in DIALECTS for data in seeds.frames(dialect) if self._defines(data)]
        self.seeds = [b"\n".join(ours[:2]), ours[0], b"[" + b",".join(answers[:3]) + b"]", *answers]
        self.turn = 0

    @staticmethod
    def _defines(data: bytes) -> bool:
        try:
            return bool(read_instruments(data))
        except Refused:
            return False

    def damage(self, data: bytes, draw: Random) -> bytes:
        """Return a damaged file."""
        return mutated(data, draw, self.most, self.seeds)

    def check(self, data: bytes) -> None:
        """Read one file, then hear of its first market."""
        self.turn += 1
        try:
            records = read_instruments(data)
        except Refused as err:
            assert str(err)
            return
        assert records
        assert len({record.market_id for record in records}) == len(records)
        for record in records:
            trusted(record, self.turn % RARELY == 0)
        normaliser = Normaliser()
        normaliser.declare(records)
        row = json.dumps({"slug": records[0].market_id, "bid": 0.5, "ask": None}).encode()
        read = normaliser.step([Frame(0, 1, seeds.AT_NS, QUOTES, row)])
        for fact in read.facts:
            trusted(fact, False)


FILES: dict[str, Callable[[], FileDecoder | InstrumentDecoder]] = {
    "capture": lambda: FileDecoder(lines_files()),
    "capture.gz": lambda: FileDecoder(lines_files(), packed=True),
    "capture.quotes": lambda: FileDecoder(quote_files()),
    "instruments": InstrumentDecoder,
}
