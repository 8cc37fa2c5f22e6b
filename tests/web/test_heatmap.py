"""The page of a sweep shows every point where it belongs, as text and as colour, and asks the world for nothing."""

import re
from xml.etree import ElementTree

import pytest

from flows.grid import Axis
from flows.ranking import Judging
from tests.flows.grids import CLIP, FOURTH, GAMMA, HOSTILE, THIRD, found
from web.heatmap import render


def tree(page: str) -> ElementTree.Element:
    """Parse a page as strictly as XML asks."""
    return ElementTree.fromstring(page.removeprefix("<!doctype html>\n"))


def cells(page: str) -> list[tuple[str, str]]:
    """Return (class, what is told) of every cell of every heat map, in the order drawn."""
    return re.findall(r'<rect [^>]*class="(cell[a-z ]*)"><title>([^<]*)</title></rect>', page)


def test_two_parameters_are_a_heat_map() -> None:
    """Six cells, rows by the first parameter, columns by the second: signs by colour, numbers as text, a best one."""
    page = render(found([GAMMA, CLIP]))
    assert cells(page) == [
        ("cell bad", "gamma 0.1, clip_usd 5: \u2212$2.00"),
        ("cell bad", "gamma 0.1, clip_usd 10: \u2212$1.00"),
        ("cell good", "gamma 0.2, clip_usd 5: $0.00"),
        ("cell good", "gamma 0.2, clip_usd 10: $1.00"),
        ("cell good", "gamma 0.3, clip_usd 5: $2.00"),
        ("cell good best", "gamma 0.3, clip_usd 10: $3.00"),
    ]
    values = [each.text for each in tree(page).iter("text") if each.get("class") == "value"]
    assert values[2:] == ["\u2212$2.00", "\u2212$1.00", "$0.00", "$1.00", "$2.00", "$3.00"]


def test_the_more_the_stronger() -> None:
    """Colour grows with the distance from zero: 3 dollars are stronger than 1, and zero is the palest."""
    page = render(found([GAMMA, CLIP]))
    strong = [float(value) for value in re.findall(r'fill-opacity="([0-9.]+)" class="cell', page)]
    assert strong[2] < strong[3] < strong[4] < strong[5]
    assert strong[1] < strong[0]


def test_one_parameter_is_a_line() -> None:
    """A dot for each value that ran, joined in the order given; no heat map."""
    page = render(found([GAMMA, Axis(CLIP.parameter, ("5",))], failed=1))
    assert cells(page) == []
    dots = re.findall(r'class="(dot[a-z ]*)"><title>([^<]*)</title>', page)
    assert dots == [("dot", "gamma 0.1, clip_usd 5: \u2212$2.00"), ("dot best", "gamma 0.3, clip_usd 5: $0.00")]


def test_three_parameters_are_a_map_for_each_value_of_the_third() -> None:
    """Two values of the third: two maps under their names, all twelve points on them, once each."""
    page = render(found([GAMMA, CLIP, THIRD]))
    assert len({told for _, told in cells(page)}) == 12
    heads = [head.text for head in tree(page).iter("h3")]
    assert heads == [f"{THIRD.parameter} = 100", f"{THIRD.parameter} = 200"]
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(set(ids)) == len(ids)


def test_of_more_parameters_the_rest_is_held_at_the_best() -> None:
    """Four parameters: the maps show the fourth at the best point's value, and say so; the table has all 24."""
    page = render(found([GAMMA, CLIP, THIRD, FOURTH]))
    assert f"Shown where {FOURTH.parameter} 50, as at the best point" in page
    assert len(cells(page)) == 12
    assert "24 points, the best first" in page


def test_a_point_that_failed_is_empty_and_named() -> None:
    """Its cell has neither sign nor number; its reason stands as text at the end."""
    page = render(found([GAMMA, CLIP], failed=0))
    assert cells(page)[0] == ("cell", "gamma 0.1, clip_usd 5: failed")
    assert '<section id="failed">' in page
    assert HOSTILE not in page


def test_by_sharpe_the_numbers_are_ratios() -> None:
    """A point that never moved has no ratio: an empty cell, as one that failed."""
    page = render(found([GAMMA, CLIP], Judging("sharpe", 10)))
    assert dict(cells(page))["cell"] == "gamma 0.2, clip_usd 5: -"
    assert "The grid, by Sharpe ratio" in page


def test_folds_and_trust_are_told() -> None:
    """The deflated ratio with its trials, each fold with its choice, and what came out of sample."""
    page = render(found([GAMMA, CLIP], Judging("total", 10, folds=2, embargo_s=3)))
    assert '<section id="walk">' in page
    assert "embargo 3 s" in page
    assert page.count(">1 of 6<") == 2
    assert "deflated Sharpe ratio" in page
    assert '<section id="walk">' not in render(found([GAMMA, CLIP]))


@pytest.mark.parametrize("axes", [[GAMMA], [GAMMA, CLIP], [GAMMA, CLIP, THIRD], [Axis(CLIP.parameter, ("5",))]])
def test_every_page_is_well_formed_and_asks_for_nothing(axes: list[Axis]) -> None:
    """Closed as XML, no script, no address, the same policy as every page; a hostile file name stays text."""
    page = render(found(axes, Judging("total", 10, folds=1), name=HOSTILE))
    assert tree(page).tag == "html"
    assert "<img" not in page
    assert "<script" not in page
    assert re.findall(r"(?:src|href|action|poster)=\"([^\"]*)\"", page) == ["data:,"]
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    for picture in tree(page).iter("svg"):
        assert picture.find("title") is not None
        assert picture.find("desc") is not None
    assert render(found(axes, Judging("total", 10, folds=1), name=HOSTILE)) == page


def test_a_sweep_without_a_result_says_so() -> None:
    """Where every point failed there is no best, no map, and a page all the same."""
    points = found([Axis(GAMMA.parameter, ("0.1",))], failed=0)
    page = render(points)
    assert tree(page).tag == "html"
    assert "no point ran to its end" in page
    assert "No point ran to its end." in page


def test_many_columns_lose_their_numbers_but_not_their_words() -> None:
    """Forty values across: cells too narrow for a number still say it when pointed at."""
    wide = Axis(CLIP.parameter, tuple(str(value) for value in range(1, 41)))
    page = render(found([GAMMA, wide]))
    assert len(cells(page)) == 120
    assert len([each for each in tree(page).iter("text") if each.get("class") == "value"]) < 40
