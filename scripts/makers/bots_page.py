"""Make docs/bots.md: the library of 109 decisions for a person to read, with scores and readiness as derived."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bots.registry import LAYERS, Library, Row, library
from control import readiness

HEAD = """# The library: 109 decisions

Made by `python -m scripts.generate` from `bots/library.toml`, the code that exists, and evidence on file. A bot is one
pure function in `bots/<layer>/<name>.py`; a row without a module is a plan. *Readiness* is derived from evidence and
from nothing else: working code alone leaves it `pending`. *Docs* counts 27 machine-checked conditions over the row; it
says how well a bot is described, never how well it works, and is not added to any other score.

| layer | says | rows | built |
|---|---|---|---|
"""
SAYS = {
    "intel": "what is true of a market",
    "disc": "what may be traded",
    "strat": "what we would like to do",
    "risk": "whether we may",
    "exec": "how it is carried out",
    "sec": "whether it may be signed",
    "gov": "what happened",
}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table(rows: list[Row], lib: Library) -> Iterator[str]:
    yield "| bot | purpose | runs in | phase | impact | module | docs | readiness |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        module = f"[{row.name}.py](../bots/{row.layer}/{row.name}.py)" if lib.has_module(row.id) else "–"
        docs = readiness.scores(row, lib=lib).documentation
        yield (
            f"| [{row.id}](#{row.id.replace('.', '')}) | {_cell(row.purpose)} | {row.runs_in} | {row.phase} "
            f"| {row.capital_impact} | {module} | {docs}/27 | {readiness.readiness(row)} |"
        )


def _section(row: Row, lib: Library) -> Iterator[str]:
    yield f"### {row.id}"
    yield ""
    yield f"{row.title}. {row.class_}; {', '.join(row.stages)}. {row.purpose}"
    yield ""
    yield "```text"
    yield row.rule.strip()
    yield "```"
    yield ""
    yield f"*State:* {row.state}. *On failure:* {row.on_failure}."
    if row.params:
        yield ""
        yield "| parameter | default | unit |"
        yield "|---|---|---|"
        yield from (f"| `{p['name']}` | {_cell(_value(p['default']))} | {_cell(p['unit'])} |" for p in row.params)
    yield ""
    yield "| code | severity | meaning |"
    yield "|---|---|---|"
    yield from (f"| `{r['code']}` | {r['severity']} | {_cell(r['meaning'])} |" for r in row.reasons)
    if row.references:
        yield ""
        yield "Sources: " + " ".join(lib.references[name] for name in row.references)
    yield ""


def files(_: Path) -> Iterator[tuple[str, str]]:
    """Yield the page."""
    lib = library()
    by_layer = {layer: [row for row in lib.rows if row.layer == layer] for layer in LAYERS}
    lines = [
        f"| [{layer}](#{layer}) | {SAYS[layer]} | {len(rows)} | {sum(lib.has_module(row.id) for row in rows)} |"
        for layer, rows in by_layer.items()
    ]
    total = sum(lib.has_module(row.id) for row in lib.rows)
    lines += [f"| all | | {len(lib.rows)} | {total} |", ""]
    for layer, rows in by_layer.items():
        lines += [f"## {layer}", "", *_table(rows, lib), ""]
        for row in rows:
            lines += _section(row, lib)
    yield "docs/bots.md", HEAD + "\n".join(lines).rstrip() + "\n"
