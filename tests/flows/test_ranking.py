"""flows.ranking: points in order, failures apart, and a document without a float of money."""

import json
from pathlib import Path

import pytest

from contracts.base import Refused
from flows.desks import load_desk
from flows.grid import Axis, Point
from flows.point import Equity, Outcome
from flows.ranking import Judging, checked, document, ranked, truncated
from flows.sweep import Swept

CONFIG = Path(__file__).resolve().parents[2] / "config"
SECOND = 1_000_000_000
DOLLAR = 1_000_000
AXIS = Axis("strat.maker_tight.gamma", ("0.1", "0.2", "0.3", "0.4"))
COUNTS = dict.fromkeys(("intents", "approved", "rejected", "reshaped", "orders", "cancels", "fills"), 1)


def outcome(key: str, levels: Equity) -> Outcome:
    """Return the result of a point with this curve."""
    total = levels[-1][1] if levels else 0
    pnl = {"realised_micros": 0, "unrealised_micros": total, "fees_micros": 0, "funding_micros": 0,
           "total_micros": total, "marks_micros": {}}  # fmt: skip
    said = {"pnl": pnl, "run_id": "r", "decision_digest": f"d{key}", "truncated": ["cut.jsonl: torn"], "faults": []}
    return Outcome(1, key, 100 * SECOND, 160 * SECOND, levels, {**COUNTS, **said})


def swept() -> tuple[list[Point], Swept]:
    """Return four points: a loser, a winner, one that never traded, one that failed."""
    desk = load_desk("lab", CONFIG)
    points = [Point(((AXIS.parameter, value),), desk) for value in AXIS.values]
    outcomes = (
        outcome("a", [(110, -DOLLAR, 0), (150, -2 * DOLLAR, 0)]),
        outcome("b", [(110, DOLLAR, 0), (130, 3 * DOLLAR, 0), (150, 2 * DOLLAR, DOLLAR)]),
        outcome("c", []),
        None,
    )
    return points, Swept(("a", "b", "c", "d"), outcomes, {3: "out of memory"}, (("x.jsonl", "s" * 64),), 1, 2.5)


def test_the_best_comes_first_and_failures_stand_apart() -> None:
    """By total: winner, the one that never traded, loser; the failed point has no rank, and its reason is told."""
    found = ranked([AXIS], *swept(), Judging("total", 10))
    assert found.order == (1, 2, 0)
    said = document(found)
    assert [result["parameters"][AXIS.parameter] for result in said["results"]] == ["0.2", "0.3", "0.1"]
    assert said["failed"] == [{"point": "d", "parameters": {AXIS.parameter: "0.4"}, "why": "out of memory"}]
    assert (said["points"], said["reused"], said["computed"]) == (4, 1, 2)


def test_without_a_ratio_a_point_is_last_by_sharpe() -> None:
    """By Sharpe ratio even the loser stands before the point that never traded."""
    assert ranked([AXIS], *swept(), Judging("sharpe", 10)).order == (1, 0, 2)


def test_money_is_whole_and_floats_are_statistics() -> None:
    """Everything in micros is an integer; only ratios, moments and probabilities are floats; it is strict JSON."""
    said = document(ranked([AXIS], *swept(), Judging("total", 10, folds=2, embargo_s=5)))
    floats: set[str] = set()

    def walk(value: object, name: str = "") -> None:
        if isinstance(value, dict):
            for key, part in value.items():
                walk(part, key)
        elif isinstance(value, list):
            for part in value:
                walk(part, name)
        elif isinstance(value, float):
            floats.add(name)

    walk(said)
    statistics = {"sharpe", "skewness", "kurtosis", "probabilistic_sharpe", "variance_of_trials", "sharpe_by_luck"}
    assert floats <= {*statistics, "deflated_sharpe", "seconds"}
    assert {"sharpe", "deflated_sharpe"} <= floats
    assert json.loads(json.dumps(said, allow_nan=False)) == said


def test_folds_name_points_of_the_grid() -> None:
    """A fold's choice is one of the points that ran, by its parameters; out of sample is the sum of the tests."""
    said = document(ranked([AXIS], *swept(), Judging("total", 10, folds=2)))
    walk = said["walk_forward"]
    assert [fold["parameters"][AXIS.parameter] for fold in walk["folds"]] == ["0.2", "0.2"]
    assert walk["out_of_sample"]["total_micros"] == sum(fold["test"]["total_micros"] for fold in walk["folds"])
    assert [fold["of"] for fold in walk["folds"]] == [3, 3]


def test_a_sweep_in_which_everything_failed_has_no_best() -> None:
    """No result, nothing deflated, no folds; the document is whole all the same."""
    points, some = swept()
    none = Swept(some.keys, (None,) * 4, dict.fromkeys(range(4), "out of memory"), some.sources, 0, 1.0)
    said = document(ranked([AXIS], points, none, Judging("total", 10, folds=2)))
    assert (said["results"], said["deflated"], said["walk_forward"], len(said["failed"])) == ([], None, None, 4)


def test_what_was_cut_short_is_named_once() -> None:
    """Every point read the same captures."""
    assert truncated(ranked([AXIS], *swept(), Judging())) == ["cut.jsonl: torn"]


def test_folds_are_checked_before_anything_runs() -> None:
    """From the captures' first and last arrival alone."""
    assert checked(Judging(folds=3), 0, 100 * SECOND) == Judging(folds=3)
    with pytest.raises(Refused, match="--folds 3 --embargo 30"):
        checked(Judging(folds=3, embargo_s=30), 0, 100 * SECOND)
    with pytest.raises(Refused, match="--objective 'luck': unknown; allowed: total, realised, sharpe"):
        checked(Judging("luck"), 0, 100 * SECOND)
