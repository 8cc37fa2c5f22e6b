"""Stand in for a broker that can be away or slow, behind the writer of a feed, with a clock that tests move."""

from collections.abc import Iterable, Sequence

from connectors.kafka_records import FrameReader, Record
from operators.normalise.frames import Frame

SECOND_NS = 1_000_000_000
START_NS = 1_760_000_000 * SECOND_NS


class Away:
    """A writer over a log in memory: what is handed on is acknowledged `delay_s` later, unless nobody answers.

    log      partition -> records as the broker has them
    now_s    seconds on the only clock
    answers  False while the broker is away
    """

    def __init__(self) -> None:
        """Begin with a broker that answers at once."""
        self.log: dict[int, list[Record]] = {}
        self.now_s, self.delay_s, self.answers = 0.0, 0.0, True
        self.handed = self.acknowledged = 0
        self._under_way: list[tuple[float, int]] = []

    @property
    def waiting(self) -> int:
        """Records that are not acknowledged yet."""
        return self.handed - self.acknowledged

    def clock(self) -> float:
        """Return seconds."""
        return self.now_s

    def now_ns(self) -> int:
        """Return the wall's time."""
        return START_NS + int(self.now_s * SECOND_NS)

    def write(self, partition: int, records: Sequence[Record]) -> None:
        """Take records; the log keeps them in the order in which they came."""
        self.log.setdefault(partition, []).extend(records)
        self.handed += len(records)
        self._under_way.append((self.now_s, self.handed))

    def poll(self, wait_s: float = 0.0) -> None:
        """Hear what was acknowledged; time passes while it waits."""
        self.now_s += wait_s
        while self.answers and self._under_way and self.now_s >= self._under_way[0][0] + self.delay_s:
            self.acknowledged = self._under_way.pop(0)[1]


def frames_of(records: Iterable[Record], source: int = 0) -> list[Frame]:
    """Read a partition from its beginning, as a lane does."""
    reader = FrameReader(source, {})
    found = [reader.frame(offset, key, value, lambda: (0, 0)) for offset, (key, value) in enumerate(records)]
    return [frame for frame in found if frame is not None]
