"""Show the library of bots with the evidence behind each, and hold the published schemas against the classes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from bots.registry import LAYERS, Library, Row, library
from cli import settings
from cli.output import DIFFERS, OK, put, put_json, put_table, say
from contracts.base import Refused
from control.readiness import readiness, scores

VERDICTS = ("same", "missing", "unknown", "differs")

schemas = typer.Typer(no_args_is_help=True, help="The JSON Schemas of everything that crosses a wire.")


@schemas.callback()
def _schemas() -> None:
    """Look after the JSON Schemas of everything that crosses a wire."""


@schemas.command("verify")
def verify(as_json: settings.Json = False) -> int:
    """Compare contracts/schemas with what the classes say; exit code 1 when one differs."""
    found = compared(settings.ROOT)
    if as_json:
        put_json({"files": len(found), **{verdict: _of(found, verdict) for verdict in VERDICTS}})
    else:
        for name, verdict in found.items():
            if verdict != "same":
                put(f"{name}: {verdict}")
        put(f"{len(_of(found, 'same'))} of {len(found)} files are what the classes say")
    return OK if set(found.values()) == {"same"} else DIFFERS


def compared(root: Path) -> dict[str, str]:
    """Return each file of contracts/schemas with its verdict: same, differs, missing or unknown."""
    try:
        from scripts.makers.schemas import FOLDER, Unversioned, files
    except ImportError:
        raise Refused("schemas verify: the makers of the schemas stand in a checkout only; run it there") from None
    folder = root / FOLDER
    if not folder.is_dir():
        raise Refused(f"{folder}: no such folder; make it with: python -m scripts.generate")
    kept = {f"{FOLDER}/{file.name}": file.read_text("utf-8") for file in sorted(folder.glob("*.json"))}
    found = dict.fromkeys(kept, "unknown")
    try:
        for name, text in files(root):
            found[name] = "missing" if name not in kept else "same" if kept[name] == text else "differs"
    except Unversioned as err:
        say(str(err))
        found[str(err).partition(":")[0]] = "differs"
    return found


def _of(found: Mapping[str, str], verdict: str) -> list[str]:
    return sorted(name for name, said in found.items() if said == verdict)


def bots(
    layer: Annotated[str | None, typer.Option(metavar="LAYER", help=f"Only these: {', '.join(LAYERS)}.")] = None,
    as_json: settings.Json = False,
) -> int:
    """List the bots: what each is, where it runs, and how ready it is by the evidence on file."""
    if layer is not None and layer not in LAYERS:
        raise Refused(f"--layer {layer!r}: unknown; allowed: {', '.join(LAYERS)}")
    books = library()
    rows = [described(row, books) for row in books.rows if layer in (None, row.layer)]
    if as_json:
        put_json(rows)
        return OK
    shown = [
        (row.id, row.title, row.phase, row.runs_in, row.capital_impact, "yes" if books.has_module(row.id) else "no")
        for row in books.rows
        if layer in (None, row.layer)
    ]
    scored = [(*_scores(found), str(found["readiness"])) for found in rows]
    names = ("id", "title", "phase", "runs in", "impact", "built", "docs/27", "impl/15", "run/8", "readiness")
    put_table(f"{len(rows)} bots", names, [(*row, *score) for row, score in zip(shown, scored, strict=True)])
    return OK


def described(row: Row, books: Library) -> dict[str, object]:
    """Return a bot under the keys of the command line; readiness is what evidence on file allows, never more."""
    scored = scores(row, lib=books)
    return {
        "id": row.id,
        "title": row.title,
        "layer": row.layer,
        "class": row.class_,
        "stages": list(row.stages),
        "phase": row.phase,
        "runs_in": row.runs_in,
        "capital_impact": row.capital_impact,
        "aliases": list(row.aliases),
        "scores": {"docs": scored.documentation, "implementation": scored.implementation, "runtime": scored.runtime},
        "readiness": readiness(row),
    }


def _scores(found: dict[str, object]) -> tuple[int, ...]:
    kept = found["scores"]
    return tuple(kept.values()) if isinstance(kept, dict) else ()
