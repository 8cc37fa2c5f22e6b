"""exec.position_keeper: what is held, from fills and settlements alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.exec.position_keeper import BOT, Config, Held, compare, fill, hear, remark
from bots.kit import Instant
from bots.maths.positions import Inventory
from contracts.market import Kind, MarketDefinition, MarketSnapshot, Settlement, VenueMarkUpdate
from contracts.order import AccountSnapshot, Fill, PositionState
from operators.settlement import settle
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
    heard: VenueMarkUpdate | None = None,
) -> tuple[Held, PositionState]:
    """Enter an event at a book of 44 to 46."""
    shown = snap if snap is not None else world.snapshot()
    return fill(Config(), state, event, known or world.definition(), shown, heard, world.desk(account="paper"), now)


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
        _, said = fill(Config(), Held(), bought(), world.definition(), None, None, world.desk(), NOW)
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
    PERP = world.definition(
        instrument_kind=int(Kind.PERP), grid_ticks=0, tick_micros=1_000_000, funding_interval_h=4,
        settle_currency="USDT",
    )  # fmt: skip

    def held(self, side: int = 1, heard: VenueMarkUpdate | None = None) -> Held:
        """Return one coin at 100."""
        coin = bought(1, 100, side, tick_micros=1_000_000)
        return enter(Held(), coin, self.PERP, world.snapshot(mark_micros=101_000_000), heard=heard)[0]

    def at(self, state: Held, now: int = NOW, **overrides: object) -> tuple[Held, PositionState | None]:
        """Hear of a mark."""
        return hear(Config(), state, world.mark(**overrides), self.PERP, world.desk(), Instant(now))

    def test_the_mark_is_the_mark_price(self) -> None:
        """And mid where there is none."""
        state, said = look(self.held(), world.snapshot(mark_micros=103_000_000), self.PERP)
        assert said is not None
        assert (said.mark_micros, said.unrealised_micros, said.exposure_micros) == (103_000_000, 3_000_000, 100_000_000)
        _, said = look(state, world.snapshot(bid_ticks=104, ask_ticks=106), self.PERP)
        assert said is not None
        assert said.mark_micros == 105_000_000

    def test_each_mark_of_the_venue_counts_at_once(self) -> None:
        """Also at a fill before any snapshot; not a mark of nothing, one that repeats, or one of an empty position."""
        state, said = enter(Held(), bought(1, 100), self.PERP, heard=world.mark(mark_micros=102_000_000))
        assert said.mark_micros == 102_000_000
        state, heard = self.at(state, mark_micros=99_000_000)
        assert heard is not None
        assert heard.mark_micros == 99_000_000
        assert self.at(state, mark_micros=99_000_000)[1] is None
        assert self.at(state, mark_micros=0) == (state, None)
        assert self.at(Held()) == (Held(), None)

    @pytest.mark.parametrize(("side", "paid"), [(1, -10_100), (-1, 10_100)])
    def test_funding_is_paid_at_the_boundary_that_the_venue_names(self, side: int, paid: int) -> None:
        """With the rate and mark heard before it, by whatever comes first after it; once."""
        state, edge = self.held(side, world.mark()), world.mark().next_funding_ns
        snap = world.snapshot(mark_micros=101_000_000)
        assert look(state, snap, self.PERP, Instant(edge - 1)) == (state, None)
        after, said = look(state, snap, self.PERP, Instant(edge))
        assert said is not None
        assert (said.funding_micros, said.total_micros) == (paid, said.unrealised_micros + paid)
        assert look(after, snap, self.PERP, Instant(edge + 1)) == (after, None)
        next_ns = edge + 4 * 3_600 * world.SECOND
        heard = {"mark_micros": 50_000_000, "funding_rate_ppb": 900_000, "next_funding_ns": next_ns}
        assert self.at(state, edge, **heard)[0].funding == self.at(after, edge, **heard)[0].funding == paid

    def test_a_venue_that_names_the_next_boundary_early_has_passed_this_one(self) -> None:
        """Its clock runs ahead of arrivals; the payment is made once."""
        state, edge = self.held(1, world.mark()), world.mark().next_funding_ns
        later = {"next_funding_ns": edge + 4 * 3_600 * world.SECOND}
        after = self.at(state, edge - world.MS, **later)[0]
        assert (after.funding, self.at(after, edge, **later)[0].funding) == (-10_100, -10_100)

    def test_a_fill_at_the_boundary_comes_after_the_payment(self) -> None:
        """What is bought then pays nothing, what is sold then has paid; flat, nothing is due."""
        state, edge = self.held(1, world.mark()), Instant(world.mark().next_funding_ns)
        coin = {"tick_micros": 1_000_000}
        more, said = enter(state, bought(1, 100, **coin), self.PERP, now=edge)
        flat, sold = enter(state, bought(1, 100, -1, **coin), self.PERP, now=edge)
        assert (said.funding_micros, sold.funding_micros) == (-10_100, -10_100)
        assert (more.due.due_ns, flat.due.due_ns) == (edge + 4 * 3_600 * world.SECOND, 0)

    def test_a_rate_of_nothing_passes_in_silence(self) -> None:
        """The boundary is passed, and nothing is said that was not said before."""
        state = self.held(heard=world.mark(funding_rate_ppb=0))
        after, said = look(state, world.snapshot(mark_micros=101_000_000), self.PERP, Instant(state.due.due_ns))
        assert said is not None
        assert (said.funding_micros, after.due.due_ns > state.due.due_ns) == (0, True)


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
