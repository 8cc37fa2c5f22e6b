"""Speak to Polymarket's market channel: every change, trade and best price of named tokens.

A subscription begins with a `book` of each token, and there are no numbers: what was lost shows only where the claimed
best prices stop being ours. A new image comes with a new subscription of the token. The venue wants the text PING every
ten seconds. Source: the venue's "Market Channel" and "WebSocket overview" (facts on Polymarket, §8).
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from connectors.errors import FeedError
from connectors.feeds.venue import Asked, Get, Heard, Limits, Link, Places, shared_out, shortened

NAME, DIALECT = "polymarket", "clob_v2"
PLACES = Places("wss://ws-subscriptions-clob.polymarket.com", "https://gamma-api.polymarket.com")
SOCKET_PATH, MARKETS_PATH = "/ws/market", "/markets"
TOKENS_MAX = 200  # of a connection: the venue publishes no limit
_ABOUT = 20
_TOKEN = re.compile(r"[0-9]{1,78}")
LIMITS = Limits()


class PolymarketTalk:
    """One connection's conversation."""

    def __init__(self, link: Link) -> None:
        """Take the tokens."""
        self.said = ""
        self._link = link

    def opening(self) -> Sequence[str]:
        """Subscribe to every token, best prices included: they bear witness for or against the book."""
        return [_text(type="market", assets_ids=list(self._link.markets), custom_feature_enabled=True)]

    def hear(self, data: bytes) -> Heard:
        """Say what a message is; an empty array answers a subscription that has no book."""
        word = data[:16].strip()
        if word.upper() == b"PONG":
            return Heard.BEAT
        if word == b"[]":
            return Heard.ANSWER
        if word.startswith((b"{", b"[")):
            return Heard.DATA
        self.said = shortened(data)
        return Heard.REFUSED

    def again(self, markets: Sequence[str]) -> Asked:
        """Subscribe these tokens anew."""
        tokens = list(markets)
        return Asked((
            _text(operation="unsubscribe", assets_ids=tokens),
            _text(operation="subscribe", assets_ids=tokens, custom_feature_enabled=True),
        ))  # fmt: skip


class Polymarket:
    """The venue as it is to be recorded."""

    name, dialect, limits, probe, fetches = NAME, DIALECT, LIMITS, "PING", False

    def __init__(self, markets: Sequence[str], *, places: Places = PLACES, limits: Limits = LIMITS) -> None:
        """Take token ids; raises FeedError for what is none."""
        for market in markets:
            if not _TOKEN.fullmatch(market):
                raise FeedError(f"--markets {market[:100]!r}: allowed: token ids, decimal numbers")
        self.limits = limits
        url = places.socket + SOCKET_PATH
        groups = shared_out(markets, TOKENS_MAX)
        self.links = tuple(Link(f"market-{number}", url, group) for number, group in enumerate(groups))
        self.about = tuple(
            Get(f"{places.rest}{MARKETS_PATH}?{urlencode([('clob_token_ids', token) for token in group])}", "rest")
            for group in shared_out(markets, _ABOUT)
        )

    def talk(self, link: Link) -> PolymarketTalk:
        """Begin a conversation."""
        return PolymarketTalk(link)

    def headers(self, link: Link, at_ns: int) -> Mapping[str, str]:
        """Return nothing: the channel is public."""
        return {}


def _text(**fields: object) -> str:
    return msgspec.json.encode(fields).decode()
