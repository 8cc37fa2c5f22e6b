"""Read every event of Polymarket's market channel and REST answers, slowly, and say precisely what is wrong.

A missing side is claimed as a bid of "0" or an ask of "1". Images replace, changes carry new totals, and best quotes
prove nothing, because they arrive before the changes that cause them (fact sheet §8).
"""

from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from contracts.base import Refused
from contracts.market import (
    Status,
    VenueBookDelta,
    VenueBookImage,
    VenueConnection,
    VenueStatus,
    VenueTicker,
    VenueTrade,
)
from contracts.reasons import (
    INTEL_FRAME_BAD_FIELD,
    INTEL_FRAME_BAD_PRICE,
    INTEL_FRAME_BAD_SIZE,
    INTEL_FRAME_NO_MARKET,
    INTEL_FRAME_UNKNOWN_KIND,
)
from operators.normalise.instruments import json_value, new_market_records, polymarket_grid, records_of, unreadable
from operators.normalise.markets import POLYMARKET, Market, Sheet, finer, one_step
from operators.normalise.spelling import MILLION, Unreadable, epoch_ns, micros_of, shown

SIDES = {"BUY": 1, "SELL": -1}
_PROBES = {b"PONG", b"PING", b"[]", b"pong", b"ping"}


class _Level(Struct, gc=False):
    price: str
    size: str


class _Any(Struct, gc=False):
    """One change; every field may be missing, so that what is missing can be said."""

    asset_id: str | None = None
    price: str | None = None
    size: str | None = None
    side: str | None = None
    best_bid: str | None = None
    best_ask: str | None = None


class _Event(Struct, gc=False):
    """The fields of every message that is read."""

    event_type: str | None = None
    market: str | None = None
    asset_id: str | None = None
    timestamp: int | None = None
    price: str | None = None
    size: str | None = None
    side: str | None = None
    best_bid: str | None = None
    best_ask: str | None = None
    bids: list[_Level] | None = None
    asks: list[_Level] | None = None
    price_changes: list[_Any] | None = None
    changes: list[_Any] | None = None
    tick_size: str | None = None
    new_tick_size: str | None = None
    transaction_hash: str | None = None
    assets_ids: list[str] | None = None
    winning_asset_id: str | None = None


class _Plain(Struct, gc=False):
    """What the quick reader asks of a change; whatever else the message holds is not looked at."""

    event_type: Literal["price_change"]
    price_changes: list[_Any]
    timestamp: int


_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_PLAIN = msgspec.json.Decoder(_Plain, strict=False)
_EVENT = msgspec.json.Decoder(_Event, strict=False)
BOOKS = ("price_change", "book", "tick_size_change")


def read_slow(sheet: Sheet, data: bytes) -> None:
    """Read any frame of this dialect onto the sheet; raises Unreadable with the reason for a dead letter."""
    text = data.strip()
    if text in _PROBES:
        sheet.control = True
        if text in (b"PONG", b"pong"):
            sheet.facts.append(VenueConnection(sheet.fact(), sheet.at_ns, -1, "beat", sheet.stream, -1))
        return
    try:
        events = [bytes(raw) for raw in _ARRAY.decode(data)] if text.startswith(b"[") else [data]
        for event in events:
            _one(sheet, event)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise unreadable(data, err) from None
    except Refused as err:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"{err}") from None


def _one(sheet: Sheet, data: bytes) -> None:
    """Read one event."""
    if not data.lstrip().startswith(b"{"):
        json_value(data)
        raise Unreadable(
            INTEL_FRAME_UNKNOWN_KIND, f"frame: {shown(data[:60])}; allowed: an object or an array of objects"
        )
    event = _event(data)
    kind = event.event_type
    if kind is None:
        kind = _shape(event)
    reader = _READERS.get(kind)
    if reader is not None:
        reader(sheet, event)
    elif kind == "new_market":
        fields = json_value(data)
        for record in new_market_records(fields if isinstance(fields, dict) else {}):
            sheet.define(record)
    elif kind == "":
        records = list(records_of(json_value(data)))
        if not records and not (b'"markets"' in data or b'"clobTokenIds"' in data):
            raise Unreadable(
                INTEL_FRAME_UNKNOWN_KIND, f"event_type: missing; frame {shown(data[:60])}; allowed: {_ALLOWED}"
            )
        for record in records:
            sheet.define(record)
    else:
        raise Unreadable(INTEL_FRAME_UNKNOWN_KIND, f"event_type: {shown(kind)}; allowed: {_ALLOWED}")


def _event(data: bytes) -> _Event:
    """Decode an event; a change may hold anything in fields that no change needs, as the quick reader allows."""
    try:
        return _EVENT.decode(data)
    except (msgspec.ValidationError, UnicodeDecodeError) as err:
        try:
            plain = _PLAIN.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise err from None
    return _Event(plain.event_type, timestamp=plain.timestamp, price_changes=plain.price_changes)


def _shape(event: _Event) -> str:
    """Name a message without `event_type` by what it carries: a REST book, or something else ("")."""
    return "book" if event.asset_id is not None and event.bids is not None and event.asks is not None else ""


def _asset(value: str | None) -> str:
    if not value:
        raise Unreadable(INTEL_FRAME_NO_MARKET, f"asset_id: {shown(value)}; allowed: a token id")
    return value


def _venue_ns(value: int | None) -> int:
    ns = epoch_ns(value) if value is not None else 0
    if not ns:
        raise Unreadable(
            INTEL_FRAME_BAD_FIELD, f"timestamp: {shown(value)}; allowed: milliseconds since 1970, up to 2100"
        )
    return ns


def _price(prices: dict[str, int], value: str | None, field: str, market: Market) -> int:
    ticks = prices.get(value) if value is not None else None
    if ticks is None:
        step = market.record.tick_micros
        allowed = f"a decimal string, a multiple of {step} millionths inside the grid"
        raise Unreadable(INTEL_FRAME_BAD_PRICE, f"{field}: {shown(value)}; allowed: {allowed}")
    return ticks


def _lots(market: Market, value: str | None, field: str) -> int:
    try:
        return market.sizes[value or ""]
    except ValueError:
        allowed = f"a decimal string from 0, a multiple of {market.record.lot_micros} millionths"
        raise Unreadable(INTEL_FRAME_BAD_SIZE, f"{field}: {shown(value)}; allowed: {allowed}") from None


def _side(value: str | None) -> int:
    side = SIDES.get(value or "")
    if side is None:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"side: {shown(value)}; allowed: BUY, SELL")
    return side


def _price_change(sheet: Sheet, event: _Event) -> None:
    """New form `price_changes`, old form `changes` under one asset_id, and the oldest with its one change flat."""
    made = event.price_changes if event.price_changes is not None else event.changes
    if made is None:
        made = [_Any(event.asset_id, event.price, event.size, event.side, event.best_bid, event.best_ask)]
    if not made:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, "price_changes: empty; allowed: one change or more")
    venue_ns = _venue_ns(event.timestamp)
    assets = [_asset(change.asset_id or event.asset_id) for change in made]
    closing = {asset: place for place, asset in enumerate(assets)}
    for asset in closing:
        _hear(sheet, asset, event.market, list(closing))
    for place, (asset, change) in enumerate(zip(assets, made, strict=True)):
        market = sheet.hear(asset, POLYMARKET)
        side = _side(change.side)
        price = _price(market.levels, change.price, "price", market)
        lots = _lots(market, change.size, "size")
        bid = _price(market.bid_claims, change.best_bid or "", "best_bid", market)
        ask = _price(market.ask_claims, change.best_ask or "", "best_ask", market)
        last = closing[asset] == place
        sheet.facts.append(
            VenueBookDelta(
                sheet.fact(),
                sheet.at_ns,
                market.index,
                side,
                price,
                lots,
                False,
                bid,
                ask,
                last,
                -1,
                venue_ns,
                sheet.proof,
            )
        )


def _hear(sheet: Sheet, asset: str, condition: str | None, together: list[str]) -> Market:
    """Hear of a token; where nothing defined it, its condition stands for its event and tells its complement."""
    market = sheet.find(asset)
    if market is None and asset not in sheet.table.declared:
        market = sheet.meet(asset, POLYMARKET)
        event_id = condition if condition and len(condition) <= 128 else ""
        other = next((one for one in together if one != asset), "") if len(together) == 2 else ""
        record = replace(market.record, event_id=event_id, complement_id=other)
        sheet.facts[-1] = record
        market = sheet.keep(Market(market.index, record, None))
    return sheet.hear(asset, POLYMARKET)


def _book(sheet: Sheet, event: _Event) -> None:
    asset, venue_ns = _asset(event.asset_id), _venue_ns(event.timestamp)
    market = _hear(sheet, asset, event.market, [asset])
    if event.tick_size:
        market = _regrid(sheet, market, event.tick_size, venue_ns)
    bids = _levels(market, event.bids, "bids")
    asks = _levels(market, event.asks, "asks")
    bids.sort(reverse=True)
    asks.sort()
    sheet.facts.append(
        VenueBookImage(sheet.fact(), sheet.at_ns, market.index, tuple(bids), tuple(asks), -1, venue_ns, sheet.proof)
    )


def _levels(market: Market, made: list[_Level] | None, field: str) -> list[tuple[int, int]]:
    """Return one side of an image; empty levels are dropped, a price that comes twice is refused."""
    if made is None:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"{field}: missing; allowed: a list of levels, or an empty list")
    found: dict[int, int] = {}
    for place, level in enumerate(made):
        price = _price(market.levels, level.price, f"{field}[{place}].price", market)
        if price in found:
            raise Unreadable(
                INTEL_FRAME_BAD_FIELD, f"{field}[{place}].price: {shown(level.price)} twice; allowed: once"
            )
        found[price] = _lots(market, level.size, f"{field}[{place}].size")
    return [(price, lots) for price, lots in found.items() if lots]


def _regrid(sheet: Sheet, market: Market, tick_size: str, venue_ns: int) -> Market:
    """Take a new tick size; one finer than the grid makes a new grid, and the book must wait for a new image."""
    former = market.record
    polymarket_grid(former.market_id, tick_size)
    step = micros_of(tick_size) or 0
    record = finer(former, step)
    record = replace(record, price_bands=one_step(step, record.tick_micros))
    if record.price_bands == former.price_bands and record.tick_micros == former.tick_micros:
        return market
    finest = record.tick_micros if record.tick_micros != former.tick_micros else 0
    sheet.facts.append(
        VenueStatus(
            sheet.fact(),
            sheet.at_ns,
            market.index,
            record.status,
            -1,
            0,
            finest,
            record.price_bands,
            venue_ns,
            sheet.proof,
        )
    )
    return sheet.keep(Market(market.index, record, market.stream, market.lost))


def _tick_size_change(sheet: Sheet, event: _Event) -> None:
    venue_ns = _venue_ns(event.timestamp)
    if not event.new_tick_size:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"new_tick_size: {shown(event.new_tick_size)}; allowed: 0.0001 to 0.1")
    market = sheet.meet(_asset(event.asset_id), POLYMARKET)
    _regrid(sheet, market, event.new_tick_size, venue_ns)


def _trade(sheet: Sheet, event: _Event) -> None:
    venue_ns = _venue_ns(event.timestamp)
    market = sheet.meet(_asset(event.asset_id), POLYMARKET)
    price = _price(market.levels, event.price, "price", market)
    lots = _lots(market, event.size, "size")
    aggressor = _side(event.side) if event.side else 0
    trade_id = event.transaction_hash or ""
    if len(trade_id) > 128:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"transaction_hash: {shown(trade_id)}; allowed: at most 128 characters")
    sheet.facts.append(
        VenueTrade(sheet.fact(), sheet.at_ns, market.index, price, lots, aggressor, trade_id, -1, venue_ns, sheet.proof)
    )


def _best(sheet: Sheet, event: _Event) -> None:
    """Best quotes beside the book. They arrive before the changes that cause them, so they prove nothing against it."""
    venue_ns = _venue_ns(event.timestamp)
    market = sheet.meet(_asset(event.asset_id), POLYMARKET)
    bid = _price(market.bid_claims, event.best_bid or "", "best_bid", market)
    ask = _price(market.ask_claims, event.best_ask or "", "best_ask", market)
    grid = MILLION // market.record.tick_micros
    sheet.facts.append(
        VenueTicker(
            sheet.fact(), sheet.at_ns, market.index, bid or -1, ask if ask <= grid else -1, -1, 0, venue_ns, sheet.proof
        )
    )


def _resolved(sheet: Sheet, event: _Event) -> None:
    venue_ns = _venue_ns(event.timestamp)
    winner = event.winning_asset_id
    assets = event.assets_ids or ([winner] if winner else [])
    if not assets:
        raise Unreadable(INTEL_FRAME_NO_MARKET, "assets_ids: missing; allowed: the market's token ids")
    if winner not in assets:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"winning_asset_id: {shown(winner)}; allowed: one of assets_ids")
    for asset in assets:
        market = sheet.meet(_asset(asset), POLYMARKET)
        paid = MILLION if asset == winner else 0
        record = replace(market.record, status=int(Status.RESOLVED))
        sheet.keep(Market(market.index, record, market.stream, market.lost))
        sheet.facts.append(
            VenueStatus(sheet.fact(), sheet.at_ns, market.index, Status.RESOLVED, paid, 0, 0, (), venue_ns, sheet.proof)
        )


_READERS: dict[str, Callable[[Sheet, _Event], None]] = {
    "price_change": _price_change,
    "book": _book,
    "last_trade_price": _trade,
    "tick_size_change": _tick_size_change,
    "best_bid_ask": _best,
    "market_resolved": _resolved,
}
_ALLOWED = ", ".join([*_READERS, "new_market"])


def touched(data: bytes) -> list[str]:
    """Return the tokens whose books an unreadable frame would have changed; empty when that cannot be known."""
    try:
        raws = _ARRAY.decode(data) if data.lstrip().startswith(b"[") else [msgspec.Raw(data)]
        named = [_NAMED.decode(raw) for raw in raws]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    made = [event for event in named if event.event_type in BOOKS or event.event_type is None]
    assets = [event.asset_id for event in made] + [c.asset_id for event in made for c in event.price_changes]
    return [asset for asset in assets if isinstance(asset, str)]


class _Naming(Struct, gc=False):
    asset_id: object = None


class _Named(Struct, gc=False):
    event_type: object = None
    asset_id: object = None
    price_changes: list[_Naming] = []


_NAMED = msgspec.json.Decoder(_Named)
