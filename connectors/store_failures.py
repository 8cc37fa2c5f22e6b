"""Tell what a store refuses for now, so that the same again may succeed, from what it refuses for good.

A full disk, a server that does not answer, too many parts: they pass, and what was to be stored can wait. Whatever is
not known to pass does not: blocks that nobody can ever store must not wait in silence.
"""

import errno

from connectors.store import StoreAway, StoreError

PASSING = {
    159: "TIMEOUT_EXCEEDED",
    198: "DNS_ERROR",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    203: "NO_FREE_CONNECTION",
    209: "SOCKET_TIMEOUT",
    210: "NETWORK_ERROR",
    225: "NO_ZOOKEEPER",
    236: "ABORTED",
    241: "MEMORY_LIMIT_EXCEEDED",
    242: "TABLE_IS_READ_ONLY",
    243: "NOT_ENOUGH_SPACE",
    252: "TOO_MANY_PARTS",
    279: "ALL_CONNECTION_TRIES_FAILED",
    285: "TOO_FEW_LIVE_REPLICAS",
    286: "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE",
    319: "UNKNOWN_STATUS_OF_INSERT",
    394: "QUERY_WAS_CANCELLED",
    439: "CANNOT_SCHEDULE_TASK",
    745: "SERVER_OVERLOADED",
    999: "KEEPER_EXCEPTION",
}
"""Codes of ClickHouse (`SELECT errorCodeToName(..)`) for what ends by itself or when somebody makes room."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BUSY = tuple(f"received HTTP status {status}" for status in (429, 502, 503, 504))  # a server's door, not the server
_NO_ROOM = tuple(f"errno: {number}," for number in sorted(NO_ROOM))


def failure(where: str, err: Exception) -> StoreError:
    """Return what to raise for an error of the client or of the system: StoreAway where it may pass."""
    if isinstance(err, OSError):
        away = err.errno in NO_ROOM or isinstance(err, ConnectionError | TimeoutError)
        return (StoreAway if away else StoreError)(f"{where}: {err.strerror or err}")
    from clickhouse_connect.driver.exceptions import OperationalError  # costs a second at the first import

    code, text = getattr(err, "code", None), str(err).partition("\n")[0][:500]
    unreached = code is None and isinstance(err, OperationalError)
    away = unreached or code in PASSING or any(sign in text for sign in (*_BUSY, *_NO_ROOM))
    return (StoreAway if away else StoreError)(f"{where}: {text}")
