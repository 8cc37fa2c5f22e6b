"""The connectors, through a real signer, at mock venues written by somebody else from the same documents."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.venue import (
    CANCELLED,
    FILLED,
    RESTING,
    Ambiguous,
    Final,
    Retryable,
    Terms,
    Venue,
    VenueFailed,
    VenueFill,
    VenueOrder,
)
from connectors.venues.polymarket import Polymarket
from contracts.ids import order_salt
from contracts.order import PlannedOrder, VenueOrderEvent
from tests.connectors.venues import wired
from tests.connectors.venues.desks import KALSHI_TERMS, TICKER, planned
from tests.venues import VenueControl

BIDS, ASKS = [["0.41", "10"]], [["0.44", "17"]]


@dataclass
class Desk:
    """A venue, its mock's steering, the terms of one market, and everything that `events` has said."""

    venue: Venue
    mock: VenueControl
    terms: Terms
    heard: list[VenueOrderEvent | VenueFill] = field(default_factory=list)

    def order(self, name: str, **changes: Any) -> PlannedOrder:
        """Return an order of ten contracts at 0.40, with the salt of its id."""
        given = {"price": 40, "salt": order_salt(name), "client_order_id": name} | changes
        return planned(self.venue.venue_id, self.terms.market_id, **given)

    def place(self, name: str, **changes: Any) -> VenueOrder:
        """Send one."""
        return self.venue.place(self.order(name, **changes), self.terms)

    def until(self, seen: Callable[[list[VenueOrderEvent | VenueFill]], bool], seconds: float = 8.0) -> bool:
        """Listen until something was said."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not seen(self.heard):
            self.heard += self.venue.events(0.05)
        return seen(self.heard)

    def fills(self, name: str) -> list[VenueFill]:
        """Return what was heard of an order's fills."""
        return [one for one in self.heard if isinstance(one, VenueFill) and one.client_order_id == name]


@contextmanager
def kalshi(folder: Path) -> Iterator[Desk]:
    """Return a desk at Kalshi's mock."""
    with wired.kalshi(folder, KALSHI_TERMS) as (venue, mock):
        mock.book(TICKER, bids=BIDS, asks=ASKS)
        desk = Desk(venue, mock, KALSHI_TERMS)
        assert desk.until(lambda heard: venue._channel.up)
        yield desk


@contextmanager
def polymarket(folder: Path, wallet: str = "") -> Iterator[Desk]:
    """Return a desk at Polymarket's mock, for one kind of wallet."""
    with wired.polymarket(folder, wallet=wallet) as (venue, mock):
        about = mock.ask("GET", f"/clob-markets/{mock.state()['markets'][0]}")
        yes, no = (token["t"] for token in about["t"])
        mock.book(yes, bids=BIDS, asks=ASKS)
        terms = Terms(yes, yes, 10_000, 10_000, 100, about["nr"], no)
        desk = Desk(venue, mock, terms)
        assert desk.until(lambda heard: venue._channel.up)
        yield desk


DESKS = {
    "kalshi": kalshi,
    "polymarket": polymarket,
    "safe": lambda folder: polymarket(folder, "safe"),
    "deposit": lambda folder: polymarket(folder, "deposit"),
}


@pytest.mark.parametrize("name", DESKS)
def test_an_orders_whole_life(tmp_path: Path, name: str) -> None:
    """Placed once though sent twice, found, listed, taken back; taken at once, filled, held; everything heard."""
    with DESKS[name](tmp_path) as desk:
        venue, before = desk.venue, desk.venue.holdings()
        assert abs(venue.server_time_ns() - time.time_ns()) < 3_000_000_000
        venue.arm()
        rests = desk.place("rests", post_only=True)
        assert (RESTING, 0, 40) == (rests.state, rests.filled_lots, rests.price_ticks)
        assert rests.venue_order_id == desk.place("rests", post_only=True).venue_order_id
        assert 1 == len(desk.mock.state()["orders"])
        found = venue.find("rests", desk.terms)
        assert found is not None
        assert (rests.venue_order_id, "rests", 1_000) == (found.venue_order_id, found.client_order_id, found.size_lots)
        listed = venue.open_orders()
        assert (["rests"], True) == ([cast(VenueOrder, row).client_order_id for row in listed.rows], listed.complete)
        takes = desk.place("takes", price=44, lots=500, force="IOC")
        assert (FILLED, 500) == (takes.state, takes.filled_lots)
        gone = venue.cancel(rests.venue_order_id, desk.terms)
        assert gone is not None
        assert (CANCELLED, 0) == (gone.state, gone.filled_lots)
        again = venue.cancel(rests.venue_order_id, desk.terms)
        assert again is None or again.state == CANCELLED
        assert desk.until(lambda heard: any(fill.settled for fill in desk.fills("takes")))
        assert {(1, 44, 500, "taker")} == {
            (fill.side, fill.price_ticks, fill.size_lots, fill.liquidity) for fill in desk.fills("takes")
        }
        said = {(one.client_order_id, one.event) for one in desk.heard if isinstance(one, VenueOrderEvent)}
        assert {("rests", "ACK"), ("rests", "CANCELLED")} <= said
        after, page = venue.holdings(), venue.fills(0)
        assert (((desk.terms.market_id, 500),), True) == (after.positions, after.complete)
        fee = cast(VenueFill, page.rows[0]).fee_micros
        assert (1, True, 2_200_000 + fee) == (len(page.rows), page.complete, before.cash_micros - after.cash_micros)


@pytest.mark.parametrize("name", ["kalshi", "polymarket"])
def test_a_maker_is_filled_and_reduces(tmp_path: Path, name: str) -> None:
    """A bid that somebody meets, then a sale that only reduces: position and side come back as they were sent."""
    with DESKS[name](tmp_path) as desk:
        desk.place("bid", price=42, post_only=True)
        desk.mock.trade(market=desk.terms.symbol, side="sell", size="10", price="0.42")
        assert desk.until(lambda heard: bool(desk.fills("bid")))
        first = desk.fills("bid")[0]
        assert (1, 42, 1_000, "maker", 0) == (
            first.side, first.price_ticks, first.size_lots, first.liquidity, first.fee_micros,
        )  # fmt: skip
        if name == "polymarket":
            assert desk.until(lambda heard: any(fill.settled for fill in desk.fills("bid")))
        desk.place("exit", price=43, side=-1, lots=500, reduce_only=True, post_only=True)
        desk.mock.trade(market=desk.terms.symbol, side="buy", size="5", price="0.43")
        assert desk.until(lambda heard: bool(desk.fills("exit")))
        assert (-1, 43, 500) == (
            desk.fills("exit")[0].side, desk.fills("exit")[0].price_ticks, desk.fills("exit")[0].size_lots,
        )  # fmt: skip
        assert ((desk.terms.market_id, 500),) == desk.venue.holdings().positions


def test_a_sale_of_what_is_not_held_buys_the_other_token(tmp_path: Path) -> None:
    """On Polymarket a short of YES is NO: order, fill and position come back on the market's own scale."""
    with polymarket(tmp_path) as desk:
        sold = desk.place("short", price=41, side=-1, lots=500, force="IOC")
        assert (FILLED, -1, 500) == (sold.state, sold.side, sold.filled_lots)
        assert desk.until(lambda heard: any(fill.settled for fill in desk.fills("short")))
        assert {(-1, 41, 500)} == {(one.side, one.price_ticks, one.size_lots) for one in desk.fills("short")}
        assert ((desk.terms.market_id, -500),) == desk.venue.holdings().positions


@pytest.mark.parametrize(
    ("name", "mode", "kind", "lives"),
    [
        ("kalshi", "accept_and_drop", Ambiguous, True),
        ("kalshi", "refuse_and_drop", Ambiguous, False),
        ("kalshi", "429", Retryable, False),
        ("kalshi", "500_after", Ambiguous, True),
        ("kalshi", "503", Ambiguous, False),
        ("kalshi", "504_after", Ambiguous, True),
        ("polymarket", "accept_and_drop", Ambiguous, True),
        ("polymarket", "refuse_and_drop", Ambiguous, False),
        ("polymarket", "429", Retryable, False),
        ("polymarket", "500_after", Ambiguous, True),
        ("polymarket", "502", Ambiguous, False),
    ],
)
def test_a_lost_answer_is_told_by_a_look_up_and_sent_twice_is_one(
    tmp_path: Path, name: str, mode: str, kind: type[VenueFailed], lives: bool
) -> None:
    """Whatever the failure, the look-up knows whether the order lives, and a second send never makes a second order."""
    with DESKS[name](tmp_path) as desk:
        desk.mock.misbehave(mode)
        with pytest.raises(kind):
            desk.place("once")
        assert lives == (desk.venue.find("once", desk.terms) is not None)
        assert RESTING == desk.place("once").state
        assert 1 == len(desk.mock.state()["orders"])


def test_what_a_venue_refuses_is_final(tmp_path: Path) -> None:
    """Post-only that crosses, all or nothing without enough: refused under the venue's own word, nothing rests."""
    with kalshi(tmp_path) as desk:
        for name, changes, code in (
            ("crosses", {"price": 45, "post_only": True}, "post_only_cross"),
            ("whole", {"price": 44, "lots": 50_000, "force": "FOK"}, "fill_or_kill_insufficient_resting_volume"),
        ):
            with pytest.raises(Final) as told:
                desk.place(name, **changes)
            assert code == told.value.code
    with polymarket(tmp_path) as desk:
        for name, changes, code in (
            ("crosses", {"price": 45, "post_only": True}, "order crosses book"),
            ("whole", {"price": 44, "lots": 50_000, "force": "FOK"}, "couldn't be fully filled"),
        ):
            with pytest.raises(Final, match=code):
                desk.place(name, **changes)
        assert [] == [one for one in desk.mock.state()["orders"] if one["status"] == "live"]


@pytest.mark.parametrize("name", ["kalshi", "polymarket"])
def test_everything_is_taken_back(tmp_path: Path, name: str) -> None:
    """Seven orders are cancelled by one call, though orders have emptied the bucket of writes."""
    with DESKS[name](tmp_path) as desk:
        for number in range(7):
            desk.place(f"o-{number}", price=20 + number, post_only=True)
        assert 7 == desk.venue.cancel_all(desk.terms.market_id)
        assert ((), 0) == (desk.venue.open_orders().rows, desk.venue.cancel_all())


@pytest.mark.parametrize("name", ["kalshi", "polymarket"])
def test_a_page_cut_short_proves_nothing(tmp_path: Path, name: str) -> None:
    """A list that ends early is incomplete or no answer; a look-up in it never says that an order is absent."""
    with DESKS[name](tmp_path) as desk:
        desk.place("rests", post_only=True)
        desk.mock.misbehave("partial_page", times=1, variant="cut")
        try:
            page = desk.venue.open_orders()
        except Retryable:
            return
        assert not page.complete or 1 == len(page.rows)


def test_a_trade_that_fails_is_told_as_failed(tmp_path: Path) -> None:
    """MATCHED, RETRYING, FAILED: first a fill that is not settled, then the same one as failed, each once."""
    with polymarket(tmp_path) as desk:
        desk.mock.misbehave("matched_retrying_failed")
        desk.place("takes", price=44, lots=500, force="IOC")
        assert desk.until(lambda heard: any(fill.failed for fill in desk.fills("takes")))
        assert [(False, False), (False, True)] == [(fill.settled, fill.failed) for fill in desk.fills("takes")]
        assert 1 == len({fill.trade_id for fill in desk.fills("takes")})


@pytest.mark.parametrize("name", ["kalshi", "polymarket"])
@pytest.mark.parametrize("mode", ["duplicate_fills", "disordered_fills", "ws_drop"])
def test_fills_are_told_once_whatever_the_channel_does(tmp_path: Path, name: str, mode: str) -> None:
    """Twice, in another order, or through a channel that is cut: every rung of every fill is told exactly once."""
    with DESKS[name](tmp_path) as desk:
        desk.mock.misbehave(mode, times=2)
        names = ("a", "b")
        for number, one in enumerate(names):
            desk.place(one, price=44, lots=500 + 100 * number, force="IOC")
        assert desk.until(lambda heard: all(any(fill.settled for fill in desk.fills(one)) for one in names), 12)
        told = [(fill.trade_id, fill.settled) for one in names for fill in desk.fills(one)]
        assert len(set(told)) == len(told)


@pytest.mark.parametrize("variant", ["", "restart", "cancel_only", "post_only"])
def test_maintenance_is_waited_out(tmp_path: Path, variant: str) -> None:
    """A venue that is closed for work, in each way that its documents name, may be asked again, and has one order."""
    with polymarket(tmp_path) as desk:
        desk.mock.misbehave("maintenance", variant=variant)
        with pytest.raises(Retryable):
            desk.place("closed")
        desk.mock.misbehave("none")
        assert RESTING == desk.place("closed").state
        assert 1 == len(desk.mock.state()["orders"])


def test_the_dead_mans_switch_is_renewed(tmp_path: Path) -> None:
    """Heartbeats in a row are accepted, and one of another sender is adopted."""
    with polymarket(tmp_path) as desk:
        for _ in range(3):
            desk.venue.arm()
        cast(Polymarket, desk.venue)._beat = "somebody-elses"
        desk.venue.arm()
        assert 1 == len(desk.mock.state()["heartbeats"]["armed"])
