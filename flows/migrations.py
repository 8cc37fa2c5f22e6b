"""Turn snapshots of older versions into those of today: one pure function per step and version, and nothing else.

A function takes the values of its version by name and returns those of the next; `operators/state.py` calls them in a
row. An entry stays as long as a run of its version may still be waiting somewhere.
"""

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import cast

from operators.freshness_causes import Delivery
from operators.sequencer import SECOND_NS
from operators.state import Keep, Migrations, Values


def freshness_with_delivery(values: Values) -> Values:
    """Bring freshness up from a version that knew of no late delivery: none has begun, and these are the books."""
    return {**values, "_delivery": Delivery(cast("dict[int, int]", values["_book_ns"]))}


def desk_with_seconds(values: Values) -> Values:
    """Bring a desk up from a version that heard one lane only: the second that it is in was said."""
    return {**values, "ticked": cast("int", values["now"]) // SECOND_NS * SECOND_NS}


MIGRATIONS: Migrations = {("freshness", 1): freshness_with_delivery, ("desk", 1): desk_with_seconds}


@cache
def versions() -> dict[str, int]:
    """Return step id -> version of the embedded flow, as flows/steps.toml pins them."""
    return _pinned()["versions"]


def keeping() -> Keep:
    """Return what keeps every step of the embedded flow."""
    return Keep(versions(), MIGRATIONS)


def keeping_programs(names: Sequence[str]) -> Keep:
    """Return what keeps every step of a program around a broker, its own and those of each of its lanes or desks."""
    pinned = _pinned()["versions"] | _pinned()["programs"]
    steps = pinned | {f"{step}-{name}": version for step, version in pinned.items() for name in names}
    ways = {(f"{step}-{name}", older): up for (step, older), up in MIGRATIONS.items() for name in names}
    return Keep(steps, ways)


@cache
def _pinned() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = tomllib.loads(files("flows").joinpath("steps.toml").read_text("utf-8"))
    return found
