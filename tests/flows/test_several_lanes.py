"""Desks that hear several free-running lanes are derived again to the byte, and read like any other."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from bytewax.testing import run_main

from connectors.clickhouse import EnvelopeTable
from connectors.reader import StoreReader
from contracts.base import write
from contracts.control import ControlCommand, IncidentReport
from contracts.envelope import Block, DeadLetter, Row
from contracts.ids import SOURCE_SHIFT
from contracts.market import ClockTick, Fact, VenueInstrumentRecord
from contracts.order import AuthorisedOrder
from flows.deployment import Deployment
from flows.replay import build, given, lane_path, replay
from operators.compare import Comparison
from operators.freshness import Budgets
from operators.lanes import HeardLanes
from operators.strands import Strand
from tests.flows.captures import ROOT
from tests.flows.several_lanes import (
    THREE,
    LaneRun,
    Record,
    born,
    chain,
    decided,
    deployed,
    derived,
    frames,
    interleaved,
    numbered,
    said_by,
)
from tests.operators.test_control_entries import bare, command

pytestmark = pytest.mark.campaign

SECONDS = 30
SEEDS = 50
ONE = {"joined": ["bitget/0", "polymarket/0", "kalshi/0", "binance/0"]}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Three lanes, one of two venues, and a desk that hears all."""
    return deployed(tmp_path_factory.mktemp("three"))


def sealed(deployment: Deployment, seed: int, seconds: float = SECONDS, more: tuple[Record, ...] = ()) -> list[Block]:
    """What a desk seals of a seed: lanes that died, records that were said again, a desk that died."""
    rng = Random(seed)
    logs = [said_by(deployment, lane, rng, seconds) for lane in deployment.lanes.values()]
    return decided(deployment, interleaved([*logs, more], rng), rng)


def compared(found: Comparison) -> tuple[int, int, object]:
    """What differs, what is missing, and the first difference."""
    return found.differs, found.missing, found.first


def rows_of(blocks: list[Block], kind: type, name: str = "decisions") -> list[Row]:
    """The rows of a kind in a chain."""
    return [row for block in blocks if block.chain == name for row in block.rows if type(row) is Row
            and type(row.payload) is kind]  # fmt: skip


def facts_of(blocks: list[Block]) -> list[Fact]:
    """The facts of a journal."""
    return [row for block in blocks if block.chain == "journal" for row in block.rows if isinstance(row, Fact)]


# ---- derived again --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", range(0, SEEDS, 10))
def test_every_decision_is_derived_again(deployment: Deployment, first: int) -> None:
    """However the broker put the lanes together, and whoever died, both chains come out the same to the byte."""
    for seed in range(first, first + 10):
        blocks = sealed(deployment, seed)
        found = derived(blocks)
        assert (0, 0, None) == compared(found), f"seed {seed}"
        assert sum(len(block.rows) for block in blocks) == found.same
        assert 0 < found.decisions


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1_000, 1_012))
def test_five_minutes_are_derived_again(deployment: Deployment, seed: int) -> None:
    """The same over a longer stretch, with gaps, duplicates, resyncs and orders in it."""
    blocks = sealed(deployment, seed, seconds=300)
    found = derived(blocks)
    assert (0, 0, None) == compared(found)
    assert sum(len(block.rows) for block in blocks) == found.same


def test_lanes_that_keep_step_trade(deployment: Deployment) -> None:
    """What is derived again in these tests is real work: orders were sent while no lane was far behind."""
    assert any(rows_of(sealed(deployment, seed, seconds=90), AuthorisedOrder) for seed in range(4))


def test_each_lane_is_whole_in_every_journal(deployment: Deployment) -> None:
    """Of one lane every journal has the same entries in the same order; only the turns are the broker's."""
    found = []
    for seed in (1, 2, 3):
        facts = facts_of(sealed(deployment, seed))
        assert len({fact.fact for fact in facts}) == len(facts)
        lanes = [[fact for fact in facts if fact.fact >> SOURCE_SHIFT in own] for own in sources(deployment)]
        found.append((lanes, [fact.fact for fact in facts]))
    assert found[0][0] == found[1][0] == found[2][0]
    assert found[0][1] != found[1][1] != found[2][1]


def sources(deployment: Deployment) -> list[tuple[int, ...]]:
    """The sources of each lane of the desk."""
    return list(deployment.heard_by("lab").values())


def test_no_market_of_a_lane_has_another_s_number(deployment: Deployment) -> None:
    """What a number says about its lane, and what the fact's source says, is the same."""
    facts = [fact for fact in facts_of(sealed(deployment, 7)) if fact.market >= 0]
    lanes = [next(n for n, own in enumerate(sources(deployment)) if fact.fact >> SOURCE_SHIFT in own) for fact in facts]
    assert [fact.market % 3 for fact in facts] == lanes
    named = {fact.market: fact.market_id for fact in facts if isinstance(fact, VenueInstrumentRecord)}
    assert len(named) == len(set(named.values())) > 5


def test_commands_and_incidents_are_given_back(deployment: Deployment) -> None:
    """What operators signed, and what contradicted, keeps its place between the lanes, and its effect."""
    foreign = Strand("a", "lab", "another plan", 0, 0, 0, b"")
    more = (b"x", bare(1, write(command("DEGRADED", "c1"))), foreign, bare(2, write(command("SAFE", "c2"))), foreign)
    for seed in range(100, 106):
        blocks = sealed(deployment, seed, more=more)
        kinds = [len(rows_of(blocks, kind, "journal")) for kind in (ControlCommand, IncidentReport)]
        found = derived(blocks)
        assert ([2, 3], (0, 0, None)) == (kinds, compared(found))


def test_records_that_are_not_heard_are_told(deployment: Deployment) -> None:
    """Each contradiction and each unsigned record leaves a letter beside its incident."""
    rng, letters = Random(5), list[DeadLetter]()
    log = [said_by(deployment, lane, rng, SECONDS) for lane in deployment.lanes.values()]
    foreign = Strand("a", "lab", "another plan", 0, 0, 0, b"")
    decided(deployment, interleaved([*log, [foreign, b"x"]], rng), rng, crashes=0, letters=letters)
    assert ["GOV_BLOCK_CONTRADICTED", "GOV_CONTROL_UNSIGNED"] == [letter.reason for letter in letters]


def test_budgets_are_those_that_were_recorded(tmp_path: Path) -> None:
    """A replay asks the journal and no file: under other budgets than the desk's it would differ."""
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    file = config / "freshness.toml"
    text = file.read_text("utf-8")
    (line,) = (each for each in text.splitlines() if each.startswith("silence_ms = "))
    file.write_text(text.replace(line, "silence_ms = 150"))
    blocks = sealed(deployed(tmp_path, config="config"), 3)
    shutil.rmtree(config)
    assert (0, 0, None) == compared(derived(blocks))
    assembly = born(blocks)
    assert (150, True) == (assembly.budgets.silence_ms, assembly.budgets != Budgets())
    other = HeardLanes(assembly.lanes, lambda: lane_path(assembly._replace(budgets=Budgets())))
    entries = [entry for some in given(chain(blocks, "journal")) for entry in other.step(some)]
    recorded = [row for block in blocks if block.chain == "journal" for row in block.rows]
    assert len(recorded) - len(assembly.applied) - 1 != len(entries)


def test_a_journal_that_was_changed_is_found(deployment: Deployment) -> None:
    """The comparison is not blind: a fact that is left out is told; with all of them nothing is."""
    blocks = sealed(deployment, 11)
    assembly = born(blocks)
    for left_out in (0, 700):
        lanes, found = (
            HeardLanes(assembly.lanes, lambda: lane_path(assembly)),
            Comparison(chain(blocks, "journal"), iter(())),
        )
        desk, count = born(blocks).desk, 0
        for entries in given(chain(blocks, "journal")):
            kept = [entry for place, entry in enumerate(entries, count) if not left_out or place != left_out]
            count += len(entries)
            found.take([[block for block in desk.step(lanes.step(kept)) if block.chain == "journal"]])
        assert bool(left_out) == bool(found.differs)


@pytest.mark.parametrize("lanes", [ONE, {"joined": ["kalshi/0"]}])
def test_one_lane_is_derived_by_its_steps_in_view(tmp_path: Path, lanes: dict[str, list[str]]) -> None:
    """A desk of one lane, joined or not, says nothing of lanes, and its replay is the same flow as ever."""
    blocks = sealed(deployed(tmp_path, lanes), 2)
    assembly = born(blocks)
    assert {} == assembly.lanes
    assert (0, 0, None) == compared(through_the_flow(blocks))


def test_several_lanes_are_one_visible_step(deployment: Deployment) -> None:
    """The replay's dataflow gives what its operators give."""
    assert (0, 0, None) == compared(through_the_flow(sealed(deployment, 4)))


def through_the_flow(blocks: list[Block]) -> Comparison:
    """Derive again by the dataflow of `pt replay`."""
    found = Comparison(chain(blocks, "journal"), chain(blocks, "decisions"))
    run_main(build(given(chain(blocks, "journal")), born(blocks), found))
    found.finish()
    return found


# ---- in a store -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a run in which one lane ran far ahead of the others."""
    folder, rng = tmp_path_factory.mktemp("several") / "store", Random(2)
    logs = [said_by(deployment, lane, rng, SECONDS, crashes=0) for lane in deployment.lanes.values()]
    blocks = decided(deployment, [*logs[2], *interleaved(logs[:2], rng)], rng)
    parts = [part for lane in deployment.lanes.values() for part in lane.parts]
    named = {str(part.source): {"source_id": f"raw.{part.venue}/0", "name": f"raw.{part.venue}/0"} for part in parts}
    with EnvelopeTable.embedded(folder, "paper") as table:
        table.write_blocks([*chain(blocks, "journal"), *chain(blocks, "decisions")])
        table.write_run("run-1", "lab", "x86", named, {"frames": 7})
        table.write_run("run-2", "bot3", "x86", {"0": {"source_id": "other", "name": "other"}}, {"frames": 1})
    return folder


@pytest.fixture(scope="module")
def reader(stored: Path) -> Iterator[StoreReader]:
    """The store, opened for reading, after a replay of it."""
    found = replay(stored)
    assert (0, 0, None) == (found["differs"], found["input_missing"], found["first_difference"])
    assert found["same"]
    with StoreReader(stored) as opened:
        yield opened


@pytest.mark.chdb
def test_the_seconds_of_every_lane_are_the_sequencer_s(reader: StoreReader) -> None:
    """Who said a fact follows from what it is: each lane has a clock of its own."""
    makers = {(said["kind"] == ClockTick.__name__, said["bot_id"]) for said in reader.envelopes() if said["rank"] == -1}
    assert {(True, "operators.sequencer"), (False, "operators.normalise")} == makers
    clocks = {said["cause_id"].partition(":")[0] for said in reader.envelopes(kind=ClockTick.__name__)}
    assert {"127", "125", "124"} == clocks


@pytest.mark.chdb
@pytest.mark.parametrize("lane", ["b", "c", "a"])
def test_a_book_is_that_of_its_lane(reader: StoreReader, deployment: Deployment, lane: str) -> None:
    """After any message the book of a market is the one that its lane had, whatever time it was elsewhere."""
    spec, assembly = deployment.lanes[lane], deployment.lane_assembly(lane)
    venue, source = THREE[lane][-1].partition("/")[0], spec.parts[-1].source
    given_frames, shown = numbered(source, frames(venue, SECONDS))[:-1], 0
    for count in range(40, len(given_frames), len(given_frames) // 5):
        run = LaneRun(deployment, spec, assembly)
        run.sequence = type(run.sequence)([source], spec.clock)
        run.take(given_frames[:count])
        for market, market_id in enumerate(run.normaliser.markets.ids):
            book = run.path.order_book.book(market)
            found = reader.book_at(market_id, count, f"raw.{venue}/0")
            levels = [] if book is None else [*book.side(1), *book.side(-1)]
            assert len(levels) == len(found["bids"]) + len(found["asks"])  # type: ignore[arg-type]
            shown += bool(levels)
    assert shown


@pytest.mark.chdb
def test_why_and_explain_know_every_lane_s_markets(reader: StoreReader) -> None:
    """What was said of a market has its venue's id, also where another lane's market has the same number there."""
    asked = {str(said["market_id"]): said for said in reader.envelopes(kind="MarketSnapshot")}
    assert len(asked) > 5
    for market_id, said in asked.items():
        assert market_id == reader.why(market_id)["market_id"]
        chain_of = reader.explain(str(said["envelope_id"]))
        facts, signals = chain_of["facts"], chain_of["signals"]
        assert isinstance(facts, list) and isinstance(signals, list)
        assert {market_id, ""} >= {each["market_id"] for each in facts}
        assert said in signals


@pytest.mark.chdb
def test_times_are_found_though_a_block_holds_several_lanes(reader: StoreReader) -> None:
    """A question about a stretch of time misses no entry of a lane that was behind."""
    everything = list(reader.envelopes())
    times = sorted(said["at_ns"] for said in everything)
    for since, until in ((times[0], times[50]), (times[-400], times[-300])):
        expected = [said["envelope_id"] for said in everything if since <= said["at_ns"] <= until]
        assert expected == [said["envelope_id"] for said in reader.envelopes(since=since, until=until)]
