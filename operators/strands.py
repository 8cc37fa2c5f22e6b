"""Carry what a lane says to a desk's journal so that it can be said again after a crash without being heard twice.

A strand is everything that one lane says to one desk, as lines: each entry as JSON, numbered from 0. A record of it
holds any run of lines that belong together, so it can leave at once however few there are: the cut means nothing. It
says how many lines stood before it and their checksum (CRC-32 over all of them, which does not depend on cuts).

A lane that died says again what stood after its last snapshot. The desk knows how far each strand is and leaves out
what it has; where the strand goes on beyond that, the checksum shows whether what was said twice was the same. Other
content under known numbers is a contradiction, and lines before which some are missing cannot be judged: neither has
any effect, and both are told (decisions §0: the same id with another content is an incident).

A lane says facts of its own sources and what its bots say of them. A line that says anything else (a command, a fill,
another lane's fact) would be a way around a signature, so a record that holds one is a contradiction too.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

import msgspec
from msgspec import Struct

from contracts.base import Refused
from contracts.control import ConfigApplied, DeskConfigured
from contracts.envelope import FACTS, CheckedRow, DeadLetter, Row, payload_union
from contracts.ids import SOURCE_SHIFT, fact_text
from contracts.intent import BotNote
from contracts.market import BookQuality, Fact, MarketDefinition, MarketSnapshot, OrderBookSnapshot, TradePrint
from contracts.reasons import GOV_BLOCK_AHEAD, GOV_BLOCK_CONTRADICTED, GOV_BLOCK_UNREADABLE
from contracts.signal import FairValue, MarketCandidate, SignalReport
from operators.birth import birth_entries

LANES = "operators.strands"  # whose configuration a journal names where it holds several lanes: lane -> sources
Entries = list[Fact | Row]
_LINES = msgspec.json.Encoder().encode_lines
_ROW = msgspec.json.Decoder(CheckedRow).decode
SAID = frozenset(
    {
        BotNote, BookQuality, FairValue, MarketCandidate, MarketDefinition, MarketSnapshot, OrderBookSnapshot,
        SignalReport, TradePrint,
    }
)  # fmt: skip
_FACT = msgspec.json.Decoder(payload_union(FACTS)).decode
_ARRAY = ord("[")


class Strand(Struct, frozen=True, array_like=True, gc=False):
    """A run of lines, as it travels.

    lane      who says it
    desk_id   to whom
    plan      hash of the lane's plan and configuration: a desk is born with the same, or refuses
    number    lines before these
    checksum  CRC-32 of the lines before these
    count     lines
    lines     the lines; each ends with a newline
    ended     the lane says nothing more for now: the end of a finite input
    """

    lane: str
    desk_id: str
    plan: str
    number: int
    checksum: int
    count: int
    lines: bytes
    ended: bool = False


class Known(Struct, gc=False):
    """How far a strand is.

    number    lines that were said, or taken in
    checksum  of them
    """

    number: int = 0
    checksum: int = 0


class StrandWriter:
    """A lane's side: what is addressed becomes lines. Picklable."""

    __slots__ = ("_known", "_lane", "_plan")

    def __init__(self, lane: str, plan: str, desks: Iterable[str] = ()) -> None:
        """Take the lane's name, the hash of its plan, and the desks that wait for its end, whatever it tells them."""
        self._lane, self._plan = lane, plan
        self._known: dict[str, Known] = {desk_id: Known() for desk_id in desks}

    def step(self, heard: Sequence[tuple[str, Entries]]) -> list[Strand]:
        """Return a record for each desk that hears something. About 0.4 µs an entry."""
        return [self._said(desk_id, entries) for desk_id, entries in heard]

    def close(self) -> list[Strand]:
        """Say to each desk that nothing more comes."""
        return [
            Strand(self._lane, desk_id, self._plan, known.number, known.checksum, 0, b"", ended=True)
            for desk_id, known in self._known.items()
        ]

    def _said(self, desk_id: str, entries: Entries) -> Strand:
        known = self._known.setdefault(desk_id, Known())
        lines = _LINES(entries)
        said = Strand(self._lane, desk_id, self._plan, known.number, known.checksum, len(entries), lines)
        known.number, known.checksum = known.number + len(entries), crc32(lines, known.checksum)
        return said


class Told(NamedTuple):
    """Records of one desk's journal, in order.

    source_id  the topic's incarnation and the partition
    records    place (offset + 1), and a strand, or the bytes of an entry of the control plane
    letters    records that have no form
    """

    source_id: str
    records: list[tuple[int, Strand | bytes]]
    letters: list[DeadLetter]


class Heard(NamedTuple):
    """What records gave to one desk: entries in the journal's order, and what had no effect."""

    entries: Entries
    letters: list[DeadLetter]


class Lanes(Struct, frozen=True):
    """Which lanes a desk hears, in the order of their numbers, and what each is known by.

    plans    lane -> hash of the plan that the desk was put together with
    sources  lane -> numbers of its sources, the clock's among them: whose fact it is
    """

    plans: dict[str, str]
    sources: dict[str, tuple[int, ...]]

    def number(self, lane: str) -> int:
        """Return a lane's number."""
        return list(self.plans).index(lane)


class StrandReader:
    """A desk's side: each line once, in the order of its strand. Picklable.

    The desk is born at its first line: what it was configured with comes before it, at the same time. Where several
    lanes are heard, each counts its markets for itself; here they get numbers of their own (a lane's market m becomes
    m * lanes + lane), so a desk of one lane keeps the lane's.

    repeats  lines that were said again, and left out
    ended    lanes that said that nothing more comes
    """

    def __init__(self, lanes: Lanes, desk: DeskConfigured, applied: Sequence[ConfigApplied]) -> None:
        """Take the lanes that the desk hears, and what it is born from."""
        self._lanes, self._desk, self._applied = lanes, desk, tuple(applied)
        self._known = {lane: Known() for lane in lanes.plans}
        self.born, self.at_ns, self.repeats = False, 0, 0
        self.ended: set[str] = set()

    def __getstate__(self) -> dict[str, object]:
        """Give what is remembered, without what the configuration says again."""
        return {name: value for name, value in vars(self).items() if name not in ("_lanes", "_desk", "_applied")}

    def take(self, strand: Strand) -> Entries:
        """Return what is new in a record, about 1 µs a line; raises NotHeard, and then it has no effect."""
        entries = self._new(strand)
        (self.ended.add if strand.ended else self.ended.discard)(strand.lane)
        if not entries or self.born:
            return entries
        self.born = True
        return [*birth_entries(self._desk, self._applied, entries[0].at_ns), *entries]

    def _new(self, strand: Strand) -> Entries:
        """Return the entries of the lines that are new, and remember them; raises NotHeard."""
        known = self._joined(strand)
        lines = strand.lines.splitlines(keepends=True)
        if len(lines) != strand.count:
            raise NotHeard(GOV_BLOCK_UNREADABLE, f"{len(lines)} lines; allowed: {strand.count}, as it says itself")
        told = lines[: known.number - strand.number]
        lines = lines[len(told) :]
        reached = crc32(b"".join(told), strand.checksum)
        if strand.number + len(told) == known.number and reached != known.checksum:
            raise NotHeard(GOV_BLOCK_CONTRADICTED, f"has checksum {reached} at {known.number}; known: {known.checksum}")
        own = self._lanes.sources[strand.lane]
        entries = [_entry(line, own) for line in lines]
        self.repeats += len(told)
        known.number, known.checksum = known.number + len(lines), crc32(b"".join(lines), known.checksum)
        if len(self._known) > 1:
            renumber(entries, self._lanes.number(strand.lane), len(self._known))
        self.at_ns = max([self.at_ns, *(entry.at_ns for entry in entries[-1:])])
        return entries

    def _joined(self, strand: Strand) -> Known:
        """Return how far a record's strand is; raises NotHeard for one that is not for here, or does not join it."""
        known = self._known.get(strand.lane)
        if known is None or strand.desk_id != self._desk.desk_id:
            allowed = f"{self._desk.desk_id}, {', '.join(self._known)}"
            raise NotHeard(GOV_BLOCK_CONTRADICTED, f"is not for here; allowed: {allowed}")
        plan = self._lanes.plans[strand.lane]
        if strand.plan != plan:
            raise NotHeard(GOV_BLOCK_CONTRADICTED, f"its lane runs plan {strand.plan!r}; allowed: {plan!r}")
        if strand.number > known.number:
            missing = strand.number - known.number
            raise NotHeard(GOV_BLOCK_AHEAD, f"{missing} lines before it are missing; allowed: line {known.number}")
        return known


class NotHeard(Refused):
    """A record that has no effect, with the code of its reason."""

    def __init__(self, reason: str, why: str) -> None:
        """Take the code and why."""
        super().__init__(why)
        self.reason = reason


def _entry(line: bytes, sources: Sequence[int]) -> Fact | Row:
    """Return what a line says; raises NotHeard for what is no entry, or not for this lane to say."""
    try:
        if line[0] != _ARRAY:
            fact: Fact = _FACT(line)
            if fact.fact >> SOURCE_SHIFT not in sources:
                raise NotHeard(GOV_BLOCK_CONTRADICTED, f"says fact {fact_text(fact.fact)}; allowed: sources {sources}")
            return fact
        row = _ROW(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise NotHeard(GOV_BLOCK_UNREADABLE, str(err)) from None
    if type(row.payload) not in SAID or row.cause >> SOURCE_SHIFT not in sources:
        said = f"says {type(row.payload).__name__} of {fact_text(row.cause)}"
        raise NotHeard(GOV_BLOCK_CONTRADICTED, f"{said}; allowed: what its bots say of sources {sources}")
    return Row(row.cause, row.rank, row.index, row.at_ns, row.market, row.payload)


def renumber(entries: Sequence[Fact | Row], lane: int, lanes: int) -> None:
    """Turn a lane's own market numbers into the desk's. The entries were just read, and nobody else holds them."""
    for entry in entries:
        if entry.market >= 0:
            msgspec.structs.force_setattr(entry, "market", entry.market * lanes + lane)


def lane_of(sources: Mapping[str, Sequence[int]]) -> dict[int, str]:
    """Return source number -> lane."""
    return {source: lane for lane, own in sources.items() for source in own}
