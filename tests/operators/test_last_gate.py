"""Each question of the last gate refuses what it must and lets the next number pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.intent import RiskVote
from contracts.order import AuthorisedOrder
from operators import last_gate, outbox
from operators.last_gate import Day, Limits, Quote, Scope, Traded
from operators.outbox import Held
from tests import world

NOW = 1_760_000_000 * 1_000_000_000
DEFINITION = world.definition(market_id="KXRAIN-26-T1", event_id="KXRAIN-26", series_id="KXRAIN", complement_id="C1")
MARKETS = {DEFINITION.market_id: DEFINITION}
DOLLAR = 1_000_000


def row(name: str = "o1", **over: object) -> Held:
    """Return an order: ten contracts bid at 44."""
    base = Held(name, "lab", DEFINITION.market_id, "s", "d", 1, 44, 1_000, False, NOW, NOW)
    return replace(base, **over)


@pytest.mark.parametrize(
    ("scope", "live", "names"),
    [
        (Scope(), False, True),
        (Scope(), True, False),
        (Scope(markets=frozenset({"KXRAIN-26-T1"})), True, True),
        (Scope(markets=frozenset({"KXRAIN-26-T2"})), True, False),
        (Scope(events=frozenset({"KXRAIN-26"})), True, True),
        (Scope(events=frozenset({"KXRAIN"})), True, False),
        (Scope(series=frozenset({"KXRAIN"})), True, True),
        (Scope(series=frozenset({"KXRAI"})), True, False),
        (Scope(series=frozenset({"KXRAIN-26"})), False, True),
        (Scope(series=frozenset({"KXSNOW"})), False, False),
    ],
)
def test_scope(scope: Scope, live: bool, names: bool) -> None:
    """A series matches exactly or by what stands before a first dash; in live an empty scope matches nothing."""
    assert names is (last_gate.out_of_scope(scope, DEFINITION, "KXRAIN-26-T1", live=live) is None)
    assert "RISK_SCOPE_BLOCK" == last_gate.out_of_scope(scope, None, "?", live=live).reason


def test_a_series_matches_by_the_ticker_alone() -> None:
    """Where the definition names no series, the ticker before its first dash does."""
    bare = world.definition(market_id="KXRAIN-26-T1", event_id="", series_id="")
    assert Scope(series=frozenset({"KXRAIN"})).names(bare, "KXRAIN-26-T1")
    assert not Scope(series=frozenset({""})).names(bare, "KXSNOW")


def test_age() -> None:
    """At the limit it leaves, a millisecond later not; nor at the order's own end."""
    limits = Limits(order_age_ms=100)
    assert last_gate.too_old(row(), 0, limits, NOW + 100_000_000) is None
    assert "SEC_SIGN_REFUSED" == last_gate.too_old(row(), 0, limits, NOW + 101_000_000).reason
    assert last_gate.too_old(row(), NOW + 2, limits, NOW + 1) is None
    assert "SEC_SIGN_REFUSED" == last_gate.too_old(row(), NOW + 1, limits, NOW + 1).reason


@pytest.mark.parametrize("state", sorted(outbox.DOUBTED))
def test_doubt_holds_its_market_alone(state: str) -> None:
    """A doubted order stops new exposure in its market, not elsewhere, and not itself."""
    other = row("o2", state=state)
    assert "EXEC_PENDING_WAITING" == last_gate.doubted(row(), [other], frozenset()).reason
    assert last_gate.doubted(row(), [replace(other, market_id="M2")], frozenset()) is None
    assert last_gate.doubted(other, [other], frozenset()) is None
    assert "EXEC_PENDING_WAITING" == last_gate.doubted(row(), [], frozenset({DEFINITION.market_id})).reason


@pytest.mark.parametrize(
    ("side", "price", "market", "crosses"),
    [
        (-1, 44, "KXRAIN-26-T1", True),
        (-1, 45, "KXRAIN-26-T1", False),
        (1, 44, "KXRAIN-26-T1", False),
        (1, 56, "C1", True),
        (1, 55, "C1", False),
        (-1, 56, "C1", False),
        (-1, 44, "M2", False),
    ],
)
def test_an_order_never_meets_one_of_the_account(side: int, price: int, market: str, crosses: bool) -> None:
    """A bid at 44 meets an own ask at 44, of any desk, and a bid of the complement at 56; what has not left, never."""
    other = row("o2", desk_id="bot2", side=side, price_ticks=price, market_id=market, sent_ns=1, state=outbox.UNKNOWN)
    found = last_gate.crosses_own(row(), DEFINITION, [other])
    assert crosses is (found is not None and "RISK_SELF_TRADE" == found.reason)
    assert last_gate.crosses_own(row(), DEFINITION, [replace(other, sent_ns=0)]) is None


def test_a_claim_to_reduce_is_proven_against_the_position() -> None:
    """Ten held and ten sold passes; eleven, the same side, a claim without the flag, or what others took does not."""
    sells = row(side=-1, reduce_only=True, size_lots=10)
    assert last_gate.reduces(sells, 10, [sells])
    assert not last_gate.reduces(sells, 9, [])
    assert not last_gate.reduces(sells, -10, [])
    assert not last_gate.reduces(replace(sells, reduce_only=False), 10, [])
    assert not last_gate.reduces(sells, 10, [replace(sells, client_order_id="o2", size_lots=1, sent_ns=1)])
    assert last_gate.reduces(sells, 10, [replace(sells, client_order_id="o2", size_lots=1)])


def test_the_cycle() -> None:
    """Five orders and the whole notional of a window pass; the sixth, and a micro more, do not; a new window begins."""
    limits = Limits(cycle_orders=5, cycle_micros=100)
    four = [(row(f"b{n}"), 10) for n in range(4)]
    assert last_gate.over_cycle(row(), 60, four, limits) is None
    assert "RISK_MAX_NOTIONAL_PER_CYCLE_GUARD" == last_gate.over_cycle(row(), 61, four, limits).reason
    five = [*four, (row("b9"), 0)]
    assert "RISK_MAX_ORDERS_PER_CYCLE_GUARD" == last_gate.over_cycle(row(), 0, five, limits).reason
    window = 60 * 1_000_000_000
    assert last_gate.over_cycle(row(said_ns=NOW - NOW % window + window), 100, five, limits) is None
    assert last_gate.over_cycle(row("b9"), 60, five, limits) is None


def test_the_reserve() -> None:
    """At the bound is allowed; a micro more is not."""
    limits = Limits(reserve_micros=100)
    assert last_gate.over_reserve(60, 40, limits) is None
    assert "RISK_EXPOSURE_CAP_HIT" == last_gate.over_reserve(60, 41, limits).reason


def test_the_loss_of_the_day() -> None:
    """A tenth of the first equity is too much, a micro less is not; an equity that nobody knows lets nothing pass."""
    day = Day(1, NOW, 1_000 * DOLLAR, {}, {})
    assert last_gate.lost_too_much(day, -100 * DOLLAR + 1, Limits()) is None
    assert "RISK_DAILY_LOSS_GUARD" == last_gate.lost_too_much(day, -100 * DOLLAR, Limits()).reason
    assert "RISK_EQUITY_UNKNOWN" == last_gate.lost_too_much(None, 0, Limits()).reason
    assert "RISK_EQUITY_UNKNOWN" == last_gate.lost_too_much(replace(day, equity_micros=-1), 0, Limits()).reason


def test_the_profit_of_a_day_by_hand() -> None:
    """Ten held from 44 to a mid of 45.5 gain 0.15; ten bought at 47 lose 0.15, and 0.07 of fees."""
    day = Day(1, NOW, 0, {DEFINITION.market_id: 1_000}, {DEFINITION.market_id: 88})
    bought = [Traded(DEFINITION.market_id, 1_000, 47, 70_000)]
    assert 150_000 - 150_000 - 70_000 == last_gate.profit(day, bought, {DEFINITION.market_id: 91}, MARKETS)
    assert -70_000 == last_gate.profit(day, bought, {}, MARKETS)
    assert 0 == last_gate.profit(day, [Traded("M9", 5, 5, 0)], {}, MARKETS)


def test_equity_by_hand() -> None:
    """Ten long at a mid of 44 are 4.40, ten short 5.60; without a mark nobody knows."""
    marks = {DEFINITION.market_id: 88}
    assert 5_400_000 == last_gate.equity(1_000_000, [(DEFINITION.market_id, 1_000)], marks, MARKETS)
    assert 6_600_000 == last_gate.equity(1_000_000, [(DEFINITION.market_id, -1_000)], marks, MARKETS)
    assert -1 == last_gate.equity(1_000_000, [(DEFINITION.market_id, 1)], {}, MARKETS)
    assert 1_000_000 == last_gate.equity(1_000_000, [("M9", 0)], {}, MARKETS)


def voted(edge_micros: int, **child: object) -> AuthorisedOrder:
    """Return an order with the desk's own vote on its price, and the edge that this compared."""
    vote = RiskVote(last_gate.GATE, "APPROVE", "RISK_REVALIDATED", edge_micros, 20_000)
    return AuthorisedOrder("i1", "p1", world.STRATEGY, world.child(**child), (world.vote(), vote), "g")


def quote(bid: int, ask: int, age_ms: int = 0) -> Quote:
    """Return a quote of a certain age."""
    return Quote(bid, ask, 9_000, 9_000, NOW - age_ms * 1_000_000)


@pytest.mark.parametrize(
    ("order", "seen", "reason"),
    [
        (voted(30_000), quote(44, 46), "RISK_REVALIDATED"),
        (voted(30_000), quote(48, 50), "RISK_REVALIDATED"),  # mid 49: five cents, at the limit
        (voted(30_000), quote(49, 50), "RISK_PRICE_DRIFT"),
        (voted(30_000), quote(44, 46, 500), "RISK_REVALIDATED"),
        (voted(30_000), quote(44, 46, 501), "RISK_REVALIDATION_BLIND"),
        (voted(30_000), quote(44, 46, -1), "RISK_REVALIDATION_BLIND"),
        (voted(30_000), None, "RISK_REVALIDATION_BLIND"),
        (voted(19_999), quote(44, 46), "RISK_EDGE_DECAYED"),
        (voted(20_000, post_only=False, price_ticks=46), quote(44, 46), "RISK_REVALIDATED"),
        (voted(20_000, post_only=False, price_ticks=46), quote(38, 40), "RISK_PRICE_DRIFT"),
    ],
)
def test_the_price_is_judged_by_the_newest_quote(order: AuthorisedOrder, seen: Quote | None, reason: str) -> None:
    """Drift at five cents and edge at two pass; beyond, older than 500 ms, or without a quote nothing does."""
    vote = last_gate.priced(order, DEFINITION, seen, Limits(), NOW)
    assert (last_gate.GATE, reason) == (vote.gate, vote.reason)


@given(st.integers(1, 99), st.integers(1, 10**6), st.sampled_from([1, -1]))
def test_an_order_and_its_counterpart_cost_the_whole(price: int, lots: int, side: int) -> None:
    """What a buyer and a seller may lose together is the payout, and never less for rounding."""
    both = last_gate.cost(DEFINITION, side, price, lots) + last_gate.cost(DEFINITION, -side, price, lots)
    assert 0 <= both - lots * DEFINITION.lot_micros <= 1
