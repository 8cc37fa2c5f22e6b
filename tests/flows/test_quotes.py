"""Markets known only by their best quotes are watched and never traded; a day of all of them fits into small memory."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from bots.kit import BotConfig, Cause, Instant, Latest, On, State, fold
from bots.registry import library
from connectors.capture import open_capture
from contracts.intent import OrderIntent, RiskDecision
from contracts.market import VenueInstrumentRecord, VenueTicker
from contracts.order import AuthorisedOrder
from flows import embedded
from flows.assemble import Assembly, assembled
from flows.bench import quiet_gc
from flows.desks import load_desk
from flows.lane_steps import LaneSteps
from operators.freshness import Freshness
from operators.journal import Addresser, Scope
from operators.normalise import Frame, Normaliser, read_instruments
from operators.normalise.quotes import DIALECT
from operators.order_book import OrderBooks
from operators.plan import Choice
from operators.sequencer import merge
from tests import world

CONFIG = world.ROOT / "config"
AT_NS, SECOND_NS = 1_783_728_095_000_000_000, 1_000_000_000
ROW = b'{"slug":"one","category":"sports","bid":0.371,"ask":0.402}'
DAY = "polymarket/quotes_2026-07-11.parquet"
MEMORY_MAX_MB = 1_500


# ---- no order without a book ---------------------------------------------------------------------------------------


class Wishes(State):
    """How often it wished."""

    calls: int = 0


def wish(
    config: BotConfig, state: Wishes, ticker: On[VenueTicker], cause: Latest[Cause], now: Instant
) -> tuple[Wishes, tuple[OrderIntent, ...]]:
    """Wish for an order at every quote, as no strategy of the house would."""
    number = state.calls + 1
    made = world.intent(
        intent_id=f"wish-{number}", strategy="strat.wish", market_id="one", price_ticks=ticker.bid_ticks,
        size_lots=10_000_000, ref_micros=386_000, p_model_micros=400_000, expires_ns=now + SECOND_NS,
    )  # fmt: skip
    return Wishes(number), (made,)


def desk_that_wishes(lifted: Iterable[str]) -> Assembly:
    """The desk of the laboratory with a strategy that wishes, and without some guards."""
    modes = dict.fromkeys(lifted, "off")
    file = load_desk("lab", CONFIG)
    gates = tuple(gate for gate in file.required_gates if gate not in modes)
    file = replace(file, bot_modes={**file.bot_modes, **modes}, required_gates=gates)
    pending = next(row.id for row in library().rows if row.layer == "strat" and not library().has_module(row.id))
    return assembled(file, more=[Choice(pending, fold(wish, reasons=frozenset()), BotConfig(), "enforced")])


def steps(assembly: Assembly, declared: Iterable[VenueInstrumentRecord] = ()) -> LaneSteps:
    """The steps of a lane."""
    normaliser = Normaliser()
    normaliser.declare(declared)
    scope = Scope(assembly.configured.desk_id)
    return LaneSteps(normaliser, OrderBooks(), Freshness(assembly.budgets), assembly.lane, Addresser([scope]))


def definitions(slugs: Iterable[str]) -> list[VenueInstrumentRecord]:
    """What a person would give with --instruments: rules, an end, one book for both outcomes."""
    rules = "Resolves Yes if it is published by the authority by 2027-01-01 00:00 UTC."
    shared = {
        "venue_id": "polymarket", "outcome": "SOLE", "tick_micros": 1_000, "lot_micros": 1, "min_size_lots": 1_000_000,
        "rules_text": rules, "expiry_ns": AT_NS + 100 * 86_400 * SECOND_NS,
    }  # fmt: skip
    return read_instruments(json.dumps([{"market_id": s, "event_id": s, "title": s, **shared} for s in slugs]).encode())


@pytest.mark.parametrize(
    ("defined", "lifted", "gate", "reason"),
    [
        (False, (), "risk.scope_guard", "RISK_INPUT_MISSING"),
        (True, (), "risk.market_halt", "RISK_MARKET_STATE_UNKNOWN"),
        (True, ("risk.market_halt",), "risk.stale_book", "RISK_BOOK_AGE_UNKNOWN"),
        (True, ("risk.market_halt", "risk.stale_book"), "risk.market_quality", "RISK_LIQ_UNKNOWN"),
    ],
)
def test_no_order_rests_on_a_market_that_is_only_quoted(
    defined: bool, lifted: tuple[str, ...], gate: str, reason: str
) -> None:
    """Without a definition the first guard that needs one refuses; with one, each guard of the book does by itself."""
    assembly = desk_that_wishes(lifted)
    lane, said = steps(assembly, definitions(["one"]) if defined else ()), []
    for block in merge([[Frame(0, n, AT_NS + n * 2 * SECOND_NS, DIALECT, ROW) for n in range(1, 6)]], 8):
        facts = lane.freshness.step(lane.order_book.step(lane.normalise.step(block).facts))
        said += assembly.desk.step(assembly.lane.step(facts))
    said += assembly.desk.close()
    rows = [row.payload for block in said if block.chain == "decisions" for row in block.rows]
    decisions = [row for row in rows if isinstance(row, RiskDecision)]
    assert 5 == len(decisions)
    assert {("REJECT", gate, reason)} == {(d.verdict, d.votes[-1].gate, d.votes[-1].reason) for d in decisions}
    assert [] == [row for row in rows if isinstance(row, AuthorisedOrder)]
    assert ([], []) == (assembly.desk.faults, assembly.lane.faults)


# ---- the recorded day ----------------------------------------------------------------------------------------------


def part_of(path: Path, rows: pa.Table, name: str) -> Path:
    """Write some rows of the day into a folder of the test."""
    pq.write_table(rows, path / name)
    return path / name


def polls(table: pa.Table, count: int) -> pa.Table:
    """The first polls of a table."""
    last = sorted(pc.unique(table["ts"]).to_pylist())[count - 1]
    return table.filter(pc.less_equal(table["ts"], pa.scalar(last, table["ts"].type)))


@pytest.mark.recorded
def test_every_row_of_five_polls_is_read_exactly(recorded: Path, tmp_path: Path) -> None:
    """Some 36,000 rows: each is a ticker whose prices are the decimals that the file's floats stand for."""
    table = polls(pq.read_table(recorded / DAY), 5)
    path = part_of(tmp_path, table, "polls")
    said = embedded.run(embedded.Settings((path,), load_desk("lab", CONFIG), config=CONFIG)).summary
    assert (table.num_rows, {}, 0) == (said["facts_frames"], said["dead_letters"], said["invalid"])
    assert (0, 0) == (said["intents"], said["orders"])
    assert [] == said["faults"]
    expected = {
        (row["ts"].timestamp() * 10**9, row["slug"]): tuple(_micros(row[side]) for side in ("bid", "ask"))
        for row in table.set_column(0, "ts", pc.assume_timezone(table["ts"], "UTC")).to_pylist()
    }
    facts = Normaliser().step(list(open_capture(path))).facts
    records = {fact.market: fact for fact in facts if isinstance(fact, VenueInstrumentRecord)}
    found = {
        (fact.at_ns, records[fact.market].market_id): tuple(
            None if ticks < 0 else ticks * records[fact.market].tick_micros
            for ticks in (fact.bid_ticks, fact.ask_ticks)
        )
        for fact in facts
        if isinstance(fact, VenueTicker)
    }
    assert expected == found


def _micros(price: float | None) -> int | None:
    """A price of the file by way of its shortest decimal, and not of arithmetic on floats."""
    return None if price is None else int(Decimal(repr(price)) * 1_000_000)


@pytest.mark.soak
@pytest.mark.recorded
def test_a_whole_day_fits_into_small_memory_and_decides_the_same_with_a_store(recorded: Path, tmp_path: Path) -> None:
    """`pt run` over 5,597,756 rows of 12,443 markets: no dead letter, nothing invalid, at most 1.5 GB, store or not."""
    digests = set()
    for more in ([], ["--store", str(tmp_path / "store")]):
        begun = time.perf_counter()
        command = [sys.executable, "-m", "cli.main", "run", "--capture", str(recorded / DAY), "--json", *more]
        done = subprocess.run(command, cwd=world.ROOT, capture_output=True, text=True, check=True)
        said = json.loads(done.stdout)
        assert (5_597_756, 5_597_756, {}, 0, 12_443) == (
            said["frames"], said["facts_frames"], said["dead_letters"], said["invalid"], len(said["markets"]),
        )  # fmt: skip
        print(f"{more[:1]}: {time.perf_counter() - begun:.0f} s, peak {said['peak_rss_mb']} MB")
        assert said["peak_rss_mb"] <= MEMORY_MAX_MB
        digests.add(said["decision_digest"])
    assert 1 == len(digests)


@pytest.mark.soak
@pytest.mark.recorded
@pytest.mark.parametrize("defined", [False, True])
def test_the_cost_of_a_row_hardly_grows_with_the_markets(recorded: Path, tmp_path: Path, defined: bool) -> None:
    """P10: 20, 500, 2,000 and all markets of the day by turns, at a thousand rows a second, each market met before."""
    table = pq.read_table(recorded / DAY)
    slugs = pc.unique(table["slug"]).to_pylist()
    order = [slugs[number * 7_919 % len(slugs)] for number in range(len(slugs))]
    captures = {}
    for size in (20, 500, 2_000, len(slugs)):
        chosen = pc.is_in(table["slug"], pa.array(order[:size]))
        captures[size] = part_of(tmp_path, table.filter(chosen), f"m{size}")
    known = definitions(slugs) if defined else []
    took: dict[int, list[float]] = {size: [] for size in captures}
    for _ in range(3):
        for size, path in captures.items():
            took[size].append(_seconds(path, size, known) / EVENTS)
    cost = {size: statistics.median(found) for size, found in took.items()}
    ratio = {size: round(value / cost[20], 2) for size, value in cost.items()}
    print(f"defined {defined}: { ({s: f'{v * 1e6:.1f} µs' for s, v in cost.items()}) }, {ratio}")
    assert ratio[500] <= 1.2
    assert ratio[2_000] <= 1.5


EVENTS = 50_000


def _seconds(path: Path, markets: int, known: list[VenueInstrumentRecord]) -> float:
    """Run the path over rows at a fixed rate; the first row of each market comes before and is not counted."""
    assembly = assembled(load_desk("lab", CONFIG))
    rows = list(islice(open_capture(path), max(EVENTS, markets * 3)))
    first = {frame.data[:60]: frame for frame in reversed(rows)}
    timed: dict[str, float] = {}

    def blocks() -> Iterator[list[Frame]]:
        yield from merge([_paced(first.values(), 0)], 256)
        timed["begun"] = time.perf_counter()
        yield from merge([_paced(islice(chain.from_iterable([rows] * EVENTS), EVENTS), len(first))], 256)

    recorder = embedded.Recorder(None, False, [])
    with quiet_gc():
        flow = embedded.build(blocks(), steps(assembly, known), assembly, recorder)
        embedded.run_main(flow, epoch_interval=embedded.EPOCH)
    return time.perf_counter() - timed["begun"]


def _paced(frames: Iterable[Frame], done: int) -> Iterator[Frame]:
    for number, frame in enumerate(frames, done + 1):
        yield Frame(0, number, AT_NS + number * 1_000_000, DIALECT, frame.data)
