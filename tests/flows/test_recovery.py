"""A run that is cut off at any moment goes on, and ends with exactly what an undisturbed one says."""

import gzip
import json
import os
import pickle
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import msgspec
import pytest

from cli.demo import FIXTURES, pack
from connectors.clickhouse import EnvelopeTable
from connectors.recovery import Begun, Recovery
from connectors.stopping import Stop, Stopped
from connectors.store import StoreError
from contracts.base import Refused
from contracts.envelope import Block
from flows import embedded
from flows.assemble import fingerprint
from flows.desks import load_desk
from flows.migrations import keeping, versions
from flows.recorder import Recorder
from flows.spells import Spells
from operators.state import Keep, Packed, Values

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = json.loads((FIXTURES / "demo.golden.json").read_text())
ELSEWHERE = {"seconds", "frames_per_s", "peak_rss_mb"}
RUN = Begun(1, "run", {})
Said = list[tuple[str, int, str]]


# ---- in one process -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> embedded.Settings:
    """A run over the first lines of the pack."""
    file = tmp_path_factory.mktemp("captures") / "small.jsonl"
    with gzip.open(FIXTURES / "demo_kalshi.jsonl.gz") as lines:
        file.write_bytes(b"".join(line for _, line in zip(range(3_000), lines, strict=False)))
    return embedded.Settings((file,), load_desk("lab", ROOT / "config"), FIXTURES / "demo_instruments.jsonl")


class Listening(Recorder):
    """A recorder that remembers the blocks it was given."""

    def __init__(self, said: Said) -> None:
        super().__init__(None, check=True)
        self.said = said

    def take(self, batches: list[list[Block]]) -> None:
        """Take blocks."""
        super().take(batches)
        self.said += [(block.chain, block.number, block.head.hex()) for blocks in batches for block in blocks]


class Killed(Exception):
    """The process ends here."""


def start(
    settings: embedded.Settings,
    folder: Path,
    said: Said,
    stop: Callable[[], bool] = lambda: False,
    interval_s: float = 0.0,
) -> embedded.Result | None:
    """Start a run once, as a new process would; None when it was stopped."""
    job, keep, recorder = embedded.prepared(settings), keeping(), Listening(said)
    recovery = Recovery(folder, "lab")
    if recovery.begun() is None:
        recovery.begin(RUN)
    spells = Spells(job.blocks, keep, stop, interval_s=interval_s)
    whole = spells.run(lambda: embedded.build(spells, job.lane, job.assembly, recorder, keep), recovery.config())
    if not whole:
        return None
    return embedded.summarise(job.run_id, recorder.lap(), job.captures, job.lane, job.assembly, recorder)


def settled(summary: dict[str, object]) -> dict[str, object]:
    """A summary without what depends on the machine's hour."""
    return {key: value for key, value in summary.items() if key not in ELSEWHERE}


@pytest.fixture(scope="module")
def undisturbed(settings: embedded.Settings) -> tuple[Said, dict[str, object]]:
    """Blocks and summary of a run that keeps nothing and is left alone."""
    job, said = embedded.prepared(settings), []
    recorder = Listening(said)
    frames = embedded.build(job.blocks, job.lane, job.assembly, recorder)
    embedded.run_main(frames, epoch_interval=timedelta(seconds=10))
    return said, settled(embedded.summarise(job.run_id, 1.0, job.captures, job.lane, job.assembly, recorder).summary)


@pytest.mark.parametrize("k", [1, 3])
def test_a_run_stopped_after_every_kth_block_says_the_same(
    settings: embedded.Settings, undisturbed: tuple[Said, dict[str, object]], tmp_path: Path, k: int
) -> None:
    """Stopped cleanly again and again, with other batches each time: each block once, in order, and the same counts."""
    said: Said = []
    for turn in range(100):
        asked = iter([False] * k)
        batch = (256, 100, 333)[turn % 3]
        result = start(batched(settings, batch), tmp_path, said, lambda asked=asked: next(asked, True))
        if result is not None:
            break
    assert turn >= 3_000 // 333 // k
    assert undisturbed[0] == said
    assert result is not None
    assert undisturbed[1] == settled(result.summary)


def batched(settings: embedded.Settings, batch: int) -> embedded.Settings:
    """The same run in other batches."""
    return embedded.Settings(settings.captures, settings.desk, settings.instruments, batch=batch)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_that_dies_between_epochs_repeats_and_never_contradicts(
    settings: embedded.Settings, undisturbed: tuple[Said, dict[str, object]], tmp_path: Path, seed: int
) -> None:
    """What is said again after the last snapshot is the same block under the same number."""
    draw, said, result = random.Random(seed), [], None
    for _ in range(100):
        left = iter(range(draw.randint(2, 6)))

        def die(left: Iterator[int] = left) -> bool:
            if next(left, None) is None:
                raise Killed
            return False

        try:
            result = start(settings, tmp_path, said, die, interval_s=draw.choice([0.0, 0.02]))
            break
        except Exception as err:
            assert "Killed" in repr(err) or isinstance(err.__cause__, Killed), err
    assert result is not None
    assert len(said) >= len(undisturbed[0])
    assert sorted(set(said)) == sorted(undisturbed[0])
    assert undisturbed[1] == settled(result.summary)


def test_snapshots_carry_their_versions(settings: embedded.Settings, tmp_path: Path) -> None:
    """Every pinned step stands in the store under its id and version, and a later version of one is refused."""
    asked = iter([False] * 4)
    assert start(settings, tmp_path, [], lambda: next(asked, True)) is None
    place = tmp_path / "recovery" / "lab" / "part-0.sqlite3"
    kept = {packed.step_id: packed for packed in snapshots(place)}
    assert {step_id: packed.version for step_id, packed in kept.items()}.items() <= versions().items()
    assert {"frames", "accounts", "signals", "desk", "record"} <= kept.keys()
    later = msgspec.msgpack.encode(msgspec.structs.replace(kept["desk"], version=9))
    with sqlite3.connect(place) as database:
        database.execute("UPDATE snaps SET ser_change = ? WHERE step_id = 'embedded.desk'", [pickle.dumps(later)])
    with pytest.raises(Refused, match="step 'desk' has version 9; this program reads 2 and can bring up 1: go on with"):
        start(settings, tmp_path, [])


def with_control(values: Values) -> Values:
    """Bring counts of frames up from a version that did not count control lines."""
    frames, facts, dead = (cast("int", values["frames"]), cast("int", values["facts_frames"]), values["dead"])
    assert isinstance(dead, Counter)
    return {**values, "control": frames - facts - dead.total()}


def test_a_run_goes_on_from_an_older_state(
    settings: embedded.Settings,
    undisturbed: tuple[Said, dict[str, object]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stored state of an older version is brought up by its migration, and the run ends as if it were new."""
    asked, said = iter([False] * 4), []
    assert start(settings, tmp_path, said, lambda: next(asked, True)) is None
    place = tmp_path / "recovery" / "lab" / "part-0.sqlite3"
    packed = [each for each in snapshots(place) if each.step_id == "accounts"][-1]
    values = pickle.loads(packed.values)
    del values["control"]
    old = msgspec.msgpack.encode(msgspec.structs.replace(packed, values=pickle.dumps(values)))
    with sqlite3.connect(place) as database:
        database.execute("UPDATE snaps SET ser_change = ? WHERE step_id = 'embedded.accounts'", [pickle.dumps(old)])
    newer = Keep({**versions(), "accounts": 2}, {("accounts", 1): with_control})
    monkeypatch.setitem(globals(), "keeping", lambda: newer)
    result = start(settings, tmp_path, said)
    assert result is not None
    assert (undisturbed[0], undisturbed[1]) == (said, settled(result.summary))


def snapshots(place: Path) -> list[Packed]:
    """What the dataflow has kept, the newest of each step."""
    with sqlite3.connect(place) as database:
        rows = database.execute("SELECT ser_change FROM snaps WHERE ser_change IS NOT NULL ORDER BY snap_epoch")
        found = [pickle.loads(row[0]) for row in rows]
    return [msgspec.msgpack.decode(each, type=Packed) for each in found if each is not None]


# ---- as processes --------------------------------------------------------------------------------------------------


def command(store: Path, batch: int = 256) -> list[str]:
    """The command that a person types, again and again."""
    captures, records = pack(FIXTURES)
    words = [word for capture in captures for word in ("--capture", str(capture))]
    words += ["--instruments", str(records)] if records is not None else []
    return [sys.executable, "-m", "cli.main", "run", *words, "--store", str(store), "--batch", str(batch), "--json"]


def begun(store: Path, batch: int, seed: int) -> "subprocess.Popen[str]":
    """Start a run under a hash seed."""
    env = {**os.environ, "NO_COLOR": "1", "PYTHONHASHSEED": str(seed), "BOT_DISABLE_TRADING": ""}
    pipe = subprocess.PIPE
    return subprocess.Popen(command(store, batch), cwd=ROOT, env=env, stdout=pipe, stderr=pipe, text=True)


def ended(running: "subprocess.Popen[str]") -> dict[str, object]:
    """Wait for a run and return its answer."""
    out, err = running.communicate(timeout=180)
    assert (running.returncode, err) == (0, "")
    answer = json.loads(out)
    assert isinstance(answer, dict)
    return answer


def wait_for(running: "subprocess.Popen[str]", sign: Callable[[], object], seconds: float) -> None:
    """Wait for a sign, and some time more; a run that ends meanwhile has ended."""
    until = time.monotonic() + 60
    while not sign() and running.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    try:
        running.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def content(store: Path) -> dict[str, object]:
    """Everything that a store holds: blocks, every row by its content, dead letters, runs."""
    with EnvelopeTable.embedded(store) as table:
        assert table.verify_chain() is None
        assert table.incidents() == []
        hashed = "cityHash64(envelope_id, chain, block, offset, rank, index, at_ns, market, content_hash)"
        every = f"SELECT count(), sum({hashed}) FROM {{database}}.envelopes"
        return {
            "rows": table.query(every),
            "blocks": [(each.chain, each.number, each.head)
                       for desk_id, chain in table.chains() for each in table.read_blocks(desk_id, chain)],
            "letters": list(table.dead_letters()),
            "runs": [(run.run_id, run.desk_id, run.fingerprint, run.sources, run.tables, settled(run.result))
                     for run in table.runs()],
        }  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], dict[str, object]]:
    """Summary and store of an undisturbed run of the pack."""
    store = tmp_path_factory.mktemp("whole") / "store"
    summary = ended(begun(store, 256, seed=0))
    return settled(summary), content(store)


def taken(store: Path) -> int:
    """Frames taken at the last snapshot; 0 where there is none."""
    place = store / "recovery" / "lab" / "part-0.sqlite3"
    kept = [packed for packed in snapshots(place) if packed.step_id == "frames"] if place.is_file() else []
    return int(pickle.loads(kept[-1].values)["taken"]) if kept else 0


def executions(store: Path) -> int:
    """How often the dataflow was begun in a store."""
    place = store / "recovery" / "lab" / "part-0.sqlite3"
    if not place.is_file():
        return 0
    with sqlite3.connect(place, timeout=10) as database:
        return int(database.execute("SELECT count(*) FROM exs").fetchone()[0])


def killed(store: Path, seed: int) -> tuple[dict[str, object], dict[str, object]]:
    """Kill a run five times from its opening to its end, then let it end; return its summary and its store.

    While the store opens; when the flow has begun; twice some time after a new snapshot; when the run's record appears.
    """
    draw, places = random.Random(seed), [0]
    recovery, lock = store / "recovery" / "lab" / "run.json", store / "store.lock"
    signs: list[tuple[Callable[[], object], float]] = [
        (lock.exists, 0.4),
        (lambda: executions(store) > 0, 0.8),
        (lambda: taken(store) > places[-1], 0.9),
        (lambda: taken(store) > places[-1], 0.9),
        (lambda: any(store.glob("chdb/store/*/*/all_1_1_0")), 0.0),
    ]
    for number, (sign, most) in enumerate(signs):
        running = begun(store, draw.choice([64, 100, 256, 1_000]), seed=number % 2)
        wait_for(running, sign, draw.uniform(0.0, most))
        running.send_signal(signal.SIGKILL)
        running.communicate()
        places.append(taken(store))
    assert 0 < places[3] <= places[4], f"frames taken at the kills: {places}"
    summary = ended(begun(store, 77, seed=1))
    assert summary == ended(begun(store, 256, seed=0))
    assert not recovery.exists() and not lock.exists()
    if GOLDEN["fingerprint"] == fingerprint():
        assert GOLDEN["decision_digest"] == summary["decision_digest"]
    return settled(summary), content(store)


@pytest.mark.chdb
def test_the_pack_killed_five_times_says_the_same(
    whole: tuple[dict[str, object], dict[str, object]], tmp_path: Path
) -> None:
    """Killed with -9 from opening to end, under two hash seeds, in other batches: nothing differs or is double."""
    assert whole == killed(tmp_path / "store", seed=4)


@pytest.mark.soak
@pytest.mark.chdb
@pytest.mark.parametrize("seed", [11, 12, 13, 14])
def test_the_pack_killed_twenty_times_says_the_same(
    whole: tuple[dict[str, object], dict[str, object]], tmp_path: Path, seed: int
) -> None:
    """Five kills in each of four stores, at moments of their own."""
    assert whole == killed(tmp_path / "store", seed)


@pytest.mark.chdb
def test_another_run_is_refused(tmp_path: Path, settings: embedded.Settings) -> None:
    """A store whose run was cut off, or has ended, refuses another and names what differs; the same goes on."""
    store, asked = tmp_path / "store", iter([False] * 3)
    kept = embedded.Settings(settings.captures, settings.desk, settings.instruments, store)
    other = embedded.Settings(
        settings.captures, load_desk("lab", ROOT / "config", ["strat.maker_tight.clip_usd=50"]), None, store
    )

    class Soon(Stop):
        def __call__(self) -> bool:
            return next(asked, True)

    with pytest.raises(Stopped):
        embedded.run(kept, None, Soon())
    differs = r"differs in instruments \(there [0-9a-f]+, here none\), desk .*, bot strat\.maker_tight \("
    with pytest.raises(StoreError, match=rf"unfinished run that {differs}.*go on with the command"):
        embedded.run(other)
    whole = embedded.run(kept)
    assert (3_000, "went on after frame") == (whole.summary["frames"], whole.note[:19])
    with pytest.raises(StoreError, match=rf"holds another run of desk lab \({differs}"):
        embedded.run(other)
    again = embedded.run(kept)
    assert (whole.summary, "this run has ended before") == (again.summary, again.note[:25])
