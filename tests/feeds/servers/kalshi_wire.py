"""Word Kalshi's messages: fixed-point strings, books of bids on both sides, errors with their numbers."""

import uuid
from dataclasses import dataclass, field

from tests.feeds.servers.books import ASK, BID, Book, Change, Level, Print, Sides
from tests.feeds.servers.client import Frame

# Prices in units of 0.0001 dollars, sizes in lots of 0.01 contracts.
ONE = 10_000
LINEAR = tuple(range(100, ONE, 100))
TAPERED = tuple(sorted({*range(10, 1_000, 10), *range(1_000, 9_000, 100), *range(9_000, ONE, 10)}))
BANDS = {
    "linear_cent": [("0.0000", "1.0000", "0.0100")],
    "tapered_deci_cent": [
        ("0.0000", "0.1000", "0.0010"),
        ("0.1000", "0.9000", "0.0100"),
        ("0.9000", "1.0000", "0.0010"),
    ],
}
_ERRORS = {
    1: "Unable to process message", 2: "Params required", 3: "Channels required", 4: "Subscription IDs required",
    5: "Unknown command", 7: "Unknown subscription ID", 8: "Unknown channel name", 10: "Channel error",
    11: "Invalid parameter", 12: "Exactly one subscription ID is required", 13: "Unsupported action",
    14: "Market ticker required", 15: "Action required", 25: "Subscription buffer overflow",
    26: "Market limit exceeded", 27: "Too many requests",
}  # fmt: skip
SILENT = (
    "fill", "market_positions", "user_orders", "market_lifecycle_v2", "multivariate_market_lifecycle",
    "order_group_updates", "communications", "cfbenchmarks_value", "cfbenchmarks_value_5hz", "pyth_value",
)  # fmt: skip
SEQUENCED = ("orderbook_delta", "trade")

Json = dict[str, object]


@dataclass
class Subscription:
    """One sid: its channel, its markets (None: all), its own sequence, and the version behind each message."""

    sid: int
    channel: str
    markets: set[str] | None
    yes_price: bool
    seq: int = 0
    versions: dict[tuple[int, str], int] = field(default_factory=dict)  # (seq, market) -> book version

    def wants(self, market: str) -> bool:
        """True where the market's messages go to this subscription."""
        return self.markets is None or market in self.markets

    def snapshot(self, book: Book) -> Frame:
        """Return the whole book as the subscription's next message."""
        msg = {"market_ticker": book.name, "market_id": market_id(book.name), **sides(book.at(), self.yes_price, "_fp")}
        return self._sequenced("snapshot", "orderbook_snapshot", book.name, msg, book.version)

    def delta(self, market: str, change: Change, level: Level) -> Frame:
        """Return one level's change in size, signed, as the subscription's next message."""
        side = "yes" if level.side == BID else "no"
        msg: Json = {
            "market_ticker": market, "market_id": market_id(market),
            "price_dollars": dollars(level.price if side == "yes" or self.yes_price else ONE - level.price),
            "delta_fp": count(level.lots - level.before), "side": side, "ts_ms": change.ts_ms,
        }  # fmt: skip
        return self._sequenced("delta", "orderbook_delta", market, msg, change.version)

    def trade(self, market: str, change: Change, trade: Print) -> Frame:
        """Return a trade as the subscription's next message."""
        side = "yes" if trade.taker == "buy" else "no"
        msg: Json = {
            "trade_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{market}:{change.version}")), "market_ticker": market,
            "yes_price_dollars": dollars(trade.price), "no_price_dollars": dollars(ONE - trade.price),
            "count_fp": count(trade.lots), "taker_side": side, "taker_outcome_side": side,
            "taker_book_side": "bid" if side == "yes" else "ask", "is_block_trade": False,
            "ts": change.ts_ms // 1_000, "ts_ms": change.ts_ms,
        }  # fmt: skip
        return self._sequenced("trade", "trade", market, msg, change.version)

    def ticker(self, book: Book, ts_ms: int) -> Frame:
        """Return the ticker, which has no sequence."""
        bid, ask = book.best
        msg: Json = {
            "market_id": market_id(book.name), "market_ticker": book.name,
            "price_dollars": dollars(book.last_price or 0),
            "yes_bid_dollars": dollars(bid or 0), "yes_ask_dollars": dollars(ONE if ask is None else ask),
            "yes_bid_size_fp": count(book.sides[BID].get(bid or 0, 0)),
            "yes_ask_size_fp": count(book.sides[ASK].get(ask or 0, 0)), "last_trade_size_fp": "1.00",
            "volume_fp": count(100 * book.version), "open_interest_fp": "2042.00", "dollar_volume": book.version,
            "dollar_open_interest": 1_021, "ts": ts_ms // 1_000, "ts_ms": ts_ms,
        }  # fmt: skip
        return Frame("ticker", str(self.sid), book.name, {"type": "ticker", "sid": self.sid, "msg": msg})

    def take_seq(self, replies_too: bool) -> Json:
        """Use up a sequence for a control reply, where this channel has one and replies take it."""
        if self.channel not in SEQUENCED or not replies_too:
            return {}
        self.seq += 1
        return {"seq": self.seq}

    def restart(self, versions: dict[str, int]) -> None:
        """Let the sequence start again; `versions` is where each book stands."""
        self.seq = 0
        self.versions = {(0, market): version for market, version in versions.items()}

    def _sequenced(self, what: str, kind: str, market: str, msg: Json, version: int) -> Frame:
        self.seq += 1
        self.versions[self.seq, market] = version
        return Frame(what, str(self.sid), market, {"type": kind, "sid": self.sid, "seq": self.seq, "msg": msg})


def reply(message: Json) -> Frame:
    """Return a control reply."""
    return Frame("reply", "", "", message)


def error(number: object, code: int, sid: int | None = None, market: str = "") -> Frame:
    """Return an error message; the id of the command and the sid where there are any."""
    head: Json = {"id": number} if number is not None else {}
    tail: Json = {"sid": sid} if sid is not None else {}
    msg: Json = {"code": code, "msg": _ERRORS[code]} | ({"market_ticker": market} if market else {})
    return reply({**head, **tail, "type": "error", "msg": msg})


def sides(book: Sides, yes_price: bool, suffix: str) -> Json:
    """Return both sides as ascending bids; an empty side has no key. `suffix` is that of the key: "_fp", or none."""
    yes = sorted(book[BID].items())
    no = sorted((price if yes_price else ONE - price, lots) for price, lots in book[ASK].items())
    named = (("yes_dollars", yes), ("no_dollars", no))
    return {name + suffix: [[dollars(price), count(lots)] for price, lots in side] for name, side in named if side}


def market_id(market: str) -> str:
    """Return a market's UUID."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, market))


def dollars(units: int) -> str:
    """Write a price: four decimals."""
    return f"{units // ONE}.{units % ONE:04d}"


def count(lots: int) -> str:
    """Write a count: two decimals, a minus before a decrease."""
    return f"{'-' if lots < 0 else ''}{abs(lots) // 100}.{abs(lots) % 100:02d}"
