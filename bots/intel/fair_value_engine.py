"""Pool independent opinions about a price into one fair value with an honest band.

Says    FairValue with everything pooled, and the same without the traded book; a note when no opinion is live.
Why     Edge measured against the own book is measured against itself; so the value without it is kept apart.
Source  Satopää et al. (2014): bots/maths/pooling.py, calibration map `identity-1`. Stoikov (2018) for the microprice.

The own book's variance is that of a price anywhere between bid and ask: v = (spread / (p (1 - p)))^2 / 12 in logits,
(spread / price)^2 / 12 for perps, and its reliability is the snapshot's quality. A perp's other anchor is its index
with the usual premium (bots/maths/basis.py). The other anchors of a binary are signals whose value is a probability
and whose se is in logits; the bots that say them come later, and until then the book stands alone: uncertain, but
tradable, without a model value. Prices are cut to a tenth of a tick, the error to a thousandth of a logit.
"""

from math import exp, log
from typing import Annotated

from bots.kit import BotConfig, Instant, Latest, On, Positive, Ratio, Signal, State, Within, fold
from bots.maths.basis import Basis, observe
from bots.maths.logit import log_odds
from bots.maths.microprice import weighted_mid
from bots.maths.pooling import CALIBRATION_VERSION, Anchor, Pooled, calibrated, error_alone, pool
from contracts.intent import BotNote
from contracts.market import Kind, MarketDefinition, MarketSnapshot
from contracts.reasons import (
    INTEL_FV_DISAGREEMENT,
    INTEL_FV_NO_ANCHOR,
    INTEL_FV_PUBLISHED,
    INTEL_FV_UNCERTAIN,
)
from contracts.signal import FairValue, SignalReport

MS, SECOND, MILLION, BINARY = 1_000_000, 1_000_000_000, 1_000_000, int(Kind.BINARY)
OWN_BOOK = ("book",)
SNAPSHOT_BUDGET_MS = 2_000  # the catalogue's freshness of MarketSnapshot


class Config(BotConfig):
    z: Positive = 1.64
    tau_cross_venue: Ratio = 0.1
    tau_reference: Ratio = 0.15
    se_warn: Positive = 0.35
    disagree_hard: Positive = 0.5


class Memory(State):
    """Perps only: the premium over the index, and when it was last seen."""

    basis: Basis = Basis()
    at_ns: int = 0


def on_snapshot(
    config: Config,
    state: Memory,
    snap: On[MarketSnapshot],
    definition: Latest[MarketDefinition],
    venue: Annotated[Latest[SignalReport | None], Signal("cross_venue_value"), Within(ms=10_000)],
    threshold: Annotated[Latest[SignalReport | None], Signal("threshold_value"), Within(ms=10_000)],
    group: Annotated[Latest[SignalReport | None], Signal("group_value"), Within(ms=10_000)],
    odds: Annotated[Latest[SignalReport | None], Signal("reference_value"), Within(ms=300_000)],
    now: Instant,
) -> tuple[Memory, FairValue | BotNote | None]:
    """Pool what is live at this snapshot."""
    age_ms = (now - snap.confirmed_ns) // MS
    rho = snap.quality_milli / 1_000.0 if age_ms <= SNAPSHOT_BUDGET_MS else 0.0
    price = weighted_mid(snap.bid_ticks, snap.bid_lots, snap.ask_ticks, snap.ask_lots)
    spread = snap.ask_ticks - snap.bid_ticks
    if definition.instrument_kind != BINARY:
        own = Anchor("book", log(price * definition.tick_micros), (spread / price) ** 2 / 12.0, rho, own=True)
        state, others = _perp(state, snap, price * definition.tick_micros, own.v, now)
    else:
        p = price / definition.grid_ticks
        x, v = log_odds(p), (spread / (price * (1.0 - p))) ** 2 / 12.0
        if rho > 0.0 and venue is None and threshold is None and group is None and odds is None:
            return state, _book_alone(x, error_alone(v, rho), config.z, definition.tick_micros)
        own = Anchor("book", x, v, rho, own=True)
        told = (venue, config.tau_cross_venue), (threshold, 0.0), (group, 0.0), (odds, config.tau_reference)
        others = tuple(_anchor(said, tau) for said, tau in told if said is not None)
    anchors = (own, *others) if rho > 0.0 else others
    pooled, model = pool(anchors), pool(others) if others else None
    if pooled is None:
        return state, BotNote(INTEL_FV_NO_ANCHOR, age_ms, SNAPSHOT_BUDGET_MS)
    return state, _value(config, pooled, model, anchors, definition)


def _book_alone(x: float, se: float, z: float, tick_micros: int) -> FairValue:
    """The value of a book that stands alone; the common case, so without the general pool's detours."""
    step = tick_micros // 10 or 1
    per_step, band = MILLION / step, z * se
    return FairValue(
        int(calibrated(x) * per_step + 0.5) * step,
        -1,
        int(calibrated(x - band) * per_step + 0.5) * step,
        int(calibrated(x + band) * per_step + 0.5) * step,
        int(se * 1_000.0 + 0.5) * 1_000,
        OWN_BOOK,
        True,
        CALIBRATION_VERSION,
        INTEL_FV_UNCERTAIN,
    )


def _anchor(said: SignalReport, tau: float) -> Anchor:
    return Anchor(said.signal, log_odds(said.value), said.se * said.se, said.confidence, tau)


def _perp(
    state: Memory, snap: MarketSnapshot, price_micros: float, v: float, now: int
) -> tuple[Memory, tuple[Anchor, ...]]:
    if snap.index_micros <= 0:
        return state, ()
    dt = (now - state.at_ns) / SECOND if state.at_ns else 0.0
    basis = observe(state.basis, price_micros / snap.index_micros - 1.0, dt)
    x = log(snap.index_micros * (1.0 + basis.mean))
    return Memory(basis, now), (Anchor("index", x, max(basis.variance, v), 1.0),)


def _value(
    config: Config, pooled: Pooled, model: Pooled | None, anchors: tuple[Anchor, ...], definition: MarketDefinition
) -> FairValue:
    binary, step = definition.instrument_kind == BINARY, max(1, definition.tick_micros // 10)

    def micros(x: float) -> int:
        price = calibrated(x) * MILLION if binary else exp(x)
        return round(price / step) * step

    band, tradable = config.z * pooled.se, pooled.spread <= config.disagree_hard
    reason = INTEL_FV_PUBLISHED
    if not tradable:
        reason = INTEL_FV_DISAGREEMENT
    elif pooled.se > config.se_warn or len(anchors) < 2:
        reason = INTEL_FV_UNCERTAIN
    return FairValue(
        micros(pooled.x),
        micros(model.x) if model is not None else -1,
        micros(pooled.x - band),
        micros(pooled.x + band),
        round(pooled.se * 1_000.0) * 1_000,
        tuple(anchor.name for anchor in anchors),
        tradable,
        CALIBRATION_VERSION,
        reason,
    )


BOT = fold(
    on_snapshot,
    reasons={INTEL_FV_PUBLISHED, INTEL_FV_UNCERTAIN, INTEL_FV_DISAGREEMENT, INTEL_FV_NO_ANCHOR},
)
