"""Make contracts/reasons.py, the registry of reason codes, and docs/reasons.md for the codes that no bot owns."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

HEAD = '''"""Register every reason code: one line per code, with severity, owner and meaning.

Made by `python -m scripts.generate` from bots/library.toml and contracts/reasons.toml. A code states what is
the case, never what was done; it is never reused and never reworded.
"""

from typing import NamedTuple


class Code(NamedTuple):
    """A registered reason: how bad it is, whose it is (empty: a mechanism's), what it means."""

    severity: str
    owner: str
    meaning: str


'''
PAGE = """# Reason codes

Every refusal, vote, signal and note carries a code. Made by `python -m scripts.generate`; the codes of the 109 bots,
with their meanings, stand in [bots.md](bots.md). A code is never reused and never reworded.

Severities: `INFO` the normal path; `WARN` proceeds, constrained or flagged; `HARD` blocks, withdraws or raises;
`CRITICAL` cannot prove safety, so the failure behaviour applies.

## Codes of the mechanisms

| code | severity | meaning |
|---|---|---|
"""
LEGACY = """
## Words of earlier systems

| earlier | here |
|---|---|
"""


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def files(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the registry and the page."""
    library = tomllib.loads((root / "bots/library.toml").read_text("utf-8"))
    own = tomllib.loads((root / "contracts/reasons.toml").read_text("utf-8"))["reasons"]
    rows = [(r["code"], r["severity"], r["meaning"], b["id"]) for b in library["bots"] for r in b["reasons"]]
    rows += [(r["code"], r["severity"], r["meaning"], "") for r in own]
    lines = [f"{code} = {_quoted(code)}" for code, *_ in rows]
    lines += ["", "# fmt: off", "REGISTRY: dict[str, Code] = {"]
    lines += [
        f"    {code}: Code({_quoted(severity)}, {_quoted(owner)}, {_quoted(meaning)}),"
        for code, severity, meaning, owner in rows
    ]
    lines += ["}", "", "LEGACY: dict[str, str] = {"]
    lines += [f"    {_quoted(old)}: {new}," for old, new in library["legacy_codes"].items()]
    lines += ["}", "# fmt: on", ""]
    yield "contracts/reasons.py", HEAD + "\n".join(lines)
    table = "".join(f"| `{r['code']}` | {r['severity']} | {r['meaning']} |\n" for r in own)
    words = "".join(f"| `{old}` | `{new}` |\n" for old, new in library["legacy_codes"].items())
    yield "docs/reasons.md", PAGE + table + LEGACY + words
