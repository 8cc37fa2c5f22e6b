"""The mock of Kalshi's websocket against its fact sheet: handshake, commands, sid and seq, books, own channels."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.connectors.mocks.clients import TICKER, KalshiClient
from tests.connectors.mocks.sockets import Ear
from tests.venues import VenueControl, mock_venue

PATH = "/trade-api/ws/v2"


@pytest.fixture
def venue() -> Iterator[VenueControl]:
    """A fresh Kalshi."""
    with mock_venue("kalshi") as running:
        yield running


@pytest.fixture
def client(venue: VenueControl) -> KalshiClient:
    """Its main account."""
    return KalshiClient(venue)


@pytest.fixture
def ear(venue: VenueControl, client: KalshiClient) -> Iterator[Ear]:
    """A socket of the main account."""
    with Ear(venue.ws_url + PATH, client.headers("GET", PATH)) as socket:
        yield socket


def of(kind: str) -> Any:
    """Fits messages of a type."""
    return lambda message: message["type"] == kind


def subscribe(ear: Ear, *channels: str, **params: object) -> None:
    """Subscribe as the documents say."""
    ear.say({"id": 1, "cmd": "subscribe", "params": {"channels": list(channels), **params}})


def test_the_handshake_is_signed(venue: VenueControl, client: KalshiClient) -> None:
    """Without a signature of this very path there is no socket."""
    for headers in ({}, client.headers("GET", "/trade-api/v2")):
        with pytest.raises(InvalidStatus, match="401"):
            Ear(venue.ws_url + PATH, headers)


def test_a_book_is_a_picture_and_then_signed_changes(ear: Ear, client: KalshiClient) -> None:
    """Snapshot, then deltas in sequence; folded, they give the book; a change of ours names our client id."""
    subscribe(ear, "orderbook_delta", market_ticker=TICKER, use_yes_price=False)
    image = ear.until(of("orderbook_snapshot"))
    assert [["0.4100", "10.00"], ["0.4200", "13.00"]] == image["msg"]["yes_dollars_fp"]
    assert [["0.5500", "20.00"], ["0.5600", "17.00"]] == image["msg"]["no_dollars_fp"]
    client.order("mine", price="0.4200", count="2.50")
    change = ear.until(of("orderbook_delta"))
    assert (image["sid"], image["seq"] + 1) == (change["sid"], change["seq"])
    assert ("yes", "0.4200", "2.50", "mine") == tuple(
        change["msg"][name] for name in ("side", "price_dollars", "delta_fp", "client_order_id")
    )
    client.order("taker", price="0.4400", count="3.00", time_in_force="immediate_or_cancel")
    taken = ear.until(of("orderbook_delta"))["msg"]
    assert ("no", "0.5600", "-3.00") == (taken["side"], taken["price_dollars"], taken["delta_fp"])


def test_yes_prices_are_said_where_they_were_asked_for(ear: Ear) -> None:
    """With use_yes_price the NO side stands on the YES scale."""
    subscribe(ear, "orderbook_delta", market_tickers=[TICKER], use_yes_price=True)
    assert [["0.4400", "17.00"], ["0.4500", "20.00"]] == ear.until(of("orderbook_snapshot"))["msg"]["no_dollars_fp"]


def test_fills_orders_and_positions_are_told_to_their_owner_alone(
    venue: VenueControl, ear: Ear, client: KalshiClient
) -> None:
    """The four private channels carry the documented fields, and nothing of another account."""
    subscribe(ear, "fill", "user_orders", "market_positions", "trade", market_ticker=TICKER)
    KalshiClient(venue, "other").order("theirs", price="0.4400", count="1.00")
    client.order("mine", price="0.4400", count="10.00")
    fill = ear.until(of("fill"))["msg"]
    assert ("mine", "10.00", True, "yes", "bid", "0.4400", "10.00") == tuple(
        fill[name]
        for name in ("client_order_id", "count_fp", "is_taker", "outcome_side", "book_side", "yes_price_dollars",
                     "post_position_fp")
    )  # fmt: skip
    position = ear.until(of("market_position"))["msg"]
    assert ("10.00", TICKER) == (position["position_fp"], position["market_ticker"])
    done = ear.until(of("user_order"))["msg"]
    assert ("executed", "10.00", "0.00") == (done["status"], done["fill_count_fp"], done["remaining_count_fp"])
    assert not [
        m for m in ear.heard if m["type"] in ("fill", "user_order") and m["msg"].get("client_order_id") == "theirs"
    ]
    assert 2 == len([m for m in ear.heard if m["type"] == "trade"]), "trades are told to everybody"
    assert all("seq" not in m for m in ear.heard if m["type"] in ("fill", "user_order", "market_position"))


def test_control_replies_consume_a_number(ear: Ear, client: KalshiClient) -> None:
    """`ok` and `unsubscribed` carry the next seq of their sid, and a fresh snapshot follows on asking."""
    subscribe(ear, "orderbook_delta", market_ticker=TICKER)
    image = ear.until(of("orderbook_snapshot"))
    ask = {"sid": image["sid"], "action": "get_snapshot", "market_tickers": [TICKER]}
    ear.say({"id": 2, "cmd": "update_subscription", "params": ask})
    assert [image["seq"] + 1, image["seq"] + 2] == [ear.until(of(k))["seq"] for k in ("ok", "orderbook_snapshot")]
    ear.say({"id": 3, "cmd": "list_subscriptions"})
    assert [{"channel": "orderbook_delta", "sid": image["sid"]}] == ear.until(of("ok"))["subscriptions"]
    ear.say({"id": 4, "cmd": "unsubscribe", "params": {"sids": [image["sid"]]}})
    assert image["seq"] + 3 == ear.until(of("unsubscribed"))["seq"]
    client.order("a")
    assert [] == ear.for_a_while(0.2)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("no json", 1),
        ({"id": 1, "cmd": "subscribe"}, 2),
        ({"id": 1, "cmd": "subscribe", "params": {}}, 3),
        ({"id": 1, "cmd": "unsubscribe", "params": {}}, 4),
        ({"id": 1, "cmd": "shout", "params": {}}, 5),
        ({"id": 1, "cmd": "unsubscribe", "params": {"sids": [9]}}, 7),
        ({"id": 1, "cmd": "subscribe", "params": {"channels": ["gossip"]}}, 8),
        ({"id": 1, "cmd": "subscribe", "params": {"channels": ["orderbook_delta"], "market_ticker": "KXNONE"}}, 11),
        ({"id": 1, "cmd": "update_subscription", "params": {"sids": [1, 2], "action": "add_markets"}}, 12),
        ({"id": 1, "cmd": "subscribe", "params": {"channels": ["orderbook_delta"]}}, 14),
    ],
)
def test_wrong_commands_have_their_numbers(ear: Ear, command: object, code: int) -> None:
    """Each mistake is answered with the documented number."""
    ear.say(command)
    assert code == ear.until(of("error"))["msg"]["code"]


def test_tickers_and_order_groups_are_told(ear: Ear, client: KalshiClient) -> None:
    """A ticker may begin with a picture; an order group tells of its making."""
    subscribe(ear, "ticker", "order_group_updates", market_ticker=TICKER, send_initial_snapshot=True)
    said = ear.until(of("ticker"))["msg"]
    assert ("0.4200", "0.4400") == (said["yes_bid_dollars"], said["yes_ask_dollars"])
    client.call("POST", "/portfolio/order_groups/create", {"contracts_limit": 3})
    assert "created" == ear.until(of("order_group_updates"))["msg"]["event_type"]


def test_folded_changes_are_the_book(venue: VenueControl, ear: Ear) -> None:
    """After any replay of pictures, snapshot plus deltas equals what REST says, level by level."""
    subscribe(ear, "orderbook_delta", market_ticker=TICKER, use_yes_price=True)
    image = ear.until(of("orderbook_snapshot"))["msg"]
    book = {(side, price): Decimal(size) for side, name in (("yes", "yes_dollars_fp"), ("no", "no_dollars_fp"))
            for price, size in image[name]}  # fmt: skip
    steps = [
        {"bids": [["0.40", "5"], ["0.41", "7"]], "asks": [["0.43", "2"]]},
        {"bids": [["0.42", "1"]], "asks": [["0.43", "9"], ["0.60", "1"]], "after_ms": 20},
        {"bids": [], "asks": [["0.39", "4"]], "after_ms": 20},
    ]
    venue.ask("POST", "/_book", {"market": TICKER, "steps": steps})
    for message in ear.for_a_while(0.5):
        change = message["msg"]
        key = (change["side"], change["price_dollars"])
        book[key] = book.get(key, Decimal(0)) + Decimal(change["delta_fp"])
    assert {("no", "0.3900"): Decimal(4)} == {key: size for key, size in book.items() if size}
    assert {"market": TICKER, "bids": [], "asks": [["0.39", "4"]]} == venue.shown_book(TICKER)
