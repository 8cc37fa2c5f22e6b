"""bots/maths/payload_checks.py: what is to be signed, read back another way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.payload_checks import MATCH, MISMATCH, ROUNDED, UNDECODABLE, checked
from contracts.base import Refused
from contracts.payloads import payload_of
from tests import world

YES, NO, CODE = "1" * 60, "2" * 60, "0x" + "ab" * 32
UNTIL = world.NOW + 60 * 10**9
ORDERS = {
    "polymarket": (
        world.child(venue_id="polymarket", market_id=YES, builder_code=CODE, expires_ns=UNTIL),
        world.definition(venue_id="polymarket", market_id=YES, complement_id=NO),
    ),
    "kalshi": (world.child(expires_ns=UNTIL), world.definition()),
    "bitget": (
        world.child(venue_id="bitget", market_id="bitget:BTCUSDT"),
        world.definition(venue_id="bitget", market_id="bitget:BTCUSDT", grid_ticks=0, instrument_kind=1),
    ),
}
EACH = pytest.mark.parametrize("venue", list(ORDERS))


def encoded(venue, **changes):
    """Return the bytes of a venue's order with fields changed, added, or taken out (None)."""
    child, market = ORDERS[venue]
    payload = payload_of(child, market)
    body = {"kind": payload.kind, **payload.body()} | changes
    return json.dumps(
        {k: v for k, v in body.items() if v is not None}, separators=(",", ":"), ensure_ascii=False
    ).encode()


@EACH
def test_what_was_built_matches(venue):
    """The bytes of the builder say what the order says."""
    child, market = ORDERS[venue]
    found = checked(payload_of(child, market).encoded, child, market)
    assert (found.word, found.seen, found.limit) == (MATCH, 10_000_000, 10_000_000)


@EACH
def test_every_field_counts(venue):
    """Each field changed, left out, or of another type is a mismatch that names it; one field more is too."""
    child, market = ORDERS[venue]
    for name, value in payload_of(child, market).fields:
        for other in (None, "x" if isinstance(value, str) else not value if isinstance(value, bool) else value + 1):
            found = checked(encoded(venue, **{name: other}), child, market)
            assert (found.word, bool(found.field)) == (MISMATCH, True)
        if not isinstance(value, str):
            assert checked(encoded(venue, **{name: str(value)}), child, market).word == MISMATCH
    assert checked(encoded(venue, extra=1), child, market) == (MISMATCH, 0, 0, "extra")


@EACH
def test_what_cannot_be_read(venue):
    """Bytes cut short, of another kind or venue, with a name twice or not as a flat object: UNDECODABLE."""
    child, market = ORDERS[venue]
    whole = encoded(venue)
    twice = whole[:-1] + b',"kind":' + json.dumps(json.loads(whole)["kind"]).encode() + b"}"
    for data in (whole[:-1], b"", b"[]", b'{"a":{}}', b"\xff", b"null", encoded(venue, kind="x"), twice, whole + b" "):
        assert checked(data, child, market).word == UNDECODABLE


@pytest.mark.parametrize(
    ("venue", "field", "value"),
    [("kalshi", "count", "100.00"), ("bitget", "amount", "100"), ("polymarket", "takerAmount", "100000000")],
)
def test_a_quantity_of_100_for_a_plan_of_10(venue, field, value):
    """Ten times the size is found, with both numbers."""
    found = checked(encoded(venue, **{field: value}), *ORDERS[venue])
    assert (found.word, found.seen, found.limit) == (MISMATCH, 100_000_000, 10_000_000)


@pytest.mark.parametrize("spelled", ["10.0e0", "1e1", "+10", " 10", "010.00", "10.", ".5", "10.0000001", "1٠", "-10"])
def test_numbers_are_plain_decimals(spelled):
    """A spelling that a venue might read another way is a mismatch."""
    assert checked(encoded("kalshi", count=spelled), *ORDERS["kalshi"]).word == MISMATCH


@pytest.mark.parametrize(
    ("lots", "word", "said"), [(10_004, ROUNDED, 10_000_000), (10_010, MATCH, 10_010_000), (9_999, ROUNDED, 9_990_000)]
)
def test_a_size_is_cut_to_the_grid(lots, word, said):
    """10.004 shares go as 10.00: less than a hundredth less, never more."""
    child, market = ORDERS["polymarket"]
    fine = world.definition(venue_id="polymarket", market_id=YES, complement_id=NO, lot_micros=1_000)
    wish = world.child(venue_id="polymarket", market_id=YES, builder_code=CODE, expires_ns=UNTIL, size_lots=lots)
    found = checked(payload_of(wish, fine).encoded, wish, fine)
    assert (found.word, found.seen, found.limit) == (word, said, lots * 1_000)
    assert child.market_id == market.market_id


@pytest.mark.parametrize("amounts", [("4500000", "10010000"), ("4490000", "9977700"), ("4510000", "10022200")])
def test_dollars_that_are_not_those_of_the_plan(amounts):
    """A taker's dollars must buy its shares at its limit, and be the last whole cent that its size costs."""
    child = world.child(
        venue_id="polymarket", market_id=YES, builder_code=CODE, time_in_force="IOC", post_only=False,
        price_ticks=45, size_lots=1_001,
    )  # fmt: skip
    market = ORDERS["polymarket"][1]
    payload = payload_of(child, market)
    assert checked(payload.encoded, child, market).word == ROUNDED
    body = {"kind": payload.kind, **payload.body(), "makerAmount": amounts[0], "takerAmount": amounts[1]}
    assert checked(json.dumps(body, separators=(",", ":")).encode(), child, market).word == MISMATCH


TICKS = st.sampled_from([(100_000, 10), (10_000, 100), (5_000, 200), (2_500, 400), (1_000, 1_000), (100, 10_000)])


@given(
    TICKS,
    st.integers(1, 10**9),
    st.integers(1, 10**9),
    st.sampled_from([1, -1]),
    st.booleans(),
    st.sampled_from(["GTC", "GTD", "IOC", "FOK"]),
    st.booleans(),
    st.sampled_from([10_000, 1_000, 1]),
    st.sampled_from(["polymarket", "kalshi"]),
)
def test_builder_and_reader_agree_on_every_order(grid, price, lots, side, reduce_only, force, neg_risk, lot, venue):
    """Whatever the order, what is built is read back as a match, or as cut by less than the venue's own rounding."""
    tick, ticks = grid
    market = world.definition(
        venue_id=venue, market_id=YES, complement_id=NO, neg_risk=neg_risk, tick_micros=tick, grid_ticks=ticks,
        lot_micros=lot,
    )  # fmt: skip
    child = world.child(
        venue_id=venue, market_id=YES, builder_code=CODE, side=side, reduce_only=reduce_only, time_in_force=force,
        price_ticks=1 + price % (ticks - 1), size_lots=lots, post_only=force == "GTC", expires_ns=UNTIL,
    )  # fmt: skip
    try:
        payload = payload_of(child, market)
    except Refused:
        assert lots * lot < 10**8
        return
    found = checked(payload.encoded, child, market)
    assert found.word in (MATCH, ROUNDED)
    assert found.seen <= found.limit
