"""A desk that holds a perpetual: marked at the mark price, funded at each boundary, paid when it is delisted."""

import pytest
from msgspec.structs import replace

from contracts.envelope import Row
from contracts.ids import CLOCK_SOURCE, fact_id
from contracts.market import FeeModel, Kind, MarketDefinition, Settlement, Status
from contracts.order import AuthorisedOrder, OrderUpdate, PositionState
from flows.assemble import assembled
from flows.desks import load_desk
from operators.engine import Desk
from tests import world

NOW, SECOND, HOUR, M = int(world.NOW), world.SECOND, 3_600 * world.SECOND, 0
RANK = 3
PERP = world.definition(
    instrument_kind=int(Kind.PERP), outcome="", grid_ticks=0, tick_micros=100_000, lot_micros=1_000, expiry_ns=0,
    fee=FeeModel("linear_bps", 400, 200), funding_interval_h=4, settle_currency="USDT",
)  # fmt: skip


class Driven:
    """The lab desk, fed entry by entry."""

    def __init__(self, definition: MarketDefinition = PERP) -> None:
        """Let it know the market, its book and its mark."""
        self.desk: Desk = assembled(load_desk("lab", world.ROOT / "config"), at_ns=NOW).desk
        self.number = 0
        bids, asks = ((650_000, 500), (649_990, 500)), ((650_010, 500), (650_020, 500))
        self.said(definition, NOW)
        self.desk.step([world.image(fact=self.fact(), bids=bids, asks=asks)])
        self.mark(65_000_000_000, 100_000, NOW)

    def fact(self) -> int:
        """Return the next fact's id."""
        self.number += 1
        return fact_id(9, self.number)

    def said(self, payload: object, now: int) -> None:
        """Feed what a lane bot said."""
        self.desk.step([Row(self.fact(), RANK, 0, now, M, payload)])

    def mark(self, mark_micros: int, rate_ppb: int, now: int) -> None:
        """Feed a mark; funding is every four hours from midnight."""
        due = (now // (4 * HOUR) + 1) * 4 * HOUR
        heard = {"mark_micros": mark_micros, "funding_rate_ppb": rate_ppb, "next_funding_ns": due}
        self.desk.step([world.mark(fact=self.fact(), at_ns=now, **heard)])

    def take(self, side: int, lots: int, now: int) -> None:
        """Buy or sell at once, and hear of it a second later."""
        child = world.child(
            side=side, price_ticks=650_010 if side > 0 else 650_000, size_lots=lots, post_only=False,
            time_in_force="IOC", client_order_id=f"o{self.fact()}",
        )  # fmt: skip
        row, order = self.desk.rows[M], AuthorisedOrder("i", "p", world.STRATEGY, child, (), "")
        self.desk.cause, self.desk.base = self.fact(), len(self.desk.out)
        self.desk.plain[AuthorisedOrder](self.desk, row, order, self.desk.cause, now, 1)
        self.desk.submit(row, child, now)
        self.tick(now + SECOND)

    def tick(self, now: int) -> None:
        """Let time pass."""
        self.desk.step([world.tick(fact=fact_id(CLOCK_SOURCE, now // SECOND), at_ns=now)])

    @property
    def held(self) -> PositionState:
        """The position as it was last said."""
        position: PositionState = self.desk.rows[M].PositionState
        return position

    def payloads(self, kind: type) -> list[object]:
        """Every payload of a kind that the desk said."""
        rows = [row for block in self.desk.close() if block.chain == "decisions" for row in block.rows]
        return [row.payload for row in rows if isinstance(row, Row) and isinstance(row.payload, kind)]


def test_it_is_marked_at_the_mark_price_at_once() -> None:
    """Half a coin bought at 65,001 and marked at 65,000, then at 66,000; the account moves with it."""
    driven = Driven()
    driven.take(1, 500, NOW)
    assert (driven.held.size_lots, driven.held.cost_micros, driven.held.fees_micros) == (
        500,
        32_500_500_000,
        13_000_200,
    )
    assert driven.held.unrealised_micros == -500_000
    driven.mark(66_000_000_000, 100_000, NOW + 5 * SECOND)
    assert driven.held.unrealised_micros == 499_500_000
    account = driven.desk.account
    assert account.equity_micros - account.start_micros == 499_500_000 - 13_000_200 == driven.held.total_micros


@pytest.mark.parametrize(("side", "paid"), [(1, -3_300_000), (-1, 3_300_000)])
def test_funding_reaches_the_account_at_each_boundary(side: int, paid: int) -> None:
    """A basis point of half a coin at the mark before midnight plus four hours; the next rate at the next boundary."""
    driven = Driven()
    driven.take(side, 500, NOW)
    driven.mark(66_000_000_000, 100_000, NOW + 4 * HOUR - 1)
    assert driven.held.funding_micros == 0
    driven.mark(66_000_000_000, -50_000, NOW + 4 * HOUR)
    assert driven.held.funding_micros == paid
    driven.mark(66_000_000_000, 0, NOW + 8 * HOUR)
    assert driven.held.funding_micros == paid - paid // 2
    assert driven.desk.account.equity_micros - driven.desk.account.start_micros == driven.held.total_micros


def test_a_delisted_perpetual_is_paid_its_last_price() -> None:
    """Off its grid, to the millionth: everything is realised, and the account has exactly the money."""
    driven = Driven()
    driven.take(-1, 500, NOW)
    end = world.status(
        fact=driven.fact(), at_ns=NOW + 9 * SECOND, status=int(Status.CLOSED), settlement_micros=64_123_456_790
    )
    driven.desk.step([end])
    assert (driven.held.size_lots, driven.held.cost_micros, driven.held.realised_micros) == (0, 0, 438_271_605)
    assert [type(said) for said in driven.payloads(Settlement)] == [Settlement]
    assert driven.desk.account.equity_micros - driven.desk.account.start_micros == 438_271_605 - 13_000_000


def test_an_inverse_contract_is_never_held() -> None:
    """The venue rejects its orders; those in a linear one are filled."""
    for currency, last in (("BTC", "REJECTED"), ("USDT", "FILLED")):
        driven = Driven(replace(PERP, settle_currency=currency))
        driven.take(1, 500, NOW)
        states = [update.state for update in driven.payloads(OrderUpdate) if isinstance(update, OrderUpdate)]
        assert (states[0], states[-1]) == ("PENDING_SUBMIT", last)
