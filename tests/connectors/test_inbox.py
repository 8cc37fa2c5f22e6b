"""A submitter's inbox gives what its desk signed, from the noted place on, and half a line never."""

import time
from pathlib import Path

import pytest

from connectors.errors import BrokerError, EdgeError
from connectors.event_log import EventLog
from connectors.inbox import FileInbox, TopicInbox, line_of
from connectors.kafka_client import Writer
from connectors.orders import record_of_order
from connectors.outbox import Event
from connectors.quote_lines import QuoteLines
from contracts.base import Refused
from operators.last_gate import Quote
from tests import world
from tests.connectors.mock_kafka import MockKafka
from tests.connectors.signed_keys import DESK, OTHER, SCOPE, verifier
from tests.flows.submitting import order_row

ROWS = [order_row(n, 1_760_000_000_000_000_000) for n in range(3)]
LINES = [line_of(record_of_order(row, DESK, SCOPE)) for row in ROWS]


def inbox(path: Path) -> FileInbox:
    """Return the inbox of a file."""
    return FileInbox("lab", path, verifier(), "paper")


def test_orders_are_taken_from_the_noted_place_on(tmp_path: Path) -> None:
    """Two, then the place, then by another reader the third; a file that comes later is waited for."""
    path = tmp_path / "orders"
    reader = inbox(path)
    reader.begin("")
    assert [] == reader.take(9).rows
    path.write_bytes(b"".join(LINES))
    assert ROWS[:2] == reader.take(2).rows
    later = inbox(path)
    later.begin(reader.place())
    assert (ROWS[2:], []) == (later.take(9).rows, later.take(9).rows)
    later.close()


def test_half_a_line_waits(tmp_path: Path) -> None:
    """An order that is still being written is taken when it is whole."""
    path = tmp_path / "orders"
    path.write_bytes(LINES[0] + LINES[1][:100])
    reader = inbox(path)
    assert ROWS[:1] == reader.take(9).rows
    path.write_bytes(LINES[0] + LINES[1])
    assert ROWS[1:2] == reader.take(9).rows


def test_what_is_not_signed_is_an_incident(tmp_path: Path) -> None:
    """A stranger's order, a torn one and rubbish: three incidents, and the good one between them is taken."""
    path = tmp_path / "orders"
    path.write_bytes(line_of(record_of_order(ROWS[0], OTHER, SCOPE)) + LINES[1] + b"rubbish\n" + LINES[2][:80] + b"\n")
    found = inbox(path).take(9)
    assert (ROWS[1:2], 3) == (found.rows, len(found.incidents))


def test_a_file_that_shrank_is_refused(tmp_path: Path) -> None:
    """What is known would be taken again, or what is new never."""
    path = tmp_path / "orders"
    path.write_bytes(b"".join(LINES))
    reader = inbox(path)
    reader.take(9)
    path.write_bytes(LINES[0])
    with pytest.raises(Refused, match="shorter"):
        inbox(path).begin(reader.place())


def test_orders_are_taken_from_a_topic(tmp_path: Path) -> None:
    """From the first record, then from the noted place; a place of a topic that was made again is refused."""
    cluster = MockKafka()
    try:
        topic = cluster.topic("paper.outbox", 1)
        writer = Writer(cluster.access, topic)
        writer.write(0, [record_of_order(row, DESK, SCOPE) for row in ROWS])
        writer.flush()
        reader = of_topic(cluster)
        reader.begin("")
        found: list[object] = []
        until = time.monotonic() + 20
        while len(found) < 2 and time.monotonic() < until:
            found += reader.take(2).rows
        assert ROWS[:2] == found
        place = reader.place()
        reader.close()
        later = of_topic(cluster)
        later.begin(place)
        while len(found) < 3 and time.monotonic() < until:
            found += later.take(9).rows
        assert ROWS == found
        with pytest.raises(BrokerError, match="made again"):
            later.begin('["another",0]')
        later.close()
    finally:
        cluster.close()


def of_topic(cluster: MockKafka) -> TopicInbox:
    """Return the inbox of the topic's one part."""
    return TopicInbox("lab", cluster.access, "paper.outbox", 0, "test", verifier(), "paper")


def events(*numbers: int) -> list[Event]:
    """Return events of numbers."""
    return [Event(number, 5, "lab", world.order_event()) for number in numbers]


def test_an_event_goes_back_once_whatever_is_torn(tmp_path: Path) -> None:
    """Said again it is left out, after a restart too; a torn line is cut off and written whole."""
    path = tmp_path / "events"
    log = EventLog(path)
    log(events(1, 2))
    log(events(1, 2))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    log = EventLog(path)
    assert (2, whole) == (log.last, path.read_bytes())
    log(events(1, 2, 3))
    assert (3, 3) == (EventLog(path).last, len(path.read_bytes().splitlines()))


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """Its last line is no event: nothing is appended."""
    (tmp_path / "events").write_text("hello\n")
    with pytest.raises(EdgeError, match="is no event"):
        EventLog(tmp_path / "events")


def test_the_newest_quote_counts(tmp_path: Path) -> None:
    """Half a line waits, rubbish is counted, a file that is away gives nothing new, one that shrank begins again."""
    path = tmp_path / "quotes"
    quotes = QuoteLines(path)
    assert quotes.newest("M") is None
    line = '{"market_id":"M","bid_ticks":%d,"ask_ticks":46,"bid_lots":1,"ask_lots":2,"at_ns":9}\n'
    path.write_text(line % 44 + "rubbish\n" + (line % 45)[:20])
    assert (Quote(44, 46, 1, 2, 9), 1) == (quotes.newest("M"), quotes.unread)
    path.write_text(line % 44 + "rubbish\n" + line % 45)
    assert 45 == quotes.newest("M").bid_ticks
    path.unlink()
    assert 45 == quotes.newest("M").bid_ticks
    path.write_text(line % 40)
    assert 40 == quotes.newest("M").bid_ticks
