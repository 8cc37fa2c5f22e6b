"""The mocks of Binance and Bitget satisfy the library that real clients use: markets, orders, reads, sockets."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import ccxt.pro as ccxt
import pytest

from tests.venues import VenueControl, mock_venue, point_ccxt

SYMBOL = "BTC/USDT:USDT"
VENUES = ("binance", "bitget")
Story = Callable[[Any, VenueControl], Awaitable[None]]


def opened(name: str, venue: VenueControl, **more: Any) -> Any:
    """A ccxt exchange with demo trading on, pointed at a mock; without ccxt's own tags."""
    keys: dict[str, Any] = {"apiKey": venue.keys["api_key"], "secret": venue.keys["secret"], "rateLimit": 1, **more}
    if name == "bitget":
        keys |= {"password": venue.keys["passphrase"]}
        keys["options"] = {"defaultType": "swap", "fetchMarkets": {"types": ["swap"]}, "broker": "-", "uta": False}
    exchange = ccxt.binanceusdm(keys) if name == "binance" else ccxt.bitget(keys)
    exchange.enable_demo_trading(True)
    point_ccxt(exchange, venue)
    return exchange


def told(name: str, story: Story) -> None:
    """Run a story with an exchange of ours."""

    async def run(venue: VenueControl) -> None:
        exchange = opened(name, venue)
        try:
            await exchange.load_markets()
            await story(exchange, venue)
        finally:
            await exchange.close()

    with mock_venue(name) as venue:
        asyncio.run(run(venue))


@pytest.mark.parametrize("name", VENUES)
def test_markets_load_with_their_grids(name: str) -> None:
    """Steps, smallest sizes and fees come out as the fact sheet lists them; time and books can be read."""

    async def story(exchange: Any, venue: VenueControl) -> None:
        market = exchange.market(SYMBOL)
        assert (0.1, 0.001, True, 1.0) == (
            market["precision"]["price"], market["precision"]["amount"], market["active"], market["contractSize"],
        )  # fmt: skip
        assert {"binance": (50.0, 0.0005, 0.0002), "bitget": (5.0, 0.0006, 0.0002)}[name] == (
            market["limits"]["cost"]["min"], market["taker"], market["maker"],
        )  # fmt: skip
        assert abs(await exchange.fetch_time() - venue.state()["clock_ms"]) < 5_000
        book = await exchange.fetch_order_book(SYMBOL, 5)
        assert ([65000.1, 1.5], [65000.2, 1.5]) == (book["bids"][0], book["asks"][0])

    told(name, story)


@pytest.mark.parametrize("name", VENUES)
def test_an_order_lives_from_placing_to_the_end(name: str) -> None:
    """Place, find by client id, list, fill in part, read the fill and the position, cancel; no tag of the library."""

    async def story(exchange: Any, venue: VenueControl) -> None:
        placed = await exchange.create_order(SYMBOL, "limit", "buy", "0.004", "64000", {"clientOrderId": "own-1"})
        venue.trade(client_order_id="own-1", size="0.001")
        found = await exchange.fetch_order(None, SYMBOL, {"clientOrderId": "own-1"})
        assert (placed["id"], "own-1", "open", 0.001, 0.003) == tuple(
            found[key] for key in ("id", "clientOrderId", "status", "filled", "remaining")
        )
        assert ["own-1"] == [order["clientOrderId"] for order in await exchange.fetch_open_orders(SYMBOL)]
        (trade,) = await exchange.fetch_my_trades(SYMBOL)
        rate = {"binance": 0.0002, "bitget": 0.0002}[name]
        assert (placed["id"], "maker", 64000.0, 0.001, pytest.approx(64 * rate)) == (
            trade["order"], trade["takerOrMaker"], trade["price"], trade["amount"], trade["fee"]["cost"],
        )  # fmt: skip
        (position,) = await exchange.fetch_positions([SYMBOL])
        assert ("long", 0.001, 64000.0) == tuple(position[key] for key in ("side", "contracts", "entryPrice"))
        balance = (await exchange.fetch_balance())["USDT"]
        assert balance["free"] < balance["total"]
        await exchange.cancel_order(placed["id"], SYMBOL)
        ended = await exchange.fetch_order(placed["id"], SYMBOL)
        assert ("canceled", 0.001) == (ended["status"], ended["filled"])
        assert {"own-1": 1} == venue.state()["effective_orders"]
        assert [] == venue.requests(text="x-cvBPrNm9")

    told(name, story)


@pytest.mark.parametrize("name", VENUES)
def test_immediate_post_only_and_reducing_orders(name: str) -> None:
    """What cannot rest does not; what would take is not taken; reducing stops at the position; market orders fill."""

    async def story(exchange: Any, venue: VenueControl) -> None:
        async def make(client_id: str, side: str, size: str, price: str | None, **more: Any) -> Any:
            kind = "market" if price is None else "limit"
            try:
                await exchange.create_order(SYMBOL, kind, side, size, price, {"clientOrderId": client_id, **more})
            except ccxt.ExchangeError as err:
                return str(err)
            return (await exchange.fetch_order(None, SYMBOL, {"clientOrderId": client_id}))["status"]

        assert "closed" == await make("ioc", "buy", "0.002", "66000", timeInForce="IOC")
        post_only = await make("po", "buy", "0.002", "66000", postOnly=True)
        assert ("-5022" in post_only) if name == "binance" else ("canceled" == post_only)
        fok = await make("fok", "buy", "1.501", "65000.2", timeInForce="FOK")
        assert ("-5021" in fok) if name == "binance" else ("canceled" == fok)
        assert "closed" == await make("market", "buy", "0.002", None)
        assert "closed" == await make("red", "sell", "1", "64000", reduceOnly=True)
        assert {"BTCUSDT": "0"} != venue.state()["positions"]["main"]
        assert {} == venue.state()["positions"]["main"]
        refused = await make("red2", "sell", "1", "64000", reduceOnly=True)
        assert {"binance": "-2022", "bitget": "22002"}[name] in refused

    venue_cash = 100_000

    async def rich(exchange: Any, venue: VenueControl) -> None:
        venue.account(cash=str(venue_cash))
        await story(exchange, venue)

    told(name, rich)


REFUSALS = {
    "binance": [("-4116", "ExchangeError"), ("-4164", "ExchangeError"), ("-2019", "ExchangeError"),
                ("-2013", "OrderNotFound"), ("-2011", "OrderNotFound"), ("-1021", "InvalidNonce")],
    "bitget": [("40786", "ExchangeError"), ("45110", "InvalidOrder"), ("40762", "InsufficientFunds"),
               ("40109", "OrderNotFound"), ("40768", "OrderNotFound"), ("40008", "InvalidNonce")],
}  # fmt: skip


@pytest.mark.parametrize("name", VENUES)
def test_refusals_carry_the_documented_codes(name: str) -> None:
    """Duplicate, too small, too poor, unknown, skewed: each code stands in the error, whatever class ccxt gives it."""

    async def story(exchange: Any, venue: VenueControl) -> None:
        async def make(client_id: str, size: str, price: str) -> Any:
            return await exchange.create_order(SYMBOL, "limit", "buy", size, price, {"clientOrderId": client_id})

        async def skewed() -> Any:
            venue.misbehave("clock_skew", seconds=100)
            return await exchange.fetch_balance()

        await make("own-1", "0.002", "64000")
        tries = [
            lambda: make("own-1", "0.002", "64000"),
            lambda: make("own-2", "0.001", "2000"),
            lambda: make("own-3", "900", "64000"),
            lambda: exchange.fetch_order("12345", SYMBOL),
            lambda: exchange.cancel_order("12345", SYMBOL),
            skewed,
        ]
        for attempt, (code, kind) in zip(tries, REFUSALS[name], strict=True):
            with pytest.raises(ccxt.BaseError, match=code) as caught:
                await attempt()
            assert kind == type(caught.value).__name__
        assert {"own-1": 1} == venue.state()["effective_orders"]

    told(name, story)


@pytest.mark.parametrize("name", VENUES)
def test_misbehaviour_looks_to_ccxt_as_it_would(name: str) -> None:
    """Too many requests, a dropped answer, a cut list and maintenance raise; only the venue knows what was done."""

    async def story(exchange: Any, venue: VenueControl) -> None:
        async def make(client_id: str) -> Any:
            return await exchange.create_order(SYMBOL, "limit", "buy", "0.002", "64000", {"clientOrderId": client_id})

        for mode, error, acted in (
            ("429", ccxt.DDoSProtection, False),
            ("accept_and_drop", ccxt.NetworkError, True),
            ("503_after", ccxt.BaseError, True),
            ("502_before", ccxt.BaseError, False),
        ):
            venue.misbehave(mode)
            with pytest.raises(error):
                await make(mode)
            assert acted == (mode in venue.state()["effective_orders"])
        venue.misbehave("partial_page", on="orders")
        with pytest.raises(ccxt.BaseError):
            await exchange.fetch_open_orders(SYMBOL)
        assert 2 == len(await exchange.fetch_open_orders(SYMBOL))
        venue.misbehave("maintenance")
        with pytest.raises(ccxt.BaseError):
            await make("late")
        assert "late" not in venue.state()["effective_orders"]

    told(name, story)


@pytest.mark.parametrize("name", VENUES)
def test_sockets_tell_of_books_trades_and_own_orders(name: str) -> None:
    """The library's own book (checksum or sequence), public trades and private orders follow what happens."""

    async def story(exchange: Any, venue: VenueControl) -> None:
        async def soon(wait: Coroutine[Any, Any, Any], act: Callable[[], Any], sockets: int) -> Any:
            watching = asyncio.ensure_future(wait)
            while venue.state()["sockets"] < sockets:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.2)
            act()
            return await asyncio.wait_for(watching, 5)

        book = await asyncio.wait_for(exchange.watch_order_book(SYMBOL), 5)
        assert (65000.1, 65000.2) == (book["bids"][0][0], book["asks"][0][0])
        wish = [["65001.0", "0.5"]]
        book = await soon(exchange.watch_order_book(SYMBOL), lambda: venue.book("BTCUSDT", asks=wish), 1)
        while [65001.0] != [row[0] for row in book["asks"]]:
            book = await asyncio.wait_for(exchange.watch_order_book(SYMBOL), 5)
        await exchange.create_order(SYMBOL, "limit", "buy", "0.002", "64000", {"clientOrderId": "own-1"})
        orders = await soon(
            exchange.watch_orders(SYMBOL), lambda: venue.trade(client_order_id="own-1", size="0.001"), 2
        )
        assert ("own-1", "open", 0.001) == tuple(orders[-1][key] for key in ("clientOrderId", "status", "filled"))
        sell = {"market": "BTCUSDT", "side": "sell", "size": "0.3"}
        trades = await soon(exchange.watch_trades(SYMBOL), lambda: venue.trade(**sell), 2)
        assert ("sell", 65000.1, 0.3) == tuple(trades[-1][key] for key in ("side", "price", "amount"))

    told(name, story)


@pytest.mark.parametrize("name", VENUES)
def test_hedge_mode_closes_what_it_names(name: str) -> None:
    """With long and short apart, a reduce-only sell closes the long; an order for the wrong mode is refused."""

    async def story(exchange: Any, venue: VenueControl) -> None:
        with pytest.raises(ccxt.BaseError, match={"binance": "-4061", "bitget": "40774"}[name]):
            await exchange.create_order(SYMBOL, "market", "buy", "0.002", None, {"hedged": True})
        await exchange.set_position_mode(True, SYMBOL)
        await exchange.create_order(SYMBOL, "market", "buy", "0.003", None, {"hedged": True})
        await exchange.create_order(SYMBOL, "market", "sell", "0.002", None, {"hedged": True})
        assert {"BTCUSDT:LONG": "0.003", "BTCUSDT:SHORT": "-0.002"} == venue.state()["positions"]["main"]
        held = {(row["side"], row["contracts"], row["hedged"]) for row in await exchange.fetch_positions([SYMBOL])}
        assert {("long", 0.003, True), ("short", 0.002, True)} == held
        await exchange.create_order(SYMBOL, "market", "sell", "0.003", None, {"hedged": True, "reduceOnly": True})
        assert {"BTCUSDT:SHORT": "-0.002"} == venue.state()["positions"]["main"]

    told(name, story)
