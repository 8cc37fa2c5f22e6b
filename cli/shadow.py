"""Ask a stored run what a guard would have refused or let through, had it been there or been set otherwise."""

from collections.abc import Mapping
from typing import Annotated, cast

import typer

from cli import settings
from cli.output import OK, progress, put, put_json, put_table

DAYS_MAX = 3_650


def shadow(
    bot: Annotated[str, typer.Argument(metavar="BOT", help="A guard: its id, or a name that it is known by.")],
    store: settings.Store = settings.DEMO_STORE,
    days: Annotated[int, typer.Option(metavar="N", help="How many days back from the last intent.")] = 7,
    sets: settings.Sets = None,
    desk: Annotated[str | None, typer.Option(metavar="NAME", help="Which desk, where a store holds several.")] = None,
    as_json: settings.Json = False,
) -> int:
    """Let a guard vote again, in shadow, on the intents of a stored run; nothing stored changes."""
    settings.within("--days", days, 1, DAYS_MAX)
    settings.old_store(store)
    from flows import shadow as flow

    with progress("thinking again") as bar:
        found = flow.shadow(store, bot, days, sets or [], bar, desk)
    if as_json:
        put_json(found)
    else:
        show(found)
    return OK


def show(found: Mapping[str, object]) -> None:
    """Write what a guard would have done for people."""
    put(f"{found['bot']} in shadow over desk {found['desk']}, the last {found['days']} days")
    reasons = cast("Mapping[str, Mapping[str, int]]", found["reasons"])
    rows: list[tuple[object, object]] = [("intents", found["intents"])]
    for how, counted in reasons.items():
        rows.append((how, found[how]))
        rows += [(f"  {code}", count) for code, count in counted.items()]
    put_table("shadow", ("", "count"), rows)
