"""Ids and versions of the steps that keep state are pinned: a change of either is seen before it loses a state."""

import re
from pathlib import Path

import pytest
from bytewax.visualize import RenderedOperator, to_rendered

from flows import migrations
from flows.assemble import assembled
from flows.desks import load_desk
from flows.embedded import Recorder, build
from flows.market import LaneSteps
from operators.freshness import Freshness
from operators.journal import Addresser, Scope
from operators.normalise import Normaliser
from operators.order_book import OrderBooks
from operators.state import values_of

ROOT = Path(__file__).resolve().parent.parent.parent
STATEFUL = {"input", "stateful_batch", "output"}


def stateful(steps: list[RenderedOperator]) -> list[str]:
    """Return the ids of the steps that may keep state, those inside others too."""
    found = [step.step_id for step in steps if step.op_type in STATEFUL]
    return found + [each for step in steps for each in stateful(step.substeps)]


@pytest.fixture(scope="module")
def steps() -> LaneSteps:
    """The steps of a lane."""
    assembly = assembled(load_desk("lab", ROOT / "config"))
    scope = Scope(assembly.configured.desk_id)
    return LaneSteps(Normaliser(), OrderBooks(), Freshness(assembly.budgets), assembly.lane, Addresser([scope]))


def test_the_pinned_ids_are_those_of_the_flow(steps: LaneSteps) -> None:
    """flows/steps.toml names every step of the built dataflow that keeps state, and no other."""
    assembly = assembled(load_desk("lab", ROOT / "config"))
    flow = to_rendered(build(iter([]), steps, assembly, Recorder(None, check=False)))
    assert sorted(f"embedded.{name}" for name in migrations.versions()) == sorted(stateful(list(flow.substeps)))


def test_every_version_has_its_way_up() -> None:
    """Migrations lead from a version to the next, for pinned steps, and not past the pinned version."""
    versions = migrations.versions()
    assert min(versions.values()) >= 1
    for step_id, version in migrations.MIGRATIONS:
        assert version < versions[step_id], f"{step_id}: a migration of version {version} leads past its own version"


def test_every_state_can_be_packed_and_taken_up(steps: LaneSteps) -> None:
    """Each lane step's new state fits itself."""
    keep = migrations.keeping()
    for name, step in zip(("normalise", "order_book", "freshness", "signals", "address"), steps, strict=True):
        before = values_of(step).keys()
        keep.unpack(name, keep.pack(name, step), step)
        assert before == values_of(step).keys()


def test_the_file_says_what_to_do() -> None:
    """Who changes a state reads, where the version stands, what else is to be changed."""
    text = (ROOT / "flows" / "steps.toml").read_text("utf-8")
    assert re.search(r"raises its version and adds to flows/migrations\.py", text)
