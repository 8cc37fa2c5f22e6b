"""Gather what an order may draw on: money, rooms below the caps, a slice, Kelly's stake; None where one is unknown.

    room of a cap = cap - (what the rest of the desk may lose) - (what the order's side of its market may lose)

So the order fills its room exactly when the worst case of everything stands at the cap. A desk in live may expose what
its role says, and nothing without a role. Amounts in micros. Source: catalogue rule of risk.capital_allocator.
"""

from typing import NamedTuple

from bots.kit import DeskContext
from bots.maths.entries import UNKNOWN, Ledger, knows_fee
from bots.maths.entry import MILLION, Numbers
from bots.maths.sizing import (
    CapitalRules,
    Funds,
    binary_fraction,
    kelly_micros,
    leverage_of,
    perp_fraction,
    risk_score,
)
from bots.maths.standing import Arm, arms, beside, used
from contracts.control import PolicyBundle
from contracts.intent import ENTRY, OrderIntent
from contracts.market import MarketDefinition
from contracts.order import Account
from contracts.signal import FairValue, SignalReport

LIVE = "live"


class Room(NamedTuple):
    """What an order of a side of a market finds: exposures in micros, and lots that only close what is held.

    total   what everything may lose
    taken   the same, with the market's worse arm replaced by what the order stands beside
    symbol  what the order stands beside in its market
    free    lots that only close, after all that rests was filled
    spared  lots that only close, without what a quote replaces: they draw on no capital
    """

    total: int
    taken: int
    symbol: int
    free: int
    spared: int


def room(ledger: Ledger, market_id: str, side: int, unit: int, quotes: bool, elsewhere_micros: int = 0) -> Room:
    """Return what an order finds whose lots cost a `unit` (trillionths); beyond the ledger, `elsewhere_micros`."""
    where = arms(ledger)
    arm = where.get(market_id, Arm())
    total, own = (
        sum([each.worst for each in where.values()]) + elsewhere_micros,
        beside(ledger, market_id, arm, side, unit),
    )
    free = arm.free(side)
    return Room(total, total - arm.worst + own, own, free, arm.closing(side) if quotes else free)


def caps(rules: CapitalRules, found: Room) -> Numbers:
    """Return what the caps on one market and on everything leave, in micros."""
    symbol, total = rules.max_exposure_symbol_usd - found.symbol, rules.max_exposure_total_usd - found.taken
    return ("symbol_room_micros", symbol), ("total_room_micros", total)


def funds(
    rules: CapitalRules,
    ledger: Ledger,
    found: Room,
    intent: OrderIntent,
    definition: MarketDefinition,
    fair: FairValue | None,
    volatility: SignalReport | None,
    account: Account,
    policy: PolicyBundle | None,
    desk: DeskContext,
) -> Funds | None:
    """Return what an intent may draw on; None without volatility, a known fee, a needed price band or a live role."""
    if volatility is None or volatility.label == UNKNOWN or account.unpriced or not knows_fee(definition):
        return None
    score, limits = risk_score(rules.sigma_target_ann, volatility.value), caps(rules, found)
    if score < 0:
        return None
    if desk.desk_mode == LIVE:
        role = next((role for role in policy.roles if role.desk_id == desk.desk_id), None) if policy else None
        if role is None:
            return None
        limits += (("desk_room_micros", role.max_notional_micros - found.taken),)
    ceilings = slices(ledger, intent.strategy, policy)
    if intent.intent_kind == ENTRY or intent.p_model_micros >= 0:
        if fair is None or not fair.tradable:
            return None
        fraction = believed(intent, definition, fair, volatility.value)
        ceilings += (("kelly_micros", kelly_micros(rules, fraction, account.equity_micros)),)
    leverage = leverage_of(rules, definition.instrument_kind == 0)
    available, confidence = max(0, account.equity_micros - found.total), intent.confidence_milli * 1_000
    return Funds(available, confidence, score, leverage, limits, ceilings, found.free, found.spared)


def slices(ledger: Ledger, strategy: str, policy: PolicyBundle | None) -> Numbers:
    """Return what is left of a strategy's slice; nothing where it has none."""
    own = [each.limit_micros for each in policy.slices if each.strategy == strategy] if policy is not None else []
    return (("slice_room_micros", min(own) - used(ledger, strategy)),) if own else ()


def believed(intent: OrderIntent, definition: MarketDefinition, fair: FairValue, sigma: float) -> int:
    """Return Kelly's fraction in millionths at the cautious end of the band; a perp's time is the edge's half-life."""
    price, side = intent.price_ticks * definition.tick_micros, intent.side
    if definition.instrument_kind:
        seconds = max(1.0, intent.alpha_half_life_ms / 1_000)
        return perp_fraction(price, fair.lower_micros if side > 0 else fair.upper_micros, side, sigma, seconds)
    if side > 0:
        return binary_fraction(price, fair.lower_micros)
    return binary_fraction(MILLION - price, MILLION - fair.upper_micros)
