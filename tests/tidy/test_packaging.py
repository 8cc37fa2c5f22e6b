"""Keep what is installed equal to what is declared, and recorded data out of the tree."""

import re
import tomllib
from hashlib import sha256
from pathlib import Path

import pytest

from tests.tidy import house

PIN = re.compile(r"^([a-z0-9][a-z0-9-]*)==(\S+)", re.MULTILINE)
DATA = {".gz", ".parquet", ".jsonl", ".csv", ".zst", ".arrow", ".feather"}


def pins(name: str) -> dict[str, str]:
    """Return package → version of a requirements file."""
    return dict(PIN.findall((house.ROOT / "requirements" / name).read_text("utf-8")))


def pyproject() -> dict[str, dict[str, object]]:
    """Return the build file."""
    return tomllib.loads((house.ROOT / "pyproject.toml").read_text("utf-8"))


def test_the_build_file_and_the_requirements_pin_the_same() -> None:
    """pyproject.toml repeats requirements/run.in, but for what builds the project itself."""
    run = pins("run.in")
    assert f"setuptools=={run.pop('setuptools')}" in str(pyproject()["build-system"]["requires"])
    assert dict(PIN.findall("\n".join(pyproject()["project"]["dependencies"]))) == run  # type: ignore[arg-type]


@pytest.mark.parametrize(("asked", "locked"), [("run.in", "run.txt"), ("run.in", "dev.txt"), ("dev.in", "dev.txt")])
def test_a_lock_file_holds_what_was_asked_for(asked: str, locked: str) -> None:
    """Every direct pin stands in the lock file with the same version."""
    assert pins(asked).items() <= pins(locked).items()


def test_the_checks_run_on_what_the_system_runs_on() -> None:
    """The lock file of the checks holds that of the run, version for version."""
    assert pins("run.txt").items() <= pins("dev.txt").items()


@pytest.mark.parametrize("locked", ["run.txt", "dev.txt"])
def test_every_locked_package_has_hashes_and_no_index_is_named(locked: str) -> None:
    """A file that is not the one that was locked is refused; which index serves it is pip's own business."""
    text = (house.ROOT / "requirements" / locked).read_text("utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", text)
    assert all("--hash=sha256:" in entry for entry in entries if PIN.match(entry))
    assert not re.search(r"://|--index-url|--find-links|--trusted-host", text)


def test_packages_of_later_issues_are_named_and_not_installed() -> None:
    """What nothing imports yet is written down, and stays out of the lock files."""
    later = pins("later.in")
    assert {"great-expectations"} == later.keys()
    assert later.keys().isdisjoint(pins("dev.txt"))


def test_ci_runs_what_a_person_runs() -> None:
    """`.ci/run` can be executed and calls `make test`."""
    script = house.ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "make test" in script.read_text("utf-8")


def test_files_are_small() -> None:
    """Fixtures are small and made; a large file in the tree is somebody's recording."""
    large = [name for name in house.files() if (house.ROOT / name).stat().st_size > house.BYTES_MAX]
    assert large == [], "recorded data stays in ../shared/data, beside the checkout"


def test_data_files_stand_in_fixtures_only() -> None:
    """Market data in the tree is synthetic, made by our own generator, and stands in one place."""
    stray = [name for name in house.files() if Path(name).suffix in DATA and not name.startswith("fixtures/")]
    assert stray == [], "make it with scripts.make_fixtures, or read it from ../shared/data"


@pytest.mark.recorded
def test_no_recorded_file_is_in_the_tree(recorded: Path) -> None:
    """No file of the tree is a copy of a recorded one."""
    known = {sha256(path.read_bytes()).hexdigest() for path in recorded.rglob("*") if path.is_file()}
    ours = {sha256((house.ROOT / name).read_bytes()).hexdigest(): name for name in house.files()}
    assert sorted(ours[digest] for digest in known & ours.keys()) == []
