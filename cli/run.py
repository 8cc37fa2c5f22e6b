"""Run a desk over captures: read the options, hand them to the flow, show what came of it."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NotRequired, TypedDict, Unpack, cast

import typer

from cli import settings
from cli.output import DIFFERS, OK, dollars, progress, put, put_json, put_table, say, shown
from connectors.stopping import Stop
from flows.desks import Desk, load_desk

TOP_REASONS = 12
FACTS = (
    "frames",
    "facts_frames",
    "control",
    "facts",
    "gaps",
    "stale_spells",
    "resyncs",
    "entries",
    "envelopes",
    "blocks",
)
ORDERS = ("intents", "approved", "rejected", "reshaped", "orders", "cancels", "fills")
RUN = ("run_id", "fingerprint", "seconds", "frames_per_s", "peak_rss_mb", "decision_digest")


class Rest(TypedDict):
    """What a run may leave out."""

    instruments: Path | None
    store: Path | None
    batch: int
    follow: NotRequired[bool]


def run(
    capture: settings.Capture = None,
    desk: Annotated[str, typer.Option(metavar="NAME", help="A desk of CONFIG/desks.")] = "lab",
    store: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep everything there; nowhere if left out.")
    ] = None,
    config: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder that holds desks/; the project's own if left out.", show_default=False
        ),
    ] = (settings.CONFIG),
    set_: settings.Sets = None,
    market_ids: settings.MarketIds = None,
    event_tickers: settings.EventTickers = None,
    series_tickers: settings.SeriesTickers = None,
    policy_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Limits of entries and sizes; POLICY_* names go before it.")
    ] = None,
    instruments: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instrument records for a capture that carries none.")
    ] = None,
    batch: settings.Batch = settings.BATCH,
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Read on while the captures, our own, still grow; until each says `rotated`."),
    ] = False,
    as_json: settings.Json = False,
) -> int:
    """Run a desk over recorded frames, from bytes to fills, and keep everything it said."""
    captures = settings.captures_of(capture)
    records = settings.readable_file("--instruments", instruments) if instruments is not None else None
    settings.within("--batch", batch, 1, settings.BATCH_MAX)
    scope = settings.scope_of(market_ids, event_tickers, series_tickers)
    chosen = load_desk(desk, config, set_ or (), scope, os.environ, policy_file)
    rest: Rest = {"instruments": records, "store": store, "batch": batch, "follow": follow}
    summary = drive(captures, chosen, config, quiet=as_json, **rest)
    if as_json:
        put_json(summary)
    else:
        show(summary)
        put_next(summary, store)
    return verdict(summary)


def drive(
    captures: tuple[Path, ...],
    desk: Desk,
    config: Path,
    *,
    plain: bool = False,
    quiet: bool = True,
    **rest: Unpack[Rest],
) -> dict[str, object]:
    """Run the flow with a bar (with `plain`, lines where there is no terminal) and return its summary.

    Unless `quiet`, a word is said when an earlier start of the same run had done a part of it. Raises Stopped.
    """
    with Stop() as stop:
        from flows import embedded

        chosen = embedded.Settings(captures=captures, desk=desk, config=config, **rest)
        with progress("running", plain=plain) as bar:
            result = embedded.run(chosen, bar, stop)
    if result.note and not quiet:
        say(result.note)
    return result.summary


def verdict(summary: Mapping[str, object]) -> int:
    """Return the exit code of a run; a capture that was cut short is named."""
    truncated = cast("list[str]", summary["truncated"])
    for what in truncated:
        say(f"cut short, processed up to its last whole line: {what}")
    return DIFFERS if truncated else OK


def show(summary: Mapping[str, object]) -> None:
    """Write a run's summary as tables for people; the same facts as the JSON document.

    What one program of a deployment could not know is left out: record counts no frames.
    """
    put_table("run", ("", ""), [(key, shown(summary[key])) for key in (*RUN, "truncated") if key in summary])
    put_table("market data", ("", "count"), [(key, summary[key]) for key in FACTS if key in summary])
    put_table("dead letters", ("reason", "count"), _most(summary["dead_letters"]))
    put_table("markets", ("market", "mark"), _markets(summary))
    put_table("decisions", ("", "count"), [(key, summary[key]) for key in ORDERS])
    votes = cast("dict[str, dict[str, int]]", summary["votes"])
    put_table("votes", ("guard", "verdicts"), [(gate, dict(said)) for gate, said in votes.items()])
    reasons = _most(summary["reasons"])
    more = f" (top {TOP_REASONS} of {len(reasons)})" if len(reasons) > TOP_REASONS else ""
    put_table(f"reasons{more}", ("code", "count"), reasons[:TOP_REASONS])
    pnl = cast("dict[str, int]", summary["pnl"])
    money = [(key.removesuffix("_micros"), dollars(value)) for key, value in pnl.items() if isinstance(value, int)]
    put_table("profit and loss, USD", ("", "USD"), money)
    put_table("differs from the catalogue", ("parameter", "value"), _pairs(summary.get("overrides")))
    for fault, times in Counter(cast("list[str]", summary.get("faults", []))).most_common():
        say(f"fault, {times} times: {fault}")
    if summary["invalid"]:
        say(f"{summary['invalid']} envelopes fail their schema; this is a fault of polytraders")


def put_next(summary: Mapping[str, object], store: Path | None) -> None:
    """Write what a person may type next."""
    if store is None:
        put("next: add --store DIR to keep every fact, vote and order, and to ask questions about them")
        return
    market = next(iter([*_marks(summary), *cast("list[str]", summary["markets"])]), "MARKET")
    put(f"next: pt report --store {store} --html report.html")
    put(f"      pt why {market} --store {store}")
    put(f"      pt replay --store {store}")


def _marks(summary: Mapping[str, object]) -> dict[str, int]:
    return cast("dict[str, dict[str, int]]", summary["pnl"]).get("marks_micros", {})


def _markets(summary: Mapping[str, object]) -> list[tuple[str, str]]:
    marks = _marks(summary)
    markets = cast("list[str]", summary["markets"])
    return [(market, dollars(marks[market]) if market in marks else "-") for market in markets]


def _pairs(values: object) -> list[tuple[str, str]]:
    return list(cast("dict[str, str]", values or {}).items())


def _most(counts: object) -> list[tuple[str, int]]:
    return sorted(cast("dict[str, int]", counts).items(), key=lambda item: (-item[1], item[0]))
