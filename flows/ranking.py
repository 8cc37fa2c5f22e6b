"""Put the points of a sweep into order and say what the order is worth.

The best of many is partly luck. So beside the ranking stand the deflated Sharpe ratio of the point that was chosen,
and, where folds were asked for, what choosing on the past alone would have come to.
"""

from collections.abc import Sequence
from typing import NamedTuple

from contracts.base import Refused
from flows.grid import Axis, Point
from flows.point import SECOND_NS, Outcome
from flows.scores import OBJECTIVES, Score, Trust, Window, likely, score, trust, window_of
from flows.sweep import Swept
from flows.walk_forward import Fold, WalkForward, walk_forward, windows

FOLDS_MAX = 1_000
COUNTS = ("intents", "approved", "rejected", "reshaped", "orders", "cancels", "fills")
PARTS = ("realised_micros", "unrealised_micros", "fees_micros", "funding_micros", "total_micros")
Document = dict[str, object]


class Judging(NamedTuple):
    """How to judge: what is maximised, the sampling interval, and the folds (0 none) with their embargo, in seconds."""

    objective: str = "total"
    sample_s: int = 10
    folds: int = 0
    embargo_s: int = 0


class Ranked(NamedTuple):
    """A sweep, judged; points by their place in the grid.

    scores  None where the point failed
    order   places of the points that ran, the best first
    """

    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    swept: Swept
    judging: Judging
    window: Window
    scores: tuple[Score | None, ...]
    order: tuple[int, ...]
    trust: Trust | None
    walk: WalkForward | None


def checked(judging: Judging, first_ns: int, last_ns: int) -> Judging:
    """Refuse folds that the captures' time, from first to last arrival, does not hold."""
    if judging.objective not in OBJECTIVES:
        raise Refused(f"--objective {judging.objective!r}: unknown; allowed: {', '.join(OBJECTIVES)}")
    if judging.folds:
        windows(Window(first_ns // SECOND_NS - 1, last_ns // SECOND_NS), judging.folds, judging.embargo_s)
    return judging


def ranked(axes: Sequence[Axis], points: Sequence[Point], swept: Swept, judging: Judging) -> Ranked:
    """Judge a sweep; costs one pass over each curve, and two more per fold."""
    ran = [(place, outcome) for place, outcome in enumerate(swept.outcomes) if outcome is not None]
    starts, ends = zip(*(window_of(outcome) for _, outcome in ran), strict=True) if ran else ((0,), (0,))
    whole = Window(min(starts), max(ends))
    scores: list[Score | None] = [None] * len(points)
    own = [score(outcome.equity, whole, judging.sample_s) for _, outcome in ran]
    for (place, _), each in zip(ran, own, strict=True):
        scores[place] = each
    by_worth = sorted(range(len(ran)), key=lambda at: (-own[at].objective(judging.objective), at))
    walk = None
    if judging.folds and ran:
        cuts = windows(whole, judging.folds, judging.embargo_s)
        walk = walk_forward([outcome.equity for _, outcome in ran], cuts, judging.objective, judging.sample_s)
        walk = walk._replace(folds=tuple(fold._replace(chosen=ran[fold.chosen][0]) for fold in walk.folds))
    return Ranked(
        tuple(axes),
        tuple(points),
        swept,
        judging,
        whole,
        tuple(scores),
        tuple(ran[at][0] for at in by_worth),
        trust(own, own[by_worth[0]]) if ran else None,
        walk,
    )


# ---- as a document -------------------------------------------------------------------------------------------------


def document(found: Ranked) -> Document:
    """Return a sweep as `pt sweep --json` prints it: money in whole micros, floats for statistics only."""
    swept, judging = found.swept, found.judging
    return {
        "captures": [{"name": name, "source_id": source_id} for name, source_id in swept.sources],
        "axes": [{"parameter": axis.parameter, "values": list(axis.values)} for axis in found.axes],
        "points": len(found.points),
        "reused": swept.reused,
        "computed": len(found.points) - swept.reused - len(swept.failures),
        "failed": [
            {"point": swept.keys[place], "parameters": found.points[place].named, "why": why}
            for place, why in swept.failures.items()
        ],
        "seconds": round(swept.seconds, 3),
        "objective": judging.objective,
        "sample_s": judging.sample_s,
        "start_ns": (found.window.start_s + 1) * SECOND_NS if found.order else 0,
        "end_ns": found.window.end_s * SECOND_NS,
        "results": [_result(found, place) for place in found.order],
        "deflated": _trust(found),
        "walk_forward": None if found.walk is None else _walk(found, found.walk),
    }


def _result(found: Ranked, place: int) -> Document:
    outcome, judged = found.swept.outcomes[place], found.scores[place]
    assert outcome is not None and judged is not None
    said = outcome.summary
    pnl = said["pnl"]
    assert isinstance(pnl, dict)
    return {
        "point": found.swept.keys[place],
        "parameters": found.points[place].named,
        "pnl": {part: pnl[part] for part in PARTS},
        **_judged(judged),
        **{count: said[count] for count in COUNTS},
        "run_id": said["run_id"],
        "decision_digest": said["decision_digest"],
        "truncated": said["truncated"],
        "faults": said["faults"],
    }


def _judged(each: Score) -> Document:
    shape = each.moments
    return {
        "realised_net_micros": each.realised_micros,
        "max_drawdown_micros": each.drawdown_micros,
        "sharpe": None if shape is None else shape.sharpe,
        "skewness": None if shape is None else shape.skewness,
        "kurtosis": None if shape is None else shape.kurtosis,
        "observations": 0 if shape is None else shape.observations,
        "probabilistic_sharpe": likely(shape),
    }


def _trust(found: Ranked) -> Document | None:
    said = found.trust
    if said is None:
        return None
    return {
        "point": found.swept.keys[found.order[0]],
        "parameters": found.points[found.order[0]].named,
        "trials": said.trials,
        "variance_of_trials": said.variance,
        "sharpe": None if said.chosen is None else said.chosen.sharpe,
        "sharpe_by_luck": said.by_luck,
        "deflated_sharpe": said.deflated,
    }


def _walk(found: Ranked, walk: WalkForward) -> Document:
    return {
        "embargo_s": found.judging.embargo_s,
        "folds": [_fold(found, fold) for fold in walk.folds],
        "out_of_sample": {"total_micros": walk.outside.total_micros, **_judged(walk.outside)},
    }


def _fold(found: Ranked, fold: Fold) -> Document:
    sides = (("train", fold.train, fold.train_score), ("test", fold.test, fold.test_score))
    told = {
        name: {
            "start_ns": (window.start_s + 1) * SECOND_NS,
            "end_ns": (window.end_s + 1) * SECOND_NS - 1,
            "total_micros": each.total_micros,
            **_judged(each),
        }
        for name, window, each in sides
    }
    chosen = found.points[fold.chosen].named
    return {"parameters": chosen, **told, "rank_in_test": fold.rank, "of": len(found.order)}


def truncated(found: Ranked) -> list[str]:
    """Return what was cut short, each once."""
    outcomes: list[Outcome] = [outcome for outcome in found.swept.outcomes if outcome is not None]
    said = [outcome.summary["truncated"] for outcome in outcomes]
    return list(dict.fromkeys(str(what) for listed in said if isinstance(listed, list) for what in listed))
