"""A quote's float is the price on the grid that it stands for, exactly, or the row is refused; no book is made."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.market import VenueInstrumentRecord, VenueTicker
from operators.normalise import DIALECTS, Frame, Normalised, Normaliser, read_instruments
from operators.normalise.quotes import DIALECT

AT_NS = 1_783_728_095_000_000_000


def row(bid: object, ask: object, slug: object = "one", **more: object) -> bytes:
    """One row as connectors/capture_quotes.py spells it."""
    return json.dumps({"slug": slug, "category": "sports", "bid": bid, "ask": ask} | more).encode()


def read(*rows: bytes, normaliser: Normaliser | None = None) -> Normalised:
    """What rows of one poll say."""
    frames = [Frame(0, place, AT_NS, DIALECT, data) for place, data in enumerate(rows, 1)]
    return (normaliser or Normaliser()).step(frames)


@pytest.mark.parametrize(
    ("bid", "ask", "ticks"),
    [
        (0.371, 0.402, (371, 402)),
        (0.001, 0.999, (1, 999)),
        (None, 0.5, (-1, 500)),
        (0.5, None, (500, -1)),
        (None, None, (-1, -1)),
        (0.6, 0.4, (600, 400)),  # crossed: said as it came
        (0.5, 0.5, (500, 500)),  # locked
        (0.3 + 5e-10, 0.1 + 0.2 + 0.1, (300, 400)),  # as near as arithmetic on floats leaves it
    ],
)
def test_a_quote_becomes_a_ticker_in_ticks(bid: float | None, ask: float | None, ticks: tuple[int, int]) -> None:
    """The record at first sight, then a ticker; an absent side is -1; a second row says the ticker alone."""
    said = read(row(bid, ask), row(bid, ask))
    assert [VenueInstrumentRecord, VenueTicker, VenueTicker] == [type(fact) for fact in said.facts]
    for fact in said.facts[1:]:
        assert isinstance(fact, VenueTicker)
        assert (*ticks, -1, 0, 0) == (
            fact.bid_ticks, fact.ask_ticks, fact.last_ticks, fact.volume_lots, fact.venue_ns,
        )  # fmt: skip


def test_what_nothing_defined_is_a_stand_alone_binary_without_an_end() -> None:
    """Its record says so; an end that nobody knows is not invented."""
    record = read(row(0.4, 0.5)).facts[0]
    assert isinstance(record, VenueInstrumentRecord)
    assert ("one", "polymarket", "SOLE", 1_000, 0, "sports", "one") == (
        record.market_id, record.venue_id, record.outcome, record.tick_micros, record.expiry_ns, record.series_id,
        record.title,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (row(0.37145, 0.4), "INTEL_FRAME_BAD_PRICE", "bid: 0.37145; allowed: null, or a multiple of 100 millionths"),
        (row(0.4, 0.4 + 2e-9), "INTEL_FRAME_BAD_PRICE", "ask: 0.400000002"),
        (row(0.0, 0.4), "INTEL_FRAME_BAD_PRICE", "bid: 0.0"),
        (row(0.4, 1.0), "INTEL_FRAME_BAD_PRICE", "ask: 1.0"),
        (row(-0.4, 0.4), "INTEL_FRAME_BAD_PRICE", "bid: -0.4"),
        (row(0.00001, 0.4), "INTEL_FRAME_BAD_PRICE", "bid: 1e-05"),
        (row(0.4, 1e308), "INTEL_FRAME_BAD_PRICE", "ask: 1e+308"),
        (row("0.4", 0.5), "INTEL_FRAME_BAD_FIELD", "Expected `float | null`, got `str`"),
        (row(0.4, 0.5, slug=None), "INTEL_FRAME_BAD_FIELD", "Expected `str`"),
        (row(0.4, 0.5, slug=""), "INTEL_FRAME_NO_MARKET", "market: empty"),
        (b'{"slug":"one","bid":0.4}', "INTEL_FRAME_BAD_FIELD", "missing required field `ask`"),
        (b'{"slug":"one","category":"sports","bid":nan,"ask":0.4}', "INTEL_FRAME_NOT_JSON", "allowed: JSON"),
    ],
)
def test_what_is_no_quote_is_a_dead_letter_and_leaves_no_trace(data: bytes, reason: str, words: str) -> None:
    """Refused with its reason and its bytes; no market is met by it."""
    normaliser = Normaliser()
    said = read(data, normaliser=normaliser)
    assert ([], [reason], [data.hex()]) == (said.facts, [d.reason for d in said.dead], [d.data for d in said.dead])
    assert words in said.dead[0].detail
    assert [] == normaliser.markets.ids


def test_a_price_between_the_grid_makes_it_finer_and_former_prices_stay_on_it() -> None:
    """0.3715 needs the grid of 0.0001: the record is said again, and ticks are of the new grid from there on."""
    said = read(row(0.371, 0.402), row(0.3715, 0.402), row(0.371, None)).facts
    assert [1_000, 100] == [fact.tick_micros for fact in said if isinstance(fact, VenueInstrumentRecord)]
    assert [(371, 402), (3_715, 4_020), (3_710, -1)] == [
        (fact.bid_ticks, fact.ask_ticks) for fact in said if isinstance(fact, VenueTicker)
    ]


def test_a_definition_given_beforehand_is_the_record_and_a_perpetual_is_refused() -> None:
    """`--instruments` tells what the table does not: the end, the rules, the fee."""
    normaliser = Normaliser()
    declared = {"market_id": "one", "venue_id": "polymarket", "outcome": "SOLE", "tick_micros": 10_000, "expiry_ns": 9}
    perp = {"market_id": "perp", "venue_id": "bitget", "instrument_kind": 1, "tick_micros": 100_000, "lot_micros": 1}
    normaliser.declare(read_instruments(json.dumps([declared, perp]).encode()))
    said = read(row(0.37, 0.402), row(0.4, 0.5, slug="perp"), normaliser=normaliser)
    record, ticker = said.facts
    assert isinstance(record, VenueInstrumentRecord)
    assert isinstance(ticker, VenueTicker)
    assert (9, 1_000, 370, 402) == (record.expiry_ns, record.tick_micros, ticker.bid_ticks, ticker.ask_ticks)
    assert ["slug: 'perp' is no binary; allowed: a binary market"] == [letter.detail for letter in said.dead]


@given(st.integers(1, 9_999))
def test_every_price_of_the_finest_grid_is_read_exactly(ticks: int) -> None:
    """Each multiple of 0.0001 between 0 and 1, as the nearest float spells it, is read as itself."""
    record, ticker = read(row(ticks / 10_000, None)).facts
    assert isinstance(record, VenueInstrumentRecord)
    assert isinstance(ticker, VenueTicker)
    assert ticks * 100 == ticker.bid_ticks * record.tick_micros


def test_the_dialect_is_known() -> None:
    """The table of dialects has it."""
    assert DIALECT in DIALECTS
