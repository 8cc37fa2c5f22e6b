"""A store that is away or full costs the writer nothing but time: nothing is lost, turned round or said too early."""

import shutil
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from connectors.backlog import Backlog
from connectors.columns import Stored, stored
from connectors.spool import FULL, NORMAL, SAFE
from connectors.store import StoreError
from connectors.writer import BlockWriter
from contracts.envelope import Block, DeadLetter
from tests.connectors.desk_stream import decisions, journal
from tests.connectors.shelves import Shelf

BIG = 1 << 24
BLOCKS = list(journal(120, rows=8))
SIZE = len(stored(BLOCKS[50]).data)


def letter(number: int) -> DeadLetter:
    """A frame that could not be read."""
    return DeadLetter("capture-1", number, 5, "INTEL_FRAME_NOT_JSON", "torn", "7b")


@pytest.fixture
def shelf() -> Shelf:
    """A new table."""
    return Shelf()


def writer_of(
    shelf: Shelf, folder: Path, limit: int = BIG, insert_rows: int = 64, queue_rows: int = 128
) -> BlockWriter:
    """A writer to it with a backlog in a folder."""
    return BlockWriter(shelf, insert_rows, queue_rows, Backlog(folder, limit))  # type: ignore[arg-type]


def until(sign: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for a sign."""
    end = time.monotonic() + seconds
    while not sign():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


def waiting_in(folder: Path) -> list[Stored]:
    """What a process that opens the folder after a crash finds there."""
    backlog, found = Backlog(folder, BIG), []
    while not backlog.empty:
        found += backlog.first(1_000)[0]
        backlog.done()
    return found


def test_nothing_is_lost_or_turned_round_while_the_store_is_away(shelf: Shelf, tmp_path: Path) -> None:
    """Before, during and after: each block and letter once, in order; a flush returns while the store is away."""
    writer = writer_of(shelf, tmp_path / "s")
    for number, block in enumerate(BLOCKS):
        shelf.away = 30 <= number < 90
        writer.write([block])
        writer.write_dead_letters([letter(number)])
        if number % 10 == 9:
            writer.flush()
            writer.flush_letters()
        if number == 60:
            assert (writer.state, "NOT_ENOUGH_SPACE" in writer.trouble) == (NORMAL, True)
    writer.close()
    assert [stored(block) for block in BLOCKS] == shelf.blocks
    assert [letter(number) for number in range(120)] == shelf.letters
    assert (120, 120 * 8 + 120, "") == (writer.blocks_stored, writer.rows_stored, writer.trouble)


def test_what_was_flushed_survives_a_crash(shelf: Shelf, tmp_path: Path) -> None:
    """With the store away all of it is on disk when the flush returns, and the next process stores it first."""
    shelf.away = True
    writer = writer_of(shelf, tmp_path / "s")
    writer.write(BLOCKS[:50])
    writer.flush()
    for copy in ("seen", "left"):  # the folder of the one that is still open is not shared
        shutil.copytree(tmp_path / "s", tmp_path / copy)
    assert [stored(block) for block in BLOCKS[:50]] == waiting_in(tmp_path / "seen")
    again = Shelf()
    with writer_of(again, tmp_path / "left") as after:
        after.write(BLOCKS[40:60])
    assert list(range(50)) + list(range(40, 60)) == again.numbers()
    shelf.away = False
    writer.close()


def test_without_a_backlog_it_is_an_error(shelf: Shelf) -> None:
    """A writer that was given no folder surfaces it at the next call, as ever."""
    shelf.away = True
    writer = BlockWriter(shelf, 8, 16)  # type: ignore[arg-type]
    writer.write(BLOCKS[:1])
    with pytest.raises(StoreError, match="NOT_ENOUGH_SPACE"):
        writer.flush()


def test_a_patient_writer_waits_without_a_disk(shelf: Shelf) -> None:
    """Nothing is kept and nothing is promised: a flush returns when the store is back; one that leaves says so."""
    writer = BlockWriter(shelf, 64, 128, patient=True)  # type: ignore[arg-type]
    shelf.away, back = True, threading.Timer(0.5, lambda: setattr(shelf, "away", False))
    begun = time.monotonic()
    back.start()
    for block in BLOCKS:
        writer.write([block])
    writer.flush()
    assert (list(range(120)), True) == (shelf.numbers(), time.monotonic() - begun >= 0.5)
    shelf.away = True
    writer.write(list(journal(130, rows=8))[120:])
    with pytest.raises(StoreError, match="NOT_ENOUGH_SPACE"):
        writer.close(leave=True)
    assert list(range(120)) == shelf.numbers()


@pytest.mark.parametrize("error", [StoreError("shelf: UNKNOWN_TABLE"), ValueError("a bug")])
@pytest.mark.parametrize("behind", [False, True])
def test_what_never_passes_is_an_error(shelf: Shelf, tmp_path: Path, error: Exception, behind: bool) -> None:
    """Also where it is met while catching up; then what waits stays on disk."""
    writer = writer_of(shelf, tmp_path / "s")
    if behind:
        shelf.away = True
        writer.write(BLOCKS[:10])
        writer.flush()
    shelf.error, shelf.away = lambda: error, True
    writer.write(BLOCKS[10:20])
    with pytest.raises(StoreError, match="shelf: "):
        until(lambda: writer.flush() is not None)
    assert [stored(block) for block in BLOCKS[: 10 * behind]] == waiting_in(tmp_path / "s")[: 10 * behind]


def test_another_runs_blocks_are_an_error_when_they_are_handed_on(shelf: Shelf, tmp_path: Path) -> None:
    """What waits is compared with what the store holds, as everything is."""
    with BlockWriter(shelf) as first:  # type: ignore[arg-type]
        first.write(list(journal(5, rows=8, source=9)))
    shelf.away = True
    writer = writer_of(shelf, tmp_path / "s")
    writer.write(BLOCKS[:10])
    writer.flush()
    shelf.away = False
    with pytest.raises(StoreError, match="holds another run of desk lab"):
        writer.close()
    assert 5 == len(shelf.blocks)


def test_a_store_that_is_away_is_asked_less_and_less(shelf: Shelf, tmp_path: Path) -> None:
    """0.1 s after the first failure, then twice as long each time, up to two seconds."""
    shelf.away = True
    writer = writer_of(shelf, tmp_path / "s")
    writer.write(BLOCKS[:10])
    writer.flush()
    time.sleep(1.0)
    assert 4 <= shelf.asked <= 6
    shelf.away = False
    writer.close()
    assert list(range(10)) == shelf.numbers()


def test_the_disk_goes_before_the_queue(shelf: Shelf, tmp_path: Path) -> None:
    """While it catches up, a producer that never rests does not keep the disk full."""
    shelf.away = True
    writer = writer_of(shelf, tmp_path / "s", insert_rows=16, queue_rows=32)
    for block in BLOCKS[:60]:
        writer.write([block])
    writer.flush()
    shelf.away = False
    for block in BLOCKS[60:100]:
        writer.write([block])
    until(lambda: len(shelf.blocks) >= 90)
    writer.close()
    assert list(range(100)) == shelf.numbers()
    assert [] == waiting_in(tmp_path / "s")


def test_a_full_disk_share_makes_the_producer_wait(shelf: Shelf, tmp_path: Path) -> None:
    """SAFE above four fifths, then FULL: nothing is taken in until the store is back, and then all of it is stored."""
    limit = 40 * SIZE
    writer, handed = writer_of(shelf, tmp_path / "s", limit, insert_rows=8, queue_rows=16), []
    shelf.away, states = True, set()

    def produce() -> None:
        for block in BLOCKS:
            writer.write([block])
            handed.append(block.number)

    thread = threading.Thread(target=produce)
    thread.start()
    until(lambda: states.add(writer.state) or writer.state == FULL)  # type: ignore[func-returns-value]
    before = len(handed)
    time.sleep(0.3)
    assert (before, True) == (len(handed), thread.is_alive())
    assert sum(file.stat().st_size for file in (tmp_path / "s").glob("*.spool")) <= limit
    assert {NORMAL, SAFE, FULL} >= states > {FULL}
    shelf.away = False
    thread.join(10)
    writer.close()
    assert list(range(120)) == shelf.numbers()
    assert NORMAL == writer.state


def test_pausing_waits_for_room_or_for_a_stop(shelf: Shelf, tmp_path: Path) -> None:
    """A producer that asks waits from SAFE on until it is NORMAL; somebody who wants to end is not kept waiting."""
    shelf.away = True
    writer = writer_of(shelf, tmp_path / "s", 40 * SIZE, insert_rows=8, queue_rows=16)
    for block in BLOCKS:
        writer.write([block])
        writer.flush()
        if writer.state != NORMAL:
            break
    assert SAFE == writer.state
    asked = count()
    writer.pause(lambda: next(asked) > 2)
    back = threading.Timer(0.3, lambda: setattr(shelf, "away", False))
    begun = time.monotonic()
    back.start()
    writer.pause()
    assert (NORMAL, True) == (writer.state, time.monotonic() - begun >= 0.3)
    writer.close()


def test_who_waits_for_the_store_may_be_called_away(shelf: Shelf, tmp_path: Path) -> None:
    """Drained means in the store, not on disk; a stop ends the wait and says that it was in vain."""
    shelf.away = True
    writer = writer_of(shelf, tmp_path / "s")
    writer.write(BLOCKS[:20])
    asked = count()
    assert not writer.drained(lambda: next(asked) > 3)
    threading.Timer(0.2, lambda: setattr(shelf, "away", False)).start()
    assert writer.drained()
    assert list(range(20)) == shelf.numbers()
    writer.close()


def test_what_is_left_behind_is_on_disk(shelf: Shelf, tmp_path: Path) -> None:
    """A writer that is told to leave does not wait for the store; where the disk is full too, it says so."""
    shelf.away = True
    writer = writer_of(shelf, tmp_path / "s")
    writer.write(BLOCKS[:20])
    writer.close(leave=True)
    assert [stored(block) for block in BLOCKS[:20]] == waiting_in(tmp_path / "s")
    writer = writer_of(shelf, tmp_path / "t", 12 * SIZE, insert_rows=8, queue_rows=1_000)
    writer.write(BLOCKS[:40])
    until(lambda: writer.state == FULL)
    with pytest.raises(StoreError, match=r"NOT_ENOUGH_SPACE.*; its spool is full; go on with the same command"):
        writer.close(leave=True)


def test_a_disk_that_refuses_is_named_beside_the_store(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where neither takes it the run ends, and both reasons are told."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    writer = writer_of(shelf, tmp_path / "s")
    shelf.away = True
    monkeypatch.setattr("connectors.spool.os.fsync", refuse)
    writer.write(BLOCKS[:5])
    with pytest.raises(StoreError, match=r"NOT_ENOUGH_SPACE\); nor can it wait: .*No space left on device"):
        writer.flush()


def test_two_chains_keep_their_order(shelf: Shelf, tmp_path: Path) -> None:
    """Blocks of the journal and of the decisions come back between each other as they were handed on."""
    both: list[Block] = [block for pair in zip(journal(20, rows=8), decisions(20), strict=True) for block in pair]
    shelf.away = True
    writer = writer_of(shelf, tmp_path / "s")
    for block in both:
        writer.write([block])
    writer.flush()
    shelf.away = False
    writer.close()
    assert [(block.chain, block.number) for block in both] == [(block.chain, block.number) for block in shelf.blocks]
