"""Join definition, book, tape, totals and mark of one market into the snapshot that every other bot reads.

Says    MarketSnapshot when a best quote moves, when the book's quality changes, and every `heartbeat_ms`.
Why     Bots that join parts by themselves join different moments; here one moment is joined, once, and its age known.
Source  Ages and checks: bots/maths/coherence.py.

Nothing is said while the book is withheld, a side is empty or a required part is missing; nothing is filled in. Volume
is what the venue's ticker totals, or what the tape has shown, times the last price. The mirror check needs the other
outcome's quotes. On this row they are known as the venue repeats them in its ticker (best_ask_no = 1 - bid), and
comparable while the touch is not newer than the ticker; a complement with a book of its own is another row, and
intel.cross_market_graph holds the two against each other.
"""

from hashlib import sha256

from bots.kit import BotConfig, ConfirmedAt, Frac, Instant, Latest, Millis, On, Prob, State, fold
from bots.maths.coherence import aged, is_due, is_marked, is_repeated
from contracts.intent import BotNote
from contracts.market import (
    BookQuality,
    ClockTick,
    Kind,
    MarketDefinition,
    MarketSnapshot,
    Touch,
    TradePrint,
    VenueMarkUpdate,
    VenueTicker,
)
from contracts.reasons import (
    INTEL_SNAP_AGED,
    INTEL_SNAP_COMPONENT_MISSING,
    INTEL_SNAP_INCOHERENT,
    INTEL_SNAP_OK,
)

MS, MILLION = 1_000_000, 1_000_000
PERP = int(Kind.PERP)
MISSING = BotNote(INTEL_SNAP_COMPONENT_MISSING)


class Config(BotConfig):
    heartbeat_ms: Millis = 1_000
    mirror_tol: Prob = 10_000
    mark_div_max: Frac = 10_000
    book_budget_ms: Millis = 500
    mark_budget_ms: Millis = 3_000


class Memory(State):
    last_ticks: int = -1
    traded_lots: int = 0


def on_print(config: Config, state: Memory, trade: On[TradePrint], now: Instant) -> Memory:
    """Remember the last price and what the tape has shown so far."""
    return Memory(trade.price_ticks, state.traded_lots + trade.size_lots)


def on_change(
    config: Config,
    state: Memory,
    trigger: On[Touch | BookQuality | ClockTick],
    touch: Latest[Touch | None],
    quality: Latest[BookQuality | None],
    definition: Latest[MarketDefinition | None],
    ticker: Latest[VenueTicker | None],
    mark: Latest[VenueMarkUpdate | None],
    confirmed: Latest[ConfirmedAt],
    now: Instant,
) -> MarketSnapshot | BotNote | None:
    """Join when a best quote moved, the book's quality changed, or a heartbeat falls due."""
    if type(trigger) is Touch and not trigger.moved:
        return None
    if type(trigger) is ClockTick and not is_due(trigger.at_ns, config.heartbeat_ms):
        return None
    if quality is not None and not quality.usable:
        return None
    if touch is None or quality is None or definition is None or touch.bid_ticks < 0 or touch.ask_ticks < 0:
        return MISSING
    if definition.instrument_kind == PERP and mark is None:
        return MISSING
    return _join(config, state, touch, quality, definition, ticker, mark, confirmed, now)


def _join(
    config: Config,
    state: Memory,
    touch: Touch,
    quality: BookQuality,
    definition: MarketDefinition,
    ticker: VenueTicker | None,
    mark: VenueMarkUpdate | None,
    confirmed: int,
    now: int,
) -> MarketSnapshot:
    full = score = quality.score_milli
    coherent, proof = True, touch.provenance_hash
    if now - confirmed > config.book_budget_ms * MS:
        score = aged(full, now - confirmed, config.book_budget_ms * MS)
    if mark is not None:
        score = aged(score, now - mark.at_ns, config.mark_budget_ms * MS)
        coherent = is_marked(mark.mark_micros, mark.index_micros, config.mark_div_max)
        proof += mark.provenance_hash
    elif ticker is not None and ticker.at_ns >= touch.at_ns and ticker.venue_ns >= touch.venue_ns > 0:
        quoted = touch.bid_ticks, touch.ask_ticks, ticker.bid_ticks, ticker.ask_ticks
        coherent = is_repeated(*quoted, definition.grid_ticks, config.mirror_tol)
    reason = INTEL_SNAP_OK if score == full else INTEL_SNAP_AGED
    last, lots = state.last_ticks, state.traded_lots
    if ticker is not None:
        last, lots = last if last >= 0 else ticker.last_ticks, max(lots, ticker.volume_lots)
        proof += ticker.provenance_hash
    value = lots * definition.lot_micros * max(last, 0) * definition.tick_micros // MILLION
    return MarketSnapshot(
        touch.bid_ticks,
        touch.bid_lots,
        touch.ask_ticks,
        touch.ask_lots,
        touch.bid_depth_lots,
        touch.ask_depth_lots,
        last,
        value,
        mark.mark_micros if mark is not None else 0,
        mark.index_micros if mark is not None else 0,
        mark.funding_rate_ppb if mark is not None else 0,
        definition.version,
        definition.status,
        score if coherent else score // 2,
        confirmed,
        touch.venue_ns,
        sha256((definition.provenance_hash + proof).encode()).hexdigest(),
        reason if coherent else INTEL_SNAP_INCOHERENT,
    )


BOT = fold(
    on_print,
    on_change,
    reasons={INTEL_SNAP_OK, INTEL_SNAP_AGED, INTEL_SNAP_INCOHERENT, INTEL_SNAP_COMPONENT_MISSING},
)
