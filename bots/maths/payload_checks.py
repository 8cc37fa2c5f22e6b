"""Read back what is to be signed, and prove that it says what the plan says and nothing more.

The builder is contracts/payloads.py; nothing of it is called here, so that a mistake in it is not made twice. Bytes are
decoded, every field is taken out and compared with the order in whole numbers, and what is left over refuses.

    Polymarket   price and size are found again from the two amounts: makerAmount / takerAmount for a buyer
    rounding     a size may be cut to the venue's grid, and a taker's dollars to cents: less for the same price, never
                 more; anything else that differs is a mismatch

Source: EIP-712 and the venues' documents, as in contracts/payloads.py.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from contracts import polymarket
from contracts.ids import symbol_of
from contracts.market import MarketDefinition
from contracts.order import PlannedOrder

MATCH, ROUNDED, MISMATCH, UNDECODABLE = "MATCH", "ROUNDED", "MISMATCH", "UNDECODABLE"
MILLION, CENT, SECOND_NS = 1_000_000, 10_000, 1_000_000_000
_PLAIN = re.compile(r"(0|[1-9][0-9]{0,15})(?:\.([0-9]{1,6}))?")
_DIGITS = re.compile(r"0|[1-9][0-9]{0,77}")
KALSHI_FORCES = {
    "good_till_canceled": ("GTC", "GTD"),
    "immediate_or_cancel": ("IOC",),
    "fill_or_kill": ("FOK",),
}
CLOB_FORCES = {"GTC": ("GTC",), "GTD": ("GTC", "GTD"), "FAK": ("IOC",), "FOK": ("FOK",)}


class Checked(NamedTuple):
    """What a payload says: MATCH, ROUNDED, MISMATCH or UNDECODABLE.

    seen, limit  what differs as numbers where it is one: payload and plan, in millionths; else sizes, equal on a match
    field        what differs; empty on a match
    """

    word: str
    seen: int
    limit: int
    field: str = ""


class _Differs(Exception):
    """A field says something else; the numbers are in millionths."""

    def __init__(self, field: str, seen: int = 0, limit: int = 0) -> None:
        super().__init__(field)
        self.found = Checked(MISMATCH, seen, limit, field)


class _Fields:
    """The decoded fields; each is taken out once, and what is left at the end is one too many."""

    def __init__(self, values: dict[str, str | int | bool]) -> None:
        self._left = dict(values)

    def take(self, name: str) -> str | int | bool:
        if name not in self._left:
            raise _Differs(name)
        return self._left.pop(name)

    def equal(self, name: str, wanted: str | int | bool) -> None:
        said = self.take(name)
        if type(said) is not type(wanted) or said != wanted:
            numbers = (said, wanted) if isinstance(said, int) and isinstance(wanted, int) else (0, 0)
            raise _Differs(name, int(numbers[0]), int(numbers[1]))

    def micros(self, name: str) -> int:
        said = self.take(name)
        found = _PLAIN.fullmatch(said) if isinstance(said, str) else None
        if found is None:
            raise _Differs(name)
        return int(found[1]) * MILLION + int((found[2] or "").ljust(6, "0"))

    def whole(self, name: str) -> int:
        said = self.take(name)
        if not isinstance(said, str) or not _DIGITS.fullmatch(said):
            raise _Differs(name)
        return int(said)

    def end(self) -> None:
        if self._left:
            raise _Differs(min(self._left))


def checked(encoded: bytes, child: PlannedOrder, definition: MarketDefinition) -> Checked:
    """Return what the bytes of a payload say beside an order; never raises. About 10 µs."""
    try:
        values = msgspec.json.decode(encoded, type=dict[str, str | int | bool])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Checked(UNDECODABLE, len(encoded), 0)
    if msgspec.json.encode(values) != encoded:  # a name twice, or a spelling that others might read another way
        return Checked(UNDECODABLE, len(encoded), 0)
    reader = _READERS.get((child.venue_id, values.pop("kind", "")))
    if reader is None:
        return Checked(UNDECODABLE, len(encoded), 0, "kind")
    fields, size = _Fields(values), child.size_lots * definition.lot_micros
    try:
        said = reader(fields, child, definition)
        fields.end()
    except _Differs as differs:
        return differs.found
    return Checked(MATCH if said == size else ROUNDED, said, size, "" if said == size else "size")


def _clob(fields: _Fields, child: PlannedOrder, definition: MarketDefinition) -> int:
    """Read an order of Polymarket; return its size in millionths of a share."""
    wanted = polymarket.SIGNED_FOR[1 if definition.neg_risk else 0]
    fields.equal("domain_name", wanted.domain_name)
    fields.equal("domain_version", wanted.domain_version)
    fields.equal("chain_id", wanted.chain_id)
    fields.equal("verifying_contract", wanted.address)
    fields.equal("salt", child.salt)
    fields.equal("timestamp", str(child.venue_ts_ms))
    fields.equal("metadata", polymarket.ZERO_BYTES32)
    fields.equal("builder", child.builder_code)
    fields.equal("deferExec", False)
    fields.equal("postOnly", child.post_only)
    # YES is bought by a buyer, and sold by a seller who only reduces; in the other two cases it is NO, at 1 - p.
    is_own = (child.side > 0) != child.reduce_only
    fields.equal("tokenId", child.market_id if is_own else definition.complement_id)
    fields.equal("side", "SELL" if child.reduce_only else "BUY")
    ticks = child.price_ticks if is_own else definition.grid_ticks - child.price_ticks
    takes = child.time_in_force in ("IOC", "FOK")
    if child.time_in_force not in CLOB_FORCES.get(str(fields.take("orderType")), ()):
        raise _Differs("orderType")
    end_s = child.expires_ns // SECOND_NS if not takes else 0
    latest = max(end_s + 60, child.venue_ts_ms // 1_000 + 180) if end_s else 0
    fields.equal("expiration", str(latest))
    maker, taker = fields.whole("makerAmount"), fields.whole("takerAmount")
    money, shares = (taker, maker) if child.reduce_only else (maker, taker)
    return _size_at(ticks * definition.tick_micros, money, shares, child, definition, takes and not child.reduce_only)


def _size_at(
    price: int, money: int, shares: int, child: PlannedOrder, definition: MarketDefinition, spends: bool
) -> int:
    """Return the shares when the two amounts stand for this price and no more than the plan's size; raises _Differs."""
    size = child.size_lots * definition.lot_micros
    if not 0 < shares <= size:
        raise _Differs("takerAmount", shares, size)
    if not spends:
        if shares % CENT or size - shares >= CENT or money * MILLION != price * shares:
            raise _Differs("makerAmount", money, price * shares // MILLION)
        return shares
    # Who spends dollars: whole cents, at most what the size costs and less than a cent and a share's grain under it;
    # and no fewer shares than those cents buy, but for the venue's own rounding of them to its decimals.
    full, grain = price * (size // CENT * CENT) // MILLION, 1_000
    if money % CENT or not full - CENT < money <= full or not -price < money * MILLION - price * shares < price * grain:
        raise _Differs("makerAmount", money, full)
    return shares


def _kalshi(fields: _Fields, child: PlannedOrder, definition: MarketDefinition) -> int:
    """Read an order of Kalshi; return its size in millionths of a contract."""
    fields.equal("ticker", symbol_of(child.venue_id, child.market_id))
    fields.equal("client_order_id", child.client_order_id)
    fields.equal("side", "bid" if child.side == 1 else "ask")
    fields.equal("self_trade_prevention_type", "taker_at_cross")
    fields.equal("post_only", child.post_only)
    fields.equal("reduce_only", child.reduce_only)
    fields.equal("cancel_order_on_pause", True)
    rests = child.time_in_force in KALSHI_FORCES["good_till_canceled"]
    if child.time_in_force not in KALSHI_FORCES.get(str(fields.take("time_in_force")), ()):
        raise _Differs("time_in_force")
    if rests and child.expires_ns:
        fields.equal("expiration_time", child.expires_ns // SECOND_NS)
    _price(fields, child, definition)
    return _size(fields.micros("count"), CENT, child, definition)


def _perpetual(fields: _Fields, child: PlannedOrder, definition: MarketDefinition) -> int:
    """Read an order of a perpetual; return its size in millionths of a contract."""
    fields.equal("symbol", symbol_of(child.venue_id, child.market_id))
    fields.equal("type", "limit")
    fields.equal("side", "buy" if child.side == 1 else "sell")
    fields.equal("clientOrderId", child.client_order_id)
    fields.equal("postOnly", child.post_only)
    fields.equal("reduceOnly", child.reduce_only)
    fields.equal("timeInForce", {"GTD": "GTC"}.get(child.time_in_force, child.time_in_force))
    _price(fields, child, definition)
    return _size(fields.micros("amount"), 1, child, definition)


def _price(fields: _Fields, child: PlannedOrder, definition: MarketDefinition) -> None:
    price, wanted = fields.micros("price"), child.price_ticks * definition.tick_micros
    if price != wanted:
        raise _Differs("price", price, wanted)


def _size(said: int, grain: int, child: PlannedOrder, definition: MarketDefinition) -> int:
    """Return a size that is the plan's, or less than the venue's grain under it."""
    size = child.size_lots * definition.lot_micros
    if not 0 < said <= size or size - said >= grain:
        raise _Differs("size", said, size)
    return said


_READERS: dict[tuple[str, str | int | bool], Callable[[_Fields, PlannedOrder, MarketDefinition], int]] = {
    ("polymarket", "polymarket_order"): _clob,
    ("kalshi", "kalshi_order"): _kalshi,
    ("bitget", "perpetual_order"): _perpetual,
    ("binance", "perpetual_order"): _perpetual,
}
