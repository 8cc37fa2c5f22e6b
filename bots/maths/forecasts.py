"""Hold what was forecast of markets at fixed hours before their scheduled end, until they resolve, and file the scores.

    passed = number of horizons h with left <= h;  held at h when left - h is at most h / 20 late

Symbols: left the time to the scheduled end. Horizons are longest first. A market met for the first time has passed what
it has passed: nothing is held of that. When the end is put off, what was held at horizons that have not passed any more
is given up. Beyond `PENDING_MAX` markets the one whose end was due first is forgotten; beyond `KEYS_MAX` scores or
slopes a new key shares the empty one. Source: rule of intel.calibration_monitor.
"""

from collections.abc import Sequence

from msgspec import Struct

from bots.maths.calibration import Logistic, Pair, Score, learnt, scored
from bots.maths.ordered import drop, find, put

HOUR_NS = 3_600_000_000_000
PENDING_MAX, KEYS_MAX = 20_000, 2_000
LATE = 20  # a forecast may be late by this part of its horizon


class Held(Struct, frozen=True, gc=False):
    """A forecast held at a horizon of so many hours: the probability of the model (below 0 none) and of the market."""

    hours: int
    p: float
    q: float
    model: str


class Pending(Struct, frozen=True, gc=False):
    """How many horizons a market has passed, when it is due to end, and what is held of it, longest horizon first."""

    passed: int
    expiry_ns: int
    held: tuple[Held, ...] = ()


class Forecasts(Struct, frozen=True, gc=False):
    """The markets that have not resolved, by id."""

    ids: tuple[str, ...] = ()
    pending: tuple[Pending, ...] = ()


class Files(Struct, frozen=True, gc=False):
    """Scores by key, and regressions by category."""

    keys: tuple[str, ...] = ()
    scores: tuple[Score, ...] = ()
    categories: tuple[str, ...] = ()
    slopes: tuple[Logistic, ...] = ()


def horizons(text: str) -> tuple[int, ...]:
    """Return the hours of a list such as "1,24,168", longest first, each once."""
    return tuple(sorted({int(part) for part in text.split(",")}, reverse=True))


def passing(
    forecasts: Forecasts,
    name: str,
    hours: Sequence[int],
    expiry_ns: int,
    now: int,
    known: tuple[float, float, str] | None,
) -> Forecasts:
    """Return the forecasts after time has passed for a market; the same object when it passed no horizon.

    `known` is what is forecast now: the model's probability (below 0 none), the market's, and the model's version.
    """
    left = expiry_ns - now
    passed = sum([left <= h * HOUR_NS for h in hours])
    place = find(forecasts.ids, name)
    if place < 0:
        fresh = _roomy(forecasts) if passed < len(hours) else forecasts
        return _put(fresh, name, Pending(passed, expiry_ns)) if passed < len(hours) else forecasts
    old = forecasts.pending[place]
    if passed == old.passed:
        return forecasts
    held = tuple([forecast for forecast in old.held if forecast.hours in hours[:passed]])
    for h in hours[old.passed : passed]:
        if known is not None and (h * HOUR_NS - left) * LATE <= h * HOUR_NS:
            held = (*held, Held(h, *known))
    return _put(forecasts, name, Pending(passed, expiry_ns, held))


def taken(forecasts: Forecasts, name: str) -> tuple[Forecasts, tuple[Held, ...]]:
    """Return the forecasts without a market, and what was held of it."""
    place = find(forecasts.ids, name)
    if place < 0:
        return forecasts, ()
    return _without(forecasts, place), forecasts.pending[place].held


def filed(files: Files, key: str, pairs: Sequence[Pair], y: float) -> tuple[Files, Score]:
    """Return the files after a market resolved to `y` under a key, and the key's score; `pairs` are (model, market)."""
    key = key if len(files.keys) < KEYS_MAX or find(files.keys, key) >= 0 else ""
    place = find(files.keys, key)
    score = scored(files.scores[place] if place >= 0 else Score(), pairs, y)
    keys = files.keys if place >= 0 else put(files.keys, place, key)
    return Files(keys, put(files.scores, place, score), files.categories, files.slopes), score


def sloped(files: Files, category: str, q: float, y: float) -> tuple[Files, Logistic]:
    """Return the files after a market of a category and price `q` resolved to `y`, and the category's regression."""
    category = category if len(files.categories) < KEYS_MAX or find(files.categories, category) >= 0 else ""
    place = find(files.categories, category)
    fit = learnt(files.slopes[place] if place >= 0 else Logistic(), q, y)
    categories = files.categories if place >= 0 else put(files.categories, place, category)
    return Files(files.keys, files.scores, categories, put(files.slopes, place, fit)), fit


def score_of(files: Files, key: str) -> Score:
    """Return the score of a key; an empty one when nothing was filed under it."""
    place = find(files.keys, key)
    return files.scores[place] if place >= 0 else Score()


def _put(forecasts: Forecasts, name: str, pending: Pending) -> Forecasts:
    place = find(forecasts.ids, name)
    ids = forecasts.ids if place >= 0 else put(forecasts.ids, place, name)
    return Forecasts(ids, put(forecasts.pending, place, pending))


def _without(forecasts: Forecasts, place: int) -> Forecasts:
    return Forecasts(drop(forecasts.ids, place), drop(forecasts.pending, place))


def _roomy(forecasts: Forecasts) -> Forecasts:
    if len(forecasts.ids) < PENDING_MAX:
        return forecasts
    return _without(forecasts, min(range(len(forecasts.ids)), key=lambda place: forecasts.pending[place].expiry_ns))
