"""Export a store for other tools: Arrow or Parquet files with units in their metadata."""

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from cli import settings
from cli.output import OK, progress, put, put_json, put_table
from cli.store_verbs import kind_of


def export(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make; one file for each table.")],
    to: Annotated[Literal["arrow", "parquet"], typer.Option(help="Arrow IPC files, or Parquet.")] = "parquet",
    kind: Annotated[
        list[str] | None, typer.Option(metavar="TYPE", help="Only this payload type, as in Fill; may be repeated.")
    ] = None,
    market: Annotated[str | None, typer.Option(metavar="ID", help="Only about this market.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="From then on; nanoseconds or ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Up to and including then.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
    store: settings.Store = settings.DEMO_STORE,
    as_json: settings.Json = False,
) -> int:
    """Write a store's envelopes as Arrow or Parquet: one table of all, and a typed one for each common kind."""
    kinds = tuple(dict.fromkeys(known for name in kind or () if (known := kind_of(name)) is not None))
    since_ns, until_ns = settings.span(since, until)
    settings.old_store(store)
    from connectors.export import Wanted, checked
    from connectors.export import export as write

    checked(to, out, force)
    wanted = Wanted(kinds, market, since_ns, until_ns)
    with progress("exporting", unit="envelopes") as bar:
        found = write(store, to, out, wanted, force, bar)
    if as_json:
        put_json(found)
        return OK
    tables = cast("dict[str, dict[str, object]]", found["tables"])
    put_table(f"exported to {out}", ("file", "rows"), [(said["file"], said["rows"]) for said in tables.values()])
    put("units and meanings stand in the metadata of each column")
    return OK
