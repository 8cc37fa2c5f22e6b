"""Where frames go: a capture that stays open, one that ends, a lane of a topic."""

from pathlib import Path

import pytest

from connectors.capture import Received, open_capture
from connectors.errors import CaptureError, FeedError
from connectors.feeds.sinks import TopicSink, capture_sink
from connectors.feeds.venues import wanted
from connectors.kafka_records import FrameReader, Record, origin_of
from connectors.spool import Spool
from connectors.spooled import SpooledWriter

WHAT = wanted("polymarket", ["111"], base="ws://127.0.0.1:9")
AT = 1_795_194_000_000_000_000
BATCH = [Received(AT, "market-0@1", 1, event="connected"), Received(AT + 1, "market-0@1", 2, b'{"x":1}')]


@pytest.mark.parametrize("ends", [True, False])
def test_a_capture_says_whether_it_is_over(tmp_path: Path, ends: bool) -> None:
    """Only a recording does; a feed may be started again on its file, and is then gone on with."""
    path = tmp_path / "x.jsonl"
    with capture_sink(WHAT, path, ends=ends) as sink:
        sink.write(BATCH)
        sink.end(AT + 2)
    assert ends is (b'"rotated"' in path.read_bytes().splitlines()[-1])
    with capture_sink(WHAT, path, ends=ends) as sink:
        sink.write([Received(AT + 3, "market-0@2", 1, b'{"x":2}')])
    frames = [frame.data for frame in open_capture(path) if frame.dialect == "clob_v2"]
    assert [b'{"x":1}', b'{"x":2}'] == frames


def test_a_file_of_something_else_is_not_written_to(tmp_path: Path) -> None:
    """Another venue's recording, or a folder."""
    path = tmp_path / "x.jsonl"
    with capture_sink(WHAT, path, ends=True):
        pass
    with pytest.raises(CaptureError, match="holds another recording"):
        capture_sink(wanted("bitget", ["BTCUSDT"]), path, ends=True)
    with pytest.raises(FeedError, match="is a folder; allowed: a file"):
        capture_sink(WHAT, tmp_path, ends=True)


class _Writer:
    """A broker that takes everything at once."""

    topic = "paper.raw.polymarket"

    def __init__(self) -> None:
        self.records: list[tuple[int, Record]] = []
        self.waiting = self.handed = self.acknowledged = 0

    def write(self, partition: int, records: list[Record]) -> None:
        self.records += [(partition, record) for record in records]
        self.handed = self.acknowledged = len(self.records)

    def poll(self, wait_s: float = 0.0) -> None:
        """Hear nothing."""


def test_a_lane_gets_what_a_capture_gets(tmp_path: Path) -> None:
    """Message for message, in order, behind the word that they are in time; whoever reads it has the same frames."""
    writer, origin = _Writer(), origin_of("feed 1")
    spooled = SpooledWriter(writer, Spool(tmp_path, 1 << 20), origin, now_ns=lambda: AT)  # type: ignore[arg-type]
    with TopicSink(spooled, writer.topic, 3, "clob_v2", origin) as sink:
        sink.write(BATCH)
        sink.end(AT)
    assert ("paper.raw.polymarket/3", {3}) == (sink.where, {lane for lane, _ in writer.records})
    reader = FrameReader(0, {})
    frames = [reader.frame(offset, *record, lambda: (0, 0)) for offset, (_, record) in enumerate(writer.records)]
    found = [(frame.at_ns, frame.dialect, frame.conn) for frame in frames if frame is not None]
    lane = [(AT, "connection", "market-0@1"), (AT + 1, "clob_v2", "market-0@1")]
    assert [(AT, "connection", "spool"), *lane] == found
