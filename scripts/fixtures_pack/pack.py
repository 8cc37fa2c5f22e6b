"""Put the pack together: two captures, the instruments, the table of contents, the digests."""

import gzip
from hashlib import sha256
from typing import NamedTuple

from scripts.fixtures_pack import instruments
from scripts.fixtures_pack.kalshi_stage import KalshiStage
from scripts.fixtures_pack.polymarket_stage import PolymarketStage
from scripts.fixtures_pack.recorder import START_MS, Recorder

SEED = 7
SECONDS = 1_500
KALSHI_FILE, POLYMARKET_FILE = "demo_kalshi.jsonl", "demo_polymarket.jsonl"
INSTRUMENTS_FILE, CONTENTS_FILE, DIGEST_FILE = "demo_instruments.jsonl", "demo.toml", "demo.sha256"


class Pack(NamedTuple):
    """The files of a pack by name, uncompressed; the two captures are kept gzipped."""

    files: dict[str, bytes]

    def stored(self) -> dict[str, bytes]:
        """Return what stands in the folder: captures compressed, without a time of making."""
        small = (KALSHI_FILE, POLYMARKET_FILE)
        return {name + ".gz" if name in small else name: gzip.compress(data, 9, mtime=0) if name in small else data
                for name, data in self.files.items()}  # fmt: skip


def make(seed: int = SEED, seconds: int = SECONDS) -> Pack:
    """Play both venues from a seed; the same arguments give the same bytes everywhere. About 3 s."""
    end_ms = seconds * 1_000
    recorders = {KALSHI_FILE: KalshiStage(seed).run(end_ms), POLYMARKET_FILE: PolymarketStage(seed).run(end_ms)}
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
