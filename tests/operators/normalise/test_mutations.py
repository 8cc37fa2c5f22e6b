"""Damaged frames never raise: each is a fact, a control line or a dead letter, and all are counted."""

import json
import pickle
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from contracts.base import write
from operators.normalise import DIALECTS, Frame, Normaliser
from operators.order_book import OrderBooks

AT = 1_777_400_000_000_000_000
SAMPLES: list[tuple[str, Any]] = [
    (
        "clob_v2",
        {
            "market": "0xa",
            "price_changes": [
                {"asset_id": "111", "price": "0.48", "size": "0", "side": "BUY", "best_bid": "0.47", "best_ask": "1"},
                {"asset_id": "222", "price": "0.52", "size": "9.25", "side": "SELL"},
            ],
            "timestamp": "1777400000456",
            "event_type": "price_change",
        },
    ),
    (
        "clob_v2",
        {
            "event_type": "book",
            "asset_id": "111",
            "bids": [{"price": "0.47", "size": "120"}],
            "asks": [],
            "timestamp": "1777400000123",
        },
    ),
    (
        "clob_v2",
        [
            {
                "event_type": "tick_size_change",
                "asset_id": "111",
                "new_tick_size": "0.001",
                "timestamp": "1777400001000",
            },
            {
                "event_type": "last_trade_price",
                "asset_id": "111",
                "price": "0.52",
                "size": "25",
                "side": "BUY",
                "timestamp": "1777400000789",
            },
        ],
    ),
    (
        "clob_v2",
        {
            "event_type": "new_market",
            "condition_id": "0xc",
            "clob_token_ids": ["3", "4"],
            "outcomes": ["Yes", "No"],
            "order_price_min_tick_size": "0.01",
            "fee_schedule": {"exponent": "1", "rate": "0.04", "taker_only": True},
        },
    ),
    (
        "clob_v2",
        {
            "conditionId": "0xd",
            "clobTokenIds": '["5", "6"]',
            "outcomes": '["Up", "Down"]',
            "orderPriceMinTickSize": 0.001,
        },
    ),
    (
        "kalshi",
        {
            "type": "orderbook_delta",
            "sid": 2,
            "seq": 2,
            "msg": {
                "market_ticker": "KXA-1-T",
                "price_dollars": "0.4200",
                "delta_fp": "-3.00",
                "side": "no",
                "ts_ms": 1777400000123,
            },
        },
    ),
    (
        "kalshi",
        {
            "type": "orderbook_snapshot",
            "sid": 2,
            "seq": 1,
            "msg": {"market_ticker": "KXA-1-T", "yes_dollars_fp": [["0.41", "10.00"]]},
        },
    ),
    (
        "kalshi",
        {
            "type": "market_lifecycle_v2",
            "sid": 3,
            "seq": 1,
            "msg": {
                "market_ticker": "KXA-1-T",
                "event_type": "settled",
                "settlement_value": "1.0000",
                "price_ranges": [{"start": "0", "end": "1", "step": "0.01"}],
                "settled_ts": 1777400000,
            },
        },
    ),
    ("kalshi", {"type": "error", "id": 1, "sid": 2, "msg": {"code": 25}}),
    (
        "kalshi_recorder",
        {
            "channel": "control",
            "connection_id": "n",
            "event_type": "watch_market",
            "local_recv_ns": AT,
            "payload_json": {
                "close_time": "2026-05-13T13:00:00Z",
                "market_ticker": "KXA-1-T",
                "status": "active",
                "strike": 80077.29,
            },
            "sequence_number": None,
        },
    ),
    ("connection", {"event": "connected", "conn": "c"}),
]
JUNK = st.sampled_from(
    [
        "null",
        "true",
        "-1",
        "0",
        "1" + "0" * 30,
        "1e308",
        '""',
        '"0.5"',
        f'"{"x" * 300}"',
        '"\\u00e9\\u0000"',
        "[]",
        "[[]]",
        "{}",
        '{"a": 1}',
    ]
).map(json.loads)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A frame with a field replaced, removed or doubled, or with bytes cut, flipped or inserted."""
    dialect, sample = draw(st.sampled_from(SAMPLES))
    value = json.loads(json.dumps(sample))
    for _ in range(draw(st.integers(0, 2))):
        at: Any = value
        while isinstance(at, (dict, list)) and at:
            key = draw(st.sampled_from(sorted(at) if isinstance(at, dict) else list(range(len(at)))))
            if draw(st.booleans()) or not isinstance(at[key], (dict, list)) or not at[key]:
                if draw(st.booleans()):
                    at[key] = draw(JUNK)
                else:
                    del at[key]
                break
            at = at[key]
    data = bytearray(json.dumps(value).encode())
    for _ in range(draw(st.integers(0, 3))):
        if data:
            place = draw(st.integers(0, len(data) - 1))
            how = draw(st.integers(0, 2))
            data[place : place + (how > 0)] = bytes([draw(st.integers(0, 255))]) if how < 2 else b""
    return draw(st.sampled_from([dialect] * 9 + ["martian"])), bytes(
        data[: draw(st.integers(len(data) * 3 // 4, len(data)))] if draw(st.booleans()) else data
    )


@given(st.lists(damaged(), min_size=1, max_size=8))
def test_no_damage_raises_and_every_frame_is_counted_once(made: list[tuple[str, bytes]]) -> None:
    """Whatever comes, the counts add up, dead letters keep the bytes, facts can be written, books stand."""
    normaliser, books = Normaliser(), OrderBooks()
    frames = [Frame(1, place, AT + place, dialect, data, "c") for place, (dialect, data) in enumerate(made, 1)]
    read = normaliser.step(frames)
    assert len(frames) == read.counts.frames == read.counts.facts_frames + read.counts.control + len(read.dead)
    by_place = {frame.position: frame.data for frame in frames}
    for letter in read.dead:
        assert by_place[letter.position] == bytes.fromhex(letter.data)
        write(letter)
    assert len({fact.fact for fact in read.facts}) == len(read.facts)
    for fact in read.facts:
        assert fact == msgspec.json.decode(write(fact), type=type(fact))
    assert len(read.facts) <= len(books.step(read.facts))


@given(st.lists(damaged(), min_size=1, max_size=10), st.integers(0, 10))
def test_state_survives_pickling_and_cuts_do_not_matter(made: list[tuple[str, bytes]], cut: int) -> None:
    """One frame at a time, all at once, and through a pickle in the middle: the same facts and dead letters."""
    frames = [Frame(1, place, AT + place, dialect, data, "c") for place, (dialect, data) in enumerate(made, 1)]
    whole, one, half = Normaliser(), Normaliser(), Normaliser()
    read = whole.step(frames)
    singles = [one.step([frame]) for frame in frames]
    first = half.step(frames[:cut])
    kept = pickle.loads(pickle.dumps(half))
    second = kept.step(frames[cut:])
    assert read.facts == [fact for single in singles for fact in single.facts] == first.facts + second.facts
    assert read.dead == [letter for single in singles for letter in single.dead] == first.dead + second.dead
    assert whole.counts == one.counts == kept.counts


def test_every_dialect_is_sampled() -> None:
    """The samples above cover every dialect that is read."""
    assert set(DIALECTS) == {dialect for dialect, _ in SAMPLES}
