"""Read best quotes of markets whose book nobody recorded: each row of a poll becomes a ticker, exactly or not at all.

The rows carry prices as floats (connectors/capture_quotes.py). A float is taken for the price on the grid of 0.001, or
of 0.0001, that it stands within a thousand-millionth of; any other is refused and never rounded. A side without a
price is an empty side. Crossed quotes are said as they came: a ticker proves nothing about a book. Nothing here makes
a book, so no order can rest on such a market (docs/adr/0017-quotes-without-books.md).
"""

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bots.maths.instruments import SOLE
from contracts.market import Kind, VenueTicker
from contracts.reasons import INTEL_FRAME_BAD_FIELD, INTEL_FRAME_BAD_PRICE
from operators.normalise.instruments import text_of, unreadable
from operators.normalise.markets import FINE_MICROS, POLYMARKET, Market, Sheet, default_record, finer
from operators.normalise.spelling import MILLION, TICK_MIN, Unreadable, shown

DIALECT = "quotes"
OFF_GRID_MAX = 1e-9  # in units of price: a float that came from a decimal of four places is off by less than 1e-16


class _Quote(Struct, gc=False):
    """One row: the market's slug, its best prices between 0 and 1 (null: no quote on that side), its category."""

    slug: str
    bid: float | None
    ask: float | None
    category: str | None = None


_QUOTE = msgspec.json.Decoder(_Quote)


def read_slow(sheet: Sheet, data: bytes) -> None:
    """Read one row onto the sheet; raises Unreadable with the reason for a dead letter. About 4 µs."""
    try:
        quote = _QUOTE.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise unreadable(data, err) from None
    step = min(_step(quote.bid, "bid"), _step(quote.ask, "ask"))
    market = _market(sheet, quote, step)
    grid = MILLION // market.record.tick_micros
    bid = -1 if quote.bid is None else round(quote.bid * grid)
    ask = -1 if quote.ask is None else round(quote.ask * grid)
    sheet.facts.append(VenueTicker(sheet.fact(), sheet.at_ns, market.index, bid, ask, -1, 0, 0, sheet.proof))


def _step(price: float | None, field: str) -> int:
    """Return the coarsest grid that a price stands on, in millionths; raises Unreadable when it stands on none."""
    if price is None:
        return FINE_MICROS
    if 0.0 < price < 1.0:
        for step in (FINE_MICROS, TICK_MIN):
            grid = MILLION // step
            near = round(price * grid)
            if 0 < near < grid and abs(price - near / grid) <= OFF_GRID_MAX:
                return step
    allowed = f"null, or a multiple of {TICK_MIN} millionths between 0 and 1"
    raise Unreadable(INTEL_FRAME_BAD_PRICE, f"{field}: {shown(price)}; allowed: {allowed}")


def _market(sheet: Sheet, quote: _Quote, step: int) -> Market:
    """Return the market on a grid that holds a step, having said its record at first sight and where the grid moved.

    What nothing defined is a stand-alone binary with an unknown end, which no registry publishes: it is watched only.
    """
    market = sheet.find(quote.slug)
    record = market.record if market is not None else sheet.table.declared.get(quote.slug)
    if record is None:
        series = text_of(quote.category, 128)
        record = replace(default_record(quote.slug, POLYMARKET), outcome=SOLE, series_id=series, title=quote.slug)
    if record.instrument_kind != Kind.BINARY:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"slug: {shown(quote.slug)} is no binary; allowed: a binary market")
    if record.tick_micros > step or step % record.tick_micros:
        return sheet.define(finer(record, step))
    return market if market is not None else sheet.define(record)
