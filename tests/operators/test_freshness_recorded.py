"""On recorded feeds each cause of doubt is said where it is, and nowhere else; injected faults are named in time.

Faults are put among the facts, behind the reader: what is taken away, changed or added stands in each test.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from bots.kit import configure
from bots.registry import library
from connectors.capture import open_capture
from contracts.envelope import Row
from contracts.market import (
    BookEvent,
    BookQuality,
    ClockTick,
    Fact,
    Touch,
    VenueBookDelta,
    VenueBookImage,
    VenueConnection,
    VenueTicker,
    VenueTrade,
)
from operators.engine import Lane
from operators.freshness import Budgets, Freshness
from operators.normalise import Normaliser
from operators.order_book import OrderBooks
from operators.plan import Choice, compile_plan
from operators.sequencer import merge
from tests.conftest import RECORDED

pytestmark = pytest.mark.recorded
BTC, LATE = "kalshi/btc15m_20260513T1259Z.jsonl.gz", "kalshi/btc15m_20260513T230108Z.jsonl.gz"
HOLE = "kalshi/btc15m_20260514T043118Z.jsonl.gz"
SPORTS, FRAGMENTS = "kalshi/sports_ws_orderbook_stream.json.gz", "polymarket/ws_market_fragments_20260911.jsonl.gz"
USDM, ROUNDED = "crypto/binance_usdm_btcusdt_20240808.txt.gz", "crypto/cryptofeed_BITGET.ws.1.0.txt.gz"
SAID = ("CALM", "QUIET", "SILENT", "FROZEN", "HEARD", "STUCK", "GHOST", "AGREED", "SKEW", "STEADY")
S, MS = 1_000_000_000, 1_000_000
MESSAGES = (VenueBookDelta, VenueBookImage, VenueTicker, VenueTrade)
Change = Callable[[Fact], Fact | None]


@cache
def facts_of(name: str) -> tuple[Fact, ...]:
    """The facts of a recording, ticks among them."""
    normaliser = Normaliser()
    frames = merge([open_capture(RECORDED / name)], 1_000)
    return tuple(fact for block in frames for fact in normaliser.step(block).facts)


def judged(facts: Sequence[Fact]) -> list[Fact]:
    """What order book and freshness make of facts."""
    return Freshness(Budgets()).step(OrderBooks().step(facts))


def words(entries: Sequence[Fact], among: Sequence[str] = SAID) -> list[tuple[str, int, int]]:
    """Event, market and arrival of what was said."""
    return [(e.event, e.market, e.at_ns) for e in entries if type(e) is BookEvent and e.event in among]


def counts(entries: Sequence[Fact]) -> dict[str, int]:
    """How often each cause was said."""
    return dict(Counter(event for event, _, _ in words(entries)))


def reasons(entries: Sequence[Fact]) -> list[tuple[str, int, int]]:
    """Code, market and moment of each quality that the lane's bots say of them."""
    books = library()
    choices = [
        Choice(bot_id, books.bot(bot_id), configure(bot_id, books.bot(bot_id).config, {}), "enforced")
        for bot_id in ("intel.instrument_registry", "intel.book_builder")
    ]
    lane = Lane(compile_plan(books, "lane", choices))
    rows = [row for row in lane.step(list(entries)) if type(row) is Row and type(row.payload) is BookQuality]
    return [(row.payload.reason, row.market, row.at_ns) for row in rows]


def changed(facts: Sequence[Fact], change: Change, from_ns: int, to_ns: int) -> list[Fact]:
    """The facts with those of a span changed or taken away; ticks stay."""
    made: list[Fact] = []
    for fact in facts:
        inside = from_ns <= fact.at_ns < to_ns and not isinstance(fact, ClockTick)
        kept = change(fact) if inside else fact
        if kept is not None:
            made.append(kept)
    return made


def taken(*kinds: type) -> Change:
    """Take away facts of some kinds."""
    return lambda fact: None if isinstance(fact, kinds) else fact


def numbered_anew(facts: Sequence[Fact]) -> list[Fact]:
    """The facts with the numbers that they would have had if the venue had never sent what is missing."""
    last, made = 0, []
    for fact in facts:
        seq = getattr(fact, "venue_seq", -1)
        if seq > 0:
            last = seq if seq == 1 else last + 1
            fact = replace(fact, venue_seq=last)  # type: ignore[type-var]
        made.append(fact)
    return made


def middle(name: str, seconds: int = 0) -> int:
    """A moment so many seconds after the middle of a recording."""
    facts = facts_of(name)
    return (facts[0].at_ns + facts[-1].at_ns) // 2 // S * S + seconds * S


# ---- as recorded --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (BTC, {"SILENT": 4, "HEARD": 4}),  # near the end of its markets nobody quotes for 2 to 3 s
        (LATE, {"CALM": 1, "HEARD": 1, "SKEW": 1, "STEADY": 1}),  # five seconds in which messages came 6 s late
        (HOLE, {"SILENT": 1, "FROZEN": 1}),  # 26.6 s without anything, then a new connection with a new image
        (SPORTS, {"CALM": 40, "QUIET": 45, "SILENT": 7, "HEARD": 45}),  # twelve calm games on one subscription
        (FRAGMENTS, {}),  # images come in its last second
        (USDM, {}),  # a constant 1.27 s of negative delay, best quotes out of step with depth
        # The retired spot feed agrees with its own checksum, while its ticker lacks a bid that stands for 17 s.
        (ROUNDED, {"GHOST": 3}),
    ],
)
def test_how_often_each_cause_is_said_of_a_recording(name: str, expected: dict[str, int]) -> None:
    """No book is called frozen, stuck or a ghost but where the recording shows it; each count has its reason there."""
    assert expected == counts(judged(facts_of(name)))


def test_late_messages_are_named_while_they_come(recorded: Path) -> None:
    """The burst is withheld as SKEW from its second late second, and believed at the first that is usual again."""
    entries = judged(facts_of(LATE))
    (_, _, begun), (_, _, over) = words(entries, ("SKEW", "STEADY"))
    late = {e.at_ns // S for e in entries if type(e) is VenueBookDelta and e.at_ns - e.venue_ns > 1_500 * MS}
    assert min(late) + 2 == begun // S and max(late) + 1 >= over // S - 1
    codes = [(code, at) for code, _, at in reasons(entries) if begun <= at <= over]
    assert (
        ("INTEL_CLOCK_SKEW", begun) == codes[0] and over == codes[-1][1] and codes[-1][0].endswith(("OK", "DEGRADED"))
    )


# ---- injected faults ----------------------------------------------------------------------------------------------


def first(found: Sequence[tuple[str, int, int]], word: str, from_ns: int) -> float:
    """Seconds from a moment to the first time that a word was said at or after it."""
    return next((at - from_ns) / S for said, _, at in found if said == word and at >= from_ns)


def test_a_connection_that_stops_is_frozen_within_its_budget() -> None:
    """Everything is taken away for 30 s: unknown after 2 s, frozen after 6 s and a tick, a gap when it goes on."""
    at = middle(BTC)
    entries = judged(changed(facts_of(BTC), taken(*MESSAGES), at, at + 30 * S))
    found = words(entries, ("SILENT", "CALM", "FROZEN", "STUCK", "GHOST", "SKEW", "GAP"))
    assert ["FROZEN", "GAP"] == [word for word, _, when in found if at + 5 * S <= when <= at + 31 * S]
    assert 6 <= first(found, "FROZEN", at) <= 8
    assert 6 <= first(reasons(entries), "INTEL_BOOK_FROZEN", at) <= 8


def test_beats_do_not_hide_a_frozen_connection() -> None:
    """As above, with a beat each ten seconds: it is as frozen, and no beat proves a book."""
    at = middle(BTC)
    facts = changed(facts_of(BTC), taken(*MESSAGES), at, at + 30 * S)
    conn = next(f.connection_id for f in facts if isinstance(f, VenueConnection) and f.event == "attached")
    beats = [VenueConnection(0, at + second * S + 1, -1, "beat", conn, -1) for second in (3, 13, 23)]
    found = words(judged(sorted([*facts, *beats], key=lambda fact: fact.at_ns)), SAID)
    assert ["SILENT", "QUIET", "FROZEN"] == [word for word, _, when in found if at <= when <= at + 29 * S]
    assert 6 <= first(found, "FROZEN", at) <= 8


def test_a_book_that_stands_while_its_ticker_moves_is_stuck() -> None:
    """The changes of 20 s are taken away, the tickers stay: 2 s of contradiction and a tick after the first of them."""
    at = middle(BTC)
    facts = changed(facts_of(BTC), taken(VenueBookDelta), at, at + 20 * S)
    entries = judged(facts)
    apart = contradicted(entries, at)
    found = words(entries, ("STUCK", "GHOST", "GAP", "SKEW"))
    assert "STUCK" == next(word for word, _, when in found if when >= at)
    assert 2 <= first(found, "STUCK", apart) <= 3
    assert 2 <= first(reasons(entries), "INTEL_BOOK_FROZEN", apart) <= 3


def contradicted(entries: Sequence[Fact], from_ns: int) -> int:
    """The arrival of the first ticker from a moment on after which ticker and book never agree for 2 s."""
    touches: dict[int, tuple[int, int]] = {}
    since = 0
    for entry in entries:
        if type(entry) is Touch:
            touches[entry.market] = (entry.bid_ticks, entry.ask_ticks)
        elif type(entry) is VenueTicker and entry.at_ns >= from_ns:
            agrees = touches.get(entry.market) == (entry.bid_ticks, entry.ask_ticks)
            if not agrees and since and entry.at_ns - since > 2 * S:
                return since
            since = 0 if agrees else since or entry.at_ns
    raise AssertionError("no contradiction")


def test_a_book_that_goes_on_and_is_wrong_is_a_ghost() -> None:
    """The asks of 60 s change nothing any more, while bids, numbers and tickers go on: named a ghost, never stuck."""
    at = middle(BTC)

    def lost(fact: Fact) -> Fact:
        is_ask = isinstance(fact, VenueBookDelta) and fact.side < 0
        return replace(fact, size_lots=0) if isinstance(fact, VenueBookDelta) and is_ask else fact

    facts = changed(facts_of(BTC), lost, at, at + 60 * S)
    entries = judged(facts)
    found = words(entries, ("STUCK", "GHOST", "GAP", "NEGATIVE"))
    assert "GHOST" == next(word for word, _, when in found if when >= at)
    assert first(found, "GHOST", contradicted(entries, at)) <= 4
    assert first(reasons(entries), "INTEL_BOOK_GHOST", at) == first(found, "GHOST", at)


def test_a_cross_is_named_when_its_grace_is_over() -> None:
    """A bid two ticks above the best ask is put into the book: withheld as crossed after 250 ms, at the next touch."""
    at = middle(BTC)
    top = next(e for e in judged(facts_of(BTC)) if type(e) is Touch and e.at_ns >= at)
    bid = VenueBookDelta(top.fact, top.at_ns, top.market, 1, top.ask_ticks + 2, 10_000_000, True)
    facts = list(facts_of(BTC))
    facts.insert(next(place for place, fact in enumerate(facts) if fact.at_ns > top.at_ns), bid)
    entries = judged(facts)
    assert 0 == first(words(entries, ("CROSSED",)), "CROSSED", top.at_ns)
    assert 0.25 < first(reasons(entries), "INTEL_BOOK_CROSSED", top.at_ns) <= 1


@pytest.mark.parametrize("name", [BTC, USDM])
@pytest.mark.parametrize("shift_ms", [3_000, -3_000])
def test_a_clock_that_jumps_is_skew_until_it_stands(name: str, shift_ms: int) -> None:
    """From the middle on the venue's clock is 3 s off: said within 3 s, usual again after a minute, nothing else."""
    at = middle(name)

    def shifted(fact: Fact) -> Fact:
        if isinstance(fact, MESSAGES) and fact.venue_ns:
            return replace(fact, venue_ns=fact.venue_ns + shift_ms * MS)
        return fact

    facts = changed(facts_of(name), shifted, at, facts_of(name)[-1].at_ns + 1)
    entries = judged(facts)
    found = words(entries, ("SKEW", "STEADY", "STUCK", "GHOST", "FROZEN"))
    assert ["SKEW", "STEADY"] == [word for word, _, _ in found]
    assert 1 <= first(found, "SKEW", at) <= 3
    assert 60 <= first(found, "STEADY", at) <= 64
    if name == BTC:
        assert first(reasons(entries), "INTEL_CLOCK_SKEW", at) == first(found, "SKEW", at)


def test_one_market_that_loses_its_messages_is_a_gap_and_one_that_has_none_is_calm() -> None:
    """A game's frames lost on the way: a gap at the next number. Never sent: calm while numbers come, then quiet."""
    facts, game = facts_of(SPORTS), 4
    at = [fact.at_ns for fact in facts if type(fact) is VenueBookDelta and fact.market == game][9] + 1

    def lost(fact: Fact) -> Fact | None:
        return None if isinstance(fact, VenueBookDelta) and fact.market == game else fact

    without = changed(facts, lost, at, facts[-1].at_ns + 1)
    assert first([gap for gap in words(judged(without), ("GAP",)) if gap[1] == game], "GAP", at) < 2
    found = words(judged(numbered_anew(without)), ("GAP", *SAID))
    own = [word for word, market, when in found if market == game and when >= at]
    assert ["CALM", "QUIET"] == own[:2] and {"CALM", "QUIET"} == set(own)


def test_one_frozen_perpetual_is_stuck_by_its_tickers() -> None:
    """Depth of the Binance file taken away for 20 s while best quotes and trades go on; then a gap in the chain."""
    at = middle(USDM)
    entries = judged(changed(facts_of(USDM), taken(VenueBookDelta), at, at + 20 * S))
    found = words(entries, ("STUCK", "GHOST", "FROZEN", "GAP"))
    assert ["STUCK", "GAP"] == [word for word, _, _ in found]
    assert 2 <= first(found, "STUCK", at) <= 6
