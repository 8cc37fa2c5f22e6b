"""What an outbox has committed stays, once, for one process, one mode and one account."""

import os
import sqlite3
from pathlib import Path

import pytest

from connectors.outbox import Cancel, KeptFill, Outbox, OutboxError
from contracts.base import Refused
from contracts.control import IncidentReport
from contracts.intent import RiskVote
from contracts.order import AuthorisedOrder
from operators import outbox
from operators.outbox import Held
from tests import world

NOW = 1_760_000_000_000_000_000


def authorised(name: str = "o1", **child: object) -> AuthorisedOrder:
    """Return an authorised order."""
    order = world.child(client_order_id=name, **child)
    return AuthorisedOrder("i1", "p1", world.STRATEGY, order, (world.vote(),), "g")


def added(box: Outbox, name: str = "o1") -> Held:
    """Bring an order into an outbox."""
    order = authorised(name)
    row = outbox.held(order, "lab", "d1", NOW, NOW)
    box.add(row, order)
    return row


def opened(folder: Path, mode: str = "paper", account: str = "a") -> Outbox:
    """Open an outbox."""
    return Outbox(folder / "box", mode, account)


def incident(key: str = "k1") -> IncidentReport:
    """Return an incident."""
    return IncidentReport(key, "market", "order_unknown", "P1", (), "test", "EXEC_ORDER_UNKNOWN")


def test_it_is_written_through(tmp_path: Path) -> None:
    """WAL and synchronous=FULL: a commit that has returned survives the loss of power."""
    box = opened(tmp_path)
    assert ("wal", 2) == (
        box._base.execute("PRAGMA journal_mode").fetchone()[0],
        box._base.execute("PRAGMA synchronous").fetchone()[0],
    )
    box.close()
    assert 0o700 == (tmp_path / "box").stat().st_mode & 0o777


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    """Rows, bodies, events in their order, votes with their quote, marks, incidents and held markets."""
    box = opened(tmp_path)
    row = added(box)
    box.keep(outbox.ambiguous(outbox.signed(row, NOW).row), NOW, incident(), hold=True)
    kept = box.keep(outbox.heard(box.living["o1"], "RESTING", "V1", 0), NOW + 1)
    box.vote("o1", RiskVote("g", "APPROVE", "RISK_REVALIDATED", 1, 2), (44, 46), NOW)
    box.put_mark("told", "1")
    box.put_mark("told", "2")
    box.close()
    box = opened(tmp_path)
    assert (kept, kept, authorised()) == (box.row("o1"), box.living["o1"], box.body("o1"))
    assert [(1, "ACK", NOW + 1, "lab")] == [(e.number, e.said.event, e.at_ns, e.desk_id) for e in box.events_after(0)]
    assert [] == box.events_after(1)
    assert [(RiskVote("g", "APPROVE", "RISK_REVALIDATED", 1, 2), [44, 46])] == box.votes("o1")
    assert ("2", "") == (box.mark("told"), box.mark("other"))
    assert [(row.market_id, True, incident())] == box.incidents()
    assert frozenset({row.market_id}) == box.on_hold()
    assert (kept, None, [kept]) == (box.of_venue("V1"), box.of_venue("V2"), box.sent_since(NOW))
    assert (None, None) == (box.row("o9"), box.of_venue(""))
    with pytest.raises(OutboxError, match="has no order o9"):
        box.body("o9")


def test_the_first_write_wins(tmp_path: Path) -> None:
    """The table itself refuses an id twice; a cancel's identity keeps its first content; an incident its first time."""
    box = opened(tmp_path)
    added(box)
    with pytest.raises(OutboxError, match="UNIQUE"):
        added(box)
    cancel = Cancel("CANCEL|o1|0|i1", "o1", "lab", world.MARKET)
    assert ("x", "x") == (box.add_cancel(cancel, "x", authorised()), box.add_cancel(cancel, "y", authorised()))
    assert [cancel] == box.wanted()
    assert authorised() == box.cancel_body(cancel.identity)
    box.cancel_done(cancel.identity)
    assert [] == box.wanted()
    assert (True, False) == (box.report(incident(), 1), box.report(incident(), 2))
    with pytest.raises(OutboxError, match="has no cancel"):
        box.cancel_body("CANCEL|o9")


def test_a_fill_is_kept_once_and_moves_on_its_other_axis(tmp_path: Path) -> None:
    """The same trade again is known; settled later, it is one row that is settled."""
    box = opened(tmp_path)
    open_, done = (KeptFill("o1", "m", 1, 44, 5, 0, NOW, settled, False) for settled in (False, True))
    key = ("kalshi", "T1", "o1")
    assert (None, open_, open_, done) == tuple(box.fill(key, each) for each in (open_, open_, done, done))
    assert ([done], [], NOW + 7) == (box.fills(), box.fills(NOW + 1), box.oldest_unsettled(NOW + 7))
    box.fill(("kalshi", "T2", "o1"), open_)
    assert NOW == box.oldest_unsettled(0)


def test_a_transaction_is_whole_or_nothing(tmp_path: Path) -> None:
    """What raises in the middle leaves nothing behind, on disk or in memory."""
    box = opened(tmp_path)
    with pytest.raises(RuntimeError), box.together():
        row = added(box)
        box.keep(outbox.heard(outbox.signed(row, NOW).row, "RESTING", "V1", 0), NOW)
        raise RuntimeError
    assert (None, {}, []) == (box.row("o1"), box.living, box.events_after(0))


def test_one_process_writes(tmp_path: Path) -> None:
    """A second one is refused, and told who holds it; when that one is gone it may."""
    box = opened(tmp_path)
    with pytest.raises(OutboxError, match=f"held by process {os.getpid()}"):
        opened(tmp_path)
    box.close()
    opened(tmp_path).close()


@pytest.mark.parametrize(("mode", "account"), [("live", "a"), ("paper", "b")])
def test_a_folder_is_of_one_mode_and_account(tmp_path: Path, mode: str, account: str) -> None:
    """Opened as another it is refused, and left open by nobody."""
    opened(tmp_path).close()
    with pytest.raises(OutboxError, match="take another folder"):
        opened(tmp_path, mode, account)
    opened(tmp_path).close()


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """A file in the place of the folder, a file that is no database, an unknown mode."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboxError, match="cannot be used"):
        Outbox(tmp_path / "file", "paper", "a")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "outbox.sqlite").write_bytes(b"x" * 5_000)
    with pytest.raises(OutboxError, match="cannot be used"):
        Outbox(tmp_path / "bad", "paper", "a")
    with pytest.raises(Refused, match="mode"):
        Outbox(tmp_path / "c", "demo", "a")


def test_a_write_that_is_refused_says_where(tmp_path: Path) -> None:
    """A disk that takes nothing is an OutboxError naming the folder."""
    box = opened(tmp_path)
    box._base.execute("PRAGMA query_only=ON")
    with pytest.raises(OutboxError, match="box"):
        box.put_mark("a", "b")
    assert isinstance(sqlite3.sqlite_version, str)
