"""Keep the table of instruments: number each market once, say its record before its first fact, know its grid.

A `Market` is a value; whatever changes it makes a new one. A `Sheet` collects what one frame says and is either
committed as a whole or thrown away, so that a frame that cannot be read leaves no trace but its dead letter.
"""

from collections.abc import Callable, Iterable
from math import gcd

from msgspec.structs import replace

from contracts.base import Refused, read, write
from contracts.ids import INDEX_BITS, INDEX_SHIFT, fact_id
from contracts.market import Fact, FeeModel, Kind, PriceBand, VenueConnection, VenueInstrumentRecord
from contracts.reasons import INTEL_FRAME_BAD_FIELD, INTEL_FRAME_NO_MARKET
from operators.normalise.bitget_book import SpelledBook
from operators.normalise.frames import Frame
from operators.normalise.spelling import (
    MILLION,
    PRICE_MAX,
    Sizes,
    Unreadable,
    ask_claims,
    bid_claims,
    changes,
    levels,
    mirrored,
    prices,
    shown,
    sizes,
    tick_refusal,
)

MARKETS_MAX = 50_000
FACTS_MAX = (1 << INDEX_BITS) - 1
FINE_MICROS = 1_000  # 0.001: both venues move between this grid and whole cents during a market's life
KALSHI, POLYMARKET = "kalshi", "polymarket"
KALSHI_FEE = FeeModel("binary_quadratic", 70_000, 0, 100, 10_000)
NO_FEE = FeeModel("none")
# Unknown is never free: the highest taker rate that Polymarket publishes (crypto, 0.07), rounded up to 5 decimals.
POLYMARKET_FEE = FeeModel("binary_quadratic", 70_000, 0, 10, 1)
TAPERED = (PriceBand(1, 100, 1), PriceBand(100, 900, 10), PriceBand(900, 999, 1))


class Market:
    """What the reader of a dialect needs of one market; a value, never changed after it was made."""

    __slots__ = ("ask_claims", "bid_claims", "changes", "index", "levels", "lost", "record", "sides", "sizes", "stream")

    def __init__(self, index: int, record: VenueInstrumentRecord, stream: str | None, lost: str = "") -> None:
        """Take its number, its newest record, the connection its book is heard on, and why that book was lost."""
        tick, lot = record.tick_micros, record.lot_micros
        self.index, self.record, self.stream, self.lost = index, record, stream, lost
        binary = record.instrument_kind == Kind.BINARY
        self.levels: dict[str, int] = levels(tick) if binary else prices(tick)
        self.sides: dict[str, tuple[int, dict[str, int]]] = (
            {"yes": (1, self.levels), "no": (-1, mirrored(tick))} if binary else {}
        )
        self.bid_claims: dict[str, int] = bid_claims(tick) if binary else {}
        self.ask_claims: dict[str, int] = ask_claims(tick) if binary else {}
        self.sizes: Sizes = sizes(lot)
        self.changes: Sizes = changes(lot)

    def __reduce__(self) -> tuple[type["Market"], tuple[int, VenueInstrumentRecord, str | None, str]]:
        """Pickle without the tables, which follow from the record."""
        return Market, (self.index, self.record, self.stream, self.lost)


def one_step(step_micros: int, tick_micros: int) -> tuple[PriceBand, ...]:
    """Return the bands of a grid that has one legal step everywhere."""
    step = step_micros // tick_micros
    return (PriceBand(step, MILLION // tick_micros - step, step),)


def default_record(market_id: str, venue_id: str) -> VenueInstrumentRecord:
    """Return what is assumed of a market that nothing has defined.

    Kalshi: every 0.001 is read, orders follow the tapered bands that its crypto markets use; event and series are
    the ticker without its last part and before its first dash (decisions §4), for grouping only. Polymarket: 0.001,
    any size of a millionth, the highest published taker fee.
    """
    if venue_id == KALSHI:
        return VenueInstrumentRecord(
            0, 0, -1, market_id, KALSHI, 0, "YES", FINE_MICROS, 10_000, 1, TAPERED, KALSHI_FEE,
            *groups(market_id), title=market_id,
        )  # fmt: skip
    return VenueInstrumentRecord(
        0,
        0,
        -1,
        market_id,
        POLYMARKET,
        0,
        "TOKEN",
        FINE_MICROS,
        1,
        1,
        one_step(FINE_MICROS, FINE_MICROS),
        POLYMARKET_FEE,
    )


def groups(ticker: str) -> tuple[str, str]:
    """Return event and series of a Kalshi ticker that came without those fields."""
    return ticker.rpartition("-")[0] or ticker, ticker.partition("-")[0]


def finer(record: VenueInstrumentRecord, tick_micros: int) -> VenueInstrumentRecord:
    """Return the record on the coarsest grid that holds both its own ticks and the given one."""
    tick = gcd(record.tick_micros, tick_micros)
    times = record.tick_micros // tick
    bands = tuple(
        PriceBand(b.start_ticks * times, min(b.end_ticks * times, PRICE_MAX), b.step_ticks * times)
        for b in record.price_bands
    )
    return replace(record, tick_micros=tick, price_bands=bands)


def _same_lots(record: VenueInstrumentRecord, lot_micros: int) -> VenueInstrumentRecord:
    """Return the record in the lots that a market's book already counts in; its smallest order is rounded up."""
    if record.lot_micros == lot_micros:
        return record
    least = -(-record.min_size_lots * record.lot_micros // lot_micros)
    return replace(record, lot_micros=lot_micros, min_size_lots=least)


class Markets:
    """The table: ids in the order of first sight, the markets, and which connection speaks of which.

    tapes   of which kind of message a market's trades are taken, where the venue says each trade twice
    hours   hours between two fundings, where they were said before the market was met
    spelled a market's book in the venue's own spelling, by its number, where the venue sends checksums of it
    """

    __slots__ = ("by_id", "declared", "hours", "ids", "spelled", "streams", "tapes")

    def __init__(self) -> None:
        """Begin with no market."""
        self.ids: list[str] = []
        self.by_id: dict[str, Market] = {}
        self.declared: dict[str, VenueInstrumentRecord] = {}
        self.streams: dict[tuple[int, str], dict[str, Market]] = {}
        self.tapes: dict[str, str] = {}
        self.hours: dict[str, int] = {}
        self.spelled: dict[int, SpelledBook] = {}

    def declare(self, records: Iterable[VenueInstrumentRecord]) -> None:
        """Remember definitions; each is said before the first fact of its market."""
        for record in records:
            self.declared[record.market_id] = record

    def known(self, source: int, stream: str) -> dict[str, Market]:
        """Return the markets that one connection has spoken of, by the venue's id; the hot loops look up here."""
        return self.streams.setdefault((source, stream), {})

    def forget(self, source: int, stream: str) -> None:
        """Let go of a connection's markets (and of its subscriptions'): each is attached anew when it speaks again."""
        for (origin, name), markets in self.streams.items():
            if origin == source and (name == stream or name.startswith(stream + "/")):
                for market_id, market in markets.items():
                    self.by_id[market_id] = Market(market.index, market.record, None, market.lost)
                markets.clear()

    def lose(self, market_id: str, why: str) -> None:
        """Note that a change of this market's book could not be read, so that its book is wrong from here on."""
        market = self.by_id.get(market_id)
        if market is not None:
            for markets in self.streams.values():
                markets.pop(market_id, None)
            self.by_id[market_id] = Market(market.index, market.record, None, why)


class Sheet:
    """What one frame says, until it is committed."""

    __slots__ = ("after", "at_ns", "base", "changed", "control", "facts", "proof", "source", "stream", "table")

    def __init__(self, table: Markets, frame: Frame, stream: str, proof: str) -> None:
        """Take the table, the frame, the connection it came on, and the hash of its bytes."""
        self.table, self.stream, self.proof = table, stream, proof
        self.base, self.at_ns, self.source = fact_id(frame.source, frame.position), frame.at_ns, frame.source
        self.facts: list[Fact] = []
        self.changed: dict[str, Market] = {}
        self.after: list[Callable[[], None]] = []  # what else the frame teaches the table
        self.control = False

    def fact(self) -> int:
        """Return the id of the next fact of this frame."""
        if len(self.facts) >= FACTS_MAX:
            raise Unreadable(INTEL_FRAME_BAD_FIELD, f"frame: more than {FACTS_MAX} facts")
        return self.base | len(self.facts) << INDEX_SHIFT

    def find(self, market_id: str) -> Market | None:
        """Return a market as this frame sees it."""
        return self.changed.get(market_id) or self.table.by_id.get(market_id)

    def define(self, record: VenueInstrumentRecord) -> Market:
        """Say a record, new or changed; a known market keeps a grid that also holds its former prices."""
        market_id, market = record.market_id, self.find(record.market_id)
        if market is None:
            _check_id(market_id)
            index = len(self.table.ids) + sum(m.index >= len(self.table.ids) for m in self.changed.values())
            if index >= MARKETS_MAX:
                raise Unreadable(
                    INTEL_FRAME_NO_MARKET, f"market {shown(market_id)}: the table holds {MARKETS_MAX} already"
                )
            stream, lost = None, ""
        else:
            index, stream, lost = market.index, market.stream, market.lost
            record = _same_lots(finer(record, market.record.tick_micros), market.record.lot_micros)
        if record.instrument_kind == 0 and (refusal := tick_refusal(record.tick_micros)):
            raise Unreadable(INTEL_FRAME_BAD_FIELD, f"market {shown(market_id)}: {refusal}")
        record = replace(record, fact=self.fact(), at_ns=self.at_ns, market=index, provenance_hash=self.proof)
        self.facts.append(lawful(record))
        return self.keep(Market(index, record, stream, lost))

    def meet(self, market_id: str, venue_id: str) -> Market:
        """Return a market, having said its record at first sight; the caller may now speak of it."""
        market = self.find(market_id)
        if market is None:
            market = self.define(self.table.declared.get(market_id) or default_record(market_id, venue_id))
        return market

    def hear(self, market_id: str, venue_id: str) -> Market:
        """As `meet`, for a message of the market's book: says which connection carries it, and that it was lost."""
        market = self.meet(market_id, venue_id)
        if market.lost:
            self.facts.append(VenueConnection(self.fact(), self.at_ns, market.index, market.lost, self.stream, -1))
        if market.stream != self.stream:
            self.facts.append(VenueConnection(self.fact(), self.at_ns, market.index, "attached", self.stream, -1))
        elif not market.lost:
            return market
        return self.keep(Market(market.index, market.record, self.stream))

    def keep(self, market: Market) -> Market:
        """Note a changed market."""
        self.changed[market.record.market_id] = market
        return market

    def commit(self, out: list[Fact]) -> None:
        """Make the frame count: its facts are said and its changes stand."""
        table = self.table
        for market_id, market in self.changed.items():
            if market.index == len(table.ids):
                table.ids.append(market_id)
            elif (former := table.by_id[market_id].stream) is not None and former != market.stream:
                table.known(self.source, former).pop(market_id, None)
            table.by_id[market_id] = market
            if market.stream is not None:
                table.known(self.source, market.stream)[market_id] = market
        for learn in self.after:
            learn()
        out += self.facts


def lawful(record: VenueInstrumentRecord) -> VenueInstrumentRecord:
    """Return a record that keeps its contract's bounds; raises Unreadable naming the field. About 2 µs."""
    try:
        return read(VenueInstrumentRecord, write(record))
    except (Refused, UnicodeEncodeError) as err:
        raise Unreadable(INTEL_FRAME_BAD_FIELD, f"market {shown(record.market_id)}: {err}") from None


def _check_id(market_id: str) -> None:
    """Refuse an id that cannot name a market."""
    if not market_id:
        raise Unreadable(INTEL_FRAME_NO_MARKET, "market: empty; allowed: the venue's id")
    if len(market_id) > 128 or not market_id.isascii() or not market_id.isprintable():
        raise Unreadable(
            INTEL_FRAME_BAD_FIELD, f"market: {shown(market_id)}; allowed: 1 to 128 printable ASCII characters"
        )
