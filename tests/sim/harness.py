"""Run one seed: the world once under every process fault and once undisturbed, then let the referee look.

The disturbed run is a scheduler drawn from the seed: who steps next and how far; processes end between any two effects
and begin again from their last snapshot, re-reading what came after it; the store is slow, refuses, or keeps quiet
about what it took. Embedded, all programs are one process and the logs between them are lost with it; apart, each is
its own and every log is durable. The undisturbed run steps each program in turn, in even parts, over the raw messages
that the disturbed one left: a message's place in its log is part of its id, so only these give the same bytes.
"""

import pickle
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.store import StoreError
from contracts.envelope import Block
from flows.deployment import lane_plan
from scripts.fixtures_pack.chance import Chance
from tests.sim.build import Functions, built
from tests.sim.log import Log, MemoryTable
from tests.sim.programs import DeskHalf, Feed, Hand, MarketHalf, Program, Recorder, Shared
from tests.sim.wire import Raw
from tests.sim.world import World

STEPS_MAX = 100_000
EVEN = 64
CRASHES = 40  # of a thousand boundaries between two effects


class Even(Chance):
    """Draws without chance: everything is as large as it may be, nothing happens."""

    def between(self, low: int, high: int) -> int:
        """Return the upper end."""
        return high

    def happens(self, per_thousand: int) -> bool:
        """Answer no."""
        return False


@dataclass
class Process:
    """Programs that end together, and the logs that end with them."""

    programs: Sequence[Program]
    volatile: Sequence[Log] = ()
    kept: bytes = b""
    lengths: tuple[int, ...] = ()

    def snapshot(self) -> None:
        """Keep states, places and how far the logs in memory reach: all at once."""
        self.kept = pickle.dumps([program.snapshot() for program in self.programs])
        self.lengths = tuple(len(log) for log in self.volatile)

    def crash(self) -> None:
        """Lose everything since the last snapshot."""
        for program, state in zip(self.programs, pickle.loads(self.kept), strict=True):
            program.restore(state)
        for log, length in zip(self.volatile, self.lengths, strict=True):
            log.cut(length)


@dataclass
class Run:
    """What one run of a world left behind."""

    shared: Shared
    lane: MarketHalf
    desk: DeskHalf
    configured: object
    stats: Counter[str] = field(default_factory=Counter)

    def blocks(self, chain: str) -> list[Block]:
        """Return the blocks of a chain as they were made, repeats and all."""
        return [block for block in self.shared.blocks.items if block.chain == chain]


def started(
    day: World, functions: Functions, sizes: Sequence[int], table: MemoryTable, written: Sequence[Raw] = ()
) -> tuple[Shared, tuple[Program, ...], Run]:
    """Return what the programs share, the programs, and the run to be."""
    lane, assembly = built(day, functions)
    shared = Shared(day.frames, day.presses, table)
    feed, market = Feed(shared, sizes[0], written), MarketHalf(shared, lane, assembly, sizes[1])
    desk = DeskHalf(shared, assembly, sizes[2])
    hand, recorder = Hand(shared, lane_plan(assembly)), Recorder(shared, sizes[3])
    return shared, (feed, market, hand, desk, recorder), Run(shared, market, desk, assembly.configured)


def undisturbed(day: World, functions: Functions, written: Sequence[Raw] = ()) -> Run:
    """Run a world in even parts, each program in turn, without a fault.

    `written` are raw messages as another run left them: a message's place in its log is part of what it is, and what
    the edge wrote again has a place too.
    """
    draw = Even(day.seed, "even")
    _, programs, run = started(day, functions, (EVEN, EVEN, EVEN, 1_000), MemoryTable(draw), written)
    while any(program.ready() for program in programs):
        for program in programs:
            while program.ready():
                for effect in program.step(draw):
                    effect.act()
                if program.name in ("feed", "market"):
                    break
    return run


def disturbed(day: World, functions: Functions) -> Run:
    """Run a world under the faults that its seed draws."""
    draw = Chance(day.seed, "scheduler")
    sizes = (draw.pick((8, 40, 200)), draw.pick((4, 30, 250)), draw.pick((2, 8, 40)), draw.pick((2, 6, 50)))
    table = MemoryTable(draw, draw.pick((0, 0, 60, 250)), draw.pick((0, 0, 60, 250)))
    shared, programs, run = started(day, functions, sizes, table)
    processes = [Process(programs, shared.logs)] if draw.below(2) else [Process((program,)) for program in programs]
    for process in processes:
        process.snapshot()
    crashes, snapshots = draw.pick((2, 4, 8, 12)), draw.pick((15, 50, 150))
    of = {program.name: process for process in processes for program in process.programs}
    for _ in range(STEPS_MAX):
        able = [program for program in programs if program.ready()]
        if not able:
            run.stats["inserts"], run.stats["inserts that failed"] = table.inserts, table.failures
            return run
        program = draw.pick(able)
        crashes -= _stepped(program, of[program.name], draw, crashes, snapshots, run.stats)
    raise AssertionError(f"seed {day.seed}: not done after {STEPS_MAX} steps")


def _stepped(
    program: Program, process: Process, draw: Chance, crashes: int, snapshots: int, stats: Counter[str]
) -> int:
    """Step a program once; return how many crashes that used up."""
    effects = program.step(draw)
    for effect in effects:
        if crashes > 0 and draw.happens(CRASHES):
            stats[f"crash before {effect.name}"] += 1
            process.crash()
            return 1
        try:
            effect.act()
        except StoreError:
            stats["store failures"] += 1
            process.crash()
            return 0
        if crashes > 0 and draw.happens(CRASHES):
            stats[f"crash after {effect.name}"] += 1
            process.crash()
            return 1
    if draw.happens(snapshots):
        process.snapshot()
    return 0
