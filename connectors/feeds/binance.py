"""Speak to Binance's perpetuals (USDM): books and best quotes on one path, trades and marks on another.

A connection serves one path, so a market needs two. Streams are named in the URL: the subscription is the handshake,
and a path that is wrong or old shows only in that nothing ever comes. Changes of a book are chained (`pu`), and its
image is the answer to a request, asked for once the changes run and recorded on the connection `depth:SYMBOL`. The
venue ends every connection after 24 hours. Source: the venue's "Important WebSocket Change Notice" and "How to manage
a local order book correctly" (facts on perpetuals, §6).
"""

import re
from collections.abc import Mapping, Sequence

from connectors.errors import FeedError
from connectors.feeds.venue import Asked, Get, Heard, Limits, Link, Places, shared_out, shortened
from operators.normalise.binance_events import SNAPSHOT_OF

NAME = DIALECT = "binance"
PLACES = Places("wss://fstream.binance.com", "https://fapi.binance.com")
PATHS = {"public": ("depth@100ms", "bookTicker"), "market": ("aggTrade", "markPrice@1s")}
DEPTH_PATH, LEVELS = "/fapi/v1/depth", 1_000
ABOUT_PATHS = ("/fapi/v1/fundingInfo", "/fapi/v1/exchangeInfo")
STREAMS_MAX = 200
# 2,400 of weight a minute and address, 20 for 1,000 levels: 1.5 requests a second leave a quarter of it to others.
LIMITS = Limits(lifetime_s=23.5 * 3_600, gets_per_s=1.5)
_SYMBOL = re.compile(r"[A-Z0-9]{2,40}")
_UNIFIED = re.compile(r"([A-Z0-9]+)/([A-Z0-9]+):\2")
_COMBINED = b'"stream"'


class BinanceTalk:
    """One connection's conversation: we never speak."""

    def __init__(self, rest: str) -> None:
        """Take where images are fetched."""
        self.said = ""
        self._rest = rest

    def opening(self) -> Sequence[str]:
        """Return nothing: the URL has subscribed."""
        return ()

    def hear(self, data: bytes) -> Heard:
        """Say what a message is: all data is wrapped with the name of its stream."""
        if _COMBINED in data[:40]:
            return Heard.DATA
        if b'"error"' in data[:400] or b'"code"' in data[:400]:
            self.said = shortened(data)
            return Heard.REFUSED
        return Heard.ANSWER

    def again(self, markets: Sequence[str]) -> Asked:
        """Fetch images."""
        url = f"{self._rest}{DEPTH_PATH}?symbol="
        return Asked((), tuple(Get(f"{url}{symbol}&limit={LEVELS}", SNAPSHOT_OF + symbol) for symbol in markets))


class Binance:
    """The venue as it is to be recorded."""

    name, dialect, limits, probe, fetches = NAME, DIALECT, LIMITS, "", True

    def __init__(self, markets: Sequence[str], *, places: Places = PLACES, limits: Limits = LIMITS) -> None:
        """Take symbols, the venue's own or ccxt's unified ones; raises FeedError for anything else."""
        symbols = [symbol_of(market) for market in markets]
        self.limits, self._rest = limits, places.rest
        links = []
        for path, streams in PATHS.items():
            for number, group in enumerate(shared_out(symbols, STREAMS_MAX // len(streams))):
                named = "/".join(f"{symbol.lower()}@{stream}" for symbol in group for stream in streams)
                url = f"{places.socket}/{path}/stream?streams={named}"
                links.append(Link(f"{path}-{number}", url, group if path == "public" else ()))
        self.links = tuple(links)
        self.about = tuple(Get(places.rest + path, "rest") for path in ABOUT_PATHS)

    def talk(self, link: Link) -> BinanceTalk:
        """Begin a conversation."""
        return BinanceTalk(self._rest)

    def headers(self, link: Link, at_ns: int) -> Mapping[str, str]:
        """Return nothing: the streams are public."""
        return {}


def symbol_of(market: str) -> str:
    """Return the venue's symbol of a linear perpetual, as in BTCUSDT, also for BTC/USDT:USDT; raises FeedError."""
    unified = _UNIFIED.fullmatch(market.upper())
    symbol = unified[1] + unified[2] if unified is not None else market.upper()
    if not _SYMBOL.fullmatch(symbol):
        raise FeedError(f"--markets {market[:100]!r}: allowed: perpetuals, as in BTCUSDT or BTC/USDT:USDT")
    return symbol
