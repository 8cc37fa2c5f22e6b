"""Read which topics there must be and who may do what with them, and spell it out for one prefix.

`infra/kafka/topics.toml` says it once for all modes; here it becomes full names, so that what is wanted and what a
broker has can be compared line by line.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from connectors import namespace
from contracts.base import Refused

ROOT = Path(__file__).resolve().parent.parent
TOPICS = ROOT / "infra" / "kafka" / "topics.toml"
RAW = "raw"
SETTINGS = (
    "retention_ms",
    "retention_bytes",
    "cleanup_policy",
    "min_insync_replicas",
    "max_message_bytes",
    "message_timestamp_type",
)


class TopicRow(Struct, frozen=True, forbid_unknown_fields=True):
    """What the file says of a topic; what it leaves out is as in [defaults].

    partitions  how many; a lane, or a desk, is one
    venues      for `raw` alone: a topic for each
    replicas    copies of each partition
    others      settings of the broker by the same name, with dots
    """

    partitions: int = 0
    venues: tuple[str, ...] = ()
    replicas: int | None = None
    retention_ms: int | None = None
    retention_bytes: int | None = None
    cleanup_policy: str | None = None
    min_insync_replicas: int | None = None
    max_message_bytes: int | None = None
    message_timestamp_type: str | None = None


class PrincipalRow(Struct, frozen=True, forbid_unknown_fields=True):
    """What the file says of a program: topics it reads, topics it writes, and whether it may feed again."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    refeeds: bool = False


class LayoutFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The file, as read."""

    defaults: TopicRow
    topics: dict[str, TopicRow]
    principals: dict[str, PrincipalRow]


class Topic(Struct, frozen=True, order=True):
    """One topic: its full name, its numbers, and its settings by the broker's own names."""

    name: str
    partitions: int
    replicas: int
    settings: dict[str, str]


class Right(Struct, frozen=True, order=True):
    """One right, as the broker writes it.

    principal   as in `User:paper.market`
    operation   READ, WRITE, CREATE
    kind        TOPIC, GROUP, CLUSTER
    name        of the topic or group, or the beginning of their names
    pattern     LITERAL or PREFIXED
    permission  ALLOW or DENY
    host        from where; * is anywhere
    """

    principal: str
    operation: str
    kind: str
    name: str
    pattern: str = "LITERAL"
    permission: str = "ALLOW"
    host: str = "*"


class Layout(Struct, frozen=True):
    """Topics and rights of one prefix, each in order of name."""

    topics: tuple[Topic, ...]
    rights: tuple[Right, ...]


def read_layout(path: Path = TOPICS) -> LayoutFile:
    """Read the file; raises Refused naming file, field and what is allowed."""
    try:
        found = msgspec.convert(tomllib.loads(path.read_text("utf-8")), LayoutFile)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as err:
        raise Refused(f"{path}: {err}; allowed: [defaults], [topics.NAME], [principals.PROGRAM]") from None
    for fault in _faults(found):
        raise Refused(f"{path}: {fault}")
    return found


def _faults(file: LayoutFile) -> Iterator[str]:
    known = {RAW, *namespace.PLAIN_TOPICS}
    if missing := sorted(known - file.topics.keys()):
        yield f"topics.{missing[0]} is missing; allowed: all of {', '.join(sorted(known))}"
    if unknown := sorted(file.topics.keys() - known):
        yield f"topics.{unknown[0]} is unknown; allowed: {', '.join(sorted(known))}"
    for name, row in file.topics.items():
        if row.partitions < 1:
            yield f"topics.{name}.partitions is {row.partitions}; allowed: 1 or more"
        if bool(row.venues) != (name == RAW):
            yield f"topics.{name}.venues is {list(row.venues)}; allowed: venues for {RAW}, and for no other topic"
    if absent := [name for name in ("replicas", *SETTINGS) if getattr(file.defaults, name) is None]:
        yield f"defaults.{absent[0]} is missing; allowed: a value for each setting"
    for program, may in file.principals.items():
        if strange := sorted({*may.reads, *may.writes} - known):
            yield f"principals.{program} names topic {strange[0]!r}; allowed: {', '.join(sorted(known))}"


def layout(file: LayoutFile, prefix: str) -> Layout:
    """Spell out topics and rights for a prefix, as `paper` or `paper.refeed.monday`; raises Refused."""
    topics = [_topic(file, row, name) for kind, row in file.topics.items() for name in _names(file, prefix, kind)]
    mode = namespace.mode_of(prefix)
    rights = [right for program, may in file.principals.items() for right in _rights(file, prefix, mode, program, may)]
    return Layout(tuple(sorted(topics)), tuple(sorted(rights)))


def principals(file: LayoutFile, mode: str) -> list[str]:
    """Return every principal of a mode, as in `paper.market`."""
    return [namespace.principal(mode, program) for program in file.principals]


def _names(file: LayoutFile, prefix: str, kind: str) -> list[str]:
    if kind == RAW:
        return [namespace.raw_topic(prefix, venue) for venue in file.topics[RAW].venues]
    return [namespace.topic(prefix, kind)]


def _topic(file: LayoutFile, row: TopicRow, name: str) -> Topic:
    def value(field: str) -> int | str:
        own = getattr(row, field)
        chosen: int | str = getattr(file.defaults, field) if own is None else own
        return chosen

    settings = {field.replace("_", "."): str(value(field)) for field in SETTINGS}
    return Topic(name, row.partitions, int(value("replicas")), settings)


def _rights(file: LayoutFile, prefix: str, mode: str, program: str, may: PrincipalRow) -> Iterator[Right]:
    user = f"User:{namespace.principal(mode, program)}"
    for operation, kinds in (("READ", may.reads), ("WRITE", may.writes)):
        for kind in kinds:
            yield from (Right(user, operation, "TOPIC", name) for name in _names(file, prefix, kind))
    if may.reads and prefix == mode:  # a program has one group, whichever prefix it reads
        yield Right(user, "READ", "GROUP", namespace.consumer_group(mode, program))
    if may.refeeds:
        under = namespace.refeeds(mode)
        yield from (Right(user, operation, "TOPIC", under, "PREFIXED") for operation in ("CREATE", "READ", "WRITE"))
