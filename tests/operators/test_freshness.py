"""What a book cannot say of itself is said once, with its cause: silence, contradiction, lateness."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.base import Refused
from contracts.ids import fact_id
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
SILENCES = {"SILENT", "QUIET", "FROZEN", "CALM", "HEARD"}
CONFIG = Path(__file__).resolve().parent.parent.parent / "config" / "freshness.toml"
Said = list[tuple[str, int, int]]


def open_book(expiry_ns: int = 0, status: int = 0) -> list[Fact]:
    """A market with a live book at second 0."""
    return [
        VenueInstrumentRecord(1, 1, 0, "m", "kalshi", expiry_ns=expiry_ns, status=status),
        VenueBookImage(2, 1, 0, ((48, 1),), ((52, 1),), -1, 0, "h"),
        BookEvent(2, 1, 0, "IMAGE", 0, 0),
        touch(2, 1),
    ]


def two_books(conn: str = "c/1", other: str = "c/1") -> list[Fact]:
    """Two markets with live books at second 0, each on its subscription."""
    made: list[Fact] = []
    for market, name in ((0, conn), (1, other)):
        made += [
            VenueInstrumentRecord(1, 1, market, f"m{market}", "kalshi"),
            VenueConnection(2, 1, market, "attached", name, -1),
            VenueBookImage(2, 1, market, ((48, 1),), ((52, 1),), -1, 0, "h"),
            BookEvent(2, 1, market, "IMAGE", 0, 0),
            touch(2, 1, market=market),
            ticker(1, market=market),
        ]
    return made


def touch(
    fact: int, at_ns: int, bid: int = 48, ask: int = 52, lots: int = 1, market: int = 0, venue_ns: int = 0
) -> Touch:
    """A touch of 48 to 52."""
    return Touch(fact, at_ns, market, bid, lots, ask, lots, 1, 1, 1, 1, True, venue_ns, "h")


def delta(
    at_ns: float, market: int = 0, seq: int = -1, prev: int = -1, venue_ns: int = 0, source: int = 0, size: int = 1
) -> VenueBookDelta:
    """A change."""
    fact = fact_id(source, 9)
    return VenueBookDelta(
        fact, int(at_ns), market, 1, 40, size, not size, -1, -1, True, seq, venue_ns, "h", prev_seq=prev
    )


def ticker(at_ns: float, bid: int = 48, ask: int = 52, venue_ns: int = 0, market: int = 0) -> VenueTicker:
    """The venue's best prices."""
    return VenueTicker(9, int(at_ns), market, bid, ask, -1, 0, venue_ns, "h")


def trade(at_ns: float, price: int, venue_ns: int = 0) -> VenueTrade:
    """A trade."""
    return VenueTrade(9, int(at_ns), 0, price, 1, 1, "", -1, venue_ns, "h")


def beat(at_ns: float, event: str = "beat", conn: str = "c", seq: int = -1) -> VenueConnection:
    """A connection's word."""
    return VenueConnection(9, int(at_ns), -1, event, conn, seq)


def ticks(*seconds: float) -> list[Fact]:
    """Clock ticks."""
    return [ClockTick(int(second), int(second * S), -1) for second in seconds]


def timed(entries: list[Fact], until_s: int) -> list[Fact]:
    """The entries in order of arrival, with a tick at each second before what arrives at or after it."""
    rest = [entry for entry in entries if entry.at_ns > 1]
    order = sorted([*rest, *ticks(*range(1, until_s + 1))], key=lambda e: (e.at_ns, not isinstance(e, ClockTick)))
    return [entry for entry in entries if entry.at_ns <= 1] + order


def said(entries: list[Fact], market: int = 0, among: set[str] | None = None) -> Said:
    """What was said of a market: event, arrival, number seen."""
    own = {"SKEW", "STEADY", "STUCK", "GHOST", "AGREED"} | SILENCES if among is None else among
    events = [e for e in entries if type(e) is BookEvent and e.event in own]
    return [(e.event, e.at_ns, e.seen) for e in events if e.market == market]


def run(entries: list[Fact], until_s: int = 0, market: int = 0, budgets: Budgets | None = None) -> Said:
    """Event, second and number said of a market, with a tick each second."""
    out = Freshness(budgets or Budgets()).step(timed(entries, until_s))
    return [(event, at_ns // S, seen) for event, at_ns, seen in said(out, market)]


def names(found: Said) -> list[tuple[str, int]]:
    """Event and second."""
    return [(event, second) for event, second, _ in found]


# ---- silence ------------------------------------------------------------------------------------------------------


def test_silence_beyond_the_budget_is_said_once() -> None:
    """At exactly 2000 ms nothing is said, one nanosecond later it is, and not again while it lasts."""
    assert [] == said(Freshness(Budgets()).step([*open_book(), ClockTick(3, 1 + 2_000 * MS, -1)]))
    out = Freshness(Budgets()).step([*open_book(), *ticks(1, 2, 3, 4)])
    assert [("SILENT", 3 * S, 2_999)] == said(out)


@pytest.mark.parametrize(
    ("around", "cause"),
    [
        ([], "SILENT"),
        ([delta(2.5 * S, 1)], "QUIET"),
        ([delta(2.5 * S, 1, 7)], "CALM"),
        ([delta(0.9 * S, 1, 7)], "QUIET"),
        ([delta(2.5 * S, 1, 7, 6)], "QUIET"),
        ([beat(2.5 * S)], "QUIET"),
        ([beat(2.5 * S, conn="other")], "SILENT"),
        ([beat(2.5 * S, "answered", "c/1", 7)], "CALM"),
        ([beat(2.5 * S, "disconnected")], "SILENT"),
        ([ticker(2.5 * S)], "CALM"),
        ([ticker(2.5 * S, 48, 53)], "SILENT"),
        ([ticker(2.5 * S, 48, 53), delta(2.6 * S, 1, 7)], "QUIET"),
        ([ticker(2.5 * S, market=1)], "QUIET"),
        ([trade(2.5 * S, 52)], "CALM"),
        ([trade(2.5 * S, 53)], "SILENT"),
    ],
)
def test_a_silence_has_the_cause_that_its_surroundings_prove(around: list[Fact], cause: str) -> None:
    """Agreeing ticker, inside trade, running number: calm. A sibling, a beat: alive, no more. Nothing: nobody knows."""
    assert [(cause, 3)] == names(run([*two_books(), delta(0.5 * S), *around], 3))


def test_numbers_prove_their_own_subscription_only() -> None:
    """A number of another subscription on the same connection proves that the connection is alive, and no book."""
    entries = [*two_books("c/1", "c/2"), delta(2.5 * S, 1, 7)]
    assert [("QUIET", 3)] == names(run(entries, 3))


def test_calm_ends_with_its_proof() -> None:
    """The ticker's word is good for 2 s; then the silence has no cause, until it agrees again; a message ends it."""
    entries = [*open_book(), ticker(1.5 * S), ticker(8.2 * S), delta(9.5 * S), delta(9.6 * S)]
    expected = [("CALM", 3, 2_999), ("SILENT", 4, 3_999), ("CALM", 8, 8_199), ("HEARD", 9, 9_499)]
    assert expected == run(entries, 10)


def test_a_doubted_book_is_calm_again_when_numbers_have_settled() -> None:
    """Numbers that pause for more than 2 s lose their proof at once, and have it again after ten seconds without."""
    pauses = [delta(t * S, 1, 10 + k) for k, t in enumerate((1.5, 2.5, 6.5, *(7.5 + k for k in range(12))))]
    assert [("CALM", 3), ("QUIET", 5), ("CALM", 17)] == names(run([*two_books(), *pauses], 18))


def test_the_last_to_speak_is_silent_until_another_joins() -> None:
    """Nobody spoke after it, so nothing is known; a sibling afterwards makes it quiet."""
    assert [("SILENT", 4), ("QUIET", 6)] == names(run([*two_books(), delta(1.5 * S), delta(5.5 * S, 1)], 6))


def test_a_dead_connection_is_silent_again() -> None:
    """A beat calls the connection alive for 30 s."""
    assert [("QUIET", 3), ("SILENT", 33)] == names(run([*two_books(), delta(0.5 * S), beat(2.5 * S)], 35))


LIVELY: list[Fact] = [delta((k + 0.5) * S, k % 2) for k in range(20)]
SLOW: list[Fact] = [delta((4 * k + 0.5) * S, k % 2) for k in range(15)]


@pytest.mark.parametrize(
    ("entries", "until", "expected"),
    [
        (LIVELY, 25, [("QUIET", 21)]),
        (LIVELY, 26, [("QUIET", 21), ("FROZEN", 26)]),
        ([*LIVELY, delta(30.5 * S, 1)], 31, [("QUIET", 21), ("FROZEN", 26), ("QUIET", 31)]),
        ([*LIVELY, delta(30.5 * S)], 31, [("QUIET", 21), ("FROZEN", 26), ("HEARD", 30)]),
        ([*LIVELY, ticker(30.5 * S)], 31, [("QUIET", 21), ("FROZEN", 26), ("CALM", 30)]),
    ],
)
def test_a_lively_connection_that_stops_is_frozen(
    entries: list[Fact], until: int, expected: list[tuple[str, int]]
) -> None:
    """After 6 s without any market; the next message of any market ends it, for that one or for all."""
    assert expected == names(run([*two_books(), *entries], until))


def test_what_was_never_lively_is_not_frozen() -> None:
    """Nine seconds with messages tell no rhythm: its silence is quiet while a sibling was heard, then unknown."""
    found = names(run([*two_books(), *LIVELY[:9]], 90, market=1))
    assert [("QUIET", 10), ("SILENT", 39)] == found


def test_a_slow_connection_is_frozen_later() -> None:
    """With a message each fourth second, six times the usual distance is 23 s, not 6."""
    found = run([*two_books(), *SLOW], 90, market=1)
    assert [("FROZEN", 80)] == [(event, second) for event, second, _ in found if event == "FROZEN"]


def test_beats_alone_for_a_minute_are_frozen() -> None:
    """A socket that answers while its books stand: quiet for a minute, frozen after it."""
    beats = [beat((10 * k + 5) * S) for k in range(10)]
    assert [("SILENT", 3), ("QUIET", 6), ("FROZEN", 61)] == names(run([*two_books()[:6], *beats], 70))


@pytest.mark.parametrize(
    ("entry", "event"),
    [
        (delta(5 * S), "HEARD"),
        (VenueBookImage(9, 5 * S, 0, (), (), -1, 0, "h"), "HEARD"),
        (trade(5 * S, 48), "CALM"),
        (ticker(5 * S), "CALM"),
        (ticker(5 * S, 48, 53), ""),
        (beat(5 * S), ""),
    ],
)
def test_what_confirms_a_book(entry: Fact, event: str) -> None:
    """Its own messages end a silence, before the touch; an inside trade or an agreeing ticker proves it, no beat."""
    out = Freshness(Budgets()).step([*open_book(), *ticks(3), entry, touch(9, 5 * S)])
    between = [BookEvent(entry.fact, 5 * S, 0, event, 2_000, 4_999)] if event else []
    assert [entry, *between, touch(9, 5 * S)] == out[6:]


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


# ---- contradiction ------------------------------------------------------------------------------------------------


def book_with(*later: Fact) -> list[Fact]:
    """A live book whose top is of the venue's second 1, and what followed."""
    return [*open_book()[:3], touch(2, 1, venue_ns=1 * S), ticker(1), *later]


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([ticker(1.5 * S, 48, 55)], [("STUCK", 4)]),
        ([ticker(1.5 * S, 45, 52)], [("STUCK", 4)]),
        ([ticker(1.5 * S, 45, 52), delta(2.5 * S)], [("GHOST", 4)]),
        ([ticker(1.5 * S, 45, 52), delta(5.5 * S)], [("STUCK", 4), ("GHOST", 6)]),
        ([ticker(1.5 * S, 45, 52, venue_ns=2 * S)], [("STUCK", 4)]),
        ([ticker(1.5 * S, 45, 52, venue_ns=S - 1)], []),
        ([ticker(1.5 * S, 45, 52), ticker(2.5 * S)], []),
        ([ticker(1.5 * S, 45, 52), ticker(2.5 * S, 44, 52)], [("STUCK", 4)]),
        ([ticker(1.5 * S, 45, 52), ticker(2.5 * S, 48, 53)], [("STUCK", 5)]),
        ([ticker(1.5 * S, 45, 52), touch(9, 2 * S, 47)], []),
        ([ticker(1.5 * S, 45, 52), touch(9, 2 * S, 48, 51)], [("STUCK", 4)]),
        ([ticker(1.5 * S, 45, 52), touch(9, 2 * S, lots=3)], [("STUCK", 4)]),
        ([trade(1.5 * S, 53)], [("STUCK", 4)]),
        ([trade(1.5 * S, 47)], [("STUCK", 4)]),
        ([trade(1.5 * S, 53), delta(1.6 * S)], [("GHOST", 4)]),
        ([trade(1.5 * S, 53), touch(9, 2 * S, lots=3)], []),
        ([trade(1.5 * S, 53), touch(9, 2 * S, ask=54)], []),
        ([trade(1.5 * S, 53), touch(9, 2 * S, bid=47)], [("STUCK", 4)]),
        ([trade(1.5 * S, 53, venue_ns=S - 1)], []),
        ([trade(1.5 * S, 52)], []),
        ([trade(1.5 * S, 50)], []),
        ([ticker(1.5 * S, 45, 52), BookEvent(9, 2 * S, 0, "GAP", 1, 3)], []),
        ([ticker(1.5 * S, 45, 52), BookEvent(9, 2 * S, 0, "IMAGE", 0, 0)], []),
        ([ticker(1.5 * S, 45, 52), VenueStatus(9, 2 * S, 0, Status.CLOSED, -1, 0, 0, (), 0, "h")], []),
    ],
)
def test_a_contradiction_that_lasts_is_said(later: list[Fact], expected: list[tuple[str, int]]) -> None:
    """Two seconds of a side that neither moves nor agrees: STUCK while the book is silent, GHOST when it goes on."""
    found = names(run(book_with(*later), 6))
    assert expected == [(event, second) for event, second in found if event in ("STUCK", "GHOST")]


@pytest.mark.parametrize(
    ("seq", "prev", "expected"),
    [(7, -1, ["GHOST", "AGREED"]), (7, 6, ["GHOST", "AGREED"]), (-1, -1, ["GHOST"])],
)
@pytest.mark.parametrize("end", [ticker(6.5 * S), touch(9, int(6.5 * S), bid=47)])
def test_a_contradiction_ends_where_numbers_prove_that_nothing_was_lost(
    end: Fact, seq: int, prev: int, expected: list[str]
) -> None:
    """With numbers, when ticker and book agree or the side moves; without them only an image makes the book known."""
    entries = [*book_with(ticker(1.5 * S, 45, 52)), *(delta((2.5 + k) * S, 0, seq, prev) for k in range(4)), end]
    assert expected == [event for event, _, _ in run(entries, 8) if event not in SILENCES]


def test_a_ticker_that_never_agreed_is_no_witness() -> None:
    """What rounds its prices, or speaks of another book, contradicts nothing; a trade needs no such proof."""
    rounded = [ticker((k + 0.5) * S, 45, 45) for k in range(8)]
    assert [("SILENT", 3)] == names(run([*open_book(), *rounded], 8))
    assert [("SILENT", 3), ("STUCK", 3)] == sorted(names(run([*open_book(), *rounded, trade(0.9 * S, 53)], 8)))


def test_an_image_ends_a_contradiction_and_another_may_follow() -> None:
    """After the image the same ticker contradicts anew, with a grace of its own."""
    entries = book_with(ticker(1.5 * S, 45, 52), BookEvent(9, int(4.5 * S), 0, "IMAGE", 0, 0), ticker(5.5 * S, 45, 52))
    assert [("STUCK", 4), ("STUCK", 8)] == [x for x in names(run(entries, 9)) if x[0] == "STUCK"]


def test_a_contradicted_book_is_never_calm() -> None:
    """Running numbers prove that nothing was lost, not that the venue is right: both words are heard."""
    entries = [*two_books(), ticker(1.5 * S, 45, 52), *(delta((k + 0.5) * S, 1, k + 1) for k in range(6))]
    assert [("QUIET", 3), ("STUCK", 4)] == names(run(entries, 6))


# ---- lateness -----------------------------------------------------------------------------------------------------


def stream(delays_ms: Callable[[int], float], until_s: int, market: int = 0, source: int = 0) -> list[Fact]:
    """A change in each second, so late by the venue's clock."""
    made: list[Fact] = []
    for second in range(until_s):
        at_ns = second * S + S // 2
        venue_ns = 1_000 * S + at_ns - int(delays_ms(second) * MS)
        made.append(delta(at_ns, market, venue_ns=venue_ns, source=source))
    return [entry for entry in made if entry.at_ns > 1]


@pytest.mark.parametrize(
    ("delays", "expected"),
    [
        (lambda t: -1_001_270.0, []),
        (lambda t: 800.0, []),
        (lambda t: -900.0 + t, []),
        (lambda t: 50.0 * (t % 7), []),
        (lambda t: 0.0 if t < 30 else 1_000.0, []),
        (lambda t: 0.0 if t < 30 else 3_000.0, [("SKEW", 32, 3_000), ("STEADY", 91, 3_000)]),
        (lambda t: 0.0 if t < 30 else -3_000.0, [("SKEW", 32, -3_000), ("STEADY", 91, -3_000)]),
        (lambda t: 2_500.0 if t == 30 else 0.0, []),
        (lambda t: 2_500.0 if 30 <= t < 33 else 0.0, [("SKEW", 32, 2_500), ("STEADY", 34, 0)]),
        (lambda t: 0.0 if t < 30 else 100.0 * t, [("SKEW", 32, 3_100)]),
        (lambda t: 6_000.0 if t < 2 else 0.0, []),
    ],
)
def test_a_delay_that_is_not_the_usual_one_is_said(delays: Callable[[int], float], expected: Said) -> None:
    """A constant or drifting offset is usual; a jump is said after two seconds and usual after 60; a queue never is."""
    found = run([*open_book(), *stream(delays, 120)], 120)
    assert expected == [each for each in found if each[0] in ("SKEW", "STEADY")]


def test_skew_is_of_a_source_and_of_each_of_its_books() -> None:
    """The other source's book hears nothing of it; a book that becomes live meanwhile is told at the next second."""
    late = stream(lambda t: 3_000.0 if t >= 20 else 0.0, 40)
    other = stream(lambda t: 0.0, 40, market=1, source=1)
    new: list[Fact] = [
        VenueInstrumentRecord(1, 25 * S, 2, "m2", "kalshi"),
        VenueBookImage(2, 25 * S, 2, (), (), -1, 0, "h"),
        BookEvent(2, 25 * S, 2, "IMAGE", 0, 0),
    ]
    attached = VenueConnection(fact_id(1, 1), 1, 1, "attached", "d", -1)
    entries = [*two_books("c", "c"), attached, *late, *other, *new]
    spoken = [names(run(entries, 40, market)) for market in (0, 1, 2)]
    assert [[("SKEW", 22)], [], [("SKEW", 26)]] == [[x for x in each if x[0] == "SKEW"] for each in spoken]


def test_a_message_that_was_left_out_is_not_late() -> None:
    """What came twice or from the past goes on as a change of nothing; its time says nothing of the delay now."""
    entries: list[Fact] = [*open_book()]
    for entry in stream(lambda t: 0.0, 60):
        entries.append(entry)
        if entry.at_ns > 30 * S:
            entries.append(delta(entry.at_ns + 1, venue_ns=1_000 * S, size=0))
    assert [] == [each for each in run(entries, 60) if each[0] == "SKEW"]


# ---- laws ---------------------------------------------------------------------------------------------------------

MOMENTS = st.tuples(
    st.integers(0, 9), st.integers(0, 2), st.integers(0, 3), st.integers(0, 5), st.sampled_from((0, 300, 1_200, 9_000))
)


def entries_of(moments: list[tuple[int, int, int, int, int]]) -> list[Fact]:
    """A stream of any kind of entry over three markets and two subscriptions, in order of arrival."""
    made = [*two_books("c/1", "c/2"), *two_books("c/1", "c/1")[6:]]
    now = 1
    for number, (kind, market, price, lag, wait_ms) in enumerate(moments):
        now += wait_ms * MS
        venue_ns = 1_000 * S + now - lag * 700 * MS
        made += ticks(*range((now - wait_ms * MS) // S + 1, now // S + 1))
        choices: list[Fact] = [
            delta(now, market, number, venue_ns=venue_ns),
            delta(now, market, venue_ns=venue_ns, size=lag),
            delta(now, market, number, number - 1, venue_ns),
            touch(9, now, 47 + price, 52, lag + 1, market, venue_ns),
            ticker(now, 47 + price, 52, venue_ns, market),
            VenueTrade(9, now, market, 46 + 2 * price, 1, 1, "", -1, venue_ns, "h"),
            beat(now, ("beat", "answered", "connected", "disconnected")[price], "c/1", number),
            BookEvent(9, now, market, ("IMAGE", "GAP", "EMPTY", "CROSSED")[price], 0, 0),
            VenueBookImage(9, now, market, (), (), number, venue_ns, "h"),
            VenueStatus(9, now, market, price % 2, -1, now + 20 * S if lag == 5 else 0, 0, (), 0, "h"),
        ]
        made.append(choices[kind])
    return [*made, *ticks(*range(now // S + 1, now // S + 40, 3))]


@given(st.lists(MOMENTS, max_size=60))
def test_cuts_and_pickles_do_not_matter(moments: list[tuple[int, int, int, int, int]]) -> None:
    """One entry at a time, through a pickle each time, gives the same entries; nothing that went in is lost."""
    entries = entries_of(moments)
    whole, cut = Freshness(Budgets()).step(entries), Freshness(Budgets())
    parts: list[Fact] = []
    for entry in entries:
        parts += cut.step([entry])
        cut = pickle.loads(pickle.dumps(cut))
    assert whole == parts
    assert entries == [entry for entry in whole if any(entry is each for each in entries)]


@given(st.lists(MOMENTS, max_size=60))
def test_words_come_in_pairs(moments: list[tuple[int, int, int, int, int]]) -> None:
    """HEARD ends a silence, STEADY a SKEW, AGREED a contradiction; none is said twice in a row of a market."""
    out = Freshness(Budgets()).step(entries_of(moments))
    for market in range(3):
        silences = [event for event, _, _ in said(out, market, SILENCES | {"GAP", "EMPTY"})]
        for before, event in zip(["HEARD", *silences], silences, strict=False):
            lost = {"GAP", "EMPTY"}
            assert event in lost or before != event
            assert event != "HEARD" or before not in lost | {"HEARD"}
        skews = [event for event, _, _ in said(out, market, {"SKEW", "STEADY"})]
        assert ["SKEW", "STEADY"] * (len(skews) // 2) + ["SKEW"] * (len(skews) % 2) == skews
        apart = [event for event, _, _ in said(out, market, {"STUCK", "GHOST", "AGREED", "IMAGE", "GAP", "EMPTY"})]
        for before, event in zip(["IMAGE", *apart], apart, strict=False):
            assert event != "AGREED" or before in ("STUCK", "GHOST")
            assert event != "STUCK" or before not in ("STUCK", "GHOST")


def test_late_delivery_is_said_before_anything_else_of_a_book() -> None:
    """At the feed's own word, and in front of what an image brings: nobody may believe the book in between."""
    fresh = Freshness(Budgets())
    image = VenueBookImage(5, 5 * S, 0, (), (), -1, 0, "h")
    out = fresh.step([*open_book(), beat(2 * S, "late", "spool"), *ticks(3, 4), beat(4.5 * S, "on_time", "spool")])
    assert [("LATE", 2 * S, 0), ("ON_TIME", int(4.5 * S), 2_500)] == said(out, among={"LATE", "ON_TIME"})
    fresh = Freshness(Budgets())
    out = fresh.step([*ticks(1), beat(2 * S, "late", "spool"), image, BookEvent(5, 5 * S, 0, "IMAGE", 0, 0)])
    assert [image, BookEvent(5, 5 * S, 0, "LATE", 0, 0), BookEvent(5, 5 * S, 0, "IMAGE", 0, 0)] == out[2:]


def test_a_market_that_ended_long_ago_is_forgotten() -> None:
    """Ten minutes after its end nothing of a market is left, and nothing of its connection."""
    fresh = Freshness(Budgets())
    fresh.step([*two_books()[:6], VenueStatus(3, 2, 0, 0, -1, 30 * S, 0, (), 0, "h"), delta(3 * S), *ticks(4, 10, 20)])
    before = len(pickle.dumps(fresh))
    fresh.step(ticks(630, 660, 720))
    assert len(pickle.dumps(fresh)) < before - 200
    kept = fresh._carriers
    assert ({}, {}, {}, {}) == (kept._runs, kept._wires, kept.run_of, fresh._touch)


def test_budgets_are_read_or_refused_by_name() -> None:
    """An empty text gives the defaults; an unknown key, a wrong value or broken TOML is refused."""
    assert Budgets(500, 1_000, 60_000, 30_000, 120_000, 2_000) == read_budgets("")
    assert 250 == read_budgets("silence_ms = 250").silence_ms
    assert read_budgets("") == read_budgets(CONFIG.read_text("utf-8"))
    for text in ("books_ms = 1", "book_ms = -1", "book_ms = 'x'", "book_ms ="):
        with pytest.raises(Refused, match="freshness"):
            read_budgets(text)


@pytest.mark.parametrize(
    ("budgets", "entries", "event", "second"),
    [
        (Budgets(silence_ms=4_000), [], "SILENT", 5),
        (Budgets(alive_ms=3_000), [beat(1.5 * S, conn="")], "SILENT", 5),
        (Budgets(frozen_ms=15_000), LIVELY, "FROZEN", 35),
        (Budgets(beats_ms=9_000), [beat(k * S, conn="") for k in range(1, 20)], "FROZEN", 10),
        (Budgets(apart_ms=5_000), [ticker(1.2 * S), ticker(1.5 * S, 40, 52)], "STUCK", 7),
        (Budgets(skew_ms=200), stream(lambda t: 300.0 * (t > 20), 40), "SKEW", 23),
        (Budgets(skew_grace_ms=5_000), stream(lambda t: 3_000.0 * (t > 20), 40), "SKEW", 27),
        (Budgets(skew_settle_ms=9_000), stream(lambda t: 3_000.0 * (t > 20), 40), "STEADY", 31),
    ],
)
def test_every_budget_moves_its_limit(budgets: Budgets, entries: list[Fact], event: str, second: int) -> None:
    """Each limit is the configuration's."""
    found = run([*open_book(), *entries], 45, budgets=budgets)
    assert second in [at for name, at, _ in found if name == event]
    assert second == min(at for name, at, _ in found if name == event)
