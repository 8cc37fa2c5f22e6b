"""See what happens to whoever comes next, to a clock, to a sequence, over REST; and whole scripts of it all."""

import asyncio
import json
import time
import urllib.error
from collections import Counter
from dataclasses import replace
from http.client import IncompleteRead

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode

from tests.feeds.raw_client import (
    BY_HAND,
    CHECKED,
    EVERY,
    after,
    begun,
    changes,
    drained,
    fetched,
    joined,
    run,
    said,
    subscribe,
)
from tests.feeds.servers.deeds import KINDS, At, Script
from tests.feeds.servers.serving import VENUES, serve
from tests.feeds.servers.settings import Settings
from tests.feeds.servers.venue import Venue


@pytest.mark.parametrize("venue", EVERY)
def test_handshakes_are_refused_with_each_status(venue: str) -> None:
    """401, 403, 429 and 503 answer the next handshake, and the one after it is accepted."""

    async def test() -> None:
        async with serve(venue, settings=BY_HAND) as server:
            for status in (401, 403, 429, 503):
                server.arm("refuse", status=status)
                with pytest.raises(InvalidStatus) as refused:
                    async with joined(server):
                        pass
                assert status == refused.value.response.status_code
                async with joined(server):
                    pass
            assert [401, 101, 403, 101, 429, 101, 503, 101] == [status for _, status in server.handshakes]

    run(test)


@pytest.mark.parametrize("venue", EVERY)
def test_an_ignored_subscription_is_neither_answered_nor_served(venue: str) -> None:
    """The next subscription vanishes, and the one after it is served."""

    async def test() -> None:
        async with serve(venue, settings=BY_HAND) as server, joined(server) as ws:
            server.arm("ignore_subscribe")
            await subscribe(server, ws)
            await server.until(lambda: bool(server.did), 5, "the deed")
            server.step(count=10)
            assert [] == await drained(ws)
            await begun(server, ws)
            server.step(count=10)
            await server.settle()
            assert 10 == len(changes(venue, await drained(ws)))

    run(test)


@pytest.mark.parametrize("venue", CHECKED)
def test_snapshots_come_late_old_and_twice(venue: str) -> None:
    """A late snapshot holds up what follows; an old one comes behind newer changes; a double is the same bytes."""
    market = {"kalshi": "orderbook_snapshot", "polymarket": '"book"', "bitget": '"snapshot"'}[venue]

    async def test() -> None:
        markets = VENUES[venue].markets_default[:1]
        async with serve(venue, seed=8, markets=markets, settings=BY_HAND) as server, joined(server) as ws:
            server.arm("late_snapshot", seconds=0.2)
            began = time.monotonic()
            await begun(server, ws)
            assert time.monotonic() - began > 0.15
        async with serve(venue, seed=8, markets=markets, settings=BY_HAND) as server, joined(server) as ws:
            server.arm("old_snapshot", back=3)
            await subscribe(server, ws)
            await server.until(lambda: bool(server.did), 5, "the deed")
            server.step(count=3)
            await server.settle()
            found = await drained(ws)
            first = [place for place, frame in enumerate(found) if market in str(frame)][-1]
            assert max(changes(venue, found)) < first
            await server.do("duplicate_snapshot")
            await server.settle()
            one, two = await drained(ws)
            assert market in str(one)
            assert one == two

    run(test)


def test_a_rest_snapshot_comes_late_and_old() -> None:
    """Binance's depth is as many events old as asked, and true at its own lastUpdateId; or it takes its time."""

    async def test() -> None:
        async with serve("binance", settings=BY_HAND) as server:
            server.step("BTCUSDT", 10)
            path = "/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
            now = (await fetched(server, path))["lastUpdateId"]
            server.arm("old_snapshot", back=4)
            old = await fetched(server, path)
            assert old["lastUpdateId"] < now
            assert len(server.book("BTCUSDT", old["lastUpdateId"]).bids) == len(old["bids"])
            server.arm("late_snapshot", seconds=0.2)
            began = time.monotonic()
            assert now == (await fetched(server, path))["lastUpdateId"]
            assert time.monotonic() - began > 0.15

    run(test)


@pytest.mark.parametrize("venue", EVERY)
def test_rest_fails_is_slow_and_is_cut(venue: str) -> None:
    """A status instead of an answer, an answer that takes its time, and half a body."""
    paths = {"kalshi": "/trade-api/v2/markets", "polymarket": "/time", "binance": "/fapi/v1/exchangeInfo"}
    path = paths.get(venue, "/api/v2/mix/market/contracts")

    async def test() -> None:
        async with serve(venue, settings=BY_HAND) as server:
            for status in (429, 500, 503):
                server.arm("rest_status", status=status)
                with pytest.raises(urllib.error.HTTPError) as failed:
                    await fetched(server, path)
                assert status == failed.value.code
            server.arm("rest_slow", seconds=0.2)
            began = time.monotonic()
            await fetched(server, path)
            assert time.monotonic() - began > 0.15
            server.arm("rest_cut")
            with pytest.raises(IncompleteRead):
                await fetched(server, path)
            assert [429, 500, 503, 200, 200] == [status for _, _, status in server.requests]

    run(test)


@pytest.mark.parametrize("venue", EVERY)
def test_skewed_clocks_show_in_the_timestamps(venue: str) -> None:
    """A change during the skew carries a time that is off by just that much, and the next again the right one."""

    async def test() -> None:
        plain, skewed = await after(venue), await after(venue, "skew", ms=-45_000, seconds=60)
        assert "1790000000" in str(plain[0])
        assert all("1789999955" in str(frame) for frame in skewed)

    run(test)


@pytest.mark.parametrize("venue", ["binance", "bitget", "kalshi"])
def test_a_sequence_starts_again(venue: str) -> None:
    """After a restart the numbers are lower than before, and the book at the new numbers is the true one."""

    def number(frame: str | bytes) -> int:
        message = json.loads(frame)
        if venue == "bitget":
            return int(message["data"][0]["seq"])
        return int(message["seq" if venue == "kalshi" else "u"])

    async def test() -> None:
        async with serve(venue, settings=BY_HAND) as server, joined(server) as ws:
            await begun(server, ws)
            market = next(iter(server.books))
            server.step(market, 5)
            await server.do("restart", market=market)
            server.step(market, 5)
            await server.settle()
            numbers = [number(frame) for frame in await drained(ws)]
            assert numbers[5] < numbers[4]
            assert (sorted(numbers[:5]), sorted(numbers[5:])) == (numbers[:5], numbers[5:])
            assert server.book(market) == server.book(market, (1, numbers[-1]) if venue == "kalshi" else numbers[-1])

    run(test)


def test_venues_complain_in_their_own_words() -> None:
    """Kalshi ends a subscription with error 10, or 25 where the consumer is too slow; Bitget sends an event."""

    async def test() -> None:
        async with serve("kalshi", settings=BY_HAND) as server, joined(server) as ws:
            await begun(server, ws)
            await server.do("venue_error", code=10)
            error = await said(ws)
            assert ("error", 1, 10) == (error["type"], error["sid"], error["msg"]["code"])
            server.step(count=5)
            assert [] == await drained(ws)
        async with serve("kalshi", settings=Settings(pace_s=0, queue_max=50)) as server, joined(server) as ws:
            await begun(server, ws)
            server.step(count=60)
            await server.settle()
            *_, error = [json.loads(frame) for frame in await drained(ws)]
            assert 25 == error["msg"]["code"]
        async with serve("bitget", settings=BY_HAND) as server, joined(server) as ws:
            await begun(server, ws)
            await server.do("venue_error", code=30006)
            assert {"event": "error", "code": 30006, "msg": "request too many"} == await said(ws)

    run(test)


def test_what_cannot_be_is_said() -> None:
    """An unknown kind or venue is refused by name; a deed that finds nobody says so, and is not counted."""

    async def test() -> None:
        async with serve("binance", settings=BY_HAND) as server:
            with pytest.raises(ValueError, match=r"kind: 'wrong_check'; binance knows \["):
                server.arm("wrong_check")
            with pytest.raises(TimeoutError, match=r"lose: no occasion within 0.1 s"):
                await server.do("lose", within_s=0.1)
            assert [] == server.did
        with pytest.raises(ValueError, match=r"venue: 'nyse'; allowed: \['binance'"):
            async with serve("nyse"):
                pass

    run(test)


async def dogged(server: Venue, ends: asyncio.Event, seen: Counter[str]) -> None:
    """Connect, subscribe, ask over REST, read; and again, whatever happens."""
    while not ends.is_set():
        try:
            async with joined(server) as ws:
                await subscribe(server, ws)
                if server.name == "binance":
                    await fetched(server, "/fapi/v1/depth?symbol=BTCUSDT&limit=50")
                while not ends.is_set():
                    frame = await asyncio.wait_for(ws.recv(), 0.2)
                    seen["binary" if isinstance(frame, bytes) else "text"] += 1
        except TimeoutError:
            seen["silent"] += 1
        except InvalidStatus as refused:
            seen[f"status {refused.response.status_code}"] += 1
        except ConnectionClosed as closed:
            seen[f"code {closed.rcvd.code if closed.rcvd else 1006}"] += 1
        except (urllib.error.HTTPError, IncompleteRead, OSError, EOFError) as failed:
            seen[type(failed).__name__] += 1


def test_a_thousand_misbehaviours_in_seconds() -> None:
    """Scripts do 250 and more on each venue at once; every kind that it knows is among them, and no server fails."""

    async def one(venue: str) -> tuple[Venue, Counter[str]]:
        seen: Counter[str] = Counter()
        quick = Script(freeze_s=(0.01, 0.03), late_s=(0.005, 0.02), megabytes=1)
        script = replace(quick, total=260, seed=1, lanes=6, gap=(1, 4))
        async with serve(venue, seed=1, script=script, settings=Settings(pace_s=0.001)) as server:
            ends = asyncio.Event()
            feeds = [asyncio.create_task(dogged(server, ends, seen)) for _ in range(3)]
            await asyncio.wait_for(server.script_over.wait(), 60)
            ends.set()
            await asyncio.gather(*feeds)
            return server, seen

    async def test() -> None:
        began = time.monotonic()
        results = await asyncio.gather(*map(one, EVERY))
        seconds = time.monotonic() - began
        done = Counter(deed.kind for server, _ in results for deed in server.did)
        print(f"{sum(done.values())} misbehaviours in {seconds:.1f} s: {dict(done)}")
        for server, seen in results:
            kinds = {kind for kind in server.kinds if KINDS[kind].when != "rest" or server.requests}
            assert kinds - {deed.kind for deed in server.did} <= {"huge", "drip"}  # seldom drawn
            assert {"text", "binary", "code 1006"} < set(seen)
            assert all(deed.at_ns for deed in server.did)
        assert sum(done.values()) >= 1_000
        assert seconds < 30

    run(test)


def test_a_plan_is_done_in_its_order() -> None:
    """Planned deeds happen one after the other, each with its own arguments, and the script is then over."""
    plan = [At(5, "lose"), At(5, "resend"), At(5, "close", {"code": 1008})]

    async def test() -> None:
        script = Script(plan=plan)
        settings = Settings(pace_s=0.001)
        async with serve("bitget", script=script, settings=settings) as server, joined(server) as ws:
            await subscribe(server, ws)
            with pytest.raises(ConnectionClosed):
                while True:
                    await asyncio.wait_for(ws.recv(), 5)
            assert 1008 == ws.close_code
            await asyncio.wait_for(server.script_over.wait(), 5)
            assert ["lose", "resend", "close"] == [deed.kind for deed in server.did]
            assert Opcode.TEXT in ws.opcodes

    run(test)
