"""Kalshi's websocket: what is said, what is understood, and a gap that a snapshot closes."""

import json

import pytest
from websockets.asyncio.server import ServerConnection

from connectors.errors import FeedError
from connectors.feeds.kalshi import MARKETS_MAX, Kalshi, KalshiTalk
from connectors.feeds.venue import Heard, Link, Lost
from tests.connectors.feeds.keys import signer_of, verified
from tests.connectors.feeds.loopback import Loopback, fast, fed, run, text

A, B = "KXHIGHNY-26NOV20-T45", "KXHIGHNY-26NOV20-T50"
LINK = Link("ws-0", "ws://127.0.0.1/trade-api/ws/v2", (A, B))
CHANNELS = ("orderbook_delta", "trade", "ticker")


def snapshot(seq: int, ticker: str, sid: int = 2) -> str:
    """An image of a market's book."""
    sides = {"yes_dollars_fp": [["0.4200", "13.00"]], "no_dollars_fp": [["0.5600", "17.00"]]}
    return text({"type": "orderbook_snapshot", "sid": sid, "seq": seq, "msg": {"market_ticker": ticker, **sides}})


def delta(seq: int, ticker: str, size: str = "1.00", sid: int = 2) -> str:
    """A change of a market's book."""
    made = {"market_ticker": ticker, "price_dollars": "0.4200", "delta_fp": size, "side": "yes", "ts_ms": 1777400000123}
    return text({"type": "orderbook_delta", "sid": sid, "seq": seq, "msg": made})


def subscribed(channel: str, sid: int) -> str:
    """The answer to a subscription."""
    return text({"id": 1, "type": "subscribed", "msg": {"channel": channel, "sid": sid}})


def refusal(code: int) -> bytes:
    """An error of the venue."""
    return text({"id": 1, "type": "error", "msg": {"code": code, "msg": "no\n\x1b[31m"}}).encode()


def test_books_are_subscribed_with_the_scale_said() -> None:
    """The default of the scale will change, so it is never left out; the other channels follow."""
    first, second = map(json.loads, KalshiTalk(LINK, CHANNELS).opening())
    params = {"channels": ["orderbook_delta"], "market_tickers": [A, B], "use_yes_price": False}
    assert {"id": 1, "cmd": "subscribe", "params": params} == first
    params = {"channels": ["trade", "ticker"], "market_tickers": [A, B], "send_initial_snapshot": True}
    assert {"id": 2, "cmd": "subscribe", "params": params} == second


def test_a_snapshot_is_asked_for_inside_its_subscription() -> None:
    """Before the venue has named the subscription there is nothing to ask in."""
    talk = KalshiTalk(LINK, CHANNELS)
    assert ((), ()) == talk.again([A])
    assert Heard.ANSWER is talk.hear(subscribed("trade", 9).encode())
    assert Heard.ANSWER is talk.hear(subscribed("orderbook_delta", 7).encode())
    (command,) = talk.again([A]).commands
    params = {"sid": 7, "action": "get_snapshot", "market_tickers": [A]}
    assert {"id": 1, "cmd": "update_subscription", "params": params} == json.loads(command)


def test_messages_are_told_apart() -> None:
    """Data, answers, refusals; what cannot be read is neither data nor the end."""
    talk = KalshiTalk(LINK, CHANNELS)
    assert Heard.DATA is talk.hear(delta(1, A).encode())
    assert Heard.DATA is talk.hear(snapshot(1, A).encode())
    for said in (b"\xff", b"[1]", b'{"type":5}', b"{}", b'{"type":"ok","sid":1,"seq":4}', b"[" * 100_000):
        assert Heard.ANSWER is talk.hear(said)
    assert Heard.REFUSED is talk.hear(refusal(27))
    assert '"msg": "no\\n\\u001b[31m"' in talk.said and talk.said.isprintable()


@pytest.mark.parametrize(("code", "reason"), [(10, "channel error"), (25, "buffer overflow")])
def test_a_subscription_that_the_venue_ended_is_begun_anew(code: int, reason: str) -> None:
    """Two errors end a subscription: the connection is replaced."""
    with pytest.raises(Lost, match=reason):
        KalshiTalk(LINK, CHANNELS).hear(refusal(code))


def test_too_many_markets_are_a_mistake_of_the_person() -> None:
    """Trying again would not help."""
    with pytest.raises(FeedError, match="2 markets on a connection are too many"):
        KalshiTalk(LINK, CHANNELS).hear(refusal(26))


@pytest.mark.parametrize("ticker", ["", "a b", "kx", "KX/..", "K" * 101, "KX\nY"])
def test_only_tickers_are_sent(ticker: str) -> None:
    """Anything else is refused before anything is opened."""
    with pytest.raises(FeedError, match="allowed: tickers"):
        Kalshi([ticker], signer_of())


def test_many_markets_share_connections() -> None:
    """As even as they come, each market on one."""
    markets = [f"KX{number}" for number in range(2 * MARKETS_MAX + 1)]
    links = Kalshi(markets, signer_of()).links
    assert [67, 67, 67] == [len(link.markets) for link in links]
    assert sorted(markets) == sorted(market for link in links for market in link.markets)
    assert {"wss://external-api-ws.kalshi.com/trade-api/ws/v2"} == {link.url for link in links}


def test_a_gap_is_closed_by_a_snapshot_and_the_handshake_is_signed() -> None:
    """A number is missing: every book of the subscription is asked for, and is whole again; the key was proven."""

    async def main() -> tuple[list[int], dict[str, int], list[str], int]:
        async def script(connection: ServerConnection, number: int) -> None:
            await server.hear(connection)
            for said in (subscribed("orderbook_delta", 2), snapshot(1, A), snapshot(2, B), delta(3, A), delta(5, A)):
                await connection.send(said)
            seq = 5
            async for said in connection:
                command = json.loads(said)
                server.heard.append(str(said))
                if command["params"].get("action") == "get_snapshot":
                    for ticker in command["params"]["market_tickers"]:
                        seq += 1
                        await connection.send(snapshot(seq, ticker))

        async with Loopback(script) as server:
            venue = fast(Kalshi([A, B], signer_of(), places=server.places))
            session, _ = await fed(venue, lambda session, kept: session.judge.images == 4)
            signed = [int(verified(headers, "/trade-api/ws/v2")) for headers in server.headers if "Upgrade" in headers]
            return signed, dict(session.judge.lost), server.heard, session.judge.gaps

    signed, lost, heard, gaps = run(main())
    assert [1] == signed
    assert ({"GAP": 2}, 1) == (lost, gaps)
    asked = [json.loads(said)["params"] for said in heard if "get_snapshot" in said]
    assert [{"sid": 2, "action": "get_snapshot", "market_tickers": [A, B]}] == asked
