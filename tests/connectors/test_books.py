"""A book that is folded again from a journal of several lanes lives in its own lane's time."""

import msgspec
import pytest

from connectors.books import book_at
from contracts.control import ConfigApplied
from contracts.envelope import FACT_RANK, CheckedRow
from contracts.ids import CONTROL_SOURCE, clock_source, fact_id
from contracts.market import Fact
from operators.plan import DESK_RANK
from operators.strands import LANES
from tests import world

START = int(world.NOW)
NAMED = {"slow": [0, clock_source(0)], "fast": [1, clock_source(1)]}


def row(fact: Fact) -> CheckedRow:
    """A fact as a store gives it back."""
    return CheckedRow(fact.fact, FACT_RANK, 0, fact.at_ns, fact.market, fact)


def applied(said: object) -> CheckedRow:
    """What a journal says of its lanes when it begins."""
    values = msgspec.json.encode(said).decode()
    payload = ConfigApplied(LANES, "1", "x", values)
    return CheckedRow(fact_id(CONTROL_SOURCE, 2), DESK_RANK, 0, START, -1, payload)


def fact(position: int, at_s: int) -> tuple[int, int]:
    """Where a message of the slow lane stands, and when it came."""
    return fact_id(0, position), START + at_s * world.SECOND


def journal(named: object) -> list[CheckedRow]:
    """An action in two messages, and between them the seconds of a lane that is an hour ahead, and its market."""
    record, image, first, second = (fact(position, at_s) for position, at_s in ((1, 0), (2, 0), (3, 1), (4, 1)))
    claim = {"bid_ticks": 45, "ask_ticks": 46, "venue_seq": -1, "venue_ns": START + world.SECOND, "relative": False}
    ahead = START + 3_600 * world.SECOND
    return [
        applied(named),
        row(world.record(fact=record[0], at_ns=record[1], market=0)),
        row(world.image(fact=image[0], at_ns=image[1], venue_seq=-1, venue_ns=START, market=0)),
        row(world.delta(fact=first[0], at_ns=first[1], price_ticks=44, size_lots=0, **claim)),
        row(world.record(fact=fact_id(1, 1), at_ns=ahead, market=1, market_id="M2")),
        row(world.tick(fact=fact_id(clock_source(1), ahead // world.SECOND), at_ns=ahead)),
        row(world.delta(fact=second[0], at_ns=second[1], price_ticks=45, size_lots=700, **claim)),
    ]  # fmt: skip


@pytest.mark.parametrize(("named", "best"), [(NAMED, "0.45"), ({"one": [0, 1, 125, 127]}, "0.43")])
def test_another_lane_s_second_ends_no_action(named: object, best: str) -> None:
    """What the venue claims may hold after its next message; only its own lane's second says that it came too late."""
    found = book_at(journal(named), 0, 4, 0, world.MARKET)
    bids = found["bids"]
    assert isinstance(bids, list)
    assert best == bids[0][0]
    assert ("M1", 4) == (found["market"], found["frame"])


def test_the_fold_ends_at_the_message_asked_for() -> None:
    """Another source's position is not this one's."""
    before = book_at(journal(NAMED), 0, 2, 0, world.MARKET)
    assert [["0.44", "50"], ["0.43", "40"], ["0.42", "30"]] == before["bids"]
