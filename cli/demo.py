"""Run the whole system once over the fixture pack, from nothing to a report, in under a minute.

Called by `make demo`. The store is made afresh each time, so that the demo never answers from yesterday's run.
"""

import shutil
import tomllib
from pathlib import Path

import typer

from cli import run, settings
from cli.main import Pt, end_with
from cli.output import put
from cli.store_verbs import opened, write_report
from contracts.base import Refused
from flows.desks import LAB, load_desk

FIXTURES = settings.ROOT / "fixtures"
PACK, INSTRUMENTS = "demo.toml", "demo_instruments.jsonl"
REPORT = settings.DEMO_STORE.parent / "report.html"


def pack(folder: Path) -> tuple[tuple[Path, ...], Path | None]:
    """Return the captures of the fixture pack and its instrument records; raises Refused for a pack that has a hole."""
    if not (folder / PACK).is_file():
        _make(folder)
    raw = tomllib.loads((folder / PACK).read_text("utf-8"))
    captures = [folder / part["file"] for part in raw.get("captures", {}).values()]
    records = folder / INSTRUMENTS
    return settings.captures_of(captures), records if records.is_file() else None


def _make(folder: Path) -> None:
    try:
        from scripts.make_fixtures import main as make
    except ImportError:
        raise Refused(f"{folder / PACK}: no such file; the pack and its maker stand in a checkout") from None
    make(["--into", str(folder)])


def emptied(store: Path) -> Path:
    """Remove the store of an earlier demo and return its place; raises StoreError while another process holds it."""
    if store.is_dir():
        from connectors.store import StoreLock

        StoreLock(store).release()
        shutil.rmtree(store)
    return store


def demo() -> int:
    """Run the demo; returns the exit code of the run."""
    captures, records = pack(FIXTURES)
    desk, store = load_desk(LAB, settings.CONFIG), emptied(settings.DEMO_STORE)
    summary = run.drive(
        captures, desk, settings.CONFIG, plain=True, instruments=records, store=store, batch=settings.BATCH
    )
    put(f"frames: {summary['frames']}")
    put("")
    run.show(summary)
    with opened(store) as reader:
        write_report(reader, REPORT)
    put(f"report: {REPORT}")
    run.put_next(summary, store)
    return run.verdict(summary)


app = typer.Typer(cls=Pt, add_completion=False, pretty_exceptions_enable=False)
app.command()(demo)


@app.callback()
def _only() -> None:
    """Run the demo."""


if __name__ == "__main__":
    end_with(app, ["demo"])
