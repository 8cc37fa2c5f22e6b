"""Each witness answers for itself: connections, running numbers, contradictions, delays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import fact_id
from contracts.market import BookEvent, Fact, VenueBookImage, VenueConnection, VenueTicker
from operators.freshness_budgets import Budgets
from operators.freshness_causes import ALIVE, DEAD, FROZEN, Carriers, Delivery, Doubt, Offset, Run, Wire

MS, S = 1_000_000, 1_000_000_000
BUDGETS = Budgets()


def wire(spoken: range, beats: range = range(0), until: int = 0) -> Wire:
    """A connection on which market 1 spoke and beats came in these seconds, judged at each second."""
    made = Wire()
    for second in range(1, until + 1):
        if second in spoken:
            made.hear(1, second * S)
        if second in beats:
            made.hear(-1, second * S)
        made.judge(second * S, BUDGETS)
    return made


@pytest.mark.parametrize(
    ("spoken", "beats", "until", "state"),
    [
        (range(0), range(0), 9, DEAD),
        (range(1, 6), range(0), 35, ALIVE),
        (range(1, 6), range(0), 36, DEAD),
        (range(1, 11), range(0), 16, ALIVE),
        (range(1, 11), range(0), 17, FROZEN),
        (range(1, 100, 2), range(0), 111, ALIVE),
        (range(1, 100, 2), range(0), 112, FROZEN),
        (range(1, 100, 7), range(0), 120, ALIVE),
        (range(1, 2), range(2, 99, 10), 61, ALIVE),
        (range(1, 2), range(2, 99, 10), 62, FROZEN),
        (range(0), range(2, 99, 10), 90, ALIVE),
        (range(1, 2), range(2, 60, 10), 95, DEAD),
    ],
)
def test_how_a_connection_is(spoken: range, beats: range, until: int, state: str) -> None:
    """Alive for 30 s after a word, frozen when it stops against its rhythm or only beats, else dead."""
    assert state == wire(spoken, beats, until).state


def test_a_connection_says_when_it_has_changed() -> None:
    """Judged once a second, it changes when it begins, freezes and begins again."""
    made, changed = Wire(), []
    for second in range(1, 61):
        if second <= 20 or second > 40:
            made.hear(second % 3, second * S)
        if made.judge(second * S, BUDGETS):
            changed.append((second, made.state))
    assert [(1, ALIVE), (27, FROZEN), (41, ALIVE)] == changed


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(1, 9)), min_size=1, max_size=8))
def test_the_newest_speaker_does_not_depend_on_the_order_of_a_second(words: list[tuple[int, int]]) -> None:
    """Words of one second may be taken in any order, when no two came at once."""
    moments = {at: market for market, at in words}
    forward, backward = Wire(), Wire()
    for at in sorted(moments):
        forward.hear(moments[at], at)
    for at in sorted(moments, reverse=True):
        backward.hear(moments[at], at)
    told = [(each.newest_ns, each.speaker, each.spoke_ns, each.beat_ns) for each in (forward, backward)]
    assert told[0] == told[1] and (max(moments), moments[max(moments)]) == told[0][:2]


def test_numbers_settle_after_ten_seconds_without_a_pause() -> None:
    """A number each second: settled in the tenth second after the first, unsettled 2 s after the last, and again."""
    run, settled = Run(Wire()), []
    for second in range(1, 41):
        if second <= 15 or second >= 20:
            run.prove(second * S, BUDGETS)
        if run.judge(second * S, BUDGETS):
            settled.append(second)
    assert [11, 30] == settled
    assert run.settled


def test_a_contradiction_is_kept_by_side() -> None:
    """Since the first contradiction of either side; a side ends with agreement, or with another best price or size."""
    doubt = Doubt()
    assert 0 == doubt.since_ns
    doubt.contradict(-1, 5, 52, -1)
    doubt.contradict(1, 3, 48, 10)
    doubt.contradict(1, 9, 47, 10)
    assert 3 == doubt.since_ns
    assert not doubt.moved((48, 10), (52, 7))
    assert not doubt.moved((48, 9), (52, 7))
    assert 5 == doubt.since_ns
    assert doubt.moved((48, 9), (51, 7))
    doubt.contradict(1, 20, 48, -1)
    doubt.agree(-1)
    assert 20 == doubt.since_ns
    doubt.agree(1)
    assert 0 == doubt.since_ns


def offset(*delays_ms: int) -> Offset:
    """An offset that took one delay in each second."""
    made = Offset()
    for second, delay in enumerate(delays_ms, start=1):
        made.take(second * S, delay * MS, BUDGETS)
    return made


def test_the_usual_delay_begins_with_the_least_of_ten_seconds() -> None:
    """A recording that begins in a burst of late messages has its usual delay all the same."""
    assert 40 * MS == offset(5_000, 4_000, 3_000, *[40] * 7).base_ns


@pytest.mark.parametrize(("delay", "base"), [(500, 20), (-500, -20), (10, 10), (3, 3)])
def test_the_usual_delay_follows_by_a_millisecond_a_second(delay: int, base: int) -> None:
    """Twenty seconds of another delay move it by 20 ms at most, and never past it."""
    assert base * MS == offset(*[0] * 10, *[delay] * 20).base_ns


def test_after_a_pause_the_usual_delay_follows_faster() -> None:
    """A clock that drifts does so in silence too: after 40 s without messages it may have moved 40 ms."""
    made = offset(*[0] * 10)
    made.take(50 * S, 900 * MS, BUDGETS)
    assert 40 * MS == made.base_ns


@given(st.lists(st.integers(-999, 999), min_size=11, max_size=80))
def test_a_delay_within_the_limit_is_never_skew(delays: list[int]) -> None:
    """Whatever comes within the limit of the usual delay says nothing, and the usual delay stays among what came."""
    made = Offset()
    for second, delay in enumerate([0] * 10 + [delay // 2 for delay in delays], start=1):
        assert not made.take(second * S, delay * MS, BUDGETS)
    assert not made.said and -500 * MS <= made.base_ns <= 500 * MS


def test_a_market_is_carried_where_it_was_attached() -> None:
    """By its source before, by its subscription afterwards; subscriptions of one connection share it."""
    carriers = Carriers()
    ticker = VenueTicker(7 << 56 | 1, 1, 3, 1, 2, -1, 0, 0, "h")
    first = carriers.of(ticker)
    for market, name in ((3, "c/1"), (4, "c/2")):
        carriers.take(VenueConnection(7 << 56 | 1, 1, market, "attached", name, -1), BUDGETS)
    second = carriers.of(ticker)
    assert first is not second and second.wire is carriers.run_of[4].wire and second is not carriers.run_of[4]
    assert {3: 7, 4: 7} == carriers.source


# ---- delivery -----------------------------------------------------------------------------------------------------


def word(event: str, second: int, source: int = 0) -> VenueConnection:
    """What a feed says of its delivery."""
    return VenueConnection(fact_id(source, 9), second * S, -1, event, "spool", -1)


def image(market: int, second: int, source: int = 0) -> VenueBookImage:
    """An image of a book."""
    return VenueBookImage(fact_id(source, 8), second * S, market, (), (), -1, 0, "h")


def heard(delivery: Delivery, *entries: VenueConnection | VenueBookImage) -> list[tuple[str, int, int, int]]:
    """Event, market, second and milliseconds that are said of entries."""
    said: list[Fact] = []
    for entry in entries:
        said += delivery.image(entry) if isinstance(entry, VenueBookImage) else delivery.take(entry)
    assert all(isinstance(each, BookEvent) for each in said)
    return [(each.event, each.market, each.at_ns // S, each.seen) for each in said if isinstance(each, BookEvent)]


def test_every_book_of_the_lane_is_late_while_a_source_is() -> None:
    """LATE for each book once, however often and of however many sources it is said; ON_TIME when none is late."""
    delivery = Delivery()
    assert [] == heard(delivery, word("on_time", 1), image(0, 1), image(3, 1, 1), word("beat", 1))
    said = heard(delivery, word("late", 2), word("late", 3), word("late", 4, 1), word("on_time", 5), image(0, 6))
    assert [("LATE", 0, 2, 0), ("LATE", 3, 2, 0)] == said
    assert [("ON_TIME", 0, 7, 5_000), ("ON_TIME", 3, 7, 5_000)] == heard(delivery, word("on_time", 7, 1))
    assert [] == heard(delivery, word("on_time", 8, 1), image(0, 9))


def test_a_book_that_begins_in_a_late_spell_is_late() -> None:
    """From its first image on, and for as long as the spell lasts; a market that is forgotten is not spoken of."""
    delivery = Delivery([4])
    assert [("LATE", 4, 1, 0)] == heard(delivery, word("late", 1))
    assert [("LATE", 0, 3, 0)] == heard(delivery, image(0, 3))
    delivery.forget(4)
    assert [("ON_TIME", 0, 4, 1_000)] == heard(delivery, word("on_time", 4))
