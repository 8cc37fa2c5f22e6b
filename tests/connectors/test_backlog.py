"""What waits for the store on disk comes back whole and in order, once it was kept, whatever became of the process."""

from pathlib import Path

import pytest

from connectors.backlog import RECORDS_MAX, RECORDS_MIN, Backlog, backlog_folder
from connectors.columns import Stored, stored
from connectors.errors import SpoolError
from connectors.spool import FULL, NORMAL, SAFE
from connectors.store import StoreError
from contracts.envelope import DeadLetter
from tests.connectors.desk_stream import journal

BLOCKS = [stored(block) for block in journal(40, rows=8)]
LETTERS = [DeadLetter("capture-1", n, 5, "INTEL_FRAME_NOT_JSON", "torn", "7b") for n in range(1, 4)]
BIG = 1 << 24


def never() -> None:
    """Room is expected."""
    raise AssertionError("there is no room")


def everything(backlog: Backlog, rows: int = 64) -> tuple[list[Stored], list[DeadLetter]]:
    """Take and mark all that is there."""
    blocks: list[Stored] = []
    letters: list[DeadLetter] = []
    while not backlog.empty:
        more = backlog.first(rows)
        blocks, letters = blocks + more[0], letters + more[1]
        backlog.done()
    return blocks, letters


def test_blocks_and_letters_come_back_as_they_were(tmp_path: Path) -> None:
    """Every field of each, in order, also in another process that opens the folder after a crash."""
    first = Backlog(tmp_path / "s", BIG)
    first.keep(BLOCKS[:30], LETTERS, never)
    first.keep(BLOCKS[30:], [], never)
    assert (BLOCKS, LETTERS) == everything(Backlog(tmp_path / "s", BIG))


def test_what_was_not_marked_comes_again(tmp_path: Path) -> None:
    """Taken and not stored is not gone."""
    backlog = Backlog(tmp_path / "s", BIG)
    backlog.keep(BLOCKS, [], never)
    taken, _ = backlog.first(64)
    assert taken == backlog.first(64)[0] == BLOCKS[:RECORDS_MIN]
    backlog.done()
    assert BLOCKS[RECORDS_MIN:] == everything(Backlog(tmp_path / "s", BIG))[0]


@pytest.mark.parametrize(("rows_each", "wanted"), [(8, 4_096), (256, 256)])
def test_one_insert_takes_about_as_many_rows_as_it_should(tmp_path: Path, rows_each: int, wanted: int) -> None:
    """Small blocks are taken by the thousand, large ones a few at a time."""
    backlog = Backlog(tmp_path / "s", 1 << 27)
    some = [block._replace(row_count=rows_each) for block in BLOCKS]
    for _ in range(30):
        backlog.keep(some, [], never)
    taken = []
    while not backlog.empty:
        taken.append(sum(block.row_count for block in backlog.first(wanted)[0]))
        backlog.done()
    assert sum(taken) == 30 * 40 * rows_each
    assert wanted / 2 <= max(taken) <= max(2 * wanted, RECORDS_MIN * rows_each)
    assert RECORDS_MIN < RECORDS_MAX


def test_a_batch_above_the_quarter_of_the_limit_is_cut(tmp_path: Path) -> None:
    """However small the limit, what fits into it is kept."""
    size = sum(len(block.data) for block in BLOCKS)
    backlog = Backlog(tmp_path / "s", 2 * size)
    backlog.keep(BLOCKS, [], never)
    assert BLOCKS == everything(backlog)[0]


def test_states_follow_the_room(tmp_path: Path) -> None:
    """NORMAL, SAFE above four fifths, FULL while somebody waits; room comes back as the store takes what is there."""
    size = sum(len(block.data) for block in BLOCKS)
    backlog, states, taken = Backlog(tmp_path / "s", 18 * size // 5), [], []

    def waiting() -> None:
        states.append(backlog.state)
        taken.extend(backlog.first(64)[0])
        backlog.done()

    for _ in range(6):
        backlog.keep(BLOCKS, [], waiting)
        states.append(backlog.state)
    assert [NORMAL, NORMAL, SAFE] == states[:3]
    assert {FULL, SAFE} == set(states[2:])
    assert BLOCKS * 6 == taken + everything(backlog)[0]


def test_a_folder_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """A file in its place, or a ruined one in it, is a store that cannot be used."""
    (tmp_path / "s").write_text("")
    with pytest.raises(StoreError, match="cannot be used as a spool"):
        Backlog(tmp_path / "s")


def test_a_block_that_is_larger_than_all_room_is_refused(tmp_path: Path) -> None:
    """Waiting would never end."""
    with pytest.raises(SpoolError, match="a batch of"):
        Backlog(tmp_path / "s", 1_000).keep(BLOCKS[:1], [], never)


def test_it_ends_when_nothing_waits(tmp_path: Path) -> None:
    """The folder goes with the run; one in which blocks wait stays."""
    folder = backlog_folder(tmp_path, "lab")
    assert tmp_path / "spool" / "lab" == folder
    backlog = Backlog(folder, BIG)
    backlog.keep(BLOCKS, [], never)
    with pytest.raises(StoreError, match="blocks still wait there"):
        backlog.end()
    everything(backlog)
    backlog.end()
    assert not folder.exists()
