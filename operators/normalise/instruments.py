"""Read instrument metadata: our own, Kalshi markets and events, Polymarket gamma and CLOB markets, Bitget's lists.

The same reader serves a file of instruments and metadata that arrives inside a recording. Fields are followed as the
venues document them; ticks, lots and fees are taken from the fields and never from names.
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from math import gcd

import msgspec
from msgspec.structs import replace

from contracts.base import Refused
from contracts.market import FeeModel, PriceBand, Status, VenueInstrumentRecord
from contracts.reasons import INTEL_FRAME_BAD_FIELD, INTEL_FRAME_NOT_JSON
from operators.normalise.binance_records import exchange_info
from operators.normalise.bitget_contracts import is_listed, listed
from operators.normalise.markets import (
    FINE_MICROS,
    KALSHI_FEE,
    NO_FEE,
    POLYMARKET_FEE,
    default_record,
    groups,
    lawful,
    one_step,
)
from operators.normalise.spelling import (
    MILLION,
    TICK_MAX,
    TICK_MIN,
    Unreadable,
    iso_ns,
    micros_of,
    scaled,
    shown,
    tick_refusal,
)

Fields = dict[str, object]


def _exact(text: str) -> Decimal:
    """Return a number as it is written; raises ValueError, which the decoder expects, where no Decimal can hold it."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"number {shown(text)}; allowed: a number that can be held") from None


_ANY = msgspec.json.Decoder(float_hook=_exact)
_PARTS = ("markets", "market", "data", "raw", "nested", "single", "payloads")
_KALSHI_STATUS = {
    "active": Status.OPEN,
    "open": Status.OPEN,
    "initialized": Status.HALTED,
    "unopened": Status.HALTED,
    "inactive": Status.HALTED,
    "paused": Status.HALTED,
    "closed": Status.CLOSED,
    "determined": Status.CLOSED,
    "disputed": Status.CLOSED,
    "amended": Status.CLOSED,
    "finalized": Status.RESOLVED,
    "settled": Status.RESOLVED,
}
_MAKER_SHARE = {"quadratic": 0, "quadratic_with_maker_fees": 250_000, "quadratic_with_combo_maker_fees": 500_000}


def read_instruments(data: bytes) -> list[VenueInstrumentRecord]:
    """Return the records of a file of instruments: a JSON document, or JSON lines; the last record of a market wins.

    Raises Refused naming the entry, the field, the value and what is allowed.
    """
    try:
        documents = [_ANY.decode(data)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        documents = []
        for number, line in enumerate(data.splitlines(), 1):
            try:
                documents += [_ANY.decode(line)] if line.strip() else []
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
                raise Refused(f"instruments line {number}: not JSON ({err})") from None
    try:
        records = {record.market_id: lawful(record) for document in documents for record in records_of(document)}
    except Unreadable as err:
        raise Refused(f"instruments: {err.detail}") from None
    except RecursionError:
        raise Refused("instruments: lists in lists without end; allowed: records, or a venue's answer") from None
    if not records:
        raise Refused(
            "instruments: no market found; allowed: our records, Kalshi or Polymarket markets, Binance's exchangeInfo"
        )
    return list(records.values())


def json_value(data: bytes) -> object:
    """Decode JSON with exact decimals; raises msgspec.MsgspecError, UnicodeDecodeError or RecursionError."""
    return _ANY.decode(data)


def unreadable(data: bytes, err: Exception) -> Unreadable:
    """Say what a decoder found wrong: text that is no JSON at all, or JSON with a wrong field."""
    try:
        _ANY.decode(data)
    except msgspec.ValidationError as refused:
        return Unreadable(INTEL_FRAME_BAD_FIELD, f"frame: {refused}")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as broken:
        return Unreadable(INTEL_FRAME_NOT_JSON, f"frame: {broken}; allowed: JSON")
    return Unreadable(INTEL_FRAME_BAD_FIELD, f"{err}")


def records_of(value: object, event: Fields | None = None) -> Iterator[VenueInstrumentRecord]:
    """Yield the records found in decoded JSON, in their order; raises Refused for a market that breaks a rule."""
    if isinstance(value, list):
        for one in value:
            yield from records_of(one, event)
        return
    if not isinstance(value, dict):
        return
    fields: Fields = value
    if "market_id" in fields and "venue_id" in fields:
        yield _own(fields)
    elif "ticker" in fields and ("market_type" in fields or "yes_sub_title" in fields or "price_ranges" in fields):
        yield kalshi_record(fields, event)
    elif isinstance(fields.get("tokens"), list) and "condition_id" in fields:
        yield from clob_records(fields)
    elif "conditionId" in fields:
        yield from gamma_records(fields, event)
    elif "symbols" in fields and "rateLimits" in fields:
        yield from exchange_info(fields, {})
    elif is_listed(fields):
        found = listed(fields)
        if found is not None:
            yield found
    else:
        inside = fields if "markets" in fields and ("event_ticker" in fields or "slug" in fields) else event
        for name in _PARTS:
            if name in fields:
                yield from records_of(fields[name], inside)


def _own(fields: Fields) -> VenueInstrumentRecord:
    """Convert our own shape, with or without the fields that a fact has."""
    whole: Fields = {"fact": 0, "at_ns": 0, "market": -1, **fields}
    try:
        record = msgspec.convert(whole, VenueInstrumentRecord)
    except msgspec.ValidationError as err:
        raise Refused(f"instrument {shown(fields.get('market_id'))}: {err}") from None
    if record.instrument_kind == 0 and (refusal := tick_refusal(record.tick_micros)):
        raise Refused(f"instrument {shown(record.market_id)}: {refusal}")
    if not record.lot_micros or not record.tick_micros:
        raise Refused(f"instrument {shown(record.market_id)}: tick_micros or lot_micros 0; allowed: 1 or more")
    return record


def text_of(value: object, most: int = 4_096) -> str:
    """Return a text cut to the contract's length; anything else is empty."""
    return value[:most] if isinstance(value, str) else ""


def _id_of(value: object) -> str:
    """Return an identifier that came as text or number; empty when there is none or it is too long."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return text if len(text) <= 128 else ""


# ---- Kalshi -------------------------------------------------------------------------------------------------------


def kalshi_record(fields: Fields, event: Fields | None = None) -> VenueInstrumentRecord:
    """Return the record of a Kalshi market object."""
    ticker = text_of(fields.get("ticker"), 128)
    record = default_record(ticker, "kalshi")
    above = event or {}
    own_event, own_series = groups(ticker)
    tick, bands = kalshi_grid(ticker, fields.get("price_ranges"))
    rules = "\n\n".join(
        t for t in (text_of(fields.get("rules_primary")), text_of(fields.get("rules_secondary"), 90_000)) if t
    )
    return replace(
        record,
        tick_micros=tick or record.tick_micros,
        price_bands=bands or record.price_bands,
        fee=kalshi_fee({**above, **fields}),
        event_id=_id_of(fields.get("event_ticker")) or own_event,
        series_id=_id_of(fields.get("series_ticker")) or _id_of(above.get("series_ticker")) or own_series,
        neg_risk=above.get("mutually_exclusive") is True,
        expiry_ns=iso_ns(fields.get("close_time")),
        title=text_of(fields.get("title")) or text_of(fields.get("yes_sub_title")) or ticker,
        rules_text=rules,
        status=kalshi_status(ticker, fields.get("status", "active")),
    )


def kalshi_status(ticker: str, status: object) -> Status:
    """Map Kalshi's word for a market's life; raises Refused for an unknown one."""
    known = _KALSHI_STATUS.get(status) if isinstance(status, str) else None
    if known is None:
        raise Refused(f"market {shown(ticker)}: status {shown(status)}; allowed: {', '.join(_KALSHI_STATUS)}")
    return known


def kalshi_grid(ticker: str, ranges: object) -> tuple[int, tuple[PriceBand, ...]]:
    """Return tick (the finest step) and bands of `price_ranges`; (0, ()) when there are none."""
    if not isinstance(ranges, list) or not ranges:
        return 0, ()
    edges = []
    for band in ranges:
        values = [micros_of(band.get(name)) for name in ("start", "end", "step")] if isinstance(band, dict) else [None]
        start, end, step = values if len(values) == 3 else (None, None, None)
        if start is None or end is None or step is None or not 0 <= start < end <= MILLION or step <= 0:
            raise Refused(
                f"market {shown(ticker)}: price_ranges {shown(band)}; allowed: 0 <= start < end <= 1, step > 0"
            )
        edges.append((start, end, step))
    tick = gcd(*(part for edge in edges for part in edge))
    if refusal := tick_refusal(tick):
        raise Refused(f"market {shown(ticker)}: price_ranges: {refusal}")
    grid = MILLION // tick
    bands = ((max(start // tick, 1), min(end // tick, grid - 1), step // tick) for start, end, step in edges)
    return tick, tuple(PriceBand(*band) for band in bands)


def kalshi_fee(fields: Fields) -> FeeModel:
    """Return the fee of a market, series or event object; the override of an event wins; no word of it: quadratic."""
    kind = fields.get("fee_type_override") or fields.get("fee_type") or "quadratic"
    times = micros_of(_first(fields.get("fee_multiplier_override"), fields.get("fee_multiplier"), 1))
    share = _MAKER_SHARE.get(kind) if isinstance(kind, str) else None
    if share is None or times is None or times < 0:
        return FeeModel("unknown")
    taker = KALSHI_FEE.taker_rate_micros * times // MILLION
    return replace(KALSHI_FEE, taker_rate_micros=taker, maker_rate_micros=taker * share // MILLION)


def _first(*values: object) -> object:
    """Return the first value that is there."""
    return next((value for value in values if value is not None), None)


# ---- Polymarket ---------------------------------------------------------------------------------------------------


def polymarket_grid(market_id: str, tick_size: object) -> tuple[int, tuple[PriceBand, ...]]:
    """Return the grid that holds 0.001 and the tick size, and the one legal step on it; nothing said: 0.001."""
    step = FINE_MICROS if tick_size is None else micros_of(tick_size)
    if step is None or not TICK_MIN <= step <= TICK_MAX:
        raise Refused(f"market {shown(market_id)}: tick size {shown(tick_size)}; allowed: 0.0001 to 0.1")
    tick = gcd(step, FINE_MICROS)
    if refusal := tick_refusal(tick):
        raise Refused(f"market {shown(market_id)}: tick size {shown(tick_size)}: {refusal}")
    return tick, one_step(step, tick)


def polymarket_fee(enabled: object, schedule: object) -> FeeModel:
    """Return the fee of a schedule {rate, exponent, taker only}; not enabled is free, unknown is the highest rate.

    shares * rate * (p * (1 - p)) ** exponent (fact sheet §6); an exponent other than 1 has no FeeModel: unknown.
    """
    if isinstance(schedule, dict):
        rate = micros_of(_first(schedule.get("rate"), schedule.get("r")))
        exponent = micros_of(_first(schedule.get("exponent"), schedule.get("e"), 1))
        if rate is None or rate < 0 or exponent != MILLION:
            return FeeModel("unknown")
        only_taker = _first(schedule.get("takerOnly"), schedule.get("taker_only"), schedule.get("to"), True)
        return replace(POLYMARKET_FEE, taker_rate_micros=rate, maker_rate_micros=0 if only_taker else rate)
    return NO_FEE if enabled is False else POLYMARKET_FEE


def _list_of(value: object) -> list[object]:
    """Return a list that may be written as JSON inside a string."""
    if isinstance(value, str):
        try:
            value = _ANY.decode(value)
        except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
            return []
    return value if isinstance(value, list) else []


def _pair(record: VenueInstrumentRecord, tokens: list[tuple[str, str]]) -> Iterator[VenueInstrumentRecord]:
    """Yield the record once for each token, each naming the other as its complement."""
    for place, (token, outcome) in enumerate(tokens):
        other = tokens[1 - place][0] if len(tokens) == 2 else ""
        yield replace(record, market_id=token, outcome=outcome[:4_096] or "TOKEN", complement_id=other)


def _polymarket_status(fields: Fields, accepting: str) -> Status:
    """Return the life of a market from its flags; a missing flag does not stop it."""
    if fields.get("umaResolutionStatus") == "resolved" and fields.get("closed") is True:
        return Status.RESOLVED
    if fields.get("closed") is True or fields.get("archived") is True:
        return Status.CLOSED
    halted = fields.get("active") is False or fields.get(accepting) is False
    return (
        Status.HALTED
        if halted or fields.get("enableOrderBook", fields.get("enable_order_book")) is False
        else Status.OPEN
    )


def _min_lots(value: object) -> int:
    """Return the smallest order in millionths of a share; 1 when nothing usable was said."""
    return max(1, micros_of(value) or 1)


def gamma_records(fields: Fields, event: Fields | None = None) -> Iterator[VenueInstrumentRecord]:
    """Yield a record for each token of a gamma market; a market without token ids has none."""
    condition = _id_of(fields.get("conditionId"))
    tokens, outcomes = _list_of(fields.get("clobTokenIds")), _list_of(fields.get("outcomes"))
    events = fields.get("events")
    above = events[0] if isinstance(events, list) and events and isinstance(events[0], dict) else event or {}
    series = above.get("series")
    first = series[0] if isinstance(series, list) and series and isinstance(series[0], dict) else {}
    tick, bands = polymarket_grid(condition, fields.get("orderPriceMinTickSize"))
    record = replace(
        default_record(condition, "polymarket"),
        tick_micros=tick,
        min_size_lots=_min_lots(fields.get("orderMinSize")),
        price_bands=bands,
        fee=polymarket_fee(fields.get("feesEnabled"), fields.get("feeSchedule")),
        event_id=_id_of(above.get("id")) or condition,
        series_id=_id_of(first.get("slug")) or _id_of(above.get("seriesSlug")),
        neg_risk=fields.get("negRisk") is True,
        expiry_ns=iso_ns(fields.get("endDate")),
        title=text_of(fields.get("question")),
        rules_text=text_of(fields.get("description"), 100_000),
        status=_polymarket_status(fields, "acceptingOrders"),
    )
    yield from _pair(record, _tokens(tokens, outcomes))


def _tokens(tokens: list[object], outcomes: list[object]) -> list[tuple[str, str]]:
    """Join token ids with their outcomes' names."""
    names = [name if isinstance(name, str) else "" for name in outcomes] + [""] * len(tokens)
    return [(token, name) for token, name in zip(map(_id_of, tokens), names, strict=False) if token]


def clob_records(fields: Fields) -> Iterator[VenueInstrumentRecord]:
    """Yield a record for each token of a CLOB market; base fees of 0 mean a market without fees (fact sheet §0.13)."""
    condition = _id_of(fields.get("condition_id"))
    listed = fields.get("tokens")
    tokens = [t for t in listed if isinstance(t, dict)] if isinstance(listed, list) else []
    tick, bands = polymarket_grid(condition, fields.get("minimum_tick_size"))
    free = fields.get("taker_base_fee") == 0 and fields.get("maker_base_fee") == 0
    record = replace(
        default_record(condition, "polymarket"),
        tick_micros=tick,
        min_size_lots=_min_lots(fields.get("minimum_order_size")),
        price_bands=bands,
        fee=polymarket_fee(not free, fields.get("fd")),
        event_id=_id_of(fields.get("neg_risk_market_id")) or condition,
        neg_risk=fields.get("neg_risk") is True,
        expiry_ns=iso_ns(fields.get("end_date_iso")),
        title=text_of(fields.get("question")),
        rules_text=text_of(fields.get("description"), 100_000),
        status=_polymarket_status(fields, "accepting_orders"),
    )
    yield from _pair(record, _tokens([t.get("token_id") for t in tokens], [t.get("outcome") for t in tokens]))


def new_market_records(fields: Fields) -> Iterator[VenueInstrumentRecord]:
    """Yield a record for each token of a `new_market` message."""
    condition = _id_of(fields.get("condition_id")) or _id_of(fields.get("market"))
    message = fields.get("event_message")
    above = message if isinstance(message, dict) else {}
    tick, bands = polymarket_grid(condition, fields.get("order_price_min_tick_size") or None)
    record = replace(
        default_record(condition, "polymarket"),
        tick_micros=tick,
        price_bands=bands,
        fee=polymarket_fee(fields.get("fees_enabled"), fields.get("fee_schedule")),
        event_id=_id_of(above.get("id")) or condition,
        title=text_of(fields.get("question")),
        rules_text=text_of(fields.get("description"), 100_000),
        status=Status.HALTED if fields.get("active") is False else Status.OPEN,
    )
    tokens = _list_of(fields.get("clob_token_ids")) or _list_of(fields.get("assets_ids"))
    yield from _pair(record, _tokens(tokens, _list_of(fields.get("outcomes"))))


def seconds_ns(value: object) -> int:
    """Return whole seconds since 1970 (a number, or its text) in nanoseconds; 0 when it cannot be read."""
    micros = micros_of(value) if not isinstance(value, str) else scaled(value)
    return micros * 1_000 if micros is not None and 0 <= micros <= 4_102_444_800 * MILLION else 0
