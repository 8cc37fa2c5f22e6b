"""Read the files of infra/ for the tests: Compose's services, Kubernetes' objects, and what `pt` knows beside them."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer
import yaml

from cli.main import app
from flows.deployment import Deployment, load_deployment

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE, K8S, ENV = ROOT / "infra" / "compose", ROOT / "infra" / "k8s", ROOT / "infra" / "env"
DEPLOYMENTS = ROOT / "config" / "deployments"
IMAGE = "polytraders"
METRICS_PORT = 9100
PROGRAMS = ("market", "desk", "record", "govern")
# What the programs and containers may be told by the environment; everything else is an option or a file.
VARIABLES = {
    "BOT_DISABLE_TRADING": "connectors/environment.py",
    "LANE": "infra/k8s/README.md",
    "MARKETS": "infra/k8s/README.md",
    "KAFKA_HEAP_OPTS": "the broker's own start script",
    "LOG_DIR": "the broker's own start script",
}

Tree = dict[str, Any]


@cache
def compose() -> Tree:
    """Return the Compose file, merge keys applied."""
    return dict(yaml.safe_load((COMPOSE / "compose.yaml").read_text("utf-8")))


def services() -> dict[str, Tree]:
    """Return the services of the Compose file by name."""
    return dict(compose()["services"])


def ours() -> dict[str, Tree]:
    """Return the services that run `pt`."""
    return {name: each for name, each in services().items() if each["image"].startswith(f"{IMAGE}:")}


def programs_of_compose() -> dict[str, Tree]:
    """Return the services that run a program of a deployment."""
    return {name: each for name, each in ours().items() if each["command"][0] == "program"}


def feeds_of_compose() -> dict[str, Tree]:
    """Return the services that listen to a venue."""
    return {name: each for name, each in ours().items() if each["command"][0] == "feed"}


def needed(names: Sequence[str]) -> set[str]:
    """Return services and everything that they depend on."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += services()[name].get("depends_on", {})
    return found


def objects() -> Iterator[tuple[str, Tree]]:
    """Yield (file, object) of everything in infra/k8s that the kustomization names, lists taken apart."""
    for name in yaml.safe_load((K8S / "kustomization.yaml").read_text("utf-8"))["resources"]:
        if not (K8S / name).is_file():
            continue
        for document in yaml.safe_load_all((K8S / name).read_text("utf-8")):
            yield from ((name, each) for each in document.get("items", [document]))


def of_kind(kind: str) -> dict[str, Tree]:
    """Return the objects of a kind by name."""
    return {each["metadata"]["name"]: each for _, each in objects() if each["kind"] == kind}


def pod(each: Tree) -> Tree:
    """Return the pod that a StatefulSet makes."""
    return dict(each["spec"]["template"]["spec"])


def container(each: Tree) -> Tree:
    """Return the one container of a StatefulSet's pod."""
    (only,) = pod(each)["containers"]
    return dict(only)


@cache
def deployment(name: str) -> Deployment:
    """Return a deployment of config/deployments by its file's name."""
    return load_deployment(DEPLOYMENTS / name)


def option(words: Sequence[str], name: str) -> str:
    """Return the value of an option of a command line; empty where it is not given."""
    return words[words.index(name) + 1] if name in words else ""


def given(words: Sequence[str]) -> set[str]:
    """Return the names of the options of a command line."""
    return {word for word in words if word.startswith("--")}


def options_of(words: Sequence[str]) -> set[str]:
    """Return the options that `pt` has for the verb of a command line; raises KeyError for a verb that it lacks."""
    found: Any = typer.main.get_command(app)
    for word in words:
        if not hasattr(found, "commands"):
            break
        found = found.commands[word]
    return {name for each in found.params for name in (*each.opts, *each.secondary_opts)}


def seconds(text: str) -> int:
    """Return a duration as Compose writes it, in whole seconds."""
    (number,) = re.findall(r"^(\d+)s$", text)
    return int(number)


def pinned_kafka() -> str:
    """Return the version of Apache Kafka that the tests run on."""
    return str(tomllib.loads((ROOT / "infra" / "kafka" / "jars.toml").read_text("utf-8"))["version"])


def version() -> str:
    """Return the version of the project."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"])
