"""Make, show and verify the topics of a deployment: `pt topics create | show | verify`.

`create` makes what is missing and changes nothing that exists; all three end with 1 where something is not as
`infra/kafka/topics.toml` says it must be (`show` never asks).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from cli.output import DIFFERS, OK, put, put_json, put_table, shown
from cli.settings import Json
from contracts.base import Refused

if TYPE_CHECKING:
    from connectors.access import Access
    from connectors.topics import Difference

topics = typer.Typer(no_args_is_help=True, help="Make, show and verify topics and rights on a broker.")

Prefix = Annotated[
    str, typer.Option("--prefix", metavar="PREFIX", help="A mode, as in paper; or a refeed, as in paper.refeed.monday.")
]
Bootstrap = Annotated[
    str | None, typer.Option("--bootstrap", metavar="HOST:PORT", help="A broker that asks nobody who they are.")
]
AccessFile = Annotated[
    Path | None, typer.Option("--access", metavar="FILE", help="An access file: broker, principal, password file, CA.")
]
LayoutPath = Annotated[
    Path | None, typer.Option("--layout", metavar="FILE", help="What there must be; infra/kafka/topics.toml.")
]
SHOWN = ("retention.ms", "cleanup.policy")


@topics.command()
def create(
    prefix: Prefix,
    bootstrap: Bootstrap = None,
    access: AccessFile = None,
    layout_file: LayoutPath = None,
    as_json: Json = False,
) -> int:
    """Make the topics and rights that are missing; what exists and differs is said, and left as it is."""
    from connectors import topics as admin
    from connectors.topic_layout import TOPICS, layout, read_layout

    wanted, way = layout(read_layout(layout_file or TOPICS), prefix), way_in(bootstrap, access)
    with admin.administration(way) as client:
        made = admin.create(client, wanted, prefix)
        found = admin.differences(wanted, admin.observe(client, prefix), prefix)
    answer = {"prefix": prefix, "created": list(made.topics), "granted": [admin.spelt(right) for right in made.rights]}
    if as_json:
        put_json({**answer, **_told(found)})
    else:
        put(f"{prefix}: {len(made.topics)} topics made, {len(made.rights)} rights given")
        _tell(found)
    return DIFFERS if found else OK


@topics.command()
def show(prefix: Prefix, bootstrap: Bootstrap = None, access: AccessFile = None, as_json: Json = False) -> int:
    """Show the topics and rights that a broker has under a prefix."""
    from connectors import topics as admin
    from connectors.namespace import checked_prefix

    prefix, way = checked_prefix(prefix), way_in(bootstrap, access)
    with admin.administration(way) as client:
        seen = admin.observe(client, prefix)
    if as_json:
        rights = None if seen.rights is None else msgspec.to_builtins(seen.rights)
        put_json({"prefix": prefix, "topics": msgspec.to_builtins(seen.topics), "rights": rights})
        return OK
    rows = ([topic.name, topic.partitions, topic.replicas, *map(topic.settings.get, SHOWN)] for topic in seen.topics)
    put_table(prefix, ("topic", "partitions", "replicas", *SHOWN), rows)
    put_table("rights", ("who, and what",), ([admin.spelt(right)] for right in seen.rights or ()))
    put(f"{len(seen.topics)} topics, {_counted(seen.rights)}")
    return OK


@topics.command()
def verify(
    prefix: Prefix,
    bootstrap: Bootstrap = None,
    access: AccessFile = None,
    layout_file: LayoutPath = None,
    as_json: Json = False,
) -> int:
    """Say each difference between a broker and infra/kafka/topics.toml: topics, partitions, settings, rights."""
    from connectors import topics as admin
    from connectors.topic_layout import TOPICS, layout, read_layout

    wanted, way = layout(read_layout(layout_file or TOPICS), prefix), way_in(bootstrap, access)
    with admin.administration(way) as client:
        found = admin.differences(wanted, admin.observe(client, prefix), prefix)
    if as_json:
        put_json({"prefix": prefix, "topics": len(wanted.topics), "rights": len(wanted.rights), **_told(found)})
    else:
        _tell(found)
        put(f"{prefix}: {len(wanted.topics)} topics and {len(wanted.rights)} rights wanted, {len(found)} differences")
    return DIFFERS if found else OK


def way_in(bootstrap: str | None, access: Path | None) -> "Access":
    """Return how to reach the broker; raises Refused unless exactly one of the two options names it."""
    from connectors.access import Access, read_access

    if (bootstrap is None) == (access is None):
        raise Refused("--bootstrap or --access: name the broker with one of them")
    return Access(bootstrap) if bootstrap is not None else read_access(access or Path())


def _told(found: "list[Difference]") -> dict[str, object]:
    return {"same": not found, "differences": msgspec.to_builtins(found)}


def _tell(found: "list[Difference]") -> None:
    rows = ([row.name, row.what, row.field, row.wanted, row.seen] for row in found)
    put_table("differences", ("name", "what", "field", "wanted", "seen"), rows)


def _counted(rights: tuple[object, ...] | None) -> str:
    return "and no authorizer: everybody may do everything" if rights is None else f"{shown(len(rights))} rights"
