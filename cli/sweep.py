"""Sweep parameters over captures: every combination a run of its own, ranked, with what the ranking is worth."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from cli import settings
from cli.output import DIFFERS, OK, dollars, moment, progress, put, put_json, put_table, reason_of, say, shown
from connectors.stopping import Stop
from contracts.base import Refused

if TYPE_CHECKING:
    from flows.ranking import Judging, Ranked

OUT = Path("build/sweep")
ROWS_SHOWN = 20
SAMPLE, SAMPLE_MAX = 10, 86_400
EMBARGO_MAX = 315_360_000

Told = Mapping[str, object]


def sweep(
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="BOT.PARAM=A,B,C", help="Values of one parameter, or FROM..TO..STEP; repeat."),
    ] = None,
    capture: settings.Capture = None,
    desk: Annotated[str, typer.Option(metavar="NAME", help="A desk of CONFIG/desks.")] = "lab",
    config: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder that holds desks/; the project's own.", show_default=False)
    ] = settings.CONFIG,
    instruments: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instrument records for a capture that carries none.")
    ] = None,
    jobs: Annotated[int, typer.Option(metavar="N", help="Points at a time; 0: as many as there are cores.")] = 0,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of results; what is there is not run again.")] = OUT,
    objective: Annotated[
        Literal["total", "realised", "sharpe"], typer.Option(help="What is best; realised is after fees and funding.")
    ] = "total",
    sample: Annotated[int, typer.Option(metavar="SECONDS", help="Sampling interval of Sharpe ratios.")] = SAMPLE,
    folds: Annotated[int, typer.Option(metavar="K", help="Walk forward in K folds; 0: not.")] = 0,
    embargo: Annotated[int, typer.Option(metavar="SECONDS", help="Gap between choosing and testing.")] = 0,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with the heat map.")] = None,
    as_json: settings.Json = False,
) -> int:
    """Run every combination of parameter values over captures, each on its own, and rank them."""
    captures = settings.captures_of(capture)
    records = settings.readable_file("--instruments", instruments) if instruments is not None else None
    from flows.ranking import FOLDS_MAX, Judging
    from flows.sweep import JOBS_MAX, cores

    settings.within("--jobs", jobs, 0, JOBS_MAX)
    settings.within("--sample", sample, 1, SAMPLE_MAX)
    settings.within("--folds", folds, 0, FOLDS_MAX)
    settings.within("--embargo", embargo, 0, EMBARGO_MAX)
    if embargo and not folds:
        raise Refused(f"--embargo {embargo}: is for folds; allowed: together with --folds K")
    if html is not None and html.is_dir():
        raise Refused(f"--html {html}: is a folder; allowed: a file to write")
    judging = Judging(objective, sample, folds, embargo)
    found = drive(set_ or (), captures, desk, config, records, out, jobs or cores(), judging)
    return told(found, html, as_json=as_json)


def drive(
    sets: Sequence[str],
    captures: tuple[Path, ...],
    desk: str,
    config: Path,
    instruments: Path | None,
    out: Path,
    jobs: int,
    judging: "Judging",
) -> "Ranked":
    """Check everything, run what is missing with a bar of points, and judge; raises before anything runs."""
    from flows import grid, ranking
    from flows import sweep as flow

    axes = grid.axes_of(sets)
    points = grid.points_of(axes, desk, config)
    if judging.folds:
        ranking.checked(judging, *flow.span_ns(captures))
    chosen = flow.Settings(captures, tuple(points), out, instruments, config)
    with Stop(), progress("sweeping", unit="points") as bar:
        swept = flow.sweep(chosen, jobs, lambda done, total: bar(done, total, done), reason_of)
    return ranking.ranked(axes, points, swept, judging)


def told(found: "Ranked", html: Path | None, *, as_json: bool) -> int:
    """Give the answer; the exit code is 1 where a point failed or a capture was cut short."""
    from flows.ranking import document, truncated

    said, cut = document(found), truncated(found)
    if html is not None:
        from web.heatmap import render

        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(render(found), encoding="utf-8")
    if as_json:
        put_json(said)
    else:
        show(said)
        if html is not None:
            put(f"heat map: {html}")
    for what in cut:
        say(f"cut short, processed up to its last whole line: {what}")
    for failed in _list(said["failed"]):
        say(f"failed: {_typed(failed)}: {failed['why']}")
    return DIFFERS if said["failed"] or cut else OK


def show(said: Told) -> None:
    """Write a sweep for people: the best points, what the best is worth, and the folds."""
    results = _list(said["results"])
    names = _short([str(axis["parameter"]) for axis in _list(said["axes"])])
    counts = ("points", "reused", "computed")
    rows: list[tuple[str, object]] = [(key, said[key]) for key in counts]
    put_table("sweep", ("", ""), [*rows, ("failed", len(_list(said["failed"]))), ("seconds", said["seconds"])])
    more = f" (top {ROWS_SHOWN} of {len(results)})" if len(results) > ROWS_SHOWN else ""
    heads = (*names, "total", "realised, net", "fees", "max drawdown", "sharpe", "psr", "fills", "orders")
    put_table(
        f"by {said['objective']}; money in USD, ratios per {said['sample_s']} s{more}",
        heads,
        [_row(result) for result in results[:ROWS_SHOWN]],
    )
    deflated = said["deflated"]
    if isinstance(deflated, Mapping):
        _show_trust(deflated, int(str(said["sample_s"])))
    walk = said["walk_forward"]
    if isinstance(walk, Mapping):
        _show_walk(walk, names)


def _row(result: Told) -> tuple[object, ...]:
    pnl = cast("Mapping[str, int]", result["pnl"])
    values = cast("Mapping[str, str]", result["parameters"]).values()
    money = (pnl["total_micros"], result["realised_net_micros"], pnl["fees_micros"], result["max_drawdown_micros"])
    return (*values, *(dollars(int(str(micros))) for micros in money), *_ratios(result),
            result["fills"], result["orders"])  # fmt: skip


def _ratios(judged: Told) -> tuple[str, str]:
    return _ratio(judged["sharpe"]), _ratio(judged["probabilistic_sharpe"])


def _ratio(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "-"


def _show_trust(said: Told, sample_s: int) -> None:
    rows = [
        ("best point", _typed(said)),
        (f"Sharpe ratio per {sample_s} s", _ratio(said["sharpe"])),
        ("trials", shown(said["trials"])),
        ("what luck alone gives the best of them", _ratio(said["sharpe_by_luck"])),
        ("deflated Sharpe ratio", _ratio(said["deflated_sharpe"])),
    ]
    put_table("what the best is worth", ("", ""), rows)


def _show_walk(walk: Told, names: Sequence[str]) -> None:
    rows = []
    for number, fold in enumerate(_list(walk["folds"]), 1):
        train, test = (cast("Told", fold[side]) for side in ("train", "test"))
        values = cast("Mapping[str, str]", fold["parameters"]).values()
        money = (dollars(int(str(side["total_micros"]))) for side in (train, test))
        since = moment(int(str(test["start_ns"])))
        rows.append((number, *values, *money, _ratio(test["sharpe"]), f"{fold['rank_in_test']} of {fold['of']}", since))
    heads = ("fold", *names, "chosen on", "tested", "test sharpe", "rank in test", "test from")
    put_table(f"walk-forward, total in USD, embargo {walk['embargo_s']} s", heads, rows)
    outside = cast("Told", walk["out_of_sample"])
    sharpe, likely = _ratios(outside)
    total, fall = (dollars(int(str(outside[key]))) for key in ("total_micros", "max_drawdown_micros"))
    put(f"out of sample: {total} USD, max drawdown {fall}, Sharpe {sharpe}, probably above zero {likely}")


def _typed(said: Told) -> str:
    return " ".join(f"{name}={value}" for name, value in cast("Mapping[str, str]", said["parameters"]).items())


def _short(names: Sequence[str]) -> list[str]:
    """Return names without their bot, where that still tells them apart."""
    last = [name.rpartition(".")[2] for name in names]
    return [short if last.count(short) == 1 else name for name, short in zip(names, last, strict=True)]


def _list(value: object) -> list[Told]:
    return cast("list[Told]", value)
