"""Play the Kalshi half of the pack: six markets, one connection that breaks once, and what goes wrong on the way."""

import json

from scripts.fixtures_pack.cast import KALSHI
from scripts.fixtures_pack.chance import Chance
from scripts.fixtures_pack.kalshi import KalshiWire
from scripts.fixtures_pack.ladder import ASK, BID, Change, Deal, Ladder, tenth_cent
from scripts.fixtures_pack.recorder import START_MS, Actor, Recorder
from scripts.fixtures_pack.stage import Stage, nudge

T45, T50, RATE, COIN, BILL, GAME = range(6)


class KalshiStage:
    """The stage, its wire, and one method for each oddity."""

    def __init__(self, seed: int) -> None:
        """Open every book; nothing is said yet."""
        self.recorder = Recorder("kalshi", "kalshi")
        self.recorder.head(seed)
        self.recorder.connect("kalshi-1")
        self.wire = KalshiWire(self.recorder, 1)
        actors = [part.actor() for part in KALSHI]
        self.stage = Stage(self.recorder, actors, [part.ladder(seed) for part in KALSHI], Chance(seed, "kalshi"))
        for book in self.stage.ladders:
            book.open(0)

    def run(self, until_ms: int) -> Recorder:
        """Play the whole script and return what was recorded."""
        at = self.stage.at
        at(0, self.begin)
        for beat in range(2, until_ms // 1_000, 2):
            at(beat, self.tickers, 500)
        at(120, self.gap)
        at(200, self.duplicate)
        at(230, self.old_time)
        at(260, self.swapped)
        at(320, lambda: self.meet(T45, 1, "crossed"))
        at(380, lambda: self.meet(T50, 0, "locked"))
        at(420, self.one_sided)
        at(470, self.unreadable)
        at(480, self.unreadable_levels)
        at(600, self.silence)
        at(640, self.late)
        at(700, self.halt)
        at(760, self.reactivate)
        at(900, lambda: self.recorder.mark("kalshi.jump", "the price of one market runs up 13 cents within seconds"))
        at(1_000, self.drop)
        at(1_003, self.reconnect)
        at(1_100, self.finer_steps)
        at(1_290, self.close_sooner)
        at(1_340, self.last_seconds)
        at(1_350, self.close)
        at(1_356, self.determine)
        at(1_380, self.settle)
        self.stage.run(until_ms, self.live)
        return self.recorder

    # ---- ordinary life ---------------------------------------------------------------------------------------------

    def live(self, actor: Actor, book: Ladder, since_ms: int) -> None:
        """Let one thing happen in a market and say it."""
        for event in book.act(self.recorder.now_ms, since_ms):
            if isinstance(event, Deal):
                actor.last_mills, actor.last_size = event.price, event.size
                actor.volume += event.size
                self.wire.send("trade", self.wire.trade_frame(actor, event))
            else:
                self.wire.delta(actor, event)

    def tickers(self) -> None:
        """Repeat the best quotes of each market whose quotes or volume changed."""
        for actor, book in zip(self.stage.actors, self.stage.ladders, strict=True):
            state = (book.best(BID), book.best(ASK), actor.volume)
            if actor.open and self.recorder.now_ms >= actor.asleep_ms and state != actor.told:
                actor.told = state
                self.wire.send("ticker", self.wire.ticker_frame(actor, book))

    def begin(self) -> None:
        """Acknowledge the subscriptions and send every book."""
        self.recorder.mark("kalshi.subscribed", "acknowledgement of a subscription")
        self.wire.subscribed()
        self.recorder.mark("kalshi.snapshot", "first image of a book")
        self.images()

    def images(self) -> None:
        """Send every book."""
        for actor, book in zip(self.stage.actors, self.stage.ladders, strict=True):
            self.wire.snapshot(actor, book)

    def resync(self) -> None:
        """Answer a request for images of everything on the subscription."""
        self.recorder.mark("kalshi.get_snapshot", "the answer takes a sequence number; the images follow", 1)
        self.wire.answered([actor.name for actor in self.stage.actors])
        self.images()

    # ---- what goes wrong -------------------------------------------------------------------------------------------

    def gap(self) -> None:
        """Lose one frame: its number is taken and never seen."""
        lost, seen = self.stage.actors[T50], self.stage.actors[T45]
        self.wire.delta_frame(lost, nudge(self.stage.ladders[T50], BID), self.recorder.venue_ms)
        self.recorder.mark("kalshi.sequence_gap", "one number before this one was never received")
        self.wire.delta(seen, nudge(self.stage.ladders[T45], BID))
        self.stage.later(900, self.resync)

    def duplicate(self) -> None:
        """Receive one frame twice."""
        text = self.wire.delta(self.stage.actors[T45], nudge(self.stage.ladders[T45], ASK))
        self.recorder.mark("kalshi.duplicate", "the frame before, again, with its old number")
        self.recorder.take("orderbook_delta", text)

    def old_time(self) -> None:
        """Receive a frame in sequence whose venue time runs backwards."""
        self.recorder.mark("kalshi.time_backwards", "in sequence, but 1,500 ms older than the frame before")
        self.wire.delta(self.stage.actors[T45], nudge(self.stage.ladders[T45], BID), self.recorder.venue_ms - 1_500)

    def swapped(self) -> None:
        """Receive two frames in the wrong order."""
        actor, book, at_ms = self.stage.actors[T50], self.stage.ladders[T50], self.recorder.venue_ms
        first = self.wire.delta_frame(actor, nudge(book, BID), at_ms)
        second = self.wire.delta_frame(actor, nudge(book, ASK), at_ms)
        self.recorder.mark("kalshi.swapped", "this number came before its predecessor")
        self.wire.send("orderbook_delta", second)
        self.wire.send("orderbook_delta", first)
        self.stage.later(900, self.resync)

    def meet(self, number: int, beyond: int, name: str) -> None:
        """Let the best bid stand on the best ask, or one step above it, for 800 ms."""
        actor, book = self.stage.actors[number], self.stage.ladders[number]
        price = book.best(ASK) + beyond * 10
        self.stage.sleep(number, 850)
        self.recorder.mark(f"kalshi.{name}", f"best bid and best ask are {name} for 800 ms")
        self.wire.delta(actor, book.set_level(BID, price, 5_000))
        for wait in (250, 500):
            self.stage.later(wait, lambda: self._say(number, nudge(book, BID)))
        self.stage.later(800, lambda: self._say(number, book.set_level(BID, price, 0)))

    def one_sided(self) -> None:
        """Take every offer away for 5 s."""
        book = self.stage.ladders[BILL]
        self.stage.sleep(BILL, 5_100)
        self.recorder.mark("kalshi.one_sided", "the offers of one market leave, one after the other, for 5 s")
        self._say_all(BILL, book.clear_side(ASK))
        for second in range(1, 5):
            self.stage.later(second * 1_000, lambda: self._say(BILL, nudge(book, BID)))
        self.stage.later(5_000, lambda: self._say_all(BILL, book.fill_side(ASK)))

    def unreadable(self) -> None:
        """Receive frames that cannot be read and that no book's sequence counts."""
        actor, book, take = self.stage.actors[T45], self.stage.ladders[T45], self.recorder.take
        ticker = json.dumps(self.wire.ticker_frame(actor, book), separators=(",", ":"))
        self.recorder.mark("kalshi.torn", "a frame cut in the middle")
        take("unreadable", ticker[: len(ticker) * 2 // 3])
        self.recorder.mark("kalshi.unknown_type", "a message type that nobody knows")
        take("unreadable", '{"type":"orderbook_teapot","sid":1,"msg":{"market_ticker":"' + actor.name + '"}}')
        self.recorder.mark("kalshi.not_json", "plain words")
        take("unreadable", "service restarting")
        frame = self.wire.trade_frame(actor, Deal(book.best(ASK), 500, BID))
        self.recorder.mark("kalshi.nan", "a size that is not a number")
        take("unreadable", json.dumps(frame, separators=(",", ":")).replace('"count_fp":"5.00"', '"count_fp":"NaN"'))

    def unreadable_levels(self) -> None:
        """Receive levels that cannot stand in the book; each took a number, so images follow."""
        actor, book = self.stage.actors[T45], self.stage.ladders[T45]
        for name, price, note in (
            ("kalshi.off_grid", "0.52503", "a price finer than any tick of the venue"),
            ("kalshi.off_band", "0.4250", "a half cent in a market priced in whole cents"),
            ("kalshi.negative", "-0.0100", "a price below zero"),
            ("kalshi.above_one", "1.2000", "a price above one"),
        ):
            frame = self.wire.delta_frame(actor, Change(BID, book.best(BID), 0, 500), self.recorder.venue_ms)
            text = json.dumps(frame, separators=(",", ":"))
            self.recorder.mark(name, note)
            known = f'"price_dollars":"0.{book.best(BID):03d}0"'
            self.recorder.take("unreadable", text.replace(known, f'"price_dollars":"{price}"'))
        self.stage.later(900, self.resync)

    def silence(self) -> None:
        """Say nothing of one open market for 8 s while the others go on."""
        self.recorder.mark("kalshi.stale_spell", f"{self.stage.actors[T50].name} is silent for 8 s from here")
        self.stage.sleep(T50, 8_000)

    def late(self) -> None:
        """Hold everything back for 1.9 s and deliver it at once."""
        self.recorder.mark("kalshi.late_burst", "what the venue sent in 1.9 s arrives at one moment")
        self.recorder.held_ms = self.recorder.now_ms + 1_940

    def halt(self) -> None:
        """Pause a market: its book empties."""
        actor, book = self.stage.actors[BILL], self.stage.ladders[BILL]
        self.stage.sleep(BILL, 60_000)
        self.recorder.mark("kalshi.halt", "the venue pauses a market")
        self.wire.lifecycle(actor, "deactivated", is_deactivated=True)
        self._say_all(BILL, book.clear_side(BID) + book.clear_side(ASK))

    def reactivate(self) -> None:
        """End the pause: the book fills again from nothing."""
        book = self.stage.ladders[BILL]
        self.recorder.mark("kalshi.reactivated", "the pause ends; resting orders are gone")
        self.wire.lifecycle(self.stage.actors[BILL], "activated", is_deactivated=False)
        self._say_all(BILL, book.fill_side(BID) + book.fill_side(ASK))

    def drop(self) -> None:
        """Lose the connection."""
        self.recorder.event("disconnected")
        for number in range(len(self.stage.actors)):
            self.stage.sleep(number, 3_000)

    def reconnect(self) -> None:
        """Come back: new subscription numbers, sequences from one, images first."""
        self.recorder.mark("kalshi.reconnect", "new connection, new subscription numbers, sequences from 1")
        self.recorder.connect("kalshi-2")
        self.wire = KalshiWire(self.recorder, 11)
        self.wire.subscribed()
        self.images()

    def finer_steps(self) -> None:
        """Change the price steps of a market."""
        self.recorder.mark("kalshi.price_steps", "tenths of a cent over the whole range")
        self.wire.lifecycle(self.stage.actors[RATE], "price_level_structure_updated", price_level_structure="deci_cent",
                            price_ranges=[{"start": "0.0000", "end": "1.0000", "step": "0.0010"}])  # fmt: skip
        self.stage.ladders[RATE].step = tenth_cent

    def close_sooner(self) -> None:
        """Bring the end of trading forward by weeks: the claim has come true."""
        self.recorder.mark("kalshi.close_date", "the end of trading moves to one minute from now")
        self.wire.lifecycle(self.stage.actors[GAME], "close_date_updated", close_ts=START_MS // 1_000 + 1_350)

    def last_seconds(self) -> None:
        """Leave only bids before the close."""
        self.stage.sleep(GAME, 20_000)
        self._say_all(GAME, self.stage.ladders[GAME].clear_side(ASK))
        for second in range(1, 10):
            self.stage.later(second * 1_000, lambda: self._say(GAME, nudge(self.stage.ladders[GAME], BID)))

    def close(self) -> None:
        """Send the empty book that stands at the end of a market; both keys are absent."""
        actor, book = self.stage.actors[GAME], self.stage.ladders[GAME]
        actor.open = False
        book.clear_side(BID)
        self.recorder.mark("kalshi.empty_book", "an image without sides: the market is closed")
        self.wire.snapshot(actor, book)

    def determine(self) -> None:
        """Say the result."""
        self.recorder.mark("kalshi.determined", "the result is yes")
        self.wire.lifecycle(self.stage.actors[GAME], "determined", determination_ts=START_MS // 1_000 + 1_356,
                            result="yes", settlement_value="1.0000")  # fmt: skip

    def settle(self) -> None:
        """Say that it was paid."""
        self.recorder.mark("kalshi.settled", "the result is paid")
        self.wire.lifecycle(self.stage.actors[GAME], "settled", settled_ts=START_MS // 1_000 + 1_380,
                            result="yes", settlement_value="1.0000")  # fmt: skip

    def _say(self, number: int, change: Change) -> None:
        self.wire.delta(self.stage.actors[number], change)

    def _say_all(self, number: int, changes: list[Change]) -> None:
        for change in changes:
            self._say(number, change)
