"""Predict the next funding of each perpetual, its mark's distance from its index, and the spread between venues.

Says    `funding_pred` when its label changes, an interval begins or the rate moves by a hundredth of a basis point;
        UNKNOWN when no index came for five seconds. `funding_spread` beside it, against the market of the same symbol
        on another venue that differs most.
Why     Carry earns the difference of two fundings and loses the basis; both must be known before they are paid.
Source  Rates: bots/maths/premium.py. Basis and spread: bots/maths/fundings.py.

The state is the lane's, because a spread needs two markets: they are compared when they share a lane. A definition
names neither interest nor cap, so both are parameters. A premium counts while the book may be believed; a market's
snapshots are the beat by which a missing index is noticed.
"""

from typing import Annotated

from msgspec.structs import replace

from bots.kit import Book, BotConfig, ConfirmedAt, Frac, Instant, Latest, On, Positive, Signal, State, Usd, fold
from bots.maths.basis import observe
from bots.maths.fundings import UNKNOWN, Lane, Watch, deviation
from bots.maths.premium import HOUR, annualised, impact, interval_start, predicted, premium, seen
from bots.maths.rounding import significant
from contracts.market import BookQuality, Kind, MarketDefinition, MarketSnapshot, VenueMarkUpdate
from contracts.reasons import (
    INTEL_FUND_DISLOCATED,
    INTEL_FUND_EXTREME,
    INTEL_FUND_INDEX_MISSING,
    INTEL_FUND_NORMAL,
)
from contracts.signal import SignalReport

MS, SECOND, MILLION, PERP, MODEL, STEP = 1_000_000, 1_000_000_000, 1_000_000, int(Kind.PERP), "funding-1", 1e-6
MARK_BUDGET_NS, BOOK_BUDGET_NS = 5_000 * MS, 2_000 * MS  # the catalogue's freshness of mark and book
REASONS = {
    "NORMAL": INTEL_FUND_NORMAL,
    "EXTREME": INTEL_FUND_EXTREME,
    "DISLOCATED": INTEL_FUND_DISLOCATED,
    UNKNOWN: INTEL_FUND_INDEX_MISSING,
}
GRAVITY = tuple(REASONS)


class Config(BotConfig):
    impact_notional_usd: Usd = 10_000_000_000
    tau_basis_s: Positive = 28_800.0
    clamp: Frac = 500
    basis_z_warn: Positive = 3.0
    mark_gap_hard: Frac = 20_000
    interest: Frac = 100
    cap: Frac = 3_000


class Memory(State):
    lane: Lane = Lane()


Said = Annotated[tuple[SignalReport, ...], Signal("funding_pred", "funding_spread")]


def on_mark(
    config: Config,
    state: Memory,
    mark: On[VenueMarkUpdate],
    definition: Latest[MarketDefinition],
    quality: Latest[BookQuality | None],
    book: Latest[Book],
    confirmed: Latest[ConfirmedAt],
    now: Instant,
) -> tuple[Memory, Said]:
    """Take in a mark with its index, and the premium of the book where the book may be believed."""
    if definition.instrument_kind != PERP:
        return state, ()
    watch, index = state.lane.of(definition, now), mark.index_micros
    if index <= 0:
        return _missing(state, watch, definition, now)
    start, dt = interval_start(now, watch.hours, mark.next_funding_ns), now - watch.index_ns
    average = watch.average if dt <= MARK_BUDGET_NS else replace(watch.average, at_ns=0)
    p = None
    if quality is not None and quality.usable and book.live and now - confirmed <= BOOK_BUDGET_NS:
        bid, ask = (impact(book, side, config.impact_notional_usd, definition) for side in (1, -1))
        p = premium(bid, ask, index)
    gap = (mark.mark_micros - index) / index
    z = deviation(watch.basis, gap)
    basis = observe(watch.basis, gap, dt / SECOND, config.tau_basis_s)
    watch = replace(watch, average=seen(average, p, now, start), basis=basis, index_ns=int(now))
    interest, clamp, cap = config.interest / MILLION, config.clamp / MILLION, config.cap / MILLION
    rate = round(predicted(watch.average.mean, interest, clamp, cap, watch.hours), 8)
    label = "EXTREME" if abs(z) > config.basis_z_warn or abs(rate) >= cap else "NORMAL"
    if abs(mark.mark_micros - index) * MILLION > config.mark_gap_hard * index:
        label = "DISLOCATED"
    ends = start + watch.hours * HOUR
    if label == watch.label and abs(rate - watch.rate) < STEP and ends == watch.ends_ns:
        return _compared(state, watch, definition, now, ())
    watch = replace(watch, label=label, rate=rate, ends_ns=ends)
    yearly, mean = annualised(rate, watch.hours), watch.average.mean
    parts = ("premium", mean), ("basis", gap), ("basis_z", z), ("annualised", yearly), ("interval_h", watch.hours)
    share, ahead = round(watch.average.coverage(now), 2), (ends - now) // MS
    shown = tuple((name, significant(x)) for name, x in parts)
    said = SignalReport("funding_pred", rate, label, 0.0, share, ahead, ends, MODEL, shown, (), REASONS[label])
    return _compared(state, watch, definition, now, (said,))


def on_snapshot(
    config: Config, state: Memory, snap: On[MarketSnapshot], definition: Latest[MarketDefinition], now: Instant
) -> tuple[Memory, Said]:
    """Notice that the index has stopped coming."""
    if definition.instrument_kind != PERP:
        return state, ()
    return _missing(state, state.lane.of(definition, now), definition, now)


def _missing(state: Memory, watch: Watch, definition: MarketDefinition, now: int) -> tuple[Memory, Said]:
    """Say once that there is no index; until the budget is over, remember only since when."""
    if watch.label == UNKNOWN or now - watch.index_ns <= MARK_BUDGET_NS:
        return Memory(state.lane.put(definition.market_id, watch)), ()
    average = seen(watch.average, None, now, watch.average.start_ns)
    watch = replace(watch, label=UNKNOWN, rate=0.0, average=average)
    said = SignalReport("funding_pred", 0.0, UNKNOWN, 0.0, 0.0, 0, 0, MODEL, (), (), INTEL_FUND_INDEX_MISSING)
    return _compared(state, watch, definition, now, (said,))


def _compared(
    state: Memory, watch: Watch, definition: MarketDefinition, now: int, said: tuple[SignalReport, ...]
) -> tuple[Memory, Said]:
    """Add the spread when it moved, has another market on its other side, or can no longer be told."""
    mine = definition.market_id
    spread, other, label = state.lane.spread(mine, watch, now, MARK_BUDGET_NS)
    if other != watch.against or abs(spread - watch.spread) >= STEP:
        label = max(watch.label, label, key=GRAVITY.index)
        refs, reason = (mine, other) if other else (), REASONS[label]
        report = SignalReport("funding_spread", round(spread, 8), label, 0.0, 1.0, 0, 0, MODEL, (), refs, reason)
        watch, said = replace(watch, spread=spread, against=other), (*said, report)
    return Memory(state.lane.put(mine, watch)), said


BOT = fold(on_mark, on_snapshot, reasons=set(REASONS.values()), per="desk")
