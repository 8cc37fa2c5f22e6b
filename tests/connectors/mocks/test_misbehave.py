"""A mock misbehaves as it is told, as often as it is told, and says what really happened."""

import http.client
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from connectors.mocks.core import Denied
from connectors.mocks.misbehave import KINDS, MODES, WRITES, Faults
from tests.connectors.mocks.clients import TICKER, KalshiClient, PolymarketClient
from tests.connectors.mocks.sockets import Ear
from tests.venues import Refused400, VenueControl, mock_venue

ASKED = {
    "accept_and_hang", "accept_and_drop", "refuse_and_hang", "409", "429", "500", "502", "503", "slow",
    "duplicate_fills", "disordered_fills", "matched_retrying_failed", "matched_mined_confirmed", "clock_skew",
    "maintenance", "ws_drop", "ws_freeze", "partial_page", "not_found_for_a_while",
}  # fmt: skip
GONE = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)


def matched(message: Any) -> bool:
    """True for the first word of a trade."""
    return bool(message["event_type"] == "trade" and message["status"] == "MATCHED")


def placed(venue: VenueControl) -> list[str]:
    """Client ids that the venue has taken."""
    return sorted(venue.state()["effective_orders"])


def test_every_documented_mode_exists_and_is_told() -> None:
    """The modes that a mock must know are all there, with what they do and whom they meet."""
    with mock_venue("kalshi") as venue:
        told = venue.modes()
    assert set(MODES) == told["modes"].keys() >= ASKED
    assert all(mode["does"] for mode in told["modes"].values())
    assert {"500_before", "503_after"} <= told["aliases"].keys()


def test_a_wish_that_makes_no_sense_is_refused() -> None:
    """An unknown mode, kind, number or time of acting is refused, with what is allowed."""
    faults = Faults()
    wishes: list[dict[str, object]] = [
        {"mode": "rude"}, {"mode": "slow", "times": -1}, {"mode": "slow", "times": "2"}, {"mode": "slow", "on": "tea"},
        {"mode": "500", "when": "never"},
    ]  # fmt: skip
    for wish in wishes:
        with pytest.raises(Denied):
            faults.ask(wish)
    assert [] == faults.active
    with mock_venue("kalshi") as venue, pytest.raises(Refused400, match="one of none"):
        venue.misbehave("rude")


def test_a_fault_meets_what_it_is_for_as_often_as_it_was_asked() -> None:
    """Twice is twice, on the named kinds of requests alone; `times` 0 and `none` take back."""
    faults = Faults()
    faults.ask({"mode": "500", "times": 2, "on": ["balance"]})
    assert [None, "500", "500", None] == [
        fault and fault.mode for fault in map(faults.take, ("place", "balance", "balance", "balance"))
    ]
    faults.ask({"mode": "429", "times": 9})
    assert list(WRITES) == [kind for kind in KINDS if faults.take(kind)]
    faults.ask({"mode": "429", "times": 0})
    faults.ask({"mode": "clock_skew"})
    assert ["clock_skew"] == [fault.mode for fault in faults.active]
    faults.ask({"mode": "none"})
    assert ([], {"500": 2, "429": len(WRITES)}) == (faults.active, faults.met)


@pytest.mark.parametrize(
    ("mode", "acted"),
    [("accept_and_hang", True), ("accept_and_drop", True), ("refuse_and_hang", False), ("refuse_and_drop", False)],
)
def test_no_answer_says_nothing_about_what_was_done(mode: str, acted: bool) -> None:
    """A request without an answer was carried out, or was not: only the venue's own state tells."""
    with mock_venue("kalshi") as venue:
        client = KalshiClient(venue)
        venue.misbehave(mode)
        begun = time.monotonic()
        with pytest.raises(GONE):
            client.order("a", timeout=0.3)
        assert mode.endswith("drop") == (time.monotonic() - begun < 0.25)
        assert (["a"] if acted else []) == placed(venue)
        assert 201 == client.order("b").status
        assert {mode: 1} == venue.modes()["met"]


@pytest.mark.parametrize("status", [409, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_error_comes_before_or_after_acting(status: int, when: str) -> None:
    """The same status may mean nothing was done, or everything was."""
    with mock_venue("kalshi") as venue:
        client = KalshiClient(venue)
        venue.misbehave(f"{status}_{when}", retry_after=7)
        said = client.order("a")
        assert (status, ["a"] if when == "after" else []) == (said.status, placed(venue))
        assert ("7" if status == 429 else None) == said.headers.get("retry-after")
        assert (201 if when == "before" else 409) == client.order("a").status


def test_slow_is_late_and_a_late_order_counts_although_nobody_waits() -> None:
    """`slow` acts and answers late; `slow_accept` acts late, after its client has gone."""
    with mock_venue("kalshi") as venue:
        client = KalshiClient(venue)
        venue.misbehave("slow", seconds=0.3)
        begun = time.monotonic()
        assert 201 == client.order("a").status
        assert 0.3 <= time.monotonic() - begun
        venue.misbehave("slow_accept", seconds=0.4)
        with pytest.raises(GONE):
            client.order("b", timeout=0.1)
        assert ["a"] == placed(venue)
        time.sleep(0.5)
        assert ["a", "b"] == placed(venue)


def test_others_are_served_while_one_hangs() -> None:
    """One request without an answer holds up no other."""
    with mock_venue("kalshi") as venue, ThreadPoolExecutor() as pool:
        client = KalshiClient(venue)
        venue.misbehave("accept_and_hang", seconds=1)
        hung = pool.submit(client.order, "a")
        time.sleep(0.1)
        begun = time.monotonic()
        assert 201 == client.order("b").status
        assert 0.5 > time.monotonic() - begun
        assert isinstance(hung.exception(), GONE)


def test_a_skewed_clock_shows_everywhere_and_refuses_signatures() -> None:
    """The venue's time, its Date header and its judgement of signatures move together, and come back."""
    with mock_venue("kalshi") as venue:
        client = KalshiClient(venue)
        venue.misbehave("clock_skew", seconds=120)
        assert abs(venue.state()["clock_ms"] - time.time() * 1000 - 120_000) < 1_000
        assert 401 == client.call("GET", "/portfolio/balance").status
        venue.misbehave("clock_skew", times=0)
        assert 200 == client.call("GET", "/portfolio/balance").status


def test_look_ups_may_lag_behind_orders() -> None:
    """An order that was taken may be unknown to look-ups and lists for a while, by count or by age."""
    with mock_venue("kalshi") as venue:
        client = KalshiClient(venue)
        order_id = client.order("a").body["order_id"]
        venue.misbehave("not_found_for_a_while", times=2)
        assert 404 == client.call("GET", f"/portfolio/orders/{order_id}").status
        assert [] == client.call("GET", "/portfolio/orders").body["orders"]
        assert 200 == client.call("GET", f"/portfolio/orders/{order_id}").status
        venue.misbehave("not_found_for_a_while", seconds=0.3)
        late = client.order("b").body["order_id"]
        assert 404 == client.call("GET", f"/portfolio/orders/{late}").status
        time.sleep(0.35)
        assert 200 == client.call("GET", f"/portfolio/orders/{late}").status


def test_a_list_may_end_in_the_middle() -> None:
    """A cut list shows that it goes on, and fails there; a silent one shows nothing at all."""
    with mock_venue("kalshi") as venue:
        client = KalshiClient(venue)
        for name in "abcd":
            client.order(name)
        venue.misbehave("partial_page")
        first = client.call("GET", "/portfolio/orders").body
        assert (2, True) == (len(first["orders"]), bool(first["cursor"]))
        assert 503 == client.call("GET", f"/portfolio/orders?cursor={first['cursor']}").status
        assert 2 == len(client.call("GET", f"/portfolio/orders?cursor={first['cursor']}").body["orders"])
        venue.misbehave("partial_page", variant="silent")
        silent = client.call("GET", "/portfolio/orders").body
        assert (2, "") == (len(silent["orders"]), silent["cursor"])


def test_fills_come_twice_or_in_the_wrong_order() -> None:
    """The socket and the list both repeat a fill, or swap two; the venue's own books stay right."""
    with mock_venue("polymarket") as venue:
        client = PolymarketClient(venue)
        auth = {"apiKey": client.keys["api_key"], "secret": client.keys["secret"],
                "passphrase": client.keys["passphrase"]}  # fmt: skip
        with Ear(f"{venue.ws_url}/ws/user") as ear:
            ear.say({"type": "user", "auth": auth})
            order_id = client.order("BUY", "0.50", "30").body["orderID"]
            venue.misbehave("duplicate_fills")
            venue.trade(order_id=order_id, size="1")
            ear.until(lambda message: message["event_type"] == "trade")
            assert "MATCHED" == ear.until(lambda message: message["event_type"] == "trade")["status"]
            assert 2 == len(client.call("GET", "/data/trades").body["data"])
            venue.misbehave("disordered_fills")
            venue.trade(order_id=order_id, size="2")
            venue.trade(order_id=order_id, size="3")
            swapped = [ear.until(matched) for _ in range(2)]
            assert ["3", "2"] == [message["size"] for message in swapped]
        assert "6" == venue.state()["positions"]["main"][client.signed("BUY", "0.50", "30")["order"]["tokenId"]]


def test_sockets_are_cut_or_fall_silent() -> None:
    """A cut ends every socket at once and the next as they open; a freeze keeps them open and says nothing."""
    with mock_venue("kalshi") as venue:
        client, path = KalshiClient(venue), "/trade-api/ws/v2"
        subscribe = {"id": 1, "cmd": "subscribe", "params": {"channels": ["orderbook_delta"], "market_ticker": TICKER}}
        with Ear(venue.ws_url + path, client.headers("GET", path)) as ear:
            venue.misbehave("ws_freeze")
            ear.say(subscribe)
            client.order("a")
            assert ["subscribed"] == [message["type"] for message in ear.for_a_while(0.3)]
            venue.misbehave("ws_freeze", times=0)
            client.order("b")
            assert "10.00" == ear.until(lambda message: message["type"] == "orderbook_delta")["msg"]["delta_fp"]
            venue.misbehave("ws_drop", times=2)
            assert ear.closed(1.0)
        with Ear(venue.ws_url + path, client.headers("GET", path)) as ear:
            assert ear.closed(1.0)
        with Ear(venue.ws_url + path, client.headers("GET", path)) as ear:
            ear.say(subscribe)
            assert ear.until(lambda message: message["type"] == "orderbook_snapshot")
