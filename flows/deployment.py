"""Read which lanes and desks a deployment has, and refuse what could not run.

Every program of a deployment reads the same file, so that they agree on what is numbered: sources by their place over
all lanes, lanes by their place, desks by their partition. A number is part of an id; so lines may be added at the end,
and never moved.
"""

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec

from bots.registry import library
from connectors import namespace
from connectors.freshness import budgets
from contracts.base import Refused
from contracts.ids import CLOCK_SOURCE, clock_source, content_hash
from contracts.signed import CONTROL
from flows.assemble import FRESHNESS, Assembly, assembled
from flows.desks import Desk as DeskFile
from flows.desks import load_desk
from operators.strands import Lanes

T = TypeVar("T")
CONFIG = Path(__file__).resolve().parent.parent / "config"
KEYS = ("prefix", "config", "instruments", "lanes", "desks", "keys", "metrics", "programs")
DESK_KEYS = ("partition", "lanes")
PARTITIONS_MAX = 10_000
_PARTITION = re.compile(r"[0-9]{1,4}")
GOVERN = "govern_"  # what the name of a desk's governance begins with


@dataclass(frozen=True, slots=True)
class LanePart:
    """One partition of raw messages: which venue's, its number, and the number of its facts' source."""

    venue: str
    partition: int
    source: int


@dataclass(frozen=True, slots=True)
class LaneSpec:
    """A lane: its name, its number, the partitions that it joins in rank order, and the source of its ticks."""

    name: str
    number: int
    parts: tuple[LanePart, ...]

    @property
    def clock(self) -> int:
        """Source of its ticks."""
        return clock_source(self.number)

    @property
    def sources(self) -> tuple[int, ...]:
        """Numbers of its sources, without the clock's."""
        return tuple(part.source for part in self.parts)


@dataclass(frozen=True, slots=True)
class DeskSpec:
    """A desk: its name, its partition of journal, envelopes and outbox, the lanes that it hears, and its file."""

    desk_id: str
    partition: int
    lanes: tuple[str, ...]
    file: DeskFile


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a deployment consists of.

    prefix   what its topics begin with: a mode, or a refeed of one
    config   folder of its desks and freshness budgets
    instruments  file of instrument records, for venues whose messages carry none
    tables   what else stands in the file: keys, metrics, programs
    """

    path: Path
    prefix: str
    config: Path
    instruments: Path | None
    lanes: Mapping[str, LaneSpec]
    desks: Mapping[str, DeskSpec]
    tables: Mapping[str, object]

    @property
    def mode(self) -> str:
        """The mode of its prefix."""
        return namespace.mode_of(self.prefix)

    def desks_of(self, lane: str) -> list[DeskSpec]:
        """Return the desks that hear a lane."""
        return [desk for desk in self.desks.values() if lane in desk.lanes]

    def put_together(self, desk_id: str) -> Assembly:
        """Return a desk and the bots of its lanes, not yet born; raises Refused."""
        return assembled(self.desks[desk_id].file, budgets(self.config), at_ns=None, lanes=self.heard_by(desk_id))

    def heard_by(self, desk_id: str) -> dict[str, tuple[int, ...]]:
        """Return lane -> sources of its facts, the clock's among them, in the order of the desk's lanes."""
        return {name: (*self.lanes[name].sources, self.lanes[name].clock) for name in self.desks[desk_id].lanes}

    def lanes_of(self, desk_id: str, assembly: Assembly) -> Lanes:
        """Return the lanes of a desk, as its reader of strands wants them."""
        sources = self.heard_by(desk_id)
        return Lanes(dict.fromkeys(sources, lane_plan(assembly)), sources)

    def lane_assembly(self, lane: str) -> Assembly:
        """Return the bots of a lane as each desk that hears it configures them; raises Refused where two differ."""
        desks = self.desks_of(lane)
        if not desks:
            raise Refused(f"{self.path}: lanes.{lane}: no desk hears it; allowed: a lane of one of {self._ids}")
        found = {desk.desk_id: self.put_together(desk.desk_id) for desk in desks}
        plans = {desk_id: lane_plan(assembly) for desk_id, assembly in found.items()}
        first = desks[0].desk_id
        for desk_id, plan in plans.items():
            if plan != plans[first]:
                raise Refused(
                    f"{self.path}: lanes.{lane}: desks {first} and {desk_id} configure its bots differently; "
                    f"allowed: desks of one lane agree on the bots that run in it"
                )
        return found[first]

    def identity(self) -> str:
        """Name everything that decides what this deployment's programs derive: the same gives the same decisions."""
        return sha256("|".join(f"{name}={value}" for name, value in self.parts().items()).encode()).hexdigest()[:16]

    def parts(self, desks: Collection[str] | None = None) -> dict[str, str]:
        """Return by name what decides: lanes, instruments, and each desk with the configuration of each of its bots.

        `desks` are those that matter, with the lanes that they hear; None: all.
        """
        chosen = {name: desk for name, desk in self.desks.items() if desks is None or name in desks}
        heard = {name for desk in chosen.values() for name in desk.lanes}
        parts = {f"lane {name}": str(lane.parts) for name, lane in self.lanes.items() if name in heard}
        parts["instruments"] = "none" if self.instruments is None else content_hash(self.instruments.read_bytes())
        for desk_id, desk in chosen.items():
            assembly = self.put_together(desk_id)
            configured = msgspec.structs.replace(assembly.configured, fingerprint="")
            parts[f"desk {desk_id}"] = content_hash(msgspec.json.encode(configured))
            parts[f"journal {desk_id}"] = f"{desk.partition}: {', '.join(desk.lanes)}"
            for said in assembly.applied:
                parts[f"{desk_id} {said.bot_id}"] = f"{said.bot_version}/{said.config_version}"
        return parts

    @property
    def is_governed(self) -> bool:
        """True where the table `programs` names govern: what it says of a desk is then kept beside the desk's own."""
        programs = self.tables.get("programs", {})
        return isinstance(programs, Mapping) and "govern" in programs

    @property
    def _ids(self) -> str:
        return ", ".join(self.desks)


def lane_plan(assembly: Assembly) -> str:
    """Name what a lane derives by: its plan, and the code and configuration of each bot in it."""
    books = library()
    said = [
        f"{each.bot_id}={each.bot_version}/{each.config_version}"
        for each in assembly.applied
        if each.bot_id == FRESHNESS or (each.bot_id in books.by_id and books.by_id[each.bot_id].runs_in == "lane")
    ]
    return sha256("|".join([assembly.lane.plan_hash, *said]).encode()).hexdigest()[:16]


def load_deployment(path: Path) -> Deployment:
    """Read a deployment's file and the desks that it names; raises Refused naming the file, the key and the value."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except OSError as err:
        raise Refused(f"--deployment {path}: cannot be read ({err.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Refused(f"--deployment {path}: not TOML ({err})") from None
    for key in raw:
        if key not in KEYS:
            raise Refused(f"{path}: unknown key {key!r}; allowed: {', '.join(KEYS)}")
    prefix = _within(f"{path}", lambda: namespace.checked_prefix(str(raw.get("prefix", ""))))
    config = CONFIG if "config" not in raw else path.parent / str(raw["config"])
    records = None if "instruments" not in raw else path.parent / str(raw["instruments"])
    if records is not None and not records.is_file():
        raise Refused(f"{path}: instruments {raw['instruments']!r} is no file beside it")
    lanes = _lanes(raw.get("lanes"), path)
    desks = {desk_id: _desk(desk_id, said, lanes, config, path) for desk_id, said in _table(raw, "desks", path).items()}
    mode = namespace.mode_of(prefix)
    if modes := {desk.desk_id: desk.file.mode for desk in desks.values() if desk.file.mode != mode}:
        raise Refused(f"{path}: desks {modes} have another mode than prefix {prefix!r}; allowed: {mode}")
    partitions = [desk.partition for desk in desks.values()]
    if len(set(partitions)) != len(partitions):
        raise Refused(f"{path}: desks share a partition ({partitions}); allowed: one desk each")
    tables: dict[str, object] = {key: raw[key] for key in ("keys", "metrics", "programs") if key in raw}
    return Deployment(path, prefix, config, records, lanes, desks, tables)


def _within(where: str, found: Callable[[], T]) -> T:
    """Return what was found; what refuses it is told with the file and the key that it stands under."""
    try:
        return found()
    except Refused as err:
        raise Refused(f"{where}: {err}") from None


def _table(raw: Mapping[str, object], key: str, path: Path) -> Mapping[str, object]:
    found = raw.get(key)
    if not isinstance(found, dict) or not found:
        raise Refused(f"{path}: {key} {found!r}; allowed: a table with at least one line")
    return found


def _lanes(raw: object, path: Path) -> dict[str, LaneSpec]:
    lanes: dict[str, LaneSpec] = {}
    source, seen = 0, set[tuple[str, int]]()
    for number, (name, parts) in enumerate(_table({"lanes": raw}, "lanes", path).items()):
        if _within(f"{path}: lanes", partial(namespace.checked_word, "lane", name)) == CONTROL:
            raise Refused(f"{path}: lanes.{name}: the name is kept for entries of operators; allowed: another name")
        if not isinstance(parts, list) or not parts:
            raise Refused(f"{path}: lanes.{name} {parts!r}; allowed: a list of VENUE/PARTITION, as in kalshi/0")
        read = []
        for text in parts:
            venue, partition = _partition(text, f"{path}: lanes.{name}")
            if (venue, partition) in seen:
                raise Refused(f"{path}: lanes.{name}: {text} stands in two lanes; allowed: each partition once")
            seen.add((venue, partition))
            read.append(LanePart(venue, partition, source))
            source += 1
        lanes[name] = LaneSpec(name, number, tuple(read))
    room = CLOCK_SOURCE - len(lanes)
    if source > room:
        raise Refused(f"{path}: {source} partitions in {len(lanes)} lanes; allowed: {room}, as a fact id can name")
    return lanes


def _partition(text: object, where: str) -> tuple[str, int]:
    venue, _, partition = str(text).partition("/")
    if not _PARTITION.fullmatch(partition):
        raise Refused(f"{where}: {text!r}; allowed: VENUE/PARTITION, as in kalshi/0, up to {PARTITIONS_MAX - 1}")
    return _within(where, lambda: namespace.checked_word("venue", venue)), int(partition)


def _desk(desk_id: str, said: object, lanes: Mapping[str, LaneSpec], config: Path, path: Path) -> DeskSpec:
    where = f"{path}: desks.{desk_id}"
    if desk_id.startswith(GOVERN):
        raise Refused(f"{where}: the name is kept for what governance says; allowed: another name")
    if not isinstance(said, dict) or not set(said) <= set(DESK_KEYS):
        raise Refused(f"{where} {said!r}; allowed: a table of {', '.join(DESK_KEYS)}")
    partition, heard = said.get("partition"), said.get("lanes", list(lanes))
    if not isinstance(partition, int) or isinstance(partition, bool) or not 0 <= partition < PARTITIONS_MAX:
        raise Refused(f"{where}.partition {partition!r}; allowed: a whole number, 0 to {PARTITIONS_MAX - 1}")
    if not isinstance(heard, list) or not heard or any(heard.count(each) > 1 or each not in [*lanes] for each in heard):
        raise Refused(f"{where}.lanes {heard!r}; allowed: some of {', '.join(lanes)}, each once")
    return DeskSpec(desk_id, partition, tuple(heard), _within(where, lambda: load_desk(desk_id, config)))
