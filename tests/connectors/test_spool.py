"""A spool keeps every batch that it acknowledged, whatever became of its last file, and never says another content."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import spool as spools
from connectors.errors import SpoolError
from connectors.spool import FULL, NORMAL, SAFE, Spool

BIG = 1 << 20
BATCHES = st.lists(st.lists(st.binary(max_size=60), min_size=1, max_size=5), min_size=1, max_size=6)


def everything(spool: Spool) -> list[bytes]:
    """Take and mark all that is there."""
    found: list[bytes] = []
    while part := spool.take(7):
        found += part
        spool.done()
    return found


def written(folder: Path, batches: list[list[bytes]]) -> Path:
    """Make the file that a spool would have written for these batches."""
    folder.mkdir()
    file = folder / f"{0:012d}.spool"
    file.write_bytes(b"".join(spools.packed(n, record) for n, batch in enumerate(batches, 1) for record in batch))
    return file


@given(batches=BATCHES, cut=st.integers(0, 10_000))
def test_any_cut_recovers_a_prefix(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]], cut: int
) -> None:
    """Wherever a crash cut the file, its whole records are there, in order, and no other; it can be written again."""
    folder = tmp_path_factory.mktemp("spool") / "s"
    file = written(folder, batches)
    records = [record for batch in batches for record in batch]
    whole = file.read_bytes()
    cut = cut % (len(whole) + 1)
    file.write_bytes(whole[:cut])
    kept = sum(1 for end, _, _ in spools.whole_records(whole) if end <= cut)
    spool = Spool(folder, BIG)
    assert bool(spool.torn) == (cut not in (0, *(end for end, _, _ in spools.whole_records(whole))))
    spool.append([b"after"])
    spool.close()
    assert [*records[:kept], b"after"] == everything(Spool(folder, BIG))


@given(batches=BATCHES, place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_changed_byte_is_never_read(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]], place: int, flip: int
) -> None:
    """A damaged file is refused, or read up to the damage in its last batch: never with another content."""
    folder = tmp_path_factory.mktemp("spool") / "s"
    file = written(folder, batches)
    data = bytearray(file.read_bytes())
    place %= len(data)
    data[place] ^= flip
    file.write_bytes(data)
    records = [record for batch in batches for record in batch]
    before_last = len(records) - len(batches[-1])
    try:
        found = everything(Spool(folder, BIG))
    except SpoolError as err:
        assert "is ruined at byte" in str(err)
    else:
        assert found == records[: len(found)] and len(found) >= before_last


def test_damage_before_a_later_batch_is_refused_and_nothing_is_cut(tmp_path: Path) -> None:
    """What was acknowledged is not taken for a torn end: a person decides, and the file is as it was."""
    file = written(tmp_path / "s", [[b"first"], [b"second"]])
    data = bytearray(file.read_bytes())
    data[18] ^= 1
    file.write_bytes(data)
    with pytest.raises(SpoolError, match="is ruined at byte 0"):
        Spool(tmp_path / "s", BIG)
    assert bytes(data) == file.read_bytes()


def test_what_was_cut_off_is_kept_beside_it(tmp_path: Path) -> None:
    """A torn end is not thrown away."""
    file = written(tmp_path / "s", [[b"first"], [b"second"]])
    whole = file.read_bytes()
    file.write_bytes(whole[:-3])
    spool = Spool(tmp_path / "s", BIG)
    assert "bytes of a batch that was never acknowledged" in spool.torn
    assert whole[21:-3] == file.with_suffix(".torn").read_bytes()


def test_safe_above_four_fifths_and_full_while_waiting(tmp_path: Path) -> None:
    """The state follows the bytes: NORMAL up to 80 %, SAFE above, FULL while a batch waits; nothing is dropped."""
    spool, record = Spool(tmp_path / "s", 10_000), b"x" * 984  # 1,000 bytes with its head
    seen = []
    for _ in range(10):
        spool.append([record])
        seen.append(spool.state)
    assert [NORMAL] * 8 + [SAFE] * 2 == seen
    states: list[str] = []

    def waiting() -> None:
        states.append(spool.state)
        if len(states) == 3:
            spool.take(4)
            spool.done()

    spool.append([b"y" * 984], waiting)
    assert ([FULL] * 3, SAFE) == (states, spool.state)
    assert [record] * 6 + [b"y" * 984] == everything(spool)
    assert (NORMAL, True) == (spool.state, spool.empty)


def test_a_full_spool_blocks_until_who_waits_gives_up(tmp_path: Path) -> None:
    """Giving up is an exception of the caller's; the batch is not there, all before it is."""
    spool = Spool(tmp_path / "s", 4_000)
    for number in range(4):
        spool.append([bytes([number]) * 984])

    def waiting() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        spool.append([b"z" * 984], waiting)
    assert not spool.full
    assert [bytes([number]) * 984 for number in range(4)] == everything(spool)


def test_files_go_when_they_were_handed_on(tmp_path: Path) -> None:
    """A spool that is written and read for ever takes no more than its limit."""
    spool = Spool(tmp_path / "s", 40_000)
    for number in range(100):
        spool.append([number.to_bytes(4) * 100] * 10)
        assert [number.to_bytes(4) * 100] * 10 == everything(spool)
        assert sum(path.stat().st_size for path in (tmp_path / "s").iterdir()) <= 40_000
    assert spool.used <= 40_000 // spools.SEGMENTS


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    """Another process hands on what was not marked: nothing is left out, what was not marked comes again."""
    spool = Spool(tmp_path / "s", 40_000)
    for number in range(60):
        spool.append([number.to_bytes(4) * 100])
    assert 10 == len(spool.take(10))
    spool.done()
    assert 5 == len(spool.take(5))
    spool.close()
    assert [number.to_bytes(4) * 100 for number in range(10, 60)] == everything(Spool(tmp_path / "s", 40_000))


def test_a_batch_that_could_never_fit_is_refused(tmp_path: Path) -> None:
    """More than a quarter of the limit in one batch would wait for ever: it is named."""
    with pytest.raises(SpoolError, match="a batch of 2016 bytes; allowed: 1000"):
        Spool(tmp_path / "s", 4_000).append([b"x" * 2_000])


def test_a_disk_that_refuses_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that is not on disk is said not to be; afterwards it goes on."""
    spool = Spool(tmp_path / "s", BIG)
    spool.append([b"first"])

    left, real = [1], os.fsync

    def refused(handle: int) -> None:
        if left and left.pop():
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", refused)
    with pytest.raises(SpoolError, match="No space left on device; the batch is not on disk"):
        spool.append([b"second"])
    spool.append([b"third"])
    spool.close()
    assert [b"first", b"third"] == everything(Spool(tmp_path / "s", BIG))


def test_a_disk_that_refuses_to_take_back_closes_the_spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a failed batch cannot be cut off again nothing is appended behind it."""
    spool = Spool(tmp_path / "s", BIG)
    spool.append([b"first"])

    def refused(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refused)
        with pytest.raises(SpoolError, match="the batch is not on disk"):
            spool.append([b"second"])
    with pytest.raises(SpoolError, match="open it again"):
        spool.append([b"third"])


def test_a_mark_without_its_file_is_refused(tmp_path: Path) -> None:
    """A file that was taken away is not read as an empty one."""
    file = written(tmp_path / "s", [[b"first"]])
    spool = Spool(tmp_path / "s", BIG)
    spool.take()
    spool.done()
    file.unlink()
    with pytest.raises(SpoolError, match="names file 0, which is missing"):
        Spool(tmp_path / "s", BIG)
