"""The programs of the system as functions over logs: feed, market half, operator, desk half, recorder.

A program reads a log from its place, thinks, and answers with effects in their order; the harness carries them out one
by one and may end the process between any two. What a program knows is its state and its place; both are lost in a
crash and come back from the last snapshot, after which everything behind the place is read, and done, again. What is
read again is known as in a deployment: messages by their keys, a lane's lines by their numbers, entries by their
signer's. Programs that are still to come (outbox and submitter, signer) are further classes of this shape.
"""

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any, NamedTuple, Protocol

from connectors.columns import stored
from connectors.control_entries import control_reader, record_of_control, signed_entry
from connectors.kafka_records import FrameReader, Record
from connectors.kafka_strands import told
from contracts.control import ControlCommand, PolicyBundle
from contracts.envelope import Block, DeadLetter
from contracts.ids import CLOCK_SOURCE
from flows.assemble import Assembly
from flows.deployment import lane_plan
from flows.lane_steps import LaneSteps
from operators.birth import is_birth
from operators.hearing import Hearing
from operators.lane_sequencer import LaneSequencer
from operators.normalise import CLOCK, Frame
from operators.strands import Lanes, StrandReader, StrandWriter
from operators.strands import Told as Read
from scripts.fixtures_pack.chance import Chance
from tests.connectors.signed_keys import KEY, SCOPE, verifier
from tests.sim.hand import Press
from tests.sim.intruder import Intrusion, intruded
from tests.sim.log import Log, MemoryTable
from tests.sim.wire import JOURNAL_ID, LANE, Journal, Message, Order, Raw, Told, raw_of, sources_of, told_by_lane

VERIFIER = verifier()


class Effect(NamedTuple):
    """Something that is seen outside the process: its name, and how to do it."""

    name: str
    act: Callable[[], None]


class Program(Protocol):
    """What the harness asks of a program."""

    name: str

    def ready(self) -> bool:
        """True when a step would do something."""

    def step(self, draw: Chance) -> list[Effect]:
        """Read some of the input, think, and return what is to be done, in order."""

    def snapshot(self) -> Any:
        """Return state and place; it is pickled."""

    def restore(self, state: Any) -> None:
        """Take state and place back."""


class Shared:
    """The logs between the programs, and what is durably in the journal."""

    def __init__(self, frames: Sequence[Frame], presses: Sequence[Press], table: MemoryTable) -> None:
        """Begin with empty logs before a world."""
        self.frames, self.presses, self.table = frames, presses, table
        self.sources, self.arriving = sources_of(frames), raw_of(frames)
        self.total = len(frames) + len(self.sources)
        self.raw: dict[int, Log[Raw]] = {source: Log(f"raw/{source}") for source in self.sources}
        self.journal = Journal()
        self.letters: Log[DeadLetter] = Log("letters")
        self.blocks: Log[Block] = Log("blocks")

    @property
    def logs(self) -> tuple[Log[Any], ...]:
        """Every log that is lost where all programs are one process."""
        return (*self.raw.values(), self.journal, self.letters, self.blocks)

    def covered(self, producer: str) -> int:
        """Return the highest mark that a producer has in the journal; -1 for none."""
        return self.journal.marks.get(producer, -1)

    @property
    def complete(self) -> bool:
        """True when the journal holds everything that the world gives."""
        return self.covered(LANE) >= self.total - 1 and self.covered("hand") >= len(self.presses) - 1


class Feed:
    """The edge: append what arrives to its venue's raw log."""

    name = "feed"

    def __init__(self, shared: Shared, most: int, written: Sequence[Raw] = ()) -> None:
        """Begin at the first message of the world, or of what was `written` before; `most` messages a step."""
        self.shared, self.most, self.place = shared, most, 0
        self.written = written or shared.arriving

    def ready(self) -> bool:
        """True while something still arrives."""
        return self.place < len(self.written)

    def step(self, draw: Chance) -> list[Effect]:
        """Hand some messages on: an append to each partition."""
        end = min(len(self.written), self.place + draw.between(1, self.most))
        taken, self.place = self.written[self.place : end], end
        return [self._append(source, taken) for source in sorted({item.source for item in taken})]

    def _append(self, source: int, taken: Sequence[Raw]) -> Effect:
        own = [item for item in taken if item.source == source]
        return Effect("feed: append to raw", lambda: self.shared.raw[source].append(own))

    def snapshot(self) -> int:
        """Return the place."""
        return self.place

    def restore(self, state: int) -> None:
        """Take the place back."""
        self.place = state


class MarketHalf:
    """Raw bytes to lines of a strand; it waits where the operator is to press before the next frame."""

    name = "market"

    def __init__(self, shared: Shared, lane: LaneSteps, assembly: Assembly, most: int) -> None:
        """Take the steps of a lane, and whom it tells."""
        self.shared, self.lane, self.most = shared, lane, most
        self.readers = {source: FrameReader(source, {}) for source in shared.sources}
        self.sequence = LaneSequencer(shared.sources)
        self.strands = StrandWriter(LANE, lane_plan(assembly), [assembly.configured.desk_id])
        self.order = Order()
        self.places = dict.fromkeys(shared.sources, 0)
        self.reached = dict.fromkeys(shared.sources, -1)  # number of the last frame that was read of each
        self.next = _next_of(shared.arriving)
        self.clocks = {frame.position: frame for frame in shared.frames if frame.dialect == CLOCK}

    def _readable(self, source: int, most: int) -> list[Raw]:
        """Return what may be read of a partition before the operator's next press."""
        presses, pressed = self.shared.presses, self.shared.covered("hand") + 1
        limit = presses[pressed].after if pressed < len(presses) else self.shared.total
        return list(
            takewhile(lambda item: item.number <= limit, self.shared.raw[source].read(self.places[source], most))
        )

    def ready(self) -> bool:
        """True when something may be read."""
        return any(self._readable(source, 1) for source in self.shared.sources)

    def step(self, draw: Chance) -> list[Effect]:
        """Read one partition: sequence, normalise, keep books, judge freshness, think, address, number the lines."""
        source = draw.pick([source for source in self.shared.sources if self._readable(source, 1)])
        readable = self._readable(source, self.most)
        items = readable[: draw.between(1, len(readable))]
        frames = self._read(source, items)
        read = self.lane.normalise.step(frames)
        lane = self.lane
        said = lane.signals.step(lane.freshness.step(lane.order_book.step(read.facts)))
        strands = self.strands.step(lane.address.step(said))
        mark = self._mark()
        if mark == self.shared.total - 1:
            strands += self.strands.close()
        effects = []
        if read.dead:
            effects.append(Effect("market: append dead letters", lambda: self.shared.letters.append(read.dead)))
        record = [told_by_lane(strand, mark) for strand in strands] or [Told(LANE, mark, None)]
        effects.append(Effect("market: append to journal", lambda: self.shared.journal.append(record)))
        return effects

    def _read(self, source: int, items: Sequence[Raw]) -> list[Frame]:
        """Return what can pass of these messages, each once, and the seconds among it as the world's clock says them.

        Only the clock of an embedded run tells whether the environment's switch is engaged; here every lane's does.
        """
        place, reader = self.places[source], self.readers[source]
        delivered = []
        for offset, (_, _, message) in enumerate(items, place):
            frame = reader.frame(offset, message.key(), message.value(), message.timestamp)
            if frame is not None:
                delivered.append(frame)
        self.places[source] = place + len(items)
        self.reached[source] = max(self.reached[source], *(item.number for item in items))
        passed = self.sequence.step(delivered)
        frames = [self.clocks.get(each.position, each) if each.dialect == CLOCK else each for each in passed]
        self.order.take(frames)
        return frames

    def _mark(self) -> int:
        """Return the number up to which everything was read, of every partition."""
        ends = [self.next[source, reached] for source, reached in self.reached.items()]
        return min(ends, default=self.shared.total) - 1

    def snapshot(self) -> tuple[Any, ...]:
        """Return every step's state, and the places."""
        return self.lane, self.readers, self.sequence, self.strands, self.order, self.places, self.reached

    def restore(self, state: tuple[Any, ...]) -> None:
        """Take them back."""
        self.lane, self.readers, self.sequence, self.strands, self.order, self.places, self.reached = state


def _next_of(written: Sequence[Raw]) -> dict[tuple[int, int], int]:
    """Return (source, number of a message) -> number of its next one; -1 stands before the first."""
    found, last, total = {}, dict[int, int](), len(written) and written[-1].number + 1
    for number, source, _ in written:
        found[source, last.get(source, -1)] = number
        last[source] = number
    return found | dict.fromkeys(last.items(), total)


class Hand:
    """The operator's side, and an intruder's: append what was pressed to the journal, once the frames before it are."""

    name = "hand"

    def __init__(self, shared: Shared, plan: str) -> None:
        """Take the hash of the lane's plan, which the journal's records show."""
        self.shared, self.plan, self.place = shared, plan, 0

    def ready(self) -> bool:
        """True when the next press is due."""
        presses = self.shared.presses
        return self.place < len(presses) and self.shared.covered(LANE) >= presses[self.place].after

    def step(self, draw: Chance) -> list[Effect]:
        """Press the next thing. What an intruder did is done; an operator's program that begins again says it again."""
        number, payload = self.place, self.shared.presses[self.place].payload
        self.place += 1
        if isinstance(payload, Intrusion) and self.shared.covered("hand") >= number:
            return []
        record = Told("hand", number, Message(self._record(number, payload)))
        return [Effect("hand: append to journal", lambda: self.shared.journal.append([record]))]

    def _record(self, number: int, payload: object) -> Record:
        """Return the record of a press: an entry's number under its key is that of the press, from 1."""
        if isinstance(payload, ControlCommand | PolicyBundle):
            return record_of_control(signed_entry(KEY, SCOPE, number + 1, payload))
        assert isinstance(payload, Intrusion)
        before = enumerate(self.shared.presses[:number], 1)
        last = max((n for n, press in before if not isinstance(press.payload, Intrusion)), default=0)
        return intruded(payload.kind, last, self.plan, self.shared.journal.said)

    def snapshot(self) -> int:
        """Return the place."""
        return self.place

    def restore(self, state: int) -> None:
        """Take the place back."""
        self.place = state


class DeskHalf:
    """The journal to sealed blocks; at its end what is left is sealed."""

    name = "desk"

    def __init__(self, shared: Shared, assembly: Assembly, most: int) -> None:
        """Take a desk that is to be born at its first line."""
        self.shared, self.assembly, self.desk, self.most = shared, assembly, assembly.desk, most
        self.ear, self.place, self.closed = self._new_ear(), 0, False

    def _new_ear(self) -> Hearing:
        assembly, sources = self.assembly, (*self.shared.sources, CLOCK_SOURCE)
        lanes = Lanes({LANE: lane_plan(assembly)}, {LANE: sources})
        strands = StrandReader(lanes, assembly.configured, assembly.applied)
        return Hearing(strands, control_reader(VERIFIER, SCOPE, JOURNAL_ID))

    def ready(self) -> bool:
        """True when something may be read, or the end is to be sealed."""
        return self.place < len(self.shared.journal) or (self.shared.complete and not self.closed)

    def step(self, draw: Chance) -> list[Effect]:
        """Hear, propose, vote, execute, authorise."""
        records = self.shared.journal.read(self.place, draw.between(1, self.most))
        read = Read(JOURNAL_ID, [], [])
        for place, record in enumerate(records, self.place + 1):
            if record.message is not None:
                told(place, record.message, read)
        self.place += len(records)
        heard = self.ear.step(read)
        entries, born = heard.entries, sum(map(is_birth, heard.entries))  # a desk is born whole
        sealed: list[Block] = []
        while entries:
            size = max(draw.between(1, len(entries)), born)
            sealed += self.desk.step(entries[:size])
            entries = entries[size:]
        if not records:
            sealed += self.desk.close()
            self.closed = True
        effects = [Effect("desk: append blocks", lambda: self.shared.blocks.append(sealed))]
        if heard.letters:
            effects.append(Effect("desk: append dead letters", lambda: self.shared.letters.append(heard.letters)))
        return effects

    def snapshot(self) -> tuple[Any, ...]:
        """Return the desk, what it heard, and the place."""
        return self.desk, self.ear.__getstate__(), self.place, self.closed

    def restore(self, state: tuple[Any, ...]) -> None:
        """Take them back."""
        self.desk, heard, self.place, self.closed = state
        self.ear = self._new_ear()
        self.ear.__setstate__(heard)


class Recorder:
    """Blocks and dead letters to the store."""

    name = "recorder"

    def __init__(self, shared: Shared, most: int) -> None:
        """Begin at the first block."""
        self.shared, self.most, self.place, self.letters = shared, most, 0, 0

    def ready(self) -> bool:
        """True when something waits to be stored."""
        return self.place < len(self.shared.blocks) or self.letters < len(self.shared.letters)

    def step(self, draw: Chance) -> list[Effect]:
        """Store some blocks in one insert, and the letters that wait."""
        blocks = self.shared.blocks.read(self.place, draw.between(1, self.most))
        letters = self.shared.letters.read(self.letters, self.most)
        self.place, self.letters = self.place + len(blocks), self.letters + len(letters)
        kept = [stored(block) for block in blocks]
        return [
            Effect("recorder: insert blocks", lambda: self.shared.table.write_stored(kept)),
            Effect("recorder: insert dead letters", lambda: self.shared.table.write_dead_letters(letters)),
        ]

    def snapshot(self) -> tuple[int, int]:
        """Return the places."""
        return self.place, self.letters

    def restore(self, state: tuple[int, int]) -> None:
        """Take them back."""
        self.place, self.letters = state
