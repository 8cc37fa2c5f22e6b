"""The writer between a flow and its store: what is settled is stored, and what is stored is never contradicted."""

import threading
from collections.abc import Iterator

import pytest

from connectors.columns import Stored
from connectors.store import StoreError
from connectors.writer import BlockWriter
from contracts.envelope import DeadLetter
from tests.connectors.desk_stream import decisions, journal

LETTER = DeadLetter("capture-1", 1, 5, "INTEL_FRAME_NOT_JSON", "torn", "7b")


class Shelf:
    """A table that keeps what it is given, and can be made to wait."""

    where = "shelf"

    def __init__(self) -> None:
        self.blocks: dict[tuple[str, str], dict[int, set[bytes]]] = {}
        self.letters: list[DeadLetter] = []
        self.inserts: list[int] = []
        self.asked: list[tuple[object, ...]] = []
        self.open = threading.Event()
        self.open.set()

    def heads(self, desk_id: str, chain: str, first: int, last: int) -> dict[int, set[bytes]]:
        self.asked.append((desk_id, chain, first, last))
        held = self.blocks.get((desk_id, chain), {})
        return {number: heads for number, heads in held.items() if first <= number <= last}

    def write_stored(self, blocks: list[Stored]) -> None:
        assert self.open.wait(5)
        self.inserts.append(len(blocks))
        for block in blocks:
            self.blocks.setdefault((block.desk_id, block.chain), {}).setdefault(block.number, set()).add(block.head)

    def write_dead_letters(self, letters: list[DeadLetter]) -> None:
        self.letters += letters


@pytest.fixture
def shelf() -> Shelf:
    """A new table."""
    return Shelf()


def writer_of(shelf: Shelf, **limits: int) -> BlockWriter:
    """A writer to it."""
    return BlockWriter(shelf, **limits)  # type: ignore[arg-type]


def test_settling_waits_for_everything_handed_on(shelf: Shelf) -> None:
    """After a flush every block is stored, however few there are."""
    writer = writer_of(shelf)
    for block in journal(3):
        writer.write([block])
    writer.flush()
    assert {0, 1, 2} == shelf.blocks["lab", "journal"].keys()
    writer.close()


def test_letters_are_settled_by_themselves(shelf: Shelf) -> None:
    """Without letters nothing is waited for; with one, it and what was before it are stored."""
    writer = writer_of(shelf)
    shelf.open.clear()
    writer.write(list(journal(1)))
    writer.flush_letters()
    assert [] == shelf.inserts
    shelf.open.set()
    writer.write_dead_letters([LETTER])
    writer.flush_letters()
    writer.flush_letters()
    assert [LETTER] == shelf.letters
    writer.close()


def test_a_hurried_writer_begins_at_once(shelf: Shelf) -> None:
    """It stores what it has while the rest of the epoch's end goes on; the flush then waits for what came since."""
    writer = writer_of(shelf)
    blocks = list(journal(2))
    writer.write(blocks[:1])
    writer.hurry()
    for _ in range(100):
        if shelf.inserts:
            break
        threading.Event().wait(0.01)
    assert [1] == shelf.inserts
    writer.write(blocks[1:])
    writer.flush()
    assert {0, 1} == shelf.blocks["lab", "journal"].keys()
    writer.close()


@pytest.fixture
def stocked(shelf: Shelf) -> Iterator[Shelf]:
    """A table that holds the first ten blocks of two chains."""
    with writer_of(shelf) as writer:
        writer.write([*journal(10), *decisions(10)])
    shelf.asked.clear()
    yield shelf


def test_the_same_blocks_are_taken_again(stocked: Shelf) -> None:
    """A run that goes on from its fourth block hands on what is there, and then what is new."""
    with writer_of(stocked, insert_rows=8) as writer:
        for block in list(journal(20))[4:]:
            writer.write([block])
    assert dict.fromkeys(range(20), 1) == {n: len(h) for n, h in stocked.blocks["lab", "journal"].items()}


def test_a_chain_beyond_what_is_stored_is_not_asked_about(stocked: Shelf) -> None:
    """Each insert is compared until one ends where the store has nothing; after that there is nothing to contradict."""
    with writer_of(stocked, insert_rows=1) as writer:
        for block in list(journal(20))[8:]:
            writer.write([block])
            writer.flush()
    assert [("lab", "journal", number, number) for number in (8, 9, 10)] == stocked.asked


@pytest.mark.parametrize("first", [0, 3, 9])
def test_another_content_is_refused_unstored(stocked: Shelf, first: int) -> None:
    """Also where a run agrees with the store for a while and then does not: nothing of that insert is kept."""
    same, other = list(journal(10)), list(journal(10, source=9))
    writer = writer_of(stocked)
    writer.write([*same[:first], *other[first:]])
    with pytest.raises(StoreError, match="shelf: holds another run of desk lab; use a new folder"):
        writer.flush()
    assert 1 == max(len(heads) for heads in stocked.blocks["lab", "journal"].values())
