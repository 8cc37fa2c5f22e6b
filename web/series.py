"""Keep long lines short: at most 2,000 points, and every extreme still there.

A line is a tuple of (nanoseconds, value), oldest first; the value None says that there is nothing from then on.
"""

from collections.abc import Sequence

Point = tuple[int, int | None]
Line = tuple[Point, ...]

LIMIT = 2_000
_KEPT = 5


def thin(points: Sequence[Point], limit: int = LIMIT) -> list[Point]:
    """Return at most `limit` points: of each slice of time the first, lowest, highest and last, and one break.

    Source: Jugel et al., "M4: a visualization-oriented time series data aggregation" (VLDB 2014): where slices are no
    wider than a pixel the picture is the same.
    """
    if len(points) <= limit:
        return list(points)
    start, end = points[0][0], points[-1][0]
    slices = max(1, limit // _KEPT)
    if end == start:
        return _extremes(points)[:limit]
    kept: list[Point] = []
    first, edge = 0, 1
    for place in range(1, len(points) + 1):
        at_end = place == len(points)
        if at_end or (points[place][0] - start) * slices // (end - start + 1) >= edge:
            kept += _extremes(points[first:place])
            first = place
            if not at_end:
                edge = (points[place][0] - start) * slices // (end - start + 1) + 1
    return kept


def _extremes(points: Sequence[Point]) -> list[Point]:
    """Return first, lowest, highest, last and the first break of a slice, in their order, none twice."""
    there = [(point[1], place) for place, point in enumerate(points) if point[1] is not None]
    places = {0, len(points) - 1}
    if there:
        places |= {min(there)[1], max(there)[1]}
    if len(there) < len(points):
        places.add(next(place for place, point in enumerate(points) if point[1] is None))
    return [points[place] for place in sorted(places)]


class Track:
    """A line while it grows: remembers changes only, and thins itself so that a long run needs no more memory."""

    __slots__ = ("_points",)

    def __init__(self) -> None:
        """Begin with nothing."""
        self._points: list[Point] = []

    def add(self, at_ns: int, value: int | None) -> None:
        """Note a value from a moment on; the same value again is not news."""
        points = self._points
        if points and points[-1][1] == value:
            return
        if not points and value is None:
            return
        points.append((at_ns, value))
        if len(points) >= 20 * LIMIT:
            self._points = thin(points, 10 * LIMIT)

    def line(self) -> Line:
        """Return the line, thinned."""
        return tuple(thin(self._points))
