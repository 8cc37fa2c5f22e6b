"""The smallest fleet of the bot benchmark still trades, so that its cost is that of a working desk."""

from bots.registry import library
from flows import stream
from flows.bench import _path
from flows.bench_bots import SMALLEST


def test_the_smallest_fleet_trades() -> None:
    """With every other bot off, quotes still reach the venue."""
    built = [row.id for row in library().rows if library().has_module(row.id) and row.runs_in != "govern"]
    raw, before = stream.frames(15_000, 20), stream.opening(15_000, 20)
    _, recorder, _ = _path(raw, before, 20, None, off=[bot for bot in built if bot not in SMALLEST])
    assert recorder.tally.counts["orders"] > 0
