"""sec.allowance_monitor: enough for the plan, and not more than anybody needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.allowances import OPERATOR, Peaks, noted, peak
from bots.sec import allowance_monitor as guard
from bots.sec.allowance_monitor import Allowances, Config
from contracts.intent import APPROVE, REJECT
from contracts.market import FeeModel
from contracts.order import CANCEL, MERGE
from contracts.polymarket import EXCHANGE, NEG_RISK_ADAPTER, NEG_RISK_EXCHANGE
from contracts.reasons import (
    SEC_ALLOWANCE_BLOCK,
    SEC_ALLOWANCE_EXCESS,
    SEC_ALLOWANCE_OK,
    SEC_ALLOWANCE_UNKNOWN,
)
from contracts.venue import ChainSnapshot
from tests import world
from tests.bots.sec.policies import DAY_NS, NO, YES, clob_child, policy
from tests.world import MS, NOW, SECOND

DOLLAR, DEFAULT = 1_000_000, Config()
FREE = {"venue_id": "polymarket", "market_id": YES, "complement_id": NO, "fee": FeeModel("none"), "lot_micros": 10**6}
TOKEN, NEG = world.definition(**FREE), world.definition(**FREE, neg_risk=True)
POLICY = policy()


def chain(provider="a", at_ns=NOW, **dollars):
    """Return what a provider shows of allowances, in dollars."""
    names = {
        "exchange": EXCHANGE,
        "neg": NEG_RISK_EXCHANGE,
        "adapter": NEG_RISK_ADAPTER,
        "operator": OPERATOR + EXCHANGE,
    }
    shown = tuple((names.get(name, name), -1 if value < 0 else value * DOLLAR) for name, value in dollars.items())
    return ChainSnapshot(0, int(at_ns), -1, provider, 137, 100, "h", 10, 0, world.ACCOUNT, 0, (), shown, 0, 0, 0)


def seen(*snapshots, state=None, said=POLICY):
    """Return the state after snapshots, and the incidents."""
    state, incidents = state or Allowances(), []
    for snapshot in snapshots:
        state, reports = guard.watch(DEFAULT, state, snapshot, said, snapshot.at_ns)
        incidents += reports
    return state, incidents


def voted(*snapshots, plan=None, definition=TOKEN, state=None, said=POLICY, now=NOW, children=()):
    """Return the vote on a plan that buys for 100 dollars."""
    before, _ = seen(*snapshots, state=state, said=said)
    plan = plan or world.plan(children=children or (clob_child(size_lots=200, price_ticks=50),))
    return guard.decide(DEFAULT, before, plan, said, definition, now)[1]


def test_normal():
    """Needed 100, allowance 150: APPROVE, SEC_ALLOWANCE_OK."""
    vote = voted(chain(exchange=150))
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (APPROVE, SEC_ALLOWANCE_OK, 150 * DOLLAR, 100 * DOLLAR)


def test_warning():
    """Allowance 5000, ceiling 400: APPROVE flagged, SEC_ALLOWANCE_EXCESS; the ceiling itself is fine."""
    state = Allowances(peaks=noted(Peaks(), EXCHANGE, 200 * DOLLAR, NOW - 6 * DAY_NS))
    vote = voted(chain(exchange=5_000), state=state)
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (
        APPROVE, SEC_ALLOWANCE_EXCESS, 5_000 * DOLLAR, 400 * DOLLAR,
    )  # fmt: skip
    assert [voted(chain(exchange=n), state=state).reason for n in (400, 401)] == [
        SEC_ALLOWANCE_OK,
        SEC_ALLOWANCE_EXCESS,
    ]


def test_hard():
    """Neg-risk plan without adapter allowance: REJECT, SEC_ALLOWANCE_BLOCK; with it, it passes."""
    vote = voted(chain(neg=150), definition=NEG)
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (REJECT, SEC_ALLOWANCE_BLOCK, 0, 100 * DOLLAR)
    assert voted(chain(neg=150, adapter=150), definition=NEG).verdict == APPROVE
    assert voted(chain(exchange=150), definition=NEG).reason == SEC_ALLOWANCE_BLOCK


def test_failure():
    """Chain view 2 min old: REJECT, SEC_ALLOWANCE_UNKNOWN; a minute is young enough."""
    for age_ms, reason in (
        (120_000, SEC_ALLOWANCE_UNKNOWN),
        (60_001, SEC_ALLOWANCE_UNKNOWN),
        (60_000, SEC_ALLOWANCE_OK),
    ):
        assert voted(chain(exchange=150, at_ns=NOW - age_ms * MS)).reason == reason
    assert voted().reason == SEC_ALLOWANCE_UNKNOWN


def test_what_is_needed_at_the_limit():
    """An allowance of exactly the need passes; a dollar less does not."""
    assert [voted(chain(exchange=n)).verdict for n in (100, 99)] == [APPROVE, REJECT]


@pytest.mark.parametrize("venue", ["kalshi", "bitget", "binance"])
def test_venues_without_a_chain_are_not_tested(venue):
    """What settles at its venue is approved without any view; cancels too."""
    assert voted(children=(world.child(venue_id=venue),)).verdict == APPROVE
    assert voted(children=(clob_child(action=CANCEL),)).verdict == APPROVE


def test_a_spender_that_nobody_committed():
    """An unknown spender with an allowance blocks and is an incident, once; without an allowance it is nothing."""
    strange = chain(exchange=150, evil=1)
    vote = voted(strange)
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (REJECT, SEC_ALLOWANCE_BLOCK, DOLLAR, 0)
    state, incidents = seen(strange, strange)
    assert [(report.severity, report.evidence) for report in incidents] == [("P1", ("evil",))]
    assert seen(strange, state=state)[1] == []
    assert voted(chain(exchange=150, evil=0)).verdict == APPROVE
    assert voted(chain(exchange=150), said=None).reason == SEC_ALLOWANCE_BLOCK


def test_an_unlimited_allowance():
    """It is above any ceiling, and an incident; as operator of tokens, which knows no amount, it is neither."""
    vote = voted(chain(exchange=-1))
    assert (vote.verdict, vote.reason, vote.seen) == (APPROVE, SEC_ALLOWANCE_EXCESS, -1)
    assert [report.incident_key.rpartition(":")[2] for report in seen(chain(exchange=-1))[1]] == ["unlimited"]
    assert seen(chain(exchange=150, operator=-1))[1] == []


def test_a_seller_needs_the_operator():
    """What gives tokens needs the exchange as their operator, and no allowance of collateral."""
    give = (clob_child(side=-1, reduce_only=True, size_lots=200),)
    assert voted(chain(exchange=0), children=give).reason == SEC_ALLOWANCE_BLOCK
    vote = voted(chain(operator=-1), children=give)
    assert (vote.verdict, vote.reason) == (APPROVE, SEC_ALLOWANCE_OK)
    assert voted(chain(exchange=150), children=(clob_child(action=MERGE),)).verdict == APPROVE


def test_living_orders_of_the_same_spender_count():
    """What rests on the standard exchange needs the same allowance, unless the plan cancels it first."""
    order = world.order_update(client_order_id="o1", price_ticks=50, size_lots=200, market_id=YES)
    state = guard.follow(DEFAULT, Allowances(), order, TOKEN, NOW)
    assert voted(chain(exchange=199), state=state).reason == SEC_ALLOWANCE_BLOCK
    assert voted(chain(exchange=200), state=state).verdict == APPROVE
    cancel = clob_child(action=CANCEL, client_order_id="o1")
    again = (cancel, clob_child(size_lots=200, price_ticks=50))
    assert voted(chain(exchange=100), state=state, children=again).verdict == APPROVE
    other = guard.follow(DEFAULT, Allowances(), order, NEG, NOW)
    assert voted(chain(exchange=100), state=other).verdict == APPROVE


def test_providers_count_by_who_shows_least_or_most():
    """A need is met when every believed provider shows it; an excess is one when any does."""
    assert voted(chain(exchange=150), chain("b", exchange=50)).reason == SEC_ALLOWANCE_BLOCK
    assert voted(chain(exchange=150), chain("b", exchange=5_000)).reason == SEC_ALLOWANCE_EXCESS


def test_the_need_is_remembered_when_it_passes():
    """A plan raises the peak of its day; the ceiling follows it for seven days and then falls."""
    state, vote = guard.decide(
        DEFAULT, seen(chain(exchange=150))[0], world.plan(children=(clob_child(size_lots=200, price_ticks=50),)),
        POLICY, TOKEN, NOW,
    )  # fmt: skip
    assert (vote.verdict, peak(state.peaks, EXCHANGE, NOW)) == (APPROVE, 100 * DOLLAR)
    assert peak(state.peaks, EXCHANGE, NOW + 6 * DAY_NS) == 100 * DOLLAR
    assert peak(state.peaks, EXCHANGE, NOW + 7 * DAY_NS) == 0


@given(st.lists(st.tuples(st.integers(0, 20 * 86_400), st.integers(0, 10**6), st.sampled_from("ab")), max_size=40))
def test_peaks_are_those_of_a_week(needs):
    """The peak is the largest need of seven days, and at most seven numbers a spender are kept."""
    peaks, now = Peaks(), 0
    for second, micros, spender in sorted(needs):
        now = second * SECOND
        peaks = noted(peaks, spender, micros, now)
    for spender in "ab":
        week = [m for s, m, name in needs if name == spender and s // 86_400 > now // DAY_NS - 7]
        assert peak(peaks, spender, now) == max(week, default=0)
    assert len(peaks.days) <= 14
