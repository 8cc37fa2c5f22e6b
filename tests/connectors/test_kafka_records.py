"""A record's key carries what the edge knows, to the bit; what is not ours is kept, and what was said twice is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import kafka_records
from connectors.capture import Received
from connectors.kafka_records import FrameReader, Heading, frame_key, heading_of, origin_of, record_of, record_of_block
from contracts.base import Refused
from contracts.envelope import Block
from contracts.ids import fact_id, fact_parts
from operators.envelope import Chain
from operators.normalise import Normaliser
from operators.normalise.frames import CONNECTION, Frame

ORIGIN = origin_of("a session")
U64 = st.integers(0, (1 << 64) - 1)
ASCII = st.text(st.characters(max_codepoint=127), min_size=1, max_size=255)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=120)


def stamped() -> tuple[int, int]:
    """Return a record's time as the client gives it: its kind and its milliseconds."""
    return 1, 1_700_000_000_000


@given(U64, U64, st.binary(min_size=8, max_size=8), ASCII, TEXT)
def test_a_key_is_read_as_it_was_written(at_ns: int, number: int, origin: bytes, dialect: str, conn: str) -> None:
    """Every field comes back, whatever is in it."""
    assert Heading(at_ns, number, origin, dialect, conn) == heading_of(frame_key(at_ns, number, origin, dialect, conn))


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_no_record_stops_the_reader(key: bytes, value: bytes) -> None:
    """Whatever key a stranger wrote, a frame comes of it with the bytes of the value, or it is ours."""
    reader = FrameReader(3, {})
    frame = reader.frame(41, key, value, stamped)
    assert frame is not None
    assert (3, 42, value) == (frame.source, frame.position, frame.data)
    assert reader.unreadable == int(heading_of(key) is None)
    if heading_of(key) is None:
        assert ("", 1_700_000_000_000_000_000) == (frame.dialect, frame.at_ns)


def test_a_stranger_s_record_becomes_a_dead_letter_with_its_bytes() -> None:
    """A record without our key is buried under its offset + 1, and nothing stops."""
    frame = FrameReader(0, {}).frame(7, None, b"\xff\x00", stamped)
    assert frame is not None
    (letter,) = Normaliser({0: "topic/0"}).step([frame]).dead
    assert ("topic/0", 8, "ff00", "INTEL_FRAME_UNKNOWN_KIND") == (
        letter.source_id,
        letter.position,
        letter.data,
        letter.reason,
    )


@pytest.mark.parametrize(
    ("at_ns", "number", "origin", "dialect"),
    [(-1, 1, ORIGIN, "kalshi"), (1, 1 << 64, ORIGIN, "kalshi"), (1, 1, b"x", "kalshi"), (1, 1, ORIGIN, ""),
     (1, 1, ORIGIN, "k" * 256), (1, 1, ORIGIN, "k\xe4lshi")],
)  # fmt: skip
def test_what_a_key_cannot_hold_is_refused(at_ns: int, number: int, origin: bytes, dialect: str) -> None:
    """A value out of bounds is named, never cut to fit."""
    with pytest.raises(Refused, match="frame key: at_ns"):
        frame_key(at_ns, number, origin, dialect, "c")


def test_a_frame_comes_back_as_it_was() -> None:
    """Position p of a recording that is fed line by line from offset 0 is read as position p."""
    reader = FrameReader(2, {})
    frames = [Frame(2, n, 1_000 + n, "kalshi", b"{%d}" % n, "c1") for n in range(1, 50)]
    records = [record_of(frame, ORIGIN) for frame in frames]
    assert frames == [reader.frame(offset, key, value, stamped) for offset, (key, value) in enumerate(records)]


def test_what_was_said_twice_is_left_out() -> None:
    """The same origin, dialect, connection and number is one message; another origin or connection is another."""
    reader = FrameReader(0, {})
    said = [*[(n, "c1", "a") for n in (1, 2, 1, 2, 3)], (1, "c2", "a"), (1, "c1", "b")]
    keys = [frame_key(9, number, origin_of(origin), "kalshi", conn) for number, conn, origin in said]
    taken = [offset for offset, key in enumerate(keys) if reader.frame(offset, key, b"x", stamped) is not None]
    assert ([0, 1, 4, 5, 6], 2) == (taken, reader.repeats)


def test_the_memory_of_connections_is_bounded_and_keeps_those_that_speak() -> None:
    """After thousands of connections the one that goes on speaking is still known."""
    reader = FrameReader(0, {})
    for number in range(3_000):
        reader.frame(2 * number, frame_key(9, 1, ORIGIN, "kalshi", f"c{number}"), b"", stamped)
        reader.frame(2 * number + 1, frame_key(9, number, ORIGIN, "kalshi", "steady"), b"", stamped)
    assert len(reader.numbers) <= kafka_records.KNOWN_CONNECTIONS
    assert reader.frame(9_999, frame_key(9, 2_999, ORIGIN, "kalshi", "steady"), b"", stamped) is None


def test_an_event_is_the_control_line_of_a_recording() -> None:
    """What a feed says of its connection is read by the normaliser as a recording's line is."""
    key, value = kafka_records.record_of_received(Received(7, "c1", 1, event="connected"), "kalshi", ORIGIN)
    frame = FrameReader(0, {}).frame(0, key, value, stamped)
    assert frame is not None and CONNECTION == frame.dialect
    assert ["connected"] == [fact.event for fact in Normaliser().step([frame]).facts]  # type: ignore[union-attr]


def test_a_message_of_a_feed_is_carried_untouched() -> None:
    """The value is what was received, and the key says when, where and which."""
    key, value = kafka_records.record_of_received(Received(7, "c1", 4, b"\x00{"), "clob_v2", ORIGIN)
    assert (Heading(7, 4, ORIGIN, "clob_v2", "c1"), b"\x00{") == (heading_of(key), value)


def test_the_last_offset_that_an_id_can_name() -> None:
    """The offset before the bound has a position of its own; the one at the bound would be another source's."""
    assert (5, kafka_records.OFFSETS_MAX) == fact_parts(fact_id(5, kafka_records.OFFSETS_MAX - 1 + 1))[:2]
    assert (5, kafka_records.OFFSETS_MAX) != fact_parts(fact_id(5, kafka_records.OFFSETS_MAX + 1))[:2]


def test_a_block_comes_back_as_it_was() -> None:
    """All that is hashed, and the offsets, are carried; rows are made again by who reads."""
    block = Chain("bot3", "journal").link([{"a": 1}], [7])
    key, value = record_of_block(block)
    found = kafka_records.block_of(value)
    assert b"bot3" == key
    assert Block("bot3", "journal", 0, [7], block.data, block.previous, block.head, []) == found


@given(st.binary(max_size=200))
def test_no_bytes_stop_the_reader_of_blocks(value: bytes) -> None:
    """Anything that is no block is refused with a reason."""
    with pytest.raises(Refused, match="block record"):
        kafka_records.block_of(value)
