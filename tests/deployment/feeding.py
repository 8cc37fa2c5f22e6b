"""Write recordings to raw topics as a feed does, at a stated pace; a new start goes on after what stands there.

    python -m tests.deployment.feeding BOOTSTRAP PREFIX RATE VENUE=FILE ...

All recordings of a prefix are written in the order of their arrivals, so that no lane runs far ahead of another. Each
message is one record, and the last one says that nothing more comes; so the end of a topic says how far a writer was
that was killed.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from pathlib import Path

from connectors.access import Access
from connectors.capture import open_capture
from connectors.kafka_client import Reader, Writer
from connectors.kafka_records import Record, frame_key, origin_of, record_of
from connectors.namespace import raw_topic
from operators.normalise.frames import ENDED

TICK_S, BURST = 0.02, 1_000
Placed = tuple[int, str, int, Record]


def records(venue: str, path: Path) -> Iterator[Placed]:
    """Yield (arrival, venue, place, record) of a recording, and after its frames that nothing more comes."""
    capture = open_capture(path)
    origin, number, at_ns = origin_of(capture.source_id), 0, 0
    for number, frame in enumerate(capture, 1):
        at_ns = max(at_ns, frame.at_ns)
        yield at_ns, venue, number - 1, record_of(frame, origin)
    yield at_ns, venue, number, (frame_key(at_ns, number + 1, origin, ENDED, ""), b"")


def placed(captures: Mapping[str, Path]) -> list[Placed]:
    """Return the records of recordings in the order of their arrivals."""
    return list(merge(*(records(venue, path) for venue, path in captures.items())))


def put(access: Access, prefix: str, given: Sequence[Placed], rate: int = 0) -> None:
    """Write records to partition 0 of their topics, at so many a second; 0: as fast as possible."""
    writers = {venue: Writer(access, raw_topic(prefix, venue)) for venue in dict.fromkeys(each[1] for each in given)}
    burst = max(1, round(rate * TICK_S)) if rate else BURST
    begun = time.perf_counter()
    for first in range(0, len(given), burst):
        for venue, writer in writers.items():
            writer.write(0, [record for _, of, _, record in given[first : first + burst] if of == venue])
        if rate:
            time.sleep(max(0.0, begun + (first + burst) / rate - time.perf_counter()))
    for writer in writers.values():
        writer.flush()


def feed(access: Access, prefix: str, captures: Mapping[str, Path], rate: int = 0) -> None:
    """Write recordings, going on after what stands in their topics."""
    done = {venue: _written(access, raw_topic(prefix, venue)) for venue in captures}
    put(access, prefix, [each for each in placed(captures) if each[2] >= done[each[1]]], rate)


def _written(access: Access, topic: str) -> int:
    reader = Reader(access, "feeding", topic, 0)
    try:
        return reader.bounds()[1]
    finally:
        reader.close()


def main() -> int:
    """Feed what the command line names."""
    bootstrap, prefix, rate, *parts = sys.argv[1:]
    named = dict(part.split("=", 1) for part in parts)
    feed(Access(bootstrap), prefix, {venue: Path(file) for venue, file in named.items()}, int(rate))
    return 0


if __name__ == "__main__":
    sys.exit(main())
