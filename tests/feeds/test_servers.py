"""Hold each venue's well-behaved stream against a consumer written here, from the venues' rules and nothing else.

The consumers below share no line with the servers or with the project: they follow the rules for keeping a book and
compare it, message by message, with the true book at that message's own sequence.
"""

import asyncio
import hashlib
import json
import urllib.error
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.feeds.raw_client import BY_HAND, QUICK, fetched, joined, run, said
from tests.feeds.servers.bitget import checksum
from tests.feeds.servers.books import TrueBook
from tests.feeds.servers.polymarket import Polymarket, book_hash
from tests.feeds.servers.serving import VENUES, serve
from tests.feeds.servers.settings import Settings

D = Decimal


def levels(pairs: Any) -> dict[Decimal, Decimal]:
    """Return [price, size] pairs as decimals."""
    return {D(price): D(size) for price, size in pairs}


def put(side: dict[Decimal, Decimal], price: str, size: str) -> None:
    """Set a level's new total; nought takes it away."""
    if D(size):
        side[D(price)] = D(size)
    else:
        side.pop(D(price), None)


def first(side: dict[Any, Any], best: Callable[..., Any], missing: str) -> Decimal:
    """Return a side's best price."""
    return D(best(side)) if side else D(missing)


@pytest.mark.parametrize("yes_price", [False, True])
def test_kalshi_books_follow_from_snapshot_and_deltas(yes_price: bool) -> None:
    """Sequences have no hole, replies included, and after each message the book is true, on either price scale."""

    async def test() -> None:
        async with serve("kalshi", seed=7, settings=QUICK) as server, joined(server) as ws:
            markets = list(server.books)
            asks: dict[str, dict[Decimal, Decimal]] = {}
            bids: dict[str, dict[Decimal, Decimal]] = {}
            params = {"channels": ["orderbook_delta"], "market_tickers": markets[:2], "use_yes_price": yes_price}
            await ws.send(json.dumps({"id": 1, "cmd": "subscribe", "params": params}))
            assert {"id": 1, "type": "subscribed", "msg": {"channel": "orderbook_delta", "sid": 1}} == await said(ws)
            kinds: dict[str, int] = {}
            for seq in range(1, 1_500):
                message = await said(ws)
                assert (1, seq) == (message["sid"], message["seq"])
                kinds[message["type"]] = kinds.get(message["type"], 0) + 1
                if seq == 300:
                    extra = {"sid": 1, "action": "add_markets", "market_tickers": markets[2:]}
                    await ws.send(json.dumps({"id": 2, "cmd": "update_subscription", "params": extra}))
                if message["type"] == "ok":
                    assert 2 == message["id"]
                    continue
                msg = message["msg"]
                market = msg["market_ticker"]
                if message["type"] == "orderbook_snapshot":
                    bids[market] = levels(msg.get("yes_dollars_fp", []))
                    no = levels(msg.get("no_dollars_fp", []))
                    asks[market] = no if yes_price else {1 - price: size for price, size in no.items()}
                else:
                    price = D(msg["price_dollars"])
                    price = price if msg["side"] == "yes" or yes_price else 1 - price
                    side = (bids if msg["side"] == "yes" else asks)[market]
                    size = side.get(price, D(0)) + D(msg["delta_fp"])
                    assert size >= 0
                    put(side, str(price), str(size))
                assert TrueBook(bids[market], asks[market]) == server.book(market, (1, seq))
            assert {"orderbook_snapshot": 3, "ok": 1, "orderbook_delta": 1_495} == kinds

    run(test)


def test_polymarket_books_follow_for_both_tokens() -> None:
    """Books replace, changes set totals, the best prices agree, and each hash names the version that it came with."""

    async def test() -> None:
        async with serve("polymarket", seed=3, settings=QUICK) as server, joined(server) as ws:
            assert isinstance(server, Polymarket)
            tokens = [token for market in server.books for token in server.tokens(market)]
            await ws.send(json.dumps({"type": "market", "assets_ids": tokens[:3], "custom_feature_enabled": True}))
            books: dict[str, TrueBook] = {}
            kinds: dict[str, int] = {}
            while sum(kinds.values()) < 3_000:
                message = await said(ws)
                for event in message if isinstance(message, list) else [message]:
                    kind = event["event_type"]
                    kinds[kind] = kinds.get(kind, 0) + 1
                    if kind == "book":
                        sides = (
                            [(level["price"], level["size"]) for level in event[side]] for side in ("bids", "asks")
                        )
                        books[event["asset_id"]] = TrueBook(*map(levels, sides))
                        assert books[event["asset_id"]] == server.book(event["asset_id"], event["hash"])
                    for entry in event.get("price_changes", []):
                        if entry["asset_id"] not in books:
                            assert entry["asset_id"] == tokens[3]  # its twin is subscribed to, and told in one message
                            continue
                        book = books[entry["asset_id"]]
                        put(book.bids if entry["side"] == "BUY" else book.asks, entry["price"], entry["size"])
                        best = (first(book.bids, max, "0"), first(book.asks, min, "1"))
                        assert (D(entry["best_bid"]), D(entry["best_ask"])) == best
                        assert book == server.book(entry["asset_id"], entry["hash"])
            assert {"book", "price_change", "last_trade_price", "best_bid_ask"} == set(kinds)

    run(test)


def test_binance_book_follows_by_the_documented_recipe() -> None:
    """Buffer, fetch, drop the old, start where U <= L <= u, go on while pu is the last u: true at each u."""

    async def test() -> None:
        async with (
            serve("binance", seed=5, markets=["BTCUSDT"], settings=QUICK) as server,
            joined(server, "/public/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker") as ws,
        ):
            buffer = [await said(ws) for _ in range(20)]
            snapshot = await fetched(server, "/fapi/v1/depth?symbol=BTCUSDT&limit=1000")
            book, number = TrueBook(levels(snapshot["bids"]), levels(snapshot["asks"])), snapshot["lastUpdateId"]
            assert book == server.book("BTCUSDT", number)
            last = checked = holes = 0
            while checked < 400:
                message = buffer.pop(0) if buffer else await said(ws)
                event = message["data"]
                assert message["stream"].partition("@")[2].startswith(("depth", "bookTicker"))
                if event["e"] != "depthUpdate" or (not last and event["u"] < number):
                    continue
                assert event["pu"] == last if last else event["U"] <= number <= event["u"]
                holes += event["U"] > event["pu"] + 1
                last = event["u"]
                for side, key in ((book.bids, "b"), (book.asks, "a")):
                    for price, size in event[key]:
                        put(side, price, size)
                if last > number:
                    assert book == server.book("BTCUSDT", last)
                    checked += 1
            assert holes > 0

    run(test)


def test_bitget_books_hold_their_checksum() -> None:
    """The crc32 over the strings that were received holds after each message, and the book is true at its seq."""

    async def test() -> None:
        async with serve("bitget", seed=11, markets=["BTCUSDT"], settings=QUICK) as server, joined(server) as ws:
            arg = {"instType": "USDT-FUTURES", "channel": "books", "instId": "BTCUSDT"}
            await ws.send(json.dumps({"op": "subscribe", "args": [arg]}))
            assert {"event": "subscribe", "arg": arg} == await said(ws)
            sides: dict[str, dict[str, str]] = {}
            skipped = last = 0
            for count in range(600):
                message = await said(ws)
                (data,) = message["data"]
                assert ("snapshot" if count == 0 else "update", arg) == (message["action"], message["arg"])
                if count == 0:
                    sides = {"bids": {}, "asks": {}}
                for name, side in sides.items():
                    for price, size in data[name]:
                        side.pop(price, None)
                        if size != "0":
                            side[price] = size
                bids = sorted(sides["bids"].items(), key=lambda level: -D(level[0]))
                asks = sorted(sides["asks"].items(), key=lambda level: D(level[0]))
                turns = [part for pair in zip(bids[:25], asks[:25], strict=True) for level in pair for part in level]
                crc = zlib.crc32(":".join(turns).encode())
                assert (crc if crc < 2**31 else crc - 2**32) == data["checksum"]
                assert TrueBook(levels(bids), levels(asks)) == server.book("BTCUSDT", data["seq"])
                assert data["seq"] > last
                skipped += count > 0 and data["seq"] > last + 1
                last = data["seq"]
            assert skipped > 0
            assert len(bids) > 25

    run(test)


def test_the_published_examples_are_met() -> None:
    """Bitget's two checksums and the hash of a Polymarket book are those that the fact sheets print."""
    assert 407033238 == checksum([("65000.1", "0.7")], [("65000.2", "1.5")])
    assert -1883378892 == checksum([("65000.1", "0.7")], [])
    payload: dict[str, object] = {
        "market": "0x" + "1" * 64, "asset_id": "1234567890", "timestamp": "1777400000123", "hash": "",
        "bids": [{"price": "0.48", "size": "30"}, {"price": "0.49", "size": "20.5"}],
        "asks": [{"price": "0.52", "size": "25"}, {"price": "0.51", "size": "60"}],
        "min_order_size": "5", "tick_size": "0.01", "neg_risk": False, "last_trade_price": "0.5",
    }  # fmt: skip
    assert "e8d7c98f925990bc6a26b524a718a49f13e5e0c4" == book_hash(payload)


def test_the_books_over_rest_are_the_true_ones() -> None:
    """Kalshi's and Polymarket's REST books equal the truth; a Polymarket book carries the hash of its own bytes."""

    async def test() -> None:
        async with serve("kalshi", seed=4, settings=BY_HAND) as server:
            server.step(count=100)
            for market in server.books:
                both = (await fetched(server, f"/trade-api/v2/markets/{market}/orderbook"))["orderbook_fp"]
                asks = {1 - price: size for price, size in levels(both.get("no_dollars", [])).items()}
                assert TrueBook(levels(both.get("yes_dollars", [])), asks) == server.book(market)
        async with serve("polymarket", seed=4, settings=BY_HAND) as server:
            assert isinstance(server, Polymarket)
            token = server.tokens(next(iter(server.books)))[1]
            (book,) = await fetched(server, "/books", [{"token_id": token}])
            assert book == await fetched(server, f"/book?token_id={token}")
            text = json.dumps({**book, "hash": ""}, separators=(",", ":"))
            assert hashlib.sha1(text.encode()).hexdigest() == book["hash"]
            shown = TrueBook(
                *(levels((level["price"], level["size"]) for level in book[side]) for side in ("bids", "asks"))
            )
            assert shown == server.book(token) == server.book(token, book["hash"])
            with pytest.raises(urllib.error.HTTPError, match="404"):
                await fetched(server, "/book?token_id=1")

    run(test)


@pytest.mark.parametrize("venue", sorted(VENUES))
def test_the_same_seed_gives_the_same_books(venue: str) -> None:
    """Two servers of one seed move alike, version by version; another seed moves otherwise."""

    async def books(seed: int) -> list[TrueBook]:
        settings = Settings(pace_s=0, clock_ms=lambda: 1_790_000_000_000)
        async with serve(venue, seed=seed, settings=settings) as server:
            market = next(iter(server.books))
            seen = []
            for _ in range(200):
                server.step(market)
                seen.append(server.book(market))
            return seen

    assert asyncio.run(books(1)) == asyncio.run(books(1))
    assert asyncio.run(books(1)) != asyncio.run(books(2))


@pytest.mark.parametrize("venue", sorted(VENUES))
def test_books_are_never_crossed_and_every_version_is_kept(venue: str) -> None:
    """Over thousands of steps no bid meets an ask, and old versions can be asked for as they were."""

    async def test() -> None:
        async with serve(venue, seed=9, settings=BY_HAND) as server:
            for book in server.books.values():
                kept = {1: book.at()}
                empty = 0
                for _ in range(3_000):
                    change = book.step(1_790_000_000_000 + book.version)
                    bid, ask = book.best
                    empty += bid is None or ask is None
                    assert bid is None or ask is None or bid < ask
                    if change.version % 97 == 0:
                        kept[change.version] = book.at()
                assert kept == {version: book.at(version) for version in kept}
                assert (empty > 0) is book.shape.sweeps
                assert 500 == book.at_ms(1_790_000_000_000 + 499)

    run(test)
