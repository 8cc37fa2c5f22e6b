"""Show live in the terminal what the programs of a deployment do: `pt top`.

It asks each program for its metrics, as Prometheus does, and makes rates of two looks. Nothing but programs is needed:
no Prometheus, no broker, no store. Exit code 1 of `--once` where a program is down, or says that it is not well.
"""

import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from cli import settings
from cli.output import DIFFERS, OK, console, put_json, table_of
from connectors.stopping import Stop
from contracts.base import Refused

if TYPE_CHECKING:
    from rich.console import Console

    from connectors.scrape import Seen

EVERY_MAX = 3_600
REASONS, ROWS_LIVE = 5, 12
PREFIX = "polytraders_"
Row = dict[str, object]
Document = dict[str, list[Row]]
Targets = dict[str, str]


def top(
    deployment: Annotated[
        Path | None, typer.Option("--deployment", metavar="FILE", help="A deployment with a table [metrics].")
    ] = None,
    metrics: Annotated[
        list[str] | None, typer.Option("--metrics", metavar="URL", help="HOST:PORT of a program; may be repeated.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Two looks for the rates, one picture, and end.")] = False,
    every: Annotated[int, typer.Option(metavar="SECONDS", help="Pause between two looks.")] = 1,
    as_json: settings.Json = False,
) -> int:
    """Show programs, rates, lag, desks, dead letters and spools of a deployment that runs."""
    targets = targets_of(deployment, metrics)
    settings.within("--every", every, 1, EVERY_MAX)
    screen = console()
    if as_json and not once:
        raise Refused("--json: one document is one look; allowed: with --once")
    if not once and not screen.is_terminal:
        raise Refused("standard output is no terminal; allowed: with --once")
    with Stop():
        if not once:
            watch(screen, targets, every)
        return one_look(screen, targets, every, as_json=as_json)


def targets_of(deployment: Path | None, metrics: Sequence[str] | None) -> Targets:
    """Return address -> program, empty where it will say itself; raises Refused unless one option names them."""
    from connectors.scrape import target_of

    if (deployment is None) == (not metrics):
        raise Refused("--deployment or --metrics: name the programs with one of them")
    if deployment is not None:
        return {target_of(address): program for program, address in metrics_of(deployment).items()}
    return {target_of(address): "" for address in metrics or ()}


def metrics_of(path: Path) -> dict[str, str]:
    """Read the table [metrics] of a deployment: program -> host:port. Raises Refused naming file and field."""
    try:
        found = tomllib.loads(settings.readable_file("--deployment", path).read_text("utf-8")).get("metrics")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise Refused(f"--deployment {path}: {err}; allowed: TOML") from None
    if not isinstance(found, dict) or not found:
        raise Refused(f'--deployment {path}: has no table [metrics]; allowed: lines as market = "127.0.0.1:9102"')
    wrong = [name for name, address in found.items() if not isinstance(address, str)]
    if wrong:
        raise Refused(f"--deployment {path}: metrics.{wrong[0]} {found[wrong[0]]!r}; allowed: text, as HOST:PORT")
    return found


def one_look(screen: "Console", targets: Targets, every: int, *, as_json: bool = False) -> int:
    """Look twice, show once; returns the exit code."""
    from connectors.scrape import looks

    before = looks(list(targets))
    time.sleep(every)
    seen = looks(list(targets))
    found = document(targets, before, seen)
    if as_json:
        put_json({"at_ns": time.time_ns(), "seconds": every, **found})
    else:
        screen.print(picture(found))
    return OK if all(row["up"] and row["ready"] for row in found["programs"]) else DIFFERS


def watch(screen: "Console", targets: Targets, every: float) -> None:
    """Look again and again until interrupted, always at the same place of the terminal."""
    from rich.live import Live

    from connectors.scrape import looks

    before: list[Seen] = []
    with Live(console=screen, screen=True, auto_refresh=False) as live:
        while True:
            seen = looks(list(targets))
            live.update(picture(document(targets, before, seen), ROWS_LIVE), refresh=True)
            before = seen
            time.sleep(every)


# ---- numbers ------------------------------------------------------------------------------------------------------


class View:
    """One program at two looks: its numbers, and how they grew."""

    def __init__(self, name: str, before: "Seen | None", seen: "Seen") -> None:
        """Take the name that the deployment gives it, or '' to take its own word, and what it answered."""
        self._before, self._seen = before, seen
        info = next((dict(labels) for labels in seen.metrics.get(f"{PREFIX}info", {})), {})
        self.name = name or info.get("program") or seen.address
        self.version, self.config = info.get("version", ""), info.get("config", "")
        old = before is not None and before.up and seen.up
        self._seconds = seen.at - before.at if before is not None and old else 0.0

    def series(self, metric: str, **where: str) -> Iterator[tuple[dict[str, str], float, float | None]]:
        """Yield labels, value and growth a second; the growth is None where there was no look before.

        What fell began again at 0, as Prometheus reads it.
        """
        name = PREFIX + metric
        old = self._before.metrics.get(name, {}) if self._before is not None else {}
        for labels, value in self._seen.metrics.get(name, {}).items():
            named = dict(labels)
            if all(named.get(key) == wanted for key, wanted in where.items()):
                was = old.get(labels, 0.0)
                grown = value - was if value >= was else value
                yield named, value, round(grown / self._seconds, 3) if self._seconds > 0 else None

    def number(self, metric: str, **where: str) -> float | int | None:
        """Return the sum of a metric's series; None where there is none."""
        found = [value for _, value, _ in self.series(metric, **where)]
        return _plain(sum(found)) if found else None

    def rate(self, metric: str, **where: str) -> float | None:
        """Return how fast their sum grows, each second; None where there was no look before, or no series."""
        found = [rate for _, _, rate in self.series(metric, **where) if rate is not None]
        return round(sum(found), 3) if found else None

    def names(self, metric: str, label: str) -> list[str]:
        """Return the values of a label, sorted."""
        return sorted({labels[label] for labels, _, _ in self.series(metric)})

    @property
    def about(self) -> Row:
        """The program itself."""
        seen = self._seen
        wrong = seen.wrong or "; ".join(f"{check}: {what}" for check, what in sorted(seen.unwell.items()))
        return {
            "program": self.name,
            "address": seen.address,
            "up": seen.up,
            "ready": seen.up and not seen.unwell,
            "epoch_age_s": self.number("epoch_age_seconds"),
            "epoch_s": self.number("epoch_seconds"),
            "version": self.version,
            "config": self.config,
            "wrong": wrong,
        }


def document(targets: Mapping[str, str], before: "Sequence[Seen]", seen: "Sequence[Seen]") -> Document:
    """Put everything together: section -> rows; each row says of which program it is."""
    old: Sequence[Seen | None] = before or [None] * len(seen)
    views = [View(targets[now.address], was, now) for was, now in zip(old, seen, strict=True)]
    return {
        "programs": [view.about for view in views],
        "lanes": [row for view in views for row in _lanes(view)],
        "desks": [row for view in views for row in _desks(view)],
        "partitions": [row for view in views for row in _partitions(view)],
        "dead_letters": [row for view in views for row in _counted(view, "dead_letters_total", "lane", "reason")],
        "incidents": [row for view in views for row in _counted(view, "incidents_total", "scope", "family")],
        "spools": [row for view in views for row in _spools(view)],
        "waiting": [row for view in views for row in _waiting(view)],
        "metrics": [row for view in views for row in _counted(view, "collect_errors_total", "collect") if row["count"]],
    }


def _lanes(view: View) -> Iterator[Row]:
    for lane in view.names("frames_total", "lane"):
        yield {
            "program": view.name,
            "lane": lane,
            "frames_per_s": view.rate("frames_total", lane=lane),
            "facts_per_s": view.rate("facts_total", lane=lane),
            "frames": view.number("frames_total", lane=lane),
            "facts": view.number("facts_total", lane=lane),
            "dead_letters": view.number("dead_letters_total", lane=lane) or 0,
            "gaps": view.number("gaps_total", lane=lane),
            "resyncs": view.number("resyncs_total", lane=lane),
        }


def _desks(view: View) -> Iterator[Row]:
    for desk in view.names("entries_total", "desk"):
        reasons = sorted(view.series("reasons_total", desk=desk), key=lambda each: (-each[1], each[0]["reason"]))
        yield {
            "program": view.name,
            "desk": desk,
            "entries_per_s": view.rate("entries_total", desk=desk),
            "intents_per_s": view.rate("intents_total", desk=desk),
            "decisions_per_s": view.rate("decisions_total", desk=desk),
            "votes_per_s": view.rate("votes_total", desk=desk),
            "entries": view.number("entries_total", desk=desk),
            "orders": view.number("orders_total", desk=desk),
            "fills": view.number("fills_total", desk=desk),
            "invalid": view.number("invalid_envelopes_total", desk=desk),
            "verdicts": {at["verdict"]: _plain(value) for at, value, _ in view.series("decisions_total", desk=desk)},
            "reasons": [{"reason": at["reason"], "count": _plain(n), "per_s": rate} for at, n, rate in reasons],
        }


def _partitions(view: View) -> Iterator[Row]:
    for labels, lag, _ in view.series("lag_records"):
        where = {"topic": labels["topic"], "partition": labels["partition"]}
        yield {
            "program": view.name,
            **where,
            "lag_records": _plain(lag),
            "age_s": view.number("lag_age_seconds", **where),
            "repeats": view.number("repeats_total", **where),
            "refused": view.number("refused_records_total", **where),
            "near_log_start": bool(view.number("near_log_start", **where)),
            "near_end_of_ids": bool(view.number("near_end_of_ids", **where)),
            "trouble": bool(view.number("client_trouble", **where)),
        }


def _counted(view: View, metric: str, *labels: str) -> Iterator[Row]:
    for named, value, rate in view.series(metric):
        yield {"program": view.name, **{each: named[each] for each in labels}, "count": _plain(value), "per_s": rate}


def _spools(view: View) -> Iterator[Row]:
    for labels, used, _ in view.series("spool_bytes"):
        spool = labels["spool"]
        states = [at["state"] for at, value, _ in view.series("spool_state", spool=spool) if value]
        share = view.number("spool_share", spool=spool)
        yield {
            "program": view.name, "spool": spool, "bytes": _plain(used), "share": share, "state": ", ".join(states)
        }  # fmt: skip


def _waiting(view: View) -> Iterator[Row]:
    for labels, value, _ in view.series("waiting_records"):
        yield {"program": view.name, "for": labels["topic"], "waiting": _plain(value), "errors": None}
    rows = view.number("store_pending_rows")
    if rows is not None:
        yield {"program": view.name, "for": "store", "waiting": rows, "errors": view.number("store_errors_total")}


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) else round(value, 3)


# ---- the picture --------------------------------------------------------------------------------------------------


def picture(found: Document, most: int = 0) -> RenderableType:
    """Make tables of what was found, the fullest partitions first; with `most` no section has more rows than that."""
    parts: list[RenderableType] = []
    partitions = sorted(found["partitions"], key=lambda row: -_number(row["lag_records"]))
    shown = {**found, "desks": [_short(row) for row in found["desks"]], "partitions": partitions}
    shown["votes by reason"] = [
        {"desk": row["desk"], **reason} for row in found["desks"] for reason in _dicts(row["reasons"])[:REASONS]
    ]
    for title, rows in shown.items():
        if not rows:
            continue
        parts += [
            Text(title.replace("_", " "), style="bold"),
            table_of(list(rows[0]), [list(row.values()) for row in _most(rows, most)]),
        ]
        left = len(rows) - most if most else 0
        parts.append(Text(f"and {left} more\n" if left > 0 else "", style="dim"))
    return Group(*parts)


def _most(rows: list[Row], most: int) -> list[Row]:
    return rows[:most] if most else rows


def _short(row: Row) -> Row:
    return {key: value for key, value in row.items() if key != "reasons"}


def _dicts(value: object) -> list[Row]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
