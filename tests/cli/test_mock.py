"""`pt mock`: a venue in a process of its own, from its first line to its end."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.venues import mock_process

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("venue", ["kalshi", "polymarket", "bitget", "binance"])
def test_a_venue_is_up_soon_and_says_where(venue: str) -> None:
    """The first line is the base address; state, modes and keys answer there."""
    begun = time.monotonic()
    with mock_process(venue) as running:
        took = time.monotonic() - begun
        assert running.base_url.startswith("http://127.0.0.1:")
        assert venue == running.state()["venue"]
        assert "accept_and_hang" in running.modes()["modes"]
        assert venue == running.keys["venue"]
    assert 3.0 > took, "under a second on a machine with nothing else to do"


def test_it_ends_well_when_it_is_interrupted() -> None:
    """Ctrl-C and a supervisor's stop both end it with 0, without a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        words = [sys.executable, "-m", "cli.main", "mock", "bitget"]
        with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(number)
            _, said = process.communicate(timeout=10)
            assert 0 == process.returncode
            assert "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["nasdaq"], "nasdaq"),
        (["kalshi", "--port", "70000"], "70000"),
        (["kalshi", "--credentials", "none.json"], "none"),
    ],
)
def test_bad_input_is_one_line(words: list[str], named: str) -> None:
    """An unknown venue, port or file ends with 2 and names itself."""
    said = CliRunner().invoke(app, ["mock", *words])
    assert 2 == said.exit_code
    assert named in said.stderr
