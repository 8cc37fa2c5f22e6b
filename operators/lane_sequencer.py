"""Put what several partitions deliver into one order, and time among them, as a step that can be stopped and taken up.

The order is that of `sequencer.merge`: (arrival, source rank, source position), with a clock frame at each second that
passes. A frame waits until no source of the lane can still say anything that stands before it; so a lane of one source
never waits, and a lane of several is as late as its quietest (a feed says a beat in each idle second). How the
messages were cut into batches, and which partition was read first, changes nothing.
"""

from bisect import bisect_right
from collections.abc import Sequence

from contracts.ids import CLOCK_SOURCE
from operators.normalise.frames import ENDED, Frame
from operators.sequencer import Seconds, place

__all__ = ["LaneSequencer"]

NEVER = (-1, -1, -1)
ALWAYS = (1 << 63, 0, 0)


class LaneSequencer:
    """One lane's order. Picklable; remembers what waits, at most what its sources are apart."""

    __slots__ = ("_ended", "_latest", "_seconds", "_waiting")

    def __init__(self, sources: Sequence[int], clock: int = CLOCK_SOURCE) -> None:
        """Take the numbers of the sources, all of which must speak or end, and the source of the ticks."""
        self._latest: dict[int, tuple[int, int, int]] = dict.fromkeys(sources, NEVER)
        self._ended: set[int] = set()
        self._waiting: list[Frame] = []
        self._seconds = Seconds(clock)

    @property
    def held_by(self) -> list[int]:
        """Sources that everything else waits for: those that said least of all, where something waits."""
        if not self._waiting:
            return []
        behind = self._behind()
        return [source for source, said in self._latest.items() if said == behind and source not in self._ended]

    def step(self, frames: Sequence[Frame]) -> list[Frame]:
        """Take in what one source delivered; return what can pass, clock frames among it.

        A source that speaks after it ended speaks after everything that has passed meanwhile.
        """
        latest, ended = self._latest, self._ended
        for frame in frames:
            source = frame.source
            floor = latest[source][0]
            if frame.dialect == ENDED:
                ended.add(source)
                continue
            if source in ended:
                ended.remove(source)
                floor = max(floor, self._seconds.at_ns)
            if frame.at_ns < floor:
                frame = Frame(source, frame.position, floor, frame.dialect, frame.data, frame.conn)
            latest[source] = place(frame)
            self._waiting.append(frame)
        return self._passing(self._behind())

    def close(self) -> list[Frame]:
        """Return what still waits, at the end of the input."""
        return self._passing(ALWAYS)

    def _behind(self) -> tuple[int, int, int]:
        """Return the place before which nothing can come any more: where the source is that is farthest behind."""
        return min((said for source, said in self._latest.items() if source not in self._ended), default=ALWAYS)

    def _passing(self, until: tuple[int, int, int]) -> list[Frame]:
        """Return what stands at or before a place: whatever comes later stands after it."""
        waiting = self._waiting
        if len(self._latest) > 1:
            waiting.sort(key=place)
        end = len(waiting) if len(self._latest) == 1 else bisect_right(waiting, until, key=place)
        self._waiting = waiting[end:]
        return self._seconds.among(waiting[:end])
