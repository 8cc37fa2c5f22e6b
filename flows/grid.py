"""Spell out a grid of parameters: every combination of the values given, each checked before anything runs.

A sweep that stops at its fortieth point because of a typing error in the fortieth value has cost an hour. And the
deflated Sharpe ratio counts trials, so a value that is given twice, however it is spelled, would count twice: it is
refused.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import product
from math import prod
from pathlib import Path
from typing import NamedTuple

from bots.kit import configure
from bots.registry import library
from contracts.base import Refused
from flows.desks import Desk, load_desk

POINTS_MAX = 10_000
RANGE = ".."


class Axis(NamedTuple):
    """One parameter, `layer.bot.parameter`, and the values it takes, as they were written."""

    parameter: str
    values: tuple[str, ...]


class Point(NamedTuple):
    """One combination: a value for every parameter, and the desk that has them."""

    values: tuple[tuple[str, str], ...]
    desk: Desk

    @property
    def named(self) -> dict[str, str]:
        """Parameter to value."""
        return dict(self.values)

    @property
    def label(self) -> str:
        """The point as a person would type it."""
        return " ".join(f"{name}={value}" for name, value in self.values)


def axes_of(sets: Sequence[str]) -> list[Axis]:
    """Read `BOT.PARAM=A,B,C`, where a part may be `FROM..TO..STEP`, both ends included; raises Refused naming it."""
    if not sets:
        raise Refused("--set is missing; allowed: BOT.PARAM=A,B,C, as in strat.maker_tight.gamma=0.05,0.1,0.2")
    axes = [_axis(text) for text in sets]
    names = [axis.parameter for axis in axes]
    for name in names:
        if names.count(name) > 1:
            raise Refused(f"--set {name}: named twice; give all its values in one list")
    count = prod(len(axis.values) for axis in axes)
    if count > POINTS_MAX:
        raise Refused(f"--set: {count} combinations; allowed: at most {POINTS_MAX}")
    return axes


def points_of(axes: Sequence[Axis], desk: str, config: Path) -> list[Point]:
    """Return every combination, the last parameter changing fastest; raises Refused for a value out of bounds."""
    for axis in axes:
        _runs(axis, load_desk(desk, config))
        _distinct(axis, [load_desk(desk, config, [f"{axis.parameter}={value}"]) for value in axis.values])
    made = []
    for values in product(*(axis.values for axis in axes)):
        pairs = tuple(zip((axis.parameter for axis in axes), values, strict=True))
        made.append(Point(pairs, load_desk(desk, config, [f"{name}={value}" for name, value in pairs])))
    return made


def _axis(text: str) -> Axis:
    name, equals, listed = text.partition("=")
    bot, dot, parameter = name.strip().rpartition(".")
    if not (equals and dot and bot and parameter):
        raise Refused(f"--set {text!r}: not of the form BOT.PARAM=A,B,C, as in strat.maker_tight.gamma=0.05,0.1,0.2")
    try:
        found = library().resolve(bot)
    except Refused as err:
        raise Refused(f"--set {text}: {err}") from None
    values = tuple(value for part in listed.split(",") for value in _spread(part.strip(), text))
    if not all(values):
        raise Refused(f"--set {text!r}: a value is empty; allowed: one value or more, with commas between")
    return Axis(f"{found}.{parameter}", values)


def _spread(part: str, text: str) -> Iterator[str]:
    """Yield the values of one part of a list: itself, or every step of a range, exactly."""
    if RANGE not in part:
        yield part
        return
    try:
        first, last, step = (Decimal(number) for number in part.split(RANGE))
        finite = first.is_finite() and last.is_finite() and step.is_finite()
    except (InvalidOperation, ValueError):
        finite, first, last, step = False, Decimal(0), Decimal(0), Decimal(0)
    if not finite or step <= 0 or last < first:
        raise Refused(f"--set {text}: {part!r} is no range; allowed: FROM..TO..STEP, rising, as in 1..5..1")
    count = int((last - first) / step) + 1
    if count > POINTS_MAX:
        raise Refused(f"--set {text}: {part!r} has {count} values; allowed: at most {POINTS_MAX}")
    yield from (f"{first + number * step:f}" for number in range(count))


def _runs(axis: Axis, desk: Desk) -> None:
    """Refuse a parameter that no decision can depend on."""
    bot_id = axis.parameter.rpartition(".")[0]
    if bot_id not in desk.bots or library().by_id[bot_id].runs_in == "govern":
        raise Refused(f"--set {axis.parameter}: {bot_id} does not run in desk {desk.desk_id}; allowed: a bot that does")


def _distinct(axis: Axis, desks: Sequence[Desk]) -> None:
    """Refuse a value that means the same as another one."""
    bot_id, _, name = axis.parameter.rpartition(".")
    config = library().bot(bot_id).config
    seen: dict[object, str] = {}
    for value, desk in zip(axis.values, desks, strict=True):
        meant = getattr(configure(bot_id, config, desk.overrides[bot_id]), name)
        if meant in seen:
            raise Refused(f"--set {axis.parameter}={value}: means the same as {seen[meant]}; give each value once")
        seen[meant] = value
