"""Put what a feed hears into a capture, or into the topic of its venue.

A capture of `pt feed` stays open: the feed may be started again on it, and whoever follows it waits. One of `pt record`
ends with `rotated`, which tells who follows it that nothing more comes.
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from connectors.capture import CaptureWriter, Received
from connectors.errors import FeedError
from connectors.feeds.session import RECORDER
from connectors.feeds.venues import KNOWN, Wanted

if TYPE_CHECKING:
    from connectors.access import Access
    from connectors.spooled import SpooledWriter

DRAIN_S = 10.0
SPOOL_BYTES = 4 << 30


class FeedSink(Protocol):
    """A place for frames that is opened once and closed once; `where` names it for people."""

    where: str

    def write(self, batch: Sequence[Received], /) -> None:
        """Keep messages durably, in order; blocks until they are. Raises EdgeError when they are not."""

    def end(self, at_ns: int) -> None:
        """Note that the feed has come to its end."""

    def __enter__(self) -> Self:
        """Use it in a `with` block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""


class CaptureSink:
    """A recording of ours."""

    def __init__(self, writer: CaptureWriter, *, ends: bool) -> None:
        """Take the writer, and whether the recording is over when the feed is."""
        self.where = str(writer.path)
        self._writer, self._ends = writer, ends

    def write(self, batch: Sequence[Received], /) -> None:
        """Append and wait for the disk."""
        self._writer.write(batch)

    def end(self, at_ns: int) -> None:
        """Say in the recording that it is over, where that is so."""
        if self._ends:
            self._writer.write([Received(at_ns, RECORDER, 0, event="rotated")])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()


def capture_sink(what: Wanted, path: Path, *, ends: bool) -> FeedSink:
    """Open or make a recording; raises CaptureError for a file that holds something else."""
    if path.is_dir():
        raise FeedError(f"{path}: is a folder; allowed: a file")
    labels = {"markets": ",".join(what.markets), "hosts": ",".join(what.places.hosts())}
    return CaptureSink(CaptureWriter(path, what.venue, KNOWN[what.venue].dialect, labels), ends=ends)


class TopicSink:
    """A lane of a venue's raw topic; what the broker does not take at once goes to a spool, so no message is lost."""

    def __init__(self, writer: "SpooledWriter", where: str, lane: int, dialect: str, origin: bytes) -> None:
        """Take the writer, the topic's name and partition, how frames are read, and who counts them."""
        from connectors.kafka_records import record_of_received

        self.where = f"{where}/{lane}"
        self.writer = writer
        self._lane, self._dialect, self._origin = lane, dialect, origin
        self._record = record_of_received

    def write(self, batch: Sequence[Received], /) -> None:
        """Hand the batch on: when it returns, all of it is under way or on disk. Waits while both are full."""
        self.writer.write(self._lane, [self._record(each, self._dialect, self._origin) for each in batch])

    def end(self, at_ns: int) -> None:
        """Say nothing: a topic has no end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hand on what is still here; what the broker does not take in time stays on disk for the next start."""
        self.writer.drain(time.monotonic() + DRAIN_S)


def topic_sink(what: Wanted, access: "Access", prefix: str, lane: int, state: Path) -> TopicSink:
    """Open a lane of the venue's topic under a prefix, with a spool below `state`.

    Raises BrokerError, SpoolError, or Refused for a prefix that is none.
    """
    from connectors.kafka_client import Writer
    from connectors.kafka_records import origin_of
    from connectors.namespace import mode_of, raw_topic, state_folder
    from connectors.spool import Spool
    from connectors.spooled import SpooledWriter

    writer = Writer(access, raw_topic(prefix, what.venue), math.inf)
    if not 0 <= lane < writer.partitions:
        raise FeedError(f"--lane {lane}: topic {writer.topic} has lanes 0 to {writer.partitions - 1}")
    folder = state_folder(state, mode_of(prefix), "feed") / f"{prefix}.{what.venue}.{lane}"
    origin = origin_of(f"feed {what.venue} {time.time_ns()}")  # another at each start: numbers begin again
    spooled = SpooledWriter(writer, Spool(folder, SPOOL_BYTES), origin)
    return TopicSink(spooled, writer.topic, lane, KNOWN[what.venue].dialect, origin)
