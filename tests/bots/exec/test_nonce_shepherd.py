"""exec.nonce_shepherd: one decision, one order, whatever is replayed."""

import pytest

from bots.exec.nonce_shepherd import BOT, KNOWN_MAX, Config, Known, assign, follow
from bots.kit import Instant
from contracts.ids import client_order_id, order_salt
from contracts.order import ExecutionPlan, OwnOrders, PlannedOrder
from tests import world

NOW = world.NOW
INTENT = world.intent().intent_id


def order(**overrides: object) -> PlannedOrder:
    """Return an unnamed order."""
    return world.child(**{"client_order_id": "", "salt": 0, "venue_ts_ms": 0, **overrides})


def plan(*children: PlannedOrder, **overrides: object) -> ExecutionPlan:
    """Return a shaped plan."""
    return world.plan(**{"children": children or (order(),), "plan_hash": "", **overrides})


def name(
    state: Known, wish: ExecutionPlan, own: OwnOrders | None = None, now: Instant = NOW
) -> tuple[Known, ExecutionPlan]:
    """Name a plan's children."""
    return assign(Config(), state, wish, own, now)


def ended(state: Known, cid: str, how: str) -> Known:
    """Let an order come to an end."""
    return follow(Config(), state, world.order_update(client_order_id=cid, state=how), NOW)


class TestFixtures:
    def test_normal(self) -> None:
        """A fresh plan: id, salt and timestamp, EXEC_ID_ASSIGNED."""
        state, made = name(Known(), plan(order(), order(child_index=1)))
        first, second = made.children
        assert made.reasons == ("EXEC_ID_ASSIGNED",)
        assert (first.client_order_id, second.client_order_id) == tuple(client_order_id(INTENT, n, 0) for n in (0, 1))
        assert first.salt == order_salt(first.client_order_id) < 1 << 53
        assert (first.venue_ts_ms, second.venue_ts_ms) == (NOW // 1_000_000, NOW // 1_000_000 + 1)
        assert state.ids == (first.client_order_id, second.client_order_id)

    def test_warning(self) -> None:
        """The same plan after a crash: suppressed, EXEC_ID_REUSED, whether memory or own orders know it."""
        state, made = name(Known(), plan())
        for again in (name(state, plan(), None, Instant(NOW + 1))[1], name(Known(), plan(), _own(made))[1]):
            assert (again.children, again.reasons) == ((), ("EXEC_ID_REUSED",))

    def test_hard(self) -> None:
        """After the third rejection: stop, EXEC_ID_EXHAUSTED."""
        state, seen = Known(), []
        for _ in range(3):
            state, made = name(state, plan())
            seen.append((made.children[0].revision, made.children[0].client_order_id))
            state = ended(state, made.children[0].client_order_id, "REJECTED")
        assert seen == [(n, client_order_id(INTENT, 0, n)) for n in range(3)]
        assert (name(state, plan())[1].children, name(state, plan())[1].reasons) == ((), ("EXEC_ID_EXHAUSTED",))

    def test_failure(self) -> None:
        """A known id with other content: the whole plan stops, EXEC_ID_COLLISION."""
        state, _ = name(Known(), plan())
        after, made = name(state, plan(order(price_ticks=45), order(child_index=1)))
        assert (made.children, made.reasons) == ((), ("EXEC_ID_COLLISION",))
        assert after == state


def _own(made: ExecutionPlan) -> OwnOrders:
    return world.own_orders(world.order_update(client_order_id=made.children[0].client_order_id))


@pytest.mark.parametrize("how", ["REJECTED", "EXPIRED"])
def test_a_proven_end_frees_the_next_revision(how: str) -> None:
    """Only what the venue refused or let expire may be tried again."""
    state, made = name(Known(), plan())
    _, again = name(ended(state, made.children[0].client_order_id, how), plan())
    assert (again.children[0].revision, again.reasons) == (1, ("EXEC_ID_ASSIGNED",))


@pytest.mark.parametrize("how", ["FILLED", "CANCELLED", "LIVE", "PARTIAL", "PENDING_CANCEL", "UNKNOWN"])
def test_anything_else_is_never_reissued(how: str) -> None:
    """What lives, what was filled or cancelled, and what nobody knows."""
    state, made = name(Known(), plan())
    _, again = name(ended(state, made.children[0].client_order_id, how), plan())
    assert (again.children, again.reasons) == ((), ("EXEC_ID_REUSED",))


def test_the_number_of_attempts_is_configuration() -> None:
    """With one attempt the first rejection is the last."""
    state, made = name(Known(), plan())
    state = ended(state, made.children[0].client_order_id, "REJECTED")
    assert assign(Config(max_attempts=1), state, plan(), None, NOW)[1].reasons == ("EXEC_ID_EXHAUSTED",)


def test_cancels_keep_the_name_of_what_they_cancel() -> None:
    """They pass untouched, and go away with a plan that was carried out before."""
    gone = order(action="CANCEL", client_order_id="old")
    state, made = name(Known(), plan(gone, order(child_index=1)))
    assert made.children[0] is gone
    assert name(state, plan(gone, order(child_index=1)))[1].children == ()


def test_a_plan_that_was_half_carried_out_is_completed() -> None:
    """The child that is known is dropped, the one that is not goes."""
    state, _ = name(Known(), plan(order()))
    _, made = name(state, plan(order(), order(child_index=1)))
    assert [child.child_index for child in made.children] == [1]
    assert made.reasons == ("EXEC_ID_REUSED",)


def test_the_hash_says_what_a_plan_does() -> None:
    """Equal plans have equal hashes; any difference in a child shows; a refusal has none."""
    one, two, other = (name(Known(), wish)[1].plan_hash for wish in (plan(), plan(), plan(order(size_lots=7))))
    assert one == two != other
    assert len(one) == 64
    state, _ = name(Known(), plan())
    assert name(state, plan())[1].plan_hash == ""


def test_the_memory_is_limited() -> None:
    """The oldest id is forgotten; ids and what they stand for stay in step."""
    state = Known()
    for number in range(KNOWN_MAX + 5):
        state, _ = name(state, plan(intent_id=f"intent{number}"))
    assert len(state.ids) == len(state.issued) == KNOWN_MAX
    assert state.ids[0] == client_order_id("intent5", 0, 0)


def test_updates_of_the_living_and_of_strangers_change_nothing() -> None:
    """Only an end is remembered."""
    state, _ = name(Known(), plan())
    assert follow(Config(), state, world.order_update(client_order_id="stranger", state="REJECTED"), NOW) is state
    assert follow(Config(), state, world.order_update(client_order_id=state.ids[0], state="PARTIAL"), NOW) is state


def test_a_known_plan_of_operations_keeps_what_is_new() -> None:
    """Of a plan that was carried out in part only the cancels are dropped, not an operation on a chain."""
    state, _ = name(Known(), plan(order(action="MERGE")))
    gone, fresh = order(action="CANCEL", client_order_id="old"), order(action="MERGE", child_index=1)
    _, made = name(state, plan(gone, order(action="MERGE"), fresh))
    assert [(child.action, child.child_index) for child in made.children] == [("MERGE", 1)]
    assert made.reasons == ("EXEC_ID_REUSED",)


def test_declared() -> None:
    """Every reason of the row is declared."""
    assert BOT.reasons == {"EXEC_ID_ASSIGNED", "EXEC_ID_REUSED", "EXEC_ID_EXHAUSTED", "EXEC_ID_COLLISION"}
