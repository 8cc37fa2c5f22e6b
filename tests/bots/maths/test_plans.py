"""bots.maths.plans, taking_back: plans written again keep what they must."""

from hashlib import sha256

import msgspec

from bots.maths.plans import GENERATION, generation, hashed
from bots.maths.taking_back import taken_back
from contracts.ids import intent_id
from contracts.intent import WITHDRAW
from contracts.order import CANCEL, SETTLE
from tests import world


def test_the_hash_is_of_the_children() -> None:
    """A hash says what a plan does; a plan that does nothing has none."""
    before = world.plan(reasons=("EXEC_ROUTED",))
    after = hashed(before, before.children, "EXEC_SHAPED")
    assert after.plan_hash == sha256(msgspec.json.encode(before.children)).hexdigest()
    assert after.reasons == ("EXEC_ROUTED", "EXEC_SHAPED")
    assert hashed(before, (), "EXEC_SHAPED").plan_hash == ""


def test_numbers_of_a_later_plan_begin_at_its_generation() -> None:
    """Cancels have numbers of their own; a plan that places nothing begins at 0."""
    numbers = {0: 0, 1: 0, GENERATION - 1: 0, GENERATION: GENERATION, 2 * GENERATION + 5: 2 * GENERATION}
    away = world.child(action=CANCEL, child_index=70)
    found = {n: generation(world.plan(children=(away, world.child(child_index=n)))) for n in numbers}
    assert found == numbers
    assert generation(world.plan(children=(away,), style=SETTLE)) == 0


def test_what_is_taken_back_is_named_by_its_cause() -> None:
    """One cancel for each order, numbered from 0, under the name of desk, cause, bot, market and trigger."""
    orders = [world.order_update(client_order_id=name, side=side) for name, side in (("a", 1), ("b", -1))]
    args = (world.definition(), world.desk(), world.FACT, "exec.queue_warden", "tick", "EXEC_REST_TRIMMED")
    said = taken_back(orders, *args)
    assert said is not None
    assert [(c.action, c.client_order_id, c.side, c.child_index) for c in said.children] == [
        (CANCEL, "a", 1, 0),
        (CANCEL, "b", -1, 1),
    ]
    assert said.intent_id == intent_id("lab", world.FACT, "exec.queue_warden", "M1/tick")
    assert (said.plan_id, said.plan_hash) == (f"p{said.intent_id}", "")
    assert (said.intent_kind, said.strategy, said.reasons) == (WITHDRAW, world.STRATEGY, ("EXEC_REST_TRIMMED",))
    assert taken_back([], *args) is None
