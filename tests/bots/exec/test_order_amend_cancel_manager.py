"""exec.order_amend_cancel_manager: one change at a time, worth its place in the queue; no cancel goes unheard."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.exec.order_amend_cancel_manager import BOT_ID, Config, Desk, alarm, follow, refine, trade, wait
from bots.kit import Book, Cause, Instant
from bots.maths.changes import Leaving, weighed
from bots.maths.queues import Place
from contracts.control import EMERGENCY_STOP, IncidentReport, SafetyState
from contracts.intent import ENTRY, QUOTE, BotNote
from contracts.market import MarketDefinition
from contracts.order import CANCEL, PLACE, ExecutionPlan, OrderUpdate, PlannedOrder
from contracts.signal import FairValue, SignalReport
from tests import world

NOW, SECOND = world.NOW, world.SECOND
CONFIG, DEFINITION, FAIR = Config(), world.definition(), world.fair(p_micros=500_000)


def order(name: str = "old", **fields: object) -> OrderUpdate:
    """Return an order of ours: 100 lots bid at 44."""
    return world.order_update(client_order_id=name, **{"size_lots": 100, "price_ticks": 44, **fields})


def cancel(name: str = "old", **fields: object) -> PlannedOrder:
    """Return the cancel of an order."""
    return world.child(action=CANCEL, client_order_id=name, size_lots=100, **fields)


def place(price: int = 45, size: int = 100, **fields: object) -> PlannedOrder:
    """Return the order that takes its place."""
    return world.child(client_order_id="new", price_ticks=price, size_lots=size, **fields)


def plan(*children: PlannedOrder, kind: str = QUOTE) -> ExecutionPlan:
    """Return a named plan."""
    return world.plan(children=children, intent_kind=kind)


def fill(chance: float = 0.5, ahead: float = 100.0, seconds: float = 60.0) -> SignalReport:
    """Return the chance of a fill at the new price within 60 s."""
    parts = (("queue_ahead", ahead), ("t_fill", seconds))
    return world.signal(signal="fill_probability", value=chance, horizon_ms=60_000, parts=parts)


def front(state: Desk | None = None, ahead: int = 0) -> Desk:
    """Return the state in which the old order stands behind `ahead` of 1,000 lots at 44."""
    known = state or Desk()
    return Desk(known.number, known.changes, known.leaving, (Place("old", 1, 44, ahead, 1_000, 0, int(NOW), 0),))


def refined(
    state: Desk,
    before: ExecutionPlan,
    *orders: OrderUpdate,
    book: Book | None = None,
    fair: FairValue | None = FAIR,
    odds: SignalReport | None = None,
    of: MarketDefinition | None = DEFINITION,
) -> tuple[Desk, ExecutionPlan]:
    """Refine a plan beside orders of ours."""
    shown = book or world.book({44: 1_000}, {52: 500})
    return refine(CONFIG, state, before, world.own_orders(*orders), shown, of, fair, odds or fill(), NOW)


def heard(state: Desk, *updates: OrderUpdate, at: float = 0) -> tuple[Desk, BotNote | None]:
    """Return the state and the last note after updates, so many seconds after now."""
    said = None
    for update in updates:
        state, said = follow(CONFIG, state, update, world.book(), Instant(NOW + int(at * SECOND)))
    return state, said


def waited(
    state: Desk, at: float, *orders: OrderUpdate, safety: SafetyState | None = None
) -> tuple[Desk, ExecutionPlan | None]:
    """Return what is sent at a tick so many seconds after now."""
    own, now = world.own_orders(*orders), Instant(NOW + int(at * SECOND))
    return wait(CONFIG, state, world.tick(), own, safety, DEFINITION, world.desk(), Cause(world.FACT), now)


def alarmed(state: Desk, at: float) -> tuple[Desk, IncidentReport | None]:
    """Return what a person is told at a tick."""
    return alarm(CONFIG, state, world.tick(), DEFINITION, Instant(NOW + int(at * SECOND)))


def names(said: ExecutionPlan | None) -> list[str]:
    """Return what a plan cancels; nothing else may stand in it."""
    assert said is None or {child.action for child in said.children} == {CANCEL}
    return [child.client_order_id for child in said.children] if said is not None else []


LEAVING = order(state="PENDING_CANCEL")


def escalated() -> tuple[Desk, list[tuple[float, list[str], str]]]:
    """Return the state after a cancel that is never answered, and each plan with the time at which it came."""
    state, sent = heard(Desk(), LEAVING)[0], []
    for half in range(1, 60):
        state, said = waited(state, half / 2, order(state="UNKNOWN"), order("other", price_ticks=40))
        if said is not None:
            sent.append((half / 2, names(said), said.reasons[0]))
    return state, sent


class TestFixtures:
    def test_normal(self) -> None:
        """From 100 to 60 lots at the same price: it goes through whatever its place, EXEC_AMEND_DONE when confirmed."""
        before = plan(cancel(), place(44, 60))
        state, after = refined(front(), before, order())
        assert after is before
        assert heard(state, order(state="PENDING_CANCEL"), order(state="CANCELLED"))[1] is None
        assert heard(state, order(state="CANCELLED"), order("new"))[1] == BotNote("EXEC_AMEND_DONE", 1, 1)

    def test_warning(self) -> None:
        """One tick nearer from the front of the queue: kept, EXEC_AMEND_SKIPPED."""
        state, after = refined(front(), plan(cancel(), place()), order())
        assert (after.children, after.reasons, after.plan_hash) == ((), ("EXEC_AMEND_SKIPPED",), "")
        assert state.changes == ()

    def test_hard(self) -> None:
        """A cancel and three more go unanswered: every order of the market, EXEC_CANCEL_ESCALATED."""
        assert escalated()[1] == [
            (3.0, ["old"], "EXEC_CANCEL_UNCONFIRMED"),
            (7.0, ["old"], "EXEC_CANCEL_UNCONFIRMED"),
            (13.0, ["old"], "EXEC_CANCEL_UNCONFIRMED"),
            (15.0, ["old", "other"], "EXEC_CANCEL_ESCALATED"),
        ]

    def test_failure(self) -> None:
        """That unconfirmed too: one incident, EXEC_CANCEL_UNCONFIRMED, and no new order there."""
        state = escalated()[0]
        assert alarmed(state, 16.5)[1] is None
        state, said = alarmed(state, 17)
        assert isinstance(said, IncidentReport)
        assert (said.reason, said.opened_by, said.evidence) == ("EXEC_CANCEL_UNCONFIRMED", BOT_ID, ("M1", "old"))
        assert alarmed(state, 18)[1] is None
        held = refined(state, plan(cancel("other"), place(), kind=ENTRY), order(state="UNKNOWN"))[1]
        assert ([child.action for child in held.children], held.reasons) == ([CANCEL], ("EXEC_CANCEL_UNCONFIRMED",))
        assert refined(heard(state, order(state="CANCELLED"))[0], plan(place()))[1].children == (place(),)


class TestWorth:
    def test_the_numbers(self) -> None:
        """Rate 200 lots in 60 s, faded by .7 for a tick; P .629 at the front, .087 at the back; edges .06 and .05."""
        found = weighed(front().places, order(), place(), world.book({44: 1_000}), DEFINITION, FAIR, fill(), 500)
        # c = 200 / 60 * exp(-.7) a second: P_now = 1 - exp(-99.3 / 100), P_back = 1 - exp(-99.3 / 1100)
        assert found is not None
        assert found.gain == pytest.approx(0.5 * 50_000 - 0.0863 * 60_000, abs=20)
        assert found.cost == pytest.approx(500 + (0.6296 - 0.0863) * 60_000, abs=20)

    @pytest.mark.parametrize(("ahead", "kept"), [(0, True), (1_000, False)])
    def test_the_back_of_the_queue_is_worth_nothing(self, ahead: int, kept: bool) -> None:
        """Whoever stands last gives nothing up by standing elsewhere."""
        state, after = refined(front(ahead=ahead), plan(cancel(), place()), order())
        assert (not after.children, len(state.changes)) == (kept, int(not kept))

    def test_trades_bring_it_forward(self) -> None:
        """A thousand lots sold at its price, and it stands at the front: then it is kept."""
        state = front(ahead=1_000)
        moved = trade(CONFIG, state, world.trade_print(price_ticks=44, size_lots=1_000, aggressor=-1), NOW)
        assert refined(moved, plan(cancel(), place()), order())[1].reasons == ("EXEC_AMEND_SKIPPED",)
        other = trade(CONFIG, state, world.trade_print(price_ticks=45, size_lots=1_000, aggressor=-1), NOW)
        assert refined(other, plan(cancel(), place()), order())[1].children
        assert trade(CONFIG, Desk(), world.trade_print(), NOW) == Desk()

    def test_where_both_lose_the_dearer_is_not_taken(self) -> None:
        """An ask at 46 below a fair value of .49 is bad; one at 45 would be worse, and costs a place too."""
        state = Desk(places=(Place("old", -1, 46, 0, 500, 0, int(NOW), 0),))
        before = plan(cancel(side=-1), place(45, side=-1))
        resting, fair = order(side=-1, price_ticks=46), world.fair(p_micros=490_000)
        assert refined(state, before, resting, fair=fair)[1].reasons == ("EXEC_AMEND_SKIPPED",)

    @pytest.mark.parametrize(
        "safer", [place(43), place(45, 99), place(45, reduce_only=True)], ids=["price", "size", "exit"]
    )
    def test_what_is_safer_always_goes(self, safer: PlannedOrder) -> None:
        """Less aggressive, smaller or only reducing: never weighed."""
        before = plan(cancel(), safer)
        assert refined(front(), before, order())[1] is before

    @pytest.mark.parametrize("gap", ["fair", "place", "rate", "kind", "definition"])
    def test_what_cannot_be_weighed_goes(self, gap: str) -> None:
        """Without a fair value, a place, a rate or a probability there is nothing to compare."""
        before = plan(cancel(), place())
        of = {"kind": world.definition(instrument_kind=1), "definition": None}.get(gap, DEFINITION)
        state, odds = Desk() if gap == "place" else front(), fill(0.0, 0.0, 1e9) if gap == "rate" else fill()
        assert refined(state, before, order(), fair=None if gap == "fair" else FAIR, odds=odds, of=of)[1] is before

    def test_only_a_plain_replacement_is_weighed(self) -> None:
        """Two orders on a side, two cancels of it, another strategy's order, or an entry: all go through."""
        second = place(45, 100, child_index=1)
        for before in (
            plan(cancel(), place(), second),
            plan(cancel(), cancel("two"), place()),
            plan(place()),
            plan(cancel(), place(), kind=ENTRY),
        ):
            assert refined(front(), before, order(), order("two"))[1] is before
        before = plan(cancel(), place())
        assert refined(front(), before, order(strategy="strat.other"))[1] is before

    def test_the_other_side_of_a_plan_is_untouched(self) -> None:
        """What is kept on one side takes nothing from the other."""
        ask = world.child(client_order_id="ask", side=-1, price_ticks=56)
        after = refined(front(), plan(cancel(), place(), ask), order())[1]
        assert (after.children, after.reasons) == ((ask,), ("EXEC_AMEND_SKIPPED",))


class TestOneAtATime:
    @pytest.mark.parametrize(
        ("state", "waits"), [("PENDING_SUBMIT", True), ("PENDING_CANCEL", True), ("LIVE", False), ("UNKNOWN", False)]
    )
    def test_a_quote_waits_for_the_answer_to_the_last(self, state: str, waits: bool) -> None:
        """While an order of that side is in flight the new one stays out, and the cancels go."""
        before = plan(cancel("third"), place(43))
        after = refined(Desk(), before, order(state=state))[1]
        assert [child.action for child in after.children] == ([CANCEL] if waits else [CANCEL, PLACE])
        assert after.reasons == (("EXEC_AMEND_SKIPPED",) if waits else ())

    def test_neither_the_other_side_nor_another_strategy_nor_an_entry_waits(self) -> None:
        """Only a change of the same quote is one too many."""
        busy = order(state="PENDING_SUBMIT", side=-1), order("x", state="PENDING_SUBMIT", strategy="strat.other")
        assert refined(Desk(), plan(place()), *busy)[1].children == (place(),)
        entry = plan(place(), kind=ENTRY)
        assert refined(Desk(), entry, order(state="PENDING_SUBMIT"))[1] is entry

    def test_what_places_nothing_is_untouched(self) -> None:
        """A plan of cancels passes, whatever is in flight or unconfirmed."""
        lost = Desk(leaving=(Leaving("old", 0, 3, is_everything=True, is_told=True),))
        before = plan(cancel())
        assert refined(lost, before, LEAVING)[1] is before

    def test_changes_are_counted(self) -> None:
        """Each has the next number; one whose new order was refused is over without a word."""
        before = plan(cancel(), place(43))
        state = refined(Desk(), before, order())[0]
        state, said = heard(state, order("new", state="REJECTED"))
        assert (said, state.changes, state.number) == (None, (), 1)
        state = refined(state, before, order())[0]
        assert heard(state, order("new"), order(state="CANCELLED"))[1] == BotNote("EXEC_AMEND_DONE", 2, 2)


class TestCancels:
    def test_an_answer_ends_the_wait(self) -> None:
        """Gone, or refused: either is an answer. UNKNOWN is none, and a second cancel is no new one."""
        known = heard(Desk(), LEAVING, order(state="UNKNOWN"), LEAVING, at=1)[0]
        assert known.leaving == (Leaving("old", NOW + SECOND),)
        for end in ("CANCELLED", "FILLED", "EXPIRED", "LIVE", "PARTIAL", "PENDING_SUBMIT"):
            assert heard(known, order(state=end))[0].leaving == ()
        assert heard(Desk(), order())[0].leaving == ()

    def test_everything_goes_when_it_must(self) -> None:
        """Under EMERGENCY_STOP every order that is not on its way out, at once, and again when nobody answers."""
        stop = world.safety(mode=EMERGENCY_STOP, cancel_all=True)
        said = waited(
            Desk(), 0, order(), order("two", state="UNKNOWN"), order("gone", state="PENDING_CANCEL"), safety=stop
        )
        assert (names(said[1]), said[1] is not None and said[1].reasons) == (["old", "two"], ("EXEC_CANCEL_ESCALATED",))
        assert waited(Desk(), 0, order(), safety=world.safety())[1] is None
        assert waited(Desk(), 0, safety=stop) == (Desk(), None)

    def test_an_order_takes_its_place_once(self) -> None:
        """It joins behind what is displayed when it rests, and leaves with its end."""
        state, _ = heard(Desk(), order(state="PENDING_SUBMIT"))
        assert state.places == ()
        state, _ = heard(state, order(), order(state="PARTIAL"))
        assert state.places == (Place("old", 1, 44, 5_000, 5_000, 0, int(NOW), 0),)
        assert heard(state, order(state="FILLED"))[0].places == ()


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 99), st.integers(1, 99), st.integers(1, 200), st.integers(0, 1_000), st.floats(0.0, 1.0),
    st.floats(0.001, 1e9), st.integers(0, 1_000_000), st.sampled_from([1, -1]),
)  # fmt: skip
def test_nothing_is_ever_added_and_nothing_safer_kept_out(
    old: int, new: int, size: int, ahead: int, chance: float, seconds: float, fair: int, side: int
) -> None:
    """A refined plan is a part of the plan; what is smaller or less aggressive is whole."""
    state = Desk(places=(Place("old", side, old, ahead, 1_000, 0, int(NOW), 0),))
    before = plan(cancel(side=side), place(new, size, side=side))
    resting = order(side=side, price_ticks=old)
    odds = fill(chance, float(ahead), seconds)
    after = refined(state, before, resting, fair=world.fair(p_micros=fair), odds=odds)[1]
    assert after.children in (before.children, ())
    if size < 100 or side * new < side * old:
        assert after is before
