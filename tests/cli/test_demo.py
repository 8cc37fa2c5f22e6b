"""`python -m cli.demo`: a fresh store each time, plain progress, the closing lines that `make demo` promises."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import demo, run, settings
from contracts.base import Refused
from flows.desks import Desk
from tests.cli.summaries import summary

VENUES = ("kalshi", "polymarket", "binance", "bitget")
DESK = Desk("lab", "paper", "paper", 10_000_000_000, "lab", ("risk.kill_switch",), {"risk.kill_switch": "enforced"})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a small pack; the working folder beside it is empty."""
    pack = tmp_path / "fixtures"
    pack.mkdir()
    (pack / "demo.toml").write_text('[captures.one]\nfile = "one.jsonl"\n[captures.two]\nfile = "two.jsonl"\n')
    for name in ("one.jsonl", "two.jsonl", "demo_instruments.jsonl"):
        (pack / name).write_text("{}\n")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(demo, "FIXTURES", pack)
    return pack


def test_the_pack_names_its_captures(folder: Path) -> None:
    """The captures are those of demo.toml, in its order, with the instrument records beside them."""
    captures = (folder / "one.jsonl", folder / "two.jsonl")
    assert demo.pack(folder) == (captures, folder / "demo_instruments.jsonl")
    (folder / "demo_instruments.jsonl").unlink()
    assert demo.pack(folder) == (captures, None)


def test_a_pack_with_a_hole_is_refused(folder: Path) -> None:
    """A capture that the pack names and that is not there is named."""
    (folder / "two.jsonl").unlink()
    with pytest.raises(Refused, match=r"two.jsonl: no such file"):
        demo.pack(folder)


def test_an_absent_pack_is_made(tmp_path: Path) -> None:
    """Where no pack is, the generator makes it: what it makes are captures that can be read."""
    captures, records = demo.pack(tmp_path / "new")
    assert [path.name for path in captures] == [f"demo_{venue}.jsonl.gz" for venue in VENUES]
    assert records == tmp_path / "new" / "demo_instruments.jsonl"


def test_the_demo_closes_with_its_table_and_report(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs the pack into a fresh store and says the frames, the table, the report and what to type next."""
    store = settings.DEMO_STORE
    store.mkdir(parents=True)
    (store / "yesterday").write_text("x")
    asked: list[object] = []

    def drive(*given: object, **named: object) -> dict[str, object]:
        asked.append((given, named, store.exists()))
        store.mkdir()
        return summary()

    class Reader:
        def __enter__(self) -> "Reader":
            return self

        def __exit__(self, *_: object) -> None:
            asked.append("closed")

    monkeypatch.setattr(run, "drive", drive)
    monkeypatch.setattr(demo, "load_desk", lambda name, config: DESK)
    monkeypatch.setattr(demo, "opened", lambda path: Reader())
    monkeypatch.setattr(demo, "write_report", lambda reader, html: asked.append(html))
    shown = CliRunner().invoke(demo.app, ["demo"])
    lines = shown.stdout.splitlines()
    captures = (folder / "one.jsonl", folder / "two.jsonl")
    named = {"plain": True, "instruments": folder / "demo_instruments.jsonl", "store": store, "batch": 256}
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert asked == [((captures, DESK, settings.CONFIG), named, False), Path("build/demo/report.html"), "closed"]
    assert lines[0] == "frames: 1500"
    assert "report: build/demo/report.html" in lines
    assert lines[-3] == "next: pt report --store build/demo/store --html report.html"


def test_a_store_in_use_is_not_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a process holds the demo's store it stays, and the line names that process."""
    from connectors.store import StoreLock

    store = settings.DEMO_STORE
    store.mkdir(parents=True)
    lock = StoreLock(store)
    monkeypatch.setattr(demo, "load_desk", lambda name, config: DESK)
    shown = CliRunner().invoke(demo.app, ["demo"])
    lock.release()
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "store is held by process" in shown.stderr
    assert store.is_dir()
    assert folder.is_dir()
