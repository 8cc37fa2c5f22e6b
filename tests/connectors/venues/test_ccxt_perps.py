"""The perpetuals connector against literal answers: what it sends to the byte, what it reads, and what it refuses."""

import json
import logging
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any, cast

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from connectors.signer_client import SignerClient
from connectors.venue import (
    CANCELLED,
    EXPIRED,
    FILLED,
    REJECTED,
    RESTING,
    Ambiguous,
    Final,
    Holdings,
    Retryable,
    Terms,
    VenueFailed,
    VenueFill,
    VenueOrder,
)
from connectors.venues import open_venue
from connectors.venues.ccxt_calls import HOSTS, Calls
from connectors.venues.ccxt_perps import Perps
from tests.connectors.venues.perps import BTC, ETH, bid
from tests.connectors.venues.scripted_ccxt import NOW_NS, Scripted, Signs, scripted

VENUES = ("binance", "bitget")
ID = "8c35ecb3328f4f528c7c0f4b98"
BINANCE_ORDER = {
    "orderId": 22542179, "symbol": "BTCUSDT", "status": "NEW", "clientOrderId": ID, "price": "64000.0",
    "avgPrice": "0.00", "origQty": "0.010", "executedQty": "0", "cumQuote": "0", "timeInForce": "GTX", "type": "LIMIT",
    "reduceOnly": False, "side": "BUY", "positionSide": "BOTH", "updateTime": 1790000000000,
}  # fmt: skip
BITGET_ORDER = {
    "symbol": "BTCUSDT", "size": "0.01", "orderId": "1321313242969427968", "clientOid": ID, "baseVolume": "0",
    "price": "64000", "priceAvg": "", "state": "live", "side": "buy", "force": "post_only", "posMode": "one_way_mode",
    "tradeSide": "buy_single", "reduceOnly": "NO", "marginMode": "crossed", "cancelReason": "",
    "cTime": "1790000000000",
}  # fmt: skip
BINANCE_TRADE = {
    "symbol": "BTCUSDT", "id": 698759, "orderId": 22542179, "side": "SELL", "price": "64000.10", "qty": "0.002",
    "commission": "0.02560004", "commissionAsset": "USDT", "time": 1790000000123, "positionSide": "BOTH", "maker": True,
}  # fmt: skip
BITGET_FILL = {
    "tradeId": "9001", "symbol": "BTCUSDT", "orderId": "1321313242969427968", "price": "64000.1", "baseVolume": "0.002",
    "feeDetail": [{"feeCoin": "USDT", "totalFee": "-0.02560004"}], "side": "sell", "tradeScope": "maker",
    "posMode": "one_way_mode", "tradeSide": "sell_single", "cTime": "1790000000123",
}  # fmt: skip


def told(data: object) -> str:
    """Return Bitget's envelope around data."""
    return json.dumps({"code": "00000", "msg": "success", "requestTime": 1790000000000, "data": data})


ORDERS = {"binance": json.dumps(BINANCE_ORDER), "bitget": told(BITGET_ORDER)}
PLACED = {
    "binance": [(200, ORDERS["binance"])],
    "bitget": [(200, told({"orderId": "1321313242969427968", "clientOid": ID})), (200, ORDERS["bitget"])],
}
OF = {"binance": "22542179", "bitget": "1321313242969427968"}
ABSENT = {
    "binance": (400, '{"code":-2013,"msg":"Order does not exist."}'),
    "bitget": (400, '{"code":"40109","msg":"no"}'),
}
REPEAT = {"binance": (400, '{"code":-4116,"msg":"duplicated"}'), "bitget": (400, '{"code":"40786","msg":"Duplicate"}')}


def of(venue: Perps, **changes: Any) -> VenueOrder:
    """Place the order of the literal answers."""
    return venue.place(bid(venue.venue_id, ID, **({"post_only": True} | changes)), BTC[venue.venue_id])


# ---- what is sent ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "binance", "bitget"),
    [
        (
            {"post_only": True},
            (
                "symbol=BTCUSDT&side=BUY&newClientOrderId=ID&newOrderRespType=RESULT&type=LIMIT&quantity=0.01"
                "&price=64000&timeInForce=GTX"
            ),
            {"side": "buy", "force": "post_only"},
        ),
        (
            {"post_only": False, "force": "IOC", "side": -1, "reduce_only": True},
            (
                "symbol=BTCUSDT&side=SELL&newClientOrderId=ID&newOrderRespType=RESULT&type=LIMIT&quantity=0.01"
                "&price=64000&timeInForce=IOC&reduceOnly=True"
            ),
            {"side": "sell", "force": "IOC", "reduceOnly": "YES"},
        ),
        (
            {"post_only": False, "force": "GTD"},
            (
                "symbol=BTCUSDT&side=BUY&newClientOrderId=ID&newOrderRespType=RESULT&type=LIMIT&quantity=0.01"
                "&price=64000&timeInForce=GTC"
            ),
            {"side": "buy", "force": "GTC"},
        ),
    ],
)
def test_an_order_is_spelled_to_the_byte(changes: dict[str, Any], binance: str, bitget: dict[str, str]) -> None:
    """Our own decimals, our own id, post-only kept, and not one field more."""
    venue, session, _ = scripted("binance", *PLACED["binance"])
    of(venue, **changes)
    assert [("POST", "https://fapi.binance.com/fapi/v1/order", binance.replace("ID", ID))] == session.sent
    venue, session, _ = scripted("bitget", *PLACED["bitget"])
    of(venue, **changes)
    method, url, body = session.sent[0]
    assert ("POST", "https://api.bitget.com/api/v2/mix/order/place-order") == (method, url)
    fixed = {
        "symbol": "BTCUSDT", "orderType": "limit", "price": "64000", "size": "0.01", "productType": "USDT-FUTURES",
        "marginCoin": "USDT", "marginMode": "crossed", "clientOid": ID,
    }  # fmt: skip
    assert fixed | bitget == json.loads(body)


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize(
    ("tick", "lot", "price", "size"),
    [
        (100_000, 1_000, "123456789.1", "0.001"),
        (1, 1_000_000, "1234.567891", "1"),
        (7, 1, "8641.975237", "0.000001"),
        (10_000, 1_000_000_000, "12345678.91", "1000"),
    ],
)
def test_prices_and_sizes_pass_ccxt_unchanged(name: str, tick: int, lot: int, price: str, size: str) -> None:
    """Any grid that a market may have: ccxt neither cuts nor rounds nor writes powers of ten."""
    venue, _, signs = scripted(name, *PLACED[name])
    terms = replace(BTC[name], tick_micros=tick, lot_micros=lot)
    venue.place(bid(name, ID, price=1_234_567_891, lots=1), terms)
    sent = next(params for method, path, params, _ in signs.asked if method == "POST")
    assert (price, size) == (sent["price"], sent[{"binance": "quantity", "bitget": "size"}[name]])


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize("change", [{"price": "63999.9"}, {"timeInForce": "GTC", "force": "GTC"}, {"brokerId": "x"}])
def test_what_ccxt_builds_otherwise_is_not_sent(name: str, change: dict[str, str]) -> None:
    """A price that ccxt rounded, a post-only that it lost, a field that it added: refused, and nothing leaves."""
    venue, session, _ = scripted(name)
    exchange = cast(Any, venue._calls._x)
    build = exchange.create_order_request
    exchange.create_order_request = lambda *given: build(*given) | change
    with pytest.raises(Final, match="ccxt built another") as said:
        of(venue)
    assert ("unspellable", []) == (said.value.code, session.sent)


def test_ccxt_loses_post_only_beside_a_time_in_force() -> None:
    """Why what it builds is compared: on Binance a named time in force wins over post-only, and the order may take."""
    venue, _, _ = scripted("binance", *PLACED["binance"])
    of(venue)
    both = {"clientOrderId": ID, "postOnly": True, "timeInForce": "GTC"}
    built = venue._calls._x.create_order_request("BTCUSDT", "limit", "buy", "0.01", "64000", cast(Any, both))
    assert "GTC" == built["timeInForce"]


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize(
    ("changes", "terms"),
    [
        ({"client_order_id": ""}, None),
        ({"client_order_id": "x" * 33}, None),
        ({"client_order_id": "x-cvBPrNm9abc"}, None),
        ({"lots": 0}, None),
        ({}, "BTCUSDC"),
    ],
)
def test_an_order_that_cannot_be_spelled_is_final(name: str, changes: dict[str, Any], terms: str | None) -> None:
    """No id, one that is too long or a broker's, no size, a market that is not paid in USDT: nothing is sent."""
    venue, session, signs = scripted(name)
    own = BTC[name] if terms is None else Terms(f"{name}:{terms}", terms, 100_000, 1_000, 0)
    with pytest.raises(Final):
        venue.place(bid(name, **({"name": ID, "market_id": own.market_id} | _named(changes))), own)
    assert ([], []) == (session.sent, signs.asked)


def _named(changes: dict[str, Any]) -> dict[str, Any]:
    return {("name" if name == "client_order_id" else name): value for name, value in changes.items()}


# ---- what is proven --------------------------------------------------------------------------------------------------


def _refused() -> requests.ConnectionError:
    return requests.ConnectionError(MaxRetryError(cast(Any, None), "/", NewConnectionError(cast(Any, None), "refused")))


def _cut() -> requests.ConnectionError:
    return requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError(104, "reset")))


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (_refused(), Retryable, "unreachable"),
        (requests.ConnectTimeout("slow"), Retryable, "unreachable"),
        (requests.ReadTimeout("slow"), Ambiguous, "unanswered"),
        (_cut(), Ambiguous, "unanswered"),
        (requests.exceptions.ChunkedEncodingError("short"), Ambiguous, "unanswered"),
        (requests.TooManyRedirects("elsewhere"), Ambiguous, "unanswered"),
        (requests.exceptions.SSLError("bad record"), Ambiguous, "unanswered"),
        ((200, "<html>"), Ambiguous, "unanswered"),
        ((200, ""), Ambiguous, "unanswered"),
        ((403, "<html>blocked</html>"), Ambiguous, "403"),
        ((404, "nothing here"), Ambiguous, "404"),
        ((429, "slow down"), Retryable, "429"),
        ((502, "<html>"), Ambiguous, "502"),
    ],
)  # fmt: skip
def test_what_a_failure_of_an_order_proves(name: str, answer: Any, kind: type[VenueFailed], code: str) -> None:
    """Only a connection that was never made, and a request that was counted out, may be repeated."""
    venue, session, _ = scripted(name, answer)
    with pytest.raises(kind) as said:
        of(venue)
    assert (kind, code, 1) == (type(said.value), said.value.code, len(session.sent))


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize(
    "answer", [requests.ReadTimeout("slow"), _cut(), (200, "<html>"), (502, "<html>"), (200, "[1]")]
)
def test_a_read_without_an_answer_may_be_repeated(name: str, answer: Any) -> None:
    """A look-up that was not answered says nothing, and above all not that the order is absent."""
    venue, _, _ = scripted(name, answer)
    with pytest.raises(Retryable):
        venue.find(ID, BTC[name])


@pytest.mark.parametrize("name", VENUES)
def test_a_refused_repeat_is_the_first(name: str) -> None:
    """A duplicate is looked up: found it is answered, not found it is open."""
    venue, _, _ = scripted(name, REPEAT[name], (200, ORDERS[name]))
    assert OF[name] == of(venue).venue_order_id
    for answer in (ABSENT[name], (502, "<html>")):
        venue, _, _ = scripted(name, REPEAT[name], answer)
        with pytest.raises(Ambiguous, match="accepted earlier"):
            of(venue)


@pytest.mark.parametrize("name", VENUES)
def test_an_id_that_was_sent_is_looked_up_first(name: str) -> None:
    """After an open answer the same id goes again only when the venue says that it has no such order."""
    venue, session, _ = scripted(name, requests.ReadTimeout("slow"), (200, ORDERS[name]))
    with pytest.raises(Ambiguous):
        of(venue)
    assert OF[name] == of(venue).venue_order_id
    assert ["POST", "GET"] == [method for method, _, _ in session.sent]
    venue, session, _ = scripted(name, requests.ReadTimeout("slow"), ABSENT[name], *PLACED[name])
    with pytest.raises(Ambiguous):
        of(venue)
    assert OF[name] == of(venue).venue_order_id
    assert ["POST", "GET", "POST"] == [method for method, _, _ in session.sent][:3]


def test_an_accepted_order_is_never_a_failure() -> None:
    """Bitget says ids alone: where the order cannot be read yet it rests; without any id it is open."""
    for answer in (ABSENT["bitget"], (502, "<html>"), (200, told({"state": "live"}))):
        venue, _, _ = scripted("bitget", PLACED["bitget"][0], answer)
        found = of(venue)
        assert (RESTING, OF["bitget"], 0, 640_000, 10) == (
            found.state, found.venue_order_id, found.filled_lots, found.price_ticks, found.size_lots,
        )  # fmt: skip
    venue, _, _ = scripted("bitget", (200, told({"clientOid": ID})), ABSENT["bitget"])
    with pytest.raises(Ambiguous, match="not yet seen"):
        of(venue)
    venue, _, _ = scripted("bitget", (200, told({"clientOid": ID})), (200, ORDERS["bitget"]))
    assert OF["bitget"] == of(venue).venue_order_id
    for body in (
        "{}",
        json.dumps(BINANCE_ORDER | {"status": "WHATEVER"}),
        json.dumps(BINANCE_ORDER | {"origQty": 0.01}),
    ):
        venue, _, _ = scripted("binance", (200, body))
        with pytest.raises(Ambiguous, match="cannot be read"):
            of(venue)


def test_a_clock_that_is_refused_is_read_again() -> None:
    """-1021 and 40008 are refused before anything is matched; the next request is stamped by a clock read anew."""
    for name, code in (("binance", '{"code":-1021,"msg":"x"}'), ("bitget", '{"code":"40008","msg":"x"}')):
        venue, session, signs = scripted(name, (400, code), ABSENT[name], *PLACED[name])
        venue._calls._now = lambda: NOW_NS + 1_500_000_000
        with pytest.raises(Retryable):
            of(venue)
        assert 1 == session.times
        of(venue)
        assert (2, {1_500}) == (session.times, {skew for _, _, _, skew in signs.asked})
        assert NOW_NS == venue.server_time_ns()


# ---- the signer and the addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VENUES)
def test_without_the_signer_nothing_is_sent(name: str) -> None:
    """Away may be tried again, a refusal may not; either way no byte left."""
    venue, session, signs = scripted(name)
    signs.away = True
    with pytest.raises(Retryable, match="no answer in time"):
        of(venue)
    signs.away, signs.refuses = False, True
    with pytest.raises(Final, match="is not held here"):
        venue.open_orders()
    assert [] == session.sent


@pytest.mark.parametrize("name", VENUES)
def test_what_is_signed_for_another_place_is_not_sent(name: str) -> None:
    """Another host, a broker's header, the header of demo trading in live: refused before anything leaves."""
    for host, headers, match in (
        ("https://evil.example", {}, "allowed: https"),
        (HOSTS[name]["live"] + ".example", {}, "allowed: https"),
        (HOSTS[name]["live"], {"X-CHANNEL-API-CODE": "p4sve"}, "broker"),
        *([(HOSTS[name]["live"], {"PAPTRADING": "1"}, "demo trading")] if name == "bitget" else []),
    ):
        venue, session, signs = scripted(name)
        signs.host, signs.headers = host, headers
        with pytest.raises(Final, match=match):
            of(venue)
        assert [] == session.sent


def test_a_probe_goes_to_demo_trading_only() -> None:
    """Binance has another host for it, Bitget a header: without it a probe's order does not leave."""
    signs = Signs("bitget")
    venue = Perps(
        "bitget", HOSTS["bitget"]["testnet_probe"], cast(SignerClient, signs), key_ref="k", mode="testnet_probe"
    )
    session = Scripted("bitget")
    cast(Any, venue._calls._x).session = session
    with pytest.raises(Final, match="demo trading"):
        of(venue)
    assert [] == session.sent
    with pytest.raises(Final, match="allowed: https://demo-fapi"):
        Perps("binance", HOSTS["binance"]["live"], cast(SignerClient, signs), key_ref="k", mode="testnet_probe")


@pytest.mark.parametrize("name", VENUES)
def test_a_venue_is_opened_by_its_name(name: str) -> None:
    """With the address of each mode, the leverage that the desk states, and no key in it."""
    for mode in ("live", "testnet_probe"):
        venue = cast(
            Perps, open_venue(name, "", cast(SignerClient, Signs(name)), mode, {"calls": "k"}, leverage={"m": 2})
        )
        exchange = cast(Any, venue._calls._x)
        assert (name, HOSTS[name][mode], {"m": 2}) == (venue.venue_id, venue._calls._base, venue._stated)
        assert (True, 50, {}, 5_000) == (
            exchange.enableRateLimit, exchange.rateLimit, exchange.options["broker"], exchange.timeout,
        )  # fmt: skip
        assert ["", "", ""] == [getattr(exchange, part) or "" for part in ("apiKey", "secret", "password")]
        venue.close()


def test_requests_are_spaced_as_ccxt_says() -> None:
    """Fifty milliseconds between two of the cheapest: three take at least a tenth of a second."""
    venue, _, _ = scripted("binance")
    cast(Any, venue._calls._x).rateLimit = 50
    begun = time.monotonic()
    for _ in range(3):
        venue.server_time_ns()
    assert time.monotonic() - begun >= 0.095


@pytest.mark.parametrize("name", VENUES)
def test_no_secret_is_logged_kept_or_told(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """What the signer answered stands in no log of all details, in nothing that ccxt keeps, and in no message."""
    caplog.set_level(logging.DEBUG)
    venue, _, _ = scripted(name, (400, '{"code":"40762","msg":"x"}'), requests.ReadTimeout("slow"))
    said = []
    for _ in range(2):
        with pytest.raises(VenueFailed) as failed:
            of(venue, client_order_id=f"{ID}{len(said)}"[-26:])
        said.append(str(failed.value))
    kept = {key: value for key, value in vars(venue._calls._x).items() if key.startswith("last")}
    assert [] == [text for text in (caplog.text, repr(kept), *said) if "canary" in text]


def test_ccxt_is_read_only_where_it_is_opened() -> None:
    """Importing the venues does not import it: it takes a second and 80 MB."""
    text = "import sys, connectors.venues; print('ccxt' in sys.modules)"
    assert (
        "False"
        == subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.strip()
    )


# ---- what is read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "state", "filled"),
    [
        ({"status": "NEW"}, RESTING, 0),
        ({"status": "PARTIALLY_FILLED", "executedQty": "0.003"}, RESTING, 3),
        ({"status": "FILLED", "executedQty": "0.010"}, FILLED, 10),
        ({"status": "CANCELED", "executedQty": "0.003"}, CANCELLED, 3),
        ({"status": "EXPIRED"}, EXPIRED, 0),
        ({"status": "EXPIRED_IN_MATCH"}, EXPIRED, 0),
        ({"status": "REJECTED"}, REJECTED, 0),
    ],
)
def test_binances_orders_are_read(change: dict[str, str], state: str, filled: int) -> None:
    """Every state that it has; what was filled stays filled in each."""
    venue, session, _ = scripted("binance", (200, json.dumps(BINANCE_ORDER | change)))
    found = venue.find(ID, BTC["binance"])
    assert found is not None
    assert (state, filled, ID, OF["binance"], 1, 640_000, 10) == (
        found.state, found.filled_lots, found.client_order_id, found.venue_order_id, found.side, found.price_ticks,
        found.size_lots,
    )  # fmt: skip
    assert f"https://fapi.binance.com/fapi/v1/order?symbol=BTCUSDT&origClientOrderId={ID}" == session.sent[0][1]


@pytest.mark.parametrize(
    ("change", "state", "filled", "side"),
    [
        ({"state": "live"}, RESTING, 0, 1),
        ({"state": "", "status": "live"}, RESTING, 0, 1),
        ({"state": "partially_filled", "baseVolume": "0.003", "side": "sell"}, RESTING, 3, -1),
        ({"state": "filled", "baseVolume": "0.01"}, FILLED, 10, 1),
        ({"state": "canceled", "baseVolume": "0.003"}, CANCELLED, 3, 1),
        ({"posMode": "hedge_mode", "tradeSide": "close"}, RESTING, 0, -1),
        ({"posMode": "hedge_mode", "tradeSide": "open"}, RESTING, 0, 1),
    ],
)
def test_bitgets_orders_are_read(change: dict[str, str], state: str, filled: int, side: int) -> None:
    """Every state that it has, under either name; a close of a hedged position goes the other way than its word."""
    venue, session, _ = scripted("bitget", (200, told(BITGET_ORDER | change)))
    found = venue.find(ID, BTC["bitget"])
    assert found is not None
    assert (state, filled, side, ID, 10) == (
        found.state, found.filled_lots, found.side, found.client_order_id, found.size_lots,
    )  # fmt: skip
    assert session.sent[0][1].endswith(f"order/detail?symbol=BTCUSDT&productType=USDT-FUTURES&clientOid={ID}")


@pytest.mark.parametrize("name", VENUES)
def test_fills_are_read_exactly(name: str) -> None:
    """The venue's own number, our id by the order's, a fee of eight decimals rounded up."""
    row = json.dumps([BINANCE_TRADE]) if name == "binance" else told({"fillList": [BITGET_FILL], "endId": "9001"})
    venue, _, _ = scripted(name, (200, row), (200, ORDERS[name]))
    page = venue.fills(NOW_NS)
    trade = {"binance": "698759", "bitget": "9001"}[name]
    fill = VenueFill(trade, OF[name], ID, BTC[name].market_id, -1, 640_001, 2, 25_601, "maker", NOW_NS + 123_000_000)
    assert ((fill,), True) == (page.rows, page.complete)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("binance", {"commissionAsset": "BNB"}),
        ("binance", {"commission": 0.0256}),
        ("binance", {"maker": "true"}),
        ("binance", {"price": None}),
        ("bitget", {"feeDetail": [{"feeCoin": "BGB", "totalFee": "-1"}]}),
        ("bitget", {"feeDetail": []}),
        ("bitget", {"tradeScope": ""}),
        ("bitget", {"side": "up"}),
    ],
)
def test_a_fill_that_cannot_be_read_makes_the_page_incomplete(name: str, change: dict[str, Any]) -> None:
    """A fee in another coin, a number that is none: never guessed; the rows that can be read stand."""
    good, bad = (BINANCE_TRADE, BINANCE_TRADE | change) if name == "binance" else (BITGET_FILL, BITGET_FILL | change)
    rows = json.dumps([bad, good]) if name == "binance" else told({"fillList": [bad, good], "endId": ""})
    venue, _, _ = scripted(name, (200, rows), (200, ORDERS[name]))
    page = venue.fills(NOW_NS)
    assert (1, False) == (len(page.rows), page.complete)


def test_a_fill_whose_order_nobody_knows_is_told_without_our_id() -> None:
    """The look-up of the order fails, the fill is told all the same."""
    for name, answer in (("binance", ABSENT["binance"]), ("bitget", (502, "<html>"))):
        row = json.dumps([BINANCE_TRADE]) if name == "binance" else told({"fillList": [BITGET_FILL]})
        venue, _, _ = scripted(name, (200, row), answer)
        page = venue.fills(NOW_NS)
        assert [""] == [cast(VenueFill, fill).client_order_id for fill in page.rows]


def test_holdings_are_signed_and_without_profits_that_are_not_realised() -> None:
    """Long above zero, short below, both legs of a hedged account added; cash is the wallet, rounded down."""
    balance = [{"asset": "BNB", "balance": "3"}, {"asset": "USDT", "balance": "9999.83749955", "crossUnPnl": "12.0"}]
    held = [
        {"symbol": "BTCUSDT", "positionAmt": "-0.012"},
        {"symbol": "ETHUSDT", "positionAmt": "2.50"},
        {"symbol": "ETHUSDT", "positionAmt": "-0.50"},
        {"symbol": "XRPUSDT", "positionAmt": "0.0"},
    ]
    venue, _, _ = scripted(
        "binance", (200, json.dumps(balance)), (200, json.dumps(held)), markets=(BTC["binance"], ETH["binance"])
    )
    assert Holdings(9_999_837_499, (("binance:BTCUSDT", -12), ("binance:ETHUSDT", 200)), True) == venue.holdings()
    money = [{"marginCoin": "USDT", "accountEquity": "10011.83749955", "unrealizedPL": "12.00000000"}]
    rows = [
        {"symbol": "BTCUSDT", "holdSide": "short", "total": "0.012"},
        {"symbol": "SOLUSDT", "holdSide": "long", "total": "3"},
    ]
    venue, _, _ = scripted("bitget", (200, told(money)), (200, told(rows)))
    # a market that nobody described is held in millionths
    assert Holdings(9_999_837_499, (("bitget:BTCUSDT", -12), ("bitget:SOLUSDT", 3_000_000)), True) == venue.holdings()
    venue, _, _ = scripted("bitget", (200, told(money)), (200, told([rows[0] | {"holdSide": "net"}])))
    assert Holdings(9_999_837_499, (), False) == venue.holdings()


# ---- lists -----------------------------------------------------------------------------------------------------------


def test_bitgets_pages_are_read_to_their_end() -> None:
    """A full page is followed by what is older; a page that fails leaves the list incomplete, the first is no list."""
    rows = [BITGET_ORDER | {"orderId": str(1_000 - n), "clientOid": f"o{n}"} for n in range(130)]
    first = (200, told({"entrustedList": rows[:100], "endId": "901"}))
    venue, session, _ = scripted("bitget", first, (200, told({"entrustedList": rows[100:], "endId": "871"})))
    page = venue.open_orders()
    assert (130, True) == (len(page.rows), page.complete)
    assert session.sent[1][1].endswith("limit=100&idLessThan=901")
    venue, _, _ = scripted("bitget", first, (502, "<html>"))
    page = venue.open_orders()
    assert (100, False) == (len(page.rows), page.complete)
    venue, _, _ = scripted("bitget", (502, "<html>"))
    with pytest.raises(Retryable):
        venue.open_orders()
    venue, _, _ = scripted("bitget", (200, told({"entrustedList": None, "endId": None})))
    assert ((), True) == (venue.open_orders().rows, True)


def test_bitgets_fills_are_read_until_they_are_old_enough() -> None:
    """Pages go back from the newest and stop at the time that was asked for."""
    rows = [BITGET_FILL | {"tradeId": str(n), "cTime": str(1790000000123 - n), "clientOid": ID} for n in range(100)]
    venue, session, _ = scripted("bitget", (200, told({"fillList": rows, "endId": "99"})))
    page = venue.fills(NOW_NS + 100_000_000)
    assert (24, True, 1) == (len(page.rows), page.complete, len(session.sent))


def test_binances_trades_are_read_by_time_then_by_number() -> None:
    """A full page goes on from its last number; a time of more than a week ago begins with the first of all."""
    rows = [BINANCE_TRADE | {"id": n, "time": 1790000000000 + n} for n in range(1_001)]
    venue, session, _ = scripted("binance", (200, json.dumps(rows[:1_000])), (200, json.dumps(rows[1_000:])))
    venue._names.keep(ID, OF["binance"])
    page = venue.fills(NOW_NS)
    assert (1_001, True) == (len(page.rows), page.complete)
    assert ["symbol=BTCUSDT&startTime=1790000000000&limit=1000", "symbol=BTCUSDT&fromId=1000&limit=1000"] == [
        url.partition("?")[2] for _, url, _ in session.sent
    ]
    venue, session, _ = scripted("binance", (200, "[]"))
    venue.fills(NOW_NS - 8 * 86_400 * 10**9)
    assert session.sent[0][1].endswith("symbol=BTCUSDT&fromId=0&limit=1000")


def test_binances_account_is_listed_once_a_minute_and_what_is_busy_always() -> None:
    """The whole account's list costs forty times one symbol's: in between, the symbols in which something happened."""
    now = [0.0]
    venue, session, _ = scripted(
        "binance", *[(200, "[]")] * 9, clock=lambda: now[0], markets=(BTC["binance"], ETH["binance"])
    )
    venue.open_orders()
    venue.fills(NOW_NS)
    assert 3 == len(session.sent)
    venue.open_orders()
    venue.fills(NOW_NS)
    assert 3 == len(session.sent)
    venue._know(ETH["binance"])
    venue.open_orders()
    now[0] = 61.0
    venue.open_orders()
    asked = [url.partition("v1/")[2].partition("&startTime")[0] for _, url, _ in session.sent]
    assert [
        "openOrders?",
        "userTrades?symbol=BTCUSDT",
        "userTrades?symbol=ETHUSDT",
        "openOrders?symbol=ETHUSDT",
        "openOrders?",
    ] == asked


@pytest.mark.parametrize("name", VENUES)
def test_a_resting_order_of_an_unread_state_makes_the_list_incomplete(name: str) -> None:
    """A word that nobody documented is not taken for an end."""
    row = BINANCE_ORDER | {"status": "PENDING_NEW"} if name == "binance" else BITGET_ORDER | {"state": "new"}
    body = json.dumps([row]) if name == "binance" else told({"entrustedList": [row]})
    venue, _, _ = scripted(name, (200, body))
    page = venue.open_orders()
    assert ((), False) == (page.rows, page.complete)


# ---- taking back -----------------------------------------------------------------------------------------------------


def test_one_refusal_does_not_stop_taking_everything_back() -> None:
    """A symbol that fails is told at the end, after every other was taken back."""
    other = json.dumps([BINANCE_ORDER | {"symbol": "XRPUSDT"}, BINANCE_ORDER | {"symbol": "XRPUSDT"}])
    done = (200, '{"code":200,"msg":"done"}')
    markets = (BTC["binance"], ETH["binance"])
    venue, session, _ = scripted(
        "binance", (502, "x"), (502, "x"), (200, "[]"), done, (200, other), done, markets=markets
    )
    with pytest.raises(Ambiguous):
        venue.cancel_all()
    assert ["GET", "DELETE", "GET", "DELETE", "GET", "DELETE"] == [method for method, _, _ in session.sent]
    assert ["BTCUSDT", "ETHUSDT", "XRPUSDT"] == [
        url.partition("symbol=")[2] for method, url, _ in session.sent if method == "DELETE"
    ]


def test_bitget_takes_everything_back_in_one_request() -> None:
    """What it says is gone is counted; nothing to take back is no failure."""
    venue, session, _ = scripted("bitget", (200, told({"successList": [{"orderId": "1"}, {"orderId": "2"}]})))
    assert 2 == venue.cancel_all()
    assert {"productType": "USDT-FUTURES", "marginCoin": "USDT"} == json.loads(session.sent[0][2])
    assert session.sent[0][1].endswith("cancel-all-orders")
    venue, _, _ = scripted("bitget", (400, '{"code":"22001","msg":"No order to cancel"}'))
    assert 0 == venue.cancel_all("bitget:BTCUSDT")


@pytest.mark.parametrize("name", VENUES)
def test_a_cancel_tells_what_became_of_the_order(name: str) -> None:
    """Too late it was filled; unknown it is None; unanswered it is open; an id that is none never leaves."""
    late = (400, '{"code":-2011,"msg":"x"}') if name == "binance" else (400, '{"code":"22001","msg":"x"}')
    filled = {"binance": json.dumps(BINANCE_ORDER | {"status": "FILLED", "executedQty": "0.010"}),
              "bitget": told(BITGET_ORDER | {"state": "filled", "baseVolume": "0.01"})}[name]  # fmt: skip
    venue, _, _ = scripted(name, late, (200, filled))
    found = venue.cancel(OF[name], BTC[name])
    assert found is not None
    assert (FILLED, 10) == (found.state, found.filled_lots)
    venue, _, _ = scripted(name, late, ABSENT[name])
    assert None is venue.cancel(OF[name], BTC[name])
    venue, _, _ = scripted(name, requests.ReadTimeout("slow"))
    with pytest.raises(Ambiguous):
        venue.cancel(OF[name], BTC[name])
    venue, session, _ = scripted(name)
    for bad in ("", "../order", "1&symbol=ETHUSDT", "١"):
        with pytest.raises(Final):
            venue.cancel(bad, BTC[name])
    assert [] == session.sent


# ---- settings --------------------------------------------------------------------------------------------------------

SET = {
    "binance": [(400, '{"code":-4059,"msg":"x"}'), (400, '{"code":-4046,"msg":"No need to change margin type."}'),
                (200, '{"leverage":3,"symbol":"BTCUSDT"}')],
    "bitget": [(200, told({"posMode": "one_way_mode"})), (200, told({})),
               (200, told({"longLeverage": "3", "shortLeverage": "3"}))],
}  # fmt: skip


@pytest.mark.parametrize("name", VENUES)
def test_leverage_is_what_the_venue_confirms(name: str) -> None:
    """What is so already is no refusal; another answer is; isolated margin goes with each of Bitget's orders."""
    venue, session, _ = scripted(name, *SET[name], *PLACED[name])
    assert (3, "isolated") == venue.set_leverage(BTC[name], 3, "isolated")
    assert {BTC[name].market_id: (3, "isolated")} == venue.leverage
    of(venue)
    if name == "bitget":
        assert "isolated" == json.loads(session.sent[3][2])["marginMode"]
    venue, _, _ = scripted(name, *SET[name])
    with pytest.raises(Final, match="leverage 3, not 4"):
        venue.set_leverage(BTC[name], 4)
    assert {} == venue.leverage
    for times, margin in ((0, "cross"), (126, "cross"), (3, "portfolio")):
        with pytest.raises(Final, match="allowed: 1 to 125"):
            venue.set_leverage(BTC[name], times, margin)
    venue, _, _ = scripted(name, *SET[name][:2], (200, told({}) if name == "bitget" else "{}"))
    with pytest.raises(Retryable, match="cannot be read"):
        venue.set_leverage(BTC[name], 3)


@pytest.mark.parametrize("name", VENUES)
def test_without_the_stated_leverage_only_exits_leave(name: str) -> None:
    """A setting that fails stops an order that opens, and none that reduces."""
    stated = {BTC[name].market_id: 3}
    venue, session, _ = scripted(name, (502, "<html>"), *PLACED[name], leverage=stated)
    with pytest.raises(Retryable):
        of(venue)
    assert OF[name] == of(venue, reduce_only=True).venue_order_id
    assert 1 + len(PLACED[name]) == len(session.sent)


def test_nothing_rests_without_its_countdown() -> None:
    """Armed before the first resting order, again after half of it; failing it stops all but exits and what takes."""
    now = [1_000.0]
    armed = (200, '{"symbol":"BTCUSDT","countdownTime":"120000"}')
    order = (200, ORDERS["binance"])
    venue, session, _ = scripted("binance", armed, order, order, armed, order, armed, clock=lambda: now[0])
    venue._armed.clear()
    for at, name in ((1_000.0, "a"), (1_059.0, "b"), (1_061.0, "c")):
        now[0] = at
        venue.place(bid("binance", name), BTC["binance"])
    venue.arm()
    assert ["countdownCancelAll", "order", "order", "countdownCancelAll", "order", "countdownCancelAll"] == [
        url.rpartition("/")[2] for _, url, _ in session.sent
    ]
    venue, session, _ = scripted("binance", (502, "x"), order, (502, "x"), order)
    venue._armed.clear()
    with pytest.raises(Retryable):
        venue.place(bid("binance", "a"), BTC["binance"])
    venue.place(bid("binance", "b", force="IOC"), BTC["binance"])
    venue.place(bid("binance", "c", reduce_only=True), BTC["binance"])
    assert 4 == len(session.sent)


def test_closing_closes() -> None:
    """No connection stays open."""
    venue, session, _ = scripted("binance")
    venue.close()
    assert session.closed


def test_an_unknown_exchange_has_no_calls() -> None:
    """Only the two that are built."""
    with pytest.raises(KeyError):
        Calls("kraken", "", cast(SignerClient, Signs("binance")), ("", lambda found: 0), key_ref="", mode="live")
