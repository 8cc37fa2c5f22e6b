"""Read the places that a program has kept in its recovery folder, while it runs or not, and change nothing.

The dataflow engine keeps snapshots in SQLite, one row for each step, key and epoch; the newest counts. A snapshot is a
pickle, so the folder must be its owner's alone: `Recovery.begun` refuses any other, and is to be asked first.
"""

import pickle
import re
import sqlite3
from contextlib import closing
from pathlib import Path

from connectors.kafka_ends import Place, Written
from connectors.store import StoreError
from contracts.base import Refused
from operators.state import Keep

_PART = re.compile(r"(?P<topic>[a-z0-9_.]+)/(?P<partition>\d{6})")
_NEWEST = "SELECT step_id, state_key, ser_change, max(snap_epoch) FROM snaps GROUP BY step_id, state_key"
WAIT_S = 2.0


def places(folder: Path, keep: Keep) -> dict[tuple[str, int], int]:
    """Return (topic, partition) -> the next offset that a program will read; raises StoreError for a ruin.

    `keep` knows the versions of the program's steps.
    """
    found: dict[tuple[str, int], int] = {}
    for file in sorted(folder.glob("part-*.sqlite3")):
        try:
            with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=WAIT_S)) as base:
                rows = base.execute(_NEWEST).fetchall()
            for step_id, key, change, _ in rows:
                part = _PART.fullmatch(key)
                if part is None or change is None:
                    continue
                kept = pickle.loads(change)  # noqa: S301 - the owner's alone
                offset = _offset(keep, step_id.partition(".")[2], kept)
                if offset >= 0:
                    found[part["topic"], int(part["partition"])] = offset
        except (sqlite3.Error, Refused, KeyError, TypeError, ValueError, pickle.UnpicklingError, EOFError) as err:
            raise StoreError(f"{file}: its places cannot be read ({err})") from None
    return found


def _offset(keep: Keep, step_id: str, kept: bytes) -> int:
    """Return the next offset of a source; -1 for a sink, which keeps what it has written."""
    place = Place({})
    try:
        keep.unpack(step_id, kept, place)
    except Refused:
        keep.unpack(step_id, kept, Written())  # raises for what is neither
        return -1
    return place.offset
