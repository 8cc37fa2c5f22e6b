"""The programs of the system as functions over logs: feed, market half, operator, desk half, recorder.

A program reads a log from its place, thinks, and answers with effects in their order; the harness carries them out one
by one and may end the process between any two. What a program knows is its state and its place; both are lost in a
crash and come back from the last snapshot, after which everything behind the place is read, and done, again. Programs
that are still to come (outbox and submitter, signer, control plane) are further classes of this shape.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from bots.registry import library
from connectors.columns import stored
from contracts.control import IncidentReport
from contracts.envelope import Block, DeadLetter, Row
from contracts.ids import CONTROL_SOURCE, fact_id
from contracts.market import Fact
from operators.engine import Desk
from operators.normalise import Frame
from operators.plan import OPERATOR_RANK
from operators.repeats import NewEntries, NewFrames
from scripts.fixtures_pack.chance import Chance
from tests.sim.hand import Press
from tests.sim.log import Log, MemoryTable

WATCHER_RANK = library().by_id["gov.heartbeat"].rank


class Effect(NamedTuple):
    """Something that is seen outside the process: its name, and how to do it."""

    name: str
    act: Callable[[], None]


class Numbered(NamedTuple):
    """A frame and its number in the world."""

    number: int
    frame: Frame


class Heard(NamedTuple):
    """One producer's block of a journal; `mark` is the number of the last frame, or press, that it covers."""

    producer: str
    mark: int
    entries: list[Fact | Row]


class Journal(Log[Heard]):
    """The journal, and how far each producer's part of it reaches."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__("journal")
        self.marks: dict[str, int] = {}

    def append(self, items: Sequence[Heard]) -> None:
        """Take blocks at the end; a producer that begins again may repeat itself."""
        super().append(items)
        for heard in items:
            self.marks[heard.producer] = max(self.marks.get(heard.producer, -1), heard.mark)

    def cut(self, length: int) -> None:
        """Forget everything behind a place."""
        super().cut(length)
        kept, self.items, self.marks = self.items, [], {}
        self.append(kept)


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
        self.raw: Log[Numbered] = Log("raw")
        self.journal = Journal()
        self.letters: Log[DeadLetter] = Log("letters")
        self.blocks: Log[Block] = Log("blocks")

    def covered(self, producer: str) -> int:
        """Return the highest mark that a producer has in the journal; -1 for none."""
        return self.journal.marks.get(producer, -1)

    @property
    def complete(self) -> bool:
        """True when the journal holds everything that the world gives."""
        return self.covered("lane") >= len(self.frames) - 1 and self.covered("hand") >= len(self.presses) - 1


class Feed:
    """The edge: append what arrives to the raw log."""

    name = "feed"

    def __init__(self, shared: Shared, most: int) -> None:
        """Begin at the first frame; `most` frames a step."""
        self.shared, self.most, self.place = shared, most, 0

    def ready(self) -> bool:
        """True while something still arrives."""
        return self.place < len(self.shared.frames)

    def step(self, draw: Chance) -> list[Effect]:
        """Hand some frames on."""
        end = min(len(self.shared.frames), self.place + draw.between(1, self.most))
        taken = [Numbered(number, self.shared.frames[number]) for number in range(self.place, end)]
        self.place = end
        return [Effect("feed: append to raw", lambda: self.shared.raw.append(taken))]

    def snapshot(self) -> int:
        """Return the place."""
        return self.place

    def restore(self, state: int) -> None:
        """Take the place back."""
        self.place = state


class MarketHalf:
    """Raw bytes to the journal; it waits where the operator is to press before the next frame."""

    name = "market"

    def __init__(self, shared: Shared, lane: Any, most: int) -> None:
        """Take the steps of a lane."""
        self.shared, self.lane, self.most = shared, lane, most
        self.once, self.place = NewFrames(), 0

    def _barrier(self) -> int:
        """Return the number of the last frame that may be read before the operator's next press."""
        done = self.shared.covered("hand")
        left = self.shared.presses[done + 1 :]
        return left[0].after if left else len(self.shared.frames)

    def _readable(self) -> list[Numbered]:
        limit, found = self._barrier(), []
        for item in self.shared.raw.read(self.place, self.most):
            if item.number > limit:
                break
            found.append(item)
        return found

    def ready(self) -> bool:
        """True when something may be read."""
        return bool(self._readable())

    def step(self, draw: Chance) -> list[Effect]:
        """Normalise, keep books, judge freshness, think, address."""
        readable = self._readable()
        items = readable[: draw.between(1, len(readable))]
        self.place += len(items)
        lane = self.lane
        read = lane.normalise.step(self.once.step([item.frame for item in items]))
        said = lane.signals.step(lane.freshness.step(lane.order_book.step(read.facts)))
        entries = [entry for _, heard in lane.address.step(said) for entry in heard]
        covered = max(item.number for item in items)
        effects = []
        if read.dead:
            effects.append(Effect("market: append dead letters", lambda: self.shared.letters.append(read.dead)))
        block = Heard("lane", covered, entries)
        effects.append(Effect("market: append to journal", lambda: self.shared.journal.append([block])))
        return effects

    def snapshot(self) -> tuple[Any, ...]:
        """Return every step's state, and the place."""
        return self.lane, self.once, self.place

    def restore(self, state: tuple[Any, ...]) -> None:
        """Take them back."""
        self.lane, self.once, self.place = state


class Hand:
    """The operator's side: append what was pressed to the journal, once the frames before it are there."""

    name = "hand"

    def __init__(self, shared: Shared, born: int) -> None:
        """`born` entries of the control source were there at the desk's birth."""
        self.shared, self.born, self.place = shared, born, 0

    def ready(self) -> bool:
        """True when the next press is due."""
        presses = self.shared.presses
        return self.place < len(presses) and self.shared.covered("lane") >= presses[self.place].after

    def step(self, draw: Chance) -> list[Effect]:
        """Press the next thing."""
        press, number = self.shared.presses[self.place], self.place
        cause = fact_id(CONTROL_SOURCE, self.born + number + 1)
        rank = WATCHER_RANK if type(press.payload) is IncidentReport else OPERATOR_RANK
        entry = Row(cause, rank, 0, press.at_ns, -1, press.payload)
        self.place += 1
        block = Heard("hand", number, [entry])
        return [Effect("hand: append to journal", lambda: self.shared.journal.append([block]))]

    def snapshot(self) -> int:
        """Return the place."""
        return self.place

    def restore(self, state: int) -> None:
        """Take the place back."""
        self.place = state


class DeskHalf:
    """The journal to sealed blocks; at its end what is left is sealed."""

    name = "desk"

    def __init__(self, shared: Shared, desk: Desk, most: int) -> None:
        """Take a desk that was born."""
        self.shared, self.desk, self.most = shared, desk, most
        self.once = {"lane": NewEntries(), "hand": NewEntries()}
        self.place, self.closed = 0, False

    def ready(self) -> bool:
        """True when something may be read, or the end is to be sealed."""
        return self.place < len(self.shared.journal) or (self.shared.complete and not self.closed)

    def step(self, draw: Chance) -> list[Effect]:
        """Propose, vote, execute, authorise."""
        heard = self.shared.journal.read(self.place, draw.between(1, self.most))
        self.place += len(heard)
        entries = [entry for block in heard for entry in self.once[block.producer].step(block.entries)]
        sealed: list[Block] = []
        while entries:
            size = draw.between(1, len(entries))
            sealed += self.desk.step(entries[:size])
            entries = entries[size:]
        if not heard:
            sealed += self.desk.close()
            self.closed = True
        return [Effect("desk: append blocks", lambda: self.shared.blocks.append(sealed))]

    def snapshot(self) -> tuple[Any, ...]:
        """Return the desk, what it knows, and the place."""
        return self.desk, self.once, self.place, self.closed

    def restore(self, state: tuple[Any, ...]) -> None:
        """Take them back."""
        self.desk, self.once, self.place, self.closed = state


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
