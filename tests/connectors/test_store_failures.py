"""What may pass is told from what never will, by the store's own code, or by the system's."""

import errno
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError, ProgrammingError

from connectors.clickhouse import EnvelopeTable
from connectors.columns import stored
from connectors.store import StoreAway, StoreError
from connectors.store_failures import PASSING, failure
from tests.connectors.desk_stream import journal


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (DatabaseError("Code: 243. DB::Exception: not enough space. (NOT_ENOUGH_SPACE)", code=243), True),
        (DatabaseError("Code: 252. DB::Exception: Too many parts (300). (TOO_MANY_PARTS)", code=252), True),
        (DatabaseError("Code: 241. DB::Exception: (MEMORY_LIMIT_EXCEEDED)", code=241), True),
        (DatabaseError("Code: 75. DB::Exception: Cannot write, errno: 28, strerror: No space left", code=75), True),
        (
            DatabaseError("Code: 75. DB::Exception: Cannot write, errno: 5, strerror: Input/output error", code=75),
            False,
        ),
        (DatabaseError("Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE)", code=60), False),
        (DatabaseError("Code: 497. DB::Exception: Not enough privileges. (ACCESS_DENIED)", code=497), False),
        (DatabaseError("HTTP driver received HTTP status 503"), True),
        (DatabaseError("HTTP driver received HTTP status 404"), False),
        (OperationalError("Error ReadTimeoutError executing HTTP request attempt 1 (http://127.0.0.1:1)"), True),
        (OperationalError("Received ClickHouse exception, code: 62", code=62), False),
        (ProgrammingError("The client has been closed"), False),
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.EFBIG, "File too large"), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (OSError(errno.EIO, "Input/output error"), False),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), True),
        (TimeoutError("timed out"), True),
    ],
)
def test_what_may_pass(error: Exception, away: bool) -> None:
    """Only what is known to pass does; the message names the store and keeps the first line of the reason."""
    found = failure("here", error)
    assert away == isinstance(found, StoreAway)
    assert str(found).startswith("here: ")
    assert (str(error).partition("] ")[2] or str(error)) in str(found)


@pytest.mark.chdb
def test_the_engine_calls_these_codes_by_these_names(tmp_path: Path) -> None:
    """The numbers are those of the engine that is installed."""
    with EnvelopeTable.embedded(tmp_path / "store", "paper") as table:
        names = {code: str(table.query(f"SELECT errorCodeToName({code})")[0][0]) for code in PASSING}
    assert names == PASSING


@pytest.mark.chdb
def test_a_query_that_is_wrong_does_not_pass(tmp_path: Path) -> None:
    """A table that is not there is an error for good, and the store goes on."""
    with EnvelopeTable.embedded(tmp_path / "store", "paper") as table:
        table.query("DROP TABLE {database}.blocks")
        with pytest.raises(StoreError, match="UNKNOWN_TABLE") as caught:
            table.write_stored([stored(block) for block in journal(1)])
        assert not isinstance(caught.value, StoreAway)
        assert [] == table.runs()
