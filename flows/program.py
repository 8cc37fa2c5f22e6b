"""Say what one program of a deployment is started with, from options or from the environment, and how it runs.

Market, desk, record and govern are programs of their own around a broker: started, killed, moved and multiplied apart.
What they share stands here: which lanes or desks, where they keep their place, when they stop.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
from bytewax.dataflow import Dataflow
from bytewax.recovery import InconsistentPartitionsError, MissingPartitionsError, NoPartitionsError
from bytewax.testing import cluster_main, run_main

from connectors import namespace
from connectors.access import Access, read_access
from connectors.clickhouse import EnvelopeTable
from connectors.recovery import FORMAT, Begun, Recovery, refusal
from connectors.secret_refs import held
from connectors.store import StoreError
from contracts.base import Refused
from contracts.ids import content_hash
from flows.assemble import fingerprint
from flows.deployment import Deployment, load_deployment
from flows.migrations import keeping_programs
from operators.state import Keep

EPOCH = timedelta(seconds=1)
FIRST_S, WAIT_S = 60.0, 0.05
PARTITIONS = 16  # of the recovery store; at least the most workers, and fixed when it is made
WORKERS_MAX = PARTITIONS
_RUINED = (InconsistentPartitionsError, MissingPartitionsError, NoPartitionsError)
Stop = Callable[[], bool]


class Server(NamedTuple):
    """A ClickHouse server: where it is, as whom, and the reference of the password; empty for a user without one."""

    host: str
    port: int
    user: str
    password_ref: str
    secure: bool

    def open(self, mode: str) -> EnvelopeTable:
        """Open the store there; raises StoreError."""
        password = held(self.password_ref, StoreError).decode().strip() if self.password_ref else ""
        return EnvelopeTable.server(self.host, self.port, mode, self.user, password, self.secure)


@dataclass(slots=True)
class Program:
    """One process of a deployment.

    name       market, desk, record or govern
    only       lanes or desks that it runs
    state      folder of everything that programs keep
    until_end  ends where its sources said that nothing more comes; else only when it is stopped
    store      folder where record keeps envelopes
    server     HOST:PORT of the ClickHouse server where it does, with user and the reference of a password
    processes  addresses of all processes of a cluster, host:port; none for a process of its own
    number     which of them this one is
    """

    name: str
    deployment: Deployment
    access: Access
    state: Path
    only: tuple[str, ...]
    until_end: bool = False
    store: Path | None = None
    server: "Server | None" = None
    workers: int = 1
    processes: tuple[str, ...] = ()
    number: int = 0
    stop: Stop = lambda: False
    keep: Keep = field(default_factory=Keep)

    @property
    def group(self) -> str:
        """Its name in the broker's log."""
        return namespace.consumer_group(self.deployment.mode, self.name)

    def topic(self, name: str) -> str:
        """Return a topic of its deployment."""
        return namespace.topic(self.deployment.prefix, name)

    def begun(self) -> Begun:
        """Name everything that decides what this program derives: one that differs must not go on in its place.

        What it has nothing to do with does not count, so a desk or a lane can be added beside it.
        """
        deployment, lanes = self.deployment, self.name == "market"
        desks = {desk.desk_id for lane in self.only for desk in deployment.desks_of(lane)} if lanes else set(self.only)
        parts = deployment.parts(desks)
        own = {"prefix": deployment.prefix, "only": ",".join(self.only), "platform": fingerprint()}
        run_id = content_hash(msgspec.json.encode([deployment.prefix, sorted(parts.items())]))[:16]
        return Begun(FORMAT, run_id, own | parts)

    def recovery(self) -> Recovery:
        """Return where this program keeps its place, begun or taken up; raises StoreError when another was begun."""
        folder = namespace.state_folder(self.state, self.deployment.mode, self.name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = ".".join((*self.deployment.prefix.split(".")[1:], *self.only))
        found, here = Recovery(folder, name, PARTITIONS), self.begun()
        there = _of_first(found) if self.number else found.begun()
        if there is None:
            found.begin(here)
        elif there != here:
            raise refusal(str(found.folder), there, here)
        return found


def _of_first(found: Recovery) -> Begun:
    """Wait for what the first process of a cluster begins: two that made the folder would take it from each other."""
    until = time.monotonic() + FIRST_S
    while (there := found.begun()) is None:
        if time.monotonic() > until:
            raise StoreError(f"{found.folder}: process 0 has not made it within {FIRST_S:g} s; see what it says")
        time.sleep(WAIT_S)
    return there


def run_flow(program: Program, build: Callable[[Program], Dataflow]) -> bool:
    """Run a program's flow to its end, or until it is stopped; True at the end.

    Raises what the flow raises (a refusal behind the dataflow engine's own error), and StoreError for a recovery folder
    that has holes or is another run's.
    """
    recovery = program.recovery()
    program.keep = keeping_programs(program.only)
    flow = build(program)
    try:
        if program.workers == 1 and not program.processes:
            run_main(flow, epoch_interval=EPOCH, recovery_config=recovery.config())
        else:
            cluster_main(
                flow, list(program.processes), program.number, epoch_interval=EPOCH,
                recovery_config=recovery.config(), worker_count_per_proc=program.workers,
            )  # fmt: skip
    except _RUINED as err:
        raise StoreError(f"{recovery.folder}: {err}; remove the folder to begin again") from None
    return not program.keep.paused


def program_of(
    name: str,
    deployment: Path,
    access: Access,
    state: Path,
    only: str = "",
) -> Program:
    """Return a program of a deployment; raises Refused for a lane or desk that it does not have."""
    found = load_deployment(deployment)
    known = tuple(found.lanes) if name == "market" else tuple(found.desks)
    chosen = tuple(filter(None, only.split(","))) or known
    unknown = [each for each in chosen if each not in known]
    if unknown or len(set(chosen)) != len(chosen):
        raise Refused(f"--only {only}: {', '.join(unknown) or 'one twice'}; allowed: {', '.join(known)}")
    return Program(name, found, access, state, chosen)


def from_environment(name: str, environ: Mapping[str, str] = os.environ) -> Program:
    """Return the program that the dataflow engine's own runner was started for; raises Refused naming the variable."""
    missing = [key for key in ("POLYTRADERS_DEPLOYMENT", "POLYTRADERS_STATE") if not environ.get(key)]
    access, bootstrap = environ.get("POLYTRADERS_ACCESS", ""), environ.get("POLYTRADERS_BOOTSTRAP", "")
    if missing or bool(access) == bool(bootstrap):
        wanted = ", ".join(missing) or "one of POLYTRADERS_ACCESS and POLYTRADERS_BOOTSTRAP"
        raise Refused(f"environment: {wanted} is not set; see docs/kafka.md")
    way = read_access(Path(access)) if access else Access(bootstrap)
    found = program_of(
        name, Path(environ["POLYTRADERS_DEPLOYMENT"]), way, Path(environ["POLYTRADERS_STATE"]),
        environ.get("POLYTRADERS_ONLY", ""),
    )  # fmt: skip
    found.keep = keeping_programs(found.only)
    found.until_end = environ.get("POLYTRADERS_UNTIL_END", "") not in ("", "0")
    found.store = Path(environ["POLYTRADERS_STORE"]) if environ.get("POLYTRADERS_STORE") else None
    return found
