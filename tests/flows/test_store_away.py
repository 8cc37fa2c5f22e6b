"""A run whose store is away for a while says what an undisturbed one says, and loses nothing when it is killed."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cli.demo import FIXTURES
from connectors.backlog import Backlog, backlog_folder
from connectors.clickhouse import EnvelopeTable
from connectors.columns import Stored
from connectors.recovery import Begun, Recovery
from connectors.store import StoreAway, StoreError
from flows import embedded
from tests.flows.store_away import ROOT, settings

pytestmark = pytest.mark.chdb
ELSEWHERE = {"seconds", "frames_per_s", "peak_rss_mb"}
Content = dict[str, object]


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first lines of the pack."""
    file = tmp_path_factory.mktemp("captures") / "small.jsonl"
    with gzip.open(FIXTURES / "demo_kalshi.jsonl.gz") as lines:
        file.write_bytes(b"".join(line for _, line in zip(range(6_000), lines, strict=False)))
    return file


def settled(summary: dict[str, object]) -> dict[str, object]:
    """A summary without what depends on the machine's hour."""
    return {key: value for key, value in summary.items() if key not in ELSEWHERE}


def content(store: Path) -> Content:
    """What a store holds: blocks, dead letters, runs; its chains hold."""
    with EnvelopeTable.embedded(store) as table:
        assert (None, []) == (table.verify_chain(), table.incidents())
        blocks = [(each.chain, each.number, each.head)
                  for desk_id, chain in table.chains() for each in table.read_blocks(desk_id, chain)]  # fmt: skip
        runs = [(run.run_id, settled(run.result)) for run in table.runs()]
        return {"blocks": blocks, "letters": list(table.dead_letters()), "runs": runs}


@pytest.fixture(scope="module")
def undisturbed(capture: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], Content]:
    """Summary and store of a run whose store is there."""
    store = tmp_path_factory.mktemp("whole") / "store"
    summary = settled(embedded.run(settings(capture, store)).summary)
    assert not backlog_folder(store, "lab").exists()
    return summary, content(store)


class Away:
    """Makes the store take nothing for a while, counted in seconds from the first insert that it refuses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, good: int, seconds: float) -> None:
        self.refused, self._until, self._good = 0, 0.0, iter(range(good))
        usual = EnvelopeTable.write_stored

        def refuse(table: EnvelopeTable, blocks: Sequence[Stored]) -> None:
            if next(self._good, None) is None:
                self._until = self._until or time.monotonic() + seconds
                if time.monotonic() < self._until:
                    self.refused += 1
                    raise StoreAway(f"{table.where}: Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)")
            usual(table, blocks)

        monkeypatch.setattr(EnvelopeTable, "write_stored", refuse)


@pytest.mark.parametrize("spool_bytes", [1 << 26, 1 << 20])
def test_a_store_that_is_away_for_a_while_changes_nothing(
    capture: Path,
    undisturbed: tuple[dict[str, object], Content],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spool_bytes: int,
) -> None:
    """With room on disk the run goes on meanwhile, with little it stands still: the same blocks, summary and record."""
    with monkeypatch.context() as patch:
        away = Away(patch, good=1, seconds=3.0)
        summary = embedded.run(settings(capture, tmp_path / "store", spool_bytes)).summary
    assert away.refused >= 3
    assert undisturbed == (settled(summary), content(tmp_path / "store"))
    assert not backlog_folder(tmp_path / "store", "lab").exists()


def spooled(store: Path) -> int:
    """Bytes that wait on disk."""
    return sum(file.stat().st_size for file in backlog_folder(store, "lab").glob("*.spool"))


@pytest.fixture
def begun(capture: Path, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A run whose store takes nothing, with half a megabyte on disk."""
    words = [sys.executable, "-m", "tests.flows.store_away", str(capture), str(tmp_path / "store"), str(1 << 26)]
    env = {**os.environ, "BOT_DISABLE_TRADING": ""}
    with subprocess.Popen(words, cwd=ROOT, env=env, stderr=subprocess.PIPE) as running:
        until = time.monotonic() + 60
        while spooled(tmp_path / "store") < 500_000:
            assert running.poll() is None and time.monotonic() < until
            time.sleep(0.02)
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143)])
def test_a_run_that_ends_while_its_store_is_away_goes_on(
    begun: "subprocess.Popen[bytes]",
    capture: Path,
    undisturbed: tuple[dict[str, object], Content],
    tmp_path: Path,
    number: int,
    code: int,
) -> None:
    """Killed or asked to stop: what waits is stored first at the next start, and the run ends as an undisturbed one."""
    begun.send_signal(number)
    assert code == begun.wait(20)
    store = tmp_path / "store"
    assert spooled(store) > 0
    result = embedded.run(settings(capture, store))
    assert undisturbed == (settled(result.summary), content(store))
    assert not backlog_folder(store, "lab").exists()


def test_what_waits_belongs_to_its_run(capture: Path, tmp_path: Path) -> None:
    """Another run does not take the place of one whose blocks wait on disk, though the store has none of them."""
    store = tmp_path / "store"
    with EnvelopeTable.embedded(store, "paper"):
        Recovery(store, "lab").begin(Begun(1, "other", {"capture 1": "another"}))
        backlog = Backlog(backlog_folder(store, "lab"))
        backlog.keep([Stored("lab", "journal", 0, [1], b"[]", bytes(32), bytes(32), 0, 0, 0)], [], lambda: None)
        backlog.close()
    with pytest.raises(StoreError, match="holds an unfinished run that differs in"):
        embedded.run(settings(capture, store))
