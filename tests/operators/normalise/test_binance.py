"""Binance's messages become facts: books by steps, snapshots, quotes, trades, marks, instruments; spot apart."""

import json
import pickle
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.instruments import is_valid
from contracts.base import write
from contracts.market import (
    BookEvent,
    Fact,
    Kind,
    PriceBand,
    Status,
    VenueBookDelta,
    VenueBookImage,
    VenueConnection,
    VenueInstrumentRecord,
    VenueMarkUpdate,
    VenueTicker,
    VenueTrade,
)
from operators.normalise import Frame, Market, Markets, Normalised, Normaliser, read_instruments
from operators.normalise.binance_events import read_slow
from operators.normalise.markets import Sheet
from operators.normalise.spelling import PRICE_MAX, Unreadable
from operators.order_book import OrderBooks

AT, MS = 1_790_000_000_500_000_000, 1_000_000
E, T = 1_790_000_000_123, 1_790_000_000_120
DEPTH = {
    "e": "depthUpdate", "E": E, "T": T, "s": "BTCUSDT", "U": 157, "u": 160, "pu": 149,
    "b": [["65000.10", "0.700"], ["64000.00", "0.000"]], "a": [["65000.20", "0.000"]],
}  # fmt: skip
SPOT_DEPTH = {
    "e": "depthUpdate", "E": E, "s": "BTCUSDT", "U": 157, "u": 160, "b": [["65000.10000000", "0.70000000"]], "a": [],
}  # fmt: skip
BEST = {
    "e": "bookTicker", "u": 400900217, "E": E, "T": T, "s": "BTCUSDT", "b": "65000.10", "B": "31.200",
    "a": "65000.20", "A": "40.600",
}  # fmt: skip
SPOT_BEST = {"u": 4, "s": "BTCUSDT", "b": "65000.10000000", "B": "3.00000000", "a": "65000.20000000", "A": "4.00000000"}
TRADE = {
    "e": "trade", "E": E, "T": T, "s": "BTCUSDT", "t": 9, "p": "65000.10", "q": "0.002", "X": "MARKET", "m": True,
}  # fmt: skip
SPOT_TRADE = {
    "e": "trade", "E": E, "T": T, "s": "BTCUSDT", "t": 9, "p": "65000.10000000", "q": "0.00200000", "m": False,
    "M": True,
}  # fmt: skip
SUMMED = {
    "e": "aggTrade", "E": E, "a": 5, "s": "BTCUSDT", "p": "65000.10", "q": "0.002", "f": 1, "l": 1, "T": T, "m": False,
}  # fmt: skip
MARK = {
    "e": "markPriceUpdate", "E": E, "s": "BTCUSDT", "p": "65120.10000000", "i": "65118.12345678", "P": "65110.0",
    "r": "-0.00012345", "T": 1_790_006_400_000,
}  # fmt: skip
IMAGE = {"lastUpdateId": 158, "E": E, "T": T, "bids": [["65000.00", "1.000"]], "asks": [["65000.30", "2.500"]]}
COIN = {**DEPTH, "s": "BTCUSD_PERP", "ps": "BTCUSD", "b": [["65000.1", "700"]], "a": []}


def frames_of(*messages: Any, conn: str = "c1", first: int = 1) -> list[Frame]:
    """Messages as frames; a pair is a message and its connection."""
    pairs = [m if isinstance(m, tuple) else (m, conn) for m in messages]
    return [
        Frame(0, place, AT + place, "binance", m if isinstance(m, bytes) else json.dumps(m).encode(), name)
        for place, (m, name) in enumerate(pairs, first)
    ]


def read(*messages: Any, normaliser: Normaliser | None = None) -> Normalised:
    """Read messages as one block."""
    return (normaliser or Normaliser()).step(frames_of(*messages))


def of(result: Normalised, kind: type) -> list[Any]:
    """The facts of one type."""
    return [fact for fact in result.facts if type(fact) is kind]


def wrapped(message: dict[str, Any], stream: str) -> dict[str, Any]:
    """A message as a combined stream sends it; the venue writes no blanks, which the readers must not need."""
    return {"stream": stream, "data": message}


# ---- books --------------------------------------------------------------------------------------------------------


def test_all_changes_of_a_frame_carry_its_numbers() -> None:
    """Totals in ticks and lots, both numbers on each, the transaction's time, and the last one marked."""
    bid, gone, ask = of(read(DEPTH), VenueBookDelta)
    assert [(1, 6_500_010, 700, False), (1, 6_400_000, 0, False), (-1, 6_500_020, 0, True)] == [
        (d.side, d.price_ticks, d.size_lots, d.last) for d in (bid, gone, ask)
    ]
    assert {(160, 149, T * MS, False, -1, -1)} == {
        (d.venue_seq, d.prev_seq, d.venue_ns, d.relative, d.bid_ticks, d.ask_ticks) for d in (bid, gone, ask)
    }


def test_spot_chains_by_its_first_number() -> None:
    """Without `pu` the number before is U - 1, and without T the time is E."""
    (delta,) = of(read(SPOT_DEPTH), VenueBookDelta)
    assert (156, 160, E * MS) == (delta.prev_seq, delta.venue_seq, delta.venue_ns)


def test_a_frame_without_levels_still_advances_the_chain() -> None:
    """A change of nothing carries the numbers, so that the next frame is no gap."""
    result = read(DEPTH, {**DEPTH, "U": 161, "u": 163, "pu": 160, "b": [], "a": []})
    nothing = of(result, VenueBookDelta)[-1]
    assert (0, True, 163, 160, True) == (
        nothing.size_lots, nothing.relative, nothing.venue_seq, nothing.prev_seq, nothing.last,
    )  # fmt: skip


def test_wrapped_frames_are_the_same_frames() -> None:
    """The facts of a combined stream differ in nothing but the hash of their bytes."""
    plain, inside = read(DEPTH, TRADE), read(wrapped(DEPTH, "btcusdt@depth@0ms"), wrapped(TRADE, "btcusdt@trade"))
    for one, other in zip(plain.facts, inside.facts, strict=True):
        for field in one.__struct_fields__:
            assert field == "provenance_hash" or getattr(one, field) == getattr(other, field)


def test_a_snapshot_belongs_to_the_market_its_connection_names() -> None:
    """It becomes an image, best first, and does not move the market's book to another connection."""
    result = read(DEPTH, (IMAGE, "depth:BTCUSDT"), {**DEPTH, "U": 161, "u": 170, "pu": 160})
    (image,) = of(result, VenueBookImage)
    assert (((6_500_000, 1_000),), ((6_500_030, 2_500),), 158, T * MS) == (
        image.bids, image.asks, image.venue_seq, image.venue_ns,
    )  # fmt: skip
    assert ["attached"] == [said.event for said in of(result, VenueConnection)]


def test_a_snapshot_without_times_is_spot() -> None:
    """Spot answers name neither E nor T; both markets live side by side."""
    spot = {"lastUpdateId": 9, "bids": [["65000.00000000", "1.00000000"]], "asks": []}
    normaliser = Normaliser()
    result = read((spot, "depth:BTCUSDT"), (IMAGE, "depth:BTCUSDT"), normaliser=normaliser)
    assert ["BTCUSDT.SPOT", "BTCUSDT"] == normaliser.markets.ids
    assert [0, T * MS] == [image.venue_ns for image in of(result, VenueBookImage)]


@pytest.mark.parametrize(
    ("frames", "events", "bids"),
    [
        pytest.param((DEPTH, (IMAGE, "depth:BTCUSDT")), ["NO_IMAGE", "IMAGE"], 2, id="late"),
        pytest.param(((IMAGE, "depth:BTCUSDT"), DEPTH), ["IMAGE"], 2, id="first of all"),
        pytest.param(
            (DEPTH, ({**IMAGE, "lastUpdateId": 140}, "depth:BTCUSDT")), ["NO_IMAGE", "GAP"], 0, id="older than all"
        ),
        pytest.param(
            (DEPTH, (IMAGE, "depth:BTCUSDT"), {**DEPTH, "U": 190, "u": 200, "pu": 180}),
            ["NO_IMAGE", "IMAGE", "GAP"],
            0,
            id="a frame is missing",
        ),
        pytest.param(
            (DEPTH, (IMAGE, "depth:BTCUSDT"), {**DEPTH, "U": 161, "u": 170, "pu": 160, "b": [["65000.1x", "1"]]},
             {**DEPTH, "U": 171, "u": 180, "pu": 170}),
            ["NO_IMAGE", "IMAGE", "GAP"],
            0,
            id="a frame cannot be read",
        ),
        pytest.param(
            (DEPTH, (IMAGE, "depth:BTCUSDT"), {**DEPTH, "U": 190, "u": 200, "pu": 180},
             ({**IMAGE, "lastUpdateId": 195}, "depth:BTCUSDT")),
            ["NO_IMAGE", "IMAGE", "GAP", "IMAGE"],
            2,
            id="healed by the next snapshot",
        ),
    ],
)  # fmt: skip
def test_a_book_is_believed_only_where_snapshot_and_chain_meet(
    frames: tuple[Any, ...], events: list[str], bids: int
) -> None:
    """The join holds whichever came first; what does not meet leaves the book withheld until a snapshot does."""
    books = OrderBooks()
    said = books.step(read(*frames).facts)
    assert events == [fact.event for fact in said if isinstance(fact, BookEvent)]
    book = books.book(0)
    assert book is not None and (bids > 0) is book.live
    assert not bids or bids == len(book.side(1))


# ---- tapes, quotes, marks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (TRADE, (6_500_010, 2, -1, "9", T * MS)),
        ({**TRADE, "m": False}, (6_500_010, 2, 1, "9", T * MS)),
        (SUMMED, (6_500_010, 2, 1, "5", T * MS)),
        (SPOT_TRADE, (65_000_100_000, 2_000, 1, "9", T * MS)),
    ],
)
def test_a_trade_knows_its_taker(message: dict[str, Any], expected: tuple[object, ...]) -> None:
    """When the buyer was the maker the taker sold."""
    for facts in (read(message), read(message, message)):
        trade = of(facts, VenueTrade)[-1]
        assert expected == (trade.price_ticks, trade.size_lots, trade.aggressor, trade.trade_id, trade.venue_ns)


@pytest.mark.parametrize(("first", "second"), [(TRADE, SUMMED), (SUMMED, TRADE)])
def test_of_two_tapes_the_first_counts(first: dict[str, Any], second: dict[str, Any]) -> None:
    """The other kind tells the same trades again; after a pickle as before."""
    normaliser = Normaliser()
    result = read(first, second, second, first, normaliser=normaliser)
    assert (2, 4) == (len(of(result, VenueTrade)), result.counts.facts_frames)
    assert [] == read(second, normaliser=pickle.loads(pickle.dumps(normaliser))).facts


def test_what_met_no_book_is_no_trade() -> None:
    """Liquidations at the insurance fund, and the empty messages beside them, change nothing."""
    result = read({**TRADE, "X": "INSURANCE_FUND"}, {**TRADE, "X": "NA", "p": "0", "q": "0"}, SUMMED)
    assert ([], ["5"]) == (result.dead, [trade.trade_id for trade in of(result, VenueTrade)])


def test_best_quotes_stand_beside_the_book() -> None:
    """A price of 0 is an empty side; spot quotes have no kind and no time."""
    empty = {**BEST, "b": "0.00", "B": "0.000"}
    first, second, spot = of(read(BEST, empty, SPOT_BEST), VenueTicker)
    assert [(6_500_010, 6_500_020, T * MS), (-1, 6_500_020, T * MS), (65_000_100_000, 65_000_200_000, 0)] == [
        (ticker.bid_ticks, ticker.ask_ticks, ticker.venue_ns) for ticker in (first, second, spot)
    ]


def test_a_mark_has_its_rate_exactly() -> None:
    """Rates in thousand-millionths as spelled; reference prices are cut to the millionth; an array is its elements."""
    old = {**MARK, "p": "65121.0", "r": "", "i": "", "T": 0}
    one, two = of(read([MARK, old]), VenueMarkUpdate)
    assert (65_120_100_000, 65_118_123_456, -123_450, 1_790_006_400_000 * MS) == (
        one.mark_micros, one.index_micros, one.funding_rate_ppb, one.next_funding_ns,
    )  # fmt: skip
    assert (65_121_000_000, 0, 0, 0) == (
        two.mark_micros, two.index_micros, two.funding_rate_ppb, two.next_funding_ns,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["kline", "forceOrder", "24hrTicker", "24hrMiniTicker", "contractInfo"])
def test_what_is_known_and_means_nothing_here_changes_nothing(kind: str) -> None:
    """Such frames are read and give no fact; so does the depth that only retail may take."""
    rpi = wrapped(DEPTH, "btcusdt@rpiDepth@500ms")
    result = read({"e": kind, "s": "BTCUSDT", "b": "1", "o": {}}, rpi)
    assert ([], [], 2) == (result.facts, result.dead, result.counts.facts_frames)


@pytest.mark.parametrize(
    "answer",
    [
        {"result": None, "id": 1},
        {"id": 2, "error": {"code": 2, "msg": "Invalid request"}},
        {"code": -1121, "msg": "Invalid symbol."},
    ],
)
def test_answers_to_commands_are_control(answer: dict[str, Any]) -> None:
    """An acknowledgement belongs to the connection and to no market."""
    result = read(answer)
    assert (1, ["answered"]) == (result.counts.control, [said.event for said in of(result, VenueConnection)])


# ---- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "reason", "words"),
    [
        (b"{", "INTEL_FRAME_NOT_JSON", "allowed: JSON"),
        ({"e": "liquidity"}, "INTEL_FRAME_UNKNOWN_KIND", "e: 'liquidity'; allowed: depthUpdate, bookTicker"),
        ({"x": 1}, "INTEL_FRAME_UNKNOWN_KIND", "e: missing; frame"),
        (7, "INTEL_FRAME_UNKNOWN_KIND", "frame: 7; allowed: an object"),
        ({"stream": 4, "data": DEPTH}, "INTEL_FRAME_BAD_FIELD", "stream: 4"),
        (wrapped(DEPTH, "btcusdt@depth20@100ms"), "INTEL_FRAME_UNKNOWN_KIND", "part of a book"),
        ({**DEPTH, "b": [["65000.1000005", "1"]]}, "INTEL_FRAME_BAD_PRICE", "b[0]: '65000.1000005'"),
        ({**DEPTH, "b": [["65000.10", "1e3"]]}, "INTEL_FRAME_BAD_SIZE", "b[0]: '1e3'"),
        ({**DEPTH, "a": [["65000.10", "-1"]]}, "INTEL_FRAME_BAD_SIZE", "a[0]: '-1'"),
        ({**DEPTH, "a": [["0.00", "1"]]}, "INTEL_FRAME_BAD_PRICE", "a[0]: '0.00'"),
        ({**DEPTH, "b": [["1.00", "1"]], "a": [["x", "1"]]}, "INTEL_FRAME_BAD_PRICE", f"from 1 to {PRICE_MAX} of them"),
        ({**DEPTH, "U": 161}, "INTEL_FRAME_BAD_FIELD", "U <= u"),
        ({**DEPTH, "pu": 160}, "INTEL_FRAME_BAD_FIELD", "pu < u"),
        ({**DEPTH, "pu": -1}, "INTEL_FRAME_BAD_FIELD", "0 <= pu"),
        ({**DEPTH, "T": 5}, "INTEL_FRAME_BAD_FIELD", "T or E: 5"),
        ({**DEPTH, "u": "160"}, "INTEL_FRAME_BAD_FIELD", "$.u"),
        ({**DEPTH, "s": ""}, "INTEL_FRAME_NO_MARKET", "symbol: ''"),
        ({**DEPTH, "s": "BTCUSDT_260925"}, "INTEL_FRAME_NO_MARKET", "BTCUSDT_260925"),
        (IMAGE, "INTEL_FRAME_NO_MARKET", "allowed: a connection named depth:SYMBOL"),
        (({**IMAGE, "symbol": "ETHUSDT"}, "depth:BTCUSDT"), "INTEL_FRAME_NO_MARKET", "symbol 'ETHUSDT'"),
        (({**IMAGE, "bids": [["1.00", "1"], ["1.0", "2"]]}, "depth:BTCUSDT"), "INTEL_FRAME_BAD_FIELD", "twice"),
        (({**IMAGE, "lastUpdateId": -2}, "depth:BTCUSDT"), "INTEL_FRAME_BAD_FIELD", "lastUpdateId: -2"),
        ({**BEST, "a": "x"}, "INTEL_FRAME_BAD_PRICE", "a: 'x'"),
        ({**TRADE, "m": None}, "INTEL_FRAME_BAD_FIELD", "with p, q, m and its id"),
        ({**TRADE, "p": "0"}, "INTEL_FRAME_BAD_PRICE", "p: '0'"),
        ({**MARK, "r": "0.00000000001"}, "INTEL_FRAME_BAD_FIELD", "r: '0.00000000001'"),
        ({**MARK, "p": "-1"}, "INTEL_FRAME_BAD_PRICE", "p: '-1'"),
        ([{"symbol": "BTCUSDT", "fundingIntervalHours": 0}], "INTEL_FRAME_BAD_FIELD", "fundingIntervalHours"),
        ([{"symbol": 1, "fundingIntervalHours": 8}], "INTEL_FRAME_BAD_FIELD", "symbol: 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(message: Any, reason: str, words: str) -> None:
    """A dead letter has the reason, the field and what is allowed, whether or not the market was met before."""
    for before in ((), (BEST,)):
        result = read(*before, message)
        (letter,) = result.dead
        assert (reason, True) == (letter.reason, words in letter.detail), letter.detail


# ---- instruments --------------------------------------------------------------------------------------------------


def listed(symbol: str, **more: Any) -> dict[str, Any]:
    """An entry of exchangeInfo."""
    return {
        "symbol": symbol, "contractType": "PERPETUAL", "status": "TRADING", "marginAsset": "USDT", "pricePrecision": 2,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "1000000", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.002", "maxQty": "1000"},
        ],
        **more,
    }  # fmt: skip


def info(*symbols: dict[str, Any]) -> dict[str, Any]:
    """An answer to exchangeInfo."""
    return {"timezone": "UTC", "rateLimits": [], "symbols": list(symbols)}


def record_of(*messages: Any) -> VenueInstrumentRecord:
    """The last record that these messages say."""
    result = read(*messages)
    assert [] == result.dead
    return of(result, VenueInstrumentRecord)[-1]


def test_declared_instruments_are_said_when_their_market_speaks() -> None:
    """The list gives no fact of its own; grid, step, lot, smallest order and settlement are its words."""
    assert [] == read(info(listed("BTCUSDT"))).facts
    record = record_of(info(listed("BTCUSDT")), BEST)
    assert ("BTCUSDT", "binance", Kind.PERP, Status.OPEN) == (
        record.market_id, record.venue_id, record.instrument_kind, record.status,
    )  # fmt: skip
    assert (10_000, (PriceBand(55_680, 100_000_000, 10),), 1_000, 2) == (
        record.tick_micros, record.price_bands, record.lot_micros, record.min_size_lots,
    )  # fmt: skip
    assert (1_000_000, 8, "USDT", "unknown", "") == (
        record.multiplier_micros, record.funding_interval_h, record.settle_currency, record.fee.formula, record.outcome,
    )  # fmt: skip
    assert is_valid(record, 100_000)


def test_orders_between_the_steps_of_today_can_be_read() -> None:
    """A venue that widened its step left orders between; the grid is as fine as prices are spelled."""
    result = read(info(listed("BTCUSDT")), {**DEPTH, "b": [["65000.17", "1"]]})
    assert ([], 6_500_017) == (result.dead, of(result, VenueBookDelta)[0].price_ticks)


def test_a_grid_is_no_finer_than_the_bound_of_prices_allows() -> None:
    """Prices up to 4.5 million do not fit in millionths; the next coarser grid that holds the step takes them."""
    high = listed("BTCUSDT", pricePrecision=8)
    high["filters"][0]["maxPrice"] = "4529764"
    record = record_of(info(high), BEST)
    assert (10, (PriceBand(55_680_000, 452_976_400_000, 10_000),)) == (record.tick_micros, record.price_bands)


def test_coin_margined_contracts_count_contracts() -> None:
    """One lot is one contract of the size that the venue names; undeclared, its worth is unknown and not tradable."""
    coin = listed(
        "BTCUSD_PERP", contractSize=100, marginAsset="BTC", pricePrecision=1, status=None, contractStatus="TRADING",
        filters=[
            {"filterType": "PRICE_FILTER", "minPrice": "1000", "maxPrice": "4520958", "tickSize": "0.1"},
            {"filterType": "LOT_SIZE", "stepSize": "1", "minQty": "1"},
        ],
    )  # fmt: skip
    del coin["status"]
    known, assumed = record_of(info(coin), COIN), record_of(COIN)
    assert (100_000_000, 1_000_000, "BTC", True) == (
        known.multiplier_micros, known.lot_micros, known.settle_currency, is_valid(known, 100_000),
    )  # fmt: skip
    assert (0, 1_000_000, "BTC", False) == (
        assumed.multiplier_micros, assumed.lot_micros, assumed.settle_currency, is_valid(assumed, 100_000),
    )  # fmt: skip


def test_spot_is_a_market_of_its_own_and_never_valid() -> None:
    """The same symbol on spot is another id and another kind, which no definition accepts."""
    spot = listed("BTCUSDT", status="BREAK")
    for name in ("contractType", "marginAsset", "pricePrecision"):
        del spot[name]
    for record in (record_of(info(spot), SPOT_BEST), record_of(SPOT_BEST)):
        assert ("BTCUSDT.SPOT", Kind.SPOT, 0, "", False) == (
            record.market_id, record.instrument_kind, record.funding_interval_h, record.settle_currency,
            is_valid(record, 100_000),
        )  # fmt: skip
    assert Status.HALTED == record_of(info(spot), SPOT_BEST).status


def test_what_nothing_declared_is_as_fine_as_it_is_spelled() -> None:
    """Two decimals of price and three of size; unknown fee; the hours that the venue usually has."""
    record = record_of(DEPTH)
    assert (10_000, 1_000, 1, "unknown", 8, "USDT", 1_000_000) == (
        record.tick_micros, record.lot_micros, record.min_size_lots, record.fee.formula, record.funding_interval_h,
        record.settle_currency, record.multiplier_micros,
    )  # fmt: skip
    assert (1, 1) == (record_of(SPOT_DEPTH).tick_micros, record_of(SPOT_DEPTH).lot_micros)
    dear = {**SPOT_DEPTH, "b": [["250000.00000000", "7.00000000"]]}
    assert 10 == record_of(dear).tick_micros


@pytest.mark.parametrize("early", [True, False])
def test_hours_between_fundings_reach_the_record(early: bool) -> None:
    """Whether fundingInfo came before the market or after it."""
    hours = [{"symbol": "BTCUSDT", "fundingIntervalHours": 4, "disclaimer": False}]
    first, second = (hours, BEST) if early else (BEST, hours)
    assert 4 == record_of(first, second).funding_interval_h
    assert 4 == record_of(info(listed("BTCUSDT")), first, second).funding_interval_h
    assert 4 == record_of(first, info(listed("BTCUSDT")), second, BEST).funding_interval_h


def test_a_known_market_is_said_again_and_keeps_its_grid() -> None:
    """Declared in mid-run on a wider grid, it keeps the finer one, with the legal step in its band."""
    whole = listed("BTCUSDT", pricePrecision=1, status="SETTLING")
    record = record_of(BEST, info(whole))
    assert (10_000, (PriceBand(55_680, 100_000_000, 10),), Status.HALTED) == (
        record.tick_micros, record.price_bands, record.status,
    )  # fmt: skip


def test_what_cannot_be_declared_is_left_out() -> None:
    """Dated futures, unknown contracts, and grids that are switched off or finer than a millionth have no record."""
    fine = listed("PEPEUSDT", filters=[
        {"filterType": "PRICE_FILTER", "minPrice": "0", "maxPrice": "1", "tickSize": "0.00000001"},
        {"filterType": "LOT_SIZE", "stepSize": "1", "minQty": "1"},
    ])  # fmt: skip
    normaliser = Normaliser()
    others = [listed("BTCUSDT_260925"), listed("X", contractType=""), listed("Y", filters=[]), fine, 4]
    assert [] == read(info(*others), normaliser=normaliser).dead  # type: ignore[arg-type]
    assert {} == normaliser.markets.declared


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"contractSize": 0}, "contractSize 0; allowed: a number above 0"),
        ({"filters": [{"filterType": "PRICE_FILTER", "tickSize": "wide"}]}, "tickSize 'wide'"),
        ({"filters": [{"filterType": "PRICE_FILTER", "tickSize": 0.1}]}, "tickSize"),
    ],
)
def test_a_damaged_list_is_refused_whole(more: dict[str, Any], words: str) -> None:
    """Nothing of it is remembered, and symbol and field are named."""
    normaliser = Normaliser()
    (letter,) = read(info(listed("ETHUSDT"), listed("BTCUSDT", **more)), normaliser=normaliser).dead
    assert ("INTEL_FRAME_BAD_FIELD", True, {}) == (letter.reason, words in letter.detail, normaliser.markets.declared)


def test_a_file_of_instruments_may_be_exchange_info() -> None:
    """The same reader serves `--instruments`."""
    (record,) = read_instruments(json.dumps(info(listed("BTCUSDT"))).encode())
    assert ("BTCUSDT", 10_000) == (record.market_id, record.tick_micros)


# ---- laws ---------------------------------------------------------------------------------------------------------

SAMPLES = [
    DEPTH, SPOT_DEPTH, BEST, SPOT_BEST, TRADE, SPOT_TRADE, SUMMED, MARK, COIN, {**DEPTH, "b": [], "a": []},
    wrapped(DEPTH, "btcusdt@depth@0ms"), wrapped(SPOT_BEST, "btcusdt@bookTicker"), wrapped(SUMMED, "btcusdt@aggTrade"),
    wrapped(DEPTH, "btcusdt@depth5"), IMAGE,
]  # fmt: skip
JUNK: list[Any] = [
    None, True, -1, 0, 3, 10**20, 1.5, "", "0", "0.5", "65000.10", "65000.105", "é", [], [["1", "2"]], [["1", 2]], {},
    "MARKET",
]  # fmt: skip


@st.composite
def altered(draw: st.DrawFn) -> dict[str, Any]:
    """A message with up to two fields replaced, added or removed, inside its wrapping or outside."""
    message: dict[str, Any] = json.loads(json.dumps(draw(st.sampled_from(SAMPLES))))
    inner = message.get("data", message) if draw(st.integers(0, 9)) else message
    for _ in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from([*inner, "e", "pu", "M", "X", "E", "T"]))
        if draw(st.integers(0, 2)):
            inner[name] = draw(st.sampled_from(JUNK))
        else:
            inner.pop(name, None)
    return message


def slowly(frames: list[Frame]) -> tuple[list[Fact], list[str]]:
    """Facts and reasons with the slow reader alone."""
    table, out, dead = Markets(), [], []
    for frame in frames:
        sheet = Sheet(table, frame, frame.conn, sha256(frame.data).hexdigest())
        try:
            read_slow(sheet, frame.data)
        except Unreadable as err:
            dead.append(err.reason)
            continue
        sheet.commit(out)
    return out, dead


@given(st.lists(altered(), max_size=6))
def test_the_fast_and_the_slow_reader_agree(made: list[dict[str, Any]]) -> None:
    """Whatever is in a frame, the hot loop says what the slow reader says of it, or leaves it to it."""
    spaced = [json.dumps(message, separators=(",", ":")).encode() for message in [*SAMPLES, *made]]
    frames = frames_of(*spaced)
    result = Normaliser().step(frames)
    assert slowly(frames) == (result.facts, [letter.reason for letter in result.dead])
    for fact in result.facts:
        write(fact)


@given(st.integers(1, 10**8), st.sampled_from([1, 10, 100, 1_000, 10_000, 100_000]), st.integers(0, 3))
def test_any_spelling_of_a_price_is_exact(ticks: int, tick_micros: int, zeros: int) -> None:
    """With more zeros or fewer, ticks come back; a digit below the grid is refused."""
    record = VenueInstrumentRecord(0, 0, 0, "X", "binance", int(Kind.PERP), "", tick_micros, 1)
    prices, micros = Market(0, record, None).levels, ticks * tick_micros
    text = f"{micros // 10**6}.{micros % 10**6:06d}"
    assert ticks == prices[text + "0" * zeros] == prices[text.rstrip("0").rstrip(".")]
    with pytest.raises(ValueError, match=r"^\d"):
        prices[text + "0" * zeros + "1"]


def test_a_frame_that_cannot_be_read_teaches_nothing() -> None:
    """Hours that stood before the damaged entry of a list are not kept, nor is the kind of a trade beside one."""
    normaliser = Normaliser()
    hours = [{"symbol": "BTCUSDT", "fundingIntervalHours": 4}, {"symbol": "ETHUSDT", "fundingIntervalHours": 99}]
    assert 2 == len(read(hours, [SUMMED, {"e": "liquidity"}], normaliser=normaliser).dead)
    assert ({}, {}, []) == (normaliser.markets.hours, normaliser.markets.tapes, normaliser.markets.ids)
