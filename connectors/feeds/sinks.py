"""Put what a feed hears into a capture, or into the topic of its venue.

A capture of `pt feed` stays open: the feed may be started again on it, and whoever follows it waits. One of `pt record`
ends with `rotated`, which tells who follows it that nothing more comes.
"""

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
    from connectors.kafka_client import Writer


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
    """A lane of a venue's raw topic; a batch is kept when the broker has acknowledged each record of it."""

    def __init__(self, writer: "Writer", lane: int, dialect: str, origin: str) -> None:
        """Take the writer, the partition, how frames are read, and who counts them: another at each start."""
        from connectors.kafka_records import origin_of, record_of_received

        self.where = f"{writer.topic}/{lane}"
        self._writer, self._lane, self._dialect, self._origin = writer, lane, dialect, origin_of(origin)
        self._record = record_of_received

    def write(self, batch: Sequence[Received], /) -> None:
        """Hand the batch on and wait until all of it is acknowledged."""
        self._writer.write(self._lane, [self._record(each, self._dialect, self._origin) for each in batch])
        self._writer.flush()

    def end(self, at_ns: int) -> None:
        """Say nothing: a topic has no end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Have nothing to close: each batch has been acknowledged."""


def topic_sink(what: Wanted, access: "Access", prefix: str, lane: int) -> FeedSink:
    """Open a lane of the venue's topic under a prefix; raises BrokerError, or Refused for a prefix that is none."""
    from connectors.kafka_client import Writer
    from connectors.namespace import raw_topic

    writer = Writer(access, raw_topic(prefix, what.venue))
    if not 0 <= lane < writer.partitions:
        raise FeedError(f"--lane {lane}: topic {writer.topic} has lanes 0 to {writer.partitions - 1}")
    return TopicSink(writer, lane, KNOWN[what.venue].dialect, f"feed {what.venue} {time.time_ns()}")
