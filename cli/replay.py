"""Derive a stored run again from its recorded input, and say whether every decision is the same."""

from collections.abc import Mapping
from typing import Annotated

import typer

from cli import settings
from cli.output import DIFFERS, OK, progress, put, put_json, put_table

KEYS = ("entries", "decisions", "same", "differs", "input_missing", "entries_per_s")


def replay(
    store: settings.Store = settings.DEMO_STORE,
    desk: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which desk, where a store holds several.")
    ] = None,
    as_json: settings.Json = False,
) -> int:
    """Derive a stored run again and compare it, decision by decision; exit code 1 when one differs."""
    settings.old_store(store)
    from flows import replay as flow

    with progress("replaying") as bar:
        found = flow.replay(store, bar, desk)
    if as_json:
        put_json(found)
    else:
        show(found)
    return DIFFERS if found["differs"] or found["input_missing"] else OK


def show(found: Mapping[str, object]) -> None:
    """Write a replay's result for people."""
    put_table("replay", ("", "count"), [(key, found[key]) for key in KEYS])
    put(f"desk {found['desk']}; derived again: {found['derived']}")
    put(f"recorded on {found['fingerprint_recorded']}")
    put(f"replayed on {found['fingerprint_here']}")
    if found["first_difference"]:
        put(f"first difference: {found['first_difference']}")
    else:
        put("every decision is the same")
