"""Show and change what a desk may trade: its scope lists, in its own file."""

from pathlib import Path
from typing import Annotated

import typer

from cli import settings
from cli.output import OK, put, put_json, put_table
from flows.desk_files import set_allowed
from flows.desks import Desk, load_desk
from flows.rails import LISTS

config = typer.Typer(name="config", no_args_is_help=True, help="Show and change what a desk may trade.")

Name = Annotated[str, typer.Argument(metavar="DESK", help="A desk of CONFIG/desks.")]
Values = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Names; none at all removes the list.")]
Folder = Annotated[
    Path,
    typer.Option("--config", metavar="DIR", help="Folder that holds desks/; the project's own if left out.",
                 show_default=False),
]  # fmt: skip


@config.command("show")
def show(desk: Name, folder: Folder = settings.CONFIG, as_json: settings.Json = False) -> int:
    """Show the scope lists of a desk."""
    return _told(load_desk(desk, folder), as_json)


@config.command("set-allowed-market-ids")
def markets(desk: Name, values: Values = None, folder: Folder = settings.CONFIG, as_json: settings.Json = False) -> int:
    """Let a desk trade these markets only (or what its other lists name)."""
    return _told(set_allowed(desk, folder, LISTS[0], values or []), as_json)


@config.command("set-allowed-event-tickers")
def events(desk: Name, values: Values = None, folder: Folder = settings.CONFIG, as_json: settings.Json = False) -> int:
    """Let a desk trade the markets of these events only (or what its other lists name)."""
    return _told(set_allowed(desk, folder, LISTS[1], values or []), as_json)


@config.command("set-allowed-series-tickers")
def series(desk: Name, values: Values = None, folder: Folder = settings.CONFIG, as_json: settings.Json = False) -> int:
    """Let a desk trade the markets of these series only (or what its other lists name)."""
    return _told(set_allowed(desk, folder, LISTS[2], values or []), as_json)


def _told(desk: Desk, as_json: bool) -> int:
    policy = desk.policy
    fields = ("market_ids", "event_tickers", "series_tickers")
    lists = {f"allowed_{field}": list(getattr(policy, field)) if policy is not None else [] for field in fields}
    if as_json:
        put_json({"desk": desk.desk_id, "mode": desk.mode, "scope": list(desk.scope), **lists})
        return OK
    rows = [("scope", ", ".join(desk.scope) or "no bound")]
    rows += [(name, ", ".join(values) or "no bound") for name, values in lists.items()]
    put_table(f"what {desk.desk_id} ({desk.mode}) may trade", ("list", "names"), rows)
    put("a running desk does not see a change of its file")
    return OK
