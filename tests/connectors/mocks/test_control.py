"""Steering a mock: state, books, prices, accounts, keys and replays, over the same HTTP as everything else."""

from pathlib import Path

import pytest

from connectors.errors import EdgeError
from connectors.mocks.start import VENUES, open_venue, read_keys
from tests.connectors.mocks.clients import TICKER, BinanceClient, KalshiClient, send
from tests.venues import Refused400, VenueControl, mock_venue

ROOT = Path(__file__).resolve().parents[3]
FIRST = {
    "kalshi": TICKER,
    "polymarket": "0x5f65177b394277fd294cd75650044e32ba009a95022d88a0c1d565897d72f8f1",
    "bitget": "BTCUSDT",
    "binance": "BTCUSDT",
}


@pytest.mark.parametrize("name", VENUES)
def test_every_venue_starts_empty_with_markets_and_keys(name: str) -> None:
    """State, modes, keys and a first book are there at once; nothing has happened."""
    with mock_venue(name) as venue:
        state = venue.state()
        assert ([], [], {"main": {}}, {"main": "10000"}, {}) == (
            state["orders"], state["fills"], state["positions"], state["balances"], state["effective_orders"],
        )  # fmt: skip
        assert FIRST[name] == state["markets"][0]
        assert {"venue", "account", "base_url", "ws_url"} < venue.keys.keys()
        assert venue.shown_book(FIRST[name])["bids"]
        assert venue.credentials("second") != venue.keys
        assert {"main", "second"} == venue.state()["balances"].keys()


@pytest.mark.parametrize("name", VENUES)
def test_a_recording_drives_the_book_that_orders_meet(name: str) -> None:
    """A recorded book is folded into one of our markets: never crossed, both sides there, another one than before."""
    with mock_venue(name) as venue:
        before = venue.shown_book(FIRST[name])
        wish = {"capture": str(ROOT / "fixtures" / f"demo_{name}.jsonl.gz"), "market": FIRST[name], "frames": 600}
        assert 10 < venue.ask("POST", "/_book", wish)["images"]
        after = venue.shown_book(FIRST[name])
        assert after != before
        assert float(after["bids"][0][0]) < float(after["asks"][0][0])
        with pytest.raises(Refused400, match="nowhere"):
            venue.ask("POST", "/_book", {"capture": "nowhere.jsonl"})


def test_requests_are_kept_as_they_came() -> None:
    """The log has path, query, headers and body of each request; text is found in any of them, or nowhere."""
    with mock_venue("kalshi") as venue:
        client = KalshiClient(venue)
        client.order("find-me")
        client.call("GET", "/portfolio/orders?status=resting")
        state = venue.state()
        assert ({"place": 1, "orders": 1}, "status=resting") == (state["requests"], state["last_request"]["query"])
        assert ["POST"] == [each["method"] for each in venue.requests(text="find-me")]
        assert [] == venue.requests(text="x-cvBPrNm9")
        assert client.keys["key_id"] == venue.requests(kind="place")[0]["headers"]["kalshi-access-key"]
        venue.reset()
        assert ({}, []) == (venue.state()["requests"], venue.state()["orders"])


def test_the_street_moves_with_the_price() -> None:
    """A new price shifts the street's book by whole ticks, and fills what it crosses."""
    with mock_venue("binance") as venue:
        client = BinanceClient(venue)
        client.order("a", price="64000", quantity="0.002")
        venue.price("BTCUSDT", "63900")
        assert ["0.002"] == [fill["size"] for fill in venue.state()["fills"]]
        book = venue.shown_book("BTCUSDT")
        assert ("63900", "63900.1") == (book["bids"][0][0], book["asks"][0][0])
        venue.price("BTCUSDT", "60000", mark_only=True)
        assert book == venue.shown_book("BTCUSDT")


def test_accounts_can_be_given_cash_and_positions() -> None:
    """Cash and holdings are what a test says, by account."""
    with mock_venue("bitget") as venue:
        said = venue.account(name="rich", cash="5", positions={"BTCUSDT": ["-0.5", "65000"], "ETHUSDT": 2})
        assert {"account": "rich", "cash": "5", "positions": {"BTCUSDT": "-0.5", "ETHUSDT": "2"}} == said
        assert {"rich": {"BTCUSDT": "-0.5", "ETHUSDT": "2"}} == venue.state(account="rich")["positions"]


def mistakes(venue: VenueControl) -> list[tuple[str, str, object]]:
    """Wishes that make no sense."""
    del venue
    return [
        ("POST", "/_trade", {"order_id": "none"}),
        ("POST", "/_trade", {"market": TICKER, "side": "hold"}),
        ("POST", "/_trade", {"market": "NONE", "side": "buy"}),
        ("POST", "/_book", {"market": TICKER, "bids": [["0.4"]]}),
        ("POST", "/_book", {"market": TICKER, "bids": [["x", "1"]]}),
        ("POST", "/_price", {"market": TICKER, "price": "NaN"}),
        ("POST", "/_rules", {"tea": 1}),
        ("POST", "/_market", {}),
        ("POST", "/_market", {"market": "KXA", "structure": "none"}),
        ("GET", "/_nothing", None),
    ]


def test_a_mistake_in_steering_is_told() -> None:
    """A wrong wish is an HTTP error with words, and changes nothing."""
    with mock_venue("kalshi") as venue:
        before = venue.shown_book(TICKER)
        for method, path, body in mistakes(venue):
            with pytest.raises(Refused400):
                venue.ask(method, path, body)
        assert before == venue.shown_book(TICKER)
        assert 400 == send("POST", f"{venue.base_url}/_book", b"no json", {}).status


def test_a_port_can_be_chosen_and_not_shared() -> None:
    """The given port is listened on, by one venue; an unknown venue and bad keys are refused before any port."""
    with mock_venue("kalshi") as venue:
        port = int(venue.base_url.rpartition(":")[2])
        with pytest.raises(EdgeError, match=str(port)):
            open_venue("kalshi", port).start()
    with mock_venue("kalshi", port) as again:
        assert again.base_url.endswith(str(port))
    with pytest.raises(EdgeError, match="one of kalshi"):
        open_venue("nasdaq")
    with pytest.raises(EdgeError, match="keys cannot be used"):
        open_venue("kalshi", keys={"key_id": "a"})


def test_keys_are_read_from_a_file(tmp_path: Path) -> None:
    """A JSON object is keys; anything else is refused with the file's name."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"api_key": "k", "secret": "s"}', "utf-8")
    bad.write_text("[]", "utf-8")
    with mock_venue("binance", keys=read_keys(good)) as venue:
        assert ("k", "s") == (venue.keys["api_key"], venue.keys["secret"])
        assert 200 == BinanceClient(venue).call("GET", "/fapi/v3/account").status
    for path in (bad, tmp_path / "none.json"):
        with pytest.raises(EdgeError, match=path.name):
            read_keys(path)
