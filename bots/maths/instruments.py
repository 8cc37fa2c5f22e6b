"""Make a definition from a venue's record, and say whether the record can be one.

    grid = 1 / tick for a binary (price 1 in ticks), 0 for a perp;  rules_hash = sha256(rules text), empty without text

Symbols: tick and lot in millionths (contracts/market.py). Valid binary: 0 < tick <= max_binary_tick and 1 a multiple of
the tick, lot > 0, both outcomes present, expiry known. Valid perp: tick, lot and multiplier > 0, funding interval 1, 2,
4 or 8 hours, settlement currency known. Spot is never valid: its books are read, and nothing is traded there. Source:
rule of intel.instrument_registry.
"""

from hashlib import sha256

from msgspec.structs import replace

from contracts.ids import instrument_id
from contracts.market import Kind, MarketDefinition, VenueInstrumentRecord, VenueStatus
from contracts.reasons import INTEL_DEF_PUBLISHED

MILLION, BINARY, PERP = 1_000_000, int(Kind.BINARY), int(Kind.PERP)
FUNDING_HOURS = frozenset({1, 2, 4, 8})
DOLLARS = frozenset({"USD", "USDT", "USDC", "BUSD", "FDUSD", "SUSDT", "SUSDC"})
"""Currencies that prices of perpetuals are quoted in; what settles in another is an inverse contract."""
TOKEN_VENUES = frozenset({"polymarket"})
SOLE = "SOLE"  # a stand-alone binary: one book serves both outcomes
"""Venues where each outcome is an instrument of its own, so that its complement must be named."""


def is_binary_tick(tick_micros: int, max_tick_micros: int) -> bool:
    """True when a tick can be the grid of a binary."""
    return 0 < tick_micros <= max_tick_micros and MILLION % tick_micros == 0


def is_valid(record: VenueInstrumentRecord, max_tick_micros: int) -> bool:
    """True when a record can become a definition."""
    if record.lot_micros <= 0 or record.tick_micros <= 0:
        return False
    if record.instrument_kind == BINARY:
        paired = record.complement_id not in ("", record.market_id) or record.venue_id not in TOKEN_VENUES
        paired = paired or record.outcome == SOLE
        return (
            is_binary_tick(record.tick_micros, max_tick_micros)
            and record.outcome != ""
            and paired
            and record.expiry_ns > 0
        )
    return (
        record.instrument_kind == PERP
        and record.multiplier_micros > 0
        and record.funding_interval_h in FUNDING_HOURS
        and record.settle_currency != ""
    )


def is_linear(definition: MarketDefinition) -> bool:
    """True when price times size is money: a binary, or a perpetual that settles in the currency of its price.

    An inverse (coin-margined) contract is worth a fixed sum of dollars, paid in coins: size / price.
    """
    return definition.instrument_kind == BINARY or definition.settle_currency in DOLLARS


def define(record: VenueInstrumentRecord) -> MarketDefinition:
    """Return the definition that a valid record states, as version 0."""
    binary = record.instrument_kind == BINARY
    return MarketDefinition(
        market_id=record.market_id,
        instrument_id=instrument_id(record.venue_id, record.market_id, record.outcome),
        venue_id=record.venue_id,
        instrument_kind=record.instrument_kind,
        version=0,
        outcome=record.outcome,
        tick_micros=record.tick_micros,
        grid_ticks=MILLION // record.tick_micros if binary else 0,
        lot_micros=record.lot_micros,
        min_size_lots=record.min_size_lots,
        price_bands=record.price_bands,
        fee=record.fee,
        event_id=record.event_id,
        series_id=record.series_id,
        complement_id=record.complement_id,
        neg_risk=record.neg_risk,
        expiry_ns=record.expiry_ns,
        title=record.title,
        rules_text=record.rules_text,
        rules_hash=sha256(record.rules_text.encode()).hexdigest() if record.rules_text else "",
        status=record.status,
        valid_from_ns=record.at_ns,
        provenance_hash=record.provenance_hash,
        reason=INTEL_DEF_PUBLISHED,
        multiplier_micros=record.multiplier_micros,
        funding_interval_h=record.funding_interval_h,
        settle_currency=record.settle_currency,
    )


def amend(known: MarketDefinition, status: VenueStatus) -> MarketDefinition:
    """Return the definition with what a status message changes of tick, bands and expiry."""
    tick = status.tick_micros or known.tick_micros
    return replace(
        known,
        tick_micros=tick,
        grid_ticks=MILLION // tick if known.grid_ticks else 0,
        price_bands=status.price_bands or known.price_bands,
        expiry_ns=status.expiry_ns or known.expiry_ns,
        valid_from_ns=status.at_ns,
        provenance_hash=status.provenance_hash,
    )


def is_same(one: MarketDefinition, other: MarketDefinition) -> bool:
    """True when two definitions say the same: all but version, time, provenance and reason."""
    return one == replace(
        other,
        version=one.version,
        valid_from_ns=one.valid_from_ns,
        provenance_hash=one.provenance_hash,
        reason=one.reason,
    )
