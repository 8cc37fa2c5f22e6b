"""Read whether anybody has said stop: a file, the environment, the control plane's state. The strictest of them counts.

All are read again before every order, because a stop that waits for a broker, a store or an audit log is none. What
cannot be read is engaged. The veto file is the first place where a stop is written: that it exists is a stop of
everything; its lines may narrow it to `desk:ID`, `market:ID`, `venue:ID`, `bot:ID` or `order:ID`. A line that is
anything else stops everything, as an empty file does. The folder must exist: a folder that is away may hold a stop.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bots.maths.safety import ALLOW, BLOCK, LEVELS
from connectors.environment import KILL_SWITCH, kill_switch_engaged
from contracts.base import Refused, read
from contracts.control import SafetyState

READ_MAX = 65_536
KINDS = ("desk", "market", "venue", "bot", "order")


class Level(NamedTuple):
    """What may still leave: place is ALLOW 0, CLOSE_ONLY 1, FLATTEN 2 or BLOCK 3; source says who said so.

    cancel_all  what rests must go
    """

    place: int
    source: str = ""
    cancel_all: bool = False


FREE = Level(ALLOW)


class Stops:
    """The places where a stop may be said, read anew at each question."""

    def __init__(self, veto: Path, state: Path | None = None, environ: Mapping[str, str] = os.environ) -> None:
        """Take the veto file, the file of the control plane's SafetyState if there is one, and the environment."""
        self._veto, self._state, self._environ = veto, state, environ

    def level(self, names: Mapping[str, str] | None = None) -> Level:
        """Return the strictest level for an order, given what it is called by kind; for everything without names.

        About 30 µs: three looks at files that are in the page cache.
        """
        found = (self._by_environment(), self._by_file(names or {}), self._by_state())
        return max(found, key=lambda level: (level.place, level.cancel_all))

    def _by_environment(self) -> Level:
        return Level(BLOCK, f"env:{KILL_SWITCH}", True) if kill_switch_engaged(self._environ) else FREE

    def _by_file(self, names: Mapping[str, str]) -> Level:
        stop = Level(BLOCK, f"file:{self._veto}", True)
        try:
            text = _text(self._veto)
        except FileNotFoundError:
            return FREE if self._veto.parent.is_dir() else stop
        except (OSError, UnicodeDecodeError):
            return stop
        lines = text.split()
        if not lines:
            return stop
        for line in lines:
            kind, _, name = line.partition(":")
            if kind not in KINDS or not name or names.get(kind) == name:
                return stop
        return FREE

    def _by_state(self) -> Level:
        if self._state is None:
            return FREE
        try:
            said = read(SafetyState, _text(self._state).encode())
        except (OSError, UnicodeDecodeError, Refused):
            return Level(BLOCK, f"state:{self._state} cannot be read")
        place = LEVELS.index(said.kill_level) if said.kill_level in LEVELS else BLOCK
        return (
            Level(place, f"state:{said.kill_level}", said.cancel_all or place == BLOCK)
            if place or said.cancel_all
            else FREE
        )

    def narrowed(self) -> bool:
        """True when the veto file names something without stopping everything."""
        return self._veto.exists() and self._by_file({}) is FREE


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        return stream.read(READ_MAX).decode()
