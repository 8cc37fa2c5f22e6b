"""Derive every decision of a store again from its recorded facts, and compare byte for byte.

The facts come from the journal's blocks, and so does what the operator commanded; what the lane bots said is not read
but derived again with the rest: of a desk that heard several lanes by each lane for itself, in the order that the
journal has. Both chains are compared, block by block, as bytes: the journal (so the signals) and the decisions.
"""

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import cast

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.operators import KeyedStream
from bytewax.testing import run_main

from connectors.clickhouse import EnvelopeTable
from contracts.base import Refused
from contracts.control import ConfigApplied, DeskConfigured
from contracts.envelope import FACT_RANK, Block, CheckedRow, Row, rows_of
from contracts.ids import CONTROL_SOURCE, SOURCE_SHIFT, envelope_id
from contracts.market import Fact
from flows.assemble import Assembly, fingerprint, recalled
from flows.deployment import GOVERN
from flows.desk_steps import decided
from flows.embedded import EPOCH, LANE, Progress
from flows.ends import BlockSource, KeptSink
from flows.lane_steps import Entries, LaneSteps, judged
from operators.compare import Comparison, Difference
from operators.engine import Lane
from operators.freshness import Freshness
from operators.host import hosted
from operators.journal import Addresser, Scope
from operators.lanes import HeardLanes, LanePath
from operators.normalise import Normaliser
from operators.order_book import OrderBooks
from operators.plan import DESK_RANK


def replay(store: Path, progress: Progress | None = None, desk: str | None = None) -> dict[str, object]:
    """Replay a store; returns the keys of `pt replay`. Raises Refused when there is nothing to replay.

    A desk with a scope hears a part of its lane only, and what lane bots conclude rests on the whole; so the signals of
    such a desk are taken as its journal has them, and its decisions alone are derived.
    """
    with EnvelopeTable.embedded(store) as table:
        desk_id = one_desk(table, store, desk)
        assembly = recalled(*birth(table, desk_id, store))
        comparison = Comparison(table.read_blocks(desk_id, "journal"), table.read_blocks(desk_id, "decisions"))
        scoped = bool(assembly.configured.scope)
        entries = given(table.read_blocks(desk_id, "journal"), progress, signals=scoped)
        begun = time.perf_counter()
        run_main(build(entries, assembly, comparison), epoch_interval=EPOCH)
        seconds = time.perf_counter() - begun
        comparison.finish()
    taken = assembly.desk.offset
    first = comparison.first
    return {
        "desk": desk_id,
        "derived": "decisions" if scoped else "signals and decisions",
        "entries": taken,
        "decisions": comparison.decisions,
        "same": comparison.same,
        "differs": comparison.differs,
        "input_missing": comparison.missing,
        "first_difference": None if first is None else _difference(desk_id, first),
        "fingerprint_recorded": assembly.configured.fingerprint,
        "fingerprint_here": fingerprint(),
        "entries_per_s": round(taken / seconds) if seconds else 0,
        "seconds": round(seconds, 3),
    }


def build(entries: Iterator[list[Fact]], assembly: Assembly, comparison: Comparison) -> Dataflow:
    """Wire the path from facts on: the same steps as a run, with a comparison at its end. Commands pass to the desk."""
    flow = Dataflow("replay")
    facts = op.input("facts", flow, BlockSource(LANE, entries))
    heard = _given if assembly.configured.scope else _heard_lanes if assembly.lanes else _heard
    unseen: KeptSink[list[Row]] = KeptSink(lambda batches: None)
    decided(heard(facts, assembly), lambda: assembly.desk, unseen, unseen, KeptSink(comparison.take))
    return flow


def _given(facts: KeyedStream[list[Fact]], assembly: Assembly) -> KeyedStream[Entries]:
    """A part of a lane: what stands in the journal is all that there is of it."""
    return op.map_value("journal", facts, lambda entries: cast("Entries", entries))


def _heard(facts: KeyedStream[list[Fact]], assembly: Assembly) -> KeyedStream[Entries]:
    """One lane: its steps, in view."""
    path = lane_path(assembly)
    return judged(facts, LaneSteps(Normaliser(), path.order_book, path.freshness, path.signals, path.address))


def _heard_lanes(facts: KeyedStream[list[Fact]], assembly: Assembly) -> KeyedStream[Entries]:
    """Several lanes: one step that knows which entry is whose."""
    return op.stateful_batch("lanes", facts, hosted(lambda: HeardLanes(assembly.lanes, lambda: lane_path(assembly))))


def lane_path(assembly: Assembly) -> LanePath:
    """Make the steps of a lane from its recorded configuration, its memory empty."""
    scope = Scope(assembly.configured.desk_id, frozenset(assembly.configured.scope))
    signals = Lane(assembly.lane.plan, assembly.lane.functions)
    return LanePath(OrderBooks(), Freshness(assembly.budgets), signals, Addresser([scope]))


def one_desk(table: EnvelopeTable, store: Path, wanted: str | None) -> str:
    """Return the desk to be replayed; raises Refused where a store holds several and none is named."""
    desks = [desk_id for desk_id in table.desks() if not desk_id.startswith(GOVERN)]
    if wanted is not None and wanted not in desks:
        raise Refused(f"--desk {wanted}: is not in {store}; allowed: {', '.join(desks) or 'none'}")
    if wanted is None and len(desks) != 1:
        raise Refused(f"--store {store}: holds {len(desks)} desks ({', '.join(desks) or 'none'}); name one with --desk")
    return wanted or desks[0]


def birth(table: EnvelopeTable, desk_id: str, store: Path | str) -> tuple[DeskConfigured, list[ConfigApplied], int]:
    """Return what a stored desk was born from, and when; raises Refused for a journal that does not begin with it."""
    configured, applied, born = None, [], 0
    for block in islice(table.read_blocks(desk_id, "journal"), 2):
        for row in rows_of(block.data):
            if row.rank == DESK_RANK and isinstance(row.payload, DeskConfigured):
                configured, born = row.payload, row.at_ns
            elif row.rank == DESK_RANK and isinstance(row.payload, ConfigApplied):
                applied.append(row.payload)
    if configured is None:
        raise Refused(f"--store {store}: its journal does not begin with DeskConfigured, so nothing can be derived")
    return configured, applied, born


def given(
    blocks: Iterable[Block], progress: Progress | None = None, *, signals: bool = False
) -> Iterator[list[Fact]]:
    """Yield what reached a journal from outside: the facts, and in their places what was commanded after the birth.

    With `signals` also what lane bots said. A command is a row and no fact; the steps of a lane hand on what they do
    not know, so both go the same way.
    """
    done = 0
    for number, block in enumerate(blocks):
        rows = rows_of(block.data)
        entries = [row.payload if row.rank == FACT_RANK else _again(row) for row in rows if _is_given(row, signals)]
        done += len(entries)
        if progress is not None and number % 64 == 0:
            progress(done, 0, 0)
        if entries:
            yield cast("list[Fact]", entries)


def _is_given(row: CheckedRow, signals: bool) -> bool:
    """True for a fact, and for an entry of the control source that the desk was not born from; or for any but these."""
    commanded = signals or row.cause >> SOURCE_SHIFT == CONTROL_SOURCE
    return row.rank == FACT_RANK or (commanded and row.rank != DESK_RANK)


def _again(row: CheckedRow) -> Row:
    return Row(row.cause, row.rank, row.index, row.at_ns, row.market, row.payload)


def _difference(desk_id: str, first: Difference) -> dict[str, object]:
    chain, number, recorded, derived = first
    row = recorded if recorded is not None else derived
    if row is None:
        return {"chain": chain, "block": number}
    return {
        "chain": chain,
        "block": number,
        "envelope_id": envelope_id(desk_id, row.cause, row.rank, row.index),
        "recorded": None if recorded is None else repr(recorded.payload),
        "derived": None if derived is None else repr(derived.payload),
    }
