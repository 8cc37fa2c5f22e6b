"""exec.partial_fill_handler: the rest of a fill is held, follows the market inside its bound, or is taken back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.exec.partial_fill_handler import Config, Rests, enter, follow, look, note
from bots.kit import Book
from bots.maths.plans import GENERATION
from contracts.intent import ENTRY, QUOTE, BotNote
from contracts.market import MarketDefinition
from contracts.order import CANCEL, PLACE, ExecutionPlan, Fill, OrderUpdate
from contracts.signal import FairValue, SignalReport
from tests import world

NOW, SECOND, MS = world.NOW, world.SECOND, world.MS
CONFIG, DEFINITION = Config(), world.definition()
BID = 44  # where our order of 100 rests; the strategy allowed up to 48, the model says .50
FAIR = world.fair(p_micros=500_000)
NAME = world.child().client_order_id
INTENT = world.intent().intent_id
Said = tuple[Rests, ExecutionPlan | BotNote | None]


def cost(intent: str = INTENT, fee: float = 0.001, adverse: float = 0.001) -> SignalReport:
    """Return what a resting fill costs: .002 a contract."""
    parts = (("maker_fee", fee), ("adverse", adverse))
    return world.signal(signal="cost", value=0.02, parts=parts, refs=(intent, ""), reason="EXEC_COST_ESTIMATED")


def rests(
    kind: str = ENTRY, fill_milli: int = 500, costs: SignalReport | None = None, ends: int = 60, **wish: object
) -> Rests:
    """Return the state after an intent was approved and its one order of 100 lots planned."""
    fields = {"intent_kind": kind, "price_ticks": 48, "p_model_micros": 500_000, "size_lots": 100, **wish}
    state = note(CONFIG, Rests(), world.approved(intent=world.intent(**fields), size_lots=100), NOW)
    child = world.child(size_lots=100, price_ticks=BID, time_in_force="GTD", expires_ns=NOW + ends * SECOND)
    plan = world.plan(children=(child,), fill_milli=fill_milli, cost_micros=20_000, intent_kind=kind, style="JOIN")
    return enter(CONFIG, state, plan, costs or cost(), NOW)[0]


def partial(filled: int = 60, **fields: object) -> OrderUpdate:
    """Return our order with a part filled."""
    return world.order_update(
        **{"size_lots": 100, "price_ticks": BID, "filled_lots": filled, "state": "PARTIAL", **fields}
    )


def book(bid: int = BID, ask: int = 52) -> Book:
    """Return a book of one level a side."""
    return world.book({bid: 500}, {ask: 500})


def looked(
    state: Rests,
    order: OrderUpdate,
    shown: Book | None = None,
    trigger: object = None,
    fair: FairValue | None = FAIR,
    age_ms: int = 100,
    at: float = 0,
    config: Config = CONFIG,
    of: MarketDefinition = DEFINITION,
) -> Said:
    """Return what is said of the rest so many seconds after now, after a fill if nothing else."""
    now = NOW + int(at * SECOND)
    own, met = world.own_orders(order), trigger or world.fill(size_lots=60)
    where = (of, fair, world.desk(), world.FACT)
    return look(config, state, met, own, shown or book(), now - age_ms * MS, *where, now)


def followed(
    state: Rests, order: OrderUpdate, shown: Book | None = None, age_ms: int = 0, of: MarketDefinition = DEFINITION
) -> Said:
    """Return what is said after an update of our order."""
    return follow(CONFIG, state, order, shown or book(), NOW - age_ms * MS, of, FAIR, NOW)


def reason(said: Said) -> str:
    """Return the code of a plan of one cancel, or of a note; nothing for silence."""
    answer = said[1]
    if isinstance(answer, ExecutionPlan):
        assert [(child.action, child.client_order_id) for child in answer.children] == [(CANCEL, NAME)]
        return answer.reasons[0]
    return answer.reason if answer is not None else ""


class TestFixtures:
    def test_normal(self) -> None:
        """60 of 100 filled, edge intact: hold, EXEC_PARTIAL_HOLD with half of the edge of .058 as its value."""
        said = looked(rests(), partial())
        assert said[1] == BotNote("EXEC_PARTIAL_HOLD", 29_000, 0)

    def test_warning(self) -> None:
        """The price is one tick away and the edge is .02: taken back to follow it, EXEC_PARTIAL_CHASE."""
        said = looked(rests(), partial(), book(bid=45), fair=world.fair(p_micros=472_000))
        assert reason(said) == "EXEC_PARTIAL_CHASE"
        sent = followed(said[0], partial(state="CANCELLED"), book(bid=45))[1]
        assert isinstance(sent, ExecutionPlan)
        (child,) = sent.children
        assert (child.action, child.price_ticks, child.size_lots, child.post_only) == (PLACE, 45, 40, True)
        assert (sent.intent_id, sent.intent_kind, sent.reasons) == (INTENT, ENTRY, ("EXEC_PARTIAL_CHASE",))

    def test_hard(self) -> None:
        """An edge of .004 where the touch has moved on: cancel, EXEC_PARTIAL_CANCEL."""
        said = looked(rests(), partial(), book(bid=45), fair=world.fair(p_micros=456_000))
        assert reason(said) == "EXEC_PARTIAL_CANCEL"

    def test_failure(self) -> None:
        """The book is stale: cancel, EXEC_PARTIAL_UNKNOWN."""
        assert reason(looked(rests(), partial(), age_ms=501)) == "EXEC_PARTIAL_UNKNOWN"


class TestHold:
    @pytest.mark.parametrize(("fair", "said"), [(442_001, "EXEC_PARTIAL_HOLD"), (442_000, "EXEC_PARTIAL_CANCEL")])
    def test_it_must_be_worth_something(self, fair: int, said: str) -> None:
        """At an edge of nothing after costs of .002 it goes; any edge above nothing holds it."""
        assert reason(looked(rests(fill_milli=1), partial(), fair=world.fair(p_micros=fair))) == said

    def test_costs_are_those_of_resting(self) -> None:
        """The cost report of this very intent counts, else the number of the plan (.02)."""
        fair = world.fair(p_micros=445_000)
        assert reason(looked(rests(), partial(), fair=fair)) == "EXEC_PARTIAL_HOLD"
        assert reason(looked(rests(costs=cost("another")), partial(), fair=fair)) == "EXEC_PARTIAL_CANCEL"

    @pytest.mark.parametrize(("left", "said"), [(6, "EXEC_PARTIAL_HOLD"), (5, "EXEC_PARTIAL_CHASE")])
    def test_time_must_be_left(self, left: int, said: str) -> None:
        """With t_hold_s or less to go it steps ahead of the touch."""
        assert reason(looked(rests(ends=left), partial())) == said

    def test_an_order_without_an_end_has_time(self) -> None:
        """Neither the order nor its plan ends."""
        state = note(CONFIG, Rests(), world.approved(intent=world.intent(intent_kind=ENTRY, price_ticks=48)), NOW)
        plan = world.plan(children=(world.child(size_lots=100, time_in_force="GTC"),), expires_ns=0)
        state = enter(CONFIG, state, plan, cost(), NOW)[0]
        assert reason(looked(state, partial(), at=10_000)) == "EXEC_PARTIAL_HOLD"

    def test_a_stated_edge_counts_where_there_is_no_model(self) -> None:
        """Without a model's probability the intent's own net edge holds, better by the distance to its limit."""
        state = rests(p_model_micros=-1, edge_micros=-39_000, fill_milli=1_000)
        assert looked(state, partial(), fair=None)[1] == BotNote("EXEC_PARTIAL_HOLD", 1_000, 0)
        assert (
            reason(looked(rests(p_model_micros=-1, edge_micros=-40_000), partial(), fair=None)) == "EXEC_PARTIAL_CANCEL"
        )

    def test_a_quote_is_held_behind_the_touch_and_never_chased(self) -> None:
        """Its strategy set the price; without an edge it goes."""
        assert reason(looked(rests(QUOTE), partial(), book(bid=46))) == "EXEC_PARTIAL_HOLD"
        poor = looked(rests(QUOTE, ends=4), partial(), book(bid=45))
        assert reason(poor) == "EXEC_PARTIAL_CANCEL"

    def test_what_only_reduces_is_held_for_any_edge(self) -> None:
        """An exit earns its place by ending a risk."""
        said = looked(rests(), partial(reduce_only=True), book(bid=46), fair=None)
        assert said[1] == BotNote("EXEC_PARTIAL_HOLD", 40, 0)

    @pytest.mark.parametrize(("smallest", "said"), [(40, "EXEC_PARTIAL_HOLD"), (41, "EXEC_PARTIAL_CANCEL")])
    def test_dust_goes(self, smallest: int, said: str) -> None:
        """A rest below the venue's minimum is taken back."""
        assert reason(looked(rests(), partial(), of=world.definition(min_size_lots=smallest))) == said


class TestChase:
    @pytest.mark.parametrize(("bid", "said"), [(46, "EXEC_PARTIAL_CHASE"), (47, "EXEC_PARTIAL_CANCEL")])
    def test_at_most_chase_max_ticks(self, bid: int, said: str) -> None:
        """Two steps away it follows, three steps away it gives up."""
        assert reason(looked(rests(), partial(), book(bid=bid))) == said

    @pytest.mark.parametrize(("limit", "said"), [(46, "EXEC_PARTIAL_CHASE"), (45, "EXEC_PARTIAL_CANCEL")])
    def test_inside_the_bound_that_was_voted_on(self, limit: int, said: str) -> None:
        """It never pays more than the intent allowed."""
        assert reason(looked(rests(price_ticks=limit), partial(), book(bid=46))) == said

    @pytest.mark.parametrize(("fair", "said"), [(462_000, "EXEC_PARTIAL_CHASE"), (461_999, "EXEC_PARTIAL_CANCEL")])
    def test_min_edge_at_the_new_price(self, fair: int, said: str) -> None:
        """.01 after costs must be left at 45."""
        assert reason(looked(rests(), partial(), book(bid=45), fair=world.fair(p_micros=fair))) == said

    @pytest.mark.parametrize(("ask", "said"), [(46, "EXEC_PARTIAL_CHASE"), (45, "EXEC_PARTIAL_CANCEL")])
    def test_at_the_touch_it_steps_into_the_spread_or_gives_up(self, ask: int, said: str) -> None:
        """It never crosses: where there is no price inside the spread it goes."""
        assert reason(looked(rests(ends=4), partial(), book(ask=ask))) == said

    @pytest.mark.parametrize(("side", "best", "price"), [(1, (45, 52), 45), (-1, (40, 43), 43)])
    def test_both_sides(self, side: int, best: tuple[int, int], price: int) -> None:
        """A seller follows the asks down."""
        fields = {"side": side, "price_ticks": 48 if side > 0 else 40, "intent_kind": ENTRY, "p_model_micros": 1}
        state = note(CONFIG, Rests(), world.approved(intent=world.intent(**fields)), NOW)
        plan = world.plan(children=(world.child(side=side, size_lots=100, price_ticks=BID),), expires_ns=0)
        state = enter(CONFIG, state, plan, cost(), NOW)[0]
        fair = world.fair(p_micros=500_000 if side > 0 else 380_000)
        state, asked = looked(state, partial(side=side), book(*best), fair=fair)
        end = partial(side=side, state="CANCELLED")
        sent = follow(CONFIG, state, end, book(*best), NOW, DEFINITION, fair, NOW)[1]
        assert isinstance(asked, ExecutionPlan)
        assert isinstance(sent, ExecutionPlan)
        assert (sent.children[0].side, sent.children[0].price_ticks) == (side, price)

    def test_an_intent_is_chased_twice(self) -> None:
        """Each chase has numbers, and so a name, of its own; the third is refused."""
        state, price, numbers = rests(), BID, []
        name = NAME
        for turn in range(3):
            state, asked = looked(state, partial(client_order_id=name, price_ticks=price), book(bid=price + 1))
            assert isinstance(asked, ExecutionPlan)
            if asked.reasons != ("EXEC_PARTIAL_CHASE",):
                break
            state, sent = followed(
                state, partial(client_order_id=name, price_ticks=price, state="CANCELLED"), book(bid=price + 1)
            )
            assert isinstance(sent, ExecutionPlan)
            (child,) = sent.children
            numbers.append(child.child_index)
            name, price = f"chase{turn}", child.price_ticks
            named = world.child(client_order_id=name, price_ticks=price, size_lots=100, time_in_force="GTD")
            state, _ = enter(CONFIG, state, world.plan(children=(named,), expires_ns=0), None, NOW)
        assert (numbers, asked.reasons) == ([GENERATION, 2 * GENERATION], ("EXEC_PARTIAL_CANCEL",))

    def test_it_is_judged_again_when_the_cancel_is_through(self) -> None:
        """The market came back: it goes where it stood. It ran away: nothing is sent, and it is said why."""
        state, _ = looked(rests(), partial(), book(bid=45))
        back = followed(state, partial(state="CANCELLED"))[1]
        assert isinstance(back, ExecutionPlan)
        assert back.children[0].price_ticks == BID
        away = followed(state, partial(state="CANCELLED"), book(bid=48))
        assert away[1] == BotNote("EXEC_PARTIAL_CANCEL", 500_000 - 2_000, 10_000)
        assert reason(followed(state, partial(state="CANCELLED"), age_ms=501)) == "EXEC_PARTIAL_UNKNOWN"

    def test_what_was_filled_meanwhile_is_not_sent_again(self) -> None:
        """The rest is what the end of the order says, and nothing after it was filled."""
        state, _ = looked(rests(), partial(), book(bid=45))
        sent = followed(state, partial(filled=90, state="CANCELLED"), book(bid=45))[1]
        assert isinstance(sent, ExecutionPlan)
        assert sent.children[0].size_lots == 10
        assert followed(state, partial(filled=100, state="FILLED"))[1] is None

    def test_a_refused_cancel_is_tried_anew(self) -> None:
        """While the cancel is on its way nothing more is asked; after its refusal the rest is judged again."""
        state, _ = looked(rests(), partial(), book(bid=45))
        assert reason(looked(state, partial(), book(bid=45))) == ""
        state, _ = followed(state, partial())
        assert reason(looked(state, partial(), book(bid=45))) == "EXEC_PARTIAL_CHASE"


class TestWhen:
    def test_a_tick_asks_only_when_time_runs_short(self) -> None:
        """At a tick a stale book is no reason to cancel what has time."""
        assert looked(rests(), partial(), trigger=world.tick(), age_ms=9_000)[1] is None
        assert reason(looked(rests(), partial(), trigger=world.tick(), at=55)) == "EXEC_PARTIAL_CHASE"

    def test_a_moved_market_asks_and_a_quiet_one_is_not_spoken_of(self) -> None:
        """A snapshot judges the rest; that it is held is said after fills alone."""
        assert looked(rests(), partial(), trigger=world.snapshot())[1] is None
        assert reason(looked(rests(), partial(), book(bid=45), trigger=world.snapshot())) == "EXEC_PARTIAL_CHASE"

    @pytest.mark.parametrize("state", ["LIVE", "PENDING_CANCEL", "UNKNOWN", "PENDING_SUBMIT"])
    def test_only_what_was_filled_in_part_is_judged(self, state: str) -> None:
        """What is whole is its strategy's; what is on its way out is gone."""
        assert looked(rests(), partial(state=state), book(bid=47))[1] is None

    @pytest.mark.parametrize("force", ["IOC", "FOK"])
    def test_what_does_not_rest_has_no_rest(self, force: str) -> None:
        """The venue ends it itself."""
        state = note(CONFIG, Rests(), world.approved(), NOW)
        after, plan = enter(CONFIG, state, world.plan(children=(world.child(time_in_force=force),)), None, NOW)
        assert (after, plan.children) == (state, (world.child(time_in_force=force),))

    def test_a_plan_of_another_intent_is_not_known(self) -> None:
        """It passes as it is and leaves no trace."""
        plan = world.plan(intent_id="other")
        assert enter(CONFIG, Rests(), plan, None, NOW) == (Rests(), plan)
        state = note(CONFIG, Rests(), world.approved(), NOW)
        assert enter(CONFIG, state, plan, None, NOW) == (state, plan)

    @pytest.mark.parametrize("gap", ["dead book", "no bid", "no fair value"])
    def test_whatever_is_missing_takes_it_back(self, gap: str) -> None:
        """EXEC_PARTIAL_UNKNOWN."""
        shown = {"dead book": world.book(live=False), "no bid": world.book({}, {52: 9})}.get(gap, book())
        said = looked(rests(), partial(), shown, fair=None if gap == "no fair value" else FAIR)
        assert reason(said) == "EXEC_PARTIAL_UNKNOWN"

    def test_an_order_that_ended_is_forgotten(self) -> None:
        """Nothing is kept of it, and nothing known of a strange one."""
        assert followed(rests(), partial(state="EXPIRED"))[0].parts == ()
        assert followed(rests(), partial(client_order_id="strange"))[1] is None
        assert looked(Rests(), partial()) == (Rests(), None)

    def test_it_asks_once_for_several(self) -> None:
        """All rests of a market go in one plan, with the gravest reason."""
        state = rests()
        two = world.child(client_order_id="two", size_lots=100, price_ticks=43, time_in_force="GTC")
        state = enter(CONFIG, state, world.plan(children=(two,), expires_ns=0), cost(), NOW)[0]
        own = world.own_orders(partial(), partial(client_order_id="two", price_ticks=42))
        fill: Fill = world.fill()
        args = (DEFINITION, FAIR, world.desk(), world.FACT)
        said = look(CONFIG, state, fill, own, book(bid=45), NOW, *args, NOW)[1]
        assert isinstance(said, ExecutionPlan)
        assert ([c.client_order_id for c in said.children], said.reasons) == ([NAME, "two"], ("EXEC_PARTIAL_CANCEL",))


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 98), st.integers(10, 89), st.integers(0, 9), st.integers(1, 5), st.integers(1, 99),
    st.sampled_from([1, -1]), st.integers(0, 1_000_000), st.integers(1, 60),
)  # fmt: skip
def test_a_chase_is_never_dearer_larger_or_across(
    bid: int, price: int, more: int, room: int, filled: int, side: int, fair: int, ends: int
) -> None:
    """Whatever the market does: inside the voted limit, within the steps, the unfilled size, and not across."""
    limit = price + side * more
    wish = world.intent(intent_kind=ENTRY, price_ticks=limit, side=side, size_lots=100)
    state = note(CONFIG, Rests(), world.approved(intent=wish, size_lots=100), NOW)
    child = world.child(side=side, price_ticks=price, size_lots=100, expires_ns=NOW + ends * SECOND)
    state = enter(CONFIG, state, world.plan(children=(child,)), None, NOW)[0]
    shown, value = book(bid, min(99, bid + room)), world.fair(p_micros=fair)
    state, _ = looked(state, partial(filled, side=side, price_ticks=price), shown, fair=value)
    ended = partial(filled, side=side, price_ticks=price, state="CANCELLED")
    said = follow(CONFIG, state, ended, shown, NOW, DEFINITION, value, NOW)[1]
    if isinstance(said, ExecutionPlan):
        (sent,) = said.children
        assert side * sent.price_ticks <= side * limit
        assert 0 <= side * (sent.price_ticks - price) <= 2
        assert (sent.size_lots, sent.side) == (100 - filled, side)
        assert side * sent.price_ticks < side * (shown.ask if side > 0 else shown.bid)
