"""`pt` as a real process over a real capture: codes, streams, signals, and nothing left behind."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "fixtures" / "demo_kalshi.jsonl.gz"
INSTRUMENTS = ("--instruments", ROOT / "fixtures" / "demo_instruments.jsonl")
LINES = 3_000
KEYS = {
    *("run_id", "fingerprint", "seconds", "frames_per_s", "peak_rss_mb", "truncated", "frames", "facts_frames"),
    *("control", "dead_letters", "facts", "gaps", "stale_spells", "resyncs", "markets", "entries", "envelopes"),
    *("blocks", "invalid", "intents", "approved", "rejected", "reshaped", "orders", "cancels", "fills", "votes"),
    *("reasons", "pnl", "decision_digest"),
}
PNL = {"realised_micros", "unrealised_micros", "fees_micros", "funding_micros", "total_micros", "marks_micros"}
Ended = subprocess.CompletedProcess[str]


def pt(*words: object, disabled: str = "", module: str = "cli.main") -> Ended:
    """Run `python -m cli.main` as a person would, from the root of the project."""
    env = {**os.environ, "NO_COLOR": "1", "BOT_DISABLE_TRADING": disabled}
    command = [sys.executable, "-m", module, *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


def answer(ended: Ended, code: int = 0) -> dict[str, object]:
    """Return the one document on standard output; standard error must be empty unless something did not hold."""
    assert (ended.returncode, ended.stdout.count("\n")) == (code, 1), ended.stderr
    assert code or ended.stderr == ""
    found = json.loads(ended.stdout)
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the first lines of the demonstration pack, as a capture of its own."""
    file = tmp_path_factory.mktemp("captures") / "small.jsonl"
    with gzip.open(PACK) as lines:
        file.write_bytes(b"".join(line for _, line in zip(range(LINES), lines, strict=False)))
    return file


@pytest.fixture(scope="module")
def run(capture: Path) -> dict[str, object]:
    """Return the answer of a run that keeps nothing."""
    return answer(pt("run", *INSTRUMENTS, "--capture", capture, "--json"))


def test_the_answer_has_every_key(run: dict[str, object]) -> None:
    """Every key of the command line is there, with integers for money and lists, texts and counts for the rest."""
    assert set(run) >= KEYS
    pnl = run["pnl"]
    assert isinstance(pnl, dict)
    assert set(pnl) == PNL
    assert all(type(value) is int for key, value in pnl.items() if key != "marks_micros")
    assert all(type(mark) is int for mark in pnl["marks_micros"].values())
    assert (run["invalid"], run["truncated"]) == (0, [])


def test_every_line_is_accounted_for(run: dict[str, object]) -> None:
    """Each line is a frame with facts, a control line or a dead letter, and nothing else."""
    dead = run["dead_letters"]
    assert isinstance(dead, dict)
    assert run["frames"] == LINES
    assert run["frames"] == run["facts_frames"] + run["control"] + sum(dead.values())  # type: ignore[operator]


def test_batches_change_nothing(run: dict[str, object], capture: Path) -> None:
    """Frames handed on one by one, or thousands at once, give the same decisions."""
    digests = {
        answer(pt("run", *INSTRUMENTS, "--capture", capture, "--batch", n, "--json"))["decision_digest"]
        for n in (1, 4_096)
    }
    assert digests == {run["decision_digest"]}


def test_a_disabled_environment_stops_the_lab_too(capture: Path) -> None:
    """With BOT_DISABLE_TRADING set nothing is approved and no order is made."""
    found = answer(pt("run", *INSTRUMENTS, "--capture", capture, "--json", disabled=" Yes "))
    assert (found["approved"], found["reshaped"], found["orders"], found["fills"]) == (0, 0, 0, 0)


def test_a_capture_cut_short_is_processed_and_named(capture: Path, tmp_path: Path) -> None:
    """A gzip stream without its end and a torn last line give what they have, exit code 1, and their names."""
    packed = gzip.compress(capture.read_bytes())
    (tmp_path / "torn.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "torn.jsonl").write_bytes(capture.read_bytes()[:-20])
    for name in ("torn.jsonl.gz", "torn.jsonl"):
        ended = pt("run", "--capture", tmp_path / name, "--json")
        found = answer(ended, 1)
        assert 0 < int(str(found["frames"])) < LINES
        assert [name in str(what) for what in found["truncated"]] == [True]  # type: ignore[attr-defined]
        assert ended.stderr.startswith("pt: cut short")
        assert name in ended.stderr


def test_bad_input_writes_nothing(capture: Path, tmp_path: Path) -> None:
    """Each kind of bad input is one line that names it, exit code 2, and no store."""
    (tmp_path / "words.txt").write_text("these are no frames\n")
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    store = tmp_path / "new" / "store"
    good = ("--capture", capture, "--store", store)
    for words, named in (
        (("--capture", tmp_path / "words.txt", "--store", store), "unknown format"),
        ((*good, "--desk", "labb"), "unknown desk; available in"),
        ((*good, "--set", "strat.maker_tigt.clip_usd=1"), "strat.maker_tigt"),
        ((*good, "--set", "strat.maker_tight.clip=1"), "has no parameter 'clip'; allowed: gamma,"),
        ((*good, "--set", "strat.maker_tight.edge_min=2"), "edge_min is '2'; allowed: a decimal, from 0 to 1"),
        ((*good, "--config", tmp_path / "empty"), "has no folder desks"),
        ((*good, "--instruments", tmp_path / "none"), "no such file"),
        (("--capture", capture, "--store", tmp_path / "file"), "is a file"),
        (("--capture", capture, "--store", tmp_path / "file" / "deep"), "is a file"),
        ((*good, "--batch", "-1"), "--batch -1: out of bounds"),
    ):
        ended = pt("run", *words, "--json")
        assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1), ended.stderr
        assert named in ended.stderr
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "file").read_text() == "x"


# ---- with a store -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(capture: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the store of a run."""
    folder = tmp_path_factory.mktemp("stores") / "one"
    answer(pt("run", *INSTRUMENTS, "--capture", capture, "--store", folder, "--json"))
    return folder


@pytest.mark.chdb
def test_a_stored_run_replays_and_tells(run: dict[str, object], store: Path) -> None:
    """A store derives again to the same, counts the envelopes of the run, and is let go by each verb."""
    replay = answer(pt("replay", "--store", store, "--json"))
    assert (replay["differs"], replay["input_missing"], replay["first_difference"]) == (0, 0, None)
    assert replay["entries"] == run["entries"]
    lines = pt("envelopes", "--store", store)
    assert (lines.returncode, lines.stderr) == (0, "")
    said = [json.loads(line) for line in lines.stdout.splitlines()]
    assert len({envelope["envelope_id"] for envelope in said}) == len(said) == run["envelopes"]
    intents = pt("envelopes", "--store", store, "--kind", "OrderIntent").stdout.count("\n")
    assert intents == run["intents"]
    assert not (store / "store.lock").exists()


@pytest.mark.chdb
def test_the_book_is_shown_at_a_line(store: Path) -> None:
    """A book has best prices first, as decimal texts, and does not cross."""
    market = json.loads(pt("envelopes", "--store", store, "--kind", "MarketSnapshot", "--limit", "1").stdout)
    found = answer(pt("book", "--store", store, "--market", market["market_id"], "--at-frame", LINES, "--json"))
    bids, asks = found["bids"], found["asks"]
    assert isinstance(bids, list)
    assert isinstance(asks, list)
    assert set(found) == {"market", "venue", "frame", "bids", "asks", "quality", "reasons"}
    assert all(type(text) is str for level in (*bids, *asks) for text in level)
    assert bids == sorted(bids, key=lambda level: -float(level[0]))
    assert asks == sorted(asks, key=lambda level: float(level[0]))
    assert float(bids[0][0]) < float(asks[0][0])


@pytest.mark.chdb
def test_runs_are_compared_by_cause(capture: Path, store: Path, tmp_path: Path) -> None:
    """The same capture in other batches says the same; another parameter is named, and what it changed is counted."""
    same, other = tmp_path / "same", tmp_path / "other"
    answer(pt("run", *INSTRUMENTS, "--capture", capture, "--store", same, "--batch", "7", "--json"))
    setting = "strat.maker_tight.clip_usd=50"
    answer(pt("run", *INSTRUMENTS, "--capture", capture, "--store", other, "--set", setting, "--json"))
    equal = answer(pt("diff", store, same, "--json"))
    assert [equal[key] for key in ("only_in_a", "only_in_b", "differ", "configuration")] == [0, 0, 0, []]
    found = pt("diff", store, other, "--json")
    said = json.loads(found.stdout)
    assert (found.returncode, said["configuration"]) == (1, ["lab", "lab strat.maker_tight"])
    decisions = said["decisions"]
    assert decisions["changed"]["intent.size_lots"] == decisions["differ"] > 0
    (first,) = decisions["listed"]["differ"]
    assert first["changed"]["intent.size_lots"]["a"] != first["changed"]["intent.size_lots"]["b"]
    assert answer(pt("explain", first["intent_id"], "--store", other, "--json"))["intent_ids"] == [first["intent_id"]]
    people = pt("diff", store, same)
    assert (people.returncode, people.stdout) == (0, "")


@pytest.mark.chdb
def test_a_store_in_use_names_its_owner(capture: Path, store: Path) -> None:
    """While a process holds a store, a second one is refused, and told which process it is."""
    from connectors.store import StoreLock

    lock = StoreLock(store)
    refused = [
        pt(*words)
        for words in (("run", *INSTRUMENTS, "--capture", capture, "--store", store), ("replay", "--store", store))
    ]
    lock.release()
    for ended in refused:
        assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
        assert f"process {os.getpid()}" in ended.stderr


def long_capture(file: Path) -> Path:
    """Write the pack sixteen times over, each time half an hour later, so that a run takes a while."""
    with gzip.open(PACK, "rt") as packed:
        header, *lines = packed.read().splitlines()
    with file.open("w") as out:
        print(header, file=out)
        for turn in range(16):
            for line in lines:
                start, number, rest = line.partition(":")[0], line[9:28], line[28:]
                print(f"{start}:{int(number) + turn * 1_800_000_000_000}{rest}", file=out)
    return file


@pytest.mark.chdb
@pytest.mark.parametrize("sign", ["store.lock", "chdb/store/*/*/2*_1_1_*"], ids=["opening", "first blocks stored"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_an_interruption_is_one_line_and_leaves_the_store_sound(
    tmp_path: Path, sign: str, number: int, code: int
) -> None:
    """Ctrl-C while a store opens or in mid-run is 130, SIGTERM 143; one line, and a store that opens again."""
    capture, store = long_capture(tmp_path / "long.jsonl"), tmp_path / "store"
    command = [sys.executable, "-m", "cli.main", "run", "--capture", str(capture), "--store", str(store)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a shell's & has it ignored
    ) as running:
        until = time.monotonic() + 30
        while not any(store.glob(sign)) and time.monotonic() < until:
            time.sleep(0.02)
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (code, "", "pt: interrupted\n")
    assert not (store / "store.lock").exists()
    again = pt("envelopes", "--store", store, "--limit", "1")
    assert (again.returncode, again.stderr) == (0, "")


@pytest.mark.chdb
def test_a_page_of_envelopes_may_be_cut_off(store: Path) -> None:
    """`pt envelopes | head` is no error, and the store is let go."""
    shell = f'{{ "{sys.executable}" -m cli.main envelopes --store "{store}"; echo "code $?" >&2; }} | head -n 2'
    ended = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stderr, ended.stdout.count("\n")) == ("code 0\n", 2)
    assert not (store / "store.lock").exists()
