"""risk.stale_book: how old a book may be, and which one an intent may cite."""

import pytest

from bots.kit import ConfirmedAt, Instant
from bots.risk import stale_book
from bots.risk.stale_book import Config, Seen
from contracts.intent import APPROVE, REJECT
from contracts.reasons import RISK_BOOK_AGE_UNKNOWN, RISK_BOOK_AGING, RISK_BOOK_FRESH, RISK_STALE_BOOK
from tests import world
from tests.world import HASH, MS, NOW

DEFAULT = Config()
SEEN = stale_book.watch(Config(), Seen(), world.snapshot(), NOW)
EXIT = {"side": -1, "reduce_only": True}


def voted(age_ns=0, state=SEEN, quality=None, config=DEFAULT, position=None, definition=None, now=NOW, **intent):
    """Return the vote on the world's intent at a book of this age."""
    quality = world.quality() if quality is None else quality
    definition = world.definition() if definition is None else definition
    at = ConfirmedAt(now - age_ns)
    return stale_book.decide(config, state, world.intent(**intent), definition, quality, at, position, now)


@pytest.mark.parametrize(
    ("age_ms", "verdict", "reason"),
    [
        pytest.param(200, APPROVE, RISK_BOOK_FRESH, id="normal"),
        pytest.param(400, APPROVE, RISK_BOOK_AGING, id="warning"),
        pytest.param(700, REJECT, RISK_STALE_BOOK, id="hard"),
        pytest.param(250, APPROVE, RISK_BOOK_FRESH, id="at the warning"),
        pytest.param(500, APPROVE, RISK_BOOK_AGING, id="at the limit"),
    ],
)
def test_age(age_ms, verdict, reason):
    """Fresh up to half the limit, aging up to the limit, stale beyond it."""
    vote = voted(age_ms * MS)
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (verdict, reason, age_ms, 500)


def test_a_nanosecond_beyond():
    """A nanosecond beyond a limit is beyond it, although both are shown in milliseconds."""
    assert voted(250 * MS + 1).reason == RISK_BOOK_AGING
    assert voted(500 * MS + 1).verdict == REJECT


def test_failure():
    """An unknown book hash, no snapshot, no quality or no confirmation: REJECT, RISK_BOOK_AGE_UNKNOWN."""
    unknown = [voted(book_hash="b" * 64), voted(book_hash=""), voted(state=Seen()), voted(NOW)]
    no_quality = stale_book.decide(Config(), SEEN, world.intent(), world.definition(), None, world.CONFIRMED, None, NOW)
    assert {(v.verdict, v.reason) for v in [*unknown, no_quality]} == {(REJECT, RISK_BOOK_AGE_UNKNOWN)}


def test_replaced_books_count_for_the_limit():
    """A book that was replaced may be cited for 500 ms after that; the newest one for as long as it is confirmed."""
    state = SEEN
    for place, name in enumerate("bcd"):
        state = stale_book.watch(Config(), state, world.snapshot(provenance_hash=name), Instant(NOW + place * 100 * MS))
    replaced = NOW
    assert voted(state=state, now=Instant(replaced + 500 * MS), book_hash=HASH).verdict == APPROVE
    assert voted(state=state, now=Instant(replaced + 500 * MS + 1), book_hash=HASH).reason == RISK_BOOK_AGE_UNKNOWN
    assert voted(state=state, now=Instant(replaced + 501 * MS), book_hash="b").verdict == APPROVE
    assert voted(state=state, now=Instant(replaced + 501 * MS), book_hash="c").verdict == APPROVE
    assert voted(state=state, now=Instant(replaced + 999_000 * MS), book_hash="d").verdict == APPROVE
    fifth = stale_book.watch(Config(), state, world.snapshot(provenance_hash="e"), Instant(NOW + 300 * MS))
    assert voted(state=fifth, now=Instant(NOW + 300 * MS), book_hash=HASH).reason == RISK_BOOK_AGE_UNKNOWN


def test_a_heartbeat_of_the_same_book_keeps_the_state():
    """The same book said again changes nothing, not even the object."""
    assert stale_book.watch(Config(), SEEN, world.snapshot(confirmed_ns=int(NOW)), NOW) is SEEN


@pytest.mark.parametrize(
    ("quality", "verdict"),
    [
        pytest.param(world.quality(score_milli=500, state="DEGRADED"), APPROVE, id="at the minimum"),
        pytest.param(world.quality(score_milli=499, state="DEGRADED"), REJECT, id="below it"),
        pytest.param(world.quality(state="RESYNC"), REJECT, id="withheld"),
    ],
)
def test_quality(quality, verdict):
    """A book of too little quality, or withheld, is stale whatever its age."""
    vote = voted(quality=quality)
    assert vote.verdict == verdict
    if verdict == REJECT:
        assert (vote.reason, vote.limit) == (RISK_STALE_BOOK, 500)


def test_reductions_get_more_time_but_not_for_ever():
    """A proven reduction may use a book three times as old; an unproven claim may not."""
    held = world.position()
    assert voted(1_500 * MS, position=held, **EXIT).verdict == APPROVE
    assert voted(1_500 * MS + 1, position=held, **EXIT).reason == RISK_STALE_BOOK
    assert voted(501 * MS, **EXIT).reason == RISK_STALE_BOOK


def test_perpetuals_have_their_own_limit():
    """The limit is that of the kind of instrument."""
    config = Config(max_age_perp_ms=100)
    perp = world.definition(instrument_kind=1)
    assert voted(101 * MS, config=config, definition=perp).verdict == REJECT
    assert voted(101 * MS, config=config).verdict == APPROVE
