"""Plant a defect: change the code in memory for a while, and put it back.

A changed function keeps the name and the module of the one it replaces, so that snapshots can be pickled as before.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any, NamedTuple

from tests.sim import build

Patch = Callable[[ExitStack], None]


class Defect(NamedTuple):
    """A defence that is taken away: its name, what then happens, and how."""

    name: str
    what: str
    apply: Patch


DEFECTS: list[Defect] = []


def defect(plant: Patch) -> Patch:
    """Add a defect to the list: its name is the function's, what happens its docstring."""
    DEFECTS.append(Defect(plant.__name__, (plant.__doc__ or "").partition("\n")[0], plant))
    return plant


@contextmanager
def planted(chosen: Defect) -> Iterator[None]:
    """Take the defence away for a while."""
    with ExitStack() as stack:
        stack.callback(build.forget)
        chosen.apply(stack)
        build.forget()
        yield


def put(stack: ExitStack, place: Any, name: str, value: Any) -> None:
    """Put a value in the place of another until the stack ends."""
    before = getattr(place, name)
    setattr(place, name, value)
    stack.callback(setattr, place, name, before)


def swap(stack: ExitStack, module: Any, name: str, other: Callable[..., Any]) -> None:
    """Put another function in the place of a bot's step; `other` is given the old one first."""
    old = getattr(module, name)

    @wraps(old)
    def new(*given: Any) -> Any:
        return other(old, *given)

    put(stack, module, name, new)
    steps = tuple(step._replace(fn=new) if step.fn is old else step for step in module.BOT.steps)
    put(stack, module, "BOT", replace(module.BOT, steps=steps))


def everywhere(stack: ExitStack, old: Callable[..., Any], new: Callable[..., Any]) -> None:
    """Put a function in the place of another in every module that took it by name."""
    for module in [m for m in list(sys.modules.values()) if m is not None and m.__name__.startswith(OURS)]:
        for name, value in list(vars(module).items()):
            if value is old:
                put(stack, module, name, new)


OURS = ("bots.", "operators.", "contracts.", "connectors.", "flows.", "tests.sim.")
