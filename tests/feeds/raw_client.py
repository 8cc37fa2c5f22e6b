"""Speak to the servers with a bare websocket client and the standard library, and watch the wire while doing so."""

import asyncio
import base64
import json
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode

from tests.feeds.servers.kalshi import Kalshi
from tests.feeds.servers.polymarket import Polymarket
from tests.feeds.servers.serving import VENUES, serve
from tests.feeds.servers.settings import Settings
from tests.feeds.servers.venue import Venue


class Watching(ClientConnection):
    """A client that notes the payload of every ping, the opcode of every frame, and when bytes arrived."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin with nothing seen."""
        super().__init__(*args, **kwargs)
        self.pings: list[bytes] = []
        self.opcodes: list[Opcode] = []
        self.pieces: list[tuple[float, int]] = []

    def process_event(self, event: Any) -> None:
        """Note a frame."""
        if isinstance(event, Frame):
            self.opcodes.append(event.opcode)
            if event.opcode is Opcode.PING:
                self.pings.append(bytes(event.data))
        super().process_event(event)

    def data_received(self, data: bytes) -> None:
        """Note when bytes arrived, and how many."""
        self.pieces.append((time.monotonic(), len(data)))
        super().data_received(data)


QUICK = Settings(pace_s=0.0005, steps=2)
BY_HAND = Settings(pace_s=0)
FIXED = Settings(pace_s=0, clock_ms=lambda: 1_790_000_000_000, skew_max_ms=10**15)
CHANGE = {"kalshi": "orderbook_delta", "polymarket": "price_change", "binance": "depthUpdate", "bitget": '"update"'}
EVERY = sorted(VENUES)
CHECKED = ["bitget", "kalshi", "polymarket"]  # venues whose stream has something to check by itself


@cache
def key_of(pem: str) -> rsa.RSAPrivateKey:
    """Read a private key, once."""
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def signed(server: Venue, at_ms: int | None = None, path: str = "/trade-api/ws/v2") -> dict[str, str]:
    """Return the three headers of Kalshi's handshake, signed now."""
    assert isinstance(server, Kalshi)
    stamp = str(at_ms or time.time_ns() // 1_000_000)
    key = key_of(server.private_key_pem)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    signature = base64.b64encode(key.sign(f"{stamp}GET{path}".encode(), pss, hashes.SHA256())).decode()
    names = ("KALSHI-ACCESS-KEY", "KALSHI-ACCESS-TIMESTAMP", "KALSHI-ACCESS-SIGNATURE")
    return dict(zip(names, (server.key_id, stamp, signature), strict=True))


@asynccontextmanager
async def joined(server: Venue, path: str = "") -> AsyncIterator[Watching]:
    """Connect as each venue wants it."""
    headers = signed(server) if server.name == "kalshi" else {}
    url = server.url.replace(server.path, path) if path else server.url
    async with connect(
        url,
        additional_headers=headers,
        compression=None,
        max_size=2**26,
        ping_interval=None,
        max_queue=None,
        close_timeout=1,
        create_connection=Watching,
    ) as ws:
        assert isinstance(ws, Watching)
        yield ws


async def fetched(server: Venue, path: str, body: object = None) -> Any:
    """Return the JSON answer of a REST call; raises HTTPError."""

    def fetch() -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(server.rest + path, data=data, timeout=5) as answer:
            return json.loads(answer.read())

    return await asyncio.to_thread(fetch)


async def said(ws: ClientConnection) -> Any:
    """Return the next message as JSON."""
    return json.loads(await asyncio.wait_for(ws.recv(), 5))


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test's coroutine in a loop of its own."""

    async def main() -> None:
        await test()

    asyncio.run(main())


async def subscribe(server: Venue, ws: ClientConnection) -> None:
    """Ask for every market's book, as each venue wants it."""
    markets = list(server.books)
    match server.name:
        case "kalshi":
            params = {"channels": ["orderbook_delta"], "market_tickers": markets}
            await ws.send(json.dumps({"id": 1, "cmd": "subscribe", "params": params}))
        case "polymarket":
            assert isinstance(server, Polymarket)
            tokens = [token for market in markets for token in server.tokens(market)]
            await ws.send(json.dumps({"type": "market", "assets_ids": tokens}))
        case "binance":
            streams = [f"{market.lower()}@depth" for market in markets]
            await ws.send(json.dumps({"method": "SUBSCRIBE", "params": streams, "id": 1}))
        case "bitget":
            args = [{"instType": "USDT-FUTURES", "channel": "books", "instId": market} for market in markets]
            await ws.send(json.dumps({"op": "subscribe", "args": args}))


async def begun(server: Venue, ws: Watching) -> None:
    """Subscribe to every book, and read what the venue sends at once."""
    await subscribe(server, ws)
    await server.until(lambda: bool(server.clients and server.clients[-1].markets), 5, "the subscription")
    await server.settle()
    await drained(ws)


async def drained(ws: Watching) -> list[str | bytes]:
    """Return what has arrived, in order, up to the answer of a ping."""
    await asyncio.wait_for(await ws.ping(), 5)
    found: list[str | bytes] = []
    while ws.recv_messages.frames.queue:
        found.append(await ws.recv())
    return found


async def after(venue: str, kind: str = "", count: int = 12, **args: Any) -> list[str | bytes]:
    """Return the frames of some changes of one market, misbehaving first where a kind is given."""
    async with serve(venue, seed=8, settings=FIXED) as server, joined(server) as ws:
        await begun(server, ws)
        if kind:
            server.arm(kind, client=server.clients[0], **args)
        server.step(next(iter(server.books)), count)
        await server.settle()
        found = await drained(ws)
        assert [kind] * bool(kind) == [deed.kind for deed in server.did]
        return found


def changes(venue: str, frames: list[str | bytes]) -> list[int]:
    """Return the places of the book changes."""
    return [place for place, frame in enumerate(frames) if CHANGE[venue] in str(frame)]
