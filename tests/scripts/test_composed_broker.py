"""The broker of infra/compose is started alone, on a port, with secrets and a volume of its own, and removed again."""

import os
import stat
from pathlib import Path

import pytest
import yaml

from connectors.errors import BrokerError
from scripts import composed_broker
from scripts.composed_broker import ComposedBroker, engine, override

ROOT = Path(__file__).resolve().parents[2]
DOCKER = """#!/bin/sh
echo "$@" >>"{log}"
for word in "$@"; do [ "$word" = "{refused}" ] && {{ echo "no such thing: $word" >&2; exit 7; }}; done
exit 0
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a `docker` in front that writes down what it was asked, and refuses nothing; returns its notes."""
    notes = tmp_path / "asked"
    installed(tmp_path / "bin", notes)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(ComposedBroker, "_wait", lambda self: None)
    return notes


def installed(folder: Path, notes: Path, refused: str = "nothing at all") -> None:
    """Write the `docker`; it refuses whatever has one word in its command line."""
    folder.mkdir(exist_ok=True)
    (folder / "docker").write_text(DOCKER.format(log=notes, refused=refused))
    (folder / "docker").chmod(0o755)


def test_an_engine_answers_or_not(docker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`docker info` and `docker compose version` must both work; no docker at all is no engine."""
    assert engine()
    assert ["info", "compose version"] == docker.read_text().splitlines()
    for word in ("info", "version"):
        installed(tmp_path / "bin", docker, word)
        assert not engine()
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert not engine()


def test_it_runs_while_it_is_entered(docker: Path, tmp_path: Path) -> None:
    """One project of its own is brought up and taken down with its volume; access files are their owner's alone."""
    with ComposedBroker(tmp_path / "broker") as broker:
        way = broker.access("paper.market")
        assert way.password()
    up, down = docker.read_text().splitlines()
    project = f"compose --project-name polytraders-demo-{os.getpid()} -f {ROOT}/infra/compose/compose.yaml -f "
    assert up == f"{project}{tmp_path}/broker/override.yaml up --detach --wait --no-deps kafka"
    assert down == f"{project}{tmp_path}/broker/override.yaml down --volumes --timeout 10"
    port = int(way.bootstrap.removeprefix("127.0.0.1:"))
    assert f"HOST://127.0.0.1:{port}" in (tmp_path / "broker" / "server.properties").read_text()
    assert "paper.market" == way.principal
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in broker.access_dir.iterdir()}


def test_one_that_does_not_start_is_removed(docker: Path, tmp_path: Path) -> None:
    """What the client said is told, and whatever was started of it is taken down."""
    installed(tmp_path / "bin", docker, "up")
    with (
        pytest.raises(BrokerError, match="docker compose up: exit code 7: no such thing: up"),
        ComposedBroker(tmp_path / "broker"),
    ):
        raise AssertionError("it did not start")
    assert ["up", "down"] == [line.split()[7] for line in docker.read_text().splitlines()]


def test_what_differs_from_the_composition(tmp_path: Path) -> None:
    """Only the broker differs: its port, its settings and its secrets, each under a name that infra/compose has."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!override", lambda loader, node: loader.construct_sequence(node))
    found = yaml.load(override(tmp_path, 20_001), Loader)
    whole = yaml.safe_load((composed_broker.COMPOSE / "compose.yaml").read_text())
    kafka = whole["services"]["kafka"]
    assert {"kafka"} == set(found["services"])
    assert ["127.0.0.1:20001:20001"] == found["services"]["kafka"]["ports"]
    (settings,) = found["services"]["kafka"]["volumes"]
    inside = settings.split(":")[1]
    assert inside in [volume.split(":")[1] for volume in kafka["volumes"]]
    assert set(found["secrets"]) == {secret["source"] for secret in kafka["secrets"]}
    assert composed_broker.PORT in (composed_broker.COMPOSE / "kafka" / "server.properties").read_text()
