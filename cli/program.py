"""Run one program of a deployment: `pt program market | desk | record | govern`.

What `pt up` starts, a container's entry point, and what a person runs by hand to see one part alone.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import DIFFERS, OK, put, put_json, put_tree, say
from cli.settings import Json, version
from cli.topics import AccessFile, Bootstrap, way_in
from connectors.stopping import Stop
from contracts.base import Refused

if TYPE_CHECKING:
    from connectors.access import Access
    from flows.program import Program

DeploymentPath = Annotated[
    Path, typer.Option("--deployment", metavar="FILE", help="Which lanes and desks there are; config/deployments.")
]
State = Annotated[
    Path, typer.Option("--state", metavar="DIR", help="Where programs keep their place between starts.")
]
WORKERS_MAX = 16


def program(
    name: Annotated[str, typer.Argument(metavar="NAME", help="market, desk, record or govern.")],
    deployment: DeploymentPath,
    state: State,
    bootstrap: Bootstrap = None,
    access: AccessFile = None,
    only: Annotated[str, typer.Option(metavar="NAME,NAME", help="Lanes or desks; all if left out.")] = "",
    workers: Annotated[int, typer.Option(metavar="N", help="Threads that share the lanes or desks.")] = 1,
    processes: Annotated[
        str, typer.Option(metavar="HOST:PORT,...", help="Addresses of all processes that share them, in one order.")
    ] = "",
    number: Annotated[int, typer.Option(metavar="N", help="Which of these processes this one is, from 0.")] = 0,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="End where the input says that nothing more comes.")
    ] = False,
    metrics: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Serve /metrics, /health and /ready there; nowhere if left out.")
    ] = "",
    store: Annotated[Path | None, typer.Option(metavar="DIR", help="Where record keeps envelopes.")] = None,
    server: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="A ClickHouse server where record keeps them instead.")
    ] = "",
    server_user: Annotated[str, typer.Option(metavar="NAME", help="As whom.")] = "default",
    server_password: Annotated[
        str, typer.Option(metavar="file:PATH", help="Reference of the password; a file of mode 0600.")
    ] = "",
    server_tls: Annotated[bool, typer.Option("--server-tls", help="Speak TLS to it.")] = False,
    as_json: Json = False,
) -> int:
    """Run one program until its input ends or it is stopped; on a signal it keeps its place and ends at once."""
    from connectors.logs import Log, conceal
    from connectors.telemetry import Telemetry, address_of
    from flows.program import Server
    from flows.programs import run_program

    chosen = chosen_program(name, deployment, way_in(bootstrap, access), state, only, workers, processes, number)
    chosen.until_end, chosen.store = until_end, store
    if server:
        chosen.server = Server(*address_of(server), server_user, server_password, server_tls)
    if chosen.access.principal:
        conceal(chosen.access.password())
    about = {"version": version(), "config": chosen.begun().run_id}
    with Log(name), Stop() as stop, Telemetry(name, about) as telemetry:
        chosen.stop = stop
        telemetry.check("built", lambda: "" if chosen.keep.versions else "its dataflow is not built yet", "ready")
        if metrics:
            host, port = address_of(metrics)
            say(f"metrics: http://{host}:{telemetry.serve(host, port)}/metrics")
        with stop.gently():
            ended = run_program(chosen, telemetry)
        if as_json:
            put_json(ended.summary)
        else:
            put(f"{name}: {ended.summary['ended']}")
            put_tree(ended.summary)
        if not ended.whole:
            raise stop.reason()
    return DIFFERS if ended.summary.get("faults") else OK


def chosen_program(
    name: str, deployment: Path, access: "Access", state: Path, only: str, workers: int, processes: str, number: int
) -> "Program":
    """Return the program that the options name; raises Refused for what it could not be."""
    from flows.program import program_of
    from flows.programs import NAMES

    if name not in NAMES:
        raise Refused(f"NAME {name!r}; allowed: {', '.join(NAMES)}")
    if not 1 <= workers <= WORKERS_MAX:
        raise Refused(f"--workers {workers}; allowed: 1 to {WORKERS_MAX}")
    cluster = tuple(filter(None, processes.split(",")))
    if cluster and not 0 <= number < len(cluster):
        raise Refused(f"--number {number}; allowed: 0 to {len(cluster) - 1}")
    chosen = program_of(name, deployment, access, state, only)
    chosen.workers, chosen.processes, chosen.number = workers, cluster, number
    return chosen
