"""Tell what a market's book was after one line of a capture, from the stored facts alone.

The facts are put through the order-book operator again, the same that a run uses, so that gaps, resyncs and losses of
trust show as they did. Of a journal of several lanes only the facts of the market's own lane are, since another lane's
time is not its time. How far the book was believed is what was said of it then.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from contracts import ids
from contracts.base import Refused
from contracts.control import ConfigApplied
from contracts.envelope import FACT_RANK, CheckedRow
from contracts.market import BookQuality, MarketDefinition, VenueBookDelta, VenueBookImage, VenueInstrumentRecord

MILLION = 1_000_000


def source_of(
    wanted: str | None, known: Mapping[str, Mapping[str, str]], rows: Iterable[CheckedRow], market: int
) -> int:
    """Return the number of a source, by file name or source id; unnamed, the one where the book is heard."""
    if wanted is not None:
        for number, source in known.items():
            if wanted == source.get("source_id") or Path(wanted).name == source.get("name"):
                return int(number)
        names = ", ".join(source.get("name", "") for source in known.values())
        raise Refused(f"capture {wanted!r} is not one of this run; allowed: {names or 'none is recorded'}")
    for row in rows:
        if row.market == market and isinstance(row.payload, VenueBookDelta | VenueBookImage):
            return row.cause >> ids.SOURCE_SHIFT
    raise Refused("no book of this market was heard in any capture of the run")


def book_at(rows: Iterable[CheckedRow], source: int, frame: int, market: int, market_id: str) -> dict[str, object]:
    """Fold a journal up to line `frame` of a source and return the market's book."""
    from operators.order_book import OrderBooks
    from operators.strands import LANES

    books, venue, tick_micros, lot_micros = OrderBooks(), "", 0, 0
    quality, reasons, elsewhere = "UNKNOWN", [], frozenset[int]()
    for row in rows:
        number, position, _, _ = ids.fact_parts(row.cause)
        if number == source and position > frame:
            break
        payload = row.payload
        if isinstance(payload, ConfigApplied) and payload.bot_id == LANES:
            lanes = msgspec.json.decode(payload.values, type=dict[str, list[int]])
            elsewhere = frozenset(each for own in lanes.values() if source not in own for each in own)
        if row.rank == FACT_RANK and number not in elsewhere:
            books.step([payload])
        if row.market != market:
            continue
        if isinstance(payload, MarketDefinition | VenueInstrumentRecord):
            venue, tick_micros, lot_micros = payload.venue_id, payload.tick_micros, payload.lot_micros
        elif isinstance(payload, BookQuality):
            quality, reasons = payload.state, [payload.reason]
    book = books.book(market)
    sides = (book.side(1), book.side(-1)) if book is not None else ([], [])
    bids, asks = ([[decimal(px * tick_micros), decimal(lots * lot_micros)] for px, lots in side] for side in sides)
    return {
        "market": market_id,
        "venue": venue,
        "frame": frame,
        "bids": bids,
        "asks": asks,
        "quality": quality,
        "reasons": reasons,
    }


def decimal(micros: int) -> str:
    """Spell millionths as a decimal without trailing zeros: 440000 is 0.44."""
    whole, part = divmod(abs(micros), MILLION)
    text = f"{whole}.{part:06d}".rstrip("0").rstrip(".")
    return f"-{text}" if micros < 0 else text
