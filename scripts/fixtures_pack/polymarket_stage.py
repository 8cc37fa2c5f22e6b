"""Play the Polymarket half of the pack: four markets with both tokens, and what goes wrong on the way."""

import json

from scripts.fixtures_pack.cast import POLYMARKET
from scripts.fixtures_pack.chance import Chance
from scripts.fixtures_pack.ladder import ASK, BID, Change, Deal, Ladder, tenth_cent
from scripts.fixtures_pack.polymarket import PolymarketWire, price_text
from scripts.fixtures_pack.recorder import Actor, Recorder
from scripts.fixtures_pack.stage import Stage, nudge

INFLATION, LAUNCH, SUMMIT, HOSTILE = range(4)


class PolymarketStage:
    """The stage, its wire, and one method for each oddity."""

    def __init__(self, seed: int) -> None:
        """Open every book; nothing is said yet."""
        self.recorder = Recorder("polymarket", "clob_v2")
        self.recorder.head(seed)
        self.recorder.connect("polymarket-1")
        self.wire = PolymarketWire(self.recorder)
        actors = [part.actor() for part in POLYMARKET]
        ladders = [part.ladder(seed) for part in POLYMARKET]
        self.stage = Stage(self.recorder, actors, ladders, Chance(seed, "polymarket"))
        for book in ladders:
            book.open(0)

    def run(self, until_ms: int) -> Recorder:
        """Play the whole script and return what was recorded."""
        at = self.stage.at
        at(0, self.announce)
        at(0, self.describe, 400)
        at(0, self.begin, 700)
        for beat in range(10, until_ms // 1_000, 10):
            at(beat, lambda: self.recorder.take("PONG", "PONG"), 700)
        at(150, self.missed)
        at(210, self.duplicate)
        at(240, self.old_time)
        at(300, lambda: self.meet(1, "crossed"))
        at(340, lambda: self.meet(0, "locked"))
        at(390, self.one_sided)
        at(430, lambda: self.old_generation(False))
        at(433, lambda: self.old_generation(True))
        at(450, self.unreadable)
        at(500, self.no_leading_zero)
        at(560, self.array)
        at(780, self.finer_tick)
        at(1_050, self.reconnect)
        at(1_150, self.clock_back)
        at(1_330, self.resolve)
        self.stage.run(until_ms, self.live)
        return self.recorder

    # ---- ordinary life ---------------------------------------------------------------------------------------------

    def live(self, actor: Actor, book: Ladder, since_ms: int) -> None:
        """Let one thing happen in a market and say it."""
        events = book.act(self.recorder.now_ms, since_ms)
        if not events:
            return
        self.wire.quotes(actor, book)
        for event in events:
            if isinstance(event, Deal):
                self.wire.trade(actor, event, minted=self.stage.draw.happens(250))
            else:
                self.wire.change(actor, book, event)
        if isinstance(events[0], Deal) and self.stage.draw.happens(60):
            self.wire.send_books(actor, book)

    def announce(self) -> None:
        """Announce the markets."""
        for number, actor in enumerate(self.stage.actors):
            name = "polymarket.hostile_title" if number == HOSTILE else "polymarket.new_market"
            if number in (INFLATION, HOSTILE):
                self.recorder.mark(name, "a market is announced with its rules")
            self.wire.new_market(actor, number)
            self.stage.sleep(number, 750)

    def describe(self) -> None:
        """Take down the REST answer that the recorder asked for: the ends of trading."""
        self.recorder.mark("polymarket.rest_answer", "a REST answer inside the recording: metadata of every market")
        self.wire.send("rest", [self.wire.metadata(actor, n) for n, actor in enumerate(self.stage.actors)])

    def begin(self) -> None:
        """Send every book in one array."""
        self.recorder.mark("polymarket.initial_dump", "an array frame: every book at once")
        self.images()

    def images(self) -> None:
        """Send the books of every open market in one array frame."""
        pairs = [pair for pair in zip(self.stage.actors, self.stage.ladders, strict=True) if pair[0].open]
        self.wire.send("array", [frame for actor, book in pairs for frame in self.wire.books(actor, book)])

    # ---- what goes wrong -------------------------------------------------------------------------------------------

    def missed(self) -> None:
        """Lose the frame of a new best bid: the claims of the next one fit no longer; full books follow."""
        actor, book = self.stage.actors[INFLATION], self.stage.ladders[INFLATION]
        book.set_level(BID, book.best(BID), 0)
        actor.told = (book.best(BID), book.best(ASK))
        change = nudge(book, ASK)
        self.recorder.mark("polymarket.mismatch", "the claimed best bid is not the one that the frames so far give")
        self.wire.change(actor, book, change)
        self.stage.later(1_200, lambda: self._books(INFLATION, "polymarket.new_book"))

    def duplicate(self) -> None:
        """Receive one frame twice."""
        text = self.wire.change(self.stage.actors[INFLATION], self.stage.ladders[INFLATION],
                                nudge(self.stage.ladders[INFLATION], ASK))  # fmt: skip
        self.recorder.mark("polymarket.duplicate", "the frame before, again")
        self.recorder.take("price_change", text)

    def old_time(self) -> None:
        """Receive an overtaken frame late: its level is long gone and must not be believed."""
        actor, book = self.stage.actors[INFLATION], self.stage.ladders[INFLATION]
        worst = min(book.bids)
        frame = self.wire.change_frame(actor, book, Change(BID, worst, 99_900, 0), self.recorder.venue_ms - 2_500)
        self.recorder.mark("polymarket.time_backwards", "2,500 ms older than what was applied: to be ignored")
        self.wire.send("price_change", frame)

    def meet(self, beyond: int, name: str) -> None:
        """Let the best bid stand on the best ask, or one step above it, for 800 ms; full books follow."""
        actor, book = self.stage.actors[SUMMIT], self.stage.ladders[SUMMIT]
        price = book.best(ASK) + beyond * 10
        self.stage.sleep(SUMMIT, 850)
        change = book.set_level(BID, price, 5_000)
        self.recorder.mark(f"polymarket.{name}", f"best bid and best ask are {name} for 800 ms")
        self.wire.change(actor, book, change)
        for wait in (250, 500):
            self.stage.later(wait, lambda: self._say(SUMMIT, nudge(book, BID)))
        self.stage.later(800, lambda: self._say(SUMMIT, book.set_level(BID, price, 0)))
        self.stage.later(810, lambda: self.wire.send_books(actor, book))

    def one_sided(self) -> None:
        """Take every offer away for 4 s: the venue claims a best ask of 1."""
        book = self.stage.ladders[HOSTILE]
        self.stage.sleep(HOSTILE, 4_100)
        self.recorder.mark("polymarket.one_sided", "the offers of one market leave, one after the other, for 4 s")
        while book.asks:
            self._say(HOSTILE, book.set_level(ASK, book.best(ASK), 0))
        for second in range(1, 4):
            self.stage.later(second * 1_000, lambda: self._say(HOSTILE, nudge(book, BID)))
        self.stage.later(4_000, self._refill)

    def old_generation(self, listed: bool) -> None:
        """Receive changes in the form of earlier years."""
        name = "polymarket.old_changes" if listed else "polymarket.old_flat"
        self.recorder.mark(name, "price_change of the older generation: one asset, no claims")
        self.wire.old_change(self.stage.actors[HOSTILE], nudge(self.stage.ladders[HOSTILE], BID), listed)

    def unreadable(self) -> None:
        """Receive frames that cannot be read."""
        actor, book, take = self.stage.actors[INFLATION], self.stage.ladders[INFLATION], self.recorder.take
        frame = self.wire.change_frame(actor, book, Change(BID, book.best(BID), 12_300, 0))
        text = json.dumps(frame, separators=(", ", ":"))
        price = f'"price":"{price_text(book.best(BID))}"'
        self.recorder.mark("polymarket.torn", "a frame cut in the middle")
        take("unreadable", text[: len(text) // 2])
        self.recorder.mark("polymarket.unknown_type", "a message type that nobody knows")
        take("unreadable", text.replace('"event_type":"price_change"', '"event_type":"price_teapot"'))
        for name, old, new, note in (
            ("off_grid", price, '"price":"0.42503"', "a price finer than the tick"),
            ("negative", '"size":"123"', '"size":"-5"', "a size below zero"),
            ("nan", '"size":"123"', '"size":"NaN"', "a size that is not a number"),
        ):
            self.recorder.mark(f"polymarket.{name}", note)
            take("unreadable", text.replace(old, new))
        self.recorder.mark("polymarket.not_an_object", "JSON, but no message")
        take("unreadable", '"hello"')
        self.stage.later(1_100, lambda: self.wire.send_books(actor, book))

    def no_leading_zero(self) -> None:
        """Receive prices without their zero."""
        actor, book = self.stage.actors[INFLATION], self.stage.ladders[INFLATION]
        frame = self.wire.change_frame(actor, book, nudge(book, BID))
        self.recorder.mark("polymarket.no_leading_zero", "prices such as .48")
        self.recorder.take("price_change", json.dumps(frame, separators=(", ", ":")).replace(':"0.', ':".'))

    def array(self) -> None:
        """Receive several messages in one frame."""
        frames = []
        for number in (INFLATION, SUMMIT):
            book = self.stage.ladders[number]
            frames.append(self.wire.change_frame(self.stage.actors[number], book, nudge(book, BID)))
        self.recorder.mark("polymarket.array", "two messages in one array frame")
        self.wire.send("array", frames)

    def finer_tick(self) -> None:
        """Change the price step from a cent to a tenth, as the venue does above 0.96."""
        self.recorder.mark("polymarket.tick_size", "the step becomes 0.001 for both tokens")
        self.wire.tick_size(self.stage.actors[LAUNCH], "0.01", "0.001")
        self.stage.ladders[LAUNCH].step = tenth_cent
        self.stage.ladders[LAUNCH].mood.spread = 5
        self.wire.send_books(self.stage.actors[LAUNCH], self.stage.ladders[LAUNCH])

    def reconnect(self) -> None:
        """Come back on a new connection with every book."""
        self.recorder.event("disconnected")
        self.recorder.mark("polymarket.reconnect", "new connection: every book again, in one array")
        self.recorder.connect("polymarket-2")
        self.images()

    def clock_back(self) -> None:
        """Set the recorder's clock back by 40 ms."""
        self._say(INFLATION, nudge(self.stage.ladders[INFLATION], BID))
        self.recorder.mark("polymarket.clock_back", "the arrival clock runs 40 ms backwards here")
        self.recorder.slip_ms = 40
        self._say(INFLATION, nudge(self.stage.ladders[INFLATION], BID))

    def resolve(self) -> None:
        """Say the result: No."""
        actor = self.stage.actors[SUMMIT]
        actor.open = False
        self.recorder.mark("polymarket.resolved", "the winner is No")
        self.wire.resolved(actor, SUMMIT, "No")

    def _say(self, number: int, change: Change) -> None:
        self.wire.change(self.stage.actors[number], self.stage.ladders[number], change)

    def _books(self, number: int, name: str) -> None:
        self.recorder.mark(name, "full books of both tokens replace what was believed")
        self.wire.send_books(self.stage.actors[number], self.stage.ladders[number])

    def _refill(self) -> None:
        book = self.stage.ladders[HOSTILE]
        book.fill_side(ASK)
        self.wire.send_books(self.stage.actors[HOSTILE], book)
