"""Record a run: count, check, hand blocks to the store's writer, and write down what ran when it has ended."""

import time
from collections.abc import Sequence

from connectors.capture import Capture
from connectors.clickhouse import EnvelopeTable
from connectors.writer import BlockWriter
from contracts.envelope import Block
from flows.assemble import Assembly
from flows.market import Accounts
from flows.tally import FrameTally, RowTally, Tally


class Recorder:
    """The end of the path: count, check, and hand blocks to the store's writer."""

    def __init__(self, table: EnvelopeTable | None, check: bool, captures: Sequence[Capture] = ()) -> None:
        """Record into a table, or into nothing."""
        self.tally, self.accounts = Tally(check), FrameTally()
        self.decisions, self.authorised = RowTally(), RowTally()
        self._table, self._since = table, time.perf_counter()
        self._writer = None if table is None else BlockWriter(table)

    def take(self, batches: list[list[Block]]) -> None:
        """Take blocks of the desk."""
        self.tally.take(batches)
        if self._writer is not None:
            for blocks in batches:
                self._writer.write(blocks)

    def account_for(self, batches: list[Accounts]) -> None:
        """Count what became of frames, and keep those that could not be read."""
        for letters, counts, facts in batches:
            self.accounts.take(letters, counts, facts)
            if letters and self._writer is not None:
                self._writer.write_dead_letters(letters)

    def hurry(self) -> None:
        """Let the writer begin with what it has: an epoch is about to end."""
        if self._writer is not None:
            self._writer.hurry()

    def lap(self) -> float:
        """Return the seconds that the run has taken, those of earlier processes included."""
        now = time.perf_counter()
        self.tally.seconds, self._since = self.tally.seconds + now - self._since, now
        return self.tally.seconds

    def settle(self) -> None:
        """Wait until every block so far is stored; raises StoreError."""
        self.lap()
        if self._writer is not None:
            self._writer.flush()

    def settle_letters(self) -> None:
        """Wait until every dead letter so far is stored; raises StoreError."""
        if self._writer is not None:
            self._writer.flush_letters()

    def finish(self) -> None:
        """Wait until everything is stored, and take nothing more."""
        if self._writer is not None:
            self._writer.close()

    def close(
        self,
        run_id: str,
        assembly: Assembly,
        captures: Sequence[Capture],
        summary: dict[str, object],
        parts: dict[str, str],
    ) -> None:
        """Wait for the writer and add the run's own record; `parts` is what decided it, by name."""
        self.finish()
        if self._table is None:
            return
        sources = {str(rank): {"source_id": c.source_id, "name": c.path.name} for rank, c in enumerate(captures)}
        configured = assembly.configured
        self._table.write_run(run_id, configured.desk_id, configured.fingerprint, sources, summary, {"parts": parts})
