"""What a desk may trade, shown and changed on the command line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli import settings
from contracts.base import Refused
from tests import world


def pt(*words: object) -> "subprocess.CompletedProcess[str]":
    """Run `pt` as a person does."""
    command = [sys.executable, "-m", "cli.main", *map(str, words)]
    return subprocess.run(command, cwd=world.ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_lists_are_set_shown_and_removed(tmp_path: Path) -> None:
    """Each verb sets its own list; without names it removes it; a wrong name is exit code 2 and changes nothing."""
    shutil.copytree(world.ROOT / "config", tmp_path / "config")
    where = ("--config", tmp_path / "config", "--json")
    for kind in ("market-ids", "event-tickers", "series-tickers"):
        done = pt("config", f"set-allowed-{kind}", "lab", "A1", "B2", *where)
        assert (0, ["A1", "B2"]) == (done.returncode, json.loads(done.stdout)[f"allowed_{kind.replace('-', '_')}"])
    wrong = pt("config", "set-allowed-market-ids", "lab", "A1", "A1", *where)
    assert (2, "", True) == (wrong.returncode, wrong.stdout, "names something twice: A1, A1" in wrong.stderr)
    pt("config", "set-allowed-event-tickers", "lab", *where)
    told = json.loads(pt("config", "show", "lab", *where).stdout)
    assert {
        "desk": "lab", "mode": "paper", "scope": [], "allowed_market_ids": ["A1", "B2"],
        "allowed_event_tickers": [], "allowed_series_tickers": ["A1", "B2"],
    } == told  # fmt: skip


def test_lists_that_are_typed() -> None:
    """Names apart by commas; an empty one is refused; none typed is none."""
    assert settings.scope_of(None, None, None) is None
    assert (("A", "B"), (), ("S",)) == settings.scope_of("A, B", None, "S")
    for text in ("A,,B", "", "A,A"):
        with pytest.raises(Refused, match="--event-tickers"):
            settings.scope_of(None, text, None)
