"""The mock of Bitget's perpetuals against its fact sheet, over raw requests and sockets."""

import base64
import hashlib
import hmac
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.connectors.mocks.clients import BitgetClient, send
from tests.connectors.mocks.sockets import Ear
from tests.venues import VenueControl, mock_venue

FUTURES = {"instType": "USDT-FUTURES", "instId": "BTCUSDT"}


@pytest.fixture
def venue() -> Iterator[VenueControl]:
    """A fresh Bitget."""
    with mock_venue("bitget") as running:
        yield running


@pytest.fixture
def client(venue: VenueControl) -> BitgetClient:
    """Its main account."""
    return BitgetClient(venue)


def logged_in(venue: VenueControl, client: BitgetClient, **bent: str) -> Ear:
    """A private socket after its login."""
    stamp = bent.pop("timestamp", str(int(time.time())))
    digest = hmac.new(client.keys["secret"].encode(), f"{stamp}GET/user/verify".encode(), hashlib.sha256).digest()
    arg = {"apiKey": client.keys["api_key"], "passphrase": client.keys["passphrase"], "timestamp": stamp,
           "sign": base64.b64encode(digest).decode(), **bent}  # fmt: skip
    ear = Ear(f"{venue.ws_url}/v2/ws/private")
    ear.say({"op": "login", "args": [arg]})
    return ear


def test_an_order_is_answered_with_its_ids_alone(client: BitgetClient) -> None:
    """The documented request is answered in the envelope with orderId and clientOid; the rest must be asked for."""
    said = client.order("abc-1", price="65000.1", size="0.002", force="post_only")
    assert (200, "00000", {"orderId", "clientOid"}) == (said.status, said.body["code"], said.body["data"].keys())
    found = client.find("abc-1").body["data"]
    assert {"state": "live", "price": "65000.1", "size": "0.002", "force": "post_only", "baseVolume": "0",
            "posMode": "one_way_mode", "reduceOnly": "NO"}.items() <= found.items()  # fmt: skip


def test_what_cannot_be_is_taken_and_then_cancelled(client: BitgetClient) -> None:
    """Post-only that would take, and all-or-nothing without enough: success at first, cancelled on asking."""
    changes: dict[str, dict[str, Any]] = {
        "po": {"force": "post_only", "price": "66000"},
        "fok": {"force": "FOK", "price": "65000.1"},
    }
    for name, change in changes.items():
        assert "00000" == client.order(name, **change).body["code"]
        assert ("canceled", "0") == tuple(client.find(name).body["data"][key] for key in ("state", "baseVolume"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "NONE"}, "40034"),
        ({"productType": "COIN-FUTURES"}, "40017"),
        ({"marginCoin": "BTC"}, "40017"),
        ({"marginMode": "cross"}, "40017"),
        ({"size": 0.002}, "40017"),
        ({"size": "0.0025"}, "40808"),
        ({"price": "64000.05"}, "40808"),
        ({"size": "0.001", "price": "4999.9"}, "45110"),
        ({"size": "500"}, "40762"),
        ({"reduceOnly": "YES"}, "22002"),
        ({"tradeSide": "open"}, "40774"),
        ({"orderType": "stop"}, "40017"),
        ({"force": "day"}, "40017"),
        ({"clientOid": "no spaces"}, "40017"),
        ({"stpMode": "sometimes"}, "40017"),
    ],
)
def test_what_the_documents_refuse_is_refused(
    venue: VenueControl, client: BitgetClient, change: dict[str, Any], code: str
) -> None:
    """Each refusal has its code in the envelope, no data, and leaves nothing behind."""
    said = client.order(change.pop("clientOid", "a"), **change)
    assert (400, code, None) == (said.status, said.body["code"], said.body["data"])
    assert {} == venue.state()["effective_orders"]


def test_a_repeat_is_refused_while_the_first_is_open(venue: VenueControl, client: BitgetClient) -> None:
    """40786 for an open order's id; after it closed the same id makes a second order, unless the rule says ever."""
    client.order("a")
    assert "40786" == client.order("a").body["code"]
    body = {"symbol": "BTCUSDT", "productType": "USDT-FUTURES", "clientOid": "a"}
    assert "00000" == client.call("POST", "/api/v2/mix/order/cancel-order", body).body["code"]
    assert "00000" == client.order("a").body["code"]
    venue.rules(duplicate_ids="ever")
    assert "40786" == client.order("a").body["code"]
    assert {"a": 2} == venue.state()["effective_orders"]


def test_a_newer_reducing_order_makes_room_and_has_no_id(venue: VenueControl, client: BitgetClient) -> None:
    """Older reduce-only orders are cancelled where both are too much; the answer then carries no orderId."""
    venue.account(positions={"BTCUSDT": ["0.002", "65000"]})
    first = client.order("a", side="sell", price="66000", reduceOnly="YES").body["data"]
    second = client.order("b", side="sell", price="66100", reduceOnly="YES").body["data"]
    assert ({"orderId", "clientOid"}, {"clientOid"}) == (first.keys(), second.keys())
    assert ("canceled", "live") == tuple(client.find(name).body["data"]["state"] for name in "ab")


def test_keys_passphrase_signature_and_time_must_be_right(venue: VenueControl, client: BitgetClient) -> None:
    """Each has its code; the header of demo trading can be asked for."""
    path, good = "/api/v2/mix/account/accounts?productType=USDT-FUTURES", dict(client.keys)
    assert 200 == client.call("GET", path).status
    for name, value, code in (("api_key", "x", "40037"), ("passphrase", "x", "40012"), ("secret", "x", "40009")):
        client.keys = {**good, name: value}
        assert (400, code) == ((said := client.call("GET", path)).status, said.body["code"])
    client.keys = good
    venue.misbehave("clock_skew", seconds=31)
    assert "40008" == client.call("GET", path).body["code"]
    venue.misbehave("none")
    venue.rules(demo_only=True)
    assert 200 == client.call("GET", path).status
    headers = dict(venue.requests(kind="balance")[-1]["headers"])
    headers.pop("paptrading")
    assert "40099" == send("GET", venue.base_url + path, None, headers).body["code"]


def test_ten_orders_a_second(client: BitgetClient) -> None:
    """The eleventh order of a second is a 429 with its code."""
    said = [client.order(f"n{n}") for n in range(11)]
    assert [200] * 10 == [each.status for each in said[:10]]
    assert (429, "429") == (said[10].status, said[10].body["code"])


def test_batches_changes_and_cancels(venue: VenueControl, client: BitgetClient) -> None:
    """Success and failure stand in two lists; cancelling by symbol, by ids or all; nothing to cancel has a code."""
    row = {"size": "0.002", "price": "64000", "side": "buy", "orderType": "limit", "force": "gtc"}
    rows = [{**row, "clientOid": name} for name in ("a", "b", "c")] + [{**row, "clientOid": "d", "price": "0.01"}]
    where = {"symbol": "BTCUSDT", "productType": "USDT-FUTURES"}
    batch = {**where, "marginCoin": "USDT", "marginMode": "crossed", "orderList": rows}
    said = client.call("POST", "/api/v2/mix/order/batch-place-order", batch).body["data"]
    assert (["a", "b", "c"], ["d"]) == tuple([r["clientOid"] for r in said[n]] for n in ("successList", "failureList"))
    change = {**where, "clientOid": "a", "newClientOid": "a2", "newSize": "0.003", "newPrice": "64001"}
    assert "a2" == client.call("POST", "/api/v2/mix/order/modify-order", change).body["data"]["clientOid"]
    assert ("0.003", "64001") == tuple(client.find("a2").body["data"][name] for name in ("size", "price"))
    ids = {**where, "orderIdList": [{"clientOid": "b"}, {"orderId": "1"}]}
    done = client.call("POST", "/api/v2/mix/order/batch-cancel-orders", ids).body["data"]
    assert (["b"], ["40768"]) == (
        [r["clientOid"] for r in done["successList"]],
        [r["errorCode"] for r in done["failureList"]],
    )
    assert 2 == len(client.call("POST", "/api/v2/mix/order/cancel-all-orders", where).body["data"]["successList"])
    assert "22001" == client.call("POST", "/api/v2/mix/order/cancel-all-orders", where).body["code"]
    pending = client.call("GET", "/api/v2/mix/order/orders-pending?productType=USDT-FUTURES").body["data"]
    history = client.call("GET", "/api/v2/mix/order/orders-history?productType=USDT-FUTURES&limit=2").body["data"]
    assert (None, 2) == (pending["entrustedList"], len(history["entrustedList"]))
    older = client.call("GET", f"/api/v2/mix/order/orders-history?idLessThan={history['endId']}").body["data"]
    assert 1 == len(older["entrustedList"])
    assert 0 == venue.state()["open_orders"]


def test_a_fill_has_a_negative_fee(venue: VenueControl, client: BitgetClient) -> None:
    """0.06 percent of the value for takers; the account's equity follows."""
    client.order("a", price="65000.2", force="IOC")
    (fill,) = client.call("GET", "/api/v2/mix/order/fills?productType=USDT-FUTURES").body["data"]["fillList"]
    assert ("-0.07800024", "taker", "0.002") == (
        fill["feeDetail"][0]["totalFee"],
        fill["tradeScope"],
        fill["baseVolume"],
    )
    venue.price("BTCUSDT", "65100.2", mark_only=True)
    account = client.call(
        "GET", "/api/v2/mix/account/account?symbol=BTCUSDT&productType=USDT-FUTURES&marginCoin=USDT"
    ).body
    assert "10000.12199976" == account["data"]["accountEquity"]


def test_books_carry_the_documented_checksum(venue: VenueControl) -> None:
    """Snapshot and update sum up to the crc32 of 25 levels, bid and ask in turn; folded they are the book."""
    with Ear(f"{venue.ws_url}/v2/ws/public") as ear:
        ear.say({"op": "subscribe", "args": [{**FUTURES, "channel": "books"}]})
        image = ear.until(lambda message: message.get("action") == "snapshot")["data"][0]
        book: dict[str, dict[str, str]] = {side: dict(image[side]) for side in ("bids", "asks")}
        assert image["checksum"] == summed(book)
        venue.book("BTCUSDT", bids=[["64999.9", "2"], ["64000", "1"]])
        for update in ear.for_a_while(0.3):
            for side in ("bids", "asks"):
                for price, size in update["data"][0][side]:
                    book[side].pop(price, None) if size == "0" else book[side].update({price: size})
            assert update["data"][0]["checksum"] == summed(book)
        assert {"64999.9": "2.000", "64000.0": "1.000"} == book["bids"]
        ear.say("ping")
        assert "pong" == ear.until(lambda message: message == "pong")


def summed(book: dict[str, dict[str, str]]) -> int:
    """The checksum as the documents define it, computed anew."""
    bids = sorted(book["bids"].items(), key=lambda row: -float(row[0]))[:25]
    asks = sorted(book["asks"].items(), key=lambda row: float(row[0]))[:25]
    words = []
    for place in range(25):
        words += [":".join(side[place]) for side in (bids, asks) if place < len(side)]
    found = zlib.crc32(":".join(words).encode())
    return found - 2**32 if found >= 2**31 else found


def test_the_example_of_the_fact_sheet_has_its_checksum() -> None:
    """65000.1:0.7:65000.2:1.5 sums up to 407033238; without the ask to -1883378892."""
    assert 407033238 == summed({"bids": {"65000.1": "0.7"}, "asks": {"65000.2": "1.5"}})
    assert -1883378892 == summed({"bids": {"65000.1": "0.7"}, "asks": {}})


def test_private_channels_need_a_login_and_tell_of_orders(venue: VenueControl, client: BitgetClient) -> None:
    """After a login orders, fills and positions come as they happen; each wrong login has its number."""
    for bent, code in (({"apiKey": "x"}, 30011), ({"passphrase": "x"}, 30012), ({"sign": "x"}, 30005),
                       ({"timestamp": "1000"}, 30004)):  # fmt: skip
        with logged_in(venue, client, **bent) as ear:
            assert code == ear.until(lambda message: message.get("event") == "error")["code"]
    with logged_in(venue, client) as ear:
        assert 0 == ear.until(lambda message: message.get("event") == "login")["code"]
        args = [
            {"instType": "USDT-FUTURES", "channel": name, "instId": "default"}
            for name in ("orders", "fill", "positions")
        ]
        ear.say({"op": "subscribe", "args": args})
        for _ in args:
            ear.until(lambda message: message.get("event") == "subscribe")
        client.order("a", price="65000.2")
        rows = [(message["arg"]["channel"], message["data"][0]) for message in ear.for_a_while(0.3)]
    assert ["orders", "orders", "fill", "positions"] == [channel for channel, _ in rows]
    assert ["live", "filled"] == [row["status"] for channel, row in rows if channel == "orders"]
    assert ("0.002", "-0.07800024") == (rows[1][1]["accBaseVolume"], rows[1][1]["fillFee"])
    with Ear(f"{venue.ws_url}/v2/ws/private") as ear:
        ear.say({"op": "subscribe", "args": [{"instType": "USDT-FUTURES", "channel": "orders", "instId": "default"}]})
        assert 30002 == ear.until(lambda message: True)["code"]
        ear.say("nonsense")
        assert 30003 == ear.until(lambda message: True)["code"]


def test_settings_and_public_reads_answer(client: BitgetClient) -> None:
    """Contracts, tickers, funding, leverage, margin and position mode, in the documented shapes."""
    where = "productType=USDT-FUTURES&symbol=BTCUSDT"
    contract = client.call("GET", f"/api/v2/mix/market/contracts?{where}").body["data"][0]
    assert ("1", "1", "0.001") == (contract["priceEndStep"], contract["pricePlace"], contract["sizeMultiplier"])
    assert [] == client.call("GET", "/api/v2/mix/market/contracts?productType=COIN-FUTURES").body["data"]
    assert "65000.1" == client.call("GET", f"/api/v2/mix/market/ticker?{where}").body["data"][0]["bidPr"]
    assert (
        "0.0001" == client.call("GET", f"/api/v2/mix/market/current-fund-rate?{where}").body["data"][0]["fundingRate"]
    )
    assert "65000.15" == client.call("GET", f"/api/v2/mix/market/symbol-price?{where}").body["data"][0]["markPrice"]
    body = {"symbol": "BTCUSDT", "productType": "USDT-FUTURES", "marginCoin": "USDT"}
    assert (
        "10"
        == client.call("POST", "/api/v2/mix/account/set-leverage", {**body, "leverage": "10"}).body["data"][
            "longLeverage"
        ]
    )
    assert (
        "00000"
        == client.call("POST", "/api/v2/mix/account/set-margin-mode", {**body, "marginMode": "crossed"}).body["code"]
    )
    client.order("a")
    mode = {"productType": "USDT-FUTURES", "posMode": "hedge_mode"}
    assert "45117" == client.call("POST", "/api/v2/mix/account/set-position-mode", mode).body["code"]
    assert ("40404", 404) == ((said := client.call("GET", "/api/v3/account/settings")).body["code"], said.status)
