"""Keep what desks said: their blocks, what could not be read, and every order that nobody signed, in the store.

The only program that opens the store. What is away for a while waits at the broker: the place of each source is kept
with the program's own snapshot, which is not made before everything up to it is stored.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.operators import KeyedStream

from connectors.clickhouse import EnvelopeTable
from connectors.kafka import EnvelopeSource, LetterSource, Part
from connectors.kafka_chains import Delivered
from connectors.metrics import Sample, of_lag, sample
from connectors.orders import Orders, OrderSource
from connectors.signing import Verifier
from contracts.envelope import DECISIONS, Block, DeadLetter, Row
from contracts.ids import CONTROL_SOURCE, fact_id
from contracts.signed import ORDER
from flows.assemble import fingerprint
from flows.deployment import GOVERN, DeskSpec
from flows.desk import public_keys
from flows.ends import KeptSink
from flows.program import Program
from flows.recorder import Recorder
from flows.samples import of_decisions
from operators.control_entries import INCIDENTS_FROM
from operators.envelope import Chain
from operators.plan import STRANDS_RANK
from operators.state import Keep

LETTERS = "letters"


class OutboxTally:
    """What stood in a desk's outbox: orders under its signature, and records without effect, each an incident.

    Incidents are sealed in a chain of their own, beside what governance says: no desk hears of them, a person does.
    """

    def __init__(self, desk_id: str) -> None:
        """Begin at zero."""
        self.orders = self.refused = 0
        self._chain = Chain(f"{GOVERN}outbox_{desk_id}", DECISIONS)

    def take(self, orders: Orders) -> list[Block]:
        """Count what an outbox gave, and return the block of its incidents, if there are any."""
        self.orders += len(orders.rows)
        if not orders.incidents:
            return []
        rows: list[object] = [
            Row(fact_id(CONTROL_SOURCE, INCIDENTS_FROM + number), STRANDS_RANK, 0, letter.at_ns, -1, said)
            for number, (letter, said) in enumerate(zip(orders.letters, orders.incidents, strict=True), self.refused)
        ]
        self.refused += len(rows)
        return [self._chain.link(rows, [letter.position for letter in orders.letters])]


class DeskRecorder(Recorder):
    """Keep what a desk said and what governance said of it; counted is the desk's own alone."""

    def __init__(self, desk_id: str, table: EnvelopeTable) -> None:
        """Record a desk into a table."""
        super().__init__(table, check=False, patient=True)
        self._desk_id = desk_id

    def keep(self, batches: list[list[Block]]) -> None:
        """Take blocks of the desk's partition."""
        for blocks in batches:
            self.take([[block for block in blocks if block.desk_id == self._desk_id]])
            self.keep_blocks([block for block in blocks if block.desk_id != self._desk_id])


@dataclass(slots=True)
class Records:
    """The ends and tallies of a record program, for whoever watches it."""

    flow: Dataflow
    table: EnvelopeTable
    letters: Recorder
    sources: dict[str, EnvelopeSource] = field(default_factory=dict)
    outboxes: dict[str, OrderSource] = field(default_factory=dict)
    recorders: dict[str, DeskRecorder] = field(default_factory=dict)
    orders: dict[str, OutboxTally] = field(default_factory=dict)
    unread: list[LetterSource] = field(default_factory=list)
    unread_reasons: Counter[str] = field(default_factory=Counter)

    @property
    def has_ended(self) -> bool:
        """True once every desk has said that nothing more comes."""
        return all(source.has_ended for source in self.sources.values())

    def close(self, program: Program) -> None:
        """Wait for the store, and write down what ran on each desk."""
        self.letters.finish()
        for desk_id, recorder in self.recorders.items():
            self._write_down(program, desk_id, recorder)

    def _write_down(self, program: Program, desk_id: str, recorder: DeskRecorder) -> None:
        recorder.finish()
        deployment = program.deployment
        if not recorder.tally.blocks:
            return
        parts = [part for lane in deployment.desks[desk_id].lanes for part in deployment.lanes[lane].parts]
        named = {str(part.source): f"{deployment.prefix}.raw.{part.venue}/{part.partition}" for part in parts}
        sources = {number: {"source_id": name, "name": name} for number, name in named.items()}
        begun = program.begun()
        run_id = f"{begun.run_id}-{desk_id}"  # a run is kept once under its id, and each desk has one
        result = {"run_id": run_id, "fingerprint": fingerprint(), **self.desk_summary(desk_id)}
        self.table.write_run(run_id, desk_id, fingerprint(), sources, result, {"parts": begun.parts})

    def inputs(self) -> Mapping[str, EnvelopeSource]:
        """Return step id -> source of the desks' envelopes."""
        return {f"envelopes-{name}": source for name, source in self.sources.items()}

    def samples(self) -> Iterator[Sample]:
        """Yield what an operator watches, by desk and by partition."""
        sources: list[EnvelopeSource | OrderSource | LetterSource] = [*self.sources.values(), *self.outboxes.values()]
        for source in (*sources, *self.unread):
            for lag in source.lags():
                yield from of_lag(lag)
        for name, recorder in self.recorders.items():
            yield from of_decisions(name, recorder.tally)
        for name, tally in self.orders.items():
            yield sample("polytraders_incidents_total", tally.refused, scope=name, family="outbox")

    def summary(self) -> dict[str, object]:
        """Return by desk what was kept."""
        return {"desks": {desk_id: self.desk_summary(desk_id) for desk_id in self.recorders}}

    def desk_summary(self, desk_id: str) -> dict[str, object]:
        """Return what is counted of a desk, under the keys of the command line."""
        tally = self.recorders[desk_id].tally
        return {
            "desk": desk_id,
            "dead_letters": dict(sorted(self.unread_reasons.items())),
            "stale_spells": tally.stale_spells,
            "markets": list(tally.markets.values()),
            **tally.counts,
            "votes": {gate: dict(sorted(verdicts.items())) for gate, verdicts in sorted(tally.votes.items())},
            "reasons": dict(sorted(tally.reasons.items())),
            "pnl": tally.pnl,
            "decision_digest": tally.digest,
            "outbox": self.orders[desk_id].orders if desk_id in self.orders else 0,
            "outbox_refused": self.orders[desk_id].refused if desk_id in self.orders else 0,
            "seconds": round(tally.seconds, 3),
            "truncated": [],
        }


def build(program: Program, table: EnvelopeTable) -> Records:
    """Wire each desk's envelopes to the store, and beside them the dead letters of all programs."""
    records = Records(Dataflow("record"), table, Recorder(table, check=False, patient=True))
    for desk_id in program.only:
        _desk(program, program.deployment.desks[desk_id], records)
    _unread(program, records)
    return records


def _desk(program: Program, desk: DeskSpec, records: Records) -> None:
    name, of, keep = desk.desk_id, f"-{desk.desk_id}", program.keep
    recorder = records.recorders[name] = DeskRecorder(name, records.table)
    enders = (name, GOVERN + name) if program.deployment.is_governed else (name,)
    source = records.sources[name] = EnvelopeSource(
        program.access, [Part(program.topic("envelopes"), desk.partition, name, enders=enders)],
        program.group, f"envelopes{of}", keep, stop=program.stop, until_end=program.until_end,
    )  # fmt: skip
    read = op.input(f"envelopes{of}", records.flow, source)
    _lettered(records, read, of, keep)
    blocks = op.filter_map_value(f"blocks{of}", read, lambda item: item.blocks or None)
    op.output(f"record{of}", blocks, KeptSink(recorder.keep, f"record{of}", recorder.tally, recorder.settle, keep))
    keys = public_keys(program.deployment, "order")
    if not keys:
        return
    tally = records.orders[name] = OutboxTally(name)
    outbox = records.outboxes[name] = OrderSource(
        program.access, [Part(program.topic("outbox"), desk.partition, name)], program.group,
        Verifier(keys, {ORDER: keys.keys()}), program.deployment.mode, f"outbox{of}", keep,
        stop=program.stop, finish=lambda: program.until_end and records.has_ended,
    )  # fmt: skip
    orders = op.input(f"outbox{of}", records.flow, outbox)

    def settle() -> None:
        recorder.settle()
        records.letters.settle_letters()

    taken = KeptSink(partial(_take_orders, records, name), f"orders{of}", tally, settle, keep)
    op.output(f"orders{of}", orders, taken)


def _take_orders(records: Records, desk_id: str, batches: list[Orders]) -> None:
    """Count orders, and keep what nobody signed: it has no effect, and a person must see it."""
    for orders in batches:
        records.recorders[desk_id].keep_blocks(records.orders[desk_id].take(orders))
        records.letters.keep_letters(orders.letters)


def _lettered(records: Records, read: KeyedStream[Delivered], of: str, keep: Keep) -> None:
    refused = op.filter_map_value(f"refused{of}", read, lambda item: item.letters or None)
    op.output(f"letters{of}", refused, _letter_sink(records, f"letters{of}", keep))


def _unread(program: Program, records: Records) -> None:
    source = LetterSource(
        program.access, [Part(program.topic("dead_letters"), 0, LETTERS)], program.group, "dead_letters", program.keep,
        stop=program.stop, finish=lambda: program.until_end and records.has_ended,
    )  # fmt: skip
    records.unread.append(source)
    read = op.input("dead_letters", records.flow, source)
    op.output("letters", read, _letter_sink(records, "letters", program.keep))


def _letter_sink(records: Records, step_id: str, keep: Keep) -> KeptSink[list[DeadLetter]]:
    """Return a sink that keeps letters; its snapshot waits until they are stored."""
    return KeptSink(partial(_keep, records), step_id, None, records.letters.settle_letters, keep)


def _keep(records: Records, batches: Sequence[list[DeadLetter]]) -> None:
    for letters in batches:
        records.unread_reasons.update(letter.reason for letter in letters)
        records.letters.keep_letters(letters)


