"""Read Polymarket's market channel (CLOB v2), its older generations, and REST answers that stand in a recording.

The hot loop knows one shape, the `price_change` frame of known tokens; whatever it cannot read at once is read again
by the slow reader, which knows every shape and says precisely what is wrong. The fast one is a subset of the slow
one, and a test holds them equal. Sizes are new totals; each token is a market with a book of its own.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from contracts.ids import INDEX_SHIFT, POSITION_SHIFT, SOURCE_SHIFT
from contracts.market import Fact, VenueBookDelta
from operators.normalise.clob_v2_events import SIDES
from operators.normalise.frames import Frame
from operators.normalise.markets import FACTS_MAX, Market, Markets

_MS = 1_000_000
_Moment = Annotated[int, Meta(ge=100_000_000_000, le=4_102_444_800_000)]  # ms; checked in C, by the decoder


class _Change(Struct, gc=False):
    asset_id: str
    price: str
    size: str
    side: Literal["BUY", "SELL"]
    best_bid: str = ""
    best_ask: str = ""


class _Changes(Struct, gc=False):
    price_changes: list[_Change]
    timestamp: _Moment
    event_type: Literal["price_change"]


_HOT = msgspec.json.Decoder(_Changes, strict=False).decode
_FALLBACK = (msgspec.MsgspecError, KeyError, ValueError, RecursionError)


def read(table: Markets, frames: list[Frame], out: list[Fact], slow: Callable[[Frame, str], None]) -> None:
    """Read consecutive frames of one source and connection; `slow` takes whatever is not a plain price_change."""
    known = table.known(frames[0].source, frames[0].conn)
    add, decode, hashed, build, source = out.append, _HOT, sha256, VenueBookDelta, frames[0].source << SOURCE_SHIFT
    for frame in frames:
        data = frame.data
        try:
            message = decode(data)
            made = message.price_changes
            if len(made) == 1:
                change = made[0]
                market = known[change.asset_id]
                add(
                    build(
                        source | frame.position << POSITION_SHIFT,
                        frame.at_ns,
                        market.index,
                        1 if change.side == "BUY" else -1,
                        market.levels[change.price],
                        market.sizes[change.size],
                        False,
                        market.bid_claims[change.best_bid],
                        market.ask_claims[change.best_ask],
                        True,
                        -1,
                        message.timestamp * _MS,
                        hashed(data).hexdigest(),
                    )
                )
            else:
                out += _several(known, frame, made, message.timestamp * _MS)
        except _FALLBACK:
            slow(frame, frame.conn)


def _several(known: dict[str, Market], frame: Frame, made: list[_Change], venue_ns: int) -> list[Fact]:
    """Return the deltas of a frame with several changes; the last one of each token closes the frame for it."""
    if not 0 < len(made) <= FACTS_MAX:
        raise ValueError(len(made))
    proof = sha256(frame.data).hexdigest()
    fact = frame.source << SOURCE_SHIFT | frame.position << POSITION_SHIFT
    closing = {change.asset_id: place for place, change in enumerate(made)}
    deltas: list[Fact] = []
    for place, change in enumerate(made):
        market = known[change.asset_id]
        side, price, lots = SIDES[change.side], market.levels[change.price], market.sizes[change.size]
        bid, ask = market.bid_claims[change.best_bid], market.ask_claims[change.best_ask]
        last = closing[change.asset_id] == place
        deltas.append(
            VenueBookDelta(
                fact | place << INDEX_SHIFT, frame.at_ns, market.index, side, price, lots, False, bid, ask, last, -1,
                venue_ns, proof,
            )
        )  # fmt: skip
    return deltas
