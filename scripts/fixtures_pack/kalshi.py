"""Say what happens in Kalshi's words: bids only, signed changes, one sequence per subscription.

Source: the venue's AsyncAPI; key order and spelling as in recorded frames.
"""

import json
from dataclasses import dataclass, field
from hashlib import sha256

from scripts.fixtures_pack.ladder import BID, WHOLE, Change, Deal, Ladder
from scripts.fixtures_pack.recorder import Actor, Recorder

CHANNELS = ("ticker", "orderbook_delta", "trade", "market_lifecycle_v2")


def dollars(mills: int) -> str:
    """Write a price with four decimals."""
    return f"{mills // 1_000}.{mills % 1_000:03d}0"


def count(hundredths: int) -> str:
    """Write a size or a signed change with two decimals."""
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"


def identity(name: str) -> str:
    """Derive a UUID from a name."""
    digits = sha256(name.encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


@dataclass(slots=True)
class KalshiWire:
    """One connection: its subscription numbers and their sequences."""

    recorder: Recorder
    first_sid: int
    seqs: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHANNELS, 0))
    trades: int = 0

    def sid(self, channel: str) -> int:
        """Return the number of a channel's subscription."""
        return self.first_sid + CHANNELS.index(channel)

    def seq(self, channel: str) -> int:
        """Take the next sequence number of a channel."""
        self.seqs[channel] += 1
        return self.seqs[channel]

    def send(self, kind: str, frame: dict[str, object]) -> str:
        """Write a frame down and return its text."""
        text = json.dumps(frame, separators=(",", ":"))
        self.recorder.take(kind, text)
        return text

    def subscribed(self) -> None:
        """Acknowledge one subscription per channel."""
        for number, channel in enumerate(CHANNELS, 1):
            self.send("subscribed", {"id": number, "type": "subscribed",
                                     "msg": {"channel": channel, "sid": self.sid(channel)}})  # fmt: skip

    def answered(self, tickers: list[str]) -> None:
        """Acknowledge a request for images; the answer takes a number of the book's sequence."""
        channel = "orderbook_delta"
        self.send("ok", {"id": 9, "sid": self.sid(channel), "seq": self.seq(channel), "type": "ok",
                         "msg": {"market_tickers": tickers}})  # fmt: skip

    def snapshot(self, actor: Actor, book: Ladder) -> None:
        """Send the full book; a side without levels has no key."""
        channel = "orderbook_delta"
        msg: dict[str, object] = {"market_ticker": actor.name, "market_id": identity(actor.name)}
        if book.bids:
            msg["yes_dollars_fp"] = [[dollars(price), count(size)] for price, size in sorted(book.bids.items())]
        if book.asks:
            shown = sorted((WHOLE - price, size) for price, size in book.asks.items())
            msg["no_dollars_fp"] = [[dollars(price), count(size)] for price, size in shown]
        self.send("orderbook_snapshot", {"type": "orderbook_snapshot", "sid": self.sid(channel),
                                         "seq": self.seq(channel), "msg": msg})  # fmt: skip

    def delta_frame(self, actor: Actor, change: Change, venue_ms: int) -> dict[str, object]:
        """Build a level's signed change; an ask is shown as the NO bid that it is."""
        channel = "orderbook_delta"
        price = change.price if change.side == BID else WHOLE - change.price
        msg = {"market_ticker": actor.name, "market_id": identity(actor.name), "price_dollars": dollars(price),
               "delta_fp": count(change.delta), "side": "yes" if change.side == BID else "no",
               "ts_ms": venue_ms}  # fmt: skip
        return {"type": "orderbook_delta", "sid": self.sid(channel), "seq": self.seq(channel), "msg": msg}

    def delta(self, actor: Actor, change: Change, venue_ms: int | None = None) -> str:
        """Send a level's signed change."""
        at_ms = self.recorder.venue_ms if venue_ms is None else venue_ms
        return self.send("orderbook_delta", self.delta_frame(actor, change, at_ms))

    def trade_frame(self, actor: Actor, deal: Deal) -> dict[str, object]:
        """Build a public trade."""
        self.trades += 1
        taker = "yes" if deal.taker == BID else "no"
        at_ms = self.recorder.venue_ms
        msg = {"trade_id": f"{self.first_sid:08x}-0000-4000-8000-{self.trades:012x}", "market_ticker": actor.name,
               "yes_price_dollars": dollars(deal.price), "no_price_dollars": dollars(WHOLE - deal.price),
               "count_fp": count(deal.size), "taker_side": taker, "taker_outcome_side": taker,
               "taker_book_side": "bid" if deal.taker == BID else "ask", "is_block_trade": False,
               "ts": at_ms // 1_000, "ts_ms": at_ms}  # fmt: skip
        return {"type": "trade", "sid": self.sid("trade"), "seq": self.seq("trade"), "msg": msg}

    def ticker_frame(self, actor: Actor, book: Ladder) -> dict[str, object]:
        """Build the best quotes and totals; this channel has no sequence."""
        bid, ask, at_ms = book.best(1), book.best(-1), self.recorder.venue_ms
        contracts = actor.volume // 100
        msg = {"market_id": identity(actor.name), "market_ticker": actor.name,
               "price_dollars": dollars(actor.last_mills), "yes_bid_dollars": dollars(bid),
               "yes_ask_dollars": dollars(ask), "yes_bid_size_fp": count(book.bids.get(bid, 0)),
               "yes_ask_size_fp": count(book.asks.get(ask, 0)), "last_trade_size_fp": count(actor.last_size),
               "volume_fp": count(actor.volume), "open_interest_fp": "250000.00", "dollar_volume": contracts // 2,
               "dollar_open_interest": 125000, "ts": at_ms // 1_000, "ts_ms": at_ms}  # fmt: skip
        return {"type": "ticker", "sid": self.sid("ticker"), "msg": msg}

    def lifecycle(self, actor: Actor, event: str, **fields: object) -> None:
        """Send a step of a market's life."""
        channel = "market_lifecycle_v2"
        msg = {"market_ticker": actor.name, "event_type": event, **fields}
        self.send(channel, {"type": channel, "sid": self.sid(channel), "seq": self.seq(channel), "msg": msg})
