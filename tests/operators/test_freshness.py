"""Silence of a live, open book is said once, and its end before the touch that follows."""

import pickle
from typing import Any

import pytest

from contracts.base import Refused
from contracts.market import (
    BookEvent,
    ClockTick,
    Fact,
    Status,
    Touch,
    VenueBookDelta,
    VenueBookImage,
    VenueConnection,
    VenueInstrumentRecord,
    VenueStatus,
    VenueTicker,
    VenueTrade,
)
from operators.freshness import Budgets, Freshness, read_budgets

MS, S = 1_000_000, 1_000_000_000


def open_book(expiry_ns: int = 0, status: int = 0) -> list[Fact]:
    """A market with a live book at second 0."""
    return [
        VenueInstrumentRecord(1, 1, 0, "m", "kalshi", expiry_ns=expiry_ns, status=status),
        VenueBookImage(2, 1, 0, ((48, 1),), ((52, 1),), -1, 0, "h"),
        BookEvent(2, 1, 0, "IMAGE", 0, 0),
        touch(2, 1),
    ]


def touch(fact: int, at_ns: int) -> Touch:
    """A touch of 48 to 52."""
    return Touch(fact, at_ns, 0, 48, 1, 52, 1, 1, 1, 1, 1, True, 0, "h")


def delta(at_ns: int) -> VenueBookDelta:
    """A change."""
    return VenueBookDelta(9, at_ns, 0, 1, 40, 1, False, -1, -1, True, -1, 0, "h")


def ticks(*seconds: float) -> list[Fact]:
    """Clock ticks."""
    return [ClockTick(int(second), int(second * S), -1) for second in seconds]


def said(entries: list[Fact]) -> list[tuple[str, int, int]]:
    """What was said of silence."""
    return [(e.event, e.at_ns, e.seen) for e in entries if type(e) is BookEvent and e.event in ("SILENT", "HEARD")]


def test_silence_beyond_the_budget_is_said_once() -> None:
    """At exactly 2000 ms nothing is said, one nanosecond later it is, and not again while it lasts."""
    assert [] == said(Freshness(Budgets()).step([*open_book(), ClockTick(3, 1 + 2_000 * MS, -1)]))
    out = Freshness(Budgets()).step([*open_book(), *ticks(1, 2, 3, 4)])
    assert [("SILENT", 3 * S, 2_999)] == said(out)


@pytest.mark.parametrize(
    ("entry", "heard"),
    [
        (delta(5 * S), True),
        (VenueBookImage(9, 5 * S, 0, (), (), -1, 0, "h"), True),
        (VenueTrade(9, 5 * S, 0, 48, 1, 1, "", -1, 0, "h"), True),
        (VenueTicker(9, 5 * S, 0, 48, 52, -1, 0, 0, "h"), True),
        (VenueTicker(9, 5 * S, 0, 48, 53, -1, 0, 0, "h"), False),
        (VenueConnection(9, 5 * S, -1, "beat", "c", -1), False),
    ],
)
def test_what_confirms_a_book(entry: Fact, heard: bool) -> None:
    """Its own messages, trades and an agreeing ticker confirm it; a contradicting ticker and a beat do not."""
    out = Freshness(Budgets()).step([*open_book(), *ticks(3), entry, touch(9, 5 * S)])
    expected = (
        [entry, BookEvent(9, 5 * S, 0, "HEARD", 2_000, 4_999), touch(9, 5 * S)] if heard else [entry, touch(9, 5 * S)]
    )
    assert expected == out[6:]


def test_each_spell_is_said_anew() -> None:
    """After it was heard a book may fall silent again."""
    out = Freshness(Budgets()).step([*open_book(), *ticks(3), delta(4 * S), *ticks(5, 6, 7)])
    assert ["SILENT", "HEARD", "SILENT"] == [event for event, _, _ in said(out)]


@pytest.mark.parametrize(
    "entries",
    [
        open_book(expiry_ns=3 * S),
        open_book(status=Status.CLOSED),
        [*open_book(), VenueStatus(3, 2, 0, Status.HALTED, -1, 0, 0, (), 0, "h")],
        [*open_book(), BookEvent(3, 2, 0, "EMPTY", 0, 0)],
        [*open_book(), BookEvent(3, 2, 0, "GAP", 1, 3)],
        open_book()[:1],
    ],
)
def test_a_market_that_is_over_closed_or_without_book_is_never_silent(entries: list[Fact]) -> None:
    """Past its end, not open, emptied, already doubted, or never seen: its silence means nothing."""
    assert [] == said(Freshness(Budgets()).step([*entries, *ticks(3, 60)]))


def test_a_market_that_returns_is_watched_again() -> None:
    """OPEN after a halt, or an image after a gap, starts the watch again."""
    back: list[Any] = [
        VenueStatus(3, 2, 0, Status.HALTED, -1, 0, 0, (), 0, "h"),
        *ticks(3),
        VenueStatus(4, 4, 0, 0, -1, 0, 0, (), 0, "h"),
    ]
    assert [("SILENT", 5 * S, 4_999)] == said(Freshness(Budgets()).step([*open_book(), *back, *ticks(5)]))


def test_cuts_and_pickles_do_not_matter() -> None:
    """One entry at a time, through a pickle each time, gives the same entries."""
    entries = [*open_book(), *ticks(3), delta(4 * S), *ticks(5, 6, 7), delta(8 * S)]
    whole, cut = Freshness(Budgets()).step(entries), Freshness(Budgets())
    parts: list[Fact] = []
    for entry in entries:
        parts += cut.step([entry])
        cut = pickle.loads(pickle.dumps(cut))
    assert whole == parts


def test_budgets_are_read_or_refused_by_name() -> None:
    """An empty text gives the defaults; an unknown key, a wrong value or broken TOML is refused."""
    assert Budgets(500, 1_000, 60_000, 30_000, 120_000, 2_000) == read_budgets("")
    assert 250 == read_budgets("silence_ms = 250").silence_ms
    for text in ("books_ms = 1", "book_ms = -1", "book_ms = 'x'", "book_ms ="):
        with pytest.raises(Refused, match="freshness"):
            read_budgets(text)
