"""A program is started from options or from the environment alike, and never goes on with another one's state."""

import shutil
from pathlib import Path

import pytest

from connectors.access import Access
from connectors.store import StoreError
from contracts.base import Refused
from flows import desk, market, migrations
from flows.program import Program, from_environment, program_of, run_flow
from tests.flows.captures import ROOT

ACCESS = Access("localhost:1")
TEXT = """prefix = "{prefix}"
config = "config"
[lanes]
lane0 = ["kalshi/0"]
lane1 = ["binance/0"]
[desks]
lab = {{ partition = 0 }}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A deployment of two lanes and one desk, with a configuration of its own."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    found = tmp_path / "some.toml"
    found.write_text(TEXT.format(prefix="paper"))
    return found


def environ(file: Path, **more: str) -> dict[str, str]:
    """What the environment says; an empty text is as good as nothing."""
    known = {"DEPLOYMENT": str(file), "STATE": str(file.parent / "state"), "BOOTSTRAP": "localhost:1", **more}
    return {f"POLYTRADERS_{name}": value for name, value in known.items()}


def started(file: Path, name: str = "market", only: str = "") -> Program:
    """A program of a deployment, begun or taken up."""
    program = program_of(name, file, ACCESS, file.parent / "state", only)
    program.recovery()
    return program


# ---- what it is started with ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "only", "chosen"),
    [
        ("market", "", ("lane0", "lane1")),
        ("market", "lane1", ("lane1",)),
        ("market", "lane1,lane0", ("lane1", "lane0")),
        ("desk", "", ("lab",)),
        ("record", "lab,", ("lab",)),
    ],
)
def test_a_program_runs_lanes_or_desks(file: Path, name: str, only: str, chosen: tuple[str, ...]) -> None:
    """The market's are lanes, everybody else's desks; left out, all of them; options and environment say the same."""
    one = program_of(name, file, ACCESS, file.parent / "state", only)
    other = from_environment(name, environ(file, ONLY=only))
    assert chosen == one.only == other.only
    assert (one.access, one.state, one.deployment) == (other.access, other.state, other.deployment)
    assert (f"polytraders.paper.{name}", "paper.journal") == (one.group, one.topic("journal"))


@pytest.mark.parametrize(
    ("name", "only", "said"),
    [
        ("market", "lab", "--only lab: lab; allowed: lane0, lane1"),
        ("desk", "lane0,lab", "--only lane0,lab: lane0; allowed: lab"),
        ("market", "lane0,lane0", "--only lane0,lane0: one twice; allowed: lane0, lane1"),
    ],
)
def test_what_a_deployment_does_not_have_is_refused(file: Path, name: str, only: str, said: str) -> None:
    """The option, what is unknown in it, and what may stand there."""
    with pytest.raises(Refused) as err:
        program_of(name, file, ACCESS, file.parent / "state", only)
    assert said == str(err.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"DEPLOYMENT": ""}, "environment: POLYTRADERS_DEPLOYMENT is not set"),
        ({"STATE": "", "DEPLOYMENT": ""}, "environment: POLYTRADERS_DEPLOYMENT, POLYTRADERS_STATE is not set"),
        ({"BOOTSTRAP": ""}, "environment: one of POLYTRADERS_ACCESS and POLYTRADERS_BOOTSTRAP is not set"),
        ({"ACCESS": "access.json"}, "environment: one of POLYTRADERS_ACCESS and POLYTRADERS_BOOTSTRAP is not set"),
        ({"ONLY": "lane7"}, "--only lane7: lane7; allowed: lane0, lane1"),
        ({"DEPLOYMENT": "/nowhere.toml"}, "--deployment /nowhere.toml: cannot be read"),
        ({"BOOTSTRAP": "", "ACCESS": "/nowhere.json"}, "/nowhere.json: cannot be read"),
    ],
)
def test_an_environment_that_says_too_little_is_refused(file: Path, more: dict[str, str], said: str) -> None:
    """The variable is named, before anything is opened."""
    with pytest.raises(Refused) as err:
        from_environment("market", environ(file, **more))
    assert str(err.value).startswith(said)


def test_the_environment_says_the_rest_too(file: Path) -> None:
    """The way in from a file, where to end, where to store; and what no option says: the versions of the steps."""
    access = file.parent / "access.json"
    access.write_text('{"bootstrap": "broker:9092"}')
    more = {"BOOTSTRAP": "", "ACCESS": str(access), "UNTIL_END": "1", "STORE": str(file.parent / "store")}
    found = from_environment("record", environ(file, **more))
    assert ("broker:9092", True, file.parent / "store") == (found.access.bootstrap, found.until_end, found.store)
    assert migrations.keeping_programs(["lab"]).versions == found.keep.versions
    plain = from_environment("record", environ(file, UNTIL_END="0"))
    assert (False, None) == (plain.until_end, plain.store)


# ---- what it goes on with -------------------------------------------------------------------------------------------


def test_a_program_takes_its_own_state_up(file: Path) -> None:
    """Started again with the same file it goes on; each choice of lanes, program and prefix has a folder of its own."""
    folders = [started(file, only=only).recovery().folder for only in ("", "lane0", "lane1", "lane0")]
    folders.append(started(file, "desk").recovery().folder)
    file.write_text(TEXT.format(prefix="paper.refeed.monday"))
    folders.append(started(file).recovery().folder)
    assert folders[1] == folders[3]
    assert 5 == len({*folders})
    state = file.parent / "state" / "paper"
    assert {state / "market", state / "desk"} == {folder.parent.parent for folder in folders}
    assert 0o700 == (state / "market").stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("changed", "old", "new", "said"),
    [
        ("config/desks/lab.toml", '"risk.drawdown",\n', "", "desk lab (there"),
        ("config/freshness.toml", "silence_ms = ", "silence_ms = 1", "lab operators.freshness (there 1/"),
        ("some.toml", "kalshi/0", "kalshi/1", "lane lane0 (there (LanePart(venue='kalshi'"),
        ("some.toml", "partition = 0", "partition = 1", "journal lab (there 0: lane0, lane1, here 1: lane0, lane1)"),
    ],
)
@pytest.mark.parametrize("name", ["market", "desk"])
def test_a_program_that_would_derive_otherwise_is_refused(
    file: Path, name: str, changed: str, old: str, new: str, said: str
) -> None:
    """Another plan, budget or numbering: the state is kept, and the refusal names what differs and what to do."""
    folder = started(file, name).recovery().folder
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    other = file.parent / changed
    text = other.read_text("utf-8")
    assert old in text
    other.write_text(text.replace(old, new, 1))
    with pytest.raises(StoreError, match="holds an unfinished run that differs in") as err:
        run_flow(program_of(name, file, ACCESS, file.parent / "state"), lambda of: pytest.fail("was built"))
    assert said in str(err.value)
    assert str(err.value).endswith("go on with the command and the program that began it, or use a new folder")
    assert kept == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_engine_s_own_runner_finds_the_flows(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `python -m bytewax.run flows.market` calls builds the program that the environment names."""
    for name, value in environ(file).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(market, "incarnation", lambda access, topic: f"id of {topic}")
    assert "market" == market.flow().flow_id
    assert "desk" == desk.flow().flow_id
