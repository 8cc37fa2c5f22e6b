"""Decide whether a book may be believed, sign the trade tape, and publish the ladder while it may.

Says    BookQuality when it changes, one TradePrint per trade, OrderBookSnapshot unless the book is withheld.
Why     A book with a hole in it looks like a book; nothing downstream can tell, so the trust is decided here, once.
Source  Lee, C., Ready, M. (1991) for the sign of trades; the score and what withholds: bots/maths/book_trust.py.

The operators `order_book` and `freshness` report what they found; what follows from it stands here, with the code of
its cause. A silence that nothing proves counts after `max_gap_ms` of a market that is open; a calm book is believed,
and said to be calm. Provenance is chained: sha256(previous | last bytes). A timestamp that ran backwards was dropped
before it reached the book: it is noted and lowers nothing.
"""

from hashlib import sha256

from msgspec.structs import replace

from bots.kit import BotConfig, ConfirmedAt, Instant, Latest, Millis, Number, On, State, fold
from bots.maths.book_trust import CALM, CAUSES, DOUBTED, MS, Trust, after, quality_of
from bots.maths.trade_sign import trade_sign
from contracts.intent import BotNote
from contracts.market import (
    BookEvent,
    BookLadder,
    BookQuality,
    ClockTick,
    MarketDefinition,
    OrderBookSnapshot,
    Status,
    Touch,
    TradePrint,
    VenueTrade,
)
from contracts.reasons import (
    INTEL_BOOK_CALM,
    INTEL_BOOK_DEGRADED,
    INTEL_BOOK_FEED_SILENT,
    INTEL_BOOK_OK,
    INTEL_BOOK_RESYNC,
)

OPEN = int(Status.OPEN)
UNKNOWN, SHALLOW, DEEP = -1, 0, 1
BORN = BookQuality("RESYNC", 0, "NO_IMAGE", INTEL_BOOK_RESYNC)


class Config(BotConfig):
    crossed_grace_ms: Millis = 250
    min_levels: Number = 3
    max_gap_ms: Millis = 2_000


class Memory(State):
    settled: bool = False  # nothing is doubted and no penalty runs: only depth can change the answer
    depth: int = UNKNOWN
    quiet: str = ""  # the silence that was reported, and counts when it is long enough
    trust: Trust = Trust()
    said: BookQuality = BORN
    last_ticks: int = 0
    last_sign: int = 0
    chain: str = ""


def on_touch(config: Config, state: Memory, touch: On[Touch], now: Instant) -> tuple[Memory, BookQuality | None]:
    """Look at the depth of a touch; nothing to say while a settled book stays as deep."""
    levels = touch.bid_levels if touch.bid_levels < touch.ask_levels else touch.ask_levels
    depth = DEEP if levels >= config.min_levels else SHALLOW
    if state.settled and depth == state.depth:
        return state, None
    return _judge(config, replace(state, depth=depth), "TOUCH", now)


def on_clock(
    config: Config,
    state: Memory,
    tick: On[ClockTick],
    confirmed: Latest[ConfirmedAt],
    definition: Latest[MarketDefinition],
    now: Instant,
) -> tuple[Memory, BookQuality | None]:
    """Let silence count and penalties run out."""
    if state.settled and not state.quiet:
        return state, None
    if state.quiet and now - confirmed > config.max_gap_ms * MS and definition.status == OPEN:
        state = replace(state, trust=replace(state.trust, silent=state.quiet))
    return _judge(config, state, "CLOCK", now)


def on_event(
    config: Config,
    state: Memory,
    event: On[BookEvent],
    confirmed: Latest[ConfirmedAt],
    definition: Latest[MarketDefinition | None],
    now: Instant,
) -> tuple[Memory, BookQuality | BotNote | None]:
    """Take in what happened to the trust in the book."""
    name = event.event
    if name == "REGRESSED":
        return state, BotNote(INTEL_BOOK_DEGRADED, event.seen, event.expected)
    if name in DOUBTED or name in (CALM, "HEARD"):
        is_open = definition is None or definition.status == OPEN
        counts = name == CALM or (name in DOUBTED and is_open and now - confirmed > config.max_gap_ms * MS)
        quiet = name if name in DOUBTED else ""
        state = replace(state, quiet=quiet, trust=replace(state.trust, silent=name if counts else ""))
    else:
        state = replace(state, trust=after(state.trust, name, now, config.crossed_grace_ms * MS))
    if state.depth == UNKNOWN and not state.trust.hold:
        return state, None  # the first image: its touch follows and tells the depth
    return _judge(config, state, name, now)


def on_trade(
    config: Config, state: Memory, trade: On[VenueTrade], touch: Latest[Touch | None], now: Instant
) -> tuple[Memory, tuple[TradePrint, ...]]:
    """Sign a trade and put it on the tape; quotes of a withheld book sign nothing."""
    price, bid, ask = trade.price_ticks, -1, -1
    if touch is not None and state.said.usable:
        bid, ask = touch.bid_ticks, touch.ask_ticks
    sign, source = trade_sign(price, trade.aggressor, bid, ask, state.last_ticks, state.last_sign)
    said = TradePrint(price, trade.size_lots, sign, source, trade.trade_id, trade.venue_ns, state.said.reason)
    return replace(state, last_ticks=price, last_sign=sign), (said,)


def on_ladder(
    config: Config, state: Memory, ladder: On[BookLadder], definition: Latest[MarketDefinition], now: Instant
) -> tuple[Memory, OrderBookSnapshot | None]:
    """Publish the whole ladder, unless the book is withheld."""
    if not state.said.usable:
        return state, None
    chain = sha256(f"{state.chain}|{ladder.provenance_hash}".encode()).hexdigest()
    quality = state.said.score_milli
    return replace(state, chain=chain), OrderBookSnapshot(
        definition.market_id, ladder.venue_seq, ladder.bids, ladder.asks, ladder.confirmed_ns, quality, chain
    )


def _judge(config: Config, state: Memory, cause: str, now: int) -> tuple[Memory, BookQuality | None]:
    known, grace_ns = state.said, config.crossed_grace_ms * MS
    fresh = quality_of(state.trust, state.depth == DEEP, cause, now, grace_ns)
    settled = state.trust.is_settled(now)
    same = (fresh.state, fresh.score_milli, fresh.reason) == (known.state, known.score_milli, known.reason)
    if same and (fresh.usable or fresh.cause == known.cause):
        return (state if settled == state.settled else replace(state, settled=settled)), None
    return replace(state, settled=settled, said=fresh), fresh


BOT = fold(
    on_touch,
    on_event,
    on_clock,
    on_trade,
    on_ladder,
    reasons={
        INTEL_BOOK_OK,
        INTEL_BOOK_CALM,
        INTEL_BOOK_DEGRADED,
        INTEL_BOOK_RESYNC,
        INTEL_BOOK_FEED_SILENT,
        *CAUSES.values(),
    },
)
