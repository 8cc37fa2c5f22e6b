"""Kalshi's messages become facts: bare frames and the recorder's lines, books, tickers, trades and a market's life."""

import json
from typing import Any

import pytest

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
from operators.normalise import Frame, Normalised, Normaliser

AT, TS, TICKER = 1_777_400_000_500_000_000, 1_777_400_000_456, "KXHIGHNY-26NOV20-T45"
DELTA = {
    "market_ticker": TICKER,
    "price_dollars": "0.4200",
    "delta_fp": "-3.00",
    "side": "yes",
    "ts_ms": TS,
    "price_cents": 42,
}
SNAPSHOT = {
    "market_ticker": TICKER,
    "yes_dollars_fp": [["0.4100", "10.00"], ["0.4200", "13.50"]],
    "no_dollars_fp": [["0.5500", "20.00"], ["0.5600", "17.00"]],
}


def frame_of(
    kind: str, msg: dict[str, Any] | None = None, seq: int | None = 2, sid: int | None = 2, **more: Any
) -> dict[str, Any]:
    """A bare frame."""
    return {"type": kind, "sid": sid, "seq": seq, "msg": msg or {}, **more}


def line_of(kind: str, payload: dict[str, Any], seq: int | None = None, channel: str = "control") -> dict[str, Any]:
    """A recorder's line."""
    return {
        "channel": channel,
        "connection_id": "native-1",
        "event_type": kind,
        "local_recv_ns": AT,
        "payload_json": payload,
        "sequence_number": seq,
    }


def read(*messages: Any, dialect: str = "kalshi", normaliser: Normaliser | None = None) -> Normalised:
    """Read messages as one block."""
    raw = [m if isinstance(m, bytes) else json.dumps(m).encode() for m in messages]
    frames = [Frame(0, place, AT + place, dialect, data, "c1") for place, data in enumerate(raw, 1)]
    return (normaliser or Normaliser()).step(frames)


def of(result: Normalised, kind: type) -> list[Any]:
    """The facts of one type."""
    return [fact for fact in result.facts if type(fact) is kind]


def test_a_delta_is_a_signed_change_on_the_yes_scale() -> None:
    """A YES bid stays, a NO bid at q becomes a YES ask at 1 - q; sub-cent prices are kept, price_cents is not read."""
    no = {**DELTA, "side": "no", "price_dollars": "0.9940", "delta_fp": "76.82", "price_cents": 99}
    for _ in range(2):
        yes, other = of(read(frame_of("orderbook_delta", DELTA), frame_of("orderbook_delta", no, 3)), VenueBookDelta)
        assert (1, 420, -300, True, 2, TS * 1_000_000) == (
            yes.side,
            yes.price_ticks,
            yes.size_lots,
            yes.relative,
            yes.venue_seq,
            yes.venue_ns,
        )
        assert (-1, 6, 7_682, -1, -1) == (
            other.side,
            other.price_ticks,
            other.size_lots,
            other.bid_ticks,
            other.ask_ticks,
        )


def test_the_fast_and_the_slow_reader_agree() -> None:
    """Frames and lines of a known market read fast give what the slow reader gives."""
    for dialect, message in (
        ("kalshi", frame_of("orderbook_delta", DELTA, 7)),
        ("kalshi_recorder", line_of("orderbook_delta", DELTA, 7, "orderbook_delta")),
    ):
        fast, slow = Normaliser(), Normaliser()
        for normaliser in (fast, slow):
            read(message, dialect=dialect, normaliser=normaliser)
        quick = read(message, dialect=dialect, normaliser=fast).facts
        slow.markets.streams.clear()
        assert quick == read(message, dialect=dialect, normaliser=slow).facts
        assert 1 == len(quick)


def test_a_missing_side_is_an_empty_side() -> None:
    """A snapshot without keys is an empty book, one with one key has one side; asks come from NO bids."""
    both, none = of(
        read(frame_of("orderbook_snapshot", SNAPSHOT), frame_of("orderbook_snapshot", {"market_ticker": TICKER})),
        VenueBookImage,
    )
    assert (((420, 1_350), (410, 1_000)), ((440, 1_700), (450, 2_000))) == (both.bids, both.asks)
    assert ((), ()) == (none.bids, none.asks)


def test_an_undefined_market_gets_the_venues_defaults() -> None:
    """Record before the first fact: 0.001 read everywhere, tapered steps for orders, the quadratic fee, its groups."""
    record = of(read(frame_of("orderbook_delta", DELTA)), VenueInstrumentRecord)[0]
    assert (1_000, 10_000, "KXHIGHNY-26NOV20", "KXHIGHNY") == (
        record.tick_micros,
        record.lot_micros,
        record.event_id,
        record.series_id,
    )
    assert ("binary_quadratic", 70_000, 0, 100, 10_000) == (
        record.fee.formula,
        record.fee.taker_rate_micros,
        record.fee.maker_rate_micros,
        record.fee.round_up_micros,
        record.fee.balance_micros,
    )
    assert (PriceBand(1, 100, 1), PriceBand(100, 900, 10), PriceBand(900, 999, 1)) == record.price_bands


def test_watch_market_defines_expiry_and_strike() -> None:
    """The recorder's control line gives a record with close time and strike, and counts as a control line."""
    watch = {"close_time": "2026-05-13T13:00:00Z", "market_ticker": TICKER, "status": "active", "strike": 80077.29}
    result = read(line_of("watch_market", watch), dialect="kalshi_recorder")
    record = of(result, VenueInstrumentRecord)[0]
    assert ((1, 0, 1), 1_778_677_200_000_000_000, Status.OPEN) == (result.counts[:3], record.expiry_ns, record.status)
    assert f"{TICKER}: strike 80077.29, closes 2026-05-13T13:00:00Z" == record.title


def test_answers_are_control_lines_that_may_use_up_a_number() -> None:
    """`ok` has its number, `subscribed` names the subscription, a terminal error ends it."""
    result = read(
        {"type": "subscribed", "id": 1, "msg": {"channel": "orderbook_delta", "sid": 2}},
        {"type": "ok", "id": 4, "sid": 2, "seq": 2, "msg": {"market_tickers": []}},
        {"type": "error", "sid": 2, "msg": {"code": 25, "msg": "overflow"}},
        {"type": "error", "id": 9, "msg": {"code": 5, "msg": "unknown"}},
    )
    said = [(c.event, c.connection_id, c.venue_seq) for c in of(result, VenueConnection)]
    assert [
        ("subscribed", "c1/2", -1),
        ("answered", "c1/2", 2),
        ("disconnected", "c1/2", -1),
        ("answered", "c1", -1),
    ] == said
    assert (4, 0, 4) == result.counts[:3]


def test_recorder_lines_of_the_connection() -> None:
    """A new socket, a subscription and a rotation are control lines; a subscription does not restart the numbering."""
    subscribed = {"id": 1, "msg": {"channel": "ticker", "sid": 1}, "type": "subscribed"}
    result = read(
        line_of("ws_connected", {}),
        line_of("ws_subscribed", subscribed),
        line_of("market_rotated", {}),
        dialect="kalshi_recorder",
    )
    said = [(c.event, c.connection_id) for c in of(result, VenueConnection)]
    assert [("connected", "native-1"), ("subscribed", "native-1/1"), ("rotated", "native-1")] == said
    assert (3, 0, 3) == result.counts[:3]


def test_a_new_socket_attaches_its_markets_again() -> None:
    """After ws_connected the next message of a market's book says again on which connection it is heard."""
    delta = line_of("orderbook_delta", DELTA, 2, "orderbook_delta")
    result = read(delta, delta, line_of("ws_connected", {}), delta, dialect="kalshi_recorder")
    assert ["attached", "connected", "attached"] == [c.event for c in of(result, VenueConnection)]


def test_tickers_and_trades() -> None:
    """A ticker's 0 and 1 are empty sides; the taker's side comes from book or outcome; block trades leave no print."""
    ticker = {
        "market_ticker": TICKER,
        "yes_bid_dollars": "0.0000",
        "yes_ask_dollars": "1.0000",
        "price_dollars": "0.9990",
        "volume_fp": "275971.78",
        "ts_ms": TS,
    }
    trade = {
        "market_ticker": TICKER,
        "yes_price_dollars": "0.4400",
        "count_fp": "2.00",
        "taker_side": "yes",
        "trade_id": "t1",
        "taker_book_side": "ask",
        "ts_ms": TS,
    }
    result = read(
        frame_of("ticker", ticker, None),
        frame_of("trade", trade, 5),
        frame_of("trade", {**trade, "is_block_trade": True}, 6),
    )
    told, made = of(result, VenueTicker)[0], of(result, VenueTrade)
    assert (-1, -1, 999, 27_597_178) == (told.bid_ticks, told.ask_ticks, told.last_ticks, told.volume_lots)
    assert [(440, 200, -1, "t1", 5)] == [
        (t.price_ticks, t.size_lots, t.aggressor, t.trade_id, t.venue_seq) for t in made
    ]
    assert (3, 3, 0) == result.counts[:3]


def test_a_markets_life() -> None:
    """Pause, return, a new end, the result and the payment each give their status, in order."""
    life: list[dict[str, Any]] = [
        {"event_type": "activated"},
        {"event_type": "deactivated"},
        {"event_type": "close_date_updated", "close_ts": 1_778_677_200},
        {"event_type": "determined", "result": "yes", "determination_ts": 1_778_677_300},
        {"event_type": "settled", "settlement_value": "1.0000", "settled_ts": 1_778_677_400},
    ]
    result = read(*(frame_of("market_lifecycle_v2", {"market_ticker": TICKER, **step}) for step in life))
    assert [
        (Status.OPEN, -1, 0),
        (Status.HALTED, -1, 0),
        (Status.HALTED, -1, 1_778_677_200_000_000_000),
        (Status.CLOSED, 1_000_000, 0),
        (Status.RESOLVED, 1_000_000, 0),
    ] == [(s.status, s.settlement_micros, s.expiry_ns) for s in of(result, VenueStatus)]


def test_a_new_price_structure_makes_a_new_grid() -> None:
    """Steps of 0.0001 do not fit 0.001: tick and bands are said, and prices are read on the new grid."""
    ranges = [
        {"start": "0.0000", "end": "0.0100", "step": "0.0001"},
        {"start": "0.0100", "end": "1.0000", "step": "0.0010"},
    ]
    result = read(
        frame_of("orderbook_delta", DELTA),
        frame_of(
            "market_lifecycle_v2",
            {"market_ticker": TICKER, "event_type": "price_level_structure_updated", "price_ranges": ranges},
        ),
        frame_of("orderbook_delta", {**DELTA, "price_dollars": "0.0042"}),
    )
    status, delta = of(result, VenueStatus)[0], of(result, VenueBookDelta)[1]
    assert (100, (PriceBand(1, 100, 1), PriceBand(100, 9_999, 10)), 42) == (
        status.tick_micros,
        status.price_bands,
        delta.price_ticks,
    )


def test_a_fee_update_reaches_every_market_of_the_event() -> None:
    """The override of an event is said as a new record of each of its known markets."""
    update = {
        "event_ticker": "KXHIGHNY-26NOV20",
        "fee_type_override": "quadratic_with_maker_fees",
        "fee_multiplier_override": 2,
    }
    result = read(
        frame_of("orderbook_delta", DELTA), frame_of("event_fee_update", update), frame_of("event_lifecycle", {"a": 1})
    )
    fee = of(result, VenueInstrumentRecord)[1].fee
    assert (140_000, 35_000, (3, 3, 0)) == (fee.taker_rate_micros, fee.maker_rate_micros, result.counts[:3])


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "INTEL_FRAME_NOT_JSON"),
        (b'{"type": "orderbook_delta", "sid": 2, "se', "INTEL_FRAME_NOT_JSON"),
        (b"[" * 100_000, "INTEL_FRAME_NOT_JSON"),
        ({"a": 1}, "INTEL_FRAME_UNKNOWN_KIND"),
        (frame_of("fireworks"), "INTEL_FRAME_UNKNOWN_KIND"),
        (frame_of("orderbook_delta", {**DELTA, "price_dollars": "0.42005"}), "INTEL_FRAME_BAD_PRICE"),
        (frame_of("orderbook_delta", {**DELTA, "price_dollars": "1.0000"}), "INTEL_FRAME_BAD_PRICE"),
        (frame_of("orderbook_delta", {**DELTA, "delta_fp": "0.001"}), "INTEL_FRAME_BAD_SIZE"),
        (frame_of("orderbook_delta", {**DELTA, "side": "maybe"}), "INTEL_FRAME_BAD_FIELD"),
        (frame_of("orderbook_delta", {**DELTA, "ts_ms": -1}), "INTEL_FRAME_BAD_FIELD"),
        (frame_of("orderbook_delta", DELTA, -4), "INTEL_FRAME_BAD_FIELD"),
        (frame_of("orderbook_delta", {k: v for k, v in DELTA.items() if k != "side"}), "INTEL_FRAME_BAD_FIELD"),
        (frame_of("orderbook_delta", {**DELTA, "market_ticker": ""}), "INTEL_FRAME_NO_MARKET"),
        (
            frame_of("orderbook_snapshot", {**SNAPSHOT, "yes_dollars_fp": [["0.41", "1"], ["0.4100", "2"]]}),
            "INTEL_FRAME_BAD_FIELD",
        ),
        (frame_of("orderbook_snapshot", {**SNAPSHOT, "no_dollars_fp": [["0.41", "-1"]]}), "INTEL_FRAME_BAD_SIZE"),
        (frame_of("market_lifecycle_v2", {"market_ticker": TICKER, "event_type": "born"}), "INTEL_FRAME_BAD_FIELD"),
        (
            frame_of(
                "market_lifecycle_v2", {"market_ticker": TICKER, "event_type": "settled", "settlement_value": "3"}
            ),
            "INTEL_FRAME_BAD_FIELD",
        ),
        (
            frame_of(
                "trade", {"market_ticker": TICKER, "yes_price_dollars": "0.44", "count_fp": "2", "taker_side": "up"}
            ),
            "INTEL_FRAME_BAD_FIELD",
        ),
    ],
)
def test_what_cannot_be_read_is_a_dead_letter_and_leaves_no_trace(message: Any, reason: str) -> None:
    """Each defect has its reason; the frame gives no fact, makes no market, and stops nothing."""
    normaliser = Normaliser()
    result = read(message, frame_of("orderbook_delta", {**DELTA, "market_ticker": "OTHER"}), normaliser=normaliser)
    assert ([reason], ["OTHER"]) == ([letter.reason for letter in result.dead], normaliser.markets.ids)
    assert (2, 1, 0) == result.counts[:3]
