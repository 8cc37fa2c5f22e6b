"""Bitget's public socket: commands that fit, and a checksum that does not hold."""

import json
from zlib import crc32

from websockets.asyncio.server import ServerConnection

from connectors.feeds.bitget import Bitget, BitgetTalk
from connectors.feeds.venue import Heard, Link
from tests.connectors.feeds.loopback import Loopback, fast, fed, run, text

LINK = Link("public-0", "ws://127.0.0.1/v2/ws/public", ("bitget:BTCUSDT",))


def book(action: str, bid: str, size: str, spelled: str | None = None) -> str:
    """An image or a change, with the checksum of the book that results."""
    arg = {"instType": "USDT-FUTURES", "channel": "books", "instId": "BTCUSDT"}
    sent = crc32((spelled or f"{bid}:{size}:65000.2:1.5").encode())
    asks = [["65000.2", "1.5"]] if action == "snapshot" else []
    made = {"asks": asks, "bids": [[bid, size]], "checksum": sent - ((sent >> 31) << 32), "ts": "1790000000123"}
    return text({"action": action, "arg": arg, "data": [made], "ts": 1790000000125})


def test_messages_are_told_apart() -> None:
    """Pushes, answers, refusals and the answer to a probe."""
    talk = BitgetTalk(LINK, {"bitget:BTCUSDT": "BTCUSDT"})
    assert Heard.BEAT is talk.hear(b"pong")
    assert Heard.DATA is talk.hear(book("snapshot", "65000.1", "0.7").encode())
    assert Heard.ANSWER is talk.hear(b'{"event":"subscribe","arg":{}}')
    assert Heard.ANSWER is talk.hear(b"\xff\xfe")
    assert Heard.REFUSED is talk.hear(b'{"event":"error","code":30001,"msg":"no such channel"}')
    assert "no such channel" in talk.said


def test_commands_fit_the_venue() -> None:
    """48 channels on a connection, 4,096 bytes in a command; books before the rest."""
    venue = Bitget([f"SYMBOL{number}USDT" for number in range(33)])
    assert [11, 11, 11] == [len(link.markets) for link in venue.links]
    commands = venue.talk(venue.links[0]).opening()
    assert all(len(command) < 4_096 for command in commands)
    channels = [arg["channel"] for command in commands for arg in json.loads(command)["args"]]
    assert ["books"] * 11 + ["trade"] * 11 + ["ticker"] * 11 == channels
    assert ("bitget:SYMBOL0USDT", "bitget:SYMBOL3USDT") == venue.links[0].markets[:2]


def test_definitions_are_asked_for_one_by_one_or_all_at_once() -> None:
    """Few symbols by name, many with the whole list."""
    url = "https://api.bitget.com/api/v2/mix/market/contracts?productType=USDT-FUTURES"
    assert [f"{url}&symbol=BTCUSDT"] == [get.url for get in Bitget(["btcusdt"]).about]
    assert [url] == [get.url for get in Bitget([f"A{number}USDT" for number in range(21)]).about]


def test_a_checksum_that_does_not_hold_brings_a_new_image() -> None:
    """The book is subscribed anew, and only the book."""

    async def main() -> tuple[dict[str, int], list[str]]:
        async def script(connection: ServerConnection, number: int) -> None:
            await server.hear(connection)
            await connection.send(book("snapshot", "65000.1", "0.7"))
            await connection.send(book("update", "65000.1", "0.9", "another book"))
            async for said in connection:
                server.heard.append(str(said))
                if said == "ping":
                    await connection.send("pong")
                elif '"subscribe"' in str(said):
                    await connection.send(book("snapshot", "65000.1", "0.9"))

        async with Loopback(script) as server:
            venue = fast(Bitget(["BTC/USDT:USDT"], places=server.places))
            session, _ = await fed(venue, lambda session, kept: session.judge.images == 2)
            return dict(session.judge.lost), server.heard

    lost, heard = run(main())
    assert {"CHECKSUM": 1} == lost
    arg = {"instType": "USDT-FUTURES", "channel": "books", "instId": "BTCUSDT"}
    again = [json.loads(said) for said in heard[1:] if said != "ping"]
    assert [{"op": "unsubscribe", "args": [arg]}, {"op": "subscribe", "args": [arg]}] == again
