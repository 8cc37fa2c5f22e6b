"""Say on one screen what is wrong with a deployment: `pt doctor`. It changes nothing, and needs nothing to run.

Exit code 1 where something is bad. What is unknown is counted and told, for a person to judge.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cli import settings
from cli.output import DIFFERS, OK, put, put_json, put_table
from cli.topics import AccessFile, Bootstrap, way_in
from cli.up import DEPLOYMENT, STATE, DeploymentFile, StateFolder, store_of
from contracts.base import Refused


def doctor(
    deployment: DeploymentFile = DEPLOYMENT,
    state: StateFolder = STATE,
    store: Annotated[
        Path | None,
        typer.Option("--store", metavar="DIR", help="Where record keeps envelopes; STATE/MODE/store unless named."),
    ] = None,
    bootstrap: Bootstrap = None,
    access: AccessFile = None,
    as_json: settings.Json = False,
) -> int:
    """Look at versions, broker, topics, lag, disks, clock, keys and folders, and say what to do."""
    from connectors.doctor import BAD
    from flows.deployment import load_deployment
    from flows.doctor import examined

    if bootstrap is not None and access is not None:
        raise Refused("--bootstrap or --access: name the broker with one of them, or with none")
    way = None if bootstrap is None and access is None else way_in(bootstrap, access)
    found = load_deployment(deployment)
    place = store if store is not None else store_of(state, found.mode)
    checks = examined(found, state, place, way)
    states = Counter(check.state for check in checks)
    if as_json:
        put_json({"deployment": str(deployment), "states": dict(states), "checks": msgspec.to_builtins(checks)})
    else:
        rows = [(check.name, check.state, check.seen) for check in checks]
        put_table(found.prefix, ("check", "state", "seen"), rows)
        unwell = [(check.name, check.allowed, check.do) for check in checks if check.state != "ok"]
        put_table("what to do", ("check", "allowed", "do"), unwell)
        put(", ".join(f"{count} {state}" for state, count in states.most_common()))
    return DIFFERS if states[BAD] else OK
