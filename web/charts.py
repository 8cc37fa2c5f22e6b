"""Draw pictures of a run as SVG that needs no script, no font and no network: lines in steps, marks, bars.

A value holds until the next one, so lines are steps and no slope is invented between two facts. Each picture has a
title and a description for those who cannot see it; the page puts a table beside it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from web.markup import Html, join, tag
from web.model import Mark, MarketView, Spell
from web.scales import MILLION, clock, decimal, dollars, places_for, time_ticks, value_ticks
from web.series import Line

WIDTH, LEFT, RIGHT = 1_000, 64, 16
MARKS_MAX = 800
VERDICTS = ("APPROVE", "RESHAPE", "REJECT", "QUARANTINE")


class Panel(NamedTuple):
    """A rectangle with a time axis and a value axis. Pixels; y grows downwards."""

    start_ns: int
    end_ns: int
    low: int
    high: int
    top: int
    height: int

    def x(self, at_ns: int) -> float:
        """Place a time."""
        return round(LEFT + (at_ns - self.start_ns) * (WIDTH - LEFT - RIGHT) / max(self.end_ns - self.start_ns, 1), 1)

    def y(self, value: int) -> float:
        """Place a value."""
        return round(self.top + self.height - (value - self.low) * self.height / max(self.high - self.low, 1), 1)

    @property
    def bottom(self) -> int:
        """The lower edge."""
        return self.top + self.height


def market_chart(view: MarketView, start_ns: int, end_ns: int, number: int) -> Html:
    """Draw one market: its middle, our quotes and fills above, what was held below, on one time axis."""
    values = [value for line in (view.mid, view.bid, view.ask) for _, value in line if value is not None]
    values += [mark.price_micros for mark in (*view.fills, *view.paid)]
    low, high = room(values, 10_000)
    price = Panel(start_ns, end_ns, low, high, 14, 250)
    shown = [decimal(held, 0) for held in (_peak(view.inventory), _trough(view.inventory))]
    described = (
        f"Price from {decimal(min(values, default=0), 3)} to {decimal(max(values, default=0), 3)} dollars a contract; "
        f"{len(view.fills)} fills; inventory from {shown[1]} to {shown[0]} contracts; "
        f"{len(view.spells)} times without a book that may be believed."
    )
    parts = [
        _spells(view.spells, price, 352 if view.inventory else 250),
        values_axis(price, "USD", False),
        _path(view.mid, price, "mid"),
        _path(view.bid, price, "bid"),
        _path(view.ask, price, "ask"),
        _marks(view.fills, price),
        _paid(view.paid, price),
    ]
    height = 300
    if view.inventory:
        held = Panel(start_ns, end_ns, *room([0, *(v for _, v in view.inventory if v is not None)], MILLION), 290, 76)
        line = ((start_ns, 0), *view.inventory)
        parts += [
            values_axis(held, "contracts", True),
            _area(line, held),
            _path(line, held, "held"),
            _times_axis(held),
        ]
        height = 396
    else:
        parts.append(_times_axis(price))
    return svg(f"m{number}", f"{view.market_id}: price, our quotes and inventory", described, height, parts)


def equity_chart(line: Line, start_ns: int, end_ns: int) -> Html:
    """Draw what the desk earned, marked, over the run."""
    whole: Line = ((start_ns, 0), *line)
    values = [value for _, value in whole if value is not None]
    panel = Panel(start_ns, end_ns, *room(values, MILLION), 14, 190)
    described = (
        f"From {dollars(0)} to {dollars(values[-1])}; lowest {dollars(min(values))}, highest {dollars(max(values))}."
    )
    parts = [values_axis(panel, "USD", True), _area(whole, panel), _path(whole, panel, "held"), _times_axis(panel)]
    return svg("equity", "Profit and loss of the desk, marked, after fees", described, 240, parts)


def vote_chart(votes: Mapping[str, Mapping[str, int]]) -> Html:
    """Draw how each guard voted: one bar a guard, one part a verdict."""
    most = max(sum(said.values()) for said in votes.values())
    rows = []
    for gate, said in votes.items():
        parts = [(verdict.lower(), said[verdict]) for verdict in _verdicts(said)]
        told = ", ".join(f"{said[verdict]:,} {spoken(verdict)}" for verdict in _verdicts(said))
        rows.append((gate, parts, told))
    described = f"{len(rows)} guards; the longest bar is {most:,} votes. The table below holds every number."
    return _bars("votes", "Votes by guard and verdict", described, rows, most, 210)


def reason_chart(counts: Sequence[tuple[str, int, str]]) -> Html:
    """Draw how often each code was a vote's reason; (code, count, severity), the most frequent first."""
    most = max(count for _, count, _ in counts)
    rows = [(code, [(severity.lower(), count)], f"{count:,}") for code, count, severity in counts]
    described = f"{len(rows)} codes; {counts[0][0]} is the most frequent with {most:,} votes."
    return _bars("reasons", "Votes by reason", described, rows, most, 280)


def spoken(verdict: str) -> str:
    """Write a verdict as a word of a sentence."""
    return verdict.lower().replace("_", " ")


def _verdicts(said: Mapping[str, int]) -> list[str]:
    return [verdict for verdict in (*VERDICTS, *sorted(set(said) - set(VERDICTS))) if said.get(verdict)]


# ---- parts ---------------------------------------------------------------------------------------------------------


def svg(name: str, title: str, described: str, height: int, parts: list[Html]) -> Html:
    """Return a picture with its title and description; `name` makes their ids, once on a page."""
    return tag(
        "svg",
        tag("title", title, id=f"{name}-title"),
        tag("desc", described, id=f"{name}-desc"),
        *parts,
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        class_="picture",
    )


def room(values: list[int], least: int) -> tuple[int, int]:
    """Return a range with some air around the values, at least `least` wide."""
    low, high = min(values, default=0), max(values, default=0)
    air = max((high - low) // 14, (least - high + low) // 2, 1)
    return low - air, high + air


def _peak(line: Line) -> int:
    return max((value for _, value in line if value is not None), default=0)


def _trough(line: Line) -> int:
    return min((value for _, value in line if value is not None), default=0)


def _path(line: Line, panel: Panel, kind: str) -> Html:
    """Draw a line in steps; a None lifts the pen."""
    made: list[str] = []
    down = False
    for at_ns, value in line:
        x = panel.x(at_ns)
        if value is None:
            made += [f"H{x:g}"] if down else []
        else:
            made.append(f"H{x:g}V{panel.y(value):g}" if down else f"M{x:g} {panel.y(value):g}")
        down = value is not None
    made += [f"H{panel.x(panel.end_ns):g}"] if down else []
    return tag("path", d="".join(made), class_=f"line {kind}") if made else Html()


def _area(line: Line, panel: Panel) -> Html:
    """Fill between a line and zero."""
    zero, made = f"{panel.y(0):g}", []
    for place, (at_ns, value) in enumerate(line):
        end_ns = line[place + 1][0] if place + 1 < len(line) else panel.end_ns
        if value:
            made.append(f"M{panel.x(at_ns):g} {zero}V{panel.y(value):g}H{panel.x(end_ns):g}V{zero}Z")
    return tag("path", d="".join(made), class_="area") if made else Html()


def values_axis(panel: Panel, unit: str, zero: bool) -> Html:
    """Draw the frame, horizontal lines and their numbers; the unit stands above the numbers."""
    ticks = value_ticks(panel.low, panel.high, max(3, panel.height // 30))
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1
    places = places_for(step)
    parts = []
    for tick in ticks:
        y = panel.y(tick)
        strong = "grid zero" if zero and tick == 0 else "grid"
        parts.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=f"{y:g}", y2=f"{y:g}", class_=strong))
        parts.append(tag("text", decimal(tick, places), x=LEFT - 8, y=f"{y + 4:g}", class_="number"))
    parts.append(tag("text", unit, x=LEFT, y=panel.top - 4, class_="unit"))
    return join(parts)


def _times_axis(panel: Panel) -> Html:
    ticks, seconds = time_ticks(panel.start_ns, panel.end_ns, 9)
    y = panel.bottom
    parts = [tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="axis")]
    for tick in ticks:
        x = f"{panel.x(tick):g}"
        parts.append(tag("line", x1=x, x2=x, y1=y, y2=y + 5, class_="axis"))
        if panel.x(tick) < WIDTH - RIGHT - 60:
            parts.append(tag("text", clock(tick, seconds), x=x, y=y + 19, class_="time"))
    parts.append(tag("text", "UTC", x=WIDTH - RIGHT, y=y + 19, class_="number"))
    return join(parts)


def _spells(spells: Sequence[Spell], panel: Panel, height: int) -> Html:
    """Shade the times without a book that may be believed; neighbours that touch become one."""
    merged: list[list[float]] = []
    for spell in spells:
        left = panel.x(spell.start_ns)
        right = max(panel.x(panel.end_ns if spell.end_ns < 0 else spell.end_ns), left + 2)
        if merged and left <= merged[-1][1] + 0.5:
            merged[-1][1] = max(merged[-1][1], right)
        else:
            merged.append([left, right])
    shades = [
        tag("rect", x=f"{left:g}", y=panel.top, width=f"{right - left:.1f}", height=height, class_="spell")
        for left, right in merged
    ]
    return join(shades)


def _marks(fills: Sequence[Mark], panel: Panel) -> Html:
    """Draw fills: a triangle that points up where we bought, down where we sold; beyond a limit every n-th."""
    parts = []
    for mark in fills[:: -(-len(fills) // MARKS_MAX) or 1]:
        x, y, up = panel.x(mark.at_ns), panel.y(mark.price_micros), mark.side > 0
        tip, base = (y - 6, y + 4) if up else (y + 6, y - 4)
        word = "bought" if up else "sold"
        size, price, fee = decimal(mark.size_micros, 2), decimal(mark.price_micros, 3), decimal(mark.fee_micros, 4)
        told = f"{clock(mark.at_ns)} {word} {size} at {price}, {mark.kind}, fee {fee}"
        points = f"{x:g},{tip:g} {x - 5.5:g},{base:g} {x + 5.5:g},{base:g}"
        parts.append(tag("polygon", tag("title", told), points=points, class_=f"fill {word}"))
    return join(parts)


def _paid(paid: Sequence[Mark], panel: Panel) -> Html:
    """Draw settlements: a ring at what a contract was worth."""
    return join(
        [
            tag(
                "circle",
                tag("title", f"{clock(mark.at_ns)} paid {decimal(mark.price_micros, 2)} a contract"),
                cx=f"{panel.x(mark.at_ns):g}",
                cy=f"{panel.y(mark.price_micros):g}",
                r=6,
                class_="paid",
            )
            for mark in paid
        ]
    )


Bar = tuple[str, list[tuple[str, int]], str]


def _bars(name: str, title: str, described: str, rows: Sequence[Bar], most: int, left: int) -> Html:
    """Draw horizontal bars: label, parts side by side, numbers behind; the smallest part is still 2 pixels wide."""
    room, pitch = 340, 24
    parts = []
    for place, (label, pieces, told) in enumerate(rows):
        y, x = place * pitch, float(left)
        parts.append(tag("text", label, x=left - 10, y=y + 16, class_="label"))
        parts.append(tag("rect", x=left, y=y + 5, width=room, height=14, rx=2, class_="track"))
        for kind, count in pieces:
            width = max(2.0, round(count * room / most, 1))
            parts.append(tag("rect", x=f"{x:g}", y=y + 5, width=f"{width:g}", height=14, class_=f"bar {kind}"))
            x += width
        parts.append(tag("text", told, x=left + room + 12, y=y + 16, class_="told"))
    return svg(name, title, described, len(rows) * pitch + 4, parts)
