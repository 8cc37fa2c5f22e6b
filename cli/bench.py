"""Measure how fast the whole path is on this machine, beside the bare decoding of the same bytes."""

from enum import StrEnum
from typing import Annotated

import typer

from cli import settings
from cli.output import put_json, put_table


class Kind(StrEnum):
    """What is measured."""

    MAKER = "maker"
    GUARDED = "guarded"
    REPLAY = "replay"
    BOTS = "bots"
    MARKETS = "markets"


class Where(StrEnum):
    """Where envelopes go while measuring."""

    NONE = "none"
    CHDB = "chdb"


def bench(
    kind: Annotated[Kind, typer.Argument(help="What to measure.")],
    events: Annotated[int, typer.Option(metavar="N", help="Frames of the synthetic stream.")] = 200_000,
    assets: Annotated[int, typer.Option(metavar="N", help="Markets of the synthetic stream.")] = 20,
    store: Annotated[Where, typer.Option(help="Where envelopes go meanwhile.")] = Where.NONE,
    as_json: settings.Json = False,
) -> int:
    """Measure the governed path over a synthetic stream, in events per second and as a ratio to bare decoding."""
    settings.within("--events", events, 1, settings.EVENTS_MAX)
    settings.within("--assets", assets, 1, settings.ASSETS_MAX)
    from flows import bench as flow

    found = flow.bench(kind.value, events, assets, store.value)
    if as_json:
        put_json(found)
    else:
        put_table(f"bench {kind.value}", ("", ""), list(found.items()))
    return 0
