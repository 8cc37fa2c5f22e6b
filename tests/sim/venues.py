"""Play a few markets of three venues in the venues' own words, from a seed: life, halts, crosses, reconnects, results.

The wires, the books and their forces are those of the demonstration pack (scripts/fixtures_pack); what happens, and
when, is drawn here, so that every seed is another day. What goes wrong on the way to us is `weather.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from scripts.fixtures_pack.binance_stage import EXCHANGE_INFO, FRAME_MS, MARKET, PUBLIC, BinanceStage
from scripts.fixtures_pack.cast import Part, rules
from scripts.fixtures_pack.chance import Chance
from scripts.fixtures_pack.coin import CoinBook
from scripts.fixtures_pack.kalshi import KalshiWire
from scripts.fixtures_pack.ladder import ASK, BID, Change, Deal, Ladder, Mood, tapered, whole_cent
from scripts.fixtures_pack.polymarket import PolymarketWire
from scripts.fixtures_pack.recorder import LATENCY_MS, START_MS, Actor, Recorder
from scripts.fixtures_pack.stage import Stage, nudge

KALSHI, POLYMARKET, BINANCE = "kalshi", "clob_v2", "binance"  # dialects
END_NS = (START_MS // 1_000 + 40 * 86_400) * 1_000_000_000


class Heard(NamedTuple):
    """One message on its way to us: when it would arrive, in which dialect, on which connection, and what it is."""

    at_ms: int
    dialect: str
    conn: str
    kind: str
    data: bytes


@dataclass(slots=True)
class Ears(Recorder):
    """What a recorder would have heard, before anything went wrong."""

    heard: list[Heard] = field(default_factory=list)

    def take(self, kind: str, text: str) -> None:
        """Hear one frame."""
        self.heard.append(Heard(self.now_ms + LATENCY_MS, self.dialect, self.conn, kind, text.encode()))

    def event(self, name: str) -> None:
        """Hear what the recorder says of its connection."""
        text = f'{{"event":"{name}","conn":"{self.conn}"}}'
        self.heard.append(Heard(self.now_ms + LATENCY_MS, self.dialect, self.conn, "event", text.encode()))


def part(draw: Chance, venue: str, number: int) -> Part:
    """Invent a market: its words are clear, its manners are drawn."""
    path = draw.pick(((0, 500), (0, 380), (0, 640), (0, 90), (0, 915)))
    drift = draw.between(-90, 90)
    mood = Mood(
        (path, (60, min(max(path[1] + drift, 40), 960))),
        spread=draw.between(10, 26),
        noise=draw.between(120, 420),
        depth=draw.between(200, 900),
        levels=draw.between(5, 9),
        deals=draw.between(80, 300),
    )
    claim = f"the synthetic index {number} is above 100"
    words = rules(claim, "the bulletin of the Demo Office", "from 2026-12-01 00:00 UTC to 2026-12-31 23:59 UTC",
                  "2026-12-31 23:59 UTC", "If nothing is published the market resolves to No.")  # fmt: skip
    name = f"KXSIM{number}-26DEC31-T100" if venue == "kalshi" else f"sim-index-{number}"
    step = tapered if venue == "kalshi" and draw.happens(300) else whole_cent
    return Part(name, f"{name}-event", "KXSIM", f"Will index {number} be above 100 by 2026-12-31?", words, END_NS,
                draw.between(120, 320), step, mood, volume=draw.between(1, 9) * 10_000_000)  # fmt: skip


class Venue(ABC):
    """One venue on stage; a venue's own class says things in its words."""

    name, dialect = "kalshi", KALSHI
    beat_ms = 2_000

    def __init__(self, seed: int, count: int, end_ms: int) -> None:
        """Invent `count` markets, open their books, and draw the script until `end_ms`."""
        self.draw = Chance(seed, f"sim {self.name}")
        self.end_ms = end_ms
        self.parts = [part(self.draw, self.name, number) for number in range(count)]
        self.ears = Ears(self.name, self.dialect)
        self.ears.connect(f"{self.name}-1")
        actors = [each.actor() for each in self.parts]
        self.stage = Stage(self.ears, actors, [each.ladder(seed) for each in self.parts], self.draw)
        self.connections = 1
        for book in self.stage.ladders:
            book.open(0)

    def play(self) -> list[Heard]:
        """Play everything; return what there was to hear, in order."""
        self.stage.at(0, self.begin)
        for beat in range(self.beat_ms, self.end_ms, self.beat_ms):
            self.stage.at(0, self.beat, beat)
        heal = 0
        while (heal := heal + self.draw.between(5_000, 14_000)) < self.end_ms:
            self.stage.at(0, self.resync, heal)
        for per_thousand, act in self.menu():
            if self.draw.happens(per_thousand):
                self.stage.at(0, act, self.draw.between(self.end_ms // 8, self.end_ms * 7 // 8))
        self.stage.run(self.end_ms, self.live)
        return self.ears.heard

    def menu(self) -> list[tuple[int, Callable[[], None]]]:
        """Return what may happen once, and how often in a thousand days."""
        return [
            (400, lambda: self.meet(self.draw.below(2))),
            (400, self.one_sided),
            (500, self.quiet),
            (300, self.everything_quiet),
            (350, self.reconnect),
            (300, self.resolve),
        ]

    def some(self) -> int:
        """Draw a market that is open."""
        return self.draw.below(len(self.parts))

    # ---- what may happen -------------------------------------------------------------------------------------------

    def meet(self, beyond: int) -> None:
        """Let the best bid stand on the best ask, or one step above it, for 800 ms."""
        number = self.some()
        book = self.stage.ladders[number]
        price = book.best(ASK) + beyond * 10
        if not self.stage.actors[number].open or not 0 < price < 990:
            return
        self.stage.sleep(number, 850)
        self.say(number, book.set_level(BID, price, 5_000))
        self.stage.later(400, lambda: self.say(number, nudge(book, BID)) if book.bids else None)
        self.stage.later(800, lambda: self.say(number, book.set_level(BID, price, 0)))

    def one_sided(self) -> None:
        """Take every offer of a market away for some seconds."""
        number, seconds = self.some(), self.draw.between(1, 6)
        book = self.stage.ladders[number]
        if not self.stage.actors[number].open:
            return
        self.stage.sleep(number, seconds * 1_000 + 100)
        for change in book.clear_side(ASK):
            self.say(number, change)
        self.stage.later(seconds * 1_000, lambda: [self.say(number, each) for each in book.fill_side(ASK)] and None)

    def quiet(self) -> None:
        """Let nothing happen in one market for a while."""
        self.stage.sleep(self.some(), self.draw.between(700, 9_000))

    def everything_quiet(self) -> None:
        """Let nothing happen at the whole venue for a while."""
        millis = self.draw.between(700, 6_000)
        for number in range(len(self.parts)):
            self.stage.sleep(number, millis)

    @abstractmethod
    def say(self, number: int, change: Change) -> None:
        """Say one change of a book."""

    @abstractmethod
    def live(self, actor: Actor, book: Ladder, since_ms: int) -> None:
        """Let one thing happen in a market and say it."""

    @abstractmethod
    def begin(self) -> None:
        """Say what comes first on a connection."""

    @abstractmethod
    def resync(self) -> None:
        """Send images of every open market."""

    @abstractmethod
    def beat(self) -> None:
        """Repeat what the venue repeats."""

    @abstractmethod
    def reconnect(self) -> None:
        """Lose the connection and come back."""

    @abstractmethod
    def resolve(self) -> None:
        """End a market and say its result."""


class Kalshi(Venue):
    """Signed changes in one numbered subscription."""

    def __init__(self, seed: int, count: int, end_ms: int) -> None:
        """Open the venue."""
        super().__init__(seed, count, end_ms)
        self.wire = KalshiWire(self.ears, 1)

    def menu(self) -> list[tuple[int, Callable[[], None]]]:
        """Return what may happen here."""
        return [*super().menu(), (600, self.halt), (200, self.close_sooner)]

    def begin(self) -> None:
        """Acknowledge the subscriptions and send every book."""
        self.wire.subscribed()
        self.images()

    def images(self) -> None:
        """Send every book."""
        for actor, book in zip(self.stage.actors, self.stage.ladders, strict=True):
            self.wire.snapshot(actor, book)

    def resync(self) -> None:
        """Answer a request for images; the answer takes a number."""
        self.wire.answered([actor.name for actor in self.stage.actors])
        self.images()

    def live(self, actor: Actor, book: Ladder, since_ms: int) -> None:
        """Let one thing happen in a market and say it."""
        for event in book.act(self.ears.now_ms, since_ms):
            if isinstance(event, Deal):
                actor.last_mills, actor.last_size = event.price, event.size
                actor.volume += event.size
                self.wire.send("trade", self.wire.trade_frame(actor, event))
            else:
                self.wire.delta(actor, event)

    def beat(self) -> None:
        """Repeat the best quotes of each open market."""
        for actor, book in zip(self.stage.actors, self.stage.ladders, strict=True):
            if actor.open and self.ears.now_ms >= actor.asleep_ms:
                self.wire.send("ticker", self.wire.ticker_frame(actor, book))

    def say(self, number: int, change: Change) -> None:
        """Say one change of a book."""
        self.wire.delta(self.stage.actors[number], change)

    def reconnect(self) -> None:
        """Lose the connection; come back with new subscription numbers, sequences from one, and images."""
        self.ears.event("disconnected")
        millis = self.draw.between(500, 4_000)
        for number in range(len(self.parts)):
            self.stage.sleep(number, millis)
        self.stage.later(millis, self._back)

    def _back(self) -> None:
        self.connections += 1
        self.ears.connect(f"kalshi-{self.connections}")
        self.wire = KalshiWire(self.ears, 10 * self.connections + 1, trades=self.wire.trades)
        self.begin()

    def halt(self) -> None:
        """Pause a market; it comes back after some seconds, its book filled from nothing."""
        number, seconds = self.some(), self.draw.between(2, 9)
        actor, book = self.stage.actors[number], self.stage.ladders[number]
        if not actor.open:
            return
        self.stage.sleep(number, seconds * 1_000 + 100)
        self.wire.lifecycle(actor, "deactivated", is_deactivated=True)
        for change in book.clear_side(BID) + book.clear_side(ASK):
            self.say(number, change)
        self.stage.later(seconds * 1_000, lambda: self._reactivated(number))

    def _reactivated(self, number: int) -> None:
        actor, book = self.stage.actors[number], self.stage.ladders[number]
        if not actor.open:
            return
        self.wire.lifecycle(actor, "activated", is_deactivated=False)
        for change in book.fill_side(BID) + book.fill_side(ASK):
            self.say(number, change)

    def close_sooner(self) -> None:
        """Move the end of trading to some seconds from now."""
        actor = self.stage.actors[self.some()]
        ends = (START_MS + self.ears.now_ms) // 1_000 + self.draw.between(3, 20)
        self.wire.lifecycle(actor, "close_date_updated", close_ts=ends)

    def resolve(self) -> None:
        """Empty a market's book, say its result, and that it was paid."""
        number, result = self.some(), self.draw.pick(("yes", "no"))
        actor, book = self.stage.actors[number], self.stage.ladders[number]
        if not actor.open:
            return
        actor.open = False
        book.clear_side(BID)
        book.clear_side(ASK)
        self.wire.snapshot(actor, book)
        told = {"result": result, "settlement_value": "1.0000" if result == "yes" else "0.0000"}
        self.stage.later(1_000, lambda: self.wire.lifecycle(actor, "determined", **told))
        self.stage.later(3_000, lambda: self.wire.lifecycle(actor, "settled", **told))


class Polymarket(Venue):
    """Totals for both tokens, without numbers, with claimed best prices."""

    name, dialect = "polymarket", POLYMARKET
    beat_ms = 10_000

    def __init__(self, seed: int, count: int, end_ms: int) -> None:
        """Open the venue."""
        super().__init__(seed, count, end_ms)
        self.wire = PolymarketWire(self.ears)

    def begin(self) -> None:
        """Announce the markets with their metadata, then send every book."""
        for number, actor in enumerate(self.stage.actors):
            self.wire.new_market(actor, number)
        self.wire.send("rest", [self.wire.metadata(actor, n) for n, actor in enumerate(self.stage.actors)])
        self.resync()

    def resync(self) -> None:
        """Send the books of every open market in one array frame."""
        pairs = [pair for pair in zip(self.stage.actors, self.stage.ladders, strict=True) if pair[0].open]
        self.wire.send("array", [frame for actor, book in pairs for frame in self.wire.books(actor, book)])

    def live(self, actor: Actor, book: Ladder, since_ms: int) -> None:
        """Let one thing happen in a market and say it."""
        events = book.act(self.ears.now_ms, since_ms)
        if events:
            self.wire.quotes(actor, book)
        for event in events:
            if isinstance(event, Deal):
                self.wire.trade(actor, event, minted=self.draw.happens(250))
            else:
                self.wire.change(actor, book, event)

    def beat(self) -> None:
        """Answer the socket's ping."""
        self.ears.take("PONG", "PONG")

    def say(self, number: int, change: Change) -> None:
        """Say one change of a book."""
        self.wire.change(self.stage.actors[number], self.stage.ladders[number], change)

    def reconnect(self) -> None:
        """Lose the connection; come back with images."""
        self.ears.event("disconnected")
        millis = self.draw.between(500, 4_000)
        for number in range(len(self.parts)):
            self.stage.sleep(number, millis)
        self.stage.later(millis, self._back)

    def _back(self) -> None:
        self.connections += 1
        self.ears.connect(f"polymarket-{self.connections}")
        self.resync()

    def resolve(self) -> None:
        """Say the result of a market."""
        number, winner = self.some(), self.draw.pick(("Yes", "No"))
        actor = self.stage.actors[number]
        if actor.open:
            actor.open = False
            self.wire.resolved(actor, number, winner)


class Binance(BinanceStage):
    """One perpetual: a book by steps that joins its images, trades, mark and funding."""

    def __init__(self, seed: int, end_ms: int) -> None:
        """Open the book and draw when images are asked for."""
        super().__init__(seed)
        self.end_ms, self.ears = end_ms, Ears("binance", BINANCE)
        self.recorder = self.ears
        self.book = CoinBook(Chance(seed, "sim binance book"), depth=self.draw.between(20, 400), basis=3)

    def play(self) -> list[Heard]:
        """Play everything; return what there was to hear, in order."""
        self.book.open(0)
        self.ears.connect(PUBLIC)
        self.on("rest:exchangeInfo", "exchange_info", EXCHANGE_INFO, wrapped="")
        quiet_ms, image_ms, lost_ms = 0, 1_200, self.draw.between(5_000, 2 * self.end_ms)
        for now_ms in range(0, self.end_ms, FRAME_MS):
            self.ears.now_ms = now_ms
            if now_ms >= lost_ms:
                lost_ms = 2 * self.end_ms
                self.ears.conn = PUBLIC
                self.ears.event("disconnected")
                quiet_ms = now_ms + self.draw.between(500, 5_000)
            if now_ms < quiet_ms:
                continue
            if quiet_ms:
                quiet_ms, image_ms = 0, now_ms + 400
                self.ears.conn = PUBLIC
                self.ears.event("connected")
            if now_ms >= image_ms:
                image_ms = now_ms + self.draw.between(4_000, 15_000)
                self.image()
            self.live()
            if now_ms % 2_000 == 0:
                self.ears.conn = MARKET
                self.mark_price(now_ms)
        return self.ears.heard
