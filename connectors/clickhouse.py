"""Keep sealed blocks, dead letters and runs in ClickHouse: embedded in this process, or on a server.

One client library speaks to both, with the same statements (infra/clickhouse/). A block is stored as the bytes that
were hashed; nothing is taken apart on the way in, so storing costs bytes and not envelopes. Inserts carry a token made
of what they contain, so a retry is dropped and different content never is. The embedded engine belongs to one process
(`store.py`), must not cross a fork, and is imported only when it is opened, since that costs 1.5 s.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
import pyarrow as pa

from connectors import namespace
from connectors.columns import Stored, block_columns, blocks_of, fault, letter_columns, stored, token
from connectors.store import ENGINE, StoreError, StoreLock, prepare
from connectors.store_failures import failure
from contracts.envelope import Block, DeadLetter

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

__all__ = ["Broken", "EnvelopeTable", "Incident", "Run", "StoreError", "StoreLock",  ]

SQL_FOLDER = Path(__file__).resolve().parent.parent / "infra" / "clickhouse"
PAGE_BLOCKS = 512
CONNECT_S, ANSWER_S = 5, 60  # a server that says nothing for longer is away; the client's own limit is 300 s
SLACK_NS = 60_000_000_000
PARTITIONS_MAX = 1_000
INSERT_SETTINGS = {
    "max_threads": "1",  # the other core belongs to whoever makes the blocks
    "max_insert_threads": "1",
    "max_partitions_per_insert_block": str(PARTITIONS_MAX),
}
WARM = Stored("", "", 0, [0], b"", bytes(32), bytes(32), 1, 0, 0)
T = TypeVar("T")
_STATEMENT_END = re.compile(r";\s*$", re.MULTILINE)
_COLUMNS = "desk_id, chain, number, offsets, data, previous, head"


class Broken(NamedTuple):
    """The first block at which a chain does not hold, and why."""

    desk_id: str
    chain: str
    number: int
    why: str


class Incident(NamedTuple):
    """Two contents under one envelope id."""

    desk_id: str
    envelope_id: str
    payload_kind: str
    first_ns: int
    content_hashes: tuple[str, ...]
    blocks: tuple[int, ...]


class Run(NamedTuple):
    """One run as it was recorded; `sources`, `tables` and `result` are JSON objects."""

    run_id: str
    desk_id: str
    fingerprint: str
    sources: dict[str, dict[str, str]]
    tables: dict[str, object]
    result: dict[str, object]


class EnvelopeTable:
    """The store. One thread at a time speaks to it; others wait. Not to be used after a fork."""

    def __init__(self, client: "Client", mode: str, lock: StoreLock | None, where: str) -> None:
        """Make the tables and views if they are not there; use `embedded` or `server`."""
        self.mode, self.where, self.database = mode, where, namespace.database(mode)
        self._client, self._lock, self._pid = client, lock, os.getpid()
        self._guard = threading.RLock()
        self._closed = False
        block_columns([WARM])  # pyarrow looks for pandas at its first array: 0.2 s, better now than later
        try:
            self._ask(lambda client: [client.command(statement) for statement in statements(self.database)])
        except BaseException:
            client.close()
            raise

    @classmethod
    def embedded(cls, folder: Path, mode: str | None = None) -> "EnvelopeTable":
        """Open the store in a folder; `mode` None takes the mode it has. About 2 s; raises StoreError."""
        found = prepare(folder, mode)
        lock = StoreLock(folder)
        try:
            return cls(_connected(str(folder), interface="chdb", path=str(folder / ENGINE)), found, lock, str(folder))
        except BaseException:
            lock.release()
            raise

    @classmethod
    def server(
        cls, host: str, port: int, mode: str, username: str = "default", password: str = "", secure: bool = False
    ) -> "EnvelopeTable":
        """Open the store on a server; the password comes from the caller, who holds it. Raises StoreError."""
        where, interface = f"{host}:{port}", "https" if secure else "http"
        settings = {"async_insert": "0", "wait_for_async_insert": "1"}
        client = _connected(where, interface, host, port, username, password, settings)
        return cls(client, namespace.checked_mode(mode), None, where)

    # ---- writing ----------------------------------------------------------------------------------------------------

    def write_blocks(self, blocks: Sequence[Block]) -> None:
        """Store blocks durably; the same again change nothing. Raises StoreError, and then nothing is promised."""
        self.write_stored([stored(block) for block in blocks])

    def write_stored(self, blocks: Sequence[Stored]) -> None:
        """Store what is kept of blocks, in one insert: 3 ms and more, so give it many."""
        if blocks:
            self._insert("blocks", block_columns(blocks), token(blocks))

    def write_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Store frames that could not be read; the same letters again change nothing."""
        if not letters:
            return
        content = sha256(msgspec.json.encode(list(letters))).hexdigest()
        name = f"{letters[0].source_id}:{letters[0].position}-{letters[-1].source_id}:{letters[-1].position}-{content}"
        self._insert("dead_letters", letter_columns(letters), name)

    def write_run(
        self,
        run_id: str,
        desk_id: str,
        fingerprint: str,
        sources: Mapping[str, Mapping[str, str]],
        result: Mapping[str, object],
        tables: Mapping[str, object] | None = None,
    ) -> None:
        """Record a run; written again under its id, the newest record counts. `sources` names files without folders."""
        newest = self.query("SELECT max(version) FROM {database}.runs WHERE run_id = {run:String}", run=run_id)
        row = {
            "run_id": run_id,
            "desk_id": desk_id,
            "fingerprint": fingerprint,
            "sources": msgspec.json.encode(sources).decode(),
            "tables": msgspec.json.encode(tables or {}).decode(),
            "result": msgspec.json.encode(result).decode(),
            "version": int(str(newest[0][0])) + 1,
        }
        content = sha256(msgspec.json.encode(row)).hexdigest()
        self._insert("runs", pa.table({name: pa.array([value]) for name, value in row.items()}), f"{run_id}-{content}")

    # ---- reading ----------------------------------------------------------------------------------------------------

    def read_blocks(
        self,
        desk_id: str,
        chain: str,
        since: int | None = None,
        until: int | None = None,
        needles: Sequence[Sequence[str]] = (),
        newest_first: bool = False,
    ) -> Iterator[Block]:
        """Yield blocks of a chain in order, without rows; pages of 512, so memory stays small.

        since, until  journal time in nanoseconds, both included; blocks that touch the range (with a minute of slack)
        needles       only blocks whose bytes hold one text of each group (at most 255 texts); as fast as memory
        """
        sign, ordered = ("<", "DESC") if newest_first else (">", "ASC")
        where = ["desk_id = {desk:String}", "chain = {chain:String}"]
        where += [f"last_ns >= {since - SLACK_NS:d}"] if since is not None else []
        where += [f"first_ns <= {until + SLACK_NS:d}"] if until is not None else []
        where += [f"multiSearchAny(data, {{needles{number}:Array(String)}})" for number in range(len(needles))]
        wanted = {f"needles{number}": list(texts) for number, texts in enumerate(needles)}
        place = ""
        while True:
            chosen = f"{{database}}.blocks FINAL WHERE {' AND '.join(where)}{place}"
            sql = f"SELECT {_COLUMNS} FROM {chosen} ORDER BY number {ordered}, head LIMIT {PAGE_BLOCKS}"  # noqa: S608
            page = self._arrow(sql, desk=desk_id, chain=chain, **wanted)
            yield from blocks_of(page)
            if page.num_rows < PAGE_BLOCKS:
                return
            last, head = page["number"][-1].as_py(), page["head"][-1].as_py()
            place = f" AND (number {sign} {last:d} OR (number = {last:d} AND head > unhex('{head.hex()}')))"

    def chains(self) -> list[tuple[str, str]]:
        """Return (desk_id, chain) of everything stored, in order."""
        sql = "SELECT DISTINCT desk_id, chain FROM {database}.blocks ORDER BY desk_id, chain"
        return [(str(desk_id), str(chain)) for desk_id, chain in self.query(sql)]

    def desks(self) -> list[str]:
        """Return the desks of everything stored, in order."""
        return list(dict.fromkeys(desk_id for desk_id, _ in self.chains()))

    def heads(self, desk_id: str, chain: str, first: int, last: int) -> dict[int, set[bytes]]:
        """Return the heads stored under the numbers from `first` to `last`, both included; 3 ms and more."""
        where = "desk_id = {desk:String} AND chain = {chain:String} AND number BETWEEN {first:UInt64} AND {last:UInt64}"
        sql = f"SELECT DISTINCT number, lower(hex(head)) FROM {{database}}.blocks WHERE {where}"  # noqa: S608
        found: dict[int, set[bytes]] = {}
        for number, head in self.query(sql, desk=desk_id, chain=chain, first=first, last=last):
            found.setdefault(int(str(number)), set()).add(bytes.fromhex(str(head)))
        return found

    def verify_chain(self) -> Broken | None:
        """Walk every chain and return the first block that breaks it, or None: number, link and hash of each."""
        for desk_id, chain in self.chains():
            number, head = 0, None
            for block in self.read_blocks(desk_id, chain):
                why = fault(block, number, head)
                if why:
                    return Broken(desk_id, chain, min(block.number, number), why)
                number, head = number + 1, block.head
        return None

    def incidents(self) -> list[Incident]:
        """Return every envelope id under which two contents stand. Explodes all blocks: seconds per million rows."""
        columns = "desk_id, envelope_id, payload_kind, first_ns, content_hashes, blocks"
        rows = self.query(f"SELECT {columns} FROM {{database}}.incidents")  # noqa: S608
        return msgspec.convert(rows, list[Incident])

    def dead_letters(self) -> Iterator[DeadLetter]:
        """Yield frames that could not be read, by source and position."""
        names = DeadLetter.__struct_fields__
        table = "{database}.dead_letters FINAL"
        sql = f"SELECT {', '.join(names)} FROM {table} ORDER BY source_id, position"  # noqa: S608
        for row in self.query(sql):
            yield msgspec.convert(dict(zip(names, row, strict=True)), DeadLetter)

    def runs(self) -> list[Run]:
        """Return every run, the oldest record first."""
        columns = "run_id, desk_id, fingerprint, sources, tables, result"
        rows = self.query(f"SELECT {columns} FROM {{database}}.runs FINAL ORDER BY version, run_id")  # noqa: S608
        ready = [(*row[:3], *(msgspec.json.decode(str(text)) for text in row[3:])) for row in rows]
        return msgspec.convert(ready, list[Run])

    def query(self, sql: str, **parameters: object) -> list[Sequence[object]]:
        """Return the rows of a query; `{database}` in it is this store's. Raises StoreError."""
        text = sql.replace("{database}", self.database)
        return self._ask(lambda client: list(client.query(text, parameters=parameters).result_rows))

    def close(self) -> None:
        """Let go of the engine and of the folder; the second time does nothing."""
        with self._guard:
            if self._closed or os.getpid() != self._pid:
                return
            self._closed = True
            try:
                self._client.close()
            finally:
                if self._lock is not None:
                    self._lock.release()

    def __enter__(self) -> "EnvelopeTable":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- the client -------------------------------------------------------------------------------------------------

    def _insert(self, table: str, columns: pa.Table, name: str) -> None:
        settings = INSERT_SETTINGS | {"insert_deduplication_token": name}
        self._ask(lambda client: client.insert_arrow(f"{self.database}.{table}", columns, settings=settings))

    def _arrow(self, sql: str, **parameters: object) -> pa.Table:
        text = sql.replace("{database}", self.database)
        return self._ask(lambda client: client.query_arrow(text, parameters=parameters, use_strings=False))

    def _ask(self, ask: Callable[["Client"], T]) -> T:
        if os.getpid() != self._pid:
            raise StoreError(f"{self.where}: store was opened before a fork; open it in the process that uses it")
        from clickhouse_connect.driver.exceptions import Error

        with self._guard:
            if self._closed:
                raise StoreError(f"{self.where}: store is closed")
            try:
                return ask(self._client)
            except (Error, OSError) as err:
                raise failure(self.where, err) from err


def statements(database: str) -> Iterator[str]:
    """Yield the statements that make tables and views, in order; the same for the embedded engine and a server."""
    yield f"CREATE DATABASE IF NOT EXISTS {database}"
    files = sorted(SQL_FOLDER.glob("*.sql"))
    if not files:
        raise StoreError(f"{SQL_FOLDER}: the statements that make the tables are not there")
    for file in files:
        for statement in _STATEMENT_END.split(file.read_text("utf-8")):
            if statement.strip():
                yield statement.replace("{database}", database)


def _connected(
    where: str,
    interface: str,
    host: str | None = None,
    port: int | None = None,
    username: str | None = None,
    password: str = "",
    settings: dict[str, str] | None = None,
    path: str = "",
) -> "Client":
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import Error

    try:
        if path:
            return clickhouse_connect.get_client(interface=interface, path=path)
        return clickhouse_connect.get_client(
            interface=interface, host=host, port=port, username=username, password=password, settings=settings,
            connect_timeout=CONNECT_S, send_receive_timeout=ANSWER_S,
        )  # fmt: skip
    except (Error, OSError, ImportError) as err:
        raise StoreError(f"{where}: cannot be opened ({_first_line(err)})") from err


def _first_line(err: BaseException) -> str:
    return str(err).partition("\n")[0][:500]
