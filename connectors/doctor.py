"""Judge what a program stands on: the interpreter and its packages, disks, the clock, folders, keys, the store.

Each check says what it saw, what is allowed and what to do. What cannot be seen is unknown, which is never well: it is
told beside the rest and left to a person. Nothing is changed, made or repaired by looking.
"""

import ctypes
import os
import platform
import re
import shutil
import stat
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import msgspec
from msgspec import Struct

from connectors.errors import SigningError
from connectors.processes import is_gone
from connectors.scrape import Seen
from connectors.signing import signing_key
from connectors.store import LOCK, MANIFEST, Holder, Manifest
from connectors.supervisor import holder_of

OK, WARN, BAD, UNKNOWN = "ok", "warn", "bad", "unknown"
PYTHONS = ("3.11", "3.12")
DISK_BAD, DISK_WARN = 5, 10  # per cent free; under 5 the system is SAFE (decisions)
CLOCK_BAD_MS, CLOCK_SAFE_MS = 500, 1_500
UNSYNCHRONISED = 0x40
OTHERS = 0o077
SHOWN = 4
INFO, STARTED = "polytraders_info", "started"  # the check of a program whose first epoch has not ended yet
_PIN = re.compile(r"([A-Za-z0-9_.-]+)==([A-Za-z0-9_.+!-]+)")


class Check(Struct, frozen=True):
    """One thing that was looked at.

    name     what
    state    ok, warn, bad or unknown
    seen     what there is
    allowed  what there may be
    do       what to do about it; empty where nothing is to be done
    """

    name: str
    state: str
    seen: str
    allowed: str = ""
    do: str = ""


# ---- what runs -----------------------------------------------------------------------------------------------------


def python() -> Check:
    """Judge the interpreter: the dataflow engine has wheels for 3.11 and 3.12."""
    here = platform.python_version()
    state = OK if ".".join(here.split(".")[:2]) in PYTHONS else BAD
    do = "" if state == OK else "make the environment again with one of them: make demo PYTHON=/path/to/python3.11"
    return Check("python", state, here, " or ".join(PYTHONS), do)


def pins_of(lock: Path, package: str = "polytraders") -> dict[str, str]:
    """Return package -> version of a lock file, or where there is none of what the installed release asks for."""
    if lock.is_file():
        lines = lock.read_text("utf-8").splitlines()
    else:
        try:
            lines = metadata.requires(package) or []
        except metadata.PackageNotFoundError:
            lines = []
    return {found[1]: found[2] for line in lines if "extra ==" not in line and (found := _PIN.match(line.strip()))}


def packages(pins: Mapping[str, str]) -> Check:
    """Judge the packages that are installed against their pins."""
    allowed = "exactly what requirements/run.txt pins"
    if not pins:
        return Check("packages", UNKNOWN, "no requirements/run.txt, and no installed release", allowed)
    wrong = []
    for name, wanted in pins.items():
        try:
            here = metadata.version(name)
        except metadata.PackageNotFoundError:
            here = "missing"
        if here != wanted:
            wrong.append(f"{name} {here}, pinned {wanted}")
    if not wrong:
        told = ", ".join(f"{name} {pins[name]}" for name in ("bytewax", "confluent-kafka", "chdb") if name in pins)
        return Check("packages", OK, f"{len(pins)} as pinned: {told}", allowed)
    return Check("packages", BAD, _some(wrong), allowed, "pip install --require-hashes -r requirements/run.txt")


# ---- where it runs -------------------------------------------------------------------------------------------------


def disk(name: str, folder: Path) -> Check:
    """Judge the room on the volume of a folder, or of the nearest one above it that exists."""
    place = folder.resolve()
    while not place.exists():
        place = place.parent
    try:
        room = shutil.disk_usage(place)
    except OSError as err:
        return Check(f"disk {name}", UNKNOWN, f"{place}: {err.strerror}", f"{DISK_BAD} % free")
    return volume(name, str(folder), room.total, room.free)


def volume(name: str, where: str, total: int, free: int) -> Check:
    """Judge the room on a volume, in bytes."""
    share = 100 * free / total if total else 0.0
    state = BAD if share < DISK_BAD else WARN if share < DISK_WARN else OK
    seen = f"{where}: {share:.0f} % of {total / 1e9:,.0f} GB free"
    do = (
        ""
        if state == OK
        else "make room, or move it to a larger volume; a full disk stops the program that writes there"
    )
    return Check(f"disk {name}", state, seen, f"{DISK_BAD} % free or more", do)


class _Moment(ctypes.Structure):
    _fields_ = (("s", ctypes.c_long), ("us", ctypes.c_long))


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long), ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long), ("status", ctypes.c_int), ("constant", ctypes.c_long),
        ("precision", ctypes.c_long), ("tolerance", ctypes.c_long), ("time", _Moment), ("rest", ctypes.c_char * 128),
    )  # fmt: skip


def kernel_clock() -> tuple[bool, int] | None:
    """Ask the kernel whether somebody keeps its clock, and how wrong it may be at most, in ms; None if it says nothing.

    adjtimex(2) with no mode: it reads, and needs no right.
    """
    told = _Timex()
    try:
        if ctypes.CDLL(None).adjtimex(ctypes.byref(told)) < 0:
            return None
    except (OSError, AttributeError):
        return None
    return not told.status & UNSYNCHRONISED, int(told.maxerror) // 1_000


def clock(kernel: tuple[bool, int] | None, mode: str) -> Check:
    """Judge what the kernel says of its clock."""
    allowed = f"kept by NTP, wrong by {CLOCK_BAD_MS} ms at most; {CLOCK_SAFE_MS} ms is SAFE"
    if kernel is None:
        return Check("clock", UNKNOWN, "the kernel does not say", allowed, "look at chronyc tracking, or timedatectl")
    kept, error_ms = kernel
    if not kept:
        state = BAD if mode == "live" else WARN
        return Check(
            "clock",
            state,
            "nobody keeps it: no NTP speaks to this kernel",
            allowed,
            "start chrony or ntpd here, or on the host",
        )
    return _off("clock", f"kept, wrong by {error_ms} ms at most", error_ms, allowed)


def broker_clock(newest_ms: int, now_ms: int | None = None) -> Check:
    """Judge the broker's clock by the newest time that it put on a record: one that is yet to come is one too many.

    A broker that is behind cannot be told so, without writing to it.
    """
    allowed = f"no record from more than {CLOCK_BAD_MS} ms ahead of this clock"
    if newest_ms <= 0:
        return Check("clock broker", UNKNOWN, "no record there to compare with", allowed)
    ahead = newest_ms - (time.time_ns() // 1_000_000 if now_ms is None else now_ms)
    if ahead <= 0:
        return Check("clock broker", OK, f"its newest record is {-ahead / 1_000:,.1f} s old", allowed)
    return _off("clock broker", f"its newest record is {ahead} ms ahead of this clock", ahead, allowed)


def _off(name: str, seen: str, error_ms: int, allowed: str) -> Check:
    if error_ms <= CLOCK_BAD_MS:
        return Check(name, OK, seen, allowed)
    more = "; desks go SAFE at this" if error_ms > CLOCK_SAFE_MS else ""
    return Check(name, BAD, f"{seen}{more}", allowed, "let one NTP source keep the clocks of all machines")


# ---- what is kept --------------------------------------------------------------------------------------------------


def private(name: str, folder: Path) -> Check | None:
    """Judge who may reach into a folder of state; None where there is none yet."""
    try:
        about = folder.stat()
    except FileNotFoundError:
        return None
    except OSError as err:
        return Check(name, UNKNOWN, f"{folder}: {err.strerror}", "mode 0700", "look as who runs the programs")
    mode = stat.S_IMODE(about.st_mode)
    if about.st_uid == os.geteuid() and not mode & OTHERS:
        return Check(name, OK, f"{folder}: mode {mode:04o}", "mode 0700, yours")
    whose = "yours" if about.st_uid == os.geteuid() else f"of user {about.st_uid}"
    do = f"chmod 700 {folder}, once it is known that nobody wrote there: a snapshot is as trusted as code"
    return Check(name, BAD, f"{folder}: mode {mode:04o}, {whose}", "mode 0700, yours", do)


def desk_key(path: Path, known: Mapping[str, str]) -> Check:
    """Judge the key that signs orders, and whether `keys.order` knows it."""
    allowed = "mode 0600, its public half in keys.order of the deployment"
    if not path.exists():
        return Check(
            "key desk", WARN if known else UNKNOWN, f"{path}: none yet", allowed, "the desk makes it at its first start"
        )
    try:
        public = signing_key(f"file:{path}").public
    except SigningError as err:
        return Check("key desk", BAD, str(err), allowed, f"chmod 600 {path}, or put the right key there")
    line = f'{public.key_id} = "{public.public}"'
    if not known:
        return Check(
            "key desk",
            WARN,
            f"{public.key_id} is in no keys.order: nobody reads the outbox",
            allowed,
            f"add to [keys.order]: {line}",
        )
    if known.get(public.key_id) != public.public:
        return Check(
            "key desk",
            BAD,
            f"{public.key_id} is not in keys.order: its orders have no effect",
            allowed,
            f"add to [keys.order]: {line}",
        )
    return Check("key desk", OK, f"{public.key_id}, known to {len(known)} in keys.order", allowed)


def control_keys(known: Mapping[str, str], mode: str) -> Check:
    """Judge whether anybody may sign entries of control for the desks."""
    allowed = "the control plane's public key in keys.control"
    if known:
        return Check("key control", OK, f"{len(known)} in keys.control", allowed)
    state = BAD if mode == "live" else WARN
    return Check(
        "key control", state, "none in keys.control: no command can reach a desk", allowed, "add it to [keys.control]"
    )


def store(folder: Path, mode: str) -> Check:
    """Judge a store's folder and who holds it."""
    allowed = f"a store of {mode}, held by record alone"
    try:
        found = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        return Check("store", UNKNOWN, f"{folder}: none yet", allowed, "record makes it at its first start")
    except (OSError, msgspec.DecodeError) as err:
        return Check("store", BAD, f"{folder}: {MANIFEST}: {err}", allowed, "name the right folder with --store")
    if found.mode != mode:
        return Check(
            "store", BAD, f"{folder}: is of mode {found.mode}", allowed, "name the store of this mode with --store"
        )
    try:
        holder = msgspec.json.decode((folder / LOCK).read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return Check("store", OK, f"{folder}: {found.mode}, held by nobody", allowed)
    if is_gone(holder.pid, holder.started):
        return Check("store", OK, f"{folder}: {found.mode}, left by process {holder.pid}, which is gone", allowed)
    return Check("store", OK, f"{folder}: {found.mode}, held by process {holder.pid}", allowed)


def supervisor(state: Path) -> Check:
    """Say whether `pt up` runs on a state folder; that none does is well."""
    pid = holder_of(state)
    return Check(
        "up", OK, f"{state}: " + (f"process {pid} looks after it" if pid else "nobody looks after it"), "one at most"
    )


# ---- what answers --------------------------------------------------------------------------------------------------


def answering(seen: Mapping[str, Seen]) -> list[Check]:
    """Judge what the programs say of themselves: a line each, and whether all are of one build and configuration."""
    found, some = [], any(each.up for each in seen.values())
    allowed = "answers, and is ready"
    for name, each in seen.items():
        if each.up and not each.unwell:
            found.append(Check(f"program {name}", OK, f"{each.address}: ready", allowed))
        elif each.up:
            wrong = "; ".join(f"{check}: {what}" for check, what in sorted(each.unwell.items()))
            state, do = WARN if set(each.unwell) == {STARTED} else BAD, "docs/runbooks/programs.md"
            found.append(Check(f"program {name}", state, f"{each.address}: {wrong}", allowed, do))
        else:
            state, do = (BAD, "docs/runbooks/programs.md#programdown") if some else (UNKNOWN, "start it: pt up")
            found.append(Check(f"program {name}", state, f"{each.address}: {each.wrong}", allowed, do))
    return [*found, builds(seen)]


def builds(seen: Mapping[str, Seen]) -> Check:
    """Judge whether the programs that answer are of one version and one configuration."""
    allowed = "one version and one config in all programs"
    told: dict[tuple[str, str], list[str]] = {}
    for name, each in seen.items():
        for labels in each.metrics.get(INFO, {}):
            about = dict(labels)
            told.setdefault((about.get("version", ""), about.get("config", "")), []).append(name)
    if not told:
        why = "no program answers" if seen else "no addresses: [metrics] of the deployment is empty"
        return Check("versions", UNKNOWN, why, allowed)
    said = [f"{', '.join(names)}: version {version}, config {config}" for (version, config), names in told.items()]
    do = "" if len(told) == 1 else "end the odd ones with SIGTERM and start them with the build of the others"
    return Check("versions", OK if len(told) == 1 else BAD, _some(said), allowed, do)


def _some(found: Sequence[str]) -> str:
    more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(found[:SHOWN]) + more
