"""exec.position_keeper: what is held, from fills and settlements alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.exec.position_keeper import BOT, FUNDING_NS, Config, Held, compare, fill, remark
from bots.kit import Instant
from bots.maths.positions import Inventory
from contracts.market import Kind, MarketDefinition, MarketSnapshot, Settlement
from contracts.order import AccountSnapshot, Fill, PositionState
from operators.paper_venue import settle
from tests import world

NOW = world.NOW
CONTRACTS = 100  # lots of a contract
TOKENS = world.definition(complement_id="T2")


def bought(contracts: int = 100, price: int = 40, side: int = 1, **overrides: object) -> Fill:
    """Return a fill of whole contracts."""
    return world.fill(**{"size_lots": contracts * CONTRACTS, "price_ticks": price, "side": side, **overrides})


def enter(
    state: Held,
    event: Fill | Settlement,
    known: MarketDefinition | None = None,
    snap: MarketSnapshot | None = None,
    now: Instant = NOW,
) -> tuple[Held, PositionState]:
    """Enter an event at a book of 44 to 46."""
    shown = snap if snap is not None else world.snapshot()
    return fill(Config(), state, event, known or world.definition(), shown, world.desk(account="paper"), now)


def look(
    state: Held, snap: MarketSnapshot, known: MarketDefinition | None = None, now: Instant = NOW
) -> tuple[Held, PositionState | None]:
    """Show a snapshot."""
    return remark(Config(), state, snap, known or world.definition(), world.desk(), now)


def accounts(
    lots: int, config: Config | None = None, state: Held | None = None, **overrides: object
) -> tuple[Held, PositionState | None]:
    """Compare 100 contracts held with an account that shows so many lots."""
    held = state or enter(Held(), bought())[0]
    shown = AccountSnapshot("paper", True, 0, ((world.MARKET, lots), ("M2", 5)), (), int(NOW))
    shown = AccountSnapshot(*(overrides.get(name, getattr(shown, name)) for name in shown.__struct_fields__))
    return compare(config or Config(), held, shown, world.definition(), world.desk(), NOW)


class TestFixtures:
    def test_normal(self) -> None:
        """Buy 100 YES at .40: quantity 100, cost 40, EXEC_POSITION_UPDATED."""
        _, said = enter(Held(), bought(fee_micros=1_680_000))
        assert said == PositionState(
            "paper",
            world.MARKET,
            10_000,
            40_000_000,
            0,
            1_680_000,
            0,
            450_000,
            5_000_000,
            False,
            "EXEC_POSITION_UPDATED",
            40_000_000,
        )

    def test_warning(self) -> None:
        """The venue shows 98: drift, EXEC_POSITION_DRIFT; the position itself is not copied."""
        _, said = accounts(9_800)
        assert said is not None
        assert (said.size_lots, said.drift, said.reason) == (10_000, True, "EXEC_POSITION_DRIFT")

    def test_hard(self) -> None:
        """A sale of 120 of 100 tokens: flagged, EXEC_POSITION_NEGATIVE."""
        state, _ = enter(Held(), bought(), TOKENS)
        _, said = enter(state, bought(120, 45, -1), TOKENS)
        assert (said.size_lots, said.reason) == (-2_000, "EXEC_POSITION_NEGATIVE")

    def test_failure(self) -> None:
        """A held market without a snapshot: equity unknown, EXEC_POSITION_UNPRICED."""
        _, said = fill(Config(), Held(), bought(), world.definition(), None, world.desk(), NOW)
        assert (said.mark_micros, said.unrealised_micros, said.reason) == (-1, 0, "EXEC_POSITION_UNPRICED")


def test_a_venue_that_nets_may_go_through_zero() -> None:
    """There a sale of 120 of 100 is one of 100 and a purchase of 20 NO; a sale down to nothing is no flag anywhere."""
    state, _ = enter(Held(), bought())
    _, said = enter(state, bought(120, 45, -1))
    assert (said.size_lots, said.cost_micros, said.realised_micros) == (-2_000, -9_000_000, 5_000_000)
    assert said.reason == "EXEC_POSITION_UPDATED"
    assert said.exposure_micros == 11_000_000
    tokens, _ = enter(Held(), bought(), TOKENS)
    assert enter(tokens, bought(100, 45, -1), TOKENS)[1].reason == "EXEC_POSITION_UPDATED"


MARKS = [
    ("mid of both sides", 1, {}, 450_000),
    ("a half tick is kept", 1, {"bid_ticks": 45}, 455_000),
    ("a long is closed at the bid", 1, {"ask_ticks": 0}, 440_000),
    ("an ask beyond the grid is none", 1, {"ask_ticks": 101}, 440_000),
    ("a short is closed at the ask", -1, {"bid_ticks": 0}, 460_000),
    ("a short without an ask has no mark", -1, {"ask_ticks": 0}, -1),
    ("a long without a bid has no mark", 1, {"bid_ticks": 0}, -1),
]


@pytest.mark.parametrize(("name", "side", "shown", "mark"), MARKS, ids=[row[0] for row in MARKS])
def test_the_first_mark(name: str, side: int, shown: dict[str, object], mark: int) -> None:
    """Mid of a good book; before there was one, the touch on the position's side."""
    assert enter(Held(), bought(side=side), snap=world.snapshot(**shown))[1].mark_micros == mark


def test_the_last_mid_outlives_a_one_sided_book() -> None:
    """A touch replaces a touch, a mid replaces either, and a touch never replaces a mid."""
    state, _ = enter(Held(), bought(), snap=world.snapshot(ask_ticks=0))
    state, said = look(state, world.snapshot(bid_ticks=43, ask_ticks=0))
    assert said is not None
    assert said.mark_micros == 430_000
    state, said = look(state, world.snapshot())
    assert said is not None
    assert said.mark_micros == 450_000
    assert look(state, world.snapshot(bid_ticks=20, ask_ticks=0)) == (state, None)


def test_a_mark_is_said_when_it_changed_and_something_is_held() -> None:
    """Flat, or at the same mark, nothing is said and nothing is built."""
    flat = Held()
    assert look(flat, world.snapshot())[0] is flat
    state, _ = enter(flat, bought())
    assert look(state, world.snapshot(bid_lots=1)) == (state, None)
    after, said = look(state, world.snapshot(bid_ticks=46, ask_ticks=48))
    assert said is not None
    assert (said.mark_micros, said.unrealised_micros, said.total_micros) == (470_000, 7_000_000, 7_000_000)
    assert after.mark == 470_000


class TestSettlement:
    @pytest.mark.parametrize(
        ("side", "value", "realised"), [(1, 1_000_000, 60), (1, 0, -40), (-1, 1_000_000, -60), (-1, 0, 40)]
    )
    def test_the_outcome_pays_what_is_held(self, side: int, value: int, realised: int) -> None:
        """A long is paid one or nothing; a short the reverse; nothing is held, and nothing is at risk."""
        state, said = enter(Held(), bought(side=side))
        paid = settle(said, world.definition(), value)
        state, said = enter(state, paid)
        assert (said.size_lots, said.cost_micros, said.unrealised_micros, said.exposure_micros) == (0, 0, 0, 0)
        assert (said.realised_micros, said.mark_micros) == (realised * 1_000_000, value)

    @pytest.mark.parametrize("side", [1, -1])
    def test_a_void_market_pays_the_cost_back(self, side: int) -> None:
        """Realised is what it was, to half a millionth a contract; fees are not paid back."""
        state, _ = enter(Held(), bought(3, 40, side, fee_micros=500))
        state, said = enter(state, bought(4, 41, side))
        state, said = enter(state, settle(said, world.definition(), -1))
        assert abs(said.realised_micros) <= 4
        assert (said.size_lots, said.fees_micros) == (0, 500)


class TestPerpetual:
    PERP = world.definition(instrument_kind=int(Kind.PERP), grid_ticks=0, tick_micros=1_000_000)

    def held(self, side: int = 1) -> Held:
        """Return one coin at 100."""
        return enter(
            Held(), bought(1, 100, side, tick_micros=1_000_000), self.PERP, world.snapshot(mark_micros=101_000_000)
        )[0]

    def test_the_mark_is_the_mark_price(self) -> None:
        """And mid where there is none."""
        state, said = look(self.held(), world.snapshot(mark_micros=103_000_000), self.PERP)
        assert said is not None
        assert (said.mark_micros, said.unrealised_micros, said.exposure_micros) == (103_000_000, 3_000_000, 100_000_000)
        _, said = look(state, world.snapshot(bid_ticks=104, ask_ticks=106), self.PERP)
        assert said is not None
        assert said.mark_micros == 105_000_000

    @pytest.mark.parametrize(("side", "paid"), [(1, -10_100), (-1, 10_100)])
    def test_funding_is_accrued_at_each_boundary(self, side: int, paid: int) -> None:
        """Eight hours, with the last rate: a long pays a positive one; two boundaries missed count twice."""
        state = self.held(side)
        snap = world.snapshot(mark_micros=101_000_000, funding_rate_ppb=100_000)
        edge = (NOW // FUNDING_NS + 1) * FUNDING_NS
        assert look(state, snap, self.PERP, Instant(edge - 1))[1] is None
        _, said = look(state, snap, self.PERP, Instant(edge))
        assert said is not None
        assert said.funding_micros == paid
        assert said.total_micros == said.unrealised_micros + paid
        twice = look(state, snap, self.PERP, Instant(edge + FUNDING_NS))[1]
        assert twice is not None
        assert twice.funding_micros == 2 * paid

    def test_a_rate_of_nothing_is_noted_in_silence(self) -> None:
        """The boundary is passed once."""
        state = self.held()
        after, said = look(state, world.snapshot(mark_micros=101_000_000), self.PERP, Instant(NOW + FUNDING_NS))
        assert said is not None
        assert said.funding_micros == 0
        assert after.period == state.period + 1


class TestDrift:
    @pytest.mark.parametrize(("lots", "drift"), [(10_001, False), (9_999, False), (10_002, True), (9_998, True)])
    def test_a_hundredth_of_a_contract_is_tolerated(self, lots: int, drift: bool) -> None:
        """At the tolerance there is no drift, one lot beyond it there is."""
        said = accounts(lots)[1]
        assert said is not None
        assert said.drift == drift

    @pytest.mark.parametrize(("usd", "drift"), [(900_000, False), (899_999, True)])
    def test_so_is_a_dollar(self, usd: int, drift: bool) -> None:
        """Two contracts at a mark of .45 are worth 90 cents; the quantity alone is tolerated here."""
        said = accounts(9_800, Config(tol_usd=usd, tol_qty=10**9))[1]
        assert said is not None
        assert said.drift == drift

    def test_a_market_missing_from_a_complete_account_is_flat_there(self) -> None:
        """And agreement heals."""
        state, said = accounts(0, positions=())
        assert said is not None
        assert said.drift
        state, said = accounts(10_000, state=state)
        assert said is not None
        assert (said.drift, said.reason) == (False, "EXEC_POSITION_UPDATED")

    @pytest.mark.parametrize("other", [{"complete": False}, {"account": "someone else"}])
    def test_an_incomplete_account_or_another_one_proves_nothing(self, other: dict[str, object]) -> None:
        """Nothing is said."""
        assert accounts(0, **other)[1] is None

    def test_a_fill_keeps_the_drift_until_the_next_comparison(self) -> None:
        """Only an account can end it."""
        state, _ = accounts(9_800)
        assert enter(state, bought(1))[1].reason == "EXEC_POSITION_DRIFT"


FILLS = st.lists(
    st.tuples(st.sampled_from([1, -1]), st.integers(1, 99), st.integers(1, 500), st.integers(0, 9_999)), max_size=25
)


@given(FILLS, st.sampled_from([0, 1_000_000]))
def test_a_resolved_market_has_earned_exactly_its_money(flow: list[tuple[int, int, int, int]], value: int) -> None:
    """After the settlement the total is money received less money paid less fees, to the micro."""
    state, said, money = Held(), world.position(size_lots=0), 0
    for side, price, lots, fee in flow:
        state, said = enter(state, world.fill(side=side, price_ticks=price, size_lots=lots, fee_micros=fee))
        money -= side * price * lots * 100 + fee
        assert said.total_micros == money + said.size_lots * said.mark_micros // 100
    held = state.inventory.size_lots
    if held:
        state, said = enter(state, settle(said, world.definition(), value))
        money += held * value // 100
    assert (state.inventory.size_lots, state.inventory.cost_micros) == (0, 0)
    if flow:
        assert said.total_micros == money


def test_a_position_is_born_empty() -> None:
    """Nothing held, nothing known."""
    assert Held().inventory == Inventory(0, 0, 0)


def test_declared() -> None:
    """Every reason of the row is declared."""
    assert BOT.reasons == {
        "EXEC_POSITION_UPDATED",
        "EXEC_POSITION_DRIFT",
        "EXEC_POSITION_NEGATIVE",
        "EXEC_POSITION_UNPRICED",
    }
