"""Run one program of a deployment under its recovery store, with its telemetry, to a summary of what it did."""

import resource
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

from bytewax.dataflow import Dataflow

from connectors.clickhouse import EnvelopeTable
from connectors.logs import tell
from connectors.metrics import Sample
from connectors.telemetry import Epochs, Since, Telemetry
from contracts.base import Refused
from flows import desk, governing, market, record
from flows.program import Program, run_flow

NAMES = ("market", "desk", "record", "govern")


class Input(Protocol):
    """A source, as far as it can be watched."""

    @property
    def has_ended(self) -> bool:
        """True once nothing more comes."""


class Built(Protocol):
    """A program's dataflow and what it tells."""

    flow: Dataflow

    def inputs(self) -> Mapping[str, Input]:
        """Return step id -> source of every input."""

    def samples(self) -> Iterator[Sample]:
        """Yield what an operator watches; from any thread."""

    def summary(self) -> dict[str, object]:
        """Return what was done, in numbers."""


class Ended(NamedTuple):
    """How a program ended: at the end of its input, or stopped where it can be taken up; and what it did."""

    whole: bool
    summary: dict[str, object]


def run_program(program: Program, telemetry: Telemetry) -> Ended:
    """Run a program to its end, or until it is stopped. Raises what refuses a start, and what ends a flow."""
    if program.name != "record":
        return _run(program, telemetry, _BUILDERS[program.name])
    with opened(program) as table:
        records: list[record.Records] = []

        def recorded(of: Program) -> record.Records:
            records.append(record.build(of, table))
            return records[-1]

        ended = _run(program, telemetry, recorded)
        records[-1].close(program)
        return ended


def opened(program: Program) -> EnvelopeTable:
    """Open the store that a record program keeps; raises Refused unless exactly one is named, StoreError otherwise."""
    if (program.store is None) == (program.server is None):
        raise Refused("--store or --server: record keeps envelopes in one of them; name a folder, or HOST:PORT")
    if program.server is not None:
        return program.server.open(program.deployment.mode)
    assert program.store is not None
    return EnvelopeTable.embedded(program.store, program.deployment.mode)


_BUILDERS: dict[str, Callable[[Program], Built]] = {
    "market": market.build,
    "desk": desk.build,
    "govern": governing.build,
}


def watch(built: Built, program: Program, telemetry: Telemetry) -> None:
    """Let an operator see what a program counts, and whether its epochs go on.

    What a snapshot brings back is counted from then on: the process that counted it has told it already.
    """
    epochs, since, inputs = Epochs(), Since(built.samples), built.inputs()

    def heard(step_id: str) -> None:
        if step_id in inputs:
            if epochs.ready():
                since.begin()
            epochs.heard(step_id)

    def live() -> str:
        for step_id, source in inputs.items():
            if program.until_end and source.has_ended:
                epochs.ended(step_id)
        return epochs.live()

    program.keep.heard = heard
    telemetry.watch(since, program.name)
    telemetry.watch(epochs.samples, "epochs")
    telemetry.check("epochs", live)
    telemetry.check("started", epochs.ready, "ready")


def _run(program: Program, telemetry: Telemetry, build: Callable[[Program], Built]) -> Ended:
    begun, made = time.perf_counter(), list[Built]()

    def built(of: Program) -> Dataflow:
        made.append(build(of))
        watch(made[-1], of, telemetry)
        tell("started", lanes_or_desks=",".join(of.only), workers=of.workers, until_end=of.until_end)
        return made[-1].flow

    whole = run_flow(program, built)
    seconds = time.perf_counter() - begun
    tell("ended", whole=whole, seconds=round(seconds, 3))
    about = {
        "program": program.name,
        "run_id": program.begun().run_id,
        "ended": "end of input" if whole else "stopped",
        "seconds": round(seconds, 3),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    return Ended(whole, about | made[-1].summary())
