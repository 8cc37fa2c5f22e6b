"""Decide how much capital an entry may use, and never more than any cap leaves.

    allocation = available * base_frac * (conf_floor + conf_slope * confidence) * risk_score
    notional   = min(allocation * leverage, rooms of the caps, slice, Kelly)      in micros, of the price at risk
    lots       = closing + floor(notional after fees / (price at risk + fee))     what closes a position costs nothing
    f (binary) = max(0, (p - q) / (1 - q)),  q the price at risk, p the lower band of its chance
    f (perp)   = max(0, mu / sigma^2),       mu the return to the lower band, sigma over the same time
    Kelly      = kelly_fraction * f * equity

What is left below the minimum trade is refused: the minimum never lifts an order over a cap. Fractions are in
millionths, multiplied before they are divided, and rounded down. Source: catalogue rule of risk.capital_allocator;
Kelly (1956), Thorp (2006); MacLean, Thorp and Ziemba (2010) for the fraction.
"""

from math import isfinite
from typing import NamedTuple

from bots.kit import BotConfig, Frac, Positive, Usd
from bots.maths.entry import MILLION, Numbers, Ruling, milli
from bots.maths.notional import lots_within
from contracts.intent import APPROVE, NO_LIMIT, REJECT, RESHAPE
from contracts.reasons import RISK_CAPITAL_GRANTED, RISK_CAPITAL_TRIMMED, RISK_ENTRY_INSUFFICIENT_CAPITAL
from contracts.units import MAX_INT

YEAR_S = 31_557_600
FRACTION_MAX = 1_000 * MILLION


class CapitalRules(BotConfig):
    """Coefficients and caps, named as in the catalogue; the desk's leverage, for perpetuals, under its ceiling."""

    base_frac: Frac = 200_000
    conf_floor: Frac = 700_000
    conf_slope: Frac = 300_000
    max_exposure_total_usd: Usd = 5_000_000_000
    max_exposure_symbol_usd: Usd = 1_000_000_000
    min_trade_usd: Usd = 10_000_000
    kelly_fraction: Frac = 250_000
    max_leverage: Positive = 2.0
    sigma_target_ann: Positive = 0.6
    leverage: Positive = 1.0


class Price(NamedTuple):
    """What a lot costs: price at risk and fee in trillionths, and what roundings of the fee may add, in micros."""

    unit: int
    fee_unit: int = 0
    rounding_micros: int = 0


class Funds(NamedTuple):
    """What an order may draw on, in micros; fractions in millionths.

    confidence      of the intent
    risk            risk score
    leverage        chosen before sizing
    caps            (name, room that a cap leaves on the order's side)
    ceilings        (name, most of this order): slice, Kelly
    free_lots       lots that only close what is held, after all that rests
    spared_lots     lots that draw on no capital
    """

    available_micros: int
    confidence: int
    risk: int
    leverage: int
    caps: Numbers
    ceilings: Numbers = ()
    free_lots: int = 0
    spared_lots: int = 0


def leverage_of(rules: CapitalRules, binary: bool, asked: float = 0.0) -> int:
    """Return the leverage in millionths: 1 for a binary, else what the desk says (or `asked`), under the ceiling."""
    return MILLION if binary else int(min(asked or rules.leverage, rules.max_leverage) * MILLION)


def allocation(rules: CapitalRules, available_micros: int, confidence: int, risk: int) -> int:
    """Return the capital for one order in micros, rounded down."""
    share = rules.conf_floor * MILLION + rules.conf_slope * confidence
    return max(0, available_micros) * rules.base_frac * share * risk // MILLION**4


def allocate(rules: CapitalRules, funds: Funds, price: Price, size_lots: int) -> Ruling:
    """Rule on a size; the vote's numbers are what was asked for and what there is, in micros."""
    base = allocation(rules, funds.available_micros, funds.confidence, funds.risk)
    room, ceiling = min([each for _, each in funds.caps]), base * funds.leverage // MILLION
    ceiling = min([ceiling, *(each for _, each in funds.ceilings)])
    capped = max(funds.free_lots, affordable(room, price))
    granted = min(capped, funds.spared_lots + affordable(ceiling, price), NO_LIMIT)
    free = min(funds.free_lots, funds.spared_lots)
    if (granted - free) * price.unit < rules.min_trade_usd * MILLION:
        granted = free
    compared = (
        ("available_micros", funds.available_micros),
        ("confidence_milli", milli(funds.confidence)),
        ("risk_milli", milli(funds.risk)),
        ("leverage_milli", milli(funds.leverage)),
        ("allocation_micros", base),
        *funds.caps,
        *funds.ceilings,
        ("min_trade_micros", rules.min_trade_usd),
        ("granted_lots", granted),
        ("asked_micros", price.unit * size_lots // MILLION),
        ("granted_micros", price.unit * granted // MILLION),
    )
    compared = tuple([(name, min(number, MAX_INT)) for name, number in compared])
    if size_lots <= granted:
        return Ruling(APPROVE, RISK_CAPITAL_GRANTED, NO_LIMIT, compared)
    if granted <= 0:
        return Ruling(REJECT, RISK_ENTRY_INSUFFICIENT_CAPITAL, 0, compared)
    return Ruling(RESHAPE, RISK_CAPITAL_TRIMMED, granted, compared)


def affordable(room_micros: int, price: Price) -> int:
    """Return how many lots a room pays for, fees and their rounding included."""
    return lots_within(room_micros - price.rounding_micros, price.unit + price.fee_unit)


# ---- the risk score and Kelly -------------------------------------------------------------------------------------


def risk_score(sigma_target_ann: float, sigma: float) -> int:
    """Return clip(target / sigma, 0, 1) in millionths; sigma per square-root second, annualised; -1 when unusable."""
    if not isfinite(sigma) or sigma < 0.0:
        return -1
    annual = sigma * YEAR_S**0.5
    return MILLION if annual <= sigma_target_ann else int(sigma_target_ann / annual * MILLION)


def binary_fraction(q_micros: int, p_micros: int) -> int:
    """Return f in millionths of a binary bought at q whose chance is at least p."""
    return 0 if q_micros >= MILLION else max(0, (p_micros - q_micros) * MILLION // (MILLION - q_micros))


def perp_fraction(price_micros: int, value_micros: int, side: int, sigma: float, seconds: float) -> int:
    """Return f in millionths of a perpetual worth at least a value (at most, for a seller) after so many seconds."""
    if price_micros <= 0 or not isfinite(sigma):
        return 0
    mu, variance = side * (value_micros - price_micros) / price_micros, sigma * sigma * seconds
    if mu <= 0.0:
        return 0
    return int(min(mu / variance, 1_000.0) * MILLION) if variance > 0.0 else FRACTION_MAX


def kelly_micros(rules: CapitalRules, fraction: int, equity_micros: int) -> int:
    """Return the most that a fraction of Kelly's stake allows, in micros."""
    return rules.kelly_fraction * fraction * max(0, equity_micros) // MILLION**2
