"""Play the Bitget part of the pack: BTCUSDT perpetual, totals proven by a checksum, and what goes wrong.

Source of the wire form: the venue's public channel, second version. The checksum is the CRC-32 of the first 25 levels,
bid and ask in turn, in the venue's own spelling, as a signed number.
"""

import json
from zlib import crc32

from scripts.fixtures_pack.chance import Chance
from scripts.fixtures_pack.coin import CoinBook, decimal, price_text
from scripts.fixtures_pack.ladder import ASK, BID, Change, Deal
from scripts.fixtures_pack.recorder import Recorder

SYMBOL = "BTCUSDT"
FRAME_MS = 500
FUNDING_MS = 900_000
CHECKED = 25
PLACES = 4


class BitgetStage:
    """The book, the venue's counters, and the script."""

    def __init__(self, seed: int) -> None:
        """Open the book; nothing is said yet."""
        self.recorder = Recorder("bitget", "bitget")
        self.recorder.head(seed)
        self.draw = Chance(seed, "bitget")
        self.book = CoinBook(Chance(seed, "bitget book"), depth=7_000, basis=-2)
        self.seq, self.trades = 900_000, 300_000
        self.silent_to = 0

    def run(self, until_ms: int) -> Recorder:
        """Play the whole script and return what was recorded."""
        self.book.open(0)
        self.recorder.connect("rest:contracts")
        self.recorder.take("rest", json.dumps(CONTRACTS, separators=(",", ":")))
        self.begin("bitget-1")
        script = {310: self.lose, 314: self.image, 520: self.unreadable, 700: self.fall_silent, 1_000: self.reconnect}
        for now_ms in self.recorder.moments(script, FRAME_MS, until_ms):
            if now_ms >= self.silent_to:
                self.live()
            if now_ms % 30_000 == 15_000:
                self.recorder.take("pong", "pong")
        return self.recorder

    # ---- ordinary life ---------------------------------------------------------------------------------------------

    def begin(self, conn: str) -> None:
        """Connect, subscribe, and send the whole book."""
        self.recorder.connect(conn)
        for channel in ("books", "trade", "ticker"):
            self.recorder.mark("bitget.subscribed", "acknowledgement of a subscription")
            answer = {"event": "subscribe", "arg": _arg(channel)}
            self.recorder.take("subscribe", json.dumps(answer, separators=(",", ":")))
        self.image()

    def live(self) -> None:
        """Let one moment pass and say it: trades, the changes of the book, the ticker."""
        happened = self.book.act(self.recorder.now_ms, FRAME_MS)
        for event in happened:
            if isinstance(event, Deal):
                self.trade(event)
        self.books("update", [event for event in happened if isinstance(event, Change)])
        if self.draw.happens(600):
            self.ticker()

    def send(self, channel: str, action: str, rows: list[dict[str, object]]) -> None:
        """Write a message of a channel down."""
        frame = {"action": action, "arg": _arg(channel), "data": rows, "ts": self.recorder.venue_ms + 2}
        self.recorder.take(f"{channel}_{action}", json.dumps(frame, separators=(",", ":")))

    def image(self) -> None:
        """Send the whole book."""
        self.recorder.mark("bitget.snapshot", "an image of the book")
        every = [Change(side, price, total, 0) for side in (BID, ASK) for price, total in
                 sorted(self.book.side(side).items(), reverse=side == BID)]  # fmt: skip
        self.books("snapshot", every)

    def books(self, action: str, changes: list[Change], lost: bool = False) -> None:
        """Send the newest total of every changed level and the checksum of the book after it."""
        totals = {(change.side, change.price): change.total for change in changes}
        levels = {side: [[price_text(price), size(total)] for (own, price), total in totals.items() if own == side]
                  for side in (BID, ASK)}  # fmt: skip
        self.seq += self.draw.between(1, 9)
        if lost:
            return
        row: dict[str, object] = {"asks": levels[ASK], "bids": levels[BID], "checksum": self.checksum(),
                                  "seq": self.seq, "ts": str(self.recorder.venue_ms)}  # fmt: skip
        self.send("books", action, [row])

    def checksum(self) -> int:
        """Return the venue's checksum of the book as it stands."""
        sides = [sorted(self.book.bids.items(), reverse=True)[:CHECKED], sorted(self.book.asks.items())[:CHECKED]]
        spelled = [f"{price_text(side[place][0])}:{size(side[place][1])}" for place in range(CHECKED) for side in sides
                   if place < len(side)]  # fmt: skip
        number = crc32(":".join(spelled).encode())
        return number - (1 << 32) if number >= 1 << 31 else number

    def trade(self, deal: Deal) -> None:
        """Send a trade."""
        self.trades += 1
        self.send("trade", "update", [{"ts": str(self.recorder.venue_ms), "price": price_text(deal.price),
                                       "size": size(deal.size), "side": "buy" if deal.taker == BID else "sell",
                                       "tradeId": str(self.trades)}])  # fmt: skip

    def ticker(self) -> None:
        """Send best quotes, mark, index and funding."""
        bid, ask, mark = self.book.best(BID), self.book.best(ASK), self.book.mid_tenths()
        paid = self.recorder.now_ms // FUNDING_MS + 1
        start = self.recorder.venue_ms - self.recorder.now_ms
        self.send("ticker", "snapshot", [{
            "instId": SYMBOL, "lastPr": price_text(bid), "bidPr": price_text(bid), "askPr": price_text(ask),
            "bidSz": size(self.book.bids[bid]), "askSz": size(self.book.asks[ask]), "open24h": "97650.0",
            "high24h": "98990.5", "low24h": "97011.2", "change24h": "0.0042", "fundingRate": decimal(80 + paid * 5, 6),
            "nextFundingTime": str(start + paid * FUNDING_MS), "markPrice": decimal(mark, 2),
            "indexPrice": decimal(mark - 150, 2), "holdingAmount": "71834.2214", "baseVolume": "52113.4411",
            "quoteVolume": "5108822011.12", "symbolType": "1", "symbol": SYMBOL, "deliveryPrice": "0",
            "ts": str(self.recorder.venue_ms)}])  # fmt: skip

    # ---- what goes wrong -------------------------------------------------------------------------------------------

    def lose(self) -> None:
        """Lose one change near the touch: the next checksum tells."""
        best = self.book.best(BID)
        self.books("update", [self.book.resize(BID, best, self.book.bids[best] + 11)], lost=True)
        self.recorder.mark("bitget.checksum_mismatch", "the change before this one was lost: the checksum differs")
        self.books("update", [self.book.nudge(ASK)])

    def fall_silent(self) -> None:
        """Say nothing for eight seconds; the socket still answers."""
        self.recorder.mark("bitget.stale_spell", "8 s without a message follow")
        self.books("update", [self.book.nudge(ASK)])
        self.silent_to = self.recorder.now_ms + 8_000

    def reconnect(self) -> None:
        """Lose the connection and begin a new one."""
        self.recorder.event("disconnected")
        self.begin("bitget-2")

    def unreadable(self) -> None:
        """Send what cannot be read."""
        at = str(self.recorder.venue_ms)
        below = {"ts": at, "price": "98000.1", "size": "-1", "side": "buy", "tradeId": "1"}
        for name, text in (
            ("negative", json.dumps({"action": "update", "arg": _arg("trade"), "data": [below]})),
            ("unknown_type", json.dumps({"action": "update", "arg": _arg("astrology"), "data": [{}]})),
            ("not_json", "<html>502 Bad Gateway</html>"),
        ):  # fmt: skip
            self.recorder.mark(f"bitget.{name}", "a dead letter")
            self.recorder.take("unreadable", text)


def size(lots: int) -> str:
    """Write a size with four decimals."""
    return decimal(lots, PLACES)


def _arg(channel: str) -> dict[str, str]:
    return {"instType": "USDT-FUTURES", "channel": channel, "instId": SYMBOL}


CONTRACTS = {
    "code": "00000", "msg": "success", "requestTime": 1_795_194_000_000,
    "data": [
        {
            "symbol": SYMBOL, "baseCoin": "BTC", "quoteCoin": "USDT", "makerFeeRate": "0.0002",
            "takerFeeRate": "0.0006", "feeRateUpRatio": "0.005",
            "supportMarginCoins": ["USDT"], "minTradeNum": "0.0001", "priceEndStep": "1",
            "volumePlace": "4", "pricePlace": "1", "sizeMultiplier": "0.0001", "symbolType": "perpetual",
            "minTradeUSDT": "5", "maxSymbolOrderNum": "200", "symbolStatus": "normal", "offTime": "-1",
            "fundInterval": "8", "minLever": "1", "maxLever": "125",
        }
    ],
}  # fmt: skip
