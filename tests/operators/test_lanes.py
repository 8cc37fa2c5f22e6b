"""Lanes that are derived again side by side say what each says alone, in the order in which a desk heard them."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.base import Refused
from contracts.envelope import Row
from contracts.ids import CONTROL_SOURCE, SOURCE_SHIFT, clock_source, fact_id
from contracts.market import Fact
from operators.engine import Lane
from operators.freshness import Budgets, Freshness
from operators.journal import Addresser, Scope
from operators.lanes import HeardLanes, LanePath
from operators.order_book import OrderBooks
from operators.plan import OPERATOR_RANK
from operators.sequencer import merge
from operators.strands import Entries, renumber
from tests import world
from tests.laws import engine_stream
from tests.operators.test_control_entries import command

SOURCES = {"lane0": (0, clock_source(0)), "lane1": (1, clock_source(1)), "lane2": (2, clock_source(2))}
PLAN = engine_stream.desk().lane.plan


def path() -> LanePath:
    """A lane that remembers nothing yet."""
    return LanePath(OrderBooks(), Freshness(Budgets()), Lane(PLAN), Addresser([Scope("lab")]))


def lanes() -> HeardLanes:
    """Three lanes that remember nothing yet."""
    return HeardLanes(SOURCES, path)


def facts_of(lane: int, count: int = 120) -> list[Fact]:
    """What was read in a lane: a small market of its own, under its own sources."""
    drive, found = engine_stream.Drive(engine_stream.desk(), 2), list[Fact]()
    for block in merge([engine_stream.frames(count, 2, seed=lane + 1, drop_every=13, trade_every=7)], 50):
        found += drive.normaliser.step(block).facts
    return [of_lane(fact, lane) for fact in found]


def of_lane(fact: Fact, lane: int) -> Fact:
    """The same fact from the lane's own source."""
    own = SOURCES[f"lane{lane}"][fact.fact >> SOURCE_SHIFT == clock_source(0)]
    return msgspec.structs.replace(fact, fact=fact.fact & (1 << SOURCE_SHIFT) - 1 | own << SOURCE_SHIFT)


def recorded(said: Sequence[Fact | Row], lane: int) -> Entries:
    """What a desk hears of what a lane says: as it was read from its journal."""
    entries: Entries = [msgspec.structs.replace(entry) for entry in said]
    renumber(entries, lane, len(SOURCES))
    return entries


FACTS = [facts_of(lane) for lane in range(3)]
SAID = [path().step(facts) for facts in FACTS]  # what each lane says alone


def runs(lane: int) -> list[Entries]:
    """What a lane says, fact by fact with what its bots say of it: a journal is never cut inside such a run."""
    found: list[Entries] = []
    for entry in recorded(SAID[lane], lane):
        if isinstance(entry, Fact):
            found.append([])
        found[-1].append(entry)
    return found


def journal(turns: Sequence[int]) -> Entries:
    """A journal that has its lanes in these turns, as long as they have something to say."""
    left = [runs(lane)[::-1] for lane in range(3)]
    taken = [left[turn].pop() for turn in turns if left[turn]]
    return [entry for run in (*taken, *(run for rest in left for run in rest[::-1])) for entry in run]


def given_of(entries: Entries) -> Entries:
    """What of a journal came from outside."""
    return [entry for entry in entries if isinstance(entry, Fact) or entry.rank == OPERATOR_RANK]


@settings(max_examples=15)
@given(st.lists(st.integers(0, 2), max_size=400), st.lists(st.integers(1, 90), min_size=1, max_size=6))
def test_the_journal_comes_again_whatever_its_turns_and_cuts(turns: list[int], cuts: list[int]) -> None:
    """The facts of a journal of three lanes, in any blocks, give it back to the byte."""
    entries, again, out = journal(turns), lanes(), list[Fact | Row]()
    facts, start = given_of(entries), 0
    while start < len(facts):
        size = cuts[start % len(cuts)]
        out += again.step(facts[start : start + size])
        start += size
    assert msgspec.json.encode(entries) == msgspec.json.encode(out)
    assert any(isinstance(entry, Row) for entry in out)


def test_what_is_given_stays_as_it_was() -> None:
    """A replay may compare afterwards what it was given: nothing of it is turned back in place."""
    facts = given_of(journal([0, 1, 2] * 50))
    before = msgspec.json.encode(facts)
    lanes().step(facts)
    assert before == msgspec.json.encode(facts)


def test_what_a_lane_holds_on_to_keeps_its_own_numbers() -> None:
    """The last change of each book, which freshness looks at in the next second, is not the desk's copy of it."""
    again = lanes()
    again.step(given_of(journal([])))
    held = [{market: entry.market for market, entry in each.freshness._latest.items()} for each in again._paths]
    assert all(held)
    assert all(market == own for each in held for market, own in each.items())


def test_what_concerns_no_lane_keeps_its_place() -> None:
    """A command between two lanes' facts, and one in the middle of a lane's, come out where they went in, once."""
    entries = journal([0, 1] * 30)
    word = Row(fact_id(CONTROL_SOURCE, 1 << 20), OPERATOR_RANK, 0, entries[-1].at_ns + 10**12, -1, command())
    edges = [place for place, entry in enumerate(entries) if isinstance(entry, Fact)][10:40:7]
    for edge in edges:
        mixed = [*entries[:edge], word, *entries[edge:]]
        assert msgspec.json.encode(mixed) == msgspec.json.encode(lanes().step(given_of(mixed)))
    assert [word] == lanes().step([word])
    assert [] == lanes().step([])


def test_a_fact_of_no_lane_is_refused() -> None:
    """A journal whose configuration does not name a source cannot be derived: the fact and what may be are named."""
    with pytest.raises(
        Refused, match=r"journal: fact 9:1\.0\+0 comes from none of its lanes; allowed: 0, 1, 2, 124, 125"
    ):
        lanes().step([world.record(fact=fact_id(9, 1))])
