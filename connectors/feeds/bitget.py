"""Speak to Bitget's public socket, version 2: books with checksums, trades and tickers of USDT perpetuals.

A subscription of `books` begins with an image, and each change carries a checksum over the best levels; a book that
does not agree is subscribed anew, which brings a new image. The venue drops a client that is silent for two minutes; it
wants the text `ping`. Source: the venue's "Depth Channel" and "WebSocket" (facts on perpetuals, §6).
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from connectors.feeds.binance import symbol_of
from connectors.feeds.venue import Asked, Get, Heard, Limits, Link, Places, shared_out, shortened
from operators.normalise.bitget_contracts import market_id_of

NAME = DIALECT = "bitget"
PLACES = Places("wss://ws.bitget.com", "https://api.bitget.com")
SOCKET_PATH, CONTRACTS_PATH = "/v2/ws/public", "/api/v2/mix/market/contracts"
PRODUCT = "USDT-FUTURES"
CHANNELS = ("books", "trade", "ticker")
BOOKS = CHANNELS[0]
MARKETS_MAX = 16  # of a connection: the venue advises fewer than 50 channels
_ARGS_MAX = 30  # of a command, which may have 4,096 bytes
_ABOUT_ALL = 20
LIMITS = Limits(beat_s=25.0, commands_per_s=5.0)


class _Answer(Struct, gc=False):
    event: str = ""
    action: str = ""
    code: str | int = ""


_ANSWER = msgspec.json.Decoder(_Answer)
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class BitgetTalk:
    """One connection's conversation."""

    def __init__(self, link: Link, symbols: Mapping[str, str]) -> None:
        """Take the link, and the venue's symbol of each of its markets."""
        self.said = ""
        self._link, self._symbols = link, symbols

    def opening(self) -> Sequence[str]:
        """Subscribe to the books first, then to the rest."""
        symbols = [self._symbols[market] for market in self._link.markets]
        args = [_arg(channel, symbol) for channel in CHANNELS for symbol in symbols]
        return [_command("subscribe", args[place : place + _ARGS_MAX]) for place in range(0, len(args), _ARGS_MAX)]

    def hear(self, data: bytes) -> Heard:
        """Say what a message is."""
        if data[:8].strip() == b"pong":
            return Heard.BEAT
        try:
            answer = _ANSWER.decode(data)
        except _BAD:
            return Heard.ANSWER
        if answer.action:
            return Heard.DATA
        if answer.event != "error":
            return Heard.ANSWER
        self.said = shortened(data)
        return Heard.REFUSED

    def again(self, markets: Sequence[str]) -> Asked:
        """Subscribe these books anew."""
        args = [_arg(BOOKS, self._symbols[market]) for market in markets]
        parts = [args[place : place + _ARGS_MAX] for place in range(0, len(args), _ARGS_MAX)]
        return Asked(tuple(_command(op, part) for part in parts for op in ("unsubscribe", "subscribe")))


class Bitget:
    """The venue as it is to be recorded."""

    name, dialect, limits, probe, fetches = NAME, DIALECT, LIMITS, "ping", False

    def __init__(self, markets: Sequence[str], *, places: Places = PLACES, limits: Limits = LIMITS) -> None:
        """Take symbols, the venue's own or ccxt's unified ones; raises FeedError for anything else."""
        self._symbols = {market_id_of(PRODUCT, symbol): symbol for symbol in map(symbol_of, markets)}
        self.limits = limits
        url = places.socket + SOCKET_PATH
        groups = shared_out(list(self._symbols), MARKETS_MAX)
        self.links = tuple(Link(f"public-{number}", url, group) for number, group in enumerate(groups))
        about = f"{places.rest}{CONTRACTS_PATH}?productType={PRODUCT}"
        some = [f"{about}&symbol={symbol}" for symbol in self._symbols.values()]
        self.about = tuple(Get(url, "rest") for url in (some if len(some) <= _ABOUT_ALL else [about]))

    def talk(self, link: Link) -> BitgetTalk:
        """Begin a conversation."""
        return BitgetTalk(link, self._symbols)

    def headers(self, link: Link, at_ns: int) -> Mapping[str, str]:
        """Return nothing: the channels are public."""
        return {}


def _arg(channel: str, symbol: str) -> dict[str, str]:
    return {"instType": PRODUCT, "channel": channel, "instId": symbol}


def _command(op: str, args: Sequence[Mapping[str, str]]) -> str:
    return msgspec.json.encode({"op": op, "args": args}).decode()
