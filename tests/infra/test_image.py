"""Hold infra/Dockerfile to what a program needs, and to what an image must not have."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra import manifests as m

RECIPE = m.ROOT / "infra" / "Dockerfile"
PACKAGES = ("contracts", "bots", "operators", "control", "connectors", "flows", "cli", "web")


def steps() -> list[tuple[str, str]]:
    """Return (instruction, rest) of the recipe, continued lines joined."""
    text = re.sub(r"\\\n(\s*#.*\n)*", " ", RECIPE.read_text("utf-8"))
    return [(line.split()[0], line.split(None, 1)[1]) for line in text.splitlines() if line and line[0] != "#"]


def copied() -> list[str]:
    """Return what the recipe takes from the tree."""
    words = [rest.split() for word, rest in steps() if word == "COPY" and not rest.startswith("--from")]
    return [source for each in words for source in each[:-1]]


def allowed() -> set[str]:
    """Return what .dockerignore lets into a build."""
    lines = (m.ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" == lines[next(place for place, line in enumerate(lines) if not line.startswith("#"))]
    return {line[1:] for line in lines if line.startswith("!")}


def test_two_stages_stand_on_one_pinned_base() -> None:
    """Both stages begin with the same exact tag, and no registry's host is named."""
    bases = {rest.split()[0] for word, rest in steps() if word == "FROM"}
    assert 1 == len(bases) and re.fullmatch(r"python:3\.11\.\d+-slim-[a-z]+", bases.pop())
    assert 2 == sum(word == "FROM" for word, _ in steps())
    assert "://" not in RECIPE.read_text("utf-8")


def test_what_is_installed_is_checked_against_its_hashes() -> None:
    """The lock file of a running system is installed with hashes, and nothing else is fetched."""
    installs = [rest for word, rest in steps() if word == "RUN" and "pip install" in rest]
    assert 2 == len(installs)
    assert "--require-hashes -r /tmp/run.txt" in installs[0] and "requirements/run.txt" in copied()
    assert "--no-index" in installs[1] and "--no-deps" in installs[1]


def test_the_program_is_pt_and_runs_as_nobody_in_particular() -> None:
    """The image starts `pt` as a user that is not root, which Compose and Kubernetes name too, and stops by SIGTERM."""
    last = dict(steps())
    assert ('["pt"]', "10001:10001", "SIGTERM") == (last["ENTRYPOINT"], last["USER"], last["STOPSIGNAL"])
    assert {10001} == {m.pod(each)["securityContext"]["runAsUser"] for each in m.of_kind("StatefulSet").values()}
    example = (m.ENV / ".env.example").read_text("utf-8")
    assert "POLYTRADERS_UID=10001" in example


def test_a_build_sees_what_it_copies_and_nothing_else() -> None:
    """.dockerignore lets in exactly what the recipe copies: no history, recording, secret or environment file."""
    assert set(copied()) == allowed()
    assert set(PACKAGES) < allowed()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds what the image's /app holds, without its packages of others."""
    app = tmp_path_factory.mktemp("image") / "app"
    for source in copied():
        if (m.ROOT / source).is_dir():
            shutil.copytree(m.ROOT / source, app / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (app / source).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(m.ROOT / source, app / source)
    return app


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["program", "--help"],
        ["bots", "--json"],
        ["topics", "create", "--prefix", "paper", "--access", "nothing.json"],
        ["program", "desk", "--deployment", "config/deployments/bots.toml", "--only", "bot2"],
        ["program", "desk", "--deployment", "config/deployments/external.toml", "--only", "bot2"],
        ["program", "desk", "--deployment", "config/deployments/demo.toml", "--only", "bot2"],
    ],
    ids=" ".join,
)
def test_what_is_copied_is_enough(image: Path, words: list[str]) -> None:
    """From the image's files alone `pt` answers, and refuses in one line what it must, bot2 among it.

    The deployment of the synthetic recordings stays with them, outside the image, and says which file it misses.
    """
    if words[-1] == "bot2":
        words = [*words, "--bootstrap", "127.0.0.1:1", "--state", str(image / "state")]
    told = subprocess.run(
        [sys.executable, "-c", "from cli.main import main; main()", *words],
        cwd=image, capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": str(image)},
    )  # fmt: skip
    demo = {"config/deployments/demo.toml": "demo_instruments.jsonl' is no file beside it"}
    refused = demo | {"nothing.json": "nothing.json: cannot be read", "bot2": "--only bot2"}
    said = next((text for word, text in refused.items() if word in words), "")
    assert (2 if said else 0) == told.returncode, told.stderr
    assert said in told.stderr
    assert "Traceback" not in told.stderr
