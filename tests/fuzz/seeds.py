"""Hold good messages of every dialect and format for a fuzzer to damage: by hand, and from the synthetic fixtures.

Nothing recorded is here. A dialect whose fixture stands in `fixtures/` is found by itself; one without a single seed
fails `test_fuzz.py`.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from connectors.capture import open_capture
from operators.normalise import CONNECTION
from operators.normalise.binance_events import SNAPSHOT_OF
from operators.normalise.quotes import DIALECT as QUOTES

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"
AT_NS = 1_777_400_000_000_000_000
CONN = "c"
SHAPES_MAX = 24  # messages of different shape that are kept of a fixture
LINES_MAX = 12_000

BY_HAND: dict[str, list[Any]] = {
    "clob_v2": [
        {
            "event_type": "book", "asset_id": "111", "market": "0xa", "timestamp": "1777400000123",
            "bids": [{"price": "0.47", "size": "120"}, {"price": "0.46", "size": "5.5"}],
            "asks": [{"price": "0.53", "size": "9"}],
        },
        {
            "market": "0xa", "timestamp": "1777400000456", "event_type": "price_change",
            "price_changes": [{"asset_id": "111", "price": "0.48", "size": "7", "side": "BUY"}],
        },
        {
            "market": "0xa", "timestamp": "1777400000456", "event_type": "price_change",
            "price_changes": [
                {"asset_id": "111", "price": "0.48", "size": "0", "side": "BUY", "best_bid": "0.47", "best_ask": "1"},
                {"asset_id": "222", "price": "0.52", "size": "9.25", "side": "SELL"},
            ],
        },
        [
            {"event_type": "tick_size_change", "asset_id": "111", "new_tick_size": "0.001",
             "timestamp": "1777400001000"},
            {"event_type": "last_trade_price", "asset_id": "111", "price": "0.52", "size": "25", "side": "BUY",
             "timestamp": "1777400000789", "transaction_hash": "0xb"},
        ],
        {"event_type": "best_bid_ask", "asset_id": "111", "best_bid": "0.47", "best_ask": "0.53",
         "timestamp": "1777400000456"},
        {"event_type": "market_resolved", "assets_ids": ["333", "444"], "winning_asset_id": "333",
         "timestamp": "1777400000456"},
        {
            "event_type": "new_market", "condition_id": "0xc", "clob_token_ids": ["3", "4"], "outcomes": ["Yes", "No"],
            "order_price_min_tick_size": "0.01", "fee_schedule": {"exponent": "1", "rate": "0.04", "taker_only": True},
        },
        {"conditionId": "0xd", "clobTokenIds": '["5", "6"]', "outcomes": '["Up", "Down"]',
         "orderPriceMinTickSize": 0.001, "feesEnabled": True, "endDate": "2026-05-13T13:00:00Z"},
        {"condition_id": "0xe", "tokens": [{"token_id": "7", "outcome": "Yes"}, {"token_id": "8", "outcome": "No"}],
         "minimum_tick_size": 0.01, "minimum_order_size": 5},
    ],
    "kalshi": [
        {"type": "orderbook_snapshot", "sid": 2, "seq": 1, "msg": {
            "market_ticker": "KXA-1-T", "yes_dollars_fp": [["0.41", "10.00"]], "no_dollars_fp": [["0.55", "3.00"]]}},
        {"type": "orderbook_delta", "sid": 2, "seq": 2, "msg": {
            "market_ticker": "KXA-1-T", "price_dollars": "0.4200", "delta_fp": "3.00", "side": "no",
            "ts_ms": 1777400000123}},
        {"type": "ticker", "sid": 3, "msg": {
            "market_ticker": "KXA-1-T", "yes_bid_dollars": "0.41", "yes_ask_dollars": "0.45", "price_dollars": "0.42",
            "volume_fp": "5.00"}},
        {"type": "trade", "sid": 4, "seq": 1, "msg": {
            "market_ticker": "KXA-1-T", "yes_price_dollars": "0.42", "count_fp": "1.00", "trade_id": "t",
            "taker_side": "yes"}},
        {"type": "market_lifecycle_v2", "sid": 3, "seq": 1, "msg": {
            "market_ticker": "KXA-1-U", "event_type": "settled", "settlement_value": "1.0000",
            "price_ranges": [{"start": "0", "end": "1", "step": "0.01"}], "settled_ts": 1777400000}},
        {"type": "event_fee_update", "sid": 3, "seq": 2, "msg": {"event_ticker": "KXA-1", "fee_type": "quadratic"}},
        {"type": "subscribed", "id": 1, "msg": {"channel": "orderbook_delta", "sid": 9}},
        {"type": "error", "id": 1, "sid": 8, "msg": {"code": 25}},
        {"market": {"ticker": "KXB-1-T", "market_type": "binary", "status": "active", "title": "B?",
                    "price_ranges": [{"start": "0.0", "end": "1.0", "step": "0.01"}],
                    "close_time": "2026-05-13T13:00:00Z"}},
    ],
    "kalshi_recorder": [
        {"channel": "control", "connection_id": "n", "event_type": "watch_market", "local_recv_ns": AT_NS,
         "payload_json": {"close_time": "2026-05-13T13:00:00Z", "market_ticker": "KXA-1-T", "status": "active",
                          "strike": 80077.29}},
        {"channel": "orderbook", "connection_id": "n", "event_type": "orderbook_snapshot", "local_recv_ns": AT_NS,
         "payload_json": {"market_ticker": "KXA-1-T", "yes_dollars_fp": [["0.41", "10.00"]]}, "sequence_number": 1},
        {"channel": "orderbook", "connection_id": "n", "event_type": "orderbook_delta", "local_recv_ns": AT_NS,
         "payload_json": {"market_ticker": "KXA-1-T", "price_dollars": "0.4110", "delta_fp": "3.00", "side": "yes",
                          "ts_ms": 1777400000123, "price_cents": 41}, "sequence_number": 2},
        {"channel": "ticker", "connection_id": "n", "event_type": "ticker", "local_recv_ns": AT_NS,
         "payload_json": {"market_ticker": "KXA-1-T", "yes_bid_dollars": "0.41", "yes_ask_dollars": "1.0"}},
        {"channel": "control", "connection_id": "m", "event_type": "ws_connected", "local_recv_ns": AT_NS,
         "payload_json": {}},
        {"channel": "control", "connection_id": "m", "event_type": "ws_subscribed", "local_recv_ns": AT_NS,
         "payload_json": {"type": "subscribed", "msg": {"sid": 1}}},
    ],
    "binance": [
        {"stream": "demousdt@depth@100ms", "data": {
            "e": "depthUpdate", "E": 1777400000456, "T": 1777400000455, "s": "DEMOUSDT", "U": 101, "u": 103, "pu": 100,
            "b": [["7.5040", "813"], ["7.5030", "0"]], "a": [["7.5060", "297"]]}},
        {"lastUpdateId": 102, "E": 1777400000460, "T": 1777400000458,
         "bids": [["7.5040", "800"], ["7.5010", "20"]], "asks": [["7.5060", "2"], ["7.5090", "31"]]},
        {"e": "depthUpdate", "E": 1777400000556, "T": 1777400000555, "s": "DEMOUSDT", "U": 104, "u": 105, "pu": 103,
         "b": [], "a": [["7.5060", "0"]]},
        {"e": "bookTicker", "u": 106, "s": "DEMOUSDT", "b": "7.5040", "B": "2", "a": "7.5060", "A": "297",
         "T": 1777400000556, "E": 1777400000557},
        {"e": "trade", "E": 1777400000557, "T": 1777400000556, "s": "DEMOUSDT", "t": 9, "p": "7.5060", "q": "6",
         "X": "MARKET", "m": False},
        {"e": "aggTrade", "E": 1777400000557, "s": "DEMOUSDT", "a": 8, "p": "7.5060", "q": "6", "f": 9, "l": 9,
         "T": 1777400000556, "m": True},
        {"e": "markPriceUpdate", "E": 1777400000557, "s": "DEMOUSDT", "p": "7.50512345", "i": "7.50400000",
         "P": "7.51", "r": "0.00010000", "T": 1777404000000},
        {"u": 7, "s": "DEMOSPOT", "b": "1.25000000", "B": "3.1", "a": "1.26000000", "A": "4.0"},
        {"result": None, "id": 1},
        {"symbols": [{"symbol": "DEMOUSDT", "status": "TRADING", "contractType": "PERPETUAL", "baseAsset": "DEMO",
                      "quoteAsset": "USDT", "marginAsset": "USDT", "pricePrecision": 4, "filters": [
                          {"filterType": "PRICE_FILTER", "tickSize": "0.0010", "minPrice": "0.1", "maxPrice": "99"},
                          {"filterType": "LOT_SIZE", "stepSize": "0.1", "minQty": "0.1", "maxQty": "1000"},
                          {"filterType": "MIN_NOTIONAL", "notional": "5"}]}]},
        [{"symbol": "DEMOUSDT", "fundingIntervalHours": 4, "adjustedFundingRateCap": "0.02"}],
    ],
    "bitget": [
        {"action": "snapshot", "arg": {"instType": "mc", "channel": "books", "instId": "DEMOUSDT"}, "data": [
            {"asks": [["113.42", "6.40"], ["113.43", "2.01"]], "bids": [["113.40", "1.5"]], "checksum": 0,
             "ts": "1777400000456"}]},
        {"action": "update", "arg": {"instType": "mc", "channel": "books", "instId": "DEMOUSDT"}, "data": [
            {"asks": [["113.42", "0"]], "bids": [["113.41", "3.0"]], "checksum": -1311243022, "ts": "1777400000556"}]},
        {"action": "update", "arg": {"instType": "USDT-FUTURES", "channel": "trade", "instId": "DEMOUSDT"}, "data": [
            {"ts": "1777400000556", "price": "113.42", "size": "0.40", "side": "buy", "tradeId": "1"}]},
        {"action": "update", "arg": {"instType": "mc", "channel": "trade", "instId": "DEMOUSDT"},
         "data": [["1777400000556", "113.42", "0.40", "sell"]]},
        {"action": "snapshot", "arg": {"instType": "mc", "channel": "ticker", "instId": "DEMOUSDT"}, "data": [
            {"instId": "DEMOUSDT", "last": "113.42", "bestAsk": "113.43", "bestBid": "113.41", "high24h": "120",
             "low24h": "100", "priceChangePercent": "0.01", "capitalRate": "0.0001", "nextSettleTime": 1777404000000,
             "systemTime": 1777400000556, "markPrice": "113.4", "indexPrice": "113.39", "holding": "5"}]},
        {"action": "snapshot", "arg": {"instType": "USDT-FUTURES", "channel": "ticker", "instId": "DEMOUSDT"}, "data": [
            {"instId": "DEMOUSDT", "lastPr": "113.42", "bidPr": "113.41", "askPr": "113.43", "bidSz": "1",
             "askSz": "2", "markPrice": "113.4", "indexPrice": "113.39", "fundingRate": "0.0001",
             "nextFundingTime": "1777404000000", "ts": "1777400000556"}]},
        {"action": "snapshot", "arg": {"instType": "USDT-FUTURES", "channel": "books5", "instId": "SOMEUSDT"}, "data": [
            {"asks": [["5.1", "6"]], "bids": [["5.0", "1"]], "seq": 7, "ts": "1777400000456"}]},
        {"event": "subscribe", "arg": {"instType": "mc", "channel": "books", "instId": "DEMOUSDT"}},
        {"event": "error", "code": 30001, "msg": "channel does not exist"},
        {"code": "00000", "msg": "success", "requestTime": 1777400000000, "data": [
            {"symbol": "DEMOUSDT_UMCBL", "makerFeeRate": "0.0002", "takerFeeRate": "0.0006", "quoteCoin": "USDT",
             "baseCoin": "DEMO", "supportMarginCoins": ["USDT"], "minTradeNum": "0.01", "priceEndStep": "1",
             "volumePlace": "2", "pricePlace": "2"}]},
        {"code": "00000", "data": [
            {"symbol": "DEMOUSDT", "baseCoin": "DEMO", "quoteCoin": "USDT", "makerFeeRate": "0.0002",
             "takerFeeRate": "0.0006", "minTradeNum": "0.01", "priceEndStep": "1", "volumePlace": "2",
             "pricePlace": "2", "sizeMultiplier": "0.01", "symbolType": "perpetual", "symbolStatus": "normal",
             "fundInterval": "8", "supportMarginCoins": ["USDT"]}]},
    ],
    QUOTES: [
        {"slug": "one", "category": "sports", "bid": 0.371, "ask": 0.402},
        {"slug": "two", "category": None, "bid": None, "ask": 0.4021},
        {"slug": "one", "category": "sports", "bid": None, "ask": None},
    ],
    CONNECTION: [
        {"event": "connected", "conn": "c"},
        {"event": "disconnected", "conn": "c"},
        {"polytraders_capture": 1, "venue": "kalshi", "dialect": "kalshi"},
    ],
}  # fmt: skip


@cache
def frames(dialect: str) -> tuple[bytes, ...]:
    """Return good messages of a dialect, each of another shape; none for a dialect that nobody gave seeds."""
    by_hand = [json.dumps(made).encode() for made in BY_HAND.get(dialect, ())]
    return (*by_hand, *_from_fixtures().get(dialect, ()))


@cache
def _from_fixtures() -> dict[str, tuple[bytes, ...]]:
    found: dict[str, dict[str, bytes]] = {}
    for path in sorted(FIXTURES.glob("*.jsonl.gz")):
        for number, frame in enumerate(open_capture(path)):
            if number == LINES_MAX:
                break
            shapes = found.setdefault(frame.dialect, {})
            if len(shapes) < SHAPES_MAX and len(frame.data) < 4_096 and (shape := _shape(frame.data)):
                shapes.setdefault(shape, frame.data)
    return {dialect: tuple(shapes.values()) for dialect, shapes in found.items()}


def conn_of(dialect: str, data: bytes) -> str:
    """Return the connection that a message is heard on; a snapshot of Binance names its market by it."""
    return f"{SNAPSHOT_OF}DEMOUSDT" if dialect == "binance" and b'"lastUpdateId"' in data else CONN


def _shape(data: bytes) -> str:
    """Name what a message looks like: its keys and types, and the word that says its kind; "" where it is no JSON."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return _form(value)


def _form(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_word(key, one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return f"[{_form(value[0])}]" if value else "[]"
    return type(value).__name__


def _word(key: str, value: object) -> str:
    kinds = ("type", "event_type", "e", "op", "event", "action", "channel", "side")
    return str(value) if key in kinds and isinstance(value, str) else _form(value)


def lines(dialect: str) -> Iterator[bytes]:
    """Yield the messages of a dialect as lines of our own recorder."""
    for number, data in enumerate(frames(dialect), 1):
        made = {"at_ns": AT_NS + number * 1_000_000, "conn": "c", "n": number, "frame": data.decode(errors="replace")}
        yield json.dumps(made).encode()
