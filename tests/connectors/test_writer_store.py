"""The real engine behind a writer with a backlog: away for a while, without room, and a process that is killed."""

import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from connectors.backlog import Backlog, backlog_folder
from connectors.clickhouse import EnvelopeTable
from connectors.columns import Stored
from connectors.store import StoreAway
from connectors.writer import BlockWriter
from contracts.envelope import Block, DeadLetter
from tests.connectors.desk_stream import decisions, journal
from tests.connectors.store_programs import ROWS

pytestmark = pytest.mark.chdb
ROOT = Path(__file__).resolve().parents[2]
LIVE_ROWS_PER_S = 18_000  # 5,000 messages a second give about as many envelopes


class Faulty(EnvelopeTable):
    """A store that can be away, also in the middle of a batch: the insert is done, and nobody hears of it."""

    away = False
    unheard = 0

    def write_stored(self, blocks: Sequence[Stored]) -> None:
        """Store, or be away."""
        if self.away:
            raise StoreAway(f"{self.where}: NETWORK_ERROR")
        super().write_stored(blocks)
        if self.unheard:
            self.unheard -= 1
            raise StoreAway(f"{self.where}: SOCKET_TIMEOUT")


def command(how: str, folder: Path, count: int) -> list[str]:
    """A process that writes blocks."""
    return [sys.executable, "-m", "tests.connectors.store_programs", how, str(folder), str(count)]


def heads(blocks: Sequence[Block]) -> list[tuple[int, bytes]]:
    """What two equal chains agree in."""
    return [(block.number, block.head) for block in blocks]


def test_a_store_that_was_away_has_every_block_once(tmp_path: Path) -> None:
    """Away, back, and unheard inserts: the chains hold, nothing is missing, no id has two contents."""
    blocks = [block for pair in zip(journal(150, rows=16), decisions(150), strict=True) for block in pair]
    letters = [DeadLetter("capture-1", n, 5, "INTEL_FRAME_NOT_JSON", "torn", "7b") for n in range(1, 11)]
    with Faulty.embedded(tmp_path / "store", "paper") as table:
        writer = BlockWriter(table, 256, 512, Backlog(tmp_path / "s", 1 << 24))
        for number, block in enumerate(blocks):
            table.away, table.unheard = 60 <= number < 200, 2 * (number == 220)  # type: ignore[attr-defined]
            writer.write([block])
            if number % 30 == 0:
                writer.write_dead_letters(letters[number // 30 : number // 30 + 1])
                writer.flush()
        writer.close()
        assert heads(blocks[::2]) == heads(list(table.read_blocks("lab", "journal")))
        assert heads(blocks[1::2]) == heads(list(table.read_blocks("lab", "decisions")))
        assert letters == list(table.dead_letters())
        assert (None, []) == (table.verify_chain(), table.incidents())


def test_it_catches_up_faster_than_envelopes_come(tmp_path: Path) -> None:
    """From disk the store takes, in a second of processor time, five times the rows of 5,000 messages."""
    blocks = list(journal(600))
    with Faulty.embedded(tmp_path / "store", "paper") as table:
        table.away = True  # type: ignore[attr-defined]
        writer = BlockWriter(table, backlog=Backlog(tmp_path / "s"))
        writer.write(blocks)
        writer.flush()
        assert 0 == writer.blocks_stored
        table.away = False  # type: ignore[attr-defined]
        begun = time.process_time()
        writer.close()
        seconds = time.process_time() - begun
        assert heads(blocks) == heads(list(table.read_blocks("lab", "journal")))
    assert 600 * 256 / seconds > 5 * LIVE_ROWS_PER_S


@pytest.mark.parametrize("flushed", [60, 150])
def test_a_process_that_is_killed_while_it_spools_loses_nothing(tmp_path: Path, flushed: int) -> None:
    """Everything up to its last flush is there at the next start, which stores it first; the same run goes on."""
    store, count = tmp_path / "store", 100_000
    with subprocess.Popen(command("away", store, count), cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        done = 0
        while done < flushed:
            done = int(running.stdout.readline())
        running.kill()
        done = int((running.stdout.read().split() or [done])[-1])
    blocks = list(journal(done + 50, rows=ROWS))
    with EnvelopeTable.embedded(store, "paper") as table:
        assert 40 == len(list(table.read_blocks("lab", "journal")))
        backlog = Backlog(backlog_folder(store, "lab"))
        assert not backlog.empty
        with BlockWriter(table, backlog=backlog) as writer:
            writer.write(blocks[done - 3 :])
        assert heads(blocks) == heads(list(table.read_blocks("lab", "journal")))
        assert (None, []) == (table.verify_chain(), table.incidents())
        backlog.end()


def test_a_disk_without_room_stops_the_producer_until_there_is_some(tmp_path: Path) -> None:
    """No file may grow for two seconds: the engine refuses, the disk's share fills up, and it goes on by itself."""
    store, count = tmp_path / "store", 400
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    ran = subprocess.run(
        command("full", store, count), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=60
    )
    assert "FULL NORMAL" == ran.stdout.splitlines()[-1]
    with EnvelopeTable.embedded(store, "paper") as table:
        assert heads(list(journal(count, rows=ROWS))) == heads(list(table.read_blocks("lab", "journal")))
        assert (None, []) == (table.verify_chain(), table.incidents())
