"""Speak to Kalshi's websocket: books, trades and tickers of named markets.

Books are one subscription of a connection, numbered over all of its markets; an image of one of them is asked for with
`get_snapshot`, and comes inside that numbering. `use_yes_price` is said to be off, since its default will change. The
venue pings every ten seconds; our own probe is the protocol's ping, and its answer is recorded as a beat. Source: the
venue's "WebSocket Connection", "Orderbook Updates" and AsyncAPI (facts on Kalshi, §8).
"""

import re
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from connectors.errors import FeedError
from connectors.feeds.kalshi_key import Signer
from connectors.feeds.venue import Asked, Get, Heard, Limits, Link, Lost, Places, shared_out, shortened

NAME = DIALECT = "kalshi"
PLACES = Places("wss://external-api-ws.kalshi.com", "https://external-api.kalshi.com")
SOCKET_PATH, MARKETS_PATH = "/trade-api/ws/v2", "/trade-api/v2/markets"
CHANNELS = ("orderbook_delta", "trade", "ticker")
BOOKS = CHANNELS[0]
MARKETS_MAX = 100  # of a connection: the venue's own limit is not published (error 26)
_IMAGE = "orderbook_snapshot"
_ABOUT = 100
_TICKER = re.compile(r"[A-Z0-9][A-Z0-9.-]{0,99}")
_TERMINAL = {10: "channel error", 25: "buffer overflow"}
_TOO_MANY = 26
LIMITS = Limits(commands_per_s=5.0)


class _Inside(Struct, gc=False):
    channel: str = ""
    sid: int = -1
    code: int = 0


class _Said(Struct, gc=False):
    type: str = ""
    sid: int = -1
    msg: msgspec.Raw = msgspec.Raw(b"{}")


_SAID, _INSIDE = msgspec.json.Decoder(_Said), msgspec.json.Decoder(_Inside)
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_DATA = {
    "orderbook_delta", "orderbook_snapshot", "trade", "ticker", "market_lifecycle_v2", "event_lifecycle",
    "event_fee_update",
}  # fmt: skip


class KalshiTalk:
    """One connection's conversation."""

    def __init__(self, link: Link, channels: Sequence[str]) -> None:
        """Take the markets and what is wanted of them."""
        self.said = ""
        self._link, self._channels = link, channels
        self._id, self._sid = 0, -1

    def opening(self) -> Sequence[str]:
        """Subscribe to books, then to the rest."""
        tickers = list(self._link.markets)
        rest = [channel for channel in self._channels if channel != BOOKS]
        commands = [self._command("subscribe", channels=[BOOKS], market_tickers=tickers, use_yes_price=False)]
        if rest:
            commands.append(
                self._command("subscribe", channels=rest, market_tickers=tickers, send_initial_snapshot=True)
            )
        return commands

    def hear(self, data: bytes) -> Heard:
        """Say what a message is, and remember the number of the books' subscription."""
        try:
            frame = _SAID.decode(data)
            if frame.type in _DATA:
                if frame.type == _IMAGE:
                    self._sid = frame.sid
                return Heard.DATA
            inside = _INSIDE.decode(bytes(frame.msg))
        except _BAD:
            return Heard.ANSWER
        if frame.type == "subscribed" and inside.channel == BOOKS:
            self._sid = inside.sid
        if frame.type != "error":
            return Heard.ANSWER
        self.said = shortened(data)
        if inside.code in _TERMINAL:
            raise Lost(_TERMINAL[inside.code])
        if inside.code == _TOO_MANY:
            raise FeedError(f"{NAME}: {len(self._link.markets)} markets on a connection are too many: {self.said}")
        return Heard.REFUSED

    def again(self, markets: Sequence[str]) -> Asked:
        """Ask for snapshots inside the subscription that stands."""
        if self._sid < 0:
            return Asked()
        command = self._command(
            "update_subscription", sid=self._sid, action="get_snapshot", market_tickers=list(markets)
        )
        return Asked((command,))

    def _command(self, cmd: str, **params: object) -> str:
        self._id += 1
        return msgspec.json.encode({"id": self._id, "cmd": cmd, "params": params}).decode()


class Kalshi:
    """The venue as it is to be recorded."""

    name, dialect, limits, probe, fetches = NAME, DIALECT, LIMITS, "", False

    def __init__(
        self,
        markets: Sequence[str],
        signer: Signer,
        *,
        places: Places = PLACES,
        channels: Sequence[str] = CHANNELS,
        limits: Limits = LIMITS,
    ) -> None:
        """Take tickers and who signs; raises FeedError for what is no ticker."""
        for market in markets:
            if not _TICKER.fullmatch(market):
                raise FeedError(f"--markets {market[:100]!r}: allowed: tickers of markets, as in KXHIGHNY-26NOV20-T45")
        self.limits, self._signer, self._channels = limits, signer, tuple(channels)
        url = places.socket + SOCKET_PATH
        groups = shared_out(markets, MARKETS_MAX)
        self.links = tuple(Link(f"ws-{number}", url, group) for number, group in enumerate(groups))
        about = shared_out(markets, _ABOUT)
        self.about = tuple(Get(f"{places.rest}{MARKETS_PATH}?tickers={','.join(group)}", "rest") for group in about)

    def talk(self, link: Link) -> KalshiTalk:
        """Begin a conversation."""
        return KalshiTalk(link, self._channels)

    def headers(self, link: Link, at_ns: int) -> Mapping[str, str]:
        """Sign the handshake, anew for each connection."""
        return self._signer.headers(link.url, at_ns)
