"""Know two recorders of crypto venues: how to recognise their lines, and how these become frames.

    raw lines    `<arrival in ns> <frame>`, one market a file, as hftbacktest's collector writes them; the answer to the
                 request for a snapshot stands among the frames and names no market
    cryptofeed   `<arrival in s>: <frame>` for what a socket said, `<url> -> <arrival>: <answer>` for a request,
                 `<url> <-> <arrival>` for a new connection, `<url> <- <arrival>: <frame>` for what was sent, and
                 `configuration: {..}`; a line of each connection stands at the head of its file and names the venue

A snapshot is heard on a connection called `depth:SYMBOL` (operators/normalise/binance_events.py): in raw lines the
symbol is that of the nearest frame before it, else of the first one after it; in cryptofeed lines that of its URL.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from msgspec import Struct

from connectors.capture_formats import Arrival, Format, Reader
from operators.normalise.binance_events import SNAPSHOT_OF
from operators.normalise.frames import CONNECTION, Frame

_SOCKET = "ws"
_WAITING_MAX = 1_000
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_RAW = re.compile(rb"([0-9]{19}) (?=\{)")
_SYMBOL = re.compile(rb'"s":"([^"\\]{1,100})"')
_SNAPSHOT = b'{"lastUpdateId"'
_SAID = re.compile(rb"([0-9]{9,10})(?:\.([0-9]{1,9}))?: ")
_URL = re.compile(rb"([a-z]+)://([^/ ?]+)([^ ]*) (->|<-|<->) ([0-9]{9,10})(?:\.([0-9]{1,9}))?(?:: |$)")
_CONFIGURATION = b"configuration: "
_HEADER = b" header: "  # later versions repeat the answer's headers behind it
_QUERY_SYMBOL = re.compile(rb"/depth\?(?:.*&)?symbol=([A-Z0-9_]{1,100})(?:&|$)")
VENUES = {"binance.com": "binance", "binance.us": "binance", "bitget.com": "bitget"}
"""Hosts by the end of their names; the dialect of these venues has the venue's name."""


class _Combined(Struct):
    stream: str
    data: msgspec.Raw


_COMBINED = msgspec.json.Decoder(_Combined)
_OPENED = b'{"event":"connected","conn":"ws"}'
_HEARD = b'{"event":"beat","conn":"ws"}'


class _Line(NamedTuple):
    """A line with a URL: who, which way, when, and what."""

    host: str
    path: bytes
    way: bytes
    at_ns: int
    data: bytes


def recognise_crypto(first: list[bytes]) -> Format | None:
    """Return the format of a recording by its first lines; a dialect of "" means that its venue is not known."""
    raw = [match for line in first if (match := _RAW.match(line))]
    if raw and raw[0].string == first[0]:
        if any(_is_binance(match.string[match.end() :]) for match in raw):
            return RAW_LINES
        return Format("raw lines of an unknown venue", "", "", _raw_lines)
    for line in first:
        known = _line(line)
        if known is not None:
            venue = next((name for end, name in VENUES.items() if f".{known.host}".endswith(f".{end}")), "")
            name = CRYPTOFEED.name if venue else f"{CRYPTOFEED.name} of {known.host[:60]}"
            return Format(name, venue, venue, _cryptofeed(venue))
        if not (_SAID.match(line) or line.startswith(_CONFIGURATION)):
            return None
    return Format(f"{CRYPTOFEED.name} without the line of their connection", "", "", _cryptofeed(""))


def _is_binance(data: bytes) -> bool:
    """True for a frame of a combined stream, and for a snapshot."""
    try:
        return data.startswith(_SNAPSHOT) or "@" in _COMBINED.decode(data).stream
    except _BAD:
        return False


# ---- raw lines ----------------------------------------------------------------------------------------------------


def _raw_lines(lines: Iterator[bytes], source: int) -> Iterator[Frame]:
    """Read raw lines; a snapshot before any frame waits, with what follows it, for the first frame with a symbol."""
    arrival, symbol = Arrival(), ""
    waiting: list[Frame] = []
    for position, line in enumerate(lines, 1):
        match = _RAW.match(line)
        if match is None:
            frame = Frame(source, position, arrival.last, "binance", line)
        else:
            data = line[match.end() :]
            is_snapshot = data.startswith(_SNAPSHOT)
            named = None if is_snapshot else _SYMBOL.search(data)
            if named is not None:
                symbol = named[1].decode(errors="replace")
            conn = SNAPSHOT_OF + symbol if is_snapshot else ""
            frame = Frame(source, position, arrival.at(int(match[1])), "binance", data, conn)
        if (frame.conn == SNAPSHOT_OF or waiting) and not symbol and len(waiting) < _WAITING_MAX:
            waiting.append(frame)
            continue
        yield from _tied(waiting, symbol)
        waiting = []
        yield frame
    yield from _tied(waiting, symbol)


def _tied(waiting: list[Frame], symbol: str) -> list[Frame]:
    """Return what waited, snapshots tied to the symbol."""
    return [msgspec.structs.replace(each, conn=each.conn and SNAPSHOT_OF + symbol) for each in waiting]


# ---- cryptofeed ---------------------------------------------------------------------------------------------------


def _cryptofeed(dialect: str) -> Reader:
    """Read cryptofeed's lines of one venue."""

    def read(lines: Iterator[bytes], source: int) -> Iterator[Frame]:
        arrival = Arrival()
        for position, line in enumerate(lines, 1):
            if not line.strip():  # an answer may end in a line end of its own
                continue
            said, known = _SAID.match(line), _line(line)
            if said is not None:
                at_ns = arrival.at(_ns(said[1], said[2]))
                yield Frame(source, position, at_ns, dialect, line[said.end() :], _SOCKET)
            elif known is None:
                is_ours = line.startswith(_CONFIGURATION)
                yield Frame(
                    source, position, arrival.last, CONNECTION if is_ours else dialect, _HEARD if is_ours else line
                )
            elif known.way == b"->":
                asked = _QUERY_SYMBOL.search(known.path)
                conn = SNAPSHOT_OF + asked[1].decode() if asked else ""
                yield Frame(source, position, arrival.at(known.at_ns), dialect, known.data, conn)
            else:
                event = _OPENED if known.way == b"<->" else _HEARD
                yield Frame(source, position, arrival.at(known.at_ns), CONNECTION, event)

    return read


def _line(line: bytes) -> _Line | None:
    """Take a line with a URL apart; None for any other."""
    match = _URL.match(line)
    if match is None:
        return None
    data = line[match.end() :].partition(_HEADER)[0]
    return _Line(match[2].decode(errors="replace"), match[3], match[4], _ns(match[5], match[6]), data)


def _ns(seconds: bytes, part: bytes | None) -> int:
    """Return decimal seconds in nanoseconds, exactly."""
    return int(seconds + (part or b"").ljust(9, b"0"))


RAW_LINES = Format("raw lines of binance", "binance", "binance", _raw_lines)
CRYPTOFEED = Format("cryptofeed lines", "", "", _cryptofeed(""))
CRYPTO_FORMATS = (RAW_LINES, CRYPTOFEED)
