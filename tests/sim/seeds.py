"""Run seeds, stop at the first rule that is broken, and say how to see it again."""

import gc
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.sim import build
from tests.sim.build import Functions
from tests.sim.ends import Seed, counted, violations
from tests.sim.harness import disturbed, undisturbed
from tests.sim.wire import in_turn
from tests.sim.world import World, world

ROOT = Path(__file__).resolve().parent.parent.parent
CHUNK = 25


@dataclass(frozen=True)
class Outcome:
    """What one seed came to: the broken rules as (name, what is wrong), and what happened in it."""

    seed: int
    broken: tuple[tuple[str, str], ...]
    counts: Counter[str] = field(default_factory=Counter, compare=False)


def played(seed: int) -> Outcome:
    """Run one seed; an exception anywhere is a broken rule too. About 0.2 s.

    What a seed makes is dropped whole at its end: looking for cycles in between finds nothing, and costs 4 %.
    """
    build.untrue.clear()
    gc.disable()
    try:
        return _judged(world(seed))
    except Exception as err:
        return Outcome(seed, (("nothing_raises", f"{type(err).__name__}: {err}"),))
    finally:
        gc.enable()


def _judged(day: World) -> Outcome:
    functions = Functions(*day.broken)
    rough = disturbed(day, functions)
    calm = undisturbed(day, functions, in_turn([log.items for log in rough.shared.raw.values()]))
    counts = counted(calm) + rough.stats
    counts["frames"], counts["commands"] = len(day.frames), len(day.presses)
    return Outcome(day.seed, tuple(violations(Seed(day, calm, rough, functions))), counts)


def all_played(seeds: Iterable[int], workers: int = 1) -> Iterator[Outcome]:
    """Yield the outcomes of seeds, in their order; with more workers they are shared out among processes."""
    if workers <= 1:
        yield from map(played, seeds)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(played, seeds, chunksize=CHUNK)


def commit() -> str:
    """Return the commit that is checked out, and whether files differ from it; `unknown` where there is no git."""
    asked = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return asked.stdout.strip() or "unknown"


def told(outcome: Outcome) -> str:
    """Say what is broken in a seed, at which commit, and how to see it again."""
    lines = [f"seed {outcome.seed} at commit {commit()}"]
    lines += [f"  {name}: {why}" for name, why in outcome.broken]
    return "\n".join([*lines, f"  again: python -m tests.sim --seed {outcome.seed} --verbose"])
