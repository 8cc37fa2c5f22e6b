"""Write a schedule of orders for a recording of Binance, and let the paper venue fill it.

The schedule looks at the book at each half second and quotes one buy and one sell, at the touch or a few ticks behind
it, post-only, each cancelled after four seconds. Nothing in it depends on fills, so that any other venue can play it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from bots.book import Book, OpenBook
from bots.maths.instruments import define
from connectors.capture import open_capture
from contracts.market import (
    Fact,
    FeeModel,
    Kind,
    MarketDefinition,
    VenueBookDelta,
    VenueBookImage,
    VenueInstrumentRecord,
    VenueTrade,
)
from contracts.order import CANCEL, PLACE, PlannedOrder, VenueOrderEvent
from operators.levels import apply, load
from operators.normalise import Normaliser
from operators.order_book import OrderBooks
from operators.paper_venue import PaperVenue

EVERY_NS, LIFE_NS, WARM_NS = 500_000_000, 4_000_000_000, 2_000_000_000
ENTRY_NS = ANSWER_NS = 20_000_000
BEHIND = (0, 1, 2, 5, 10, 0, 3)
LOTS = (5, 20, 100)
LOT_MICROS = 1_000
MILLION = 1_000_000


class Act(NamedTuple):
    """One order to place, or to cancel."""

    at_ns: int
    cancel: bool
    number: int
    side: int
    price_ticks: int
    size_lots: int


@dataclass(slots=True)
class Outcome:
    """What became of one order: lots filled, the venue's last word, when, and every word with its detail."""

    act: Act
    filled: int = 0
    status: str = ""
    at_ns: int = 0
    words: list[str] = field(default_factory=list)


def facts_of(recording: Path, symbol: str, tick_micros: int) -> list[Fact]:
    """Read a recording into facts, books joined; 90,000 frames take about 2 s and 100 MB."""
    reader, books = Normaliser(), OrderBooks()
    reader.declare([record(symbol, tick_micros)])
    return [fact for frame in open_capture(recording) for fact in books.step(reader.step([frame]).facts)]


class Play:
    """One pass over a recording: the book, the schedule, the venue."""

    def __init__(self, facts: Sequence[Fact], symbol: str, only: int = 0) -> None:
        """Take what happened; with `only`, the venue hears of no other order than that one."""
        self.facts, self.symbol, self.only = facts, symbol, only
        self.book: Book = OpenBook()
        self.venue = PaperVenue(ENTRY_NS, ENTRY_NS, ANSWER_NS)
        self.acts: list[Act] = []
        self.outcomes: dict[int, Outcome] = {}
        self.definition: MarketDefinition | None = None
        self.first_ns = self.last_ns = 0
        self._prices, self._sizes = cycle(BEHIND), cycle(LOTS)
        self._ends: list[Act] = []

    def run(self) -> "Play":
        """Play the recording to its end."""
        due = 0
        for fact in self.facts:
            now = fact.at_ns
            if not self.first_ns:
                self.first_ns, due = now, now + WARM_NS
            while self.book.live and due <= now:
                self._mature(due)
                self._quote(due)
                due += EVERY_NS
            self._mature(now)
            self._take(fact)
            self.last_ns = now
        self._mature(self.last_ns + LIFE_NS)
        return self

    def plan(self) -> dict[str, object]:
        """Return the schedule for another venue: times in nanoseconds, prices and sizes as decimals."""
        tick = self.definition.tick_micros / MILLION if self.definition is not None else 0.0
        acts = [
            {
                "at_ns": act.at_ns,
                "cancel": act.cancel,
                "number": act.number,
                "side": act.side,
                "price": act.price_ticks * tick,
                "quantity": act.size_lots * LOT_MICROS / MILLION,
            }
            for act in self.acts
        ]
        return {
            "first_ns": self.first_ns,
            "end_ns": self.last_ns,
            "entry_ns": ENTRY_NS,
            "answer_ns": ANSWER_NS,
            "tick": tick,
            "lot": LOT_MICROS / MILLION,
            "acts": acts,
        }

    def _take(self, fact: Fact) -> None:
        """Move the book and tell the venue, as a desk does."""
        if isinstance(fact, VenueInstrumentRecord):
            self.definition = define(fact)
        elif isinstance(fact, VenueBookImage):
            load(self.book, fact)
            self.venue.on_image(0, self.book, fact.at_ns)
        elif isinstance(fact, VenueBookDelta) and self.book.live:
            apply(self.book, fact)
            levels = self.book.bids if fact.side > 0 else self.book.asks
            price = fact.price_ticks
            self.venue.on_delta(0, fact.side, price, 0, levels[price], self.book, fact.at_ns)
        elif isinstance(fact, VenueTrade) and self.book.live:
            self.venue.on_trade(0, fact, self.book, fact.at_ns)

    def _quote(self, now: int) -> None:
        """Cancel what has lived its time, then place one order on each side."""
        while self._ends and self._ends[0].at_ns <= now:
            self._send(self._ends.pop(0))
        behind, lots = next(self._prices), next(self._sizes)
        for side, best in ((1, self.book.bid), (-1, self.book.ask)):
            number = len(self.outcomes) + 1
            act = Act(now, False, number, side, best - side * behind, lots)
            self.outcomes[number] = Outcome(act)
            self._send(act)
            self._ends.append(act._replace(at_ns=now + LIFE_NS, cancel=True))

    def _send(self, act: Act) -> None:
        if self.definition is None:
            return
        self.acts.append(act)
        if self.only not in (0, act.number):
            return
        child = PlannedOrder(
            CANCEL if act.cancel else PLACE, "binance", self.symbol, act.side, "LIMIT", act.price_ticks, act.size_lots,
            "GTC", True, False, 0, 0, str(act.number), 0, 0, 0, 0, "compare",
        )  # fmt: skip
        self.venue.submit(0, child, self.definition, act.at_ns)

    def _mature(self, now: int) -> None:
        for _, at, event in self.venue.due(now, lambda _: self.book):
            self._hear(event, at)

    def _hear(self, event: VenueOrderEvent, at: int) -> None:
        known = self.outcomes[int(event.client_order_id)]
        known.words.append(f"{event.event} {event.detail}".strip())
        if event.event == "MATCH":
            known.filled += event.size_lots
        known.status, known.at_ns = event.event, at


def record(symbol: str, tick_micros: int) -> VenueInstrumentRecord:
    """Return what the recording leaves out: the instrument."""
    fee = FeeModel("linear_bps", 500, 200)
    return VenueInstrumentRecord(
        0, 0, 0, symbol, "binance", int(Kind.PERP), "", tick_micros, LOT_MICROS, 1, (), fee,
        funding_interval_h=8, settle_currency="USDT",
    )  # fmt: skip


def write_plan(play: Play, path: Path) -> None:
    """Write the schedule as JSON."""
    path.write_text(json.dumps(play.plan()), "utf-8")
