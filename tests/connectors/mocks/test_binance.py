"""The mock of Binance's futures against its fact sheet, over raw requests and sockets."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.connectors.mocks.clients import BinanceClient, send
from tests.connectors.mocks.sockets import Ear
from tests.venues import VenueControl, mock_venue


@pytest.fixture
def venue() -> Iterator[VenueControl]:
    """A fresh Binance."""
    with mock_venue("binance") as running:
        yield running


@pytest.fixture
def client(venue: VenueControl) -> BinanceClient:
    """Its main account."""
    return BinanceClient(venue)


def test_an_order_in_the_very_words_of_the_fact_sheet(venue: VenueControl, client: BinanceClient) -> None:
    """The documented request is answered with its result, and stands in the venue's log as it was sent."""
    said = client.order("abc-1", timeInForce="GTX", price="65000.1", quantity="0.001")
    assert (200, "NEW", "abc-1", "0.001", "65000.1") == (
        said.status, *(said.body[name] for name in ("status", "clientOrderId", "origQty", "price")),
    )  # fmt: skip
    last = venue.state()["last_by_kind"]["place"]
    assert "timeInForce=GTX&quantity=0.001&price=65000.1&newClientOrderId=abc-1" in last["body"]
    assert {"x-mbx-used-weight-1m", "x-mbx-order-count-10s", "x-mbx-order-count-1m"} <= said.headers.keys()


def test_a_closed_order_s_id_may_come_again(venue: VenueControl, client: BinanceClient) -> None:
    """The trap of the documents: after a fast fill the same client id makes a second order."""
    assert 200 == client.order("a", price="65000.2", quantity="0.001").status
    assert 200 == client.order("a", price="64000").status
    assert (400, -4116) == ((said := client.order("a")).status, said.body["code"])
    assert {"a": 2} == venue.state()["effective_orders"]
    venue.rules(duplicate_ids="ever")
    client.call("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    assert -4116 == client.order("a").body["code"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "NONE"}, -1121),
        ({"quantity": "0.0005"}, -1111),
        ({"quantity": "0"}, -4003),
        ({"quantity": "1000.001"}, -4005),
        ({"price": "64000.05"}, -4014),
        ({"price": None}, -1102),
        ({"type": "STOP"}, -1102),
        ({"timeInForce": "DAY"}, -1102),
        ({"quantity": "0.001", "price": "49999.9"}, -4164),
        ({"quantity": "500"}, -2019),
        ({"reduceOnly": "true"}, -2022),
        ({"timeInForce": "GTX", "price": "65000.2"}, -5022),
        ({"timeInForce": "FOK", "price": "65000.2", "quantity": "1.501"}, -5021),
        ({"timeInForce": "GTD", "goodTillDate": 1_000}, -1102),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"newClientOrderId": "no spaces"}, -4015),
        ({"positionSide": "LONG"}, -4061),
        ({"selfTradePreventionMode": "SOMETIMES"}, -1102),
    ],
)
def test_what_the_documents_refuse_is_refused(
    venue: VenueControl, client: BinanceClient, change: dict[str, Any], code: int
) -> None:
    """Each refusal has its number, and leaves nothing behind."""
    venue.account(cash=40_000 if change.get("quantity") == "1.501" else 10_000)
    if change.get("quantity") == "1000.001":
        venue.account(cash=10**9)
    said = client.order(change.pop("newClientOrderId", "a"), **change)
    assert (400, code) == (said.status, said.body["code"])
    assert {} == venue.state()["effective_orders"]


def test_notional_of_fifty_is_enough_and_reducing_needs_none(venue: VenueControl, client: BinanceClient) -> None:
    """At the minimum an order is taken; reduce-only orders are free of it, and are cut to the position."""
    assert 200 == client.order("a", quantity="0.001", price="50000").status
    venue.account(positions={"BTCUSDT": ["0.0005", "60000"]})
    said = client.order("b", side="SELL", quantity="0.001", price="66000", reduceOnly="true").body
    assert ("NEW", True) == (said["status"], said["reduceOnly"])
    assert "0.0005" == next(o["size"] for o in venue.state()["orders"] if o["client_id"] == "b")


def test_a_signature_must_be_right_and_in_its_window(venue: VenueControl, client: BinanceClient) -> None:
    """Key, signature and time each have their number; the window is the client's."""
    path, url = "/fapi/v1/openOrders", f"{venue.base_url}/fapi/v1/openOrders"
    assert 200 == client.call("GET", path).status
    assert (401, -2014) == ((said := send("GET", url, None, {})).status, said.body["code"])
    assert -2015 == send("GET", url, None, {"X-MBX-APIKEY": "x"}).body["code"]
    now = time.time_ns() // 1_000_000
    assert -1021 == client.call("GET", path, timestamp=now - 5_500).body["code"]
    assert 200 == client.call("GET", path, timestamp=now - 5_500, recvWindow=10_000).status
    assert -1021 == client.call("GET", path, timestamp=now + 2_000).body["code"]
    assert -1102 == client.call("GET", path, timestamp="soon").body["code"]
    good = client.keys["secret"]
    client.keys["secret"] = "wrong"
    assert -1022 == client.call("GET", path).body["code"]
    client.keys["secret"] = good


def test_three_hundred_orders_in_ten_seconds(client: BinanceClient) -> None:
    """The order limit answers 429 with its number and a time to wait; the count stands in the headers."""
    said = [client.call("POST", "/fapi/v1/order", symbol="NONE") for _ in range(301)]
    assert [400] * 300 == [each.status for each in said[:300]]
    assert (429, -1015, "300") == (
        said[300].status, said[300].body["code"], said[300].headers["x-mbx-order-count-10s"],
    )  # fmt: skip
    assert 0 <= float(said[300].headers["retry-after"]) <= 10


def test_a_countdown_cancels_where_nobody_renews_it(venue: VenueControl, client: BinanceClient) -> None:
    """The dead man's switch of a symbol: renewed it waits, 0 takes it back, silence cancels."""
    path = "/fapi/v1/countdownCancelAll"
    client.order("a")
    assert {"symbol": "BTCUSDT", "countdownTime": "300"} == client.call(
        "POST", path, symbol="BTCUSDT", countdownTime=300
    ).body
    client.call("POST", path, symbol="BTCUSDT", countdownTime=0)
    time.sleep(0.5)
    assert 1 == venue.state()["open_orders"]
    client.call("POST", path, symbol="BTCUSDT", countdownTime=200)
    time.sleep(0.4)
    assert 0 == venue.state()["open_orders"]


def test_batches_amendments_and_cancels(venue: VenueControl, client: BinanceClient) -> None:
    """Each of a batch has its own result; an amendment keeps the order; cancels name either id."""
    good = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.002",
            "price": "64000", "newClientOrderId": "a"}  # fmt: skip
    rows = json.dumps([good, {**good, "symbol": "NONE"}])
    said = client.call("POST", "/fapi/v1/batchOrders", batchOrders=rows).body
    assert ("a", True) == (said[0]["clientOrderId"], "code" in said[1])
    amended = client.call("PUT", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", origClientOrderId="a",
                          quantity="0.003", price="64001").body  # fmt: skip
    assert ("0.003", "64001.0") == (amended["origQty"], amended["price"])
    client.order("b")
    done = client.call("DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", origClientOrderIdList='["b","none"]').body
    assert ("CANCELED", -2011) == (done[0]["status"], done[1]["code"])
    assert (
        "CANCELED"
        == client.call("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=amended["orderId"]).body["status"]
    )
    assert -2011 == client.call("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=amended["orderId"]).body["code"]
    assert [] == client.call("GET", "/fapi/v1/openOrders").body
    assert 2 == len(client.call("GET", "/fapi/v1/allOrders", symbol="BTCUSDT").body)
    assert -2013 == client.call("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", origClientOrderId="a").body["code"]
    assert 0 == venue.state()["open_orders"]


def test_reads_and_settings_answer(client: BinanceClient) -> None:
    """Touch, marks, account, mode, leverage, margin and fees, in the documented shapes."""
    assert "65000.10" == client.call("GET", "/fapi/v1/ticker/bookTicker", symbol="BTCUSDT").body["bidPrice"]
    assert 2 == len(client.call("GET", "/fapi/v2/ticker/price").body)
    assert "0.00010000" == client.call("GET", "/fapi/v1/premiumIndex", symbol="BTCUSDT").body["lastFundingRate"]
    assert "10000.00000000" == client.call("GET", "/fapi/v3/account").body["availableBalance"]
    assert "10000.00000000" == client.call("GET", "/fapi/v3/balance").body[0]["balance"]
    assert {"dualSidePosition": False} == client.call("GET", "/fapi/v1/positionSide/dual").body
    same = client.call("POST", "/fapi/v1/positionSide/dual", dualSidePosition="false").body
    assert (-4059, -4046) == (
        same["code"], client.call("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="CROSSED").body["code"],
    )  # fmt: skip
    assert 10 == client.call("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=10).body["leverage"]
    assert -4028 == client.call("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=126).body["code"]
    assert "0.0005" == client.call("GET", "/fapi/v1/commissionRate", symbol="BTCUSDT").body["takerCommissionRate"]


def test_own_events_come_with_the_listen_key(venue: VenueControl, client: BinanceClient) -> None:
    """NEW, TRADE with its fee, and the account's new position, in that order; a wrong key is no socket."""
    key = send("POST", f"{venue.base_url}/fapi/v1/listenKey", b"", {"X-MBX-APIKEY": client.keys["api_key"]}).body[
        "listenKey"
    ]
    with pytest.raises(InvalidStatus, match="401"):
        Ear(f"{venue.ws_url}/private/ws?listenKey=none")
    with Ear(f"{venue.ws_url}/private/ws?listenKey={key}") as ear:
        client.order("a", price="65000.2", quantity="0.001")
        heard = [ear.until(lambda message: True) for _ in range(3)]
    assert ["ORDER_TRADE_UPDATE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"] == [message["e"] for message in heard]
    assert [("NEW", "NEW"), ("TRADE", "FILLED")] == [(m["o"]["x"], m["o"]["X"]) for m in heard[:2]]
    assert ("0.03250010", "0.001", "a") == tuple(heard[1]["o"][name] for name in ("n", "l", "c"))
    assert "0.001" == heard[2]["a"]["P"][0]["pa"]


def test_depth_is_continuous_and_retired_paths_are_silent(venue: VenueControl) -> None:
    """Every update begins where the last one ended; the old paths connect, and never say a word."""
    subscribe = {"method": "SUBSCRIBE", "params": ["btcusdt@depth@100ms"], "id": 7}
    with Ear(f"{venue.ws_url}/public/ws") as ear, Ear(f"{venue.ws_url}/ws") as old:
        ear.say(subscribe)
        old.say(subscribe)
        assert {"result": None, "id": 7} == ear.until(lambda message: True)
        begun = send("GET", f"{venue.base_url}/fapi/v1/depth?symbol=BTCUSDT&limit=5", None, {}).body["lastUpdateId"]
        venue.book("BTCUSDT", asks=[["65001.0", "0.5"]])
        updates = ear.for_a_while(0.3)
        assert [] == old.for_a_while(0.1)
    assert begun == updates[0]["pu"]
    assert [update["u"] for update in updates[:-1]] == [update["pu"] for update in updates[1:]]
    assert ["65001.00", "0.500"] == updates[-1]["a"][0]


def test_streams_can_stand_in_the_address(venue: VenueControl) -> None:
    """Combined streams are wrapped with their name; a public stream on the market path is not served."""
    with Ear(f"{venue.ws_url}/market/stream?streams=btcusdt@aggTrade/btcusdt@depth") as ear:
        venue.trade(market="BTCUSDT", side="sell", size="0.1")
        said = ear.until(lambda message: True)
        assert ("btcusdt@aggTrade", True, "0.100") == (said["stream"], said["data"]["m"], said["data"]["q"])
        assert [] == ear.for_a_while(0.1)
