"""Make up the results of a sweep, for tests of what is said about one."""

from itertools import product
from pathlib import Path

from flows.desks import load_desk
from flows.grid import Axis, Point
from flows.point import Outcome
from flows.ranking import Judging, Ranked, ranked
from flows.sweep import Swept

CONFIG = Path(__file__).resolve().parents[2] / "config"
HOSTILE = "<img src=x onerror=alert(1)>"
SECOND, DOLLAR = 1_000_000_000, 1_000_000
COUNTS = dict.fromkeys(("intents", "approved", "rejected", "reshaped", "orders", "cancels", "fills"), 7)
GAMMA = Axis("strat.maker_tight.gamma", ("0.1", "0.2", "0.3"))
CLIP = Axis("strat.maker_tight.clip_usd", ("5", "10"))
THIRD = Axis("risk.exposure.cap_total_usd", ("100", "200"))
FOURTH = Axis("strat.maker_tight.k", ("40", "50"))
START = 1_795_194_000


def outcome(total: int) -> Outcome:
    """Return a point that earned so many micros, in two steps."""
    curve = [(START + 10, total // 2, 0), (START + 30, total, 0)] if total else []
    pnl = {"realised_micros": 0, "unrealised_micros": total, "fees_micros": 0, "funding_micros": 0,
           "total_micros": total}  # fmt: skip
    said = {"pnl": pnl, "run_id": "r", "decision_digest": "d", "truncated": [], "faults": []}
    return Outcome(1, "k", START * SECOND, (START + 60) * SECOND, curve, {**COUNTS, **said})


def found(axes: list[Axis], judging: Judging | None = None, failed: int = -1, name: str = "x.jsonl") -> Ranked:
    """Return a sweep in which point n earned n - 2 dollars, and one may have failed."""
    desk = load_desk("lab", CONFIG)
    names = [axis.parameter for axis in axes]
    points = [Point(tuple(zip(names, values, strict=True)), desk) for values in product(*(a.values for a in axes))]
    outcomes = tuple(None if n == failed else outcome((n - 2) * DOLLAR) for n in range(len(points)))
    failures = {failed: HOSTILE} if failed >= 0 else {}
    keys = tuple(f"key{n}" for n in range(len(points)))
    swept = Swept(keys, outcomes, failures, ((name, "s" * 64),), 0, 1.0)
    return ranked(axes, points, swept, judging or Judging("total", 10))
