"""Notice silence: a live, open market whose book nothing has confirmed for longer than the budget.

A feed that stands still looks like a calm market. At each second the last confirmation of every live book is compared
with the budget; beyond it the book is SILENT once, and HEARD with the next confirmation, before the touch that follows
from it. A book is confirmed by any message of the book, by a trade, and by a ticker that agrees with its best prices.
A connection's beat confirms nothing: sockets that answer while their books stand still have been seen in practice.
"""

import tomllib
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from bots.kit import Millis
from contracts.base import Refused
from contracts.market import (
    BOOK_LOST,
    BookEvent,
    ClockTick,
    Fact,
    Status,
    Touch,
    VenueBookDelta,
    VenueBookImage,
    VenueInstrumentRecord,
    VenueStatus,
    VenueTicker,
    VenueTrade,
)

_MS = 1_000_000


class Budgets(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """How old each kind of input may be at the adapter boundary, in milliseconds (decisions §2).

    book_ms      order book
    snapshot_ms  market snapshot
    chain_ms     on-chain data
    sports_ms    sports data
    news_ms      news
    silence_ms   silence after which a feed counts as lost
    """

    book_ms: Millis = 500
    snapshot_ms: Millis = 1_000
    chain_ms: Millis = 60_000
    sports_ms: Millis = 30_000
    news_ms: Millis = 120_000
    silence_ms: Millis = 2_000


def read_budgets(text: str) -> Budgets:
    """Return the budgets of a TOML text; raises Refused naming the key, the value and what is allowed."""
    try:
        values = tomllib.loads(text)
        return msgspec.convert(values, Budgets)
    except tomllib.TOMLDecodeError as err:
        raise Refused(f"freshness: not TOML ({err})") from None
    except msgspec.ValidationError as err:
        raise Refused(
            f"freshness: {err}; allowed: {', '.join(Budgets.__struct_fields__)} in milliseconds, from 0"
        ) from None


class Freshness:
    """Lane state of this step. Picklable; the same entries give the same entries, however they are cut."""

    __slots__ = ("_confirmed", "_expiry", "_live", "_open", "_silent", "_touch", "budgets")

    def __init__(self, budgets: Budgets) -> None:
        """Take the budgets."""
        self.budgets = budgets
        self._confirmed: dict[int, int] = {}
        self._expiry: dict[int, int] = {}
        self._live: set[int] = set()
        self._open: set[int] = set()
        self._silent: set[int] = set()
        self._touch: dict[int, tuple[int, int]] = {}

    def step(self, entries: Sequence[Fact]) -> list[Fact]:
        """Return the entries with SILENT and HEARD among them. About 0.1 µs for a change of a book."""
        out: list[Fact] = []
        add, confirmed, silent = out.append, self._confirmed, self._silent
        for entry in entries:
            add(entry)
            if type(entry) is VenueBookDelta:
                if silent and entry.market in silent:
                    add(self._heard(entry))
                confirmed[entry.market] = entry.at_ns
            elif type(entry) is Touch:
                self._touch[entry.market] = (entry.bid_ticks, entry.ask_ticks)
            else:
                out += self._other(entry)
        return out

    def _other(self, entry: Fact) -> list[Fact]:
        """Take in anything but a level change or a touch."""
        if isinstance(entry, ClockTick):
            return self._tick(entry)
        if isinstance(entry, BookEvent):
            self._event(entry)
        elif isinstance(entry, (VenueInstrumentRecord, VenueStatus)):
            self._life(entry)
        elif isinstance(entry, (VenueBookImage, VenueTrade)) or (
            isinstance(entry, VenueTicker) and self._touch.get(entry.market) == (entry.bid_ticks, entry.ask_ticks)
        ):
            heard: list[Fact] = [self._heard(entry)] if entry.market in self._silent else []
            self._confirmed[entry.market] = entry.at_ns
            return heard
        return []

    def _heard(self, entry: Fact) -> BookEvent:
        """End a silence; `seen` is how long it lasted, in milliseconds."""
        self._silent.discard(entry.market)
        return self._spell(entry, entry.market, "HEARD", entry.at_ns)

    def _spell(self, entry: Fact, market: int, event: str, now: int) -> BookEvent:
        age_ms = (now - self._confirmed.get(market, now)) // _MS
        return BookEvent(entry.fact, entry.at_ns, market, event, self.budgets.silence_ms, age_ms)

    def _event(self, entry: BookEvent) -> None:
        """Follow which books are live; an empty book has nothing to be stale."""
        if entry.event == "IMAGE":
            self._live.add(entry.market)
        elif entry.event == "EMPTY" or entry.event in BOOK_LOST:
            self._live.discard(entry.market)
            self._silent.discard(entry.market)

    def _life(self, entry: VenueInstrumentRecord | VenueStatus) -> None:
        """Follow which markets are open, and until when."""
        market = entry.market
        if entry.expiry_ns:
            self._expiry[market] = entry.expiry_ns
        if entry.status == Status.OPEN:
            self._open.add(market)
        else:
            self._open.discard(market)
            self._silent.discard(market)

    def _tick(self, tick: ClockTick) -> list[Fact]:
        """Say which books fell silent since the last second, in the order of the table."""
        now, limit = tick.at_ns, tick.at_ns - self.budgets.silence_ms * _MS
        confirmed, expiry = self._confirmed, self._expiry
        fallen: list[Fact] = []
        for market in sorted(self._live & self._open - self._silent):
            if confirmed.get(market, now) < limit and not 0 < expiry.get(market, 0) <= now:
                self._silent.add(market)
                fallen.append(self._spell(tick, market, "SILENT", now))
        return fallen
