"""`pt export`: what is asked for reaches the edge, the answer names every file, and bad input touches nothing."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from connectors import export as edge
from connectors.export import Wanted

AT = 1_767_268_800_000_000_000  # 2026-01-01T12:00:00Z
TABLES = {"envelopes": {"file": "envelopes.arrow", "rows": 1_234}, "fills": {"file": "fills.arrow", "rows": 5}}
Asked = list[tuple[object, ...]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    """Return what the edge is asked for; beside it stands a store."""
    seen: Asked = []

    def answer(*given: object) -> dict[str, object]:
        *words, progress = given
        assert isinstance(progress, Callable)  # type: ignore[arg-type]
        progress(10, 100, 10)
        seen.append(tuple(words))
        return {"out": str(words[2]), "to": words[1], "tables": TABLES}

    monkeypatch.setattr(edge, "export", answer)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "manifest.json").write_text("{}")
    return seen


def test_options_reach_the_edge(asked: Asked) -> None:
    """Format, kinds, market and both spellings of time arrive; a kind named twice counts once."""
    words = ["--to", "arrow", "--kind", "Fill", "--kind", "OrderUpdate", "--kind", "Fill", "--market", "M1", "--force"]
    times = ["--since", "2026-01-01T12:00:00Z", "--until", str(AT + 9)]
    shown = CliRunner().invoke(app, ["export", "--store", "store", "--out", "out", *words, *times, "--json"])
    assert (shown.exit_code, shown.stderr) == (0, "")
    wanted = Wanted(("Fill", "OrderUpdate"), "M1", AT, AT + 9)
    assert asked == [(Path("store"), "arrow", Path("out"), wanted, True)]
    assert json.loads(shown.stdout) == {"out": "out", "to": "arrow", "tables": TABLES}


def test_left_out_it_is_everything_as_parquet(asked: Asked) -> None:
    """People see each file with its rows."""
    shown = CliRunner().invoke(app, ["export", "--store", "store", "--out", "out"])
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert asked == [(Path("store"), "parquet", Path("out"), Wanted(), False)]
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines[0] == "exported to out"
    assert {"envelopes.arrow 1,234", "fills.arrow 5"} <= set(lines)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--out", "out", "--kind", "Vote"], "--kind 'Vote': unknown payload type; allowed: AccountSnapshot,"),
        (["--out", "out", "--since", "2", "--until", "1"], "--since 2: is after --until 1; nothing can match"),
        (["--out", "out", "--since", "noon"], "--since 'noon': not a time"),
        (["--out", "out", "--store", "none"], "--store none: no store there"),
        (["--out", "file"], "--out file: is a file; allowed: a folder, new or of an earlier export"),
        (["--out", "store", "--force"], "--out store: holds something that is no export; allowed: a new folder"),
    ],
)
def test_bad_input_is_exit_code_2_and_touches_nothing(words: list[str], named: str, asked: Asked) -> None:
    """One line that names the option and what is allowed; the edge is not asked."""
    Path("file").write_text("x")
    shown = CliRunner().invoke(app, ["export", "--store", "store", *words])
    assert (shown.exit_code, shown.stdout, shown.stderr.count("\n")) == (2, "", 1)
    assert named in shown.stderr
    assert asked == []
    assert not Path("out").exists()
