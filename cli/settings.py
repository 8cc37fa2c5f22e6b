"""Turn what was typed into settings, or refuse it in one line before anything is opened or written.

The options that several verbs share stand here once, with their help; so do the readings of times and files.
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import SECOND_NS
from contracts.base import Refused

if TYPE_CHECKING:
    from flows.rails import ScopeLists

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "config"
DEMO_STORE = Path("build/demo/store")
BATCH, BATCH_MAX = 256, 100_000
EVENTS_MAX = 100_000_000
DIGITS_MAX = 19  # of a time in nanoseconds: up to the year 2286
ASSETS_MAX = 10_000
FRACTION = re.compile(r"(?P<whole>.*:\d\d)[.,](?P<part>\d{1,9})(?P<zone>Z|[+-]\d\d:?\d\d)?")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, and nothing else.")]
Store = Annotated[Path, typer.Option("--store", metavar="DIR", help="Store of a run; the demo's unless named.")]
Capture = Annotated[
    list[Path] | None,
    typer.Option("--capture", metavar="FILE", help="A recording; several are merged by arrival time."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="BOT.PARAM=VALUE", help="Override one parameter; may be repeated."),
]
MarketIds = Annotated[
    str | None, typer.Option("--market-ids", metavar="A,B", help="Trade only these markets (or events, or series).")
]
EventTickers = Annotated[str | None, typer.Option("--event-tickers", metavar="A,B", help="Trade only these events.")]
SeriesTickers = Annotated[str | None, typer.Option("--series-tickers", metavar="A,B", help="Trade only these series.")]
Batch = Annotated[
    int,
    typer.Option(
        "--batch", metavar="N", help=f"Frames handed on at once, 1 to {BATCH_MAX}; changes speed, never results."
    ),
]


def scope_of(market_ids: str | None, event_tickers: str | None, series_tickers: str | None) -> "ScopeLists | None":
    """Return the scope lists as typed, names apart by commas; None where none was typed. Raises Refused."""
    from flows.rails import ScopeLists, names

    if market_ids is None and event_tickers is None and series_tickers is None:
        return None
    options = {"market_ids": market_ids, "event_tickers": event_tickers, "series_tickers": series_tickers}
    lists = {}
    for field, text in options.items():
        option = f"--{field.replace('_', '-')}"
        typed = [part.strip() for part in text.split(",")] if text is not None else []
        if text is not None and not all(typed):
            raise Refused(f"{option} {text!r}: an empty name; allowed: names apart by commas")
        lists[field] = names(typed, option)
    return ScopeLists(**lists)


def captures_of(paths: list[Path] | None) -> tuple[Path, ...]:
    """Return the captures; refuses none at all, one twice, and one that is missing, empty, a folder or unreadable."""
    if not paths:
        raise Refused("--capture is missing; allowed: one or more recorded files")
    for path in paths:
        readable_file("--capture", path)
    seen: dict[Path, Path] = {}
    for path in paths:
        if path.resolve() in seen:
            raise Refused(f"--capture {path}: named twice; every line of a capture counts once")
        seen[path.resolve()] = path
    return tuple(paths)


def readable_file(option: str, path: Path) -> Path:
    """Return a path that is a readable file with something in it; raises Refused."""
    if path.is_dir():
        raise Refused(f"{option} {path}: is a folder; allowed: a file")
    if not path.exists():
        raise Refused(f"{option} {path}: no such file")
    try:
        with path.open("rb") as stream:
            first = stream.read(1)
    except OSError as err:
        raise Refused(f"{option} {path}: cannot be read ({err.strerror})") from None
    if not first:
        raise Refused(f"{option} {path}: is empty; allowed: a file with at least one line")
    return path


def old_store(path: Path, option: str = "--store") -> Path:
    """Return the folder of a store that a run made; raises Refused and says how to make one."""
    if path.is_file():
        raise Refused(f"{option} {path}: is a file; allowed: the folder of a store")
    if not path.is_dir() or not any(path.iterdir()):
        raise Refused(f"{option} {path}: no store there; make one with: pt run --capture FILE --store {path}")
    return path


def within(option: str, value: int, least: int, most: int) -> int:
    """Return a whole number inside its bounds; raises Refused naming them."""
    if not least <= value <= most:
        raise Refused(f"{option} {value}: out of bounds; allowed: {least} to {most}")
    return value


def instant(option: str, text: str) -> int:
    """Return a time as integer nanoseconds: digits as they are, ISO 8601 exactly; without a zone it is UTC."""
    if text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX:
        return int(text)
    found = FRACTION.fullmatch(text)
    whole, part = (found["whole"] + (found["zone"] or ""), found["part"]) if found else (text, "")
    try:
        time = datetime.fromisoformat("" if text.isdigit() else whole)  # it would read any row of digits as a date
    except ValueError:
        raise Refused(
            f"{option} {text!r}: not a time; allowed: nanoseconds since 1970, or ISO 8601 as in 2026-05-13T12:59:00Z"
        ) from None
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time
    return int(time.timestamp()) * SECOND_NS + int(part.ljust(9, "0"))


def span(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """Return both ends of a time, in nanoseconds, None where it is open; raises Refused where nothing can match."""
    since_ns = instant("--since", since) if since is not None else None
    until_ns = instant("--until", until) if until is not None else None
    if since_ns is not None and until_ns is not None and since_ns > until_ns:
        raise Refused(f"--since {since}: is after --until {until}; nothing can match")
    return since_ns, until_ns


def version() -> str:
    """Return the version of this release; of a checkout that is not installed, that it is one."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("polytraders")
    except PackageNotFoundError:
        return "checkout"
