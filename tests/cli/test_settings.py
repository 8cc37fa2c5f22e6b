"""Times, files and bounds as they are typed."""

from pathlib import Path

import pytest

from cli import settings
from contracts.base import Refused

NOON = 1_767_268_800_000_000_000  # 2026-01-01T12:00:00Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        (str(NOON + 7), NOON + 7),
        ("2026-01-01T12:00:00Z", NOON),
        ("2026-01-01T12:00:00", NOON),
        ("2026-01-01 12:00:00", NOON),
        ("2026-01-01T12:00:00.000000007Z", NOON + 7),
        ("2026-01-01T12:00:00.5", NOON + 500_000_000),
        ("2026-01-01T13:30:00.25+01:30", NOON + 250_000_000),
        ("2026-01-01T10:30:00,123456789-01:30", NOON + 123_456_789),
        ("2026-01-01T12:00Z", NOON),
        ("2026-01-01", NOON - 43_200_000_000_000),
    ],
)
def test_times_are_read_to_the_nanosecond(text: str, expected: int) -> None:
    """Digits are nanoseconds; ISO 8601 keeps nine digits and means UTC unless it names a zone."""
    assert settings.instant("--at", text) == expected


@pytest.mark.parametrize("text", ["", "noon", "-5", "1.5", "2026-13-01", "2026-01-01T25:00:00Z", "12:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """The refusal names the option and both spellings that are allowed."""
    with pytest.raises(Refused, match=r"--since .*nanoseconds since 1970, or ISO 8601"):
        settings.instant("--since", text)


def test_captures_must_be_files_with_something_in_them(tmp_path: Path) -> None:
    """None, a missing one, a folder, an empty one and the same one twice are each refused by name."""
    good, empty = tmp_path / "good.jsonl", tmp_path / "empty.jsonl"
    good.write_text("{}\n")
    empty.write_text("")
    link = tmp_path / "link.jsonl"
    link.symlink_to(good)
    assert settings.captures_of([good]) == (good,)
    cases: list[tuple[list[Path] | None, str]] = [
        (None, "--capture is missing"),
        ([], "--capture is missing"),
        ([good, tmp_path / "none"], "none: no such file"),
        ([tmp_path], "is a folder"),
        ([good, empty], "empty.jsonl: is empty"),
        ([good, good], "named twice"),
        ([good, link], "link.jsonl: named twice"),
    ]
    for paths, why in cases:
        with pytest.raises(Refused, match=why):
            settings.captures_of(paths)


def test_an_unreadable_capture_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be read is refused with the system's reason."""
    file = tmp_path / "secret.jsonl"
    file.write_text("{}\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(Refused, match=r"secret.jsonl: cannot be read \(Permission denied\)"):
        settings.captures_of([file])


def test_a_store_to_read_must_be_there(tmp_path: Path) -> None:
    """A missing or empty folder and a file are refused, with the command that would make a store."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(Refused, match="make one with: pt run --capture FILE --store"):
        settings.old_store(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match="no store there"):
        settings.old_store(tmp_path / "empty")
    with pytest.raises(Refused, match=r"STORE_A .*: is a file"):
        settings.old_store(tmp_path / "file", "STORE_A")


@pytest.mark.parametrize("value", [0, -1, 100_001])
def test_a_number_outside_its_bounds_names_them(value: int) -> None:
    """The bounds themselves are allowed; beyond them the refusal says both."""
    assert [settings.within("--batch", bound, 1, 100_000) for bound in (1, 100_000)] == [1, 100_000]
    with pytest.raises(Refused, match=f"--batch {value}: out of bounds; allowed: 1 to 100000"):
        settings.within("--batch", value, 1, 100_000)
