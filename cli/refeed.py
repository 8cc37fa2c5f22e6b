"""Feed topics again under a prefix of their own: `pt refeed --from capture | topic | store`.

What was recorded, copied or stored becomes topics that the programs read as if it came in now: at its own pace, ten
times as fast, or as fast as the broker takes it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

import typer

from cli import settings
from cli.output import DIFFERS, OK, progress, put, put_json, put_table, say, shown
from cli.topics import AccessFile, Bootstrap, way_in
from connectors.namespace import REFEED, checked_prefix, mode_of
from connectors.stopping import Stop
from contracts.base import Refused

if TYPE_CHECKING:
    from connectors.access import Access
    from connectors.recording import Capture
    from connectors.refeed import Feeding, Fill, Topics
    from flows.deployment import Deployment


class Partition(TypedDict):
    """One partition that was fed."""

    topic: str
    partition: int
    name: str
    held: int
    written: int


class Summary(TypedDict):
    """What was done.

    source      capture, topic or store
    held        records that the target had already
    written     records that were written now
    rights      False where the topics were made by somebody who may not give rights
    truncated   recordings that were cut short
    left_out    type -> entries that operators had signed, and incidents, which are not fed
    """

    source: str
    to: str
    speed: str
    ended: bool
    held: int
    written: int
    partitions: list[Partition]
    created: list[str]
    rights: bool
    truncated: list[str]
    left_out: dict[str, int]


SPEEDS: dict[str, int | None] = {"1": 1, "10": 10, "max": None}
UNITS = {"capture": "frames", "topic": "records", "store": "records"}
OPTIONS = {"capture": ("--capture",), "topic": ("--source", "--venue"), "store": ("--store",)}
From = Literal["capture", "topic", "store"]


@dataclass(frozen=True, slots=True)
class What:
    """What to feed, as it was typed."""

    kind: From
    captures: tuple[Path, ...]
    source: str
    venues: tuple[str, ...]
    store: Path
    deployment: Path | None
    prefix: str
    since: int | None
    until: int | None
    ends: bool


def refeed(
    from_: Annotated[From, typer.Option("--from", help="What is fed: recordings, topics of another prefix, a store.")],
    to: Annotated[
        str, typer.Option("--to", metavar="PREFIX", help="What the fed topics begin with: MODE.refeed.NAME.")
    ],
    speed: Annotated[
        Literal["1", "10", "max"], typer.Option("--speed", help="As it arrived, ten times as fast, or all at once.")
    ] = "max",
    capture: Annotated[
        list[Path] | None, typer.Option("--capture", metavar="FILE", help="A recording; may be repeated.")
    ] = None,
    source: Annotated[str, typer.Option("--source", metavar="PREFIX", help="Whose raw topics are copied.")] = "",
    venue: Annotated[
        list[str] | None, typer.Option("--venue", metavar="NAME", help="Only this venue's; may be repeated.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option("--store", metavar="DIR", help="A run's store; the demo's unless named.")
    ] = None,
    deployment: Annotated[
        Path | None,
        typer.Option("--deployment", metavar="FILE", help="Names the partitions of lanes and desks; else each is 0."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what arrived from then on; nanoseconds or ISO 8601.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Only what arrived up to then.")] = None,
    bootstrap: Bootstrap = None,
    access: AccessFile = None,
    end: Annotated[bool, typer.Option("--end/--no-end", help="Say at the end that nothing more comes.")] = True,
    confirm: Annotated[bool, typer.Option("--confirm", help="Feed a prefix that programs act upon.")] = False,
    as_json: settings.Json = False,
) -> int:
    """Feed recordings, topics or a store into topics of a prefix; killed and started again, it goes on."""
    given = {"--capture": capture, "--source": source, "--venue": venue, "--store": store}
    for option, value in given.items():
        if value and option not in OPTIONS[from_]:
            raise Refused(
                f"{option}: belongs to another source than --from {from_}; allowed: {', '.join(OPTIONS[from_])}"
            )
    what = What(
        from_, settings.captures_of(capture) if from_ == "capture" else (), source, tuple(venue or ()),
        store or settings.DEMO_STORE, deployment, checked(to, confirm=confirm), *settings.span(since, until), end,
    )  # fmt: skip
    return drive(what, way_in(bootstrap, access), speed, as_json=as_json)


def checked(prefix: str, *, confirm: bool) -> str:
    """Return the prefix to feed; raises Refused for one that programs act upon, unless a person wants it."""
    from connectors.refeed import is_live

    if is_live(prefix) and not confirm:
        mode = mode_of(prefix)
        other = f"{mode}.{REFEED}.NAME, or " if mode != "live" else ""
        raise Refused(
            f"--to {prefix}: programs of mode {mode} act on what comes there; allowed: {other}this with --confirm"
        )
    return checked_prefix(prefix)


def drive(what: What, access: "Access", speed: str, *, as_json: bool) -> int:
    """Look, feed what is missing, and say what was done; raises Stopped after a signal."""
    from connectors import refeed

    with Stop() as stop, feedings_of(what, access) as feedings:
        made = refeed.with_topics(access, what.prefix, feedings)
        fills = refeed.opened(access, feedings)
        with progress("feeding", unit=UNITS[what.kind]) as bar, stop.gently():
            whole = refeed.feed(access, fills, SPEEDS[speed], stop, bar)
        summary = summed(what, speed, fills, made, whole=whole)
        if as_json:
            put_json(summary)
        else:
            tell(summary)
        if not whole:
            raise stop.reason()
    return warn(summary)


@contextmanager
def feedings_of(what: What, access: "Access") -> "Iterator[Sequence[Feeding]]":
    """Open what is fed; a store is held meanwhile."""
    from connectors.refeed_feedings import Cut, of_captures, of_topics

    deployment, cut = _deployment(what), Cut(what.since, what.until, what.ends)
    places = None if deployment is None else places_of(deployment)
    if what.kind == "capture":
        yield of_captures(_ranked(what.captures), what.prefix, places, cut)
    elif what.kind == "topic":
        if not what.source or checked_prefix(what.source) == what.prefix:
            raise Refused(f"--source {what.source or 'is missing'}; allowed: the prefix to copy, another than --to")
        yield of_topics(access, what.source, what.prefix, what.venues, places, cut)
    else:
        if what.since is not None:
            raise Refused(
                "--since: a desk is nothing without what it heard before, so a journal is fed from its beginning; "
                "allowed: --until, or --since with --from capture or topic"
            )
        settings.old_store(what.store)
        from connectors.clickhouse import EnvelopeTable
        from flows.refeed_store import of_store

        with EnvelopeTable.embedded(what.store) as table:
            yield of_store(table, what.prefix, deployment, cut)


def _deployment(what: What) -> "Deployment | None":
    if what.deployment is None:
        return None
    from flows.deployment import load_deployment

    return load_deployment(what.deployment)


def places_of(deployment: "Deployment") -> dict[str, list[int]]:
    """Return venue -> its partitions in the lanes of a deployment, in the order of their ranks."""
    places: dict[str, list[int]] = {}
    for lane in deployment.lanes.values():
        for part in lane.parts:
            places.setdefault(part.venue, []).append(part.partition)
    return places


def _ranked(paths: Sequence[Path]) -> "list[Capture]":
    from connectors.capture import open_capture
    from flows.embedded import in_order

    return in_order([open_capture(path) for path in paths])


def summed(what: What, speed: str, fills: "Sequence[Fill]", made: "Topics", *, whole: bool) -> Summary:
    """Return what was done, in numbers."""
    left_out: Counter[str] = Counter()
    for fill in fills:
        left_out.update(fill.feeding.left_out)
    return {
        "source": what.kind,
        "to": what.prefix,
        "speed": speed,
        "ended": whole,
        "held": sum(fill.held for fill in fills),
        "written": sum(fill.written for fill in fills),
        "partitions": [
            {
                "topic": fill.feeding.topic,
                "partition": fill.feeding.partition,
                "name": fill.feeding.name,
                "held": fill.held,
                "written": fill.written,
            }
            for fill in fills
        ],
        "created": list(made.created),
        "rights": not made.without_rights,
        "truncated": [fill.feeding.truncated for fill in fills if fill.feeding.truncated],
        "left_out": dict(sorted(left_out.items())),
    }


def tell(summary: Summary) -> None:
    """Write what was done, for people."""
    rows = [list(part.values()) for part in summary["partitions"]]
    put_table(f"{summary['to']}, fed from {summary['source']}", ("topic", "partition", "from", "held", "written"), rows)
    if summary["ended"] and not summary["written"]:
        put("this feeding has ended before; nothing was done again")
    elif summary["ended"]:
        put(f"{shown(summary['written'])} written, {shown(summary['held'])} were there")


def warn(summary: Summary) -> int:
    """Say what did not hold; returns the exit code."""
    if not summary["rights"]:
        say(f"the topics are made, and no program may use them yet: pt topics create --prefix {summary['to']}")
    for what in summary["truncated"]:
        say(f"cut short, fed up to its last whole line: {what}")
    if summary["left_out"]:
        count = sum(summary["left_out"].values())
        say(f"{count} entries are not fed: who signed them must sign again ({shown(summary['left_out'])})")
    return DIFFERS if summary["truncated"] or summary["left_out"] else OK
