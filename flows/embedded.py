"""Run the main job in one process: captures in, decisions out, into a store or into nothing.

The steps of `market.py` and `desk.py` behind the sequencer; there is no code of its own beyond that and the counting.
"""

import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main

from connectors.capture import Capture, open_capture
from connectors.clickhouse import EnvelopeTable
from connectors.environment import kill_switch_engaged
from connectors.writer import BlockWriter
from contracts.envelope import Block, Row
from contracts.ids import content_hash
from flows.assemble import Assembly, assembled
from flows.desk import decided
from flows.desks import Desk as DeskFile
from flows.ends import BlockSource, CallSink
from flows.market import Accounts, LaneSteps, judged, normalised
from flows.tally import Tally
from operators.freshness import Budgets, Freshness, read_budgets
from operators.journal import Addresser, Scope
from operators.normalise import Frame, Normaliser, read_instruments
from operators.order_book import OrderBooks
from operators.sequencer import merge

Progress = Callable[[int, int, int], None]
EPOCH = timedelta(seconds=10)
LANE = "lane0"


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run: captures, desk, where to store, and how many frames a block holds."""

    captures: tuple[Path, ...]
    desk: DeskFile
    instruments: Path | None = None
    store: Path | None = None
    config: Path | None = None
    batch: int = 256
    validate: bool = True


@dataclass(slots=True)
class Result:
    """What a run did: the keys of `pt run`, and what was cut short."""

    summary: dict[str, object]
    truncated: list[str] = field(default_factory=list)


def run(settings: Settings, progress: Progress | None = None) -> Result:
    """Run captures through a desk; raises Refused, CaptureError or StoreError before anything is written."""
    captures = in_order([open_capture(path) for path in settings.captures])
    born = min((capture.first_ns for capture in captures), default=0)
    assembly = assembled(settings.desk, freshness_of(settings), at_ns=born)
    lane = lane_steps(assembly, settings, {rank: capture.source_id for rank, capture in enumerate(captures)})
    run_id = identity(captures, assembly)
    table = None if settings.store is None else EnvelopeTable.embedded(settings.store, assembly.configured.desk_mode)
    try:
        recorder = Recorder(table, settings.validate, captures)
        frames = merge(captures, settings.batch, kill_switch_engaged)
        begun = time.perf_counter()
        run_main(build(watched(frames, captures, progress), lane, assembly, recorder), epoch_interval=EPOCH)
        seconds = time.perf_counter() - begun
        result = summarise(run_id, seconds, captures, lane, assembly, recorder)
        recorder.close(run_id, assembly, captures, result.summary)
        return result
    finally:
        if table is not None:
            table.close()


def build(frames: Iterator[list[Frame]], lane: LaneSteps, assembly: Assembly, recorder: "Recorder") -> Dataflow:
    """Wire the path: normalise, order book, freshness, signals, address, desk, risk_votes, emit_orders, record."""
    flow = Dataflow("embedded")
    raw = op.input("frames", flow, BlockSource(LANE, frames))
    accounts, facts = normalised(raw, lane)
    op.output("accounts", accounts, CallSink(recorder.account_for))
    journal = judged(facts, lane)
    decided(
        journal,
        lambda: assembly.desk,
        CallSink(recorder.count_votes),
        CallSink(recorder.count_orders),
        CallSink(recorder.take),
    )
    return flow


def freshness_of(settings: Settings) -> Budgets:
    """Read the freshness budgets of the configuration folder; without one the defaults hold."""
    if settings.config is None:
        return Budgets()
    return read_budgets((settings.config / "freshness.toml").read_text("utf-8"))


def lane_steps(assembly: Assembly, settings: Settings, sources: dict[int, str]) -> LaneSteps:
    """Make the steps of the only lane of an embedded run."""
    normaliser = Normaliser(sources)
    if settings.instruments is not None:
        normaliser.declare(read_instruments(settings.instruments.read_bytes()))
    scope = Scope(assembly.configured.desk_id, frozenset(assembly.configured.scope))
    return LaneSteps(normaliser, OrderBooks(), Freshness(assembly.budgets), assembly.lane, Addresser([scope]))


def identity(captures: list[Capture], assembly: Assembly) -> str:
    """Name a run by what decides it: the captures' content, the plan, and every bot's code and configuration."""
    parts = [capture.source_id for capture in captures] + [assembly.configured.plan_hash]
    parts += [f"{said.bot_id}={said.bot_version}/{said.config_version}" for said in assembly.applied]
    return content_hash("|".join(parts).encode())[:16]


def in_order(captures: list[Capture]) -> list[Capture]:
    """Rank sources by first arrival, then by content: the order of arguments must not matter."""
    return sorted(captures, key=lambda capture: (capture.first_ns, capture.source_id))


def watched(frames: Iterator[list[Frame]], captures: list[Capture], progress: Progress | None) -> Iterator[list[Frame]]:
    """Pass blocks on, and tell somebody who waits how far they are."""
    if progress is None:
        yield from frames
        return
    total, done = sum(capture.size for capture in captures), 0
    for number, block in enumerate(frames):
        done += len(block)
        if number % 64 == 0:
            progress(done, total, sum(capture.read for capture in captures))
        yield block
    progress(done, total, total)


class Recorder:
    """The end of the path: count, check, and hand blocks to the store's writer."""

    def __init__(self, table: EnvelopeTable | None, check: bool, captures: list[Capture]) -> None:
        """Record into a table, or into nothing."""
        self.tally = Tally(check)
        self.dead: Counter[str] = Counter()
        self.decisions = self.authorised = 0
        self.frames = self.facts_frames = self.control = self.facts = 0
        self._table = table
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
            self.frames += counts.frames
            self.facts_frames += counts.facts_frames
            self.control += counts.control
            self.facts += facts
            if letters:
                self.dead.update(letter.reason for letter in letters)
                if self._writer is not None:
                    self._writer.write_dead_letters(letters)

    def count_votes(self, batches: list[list[Row]]) -> None:
        """The votes in view: each decision once."""
        self.decisions += sum(map(len, batches))

    def count_orders(self, batches: list[list[Row]]) -> None:
        """The orders in view; a paper desk's venue is inside the desk, so nothing leaves from here."""
        self.authorised += sum(map(len, batches))

    def finish(self) -> None:
        """Wait until everything is stored."""
        if self._writer is not None:
            self._writer.close()

    def close(self, run_id: str, assembly: Assembly, captures: list[Capture], summary: dict[str, object]) -> None:
        """Wait for the writer and add the run's own record."""
        self.finish()
        if self._table is None:
            return
        sources = {str(rank): {"source_id": c.source_id, "name": c.path.name} for rank, c in enumerate(captures)}
        self._table.write_run(run_id, assembly.configured.desk_id, assembly.configured.fingerprint, sources, summary)


def summarise(
    run_id: str, seconds: float, captures: list[Capture], lane: LaneSteps, assembly: Assembly, recorder: Recorder
) -> Result:
    """Put the numbers of a run together under the keys of the command line."""
    tally = recorder.tally
    truncated = [capture.truncated for capture in captures if capture.truncated]
    frames = recorder.frames
    summary: dict[str, object] = {
        "run_id": run_id,
        "fingerprint": assembly.configured.fingerprint,
        "seconds": round(seconds, 3),
        "frames_per_s": round(frames / seconds) if seconds else 0,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "truncated": truncated,
        "frames": frames,
        "facts_frames": recorder.facts_frames,
        "control": recorder.control,
        "dead_letters": dict(sorted(recorder.dead.items())),
        "facts": recorder.facts,
        "gaps": lane.order_book.gaps,
        "stale_spells": tally.stale_spells,
        "resyncs": lane.order_book.resyncs,
        "markets": list(lane.normalise.markets.ids),
        **tally.counts,
        "votes": {gate: dict(sorted(verdicts.items())) for gate, verdicts in sorted(tally.votes.items())},
        "reasons": dict(sorted(tally.reasons.items())),
        "pnl": tally.pnl,
        "decision_digest": tally.digest,
        "desk": assembly.configured.desk_id,
        "required_gates": list(assembly.configured.required_gates),
        "overrides": dict(assembly.configured.overrides),
        "faults": [f"{bot}: {what}" for bot, what in (*lane.signals.faults, *assembly.desk.faults)],
    }
    return Result(summary, truncated)
