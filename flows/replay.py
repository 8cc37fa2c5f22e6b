"""Derive every decision of a store again from its recorded facts, and compare byte for byte.

The facts come from the journal's blocks, and so does what the operator commanded; what the lane bots said is not read
but derived again with the rest. Both chains are compared, block by block, as bytes: the journal (so the signals) and
the decisions.
"""

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import cast

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main

from connectors.clickhouse import EnvelopeTable
from contracts.base import Refused
from contracts.control import ConfigApplied, DeskConfigured
from contracts.envelope import FACT_RANK, Block, CheckedRow, Row, rows_of
from contracts.ids import CONTROL_SOURCE, SOURCE_SHIFT, envelope_id
from contracts.market import Fact
from flows.assemble import Assembly, fingerprint, recalled
from flows.desk import decided
from flows.embedded import EPOCH, LANE, Progress
from flows.ends import BlockSource, KeptSink
from flows.market import LaneSteps, judged
from operators.compare import Comparison, Difference
from operators.freshness import Freshness
from operators.journal import Addresser, Scope
from operators.normalise import Normaliser
from operators.order_book import OrderBooks
from operators.plan import DESK_RANK


def replay(store: Path, progress: Progress | None = None) -> dict[str, object]:
    """Replay a store; returns the keys of `pt replay`. Raises Refused when there is nothing to replay."""
    with EnvelopeTable.embedded(store) as table:
        desk_id = _only_desk(table, store)
        assembly = recalled(*_birth(table, desk_id, store))
        comparison = Comparison(table.read_blocks(desk_id, "journal"), table.read_blocks(desk_id, "decisions"))
        entries = given(table.read_blocks(desk_id, "journal"), progress)
        begun = time.perf_counter()
        run_main(build(entries, assembly, comparison), epoch_interval=EPOCH)
        seconds = time.perf_counter() - begun
        comparison.finish()
    taken = assembly.desk.offset
    first = comparison.first
    return {
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
    scope = Scope(assembly.configured.desk_id, frozenset(assembly.configured.scope))
    lane = LaneSteps(Normaliser(), OrderBooks(), Freshness(assembly.budgets), assembly.lane, Addresser([scope]))
    flow = Dataflow("replay")
    journal = judged(op.input("facts", flow, BlockSource(LANE, entries)), lane)
    unseen: KeptSink[list[Row]] = KeptSink(lambda batches: None)
    decided(journal, lambda: assembly.desk, unseen, unseen, KeptSink(comparison.take))
    return flow


def _only_desk(table: EnvelopeTable, store: Path) -> str:
    desks = table.desks()
    if len(desks) != 1:
        raise Refused(f"--store {store}: holds {len(desks)} desks ({', '.join(desks) or 'none'}); a replay wants one")
    return desks[0]


def _birth(table: EnvelopeTable, desk_id: str, store: Path) -> tuple[DeskConfigured, list[ConfigApplied], int]:
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


def given(blocks: Iterable[Block], progress: Progress | None = None) -> Iterator[list[Fact]]:
    """Yield what reached a journal from outside: the facts, and in their places what was commanded after the birth.

    A command is a row and no fact; the steps of a lane hand on what they do not know, so both go the same way.
    """
    done = 0
    for number, block in enumerate(blocks):
        rows = rows_of(block.data)
        entries = [row.payload if row.rank == FACT_RANK else _again(row) for row in rows if _is_given(row)]
        done += len(entries)
        if progress is not None and number % 64 == 0:
            progress(done, 0, 0)
        if entries:
            yield cast("list[Fact]", entries)


def _is_given(row: CheckedRow) -> bool:
    """True for a fact, and for an entry of the control source that the desk was not born from."""
    return row.rank == FACT_RANK or (row.cause >> SOURCE_SHIFT == CONTROL_SOURCE and row.rank != DESK_RANK)


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
