"""Turn snapshots of older versions into those of today: one pure function per step and version, and nothing else.

A function takes the values of its version by name and returns those of the next; `operators/state.py` calls them in a
row. An entry stays as long as a run of its version may still be waiting somewhere.
"""

import tomllib
from functools import cache
from importlib.resources import files

from operators.state import Keep, Migrations

MIGRATIONS: Migrations = {}


@cache
def versions() -> dict[str, int]:
    """Return step id -> version, as flows/steps.toml pins them."""
    text = files("flows").joinpath("steps.toml").read_text("utf-8")
    found: dict[str, int] = tomllib.loads(text)["versions"]
    return found


def keeping() -> Keep:
    """Return what keeps every step of the embedded flow."""
    return Keep(versions(), MIGRATIONS)
