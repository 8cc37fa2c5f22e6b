"""`pt sign` says of every vector whether it holds, with the exit codes of `pt`."""

import json
from pathlib import Path

from typer.testing import CliRunner

from cli.main import app

VECTORS = Path(__file__).resolve().parents[1] / "vectors"


def pt(*words: str) -> tuple[int, str, str]:
    """Run `pt sign` and return its exit code, its answer and what it said."""
    shown = CliRunner().invoke(app, ["sign", *words])
    return shown.exit_code, shown.stdout, shown.stderr


def test_both_files_hold() -> None:
    """41 equal and 5 verified, each by name, in JSON and in words."""
    code, out, _ = pt("--vectors", str(VECTORS / "polymarket_order_vectors.json"), "--json")
    told = json.loads(out)
    assert (0, True, {"equal": 41}) == (code, told["ok"], told["counts"])
    assert {"name": "S01", "result": "equal", "detail": ""} == told["cases"][0]
    code, out, _ = pt("--vectors", str(VECTORS / "kalshi_signing_vectors.json"))
    assert (0, True, True) == (code, "K05" in out, "5 verified" in out)


def test_one_that_does_not_hold_ends_with_1(tmp_path: Path) -> None:
    """The case is named with what differs."""
    file = json.loads((VECTORS / "kalshi_signing_vectors.json").read_text())
    file["cases"][2]["expected"]["message"] = "other"
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(file))
    code, out, _ = pt("--vectors", str(path), "--json")
    told = json.loads(out)
    assert (1, False, {"verified": 4, "differs": 1}) == (code, told["ok"], told["counts"])
    assert ["K03"] == [case["name"] for case in told["cases"] if case["result"] == "differs"]


def test_no_such_file_ends_with_2(tmp_path: Path) -> None:
    """Missing, a folder, empty, not JSON, JSON of another shape: one line each, and nothing on standard output."""
    path = tmp_path / "vectors.json"
    assert 2 == pt("--vectors", str(path))[0]
    assert 2 == pt("--vectors", str(tmp_path))[0]
    assert 2 == pt()[0]
    for text in ("", "[", "{}", '{"meta":{}}'):
        path.write_text(text)
        code, out, err = pt("--vectors", str(path))
        assert (2, "", 1) == (code, out, err.count("\n"))
