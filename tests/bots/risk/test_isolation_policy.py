"""risk.isolation_policy: which desk may do what, and how much of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bots.maths.notional import held_losses, loss, unit_risk
from bots.risk import isolation_policy
from bots.risk.isolation_policy import Config, Open
from contracts.control import PolicyBundle
from contracts.intent import APPROVE, REJECT, RESHAPE
from contracts.policy import DeskRole
from contracts.reasons import (
    RISK_ROLE_NOTIONAL_TRIMMED,
    RISK_ROLE_OK,
    RISK_ROLE_POLICY_INVALID,
    RISK_ROLE_VIOLATION,
)
from tests import world
from tests.world import NOW, SECOND

USD = 1_000_000
HOUR = 3_600 * SECOND
DEFAULT = Config()
NOTHING = Open()
# A perpetual of which one lot at one tick is a dollar.
BTC = world.definition(
    market_id="bitget:BTC-USDT",
    venue_id="bitget",
    instrument_kind=1,
    grid_ticks=0,
    tick_micros=USD,
    lot_micros=USD,
    expiry_ns=0,
)
BOT1 = DeskRole(
    "bot1", "live_microcap_primary", "live", ("bitget",), ("BTC-USDT",), (), 100 * USD, True, True, "live", True
)
BOT2 = DeskRole("bot2", "disabled", "live")
BOT3 = DeskRole("bot3", "paper_only", "paper", ("bitget",), enabled=True, account_mode="paper_only")
ROLES = (BOT1, BOT2, BOT3)


def bundle(*roles, age_ns=0, signed_by="k"):
    """Return a policy of these roles."""
    return PolicyBundle("b", "h", (), (), (), (), (), signed_by, issued_ns=NOW - age_ns, roles=roles or ROLES)


def holding(*events, definition=BTC, state=NOTHING):
    """Return the state after positions and orders."""
    for event in events:
        state = isolation_policy.watch(DEFAULT, state, event, definition, NOW)
    return state


def held(lots, market_id=BTC.market_id):
    """Return a position of so many dollars, which are lots at one tick."""
    return world.position(market_id=market_id, size_lots=lots, cost_micros=lots * USD)


def rests(side, lots, name="o", **more):
    """Return a resting order of so many dollars."""
    order = {"market_id": BTC.market_id, "side": side, "size_lots": lots, "price_ticks": 1, "client_order_id": name}
    return world.order_update(**(order | more))


GIVEN = bundle()


def voted(
    state=NOTHING, policy=GIVEN, desk_id="bot1", mode="live", definition=BTC, position=None, config=DEFAULT, **wish
):
    """Return the vote on buying for sixty dollars."""
    desk = world.desk(desk_id=desk_id, desk_mode=mode)
    intent = world.intent(**({"market_id": definition.market_id, "side": 1, "price_ticks": 1, "size_lots": 60} | wish))
    return isolation_policy.decide(config, state, intent, definition, position, desk, policy, NOW)


def told(vote):
    """Return what a vote says."""
    return vote.verdict, vote.reason, vote.seen, vote.limit


# ---- the four fixture lines ----------------------------------------------------------------------------------------


def test_normal():
    """bot1 live BTC-USDT 60 of 100: APPROVE, RISK_ROLE_OK."""
    assert told(voted()) == (APPROVE, RISK_ROLE_OK, 60 * USD, 100 * USD)


def test_warning():
    """bot1 has 80, asks 40: RESHAPE 20, RISK_ROLE_NOTIONAL_TRIMMED."""
    vote = voted(holding(held(80)), size_lots=40)
    assert told(vote) == (RESHAPE, RISK_ROLE_NOTIONAL_TRIMMED, 120 * USD, 100 * USD)
    assert vote.size_lots_max == 20


def test_hard():
    """bot3 paper_only sends live: REJECT, RISK_ROLE_VIOLATION (mode)."""
    assert told(voted(desk_id="bot3")) == (REJECT, RISK_ROLE_VIOLATION, 2, 0)


def test_failure():
    """Account map says bot2 enabled, policy says disabled: REJECT, RISK_ROLE_POLICY_INVALID."""
    policy = bundle(BOT1, replace(BOT2, account_mode="live"))
    assert told(voted(policy=policy, desk_id="bot2")) == (REJECT, RISK_ROLE_POLICY_INVALID, 0, 86_400)


# ---- the policy ----------------------------------------------------------------------------------------------------

INVALID = {
    "missing": (None, NOW // SECOND),
    "unsigned": (bundle(signed_by=""), 0),
    "expired": (bundle(age_ns=24 * HOUR + SECOND), 86_401),
    "from the future": (bundle(age_ns=-2 * SECOND), -2),
    "two rows for the desk": (bundle(BOT1, BOT1), 0),
    "documents contradict each other": (bundle(replace(BOT1, reconciled=False)), 0),
}


@pytest.mark.parametrize("mode", ["live", "shadow", "paper", "testnet_probe"])
@pytest.mark.parametrize(("policy", "age"), INVALID.values(), ids=INVALID)
def test_an_invalid_policy_stops_new_risk_in_every_mode(policy, age, mode):
    """Without a policy that can be believed nothing is opened; what is proven to reduce passes with the warning."""
    assert told(voted(policy=policy, mode=mode)) == (REJECT, RISK_ROLE_POLICY_INVALID, age, 86_400)
    leave = {"side": -1, "reduce_only": True, "size_lots": 10}
    vote = voted(policy=policy, mode=mode, position=held(80), **leave)
    assert (vote.verdict, vote.reason) == (APPROVE, RISK_ROLE_POLICY_INVALID)
    assert voted(policy=policy, mode=mode, **leave).verdict == REJECT


def test_the_last_moment_of_a_policy():
    """A day old is valid, and both demands are parameters."""
    assert voted(policy=bundle(age_ns=24 * HOUR)).verdict == APPROVE
    assert voted(policy=bundle(age_ns=25 * HOUR), config=Config(max_bundle_age_h=25)).verdict == APPROVE
    assert voted(policy=bundle(signed_by=""), config=Config(require_signed_bundle=False)).verdict == APPROVE


def test_another_desk_does_not_spoil_this_one():
    """Rows of other desks that are contradicted are theirs."""
    assert voted(policy=bundle(BOT1, replace(BOT2, account_mode="live"))).verdict == APPROVE


# ---- the role ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "breach"),
    [
        ({"desk_id": "bot9"}, 1),
        ({"desk_id": "bot2"}, 1),
        ({"mode": "paper"}, 2),
        ({"definition": world.definition(market_id="BTC-USDT", venue_id="binance")}, 3),
        ({"definition": world.definition(market_id="bitget:ETH-USDT", venue_id="bitget")}, 4),
        ({"policy": bundle(replace(BOT1, strategies=("strat.other",)))}, 5),
        ({"policy": bundle(replace(BOT1, role="paper_only"))}, 6),
        ({"policy": bundle(replace(BOT1, in_action_scope=False))}, 7),
        ({"policy": bundle(replace(BOT1, max_notional_micros=0))}, 8),
    ],
)
def test_outside_its_role_a_desk_does_nothing(case, breach):
    """No row, no switch, and each bound of the role refuses, exits included."""
    assert told(voted(**case)) == (REJECT, RISK_ROLE_VIOLATION, breach, 0)
    assert voted(**case, position=held(80), side=-1, reduce_only=True, size_lots=10).verdict == REJECT


def test_a_paper_desk_is_judged_without_money():
    """Inside its role it passes at any size, since no real money is there; outside it is refused like any other."""
    assert told(voted(desk_id="bot3", mode="paper", size_lots=10**6)) == (APPROVE, RISK_ROLE_OK, 0, 0)
    spot = world.definition(venue_id="kalshi")
    assert voted(desk_id="bot3", mode="paper", definition=spot).verdict == REJECT


def test_a_cap_binds_wherever_it_is_named():
    """A shadow of the live desk with the live desk's cap is cut as that would be."""
    policy = bundle(replace(BOT1, desk_mode="shadow"))
    assert voted(policy=policy, mode="shadow", size_lots=101).size_lots_max == 100


# ---- the money -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held_lots", "asked", "verdict", "lots"),
    [(0, 100, APPROVE, None), (0, 101, RESHAPE, 100), (99, 1, APPROVE, None), (99, 2, RESHAPE, 1), (100, 1, REJECT, 0)],
)
def test_both_sides_of_the_cap(held_lots, asked, verdict, lots):
    """The cap itself may be reached; at the cap nothing more is opened."""
    vote = voted(holding(held(held_lots)), size_lots=asked)
    assert vote.verdict == verdict
    assert lots is None or (vote.reason, vote.size_lots_max) == (RISK_ROLE_NOTIONAL_TRIMMED, lots)


def test_what_rests_counts_and_what_ended_does_not():
    """A resting order is exposed like a position, on the side on which it hurts, until it is gone."""
    state = holding(rests(1, 50))
    assert voted(state).size_lots_max == 50
    assert voted(holding(rests(1, 50, state="CANCELLED"), state=state)).verdict == APPROVE
    both = holding(rests(-1, 60, "p"), state=state)
    assert voted(both, size_lots=50).verdict == APPROVE
    assert voted(both, size_lots=50, side=-1).size_lots_max == 40


def test_exits_pass_the_cap():
    """A desk over its cap may still reduce, and turn nothing else."""
    state = holding(held(150))
    leave = {"side": -1, "size_lots": 150}
    assert voted(state, position=held(150), reduce_only=True, **leave).verdict == APPROVE
    assert voted(state, size_lots=1).verdict == REJECT
    assert voted(state, position=held(150), **leave).verdict == REJECT


def test_binaries_count_what_they_can_lose():
    """A bid of 100 contracts at 44 cents exposes 44 dollars, an offer 56."""
    yes = world.definition(lot_micros=USD)
    role = replace(BOT1, venues=("kalshi",), symbols=())
    wish = {"policy": bundle(role), "definition": yes, "price_ticks": 44, "size_lots": 100}
    assert voted(**wish).seen == 44 * USD
    assert voted(**wish, side=-1).seen == 56 * USD


def test_markets_add_up():
    """The cap is the desk's, over all its markets, and a book that is unchanged leaves the state as it is."""
    state = holding(held(70, "bitget:ETH"), definition=replace(BTC, market_id="bitget:ETH", event_id=""))
    assert voted(state).size_lots_max == 30
    assert (
        holding(held(70, "bitget:ETH"), definition=replace(BTC, market_id="bitget:ETH", event_id=""), state=state)
        is state
    )


@given(
    positions=st.lists(st.tuples(st.integers(0, 3), st.integers(-200, 200), st.integers(1, 99)), max_size=4),
    orders=st.lists(st.tuples(st.sampled_from([1, -1]), st.integers(1, 99), st.integers(1, 200)), max_size=4),
    side=st.sampled_from([1, -1]),
    price=st.integers(1, 99),
    size=st.integers(1, 500),
)
def test_no_intent_passes_the_cap(positions, orders, side, price, size):
    """Whatever is held and rests, an intent that is let through leaves the worst case of all at or under the cap."""
    markets = [world.definition(market_id=f"M{n}", lot_micros=USD, event_id=f"E{n}") for n in range(4)]
    state, lost = NOTHING, {n: [0, 0] for n in range(4)}
    for number, lots, cents in positions:
        cost = lots * cents * 10_000
        event = world.position(market_id=f"M{number}", size_lots=lots, cost_micros=cost)
        state = holding(event, definition=markets[number], state=state)
        lost[number] = list(held_losses(markets[number], lots, cost, USD))
    for number, (where, cents, lots) in enumerate(orders):
        event = rests(where, lots, f"o{number}", market_id="M0", price_ticks=cents)
        state = holding(event, definition=markets[0], state=state)
        lost[0][where < 0] += loss(unit_risk(markets[0], where, cents), lots)
    policy = bundle(replace(BOT1, venues=("kalshi",), symbols=()))
    vote = voted(state, policy, definition=markets[0], side=side, price_ticks=price, size_lots=size)
    if vote.verdict != REJECT:
        lost[0][side < 0] += loss(unit_risk(markets[0], side, price), min(size, vote.size_lots_max))
        assert sum(max(0, *arms) for arms in lost.values()) <= 100 * USD
