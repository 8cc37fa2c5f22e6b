"""Check signing vectors: `pt sign --vectors FILE` says of every case whether it is made again, or verified."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from cli.output import DIFFERS, OK, put, put_json, put_table
from cli.settings import Json, readable_file

Vectors = Annotated[
    Path,
    typer.Option("--vectors", metavar="FILE", help="Signing vectors of Polymarket or Kalshi; tests/vectors has both."),
]


def sign(vectors: Vectors, as_json: Json = False) -> int:
    """Check a file of signing vectors; exit 1 where a case is neither equal nor verified, 2 for no such file."""
    from connectors import sign_vectors

    found = sign_vectors.check(readable_file("--vectors", vectors))
    counts = Counter(verdict.result for verdict in found)
    held = not counts[sign_vectors.DIFFERS]
    if as_json:
        cases = [{"name": row.name, "result": row.result, "detail": row.detail} for row in found]
        put_json({"file": str(vectors), "ok": held, "counts": dict(counts), "cases": cases})
        return OK if held else DIFFERS
    put_table(str(vectors), ("case", "result", "detail"), ([row.name, row.result, row.detail] for row in found))
    put(", ".join(f"{count} {result}" for result, count in sorted(counts.items())))
    return OK if held else DIFFERS
