"""The mock of Polymarket's CLOB V2 against its fact sheet, over raw requests."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from tests.connectors.mocks.clients import TOKEN, ZERO_32, PolymarketClient, send
from tests.connectors.mocks.sockets import Ear
from tests.venues import VenueControl, mock_venue

MARKET = "0x5f65177b394277fd294cd75650044e32ba009a95022d88a0c1d565897d72f8f1"
OTHER = "93334311276653430123471163012764321467134718452310983453142387109823419023781"
NEG_RISK, NEG_CONTRACT = "11", "0xe2222d279d744050d28e00520010520000310F59"


@pytest.fixture
def venue() -> Iterator[VenueControl]:
    """A fresh Polymarket."""
    with mock_venue("polymarket") as running:
        running.rules(settle_ms=20)
        yield running


@pytest.fixture
def client(venue: VenueControl) -> PolymarketClient:
    """Its main account."""
    return PolymarketClient(venue)


def user(ear: Ear, client: PolymarketClient) -> None:
    """Subscribe to the user channel."""
    keys = {"apiKey": client.keys["api_key"], "secret": client.keys["secret"], "passphrase": client.keys["passphrase"]}
    ear.say({"type": "user", "auth": keys, "markets": [MARKET]})


def statuses(ear: Ear, count: int) -> list[str]:
    """The next statuses of trades."""
    return [ear.until(lambda message: message["event_type"] == "trade")["status"] for _ in range(count)]


def test_an_order_rests_under_its_digest_and_cannot_be_repeated(venue: VenueControl, client: PolymarketClient) -> None:
    """The venue's id is the digest; the same signed order again is `Duplicated`, and there is one effective order."""
    body = client.signed("BUY", "0.50", "100")
    said = client.call("POST", "/order", body)
    assert (200, True, "", "live") == (said.status, *(said.body[name] for name in ("success", "errorMsg", "status")))
    again = client.call("POST", "/order", body)
    assert 400 == again.status
    assert "Duplicated" in again.body["error"]
    assert {said.body["orderID"]: 1} == venue.state()["effective_orders"]
    found = client.call("GET", f"/data/order/{said.body['orderID']}").body
    assert {
        "status": "ORDER_STATUS_LIVE", "side": "BUY", "price": "0.5", "original_size": "100", "size_matched": "0",
        "asset_id": TOKEN, "market": MARKET, "order_type": "GTC", "expiration": "0",
    }.items() <= found.items()  # fmt: skip
    assert [found] == client.call("GET", f"/data/orders?market={MARKET}").body["data"]


def test_the_builder_code_is_seen_as_it_was_signed(venue: VenueControl, client: PolymarketClient) -> None:
    """Whatever builder an order carries stands in the venue's state, byte for byte."""
    code = "0x" + "ab" * 32
    assert 200 == client.order("BUY", "0.40", "10", builder=code).status
    assert [code] == [order["builder"] for order in venue.state()["orders"]]
    venue.rules(builders={code: {"maker": 0, "taker": 50}})
    assert {"builder_code": code, "maker": 0, "taker": 50} == client.call("GET", f"/fees/builder-fees/{code}").body
    assert 404 == client.call("GET", f"/fees/builder-fees/{ZERO_32}").status
    client.order("BUY", "0.52", "10", "FOK", builder=code)
    assert "0.026" == venue.state()["fills"][0]["fee"], "50 bp of 5.20"


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"price": "0.505"}, "breaks minimum tick size rule"),
        ({"price": "0.995"}, "breaks minimum tick size rule"),
        ({"price": "0.5", "size": "4.99"}, "lower than the minimum"),
        ({"price": "0.52", "size": "10", "postOnly": True}, "order crosses book"),
        ({"price": "0.50", "size": "10", "kind": "FOK", "postOnly": True}, "post-only"),
        ({"price": "0.52", "size": "25.01", "kind": "FOK"}, "couldn't be fully filled"),
        ({"price": "0.51", "size": "10", "kind": "FAK"}, "no orders found to match with FAK"),
        ({"price": "0.50", "size": "20000.01"}, "not enough balance / allowance"),
        ({"side": "SELL", "price": "0.60", "size": "10"}, "not enough balance / allowance"),
        ({"price": "0.50", "size": "10", "kind": "GTD", "expiration": "0"}, "invalid expiration"),
        ({"price": "0.50", "size": "10", "expiration": "4000000000"}, "invalid expiration"),
        ({"price": "0.50", "size": "10", "version": "1"}, "Invalid order payload"),
        ({"price": "0.50", "size": "10", "contract": NEG_CONTRACT}, "Invalid order payload"),
        ({"price": "0.50", "size": "10", "kind": "IOC"}, "Invalid order payload"),
        ({"price": "0.50", "size": "10", "private_key": "0x" + "11" * 32}, "Invalid order payload"),
        ({"price": "0.50", "size": "10", "owner": "someone"}, "the order owner has to be the owner of the API KEY"),
    ],
)
def test_what_the_documents_refuse_is_refused(
    venue: VenueControl, client: PolymarketClient, wish: dict[str, Any], words: str
) -> None:
    """Each refusal is a 400 with its documented words, and leaves nothing behind."""
    body = client.signed(wish.pop("side", "BUY"), wish.pop("price"), wish.pop("size", "10"), **wish)
    said = client.call("POST", "/order", body)
    assert 400 == said.status
    assert words in said.body["error"]
    assert {} == venue.state()["effective_orders"]


def test_a_minute_of_a_good_till_date_is_the_venue_s(client: PolymarketClient) -> None:
    """An expiry within the security threshold is refused; beyond it the order rests."""
    now = int(time.time())
    assert 400 == client.order("BUY", "0.40", "10", "GTD", expiration=str(now + 58)).status
    assert 200 == client.order("BUY", "0.40", "10", "GTD", expiration=str(now + 180)).status


def test_exchange_contract_and_tick_are_the_market_s(venue: VenueControl, client: PolymarketClient) -> None:
    """A neg-risk market is verified by the other contract; unknown tokens have no book; ticks may change."""
    assert 200 == client.order("BUY", "0.123", "10", token=NEG_RISK, contract=NEG_CONTRACT).status
    assert 400 == client.order("BUY", "0.123", "10", token=NEG_RISK).status
    assert 404 == client.order("BUY", "0.50", "10", token="999").status
    assert {"neg_risk": True} == client.call("GET", f"/neg-risk?token_id={NEG_RISK}").body
    venue.market(market=MARKET, tick="0.001")
    assert 200 == client.order("BUY", "0.501", "10").status


def test_an_immediate_buy_spends_its_dollars(venue: VenueControl, client: PolymarketClient) -> None:
    """A market buy names dollars and a worst price; where the book is better, more shares come for the same money."""
    venue.book(TOKEN, bids=[], asks=[["0.40", "100"]])
    said = client.order("BUY", "0.50", "20", "FAK").body
    assert ("matched", "10", "25") == (said["status"], said["makingAmount"], said["takingAmount"])
    venue.rules(market_buy="shares")
    assert "20" == client.order("BUY", "0.50", "20", "FAK").body["takingAmount"]


def test_a_taker_pays_by_the_market_s_schedule(venue: VenueControl, client: PolymarketClient) -> None:
    """100 shares of a crypto market at 0.5 cost 1.75; makers pay nothing; a market without `fd` costs nothing."""
    venue.book(NEG_RISK, bids=[], asks=[["0.500", "100"]])
    client.order("BUY", "0.500", "100", token=NEG_RISK, contract=NEG_CONTRACT)
    resting = client.order("BUY", "0.400", "10", token=NEG_RISK, contract=NEG_CONTRACT).body["orderID"]
    venue.trade(order_id=resting)
    assert ["1.75", "0"] == [fill["fee"] for fill in venue.state()["fills"]]
    details = client.call(
        "GET", "/clob-markets/0x9915bea232fa12b20058f9cea1187ea51366352bf833393676cd0db557a58249"
    ).body
    assert {"r": 0.07, "e": 1, "to": True} == details["fd"]
    assert "fd" not in client.call("GET", f"/clob-markets/{MARKET}").body


def test_a_sell_needs_shares_and_reserves_them(venue: VenueControl, client: PolymarketClient) -> None:
    """Shares that rest for sale cannot be sold twice; buying NO is selling YES to the book."""
    venue.account(positions={TOKEN: 10})
    assert 200 == client.order("SELL", "0.60", "6").status
    assert 400 == client.order("SELL", "0.60", "5").status
    assert 200 == client.order("SELL", "0.48", "4", "FAK").status
    said = client.order("BUY", "0.52", "10", token=OTHER).body
    assert "matched" == said["status"], "somebody bids 0.48 for YES, which is an offer of NO at 0.52"
    assert {TOKEN: "6", OTHER: "10"} == venue.state()["positions"]["main"]


def test_orders_that_cannot_be_paid_any_more_are_cancelled(venue: VenueControl, client: PolymarketClient) -> None:
    """Balance is looked at again and again: what is no longer funded is cancelled, newest first, with its reason."""
    kept, lost = (client.order("BUY", "0.40", "10").body["orderID"] for _ in range(2))
    with Ear(f"{venue.ws_url}/ws/user") as ear:
        user(ear, client)
        venue.account(cash="7.99")
        ended = ear.until(lambda message: message["type"] == "CANCELLATION")
    assert (lost, "CANCELED_NOT_ENOUGH_BALANCE") == (ended["id"], ended["status"])
    assert [kept] == [order["id"] for order in client.call("GET", "/data/orders").body["data"]]


def test_both_tokens_show_one_book(client: PolymarketClient) -> None:
    """A NO bid is one minus a YES ask; the best level stands last on both sides; the hash is of the documented text."""
    yes, no = (client.call("GET", f"/book?token_id={token}").body for token in (TOKEN, OTHER))
    assert [{"price": "0.47", "size": "120"}, {"price": "0.48", "size": "30.5"}] == yes["bids"]
    assert [{"price": "0.53", "size": "120"}, {"price": "0.52", "size": "30.5"}] == no["asks"]
    assert (40, "5", "0.01", False) == (len(yes["hash"]), yes["min_order_size"], yes["tick_size"], yes["neg_risk"])
    assert 2 == len(client.call("POST", "/books", [{"token_id": TOKEN}, {"token_id": OTHER}]).body)
    assert 404 == client.call("GET", "/book?token_id=9").status
    asked = [client.call("GET", f"/{path}?token_id={TOKEN}&side=BUY").body for path in ("price", "midpoint", "spread")]
    assert [{"price": "0.52"}, {"mid": "0.5"}, {"spread": "0.04"}] == asked


def test_a_trade_climbs_its_ladder(venue: VenueControl, client: PolymarketClient) -> None:
    """MATCHED, MINED, CONFIRMED on the user channel; the maker's part stands in maker_orders."""
    with Ear(f"{venue.ws_url}/ws/user") as ear:
        user(ear, client)
        order_id = client.order("BUY", "0.50", "10").body["orderID"]
        assert "PLACEMENT" == ear.until(lambda message: message["event_type"] == "order")["type"]
        venue.trade(order_id=order_id, size="4")
        assert ["MATCHED", "MINED", "CONFIRMED"] == statuses(ear, 3)
        last = [message for message in ear.heard if message["event_type"] == "trade"][-1]
        mine = last["maker_orders"][0]
        assert ("MAKER", "SELL", order_id, "4", "BUY") == (
            last["trader_side"], last["side"], mine["order_id"], mine["matched_amount"], mine["side"],
        )  # fmt: skip
        update = [message for message in ear.heard if message["event_type"] == "order"][-1]
        assert ("UPDATE", "4", "LIVE") == (update["type"], update["size_matched"], update["status"])
        assert "TRADE_STATUS_CONFIRMED" == client.call("GET", "/data/trades").body["data"][0]["status"]
        client.call("DELETE", "/order", {"orderID": order_id})
        assert "CANCELLATION" == ear.until(lambda message: message["event_type"] == "order")["type"]


def test_a_trade_that_fails_is_taken_back(venue: VenueControl, client: PolymarketClient) -> None:
    """MATCHED, RETRYING, FAILED: the transaction is another one, and shares and cash are as before."""
    with Ear(f"{venue.ws_url}/ws/user") as ear:
        user(ear, client)
        order_id = client.order("BUY", "0.50", "10").body["orderID"]
        venue.misbehave("matched_retrying_failed")
        venue.trade(order_id=order_id, size="4")
        assert {"main": {TOKEN: "4"}} == venue.state()["positions"]
        assert ["MATCHED", "RETRYING", "FAILED"] == statuses(ear, 3)
        hashes = {message["transaction_hash"] for message in ear.heard if message["event_type"] == "trade"}
        assert 2 == len(hashes)
        assert ({"main": {}}, {"main": "10000"}) == (venue.state()["positions"], venue.state()["balances"])
        venue.trade(order_id=order_id, size="1")
        assert ["MATCHED", "MINED", "CONFIRMED"] == statuses(ear, 3)


def test_cancelling_says_what_was_not_cancelled(client: PolymarketClient) -> None:
    """A cancel is a 200 with two lists; what is unknown or gone is named with its reason."""
    ids = [client.order("BUY", price, "10").body["orderID"] for price in ("0.40", "0.41", "0.42")]
    said = client.call("DELETE", "/orders", [ids[0], "0xnone"])
    assert (200, [ids[0]], ["0xnone"]) == (said.status, said.body["canceled"], list(said.body["not_canceled"]))
    assert ids[0] in client.call("DELETE", "/order", {"orderID": ids[0]}).body["not_canceled"]
    assert [ids[1], ids[2]] == client.call("DELETE", "/cancel-market-orders", {"market": MARKET}).body["canceled"]
    assert {"canceled": [], "not_canceled": {}} == client.call("DELETE", "/cancel-all").body
    assert "ORDER_STATUS_CANCELED" == client.call("GET", f"/data/order/{ids[0]}").body["status"]
    assert 404 == client.call("GET", "/data/order/0xnone").status


def test_fifteen_orders_are_a_batch_and_sixteen_are_too_many(client: PolymarketClient) -> None:
    """In a batch a refusal is `success` with a message and no id, and spoils nothing else."""
    good, bad = client.signed("BUY", "0.40", "10"), client.signed("BUY", "0.405", "10")
    said = client.call("POST", "/orders", [good, bad])
    assert (200, [True, True]) == (said.status, [each["success"] for each in said.body])
    assert ["", True] == [said.body[0]["errorMsg"], "tick size" in said.body[1]["errorMsg"]]
    assert "" == said.body[1]["orderID"]
    many = client.call("POST", "/orders", [client.signed("BUY", "0.40", "10") for _ in range(16)])
    assert 400 == many.status
    assert "Too many orders" in many.body["error"]


def test_a_delayed_order_cannot_be_cancelled_and_trades_later(venue: VenueControl, client: PolymarketClient) -> None:
    """On a market with a delay a marketable order is pending first."""
    venue.market(market="0xaa", tokens=["71", "72"], delay_s=0.3)
    said = client.order("BUY", "0.52", "10", token="71").body
    assert "delayed" == said["status"]
    assert said["orderID"] in client.call("DELETE", "/order", {"orderID": said["orderID"]}).body["not_canceled"]
    assert {"main": {}} == venue.state()["positions"]
    time.sleep(0.45)
    assert {"main": {"71": "10"}} == venue.state()["positions"]
    assert {said["orderID"]: 1} == venue.state()["effective_orders"]


def test_the_dead_man_s_switch_cancels_everything(venue: VenueControl, client: PolymarketClient) -> None:
    """Armed by the first beat; a wrong id extends nothing and is told the right one; silence cancels all."""
    venue.rules(heartbeat_s=0.4, heartbeat_buffer_s=0.1)
    client.order("BUY", "0.40", "10")
    first = client.call("POST", "/v1/heartbeats", {"heartbeat_id": ""}).body["heartbeat_id"]
    wrong = client.call("POST", "/v1/heartbeats", {"heartbeat_id": "x"})
    assert (400, "Invalid Heartbeat ID", first) == (wrong.status, wrong.body["error_msg"], wrong.body["heartbeat_id"])
    time.sleep(0.3)
    assert 200 == client.call("POST", "/v1/heartbeats", {"heartbeat_id": first}).status
    time.sleep(0.3)
    assert 1 == venue.state()["open_orders"]
    time.sleep(0.4)
    assert (0, {"armed": [], "expired": 1}) == (venue.state()["open_orders"], venue.state()["heartbeats"])


def test_keys_headers_and_clock_must_be_right(venue: VenueControl, client: PolymarketClient) -> None:
    """Any wrong header is a 401; the signature covers the body as sent and no query."""
    good = client.headers("GET", "/data/orders", "")
    where = f"{venue.base_url}/data/orders"
    assert 200 == send("GET", f"{where}?market={MARKET}", None, good).status
    wrongs = {"POLY_API_KEY": "x", "POLY_PASSPHRASE": "x", "POLY_ADDRESS": "0x00", "POLY_SIGNATURE": "x",
              "POLY_TIMESTAMP": str(int(time.time()) - 90)}  # fmt: skip
    for name, value in wrongs.items():
        assert 401 == send("GET", where, None, {**good, name: value}).status
    venue.misbehave("clock_skew", seconds=90)
    assert 401 == client.call("GET", "/data/orders").status


def test_a_wallet_logs_in_and_gets_its_keys(venue: VenueControl, client: PolymarketClient) -> None:
    """L1: a signed message of the wallet gives its API credentials, the same ones each time."""
    domain = {"name": "ClobAuthDomain", "version": "1", "chainId": 137}
    fields = [("address", "address"), ("timestamp", "string"), ("nonce", "uint256"), ("message", "string")]
    types = {"ClobAuth": [{"name": name, "type": kind} for name, kind in fields]}
    stamp = str(int(time.time()))
    message = {"address": client.keys["address"], "timestamp": stamp, "nonce": 0,
               "message": "This message attests that I control the given wallet"}  # fmt: skip
    signed = Account.sign_message(encode_typed_data(domain, types, message), client.keys["private_key"])
    headers = {"POLY_ADDRESS": client.keys["address"], "POLY_TIMESTAMP": stamp, "POLY_NONCE": "0",
               "POLY_SIGNATURE": "0x" + signed.signature.hex()}  # fmt: skip
    wanted = {name: client.keys[key] for name, key in
              (("apiKey", "api_key"), ("secret", "secret"), ("passphrase", "passphrase"))}  # fmt: skip
    for method, path in (("POST", "/auth/api-key"), ("GET", "/auth/derive-api-key")):
        assert wanted == send(method, venue.base_url + path, None, headers).body
    assert 401 == send("POST", f"{venue.base_url}/auth/api-key", None, {**headers, "POLY_NONCE": "1"}).status


@pytest.mark.parametrize(
    ("variant", "place", "post_only", "cancel"),
    [
        ("disabled", 503, 503, 503),
        ("cancel_only", 503, 503, 200),
        ("post_only", 503, 200, 200),
        ("restart", 425, 425, 425),
    ],
)
def test_maintenance_has_four_kinds(
    venue: VenueControl, client: PolymarketClient, variant: str, place: int, post_only: int, cancel: int
) -> None:
    """Disabled, cancel-only, post-only and restarting: each refuses what its document says."""
    venue.misbehave("maintenance", variant=variant)
    said = client.order("BUY", "0.40", "10")
    assert place == said.status
    assert post_only == client.order("BUY", "0.40", "10", postOnly=True).status
    assert cancel == client.call("DELETE", "/cancel-all").status
    if variant == "post_only":
        assert ("post_only_mode", 120, "120") == (
            said.body["code"], said.body["retry_after_seconds"], said.headers["retry-after"],
        )  # fmt: skip


def test_balances_and_positions_agree(venue: VenueControl, client: PolymarketClient) -> None:
    """Cash and shares come in millionths; the data interface says the same of the wallet, small ones on asking."""
    client.order("BUY", "0.52", "25")
    collateral = client.call("GET", "/balance-allowance?asset_type=COLLATERAL").body
    shares = client.call("GET", f"/balance-allowance?asset_type=CONDITIONAL&token_id={TOKEN}").body
    assert ("9987000000", "25000000") == (collateral["balance"], shares["balance"])
    venue.account(positions={OTHER: "0.5"})
    address = client.keys["address"]
    one = send("GET", f"{venue.base_url}/positions?user={address}", None, {}).body
    both = send("GET", f"{venue.base_url}/data-api/positions?user={address}&sizeThreshold=0", None, {}).body
    assert [(TOKEN, 25.0)] == [(row["asset"], row["size"]) for row in one]
    assert [(TOKEN, 25.0), (OTHER, 0.5)] == [(row["asset"], row["size"]) for row in both]


def test_discovery_speaks_camel_case_with_lists_in_text(client: PolymarketClient) -> None:
    """Gamma's markets carry token ids as JSON inside of a string; the other reads answer too."""
    market = client.call("GET", f"/gamma/markets?condition_ids={MARKET}").body[0]
    assert (f'["{TOKEN}","{OTHER}"]', '["Yes","No"]') == (market["clobTokenIds"], market["outcomes"])
    assert 1 == len(client.call("GET", "/markets/keyset?limit=1").body["markets"])
    assert 2 == len(client.call("GET", "/events").body)
    assert MARKET == client.call("GET", f"/markets/{MARKET}").body["condition_id"]
    assert MARKET == client.call("GET", f"/markets-by-token/{OTHER}").body["condition_id"]
    assert {"version": 2} == client.call("GET", "/version").body
    assert abs(client.call("GET", "/time").body - time.time()) < 5
    assert 1000 == client.call("GET", f"/fee-rate?token_id={NEG_RISK}").body["base_fee"], "not what is paid"
