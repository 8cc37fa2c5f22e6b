"""Read Bitget's lists of contracts and pairs, name its markets, and say what is assumed of one that no list named.

Symbols are the same at several venues and in spot and perpetuals, so a market's id names its venue and its kind:
`bitget:BTCUSDT` is the perpetual, `bitget:BTCUSDT.SPOT` the pair. Version 1 of the API appended the product to the
symbol (`BTCUSDT_UMCBL`); the socket never did.

Some coins cost less than a millionth of the currency. Their markets are counted in 10^k coins, so that a tick is a
whole number of millionths, and the record's multiplier says so: price, mark and index are those of 10^k coins, sizes
are in 10^k coins, and notional stays price times size.

A list names no caps of funding, and version 1 no interval either: what nobody said stays unknown.
"""

from math import gcd

from msgspec.structs import replace

from contracts.base import Refused
from contracts.ids import market_name
from contracts.market import FeeModel, Kind, Status, VenueInstrumentRecord
from contracts.reasons import INTEL_FRAME_BAD_FIELD, INTEL_FRAME_BAD_PRICE
from operators.normalise.spelling import MILLION, Unreadable, scaled, shown

BITGET = "bitget"
SPOT_SUFFIX = ".SPOT"
SUFFIXES = {
    "mc": "",
    "MC": "",
    "USDT-FUTURES": "",
    "COIN-FUTURES": "",
    "USDC-FUTURES": "",
    "SUSDT-FUTURES": "",
    "SCOIN-FUTURES": "",
    "SUSDC-FUTURES": "",
    "sp": SPOT_SUFFIX,
    "SP": SPOT_SUFFIX,
    "SPOT": SPOT_SUFFIX,
}
"""What a product type adds to a symbol to name the market."""

Fields = dict[str, object]
_DECIMALS = 6
_SHIFT_MAX = 6
_STATUS = {
    "normal": Status.OPEN,
    "online": Status.OPEN,
    "listed": Status.HALTED,
    "maintain": Status.HALTED,
    "limit_open": Status.HALTED,
    "restrictedAPI": Status.HALTED,
    "gray": Status.HALTED,
    "halt": Status.HALTED,
    "off": Status.CLOSED,
    "offline": Status.CLOSED,
}


def market_id_of(inst_type: str, inst_id: str) -> str:
    """Return the id of a market; raises Unreadable for a product that is not known or a symbol that is missing."""
    suffix = SUFFIXES.get(inst_type)
    if suffix is None or not inst_id:
        allowed = f"{', '.join(SUFFIXES)}; a symbol"
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"arg: {shown(inst_type)}, {shown(inst_id)}; allowed: {allowed}")
    return market_name(BITGET, inst_id + suffix)


def decimals_in(texts: list[str], *, padded: bool) -> int:
    """Return the most decimals of any text, six without one; `padded` texts show their grid: their zeros count."""
    parts = [text.partition(".")[2] for text in texts if text]
    return max((len(part if padded else part.rstrip("0")) for part in parts), default=_DECIMALS)


def step_of(decimals: int, shift: int) -> int:
    """Return a step of so many decimals in millionths of 10^shift coins; raises Unreadable when it is finer."""
    if decimals > _DECIMALS + shift:
        said = f"price: {decimals} decimals; allowed: {_DECIMALS + shift} in this market"
        raise Unreadable(INTEL_FRAME_BAD_PRICE, f"{said}; a list of contracts declares a finer grid")
    return int(10 ** (_DECIMALS + shift - decimals))


def assumed(market_id: str, decimals: int) -> VenueInstrumentRecord:
    """Return what is assumed of a market that no list named: prices as fine as were seen, any size, unknown fee.

    Nothing says its funding interval or settlement, so it becomes no definition: it is read, and not traded.
    """
    shift = min(max(decimals - _DECIMALS, 0), _SHIFT_MAX)
    return VenueInstrumentRecord(
        0,
        0,
        -1,
        market_id,
        BITGET,
        int(Kind.SPOT if market_id.endswith(SPOT_SUFFIX) else Kind.PERP),
        "",
        step_of(decimals, shift),
        1,
        title=market_id,
        multiplier_micros=MILLION * 10**shift,
    )


def finer(record: VenueInstrumentRecord, tick_micros: int) -> VenueInstrumentRecord:
    """Return the record on the coarsest grid that also holds a tick."""
    return replace(record, tick_micros=gcd(record.tick_micros, tick_micros))


def in_units_of(record: VenueInstrumentRecord, known: VenueInstrumentRecord) -> VenueInstrumentRecord:
    """Return a record in the units that its market already counts in: a book cannot change them while it lives."""
    if record.multiplier_micros == known.multiplier_micros:
        return record
    return replace(
        record,
        tick_micros=known.tick_micros,
        lot_micros=known.lot_micros,
        min_size_lots=known.min_size_lots,
        multiplier_micros=known.multiplier_micros,
    )


# ---- lists --------------------------------------------------------------------------------------------------------


def is_listed(fields: Fields) -> bool:
    """True when decoded JSON is one entry of a list of Bitget's, of either version."""
    return "symbol" in fields and (
        ("pricePlace" in fields and "priceEndStep" in fields)
        or ("priceScale" in fields and "quantityScale" in fields)
        or ("pricePrecision" in fields and "quantityPrecision" in fields and "minTradeUSDT" in fields)
    )


def listed(fields: Fields) -> VenueInstrumentRecord | None:
    """Return the record of an entry, or None for a dated future, which nothing here can value; raises Refused."""
    if "pricePlace" in fields:
        return _contract(fields) if fields.get("symbolType", "perpetual") == "perpetual" else None
    return _pair(fields)


def _contract(fields: Fields) -> VenueInstrumentRecord | None:
    """Read a perpetual: tick = priceEndStep * 10^-pricePlace, lot = sizeMultiplier (version 1: 10^-volumePlace)."""
    symbol, _, product = _text(fields, "symbol").partition("_")
    if product.count("_") or product.isdigit():
        return None
    places = _places(fields, "pricePlace")
    shift = max(places - _DECIMALS, 0)
    tick = _micros(fields, "priceEndStep", _DECIMALS + shift - places)
    if fields.get("sizeMultiplier"):
        lot = _micros(fields, "sizeMultiplier", _DECIMALS - shift)
    else:
        lot = _unit(fields, "volumePlace", shift)
    return replace(
        _record(fields, symbol, shift, tick, lot, "minTradeNum"),
        funding_interval_h=_micros(fields, "fundInterval", 0) if fields.get("fundInterval") else 0,
        settle_currency=_settlement(fields),
        status=_status(fields.get("symbolStatus")),
    )


def _pair(fields: Fields) -> VenueInstrumentRecord:
    """Read a spot pair: tick and lot are given as decimals."""
    old = "priceScale" in fields
    price, quantity = ("priceScale", "quantityScale") if old else ("pricePrecision", "quantityPrecision")
    symbol = _text(fields, "symbol").partition("_")[0] + SPOT_SUFFIX
    places = _places(fields, price)
    shift = max(places - _DECIMALS, 0)
    tick, lot = int(10 ** (_DECIMALS + shift - places)), _unit(fields, quantity, shift)
    record = _record(fields, symbol, shift, tick, lot, "minTradeAmount")
    return replace(record, instrument_kind=int(Kind.SPOT), status=_status(fields.get("status")))


def _record(fields: Fields, symbol: str, shift: int, tick: int, lot: int, least: str) -> VenueInstrumentRecord:
    """Return what contracts and pairs have in common."""
    smallest = scaled(str(fields.get(least) or "0"), 3 * _DECIMALS)
    if smallest is None or smallest < 0:
        raise _refused(fields, least, "a decimal of at most 18 places")
    unit = lot * 10 ** (2 * _DECIMALS + shift)
    return VenueInstrumentRecord(
        0,
        0,
        -1,
        market_name(BITGET, symbol),
        BITGET,
        int(Kind.PERP),
        "",
        tick,
        lot,
        max(1, -(-smallest // unit)),
        fee=FeeModel("linear_bps", _micros(fields, "takerFeeRate"), _micros(fields, "makerFeeRate")),
        series_id=_text(fields, "baseCoin"),
        title=symbol,
        multiplier_micros=MILLION * 10**shift,
    )


def _settlement(fields: Fields) -> str:
    """Return the currency that a contract settles in: its quote if that is margin, else its base, else the only one."""
    coins = fields.get("supportMarginCoins")
    margin = [str(coin) for coin in coins] if isinstance(coins, list) else []
    for name in ("quoteCoin", "baseCoin"):
        if fields.get(name) in margin:
            return _text(fields, name)
    return margin[0][:128] if len(margin) == 1 else ""


def _status(word: object) -> int:
    """Return the life of a market; a word that nobody knows is not OPEN."""
    return int(_STATUS.get(word, Status.HALTED) if isinstance(word, str) else Status.OPEN)


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 64:
        raise _refused(fields, name, "1 to 64 characters")
    return value


def _places(fields: Fields, name: str) -> int:
    """Return a count of decimals, up to twelve: more than six need units of many coins."""
    value = fields.get(name)
    text = str(value) if isinstance(value, (int, str)) else ""
    places = int(text) if text.isascii() and text.isdigit() and len(text) < 3 else -1
    if not 0 <= places <= _DECIMALS + _SHIFT_MAX:
        raise _refused(fields, name, "0 to 12")
    return places


def _unit(fields: Fields, name: str, shift: int) -> int:
    """Return 10^-places coins in millionths of 10^shift coins."""
    places = _places(fields, name)
    if places + shift > _DECIMALS:
        raise _refused(fields, name, f"at most {_DECIMALS - shift} beside a price that fine")
    return int(10 ** (_DECIMALS - shift - places))


def _micros(fields: Fields, name: str, decimals: int = _DECIMALS) -> int:
    """Return a decimal in units of its so manieth decimal."""
    value = fields.get(name)
    units = scaled(str(value), decimals) if isinstance(value, (int, str)) else None
    if units is None or (units <= 0 and name not in ("takerFeeRate", "makerFeeRate")):
        raise _refused(fields, name, f"a decimal of at most {decimals} places")
    return units


def _refused(fields: Fields, name: str, allowed: str) -> Refused:
    return Refused(f"market {shown(fields.get('symbol'))}: {name} {shown(fields.get(name))}; allowed: {allowed}")
