"""Measure short-horizon pressure from quotes and trades: imbalance, microprice, impact, sweeps.

Says    `order_flow` = ofi_z with microprice, imbalance, Kyle's lambda and sweep, when z moves by half a standard
        deviation or a sweep begins or ends.
Why     Quotes lean before prices move; a maker who looks at the price alone is the last to know.
Source  Cont, Kukanov, Stoikov (2014): bots/maths/flow.py. Stoikov (2018): bots/maths/microprice.py. Kyle (1985) by
        recursive least squares: bots/maths/rls.py.

The label is judged on z as said, cut to halves towards zero, so it does not flap at a limit. Impact is the change of
the mid (logit for binaries, log for perps) between two trades per contract of signed volume of the first. A sweep: one
aggressor trades at `sweep_levels` prices inside 100 ms; it needs a venue that reports trades.
"""

from math import log
from typing import Annotated

from msgspec.structs import replace

from bots.kit import BotConfig, ConfirmedAt, Instant, Latest, Number, On, Positive, Ratio, Seconds, Signal, State, fold
from bots.maths.flow import PARTS, Run, Window, event, roll, run_of
from bots.maths.logit import logit
from bots.maths.microprice import TABLE_VERSION, microprice
from bots.maths.rls import Slope, observe
from bots.maths.rounding import significant
from contracts.intent import BotNote
from contracts.market import Kind, MarketDefinition, Touch, TradePrint
from contracts.reasons import (
    INTEL_FLOW_BALANCED,
    INTEL_FLOW_BOOK_STALE,
    INTEL_FLOW_PRESSURE,
    INTEL_FLOW_SWEEP,
)
from contracts.signal import SignalReport

MS, MILLION, BINARY = 1_000_000, 1_000_000, int(Kind.BINARY)
SWEEP_NS = 100 * MS
BOOK_BUDGET_MS = 500  # the catalogue's freshness of the book
STEP = 0.5


class Config(BotConfig):
    window_s: Seconds = 10
    phi: Ratio = 0.995
    min_cell_n: Number = 200
    sweep_levels: Number = 3
    ofi_z_warn: Positive = 2.0
    ofi_z_hard: Positive = 4.0


class Tape(State):
    """What trades have taught: the run of one aggressor's prices, the impact, and the last trade's mid and volume."""

    run: Run = ()
    side: int = 0
    slope: Slope = Slope()
    mid: float | None = None
    signed: float = 0.0


class Memory(State):
    touch: Touch | None = None
    open_lots: int = 0
    window: Window = Window()
    said_z: float = 9e9
    sweep_ns: int = 0
    tape: Tape = Tape()


Said = Annotated[SignalReport | BotNote | None, Signal("order_flow")]


def on_touch(
    config: Config, state: Memory, touch: On[Touch], definition: Latest[MarketDefinition], now: Instant
) -> tuple[Memory, Said]:
    """Add one event of the touch; about 0.3 µs when nothing is worth saying."""
    old, window, lots, said_z = state.touch, state.window, state.open_lots, state.said_z
    if touch.bid_ticks < 0 or touch.ask_ticks < 0:
        return replace(state, touch=None), None
    if now >= window.ends_ns:
        window, lots = roll(window, lots, now, config.window_s * 1_000 * MS // PARTS), 0
    if old is not None:
        lots += event(old, touch)
    z = (window.total + lots) * window.inverse
    state = Memory(touch, lots, window, said_z, state.sweep_ns, state.tape)
    if -STEP < z - said_z < STEP and not state.sweep_ns:
        return state, None
    return _say(config, state, definition, z, now)


def on_print(
    config: Config,
    state: Memory,
    trade: On[TradePrint],
    definition: Latest[MarketDefinition],
    confirmed: Latest[ConfirmedAt],
    now: Instant,
) -> tuple[Memory, Said]:
    """Learn the impact of a trade, and see whether it is part of a sweep."""
    touch, tape = state.touch, state.tape
    age_ms = (now - confirmed) // MS
    if touch is None or age_ms > BOOK_BUDGET_MS:
        return state, BotNote(INTEL_FLOW_BOOK_STALE, age_ms, BOOK_BUDGET_MS)
    price = (touch.bid_ticks + touch.ask_ticks) / 2.0
    mid = logit(price / definition.grid_ticks) if definition.instrument_kind == BINARY else log(price)
    slope = observe(tape.slope, tape.signed, mid - tape.mid, config.phi) if tape.mid is not None else tape.slope
    run = run_of(tape.run, tape.side, trade.aggressor, trade.price_ticks, int(now), SWEEP_NS)
    signed = trade.aggressor * trade.size_lots * definition.lot_micros / MILLION
    state = replace(state, tape=Tape(run, trade.aggressor, slope, mid, signed))
    if len(run) < config.sweep_levels or not trade.aggressor:
        return state, None
    z = (state.window.total + state.open_lots) * state.window.inverse
    return _say(config, replace(state, sweep_ns=int(now)), definition, z, now)


def _say(
    config: Config, state: Memory, definition: MarketDefinition, z: float, now: int
) -> tuple[Memory, SignalReport | None]:
    touch, sweep = state.touch, state.sweep_ns > 0 and now - state.sweep_ns <= SWEEP_NS
    if touch is None or (sweep and now > state.sweep_ns and abs(z - state.said_z) < STEP):
        return state, None
    cut = int(z / STEP) * STEP
    label, reason = "BALANCED", INTEL_FLOW_BALANCED
    if sweep or abs(cut) >= config.ofi_z_hard:
        label, reason = "SWEEP", INTEL_FLOW_SWEEP
    elif abs(cut) >= config.ofi_z_warn:
        label, reason = "PRESSURE", INTEL_FLOW_PRESSURE
    queued = touch.bid_lots + touch.ask_lots
    micro = microprice(touch.bid_ticks, touch.bid_lots, touch.ask_ticks, touch.ask_lots, config.min_cell_n)
    parts = (
        ("microprice", round(micro * definition.tick_micros / MILLION, 6)),
        ("imbalance", round(touch.bid_lots / queued, 2) if queued else 0.5),
        ("kyle_lambda", significant(state.tape.slope.b)),
        ("sweep", float(sweep)),
    )
    horizon_ms, seen = config.window_s * 1_000, min(state.window.seen, 100) / 100.0
    said = SignalReport("order_flow", cut, label, 0.0, seen, horizon_ms, 0, TABLE_VERSION, parts, (), reason)
    return replace(state, said_z=cut, sweep_ns=state.sweep_ns if sweep else 0), said


BOT = fold(
    on_touch,
    on_print,
    reasons={INTEL_FLOW_BALANCED, INTEL_FLOW_PRESSURE, INTEL_FLOW_SWEEP, INTEL_FLOW_BOOK_STALE},
)
