"""A deployment's file says what is numbered; what could not run is refused by file, key, value and what is allowed."""

import shutil
from pathlib import Path

import pytest

from contracts.base import Refused
from contracts.control import ConfigApplied
from contracts.ids import CLOCK_SOURCE, CONTROL_SOURCE
from flows.deployment import Deployment, lane_plan, load_deployment
from operators.strands import LANES
from tests.flows.captures import INSTRUMENTS, ROOT

CONFIG = ROOT / "config"
LANES_TEXT = '[lanes]\nlane0 = ["kalshi/0", "polymarket/0"]\nlane1 = ["binance/3"]\n'
DESKS_TEXT = '[desks]\nlab = { partition = 2 }\nbot3 = { partition = 0, lanes = ["lane1"] }\n'
GOOD = f'prefix = "paper"\n{LANES_TEXT}{DESKS_TEXT}'


def loaded(folder: Path, text: str = GOOD) -> Deployment:
    """Return the deployment of a file with this text."""
    file = folder / "some.toml"
    file.write_text(text, encoding="utf-8")
    return load_deployment(file)


def why(folder: Path, text: str) -> str:
    """Return why a file is refused; the message names the file."""
    with pytest.raises(Refused) as err:
        loaded(folder, text)
    assert "some.toml" in str(err.value)
    return str(err.value)


# ---- what is numbered -----------------------------------------------------------------------------------------------


def test_sources_are_numbered_over_all_lanes_and_clocks_from_above(tmp_path: Path) -> None:
    """A source is its place in the file, a lane its own; no two have one number, and no clock is the control source."""
    found = loaded(tmp_path)
    assert [("kalshi", 0, 0), ("polymarket", 0, 1)] == [
        (part.venue, part.partition, part.source) for part in found.lanes["lane0"].parts
    ]
    assert [("binance", 3, 2)] == [(part.venue, part.partition, part.source) for part in found.lanes["lane1"].parts]
    assert [(0, CLOCK_SOURCE), (1, 125)] == [(lane.number, lane.clock) for lane in found.lanes.values()]
    numbers = [source for lane in found.lanes.values() for source in (*lane.sources, lane.clock)]
    assert (len(set(numbers)), False) == (len(numbers), CONTROL_SOURCE in numbers)


def test_a_desk_hears_what_it_names_else_every_lane(tmp_path: Path) -> None:
    """In its own order, which is that of the lanes' numbers on its journal."""
    text = GOOD.replace("lab = { partition = 2 }", 'lab = { partition = 2, lanes = ["lane1", "lane0"] }')
    for found, order in ((loaded(tmp_path), ("lane0", "lane1")), (loaded(tmp_path, text), ("lane1", "lane0"))):
        assert (order, ("lane1",)) == (found.desks["lab"].lanes, found.desks["bot3"].lanes)
        assert (2, 0) == (found.desks["lab"].partition, found.desks["bot3"].partition)
        assert list(order) == list(found.heard_by("lab"))
        assert {"lane0": (0, 1, 127), "lane1": (2, 125)} == found.heard_by("lab")
    assert [["lab"], ["lab", "bot3"]] == [[desk.desk_id for desk in found.desks_of(lane)] for lane in found.lanes]


def test_lines_added_at_the_end_move_no_number(tmp_path: Path) -> None:
    """A new lane or desk leaves every source, clock and partition of the others as they were."""
    before = loaded(tmp_path)
    more = GOOD.replace("[desks]", 'lane2 = ["bitget/0"]\n[desks]') + 'bot4 = { partition = 5, lanes = ["lane2"] }\n'
    text = more.replace("lab = { partition = 2 }", 'lab = { partition = 2, lanes = ["lane0", "lane1"] }')
    after = loaded(tmp_path, text)
    assert before.lanes == {name: after.lanes[name] for name in before.lanes}
    assert before.desks == {name: after.desks[name] for name in before.desks}
    assert ((3,), 124) == (after.lanes["lane2"].sources, after.lanes["lane2"].clock)


def test_a_journal_of_several_lanes_says_so_first(tmp_path: Path) -> None:
    """Which sources are whose stands in the desk's first entries; a desk of one lane has nothing to say."""
    found = loaded(tmp_path)
    said: dict[str, list[ConfigApplied]] = {
        name: [each for each in found.put_together(name).applied if each.bot_id == LANES] for name in found.desks
    }
    assert ['{"lane0":[0,1,127],"lane1":[2,125]}'] == [each.values for each in said["lab"]]
    assert [] == said["bot3"]


def test_lane_and_desk_know_one_plan(tmp_path: Path) -> None:
    """A lane's records name the plan that the desk was put together with; another budget or bot is another plan."""
    found = loaded(tmp_path)
    assembly = found.put_together("lab")
    lanes = found.lanes_of("lab", assembly)
    assert lane_plan(found.lane_assembly("lane0")) == lanes.plans["lane0"] == lanes.plans["lane1"]
    assert lanes.sources == found.heard_by("lab")
    config = shutil.copytree(CONFIG, tmp_path / "config")
    edited(config / "freshness.toml", "silence_ms = ", "silence_ms = 1")
    other = loaded(tmp_path, f'config = "config"\n{GOOD}')
    assert lane_plan(other.lane_assembly("lane0")) != lanes.plans["lane0"]


def edited(file: Path, old: str, new: str) -> None:
    """Change a file in one place."""
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "part"),
    [
        ("desks/lab.toml", 'builder_code = "', 'builder_code = "x', "desk lab"),
        ("desks/lab.toml", "start_micros = ", "start_micros = 1", "desk lab"),
        ("desks/lab.toml", "scope = []", 'scope = ["M1"]', "desk lab"),
        ("freshness.toml", "silence_ms = ", "silence_ms = 1", "lab operators.freshness bot3 operators.freshness"),
    ],
)
def test_what_decides_is_named(tmp_path: Path, file: str, old: str, new: str, part: str) -> None:
    """Identity follows from content: the same elsewhere, another for a desk or a budget that derives otherwise."""
    text = f'config = "config"\n{GOOD}'
    for folder in (tmp_path, elsewhere := tmp_path / "elsewhere"):
        shutil.copytree(CONFIG, folder / "config")
    first = loaded(tmp_path, text)
    assert first.identity() == loaded(elsewhere, text).identity()
    edited(elsewhere / "config" / file, old, new)
    after = loaded(elsewhere, text)
    assert first.identity() != after.identity()
    assert part == " ".join(changed(first, after))


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("partition = 2", "partition = 7", "journal lab"),
        ("partition = 2", 'partition = 2, lanes = ["lane1", "lane0"]', "journal lab, lab operators.strands"),
        ('"binance/3"', '"binance/4"', "lane lane1"),
        ("[lanes]", f'instruments = "{INSTRUMENTS}"\n[lanes]', "instruments"),
    ],
)
def test_who_hears_what_from_where_is_named(tmp_path: Path, old: str, new: str, part: str) -> None:
    """Another partition, order of lanes, or definition of instruments: no program goes on with its state."""
    first, after = loaded(tmp_path), loaded(tmp_path, GOOD.replace(old, new, 1))
    assert first.identity() != after.identity()
    assert part == ", ".join(changed(first, after))


def changed(before: Deployment, after: Deployment) -> list[str]:
    """Which parts of what decides are others now."""
    now = after.parts()
    return [key for key, value in before.parts().items() if now[key] != value]


@pytest.mark.parametrize("name", sorted(file.stem for file in (CONFIG / "deployments").glob("*.toml")))
def test_the_deployments_of_this_repository_can_run(name: str) -> None:
    """Each file is accepted, each lane has desks that agree on its bots, and its mode is that of its desks."""
    found = load_deployment(CONFIG / "deployments" / f"{name}.toml")
    assert all(found.lane_assembly(lane).configured.desk_mode == found.mode for lane in found.lanes)


def test_a_refeed_has_the_mode_of_its_prefix(tmp_path: Path) -> None:
    """Its topics are its own, its desks those of the mode."""
    found = loaded(tmp_path, GOOD.replace('"paper"', '"paper.refeed.monday"'))
    assert ("paper", "paper.refeed.monday") == (found.mode, found.prefix)


# ---- what is refused ------------------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Missing, not TOML, not text: one line, with the option that named it."""
    with pytest.raises(Refused, match=r"^--deployment .*none\.toml: cannot be read \(No such file"):
        load_deployment(tmp_path / "none.toml")
    assert "--deployment" in why(tmp_path, "prefix = ") and "not TOML" in why(tmp_path, "prefix = ")
    file = tmp_path / "some.toml"
    for content in (b"\xff\xfe", b"a = " + b"[" * 20_000):
        file.write_bytes(content)
        with pytest.raises(Refused, match=r"some\.toml: not TOML"):
            load_deployment(file)


ROOM = ", ".join(f'"kalshi/{number}"' for number in range(126))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("prefix", "lab = 1\nprefix", "unknown key 'lab'; allowed: prefix, config, instruments, lanes, desks, keys"),
        ('prefix = "paper"\n', "", "mode '' is unknown; allowed: paper, shadow"),
        ('"paper"', '"mainnet"', "mode 'mainnet' is unknown; allowed: paper, shadow, testnet_probe, live"),
        ('"paper"', '"paper.monday"', "prefix 'paper.monday' is unknown; allowed: a mode"),
        ('"paper"', "7", "mode '7' is unknown; allowed: paper"),
        ('"paper"', '"shadow"', "have another mode than prefix 'shadow'; allowed: shadow"),
        (LANES_TEXT, "", "lanes None; allowed: a table with at least one line"),
        (LANES_TEXT, "[lanes]\n", "lanes {}; allowed: a table with at least one line"),
        (LANES_TEXT, 'lanes = ["kalshi/0"]\n', "lanes ['kalshi/0']; allowed: a table"),
        (DESKS_TEXT, "", "desks None; allowed: a table with at least one line"),
        ("lane0 =", "Lane-0 =", "lanes: lane 'Lane-0'; allowed: a lower-case letter"),
        ('["kalshi/0", "polymarket/0"]', '"kalshi/0"', "lanes.lane0 'kalshi/0'; allowed: a list of VENUE/PARTITION"),
        ('["kalshi/0", "polymarket/0"]', "[]", "lanes.lane0 []; allowed: a list of VENUE/PARTITION"),
        ("kalshi/0", "kalshi", "lanes.lane0: 'kalshi'; allowed: VENUE/PARTITION, as in kalshi/0"),
        ("kalshi/0", "kalshi/-1", "lanes.lane0: 'kalshi/-1'; allowed: VENUE/PARTITION"),
        ("kalshi/0", "kalshi/10000", "'kalshi/10000'; allowed: VENUE/PARTITION, as in kalshi/0, up to 9999"),
        ("kalshi/0", "kalshi/" + "9" * 5_000, "lanes.lane0: 'kalshi/9999"),
        ("kalshi/0", "kalshi/\u0663", "lanes.lane0: 'kalshi/\u0663'; allowed: VENUE/PARTITION"),
        ('"kalshi/0"', "0", "lanes.lane0: 0; allowed: VENUE/PARTITION"),
        ("kalshi/0", "Kalshi/0", "lanes.lane0: venue 'Kalshi'; allowed: a lower-case letter"),
        ("binance/3", "kalshi/0", "lanes.lane1: kalshi/0 stands in two lanes; allowed: each partition once"),
        ("polymarket/0", "kalshi/0", "lanes.lane0: kalshi/0 stands in two lanes; allowed: each partition once"),
        ('"kalshi/0", "polymarket/0"', ROOM, "127 partitions in 2 lanes; allowed: 125, as a fact id can name"),
        ("lab = { partition = 2 }", "lab = 2", "desks.lab 2; allowed: a table of partition, lanes"),
        ("partition = 2", "part = 2", "desks.lab {'part': 2}; allowed: a table of partition, lanes"),
        ("partition = 2", "", "desks.lab.partition None; allowed: a whole number, 0 to 9999"),
        ("partition = 2", "partition = -1", "desks.lab.partition -1; allowed: a whole number, 0 to 9999"),
        ("partition = 2", "partition = 10000", "desks.lab.partition 10000; allowed: a whole number"),
        ("partition = 2", "partition = true", "desks.lab.partition True; allowed: a whole number"),
        ("partition = 2", "partition = 2.0", "desks.lab.partition 2.0; allowed: a whole number"),
        ("partition = 2", "partition = 0", "desks share a partition ([0, 0]); allowed: one desk each"),
        ('lanes = ["lane1"]', "lanes = []", "desks.bot3.lanes []; allowed: some of lane0, lane1, each once"),
        ('lanes = ["lane1"]', 'lanes = "lane1"', "desks.bot3.lanes 'lane1'; allowed: some of lane0, lane1"),
        ('lanes = ["lane1"]', 'lanes = ["lane2"]', "desks.bot3.lanes ['lane2']; allowed: some of lane0, lane1"),
        ('lanes = ["lane1"]', 'lanes = ["lane1", "lane1"]', "desks.bot3.lanes ['lane1', 'lane1']; allowed: some of"),
        ('lanes = ["lane1"]', 'lanes = [["lane1"], {}]', "desks.bot3.lanes [['lane1'], {}]; allowed: some of"),
        ("bot3 =", "bot9 =", "desks.bot9: --desk 'bot9': unknown desk; available in"),
        ("bot3 =", '"../bot3" =', "desks.../bot3: --desk '../bot3': unknown desk; available in"),
        ("bot3 =", "govern_lab =", "desks.govern_lab: the name is kept for what governance says; allowed: another"),
        ("prefix", 'config = "none"\nprefix', "no such folder; it holds desks/NAME.toml"),
        ("prefix", 'instruments = "none.jsonl"\nprefix', "instruments 'none.jsonl' is no file beside it"),
        ("prefix", "instruments = 7\nprefix", "instruments 7 is no file beside it"),
    ],
)
def test_every_refusal_names_file_key_value_and_what_is_allowed(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Whatever could not run stops every program before it begins, with one line that says what to change."""
    assert old in GOOD
    found = why(tmp_path, GOOD.replace(old, new, 1))
    assert said in found
    assert "\n" not in found


def test_a_lane_that_nobody_hears_is_refused_when_it_is_asked_for(tmp_path: Path) -> None:
    """Nobody configures its bots."""
    text = GOOD.replace("lab = { partition = 2 }", 'lab = { partition = 2, lanes = ["lane1"] }')
    with pytest.raises(Refused, match=r"some\.toml: lanes\.lane0: no desk hears it; allowed: a lane of one of lab, b"):
        loaded(tmp_path, text).lane_assembly("lane0")


def test_desks_that_disagree_on_a_lane_s_bots_are_refused(tmp_path: Path) -> None:
    """One lane derives one thing; both desks are named."""
    with pytest.raises(Refused, match=r"lanes\.lane1: desks lab and bot3 configure its bots differently; allowed: d"):
        loaded(tmp_path).lane_assembly("lane1")
