"""exec.queue_warden: what no longer serves its intent is taken back, once, with the reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bots.exec.queue_warden import Config, Ward, aim, enter, follow, listed, look, unknown
from contracts import ids
from contracts.control import DeskConfigured
from contracts.intent import ENTRY, QUOTE, WITHDRAW, BotNote
from contracts.market import MarketDefinition, MarketSnapshot, PriceBand
from contracts.order import CANCEL, AccountSnapshot, AuthorisedOrder, ExecutionPlan, OrderUpdate
from contracts.signal import FairValue
from tests import world

NOW, SECOND = world.NOW, world.SECOND
FAIR, SNAP, DEFINITION = world.fair(p_micros=480_000), world.snapshot(), world.definition()
CONFIG, CONFIGURED = Config(), world.configured()
OK = BotNote("EXEC_REST_OK")


def name(number: int) -> str:
    """Return a client order id."""
    return f"{number:026x}"


def order(number: int = 1, **fields: object) -> OrderUpdate:
    """Return a resting bid at 44 since 30 seconds."""
    return world.order_update(client_order_id=name(number), **{"since_ns": NOW - 30 * SECOND, **fields})


def authorised(number: int, intent: str, **child: object) -> AuthorisedOrder:
    """Return an order of an intent as it leaves."""
    placed = world.child(client_order_id=name(number), **child)
    return AuthorisedOrder(intent, "P1", world.STRATEGY, placed, (), "")


def quoted(*prices: int, at: int = -30, kind: str = QUOTE, **wish: object) -> Ward:
    """Return the state after quotes of one leg at prices, one second apart, whose orders are 1, 2, 3."""
    state = Ward()
    for number, price in enumerate(prices, start=1):
        fields = {"intent_id": f"I{number}", "price_ticks": price, "intent_kind": kind, **wish}
        now = NOW + (at + number - 1) * SECOND
        state = aim(Config(), state, world.approved(intent=world.intent(**fields)), now)
        state = enter(Config(), state, authorised(number, f"I{number}", price_ticks=price), now)
    return state


Said = tuple[Ward, ExecutionPlan | BotNote | None]


def looked(
    state: Ward,
    *orders: OrderUpdate,
    snap: MarketSnapshot | None = SNAP,
    fair: FairValue | None = FAIR,
    definition: MarketDefinition = DEFINITION,
    configured: DeskConfigured | None = CONFIGURED,
    config: Config = CONFIG,
    at: int = 0,
) -> Said:
    """Return what is said of what rests, so many seconds after now."""
    own, context = world.own_orders(*orders), world.desk()
    now = NOW + at * SECOND
    return look(config, state, world.tick(), own, snap, fair, definition, configured, context, world.FACT + at, now)


def gone(said: Said) -> tuple[list[str], str]:
    """Return which orders a plan cancels, and why; nothing else may stand in it."""
    plan = said[1]
    assert isinstance(plan, ExecutionPlan)
    assert {child.action for child in plan.children} == {CANCEL}
    assert (plan.style, plan.intent_kind) == ("CANCEL", WITHDRAW)
    return [child.client_order_id for child in plan.children], plan.reasons[0]


class TestFixtures:
    def test_normal(self) -> None:
        """A quote on its target, 30 s old: kept, EXEC_REST_OK."""
        assert looked(quoted(44), order())[1] == OK

    def test_warning(self) -> None:
        """4 ticks from its target: cancelled, EXEC_REST_TRIMMED."""
        assert gone(looked(quoted(44, 40), order())) == ([name(1)], "EXEC_REST_TRIMMED")

    def test_hard(self) -> None:
        """The venue acknowledges an order that nobody here sent: cancelled at once, EXEC_REST_ORPHAN."""
        event = world.order_event(client_order_id=name(9), price_ticks=41, size_lots=300)
        said = unknown(Config(), Ward(), event, None, world.definition(), world.desk(), world.FACT, NOW)
        assert gone(said) == ([name(9)], "EXEC_REST_ORPHAN")
        assert isinstance(said[1], ExecutionPlan)
        assert (said[1].children[0].price_ticks, said[1].children[0].size_lots) == (41, 300)

    def test_failure(self) -> None:
        """No snapshot for more than two seconds: every quote of the market, EXEC_REST_BLIND."""
        asks = order(2, side=-1, price_ticks=50)
        assert gone(looked(quoted(44), order(), asks, snap=None)) == ([name(1), name(2)], "EXEC_REST_BLIND")


class TestTests:
    @pytest.mark.parametrize(("age", "goes"), [(300, False), (301, True)])
    def test_age(self, age: int, goes: bool) -> None:
        """An order older than ttl_s goes; its age counts from its birth and not from its last fill."""
        known = looked(quoted(44, at=-age), order(state="PARTIAL", filled_lots=1))
        strange = looked(Ward(), order(since_ns=NOW - age * SECOND))
        assert [type(said[1]) is ExecutionPlan for said in (known, strange)] == [goes, goes]

    @pytest.mark.parametrize(("target", "goes"), [(47, False), (48, True), (41, False), (40, True)])
    def test_drift(self, target: int, goes: bool) -> None:
        """An order farther than drift_ticks from its leg's target goes, on either side of it."""
        assert (
            type(looked(quoted(44, target), order(), fair=world.fair(p_micros=600_000))[1]) is ExecutionPlan
        ) is goes

    @pytest.mark.parametrize(("target", "goes"), [(470, False), (480, True)])
    def test_drift_counts_steps_where_the_venue_has_bands(self, target: int, goes: bool) -> None:
        """Three steps of ten ticks are thirty ticks."""
        bands = (PriceBand(0, 1_000, 10),)
        of = world.definition(grid_ticks=1_000, tick_micros=1_000, price_bands=bands)
        said = looked(quoted(440, target), order(price_ticks=440), definition=of)
        assert (type(said[1]) is ExecutionPlan) is goes

    @pytest.mark.parametrize(("fair", "goes"), [(442_000, False), (441_999, True)])
    def test_edge_of_a_bid(self, fair: int, goes: bool) -> None:
        """A bid at 44 must be worth .002 less than fair."""
        assert (type(looked(quoted(44), order(), fair=world.fair(p_micros=fair))[1]) is ExecutionPlan) is goes

    @pytest.mark.parametrize(("fair", "goes"), [(498_000, False), (498_001, True)])
    def test_edge_of_an_ask(self, fair: int, goes: bool) -> None:
        """An ask at 50 must be worth .002 more than fair."""
        asks = order(side=-1, price_ticks=50)
        assert (type(looked(Ward(), asks, fair=world.fair(p_micros=fair))[1]) is ExecutionPlan) is goes

    def test_without_a_fair_value_a_quote_goes(self) -> None:
        """What nobody can value is not offered."""
        assert gone(looked(quoted(44), order(), fair=None)) == ([name(1)], "EXEC_REST_TRIMMED")

    @pytest.mark.parametrize("fields", [{"reduce_only": True}, {}])
    def test_exits_and_perpetuals_have_no_edge_test(self, fields: dict[str, object]) -> None:
        """What only reduces is worth its risk; a perpetual has no fair probability."""
        of = world.definition() if fields else world.definition(instrument_kind=1, grid_ticks=0)
        assert looked(Ward(), order(**fields), fair=None, definition=of)[1] == OK

    @pytest.mark.parametrize(("ends", "goes"), [(0, False), (-1, False), (-2, True), (5, False)])
    def test_end_of_the_intent(self, ends: int, goes: bool) -> None:
        """An order past its end goes a second later, when the venue did not end it; 0 is no end."""
        state = enter(Config(), Ward(), authorised(1, "I1", expires_ns=NOW + ends * SECOND if ends else 0), NOW)
        assert (type(looked(state, order())[1]) is ExecutionPlan) is goes

    def test_superseded(self) -> None:
        """A younger order of the same leg rests beside it: the older goes, even on the same price."""
        state = quoted(44, 44)
        assert gone(looked(state, order(1), order(2))) == ([name(1)], "EXEC_REST_TRIMMED")
        assert looked(state, order(1), order(2, state="PENDING_SUBMIT"))[1] == OK

    def test_withdrawn(self) -> None:
        """What a strategy withdrew and still rests goes; the other side stays."""
        wish = world.intent(intent_kind=WITHDRAW, leg="withdraw_bid")
        state = aim(Config(), quoted(44), world.approved(intent=wish), NOW)
        assert gone(looked(state, order()))[0] == [name(1)]
        other = replace(wish, side=-1)
        assert looked(aim(Config(), quoted(44), world.approved(intent=other), NOW), order())[1] == OK

    def test_an_entry_has_no_target(self) -> None:
        """What rests for an entry is not measured against the entries after it."""
        assert looked(quoted(44, 30, kind=ENTRY), order())[1] == OK

    def test_a_strategy_that_does_not_run(self) -> None:
        """In another mode than enforced its orders go; of nobody's bot they are orphans; unknown modes miss nobody."""
        off = world.configured(bot_modes=((world.STRATEGY, "shadow"),))
        assert gone(looked(quoted(44), order(), configured=off)) == ([name(1)], "EXEC_REST_TRIMMED")
        assert gone(looked(Ward(), order(strategy="strat.gone")))[1] == "EXEC_REST_ORPHAN"
        assert looked(quoted(44), order(), configured=None)[1] == OK

    @pytest.mark.parametrize(("count", "out"), [(3, []), (4, [4]), (5, [5, 4])])
    def test_too_many_on_a_side(self, count: int, out: list[int]) -> None:
        """Beyond max_live the worst priced go first; what is on its way out does not count."""
        bids = [order(n, price_ticks=45 - n) for n in range(1, count + 1)]
        extra = (order(8, price_ticks=30, state="PENDING_CANCEL"), order(9, side=-1, price_ticks=55))
        said = looked(Ward(), *bids, *extra)
        assert (gone(said)[0] if out else []) == [name(n) for n in out]

    def test_of_equals_the_youngest_goes(self) -> None:
        """The oldest has the best place in the queue."""
        bids = [order(n, since_ns=NOW - n * SECOND) for n in range(1, 5)]
        assert gone(looked(Ward(), *bids))[0] == [name(1)]

    def test_what_waits_for_its_first_answer_counts_and_stays(self) -> None:
        """An order that may not be there cannot be the one too many."""
        bids = [order(n, price_ticks=45 - n) for n in range(1, 4)]
        said = looked(Ward(), *bids, order(4, price_ticks=30, state="PENDING_SUBMIT"))
        assert gone(said)[0] == [name(3)]


class TestOnce:
    @pytest.mark.parametrize(("after", "again"), [(1, False), (9, False), (10, True)])
    def test_a_cancel_is_asked_for_once(self, after: int, again: bool) -> None:
        """Not at each tick; again after ten seconds if the order still rests and no cancel is on its way."""
        state, _ = looked(quoted(44, 40), order())
        assert (looked(state, order(), at=after)[1] is not None) is again

    def test_what_is_on_its_way_out_is_left_to_its_owner(self) -> None:
        """PENDING_CANCEL is never asked for, blind or not."""
        leaving = order(state="PENDING_CANCEL")
        assert looked(quoted(44, 40), leaving)[1] == OK
        assert looked(quoted(44, 40), leaving, snap=None)[1] == OK

    def test_what_ended_is_forgotten(self) -> None:
        """An order's end clears what is remembered of it."""
        state, _ = looked(quoted(44, 40), order(1))
        left = follow(Config(), state, order(1, state="CANCELLED"), NOW)
        assert ([rest.client_order_id for rest in left.rests], left.asked) == ([name(2)], ())

    def test_nothing_rests_nothing_is_said(self) -> None:
        """An empty market costs one look."""
        assert looked(Ward()) == (Ward(), None)
        assert follow(Config(), Ward(), order(), NOW) == Ward()
        assert enter(Config(), Ward(), authorised(1, "I1", action=CANCEL), NOW) == Ward()


class TestOrphans:
    @pytest.mark.parametrize("known", ["resting", "ended", "sent", "no acknowledgement"])
    def test_what_the_desk_knows_is_no_orphan(self, known: str) -> None:
        """An order that rests, ended or was sent from here is its own; only an ACK says that a strange one rests."""
        event = world.order_event(client_order_id=name(1), event="MATCH" if known == "no acknowledgement" else "ACK")
        own = world.own_orders(order()) if known == "resting" else None
        state = follow(Config(), Ward(), order(state="CANCELLED"), NOW) if known == "ended" else Ward()
        state = enter(Config(), state, authorised(1, "I1"), NOW) if known == "sent" else state
        said = unknown(Config(), state, event, own, world.definition(), world.desk(), world.FACT, NOW)
        assert said == (state, None)

    @pytest.mark.parametrize(("taken", "goes"), [(0, False), (1, True)])
    def test_what_ended_here_and_is_listed_there_goes(self, taken: int, goes: bool) -> None:
        """A complete snapshot of the own account, taken after the end, proves that it was no end."""
        state = follow(Config(), Ward(), order(state="REJECTED", since_ns=int(NOW)), NOW)
        said = seen(state, AccountSnapshot(world.ACCOUNT, True, 0, (), (name(1), "x"), NOW + taken))
        assert (gone(said) if goes else said[1]) == (([name(1)], "EXEC_REST_ORPHAN") if goes else None)

    @pytest.mark.parametrize(("complete", "account"), [(False, world.ACCOUNT), (True, "other")])
    def test_half_a_snapshot_or_anothers_proves_nothing(self, complete: bool, account: str) -> None:
        """No cancel follows from it."""
        state = follow(Config(), Ward(), order(state="REJECTED", since_ns=int(NOW)), NOW)
        assert seen(state, AccountSnapshot(account, complete, 0, (), (name(1),), NOW + 9))[1] is None


def seen(state: Ward, account: AccountSnapshot) -> Said:
    """Return what follows from a snapshot of the account."""
    return listed(Config(), state, account, world.definition(), world.desk(), world.FACT, NOW)


ORDERS = st.builds(
    order,
    st.integers(1, 40),
    side=st.sampled_from([1, -1]),
    price_ticks=st.integers(1, 99),
    state=st.sampled_from(["PENDING_SUBMIT", "LIVE", "PARTIAL", "PENDING_CANCEL", "UNKNOWN"]),
    reduce_only=st.booleans(),
    since_ns=st.integers(NOW - 600 * SECOND, int(NOW)),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ORDERS, max_size=12, unique_by=lambda o: o.client_order_id), st.integers(0, 4), st.booleans())
def test_what_is_left_keeps_every_limit_and_nothing_is_asked_twice(
    orders: list[OrderUpdate], max_live: int, blind: bool
) -> None:
    """What still rests after the cancels is young, worth its risk and not too much; a second look asks for nothing."""
    snap = None if blind else world.snapshot()
    state, plan = looked(Ward(), *orders, snap=snap, config=Config(max_live=max_live))
    out = {child.client_order_id for child in plan.children} if isinstance(plan, ExecutionPlan) else set()
    assert len(out) == (len(plan.children) if isinstance(plan, ExecutionPlan) else 0)
    left = [o for o in orders if o.client_order_id not in out and o.state in ("LIVE", "PARTIAL", "UNKNOWN")]
    assert not (blind and left)
    for kept in left:
        assert NOW - kept.since_ns <= 300 * SECOND
        assert kept.reduce_only or kept.side * (480_000 - kept.price_ticks * 10_000) >= 2_000
    for side in (1, -1):
        waiting = sum(o.state == "PENDING_SUBMIT" and o.side == side for o in orders)
        assert sum(o.side == side for o in left) <= max(0, max_live - waiting)
    again = looked(state, *orders, snap=snap, config=Config(max_live=max_live), at=1)[1]
    assert not isinstance(again, ExecutionPlan) or out == set()


def test_a_plan_is_named_by_its_cause() -> None:
    """Two causes give two names, one cause in two desks too; the same twice gives the same."""
    one, two = (looked(quoted(44, 40), order(), at=at)[1] for at in (0, 1))
    assert isinstance(one, ExecutionPlan)
    assert isinstance(two, ExecutionPlan)
    assert one.intent_id == ids.intent_id("lab", world.FACT, "exec.queue_warden", "M1/tick") != two.intent_id
