"""Polymarket's market channel becomes facts, in every generation of its messages."""

import json
from hashlib import sha256
from typing import Any

import pytest

from contracts.ids import fact_id
from contracts.market import (
    PriceBand,
    Status,
    VenueBookDelta,
    VenueBookImage,
    VenueConnection,
    VenueInstrumentRecord,
    VenueStatus,
    VenueTicker,
    VenueTrade,
)
from operators.normalise import Frame, Normalised, Normaliser, read_instruments

AT, TS, COND = 1_777_400_000_500_000_000, 1_777_400_000_456, "0xaa01"
CHANGE = {
    "asset_id": "111",
    "price": "0.48",
    "size": "12.5",
    "side": "BUY",
    "hash": "1c",
    "best_bid": "0.48",
    "best_ask": "0.52",
}


def change_of(**fields: Any) -> dict[str, Any]:
    """A price_change with one change, some of its fields replaced."""
    return {"market": COND, "price_changes": [{**CHANGE, **fields}], "timestamp": str(TS), "event_type": "price_change"}


def book_of(**fields: Any) -> dict[str, Any]:
    """A book of two levels a side, best last."""
    return {
        "event_type": "book",
        "market": COND,
        "asset_id": "111",
        "timestamp": str(TS),
        "hash": "9f",
        "bids": [{"price": "0.47", "size": "120"}, {"price": ".48", "size": "30.5"}],
        "asks": [{"price": "0.53", "size": "60"}, {"price": "0.52", "size": "25"}],
        **fields,
    }


def read(*messages: Any, normaliser: Normaliser | None = None) -> Normalised:
    """Read messages as one block."""
    raw = [m if isinstance(m, bytes) else json.dumps(m).encode() for m in messages]
    frames = [Frame(3, place, AT + place, "clob_v2", data, "c1") for place, data in enumerate(raw, 1)]
    return (normaliser or Normaliser()).step(frames)


def kinds(result: Normalised) -> list[str]:
    """The facts' types, in order."""
    return [type(fact).__name__ for fact in result.facts]


def of(result: Normalised, kind: type) -> list[Any]:
    """The facts of one type."""
    return [fact for fact in result.facts if type(fact) is kind]


def test_the_first_sight_of_a_token_says_its_record_first() -> None:
    """Record, connection, change: at first sight in this order, and only the change afterwards."""
    result = read(change_of(), change_of())
    assert ["VenueInstrumentRecord", "VenueConnection", "VenueBookDelta", "VenueBookDelta"] == kinds(result)
    record, attached = result.facts[:2]
    assert [fact_id(3, 1), fact_id(3, 1, 1), fact_id(3, 1, 2), fact_id(3, 2)] == [fact.fact for fact in result.facts]
    assert isinstance(record, VenueInstrumentRecord) and isinstance(attached, VenueConnection)
    assert ("111", COND, 1_000, 1, 70_000, 0) == (
        record.market_id,
        record.event_id,
        record.tick_micros,
        record.lot_micros,
        record.fee.taker_rate_micros,
        record.market,
    )
    assert ("attached", "c1", 0) == (attached.event, attached.connection_id, attached.market)
    assert (2, 2, 0, 0) == result.counts[:2] + result.counts[2:3] + (len(result.dead),)


def test_a_change_is_a_new_total_with_the_venues_claim() -> None:
    """Ticks of 0.001, lots of a millionth, claims, the venue's time and the hash of the bytes."""
    data = json.dumps(change_of()).encode()
    delta = of(read(data, data), VenueBookDelta)[1]
    expected = VenueBookDelta(
        fact_id(3, 2),
        AT + 2,
        0,
        1,
        480,
        12_500_000,
        False,
        480,
        520,
        True,
        -1,
        TS * 1_000_000,
        sha256(data).hexdigest(),
    )
    assert expected == delta


def test_the_fast_and_the_slow_reader_agree() -> None:
    """A known token's frames read fast give what the slow reader gives for the same frames."""
    two = {
        **change_of(),
        "price_changes": [CHANGE, {**CHANGE, "price": "0.521", "side": "SELL"}, {**CHANGE, "asset_id": "222"}],
    }
    fast, slow = Normaliser(), Normaliser()
    for normaliser in (fast, slow):
        read(two, normaliser=normaliser)
    for market_id in ("111", "222"):
        slow.markets.known(3, "c1").pop(market_id)
    for message in (
        change_of(),
        two,
        change_of(size="0"),
        change_of(best_bid="0", best_ask="1"),
        change_of(side="SELL"),
    ):
        data = json.dumps(message).encode()
        quick = fast.step([Frame(3, 9, AT, "clob_v2", data, "c1")]).facts
        slow.markets.streams.clear()
        assert quick == slow.step([Frame(3, 9, AT, "clob_v2", data, "c1")]).facts


def test_several_changes_close_each_token_once() -> None:
    """In one frame the last change of each token is marked; facts are numbered in order."""
    message = {**change_of(), "price_changes": [CHANGE, {**CHANGE, "asset_id": "222"}, {**CHANGE, "price": "0.47"}]}
    result = read(message, message)
    deltas = of(result, VenueBookDelta)
    assert [(0, False), (1, True), (0, True)] * 2 == [(d.market, d.last) for d in deltas]
    assert [fact_id(3, 2, index) for index in range(3)] == [d.fact for d in deltas[3:]]
    assert [("111", "222"), ("222", "111")] == [
        (r.market_id, r.complement_id) for r in of(result, VenueInstrumentRecord)
    ]


@pytest.mark.parametrize(
    "message",
    [
        {
            "asset_id": "111",
            "event_type": "price_change",
            "price": "0.48",
            "side": "BUY",
            "size": "12.5",
            "timestamp": str(TS),
        },
        {
            "asset_id": "111",
            "event_type": "price_change",
            "timestamp": str(TS),
            "changes": [{"price": "0.48", "side": "BUY", "size": "12.5"}],
        },
        [change_of(best_bid="", best_ask="")],
        change_of(best_bid=None, best_ask=None),
    ],
)
def test_all_generations_of_a_change_say_the_same(message: Any) -> None:
    """The flat form, `changes` under one asset_id, an array, and missing claims give one change without a claim."""
    delta = of(read(message), VenueBookDelta)[0]
    assert (1, 480, 12_500_000, -1, -1, True) == (
        delta.side,
        delta.price_ticks,
        delta.size_lots,
        delta.bid_ticks,
        delta.ask_ticks,
        delta.last,
    )


def test_a_book_is_an_image_best_first() -> None:
    """Levels come in any order and leave best first; a REST book without event_type is the same; empty levels go."""
    rest = {key: value for key, value in book_of().items() if key != "event_type"}
    rest["bids"] = [*rest["bids"], {"price": "0.3", "size": "0"}]
    for message in (book_of(), rest):
        image = of(read(message), VenueBookImage)[0]
        assert (((480, 30_500_000), (470, 120_000_000)), ((520, 25_000_000), (530, 60_000_000))) == (
            image.bids,
            image.asks,
        )


def test_trades_tickers_and_results() -> None:
    """A trade has its aggressor, a ticker its quotes, a result pays one token and not the other."""
    result = read(
        {
            "event_type": "last_trade_price",
            "asset_id": "111",
            "price": "0.52",
            "size": "25",
            "side": "SELL",
            "timestamp": str(TS),
        },
        {"event_type": "best_bid_ask", "asset_id": "111", "best_bid": "0.47", "best_ask": "1", "timestamp": str(TS)},
        {
            "event_type": "market_resolved",
            "assets_ids": ["111", "222"],
            "winning_asset_id": "222",
            "timestamp": str(TS),
        },
    )
    trade, ticker = of(result, VenueTrade)[0], of(result, VenueTicker)[0]
    assert (520, 25_000_000, -1) == (trade.price_ticks, trade.size_lots, trade.aggressor)
    assert (470, -1) == (ticker.bid_ticks, ticker.ask_ticks)
    assert [(Status.RESOLVED, 0), (Status.RESOLVED, 1_000_000)] == [
        (s.status, s.settlement_micros) for s in of(result, VenueStatus)
    ]


def test_a_new_tick_inside_the_grid_changes_only_the_step() -> None:
    """From 0.01 to 0.001 the grid stays; the new bands are said, the tick is not."""
    status = of(read(tick_change("0.01"), tick_change("0.001")), VenueStatus)
    assert [(0, (PriceBand(10, 990, 10),)), (0, (PriceBand(1, 999, 1),))] == [
        (s.tick_micros, s.price_bands) for s in status
    ]


def tick_change(new: str) -> dict[str, Any]:
    """A change of the tick size."""
    return {
        "event_type": "tick_size_change",
        "asset_id": "111",
        "old_tick_size": "?",
        "new_tick_size": new,
        "timestamp": str(TS),
    }


@pytest.mark.parametrize(("new", "tick"), [("0.0001", 100), ("0.0025", 500)])
def test_a_tick_finer_than_the_grid_makes_a_new_grid(new: str, tick: int) -> None:
    """0.0001 and 0.0025 do not fit 0.001: the new tick is said, and prices are read on it from then on."""
    result = read(change_of(), tick_change(new), change_of(price=new, best_bid=new))
    assert tick == of(result, VenueStatus)[0].tick_micros
    delta = of(result, VenueBookDelta)[-1]
    assert (float(new), []) == (delta.price_ticks * tick / 1e6, result.dead)


def test_a_declared_coarse_grid_is_kept_until_the_venue_refines_it() -> None:
    """Our own definition of whole cents refuses 0.485; after a change to 0.001 the grid holds both, and it is read."""
    normaliser = Normaliser()
    normaliser.declare(
        read_instruments(b'{"market_id":"111","venue_id":"polymarket","tick_micros":10000,"lot_micros":1}')
    )
    first = read(change_of(), change_of(price="0.485"), normaliser=normaliser)
    assert (48, ["INTEL_FRAME_BAD_PRICE"]) == (of(first, VenueBookDelta)[0].price_ticks, [d.reason for d in first.dead])
    second = read(tick_change("0.001"), change_of(price="0.485"), normaliser=normaliser)
    assert (1_000, 485) == (of(second, VenueStatus)[0].tick_micros, of(second, VenueBookDelta)[0].price_ticks)


def test_a_lost_change_is_told_with_the_next_message() -> None:
    """A price finer than the grid is a dead letter; the next readable change first says that the book was lost."""
    normaliser = Normaliser()
    dead = read(change_of(), change_of(price="0.4805"), normaliser=normaliser).dead
    told = of(read(change_of(), change_of(), normaliser=normaliser), VenueConnection)
    assert (["INTEL_FRAME_BAD_PRICE"], ["off_grid", "attached"]) == ([d.reason for d in dead], [c.event for c in told])
    assert "price: '0.4805'" in dead[0].detail and "multiple of 1000 millionths" in dead[0].detail
    assert json.dumps(change_of(price="0.4805")).encode() == bytes.fromhex(dead[0].data)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "INTEL_FRAME_NOT_JSON"),
        (b"{", "INTEL_FRAME_NOT_JSON"),
        (b"\xff\xfe", "INTEL_FRAME_NOT_JSON"),
        (b"[" * 100_000, "INTEL_FRAME_NOT_JSON"),
        (b'{"a":' * 50_000, "INTEL_FRAME_NOT_JSON"),
        (b"7", "INTEL_FRAME_UNKNOWN_KIND"),
        ({"event_type": "novelty"}, "INTEL_FRAME_UNKNOWN_KIND"),
        ({"hello": 1}, "INTEL_FRAME_UNKNOWN_KIND"),
        (change_of(price="0.4805"), "INTEL_FRAME_BAD_PRICE"),
        (change_of(price="0"), "INTEL_FRAME_BAD_PRICE"),
        (change_of(best_ask="0.00001"), "INTEL_FRAME_BAD_PRICE"),
        (change_of(size="-1"), "INTEL_FRAME_BAD_SIZE"),
        (change_of(size="0.0000001"), "INTEL_FRAME_BAD_SIZE"),
        (change_of(size="1e3"), "INTEL_FRAME_BAD_SIZE"),
        (change_of(size=5), "INTEL_FRAME_BAD_FIELD"),
        (change_of(side="HOLD"), "INTEL_FRAME_BAD_FIELD"),
        (change_of(asset_id=""), "INTEL_FRAME_NO_MARKET"),
        (change_of(asset_id="9" * 200), "INTEL_FRAME_BAD_FIELD"),
        ({**change_of(), "timestamp": "-5"}, "INTEL_FRAME_BAD_FIELD"),
        ({**change_of(), "timestamp": "99999999999999999999"}, "INTEL_FRAME_BAD_FIELD"),
        ({**change_of(), "price_changes": []}, "INTEL_FRAME_BAD_FIELD"),
        ({**change_of(), "price_changes": [CHANGE] * 5_000}, "INTEL_FRAME_BAD_FIELD"),
        (book_of(bids=[{"price": "0.4", "size": "1"}, {"price": "0.40", "size": "2"}]), "INTEL_FRAME_BAD_FIELD"),
        (book_of(asks=None), "INTEL_FRAME_BAD_FIELD"),
        (
            {"event_type": "market_resolved", "assets_ids": ["1"], "winning_asset_id": "2", "timestamp": str(TS)},
            "INTEL_FRAME_BAD_FIELD",
        ),
        ({**change_of(), "event_type": []}, "INTEL_FRAME_BAD_FIELD"),
        (tick_change("0.3"), "INTEL_FRAME_BAD_FIELD"),
    ],
)
def test_what_cannot_be_read_is_a_dead_letter_and_leaves_no_trace(message: Any, reason: str) -> None:
    """Each defect has its reason; the frame gives no fact, makes no market, and stops nothing."""
    normaliser = Normaliser()
    result = read(message, change_of(asset_id="222"), normaliser=normaliser)
    assert ([reason], ["222"]) == ([letter.reason for letter in result.dead], normaliser.markets.ids)
    assert (2, 1, 0) == result.counts[:3]


def test_probes_are_control_lines() -> None:
    """PONG and an empty answer to a subscription are control lines; a PONG says that the connection lives."""
    result = read(b"PONG", b"[]")
    assert ((2, 0, 2), ["beat"]) == (result.counts[:3], [fact.event for fact in of(result, VenueConnection)])


def test_a_new_market_defines_both_tokens() -> None:
    """`new_market` gives a record for each token, with its complement, its step and its fee."""
    result = read(
        {
            "event_type": "new_market",
            "market": "0xcc",
            "condition_id": "0xcc",
            "question": "Will X?",
            "description": "Rules.",
            "clob_token_ids": ["333", "444"],
            "outcomes": ["Yes", "No"],
            "event_message": {"id": "70"},
            "timestamp": str(TS),
            "order_price_min_tick_size": "0.01",
            "fees_enabled": True,
            "active": True,
            "fee_schedule": {"exponent": "1", "rate": "0.04", "taker_only": True},
        }
    )
    assert [
        ("333", "444", "Yes", "70", 40_000, (PriceBand(10, 990, 10),)),
        ("444", "333", "No", "70", 40_000, (PriceBand(10, 990, 10),)),
    ] == [
        (r.market_id, r.complement_id, r.outcome, r.event_id, r.fee.taker_rate_micros, r.price_bands)
        for r in of(result, VenueInstrumentRecord)
    ]
