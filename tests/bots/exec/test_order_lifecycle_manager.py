"""exec.order_lifecycle_manager: every order's state once, every match once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.exec.order_lifecycle_manager import (
    BOT,
    ENDED_MAX,
    KEYS_MAX,
    PROVISIONAL_MAX,
    Config,
    Said,
    Table,
    heard,
    submitted,
    wait,
)
from bots.kit import Instant
from bots.maths.order_states import LIVE, is_final
from contracts.intent import BotNote
from contracts.order import LIVE_STATES, AuthorisedOrder, Fill, OrderUpdate, OwnOrders, VenueOrderEvent
from tests import world

NOW, MS = world.NOW, world.MS
FLAG = BotNote("EXEC_ORDER_ILLEGAL_MOVE")
SIZE = 100


def leave(state: Table, name: str = "a", action: str = "PLACE", now: int = NOW, **child: object) -> tuple[Table, Said]:
    """Authorise an order of 100 lots, or a cancel."""
    order = world.child(**{"client_order_id": name, "size_lots": SIZE, "action": action, **child})
    return submitted(Config(), state, AuthorisedOrder("I1", "P1", world.STRATEGY, order, (), ""), Instant(now))


def event(name: str, word: str, lots: int = SIZE, trade: str = "", **other: object) -> VenueOrderEvent:
    """Return the venue's word on an order."""
    values = {"client_order_id": name, "event": word, "size_lots": lots, "trade_id": trade, **other}
    return world.order_event(**{**values, "liquidity": "maker" if word == "MATCH" else "", "queue_lots": 0})


def hear(state: Table, *events: VenueOrderEvent, config: Config | None = None, now: int = NOW) -> tuple[Table, Said]:
    """Take in events; return the table and everything said."""
    said: Said = ()
    for one in events:
        state, more = heard(config or Config(), state, one, world.definition(), Instant(now))
        said += more
    return state, said


def placed(*events: VenueOrderEvent) -> Table:
    """Return a table with one order that has heard these events."""
    return hear(leave(Table())[0], *events)[0]


def fills(said: Said) -> list[Fill]:
    """Return the fills among what was said."""
    return [one for one in said if isinstance(one, Fill)]


def states(said: Said) -> list[tuple[str, int, str]]:
    """Return state, filled lots and reason of each update among what was said."""
    return [(one.state, one.filled_lots, one.reason) for one in said if isinstance(one, OrderUpdate)]


class TestFixtures:
    def test_normal(self) -> None:
        """Submit, acknowledge, fill: FILLED with one Fill, EXEC_ORDER_ADVANCED; then it lives no more."""
        state, first = leave(Table())
        state, then = hear(state, event("a", "ACK"), event("a", "MATCH", trade="t1", fee_micros=77))
        advanced = "EXEC_ORDER_ADVANCED"
        assert states(first + then) == [
            ("PENDING_SUBMIT", 0, advanced),
            ("LIVE", 0, advanced),
            ("FILLED", SIZE, advanced),
        ]
        (fill,) = fills(then)
        assert fill == Fill(
            world.MARKET,
            world.VENUE,
            "t1",
            "a",
            world.STRATEGY,
            1,
            44,
            10_000,
            SIZE,
            world.LOT,
            77,
            "maker",
            True,
            advanced,
        )
        assert [len(one.orders) for one in (*first, *then) if isinstance(one, OwnOrders)] == [1, 1, 0]
        assert state.orders == ()

    def test_warning(self) -> None:
        """A match without settlement: PROVISIONAL, EXEC_ORDER_PROVISIONAL, once; then final by depth or word."""
        for proof in ("MINED:5", "CONFIRMED"):
            state, said = hear(placed(event("a", "ACK")), event("a", "MATCH", trade="t1", detail="MATCHED"))
            assert states(said) == [("FILLED", SIZE, "EXEC_ORDER_PROVISIONAL")]
            assert [(fill.settled, fill.reason) for fill in fills(said)] == [(False, "EXEC_ORDER_PROVISIONAL")]
            state, said = hear(state, event("a", "MATCH", trade="t1", detail="MINED:4"))
            assert (said, len(state.provisional)) == ((), 1)
            state, said = hear(state, event("a", "MATCH", trade="t1", detail=proof))
            assert (said, state.provisional) == ((BotNote("EXEC_ORDER_ADVANCED"),), ())

    def test_hard(self) -> None:
        """A fill after CANCELLED beyond the size: flagged and not applied, EXEC_ORDER_ILLEGAL_MOVE."""
        state = placed(event("a", "ACK"), event("a", "MATCH", 60, "t1"), event("a", "CANCELLED"))
        state, said = hear(state, event("a", "MATCH", 41, "t2"))
        assert states(said) == [("CANCELLED", 60, "EXEC_ORDER_ILLEGAL_MOVE")]
        assert fills(said) == []

    def test_failure(self) -> None:
        """No acknowledgement for 3 s: UNKNOWN, EXEC_ORDER_UNKNOWN; it still counts as live."""
        state, _ = leave(Table())
        before = wait(Config(), state, world.tick(), Instant(NOW + 3_000 * MS - 1))
        assert before == (state, ())
        state, said = wait(Config(), state, world.tick(), Instant(NOW + 3_000 * MS))
        assert states(said) == [("UNKNOWN", 0, "EXEC_ORDER_UNKNOWN")]
        assert state.orders[0].state in LIVE_STATES


MOVES = [
    ("an acknowledgement brings an order to life", (), "ACK", "", "LIVE"),
    ("a refusal ends it", (), "REJECT", "POST_ONLY_CROSS", "REJECTED"),
    ("what an immediate order leaves is cancelled", (), "CANCELLED", "", "CANCELLED"),
    ("it expires", (("ACK",),), "EXPIRED", "", "EXPIRED"),
    ("a cancelled order cannot have been refused after it lived", (("ACK",),), "REJECT", "", "UNKNOWN"),
    ("nor after a match", (("MATCH", 10, "t"),), "REJECT", "", "UNKNOWN"),
    ("nor in doubt about the rest", (("MATCH", 10, "t"), ("REJECT",)), "REJECT", "", "UNKNOWN"),
    ("proof ends doubt", (("ACK",), ("REJECT",)), "ACK", "", "LIVE"),
    ("proof ends doubt about a part", (("MATCH", 10, "t"), ("REJECT",)), "ACK", "", "PARTIAL"),
    ("doubt may end in an end", (("ACK",), ("REJECT",)), "CANCELLED", "", "CANCELLED"),
]


@pytest.mark.parametrize(("name", "before", "word", "detail", "after"), MOVES, ids=[row[0] for row in MOVES])
def test_moves(name: str, before: tuple[tuple[str, ...], ...], word: str, detail: str, after: str) -> None:
    """Each event leads where the matrix says; an illegal one to UNKNOWN, flagged."""
    state = placed(*[event("a", *one) for one in before])
    _, said = hear(state, event("a", word, detail=detail))
    reason = "EXEC_ORDER_ILLEGAL_MOVE" if after == "UNKNOWN" else "EXEC_ORDER_ADVANCED"
    assert [(now, why) for now, _, why in states(said)] == [(after, reason)]


def test_an_acknowledgement_repeated_or_late_says_nothing() -> None:
    """A match may come before it: then it only brings the venue's id, and after that nothing."""
    state = placed(event("a", "MATCH", 10, "t1", venue_order_id=""))
    state, said = hear(state, event("a", "ACK"))
    assert states(said) == [("PARTIAL", 10, "EXEC_ORDER_ADVANCED")]
    assert state.orders[0].venue_order_id == "V1"
    assert hear(state, event("a", "ACK")) == (state, ())


class TestCancels:
    def test_a_cancel_is_pending_until_the_venue_speaks(self) -> None:
        """A second one is not entered, and one for a stranger neither: the venue will answer."""
        state, said = leave(placed(event("a", "ACK")), action="CANCEL")
        assert states(said) == [("PENDING_CANCEL", 0, "EXEC_ORDER_ADVANCED")]
        assert leave(state, action="CANCEL") == (state, ())
        assert leave(state, "stranger", action="CANCEL") == (state, ())
        assert states(hear(state, event("a", "CANCELLED"))[1]) == [("CANCELLED", 0, "EXEC_ORDER_ADVANCED")]

    def test_matches_before_the_cancel_count(self) -> None:
        """A part leaves it pending, the rest fills it."""
        state, _ = leave(placed(event("a", "ACK")), action="CANCEL")
        state, said = hear(state, event("a", "MATCH", 40, "t1"), event("a", "MATCH", 60, "t2"))
        assert [row[:2] for row in states(said)] == [("PENDING_CANCEL", 40), ("FILLED", 100)]
        assert hear(state, event("a", "CANCEL_REJECT")) == (state, ())

    @pytest.mark.parametrize(
        ("before", "detail", "after"),
        [
            ((), "UNKNOWN_ORDER", "PENDING_SUBMIT"),
            ((("ACK",),), "", "LIVE"),
            ((("ACK",), ("MATCH", 9, "t")), "", "PARTIAL"),
        ],
    )
    def test_a_refused_cancel_brings_back_what_was(
        self, before: tuple[tuple[str, ...], ...], detail: str, after: str
    ) -> None:
        """A cancel that overtook its order finds nothing, and the order is still on its way."""
        state, _ = leave(placed(*[event("a", *one) for one in before]), action="CANCEL")
        assert states(hear(state, event("a", "CANCEL_REJECT", detail=detail))[1])[0][0] == after

    def test_a_venue_that_denies_an_order_it_knew_is_not_believed(self) -> None:
        """Nobody can say what became of it."""
        for filled, before in ((0, ()), (9, (event("a", "MATCH", 9, "t"),))):
            state, _ = leave(placed(event("a", "ACK"), *before), action="CANCEL")
            said = hear(state, event("a", "CANCEL_REJECT", detail="UNKNOWN_ORDER"))[1]
            assert states(said) == [("UNKNOWN", filled, "EXEC_ORDER_ILLEGAL_MOVE")]

    def test_a_refused_cancel_of_what_is_not_being_cancelled_says_nothing(self) -> None:
        """It changes no state."""
        state = placed(event("a", "ACK"))
        assert hear(state, event("a", "CANCEL_REJECT")) == (state, ())

    def test_a_cancel_without_an_answer_is_in_doubt(self) -> None:
        """The time-out holds for it too, from when it left."""
        state, _ = leave(placed(event("a", "ACK")), action="CANCEL", now=NOW + MS)
        assert wait(Config(), state, world.tick(), Instant(NOW + 3_000 * MS))[1] == ()
        assert states(wait(Config(), state, world.tick(), Instant(NOW + 3_001 * MS))[1])[0][0] == "UNKNOWN"


class TestMatches:
    def test_a_match_counts_once(self) -> None:
        """The same trade of the same order is dropped, whatever it says now; of another order it is another match."""
        state = leave(placed(event("a", "ACK")), "b")[0]
        state, said = hear(
            state, event("a", "MATCH", 10, "t1"), event("a", "MATCH", 10, "t1"), event("b", "MATCH", 10, "t1")
        )
        assert [(fill.client_order_id, fill.size_lots) for fill in fills(said)] == [("a", 10), ("b", 10)]

    @pytest.mark.parametrize(("lots", "applied"), [(40, 1), (41, 0)])
    def test_the_size_is_the_limit(self, lots: int, applied: int) -> None:
        """The last lot is filled, one more makes the order UNKNOWN and fills nothing."""
        said = hear(placed(event("a", "ACK"), event("a", "MATCH", 60, "t1")), event("a", "MATCH", lots, "t2"))[1]
        assert len(fills(said)) == applied
        assert states(said)[0][0] == ("FILLED" if applied else "UNKNOWN")

    def test_the_tolerance_is_configuration(self) -> None:
        """Two lots of a hundredth of a contract, written as 0.02."""
        config = Config(qty_tol=20_000)
        state = placed(event("a", "ACK"))
        assert len(fills(hear(state, event("a", "MATCH", 102, "t1"), config=config)[1])) == 1
        assert len(fills(hear(state, event("a", "MATCH", 103, "t1"), config=config)[1])) == 0

    def test_a_late_match_of_an_ended_order_still_counts(self) -> None:
        """As far as the size goes, and the end stays what it was until it is full."""
        state = placed(event("a", "ACK"), event("a", "CANCELLED"))
        state, said = hear(state, event("a", "MATCH", 60, "t1"), event("a", "MATCH", 40, "t2"))
        assert [row[:2] for row in states(said)] == [("CANCELLED", 60), ("FILLED", 100)]
        assert len(fills(said)) == 2
        assert state.orders == ()

    def test_a_failed_settlement_is_flagged(self) -> None:
        """A match on a chain may fail: nobody can say what is held, so the order is UNKNOWN and lives again."""
        state, _ = hear(placed(event("a", "ACK")), event("a", "MATCH", trade="t1", detail="MATCHED"))
        state, said = hear(state, event("a", "MATCH", trade="t1", detail="FAILED"))
        assert states(said) == [("UNKNOWN", SIZE, "EXEC_ORDER_ILLEGAL_MOVE")]
        assert (len(state.orders), state.ended, state.provisional) == (1, (), ())
        assert fills(hear(placed(event("a", "ACK")), event("a", "MATCH", trade="t1", detail="FAILED"))[1]) == []

    def test_depth_is_configuration(self) -> None:
        """A chain that ends sooner is believed sooner."""
        assert [is_final(f"MINED:{depth}", 2) for depth in (1, 2)] == [False, True]
        state = placed(event("a", "ACK"))
        said = hear(state, event("a", "MATCH", trade="t1", detail="MINED:2"), config=Config(confirm_blocks=2))[1]
        assert fills(said)[0].settled


class TestStrangers:
    @pytest.mark.parametrize("word", ["MATCH", "CANCELLED", "EXPIRED", "REJECT"])
    def test_word_of_an_order_that_nobody_knows_is_flagged(self, word: str) -> None:
        """It changes nothing."""
        assert hear(Table(), event("x", word, trade="t1")) == (Table(), (FLAG,))

    @pytest.mark.parametrize("word", ["ACK", "CANCEL_REJECT"])
    def test_what_may_be_late_is_not(self, word: str) -> None:
        """An acknowledgement or a refused cancel of what is gone is ordinary."""
        assert hear(Table(), event("x", word)) == (Table(), ())

    def test_an_end_said_twice_is_silent_and_another_end_is_flagged(self) -> None:
        """A cancelled order cannot expire."""
        state = placed(event("a", "ACK"), event("a", "CANCELLED"))
        assert hear(state, event("a", "CANCELLED")) == (state, ())
        assert hear(state, event("a", "EXPIRED")) == (state, (FLAG,))

    def test_an_id_is_entered_once(self) -> None:
        """Neither while it lives nor after it ended."""
        state = placed()
        assert leave(state) == (state, (FLAG,))
        over = placed(event("a", "REJECT"))
        assert leave(over) == (over, (FLAG,))


def test_the_ack_timeout_is_configuration() -> None:
    """A patient desk waits longer; what is live waits for nothing."""
    state = placed()
    assert wait(Config(ack_timeout_ms=5_000), state, world.tick(), Instant(NOW + 4_999 * MS)) == (state, ())
    assert (
        states(wait(Config(ack_timeout_ms=5_000), state, world.tick(), Instant(NOW + 5_000 * MS))[1])[0][0] == "UNKNOWN"
    )
    alive = placed(event("a", "ACK"))
    assert wait(Config(), alive, world.tick(), Instant(NOW + 10**15)) == (alive, ())


def test_memory_is_limited() -> None:
    """Ended orders, fill keys and provisional matches beyond their bounds are forgotten, oldest first."""
    state = Table()
    for number in range(ENDED_MAX + 3):
        state = hear(leave(state, f"o{number}")[0], event(f"o{number}", "REJECT"))[0]
    assert [order.client_order_id for order in state.ended] == [f"o{n}" for n in range(3, ENDED_MAX + 3)]
    state = hear(leave(Table(), size_lots=1_000)[0], event("a", "ACK"))[0]
    for number in range(KEYS_MAX + 3):
        state = hear(state, event("a", "MATCH", 1, f"t{number}", detail="MATCHED"))[0]
    assert (len(state.keys), state.keys[0]) == (KEYS_MAX, "t3|a")
    assert len(state.provisional) == PROVISIONAL_MAX


WORDS = st.builds(
    event,
    st.sampled_from(["a", "b", "x"]),
    st.sampled_from(["ACK", "REJECT", "MATCH", "MATCH", "CANCELLED", "EXPIRED", "CANCEL_REJECT"]),
    st.integers(1, 120),
    st.sampled_from(["t1", "t2", "t3", "t4"]),
    detail=st.sampled_from(["", "", "MATCHED", "MINED:1", "CONFIRMED", "FAILED", "UNKNOWN_ORDER"]),
)
STEPS = st.lists(st.one_of(WORDS, st.sampled_from(["place a", "place b", "cancel a", "tick"])), max_size=40)


@given(STEPS)
def test_whatever_is_heard_the_books_agree(steps: list[VenueOrderEvent | str]) -> None:
    """Fills never exceed an order's size, each key fills once, and OwnOrders is exactly what lives."""
    state, now, filled = Table(), int(NOW), dict[str, int]()
    keys: list[tuple[str, str]] = []
    for step in steps:
        now += 700 * MS
        if isinstance(step, VenueOrderEvent):
            state, said = hear(state, step, now=now)
        elif step == "tick":
            state, said = wait(Config(), state, world.tick(), Instant(now))
        else:
            state, said = leave(state, step[-1], "CANCEL" if step.startswith("cancel") else "PLACE", now)
        for fill in fills(said):
            filled[fill.client_order_id] = filled.get(fill.client_order_id, 0) + fill.size_lots
            keys.append((fill.client_order_id, fill.trade_id))
        for own in (one for one in said if isinstance(one, OwnOrders)):
            assert own.orders == state.orders
        assert all(order.state in LIVE for order in state.orders)
        assert all(order.state not in LIVE_STATES for order in state.ended)
    assert len(keys) == len(set(keys))
    assert all(lots <= SIZE for lots in filled.values())
    for order in (*state.orders, *state.ended):
        assert order.filled_lots == filled.get(order.client_order_id, 0)


def test_declared() -> None:
    """Every reason of the row is declared."""
    assert BOT.reasons == {
        "EXEC_ORDER_ADVANCED",
        "EXEC_ORDER_PROVISIONAL",
        "EXEC_ORDER_ILLEGAL_MOVE",
        "EXEC_ORDER_UNKNOWN",
    }
