"""Run the governance bots over what desks say, as they say it, and keep their reports beside the desk's own blocks.

The program form of `govern.py`. Blocks of a desk's two chains arrive in the order in which they were cut; here they are
put into the journal's order again (an entry, then what was said because of it), which does not depend on how they
arrived. What governance says is sealed in a chain of its own, under `govern_` and the desk's name, in the desk's
partition.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import merge
from operator import itemgetter

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from bots.registry import library
from connectors.columns import offsets_of
from connectors.envelopes import Names
from connectors.kafka import DeadLetterSink, EnvelopeSink, EnvelopeSource, Part
from connectors.kafka_chains import Delivered
from connectors.metrics import Sample, of_lag, of_waiting, sample
from contracts.control import IncidentReport
from contracts.envelope import DECISIONS, JOURNAL, Block, CheckedRow, rows_of
from flows.deployment import GOVERN, DeskSpec
from flows.govern import Govern, report_of
from flows.program import Program, from_environment
from operators.envelope import CUT_ROWS, LastWord, Ledger
from operators.host import hosted
from operators.plan import MECHANISMS
from operators.state import Values, fill, values_of

Placed = tuple[int, int, CheckedRow]


class Governing:
    """One desk's governance: blocks in, blocks out. Picklable."""

    def __init__(self, desk_id: str) -> None:
        """Begin with nothing heard."""
        self.memory = Govern()
        self._ledger = Ledger(GOVERN + desk_id)
        self._names = Names(desk_id, {row.rank: row.id for row in library().rows} | MECHANISMS)
        self._waiting: dict[str, list[Placed]] = {JOURNAL: [], DECISIONS: []}
        self._reached = {JOURNAL: -1, DECISIONS: -1}
        self.incidents = 0

    def __getstate__(self) -> Values:
        """Give what is remembered; the memory's plan is compiled again."""
        return {**vars(self), "memory": values_of(self.memory)}

    def __setstate__(self, state: Values) -> None:
        """Take it up."""
        values = state.pop("memory")
        assert isinstance(values, dict)
        vars(self).update(state)
        fill(self.memory, values, "govern")

    def step(self, delivered: Delivered) -> list[Block]:
        """Hear blocks of the desk; what another said in its partition is not of it."""
        for block in delivered.blocks:
            if block.desk_id == self._names.desk_id:
                self._place(block)
        # A desk cuts its decisions after a whole entry, so up to both ends everything has been said.
        return self._hear(min(self._reached.values()))

    def close(self) -> list[Block]:
        """Hear what waits, and cut what is left, at the end of a finite input."""
        blocks = self._hear(max(self._reached.values()))
        self._ledger.close()
        return blocks + self._ledger.take()

    def _place(self, block: Block) -> None:
        rows = rows_of(block.data, block.chain)
        placed = [(offset, block.number, row) for offset, row in zip(offsets_of(block, len(rows)), rows, strict=True)]
        self._waiting[block.chain] += placed
        self._reached[block.chain] = max(self._reached[block.chain], placed[-1][0])

    def _hear(self, until: int) -> list[Block]:
        ready = []
        for chain, waiting in self._waiting.items():
            count = next((place for place, row in enumerate(waiting) if row[0] > until), len(waiting))
            ready.append(waiting[:count])
            self._waiting[chain] = waiting[count:]
        for offset, number, row in merge(*ready, key=itemgetter(0)):
            self._names.learn(offset, row)
            said = self.memory.hear(report_of(self._names.envelope(row, offset, number)), row.cause)
            self.incidents += sum(isinstance(each, IncidentReport) for each in said)
            self._ledger.rows += self.memory.out
            self._ledger.offsets += [offset] * len(self.memory.out)
            if len(self._ledger.rows) >= CUT_ROWS:
                self._ledger.cut_decisions()
        return self._ledger.take()


@dataclass(slots=True)
class Governed:
    """The ends and tallies of a govern program, for whoever watches it."""

    flow: Dataflow
    sources: dict[str, EnvelopeSource] = field(default_factory=dict)
    sinks: dict[str, EnvelopeSink] = field(default_factory=dict)
    steps: dict[str, Governing] = field(default_factory=dict)

    def inputs(self) -> Mapping[str, EnvelopeSource]:
        """Return step id -> source."""
        return {f"envelopes-{name}": source for name, source in self.sources.items()}

    def samples(self) -> Iterator[Sample]:
        """Yield what an operator watches."""
        for name, source in self.sources.items():
            for lag in source.lags():
                yield from of_lag(lag)
            yield from of_waiting(self.sinks[name].topic, self.sinks[name].waiting())
            yield sample("polytraders_incidents_total", self.steps[name].incidents, scope=name, family="govern")

    def summary(self) -> dict[str, object]:
        """Return by desk what was heard, and the head of its audit chain."""
        return {
            "desks": {
                name: {
                    "envelopes": step.memory.count,
                    "audit_head": step.memory.head,
                    "incidents": step.incidents,
                    "faults": [f"{bot}: {what}" for bot, what in step.memory.faults],
                }
                for name, step in self.steps.items()
            }
        }


def build(program: Program) -> Governed:
    """Wire each desk: envelopes, govern, envelopes."""
    governed = Governed(Dataflow("govern"))
    for desk_id in program.only:
        _desk(program, program.deployment.desks[desk_id], governed)
    return governed


def flow() -> Dataflow:
    """Return the dataflow that the environment asks for."""
    return build(from_environment("govern")).flow


def _desk(program: Program, desk: DeskSpec, governed: Governed) -> None:
    name, of, keep = desk.desk_id, f"-{desk.desk_id}", program.keep
    step = governed.steps[name] = Governing(name)
    source = governed.sources[name] = EnvelopeSource(
        program.access, [Part(program.topic("envelopes"), desk.partition, name, enders=(name,))],
        program.group, f"envelopes{of}", keep, stop=program.stop, until_end=program.until_end,
    )  # fmt: skip
    sink = governed.sinks[name] = EnvelopeSink(
        program.access, program.topic("envelopes"), {GOVERN + name: desk.partition}, f"reports{of}", keep
    )
    letters = DeadLetterSink(program.access, program.topic("dead_letters"), {name: 0}, f"letters{of}", keep)

    read = op.input(f"envelopes{of}", governed.flow, source)
    op.output(f"letters{of}", op.filter_map_value(f"refused{of}", read, lambda item: item.letters or None), letters)
    said = op.stateful_batch(f"govern{of}", read, hosted(lambda: step, f"govern{of}", keep))
    last = op.stateful_batch(f"last_word{of}", said, hosted(lambda: LastWord(GOVERN + name), f"last_word{of}", keep))
    own = op.map(f"own{of}", last, lambda item: (GOVERN + item[0], item[1]))
    op.output(f"reports{of}", own, sink)
