"""Append to a file what a venue said of our orders, each under its number and once: what goes back to desks as facts.

One line of JSON for each event, on disk before `__call__` returns. A line that a crash tore is cut off at the next
start; an event whose number stands in the file already is left out, so that the outbox may give the same ones again.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from connectors.errors import EdgeError
from connectors.outbox import Event

TAIL = 1 << 16


class EventLog:
    """One file that grows; for one process. `last` is the number of the newest event in it."""

    def __init__(self, path: Path) -> None:
        """Open or make it; raises EdgeError where its last line is none of ours, OSError where it cannot be had."""
        self.path, self.last = path, 0
        with path.open("a+b") as stream:
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, end - TAIL))
            tail = stream.read()
            whole = tail.rfind(b"\n") + 1
            if whole < len(tail):
                stream.truncate(end - len(tail) + whole)
                os.fsync(stream.fileno())
            lines = tail[:whole].splitlines()
        if lines:
            try:
                self.last = msgspec.json.decode(lines[-1], type=Event).number
            except msgspec.MsgspecError as err:
                raise EdgeError(
                    f"{path}: its last line is no event ({err}); give a file of events, or a new one"
                ) from None

    def __call__(self, events: Sequence[Event]) -> None:
        """Append what is new; raises OSError where it is not on disk."""
        new = [event for event in events if event.number > self.last]
        if not new:
            return
        with self.path.open("ab") as stream:
            stream.write(b"".join(msgspec.json.encode(event) + b"\n" for event in new))
            stream.flush()
            os.fsync(stream.fileno())
        self.last = new[-1].number
