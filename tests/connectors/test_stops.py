"""Anything that says stop stops; what cannot be read says stop."""

from pathlib import Path

import msgspec
import pytest

from bots.maths.safety import ALLOW, BLOCK, CLOSE_ONLY, FLATTEN
from connectors.stops import FREE, Stops
from contracts.control import SafetyState


def said(level: str, *, cancel_all: bool = False) -> bytes:
    """Return a state as the control plane writes it."""
    return msgspec.json.encode(SafetyState("NORMAL", level, (), 1, cancel_all, 1, "RISK_KILL_SWITCH_CLEAR"))


def test_nothing_said_lets_everything_leave(tmp_path: Path) -> None:
    """No file, no variable, no state asked for."""
    assert FREE == Stops(tmp_path / "veto", None, {}).level()


@pytest.mark.parametrize("text", ["", "all", "desk", "desk:", "desk:lab", "stop everything", "market:M9\nall"])
def test_a_file_stops(tmp_path: Path, text: str) -> None:
    """Empty, a word that is no name, and a name of ours."""
    (tmp_path / "veto").write_text(text)
    assert BLOCK == Stops(tmp_path / "veto", None, {}).level({"desk": "lab"}).place


def test_a_file_that_names_another_lets_us_be(tmp_path: Path) -> None:
    """And is known to name something."""
    (tmp_path / "veto").write_text("desk:bot9\nmarket:M2\n")
    stops = Stops(tmp_path / "veto", None, {})
    assert (FREE, True, BLOCK) == (stops.level({"desk": "lab"}), stops.narrowed(), stops.level({"market": "M2"}).place)


def test_a_file_that_cannot_be_read_stops(tmp_path: Path) -> None:
    """A folder in its place, bytes that are no text, and a folder that is away."""
    (tmp_path / "veto").mkdir()
    assert BLOCK == Stops(tmp_path / "veto", None, {}).level().place
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    assert BLOCK == Stops(tmp_path / "bytes", None, {}).level().place
    assert BLOCK == Stops(tmp_path / "away" / "veto", None, {}).level().place


@pytest.mark.parametrize(
    ("value", "place"), [("1", BLOCK), ("yes", BLOCK), ("0", ALLOW), ("", ALLOW), (" OFF ", ALLOW)]
)
def test_the_environment_stops(tmp_path: Path, value: str, place: int) -> None:
    """Anything but unset, empty, 0, false, no, off."""
    assert place == Stops(tmp_path / "veto", None, {"BOT_DISABLE_TRADING": value}).level().place


@pytest.mark.parametrize(
    ("text", "place", "cancels"),
    [
        (said("ALLOW"), ALLOW, False),
        (said("ALLOW", cancel_all=True), ALLOW, True),
        (said("CLOSE_ONLY"), CLOSE_ONLY, False),
        (said("FLATTEN"), FLATTEN, False),
        (said("BLOCK"), BLOCK, True),
        (said("OTHER"), BLOCK, True),
        (b"{", BLOCK, False),
        (None, BLOCK, False),
    ],
)
def test_the_state_stops(tmp_path: Path, text: bytes | None, place: int, cancels: bool) -> None:
    """Its level counts; a word that is none, half a file and no file are BLOCK. What is unreadable cancels nothing."""
    if text is not None:
        (tmp_path / "state").write_bytes(text)
    level = Stops(tmp_path / "veto", tmp_path / "state", {}).level()
    assert (place, cancels) == (level.place, level.cancel_all)


def test_the_strictest_counts(tmp_path: Path) -> None:
    """A state that allows does not take a file's stop away, nor the other way round."""
    (tmp_path / "state").write_bytes(said("CLOSE_ONLY"))
    stops = Stops(tmp_path / "veto", tmp_path / "state", {})
    assert CLOSE_ONLY == stops.level().place
    (tmp_path / "veto").touch()
    assert (BLOCK, True) == (stops.level().place, stops.level().source.startswith("file:"))
