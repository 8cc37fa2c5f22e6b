"""Keep rows, modules, reason codes and generated files in step: what stands twice agrees, or is made from one."""

import ast
import json
import re
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from bots.registry import LAYERS, library
from contracts.reasons import LEGACY, REGISTRY
from contracts.units import REASON_PATTERN
from control.readiness import LAYER_COUNTS, PHASE_COUNTS
from scripts import generate
from scripts.makers import schemas
from tests.tidy import house

LIBRARY = library()
PATTERN = re.compile(REASON_PATTERN)
# A code in text is a layer's word followed by at least two more: it cannot be confused with a constant's name.
CODE = re.compile(r"^(INTEL|DISC|STRAT|RISK|EXEC|SEC|GOV)_[A-Z0-9]+_[A-Z0-9_]*[A-Z0-9]$")


@pytest.mark.parametrize("package", house.PACKAGES)
def test_a_package_name_resolves_to_this_repository(package: str) -> None:
    """Nothing installed elsewhere shadows a package of ours, and ours shadows nothing that it should not."""
    module = import_module(package)
    assert house.ROOT / package / "__init__.py" == Path(str(module.__file__)).resolve()


def test_there_are_109_rows_in_seven_layers_and_seven_phases() -> None:
    """The counts are those of the plan, layer by layer and phase by phase."""
    assert len(LIBRARY.rows) == 109
    assert Counter(row.layer for row in LIBRARY.rows) == LAYER_COUNTS
    for phase, layers in PHASE_COUNTS.items():
        assert Counter(row.layer for row in LIBRARY.rows if row.phase == phase) == layers


def test_every_module_has_a_row_and_every_row_past_pending_a_module() -> None:
    """The id is the address: bots/<layer>/<name>.py and a row of that id stand for each other."""
    modules = {
        name.removeprefix("bots/").removesuffix(".py").replace("/", ".") for name in house.files() if house.is_bot(name)
    }
    rows = {row.id for row in LIBRARY.rows}
    assert modules - rows == set(), "a module without a row: add the row to bots/library.toml, by ADR"
    assert {row.id for row in LIBRARY.rows if LIBRARY.has_module(row.id)} == modules & rows


def test_every_code_has_the_pattern_and_one_owner() -> None:
    """A code matches the pattern, is registered once, and begins with its owner's layer."""
    codes = [code["code"] for row in LIBRARY.rows for code in row.reasons]
    assert sorted(set(codes)) == sorted(codes)
    for code, entry in REGISTRY.items():
        assert PATTERN.match(code), f"{code}: LAYER_SUBJECT_CONDITION in capitals"
        assert not entry.owner or code.startswith(entry.owner.partition(".")[0].upper() + "_")
        assert entry.severity in {"INFO", "WARN", "HARD", "CRITICAL"}
        assert entry.meaning
    assert set(LEGACY.values()) <= REGISTRY.keys()


def _spoken(text: str, compared: bool = True) -> set[str]:
    """Return the reason codes that a module names, as constants or as text; perhaps not those it only compares with."""
    found = set()
    tree = house.tree_of(text)
    left_out = (
        set()
        if compared
        else {id(part) for node in ast.walk(tree) if isinstance(node, ast.Compare) for part in ast.walk(node)}
    )
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        word = node.id if isinstance(node, ast.Name) else node.value if isinstance(node, ast.Constant) else None
        if isinstance(node, ast.Attribute):
            word = node.attr
        if isinstance(word, str) and CODE.match(word):
            found.add(word)
    return found


@pytest.mark.parametrize("name", [name for name in house.files() if house.is_bot(name)])
def test_a_bot_uses_every_code_of_its_row_and_none_of_another_layer(name: str) -> None:
    """A code that nothing says is a promise nobody keeps; a code of another layer is somebody else's word."""
    bot_id = name.removeprefix("bots/").removesuffix(".py").replace("/", ".")
    own = {code["code"] for code in LIBRARY.by_id[bot_id].reasons}
    text = house.text_of(name)
    imports = {
        line
        for node in ast.walk(house.tree_of(text))
        if isinstance(node, ast.ImportFrom)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    body = "\n".join(line for number, line in enumerate(text.splitlines(), start=1) if number not in imports)
    assert {code for code in own if code not in body} == set(), f"{name}: never says these codes of its row"
    foreign = {
        code for code in _spoken(text, compared=False) & REGISTRY.keys() if REGISTRY[code].owner not in ("", bot_id)
    }
    assert foreign == set(), f"{name}: codes of other bots; read their signal instead"


def test_every_code_in_the_code_is_registered() -> None:
    """Nobody says a code that the registry does not know."""
    unknown = [
        f"{name}: {code}"
        for name in house.files()
        if house.is_code(name) and name != "contracts/reasons.py"
        for code in sorted(_spoken(house.text_of(name)) - REGISTRY.keys())
    ]
    assert unknown == [], "register it in bots/library.toml or contracts/reasons.toml, or name the constant otherwise"


def test_the_search_for_codes_can_fail() -> None:
    """A code in a call, a text or an attribute is found."""
    assert _spoken("say(RISK_NOT_THERE)\nx = 'EXEC_ALSO_NOT'\ny = reasons.SEC_NOR_THIS") == {
        "RISK_NOT_THERE",
        "EXEC_ALSO_NOT",
        "SEC_NOR_THIS",
    }


def test_every_code_of_a_mechanism_is_said_somewhere() -> None:
    """A mechanism's code is written out, or its end is put behind the layer's name."""
    texts = [house.text_of(n) for n in house.files() if house.is_code(n) and n != "contracts/reasons.py"]
    every = "\n".join(texts)
    unused = [
        code
        for code, entry in REGISTRY.items()
        if not entry.owner and code not in every and not re.search(rf"[_\"]{code.partition('_')[2]}\"", every)
    ]
    assert unused == [], "say it where the case arises, or take it out of contracts/reasons.toml"


def test_generated_files_are_what_their_sources_say(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m scripts.generate --check` finds nothing to write."""
    assert generate.main(["--check"]) == 0, capsys.readouterr().out


def test_a_published_schema_cannot_change_under_its_version(tmp_path: Path) -> None:
    """Whoever changes a published contract is told to give it a new version."""
    folder = tmp_path / schemas.FOLDER
    folder.mkdir(parents=True)
    made = dict(schemas.files(tmp_path, publish=True))
    manifest = json.loads(made[f"{schemas.FOLDER}/manifest.json"])
    assert all(entry["published"] for entry in manifest["schemas"])
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert dict(schemas.files(tmp_path)) == made
    manifest["schemas"][0]["sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(schemas.Unversioned, match="schema_version"):
        list(schemas.files(tmp_path))


def test_the_manifest_names_every_schema_with_its_digest() -> None:
    """Documentation and verification read the manifest, so it holds what is on disk and nothing else."""
    folder = house.ROOT / schemas.FOLDER
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))["schemas"]
    assert {entry["file"] for entry in manifest} == {path.name for path in folder.glob("*.json")} - {"manifest.json"}
    for entry in manifest:
        schema = json.loads((folder / entry["file"]).read_text("utf-8"))
        assert (entry["$id"], entry["title"]) == (schema["$id"], schema["title"])
        assert schema["description"]
        assert all("description" in field for name, field in schema["properties"].items() if name != "kind")


def test_layers_are_folders() -> None:
    """Each layer is a folder of bots with a sentence about it."""
    for layer in LAYERS:
        assert import_module(f"bots.{layer}").__doc__
