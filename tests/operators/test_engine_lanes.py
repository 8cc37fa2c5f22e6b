"""A desk that hears several lanes has one time, and believes no book that is older than that time allows."""

import pickle
from collections import Counter
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.envelope import Block, Row
from contracts.ids import clock_source, fact_id
from contracts.intent import RiskDecision
from contracts.market import ClockTick, Fact, VenueBookDelta, VenueBookImage
from contracts.order import AuthorisedOrder
from flows.assemble import Assembly, assembled
from flows.desks import load_desk
from operators.birth import birth_entries
from operators.engine import Desk
from operators.sequencer import merge
from operators.strands import Entries
from tests.laws import engine_stream

SECOND = 1_000_000_000
ASSETS = 3


@cache
def heard() -> Entries:
    """What one lane tells a desk in two minutes of three markets."""
    drive = engine_stream.Drive(engine_stream.desk(), ASSETS)
    out: Entries = []
    for block in merge([engine_stream.frames(2_500, ASSETS, 7, trade_every=9)], 256):
        facts = drive.normaliser.step(block).facts
        said = drive.assembly.lane.step(drive.freshness.step(drive.books.step(facts)))
        out += [entry for _, some in drive.address.step(said) for entry in some]
    return out


def put_together(at_ns: int | None = None) -> Assembly:
    """The lab desk, born at a time, or not yet."""
    return assembled(load_desk("lab", engine_stream.CONFIG), at_ns=at_ns)


def traded(desk: Desk, entries: Sequence[Fact | Row]) -> list[Block]:
    """What a desk seals of entries."""
    return [*desk.step(entries), *desk.close()]


def with_ticks(entries: Entries, apart_ns: int, every: int = 1) -> Entries:
    """Entries with the seconds of another lane among them, each that far from the lane's own second before it."""
    out: Entries = []
    for entry in entries:
        if type(entry) is ClockTick and apart_ns > 0 and entry.at_ns // SECOND % every == 0:
            out.append(tick(entry.at_ns + apart_ns))
        out.append(entry)
        if type(entry) is ClockTick and apart_ns <= 0 and entry.at_ns // SECOND % every == 0:
            out.append(tick(entry.at_ns + apart_ns))
    return out


def tick(at_ns: int) -> ClockTick:
    """A second of the other lane."""
    return ClockTick(fact_id(clock_source(1), at_ns // SECOND), at_ns, -1)


def rows(blocks: Sequence[Block], kind: type) -> list[Row]:
    """The rows of a kind among what was decided."""
    return [row for block in blocks if block.chain == "decisions" for row in block.rows if type(row.payload) is kind]


@pytest.mark.parametrize("late_s", [0, 1, 7, 90])
def test_a_second_is_acted_on_once(late_s: int) -> None:
    """The same second of a lane that is behind, or just as far, changes no decision and no id."""
    alone = traded(put_together(engine_stream.START_NS).desk, heard())
    both = traded(put_together(engine_stream.START_NS).desk, with_ticks(heard(), -late_s * SECOND))
    assert rows(alone, AuthorisedOrder)
    assert engine_stream.heads(alone)["decisions"] == engine_stream.heads(both)["decisions"]
    assert engine_stream.heads(alone)["journal"] != engine_stream.heads(both)["journal"]


def test_the_second_of_whoever_is_first_counts() -> None:
    """A lane that is ahead brings the second; the same second of the other then does nothing, and time goes on."""
    desk = put_together(engine_stream.START_NS).desk
    first = next(entry for entry in heard() if type(entry) is ClockTick)
    desk.step([tick(first.at_ns + 2 * SECOND), first, tick(first.at_ns + SECOND)])
    assert (first.at_ns + 2 * SECOND, first.at_ns + 2 * SECOND) == (desk.ticked, desk.now)
    desk.step([replace(first, at_ns=first.at_ns + 3 * SECOND)])
    assert (first.at_ns + 3 * SECOND, first.at_ns + 3 * SECOND) == (desk.ticked, desk.now)


def test_a_book_is_as_old_as_what_it_was_heard_by() -> None:
    """Its age is counted from the entry's own arrival, of a change and of an image, whatever the desk's time is."""
    desk, ahead_ns = put_together(engine_stream.START_NS).desk, 20 * SECOND
    for entry in heard()[:600]:
        desk.step([tick((entry.at_ns + ahead_ns) // SECOND * SECOND), entry])
        if isinstance(entry, VenueBookImage | VenueBookDelta):
            assert entry.at_ns == desk.row(entry.market).book_at < desk.now - 18 * SECOND


def verdicts(ahead_s: int) -> tuple[Counter[str], Counter[str]]:
    """What a desk decides beside a lane that is ahead: verdicts, and reasons of refusals."""
    blocks = traded(put_together(engine_stream.START_NS).desk, with_ticks(heard(), ahead_s * SECOND))
    decisions = [row.payload for row in rows(blocks, RiskDecision)]
    votes = [vote for decision in decisions for vote in decision.votes]
    reasons = Counter(vote.reason for vote in votes if vote.verdict == "REJECT")
    return Counter(decision.verdict for decision in decisions), reasons


def test_nothing_is_sent_into_a_market_whose_lane_is_behind() -> None:
    """Alone it trades; two seconds behind another lane every wish is refused for its book; a minute, none is made."""
    calm, behind, lost = verdicts(0), verdicts(2), verdicts(60)
    assert calm[0]["RESHAPE"] + calm[0]["APPROVE"] > 100
    assert ["REJECT"] == list(behind[0])
    assert behind[1]["RISK_STALE_BOOK"] > 100
    assert (Counter(), Counter()) == lost


@settings(max_examples=8)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=8))
def test_a_desk_is_born_from_its_journal_as_it_is_born_before_it(cuts: list[int]) -> None:
    """However its journal is cut after its birth, what it seals is the same to the byte."""
    unborn, at_ns = put_together(), heard()[0].at_ns
    assert [] == unborn.entries
    journal = [*birth_entries(unborn.configured, unborn.applied, at_ns), *heard()[:1_000]]
    blocks, start, turn = list[Block](), 0, 0
    while start < len(journal):
        end = max(start + cuts[turn % len(cuts)], len(unborn.applied) + 1)
        blocks += unborn.desk.step(journal[start:end])
        start, turn = end, turn + 1
    assert sealed(traded(put_together(at_ns).desk, heard()[:1_000])) == sealed([*blocks, *unborn.desk.close()])


def sealed(blocks: Sequence[Block]) -> dict[tuple[str, int], tuple[list[int], bytes]]:
    """Blocks by chain and number."""
    return {(block.chain, block.number): (block.offsets, block.head) for block in blocks}


def test_an_unborn_desk_waits_and_survives_a_restart() -> None:
    """Before its journal begins there is nothing to say; a snapshot of it is born as it would have been."""
    unborn = put_together()
    assert ([], False) == (unborn.desk.step([]), unborn.desk.born)
    again = pickle.loads(pickle.dumps(unborn.desk))
    journal = [*birth_entries(unborn.configured, unborn.applied, heard()[0].at_ns), *heard()[:1_000]]
    assert engine_stream.heads(traded(unborn.desk, journal)) == engine_stream.heads(traded(again, journal))


def test_a_journal_that_does_not_begin_with_its_desk_is_refused() -> None:
    """An unborn desk never swallows an entry: what it heard would be lost without a word."""
    with pytest.raises(ValueError, match="a journal begins with ClockTick; allowed: DeskConfigured"):
        put_together().desk.step([tick(5 * SECOND)])
