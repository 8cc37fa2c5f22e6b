"""See each misbehaviour on the wire, with a bare client: what came is compared, by frame, with a well-behaved twin.

Two servers of one seed and one clock send the same bytes; where one of them misbehaves, the difference is the deed.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.feeds.raw_client import (
    BY_HAND,
    CHECKED,
    EVERY,
    FIXED,
    after,
    begun,
    changes,
    drained,
    joined,
    run,
    said,
    signed,
)
from tests.feeds.servers.serving import serve

pytestmark = pytest.mark.campaign


def lost(frames: list[str | bytes], one: int, two: int) -> list[str | bytes]:
    """Leave the first change out."""
    return frames[:one] + frames[one + 1 :]


def reordered(frames: list[str | bytes], one: int, two: int) -> list[str | bytes]:
    """Put the first change behind the second."""
    return frames[:one] + frames[one + 1 : two + 1] + [frames[one]] + frames[two + 1 :]


def resent(frames: list[str | bytes], one: int, two: int) -> list[str | bytes]:
    """Say the first change twice."""
    return frames[: one + 1] + frames[one:]


def truncated(frames: list[str | bytes], one: int, two: int) -> list[str | bytes]:
    """Send half of the first change."""
    return [*frames[:one], frames[one][: len(frames[one]) // 2], *frames[one + 1 :]]


def in_binary(frames: list[str | bytes], one: int, two: int) -> list[str | bytes]:
    """Send the first change as bytes."""
    return [*frames[:one], str(frames[one]).encode(), *frames[one + 1 :]]


def the_same(frames: list[str | bytes], one: int, two: int) -> list[str | bytes]:
    """Change nothing."""
    return frames


DIFFERENCES: dict[str, Callable[[list[str | bytes], int, int], list[str | bytes]]] = {
    "lose": lost, "reorder": reordered, "resend": resent, "truncate": truncated, "binary": in_binary, "drip": the_same,
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(DIFFERENCES))
@pytest.mark.parametrize("venue", EVERY)
def test_a_change_on_its_way_differs_by_exactly_the_deed(venue: str, kind: str) -> None:
    """Lost, reordered, sent again, cut in half, sent as bytes or in drops: that frame, that way, and no other."""

    async def test() -> None:
        plain = await after(venue)
        one, two = changes(venue, plain)[:2]
        assert DIFFERENCES[kind](plain, one, two) == await after(venue, kind)

    run(test)


@pytest.mark.parametrize("venue", EVERY)
def test_bytes_that_are_no_text_end_the_connection_as_the_protocol_says(venue: str) -> None:
    """A text frame that is not UTF-8 reaches the client, which must fail the connection with 1007."""

    async def test() -> None:
        async with serve(venue, settings=BY_HAND) as server, joined(server) as ws:
            await begun(server, ws)
            server.arm("bad_utf8")
            server.step()
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    await asyncio.wait_for(ws.recv(), 5)
            assert closed.value.sent is not None
            assert 1007 == closed.value.sent.code

    run(test)


@pytest.mark.parametrize("venue", CHECKED)
def test_a_wrong_check_is_wrong_in_one_frame_only(venue: str) -> None:
    """The checksum, the size or the best prices of one change are false; every other frame is as it was."""
    false = {"bitget": "checksum", "kalshi": '"delta_fp":"-99999999.00"', "polymarket": '"best_bid":"0.999"'}

    async def test() -> None:
        plain, spoilt = await after(venue), await after(venue, "wrong_check")
        differ = [place for place, pair in enumerate(zip(plain, spoilt, strict=True)) if pair[0] != pair[1]]
        assert changes(venue, plain)[:1] == differ
        assert false[venue] in str(spoilt[differ[0]])

    run(test)


def test_a_drip_comes_in_pieces_and_nothing_comes_between() -> None:
    """One frame's bytes arrive in as many pieces as asked, over the time asked, while a ping waits."""

    async def test() -> None:
        async with serve("bitget", settings=BY_HAND) as server, joined(server) as ws:
            await begun(server, ws)
            ws.pieces.clear()
            server.arm("drip", seconds=0.3, pieces=6)
            server.step()
            pong = await ws.ping()
            await said(ws)
            (begin, _), (end, _) = ws.pieces[0], ws.pieces[5]
            assert 0.15 < end - begin < 2
            await asyncio.wait_for(pong, 5)

    run(test)


@pytest.mark.parametrize("venue", EVERY)
def test_connections_end_as_asked(venue: str) -> None:
    """FIN and RST without a close frame are 1006 to the client; each close code arrives as that code."""

    async def test() -> None:
        async with serve(venue, settings=BY_HAND) as server:
            for how in ("fin", "reset"):
                async with joined(server) as ws:
                    await begun(server, ws)
                    await server.do("drop", how=how)
                    await ws.wait_closed()
                    assert 1006 == ws.close_code
            for code in (1000, 1001, 1008, 1011, 1013, 4000):
                async with joined(server) as ws:
                    await begun(server, ws)
                    await server.do("close", code=code, reason="by script")
                    await ws.wait_closed()
                    assert (code, "by script") == (ws.close_code, ws.close_reason)
            assert Counter(drop=2, close=6) == Counter(deed.kind for deed in server.did)

    run(test)


@pytest.mark.parametrize("then", ["gap", "backlog"])
@pytest.mark.parametrize("venue", EVERY)
def test_a_frozen_venue_answers_pings_and_sends_nothing(venue: str, then: str) -> None:
    """Pings of both sorts are answered and no data comes; afterwards the data is lost, or comes all at once."""

    async def test() -> None:
        plain = await after(venue, count=20)
        async with serve(venue, seed=8, settings=FIXED) as server, joined(server) as ws:
            await begun(server, ws)
            await server.do("freeze", client=server.clients[0], seconds=0.4, pings=True, then=then)
            server.step(next(iter(server.books)), 12)
            for ping, pong in (("PING", "PONG"), ("ping", "pong")):
                if server.text_pong(ping):
                    await ws.send(ping)
                    assert pong == await asyncio.wait_for(ws.recv(), 5)
            assert [] == await drained(ws)
            await server.settle()
            server.step(next(iter(server.books)), 8)
            await server.settle()
            found = await drained(ws)
            if then == "backlog":
                assert plain == found
            else:
                assert len(changes(venue, plain)) == len(changes(venue, found)) + 12
                assert plain[-1] == found[-1]

    run(test)


@pytest.mark.parametrize("venue", EVERY)
def test_a_venue_frozen_whole_answers_no_ping(venue: str) -> None:
    """Nothing is read and nothing is sent; what was asked in that time is answered when it thaws."""

    async def test() -> None:
        async with serve(venue, settings=BY_HAND) as server, joined(server) as ws:
            await begun(server, ws)
            await server.do("freeze", seconds=0.5, pings=False)
            began = time.monotonic()
            pong = await ws.ping()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(pong), 0.15)
            await asyncio.wait_for(pong, 5)
            assert time.monotonic() - began > 0.2

    run(test)


@pytest.mark.parametrize("venue", EVERY)
def test_bursts_and_huge_frames_arrive_whole(venue: str) -> None:
    """A burst is many changes at once, each once; 5 MB arrive, and a client with a limit ends with 1009."""

    async def test() -> None:
        async with serve(venue, settings=BY_HAND) as server, joined(server) as ws:
            await begun(server, ws)
            await server.do("burst", count=200)
            await server.settle()
            assert 200 == len(changes(venue, await drained(ws)))
            await server.do("huge", megabytes=5)
            frame = await asyncio.wait_for(ws.recv(), 5)
            assert len(frame) >= 5_000_000
            assert json.loads(frame)
        async with serve(venue, settings=BY_HAND) as server:
            headers = signed(server) if venue == "kalshi" else {}
            async with connect(server.url, additional_headers=headers) as small:
                await server.do("huge", megabytes=5)
                with pytest.raises(ConnectionClosed) as closed:
                    await asyncio.wait_for(small.recv(), 5)
                assert closed.value.sent is not None
                assert 1009 == closed.value.sent.code

    run(test)
