"""Look at a deployment as a whole, running or not, and say of each part whether it is well: `pt doctor`.

What the edge judges (`connectors/doctor.py`, `doctor_broker.py`) is put together here with what only the flows know:
which partitions lanes and desks need, which keys count, and whether a program could go on where it stopped.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from connectors import doctor, namespace
from connectors.access import Access
from connectors.doctor import BAD, OK, UNKNOWN, Check
from connectors.places import places
from connectors.recovery import FOLDER, Begun, Recovery, differences
from connectors.scrape import Seen, looks
from connectors.store import StoreError
from connectors.topic_layout import layout, read_layout
from flows.deployment import CONFIG, Deployment
from flows.desk import key_path, public_keys
from flows.migrations import keeping_programs
from flows.planned import planned
from flows.program import PARTITIONS, Program

if TYPE_CHECKING:
    from connectors.doctor_broker import Asked

LOCK_FILE = CONFIG.parent / "requirements" / "run.txt"
SHOWN = 1


def examined(deployment: Deployment, state: Path, store: Path, access: Access | None) -> list[Check]:
    """Return every check, in the order in which a person would look. Up to about 30 s where a broker does not answer.

    Raises Refused for a deployment whose tables [programs], [metrics] or [keys] are wrong.
    """
    programs = planned(deployment)
    seen = dict(
        zip((p.name for p in programs if p.metrics), looks([p.metrics for p in programs if p.metrics]), strict=True)
    )
    asked = _asked(access, deployment)
    checks = [doctor.python(), doctor.packages(doctor.pins_of(LOCK_FILE)), _deployment(deployment)]
    checks += _broker(deployment, access, asked)
    for each in programs:
        checks += _program(deployment, each.name, state, seen.get(each.name), asked)
    checks += [doctor.supervisor(state), *doctor.answering(seen), doctor.store(store, deployment.mode)]
    checks += [
        doctor.desk_key(key_path(state, deployment.mode), public_keys(deployment, "order")),
        doctor.control_keys(public_keys(deployment, "control"), deployment.mode),
        doctor.clock(doctor.kernel_clock(), deployment.mode),
    ]
    folders = {"state": state, "store": store, "logs": state / "logs"}
    return [*checks, *(doctor.disk(name, folder) for name, folder in folders.items())]


def _deployment(deployment: Deployment) -> Check:
    lanes, desks = ", ".join(deployment.lanes), ", ".join(deployment.desks)
    seen = f"{deployment.path}: {deployment.prefix}, lanes {lanes}, desks {desks}"
    return Check(
        "deployment", OK, f"{seen}; config {deployment.identity()}", "lanes and desks that can be put together"
    )


# ---- the broker ----------------------------------------------------------------------------------------------------


def _asked(access: Access | None, deployment: Deployment) -> "Asked | None":
    if access is None:
        return None
    from connectors.doctor_broker import ask

    return ask(access, deployment.prefix)


def _broker(deployment: Deployment, access: Access | None, asked: "Asked | None") -> list[Check]:
    if access is None or asked is None:
        return [Check("broker", UNKNOWN, "was not named", "one that answers", "name it with --bootstrap or --access")]
    from connectors.doctor_broker import broker_checks

    prefix = deployment.prefix
    return broker_checks(asked, access.bootstrap, layout(read_layout(), prefix), prefix, needed(deployment))


def needed(deployment: Deployment) -> Iterator[tuple[str, int]]:
    """Yield the partitions that lanes and desks read and write."""
    prefix = deployment.prefix
    for lane in deployment.lanes.values():
        yield from ((namespace.raw_topic(prefix, part.venue), part.partition) for part in lane.parts)
    for desk in deployment.desks.values():
        yield from ((namespace.topic(prefix, name), desk.partition) for name in ("journal", "envelopes", "outbox"))
    yield namespace.topic(prefix, "dead_letters"), 0


# ---- one program ---------------------------------------------------------------------------------------------------


def _program(deployment: Deployment, name: str, state: Path, seen: Seen | None, asked: "Asked | None") -> list[Check]:
    """Judge what a program keeps: who may reach it, whether it could go on, and how far behind it is."""
    folder = namespace.state_folder(state, deployment.mode, name)
    found = [each for each in (doctor.private(f"folder {name}", folder),) if each is not None]
    begun, wrong = _begun(deployment, folder)
    found += [
        Check(f"place {name}", BAD, why, "a recovery folder of yours, mode 0700", "see what it says") for why in wrong
    ]
    for where, run in begun:
        told = differences(run.parts, _here(deployment, name, state, run).parts)
        if told:
            more = f", and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
            found.append(
                Check(
                    f"place {name}", BAD, f"{where.folder}: was begun otherwise: {', '.join(told[:SHOWN])}{more}",
                    "the plan that it was begun with", "go on with that plan, or begin with a new prefix and state",
                )
            )  # fmt: skip
    return [*found, _lag(name, [(where, run) for where, run in begun], seen, asked)]


def _begun(deployment: Deployment, folder: Path) -> tuple[list[tuple[Recovery, Begun]], list[str]]:
    """Return the runs of this prefix that a program has begun, and what is wrong with folders that cannot be read."""
    found, wrong = [], []
    for each in sorted((folder / FOLDER).glob("[!.]*")):
        recovery = Recovery(folder, each.name, PARTITIONS)
        try:
            run = recovery.begun()
        except StoreError as err:
            wrong.append(str(err))
            continue
        if run is not None and run.parts.get("prefix") == deployment.prefix:
            found.append((recovery, run))
    return found, wrong


def _here(deployment: Deployment, name: str, state: Path, run: Begun) -> Begun:
    """Return what the same program would begin today."""
    only = tuple(filter(None, run.parts.get("only", "").split(",")))
    return Program(name, deployment, Access("nowhere:0"), state, only).begun()


def _lag(name: str, begun: list[tuple[Recovery, Begun]], seen: Seen | None, asked: "Asked | None") -> Check:
    """Judge how far behind a program is: by its own word while it runs, else by the places that it has kept."""
    from connectors.doctor_broker import kept_lag, told_lag

    if seen is not None and seen.up:
        return told_lag(name, seen)
    kept: dict[tuple[str, int], int] = {}
    try:
        for recovery, run in begun:
            kept |= places(recovery.folder, keeping_programs(run.parts.get("only", "").split(",")))
    except StoreError as err:
        return Check(f"lag {name}", UNKNOWN, str(err), "places that can be read")
    if not kept:
        return Check(f"lag {name}", UNKNOWN, "has kept no place yet", "places that can be read", "start it: pt up")
    return kept_lag(name, kept, asked)
