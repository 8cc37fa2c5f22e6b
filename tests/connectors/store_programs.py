"""Write blocks to a store as a process of its own, so that a test can kill it, or give it a disk that is full.

    python -m tests.connectors.store_programs away FOLDER COUNT   after 40 blocks the store goes away for good
    python -m tests.connectors.store_programs full FOLDER COUNT   after 40 blocks no file may grow for two seconds

Each says on standard output, a line each, how many blocks were flushed; `full` also how the writer was at the end of
the two seconds, and at the very end.
"""

import resource
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from connectors.backlog import Backlog, backlog_folder
from connectors.clickhouse import EnvelopeTable
from connectors.columns import Stored
from connectors.store import StoreAway
from connectors.writer import BlockWriter
from tests.connectors.desk_stream import journal

GOOD, ROWS, EVERY = 40, 8, 5
FILE_BYTES, FULL_S = 4_000, 2.0
AWAY_BYTES, FULL_BYTES = 1 << 24, 15_600


class Leaving(EnvelopeTable):
    """A store that answers until it was told to leave."""

    left = False

    def write_stored(self, blocks: Sequence[Stored]) -> None:
        """Store, or be away."""
        if self.left:
            raise StoreAway(f"{self.where}: NETWORK_ERROR")
        super().write_stored(blocks)


def limit_files(size: int) -> None:
    """Let no file grow beyond a size."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def lift(writer: BlockWriter, states: set[str]) -> None:
    """Note how the writer is, and make room."""
    states.add(writer.state)
    limit_files(resource.RLIM_INFINITY)


def main(words: list[str]) -> None:
    """Write blocks; every few of them wait until they are stored or on disk."""
    how, folder, count = words[0], Path(words[1]), int(words[2])
    states: set[str] = set()
    with Leaving.embedded(folder, "paper") as table:
        backlog = Backlog(backlog_folder(folder, "lab"), AWAY_BYTES if how == "away" else FULL_BYTES)
        writer = BlockWriter(table, *((64, 128) if how == "away" else (512, 512)), backlog)
        for number, block in enumerate(journal(count, rows=ROWS), 1):
            writer.write([block])
            if number % EVERY == 0 and (how == "away" or number <= GOOD):
                writer.flush()
                print(number, flush=True)
            if number == GOOD and how == "away":
                table.left = True  # type: ignore[attr-defined]
            elif number == GOOD:
                limit_files(FILE_BYTES)
                threading.Timer(FULL_S, lift, [writer, states]).start()
        writer.close()
        print(*states, writer.state, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
