"""contracts/payloads.py: orders as the venues are told them."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import payloads, polymarket
from contracts.base import Refused
from contracts.order import CANCEL
from contracts.payloads import decimal_text, limit_amounts, payload_of, spend_amounts, tick_decimals, token_of
from tests import world

VECTORS = json.loads((world.ROOT / "tests/vectors/polymarket_order_vectors.json").read_text("utf-8"))
YES, NO, CODE = "1" * 60, "2" * 60, "0x" + "ab" * 32
TOKEN = world.definition(venue_id="polymarket", market_id=YES, complement_id=NO)
PERP = world.definition(
    venue_id="bitget", market_id="bitget:BTCUSDT", grid_ticks=0, tick_micros=100_000, lot_micros=100
)


def clob(**overrides):
    """Return an order of Polymarket: 10 shares of YES bought at 0.44, until a minute after it was made."""
    child = {"venue_id": "polymarket", "market_id": YES, "builder_code": CODE, "expires_ns": world.NOW + 60 * 10**9}
    return world.child(**child | overrides)


def micros(text):
    """Return a decimal text in millionths."""
    return int(Decimal(text) * 10**6)


def cases():
    """Yield (side, kind, price, quantity, tick, expected amounts) of every vector."""
    for order in VECTORS["orders"]:
        given, want = order["input"], order["expected"]
        quantity = given.get("size_shares") or given["amount_usd"]
        yield given["side"], given["kind"], given["price"], quantity, given["tick_size"], want
    for case in VECTORS["amount_rounding_cases"]["cases"]:
        yield case["side"], case["kind"], case["price"], case["quantity"], case["tick_size"], case


def test_amounts_are_those_of_the_vectors():
    """Every order and every rounding case of the vector file gives its two amounts, to the unit."""
    done = 0
    for side, kind, price, quantity, tick, want in cases():
        if kind == "market" and side == "BUY":
            made = spend_amounts(micros(price), micros(quantity), micros(tick))
        else:
            made = limit_amounts(side == "BUY", micros(price), micros(quantity))
        assert made == (int(want["maker_amount"]), int(want["taker_amount"]))
        done += 1
    assert done == 30


def test_contracts_and_domain_are_those_of_the_vectors():
    """The verifying contract of each vector is the one that its kind of market is signed for."""
    for order in VECTORS["orders"]:
        signed = polymarket.order_signed_for(order["input"]["neg_risk"])
        assert signed.address == order["expected"]["verifying_contract"]
        assert signed.chain_id == order["input"]["chain_id"]


def test_an_order_of_polymarket():
    """Ten shares at 0.44: 4.40 given, 10 received, under the standard exchange, ending a minute later than planned."""
    body = payload_of(clob(), TOKEN).body()
    assert body == {
        "domain_name": "Polymarket CTF Exchange",
        "domain_version": "2",
        "chain_id": 137,
        "verifying_contract": polymarket.EXCHANGE,
        "salt": 1,
        "tokenId": YES,
        "makerAmount": "4400000",
        "takerAmount": "10000000",
        "side": "BUY",
        "timestamp": str(world.NOW // 10**6),
        "metadata": polymarket.ZERO_BYTES32,
        "builder": CODE,
        "expiration": str(world.NOW // 10**9 + 180),
        "orderType": "GTD",
        "deferExec": False,
        "postOnly": True,
    }
    assert set(body) & set(payloads.WALLET_FIELDS) == set()


@pytest.mark.parametrize(
    ("side", "reduce_only", "token", "word", "price"),
    [
        (1, False, YES, "BUY", 440_000),
        (-1, False, NO, "BUY", 560_000),
        (-1, True, YES, "SELL", 440_000),
        (1, True, NO, "SELL", 560_000),
    ],
)
def test_which_token_an_order_trades(side, reduce_only, token, word, price):
    """What only reduces sells what is held, all else buys: YES for a buyer, NO at 1 - p for a seller."""
    child = clob(side=side, reduce_only=reduce_only)
    body = payload_of(child, TOKEN).body()
    assert (body["tokenId"], body["side"], token_of(child, TOKEN).price_micros) == (token, word, price)
    spent = body["makerAmount"] if word == "BUY" else body["takerAmount"]
    assert spent == str(price * 10)


@pytest.mark.parametrize(
    ("force", "expires_s", "told", "expiration"),
    [
        ("GTC", 0, "GTC", 0),
        ("GTC", 300, "GTD", 360),
        ("GTD", 10, "GTD", 180),
        ("GTD", 120, "GTD", 180),
        ("GTD", 121, "GTD", 181),
        ("IOC", 300, "FAK", 0),
        ("FOK", 300, "FOK", 0),
    ],
)
def test_the_end_of_an_order_of_polymarket(force, expires_s, told, expiration):
    """An order's stated end is a minute after its own, three minutes after its making at least; what takes has none."""
    until = world.NOW + expires_s * 10**9 if expires_s else 0
    body = payload_of(clob(time_in_force=force, expires_ns=until, post_only=False), TOKEN).body()
    assert body["orderType"] == told
    assert body["expiration"] == (str(world.NOW // 10**9 + expiration) if expiration else "0")


def test_a_buyer_that_takes_states_dollars():
    """10.01 shares at 0.45 cost 4.5045: 4.50 dollars, and the 10 shares that these buy."""
    body = payload_of(clob(time_in_force="IOC", post_only=False, price_ticks=45, size_lots=1_001), TOKEN).body()
    assert (body["makerAmount"], body["takerAmount"]) == ("4500000", "10000000")


def test_neg_risk_has_its_own_exchange():
    """An order in an event whose outcomes exclude each other is signed for the other contract."""
    neg = world.definition(venue_id="polymarket", market_id=YES, complement_id=NO, neg_risk=True)
    assert payload_of(clob(), neg).body()["verifying_contract"] == polymarket.NEG_RISK_EXCHANGE


def test_an_order_of_kalshi():
    """Side, count and price stand on the YES scale, in decimals; an order that ends says when."""
    body = payload_of(world.child(expires_ns=world.NOW + 1), world.definition()).body()
    assert body == {
        "ticker": "M1",
        "client_order_id": world.child().client_order_id,
        "side": "bid",
        "count": "10.00",
        "price": "0.4400",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
        "post_only": True,
        "reduce_only": False,
        "cancel_order_on_pause": True,
        "expiration_time": world.NOW // 10**9,
    }
    takes = world.child(side=-1, time_in_force="FOK", post_only=False, expires_ns=world.NOW + 1)
    body = payload_of(takes, world.definition()).body()
    assert (body["side"], body["time_in_force"], "expiration_time" in body) == ("ask", "fill_or_kill", False)


def test_an_order_of_a_perpetual():
    """A perpetual is spelled with the venue's own symbol, and rests without an end."""
    child = world.child(
        venue_id="bitget", market_id="bitget:BTCUSDT", price_ticks=650_001, size_lots=12, side=-1, time_in_force="GTD"
    )
    assert payload_of(child, PERP).body() == {
        "symbol": "BTCUSDT",
        "type": "limit",
        "side": "sell",
        "amount": "0.0012",
        "price": "65000.1",
        "clientOrderId": child.client_order_id,
        "timeInForce": "GTC",
        "postOnly": True,
        "reduceOnly": False,
    }


@pytest.mark.parametrize(
    ("child", "market"),
    [
        (world.child(venue_id="elsewhere"), world.definition()),
        (world.child(action=CANCEL), world.definition()),
        (world.child(order_type="MARKET"), world.definition()),
        (world.child(time_in_force="DAY"), world.definition()),
        (world.child(size_lots=0), world.definition()),
        (world.child(price_ticks=0), world.definition()),
        (world.child(price_ticks=100), world.definition()),
        (world.child(time_in_force="IOC"), world.definition()),
        (world.child(), world.definition(tick_micros=1)),
        (world.child(size_lots=1), world.definition(lot_micros=9_999)),
        (clob(builder_code="lab"), TOKEN),
        (clob(builder_code="0x" + "AB" * 32), TOKEN),
        (clob(market_id="111"), TOKEN),
        (clob(market_id="M1"), TOKEN),
        (clob(side=-1), world.definition(venue_id="polymarket", market_id=YES)),
        (clob(size_lots=1), world.definition(venue_id="polymarket", market_id=YES, lot_micros=9_999)),
    ],
)
def test_what_cannot_be_spelled_is_refused(child, market):
    """An unknown venue or kind of order, a price off the scale, another builder code: Refused, never a guess."""
    with pytest.raises(Refused):
        payload_of(child, market)


def test_ticks_finer_than_four_decimals_are_refused():
    """The venue knows no such tick, so the shares of dollars would have no rounding."""
    assert (tick_decimals(100_000), tick_decimals(2_500), tick_decimals(100)) == (1, 4, 4)
    with pytest.raises(Refused):
        tick_decimals(10)


def test_the_digest_is_of_the_bytes():
    """Equal orders give equal bytes; a changed salt gives another digest."""
    one, same, other = payload_of(clob(), TOKEN), payload_of(clob(), TOKEN), payload_of(clob(salt=2), TOKEN)
    assert (one.encoded, one.digest) == (same.encoded, same.digest)
    assert one.digest != other.digest
    assert json.loads(one.encoded) == {"kind": "polymarket_order", **one.body()}


@given(st.integers(0, 10**15), st.integers(0, 6))
def test_decimals_are_exact(amount, places):
    """A decimal text is the number, to the millionth, without an exponent and with the places asked for."""
    text = decimal_text(amount, places)
    assert micros(text) == amount
    assert len(text.partition(".")[2]) >= places
    assert "e" not in text.lower()


@given(st.integers(1, 99), st.integers(1, 10**6), st.booleans(), st.sampled_from(["GTC", "IOC", "FOK"]))
def test_no_order_of_polymarket_is_larger_or_dearer_than_planned(price, lots, reduce_only, force):
    """However it is rounded: never more shares, nor more dollars than price times size, nor fewer for what is sold."""
    child = clob(
        price_ticks=price, size_lots=lots, reduce_only=reduce_only, side=1 - 2 * reduce_only, post_only=False,
        time_in_force=force,
    )  # fmt: skip
    try:
        body = payload_of(child, TOKEN).body()
    except Refused:
        assert price * lots < 100  # less than a cent, which cannot be spent
        return
    maker, taker = int(body["makerAmount"]), int(body["takerAmount"])
    money, shares = (taker, maker) if reduce_only else (maker, taker)
    assert 0 < shares <= lots * 10_000
    assert money <= price * 10_000 * lots // 100
    assert not reduce_only or money * 100 == shares * price


@pytest.mark.parametrize(("token", "combo"), [(0, True), (1 << 40, False), (1 << 104, True), (7 << 103, False)])
def test_positions_of_combinations(token, combo):
    """A token id whose bits 40 to 103 are zero belongs to an exchange that is not spoken here."""
    assert polymarket.is_combo_position(token) is combo
