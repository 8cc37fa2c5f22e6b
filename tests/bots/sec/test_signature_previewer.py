"""sec.signature_previewer: the bytes say what the plan says, and the plan what was approved."""

from hashlib import sha256

import pytest

from bots.sec import signature_previewer as guard
from bots.sec.signature_previewer import Approved, Config
from contracts.intent import APPROVE, REJECT
from contracts.order import CANCEL, MERGE
from contracts.payloads import Payload, payload_of
from contracts.reasons import (
    SEC_PAYLOAD_MATCH,
    SEC_PAYLOAD_MISMATCH,
    SEC_PAYLOAD_ROUNDED,
    SEC_PAYLOAD_UNDECODABLE,
)
from tests import world
from tests.bots.sec.policies import NO, TOKEN, YES, clob_child
from tests.world import MS, NOW

DEFAULT = Config()


def approved(**overrides):
    """Return the state after the intent was approved; `size_lots` and flags of the approval may differ."""
    given = {name: overrides.pop(name) for name in ("size_lots", "post_only", "reduce_only") if name in overrides}
    wish = world.intent(**overrides)
    return guard.watch(DEFAULT, Approved(), world.approved(intent=wish, **given), NOW)


def voted(*children, state=None, definition=None, now=NOW, **plan):
    """Return the vote on a plan; by default ten contracts bid at 44 on Kalshi, as approved."""
    children = children or (world.child(),)
    market = definition or world.definition()
    return guard.decide(
        DEFAULT, approved() if state is None else state, world.plan(children=children, **plan), market, now
    )


def test_normal():
    """Exact decode: APPROVE with hash, SEC_PAYLOAD_MATCH, at three venues."""
    vote = voted()
    wanted = sha256(bytes.fromhex(payload_of(world.child(), world.definition()).digest)).hexdigest()
    assert (vote.verdict, vote.reason, vote.limit) == (APPROVE, SEC_PAYLOAD_MATCH, 1)
    assert vote.seen == int(wanted[:12], 16)
    assert voted(clob_child(), definition=TOKEN, state=approved(market_id=YES)).reason == SEC_PAYLOAD_MATCH
    perp = world.definition(venue_id="binance", grid_ticks=0, instrument_kind=1)
    assert voted(world.child(venue_id="binance"), definition=perp).reason == SEC_PAYLOAD_MATCH


def test_warning():
    """Buy 10.004 rounded down to 10.00: APPROVE flagged, SEC_PAYLOAD_ROUNDED."""
    fine = world.definition(venue_id="polymarket", market_id=YES, complement_id=NO, lot_micros=1_000)
    state = approved(market_id=YES, size_lots=10_004)
    vote = voted(clob_child(size_lots=10_004), definition=fine, state=state)
    assert (vote.verdict, vote.reason) == (APPROVE, SEC_PAYLOAD_ROUNDED)


def test_hard(monkeypatch):
    """Payload quantity 100, plan 10: REJECT, SEC_PAYLOAD_MISMATCH, with both."""

    def tenfold(child, market):
        body = payload_of(child, market)
        return Payload(body.kind, tuple((n, "100.00" if n == "count" else v) for n, v in body.fields))

    monkeypatch.setattr(guard, "payload_of", tenfold)
    vote = voted()
    assert (vote.verdict, vote.reason) == (REJECT, SEC_PAYLOAD_MISMATCH)
    assert (vote.seen, vote.limit) == (100_000_000, 10_000_000)


def test_failure(monkeypatch):
    """Truncated bytes: REJECT, SEC_PAYLOAD_UNDECODABLE; what cannot be built at all likewise."""

    class Cut(Payload):
        encoded = b'{"kind":"kalshi_or'

    monkeypatch.setattr(guard, "payload_of", lambda child, market: Cut(*payload_of(child, market)))
    assert (voted().verdict, voted().reason) == (REJECT, SEC_PAYLOAD_UNDECODABLE)
    monkeypatch.undo()
    vote = voted(clob_child(builder_code="lab"), definition=TOKEN, state=approved(market_id=YES))
    assert (vote.verdict, vote.reason) == (REJECT, SEC_PAYLOAD_UNDECODABLE)
    assert voted(world.child(action=MERGE)).reason == SEC_PAYLOAD_UNDECODABLE


@pytest.mark.parametrize(
    "beyond",
    [
        {"market_id": "M2"},
        {"side": -1},
        {"price_ticks": 45},
        {"size_lots": 1_001},
        {"post_only": False},
    ],
)
def test_a_plan_stays_inside_its_approval(beyond):
    """Another market or side, a dearer price, a lot more, a flag less: REJECT, SEC_PAYLOAD_MISMATCH."""
    definition = world.definition(market_id=beyond.get("market_id", "M1"))
    vote = voted(world.child(**beyond), definition=definition)
    assert (vote.verdict, vote.reason) == (REJECT, SEC_PAYLOAD_MISMATCH)


def test_inside_its_approval_a_plan_may_be_smaller_cheaper_and_stricter():
    """A lower bid, fewer lots, a flag more pass; two orders count together."""
    assert voted(world.child(price_ticks=43, size_lots=999, reduce_only=True)).verdict == APPROVE
    half = world.child(size_lots=500)
    assert voted(half, half).verdict == APPROVE
    assert voted(half, world.child(size_lots=501)).reason == SEC_PAYLOAD_MISMATCH
    assert voted(state=approved(reduce_only=True)).reason == SEC_PAYLOAD_MISMATCH
    assert voted(world.child(reduce_only=True), state=approved(reduce_only=True)).verdict == APPROVE


def test_an_intent_that_nobody_approved():
    """Without an approval on file no plan passes, and only the last 256 are kept."""
    assert voted(state=Approved()).reason == SEC_PAYLOAD_MISMATCH
    state = approved()
    for number in range(256):
        other = world.approved(intent=world.intent(intent_id=f"i{number}"))
        state = guard.watch(DEFAULT, state, other, NOW)
    assert len(state.approvals.kept) == 256
    assert voted(state=state).reason == SEC_PAYLOAD_MISMATCH


def test_a_plan_that_is_too_old():
    """Two seconds are young enough; a plan from the future, or without names, is none."""
    assert voted(now=NOW + 2_000 * MS).verdict == APPROVE
    vote = voted(now=NOW + 2_001 * MS)
    assert (vote.reason, vote.seen, vote.limit) == (SEC_PAYLOAD_MISMATCH, 2_001, 2_000)
    assert voted(now=NOW - MS).reason == SEC_PAYLOAD_MISMATCH
    assert voted(world.child(client_order_id="")).reason == SEC_PAYLOAD_MISMATCH
    assert voted(plan_hash="").reason == SEC_PAYLOAD_MISMATCH
    second = world.child(child_index=1, venue_ts_ms=NOW // MS + 1, size_lots=1)
    assert voted(second).verdict == APPROVE


def test_cancels_are_approved():
    """A cancel names an order of the venue's; beside it an order is judged."""
    cancel = world.child(action=CANCEL)
    assert voted(cancel, state=Approved()).verdict == APPROVE
    assert (voted(cancel, world.child()).limit, voted(cancel, world.child(), state=Approved()).verdict) == (1, REJECT)
