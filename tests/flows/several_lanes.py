"""Carry captures through several lanes to one desk without a broker: cut, crash, say again, interleave, derive again.

What a broker would decide is drawn from a seed: how messages are cut into batches, in which order partitions are read,
where a lane or a desk dies and takes up its last snapshot, and how the lanes' records follow each other.
"""

import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random

from msgspec.structs import replace

from connectors.capture import open_capture
from contracts.control import ConfigApplied, DeskConfigured
from contracts.envelope import Block, DeadLetter, rows_of
from flows.assemble import Assembly, recalled
from flows.deployment import Deployment, LaneSpec, lane_plan, load_deployment
from flows.replay import given, lane_path
from operators.compare import Comparison
from operators.control_entries import ControlReader
from operators.engine import Desk
from operators.hearing import Hearing
from operators.lane_sequencer import LaneSequencer
from operators.lanes import HeardLanes, LanePath
from operators.normalise import Frame, Normaliser, read_instruments
from operators.normalise.frames import ENDED
from operators.plan import DESK_RANK
from operators.strands import Strand, StrandReader, StrandWriter, Told
from tests.flows.captures import INSTRUMENTS, ROOT

SECOND_NS = 1_000_000_000
THREE = {"a": ["bitget/0", "polymarket/0"], "b": ["kalshi/0"], "c": ["binance/0"]}
Record = Strand | bytes
_AT = re.compile(rb'"at_ns":(\d+)')


def deployed(folder: Path, lanes: dict[str, list[str]] | None = None, config: str = "") -> Deployment:
    """Return a deployment of one desk, which hears lanes of the demonstration pack's venues."""
    file = folder / "deployment.toml"
    named = "\n".join(f"{name} = {parts}" for name, parts in (THREE if lanes is None else lanes).items())
    said = f'prefix = "paper"\ninstruments = "{INSTRUMENTS}"\n'
    said += f'config = "{config}"\n' if config else ""
    file.write_text(f"{said}[lanes]\n{named}\n[desks]\nlab = {{ partition = 0 }}\n")
    return load_deployment(file)


@cache
def frames(venue: str, seconds: float) -> list[Frame]:
    """Return what a venue said in the first seconds of the pack."""
    captures = {name: open_capture(ROOT / "fixtures" / f"demo_{name}.jsonl.gz") for name in ("kalshi", "polymarket")}
    end = min(capture.first_ns for capture in captures.values()) + int(seconds * SECOND_NS)
    return [frame for frame in open_capture(ROOT / "fixtures" / f"demo_{venue}.jsonl.gz") if frame.at_ns < end]


class LaneRun:
    """One lane's program: frames in, records out."""

    def __init__(self, deployment: Deployment, lane: LaneSpec, assembly: Assembly) -> None:
        """Take the lane's bots."""
        assert deployment.instruments is not None
        self.sequence = LaneSequencer(lane.sources, lane.clock)
        self.normaliser = Normaliser()
        self.normaliser.declare(read_instruments(deployment.instruments.read_bytes()))
        self.path: LanePath = lane_path(assembly)
        self.strands = StrandWriter(lane.name, lane_plan(assembly), ["lab"])

    def take(self, delivered: Sequence[Frame]) -> list[Strand]:
        """Take what one partition delivered."""
        facts = self.normaliser.step(self.sequence.step(delivered)).facts
        heard = self.path.step(facts)
        return self.strands.step([("lab", heard)] if heard else [])


def said_by(deployment: Deployment, lane: LaneSpec, rng: Random, seconds: float, crashes: int = 1) -> list[Strand]:
    """Return the records of a lane: whole, whatever happened to its program, with what it said again after a crash."""
    run: LaneRun = LaneRun(deployment, lane, deployment.lane_assembly(lane.name))
    raw = {part.source: numbered(part.source, frames(part.venue, seconds)) for part in lane.parts}
    read = dict.fromkeys(raw, 0)
    kept, told = pickle.dumps((run, read)), list[Strand]()
    while left := [source for source, at in read.items() if at < len(raw[source])]:
        source = rng.choice(left)
        at, count = read[source], rng.choice((1, 5, 20, 60))
        told += run.take(raw[source][at : at + count])
        read[source] = at + count
        if rng.random() < 0.1:
            kept = pickle.dumps((run, read))
        elif crashes and rng.random() < 0.05:
            crashes -= 1
            run, read = pickle.loads(kept)
    return told + run.strands.close()


def numbered(source: int, given_frames: Sequence[Frame]) -> list[Frame]:
    """Return frames under the number of their source, and behind them that nothing more comes."""
    own = [Frame(source, each.position, each.at_ns, each.dialect, each.data, each.conn) for each in given_frames]
    return [*own, Frame(source, len(own) + 1, own[-1].at_ns if own else 0, ENDED, b"")]


def interleaved(logs: Sequence[Sequence[Record]], rng: Random) -> list[Record]:
    """Return records of several writers as one partition: each writer's in its order.

    They keep step, more or less, or one runs far ahead of the others.
    """
    left, out, in_step = [list(reversed(log)) for log in logs if log], list[Record](), rng.choice((0.0, 0.9, 1.0))
    while left:
        log = min(left, key=lambda each: said_at(each[-1])) if rng.random() < in_step else rng.choice(left)
        out += [log.pop() for _ in range(min(len(log), 1 if in_step else rng.choice((1, 3, 40))))]
        left = [each for each in left if each]
    return out


def said_at(record: Record) -> int:
    """Return the time of the first line of a lane's record; of one without lines, that it may come at once."""
    found = _AT.search(record.lines) if isinstance(record, Strand) else None
    return int(found[1]) if found else 0


def hearing(deployment: Deployment, assembly: Assembly, check: Callable[[object], str] = lambda signed: "") -> Hearing:
    """Return the desk's ear."""
    strands = StrandReader(deployment.lanes_of("lab", assembly), assembly.configured, assembly.applied)
    return Hearing(strands, ControlReader(check, "journal/0"))


def decided(
    deployment: Deployment,
    log: Sequence[Record],
    rng: Random,
    crashes: int = 1,
    letters: list[DeadLetter] | None = None,
) -> list[Block]:
    """Return what the desk sealed, though it died and read again from where its snapshot was."""
    assembly = deployment.put_together("lab")
    ear, desk, at, blocks = hearing(deployment, assembly), assembly.desk, 0, list[Block]()
    kept = _kept(ear, desk, at, blocks)
    while at < len(log):
        end = at + rng.choice((1, 5, 50))
        told = Told("journal/0", [(place, record) for place, record in enumerate(log[at:end], at + 1)], [])
        heard = ear.step(told)
        if letters is not None:
            letters += heard.letters
        blocks += desk.step(heard.entries)
        at = end
        if rng.random() < 0.05:
            kept = _kept(ear, desk, at, blocks)
        elif crashes and rng.random() < 0.05:
            crashes -= 1
            ear = hearing(deployment, assembly)
            state, at, count = pickle.loads(kept)
            ear.__setstate__(state[0])
            desk = state[1]
            del blocks[count:]
    return blocks + desk.close()


def _kept(ear: Hearing, desk: Desk, at: int, blocks: Sequence[Block]) -> bytes:
    return pickle.dumps(((ear.__getstate__(), desk), at, len(blocks)))


def chain(blocks: Sequence[Block], name: str) -> Iterator[Block]:
    """Return the blocks of a chain as a store gives them back: without rows."""
    return (replace(block, rows=[]) for block in blocks if block.chain == name)


def born(blocks: Sequence[Block]) -> Assembly:
    """Return the desk as the first entries of a stored journal name it."""
    rows = [row for row in rows_of(next(chain(blocks, "journal")).data) if row.rank == DESK_RANK]
    configured, *applied = (row.payload for row in rows)
    assert isinstance(configured, DeskConfigured)
    return recalled(configured, [said for said in applied if isinstance(said, ConfigApplied)], rows[0].at_ns)


def derived(blocks: Sequence[Block]) -> Comparison:
    """Derive everything again from the stored journal; return how it compares."""
    assembly = born(blocks)
    lanes = HeardLanes(assembly.lanes, lambda: lane_path(assembly))
    found = Comparison(chain(blocks, "journal"), chain(blocks, "decisions"))
    for entries in given(chain(blocks, "journal")):
        found.take([assembly.desk.step(lanes.step(entries))])
    found.take([assembly.desk.close()])
    found.finish()
    return found
