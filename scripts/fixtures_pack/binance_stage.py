"""Play the Binance part of the pack: BTCUSDT perpetual, books by steps joined to a late image, and what goes wrong.

Source of the wire form: the venue's USD-margined futures streams, in the combined-stream wrapping that recorders keep.
The answers to requests (instruments, images of the book) stand inside the recording, as a recorder has them.
"""

import json

from scripts.fixtures_pack.chance import Chance
from scripts.fixtures_pack.coin import CoinBook, decimal, price_text
from scripts.fixtures_pack.ladder import ASK, BID, Change, Deal
from scripts.fixtures_pack.recorder import Recorder

SYMBOL = "BTCUSDT"
FRAME_MS = 400
FUNDING_MS = 900_000
PUBLIC, MARKET, REST = "public", "market", f"depth:{SYMBOL}"


class BinanceStage:
    """The book, the venue's counters, and the script."""

    def __init__(self, seed: int) -> None:
        """Open the book; nothing is said yet."""
        self.recorder = Recorder("binance", "binance")
        self.recorder.head(seed)
        self.draw = Chance(seed, "binance")
        self.book = CoinBook(Chance(seed, "binance book"), depth=900, basis=3)
        self.update = self.sent = 7_000_000
        self.trades = 500_000

    def run(self, until_ms: int) -> Recorder:
        """Play the whole script and return what was recorded."""
        self.book.open(0)
        self.recorder.connect(PUBLIC)
        self.on("rest:exchangeInfo", "exchange_info", EXCHANGE_INFO, wrapped="")
        script = {2: self.image, 240: self.lose, 242: self.image, 420: self.duplicate, 600: self.unreadable}
        for now_ms in self.recorder.moments(script, FRAME_MS, until_ms):
            self.live()
            if now_ms % 2_000 == 0:
                self.mark_price(now_ms)
        return self.recorder

    # ---- ordinary life ---------------------------------------------------------------------------------------------

    def live(self) -> None:
        """Let one moment pass and say it: trades, the changes of the book in one frame, the best quotes."""
        happened = self.book.act(self.recorder.now_ms, FRAME_MS)
        for event in happened:
            if isinstance(event, Deal):
                self.trade(event)
        changes = [event for event in happened if isinstance(event, Change)]
        self.depth(changes)
        if self.draw.happens(500):
            self.quotes()

    def on(self, conn: str, kind: str, message: object, wrapped: str) -> None:
        """Write a message down as heard on a connection; `wrapped` names its stream."""
        self.recorder.conn = conn
        body = {"stream": wrapped, "data": message} if wrapped else message
        self.recorder.take(kind, json.dumps(body, separators=(",", ":")))

    def depth(self, changes: list[Change], lost: bool = False) -> None:
        """Send the newest total of every changed level; a lost frame uses up its numbers all the same."""
        first, before = self.update + 1, self.update
        self.update += len(changes) + self.draw.between(1, 40)
        totals = {(change.side, change.price): change.total for change in changes}
        levels = {side: [[price_text(price), decimal(total, 3)] for (own, price), total in totals.items()
                         if own == side] for side in (BID, ASK)}  # fmt: skip
        if lost:
            return
        at = self.recorder.venue_ms
        frame = {"e": "depthUpdate", "E": at + 1, "T": at, "s": SYMBOL, "U": first, "u": self.update, "pu": before,
                 "b": levels[BID], "a": levels[ASK]}  # fmt: skip
        self.on(PUBLIC, "depthUpdate", frame, "btcusdt@depth@100ms")

    def quotes(self) -> None:
        """Send the best quotes."""
        at, bid, ask = self.recorder.venue_ms, self.book.best(BID), self.book.best(ASK)
        frame = {"e": "bookTicker", "u": self.update, "s": SYMBOL, "b": price_text(bid),
                 "B": decimal(self.book.bids[bid], 3), "a": price_text(ask), "A": decimal(self.book.asks[ask], 3),
                 "T": at, "E": at + 1}  # fmt: skip
        self.on(PUBLIC, "bookTicker", frame, "btcusdt@bookTicker")

    def trade(self, deal: Deal) -> None:
        """Send a trade, as the venue joins those of one taker at one price."""
        self.trades += 1
        at = self.recorder.venue_ms
        frame = {"e": "aggTrade", "E": at + 1, "a": self.trades, "s": SYMBOL, "p": price_text(deal.price),
                 "q": decimal(deal.size, 3), "f": self.trades, "l": self.trades, "T": at,
                 "m": deal.taker == ASK}  # fmt: skip
        self.on(MARKET, "aggTrade", frame, "btcusdt@aggTrade")

    def mark_price(self, now_ms: int) -> None:
        """Send mark, index, and the funding that is paid next."""
        paid = now_ms // FUNDING_MS + 1
        mark, index = self.book.mid_tenths(), self.book.mid_tenths() - 120
        frame = {"e": "markPriceUpdate", "E": self.recorder.venue_ms, "s": SYMBOL, "p": decimal(mark, 2),
                 "i": decimal(index, 2), "P": decimal(index, 2), "r": decimal(10_000 + paid * 500, 8),
                 "T": self.recorder.venue_ms - now_ms + paid * FUNDING_MS}  # fmt: skip
        self.on(MARKET, "markPriceUpdate", frame, "btcusdt@markPrice")

    def image(self) -> None:
        """Take down the answer to a request for the book; it holds less than the stream has said since."""
        levels = {side: [[price_text(price), decimal(total, 3)] for price, total in
                         sorted(self.book.side(side).items(), reverse=side == BID)] for side in (BID, ASK)}  # fmt: skip
        at = self.recorder.venue_ms
        answer = {"lastUpdateId": self.update, "E": at, "T": at, "bids": levels[BID], "asks": levels[ASK]}
        for _ in range(3):
            self.live()
        self.recorder.mark("binance.snapshot", "an image of the book that joins the changes which run already")
        self.on(REST, "snapshot", answer, wrapped="")

    # ---- what goes wrong -------------------------------------------------------------------------------------------

    def lose(self) -> None:
        """Lose one frame: the next one does not follow."""
        changes = [event for event in self.book.act(self.recorder.now_ms, FRAME_MS) if isinstance(event, Change)]
        self.depth(changes, lost=True)
        self.recorder.mark("binance.sequence_gap", "the frame before this one was lost: pu does not follow")
        self.depth([self.book.nudge(BID)])

    def duplicate(self) -> None:
        """Send one frame twice."""
        self.depth([self.book.nudge(ASK)])
        self.recorder.mark("binance.duplicate", "the frame before came twice")
        self.recorder.lines.append(self.recorder.lines[-1])
        self.recorder.kinds["depthUpdate"] += 1

    def unreadable(self) -> None:
        """Send what cannot be read."""
        at = self.recorder.venue_ms
        for name, text in (
            ("nan", f'{{"e":"bookTicker","u":1,"s":"{SYMBOL}","b":"NaN","B":"1","a":"1.0","A":"1","T":{at},"E":{at}}}'),
            ("off_grid", f'{{"e":"aggTrade","E":{at},"a":1,"s":"{SYMBOL}","p":"98000.001","q":"1","T":{at},"m":true}}'),
            ("unknown_type", f'{{"e":"moonPhase","E":{at},"s":"{SYMBOL}"}}'),
            ("torn", '{"e":"aggTrade","E":17951'),
        ):
            self.recorder.mark(f"binance.{name}", "a dead letter")
            self.recorder.conn = MARKET
            self.recorder.take("unreadable", text)


EXCHANGE_INFO = {
    "timezone": "UTC",
    "symbols": [
        {
            "symbol": SYMBOL, "pair": SYMBOL, "contractType": "PERPETUAL", "deliveryDate": 4_133_404_800_000,
            "onboardDate": 1_569_398_400_000, "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
            "marginAsset": "USDT", "pricePrecision": 2, "quantityPrecision": 3,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "261.10", "maxPrice": "809484", "tickSize": "0.10"},
                {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
                {"filterType": "MIN_NOTIONAL", "notional": "50"},
            ],
        }
    ],
}  # fmt: skip
