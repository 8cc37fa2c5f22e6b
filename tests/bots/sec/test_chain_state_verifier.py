"""sec.chain_state_verifier: what a plan spends is there, by two sources."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.sec import chain_state_verifier as guard
from bots.sec.chain_state_verifier import Config, Seen
from contracts.intent import APPROVE, REJECT, RESHAPE
from contracts.market import FeeModel, Kind
from contracts.order import CANCEL, MERGE, REDEEM, AccountSnapshot
from contracts.reasons import SEC_STATE_MISMATCH, SEC_STATE_TRIMMED, SEC_STATE_UNAVAILABLE, SEC_STATE_VERIFIED
from contracts.venue import ChainSnapshot
from tests import world
from tests.bots.sec.policies import NO, YES, clob_child
from tests.world import MS, NOW, SECOND

DOLLAR, DEFAULT = 1_000_000, Config()
FREE = {"fee": FeeModel("none"), "lot_micros": 1_000_000}
KALSHI = world.definition(**FREE)
TOKEN = world.definition(venue_id="polymarket", market_id=YES, complement_id=NO, **FREE)
PERP = world.definition(venue_id="bitget", instrument_kind=int(Kind.PERP), grid_ticks=0, **FREE)
DESK = world.desk()


def chain(dollars, provider="a", tokens=(), at_ns=NOW, account=world.ACCOUNT):
    """Return what a provider shows of the account."""
    return ChainSnapshot(
        0, int(at_ns), -1, provider, 137, 100, "h", 10, 0, account, dollars * DOLLAR, tokens, (), 0, 0, 0
    )


def venue(dollars, positions=(), taken_ns=NOW, complete=True):
    """Return the venue's own account."""
    return AccountSnapshot(world.ACCOUNT, complete, dollars * DOLLAR, positions, (), int(taken_ns))


def seen(*said, positions=(), orders=(), definition=KALSHI, config=DEFAULT):
    """Return the state after positions, snapshots that know them, and own orders."""
    state = Seen()
    for position in positions:
        state = guard.follow(config, state, position, definition, NOW)
    for snapshot in said:
        state = guard.watch(config, state, snapshot, DESK, NOW)
    for order in orders:
        state = guard.follow(config, state, order, definition, NOW)
    return state


def voted(*children, state, own=500, definition=KALSHI, config=DEFAULT):
    """Return the vote on a plan; the desk began with `own` dollars."""
    account = world.account(start_micros=own * DOLLAR) if own is not None else None
    return guard.decide(config, state, world.plan(children=children), definition, account, NOW)


def buy(lots, price=50, **overrides):
    """Return an order that buys contracts."""
    return world.child(**{"size_lots": lots, "price_ticks": price, "side": 1, "market_id": world.MARKET} | overrides)


def holding(lots, **overrides):
    """Return a position of so many contracts, bought (or sold) at 0.50."""
    cost = lots * DOLLAR // 2
    values = {"size_lots": lots, "cost_micros": cost, "exposure_micros": abs(cost)}
    return world.position(**values | overrides)


def test_normal():
    """Chain 500, internal 500, need 100: APPROVE, SEC_STATE_VERIFIED, on a chain and at a venue."""
    vote = voted(clob_child(size_lots=200, price_ticks=50), state=seen(chain(500)), definition=TOKEN)
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (
        APPROVE, SEC_STATE_VERIFIED, 500 * DOLLAR, 100 * DOLLAR,
    )  # fmt: skip
    assert voted(buy(200), state=seen(venue(500))).reason == SEC_STATE_VERIFIED


def test_warning():
    """Spendable 60, need 100: RESHAPE 60, SEC_STATE_TRIMMED."""
    vote = voted(buy(200), state=seen(venue(60)), own=60)
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (
        RESHAPE, SEC_STATE_TRIMMED, 60 * DOLLAR, 100 * DOLLAR,
    )  # fmt: skip
    assert vote.size_lots_max == 120


def test_hard():
    """Chain 500, internal 420: REJECT, SEC_STATE_MISMATCH, with both amounts."""
    vote = voted(clob_child(), state=seen(chain(500)), own=420, definition=TOKEN)
    assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (
        REJECT, SEC_STATE_MISMATCH, 500 * DOLLAR, 420 * DOLLAR,
    )  # fmt: skip


def test_failure():
    """Only internal state: REJECT, SEC_STATE_UNAVAILABLE; only the venue's, or an incomplete page set, likewise."""
    for state, own in ((seen(), 500), (seen(venue(500)), None), (seen(venue(500, complete=False)), 500)):
        vote = voted(buy(1), state=state, own=own)
        assert (vote.verdict, vote.reason) == (REJECT, SEC_STATE_UNAVAILABLE)
    assert voted(clob_child(), state=seen(venue(500)), definition=TOKEN).reason == SEC_STATE_UNAVAILABLE


@pytest.mark.parametrize(
    ("said", "definition", "child", "fresh"),
    [
        (venue(500, taken_ns=NOW - 15 * SECOND), KALSHI, buy(1), True),
        (venue(500, taken_ns=NOW - 15 * SECOND - MS), KALSHI, buy(1), False),
        (venue(500, taken_ns=NOW + 1), KALSHI, buy(1), False),
        (chain(500, at_ns=NOW - 10 * SECOND), TOKEN, clob_child(), True),
        (chain(500, at_ns=NOW - 10 * SECOND - MS), TOKEN, clob_child(), False),
        (chain(500, account="other"), TOKEN, clob_child(), False),
    ],
)
def test_a_source_that_is_old_is_none(said, definition, child, fresh):
    """The venue's account holds for 15 s, a chain's view for 10 s, and neither of another account."""
    vote = voted(child, state=seen(said), definition=definition)
    assert vote.reason == (SEC_STATE_VERIFIED if fresh else SEC_STATE_UNAVAILABLE)


@pytest.mark.parametrize(("own", "theirs", "apart"), [(500, 501, False), (500, 502, True), (2_000, 2_004, False)])
def test_tolerance_is_both_an_amount_and_a_share(own, theirs, apart):
    """A dollar apart is not a mismatch; two are, unless they are less than two thousandths."""
    vote = voted(buy(2), state=seen(venue(theirs)), own=own)
    assert (vote.reason == SEC_STATE_MISMATCH) is apart


def test_a_trade_below_the_minimum_is_not_worth_cutting_to():
    """Ten dollars that can be spent are traded, less is refused."""
    assert voted(buy(200), state=seen(venue(10)), own=10).verdict == RESHAPE
    vote = voted(buy(200), state=seen(venue(9)), own=9)
    assert (vote.verdict, vote.reason) == (REJECT, SEC_STATE_TRIMMED)


def test_a_sale_without_a_position_buys_no():
    """On one book a seller at .20 pays .80; with 100 held only what exceeds them is paid for."""
    sell = buy(100, price=20, side=-1)
    assert voted(sell, state=seen(venue(80)), own=80).limit == 80 * DOLLAR
    assert voted(sell, state=seen(venue(79)), own=79).size_lots_max == 98
    held = seen(venue(40, (("M1", 60),)), positions=(holding(60),))
    assert voted(sell, state=held, own=70).limit == 32 * DOLLAR
    assert voted(sell, state=held, own=70).verdict == APPROVE


def test_what_only_reduces_needs_the_position_and_no_cash():
    """An exit passes with no cash at all, is cut to what both sources show, and is refused when they disagree."""
    leave = buy(60, side=-1, reduce_only=True)
    held = seen(venue(0, (("M1", 60),)), positions=(holding(60),))
    vote = voted(leave, state=held, own=30)
    assert (vote.verdict, vote.seen, vote.limit) == (APPROVE, 60, 60)
    more = voted(buy(80, side=-1, reduce_only=True), state=held, own=30)
    assert (more.verdict, more.reason, more.size_lots_max) == (RESHAPE, SEC_STATE_TRIMMED, 60)
    apart = seen(venue(0, (("M1", 40),)), positions=(holding(60),))
    assert voted(leave, state=apart, own=30).reason == SEC_STATE_MISMATCH
    none = seen(venue(0), positions=())
    assert voted(leave, state=none, own=0).verdict == REJECT


def test_living_orders_reserve():
    """What rests elsewhere is not spent twice; a doubted order reserves too; what the plan cancels first does not."""
    order = world.order_update(client_order_id="o1", price_ticks=50, size_lots=800)
    for kind in ("LIVE", "UNKNOWN", "PENDING_CANCEL"):
        state = seen(
            venue(500),
            orders=(order, world.order_update(client_order_id="o1", price_ticks=50, size_lots=800, state=kind)),
        )
        assert (voted(buy(201), state=state).size_lots_max, voted(buy(200), state=state).verdict) == (200, APPROVE)
        cancel = world.child(action=CANCEL, client_order_id="o1")
        assert voted(cancel, buy(1_000), state=state).verdict == APPROVE
    done = world.order_update(client_order_id="o1", price_ticks=50, size_lots=800, state="CANCELLED")
    assert voted(buy(1_000), state=seen(venue(500), orders=(order, done))).verdict == APPROVE


def test_living_orders_that_close_reserve_the_position():
    """A resting sale of what is held takes nothing of the cash, but leaves less to sell."""
    rests = world.order_update(client_order_id="o1", side=-1, price_ticks=50, size_lots=40)
    held = seen(venue(0, (("M1", 60),)), positions=(holding(60),), orders=(rests,))
    assert voted(buy(20, side=-1, reduce_only=True), state=held, own=30).verdict == APPROVE
    assert voted(buy(30, side=-1, reduce_only=True), state=held, own=30).size_lots_max == 20


def test_tokens_are_given_only_by_what_reduces():
    """A reduce-only sale gives YES; any other sale buys NO with cash; a reduce-only purchase gives NO."""
    tokens = ((YES, 60),)
    held = seen(chain(470, tokens=tokens), positions=(holding(60, market_id=YES),), definition=TOKEN)
    give = clob_child(side=-1, reduce_only=True, size_lots=60)
    assert voted(give, state=held, definition=TOKEN).verdict == APPROVE
    other = voted(clob_child(side=-1, size_lots=60, price_ticks=50), state=held, definition=TOKEN)
    assert (other.verdict, other.limit) == (APPROVE, 30 * DOLLAR)
    short = seen(chain(470, tokens=((NO, 60),)), positions=(holding(-60, market_id=YES),), definition=TOKEN)
    assert voted(clob_child(reduce_only=True, size_lots=60), state=short, definition=TOKEN).verdict == APPROVE
    assert voted(give, state=short, definition=TOKEN).reason == SEC_STATE_TRIMMED


def test_pairs_that_the_books_count_as_cash_are_no_mismatch():
    """A sale of YES that bought NO leaves a pair: the books have cash, the chain the pair, and both are right."""
    closed = world.position(size_lots=0, cost_micros=0, exposure_micros=0, market_id=YES)
    state = seen(chain(400, tokens=((YES, 100), (NO, 100))), positions=(closed,), definition=TOKEN)
    vote = voted(clob_child(size_lots=100, price_ticks=50), state=state, definition=TOKEN)
    assert (vote.verdict, vote.seen) == (APPROVE, 400 * DOLLAR)


def test_a_fill_that_a_source_cannot_know_yet_is_no_disagreement():
    """Until the next snapshot what was filled moves both sides; once it is there they must agree."""
    before = seen(venue(500))
    after = guard.follow(DEFAULT, before, holding(60), KALSHI, NOW)
    vote = voted(buy(200), state=after)
    assert (vote.verdict, vote.seen) == (APPROVE, 470 * DOLLAR)
    assert voted(buy(60, side=-1, reduce_only=True), state=after).verdict == APPROVE
    unmoved = guard.watch(DEFAULT, after, venue(500), DESK, NOW)
    assert voted(buy(200), state=unmoved).reason == SEC_STATE_MISMATCH
    known = guard.watch(DEFAULT, after, venue(470, (("M1", 60),)), DESK, NOW)
    assert voted(buy(200), state=known).verdict == APPROVE


def test_on_a_chain_what_was_bought_counts_when_it_is_shown():
    """Tokens bought since the view are not given yet, what was sold is gone, what it brought is not spent."""
    bought = guard.follow(DEFAULT, seen(chain(500)), holding(60, market_id=YES), TOKEN, NOW)
    give = clob_child(side=-1, reduce_only=True, size_lots=60)
    assert voted(give, state=bought, definition=TOKEN).reason == SEC_STATE_TRIMMED
    assert voted(clob_child(size_lots=100, price_ticks=50), state=bought, definition=TOKEN).seen == 470 * DOLLAR
    held = seen(chain(470, tokens=((YES, 60),)), positions=(holding(60, market_id=YES),), definition=TOKEN)
    sold = holding(0, market_id=YES, cost_micros=0, exposure_micros=0)
    after = guard.follow(DEFAULT, held, sold, TOKEN, NOW)
    assert voted(clob_child(size_lots=100, price_ticks=50), state=after, definition=TOKEN).seen == 470 * DOLLAR
    assert voted(give, state=after, definition=TOKEN).reason == SEC_STATE_TRIMMED


def test_a_provider_that_is_late_is_not_heard():
    """An older view than the one that is known changes nothing, nor what it is compared with."""
    state = seen(chain(500))
    assert guard.watch(DEFAULT, state, chain(100, at_ns=NOW - 1), DESK, NOW) is state


def test_two_providers_that_differ_count_by_the_lesser():
    """Of two believed providers the one that shows less decides what may be spent, and whether sources agree."""
    assert voted(clob_child(), state=seen(chain(500), chain(400, "b")), definition=TOKEN).reason == SEC_STATE_MISMATCH


def test_operations_need_the_tokens_at_two_providers():
    """A merge needs pairs, a redemption tokens; one provider is one source."""
    pairs = ((YES, 60), (NO, 50))
    two = seen(chain(500, tokens=pairs), chain(500, "b", tokens=pairs))
    for action, most in ((MERGE, 50), (REDEEM, 60)):
        assert voted(clob_child(action=action, size_lots=most), state=two, definition=TOKEN).verdict == APPROVE
        vote = voted(clob_child(action=action, size_lots=most + 1), state=two, definition=TOKEN)
        assert (vote.verdict, vote.reason, vote.seen, vote.limit) == (REJECT, SEC_STATE_TRIMMED, most, most + 1)
    one = voted(clob_child(action=MERGE, size_lots=1), state=seen(chain(500, tokens=pairs)), definition=TOKEN)
    assert one.reason == SEC_STATE_UNAVAILABLE


def test_the_margin_of_a_perpetual():
    """At a leverage of four a quarter of the notional is needed, and what is held takes its share already."""
    four = Config(leverage=4.0)
    perp = buy(1_000, price=100, venue_id="bitget")
    assert voted(perp, state=seen(venue(250)), own=250, definition=PERP, config=four).limit == 250 * DOLLAR
    held = holding(400, cost_micros=400 * DOLLAR, exposure_micros=400 * DOLLAR)
    state = seen(venue(250, (("M1", 400),)), positions=(held,), definition=PERP, config=four)
    assert voted(perp, state=state, own=250, definition=PERP, config=four).size_lots_max == 600


def test_the_fee_is_needed_too():
    """A taker pays its fee beside the price; who can only rest and pays none does not."""
    dear = world.definition(lot_micros=1_000_000, fee=FeeModel("linear_bps", 100_000))
    assert voted(buy(200, post_only=False), state=seen(venue(500)), definition=dear).limit == 110 * DOLLAR
    assert voted(buy(200), state=seen(venue(500)), definition=dear).limit == 100 * DOLLAR


def test_cancels_are_not_judged():
    """A plan that only cancels passes without any source."""
    assert voted(world.child(action=CANCEL), state=seen(), own=None).verdict == APPROVE


ORDER = st.tuples(st.integers(1, 99), st.integers(1, 2_000), st.sampled_from([1, -1]))


@given(st.integers(0, 1_000), st.lists(ORDER, max_size=4), ORDER, st.integers(-500, 500))
def test_nothing_is_spent_twice(dollars, resting, wish, held):
    """What rests and what a vote leaves of a plan need, at their cheapest, no more collateral than is there."""
    position = holding(held)
    own = dollars + abs(held) // 2 + 1
    cash = own * DOLLAR - position.exposure_micros
    orders = [
        world.order_update(client_order_id=f"o{n}", price_ticks=price, size_lots=lots, side=side)
        for n, (price, lots, side) in enumerate(resting)
    ]
    snapshot = AccountSnapshot(world.ACCOUNT, True, cash, (("M1", held),), (), int(NOW))
    state = seen(snapshot, positions=(position,), orders=orders)
    price, lots, side = wish
    vote = voted(buy(lots, price=price, side=side), state=state, own=own)
    left = 0 if vote.verdict == REJECT else min(lots, vote.size_lots_max)
    if not left or not vote.limit:
        return  # refused, or it only closes what is held
    needed = 0
    for way in (1, -1):
        same = [(p if way > 0 else 100 - p, n) for p, n, s in resting if s == way]
        same += [(price if way > 0 else 100 - price, left)] if way == side else []
        opening = max(0, sum(n for _, n in same) - max(0, -way * held))
        for unit, n in sorted(same):
            needed += unit * min(n, opening) * 10_000
            opening -= min(n, opening)
    assert needed <= cash
