"""State what the market is and what it did: instruments, books, trades, quality, time.

Everything that came from outside is a `Fact`: it knows where it came from, when the edge saw it and in which market.
Prices of binaries stand on the YES scale. `market` is the market's place in the journal's table of instruments;
the venue's own id is spelled out where people read it.
"""

from enum import IntEnum

from contracts.base import Wire
from contracts.units import (
    Count,
    Id,
    Index,
    LongText,
    Lots,
    Micros,
    Milli,
    Ns,
    Number,
    OptionalId,
    PositiveMicros,
    Reason,
    Side,
    SignedLots,
    Text,
    Ticks,
)

NO_MARKET = -1


class Kind(IntEnum):
    """What an instrument pays: BINARY 0 or 1 at resolution; PERP the price difference, with funding; SPOT the asset.

    Spot books are read, beside perpetuals; nothing is traded there, so no record of SPOT becomes a definition.
    """

    BINARY = 0
    PERP = 1
    SPOT = 2


class Status(IntEnum):
    """Life of a market. Only OPEN is tradable."""

    OPEN = 0
    REVIEW = 1
    HALTED = 2
    CLOSED = 3
    RESOLVED = 4
    VOID = 5


class Fact(Wire):
    """Something that came from outside.

    fact    where it came from (contracts/ids.py)
    at_ns   arrival at the edge
    market  place in the table of instruments; -1 when it concerns a whole source
    """

    fact: Index
    at_ns: Ns
    market: Index


class PriceBand(Wire):
    """One band of a price grid: within [start, end] prices are multiples of step.

    start_ticks  first price of the band
    end_ticks    last price of the band
    step_ticks   legal step inside it
    """

    start_ticks: Ticks
    end_ticks: Ticks
    step_ticks: Ticks


class FeeModel(Wire):
    """What a fill costs. binary_quadratic: rate * C * p * (1 - p); linear_bps: rate * notional.

    formula           binary_quadratic, linear_bps, none or unknown
    taker_rate_micros millionths: 70,000 is 0.07
    maker_rate_micros millionths; negative is a rebate
    round_up_micros   each fee is rounded up to a multiple of this; 0 means not rounded
    balance_micros    the account's balance is kept at multiples of this; 1 means exact
    round_near_micros each fee is rounded to the nearest multiple of this, and a fee below one is 0; 0 means not so
    """

    formula: Text = "unknown"
    taker_rate_micros: Micros = 0
    maker_rate_micros: Micros = 0
    round_up_micros: Count = 0
    balance_micros: PositiveMicros = 1
    round_near_micros: Count = 0


class VenueInstrumentRecord(Fact):
    """Instrument metadata as the adapter typed it; intel.instrument_registry judges it.

    market_id         the venue's own id: ticker, token id, symbol
    venue_id          kalshi, polymarket, bitget, binance
    instrument_kind   0 BINARY, 1 PERP, 2 SPOT
    outcome           YES, NO or the outcome's name; empty for perps
    tick_micros       one tick of the price grid, in millionths
    lot_micros        one lot, in millionths of a contract or share
    min_size_lots     smallest order
    price_bands       legal steps by price
    fee               fee model; formula unknown when nothing said it
    event_id          the venue's event
    series_id         the venue's series
    complement_id     the venue's id of the other outcome; empty when one book serves both
    neg_risk          the event's outcomes exclude each other
    expiry_ns         end of trading; 0 unknown
    title             the venue's title
    rules_text        the resolution rules
    status            life of the market as the venue says
    provenance_hash   SHA-256 of the bytes it came from
    multiplier_micros units of the underlying per contract of a perp, in millionths
    funding_interval_h hours between two fundings of a perp; 0 unknown
    settle_currency   currency a perp settles in; empty unknown
    """

    market_id: Id
    venue_id: Id
    instrument_kind: Count = 0
    outcome: Text = "YES"
    tick_micros: Count = 10_000
    lot_micros: Count = 10_000
    min_size_lots: Lots = 1
    price_bands: tuple[PriceBand, ...] = ()
    fee: FeeModel = FeeModel()
    event_id: OptionalId = ""
    series_id: OptionalId = ""
    complement_id: OptionalId = ""
    neg_risk: bool = False
    expiry_ns: Ns = 0
    title: Text = ""
    rules_text: LongText = ""
    status: Count = 0
    provenance_hash: Text = ""
    multiplier_micros: Count = 1_000_000
    funding_interval_h: Count = 0
    settle_currency: OptionalId = ""


class MarketDefinition(Wire):
    """The one truth about an instrument; tick, lot, fee and expiry are read from here and nowhere else.

    market_id         the venue's own id
    instrument_id     hex16(sha256(venue | symbol | outcome))
    venue_id          the venue
    instrument_kind   0 BINARY, 1 PERP
    version           grows when tick, lot, fee, expiry, status or rules change
    outcome           YES, NO or the outcome's name
    tick_micros       one tick, in millionths
    grid_ticks        price 1 in ticks for binaries; 0 for perps
    lot_micros        one lot, in millionths of a contract
    min_size_lots     smallest order
    price_bands       legal steps by price
    fee               fee model
    event_id          the venue's event
    series_id         the venue's series
    complement_id     the other outcome, or empty
    neg_risk          the event's outcomes exclude each other
    expiry_ns         end of trading; 0 unknown
    title             the venue's title
    rules_text        the resolution rules
    rules_hash        SHA-256 of the rules, or empty
    status            life of the market
    valid_from_ns     arrival of the record
    provenance_hash   SHA-256 of the bytes it came from
    reason            why this version
    multiplier_micros units of the underlying per contract of a perp, in millionths
    funding_interval_h hours between two fundings of a perp; 0 for what has none
    settle_currency   currency a perp settles in; empty for binaries
    """

    market_id: Id
    instrument_id: Id
    venue_id: Id
    instrument_kind: Count
    version: Count
    outcome: Text
    tick_micros: PositiveMicros
    grid_ticks: Ticks
    lot_micros: PositiveMicros
    min_size_lots: Lots
    price_bands: tuple[PriceBand, ...]
    fee: FeeModel
    event_id: OptionalId
    series_id: OptionalId
    complement_id: OptionalId
    neg_risk: bool
    expiry_ns: Ns
    title: Text
    rules_text: LongText
    rules_hash: Text
    status: Count
    valid_from_ns: Ns
    provenance_hash: Text
    reason: Reason
    multiplier_micros: Count = 1_000_000
    funding_interval_h: Count = 0
    settle_currency: OptionalId = ""

    def step_ticks(self, price_ticks: int) -> int:
        """Return the legal price step at a price, in ticks."""
        for band in self.price_bands:
            if band.start_ticks <= price_ticks <= band.end_ticks:
                return band.step_ticks
        return 1


class VenueBookDelta(Fact, omit_defaults=True):
    """One level of one book, as the venue changed it.

    Defaults are left out on the wire, which msgspec decides by identity: so they are small integers, booleans and the
    empty text, which exist once, and nothing else may be a default here.

    side            1 bid, -1 ask
    price_ticks     the level
    size_lots       new total, or signed change when relative
    relative        size_lots is a change (Kalshi) and not a total (everyone else)
    bid_ticks       best bid that the venue claims for after the group; 0 claims no bid, -1 claims nothing
    ask_ticks       best ask that the venue claims for after the group; grid + 1 claims no ask, -1 claims nothing
    last            the frame's last change of this market; a group may go on in the next frame with the same claim
    venue_seq       the venue's sequence number; -1 none
    venue_ns        the venue's own time; 0 unknown
    provenance_hash SHA-256 of the bytes it came from
    prev_seq        the number that must have come before, where numbers have steps (Binance); -1 says none
    """

    side: Side
    price_ticks: Ticks
    size_lots: SignedLots
    relative: bool = False
    bid_ticks: Index = -1
    ask_ticks: Index = -1
    last: bool = True
    venue_seq: Index = -1
    venue_ns: Ns = 0
    provenance_hash: Text = ""
    prev_seq: Index = -1


class VenueBookImage(Fact):
    """A full book: it replaces what was believed before.

    bids            (price_ticks, size_lots), best first
    asks            (price_ticks, size_lots), best first
    venue_seq       the venue's sequence number; -1 none
    venue_ns        the venue's own time; 0 unknown
    provenance_hash SHA-256 of the bytes it came from
    """

    bids: tuple[tuple[Ticks, Lots], ...]
    asks: tuple[tuple[Ticks, Lots], ...]
    venue_seq: Index
    venue_ns: Ns
    provenance_hash: Text


class VenueTrade(Fact):
    """A public trade.

    price_ticks     price
    size_lots       size
    aggressor       1 the taker bought, -1 sold, 0 unknown
    trade_id        the venue's id, or empty
    venue_seq       the venue's sequence number; -1 none
    venue_ns        the venue's own time; 0 unknown
    provenance_hash SHA-256 of the bytes it came from
    """

    price_ticks: Ticks
    size_lots: Lots
    aggressor: Side
    trade_id: OptionalId
    venue_seq: Index
    venue_ns: Ns
    provenance_hash: Text


class VenueTicker(Fact):
    """Best quotes and totals as the venue repeats them, beside the book.

    bid_ticks       best bid; -1 none
    ask_ticks       best ask; -1 none
    last_ticks      last trade; -1 none
    volume_lots     total volume; 0 unknown
    venue_ns        the venue's own time; 0 unknown
    provenance_hash SHA-256 of the bytes it came from
    """

    bid_ticks: Index
    ask_ticks: Index
    last_ticks: Index
    volume_lots: Lots
    venue_ns: Ns
    provenance_hash: Text


class VenueMarkUpdate(Fact):
    """Mark, index and funding of a perpetual.

    mark_micros         mark price
    index_micros        index price; 0 unknown
    funding_rate_ppb    funding of the running interval, in parts per thousand million
    next_funding_ns     when it is paid; 0 unknown
    provenance_hash     SHA-256 of the bytes it came from
    """

    mark_micros: Micros
    index_micros: Micros
    funding_rate_ppb: Number
    next_funding_ns: Ns
    provenance_hash: Text


class VenueStatus(Fact):
    """A change in a market's life: pause, close, result.

    status            the new status
    settlement_micros value of one YES contract at resolution; -1 unknown
    expiry_ns         new end of trading; 0 unchanged
    tick_micros       new tick; 0 unchanged
    price_bands       new bands; empty unchanged
    venue_ns          the venue's own time; 0 unknown
    provenance_hash   SHA-256 of the bytes it came from
    """

    status: Index
    settlement_micros: Index
    expiry_ns: Ns
    tick_micros: Count
    price_bands: tuple[PriceBand, ...]
    venue_ns: Ns
    provenance_hash: Text


class VenueConnection(Fact):
    """What the recorder or the socket says of itself: it can make books unsure.

    Only attached, lost, off_grid and checksum name a market: its book is now heard on this connection; a change of its
    book could not be read, stood on a finer grid, or gave another checksum than the venue's, so the book is wrong now.
    late and on_time concern the source (contracts/ids.py) of the fact, whatever the connection: what follows a late was
    received when it says but delivered later, until an on_time; so is all that a lane joins to it in one order.

    event           connected, subscribed, answered, disconnected, beat, rotated, late, on_time, attached, lost,
                    off_grid, checksum
    connection_id   which connection, or `connection/subscription`
    venue_seq       a sequence number that the answer consumed; -1 none
    """

    event: Text
    connection_id: Text
    venue_seq: Index


class OracleEvent(Fact):
    """A step of a binary's resolution at its oracle.

    event              PROPOSED, DISPUTED, RESOLVED, REJECTED, VOIDED, OBSERVED
    outcome_micros     proposed or final value of YES; -1 none
    block              the chain's block; 0 none
    block_hash         identity of the block; empty none
    """

    event: Text
    outcome_micros: Index
    block: Count
    block_hash: Text


class CalendarEvent(Fact):
    """A scheduled event of the real world.

    event_key    entity and kind, as instruments name it
    start_ns     scheduled start
    end_ns       scheduled end
    impact       low, medium or high
    """

    event_key: Id
    start_ns: Ns
    end_ns: Ns
    impact: Text


class ClockTick(Fact):
    """A fixed boundary of one second, derived from arrivals; time below the edge has no other source.

    env_engaged  the environment's kill switch was seen engaged, or could not be read
    """

    env_engaged: bool = False


class Touch(Fact):
    """The top of a good book, after it changed. Never stored: the order book says it again from its facts.

    bid_ticks       best bid; -1 none
    bid_lots        size there
    ask_ticks       best ask; -1 none
    ask_lots        size there
    bid_levels      levels on the bid side
    ask_levels      levels on the ask side
    bid_depth_lots  size within three steps of the best bid
    ask_depth_lots  size within three steps of the best ask
    moved           a best price changed, not only its size
    venue_ns        the venue's own time; 0 unknown
    provenance_hash SHA-256 of the bytes of the last change
    """

    bid_ticks: Index
    bid_lots: Lots
    ask_ticks: Index
    ask_lots: Lots
    bid_levels: Count
    ask_levels: Count
    bid_depth_lots: Lots
    ask_depth_lots: Lots
    moved: bool
    venue_ns: Ns
    provenance_hash: Text


class BookEvent(Fact):
    """Something happened to the trust in a book.

    event      one of BOOK_LOST; IMAGE, EMPTY, CROSSED, UNCROSSED, REGRESSED, of the book itself; or, as
               operators/freshness.py defines them: of its silence CALM, QUIET, FROZEN, SILENT and HEARD, of what
               contradicts it STUCK, GHOST and AGREED, of lateness SKEW and STEADY, of delivery LATE and ON_TIME
    expected   number that was expected, or 0; the limit in milliseconds for silence, contradiction and lateness
    seen       number that was seen, or 0; milliseconds likewise
    """

    event: Text
    expected: Number
    seen: Number


class BookLadder(Fact):
    """Every level of a book after an image, and at most once a minute while it changes. Never stored itself.

    bids            (price_ticks, size_lots), best first
    asks            (price_ticks, size_lots), best first
    venue_seq       last sequence number applied; -1 none
    confirmed_ns    last confirmation
    provenance_hash SHA-256 of the last bytes applied
    """

    bids: tuple[tuple[Ticks, Lots], ...]
    asks: tuple[tuple[Ticks, Lots], ...]
    venue_seq: Index
    confirmed_ns: Ns
    provenance_hash: Text


BOOK_LOST = frozenset({"GAP", "NEGATIVE", "MISMATCH", "CHECKSUM", "OFF_GRID", "RECONNECTED", "NO_IMAGE"})
"""Events after which changes can no longer be applied: only an image makes the book known again. What freshness says of
a book is not among them: its content may be true, it is only not proven, so changes go on being applied meanwhile."""


class BookQuality(Wire):
    """Whether the book may be believed; intel.book_builder says it.

    state         OK, DEGRADED or RESYNC (withheld until an image or a proof heals it)
    score_milli   quality in thousandths
    cause         the event that brought this state
    reason        its code
    """

    state: Text
    score_milli: Milli
    cause: Text
    reason: Reason

    @property
    def usable(self) -> bool:
        """True when the book may be traded on."""
        return self.state != "RESYNC"


class OrderBookSnapshot(Wire):
    """A whole book, said when an image arrived and at most once a second while it changes.

    market_id        the venue's own id
    venue_seq        last sequence number applied
    bids             (price_ticks, size_lots), best first
    asks             (price_ticks, size_lots), best first
    confirmed_ns     last confirmation
    quality_milli    quality in thousandths
    provenance_hash  SHA-256 of the last bytes applied
    """

    market_id: Id
    venue_seq: Index
    bids: tuple[tuple[Ticks, Lots], ...]
    asks: tuple[tuple[Ticks, Lots], ...]
    confirmed_ns: Ns
    quality_milli: Milli
    provenance_hash: Text


class TradePrint(Wire):
    """A trade with its aggressor.

    price_ticks  price
    size_lots    size
    aggressor    1 bought, -1 sold, 0 unknown
    sign_source  venue, quote or tick
    trade_id     the venue's id, or empty
    venue_ns     the venue's own time; 0 unknown
    reason       state of the tape
    """

    price_ticks: Ticks
    size_lots: Lots
    aggressor: Side
    sign_source: Text
    trade_id: OptionalId
    venue_ns: Ns
    reason: Reason


class MarketSnapshot(Wire):
    """The joined state of one market that every other bot reads.

    bid_ticks            best bid
    bid_lots             size there
    ask_ticks            best ask
    ask_lots             size there
    bid_depth_lots       size within three steps of the best bid
    ask_depth_lots       size within three steps of the best ask
    last_ticks           last trade; -1 none
    volume_micros        traded value, in millionths of the quote currency; 0 unknown
    mark_micros          mark price of a perp; 0 none
    index_micros         index price of a perp; 0 none
    funding_rate_ppb     funding rate of a perp
    definition_version   version of the definition joined
    status               life of the market
    quality_milli        quality in thousandths
    confirmed_ns         last confirmation of the book
    venue_ns             the venue's own time; 0 unknown
    provenance_hash      SHA-256 over the components' hashes
    reason               its code
    """

    bid_ticks: Ticks
    bid_lots: Lots
    ask_ticks: Ticks
    ask_lots: Lots
    bid_depth_lots: Lots
    ask_depth_lots: Lots
    last_ticks: Index
    volume_micros: Count
    mark_micros: Micros
    index_micros: Micros
    funding_rate_ppb: Number
    definition_version: Count
    status: Count
    quality_milli: Milli
    confirmed_ns: Ns
    venue_ns: Ns
    provenance_hash: Text
    reason: Reason


class Settlement(Wire):
    """A position was paid at resolution. Same keys as `Fill`.

    market_id    the venue's own id
    side         1 the paid position was long, -1 short
    price_ticks  settlement price
    tick_micros  one tick, in millionths
    size_lots    size paid
    lot_micros   one lot, in millionths
    fee_micros   fee
    liquidity    settlement
    settled      always true
    reason       its code
    """

    market_id: Id
    side: Side
    price_ticks: Ticks
    tick_micros: PositiveMicros
    size_lots: Lots
    lot_micros: PositiveMicros
    fee_micros: Micros
    liquidity: Text
    settled: bool
    reason: Reason
