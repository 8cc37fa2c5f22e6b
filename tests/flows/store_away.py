"""Run a desk over a capture as a process of its own, with a store that takes nothing.

    python -m tests.flows.store_away CAPTURE STORE SPOOL_BYTES

It never comes to its end: whoever started it ends it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from cli.demo import FIXTURES
from connectors.clickhouse import EnvelopeTable
from connectors.columns import Stored
from connectors.stopping import Stop, Stopped
from connectors.store import StoreAway
from flows import embedded
from flows.desks import load_desk

ROOT = Path(__file__).resolve().parents[2]


def settings(capture: Path, store: Path, spool_bytes: int = 1 << 26) -> embedded.Settings:
    """The run that all of these tests make."""
    desk, records = load_desk("lab", ROOT / "config"), FIXTURES / "demo_instruments.jsonl"
    return embedded.Settings((capture,), desk, records, store, batch=64, spool_bytes=spool_bytes)


def main(words: list[str]) -> int:
    """Run until somebody ends it; returns the exit code."""

    def refuse(table: EnvelopeTable, blocks: Sequence[Stored]) -> None:
        raise StoreAway(f"{table.where}: Code: 243. DB::Exception: not enough space. (NOT_ENOUGH_SPACE)")

    EnvelopeTable.write_stored = refuse  # type: ignore[method-assign]
    try:
        with Stop() as stop:
            embedded.run(settings(Path(words[0]), Path(words[1]), int(words[2])), stop=stop)
    except Stopped as err:
        return err.code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
