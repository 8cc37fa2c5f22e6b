"""Say for each order of the schedule whether both venues filled it alike, and if not, why.

    python -m scripts.compare_hft.report RECORDING --symbol BTCUSDT --python OTHER_ENVIRONMENT/bin/python

A difference is explained by taking one rule away at a time: what the paper venue then gives for this order must be what
the other venue gave. What no rule explains is named, and the exit code is 1. docs/adr/0014 tells the rules.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from contracts.market import Fact
from operators.queue_models import Conservative, Queued
from scripts.compare_hft.ours import Outcome, Play, facts_of, write_plan

THEIRS = Path(__file__).with_name("theirs.py")
SAME, WHOLE, SHARED, ECHO, UNEXPLAINED = (
    "same",
    "theirs fills an order whole when its first lot is reached",
    "theirs lets every order of ours eat the same trade",
    "ours lets a decrease of the level explain the trades of a second",
    "unexplained",
)


class Eager(Conservative):
    """The conservative queue without the rule that a match is reported twice."""

    def met(self, market: int, order: Queued, lots: int, now: int) -> int:
        """Let the trade eat the queue, whatever came off the level before."""
        order.owed = 0
        return super().met(market, order, lots, now)


def main(arguments: list[str] | None = None) -> int:
    """Run both and compare; returns the exit code."""
    parser = argparse.ArgumentParser(description="Compare the paper venue with hftbacktest, order by order.")
    parser.add_argument("recording", type=Path)
    parser.add_argument("--symbol", default="BTCUSDT")
    parser.add_argument("--tick-micros", type=int, default=100_000, help="one tick in millionths: %(default)s")
    parser.add_argument("--python", required=True, help="python of an environment with requirements/compare.txt")
    parser.add_argument("--json", action="store_true", help="one document on standard output")
    chosen = parser.parse_args(arguments)
    facts = facts_of(chosen.recording, chosen.symbol, chosen.tick_micros)
    play = Play(facts, chosen.symbol).run()
    theirs = other_venue(play, chosen.recording, chosen.python)
    causes: Counter[str] = Counter()
    rows = []
    for number, ours in play.outcomes.items():
        cause = cause_of(ours, theirs.get(number, 0), facts, chosen.symbol)
        causes[cause] += 1
        if cause != SAME:
            rows.append({"order": number, "lots": ours.act.size_lots, "ours": ours.filled,
                         "theirs": theirs.get(number, 0), "cause": cause})  # fmt: skip
    filled = sum(ours.filled > 0 for ours in play.outcomes.values())
    if chosen.json:
        print(json.dumps({"orders": len(play.outcomes), "filled": filled, "causes": causes, "differences": rows}))
    else:
        print(f"{len(play.outcomes)} orders, {filled} filled by ours")
        for cause, count in causes.most_common():
            print(f"{count:>6}  {cause}")
        for row in rows:
            print("order {order}: {lots} lots, ours {ours}, theirs {theirs}: {cause}".format(**row))
    return 1 if causes[UNEXPLAINED] else 0


def other_venue(play: Play, recording: Path, python: str) -> dict[int, int]:
    """Return the lots that hftbacktest filled of each order."""
    with tempfile.TemporaryDirectory() as folder:
        plan, out = Path(folder) / "plan.json", Path(folder) / "out.json"
        write_plan(play, plan)
        command = [python, str(THEIRS), str(recording.resolve()), str(plan), str(out)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=600)
        return {int(number): found["filled"] for number, found in json.loads(out.read_text()).items()}


def cause_of(ours: Outcome, theirs: int, facts: Sequence[Fact], symbol: str) -> str:
    """Return why an order was filled otherwise, by what fills it alike: whole, alone, alone without the echo rule."""
    size, number = ours.act.size_lots, ours.act.number
    if ours.filled == theirs:
        return SAME
    if theirs != size or ours.filled > theirs:
        return UNEXPLAINED
    if ours.filled:
        return WHOLE
    alone = Play(facts, symbol, only=number).run().outcomes[number].filled
    if alone:
        return SHARED
    eager = Play(facts, symbol, only=number)
    eager.venue.model = Eager()
    return ECHO if eager.run().outcomes[number].filled else UNEXPLAINED


if __name__ == "__main__":
    sys.exit(main())
