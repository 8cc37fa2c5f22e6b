"""risk.market_halt: what quarantines a market, for how long, and what still passes."""

import pytest

from bots.kit import ConfirmedAt, Instant
from bots.maths.activity import Activity
from bots.risk import market_halt
from bots.risk.market_halt import Config, Halt
from contracts.intent import APPROVE, QUARANTINE, REJECT
from contracts.reasons import (
    RISK_MARKET_COOLOFF,
    RISK_MARKET_HALTED,
    RISK_MARKET_OPEN,
    RISK_MARKET_STATE_UNKNOWN,
)
from tests import world
from tests.world import MS, NOW, SECOND

DEFAULT = Config()
WIDE = {"bid_ticks": 30, "ask_ticks": 65}
EXIT = {"side": -1, "reduce_only": True}
PERP = world.definition(instrument_kind=1, grid_ticks=0)


def watched(state=None, now=NOW, definition=None, anomaly=None, resolution=None, config=DEFAULT, **snapshot):
    """Return (state, reports) after a snapshot."""
    definition = world.definition() if definition is None else definition
    state = Halt() if state is None else state
    return market_halt.watch(config, state, world.snapshot(**snapshot), definition, anomaly, resolution, now)


def ticked(state, now, snapshot=None, book=None, trade=None, config=DEFAULT):
    """Return (state, reports) after a second's boundary."""
    snapshot, book = snapshot or world.snapshot(), book or world.book()
    tick = world.tick(at_ns=int(now))
    definition = world.definition()
    return market_halt.on_tick(config, state, tick, snapshot, definition, book, trade, None, None, now)


def voted(state, now=NOW, age_ns=0, snapshot=None, definition=None, anomaly=None, position=None, **intent):
    """Return the vote on the world's intent."""
    definition = world.definition() if definition is None else definition
    snapshot = world.snapshot() if snapshot is None else snapshot
    at = ConfirmedAt(now - age_ns)
    return market_halt.decide(Config(), state, world.intent(**intent), snapshot, definition, at, position, anomaly, now)


def test_normal():
    """Two-sided 1 tick book: APPROVE, RISK_MARKET_OPEN, and a healthy look changes nothing."""
    state, reports = watched(ask_ticks=45)
    assert reports == ()
    vote = voted(state, snapshot=world.snapshot(ask_ticks=45))
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (APPROVE, RISK_MARKET_OPEN, 10_000, 300_000)
    kept = Halt()
    assert watched(kept)[0] is kept


def test_warning():
    """Normal for 20 s after a halt: REJECT new, RISK_MARKET_COOLOFF, until 60 s have passed."""
    state, _ = watched(**WIDE)
    state, reports = watched(state, Instant(NOW + 20 * SECOND))
    assert reports == ()
    vote = voted(state, Instant(NOW + 20 * SECOND))
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (REJECT, RISK_MARKET_COOLOFF, 20, 60)
    assert voted(state, Instant(NOW + 60 * SECOND - 1)).reason == RISK_MARKET_COOLOFF
    assert voted(state, Instant(NOW + 60 * SECOND)).reason == RISK_MARKET_OPEN


def test_hard():
    """Spread .35: quarantine and one report, RISK_MARKET_HALTED; .30 is allowed."""
    state, reports = watched(**WIDE)
    assert [(r.reason, r.cause_family, r.evidence) for r in reports] == [(RISK_MARKET_HALTED, "market_halt", ("M1",))]
    vote = voted(state, snapshot=world.snapshot(**WIDE))
    assert (vote.verdict, vote.reason, vote.seen) == (QUARANTINE, RISK_MARKET_HALTED, 350_000)
    assert watched(bid_ticks=30, ask_ticks=60)[0].quarantined is False


@pytest.mark.parametrize(
    ("age_ns", "reason"),
    [
        (1_500 * MS, RISK_MARKET_OPEN),
        (1_500 * MS + 1, RISK_MARKET_STATE_UNKNOWN),
        (3 * SECOND, RISK_MARKET_STATE_UNKNOWN),
    ],
)
def test_failure(age_ns, reason):
    """Snapshot 3 s old: REJECT, RISK_MARKET_STATE_UNKNOWN; 1.5 s is allowed."""
    vote = voted(Halt(), age_ns=age_ns)
    assert vote.reason == reason
    assert vote.verdict == (APPROVE if reason == RISK_MARKET_OPEN else REJECT)


def test_unknown():
    """No snapshot, no confirmation or a blind detector: REJECT, even of a reduction that has no book to go to."""
    none = market_halt.decide(
        Config(), Halt(), world.intent(**EXIT), None, world.definition(), NOW, world.position(), None, NOW
    )
    blind = world.signal(signal="anomaly", label="BLIND")
    votes = [none, voted(Halt(), age_ns=int(NOW)), voted(Halt(), anomaly=blind)]
    assert {(v.verdict, v.reason) for v in votes} == {(REJECT, RISK_MARKET_STATE_UNKNOWN)}


CAUSES = {
    "status of the snapshot": ({"status": 2}, "status"),
    "status of the definition": ({"definition": world.definition(status=1)}, "status"),
    "no bid": ({"bid_lots": 0}, "one_sided"),
    "no ask": ({"ask_lots": 0}, "one_sided"),
    "perpetual, 202 bps": ({"definition": PERP, "bid_ticks": 9_900, "ask_ticks": 10_102}, "spread"),
    "impossible datum": ({"anomaly": world.signal(label="INTEGRITY")}, "integrity"),
    "disputed": ({"resolution": world.signal(label="DISPUTED")}, "resolution"),
    "void": ({"resolution": world.signal(label="VOID")}, "resolution"),
    "gone silent": ({"state": Halt(activity=Activity(collapsed=True))}, "rate_collapse"),
}
CALM = {
    "level shift": {"anomaly": world.signal(label="LEVEL_SHIFT")},
    "proposed": {"resolution": world.signal(label="PROPOSED")},
    "perpetual, 200 bps": {"definition": PERP, "bid_ticks": 9_900, "ask_ticks": 10_100},
}


@pytest.mark.parametrize(("seen", "cause"), CAUSES.values(), ids=CAUSES)
def test_causes(seen, cause):
    """Each condition halts, and is named."""
    state, reports = watched(**seen)
    assert (state.quarantined, state.cause, len(reports)) == (True, cause, 1)


@pytest.mark.parametrize("seen", CALM.values(), ids=CALM)
def test_no_cause(seen):
    """On the other side of each limit nothing halts."""
    assert watched(**seen)[0].quarantined is False


def test_cross_must_last():
    """A crossed book halts only when it stays crossed for more than a second."""
    crossed = {"bid_ticks": 46, "ask_ticks": 46}
    state, reports = watched(**crossed)
    assert reports == ()
    assert watched(state, Instant(NOW + SECOND), **crossed)[0].quarantined is False
    assert watched(state, Instant(NOW + SECOND + 1), **crossed)[0].cause == "crossed"
    assert watched(state, Instant(NOW + SECOND + 1))[0] == Halt()


def test_one_report_per_transition():
    """A halt that lasts is reported once, and its release once."""
    state, reports = watched(**WIDE)
    state, more = watched(state, Instant(NOW + SECOND), **WIDE)
    assert (len(reports), len(more), state.since_ns, state.true_ns) == (1, 0, NOW, NOW + SECOND)
    state, more = watched(state, Instant(NOW + 60 * SECOND))
    assert more == ()
    state, more = watched(state, Instant(NOW + 61 * SECOND))
    assert [r.reason for r in more] == [RISK_MARKET_OPEN]
    assert state == Halt()


def test_reductions_pass_where_two_sides_stand():
    """While quarantined or cooling a proven reduction passes, but not into a book without a side."""
    state, _ = watched(**WIDE)
    wide, held = world.snapshot(**WIDE), world.position()
    assert voted(state, snapshot=wide, position=held, **EXIT).verdict == APPROVE
    assert voted(state, snapshot=wide, **EXIT).verdict == QUARANTINE
    empty, _ = watched(ask_lots=0)
    assert voted(empty, snapshot=world.snapshot(ask_lots=0), position=held, **EXIT).verdict == QUARANTINE


def test_tick_sees_what_no_snapshot_shows():
    """An empty side or a lasting cross of the book itself halts at the next second; a filled side releases later."""
    state, reports = ticked(Halt(), NOW, book=world.book(asks={}))
    assert (state.cause, len(reports)) == ("one_sided", 1)
    assert voted(state, position=world.position(), **EXIT).verdict == QUARANTINE
    crossed = world.book(bids={50: 1}, asks={49: 1})
    state, _ = ticked(Halt(), NOW, book=crossed)
    state, reports = ticked(state, Instant(NOW + 2 * SECOND), book=crossed)
    assert (state.cause, len(reports)) == ("crossed", 1)
    state, _ = ticked(state, Instant(NOW + 3 * SECOND))
    state, reports = ticked(state, Instant(NOW + 62 * SECOND))
    assert (state.quarantined, [r.reason for r in reports]) == (False, [RISK_MARKET_OPEN])


def test_tick_without_snapshot_or_live_book_judges_nothing():
    """Before the first snapshot, and while the book is not live, the tick says nothing."""
    kept = Halt()
    answer = market_halt.on_tick(
        Config(), kept, world.tick(), None, world.definition(), world.book(), None, None, None, NOW
    )
    assert answer == (kept, ())
    assert ticked(Halt(), NOW, book=world.book(asks={}, live=False))[0].quarantined is False


def test_collapse_of_both_rates():
    """After an hour of habit, 120 s without quotes and trades halts; quotes alone are enough to stay open."""
    config, state = Config(collapse_s=10), Halt()
    at = 0
    for at in range(3_620):
        trade = world.trade_print(trade_id=str(at))
        state, _ = ticked(
            state, Instant(NOW + at * SECOND), world.snapshot(provenance_hash=str(at)), None, trade, config
        )
    assert state.activity.windows * 10 >= 3_600
    busy = quiet = state
    for later in range(at + 1, at + 22):
        now = Instant(NOW + later * SECOND)
        last = world.trade_print(trade_id=str(at))
        quiet, _ = ticked(quiet, now, world.snapshot(provenance_hash=str(at)), None, last, config)
        busy, _ = ticked(busy, now, world.snapshot(provenance_hash=str(later)), None, last, config)
    assert (quiet.cause, busy.cause) == ("rate_collapse", "")


def test_the_end_of_trading_needs_no_word_of_the_venue():
    """From the second of its expiry on a market is closed, for reductions too; one without an end never is."""
    ends = world.definition(expiry_ns=NOW + SECOND)
    held = world.position()
    assert voted(Halt(), definition=ends).verdict == APPROVE
    assert voted(Halt(), Instant(NOW + SECOND - 1), definition=ends).verdict == APPROVE
    late = voted(Halt(), Instant(NOW + SECOND), definition=ends, position=held, **EXIT)
    assert (late.verdict, late.reason) == (QUARANTINE, RISK_MARKET_HALTED)
    assert voted(Halt(), definition=world.definition(expiry_ns=0)).verdict == APPROVE
