"""risk.capital_allocator: how much an intent may use, and what must be known for that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bots.kit import configure
from bots.maths.entries import Holding, Ledger, Resting, Terms, committed
from bots.risk import capital_allocator
from bots.risk.capital_allocator import BOT, Config, Spent
from contracts.base import Refused
from contracts.control import PolicyBundle
from contracts.intent import APPROVE, ENTRY, EXIT, QUOTE, REJECT, RESHAPE
from contracts.market import FeeModel
from contracts.policy import DeskRole, Slice
from contracts.reasons import (
    RISK_CAPITAL_GRANTED,
    RISK_CAPITAL_TRIMMED,
    RISK_CAPITAL_UNKNOWN,
    RISK_ENTRY_INPUT_INVALID,
    RISK_ENTRY_INSUFFICIENT_CAPITAL,
)
from tests import world
from tests.world import NOW, SECOND, STRATEGY

USD = 1_000_000
CONFIG = Config()
FREE = world.definition(fee=FeeModel("none", 0, 0, 0), lot_micros=USD)  # a lot is a contract
PERP = world.definition(fee=FeeModel("none", 0, 0, 0), lot_micros=USD, instrument_kind=1, grid_ticks=0)
GIVEN = object()
SURE = world.fair(p_micros=950_000, lower_micros=900_000, upper_micros=960_000)
CALM = 0.6 / 31_557_600**0.5 / 2


def said(state=None, definition=FREE, fair=SURE, sigma=CALM, label="CALM", available=5_000, config=CONFIG, **more):
    """Return the vote and the report on buying 1,000 contracts at 50 cents, at confidence 0.8."""
    account = more.pop("account", GIVEN)
    account = world.account(equity_micros=available * USD) if account is GIVEN else account
    volatility = world.signal(signal="volatility", value=sigma, label=label) if sigma is not None else None
    position, policy, desk = more.pop("position", None), more.pop("policy", None), more.pop("desk", world.desk())
    wish = {"intent_kind": ENTRY, "confidence_milli": 800, "price_ticks": 50, "size_lots": 1_000} | more
    told = (definition, fair, volatility, position, account, policy, desk, NOW)
    return capital_allocator.decide(config, state or Spent(), world.intent(**wish), *told)


def voted(state=None, **more):
    """Return (verdict, reason)."""
    vote, _ = said(state, **more)
    return vote.verdict, vote.reason


def held(market="M1", micros=900 * USD, lots=1_800, strategy=STRATEGY):
    """Return a state with a position."""
    return Spent(Ledger((Holding(market, lots, micros, Terms(), 0, strategy),)))


def bundle(**parts):
    """Return a policy."""
    return replace(world.plainest(PolicyBundle), **parts)


# ---- the four fixture lines ----------------------------------------------------------------------------------------


def test_normal():
    """Available 5000, conf .8, risk 1, ask 500: the allocation is 940, so APPROVE, RISK_CAPITAL_GRANTED."""
    vote, report = said()
    assert (APPROVE, RISK_CAPITAL_GRANTED, 500 * USD, 940 * USD) == (vote.verdict, vote.reason, vote.seen, vote.limit)
    compared = dict(report.compared)
    assert ("CAPITAL_ALLOCATION", 940 * USD, 1_000) == (
        report.event,
        compared["allocation_micros"],
        compared["risk_milli"],
    )


def test_warning():
    """Symbol exposure 900 of 1000, ask 500: RESHAPE to 100 dollars, RISK_CAPITAL_TRIMMED."""
    vote, _ = said(held(), available=10_000)
    assert (RESHAPE, RISK_CAPITAL_TRIMMED, 200) == (vote.verdict, vote.reason, vote.size_lots_max)


def test_hard():
    """Total exposure 4995: the remaining 5 are below 10, so REJECT, RISK_ENTRY_INSUFFICIENT_CAPITAL."""
    state = held("M2", 4_995 * USD, 9_990)
    assert (REJECT, RISK_ENTRY_INSUFFICIENT_CAPITAL) == voted(state, available=100_000)
    assert (RESHAPE, RISK_CAPITAL_TRIMMED) == voted(held("M2", 4_990 * USD, 9_980), available=100_000)


def test_failure():
    """No FairValue for a model entry: REJECT, RISK_CAPITAL_UNKNOWN; nor one whose anchors disagree."""
    assert (REJECT, RISK_CAPITAL_UNKNOWN) == voted(fair=None)
    assert (REJECT, RISK_CAPITAL_UNKNOWN) == voted(fair=replace(SURE, tradable=False))
    assert (REJECT, RISK_CAPITAL_UNKNOWN) == voted(fair=None, intent_kind=QUOTE, p_model_micros=480_000)
    assert (APPROVE, RISK_CAPITAL_GRANTED) == voted(fair=None, intent_kind=QUOTE, p_model_micros=-1)


# ---- what must be known --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "missing",
    [
        {"account": None},
        {"account": world.account(unpriced=1)},
        {"account": world.account(updated_ns=NOW - 61 * SECOND, exposure_micros=1)},
        {"sigma": None},
        {"label": "UNKNOWN"},
        {"sigma": float("nan")},
        {"sigma": -1.0},
        {"definition": world.definition(fee=FeeModel())},
        {"position": world.position(drift=True)},
        {"desk": world.desk(desk_mode="live")},
        {"desk": world.desk(desk_mode="live"), "policy": bundle(roles=(DeskRole("other", "live_main", "live"),))},
    ],
)
def test_what_is_unknown_is_refused(missing):
    """Money, price, volatility, fee, position or a live role that nobody states: REJECT, RISK_CAPITAL_UNKNOWN."""
    assert (REJECT, RISK_CAPITAL_UNKNOWN) == voted(**missing)


def test_unusable_confidence():
    """More than certain is no confidence."""
    assert (REJECT, RISK_ENTRY_INPUT_INVALID) == voted(confidence_milli=1_001)


# ---- what bounds the size ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("times", "milli"), [(0.5, 1_000), (1.0, 1_000), (2.0, 500), (8.0, 125)])
def test_risk_score(times, milli):
    """At the target volatility the score is one, at twice the target a half."""
    compared = dict(said(sigma=CALM * 2 * times)[1].compared)
    assert abs(milli - compared["risk_milli"]) <= 1


def test_available_is_what_nothing_claims():
    """Equity less the worst case of what is held and rests, also what only the account knows."""
    resting = Resting("o", "M2", "s", 1, 10, 400 * USD)
    compared = dict(said(Spent(Ledger(held("M2").ledger.holdings, (resting,))))[1].compared)
    assert (5_000 - 1_300) * USD == compared["available_micros"]
    account = world.account(equity_micros=5_000 * USD, exposure_micros=1_100 * USD)
    assert (5_000 - 1_100) * USD == dict(said(held("M2"), account=account)[1].compared)["available_micros"]


def test_kelly():
    """At 50 cents with a chance of at least 0.52, a quarter of four percent of equity; below the price nothing."""
    vote, _ = said(fair=replace(SURE, lower_micros=520_000))
    assert (RESHAPE, 100) == (vote.verdict, vote.size_lots_max)
    assert (REJECT, RISK_ENTRY_INSUFFICIENT_CAPITAL) == voted(fair=replace(SURE, lower_micros=500_000))
    seller, _ = said(fair=replace(SURE, upper_micros=480_000), side=-1)
    assert (RESHAPE, 100) == (seller.verdict, seller.size_lots_max)


def test_slices():
    """A strategy with a slice stays in it, resting orders included; one without has no bound of its own."""
    policy = bundle(slices=(Slice(STRATEGY, 1_000 * USD), Slice("strat.other", 0)))
    vote, _ = said(held("M2"), available=10_000, policy=policy)
    assert (RESHAPE, 200) == (vote.verdict, vote.size_lots_max)
    assert APPROVE == said(held("M2", strategy="strat.third"), available=10_000, policy=policy)[0].verdict


def test_the_desks_own_cap():
    """A live desk may expose what its role says in all, and nothing where that is 0; a paper desk has no such cap."""
    desk = world.desk(desk_mode="live")
    roles = {
        cap: bundle(roles=(DeskRole("lab", "live_main", "live", max_notional_micros=cap * USD),)) for cap in (0, 950)
    }
    vote, _ = said(held("M2"), available=10_000, policy=roles[950], desk=desk)
    assert (RESHAPE, 100) == (vote.verdict, vote.size_lots_max)
    assert (REJECT, RISK_ENTRY_INSUFFICIENT_CAPITAL) == voted(policy=roles[0], desk=desk)
    assert APPROVE == said(policy=roles[0])[0].verdict


def test_leverage():
    """A perpetual's allocation is multiplied, under the ceiling; a binary's is not; no cap is multiplied."""
    desk = Config(leverage=5.0)
    worth = replace(SURE, lower_micros=550_000)
    assert 2_000 == dict(said(definition=PERP, config=desk, fair=worth)[1].compared)["leverage_milli"]
    assert 1_000 == dict(said(config=desk)[1].compared)["leverage_milli"]
    vote, _ = said(definition=PERP, config=desk, fair=worth, size_lots=9_999)
    assert (RESHAPE, 2_000) == (vote.verdict, vote.size_lots_max)
    assert (REJECT, RISK_ENTRY_INSUFFICIENT_CAPITAL) == voted(definition=PERP, fair=replace(SURE, lower_micros=500_000))


def test_a_seller_of_a_binary_risks_the_rest():
    """Selling at 90 cents risks ten: 1,000 dollars of room are 10,000 contracts."""
    sold = replace(SURE, upper_micros=0)
    vote, _ = said(side=-1, price_ticks=90, size_lots=20_000, fair=sold, available=100_000)
    assert 10_000 == vote.size_lots_max


def test_fees_are_inside_the_cap():
    """What is granted may cost its whole room, fees included, and not a micro more."""
    dear = world.definition(lot_micros=USD, fee=FeeModel("binary_quadratic", 70_000, 0, 100))
    vote, _ = said(definition=dear, size_lots=9_999, available=100_000)
    assert committed(dear, 1, 50, vote.size_lots_max) <= 1_000 * USD < committed(dear, 1, 50, vote.size_lots_max + 1)


# ---- what closes ---------------------------------------------------------------------------------------------------


def test_exits_draw_on_nothing():
    """What only closes passes without money, price or confidence; a proven reduce-only claim whatever rests."""
    nothing = {"account": None, "fair": None, "sigma": None, "confidence_milli": 5_000, "side": -1}
    assert (APPROVE, RISK_CAPITAL_GRANTED) == voted(held(), intent_kind=EXIT, size_lots=1_800, **nothing)
    assert (REJECT, RISK_ENTRY_INPUT_INVALID) == voted(held(), intent_kind=EXIT, size_lots=1_801, **nothing)
    resting = Spent(Ledger(held().ledger.holdings, (Resting("o", "M1", "s", -1, 1_800, USD),)))
    proven = {"reduce_only": True, "position": world.position(size_lots=1_800), "size_lots": 1_800}
    assert (APPROVE, RISK_CAPITAL_GRANTED) == voted(resting, intent_kind=EXIT, **proven, **nothing)


def test_bounds():
    """Fractions are fractions, leverage and volatility above zero."""
    assert Config(leverage=2.0) == configure("risk.capital_allocator", Config, {"leverage": "2"})
    for name, bad in (("base_frac", "1.1"), ("leverage", 0), ("max_leverage", -1), ("min_trade_usd", "-1")):
        with pytest.raises(Refused, match=name):
            configure("risk.capital_allocator", Config, {name: bad})


def test_state_follows_the_desk():
    """Orders and positions are remembered, and what changes nothing returns the state itself."""
    state = capital_allocator.watch(CONFIG, Spent(), world.order_update(), FREE, NOW)
    assert (1_000, STRATEGY) == (state.ledger.orders[0].open_lots, state.ledger.orders[0].strategy)
    assert state is capital_allocator.watch(CONFIG, state, world.order_update(), FREE, NOW)


@given(
    st.integers(0, 1_000), st.sampled_from((1, -1)), st.sampled_from((ENTRY, QUOTE, EXIT)), st.integers(1, 10**6),
    st.integers(1, 99), st.integers(0, 5_000), st.integers(-2_000, 2_000),
)  # fmt: skip
def test_no_grant_passes_a_cap(milli, side, kind, size, price, equity, lots):
    """Nothing is enlarged, and what is added to a market stays under its cap."""
    before = (99 - price if lots < 0 else price) * abs(lots) * 10_000
    state = held(micros=before, lots=lots) if lots else Spent()
    vote, _ = said(
        state, available=equity, confidence_milli=milli, side=side, intent_kind=kind, size_lots=size, price_ticks=price
    )
    assert vote.verdict != RESHAPE or 0 < vote.size_lots_max < size
    passed = 0 if vote.verdict == REJECT else min(size, vote.size_lots_max)
    adding = max(0, passed - max(0, -side * lots))
    start = before if lots * side > 0 else 0
    assert adding == 0 or start + committed(FREE, side, price, adding) <= 1_000 * USD
    assert vote.reason in BOT.reasons
