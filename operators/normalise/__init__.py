"""Turn frames into facts: bytes as received go in, facts, dead letters and counts come out.

Frames of one dialect that follow each other are read in one loop. Every frame is exactly one of: a frame that gave
facts or changed nothing, a control line of the recorder or the connection, a dead letter. Nothing on the data path
raises: what cannot be read is kept as it came, with its reason.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct

from contracts.envelope import DeadLetter
from contracts.ids import fact_id
from contracts.market import ClockTick, Fact, VenueConnection, VenueInstrumentRecord
from contracts.reasons import INTEL_FRAME_BAD_FIELD, INTEL_FRAME_BAD_PRICE, INTEL_FRAME_UNKNOWN_KIND
from operators.normalise import (
    binance,
    binance_events,
    bitget,
    bitget_events,
    clob_v2,
    clob_v2_events,
    kalshi,
    kalshi_events,
    quotes,
)
from operators.normalise.frames import CLOCK, CONN_MAX, CONNECTION, ENGAGED, Counts, Frame, Normalised
from operators.normalise.instruments import read_instruments
from operators.normalise.markets import Market, Markets, Sheet
from operators.normalise.spelling import Unreadable, shown

__all__ = [
    "CLOCK",
    "CONNECTION",
    "DIALECTS",
    "ENGAGED",
    "Counts",
    "Frame",
    "Market",
    "Markets",
    "Normalised",
    "Normaliser",
    "read_instruments",
]

_EVENTS = {"connected", "subscribed", "answered", "disconnected", "beat", "rotated", "late", "on_time"}


class Said(Struct, gc=False):
    """A control line of our own recorder: its header, or an event of a connection.

    event                connected, subscribed, answered, disconnected, beat, rotated, late or on_time
    conn                 which connection
    polytraders_capture  version of the format, in the header alone
    """

    event: str = ""
    conn: str = ""
    polytraders_capture: int = 0


_SAID = msgspec.json.Decoder(Said)
_Slow = Callable[[Frame, str], None]
_Run = Callable[[Markets, list[Frame], list[Fact], _Slow], None]


class Normaliser:
    """Lane state of this step: the table of instruments. Picklable; the same frames give the same facts.

    `counts` adds up over the whole run; `markets.ids` are the venue's ids in the order of first sight.
    """

    __slots__ = ("_control", "_dead", "_out", "counts", "markets", "sources")

    def __init__(self, sources: Mapping[int, str] | None = None) -> None:
        """Take the id of each source by its number (the content hash of a capture), for dead letters."""
        self.markets = Markets()
        self.sources = dict(sources or {})
        self.counts = Counts(0, 0, 0, 0)
        self._out: list[Fact] = []
        self._dead: list[DeadLetter] = []
        self._control = 0

    def declare(self, records: Iterable[VenueInstrumentRecord]) -> None:
        """Remember definitions; each is said before the first fact of its market."""
        self.markets.declare(records)

    def step(self, frames: Sequence[Frame]) -> Normalised:
        """Read a block of frames in order. About 1.8 µs for a Polymarket change, 2.4 µs for a recorded Kalshi line."""
        out: list[Fact] = []
        dead: list[DeadLetter] = []
        self._out, self._dead, self._control = out, dead, 0
        total, ticks, start, count = 0, 0, 0, len(frames)
        while start < count:
            first = frames[start]
            source, dialect, conn = first.source, first.dialect, first.conn
            end = start + 1
            while end < count:
                frame = frames[end]
                if frame.dialect != dialect or frame.source != source or frame.conn != conn:
                    break
                end += 1
            run = list(frames[start:end])
            if dialect == CLOCK:
                out += [_tick(frame) for frame in run]
                ticks += end - start
            else:
                total += end - start
                DIALECTS.get(dialect, _unknown)(self.markets, run, out, self._slow)
            start = end
        self._out, self._dead = [], []
        counts = Counts(total, total - self._control - len(dead), self._control, len(out) - ticks)
        self.counts = Counts(*map(sum, zip(self.counts, counts, strict=True)))
        return Normalised(out, dead, counts)

    def _slow(self, frame: Frame, stream: str) -> None:
        """Read one frame whole or not at all."""
        sheet = Sheet(self.markets, frame, stream, sha256(frame.data).hexdigest())
        try:
            _READERS.get(frame.dialect, _refuse)(sheet, frame)
        except Unreadable as err:
            self._bury(frame, err)
            return
        sheet.commit(self._out)
        self._control += sheet.control
        for fact in sheet.facts:
            if type(fact) is VenueConnection and fact.event in ("connected", "disconnected", "subscribed"):
                self.markets.forget(frame.source, fact.connection_id)

    def _bury(self, frame: Frame, err: Unreadable) -> None:
        """Keep what could not be read. A lost change makes its book wrong where no sequence number would tell."""
        why = "off_grid" if err.reason == INTEL_FRAME_BAD_PRICE else "lost"
        for market_id in _TOUCHED.get(frame.dialect, _nothing)(frame.data):
            self.markets.lose(market_id, why)
        source_id = self.sources.get(frame.source, str(frame.source))
        detail = err.detail[:4_096]
        self._dead.append(DeadLetter(source_id, frame.position, frame.at_ns, err.reason, detail, frame.data.hex()))


def _tick(frame: Frame) -> ClockTick:
    """A tick carries what the edge saw of the environment's kill switch when it was made."""
    return ClockTick(fact_id(frame.source, frame.position), frame.at_ns, -1, frame.data == ENGAGED)


def _nothing(data: bytes) -> tuple[str, ...]:
    """Return the books that a frame of a numbered venue leaves in doubt: its next number tells."""
    return ()


def _unknown(table: Markets, frames: list[Frame], out: list[Fact], slow: _Slow) -> None:
    """Read frames that have no fast reader."""
    for frame in frames:
        slow(frame, frame.conn)


def _refuse(sheet: Sheet, frame: Frame) -> None:
    raise Unreadable(INTEL_FRAME_UNKNOWN_KIND, f"dialect: {shown(frame.dialect)}; allowed: {', '.join(DIALECTS)}")


def _connection(sheet: Sheet, frame: Frame) -> None:
    """Read a control line of our own recorder."""
    sheet.control = True
    try:
        said = _SAID.decode(frame.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"control line: {err}; allowed: an event and a connection") from None
    if said.polytraders_capture:
        return
    if said.event not in _EVENTS or len(said.conn) > CONN_MAX:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"event: {shown(said.event)}; allowed: {', '.join(sorted(_EVENTS))}")
    sheet.facts.append(VenueConnection(sheet.fact(), sheet.at_ns, -1, said.event, said.conn, -1))


DIALECTS: dict[str, _Run] = {
    "binance": binance.read,
    "bitget": bitget.read,
    "clob_v2": clob_v2.read,
    "kalshi": kalshi.read_frames,
    "kalshi_recorder": kalshi.read_lines,
    quotes.DIALECT: _unknown,
    CONNECTION: _unknown,
}
_READERS: dict[str, Callable[[Sheet, Frame], None]] = {
    "binance": lambda sheet, frame: binance_events.read_slow(sheet, frame.data),
    "bitget": lambda sheet, frame: bitget_events.read_slow(sheet, frame.data),
    "clob_v2": lambda sheet, frame: clob_v2_events.read_slow(sheet, frame.data),
    "kalshi": lambda sheet, frame: kalshi_events.read_slow(sheet, frame.data, recorded=False),
    "kalshi_recorder": lambda sheet, frame: kalshi_events.read_slow(sheet, frame.data, recorded=True),
    quotes.DIALECT: lambda sheet, frame: quotes.read_slow(sheet, frame.data),
    CONNECTION: _connection,
}
# Without a number that tells that a change is missing, a lost frame must name the books that it would have changed.
_TOUCHED: dict[str, Callable[[bytes], Iterable[str]]] = {
    "bitget": bitget_events.touched,
    "clob_v2": clob_v2_events.touched,
}
