"""The four that look after resting orders, on a desk whose venue goes silent: nothing new beside what is in doubt."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from contracts.control import IncidentReport
from contracts.envelope import Block
from contracts.order import PLACE, AuthorisedOrder, ExecutionPlan, OrderUpdate
from flows.assemble import Assembly, assembled
from flows.desks import load_desk
from operators.generate import compile_functions
from operators.interpret import interpreted
from tests.laws.engine_stream import CONFIG, START_NS, frames, run

BOTS = (
    "exec.pending_submit_reconciler",
    "exec.order_amend_cancel_manager",
    "exec.queue_warden",
    "exec.partial_fill_handler",
)
OUTAGE = (START_NS // 1_000_000_000 + 20, 40)
TIGHT = ["exec.queue_warden.ttl_s=2", "exec.queue_warden.max_live=1"]
ENDS = ("FILLED", "CANCELLED", "REJECTED", "EXPIRED", "LIVE", "PARTIAL")


def driven(*, is_interpreted: bool = False, batch: int = 256) -> tuple[list[Block], Assembly]:
    """Run two minutes of four markets, of which the venue is out of reach for forty seconds."""
    file = load_desk("lab", CONFIG, TIGHT)
    modes = {**file.bot_modes, **dict.fromkeys(BOTS, "enforced")}
    desk = replace(file, bot_modes=modes, outages=(OUTAGE,))
    functions = interpreted if is_interpreted else compile_functions
    return run(frames(3_000, 4, 11, 211, 7), 4, batch, assembled(desk, functions=functions))


@pytest.fixture(scope="module")
def blocks() -> list[Block]:
    """The blocks of that run, in which no bot failed."""
    made, assembly = driven()
    assert assembly.desk.faults == []
    return made


def rows(blocks: list[Block]) -> Iterator[tuple[int, object]]:
    """Yield (market, what was said), in order."""
    return ((row.market, row.payload) for block in blocks if block.chain == "decisions" for row in block.rows)


def test_nothing_new_leaves_beside_an_order_of_which_nobody_knows(blocks: list[Block]) -> None:
    """From UNKNOWN to the venue's word no order of its market is authorised, and afterwards there are some again."""
    doubted: dict[str, int] = {}
    seen, after = Counter[str](), 0
    for market, said in rows(blocks):
        if isinstance(said, OrderUpdate):
            if said.state == "UNKNOWN":
                doubted[said.client_order_id] = market
                seen["UNKNOWN"] += 1
            elif said.state in ENDS and doubted.pop(said.client_order_id, None) is not None:
                seen["answered"] += 1
        elif isinstance(said, AuthorisedOrder) and said.child.action == PLACE:
            assert market not in doubted.values()
            after += seen["answered"] > 0
    assert min(seen["UNKNOWN"], seen["answered"], after) > 0


def test_every_way_out_was_taken(blocks: list[Block]) -> None:
    """Held plans, repeated and escalated cancels, trimmed orders and incidents all occurred."""
    said = Counter(r for _, p in rows(blocks) if isinstance(p, ExecutionPlan) for r in p.reasons)
    told = Counter(p.reason for _, p in rows(blocks) if isinstance(p, IncidentReport))
    wanted = ("EXEC_PENDING_WAITING", "EXEC_AMEND_SKIPPED", "EXEC_REST_TRIMMED", "EXEC_CANCEL_UNCONFIRMED")
    assert min(said[reason] for reason in (*wanted, "EXEC_CANCEL_ESCALATED")) > 0, said
    assert told["EXEC_CANCEL_UNCONFIRMED"] > 0


def test_an_incident_is_told_once(blocks: list[Block]) -> None:
    """One key, one report."""
    keys = Counter(p.incident_key for _, p in rows(blocks) if isinstance(p, IncidentReport))
    assert max(keys.values()) == 1


def test_an_order_is_cancelled_seldom(blocks: list[Block]) -> None:
    """Forty seconds of silence cost an order a cancel each time it becomes UNKNOWN, every three seconds."""
    asked = Counter(
        child.client_order_id
        for _, p in rows(blocks)
        if isinstance(p, ExecutionPlan)
        for child in p.children
        if child.action != PLACE
    )
    assert max(asked.values()) <= 40 // 3 + 1


@pytest.mark.parametrize("how", [{"is_interpreted": True}, {"batch": 1}], ids=["interpreted", "one by one"])
def test_neither_the_batch_nor_the_compiler_changes_a_byte(blocks: list[Block], how: dict[str, int]) -> None:
    """The same bytes, interpreted or in batches of one."""
    other, _ = driven(**how)
    decisions = [[block.data for block in made if block.chain == "decisions"] for made in (blocks, other)]
    assert decisions[1] == decisions[0]
