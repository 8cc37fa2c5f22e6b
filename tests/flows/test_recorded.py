"""The main job on recorded input: every line accounted for, decisions that hold, money that adds up."""

import gzip
import json
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.reader import StoreReader
from flows import embedded
from flows.desks import load_desk
from flows.replay import replay

pytestmark = pytest.mark.recorded
ROOT = Path(__file__).resolve().parent.parent.parent
BTC, SHORT = "kalshi/btc15m_20260513T1259Z.jsonl.gz", "kalshi/btc15m_20260513T055209Z.jsonl.gz"
SPORTS, FRAGMENTS = "kalshi/sports_ws_orderbook_stream.json.gz", "polymarket/ws_market_fragments_20260911.jsonl.gz"
MILLION = Decimal(1_000_000)


def run(*captures: Path, store: Path | None = None, batch: int = 256) -> dict:
    """The summary of a lab run."""
    desk = load_desk("lab", ROOT / "config")
    return embedded.run(embedded.Settings(captures, desk, store=store, batch=batch)).summary


def of_kind(store: Path, *kinds: str) -> list[dict]:
    """Stored envelopes of some kinds, in order."""
    with StoreReader(store) as reader:
        return [envelope for kind in kinds for envelope in reader.envelopes(kind=kind)]


@pytest.fixture(scope="module")
def btc(tmp_path_factory: pytest.TempPathFactory):
    """The first real input, run once with a store."""
    from tests.conftest import RECORDED

    store = tmp_path_factory.mktemp("btc") / "store"
    return run(RECORDED / BTC, store=store), store


def test_every_line_is_accounted_for(btc) -> None:
    """44,499 lines are facts, control lines or dead letters; no gap, since the recording has none; three markets."""
    summary, _ = btc
    assert 44_499 == summary["frames"]
    assert 44_499 == summary["facts_frames"] + summary["control"] + sum(summary["dead_letters"].values())
    assert {} == summary["dead_letters"]
    assert (0, 0, 3) == (summary["gaps"], summary["invalid"], len(summary["markets"]))
    assert [] == summary["faults"]


def test_the_desk_quotes_both_sides_and_is_refused(btc) -> None:
    """At least 200 intents on both sides, fills, and refusals from the gates that this data can trigger."""
    summary, store = btc
    placed = Counter(e["payload"]["child"]["side"] for e in of_kind(store, "AuthorisedOrder"))
    assert 200 <= summary["intents"]
    assert min(placed[1], placed[-1]) > 0
    assert 1 <= summary["fills"]
    for gate in ("risk.stale_book", "risk.self_trade_wash_guard"):
        assert summary["votes"][gate]["REJECT"] > 0, gate
    assert summary["votes"]["risk.market_quality"]["RESHAPE"] > 0


def test_profit_and_loss_equals_an_independent_recount(btc) -> None:
    """Cash of every fill and settlement, less fees, plus what is held at its mark, is the total of the summary."""
    summary, store = btc
    cash, fees, held = Decimal(0), Decimal(0), Counter()
    for envelope in of_kind(store, "Fill", "Settlement"):
        fill = envelope["payload"]
        price = Decimal(fill["price_ticks"]) * fill["tick_micros"] / MILLION
        size = Decimal(fill["size_lots"]) * fill["lot_micros"] / MILLION
        sign = fill["side"] if envelope["kind"] == "Fill" else -fill["side"]
        cash -= sign * price * size
        fees += Decimal(fill["fee_micros"]) / MILLION
        held[fill["market_id"]] += sign * size
    marks = summary["pnl"]["marks_micros"]
    value = sum((size * marks[market] / MILLION for market, size in held.items() if size), Decimal(0))
    total = (cash + value - fees) * MILLION
    assert abs(total - summary["pnl"]["total_micros"]) <= len(of_kind(store, "Fill"))
    assert int(fees * MILLION) == summary["pnl"]["fees_micros"]


def test_a_stored_run_is_derived_again_to_the_byte(btc) -> None:
    """Replay from the stored facts: every envelope the same, none missing."""
    _, store = btc
    found = replay(store)
    assert (0, 0, None) == (found["differs"], found["input_missing"], found["first_difference"])
    assert found["entries"] + found["decisions"] == found["same"]


def _reference(lines: list[str], upto: int) -> dict[str, dict[str, dict[Decimal, Decimal]]]:
    """Books after `upto` lines, from the raw JSON with decimals; shares no code with the operators."""
    books: dict[str, dict[str, dict[Decimal, Decimal]]] = {}
    for line in lines[:upto]:
        said = json.loads(line)
        kind, message = said["event_type"], said["payload_json"]
        if kind == "orderbook_snapshot":
            books[message["market_ticker"]] = {
                side: {Decimal(p): Decimal(s) for p, s in message.get(f"{side}_dollars_fp", [])}
                for side in ("yes", "no")
            }
        elif kind == "orderbook_delta":
            levels = books[message["market_ticker"]][message["side"]]
            price = Decimal(message["price_dollars"])
            levels[price] = levels.get(price, Decimal(0)) + Decimal(message["delta_fp"])
            if not levels[price]:
                del levels[price]
    return books


def test_a_stored_book_equals_an_independent_reference(btc, recorded: Path) -> None:
    """The book after a line, folded from the store, is the book of the raw file after that line, both sides."""
    _, store = btc
    with gzip.open(recorded / BTC, "rt") as file:
        lines = file.read().splitlines()
    with StoreReader(store) as reader:
        for frame in (1_000, 9_000, 20_000, 35_000, 44_000):
            market = json.loads(lines[frame - 1])["market_ticker"]
            expected = _reference(lines, frame)[market]
            found = reader.book_at(market, frame)
            bids = sorted(expected["yes"].items(), reverse=True)
            asks = sorted((1 - price, size) for price, size in expected["no"].items())
            assert bids == [(Decimal(p), Decimal(s)) for p, s in found["bids"]], frame
            assert asks == [(Decimal(p), Decimal(s)) for p, s in found["asks"]], frame


def gapped(recorded: Path, tmp_path: Path, is_lost) -> tuple[dict, list[int], Counter, Path]:
    """Run the recording without the deltas that `is_lost(number)` names; count approvals by (market, broken).

    Also returns the lines that follow a loss, where the gap must be seen, and the store.
    """
    kept, lost, seen = [], [], 0
    with gzip.open(recorded / BTC, "rt") as file:
        for line in file:
            if '"event_type":"orderbook_delta"' in line:
                seen += 1
                if is_lost(seen):
                    lost.append(len(kept) + 1)
                    continue
            kept.append(line)
    capture, store = tmp_path / "gaps.jsonl", tmp_path / "store"
    capture.write_text("".join(kept))
    summary = run(capture, store=store)
    broken: dict[str, bool] = {}
    approvals: Counter = Counter()
    said = of_kind(store, "BookQuality", "RiskDecision")
    for envelope in sorted(said, key=lambda e: (e["offset"], e["kind"] != "BookQuality")):
        market, payload = envelope["market_id"], envelope["payload"]
        if envelope["kind"] == "BookQuality":
            broken[market] = payload["state"] == "RESYNC"
        elif payload["verdict"] in ("APPROVE", "RESHAPE") and payload["votes"]:
            approvals[market, broken[market]] += 1
    return summary, lost, approvals, store


def test_every_gap_is_seen_at_its_frame(tmp_path: Path, recorded: Path) -> None:
    """With every 500th delta removed: 87 gaps, and nothing is approved on a book that lost one."""
    summary, lost, approvals, store = gapped(recorded, tmp_path, lambda number: number % 500 == 0)
    assert (87, 87, 0) == (len(lost), summary["gaps"], summary["invalid"])
    assert 0 == sum(count for (_, broken), count in approvals.items() if broken)
    first = next(e for e in of_kind(store, "BookQuality") if e["payload"]["cause"] == "GAP")
    assert f":{lost[0]}." in first["cause_id"]


def test_one_gap_stops_its_market_and_no_other(tmp_path: Path, recorded: Path) -> None:
    """One delta lost in the middle of a market: approvals before it, none after it, and the next market trades."""
    summary, _, approvals, _ = gapped(recorded, tmp_path, lambda number: number == 20_000)
    _, second, third = summary["markets"]
    assert 1 == summary["gaps"]
    assert approvals[second, False] > 0 and approvals[third, False] > 0
    assert 0 == sum(count for (_, broken), count in approvals.items() if broken)


@pytest.mark.parametrize(("name", "frames"), [(SPORTS, 269), (FRAGMENTS, 19)])
def test_small_recordings_have_no_dead_letters(name: str, frames: int, recorded: Path) -> None:
    """Everything in them can be read."""
    summary = run(recorded / name)
    assert (frames, {}, 0) == (summary["frames"], summary["dead_letters"], summary["invalid"])


@pytest.mark.parametrize("batch", [1, 64, 1_000])
def test_the_digest_does_not_depend_on_batches(batch: int, recorded: Path) -> None:
    """The same decisions for any batch size."""
    assert run(recorded / SHORT)["decision_digest"] == run(recorded / SHORT, batch=batch)["decision_digest"]


def test_the_digest_does_not_depend_on_the_hash_seed(recorded: Path) -> None:
    """Two processes under two hash seeds say the same."""
    digests = set()
    for seed in ("1", "77"):
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", "run", "--capture", str(recorded / SHORT), "--json"],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            timeout=120,
        )
        digests.add(json.loads(done.stdout)["decision_digest"])
    assert 1 == len(digests)


@pytest.mark.soak
def test_all_kalshi_files_in_one_run(tmp_path: Path, recorded: Path) -> None:
    """33 files, 1.92 million messages in one run: nothing invalid, and the replay is the same to the byte."""
    captures = sorted((recorded / "kalshi").glob("btc15m_*.jsonl.gz"))
    summary = run(*captures, store=tmp_path / "store")
    assert (33, 1_920_188, 0) == (len(captures), summary["frames"], summary["invalid"])
    found = replay(tmp_path / "store")
    assert (0, 0) == (found["differs"], found["input_missing"])
