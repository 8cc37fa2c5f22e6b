"""Say which programs a deployment runs as processes, and with what command line each is started.

Table `[programs]` of a deployment's file: a line for each, in order of start; without it market, desk and record.
Whoever wants govern names it: record then keeps what it says, and waits for its end too.

    [programs]
    market = { workers = 2 }                         # only = ["lane0"], metrics = "127.0.0.1:9102"
    desk = {}

Where a program serves its metrics stands in `[metrics]`, which `pt top` and `pt doctor` read too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.scrape import target_of
from contracts.base import Refused
from flows.deployment import Deployment
from flows.program import WORKERS_MAX
from flows.programs import NAMES

KEYS = ("only", "workers", "metrics")
SCALED = ("market", "desk")  # what --workers is for: the others are one thread by nature


@dataclass(frozen=True, slots=True)
class Planned:
    """One process of a deployment.

    name     market, desk, record or govern
    only     lanes or desks; all where empty
    workers  threads that share them
    metrics  host:port where it answers; empty: nowhere
    """

    name: str
    only: tuple[str, ...] = ()
    workers: int = 1
    metrics: str = ""

    def words(
        self, deployment: Path, way: Sequence[str], state: Path, store: Path, *, until_end: bool
    ) -> tuple[str, ...]:
        """Return what follows `pt`; `way` is --bootstrap or --access with its value."""
        words = ["program", self.name, "--deployment", str(deployment), *way, "--state", str(state), "--json"]
        words += ["--only", ",".join(self.only)] if self.only else []
        words += ["--workers", str(self.workers)] if self.workers > 1 else []
        words += ["--metrics", self.metrics] if self.metrics else []
        words += ["--store", str(store)] if self.name == "record" else []
        return (*words, *(["--until-end"] if until_end else []))


def planned(deployment: Deployment, workers: int | None = None) -> tuple[Planned, ...]:
    """Return the programs of a deployment; `workers` goes before its own word for market and desk. Raises Refused."""
    where, addresses = f"{deployment.path}: programs", metrics_of(deployment)
    table = deployment.tables.get("programs", {name: {} for name in NAMES if name != "govern"})
    if not isinstance(table, Mapping) or not table:
        raise Refused(f"{where} {table!r}; allowed: a table of {', '.join(NAMES)}")
    found = []
    for name, said in table.items():
        if name not in NAMES:
            raise Refused(f"{where}.{name}: unknown program; allowed: {', '.join(NAMES)}")
        if not isinstance(said, Mapping) or not set(said) <= set(KEYS):
            raise Refused(f"{where}.{name} {said!r}; allowed: a table of {', '.join(KEYS)}")
        known = tuple(deployment.lanes if name == "market" else deployment.desks)
        only, count = said.get("only", []), said.get("workers", 1)
        if not isinstance(only, list) or not set(only) <= set(known) or len(set(only)) != len(only):
            raise Refused(f"{where}.{name}.only {only!r}; allowed: some of {', '.join(known)}, each once")
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= WORKERS_MAX:
            raise Refused(f"{where}.{name}.workers {count!r}; allowed: 1 to {WORKERS_MAX}")
        count = workers if workers is not None and name in SCALED else count
        address = said.get("metrics", "")
        if not isinstance(address, str):
            raise Refused(f"{where}.{name}.metrics {address!r}; allowed: HOST:PORT")
        found.append(Planned(name, tuple(only), count, target_of(address) if address else addresses.get(name, "")))
    return tuple(found)


def metrics_of(deployment: Deployment) -> dict[str, str]:
    """Return program -> host:port of the table [metrics]; raises Refused naming the line."""
    table = deployment.tables.get("metrics", {})
    if not isinstance(table, Mapping):
        raise Refused(f"{deployment.path}: metrics {table!r}; allowed: a table of program = HOST:PORT")
    for name, address in table.items():
        if not isinstance(address, str):
            raise Refused(f"{deployment.path}: metrics.{name} {address!r}; allowed: HOST:PORT")
    return {name: target_of(address) for name, address in table.items()}
