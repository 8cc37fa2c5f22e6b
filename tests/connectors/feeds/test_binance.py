"""Binance's two paths, images by request, and a chain that breaks."""

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection

from connectors.errors import FeedError
from connectors.feeds.binance import Binance, BinanceTalk, symbol_of
from connectors.feeds.session import Session
from connectors.feeds.venue import Get, Heard
from tests.connectors.feeds.loopback import Kept, Loopback, fast, fed, run, text

DEPTH = "/fapi/v1/depth"


def change(first: int, last: int, before: int) -> str:
    """A change of the book, wrapped with its stream."""
    made = {"e": "depthUpdate", "E": 1790000000123, "T": 1790000000120, "s": "BTCUSDT", "U": first, "u": last}
    sides = {"pu": before, "b": [["65000.10", "0.700"]], "a": [["65000.20", "0.100"]]}
    return text({"stream": "btcusdt@depth@100ms", "data": {**made, **sides}})


def image(number: int) -> bytes:
    """An answer with the book."""
    sides = {"bids": [["65000.00", "1.000"]], "asks": [["65000.30", "2.000"]]}
    return text({"lastUpdateId": number, "E": 1790000000100, "T": 1790000000100, **sides}).encode()


def test_a_market_needs_two_connections() -> None:
    """Books and best quotes on /public, trades and marks on /market; only the first carries books."""
    public, market = Binance(["BTCUSDT", "eth/usdt:usdt"]).links
    root = "wss://fstream.binance.com"
    both = "btcusdt@depth@100ms/btcusdt@bookTicker/ethusdt@depth@100ms/ethusdt@bookTicker"
    assert ("public-0", f"{root}/public/stream?streams={both}", ("BTCUSDT", "ETHUSDT")) == public
    both = "btcusdt@aggTrade/btcusdt@markPrice@1s/ethusdt@aggTrade/ethusdt@markPrice@1s"
    assert ("market-0", f"{root}/market/stream?streams={both}", ()) == market
    links = Binance([f"A{number}USDT" for number in range(201)]).links
    assert [67, 67, 67, 0, 0, 0] == [len(link.markets) for link in links]


def test_connections_do_not_live_for_24_hours() -> None:
    """They are replaced before the venue ends them."""
    assert 23 * 3_600 < Binance(["BTCUSDT"]).limits.lifetime_s < 24 * 3_600


@pytest.mark.parametrize(
    "market", ["BTC/USDT", "BTC/USDT:USDC", "BTC-USDT", "", "BTC USDT", "BTCUSDT_261225", "a" * 41]
)
def test_only_perpetuals_have_a_symbol(market: str) -> None:
    """Spot, dated futures and anything with other characters are refused."""
    with pytest.raises(FeedError, match="allowed: perpetuals"):
        symbol_of(market)


def test_messages_are_told_apart() -> None:
    """Data is wrapped with its stream; answers and refusals are not."""
    talk = BinanceTalk("http://127.0.0.1")
    assert Heard.DATA is talk.hear(change(1, 2, 0).encode())
    assert Heard.ANSWER is talk.hear(b'{"result":null,"id":1}')
    assert Heard.REFUSED is talk.hear(b'{"error":{"code":2,"msg":"Invalid request"}}')
    assert "Invalid request" in talk.said
    assert () == talk.opening()


def test_an_image_is_fetched_once_changes_run_and_again_when_the_chain_breaks() -> None:
    """The answer is a frame of the connection `depth:SYMBOL`; a number that is missing brings the next one."""

    async def main() -> tuple[Session, Kept, list[str]]:
        async def script(connection: ServerConnection, number: int) -> None:
            assert connection.request is not None
            if not connection.request.path.startswith("/public"):
                mark = {"e": "markPriceUpdate", "E": 1790000000000, "s": "BTCUSDT", "p": "65120.1", "i": "65118.0"}
                await connection.send(text({"stream": "btcusdt@markPrice@1s", "data": {**mark, "r": "0.0001", "T": 0}}))
                await connection.wait_closed()
                return
            await connection.send(change(11, 20, 10))
            while "depth:BTCUSDT" not in {line.conn for line in kept.lines}:
                await connection.send(change(21, 30, 20))
                await asyncio.sleep(0.02)
            server.answers[DEPTH] = (200, image(55))
            await connection.send(change(41, 50, 40))
            await connection.send(change(51, 60, 50))
            await connection.wait_closed()

        kept = Kept()
        async with Loopback(script, {DEPTH: (200, image(15))}) as server:
            venue = fast(Binance(["BTCUSDT"], places=server.places))
            venue.about = ()
            session = Session(venue, kept, seed=7)
            await session.run(lambda: session.judge.images >= 2, 5.0)
            return session, kept, server.paths

    session, kept, paths = run(main())
    assert (2, []) == (session.judge.images, session.judge.waiting)
    assert 1 <= session.judge.gaps
    images = [line for line in kept.lines if line.conn == "depth:BTCUSDT"]
    assert [1, 2] == [line.n for line in images][:2]
    assert [15, 55] == [json.loads(line.frame)["lastUpdateId"] for line in images][:2]
    assert {f"{DEPTH}?symbol=BTCUSDT&limit=1000"} == {path for path in paths if path.startswith(DEPTH)}


def test_a_path_that_withholds_data_is_a_failed_subscription() -> None:
    """The handshake works, the ping is answered, and nothing comes: tried again, and said so."""

    async def main() -> tuple[Session, Kept]:
        async def script(connection: ServerConnection, number: int) -> None:
            await connection.wait_closed()

        async with Loopback(script) as server:
            venue = fast(Binance(["BTCUSDT"], places=server.places))
            return await fed(venue, lambda session, kept: session.counts.ends["no data"] >= 2)

    session, kept = run(main())
    assert {"no data"} == set(session.counts.ends)
    assert "beat" in kept.events


def test_definitions_are_asked_for() -> None:
    """Intervals of funding, then instruments."""
    about = Binance(["BTCUSDT"]).about
    root = "https://fapi.binance.com/fapi/v1"
    assert (Get(f"{root}/fundingInfo", "rest"), Get(f"{root}/exchangeInfo", "rest")) == about
