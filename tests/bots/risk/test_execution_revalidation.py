"""risk.execution_revalidation: price and edge once more, on the book that the order will meet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths import revalidation
from bots.maths.revalidation import Belief, Known, Limits, Quote, Terms, judge
from bots.risk import execution_revalidation as guard
from bots.risk.execution_revalidation import Beliefs, Config
from contracts.control import ALLOW, BLOCK, CLOSE_ONLY, DEGRADED, FLATTEN, NORMAL
from contracts.intent import APPROVE, EXIT, NO_LIMIT, REJECT, RESHAPE, WITHDRAW
from contracts.market import FeeModel, Kind
from contracts.order import CANCEL
from contracts.reasons import (
    RISK_EDGE_DECAYED,
    RISK_EDGE_PARTIAL,
    RISK_PLAN_EXPIRED,
    RISK_PRICE_DRIFT,
    RISK_REVALIDATED,
    RISK_REVALIDATION_BLIND,
    RISK_SAFETY_TIGHTENED,
)
from tests import world
from tests.world import MS, NOW

FREE = FeeModel("none")
COSTS = FeeModel("linear_bps", 27_272)  # 0.015 a contract at 0.55
WHOLE = {"lot_micros": 1_000_000}
DEFAULT = Config()
SURE = world.fair(p_model_micros=600_000, se_micros=0)


def held(**overrides):
    """Return the state after an entry that believed in 0.55 and a probability of 0.60 was voted on."""
    wish = {"intent_kind": "ENTRY", "ref_micros": 550_000, "p_model_micros": 600_000, "price_ticks": 60}
    wish |= {"post_only": False, "side": 1, "edge_micros": 35_000}
    safety = overrides.pop("safety", world.safety())
    return guard.watch(DEFAULT, Beliefs(), world.intent(**wish | overrides), safety, NOW)


def planned(**overrides):
    """Return a plan that takes 500 contracts, at 0.60 at worst."""
    plan = {name: overrides.pop(name) for name in ("expires_ns", "intent_kind", "children") if name in overrides}
    child = {"side": 1, "price_ticks": 60, "size_lots": 500, "post_only": False, "time_in_force": "IOC"} | overrides
    return world.plan(**{"style": "TAKE", "intent_kind": "ENTRY", "children": (world.child(**child),)} | plan)


def voted(
    plan=None,
    state=None,
    book=None,
    age_ms=100,
    definition=None,
    fair=SURE,
    safety=None,
    config=DEFAULT,
):
    """Return the vote on a plan; by default 500 contracts are offered at 0.55 and cost 0.015 each."""
    book = book or world.book(bids={53: 900}, asks={55: 500})
    definition = definition or world.definition(fee=COSTS, **WHOLE)
    return guard.decide(
        config,
        held() if state is None else state,
        plan or planned(),
        book,
        NOW - age_ms * MS,
        definition,
        fair,
        world.safety() if safety is None else safety,
        NOW,
    )


def test_normal():
    """p_model .60, ask .55, costs .015: net .035, APPROVE, RISK_REVALIDATED."""
    vote = voted()
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (APPROVE, RISK_REVALIDATED, 35_000, 20_000)
    assert vote.size_lots_max == NO_LIMIT


def test_warning():
    """First 200 at .56, rest at .59: RESHAPE 200, RISK_EDGE_PARTIAL."""
    free = world.definition(fee=FREE, **WHOLE)
    vote = voted(book=world.book(bids={53: 900}, asks={56: 200, 59: 300}), definition=free)
    assert (vote.verdict, vote.reason, vote.size_lots_max, vote.seen) == (RESHAPE, RISK_EDGE_PARTIAL, 200, 10_000)


def test_hard():
    """Ref .55 and now .61: REJECT, RISK_PRICE_DRIFT, also where the limit would not let the order meet it."""
    for limit in (60, 70):
        vote = voted(planned(price_ticks=limit), book=world.book(bids={53: 900}, asks={61: 500}))
        assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (REJECT, RISK_PRICE_DRIFT, 60_000, 50_000)


def test_failure():
    """Book 700 ms old: REJECT, RISK_REVALIDATION_BLIND; a book of 500 ms is young enough."""
    vote = voted(age_ms=700)
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (REJECT, RISK_REVALIDATION_BLIND, 700, 500)
    assert (voted(age_ms=500).reason, voted(age_ms=501).reason) == (RISK_REVALIDATED, RISK_REVALIDATION_BLIND)
    assert voted(age_ms=-1).reason == RISK_REVALIDATION_BLIND


@pytest.mark.parametrize(
    "blind",
    [
        {"fair": None},
        {"fair": world.fair(p_model_micros=-1)},
        {"state": Beliefs()},
        {"state": held(safety=None, intent_id="other")},
        {"book": world.book(live=False)},
        {"book": world.book(bids={}, asks={})},
        {"book": world.book(bids={50: 10}, asks={})},
        {"definition": world.definition(fee=FeeModel(), **WHOLE)},
    ],
)
def test_what_is_not_known_refuses(blind):
    """No model's value, no intent on file, no book, nobody to take from, no fee model: RISK_REVALIDATION_BLIND."""
    vote = voted(**blind)
    assert (vote.verdict, vote.reason) == (REJECT, RISK_REVALIDATION_BLIND)


def test_safety_that_is_unknown_refuses():
    """Without a state of safety, at the first vote or now, nothing is signed."""
    args = [DEFAULT, held(), planned(), world.book(), NOW, world.definition(fee=FREE, **WHOLE), SURE]
    assert guard.decide(*args, None, NOW).reason == RISK_REVALIDATION_BLIND
    assert voted(state=guard.watch(DEFAULT, Beliefs(), world.intent(), None, NOW)).reason == RISK_REVALIDATION_BLIND


@pytest.mark.parametrize(("ask", "drift"), [(60, APPROVE), (61, REJECT)])
def test_drift_at_the_limit_is_allowed(ask, drift):
    """Five cents of drift pass, six do not."""
    sure = world.fair(p_model_micros=900_000, se_micros=0)
    free = world.definition(fee=FREE, **WHOLE)
    plan, book = planned(price_ticks=80), world.book(bids={53: 900}, asks={ask: 500})
    assert voted(plan, book=book, definition=free, fair=sure).verdict == drift


@pytest.mark.parametrize(("p_micros", "verdict"), [(570_000, APPROVE), (569_999, REJECT)])
def test_edge_at_the_minimum_is_allowed(p_micros, verdict):
    """A net edge of exactly the minimum passes; a millionth less does not."""
    free = world.definition(fee=FREE, **WHOLE)
    vote = voted(fair=world.fair(p_model_micros=p_micros, se_micros=0), definition=free)
    assert vote.verdict == verdict
    assert vote.reason == (RISK_REVALIDATED if verdict == APPROVE else RISK_EDGE_DECAYED)


def test_the_uncertainty_of_the_model_is_taken_off():
    """The buffer is half a standard error, brought from log-odds to probability, rounded up."""
    free = world.definition(fee=FREE, **WHOLE)
    vote = voted(fair=world.fair(p_model_micros=600_000, se_micros=100_000), definition=free)
    assert vote.seen == 50_000 - 12_000


def test_a_seller_holds_no():
    """edge_no = (1 - p) - no_price: who sells at the bid of 0.50 what is worth 0.44 has six cents."""
    state = held(side=-1, ref_micros=500_000, price_ticks=48, p_model_micros=440_000)
    free, book = world.definition(fee=FREE, **WHOLE), world.book(bids={50: 500}, asks={52: 500})
    fair = world.fair(p_model_micros=440_000, se_micros=0)
    vote = voted(planned(side=-1, price_ticks=48), state, book, definition=free, fair=fair)
    assert (vote.verdict, vote.seen) == (APPROVE, 60_000)


def test_what_is_not_displayed_is_priced_at_the_limit():
    """Of 500 asked for 200 are seen at .56; the rest may be met at .60, where nothing is earned."""
    free = world.definition(fee=FREE, **WHOLE)
    book = world.book(bids={53: 900}, asks={56: 200})
    assert voted(book=book, definition=free).size_lots_max == 200
    assert voted(planned(price_ticks=58), book=book, definition=free).verdict == APPROVE


def test_a_quote_is_priced_at_its_own_limit():
    """A bid at .44 of what is worth .48 has four cents whatever the ask; it drifts with the mid."""
    state = held(intent_kind="QUOTE", ref_micros=480_000, price_ticks=44, p_model_micros=480_000, post_only=True)
    plan = planned(price_ticks=44, post_only=True, time_in_force="GTD", intent_kind="QUOTE")
    fair, free = world.fair(se_micros=0), world.definition(fee=FREE, **WHOLE)
    vote = voted(plan, state, world.book(bids={44: 9}, asks={46: 9}), definition=free, fair=fair)
    assert (vote.verdict, vote.seen) == (APPROVE, 40_000)
    gone = voted(plan, state, world.book(bids={40: 9}, asks={44: 9}), definition=free, fair=fair)
    assert (gone.verdict, gone.reason, gone.seen) == (REJECT, RISK_PRICE_DRIFT, 60_000)
    one_sided = voted(plan, state, world.book(bids={}, asks={46: 9}), definition=free, fair=fair)
    assert one_sided.verdict == APPROVE


def test_an_exit_is_tested_for_drift_alone_and_wider():
    """A loss is no reason to keep a position: an exit passes without edge, and with three times the drift."""
    state = held(intent_kind=EXIT, p_model_micros=300_000, reduce_only=True)
    for ask, verdict in ((70, APPROVE), (71, REJECT)):
        plan = planned(price_ticks=80, reduce_only=True, intent_kind=EXIT)
        vote = voted(plan, state, world.book(bids={53: 900}, asks={ask: 500}), fair=None)
        assert (vote.verdict, vote.limit) == (verdict, 150_000)
    assert voted(planned(intent_kind=EXIT, reduce_only=True), state, age_ms=501).reason == RISK_REVALIDATION_BLIND


def test_without_a_model_the_stated_edge_counts():
    """The edge that an intent stated holds at its limit or its reference, the stricter, and moves with the price."""
    state = held(p_model_micros=-1, edge_micros=30_000, price_ticks=57)
    plan, free = planned(price_ticks=57), world.definition(fee=FREE, **WHOLE)
    for ask, net in ((55, 30_000), (56, 20_000), (57, 10_000)):
        vote = voted(plan, state, world.book(bids={53: 900}, asks={ask: 500}), definition=free, fair=None)
        assert (vote.seen, vote.verdict) == (net, APPROVE if net >= 20_000 else REJECT)


def test_the_legs_of_a_bundle_are_tested_by_their_sum():
    """Two legs of which one alone earns nothing pass together; before the other is on file none does."""
    name = "b" * 26 + ".2"
    first = held(bundle_id=name, edge_micros=-10_000, price_ticks=55, p_model_micros=-1)
    other = world.intent(intent_id="other", bundle_id=name, edge_micros=35_000, market_id="M2")
    both = guard.watch(DEFAULT, first, other, world.safety(), NOW)
    plan, free = planned(price_ticks=55), world.definition(fee=FREE, **WHOLE)
    assert voted(plan, first, definition=free, fair=None).reason == RISK_REVALIDATION_BLIND
    vote = voted(plan, both, definition=free, fair=None)
    assert (vote.verdict, vote.seen) == (APPROVE, 25_000)


def test_a_perpetual_is_tested_in_basis_points_of_mid():
    """15 basis points of drift and 5 of edge, of a mid of 100 dollars."""
    perp = {"instrument_kind": int(Kind.PERP), "grid_ticks": 0, "tick_micros": 10_000, "fee": FREE, **WHOLE}
    for ask, edge, reason in (
        (10_015, 200_000, RISK_REVALIDATED),
        (10_016, 300_000, RISK_PRICE_DRIFT),
        (10_000, 50_000, RISK_REVALIDATED),
        (10_000, 49_999, RISK_EDGE_DECAYED),
    ):
        bid = 20_000 - ask
        book = world.book({bid: 500}, {ask: 500}, grid=20_100)
        state = held(ref_micros=100_000_000, p_model_micros=-1, edge_micros=edge, price_ticks=10_000)
        vote = voted(planned(price_ticks=ask), state, book, definition=world.definition(**perp), fair=None)
        assert vote.reason == reason


@pytest.mark.parametrize(
    ("mode", "level", "reduce_only", "passes"),
    [
        (NORMAL, ALLOW, False, True),
        (DEGRADED, ALLOW, False, False),
        (NORMAL, CLOSE_ONLY, False, False),
        (NORMAL, CLOSE_ONLY, True, True),
        (NORMAL, FLATTEN, True, True),
        (NORMAL, BLOCK, True, False),
        (NORMAL, "UNHEARD_OF", False, False),
    ],
)
def test_safety_that_became_tighter_refuses(mode, level, reduce_only, passes):
    """What was voted on in calm does not leave in a storm; what only reduces is stopped by BLOCK alone."""
    vote = voted(planned(reduce_only=reduce_only), safety=world.safety(mode=mode, kill_level=level))
    assert (vote.verdict == APPROVE) is passes
    assert vote.reason == (RISK_REVALIDATED if passes else RISK_SAFETY_TIGHTENED)


def test_safety_that_was_as_tight_before_is_no_change():
    """An intent that was approved under DEGRADED is not refused for it."""
    state = held(safety=world.safety(mode=DEGRADED))
    assert voted(state=state, safety=world.safety(mode=DEGRADED)).verdict == APPROVE


def test_a_plan_whose_time_is_over():
    """At its end a plan has expired; a nanosecond before it has not."""
    assert voted(planned(expires_ns=int(NOW))).reason == RISK_PLAN_EXPIRED
    assert voted(planned(expires_ns=NOW + 1)).verdict == APPROVE
    assert voted(planned(expires_ns=0)).verdict == APPROVE


def test_the_gravest_vote_of_several_orders_counts():
    """Two orders that each may have 200 give 200; one that may have none refuses the plan. Cancels are not judged."""
    free = world.definition(fee=FREE, **WHOLE)
    one = planned(size_lots=500).children[0]
    book = world.book(bids={53: 900}, asks={56: 200, 59: 900})
    two = planned(children=(one, world.child(action=CANCEL), one))
    assert voted(two, book=book, definition=free).size_lots_max == 200
    cancels = planned(children=(world.child(action=CANCEL),))
    assert voted(cancels, state=Beliefs(), book=world.book(live=False)).verdict == APPROVE


def test_memory_is_bounded_and_forgets_what_has_ended():
    """At most 256 intents are kept; one that has expired makes room, a withdrawal is not kept, a repeat replaces."""
    state = Beliefs()
    for number in range(300):
        state = guard.watch(DEFAULT, state, world.intent(intent_id=f"i{number}"), world.safety(), NOW)
    assert (len(state.kept), state.kept[-1].intent_id) == (256, "i299")
    assert guard.watch(DEFAULT, state, world.intent(intent_kind=WITHDRAW), world.safety(), NOW) is state
    later = guard.watch(DEFAULT, state, world.intent(intent_id="new"), world.safety(), NOW + 6 * world.SECOND)
    assert [kept.intent_id for kept in later.kept] == ["new"]
    again = guard.watch(DEFAULT, later, world.intent(intent_id="new"), world.safety(), NOW)
    assert len(again.kept) == 1


TERMS = Terms(10_000, 1_000_000, True, FREE)


@given(
    st.integers(1, 99),
    st.integers(1, 99),
    st.integers(1, 99),
    st.integers(1, 1_000),
    st.lists(st.tuples(st.integers(1, 99), st.integers(1, 500)), max_size=5),
)
def test_what_passes_keeps_its_edge_at_every_price_it_may_meet(ref, p, limit, size, deeper):
    """Of what a vote leaves, no contract is bought beyond the drift, or with less than the minimum of edge."""
    levels = sorted(dict(deeper).items())
    first = levels[0] if levels else (min(limit, 98), size)
    quote = Quote(0, 0, *first, 0, tuple(levels[1:]))
    belief = Belief("i", "", "ENTRY", limit, ref * 10_000, p * 10_000, 0, 0, 0, 0)
    known = Known(p * 10_000, 0, 0, world.safety(), 0)
    child = world.child(side=1, price_ticks=limit, size_lots=size, post_only=False)
    vote = judge(Limits(), TERMS, child, belief, quote, known, NOW)
    left = 0 if vote.verdict == REJECT else min(size, vote.size_lots_max)
    prices = [(px, lots) for px, lots in (first, *levels[1:]) if px <= limit] or [(first[0], size)]
    for price, lots in [*prices, (limit if prices[0][0] <= limit else first[0], size)]:
        if left <= 0:
            break
        assert abs(price - ref) <= 5
        assert p - price >= 2
        left -= lots


def test_the_submitter_asks_the_same_rule_with_a_touch():
    """With the best prices alone, what lies beyond them is priced at the limit."""
    child = world.child(side=1, price_ticks=60, size_lots=500, post_only=False)
    belief = held().kept[0]
    known = Known(600_000, 0, 0, world.safety(), 0)
    touch = judge(Limits(), TERMS, child, belief, Quote(53, 900, 56, 200, 0), known, NOW)
    assert (touch.verdict, touch.size_lots_max, touch.gate) == (RESHAPE, 200, revalidation.GATE)
    stale = judge(Limits(), TERMS, child, belief, Quote(53, 900, 56, 200, 501 * MS), known, NOW)
    assert (stale.verdict, stale.reason) == (REJECT, RISK_REVALIDATION_BLIND)
