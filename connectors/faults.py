"""Break the order path at a named place, when a test or the environment asks for it; otherwise do nothing.

Each place stands between two steps that a crash could part. `hit` costs one comparison where nothing is set. What is
set comes from `armed`, or from the environment variable POLYTRADERS_FAULT: `F6:kill`, `F6:raise`, `F6:hang:2` (s),
several with commas; `F6@3:kill` breaks at the third passing only, without a number at the first.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from connectors.errors import EdgeError
from contracts.base import Refused

VARIABLE = "POLYTRADERS_FAULT"
POINTS: Mapping[str, str] = {
    "F1": "an authorised order is there, and nobody has looked at it",
    "F2": "it was read and judged, and is not in the outbox",
    "F3": "it is in the outbox; kill switch and limits are not read yet",
    "F4": "everything was asked again and allows it; it is not signed",
    "F5": "it is ready to leave; the outbox does not say so yet",
    "F6": "the outbox says that it may leave; no byte has",
    "F7": "the venue has it; nobody has looked at the answer",
    "F8": "the answer was read; what it means is not decided",
    "F9": "what it means is decided; the outbox does not say so yet",
    "F10": "the outbox says it; what the venue said has not gone back to the desk",
    "F11": "it has gone back; how far was read and told is not noted",
}
ACTIONS = ("kill", "raise", "hang")


class Injected(EdgeError):
    """A fault that somebody asked for."""


class _Plan:
    """What to do at which place, at which time of passing; and how often each was passed while anybody counts."""

    def __init__(self) -> None:
        self.todo: dict[str, tuple[int, Callable[[], None]]] = {}
        self.seen: Counter[str] | None = None


_plan = _Plan()


def hit(name: str) -> None:
    """Pass a place; raises KeyError for a name that is not registered while anything is set."""
    if _plan.seen is None:
        return
    POINTS[name]
    _plan.seen[name] += 1
    number, act = _plan.todo.get(name, (0, _nothing))
    if number == _plan.seen[name]:
        act()


@contextmanager
def armed(todo: Mapping[str, tuple[int, Callable[[], None]]]) -> Iterator[Counter[str]]:
    """Set what happens at the n-th passing of places; yields how often each was passed. For one thread."""
    before = _plan.todo, _plan.seen
    seen: Counter[str] = Counter()
    _plan.todo, _plan.seen = dict(todo), seen
    try:
        yield seen
    finally:
        _plan.todo, _plan.seen = before


def from_environment(environ: Mapping[str, str] = os.environ) -> bool:
    """Set what the environment asks for, for this process; True when it asks. Raises Refused naming what is wrong."""
    text = environ.get(VARIABLE, "").strip()
    if not text:
        return False
    todo = {}
    for part in text.split(","):
        where, _, what = part.partition(":")
        name, _, number = where.partition("@")
        action, _, seconds = what.partition(":")
        if name not in POINTS or action not in ACTIONS or not (number or "1").isdigit():
            raise Refused(f"{VARIABLE} {part!r}; allowed: {', '.join(POINTS)}, then :kill, :raise or :hang:SECONDS")
        todo[name] = int(number or 1), _action(name, action, seconds)
    _plan.todo, _plan.seen = todo, Counter()
    return True


def _action(name: str, action: str, seconds: str) -> Callable[[], None]:
    if action == "kill":
        return lambda: os.kill(os.getpid(), signal.SIGKILL)
    if action == "hang":
        try:
            wait_s = float(seconds or "2")
        except ValueError:
            raise Refused(f"{VARIABLE} {name}:{action}:{seconds}; allowed: a number of seconds") from None
        return lambda: time.sleep(wait_s)
    return lambda: _raise(name)


def _raise(name: str) -> None:
    raise Injected(f"fault {name}: {POINTS[name]}")


def _nothing() -> None:
    """Do nothing."""
