"""flows.sweep: every point in a process of its own, kept at once, never run twice, and none pulls another down."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.errors import CaptureError
from contracts.base import Refused
from flows import embedded
from flows import sweep as module
from flows.desks import load_desk
from flows.grid import axes_of, points_of
from flows.point import Outcome, kept
from flows.sweep import Settings, Swept, planned, span_ns, sweep
from tests.flows import dying
from tests.flows.captures import INSTRUMENTS, ROOT, small

CONFIG = ROOT / "config"
SETS = ["strat.maker_tight.gamma=0.1,0.4", "strat.maker_tight.clip_usd=15,40"]


def silent(done: int, total: int) -> None:
    """Say nothing."""


def settings_of(capture: Path, out: Path, sets: list[str] | None = None) -> Settings:
    """Return a sweep of four points."""
    points = points_of(axes_of(sets or SETS), "lab", CONFIG)
    return Settings((capture,), tuple(points), out, INSTRUMENTS, CONFIG)


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 lines of the pack."""
    return small(tmp_path_factory.mktemp("captures") / "small.jsonl", 3_000)


@pytest.fixture(scope="module")
def done(capture: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Swept, list[tuple[int, int]]]:
    """Four points, two at a time, and what was said of progress."""
    told: list[tuple[int, int]] = []
    settings = settings_of(capture, tmp_path_factory.mktemp("sweeps") / "deep" / "out")
    return settings, sweep(settings, 2, lambda *said: told.append(said)), told


def digest(outcome: Outcome | None) -> object:
    """The digest of all decisions of a point."""
    assert outcome is not None
    return outcome.summary["decision_digest"]


def test_each_point_equals_its_single_run(capture: Path, done: tuple[Settings, Swept, list[tuple[int, int]]]) -> None:
    """The decision digest of every point is that of one run with `--set` of the same values, in this process."""
    settings, swept, _ = done
    single = []
    for point in settings.points:
        desk = load_desk("lab", CONFIG, [f"{name}={value}" for name, value in point.values])
        run = embedded.Settings((capture,), desk, instruments=INSTRUMENTS, config=CONFIG, validate=False)
        single.append(embedded.run(run).summary["decision_digest"])
    assert [digest(outcome) for outcome in swept.outcomes] == single
    assert len(set(single)) == 4
    assert (swept.failures, swept.reused) == ({}, 0)


def test_progress_counts_points(done: tuple[Settings, Swept, list[tuple[int, int]]]) -> None:
    """From none to all, one at a time."""
    assert done[2] == [(number, 4) for number in range(5)]


def test_nothing_is_run_twice(done: tuple[Settings, Swept, list[tuple[int, int]]], capture: Path) -> None:
    """Again, with a value more: what is there is read, not touched; only the two new points run."""
    settings, swept, _ = done
    before = {file.name: file.stat().st_mtime_ns for file in settings.out.iterdir()}
    again = sweep(settings, 2, silent)
    assert (again.reused, again.outcomes) == (4, swept.outcomes)
    more = sweep(settings_of(capture, settings.out, [f"{SETS[0]},0.8", SETS[1]]), 2, silent)
    assert (more.reused, len(more.outcomes), more.failures) == (4, 6, {})
    assert before == {name: (settings.out / name).stat().st_mtime_ns for name in before}


def test_a_point_that_fails_is_named_and_the_others_stay(capture: Path, tmp_path: Path) -> None:
    """A capture that changes under the sweep is found in the next point's process, in words; the first one stays."""
    own = tmp_path / "own.jsonl"
    own.write_bytes(capture.read_bytes())
    settings = settings_of(own, tmp_path / "out", SETS[:1])
    first = planned(settings)[0][0].key

    def change(finished: int, total: int) -> None:
        if finished == 1:
            own.write_bytes(capture.read_bytes() + b"{}\n")

    swept = sweep(settings, 1, change)
    assert kept(settings.out, first) is not None
    assert list(swept.failures) == [1]
    assert all("a capture, the instrument records" in why for why in swept.failures.values())
    assert [outcome is None for outcome in swept.outcomes] == [False, True]


def test_a_process_that_dies_is_one_failed_point(
    capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed costs its point, named with the signal; the others end well, and a repeat does it."""
    monkeypatch.setattr(module, "_work", dying.work)
    settings = settings_of(capture, tmp_path / "out", [f"{SETS[0]},0.8"])
    swept = sweep(settings, 2, silent)
    assert swept.failures == {1: "its process ended with -9"}
    assert [outcome is None for outcome in swept.outcomes] == [False, True, False]
    monkeypatch.undo()
    again = sweep(settings, 2, silent)
    assert (again.reused, again.failures) == (2, {})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda given, out: replace(given, out=out / "file"), "file: cannot be a folder of results"),
        (lambda given, out: replace(given, out=out / "file" / "deep"), "deep: cannot be a folder of results"),
        (lambda given, out: replace(given, captures=(out / "file",)), "unknown format"),
        (lambda given, out: replace(given, captures=(out / "none",)), "none: "),
    ],
)
def test_bad_input_is_refused_before_anything_runs(
    capture: Path, tmp_path: Path, change: Callable[[Settings, Path], Settings], named: str
) -> None:
    """A folder that cannot be one, or a capture that is none: refused, and no process was started."""
    (tmp_path / "file").write_text("words\n")
    told: list[tuple[int, int]] = []
    with pytest.raises((Refused, CaptureError)) as refused:
        sweep(change(settings_of(capture, tmp_path / "out"), tmp_path), 2, lambda *said: told.append(said))
    assert named in str(refused.value)
    assert told == []


def test_points_that_mean_different_things_have_different_names(capture: Path, tmp_path: Path) -> None:
    """Six combinations are six files, whatever their order in the grid; captures are named with their content."""
    sets = ["strat.maker_tight.gamma=0.1,0.2,0.3", "risk.exposure.cap_total_usd=100,200"]
    (one, sources), (other, _) = (planned(settings_of(capture, tmp_path, given)) for given in (sets, sets[::-1]))
    assert len({task.key for task in one}) == 6
    assert {task.key for task in one} == {task.key for task in other}
    assert [name for name, _ in sources] == ["small.jsonl"]


def test_the_span_is_first_to_last_arrival(capture: Path) -> None:
    """As the lines of the capture say."""
    arrivals = [json.loads(line)["at_ns"] for line in capture.read_text().splitlines()[1:]]
    assert span_ns([capture]) == (min(arrivals), max(arrivals))
