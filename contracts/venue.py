"""State what a venue or chain is like, beside its prices: its health, and what a chain shows of an account."""

from contracts.market import Fact
from contracts.units import Count, Id, Index, Micros, Text

SURFACES = ("rest_trade", "ws_market", "ws_user", "chain")


class VenueHealthSample(Fact):
    """What was measured of one surface of a venue since the sample before; gov.api_degradation_monitor judges it.

    venue_id         the venue
    surface          rest_trade, ws_market, ws_user or chain
    latency_ms       95th percentile of the answers; -1 without one
    requests         requests or messages
    errors           of them failed
    gaps             breaks of a sequence
    rejects          orders that the venue refused for reasons of its own
    quota_remaining  requests left in the venue's window; -1 not said
    maintenance      the venue has announced that it is away
    """

    venue_id: Id
    surface: Text
    latency_ms: Index
    requests: Count
    errors: Count
    gaps: Count
    rejects: Count
    quota_remaining: Index
    maintenance: bool


class ChainSnapshot(Fact):
    """What one provider shows of a chain and of our account there, at one block.

    provider         which provider
    chain_id         the chain
    head             number of its newest block
    confirm_hash     hash of the block `confirm` blocks below the head, in hexadecimal
    latency_ms       of the answer
    error_milli      share of failed requests lately, in thousandths
    account          whose balances
    cash_micros      collateral
    tokens           (market id, lots) of outcome tokens
    allowances       (spender, micros); -1 unlimited
    base_fee_gwei_milli, priority_gwei_milli   price of gas, in thousandths of a gwei
    native_micros    price of the native token, in millionths of a dollar
    """

    provider: Id
    chain_id: Count
    head: Count
    confirm_hash: Text
    latency_ms: Count
    error_milli: Count
    account: Id
    cash_micros: Micros
    tokens: tuple[tuple[Id, Count], ...]
    allowances: tuple[tuple[Text, Index], ...]
    base_fee_gwei_milli: Count
    priority_gwei_milli: Count
    native_micros: Count
