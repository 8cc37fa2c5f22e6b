"""A feed against a venue on this machine: what it writes, when it gives up, and how it comes back."""

import asyncio
import itertools
import time
from collections import Counter

import pytest
from websockets.asyncio.server import ServerConnection

from connectors.capture import Received
from connectors.errors import CaptureError, FeedError
from connectors.feeds.answers import Answer
from connectors.feeds.polymarket import Polymarket
from connectors.feeds.session import Session
from connectors.feeds.venue import Get
from tests.connectors.feeds.loopback import Kept, Loopback, fast, fed, run, text

TOKEN = "111"
AT_MS = 1_795_194_000_000


def book(at_ms: int = AT_MS, bid: str = "0.47", ask: str = "0.52") -> str:
    """An image of the book."""
    sides = {"bids": [{"price": bid, "size": "10"}], "asks": [{"price": ask, "size": "5"}]}
    return text(
        {"event_type": "book", "market": "0xa", "asset_id": TOKEN, "timestamp": str(at_ms), "hash": "", **sides}
    )


def change(at_ms: int, size: str, claim: str = "0.47") -> str:
    """A change of the best bid, with what the venue claims the best prices are."""
    made = {"asset_id": TOKEN, "price": "0.47", "size": size, "side": "BUY", "best_bid": claim, "best_ask": "0.52"}
    return text({"event_type": "price_change", "market": "0xa", "timestamp": str(at_ms), "price_changes": [made]})


async def steady(server: Loopback, connection: ServerConnection) -> None:
    """Answer probes, and say an image with each subscription, for as long as the client stays."""
    async for said in connection:
        assert isinstance(said, str)
        server.heard.append(said)
        if said == "PING":
            await connection.send("PONG")
        elif '"unsubscribe"' not in said:
            await connection.send(book())


def test_every_frame_is_written_as_it_came() -> None:
    """Bytes, arrival that never runs backwards, connection, and a sequence without holes; events around them."""

    async def main() -> tuple[Session, Kept, list[str]]:
        async def script(connection: ServerConnection, number: int) -> None:
            await server.hear(connection)
            for message in (book(), "not json", "[]", '{"a": "\\ud800"}', b"\xff\xfe", change(AT_MS + 1, "11")):
                await connection.send(message)
            await connection.wait_closed()

        async with Loopback(script) as server:
            venue = fast(Polymarket([TOKEN], places=server.places))
            return *await fed(venue, lambda session, kept: len(kept.frames) >= 6), server.heard

    session, kept, heard = run(main())
    expected = [book(), "not json", "[]", '{"a": "\\ud800"}', "", change(AT_MS + 1, "11")]
    assert [frame.encode() or b"\xff\xfe" for frame in expected] == kept.frames
    assert ["connected", "subscribed", "disconnected"] == kept.events
    lines = [line for line in kept.lines if line.conn != "recorder"]
    assert list(range(1, 10)) == [line.n for line in lines]
    assert 1 == len({line.conn for line in lines}) and lines[0].conn.startswith("market-0@")
    arrivals = [line.at_ns for line in kept.lines]
    assert sorted(arrivals) == arrivals
    assert ['{"type":"market","assets_ids":["111"],"custom_feature_enabled":true}'] == heard[:1]
    assert (6, 1, Counter()) == (session.counts.frames, session.counts.connects, session.counts.ends)
    assert [] == session.judge.waiting


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("close", "closed 4001"),
        ("drop", "closed 1006"),
        ("silent", "silent"),
        ("mute", "no data"),
        ("huge", "closed 1009"),
    ],
)
def test_a_connection_that_is_of_no_use_is_replaced(deed: str, reason: str) -> None:
    """Closed, cut, dead, without data or with a message beyond all bounds: named, and a new image ends it."""

    async def main() -> tuple[Session, Kept]:
        async def script(connection: ServerConnection, number: int) -> None:
            if number == 1:
                await server.hear(connection)
                if deed != "mute":
                    await connection.send(book())
                if deed == "close":
                    await connection.close(4001, "go")
                elif deed == "drop":
                    connection.transport.abort()
                elif deed == "silent":
                    connection.transport.pause_reading()
                    await connection.wait_closed()
                elif deed == "huge":
                    await connection.send("x" * 5_000)
                else:
                    async for _ in connection:
                        await connection.send("PONG")
            await steady(server, connection)

        async with Loopback(script) as server:
            venue = fast(Polymarket([TOKEN], places=server.places), frame_max=4_000)
            return await fed(venue, lambda session, kept: server.count == 2 and len(session.judge.waiting) == 0)

    session, kept = run(main())
    assert {reason: 1} == dict(session.counts.ends)
    assert ["connected", "subscribed", "disconnected", "connected", "subscribed", "disconnected"] == kept.events
    first, second = dict.fromkeys(line.conn for line in kept.lines if line.event == "connected")
    assert first != second


def test_a_dead_socket_is_noticed_within_two_seconds() -> None:
    """With the venue's own limits: the last message and `disconnected` are less than two seconds apart."""

    async def main() -> Kept:
        async def script(connection: ServerConnection, number: int) -> None:
            await server.hear(connection)
            await connection.send(book())
            connection.transport.pause_reading()
            await connection.wait_closed()

        async with Loopback(script) as server:
            _, kept = await fed(
                Polymarket([TOKEN], places=server.places, ), lambda session, kept: session.counts.ends["silent"] == 1,
                get=lambda url: Answer(b"", "none"),
            )  # fmt: skip
            return kept

    kept = run(main())
    last = next(line.at_ns for line in kept.lines if line.frame)
    end = next(line.at_ns for line in kept.lines if line.event == "disconnected")
    assert 1.7e9 <= end - last <= 2.1e9  # a tenth for a busy machine


def test_a_claim_that_does_not_hold_brings_a_new_image() -> None:
    """The lane's own order book says that something was lost; the token is subscribed anew, and only that token."""

    async def main() -> tuple[Session, list[str]]:
        async def script(connection: ServerConnection, number: int) -> None:
            await server.hear(connection)
            await connection.send(book())
            await connection.send(change(AT_MS + 1, "11", "0.49"))
            await connection.send(change(AT_MS + 2, "12", "0.48"))
            while True:
                said = await server.hear(connection)
                if '"subscribe"' in said:
                    await connection.send(book(AT_MS + 3))

        async with Loopback(script) as server:
            venue = fast(Polymarket([TOKEN], places=server.places))
            session, _ = await fed(venue, lambda session, kept: session.judge.images == 2)
            return session, server.heard

    session, heard = run(main())
    assert {"MISMATCH": 1} == dict(session.judge.lost)
    assert [
        '{"operation":"unsubscribe","assets_ids":["111"]}',
        '{"operation":"subscribe","assets_ids":["111"],"custom_feature_enabled":true}',
    ] == [said for said in heard if "operation" in said]
    assert (1, []) == (session.judge.asked, session.judge.waiting)


def test_probes_are_answered_and_a_quiet_connection_lives() -> None:
    """A book that says nothing is no reason to connect again while the venue answers."""

    async def main() -> tuple[Session, Kept, list[str]]:
        async def script(connection: ServerConnection, number: int) -> None:
            await steady(server, connection)

        async with Loopback(script) as server:
            venue = fast(Polymarket([TOKEN], places=server.places))
            session, kept = await fed(venue, lambda session, kept: kept.frames.count(b"PONG") >= 4)
            return session, kept, server.heard

    session, _, heard = run(main())
    assert (1, Counter()) == (session.counts.connects, session.counts.ends)
    assert 4 <= heard.count("PING")


def test_a_venue_that_is_away_is_asked_again_with_pauses() -> None:
    """Nothing listens, then a handshake is refused, then it works; nothing is given up."""

    async def main() -> Counter[str]:
        async def script(connection: ServerConnection, number: int) -> None:
            await steady(server, connection)

        server = Loopback(script)
        async with server:
            venue = fast(Polymarket([TOKEN], places=server.places))

        async def come() -> None:
            await asyncio.sleep(0.3)
            server.answers["upgrade"] = (503, b"")
            async with server:
                await asyncio.sleep(0.3)
                server.answers.clear()
                await asyncio.sleep(3)

        coming = asyncio.create_task(come())
        session, _ = await fed(venue, lambda session, kept: session.judge.images == 1)
        coming.cancel()
        return session.counts.ends

    ends = run(main())
    assert {"unreachable", "http 503"} == ends.keys()
    assert ends["unreachable"] > 1 and ends["http 503"] > 1


def test_a_refusal_for_good_ends_the_feed() -> None:
    """A key that the venue does not know is tried three times, since a gateway may err once, and then no more."""

    async def main() -> None:
        async def script(connection: ServerConnection, number: int) -> None:
            await steady(server, connection)

        async with Loopback(script, {"upgrade": (401, b"")}) as server:
            await fed(fast(Polymarket([TOKEN], places=server.places)), lambda session, kept: False)

    with pytest.raises(FeedError, match=r"refused \(http 401\)"):
        run(main())


def test_a_connection_is_replaced_before_the_venue_ends_it() -> None:
    """At the end of its life, without a pause."""

    async def main() -> Counter[str]:
        async def script(connection: ServerConnection, number: int) -> None:
            await steady(server, connection)

        async with Loopback(script) as server:
            venue = fast(Polymarket([TOKEN], places=server.places), lifetime_s=0.3)
            session, _ = await fed(venue, lambda session, kept: session.judge.images == 3)
            return session.counts.ends

    assert {"planned": 2} == dict(run(main()))


def test_definitions_come_first_and_may_fail() -> None:
    """They are frames of the recording; what cannot be fetched is counted, and the feed goes on."""

    async def main() -> tuple[Session, Kept]:
        async def script(connection: ServerConnection, number: int) -> None:
            await steady(server, connection)

        async with Loopback(script, {"/markets": (200, b"[]")}) as server:
            venue = fast(Polymarket([TOKEN], places=server.places))
            venue.about += (Get(f"{server.places.rest}/none", "rest"), Get("http://127.0.0.1:9/", "rest"))
            return await fed(venue, lambda session, kept: session.judge.images == 1)

    session, kept = run(main())
    assert Received(kept.lines[0].at_ns, "rest", 1, b"[]") == kept.lines[0]
    assert {"http 404": 1, "unreachable": 1} == dict(session.counts.failed)


def beats_of(kept: Kept) -> list[Received]:
    """What the recorder said of itself."""
    return [line for line in kept.lines if line.conn == "recorder"]


def test_while_nothing_comes_the_recorder_gives_the_time() -> None:
    """Once a second, under a name of its own: the venue's connections have not spoken."""

    async def main() -> Kept:
        async def script(connection: ServerConnection, number: int) -> None:
            await server.hear(connection)
            await connection.send(book())
            await connection.wait_closed()

        async with Loopback(script) as server:
            limits = {"patience_s": 9.0, "probe_s": 5.0, "beat_s": 9.0, "first_s": 9.0}
            venue = fast(Polymarket([TOKEN], places=server.places), **limits)
            return (await fed(venue, lambda session, kept: len(beats_of(kept)) == 2))[1]

    beats = beats_of(run(main()))
    assert [("beat", 1), ("beat", 2)] == [(line.event, line.n) for line in beats]
    assert 0.9e9 <= beats[1].at_ns - beats[0].at_ns <= 1.6e9


class _Slow(Kept):
    def write(self, batch: list[Received]) -> None:  # type: ignore[override]
        time.sleep(0.05)
        super().write(batch)


def test_a_slow_disk_holds_the_venue_back_and_nothing_is_dropped() -> None:
    """With room for a few messages everything comes through, in order, in batches of no more than fits."""
    count = 400

    async def main() -> tuple[Session, Kept]:
        async def script(connection: ServerConnection, number: int) -> None:
            await server.hear(connection)
            await connection.send(book())
            for step in range(count):
                await connection.send(change(AT_MS + step, "7"))
            await connection.wait_closed()

        async with Loopback(script) as server:
            venue = fast(Polymarket([TOKEN], places=server.places), waiting_max=8_000, patience_s=5.0)
            kept = _Slow()
            session = Session(venue, kept, seed=7)
            await session.run(lambda: len(kept.frames) > count, 8.0)
            return session, kept

    session, kept = run(main())
    stamps = [AT_MS + step for step in range(count)]
    assert stamps == [int(frame.split(b'"timestamp": "')[1][:13]) for frame in kept.frames[1:]]
    assert session.counts.most < 60 < session.counts.writes * session.counts.most
    assert Counter() == session.counts.ends


class _Full(Kept):
    def write(self, batch: list[Received]) -> None:  # type: ignore[override]
        raise CaptureError("x: No space left on device; the batch is not on disk")


def test_a_disk_that_is_full_ends_the_feed_loudly() -> None:
    """What could not be kept is an error, and no connection stays open."""

    async def main() -> int:
        async def script(connection: ServerConnection, number: int) -> None:
            await steady(server, connection)

        async with Loopback(script) as server:
            venue = fast(Polymarket([TOKEN], places=server.places))
            with pytest.raises(CaptureError, match="No space left"):
                await Session(venue, _Full()).run(lambda: False, 5.0)
            await asyncio.sleep(0.1)
            assert server.server is not None
            return len(server.server.connections)

    assert 0 == run(main())


def test_arrival_never_runs_backwards() -> None:
    """A clock that is set back stands still until it has caught up."""
    clock = itertools.chain([AT_MS * 10**6, AT_MS * 10**6 - 5], itertools.count(AT_MS * 10**6 + 1))

    async def main() -> list[int]:
        session = Session(Polymarket([TOKEN]), Kept(), now_ns=lambda: next(clock))
        return [session.now() - AT_MS * 10**6 for _ in range(4)]

    assert [0, 0, 1, 2] == run(main())


def test_what_has_no_connection_is_stale() -> None:
    """Before the first one, too."""

    async def main() -> list[str]:
        return Session(Polymarket([TOKEN]), Kept()).stale()

    assert ["market-0"] == run(main())
