"""Hold the servers to the rules of the fact sheets beside the streams: who comes in, what is answered, what ends."""

import asyncio
import json
from contextlib import suppress
from decimal import Decimal

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.feeds.raw_client import BY_HAND, QUICK, joined, run, said, signed
from tests.feeds.servers.polymarket import Polymarket
from tests.feeds.servers.serving import serve, served
from tests.feeds.servers.settings import Settings

D = Decimal


def test_kalshi_refuses_what_is_not_signed_now_by_the_right_key() -> None:
    """No headers, an old time, another path, another key and a second use are each 401; a good signature is 101."""

    async def test() -> None:
        async with serve("kalshi", settings=BY_HAND) as server:
            good = signed(server)
            other = {**signed(server), "KALSHI-ACCESS-KEY": "00000000-0000-0000-0000-000000000000"}
            async with connect(server.url, additional_headers=good):
                pass
            bad = [{}, signed(server, 1_777_400_000_000), signed(server, path="/trade-api/ws/v2?x=1"), other, good]
            for headers in bad:
                with pytest.raises(InvalidStatus) as refused:
                    await connect(server.url, additional_headers=headers)
                assert 401 == refused.value.response.status_code
            assert [101, *[401] * len(bad)] == [status for _, status in server.handshakes]

    run(test)


def test_kalshi_answers_wrong_commands_by_number() -> None:
    """Each kind of wrong command gets the venue's own error code, with the command's id where it has one."""
    commands: list[tuple[object, int]] = [
        ("nonsense", 1), ({"id": 1, "cmd": "fly"}, 5), ({"id": 1, "cmd": "subscribe"}, 2),
        ({"id": 1, "cmd": "subscribe", "params": {}}, 3), ({"id": 1, "cmd": "unsubscribe", "params": {}}, 4),
        ({"id": 1, "cmd": "unsubscribe", "params": {"sids": [9]}}, 7),
        ({"id": 1, "cmd": "subscribe", "params": {"channels": ["weather"]}}, 8),
        ({"id": 1, "cmd": "subscribe", "params": {"channels": ["orderbook_delta"]}}, 14),
        ({"id": 1, "cmd": "subscribe", "params": {"channels": ["trade"], "market_ticker": "NONE"}}, 11),
        ({"id": 1, "cmd": "update_subscription", "params": {"sids": [1, 2]}}, 12),
    ]  # fmt: skip

    async def test() -> None:
        async with serve("kalshi", settings=BY_HAND) as server, joined(server) as ws:
            for command, code in commands:
                await ws.send(command if isinstance(command, str) else json.dumps(command))
                answer = await said(ws)
                assert ("error", code) == (answer["type"], answer["msg"]["code"])
            for action, code in ((None, 15), ("dance", 13), ("get_snapshot", 14)):
                if code == 15:
                    params = {"channels": ["orderbook_delta"], "market_ticker": next(iter(server.books))}
                    await ws.send(json.dumps({"id": 1, "cmd": "subscribe", "params": params}))
                    assert ["subscribed", "orderbook_snapshot"] == [(await said(ws))["type"] for _ in range(2)]
                update = {"id": 2, "cmd": "update_subscription", "params": {"sid": 1, "action": action}}
                await ws.send(json.dumps(update))
                assert code == (await said(ws))["msg"]["code"]

    run(test)


def test_kalshi_tells_trades_in_sequence_and_tickers_without() -> None:
    """A trade subscription counts its own messages; tickers carry no sequence and the best prices of their moment."""

    async def test() -> None:
        async with serve("kalshi", seed=2, settings=QUICK) as server, joined(server) as ws:
            params = {
                "channels": ["trade", "ticker"],
                "market_tickers": list(server.books),
                "send_initial_snapshot": True,
            }
            await ws.send(json.dumps({"id": 1, "cmd": "subscribe", "params": params}))
            trades = 0
            while trades < 40:
                message = await said(ws)
                if message["type"] == "trade":
                    trades += 1
                    assert (1, trades) == (message["sid"], message["seq"])
                    assert 1 == D(message["msg"]["yes_price_dollars"]) + D(message["msg"]["no_price_dollars"])
                elif message["type"] == "ticker":
                    assert (2, False) == (message["sid"], "seq" in message)
                    assert D(message["msg"]["yes_bid_dollars"]) < D(message["msg"]["yes_ask_dollars"])

    run(test)


def test_retired_and_wrong_binance_paths_connect_and_stay_silent() -> None:
    """/ws and /stream complete the handshake and say nothing; so does a stream under a wrong path; all answer pings."""
    paths = (
        "/ws/btcusdt@depth", "/stream?streams=btcusdt@depth", "/market/ws/btcusdt@depth", "/public/ws/btcusdt@aggTrade",
    )  # fmt: skip

    async def test() -> None:
        async with serve("binance", settings=QUICK) as server:
            for path in paths:
                async with joined(server, path) as ws:
                    await (await ws.ping())
                    if path.startswith(("/ws", "/stream")):
                        await ws.send(json.dumps({"method": "SUBSCRIBE", "params": ["btcusdt@depth"], "id": 1}))
                    with pytest.raises(TimeoutError):
                        await asyncio.wait_for(ws.recv(), 0.15)
            async with joined(server, "/market/ws") as ws:
                await ws.send(
                    json.dumps({"method": "SUBSCRIBE", "params": ["btcusdt@markPrice", "btcusdt@aggTrade"], "id": 1})
                )
                assert {"result": None, "id": 1} == await said(ws)
                assert {"markPriceUpdate", "aggTrade"} == {(await said(ws))["e"] for _ in range(60)}
            with pytest.raises(InvalidStatus, match="404"):
                async with joined(server, "/nowhere"):
                    pass

    run(test)


def test_clocks_of_the_venues_run_when_shortened() -> None:
    """Binance ends a connection after its life; Bitget drops who is silent and keeps who pings; Kalshi pings."""

    async def test() -> None:
        async with serve("binance", settings=Settings(pace_s=0, life_s=0.1)) as server, joined(server) as ws:
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(ws.recv(), 5)
            assert 1001 == ws.close_code
        bitget = serve("bitget", settings=Settings(pace_s=0, idle_s=0.4))
        async with bitget as server, joined(server) as quiet, joined(server) as loud:
            for _ in range(12):
                await loud.send("ping")
                assert "pong" == await loud.recv()
                await asyncio.sleep(0.05)
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(quiet.recv(), 5)
            assert (1006, None) == (quiet.close_code, loud.close_code)
        async with serve("kalshi", settings=Settings(pace_s=0, heartbeat_s=0.02)) as server, joined(server) as ws:
            await server.until(lambda: len(ws.pings) > 2, 5, "three pings")
            assert {b"heartbeat"} == set(ws.pings)

    run(test)


def test_a_finer_tick_is_told_and_used() -> None:
    """After a change of tick both tokens are told, and prices between the old ticks appear."""

    async def test() -> None:
        async with serve("polymarket", seed=1, settings=BY_HAND) as server, joined(server) as ws:
            assert isinstance(server, Polymarket)
            market = next(iter(server.books))
            yes, no = server.tokens(market)
            await ws.send(json.dumps({"type": "market", "assets_ids": [yes, no], "initial_dump": False}))
            await server.until(lambda: bool(server.clients[0].markets), 5, "the subscription")
            server.change_tick(market)
            told = [await said(ws) for _ in range(2)]
            assert {yes, no} == {event["asset_id"] for event in told}
            assert [("tick_size_change", "0.01", "0.001")] * 2 == [
                (event["event_type"], event["old_tick_size"], event["new_tick_size"]) for event in told
            ]
            server.step(market, 60)
            assert any(price % D("0.01") for price in (*server.book(yes).bids, *server.book(yes).asks))

    run(test)


def test_a_server_in_a_thread_serves_a_blocking_test() -> None:
    """`served` answers from another thread: address, books, misbehaviours, and what was done."""
    with served("bitget", seed=6, markets=["BTCUSDT"], settings=QUICK) as server:

        async def feed() -> str:
            async with connect(server.url) as ws:
                arg = {"instType": "USDT-FUTURES", "channel": "books", "instId": "BTCUSDT"}
                await ws.send(json.dumps({"op": "subscribe", "args": [arg]}))
                doing = asyncio.to_thread(server.do, "close", code=1013)
                with suppress(ConnectionClosed):
                    await asyncio.gather(doing, _until_closed(ws))
                return str(ws.close_code)

        assert "1013" == asyncio.run(feed())
        assert ["close"] == [deed.kind for deed in server.did]
        server.settle()
        assert server.book("BTCUSDT") == server.book("BTCUSDT")
        server.wait(lambda venue: not venue.clients)


async def _until_closed(ws: ClientConnection) -> None:
    while True:
        await ws.recv()
