"""`pt bots` and `pt schemas verify`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bots.registry import library
from cli import library_verbs, settings
from cli.main import app
from contracts.base import Refused
from scripts.makers.schemas import files

KEYS = [
    "id",
    "title",
    "layer",
    "class",
    "stages",
    "phase",
    "runs_in",
    "capital_impact",
    "aliases",
    "scores",
    "readiness",
]


def test_bots_are_all_there_in_rank_order() -> None:
    """All 109 rows stand in the list, with exactly the keys of the command line."""
    shown = CliRunner().invoke(app, ["bots", "--json"])
    found = json.loads(shown.stdout)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert [row["id"] for row in found] == [row.id for row in library().rows]
    assert {tuple(row) for row in found} == {tuple(KEYS)}


def test_scores_are_three_integers_and_readiness_is_not_claimed() -> None:
    """No evidence is on file, so implementation and runtime are 0 and every bot is pending, whatever its code does."""
    found = json.loads(CliRunner().invoke(app, ["bots", "--json"]).stdout)
    assert {tuple(row["scores"]) for row in found} == {("docs", "implementation", "runtime")}
    assert {(row["scores"]["implementation"], row["scores"]["runtime"], row["readiness"]) for row in found} == {
        (0, 0, "pending")
    }
    assert all(type(score) is int and 0 <= score <= 27 for row in found for score in row["scores"].values())


def test_a_layer_can_be_picked() -> None:
    """`--layer` shows that layer alone; the table for people has the same rows."""
    found = json.loads(CliRunner().invoke(app, ["bots", "--layer", "sec", "--json"]).stdout)
    people = CliRunner().invoke(app, ["bots", "--layer", "sec"]).stdout
    assert [row["layer"] for row in found] == ["sec"] * 9
    assert [row["id"] for row in found if row["id"] not in people] == []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a root with freshly made schemas."""
    for name, text in files(tmp_path):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_fresh_schemas_are_the_same(copy: Path) -> None:
    """What the classes say just now is what stands in the files."""
    assert set(library_verbs.compared(copy).values()) == {"same"}


def test_every_kind_of_difference_is_found(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed, a removed and a foreign file are each named, and the exit code is 1."""
    folder = copy / "contracts/schemas"
    (folder / "RiskVote.json").write_text((folder / "RiskVote.json").read_text().replace("gate", "gait"))
    (folder / "Fill.json").unlink()
    (folder / "Wish.json").write_text("{}")
    monkeypatch.setattr(settings, "ROOT", copy)
    shown = CliRunner().invoke(app, ["schemas", "verify", "--json"])
    found = json.loads(shown.stdout)
    assert shown.exit_code == 1
    assert (found["differs"], found["missing"], found["unknown"]) == (
        ["contracts/schemas/RiskVote.json"],
        ["contracts/schemas/Fill.json"],
        ["contracts/schemas/Wish.json"],
    )
    assert found["files"] == sum(len(found[verdict]) for verdict in ("same", "differs", "missing", "unknown"))
    people = CliRunner().invoke(app, ["schemas", "verify"])
    assert people.exit_code == 1
    assert "contracts/schemas/Fill.json: missing" in people.stdout.splitlines()


def test_a_published_schema_that_changed_is_named(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A schema that was published and changed under its version is a difference, and says what to do."""
    manifest = copy / "contracts/schemas/manifest.json"
    raw = json.loads(manifest.read_text())
    raw["schemas"][0].update(published=True, sha256="0" * 64)
    manifest.write_text(json.dumps(raw))
    found = library_verbs.compared(copy)
    assert found[f"contracts/schemas/{raw['schemas'][0]['file']}"] == "differs"
    assert "is published as v1 and has changed" in capsys.readouterr().err


def test_missing_schemas_are_bad_state(tmp_path: Path) -> None:
    """Without the folder there is nothing to compare: refused, with the command that makes it."""
    with pytest.raises(Refused, match=r"no such folder; make it with: python -m scripts.generate"):
        library_verbs.compared(tmp_path)
