"""The engine's laws for the desk behind every guard: votes on plans, watching guards and a policy among them."""

import pickle
from collections import Counter
from collections.abc import Callable
from itertools import islice

import pytest

from connectors.capture import open_capture
from contracts.envelope import Block
from contracts.intent import REJECT, RESHAPE, RiskDecision
from contracts.order import CANCEL, AuthorisedOrder, PlannedOrder
from flows.assemble import assembled
from flows.desks import load_desk
from operators.generate import Compiled, compile_functions
from operators.interpret import interpreted
from operators.normalise import Frame, Normaliser, read_instruments
from operators.plan import Plan
from operators.sequencer import merge
from tests import world
from tests.laws.engine_stream import Drive, heads

FRAMES = 2_500
PACK = world.ROOT / "fixtures"


@pytest.fixture(scope="module")
def heard() -> list[Frame]:
    """The beginning of a recording of six markets, with the seconds between its frames."""
    return list(islice(open_capture(PACK / "demo_kalshi.jsonl.gz"), FRAMES))


def drive(born_ns: int, functions: Callable[[Plan], Compiled] = compile_functions) -> Drive:
    """The desk, born when its recording begins."""
    made = Drive(assembled(load_desk("guarded", world.ROOT / "config"), functions=functions, at_ns=born_ns), 1)
    made.normaliser = Normaliser()
    made.normaliser.declare(read_instruments((PACK / "demo_instruments.jsonl").read_bytes()))
    return made


def ran(heard: list[Frame], batch: int, restart_every: int = 0, functions: object = compile_functions) -> list[Block]:
    """Run the frames; with `restart_every` the desk is stored and taken up again after so many batches."""
    made = drive(heard[0].at_ns, functions)  # type: ignore[arg-type]
    for number, frames in enumerate(merge([heard], batch), start=1):
        made.feed([frames])
        if restart_every and number % restart_every == 0:
            made.assembly = made.assembly._replace(desk=pickle.loads(pickle.dumps(made.assembly.desk)))
    return made.close()


@pytest.fixture(scope="module")
def reference(heard: list[Frame]) -> list[Block]:
    """An undisturbed run."""
    return ran(heard, 256)


def test_the_desk_trades_and_is_refused_at_both_gates(reference: list[Block]) -> None:
    """The laws below speak of real work: orders, refusals, and sizes that were cut."""
    rows = [row.payload for block in reference if block.chain == "decisions" for row in block.rows]
    decisions = [each for each in rows if isinstance(each, RiskDecision)]
    verdicts = Counter((each.is_of_plan, each.verdict) for each in decisions)
    orders: list[PlannedOrder] = [each.child for each in rows if isinstance(each, AuthorisedOrder)]
    assert min(verdicts[False, RESHAPE], verdicts[False, REJECT], verdicts[True, "APPROVE"]) > 0, verdicts
    assert sum(child.action != CANCEL for child in orders) > 20


def test_generated_equals_interpreted(heard: list[Frame], reference: list[Block]) -> None:
    """With every guard, votes on plans included, to the byte."""
    slow = ran(heard, 256, functions=interpreted)
    mine, theirs = ([b.data for b in blocks if b.chain == "decisions"] for blocks in (reference, slow))
    assert theirs == mine


@pytest.mark.parametrize(("batch", "restart_every"), [(1, 0), (64, 0), (1_000, 0), (64, 3)])
def test_batches_and_restarts_change_nothing(
    heard: list[Frame], reference: list[Block], batch: int, restart_every: int
) -> None:
    """Whatever is fed at once, and wherever the desk is taken up again from its snapshot."""
    assert heads(reference) == heads(ran(heard, batch, restart_every))
