"""Estimate fast and slow volatility, the share of jumps, and the regime they make.

Says    `volatility` = sigma per square-root second (logit for binaries, log for perps) with its standard error, ratio,
        jump share and price sigma, when the regime changes or sigma moves by a twentieth.
Why     Quoting distance, size and urgency all scale with how fast the price moves; one estimate keeps them consistent.
Source  RiskMetrics (1996) for irregular times, Barndorff-Nielsen and Shephard (2004): bots/maths/variance.py.

    price_sigma = sigma * p * (1 - p);  regime CALM < 0.8 <= NORMAL < hot_ratio <= HOT < shock_ratio <= SHOCK

A twentieth is within the standard error of the estimate, so smaller moves are no news.
"""

from math import log
from typing import Annotated

from bots.kit import BotConfig, Instant, Latest, Number, On, Positive, Seconds, Signal, State, fold
from bots.maths.logit import logit
from bots.maths.microprice import weighted_mid
from bots.maths.rounding import has_moved, significant
from bots.maths.variance import Variance, jump_share, observe, ratio, standard_error
from contracts.market import Kind, MarketDefinition, MarketSnapshot
from contracts.reasons import INTEL_VOL_HOT, INTEL_VOL_NORMAL, INTEL_VOL_SHOCK, INTEL_VOL_WARMUP
from contracts.signal import SignalReport

MILLION, SECOND, BINARY, MODEL = 1_000_000, 1_000_000_000, int(Kind.BINARY), "ewma-1"
CALM_BELOW, STEP = 0.8, 0.05
WARMUP = SignalReport("volatility", 0.0, "UNKNOWN", 0.0, 0.0, 0, 0, MODEL, (), (), INTEL_VOL_WARMUP)


class Config(BotConfig):
    tau_fast_s: Seconds = 120
    tau_slow_s: Seconds = 3_600
    m: Number = 60
    hot_ratio: Positive = 1.5
    shock_ratio: Positive = 3.0


class Memory(State):
    x: float = 0.0
    at_ns: int = 0
    variance: Variance = Variance()
    said_sigma: float = 0.0
    said_label: str = ""


def on_snapshot(
    config: Config, state: Memory, snap: On[MarketSnapshot], definition: Latest[MarketDefinition], now: Instant
) -> tuple[Memory, Annotated[SignalReport | None, Signal("volatility")]]:
    """Take in one return."""
    price = weighted_mid(snap.bid_ticks, snap.bid_lots, snap.ask_ticks, snap.ask_lots)
    if definition.instrument_kind == BINARY:
        p = price / definition.grid_ticks
        x, slope = logit(p), p * (1.0 - p)
    else:
        mark = snap.mark_micros or price * definition.tick_micros
        x, slope = log(mark), mark / MILLION
    if not state.at_ns:
        return Memory(x, now, state.variance, 0.0, "UNKNOWN"), WARMUP
    variance = observe(
        state.variance, x - state.x, (now - state.at_ns) / SECOND, config.tau_fast_s, config.tau_slow_s, config.m
    )
    if variance.count < config.m:
        return Memory(x, now, variance, 0.0, "UNKNOWN"), None
    sigma, label = variance.fast**0.5, _label(config, ratio(variance))
    if label == state.said_label and not has_moved(sigma, state.said_sigma, STEP):
        return Memory(x, now, variance, state.said_sigma, label), None
    return Memory(x, now, variance, sigma, label), _report(variance, sigma, label, slope, config.tau_fast_s)


def _label(config: Config, by: float) -> str:
    if by < CALM_BELOW:
        return "CALM"
    if by < config.hot_ratio:
        return "NORMAL"
    return "HOT" if by < config.shock_ratio else "SHOCK"


def _report(variance: Variance, sigma: float, label: str, slope: float, tau_s: int) -> SignalReport:
    reason = {"HOT": INTEL_VOL_HOT, "SHOCK": INTEL_VOL_SHOCK}.get(label, INTEL_VOL_NORMAL)
    parts = (
        ("ratio", significant(ratio(variance))),
        ("jump", round(jump_share(variance), 2)),
        ("price_sigma", significant(sigma * slope)),
    )
    error = significant(standard_error(variance))
    return SignalReport("volatility", significant(sigma), label, error, 1.0, tau_s * 1_000, 0, MODEL, parts, (), reason)


BOT = fold(on_snapshot, reasons={INTEL_VOL_NORMAL, INTEL_VOL_HOT, INTEL_VOL_SHOCK, INTEL_VOL_WARMUP})
