"""Start what a deployment names, each program a process of its own, and keep it running: `pt up`.

For one machine. Where there are more, each program is a unit of what runs there (infra/compose, infra/k8s), started
with `pt program` as it is here.
"""

import os
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import settings
from cli.output import DIFFERS, OK, put_json, put_table, say
from cli.topics import Bootstrap
from connectors.stopping import Stop
from contracts.base import Refused

if TYPE_CHECKING:
    from connectors.supervisor import Ended, Task
    from flows.deployment import Deployment

DEPLOYMENT = settings.CONFIG / "deployments" / "demo.toml"
STATE = Path("runs")
WORKERS_MAX = 16

DeploymentFile = Annotated[
    Path,
    typer.Option(
        "--deployment", metavar="FILE", help="What runs; a file of config/deployments.", show_default="demo.toml"
    ),
]
StateFolder = Annotated[
    Path, typer.Option("--state", metavar="DIR", help="Where programs keep their place, and their logs.")
]
StoreFolder = Annotated[
    Path | None,
    typer.Option("--store", metavar="DIR", help="Where record keeps envelopes; STATE/MODE/store unless named."),
]


def up(
    deployment: DeploymentFile = DEPLOYMENT,
    bootstrap: Bootstrap = None,
    access_dir: Annotated[
        Path | None,
        typer.Option(
            "--access-dir", metavar="DIR", help="Folder with an access file for each program, MODE.PROGRAM.json."
        ),
    ] = None,
    state: StateFolder = STATE,
    store: StoreFolder = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", help="Threads of market and desk each; the deployment's word if left out."),
    ] = None,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="End where the input says that nothing more comes.")
    ] = False,
    as_json: settings.Json = False,
) -> int:
    """Start the programs of a deployment, start again what dies, and stop all of them on a signal."""
    from connectors.supervisor import Supervisor, alone
    from flows.deployment import load_deployment

    if workers is not None:
        settings.within("--workers", workers, 1, WORKERS_MAX)
    found = load_deployment(deployment)
    tasks = tasks_of(found, state, store, bootstrap, access_dir, workers, until_end=until_end)
    begun = time.monotonic()
    with Stop() as stop, alone(state), ExitStack() as held:
        supervisor = held.enter_context(Supervisor(tasks, say, until_end=until_end, environ=environment()))
        with stop.gently():
            ended = supervisor.run(stop)
        how = "gave up" if supervisor.failure else "stopped" if supervisor.stopping else "end of input"
        answer: dict[str, object] = {"deployment": str(deployment), "prefix": found.prefix, "ended": how}
        answer |= {"seconds": round(time.monotonic() - begun, 3), "programs": told(ended)}
        show(answer, ended, as_json=as_json)
        if supervisor.failure:
            say(supervisor.failure)
            return DIFFERS
        if supervisor.stopping:
            raise stop.reason()
    return code_of(ended)


def tasks_of(
    deployment: "Deployment",
    state: Path,
    store: Path | None,
    bootstrap: str | None,
    access_dir: Path | None,
    workers: int | None = None,
    *,
    until_end: bool,
) -> "list[Task]":
    """Return what is to be started, in order; raises Refused."""
    from connectors.supervisor import Task
    from flows.planned import planned

    if (bootstrap is None) == (access_dir is None):
        raise Refused("--bootstrap or --access-dir: name the broker with one of them")
    place = store if store is not None else store_of(state, deployment.mode)
    found = []
    for each in planned(deployment, workers):
        way = ("--bootstrap", bootstrap or "")
        if access_dir is not None:
            way = ("--access", str(access_file(access_dir, deployment.mode, each.name)))
        words = each.words(deployment.path, way, state, place, until_end=until_end)
        log = state / "logs" / f"{each.name}.log"
        found.append(Task(each.name, (sys.executable, "-m", "cli.main", *words), log))
    return found


def store_of(state: Path, mode: str) -> Path:
    """Return where record keeps envelopes where nobody said."""
    from connectors.namespace import state_folder

    return state_folder(state, mode, "store")


def access_file(folder: Path, mode: str, program: str) -> Path:
    """Return a program's access file, MODE.PROGRAM.json as brokers are made with, or PROGRAM.json; raises Refused."""
    from connectors.namespace import principal

    names = (f"{principal(mode, program)}.json", f"{program}.json")
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise Refused(f"--access-dir {folder}: has no access file of {program}; allowed: {' or '.join(names)}")


def environment() -> dict[str, str]:
    """Return the environment of the programs: ours, and where they find the code that runs here."""
    path = filter(None, (str(settings.ROOT), os.environ.get("PYTHONPATH", "")))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


def told(ended: "Mapping[str, Ended]") -> dict[str, object]:
    """Return how each program ended, as JSON has it."""
    return {
        name: {"code": each.code, "deaths": each.deaths, "last": each.last, "summary": each.answer}
        for name, each in ended.items()
    }


def show(answer: Mapping[str, object], ended: "Mapping[str, Ended]", *, as_json: bool) -> None:
    """Write how it ended, as a document or for people."""
    from connectors.supervisor import spelled

    if as_json:
        put_json(answer)
        return
    rows = [
        (name, spelled(each.code), each.deaths, (each.answer or {}).get("ended"), (each.answer or {}).get("seconds"))
        for name, each in ended.items()
    ]
    put_table(f"{answer['prefix']}: {answer['ended']}", ("program", "code", "deaths", "ended", "seconds"), rows)


def code_of(ended: "Mapping[str, Ended]") -> int:
    """Return the exit code of programs that have done their work."""
    return DIFFERS if any(each.code for each in ended.values()) else OK
