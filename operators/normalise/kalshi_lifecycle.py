"""Read what Kalshi says of a market's life: creation, pauses, a new end, a new grid, the result, the payment.

The venue sends nothing when a market opens or closes by time; expiry tells that. Times here are whole seconds.
"""

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from contracts.market import PriceBand, Status, VenueInstrumentRecord, VenueStatus
from contracts.reasons import INTEL_FRAME_BAD_FIELD
from operators.normalise.instruments import Fields, json_value, kalshi_fee, kalshi_grid, seconds_ns, text_of
from operators.normalise.markets import KALSHI, Market, Sheet, finer
from operators.normalise.spelling import MILLION, Unreadable, scaled, shown


class _Life(Struct, gc=False):
    market_ticker: str
    event_type: str
    close_ts: int | None = None
    determination_ts: int | None = None
    settled_ts: int | None = None
    result: str | None = None
    settlement_value: str | None = None
    price_ranges: list[dict[str, str]] | None = None
    floor_strike: object = None
    cap_strike: object = None
    yes_sub_title: str | None = None


_LIFE = msgspec.json.Decoder(_Life)
_STATUS = {
    "created": Status.HALTED,
    "activated": Status.OPEN,
    "deactivated": Status.HALTED,
    "determined": Status.CLOSED,
    "settled": Status.RESOLVED,
}
_UNCHANGED = ("close_date_updated", "price_level_structure_updated", "metadata_updated")


def market_lifecycle(sheet: Sheet, seq: int, payload: bytes) -> None:
    """Read `market_lifecycle_v2`."""
    made = _LIFE.decode(payload)
    kind, ticker = made.event_type, made.market_ticker
    if kind not in _STATUS and kind not in _UNCHANGED:
        allowed = ", ".join([*_STATUS, *_UNCHANGED])
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"event_type: {shown(kind)}; allowed: {allowed}")
    market = sheet.meet(ticker, KALSHI)
    record = replace(market.record, status=int(_STATUS.get(kind, Status(market.record.status))))
    record = replace(record, expiry_ns=seconds_ns(made.close_ts) or record.expiry_ns)
    if kind in ("created", "metadata_updated"):
        sheet.keep(Market(market.index, replace(record, title=_title(made, record.title)), market.stream, market.lost))
        sheet.define(replace(record, title=_title(made, record.title)))
        return
    tick, bands = kalshi_grid(ticker, made.price_ranges)
    finest = 0
    if bands:
        record, bands = _on_grid(record, tick, bands)
        finest = record.tick_micros if record.tick_micros != market.record.tick_micros else 0
    expiry_ns = record.expiry_ns if record.expiry_ns != market.record.expiry_ns else 0
    venue_ns = seconds_ns(made.settled_ts) or seconds_ns(made.determination_ts)
    sheet.keep(Market(market.index, record, market.stream, market.lost))
    sheet.facts.append(
        VenueStatus(
            sheet.fact(),
            sheet.at_ns,
            market.index,
            record.status,
            _paid(made),
            expiry_ns,
            finest,
            bands,
            venue_ns,
            sheet.proof,
        )
    )


def _on_grid(
    record: VenueInstrumentRecord, tick: int, bands: tuple[PriceBand, ...]
) -> tuple[VenueInstrumentRecord, tuple[PriceBand, ...]]:
    """Put a record and its new bands on the grid that holds its former prices and the new ones."""
    wide = finer(replace(record, tick_micros=tick, price_bands=bands), record.tick_micros)
    return wide, wide.price_bands


def _title(made: _Life, former: str) -> str:
    """Return a title that contains the strikes, where they are said."""
    strikes = [str(strike) for strike in (made.floor_strike, made.cap_strike) if strike is not None]
    parts = [made.yes_sub_title or former, *(f"strike {strike}" for strike in strikes)]
    return ": ".join(parts)[:4_096]


def _paid(made: _Life) -> int:
    """Return what one YES contract pays, in millionths; -1 while that is unknown."""
    if made.settlement_value is not None:
        value = scaled(made.settlement_value)
        if value is None or not 0 <= value <= MILLION:
            raise Unreadable(
                INTEL_FRAME_BAD_FIELD, f"settlement_value: {shown(made.settlement_value)}; allowed: 0 to 1"
            )
        return value
    return {"yes": MILLION, "no": 0}.get(made.result or "", -1)


def event_lifecycle(sheet: Sheet, seq: int, payload: bytes) -> None:
    """Read `event_lifecycle`: it announces an event and changes no market."""
    json_value(payload)


def event_fee_update(sheet: Sheet, seq: int, payload: bytes) -> None:
    """Read `event_fee_update`: every known market of the event gets its new fee."""
    told = json_value(payload)
    fields: Fields = told if isinstance(told, dict) else {}
    event_id = text_of(fields.get("event_ticker"), 128)
    if not event_id:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"event_ticker: {shown(fields.get('event_ticker'))}; allowed: a ticker")
    fee = kalshi_fee(fields)
    for market in list(sheet.table.by_id.values()):
        if market.record.event_id == event_id and market.record.venue_id == KALSHI:
            sheet.define(replace(market.record, fee=fee))
