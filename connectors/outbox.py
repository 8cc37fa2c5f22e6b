"""Keep orders durable on their way to a venue: what is decided is on disk before anybody acts on it.

    DIR/outbox.sqlite   WAL, synchronous=FULL: a commit that has returned survives the loss of power
    DIR/outbox.lock     one process writes; the kernel lets go when it ends, however it ends

A folder belongs to one mode and one account: opened as another it is refused. The first write of an id wins; the same
id with another content changes nothing and is told to the caller. A move of an order, what the venue is thereby known
to have said, and what a person must see are one transaction, so each event goes back once: its number is its identity.
Operators decide the moves (operators/outbox.py); nothing is decided here.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from connectors.errors import EdgeError
from connectors.namespace import checked_mode
from contracts.base import read, write
from contracts.control import IncidentReport
from contracts.intent import RiskVote
from contracts.order import AuthorisedOrder, VenueOrderEvent
from operators.outbox import ENDED, Held, Move

FORMAT = "1"
FILE, LOCK = "outbox.sqlite", "outbox.lock"
SCHEMA = """
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
    client_order_id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, state TEXT NOT NULL, sent_ns INTEGER NOT NULL,
    row BLOB NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_state ON orders (state);
CREATE INDEX IF NOT EXISTS by_sent ON orders (sent_ns);
CREATE TABLE IF NOT EXISTS cancels (
    identity TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, client_order_id TEXT NOT NULL, desk_id TEXT NOT NULL,
    digest TEXT NOT NULL, state TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fills (
    venue_id TEXT NOT NULL, account TEXT NOT NULL, trade_id TEXT NOT NULL, client_order_id TEXT NOT NULL,
    at_ns INTEGER NOT NULL, settled INTEGER NOT NULL, failed INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (venue_id, account, trade_id, client_order_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at_ns INTEGER NOT NULL, desk_id TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS incidents (
    incident_key TEXT PRIMARY KEY, at_ns INTEGER NOT NULL, market_id TEXT NOT NULL, open INTEGER NOT NULL,
    body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS votes (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at_ns INTEGER NOT NULL, client_order_id TEXT NOT NULL,
    vote BLOB NOT NULL, quote BLOB NOT NULL);
"""
WANTED, DONE = "WANTED", "DONE"
_ROW = msgspec.json.Decoder(Held).decode
_ENCODE = msgspec.json.Encoder().encode


class OutboxError(EdgeError):
    """An outbox cannot be used, or refused to write; the message names the folder and why."""


class Cancel(NamedTuple):
    """A cancel that came: who wants which order gone."""

    identity: str
    client_order_id: str
    desk_id: str
    market_id: str


class Event(NamedTuple):
    """What goes back to a desk; the number is its identity, growing without a repeat."""

    number: int
    at_ns: int
    desk_id: str
    said: VenueOrderEvent


class KeptFill(NamedTuple):
    """A fill as it was recorded: how much of which order, and where it stands on the other axis."""

    client_order_id: str
    market_id: str
    side: int
    price_ticks: int
    size_lots: int
    fee_micros: int
    at_ns: int
    settled: bool
    failed: bool


class Outbox:
    """The orders of one account at one venue. For one process and one thread.

    living  every order that has not ended, by id, oldest first; a copy of what is on disk
    """

    def __init__(self, folder: Path, mode: str, account: str) -> None:
        """Open or make it; raises OutboxError for a folder of another mode or account, or held by another process."""
        self.folder, self.mode, self.account = folder, checked_mode(mode), account
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _locked(folder)
            self._base = sqlite3.connect(folder / FILE, isolation_level=None)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=FULL")
            self._base.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
        except (OSError, sqlite3.Error) as err:
            raise OutboxError(f"{folder}: cannot be used as an outbox ({err})") from None
        self._depth, self.living = 0, dict[str, Held]()
        self._owned()
        self.living = {row.client_order_id: row for row in self._rows("state NOT IN ({ended}) ORDER BY number")}

    def _owned(self) -> None:
        """Note, once, whose it is; raises OutboxError where it is somebody else's."""
        said = {"format": FORMAT, "mode": self.mode, "account": self.account}
        for name, value in said.items():
            found = self.mark(name) or value
            if found != value:
                self.close()
                what = f"is an outbox of {name} {found}; asked for {value}"
                raise OutboxError(f"{self.folder}: {what}; take another folder")
        if not self.mark("format"):
            with self.together():
                for name, value in said.items():
                    self.put_mark(name, value)

    def close(self) -> None:
        """Close it; what was committed stays."""
        self._base.close()
        os.close(self._lock)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make everything inside one transaction: all of it is on disk, or none. Raises OutboxError."""
        if self._depth:
            yield
            return
        self._depth += 1
        living = dict(self.living)
        try:
            self._base.execute("BEGIN IMMEDIATE")
            yield
            self._base.execute("COMMIT")
        except BaseException as err:
            self.living = living
            if self._base.in_transaction:
                self._base.execute("ROLLBACK")
            if isinstance(err, sqlite3.Error):
                raise OutboxError(f"{self.folder}: {err}") from None
            raise
        finally:
            self._depth -= 1

    # ---- orders ----

    def row(self, client_order_id: str) -> Held | None:
        """Return an order's row, ended ones too; None for one that never came."""
        found = self.living.get(client_order_id)
        if found is not None:
            return found
        return next(self._rows("client_order_id = ?", client_order_id), None)

    def body(self, client_order_id: str) -> AuthorisedOrder:
        """Return an order as it came; raises OutboxError for one that never did."""
        found = self._one("SELECT body FROM orders WHERE client_order_id = ?", client_order_id)
        if found is None:
            raise OutboxError(f"{self.folder}: has no order {client_order_id}")
        return read(AuthorisedOrder, found[0])

    def add(self, row: Held, order: AuthorisedOrder) -> None:
        """Write an order that came, once; a known id is refused by the table."""
        with self.together():
            values = (row.client_order_id, row.state, row.sent_ns, _ENCODE(row), write(order))
            self._do(
                "INSERT INTO orders SELECT ?, (SELECT COALESCE(MAX(number), 0) + 1 FROM orders), ?, ?, ?, ?", values
            )
            self.living[row.client_order_id] = row

    def keep(self, move: Move, at_ns: int, incident: IncidentReport | None = None, *, hold: bool = False) -> Held:
        """Make a move durable with its events and its incident: one transaction. Returns the row.

        hold  no new exposure in the market until a person has closed the incident
        """
        row = move.row
        with self.together():
            values = (row.state, row.sent_ns, _ENCODE(row), row.client_order_id)
            self._do("UPDATE orders SET state = ?, sent_ns = ?, row = ? WHERE client_order_id = ?", values)
            for said in move.events:
                self.tell(row.desk_id, said, at_ns)
            if incident is not None:
                self.report(incident, at_ns, row.market_id if hold else "")
            if row.state in ENDED:
                self.living.pop(row.client_order_id, None)
            else:
                self.living[row.client_order_id] = row
        return row

    def sent_since(self, since_ns: int) -> list[Held]:
        """Return the orders that may have left since a time, oldest first."""
        return list(self._rows("sent_ns >= ? ORDER BY number", since_ns))

    def of_venue(self, venue_order_id: str) -> Held | None:
        """Return the order that the venue knows by its own id; None without one. Looks at living ones first."""
        if not venue_order_id:
            return None
        living = (row for row in self.living.values() if row.venue_order_id == venue_order_id)
        return next(living, None) or next(self._rows("json_extract(row, '$.venue_order_id') = ?", venue_order_id), None)

    # ---- cancels ----

    def add_cancel(self, cancel: Cancel, digest: str, order: AuthorisedOrder) -> str:
        """Write a cancel that came; returns the digest of what is known under its identity, this one's if new."""
        found = self._one("SELECT digest FROM cancels WHERE identity = ?", cancel.identity)
        if found is None:
            values = (cancel.identity, cancel.client_order_id, cancel.desk_id, digest, WANTED, write(order))
            self._do(
                "INSERT INTO cancels SELECT ?, (SELECT COALESCE(MAX(number), 0) + 1 FROM cancels), ?, ?, ?, ?, ?",
                values,
            )
        return digest if found is None else f"{found[0]!s}"

    def wanted(self) -> list[Cancel]:
        """Return the cancels that are not done, oldest first."""
        asked = "SELECT identity, client_order_id, desk_id, body FROM cancels WHERE state = 'WANTED' ORDER BY number"
        found = self._base.execute(asked).fetchall()
        return [
            Cancel(one, order, desk, read(AuthorisedOrder, body).child.market_id) for one, order, desk, body in found
        ]

    def cancel_body(self, identity: str) -> AuthorisedOrder:
        """Return a cancel as it came; raises OutboxError for one that never did."""
        found = self._one("SELECT body FROM cancels WHERE identity = ?", identity)
        if found is None:
            raise OutboxError(f"{self.folder}: has no cancel {identity}")
        return read(AuthorisedOrder, found[0])

    def cancel_done(self, identity: str) -> None:
        """Note that nothing is left to do for a cancel."""
        self._do("UPDATE cancels SET state = 'DONE' WHERE identity = ?", (identity,))

    # ---- fills, events, incidents, votes ----

    def fill(self, key: tuple[str, str, str], fill: KeptFill) -> KeptFill | None:
        """Write a fill under (venue, trade id, order id); returns what was known of it before, None for a new one."""
        venue_id, trade_id, order_id = key
        where = (venue_id, self.account, trade_id, order_id)
        named = "venue_id = ? AND account = ? AND trade_id = ? AND client_order_id = ?"
        found = self._one(f"SELECT body FROM fills WHERE {named}", *where)  # noqa: S608 - no value stands in the text
        axis = (fill.settled, fill.failed, _ENCODE(fill))
        if found is None:
            self._do("INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*where, fill.at_ns, *axis))
            return None
        before = msgspec.json.decode(found[0], type=KeptFill)
        if (before.settled, before.failed) != (fill.settled, fill.failed):
            self._do(f"UPDATE fills SET settled = ?, failed = ?, body = ? WHERE {named}", (*axis, *where))  # noqa: S608
        return before

    def oldest_unsettled(self, otherwise: int) -> int:
        """Return the venue's time of the oldest fill that is neither settled nor failed; `otherwise` without one."""
        found = self._one("SELECT MIN(at_ns) FROM fills WHERE settled = 0 AND failed = 0")
        return otherwise if found is None or found[0] is None else int(found[0])

    def fills(self, since_ns: int = 0) -> list[KeptFill]:
        """Return the fills from a time on, by the venue's time."""
        asked = "SELECT body FROM fills WHERE at_ns >= ? ORDER BY at_ns, trade_id"
        found = self._base.execute(asked, (since_ns,)).fetchall()
        return [msgspec.json.decode(body, type=KeptFill) for (body,) in found]

    def tell(self, desk_id: str, said: VenueOrderEvent, at_ns: int) -> None:
        """Append what goes back to a desk."""
        self._do("INSERT INTO events (at_ns, desk_id, body) VALUES (?, ?, ?)", (at_ns, desk_id, write(said)))

    def events_after(self, number: int, most: int = 256) -> list[Event]:
        """Return the next events after a number, oldest first, at most so many."""
        asked = "SELECT number, at_ns, desk_id, body FROM events WHERE number > ? ORDER BY number LIMIT ?"
        found = self._base.execute(asked, (number, most)).fetchall()
        return [Event(each, at_ns, desk, read(VenueOrderEvent, body)) for each, at_ns, desk, body in found]

    def report(self, report: IncidentReport, at_ns: int, market_id: str = "") -> bool:
        """Write an incident, which holds the market if one is named; False for a known one: same cause, same key."""
        values = (report.incident_key, at_ns, market_id, 1, write(report))
        return self._do("INSERT OR IGNORE INTO incidents VALUES (?, ?, ?, ?, ?)", values) == 1

    def incidents(self) -> list[tuple[str, bool, IncidentReport]]:
        """Return (market, open, incident) of every incident, oldest first."""
        found = self._base.execute(
            "SELECT market_id, open, body FROM incidents ORDER BY at_ns, incident_key"
        ).fetchall()
        return [(market, bool(is_open), read(IncidentReport, body)) for market, is_open, body in found]

    def close_incident(self, incident_key: str) -> bool:
        """Note that a person has dealt with an incident; False for one that is not open."""
        return self._do("UPDATE incidents SET open = 0 WHERE incident_key = ? AND open = 1", (incident_key,)) == 1

    def on_hold(self) -> frozenset[str]:
        """Return the markets that an open incident holds."""
        asked = "SELECT DISTINCT market_id FROM incidents WHERE open = 1 AND market_id != ''"
        return frozenset(market for (market,) in self._base.execute(asked).fetchall())

    def vote(self, client_order_id: str, vote: RiskVote, quote: object, at_ns: int) -> None:
        """Append a vote that was made here, and the quote that it read."""
        values = (at_ns, client_order_id, write(vote), _ENCODE(quote))
        self._do("INSERT INTO votes (at_ns, client_order_id, vote, quote) VALUES (?, ?, ?, ?)", values)

    def votes(self, client_order_id: str) -> list[tuple[RiskVote, object]]:
        """Return the votes on an order that were made here, each with the quote that it read, as plain values."""
        asked = "SELECT vote, quote FROM votes WHERE client_order_id = ? ORDER BY number"
        found = self._base.execute(asked, (client_order_id,)).fetchall()
        return [(read(RiskVote, vote), msgspec.json.decode(quote)) for vote, quote in found]

    # ---- marks ----

    def mark(self, name: str) -> str:
        """Return what was noted under a name; empty for nothing."""
        found = self._one("SELECT value FROM marks WHERE name = ?", name)
        return "" if found is None else f"{found[0]!s}"

    def put_mark(self, name: str, value: str) -> None:
        """Note something under a name, durably; raises OutboxError where nothing can be written."""
        self._do(
            "INSERT INTO marks VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
        )

    # ---- the table ----

    def _rows(self, where: str, *values: object) -> Iterator[Held]:
        ended = ", ".join(f"'{state}'" for state in sorted(ENDED))
        asked = f"SELECT row FROM orders WHERE {where.format(ended=ended)}"  # noqa: S608 - no value stands in the text
        return iter([_ROW(row) for (row,) in self._base.execute(asked, values).fetchall()])

    def _one(self, asked: str, *values: object) -> tuple[bytes, ...] | None:
        found: tuple[bytes, ...] | None = self._base.execute(asked, values).fetchone()
        return found

    def _do(self, text: str, values: Sequence[object]) -> int:
        try:
            return self._base.execute(text, values).rowcount
        except sqlite3.Error as err:
            raise OutboxError(f"{self.folder}: {err}") from None


def _locked(folder: Path) -> int:
    """Take the folder for this process; raises OutboxError naming the one that has it."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(handle, 32).decode(errors="replace").strip() or "another"
        os.close(handle)
        raise OutboxError(f"{folder}: outbox is held by process {holder}; wait for it, or end it") from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle
