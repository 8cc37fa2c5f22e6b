"""Say what is true of a Binance instrument: read exchangeInfo and fundingInfo, or assume as little as a frame shows.

A market's id is the venue's symbol for perpetuals (`BTCUSDT`, coin-margined `BTCUSD_PERP`) and the symbol with `.SPOT`
for spot, which spells its symbols the same way. Grid, lot, multiplier and settlement come from the venue's fields.
Dated futures have no record: they are neither perpetuals nor spot. A grid finer than a millionth cannot be expressed
and has no record either, so its frames are refused one by one, with their reason.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import gcd

from contracts.base import Refused
from contracts.market import FeeModel, Kind, PriceBand, Status, VenueInstrumentRecord
from operators.normalise.spelling import MILLION, PRICE_MAX, micros_of, scaled, shown

BINANCE = "binance"
SPOT = ".SPOT"
COIN = "_PERP"
FUNDING_H = 8  # what a perpetual has that fundingInfo does not list (venue: "Get Funding Rate Info")
_DECIMALS = 6
_SPELLED_MAX = 18
_FINER = 10**12  # units of the last of 18 decimals in a millionth
# How far above the market an order may rest, in multiples of its price: spot by the venue's PERCENT_PRICE filter, the
# rest as recorded (asks at ten times the price).
_REACH, _SPOT_REACH = 12, 5
_STATUS = {"TRADING": Status.OPEN, "CLOSE": Status.CLOSED, "DELIVERED": Status.CLOSED}  # any other takes no new orders
_QUOTES = ("FDUSD", "BFUSD", "USDT", "USDC", "BUSD")
_UNKNOWN_FEE = FeeModel("unknown")  # exchangeInfo names no fees


def is_dated(symbol: str) -> bool:
    """True for a future with a delivery date in its symbol, as in BTCUSDT_250926."""
    return symbol[-7:-6] == "_" and symbol[-6:].isdigit()


def exchange_info(fields: Mapping[str, object], hours: Mapping[str, int]) -> Iterator[VenueInstrumentRecord]:
    """Yield the records of an exchangeInfo answer; `hours` between fundings where another answer said so.

    Raises Refused naming symbol, field and value for a number that cannot be read.
    """
    listed = fields.get("symbols")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and isinstance(symbol := one.get("symbol"), str) and not is_dated(symbol):
            contract = one.get("contractType")
            if contract is None or (isinstance(contract, str) and contract.endswith("PERPETUAL")):
                yield from _record(symbol, one, spot=contract is None, hours=hours)


def _record(
    symbol: str, one: Mapping[str, object], *, spot: bool, hours: Mapping[str, int]
) -> Iterator[VenueInstrumentRecord]:
    """Yield a symbol's record, unless its grid is missing, switched off, or finer than a millionth."""
    prices, sizes = _filter(one, "PRICE_FILTER"), _filter(one, "LOT_SIZE")
    tick, lot = _number(symbol, prices, "tickSize"), _number(symbol, sizes, "stepSize")
    if not tick or not lot:
        return
    low, high = _number(symbol, prices, "minPrice") or tick, _number(symbol, prices, "maxPrice") or 0
    grid = _grid(one.get("pricePrecision"), tick, high)
    low, high = max(1, -(-low // grid)), min(high // grid, PRICE_MAX)
    size = one.get("contractSize")
    multiplier = MILLION if size is None else micros_of(size)
    if multiplier is None or multiplier < 1:
        raise Refused(f"symbol {shown(symbol)}: contractSize {shown(size)}; allowed: a number above 0")
    status, settle = one.get("status", one.get("contractStatus")), one.get("marginAsset")
    yield VenueInstrumentRecord(
        0,
        0,
        -1,
        symbol + SPOT if spot else symbol,
        BINANCE,
        int(Kind.SPOT if spot else Kind.PERP),
        "",
        grid,
        lot,
        max(1, -(-(_number(symbol, sizes, "minQty") or 0) // lot)),
        (PriceBand(low, high, tick // grid),) if low <= high else (),
        _UNKNOWN_FEE,
        title=symbol,
        status=int(_STATUS.get(status, Status.HALTED) if isinstance(status, str) else Status.HALTED),
        multiplier_micros=multiplier,
        funding_interval_h=0 if spot else hours.get(symbol, FUNDING_H),
        settle_currency=settle[:128] if isinstance(settle, str) and not spot else "",
    )


def _grid(precision: object, step: int, most: int) -> int:
    """Return the tick that holds every price of a book: as fine as the venue spells, within the bound of a price.

    A venue that widens its step leaves the orders that rest between the new ones (recorded: CTKUSDT at 0.50579 under a
    step of 0.001), so the legal step stands in the price bands.
    """
    decimals = precision if isinstance(precision, int) and 0 <= precision <= _DECIMALS else _DECIMALS
    grid = gcd(10 ** (_DECIMALS - decimals), step)
    while grid * PRICE_MAX < most and grid * 10 <= step and step % (grid * 10) == 0:
        grid *= 10
    return grid


def _filter(one: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return a filter of a symbol by its type; empty when there is none."""
    filters = one.get("filters")
    found = (each for each in filters if isinstance(each, dict)) if isinstance(filters, list) else ()
    return next((each for each in found if each.get("filterType") == name), {})


def _number(symbol: str, fields: Mapping[str, object], name: str) -> int | None:
    """Return a decimal text in millionths; None when it is missing or finer. Raises Refused for anything else."""
    text = fields.get(name)
    if text is None:
        return None
    value = scaled(text, _SPELLED_MAX) if isinstance(text, str) else None
    if value is None or value < 0:
        raise Refused(f"symbol {shown(symbol)}: {name} {shown(text)}; allowed: a decimal string from 0")
    micros, finer = divmod(value, _FINER)
    return None if finer else micros


def funding_hours(fields: Mapping[str, object]) -> tuple[str, int]:
    """Return symbol and hours between two fundings of an entry of fundingInfo; raises Refused."""
    symbol, hours = fields.get("symbol"), fields.get("fundingIntervalHours")
    if not isinstance(symbol, str) or not symbol:
        raise Refused(f"symbol: {shown(symbol)}; allowed: a symbol")
    if not isinstance(hours, int) or isinstance(hours, bool) or not 1 <= hours <= 24:
        raise Refused(f"fundingIntervalHours of {shown(symbol)}: {shown(hours)}; allowed: 1 to 24")
    return symbol, hours


def provisional(
    market_id: str, prices: Iterable[str], sizes: Iterable[str], hours: Mapping[str, int]
) -> VenueInstrumentRecord:
    """Return what is assumed of a market that nothing has defined, from the prices and sizes of its first frame.

    The grid is as fine as the venue spells, no finer than a millionth, and coarse enough that orders far above the
    market still have a price in ticks. Its fee is unknown. A coin-margined contract is worth an unknown sum, so its
    multiplier is 0, which no definition accepts; nor is spot ever one.
    """
    spot, coin = market_id.endswith(SPOT), market_id.endswith(COIN)
    seen = list(prices)
    tick = _finest(seen)
    most = max((scaled(text, _SPELLED_MAX) or 0 for text in seen), default=0) // _FINER
    while tick * PRICE_MAX < most * (_SPOT_REACH if spot else _REACH):
        tick *= 10
    quote = next((name for name in _QUOTES if market_id.endswith(name)), "")
    return VenueInstrumentRecord(
        0,
        0,
        -1,
        market_id,
        BINANCE,
        int(Kind.SPOT if spot else Kind.PERP),
        "",
        tick,
        _finest(sizes),
        1,
        (),
        _UNKNOWN_FEE,
        title=market_id,
        multiplier_micros=0 if coin else MILLION,
        funding_interval_h=0 if spot else hours.get(market_id, FUNDING_H),
        settle_currency=market_id.removesuffix(COIN).removesuffix("USD") if coin else quote,
    )


def _finest(texts: Iterable[str]) -> int:
    """Return the last decimal that these texts spell, in millionths; a millionth where nothing is spelled."""
    decimals = max((len(text.partition(".")[2]) for text in texts), default=_DECIMALS)
    finest: int = 10 ** max(0, _DECIMALS - decimals)
    return finest
