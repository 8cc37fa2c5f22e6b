"""Ask a store: what the book was, what was said, why something happened, how two runs differ, and for a report.

Every answer comes from stored envelopes alone; nothing is derived again here (that is `pt replay`).
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, cast

import msgspec
import typer

from bots.registry import library
from cli import settings
from cli.output import DIFFERS, OK, put, put_json, put_line, put_table, put_tree, shown
from cli.telling import tell_chain, tell_why
from contracts.base import Refused
from contracts.envelope import PAYLOADS, DeadLetter
from contracts.reasons import LEGACY, REGISTRY

if TYPE_CHECKING:
    from connectors.envelopes import Envelope
    from connectors.reader import StoreReader

FRAME_MAX = (1 << 32) - 1
LIMIT_MAX = 10**12
LEVELS_SHOWN = 10
MECHANISMS = ("operator", "operators")  # who speaks where no bot does
SAID: tuple[Literal["kind", "bot_id", "market_id", "correlation_id", "reasons", "payload"], ...] = (
    "kind",
    "bot_id",
    "market_id",
    "correlation_id",
    "reasons",
    "payload",
)
CONFIGURED = frozenset({"DeskConfigured", "ConfigApplied"})
PLATFORM = frozenset({"plan_hash", "fingerprint", "bot_version", "config_version"})
DIFFERENCES = ("only_in_a", "only_in_b", "differ")

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
    since_ns = settings.instant("--since", since) if since is not None else None
    until_ns = settings.instant("--until", until) if until is not None else None
    if since_ns is not None and until_ns is not None and since_ns > until_ns:
        raise Refused(f"--since {since}: is after --until {until}; nothing can match")
    settings.within("--limit", limit, 1, LIMIT_MAX)
    bot, kind, reason = _bot(bot), _kind(kind), _reason(reason)
    with opened(store) as reader:
        for said in reader.envelopes(bot, desk, kind, reason, market, since_ns, until_ns, limit):
            put_line(said)
    return OK


def _bot(name: str | None) -> str | None:
    if name is None or name.partition(".")[0] in MECHANISMS:
        return name
    return library().resolve(name)


def _kind(name: str | None) -> str | None:
    kinds = sorted([*(cls.__name__ for cls in PAYLOADS), DeadLetter.__name__])
    if name is not None and name not in kinds:
        raise Refused(f"--kind {name!r}: unknown payload type; allowed: {', '.join(kinds)}")
    return name


def _reason(code: str | None) -> str | None:
    code = LEGACY.get(code, code) if code is not None else None
    if code is not None and code not in REGISTRY:
        raise Refused(f"--reason {code!r}: not a registered code; allowed: the codes of contracts/reasons.py")
    return code


# ---- two stores ---------------------------------------------------------------------------------------------------


class Said(NamedTuple):
    """Everything that one cause brought about, in one digest, with its first envelope for people."""

    digest: bytes
    at_ns: int
    market_id: str
    envelope_id: str
    kinds: tuple[str, ...]


class Side(NamedTuple):
    """One store: what each cause brought about, and what each bot and desk was configured with."""

    causes: dict[str, Said]
    configured: dict[str, bytes]


def diff(
    store_a: Annotated[Path, typer.Argument(metavar="STORE_A", help="One run's store.")],
    store_b: Annotated[Path, typer.Argument(metavar="STORE_B", help="The other's.")],
    as_json: settings.Json = False,
) -> int:
    """Compare what two runs said, cause by cause; exit code 1 when they differ."""
    settings.old_store(store_b, "STORE_B")
    sides = []
    for path, name in ((store_a, "STORE_A"), (store_b, "STORE_B")):
        with opened(path, name) as reader:
            sides.append(gathered(reader.envelopes()))
    found = compared(*sides)
    if as_json:
        put_json(found)
    else:
        put_table("causes", ("", "count"), [(key, value) for key, value in found.items() if isinstance(value, int)])
        put_tree({"configuration": found["configuration"], "first": found["first"]})
    return DIFFERS if any(found[key] for key in (*DIFFERENCES, "configuration")) else OK


def gathered(envelopes: "Iterable[Envelope]") -> Side:
    """Gather what was said by desk and cause; blocks, offsets, code and platform are no part of it."""
    causes: dict[str, Said] = {}
    configured: dict[str, bytes] = {}
    for said in envelopes:
        if said["kind"] in CONFIGURED:
            values = {key: value for key, value in said["payload"].items() if key not in PLATFORM}
            configured[f"{said['desk_id']} {values.get('bot_id', '')}".strip()] = msgspec.json.encode(values)
            continue
        content = msgspec.json.encode([said[key] for key in SAID])
        key = f"{said['desk_id']}/{said['cause_id']}"
        before = causes.get(key)
        if before is None:
            digest = sha256(content).digest()
            causes[key] = Said(digest, said["at_ns"], said["market_id"], said["envelope_id"], (said["kind"],))
        else:
            kinds = before.kinds if said["kind"] in before.kinds else (*before.kinds, said["kind"])
            causes[key] = before._replace(digest=sha256(before.digest + content).digest(), kinds=kinds)
    return Side(causes, configured)


def compared(one: Side, other: Side) -> dict[str, object]:
    """Count the causes that only one side knows and those about which they say different things; first of each."""
    a, b = one.causes, other.causes
    lists = (
        [key for key in a if key not in b],
        [key for key in b if key not in a],
        [key for key in a if key in b and a[key].digest != b[key].digest],
    )
    named = dict(zip(DIFFERENCES, lists, strict=True))
    both = {*one.configured, *other.configured}
    return {
        "same": len(a) - len(lists[0]) - len(lists[2]),
        **{name: len(keys) for name, keys in named.items()},
        "configuration": sorted(key for key in both if one.configured.get(key) != other.configured.get(key)),
        "first": {name: _first(keys[0], a, b) if keys else None for name, keys in named.items()},
    }


def _first(key: str, a: Mapping[str, Said], b: Mapping[str, Said]) -> dict[str, object]:
    said = a.get(key) or b[key]
    found: dict[str, object] = {
        "cause_id": key.partition("/")[2],
        "desk_id": key.partition("/")[0],
        "market_id": said.market_id,
        "at_ns": said.at_ns,
    }
    for name, side in (("a", a), ("b", b)):
        if key in side:
            found[name] = {"envelope_id": side[key].envelope_id, "kinds": list(side[key].kinds)}
    return found


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
