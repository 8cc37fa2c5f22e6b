"""Write a sweep as one page of HTML: where in the grid it is good, how sure that is, and what came of following it.

One swept parameter is a line, two are a heat map, three are a heat map for each value of the third; of more than three
the others stand at the best point's values. Colour says good or bad and how much; the number stands in the cell and in
the table, for those who see no colour.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from flows.grid import Axis
from flows.point import SECOND_NS
from flows.ranking import COUNTS, Ranked
from flows.scores import Score, likely
from web.charts import LEFT, RIGHT, WIDTH, Panel, equity_chart, room, svg, values_axis
from web.markup import Child, Html, join, tag
from web.page import page
from web.parts import details, legend, none, scroll, table
from web.scales import MILLION, clock, dollars, moment
from web.series import thin

ROW, HEAD, SIDE, CELL_MAX, TEXT_MIN = 34, 44, 180, 120, 52
PICTURES_MAX = 24
LABEL_MAX = 14
_WORDS = {"total": "profit and loss, marked", "realised": "realised, after fees and funding", "sharpe": "Sharpe ratio"}
_NOTE = (
    "Times are UTC, money is dollars. A Sharpe ratio is the mean of what was earned in each sampling interval over its "
    "standard deviation, not annualised. The deflated ratio is the probability that the best point's true Sharpe ratio "
    "is above what luck alone would give the best of so many (Bailey and Lopez de Prado, 2014). Neighbouring points "
    "are not independent trials, so it is rather too strict than too kind."
)


class Cell(NamedTuple):
    """One point on a picture: its worth (None where it failed or has no ratio), and what is told of it."""

    worth: float | None
    told: str
    best: bool


def render(found: Ranked) -> str:
    """Return the page; the same sweep gives the same page, the seconds it took aside."""
    names = " \u00d7 ".join(_last(axis) for axis in _varied(found)) or "one point"
    sections = (_head, _map, _best, _walk, _points, _failed, _foot)
    return page(f"Sweep: {names}", *(section(found) for section in sections))


# ---- sections ------------------------------------------------------------------------------------------------------


def _head(found: Ranked) -> Html:
    window = found.window
    span = f"{moment(window.start_s * SECOND_NS + SECOND_NS)} to {clock(window.end_s * SECOND_NS)} UTC"
    swept = found.swept
    names = ", ".join(name for name, _ in swept.sources)
    failed = f"{len(swept.failures)} failed"
    told = [("points", f"{len(found.points):,}", f"{swept.reused:,} kept from before, {failed}")]
    if found.order:
        best = found.scores[found.order[0]]
        assert best is not None
        shape, trust = best.moments, found.trust
        told += [
            ("best total", dollars(best.total_micros), "marked, after fees"),
            ("deepest fall", dollars(best.drawdown_micros), "of the best point"),
            ("Sharpe", _ratio(shape.sharpe if shape else None), f"per {found.judging.sample_s} s"),
            ("deflated", _ratio(trust.deflated if trust else None), f"of {trust.trials if trust else 0} trials"),
        ]
    if found.walk is not None:
        told.append(("out of sample", dollars(found.walk.outside.total_micros), f"{len(found.walk.folds)} folds"))
    made = [tag("div", tag("dt", name), tag("dd", value), tag("dd", note, class_="note")) for name, value, note in told]
    return tag(
        "header",
        tag("p", "polytraders", class_="brand"),
        tag("h1", "Sweep of " + (", ".join(axis.parameter for axis in _varied(found)) or "one point")),
        tag("p", f"{names}; {span}" if found.order else f"{names}; no point ran to its end.", class_="lead"),
        tag("dl", *made, class_="tiles"),
    )


def _map(found: Ranked) -> Html:
    """Show the grid by the objective."""
    title = tag("h2", f"The grid, by {_WORDS[found.judging.objective]}")
    varied = _varied(found)
    if not varied or not found.order:
        return tag("section", title, none("There is nothing to compare."), id="grid")
    cells, parts = _cells(found), list[Html]()
    if len(varied) > 3:
        fixed = ", ".join(f"{axis.parameter} {_best_value(found, axis)}" for axis in varied[3:])
        parts.append(tag("p", f"Shown where {fixed}, as at the best point; the table has every point."))
    if len(varied) == 1:
        parts.append(scroll(_curve(found, varied[0], cells)))
    else:
        keys = (("cell good", "zero or above"), ("cell bad", "below zero"), ("cell", "failed, or no ratio"))
        parts.append(legend([*keys, ("cell best", "best point")]))
        thirds = varied[2].values if len(varied) > 2 else ("",)
        for number, value in enumerate(thirds[:PICTURES_MAX]):
            if value:
                parts.append(tag("h3", f"{varied[2].parameter} = {value}"))
            at = {varied[2].parameter: value} if value else {}
            parts.append(scroll(_heat(found, varied[0], varied[1], at, cells, number)))
        if len(thirds) > PICTURES_MAX:
            parts.append(tag("p", f"{len(thirds) - PICTURES_MAX} more values stand in the table."))
    return tag("section", title, *parts, id="grid")


def _best(found: Ranked) -> Html:
    """Show the best point's curve, and what being the best of many is worth."""
    title, trust = tag("h2", "The best point"), found.trust
    if not found.order or trust is None:
        return tag("section", title, none("No point ran to its end."), id="best")
    place = found.order[0]
    outcome = found.swept.outcomes[place]
    assert outcome is not None
    line = tuple(thin([(second * SECOND_NS, total) for second, total, _ in outcome.equity]))
    start_ns, end_ns = (found.window.start_s + 1) * SECOND_NS, found.window.end_s * SECOND_NS
    curve = scroll(equity_chart(line, start_ns, end_ns)) if line else none("No position was held.")
    rows = [
        ("Sharpe ratio", _ratio(trust.chosen.sharpe if trust.chosen else None)),
        ("skewness", _ratio(trust.chosen.skewness if trust.chosen else None)),
        ("kurtosis (normal: 3)", _ratio(trust.chosen.kurtosis if trust.chosen else None)),
        ("observations", f"{trust.chosen.observations if trust.chosen else 0:,}"),
        ("probability above zero", _ratio(likely(trust.chosen))),
        ("trials", f"{trust.trials:,}"),
        ("what luck gives the best", _ratio(trust.by_luck)),
        ("deflated Sharpe ratio", _ratio(trust.deflated)),
    ]
    words = tag("p", found.points[place].label, class_="id")
    caption = f"Sampled every {found.judging.sample_s} s"
    made_of = tag("div", table(("", ""), rows, caption), class_="narrow")
    return tag("section", title, words, curve, made_of, id="best")


def _walk(found: Ranked) -> Html:
    """Show each fold: what was chosen on the past, and what it then came to."""
    walk = found.walk
    if walk is None:
        return Html()
    rows = [
        (
            f"{number}",
            clock(fold.test.start_s * SECOND_NS + SECOND_NS),
            found.points[fold.chosen].label,
            dollars(fold.train_score.total_micros),
            dollars(fold.test_score.total_micros),
            _ratio(fold.test_score.moments.sharpe if fold.test_score.moments else None),
            f"{fold.rank} of {len(found.order)}",
        )
        for number, fold in enumerate(walk.folds, 1)
    ]
    heads = ("fold", "tested from", "chosen on the past", "chosen on", "tested", "Sharpe", "rank when tested")
    outside = walk.outside
    ratio = _ratio(outside.moments.sharpe if outside.moments else None)
    words = (
        f"Out of sample {dollars(outside.total_micros)}, deepest fall {dollars(outside.drawdown_micros)}, "
        f"Sharpe {ratio}, probably above zero {_ratio(likely(outside.moments))}; embargo {found.judging.embargo_s} s."
    )
    shown = table(heads, rows, "Chosen on everything before, judged on what comes next")
    return tag("section", tag("h2", "Walk-forward"), tag("p", words), shown, id="walk")


def _points(found: Ranked) -> Html:
    """Show every point, the best first."""
    rows: list[list[Child]] = []
    for place in found.order:
        judged, outcome = found.scores[place], found.swept.outcomes[place]
        assert judged is not None and outcome is not None
        values = [found.points[place].named[axis.parameter] for axis in found.axes]
        rows.append([*values, *_told(judged), *(_count(outcome.summary, name) for name in COUNTS)])
    heads = [*(_last(axis) for axis in found.axes), "total", "realised, net", "deepest fall", "Sharpe", "psr", *COUNTS]
    shown = table(heads, rows, f"{len(rows)} points, the best first") or none("No point ran to its end.")
    return tag("section", tag("h2", "Every point"), shown, id="points")


def _failed(found: Ranked) -> Html:
    rows = [(found.points[place].label, why) for place, why in found.swept.failures.items()]
    if not rows:
        return Html()
    return tag("section", tag("h2", "Failed"), table(("point", "why"), rows, "Points without a result"), id="failed")


def _foot(found: Ranked) -> Html:
    sources = [(tag("dt", name), tag("dd", source_id)) for name, source_id in found.swept.sources]
    keys = [(found.points[place].label, found.swept.keys[place]) for place in found.order]
    kept = details("Where each result is kept", table(("point", "file"), keys, "Names in the folder of results"))
    return tag("footer", tag("dl", *(part for pair in sources for part in pair)), tag("p", _NOTE), kept)


# ---- pictures ------------------------------------------------------------------------------------------------------


def _heat(
    found: Ranked, rows: Axis, columns: Axis, at: Mapping[str, str], cells: Mapping[tuple[str, ...], Cell], number: int
) -> Html:
    """Draw a heat map: the first parameter down, the second across."""
    wide = min(CELL_MAX, (WIDTH - SIDE) // len(columns.values))
    shades, parts = _shades(cells.values()), [tag("text", _last(rows), x=SIDE - 10, y=HEAD - 8, class_="label")]
    parts.append(tag("text", _last(columns), x=SIDE, y=14, class_="unit"))
    for across, value in enumerate(columns.values):
        if wide >= TEXT_MIN or across % (TEXT_MIN // max(wide, 1) + 1) == 0:
            x = SIDE + across * wide + wide // 2
            parts.append(tag("text", value[:LABEL_MAX], x=x, y=HEAD - 8, class_="value"))
    for down, value in enumerate(rows.values):
        top = HEAD + down * ROW
        parts.append(tag("text", value[:LABEL_MAX], x=SIDE - 10, y=top + ROW // 2 + 4, class_="label"))
        for across, other in enumerate(columns.values):
            cell = cells[_key(found, {rows.parameter: value, columns.parameter: other, **at})]
            parts.append(_cell(cell, shades, SIDE + across * wide, top, wide, found.judging.objective))
    some = [cell.worth for cell in cells.values() if cell.worth is not None]
    worth = [_worth(each, found.judging.objective) for each in (min(some), max(some))] if some else ["-", "-"]
    title = f"{_last(rows)} down, {_last(columns)} across" + "".join(f", {_short(k)} {v}" for k, v in at.items())
    described = f"{len(rows.values)} by {len(columns.values)} points, from {worth[0]} to {worth[1]}."
    return svg(f"heat{number}", title, described, HEAD + ROW * len(rows.values) + 6, parts)


def _cell(cell: Cell, shades: Mapping[bool, tuple[float, float]], x: int, y: int, wide: int, objective: str) -> Html:
    """Draw one point: the more it is, the stronger its colour."""
    kind, strong = "cell", 1.0
    if cell.worth is not None:
        low, high = shades[cell.worth >= 0]
        strong = 0.12 + 0.7 * ((abs(cell.worth) - low) / (high - low) if high > low else float(high > 0) / 2)
        kind = "cell good" if cell.worth >= 0 else "cell bad"
    inside = 2 if cell.best else 0
    box = tag(
        "rect",
        tag("title", cell.told),
        x=x + inside,
        y=y + inside,
        width=wide - 2 * inside,
        height=ROW - 2 * inside,
        fill_opacity=f"{strong:.2f}",
        class_=f"{kind} best" if cell.best else kind,
    )
    if wide < TEXT_MIN:
        return box
    return join([box, tag("text", _worth(cell.worth, objective), x=x + wide // 2, y=y + ROW // 2 + 4, class_="value")])


def _curve(found: Ranked, axis: Axis, cells: Mapping[tuple[str, ...], Cell]) -> Html:
    """Draw the worth of each value of the only parameter, in the order in which they were given."""
    shown = [cells[_key(found, {axis.parameter: value})] for value in axis.values]
    micros = [None if cell.worth is None else _micros(cell.worth, found.judging.objective) for cell in shown]
    known = [value for value in micros if value is not None]
    money = found.judging.objective != "sharpe"
    panel = Panel(0, 2 * len(shown), *room([0, *known], MILLION // 100), 14, 220)
    parts = [values_axis(panel, "USD" if money else "ratio", True)]
    points = [
        (panel.x(2 * place + 1), panel.y(value), cell)
        for place, (value, cell) in enumerate(zip(micros, shown, strict=True))
        if value is not None
    ]
    path = "".join(f"{'L' if place else 'M'}{x:g} {y:g}" for place, (x, y, _) in enumerate(points))
    parts.append(tag("path", d=path, class_="line held"))
    for x, y, cell in points:
        kind = "dot best" if cell.best else "dot"
        parts.append(tag("circle", tag("title", cell.told), cx=f"{x:g}", cy=f"{y:g}", r=5, class_=kind))
    every = -(-len(shown) * TEXT_MIN // (WIDTH - LEFT - RIGHT))
    for place, value in enumerate(axis.values):
        if place % every == 0:
            middle = f"{panel.x(2 * place + 1):g}"
            parts.append(tag("text", value[:LABEL_MAX], x=middle, y=panel.bottom + 18, class_="value"))
    parts.append(tag("text", _last(axis), x=WIDTH - RIGHT, y=panel.bottom + 36, class_="number"))
    described = f"{len(points)} values; " + "; ".join(cell.told for cell in shown)[:400]
    return svg("curve", f"{_WORDS[found.judging.objective]} by {axis.parameter}", described, panel.bottom + 44, parts)


def _shades(cells: Iterable[Cell]) -> dict[bool, tuple[float, float]]:
    """Return (least, most) worth of each sign; zero is the least where both signs are there."""
    worths = [cell.worth for cell in cells if cell.worth is not None]
    good, bad = [worth for worth in worths if worth >= 0], [-worth for worth in worths if worth < 0]
    both = bool(good and bad)
    return {
        sign: (0.0 if both or not some else min(some), max(some, default=0.0))
        for sign, some in ((True, good), (False, bad))
    }


# ---- values --------------------------------------------------------------------------------------------------------


def _cells(found: Ranked) -> dict[tuple[str, ...], Cell]:
    """Return every point by its values."""
    made = {}
    for place, (point, judged) in enumerate(zip(found.points, found.scores, strict=True)):
        words = ", ".join(f"{_short(name)} {value}" for name, value in point.values)
        worth, told = None, f"{words}: failed"
        if judged is not None:
            reached = judged.objective(found.judging.objective)
            worth = None if reached == float("-inf") else reached
            told = f"{words}: {_worth(worth, found.judging.objective)}"
        best = bool(found.order) and place == found.order[0]
        made[tuple(value for _, value in point.values)] = Cell(worth, told, best)
    return made


def _key(found: Ranked, at: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of a point: those given, elsewhere the best point's."""
    return tuple(at.get(axis.parameter, _best_value(found, axis)) for axis in found.axes)


def _best_value(found: Ranked, axis: Axis) -> str:
    return found.points[found.order[0]].named[axis.parameter]


def _varied(found: Ranked) -> list[Axis]:
    return [axis for axis in found.axes if len(axis.values) > 1]


def _micros(worth: float, objective: str) -> int:
    """Return a worth as the axes write it: money is whole micros, a ratio becomes millionths."""
    return round(worth * MILLION) if objective == "sharpe" else int(worth)


def _worth(worth: float | None, objective: str) -> str:
    if worth is None:
        return "-"
    return _ratio(worth) if objective == "sharpe" else dollars(int(worth))


def _told(judged: Score) -> tuple[str, ...]:
    shape = judged.moments
    money = (judged.total_micros, judged.realised_micros, judged.drawdown_micros)
    return (*(dollars(micros) for micros in money), _ratio(shape.sharpe if shape else None), _ratio(likely(shape)))


def _count(summary: Mapping[str, object], name: str) -> int:
    value = summary[name]
    return value if isinstance(value, int) else 0


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}".replace("-", "\u2212")


def _last(axis: Axis) -> str:
    return _short(axis.parameter)


def _short(parameter: str) -> str:
    return parameter.rpartition(".")[2]
