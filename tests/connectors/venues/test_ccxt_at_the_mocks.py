"""Bitget and Binance through ccxt and a real signer, at mock venues written by somebody else from the same sheet."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.venue import (
    CANCELLED,
    EXPIRED,
    FILLED,
    RESTING,
    Ambiguous,
    Final,
    Retryable,
    VenueFailed,
    VenueFill,
    VenueOrder,
)
from connectors.venues.ccxt_perps import Perps
from contracts.order import VenueOrderEvent
from tests.connectors.venues.perps import BTC, ETH, bid, perps
from tests.venues import VenueControl, point_ccxt

VENUES = ("binance", "bitget")
TAGS = ("p4sve", "x-cvbprnm9", "x-tkt5px2f", "x-xcktghcu", "channel-api", "broker", "ccxt")
Heard = list[VenueOrderEvent | VenueFill]


def until(venue: Perps, seen: Callable[[Heard], bool], seconds: float = 6.0) -> Heard:
    """Listen until something was said, and return everything that was."""
    heard: Heard = []
    end = time.monotonic() + seconds
    while time.monotonic() < end and not seen(heard):
        heard += venue.events(0.1)
    return heard


def said(heard: Heard) -> set[tuple[str, str]]:
    """Return (our id, event) of what was heard of orders."""
    return {(one.client_order_id, one.event) for one in heard if isinstance(one, VenueOrderEvent)}


def fills(heard: Heard) -> list[VenueFill]:
    """Return the fills among what was heard."""
    return [one for one in heard if isinstance(one, VenueFill)]


@pytest.mark.parametrize("name", VENUES)
def test_an_orders_whole_life(tmp_path: Path, name: str) -> None:
    """Placed once though sent twice, found, listed, taken back; taken at once, filled, held; everything heard."""
    with perps(tmp_path, name) as (venue, mock):
        terms, before = BTC[name], venue.holdings()
        assert abs(venue.server_time_ns() - time.time_ns()) < 1_000_000_000
        rests = venue.place(bid(name, "rests", post_only=True), terms)
        assert (RESTING, 0, 640_000, 10) == (rests.state, rests.filled_lots, rests.price_ticks, rests.size_lots)
        venue._sent.clear()  # as a new process would: then the venue refuses the repeat, and it is looked up
        assert rests == venue.place(bid(name, "rests", post_only=True), terms)
        assert 1 == len(mock.state()["orders"])
        assert rests == venue.find("rests", terms)
        assert ((rests,), True) == (venue.open_orders().rows, venue.open_orders().complete)
        takes = venue.place(bid(name, "takes", price=650_002, lots=5, force="IOC"), terms)
        assert (FILLED, 5) == (takes.state, takes.filled_lots)
        gone = venue.cancel(rests.venue_order_id, terms)
        assert gone is not None
        assert (CANCELLED, 0) == (gone.state, gone.filled_lots)
        assert gone == venue.cancel(rests.venue_order_id, terms)
        assert None is venue.cancel("123", terms)
        assert None is venue.find("never-sent", terms)
        heard = until(venue, lambda heard: bool(fills(heard)))
        assert {("rests", "ACK"), ("rests", "CANCELLED")} == said(heard)
        fee = {"binance": 162_501, "bitget": 195_001}[name]  # 0.005 * 65000.2 * 5 or 6 bp, rounded up
        assert [("takes", 1, 650_002, 5, "taker", fee)] == [
            (one.client_order_id, one.side, one.price_ticks, one.size_lots, one.liquidity, one.fee_micros)
            for one in fills(heard)
        ]
        after, page = venue.holdings(), venue.fills(0)
        assert (((terms.market_id, 5),), True) == (after.positions, after.complete)
        assert (fills(heard), True) == (list(page.rows), page.complete)
        assert fee == before.cash_micros - after.cash_micros


@pytest.mark.parametrize("name", VENUES)
def test_a_maker_is_filled_in_parts_and_reduces(tmp_path: Path, name: str) -> None:
    """A bid that somebody meets twice, then a sale that only reduces: every part told once, and the rest is held."""
    with perps(tmp_path, name) as (venue, mock):
        venue.place(bid(name, "bid", price=650_000, post_only=True), BTC[name])
        mock.book("BTCUSDT", bids=[])
        heard: Heard = []
        for size, lots in (("0.004", 4), ("0.006", 10)):
            mock.trade(market="BTCUSDT", side="sell", size=size, price="65000.0")
            heard += until(
                venue, lambda new, heard=heard, lots=lots: sum(f.size_lots for f in fills(heard + new)) >= lots
            )
        assert [(4, "maker", 650_000), (6, "maker", 650_000)] == [
            (one.size_lots, one.liquidity, one.price_ticks) for one in fills(heard)
        ]
        exit_ = venue.place(bid(name, "exit", side=-1, price=650_002, lots=7, reduce_only=True), BTC[name])
        assert (RESTING, -1) == (exit_.state, exit_.side)
        mock.trade(client_order_id="exit")
        heard = until(venue, lambda heard: bool(fills(heard)))
        assert [("exit", -1, 650_002, 7)] == [
            (one.client_order_id, one.side, one.price_ticks, one.size_lots) for one in fills(heard)
        ]
        assert ((BTC[name].market_id, 3),) == venue.holdings().positions


@pytest.mark.parametrize("name", VENUES)
def test_a_short_is_below_zero(tmp_path: Path, name: str) -> None:
    """A sale of what is not held is a short; on both venues one position per symbol, with its sign."""
    with perps(tmp_path, name) as (venue, _):
        venue.place(bid(name, "short", side=-1, price=650_001, lots=5, force="FOK"), BTC[name])
        assert ((BTC[name].market_id, -5),) == venue.holdings().positions


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize(
    ("mode", "kind", "lives"),
    [
        ("accept_and_hang", Ambiguous, True),
        ("accept_and_drop", Ambiguous, True),
        ("refuse_and_drop", Ambiguous, False),
        ("429", Retryable, False),
        ("500_after", Ambiguous, True),
        ("502", Ambiguous, False),
        ("503", Ambiguous, False),
        ("504_after", Ambiguous, True),
    ],
)
def test_a_lost_answer_is_told_by_a_look_up_and_sent_twice_is_one(
    tmp_path: Path, name: str, mode: str, kind: type[VenueFailed], lives: bool
) -> None:
    """Whatever the failure, the look-up knows whether the order lives, and a second send never makes a second order."""
    with perps(tmp_path, name, timeout_ms=700) as (venue, mock):
        mock.misbehave(mode)
        with pytest.raises(kind):
            venue.place(bid(name, "once"), BTC[name])
        assert lives == (venue.find("once", BTC[name]) is not None)
        assert RESTING == venue.place(bid(name, "once"), BTC[name]).state
        assert 1 == len(mock.state()["orders"])


@pytest.mark.parametrize("name", VENUES)
def test_sent_twice_after_its_fill_is_one(tmp_path: Path, name: str) -> None:
    """Both venues take a client id again once its order has ended: the connector looks it up before it sends again."""
    with perps(tmp_path, name, timeout_ms=700) as (venue, mock):
        mock.misbehave("accept_and_hang")
        order = bid(name, "fast", price=650_002, lots=5, force="IOC")
        with pytest.raises(Ambiguous):
            venue.place(order, BTC[name])
        again = venue.place(order, BTC[name])
        assert (FILLED, 5, 1) == (again.state, again.filled_lots, len(mock.state()["orders"]))
        assert ["fast"] == [one.client_order_id for one in fills(until(venue, lambda heard: bool(fills(heard))))]


@pytest.mark.parametrize("name", VENUES)
def test_a_refused_repeat_that_reads_do_not_show_yet_is_open(tmp_path: Path, name: str) -> None:
    """A duplicate says that the order was accepted; while no look-up shows it, nothing is known of its state."""
    with perps(tmp_path, name) as (venue, mock):
        venue.place(bid(name, "once"), BTC[name])
        venue._sent.clear()
        mock.misbehave("not_found_for_a_while")
        with pytest.raises(Ambiguous, match="accepted earlier, not yet seen") as told:
            venue.place(bid(name, "once"), BTC[name])
        assert "duplicate" == told.value.code


def test_what_binance_refuses_is_final(tmp_path: Path) -> None:
    """Post-only that crosses, all or nothing without enough, too small, nothing to reduce, no money: its own number."""
    with perps(tmp_path, "binance") as (venue, mock):
        for name, changes, code in (
            ("crosses", {"price": 650_002, "post_only": True}, "-5022"),
            ("whole", {"price": 650_002, "lots": 90_000, "force": "FOK"}, "-2019"),
            ("small", {"price": 640_000, "lots": 0, "post_only": True}, "unspellable"),
            ("least", {"price": 10_000, "lots": 1}, "-4164"),
            ("nothing", {"reduce_only": True}, "-2022"),
        ):
            with pytest.raises(Final) as told:
                venue.place(bid("binance", name, **changes), BTC["binance"])
            assert code == told.value.code
        assert [] == mock.state()["orders"]


def test_what_bitget_refuses_is_final_or_read_at_once(tmp_path: Path) -> None:
    """Its answer to an order says nothing of post-only or all-or-nothing: the order is read, and is cancelled there."""
    with perps(tmp_path, "bitget") as (venue, mock):
        crosses = venue.place(bid("bitget", "crosses", price=650_002, post_only=True), BTC["bitget"])
        assert (CANCELLED, 0) == (crosses.state, crosses.filled_lots)
        assert crosses.detail
        for name, changes, code in (
            ("least", {"price": 10_000, "lots": 1}, "45110"),
            ("nothing", {"reduce_only": True}, "22002"),
            ("money", {"lots": 90_000}, "40762"),
        ):
            with pytest.raises(Final) as told:
                venue.place(bid("bitget", name, **changes), BTC["bitget"])
            assert code == told.value.code
        assert ["crosses"] == [one["client_id"] for one in mock.state()["orders"]]


@pytest.mark.parametrize("name", VENUES)
def test_what_takes_and_leaves_a_rest_is_ended(tmp_path: Path, name: str) -> None:
    """An immediate order for more than there is: filled in part, the rest gone, under the venue's word for it."""
    with perps(tmp_path, name) as (venue, mock):
        mock.book("BTCUSDT", asks=[["65000.2", "0.003"]])
        found = venue.place(bid(name, "part", price=650_002, lots=5, force="IOC"), BTC[name])
        assert ({"binance": EXPIRED, "bitget": CANCELLED}[name], 3) == (found.state, found.filled_lots)
        heard = until(venue, lambda heard: bool(fills(heard)))
        assert ({("part", found.state)}, [3]) == (said(heard), [one.size_lots for one in fills(heard)])


@pytest.mark.parametrize("name", VENUES)
def test_everything_is_taken_back(tmp_path: Path, name: str) -> None:
    """Orders of two symbols go, those of one when only it is named, and those that this process never saw."""
    with perps(tmp_path, name, BTC[name]) as (venue, _):
        for number in range(4):
            venue.place(bid(name, f"b-{number}"), BTC[name])
        other = ETH[name]
        venue.place(bid(name, "e-0", market_id=other.market_id, price=300_000, lots=100), other)
        assert 4 == venue.cancel_all(BTC[name].market_id)
        assert ["e-0"] == [cast(VenueOrder, row).client_order_id for row in venue.open_orders().rows]
        del venue._terms[other.symbol]  # as in a process that does not trade it
        venue._active.clear()
        venue._follow._open.clear()
        assert 1 == venue.cancel_all()
        assert ((), 0) == (venue.open_orders().rows, venue.cancel_all())


@pytest.mark.parametrize("name", VENUES)
def test_a_cut_list_proves_nothing(tmp_path: Path, name: str) -> None:
    """A list whose body ends early is no answer, or not complete; nothing is taken for absent."""
    with perps(tmp_path, name) as (venue, mock):
        venue.place(bid(name, "rests"), BTC[name])
        mock.misbehave("partial_page", variant="cut")
        with pytest.raises(Retryable):
            venue.open_orders()
        assert (1, True) == (len(venue.open_orders().rows), venue.open_orders().complete)


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize("mode", ["duplicate_fills", "disordered_fills"])
def test_fills_are_told_once_whatever_the_list_does(tmp_path: Path, name: str, mode: str) -> None:
    """Twice or in another order: every fill is heard exactly once, and stands once in a page, oldest first."""
    with perps(tmp_path, name) as (venue, mock):
        mock.misbehave(mode, times=2)
        for number in range(3):
            venue.place(bid(name, f"o-{number}", price=650_002, lots=5 + number, force="IOC"), BTC[name])
        heard = fills(until(venue, lambda heard: len(fills(heard)) >= 3))
        assert [5, 6, 7] == sorted(one.size_lots for one in heard)
        page = venue.fills(0)
        assert [5, 6, 7] == [cast(VenueFill, row).size_lots for row in page.rows]


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize("seconds", [40, -40])
def test_the_venues_clock_is_followed(tmp_path: Path, name: str, seconds: int) -> None:
    """A clock that moves away is refused once, read again, and then everything is stamped by the venue's."""
    with perps(tmp_path, name) as (venue, mock):
        venue.place(bid(name, "before"), BTC[name])
        mock.misbehave("clock_skew", seconds=seconds)
        with pytest.raises(Retryable) as told:
            venue.place(bid(name, "after"), BTC[name])
        assert ({"binance": "-1021", "bitget": "40008"}[name], 0.0) == (told.value.code, told.value.after_s)
        assert RESTING == venue.place(bid(name, "after"), BTC[name]).state
        assert abs(venue.server_time_ns() - time.time_ns() - seconds * 1_000_000_000) < 1_000_000_000


def test_maintenance_is_waited_out(tmp_path: Path) -> None:
    """Bitget closed for work refuses by a code of its own and may be asked again; Binance's 503 leaves it open."""
    for name, kind in (("bitget", Retryable), ("binance", Ambiguous)):
        with perps(tmp_path, name) as (venue, mock):
            mock.misbehave("maintenance")
            with pytest.raises(kind):
                venue.place(bid(name, "closed"), BTC[name])
            mock.misbehave("none")
            assert RESTING == venue.place(bid(name, "closed"), BTC[name]).state
            assert 1 == len(mock.state()["orders"])


def test_the_countdown_takes_back_what_nobody_renews(tmp_path: Path) -> None:
    """Binance: armed before the first resting order, renewed, and what it cancels is heard; Bitget has none."""
    with perps(tmp_path, "binance") as (venue, mock):
        venue.place(bid("binance", "rests"), BTC["binance"])
        kinds = [(row["method"], row["path"].rpartition("/")[2]) for row in mock.requests()]
        assert [("GET", "time"), ("POST", "countdownCancelAll"), ("POST", "order")] == kinds
        venue.arm()
        assert 2 == len(mock.requests(text="countdownTime=120000"))
        venue._calls.ask("fapiPrivatePostCountdownCancelAll", {"symbol": "BTCUSDT", "countdownTime": 300}, writes=True)
        heard = until(venue, lambda heard: ("rests", "CANCELLED") in said(heard))
        assert {("rests", "ACK"), ("rests", "CANCELLED")} == said(heard)
    with perps(tmp_path, "bitget") as (venue, mock):
        venue.arm()
        assert (0.0, []) == (venue.can.dead_man_s, mock.requests())


@pytest.mark.parametrize("name", VENUES)
def test_leverage_is_set_before_the_first_order(tmp_path: Path, name: str) -> None:
    """The desk's leverage, crossed margin and one position per symbol stand before the first order, on record."""
    with perps(tmp_path, name, leverage={BTC[name].market_id: 3}) as (venue, mock):
        venue.place(bid(name, "first"), BTC[name])
        venue.place(bid(name, "second"), BTC[name])
        assert {BTC[name].market_id: (3, "cross")} == venue.leverage
        paths = [row["path"] for row in mock.requests() if row["method"] == "POST"]
        set_, sent = (
            [n for n, path in enumerate(paths) if path.endswith(ends)] for ends in ("leverage", ("/order", "-order"))
        )
        assert (1, 2, True) == (len(set_), len(sent), set_[0] < sent[0])


def _stock(name: str, mock: VenueControl) -> Any:
    """Return ccxt as it comes out of the package, at the mock."""
    import ccxt

    made = {"apiKey": mock.keys["api_key"], "secret": mock.keys["secret"], "password": mock.keys.get("passphrase", "")}
    exchange = (ccxt.binanceusdm if name == "binance" else ccxt.bitget)(made | {"options": {"defaultType": "swap"}})
    point_ccxt(exchange, mock)
    return exchange


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize("mode", ["live", "testnet_probe"])
def test_no_byte_at_the_venue_is_a_brokers(tmp_path: Path, name: str, mode: str) -> None:
    """Nothing that the venue received names ccxt or a broker, in no header, id or field; plain ccxt's order does."""
    with perps(tmp_path, name, mode=mode, leverage={BTC[name].market_id: 2}) as (venue, mock):
        venue.place(bid(name, "8c35ecb3328f4f528c7c0f4b98", post_only=True), BTC[name])
        taken = venue.place(bid(name, "8c35ecb3328f4f528c7c0f4b99", price=650_002, force="IOC"), BTC[name])
        venue.cancel(taken.venue_order_id, BTC[name])
        venue.cancel_all()
        venue.open_orders(), venue.fills(0), venue.holdings(), venue.arm(), venue.events(0.0)
        told = mock.requests()
        assert {"POST", "GET"} <= {row["method"] for row in told}
        assert [] == [tag for tag in TAGS if tag in json.dumps(told).lower()]
        sent = [row for row in told if row["path"].endswith(("/order", "/place-order")) and row["method"] == "POST"]
        assert ["8c35ecb3328f4f528c7c0f4b98", "8c35ecb3328f4f528c7c0f4b99"] == [
            text for row in sent for text in ("8c35ecb3328f4f528c7c0f4b98", "8c35ecb3328f4f528c7c0f4b99")
            if text in json.dumps(row)
        ]  # fmt: skip
        if name == "bitget":
            private = [row for row in told if "/mix/" in row["path"]]
            header = {row["headers"].get("paptrading", "") for row in private}
            assert {"1" if mode == "testnet_probe" else ""} == header
        mock.reset()
        stock = _stock(name, mock)
        if name == "binance":
            stock.fapiPrivatePostOrder({"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01",
                                        "price": "64000", "timeInForce": "GTC"})  # fmt: skip
        else:
            stock.privateMixGetV2MixOrderOrdersPending({"productType": "USDT-FUTURES"})
        assert [] != [tag for tag in TAGS if tag in json.dumps(mock.requests()).lower()]
