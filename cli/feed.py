"""Record live market data: `pt feed` into a capture that stays open or into topics, `pt record` into one that ends.

Nothing outside this machine is spoken to unless a person says `--live`; which hosts that are is shown first.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli import settings
from cli.output import DIFFERS, OK, put_json, put_table, say
from cli.settings import version
from cli.topics import AccessFile, Bootstrap, Prefix, way_in
from connectors.namespace import MODES
from connectors.stopping import Stop
from contracts.base import Refused

if TYPE_CHECKING:
    from connectors.feeds.session import Session
    from connectors.feeds.sinks import FeedSink
    from connectors.feeds.venues import Wanted

SECONDS_MAX = 31_536_000

Venue = Annotated[str, typer.Argument(metavar="VENUE", help="kalshi, polymarket, binance or bitget.")]
Markets = Annotated[
    list[str] | None,
    typer.Option("--markets", metavar="A,B", help="Tickers, token ids or symbols; may be repeated."),
]
Live = Annotated[bool, typer.Option("--live", help="Speak to hosts outside this machine.")]
Base = Annotated[str, typer.Option(metavar="ws[s]://HOST", help="Another place than the venue's socket.")]
Rest = Annotated[str, typer.Option(metavar="http[s]://HOST", help="Another place for requests; that of --base.")]
Seconds = Annotated[int | None, typer.Option(metavar="N", help="End after so long; else when asked to stop.")]
Patience = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="Silence without an answer after which a socket is dead; 1.75.")
]
KeyId = Annotated[str, typer.Option(metavar="REF", help="Kalshi: where the id of the key is, env:NAME or file:PATH.")]
Key = Annotated[str, typer.Option(metavar="REF", help="Kalshi: where the private key is; never the key itself.")]
About = Annotated[bool, typer.Option("--about/--no-about", help="Fetch the definitions of the markets first.")]


def feed(
    venue: Venue,
    path: Annotated[Path | None, typer.Argument(metavar="[PATH]", help="The capture, with --to capture.")] = None,
    markets: Markets = None,
    to: Annotated[Literal["capture", "kafka"], typer.Option("--to", help="Where frames go.")] = "capture",
    prefix: Prefix = MODES[0],
    lane: Annotated[int, typer.Option(metavar="N", help="Partition of the venue's topic, with --to kafka.")] = 0,
    bootstrap: Bootstrap = None,
    access: AccessFile = None,
    state: Annotated[
        Path, typer.Option(metavar="DIR", help="With --to kafka: where messages wait while the broker is away.")
    ] = Path("state"),
    metrics: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Serve /metrics, /health and /ready there; nowhere if left out.")
    ] = "",
    live: Live = False,
    base: Base = "",
    rest: Rest = "",
    seconds: Seconds = None,
    patience: Patience = None,
    key_id: KeyId = "",
    key: Key = "",
    about: About = True,
    as_json: settings.Json = False,
) -> int:
    """Feed live market data: --to capture PATH, to be followed with `pt run --follow`, or --to kafka."""
    if (to == "capture") != (path is not None):
        raise Refused(f"--to {to}: allowed: --to capture PATH, or --to kafka without one")
    from connectors.feeds.sinks import capture_sink, topic_sink
    from connectors.feeds.venues import wanted

    what = wanted(venue, markets or (), base=base, rest=rest, patience_s=patience, key_id=key_id, key=key, about=about)
    checked(what, seconds, live=live)
    if path is not None:
        return drive(what, partial(capture_sink, what, path, ends=False), seconds, metrics, as_json=as_json)
    way = way_in(bootstrap, access)
    return drive(what, partial(topic_sink, what, way, prefix, lane, state), seconds, metrics, as_json=as_json)


def record(
    venue: Venue,
    out: Annotated[Path, typer.Option("--out", metavar="PATH", help="The capture; one of ours is gone on with.")],
    markets: Markets = None,
    live: Live = False,
    base: Base = "",
    rest: Rest = "",
    seconds: Seconds = None,
    patience: Patience = None,
    key_id: KeyId = "",
    key: Key = "",
    about: About = True,
    as_json: settings.Json = False,
) -> int:
    """Record live market data into a capture that `pt run` reads; at the end it says that it is complete."""
    from connectors.feeds.sinks import capture_sink
    from connectors.feeds.venues import wanted

    what = wanted(venue, markets or (), base=base, rest=rest, patience_s=patience, key_id=key_id, key=key, about=about)
    checked(what, seconds, live=live)
    return drive(what, partial(capture_sink, what, out, ends=True), seconds, as_json=as_json)


def checked(what: "Wanted", seconds: int | None, *, live: bool) -> None:
    """Say which hosts are spoken to; raises Refused unless all are here, or a person wants it."""
    hosts = ", ".join(what.places.hosts())
    if seconds is not None:
        settings.within("--seconds", seconds, 1, SECONDS_MAX)
    if not live and not what.is_here:
        raise Refused(f"{what.venue}: would speak to {hosts}; add --live to allow that, or --base for another place")
    say(f"{what.venue}: speaks to {hosts}")


def drive(
    what: "Wanted", opened: "Callable[[], FeedSink]", seconds: int | None, metrics: str = "", *, as_json: bool
) -> int:
    """Feed until the end or a signal, then show what was done; raises Stopped after a signal."""
    from connectors.feeds.session import Session
    from connectors.feeds.venues import venue_of
    from connectors.feeds.watched import watched
    from connectors.telemetry import Telemetry, address_of

    venue = venue_of(what)  # a key that is missing is found before anything is written
    about = {"version": version(), "config": what.venue}
    with Stop() as stop, opened() as sink, Telemetry("feed", about) as telemetry:
        session = Session(venue, sink, tell=(lambda text: None) if as_json else say)
        watched(telemetry, session, sink)
        if metrics:
            host, port = address_of(metrics)
            say(f"metrics: http://{host}:{telemetry.serve(host, port)}/metrics")
        with stop.gently():
            asyncio.run(session.run(stop, seconds))
            sink.end(session.now())
        tell(session, sink.where, as_json=as_json)
        if stop():
            raise stop.reason()
    return DIFFERS if session.counts.faults else OK


def tell(session: "Session", where: str, *, as_json: bool) -> None:
    """Give the numbers of a feed."""
    counts, judge = session.counts, session.judge
    summary: dict[str, object] = {
        "venue": session.venue.name,
        "to": where,
        "frames": counts.frames,
        "bytes": counts.bytes,
        "events": counts.events,
        "connects": counts.connects,
        "ends": dict(sorted(counts.ends.items())),
        "gaps": judge.gaps,
        "lost": dict(sorted(judge.lost.items())),
        "asked": judge.asked,
        "images": judge.images,
        "without_image": judge.waiting,
        "dead_letters": judge.dead,
        "answers": counts.answers,
        "failed": dict(sorted(counts.failed.items())),
        "refused": counts.refused,
        "said": counts.said,
        "writes": counts.writes,
    }
    if as_json:
        put_json(summary)
    else:
        put_table("feed", ("", ""), list(summary.items()))
