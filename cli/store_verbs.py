"""Ask a store: what the book was, what was said, why something happened, and for a report.

Every answer comes from stored envelopes alone; nothing is derived again here (that is `pt replay`).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from bots.registry import library
from cli import settings
from cli.output import OK, put, put_json, put_line, put_table, shown
from cli.telling import tell_chain, tell_why
from contracts.base import Refused
from contracts.envelope import PAYLOADS, DeadLetter
from contracts.reasons import LEGACY, REGISTRY

if TYPE_CHECKING:
    from connectors.reader import StoreReader

FRAME_MAX = (1 << 32) - 1
LIMIT_MAX = 10**12
LEVELS_SHOWN = 10
MECHANISMS = ("operator", "operators")  # who speaks where no bot does

Market = Annotated[str, typer.Option(metavar="ID", help="The venue's own id: ticker, token id, symbol.")]


def opened(path: Path, option: str = "--store") -> "StoreReader":
    """Open the store of a run for reading; raises Refused or StoreError."""
    settings.old_store(path, option)
    from connectors.reader import StoreReader

    return StoreReader(path)


# ---- one market ---------------------------------------------------------------------------------------------------


def book(
    market: Market,
    at_frame: Annotated[int, typer.Option(metavar="N", help="Line of the capture, from 1.")],
    capture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Which capture, where the run had several.")
    ] = None,
    store: settings.Store = settings.DEMO_STORE,
    as_json: settings.Json = False,
) -> int:
    """Show the book of a market as it stood after one line of the capture was applied."""
    settings.within("--at-frame", at_frame, 1, FRAME_MAX)
    with opened(store) as reader:
        found = reader.book_at(market, at_frame, str(capture) if capture is not None else None)
    if as_json:
        put_json(found)
        return OK
    title = f"{found['market']} at {found['venue']}, frame {found['frame']}: {found['quality']}"
    bids, asks = (cast("list[list[str]]", found[side])[:LEVELS_SHOWN] for side in ("bids", "asks"))
    deep = max(len(bids), len(asks))
    rows = [
        [size, price, *ask]
        for (price, size), ask in zip(_filled(bids, deep), _filled(asks, deep), strict=True)
    ]  # fmt: skip
    put_table(title, ("bid size", "bid", "ask", "ask size"), rows)
    put(f"reasons: {shown(found['reasons'])}")
    return OK


def _filled(levels: list[list[str]], deep: int) -> list[list[str]]:
    return [*levels, *([["", ""]] * (deep - len(levels)))]


def why(
    market: Annotated[str, typer.Argument(help="The venue's own id: ticker, token id, symbol.")],
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Nanoseconds or ISO 8601; the end if left out.")
    ] = None,
    store: settings.Store = settings.DEMO_STORE,
    as_json: settings.Json = False,
) -> int:
    """Say why a market was or was not traded at a moment: the last word of every bot that decided about it."""
    at_ns = settings.instant("--at", at) if at is not None else None
    with opened(store) as reader:
        found = reader.why(market, at_ns)
    put_json(found) if as_json else tell_why(found)
    return OK


def explain(
    envelope: Annotated[str, typer.Argument(metavar="ID", help="An envelope, intent or order id.")],
    store: settings.Store = settings.DEMO_STORE,
    as_json: settings.Json = False,
) -> int:
    """Follow one envelope, intent or order back to the fact that caused it, and on to what came of it."""
    with opened(store) as reader:
        found = reader.explain(envelope)
    put_json(found) if as_json else tell_chain(found)
    return OK


# ---- envelopes ----------------------------------------------------------------------------------------------------


def envelopes(
    bot: Annotated[str | None, typer.Option(metavar="ID", help="Said by this bot (id or alias).")] = None,
    desk: Annotated[str | None, typer.Option(metavar="ID", help="Of this desk.")] = None,
    kind: Annotated[str | None, typer.Option(metavar="TYPE", help="Payload type, as in RiskVote.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="CODE", help="With this reason code.")] = None,
    market: Annotated[str | None, typer.Option(metavar="ID", help="About this market.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="From then on; nanoseconds or ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Up to and including then.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="At most so many.")] = LIMIT_MAX,
    store: settings.Store = settings.DEMO_STORE,
    as_json: settings.Json = False,
) -> int:
    """Print envelopes as JSON lines, in journal order; `--json` changes nothing here."""
    del as_json
    since_ns, until_ns = settings.span(since, until)
    settings.within("--limit", limit, 1, LIMIT_MAX)
    bot, kind, reason = _bot(bot), kind_of(kind), _reason(reason)
    with opened(store) as reader:
        for said in reader.envelopes(bot, desk, kind, reason, market, since_ns, until_ns, limit):
            put_line(said)
    return OK


def _bot(name: str | None) -> str | None:
    if name is None or name.partition(".")[0] in MECHANISMS:
        return name
    return library().resolve(name)


def kind_of(name: str | None) -> str | None:
    """Return the name of a payload type; raises Refused naming those there are."""
    kinds = sorted([*(cls.__name__ for cls in PAYLOADS), DeadLetter.__name__])
    if name is not None and name not in kinds:
        raise Refused(f"--kind {name!r}: unknown payload type; allowed: {', '.join(kinds)}")
    return name


def _reason(code: str | None) -> str | None:
    code = LEGACY.get(code, code) if code is not None else None
    if code is not None and code not in REGISTRY:
        raise Refused(f"--reason {code!r}: not a registered code; allowed: the codes of contracts/reasons.py")
    return code


# ---- report -------------------------------------------------------------------------------------------------------


def report(
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page that needs nothing else.")] = None,
    store: settings.Store = settings.DEMO_STORE,
    as_json: settings.Json = False,
) -> int:
    """Show what a stored run came to, in the terminal or as one page of HTML."""
    from cli import run

    if html is not None and html.is_dir():
        raise Refused(f"--html {html}: is a folder; allowed: a file to write")
    with opened(store) as reader:
        summary = reader.summary()
        if html is not None:
            write_report(reader, html)
    if as_json:
        put_json(summary)
        return OK
    run.show(summary)
    if html is not None:
        put(f"report: {html}")
    return OK


def write_report(reader: "StoreReader", html: Path) -> None:
    """Write the page of a stored run; raises OSError naming the file."""
    from web.report import from_envelopes, render

    page = render(from_envelopes(reader.envelopes(), reader.summary()))
    html.parent.mkdir(parents=True, exist_ok=True)
    html.write_text(page, encoding="utf-8")
