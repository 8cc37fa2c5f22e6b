"""What a lane says reaches a desk once and in order, whatever was cut, died or was said again; nothing else does."""

import pickle
from collections.abc import Sequence
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bots.registry import library
from contracts.control import ConfigApplied
from contracts.envelope import Row
from contracts.ids import CONTROL_SOURCE, SOURCE_SHIFT, clock_source, fact_id
from contracts.intent import BotNote
from contracts.market import Fact
from operators.birth import is_birth
from operators.plan import DESK_RANK, OPERATOR_RANK
from operators.state import fill, values_of
from operators.strands import (
    SAID,
    Entries,
    Known,
    Lanes,
    NotHeard,
    Strand,
    StrandReader,
    StrandWriter,
    lane_of,
    renumber,
)
from tests import world
from tests.operators.test_control_entries import command

PLAN, DESK = "plan-1", "lab"
CONFIGURED = world.configured()
APPLIED = (ConfigApplied(world.STRATEGY, "code-1", "config-1", "{}"),)
SOURCES = {"lane0": (0, 1, clock_source(0)), "lane1": (2, clock_source(1)), "lane2": (3, clock_source(2))}
START = int(world.NOW)


def lanes(*names: str) -> Lanes:
    """Lanes of one plan, in the order of their numbers."""
    return Lanes(dict.fromkeys(names, PLAN), {name: SOURCES[name] for name in names})


def reader(*names: str, plan: str = PLAN) -> StrandReader:
    """A desk's reader of one lane, or of those named."""
    known = lanes(*(names or ("lane0",)))
    return StrandReader(replace(known, plans=dict.fromkeys(known.plans, plan)), CONFIGURED, APPLIED)


def said(count: int, source: int = 0, markets: int = 3) -> Entries:
    """What a lane might say: level changes, words of its bots, seconds, in several markets."""
    out: Entries = []
    for number in range(1, count + 1):
        fact, at_ns, market = fact_id(source, number), START + number, number % markets
        kind = number % 4
        if kind == 0:
            clock = next(own[-1] for own in SOURCES.values() if source in own)
            out.append(world.tick(fact=fact_id(clock, number), at_ns=at_ns))
        elif kind == 1:
            out.append(Row(fact_id(source, number - 1), 3, 0, at_ns, market, world.quality()))
        else:
            out.append(world.delta(fact=fact, at_ns=at_ns, market=market, size_lots=number))
    return out


def told(
    entries: Entries, cuts: Sequence[int], lane: str = "lane0", writer: StrandWriter | None = None
) -> list[Strand]:
    """The records of a lane that says these entries in runs of these lengths, the last of them again and again."""
    writer, start, out = writer or StrandWriter(lane, PLAN), 0, list[Strand]()
    while start < len(entries):
        size = cuts[min(len(out), len(cuts) - 1)]
        out += writer.step([(DESK, entries[start : start + size])])
        start += size
    return out


def heard(judge: StrandReader, strands: Sequence[Strand]) -> Entries:
    """What a desk hears, without its birth."""
    return [entry for strand in strands for entry in judge.take(strand) if not is_birth(entry)]


def again(strand: Strand) -> Strand:
    """A record with one digit of its lines changed; it still names its count, and what stood before it."""
    return replace(strand, lines=strand.lines.replace(b'"size_lots":', b'"size_lots":1', 1))


# ---- once and in order ----------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_cuts_mean_nothing(cuts: list[int], others: list[int]) -> None:
    """Whatever the runs, the lines are the same, and the desk hears what the lane said."""
    entries = said(40)
    one, other = told(entries, cuts), told(entries, others)
    assert b"".join(strand.lines for strand in one) == b"".join(strand.lines for strand in other)
    assert entries == heard(reader(), one) == heard(reader(), other)


@given(st.data())
def test_what_is_said_again_is_heard_once(data: st.DataObject) -> None:
    """A lane that dies anywhere goes on at any of its snapshots, in other cuts; so does the desk at any of its own."""
    entries, judge, out = said(40), reader(), list[Fact | Row]()
    writer, done = StrandWriter("lane0", PLAN), 0
    kept, count = [(pickle.dumps(writer), 0)], 0
    while done < len(entries):
        size = data.draw(st.integers(1, 9))
        (strand,) = writer.step([(DESK, entries[done : done + size])])
        done, count = min(len(entries), done + size), count + 1
        if data.draw(st.booleans()):
            judge = restored(judge)
        out += heard(judge, [strand])
        kept.append((pickle.dumps(writer), done))
        if count < 20 and data.draw(st.integers(0, 4)) == 0:
            state, done = data.draw(st.sampled_from(kept))
            writer = pickle.loads(state)
    assert entries == out
    assert Known(len(entries), crc32(b"".join(each.lines for each in told(entries, [1])))) == judge._known["lane0"]


def restored(judge: StrandReader) -> StrandReader:
    """A new reader, filled with what another remembered."""
    fresh = reader(*judge._known)
    fill(fresh, pickle.loads(pickle.dumps(values_of(judge))), "hear")
    return fresh


def test_repeats_are_counted() -> None:
    """Lines that were left out are known by number; those of a record that is half new count by half."""
    judge, entries = reader(), said(10)
    heard(judge, told(entries, [6, 4]))
    assert 0 == judge.repeats
    assert [] == heard(judge, told(entries, [3, 7]))
    assert 10 == judge.repeats
    more = said(12)
    assert more[10:] == heard(judge, told(more, [8, 4]))
    assert 20 == judge.repeats


def test_an_instance_that_was_thought_dead_and_its_successor_may_speak_in_turns() -> None:
    """Two writers that say the same in other cuts, one behind the other, give each line once."""
    entries, judge = said(24), reader()
    one, other = told(entries, [5]), told(entries, [2, 3, 4])
    assert entries == heard(judge, sorted([*one, *other], key=lambda strand: strand.number))


# ---- birth and end --------------------------------------------------------------------------------------------------


def test_the_desk_is_born_at_its_first_line() -> None:
    """What it was configured with stands before it, at its time, once; a record without lines is no birth."""
    judge, entries = reader(), said(3)
    (empty,) = StrandWriter("lane0", PLAN).step([(DESK, [])])
    assert ([], False) == (judge.take(empty), judge.born)
    born = judge.take(told(entries, [1])[0])
    assert [CONFIGURED, *APPLIED] == [row.payload for row in born[:-1] if isinstance(row, Row)]
    assert {(DESK_RANK, entries[0].at_ns)} == {(row.rank, row.at_ns) for row in born[:-1] if isinstance(row, Row)}
    assert (entries[0], True) == (born[-1], judge.born)
    assert entries[1:2] == judge.take(told(entries, [1])[1])


def test_the_end_is_said_to_every_desk_and_taken_back_by_what_comes_after_it() -> None:
    """Desks that wait for an end hear of it though they were told nothing; a lane that goes on has not ended."""
    writer = StrandWriter("lane0", PLAN, [DESK, "bot3"])
    first = told(said(4), [4], writer=writer)
    ends = writer.close()
    assert [(DESK, 4, True), ("bot3", 0, True)] == [(end.desk_id, end.number, end.ended) for end in ends]
    judge = reader()
    assert said(4) == heard(judge, first)
    assert ([], {"lane0"}) == (judge.take(ends[0]), judge.ended)
    assert ([], set()) == (judge.take(first[0]), judge.ended)
    more = told(said(6)[4:], [2], writer=writer)
    assert (said(6)[4:], set()) == (heard(judge, more), judge.ended)


def test_journal_time_is_that_of_the_newest_line() -> None:
    """It never runs back, though a lane is behind another."""
    judge = reader("lane0", "lane1")
    late = [replace(each, at_ns=each.at_ns - 50) for each in said(3, source=2)]
    judge.take(told(said(3), [3])[0])
    judge.take(told(late, [3], "lane1")[0])
    assert START + 3 == judge.at_ns


# ---- what is not heard ----------------------------------------------------------------------------------------------


def refused(judge: StrandReader, strand: Strand) -> tuple[str, str]:
    """Why a record has no effect: its code and its words; the reader is as it was."""
    before = pickle.dumps(values_of(judge))
    with pytest.raises(NotHeard) as err:
        judge.take(strand)
    assert before == pickle.dumps(values_of(judge))
    return err.value.reason, str(err.value)


@given(st.integers(0, 8), st.integers(1, 9), st.integers(1, 9))
def test_other_content_under_known_lines_is_found(where: int, cut: int, other: int) -> None:
    """Whatever the cuts, a lane that says other lines than before is found before anything new of it is heard."""
    entries, changed = said(20), said(20)
    changed[where] = replace(changed[where], at_ns=START + 77)
    judge = reader()
    heard(judge, told(entries[:9], [cut]))
    taken, codes = list[Fact | Row](), list[str]()
    for strand in told(changed, [other]):
        try:
            taken += judge.take(strand)
        except NotHeard as err:
            codes.append(err.reason)
    assert ([], "GOV_BLOCK_CONTRADICTED") == (taken, codes[0])
    assert entries[9:] == heard(judge, told(entries, [20]))


def test_a_repeat_that_was_damaged_on_the_way_holds_nothing_up() -> None:
    """Lines that are known are not needed again: what follows them is judged for itself."""
    judge, entries = reader(), said(12)
    strands = told(entries, [4])
    heard(judge, strands[:2])
    assert [] == heard(judge, [again(strands[0])])
    assert entries[8:] == heard(judge, strands[1:])


def test_what_joins_nothing_is_contradicted() -> None:
    """A record whose lines before it had another checksum does not go on from ours."""
    judge, entries = reader(), said(8)
    strands = told(entries, [4])
    heard(judge, strands[:1])
    code, why = refused(judge, replace(strands[1], checksum=strands[1].checksum + 1))
    assert "GOV_BLOCK_CONTRADICTED" == code
    assert f"has checksum {strands[1].checksum + 1} at 4; known: {strands[1].checksum}" == why


def test_lines_before_which_some_are_missing_are_not_heard() -> None:
    """They cannot be judged; the missing ones bring them back."""
    judge, strands = reader(), told(said(9), [3])
    heard(judge, strands[:1])
    assert ("GOV_BLOCK_AHEAD", "3 lines before it are missing; allowed: line 3") == refused(judge, strands[2])
    assert said(9)[3:] == heard(judge, strands[1:])


@pytest.mark.parametrize(
    ("changes", "code", "why"),
    [
        ({"plan": "plan-2"}, "GOV_BLOCK_CONTRADICTED", "its lane runs plan 'plan-2'; allowed: 'plan-1'"),
        ({"desk_id": "bot3"}, "GOV_BLOCK_CONTRADICTED", "is not for here; allowed: lab, lane0"),
        ({"lane": "lane9"}, "GOV_BLOCK_CONTRADICTED", "is not for here; allowed: lab, lane0"),
        ({"count": 5}, "GOV_BLOCK_UNREADABLE", "4 lines; allowed: 5, as it says itself"),
        ({"lines": b"[\n" * 4}, "GOV_BLOCK_UNREADABLE", "truncated"),
        ({"lines": b"[" * 70_000 + b"\n", "count": 1}, "GOV_BLOCK_UNREADABLE", ""),
        ({"lines": b"\n" * 4}, "GOV_BLOCK_UNREADABLE", ""),
        ({"lines": b'{"kind":"Nothing"}\n', "count": 1}, "GOV_BLOCK_UNREADABLE", "Nothing"),
        ({"lines": b"\xff\xfe\n", "count": 1}, "GOV_BLOCK_UNREADABLE", ""),
    ],
)
def test_a_record_that_is_not_ours_has_no_effect(changes: dict[str, object], code: str, why: str) -> None:
    """Another plan, desk or lane, or lines that are none, change nothing; the right record is heard afterwards."""
    judge, (strand,) = reader(), told(said(4), [4])
    found, told_why = refused(judge, replace(strand, **changes))
    assert (code, True) == (found, why in told_why)
    assert said(4) == heard(judge, [strand])


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (world.delta(fact=fact_id(2, 1)), "says fact 2:1.0+0; allowed: sources (0, 1, 127)"),
        (world.tick(fact=fact_id(clock_source(1), 1)), "says fact 125:1.0+0"),
        (Row(fact_id(2, 1), 3, 0, START, 0, world.quality()), "says BookQuality of 2:1.0+0"),
        (Row(fact_id(0, 1), 3, 0, START, -1, command()), "says ControlCommand of 0:1.0+0"),
        (Row(fact_id(CONTROL_SOURCE, 1 << 20), OPERATOR_RANK, 0, START, -1, command()), "says ControlCommand of 126:"),
        (Row(fact_id(0, 1), DESK_RANK, 0, START, -1, CONFIGURED), "says DeskConfigured"),
        (Row(fact_id(0, 1), 3, 0, START, 0, world.fill()), "says Fill"),
        (Row(fact_id(0, 1), 3, 0, START, 0, world.safety()), "says SafetyState"),
    ],
)
def test_a_lane_says_nothing_that_is_not_its_to_say(entry: Fact | Row, says: str) -> None:
    """Facts of other sources, and what operators, desks and venues say, are no way around a signature."""
    judge = reader()
    (strand,) = told([*said(2), entry], [3])
    code, why = refused(judge, strand)
    assert ("GOV_BLOCK_CONTRADICTED", True) == (code, says in why)


def test_every_lane_bot_may_say_what_it_says() -> None:
    """The kinds that a strand may hold are those of all bots that run in a lane, and notes."""
    books = library()
    found = {slot.type for bot_id in books.built("lane") for step in books.bot(bot_id).steps for slot in step.says}
    assert SAID == found | {BotNote}


# ---- several lanes --------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 1), max_size=20))
def test_lanes_keep_their_order_and_markets_get_numbers_of_their_own(turns: list[int]) -> None:
    """However two lanes are interleaved, each is heard whole and in order, and no market is another lane's."""
    names, entries = ("lane0", "lane1"), [said(9), said(7, source=2, markets=2)]
    logs, judge, out = [told(each, [2], name) for each, name in zip(entries, names, strict=True)], reader(*names), []
    for turn in [*turns, *[0] * len(logs[0]), *[1] * len(logs[1])]:
        if logs[turn]:
            out += heard(judge, [logs[turn].pop(0)])
    for lane, own in enumerate(entries):
        expected = [replace(each, market=each.market * 2 + lane) if each.market >= 0 else each for each in own]
        assert expected == [each for each in out if source_of(each) in SOURCES[names[lane]]]


def source_of(entry: Fact | Row) -> int:
    """The source that an entry comes from."""
    return (entry.cause if isinstance(entry, Row) else entry.fact) >> SOURCE_SHIFT


def test_a_desk_of_one_lane_keeps_the_lane_s_numbers() -> None:
    """Alone, a lane is heard as it is; what concerns no market has no number anywhere."""
    entries: Entries = [world.delta(market=5), world.tick()]
    renumber(entries, 2, 3)
    assert [17, -1] == [entry.market for entry in entries]
    assert said(6) == heard(reader(), told(said(6), [6]))


def test_the_lane_of_a_source_is_known() -> None:
    """Each source, the clocks too, belongs to one lane."""
    known = lanes("lane0", "lane1", "lane2")
    expected = {0: "lane0", 1: "lane0", 127: "lane0", 2: "lane1", 125: "lane1", 3: "lane2", 124: "lane2"}
    assert expected == lane_of(known.sources)
    assert [0, 1, 2] == [known.number(name) for name in SOURCES]
