"""Estimate on a volume clock how one-sided recent trading is against its own history.

Says    `toxicity` = VPIN with its percentile and the dominant side; UNKNOWN until there is enough history.
Why     Makers lose to those who know; one-sided flow is what informed trading looks like before the price has moved.
Source  Easley, Lopez de Prado, O'Hara (2012): bots/maths/buckets.py; the percentile by bots/maths/quantile.py.

A bucket holds the volume so far divided by `buckets_per_day`, asked when it opens: no venue here tells the volume of
the last 24 hours. Volume so far is the larger of the ticker's total and what the tape has shown, so buckets grow with a
young market. A venue without a trade feed has no toxicity, which readers must take as unknown.
"""

from math import log
from typing import Annotated

from bots.kit import BotConfig, Frac, Instant, Latest, Number, On, Signal, State, fold
from bots.maths.buckets import Buckets, add, vpin
from bots.maths.logit import logit
from bots.maths.quantile import rank_milli
from contracts.market import Kind, MarketDefinition, MarketSnapshot, TradePrint, VenueTicker
from contracts.reasons import INTEL_TOX_ELEVATED, INTEL_TOX_HIGH, INTEL_TOX_INSUFFICIENT, INTEL_TOX_NORMAL
from contracts.signal import SignalReport

BINARY, MODEL = int(Kind.BINARY), "vpin-1"
UNKNOWN = SignalReport("toxicity", 0.0, "UNKNOWN", 0.0, 0.0, 0, 0, MODEL, (), (), INTEL_TOX_INSUFFICIENT)


class Config(BotConfig):
    buckets_per_day: Number = 50
    n: Number = 50
    warn_pct: Frac = 800_000
    toxic_pct: Frac = 950_000
    min_history: Number = 200


class Memory(State):
    buckets: Buckets = Buckets()
    traded_lots: int = 0
    said: tuple[int, int, int] = (-2, 0, 0)  # VPIN in hundredths, percentile in hundredths, side


def on_print(
    config: Config,
    state: Memory,
    trade: On[TradePrint],
    definition: Latest[MarketDefinition],
    snap: Latest[MarketSnapshot | None],
    ticker: Latest[VenueTicker | None],
    now: Instant,
) -> tuple[Memory, Annotated[SignalReport | None, Signal("toxicity")]]:
    """Put a trade into its buckets; speak when a bucket closed and the answer moved by a hundredth."""
    traded = state.traded_lots + trade.size_lots
    so_far = traded if ticker is None else max(traded, ticker.volume_lots)
    size = max(1, so_far // max(1, config.buckets_per_day))
    price = (snap.bid_ticks + snap.ask_ticks) / 2.0 if snap is not None else float(trade.price_ticks)
    x = logit(price / definition.grid_ticks) if definition.instrument_kind == BINARY else log(price)
    sign = trade.aggressor if trade.sign_source == "venue" else 0
    buckets = add(state.buckets, trade.size_lots, sign, x, size, max(1, config.n))
    if buckets.closed == state.buckets.closed and state.said[0] != -2:
        return Memory(buckets, traded, state.said), None
    if buckets.closed < config.min_history or len(buckets.ring) < config.n:
        return Memory(buckets, traded, (-1, 0, 0)), UNKNOWN if state.said[0] != -1 else None
    value, lean = vpin(buckets), sum(buckets.ring)
    percentile = rank_milli(buckets.history, value) // 10
    said = int(value * 100.0), percentile, (lean > 0) - (lean < 0)
    if said == state.said:
        return Memory(buckets, traded, said), None
    return Memory(buckets, traded, said), _report(config, said)


def _report(config: Config, said: tuple[int, int, int]) -> SignalReport:
    label, reason = "NORMAL", INTEL_TOX_NORMAL
    if said[1] * 10_000 >= config.toxic_pct:
        label, reason = "HIGH", INTEL_TOX_HIGH
    elif said[1] * 10_000 >= config.warn_pct:
        label, reason = "ELEVATED", INTEL_TOX_ELEVATED
    parts = (("percentile", said[1] / 100.0), ("side", float(said[2])))
    return SignalReport("toxicity", said[0] / 100.0, label, 0.0, 1.0, 0, 0, MODEL, parts, (), reason)


BOT = fold(on_print, reasons={INTEL_TOX_NORMAL, INTEL_TOX_ELEVATED, INTEL_TOX_HIGH, INTEL_TOX_INSUFFICIENT})
