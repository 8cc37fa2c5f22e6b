"""A desk's ear gives the journal's order: its birth first, each line once, what was signed; the rest are letters."""

import pickle

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.control import ControlCommand, DeskConfigured, IncidentReport
from contracts.envelope import DeadLetter, Row
from contracts.ids import CONTROL_SOURCE, SOURCE_SHIFT, fact_id
from flows.assemble import assembled
from flows.desks import load_desk
from operators.hearing import Hearing
from operators.plan import DESK_RANK, OPERATOR_RANK, STRANDS_RANK
from operators.state import Keep
from operators.strands import Entries, Heard, Strand, StrandReader, Told
from tests import world
from tests.laws import engine_stream
from tests.operators.test_control_entries import AT_NS, bare, entry, reader
from tests.operators.test_strands import SOURCES, START, again, lanes, said, told
from tests.operators.test_strands import reader as strands_of

JOURNAL, TOPIC = "incarnation/0", "topic/0"


def ear(*lanes: str) -> Hearing:
    """A desk's ear, which believes one operator's key."""
    return Hearing(strands_of(*lanes), reader())


def hear(hearing: Hearing, *records: Strand | bytes, first: int = 1, letters: tuple[DeadLetter, ...] = ()) -> Heard:
    """Hand records to an ear, from a place on."""
    return hearing.step(Told(JOURNAL, list(enumerate(records, first)), list(letters)))


def kinds(entries: Entries) -> list[str]:
    """What kinds of entries these are; those of the birth left out."""
    rows = [each.payload if isinstance(each, Row) else each for each in entries if not is_born(each)]
    return [type(each).__name__ for each in rows]


def is_born(each: object) -> bool:
    """True for what a desk is born from."""
    return isinstance(each, Row) and each.rank == DESK_RANK


def test_the_broker_s_order_is_the_journal_s() -> None:
    """What an operator signed stands between the lines where it was written, at the time of the line before it."""
    one, two = told(said(4), [2])
    heard = hear(ear(), one, entry(1), entry(2), two)
    rows = heard.entries[2:]
    assert (said(2), said(4)[2:], []) == (rows[:2], rows[4:], heard.letters)
    signed = [each for each in rows[2:4] if isinstance(each, Row)]
    assert [(CONTROL_SOURCE, OPERATOR_RANK, START + 2)] * 2 == [
        (each.cause >> SOURCE_SHIFT, each.rank, each.at_ns) for each in signed
    ]
    assert ["c1", "c2"] == [each.payload.command_id for each in signed if isinstance(each.payload, ControlCommand)]


def test_what_an_operator_says_before_the_birth_is_heard_right_after_it() -> None:
    """Nothing can be said to a desk that is not there yet; the first record of a lane brings it, then they follow."""
    hearing, (one, two) = ear(), told(said(4), [2])
    assert Heard([], []) == hear(hearing, entry(1), b"nonsense", entry(2))
    kept = Keep({"hear": 1}).pack("hear", hearing)
    resumed = ear()
    Keep({"hear": 1}).unpack("hear", kept, resumed)
    for each in (hearing, resumed):
        heard = hear(each, one, two, first=4)
        assert isinstance(heard.entries[0], Row) and isinstance(heard.entries[0].payload, DeskConfigured)
        assert ["VenueBookDelta", "ControlCommand", "IncidentReport", "ControlCommand"] == kinds(heard.entries)[1:5]
        assert [(2, "GOV_CONTROL_UNSIGNED")] == [(letter.position, letter.reason) for letter in heard.letters]


def test_a_contradiction_before_the_birth_does_not_stand_before_it() -> None:
    """The first entry of a journal is its desk: an incident waits for it, however the records were read."""
    (strand,) = told(said(4), [4])
    foreign = replace(strand, plan="plan-2")
    whole, hearing = hear(ear(), foreign, strand), ear()
    parts = [hear(hearing, foreign), hear(hearing, strand, first=2)]
    assert [] == parts[0].entries
    assert whole == Heard(parts[1].entries, parts[0].letters + parts[1].letters)
    assert is_born(whole.entries[0])
    last = whole.entries[-1]
    assert isinstance(last, Row) and isinstance(last.payload, IncidentReport)
    assert (STRANDS_RANK, START + 4) == (last.rank, last.at_ns)
    assert [(1, "GOV_BLOCK_CONTRADICTED")] == [(letter.position, letter.reason) for letter in whole.letters]


def test_a_desk_takes_what_its_ear_gives_it_from_the_first_entry_on() -> None:
    """Whatever comes first in the topic, the desk is born and its journal begins with its configuration."""
    assembly = assembled(load_desk("lab", engine_stream.CONFIG), at_ns=None)
    (strand,) = told([world.record(fact=fact_id(0, 1)), world.image(fact=fact_id(0, 2))], [2])
    hearing = Hearing(StrandReader(lanes("lane0"), assembly.configured, assembly.applied), reader())
    heard = hear(hearing, replace(strand, plan="plan-2"), b"", entry(1), strand)
    blocks = [*assembly.desk.step(heard.entries), *assembly.desk.close()]
    (journal,) = [block for block in blocks if block.chain == "journal"]
    assert assembly.configured == journal.rows[0].payload
    assert ["IncidentReport", "IncidentReport", "ControlCommand"] == [
        type(row.payload).__name__ for row in journal.rows[-3:]
    ]


def test_other_content_under_known_lines_is_an_incident_with_its_bytes() -> None:
    """It is named by desk, lane and line; nothing of it is heard, and what is right goes on."""
    hearing, strands = ear(), told(said(6), [2])
    hear(hearing, *strands[:2])
    heard = hear(hearing, again(strands[1]), strands[2], first=3)
    assert ["IncidentReport", *kinds(said(6)[4:])] == kinds(heard.entries)
    (letter,) = heard.letters
    assert (TOPIC, 3, START + 4) == (letter.source_id, letter.position, letter.at_ns)
    assert letter.detail.startswith("lab, lane0, line 2: has checksum")
    assert again(strands[1]).lines in bytes.fromhex(letter.data)


def test_what_joins_nothing_is_a_letter_and_no_entry() -> None:
    """Missing lines are no incident yet: they may still come, and nobody can tell what they say."""
    hearing, strands = ear(), told(said(6), [2])
    hear(hearing, strands[0])
    heard = hear(hearing, strands[2], replace(strands[1], count=9), first=7)
    assert [] == heard.entries
    assert [(JOURNAL, 7, "GOV_BLOCK_AHEAD"), (JOURNAL, 8, "GOV_BLOCK_UNREADABLE")] == [
        (letter.source_id, letter.position, letter.reason) for letter in heard.letters
    ]
    assert said(6)[2:] == hear(hearing, *strands[1:], first=9).entries


def test_letters_of_the_source_go_first() -> None:
    """What the source itself could not read is handed on with the rest."""
    letter = DeadLetter(JOURNAL, 1, AT_NS, "GOV_BLOCK_UNREADABLE", "no record", "00")
    heard = hear(ear(), told(said(1), [1])[0], b"x", first=2, letters=(letter,))
    assert [letter, "GOV_CONTROL_UNSIGNED"] == [heard.letters[0], heard.letters[1].reason]


def test_a_long_name_does_not_make_a_long_letter() -> None:
    """Whoever writes to the topic does not decide how much is kept of what he calls himself."""
    (strand,) = told(said(2), [2])
    foreign = replace(strand, plan="p" * 100_000, lane="l" * 100_000, desk_id="d" * 100_000)
    hearing = ear()
    hear(hearing, strand)
    (letter,) = hear(hearing, foreign, first=2).letters
    assert (True, True) == (len(letter.detail) <= 4_096, letter.detail.startswith("d" * 120 + ", " + "l" * 120))


@given(st.lists(st.integers(0, 2), max_size=24), st.integers(0, 30), st.integers(1, 5))
def test_cuts_and_restarts_change_nothing(turns: list[int], at: int, size: int) -> None:
    """However records are read and wherever the ear dies, entries and letters are those of one long read."""
    logs: list[list[Strand | bytes]] = [
        list(told(said(9), [2])),
        list(told(said(7, source=2), [3], "lane1")),
        [b"x", entry(1), entry(1), bare(3), entry(2)],
    ]
    records = [logs[turn].pop(0) for turn in turns if logs[turn]]
    whole, hearing, parts = hear(ear(*list(SOURCES)[:2]), *records), ear(*list(SOURCES)[:2]), Heard([], [])
    for start in range(0, len(records), size):
        if start >= at > start - size:
            kept, hearing = pickle.dumps(hearing.__getstate__()), ear(*list(SOURCES)[:2])
            hearing.__setstate__(pickle.loads(kept))
        heard = hear(hearing, *records[start : start + size], first=start + 1)
        parts.entries.extend(heard.entries)
        parts.letters.extend(heard.letters)
    assert whole == parts
