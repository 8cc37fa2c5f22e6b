"""A grid of parameters: every combination once, and nothing that a bot would not take."""

from pathlib import Path

import pytest

from contracts.base import Refused
from flows.desks import load_desk
from flows.grid import POINTS_MAX, Axis, axes_of, points_of

CONFIG = Path(__file__).resolve().parents[2] / "config"
GAMMA, CLIP = "strat.maker_tight.gamma", "strat.maker_tight.clip_usd"


def test_lists_and_ranges_are_spelled_out() -> None:
    """Commas part values; FROM..TO..STEP gives both ends, in decimals that do not drift; aliases become ids."""
    hard = "risk.drawdown.dd_hard=0.1..0.3..0.1"
    found = axes_of([f"{GAMMA}=0.05, 0.1,0.2", "strat.maker-tight.clip_usd=10..20..5", hard])
    assert found == [
        Axis(GAMMA, ("0.05", "0.1", "0.2")),
        Axis(CLIP, ("10", "15", "20")),
        Axis("risk.drawdown.dd_hard", ("0.1", "0.2", "0.3")),
    ]


def test_a_range_that_its_step_does_not_meet_ends_below() -> None:
    """1..4..2 is 1 and 3: a range never goes beyond its end. Parts of a list may be ranges."""
    assert axes_of([f"{CLIP}=1..4..2,9"]) == [Axis(CLIP, ("1", "3", "9"))]


def test_every_combination_once_in_order() -> None:
    """Two by three values are six points, the last parameter changing fastest, each with the desk of `pt run --set`."""
    points = points_of(axes_of([f"{GAMMA}=0.1,0.2", f"{CLIP}=5,10,15"]), "lab", CONFIG)
    assert [tuple(point.named.values()) for point in points] == [
        ("0.1", "5"), ("0.1", "10"), ("0.1", "15"), ("0.2", "5"), ("0.2", "10"), ("0.2", "15"),
    ]  # fmt: skip
    assert points[3].label == f"{GAMMA}=0.2 {CLIP}=5"
    assert points[3].desk == load_desk("lab", CONFIG, [f"{GAMMA}=0.2", f"{CLIP}=5"])


@pytest.mark.parametrize(
    ("sets", "named"),
    [
        ([], "--set is missing"),
        (["gamma=1"], "--set 'gamma=1': not of the form BOT.PARAM=A,B,C"),
        ([GAMMA], "not of the form"),
        ([f"{GAMMA}="], "a value is empty"),
        ([f"{GAMMA}=0.1,,0.2"], "a value is empty"),
        (["strat.maker_tigt.gamma=1"], "bot 'strat.maker_tigt' is unknown"),
        ([f"{GAMMA}=1..5"], "'1..5' is no range; allowed: FROM..TO..STEP"),
        ([f"{GAMMA}=5..1..1"], "is no range"),
        ([f"{GAMMA}=1..5..0"], "is no range"),
        ([f"{GAMMA}=a..b..c"], "is no range"),
        ([f"{GAMMA}=1..inf..1"], "is no range"),
        ([f"{GAMMA}=1..{POINTS_MAX + 1}..1"], f"has {POINTS_MAX + 1} values; allowed: at most {POINTS_MAX}"),
        ([f"{GAMMA}=1..101..1", f"{CLIP}=1..100..1"], "--set: 10100 combinations; allowed: at most 10000"),
        ([f"{GAMMA}=1", "strat.maker-tight.gamma=2"], f"--set {GAMMA}: named twice"),
    ],
)
def test_what_is_no_grid_is_refused_by_name(sets: list[str], named: str) -> None:
    """The refusal names the option, the value and what is allowed."""
    with pytest.raises(Refused) as refused:
        axes_of(sets)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("sets", "named"),
    [
        ([f"{GAMMA}=0.1,-1"], "strat.maker_tight.gamma is '-1'; allowed: a number, above 0"),
        ([f"{CLIP}=1,many"], "strat.maker_tight.clip_usd is 'many'"),
        (["strat.maker_tight.gama=1"], "has no parameter 'gama'; allowed: gamma,"),
        ([f"{GAMMA}=0.1,0.10"], f"--set {GAMMA}=0.10: means the same as 0.1; give each value once"),
        (["gov.pnl_reporter.tol_usd=1,2"], "gov.pnl_reporter does not run in desk lab"),
        (["strat.arbitrage_scanner.x=1"], "is unknown"),
    ],
)
def test_a_value_that_the_bot_refuses_stops_the_whole_grid(sets: list[str], named: str) -> None:
    """Wherever in the list it stands, it is found before anything has run."""
    with pytest.raises(Refused) as refused:
        points_of(axes_of(sets), "lab", CONFIG)
    assert named in str(refused.value)
