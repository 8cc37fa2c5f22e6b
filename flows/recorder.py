"""Record a run: count, check, hand blocks to the store's writer, and write down what ran when it has ended."""

import time
from collections.abc import Callable, Sequence

from connectors.backlog import Backlog
from connectors.capture import Capture
from connectors.clickhouse import EnvelopeTable
from connectors.spool import NORMAL
from connectors.writer import BlockWriter
from contracts.envelope import Block, DeadLetter
from flows.assemble import Assembly
from flows.lane_steps import Accounts
from flows.tally import FrameTally, RowTally, Tally


class Recorder:
    """The end of the path: count, check, and hand blocks to the store's writer."""

    def __init__(
        self,
        table: EnvelopeTable | None,
        check: bool,
        captures: Sequence[Capture] = (),
        backlog: Backlog | None = None,
        stop: Callable[[], bool] = lambda: False,
        patient: bool = False,
    ) -> None:
        """Record into a table, or into nothing.

        `backlog` keeps what the table does not take for a while. Once four fifths of it are used nothing more is taken
        in, and so nothing more decided, until the table has caught up, unless `stop` says so. One that is `patient`
        keeps nothing and waits for the table: for blocks that lie in a log of their own.
        """
        self.tally, self.accounts = Tally(check), FrameTally()
        self.decisions, self.authorised = RowTally(), RowTally()
        self._table, self._since = table, time.perf_counter()
        self._backlog, self._stop = backlog, stop
        self._writer = None if table is None else BlockWriter(table, backlog=backlog, patient=patient)

    def take(self, batches: list[list[Block]]) -> None:
        """Take blocks of the desk."""
        self.tally.take(batches)
        for blocks in batches:
            self.keep_blocks(blocks)

    def keep_blocks(self, blocks: list[Block]) -> None:
        """Hand blocks to the store's writer, uncounted."""
        if self._writer is not None:
            self._writer.write(blocks)
            if self._writer.state != NORMAL:
                self._writer.pause(self._stop)

    def account_for(self, batches: list[Accounts]) -> None:
        """Count what became of frames, and keep those that could not be read."""
        for letters, counts, facts in batches:
            self.accounts.take(letters, counts, facts)
            self.keep_letters(letters)

    def keep_letters(self, letters: list[DeadLetter]) -> None:
        """Keep what could not be read."""
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
        """Wait until every block so far is stored, or in the backlog; raises StoreError."""
        self.lap()
        if self._writer is not None:
            self._writer.flush()

    def settle_letters(self) -> None:
        """Wait until every dead letter so far is stored, or in the backlog; raises StoreError."""
        if self._writer is not None:
            self._writer.flush_letters()

    def drained(self) -> bool:
        """Wait until everything is stored, and return True; False when somebody asked to stop. Raises StoreError."""
        return self._writer is None or self._writer.drained(self._stop)

    def finish(self, leave: bool = False) -> None:
        """Wait until everything is stored, and take nothing more; with `leave` the backlog may wait for the next start.

        Raises StoreError.
        """
        if self._writer is not None:
            self._writer.close(leave)
        if self._backlog is not None:
            if leave:
                self._backlog.close()
            else:
                self._backlog.end()

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
