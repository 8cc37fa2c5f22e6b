"""Turn raw messages into the journals of desks, a lane at a time: the program that scales by lanes.

Run by `pt program market`, or by the dataflow engine's own runner: `python -m bytewax.run flows.market`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from connectors import namespace
from connectors.kafka import DeadLetterSink, Part, RawSource
from connectors.kafka_client import incarnation
from connectors.kafka_strands import StrandSink
from connectors.metrics import Sample, of_lag, of_time, of_waiting
from flows.assemble import Assembly
from flows.deployment import LaneSpec, lane_plan
from flows.ends import KeptSink
from flows.lane_steps import LaneSteps, addressed, normalised
from flows.program import Program, from_environment
from flows.samples import of_books, of_frames
from flows.tally import FrameTally
from operators.freshness import Freshness
from operators.host import hosted
from operators.journal import Addresser, Scope
from operators.lane_sequencer import LaneSequencer
from operators.normalise import Normaliser, read_instruments
from operators.order_book import OrderBooks
from operators.strands import StrandWriter


@dataclass(slots=True)
class Market:
    """The ends and tallies of a market program, for whoever watches it."""

    flow: Dataflow
    sources: dict[str, RawSource] = field(default_factory=dict)
    sinks: dict[str, StrandSink] = field(default_factory=dict)
    letters: dict[str, DeadLetterSink] = field(default_factory=dict)
    steps: dict[str, LaneSteps] = field(default_factory=dict)
    accounts: dict[str, FrameTally] = field(default_factory=dict)

    def inputs(self) -> Mapping[str, RawSource]:
        """Return step id -> source."""
        return {f"raw-{name}": source for name, source in self.sources.items()}

    def samples(self) -> Iterator[Sample]:
        """Yield what an operator watches, by lane and by partition."""
        for name, source in self.sources.items():
            for lag in source.lags():
                yield from of_lag(lag)
            yield from of_frames(name, self.accounts[name])
            yield from of_books(name, self.steps[name].order_book)
            yield from of_waiting(self.sinks[name].topic, self.sinks[name].waiting())
            yield from of_time("lane", name, self.steps[name].signals.now)

    def summary(self) -> dict[str, object]:
        """Return counts under the keys of the command line, summed over lanes."""
        accounts, steps = list(self.accounts.values()), list(self.steps.values())
        dead = sum((tally.dead for tally in accounts), Counter[str]())
        return {
            "frames": sum(tally.frames for tally in accounts),
            "facts_frames": sum(tally.facts_frames for tally in accounts),
            "control": sum(tally.control for tally in accounts),
            "dead_letters": dict(sorted(dead.items())),
            "facts": sum(tally.facts for tally in accounts),
            "gaps": sum(lane.order_book.gaps for lane in steps),
            "resyncs": sum(lane.order_book.resyncs for lane in steps),
            "markets": [market_id for lane in steps for market_id in lane.normalise.markets.ids],
            "faults": [f"{bot}: {what}" for lane in steps for bot, what in lane.signals.faults],
        }


def build(program: Program) -> Market:
    """Wire each lane: raw, sequence, normalise, order book, freshness, signals, address, strands, journal."""
    market = Market(Dataflow("market"))
    for name in program.only:
        _lane(program, program.deployment.lanes[name], market)
    return market


def flow() -> Dataflow:
    """Return the dataflow that the environment asks for."""
    return build(from_environment("market")).flow


def _lane(program: Program, lane: LaneSpec, market: Market) -> None:
    keep, of, deployment = program.keep, f"-{lane.name}", program.deployment
    assembly = deployment.lane_assembly(lane.name)
    steps = market.steps[lane.name] = lane_steps(program, lane, assembly)
    source = market.sources[lane.name] = raw_source(program, lane)
    journal = {desk.desk_id: desk.partition for desk in deployment.desks_of(lane.name)}
    sink = market.sinks[lane.name] = StrandSink(
        program.access, program.topic("journal"), journal, f"journal{of}", keep
    )
    letters = market.letters[lane.name] = DeadLetterSink(
        program.access, program.topic("dead_letters"), {lane.name: 0}, f"letters{of}", keep
    )
    tally = market.accounts[lane.name] = FrameTally()

    raw = op.input(f"raw{of}", market.flow, source)
    ordered = op.stateful_batch(
        f"sequence{of}", raw, hosted(lambda: LaneSequencer(lane.sources, lane.clock), f"sequence{of}", keep)
    )
    accounts, facts = normalised(ordered, steps, keep, of)
    op.output(f"accounts{of}", accounts, KeptSink(tally.count, f"accounts{of}", tally, keep=keep))
    op.output(f"letters{of}", op.filter_map_value(f"unread{of}", accounts, lambda item: item[0] or None), letters)
    told = addressed(facts, steps, keep, of)
    plan = lane_plan(assembly)
    strands = op.stateful_batch(
        f"strands{of}", told, hosted(lambda: StrandWriter(lane.name, plan, journal), f"strands{of}", keep)
    )
    said = op.flat_map(f"said{of}", op.key_rm(f"unkeyed{of}", strands), lambda all_: [(s.desk_id, [s]) for s in all_])
    op.output(f"journal{of}", said, sink)


def lane_steps(program: Program, lane: LaneSpec, assembly: Assembly) -> LaneSteps:
    """Make the steps of a lane; dead letters name the topic's incarnation and the partition."""
    sources = {
        part.source: f"{incarnation(program.access, raw_topic(program, part.venue))}/{part.partition}"
        for part in lane.parts
    }
    normaliser, records = Normaliser(sources), program.deployment.instruments
    if records is not None:
        normaliser.declare(read_instruments(records.read_bytes()))
    scopes = [Scope(desk.desk_id, frozenset(desk.file.scope)) for desk in program.deployment.desks_of(lane.name)]
    return LaneSteps(normaliser, OrderBooks(), Freshness(assembly.budgets), assembly.lane, Addresser(scopes))


def raw_source(program: Program, lane: LaneSpec) -> RawSource:
    """Return the source of a lane: its partitions, under its name."""
    parts = [Part(raw_topic(program, part.venue), part.partition, lane.name, part.source) for part in lane.parts]
    return RawSource(
        program.access, parts, program.group, f"raw-{lane.name}", program.keep,
        stop=program.stop, until_end=program.until_end,
    )  # fmt: skip


def raw_topic(program: Program, venue: str) -> str:
    """Return the topic of a venue's messages."""
    return namespace.raw_topic(program.deployment.prefix, venue)
