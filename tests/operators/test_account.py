"""The account is the sum of its positions, moved by differences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.market import Status
from contracts.order import Account, PositionState
from operators.account import DAY_NS, add, confirmed, renewed
from tests import world

NOW = int(world.NOW)
START = 10_000_000_000


def held(
    realised: int = 0, unrealised: int = 0, fees: int = 0, exposure: int = 0, mark: int = 450_000
) -> PositionState:
    """Return a position of ten contracts with these moneys."""
    return world.position(
        realised_micros=realised,
        unrealised_micros=unrealised,
        fees_micros=fees,
        exposure_micros=exposure,
        mark_micros=mark,
    )


def born() -> Account:
    """Return an account at its birth, as the desk makes it."""
    return Account("paper", START, START, START, START, 0, 0, 0)


def test_equity_moves_by_the_difference_of_the_position() -> None:
    """Realised and unrealised less fees; exposure likewise; the peak keeps the highest equity."""
    first = held(5_000, 2_000, 300, 40_000)
    second = held(5_000, -9_000, 400, 30_000)
    one = add(born(), None, first, NOW)
    assert one == Account("paper", START, START + 6_700, START, START + 6_700, 40_000, 0, NOW)
    assert add(one, first, second, NOW + 1) == Account(
        "paper", START, START - 4_400, START, START + 6_700, 30_000, 0, NOW + 1
    )


@pytest.mark.parametrize(("later", "day_open"), [(DAY_NS - 1, START), (DAY_NS, START + 5_000)])
def test_the_day_opens_at_midnight_utc(later: int, day_open: int) -> None:
    """World time starts at midnight: a nanosecond before the next one the day is the same."""
    one = add(born(), None, held(5_000), NOW)
    assert add(one, held(5_000), held(8_000), NOW + later).day_open_micros == day_open


def test_a_confirmation_moves_nothing_but_time_and_the_day() -> None:
    """The same equity is known later; after midnight it opens the day, and a change on that day does not again."""
    one = add(born(), None, held(5_000), NOW)
    later = renewed(one, NOW + DAY_NS - 1)
    assert (later.updated_ns, later.day_open_micros, later.equity_micros) == (NOW + DAY_NS - 1, START, START + 5_000)
    opened = renewed(later, NOW + DAY_NS)
    assert opened.day_open_micros == START + 5_000
    assert add(opened, held(5_000), held(1_000), NOW + DAY_NS + 1).day_open_micros == START + 5_000


def test_the_first_change_does_not_open_a_day() -> None:
    """An account that never moved opens its day with what it was born with."""
    assert add(born(), None, held(5_000), NOW + 5 * DAY_NS).day_open_micros == START


def test_a_market_held_without_a_mark_is_counted() -> None:
    """It is counted once, and no more when it has a mark or is flat."""
    blind = held(mark=-1)
    one = add(born(), None, blind, NOW)
    assert one.unpriced == 1
    assert add(one, blind, blind, NOW).unpriced == 1
    assert add(one, blind, held(), NOW).unpriced == 0
    flat = world.position(size_lots=0, mark_micros=-1)
    assert add(one, blind, flat, NOW).unpriced == 0


MONEY = st.integers(-(10**9), 10**9)
STEPS = st.lists(st.tuples(st.integers(0, 3), MONEY, MONEY, st.integers(0, 10**8), st.integers(0, 10**9)), max_size=30)


@given(STEPS)
def test_the_account_is_the_sum_of_its_positions(steps: list[tuple[int, int, int, int, int]]) -> None:
    """After any sequence over several markets, equity and exposure are the sums, and the peak is the highest seen."""
    account, positions, peak = born(), dict[int, PositionState](), START
    for market, realised, unrealised, fees, exposure in steps:
        new = held(realised, unrealised, fees, exposure)
        account = add(account, positions.get(market), new, NOW)
        positions[market] = new
        peak = max(peak, account.equity_micros)
    assert account.equity_micros == START + sum(p.total_micros for p in positions.values())
    assert account.exposure_micros == sum(p.exposure_micros for p in positions.values())
    assert account.peak_micros == peak


MINUTE = 60 * world.SECOND
CONFIRMATIONS = [
    ("nothing held", [], False),
    ("a minute old", [({}, True, MINUTE)], True),
    ("older than a minute", [({}, True, MINUTE + 1)], False),
    ("a book that is not believed", [({}, False, 0)], False),
    ("one of two not confirmed", [({}, True, 0), ({}, False, 0)], False),
    ("ended by its status, not paid yet", [({"status": int(Status.CLOSED)}, False, 10 * MINUTE)], True),
    ("ended by the clock", [({"expiry_ns": NOW}, False, 10 * MINUTE)], True),
    ("not ended by the clock", [({"expiry_ns": NOW + 1}, False, 10 * MINUTE)], False),
    ("a perpetual has no expiry", [({"expiry_ns": 0}, False, 10 * MINUTE)], False),
]


@pytest.mark.parametrize(("name", "held_markets", "is_known"), CONFIRMATIONS, ids=[row[0] for row in CONFIRMATIONS])
def test_an_account_is_confirmed_while_all_that_it_holds_is_known(
    name: str, held_markets: list[tuple[dict[str, object], bool, int]], is_known: bool
) -> None:
    """By books not older than a minute, or by the end of a market."""
    one = add(born(), None, held(5_000), NOW - MINUTE)
    held_now = [(world.definition(**known), usable, NOW - age) for known, usable, age in held_markets]
    assert confirmed(one, held_now, NOW) == (renewed(one, NOW) if is_known else None)
