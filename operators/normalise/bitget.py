"""Read Bitget's public socket, both versions: changes of a book here, everything else by the slow reader.

The hot loop knows one shape, an update of a book whose image was heard on this connection; whatever it cannot read at
once is read again by the slow reader, which says precisely what is wrong. The fast one is a subset of the slow one,
and a test holds them equal. Sizes are new totals, a size of 0 deletes; the venue's number is left out, since it may
restart, and the checksum proves more: a book that differs from the venue's is doubted until its next image.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from contracts.ids import INDEX_SHIFT, POSITION_SHIFT, SOURCE_SHIFT
from contracts.market import Fact, VenueConnection
from operators.normalise.bitget_book import SpelledBook, deltas, spelled
from operators.normalise.bitget_contracts import BITGET, SUFFIXES
from operators.normalise.frames import Frame
from operators.normalise.markets import FACTS_MAX, Market, Markets

_MS = 1_000_000
_Moment = Annotated[int, Meta(ge=100_000_000_000, le=4_102_444_800_000)]  # ms; checked in C, by the decoder


class _Arg(Struct, gc=False, rename="camel"):
    inst_type: str
    channel: Literal["books"]
    inst_id: str


class _Book(Struct, gc=False):
    asks: list[tuple[str, str]]
    bids: list[tuple[str, str]]
    ts: _Moment
    checksum: int


class _Update(Struct, gc=False):
    action: Literal["update"]
    arg: _Arg
    data: tuple[_Book]


_HOT = msgspec.json.Decoder(_Update, strict=False).decode
_FALLBACK = (msgspec.MsgspecError, KeyError, ValueError, RecursionError)


def read(table: Markets, frames: list[Frame], out: list[Fact], slow: Callable[[Frame, str], None]) -> None:
    """Read consecutive frames of one source and connection; `slow` takes whatever is not a plain update of a book."""
    known, books = table.known(frames[0].source, frames[0].conn), table.spelled
    for frame in frames:
        try:
            message = _HOT(frame.data)
            arg = message.arg
            market = known[f"{BITGET}:{arg.inst_id}{SUFFIXES[arg.inst_type]}"]
            out += _said(frame, market, books[market.index], message.data[0])
        except _FALLBACK:
            slow(frame, frame.conn)


def _said(frame: Frame, market: Market, book: SpelledBook, made: _Book) -> list[Fact]:
    """Return the facts of an update; raises KeyError or ValueError, with the book untouched, for what is not plain."""
    if not book.whole or not 0 < len(made.bids) + len(made.asks) < FACTS_MAX:
        raise KeyError(market.index)
    bids, asks = spelled(book, made.bids), spelled(book, made.asks)
    fact = frame.source << SOURCE_SHIFT | frame.position << POSITION_SHIFT
    proof = sha256(frame.data).hexdigest()
    facts = deltas(fact, frame.at_ns, market.index, bids, asks, made.ts * _MS, proof)
    if not book.changed(bids, asks, made.checksum):
        doubt = fact | len(facts) << INDEX_SHIFT
        facts.append(VenueConnection(doubt, frame.at_ns, market.index, "checksum", frame.conn, -1))
    return facts
