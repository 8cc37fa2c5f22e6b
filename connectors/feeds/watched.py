"""Let an operator watch a feed: frames, gaps, what waits for the broker, and whether the venue still speaks."""

from collections.abc import Iterator

from connectors.feeds.session import Session
from connectors.feeds.sinks import FeedSink, TopicSink
from connectors.metrics import Sample, of_spool, of_waiting, sample
from connectors.telemetry import Telemetry


def watched(telemetry: Telemetry, session: Session, sink: FeedSink) -> None:
    """Tell what a session counts; it is ready once a connection has stood. What its data is worth, the lane says."""
    telemetry.watch(lambda: _samples(session, sink), "feed")
    telemetry.check("connected", lambda: "" if session.counts.connects else "no connection has stood yet", "ready")


def _samples(session: Session, sink: FeedSink) -> Iterator[Sample]:
    name, counts = f"feed_{session.venue.name}", session.counts
    yield sample("polytraders_frames_total", counts.frames, lane=name)
    yield sample("polytraders_control_frames_total", counts.events, lane=name)
    yield sample("polytraders_gaps_total", session.judge.gaps, lane=name)
    if isinstance(sink, TopicSink):
        yield from of_waiting(sink.where.rpartition("/")[0], sink.writer.waiting)
        yield from of_spool(name, sink.writer.spool)
