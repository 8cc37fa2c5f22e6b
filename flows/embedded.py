"""Run the main job in one process: captures in, decisions out, into a store or into nothing.

The steps of `lane_steps.py` and `desk_steps.py` behind the sequencer; there is no code of its own beyond that and the
counting.
With a store a run can be killed at any moment and goes on where its last snapshot was (`spells.py`).
"""

import resource
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
import msgspec
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.testing import run_main

from connectors.backlog import LIMIT, Backlog, backlog_folder
from connectors.capture import Capture, open_capture
from connectors.capture_growing import GrowingCapture, open_growing
from connectors.clickhouse import EnvelopeTable
from connectors.environment import kill_switch_engaged
from connectors.freshness import budgets
from connectors.recovery import FORMAT, SHOWN, Begun, Recovery, differences, refusal
from connectors.stopping import Stop
from connectors.store import StoreError
from contracts.ids import content_hash
from flows.assemble import Assembly, assembled
from flows.desk_steps import decided
from flows.desks import Desk as DeskFile
from flows.ends import BlockSource, FrameSource, KeptSink
from flows.lane_steps import LaneSteps, judged, normalised
from flows.migrations import keeping
from flows.recorder import Recorder
from flows.spells import SOURCE, Spells
from operators.freshness import Freshness
from operators.journal import Addresser, Scope
from operators.normalise import Frame, Normaliser, read_instruments
from operators.order_book import OrderBooks
from operators.sequencer import SECOND_NS, merge, merge_growing
from operators.state import Keep

__all__ = ["EPOCH", "LANE", "Progress", "Recorder", "Result", "Settings", "build", "identity", "run", "summarise"]

Progress = Callable[[int, int, int], None]
EPOCH = timedelta(seconds=10)
LANE, PLATFORM = "lane0", "platform"


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run: captures, desk, where to store, how many frames a block holds, and whether the captures grow.

    spool_bytes  how much may wait on disk while the store takes nothing
    """

    captures: tuple[Path, ...]
    desk: DeskFile
    instruments: Path | None = None
    store: Path | None = None
    config: Path | None = None
    batch: int = 256
    validate: bool = True
    follow: bool = False
    spool_bytes: int = LIMIT


@dataclass(slots=True)
class Result:
    """What a run did: the keys of `pt run`, what was cut short, and a word on what an earlier process had done."""

    summary: dict[str, object]
    truncated: list[str] = field(default_factory=list)
    note: str = ""


@dataclass(slots=True)
class Job:
    """Everything that a run is made of, before anything is written."""

    settings: Settings
    captures: Sequence[Capture]
    assembly: Assembly
    lane: LaneSteps
    run_id: str
    blocks: Iterator[list[Frame]]


def run(settings: Settings, progress: Progress | None = None, stop: Stop | None = None) -> Result:
    """Run captures through a desk; raises Refused, CaptureError or StoreError before anything is written.

    With a store a run that was cut off goes on, and one that has ended answers again. `stop` ends it at the next
    snapshot and then raises Stopped.
    """
    job = prepared(settings, progress)
    if settings.store is None:
        recorder = Recorder(None, settings.validate)
        run_main(build(job.blocks, job.lane, job.assembly, recorder), epoch_interval=EPOCH)
        return summarise(job.run_id, recorder.lap(), job.captures, job.lane, job.assembly, recorder)
    desk_id, mode = job.assembly.configured.desk_id, job.assembly.configured.desk_mode
    with EnvelopeTable.embedded(settings.store, mode) as table:
        recovery, here = Recovery(settings.store, desk_id), begun_of(job)
        ended = ended_before(table, desk_id, here)
        if ended is not None:
            recovery.end()
            return ended
        return _stored(job, table, recovery, here, Stop() if stop is None else stop)


def _stored(job: Job, table: EnvelopeTable, recovery: Recovery, here: Begun, stop: Stop) -> Result:
    """Run with a store: begin, or go on after the last snapshot; at the end write the run's record."""
    there, desk_id = recovery.begun(), job.assembly.configured.desk_id
    backlog = Backlog(backlog_folder(recovery.store, desk_id), job.settings.spool_bytes)
    if there is None or (there != here and desk_id not in table.desks() and backlog.empty):
        recovery.begin(here)
    elif there != here:
        raise refusal(table.where, there, here)
    keep, recorder = keeping(), Recorder(table, job.settings.validate, backlog=backlog, stop=stop)
    spells = Spells(job.blocks, keep, stop, recorder.hurry)
    with stop.gently():
        whole = spells.run(lambda: build(spells, job.lane, job.assembly, recorder, keep), recovery.config())
        whole = whole and recorder.drained()
    if not whole:
        recorder.finish(leave=True)
        raise stop.reason()
    result = summarise(job.run_id, recorder.lap(), job.captures, job.lane, job.assembly, recorder)
    recorder.close(job.run_id, job.assembly, job.captures, result.summary, here.parts)
    recovery.end()
    result.note = f"went on after frame {spells.begun:,}, where an earlier start was cut off" if spells.begun else ""
    return result


def prepared(settings: Settings, progress: Progress | None = None) -> Job:
    """Open the captures and put the desk together; raises Refused or CaptureError, and writes nothing."""
    growing = [open_growing(path) for path in settings.captures] if settings.follow else []
    captures = in_order([*growing, *(open_capture(path) for path in settings.captures if not settings.follow)])
    assembly = assembled(settings.desk, budgets(settings.config), at_ns=born_ns(captures))
    lane = lane_steps(assembly, settings, {rank: capture.source_id for rank, capture in enumerate(captures)})
    if settings.follow:
        polled = [capture.polled() for capture in captures if isinstance(capture, GrowingCapture)]
        blocks = merge_growing(polled, settings.batch, kill_switch_engaged)
    else:
        blocks = merge(captures, settings.batch, kill_switch_engaged)
    return Job(settings, captures, assembly, lane, identity(captures, assembly), watched(blocks, captures, progress))


def build(
    frames: Iterator[list[Frame]] | Spells,
    lane: LaneSteps,
    assembly: Assembly,
    recorder: Recorder,
    keep: Keep | None = None,
) -> Dataflow:
    """Wire the path: normalise, order book, freshness, signals, address, desk, risk_votes, emit_orders, record."""
    flow, keep = Dataflow("embedded"), Keep() if keep is None else keep
    raw = op.input("frames", flow, source_of(frames, keep))
    accounts, facts = normalised(raw, lane, keep)
    settle = recorder.settle_letters
    op.output("accounts", accounts, KeptSink(recorder.account_for, "accounts", recorder.accounts, settle, keep))
    decided(
        judged(facts, lane, keep),
        lambda: assembly.desk,
        KeptSink(recorder.decisions.take, "votes", recorder.decisions, keep=keep),
        KeptSink(recorder.authorised.take, "orders", recorder.authorised, keep=keep),
        KeptSink(recorder.take, "record", recorder.tally, recorder.settle, keep),
        keep,
    )
    return flow


def source_of(frames: Iterator[list[Frame]] | Spells, keep: Keep) -> Source[tuple[str, list[Frame]]]:
    """Return the flow's input: one that keeps its place, or one that does not."""
    return FrameSource(LANE, frames, SOURCE, keep) if isinstance(frames, Spells) else BlockSource(LANE, frames)


def begun_of(job: Job) -> Begun:
    """Name everything that decides a run: two that agree in it give the same envelopes."""
    assembly, records = job.assembly, job.settings.instruments
    configured = msgspec.structs.replace(assembly.configured, fingerprint="")
    parts = {f"capture {rank}": capture.source_id for rank, capture in enumerate(job.captures, 1)}
    parts |= {
        "followed": "yes" if job.settings.follow else "no",
        "instruments": "none" if records is None else content_hash(records.read_bytes()),
        "desk": content_hash(msgspec.json.encode(configured)),
        "plan": configured.plan_hash,
        PLATFORM: assembly.configured.fingerprint,
    }
    parts |= {f"bot {said.bot_id}": f"{said.bot_version}/{said.config_version}" for said in assembly.applied}
    return Begun(FORMAT, job.run_id, parts)


def ended_before(table: EnvelopeTable, desk_id: str, here: Begun) -> Result | None:
    """Return what this run came to when it has ended; raises StoreError when the desk ran something else here."""
    for found in table.runs():
        if found.desk_id != desk_id:
            continue
        there = msgspec.convert(found.tables.get("parts", here.parts), dict[str, str])
        differ = differences({**there, PLATFORM: ""}, {**here.parts, PLATFORM: ""})
        if found.run_id != here.run_id or differ:
            told = f" (differs in {', '.join(differ[:SHOWN])})" if differ else ""
            raise StoreError(f"{table.where}: holds another run of desk {desk_id}{told}; use a new folder")
        truncated = msgspec.convert(found.result.get("truncated", []), list[str])
        return Result(found.result, truncated, "this run has ended before; nothing was done again")
    return None


def born_ns(captures: Sequence[Capture]) -> int:
    """Return when the desk of a run is born: at the second that its journal begins with."""
    return min((capture.first_ns for capture in captures), default=0) // SECOND_NS * SECOND_NS


def lane_steps(assembly: Assembly, settings: Settings, sources: dict[int, str]) -> LaneSteps:
    """Make the steps of the only lane of an embedded run."""
    normaliser = Normaliser(sources)
    if settings.instruments is not None:
        normaliser.declare(read_instruments(settings.instruments.read_bytes()))
    scope = Scope(assembly.configured.desk_id, frozenset(assembly.configured.scope))
    return LaneSteps(normaliser, OrderBooks(), Freshness(assembly.budgets), assembly.lane, Addresser([scope]))


def identity(captures: Sequence[Capture], assembly: Assembly) -> str:
    """Name a run by what decides it: the captures' content, the desk, and every bot's code and configuration."""
    desk = msgspec.json.encode(msgspec.structs.replace(assembly.configured, fingerprint=""))
    parts = [capture.source_id for capture in captures] + [content_hash(desk)]
    parts += [f"{said.bot_id}={said.bot_version}/{said.config_version}" for said in assembly.applied]
    return content_hash("|".join(parts).encode())[:16]


def in_order(captures: list[Capture]) -> list[Capture]:
    """Rank sources by first arrival, then by content: the order of arguments must not matter."""
    return sorted(captures, key=lambda capture: (capture.first_ns, capture.source_id))


def watched(
    frames: Iterator[list[Frame]], captures: Sequence[Capture], progress: Progress | None
) -> Iterator[list[Frame]]:
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


def summarise(
    run_id: str, seconds: float, captures: Sequence[Capture], lane: LaneSteps, assembly: Assembly, recorder: Recorder
) -> Result:
    """Put the numbers of a run together under the keys of the command line."""
    tally, accounts = recorder.tally, recorder.accounts
    truncated = [capture.truncated for capture in captures if capture.truncated]
    summary: dict[str, object] = {
        "run_id": run_id,
        "fingerprint": assembly.configured.fingerprint,
        "seconds": round(seconds, 3),
        "frames_per_s": round(accounts.frames / seconds) if seconds else 0,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "truncated": truncated,
        "frames": accounts.frames,
        "facts_frames": accounts.facts_frames,
        "control": accounts.control,
        "dead_letters": dict(sorted(accounts.dead.items())),
        "facts": accounts.facts,
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
