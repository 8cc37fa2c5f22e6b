"""Cut small captures out of the synthetic pack, for tests that run whole desks."""

import gzip
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "fixtures" / "demo_kalshi.jsonl.gz"
INSTRUMENTS = ROOT / "fixtures" / "demo_instruments.jsonl"


def small(file: Path, lines: int) -> Path:
    """Write the first lines of the demonstration pack as a capture of its own; return it."""
    with gzip.open(PACK) as packed:
        file.write_bytes(b"".join(line for _, line in zip(range(lines), packed, strict=False)))
    return file
