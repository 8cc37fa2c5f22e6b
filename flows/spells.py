"""Run a flow so that it can be killed at any moment and taken up again: in spells, each of them an execution.

A spell ends where the input does, or where it is paused: because somebody asked to stop, or because snapshots have
become dear. Bytewax keeps one snapshot of everything at the end of each epoch and reads nothing new until it is stored,
so a dear one stands still for the whole path. What that costs is measured at each epoch; when one takes more than a
fifth of the interval, or two in a row more than a tenth, the next spell's is fifteen times what it took.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from bytewax.dataflow import Dataflow
from bytewax.recovery import (
    InconsistentPartitionsError,
    MissingPartitionsError,
    NoPartitionsError,
    RecoveryConfig,
)
from bytewax.testing import run_main

from connectors.errors import CaptureError
from connectors.store import StoreError
from operators.normalise.frames import Frame
from operators.state import Keep

INTERVAL_S = 1.0
INTERVAL_MAX_S = 60.0
SHARE_MAX, SHARE_NEXT = 0.1, 1 / 15
DEAR = 2
SOURCE = "frames"
_RUINED = (InconsistentPartitionsError, MissingPartitionsError, NoPartitionsError)


class Spells:
    """The input of a flow that is run in spells: counts what is taken, ends where a pause is wanted."""

    def __init__(
        self,
        blocks: Iterator[list[Frame]],
        keep: Keep,
        stop: Callable[[], bool] = lambda: False,
        hurry: Callable[[], None] = lambda: None,
        interval_s: float = INTERVAL_S,
    ) -> None:
        """Take blocks; `stop` asks for a pause, `hurry` hears as early as possible that an epoch is about to end."""
        self.taken, self.begun, self.interval_s = 0, 0, interval_s
        self._blocks, self._keep, self._stop, self._hurry = blocks, keep, stop, hurry
        self._closing, self._since, self._dear = False, 0.0, 0
        keep.heard = self._heard
        self.epochs, self.snapshot_s = 0, 0.0

    # ---- the source's side ----

    def seek(self, taken: int) -> None:
        """Read on to the frame after so many; raises CaptureError when there are fewer."""
        if not self._keep.warm:
            self.begun = taken
        while self.taken < taken:
            block = next(self._blocks, None)
            if not block:
                raise CaptureError(f"captures have {self.taken} frames; the run has taken {taken} of them already")
            self.taken += len(block)
            if self.taken > taken:
                rest = block[len(block) - (self.taken - taken) :]
                self.taken, self._blocks = taken, _after(rest, self._blocks)

    def next(self) -> list[Frame]:
        """Return the next block; raises StopIteration at the end and at a pause."""
        self._measure()
        if self._stop() or self._dear >= DEAR:
            self._keep.paused = True
            raise StopIteration
        block = next(self._blocks)
        self.taken += len(block)
        return block

    def closing(self) -> None:
        """Note that an epoch ends with the block that was handed on last; its own work is not the snapshots'."""
        self._hurry()
        self._closing, self._since = True, 0.0

    def _heard(self, step_id: str) -> None:
        if self._closing and not self._since and step_id != SOURCE:
            self._since = time.perf_counter()

    def _measure(self) -> None:
        """Learn what the last epoch's end cost, from the first step's snapshot until the input is asked again."""
        closing, since, self._closing = self._closing, self._since, False
        if not closing or not since:
            return
        took = time.perf_counter() - since
        self.epochs, self.snapshot_s = self.epochs + 1, self.snapshot_s + took
        share = took / self.interval_s if 0 < self.interval_s < INTERVAL_MAX_S else 0.0
        self._dear = 0 if share <= SHARE_MAX else DEAR if share > 2 * SHARE_MAX else self._dear + 1
        if self._dear >= DEAR:
            self.interval_s = min(INTERVAL_MAX_S, took / SHARE_NEXT)

    # ---- the runner's side ----

    def run(self, build: Callable[[], Dataflow], recovery: RecoveryConfig) -> bool:
        """Run to the end of the input, or to the pause that was asked for; True at the end.

        Raises what the flow raises, and StoreError for a recovery folder that has holes.
        """
        while True:
            self._keep.paused, self._dear = False, 0
            try:
                run_main(build(), epoch_interval=timedelta(seconds=self.interval_s), recovery_config=recovery)
            except _RUINED as err:
                raise StoreError(f"{recovery.db_dir}: {err}; remove the folder to begin the run again") from None
            if not self._keep.paused:
                return True
            if self._stop():
                return False
            self._keep.warm = True


def _after(first: list[Frame], rest: Iterator[list[Frame]]) -> Iterator[list[Frame]]:
    yield first
    yield from rest
