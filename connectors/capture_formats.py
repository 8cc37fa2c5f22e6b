"""Know the formats of recordings: how to recognise each, and how its lines become frames."""

from collections.abc import Callable, Iterator
from json import JSONDecodeError, JSONDecoder
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from connectors.capture_text import Cut
from operators.normalise.frames import CONNECTION, Conn, Frame

T = TypeVar("T")
_MS = 1_000_000
_NS_FROM, _NS_TO = 946_684_800 * 10**9, 4_102_444_800 * 10**9  # 2000 to 2100
_JUMP_NS = 30 * 86_400 * 10**9
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Reader = Callable[[Iterator[bytes], int], Iterator[Frame]]


class Format(NamedTuple):
    """A format: its name for people, the venue, the dialect of its frames, and its reader."""

    name: str
    venue: str
    dialect: str
    read: Reader


class Header(Struct):
    """First line of a recording of ours."""

    polytraders_capture: int
    venue: str
    dialect: str
    labels: dict[str, str] = {}


class _Ours(Struct):
    at_ns: int
    conn: Conn = ""
    frame: str | None = None
    hex: str | None = None
    event: str | None = None


class _Kalshi(Struct):
    event_type: str
    local_recv_ns: int


class _Fragment(Struct):
    kind: str
    data: str
    receivedAtMs: int  # noqa: N815 - the recorder's own spelling
    connectionId: Conn = ""  # noqa: N815


class _Framed(Struct):
    received_ms: int
    frame: msgspec.Raw


_HEADER = msgspec.json.Decoder(Header)
_OURS, _KALSHI = msgspec.json.Decoder(_Ours), msgspec.json.Decoder(_Kalshi)
_FRAGMENT, _FRAMED = msgspec.json.Decoder(_Fragment), msgspec.json.Decoder(_Framed)
_RAW = JSONDecoder()


class Arrival:
    """Arrivals as far as they can be believed: one damaged number must not move the clock by years."""

    __slots__ = ("doubted", "last")

    def __init__(self) -> None:
        """Begin before the first arrival."""
        self.last = 0
        self.doubted = 0

    def at(self, ns: int) -> int:
        """Return an arrival; one that is out of bounds, or a month ahead and alone, counts as the one before it."""
        if not _NS_FROM <= ns <= _NS_TO:
            return self.last
        if self.last and ns - self.last > _JUMP_NS and abs(ns - self.doubted) > _JUMP_NS:
            self.doubted = ns
            return self.last
        self.last = ns
        return ns


def recognise(first: list[bytes]) -> Format | None:
    """Return the format of a recording by its first lines; a dialect of "" means ours, but of an unknown venue."""
    header = _try(_HEADER, first[0])
    if header is not None:
        if DIALECTS.get(header.dialect) != header.venue or header.polytraders_capture != 1:
            said = f"version {header.polytraders_capture}, venue {header.venue[:40]!r}, dialect {header.dialect[:40]!r}"
            return Format(said, header.venue, "", _ours(""))
        return Format("our captures", header.venue, header.dialect, _ours(header.dialect))
    for line in first:
        if _try(_KALSHI, line) is not None:
            return _KALSHI_LINES
        fragment = _try(_FRAGMENT, line)
        if fragment is not None and fragment.kind == "ws_message":
            return _FRAGMENTS
    if first[0].strip() == b"{" or b'"received_ms"' in first[0]:
        return DOCUMENT
    return None


def _try(decoder: msgspec.json.Decoder[T], line: bytes) -> T | None:
    try:
        return decoder.decode(line)
    except _BAD:
        return None


def dated(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Give frames that came before the first readable arrival that arrival."""
    waiting: list[Frame] = []
    for frame in frames:
        if not frame.at_ns:
            waiting.append(frame)
            continue
        for early in waiting:
            yield msgspec.structs.replace(early, at_ns=frame.at_ns)
        yield frame
        yield from frames
        return
    yield from waiting


def _ours(dialect: str) -> Reader:
    """Read our own lines; the header is a line of the recorder."""

    def read(lines: Iterator[bytes], source: int) -> Iterator[Frame]:
        arrival, conn = Arrival(), ""
        for position, line in enumerate(lines, 1):
            try:
                known = _OURS.decode(line)
                data = bytes.fromhex(known.hex) if known.hex is not None else (known.frame or "").encode()
            except (*_BAD, ValueError):
                kind = CONNECTION if position == 1 else dialect
                yield Frame(source, position, arrival.last, kind, line)
                continue
            at_ns = arrival.at(known.at_ns)
            if known.event is not None:
                yield Frame(source, position, at_ns, CONNECTION, line)
            elif known.frame is None and known.hex is None:
                yield Frame(source, position, at_ns, dialect, line)
            else:
                conn = known.conn if known.conn != conn else conn
                yield Frame(source, position, at_ns, dialect, data, conn)

    return read


def _kalshi_lines(lines: Iterator[bytes], source: int) -> Iterator[Frame]:
    """Read the recorder's lines; the whole line is the frame."""
    arrival = Arrival()
    for position, line in enumerate(lines, 1):
        try:
            at_ns = arrival.at(_KALSHI.decode(line).local_recv_ns)
        except _BAD:
            at_ns = arrival.last
        yield Frame(source, position, at_ns, "kalshi_recorder", line)


def _fragments(lines: Iterator[bytes], source: int) -> Iterator[Frame]:
    """Read journal lines; `data` is the frame."""
    arrival = Arrival()
    for position, line in enumerate(lines, 1):
        try:
            known = _FRAGMENT.decode(line)
        except _BAD:
            yield Frame(source, position, arrival.last, "clob_v2", line)
            continue
        at_ns = arrival.at(known.receivedAtMs * _MS)
        yield Frame(source, position, at_ns, "clob_v2", known.data.encode(), known.connectionId)


def _document(lines: Iterator[bytes], source: int) -> Iterator[Frame]:
    """Read one document, frame by frame, so that one that was cut short gives what it has."""
    parts: list[bytes] = []
    cut: Cut | None = None
    try:
        for line in lines:
            parts.append(line)  # noqa: PERF402 - what came before a cut must stay
    except Cut as err:
        cut = Cut(str(err).partition(";")[0])
        parts.append(err.rest)
    text = b"\n".join(parts).decode(errors="replace")
    place = text.find("[", text.find('"frames"')) + 1 if '"frames"' in text else 0
    arrival, position = Arrival(), 0
    while place:
        place = _skip(text, place)
        if text[place : place + 1] == "]":
            return
        try:
            _, end = _RAW.raw_decode(text, place)
        except (JSONDecodeError, RecursionError):
            raise cut or Cut(f"no whole frame after frame {position}") from None
        position += 1
        data = text[place:end].encode()
        place = end
        try:
            known = _FRAMED.decode(data)
        except _BAD:
            yield Frame(source, position, arrival.last, "kalshi", data)
            continue
        yield Frame(source, position, arrival.at(known.received_ms * _MS), "kalshi", bytes(known.frame))


def _skip(text: str, place: int) -> int:
    """Step over blanks and commas."""
    while place < len(text) and text[place] in " \t\r\n,":
        place += 1
    return place


_KALSHI_LINES = Format("kalshi recorder lines", "kalshi", "kalshi_recorder", _kalshi_lines)
DOCUMENT = Format("kalshi document with frames", "kalshi", "kalshi", _document)
_FRAGMENTS = Format("polymarket ws_message lines", "polymarket", "clob_v2", _fragments)
FORMATS = (Format("our captures", "", "", _ours("")), _KALSHI_LINES, DOCUMENT, _FRAGMENTS)
DIALECTS = {
    "binance": "binance",
    "bitget": "bitget",
    "clob_v2": "polymarket",
    "kalshi": "kalshi",
    "kalshi_recorder": "kalshi",
}
