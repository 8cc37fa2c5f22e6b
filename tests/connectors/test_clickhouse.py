"""Show that the store keeps what it acknowledged, once, and shows what does not fit: with the real embedded engine."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from msgspec.structs import replace

from connectors import clickhouse
from connectors.clickhouse import EnvelopeTable, StoreError
from connectors.columns import Stored, block_columns, blocks_of, offsets_of, stored, token
from connectors.store import LOCK
from connectors.writer import BlockWriter
from contracts.envelope import Block, DeadLetter
from tests.connectors.desk_stream import decisions, journal, tampered

pytestmark = pytest.mark.chdb


@pytest.fixture
def table(tmp_path: Path) -> Iterator[EnvelopeTable]:
    """Open a new store, and close it again: one path at a time."""
    with EnvelopeTable.embedded(tmp_path / "store", "paper") as opened:
        yield opened


def same(one: Block, other: Block) -> bool:
    """True when two blocks are equal but for the rows that a store does not keep."""
    return replace(one, rows=[]) == replace(other, rows=[])


def count(table: EnvelopeTable, what: str) -> int:
    """Return how many rows a table or view has."""
    return int(str(table.query(f"SELECT count() FROM {{database}}.{what}")[0][0]))


# ---- blocks --------------------------------------------------------------------------------------------------------


def test_blocks_come_back_as_they_were(table: EnvelopeTable) -> None:
    """Bytes, links, offsets and order survive; the chain holds and has no incident."""
    written = [*journal(6), *decisions(6)]
    table.write_blocks(written)
    read = [*table.read_blocks("lab", "journal"), *table.read_blocks("lab", "decisions")]
    assert [same(one, other) for one, other in zip(written, read, strict=True)] == [True] * 12
    assert table.chains() == [("lab", "decisions"), ("lab", "journal")]
    assert table.desks() == ["lab"]
    assert table.verify_chain() is None
    assert table.incidents() == []


def test_the_same_blocks_again_change_nothing(table: EnvelopeTable) -> None:
    """A retry is dropped by its token; another cut of the same blocks is not, and still no reader sees it twice."""
    blocks = list(journal(8, rows=16))
    table.write_blocks(blocks)
    table.write_blocks(blocks)
    assert count(table, "blocks") == 8
    table.write_blocks(blocks[2:5])
    assert count(table, "envelopes") == 8 * 16
    assert [block.number for block in table.read_blocks("lab", "journal")] == list(range(8))
    assert table.verify_chain() is None
    assert table.incidents() == []


def test_two_contents_under_one_id_are_an_incident(table: EnvelopeTable) -> None:
    """Different content under the same ids is neither dropped nor merged away: both are named."""
    blocks = list(decisions(3))
    other = tampered(blocks[1])
    table.write_blocks(blocks)
    table.write_blocks([replace(other, head=hashlib.sha256(other.previous + other.data).digest())])
    found = table.incidents()
    assert {incident.payload_kind for incident in found} == {"OrderIntent"}
    assert [(each.desk_id, len(each.content_hashes), each.blocks) for each in found] == [("lab", 2, (1,))]
    assert found[0].envelope_id == "lab/1:60.0+0/7.0"
    broken = table.verify_chain()
    assert broken is not None
    assert broken.number in (1, 2)  # the copy that comes second stands at 1; or 2 does not link to it


@pytest.mark.parametrize(
    ("damage", "number", "why"),
    [
        ("content", 2, "content does not match its hash"),
        ("link", 3, "does not link to the block before it"),
        ("gap", 2, "missing; the next one stored is 3"),
        ("start", 0, "missing; the next one stored is 1"),
    ],
)
def test_a_chain_that_was_touched_is_found(table: EnvelopeTable, damage: str, number: int, why: str) -> None:
    """An edit, a rewrite that hashes itself right, and a removal are found at their block."""
    blocks = list(journal(6, rows=8))
    if damage == "content":
        blocks[2] = tampered(blocks[2])
    elif damage == "link":
        edited = tampered(blocks[2])
        blocks[2] = replace(edited, head=hashlib.sha256(edited.previous + edited.data).digest())
    else:
        del blocks[2 if damage == "gap" else 0]
    table.write_blocks(blocks)
    assert table.verify_chain() == clickhouse.Broken("lab", "journal", number, why)


def test_a_chain_is_read_in_pages_and_ranges(table: EnvelopeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages join without seam in both directions; times and texts narrow what is read."""
    monkeypatch.setattr(clickhouse, "PAGE_BLOCKS", 3)
    monkeypatch.setattr(clickhouse, "SLACK_NS", 0)
    blocks = list(journal(10, rows=8))
    table.write_blocks(blocks)
    assert [block.number for block in table.read_blocks("lab", "journal")] == list(range(10))
    assert [block.number for block in table.read_blocks("lab", "journal", newest_first=True)] == list(range(9, -1, -1))
    since, until = blocks[4].rows[0].at_ns, blocks[6].rows[0].at_ns
    assert [block.number for block in table.read_blocks("lab", "journal", since, until)] == [4, 5, 6]
    needles = [['"kind":"MarketDefinition"', '"no such text"']]
    assert [block.number for block in table.read_blocks("lab", "journal", needles=needles)] == [0]
    assert list(table.read_blocks("lab", "journal", needles=[*needles, ['"no such text"']])) == []
    assert list(table.read_blocks("other", "journal")) == []


def test_views_explode_blocks_into_envelopes(table: EnvelopeTable) -> None:
    """Facts and what was said of them become rows with names, codes and hashes; reports are views over them."""
    table.write_blocks([*journal(2, rows=32), *decisions(2)])
    kinds = dict(table.query("SELECT payload_kind, count() FROM {database}.envelopes GROUP BY payload_kind"))
    assert kinds["VenueBookDelta"] == 64 - 6
    assert (kinds["OrderIntent"], kinds["RiskVote"], kinds["Fill"], kinds["DeskConfigured"]) == (2, 2, 2, 1)
    columns = "envelope_id, offset, cause_id, rank, reasons, length(content_hash)"
    first = table.query(f"SELECT {columns} FROM {{database}}.envelopes WHERE payload_kind = 'OrderIntent' LIMIT 1")[0]
    assert list(first) == ["lab/1:10.0+0/7.0", 14, "1:10.0+0", 7, ["STRAT_MT_QUOTE"], 64]
    votes = table.query("SELECT gate, verdict, counted, votes FROM {database}.votes_by_reason")
    assert [tuple(row) for row in votes] == [
        ("risk.market_halt", "APPROVE", 0, 2),
        ("risk.stale_book", "APPROVE", 1, 2),
    ]
    per_market = table.query("SELECT market_id, verdict, decisions FROM {database}.decisions_per_market")
    assert [tuple(row) for row in per_market] == [("M1", "APPROVE", 2)]
    assert count(table, "fills") == 2
    assert count(table, "positions") == 0
    offsets = table.query("SELECT offset FROM {database}.envelopes WHERE chain = 'journal'")
    assert [row[0] for row in offsets] == list(range(1, 65))


# ---- letters and runs ----------------------------------------------------------------------------------------------


def test_dead_letters_are_kept_once(table: EnvelopeTable) -> None:
    """Two frames at different places are two letters; the same one again is none."""
    letters = [
        DeadLetter("capture-1", position, 1_767_225_600_000_000_000, "INTEL_FRAME_NOT_JSON", "torn", "7b")
        for position in (3, 9)
    ]
    table.write_dead_letters(letters)
    table.write_dead_letters(letters[1:])
    table.write_dead_letters([])
    assert list(table.dead_letters()) == letters


def test_the_newest_record_of_a_run_counts(table: EnvelopeTable) -> None:
    """A run may be recorded at its start and at its end; runs stand in the order of their records."""
    sources = {"0": {"source_id": "abc", "name": "day.jsonl.gz"}}
    table.write_run("run-1", "lab", "x86", sources, {})
    table.write_run("run-1", "lab", "x86", sources, {"frames": 7}, {"bots": {"0": "intel.instrument_registry"}})
    table.write_run("run-1", "lab", "x86", sources, {"frames": 7}, {"bots": {"0": "intel.instrument_registry"}})
    runs = table.runs()
    assert [(run.run_id, run.sources, run.result) for run in runs] == [("run-1", sources, {"frames": 7})]
    assert runs[0].tables == {"bots": {"0": "intel.instrument_registry"}}


# ---- opening -------------------------------------------------------------------------------------------------------


def test_a_store_opens_again_and_only_once_at_a_time(tmp_path: Path) -> None:
    """What was acknowledged is there after reopening; two paths, or two owners, are refused by name."""
    blocks = list(journal(3, rows=8))
    with EnvelopeTable.embedded(tmp_path / "a", "paper") as table:
        table.write_blocks(blocks)
        with pytest.raises(StoreError, match=f"held by process {os.getpid()}"):
            EnvelopeTable.embedded(tmp_path / "a", "paper")
        with pytest.raises(StoreError, match=f"{tmp_path / 'b'}: cannot be opened"):
            EnvelopeTable.embedded(tmp_path / "b", "paper")
        assert not (tmp_path / "b" / LOCK).exists()
    table.close()
    with pytest.raises(StoreError, match="store is closed"):
        table.runs()
    with EnvelopeTable.embedded(tmp_path / "a") as again:
        assert again.mode == "paper"
        assert [block.head for block in again.read_blocks("lab", "journal")] == [block.head for block in blocks]


def test_a_store_is_not_used_across_a_fork(table: EnvelopeTable) -> None:
    """The engine hangs in a forked child, so the child is refused before it asks."""
    child = os.fork()
    if not child:
        try:
            table.runs()
        except StoreError as err:
            os._exit(7 if "before a fork" in str(err) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert table.runs() == []


def test_statements_that_are_not_there_are_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without its statements would make an empty store; it says so instead, and lets go."""
    monkeypatch.setattr(clickhouse, "SQL_FOLDER", tmp_path)
    for _ in range(2):
        with pytest.raises(StoreError, match="statements that make the tables are not there"):
            EnvelopeTable.embedded(tmp_path / "store", "paper")


def test_a_server_that_is_not_there_is_an_error_with_its_address() -> None:
    """The other backend speaks through the same client; nothing listens on port 1."""
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1: cannot be opened"):
        EnvelopeTable.server("127.0.0.1", 1, "paper")


# ---- the writer ----------------------------------------------------------------------------------------------------


def test_the_writer_stores_everything_handed_on(table: EnvelopeTable) -> None:
    """Whatever the cuts: flush waits for what was handed on, close for the rest, and then nothing more is taken."""
    blocks = [*journal(40, rows=16), *decisions(40)]
    writer = BlockWriter(table, insert_rows=64, queue_rows=128)
    writer.write(blocks[:30])
    writer.write([])
    writer.write_dead_letters([DeadLetter("capture-1", 1, 5, "INTEL_FRAME_NOT_JSON", "torn", "7b")])
    writer.flush()
    assert (writer.blocks_stored, len(list(table.dead_letters()))) == (30, 1)
    for block in blocks[30:]:
        writer.write([block])
    writer.close()
    assert (writer.blocks_stored, writer.rows_stored) == (80, 40 * 16 + 40 * 8 + 1)
    assert table.verify_chain() is None
    with pytest.raises(StoreError, match="writer is closed"):
        writer.write(blocks[:1])


def test_a_little_is_stored_within_about_a_second(table: EnvelopeTable) -> None:
    """A block does not wait for others that may never come."""
    with BlockWriter(table) as writer:
        writer.write(list(journal(1)))
        done = threading.Event()
        for _ in range(40):
            if writer.blocks_stored:
                break
            done.wait(0.1)
        assert writer.blocks_stored == 1


class Failing:
    """A table whose disk is full after some inserts."""

    where = "somewhere"

    def __init__(self, good: int, error: Exception, entered: threading.Event | None = None) -> None:
        """Fail at every insert after `good` ones; wait for `entered` before each."""
        self.good, self.error, self.entered = good, error, entered
        self.kept: list[Stored] = []

    def heads(self, *_: object) -> dict[int, set[bytes]]:
        """Return nothing: a new store."""
        return {}

    def write_dead_letters(self, letters: list[DeadLetter]) -> None:
        """Take letters."""

    def write_stored(self, blocks: list[Stored]) -> None:
        """Take blocks, or fail."""
        if self.entered is not None:
            assert self.entered.wait(5)
        if self.good <= 0:
            raise self.error
        self.good -= 1
        self.kept += blocks


@pytest.mark.parametrize("error", [StoreError("somewhere: NOT_ENOUGH_SPACE"), ValueError("a bug")])
def test_what_goes_wrong_surfaces_at_the_next_call_and_at_close(error: Exception) -> None:
    """A producer hears of a failed insert, again and again; it never waits for a writer that has gone."""
    failing = Failing(0, error)
    writer = BlockWriter(failing, insert_rows=8, queue_rows=16)  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="somewhere"):
        for block in journal(100, rows=8):
            writer.write([block])
    for call in (writer.flush, writer.close, lambda: writer.write([]), writer.close):
        with pytest.raises(StoreError, match="somewhere"):
            call()


def test_a_producer_waits_while_the_queue_is_full() -> None:
    """Nothing is dropped: the queue holds what it may, and the producer stands still until there is room."""
    gate = threading.Event()
    slow = Failing(1_000, ValueError(), gate)
    writer = BlockWriter(slow, insert_rows=8, queue_rows=32)  # type: ignore[arg-type]
    blocks, handed = list(journal(20, rows=8)), []

    def produce() -> None:
        for block in blocks:
            writer.write([block])
            handed.append(block.number)

    thread = threading.Thread(target=produce)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    assert len(handed) == 32 // 8
    gate.set()
    thread.join(5)
    writer.close()
    assert [block.number for block in slow.kept] == list(range(20))


def test_a_store_keeps_one_run_of_a_desk(table: EnvelopeTable) -> None:
    """Another run's blocks would stand under the same ids: they are refused unstored; the same run goes on."""
    with BlockWriter(table) as writer:
        writer.write(list(journal(3)))
    with BlockWriter(table) as writer:
        writer.write(list(journal(5)))
    other = BlockWriter(table)
    other.write(list(journal(2, source=9)))
    with pytest.raises(StoreError, match="holds another run of desk lab"):
        other.close()
    assert [block.number for block in table.read_blocks("lab", "journal")] == list(range(5))
    assert table.verify_chain() is None


# ---- columns -------------------------------------------------------------------------------------------------------


def test_columns_turn_into_the_same_blocks() -> None:
    """Columns lose nothing, with offsets per row or the first alone, with rows or without."""
    blocks = [*journal(2, rows=8), *decisions(2)]
    bare = [replace(block, rows=[]) for block in blocks]
    assert list(blocks_of(block_columns([stored(block) for block in blocks]))) == bare
    assert [stored(block) for block in bare] == [stored(block) for block in blocks]
    assert list(offsets_of(blocks[1], 8)) == list(range(9, 17))
    assert offsets_of(blocks[3], 8) == blocks[3].offsets
    assert list(offsets_of(replace(blocks[0], offsets=[]), 2)) == [0, 1]


def test_a_token_names_all_that_an_insert_holds() -> None:
    """Any difference in what is inserted gives another token, so that it cannot vanish as a repeat."""
    kept = [stored(block) for block in journal(3, rows=8)]
    changes: list[dict[str, object]] = [
        {"data": kept[1].data + b" "}, {"head": bytes(32)}, {"previous": bytes(32)}, {"offsets": [1, 2]},
        {"number": 9}, {"desk_id": "bot1"}, {"chain": "decisions"},
    ]  # fmt: skip
    others = [[kept[0], kept[1]._replace(**change), kept[2]] for change in changes]  # type: ignore[arg-type]
    names = [token(kept), token(kept[:2]), *map(token, others)]
    assert len(set(names)) == len(names)
    assert token(kept) == token([stored(block) for block in journal(3, rows=8)])
    assert token(kept).startswith("lab/journal/0-lab/journal/2-")


# ---- crash ---------------------------------------------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from connectors.clickhouse import EnvelopeTable
from tests.connectors.desk_stream import journal
table, batch = EnvelopeTable.embedded(Path(sys.argv[1]), "paper"), []
for block in journal(100_000, rows=32):
    batch.append(block)
    if len(batch) == 4:
        table.write_blocks(batch)
        print(block.number, flush=True)
        batch = []
"""


def test_a_kill_in_the_middle_of_inserts_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Three kill -9: all that was acknowledged is there, once, the next start goes on, and the chain holds."""
    acknowledged = -1
    for inserts in (3, 11, 27):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        lines = list(islice(child.stdout, inserts))
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.read().splitlines()
        child.communicate()
        acknowledged = max(acknowledged, *(int(line) for line in lines if line.strip()))
    with EnvelopeTable.embedded(tmp_path) as table:
        numbers = [block.number for block in table.read_blocks("lab", "journal")]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) > acknowledged >= 27 * 4 - 1
        assert table.verify_chain() is None
        assert table.incidents() == []
