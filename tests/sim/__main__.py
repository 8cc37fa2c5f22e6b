"""Run the simulation from the command line: `python -m tests.sim --seeds 200 --from 0`, or one seed with `--seed N`.

Exit code 0: every rule held; 1: one was broken, and the seed, the commit and the command to see it again are printed.
"""

import argparse
import sys
import time
from collections import Counter
from itertools import islice

from tests.sim.defects import DEFECTS, planted
from tests.sim.seeds import Outcome, all_played, played, told
from tests.sim.world import world

EVERY_S = 2.0


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description="Run the simulation.")
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds (default: %(default)s)")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--workers", type=int, default=1, help="processes to share the seeds among")
    parser.add_argument("--defect", choices=[defect.name for defect in DEFECTS], help="plant a defect first")
    parser.add_argument("--verbose", action="store_true", help="with --seed: what the seed is made of")
    chosen = parser.parse_args(arguments)
    if chosen.defect:
        with planted(next(defect for defect in DEFECTS if defect.name == chosen.defect)):
            return _many(chosen.first, chosen.seeds, 1)
    if chosen.seed is not None:
        return _one(chosen.seed, chosen.verbose)
    return _many(chosen.first, chosen.seeds, chosen.workers)


def _one(seed: int, verbose: bool) -> int:
    outcome = played(seed)
    if verbose:
        day = world(seed)
        print(f"frames {len(day.frames)}, gambler {day.gambles} of 1000, broken guard {day.broken}, echo {day.echoes}")
        print(f"desk {day.desk}")
        for press in day.presses:
            print(f"press after frame {press.after} at {press.at_ns}: {press.payload}")
        for name, count in sorted(outcome.counts.items()):
            print(f"{count:8} {name}")
    print(told(outcome) if outcome.broken else f"seed {seed}: every rule held")
    return 1 if outcome.broken else 0


def _many(first: int, count: int, workers: int) -> int:
    begun, shown, done, counts = time.monotonic(), 0.0, 0, Counter[str]()
    red: list[Outcome] = []
    for outcome in islice(all_played(range(first, first + count), workers), count):
        done, counts = done + 1, counts + outcome.counts
        if outcome.broken:
            red.append(outcome)
            print(told(outcome), flush=True)
        seconds = time.monotonic() - begun
        if seconds - shown >= EVERY_S or done == count:
            shown = seconds
            print(f"{done}/{count} seeds, {seconds:.0f} s, {len(red)} broken", file=sys.stderr, flush=True)
    names = ("frames", "RiskDecision", "AuthorisedOrder", "Fill", "commands", "inserts", "inserts that failed")
    crashes = sum(number for name, number in counts.items() if name.startswith("crash"))
    print(", ".join([*(f"{counts[name]} {name}" for name in names), f"{crashes} crashes"]))
    print(f"{done} seeds from {first}: {len(red)} broken")
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
