"""Put the pack together: four captures, the instruments, the table of contents, the digests."""

import gzip
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple, Protocol

from scripts.fixtures_pack import instruments
from scripts.fixtures_pack.binance_stage import BinanceStage
from scripts.fixtures_pack.bitget_stage import BitgetStage
from scripts.fixtures_pack.kalshi_stage import KalshiStage
from scripts.fixtures_pack.polymarket_stage import PolymarketStage
from scripts.fixtures_pack.recorder import START_MS, Recorder


class Play(Protocol):
    """One venue's part of the pack."""

    def run(self, until_ms: int) -> Recorder:
        """Play to the end and return what was recorded."""


SEED = 7
SECONDS = 1_500
KALSHI_FILE, POLYMARKET_FILE = "demo_kalshi.jsonl", "demo_polymarket.jsonl"
BINANCE_FILE, BITGET_FILE = "demo_binance.jsonl", "demo_bitget.jsonl"
STAGES: dict[str, Callable[[int], Play]] = {
    KALSHI_FILE: KalshiStage,
    POLYMARKET_FILE: PolymarketStage,
    BINANCE_FILE: BinanceStage,
    BITGET_FILE: BitgetStage,
}
INSTRUMENTS_FILE, CONTENTS_FILE, DIGEST_FILE = "demo_instruments.jsonl", "demo.toml", "demo.sha256"


class Pack(NamedTuple):
    """The files of a pack by name, uncompressed; the captures are kept gzipped."""

    files: dict[str, bytes]

    def stored(self) -> dict[str, bytes]:
        """Return what stands in the folder: captures compressed, without a time of making."""
        return {name + ".gz" if name in STAGES else name: gzip.compress(data, 9, mtime=0) if name in STAGES else data
                for name, data in self.files.items()}  # fmt: skip


def make(seed: int = SEED, seconds: int = SECONDS) -> Pack:
    """Play every venue from a seed; the same arguments give the same bytes everywhere. About 3 s."""
    end_ms = seconds * 1_000
    recorders = {name: stage(seed).run(end_ms) for name, stage in STAGES.items()}
    files = {name: recorder.text().encode() for name, recorder in recorders.items()}
    files[INSTRUMENTS_FILE] = instruments.text().encode()
    digests = {name: sha256(data).hexdigest() for name, data in files.items()}
    files[CONTENTS_FILE] = contents(seed, seconds, recorders).encode()
    files[DIGEST_FILE] = "".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode()
    return Pack(files)


def contents(seed: int, seconds: int, recorders: dict[str, Recorder]) -> str:
    """Return the table of contents: seed, counts, and on which line each oddity stands, from 1."""
    lines = [
        "# Written by scripts/make_fixtures.py. Every frame named here is synthetic: no venue sent it.",
        "", "[pack]", f"seed = {seed}", f"seconds = {seconds}", f"start_ms = {START_MS}",
        f"frames = {sum(recorder.frames for recorder in recorders.values())}",
    ]  # fmt: skip
    for name, recorder in recorders.items():
        lines += ["", f"[captures.{recorder.venue}]", f'file = "{name}.gz"', f'dialect = "{recorder.dialect}"']
        lines += [f"lines = {len(recorder.lines)}", f"frames = {recorder.frames}", ""]
        lines.append(f"[captures.{recorder.venue}.kinds]")
        lines += [f"{kind} = {count}" for kind, count in sorted(recorder.kinds.items())]
    for name, recorder in recorders.items():
        for oddity, line, note in recorder.marks:
            lines += ["", "[[oddity]]", f'name = "{oddity}"', f'file = "{name}.gz"', f"line = {line}"]
            lines.append(f'note = "{note}"')
    return "\n".join(lines) + "\n"
