"""Ids and versions of the steps that keep state are pinned: a change of either is seen before it loses a state."""

import pickle
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import bytewax.operators as op
import msgspec
import pytest
from bytewax.dataflow import Dataflow
from bytewax.operators import KeyedStream
from bytewax.visualize import RenderedOperator, to_rendered

from connectors.access import Access
from connectors.signing import make_key
from contracts.market import Fact, VenueBookImage, VenueConnection
from flows import desk, governing, market, migrations, record
from flows.assemble import assembled
from flows.desks import load_desk
from flows.embedded import Recorder, build
from flows.lane_steps import LaneSteps
from flows.program import Program, program_of
from flows.programs import NAMES, Built
from operators.freshness import Budgets, Freshness
from operators.host import Host
from operators.journal import Addresser, Scope
from operators.normalise import Normaliser
from operators.order_book import OrderBooks
from operators.state import Packed, values_of

if TYPE_CHECKING:
    from connectors.clickhouse import EnvelopeTable

ROOT = Path(__file__).resolve().parent.parent.parent
Builder = Callable[[bytes | None], Host[object, object]]
STATEFUL = {"input", "stateful_batch", "output"}


def stateful(steps: Sequence[RenderedOperator]) -> list[str]:
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


# ---- programs around a broker ---------------------------------------------------------------------------------------


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Program]:
    """The programs of a deployment of one lane and one desk; nothing is asked of a broker while they are built."""
    file = tmp_path / "one.toml"
    key = make_key(tmp_path / "key.pem")
    file.write_text(
        'prefix = "paper"\n[lanes]\nthe_lane = ["kalshi/0"]\n[desks]\nlab = { partition = 0 }\n'
        f'[keys.order]\n{key.key_id} = "{key.public}"\n'
    )
    monkeypatch.setattr(market, "incarnation", lambda access, topic: f"id of {topic}")
    made = {name: program_of(name, file, Access("localhost:1"), tmp_path / "state") for name in NAMES}
    for program in made.values():
        program.keep = migrations.keeping_programs(program.only)
    return made


def flow_of(program: Program) -> Dataflow:
    """The dataflow of a program; record's has no store behind it, which only a run would open."""
    if program.name == "record":
        return record.build(program, cast("EnvelopeTable", None)).flow
    built: Built = {"market": market, "desk": desk, "govern": governing}[program.name].build(program)
    return built.flow


def own_ids(program: Program) -> list[str]:
    """The ids of the steps of a program that keep state, without its flow's name."""
    found = stateful(list(to_rendered(flow_of(program)).substeps))
    return [step_id.removeprefix(f"{program.name}.") for step_id in found]


def test_the_pinned_ids_are_those_of_the_programs(programs: dict[str, Program]) -> None:
    """flows/steps.toml names every step of the programs that keeps state, and no other; each can be packed."""
    pinned = tomllib.loads((ROOT / "flows" / "steps.toml").read_text("utf-8"))
    ends = {"the_lane", "lab"}
    used: set[str] = set()
    for program in programs.values():
        for step_id in own_ids(program):
            step, _, end = step_id.partition("-")
            assert (True, True) == (step_id in program.keep.versions, end in {*ends, ""})
            used.add(step)
    assert not pinned["programs"].keys() & pinned["versions"].keys()
    assert set(pinned["programs"]) == used - pinned["versions"].keys()
    assert {"frames"} == pinned["versions"].keys() - used  # a program reads messages under another name


@pytest.mark.parametrize("name", ["market", "desk", "record", "govern"])
def test_no_two_steps_of_a_program_share_an_id(programs: dict[str, Program], name: str) -> None:
    """Two states under one id would take each other's place."""
    found = own_ids(programs[name])
    assert len(set(found)) == len(found)


def test_every_step_of_a_program_gives_its_own_id_to_its_host(
    programs: dict[str, Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step is packed under the id that the dataflow knows it by, and its new state fits itself."""
    hosts: list[str] = []
    plain = op.stateful_batch

    def seen(step_id: str, up: KeyedStream[object], builder: Builder) -> KeyedStream[object]:
        kept = builder(None).snapshot()
        assert kept is not None
        assert step_id == msgspec.msgpack.decode(kept, type=Packed).step_id
        builder(kept)
        hosts.append(step_id)
        return plain(step_id, up, builder)

    monkeypatch.setattr(op, "stateful_batch", seen)
    for program in programs.values():
        flow_of(program)
    lane = ("sequence", "normalise", "order_book", "freshness", "signals", "address", "strands")
    desk_steps = ("hear", "desk", "last_word", "govern", "last_word")
    assert sorted([*(f"{step}-the_lane" for step in lane), *(f"{step}-lab" for step in desk_steps)]) == sorted(hosts)


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


def test_freshness_learns_of_late_delivery() -> None:
    """A state of version 1 is brought up: its books are late when their feed says so, as in a state that is new."""
    book = VenueBookImage(2, 1, 7, ((48, 1),), ((52, 1),), -1, 0, "h")
    older, taken, new = Freshness(Budgets()), Freshness(Budgets()), Freshness(Budgets())
    older.step([book])
    new.step([book])
    values = values_of(older)
    del values["_delivery"]
    kept = msgspec.msgpack.encode(Packed("freshness", 1, pickle.dumps(values)))
    migrations.keeping().unpack("freshness", kept, taken)
    late: list[Fact] = [VenueConnection(3, 5, -1, "late", "spool", -1)]
    assert new.step(late) == taken.step(late)
    assert values_of(new).keys() == values_of(taken).keys()


def test_the_file_says_what_to_do() -> None:
    """Who changes a state reads, where the version stands, what else is to be changed."""
    text = (ROOT / "flows" / "steps.toml").read_text("utf-8")
    assert re.search(r"raises its version and adds to flows/migrations\.py", text)
