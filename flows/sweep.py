"""Run every point of a grid over the same captures, each in a process of its own, and keep each result in a file.

The file's name says everything that decides the result (`point.py`), so a sweep that was killed does, started again,
only what is missing, and two sweeps may share a folder. Processes are spawned, never forked: an engine that was opened
here must not cross a fork. A point that fails, or whose process dies, is named, and the others go on.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

from connectors.capture import open_capture
from connectors.freshness import budgets
from contracts.base import Refused
from flows import embedded
from flows.assemble import assembled
from flows.grid import Point
from flows.point import Outcome, keep, kept, key_of, run_point

Progress = Callable[[int, int], None]
Spelling = Callable[[BaseException], str]
JOBS_MAX = 256


@dataclass(frozen=True, slots=True)
class Settings:
    """What to sweep.

    captures     recordings, merged by arrival
    points       combinations, each with its desk
    out          folder of results
    instruments  instrument records for captures that carry none
    config       folder that holds desks/ and freshness.toml
    batch        frames handed on at once
    """

    captures: tuple[Path, ...]
    points: tuple[Point, ...]
    out: Path
    instruments: Path | None = None
    config: Path | None = None
    batch: int = 256


class Task(NamedTuple):
    """One point to run, and the name under which its result is kept."""

    place: int
    key: str
    run: embedded.Settings


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of every point, in the grid's order: its result, or None and why.

    sources  (file name, content id) of each capture
    reused   how many results were there already
    """

    keys: tuple[str, ...]
    outcomes: tuple[Outcome | None, ...]
    failures: dict[int, str]
    sources: tuple[tuple[str, str], ...]
    reused: int
    seconds: float


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def sweep(settings: Settings, jobs: int, progress: Progress, spell: Spelling = str) -> Swept:
    """Run what is missing, at most `jobs` points at a time; raises Refused or CaptureError before anything runs.

    `progress` is told (points done, points in all); `spell` puts a point's failure into words, in that point's process.
    """
    begun = time.perf_counter()
    tasks, sources = planned(settings)
    prepare(settings.out)
    results = {task.key: kept(settings.out, task.key) for task in tasks}
    waiting = [task for task in tasks if results[task.key] is None]
    progress(len(tasks) - len(waiting), len(tasks))
    failed = _drive(waiting, settings.out, min(jobs, max(1, len(waiting))), len(tasks), progress, spell)
    for task in waiting:
        results[task.key] = None if task.place in failed else kept(settings.out, task.key)
    failed |= {task.place: "its result is gone" for task in waiting
               if task.place not in failed and results[task.key] is None}  # fmt: skip
    return Swept(
        tuple(task.key for task in tasks),
        tuple(results[task.key] for task in tasks),
        dict(sorted(failed.items())),
        sources,
        len(tasks) - len(waiting),
        time.perf_counter() - begun,
    )


def planned(settings: Settings) -> tuple[list[Task], tuple[tuple[str, str], ...]]:
    """Return every point as a run with its key, and what the captures are; about 20 ms a point. Raises Refused."""
    runs = [
        embedded.Settings(
            captures=settings.captures,
            desk=point.desk,
            instruments=settings.instruments,
            config=settings.config,
            batch=settings.batch,
        )
        for point in settings.points
    ]
    first = embedded.prepared(runs[0])  # the others differ in their desk alone, so captures are opened once
    tasks = []
    for place, (point, run) in enumerate(zip(settings.points, runs, strict=True)):
        try:
            assembly = assembled(run.desk, budgets(run.config), at_ns=embedded.born_ns(first.captures))
        except Refused as err:
            raise Refused(f"{point.label}: {err}") from None
        run_id = embedded.identity(first.captures, assembly)
        tasks.append(Task(place, key_of(replace(first, settings=run, assembly=assembly, run_id=run_id)), run))
    return tasks, tuple((capture.path.name, capture.source_id) for capture in first.captures)


def span_ns(captures: Sequence[Path]) -> tuple[int, int]:
    """Return the first and the last arrival of captures; reads them through, about 2 µs a frame."""
    found = embedded.in_order([open_capture(path) for path in captures])
    return found[0].first_ns, max(frame.at_ns for capture in found for frame in capture)


def prepare(out: Path) -> None:
    """Make the folder of results; raises Refused where it cannot be one."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise Refused(f"--out {out}: cannot be a folder of results ({err.strerror}); allowed: a folder") from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise Refused(f"--out {out}: cannot be written to; allowed: a folder that can")


def _drive(
    waiting: Sequence[Task], out: Path, jobs: int, total: int, progress: Progress, spell: Spelling
) -> dict[int, str]:
    """Keep `jobs` processes busy until every task has ended; return why some failed, by place."""
    left, failed, done = list(reversed(waiting)), dict[int, str](), total - len(waiting)
    running: dict[Connection, tuple[BaseProcess, Task]] = {}
    try:
        while left or running:
            while left and len(running) < jobs:
                task = left.pop()
                process, answers = _started(task, out, spell)
                running[answers] = (process, task)
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                process, task = running.pop(ready)
                why = _ended(process, ready)
                if why:
                    failed[task.place] = why
                done += 1
                progress(done, total)
    finally:
        for process, _ in running.values():
            process.terminate()
        for process, _ in running.values():
            process.join()
    return failed


def _started(task: Task, out: Path, spell: Spelling) -> tuple[BaseProcess, Connection]:
    """Start the process of a point; a Ctrl-C is for the parent alone, which then ends its children."""
    context = get_context("spawn")
    answers, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(task, out, theirs, spell), daemon=True)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
    return process, answers


def _ended(process: BaseProcess, answers: Connection) -> str:
    """Return why a point failed; empty when its result is kept."""
    try:
        why = str(answers.recv())
    except (EOFError, OSError):
        why = ""
    answers.close()
    process.join()
    return why or (f"its process ended with {process.exitcode}" if process.exitcode else "")


def _work(task: Task, out: Path, answers: Connection, spell: Spelling) -> None:
    """Run one point in this process and keep its result; what the engine prints about an error is not shown."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    try:
        outcome = run_point(task.run)
        if outcome.key != task.key:
            raise Refused("a capture, the instrument records, the code or the environment changed during the sweep")
        keep(out, outcome)
    except Exception as err:
        answers.send(spell(err) or type(err).__name__)
