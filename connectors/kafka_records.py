"""Spell what stands in a record of a topic: frames as bytes with a compact key, blocks whole.

A raw topic holds one record for each message. Its value is the message as received, untouched; what the edge knows
about it stands in the key: a batch of records can carry keys but no headers, and a header costs half as much again to
write (docs/adr/0018-kafka-client.md).

    byte 0      version, 1
    bytes 1-8   arrival, nanoseconds UTC, big-endian
    bytes 9-16  the message's number in its connection, or its place in its recording, big-endian
    bytes 17-24 who counted so: the first bytes of the SHA-256 of the feed's session, or of the recording's id
    byte 25     length of the dialect's name, L
    then        the dialect in ASCII (L bytes), and the connection in UTF-8 up to the end

Origin, dialect, connection and number together are a message's identity: a writer that died and says its last messages
again says them under the same, and the reader leaves them out. An event of the connection (connected, disconnected,
beat, ..) is a message of dialect `connection` whose value is the control line as a recording spells it; a recording's
header likewise. The key decides nothing about the partition: the writer names it.

A block's record has the desk as key; its value is one array in MessagePack, `BlockRecord`.
"""

import struct
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

import msgspec
from msgspec import Struct

from connectors.capture import Received
from contracts.base import Refused
from contracts.envelope import Block
from contracts.ids import POSITION_BITS
from operators.normalise.frames import CONN_MAX, CONNECTION, Frame

VERSION = 1
BLOCK_VERSION = 1
KNOWN_TAILS = 4_096
KNOWN_CONNECTIONS = 1_024
# A fact id has 32 bits for the position, which counts from 1: the offset 2^32 - 1 would be position 2^32, and that is
# a place of the next source.
OFFSETS_MAX = (1 << POSITION_BITS) - 1
UNREADABLE = ""
_HEAD = struct.Struct(">BQQ8sB")
_TAIL = 17  # where the parts begin that hardly ever change
_ENCODE = msgspec.json.Encoder().encode

Record = tuple[bytes, bytes]


class Heading(NamedTuple):
    """What a key says: arrival, number, origin, dialect, connection."""

    at_ns: int
    number: int
    origin: bytes
    dialect: str
    conn: str


class _Event(Struct):
    at_ns: int
    conn: str
    n: int
    event: str


def origin_of(text: str) -> bytes:
    """Return how a key names who counted: a feed's session (another at each start), or a recording's id."""
    return sha256(text.encode()).digest()[:8]


def frame_key(at_ns: int, number: int, origin: bytes, dialect: str, conn: str) -> bytes:
    """Return the key of a message; raises Refused for a value that it cannot hold. About 0.6 µs."""
    name = dialect.encode("ascii", "replace")
    bounded = 0 <= at_ns < 1 << 64 and 0 <= number < 1 << 64 and len(origin) == 8
    if not bounded or not 0 < len(name) < 256 or not dialect.isascii():
        raise Refused(
            f"frame key: at_ns {at_ns}, number {number}, origin of {len(origin)} bytes, dialect {dialect[:40]!r}; "
            f"allowed: from 0 and below 2^64, 8 bytes, and 1 to 255 ASCII characters"
        )
    return _HEAD.pack(VERSION, at_ns, number, origin, len(name)) + name + conn.encode("utf-8", "replace")


def heading_of(key: bytes | None) -> Heading | None:
    """Read a key; None when it is not one of ours."""
    try:
        version, at_ns, number, origin, length = _HEAD.unpack_from(key or b"")
        assert key is not None
        name, conn = key[_HEAD.size : _HEAD.size + length], key[_HEAD.size + length :]
        if version != VERSION or len(name) != length or not length:
            return None
        said = conn.decode()
        return Heading(at_ns, number, origin, name.decode("ascii"), said) if len(said) <= CONN_MAX else None
    except (struct.error, UnicodeDecodeError):
        return None


def record_of(frame: Frame, origin: bytes) -> Record:
    """Return the record of a frame; its number is its place in its source, which `origin` names."""
    return frame_key(frame.at_ns, frame.position, origin, frame.dialect, frame.conn), frame.data


def record_of_received(received: Received, dialect: str, origin: bytes) -> Record:
    """Return the record of what a feed received: a message of its dialect, or an event of its connection."""
    if not received.event:
        return frame_key(received.at_ns, received.n, origin, dialect, received.conn), received.frame
    line = _ENCODE(_Event(received.at_ns, received.conn, received.n, received.event))
    return frame_key(received.at_ns, received.n, origin, CONNECTION, received.conn), line


class FrameReader:
    """Turn records of one partition into frames, leaving out what a writer said twice.

    A repeat is told by a number that is not above the last one of the same origin, dialect and connection. `numbers` is
    that memory, (last number, its offset) of those that spoke last, 1,024 at most; repeats and records whose key is not
    ours are counted.
    """

    def __init__(self, source: int, numbers: dict[bytes, tuple[int, int]]) -> None:
        """Take the source's number and what was seen before."""
        self.numbers, self.repeats, self.unreadable = numbers, 0, 0
        self._source = source
        self._tails: dict[bytes, tuple[str, str]] = {}

    def frame(
        self, offset: int, key: bytes | None, value: bytes | None, stamp: Callable[[], tuple[int, int]]
    ) -> Frame | None:
        """Return the frame of a record, None for a repeat. About 0.6 µs.

        A record whose key is not ours is a frame of no dialect, so that it becomes a dead letter with its bytes; its
        arrival is the record's own time: the second that `stamp` returns, in milliseconds.
        """
        data = b"" if value is None else value
        known, tail = None, b""
        if key is not None and len(key) > _HEAD.size and key[0] == VERSION:
            tail = key[_TAIL:]
            known = self._tails.get(tail) or self._meet(tail, key)
        if known is None or key is None:
            self.unreadable += 1
            return Frame(self._source, offset + 1, max(0, stamp()[1]) * 1_000_000, UNREADABLE, data)
        _, at_ns, number, _, _ = _HEAD.unpack_from(key)
        last = self.numbers.get(tail)
        if last is not None and number <= last[0]:
            self.repeats += 1
            return None
        self.numbers[tail] = number, offset
        return Frame(self._source, offset + 1, at_ns, known[0], data, known[1])

    def _meet(self, tail: bytes, key: bytes) -> tuple[str, str] | None:
        """Read what hardly ever changes, and make room: forget the half that has been silent for longest."""
        heading = heading_of(key)
        if heading is None:
            return None
        if len(self._tails) >= KNOWN_TAILS:
            self._tails.clear()
        if tail not in self.numbers and len(self.numbers) >= KNOWN_CONNECTIONS:
            by_offset = sorted(self.numbers, key=lambda each: self.numbers[each][1])
            for silent in by_offset[: KNOWN_CONNECTIONS // 2]:
                del self.numbers[silent]
        found = self._tails[tail] = heading.dialect, heading.conn
        return found


# ---- blocks -------------------------------------------------------------------------------------------------------


class BlockRecord(Struct, frozen=True, array_like=True, gc=False):
    """A block as it travels; the fields are those of `contracts.envelope.Block`, after the version of this form."""

    version: int
    desk_id: str
    chain: str
    number: int
    offsets: list[int]
    data: bytes
    previous: bytes
    head: bytes


_PACK = msgspec.msgpack.Encoder().encode
_UNPACK = msgspec.msgpack.Decoder(BlockRecord).decode


def record_of_block(block: Block) -> Record:
    """Return the record of a block."""
    named = BLOCK_VERSION, block.desk_id, block.chain, block.number
    return block.desk_id.encode(), _PACK(BlockRecord(*named, block.offsets, block.data, block.previous, block.head))


def block_of(value: bytes | None) -> Block:
    """Read a block's record; raises Refused with what is wrong. Its content is checked by `kafka_chains.py`."""
    try:
        found = _UNPACK(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise Refused(f"block record: {err}") from None
    if found.version != BLOCK_VERSION:
        raise Refused(f"block record: version {found.version}; allowed: {BLOCK_VERSION}")
    return Block(found.desk_id, found.chain, found.number, found.offsets, found.data, found.previous, found.head, [])
