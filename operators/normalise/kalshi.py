"""Read Kalshi's websocket: bare frames, and the lines of a recorder that wraps them.

Book levels are bids only, for YES and for NO; a NO bid at q is a YES ask at 1 - q (`use_yes_price` is off). A delta is
a signed change. Numbers run per subscription (`sid`); the recorder kept no sid, so there they run per connection. Its
`price_cents` loses sub-cent prices and is never read. The hot loops know the delta; the slow reader knows the rest.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from contracts.ids import POSITION_SHIFT, SOURCE_SHIFT
from contracts.market import Fact, VenueBookDelta
from operators.normalise.frames import Frame
from operators.normalise.markets import Market, Markets

_MS = 1_000_000
_Moment = Annotated[int, Meta(ge=100_000_000_000, le=4_102_444_800_000)]  # ms
_Seq = Annotated[int, Meta(ge=0, lt=1 << 62)]


class _Delta(Struct, gc=False):
    market_ticker: str
    price_dollars: str
    delta_fp: str
    side: str
    ts_ms: _Moment = 0  # bounds are checked in C, by the decoder; 0 stands for a field that is not there


class _Line(Struct, gc=False):
    connection_id: str
    event_type: Literal["orderbook_delta"]
    payload_json: _Delta
    sequence_number: _Seq


class _Frame(Struct, gc=False):
    type: Literal["orderbook_delta"]
    sid: int
    seq: _Seq
    msg: _Delta


_LINE = msgspec.json.Decoder(_Line).decode
_FRAME = msgspec.json.Decoder(_Frame).decode
_FALLBACK = (msgspec.MsgspecError, KeyError, ValueError, RecursionError)


def _delta(market: Market, frame: Frame, made: _Delta, seq: int) -> VenueBookDelta:
    """Build the fact; raises KeyError or ValueError for anything that is not plain."""
    side, prices = market.sides[made.side]
    return VenueBookDelta(
        frame.source << SOURCE_SHIFT | frame.position << POSITION_SHIFT,
        frame.at_ns,
        market.index,
        side,
        prices[made.price_dollars],
        market.changes[made.delta_fp],
        True,
        -1,
        -1,
        True,
        seq,
        made.ts_ms * _MS,
        sha256(frame.data).hexdigest(),
    )


def read_lines(table: Markets, frames: list[Frame], out: list[Fact], slow: Callable[[Frame, str], None]) -> None:
    """Read consecutive recorder lines of one source."""
    source, conn, add, decode = frames[0].source, "", out.append, _LINE
    known: dict[str, Market] = {}
    for frame in frames:
        try:
            line = decode(frame.data)
            if line.connection_id != conn:
                conn = line.connection_id
                known = table.known(source, conn)
            made = line.payload_json
            add(_delta(known[made.market_ticker], frame, made, line.sequence_number))
        except _FALLBACK:
            slow(frame, "")


def read_frames(table: Markets, frames: list[Frame], out: list[Fact], slow: Callable[[Frame, str], None]) -> None:
    """Read consecutive bare frames of one source and connection."""
    source, conn, sid, add, decode = frames[0].source, frames[0].conn, -1, out.append, _FRAME
    known: dict[str, Market] = {}
    for frame in frames:
        try:
            message = decode(frame.data)
            if message.sid != sid:
                sid = message.sid
                known = table.known(source, f"{conn}/{sid}")
            made = message.msg
            add(_delta(known[made.market_ticker], frame, made, message.seq))
        except _FALLBACK:
            slow(frame, conn)
