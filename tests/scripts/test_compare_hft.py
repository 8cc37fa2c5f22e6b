"""The comparison with another back-tester plays one schedule on both, and names the rule behind every difference."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.ids import fact_id
from contracts.market import Fact, VenueBookDelta, VenueBookImage, VenueTrade
from scripts.compare_hft.ours import EVERY_NS, LIFE_NS, Play, record, write_plan
from scripts.compare_hft.report import ECHO, SAME, SHARED, UNEXPLAINED, WHOLE, cause_of

ROOT = Path(__file__).resolve().parents[2]
BORN, SECOND, MS = 1_790_000_000_000_000_000, 1_000_000_000, 1_000_000
TICK = 100_000


def trade(at: int, lots: int) -> VenueTrade:
    """Somebody sells at the best bid, 1,000."""
    return VenueTrade(fact_id(0, at // MS + 10), BORN + at, 0, 1_000, lots, -1, "t", -1, 0, "")


def market(*happened: Fact) -> list[Fact]:
    """A market of one level a side (50 lots bid at 1,000, 50 offered at 1,001) in which this happens, for 9 seconds."""
    born = replace_at(record("BTCUSDT", TICK))
    image = VenueBookImage(fact_id(0, 2), BORN, 0, ((1_000, 50),), ((1_001, 50),), 1, 0, "")
    beats = [trade(second * SECOND, 0) for second in range(1, 10)]
    return [born, image, *sorted((*happened, *beats), key=lambda fact: fact.at_ns)]


def replace_at(fact: Fact) -> Fact:
    """The record at the beginning."""
    return type(fact)(**{name: getattr(fact, name) for name in fact.__struct_fields__} | {"at_ns": BORN})


def test_the_schedule_does_not_depend_on_fills() -> None:
    """A buy and a sell at each half second from the second one on, each cancelled four seconds later."""
    quiet, busy = Play(market(), "BTCUSDT").run(), Play(market(trade(2_600 * MS, 80)), "BTCUSDT").run()
    assert quiet.acts == busy.acts
    placed = [act for act in quiet.acts if not act.cancel]
    assert [(1, 1_000, 5), (-1, 1_001, 5), (1, 999, 20), (-1, 1_002, 20)] == [
        (act.side, act.price_ticks, act.size_lots) for act in placed[:4]
    ]
    assert {EVERY_NS} == {late.at_ns - early.at_ns for early, late in zip(placed[::2], placed[2::2], strict=False)}
    ends = {act.number: act.at_ns for act in quiet.acts if act.cancel}
    assert {LIFE_NS} == {ends[act.number] - act.at_ns for act in placed if act.number in ends}


def test_a_trade_fills_what_it_reaches_through_the_queue() -> None:
    """50 lots stand before our 5 at 1,000: a trade of 53 gives 3 of them."""
    outcomes = Play(market(trade(2_300 * MS, 53)), "BTCUSDT").run().outcomes
    assert (3, ["ACK", "MATCH", "CANCELLED"]) == (outcomes[1].filled, outcomes[1].words)
    assert 0 == outcomes[2].filled


def test_the_other_venue_is_told_decimals(tmp_path: Path) -> None:
    """The written schedule names prices and sizes as that venue counts them."""
    play = Play(market(), "BTCUSDT").run()
    write_plan(play, tmp_path / "plan.json")
    plan = json.loads((tmp_path / "plan.json").read_text())
    first = plan["acts"][0]
    assert (0.1, 0.001, 100.0, 0.005) == (plan["tick"], plan["lot"], first["price"], first["quantity"])
    assert (BORN, len(play.acts)) == (plan["first_ns"], len(plan["acts"]))


CUT = VenueBookDelta(fact_id(0, 90), BORN + 2_200 * MS, 0, 1, 1_000, 20, venue_seq=2, prev_seq=1)


@pytest.mark.parametrize(
    ("happened", "number", "theirs", "expected"),
    [
        pytest.param((), 1, 0, SAME, id="nobody fills"),
        pytest.param((), 1, 5, UNEXPLAINED, id="a fill that no rule gives"),
        pytest.param((trade(2_300 * MS, 53),), 1, 5, WHOLE, id="reached by three lots"),
        pytest.param((trade(2_300 * MS, 60),), 1, 2, UNEXPLAINED, id="ours is luckier"),
        pytest.param((CUT, trade(2_300 * MS, 30)), 1, 5, ECHO, id="the level shrank, then traded"),
        pytest.param((trade(7_000 * MS, 53),), 15, 20, SHARED, id="an older order of ours took it"),
    ],
)
def test_a_difference_has_a_cause(happened: tuple[Fact, ...], number: int, theirs: int, expected: str) -> None:
    """Each rule is taken away by itself; only the one that gives the other's fill is named."""
    facts = market(*happened)
    ours = Play(facts, "BTCUSDT").run().outcomes[number]
    assert expected == cause_of(ours, theirs, facts, "BTCUSDT")


@pytest.mark.soak
@pytest.mark.recorded
def test_every_difference_over_a_recording_is_explained(recorded: Path, tmp_path: Path) -> None:
    """Real hftbacktest, in an environment made from its lock file, over the recorded BTCUSDT perpetual."""
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    lock = ROOT / "requirements" / "compare.txt"
    subprocess.run([python, "-m", "pip", "install", "-q", "--require-hashes", "-r", lock], check=True, timeout=900)
    file = recorded / "crypto" / "binance_usdm_btcusdt_20240808.txt.gz"
    command = [sys.executable, "-m", "scripts.compare_hft.report", str(file), "--json", "--python", str(python)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    found = json.loads(ended.stdout)
    assert (0, 1_372) == (ended.returncode, found["orders"])
    assert (1_363, 9) == (found["causes"][SAME], len(found["differences"]))
    assert all(row["ours"] < row["theirs"] for row in found["differences"])
