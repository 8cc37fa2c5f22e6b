"""Blocks that were said again collapse; what contradicts a chain, or runs ahead of it, has no effect and is kept."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from connectors.kafka_chains import REMEMBERED, BlockReader, Chains, Delivered
from connectors.kafka_records import record_of_block
from contracts.envelope import Block
from operators.envelope import Chain


def chain(length: int, desk: str = "bot3", word: str = "a") -> list[Block]:
    """Return the blocks of a chain."""
    links = Chain(desk, "journal")
    return [links.link([word, number], [number]) for number in range(length)]


def read(blocks: list[Block], chains: Chains | None = None, joins: bool = False) -> tuple[Delivered, BlockReader]:
    """Read blocks as records from offset 0 on."""
    reader, out = BlockReader("topic/0", {} if chains is None else chains, joins), Delivered([], [])
    for offset, block in enumerate(blocks):
        reader.take(offset, record_of_block(block)[1], 5, out)
    return out, reader


def numbers(out: Delivered) -> list[int]:
    """Return the numbers of the blocks that were taken."""
    return [block.number for block in out.blocks]


def reasons(out: Delivered) -> list[str]:
    """Return why records were not taken."""
    return [letter.reason for letter in out.letters]


@given(st.integers(1, 200), st.lists(st.integers(0, 199), max_size=6), st.integers(0, 199))
def test_each_block_once_however_often_its_writer_died(length: int, crashes: list[int], again: int) -> None:
    """A writer that dies anywhere and goes on from any earlier block leaves each block once, in order."""
    blocks, said, at = chain(length), [], 0
    for crash in crashes:
        until = min(length, crash)
        if until > at:
            said += blocks[at:until]
            at = min(again, until)
    out, reader = read(said + blocks[at:])
    assert (list(range(length)), []) == (numbers(out), out.letters)
    assert len(said) + length - at - length == reader.repeats


def test_another_content_under_a_known_number_is_an_incident_without_effect() -> None:
    """The first content stays in effect, the second is kept with its bytes, and its followers are refused too."""
    ours, theirs = chain(6), chain(8, word="b")
    out, reader = read(ours + theirs[4:])
    assert list(range(6)) == numbers(out)
    assert ["GOV_BLOCK_CONTRADICTED"] * 3 + ["GOV_BLOCK_AHEAD"] == reasons(out)
    assert record_of_block(theirs[4])[1].hex() == out.letters[0].data
    assert "bot3, journal, block 4: has head " in out.letters[0].detail
    assert 3 == reader.contradicted


def test_a_contradiction_is_found_however_far_back_it_began() -> None:
    """Repeats beyond what is remembered are proven by the first that is: heads cover all that is before them."""
    ours, theirs = chain(3 * REMEMBERED), chain(3 * REMEMBERED, word="b")
    out, _ = read(ours + theirs[:])
    assert ["GOV_BLOCK_CONTRADICTED"] * REMEMBERED == reasons(out)


def test_a_block_that_runs_ahead_waits_for_the_one_that_is_missing() -> None:
    """One lost delivery: what came after it is set aside, and taken when it is said again in order."""
    blocks = chain(6)
    out, _ = read([*blocks[:2], *blocks[3:5], *blocks[2:]])
    assert list(range(6)) == numbers(out)
    assert ["GOV_BLOCK_AHEAD"] * 2 == reasons(out)


def test_a_chain_begins_at_its_beginning() -> None:
    """The first block of a chain is number 0, unless the reader joined a log whose beginning was removed."""
    blocks = chain(5)
    assert ([], ["GOV_BLOCK_AHEAD"] * 3) == (numbers(read(blocks[2:])[0]), reasons(read(blocks[2:])[0]))
    assert [2, 3, 4] == numbers(read(blocks[2:], joins=True)[0])


def test_a_changed_byte_is_found() -> None:
    """A block whose head is not that of its content is no block."""
    block = chain(1)[0]
    out, _ = read([msgspec.structs.replace(block, data=block.data + b" ")])
    assert ([], ["GOV_BLOCK_UNREADABLE"]) == (numbers(out), reasons(out))
    assert ("topic/0", 1, 5_000_000) == (out.letters[0].source_id, out.letters[0].position, out.letters[0].at_ns)


def test_what_is_no_block_is_kept() -> None:
    """A stranger's record, or none at all, is a letter with its bytes."""
    reader, out = BlockReader("t/0", {}, False), Delivered([], [])
    reader.take(0, b"hello", 0, out)
    reader.take(1, None, 0, out)
    assert (["GOV_BLOCK_UNREADABLE"] * 2, [b"hello".hex(), ""]) == (reasons(out), [each.data for each in out.letters])


def test_chains_of_desks_and_names_do_not_touch() -> None:
    """Two desks in one partition have a chain each, and the memory goes on in another process."""
    one, two = chain(4), chain(4, desk="bot4")
    chains: Chains = {}
    first, _ = read([one[0], two[0], one[1], two[1]], chains)
    second, reader = read([one[1], *one[2:], two[1], *two[2:]], dict(chains))
    assert [("bot3", 0), ("bot4", 0), ("bot3", 1), ("bot4", 1)] == [(b.desk_id, b.number) for b in first.blocks]
    assert ([2, 3, 2, 3], 2) == (numbers(second), reader.repeats)
